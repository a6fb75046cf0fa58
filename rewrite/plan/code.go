package plan

import (
	"math/bits"
	"slices"
	"sort"

	"bee/image"
	"bee/rewrite/decode"
)

// code is what discovery proved of a program's executable bytes and what the
// tactics build on. Discovery (discover) fills it; nothing changes it later,
// so any number of goroutines may ask it.
type code struct {
	arch    image.Arch
	mode    decode.Mode
	regions []Region // sorted by address, not overlapping

	// funcs are the non-overlapping extents that discovery worked with,
	// sorted by start.
	funcs []function

	// The bitmaps hold one bit per byte of text. The regions stand in them
	// one behind the other: the first byte of regions[i] is bit base[i], and
	// base has one more entry, the number of bits.
	base    []int
	start   bitmap // a proven instruction starts here
	cover   bitmap // the byte belongs to a proven instruction
	targets bitmap // control may arrive here other than by falling through
	pad     bitmap // the byte is padding

	patterns []image.Pattern
	counts   Stats
}

// function is one stretch of code that was followed as a whole.
type function struct {
	start, end uint64
	name       string
	// resolved: every indirect jump inside is resolved (jump tables, jumps
	// through pointers), so targets inside it are complete. See discover.
	resolved bool
}

// The questions that tactics ask; discovery implements them on bitmaps with
// one bit per byte of text.
type codeView interface {
	// instAt tells whether a proven instruction starts at a.
	instAt(a uint64) bool
	// covered tells whether byte a belongs to a proven instruction.
	covered(a uint64) bool
	// target tells whether control may arrive at a other than by falling
	// through from the instruction in front: a direct branch or call goes
	// there, a call returns there (the address behind a call), a symbol,
	// FDE, landing pad, code pointer or jump table names it. It may be the
	// middle of an instruction (glibc jumps over lock prefixes), so a window
	// asks it of every byte behind its first.
	target(a uint64) bool
	// function gives the function around a.
	function(a uint64) (function, bool)
	// padding gives the extent of the run of bytes around a that no control
	// flow reaches (nops, int3, zero bytes between functions or behind an
	// unconditional jump); ok is false where a is not padding.
	padding(a uint64) (start, end uint64, ok bool)
	// each calls f for every proven instruction from a on, in address order,
	// until f returns false. The Inst is valid during the call only.
	each(from uint64, f func(a uint64, in *decode.Inst, raw []byte) bool)
	// bytes gives the original bytes at a, n at most, fewer at the end of
	// the region.
	bytes(a uint64, n int) []byte
	// unproven lists byte patterns that look like sites but that no
	// evidence reaches, sorted by address.
	unproven() []image.Pattern
	// stats gives the counts for the report.
	stats() Stats
}

var _ codeView = (*code)(nil)

// index gives the bit of address a.
func (c *code) index(a uint64) (int, bool) {
	lo, hi := 0, len(c.regions)
	for lo < hi {
		m := int(uint(lo+hi) >> 1)
		if c.regions[m].Addr <= a {
			lo = m + 1
		} else {
			hi = m
		}
	}
	if lo == 0 {
		return 0, false
	}
	r := &c.regions[lo-1]
	off := a - r.Addr
	if off >= uint64(len(r.Data)) {
		return 0, false
	}
	return c.base[lo-1] + int(off), true
}

// region gives the region that holds bit i.
func (c *code) region(i int) int {
	if len(c.regions) == 1 {
		return 0
	}
	return sort.SearchInts(c.base, i+1) - 1
}

// addr gives the address of bit i.
func (c *code) addr(i int) uint64 {
	r := c.region(i)
	return c.regions[r].Addr + uint64(i-c.base[r])
}

// tail gives the bytes from bit i to the end of its region.
func (c *code) tail(i int) []byte {
	r := c.region(i)
	return c.regions[r].Data[i-c.base[r]:]
}

// size is the number of bytes of text.
func (c *code) size() int { return c.base[len(c.regions)] }

func (c *code) instAt(a uint64) bool {
	i, ok := c.index(a)
	return ok && c.start.get(i)
}

func (c *code) covered(a uint64) bool {
	i, ok := c.index(a)
	return ok && c.cover.get(i)
}

func (c *code) target(a uint64) bool {
	i, ok := c.index(a)
	return ok && c.targets.get(i)
}

