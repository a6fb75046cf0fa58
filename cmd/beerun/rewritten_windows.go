//go:build windows && (386 || amd64)

package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"

	"bee/image"
	"bee/rewrite"
	"bee/runtime/launch"
)

// rewritten gives the .bee form of a plain ELF program. It is kept in the
// user's cache folder under the program's digest, so that only the first start
// pays for the rewriting. What comes out of the cache is checked as any .bee
// file is, and made anew if it is damaged.
func rewritten(path string, elf []byte) ([]byte, *image.File, error) {
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
	name := fmt.Sprintf("program-%x.bee", key.Sum(nil)[:16])

	var bee []byte
	create := func() ([]byte, error) {
		r, err := rewrite.Bytes(elf, rewrite.Options{Name: path})
		if err == nil {
			bee = r.Output
		}
		return bee, err
	}
	cached, err := launch.Cached(name, create)
	if err == nil && bee == nil {
		if b, e := os.ReadFile(cached); e == nil {
			if f, e := image.Read(bytes.NewReader(b), int64(len(b))); e == nil {
				return b, f, nil
			}
		}
		_ = os.Remove(cached)
		_, err = launch.Cached(name, create)
	}
	// A cache that cannot be written costs time, not the program.
	if bee == nil {
		if err == nil {
			err = fmt.Errorf("%s is damaged and cannot be replaced", cached)
		}
		return nil, nil, err
	}
	f, err := image.Read(bytes.NewReader(bee), int64(len(bee)))
	return bee, f, err
}
