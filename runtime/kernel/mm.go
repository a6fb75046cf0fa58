package kernel

import (
	"errors"
	"fmt"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"

	"bee/runtime/abi"
	"bee/runtime/host"
)

const pageMask = abi.PageSize - 1

func pageDown(a uint64) uint64 { return a &^ pageMask }

func pageUp(a uint64) uint64 { return (a + pageMask) &^ pageMask }

// Range is a stretch of addresses, [Lo, Hi).
type Range struct{ Lo, Hi uint64 }

func (r Range) overlaps(lo, hi uint64) bool { return r.Lo < hi && lo < r.Hi }

// Mappable is what mmap asks of an open file.
type Mappable interface {
	// PreadAt reads like pread(2): 0 at the end of the file.
	PreadAt(b []byte, off int64) (int, abi.Errno)
	// MapInfo tells what /proc/self/maps shows.
	MapInfo() MapInfo
}

// MapInfo is a mapped file's identity.
type MapInfo struct {
	Path         string
	Major, Minor uint32
	Inode        uint64
	// Readable and Writable tell how the file was opened.
	Readable, Writable bool
}

// ExecHook is asked before guest memory becomes executable. 0 allows it.
type ExecHook func(addr, length uint64, call string) abi.Errno

// vma is a mapping: pages in a row that are alike.
type vma struct {
	lo, hi uint64
	prot   uint8 // PROT_*
	flags  uint32
	// committed: pages take memory. False only for pages that have been
	// PROT_NONE since they were mapped.
	committed bool
	// hidden pages belong to the runner (trampolines): the guest's calls
	// treat them as somebody else's, and maps does not show them.
	hidden bool
	file   *MapInfo // nil: anonymous
	off    uint64   // of lo in the file
	name   string   // [heap], [stack]
}

const vmShared = 1 // flags: MAP_SHARED

// alike tells whether Linux would keep w, which follows v, in one mapping.
func (v *vma) alike(w *vma) bool {
	if v.prot != w.prot || v.flags != w.flags || v.hidden != w.hidden || v.file != w.file || v.name != w.name {
		return false
	}
	return v.file == nil || v.off+(v.hi-v.lo) == w.off
}

// AddressSpace is a guest's memory: the mappings that it sees and the host's
// reservations below them.
//
// The host's pages are handed out from arenas, which are reserved when needed,
// in pieces: a host can replace a whole reservation by a view of a file, but
// not a part of one. Pages of an unmapped mapping stay reserved and come back
// as zeroes.
type AddressSpace struct {
	mem    host.Memory
	gran   uint64
	arenas []Range // sorted, highest first
	// top is the end of what the guest may address.
	top uint64
	log func(format string, args ...any)

	// mu guards the rest. It is a leaf: nothing is locked while it is held.
	mu   sync.RWMutex
	exec ExecHook
	vmas []vma   // sorted, not overlapping
	res  []Range // reservations, sorted; each stems from one Reserve call
	// foreign are stretches that the host refused, for something else of the
	// process lies there.
	foreign []Range
	brkLo   uint64
	brkHi   uint64
	// eager: reservations of at least this size are made in one piece, so that
	// a terabyte costs what a page costs.
	eager uint64
	// committed counts bytes of mappings that take memory; limit is how many
	// there may be, 0 for no limit.
	committed, limit uint64

	// gen changes with every change to vmas, so that cached ones expire.
	gen atomic.Uint64
	// sharedRefused counts shared file mappings that were refused.
	sharedRefused atomic.Uint64
}

// SpaceConfig is what an AddressSpace is made from.
type SpaceConfig struct {
	Memory host.Memory
	// Arenas are where mmap places mappings, from the top down.
	Arenas []Range
	// Reserved are reservations that exist already (made for the image before
	// the process began), each as one Reserve call would have made it.
	Reserved []Range
	// Top is the end of the guest's addresses, 0 for the end of the highest
	// arena.
	Top uint64
	// CommitLimit is how many bytes of readable or writable memory there may
	// be, 0 for no limit but the host's. What goes beyond gets ENOMEM. Memory
	// without access does not count.
	CommitLimit uint64
	// Log takes lines for the user; nil drops them.
	Log func(format string, args ...any)
}

