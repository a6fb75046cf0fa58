package stubs

// The glue of trampolines, Windows form.
//
// Whatever thunk is entered, the runner gets three things from it: the
// guest's registers as they were at the site (none is borrowed when a thunk
// is entered, only rcx of ThunkSyscall on x86-64, which the system call
// destroys anyway); the address to go on at, SlotResume or rcx; and from that
// the site itself:
//
//	o := resume
//	if resume lies in the trampoline segment {
//		o = the Orig of the PC map's entry whose Tramp is resume
//	}
//	site = the only entry of Image.Sites with Addr+Len == o
//
// o is also the program counter that the guest may see (the return address of
// a system call, which x86-64 leaves in rcx). An interrupt between a LeaPC of
// rcx and the thunk is told at the site; the runner then shows o in rcx.

// SyscallGlue enters ThunkSyscall in place of `int $0x80` on IA-32 and of
// `syscall` on x86-64.
func (a *Asm) SyscallGlue(resume uint64) {
	if !a.Wide {
		a.resumeGlue(ThunkSyscall, resume)
		return
	}
	if resume == Behind {
		resume = a.PC() + 12
	}
	a.LeaPC(CX, resume)
	a.Jmp(a.thunk(ThunkSyscall))
}

// SysenterGlue enters ThunkSysenter in place of `sysenter`.
func (a *Asm) SysenterGlue(resume uint64) { a.resumeGlue(ThunkSysenter, resume) }

// Int80Glue enters ThunkInt80 in place of a stray `int $0x80` on x86-64.
func (a *Asm) Int80Glue(resume uint64) { a.resumeGlue(ThunkInt80, resume) }

// EmulateGlue enters ThunkEmulate: the runner reads the site's original bytes
// and carries them out.
func (a *Asm) EmulateGlue(resume uint64) { a.resumeGlue(ThunkEmulate, resume) }

func (a *Asm) thunk(t Thunk) uint64 { return a.Thunks + uint64(t.Off()) }

// resumeGlue stores resume in SlotResume and jumps to t.
func (a *Asm) resumeGlue(t Thunk, resume uint64) {
	if !a.Wide {
		if resume == Behind {
			resume = a.PC() + 16
		}
		a.StoreSlotAddr(SlotResume, resume)
		a.Jmp(a.thunk(t))
		return
	}
	if resume == Behind {
		resume = a.PC() + 9 + 7 + 9 + 9 + 5
	}
	orig := a.orig
	a.StoreSlot(SlotSpill, CX)
	a.LeaPC(CX, resume)
	a.State(orig, CX)
	a.StoreSlot(SlotResume, CX)
	a.LoadSlot(CX, SlotSpill)
	a.State(orig, NoSpill)
	a.Jmp(a.thunk(t))
}

// CallGlue stands for a direct call that was moved: the guest's stack gets
// ret, the address behind the original call. relocatable says that addresses
// of the program are not known before it is loaded.
func (a *Asm) CallGlue(ret, target uint64, relocatable bool) {
	if !a.Wide || !relocatable && ret>>31 == 0 {
		a.PushAddr(ret)
		a.State(target, NoSpill)
		a.Jmp(target)
		return
	}
	orig := a.orig
	a.StoreSlot(SlotSpill, CX)
	a.LeaPC(CX, ret)
	a.State(orig, CX)
	a.Push(CX)
	a.State(target, CX)
	a.LoadSlot(CX, SlotSpill)
	a.State(target, NoSpill)
	a.Jmp(target)
}

// CallProof is CallGlue for programs that run on Linux, where there are no
// slots, and where nobody relocates the trampolines.
func (a *Asm) CallProof(ret, target uint64, relocatable bool) {
	a.PushProof(ret, relocatable)
	a.State(target, NoSpill)
	a.Jmp(target)
}

// PushProof pushes ret.
func (a *Asm) PushProof(ret uint64, relocatable bool) {
	switch {
	case a.Wide && (relocatable || ret>>31 != 0):
		a.Push(CX)
		a.LeaPC(CX, ret)
		a.XchgTop(CX)
	case relocatable:
		a.Push(CX)
		a.mark()
		a.put(0xe8, 0, 0, 0, 0) // call 1f; 1:
		here := a.PC()
		a.mark()
		a.put(0x59) // pop %ecx
		a.mark()
		a.put(0x8d, 0x89) // lea ret-here(%ecx),%ecx
		a.put32(uint32(ret - here))
		a.XchgTop(CX)
	default:
		a.PushAddr(ret)
	}
}

// LoopGlue stands for a branch that has only an 8-bit displacement (loop,
// jecxz): head is the instruction without it, next the address behind it.
//
//	loop 1f; jmp 2f; 1: jmp target; 2:
func (a *Asm) LoopGlue(head []byte, next, target uint64) {
	a.mark()
	a.put(head...)
	a.put(2)
	a.State(next, NoSpill)
	a.mark()
	a.put(0xeb, 5)
	a.State(target, NoSpill)
	a.Jmp(target)
}
