//go:build linux && amd64

package tebtest

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"unsafe"

	"bee/internal/winetest"
)

// What package syscall has no names for.
const (
	ptraceGetRegs    = 12
	ptraceSetRegs    = 13
	ptraceGetFPRegs  = 14
	ptraceGetSigInfo = 0x4202
	ptraceExitKill   = 0x100000
	addrNoRandomize  = 0x40000
	trapFlag         = 0x100
	// visibleFlags are those that a program has: arithmetic, direction,
	// alignment check, ID.
	visibleFlags = 0x240cd5
)

// A tracee is a program that stands still.
type tracee struct {
	pid   int
	wide  bool
	regs  syscall.PtraceRegs
	ended bool
	ws    syscall.WaitStatus
}

// A state is what a program sees of its processor: program counter, flags and
// general registers by their number in the encoding.
type state struct {
	pc, flags uint64
	r         [16]uint64
}

// lockThread makes the calling goroutine's thread fit to trace: programs that
// it starts have their memory at the same addresses, and run on one processor,
// as cpuid tells them. The thread ends with the goroutine, and what it traces.
func lockThread(t *testing.T) {
	t.Helper()
	runtime.LockOSThread()
	old, _, e := syscall.RawSyscall(syscall.SYS_PERSONALITY, 0xffffffff, 0, 0)
	if e == 0 {
		_, _, e = syscall.RawSyscall(syscall.SYS_PERSONALITY, old|addrNoRandomize, 0, 0)
	}
	if e != 0 {
		winetest.Missing(t, fmt.Sprintf("addresses cannot be made the same: %v", e))
	}
	var mask [16]uint64
	n, _, e := syscall.RawSyscall(syscall.SYS_SCHED_GETAFFINITY, 0, unsafe.Sizeof(mask), uintptr(unsafe.Pointer(&mask)))
	if e != 0 {
		t.Fatalf("affinity: %v", e)
	}
	for i := range mask[:n/8] {
		if mask[i] != 0 {
			one := [16]uint64{}
			one[i] = mask[i] & -mask[i]
			if _, _, e := syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, 0, unsafe.Sizeof(one), uintptr(unsafe.Pointer(&one))); e != 0 {
				t.Fatalf("affinity: %v", e)
			}
			return
		}
	}
}

// launch starts a program that stops behind execve.
func launch(t *testing.T, wide bool, exe, dir string, stdout *os.File, args ...string) *tracee {
	t.Helper()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	pid, err := syscall.ForkExec(exe, args, &syscall.ProcAttr{
		Dir:   dir,
		Env:   []string{"PATH=/usr/bin:/bin", "HOME=/", "LANG=C", "TZ=UTC0"},
		Files: []uintptr{null.Fd(), stdout.Fd(), 2},
		Sys:   &syscall.SysProcAttr{Ptrace: true},
	})
	if err != nil {
		winetest.Missing(t, fmt.Sprintf("no tracing: %v", err))
	}
	p := &tracee{pid: pid, wide: wide}
	t.Cleanup(func() {
		if !p.ended {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			_, _ = syscall.Wait4(pid, nil, syscall.WALL, nil)
		}
	})
	if err := p.wait(); err != nil {
		t.Fatal(err)
	}
	if p.ended || p.signal() != syscall.SIGTRAP {
		t.Fatalf("no stop behind execve: %#x", p.ws)
	}
	if err := syscall.PtraceSetOptions(pid, ptraceExitKill); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *tracee) ptrace(request uintptr, addr uintptr, data unsafe.Pointer) error {
	if _, _, e := syscall.RawSyscall6(syscall.SYS_PTRACE, request, uintptr(p.pid), addr, uintptr(data), 0, 0); e != 0 {
		return fmt.Errorf("ptrace %#x: %w", request, e)
	}
	return nil
}

// wait waits for the next stop and reads the registers.
func (p *tracee) wait() error {
	if _, err := syscall.Wait4(p.pid, &p.ws, syscall.WALL, nil); err != nil {
		return fmt.Errorf("wait: %w", err)
	}
	if p.ended = !p.ws.Stopped(); p.ended {
		return nil
	}
	// Unlike PTRACE_GETREGSET, the 64-bit layout for 32-bit programs too.
	return p.ptrace(ptraceGetRegs, 0, unsafe.Pointer(&p.regs))
}

func (p *tracee) signal() syscall.Signal { return p.ws.StopSignal() }

// step runs one instruction.
func (p *tracee) step() error {
	if err := syscall.PtraceSingleStep(p.pid); err != nil {
		return fmt.Errorf("step: %w", err)
	}
	return p.wait()
}