// granule is the size of a usual reservation.
const granule = 1 << 20

// NewAddressSpace makes an empty address space.
func NewAddressSpace(cfg SpaceConfig) (*AddressSpace, error) {
	if cfg.Memory == nil {
		return nil, errors.New("kernel: an address space needs memory")
	}
	s := &AddressSpace{
		mem:   cfg.Memory,
		gran:  uint64(cfg.Memory.Granularity()),
		top:   cfg.Top,
		log:   cfg.Log,
		eager: 16 << 20,
		limit: cfg.CommitLimit,
	}
	for _, r := range cfg.Arenas {
		r.Lo = max((r.Lo+s.gran-1)&^(s.gran-1), abi.MmapMinAddr)
		r.Hi &^= s.gran - 1
		if r.Lo < r.Hi {
			s.arenas = append(s.arenas, r)
		}
	}
	sort.Slice(s.arenas, func(i, j int) bool { return s.arenas[i].Lo > s.arenas[j].Lo })
	for i, r := range s.arenas {
		if i > 0 && r.Hi > s.arenas[i-1].Lo {
			return nil, fmt.Errorf("kernel: arenas %#x-%#x and %#x-%#x overlap", r.Lo, r.Hi, s.arenas[i-1].Lo, s.arenas[i-1].Hi)
		}
	}
	s.res = append(s.res, cfg.Reserved...)
	sort.Slice(s.res, func(i, j int) bool { return s.res[i].Lo < s.res[j].Lo })
	if s.top == 0 {
		if len(s.arenas) > 0 {
			s.top = s.arenas[0].Hi
		}
		if n := len(s.res); n > 0 {
			s.top = max(s.top, s.res[n-1].Hi)
		}
	}
	if s.log == nil {
		s.log = func(string, ...any) {}
	}
	s.exec = func(addr, length uint64, call string) abi.Errno {
		s.log("%s(%#x, %d): memory that becomes executable is not supported yet: the program gets EACCES", call, addr, length)
		return abi.EACCES
	}
	return s, nil
}

// SetExecHook changes who decides about executable memory.
func (s *AddressSpace) SetExecHook(h ExecHook) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.exec = h
}

// Top tells the end of the guest's addresses.
func (s *AddressSpace) Top() uint64 { return s.top }

// find tells the index of the first mapping that ends above addr.
//
// Preconditions: s.mu is held.
func (s *AddressSpace) find(addr uint64) int {
	return sort.Search(len(s.vmas), func(i int) bool { return s.vmas[i].hi > addr })
}

// overlap tells whether any mapping touches [lo, hi).
//
// Preconditions: s.mu is held.
func (s *AddressSpace) overlap(lo, hi uint64) bool {
	i := s.find(lo)
	return i < len(s.vmas) && s.vmas[i].lo < hi
}

// hiddenIn tells whether pages of the runner lie in [lo, hi).
//
// Preconditions: s.mu is held.
func (s *AddressSpace) hiddenIn(lo, hi uint64) bool {
	for i := s.find(lo); i < len(s.vmas) && s.vmas[i].lo < hi; i++ {
		if s.vmas[i].hidden {
			return true
		}
	}
	return false
}

// covered tells whether mappings cover all of [lo, hi).
//
// Preconditions: s.mu is held.
func (s *AddressSpace) covered(lo, hi uint64) bool {
	for i := s.find(lo); lo < hi; i++ {
		if i == len(s.vmas) || s.vmas[i].lo > lo {
			return false
		}
		lo = s.vmas[i].hi
	}
	return true
}

