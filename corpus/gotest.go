//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// goTested is the outcome of Go's own tests in both forms.
type goTested struct {
	rows  []goRow
	short bool
}

type goRow struct {
	pkg, arch        string
	pass, fail, skip int // of the original
	differ           []string
	unfiltered       int // compared without the filter
	original, proof  time.Duration
}

// goDeadline bounds one test binary.
const goDeadline = 10 * time.Minute

// goTests runs Go's test binaries in their packages' directories: original
// and proof form, both under the filter, the proof form's over its text.
func (l *lab) goTests(list []*outcome, short bool) *goTested {
	g := &goTested{short: short}
	for _, m := range list {
		if m.pkg == "" || m.report == nil {
			continue
		}
		row := goRow{pkg: m.pkg, arch: m.arch}
		ranges, err := textRanges(m.path, m.proof)
		if err != nil || len(ranges) == 0 {
			row.differ = append(row.differ, fmt.Sprintf("no text: %v", err))
			g.rows = append(g.rows, row)
			continue
		}
		want, d1, err1 := l.goTest(m.path, m.pkg, []string{"0x1000-0x2000"}, short, "")
		got, d2, err2 := l.goTest(m.proof, m.pkg, ranges, short, "")
		row.original, row.proof = d1, d2
		row.differ = compareTests(want, got)
		// What waits for time differs now and then: those tests once more,
		// in both forms.
		if len(row.differ) > 0 && len(row.differ) <= 20 && err1 == nil && err2 == nil {
			var tops []string
			for _, name := range row.differ {
				top, _, _ := strings.Cut(name, "/")
				top, _, _ = strings.Cut(top, ":")
				tops = append(tops, regexp.QuoteMeta(top))
			}
			slices.Sort(tops)
			only := "^(" + strings.Join(slices.Compact(tops), "|") + ")$"
			w2, _, _ := l.goTest(m.path, m.pkg, []string{"0x1000-0x2000"}, short, only)
			g2, _, _ := l.goTest(m.proof, m.pkg, ranges, short, only)
			row.differ = compareTests(w2, g2)
			// Some run the go command, a Go program at the same address, and
			// it dies of the inherited filter. Those again without.
			if n := len(row.differ); n > 0 && !slices.ContainsFunc(row.differ, func(d string) bool { return !strings.HasSuffix(d, ":PASS/SKIP") }) {
				g2, _, _ = l.goTest(m.proof, m.pkg, []string{"0x1000-0x2000"}, short, only)
				row.differ = compareTests(w2, g2)
				row.unfiltered = n
			}
		}
		for _, e := range []error{err1, err2} {
			if e != nil {
				row.differ = append(row.differ, e.Error())
			}
		}
		for _, s := range want {
			switch s {
			case "PASS":
				row.pass++
			case "FAIL":
				row.fail++
			case "SKIP":
				row.skip++
			}
		}
		g.rows = append(g.rows, row)
		fmt.Printf("go test %-16s %-6s pass %5d fail %3d skip %3d, differ %d, %.1f s and %.1f s\n",
			row.pkg, row.arch, row.pass, row.fail, row.skip, len(row.differ), d1.Seconds(), d2.Seconds())
	}
	return g
}

var testLine = regexp.MustCompile(`(?m)^ *--- (PASS|FAIL|SKIP): (\S+)`)

// goTest gives the outcome of each test.
func (l *lab) goTest(path, pkg string, ranges []string, short bool, only string) (map[string]string, time.Duration, error) {
	tmp, err := os.MkdirTemp("", "corpus")
	if err != nil {
		return nil, 0, err
	}
	defer os.RemoveAll(tmp)
	var args []string
	for _, r := range append(ranges, "0x1000-0x2000") {
		args = append(args, "-r", r)
	}
	args = append(args, "-o", filepath.Join(tmp, ".report"), path, "-test.v", "-test.timeout="+goDeadline.String())
	if short {
		args = append(args, "-test.short")
	}
	if only != "" {
		args = append(args, "-test.run="+only)
	}
	ctx, cancel := context.WithTimeout(context.Background(), goDeadline+10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, l.guard, args...)
	cmd.Dir = filepath.Join(l.goRoot, "src", filepath.FromSlash(pkg))
	cmd.WaitDelay = 5 * time.Second
	// The tests look for the go command and for a temporary folder.
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp, "GOROOT="+l.goRoot, "GOFLAGS=", "GOWORK=off", "BEE_BUILD=")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	start := time.Now()
	runErr := cmd.Run()
	d := time.Since(start)
	got := map[string]string{}
	for _, m := range testLine.FindAllSubmatch(out.Bytes(), -1) {
		name := string(m[2])
		if old, ok := got[name]; ok && old != string(m[1]) {
			got[name] = "FAIL"
			continue
		}
		got[name] = string(m[1])
	}
	if report, _ := os.ReadFile(filepath.Join(tmp, ".report")); len(report) > 0 {
		return got, d, fmt.Errorf("killed by the guard: %s", tail(out.String()))
	}
	if len(got) == 0 || ctx.Err() != nil {
		return got, d, fmt.Errorf("%v: %s", runErr, tail(out.String()))
	}
	if !bytes.HasSuffix(bytes.TrimSpace(out.Bytes()), []byte("PASS")) && !bytes.Contains(out.Bytes(), []byte("\nFAIL")) {
		return got, d, fmt.Errorf("ended early: %s", tail(out.String()))
	}
	return got, d, nil
}

func tail(s string) string {
	s = strings.TrimSpace(s)
	return fmt.Sprintf("%q", s[max(0, len(s)-200):])
}

// compareTests lists the tests whose outcomes differ.
func compareTests(want, got map[string]string) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if g, ok := got[name]; !ok || g != want[name] {
			out = append(out, fmt.Sprintf("%s:%s/%s", name, want[name], g))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[name]; !ok {
			out = append(out, fmt.Sprintf("%s:/%s", name, got[name]))
		}
	}
	return out
}

func (g *goTested) print() int {
	n := 0
	for _, r := range g.rows {
		n += len(r.differ)
		for _, d := range r.differ {
			fmt.Printf("go test %s %s: %s\n", r.pkg, r.arch, d)
		}
	}
	return n
}

func (g *goTested) markdown(b *strings.Builder) {
	how := "the whole suite"
	if g.short {
		how = "with -test.short"
	}
	fmt.Fprintf(b, "## Go's own tests\n\nOriginal and linux-proof form, %s; the latter under the filter over its text.\n\n"+
		"| package | width | pass | fail in both | skip | differ | without filter | original s | proof s |\n|---|---|---|---|---|---|---|---|---|\n", how)
	for _, r := range g.rows {
		fmt.Fprintf(b, "| %s | %s | %d | %d | %d | %d | %d | %.1f | %.1f |\n", r.pkg, r.arch, r.pass, r.fail, r.skip, len(r.differ), r.unfiltered, r.original.Seconds(), r.proof.Seconds())
	}
	b.WriteString("\nWithout filter: tests that run the go command, which is a Go program at the same address and would die of the inherited filter.\n\n")
	for _, r := range g.rows {
		for _, d := range r.differ {
			fmt.Fprintf(b, "- %s %s: %s\n", r.pkg, r.arch, d)
		}
	}
	b.WriteByte('\n')
}
