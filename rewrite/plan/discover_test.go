package plan

import (
	"bufio"
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"bee/image"
	"bee/rewrite/decode"
)

// program is an ELF file as discovery sees it.
type program struct {
	regions []Region
	ev      Evidence
	opt     Options
}

// evidence says what of a file the test lets discovery know.
type evidence int

const (
	evAll    evidence = iota // symbols and unwind tables
	evUnwind                 // as after strip
	evBare                   // entry point and data
)

func loadELF(t testing.TB, path string, what evidence) program {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p := program{opt: Options{Arch: image.AMD64}}
	word := 8
	if f.Machine == elf.EM_386 {
		p.opt.Arch = image.I386
		word = 4
	}
	for _, ph := range f.Progs {
		if ph.Type != elf.PT_LOAD || ph.Filesz == 0 {
			continue
		}
		b := make([]byte, ph.Filesz)
		if _, err := ph.ReadAt(b, 0); err != nil {
			t.Fatal(err)
		}
		if ph.Flags&elf.PF_X != 0 {
			p.regions = append(p.regions, Region{ph.Vaddr, b})
		} else {
			p.ev.Data = append(p.ev.Data, Region{ph.Vaddr, b})
			p.ev.ReadOnly = append(p.ev.ReadOnly, ph.Flags&elf.PF_W == 0)
		}
	}
	inText := func(a uint64) bool {
		for _, r := range p.regions {
			if a >= r.Addr && a-r.Addr < uint64(len(r.Data)) {
				return true
			}
		}
		return false
	}
	p.ev.Entries = append(p.ev.Entries, f.Entry)
	for _, r := range p.ev.Data {
		for i := 0; i+word <= len(r.Data); i += word {
			v := uint64(binary.LittleEndian.Uint32(r.Data[i:]))
			if word == 8 {
				v = binary.LittleEndian.Uint64(r.Data[i:])
			}
			if inText(v) {
				p.ev.CodePointers = append(p.ev.CodePointers, v)
			}
		}
	}
	if what <= evUnwind {
		if s := f.Section(".eh_frame"); s != nil {
			b, _ := s.Data()
			for off := 0; off+8 <= len(b); {
				n := int(binary.LittleEndian.Uint32(b[off:]))
				if n == 0 {
					break
				}
				if binary.LittleEndian.Uint32(b[off+4:]) != 0 && off+16 <= len(b) {
					a := s.Addr + uint64(off) + 8 + uint64(int64(int32(binary.LittleEndian.Uint32(b[off+8:]))))
					if word == 4 {
						a = uint64(uint32(a))
					}
					p.ev.Funcs = append(p.ev.Funcs, FuncRange{Start: a, End: a + uint64(binary.LittleEndian.Uint32(b[off+12:])), Source: "eh_frame"})
				}
				off += 4 + n
			}
		}
		for _, name := range []string{".init_array", ".fini_array", ".init", ".fini"} {
			if s := f.Section(name); s != nil && s.Flags&elf.SHF_EXECINSTR != 0 {
				p.ev.Entries = append(p.ev.Entries, s.Addr)
			}
		}
	}
	if what == evAll {
		syms, _ := f.Symbols()
		for _, s := range syms {
			if !inText(s.Value) || int(s.Section) >= len(f.Sections) {
				continue
			}
			switch typ := elf.ST_TYPE(s.Info); {
			case typ == elf.STT_OBJECT:
				p.ev.Funcs = append(p.ev.Funcs, FuncRange{s.Value, s.Value + s.Size, s.Name, SourceObject})
			case typ == elf.STT_FUNC || typ == elf.STT_GNU_IFUNC:
				p.ev.Funcs = append(p.ev.Funcs, FuncRange{s.Value, s.Value + s.Size, s.Name, "symbol"})
			}
		}
	}
	if s := f.Section(".got.plt"); s != nil {
		p.ev.GOT = s.Addr
	}
	return p
}

// objdumpView is what objdump says of a file.
type objdumpView struct {
	boundary map[uint64]bool
	sites    map[uint64]string
	jumped   map[uint64]bool // by direct branches
}

