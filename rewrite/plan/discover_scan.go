package plan

import (
	"encoding/binary"
	"slices"

	"bee/image"
	"bee/rewrite/decode"
)

// nopLen gives the length of the no-operation at the start of b that
// compilers and assemblers pad with, 0 if there is none; int3 counts.
func (d *discovery) nopLen(b []byte) int {
	if len(b) == 0 {
		return 0
	}
	if b[0] == 0x90 || b[0] == 0xcc {
		return 1
	}
	in, err := decode.Decode(b[:min(len(b), 16)], d.mode)
	if err != nil || in.Enc != decode.Legacy || int(in.Len) > len(b) {
		return 0
	}
	n := int(in.Len)
	switch in.Map {
	case decode.Map0F:
		if in.Opcode == 0x1f && in.ModRM>>3&7 == 0 {
			return n
		}
	case decode.MapOneByte:
		switch in.Opcode {
		case 0x90: // 66 90, and pause, which is not one
			if in.Prefix&decode.Rep == 0 && in.REX&1 == 0 {
				return n
			}
		case 0x87: // xchg %ax,%ax
			if in.ModRM == 0xc0 && in.Prefix&decode.OpSize66 != 0 {
				return n
			}
		case 0x8d: // lea 0(%esi),%esi and its longer forms
			if d.mode == decode.Mode32 && in.MemOperand && in.Prefix&decode.AddrSize67 == 0 {
				reg := in.ModRM >> 3 & 7
				base, ok := in.MemBase()
				_, idx := in.MemIndex()
				if !ok || idx || base != reg {
					return 0
				}
				for k := 0; k < int(in.DispLen); k++ {
					if b[int(in.DispOff)+k] != 0 {
						return 0
					}
				}
				return n
			}
		case 0x89: // mov %esi,%esi
			if d.mode == decode.Mode32 && in.Len == 2 && in.ModRM>>6 == 3 && in.ModRM>>3&7 == in.ModRM&7 {
				return n
			}
		}
	}
	return 0
}

// skipPad gives the end of the no-operations from bit i on, end at most.
func (d *discovery) skipPad(i, end int) int {
	for i < end {
		n := d.nopLen(d.tail(i))
		if n == 0 || i+n > end {
			break
		}
		i += n
	}
	return i
}

// gapFrom gives the next uncovered run of bits from i on, within end.
func (d *discovery) gapFrom(i, end int) (s, e int) {
	s = min(d.cover.nextClear(i), end)
	return s, min(d.cover.next(s), end)
}

// endsFlow tells whether flow ends in front of bit i: it begins its region or
// stands behind an instruction that does not fall through, or that may not.
func (d *discovery) endsFlow(i int) bool {
	if i == d.base[d.region(i)] {
		return true
	}
	if !d.cover.get(i - 1) {
		return false
	}
	p := d.start.prev(i - 1)
	in, ok := d.decodeAt(p)
	if !ok || p+int(in.Len) != i {
		return false
	}
	return !in.FallsThrough() || in.Class == decode.Call || in.Class == decode.CallInd || in.Class == decode.Int3
}

// sweep proves what lies uncovered in trusted functions and decodes from one
// proven boundary to the next.
func (d *discovery) sweep() {
	for f := range d.trust {
		end := d.trust[f].end
		for i := d.trust[f].start; i < end; {
			s, e := d.gapFrom(i, end)
			if s >= end {
				break
			}
			i = e
			d.sweepGap(s, e)
		}
	}
}

func (d *discovery) sweepGap(s, e int) {
	d.journal = d.journal[:0]
	from := s
	if d.endsFlow(s) {
		from = d.skipPad(s, e)
	}
	if d.linear(from, e, false) {
		d.commit()
		return
	}
	d.rollback()
	if from < e && d.credit > 0 {
		d.try(from, func(c confirm) bool { return c.ties > 0 })
	}
}

