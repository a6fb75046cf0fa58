// Package stubs holds the machine code between guest and host: the thunks
// that sites enter, the way back, and the templates of trampolines.
//
// This file fixes what the rewriter (which writes guest code that touches the
// slots) and the runner (which allocates and fills them) must agree on.
package stubs

import (
	"fmt"
	"slices"
)

// A Slot is one of the thread-local words that guest code and stubs share.
// It is a logical number; on Windows slot s lives in TEB.TlsSlots[TLSBase+s]
// unless the runner had to move it, in which case it rewrites every place
// named by the manifest's slot fix-ups.
type Slot uint8

// The slots, per guest thread.
const (
	// SlotBase is the guest's thread pointer: the base of %gs on IA-32, of
	// %fs on x86-64.
	SlotBase Slot = iota
	// SlotSelf mirrors the word at offset 0 of the thread control block
	// (compiler ABI: the block's own address), for every program.
	SlotSelf
	// SlotCanary mirrors the stack protector's word (compiler ABI): gs:0x14,
	// fs:0x28, for every program.
	SlotCanary
	// SlotGlibcSelf mirrors gs:8 or fs:0x10, glibc only.
	SlotGlibcSelf
	// SlotPointerGuard mirrors gs:0x18 or fs:0x30, glibc only.
	SlotPointerGuard
	// SlotSpill keeps the register that a trampoline borrows.
	SlotSpill
	// SlotResume carries the address at which the guest goes on after a
	// thunk that has no register to pass it in. Until a thunk or a jump needs
	// it, trampolines keep a second borrowed register there.
	SlotResume
	// SlotVCPU is the address of the vCPU's state; 0 in threads that are not
	// the guest's.
	SlotVCPU
	// NumSlots is how many there are.
	NumSlots
)

// TLSBase is the TLS index of slot 0 that the rewriter writes into patched
// code: the last eight of the 64 that live in the TEB itself, since Windows
// hands indexes out from 0.
const TLSBase = 56

// Displacements of TEB.TlsSlots from the TEB's segment base: %fs in 32-bit
// programs, %gs in 64-bit ones.
const (
	TEBSlots32 = 0xE10
	TEBSlots64 = 0x1480
)

// Disp32 is the displacement from %fs at which 32-bit guest code finds s.
func (s Slot) Disp32() uint32 { return TEBSlots32 + 4*(TLSBase+uint32(s)) }

// Disp64 is the displacement from %gs at which 64-bit guest code finds s.
func (s Slot) Disp64() uint32 { return TEBSlots64 + 8*(TLSBase+uint32(s)) }

// Slots tells which TLS index serves each slot.
type Slots [NumSlots]uint32

// tlsInTEB is how many TLS indexes live in the TEB itself
// (TLS_MINIMUM_AVAILABLE of winnt.h).
const tlsInTEB = 64

// chooseSlots divides the free TLS indexes, all below tlsInTEB: each slot gets
// the one that the rewriter wrote where that is free, another where a library
// was quicker, from the top, so that low indexes stay for others. spare are
// those left over.
func chooseSlots(free []uint32) (s Slots, spare []uint32, err error) {
	if len(free) < len(s) {
		return s, nil, fmt.Errorf("stubs: %d of the %d TLS indexes in the TEB are free, %d are needed", len(free), tlsInTEB, len(s))
	}
	spare = slices.Sorted(slices.Values(free))
	var moved []int
	for k := range s {
		s[k] = uint32(TLSBase + k)
		if i, ok := slices.BinarySearch(spare, s[k]); ok {
			spare = slices.Delete(spare, i, i+1)
		} else {
			moved = append(moved, k)
		}
	}
	for _, k := range moved {
		last := len(spare) - 1
		s[k], spare = spare[last], spare[:last]
	}
	return s, spare, nil
}

// Moved tells whether any slot is elsewhere than patched code expects.
func (s *Slots) Moved() bool {
	for k, i := range s {
		if i != uint32(TLSBase+k) {
			return true
		}
	}
	return false
}

// A Thunk is an entry of the thunk page, the first page of the trampoline
// segment, which the loader fills with jumps to the stubs. Thunk t starts at
// offset t*ThunkStride of that page.
type Thunk uint8

// The thunks.
const (
	// ThunkSyscall is jumped to in place of `int $0x80` (IA-32: SlotResume
	// holds the address to go on at) or `syscall` (x86-64: %rcx holds it).
	ThunkSyscall Thunk = iota
	// ThunkCall is called in place of `call *%gs:0x10`; the return address
	// on the guest's stack is the original one.
	ThunkCall
	// ThunkSysenter is jumped to in place of `sysenter`; SlotResume holds
	// the address behind it.
	ThunkSysenter
	// ThunkEmulate is jumped to in place of an instruction that the runner
	// carries out itself (moves to and from segment registers, wrfsbase...).
	// SlotResume holds the address of the trampoline's continuation, which
	// the PC map ties to the instruction behind the site.
	ThunkEmulate
	// ThunkInt80 is jumped to in place of a stray `int $0x80` of an x86-64
	// program; SlotResume holds the address to go on at.
	ThunkInt80
	// NumThunks is how many there are.
	NumThunks
)

// ThunkStride is the distance of two thunks in bytes: room for an indirect
// jump with its 8-byte pointer beside it.
const ThunkStride = 16

// ThunkPageSize is the size of the thunk page in bytes.
const ThunkPageSize = 4096

// Off is the thunk's offset from the start of the trampoline segment.
func (t Thunk) Off() uint32 { return uint32(t) * ThunkStride }
