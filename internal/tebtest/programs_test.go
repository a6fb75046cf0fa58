//go:build linux

package tebtest

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"bee/image"
	"bee/internal/winetest"
)

// widths are the two kinds of programs, with gcc's option for them.
var widths = []struct{ name, option, debian string }{
	{"386", "-m32", "i386"},
	{"amd64", "-m64", "amd64"},
}

// programs are sources of testdata/programs, and what they are run with.
var programs = []struct {
	source string
	flags  string
	musl   bool     // also with musl
	width  string   // only this one
	runs   []string // command lines; none: one without arguments
	stdin  string
}{
	{source: "hello.c", musl: true, runs: []string{"", "77"}},
	{source: "heap.c", musl: true},
	{source: "numbers.c", musl: true},
	{source: "locale.c", musl: true},
	{source: "files.c", musl: true},
	{source: "listing.c", musl: true},
	{source: "jumps.c", musl: true},
	{source: "memory.c", musl: true, width: "386"},
	{source: "memory.c", musl: true, width: "amd64", flags: "-DSYS_mmap2=SYS_mmap"},
	{source: "tls.c", musl: true},
	{source: "tls.c", flags: "-O0 -fstack-protector-all"},
	{source: "operands.c", musl: true},
	{source: "operands.c", flags: "-O0"},
	{source: "stack.c", musl: true},
	{source: "system.c"},
	{source: "dump.c", musl: true, runs: []string{"", "a b c"}},
	{source: "copy.c", stdin: "a short text\n"},
	{source: "ending.c", runs: []string{"exit 3", "_exit 5", "atexit 7", "abort", "assert", "raise 15", "raise 17"}},
	{source: "fault.c", width: "386", runs: []string{"null-read", "jump-0", "divide", "ud2", "esp-0"}},
	{source: "exceptions.cc"},
	{source: "exceptions.cc", flags: "-O0", width: "386"},
	{source: "streams.cc", flags: "-O0", width: "386", stdin: "the bee and the hive and the queen\nbee\n"},
	{source: "uncaught.cc"},
	{source: "vector.c", width: "386", runs: []string{"int80 sse 20000", "vsyscall avx2 20000"}},
	{source: "raw.c", width: "386", flags: "-nostdlib -ffreestanding -fno-stack-protector", runs: []string{"one two"}},
	{source: "../teb/throw.cc"},
	{source: "../teb/throw.cc", flags: "-fuse-ld=lld", width: "386"},
	{source: "../teb/signals.c", musl: true},
	{source: "../teb/children.c", musl: true},
}

// tree is what each program finds in its directory.
var tree = map[string]string{
	"one":         strings.Repeat("one banana apple\nroot:x:0\n", 40),
	"two":         strings.Repeat("two\n", 40),
	"a.txt":       "a text\n",
	"b.txt":       "b\n",
	"text.txt":    "the quick brown fox\n",
	"dir/one.txt": "1\n",
	"dir/sub/x":   "x\n",
	"numbers.txt": "3\n1\n2\n",
}

// A run is one command line.
type run struct {
	argv0 string
	args  []string
	stdin string
}

// command ends what does not end by itself.
func command(t *testing.T, path string, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.WaitDelay = time.Second
	return cmd
}

// same runs the program and its patched form in fresh directories and wants
// the same output and status.
func same(t *testing.T, exe, other string, r run) {
	t.Helper()
	do := func(path string) string {
		cmd := command(t, path, r.args...)
		cmd.Args[0] = r.argv0
		cmd.Dir = t.TempDir()
		for name, text := range tree {
			file := filepath.Join(cmd.Dir, name)
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(file, time.Unix(1e9, 0), time.Unix(1e9, 0)); err != nil {
				t.Fatal(err)
			}
		}
		cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=/", "LANG=C", "TZ=UTC0"}
		cmd.Stdin = strings.NewReader(r.stdin)
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		err := cmd.Run()
		if ee := (*exec.ExitError)(nil); err != nil && !errors.As(err, &ee) {
			t.Fatal(err)
		}
		return fmt.Sprintf("%s\n-- errors:\n%s\n-- end: %v", &stdout, &stderr, err)
	}
	if want, got := do(exe), do(other); got != want {
		a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
		for i := 0; i < len(a) && i < len(b); i++ {
			if a[i] != b[i] {
				t.Errorf("%q: line %d is %q, natively %q", r.args, i+1, a[i], b[i])
				break
			}
		}
		t.Logf("%.1000s\n...\n%s", got, got[max(0, len(got)-300):])
	}
}

// build compiles a source, or skips for want of the compiler.
func build(t *testing.T, command []string, exe, source string) {
	t.Helper()
	if _, err := exec.LookPath(command[0]); err != nil {
		winetest.Missing(t, err.Error())
	}
	args := append(command[1:len(command):len(command)], "-static", "-no-pie", "-o", exe, source, "-lm")
	out, err := exec.Command(command[0], args...).CombinedOutput()
	if bytes.Contains(out, []byte("cannot find")) || bytes.Contains(out, []byte("No such file or directory")) {
		winetest.Missing(t, fmt.Sprintf("no libraries for %s: %.300s", strings.Join(command, " "), out))
	}
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(command, " "), err, out)
	}
}

