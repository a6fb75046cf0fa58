package kernel

import (
	"bee/runtime/abi"
	"bee/runtime/host"
)

// mappedFile is an open file as the address space holds it, with a reference
// to the description: what Linux does, so that a lock of flock(2) lives as
// long as the mapping.
type mappedFile struct {
	t *Task // any of the process
	f *File
}

// mappable tells a file that may be mapped; whoever gets it releases it.
func (t *Task) mappable(fd int32) (mappedFile, abi.Errno) {
	f, e := t.file(uint64(uint32(fd)))
	if e != 0 {
		return mappedFile{}, e
	}
	switch f.ops.(type) {
	case regularOps, exeOps, textOps, zeroOps:
		return mappedFile{t, f}, 0
	}
	t.proc.files.put(f)
	return mappedFile{}, abi.ENODEV
}

// PreadAt implements Mappable.
func (m mappedFile) PreadAt(b []byte, off int64) (int, abi.Errno) {
	return m.f.ops.pread(m.t, m.f, b, off)
}

// MapInfo implements Mappable.
func (m mappedFile) MapInfo() MapInfo {
	var st host.Stat
	_ = m.f.ops.stat(m.t, m.f, &st)
	id := statID(&st)
	return MapInfo{
		Path: m.f.path, Major: id.major, Minor: id.minor, Inode: id.inode,
		Readable: m.f.readable(), Writable: m.f.writable(),
	}
}

// Size implements Mappable.
func (m mappedFile) Size() (int64, abi.Errno) {
	if text, ok := m.f.data.(*openText); ok {
		return int64(len(text.text)), 0
	}
	var st host.Stat
	e := m.f.ops.stat(m.t, m.f, &st)
	return st.Size, e
}

// Handle implements Mappable. The program's own file may begin in the middle
// of the host's.
func (m mappedFile) Handle() (host.Handle, bool) {
	_, ok := m.f.ops.(regularOps)
	return m.f.h, ok
}

// Key implements Mappable.
func (m mappedFile) Key() any { return m.f }

// Release implements Mappable.
func (m mappedFile) Release() { m.t.proc.files.put(m.f) }

// Retain takes one more reference.
func (m mappedFile) Retain() { m.f.refs.Add(1) }

// seals tells what the file's seals forbid, 0 for files that have none.
func (m mappedFile) seals() uint32 {
	if o, ok := m.f.ops.(regularOps); ok && o.mem != nil {
		return o.mem.seals.Load()
	}
	return 0
}

func (m mappedFile) isZero() bool {
	_, ok := m.f.ops.(zeroOps)
	return ok
}
