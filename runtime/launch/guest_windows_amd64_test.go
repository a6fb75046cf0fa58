package launch

import (
	"bee/runtime/vcpu"
	"bee/stubs"
)

func thunkPage(_ uintptr, slots *stubs.Slots) []byte {
	return stubs.ThunkPage64(slots.Disp, uint64(stubs.LeaveAddr()))
}

// registers are those that the tests look at.
func registers(s *vcpu.State) []*uint64 {
	return []*uint64{
		&s.RAX, &s.RCX, &s.RDX, &s.RBX, &s.RSP, &s.RBP, &s.RSI, &s.RDI,
		&s.R8, &s.R9, &s.R10, &s.R11, &s.R12, &s.R13, &s.R14, &s.R15,
	}
}

func flags(s *vcpu.State) *uint64    { return &s.RFLAGS }
func counter(s *vcpu.State) uint64   { return s.RIP }
func faultInfo(s *vcpu.State) uint64 { return s.FaultInfo }
func faultAddr(s *vcpu.State) uint64 { return s.FaultAddr }

const topAddress = 1<<64 - 16

type uintWord = uint64
