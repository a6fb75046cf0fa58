package kernel

import (
	"sync"
	"sync/atomic"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// memfd is what memfd_create adds to a file: its seals. The file is one of the
// host's without a name.
type memfd struct {
	// mu is held while a seal is set, and for reading while what it might
	// forbid is done.
	mu    sync.RWMutex
	seals atomic.Uint32
	exec  bool
	// opens counts the descriptions that share the handle.
	opens atomic.Int32
}

const (
	mfdNoExecSeal = 0x8
	mfdExec       = 0x10
	fSealExec     = 0x20
	memfdNameMax  = 249 // NAME_MAX less "memfd:"
)

func memfdCalls() []Call {
	return []Call{
		{Name: "memfd_create", Handler: sysMemfdCreate, Support: Partial, Note: "no MFD_HUGETLB; the memory is a temporary file"},
	}
}

func sysMemfdCreate(t *Task, a Args) (uint64, abi.Errno) {
	flags := uint32(a[1])
	if flags&abi.MFD_HUGETLB != 0 {
		return 0, abi.ENOSYS
	}
	if flags&^(abi.MFD_CLOEXEC|abi.MFD_ALLOW_SEALING|mfdNoExecSeal|mfdExec) != 0 || flags&(mfdNoExecSeal|mfdExec) == mfdNoExecSeal|mfdExec {
		return 0, abi.EINVAL
	}
	name, e := t.CString(a[0], memfdNameMax+1)
	switch {
	case e == abi.ENAMETOOLONG:
		return 0, abi.EINVAL
	case e != 0:
		return 0, e
	}
	ft := t.proc.files
	if ft.host == nil {
		return 0, abi.ENOSYS
	}
	h, e := ft.host.Temporary()
	if e != 0 {
		return 0, e
	}
	m := &memfd{exec: flags&mfdNoExecSeal == 0}
	m.opens.Store(1)
	switch {
	case flags&mfdNoExecSeal != 0:
		m.seals.Store(fSealExec)
	case flags&abi.MFD_ALLOW_SEALING == 0:
		m.seals.Store(abi.F_SEAL_SEAL)
	}
	f := &File{ops: regularOps{m}, h: h, kind: host.Regular, path: "/memfd:" + name + " (deleted)", data: ft.host}
	flagWord := abi.O_RDWR
	if t.is64() {
		flagWord |= 0x8000 // O_LARGEFILE
	}
	fd, e := ft.install(opened(f, flagWord), 0, flags&abi.MFD_CLOEXEC != 0)
	return uint64(fd), e
}

// mayWrite checks the seals before a write at off, or at the position if that
// is negative.
func (m *memfd) mayWrite(t *Task, f *File, p []byte, off int64) abi.Errno {
	if m == nil {
		return 0
	}
	seals := m.seals.Load()
	if seals&(abi.F_SEAL_WRITE|abi.F_SEAL_FUTURE_WRITE) != 0 {
		return abi.EPERM
	}
	if seals&abi.F_SEAL_GROW == 0 {
		return 0
	}
	var st host.Stat
	if e := t.proc.files.host.Fstat(f.h, &st); e != 0 {
		return e
	}
	if off < 0 {
		f.mu.Lock()
		off = f.off
		f.mu.Unlock()
		if f.append() {
			off = st.Size
		}
	}
	if off+int64(len(p)) > st.Size {
		return abi.EPERM
	}
	return 0
}

// mayResize checks the seals before the size changes.
func (m *memfd) mayResize(t *Task, f *File, size int64) abi.Errno {
	if m == nil {
		return 0
	}
	var st host.Stat
	if e := t.proc.files.host.Fstat(f.h, &st); e != 0 {
		return e
	}
	seals := m.seals.Load()
	if size < st.Size && seals&abi.F_SEAL_SHRINK != 0 || size > st.Size && seals&abi.F_SEAL_GROW != 0 {
		return abi.EPERM
	}
	return 0
}

// reopen makes another description of f's file, as opening /proc/self/fd/N
// does. They share the handle; the position is each one's own.
func (m *memfd) reopen(t *Task, f *File, flags int) (*File, abi.Errno) {
	m.opens.Add(1)
	g := opened(&File{ops: regularOps{m}, h: f.h, kind: f.kind, path: f.path, data: f.data}, flags)
	if flags&abi.O_TRUNC != 0 && g.writable() {
		if e := g.ops.truncate(t, g, 0); e != 0 {
			t.proc.files.put(g)
			return nil, e
		}
	}
	return g, 0
}

// closed tells whether the handle is nobody else's any more.
func (m *memfd) closed() bool { return m == nil || m.opens.Add(-1) == 0 }

// describe makes the host's file look like Linux's.
func (m *memfd) describe(t *Task, st *host.Stat) {
	if m == nil {
		return
	}
	st.Mode = abi.S_IFREG | 0o777
	if !m.exec {
		st.Mode = abi.S_IFREG | 0o666
	}
	st.Nlink = 0
	st.UID, st.GID = t.proc.uid, t.proc.gid
}

// fcntlSeals is F_ADD_SEALS and F_GET_SEALS.
func fcntlSeals(t *Task, f *File, cmd int32, arg uint64) (uint64, abi.Errno) {
	o, ok := f.ops.(regularOps)
	if !ok || o.mem == nil {
		return 0, abi.EINVAL
	}
	m := o.mem
	if cmd == abi.F_GET_SEALS {
		return uint64(m.seals.Load()), 0
	}
	const all = abi.F_SEAL_SEAL | abi.F_SEAL_SHRINK | abi.F_SEAL_GROW | abi.F_SEAL_WRITE | abi.F_SEAL_FUTURE_WRITE | fSealExec
	seals := uint32(arg)
	switch {
	case !f.writable():
		return 0, abi.EPERM
	case seals&^all != 0:
		return 0, abi.EINVAL
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	old := m.seals.Load()
	if old&abi.F_SEAL_SEAL != 0 {
		return 0, abi.EPERM
	}
	if seals&abi.F_SEAL_WRITE&^old != 0 {
		var st host.Stat
		if e := f.ops.stat(t, f, &st); e != 0 {
			return 0, e
		}
		if t.proc.as.writableShared(statID(&st)) {
			return 0, abi.EBUSY
		}
	}
	if seals&fSealExec != 0 && m.exec {
		// What is sealed executable cannot be changed either.
		seals |= abi.F_SEAL_SHRINK | abi.F_SEAL_GROW | abi.F_SEAL_WRITE | abi.F_SEAL_FUTURE_WRITE
	}
	m.seals.Store(old | seals)
	return 0, 0
}

// writableShared tells whether a shared mapping of the file can be written, or
// can become so.
func (s *AddressSpace) writableShared(id mapID) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for i := range s.vmas {
		if v := &s.vmas[i]; v.viewed() && v.obj.write && v.flags&vmNoWrite == 0 && v.obj.file != nil && v.obj.info.id() == id {
			return true
		}
	}
	return false
}
