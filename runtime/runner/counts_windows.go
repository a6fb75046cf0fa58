//go:build windows && (386 || amd64)

package runner

import (
	"errors"
	"fmt"
	"os"

	"bee/runtime/kernel"
)

// writeCounts writes the process's counts of system calls to the host's file
// of that name, if it is not empty (beerun's --count-calls).
func writeCounts(path string, p *kernel.Process) error {
	if path == "" {
		return nil
	}
	f, err := os.Create(path)
	if err == nil {
		err = errors.Join(p.Table().WriteCounts(f), f.Close())
	}
	if err != nil {
		return fmt.Errorf("--count-calls: %w", err)
	}
	return nil
}
