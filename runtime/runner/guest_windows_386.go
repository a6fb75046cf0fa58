package runner

import (
	"bytes"

	"bee/rewrite/decode"
	"bee/runtime/abi"
	"bee/runtime/kernel"
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

// codeMode is how the guest's code is read.
const codeMode = decode.Mode32

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
func (th *thread) afterSyscall() {}

// int80 does not happen: IA-32 programs enter ThunkSyscall.
func (th *thread) int80() { th.cpu.SetReturn(-int64(abi.ENOSYS)) }

// sysenter carries out the protocol of Linux's vdso: the kernel returns from
// sysenter to code that restores what __kernel_vsyscall has pushed. ebp points
// to the saved ebp, which is the sixth argument; edx, ecx and the return
// address lie above.
func (th *thread) sysenter() {
	s := th.cpu.State
	sp := s.EBP
	w := spaceWords{th.g.proc.Space()}
	nr, args := th.cpu.SyscallArgs()
	a6, e := w.ReadUint32(uint64(sp))
	args[5] = uint64(a6)
	ret := -int64(e)
	if e == 0 {
		ret = th.task.Syscall(nr, args)
	}
	if kernel.NeedsRestart(ret) {
		ret = -int64(abi.EINTR)
	}
	th.cpu.SetReturn(ret)
	pop := func() uint32 {
		v, _ := w.ReadUint32(uint64(sp))
		sp += 4
		return v
	}
	s.EBP, s.EDX, s.ECX, s.EIP = pop(), pop(), pop(), pop()
	s.ESP = sp
}

// segments is the task's segment registers as the emulation wants them.
type segments struct {
	t   *kernel.Task
	cpu *vcpu.VCPU
}

func (s segments) Selector(r decode.Seg) uint16 {
	if r == decode.GS {
		return s.t.GS()
	}
	return s.t.FS()
}

func (s segments) LoadSelector(r decode.Seg, sel uint16) abi.Errno {
	if r == decode.GS {
		return s.t.LoadGS(sel)
	}
	return s.t.LoadFS(sel)
}

func (s segments) SegmentBase(r decode.Seg) uint32 {
	if r == decode.GS {
		return uint32(s.cpu.ThreadPointer())
	}
	return uint32(s.t.FSBase())
}

// emulate carries out the site in front of where the guest is to go on. What
// would be a fault of the processor ends the guest.
func (th *thread) emulate() {
	s := th.cpu.State
	site, raw, err := th.siteBytes(uint64(s.EIP))
	if err != nil {
		th.broken(err)
		return
	}
	r := vcpu.Registers32{s.EAX, s.ECX, s.EDX, s.EBX, s.ESP, s.EBP, s.ESI, s.EDI}
	if vcpu.EmulateSegment32(raw, &r, segments{th.task, th.cpu}, spaceWords{th.g.proc.Space()}) != nil {
		pc := th.g.img.Base + site.Addr
		s.EIP = uint32(th.g.img.RunnablePC(pc))
		th.raise(Fault{Code: statusAccessViolation, Addr: noAddress32, PC: pc, SP: uint64(s.ESP)})
		return
	}
	s.EAX, s.ECX, s.EDX, s.EBX, s.ESP, s.EBP, s.ESI, s.EDI = r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7]
}

// knownRestorer tells whether addr is what libc returns from handlers by, and
// what libgcc knows their frames by (its MD_FALLBACK_FRAME_STATE_FOR for i386):
// there is no other way to find them. The rewriter has put another instruction
// in the call's place. Go's runtime has the same code with int3 behind it, and
// walks its stacks by itself: it keeps its own, which is quicker.
func (g *Guest) knownRestorer(addr uint64, rt bool) bool {
	want := []byte{0x58, 0xb8, 0x77, 0, 0, 0, 0xcd, 0x80} // pop %eax; mov $119,%eax; int $0x80
	if rt {
		want = []byte{0xb8, 0xad, 0, 0, 0, 0xcd, 0x80} // mov $173,%eax; int $0x80
	}
	const int3 = 0xcc
	code := make([]byte, len(want)+1)
	if loader.Original(bytes.NewReader(g.elf), g.img, addr, code) != nil {
		return false
	}
	return bytes.HasPrefix(code, want) && code[len(want)] != int3
}

// fault is a hardware exception of the guest, or the return of a handler that
// has no restorer.
func (th *thread) fault() {
	s := th.cpu.State
	pc := th.cpu.Settle()
	if nr, ok := th.task.SigreturnAt(pc); ok && s.FaultCode == statusAccessViolation {
		_, args := th.cpu.SyscallArgs()
		th.syscall(nr, args)
		return
	}
	th.raise(Fault{Code: s.FaultCode, Info: s.FaultInfo, Addr: uint64(s.FaultAddr), PC: pc, SP: uint64(s.ESP)})
}
