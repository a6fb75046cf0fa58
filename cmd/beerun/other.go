//go:build !windows || !386

package main

import (
	"errors"
	"runtime"
)

func runChild() (int, bool) { return 0, false }

// runParent says why this build cannot run guests.
func runParent(*options, []string) (int, error) {
	if runtime.GOOS == "linux" {
		return 0, &statusError{exitCannotRun, errors.New("beerun is for Windows; on Linux a .bee file runs by itself")}
	}
	return 0, &statusError{exitCannotRun, errors.New("this build of beerun runs no guests; use the 32-bit one (GOARCH=386) for IA-32 programs")}
}
