package winetest_test

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bee/internal/winetest"
)

// compile builds testdata/guard/raw.c as a Windows program of the given width.
func compile(t *testing.T, triple string) string {
	t.Helper()
	cc, err := exec.LookPath(triple + "-gcc")
	if err != nil {
		winetest.Missing(t, "no C compiler for Windows: "+err.Error())
	}
	exe := filepath.Join(t.TempDir(), "raw.exe")
	if out, err := exec.Command(cc, "-O2", "-Wall", "-o", exe, "../../testdata/guard/raw.c").CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cc, err, out)
	}
	return exe
}

// TestGuard is the control of every other test under Wine: a raw system call in guest memory works without the guard, which
// is why it would go unnoticed, and is killed under it.
func TestGuard(t *testing.T) {
	wine := winetest.Require(t)
	winetest.File(t, "linux/guard")
	i686, x86_64 := compile(t, "i686-w64-mingw32"), compile(t, "x86_64-w64-mingw32")
	tests := []struct {
		name   string
		exe    string
		args   string
		output string // without the guard
		killed bool   // under the guard
	}{
		{"hello/386", i686, "hello", "hello", false},
		{"hello/amd64", x86_64, "hello", "hello", false},
		{"int80/386", i686, "int80 0x08048000", "pid > 0", true},
		{"int80/386 near the runner", i686, "int80 0x5ff00000", "pid > 0", true},
		{"int80/386 in a child", i686, "child int80 0x08048000", "pid > 0", true},
		{"syscall/amd64 gcc", x86_64, "syscall 0x10400000", "pid > 0", true},
		{"syscall/amd64 heap", x86_64, "syscall 0xc000000000", "pid > 0", true},
		{"syscall/amd64 in a child", x86_64, "child syscall 0x10400000", "pid > 0", true},
		{"int80/amd64", x86_64, "int80 0x10400000", "pid > 0", true},
		{"int80/amd64 heap", x86_64, "int80 0xc000000000", "pid > 0", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			args := strings.Fields(test.args)

			out, err := wine.Command(ctx, test.exe, args...).Output()
			status, err := winetest.ExitCode(err)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.TrimSpace(string(out)); got != test.output {
				t.Fatalf("without the guard: output %q, status %d, want output %q", got, status, test.output)
			}

			report := filepath.Join(t.TempDir(), "report")
			out, err = wine.Guarded(ctx, report, test.exe, args...).Output()
			guarded, err := winetest.ExitCode(err)
			if err != nil {
				t.Fatal(err)
			}
			killed, err := winetest.Killed(report)
			if err != nil {
				t.Fatal(err)
			}
			if test.killed {
				if len(killed) != 1 || !strings.HasPrefix(killed[0], "killed-by-guard pid ") || len(out) != 0 {
					t.Fatalf("under the guard: output %q, status %d, report %q, want one process killed before it printed", out, guarded, killed)
				}
				return
			}
			if got := strings.TrimSpace(string(out)); got != test.output || guarded != status || len(killed) != 0 {
				t.Fatalf("under the guard: output %q, status %d, report %q, want %q, %d and none killed", got, guarded, killed, test.output, status)
			}
		})
	}
}

// TestGuardStatus holds the guard's own promises, with no Wine.
func TestGuardStatus(t *testing.T) {
	guard := winetest.File(t, "linux/guard")
	tests := []struct {
		name   string
		args   []string
		status int
		output string
	}{
		{"output and status", []string{"sh", "-c", "echo out; exit 3"}, 3, "out\n"},
		{"signal", []string{"sh", "-c", "kill -TERM $$"}, 128 + 15, ""},
		{"no such program", []string{"/no/such/program"}, 127, ""},
		{"bad range", []string{"-r", "5-4", "true"}, 125, ""},
		{"own range elsewhere", []string{"-r", "0x1000-0x2000", "sh", "-c", "exit 4"}, 4, ""},
		{"own range over all", []string{"-o", filepath.Join(t.TempDir(), "r"), "-r", "0x1000-0x7fffffffffff", "true"}, 128 + 31, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			out, err := exec.Command(guard, test.args...).Output()
			status, err := winetest.ExitCode(err)
			if err != nil {
				t.Fatal(err)
			}
			if status != test.status || string(out) != test.output {
				t.Errorf("status %d, output %q, want %d, %q", status, out, test.status, test.output)
			}
		})
	}
}
