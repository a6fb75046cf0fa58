//go:build windows && (386 || amd64)

package main

import (
	"fmt"
	"time"

	"golang.org/x/sys/windows"
)

var procSetConsoleCtrlHandler = windows.NewLazySystemDLL("kernel32.dll").NewProc("SetConsoleCtrlHandler")

// interrupts tells of Ctrl-C and Ctrl-Break.
type interrupts chan struct{}

// stayThroughInterrupts keeps Ctrl-C and Ctrl-Break from ending this process.
// signal.Ignore has no effect on Windows, and signal.Notify keeps a thread
// waiting, over which Wine stumbles now and then when the process ends.
func stayThroughInterrupts() (interrupts, error) {
	c := make(interrupts, 1)
	// BOOL WINAPI HandlerRoutine(DWORD event), in a thread of its own
	handler := windows.NewCallback(func(event uintptr) uintptr {
		if uint32(event) > windows.CTRL_BREAK_EVENT {
			// The console is closed. The guest gets SIGHUP and ends with this
			// process, or before; Windows waits 5 seconds for both.
			time.Sleep(closeGrace)
			return 0
		}
		select {
		case c <- struct{}{}:
		default:
		}
		return 1
	})
	if ok, _, err := procSetConsoleCtrlHandler.Call(handler, 1); ok == 0 {
		return nil, fmt.Errorf("SetConsoleCtrlHandler: %w", err)
	}
	return c, nil
}

// closeGrace is how long the guest has after its console was closed.
const closeGrace = 4500 * time.Millisecond

// seen tells whether there was any. Windows ends a process that does not
// handle Ctrl-C with a status of its own, Wine with 0. The parent's own notice
// may come a moment after the child's end.
func (c interrupts) seen() bool {
	select {
	case <-c:
		return true
	case <-time.After(200 * time.Millisecond):
		return false
	}
}
