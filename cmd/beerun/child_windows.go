//go:build windows && (386 || amd64)

package main

import (
	"fmt"
	"os"
	"runtime"

	"bee/runtime/launch"
	"bee/runtime/runner"
)

// The guest runs on the process's first thread: the parent watches that one.
func init() { runtime.LockOSThread() }

// runChild serves the guest if this process was created for one.
func runChild() (int, bool) {
	a, is, err := launch.Attach()
	if !is {
		return 0, false
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "beerun:", err)
		return exitRunner, true
	}
	m := runner.Run(a)
	status := m.Value
	if m.Kind == launch.MarkSignaled {
		status += 128
	}
	a.Leave(m, status)
	return int(status), true
}
