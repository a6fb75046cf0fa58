package vcpu

import "bee/runtime/abi"

// Words reads and writes the guest's memory, with checks: the thread control
// block may be gone by the time a slot is written back.
type Words interface {
	ReadUint32(addr uint64) (uint32, abi.Errno)
	WriteUint32(addr uint64, v uint32) abi.Errno
	ReadUint64(addr uint64) (uint64, abi.Errno)
	WriteUint64(addr uint64, v uint64) abi.Errno
}
