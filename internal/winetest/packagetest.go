package winetest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// PackageTests builds the tests of the package in the working directory as a
// Windows program of that GOARCH, and tells its path.
func PackageTests(t testing.TB, arch string) string {
	t.Helper()
	exe := filepath.Join(t.TempDir(), arch+".test.exe")
	build := exec.Command("go", "test", "-c", "-o", exe, ".")
	build.Env = append(os.Environ(), "GOOS=windows", "GOARCH="+arch, "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", arch, err, out)
	}
	return exe
}
