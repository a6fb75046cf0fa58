//go:build windows && (386 || amd64)

package vcpu

import (
	"fmt"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/windows"

	"bee/image"
	"bee/internal/address"
	"bee/runtime/abi"
	"bee/stubs"
)

// VCPU is one guest thread's processor. Its methods are for the OS thread that
// Bind was called on, but for Interrupt, Recall and InGuest.
type VCPU struct {
	// State is the guest's registers while the host runs.
	State *State
	slots *stubs.Slots
	img   *image.Image // nil: code that nobody has rewritten
	// thunks is the address of the image's thunk page.
	thunks uintptr
	words  Words

	vector stubs.VectorState
	layout *[64]stubs.Component
	area   []byte // the vector state, behind State
	// dynamic are those components that the program has used; mask is what
	// the processor has told of MXCSR.
	dynamic uint64
	mask    uint32

	// mu guards what kicks use: a kick is not under way after Unbind, and no
	// call of the host is cancelled after Block has ended.
	mu      sync.Mutex
	thread  windows.Handle // 0 unless bound
	kicker  *stubs.Kicker
	kicking atomic.Bool
	blocked atomic.Bool
	cancel  atomic.Bool // Interrupt was called, not only Recall
}

// New allocates a vCPU whose registers are zero. thunkPage is the address of
// the image's thunk page.
func New(slots *stubs.Slots, thunkPage uintptr, im *image.Image, words Words) (*VCPU, error) {
	v := stubs.DetectVectorState()
	size := uintptr(stubs.VectorOffset + v.Size)
	p, err := windows.VirtualAlloc(0, size, windows.MEM_RESERVE|windows.MEM_COMMIT, windows.PAGE_READWRITE)
	if err != nil {
		return nil, fmt.Errorf("vcpu: %d bytes of state: %w", size, err)
	}
	base := address.Pointer(p)
	s := (*State)(base)
	initialise(s, thunkPage)
	s.VectorMode = v.Mode
	s.VectorMaskLo, s.VectorMaskHi = uint32(v.Mask), uint32(v.Mask>>32)
	layout := v.Components()
	c := &VCPU{
		State: s, slots: slots, img: im, thunks: thunkPage, words: words, vector: v, layout: &layout,
		area: unsafe.Slice((*byte)(unsafe.Add(base, stubs.VectorOffset)), v.Size),
	}
	v.InitVectorArea(c.area)
	return c, nil
}

// Free gives the state back. The vCPU must not be bound.
func (v *VCPU) Free() {
	_ = windows.VirtualFree(uintptr(unsafe.Pointer(v.State)), 0, windows.MEM_RELEASE)
	v.State, v.area = nil, nil
}

// initialFlags has interrupts on and bit 1, which is always set.
const initialFlags = 0x202

// flagTrap would step through the way into the guest instead of the guest.
const flagTrap = 0x100

// Bind ties the vCPU to the calling OS thread, which the goroutine must be
// locked to.
func (v *VCPU) Bind() error {
	self := windows.CurrentProcess()
	var h windows.Handle
	if err := windows.DuplicateHandle(self, windows.CurrentThread(), self, &h, 0, false, windows.DUPLICATE_SAME_ACCESS); err != nil {
		return fmt.Errorf("vcpu: handle of the thread: %w", err)
	}
	var lo, hi uintptr
	if v.img != nil {
		lo, hi = codeRange(v.img)
	}
	k, err := stubs.NewKicker(h, unsafe.Pointer(v.State), lo, hi, v.thunks)
	if err != nil {
		windows.CloseHandle(h)
		return err
	}
	v.mu.Lock()
	v.thread, v.kicker = h, k
	v.mu.Unlock()
	v.slots.Set(stubs.SlotVCPU, uintptr(unsafe.Pointer(v.State)))
	return nil
}

// codeRange is where the image's code and trampolines lie in memory.
func codeRange(im *image.Image) (lo, hi uintptr) {
	a, b := im.Base, im.Base+im.Size
	t := uint64(int64(im.Base) + im.TrampAddr)
	return uintptr(min(a, t)), uintptr(max(b, t+stubs.ThunkPageSize+uint64(len(im.Tramp))))
}

// Unbind ends what Bind has begun, on the same thread: what happens there from
// now on is none of the guest's.
func (v *VCPU) Unbind() {
	v.slots.Set(stubs.SlotVCPU, 0)
	v.mu.Lock()
	defer v.mu.Unlock()
	windows.CloseHandle(v.thread)
	v.thread, v.kicker = 0, nil
}

// Settle turns a state in which the guest was interrupted anywhere into one
// at an instruction of its own, and tells that one's address: a trampoline is
// rolled to a border of the original instructions, and what it had borrowed is
// given back.
func (v *VCPU) Settle() (pc uint64) {
	pc = v.pc()
	if v.img == nil {
		return pc
	}
	e, ok := v.img.Entry(pc - v.img.Base)
	if !ok {
		return pc
	}
	var r [16]uint64
	regs := v.registers()
	for i, p := range regs {
		r[i] = uint64(*p)
	}
	reload := v.img.Restore(&e, &r, func(k stubs.Slot) uint64 { return uint64(v.slots.Get(k)) })
	for i, p := range regs {
		*p = register(r[i])
	}
	if reload {
		v.loadMirrors()
	}
	v.settled()
	pc = v.img.Base + e.Orig
	v.setPC(v.img.RunnablePC(pc))
	return pc
}

// original is what the program knows an address in a trampoline as.
func (v *VCPU) original(pc uint64) uint64 {
	if v.img != nil {
		pc, _ = v.img.OriginalPC(pc)
	}
	return pc
}

// Run lets the guest run until it needs the host.
func (v *VCPU) Run() stubs.Reason { return stubs.Enter(v.State) }

// ThreadPointer is the base of %gs (IA-32) or %fs (x86-64).
func (v *VCPU) ThreadPointer() uint64 { return uint64(v.slots.Get(stubs.SlotBase)) }

// SetThreadPointer changes that base. The slots hold the truth about the
// mirrored words, so they are written back to the old block before they are
// loaded from the new one.
func (v *VCPU) SetThreadPointer(base uint64) abi.Errno {
	v.WriteBack()
	v.LoadThreadPointer(base)
	return 0
}

// LoadThreadPointer sets the base of a thread that has had none of this
// program's yet.
func (v *VCPU) LoadThreadPointer(base uint64) {
	v.slots.Set(stubs.SlotBase, uintptr(base))
	v.loadMirrors()
}

// loadMirrors fills the slots of the mirrored words from the thread control
// block.
func (v *VCPU) loadMirrors() {
	for _, m := range v.mirrors() {
		w, e := v.readWord(v.wordAt(m))
		if e != 0 {
			w = 0 // as unmapped: the program faults where it uses the rest
		}
		v.slots.Set(stubs.Slot(m.Slot), w)
	}
}

func (v *VCPU) mirrors() []image.Mirror {
	if v.img == nil {
		return nil
	}
	return v.img.Mirrors
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
	for _, m := range v.mirrors() {
		at, now := v.wordAt(m), v.slots.Get(stubs.Slot(m.Slot))
		if was, e := v.readWord(at); e == 0 && was != now {
			_ = v.writeWord(at, now)
		}
	}
}
