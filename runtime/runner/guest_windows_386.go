package runner

import (
	"bee/rewrite/decode"
	"bee/runtime/abi"
	"bee/runtime/kernel"
	"bee/runtime/launch"
	"bee/runtime/loader"
	"bee/runtime/vcpu"
	"bee/stubs"
)

// arenas are where the guest's mmap areas may lie in a 32-bit process. Above
// 2 GiB there is nothing of ours (large-address-aware executables on a 64-bit
// Windows); below it is what the image and the runner leave.
var arenas = []kernel.Range{
	{Lo: 0x8000_0000, Hi: 0xe000_0000},
	{Lo: 0x1000_0000, Hi: 0x4000_0000},
}

// widthState is what only guests of this width need: nothing.
//
//lint:ignore U1000 x86-64 has something to keep
type widthState struct{}

// thunkPage fills in the page that sites enter; libc's fast system call enters
// it too.
func thunkPage(p *loader.Params, slots *stubs.Slots, at uintptr) {
	p.ThunkPage = stubs.ThunkPage32(uint32(at), slots.Disp, uint32(stubs.LeaveAddr()))
	p.SysInfo = uint64(at) + uint64(stubs.ThunkCall.Off())
}

// afterSyscall: `int $0x80` changes eax only.
func (g *Guest) afterSyscall() {}

// int80 does not happen: IA-32 programs enter ThunkSyscall.
func (g *Guest) int80() { g.cpu.SetReturn(-int64(abi.ENOSYS)) }

// sysenter carries out the protocol of Linux's vdso: the kernel returns from
// sysenter to code that restores what __kernel_vsyscall has pushed. ebp points
// to the saved ebp, which is the sixth argument; edx, ecx and the return
// address lie above.
func (g *Guest) sysenter() {
	s := g.cpu.State
	sp := s.EBP
	w := spaceWords{g.proc.Space()}
	nr, args := g.cpu.SyscallArgs()
	a6, e := w.ReadUint32(uint64(sp))
	args[5] = uint64(a6)
	ret := -int64(e)
	if e == 0 {
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
	site, raw, err := g.siteBytes(uint64(s.EIP))
	if err != nil {
		return g.brokenMark(err), true
	}
	r := vcpu.Registers32{s.EAX, s.ECX, s.EDX, s.EBX, s.ESP, s.EBP, s.ESI, s.EDI}
	if vcpu.EmulateSegment32(raw, &r, segments{g}, spaceWords{g.proc.Space()}) != nil {
		return g.die(Fault{Code: statusAccessViolation, Addr: noAddress32, PC: g.img.Base + site.Addr, SP: uint64(s.ESP)})
	}
	s.EAX, s.ECX, s.EDX, s.EBX, s.ESP, s.EBP, s.ESI, s.EDI = r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7]
	return launch.Mark{}, false
}

// fault ends the guest.
func (g *Guest) fault() (launch.Mark, bool) {
	s := g.cpu.State
	return g.die(Fault{
		Code: s.FaultCode, Info: s.FaultInfo, Addr: uint64(s.FaultAddr),
		PC: originalPC(g.img, uint64(s.EIP)), SP: uint64(s.ESP),
	})
}
