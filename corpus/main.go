//go:build linux

// Command corpus shows what the rewriter does to programs that nobody here
// wrote: it builds what `tools/corpus.sh` fetched, rewrites every program,
// runs the rewritten forms on native Linux beside their originals, and writes
// docs/coverage.md.
//
//	list.go      which programs there are      build.go   how they are made
//	rewrite.go   the rewriter over each        patterns.go what it left alone
//	behave.go    proof forms as their originals gotest.go  Go's own tests
//	self.go      the rewriter rewritten        soak.go    damaged files
//	doc.go       the page
//
// Everything lies below build/corpus/. A short form runs as this package's
// tests, over what is there.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

func main() {
	if len(os.Args) > 3 && os.Args[1] == "peak" {
		os.Exit(peak(os.Args[2], os.Args[3:]))
	}
	var o options
	only := flag.String("only", "", "programs whose names match this regular expression")
	flag.BoolVar(&o.write, "write", false, "write docs/coverage.md")
	flag.StringVar(&o.stages, "stages", "rewrite,behave,go,self,soak", "what to do, of these")
	flag.BoolVar(&o.short, "short", false, "pass -test.short to Go's tests")
	flag.BoolVar(&o.verbose, "v", false, "one line for each program")
	flag.IntVar(&o.mutants, "n", 10000, "how many damaged files soak makes")
	flag.Uint64Var(&o.seed, "seed", 1, "what soak's damage depends on")
	flag.Parse()
	var err error
	if o.only, err = regexp.Compile(*only); err == nil {
		err = run(o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "corpus:", err)
		os.Exit(1)
	}
}

type options struct {
	only                  *regexp.Regexp
	stages                string
	write, short, verbose bool
	mutants               int
	seed                  uint64
}

// errDiffers says that something is not as it should be; what was printed.
var errDiffers = errors.New("see above")

func run(o options) error {
	l, err := newLab()
	if err != nil {
		return err
	}
	defer l.close()
	l.verbose = o.verbose
	if l.self, err = os.Executable(); err != nil {
		return err
	}
	stage := func(name string) bool {
		for s := range strings.SplitSeq(o.stages, ",") {
			if s == name {
				return true
			}
		}
		return false
	}
	bad := 0
	var soaked *soaked
	if stage("soak") {
		l.build(l.list(), soakPrograms)
		soaked = soak(soakFiles(l), o.mutants, o.seed)
		fmt.Println(soaked)
		for _, f := range soaked.failures {
			fmt.Println(f)
		}
		bad += len(soaked.failures)
	}
	if !stage("rewrite") && !stage("behave") && !stage("go") && !stage("self") {
		return failed(bad)
	}

	programs, missing := l.build(l.list(), o.only)
	for _, m := range missing {
		fmt.Println("left out:", m)
	}
	p := &page{missing: missing, measured: l.rewriteAll(programs), soaked: soaked}
	if stage("behave") {
		p.behaved = l.behaveAll(p.measured)
		bad += p.behaved.print()
	}
	for _, m := range p.measured {
		bad += l.tell(m)
	}
	if stage("go") {
		p.goTests = l.goTests(p.measured, o.short)
		bad += p.goTests.print()
	}
	if stage("self") {
		p.self = l.selfStress(p.measured)
		bad += p.self.print()
	}
	text := p.markdown()
	if !o.write {
		fmt.Print(text)
	} else if err := os.WriteFile(filepath.Join(l.root, "docs", "coverage.md"), []byte(text), 0o644); err != nil {
		return err
	}
	return failed(bad)
}

func failed(n int) error {
	if n > 0 {
		return fmt.Errorf("%d things are not as they should be: %w", n, errDiffers)
	}
	return nil
}

// lab knows where things are.
type lab struct {
	root, build_  string // the module, its build directory
	dir           string // build/corpus
	tmp           string // below it, of this run alone
	rewriter      string // beerewrite
	guard         string
	self          string // this command, to measure memory; not in tests
	verbose       bool
	goRoot        string
	compilerCache map[string]string
}

func newLab() (*lab, error) {
	out, err := exec.Command("go", "env", "GOMOD", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	words := strings.Fields(string(out))
	if len(words) != 2 {
		return nil, fmt.Errorf("go env: %q", out)
	}
	l := &lab{root: filepath.Dir(words[0]), goRoot: words[1], compilerCache: map[string]string{}}
	l.build_ = os.Getenv("BEE_BUILD")
	if l.build_ == "" {
		l.build_ = filepath.Join(l.root, "build")
	}
	l.dir = filepath.Join(l.build_, "corpus")
	l.guard = filepath.Join(l.build_, "linux", "guard")
	for _, d := range []string{"bin", "proof", "work"} {
		if err := os.MkdirAll(filepath.Join(l.dir, d), 0o755); err != nil {
			return nil, err
		}
	}
	// On the same file system, for links.
	if l.tmp, err = os.MkdirTemp(filepath.Join(l.dir, "work"), "run"); err != nil {
		return nil, err
	}
	// Our own, so that nothing replaces it meanwhile.
	l.rewriter = filepath.Join(l.dir, "beerewrite")
	cmd := exec.Command("go", "build", "-trimpath", "-o", l.rewriter, "./cmd/beerewrite")
	cmd.Dir = l.root
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build: %w\n%s", err, out)
	}
	return l, nil
}

func (l *lab) close() { os.RemoveAll(l.tmp) }
