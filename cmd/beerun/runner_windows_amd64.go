package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"bee/internal/runners"
	"bee/internal/runners/i386"
	"bee/runtime/launch"
)

// runnerOf tells the executable that holds guests of a width: this one, for
// x86-64. The 32-bit one comes out of this one, or lies beside it.
func runnerOf(wide bool) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("where this beerun lies: %w", err)
	}
	if wide {
		return self, nil
	}
	if i386.Packed != nil {
		return unpack(i386.Packed)
	}
	for _, name := range []string{"beerun-386.exe", filepath.Join("..", "windows-386", "beerun.exe")} {
		path := filepath.Join(filepath.Dir(self), name)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", &statusError{exitCannotRun, errors.New("an IA-32 program: this build of beerun holds no 32-bit runner; " +
		"use one from `make build`, or put a 32-bit build (GOARCH=386) beside it as beerun-386.exe")}
}

// unpack tells where a gzipped runner lies unpacked.
func unpack(packed []byte) (string, error) {
	key := sha256.Sum256(packed)
	return launch.Cached(fmt.Sprintf("beerun-386-%x.exe", key[:8]), func() ([]byte, error) {
		return runners.Unpack(packed)
	})
}
