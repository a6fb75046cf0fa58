package main

import (
	"os"

	"golang.org/x/sys/windows"
)

// leave ends this process at once, without the libraries' detach routines:
// other threads of ours (the debugger's, the console's) wait inside of Windows,
// and one that is ended there may leave a lock behind that those routines want.
func leave(status int) {
	_ = windows.TerminateProcess(windows.CurrentProcess(), uint32(status))
	os.Exit(status)
}
