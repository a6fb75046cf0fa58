package kernel

import "bee/runtime/abi"

func sysMadvise(t *Task, a Args) (uint64, abi.Errno) {
	s, advice := t.proc.as, int32(a[2])
	switch advice {
	case abi.MADV_NORMAL, abi.MADV_RANDOM, abi.MADV_SEQUENTIAL, abi.MADV_WILLNEED, abi.MADV_DONTNEED, abi.MADV_FREE, abi.MADV_REMOVE,
		abi.MADV_DONTFORK, abi.MADV_DOFORK, abi.MADV_WIPEONFORK, abi.MADV_KEEPONFORK, abi.MADV_MERGEABLE, abi.MADV_UNMERGEABLE,
		abi.MADV_HUGEPAGE, abi.MADV_NOHUGEPAGE, abi.MADV_DONTDUMP, abi.MADV_DODUMP, abi.MADV_COLD, abi.MADV_PAGEOUT,
		abi.MADV_POPULATE_READ, abi.MADV_POPULATE_WRITE, abi.MADV_DONTNEED_LOCKED:
	case abi.MADV_HWPOISON, abi.MADV_SOFT_OFFLINE:
		return 0, abi.EPERM // no memory of the machine is the program's to take away
	default:
		return 0, abi.EINVAL
	}
	if a[0]&pageMask != 0 || (a[1] != 0 && pageUp(a[1]) == 0) || a[0]+pageUp(a[1]) < a[0] {
		return 0, abi.EINVAL
	}
	if a[1] == 0 {
		return 0, 0
	}
	lo, hi, ok := s.guestRange(a[0], a[1])
	if !ok {
		return 0, abi.ENOMEM
	}
	// Linux does what it can before it reports a hole.
	switch advice {
	case abi.MADV_DONTNEED, abi.MADV_DONTNEED_LOCKED:
		if err := s.mayDiscard(lo, hi, advice == abi.MADV_DONTNEED_LOCKED); err != 0 {
			return 0, err
		}
		if err := s.discard(lo, hi); err != 0 {
			return 0, err
		}
	case abi.MADV_FREE:
		if err := s.each(lo, hi, func(v *vma) bool { return v.file == nil }); err != 0 {
			return 0, err
		}
	case abi.MADV_COLD, abi.MADV_PAGEOUT:
		if err := s.each(lo, hi, func(v *vma) bool { return v.flags&vmLocked == 0 }); err != 0 {
			return 0, err
		}
	case abi.MADV_REMOVE:
		if err := s.remove(lo, hi); err != 0 {
			return 0, err
		}
	case abi.MADV_POPULATE_READ, abi.MADV_POPULATE_WRITE:
		return 0, s.populateFor(lo, hi, advice == abi.MADV_POPULATE_WRITE)
	case abi.MADV_DONTFORK:
		return 0, s.change(lo, hi, vmDontFork, 0, nil)
	case abi.MADV_DOFORK:
		return 0, s.change(lo, hi, 0, vmDontFork, nil)
	case abi.MADV_WIPEONFORK:
		return 0, s.change(lo, hi, vmWipeOnFork, 0, func(v *vma) abi.Errno {
			if v.file != nil || v.flags&vmShared != 0 {
				return abi.EINVAL
			}
			return 0
		})
	case abi.MADV_KEEPONFORK:
		return 0, s.change(lo, hi, 0, vmWipeOnFork, nil)
	}
	return 0, s.isMapped(lo, hi)
}

// each tells EINVAL unless ok holds for all mappings in [lo, hi).
func (s *AddressSpace) each(lo, hi uint64, ok func(v *vma) bool) abi.Errno {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for i := s.find(lo); i < len(s.vmas) && s.vmas[i].lo < hi; i++ {
		if !ok(&s.vmas[i]) {
			return abi.EINVAL
		}
	}
	return 0
}

// mayDiscard: memory that is locked keeps its content, unless that is asked
// for by name.
func (s *AddressSpace) mayDiscard(lo, hi uint64, locked bool) abi.Errno {
	return s.each(lo, hi, func(v *vma) bool { return locked || v.flags&vmLocked == 0 })
}

func sysProcessMadvise(*Task, Args) (uint64, abi.Errno) { return 0, abi.EBADF }

func sysMincore(t *Task, a Args) (uint64, abi.Errno) {
	s := t.proc.as
	if a[0]&pageMask != 0 {
		return 0, abi.EINVAL
	}
	lo, hi, ok := s.guestRange(a[0], a[1])
	if !ok {
		return 0, abi.ENOMEM
	}
	n := (hi - lo) / abi.PageSize
	if t.accessible(a[2], n, true) < n {
		return 0, abi.EFAULT
	}
	if err := s.isMapped(lo, hi); err != 0 || n == 0 {
		return 0, err
	}
	vec := make([]byte, n)
	if err := s.resident(lo, hi, vec); err != 0 {
		return 0, err
	}
	return 0, t.CopyOut(a[2], vec)
}

func sysMsync(t *Task, a Args) (uint64, abi.Errno) {
	flags := uint32(a[2])
	const both = abi.MS_ASYNC | abi.MS_SYNC
	if flags&^(both|abi.MS_INVALIDATE) != 0 || flags&both == both || a[0]&pageMask != 0 {
		return 0, abi.EINVAL
	}
	if a[1] != 0 && pageUp(a[1]) == 0 {
		return 0, abi.ENOMEM
	}
	lo, hi, ok := t.proc.as.guestRange(a[0], a[1])
	if !ok {
		return 0, abi.ENOMEM
	}
	if lo == hi {
		return 0, 0
	}
	files, err := t.proc.as.sync(lo, hi, flags&abi.MS_SYNC != 0, flags&abi.MS_INVALIDATE != 0)
	for _, f := range files {
		if h, ok := f.Handle(); ok {
			if e := t.proc.files.host.Sync(h); e != 0 && err == 0 {
				err = e
			}
		}
		f.Release()
	}
	return 0, err
}

