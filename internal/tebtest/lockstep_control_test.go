//go:build linux && amd64

package tebtest

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"bee/image"
)

// TestLockstepControl spoils the PC map: the lockstep must find each fault.
func TestLockstepControl(t *testing.T) {
	if testing.Short() {
		t.Skip("traces programs")
	}
	for _, c := range []struct {
		name, code, want string
		spoil            func(im *image.Image, site image.Site, e *image.PCEntry)
	}{
		{"none", "notl TP(%eax)", "", func(*image.Image, image.Site, *image.PCEntry) {}},
		{"the borrowed register is forgotten", "incl TP(%eax)", "neither", func(_ *image.Image, _ image.Site, e *image.PCEntry) { e.Spill = image.NoReg }},
		{"the instruction has run, the map is at it", "notl TP(%eax)", "output", func(_ *image.Image, s image.Site, e *image.PCEntry) {
			if e.Orig == s.Addr+uint64(s.Len) && e.Spill != image.NoReg {
				e.Orig = s.Addr
			}
		}},
		{"the instruction has run, the map is at it", "paddd TP0x40,%xmm5", "vector", func(_ *image.Image, s image.Site, e *image.PCEntry) {
			if e.Orig == s.Addr+uint64(s.Len) && e.Spill != image.NoReg {
				e.Orig = s.Addr
			}
		}},
		{"the map is behind what has not run", "incl TP(%eax)", "neither", func(_ *image.Image, s image.Site, e *image.PCEntry) {
			if e.Orig == s.Addr && e.Spill != image.NoReg {
				e.Orig += uint64(s.Len)
			}
		}},
		{"behind the nop of a call", "mov $9999,%eax; call *%gs:0x10", "neither", func(_ *image.Image, s image.Site, e *image.PCEntry) {
			if s.Kind == image.KindVsyscallCall && e.Orig == s.Addr {
				e.Orig += 2
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			text, names := surrounded(false, []string{c.code})
			exe := assembleCases(t, "-m32", text)
			l := begin(t, exe, false, "cases")
			l.vectors = true
			l.back = func(uint64) int { return 2 }
			for i := range l.im.PCMap {
				for _, s := range l.im.Sites {
					if e := &l.im.PCMap[i]; e.Orig == s.Addr || e.Orig == s.Addr+uint64(s.Len) {
						was := e.Orig
						if c.spoil(l.im, s, e); e.Orig != was {
							break
						}
					}
				}
			}
			if got := l.catch(names, exe); c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// catch runs the cases and gives what fails.
func (l *lockstep) catch(names []string, exe string) (failure string) {
	l.caught = new(string)
	defer func() {
		if r := recover(); r != nil {
			if r != l.caught {
				panic(r)
			}
			failure = *l.caught
		}
	}()
	l.cases(names)
	want, err := os.ReadFile(exe + ".out")
	l.must(err)
	got, err := os.ReadFile(exe + ".patched.out")
	l.must(err)
	if !bytes.Equal(got, want) {
		return "the output differs"
	}
	return ""
}
