//go:build linux

package main

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// program is one member of the corpus.
type program struct {
	group string // a row of the summary
	name  string // unique
	arch  string // i386 or amd64
	path  string // where it is, or will be

	// How it is made: a command, its environment, the files it depends on.
	// Programs of packages have none.
	env, argv, sources []string
	// change edits the file that from made.
	from   *program
	change func([]byte) ([]byte, error)

	refuse  string // a word of the expected refusal
	pkg     string // Go test binaries: the package
	actions []action
}

var arches = []string{"i386", "amd64"}

// list gives all programs, those too that cannot be made here.
func (l *lab) list() []*program {
	var out []*program
	out = append(out, l.debian()...)
	for _, arch := range arches {
		out = append(out, l.compiled(arch)...)
		out = append(out, l.numeric(arch)...)
		out = append(out, l.golang(arch)...)
	}
	return out
}

// debian gives the static programs of the unpacked packages, and as refusals
// the dynamic ones of klibc, which has a loader of its own.
func (l *lab) debian() []*program {
	var out []*program
	root := filepath.Join(l.dir, "packages")
	dirs, _ := filepath.Glob(filepath.Join(root, "*"))
	for _, dir := range dirs {
		base := filepath.Base(dir)
		i := strings.LastIndexByte(base, '-')
		if i < 0 || strings.HasPrefix(base, ".") || strings.HasSuffix(base[:i], "-dev") {
			continue
		}
		pkg, arch := base[:i], base[i+1:]
		filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return nil
			}
			kind := elfKind(path)
			p := &program{group: "Debian", arch: arch, path: path, name: filepath.Base(path) + "-" + arch}
			switch {
			case kind == "static" || kind == "static-pie":
			case kind == "dynamic" && pkg == "klibc-utils":
				p.group, p.refuse = "klibc's dynamic programs", "dynamically linked"
			default:
				return nil
			}
			if pkg != "klibc-utils" && strings.HasPrefix(filepath.Base(path), "lib") {
				return nil
			}
			// mksh comes with several C libraries: usr/lib/klibc/bin/mksh.
			if up := filepath.Base(filepath.Dir(filepath.Dir(path))); up != "usr" && up != filepath.Base(dir) && kind == "static" {
				p.name = up + "-" + p.name
			}
			p.actions = debianActions[filepath.Base(path)]
			out = append(out, p)
			return nil
		})
	}
	return out
}

// elfKind tells what the headers of a file say: static, static-pie, dynamic,
// or nothing.
func elfKind(path string) string {
	b := make([]byte, 4)
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	if _, err := f.Read(b); err != nil || string(b) != elf.ELFMAG {
		return ""
	}
	e, err := elf.NewFile(f)
	if err != nil || e.Type != elf.ET_EXEC && e.Type != elf.ET_DYN {
		return ""
	}
	kind := "static"
	if e.Type == elf.ET_DYN {
		kind = "static-pie"
		if !slices.ContainsFunc(e.Progs, func(p *elf.Prog) bool {
			return p.Type == elf.PT_LOAD && p.Flags&elf.PF_X != 0 && e.Entry-p.Vaddr < p.Filesz
		}) {
			return ""
		}
		if flags, err := e.DynValue(elf.DT_FLAGS_1); err != nil || len(flags) == 0 || flags[0]&0x08000000 == 0 {
			return "" // a shared library
		}
	}
	for _, p := range e.Progs {
		if p.Type == elf.PT_INTERP {
			return "dynamic"
		}
	}
	return kind
}

// builds are ways to compile C.
var builds = []struct{ name, flags string }{
	{"O0", "-O0 -fstack-protector-all"},
	{"O2", "-O2"},
	{"O3", "-O3 -march=native"},
	{"Os", "-Os"},
}

// sources of testdata/programs, and what to give them.
var sources = []struct {
	name    string
	actions []action
}{
	{"hello.c", []action{{}, {args: []string{"77"}}}},
	{"heap.c", []action{{}}},
	{"numbers.c", []action{{}}},
	{"jumps.c", []action{{}}},
	{"tls.c", []action{{}}},
	{"memory.c", []action{{}}},
	{"files.c", []action{{}}},
	{"input.c", []action{{stdin: "text"}}},
	{"exceptions.cc", []action{{}}},
	{"streams.cc", []action{{stdin: "the bee and the hive and the queen\nbee\n"}}},
	{"uncaught.cc", []action{{}}},
}

