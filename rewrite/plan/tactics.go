package plan

import (
	"bytes"
	"slices"

	"bee/image"
	"bee/rewrite/decode"
)

// A patchRange is a stretch of the program's bytes that changes as a whole.
type patchRange struct {
	start, end uint64
	kind       rangeKind
	insts      []moved // what stood there, in order
	instEnd    uint64  // behind the last of insts; padding follows up to end
	proof      image.Proof
	pad        *pad    // how the range reaches its trampoline, nil: jmp rel32
	tramp      uint64  // where its trampoline is
	need       [2]bool // ProofFaulting: which low bytes of the displacement must fault
}

func (r *patchRange) size() uint64 { return r.end - r.start }

// moved is an instruction of a range; site is nil for a neighbour.
type moved struct {
	*inst
	site *site
}

type rangeKind uint8

const (
	rangeSame  rangeKind = iota // same length, no trampoline
	rangeTramp                  // jump to a trampoline
	rangeCall                   // call *%gs:0x10 as a direct call
	rangeTrap
)

const (
	jumpLen = 5
	// maxWindow bounds windows; longer ones gain nothing.
	maxWindow = 40
)

// choose gives every site a range, in the order of preference. Sites of less
// than 5 bytes go first, since they may need their neighbours, sites among
// them.
func (p *planner) choose() {
	var short, long []*site
	for _, s := range p.sites {
		switch {
		case s.nowhere != "" && p.opt.Form == FormWindows:
		case s.same != nil:
		case s.Len >= jumpLen:
			long = append(long, s)
		default:
			short = append(short, s)
		}
	}
	p.findPads()

	// Pads are scarce: sites without a window choose first.
	var rest []*site
	hard := map[*site]bool{}
	for _, s := range short {
		if s.rng == nil && p.window(s) == nil && !p.takePad(s, image.TacticPad) {
			rest = append(rest, s)
			hard[s] = true
		}
	}
	for _, s := range short {
		if s.rng == nil && !hard[s] && !p.takePad(s, image.TacticPad) && !p.takeWindow(s) {
			rest = append(rest, s)
		}
	}
	for _, s := range long {
		if s.rng == nil && !p.inPlace(s) {
			rest = append(rest, s)
		}
	}
	for _, s := range rest {
		switch {
		case s.rng != nil:
		case p.merge(s):
		case p.takePad(s, image.TacticEviction): // by now ranges have spare bytes
		case p.evict(s):
		case p.takeFaulting(s):
		}
	}
	for _, s := range p.sites {
		switch {
		case s.rng != nil:
		case s.nowhere != "" && p.opt.Form == FormWindows:
			p.hopeless(s, s.nowhere)
		case s.same != nil:
			if !p.fits(s.addr, s.end(), moved{&s.inst, s}) {
				p.hopeless(s, "a jump goes into it")
				continue
			}
			p.take(&patchRange{start: s.addr, end: s.end(), kind: rangeSame, insts: []moved{{&s.inst, s}}}, image.TacticSameLength)
		default:
			p.hopeless(s, "no pad within reach, no window with proof, nothing to evict")
		}
	}
}

// hopeless refuses a site, or makes it a trap.
func (p *planner) hopeless(s *site, why string) {
	if !p.opt.AllowTrap || !p.free(s.addr, s.end()) {
		p.refuse(s.addr, s.raw, why, ErrNoTactic)
		return
	}
	p.take(&patchRange{start: s.addr, end: s.end(), kind: rangeTrap, insts: []moved{{&s.inst, s}}}, image.TacticTrap)
}

