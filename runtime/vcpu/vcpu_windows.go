//go:build windows && (386 || amd64)

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
	State   *State
	slots   *stubs.Slots
	mirrors []image.Mirror
	words   Words
}

// New allocates a vCPU whose registers are zero. thunkPage is the address of
// the image's thunk page.
func New(slots *stubs.Slots, thunkPage uintptr, mirrors []image.Mirror, words Words) (*VCPU, error) {
	v := stubs.DetectVectorState()
	size := uintptr(stubs.VectorOffset + v.Size)
	p, err := windows.VirtualAlloc(0, size, windows.MEM_RESERVE|windows.MEM_COMMIT, windows.PAGE_READWRITE)
	if err != nil {
		return nil, fmt.Errorf("vcpu: %d bytes of state: %w", size, err)
	}
	base := pointer(p)
	s := (*State)(base)
	initialise(s, thunkPage)
	s.VectorMode = v.Mode
	s.VectorMaskLo, s.VectorMaskHi = uint32(v.Mask), uint32(v.Mask>>32)
	v.InitVectorArea(unsafe.Slice((*byte)(unsafe.Add(base, stubs.VectorOffset)), v.Size))
	return &VCPU{State: s, slots: slots, mirrors: mirrors, words: words}, nil
}

// initialFlags has interrupts on and bit 1, which is always set.
const initialFlags = 0x202

// pointer turns an address outside of Go's heap into a pointer. The detour
// keeps vet's rule for uintptr conversions, which is about Go's own objects,
// out of the way.
func pointer(p uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&p)) }

// Bind ties the vCPU to the calling OS thread, which the goroutine must be
// locked to.
func (v *VCPU) Bind() { v.slots.Set(stubs.SlotVCPU, uintptr(unsafe.Pointer(v.State))) }

// Run lets the guest run until it needs the host.
func (v *VCPU) Run() stubs.Reason { return stubs.Enter(v.State) }

// ThreadPointer is the base of %gs (IA-32) or %fs (x86-64).
func (v *VCPU) ThreadPointer() uint64 { return uint64(v.slots.Get(stubs.SlotBase)) }

// SetThreadPointer changes that base. The slots hold the truth about the
// mirrored words, so they are written back to the old block before they are
// loaded from the new one.
func (v *VCPU) SetThreadPointer(base uint64) abi.Errno {
	v.WriteBack()
	v.slots.Set(stubs.SlotBase, uintptr(base))
	for _, m := range v.mirrors {
		w, e := v.readWord(v.wordAt(m))
		if e != 0 {
			w = 0 // as unmapped: the program faults where it uses the rest
		}
		v.slots.Set(stubs.Slot(m.Slot), w)
	}
	return 0
}

// wordAt is the address of a mirrored word.
func (v *VCPU) wordAt(m image.Mirror) uint64 {
	return uint64(v.slots.Get(stubs.SlotBase) + uintptr(m.Off))
}

// WriteBack copies the mirrored words to the thread control block, for
// whoever reads it through a pointer.
func (v *VCPU) WriteBack() {
	if v.slots.Get(stubs.SlotBase) == 0 {
		return
	}
	for _, m := range v.mirrors {
		at, now := v.wordAt(m), v.slots.Get(stubs.Slot(m.Slot))
		if was, e := v.readWord(at); e == 0 && was != now {
			_ = v.writeWord(at, now)
		}
	}
}