// carve replaces the mappings in [lo, hi) by repl, which are sorted and lie
// inside; of mappings that reach across a border the outer parts stay.
//
// Preconditions: s.mu is held.
func (s *AddressSpace) carve(lo, hi uint64, repl ...vma) {
	s.gen.Add(1)
	i := s.find(lo)
	j := i
	for j < len(s.vmas) && s.vmas[j].lo < hi {
		j++
	}
	for k := i; k < j; k++ {
		if v := &s.vmas[k]; v.committed {
			s.committed -= min(hi, v.hi) - max(lo, v.lo)
		}
	}
	for k := range repl {
		if v := &repl[k]; v.committed {
			s.committed += v.hi - v.lo
		}
	}
	mid := make([]vma, 0, len(repl)+4)
	if i < j && s.vmas[i].lo < lo {
		mid = append(mid, s.vmas[i].cut(s.vmas[i].lo, lo))
	}
	mid = append(mid, repl...)
	if i < j && s.vmas[j-1].hi > hi {
		mid = append(mid, s.vmas[j-1].cut(hi, s.vmas[j-1].hi))
	}
	// Join what is alike, the neighbours included.
	if i > 0 {
		i--
		mid = append([]vma{s.vmas[i]}, mid...)
	}
	if j < len(s.vmas) {
		mid = append(mid, s.vmas[j])
		j++
	}
	out := mid[:0]
	for _, v := range mid {
		if n := len(out); n > 0 && out[n-1].hi == v.lo && out[n-1].alike(&v) && out[n-1].committed == v.committed {
			out[n-1].hi = v.hi
			continue
		}
		out = append(out, v)
	}
	if d := len(out) - (j - i); d > 0 {
		s.vmas = append(s.vmas, make([]vma, d)...)
		copy(s.vmas[j+d:], s.vmas[j:len(s.vmas)-d])
	} else if d < 0 {
		copy(s.vmas[j+d:], s.vmas[j:])
		s.vmas = s.vmas[:len(s.vmas)+d]
	}
	copy(s.vmas[i:], out)
}

// cut tells the part of v in [lo, hi).
func (v *vma) cut(lo, hi uint64) vma {
	w := *v
	if v.file != nil {
		w.off += lo - v.lo
	}
	w.lo, w.hi = lo, hi
	return w
}

// pieces calls f for each part of [lo, hi) that lies in one reservation.
//
// Preconditions: s.mu is held; reservations cover [lo, hi).
func (s *AddressSpace) pieces(lo, hi uint64, f func(addr, size uintptr) abi.Errno) abi.Errno {
	i := sort.Search(len(s.res), func(i int) bool { return s.res[i].Hi > lo })
	for ; lo < hi; i++ {
		if i == len(s.res) || s.res[i].Lo > lo {
			return abi.ENOMEM
		}
		end := min(hi, s.res[i].Hi)
		if err := f(uintptr(lo), uintptr(end-lo)); err != 0 {
			return err
		}
		lo = end
	}
	return 0
}

func hostProt(prot uint8) host.Prot {
	var p host.Prot
	if prot&(abi.PROT_READ|abi.PROT_WRITE) != 0 {
		p |= host.Read // x86 cannot write what it cannot read
	}
	if prot&abi.PROT_WRITE != 0 {
		p |= host.Write
	}
	if prot&abi.PROT_EXEC != 0 {
		p |= host.Read | host.Exec
	}
	return p
}

// room tells whether n more bytes may be committed.
//
// Preconditions: s.mu is held.
func (s *AddressSpace) room(n uint64) bool {
	return s.limit == 0 || n <= s.limit-min(s.limit, s.committed)
}

// supply commits pages that are not committed yet, all or none.
//
// Preconditions: s.mu is held.
func (s *AddressSpace) supply(lo, hi uint64, prot uint8) abi.Errno {
	if !s.room(hi - lo) {
		return abi.ENOMEM
	}
	if s.commit(lo, hi, prot) != 0 {
		_ = s.decommit(lo, hi)
		return abi.ENOMEM
	}
	return 0
}

func (s *AddressSpace) commit(lo, hi uint64, prot uint8) abi.Errno {
	return s.pieces(lo, hi, func(a, n uintptr) abi.Errno { return s.mem.Commit(a, n, hostProt(prot)) })
}

func (s *AddressSpace) decommit(lo, hi uint64) abi.Errno {
	return s.pieces(lo, hi, s.mem.Decommit)
}

