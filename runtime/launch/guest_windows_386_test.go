package launch

import (
	"bee/runtime/vcpu"
	"bee/stubs"
)

func thunkPage(at uintptr, slots *stubs.Slots) []byte {
	return stubs.ThunkPage32(uint32(at), slots.Disp, uint32(stubs.LeaveAddr()))
}

// registers are those that the tests look at.
func registers(s *vcpu.State) []*uint32 {
	return []*uint32{&s.EAX, &s.ECX, &s.EDX, &s.EBX, &s.ESP, &s.EBP, &s.ESI, &s.EDI}
}

func flags(s *vcpu.State) *uint32    { return &s.EFLAGS }
func counter(s *vcpu.State) uint64   { return uint64(s.EIP) }
func faultInfo(s *vcpu.State) uint64 { return uint64(s.FaultInfo) }
func faultAddr(s *vcpu.State) uint64 { return uint64(s.FaultAddr) }

const topAddress = 1<<32 - 16

type uintWord = uint32
