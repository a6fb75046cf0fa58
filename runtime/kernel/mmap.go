package kernel

import (
	"encoding/binary"

	"bee/image"
	"bee/runtime/abi"
)

func memoryCalls() []Call {
	const mapNote = "file mappings are copies made at the call; shared writable ones answer EINVAL; nothing becomes executable"
	return []Call{
		{Name: "brk", Handler: sysBrk, Support: Full},
		{Name: "mmap", Handler: sysOldMmap, Support: Partial, Note: mapNote, Arch: image.I386},
		{Name: "mmap2", Handler: sysMmap2, Support: Partial, Note: mapNote, Arch: image.I386},
		{Name: "mmap", Handler: sysMmap, Support: Partial, Note: mapNote, Arch: image.AMD64},
		{Name: "munmap", Handler: sysMunmap, Support: Full},
		{Name: "mprotect", Handler: sysMprotect, Support: Partial, Note: "nothing becomes executable"},
		{Name: "mremap", Handler: sysMremap, Support: Partial, Note: "no MREMAP_DONTUNMAP, no second view (old size 0)"},
		{Name: "madvise", Handler: sysMadvise, Support: Partial, Note: "MADV_DONTNEED on private anonymous memory; other advice is taken and forgotten"},
		{Name: "mincore", Handler: sysMincore, Support: Partial, Note: "every page counts as resident"},
		{Name: "msync", Handler: sysMsync, Support: Full},
		{Name: "mlock", Handler: sysMlock, Support: Partial, Note: "nothing is locked"},
		{Name: "mlock2", Handler: sysMlock, Support: Partial, Note: "nothing is locked"},
		{Name: "munlock", Handler: sysMlock, Support: Partial, Note: "nothing is locked"},
		{Name: "mlockall", Handler: sysOK, Support: Partial, Note: "nothing is locked"},
		{Name: "munlockall", Handler: sysOK, Support: Partial, Note: "nothing is locked"},
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
	var file Mappable
	if flags&abi.MAP_ANONYMOUS == 0 {
		var err abi.Errno
		if file, err = t.mappable(int32(a[4])); err != 0 {
			return 0, err
		}
	}
	switch {
	case size == 0:
		return 0, abi.EINVAL
	case size > s.top || pageUp(size) < size:
		return 0, abi.ENOMEM
	}
	m := mapping{
		addr: addr, size: size, call: "mmap",
		prot:      uint8(prot & (abi.PROT_READ | abi.PROT_WRITE | abi.PROT_EXEC)),
		fixed:     flags&(abi.MAP_FIXED|abi.MAP_FIXED_NOREPLACE) != 0,
		noReplace: flags&abi.MAP_FIXED_NOREPLACE != 0,
	}
	switch flags & abi.MAP_TYPE {
	case abi.MAP_PRIVATE:
	case abi.MAP_SHARED, abi.MAP_SHARED_VALIDATE:
		m.flags = vmShared
	default:
		return 0, abi.EINVAL
	}
	if flags&abi.MAP_32BIT != 0 && t.is64() {
		m.limit = 2 << 30
	}
	if m.fixed {
		switch {
		case addr&pageMask != 0:
			return 0, abi.EINVAL
		case addr+pageUp(size) < addr || addr+pageUp(size) > s.top:
			return 0, abi.ENOMEM
		case addr < abi.MmapMinAddr:
			return 0, abi.EPERM
		}
	}
	if file != nil {
		info := file.MapInfo()
		if !info.Readable {
			return 0, abi.EACCES
		}
		if m.flags == vmShared && m.prot&abi.PROT_WRITE != 0 {
			if !info.Writable {
				return 0, abi.EACCES
			}
			s.sharedRefused.Add(1)
			t.proc.logOnce("shared", "a file is mapped shared and writable (%s), which is not supported yet: the program gets EINVAL", info.Path)
			return 0, abi.EINVAL
		}
		m.file, m.off = &info, off
		m.fill = func(lo, size uint64) abi.Errno { return readInto(file, lo, size, int64(off)) }
	}
	at, err := s.mmap(m)
	if err == abi.ENOMEM && m.prot != 0 && size >= 1<<30 {
		t.proc.logOnce("commit", "the program asks for %d MiB of usable memory at once, which is more than there is: it gets ENOMEM", size>>20)
	}
	return at, err
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
	return 0, s.mprotect(lo, hi, uint8(prot&7), false, "mprotect")
}

func sysMremap(t *Task, a Args) (uint64, abi.Errno) {
	s := t.proc.as
	addr, oldSize, newSize, flags, to := a[0], pageUp(a[1]), pageUp(a[2]), uint32(a[3]), a[4]
	switch {
	case flags&^(abi.MREMAP_FIXED|abi.MREMAP_MAYMOVE) != 0,
		flags&abi.MREMAP_FIXED != 0 && flags&abi.MREMAP_MAYMOVE == 0,
		addr&pageMask != 0,
		newSize == 0:
		return 0, abi.EINVAL
	case addr > s.top:
		return 0, abi.EFAULT
	case newSize > s.top:
		return 0, abi.ENOMEM
	}
	if addr+oldSize > s.top || addr+oldSize < addr {
		return 0, abi.EFAULT
	}
	if flags&abi.MREMAP_FIXED != 0 {
		if to&pageMask != 0 || to+newSize > s.top || to+newSize < to || (to < addr+oldSize && addr < to+newSize) {
			return 0, abi.EINVAL
		}
		if to < abi.MmapMinAddr {
			return 0, abi.EPERM
		}
	}
	return s.mremap(addr, oldSize, newSize, flags, to)
}

// mapped checks a range like the calls that answer ENOMEM for holes.
func (s *AddressSpace) mapped(addr, size uint64) abi.Errno {
	lo, hi, ok := s.guestRange(addr, size)
	if !ok {
		return abi.ENOMEM
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if !s.covered(lo, hi) || s.hiddenIn(lo, hi) {
		return abi.ENOMEM
	}
	return 0
}

func sysMadvise(t *Task, a Args) (uint64, abi.Errno) {
	s, advice := t.proc.as, int32(a[2])
	if a[0]&pageMask != 0 || (a[1] != 0 && pageUp(a[1]) == 0) {
		return 0, abi.EINVAL
	}
	switch advice {
	case abi.MADV_NORMAL, abi.MADV_RANDOM, abi.MADV_SEQUENTIAL, abi.MADV_WILLNEED, abi.MADV_DONTNEED, abi.MADV_FREE,
		abi.MADV_DONTFORK, abi.MADV_DOFORK, abi.MADV_MERGEABLE, abi.MADV_UNMERGEABLE, abi.MADV_HUGEPAGE, abi.MADV_NOHUGEPAGE,
		abi.MADV_DONTDUMP, abi.MADV_DODUMP, abi.MADV_COLD, abi.MADV_PAGEOUT:
	default:
		return 0, abi.EINVAL
	}
	if a[1] == 0 {
		return 0, 0
	}
	if advice == abi.MADV_DONTNEED {
		// Linux does what it can before it reports a hole.
		if lo, hi, ok := s.guestRange(a[0], a[1]); ok {
			if err := s.discard(lo, hi); err != 0 {
				return 0, err
			}
		}
	}
	return 0, s.mapped(a[0], a[1])
}

func sysMincore(t *Task, a Args) (uint64, abi.Errno) {
	if a[0]&pageMask != 0 {
		return 0, abi.EINVAL
	}
	if err := t.proc.as.mapped(a[0], a[1]); err != 0 {
		return 0, err
	}
	m, err := t.Bytes(a[2], pageUp(a[1])/abi.PageSize, true)
	for i := range m {
		m[i] = 1
	}
	return 0, err
}

func sysMsync(t *Task, a Args) (uint64, abi.Errno) {
	flags := uint32(a[2])
	const both = abi.MS_ASYNC | abi.MS_SYNC
	if flags&^(both|abi.MS_INVALIDATE) != 0 || flags&both == both || a[0]&pageMask != 0 {
		return 0, abi.EINVAL
	}
	return 0, t.proc.as.mapped(a[0], a[1])
}

func sysMlock(t *Task, a Args) (uint64, abi.Errno) {
	lo := pageDown(a[0])
	return 0, t.proc.as.mapped(lo, a[0]-lo+a[1])
}