// take makes r final. Sites in it get the tactic.
func (p *planner) take(r *patchRange, t image.Tactic) {
	if r.instEnd == 0 {
		r.instEnd = r.end
	}
	p.owner.take(r.start, r.end, r)
	p.ranges = append(p.ranges, r)
	for _, m := range r.insts {
		if m.site != nil {
			m.site.rng, m.site.tactic, m.site.proof = r, t, r.proof
		}
	}
	// Pads of padding that the range uses up.
	p.pads.drop(max(r.start, jumpLen)-jumpLen, r.end, func(q *pad) bool {
		return q.user == nil && q.in == nil && q.addr < r.end && r.start < q.addr+jumpLen
	})
	// Bytes behind the jump are free. In a trap everything is visible.
	if r.kind == rangeTramp && r.pad == nil && r.proof != image.ProofFaulting {
		for b := r.start + jumpLen; b+jumpLen <= r.end; b += jumpLen {
			p.pads.add(&pad{addr: b, in: r})
		}
	}
}

// inPlace takes a site of 5 bytes or more.
func (p *planner) inPlace(s *site) bool {
	if !p.fits(s.addr, s.end(), moved{&s.inst, s}) {
		return false
	}
	r := &patchRange{start: s.addr, end: s.end(), kind: rangeTramp, insts: []moved{{&s.inst, s}}, proof: image.ProofNoInterior}
	if s.kind == image.KindVsyscallCall {
		if s.Len > jumpLen+3 {
			return false
		}
		r.kind = rangeCall
	}
	p.take(r, image.TacticJump)
	return true
}

// findPads cuts the padding within reach of short sites into pads.
func (p *planner) findPads() {
	var last uint64 // end of the padding already cut
	for _, s := range p.sites {
		if s.Len >= jumpLen || s.same != nil {
			continue
		}
		lo, hi := s.addr+2-128, s.addr+2+127
		if lo > s.addr {
			lo = 0
		}
		for b := max(lo, last); b <= hi; b++ {
			if p.view.covered(b) {
				continue
			}
			start, end, ok := p.view.padding(b)
			if !ok || end <= b {
				continue
			}
			for q := max(start, last); q+jumpLen <= end; q += jumpLen {
				if targetIn(p.view, q, q+jumpLen) {
					continue
				}
				p.pads.add(&pad{addr: q})
			}
			last = max(last, end)
			b = end - 1
		}
	}
}

// takePad takes a short site with the nearest free pad.
func (p *planner) takePad(s *site, t image.Tactic) bool {
	if s.kind == image.KindVsyscallCall || !p.fits(s.addr, s.end(), moved{&s.inst, s}) {
		return false
	}
	var best *pad
	dist := func(q *pad) uint64 {
		d := int64(q.addr - (s.addr + 2))
		if d != int64(int8(d)) {
			return 1 << 20
		}
		return uint64(max(d, -d))
	}
	for q := range p.pads.between(max(s.addr, 128)-128, s.addr+130) {
		if q.user == nil && dist(q) < 128+1 && (best == nil || dist(q) < dist(best)) {
			best = q
		}
	}
	if best == nil {
		return false
	}
	p.usePad(s, best, t)
	return true
}

func (p *planner) usePad(s *site, q *pad, t image.Tactic) {
	r := &patchRange{
		start: s.addr, end: s.end(), kind: rangeTramp, insts: []moved{{&s.inst, s}}, pad: q, proof: image.ProofNoInterior,
	}
	q.user = r
	if q.in == nil {
		p.owner.take(q.addr, q.addr+jumpLen, r)
	}
	p.take(r, t)
}

// takeWindow takes a site with its neighbours.
func (p *planner) takeWindow(s *site) bool {
	r := p.window(s)
	if r == nil {
		return false
	}
	p.take(r, image.TacticWindow)
	return true
}

// window gives the best window of s that is free: one that begins at the
// site, else one that begins further in front.
func (p *planner) window(s *site) *patchRange { return p.windowBy(s, false) }

func (p *planner) windowBy(s *site, faulting bool) *patchRange {
	for start := s.addr; ; {
		if r := p.buildBy(start, s.end(), jumpLen, faulting); r != nil {
			return r
		}
		prev, ok := p.before(start)
		if !ok || s.addr-prev.addr > maxWindow/2 {
			return nil
		}
		start = prev.addr
	}
}

