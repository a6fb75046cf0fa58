//go:build windows && (386 || amd64)

package main

import (
	"crypto/sha256"
	"fmt"
	"os"

	"bee/rewrite"
	"bee/runtime/launch"
)

// rewritten gives the .bee form of a plain ELF program. It is kept in the
// user's cache folder under the program's digest, so that only the first start
// pays for the rewriting; what comes out of the cache is checked as any .bee
// file is.
func rewritten(path string, elf []byte) ([]byte, error) {
	// Another build of beerun may hold another rewriter.
	build := ""
	if self, err := os.Executable(); err == nil {
		if st, err := os.Stat(self); err == nil {
			build = fmt.Sprint(st.Size(), st.ModTime().UnixNano())
		}
	}
	key := sha256.New()
	key.Write(elf)
	fmt.Fprint(key, rewrite.Version, build)
	var fresh []byte
	cached, err := launch.Cached(fmt.Sprintf("program-%x.bee", key.Sum(nil)[:16]), func() ([]byte, error) {
		r, err := rewrite.Bytes(elf, rewrite.Options{Name: path})
		if err != nil {
			return nil, err
		}
		fresh = r.Output
		return fresh, nil
	})
	if fresh != nil {
		// A cache that cannot be written costs time, not the program.
		return fresh, nil
	}
	if err != nil {
		return nil, err
	}
	return os.ReadFile(cached)
}
