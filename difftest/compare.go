//go:build linux

package difftest

import (
	"bytes"
	"fmt"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

// compare returns the differences between the oracle's result and another
// form's, readable, or nothing.
func compare(c Case, want, got result) []string {
	var diffs []string
	report := func(what, text string) {
		diffs = append(diffs, fmt.Sprintf("%s: %s: %s", got.form, what, text))
	}
	for i := range want.steps {
		if i >= len(got.steps) {
			break
		}
		w, g := want.steps[i], got.steps[i]
		at := ""
		if len(want.steps) > 1 {
			at = fmt.Sprintf(" of step %d", i+1)
		}
		if strings.HasPrefix(string(g.status), "none ") && g.outer == "exited 139" && c.Opt&Fault != 0 {
			// The child was cut off without a word of its own, and beerun has told that as what it must have been.
			g.status = "signaled 11"
		}
		if w.status != g.status {
			report("status"+at, fmt.Sprintf("want %q, got %q%s", w.status, g.status, outerText(g)))
		} else if got.form == bee && g.outer != exitStatus(w.status) {
			report("status"+at, fmt.Sprintf("the guest %s, so beerun should have %q, but it has %q", w.status, exitStatus(w.status), g.outer))
		}
		if c.calls != nil && got.form == bee {
			if d := c.calls.diff(w.stdout.head.String(), g.stdout.head.String()); d != "" {
				report("calls"+at, d)
			}
		} else if c.Suite != nil {
			if d := c.Suite.diff(w.stdout.head.String(), g.stdout.head.String(), got.form); d != "" {
				report("tests"+at, d)
			}
		} else if d := diffOutput(c, w.stdout, g.stdout, want.dir, got.dir); d != "" {
			report("stdout"+at, d)
		}
		switch {
		case got.form == bee && c.Opt&Fault != 0:
			if n := bytes.Count(g.stderr.head.Bytes(), []byte("\n")) - bytes.Count(w.stderr.head.Bytes(), []byte("\n")); n != 1 {
				report("stderr"+at, fmt.Sprintf("want one line about the signal, got %q", clip(g.stderr.head.String(), 400)))
			}
		case c.Opt&NoStderr != 0:
		default:
			if d := diffOutput(c, w.stderr, g.stderr, want.dir, got.dir); d != "" {
				report("stderr"+at, d)
			}
		}
	}
	// Of a mode, Windows knows whether a file is read-only; the other bits that the host shows are Wine's choice. What
	// the guest sees is compared where a program prints it.
	loose := got.form == bee
	w, g := treeText(want.tree, c.Opt, loose), treeText(got.tree, c.Opt, loose)
	if w != g && c.Opt&IgnoreFiles == 0 {
		report("files", diffLines(w, g))
	}
	return diffs
}

// exitStatus is the status with which beerun itself ends for a guest's.
func exitStatus(s status) status {
	if n, ok := strings.CutPrefix(string(s), "signaled "); ok {
		if sig, err := strconv.Atoi(n); err == nil {
			return status(fmt.Sprintf("exited %d", 128+sig))
		}
	}
	return s
}

func outerText(s step) string {
	var b strings.Builder
	if s.outer != "" && s.outer != s.status {
		fmt.Fprintf(&b, " (process: %s)", s.outer)
	}
	if s.stderr.size > 0 {
		fmt.Fprintf(&b, "; stderr: %s", clip(strings.TrimSpace(s.stderr.head.String()), 600))
	}
	if s.guard != "" {
		fmt.Fprintf(&b, "; guard: %s", s.guard)
	}
	return b.String()
}

var (
	dirLine   = regexp.MustCompile(`(?m)^(d[rwxst-]{9}) +\d+ ( *\d+ +\d+) +\d+ (.*)$`)
	upLine    = regexp.MustCompile(`(?m)^d.* \.\.\n`)
	totalLine = regexp.MustCompile(`(?m)^total \d+$`)
)

// diffOutput compares what two forms wrote. Either one's directory is
// written as "/work", which is its name in the guest.
func diffOutput(c Case, want, got *capture, wantDir, gotDir string) string {
	if bytes.Equal(want.sum.Sum(nil), got.sum.Sum(nil)) {
		return ""
	}
	if want.size > captureHead || got.size > captureHead {
		return fmt.Sprintf("want %d bytes, sha256 %x, got %d bytes, sha256 %x", want.size, want.sum.Sum(nil)[:8], got.size, got.sum.Sum(nil)[:8])
	}
	w := strings.ReplaceAll(want.head.String(), wantDir, "/work")
	g := strings.ReplaceAll(got.head.String(), gotDir, "/work")
	for _, s := range []*string{&w, &g} {
		if c.Opt&MaskDirs != 0 {
			*s = dirLine.ReplaceAllString(*s, "$1 LINKS $2 SIZE $3")
			*s = upLine.ReplaceAllString(*s, "")
			*s = totalLine.ReplaceAllString(*s, "total N")
		}
		if c.Opt&SortLines != 0 {
			lines := strings.SplitAfter(*s, "\n")
			sort.Strings(lines)
			*s = strings.Join(lines, "")
		}
	}
	if w == g {
		return ""
	}
	return diffLines(w, g)
}

// diffLines shows where two texts part: up to a few lines of each from there.
func diffLines(want, got string) string {
	if !utf8.ValidString(want) || strings.ContainsRune(want, 0) {
		i := 0
		for i < len(want) && i < len(got) && want[i] == got[i] {
			i++
		}
		return fmt.Sprintf("want %d bytes, got %d; they part at offset %d: want % x, got % x",
			len(want), len(got), i, clip(want[i:], 16), clip(got[i:], 16))
	}
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	i := 0
	for i < len(w) && i < len(g) && w[i] == g[i] {
		i++
	}
	var b strings.Builder
	fmt.Fprintf(&b, "from line %d of %d (got %d)", i+1, len(w), len(g))
	const show = 6
	for _, side := range []struct {
		mark  string
		lines []string
	}{{"-", w}, {"+", g}} {
		for j := i; j < len(side.lines) && j < i+show; j++ {
			if j == len(side.lines)-1 && side.lines[j] == "" {
				continue
			}
			fmt.Fprintf(&b, "\n\t%s%s", side.mark, clip(side.lines[j], 200))
		}
	}
	return b.String()
}

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n] + "..."
}
