//go:build linux

package winhost

import (
	"context"
	"strings"
	"testing"
	"time"

	"bee/internal/winetest"
)

// TestUnderWine runs this package's tests as Windows programs of both widths.
func TestUnderWine(t *testing.T) {
	wine := winetest.Require(t)
	if testing.Short() {
		t.Skip("builds test programs")
	}
	for _, arch := range []string{"386", "amd64"} {
		t.Run(arch, func(t *testing.T) {
			exe := winetest.PackageTests(t, arch)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			cmd := wine.Command(ctx, exe, "-test.v", "-test.timeout=100s")
			cmd.Dir = t.TempDir()
			out, err := cmd.CombinedOutput()
			if status, e := winetest.ExitCode(err); e != nil || status != 0 {
				t.Errorf("status %d, %v\n%s", status, e, out)
			}
			// Not a run in which nothing was tested.
			if n := strings.Count(string(out), "\n--- PASS: "); n < 4 {
				t.Errorf("%d tests have passed:\n%s", n, out)
			}
		})
	}
}
