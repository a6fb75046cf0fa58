package kernel

import "bee/runtime/abi"

// remap is a call of mremap: addresses and sizes in whole pages.
type remap struct {
	addr, oldSize, newSize, to uint64
	flags                      uint32
	limits                     *memoryLimits
}

// mremap resizes or moves a mapping and tells where it is then.
func (s *AddressSpace) mremap(r remap) (uint64, abi.Errno) {
	s.mu.Lock()
	defer s.unlock()
	s.settle(r.addr, r.addr+r.oldSize)
	fixed, keep := r.flags&abi.MREMAP_FIXED != 0, r.flags&abi.MREMAP_DONTUNMAP != 0
	if fixed {
		s.settle(r.to, r.to+r.newSize)
	}
	if s.hiddenIn(r.addr, r.addr+max(r.oldSize, 1)) {
		return 0, abi.EFAULT
	}
	i := s.find(r.addr)
	if i == len(s.vmas) || s.vmas[i].lo > r.addr {
		return 0, abi.EFAULT
	}
	if r.oldSize == 0 && s.vmas[i].flags&vmShared == 0 {
		return 0, abi.EINVAL
	}
	var home *object
	if fixed {
		if s.hiddenIn(r.to, r.to+r.newSize) {
			return 0, abi.EINVAL
		}
		if v := &s.vmas[i]; v.viewed() {
			off := v.off + r.addr - v.lo
			if home = v.obj; !keep {
				home = s.rehomed(v.obj, r.to-off, r.oldSize)
			}
			if err := s.canShow(home, off, r.to, r.to+r.newSize); err != 0 {
				return 0, err
			}
		} else if err := s.canEvict(r.to, r.to+r.newSize); err != 0 {
			return 0, err
		}
		if err := s.unmap(r.to, r.to+r.newSize); err != 0 {
			return 0, err
		}
	}
	if r.newSize < r.oldSize && r.oldSize != 0 {
		if err := s.unmap(r.addr+r.newSize, r.addr+r.oldSize); err != 0 {
			return 0, err
		}
		r.oldSize = r.newSize
	}
	if r.newSize == r.oldSize && !fixed && !keep {
		return r.addr, 0
	}
	// The range must be one mapping; ours may be split where pages were
	// committed later, which Linux does not know.
	i = s.find(r.addr)
	end := r.addr
	for j := i; j < len(s.vmas) && end < r.addr+r.oldSize; j++ {
		v := &s.vmas[j]
		if j > i && (v.lo != end || !s.vmas[j-1].alike(v)) {
			break
		}
		end = v.hi
	}
	if end < r.addr+r.oldSize {
		return 0, abi.EFAULT
	}
	v := s.vmas[i]
	v = v.cut(max(r.addr, v.lo), v.hi) // begins at addr
	more := r.newSize - r.oldSize
	if keep {
		more = r.newSize
	}
	if err := s.mayGrow(r.limits, &v, more, 0, 0); err != 0 {
		return 0, err
	}
	if v.flags&vmLocked != 0 {
		if err := s.mayLock(r.limits, more); err != 0 {
			return 0, err
		}
	}
	if !fixed && !keep && r.oldSize != 0 && end == r.addr+r.oldSize && s.extend(v, end, r.addr+r.newSize) {
		return r.addr, 0
	}
	if r.flags&abi.MREMAP_MAYMOVE == 0 {
		return 0, abi.ENOMEM
	}
	if home != nil && home != v.obj {
		return r.to, s.moveHome(v, r, home)
	}
	return s.move(v, r, fixed, keep)
}

// rehomed tells the object that is to show instead of o when it moves by whole
// pages that are not whole granules: o itself unless it is memory of no file, of
// which only size bytes are mapped, all of which move.
//
// Preconditions: s.mu is held.
func (s *AddressSpace) rehomed(o *object, addr, size uint64) *object {
	base := addr & (s.gran - 1)
	if o.file != nil || o.bytes != size || base == o.base {
		return o
	}
	return &object{info: o.info, write: true, size: o.size, base: base}
}

// moveHome moves shared memory of no file by copying it to another object.
//
// Preconditions: s.mu is held; canShow; the place is free.
func (s *AddressSpace) moveHome(v vma, r remap, home *object) abi.Errno {
	if !s.room(home.size) {
		return abi.ENOMEM
	}
	if err := s.ensureSection(home); err != 0 {
		return err
	}
	s.committed += home.size
	w := v
	w.obj, w.lo, w.hi, w.beyond = home, r.to, r.to+r.newSize, false
	w.prot = abi.PROT_READ | abi.PROT_WRITE
	err := s.show(w)
	if err != 0 {
		s.dead = append(s.dead, home)
		return err
	}
	for i := s.find(r.addr); i < len(s.vmas) && s.vmas[i].lo < r.addr+r.oldSize; i++ {
		old := &s.vmas[i]
		lo, hi := max(old.lo, r.addr), min(old.hi, r.addr+r.oldSize)
		if old.beyond || r.to+(lo-r.addr) >= w.hi {
			continue
		}
		if old.prot == 0 {
			if err := s.protect(lo, hi, abi.PROT_READ); err != 0 {
				return err
			}
		}
		copy(rawBytes(r.to+(lo-r.addr), hi-lo), rawBytes(lo, hi-lo))
	}
	if err := s.unmap(r.addr, r.addr+r.oldSize); err != 0 {
		return err
	}
	w.prot = v.prot
	s.carve(w.lo, w.hi, w.split()...)
	return s.reprotect(w.lo, w.hi)
}

