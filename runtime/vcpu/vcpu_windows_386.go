package vcpu

import (
	"bee/runtime/abi"
	"bee/stubs"
)

// State is the registers of this width.
type State = stubs.State32

func initialise(s *State, thunkPage uintptr) {
	s.EFLAGS = initialFlags
	s.EnterGlue = uint32(thunkPage) + stubs.EnterGlue32
}

// Start sets where the guest begins.
func (v *VCPU) Start(pc, sp uint64) { v.State.EIP, v.State.ESP = uint32(pc), uint32(sp) }

// SyscallArgs are the number and the arguments in Linux's IA-32 order.
func (v *VCPU) SyscallArgs() (nr uint32, args [6]uint64) {
	s := v.State
	return s.EAX, [6]uint64{
		uint64(s.EBX), uint64(s.ECX), uint64(s.EDX), uint64(s.ESI), uint64(s.EDI), uint64(s.EBP),
	}
}

// SetReturn sets a system call's result.
func (v *VCPU) SetReturn(r int64) { v.State.EAX = uint32(r) }

func (v *VCPU) readWord(addr uint64) (uintptr, abi.Errno) {
	w, e := v.words.ReadUint32(addr)
	return uintptr(w), e
}

func (v *VCPU) writeWord(addr uint64, w uintptr) abi.Errno {
	return v.words.WriteUint32(addr, uint32(w))
}
