//go:build linux

// Command bench measures BEE against native programs in the same run and
// writes docs/benchmarks.md. It needs what `make setup build` leaves.
//
//	go run ./bench [-runs N] [-write]
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

func main() {
	runs := flag.Int("runs", 11, "how often each command runs; the median counts")
	write := flag.Bool("write", false, "write docs/benchmarks.md, not only standard output")
	flag.Parse()
	if err := run(*runs, *write); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(runs int, write bool) error {
	l, err := newLab()
	if err != nil {
		return err
	}
	defer l.close()

	var doc strings.Builder
	fmt.Fprintf(&doc, "# Benchmarks\n\nMade by `make bench`; medians of %d runs each, all in one run on one machine: %s, %d processors, %s. "+
		"Wine stands for Windows.\n\n", runs, cpuModel(), runtime.NumCPU(), l.wineVersion())
	// Wine's services start once, not in the first measurement.
	if err := l.make(nil, filepath.Join(l.build, "wine", "server"), "start"); err != nil {
		return err
	}
	sections := []func(*lab, int) (string, error){
		startup, callSheet.figures, threadSheet.figures, rewriter,
		func(l *lab, _ int) (string, error) { return cost(l) }, // counts instructions: one run
	}
	for _, section := range sections {
		text, err := section(l, runs)
		if err != nil {
			return err
		}
		doc.WriteString(text)
	}
	fmt.Print(doc.String())
	if !write {
		return nil
	}
	return os.WriteFile(filepath.Join(l.root, "docs", "benchmarks.md"), []byte(doc.String()), 0o644)
}

// lab is where programs are built and run.
type lab struct {
	root, build, work string
}

func newLab() (*lab, error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return nil, fmt.Errorf("go env GOMOD: %w", err)
	}
	l := &lab{root: filepath.Dir(strings.TrimSpace(string(out)))}
	l.build = os.Getenv("BEE_BUILD")
	if l.build == "" {
		l.build = filepath.Join(l.root, "build")
	}
	if _, err := os.Stat(filepath.Join(l.build, "windows-386", "beerun.exe")); err != nil {
		return nil, fmt.Errorf("%w: run make setup build", err)
	}
	if l.work, err = os.MkdirTemp("", "beebench"); err != nil {
		return nil, err
	}
	return l, nil
}

func (l *lab) close() { os.RemoveAll(l.work) }

// make runs a command that prepares something.
func (l *lab) make(env []string, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Dir = l.root
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

func (l *lab) wine() string { return filepath.Join(l.build, "wine", "run") }

func (l *lab) wineVersion() string {
	out, err := exec.Command(l.wine(), "--version").Output()
	if err != nil {
		return "Wine of unknown version"
	}
	return strings.TrimSpace(string(out))
}

func cpuModel() string {
	b, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(b)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}
