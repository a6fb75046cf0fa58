package vcpu

import (
	"encoding/binary"

	"bee/runtime/abi"
	"bee/runtime/kernel"
	"bee/stubs"
)

// State is the registers of this width.
type State = stubs.State64

// register is a general one.
type register = uint64

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

// SP is the guest's stack pointer.
func (v *VCPU) SP() uint64 { return v.State.RSP }

func (v *VCPU) readWord(addr uint64) (uintptr, abi.Errno) {
	w, e := v.words.ReadUint64(addr)
	return uintptr(w), e
}

func (v *VCPU) writeWord(addr uint64, w uintptr) abi.Errno {
	return v.words.WriteUint64(addr, uint64(w))
}

// pc is the address of the guest's next instruction.
func (v *VCPU) pc() uint64 { return v.State.RIP }

func (v *VCPU) setPC(pc uint64) { v.State.RIP = pc }

// settled is for registers that may hold an address of ours: in front of a
// system call rcx may hold the one to go on at, which lies in the trampoline.
func (v *VCPU) settled() { v.State.RCX = v.original(v.State.RCX) }

// registers are the general ones in the order of the processor's numbers.
func (v *VCPU) registers() [16]*uint64 {
	s := v.State
	return [16]*uint64{
		&s.RAX, &s.RCX, &s.RDX, &s.RBX, &s.RSP, &s.RBP, &s.RSI, &s.RDI,
		&s.R8, &s.R9, &s.R10, &s.R11, &s.R12, &s.R13, &s.R14, &s.R15,
	}
}

// Registers implements kernel.Machine.
func (v *VCPU) Registers(r *kernel.Registers, fp bool) {
	s := v.State
	*r = kernel.Registers{
		AX: s.RAX, CX: s.RCX, DX: s.RDX, BX: s.RBX, SP: s.RSP, BP: s.RBP, SI: s.RSI, DI: s.RDI,
		R8: s.R8, R9: s.R9, R10: s.R10, R11: s.R11, R12: s.R12, R13: s.R13, R14: s.R14, R15: s.R15,
		PC: v.original(s.RIP), Flags: s.RFLAGS,
	}
	if fp {
		r.FP = v.vectors()
		fip := binary.LittleEndian.Uint64(r.FP[offFIP:])
		binary.LittleEndian.PutUint64(r.FP[offFIP:], v.original(fip))
	}
}

// SetRegisters implements kernel.Machine.
func (v *VCPU) SetRegisters(r *kernel.Registers) {
	s := v.State
	s.RAX, s.RCX, s.RDX, s.RBX, s.RSP, s.RBP, s.RSI, s.RDI = r.AX, r.CX, r.DX, r.BX, r.SP, r.BP, r.SI, r.DI
	s.R8, s.R9, s.R10, s.R11, s.R12, s.R13, s.R14, s.R15 = r.R8, r.R9, r.R10, r.R11, r.R12, r.R13, r.R14, r.R15
	s.RIP, s.RFLAGS = r.PC, r.Flags&^flagTrap|initialFlags
	if v.img != nil {
		s.RIP = v.img.RunnablePC(r.PC)
	}
	v.setVectors(r.FP)
}

// SyscallAgain implements kernel.Machine.
func (v *VCPU) SyscallAgain(nr uint32) {
	s := v.State
	s.RAX = uint64(nr)
	if v.img == nil {
		return
	}
	if site, err := v.img.SiteBefore(s.RIP); err == nil {
		s.RIP = v.img.RunnablePC(v.img.Base + site.Addr)
	}
}
