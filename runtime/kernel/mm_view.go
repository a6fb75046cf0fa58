package kernel

import (
	"sort"

	"bee/runtime/abi"
)

// view is a part of a section that shows at [lo, hi). The host wants lo and
// off in whole granules, and nothing else can be in the granule in which hi
// lies. Pages of a view that belong to no mapping have no access; the view
// goes with the last mapping in it.
type view struct {
	lo, hi uint64 // hi is the end of the last page
	obj    *object
	off    uint64 // of lo in the object's section
	size   uint64 // as it was asked for, in bytes: the last page may be partial
}

// pause stops the guest's other threads until the result is called: where
// pages vanish for a moment, nobody is to see it. Only calls that look at such
// memory just then are not stopped.
//
// Preconditions: s.mu is held, and held again when the result is called.
func (s *AddressSpace) pause() (resume func()) {
	if s.pauseOthers == nil {
		return func() {}
	}
	if s.paused++; s.paused == 1 {
		s.resume = s.pauseOthers()
	}
	return func() {
		if s.paused--; s.paused == 0 {
			s.resume()
		}
	}
}

func (s *AddressSpace) granuleDown(a uint64) uint64 { return a &^ (s.gran - 1) }

func (s *AddressSpace) granuleUp(a uint64) uint64 { return (a + s.gran - 1) &^ (s.gran - 1) }

// findView tells the index of the first view that ends above addr, with the
// rest of its last granule.
//
// Preconditions: s.mu is held.
func (s *AddressSpace) findView(addr uint64) int {
	return sort.Search(len(s.views), func(i int) bool { return s.granuleUp(s.views[i].hi) > addr })
}

// viewIn tells whether a view takes any granule of [lo, hi).
//
// Preconditions: s.mu is held.
func (s *AddressSpace) viewIn(lo, hi uint64) bool {
	i := s.findView(s.granuleDown(lo))
	return i < len(s.views) && s.views[i].lo < s.granuleUp(hi)
}

// shown tells whether a mapping in [lo, hi) is one of a view.
//
// Preconditions: s.mu is held.
func (s *AddressSpace) shown(lo, hi uint64) bool {
	if lo >= hi {
		return false
	}
	for i := s.find(lo); i < len(s.vmas) && s.vmas[i].lo < hi; i++ {
		if v := &s.vmas[i]; v.viewed() && !v.beyond {
			return true
		}
	}
	return false
}

// unfitAt notes that a mapping cannot be where it is to be: views lie in whole
// granules of the host (64 KiB), at offsets that are alike. The answer is
// EINVAL, counted, with one line for the user.
func (s *AddressSpace) unfitAt(addr uint64, why string) abi.Errno {
	if s.unfit.Add(1) == 1 {
		s.log("shared memory cannot be mapped at %#x: %s; the program gets EINVAL (the first of such calls)", addr, why)
	}
	return abi.EINVAL
}

// canShow checks whether pages [lo, hi) can show an object from off on, with
// what else is mapped around them. The mappings inside are to go.
//
// Preconditions: s.mu is held.
func (s *AddressSpace) canShow(o *object, off, lo, hi uint64) abi.Errno {
	if (lo-off-o.base)&(s.gran-1) != 0 {
		return s.unfitAt(lo, "address and offset differ modulo 64 KiB")
	}
	a, b := s.granuleDown(lo), s.granuleUp(hi)
	for i := s.find(a); i < len(s.vmas) && s.vmas[i].lo < b; i++ {
		v := &s.vmas[i]
		switch {
		case (v.lo >= lo || lo == a) && (v.hi <= hi || hi == b):
			continue // no page of it lies outside in these granules
		case v.beyond, !v.committed && !v.viewed():
			continue // it needs no page
		case v.viewed() && v.obj == o && v.off-v.lo == off-lo:
			continue // one view shows both
		}
		return s.unfitAt(lo, "other memory lies in the same 64 KiB")
	}
	return 0
}

