// Package winetest finds what the set-up has left under build/ for tests: Wine with its private prefix, the guard, the
// compilers. Tests call it; `make test` sets BEE_REQUIRE_WINE=1, which turns a missing part into a failure.
package winetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// Wine runs Windows programs in the private prefix.
type Wine struct {
	build string
}

// Build returns the build directory: BEE_BUILD, or build/ at the module's root.
func Build() string {
	if dir := os.Getenv("BEE_BUILD"); dir != "" {
		return dir
	}
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..", "build")
}

// File returns the path of a file under the build directory, for instance "thirdparty/busybox-static-i386/bin/busybox",
// and skips the test (or fails it, under make) when there is none.
func File(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join(Build(), filepath.FromSlash(name))
	if _, err := os.Stat(path); err != nil {
		Missing(t, fmt.Sprintf("%s is missing: run make setup build", path))
	}
	return path
}

// Missing skips the test for want of something that the set-up makes, or fails it where the set-up is known to have run.
func Missing(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv("BEE_REQUIRE_WINE") == "1" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

// Require returns the Wine of the set-up.
func Require(t testing.TB) *Wine {
	t.Helper()
	File(t, "wine/prefix/system.reg")
	start(File(t, "wine/server"))
	return &Wine{build: Build()}
}

var startOnce sync.Once

// start boots Wine's services once per test binary. They would otherwise inherit the output pipe of the first program
// that a test runs, and the test would wait for them.
func start(server string) {
	startOnce.Do(func() { _ = exec.Command(server, "start").Run() })
}

// Command is exe with args under Wine, unguarded: for programs that hold no guest.
func (w *Wine) Command(ctx context.Context, exe string, args ...string) *exec.Cmd {
	return command(ctx, filepath.Join(w.build, "wine", "run"), append([]string{exe}, args...)...)
}

// Guarded is exe with args under Wine and the guard, which empties report first and adds a line for each process that it
// killed.
func (w *Wine) Guarded(ctx context.Context, report, exe string, args ...string) *exec.Cmd {
	return command(ctx, filepath.Join(w.build, "linux", "guard"),
		append([]string{"-o", report, filepath.Join(w.build, "wine", "run"), exe}, args...)...)
}

// command gives a stuck descendant that holds the output open two seconds after the command has ended.
func command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.WaitDelay = 2 * time.Second
	return cmd
}

// Run runs exe with args under Wine and the guard, in dir. It fails the test if the guard has something to say, or after a
// minute.
func (w *Wine) Run(t *testing.T, dir string, stdin io.Reader, exe string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	report := filepath.Join(t.TempDir(), "guard")
	cmd := w.Guarded(ctx, report, exe, args...)
	cmd.Dir, cmd.Stdin = dir, stdin
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	status, err := ExitCode(cmd.Run())
	if err != nil {
		t.Fatal(err)
	}
	if ctx.Err() != nil {
		t.Fatalf("%s %q hangs", exe, args)
	}
	if killed, err := Killed(report); err != nil || len(killed) != 0 {
		t.Fatalf("the guard: %v %s", err, killed)
	}
	return out.String(), errs.String(), status
}

// Killed returns the lines that the guard has left in report.
func Killed(report string) ([]string, error) {
	text, err := os.ReadFile(report)
	if err != nil {
		return nil, err
	}
	return strings.FieldsFunc(string(bytes.TrimSpace(text)), func(r rune) bool { return r == '\n' }), nil
}

// ExitCode returns the status of a finished command, or the error that kept it from running.
func ExitCode(err error) (int, error) {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, nil
	case errors.As(err, &exit):
		return exit.ExitCode(), nil
	}
	return 0, err
}