// linear places the instructions from bit p to e, where the last one must
// end, and end the flow if ends is set. Padding behind an end of flow is left
// out.
func (d *discovery) linear(p, e int, ends bool) bool {
	ended := false
	for p < e {
		if ended {
			if p = d.skipPad(p, e); p >= e {
				break
			}
		}
		in, ok := d.decodeAt(p)
		if !ok || d.implausible(p, &in) || p+int(in.Len) > e {
			return false
		}
		m, ok := d.place(p, &in)
		if !ok {
			return false
		}
		d.journal = append(d.journal, m)
		ended = !in.FallsThrough()
		p += int(in.Len)
	}
	if ends && !ended {
		return false
	}
	for _, m := range d.journal {
		in, _ := d.decodeAt(m.at)
		if in.RelLen == 0 {
			continue
		}
		a := in.Target(d.addr(m.at))
		if t, ok := d.index(a); a != 0 && (!ok || !d.mayArrive(t)) {
			return false
		}
	}
	return true
}

// tryCandidates tries the possible pointers.
func (d *discovery) tryCandidates() {
	slices.Sort(d.cands)
	tried := len(d.cands) // what is proven on the way names more
	kept := d.cands[:0:0]
	for _, i := range d.cands[:tried] {
		if d.cover.get(i) || d.data.get(i) {
			continue
		}
		if !d.looksLikeStart(i) {
			kept = append(kept, i)
			continue
		}
		d.try(i, nil)
		d.settleFlow()
	}
	d.cands = append(kept, d.cands[tried:]...)
}

// settleFlow empties the queues without a look at jump tables.
func (d *discovery) settleFlow() {
	for len(d.strong)+len(d.soft) > 0 {
		d.drain()
		soft := d.soft
		d.soft = nil
		for _, i := range soft {
			d.try(i, nil)
			d.drain()
		}
	}
}

// drain follows the strong queue.
func (d *discovery) drain() {
	for n := len(d.strong); n > 0; n = len(d.strong) {
		i := d.strong[n-1]
		d.strong = d.strong[:n-1]
		d.walk(i)
	}
}

// looksLikeStart tells whether a function or a label that is reached through
// a pointer may begin at bit i, judging by what stands in front.
func (d *discovery) looksLikeStart(i int) bool {
	b := d.tail(i)
	if len(b) >= 4 && b[0] == 0xf3 && b[1] == 0x0f && b[2] == 0x1e && (b[3] == 0xfa || b[3] == 0xfb) {
		return true
	}
	if d.endsFlow(i) || d.sigreturn(d.addr(i)) {
		return true
	}
	r := d.region(i)
	if i-d.base[r] < 16 {
		return d.addr(i)&15 == 0
	}
	if d.cover.get(i - 1) {
		return false
	}
	if f, _ := d.trusted(i); f >= 0 {
		return false // the sweep has refused it
	}
	return d.padBefore(i) || d.returnBefore(i)
}

// padBefore tells whether the bytes in front of bit i, which nothing is known
// about, end with padding that is hardly anything else.
func (d *discovery) padBefore(i int) bool {
	lo := d.base[d.region(i)]
	if i-lo >= 3 && d.tail(i - 3)[0] == 0x66 && d.tail(i - 2)[0] == 0x90 && d.tail(i - 1)[0] == 0x90 {
		return true // gas pads with xchg %ax,%ax, and one nop at the end
	}
	for n := min(15, i-lo); n > 1; n-- {
		if b := d.tail(i - n); d.nopLen(b) == n && (n > 2 || b[0] == 0x66) {
			return true
		}
	}
	return i-lo >= 2 && d.tail(i - 2)[0] == 0xcc && d.tail(i - 1)[0] == 0xcc
}

// returnBefore tells whether the byte in front of bit i may be a return, a
// short padding or a halt.
func (d *discovery) returnBefore(i int) bool {
	if i == d.base[d.region(i)] {
		return false
	}
	switch d.tail(i - 1)[0] {
	case 0xcc, 0x90, 0xc3, 0xf4:
		return d.addr(i)&15 == 0 || d.prologue(i)
	}
	return false
}

// gaps tries what stands between the functions that are known.
func (d *discovery) gaps() {
	for r := range d.regions {
		end := d.base[r+1]
		for i := d.base[r]; i < end; {
			s, e := d.gapFrom(i, end)
			if s >= end {
				break
			}
			i = e
			if f, next := d.trusted(s); f >= 0 {
				if d.trust[f].end < e {
					i = d.trust[f].end
				}
				continue
			} else if next < e {
				e, i = next, next
			}
			d.tryGap(s, e)
		}
	}
}

