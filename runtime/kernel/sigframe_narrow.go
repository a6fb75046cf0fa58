package kernel

import (
	"encoding/binary"

	"bee/runtime/abi"
)

// Code of the page that a handler without a restorer of its own returns to:
// exactly what Linux's vdso has, for unwinders know a signal's frame by it. It
// is never executed: the page is not executable, and the fault of going there
// is the call.
var (
	sigreturnCode   = []byte{0x58, 0xb8, 0x77, 0, 0, 0, 0xcd, 0x80} // pop %eax; mov $119,%eax; int $0x80
	rtSigreturnCode = []byte{0xb8, 0xad, 0, 0, 0, 0xcd, 0x80, 0}    // mov $173,%eax; int $0x80
)

// rtSigreturnOff is where the second piece lies in the page.
const rtSigreturnOff = 16

// sigreturnPage tells where that page is; it is made when it is first needed.
func (p *Process) sigreturnPage() (uint64, abi.Errno) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sigPage == 0 {
		at, e := p.as.mmap(mapping{size: abi.PageSize, prot: abi.PROT_READ | abi.PROT_WRITE, call: "sigreturn"})
		if e != 0 {
			return 0, e
		}
		m := rawBytes(at, abi.PageSize)
		copy(m, sigreturnCode)
		copy(m[rtSigreturnOff:], rtSigreturnCode)
		if e := p.as.mprotect(at, at+abi.PageSize, abi.PROT_READ, true, "sigreturn", nil); e != 0 {
			return 0, e
		}
		p.sigPage = at
	}
	return p.sigPage, 0
}

// SigreturnAt tells whether a fault at pc is the return of a handler through
// that page, and which call it stands for (IA-32: 119 or 173).
func (t *Task) SigreturnAt(pc uint64) (nr uint32, ok bool) {
	p := t.proc
	p.mu.Lock()
	page := p.sigPage
	p.mu.Unlock()
	switch {
	case page == 0:
	case pc == page:
		// pop %eax is part of it.
		var r Registers
		t.cpu.Registers(&r, true)
		r.SP = uint64(uint32(r.SP + 4))
		t.cpu.SetRegisters(&r)
		return 119, true
	case pc == page+rtSigreturnOff:
		return 173, true
	}
	return 0, false
}

// pushFrame32 builds an IA-32 frame: struct sigframe for old handlers, struct
// rt_sigframe with SA_SIGINFO; above, aligned to 64 bytes, the vector state
// with FSAVE's form of it in front.
func (t *Task) pushFrame32(r *Registers, in *siginfo, act *sigaction, mask uint64) bool {
	rt := act.flags&abi.SA_SIGINFO != 0
	size := uint64(abi.SizeofI386Sigframe)
	if rt {
		size = abi.SizeofI386RtSigframe
	}
	top, alt := t.frameStack(r.SP, act)
	extended := len(r.FP)
	if extended > fxsaveSize {
		extended += fpMagic2Size
	}
	fxAt := (top - uint64(extended)) &^ 63
	fpAt := fxAt - fsaveSize
	at := (fpAt-size+4)&^15 - 4
	if at > top || top>>32 != 0 || !t.frameFits(at, r.SP, alt) {
		return false
	}
	ret := act.restorer
	if act.flags&abi.SA_RESTORER == 0 || act.known {
		page, e := t.proc.sigreturnPage()
		if e != 0 {
			return false
		}
		if ret = page; rt {
			ret += rtSigreturnOff
		}
	}
	m, e := t.Bytes(at, top-at, true)
	if e != 0 {
		return false
	}
	clear(m[:size])
	putVector(m[fxAt-at:], r.FP, uint32(fsaveSize+extended))
	putFSave(m[fpAt-at:], r.FP)

	le := binary.LittleEndian
	le.PutUint32(m, uint32(ret))
	le.PutUint32(m[abi.I386SigframeSig:], uint32(in.sig))
	n := *r
	n.FP = nil
	n.AX, n.DX, n.CX = uint64(in.sig), 0, 0
	if rt {
		n.DX, n.CX = at+abi.I386RtSigframeInfo, at+abi.I386RtSigframeUc
		le.PutUint32(m[abi.I386RtSigframePinfo:], uint32(n.DX))
		le.PutUint32(m[abi.I386RtSigframePuc:], uint32(n.CX))
		copy(m[abi.I386RtSigframeInfo:], t.encodeInfo(in))
		uc := m[abi.I386RtSigframeUc:]
		if len(r.FP) > fxsaveSize {
			le.PutUint32(uc[abi.I386UcontextFlags:], ucFPXState)
		}
		t.putStack(uc[abi.I386UcontextStack:])
		le.PutUint64(uc[abi.I386UcontextSigmask:], mask)
		t.putContext32(uc[abi.I386UcontextMcontext:], r, mask, fpAt)
		copy(m[abi.I386RtSigframeRetcode:], rtSigreturnCode)
	} else {
		t.putContext32(m[abi.I386SigframeSc:], r, mask, fpAt)
		le.PutUint32(m[abi.I386SigframeExtramask:], uint32(mask>>32))
		copy(m[abi.I386SigframeRetcode:], sigreturnCode)
	}
	n.PC, n.SP = act.handler, at
	n.Flags &^= flagsCleared
	t.cpu.SetRegisters(&n)
	return true
}

