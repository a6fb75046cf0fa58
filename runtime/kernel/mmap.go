package kernel

import (
	"encoding/binary"

	"bee/image"
	"bee/runtime/abi"
)

func memoryCalls() []Call {
	const (
		mapNote = "private file mappings are copies made at the call; shared ones at fixed addresses must be congruent to the offset modulo 64 KiB and have these 64 KiB for themselves, " +
			"else EINVAL; no MAP_HUGETLB, no MAP_GROWSDOWN; nothing becomes executable"
		lockNote = "counted against RLIMIT_MEMLOCK and brought into memory, but the host may still page it out"
	)
	return []Call{
		{Name: "brk", Handler: sysBrk, Support: Full},
		{Name: "mmap", Handler: sysOldMmap, Support: Partial, Note: mapNote, Arch: image.I386},
		{Name: "mmap2", Handler: sysMmap2, Support: Partial, Note: mapNote, Arch: image.I386},
		{Name: "mmap", Handler: sysMmap, Support: Partial, Note: mapNote, Arch: image.AMD64},
		{Name: "munmap", Handler: sysMunmap, Support: Full},
		{Name: "mprotect", Handler: sysMprotect, Support: Partial, Note: "nothing becomes executable"},
		{Name: "mremap", Handler: sysMremap, Support: Partial, Note: "shared mappings move to addresses that are congruent to the offset modulo 64 KiB only, else EINVAL"},
		{Name: "madvise", Handler: sysMadvise, Support: Partial, Note: "does MADV_DONTNEED, MADV_REMOVE, MADV_POPULATE_READ and _WRITE; other advice is checked, taken and forgotten"},
		{Name: "process_madvise", Handler: sysProcessMadvise, Support: Partial, Note: "there are no pidfds: EBADF"},
		{Name: "mincore", Handler: sysMincore, Support: Partial, Note: "pages of files count while this process uses them"},
		{Name: "msync", Handler: sysMsync, Support: Full},
		{Name: "mlock", Handler: sysMlock, Support: Partial, Note: lockNote},
		{Name: "mlock2", Handler: sysMlock2, Support: Partial, Note: lockNote},
		{Name: "munlock", Handler: sysMunlock, Support: Full},
		{Name: "mlockall", Handler: sysMlockall, Support: Partial, Note: lockNote},
		{Name: "munlockall", Handler: sysMunlockall, Support: Full},
		{Name: "remap_file_pages", Handler: sysRemapFilePages, Support: Partial, Note: "as mmap of the file at a fixed address"},
	}
}

// sysOK answers calls that succeed without doing anything.
func sysOK(*Task, Args) (uint64, abi.Errno) { return 0, 0 }

func sysOldMmap(t *Task, a Args) (uint64, abi.Errno) {
	m, err := t.Bytes(a[0], abi.SizeofI386MmapArgs, false)
	if err != 0 {
		return 0, err
	}
	var b Args
	for i := range b {
		b[i] = uint64(binary.LittleEndian.Uint32(m[4*i:]))
	}
	return sysMmap(t, b)
}

func sysMmap2(t *Task, a Args) (uint64, abi.Errno) {
	a[5] <<= 12
	return sysMmap(t, a)
}

func sysMmap(t *Task, a Args) (uint64, abi.Errno) {
	s := t.proc.as
	addr, size, prot, flags, off := a[0], a[1], a[2], uint32(a[3]), a[5]
	if off&pageMask != 0 {
		return 0, abi.EINVAL
	}
	var file mappedFile
	if flags&abi.MAP_ANONYMOUS == 0 {
		var err abi.Errno
		if file, err = t.mappable(int32(a[4])); err != 0 {
			return 0, err
		}
	}
	m, err := t.checkMmap(addr, size, prot, flags, off, file)
	if err != 0 {
		if file.f != nil {
			file.Release()
		}
		return 0, err
	}
	at, err := s.mmap(m)
	if err == abi.ENOMEM && m.prot != 0 && size >= 1<<30 {
		t.proc.logOnce("commit", "the program asks for %d MiB of usable memory at once, which is more than there is: it gets ENOMEM", size>>20)
	}
	if err == 0 && (flags&abi.MAP_POPULATE != 0 && flags&abi.MAP_NONBLOCK == 0 || m.flags&vmLocked != 0) {
		s.populate(at, at+pageUp(size))
	}
	return at, err
}

