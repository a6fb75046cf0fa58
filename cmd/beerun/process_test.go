//go:build linux

package main_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"bee/internal/winetest"
	"bee/rewrite"
)

// echoing is a beerun whose guest copies its input to its output.
type echoing struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	wine int // the process that the parent is, for Linux
}

// echo makes the guest copy a line: after that it surely runs.
func (e *echoing) echo(t *testing.T, line string) {
	t.Helper()
	if _, err := fmt.Fprintln(e.in, line); err != nil {
		t.Fatal(err)
	}
	if got, err := e.out.ReadString('\n'); got != line+"\n" {
		t.Fatalf("the guest has copied %q, %v; want %q", got, err, line)
	}
}

func startEchoing(t *testing.T, runner, arch string) *echoing {
	wine := winetest.Require(t)
	busybox := winetest.File(t, "thirdparty/busybox-static-"+arch+"/bin/busybox")
	dir := t.TempDir()
	bee := filepath.Join(dir, "busybox.bee")
	if _, err := rewrite.File(busybox, bee, rewrite.Options{}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	e := &echoing{}
	e.cmd = wine.Guarded(ctx, filepath.Join(dir, "guard"), winetest.File(t, runner), "busybox.bee", "cat")
	e.cmd.Dir = dir
	in, err := e.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := e.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	e.in, e.out = in, bufio.NewReader(out)
	if err := e.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.cmd.Process.Kill(); _ = e.cmd.Wait() })
	e.echo(t, "up")
	// The guard has started Wine, which has become beerun; what comes behind
	// it are its orphans, the guest's process among them.
	pid := e.cmd.Process.Pid
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		t.Skip("which process is Wine's? ", err)
	}
	first, _, _ := strings.Cut(string(children), " ")
	if e.wine, err = strconv.Atoi(first); err != nil {
		t.Fatalf("the guard's children: %q", children)
	}
	return e
}

// widths are the runners, and what programs they run.
var widths = []struct{ runner, arch string }{{"windows-386/beerun.exe", "i386"}, {"windows-amd64/beerun.exe", "amd64"}}

// TestInterruptedParent: Ctrl-C does not end the parent, which has to tell the
// guest's status. (Wine makes Ctrl-C of SIGINT; here only the parent gets it.)
func TestInterruptedParent(t *testing.T) {
	for _, w := range widths {
		t.Run(w.arch, func(t *testing.T) {
			e := startEchoing(t, w.runner, w.arch)
			for range 3 {
				if err := syscall.Kill(e.wine, syscall.SIGINT); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(200 * time.Millisecond) // Wine runs the handler in a thread of its own
			e.echo(t, "still here")
			e.in.Close()
			if rest, err := io.ReadAll(e.out); err != nil || len(rest) != 0 {
				t.Errorf("more output: %q, %v", rest, err)
			}
			if err := e.cmd.Wait(); err != nil {
				t.Error("the end of input, but beerun ended with ", err)
			}
		})
	}
}

// TestKilledParent: the guest does not outlive its parent.
func TestKilledParent(t *testing.T) {
	for _, w := range widths {
		t.Run(w.arch, func(t *testing.T) {
			e := startEchoing(t, w.runner, w.arch)
			if err := syscall.Kill(e.wine, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() {
				_, err := io.ReadAll(e.out) // until nobody has the pipe
				ended <- err
			}()
			select {
			case err := <-ended:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(20 * time.Second):
				t.Error("the guest still runs")
			}
		})
	}
}
