package main_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"bee/internal/winetest"
)

// TestTakenSlots runs programs whose thread-local words are elsewhere than the
// rewriter has put them, as where a library that Windows injects was quicker:
// a beerun that takes these TLS indexes itself before it does anything.
func TestTakenSlots(t *testing.T) {
	winetest.Require(t)
	if testing.Short() {
		t.Skip("builds beerun twice")
	}
	for _, w := range []struct{ name, goarch, width, mode string }{
		{"IA-32", "386", "-m32", "pie"}, // of another mode it could not be moved out of the program's way
		{"x86-64", "amd64", "-m64", "exe"},
	} {
		t.Run(w.name, func(t *testing.T) {
			dir := t.TempDir()
			exe := filepath.Join(dir, "beerun.exe")
			taker, err := filepath.Abs("testdata/taken.go")
			if err != nil {
				t.Fatal(err)
			}
			overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(filepath.Dir(taker), "../taken_windows.go"): taker}})
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600); err != nil {
				t.Fatal(err)
			}
			build := exec.Command("go", "build", "-trimpath", "-buildmode="+w.mode, "-overlay", filepath.Join(dir, "overlay.json"), "-o", exe, ".")
			build.Env = append(os.Environ(), "GOOS=windows", "GOARCH="+w.goarch, "CGO_ENABLED=0", "GOFLAGS=")
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			for _, name := range []string{"tls", "segment"} {
				native, err := exec.Command(compile(t, dir, name, w.width)).Output()
				if err != nil {
					t.Fatal(err)
				}
				stdout, stderr, status := guarded(t, dir, exe, name)
				if stdout != string(native) || status != 0 {
					t.Errorf("%s: status %d, output %q, standard error %q; native %q", name, status, stdout, stderr, native)
				}
				if stderr != "taken: 56 57 58 59 60 61 62 63\n"+"taken: 56 57 58 59 60 61 62 63\n" {
					t.Errorf("%s: standard error %q: not beerun and its child, each with the indexes taken", name, stderr)
				}
			}
		})
	}
}
