package stubs

import (
	"encoding/binary"
	"fmt"
)

// Reg is a general register by its number in the encoding: 0 is eax or rax,
// 15 is r15.
type Reg uint8

// Registers that templates name.
const (
	AX Reg = iota
	CX
	DX
	BX
	SP
	BP
	SI
	DI
)

// NoSpill in Mark.Spill: no register is borrowed.
const NoSpill Reg = 0xff

// Behind as a resume address means the instruction behind the glue.
const Behind = ^uint64(0)

// Undo is a set of differences between the registers inside a trampoline and
// the guest's, beside borrowed registers.
type Undo uint8

// The differences.
const (
	// UndoBias: esi (rsi) is the guest's plus the thread pointer.
	UndoBias Undo = 1 << iota
	// UndoPush: a word was pushed, the guest's stack pointer is a word higher.
	UndoPush
	// UndoReload: the mirrored words of the thread control block are newer
	// than their slots, which are to be loaded again.
	UndoReload
	// UndoAll is all there are.
	UndoAll Undo = 1<<iota - 1
)

// A Mark ties one emitted instruction to the guest's instruction that it
// stands for: seen from outside, the guest is at Orig, the value of register
// Spill is in SlotSpill, that of register Second in SlotResume, and Undo tells
// what else is not the guest's.
type Mark struct {
	Off    uint32 // in Asm.Code
	Orig   uint64
	Spill  Reg
	Second Reg
	Undo   Undo
	Start  bool // the first instruction of Orig
}

// A SlotRef is a place in emitted code that holds a slot's displacement.
type SlotRef struct {
	Off  uint32 // in Asm.Code, 4 bytes
	Slot Slot
	Part uint8 // first byte of the slot that is meant
}

// Asm emits trampolines. Its methods append one instruction each, named after
// it, or (in templates_glue.go) the glue of one kind of site. Nothing emitted
// here changes flags, and only what stands for a push or a call of the guest
// writes to the guest's stack.
//
// The first error sticks and is told by Err.
type Asm struct {
	// Wide is set for x86-64.
	Wide bool
	// Base is the address of Code[0].
	Base uint64
	// Thunks is the address of the thunk page.
	Thunks uint64

	Code  []byte
	Slots []SlotRef
	Abs   []uint32 // offsets of 4-byte absolute addresses
	Marks []Mark

	orig   uint64
	spill  Reg
	second Reg
	undo   Undo
	start  bool
	err    error
}

// NewAsm makes an emitter for code at base.
func NewAsm(wide bool, base, thunks uint64) *Asm {
	return &Asm{Wide: wide, Base: base, Thunks: thunks, spill: NoSpill, second: NoSpill}
}

// Err is the first error.
func (a *Asm) Err() error { return a.err }

// PC is the address of the next byte.
func (a *Asm) PC() uint64 { return a.Base + uint64(len(a.Code)) }

// Begin says that what follows is the whole of the guest's instruction at
// orig.
func (a *Asm) Begin(orig uint64) {
	a.State(orig, NoSpill)
	a.start = true
}

// State says where the guest is, seen from outside, at the next instruction.
func (a *Asm) State(orig uint64, spill Reg) {
	if orig != a.orig {
		a.start = false
	}
	a.orig, a.spill, a.second, a.undo = orig, spill, NoSpill, 0
}

// Also adds to what State has said: a second borrowed register, or NoSpill,
// and what else is not the guest's.
func (a *Asm) Also(second Reg, undo Undo) { a.second, a.undo = second, undo }

func (a *Asm) fail(format string, args ...any) {
	if a.err == nil {
		a.err = fmt.Errorf(format, args...)
	}
}

func (a *Asm) mark() {
	a.Marks = append(a.Marks, Mark{Off: uint32(len(a.Code)), Orig: a.orig, Spill: a.spill, Second: a.second, Undo: a.undo, Start: a.start})
	a.start = false
}

func (a *Asm) put(b ...byte) { a.Code = append(a.Code, b...) }

func (a *Asm) put32(v uint32) { a.Code = binary.LittleEndian.AppendUint32(a.Code, v) }

// Fill emits n breakpoints that nothing reaches.
func (a *Asm) Fill(n int) {
	for range n {
		a.put(0xcc)
	}
}

// Raw emits one instruction as it is.
func (a *Asm) Raw(b []byte) {
	a.mark()
	a.put(b...)
}

// rel appends the displacement from behind itself to target.
func (a *Asm) rel(target uint64) {
	d := target - (a.PC() + 4)
	if a.Wide && int64(d) != int64(int32(d)) {
		a.fail("%#x is out of reach of %#x", target, a.PC())
	}
	a.put32(uint32(d))
}

// slot appends the displacement of s.
func (a *Asm) slot(s Slot) {
	a.Slots = append(a.Slots, SlotRef{Off: uint32(len(a.Code)), Slot: s})
	if a.Wide {
		a.put32(s.Disp64())
	} else {
		a.put32(s.Disp32())
	}
}

