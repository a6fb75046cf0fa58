//go:build linux

package console

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// TestModes lets a program change the terminal's settings, and types.
func TestModes(t *testing.T) {
	for _, a := range archs {
		t.Run(a.name, func(t *testing.T) {
			g := program(t, a, "tty_modes")
			n := start(t, "native", g.run(t, t.TempDir()))
			b := start(t, "beerun", g.beerun(t, t.TempDir()))
			for _, do := range []act{
				{until: "a line>"},
				{keys: "abcdéf\r", until: "a key>"},
				{keys: "x", until: "a cursor key>"},
				{keys: esc + "[A", until: "Tab>"},
				{keys: "\x04\r\x7f\t", until: "three keys>"},
				{keys: "1"},
				{keys: "2"},
				{keys: "3", until: "one more key>"},
				{keys: "y", until: "Enter>"},
			} {
				if do.keys != "" {
					b.listening()
					n.send(do.keys)
					b.send(do.keys)
				}
				b.becomes(n.settled(do.until), same)
			}
			// Wine's conhost does not follow the pseudo-terminal's size, so
			// that stays.
			for _, s := range []*session{n, b} {
				s.send("\r")
				s.settled("Enter>\n|window 80x24\n|Enter>")
				s.send("\r")
			}
			if got, want := b.wait(), n.wait(); got != want {
				t.Errorf("status %d, native %d", got, want)
			}
			if got, want := b.ends(), n.ends(); got != want {
				t.Errorf("the last lines are %q, native %q", got, want)
			}
		})
	}
}

// ends are the last lines of the screen.
func (s *session) ends() string {
	var lines []string
	for line := range strings.Lines(s.screen()) {
		if strings.HasPrefix(line, "|flush") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return strings.Join(lines, "\n")
}

// TestStreams puts the terminal, pipes and files behind the standard streams.
//
// Wine's conhost reads from its own standard input, which is the program's, and
// shows nothing where neither output is the terminal: so the program reads from
// /dev/tty only where its standard input is the terminal, and one of the outputs
// always is.
func TestStreams(t *testing.T) {
	mixes := []struct {
		name          string
		in, out, errs bool // not the terminal
	}{
		{"all the terminal", false, false, false},
		{"input from a pipe", true, false, false},
		{"output to a pipe", false, true, false},
		{"errors to a file", false, false, true},
		{"pipes on both sides", true, true, false},
		{"only the output", true, false, true},
	}
	for _, a := range archs {
		t.Run(a.name, func(t *testing.T) {
			g := program(t, a, "tty_streams")
			for _, m := range mixes {
				t.Run(m.name, func(t *testing.T) {
					var dirs [2]string
					var outs [2]*strings.Builder
					var all [2]*session
					for i, make := range []func(*testing.T, string, ...string) *exec.Cmd{g.run, g.beerun} {
						dirs[i], outs[i] = t.TempDir(), &strings.Builder{}
						args := []string{"report"}
						if m.in {
							args = append(args, "mute")
						}
						cmd := make(t, dirs[i], args...)
						if m.in {
							cmd.Stdin = strings.NewReader("from the pipe\n")
						}
						if m.out {
							cmd.Stdout = outs[i]
						}
						if m.errs {
							f, err := os.Create(dirs[i] + "/errors")
							if err != nil {
								t.Fatal(err)
							}
							defer f.Close()
							cmd.Stderr = f
						}
						all[i] = start(t, []string{"native", "beerun"}[i], cmd)
					}
					n, b := all[0], all[1]
					b.becomes(n.settled("your name?"), same)
					if !m.in {
						b.listening()
						n.send("Jürgen\r")
						b.send("Jürgen\r")
						b.becomes(n.settled("hello Jürgen"), same)
					}
					if got, want := b.wait(), n.wait(); got != want || want != 0 {
						t.Errorf("status %d, native %d", got, want)
					}
					if got, want := read(t, dirs[1], "report"), read(t, dirs[0], "report"); got != want {
						t.Errorf("it reports\n%s\nnative\n%s", got, want)
					}
					if got, want := outs[1].String(), outs[0].String(); got != want {
						t.Errorf("standard output %q, native %q", got, want)
					}
					if got, want := read(t, dirs[1], "errors"), read(t, dirs[0], "errors"); m.errs && got != want {
						t.Errorf("standard error %q, native %q", got, want)
					}
				})
			}
			t.Run("no terminal", func(t *testing.T) {
				var reports [2]string
				for i, make := range []func(*testing.T, string, ...string) *exec.Cmd{g.run, g.beerun} {
					dir := t.TempDir()
					cmd := make(t, dir, "report")
					cmd.Stdin = strings.NewReader("")
					cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
					_ = cmd.Run()
					reports[i] = read(t, dir, "report")
				}
				if reports[0] != reports[1] || !strings.Contains(reports[0], "/dev/tty: No such device or address") {
					t.Errorf("it reports\n%s\nnative\n%s", reports[1], reports[0])
				}
			})
		})
	}
}