// attach makes pages [lo, hi) show an object from off on. All of them lie
// before its end.
//
// Preconditions: s.mu is held; canShow; nothing else is mapped there, at most
// the pages themselves, as they are to be.
func (s *AddressSpace) attach(o *object, off, lo, hi uint64) abi.Errno {
	a := s.granuleDown(lo)
	from, to := a, hi
	delta := off + o.base - lo // of an address in the section
	var resume func()
	defer func() {
		if resume != nil {
			resume()
		}
	}()
	var old []view
	for i := s.findView(a); i < len(s.views) && s.views[i].lo < s.granuleUp(hi); {
		v := s.views[i]
		same := v.obj == o && v.off-v.lo == delta
		if same && v.lo <= lo && v.hi >= hi {
			return 0
		}
		if resume == nil {
			resume = s.pause()
		}
		if same {
			from, to = min(from, v.lo), max(to, v.hi)
			old = append(old, v)
			i++
			continue
		}
		if err := s.evictView(v, a, s.granuleUp(hi)); err != 0 {
			return err
		}
		i = s.findView(a)
		old = old[:0]
		from, to = a, hi
	}
	to = min(to, o.base+o.pages()-delta)
	if err := s.ensureSection(o); err != 0 {
		return err
	}
	if err := s.clearReserved(from, s.granuleUp(to)); err != 0 {
		return err
	}
	for _, v := range old {
		s.dropView(v)
	}
	err := s.addView(o, from, to, from+delta)
	if err != 0 {
		for _, v := range old {
			if s.shown(v.lo, v.hi) {
				_ = s.addView(v.obj, v.lo, v.hi, v.off)
				_ = s.reprotect(v.lo, v.hi)
			}
		}
		s.hold(from, s.granuleUp(to))
		return err
	}
	// Of the views that this one has replaced, too.
	return s.reprotect(from, to)
}

// addView maps pages [lo, hi) of an object, from an offset on.
//
// Preconditions: s.mu is held; the host has nothing there.
func (s *AddressSpace) addView(o *object, lo, hi, off uint64) abi.Errno {
	if err := s.ensureSection(o); err != 0 {
		return err
	}
	size := min(hi-lo, o.sectionSize-off)
	if err := s.mem.MapView(o.section, int64(off), uintptr(lo), uintptr(size), o.write); err != 0 {
		return err
	}
	i := sort.Search(len(s.views), func(i int) bool { return s.views[i].lo > lo })
	s.views = append(s.views, view{})
	copy(s.views[i+1:], s.views[i:])
	s.views[i] = view{lo: lo, hi: pageUp(lo + size), obj: o, off: off, size: size}
	return 0
}

// dropView takes a view away, whatever shows in it.
//
// Preconditions: s.mu is held.
func (s *AddressSpace) dropView(v view) {
	if err := s.mem.UnmapView(uintptr(v.lo), uintptr(v.size)); err != 0 {
		s.log("the view at %#x cannot be unmapped: %v", v.lo, err)
	}
	if i := s.findView(v.lo); i < len(s.views) && s.views[i].lo == v.lo {
		s.views = append(s.views[:i], s.views[i+1:]...)
	}
}

// hold reserves what is free in [lo, hi), so that nobody else of the process
// takes it. It does not matter where that fails.
//
// Preconditions: s.mu is held; lo and hi are of whole granules.
func (s *AddressSpace) hold(lo, hi uint64) {
	for lo < hi {
		i := sort.Search(len(s.res), func(i int) bool { return s.res[i].Hi > lo })
		end := hi
		if i < len(s.res) {
			if s.res[i].Lo <= lo {
				lo = s.granuleUp(s.res[i].Hi)
				continue
			}
			end = min(end, s.res[i].Lo)
		}
		_ = s.reserveOne(Range{lo, end})
		lo = end
	}
}

// detach is called after mappings in [lo, hi) have gone: views without any
// are unmapped, what remains of the others has no access.
//
// Preconditions: s.mu is held.
func (s *AddressSpace) detach(lo, hi uint64) {
	for i := s.findView(lo); i < len(s.views) && s.views[i].lo < hi; {
		v := s.views[i]
		if !s.shown(v.lo, v.hi) {
			s.dropView(v)
			s.hold(v.lo, s.granuleUp(v.hi))
			continue
		}
		if a, b := max(lo, v.lo), min(hi, v.hi); a < b {
			_ = s.reprotect(a, b)
		}
		i++
	}
}

// reprotect gives the pages of views in [lo, hi) the rights of their mappings.
//
// Preconditions: s.mu is held.
func (s *AddressSpace) reprotect(lo, hi uint64) abi.Errno {
	for i := s.findView(lo); i < len(s.views) && s.views[i].lo < hi; i++ {
		at, end := max(lo, s.views[i].lo), min(hi, s.views[i].hi)
		for j := s.find(at); at < end; {
			next, prot := end, uint8(0)
			if j < len(s.vmas) && s.vmas[j].lo <= at {
				next = min(end, s.vmas[j].hi)
				if s.vmas[j].viewed() {
					prot = s.vmas[j].prot
				}
				j++
			} else if j < len(s.vmas) {
				next = min(end, s.vmas[j].lo)
			}
			if err := s.mem.Protect(uintptr(at), uintptr(next-at), hostProt(prot)); err != 0 {
				return err
			}
			at = next
		}
	}
	return 0
}

// canEvict checks whether private memory can take the place of what views show
// in [lo, hi): no page that stays may be in the same granule.
//
// Preconditions: s.mu is held.
func (s *AddressSpace) canEvict(lo, hi uint64) abi.Errno {
	if s.viewIn(lo, hi) && (s.shown(s.granuleDown(lo), lo) || s.shown(hi, s.granuleUp(hi))) {
		return s.unfitAt(lo, "shared memory lies in the same 64 KiB")
	}
	return 0
}