// abs appends a 4-byte absolute address.
func (a *Asm) abs(v uint64) {
	if v>>32 != 0 {
		a.fail("%#x is no 32-bit address", v)
	}
	a.Abs = append(a.Abs, uint32(len(a.Code)))
	a.put32(uint32(v))
}

// slotOp emits opcode with a slot as the memory operand: `%fs:disp` by ModRM
// alone on IA-32, `%gs:disp` by a SIB without base and index on x86-64.
// w asks for REX.W.
func (a *Asm) slotOp(w bool, op byte, reg Reg, s Slot) {
	a.mark()
	if !a.Wide {
		a.put(0x64, op, byte(reg)<<3|5)
		a.slot(s)
		return
	}
	a.put(0x65)
	rex := byte(0)
	if w {
		rex |= 0x48
	}
	if reg >= 8 {
		rex |= 0x44
	}
	if rex != 0 {
		a.put(rex)
	}
	a.put(op, byte(reg&7)<<3|4, 0x25)
	a.slot(s)
}

// LoadSlot emits `mov slot,%r`.
func (a *Asm) LoadSlot(r Reg, s Slot) { a.slotOp(true, 0x8b, r, s) }

// LoadSlot32 emits `mov slot,%r32`, which on x86-64 clears the upper half.
func (a *Asm) LoadSlot32(r Reg, s Slot) { a.slotOp(false, 0x8b, r, s) }

// StoreSlot emits `mov %r,slot`.
func (a *Asm) StoreSlot(s Slot, r Reg) { a.slotOp(true, 0x89, r, s) }

// StoreSlotAddr emits `movl $addr,slot`, IA-32 only.
func (a *Asm) StoreSlotAddr(s Slot, addr uint64) {
	if a.Wide {
		a.fail("no immediate store of an address on x86-64")
	}
	a.mark()
	a.put(0x64, 0xc7, 0x05)
	a.slot(s)
	a.abs(addr)
}

// JmpSlot emits `jmp *slot`.
func (a *Asm) JmpSlot(s Slot) { a.slotOp(false, 0xff, 4, s) }

// Jmp emits `jmp target` with a 32-bit displacement.
func (a *Asm) Jmp(target uint64) {
	a.mark()
	a.put(0xe9)
	a.rel(target)
}

// Jcc emits a conditional jump; cc is the low half of its opcode.
func (a *Asm) Jcc(cc byte, target uint64) {
	a.mark()
	a.put(0x0f, 0x80|cc&15)
	a.rel(target)
}

// LeaAdd emits `lea (base,r,1),%r`: r += base without flags. base may be any
// register, r any but esp.
func (a *Asm) LeaAdd(r, base Reg) {
	if r == SP {
		a.fail("esp is no index")
	}
	a.mark()
	if a.Wide {
		rex := byte(0x48)
		if r >= 8 {
			rex |= 6 // R and X
		}
		if base >= 8 {
			rex |= 1
		}
		a.put(rex)
	}
	sib := byte(r&7)<<3 | byte(base&7)
	if base&7 == 5 { // without displacement it would mean "no base"
		a.put(0x8d, 0x44|byte(r&7)<<3, sib, 0)
		return
	}
	a.put(0x8d, 0x04|byte(r&7)<<3, sib)
}

// LeaPC emits `lea target(%rip),%r`, x86-64 only.
func (a *Asm) LeaPC(r Reg, target uint64) {
	if !a.Wide {
		a.fail("no PC-relative operands on IA-32")
	}
	a.mark()
	rex := byte(0x48)
	if r >= 8 {
		rex |= 4
	}
	a.put(rex, 0x8d, byte(r&7)<<3|5)
	a.rel(target)
}

// Push emits `push %r`.
func (a *Asm) Push(r Reg) {
	a.mark()
	if r >= 8 {
		a.put(0x41)
	}
	a.put(0x50 | byte(r&7))
}

// PushAddr emits `push $addr`. On x86-64 the address must be below 2 GiB,
// and the program must not be relocatable.
func (a *Asm) PushAddr(addr uint64) {
	a.mark()
	a.put(0x68)
	if a.Wide && addr>>31 != 0 {
		a.fail("%#x cannot be pushed as an immediate", addr)
	}
	a.abs(addr)
}

// XchgTop emits `xchg %r,(%rsp)`.
func (a *Asm) XchgTop(r Reg) {
	a.mark()
	if a.Wide {
		rex := byte(0x48)
		if r >= 8 {
			rex |= 4
		}
		a.put(rex)
	}
	a.put(0x87, 0x04|byte(r&7)<<3, 0x24)
}

// RawRIP emits an instruction whose RIP-relative displacement at offset off
// is to reach target.
func (a *Asm) RawRIP(b []byte, off int, target uint64) {
	a.mark()
	d := target - (a.PC() + uint64(len(b)))
	if int64(d) != int64(int32(d)) {
		a.fail("%#x is out of reach of %#x", target, a.PC())
	}
	binary.LittleEndian.PutUint32(b[off:], uint32(d))
	a.put(b...)
}
