package kernel

import "bee/runtime/abi"

// mapping is a request to map.
type mapping struct {
	addr, size uint64
	prot       uint8
	flags      uint32 // of the vma
	fixed      bool
	noReplace  bool
	hidden     bool
	trusted    bool   // the loader's: the exec hook is not asked
	limit      uint64 // place it below this address; 0: anywhere
	limits     *memoryLimits
	// open is the file to be mapped; the reference is taken over. shared asks
	// for shared memory of no file.
	open   Mappable
	shared bool
	file   *MapInfo // the loader's: the content comes later
	off    uint64
	name   string
	call   string
}

// memoryLimits are the resource limits that a call has to keep, in bytes.
type memoryLimits struct {
	space, data, locked uint64
	mayLock             bool // CAP_IPC_LOCK
}

// isData tells whether RLIMIT_DATA counts the mapping.
func (v *vma) isData() bool {
	return v.prot&abi.PROT_WRITE != 0 && v.flags&vmShared == 0 && v.name != "[stack]"
}

// mayGrow checks the limits of a mapping like v that takes the place of what
// is mapped in [lo, hi).
//
// Preconditions: s.mu is held.
func (s *AddressSpace) mayGrow(l *memoryLimits, v *vma, size, lo, hi uint64) abi.Errno {
	if l == nil || size <= l.space-min(l.space, s.mapped) && (!v.isData() || size <= l.data-min(l.data, s.data)) {
		return 0
	}
	there := uint64(0)
	for i := s.find(lo); i < len(s.vmas) && s.vmas[i].lo < hi; i++ {
		if !s.vmas[i].hidden {
			there += min(hi, s.vmas[i].hi) - max(lo, s.vmas[i].lo)
		}
	}
	// Linux takes what is replaced from both, whatever it was.
	size -= min(size, there)
	if size > l.space-min(l.space, s.mapped) || v.isData() && size > l.data-min(l.data, s.data) {
		return abi.ENOMEM
	}
	return 0
}

// mayLock checks RLIMIT_MEMLOCK.
//
// Preconditions: s.mu is held.
func (s *AddressSpace) mayLock(l *memoryLimits, size uint64) abi.Errno {
	if l == nil || l.mayLock || size <= l.locked-min(l.locked, s.locked) {
		return 0
	}
	return abi.EAGAIN
}

// mmap maps pages and tells where.
func (s *AddressSpace) mmap(m mapping) (uint64, abi.Errno) {
	if m.prot&abi.PROT_EXEC != 0 && !m.trusted {
		s.mu.RLock()
		hook := s.exec
		s.mu.RUnlock()
		if err := hook(m.addr, m.size, m.call); err != 0 {
			if m.open != nil {
				m.open.Release()
			}
			return 0, err
		}
	}
	s.mu.Lock()
	defer s.unlock()
	size := pageUp(m.size)
	if m.fixed {
		s.settle(m.addr, m.addr+size)
	}
	v := vma{prot: m.prot, flags: m.flags, hidden: m.hidden, file: m.file, off: m.off, name: m.name}
	if s.lockFuture && !m.trusted {
		v.flags |= vmLocked
	}
	switch {
	case m.open != nil:
		var err abi.Errno
		if v.obj, err = s.openObject(m.open); err != 0 {
			return 0, err
		}
	case m.shared:
		var err abi.Errno
		at := uint64(0)
		if m.fixed {
			at = m.addr
		}
		if v.obj, err = s.newShared(size, at); err != 0 {
			return 0, err
		}
	}
	if o := v.obj; o != nil {
		v.file = o.info
		if o.bytes == 0 {
			s.dead = append(s.dead, o) // unless it is mapped in what follows
		}
	}
	replaced := uint64(0)
	if m.fixed {
		replaced = m.addr + size
	}
	if err := s.mayGrow(m.limits, &v, size, m.addr, max(replaced, m.addr)); err != 0 {
		return 0, err
	}
	if v.flags&vmLocked != 0 {
		if err := s.mayLock(m.limits, size); err != 0 {
			return 0, err
		}
	}
	if m.fixed {
		v.lo, v.hi = m.addr, m.addr+size
		if m.noReplace && s.overlap(v.lo, v.hi) {
			return 0, abi.EEXIST
		}
		if !m.trusted && s.hiddenIn(v.lo, v.hi) {
			return 0, abi.EINVAL
		}
		if s.inUse(v.lo, v.hi) && (v.obj == nil || v.viewed()) {
			// Whoever uses it meanwhile finds the one or the other, but while a
			// file is read, which may take long.
			defer s.pause()()
		}
		err := s.clearPlace(&v)
		if err == 0 && v.viewed() {
			err = s.materialize(v)
		} else if err == 0 {
			return v.lo, s.materialize(v)
		}
		if m.noReplace && err == abi.ENOMEM {
			err = abi.EEXIST // something of the host's process
		}
		return v.lo, err
	}
	limit := s.top
	if m.limit != 0 {
		limit = min(limit, m.limit)
	}
	return s.settleDown(v, pageUp(m.addr), size, limit)
}