// merge widens a window next to s until it covers s.
func (p *planner) merge(s *site) bool {
	try := func(old *patchRange) bool {
		if old == nil || old.kind != rangeTramp || old.pad != nil || old.size() > maxWindow {
			return false
		}
		for q := range p.pads.inside(old) {
			if q.user != nil {
				return false
			}
		}
		start, end := min(old.start, s.addr), max(old.end, s.end())
		p.release(old)
		r := p.build(start, end, jumpLen)
		if r == nil {
			p.restore(old)
			return false
		}
		p.take(r, image.TacticWindow)
		return true
	}
	for d := uint64(0); d < maxWindow/2; d++ {
		if try(p.owner.at(s.end()+d)) || s.addr > d && try(p.owner.at(s.addr-1-d)) {
			return true
		}
	}
	return false
}

// release takes r back; restore undoes that.
func (p *planner) release(r *patchRange) {
	p.owner.release(r.start, r.end)
	for _, m := range r.insts {
		if m.site != nil {
			m.site.rng = nil
		}
	}
	p.ranges = slices.DeleteFunc(p.ranges, func(x *patchRange) bool { return x == r })
	p.pads.drop(r.start, r.end, func(q *pad) bool { return q.in == r })
}

func (p *planner) restore(r *patchRange) {
	t := image.TacticWindow
	for _, m := range r.insts {
		if m.site != nil {
			t = m.site.tactic
		}
	}
	p.take(r, t)
}

// evict moves neighbours of 10 bytes or more away, so that their place holds
// the jump to their trampoline and a pad for s. Single instructions, which
// need no proof, go first, then the nearest.
func (p *planner) evict(s *site) bool {
	if s.kind == image.KindVsyscallCall || !p.fits(s.addr, s.end(), moved{&s.inst, s}) {
		return false
	}
	var best *patchRange
	rank := func(r *patchRange) int64 {
		d := int64(r.start+jumpLen) - int64(s.addr+2)
		d = max(d, -d)
		if len(r.insts) > 1 {
			d += 1000
		}
		return d
	}
	lo := max(s.addr, 160) - 160
	for a := lo; a < s.addr+130; a++ {
		if !p.view.instAt(a) || a >= s.addr && a < s.end() {
			continue
		}
		if d := int64(a+jumpLen) - int64(s.addr+2); d != int64(int8(d)) {
			continue
		}
		r := p.build(a, a+1, 2*jumpLen)
		if r == nil || r.start < s.end() && s.addr < r.end {
			continue
		}
		if best == nil || rank(r) < rank(best) {
			best = r
		}
	}
	if best == nil {
		return false
	}
	p.take(best, image.TacticWindow)
	for q := range p.pads.inside(best) {
		if q.addr == best.start+jumpLen {
			p.usePad(s, q, image.TacticEviction)
			return true
		}
	}
	return false
}

// build gives the range of whole instructions that starts at start, reaches
// to cover at least, has at least size bytes and is free, movable and proven;
// nil if there is none.
func (p *planner) build(start, cover, size uint64) *patchRange {
	return p.buildBy(start, cover, size, false)
}

