//go:build linux

package launch_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"bee/internal/winetest"
)

// TestUnderWine runs this package's tests as Windows programs: parent and
// child of the same width, and a 32-bit child of a 64-bit parent.
func TestUnderWine(t *testing.T) {
	wine := winetest.Require(t)
	if testing.Short() {
		t.Skip("builds test programs")
	}
	exe := map[string]string{}
	for _, arch := range []string{"386", "amd64"} {
		exe[arch] = winetest.PackageTests(t, arch)
	}
	for _, c := range []struct{ parent, child string }{{"amd64", "amd64"}, {"386", "386"}, {"amd64", "386"}} {
		t.Run(c.parent+" parent, "+c.child+" child", func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			cmd := wine.Command(ctx, exe[c.parent], "-test.v", "-test.timeout=100s")
			cmd.Dir = t.TempDir()
			cmd.Env = os.Environ()
			if c.child != c.parent {
				cmd.Env = append(cmd.Env, "BEE_TEST_CHILD=Z:"+strings.ReplaceAll(exe[c.child], "/", `\`))
			}
			out, err := cmd.CombinedOutput()
			if status, e := winetest.ExitCode(err); e != nil || status != 0 {
				t.Errorf("status %d, %v\n%s", status, e, out)
			}
			// Not a run in which nothing was tested.
			if n := strings.Count(string(out), "\n--- PASS: "); n < 15 {
				t.Errorf("%d tests have passed:\n%s", n, out)
			}
		})
	}
}
