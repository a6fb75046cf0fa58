//go:build 386 || amd64

package launch

import (
	"fmt"
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/windows"
)

// The parent watches the child's first thread.
func init() { runtime.LockOSThread() }

// childEnvVar names another test binary to be the child: a 32-bit one, under
// a 64-bit parent.
const childEnvVar = "BEE_TEST_CHILD"

// TestMain is the child, where this process is one: it plays the scenario that
// its first argument names.
func TestMain(m *testing.M) {
	a, is, err := Attach()
	if !is {
		os.Exit(m.Run())
	}
	if err == nil {
		play, ok := scenarios[a.Config.Args[0]]
		if ok {
			err = play(a, a.Config.Args[1:])
		} else {
			err = fmt.Errorf("no scenario %q", a.Config.Args)
		}
	}
	mark := Mark{Kind: MarkExited}
	if err != nil {
		mark = Mark{Kind: MarkExited, Value: 1, Message: err.Error()}
	}
	a.Leave(mark, mark.Value)
}

// reservation is any range that is free.
var reservation = Reservation{Must: Range{0x2000_0000, 0x2010_0000}}

// start starts a child that plays a scenario.
func start(t testing.TB, args ...string) *Child {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if other := os.Getenv(childEnvVar); other != "" {
		exe = other
	}
	c, err := Start(exe, Config{Args: args}, []byte("image"), reservation)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// played waits for the end of a scenario and gives the child's last words.
func played(t testing.TB, c *Child) string {
	t.Helper()
	mark, status, err := c.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if mark.Kind != MarkExited || mark.Value != 0 || status != 0 {
		t.Fatalf("%s, status %#x: %s", mark.Line(), status, mark.Message)
	}
	return mark.Message
}

// play runs a scenario to its end.
func play(t testing.TB, args ...string) string {
	t.Helper()
	return played(t, start(t, args...))
}

// allocate gives memory outside of Go's heap.
func allocate(size uintptr, protect uint32) (uintptr, error) {
	p, err := windows.VirtualAlloc(0, size, windows.MEM_RESERVE|windows.MEM_COMMIT, protect)
	if err != nil {
		return 0, fmt.Errorf("%d bytes: %w", size, err)
	}
	return p, nil
}
