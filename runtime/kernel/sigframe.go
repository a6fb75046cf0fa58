package kernel

import (
	"encoding/binary"

	"bee/runtime/abi"
)

// Bits of EFLAGS that a handler starts without: TF, DF and RF; and those that
// sigreturn restores (Linux: FIX_EFLAGS).
const (
	flagsCleared  = 0x100 | 0x400 | 0x10000
	flagsRestored = 0x40000 | 0x800 | 0x400 | 0x100 | 0x80 | 0x40 | 0x10 | 0x4 | 0x1 | 0x10000
)

// Selectors that a 64-bit kernel shows.
const (
	cs64, cs32, ds = 0x33, 0x23, 0x2b
)

// uc_flags (asm/ucontext.h).
const (
	ucFPXState = 1 // the vector state is an XSAVE area
	ucSSWords  = 2 | 4
)

// Words of an XSAVE area's reserved bytes that say how long it is (asm/
// sigcontext.h, struct _fpx_sw_bytes), and what stands behind it.
const (
	fxsaveSize   = 512
	swMagic1     = 464
	swSize       = 468
	swFeatures   = 472
	swStateSize  = 480
	fpMagic1     = 0x46505853
	fpMagic2     = 0x46505845
	fpMagic2Size = 4
	xstateBV     = 512
	fsaveSize    = 112 // struct fregs_state, in front of IA-32's
	redZone      = 128 // x86-64 psABI 3.2.2
	offMXCSR     = 24
	offMXCSRMask = 28
	xsaveMin     = fxsaveSize + 64
)

// dynamicFeatures are components that a frame has only where the program uses
// them: the tiles of AMX, 8 KiB (Linux: XFEATURE_MASK_USER_DYNAMIC).
const dynamicFeatures = 1 << 18

// pushFrame builds the handler's stack frame and makes the guest go on there.
// false if the stack cannot take it; nothing has changed then.
func (t *Task) pushFrame(in *siginfo, act *sigaction, mask uint64) (ok bool) {
	var r Registers
	t.cpu.Registers(&r, true)
	return t.spared(func() {
		if t.is64() {
			ok = t.pushFrame64(&r, in, act, mask)
		} else {
			ok = t.pushFrame32(&r, in, act, mask)
		}
	}) && ok
}

// frameStack is where a frame for act begins to grow down from. ok is false
// where the alternate stack would overflow.
func (t *Task) frameStack(sp uint64, act *sigaction) (top uint64, alt bool) {
	if t.is64() {
		sp -= redZone
	}
	a := &t.altStack
	if act.flags&abi.SA_ONSTACK != 0 && a.size != 0 && a.flags&abi.SS_DISABLE == 0 && !t.onAltStack(sp) {
		return a.sp + a.size, true
	}
	return sp, false
}

// onAltStack tells whether sp lies on the alternate stack, as Linux sees it.
func (t *Task) onAltStack(sp uint64) bool {
	a := &t.altStack
	if a.size == 0 || a.flags&abi.SS_AUTODISARM != 0 {
		return false
	}
	return sp > a.sp && sp-a.sp <= a.size
}

// frameFits tells whether a frame from lo up to top, the old stack pointer,
// stays on the alternate stack if it is there.
func (t *Task) frameFits(lo, sp uint64, alt bool) bool {
	if alt || t.onAltStack(sp) {
		return lo > t.altStack.sp && lo-t.altStack.sp <= t.altStack.size
	}
	return true
}

// putVector writes the vector state at mem, with the words that tell its
// form; extended counts what stands in front of it and behind it too.
func putVector(mem, fp []byte, extended uint32) {
	copy(mem, fp)
	if len(fp) <= fxsaveSize {
		return
	}
	le := binary.LittleEndian
	clear(mem[swMagic1:fxsaveSize])
	le.PutUint32(mem[swMagic1:], fpMagic1)
	le.PutUint32(mem[swSize:], extended)
	le.PutUint64(mem[swFeatures:], vectorFeatures(fp))
	le.PutUint32(mem[swStateSize:], uint32(len(fp)))
	le.PutUint32(mem[len(fp):], fpMagic2)
}