// inUse tells whether memory that the guest may use lies in [lo, hi).
//
// Preconditions: s.mu is held.
func (s *AddressSpace) inUse(lo, hi uint64) bool {
	for i := s.find(lo); i < len(s.vmas) && s.vmas[i].lo < hi; i++ {
		if v := &s.vmas[i]; v.prot != 0 && !v.beyond {
			return true
		}
	}
	return false
}

// settleDown maps v, of size bytes, at hint if that is free, else anywhere
// below limit.
//
// Preconditions: s.mu is held.
func (s *AddressSpace) settleDown(v vma, hint, size, limit uint64) (uint64, abi.Errno) {
	v.lo, v.hi = hint, hint+size
	if hint >= abi.MmapMinAddr && v.hi > hint && v.hi <= limit && !s.overlap(v.lo, v.hi) {
		if v.viewed() {
			if (v.lo-v.off-v.obj.base)&(s.gran-1) == 0 && !s.occupied(s.granuleDown(v.lo), s.granuleUp(v.hi)) {
				if err := s.materialize(v); err == 0 {
					return v.lo, 0
				}
			}
		} else if !s.viewIn(v.lo, v.hi) {
			if _, err := s.reserve(v.lo, v.hi); err == 0 {
				return v.lo, s.materialize(v)
			}
		}
	}
	if !v.viewed() {
		align := uint64(abi.PageSize)
		if v.prot == 0 && size >= s.gran {
			// Such a stretch is often filled with other mappings, shared
			// ones among them, which need it.
			align = s.gran
		}
		lo, err := s.place(size, limit, align)
		if err != 0 {
			return 0, err
		}
		v.lo, v.hi = lo, lo+size
		return lo, s.materialize(v)
	}
	lo, err := s.placeView(v, size, limit)
	return lo, err
}

// clearPlace makes room for v at its own place, taking away what is there.
//
// Preconditions: s.mu is held.
func (s *AddressSpace) clearPlace(v *vma) abi.Errno {
	if v.viewed() {
		if err := s.canShow(v.obj, v.off, v.lo, v.hi); err != 0 {
			return err
		}
		return s.unmap(v.lo, v.hi)
	}
	if err := s.canEvict(v.lo, v.hi); err != 0 {
		return err
	}
	if !s.viewIn(v.lo, v.hi) {
		// So that nothing has changed if the host refuses.
		if _, err := s.reserve(v.lo, v.hi); err != 0 {
			return abi.ENOMEM
		}
		return s.unmap(v.lo, v.hi)
	}
	if err := s.unmap(v.lo, v.hi); err != 0 {
		return err
	}
	if err := s.evict(v.lo, v.hi); err != 0 {
		return err
	}
	_, err := s.reserve(v.lo, v.hi)
	return err
}

