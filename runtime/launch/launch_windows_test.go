//go:build 386 || amd64

package launch

import (
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/windows"
)

// TestFaults: with a debugger and without, the State says the same. The
// scenarios say what is asked of each.
func TestFaults(t *testing.T) {
	for _, with := range []string{"debugger", "handler"} {
		t.Run(with, func(t *testing.T) { play(t, "faults", with) })
	}
}

// TestManyFaults is a thousand faults in one process.
func TestManyFaults(t *testing.T) { play(t, "loop", "1000", "debugger") }

func TestHammer(t *testing.T) { play(t, "hammer") }

func TestRegistry(t *testing.T) { play(t, "registry") }

func TestConfigBytes(t *testing.T) { play(t, "config", oddName, "") }

// BenchmarkFault is the time of a fault of the guest.
func BenchmarkFault(b *testing.B) {
	for _, with := range []string{"debugger", "handler"} {
		b.Run(with, func(b *testing.B) {
			ns, err := strconv.Atoi(play(b, "loop", strconv.Itoa(b.N), with))
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(ns), "ns/fault")
		})
	}
}

// TestRefused: a process that has a debugger cannot get another one.
func TestRefused(t *testing.T) {
	c := start(t, "refused")
	go func() {
		runtime.LockOSThread()
		if err := attach(c.pid); err != nil {
			t.Error(err)
			return
		}
		d := debugger{control: &control{}, threads: map[uint32]windows.Handle{}}
		for {
			var e debugEvent
			if err := e.wait(); err != nil {
				t.Error(err)
				return
			}
			if err := e.resume(d.event(&e)); err != nil {
				t.Error(err)
				return
			}
			if e.code == exitProcessEvent {
				return
			}
		}
	}()
	played(t, c)
}

// TestThreadDies: a thread that ends without a word takes the process along,
// if the system has not done so already (with either status).
func TestThreadDies(t *testing.T) {
	for _, how := range []string{"silently", "faulting"} {
		mark, status, err := start(t, "die", how).Wait()
		if err != nil {
			t.Fatal(err)
		}
		ended := how == "faulting" && mark.Kind == MarkNone && (status == statusAccessViolation || status == 0)
		noticed := mark.Kind == MarkSignaled && mark.Value == 11 && strings.Contains(mark.Message, UnusableStack) && status == 139
		if !ended && !noticed {
			t.Errorf("%s: %s, status %#x: %s", how, mark.Line(), status, mark.Message)
		}
	}
}

// TestExitWithThreads: the end of a process is not the death of its threads.
func TestExitWithThreads(t *testing.T) {
	for range 5 {
		play(t, "exit", "handler")
		play(t, "exit", "debugger")
	}
}

// TestParentKilled: the guest does not outlive its parent, debugged or not.
// This binary is the parent that is killed, where parentEnvVar is set.
func TestParentKilled(t *testing.T) {
	const parentEnvVar = "BEE_TEST_PARENT"
	if with := os.Getenv(parentEnvVar); with != "" {
		c := start(t, "sleep", with)
		go func() { _, _, _ = c.Wait() }()
		if _, err := windows.WaitForSingleObject(c.answer, 30_000); err != nil {
			t.Fatal(err)
		}
		_, _ = os.Stdout.WriteString("child " + strconv.Itoa(int(c.pid)) + "\n")
		time.Sleep(time.Minute)
		return
	}
	for _, with := range []string{"debugger", "handler"} {
		t.Run(with, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run=^TestParentKilled$")
			cmd.Env = append(os.Environ(), parentEnvVar+"="+with)
			out, err := cmd.StdoutPipe()
			if err == nil {
				err = cmd.Start()
			}
			if err != nil {
				t.Fatal(err)
			}
			line := make([]byte, 100)
			n, _ := out.Read(line)
			text, _ := strings.CutPrefix(strings.TrimSpace(string(line[:n])), "child ")
			pid, err := strconv.Atoi(text)
			if err != nil {
				t.Fatalf("%q: %v", line[:n], err)
			}
			child, err := windows.OpenProcess(windows.SYNCHRONIZE, false, uint32(pid))
			if err != nil {
				t.Fatal(err)
			}
			defer windows.CloseHandle(child)
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			if e, err := windows.WaitForSingleObject(child, 10_000); err != nil || e != windows.WAIT_OBJECT_0 {
				t.Errorf("the child runs on: %d, %v", e, err)
			}
		})
	}
}
