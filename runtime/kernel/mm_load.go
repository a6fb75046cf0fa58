package kernel

import "bee/runtime/abi"

// The methods of this file are the loader's private path: what it maps has
// been checked by the rewriter, so that the exec hook is not asked.

// Segment is what the loader maps.
type Segment struct {
	Addr, Size uint64 // whole pages
	// Prot is what the segment is to allow in the end; until Seal it can be
	// written.
	Prot uint8
	// Hidden segments are the runner's own: the guest cannot see, change or
	// pass them to system calls.
	Hidden bool
	Name   string // for /proc/self/maps where there is no file: [stack]
	File   *MapInfo
	Offset uint64 // in the file
}

// MapSegment maps a segment at its address, zero and writable.
func (s *AddressSpace) MapSegment(g Segment) abi.Errno {
	if g.Addr&pageMask != 0 || g.Size&pageMask != 0 || g.Size == 0 {
		return abi.EINVAL
	}
	_, err := s.mmap(mapping{
		addr: g.Addr, size: g.Size, prot: abi.PROT_READ | abi.PROT_WRITE,
		fixed: true, noReplace: true, trusted: true, hidden: g.Hidden,
		name: g.Name, file: g.File, off: g.Offset,
	})
	return err
}

// MapAnywhere maps size bytes, readable and writable, as mmap without an
// address would, and tells where. low is how many bytes below are to stay
// inaccessible (a stack's guard).
func (s *AddressSpace) MapAnywhere(size, low uint64, name string) (uint64, abi.Errno) {
	a, err := s.mmap(mapping{size: pageUp(size) + pageUp(low), trusted: true})
	if err != 0 {
		return 0, err
	}
	a += pageUp(low)
	_, err = s.mmap(mapping{addr: a, size: size, prot: abi.PROT_READ | abi.PROT_WRITE, fixed: true, trusted: true, name: name})
	return a, err
}

// WriteSegment puts bytes into a segment that is not sealed.
func (s *AddressSpace) WriteSegment(addr uint64, b []byte) abi.Errno {
	s.mu.RLock()
	defer s.mu.RUnlock()
	end := addr + uint64(len(b))
	if end < addr || !s.covered(addr, end) {
		return abi.EFAULT
	}
	for i := s.find(addr); i < len(s.vmas) && s.vmas[i].lo < end; i++ {
		if s.vmas[i].prot&abi.PROT_WRITE == 0 {
			return abi.EFAULT
		}
	}
	copy(rawBytes(addr, uint64(len(b))), b)
	return 0
}

// ReadSegment reads memory that the loader has mapped, for verification.
func (s *AddressSpace) ReadSegment(addr uint64, b []byte) abi.Errno {
	s.mu.RLock()
	defer s.mu.RUnlock()
	end := addr + uint64(len(b))
	if end < addr || !s.covered(addr, end) {
		return abi.EFAULT
	}
	for i := s.find(addr); i < len(s.vmas) && s.vmas[i].lo < end; i++ {
		if s.vmas[i].prot == 0 {
			return abi.EFAULT
		}
	}
	copy(b, rawBytes(addr, uint64(len(b))))
	return 0
}

// Seal gives a segment its final protection.
func (s *AddressSpace) Seal(addr, size uint64, prot uint8) abi.Errno {
	return s.mprotect(addr, addr+size, prot, true, "load")
}