func (t *Task) putContext32(sc []byte, r *Registers, mask, fpAt uint64) {
	le := binary.LittleEndian
	for off, v := range gregs32(r) {
		le.PutUint32(sc[off:], uint32(*v))
	}
	le.PutUint32(sc[abi.I386SigcontextGs:], uint32(t.gs))
	le.PutUint32(sc[abi.I386SigcontextFs:], uint32(t.fs))
	le.PutUint32(sc[abi.I386SigcontextEs:], ds)
	le.PutUint32(sc[abi.I386SigcontextDs:], ds)
	le.PutUint32(sc[abi.I386SigcontextCs:], cs32)
	le.PutUint32(sc[abi.I386SigcontextSs:], ds)
	le.PutUint32(sc[abi.I386SigcontextEspAtSignal:], uint32(r.SP))
	le.PutUint32(sc[abi.I386SigcontextEflags:], uint32(r.Flags))
	le.PutUint32(sc[abi.I386SigcontextTrapno:], uint32(t.trap))
	le.PutUint32(sc[abi.I386SigcontextErr:], uint32(t.trapErr))
	le.PutUint32(sc[abi.I386SigcontextCr2:], uint32(t.cr2))
	le.PutUint32(sc[abi.I386SigcontextOldmask:], uint32(mask))
	le.PutUint32(sc[abi.I386SigcontextFpstate:], uint32(fpAt))
}

// gregs32 tells where sigcontext keeps which register.
func gregs32(r *Registers) map[int]*uint64 {
	return map[int]*uint64{
		abi.I386SigcontextEdi: &r.DI, abi.I386SigcontextEsi: &r.SI, abi.I386SigcontextEbp: &r.BP, abi.I386SigcontextEsp: &r.SP,
		abi.I386SigcontextEbx: &r.BX, abi.I386SigcontextEdx: &r.DX, abi.I386SigcontextEcx: &r.CX, abi.I386SigcontextEax: &r.AX,
		abi.I386SigcontextEip: &r.PC,
	}
}

// putFSave writes FSAVE's form of the x87 state, whose last word says that an
// FXSAVE area follows (Intel SDM vol. 1, 8.1.10 and 10.5.1.1).
func putFSave(m, fx []byte) {
	le := binary.LittleEndian
	word := func(i int, v uint32) { le.PutUint32(m[4*i:], v) }
	sw := le.Uint16(fx[2:])
	word(0, uint32(le.Uint16(fx))|0xffff0000)
	word(1, uint32(sw)|0xffff0000)
	top := int(sw >> 11 & 7)
	tags := uint32(0)
	for i := range 8 {
		tag := uint32(3) // empty
		if fx[4]>>i&1 != 0 {
			tag = x87Tag(fx[32+16*((i-top)&7):])
		}
		tags |= tag << (2 * i)
	}
	word(2, tags|0xffff0000)
	word(3, le.Uint32(fx[8:]))                          // instruction pointer
	word(4, uint32(cs32)|uint32(le.Uint16(fx[6:]))<<16) // its selector and the opcode
	word(5, le.Uint32(fx[16:]))                         // operand pointer
	word(6, uint32(0xffff0000)|uint32(ds))              // its selector
	for i := range 8 {
		copy(m[28+10*i:28+10*i+10], fx[32+16*i:])
	}
	le.PutUint16(m[108:], sw)
	le.PutUint16(m[110:], 0) // X86_FXSR_MAGIC: FXSAVE data follows
}

