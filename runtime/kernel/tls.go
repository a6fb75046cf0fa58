package kernel

import (
	"encoding/binary"

	"bee/image"
	"bee/runtime/abi"
)

// userDesc is an entry of the GDT that a thread may change (struct user_desc).
type userDesc struct {
	base, limit, flags uint32
}

const (
	// firstTLSEntry is the first of the three GDT entries that a 64-bit
	// kernel gives to 32-bit threads; glibc puts 0x63 into %gs then.
	firstTLSEntry = 12
	// userDescEmpty are the flags read_exec_only and seg_not_present, which
	// with everything else zero mean an unused entry.
	userDescEmpty = 1<<3 | 1<<5
)

func (d userDesc) empty() bool {
	return d.base == 0 && d.limit == 0 && (d.flags == userDescEmpty || d.flags == 0)
}

func tlsCalls() []Call {
	return []Call{
		{Name: "set_thread_area", Handler: sysSetThreadArea, Support: Full, Arch: image.I386},
		{Name: "get_thread_area", Handler: sysGetThreadArea, Support: Full, Arch: image.I386},
		{Name: "arch_prctl", Handler: sysArchPrctl, Support: Partial, Note: "the base of %gs is kept and told, and used by no instruction; no permissions for AMX", Arch: image.AMD64},
		{Name: "arch_prctl", Handler: sysArchPrctlCPU, Support: Full, Arch: image.I386},
	}
}

// GS tells the selector that the guest sees in %gs (IA-32).
func (t *Task) GS() uint16 { return t.gs }

// FS tells the selector that the guest sees in %fs (IA-32).
func (t *Task) FS() uint16 { return t.fs }

// FSBase tells what %fs adds to addresses (IA-32).
func (t *Task) FSBase() uint64 {
	base, _ := t.segmentBase(t.fs)
	return uint64(base)
}

// GSBase tells the base of %gs (x86-64), which is kept for arch_prctl and
// rdgsbase; SetGSBase changes it.
func (t *Task) GSBase() uint64 { return t.gsBase }

// SetGSBase carries out wrgsbase.
func (t *Task) SetGSBase(base uint64) { t.gsBase = base }

// LoadGS carries out a move to %gs: the thread pointer becomes the base of the
// selected entry. EINVAL stands for the fault that the processor would raise.
func (t *Task) LoadGS(sel uint16) abi.Errno {
	base, err := t.segmentBase(sel)
	if err == 0 {
		err = t.cpu.SetThreadPointer(uint64(base))
	}
	if err == 0 {
		t.gs = sel
	}
	return err
}

// LoadFS carries out a move to %fs.
func (t *Task) LoadFS(sel uint16) abi.Errno {
	_, err := t.segmentBase(sel)
	if err == 0 {
		t.fs = sel
	}
	return err
}

// segmentBase looks a selector up. Besides the entries of the thread there
// are the flat code and data segments of 32-bit programs.
func (t *Task) segmentBase(sel uint16) (uint32, abi.Errno) {
	switch sel &^ 3 {
	case 0, 0x20, 0x28:
		return 0, 0
	}
	i := int(sel>>3) - firstTLSEntry
	if sel&4 != 0 || i < 0 || i >= len(t.tls) || t.tls[i].empty() || t.tls[i].flags&(1<<5) != 0 {
		return 0, abi.EINVAL
	}
	return t.tls[i].base, 0
}

func sysSetThreadArea(t *Task, a Args) (uint64, abi.Errno) {
	m, err := t.Bytes(a[0], abi.SizeofI386UserDesc, true)
	if err != 0 {
		return 0, err
	}
	d := userDesc{
		base:  binary.LittleEndian.Uint32(m[abi.I386UserDescBaseAddr:]),
		limit: binary.LittleEndian.Uint32(m[abi.I386UserDescLimit:]),
		flags: binary.LittleEndian.Uint32(m[abi.I386UserDescLimit+4:]),
	}
	i := int(int32(binary.LittleEndian.Uint32(m[abi.I386UserDescEntryNumber:])))
	if i == -1 {
		for j := range t.tls {
			if t.tls[j].empty() {
				i = firstTLSEntry + j
				break
			}
		}
		if i == -1 {
			return 0, abi.ESRCH
		}
		binary.LittleEndian.PutUint32(m[abi.I386UserDescEntryNumber:], uint32(i))
	}
	j := i - firstTLSEntry
	if j < 0 || j >= len(t.tls) {
		return 0, abi.EINVAL
	}
	if !d.empty() && d.flags&1 == 0 {
		return 0, abi.EINVAL // Linux refuses 16-bit segments here
	}
	t.tls[j] = d
	if int(t.gs>>3) == i && t.gs&4 == 0 {
		return 0, t.cpu.SetThreadPointer(uint64(d.base))
	}
	return 0, 0
}

func sysGetThreadArea(t *Task, a Args) (uint64, abi.Errno) {
	m, err := t.Bytes(a[0], abi.SizeofI386UserDesc, true)
	if err != 0 {
		return 0, err
	}
	j := int(int32(binary.LittleEndian.Uint32(m[abi.I386UserDescEntryNumber:]))) - firstTLSEntry
	if j < 0 || j >= len(t.tls) {
		return 0, abi.EINVAL
	}
	d := t.tls[j]
	if d.empty() {
		d.flags = userDescEmpty
	}
	binary.LittleEndian.PutUint32(m[abi.I386UserDescBaseAddr:], d.base)
	binary.LittleEndian.PutUint32(m[abi.I386UserDescLimit:], d.limit)
	binary.LittleEndian.PutUint32(m[abi.I386UserDescLimit+4:], d.flags)
	return 0, 0
}

// sysArchPrctl serves the thread pointer. %gs belongs to the host: its base is
// kept as a number, since programs set it to 0 or save and restore it; the
// rewriter refuses those whose instructions use it.
func sysArchPrctl(t *Task, a Args) (uint64, abi.Errno) {
	const end = 1<<47 - abi.PageSize // TASK_SIZE_MAX
	switch uint32(a[0]) {
	case abi.ARCH_SET_FS, abi.ARCH_SET_GS:
		if a[1] >= end {
			return 0, abi.EPERM
		}
		if uint32(a[0]) == abi.ARCH_SET_GS {
			t.gsBase = a[1]
			return 0, 0
		}
		return 0, t.cpu.SetThreadPointer(a[1])
	case abi.ARCH_GET_FS:
		return 0, t.WriteUint64(a[1], t.cpu.ThreadPointer())
	case abi.ARCH_GET_GS:
		return 0, t.WriteUint64(a[1], t.gsBase)
	}
	return sysArchPrctlCPU(t, a)
}

// sysArchPrctlCPU serves what both architectures have.
func sysArchPrctlCPU(_ *Task, a Args) (uint64, abi.Errno) {
	switch uint32(a[0]) {
	case abi.ARCH_GET_CPUID:
		return 1, 0 // CPUID does not fault
	case abi.ARCH_SET_CPUID:
		return 0, abi.ENODEV
	}
	return 0, abi.EINVAL // the shadow stack among others: programs go on without
}
