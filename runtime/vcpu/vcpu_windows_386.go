package vcpu

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"

	"bee/image"
	"bee/runtime/abi"
	"bee/stubs"
)

// VCPU is one guest thread's processor. All methods are called on the OS
// thread that Bind was called on.
type VCPU struct {
	// State is the guest's registers while the host runs.
	State   *stubs.State32
	slots   *stubs.Slots
	mirrors []image.Mirror
	words   Words
}

// New allocates a vCPU whose registers are zero. thunkPage is the address of
// the image's thunk page.
func New(slots *stubs.Slots, thunkPage uint32, mirrors []image.Mirror, words Words) (*VCPU, error) {
	v := stubs.DetectVectorState()
	size := uintptr(stubs.VectorOffset + v.Size)
	p, err := windows.VirtualAlloc(0, size, windows.MEM_RESERVE|windows.MEM_COMMIT, windows.PAGE_READWRITE)
	if err != nil {
		return nil, fmt.Errorf("vcpu: %d bytes of state: %w", size, err)
	}
	base := pointer(p)
	s := (*stubs.State32)(base)
	s.EFLAGS = 0x202 // interrupts on, bit 1 always set
	s.EnterGlue = thunkPage + stubs.EnterGlue32
	s.VectorMode = v.Mode
	s.VectorMaskLo, s.VectorMaskHi = uint32(v.Mask), uint32(v.Mask>>32)
	v.InitVectorArea(unsafe.Slice((*byte)(unsafe.Add(base, stubs.VectorOffset)), v.Size))
	return &VCPU{State: s, slots: slots, mirrors: mirrors, words: words}, nil
}

// pointer turns an address outside of Go's heap into a pointer. The detour
// keeps vet's rule for uintptr conversions, which is about Go's own objects,
// out of the way.
func pointer(p uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&p)) }

// Bind ties the vCPU to the calling OS thread, which the goroutine must be
// locked to.
func (v *VCPU) Bind() { v.slots.Set(stubs.SlotVCPU, uintptr(unsafe.Pointer(v.State))) }

// Run lets the guest run until it needs the host.
func (v *VCPU) Run() stubs.Reason { return stubs.Enter(v.State) }

// SyscallArgs are the number and the arguments in Linux's IA-32 order.
func (v *VCPU) SyscallArgs() (nr uint32, args [6]uint64) {
	s := v.State
	return s.EAX, [6]uint64{
		uint64(s.EBX), uint64(s.ECX), uint64(s.EDX), uint64(s.ESI), uint64(s.EDI), uint64(s.EBP),
	}
}

// SetReturn sets a system call's result.
func (v *VCPU) SetReturn(r int64) { v.State.EAX = uint32(r) }

// ThreadPointer is the base of %gs.
func (v *VCPU) ThreadPointer() uint64 { return uint64(v.slots.Get(stubs.SlotBase)) }

// SetThreadPointer changes the base of %gs. The slots hold the truth about
// the mirrored words, so they are written back to the old block before they
// are loaded from the new one.
func (v *VCPU) SetThreadPointer(base uint64) abi.Errno {
	v.WriteBack()
	v.slots.Set(stubs.SlotBase, uintptr(base))
	for _, m := range v.mirrors {
		w, e := v.words.ReadUint32(uint64(uint32(base) + uint32(m.Off)))
		if e != 0 {
			w = 0 // as unmapped: the program faults where it uses the rest
		}
		v.slots.Set(stubs.Slot(m.Slot), uintptr(w))
	}
	return 0
}

// WriteBack copies the mirrored words to the thread control block, for
// whoever reads it through a pointer.
func (v *VCPU) WriteBack() {
	base := uint32(v.slots.Get(stubs.SlotBase))
	if base == 0 {
		return
	}
	for _, m := range v.mirrors {
		at := uint64(base + uint32(m.Off))
		now := uint32(v.slots.Get(stubs.Slot(m.Slot)))
		if was, e := v.words.ReadUint32(at); e == 0 && was != now {
			_ = v.words.WriteUint32(at, now)
		}
	}
}
