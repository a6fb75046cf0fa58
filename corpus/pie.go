//go:build linux

package main

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// fixed runs a program at the address that it has without randomisation.
var fixed = []string{"setarch", "-R"}

// pieBase tells where Linux loads a position-independent program when it does
// not randomise addresses: it starts the program and stops it before its
// first instruction.
func pieBase(path string, entry uint64, class elf.Class) (uint64, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	tool, err := exec.LookPath(fixed[0])
	if err != nil {
		return 0, err
	}
	p, err := os.StartProcess(tool, append(append([]string{}, fixed...), path), &os.ProcAttr{Sys: &syscall.SysProcAttr{Ptrace: true}})
	if err != nil {
		return 0, err
	}
	defer p.Wait()
	defer p.Kill()
	// The first stop is behind the execve of setarch, the second behind the
	// program's.
	for stop := range 2 {
		var ws syscall.WaitStatus
		if _, err := syscall.Wait4(p.Pid, &ws, 0, nil); err != nil {
			return 0, err
		}
		if !ws.Stopped() || ws.StopSignal() != syscall.SIGTRAP {
			return 0, fmt.Errorf("%s: not stopped at its start: %v", path, ws)
		}
		if stop == 0 {
			if err := syscall.PtraceCont(p.Pid, 0); err != nil {
				return 0, err
			}
		}
	}
	auxv, err := os.ReadFile(fmt.Sprintf("/proc/%d/auxv", p.Pid))
	if err != nil {
		return 0, err
	}
	const atEntry = 9
	word := func(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }
	size := 8
	if class == elf.ELFCLASS32 {
		word = func(b []byte) uint64 { return uint64(binary.LittleEndian.Uint32(b)) }
		size = 4
	}
	for ; len(auxv) >= 2*size; auxv = auxv[2*size:] {
		if word(auxv) == atEntry {
			return word(auxv[size:]) - entry, nil
		}
	}
	return 0, fmt.Errorf("%s: no entry in its auxiliary vector", path)
}
