//go:build linux

package linuxhost

import (
	"sort"
	"unsafe"

	"golang.org/x/sys/unix"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// A section is a descriptor of its own; size is where views end, as on
// Windows, whatever becomes of the file.
type section struct {
	size  int64
	write bool
}

// NewSection duplicates the descriptor, or makes memory that has one.
func (m *Memory) NewSection(h host.Handle, size int64, write bool) (host.Section, abi.Errno) {
	if size <= 0 {
		return 0, abi.EINVAL
	}
	var fd int
	var err error
	if h == host.NoHandle {
		if fd, err = unix.MemfdCreate("section", unix.MFD_CLOEXEC); err == nil {
			err = unix.Ftruncate(fd, size)
		}
	} else {
		fd, err = unix.FcntlInt(uintptr(h), unix.F_DUPFD_CLOEXEC, 0)
		var st unix.Stat_t
		if err == nil {
			if err = unix.Fstat(fd, &st); err == nil && st.Size < size {
				err = unix.EINVAL
			}
		}
	}
	if err != nil {
		if fd > 0 {
			_ = unix.Close(fd)
		}
		return 0, errno(err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sections == nil {
		m.sections = map[host.Section]section{}
	}
	m.sections[host.Section(fd)] = section{size, write}
	return host.Section(fd), 0
}

// CloseSection closes the section's descriptor.
func (m *Memory) CloseSection(s host.Section) abi.Errno {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.sections[s]; !ok {
		return abi.EBADF
	}
	delete(m.sections, s)
	return errno(unix.Close(int(s)))
}

// MapView maps the descriptor where nothing is.
func (m *Memory) MapView(s host.Section, off int64, addr, size uintptr, write bool) abi.Errno {
	m.mu.Lock()
	defer m.mu.Unlock()
	sec, ok := m.sections[s]
	switch {
	case !ok:
		return abi.EBADF
	case addr%granularity != 0 || off%granularity != 0 || off < 0 || size == 0 || off+int64(size) > sec.size || write && !sec.write:
		return abi.EINVAL
	}
	size = (size + pageSize - 1) &^ (pageSize - 1)
	prot := unix.PROT_READ
	if write {
		prot |= unix.PROT_WRITE
	}
	o := uintptr(off)
	if sysMmap != unix.SYS_MMAP { // mmap2 counts in pages
		o /= pageSize
	}
	p, _, e := unix.Syscall6(sysMmap, addr, size, uintptr(prot), unix.MAP_SHARED|unix.MAP_FIXED_NOREPLACE, uintptr(s), o)
	if e != 0 {
		return abi.Errno(e)
	}
	if p != addr {
		_, _, _ = unix.Syscall(unix.SYS_MUNMAP, p, size, 0)
		return abi.ENOMEM
	}
	i := sort.Search(len(m.views), func(i int) bool { return m.views[i].lo > addr })
	m.views = append(m.views, span{})
	copy(m.views[i+1:], m.views[i:])
	m.views[i] = span{addr, addr + size}
	return 0
}

// UnmapView unmaps what MapView mapped.
func (m *Memory) UnmapView(addr, size uintptr) abi.Errno {
	m.mu.Lock()
	defer m.mu.Unlock()
	size = (size + pageSize - 1) &^ (pageSize - 1)
	for i, v := range m.views {
		if v.lo == addr && v.hi == addr+size {
			m.views = append(m.views[:i], m.views[i+1:]...)
			_, _, e := unix.Syscall(unix.SYS_MUNMAP, addr, size, 0)
			return abi.Errno(e)
		}
	}
	return abi.EINVAL
}

// FlushView is msync.
func (m *Memory) FlushView(addr, size uintptr) abi.Errno {
	if err := m.inOne(addr, size); err != 0 {
		return err
	}
	_, _, e := unix.Syscall(unix.SYS_MSYNC, addr, size, unix.MS_ASYNC)
	return abi.Errno(e)
}

// Resident is mincore.
func (m *Memory) Resident(addr uintptr, vec []byte) abi.Errno {
	_, _, e := unix.Syscall(unix.SYS_MINCORE, addr, uintptr(len(vec))*pageSize, uintptr(unsafe.Pointer(unsafe.SliceData(vec))))
	for i := range vec {
		vec[i] &= 1
	}
	return abi.Errno(e)
}

// Temporary is a memfd.
func (Files) Temporary() (host.Handle, abi.Errno) {
	fd, err := unix.MemfdCreate("temporary", unix.MFD_CLOEXEC)
	if err != nil {
		return host.NoHandle, errno(err)
	}
	return host.Handle(fd), 0
}
