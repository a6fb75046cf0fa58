//go:build windows && (386 || amd64)

package stubs

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Set in enter_windows_386.s or enter_windows_amd64.s.
var addrEnter, addrLeave, addrLeaveFault, addrOnException, addrOnContinue uintptr

// Offsets of two slots from the TEB, for the stubs.
//
//lint:ignore U1000 the assembly reads them
var vcpuSlotOffset, resumeSlotOffset uint32

// LeaveAddr is where thunks jump.
func LeaveAddr() uintptr { return addrLeave }

// LeaveFaultAddr is where a thread that has faulted in the guest goes on: with
// the State, which holds all of the guest's general registers, in eax or rax,
// and the State's host stack pointer.
func LeaveFaultAddr() uintptr { return addrLeaveFault }

var (
	kernel32                 = windows.NewLazySystemDLL("kernel32.dll")
	procAddVectoredException = kernel32.NewProc("AddVectoredExceptionHandler")
	procAddVectoredContinue  = kernel32.NewProc("AddVectoredContinueHandler")
	procTlsAlloc             = kernel32.NewProc("TlsAlloc")
	procTlsFree              = kernel32.NewProc("TlsFree")
	procTlsGetValue          = kernel32.NewProc("TlsGetValue")
	procTlsSetValue          = kernel32.NewProc("TlsSetValue")
)

// tlsOutOfIndexes is TLS_OUT_OF_INDEXES (processthreadsapi.h).
const tlsOutOfIndexes = 0xffffffff

// AllocateSlots takes TLS indexes for all slots (see chooseSlots). What it does
// not need it gives back; of an error the process is to die.
func AllocateSlots() (Slots, error) {
	var free, beyond []uint32
	for {
		r, _, err := procTlsAlloc.Call()
		i := uint32(r)
		if i == tlsOutOfIndexes {
			if len(free) == 0 {
				return Slots{}, fmt.Errorf("stubs: TlsAlloc: %w", err)
			}
			break
		}
		if i >= tlsInTEB {
			beyond = append(beyond, i)
			break
		}
		free = append(free, i)
	}
	s, spare, err := chooseSlots(free)
	if err != nil {
		return s, err
	}
	for _, i := range append(spare, beyond...) {
		procTlsFree.Call(uintptr(i))
	}
	return s, nil
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
