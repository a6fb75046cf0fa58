package runner

import (
	"bee/rewrite/decode"
	"bee/runtime/abi"
	"bee/runtime/kernel"
	"bee/runtime/loader"
	"bee/runtime/vcpu"
	"bee/stubs"
)

// arenas are where the guest's mmap areas may lie: far from the runner's own
// memory (Go's heap, the libraries near the end) and from what programs name
// themselves (Go's arenas at 0xc000000000). The second one serves MAP_32BIT.
var arenas = []kernel.Range{
	{Lo: 0x1000_0000_0000, Hi: 0x5000_0000_0000},
	{Lo: 0x1000_0000, Hi: 0x4000_0000},
}

// codeMode is how the guest's code is read.
const codeMode = decode.Mode64

// widthState is what only guests of this width need.
type widthState struct {
	// resumes remembers what addresses in trampolines stand for.
	resumes [64][2]uint64
}

// thunkPage fills in the page that sites enter.
func thunkPage(p *loader.Params, slots *stubs.Slots, _ uintptr) {
	p.ThunkPage = stubs.ThunkPage64(slots.Disp, uint64(stubs.LeaveAddr()))
}

// afterSyscall leaves in rcx and r11 what the instruction does: the address
// behind it and the flags (Intel SDM vol. 2B, SYSCALL).
func (th *thread) afterSyscall() {
	s := th.cpu.State
	s.RCX, s.R11 = th.behind(s.RIP), s.RFLAGS
}

// behind is OriginalPC for the addresses behind system calls, of which a
// program uses few.
func (th *thread) behind(resume uint64) uint64 {
	e := &th.resumes[resume>>1%uint64(len(th.resumes))]
	if e[0] != resume {
		e[0] = resume
		e[1], _ = th.g.img.OriginalPC(resume)
	}
	return e[1]
}

// int80 is the IA-32 call in a 64-bit program, which Linux would carry out
// with 32-bit pointers.
func (th *thread) int80() {
	th.g.proc.Warn("int80", "int $0x80 in a 64-bit program is not supported: it gets ENOSYS")
	th.cpu.SetReturn(-int64(abi.ENOSYS))
}

// sysenter has no meaning that a 64-bit program could rely on.
func (th *thread) sysenter() { th.cpu.SetReturn(-int64(abi.ENOSYS)) }

// bases is the task's segment bases as the emulation wants them.
type bases struct {
	t   *kernel.Task
	cpu *vcpu.VCPU
}

func (b bases) Base(s decode.Seg) uint64 {
	if s == decode.FS {
		return b.cpu.ThreadPointer()
	}
	return b.t.GSBase()
}

func (b bases) SetBase(s decode.Seg, base uint64) abi.Errno {
	if s == decode.FS {
		return b.cpu.SetThreadPointer(base)
	}
	b.t.SetGSBase(base)
	return 0
}

// emulate carries out the site in front of where the guest is to go on. What
// would be a fault of the processor ends the guest.
func (th *thread) emulate() {
	s := th.cpu.State
	site, raw, err := th.siteBytes(s.RIP)
	if err != nil {
		th.broken(err)
		return
	}
	r := vcpu.Registers64{
		s.RAX, s.RCX, s.RDX, s.RBX, s.RSP, s.RBP, s.RSI, s.RDI,
		s.R8, s.R9, s.R10, s.R11, s.R12, s.R13, s.R14, s.R15,
	}
	if vcpu.EmulateSegment64(raw, &r, bases{th.task, th.cpu}, spaceWords{th.g.proc.Space()}) != nil {
		pc := th.g.img.Base + site.Addr
		s.RIP = th.g.img.RunnablePC(pc)
		th.raise(Fault{Code: statusAccessViolation, Addr: noAddress64, PC: pc, SP: s.RSP})
		return
	}
	s.RAX, s.RCX, s.RDX, s.RBX, s.RSP, s.RBP, s.RSI, s.RDI = r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7]
	s.R8, s.R9, s.R10, s.R11, s.R12, s.R13, s.R14, s.R15 = r[8], r[9], r[10], r[11], r[12], r[13], r[14], r[15]
}

// knownRestorer: the tables of libc describe its restorer.
func (g *Guest) knownRestorer(uint64, bool) bool { return false }

// fault is a hardware exception of the guest, unless it has called one of the
// fixed addresses of the vsyscall page, where Linux answers and Windows has
// nothing. On real Windows the non-canonical address raises a general
// protection fault at the call's target, without an address of its own.
func (th *thread) fault() {
	s := th.cpu.State
	if nr, ok := th.task.Vsyscall(s.RIP); ok && s.FaultCode == statusAccessViolation {
		ret, e := spaceWords{th.g.proc.Space()}.ReadUint64(s.RSP)
		if e == 0 {
			_, args := th.cpu.SyscallArgs()
			th.cpu.SetReturn(th.task.Syscall(nr, args))
			s.RIP, s.RSP = ret, s.RSP+8
			return
		}
	}
	pc := th.cpu.Settle()
	th.raise(Fault{Code: s.FaultCode, Info: uint32(s.FaultInfo), Addr: s.FaultAddr, PC: pc, SP: s.RSP})
}