// materialize makes the pages of a mapping, whose place is free. Where that
// fails nothing is mapped.
//
// Preconditions: s.mu is held; it is released while a file is read. The place
// is reserved, for what is not viewed.
func (s *AddressSpace) materialize(v vma) abi.Errno {
	switch {
	case v.viewed():
		return s.show(v)
	case v.obj != nil:
		return s.fill(v)
	}
	if v.prot != 0 {
		if err := s.supply(v.lo, v.hi, v.prot); err != 0 {
			return err
		}
		v.committed = true
	}
	s.carve(v.lo, v.hi, v)
	if v.flags&vmLocked != 0 {
		s.touch(v.lo, v.hi)
	}
	return 0
}

// show makes the pages of a view.
//
// Preconditions: s.mu is held, canShow.
func (s *AddressSpace) show(v vma) abi.Errno {
	parts := v.split()
	s.carve(v.lo, v.hi, parts...)
	err := abi.Errno(0)
	for _, p := range parts {
		if !p.beyond {
			if err = s.attach(p.obj, p.off, p.lo, p.hi); err == 0 {
				err = s.reprotect(p.lo, p.hi)
			}
		} else if err == 0 && !s.viewIn(s.granuleUp(p.lo), p.hi) {
			s.hold(s.granuleUp(p.lo), s.granuleUp(p.hi))
		}
	}
	if err != 0 {
		s.carve(v.lo, v.hi)
		s.detach(v.lo, v.hi)
		return err
	}
	return 0
}

// fill makes the pages of a private mapping of a file: a copy. The mapping is
// busy while it is read, since that may take long.
//
// Preconditions: s.mu is held; it is released meanwhile.
func (s *AddressSpace) fill(v vma) abi.Errno {
	parts := v.split()
	for i := range parts {
		p := &parts[i]
		if p.beyond {
			continue
		}
		if err := s.supply(p.lo, p.hi, abi.PROT_READ|abi.PROT_WRITE); err != 0 {
			return err
		}
		p.committed, p.busy = true, true
	}
	s.carve(v.lo, v.hi, parts...)
	if !parts[0].busy {
		return 0
	}
	p := parts[0]
	s.mu.Unlock()
	err := readInto(p.obj.file, p.lo, p.hi-p.lo, int64(p.off))
	s.mu.Lock()
	defer s.idle.Broadcast()
	if err == 0 && p.prot != abi.PROT_READ|abi.PROT_WRITE {
		err = s.protect(p.lo, p.hi, p.prot)
	}
	if err != 0 {
		_ = s.decommit(p.lo, p.hi)
		s.carve(v.lo, v.hi)
		return err
	}
	p.busy = false
	s.carve(p.lo, p.hi, p)
	return 0
}

// readInto fills mapped pages from a file; what lies behind its end stays
// zero.
func readInto(f Mappable, lo, size uint64, off int64) abi.Errno {
	for size > 0 {
		n, err := f.PreadAt(rawBytes(lo, min(size, 1<<26)), off)
		if err == abi.EINTR {
			continue
		}
		if err != 0 || n <= 0 {
			return err
		}
		lo, size, off = lo+uint64(n), size-uint64(n), off+int64(n)
	}
	return 0
}

// unmap takes the mappings in [lo, hi) away.
//
// Preconditions: s.mu is held; nothing is busy.
func (s *AddressSpace) unmap(lo, hi uint64) abi.Errno {
	changed, viewed := false, false
	for i := s.find(lo); i < len(s.vmas) && s.vmas[i].lo < hi; i++ {
		changed = true
		v := &s.vmas[i]
		if v.viewed() {
			viewed = true
		} else if v.committed {
			if err := s.decommit(max(lo, v.lo), min(hi, v.hi)); err != 0 {
				return err
			}
		}
	}
	if changed {
		s.carve(lo, hi)
	}
	if viewed {
		s.detach(lo, hi)
	}
	return 0
}

// munmap is the guest's unmap.
func (s *AddressSpace) munmap(lo, hi uint64) abi.Errno {
	s.mu.Lock()
	defer s.unlock()
	if s.hiddenIn(lo, hi) {
		return abi.EINVAL
	}
	s.settle(lo, hi)
	return s.unmap(lo, hi)
}
