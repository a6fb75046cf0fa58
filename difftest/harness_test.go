//go:build linux

package difftest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestSplit(t *testing.T) {
	for _, c := range []struct {
		line string
		want []string
	}{
		{"", nil},
		{"a  b", []string{"a", "b"}},
		{`x '' "a 'b'" c"d e"f`, []string{"x", "", "a 'b'", "cd ef"}},
		{`s/\(x\)/\1/ '$'`, []string{`s/\(x\)/\1/`, "$"}},
	} {
		got, err := Split(c.line)
		if err != nil || strings.Join(got, "|") != strings.Join(c.want, "|") || len(got) != len(c.want) {
			t.Errorf("Split(%q) = %q, %v, want %q", c.line, got, err, c.want)
		}
	}
	if _, err := Split("open 'quote"); err == nil {
		t.Error("an open quote is not an error")
	}
}

func TestWidths(t *testing.T) {
	for _, c := range []struct {
		c          Case
		want       string
		knownI386  bool
		knownAMD64 bool
	}{
		{Case{}, "[i386 amd64]", false, false},
		{Case{Only: I386}, "[i386]", false, false},
		{Case{Only: AMD64, Known: "x"}, "[amd64]", true, true},
		{Case{Known: "x"}, "[i386 amd64]", true, true},
		{Case{Known: "x", KnownOn: AMD64}, "[i386 amd64]", false, true},
	} {
		if got := fmt.Sprint(c.c.widths()); got != c.want {
			t.Errorf("%+v runs in %s, want %s", c.c, got, c.want)
		}
		if got := [2]bool{c.c.known(I386) != "", c.c.known(AMD64) != ""}; got != [2]bool{c.knownI386, c.knownAMD64} {
			t.Errorf("%+v is known to differ in %v", c.c, got)
		}
	}
	if s := (width{I386, AMD64}).String(); s != "i386-in-amd64" {
		t.Error(s)
	}
}

// The comparison must see each kind of difference.
func TestCompareSees(t *testing.T) {
	base := func() result {
		s := step{stdout: newCapture(), stderr: newCapture(), status: "exited 0", outer: "exited 0"}
		_, _ = s.stdout.Write([]byte("one\ntwo\n"))
		return result{form: bee, steps: []step{s}, tree: []entry{{path: "f", kind: "file", mode: 0o644, content: "x", mtime: "now"}}}
	}
	for _, c := range []struct {
		what   string
		change func(*result)
		opt    Option
		want   string // in the difference; nothing for none
	}{
		{"nothing", func(*result) {}, 0, ""},
		{"status", func(r *result) { r.steps[0].status = "exited 1" }, 0, "status"},
		{"signal", func(r *result) { r.steps[0].status, r.steps[0].outer = "signaled 11", "exited 139" }, 0, "status"},
		{"no mark", func(r *result) { r.steps[0].status = "no mark" }, 0, "status"},
		{"beerun's own status", func(r *result) { r.steps[0].outer = "exited 1" }, 0, "status"},
		{"stdout", func(r *result) { _, _ = r.steps[0].stdout.Write([]byte("three\n")) }, 0, "from line 3"},
		{"stderr", func(r *result) { _, _ = r.steps[0].stderr.Write([]byte("noise\n")) }, 0, "stderr"},
		{"stderr, not compared", func(r *result) { _, _ = r.steps[0].stderr.Write([]byte("noise\n")) }, NoStderr, ""},
		{"contents", func(r *result) { r.tree[0].content = "y" }, 0, "files"},
		{"mode that Wine chooses", func(r *result) { r.tree[0].mode = 0o664 }, 0, ""},
		{"mode in the proof form", func(r *result) { r.tree[0].mode, r.form = 0o664, proof }, 0, "files"},
		{"read-only", func(r *result) { r.tree[0].mode = 0o444 }, 0, "files"},
		{"time, not compared", func(r *result) { r.tree[0].mtime = "1970" }, 0, ""},
		{"time", func(r *result) { r.tree[0].mtime = "1970" }, Mtimes, "files"},
		{"another file", func(r *result) { r.tree = append(r.tree, entry{path: "g"}) }, 0, "files"},
	} {
		got := base()
		c.change(&got)
		diff := strings.Join(compare(Case{Opt: c.opt}, base(), got), "\n")
		if (c.want == "") != (diff == "") || !strings.Contains(diff, c.want) {
			t.Errorf("%s: %q, want %q in it", c.what, diff, c.want)
		}
	}
}

func TestLinkFile(t *testing.T) {
	for _, c := range []struct{ data, want string }{
		{"!<symlink>\xff\xfea\x00/\x00\xe9\x00\x00\x00", "a/é"},
		{"!<symlink>target\x00", "target"},
		{"!<symlin", ""},
		{"plain text of a file", ""},
	} {
		path := filepath.Join(t.TempDir(), "link")
		if err := os.WriteFile(path, []byte(c.data), 0o644); err != nil {
			t.Fatal(err)
		}
		got, ok := linkFile(path, int64(len(c.data)))
		if got != c.want || ok != (c.want != "") {
			t.Errorf("linkFile of %q = %q, %v", c.data, got, ok)
		}
	}
}

// A run that does not end, and what it started, is ended.
func TestTimeout(t *testing.T) {
	start := time.Now()
	_, err := run(command{path: "/bin/sh", argv: []string{"sh", "-c", "sleep 50 & sleep 60"}}, Stdin{}, t.TempDir(), "", 200*time.Millisecond)
	if !errors.Is(err, errTimeout) {
		t.Errorf("got %v", err)
	}
	if d := time.Since(start); d > 10*time.Second {
		t.Errorf("it took %s", d)
	}
}

func TestWithoutWine(t *testing.T) {
	c := newCapture()
	_, _ = c.Write([]byte("a\nwine client error:6c8: sendmsg: Bad file descriptor\nwine client\n"))
	got := withoutWine(c)
	if want := "a\nwine client\n"; got.head.String() != want || got.size != int64(len(want)) {
		t.Errorf("%q, %d bytes", got.head.String(), got.size)
	}
	if c := newCapture(); withoutWine(c) != c {
		t.Error("an output without Wine's lines was copied")
	}
}
