package kernel

import "bee/runtime/abi"

// SetBrk tells where the heap starts. The loader calls it once.
func (s *AddressSpace) SetBrk(start uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.brkLo, s.brkHi = pageUp(start), pageUp(start)
}

// brk moves the heap's end and tells where it is afterwards; what cannot be
// done leaves it where it was.
func (s *AddressSpace) brk(to uint64, limits *memoryLimits) uint64 {
	s.mu.Lock()
	defer s.unlock()
	if s.brkLo == 0 || to < s.brkLo || to > s.top {
		return s.brkHi
	}
	old, end := pageUp(s.brkHi), pageUp(to)
	switch {
	case end < old:
		if s.unmap(end, old) != 0 {
			return s.brkHi
		}
	case end > old:
		heap := vma{lo: old, hi: end, prot: abi.PROT_READ | abi.PROT_WRITE, name: "[heap]"}
		if s.overlap(old, end) || s.viewIn(old, end) || s.mayGrow(limits, &heap, end-old, 0, 0) != 0 {
			return s.brkHi
		}
		if _, err := s.reserve(old, end); err != 0 {
			return s.brkHi
		}
		const prot = abi.PROT_READ | abi.PROT_WRITE
		if s.supply(old, end, prot) != 0 {
			return s.brkHi
		}
		s.carve(old, end, vma{lo: old, hi: end, prot: prot, committed: true, name: "[heap]"})
	}
	s.brkHi = to
	return to
}

func sysBrk(t *Task, a Args) (uint64, abi.Errno) { return t.proc.as.brk(a[0], t.memoryLimits()), 0 }