func (s *AddressSpace) protect(lo, hi uint64, prot uint8) abi.Errno {
	return s.pieces(lo, hi, func(a, n uintptr) abi.Errno { return s.mem.Protect(a, n, hostProt(prot)) })
}

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
// or below limit.
//
// Preconditions: s.mu is held.
func (s *AddressSpace) place(size, limit uint64) (uint64, abi.Errno) {
	for attempt := range 2 {
		if attempt == 1 {
			// What was somebody else's may be free again by now.
			if len(s.foreign) == 0 {
				break
			}
			s.foreign = nil
		}
		for tries := 0; tries < 4096; tries++ {
			lo, ok := s.gap(size, limit)
			if !ok {
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
// mapped nor known to be somebody else's.
func (s *AddressSpace) gap(size, limit uint64) (uint64, bool) {
	for _, a := range s.arenas {
		a.Hi = min(a.Hi, limit)
		if a.Hi < a.Lo || a.Hi-a.Lo < size {
			continue
		}
		end := a.Hi
		i := s.find(end - 1) // the mapping that holds or follows end-1
		for end >= a.Lo+size {
			lo := end - size
			if i < len(s.vmas) && s.vmas[i].lo < end && s.vmas[i].hi > lo {
				end = s.vmas[i].lo
			} else if i > 0 && s.vmas[i-1].hi > lo {
				i--
				end = min(end, s.vmas[i].lo)
			} else if f := s.foreignIn(lo, end); f != nil {
				end = pageDown(f.Lo)
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

// mapping is a request to map.
type mapping struct {
	addr, size uint64
	prot       uint8
	flags      uint32 // of the vma
	fixed      bool
	noReplace  bool
	hidden     bool
	trusted    bool   // the loader's: the exec hook is not asked
	limit      uint64 // place it below this address; 0: anywhere
	file       *MapInfo
	off        uint64
	name       string
	call       string
	// fill puts the content in, while the pages are writable.
	fill func(lo, size uint64) abi.Errno
}

// mmap maps pages and tells where.
func (s *AddressSpace) mmap(m mapping) (uint64, abi.Errno) {
	if m.prot&abi.PROT_EXEC != 0 && !m.trusted {
		s.mu.RLock()
		hook := s.exec
		s.mu.RUnlock()
		if err := hook(m.addr, m.size, m.call); err != 0 {
			return 0, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	size := pageUp(m.size)
	lo := m.addr
	switch {
	case m.fixed:
		if m.noReplace && s.overlap(lo, lo+size) {
			return 0, abi.EEXIST
		}
		if !m.trusted && s.hiddenIn(lo, lo+size) {
			return 0, abi.EINVAL
		}
		if _, err := s.reserve(lo, lo+size); err != 0 {
			if m.noReplace {
				return 0, abi.EEXIST // something of the host's process
			}
			return 0, abi.ENOMEM
		}
		if err := s.unmap(lo, lo+size); err != 0 {
			return 0, err
		}
	default:
		limit := s.top
		if m.limit != 0 {
			limit = min(limit, m.limit)
		}
		lo = pageUp(lo)
		ok := lo >= abi.MmapMinAddr && lo+size > lo && lo+size <= limit && !s.overlap(lo, lo+size)
		if ok {
			_, err := s.reserve(lo, lo+size)
			ok = err == 0
		}
		if !ok {
			var err abi.Errno
			if lo, err = s.place(size, limit); err != 0 {
				return 0, err
			}
		}
	}
	v := vma{lo: lo, hi: lo + size, prot: m.prot, flags: m.flags, hidden: m.hidden, file: m.file, off: m.off, name: m.name}
	if m.prot != 0 || m.fill != nil {
		first := m.prot
		if m.fill != nil {
			first = abi.PROT_READ | abi.PROT_WRITE
		}
		if err := s.supply(lo, lo+size, first); err != 0 {
			return 0, err
		}
		v.committed = true
		if m.fill != nil {
			err := m.fill(lo, size)
			if err == 0 && m.prot != first {
				err = s.protect(lo, lo+size, m.prot)
			}
			if err != 0 {
				_ = s.decommit(lo, lo+size)
				return 0, err
			}
		}
	}
	s.carve(lo, lo+size, v)
	return lo, 0
}

// unmap takes the mappings in [lo, hi) away.
//
// Preconditions: s.mu is held.
func (s *AddressSpace) unmap(lo, hi uint64) abi.Errno {
	changed := false
	for i := s.find(lo); i < len(s.vmas) && s.vmas[i].lo < hi; i++ {
		changed = true
		if v := &s.vmas[i]; v.committed {
			if err := s.decommit(max(lo, v.lo), min(hi, v.hi)); err != 0 {
				return err
			}
		}
	}
	if changed {
		s.carve(lo, hi)
	}
	return 0
}

// munmap is the guest's unmap.
func (s *AddressSpace) munmap(lo, hi uint64) abi.Errno {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hiddenIn(lo, hi) {
		return abi.EINVAL
	}
	return s.unmap(lo, hi)
}

// mprotect changes what [lo, hi) allows. Like Linux it changes what lies
// before the first hole and then answers ENOMEM.
func (s *AddressSpace) mprotect(lo, hi uint64, prot uint8, trusted bool, call string) abi.Errno {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !trusted && s.hiddenIn(lo, hi) {
		return abi.ENOMEM
	}
	if prot&abi.PROT_EXEC != 0 && !trusted && !s.execAlready(lo, hi, prot) {
		hook := s.exec
		s.mu.Unlock()
		err := hook(lo, hi-lo, call)
		s.mu.Lock()
		if err != 0 {
			return err
		}
	}
	// The changed mappings are put in place at once: one by one each would
	// move all that follow.
	var changed []vma
	at, errno := lo, abi.Errno(0)
	fresh := uint64(0) // committed here; carve counts it for good
	for i := s.find(lo); at < hi; i++ {
		if i == len(s.vmas) || s.vmas[i].lo > at {
			errno = abi.ENOMEM
			break
		}
		w := s.vmas[i].cut(at, min(hi, s.vmas[i].hi))
		if w.file != nil && w.flags&vmShared != 0 && prot&abi.PROT_WRITE != 0 {
			errno = abi.EACCES // shared file mappings are copies so far
			break
		}
		if prot != w.prot {
			switch {
			case w.committed:
				if s.protect(w.lo, w.hi, prot) != 0 {
					errno = abi.ENOMEM
				}
			case prot != 0:
				if errno = s.supply(w.lo, w.hi, prot); errno == 0 {
					w.committed = true
					fresh += w.hi - w.lo
					s.committed += w.hi - w.lo
				}
			}
			if errno != 0 {
				break
			}
			w.prot = prot
		}
		changed = append(changed, w)
		at = w.hi
	}
	s.committed -= fresh
	if at > lo {
		s.carve(lo, at, changed...)
	}
	return errno
}

// execAlready tells whether all of [lo, hi) is executable and stays as it is
// but for rights that are taken away.
//
// Preconditions: s.mu is held.
func (s *AddressSpace) execAlready(lo, hi uint64, prot uint8) bool {
	if !s.covered(lo, hi) {
		return false
	}
	for i := s.find(lo); i < len(s.vmas) && s.vmas[i].lo < hi; i++ {
		p := s.vmas[i].prot
		if p&abi.PROT_EXEC == 0 || prot&abi.PROT_WRITE&^p != 0 || p&abi.PROT_WRITE != 0 {
			return false
		}
	}
	return true
}

// mremap resizes or moves the mapping at [addr, addr+old).
func (s *AddressSpace) mremap(addr, oldSize, newSize uint64, flags uint32, to uint64) (uint64, abi.Errno) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hiddenIn(addr, addr+max(oldSize, 1)) {
		return 0, abi.EFAULT
	}
	i := s.find(addr)
	if i == len(s.vmas) || s.vmas[i].lo > addr {
		return 0, abi.EFAULT
	}
	if oldSize == 0 {
		return 0, abi.EINVAL // a second view of shared memory
	}
	fixed := flags&abi.MREMAP_FIXED != 0
	if fixed {
		if s.hiddenIn(to, to+newSize) {
			return 0, abi.EINVAL
		}
		if err := s.unmap(to, to+newSize); err != 0 {
			return 0, err
		}
	}
	if newSize < oldSize {
		if err := s.unmap(addr+newSize, addr+oldSize); err != 0 {
			return 0, err
		}
		oldSize = newSize
	}
	if newSize == oldSize && !fixed {
		return addr, 0
	}
	// The range must be one mapping; ours may be split where pages were
	// committed later, which Linux does not know.
	i = s.find(addr)
	end := addr
	for j := i; j < len(s.vmas) && end < addr+oldSize; j++ {
		v := &s.vmas[j]
		if j > i && (v.lo != end || !s.vmas[j-1].alike(v)) {
			break
		}
		end = v.hi
	}
	if end < addr+oldSize {
		return 0, abi.EFAULT
	}
	v := s.vmas[i]
	if !fixed {
		if end == addr+oldSize && !s.overlap(end, addr+newSize) && addr+newSize <= s.top {
			if _, err := s.reserve(end, addr+newSize); err == 0 {
				w := s.vmas[s.find(end-1)].cut(end-abi.PageSize, end)
				w.lo, w.hi, w.off = end, addr+newSize, w.off+abi.PageSize
				if w.file == nil {
					w.off = 0
				}
				w.committed = w.prot != 0
				if w.committed {
					if err := s.supply(w.lo, w.hi, w.prot); err != 0 {
						return 0, err
					}
				}
				s.carve(w.lo, w.hi, w)
				return addr, 0
			}
		}
		if flags&abi.MREMAP_MAYMOVE == 0 {
			return 0, abi.ENOMEM
		}
		var err abi.Errno
		if to, err = s.place(newSize, s.top); err != 0 {
			return 0, err
		}
	} else if _, err := s.reserve(to, to+newSize); err != 0 {
		return 0, abi.ENOMEM
	}
	return to, s.move(addr, oldSize, to, newSize, v)
}

// move copies [addr, addr+oldSize) to a free, reserved place and unmaps it.
//
// Preconditions: s.mu is held.
func (s *AddressSpace) move(addr, oldSize, to, newSize uint64, like vma) abi.Errno {
	w := like.cut(max(addr, like.lo), like.hi)
	w.lo, w.hi, w.committed = to, to+newSize, false
	// Of memory without access only what was used once is there to be copied;
	// everything else is committed as a whole.
	var parts []vma
	if w.prot != 0 {
		w.committed = true
		parts = []vma{w}
	} else {
		parts = s.usedParts(addr, oldSize, w)
	}
	need := uint64(0)
	for _, v := range parts {
		if v.committed {
			need += v.hi - v.lo
		}
	}
	if !s.room(need) {
		return abi.ENOMEM
	}
	undo := func(n int) {
		for i := range n {
			_ = s.decommit(parts[i].lo, parts[i].hi)
		}
	}
	for i, v := range parts {
		if !v.committed {
			continue
		}
		if err := s.supply(v.lo, v.hi, abi.PROT_READ|abi.PROT_WRITE); err != 0 {
			undo(i)
			return err
		}
	}
	for i := s.find(addr); i < len(s.vmas) && s.vmas[i].lo < addr+oldSize; i++ {
		v := &s.vmas[i]
		if !v.committed {
			continue
		}
		lo, hi := max(addr, v.lo), min(addr+oldSize, v.hi)
		if v.prot&(abi.PROT_READ|abi.PROT_WRITE|abi.PROT_EXEC) == 0 {
			if err := s.protect(lo, hi, abi.PROT_READ); err != 0 {
				undo(len(parts))
				return err
			}
		}
		copy(rawBytes(to+(lo-addr), hi-lo), rawBytes(lo, hi-lo))
	}
	for _, v := range parts {
		if v.committed {
			if err := s.protect(v.lo, v.hi, v.prot); err != 0 {
				undo(len(parts))
				return err
			}
		}
	}
	if err := s.unmap(addr, addr+oldSize); err != 0 {
		return err
	}
	s.carve(w.lo, w.hi, parts...)
	return 0
}

// usedParts cuts w, which is to take the place of the mappings without access
// in [addr, addr+size), into what is committed and what is not.
//
// Preconditions: s.mu is held.
func (s *AddressSpace) usedParts(addr, size uint64, w vma) []vma {
	var parts []vma
	at := w.lo
	for i := s.find(addr); i < len(s.vmas) && s.vmas[i].lo < addr+size; i++ {
		end := w.lo + (min(addr+size, s.vmas[i].hi) - addr)
		p := w.cut(at, end)
		p.committed = s.vmas[i].committed
		parts = append(parts, p)
		at = end
	}
	if at < w.hi {
		parts = append(parts, w.cut(at, w.hi))
	}
	return parts
}

// discard makes [lo, hi) zero where it is private and anonymous.
func (s *AddressSpace) discard(lo, hi uint64) abi.Errno {
	s.mu.Lock()
	defer s.mu.Unlock()
	var idle []vma // without access: they need no memory any more
	defer func() {
		for _, v := range idle {
			s.carve(v.lo, v.hi, v)
		}
	}()
	for i := s.find(lo); i < len(s.vmas) && s.vmas[i].lo < hi; i++ {
		v := s.vmas[i]
		if !v.committed || v.file != nil || v.hidden || v.flags&vmShared != 0 {
			continue
		}
		a, b := max(lo, v.lo), min(hi, v.hi)
		// Other threads may touch the pages meanwhile, so small stretches
		// are cleared where they are; only large ones go back to the host.
		if v.prot&abi.PROT_WRITE != 0 && b-a < 256<<10 {
			clear(rawBytes(a, b-a))
			continue
		}
		if err := s.decommit(a, b); err != 0 {
			return err
		}
		if v.prot == 0 {
			v = v.cut(a, b)
			v.committed = false
			idle = append(idle, v)
			continue
		}
		if err := s.commit(a, b, v.prot); err != 0 {
			return abi.ENOMEM
		}
	}
	return 0
}

// rawBytes makes a slice of guest memory. The caller has made sure that the
// pages are there.
func rawBytes(addr, n uint64) []byte {
	// A conversion that vet accepts: the memory is none of Go's, so that
	// neither the collector nor the stack copier has a say in it.
	p := uintptr(addr)
	return unsafe.Slice((*byte)(*(*unsafe.Pointer)(unsafe.Pointer(&p))), int(n))
}

// MapsText tells what /proc/self/maps shows.
func (s *AddressSpace) MapsText() string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var b strings.Builder
	for i := 0; i < len(s.vmas); i++ {
		v := s.vmas[i]
		if v.hidden {
			continue
		}
		for i+1 < len(s.vmas) && s.vmas[i+1].lo == v.hi && v.alike(&s.vmas[i+1]) {
			i++
			v.hi = s.vmas[i].hi
		}
		perm := []byte("---p")
		if v.prot&abi.PROT_READ != 0 {
			perm[0] = 'r'
		}
		if v.prot&abi.PROT_WRITE != 0 {
			perm[1] = 'w'
		}
		if v.prot&abi.PROT_EXEC != 0 {
			perm[2] = 'x'
		}
		if v.flags&vmShared != 0 {
			perm[3] = 's'
		}
		var info MapInfo
		if v.file != nil {
			info = *v.file
		}
		name := v.name
		if name == "" {
			name = info.Path
		}
		line := fmt.Sprintf("%08x-%08x %s %08x %02x:%02x %d", v.lo, v.hi, perm, v.off, info.Major, info.Minor, info.Inode)
		if name != "" {
			// Names stand in column 73 on 64-bit Linux.
			line = fmt.Sprintf("%-72s %s", line, name)
		} else {
			line += " "
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

// Usage tells how many bytes are mapped and committed.
func (s *AddressSpace) Usage() (mapped, committed uint64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for i := range s.vmas {
		if v := &s.vmas[i]; !v.hidden {
			mapped += v.hi - v.lo
			if v.committed {
				committed += v.hi - v.lo
			}
		}
	}
	return mapped, committed
}
