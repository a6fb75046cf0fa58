//go:build linux

package difftest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// Totals counts what was compared.
type Totals struct {
	cases, forms, skipped, known, failed atomic.Int64
}

func (t *Totals) String() string {
	return fmt.Sprintf("differential: %d cases (each width counts) × 3 forms, %d of %d runs made, %d skipped, %d known to differ, %d cases failed",
		t.cases.Load(), t.forms.Load(), 3*t.cases.Load(), t.skipped.Load(), t.known.Load(), t.failed.Load())
}

// Check runs a case of one width in its three forms and fails the test where
// they differ.
func (l *Lab) Check(t *testing.T, c Case, w width, totals *Totals) {
	t.Helper()
	totals.cases.Add(1)
	title := c.Title() + "." + w.String()
	known := c.known(w.guest)
	defer func() {
		if t.Failed() {
			totals.failed.Add(1)
		}
		if l.Keep && t.Failed() {
			t.Logf("kept: %s.*", filepath.Join(l.work, title))
			return
		}
		for _, f := range []form{native, proof, bee} {
			base := filepath.Join(l.work, title) + "." + f.String()
			for _, path := range []string{base, base + ".mark", base + ".guard", base + ".calls"} {
				_ = os.RemoveAll(path)
			}
		}
	}()
	want, err := l.run(c, w, title, native)
	if err != nil {
		t.Fatal(err)
	}
	totals.forms.Add(1)
	for _, s := range want.steps {
		if strings.HasPrefix(string(s.status), "signaled") != (c.Opt&Fault != 0) {
			t.Errorf("native: the program %s (stderr %q)", s.status, clip(s.stderr.head.String(), 300))
		}
	}
	for _, f := range []form{proof, bee} {
		if f == proof && c.NoProof != "" {
			totals.skipped.Add(1)
			continue
		}
		reason := l.MissingRewriter()
		if f == bee {
			reason = l.MissingWine()
		}
		if reason != "" {
			totals.skipped.Add(1)
			if os.Getenv("BEE_REQUIRE_WINE") == "1" {
				t.Errorf("%s: cannot run: %s", f, reason)
			} else {
				t.Logf("%s: skipped: %s", f, reason)
			}
			continue
		}
		got, err := l.run(c, w, title, f)
		totals.forms.Add(1)
		if f == bee && known != "" {
			totals.known.Add(1)
			diffs := compare(c, want, got)
			if err == nil && len(diffs) == 0 {
				t.Errorf("it differs no longer: remove the case's Known (%s)", known)
			}
			t.Logf("known to differ (%s): %v %s", known, err, strings.Join(diffs, "\n"))
			continue
		}
		if err != nil {
			t.Error(err)
			continue
		}
		if c.Opt&MustBeKill != 0 && f == bee {
			checkKilled(t, got)
			continue
		}
		for _, d := range compare(c, want, got) {
			t.Error(d)
		}
		if c.calls != nil && f == bee {
			for _, p := range c.calls.judge(want.stdout(), got.stdout()) {
				t.Error(p)
			}
		}
		for i, s := range got.steps {
			if killed(s.guard) {
				t.Errorf("%s: step %d: a guest's instruction reached the Linux kernel: %s", f, i+1, s.guard)
			}
		}
	}
}

// killed says whether the guard's report tells of a system call from guest memory.
func killed(report string) bool { return strings.Contains(report, "killed-by-guard") }

func checkKilled(t *testing.T, got result) {
	t.Helper()
	s := got.steps[0]
	if !killed(s.guard) {
		t.Errorf("the guard let a raw system call pass: mark %q, report %q", s.status, s.guard)
	}
	if strings.HasPrefix(string(s.status), "exited") {
		t.Errorf("the guest went on after a raw system call: %s", s.status)
	}
}
