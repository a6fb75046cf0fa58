package kernel

import (
	"encoding/binary"

	"bee/runtime/abi"
)

// pushFrame64 builds an x86-64 frame (Linux: struct rt_sigframe): from the
// stack pointer up the return address, ucontext, siginfo; above, aligned to
// 64 bytes, the vector state.
func (t *Task) pushFrame64(r *Registers, in *siginfo, act *sigaction, mask uint64) bool {
	if act.flags&abi.SA_RESTORER == 0 {
		return false // x86-64 has no other way back
	}
	top, alt := t.frameStack(r.SP, act)
	extended := len(r.FP)
	if extended > fxsaveSize {
		extended += fpMagic2Size
	}
	fpAt := (top - uint64(extended)) &^ 63
	at := (fpAt-abi.SizeofAMD64RtSigframe)&^15 - 8
	if at > top || !t.frameFits(at, r.SP, alt) {
		return false
	}
	m, e := t.Bytes(at, top-at, true)
	if e != 0 {
		return false
	}
	clear(m[:abi.SizeofAMD64RtSigframe])
	putVector(m[fpAt-at:], r.FP, uint32(extended))

	le := binary.LittleEndian
	le.PutUint64(m, act.restorer)
	copy(m[abi.AMD64RtSigframeInfo:], t.encodeInfo(in))
	uc := m[abi.AMD64RtSigframeUc:]
	flags := uint64(ucSSWords)
	if len(r.FP) > fxsaveSize {
		flags |= ucFPXState
	}
	le.PutUint64(uc[abi.AMD64UcontextFlags:], flags)
	t.putStack(uc[abi.AMD64UcontextStack:])
	le.PutUint64(uc[abi.AMD64UcontextSigmask:], mask)
	sc := uc[abi.AMD64UcontextMcontext:]
	for off, v := range gregs64(r) {
		le.PutUint64(sc[off:], *v)
	}
	le.PutUint64(sc[abi.AMD64SigcontextEflags:], r.Flags)
	le.PutUint16(sc[abi.AMD64SigcontextCs:], cs64)
	le.PutUint16(sc[abi.AMD64SigcontextCs+6:], ds) // ss
	le.PutUint64(sc[abi.AMD64SigcontextErr:], t.trapErr)
	le.PutUint64(sc[abi.AMD64SigcontextTrapno:], t.trap)
	le.PutUint64(sc[abi.AMD64SigcontextOldmask:], mask)
	le.PutUint64(sc[abi.AMD64SigcontextCr2:], t.cr2)
	le.PutUint64(sc[abi.AMD64SigcontextFpstate:], fpAt)

	n := *r
	n.FP = nil
	n.AX, n.DI, n.SI, n.DX = 0, uint64(in.sig), at+abi.AMD64RtSigframeInfo, at+abi.AMD64RtSigframeUc
	n.PC, n.SP = act.handler, at
	n.Flags &^= flagsCleared
	t.cpu.SetRegisters(&n)
	return true
}

// gregs64 tells where sigcontext keeps which register.
func gregs64(r *Registers) map[int]*uint64 {
	return map[int]*uint64{
		abi.AMD64SigcontextR8: &r.R8, abi.AMD64SigcontextR9: &r.R9, abi.AMD64SigcontextR10: &r.R10, abi.AMD64SigcontextR11: &r.R11,
		abi.AMD64SigcontextR12: &r.R12, abi.AMD64SigcontextR13: &r.R13, abi.AMD64SigcontextR14: &r.R14, abi.AMD64SigcontextR15: &r.R15,
		abi.AMD64SigcontextRdi: &r.DI, abi.AMD64SigcontextRsi: &r.SI, abi.AMD64SigcontextRbp: &r.BP, abi.AMD64SigcontextRbx: &r.BX,
		abi.AMD64SigcontextRdx: &r.DX, abi.AMD64SigcontextRax: &r.AX, abi.AMD64SigcontextRcx: &r.CX, abi.AMD64SigcontextRsp: &r.SP,
		abi.AMD64SigcontextRip: &r.PC,
	}
}

// sigreturn64 takes the frame away. The handler's return has popped the
// return address.
func (t *Task) sigreturn64() (uint64, abi.Errno) {
	var r Registers
	t.cpu.Registers(&r, true)
	m, e := t.Bytes(r.SP-8, abi.SizeofAMD64RtSigframe, false)
	if e != 0 {
		return t.badFrame()
	}
	le := binary.LittleEndian
	uc := m[abi.AMD64RtSigframeUc:]
	sc := uc[abi.AMD64UcontextMcontext:]
	n := Registers{Flags: r.Flags}
	for off, v := range gregs64(&n) {
		*v = le.Uint64(sc[off:])
	}
	n.Flags = n.Flags&^flagsRestored | le.Uint64(sc[abi.AMD64SigcontextEflags:])&flagsRestored
	t.setMask(le.Uint64(uc[abi.AMD64UcontextSigmask:]))
	var ok bool
	if n.FP, ok = t.takeVector(le.Uint64(sc[abi.AMD64SigcontextFpstate:]), r.FP, true); !ok {
		return t.badVector(&n, &r)
	}
	return t.returned(&n, uc[abi.AMD64UcontextStack:])
}
