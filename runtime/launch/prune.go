package launch

import (
	"cmp"
	"path"
	"slices"
	"time"
)

// Limits of the cache folder.
const (
	cacheFiles = 64
	cacheBytes = 1 << 30
	// cacheTouch is how old a file's access time may become before a use
	// renews it: Windows itself does not on large volumes.
	cacheTouch = time.Hour
	// cacheKeep is how long a file stays after its last use, over all
	// limits: a process may be about to open it.
	cacheKeep = 2 * cacheTouch
)

// cachePatterns are the names that belong to the cache: programs, copies of
// the runner, and what a killed process has left half-written.
var cachePatterns = []string{"program-*.bee", "beerun-*.exe", "*.tmp"}

// cached is a file of the cache folder.
type cached struct {
	name string
	size int64
	used time.Time // the last access or change that is known
}

// superfluous names the files that the cache should drop: the least recently
// used beyond the limits, and old half-written ones.
func superfluous(files []cached, now time.Time) []string {
	files = slices.DeleteFunc(slices.Clone(files), func(f cached) bool {
		return !slices.ContainsFunc(cachePatterns, func(p string) bool {
			ok, _ := path.Match(p, f.name)
			return ok
		})
	})
	slices.SortFunc(files, func(a, b cached) int {
		return cmp.Or(b.used.Compare(a.used), cmp.Compare(a.name, b.name))
	})
	var drop []string
	n, bytes := 0, int64(0)
	for _, f := range files {
		if now.Sub(f.used) < cacheKeep {
			n, bytes = n+1, bytes+f.size
			continue
		}
		if half, _ := path.Match("*.tmp", f.name); !half && n < cacheFiles && bytes+f.size <= cacheBytes {
			n, bytes = n+1, bytes+f.size
			continue
		}
		drop = append(drop, f.name)
	}
	return drop
}
