package stubs

import "encoding/binary"

// The glue of operands in thread-local memory whose address one register
// cannot hold: two are borrowed for a moment, the second one in SlotResume,
// which is free until a thunk is entered.

// Lea emits `lea mem,%r32`: modrm has the operand's mod and rm, behind it come
// SIB and displacement as they were. size67 asks for the address size prefix,
// rex for REX.X and REX.B. The sum is cut to the address size, the upper half
// of the register is cleared.
func (a *Asm) Lea(r Reg, size67 bool, rex, modrm byte, rest ...byte) {
	a.mark()
	if size67 {
		a.put(0x67)
	}
	if rex = rex&3 | byte(r>>3)<<2; rex != 0 {
		a.put(0x40 | rex)
	}
	a.put(0x8d, modrm&^0x38|byte(r&7)<<3)
	a.put(rest...)
}

// MovImm emits `mov $v,%r`, in the form that clears the upper half where v
// has 32 bits.
func (a *Asm) MovImm(r Reg, v uint64) {
	a.mark()
	rex := byte(r >> 3)
	if v>>32 != 0 {
		if !a.Wide {
			a.fail("%#x is no 32-bit value", v)
		}
		a.put(0x48|rex, 0xb8|byte(r&7))
		a.Code = binary.LittleEndian.AppendUint64(a.Code, v)
		return
	}
	if rex != 0 {
		a.put(0x40 | rex)
	}
	a.put(0xb8 | byte(r&7))
	a.put32(uint32(v))
}

// Cut emits a move of a register to itself: 4 bytes wide it clears the upper
// half, 2 bytes wide (zero-extended) all but the low 16 bits.
func (a *Asm) Cut(r Reg, width int) {
	a.mark()
	if r >= 8 {
		a.put(0x45)
		r &= 7
	}
	if width == 2 {
		a.put(0x0f, 0xb7, 0xc0|byte(r)<<3|byte(r))
		return
	}
	a.put(0x89, 0xc0|byte(r)<<3|byte(r))
}

// MovzxAL emits `movzbl %al,%r` for a register up to edi.
func (a *Asm) MovzxAL(r Reg) {
	a.mark()
	a.put(0x0f, 0xb6, 0xc0|byte(r)<<3)
}

// Not emits `not %r`, which leaves the flags.
func (a *Asm) Not(r Reg) {
	a.mark()
	if a.Wide {
		a.put(0x48 | byte(r>>3))
	}
	a.put(0xf7, 0xd0|byte(r&7))
}

// LeaLess emits `lea 1(%r,%complement),%r`: r minus the number whose
// complement the other register holds. cut asks for a 32-bit result on
// x86-64.
func (a *Asm) LeaLess(r, complement Reg, cut bool) {
	a.mark()
	rex := byte(r>>3)*5 | byte(complement>>3)<<1
	if a.Wide && !cut {
		rex |= 8
	}
	if rex != 0 {
		a.put(0x40 | rex)
	}
	a.put(0x8d, 0x44|byte(r&7)<<3, byte(complement&7)<<3|byte(r&7), 1)
}

// LoadAt emits `mov disp(%base),%r`, StoreAt the other direction, a whole
// word. base is none of esp and r12.
func (a *Asm) LoadAt(r, base Reg, disp int32) { a.at(0x8b, r, base, disp) }

// StoreAt emits `mov %r,disp(%base)`.
func (a *Asm) StoreAt(base Reg, disp int32, r Reg) { a.at(0x89, r, base, disp) }

func (a *Asm) at(op byte, r, base Reg, disp int32) {
	if base&7 == SP {
		a.fail("register %d needs a SIB byte", base)
	}
	a.mark()
	if a.Wide {
		a.put(0x48 | byte(r>>3)<<2 | byte(base>>3))
	}
	a.put(op, 0x80|byte(r&7)<<3|byte(base&7))
	a.put32(uint32(disp))
}

