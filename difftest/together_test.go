//go:build linux

package difftest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestTogether runs several programs at once on one folder: each kind of lock
// keeps them apart, and nobody's open file is in another's way.
func TestTogether(t *testing.T) {
	if reason := lab.MissingWine(); reason != "" {
		t.Skip(reason)
	}
	const steps = 40
	for _, kind := range []string{"posix", "ofd", "flock"} {
		for _, f := range []form{native, bee} {
			t.Run(kind+"/"+f.String(), func(t *testing.T) {
				c := Case{Prog: glibc("file_counter.c"), Cmd: fmt.Sprintf("%s %d", kind, steps)}
				dir := filepath.Join(lab.work, "together-"+kind+"."+f.String())
				user := lab.owner
				if f == bee {
					user = nil
				}
				if err := prepare(dir, NoFiles, user); err != nil {
					t.Fatal(err)
				}
				defer os.RemoveAll(dir)
				// Both widths, each seeing the folder under a name of its own: what a run leaves beside it is its own, too.
				widths := []width{{I386, I386}, {AMD64, AMD64}, {AMD64, AMD64}}
				type end struct {
					step
					err error
				}
				ends := make(chan end)
				for i, w := range widths {
					alias := fmt.Sprintf("%s-%d", dir, i)
					if err := os.Symlink(dir, alias); err != nil {
						t.Fatal(err)
					}
					program, err := lab.program(c.Prog, w.guest, f)
					if err != nil {
						t.Fatal(err)
					}
					go func() {
						s, err := lab.step(c, w, f, program, append(strings.Fields(c.Cmd), fmt.Sprint("own", i)), Stdin{}, alias, time.Minute)
						for _, name := range []string{alias, alias + ".mark", alias + ".guard"} {
							_ = os.Remove(name)
						}
						ends <- end{s, err}
					}()
				}
				for range widths {
					if s := <-ends; s.err != nil || s.status != "exited 0" || s.stderr.size > 0 {
						t.Errorf("%v, %s, stderr %q", s.err, s.status, s.stderr.head.String())
					}
				}
				text, err := os.ReadFile(filepath.Join(dir, "counter"))
				if n, _ := strconv.Atoi(string(text)); err != nil || n != steps*len(widths) {
					t.Errorf("counted %q, want %d (%v)", text, steps*len(widths), err)
				}
			})
		}
	}
}
