//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// costSubject is a program whose instructions are counted, as it is and as
// its linux-proof form.
type costSubject struct {
	name  string
	exe   string // below the work directory, without the width
	args  []string
	stdin string
	whole bool // a whole program, not a loop of what costs
}

// cost counts the instructions that the rewriting itself adds, natively on
// Linux. The proof form has the Windows form's plan: the same windows, pads
// and jumps, only with the original system calls in the trampolines.
func cost(l *lab) (string, error) {
	if _, err := exec.LookPath("valgrind"); err != nil {
		return "", fmt.Errorf("%w: tools/corpus.sh installs it", err)
	}
	text := costText()
	if err := os.WriteFile(filepath.Join(l.work, "text"), []byte(text), 0o644); err != nil {
		return "", err
	}
	in := filepath.Join(l.work, "text")
	subjects := []costSubject{
		{"busybox sha256sum, 500 KB", "busybox", []string{"sha256sum", in}, "", true},
		{"busybox sort, 20,000 lines", "busybox", []string{"sort", in}, "", true},
		{"busybox awk, 20,000 lines", "busybox", []string{"awk", "{ s += $1; n[$3]++ } END { print s, n[\"hive\"] }", in}, "", true},
		{"busybox gzip, 500 KB", "busybox", []string{"gzip", "-c", in}, "", true},
		{"busybox sh, a loop", "busybox", []string{"sh", "-c", "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done; echo $i"}, "", true},
		{"malloc and free", "cost", []string{"malloc"}, "", false},
		{"a failing call and errno", "cost", []string{"errno"}, "", false},
		{"functions with stack protector", "cost", []string{"stack-protector"}, "", false},
		{"`__thread` counters", "cost", []string{"thread-local"}, "", false},
		{"fprintf and putc", "cost", []string{"stdio"}, "", false},
	}
	widths := []struct{ name, flag string }{{"i386", "-m32"}, {"amd64", "-m64"}}
	rewriter := filepath.Join(l.build, "linux", "beerewrite")
	for _, w := range widths {
		busybox := filepath.Join(l.build, "thirdparty", "busybox-static-"+w.name, "bin", "busybox")
		cc := []string{w.flag, "-static", "-O2", "-fstack-protector-all", "-o", filepath.Join(l.work, "cost-"+w.name), "bench/programs/cost/cost.c"}
		if err := l.make(nil, "gcc", cc...); err != nil {
			return "", err
		}
		if err := l.make(nil, "cp", busybox, filepath.Join(l.work, "busybox-"+w.name)); err != nil {
			return "", err
		}
		for _, exe := range []string{"busybox", "cost"} {
			p := filepath.Join(l.work, exe+"-"+w.name)
			if err := l.make(nil, rewriter, "-q", p, "-o", p+".proof", "--form", "linux-proof"); err != nil {
				return "", err
			}
		}
	}
	var b strings.Builder
	b.WriteString("## What the rewriting costs\n\nInstructions on native Linux (callgrind): the original, and its linux-proof form, which is patched by the same plan.\n\n" +
		"| | IA-32, millions | rewritten | more | x86-64, millions | rewritten | more |\n|---|---|---|---|---|---|---|\n")
	worst := 0.0
	for _, s := range subjects {
		fmt.Fprintf(&b, "| %s |", s.name)
		for _, w := range widths {
			p := filepath.Join(l.work, s.exe+"-"+w.name)
			before, err := l.instructions(p, s)
			if err != nil {
				return "", err
			}
			after, err := l.instructions(p+".proof", s)
			if err != nil {
				return "", err
			}
			more := 100 * (float64(after)/float64(before) - 1)
			if s.whole {
				worst = max(worst, more)
			}
			fmt.Fprintf(&b, " %.2f | %.2f | %.2f %% |", float64(before)/1e6, float64(after)/1e6, more)
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "\nMost on a whole program: %.2f %%.\n\n", worst)
	b.WriteString("Nearly all of awk's is in malloc and free, which it calls for every field: their cache per thread is found through\n" +
		"thread-local words at an offset that the linker chose, so no slot can stand for them. Per pair of calls five such accesses leave\n" +
		"by a jump and come back by one; the two of them that are shorter than a jump reach theirs by a pad, which is a third.\n\n")
	return b.String(), nil
}

func costText() string {
	var b strings.Builder
	n := uint32(1)
	for i := range 20000 {
		n = n*1664525 + 1013904223
		fmt.Fprintf(&b, "%d line%d hive\n", n>>12, i%97)
	}
	return b.String()
}

var collected = regexp.MustCompile(`Collected : (\d+)`)

// instructions runs a program under callgrind.
func (l *lab) instructions(exe string, s costSubject) (uint64, error) {
	args := append([]string{"--tool=callgrind", "--callgrind-out-file=/dev/null", exe}, s.args...)
	cmd := exec.Command("valgrind", args...)
	cmd.Stdin = strings.NewReader(s.stdin)
	cmd.Env = []string{"PATH=/usr/bin:/bin", "LANG=C", "TZ=UTC0"}
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("%s: %w\n%s", filepath.Base(exe), err, errOut.String())
	}
	m := collected.FindStringSubmatch(errOut.String())
	if m == nil {
		return 0, fmt.Errorf("%s: callgrind gave no count:\n%s", filepath.Base(exe), errOut.String())
	}
	return strconv.ParseUint(m[1], 10, 64)
}
