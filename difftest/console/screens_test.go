//go:build linux

package console

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// act is one thing that the user does.
type act struct {
	keys  string
	until string // what the screen shows then, at least
}

const esc = "\x1b"

func same(s string) string { return s }

// TestScreens runs full-screen and line programs.
func TestScreens(t *testing.T) {
	var long strings.Builder
	for i := 1; i <= 200; i++ {
		fmt.Fprintf(&long, "line %d%s\n", i, strings.Repeat(" word", i%30))
	}
	var text strings.Builder
	for i := 1; i <= 40; i++ {
		fmt.Fprintf(&text, "%d\tthe line numbered %d, with é, ü and ↑\n", i, i)
	}
	top := regexp.MustCompile(`(?m)^\| *(PID +PPID .*|CPU|Load average)`)
	tests := []struct {
		name   string
		args   []string
		acts   []act
		shape  func(string) string // what of the screens is compared
		status int
		files  []string // compared afterwards
	}{
		{
			name: "vi", args: []string{"vi", "text"}, files: []string{"text"},
			acts: []act{
				{until: "text"},
				{keys: "jjwx", until: "[Modified]"},
				{keys: "oa new line, with é", until: "a new line, with é"},
				{keys: esc, until: "- text [Modified]"},
				{keys: esc + "[B" + esc + "[B", until: "6/41"}, // two cursor keys
				{keys: "dd", until: "Delete 1 lines"},
				{keys: "Pkyyp", until: "Put 1 lines"},
				{keys: "/numbered 3", until: "/numbered 3"},
				{keys: "\r"},
				{keys: "\x06"}, // a page down
				{keys: "G"},
				{keys: "1G"},
				{keys: "Jihello " + esc, until: "hello"},
				{keys: ":%s/line/LINE/g\r", until: "LINE"},
				{keys: ":w\r", until: "L, "},
				{keys: ":q", until: ":q"},
				{keys: "\r"},
			},
		},
		{
			name: "less", args: []string{"less", "long"},
			acts: []act{
				{until: "long"},
				{keys: " ", until: "line 24"},
				{keys: "/line 77", until: "/line 77"},
				{keys: "\r", until: "line 77"},
				{keys: "G", until: "line 200"},
				{keys: "g", until: "|line 1 word\n"},
				{keys: esc + "[6~", until: "line 24"}, // Page Down
				{keys: "k", until: "line 20"},
				{keys: "q"},
			},
		},
		{
			name: "top", args: []string{"top"}, shape: func(s string) string { return strings.Join(top.FindAllString(s, -1), "\n") },
			acts: []act{{until: "PID"}, {keys: " ", until: "Load average"}, {keys: "q"}},
		},
		{
			name: "stty", args: []string{"stty", "-a"}, acts: []act{{until: "echoke"}},
		},
		{
			name: "a password", args: []string{"sh", "-c", `read -s -p 'Password: ' x; echo "[$x]"; read -p 'Again: ' y; echo "[$y]"`},
			acts: []act{
				{until: "Password:"},
				{keys: "secre", until: "Password:"},
				{keys: "xx\x7f\x7ft\r", until: "[secret]"},
				{keys: "wörd\x7f\x7f", until: "wö"},
				{keys: "rd\r", until: "[wörd]"},
			},
		},
		{
			name: "single keys", args: []string{"sh", "-c", `read -n 1 a; echo "<$a>"; read -n 3 b; echo "<$b>"; read -t 1 -n 5 c; echo "<$c> $?"`},
			acts: []act{{}, {keys: "x", until: "<x>"}, {keys: "yz1", until: "<yz1>"}, {until: "<> 1"}},
		},
		{
			name: "editing a line", args: []string{"cat"},
			acts: []act{
				{},
				{keys: "one two three\x17\x17", until: "one"},
				{keys: "2\t3\x7f\x7f4\r", until: "one 24\n|one 24"},
				{keys: "away\x15here\x16", until: "here^"},
				{keys: "\x03", until: "here^C"},
				{keys: "\r", until: "here^C\n|here"},
				{keys: "\x04"},
			},
		},
		{
			name: "shell", args: []string{"sh"},
			acts: []act{
				{until: "ready>"},
				{keys: "echo hallo", until: "ready> echo hallo"},
				{keys: "\x7f\x7fi" + esc + "[D" + esc + "[DX", until: "haXli"},
				{keys: "\r", until: "\n|haXli"},
				{keys: esc + "[A", until: "haXli\n|ready> echo haXli"},
				{keys: "\x15exit 3\r"},
			},
			status: 3,
		},
		{
			name: "Ctrl-C", args: []string{"cat"}, status: 130, shape: func(s string) string { first, _, _ := strings.Cut(s, "^C"); return first },
			acts: []act{{}, {keys: "some text", until: "some text"}, {keys: "\x03"}},
		},
		{
			name: "the end of a large file", args: []string{"cat", "long"}, acts: []act{{until: "line 200"}},
		},
	}
	for _, a := range archs {
		t.Run(a.name, func(t *testing.T) {
			g := busybox(t, a)
			for _, c := range tests {
				t.Run(c.name, func(t *testing.T) {
					shape := c.shape
					if shape == nil {
						shape = same
					}
					var dirs [2]string
					for i := range dirs {
						dirs[i] = t.TempDir()
						write(t, dirs[i], "long", long.String())
						write(t, dirs[i], "text", text.String())
					}
					n := start(t, "native", g.run(t, dirs[0], c.args...))
					b := start(t, "beerun", g.beerun(t, dirs[1], c.args...))
					for _, do := range c.acts {
						n.send(do.keys)
						if do.keys != "" {
							b.listening()
							b.send(do.keys)
						}
						want := n.settled(do.until)
						b.becomes(shape(want), shape)
					}
					if got, want := b.wait(), n.wait(); got != want || want != c.status {
						t.Errorf("status %d, native %d, expected %d", got, want, c.status)
					}
					for _, name := range c.files {
						if got, want := read(t, dirs[1], name), read(t, dirs[0], name); got != want {
							t.Errorf("%s is %q, native %q", name, got, want)
						}
					}
				})
			}
		})
	}
}
