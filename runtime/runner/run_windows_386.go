// Package runner is the guest's process from within: it builds the kernel's
// objects and the vCPU, loads the image and serves the guest until it ends.
package runner

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"

	"bee/image"
	"bee/rewrite/decode"
	"bee/runtime/abi"
	"bee/runtime/kernel"
	"bee/runtime/launch"
	"bee/runtime/vcpu"
	"bee/stubs"
)

// Guest is one program in this process.
type Guest struct {
	program string
	img     *image.Image
	elf     []byte // the program as it was before the rewriter
	proc    *kernel.Process
	task    *kernel.Task
	cpu     *vcpu.VCPU
}

// Run serves the guest described by a and gives its mark. Call it from the
// main goroutine; it locks its OS thread.
func Run(a *launch.Attached) launch.Mark {
	runtime.LockOSThread()
	g, err := prepare(a)
	if err != nil {
		var r *runnerError
		if errors.As(err, &r) {
			return launch.Mark{Kind: launch.MarkRunner, Value: r.status, Message: r.err.Error()}
		}
		return launch.Mark{Kind: launch.MarkRunner, Value: statusCannotRun, Message: err.Error()}
	}
	m := g.loop()
	g.proc.Finish()
	return m
}

// beerun's own exit statuses.
const (
	statusRunner    = 125
	statusCannotRun = 126
)

// runnerError is a failure that is not the program's fault.
type runnerError struct {
	status uint32
	err    error
}

func (e *runnerError) Error() string { return e.err.Error() }
func (e *runnerError) Unwrap() error { return e.err }

func broken(format string, args ...any) error {
	return &runnerError{statusRunner, fmt.Errorf(format, args...)}
}

// prepare builds everything up to the first instruction of the guest.
func prepare(a *launch.Attached) (*Guest, error) {
	f, err := image.ReadAgain(bytes.NewReader(a.Image), int64(len(a.Image)))
	if err != nil {
		return nil, err
	}
	im := f.Main()
	// From here on all addresses are those in memory.
	if err := im.MoveTo(a.Config.Base); err != nil {
		return nil, err
	}
	g := &Guest{program: a.Config.Program, img: im, elf: a.Image[:im.SourceSize]}

	slots, err := stubs.AllocateSlots()
	if err != nil {
		return nil, &runnerError{statusRunner, err}
	}
	if err := slots.InstallHandlers(); err != nil {
		return nil, &runnerError{statusRunner, err}
	}
	g.proc, err = newProcess(&a.Config, im, os.Stderr)
	if err != nil {
		return nil, err
	}

	thunks := uint32(int64(im.Base) + im.TrampAddr)
	start, err := load(g, f, &a.Config, &slots, thunks)
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}

	space := g.proc.Space()
	g.cpu, err = vcpu.New(&slots, thunks, im.Mirrors, spaceWords{space})
	if err != nil {
		return nil, &runnerError{statusRunner, err}
	}
	g.task = g.proc.NewTask(g.cpu)
	if dir := a.Config.Cwd; dir != "" {
		if e := g.task.Chdir(dir); e != 0 {
			return nil, fmt.Errorf("--cwd %s: %w", dir, e)
		}
	}
	g.cpu.State.EIP, g.cpu.State.ESP = uint32(start.Entry), uint32(start.SP)
	g.cpu.Bind()
	return g, nil
}

// spaceWords lets the vCPU touch memory through the address space's checks.
type spaceWords struct{ s *kernel.AddressSpace }

func (w spaceWords) ReadUint32(addr uint64) (uint32, abi.Errno) {
	var b [4]byte
	e := w.s.ReadSegment(addr, b[:])
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24, e
}

func (w spaceWords) WriteUint32(addr uint64, v uint32) abi.Errno {
	return w.s.WriteSegment(addr, []byte{byte(v), byte(v >> 8), byte(v >> 16), byte(v >> 24)})
}

// loop is the vCPU loop.
func (g *Guest) loop() launch.Mark {
	s := g.cpu.State
	for {
		switch reason := g.cpu.Run(); reason {
		case stubs.ReasonSyscall, stubs.ReasonCall, stubs.ReasonInt80:
			nr, args := g.cpu.SyscallArgs()
			g.cpu.SetReturn(g.task.Syscall(nr, args))
		case stubs.ReasonSysenter:
			// The kernel returns from sysenter through the vdso, which
			// restores what __kernel_vsyscall has pushed: ebp points to the
			// saved ebp; edx, ecx and the return address lie above.
			g.sysenter()
		case stubs.ReasonEmulate:
			if m, ended := g.emulate(); ended {
				return m
			}
		case stubs.ReasonFault:
			return g.fault()
		case stubs.ReasonInterrupt:
			s.ExitNow = 0
		default:
			return launch.Mark{Kind: launch.MarkRunner, Value: statusRunner, Message: fmt.Sprintf("the guest came back for unknown reason %d", reason)}
		}
		if m, ended := g.ended(); ended {
			return m
		}
	}
}