// vectorFeatures is the mask of all components that the processor keeps. The
// machine leaves it in the bytes that XSAVE does not use.
func vectorFeatures(fp []byte) uint64 { return binary.LittleEndian.Uint64(fp[swFeatures:]) }

// takeVector reads the vector state that a handler may have changed; now is
// the present one. nil is the initial state. ok is false where the memory is
// not there, or where the processor would refuse what it holds.
func (t *Task) takeVector(addr uint64, now []byte, wide bool) (fp []byte, ok bool) {
	if addr == 0 {
		return nil, true
	}
	m, e := t.Bytes(addr, fxsaveSize, false)
	if e != 0 {
		return nil, false
	}
	le := binary.LittleEndian
	align := uint64(16)
	if cap(now) > fxsaveSize {
		// As Linux: an area whose words do not fit is the legacy one alone.
		n := uint64(le.Uint32(m[swStateSize:]))
		if le.Uint32(m[swMagic1:]) == fpMagic1 && n >= xsaveMin && n <= uint64(cap(now)) && n <= uint64(le.Uint32(m[swSize:])) {
			x, e := t.Bytes(addr, n+fpMagic2Size, false)
			if e == 0 && le.Uint32(x[n:]) == fpMagic2 {
				align = 64
				fp = append([]byte(nil), x[:n]...)
			}
		}
	}
	switch {
	case wide && addr%align != 0:
		// x86-64's state is restored from where it lies, IA-32's is copied.
		return nil, false
	case fp != nil:
		bv := le.Uint64(fp[xstateBV:])
		if bv&^(vectorFeatures(now)|dynamicFeatures) != 0 || !allZero(fp[xstateBV+8:xsaveMin]) {
			return nil, false
		}
		le.PutUint64(fp[xstateBV:], bv&le.Uint64(m[swFeatures:]))
	default:
		fp = append([]byte(nil), m...)
		if len(now) > fxsaveSize {
			fp = append(fp, make([]byte, xsaveMin-fxsaveSize)...)
			le.PutUint64(fp[xstateBV:], 3) // x87 and SSE
		}
	}
	if le.Uint32(fp[offMXCSR:])&^mxcsrMask(now) != 0 {
		return nil, false
	}
	clear(fp[swMagic1:fxsaveSize])
	return fp, true
}

// mxcsrMask are the bits that MXCSR has (Intel SDM vol. 1, 11.6.6).
func mxcsrMask(fp []byte) uint32 {
	if m := binary.LittleEndian.Uint32(fp[offMXCSRMask:]); m != 0 {
		return m
	}
	return 0xffbf
}

func allZero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}

// putStack encodes the alternate stack as a frame keeps it.
func (t *Task) putStack(m []byte) {
	w := t.ptrSize()
	t.putWord(m, t.altStack.sp)
	binary.LittleEndian.PutUint32(m[w:], t.altStack.flags)
	t.putWord(m[2*w:], t.altStack.size)
	if t.altStack.flags&abi.SS_AUTODISARM != 0 {
		t.altStack = sigStack{flags: abi.SS_DISABLE}
	}
}

// returned puts the guest back to where a signal has interrupted it.
func (t *Task) returned(r *Registers, stack []byte) (uint64, abi.Errno) {
	t.cpu.SetRegisters(r)
	t.replaced = true
	w := t.ptrSize()
	t.setAltStack(sigStack{
		sp: t.word(stack), flags: binary.LittleEndian.Uint32(stack[w:]), size: t.word(stack[2*w:]),
	}, r.SP)
	return r.AX, 0
}

// Replaced tells, once, whether the call that has just been carried out has
// replaced all registers, so that its result must not be stored.
func (t *Task) Replaced() bool {
	r := t.replaced
	t.replaced = false
	return r
}

// badVector is badFrame after the general registers were restored.
func (t *Task) badVector(r, now *Registers) (uint64, abi.Errno) {
	r.FP = now.FP
	t.cpu.SetRegisters(r)
	return t.badFrame()
}

// badFrame ends a sigreturn that finds no frame: SIGSEGV.
func (t *Task) badFrame() (uint64, abi.Errno) {
	t.replaced = true
	t.force(siginfo{sig: abi.SIGSEGV, code: abi.SI_KERNEL}, false)
	return 0, 0
}