func (c *code) function(a uint64) (function, bool) {
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
		return function{}, false
	}
	return c.funcs[n], true
}

func (c *code) padding(a uint64) (start, end uint64, ok bool) {
	i, ok := c.index(a)
	if !ok || !c.pad.get(i) {
		return 0, 0, false
	}
	r := c.region(i)
	s := max(c.pad.prevClear(i)+1, c.base[r])
	e := min(c.pad.nextClear(i), c.base[r+1])
	return c.addr(s), c.addr(s) + uint64(e-s), true
}

func (c *code) each(from uint64, f func(a uint64, in *decode.Inst, raw []byte) bool) {
	var in decode.Inst
	var err error
	for r := range c.regions {
		reg := &c.regions[r]
		if from > reg.Addr && from-reg.Addr >= uint64(len(reg.Data)) {
			continue
		}
		i := c.base[r]
		if from > reg.Addr {
			i += int(from - reg.Addr)
		}
		for i = c.start.next(i); i < c.base[r+1]; i = c.start.next(i + 1) {
			off := i - c.base[r]
			in, err = decode.Decode(reg.Data[off:], c.mode)
			if err != nil {
				continue // cannot be: it was decoded to become proven
			}
			if !f(reg.Addr+uint64(off), &in, reg.Data[off:off+int(in.Len)]) {
				return
			}
		}
	}
}

func (c *code) bytes(a uint64, n int) []byte {
	i, ok := c.index(a)
	if !ok || n <= 0 {
		return nil
	}
	b := c.tail(i)
	return b[:min(n, len(b)):min(n, len(b))]
}

func (c *code) unproven() []image.Pattern { return c.patterns }

func (c *code) stats() Stats { return c.counts }

// bitmap is a set of small integers.
type bitmap []uint64

func newBitmap(n int) bitmap { return make(bitmap, (n+63)/64) }

func (b bitmap) get(i int) bool { return b[i>>6]>>(i&63)&1 != 0 }
func (b bitmap) set(i int)      { b[i>>6] |= 1 << (i & 63) }
func (b bitmap) clear(i int)    { b[i>>6] &^= 1 << (i & 63) }

func (b bitmap) setRange(i, end int) {
	for ; i < end; i++ {
		b.set(i)
	}
}

// nextUpTo gives the first member from i on, end if there is none before.
func (b bitmap) nextUpTo(i, end int) int {
	if i >= end {
		return end
	}
	w := i >> 6
	if v := b[w] >> (i & 63); v != 0 {
		return min(i+bits.TrailingZeros64(v), end)
	}
	for w++; w<<6 < end; w++ {
		if v := b[w]; v != 0 {
			return min(w<<6+bits.TrailingZeros64(v), end)
		}
	}
	return end
}

// next gives the first member from i on, len(b)*64 if there is none.
func (b bitmap) next(i int) int { return b.scan(i, 0) }

// nextClear gives the first number from i on that is no member.
func (b bitmap) nextClear(i int) int { return b.scan(i, ^uint64(0)) }

func (b bitmap) scan(i int, flip uint64) int {
	w := i >> 6
	if w >= len(b) {
		return len(b) * 64
	}
	if v := (b[w] ^ flip) >> (i & 63); v != 0 {
		return i + bits.TrailingZeros64(v)
	}
	for w++; w < len(b); w++ {
		if v := b[w] ^ flip; v != 0 {
			return w<<6 + bits.TrailingZeros64(v)
		}
	}
	return len(b) * 64
}

// prev gives the last member up to i, -1 if there is none.
func (b bitmap) prev(i int) int { return b.scanBack(i, 0) }

// prevClear gives the last number up to i that is no member, -1 if none.
func (b bitmap) prevClear(i int) int { return b.scanBack(i, ^uint64(0)) }

func (b bitmap) scanBack(i int, flip uint64) int {
	if i < 0 {
		return -1
	}
	w := i >> 6
	if v := (b[w] ^ flip) << (63 - i&63); v != 0 {
		return i - bits.LeadingZeros64(v)
	}
	for w--; w >= 0; w-- {
		if v := b[w] ^ flip; v != 0 {
			return w<<6 + 63 - bits.LeadingZeros64(v)
		}
	}
	return -1
}

func (b bitmap) count() uint64 {
	n := 0
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return uint64(n)
}
