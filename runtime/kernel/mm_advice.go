package kernel

import (
	"sync/atomic"
	"unsafe"

	"bee/runtime/abi"
)

// discard is MADV_DONTNEED: private memory in [lo, hi) has from now on the
// content that it had when it was mapped, zero or the file's. Shared memory
// keeps it.
func (s *AddressSpace) discard(lo, hi uint64) abi.Errno {
	s.mu.Lock()
	defer s.unlock()
	s.settle(lo, hi)
	return s.renew(lo, hi)
}

// renew is discard.
//
// Preconditions: s.mu is held; it is released while files are read.
func (s *AddressSpace) renew(lo, hi uint64) abi.Errno {
	var idle, read []vma
	for i := s.find(lo); i < len(s.vmas) && s.vmas[i].lo < hi; i++ {
		v := s.vmas[i]
		if !v.committed || v.hidden || v.flags&vmShared != 0 || v.file != nil && v.obj == nil {
			continue
		}
		v = v.cut(max(lo, v.lo), min(hi, v.hi))
		a, b := v.lo, v.hi
		switch {
		case v.obj != nil:
			read = append(read, v)
			continue
		// Other threads may touch the pages meanwhile, so small stretches
		// are cleared where they are; only large ones go back to the host.
		case v.prot&abi.PROT_WRITE != 0 && b-a < 256<<10:
			clear(rawBytes(a, b-a))
			continue
		}
		if err := s.decommit(a, b); err != 0 {
			return err
		}
		if v.prot == 0 {
			v.committed = false
			idle = append(idle, v) // without access: it needs no memory any more
			continue
		}
		if err := s.commit(a, b, v.prot); err != 0 {
			return abi.ENOMEM
		}
	}
	for _, v := range idle {
		s.carve(v.lo, v.hi, v)
	}
	for _, v := range read {
		if err := s.decommit(v.lo, v.hi); err != 0 {
			return err
		}
		v.committed = false
		s.carve(v.lo, v.hi, v)
		if err := s.fill(v); err != 0 {
			return err
		}
	}
	return 0
}

// remove is MADV_REMOVE: zeroes, in shared memory, in the file, and for all who
// map it.
func (s *AddressSpace) remove(lo, hi uint64) abi.Errno {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for i := s.find(lo); i < len(s.vmas) && s.vmas[i].lo < hi; i++ {
		v := &s.vmas[i]
		switch {
		case v.flags&vmLocked != 0, !v.viewed():
			return abi.EINVAL
		case v.prot&abi.PROT_WRITE == 0:
			return abi.EACCES
		case !v.beyond:
			clear(rawBytes(max(lo, v.lo), min(hi, v.hi)-max(lo, v.lo)))
		}
	}
	return 0
}

// change sets and clears flags of the mappings in [lo, hi). Like Linux it does
// so before and between holes, and answers ENOMEM if there is one. may is asked
// before each, if it is not nil.
func (s *AddressSpace) change(lo, hi uint64, set, unset uint32, may func(v *vma) abi.Errno) abi.Errno {
	s.mu.Lock()
	defer s.unlock()
	s.settle(lo, hi)
	errno := abi.Errno(0)
	if !s.covered(lo, hi) || s.hiddenIn(lo, hi) {
		errno = abi.ENOMEM
	}
	var changed []vma
	for i := s.find(lo); i < len(s.vmas) && s.vmas[i].lo < hi; i++ {
		v := s.vmas[i]
		if v.hidden {
			continue
		}
		if may != nil {
			if err := may(&v); err != 0 {
				errno = err
				break
			}
		}
		v = v.cut(max(lo, v.lo), min(hi, v.hi))
		v.flags = v.flags&^unset | set
		changed = append(changed, v)
	}
	for _, v := range changed {
		s.carve(v.lo, v.hi, v)
	}
	return errno
}

// touch brings the pages of [lo, hi) into memory, as far as they may be read.
//
// Preconditions: s.mu is held.
func (s *AddressSpace) touch(lo, hi uint64) {
	for i := s.find(lo); i < len(s.vmas) && s.vmas[i].lo < hi; i++ {
		if v := &s.vmas[i]; v.prot != 0 && !v.beyond && !v.busy {
			touchPages(max(lo, v.lo), min(hi, v.hi))
		}
	}
}

// touchPages reads a word of each page. Atomic loads are never optimised away.
func touchPages(lo, hi uint64) {
	for b := rawBytes(lo, hi-lo); len(b) > 0; b = b[min(len(b), abi.PageSize):] {
		_ = atomic.LoadUint32((*uint32)(unsafe.Pointer(&b[0])))
	}
}

// populate is touch for MAP_POPULATE and the like.
func (s *AddressSpace) populate(lo, hi uint64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	s.touch(lo, hi)
}

// populateFor is MADV_POPULATE_READ and _WRITE.
func (s *AddressSpace) populateFor(lo, hi uint64, write bool) abi.Errno {
	s.mu.RLock()
	defer s.mu.RUnlock()
	at := lo
	for i := s.find(lo); at < hi; i++ {
		if i == len(s.vmas) || s.vmas[i].lo > at || s.vmas[i].hidden {
			return abi.ENOMEM
		}
		v := &s.vmas[i]
		switch {
		case v.prot == 0, write && v.prot&abi.PROT_WRITE == 0:
			return abi.EINVAL
		case v.beyond:
			return abi.EFAULT
		}
		at = v.hi
	}
	s.touch(lo, hi)
	return 0
}

// resident is mincore: a byte for each page of [lo, hi), which is mapped.
func (s *AddressSpace) resident(lo, hi uint64, vec []byte) abi.Errno {
	s.mu.RLock()
	defer s.mu.RUnlock()
	clear(vec)
	for i := s.find(lo); i < len(s.vmas) && s.vmas[i].lo < hi; i++ {
		v := &s.vmas[i]
		if v.beyond || !v.committed && !v.viewed() {
			continue
		}
		a, b := max(lo, v.lo), min(hi, v.hi)
		if err := s.pieces(a, b, func(addr, size uintptr) abi.Errno {
			from := (uint64(addr) - lo) / abi.PageSize
			return s.mem.Resident(addr, vec[from:from+uint64(size)/abi.PageSize])
		}); err != 0 {
			return err
		}
	}
	return 0
}

// sync is msync of [lo, hi): what shared mappings wrote goes to the files. It
// tells the files that are to be synchronised, with references.
func (s *AddressSpace) sync(lo, hi uint64, wait, invalidate bool) ([]Mappable, abi.Errno) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var files []Mappable
	for i := s.find(lo); i < len(s.vmas) && s.vmas[i].lo < hi; i++ {
		v := &s.vmas[i]
		if invalidate && v.flags&vmLocked != 0 {
			return files, abi.EBUSY
		}
		if !wait || !v.viewed() || v.beyond || v.obj.file == nil || !v.obj.write {
			continue
		}
		if err := s.pieces(max(lo, v.lo), min(hi, v.hi), s.mem.FlushView); err != 0 {
			return files, err
		}
		if f, ok := v.obj.file.(interface{ Retain() }); ok {
			f.Retain()
			files = append(files, v.obj.file)
		}
	}
	if !s.covered(lo, hi) || s.hiddenIn(lo, hi) {
		return files, abi.ENOMEM
	}
	return files, 0
}
