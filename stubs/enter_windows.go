//go:build windows && (386 || amd64)

package stubs

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Set in enter_windows_386.s or enter_windows_amd64.s.
var addrEnter, addrLeave, addrOnException, addrOnContinue uintptr

// Offsets of two slots from the TEB, for the stubs.
//
//lint:ignore U1000 the assembly reads them
var vcpuSlotOffset, resumeSlotOffset uint32

// LeaveAddr is where thunks jump.
func LeaveAddr() uintptr { return addrLeave }

var (
	kernel32                 = windows.NewLazySystemDLL("kernel32.dll")
	procAddVectoredException = kernel32.NewProc("AddVectoredExceptionHandler")
	procAddVectoredContinue  = kernel32.NewProc("AddVectoredContinueHandler")
	procTlsAlloc             = kernel32.NewProc("TlsAlloc")
	procTlsFree              = kernel32.NewProc("TlsFree")
	procTlsGetValue          = kernel32.NewProc("TlsGetValue")
	procTlsSetValue          = kernel32.NewProc("TlsSetValue")
	errTooFewSlots           = errors.New("stubs: the process has too few free TLS indexes in the TEB")
)

// Slots tells which TLS index serves each slot.
type Slots [NumSlots]uint32

// tlsInTEB is how many TLS indexes live in the TEB itself (TLS_MINIMUM_AVAILABLE).
const tlsInTEB = 64

// AllocateSlots takes TLS indexes for all slots: the ones that the rewriter
// wrote where they are free, others where a library was quicker. It also sets
// up the vectored handlers, which need to know them.
func AllocateSlots() (Slots, error) {
	var s Slots
	var spare, kept []uint32
	taken := map[uint32]bool{}
	for {
		r, _, err := procTlsAlloc.Call()
		i := uint32(r)
		if i == 0xffffffff || i >= tlsInTEB {
			if i != 0xffffffff {
				spare = append(spare, i)
			} else if len(taken) == 0 {
				return s, fmt.Errorf("stubs: TlsAlloc: %w", err)
			}
			break
		}
		taken[i] = true
		kept = append(kept, i)
	}
	for k := range s {
		want := uint32(TLSBase + k)
		if !taken[want] {
			continue
		}
		s[k] = want
		delete(taken, want)
	}
	for k := range s {
		if s[k] != 0 {
			continue
		}
		// From the top, so that low indexes stay for others.
		for j := len(kept) - 1; j >= 0; j-- {
			if taken[kept[j]] {
				s[k] = kept[j]
				delete(taken, kept[j])
				break
			}
		}
		if s[k] == 0 {
			return s, errTooFewSlots
		}
	}
	for i := range taken {
		spare = append(spare, i)
	}
	for _, i := range spare {
		procTlsFree.Call(uintptr(i))
	}
	return s, nil
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

// Disp is a slot's displacement from the segment register that leads to the
// TEB.
func (s *Slots) Disp(k Slot) uint32 { return tebSlots + uint32(unsafe.Sizeof(uintptr(0)))*s[k] }

// Get reads a slot of the calling thread.
func (s *Slots) Get(k Slot) uintptr {
	v, _, _ := procTlsGetValue.Call(uintptr(s[k]))
	return v
}

// Set writes a slot of the calling thread.
func (s *Slots) Set(k Slot, v uintptr) {
	procTlsSetValue.Call(uintptr(s[k]), v)
}

// InstallHandlers puts the vectored handlers in front of all others.
func (s *Slots) InstallHandlers() error {
	vcpuSlotOffset = s.Disp(SlotVCPU)
	resumeSlotOffset = s.Disp(SlotResume)
	if h, _, err := procAddVectoredException.Call(1, addrOnException); h == 0 {
		return fmt.Errorf("stubs: AddVectoredExceptionHandler: %w", err)
	}
	if h, _, err := procAddVectoredContinue.Call(1, addrOnContinue); h == 0 {
		return fmt.Errorf("stubs: AddVectoredContinueHandler: %w", err)
	}
	return nil
}
