//go:build !windows || !(386 || amd64)

package main

import (
	"errors"
	"runtime"
)

func runChild() (int, bool)           { return 0, false }
func runCarried([]string) (int, bool) { return 0, false }

// runParent says why this build cannot run guests.
func runParent(*options, []string) (int, error) {
	if runtime.GOOS == "linux" {
		return 0, &statusError{exitCannotRun, errors.New("beerun is for Windows; on Linux a .bee file runs by itself")}
	}
	return 0, &statusError{exitCannotRun, errors.New("beerun runs x86 programs on x86 Windows")}
}