// evict takes views out of the granules of [lo, hi); what lies outside is
// shown by views of its own from then on.
//
// Preconditions: s.mu is held; canEvict; nothing is mapped in [lo, hi).
func (s *AddressSpace) evict(lo, hi uint64) abi.Errno {
	a, b := s.granuleDown(lo), s.granuleUp(hi)
	if !s.viewIn(lo, hi) {
		return 0
	}
	resume := s.pause()
	defer resume()
	for {
		i := s.findView(a)
		if i == len(s.views) || s.views[i].lo >= b {
			return 0
		}
		if err := s.evictView(s.views[i], a, b); err != 0 {
			return err
		}
	}
}

// evictView is evict for one view.
//
// Preconditions: s.mu is held, the guest's other threads are paused.
func (s *AddressSpace) evictView(v view, a, b uint64) abi.Errno {
	s.dropView(v)
	for _, part := range [...]Range{{v.lo, min(a, v.hi)}, {max(b, v.lo), v.hi}} {
		if part.Lo >= part.Hi {
			continue
		}
		if !s.shown(part.Lo, part.Hi) {
			s.hold(part.Lo, s.granuleUp(part.Hi))
			continue
		}
		err := s.addView(v.obj, part.Lo, part.Hi, v.off+part.Lo-v.lo)
		if err == 0 {
			err = s.reprotect(part.Lo, part.Hi)
		}
		if err != 0 {
			s.log("shared memory at %#x is lost: %v", part.Lo, err)
			return abi.ENOMEM
		}
	}
	return 0
}

// clearReserved gives up the reservations in [lo, hi), which are whole
// granules and of which no page is in use. What is in use in the rest of
// these reservations is saved and put back.
//
// Preconditions: s.mu is held.
func (s *AddressSpace) clearReserved(lo, hi uint64) abi.Errno {
	for {
		i := sort.Search(len(s.res), func(i int) bool { return s.res[i].Hi > lo })
		if i == len(s.res) || s.res[i].Lo >= hi {
			return 0
		}
		if err := s.cutReserved(i, lo, hi); err != 0 {
			return err
		}
	}
}

// saved are pages that are out of the way for a moment.
type saved struct {
	v     vma
	bytes []byte
}

// mostSaved is how much is saved at most: it is copied twice while the program
// stands still.
const mostSaved = 64 << 20

// cutReserved is clearReserved for one reservation.
func (s *AddressSpace) cutReserved(i int, lo, hi uint64) abi.Errno {
	r := s.res[i]
	var keep []saved
	total := uint64(0)
	for j := s.find(r.Lo); j < len(s.vmas) && s.vmas[j].lo < r.Hi; j++ {
		v := s.vmas[j].cut(max(r.Lo, s.vmas[j].lo), min(r.Hi, s.vmas[j].hi))
		if !v.committed {
			continue
		}
		if v.lo < hi && v.hi > lo {
			return s.unfitAt(lo, "other memory lies in the same 64 KiB")
		}
		if v.busy {
			return s.unfitAt(lo, "a file is being read beside it")
		}
		keep = append(keep, saved{v: v})
		total += v.hi - v.lo
	}
	if total > mostSaved {
		return s.unfitAt(lo, "too much memory in use lies around it")
	}
	if len(keep) > 0 {
		defer s.pause()()
	}
	for k := range keep {
		v := &keep[k].v
		if v.prot == 0 && s.protect(v.lo, v.hi, abi.PROT_READ) != 0 {
			return abi.ENOMEM
		}
		keep[k].bytes = append([]byte(nil), rawBytes(v.lo, v.hi-v.lo)...)
	}
	if err := s.mem.Release(uintptr(r.Lo), uintptr(r.Hi-r.Lo)); err != 0 {
		return abi.ENOMEM
	}
	s.res = append(s.res[:i], s.res[i+1:]...)
	errno := abi.Errno(0)
	for _, part := range [...]Range{{r.Lo, min(lo, r.Hi)}, {max(hi, r.Lo), r.Hi}} {
		if part.Lo < part.Hi && s.reserveOne(part) != 0 {
			errno = abi.ENOMEM
		}
	}
	for _, k := range keep {
		if s.commit(k.v.lo, k.v.hi, abi.PROT_READ|abi.PROT_WRITE) != 0 {
			errno = abi.ENOMEM
			continue
		}
		copy(rawBytes(k.v.lo, k.v.hi-k.v.lo), k.bytes)
		if s.protect(k.v.lo, k.v.hi, k.v.prot) != 0 {
			errno = abi.ENOMEM
		}
	}
	if errno != 0 {
		s.log("memory at %#x is lost: the host gave it to somebody else", r.Lo)
	}
	return errno
}
