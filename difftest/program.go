//go:build linux

package difftest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
)

// Program is a guest program: one that is there already (Path), or a source
// of testdata/programs and the way to build it.
type Program struct {
	Path   string // below the build directory; ARCH in it is the width's name
	Argv0  string
	Source string // below testdata/programs, or below In
	In     string // a directory below the build directory, for sources of others
	Kit    Kit
	Flags  string // further compiler flags, blank-separated; DIR in them is the source's directory, PROGRAMS testdata/programs
	Libs   string // static libraries below the build directory, blank-separated; ARCH and CPU in them as in Path
}

// Kit is a compiler and C library.
type Kit uint8

// The kits.
const (
	Glibc Kit = iota
	Musl
	NoLibc // its own _start and system calls
	CXX
	LLD // glibc, linked by lld: IA-32 at 0x400000, x86-64 at 0x200000
	PIE // glibc, position-independent
	CXXPIE
	GoTool  // Go's own, one file
	Fortran // gfortran
)

func (k Kit) String() string {
	return [...]string{"glibc", "musl", "nolibc", "c++", "lld", "pie", "c++pie", "go", "fortran"}[k]
}

func (k Kit) command(build string, a Arch) []string {
	m := map[Arch]string{I386: "-m32", AMD64: "-m64"}[a]
	switch k {
	case Musl:
		return []string{filepath.Join(build, "musl", a.String()+"-gcc"), "-static", "-O2", "-g"}
	case NoLibc:
		return []string{
			"gcc", m, "-static", "-O2", "-g", "-nostdlib", "-ffreestanding", "-fno-pie", "-no-pie",
			"-fno-stack-protector", "-fno-asynchronous-unwind-tables",
		}
	case CXX:
		return []string{"g++", m, "-static", "-O2", "-g", "-std=c++17"}
	case PIE:
		return []string{"gcc", m, "-static-pie", "-O2", "-g"}
	case CXXPIE:
		return []string{"g++", m, "-static-pie", "-O2", "-g", "-std=c++17"}
	case GoTool:
		return []string{"go", "build", "-trimpath"}
	case Fortran:
		return []string{"gfortran", m, "-static", "-O2", "-g"}
	case LLD:
		return []string{"gcc", m, "-static", "-O2", "-g", "-fuse-ld=lld", "-no-pie"}
	default:
		return []string{"gcc", m, "-static", "-O2", "-g"}
	}
}

// The static programs of Debian packages, which the set-up unpacks.
var (
	Busybox   = Program{Path: "thirdparty/busybox-static-ARCH/bin/busybox", Argv0: "busybox"}
	Bash      = Program{Path: "thirdparty/bash-static-ARCH/bin/bash-static", Argv0: "bash"}
	Zsh       = Program{Path: "thirdparty/zsh-static-ARCH/bin/zsh-static", Argv0: "zsh"}
	MkshMusl  = Program{Path: "thirdparty/mksh-ARCH/usr/lib/CPU-linux-musl/bin/mksh", Argv0: "mksh"}
	MkshDiet  = Program{Path: "thirdparty/mksh-ARCH/usr/lib/diet/bin/mksh", Argv0: "mksh"}
	MkshKlibc = Program{Path: "thirdparty/mksh-ARCH/usr/lib/klibc/bin/mksh", Argv0: "mksh"}
)

func (p Program) String() string {
	if p.Source == "" {
		return filepath.Base(p.Path)
	}
	name := strings.TrimSuffix(p.Source, filepath.Ext(p.Source)) + "-" + p.Kit.String()
	if p.Flags != "" && p.In == "" {
		name += "-" + strings.Trim(strings.Join(strings.Fields(p.Flags), ""), "-")
	}
	return name
}

func (p Program) argv0() string {
	if p.Argv0 != "" {
		return p.Argv0
	}
	return strings.TrimSuffix(p.Source, filepath.Ext(p.Source))
}

// store builds and rewrites programs and keeps the results under their
// inputs' digest.
type store struct {
	root  string // of the module
	build string // the build directory
	dir   string // of the results

	mu   sync.Mutex // guards done
	done map[string]*built
}

type built struct {
	once sync.Once
	path string
	err  error
}

// make returns dir/KEY/name, which fill writes if it is not there yet.
func (s *store) make(key []byte, name string, fill func(tmp string) error) (string, error) {
	sum := sha256.Sum256(key)
	path := filepath.Join(s.dir, hex.EncodeToString(sum[:12]), name)
	s.mu.Lock()
	if s.done == nil {
		s.done = map[string]*built{}
	}
	b := s.done[path]
	if b == nil {
		b = &built{path: path}
		s.done[path] = b
	}
	s.mu.Unlock()
	b.once.Do(func() {
		if _, err := os.Stat(path); err == nil {
			return
		}
		if b.err = os.MkdirAll(filepath.Dir(path), 0o755); b.err != nil {
			return
		}
		tmp := path + fmt.Sprintf(".%d.tmp", os.Getpid())
		defer os.Remove(tmp)
		if b.err = fill(tmp); b.err == nil {
			b.err = os.Rename(tmp, path)
		}
	})
	return b.path, b.err
}