// runTo runs until the program is at addr, or has ended.
func (p *tracee) runTo(addr uint64) error {
	if p.regs.Eflags&trapFlag != 0 { // a popf that was stepped over may have left it
		p.regs.Eflags &^= trapFlag
		if err := p.store(); err != nil {
			return err
		}
	}
	old, err := p.read(addr, 1)
	if err != nil {
		return err
	}
	if err := p.write(addr, []byte{0xcc}); err != nil {
		return err
	}
	if err := syscall.PtraceCont(p.pid, 0); err != nil {
		return fmt.Errorf("continue: %w", err)
	}
	if err := p.wait(); err != nil || p.ended {
		return err
	}
	if p.signal() != syscall.SIGTRAP || p.regs.Rip != addr+1 {
		return fmt.Errorf("%v at %#x on the way to %#x", p.signal(), p.regs.Rip, addr)
	}
	if err := p.write(addr, old); err != nil {
		return err
	}
	p.regs.Rip = addr
	return p.store()
}

// store makes p.regs the program's registers.
func (p *tracee) store() error {
	p.regs.Orig_rax = ^uint64(0) // no system call to start again
	return p.ptrace(ptraceSetRegs, 0, unsafe.Pointer(&p.regs))
}

func (p *tracee) read(addr uint64, n int) ([]byte, error) {
	b := make([]byte, n)
	if k, err := syscall.PtracePeekData(p.pid, uintptr(addr), b); err != nil || k != n {
		return nil, fmt.Errorf("read %#x: %w", addr, err)
	}
	return b, nil
}

func (p *tracee) write(addr uint64, b []byte) error {
	if k, err := syscall.PtracePokeData(p.pid, uintptr(addr), b); err != nil || k != len(b) {
		return fmt.Errorf("write %#x: %w", addr, err)
	}
	return nil
}

func (p *tracee) wordSize() int {
	if p.wide {
		return 8
	}
	return 4
}

func (p *tracee) word(addr uint64) (uint64, error) {
	b, err := p.read(addr, p.wordSize())
	if err != nil {
		return 0, err
	}
	return le.Uint64(append(b, 0, 0, 0, 0)[:8]), nil
}

func (p *tracee) setWord(addr, v uint64) error {
	return p.write(addr, le.AppendUint64(nil, v)[:p.wordSize()])
}

// fpu gives control and status words, x87 and SSE registers, without what
// tells where the last x87 instruction was; that comes second.
func (p *tracee) fpu() (visible []byte, fip uint64, err error) {
	var f [512]byte
	if err := p.ptrace(ptraceGetFPRegs, 0, unsafe.Pointer(&f)); err != nil {
		return nil, 0, err
	}
	return slices.Concat(f[0:5], f[24:28], f[32:416]), le.Uint64(f[8:]), nil
}

// fault gives number, code and address of the signal that stopped p.
func (p *tracee) fault() (signo, code int32, addr uint64, err error) {
	var si [128]byte
	if err := p.ptrace(ptraceGetSigInfo, 0, unsafe.Pointer(&si)); err != nil {
		return 0, 0, 0, err
	}
	return int32(le.Uint32(si[:])), int32(le.Uint32(si[8:])), le.Uint64(si[16:]), nil
}

// now gives the state.
func (p *tracee) now() state {
	g := &p.regs
	s := state{g.Rip, g.Eflags & visibleFlags, [16]uint64{
		g.Rax, g.Rcx, g.Rdx, g.Rbx, g.Rsp, g.Rbp, g.Rsi, g.Rdi, g.R8, g.R9, g.R10, g.R11, g.R12, g.R13, g.R14, g.R15,
	}}
	if !p.wide {
		for i := range s.r[:8] {
			s.r[i] = uint64(uint32(s.r[i]))
		}
		clear(s.r[8:])
	}
	return s
}

// set makes s the program's state.
func (p *tracee) set(s state) error {
	g := &p.regs
	g.Rip, g.Eflags = s.pc, g.Eflags&^visibleFlags|s.flags
	for i, r := range []*uint64{
		&g.Rax, &g.Rcx, &g.Rdx, &g.Rbx, &g.Rsp, &g.Rbp, &g.Rsi, &g.Rdi, &g.R8, &g.R9, &g.R10, &g.R11, &g.R12, &g.R13, &g.R14, &g.R15,
	} {
		if i < 8 || p.wide {
			*r = s.r[i]
		}
	}
	return p.store()
}
