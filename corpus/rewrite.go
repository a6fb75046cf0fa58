//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"bee/rewrite"
)

// outcome is what the rewriter did to one program.
type outcome struct {
	*program
	size    int64
	refused string          // why, if it was
	report  *rewrite.Report // of the bee form; nil if refused
	proof   string          // the linux-proof form
	bee     string
	rss     int64     // peak, bytes
	verdict []verdict // for each unproven pattern
}

func (l *lab) rewriteAll(programs []*program) []*outcome {
	var out []*outcome
	for _, p := range programs {
		out = append(out, l.rewrite(p))
	}
	return out
}

// rewrite runs beerewrite on p for both forms.
func (l *lab) rewrite(p *program) *outcome {
	m := &outcome{program: p}
	if st, err := os.Stat(p.path); err == nil {
		m.size = st.Size()
	}
	// The proof form has its original's name: programs print it.
	dir := filepath.Join(l.dir, "proof", p.name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		m.refused = err.Error()
		return m
	}
	m.proof, m.bee = filepath.Join(dir, filepath.Base(p.path)), filepath.Join(l.dir, "work", p.name+".bee")
	var errOut bytes.Buffer
	argv := []string{l.rewriter, p.path, "-o", m.bee, "--report", "json"}
	peakFile := filepath.Join(l.tmp, "peak")
	os.Remove(peakFile)
	if l.self != "" {
		argv = append([]string{l.self, "peak", peakFile}, argv...)
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stderr = &errOut
	out, err := cmd.Output()
	m.rss = readPeak(peakFile)
	if err != nil {
		m.refused = refusal(errOut.String(), p.path)
		return m
	}
	m.report = new(rewrite.Report)
	if err := json.Unmarshal(out, m.report); err != nil {
		m.refused = err.Error()
		return m
	}
	cmd = exec.Command(l.rewriter, p.path, "-o", m.proof, "-q", "--form", "linux-proof")
	if out, err := cmd.CombinedOutput(); err != nil {
		m.refused = "proof form: " + refusal(string(out), p.path)
		return m
	}
	if err := os.Chmod(m.proof, 0o755); err != nil {
		m.refused = err.Error()
		return m
	}
	m.verdict = judge(m)
	return m
}

// refusal shortens beerewrite's line.
func refusal(s, path string) string {
	s = strings.TrimSpace(strings.TrimPrefix(s, "beerewrite: "))
	return strings.TrimPrefix(s, path+": ")
}

// count sums the sites of a tactic.
func (m *outcome) count(tactic string) int {
	n := 0
	if m.report != nil {
		for _, c := range m.report.Counts {
			if c.Tactic == tactic {
				n += c.Count
			}
		}
	}
	return n
}

// speed in MB of text a second, of the rewriting without the process's start.
func (m *outcome) speed() float64 {
	if m.report == nil || m.report.Milliseconds == 0 {
		return 0
	}
	return float64(m.report.TextBytes) / 1000 / m.report.Milliseconds
}

// tell prints what is not as it should be, and counts it.
func (l *lab) tell(m *outcome) int {
	bad := 0
	complain := func(format string, args ...any) {
		fmt.Printf("%s: %s\n", m.name, fmt.Sprintf(format, args...))
		bad++
	}
	switch {
	case m.refused != "" && m.refuse == "":
		complain("refused: %s", m.refused)
	case m.refused == "" && m.refuse != "":
		complain("not refused")
	case m.refuse != "" && !strings.Contains(m.refused, m.refuse):
		complain("refused by %q, not by %q", m.refused, m.refuse)
	}
	if n := m.count("trap"); n > 0 {
		complain("%d traps", n)
	}
	for _, v := range m.verdict {
		if v.open() {
			complain("pattern %s at %s: %s", v.Kind, v.Addr, v.why)
		}
	}
	if l.verbose && m.report != nil {
		fmt.Printf("%-40s %6d sites %3d patterns %7.1f MB/s\n", m.name, m.report.Sites, len(m.report.Unproven), m.speed())
	}
	return bad
}
