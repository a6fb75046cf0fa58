//go:build linux

package console

import "testing"

// TestSignals lets signals end reads from the terminal.
func TestSignals(t *testing.T) {
	for _, a := range archs {
		t.Run(a.name, func(t *testing.T) {
			g := program(t, a, "sig_streams")
			n := start(t, "native", g.run(t, t.TempDir(), "reads"))
			b := start(t, "beerun", g.beerun(t, t.TempDir(), "reads"))
			b.becomes(n.settled("read again: "), same)
			if got, want := b.wait(), n.wait(); got != want || want != 0 {
				t.Errorf("status %d, native %d", got, want)
			}
		})
	}
}
