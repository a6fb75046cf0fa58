package vcpu

import (
	"bee/runtime/abi"
	"bee/stubs"
)

// State is the registers of this width.
type State = stubs.State64

func initialise(s *State, thunkPage uintptr) {
	s.RFLAGS = initialFlags
	s.EnterGlue = uint64(thunkPage) + stubs.EnterGlue64
}

// Start sets where the guest begins.
func (v *VCPU) Start(pc, sp uint64) { v.State.RIP, v.State.RSP = pc, sp }

// SyscallArgs are the number and the arguments in Linux's x86-64 order.
func (v *VCPU) SyscallArgs() (nr uint32, args [6]uint64) {
	s := v.State
	return uint32(s.RAX), [6]uint64{s.RDI, s.RSI, s.RDX, s.R10, s.R8, s.R9}
}

// SetReturn sets a system call's result.
func (v *VCPU) SetReturn(r int64) { v.State.RAX = uint64(r) }

func (v *VCPU) readWord(addr uint64) (uintptr, abi.Errno) {
	w, e := v.words.ReadUint64(addr)
	return uintptr(w), e
}

func (v *VCPU) writeWord(addr uint64, w uintptr) abi.Errno {
	return v.words.WriteUint64(addr, uint64(w))
}