// few are built by the usual compiler only.
var few = []struct {
	name    string
	actions []action
}{
	{"ending.c", words("exit 3", "return 4", "_exit 5", "thread-exit 6", "atexit 7", "_exit-in-atexit 8", "abort", "assert", "raise 15", "kill 9")},
	{"locale.c", []action{{}}},
	{"stack.c", []action{{}}},
	{"large.c", []action{{}}},
	{"listing.c", []action{{}}},
	{"fault.c", words("null-read", "jump-0", "divide", "ud2", "int3", "hlt", "bad-opcode", "overflow", "write-const")},
}

func words(lines ...string) []action {
	var out []action
	for _, l := range lines {
		out = append(out, action{args: strings.Fields(l)})
	}
	return out
}

func (l *lab) compiled(arch string) []*program {
	var out []*program
	m := map[string]string{"i386": "-m32", "amd64": "-m64"}[arch]
	for i, s := range slices.Concat(sources, few) {
		if (s.name == "memory.c" || s.name == "fault.c") && arch != "i386" {
			continue // IA-32's own calls and instructions
		}
		file := filepath.Join("testdata", "programs", s.name)
		cxx := strings.HasSuffix(s.name, ".cc")
		stem, _, _ := strings.Cut(s.name, ".")
		gcc, clang, lang := "gcc", "clang", "C"
		if cxx {
			gcc, clang, lang = "g++", "clang++", "C++"
		}
		add := func(group, how string, argv ...string) *program {
			p := &program{
				group: lang + ", " + group, arch: arch, sources: []string{file}, actions: s.actions,
				name: fmt.Sprintf("%s-%s-%s", stem, how, arch),
			}
			p.path = l.bin(p.name)
			p.argv = append(argv, "-g", "-o", p.path, file, "-lm")
			out = append(out, p)
			return p
		}
		for _, b := range builds {
			flags := strings.Fields(b.flags)
			if i >= len(sources) && b.name != "O2" {
				continue
			}
			add("gcc, glibc", "gcc-"+b.name, append([]string{gcc, m, "-static"}, flags...)...)
			if !cxx {
				add("gcc, musl", "musl-"+b.name, append([]string{filepath.Join(l.build_, "musl", arch+"-gcc"), "-static"}, flags...)...)
			}
		}
		if i >= len(sources) {
			continue
		}
		p := add("gcc, glibc", "gcc-stripped", gcc, m, "-static", "-O2", "-s")
		noSections := &program{
			group: p.group, name: stem + "-gcc-nosections-" + arch, arch: arch, actions: s.actions,
			from: p, change: dropSections,
		}
		noSections.path = l.bin(noSections.name)
		out = append(out, noSections)
		add("gcc, glibc, lld", "lld-O2", gcc, m, "-static", "-no-pie", "-O2", "-fuse-ld=lld")
		add("gcc, glibc, static PIE", "pie-O2", gcc, m, "-static-pie", "-fPIE", "-O2")
		add("clang, glibc", "clang-O2", clang, m, "-static", "-O2")
		add("clang, glibc", "clang-O0", clang, m, "-static", "-O0")
		add("clang, glibc, lld", "clang-lld-O3", clang, m, "-static", "-O3", "-march=native", "-fuse-ld=lld")
	}
	return out
}

func (l *lab) bin(name string) string { return filepath.Join(l.dir, "bin", name) }

// dropSections gives the file without its section headers, as sstrip does.
func dropSections(b []byte) ([]byte, error) {
	if len(b) < 64 {
		return nil, fmt.Errorf("no ELF file")
	}
	b = bytes.Clone(b)
	if b[elf.EI_CLASS] == byte(elf.ELFCLASS64) {
		clear(b[40:48])
		clear(b[58:64])
	} else {
		clear(b[32:36])
		clear(b[46:52])
	}
	return b, nil
}