func objdump(t testing.TB, path string, arch image.Arch) objdumpView {
	t.Helper()
	cmd := exec.Command("objdump", "-d", "-w", "--no-show-raw-insn", path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Skip("no objdump")
	}
	v := objdumpView{map[uint64]bool{}, map[uint64]string{}, map[uint64]bool{}}
	seg := "%gs:"
	if arch == image.AMD64 {
		seg = "%fs:"
	}
	sc := bufio.NewScanner(out)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		a, text, ok := strings.Cut(strings.TrimLeft(sc.Text(), " "), ":\t")
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(a, 16, 64)
		if err != nil {
			continue
		}
		v.boundary[n] = true
		op, arg, _ := strings.Cut(text, " ")
		if arg, _, ok = strings.Cut(strings.TrimLeft(arg, " "), " <"); ok && (op[0] == 'j' || op == "call") {
			if n, err := strconv.ParseUint(arg, 16, 64); err == nil {
				v.jumped[n] = true
			}
		}
		switch {
		case op == "syscall" && arch == image.AMD64, op == "sysenter" && arch == image.I386, strings.HasPrefix(text, "int    $0x80"),
			strings.Contains(text, seg), strings.HasSuffix(text, seg[:3]) && strings.HasPrefix(op, "mov"):
			v.sites[n] = text
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	return v
}

// result counts how discovery compares with objdump.
type result struct {
	stats        Stats
	wrong        int
	sites, found int
	resolved     int
	funcs        int
	took         time.Duration
}

func compare(t testing.TB, p program, v objdumpView, verbose int) (result, *code) {
	t.Helper()
	begin := time.Now()
	c, err := discover(p.regions, p.ev, p.opt)
	if err != nil {
		t.Fatal(err)
	}
	r := result{stats: c.stats(), took: time.Since(begin), funcs: len(c.funcs)}
	for _, f := range c.funcs {
		if f.resolved {
			r.resolved++
		}
	}
	shown := 0
	var after uint64
	c.each(0, func(a uint64, in *decode.Inst, raw []byte) bool {
		if !v.boundary[a] {
			// objdump makes one of fwait and the instruction behind it, and
			// skips runs of zeros.
			if b := c.bytes(a-1, 1); len(b) == 1 && b[0] == 0x9b {
				return true
			}
			// Zeros between jumps lead objdump astray.
			if v.jumped[a] || a == after {
				after = a + uint64(in.Len)
				return true
			}
			r.wrong++
			if shown++; shown <= verbose {
				f, _ := c.function(a)
				t.Logf("no boundary of objdump: %#x % x in %s %#x", a, raw, f.name, f.start)
			}
		}
		return true
	})
	var missed []uint64
	for a := range v.sites {
		r.sites++
		if c.instAt(a) {
			r.found++
		} else {
			missed = append(missed, a)
		}
	}
	slices.Sort(missed)
	for _, a := range missed[:min(verbose, len(missed))] {
		f, _ := c.function(a)
		t.Logf("site not proven: %#x %s in %s %#x-%#x covered %v", a, v.sites[a], f.name, f.start, f.end, c.covered(a))
	}
	return r, c
}

func (r result) String() string {
	return fmt.Sprintf("proven %.2f%% of %d bytes, %d insts, wrong %d, sites %d/%d, tables %d, unresolved jumps %d, resolved functions %d/%d, %v",
		100*float64(r.stats.ProvenBytes)/float64(max(r.stats.TextBytes, 1)), r.stats.TextBytes, r.stats.Insts, r.wrong, r.found, r.sites,
		r.stats.JumpTables, r.stats.UnresolvedInd, r.resolved, r.funcs, r.took.Round(time.Millisecond))
}

// build compiles source with a command line; @ stands for the source file.
func build(t testing.TB, name, source string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(args[0]); err != nil {
		t.Skip("no " + args[0])
	}
	dir := t.TempDir()
	src := filepath.Join(dir, name)
	if err := os.WriteFile(src, []byte(source), 0o666); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out")
	var libs []string
	if n := len(args) - 1; args[n] == "-lm" {
		args, libs = args[:n], args[n:]
	}
	cmd := exec.Command(args[0], slices.Concat(args[1:], []string{"-o", out, src}, libs)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GO111MODULE=off", "CGO_ENABLED=0")
	if b, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("%v: %v\n%s", args, err, b)
	}
	return out
}

const sourceC = `
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
#include <locale.h>
#include <pthread.h>
static void *run(void *p) { return p; }
int main(int argc, char **argv) {
	pthread_t t;
	setlocale(LC_ALL, "");
	pthread_create(&t, 0, run, 0);
	pthread_join(t, 0);
	printf("%s %f %g\n", argv[0], sin(argc), strtod(argv[0], 0));
	qsort(argv, argc, sizeof *argv, (int (*)(const void *, const void *))strcmp);
	return 0;
}
`

const sourceCXX = `
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <regex>
int main(int argc, char **argv) {
	std::map<std::string, int> m;
	try {
		for (int i = 0; i < argc; i++) m[argv[i]]++;
		if (std::regex_match(argv[0], std::regex("a.*b"))) throw std::runtime_error("x");
	} catch (const std::exception &e) { std::cout << e.what(); }
	return m.size();
}
`

const sourceGo = `package main
import ("fmt"; "net/http"; "os"; "regexp")
func main() { fmt.Println(regexp.MustCompile(os.Args[0]), http.Get) }
`

// sourceSwitch makes functions with jump tables of every common form.
func sourceSwitch() string {
	var b bytes.Buffer
	b.WriteString("#include <stdlib.h>\nvolatile int sink; int other(int);\n")
	for f := range 40 {
		fmt.Fprintf(&b, "__attribute__((noinline)) int f%d(unsigned x, int *p) {\n", f)
		if f%3 == 1 {
			b.WriteString("for (int k = 0; k < (int)x; k++) { x += p[k];\n")
		}
		fmt.Fprintf(&b, "switch (%s) {\n", []string{"x", "(unsigned char)x", "x & 15", "*p", "p[x] - 7"}[f%5])
		for k := range 8 + f {
			fmt.Fprintf(&b, "case %d: sink = p[%d] * %d; %s break;\n", k+f%4, k, k*f+1, []string{"", "abort();", "p += sink;", "return sink;", "sink = other(sink);"}[(k*7+f)%5])
		}
		b.WriteString("default: sink = 1; }\n")
		if f%3 == 1 {
			b.WriteString("}\n")
		}
		b.WriteString("return sink; }\n")
	}
	b.WriteString("int other(int x) { return x; }\nint main(int c, char **v) { int a[100]; a[0] = c;\n")
	for f := range 40 {
		fmt.Fprintf(&b, "f%d(c, a);", f)
	}
	b.WriteString("}\n")
	return b.String()
}

func TestDiscoverReal(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs")
	}
	type sample struct {
		name, src, source string
		args              []string
	}
	list := []sample{
		{"glibc-386", "a.c", sourceC, []string{"gcc", "-O2", "-static", "-m32", "-pthread", "-lm"}},
		{"glibc-amd64", "a.c", sourceC, []string{"gcc", "-O2", "-static", "-pthread", "-lm"}},
		{"glibc-pie-386", "a.c", sourceC, []string{"gcc", "-O2", "-static-pie", "-m32", "-pthread", "-lm"}},
		{"glibc-pie-amd64", "a.c", sourceC, []string{"gcc", "-O2", "-static-pie", "-pthread", "-lm"}},
		{"c++-386", "a.cc", sourceCXX, []string{"g++", "-O2", "-static", "-m32"}},
		{"c++-amd64", "a.cc", sourceCXX, []string{"g++", "-O2", "-static"}},
		{"musl-amd64", "a.c", sourceC, []string{"musl-gcc", "-O2", "-static"}},
		{"go-amd64", "a.go", sourceGo, []string{"env", "GOARCH=amd64", "go", "build"}},
		{"go-386", "a.go", sourceGo, []string{"env", "GOARCH=386", "go", "build"}},
	}
	for _, s := range list {
		t.Run(s.name, func(t *testing.T) {
			path := build(t, s.src, s.source, s.args...)
			realProgram(t, path, true)
		})
	}
	for _, path := range strings.Fields(os.Getenv("BEE_DISCOVER")) {
		t.Run(filepath.Base(path), func(t *testing.T) { realProgram(t, path, false) })
	}
}

