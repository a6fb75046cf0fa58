package plan

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"bee/image"
	"bee/rewrite/decode"
)

// SourceObject as FuncRange.Source marks a range of text as data (a symbol of
// type OBJECT): discovery takes nothing in it for code.
const SourceObject = "object"

// discover finds the code in regions.
//
// Everything hangs on how certain a place is:
//
//   - Strong: entry points, function symbols, unwind ranges, and what control
//     flow reaches from there without leaving a function of known extents.
//   - Soft: what follows a call where no function extents say that it belongs
//     to the caller (the callee may never return), immediates and words in
//     data that may be code pointers, targets of soft code. Soft places are
//     decoded on trial, up to the next end of flow, and dropped as a whole
//     when the trial meets bytes that are no instruction, an instruction that
//     no compiler writes, the middle of a proven instruction, data or the end
//     of the text.
//   - Sweep: what lies uncovered inside a function of known extents and
//     decodes without contradiction from one proven boundary to the next.
//   - Gaps: what lies uncovered elsewhere, on trial as above, when the trial
//     also ties in with proven code (calls known functions).
//
// What makes an interior boundary proven not to be a target. Control arrives
// at an address by falling through, by a direct branch, by a return, or
// through a pointer that somebody made.
//
//   - Direct branches of proven code are all known. Bytes that are not proven
//     may be code nobody saw: every offset in them is read as a branch of
//     every form, and wherever that would go is a target (markUnknown). So
//     no direct branch in the image, seen or not, leads to a non-target.
//   - Returns go behind calls, and every such address is a target. setjmp,
//     contexts and landing pads: a landing pad is not reached by falling
//     through, and every instruction behind one that does not fall through
//     is a target.
//   - A pointer to code is a word in data (the caller of discover lists the
//     aligned ones, all are targets), an immediate, a PC-relative or
//     GOT-relative lea (all are targets, also where they are read at any
//     offset of unproven bytes), or it is computed from a table of
//     differences. Compilers jump through the sum at once. So jumps through a
//     pointer that was loaded or passed arrive at targets, and only jumps
//     through a computed register need their table found: those make a
//     function unresolved unless the table is found and its end is known.
//
// The jump through a table of differences stays within its function. What
// belongs together is: extents that overlap, extents with direct jumps into
// each other's interior, a function and its .cold part. Without known extents
// a function reaches from one call target to the next. A function is resolved
// when no unresolved indirect jump is in any part of it, and no unproven
// bytes in any part of it hold what could be an indirect jump.
func discover(regions []Region, ev Evidence, opt Options) (*code, error) {
	d, err := newDiscovery(regions, ev, opt)
	if err != nil {
		return nil, err
	}
	d.seed()
	d.settle()
	// Pointers find places that a sweep then need not guess; sweeps find
	// immediates that are pointers. Each round proves something or is the
	// last.
	for range maxRounds {
		before := d.insts
		d.sweep()
		d.settle()
		d.tryCandidates()
		d.settle()
		d.gaps()
		d.settle()
		if d.insts == before {
			break
		}
	}
	d.finish()
	return d.code, nil
}

const (
	maxRounds = 6
	// trialLimit bounds the instructions of one trial. So many without a
	// contradiction are code; what is left of the flow is queued.
	trialLimit = 4096
	// maxTable bounds the entries of a jump table.
	maxTable = 1 << 16
)

// extent is a trusted function while discovery runs.
type extent struct {
	start, end int // bits
	name       string
	group      int32 // parent in the union-find forest of parts of one function
}

// discovery is the state of discover.
type discovery struct {
	*code
	ev  Evidence
	got uint64
	// relocatable code holds no addresses as numbers.
	relocatable bool

	data  bitmap // not code, whatever it decodes to
	heads bitmap // strong starts of functions: call targets, entries, extents
	asked bitmap // has been a candidate
	trust []extent
	cold  map[string]int // index in trust by name, for .cold parts

	noReturn map[uint64]struct{}

	strong []int // bits to walk
	soft   []int // bits to try
	cands  []int // bits of possible pointers

	inds    []indirect
	tables  []uint64 // addresses of known tables, sorted
	insts   int
	journal []mark
	work    []int
	credit  int // instructions that failed trials may still cost
	rom     []dataRange
}

// mark is one placed instruction; absorbed is the bit of a shorter reading of
// it without its prefixes, -1 if none.
type mark struct{ at, absorbed int }

type dataRange struct {
	Region
	readOnly bool
}