func (d *discovery) tryGap(s, e int) {
	enough := func(p int) func(confirm) bool {
		prologue := d.prologue(p)
		return func(c confirm) bool { return c.ties > 0 && c.insts > 2 || prologue && c.insts > 3 }
	}
	for s < e && d.endsFlow(s) {
		p := d.skipPad(s, e)
		if p >= e {
			return
		}
		if !d.attempt(p, true, enough(p)) && !d.try(p, enough(p)) {
			s = p
			break
		}
		d.settleFlow()
		s, _ = d.gapFrom(p, e)
	}
	// Aligned starts behind padding.
	for i := s + 1; i < e && d.credit > 0; i++ {
		if d.addr(i)&15 != 0 {
			i += 15 - int(d.addr(i)&15)
			continue
		}
		if d.cover.get(i) || d.data.get(i) || !d.padBefore(i) {
			continue
		}
		d.attempt(i, true, func(c confirm) bool { return c.ties > 1 || c.ties > 0 && d.prologue(i) })
		d.settleFlow()
	}
	// Whatever is left whole and decodes from end to end.
	for s < e {
		g, h := d.gapFrom(s, e)
		if g >= e {
			return
		}
		s = h
		if d.endsFlow(g) {
			d.wholeGap(g, h)
			d.settleFlow()
		}
	}
}

// wholeGap proves the code in s to e if it decodes as one piece, ends with an
// end of flow and is too long to do so by chance. Behind a hlt, which
// compilers take for an instruction like any other (musl crashes by it), any
// length will do, and it may go on into what is known.
func (d *discovery) wholeGap(s, e int) bool {
	enough, ends := 10, true
	if d.behindHlt(s) {
		enough, ends = 1, e >= d.size() || !d.start.get(e)
	}
	d.journal = d.journal[:0]
	if d.linear(d.skipPad(s, e), e, ends) && len(d.journal) >= enough {
		d.commit()
		return true
	}
	d.credit -= len(d.journal)
	d.rollback()
	return false
}

// behindHlt tells whether the instruction in front of bit i is a hlt.
func (d *discovery) behindHlt(i int) bool {
	return i > d.base[d.region(i)] && d.start.get(i-1) && d.tail(i - 1)[0] == 0xf4
}

// prologue tells whether the bytes at bit i are what functions begin with.
func (d *discovery) prologue(i int) bool {
	b := d.tail(i)
	if len(b) < 4 {
		return false
	}
	switch {
	case b[0] == 0xf3 && b[1] == 0x0f && b[2] == 0x1e && (b[3] == 0xfa || b[3] == 0xfb):
		return true
	case b[0] == 0x55 && (b[1] == 0x89 && b[2] == 0xe5 || b[1] == 0x48 && b[2] == 0x89 && b[3] == 0xe5):
		return true
	case b[0] >= 0x53 && b[0] <= 0x57 && b[0] != 0x54 && (b[1] >= 0x53 && b[1] <= 0x57 || b[1] == 0x83 && b[2] == 0xec || b[1] == 0x48 && b[2] == 0x83 && b[3] == 0xec):
		return true
	case b[0] == 0x41 && b[1] >= 0x54 && b[1] <= 0x57, b[0] == 0x48 && b[1] == 0x83 && b[2] == 0xec, b[0] == 0x83 && b[1] == 0xec:
		return true
	}
	return false
}

// finish looks at everything once more, now that all is known.
func (d *discovery) finish() {
	c := d.code
	// The gaps that hold patterns, with less to agree: a pattern that stands
	// in consistent code is a site.
	for range maxRounds {
		if !d.trySites() {
			break
		}
		d.settle()
		d.tryCandidates() // what the new code names
		d.settle()
	}
	d.cands = nil
	c.pad, d.asked = d.asked, nil // its memory
	clear(c.pad)
	d.findPadding()
	d.partition()
	groups := d.finalGroups()
	d.markUnknown(groups)
	for k := range d.inds {
		if !d.inds[k].done && d.start.get(d.inds[k].at) {
			c.counts.UnresolvedInd++
			if f := c.funcIndex(d.addr(d.inds[k].at)); f >= 0 {
				groups.taint[groups.root(f)] = true
			}
		}
	}
	for f := range c.funcs {
		c.funcs[f].resolved = !groups.taint[groups.root(f)]
	}
	d.findPatterns()
	c.counts.TextBytes = uint64(c.size())
	c.counts.ProvenBytes = c.cover.count()
	c.counts.Insts = c.start.count()
}

