package vcpu

import (
	"encoding/binary"

	"bee/image"
	"bee/runtime/abi"
	"bee/runtime/kernel"
	"bee/stubs"
)

// State is the registers of this width.
type State = stubs.State32

// register is a general one.
type register = uint32

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

// SP is the guest's stack pointer.
func (v *VCPU) SP() uint64 { return uint64(v.State.ESP) }

func (v *VCPU) readWord(addr uint64) (uintptr, abi.Errno) {
	w, e := v.words.ReadUint32(addr)
	return uintptr(w), e
}

func (v *VCPU) writeWord(addr uint64, w uintptr) abi.Errno {
	return v.words.WriteUint32(addr, uint32(w))
}

// pc is the address of the guest's next instruction.
func (v *VCPU) pc() uint64 { return uint64(v.State.EIP) }

func (v *VCPU) setPC(pc uint64) { v.State.EIP = uint32(pc) }

// settled is for registers that may hold an address of ours: none does.
func (v *VCPU) settled() {}

// registers are the general ones in the order of the processor's numbers.
func (v *VCPU) registers() [8]*uint32 {
	s := v.State
	return [8]*uint32{&s.EAX, &s.ECX, &s.EDX, &s.EBX, &s.ESP, &s.EBP, &s.ESI, &s.EDI}
}

// returning tells whether the guest is behind a thunk that it has called, and
// where it will return to: no such place of ours is shown.
func (v *VCPU) returning() (ret uint32, ok bool) {
	s := v.State
	if s.EIP != uint32(v.thunks)+stubs.ReturnGlue32 {
		return 0, false
	}
	ret, e := v.words.ReadUint32(uint64(s.ESP))
	return ret, e == 0
}

// Registers implements kernel.Machine.
func (v *VCPU) Registers(r *kernel.Registers, fp bool) {
	s := v.State
	*r = kernel.Registers{
		AX: uint64(s.EAX), CX: uint64(s.ECX), DX: uint64(s.EDX), BX: uint64(s.EBX),
		SP: uint64(s.ESP), BP: uint64(s.EBP), SI: uint64(s.ESI), DI: uint64(s.EDI),
		PC: v.original(uint64(s.EIP)), Flags: uint64(s.EFLAGS),
	}
	if ret, ok := v.returning(); ok {
		r.PC, r.SP = uint64(ret), uint64(s.ESP+4)
	}
	if fp {
		r.FP = v.vectors()
		fip := binary.LittleEndian.Uint32(r.FP[offFIP:])
		binary.LittleEndian.PutUint32(r.FP[offFIP:], uint32(v.original(uint64(fip))))
	}
}

// SetRegisters implements kernel.Machine.
func (v *VCPU) SetRegisters(r *kernel.Registers) {
	s := v.State
	s.EAX, s.ECX, s.EDX, s.EBX = uint32(r.AX), uint32(r.CX), uint32(r.DX), uint32(r.BX)
	s.ESP, s.EBP, s.ESI, s.EDI = uint32(r.SP), uint32(r.BP), uint32(r.SI), uint32(r.DI)
	s.EIP, s.EFLAGS = uint32(r.PC), uint32(r.Flags&^flagTrap)|initialFlags
	if v.img != nil {
		s.EIP = uint32(v.img.RunnablePC(r.PC))
	}
	v.setVectors(r.FP)
}

// SyscallAgain implements kernel.Machine.
func (v *VCPU) SyscallAgain(nr uint32) {
	s := v.State
	s.EAX = nr
	ret, called := v.returning()
	if !called {
		ret = s.EIP
	}
	var site *image.Site
	if v.img != nil {
		site, _ = v.img.SiteBefore(uint64(ret))
	}
	switch {
	case site != nil:
		s.EIP = uint32(v.img.RunnablePC(v.img.Base + site.Addr))
		if called {
			s.ESP += 4
		}
	case called:
		// Through a pointer to AT_SYSINFO: the return address is there.
		s.EIP = uint32(v.thunks) + stubs.ThunkCall.Off()
	}
}