// buildBy is build; faulting says that a function with unresolved jumps will
// do where old boundaries can fault.
func (p *planner) buildBy(start, cover, size uint64, faulting bool) *patchRange {
	fn, ok := p.view.function(start)
	if !ok {
		return nil
	}
	r := &patchRange{start: start, kind: rangeTramp, proof: image.ProofNoInterior}
	a := start
	for a < cover || a-start < size {
		if a-start > maxWindow {
			return nil
		}
		if n := len(r.insts); n > 0 {
			last := r.insts[n-1]
			if !last.FallsThrough() {
				break
			}
			if last.Class == decode.Call || last.Class == decode.CallInd || a >= fn.end {
				return nil
			}
		}
		in, ok := p.instAt(a)
		if !ok {
			return nil
		}
		m := moved{in, p.siteAt(a)}
		if !p.movable(m) {
			return nil
		}
		r.insts = append(r.insts, m)
		a = in.end()
	}
	if a < cover {
		return nil
	}
	r.instEnd = a
	if a-start < size { // padding behind a jump or return
		_, end, ok := p.view.padding(a)
		if !ok || p.view.covered(a) || end < start+size {
			return nil
		}
		a = start + size
		r.proof = image.ProofResolved
	}
	r.end = a
	if len(r.insts) > 1 {
		r.proof = image.ProofResolved
	}
	if r.proof == image.ProofResolved && !fn.resolved {
		if !faulting || !r.faultable() {
			return nil
		}
		r.proof = image.ProofFaulting
	}
	if !p.fits(r.start, r.end, r.insts...) {
		return nil
	}
	return r
}

// fits tells whether [start, end), which holds insts and then padding, may
// change: nobody has it, no target lies inside, and no other proven
// instruction shares its bytes, as `lock cmpxchg` does with `cmpxchg` where
// code jumps over the prefix.
func (p *planner) fits(start, end uint64, insts ...moved) bool {
	return !p.targetInside(start, end) && p.free(start, end) && !p.shared(start, insts)
}

// shared tells whether instructions that are not in insts begin or end among
// their bytes.
func (p *planner) shared(start uint64, insts []moved) bool {
	for n := uint64(1); n < 15 && n <= start; n++ {
		if in, ok := p.instAt(start - n); ok && in.end() > start {
			return true
		}
	}
	for _, m := range insts {
		for b := m.addr + 1; b < m.end(); b++ {
			if p.view.instAt(b) {
				return true
			}
		}
	}
	return false
}

// targetInside tells whether control may arrive behind start and before end.
//
// A target in the middle of an instruction, where no instruction is proven,
// is none: it is a word of data that looks like a pointer, or a branch read
// out of bytes that nobody proved. Behind a lock prefix it is one: glibc jumps
// over those.
func (p *planner) targetInside(start, end uint64) bool { return targetIn(p.view, start+1, end) }

func targetIn(view codeView, start, end uint64) bool {
	for b := start; b < end; b++ {
		if view.target(b) && (view.instAt(b) || !view.covered(b) || behindLock(view, b)) {
			return true
		}
	}
	return false
}

// behindLock tells whether b is the second byte of a proven instruction whose
// first is a lock prefix.
func behindLock(view codeView, b uint64) bool {
	return b > 0 && view.instAt(b-1) && bytes.Equal(view.bytes(b-1, 1), []byte{0xf0})
}

// free tells whether no range has any of the bytes.
func (p *planner) free(start, end uint64) bool {
	for b := start; b < end; b++ {
		if p.owner.has(b) {
			return false
		}
	}
	return true
}

// instAt gives the proven instruction at a.
func (p *planner) instAt(a uint64) (*inst, bool) {
	if !p.view.instAt(a) {
		return nil, false
	}
	if s := p.siteAt(a); s != nil {
		return &s.inst, true
	}
	raw := p.view.bytes(a, 15)
	in, err := decode.Decode(raw, p.mode())
	if err != nil {
		return nil, false
	}
	return &inst{a, in, raw[:in.Len]}, true
}

func (p *planner) mode() decode.Mode {
	if p.wide {
		return decode.Mode64
	}
	return decode.Mode32
}

// before gives the proven instruction that ends at a.
func (p *planner) before(a uint64) (*inst, bool) {
	for n := uint64(1); n <= 15 && n <= a; n++ {
		if !p.view.instAt(a - n) {
			continue
		}
		in, ok := p.instAt(a - n)
		return in, ok && in.end() == a
	}
	return nil, false
}