// tactics counts a program's sites, for the test's log.
func tactics(im *image.Image) string {
	n := map[image.Tactic]int{}
	for _, s := range im.Sites {
		n[s.Tactic]++
	}
	return fmt.Sprintf("%d same length, %d jump, %d pad, %d window, %d eviction, %d trap",
		n[image.TacticSameLength], n[image.TacticJump], n[image.TacticPad], n[image.TacticWindow], n[image.TacticEviction], n[image.TacticTrap])
}

func TestPrograms(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles and runs programs")
	}
	for _, p := range programs {
		for _, w := range widths {
			if p.width != "" && p.width != w.name {
				continue
			}
			compiler := "gcc"
			if strings.HasSuffix(p.source, ".cc") {
				compiler = "g++"
			}
			kits := map[string][]string{"glibc": {compiler, w.option, "-O2"}}
			if p.musl {
				kits["musl"] = []string{filepath.Join(winetest.Build(), "musl", w.debian+"-gcc"), "-O2"}
			}
			for _, kit := range []string{"glibc", "musl"} {
				command := kits[kit]
				if command == nil {
					continue
				}
				name := fmt.Sprintf("%s/%s/%s%s", filepath.Base(p.source), kit, w.name, strings.ReplaceAll(p.flags, " ", ""))
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					dir := t.TempDir()
					exe := filepath.Join(dir, "program")
					build(t, append(command, strings.Fields(p.flags)...), exe, filepath.Join("..", "..", "testdata", "programs", p.source))
					im := patched(t, exe, exe+".patched")
					t.Log(tactics(im))
					lines := p.runs
					if lines == nil {
						lines = []string{""}
					}
					for _, l := range lines {
						same(t, exe, exe+".patched", run{"program", strings.Fields(l), p.stdin})
					}
				})
			}
		}
	}
}

// TestThrow holds that throw.cc is what it says: its calls have moved.
func TestThrow(t *testing.T) {
	for _, w := range widths {
		exe := filepath.Join(t.TempDir(), "program")
		build(t, []string{"g++", w.option, "-O2"}, exe, filepath.Join("..", "..", "testdata", "teb", "throw.cc"))
		im := patched(t, exe, exe+".patched")
		f, err := elf.Open(exe)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		symbols, err := f.Symbols()
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"window_call", "load_call", "evicted_call", "two_sites", "window_setjmp", "load_setjmp", "tls_call", "tls_short_call"} {
			i := slices.IndexFunc(symbols, func(s elf.Symbol) bool { return s.Name == name })
			start, end := symbols[i].Value-im.Base, symbols[i].Value+symbols[i].Size-im.Base
			tactic := image.TacticWindow
			switch name {
			case "evicted_call":
				tactic = image.TacticEviction
			case "tls_call":
				tactic = image.TacticJump
			}
			if !slices.ContainsFunc(im.Sites, func(s image.Site) bool { return s.Addr >= start && s.Addr < end && s.Tactic == tactic }) {
				t.Errorf("%s: no site of %s has tactic %d", w.name, name, tactic)
			}
		}
	}
}

func TestBusybox(t *testing.T) {
	for _, w := range widths {
		t.Run(w.name, func(t *testing.T) {
			exe := winetest.File(t, "thirdparty/busybox-static-"+w.debian+"/bin/busybox")
			other := filepath.Join(t.TempDir(), "busybox")
			t.Log(tactics(patched(t, exe, other)))
			for _, r := range [][]string{
				{"echo", "hello"},
				{"cat", "one", "two"},
				{"sort", "-u", "one"},
				{"sha256sum", "one"},
				{"md5sum", "one", "absent"},
				{"wc", "two"},
				{"grep", "-n", "ban", "one"},
				{"sed", "s/a\\(.\\)/<\\1>/g", "one"},
				{"awk", "BEGIN { for (i = 0; i < 1000; i++) s += sqrt(i); print s, substr(\"hello\", 2), toupper(\"x\"); exit 3 }"},
				{"find", ".", "-name", "o*"},
				{"ls", "-1"},
				{"expr", "6", "*", "7"},
				{"printf", "%05d %x %s\\n", "42", "255", "text"},
				{"cut", "-d:", "-f1", "one"},
				{"head", "-n", "3", "one"},
				{"tr", "a-z", "A-Z"},
				{"dd", "if=/dev/zero", "of=zero", "bs=1k", "count=3"},
				{"factor", "123456789"},
				{"env"},
				{"test", "-f", "absent"},
				{"tar", "cf", "-", "absent"},
				{"sh", "-c", "tar cf - one two | gzip | gunzip | tar t"},
				{"sh", "-c", "for i in 3 1 2; do echo $i; done | sort -r | md5sum; trap 'echo hi' USR1; kill -USR1 $$; exit 5"},
				{"sh", "-c", "f() { echo $(( $1 * 2 )); }; x=$(f 21); (exit 4); echo $x $?; cat <<E\nhere $x\nE"},
				{"no-such-applet"},
			} {
				same(t, exe, other, run{"busybox", r, "some text\n"})
			}
		})
	}
}