// noReturnNames are functions whose callers do not go on.
var noReturnNames = map[string]bool{
	"abort": true, "__GI_abort": true, "exit": true, "__GI_exit": true, "_exit": true, "__GI__exit": true, "_Exit": true,
	"__stack_chk_fail": true, "__stack_chk_fail_local": true, "__assert_fail": true, "__GI___assert_fail": true,
	"__assert": true, "__fortify_fail": true, "__GI___fortify_fail": true, "__chk_fail": true, "__GI___chk_fail": true,
	"__libc_fatal": true, "__cxa_throw": true, "__cxa_rethrow": true, "_Unwind_Resume": true, "__cxa_bad_cast": true,
	"_ZSt9terminatev": true, "__cxa_call_unexpected": true, "__clang_call_terminate": true, "longjmp": true,
	"siglongjmp": true, "__longjmp_chk": true, "pthread_exit": true,
}

func newDiscovery(regions []Region, ev Evidence, opt Options) (*discovery, error) {
	c := &code{arch: opt.Arch}
	switch opt.Arch {
	case image.I386:
		c.mode = decode.Mode32
	case image.AMD64:
		c.mode = decode.Mode64
	default:
		return nil, fmt.Errorf("plan: unknown architecture %d", opt.Arch)
	}
	for _, r := range regions {
		if len(r.Data) == 0 {
			continue
		}
		if r.Addr+uint64(len(r.Data)) < r.Addr {
			return nil, fmt.Errorf("plan: text at %#x with %#x bytes wraps around", r.Addr, len(r.Data))
		}
		c.regions = append(c.regions, r)
	}
	slices.SortFunc(c.regions, func(a, b Region) int { return cmp.Compare(a.Addr, b.Addr) })
	c.base = make([]int, 1, len(c.regions)+1)
	for i, r := range c.regions {
		if i > 0 && c.regions[i-1].Addr+uint64(len(c.regions[i-1].Data)) > r.Addr {
			return nil, fmt.Errorf("plan: text at %#x overlaps text at %#x", r.Addr, c.regions[i-1].Addr)
		}
		c.base = append(c.base, c.base[i]+len(r.Data))
	}
	n := c.size()
	c.start, c.cover, c.targets = newBitmap(n), newBitmap(n), newBitmap(n)
	d := &discovery{
		code: c, ev: ev, got: ev.GOT, relocatable: opt.Relocatable,
		data: newBitmap(n), heads: newBitmap(n), asked: newBitmap(n),
		cold: map[string]int{}, noReturn: map[uint64]struct{}{},
		credit: 8*n + 1<<16,
	}
	for i, r := range ev.Data {
		if len(r.Data) > 0 && r.Addr+uint64(len(r.Data)) >= r.Addr {
			d.rom = append(d.rom, dataRange{r, i < len(ev.ReadOnly) && ev.ReadOnly[i]})
		}
	}
	for _, r := range c.regions {
		d.rom = append(d.rom, dataRange{r, true})
	}
	slices.SortStableFunc(d.rom, func(a, b dataRange) int { return cmp.Compare(a.Addr, b.Addr) })
	d.trustExtents()
	return d, nil
}

// clip gives the bits of an address range within one region.
func (d *discovery) clip(start, end uint64) (s, e int, ok bool) {
	s, ok = d.index(start)
	if !ok || end <= start {
		return s, s, false
	}
	r := d.region(s)
	n := min(end-start, d.regions[r].Addr+uint64(len(d.regions[r].Data))-start)
	return s, s + int(n), true
}

// sigreturns are the beginnings of signal-return code. Their unwind entries
// begin one byte early, because unwinders look for the caller's address
// minus one.
var sigreturns = []string{
	"\x58\xb8\x77\x00\x00\x00\xcd\x80", "\xb8\xad\x00\x00\x00\xcd\x80", "\x48\xc7\xc0\x0f\x00\x00\x00\x0f\x05",
	"\xb8\x0f\x00\x00\x00\x0f\x05", // klibc
}

// startOf gives the address of a function's first instruction.
func (d *discovery) startOf(f FuncRange) uint64 {
	if d.sigreturn(f.Start + 1) {
		return f.Start + 1
	}
	return f.Start
}

// sigreturn tells whether signal-return code is at a.
func (d *discovery) sigreturn(a uint64) bool {
	for _, s := range sigreturns {
		if string(d.bytes(a, len(s))) == s {
			return true
		}
	}
	return false
}

