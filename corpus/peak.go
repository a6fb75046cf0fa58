//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// peak runs a command and writes the memory that it took at most to a file.
// The kernel counts what the process held before its execve too, which is
// its parent's memory: so this small process stands between.
func peak(file string, argv []string) int {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	var ee *exec.ExitError
	if err != nil && !errors.As(err, &ee) {
		fmt.Fprintln(os.Stderr, err)
		return 125
	}
	if ru, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		if err := os.WriteFile(file, []byte(strconv.FormatInt(int64(ru.Maxrss)<<10, 10)), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 125
		}
	}
	return cmd.ProcessState.ExitCode()
}

// readPeak gives what peak wrote, 0 if there is nothing.
func readPeak(file string) int64 {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
