package kernel

import (
	"bee/runtime/abi"
	"bee/runtime/host"
)

// Files grow and shrink under their mappings. Pages that a file grows by
// become accessible; those that it loses give SIGBUS, and EFAULT in system
// calls. The host does neither: a section is as long as the file was, and a
// file that has one cannot be made shorter.

// resized makes all mappings of a file fit its new size.
//
// Preconditions: s.mu is held; it may be released meanwhile.
func (s *AddressSpace) resized(id mapID, size uint64) {
	var changed []vma
	for _, o := range s.objects {
		if o.info.id() == id {
			o.size = size
		}
	}
	s.noteShortest()
	for i := range s.vmas {
		if v := &s.vmas[i]; v.obj != nil && v.obj.file != nil && v.obj.info.id() == id && !v.busy {
			end := v.lo
			if p := v.obj.pages(); p > v.off {
				end += min(p-v.off, v.hi-v.lo)
			}
			if v.beyond && end > v.lo {
				changed = append(changed, v.cut(v.lo, end))
			} else if !v.beyond && end < v.hi {
				changed = append(changed, v.cut(end, v.hi))
			}
		}
	}
	for _, v := range changed {
		if v.beyond {
			s.gain(v)
		} else {
			s.lose(v)
		}
	}
}

// gain makes pages that lay behind the end accessible.
//
// Preconditions: s.mu is held; it may be released meanwhile.
func (s *AddressSpace) gain(v vma) {
	var err abi.Errno
	v.beyond = false
	if v.viewed() {
		s.carve(v.lo, v.hi, v)
		if err = s.canShow(v.obj, v.off, v.lo, v.hi); err == 0 {
			err = s.attach(v.obj, v.off, v.lo, v.hi)
		}
		if err == 0 {
			err = s.reprotect(s.granuleDown(v.lo), v.hi)
		}
	} else {
		err = s.fill(v)
	}
	if err != 0 {
		s.log("the pages that %s has grown by cannot be mapped: %v", v.obj.info.Path, err)
		v.beyond, v.committed = true, false
		s.carve(v.lo, v.hi, v)
	}
}

// lose takes pages away that lie behind the end now.
//
// Preconditions: s.mu is held.
func (s *AddressSpace) lose(v vma) {
	if v.committed {
		_ = s.decommit(v.lo, v.hi)
	}
	v.beyond, v.committed = true, false
	s.carve(v.lo, v.hi, v)
	if v.viewed() {
		s.detach(v.lo, v.hi)
	}
}

// watched tells whether a file that has become end bytes long, at least, might
// be mapped beyond what it was.
func (s *AddressSpace) watched(end uint64) bool { return end > s.shortest.Load() }

// grown is called after a file may have grown, to size or beyond.
func (s *AddressSpace) grown(id mapID, size uint64) {
	s.mu.Lock()
	defer s.unlock()
	for _, o := range s.objects {
		if o.info.id() == id && size > o.size {
			// It may be shorter again by now.
			if now, err := o.file.Size(); err == 0 {
				s.resized(id, uint64(now))
			}
			return
		}
	}
}

// truncating makes a file that may be mapped size bytes long by calling do:
// views of the file are taken away, and put back afterwards as far as the file
// then reaches. EBUSY where another process maps the file on a host that
// refuses then.
func (s *AddressSpace) truncating(id mapID, size uint64, do func() abi.Errno) abi.Errno {
	s.mu.Lock()
	defer s.unlock()
	var objs []*object
	longest := uint64(0)
	for _, o := range s.objects {
		if o.info.id() == id {
			objs = append(objs, o)
			longest = max(longest, o.size)
		}
	}
	if len(objs) == 0 || size >= longest {
		err := do()
		if err == 0 && len(objs) > 0 {
			s.resized(id, size)
		}
		// EBUSY: the file was longer than we know, since a write of another
		// thread is not told yet.
		if err != abi.EBUSY || len(objs) == 0 {
			return err
		}
	}
	resume := s.pause()
	defer resume()
	mine := func(o *object) bool { return o.file != nil && o.info.id() == id }
	for i := 0; i < len(s.views); {
		v := s.views[i]
		if !mine(v.obj) {
			i++
			continue
		}
		s.dropView(v)
		s.hold(v.lo, s.granuleUp(v.hi))
	}
	for _, o := range objs {
		s.closeSection(o)
	}
	err := do()
	if err == 0 {
		s.resized(id, size)
	}
	for i := range s.vmas {
		if v := s.vmas[i]; v.viewed() && !v.beyond && mine(v.obj) {
			e := s.attach(v.obj, v.off, v.lo, v.hi)
			if e == 0 {
				e = s.reprotect(s.granuleDown(v.lo), v.hi)
			}
			if e != 0 {
				s.log("%s cannot be mapped again: %v", v.obj.info.Path, e)
			}
		}
	}
	return err
}

// FaultSignal tells the signal that Linux sends for an access to addr that is
// not possible: SIGBUS where a mapping goes beyond the end of its file.
func (s *AddressSpace) FaultSignal(addr uint64) abi.Signal {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if i := s.find(addr); i < len(s.vmas) && s.vmas[i].lo <= addr && s.vmas[i].beyond && s.vmas[i].prot != 0 {
		return abi.SIGBUS
	}
	return abi.SIGSEGV
}

// wrote is called after a write that ended at end, or one at the end of the
// file if end is negative.
func (t *Task) wrote(f *File, end int64) {
	as := t.proc.as
	if as == nil || as.shortest.Load() == ^uint64(0) || end >= 0 && !as.watched(uint64(end)) {
		return
	}
	var st host.Stat
	if f.ops.stat(t, f, &st) == 0 {
		as.grown(statID(&st), uint64(st.Size))
	}
}

// resize makes a file size bytes long; what maps it follows.
func (t *Task) resize(f *File, size int64, do func() abi.Errno) abi.Errno {
	as := t.proc.as
	var st host.Stat
	if as == nil || size < 0 || as.shortest.Load() == ^uint64(0) || f.ops.stat(t, f, &st) != 0 {
		return do()
	}
	return as.truncating(statID(&st), uint64(size), do)
}

func statID(st *host.Stat) mapID {
	return mapID{uint32(st.Dev >> 8 & 0xfff), uint32(st.Dev&0xff | st.Dev>>12&0xfff00), st.Ino}
}

// mapsFiles tells whether any file is mapped.
func (p *Process) mapsFiles() bool { return p.as != nil && p.as.shortest.Load() != ^uint64(0) }
