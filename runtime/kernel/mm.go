package kernel

import (
	"errors"
	"fmt"
	"sort"
	"sync"
	"sync/atomic"
	"unsafe"

	"bee/internal/address"
	"bee/runtime/abi"
	"bee/runtime/host"
)

const pageMask = abi.PageSize - 1

func pageDown(a uint64) uint64 { return a &^ pageMask }

func pageUp(a uint64) uint64 { return (a + pageMask) &^ pageMask }

// Range is a stretch of addresses, [Lo, Hi).
type Range struct{ Lo, Hi uint64 }

func (r Range) overlaps(lo, hi uint64) bool { return r.Lo < hi && lo < r.Hi }

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
	// beyond: the pages lie wholly behind the end of what they show. Linux
	// sends SIGBUS for them, the host has nothing there.
	beyond bool
	// busy: the content is being read from the file, without the lock.
	// Whoever wants to change the pages waits, see settle.
	busy bool
	obj  *object  // what is mapped; nil: private memory of no file, or the loader's
	file *MapInfo // nil: anonymous
	off  uint64   // of lo in the file
	name string   // [heap], [stack]
}

// Flags of a mapping.
const (
	vmShared     = 1 << iota // MAP_SHARED
	vmLocked                 // mlock
	vmNoWrite                // may not become writable: the file's seals
	vmDontFork               // MADV_DONTFORK
	vmWipeOnFork             // MADV_WIPEONFORK
)

// viewed tells whether the pages are those of a view, and not private memory.
func (v *vma) viewed() bool { return v.obj != nil && v.flags&vmShared != 0 && !v.obj.copied }

// alike tells whether Linux would keep w, which follows v, in one mapping.
func (v *vma) alike(w *vma) bool {
	if v.prot != w.prot || v.flags != w.flags || v.hidden != w.hidden || v.file != w.file || v.name != w.name {
		return false
	}
	return v.file == nil || v.off+(v.hi-v.lo) == w.off
}

// same tells whether v and w differ in nothing but the place.
func (v *vma) same(w *vma) bool {
	return v.committed == w.committed && v.beyond == w.beyond && v.busy == w.busy && v.obj == w.obj && v.alike(w)
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

	// pauseOthers is SpaceConfig.Pause; see pause.
	pauseOthers func() (resume func())

	// mu guards the rest. It is a leaf: nothing is locked while it is held.
	// Files are read without it (see fill); what is asked under it are sizes of
	// files, and a truncation is done under it, since nobody may map the file
	// meanwhile. Release it with unlock where mappings may have gone.
	mu   sync.RWMutex
	idle *sync.Cond // of mu: a busy mapping has become ready
	exec ExecHook
	vmas []vma   // sorted, not overlapping
	res  []Range // reservations, sorted; each stems from one Reserve call
	// views are what sections show, sorted. No reservation overlaps the
	// granules that they lie in.
	views []view
	// objects are what mappings show, by Mappable.Key; dead ones have lost
	// their last mapping and are closed by unlock.
	objects  map[any]*object
	dead     []*object
	released []Mappable // references to be given back by unlock
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
	// mapped, data and locked count bytes of the guest's mappings, for
	// RLIMIT_AS, RLIMIT_DATA and RLIMIT_MEMLOCK.
	mapped, data, locked uint64
	// lockFuture: mlockall(MCL_FUTURE).
	lockFuture bool
	// anonymous numbers shared memory of no file, as inodes.
	anonymous uint64
	// paused counts for how many the other threads stand still, resume lets
	// them go on.
	paused int
	resume func()

	// gen changes with every change to vmas, so that cached ones expire.
	gen atomic.Uint64
	// unfit counts shared mappings that were refused because the host cannot
	// place them, see unfitAt.
	unfit atomic.Uint64
	// shortest is how long the shortest mapped file is, in bytes; all ones if
	// none is mapped. Writes that end before it need not ask who maps the file.
	shortest atomic.Uint64
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
	// Pause stops the guest's other threads wherever they run its code, and its
	// result lets them go on. It is called with the address space locked, where
	// pages vanish for a moment because the host cannot do better: when a view
	// is replaced by a larger or smaller one, or a mapping by another. Calls do
	// not overlap. Nil: there are no other threads.
	Pause func() (resume func())
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

		pauseOthers: cfg.Pause,

		objects: map[any]*object{},
	}
	s.idle = sync.NewCond(&s.mu)
	s.shortest.Store(^uint64(0))
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

// unlock releases s.mu and closes what lost its last mapping meanwhile.
//
// Preconditions: s.mu is held.
func (s *AddressSpace) unlock() {
	var gone []*object
	for _, o := range s.dead {
		if o.bytes == 0 && !o.closed {
			o.closed = true
			if o.file != nil {
				delete(s.objects, o.file.Key())
			}
			if o.file == nil {
				s.committed -= o.size
			}
			s.closeSection(o) // now: a file that has one cannot be truncated
			gone = append(gone, o)
		}
	}
	back := s.released
	s.dead, s.released = nil, nil
	if len(gone) > 0 {
		s.noteShortest()
	}
	s.mu.Unlock()
	for _, o := range gone {
		if o.file != nil {
			o.file.Release()
		}
	}
	for _, f := range back {
		f.Release()
	}
}

// settle waits until nothing in [lo, hi) is busy.
//
// Preconditions: s.mu is held; it is released meanwhile.
func (s *AddressSpace) settle(lo, hi uint64) {
	for again := true; again; {
		again = false
		for i := s.find(lo); i < len(s.vmas) && s.vmas[i].lo < hi; i++ {
			if s.vmas[i].busy {
				again = true
				s.idle.Wait()
				break
			}
		}
	}
}

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

// count adds n bytes of mappings like v, or takes them away.
//
// Preconditions: s.mu is held.
func (s *AddressSpace) count(v *vma, n uint64) {
	if v.committed {
		s.committed += n
	}
	if !v.hidden {
		s.mapped += n
		if v.isData() {
			s.data += n
		}
		if v.flags&vmLocked != 0 {
			s.locked += n
		}
	}
	if o := v.obj; o != nil {
		if o.bytes += n; o.bytes == 0 {
			s.dead = append(s.dead, o)
		}
	}
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
	for k := range repl {
		s.count(&repl[k], repl[k].hi-repl[k].lo)
	}
	for k := i; k < j; k++ {
		v := &s.vmas[k]
		s.count(v, -(min(hi, v.hi) - max(lo, v.lo)))
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
		if n := len(out); n > 0 && out[n-1].hi == v.lo && out[n-1].same(&v) {
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

// pieces calls f for each part of [lo, hi) that lies in one reservation or
// view.
//
// Preconditions: s.mu is held; reservations and views cover [lo, hi).
func (s *AddressSpace) pieces(lo, hi uint64, f func(addr, size uintptr) abi.Errno) abi.Errno {
	for lo < hi {
		var end uint64
		if i := sort.Search(len(s.res), func(i int) bool { return s.res[i].Hi > lo }); i < len(s.res) && s.res[i].Lo <= lo {
			end = min(hi, s.res[i].Hi)
		} else if i := s.findView(lo); i < len(s.views) && s.views[i].lo <= lo && s.views[i].hi > lo {
			end = min(hi, s.views[i].hi)
		} else {
			return abi.ENOMEM
		}
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

// rawBytes makes a slice of guest memory. The caller has made sure that the
// pages are there.
func rawBytes(addr, n uint64) []byte {
	return unsafe.Slice((*byte)(address.Pointer(uintptr(addr))), int(n))
}
