//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// cheap are the programs of the tests: what is quick to build, and what the
// set-up or an earlier `make corpus` has fetched.
const cheap = `^((hello|jumps|exceptions|numbers)-(gcc|musl|lld|pie|clang)-(O2|nosections)|busybox|bash-static|.*mksh|tini-static|go-panic|go-beerewrite|(sort|sync).test)-(i386|amd64)$`

func testLab(t *testing.T) *lab {
	t.Helper()
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("programs of both widths run on Linux on x86-64")
	}
	l, err := newLab()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.close)
	if _, err := os.Stat(l.guard); err != nil {
		t.Skip(err, ": make build")
	}
	return l
}

// setUp gives the programs that the set-up leaves where `make corpus` has not
// fetched more.
func setUp(l *lab) []*program {
	list := l.list()
	have := map[string]bool{}
	for _, p := range list {
		have[p.name] = true
	}
	for _, arch := range arches {
		path := filepath.Join(l.build_, "thirdparty", "busybox-static-"+arch, "bin", "busybox")
		if _, err := os.Stat(path); err == nil && !have["busybox-"+arch] {
			list = append(list, &program{group: "Debian", name: "busybox-" + arch, arch: arch, path: path, actions: debianActions["busybox"]})
		}
	}
	return list
}

func TestCorpus(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs")
	}
	l := testLab(t)
	programs, missing := l.build(setUp(l), regexp.MustCompile(cheap))
	t.Logf("%d programs, %d left out: %s", len(programs), len(missing), strings.Join(missing, "; "))
	if len(programs) == 0 {
		t.Skip("nothing could be built")
	}
	measured := l.rewriteAll(programs)
	b := l.behaveAll(measured)
	for _, m := range measured {
		if n := l.tell(m); n > 0 {
			t.Errorf("%s: %d things are not as they should be: refused %q, %d traps, patterns %v", m.name, n, m.refused, m.count("trap"), m.verdict)
		}
	}
	t.Logf("%d programs in %d runs, %d under the filter", b.programs, b.runs, b.guarded)
	for _, f := range b.failures {
		t.Error(f)
	}
	for _, r := range l.goTests(measured, true).rows {
		for _, d := range r.differ {
			t.Errorf("go test %s, %s: %s", r.pkg, r.arch, d)
		}
	}
	var few []*outcome
	for _, m := range measured {
		if strings.HasPrefix(m.name, "hello-") || strings.HasPrefix(m.name, "go-beerewrite-") {
			few = append(few, m)
		}
	}
	for _, r := range l.selfStress(few).rows {
		t.Logf("the rewriter, rewritten for %s: %d files", r.arch, r.programs)
		for _, d := range r.differ {
			t.Errorf("the rewriter, rewritten for %s: %s", r.arch, d)
		}
	}
}

// The filter must kill what is not patched: the original itself.
func TestGuardedOriginal(t *testing.T) {
	l := testLab(t)
	paths := []string{filepath.Join(l.root, "testdata", "elf", "tiny-386"), filepath.Join(l.root, "testdata", "elf", "tiny-amd64")}
	for _, arch := range arches {
		if pie := l.bin("hello-pie-O2-" + arch); fileExists(pie) {
			paths = append(paths, pie)
		}
	}
	for _, path := range paths {
		name := filepath.Base(path)
		ranges, err := textRanges(path, path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := l.once(path, ranges, action{})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(got, "killed by the guard") {
			t.Errorf("%s: %s", name, got)
		}
		if got, err = l.once(path, []string{"0x1000-0x2000"}, action{}); err != nil || strings.Contains(got, "killed") {
			t.Errorf("%s: %v %s", name, err, got)
		}
	}
}

// The output depends on the input alone.
func TestDeterministic(t *testing.T) {
	if testing.Short() {
		t.Skip("rewrites several times")
	}
	l := testLab(t)
	files := soakFiles(l)
	for _, arch := range arches {
		if path := filepath.Join(l.build_, "thirdparty", "busybox-static-"+arch, "bin", "busybox"); fileExists(path) {
			files = append(files, path)
		}
	}
	for _, file := range files {
		for _, form := range []string{"bee", "linux-proof"} {
			var first []byte
			for _, procs := range []int{1, 2, 7} {
				out := filepath.Join(t.TempDir(), "out")
				cmd := exec.Command(l.rewriter, file, "-q", "-o", out, "--form", form)
				cmd.Env = append(os.Environ(), fmt.Sprint("GOMAXPROCS=", procs))
				if msg, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, msg)
				}
				b, err := os.ReadFile(out)
				if err != nil {
					t.Fatal(err)
				}
				if first == nil {
					first = b
				} else if string(b) != string(first) {
					t.Errorf("%s, %s: other bytes with GOMAXPROCS=%d", filepath.Base(file), form, procs)
				}
			}
		}
	}
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func TestSoak(t *testing.T) {
	l := testLab(t)
	n := 500
	if testing.Short() {
		n = 50
	}
	s := soak(soakFiles(l), n, 1)
	t.Log(s)
	if s.accepted == 0 || s.refused == 0 {
		t.Errorf("nothing was accepted, or nothing refused")
	}
	for _, f := range s.failures {
		t.Error(f)
	}
}

func TestMask(t *testing.T) {
	for in, want := range map[string]string{
		"main.deep(0x0, 0x9c3e798)":       "main.deep(...)",
		"main.deep({0x1, 0x2}, 0x3, ...)": "main.deep(...)",
		"goroutine 18 [running]:":         "goroutine N [running]:",
		"main.go:44 +0x15":                "main.go:44 +0x15",
	} {
		if got := mask(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