// x87Tag classifies a register: 0 valid, 1 zero, 2 special.
func x87Tag(r []byte) uint32 {
	mant := binary.LittleEndian.Uint64(r)
	switch exp := binary.LittleEndian.Uint16(r[8:]) & 0x7fff; {
	case exp == 0x7fff:
		return 2
	case exp == 0 && mant == 0:
		return 1
	case exp == 0, mant>>63 == 0:
		return 2
	}
	return 0
}

// sigreturn32 takes a frame away: the handler's return has popped the return
// address, and before the old call the signal's number too.
func (t *Task) sigreturn32(rt bool) (uint64, abi.Errno) {
	var r Registers
	t.cpu.Registers(&r, true)
	le := binary.LittleEndian
	var sc, stack []byte
	var mask uint64
	if rt {
		m, e := t.Bytes(uint64(uint32(r.SP-4)), abi.SizeofI386RtSigframe, false)
		if e != 0 {
			return t.badFrame()
		}
		uc := m[abi.I386RtSigframeUc:]
		sc, stack = uc[abi.I386UcontextMcontext:], uc[abi.I386UcontextStack:]
		mask = le.Uint64(uc[abi.I386UcontextSigmask:])
	} else {
		m, e := t.Bytes(uint64(uint32(r.SP-8)), abi.SizeofI386Sigframe, false)
		if e != 0 {
			return t.badFrame()
		}
		sc = m[abi.I386SigframeSc:]
		mask = uint64(le.Uint32(sc[abi.I386SigcontextOldmask:])) | uint64(le.Uint32(m[abi.I386SigframeExtramask:]))<<32
		stack = make([]byte, abi.SizeofI386Stack)
		t.putWord(stack, t.altStack.sp)
		le.PutUint32(stack[4:], t.altStack.flags)
		t.putWord(stack[8:], t.altStack.size)
	}
	t.setMask(mask)
	n := Registers{Flags: r.Flags}
	for off, v := range gregs32(&n) {
		*v = uint64(le.Uint32(sc[off:]))
	}
	n.Flags = n.Flags&^flagsRestored | uint64(le.Uint32(sc[abi.I386SigcontextEflags:]))&flagsRestored
	// A handler may have changed the selectors, as it may by loading them.
	if gs := le.Uint16(sc[abi.I386SigcontextGs:]); gs != t.gs {
		if t.LoadGS(gs) != 0 {
			return t.badFrame()
		}
	}
	if fs := le.Uint16(sc[abi.I386SigcontextFs:]); fs != t.fs {
		if t.LoadFS(fs) != 0 {
			return t.badFrame()
		}
	}
	at := uint64(le.Uint32(sc[abi.I386SigcontextFpstate:]))
	if at != 0 {
		at += fsaveSize
	}
	var ok bool
	if n.FP, ok = t.takeVector(at, r.FP, false); !ok {
		return t.badVector(&n, &r)
	}
	if at != 0 && n.FP != nil {
		t.takeFSave(at-fsaveSize, n.FP)
	}
	return t.returned(&n, stack)
}

// takeFSave lets the x87 words of FSAVE's form win, as Linux does: handlers
// change control and status there.
func (t *Task) takeFSave(addr uint64, fx []byte) {
	m, e := t.Bytes(addr, fsaveSize, false)
	if e != 0 {
		return
	}
	le := binary.LittleEndian
	le.PutUint16(fx, le.Uint16(m))
	le.PutUint16(fx[2:], le.Uint16(m[4:]))
	tags, used := le.Uint16(m[8:]), byte(0)
	for i := range 8 {
		if tags>>(2*i)&3 != 3 {
			used |= 1 << i
		}
	}
	fx[4] = used
	for i := range 8 {
		copy(fx[32+16*i:32+16*i+10], m[28+10*i:])
	}
}
