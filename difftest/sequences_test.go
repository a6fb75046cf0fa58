//go:build linux

package difftest

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var sequences = flag.Int("sequences", 200, "random sequences of operations on files for each width")

// TestFileSequences replays random operations on files natively and under
// beerun: every call must answer the same, and the same files must be there in
// the end. `make soak` does ten thousand.
func TestFileSequences(t *testing.T) {
	if reason := lab.MissingWine(); reason != "" {
		t.Skip(reason)
	}
	const batch = 100
	for _, w := range (Case{}).widths() {
		for first := 1; first <= *sequences; first += batch {
			count := min(batch, *sequences-first+1)
			t.Run(fmt.Sprintf("%s/%d", w, first), func(t *testing.T) {
				t.Parallel()
				want, got := replay(t, w, native, first, count), replay(t, w, bee, first, count)
				if bytes.Equal(want, got) {
					return
				}
				// Which sequence, and which call of it?
				seed := first + bytes.Count(commonLines(want, got), []byte("\n"))
				if seed >= first+count {
					t.Fatalf("the outputs differ in length: %d and %d bytes", len(want), len(got))
				}
				want, got = replay(t, w, native, seed, 1, "-v"), replay(t, w, bee, seed, 1, "-v")
				common := commonLines(want, got)
				t.Errorf("sequence %d (file_ops -v %[1]d 1), from line %d:\nnative: %s\nbee:    %s\nafter:\n%s", seed, bytes.Count(common, []byte("\n"))+1,
					firstLine(want[len(common):]), firstLine(got[len(common):]), lastLines(string(common), 12))
			})
		}
	}
}

// replay runs a number of sequences in one process and tells its output.
func replay(t *testing.T, w width, f form, first, count int, flags ...string) []byte {
	t.Helper()
	prog := glibc("file_ops.c")
	dir := filepath.Join(lab.work, fmt.Sprintf("sequences-%s-%d.%s", w, first, f))
	user := lab.owner
	if f == bee {
		user = nil
	}
	if err := prepare(dir, NoFiles, user); err != nil {
		t.Fatal(err)
	}
	defer func() {
		for _, name := range []string{dir, dir + ".mark", dir + ".guard"} {
			_ = os.RemoveAll(name)
		}
	}()
	program, err := lab.program(prog, w.guest, f)
	if err != nil {
		t.Fatal(err)
	}
	args := append(flags, fmt.Sprint(first), fmt.Sprint(count))
	s, err := lab.step(Case{Prog: prog}, w, f, program, args, Stdin{}, dir, 5*time.Minute)
	if err != nil {
		t.Fatal(f, err)
	}
	if s.status != "exited 0" || s.stderr.size > 0 {
		t.Errorf("%s: %s, stderr %q", f, s.status, s.stderr.head.String())
	}
	return s.stdout.head.Bytes()
}

// commonLines is what two outputs begin with, in whole lines.
func commonLines(a, b []byte) []byte {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return a[:bytes.LastIndexByte(a[:n], '\n')+1]
}

func firstLine(b []byte) string {
	s, _, _ := strings.Cut(string(b), "\n")
	return s
}

func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