// trySites tries the gaps in which something looks like a site: from their
// start, function by function, as far as that gives consistent code.
func (d *discovery) trySites() bool {
	before := d.insts
	for r := range d.regions {
		end := d.base[r+1]
		for i := d.base[r]; i < end; {
			s, e := d.gapFrom(i, end)
			if s >= end {
				break
			}
			i = e
			found := false
			for p := s; p < e && !found; p++ {
				if !d.data.get(p) {
					_, found = d.pattern(p, e)
				}
			}
			for found && s < e && d.endsFlow(s) {
				p := d.skipPad(s, e)
				if p >= e || !d.try(p, func(c confirm) bool { return c.ends > 0 && c.insts > 2 }) {
					break
				}
				d.settleFlow()
				s, _ = d.gapFrom(p, e)
			}
		}
	}
	return d.insts != before
}

// findPadding marks the padding: no-operations and int3 that stand behind an
// end of flow, and zero bytes that fill the whole of a gap.
func (d *discovery) findPadding() {
	c := d.code
	for r := range c.regions {
		end := c.base[r+1]
		for i := c.base[r]; i < end; {
			s, e := d.gapFrom(i, end)
			if s >= end {
				break
			}
			i = e
			d.padGap(s, e)
		}
	}
}

func (d *discovery) padGap(s, e int) {
	r := d.region(s)
	// Several runs may stand in one gap, each in front of a trusted function
	// that could not be decoded, or of unknown code; only the first one
	// follows an end of flow that is known.
	if !d.endsFlow(s) {
		return
	}
	limit := e
	if s > d.base[r] {
		p := d.start.prev(s - 1)
		in, ok := d.decodeAt(p)
		if ok && in.FallsThrough() {
			// Behind a call: only where the function ends there or the
			// callee never returns.
			f, _ := d.trusted(p)
			_, no := d.noReturn[in.Target(d.addr(p))]
			if !(f >= 0 && s >= d.trust[f].end || in.Class == decode.Call && no) {
				return
			}
		}
	}
	if t := d.targets.nextUpTo(s, limit); t < limit {
		if t == s {
			if p := d.start.prev(s - 1); p < 0 || s == d.base[r] {
				return
			} else if in, ok := d.decodeAt(p); !ok || in.Class != decode.Call && in.Class != decode.CallInd {
				return
			}
			t = d.targets.nextUpTo(s+1, limit)
		}
		limit = t
	}
	limit = d.data.nextUpTo(s, limit)
	p := d.skipPad(s, limit)
	if p < limit {
		// Zeros, if nothing else is in the rest of the gap.
		z := p
		for z < limit && d.tail(z)[0] == 0 {
			z++
		}
		if z == limit && (limit == e || d.heads.get(limit)) {
			p = z
		}
	}
	if p == limit && (limit == e || d.targets.get(limit) || d.heads.get(limit)) || d.addr(p)&15 == 0 && p < limit {
		d.pad.setRange(s, p)
	}
}

// partition builds the list of functions: the trusted ones, and between them
// what reaches from one head to the next.
func (d *discovery) partition() {
	c := d.code
	t := 0
	for r := range c.regions {
		end := c.base[r+1]
		for i := c.base[r]; i < end; {
			for t < len(d.trust) && d.trust[t].end <= i {
				t++
			}
			limit := end
			if t < len(d.trust) && d.trust[t].start < end {
				if d.trust[t].start <= i {
					e := min(d.trust[t].end, end)
					c.funcs = append(c.funcs, function{start: c.addr(i), end: c.addr(i) + uint64(e-i), name: d.trust[t].name})
					i = e
					continue
				}
				limit = d.trust[t].start
			}
			e := d.heads.nextUpTo(i+1, limit)
			if d.start.nextUpTo(i, e) < e {
				c.funcs = append(c.funcs, function{start: c.addr(i), end: c.addr(i) + uint64(e-i)})
			}
			i = e
		}
	}
}