func realProgram(t *testing.T, path string, compiled bool) {
	all := loadELF(t, path, evAll)
	v := objdump(t, path, all.opt.Arch)
	for _, what := range []evidence{evAll, evUnwind, evBare} {
		r, c := compare(t, loadELF(t, path, what), v, 10)
		t.Logf("%-8s %v, unproven patterns %d", [...]string{"symbols", "unwind", "bare"}[what], r, len(c.unproven()))
		if !compiled {
			continue
		}
		if what == evAll && r.found < r.sites {
			t.Errorf("%d sites are not proven", r.sites-r.found)
		}
		if what != evBare && r.wrong > 0 || r.wrong > 2 {
			t.Errorf("%d instructions at no boundary", r.wrong)
		}
	}
}

func TestBitmap(t *testing.T) {
	b := newBitmap(300)
	for _, i := range []int{3, 64, 127, 128, 255} {
		b.set(i)
	}
	for _, tt := range []struct{ from, next, prev, nextClear int }{
		{0, 3, -1, 0}, {3, 3, 3, 4}, {4, 64, 3, 4}, {63, 64, 3, 63}, {127, 127, 127, 129}, {129, 255, 128, 129}, {256, 320, 255, 256},
	} {
		if n := b.next(tt.from); n != tt.next {
			t.Errorf("next(%d) = %d, want %d", tt.from, n, tt.next)
		}
		if n := b.prev(tt.from); n != tt.prev {
			t.Errorf("prev(%d) = %d, want %d", tt.from, n, tt.prev)
		}
		if n := b.nextClear(tt.from); n != tt.nextClear {
			t.Errorf("nextClear(%d) = %d, want %d", tt.from, n, tt.nextClear)
		}
	}
	if n := b.prevClear(128); n != 126 {
		t.Errorf("prevClear(128) = %d", n)
	}
}
