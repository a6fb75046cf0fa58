//go:build linux

package stubs_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"bee/internal/winetest"
)

// TestUnderWine runs this package's tests as Windows programs.
func TestUnderWine(t *testing.T) {
	wine := winetest.Require(t)
	if testing.Short() {
		t.Skip("builds test programs")
	}
	for _, arch := range []string{"386", "amd64"} {
		t.Run(arch, func(t *testing.T) {
			exe := winetest.PackageTests(t, arch)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			cmd := wine.Command(ctx, exe, "-test.v", "-test.run=^TestKick$")
			out, err := cmd.CombinedOutput()
			if status, e := winetest.ExitCode(err); e != nil || status != 0 || !strings.Contains(string(out), "--- PASS: TestKick ") {
				t.Errorf("status %d, %v\n%s", status, e, out)
			}
		})
	}
}
