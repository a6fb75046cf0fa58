//go:build windows && (386 || amd64)

package runner

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"runtime"
	"runtime/debug"
	"unsafe"

	"golang.org/x/sys/windows"

	"bee/image"
	"bee/runtime/abi"
	"bee/runtime/kernel"
	"bee/runtime/launch"
	"bee/runtime/loader"
	"bee/runtime/vcpu"
	"bee/stubs"
)

// thread is one of the guest's threads: an OS thread with a goroutine locked
// to it.
type thread struct {
	g    *Guest
	task *kernel.Task
	cpu  *vcpu.VCPU
	//lint:ignore U1000 empty for IA-32
	widthState
}

// newThread makes a vCPU for the calling OS thread, to which the goroutine is
// locked.
func (g *Guest) newThread() (*thread, error) {
	cpu, err := vcpu.New(g.slots, g.thunks, g.img, spaceWords{g.proc.Space()})
	if err != nil {
		return nil, err
	}
	if err := cpu.Bind(); err != nil {
		cpu.Free()
		return nil, err
	}
	return &thread{g: g, cpu: cpu}, nil
}

// spawn implements kernel.Spawner.
func (g *Guest) spawn(r *kernel.Registers, base uint64, attach func(kernel.CPU) *kernel.Task) abi.Errno {
	if !g.roomForThread() {
		return abi.EAGAIN
	}
	started := make(chan abi.Errno, 1)
	g.threads.Add(1)
	go func() {
		defer g.threads.Add(-1)
		// The thread goes back to Go's runtime afterwards, if nothing of the
		// guest is left on it; otherwise it ends with the goroutine.
		runtime.LockOSThread()
		th, err := g.newThread()
		if err != nil {
			runtime.UnlockOSThread()
			started <- abi.EAGAIN
			return
		}
		th.cpu.LoadThreadPointer(base)
		th.cpu.SetRegisters(r)
		th.task = attach(th.cpu)
		started <- 0
		th.loop()
		th.task.Gone()
		th.cpu.Unbind()
		th.cpu.Free()
		if !th.task.OwnThread() {
			runtime.UnlockOSThread()
		}
	}()
	return <-started
}

// loop lets the guest run on this thread until it ends.
func (th *thread) loop() {
	// Memory of the guest that goes while a call looks at it is an error of
	// that call, see kernel.Task.Syscall.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	release := th.g.attached.RegisterThread(windows.GetCurrentThreadId(), uintptr(unsafe.Pointer(th.cpu.State)))
	defer release()
	gate := &th.g.gate
	defer gate.join(th.cpu)()
	for {
		gate.pass()
		reason := th.cpu.Run()
		gate.pass()
		switch reason {
		case stubs.ReasonSyscall, stubs.ReasonCall:
			nr, args := th.cpu.SyscallArgs()
			th.syscall(nr, args)
		case stubs.ReasonSysenter:
			th.sysenter()
		case stubs.ReasonInt80:
			th.int80()
		case stubs.ReasonEmulate:
			th.emulate()
		case stubs.ReasonFault:
			th.cpu.State.FaultPending = 0
			th.fault()
		case stubs.ReasonInterrupt:
			if th.cpu.State.FaultPending != 0 {
				// A kick has found the thread at a fault that the debugger
				// was being told of.
				th.cpu.State.FaultPending = 0
				th.fault()
				break
			}
			th.cpu.Settle()
		default:
			th.broken(fmt.Errorf("the guest came back for unknown reason %d", reason))
		}
		th.cpu.ClearExit()
		if th.task.Attention() {
			th.task.Deliver()
		}
		if _, ended := th.task.Exited(); ended {
			return
		}
	}
}

// syscall carries out a call of the guest.
func (th *thread) syscall(nr uint32, args kernel.Args) {
	ret := th.task.Syscall(nr, args)
	if th.task.Replaced() {
		return // sigreturn
	}
	th.cpu.SetReturn(ret)
	th.afterSyscall()
	if th.task.Attention() || kernel.NeedsRestart(ret) {
		th.task.SyscallExit(nr, args, ret)
	}
}

// broken ends the process by a failure of the runner.
func (th *thread) broken(err error) {
	th.g.last.CompareAndSwap(nil, &launch.Mark{Kind: launch.MarkRunner, Value: statusRunner, Message: err.Error()})
	th.task.Kill(abi.SIGKILL)
}

// raise delivers a hardware exception: to the guest's handler, or it ends the
// process. The state is settled.
func (th *thread) raise(f Fault) {
	var r kernel.Registers
	th.cpu.Registers(&r, true)
	if f.vague() {
		code, before := th.codeAt(f.PC)
		f.Look(code, before, &r, codeMode)
	}
	k := f.Linux(th.g.proc.Space(), r.FP)
	f.Beyond = k.Signal == abi.SIGBUS && f.Code == statusAccessViolation
	mark := &launch.Mark{Kind: launch.MarkSignaled, Value: uint32(k.Signal), Message: f.String()}
	th.g.last.Store(mark)
	if th.task.Fault(k) {
		th.g.last.CompareAndSwap(mark, nil)
	}
}

// codeAt is the instruction at pc as the program has it, with what follows, and
// the byte in front of it. There may be none.
func (th *thread) codeAt(pc uint64) (code []byte, before byte) {
	const longest = 15 // bytes that an instruction may have
	m := make([]byte, 1+longest)
	if loader.Original(bytes.NewReader(th.g.elf), th.g.img, pc-1, m) != nil {
		b, e := th.task.BytesPartial(pc-1, uint64(len(m)), false)
		if e != 0 || len(b) == 0 {
			return nil, 0
		}
		m = append([]byte(nil), b...)
	}
	return m[1:], m[0]
}

// siteBytes is the site in front of resume, where the guest is to go on, and
// its original bytes.
func (th *thread) siteBytes(resume uint64) (*image.Site, []byte, error) {
	g := th.g
	site, err := g.img.SiteBefore(resume)
	if err != nil {
		return nil, nil, err
	}
	raw := make([]byte, site.Len)
	return site, raw, loader.Original(bytes.NewReader(g.elf), g.img, g.img.Base+site.Addr, raw)
}

// spaceWords lets the vCPU touch memory through the address space's checks.
type spaceWords struct{ s *kernel.AddressSpace }

func (w spaceWords) ReadUint32(addr uint64) (uint32, abi.Errno) {
	var b [4]byte
	e := w.s.ReadSegment(addr, b[:])
	return binary.LittleEndian.Uint32(b[:]), e
}

func (w spaceWords) WriteUint32(addr uint64, v uint32) abi.Errno {
	return w.s.WriteSegment(addr, binary.LittleEndian.AppendUint32(nil, v))
}

func (w spaceWords) ReadUint64(addr uint64) (uint64, abi.Errno) {
	var b [8]byte
	e := w.s.ReadSegment(addr, b[:])
	return binary.LittleEndian.Uint64(b[:]), e
}

func (w spaceWords) WriteUint64(addr, v uint64) abi.Errno {
	return w.s.WriteSegment(addr, binary.LittleEndian.AppendUint64(nil, v))
}

// vague tells whether Look can find out more.
func (f Fault) vague() bool {
	switch f.Code {
	case statusAccessViolation, statusStackOverflow, statusPrivileged:
		return f.general()
	}
	return f.Code == statusIntOverflow
}