// ended tells how the process has ended, if it has.
func (g *Guest) ended() (launch.Mark, bool) {
	status, ok := g.task.Exited()
	if !ok {
		return launch.Mark{}, false
	}
	if _, sig, _ := g.proc.Exited(); sig != 0 {
		return launch.Mark{Kind: launch.MarkSignaled, Value: uint32(sig), Message: sig.Name()}, true
	}
	return launch.Mark{Kind: launch.MarkExited, Value: uint32(status)}, true
}

// sysenter carries out the protocol of Linux's vdso: the sixth argument lies
// where ebp points.
func (g *Guest) sysenter() {
	s := g.cpu.State
	sp := s.EBP
	w := spaceWords{g.proc.Space()}
	nr, args := g.cpu.SyscallArgs()
	a6, e := w.ReadUint32(uint64(sp))
	args[5] = uint64(a6)
	var ret int64
	if e != 0 {
		ret = -int64(e)
	} else {
		ret = g.task.Syscall(nr, args)
	}
	g.cpu.SetReturn(ret)
	pop := func() uint32 {
		v, _ := w.ReadUint32(uint64(sp))
		sp += 4
		return v
	}
	s.EBP, s.EDX, s.ECX, s.EIP = pop(), pop(), pop(), pop()
	s.ESP = sp
}

// segments is the task's segment registers as the emulation wants them.
type segments struct{ g *Guest }

func (s segments) Selector(r decode.Seg) uint16 {
	if r == decode.GS {
		return s.g.task.GS()
	}
	return s.g.task.FS()
}

func (s segments) LoadSelector(r decode.Seg, sel uint16) abi.Errno {
	if r == decode.GS {
		return s.g.task.LoadGS(sel)
	}
	return s.g.task.LoadFS(sel)
}

func (s segments) SegmentBase(r decode.Seg) uint32 {
	if r == decode.GS {
		return uint32(s.g.cpu.ThreadPointer())
	}
	return uint32(s.g.task.FSBase())
}

// emulate carries out the site in front of where the guest is to go on. What
// would be a fault of the processor ends the guest.
func (g *Guest) emulate() (launch.Mark, bool) {
	s := g.cpu.State
	site, err := siteBefore(g.img, uint64(s.EIP))
	if err != nil {
		return launch.Mark{Kind: launch.MarkRunner, Value: statusRunner, Message: err.Error()}, true
	}
	raw := make([]byte, site.Len)
	if err := original(g.elf, g.img.Base+site.Addr-g.img.Bias(), raw); err != nil {
		return launch.Mark{Kind: launch.MarkRunner, Value: statusRunner, Message: err.Error()}, true
	}
	r := vcpu.Registers32{s.EAX, s.ECX, s.EDX, s.EBX, s.ESP, s.EBP, s.ESI, s.EDI}
	err = vcpu.EmulateSegment32(raw, &r, segments{g}, spaceWords{g.proc.Space()})
	if err != nil {
		f := Fault{Code: statusAccessViolation, Info: 0, Addr: 0xffffffff, PC: g.img.Base + site.Addr, SP: uint64(s.ESP)}
		return launch.Mark{Kind: launch.MarkSignaled, Value: uint32(f.Signal()), Message: f.String()}, true
	}
	s.EAX, s.ECX, s.EDX, s.EBX, s.ESP, s.EBP, s.ESI, s.EDI = r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7]
	return launch.Mark{}, false
}

// fault ends the guest as the signal does that Linux would send.
func (g *Guest) fault() launch.Mark {
	s := g.cpu.State
	f := Fault{
		Code: s.FaultCode, Info: s.FaultInfo, Addr: uint64(s.FaultAddr),
		PC: originalPC(g.img, uint64(s.EIP)), SP: uint64(s.ESP),
	}
	g.task.Kill(f.Signal())
	return launch.Mark{Kind: launch.MarkSignaled, Value: uint32(f.Signal()), Message: f.String()}
}
