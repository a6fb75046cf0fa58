package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bee/internal/winetest"
)

// TestEndBlocked: a signal ends a program although its thread waits in a call of
// the host that nothing ends; its mark and its counts are as ever.
func TestEndBlocked(t *testing.T) {
	wine := winetest.Require(t)
	for _, width := range []string{"-m32", "-m64"} {
		t.Run(width, func(t *testing.T) {
			dir := t.TempDir()
			compile(t, dir, "end_blocked", width)
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			defer w.Close()
			stdout, stderr, status := wine.Run(t, dir, r, winetest.File(t, "windows-amd64/beerun.exe"), "--mark", "mark", "--count-calls", "counts", "end_blocked")
			if stdout != "waiting\n" || !strings.Contains(stderr, "SIGALRM") || status != 128+14 {
				t.Errorf("output %q, standard error %q, status %d", stdout, stderr, status)
			}
			for name, want := range map[string]string{"mark": "signaled 14\n", "counts": " alarm 1 0\n"} {
				if text, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !strings.Contains(string(text), want) {
					t.Errorf("%s: %q, %v; want %q", name, text, err, want)
				}
			}
		})
	}
}