// extend makes the mapping of which v is the beginning reach from end to hi,
// if there is room.
//
// Preconditions: s.mu is held.
func (s *AddressSpace) extend(v vma, end, hi uint64) bool {
	if hi < end || hi > s.top || s.overlap(end, hi) {
		return false
	}
	w := v
	w.lo, w.hi, w.committed, w.beyond = end, hi, false, false
	if w.file != nil {
		w.off += end - v.lo
	}
	if w.viewed() {
		if (w.lo-w.off)&(s.gran-1) != 0 || s.canShowQuietly(w) != 0 {
			return false
		}
	} else {
		if s.viewIn(end, hi) {
			return false
		}
		if _, err := s.reserve(end, hi); err != 0 {
			return false
		}
	}
	return s.materialize(w) == 0
}

// canShowQuietly is canShow where another place will do as well.
//
// Preconditions: s.mu is held.
func (s *AddressSpace) canShowQuietly(v vma) abi.Errno {
	before, log := s.unfit.Load(), s.log
	s.log = func(string, ...any) {}
	err := s.canShow(v.obj, v.off, v.lo, v.hi)
	s.log = log
	s.unfit.Store(before)
	return err
}

// move moves the pages of r, whose first mapping is v, to another place and
// tells where: to a free place, or to r.to, which is free.
//
// Preconditions: s.mu is held.
func (s *AddressSpace) move(v vma, r remap, fixed, keep bool) (uint64, abi.Errno) {
	w := v
	w.lo, w.hi, w.committed, w.beyond = r.to, r.to+r.newSize, false, false
	if v.viewed() {
		var err abi.Errno
		if fixed {
			err = s.show(w)
		} else {
			w.lo, err = s.placeView(w, r.newSize, s.top)
		}
		if err == 0 && r.oldSize != 0 && !keep {
			err = s.unmap(r.addr, r.addr+r.oldSize)
		}
		return w.lo, err
	}
	if r.oldSize == 0 { // shared, and a copy
		return 0, abi.EINVAL
	}
	if fixed {
		if err := s.evict(w.lo, w.hi); err != 0 {
			return 0, err
		}
		if _, err := s.reserve(w.lo, w.hi); err != 0 {
			return 0, abi.ENOMEM
		}
	} else {
		lo, err := s.place(r.newSize, s.top, abi.PageSize)
		if err != 0 {
			return 0, err
		}
		w.lo, w.hi = lo, lo+r.newSize
	}
	return w.lo, s.carry(v, r, w, keep)
}

// carry copies what is private in r to w, a free, reserved place. What was
// there is unmapped, or made anew if keep is set.
//
// Preconditions: s.mu is held.
func (s *AddressSpace) carry(v vma, r remap, w vma, keep bool) abi.Errno {
	addr, oldSize := r.addr, r.oldSize
	head := w.cut(w.lo, w.lo+oldSize)
	// Of memory without access only what was used once is there to be copied,
	// and of a file what lies before its end; everything else is committed as
	// a whole.
	parts := s.usedParts(addr, oldSize, head)
	need := uint64(0)
	for i := range parts {
		if p := &parts[i]; !p.beyond && p.prot != 0 {
			p.committed = true
		}
		if parts[i].committed {
			need += parts[i].hi - parts[i].lo
		}
	}
	if !s.room(need) {
		return abi.ENOMEM
	}
	undo := func(n int) {
		for i := range n {
			if parts[i].committed {
				_ = s.decommit(parts[i].lo, parts[i].hi)
			}
		}
	}
	for i, v := range parts {
		if !v.committed {
			continue
		}
		if err := s.supply(v.lo, v.hi, abi.PROT_READ|abi.PROT_WRITE); err != 0 {
			undo(i)
			return err
		}
	}
	for i := s.find(addr); i < len(s.vmas) && s.vmas[i].lo < addr+oldSize; i++ {
		v := &s.vmas[i]
		if !v.committed {
			continue
		}
		lo, hi := max(addr, v.lo), min(addr+oldSize, v.hi)
		if v.prot&(abi.PROT_READ|abi.PROT_WRITE|abi.PROT_EXEC) == 0 {
			if err := s.protect(lo, hi, abi.PROT_READ); err != 0 {
				undo(len(parts))
				return err
			}
		}
		copy(rawBytes(w.lo+(lo-addr), hi-lo), rawBytes(lo, hi-lo))
	}
	for _, v := range parts {
		if v.committed {
			if err := s.protect(v.lo, v.hi, v.prot); err != 0 {
				undo(len(parts))
				return err
			}
		}
	}
	// The object must not go between the two.
	s.carve(head.lo, head.hi, parts...)
	if !keep {
		if err := s.unmap(addr, addr+oldSize); err != 0 {
			return err
		}
	} else if err := s.renew(addr, addr+oldSize); err != 0 {
		return err
	}
	if w.hi == head.hi {
		return 0
	}
	rest := w.cut(head.hi, w.hi)
	if err := s.materialize(rest); err != 0 {
		// Too little memory for the new part: Linux would have said so before.
		// What was moved stays where it is now, as large as it was.
		return err
	}
	return 0
}

// usedParts cuts w, which is to take the place of the mappings without access
// in [addr, addr+size), into what is committed and what is not.
//
// Preconditions: s.mu is held.
func (s *AddressSpace) usedParts(addr, size uint64, w vma) []vma {
	var parts []vma
	at := w.lo
	for i := s.find(addr); i < len(s.vmas) && s.vmas[i].lo < addr+size; i++ {
		end := w.lo + (min(addr+size, s.vmas[i].hi) - addr)
		p := w.cut(at, end)
		p.committed, p.beyond = s.vmas[i].committed, s.vmas[i].beyond
		parts = append(parts, p)
		at = end
	}
	if at < w.hi {
		parts = append(parts, w.cut(at, w.hi))
	}
	return parts
}
