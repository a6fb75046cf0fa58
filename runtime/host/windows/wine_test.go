//go:build linux

package winhost

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
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
	dir := t.TempDir()
	for _, arch := range []string{"386", "amd64"} {
		t.Run(arch, func(t *testing.T) {
			exe := filepath.Join(dir, arch+".test.exe")
			build := exec.Command("go", "test", "-c", "-o", exe, ".")
			build.Env = append(os.Environ(), "GOOS=windows", "GOARCH="+arch, "CGO_ENABLED=0", "GOFLAGS=")
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			cmd := wine.Command(ctx, exe, "-test.v", "-test.timeout=100s")
			cmd.Dir = dir
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
