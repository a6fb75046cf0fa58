package stubs

import (
	"syscall"
	"unsafe"
)

const tebSlots = TEBSlots32

// Enter runs the guest until it comes back, and tells why. The calling
// goroutine is locked to the guest's OS thread, whose SlotVCPU is s.
func Enter(s *State32) Reason {
	r, _, _ := syscall.SyscallN(addrEnter, uintptr(unsafe.Pointer(s)))
	return Reason(r)
}
