package kernel

import (
	"sort"

	"bee/runtime/abi"
)

// reserve makes sure that reservations cover [lo, hi). Where the host refuses
// it tells what is in the way.
//
// Preconditions: s.mu is held.
func (s *AddressSpace) reserve(lo, hi uint64) (foreign Range, errno abi.Errno) {
	for lo < hi {
		i := sort.Search(len(s.res), func(i int) bool { return s.res[i].Hi > lo })
		if i < len(s.res) && s.res[i].Lo <= lo {
			lo = s.res[i].Hi
			continue
		}
		// A hole from lo to end must be filled; it may be made wider, as far
		// as the neighbours.
		floor, ceil := uint64(0), ^uint64(0)
		if i > 0 {
			floor = s.res[i-1].Hi
		}
		end := hi
		if i < len(s.res) {
			ceil = s.res[i].Lo
			end = min(end, ceil)
		}
		fine := Range{max(lo&^(s.gran-1), floor), min((end+s.gran-1)&^(s.gran-1), ceil)}
		if fine.Hi-fine.Lo >= s.eager {
			if err := s.reserveOne(fine); err != 0 {
				return s.taken(fine), err
			}
			lo = end
			continue
		}
		// A granule at a time, so that one can be given up for a file view.
		for lo < end {
			g := Range{lo &^ (granule - 1), lo&^(granule-1) + granule}
			part := Range{max(fine.Lo, g.Lo), min(fine.Hi, g.Hi)}
			for _, a := range s.arenas {
				if a.overlaps(part.Lo, part.Hi) {
					floor, ceil = max(floor, a.Lo), min(ceil, a.Hi)
				}
			}
			wide := Range{max(g.Lo, floor), min(g.Hi, ceil)}
			if wide.Lo > part.Lo || wide.Hi < part.Hi || s.reserveOne(wide) != 0 {
				if err := s.reserveOne(part); err != 0 {
					return s.taken(part), err
				}
				wide = part
			}
			floor = wide.Hi
			lo = wide.Hi
		}
	}
	return Range{}, 0
}

// taken tells the lowest stretch of r that the host does not call free; all of
// r if it calls everything free and refuses nevertheless. It asks as often as
// the size has bits, not pages.
//
// Preconditions: none of our reservations lies in r.
func (s *AddressSpace) taken(r Range) Range {
	free := func(lo, hi, size uint64) bool {
		_, ok := s.mem.Free(uintptr(lo), uintptr(hi), uintptr(size))
		return ok
	}
	units := (r.Hi - r.Lo + s.gran - 1) / s.gran
	before := uint64(sort.Search(int(units), func(i int) bool {
		n := uint64(i+1) * s.gran
		return !free(r.Lo, r.Lo+n, n)
	}))
	if before == units {
		return r
	}
	lo := r.Lo + before*s.gran
	n := uint64(sort.Search(int(units-before), func(i int) bool {
		return free(lo, lo+uint64(i+1)*s.gran, s.gran)
	}))
	return Range{lo, lo + max(n, 1)*s.gran}
}

func (s *AddressSpace) reserveOne(r Range) abi.Errno {
	if err := s.mem.Reserve(uintptr(r.Lo), uintptr(r.Hi-r.Lo)); err != 0 {
		return err
	}
	i := sort.Search(len(s.res), func(i int) bool { return s.res[i].Lo > r.Lo })
	s.res = append(s.res, Range{})
	copy(s.res[i+1:], s.res[i:])
	s.res[i] = r
	return 0
}

// place finds and reserves the highest free stretch of size bytes that ends at
// or below limit and begins at a multiple of align.
//
// Preconditions: s.mu is held.
func (s *AddressSpace) place(size, limit, align uint64) (uint64, abi.Errno) {
	for attempt := range 2 {
		if attempt == 1 {
			// What was somebody else's may be free again by now.
			if len(s.foreign) == 0 {
				break
			}
			s.foreign = nil
		}
		for tries := 0; tries < 4096; tries++ {
			lo, ok := s.gap(size, limit, align)
			if !ok {
				if align > abi.PageSize {
					align = abi.PageSize
					continue
				}
				break
			}
			f, err := s.reserve(lo, lo+size)
			if err == 0 {
				return lo, 0
			}
			s.refuse(f)
		}
	}
	return 0, abi.ENOMEM
}

// gap finds the highest stretch of size bytes in the arenas that is neither
// mapped nor known to be somebody else's, and where no view lies.
func (s *AddressSpace) gap(size, limit, align uint64) (uint64, bool) {
	for _, a := range s.arenas {
		a.Hi = min(a.Hi, limit)
		if a.Hi < a.Lo || a.Hi-a.Lo < size {
			continue
		}
		end := a.Hi
		i := s.find(end - 1) // the mapping that holds or follows end-1
		for end >= a.Lo+size {
			lo := (end - size) &^ (align - 1)
			if lo < a.Lo {
				break
			}
			if i < len(s.vmas) && s.wholly(&s.vmas[i]).overlaps(lo, end) {
				end = s.wholly(&s.vmas[i]).Lo
			} else if i > 0 && s.wholly(&s.vmas[i-1]).Hi > lo {
				i--
				end = min(end, s.wholly(&s.vmas[i]).Lo)
			} else if f := s.foreignIn(lo, end); f != nil {
				end = pageDown(f.Lo)
			} else if k := s.findView(end - 1); k < len(s.views) && s.views[k].lo < end {
				end = s.views[k].lo
			} else if k > 0 && s.granuleUp(s.views[k-1].hi) > lo {
				end = s.views[k-1].lo
			} else {
				return lo, true
			}
			if end < size {
				break
			}
		}
	}
	return 0, false
}