func sysMlock(t *Task, a Args) (uint64, abi.Errno) {
	s, l := t.proc.as, t.memoryLimits()
	lo := pageDown(a[0])
	size := pageUp(a[0] - lo + a[1])
	if l.locked == 0 && !l.mayLock {
		return 0, abi.EPERM
	}
	if size == 0 || lo+size < lo {
		if a[1] == 0 {
			return 0, 0
		}
		return 0, abi.EINVAL
	}
	if !l.mayLock {
		if s.lockedBeside(lo, lo+size)+size > l.locked&^pageMask {
			return 0, abi.ENOMEM
		}
	}
	if lo+size > s.top {
		return 0, abi.ENOMEM
	}
	if err := s.change(lo, lo+size, vmLocked, 0, nil); err != 0 {
		return 0, err
	}
	// Pages without access cannot be brought in.
	err := s.each(lo, lo+size, func(v *vma) bool { return v.prot != 0 && !v.beyond })
	s.populate(lo, lo+size)
	if err != 0 {
		return 0, abi.ENOMEM
	}
	return 0, 0
}

// lockedBeside tells how many bytes are locked outside [lo, hi).
func (s *AddressSpace) lockedBeside(lo, hi uint64) uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	n := s.locked
	for i := s.find(lo); i < len(s.vmas) && s.vmas[i].lo < hi; i++ {
		if v := &s.vmas[i]; v.flags&vmLocked != 0 && !v.hidden {
			n -= min(hi, v.hi) - max(lo, v.lo)
		}
	}
	return n
}

func sysMlock2(t *Task, a Args) (uint64, abi.Errno) {
	if uint32(a[2])&^abi.MLOCK_ONFAULT != 0 {
		return 0, abi.EINVAL
	}
	return sysMlock(t, a)
}

func sysMunlock(t *Task, a Args) (uint64, abi.Errno) {
	s := t.proc.as
	lo := pageDown(a[0])
	size := pageUp(a[0] - lo + a[1])
	switch {
	case a[1] == 0:
		return 0, 0
	case size == 0 || lo+size < lo:
		return 0, abi.EINVAL
	case lo+size > s.top:
		return 0, abi.ENOMEM
	}
	return 0, s.change(lo, lo+size, 0, vmLocked, nil)
}

func sysMlockall(t *Task, a Args) (uint64, abi.Errno) {
	s, l, flags := t.proc.as, t.memoryLimits(), uint32(a[0])
	switch {
	case flags == 0 || flags&^(abi.MCL_CURRENT|abi.MCL_FUTURE|abi.MCL_ONFAULT) != 0 || flags == abi.MCL_ONFAULT:
		return 0, abi.EINVAL
	case l.locked == 0 && !l.mayLock:
		return 0, abi.EPERM
	}
	s.mu.Lock()
	if !l.mayLock && flags&abi.MCL_CURRENT != 0 && s.mapped > l.locked {
		s.mu.Unlock()
		return 0, abi.ENOMEM
	}
	s.lockFuture = flags&abi.MCL_FUTURE != 0
	s.mu.Unlock()
	if flags&abi.MCL_CURRENT != 0 {
		_ = s.change(0, s.top, vmLocked, 0, nil) // there are holes
		if flags&abi.MCL_ONFAULT == 0 {
			s.populate(0, s.top)
		}
	}
	return 0, 0
}

func sysMunlockall(t *Task, _ Args) (uint64, abi.Errno) {
	s := t.proc.as
	s.mu.Lock()
	s.lockFuture = false
	s.mu.Unlock()
	_ = s.change(0, s.top, 0, vmLocked, nil)
	return 0, 0
}

// sysRemapFilePages shows other pages of the file that is mapped at an address:
// mmap anew, as Linux does it since 4.0.
func sysRemapFilePages(t *Task, a Args) (uint64, abi.Errno) {
	s := t.proc.as
	addr, size, off := pageDown(a[0]), pageDown(a[1]), a[3]<<12
	if a[2] != 0 || addr+size <= addr || off+size < off {
		return 0, abi.EINVAL
	}
	s.mu.Lock()
	defer s.unlock()
	s.settle(addr, addr+size)
	i := s.find(addr)
	if i == len(s.vmas) || s.vmas[i].lo > addr || !s.vmas[i].viewed() {
		return 0, abi.EINVAL
	}
	v := s.vmas[i]
	for end := v.hi; end < addr+size; {
		i++
		if i == len(s.vmas) || s.vmas[i].lo != end || s.vmas[i].file != v.file || s.vmas[i].flags != v.flags {
			return 0, abi.EINVAL
		}
		end = s.vmas[i].hi
	}
	v.lo, v.hi, v.off, v.beyond = addr, addr+size, off, false
	if err := s.canShow(v.obj, v.off, v.lo, v.hi); err != 0 {
		return 0, err
	}
	keep := v.obj
	keep.bytes++ // it must not go while it is mapped nowhere
	err := s.unmap(v.lo, v.hi)
	if err == 0 {
		err = s.show(v)
	}
	if keep.bytes--; keep.bytes == 0 {
		s.dead = append(s.dead, keep)
	}
	return 0, err
}
