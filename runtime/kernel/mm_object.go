package kernel

import (
	"bee/runtime/abi"
	"bee/runtime/host"
)

// Mappable is what mmap asks of an open file. It is a reference: Release gives
// it back, once, after the last mapping has gone.
type Mappable interface {
	// PreadAt reads like pread(2): 0 at the end of the file.
	PreadAt(b []byte, off int64) (int, abi.Errno)
	// MapInfo tells what /proc/self/maps shows.
	MapInfo() MapInfo
	// Size tells the file's length now, in bytes.
	Size() (int64, abi.Errno)
	// Handle is what sections are made from. False for files that can only
	// be copied.
	Handle() (host.Handle, bool)
	// Key tells open file descriptions apart.
	Key() any
	Release()
}

// MapInfo is a mapped file's identity.
type MapInfo struct {
	Path         string
	Major, Minor uint32
	Inode        uint64
	// Readable and Writable tell how the file was opened.
	Readable, Writable bool
}

// mapID tells files apart, whichever way they were opened.
type mapID struct {
	major, minor uint32
	inode        uint64
}

func (i MapInfo) id() mapID { return mapID{i.Major, i.Minor, i.Inode} }

// object is what mappings show: an open file, or shared memory of no file.
// All is guarded by AddressSpace.mu but for what never changes.
type object struct {
	file  Mappable // nil: memory of no file
	info  *MapInfo
	write bool // the file is open for writing
	// copied: there can be no section of the file. What is mapped shared
	// (and cannot be written) is a copy.
	copied bool

	// size is how long the file is, in bytes, as far as we know.
	size uint64
	// base is where the object begins in its section. Shared memory of no
	// file may begin anywhere, so that it fits an address that is not a
	// multiple of 64 KiB.
	base uint64
	// section covers sectionSize bytes; 0: there is none.
	section     host.Section
	sectionSize uint64
	bytes       uint64 // mapped
	closed      bool
}

// pages is where the object's last page ends.
func (o *object) pages() uint64 { return pageUp(o.size) }

// openObject tells the object of a file. It takes over the reference.
//
// Preconditions: s.mu is held.
func (s *AddressSpace) openObject(f Mappable) (*object, abi.Errno) {
	size, err := f.Size()
	if err != 0 {
		s.released = append(s.released, f)
		return nil, err
	}
	if o := s.objects[f.Key()]; o != nil {
		s.released = append(s.released, f)
		if uint64(size) != o.size {
			s.resized(o.info.id(), uint64(size)) // somebody else did it
		}
		return o, 0
	}
	info := f.MapInfo()
	o := &object{file: f, info: &info, write: info.Writable, size: uint64(size)}
	_, can := f.Handle()
	o.copied = !can
	s.objects[f.Key()] = o
	s.noteShortest()
	return o, 0
}

// newShared makes shared memory of no file, which Linux keeps in a file
// without a name, too. It is to be mapped at addr.
//
// Preconditions: s.mu is held.
func (s *AddressSpace) newShared(size, addr uint64) (*object, abi.Errno) {
	if !s.room(size) {
		return nil, abi.ENOMEM
	}
	s.anonymous++
	o := &object{
		info:  &MapInfo{Path: "/dev/zero (deleted)", Minor: 1, Inode: s.anonymous, Readable: true, Writable: true},
		write: true, size: size, base: addr & (s.gran - 1),
	}
	if err := s.ensureSection(o); err != 0 {
		return nil, err
	}
	s.committed += size
	return o, 0
}

// noteShortest keeps s.shortest right.
//
// Preconditions: s.mu is held.
func (s *AddressSpace) noteShortest() {
	least := ^uint64(0)
	for _, o := range s.objects {
		least = min(least, o.size)
	}
	s.shortest.Store(least)
}

// ensureSection makes a section that covers the object as it is now.
//
// Preconditions: s.mu is held; o is not copied.
func (s *AddressSpace) ensureSection(o *object) abi.Errno {
	if o.section != 0 && o.sectionSize >= o.base+o.size {
		return 0
	}
	h := host.NoHandle
	if o.file != nil {
		h, _ = o.file.Handle()
	}
	sec, err := s.mem.NewSection(h, int64(o.base+o.size), o.write)
	if err != 0 {
		return err
	}
	s.closeSection(o)
	o.section, o.sectionSize = sec, o.base+o.size
	return 0
}

func (s *AddressSpace) closeSection(o *object) {
	if o.section != 0 {
		_ = s.mem.CloseSection(o.section)
		o.section, o.sectionSize = 0, 0
	}
}

// split cuts v, which shows an object, where the object ends.
func (v vma) split() []vma {
	v.beyond = false
	if v.obj == nil {
		return []vma{v}
	}
	end := v.lo
	if p := v.obj.pages(); p > v.off {
		end += min(p-v.off, v.hi-v.lo)
	}
	var parts []vma
	if end > v.lo {
		parts = append(parts, v.cut(v.lo, end))
	}
	if end < v.hi {
		w := v.cut(end, v.hi)
		w.beyond, w.committed = true, false
		parts = append(parts, w)
	}
	return parts
}
