package plan

import (
	"iter"
	"slices"
)

// A pad is 5 bytes that can hold a `jmp rel32`.
type pad struct {
	addr uint64
	in   *patchRange // the range whose spare bytes it is, nil: padding
	user *patchRange
}

// padBlock is the size of the blocks of addresses that pads are kept by:
// about as far as a short jump reaches.
const padBlock = 128

// pads are all pads, free and taken, by the block that they begin in, each
// block's sorted by address. Large programs have as many pads as sites, so
// nothing here goes over all of them.
type pads map[uint64][]*pad

func (p pads) add(q *pad) {
	b := p[q.addr/padBlock]
	i, _ := slices.BinarySearchFunc(b, q, func(a, b *pad) int { return cmpU64(a.addr, b.addr) })
	p[q.addr/padBlock] = slices.Insert(b, i, q)
}

// between gives the pads that begin in [lo, hi], in the order of their
// addresses.
func (p pads) between(lo, hi uint64) iter.Seq[*pad] {
	return func(yield func(*pad) bool) {
		for b := lo / padBlock; b <= hi/padBlock; b++ {
			for _, q := range p[b] {
				if q.addr >= lo && q.addr <= hi && !yield(q) {
					return
				}
			}
		}
	}
}

// drop removes those of the pads that begin in [lo, hi] that f tells.
func (p pads) drop(lo, hi uint64, f func(*pad) bool) {
	for b := lo / padBlock; b <= hi/padBlock; b++ {
		if list := p[b]; len(list) > 0 {
			p[b] = slices.DeleteFunc(list, func(q *pad) bool { return q.addr >= lo && q.addr <= hi && f(q) })
		}
	}
}

// inside gives the pads in the spare bytes of r.
func (p pads) inside(r *patchRange) iter.Seq[*pad] {
	return func(yield func(*pad) bool) {
		for q := range p.between(r.start, r.end) {
			if q.in == r && !yield(q) {
				return
			}
		}
	}
}