// numeric gives Fortran, OpenMP, OpenBLAS and LAPACK programs.
func (l *lab) numeric(arch string) []*program {
	m := map[string]string{"i386": "-m32", "amd64": "-m64"}[arch]
	triple := map[string]string{"i386": "i386-linux-gnu", "amd64": "x86_64-linux-gnu"}[arch]
	blas := filepath.Join(l.dir, "packages", "libopenblas-pthread-dev-"+arch, "usr", "lib", triple, "openblas-pthread", "libopenblas.a")
	lapack := filepath.Join(l.dir, "packages", "liblapack-dev-"+arch, "usr", "lib", triple, "lapack", "liblapack.a")
	threads := []string{"OMP_NUM_THREADS=2", "OPENBLAS_NUM_THREADS=2"}
	var out []*program
	add := func(group, name string, argv ...string) *program {
		p := &program{group: group, name: name + "-" + arch, arch: arch, actions: []action{{env: threads}}}
		p.path = l.bin(p.name)
		p.argv = append(argv, "-o", p.path)
		out = append(out, p)
		return p
	}
	// libgfortran names threads' functions weakly, so that the linker may leave one out and it is called all the same.
	f90 := "testdata/programs/quadrature.f90"
	for _, opt := range []string{"-O0", "-O2", "-O3 -march=native"} {
		how, _, _ := strings.Cut(strings.TrimPrefix(opt, "-"), " ")
		p := add("Fortran, OpenMP", "quadrature-"+how, append([]string{"gfortran", m, "-static", "-fopenmp", "-Wl,-u,pthread_mutex_destroy", f90}, strings.Fields(opt)...)...)
		p.sources = []string{f90}
	}
	c := "testdata/programs/eigen.c"
	p := add("OpenBLAS", "eigen-openblas", "gfortran", m, "-static", "-O2", c, blas, "-lm", "-lpthread")
	p.sources = []string{c, blas}
	p = add("LAPACK with OpenBLAS", "eigen-lapack", "gfortran", m, "-static", "-O2", c, lapack, blas, "-lm", "-lpthread")
	p.sources = []string{c, lapack, blas}
	return out
}

// The packages of Go's standard library whose tests are members.
var (
	goTestPackages = []string{
		"strings", "sort", "math", "strconv", "encoding/json", "compress/flate", "crypto/sha256", "os", "time", "sync",
	}
	// These are rewritten, not run: their tests take long.
	goTestMore  = []string{"runtime", "math/big", "crypto/tls", "net/http", "regexp", "reflect"}
	goCommands  = []string{"cmd/gofmt", "cmd/vet", "cmd/compile", "cmd/link"}
	goOurs      = []string{"./cmd/beerewrite"}
	goArch      = map[string]string{"i386": "386", "amd64": "amd64"}
	goTestGroup = "Go test binaries"
)

func (l *lab) golang(arch string) []*program {
	var out []*program
	env := []string{"CGO_ENABLED=0", "GOOS=linux", "GOARCH=" + goArch[arch]}
	add := func(group, name string, argv ...string) *program {
		p := &program{group: group, name: name + "-" + arch, arch: arch, env: env}
		p.path = l.bin(p.name)
		p.argv = append(argv[:len(argv)-1:len(argv)-1], "-o", p.path, argv[len(argv)-1])
		out = append(out, p)
		return p
	}
	for _, pkg := range slices.Concat(goTestPackages, goTestMore) {
		p := add(goTestGroup, strings.ReplaceAll(pkg, "/", "-")+".test", "go", "test", "-c", pkg)
		if slices.Contains(goTestPackages, pkg) {
			p.pkg = pkg
		}
	}
	for _, pkg := range slices.Concat(goCommands, goOurs) {
		p := add("Go programs", "go-"+filepath.Base(pkg), "go", "build", "-trimpath", pkg)
		if strings.HasPrefix(pkg, ".") {
			p.sources = []string{l.rewriter} // changes when the package does
		}
		switch filepath.Base(pkg) {
		case "gofmt":
			p.actions = []action{{stdin: "package  x\nfunc f( ) { }\n"}, {stdin: "package"}}
		case "compile":
			p.actions = []action{{args: []string{"-V=full"}}, {args: []string{"-S", "missing.go"}}}
		}
	}
	p := add("Go programs", "go-stripped-gofmt", "go", "build", "-trimpath", "-ldflags=-s -w", "cmd/gofmt")
	p.actions = []action{{stdin: "package  x\nfunc f( ) { }\n"}}
	p = add("Go programs", "go-panic", "go", "build", "-trimpath", "./testdata/programs/gopanic")
	p.sources = []string{"testdata/programs/gopanic/main.go"}
	p.actions = []action{{}, {args: []string{"nil"}}, {args: []string{"deep"}}, {args: []string{"syscall"}}, {args: []string{"throw"}}}
	return out
}
