package main

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// runnerOf tells the executable that holds guests of a width: this one, for
// IA-32.
func runnerOf(wide bool) (string, error) {
	if !wide {
		return os.Executable()
	}
	var wow bool
	if err := windows.IsWow64Process(windows.CurrentProcess(), &wow); err == nil && !wow {
		return "", &statusError{exitCannotRun, errors.New("an x86-64 program, which a 32-bit Windows cannot run")}
	}
	return "", &statusError{exitCannotRun, errors.New("an x86-64 program: run it with the 64-bit beerun.exe")}
}
