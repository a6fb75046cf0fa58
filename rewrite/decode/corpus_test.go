package decode

import (
	"bytes"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// module is a file of the corpus: an ELF file or an archive of objects.
type module struct {
	name string
	mode Mode
}

const program = `
#include <stdio.h>
#include <stdlib.h>
#include <math.h>
static int less(const void *a, const void *b) { double x = *(const double *)a, y = *(const double *)b; return (x > y) - (x < y); }
int main(int argc, char **argv) {
	double v[64]; long s = 0;
	for (int i = 0; i < 64; i++) v[i] = sin(i) * argc;
	qsort(v, 64, sizeof *v, less);
	for (int i = 0; i < 64; i++) s += (long)(v[i] * 1000) % (i + 1);
	switch (argc) { case 1: puts("1"); break; case 2: puts("2"); break; case 3: puts("3"); break; case 4: puts(argv[1]); break; case 5: s *= 3; }
	return printf("%ld %f\n", s, v[3]) > 99;
}
`

// corpus collects what this system has: the Go tools, a Go program for 386, C programs, static libraries, system programs, and the files
// and directories in BEE_DECODE_CORPUS (separated as in PATH).
func corpus(t testing.TB) []module {
	var ms []module
	add := func(patterns ...string) {
		for _, pattern := range patterns {
			names, _ := filepath.Glob(pattern)
			for _, n := range names {
				if mode, ok := modeOf(n); ok {
					ms = append(ms, module{n, mode})
				}
			}
		}
	}
	dir := t.TempDir()
	if gcc, err := exec.LookPath("gcc"); err == nil {
		src := filepath.Join(dir, "p.c")
		if err := os.WriteFile(src, []byte(program), 0o600); err != nil {
			t.Fatal(err)
		}
		for name, args := range map[string][]string{
			"c64": {"-O2", "-static", "-m64"}, "c32": {"-O2", "-static", "-m32"}, "c64v4.o": {"-O3", "-m64", "-march=x86-64-v4", "-c"},
			"c32.o": {"-O2", "-m32", "-c"}, "c32v3.o": {"-O3", "-m32", "-march=x86-64-v3", "-mfpmath=sse", "-c"},
		} {
			out := filepath.Join(dir, name)
			if msg, err := exec.Command(gcc, append(args, "-o", out, src, "-lm")...).CombinedOutput(); err != nil {
				line, _, _ := bytes.Cut(msg, []byte("\n"))
				t.Logf("gcc %v: %v: %s", args, err, line)
			}
		}
	}
	root := goroot(t)
	cmd := exec.Command(filepath.Join(root, "bin", "go"), "build", "-o", filepath.Join(dir, "go386"), "cmd/nm")
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=386", "CGO_ENABLED=0", "GOFLAGS=")
	if msg, err := cmd.CombinedOutput(); err != nil {
		t.Logf("no 386 Go program: %v: %s", err, msg)
	}
	add(dir + "/*")
	if testing.Short() {
		return ms
	}
	add(filepath.Join(root, "bin", "gofmt"), "/bin/bash", "/bin/tar", "/usr/lib/*-linux-gnu/libc.a", "/usr/lib/*-linux-gnu/libm-*.a",
		"/usr/lib/*-linux-gnu/libcrypto.a", "/usr/lib/*-linux-gnu/libc.so.6", "/usr/lib32/libc.a", "/bin/busybox")
	for _, p := range filepath.SplitList(os.Getenv("BEE_DECODE_CORPUS")) {
		_ = filepath.WalkDir(p, func(name string, d os.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				add(name)
			}
			return nil
		})
	}
	return ms
}

func goroot(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Skipf("go env: %v", err)
	}
	return strings.TrimSpace(string(out))
}

// modeOf is the mode of an ELF file or of the first ELF file in an archive.
func modeOf(name string) (Mode, bool) {
	f, err := os.Open(name)
	if err != nil {
		return 0, false
	}
	defer f.Close()
	head := make([]byte, 1<<20)
	n, _ := f.Read(head)
	head = head[:n]
	if bytes.HasPrefix(head, []byte("!<arch>")) {
		at := bytes.Index(head, []byte(elf.ELFMAG))
		if at < 0 {
			return 0, false
		}
		head = head[at:]
	}
	if len(head) < 20 || string(head[:4]) != elf.ELFMAG {
		return 0, false
	}
	switch elf.Machine(uint16(head[18]) | uint16(head[19])<<8) {
	case elf.EM_386:
		return Mode32, true
	case elf.EM_X86_64:
		return Mode64, true
	}
	return 0, false
}

// TestCorpus compares with objdump and with the second opinion on real programs.
func TestCorpus(t *testing.T) {
	needObjdump(t)
	var total [2]tally
	second := make(map[Mode]*[3]int)
	begin := time.Now()
	limit := 20 * time.Minute
	if os.Getenv("BEE_DECODE_CORPUS") == "" {
		limit = 20 * time.Second
	}
	for _, m := range corpus(t) {
		if time.Since(begin) > limit {
			t.Logf("%s left out: out of time", m.name)
			continue
		}
		var c tally
		so := second[m.mode]
		if so == nil {
			so = new([3]int)
			second[m.mode] = so
		}
		objdump(t, func(l line) {
			c.check(l, m.mode)
			if c.lines%4 != 0 || isBad(l.text) {
				return
			}
			in, err := Decode(l.tail, m.mode)
			if err != nil || in.AmbiguousOpSize {
				return
			}
			switch n, ok := SecondOpinion(l.tail[:min(len(l.tail), maxLen)], m.mode); {
			case !ok:
				so[1]++
			case n != int(in.Len):
				so[2]++
				if so[2] < 10 {
					t.Errorf("%s: % x %q: length %d, x86asm says %d", m.name, l.tail[:l.n], l.text, in.Len, n)
				}
			default:
				so[0]++
			}
		}, "-d", m.name)
		c.report(t, filepath.Base(m.name))
		total[m.mode/64].add(&c)
	}
	for n, mode := range []Mode{Mode32, Mode64} {
		t.Logf("%d-bit in all: %v", mode, &total[n])
		if so := second[mode]; so != nil {
			t.Logf("%d-bit, x86asm: %d agree, %d abstain, %d differ", mode, so[0], so[1], so[2])
		}
	}
}

// text is the largest executable section of a file of the corpus.
func text(tb testing.TB) []byte {
	name, err := os.Executable()
	if err != nil || runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		tb.Skip("the test itself is no x86-64 ELF file")
	}
	f, err := elf.Open(name)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	b, err := f.Section(".text").Data()
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func BenchmarkDecode(b *testing.B) {
	code := text(b)
	if p := os.Getenv("BEE_DECODE_BENCH"); p != "" {
		f, err := elf.Open(p)
		if err != nil {
			b.Fatal(err)
		}
		if code, err = f.Section(".text").Data(); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(code)))
	b.ReportAllocs()
	bad := 0
	for b.Loop() {
		bad = 0
		for p := 0; p < len(code); {
			in, err := Decode(code[p:], Mode64)
			if err != nil {
				bad++
				p++
				continue
			}
			p += int(in.Len)
		}
	}
	b.ReportMetric(float64(bad), "invalid")
}
