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
	// Replace allows the segment to take pages that are mapped already, as
	// the later of two segments that share a page does.
	Replace bool
}

// MapSegment maps a segment at its address, zero and writable.
func (s *AddressSpace) MapSegment(g Segment) abi.Errno {
	if g.Addr&pageMask != 0 || g.Size&pageMask != 0 || g.Size == 0 {
		return abi.EINVAL
	}
	_, err := s.mmap(mapping{
		addr: g.Addr, size: g.Size, prot: abi.PROT_READ | abi.PROT_WRITE,
		fixed: true, noReplace: !g.Replace, trusted: true, hidden: g.Hidden,
		name: g.Name, file: g.File, off: g.Offset,
	})
	return err
}

// MapAnywhere maps size bytes, readable and writable, as mmap without an
// address would, and tells where. low is how many bytes below are to stay
// inaccessible (a stack's guard).
func (s *AddressSpace) MapAnywhere(size, low uint64, name string) (uint64, abi.Errno) {
	a, err := s.mmap(mapping{size: pageUp(size) + pageUp(low), trusted: true, hidden: true})
	if err != 0 {
		return 0, err
	}
	a += pageUp(low)
	_, err = s.mmap(mapping{addr: a, size: size, prot: abi.PROT_READ | abi.PROT_WRITE, fixed: true, trusted: true, name: name})
	return a, err
}

// SegmentBytes tells n bytes of a segment that is not sealed, as a slice of the
// memory itself.
func (s *AddressSpace) SegmentBytes(addr, n uint64) ([]byte, abi.Errno) {
	return s.segment(addr, n, abi.PROT_WRITE)
}

// WriteSegment puts bytes into a segment that is not sealed.
func (s *AddressSpace) WriteSegment(addr uint64, b []byte) abi.Errno {
	m, err := s.segment(addr, uint64(len(b)), abi.PROT_WRITE)
	copy(m, b)
	return err
}

// ReadSegment reads memory that the loader has mapped, for verification.
func (s *AddressSpace) ReadSegment(addr uint64, b []byte) abi.Errno {
	m, err := s.segment(addr, uint64(len(b)), abi.PROT_READ|abi.PROT_WRITE|abi.PROT_EXEC)
	copy(b, m)
	return err
}

// segment tells memory of which every page has one of the rights in need.
func (s *AddressSpace) segment(addr, n uint64, need uint8) ([]byte, abi.Errno) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	end := addr + n
	if end < addr || n == 0 || !s.covered(addr, end) {
		return nil, abi.EFAULT
	}
	for i := s.find(addr); i < len(s.vmas) && s.vmas[i].lo < end; i++ {
		if s.vmas[i].prot&need == 0 {
			return nil, abi.EFAULT
		}
	}
	return rawBytes(addr, n), 0
}

// Seal gives a segment its final protection.
func (s *AddressSpace) Seal(addr, size uint64, prot uint8) abi.Errno {
	return s.mprotect(addr, addr+size, prot, true, "load", nil)
}