// trustExtents makes the ranges of the evidence disjoint: ranges that overlap
// become one.
func (d *discovery) trustExtents() {
	for _, f := range d.ev.Funcs {
		s, e, ok := d.clip(d.startOf(f), f.End)
		if f.Source == SourceObject {
			if ok {
				d.data.setRange(s, e)
			}
			continue
		}
		if noReturnNames[f.Name] {
			d.noReturn[f.Start] = struct{}{}
		}
		if ok {
			d.trust = append(d.trust, extent{start: s, end: e, name: f.Name})
		}
	}
	slices.SortStableFunc(d.trust, func(a, b extent) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(b.end, a.end), cmp.Compare(len(b.name), len(a.name)), cmp.Compare(a.name, b.name))
	})
	out := d.trust[:0]
	for _, f := range d.trust {
		if n := len(out); n > 0 && f.start < out[n-1].end {
			out[n-1].end = max(out[n-1].end, f.end)
			continue
		}
		out = append(out, f)
	}
	d.trust = out
	for i := range d.trust {
		d.trust[i].group = int32(i)
		if n := d.trust[i].name; n != "" {
			if _, twice := d.cold[n]; twice {
				d.cold[n] = -1 // a static function's name may stand for several
			} else {
				d.cold[n] = i
			}
		}
	}
	for i := range d.trust {
		name := d.trust[i].name
		if k := strings.Index(name, ".cold"); k > 0 {
			if h, ok := d.cold[name[:k]]; ok && h >= 0 {
				d.union(i, h)
			}
		}
	}
}

// trusted gives the trusted function around bit i, -1 if there is none, and
// the bit where the next one begins.
func (d *discovery) trusted(i int) (f, next int) {
	n, found := slices.BinarySearchFunc(d.trust, i, func(e extent, i int) int {
		switch {
		case e.end <= i:
			return -1
		case e.start > i:
			return 1
		}
		return 0
	})
	if found {
		return n, d.trust[n].end
	}
	if n < len(d.trust) {
		return -1, d.trust[n].start
	}
	return -1, d.size()
}

func (d *discovery) root(f int) int {
	for int(d.trust[f].group) != f {
		d.trust[f].group = d.trust[d.trust[f].group].group
		f = int(d.trust[f].group)
	}
	return f
}

// union says that two extents are parts of one function.
func (d *discovery) union(f, g int) {
	f, g = d.root(f), d.root(g)
	if f > g {
		f, g = g, f
	}
	d.trust[g].group = int32(f)
}

// seed queues what is certain, and the pointers.
func (d *discovery) seed() {
	for _, a := range d.ev.Entries {
		d.seedHead(a)
	}
	for i := range d.trust {
		d.head(d.trust[i].start)
	}
	for _, f := range d.ev.Funcs {
		if f.Source != SourceObject {
			d.seedHead(d.startOf(f))
		}
	}
	for _, a := range d.ev.CodePointers {
		d.candidate(a)
	}
}

func (d *discovery) seedHead(a uint64) {
	if i, ok := d.index(a); ok && !d.data.get(i) {
		d.head(i)
	}
}

// head queues a strong start of a function.
func (d *discovery) head(i int) {
	d.targets.set(i)
	if !d.heads.get(i) {
		d.heads.set(i)
		d.strong = append(d.strong, i)
	}
}

// candidate notes a possible pointer to code. It is a target whatever it is.
func (d *discovery) candidate(a uint64) {
	i, ok := d.index(a)
	if !ok {
		return
	}
	d.targets.set(i)
	if !d.asked.get(i) {
		d.asked.set(i)
		d.cands = append(d.cands, i)
	}
}

// settle follows the queues until they are empty and no jump table gives
// anything new.
func (d *discovery) settle() {
	for {
		d.settleFlow()
		if !d.resolveJumps() {
			return
		}
	}
}

// word reads n bytes at a, little endian, from data or text.
func (d *discovery) word(a uint64, n int) (v uint64, readOnly, ok bool) {
	k, found := slices.BinarySearchFunc(d.rom, a, func(r dataRange, a uint64) int { return cmp.Compare(r.Addr, a) })
	if !found {
		k--
	}
	if k < 0 {
		return 0, false, false
	}
	r := &d.rom[k]
	off := a - r.Addr
	if off >= uint64(len(r.Data)) || uint64(len(r.Data))-off < uint64(n) {
		return 0, false, false
	}
	switch n {
	case 4:
		return uint64(binary.LittleEndian.Uint32(r.Data[off:])), r.readOnly, true
	case 8:
		return binary.LittleEndian.Uint64(r.Data[off:]), r.readOnly, true
	}
	return 0, false, false
}