// AddBase adds the thread pointer to r, the guest's value of which is in
// SlotSpill, with the help of other, which is borrowed meanwhile.
func (a *Asm) AddBase(r, other Reg) {
	orig := a.orig
	a.State(orig, r)
	a.StoreSlot(SlotResume, other)
	a.LoadSlot(other, SlotBase)
	a.Also(other, 0)
	a.LeaAdd(r, other)
	a.LoadSlot(other, SlotResume)
	a.State(orig, r)
}

// StringGlue stands for a string instruction whose source, at esi, is
// thread-local: op, without its segment prefix, runs with esi biased by the
// thread pointer, so that it may stop and start again between two elements.
// r is borrowed; cut lists the registers that a 32-bit address size cuts on
// x86-64, esi not among them, next is the address behind the instruction.
//
//	lea (%esi,%r),%esi; op; not %r; lea 1(%esi,%r),%esi
func (a *Asm) StringGlue(op []byte, r Reg, narrow bool, cut []Reg, next uint64) {
	orig := a.orig
	a.StoreSlot(SlotSpill, r)
	a.LoadSlot(r, SlotBase)
	a.State(orig, r)
	if narrow {
		a.Cut(SI, 4)
	}
	for _, c := range cut {
		a.Cut(c, 4)
	}
	a.LeaAdd(SI, r)
	a.Also(NoSpill, UndoBias)
	a.Raw(op)
	a.State(next, r)
	a.Also(NoSpill, UndoBias)
	for _, c := range cut {
		if c != CX { // it has counted down
			a.Cut(c, 4)
		}
	}
	a.Not(r)
	// From here on the register holds the complement; the bias is the same.
	a.LeaLess(SI, r, narrow)
	a.State(next, r)
	a.LoadSlot(r, SlotSpill)
}

// CallTargetGlue ends an indirect call through thread-local memory: r, whose
// own value is in SlotSpill, holds the target. The guest's stack gets ret, the
// address behind the call. Up to the jump the guest is at the call.
func (a *Asm) CallTargetGlue(r Reg, ret uint64, relocatable bool) {
	orig := a.orig
	a.StoreSlot(SlotResume, r)
	if !a.Wide || !relocatable && ret>>31 == 0 {
		a.LoadSlot(r, SlotSpill)
		a.State(orig, NoSpill)
		a.PushAddr(ret)
	} else {
		a.LeaPC(r, ret)
		a.Push(r)
		a.Also(NoSpill, UndoPush)
		a.LoadSlot(r, SlotSpill)
		a.State(orig, NoSpill)
	}
	a.Also(NoSpill, UndoPush)
	a.JmpSlot(SlotResume)
}

// A MirrorWord is a word of the thread control block that lives in a slot.
type MirrorWord struct {
	Off  int32 // from the thread pointer
	Slot Slot
}

// WriteBack copies slots to their words before an access that reaches both
// such words and others. base holds the thread pointer and is borrowed, other
// meanwhile.
func (a *Asm) WriteBack(base, other Reg, words []MirrorWord) {
	orig := a.orig
	a.StoreSlot(SlotResume, other)
	a.Also(other, 0)
	for _, w := range words {
		a.LoadSlot(other, w.Slot)
		a.StoreAt(base, w.Off, other)
	}
	a.LoadSlot(other, SlotResume)
	a.State(orig, base)
}

// Reload copies the words to their slots after such an access.
func (a *Asm) Reload(base, other Reg, words []MirrorWord) {
	orig := a.orig
	a.Also(NoSpill, UndoReload)
	a.StoreSlot(SlotResume, other)
	a.Also(other, UndoReload)
	for _, w := range words {
		a.LoadAt(other, base, w.Off)
		a.StoreSlot(w.Slot, other)
	}
	a.State(orig, base)
	a.Also(other, 0)
	a.LoadSlot(other, SlotResume)
	a.State(orig, base)
}
