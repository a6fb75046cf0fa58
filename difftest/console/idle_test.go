//go:build linux

package console

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// most is the processor time that a blocked guest and all processes of its run
// may use within idleFor. Wine's server is not counted: it serves all runs.
const (
	idleFor = 2 * time.Second
	most    = 50 * time.Millisecond
)

// processor tells the processor time of the run's processes. Their number must
// stay the same, or the difference means nothing.
func (s *session) processor() (used time.Duration, pids []int) {
	s.t.Helper()
	pids = s.processes()
	for _, pid := range pids {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			s.t.Fatal(err)
		}
		// The second field, the name, may hold anything.
		f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+2:]))
		var user, system int
		fmt.Sscan(f[11], &user)
		fmt.Sscan(f[12], &system)
		used += time.Duration(user+system) * 10 * time.Millisecond
	}
	return used, pids
}

// idle fails if the run does not wait without using the processor: once
// nothing does any more, which it has some time for.
func (s *session) idle() {
	s.t.Helper()
	used, pids := s.processor()
	for end := time.Now().Add(3 * patience); ; {
		time.Sleep(idleFor)
		now, running := s.processor()
		if len(running) >= 2 && fmt.Sprint(running) == fmt.Sprint(pids) && now-used < most {
			s.t.Logf("%v of processor time within %v, %d processes", now-used, idleFor, len(pids))
			break
		}
		if time.Now().After(end) {
			s.t.Fatalf("%v of processor time within %v, %d processes", now-used, idleFor, len(running))
		}
		used, pids = now, running
	}
	select {
	case <-s.ended:
		s.t.Error("it has ended")
	default:
	}
}

// silence makes a pipe that nobody writes to cmd's standard input.
func silence(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	cmd.Stdin = r
}

// TestIdleCalls measures guests that wait in each of the calls that can.
func TestIdleCalls(t *testing.T) {
	for _, a := range archs {
		g := program(t, a, "idle")
		for _, how := range []string{"epoll_wait", "poll", "poll-time", "select", "futex", "clock_nanosleep", "sigsuspend", "signalled"} {
			t.Run(a.name+"/"+how, func(t *testing.T) {
				t.Parallel()
				cmd := g.beerun(t, t.TempDir(), how)
				if how == "signalled" {
					silence(t, cmd)
				}
				s := start(t, "beerun", cmd)
				for end := time.Now().Add(patience); !strings.Contains(s.screen(), "waiting"); time.Sleep(quiet) {
					if time.Now().After(end) {
						t.Fatalf("it has not begun: %s", s.screen())
					}
				}
				if how == "signalled" {
					time.Sleep(patience / 10) // until the signal has come
				}
				s.idle()
			})
		}
	}
}

// TestIdle measures guests that wait.
func TestIdle(t *testing.T) {
	tests := []struct {
		name  string
		args  []string
		pipe  bool // standard input is a pipe that nobody writes to
		reads bool // from the terminal
	}{
		{"a read from the terminal", []string{"cat"}, false, true},
		{"poll on the terminal", []string{"sh", "-c", "read -t 100 x"}, false, true},
		{"a key in raw mode", []string{"less", "long"}, false, true},
		{"a read from a pipe", []string{"cat"}, true, false},
		{"poll on a pipe", []string{"sh", "-c", "read -t 100 x"}, true, false},
		{"nanosleep", []string{"sleep", "100"}, false, false},
	}
	for _, a := range archs {
		t.Run(a.name, func(t *testing.T) {
			g := busybox(t, a)
			for _, c := range tests {
				t.Run(c.name, func(t *testing.T) {
					dir := t.TempDir()
					write(t, dir, "long", strings.Repeat("line\n", 100))
					cmd := g.beerun(t, dir, c.args...)
					if c.pipe {
						silence(t, cmd)
					}
					s := start(t, "beerun", cmd)
					if c.reads {
						s.listening()
					}
					s.idle()
				})
			}
		})
	}
}