// below is the path of a file of that width below the build directory.
func (s *store) below(path string, a Arch) string {
	cpu := map[Arch]string{I386: "i386", AMD64: "x86_64"}[a]
	return filepath.Join(s.build, strings.NewReplacer("ARCH", a.String(), "CPU", cpu).Replace(path))
}

// native returns the path of the program of that width as Linux runs it.
func (s *store) native(p Program, a Arch) (string, error) {
	if p.Source == "" {
		path := s.below(p.Path, a)
		if _, err := os.Stat(path); err != nil {
			return "", fmt.Errorf("%w (make setup unpacks it)", err)
		}
		return path, nil
	}
	source := filepath.Join(s.root, "testdata/programs", p.Source)
	if p.In != "" {
		source = filepath.Join(s.build, p.In, p.Source)
	}
	text, err := os.ReadFile(source)
	if err != nil {
		return "", err
	}
	programs := filepath.Join(s.root, "testdata/programs")
	flags := strings.Fields(strings.NewReplacer("DIR", filepath.Dir(source), "PROGRAMS", programs).Replace(p.Flags))
	args := append(p.Kit.command(s.build, a), flags...)
	version, err := compilerVersion(args[0])
	if err != nil {
		return "", err
	}
	key := fmt.Appendf(nil, "%q\n%s\n%s", args, version, text)
	for _, m := range localInclude.FindAllSubmatch(text, -1) {
		header, err := os.ReadFile(filepath.Join(filepath.Dir(source), string(m[1])))
		if errors.Is(err, os.ErrNotExist) {
			continue // the flags say where it is
		}
		if err != nil {
			return "", err
		}
		key = append(key, header...)
	}
	for _, flag := range flags {
		if !strings.HasPrefix(flag, programs) {
			continue
		}
		header, err := os.ReadFile(flag)
		if errors.Is(err, os.ErrNotExist) {
			continue // the flags say where it is
		}
		if err != nil {
			return "", err
		}
		key = append(key, header...)
	}
	var libs []string
	for _, lib := range strings.Fields(p.Libs) {
		lib = s.below(lib, a)
		sum, err := fileSum(lib)
		if err != nil {
			return "", err
		}
		libs = append(libs, lib)
		key = append(key, sum...)
	}
	if p.Kit != GoTool {
		libs = append(libs, "-lm")
	}
	return s.make(key, p.String()+"-"+a.String(), func(tmp string) error {
		cmd := exec.Command(args[0], append(append(args[1:], "-o", tmp, source), libs...)...)
		if p.Kit == GoTool {
			cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+map[Arch]string{I386: "386", AMD64: "amd64"}[a])
		}
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("compile %s: %w\n%s", p, err, out)
		}
		return os.Chmod(tmp, 0o755)
	})
}

// localInclude finds the headers that lie beside a source.
var localInclude = regexp.MustCompile(`(?m)^#include "(.*)"`)

// windows returns a Windows program that a run needs, built from a source of testdata/programs.
func (s *store) windows(source string) (string, error) {
	const compiler = "i686-w64-mingw32-gcc"
	path := filepath.Join(s.root, "testdata/programs", source)
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	version, err := compilerVersion(compiler)
	if err != nil {
		return "", err
	}
	name := strings.TrimSuffix(filepath.Base(source), ".c") + ".exe"
	return s.make([]byte(version+string(text)), name, func(tmp string) error {
		out, err := exec.Command(compiler, "-O2", "-s", "-o", tmp, path).CombinedOutput()
		if err != nil {
			return fmt.Errorf("compile %s: %w\n%s", source, err, out)
		}
		return nil
	})
}

var versions sync.Map

func compilerVersion(compiler string) (string, error) {
	if v, ok := versions.Load(compiler); ok {
		return v.(string), nil
	}
	flag := "--version"
	if compiler == "go" {
		flag = "version"
	}
	out, err := exec.Command(compiler, flag).Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", compiler, flag, err)
	}
	versions.Store(compiler, string(out))
	return string(out), nil
}

// rewritten returns the proof or bee form of the program of that width.
func (s *store) rewritten(p Program, a Arch, form form, beerewrite string) (string, error) {
	in, err := s.native(p, a)
	if err != nil {
		return "", err
	}
	key := []byte(form.String())
	for _, path := range []string{in, beerewrite} {
		sum, err := fileSum(path)
		if err != nil {
			return "", err
		}
		key = append(key, sum...)
	}
	args := []string{in, "-o"}
	suffix := ".bee"
	if form == proof {
		args = []string{"--form=linux-proof", in, "-o"}
		suffix = ".proof"
	}
	return s.make(key, filepath.Base(in)+suffix, func(tmp string) error {
		out, err := exec.Command(beerewrite, append(args, tmp)...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("beerewrite of %s (%s form): %w\n%s", p, form, err, out)
		}
		return os.Chmod(tmp, 0o755)
	})
}

var sums sync.Map

func fileSum(path string) ([]byte, error) {
	if v, ok := sums.Load(path); ok {
		return v.([]byte), nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	sums.Store(path, sum[:])
	return sum[:], nil
}
