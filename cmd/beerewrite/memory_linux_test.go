package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestMemory rewrites Go's compiler, a static program of 25 MB or more, and
// looks at the largest resident set of the command: all of it, with the
// command's own code and Go's runtime.
func TestMemory(t *testing.T) {
	text, err := exec.Command("go", "tool", "-n", "compile").Output()
	if err != nil {
		t.Skip("no Go toolchain: ", err)
	}
	program := strings.TrimSpace(string(text))
	st, err := os.Stat(program)
	if err != nil {
		t.Fatal(err)
	}
	if st.Size() < 10<<20 {
		t.Skipf("%s has %d bytes; the bound is for larger programs", program, st.Size())
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	// testscript.Main runs the command where the program has its name.
	command := filepath.Join(dir, "beerewrite-peak")
	if err := os.Symlink(self, command); err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{"bee", "linux-proof"} {
		cmd := exec.Command(command, "-q", program, "-o", filepath.Join(dir, "out"), "--form", form)
		cmd.Env = append(os.Environ(), "GOGC=") // the command chooses
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", form, err, out)
		}
		var peak int64
		if _, err := fmt.Sscanf(string(out), "VmHWM: %d kB", &peak); err != nil {
			t.Fatalf("%s: %v\n%s", form, err, out)
		}
		peak *= 1024
		t.Logf("%s: %d bytes, peak %d, %.2f times", form, st.Size(), peak, float64(peak)/float64(st.Size()))
		if peak > 3*st.Size() {
			t.Errorf("%s: %d bytes resident for a program of %d", form, peak, st.Size())
		}
	}
}
