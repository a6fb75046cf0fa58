package stubs

import "encoding/binary"

// Offsets inside the 64-bit thunk page of what is not a thunk.
const (
	// EnterGlue64 is the code that ends the way into the guest.
	EnterGlue64 = 0x100
	// leavePointer64 holds the address of the stub that all thunks end in,
	// which may be farther away than a relative jump reaches.
	leavePointer64 = 0x140
	glueStart64    = 0x200
	glueStride64   = 0x80
)

// Layout of the State as the page's code uses it (state64.go).
const (
	state64RAX = 0x00
	state64RCX = 0x08
	state64RIP = 0x80
)

// ThunkPage64 makes the thunk page of a 64-bit image; it may lie anywhere.
// disp gives a slot's displacement from %gs, leave is the address of the stub
// that all thunks end in.
//
// As in ThunkPage32, a thunk touches neither flags nor the guest's stack. What
// ThunkSyscall finds in rcx is the address to go on at; the others find it in
// SlotResume and leave rcx as the guest's.
func ThunkPage64(disp func(Slot) uint32, leave uint64) []byte {
	page := make([]byte, ThunkPageSize)
	for i := range page {
		page[i] = 0xcc
	}
	reasons := [NumThunks]Reason{
		ThunkSyscall:  ReasonSyscall,
		ThunkCall:     ReasonCall,
		ThunkSysenter: ReasonSysenter,
		ThunkEmulate:  ReasonEmulate,
		ThunkInt80:    ReasonInt80,
	}
	for t := range NumThunks {
		glue := glueStart64 + int(t)*glueStride64
		at := int(t.Off())
		page[at] = 0xe9 // jmp rel32
		binary.LittleEndian.PutUint32(page[at+1:], uint32(glue-(at+5)))

		o := glue
		emit := func(b ...byte) { o += copy(page[o:], b) }
		emit32 := func(v uint32) { binary.LittleEndian.PutUint32(page[o:], v); o += 4 }
		slot := func(rex, opcode, reg byte, s Slot) { // op %reg,%gs:disp32
			emit(0x65, rex, opcode, reg<<3|4, 0x25)
			emit32(disp(s))
		}
		const rexW, store, load, rax, rcx = 0x48, 0x89, 0x8b, 0, 1
		slot(rexW, store, rax, SlotSpill)
		slot(rexW, load, rax, SlotVCPU)
		emit(rexW, store, 0x48, state64RCX) // mov %rcx,RCX(%rax)
		if t != ThunkSyscall {
			slot(rexW, load, rcx, SlotResume)
		}
		emit(rexW, store, 0x88) // mov %rcx,RIP(%rax)
		emit32(state64RIP)
		slot(rexW, load, rcx, SlotSpill)
		emit(rexW, store, 0x48, state64RAX) // mov %rcx,RAX(%rax)
		emit(0xb9)                          // mov $reason,%ecx
		emit32(uint32(reasons[t]))
		emit(0xff, 0x25) // jmp *leavePointer64(%rip)
		emit32(uint32(leavePointer64 - (o + 4)))
	}
	binary.LittleEndian.PutUint64(page[leavePointer64:], leave)

	o := EnterGlue64
	o += copy(page[o:], []byte{0x48, 0x8b, 0x00})       // mov RAX(%rax),%rax
	o += copy(page[o:], []byte{0x65, 0xff, 0x24, 0x25}) // jmp *%gs:resume
	binary.LittleEndian.PutUint32(page[o:], disp(SlotResume))
	return page
}