// checkMmap turns the arguments into a request, in the order in which Linux
// looks at them. The request takes over the file's reference.
func (t *Task) checkMmap(addr, size, prot uint64, flags uint32, off uint64, file mappedFile) (mapping, abi.Errno) {
	s := t.proc.as
	var m mapping
	switch {
	case size == 0:
		return m, abi.EINVAL
	case size > s.top || pageUp(size) < size:
		return m, abi.ENOMEM
	case off+pageUp(size) < off:
		return m, abi.EOVERFLOW
	}
	m = mapping{
		addr: addr, size: size, call: "mmap", off: off, limits: t.memoryLimits(),
		prot:      uint8(prot & (abi.PROT_READ | abi.PROT_WRITE | abi.PROT_EXEC)),
		fixed:     flags&(abi.MAP_FIXED|abi.MAP_FIXED_NOREPLACE) != 0,
		noReplace: flags&abi.MAP_FIXED_NOREPLACE != 0,
	}
	if m.fixed {
		switch {
		case addr&pageMask != 0:
			return m, abi.EINVAL
		case addr+pageUp(size) < addr || addr+pageUp(size) > s.top:
			return m, abi.ENOMEM
		case addr < abi.MmapMinAddr:
			return m, abi.EPERM
		}
	}
	if flags&abi.MAP_LOCKED != 0 {
		if m.limits.locked == 0 && !m.limits.mayLock {
			return m, abi.EPERM
		}
		m.flags |= vmLocked
	}
	switch flags & abi.MAP_TYPE {
	case abi.MAP_PRIVATE:
	case abi.MAP_SHARED:
		m.flags |= vmShared
	case abi.MAP_SHARED_VALIDATE:
		if file.f != nil {
			// Flags that only some file systems take, MAP_SYNC among them.
			const known = abi.MAP_TYPE | abi.MAP_FIXED | abi.MAP_ANONYMOUS | abi.MAP_32BIT | abi.MAP_GROWSDOWN | abi.MAP_DENYWRITE | abi.MAP_EXECUTABLE |
				abi.MAP_LOCKED | abi.MAP_NORESERVE | abi.MAP_POPULATE | abi.MAP_NONBLOCK | abi.MAP_STACK | abi.MAP_HUGETLB | abi.MAP_UNINITIALIZED |
				abi.MAP_HUGE_MASK<<abi.MAP_HUGE_SHIFT
			if flags&^uint32(known|abi.MAP_FIXED_NOREPLACE) != 0 {
				return m, abi.EOPNOTSUPP
			}
			m.flags |= vmShared
			break
		}
		return m, abi.EINVAL
	default:
		return m, abi.EINVAL
	}
	shared := m.flags&vmShared != 0
	if flags&abi.MAP_32BIT != 0 && t.is64() {
		m.limit = 2 << 30
	}
	if file.f == nil {
		if flags&abi.MAP_HUGETLB != 0 {
			return m, abi.ENOMEM // no such pages are set aside
		}
		m.off = 0
		m.shared = shared
		return m, 0
	}
	switch {
	case !file.f.readable():
		return m, abi.EACCES
	case file.isZero():
		m.off = 0
		if m.shared = shared; !shared {
			m.flags &^= vmShared
		}
		file.Release()
		return m, 0
	case shared && m.prot&abi.PROT_WRITE != 0 && !file.f.writable():
		return m, abi.EACCES
	}
	if seals := file.seals(); shared && seals&(abi.F_SEAL_WRITE|abi.F_SEAL_FUTURE_WRITE) != 0 {
		if m.prot&abi.PROT_WRITE != 0 {
			return m, abi.EPERM
		}
		m.flags |= vmNoWrite
	}
	if _, ok := file.Handle(); shared && !ok && m.prot&abi.PROT_WRITE != 0 {
		return m, abi.ENODEV
	}
	m.open = file
	return m, 0
}

