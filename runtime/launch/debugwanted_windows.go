//go:build 386 || amd64

package launch

import (
	"errors"
	"fmt"
	"sync/atomic"

	"golang.org/x/sys/windows"

	"bee/stubs"
)

// debuggerPatience is how long the child waits for its parent to attach,
// milliseconds. It takes 1 to 20.
const debuggerPatience = 10_000

// errNoDebugger is what WantDebugger's errors begin with.
var errNoDebugger = errors.New("the parent process cannot attach as debugger")

// WantDebugger has the parent attach as debugger and returns once it has: from
// then on it takes the faults of all registered threads. Several goroutines
// may call it, at any time; all but the first call only wait for the first.
// After an error the vectored handler goes on alone.
func (a *Attached) WantDebugger() error {
	a.debuggerOnce.Do(func() {
		if err := a.wantDebugger(); err != nil {
			a.debuggerErr = fmt.Errorf("%w: %w", errNoDebugger, err)
		}
	})
	return a.debuggerErr
}

func (a *Attached) wantDebugger() error {
	c := a.control()
	if c.request == 0 {
		return errors.New("it has made no preparations")
	}
	c.faultExit = uint64(stubs.LeaveFaultAddr())
	if err := windows.SetEvent(windows.Handle(c.request)); err != nil {
		return err
	}
	which, err := windows.WaitForSingleObject(windows.Handle(c.answer), debuggerPatience)
	if err != nil {
		return err
	}
	if which != windows.WAIT_OBJECT_0 {
		return fmt.Errorf("no answer in %d seconds", debuggerPatience/1000)
	}
	if verdict(atomic.LoadUint32((*uint32)(&c.verdict))) != verdictAttached {
		return windows.Errno(c.refusal)
	}
	return nil
}