func (c *code) funcIndex(a uint64) int {
	n, found := slices.BinarySearchFunc(c.funcs, a, func(f function, a uint64) int {
		switch {
		case f.end <= a:
			return -1
		case f.start > a:
			return 1
		}
		return 0
	})
	if !found {
		return -1
	}
	return n
}

// groups joins the functions that are parts of one.
type groups struct {
	parent []int32
	taint  []bool // at the root
}

func (g *groups) root(f int) int {
	for int(g.parent[f]) != f {
		g.parent[f] = g.parent[g.parent[f]]
		f = int(g.parent[f])
	}
	return f
}

func (g *groups) union(a, b int) {
	a, b = g.root(a), g.root(b)
	if a > b {
		a, b = b, a
	}
	g.parent[b] = int32(a)
}

// finalGroups joins parts of functions and marks the targets that only the
// finished picture shows.
func (d *discovery) finalGroups() *groups {
	c := d.code
	g := &groups{parent: make([]int32, len(c.funcs)), taint: make([]bool, len(c.funcs))}
	for f := range c.funcs {
		g.parent[f] = int32(f)
	}
	for k := range d.trust {
		if r := d.root(k); r != k {
			a, b := c.funcIndex(c.addr(d.trust[k].start)), c.funcIndex(c.addr(d.trust[r].start))
			if a >= 0 && b >= 0 {
				g.union(a, b)
			}
		}
	}
	f := 0
	ended := true
	prevEnd := -1
	c.each(0, func(a uint64, in *decode.Inst, raw []byte) bool {
		i, _ := c.index(a)
		for f < len(c.funcs) && c.funcs[f].end <= a {
			f++
		}
		in1 := f < len(c.funcs) && c.funcs[f].start <= a
		if ended || prevEnd != i {
			c.targets.set(i) // not reached by falling through
		}
		prevEnd = i + int(in.Len)
		ended = !in.FallsThrough()
		switch in.Class {
		case decode.Jcc, decode.Jmp:
			t := in.Target(a)
			if ti, ok := c.index(t); ok {
				c.targets.set(ti)
			}
			if in1 && (t < c.funcs[f].start || t >= c.funcs[f].end) {
				if h := c.funcIndex(t); h >= 0 && (in.Class == decode.Jcc || c.funcs[h].start != t) {
					g.union(f, h)
				}
			}
		case decode.Seq:
			if in1 && a+uint64(in.Len) >= c.funcs[f].end && f+1 < len(c.funcs) && c.funcs[f+1].start == a+uint64(in.Len) {
				g.union(f, f+1)
			}
			if in.Map == decode.Map0F && in.Opcode == 0x1e && in.Prefix&decode.Rep != 0 && (in.ModRM == 0xfa || in.ModRM == 0xfb) {
				c.targets.set(i)
			}
		}
		return true
	})
	return g
}

