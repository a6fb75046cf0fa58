package stubs

import "encoding/binary"

// Offsets inside the 32-bit thunk page of what is not a thunk. The thunks'
// own entries fill the first NumThunks*ThunkStride bytes.
const (
	// EnterGlue32 is the code that ends the way into the guest.
	EnterGlue32 = 0x100
	// ReturnGlue32 is a return instruction: where a guest goes on that has
	// called a thunk. Returning pairs with the call, so the processor's
	// return stack stays right.
	ReturnGlue32 = 0x120
	glueStart32  = 0x200
	glueStride32 = 0x60
)

// Layout of the State as the page's code uses it (state32.go).
const (
	state32EAX = 0x00
	state32ECX = 0x04
	state32EIP = 0x20
)

// ThunkPage32 makes the thunk page of a 32-bit image that lies at addr. disp
// gives a slot's displacement from %fs, leave is the address of the stub that
// all thunks end in.
//
// A thunk touches neither flags nor the guest's stack: it parks eax in
// SlotSpill, finds the vCPU, saves eax, ecx and the address to go on at, and
// jumps to leave with the State in eax and the reason in ecx.
func ThunkPage32(addr uint32, disp func(Slot) uint32, leave uint32) []byte {
	page := make([]byte, ThunkPageSize)
	for i := range page {
		page[i] = 0xcc
	}
	put32 := func(off int, v uint32) { binary.LittleEndian.PutUint32(page[off:], v) }

	reasons := [NumThunks]Reason{
		ThunkSyscall:  ReasonSyscall,
		ThunkCall:     ReasonCall,
		ThunkSysenter: ReasonSysenter,
		ThunkEmulate:  ReasonEmulate,
		ThunkInt80:    ReasonInt80,
	}
	for t := range NumThunks {
		glue := glueStart32 + int(t)*glueStride32
		at := int(t.Off())
		page[at] = 0xe9 // jmp rel32
		put32(at+1, uint32(glue-(at+5)))

		o := glue
		emit := func(b ...byte) { o += copy(page[o:], b) }
		emit32 := func(v uint32) { put32(o, v); o += 4 }
		emit(0x64, 0xa3) // mov %eax,%fs:spill
		emit32(disp(SlotSpill))
		emit(0x64, 0xa1) // mov %fs:vcpu,%eax
		emit32(disp(SlotVCPU))
		emit(0x89, 0x48, state32ECX) // mov %ecx,ECX(%eax)
		emit(0x64, 0x8b, 0x0d)       // mov %fs:spill,%ecx
		emit32(disp(SlotSpill))
		emit(0x89, 0x48, state32EAX) // mov %ecx,EAX(%eax)
		if t == ThunkCall {
			emit(0xb9) // mov $return glue,%ecx
			emit32(addr + ReturnGlue32)
		} else {
			emit(0x64, 0x8b, 0x0d) // mov %fs:resume,%ecx
			emit32(disp(SlotResume))
		}
		emit(0x89, 0x48, state32EIP) // mov %ecx,EIP(%eax)
		emit(0xb9)                   // mov $reason,%ecx
		emit32(uint32(reasons[t]))
		emit(0xe9) // jmp leave
		emit32(leave - (addr + uint32(o) + 4))
	}

	o := EnterGlue32
	o += copy(page[o:], []byte{0x8b, 0x00})       // mov EAX(%eax),%eax
	o += copy(page[o:], []byte{0x64, 0xff, 0x25}) // jmp *%fs:resume
	put32(o, disp(SlotResume))
	page[ReturnGlue32] = 0xc3 // ret
	return page
}
