//go:build linux

package difftest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestFull runs a program on a volume of one MiB until that is full: ENOSPC
// where Linux says so, and nothing lost.
func TestFull(t *testing.T) {
	if reason := lab.MissingWine(); reason != "" {
		t.Skip(reason)
	}
	prog := glibc("file_full.c")
	for _, w := range (Case{}).widths() {
		t.Run(w.String(), func(t *testing.T) {
			var out [2]string
			for i, f := range []form{native, bee} {
				dir := filepath.Join(lab.work, "full-"+w.String()+"."+f.String())
				if err := os.Mkdir(dir, 0o777); err != nil {
					t.Fatal(err)
				}
				err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m,mode=777")
				if errors.Is(err, fs.ErrPermission) {
					_ = os.Remove(dir)
					t.Skip("no right to mount a small volume")
				}
				if err != nil {
					t.Fatal(err)
				}
				defer func() {
					if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
						t.Error(err)
					}
					for _, name := range []string{dir, dir + ".mark", dir + ".guard"} {
						_ = os.Remove(name)
					}
				}()
				program, err := lab.program(prog, w.guest, f)
				if err != nil {
					t.Fatal(err)
				}
				s, err := lab.step(Case{Prog: prog}, w, f, program, nil, Stdin{}, dir, time.Minute)
				if err != nil || s.status != "exited 0" || s.stderr.size > 0 {
					t.Errorf("%s: %v, %s, stderr %q", f, err, s.status, s.stderr.head.String())
				}
				out[i] = s.stdout.head.String()
			}
			if out[0] != out[1] {
				t.Errorf("native:\n%s\nbee:\n%s", out[0], out[1])
			}
		})
	}
}