// wholly tells what a mapping takes from others: where a view shows it, or will
// once the file has grown, whole granules.
func (s *AddressSpace) wholly(v *vma) Range {
	if v.viewed() {
		return Range{s.granuleDown(v.lo), s.granuleUp(v.hi)}
	}
	return Range{v.lo, v.hi}
}

// foreignIn tells the highest foreign stretch in [lo, hi).
func (s *AddressSpace) foreignIn(lo, hi uint64) *Range {
	var best *Range
	for i := range s.foreign {
		if f := &s.foreign[i]; f.overlaps(lo, hi) && (best == nil || f.Lo > best.Lo) {
			best = f
		}
	}
	return best
}

// refuse notes what is somebody else's, together with what is taken right
// below it, so that the next attempt does not run into it again.
func (s *AddressSpace) refuse(r Range) {
	// Everything between the next free place below and this one is taken,
	// by others or by our own reservations.
	floor := uint64(abi.MmapMinAddr)
	for _, a := range s.arenas {
		if a.overlaps(r.Lo, r.Lo+1) {
			floor = a.Lo
		}
	}
	if i := sort.Search(len(s.res), func(i int) bool { return s.res[i].Hi > r.Lo }); i > 0 {
		floor = max(floor, s.res[i-1].Hi)
	}
	if r.Lo > floor {
		if f, ok := s.mem.Free(uintptr(floor), uintptr(r.Lo), uintptr(s.gran)); ok {
			r.Lo = min(uint64(f)+s.gran, r.Lo)
		} else {
			r.Lo = floor
		}
	}
	s.foreign = append(s.foreign, r)
}

// placeView maps v, which is viewed, at the highest place that is free: whole
// granules in which nothing is mapped and no reservation is in use.
//
// Preconditions: s.mu is held.
func (s *AddressSpace) placeView(v vma, size, limit uint64) (uint64, abi.Errno) {
	before := (v.off + v.obj.base) & (s.gran - 1)
	total := s.granuleUp(before + size)
	last := abi.Errno(abi.ENOMEM)
	for tries := 0; tries < 64; tries++ {
		lo, ok := s.gapForView(total, limit)
		if !ok {
			break
		}
		v.lo = lo + before
		v.hi = v.lo + size
		if last = s.materialize(v); last != abi.ENOMEM {
			return v.lo, last
		}
		// Something of the host's process is there, or memory is short.
		f := s.taken(Range{lo, lo + total})
		if f.Lo == lo && f.Hi == lo+total {
			if _, free := s.mem.Free(uintptr(lo), uintptr(lo+total), uintptr(total)); free {
				return 0, last
			}
		}
		s.refuse(f)
	}
	return 0, last
}

// gapForView finds the highest total bytes of whole granules for a view.
func (s *AddressSpace) gapForView(total, limit uint64) (uint64, bool) {
	for _, a := range s.arenas {
		end := s.granuleDown(min(a.Hi, limit))
		for end >= total && end-total >= a.Lo {
			lo, ok := s.obstacle(end-total, end)
			if !ok {
				return end - total, true
			}
			if lo >= end {
				break
			}
			end = s.granuleDown(lo)
		}
	}
	return 0, false
}

// occupied tells whether there is an obstacle in whole granules.
func (s *AddressSpace) occupied(lo, hi uint64) bool {
	_, ok := s.obstacle(lo, hi)
	return ok
}

// obstacle tells where something in [lo, hi) begins that a view there would
// have to replace.
//
// Preconditions: s.mu is held.
func (s *AddressSpace) obstacle(lo, hi uint64) (uint64, bool) {
	i := s.find(hi - 1)
	if i < len(s.vmas) && s.vmas[i].lo < hi {
		return s.vmas[i].lo, true
	}
	if i > 0 && s.vmas[i-1].hi > lo {
		return s.vmas[i-1].lo, true
	}
	if f := s.foreignIn(lo, hi); f != nil {
		return f.Lo, true
	}
	k := s.findView(hi - 1)
	if k < len(s.views) && s.views[k].lo < hi {
		return s.views[k].lo, true
	}
	if k > 0 && s.granuleUp(s.views[k-1].hi) > lo {
		return s.views[k-1].lo, true
	}
	for j := sort.Search(len(s.res), func(i int) bool { return s.res[i].Hi > lo }); j < len(s.res) && s.res[j].Lo < hi; j++ {
		if r := s.res[j]; s.overlap(r.Lo, r.Hi) {
			return min(r.Lo, hi-1), true
		}
	}
	return 0, false
}