// memoryLimits tells the limits that mappings have to keep.
func (t *Task) memoryLimits() *memoryLimits {
	p := t.proc
	p.mu.Lock()
	defer p.mu.Unlock()
	return &memoryLimits{
		space: p.limits[abi.RLIMIT_AS].cur, data: p.limits[abi.RLIMIT_DATA].cur, locked: p.limits[abi.RLIMIT_MEMLOCK].cur,
		mayLock: p.uid == 0,
	}
}

// guestRange checks and rounds the range that a call was given.
func (s *AddressSpace) guestRange(addr, size uint64) (lo, hi uint64, ok bool) {
	hi = addr + pageUp(size)
	return addr, hi, addr&pageMask == 0 && pageUp(size) >= size && hi >= addr && hi <= s.top
}

func sysMunmap(t *Task, a Args) (uint64, abi.Errno) {
	lo, hi, ok := t.proc.as.guestRange(a[0], a[1])
	if !ok || a[1] == 0 {
		return 0, abi.EINVAL
	}
	return 0, t.proc.as.munmap(lo, hi)
}

func sysMprotect(t *Task, a Args) (uint64, abi.Errno) {
	const grows = abi.PROT_GROWSDOWN | abi.PROT_GROWSUP
	s, prot := t.proc.as, uint32(a[2])
	if a[0]&pageMask != 0 || prot&grows == grows || prot&^(grows|abi.PROT_READ|abi.PROT_WRITE|abi.PROT_EXEC|abi.PROT_SEM) != 0 {
		return 0, abi.EINVAL
	}
	if a[1] == 0 {
		return 0, 0
	}
	lo, hi, ok := s.guestRange(a[0], a[1])
	if !ok {
		return 0, abi.ENOMEM
	}
	if prot&grows != 0 {
		return 0, abi.EINVAL // no mapping grows by itself
	}
	return 0, s.mprotect(lo, hi, uint8(prot&7), false, "mprotect", t.memoryLimits())
}

func sysMremap(t *Task, a Args) (uint64, abi.Errno) {
	s := t.proc.as
	r := remap{addr: a[0], oldSize: pageUp(a[1]), newSize: pageUp(a[2]), flags: uint32(a[3]), to: a[4]}
	const known = abi.MREMAP_FIXED | abi.MREMAP_MAYMOVE | abi.MREMAP_DONTUNMAP
	switch {
	case r.flags&^known != 0,
		r.flags&(abi.MREMAP_FIXED|abi.MREMAP_DONTUNMAP) != 0 && r.flags&abi.MREMAP_MAYMOVE == 0,
		r.flags&abi.MREMAP_DONTUNMAP != 0 && r.oldSize != r.newSize,
		r.addr&pageMask != 0,
		r.newSize == 0:
		return 0, abi.EINVAL
	case r.addr > s.top:
		return 0, abi.EFAULT
	case r.newSize > s.top:
		return 0, abi.ENOMEM
	}
	if r.addr+r.oldSize > s.top || r.addr+r.oldSize < r.addr {
		return 0, abi.EFAULT
	}
	// Where the old place stays mapped, the new address is only a hint, and
	// checked all the same.
	if r.flags&(abi.MREMAP_FIXED|abi.MREMAP_DONTUNMAP) != 0 {
		if r.to&pageMask != 0 || r.to+r.newSize > s.top || r.to+r.newSize < r.to || (r.to < r.addr+r.oldSize && r.addr < r.to+r.newSize) {
			return 0, abi.EINVAL
		}
		if r.to < abi.MmapMinAddr && r.flags&abi.MREMAP_FIXED != 0 {
			return 0, abi.EPERM
		}
	}
	r.limits = t.memoryLimits()
	return s.mremap(r)
}

// isMapped tells ENOMEM unless the guest's mappings cover [lo, hi).
func (s *AddressSpace) isMapped(lo, hi uint64) abi.Errno {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if !s.covered(lo, hi) || s.hiddenIn(lo, hi) {
		return abi.ENOMEM
	}
	return 0
}