// markUnknown reads the bytes that are neither proven nor padding as
// branches, pointers and indirect jumps at every offset. See discover.
func (d *discovery) markUnknown(g *groups) {
	c := d.code
	mark := func(a uint64) {
		if d.mode == decode.Mode32 {
			a = uint64(uint32(a))
		}
		if i, ok := c.index(a); ok {
			c.targets.set(i)
		}
	}
	f := 0
	for r := range c.regions {
		end := c.base[r+1]
		data := c.regions[r].Data
		for i := c.base[r]; i < end; i++ {
			if c.cover.get(i) || c.pad.get(i) {
				n := c.cover.nextClear(i)
				if c.pad.get(i) {
					n = c.pad.nextClear(i)
				}
				i = min(n, end) - 1
				continue
			}
			off := i - c.base[r]
			b := data[off:min(off+16, len(data))]
			a := c.regions[r].Addr + uint64(off)
			if len(b) >= 2 {
				switch op := b[0]; {
				case op >= 0x70 && op <= 0x7f, op >= 0xe0 && op <= 0xe3, op == 0xeb:
					mark(a + 2 + uint64(int64(int8(b[1]))))
				case op == 0xff && b[1]>>3&7 == 4:
					for f < len(c.funcs) && c.funcs[f].end <= a {
						f++
					}
					if f < len(c.funcs) && c.funcs[f].start <= a {
						g.taint[g.root(f)] = true
					}
				}
			}
			if len(b) >= 5 && (b[0] == 0xe8 || b[0] == 0xe9) {
				mark(a + 5 + uint64(int64(int32(binary.LittleEndian.Uint32(b[1:])))))
			}
			if len(b) >= 6 && b[0] == 0x0f && b[1]&0xf0 == 0x80 {
				mark(a + 6 + uint64(int64(int32(binary.LittleEndian.Uint32(b[2:])))))
			}
			if len(b) >= 4 {
				v := binary.LittleEndian.Uint32(b)
				if !d.relocatable {
					mark(uint64(int64(int32(v))))
				}
				if d.mode == decode.Mode32 && d.got != 0 {
					mark(uint64(uint32(d.got) + v))
				}
			}
			if len(b) >= 8 && !d.relocatable {
				mark(binary.LittleEndian.Uint64(b))
			}
			if d.mode == decode.Mode64 && len(b) >= 6 && b[0] == 0x8d && b[1]&0xc7 == 5 {
				mark(a + 6 + uint64(int64(int32(binary.LittleEndian.Uint32(b[2:])))))
			}
		}
	}
}

// findPatterns lists what looks like a site in bytes that are not proven.
func (d *discovery) findPatterns() {
	c := d.code
	for r := range c.regions {
		end := c.base[r+1]
		for i := c.base[r]; i < end; {
			s, e := d.gapFrom(i, end)
			i = e
			for p := s; p < e; p++ {
				if c.pad.get(p) {
					continue
				}
				if k, ok := d.pattern(p, e); ok {
					c.patterns = append(c.patterns, image.Pattern{Addr: c.addr(p), Kind: k})
				}
			}
		}
	}
}

// pattern tells whether the bytes at bit i, end at most, look like a site.
func (d *discovery) pattern(i, end int) (image.Kind, bool) {
	b := d.tail(i)
	b = b[:min(len(b), end-i, 15)]
	if len(b) < 2 {
		return 0, false
	}
	m32 := d.mode == decode.Mode32
	switch b[0] {
	case 0xcd:
		return image.KindInt80, b[1] == 0x80
	case 0x0f:
		switch b[1] {
		case 0x05:
			return image.KindSyscall, !m32
		case 0x34:
			return image.KindSysenter, m32
		case 0xa0, 0xa8:
			return image.KindSegRead, true
		case 0xa1, 0xa9, 0xb4, 0xb5:
			return image.KindSegWrite, true
		}
		return 0, false
	case 0x65:
		if !m32 {
			return 0, false
		}
	case 0x64:
		if m32 {
			return 0, false
		}
	case 0x8c, 0x8e, 0x66, 0xf3:
	default:
		if b[0]&0xf0 != 0x40 || m32 {
			return 0, false
		}
		return 0, false
	}
	in, err := decode.Decode(b, d.mode)
	if err != nil || d.implausible(i, &in) {
		return 0, false
	}
	switch {
	case in.FSGSBase == decode.RdFSBase, in.FSGSBase == decode.RdGSBase:
		return image.KindSegRead, true
	case in.FSGSBase != decode.NoFSGSBase:
		return image.KindSegWrite, true
	case b[0] == 0x8c:
		return image.KindSegRead, in.Sreg == decode.FS || in.Sreg == decode.GS
	case b[0] == 0x8e:
		return image.KindSegWrite, in.Sreg == decode.FS || in.Sreg == decode.GS
	case b[0] == 0x66 || b[0] == 0xf3:
		return 0, false // the prefix alone says nothing; 65 behind it is met next
	case m32 && in.Class == decode.CallInd && in.MemOperand && in.Len == 7:
		return image.KindVsyscallCall, true
	case in.MemOperand && in.Class == decode.Seq && (!in.HasModRM || in.Opcode != 0x8d):
		return image.KindTLSOperand, in.Seg == decode.GS && m32 || in.Seg == decode.FS && !m32
	}
	return 0, false
}
