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
			return 0 // the console is closed: Go's handler, then the end
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
