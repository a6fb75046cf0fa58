package kernel

import "bee/runtime/abi"

// Trap numbers and bits of a page fault's error code (Intel SDM vol. 3A, 6.15).
const (
	trapPageFault = 14

	faultPresent = 1
	faultWrite   = 2
	faultUser    = 4
	faultFetch   = 16

	// topOfUser is where an x86-64 program's addresses end.
	topOfUser = 1<<47 - 4096
)

// PageFault is what Linux makes of an access to addr that is not possible:
// SIGSEGV with SEGV_MAPERR where nothing is mapped, with SEGV_ACCERR where the
// mapping does not allow it, SIGBUS behind the end of a mapped file.
func (s *AddressSpace) PageFault(addr uint64, write, fetch bool) FaultInfo {
	f := FaultInfo{Signal: abi.SIGSEGV, Code: abi.SEGV_MAPERR, Addr: addr, Trap: trapPageFault, Err: faultUser, CR2: addr}
	if write {
		f.Err |= faultWrite
	}
	if fetch {
		f.Err |= faultFetch
	}
	if addr >= topOfUser {
		f.Err |= faultPresent // as Linux has it, so that nothing is told of its own mappings
		return f
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	i := s.find(addr)
	if i == len(s.vmas) || s.vmas[i].lo > addr || s.vmas[i].hidden {
		return f
	}
	v := &s.vmas[i]
	if v.beyond && v.prot != 0 {
		f.Signal, f.Code = abi.SIGBUS, abi.BUS_ADRERR
		return f
	}
	f.Code = abi.SEGV_ACCERR
	if v.prot != 0 {
		f.Err |= faultPresent
	}
	return f
}
