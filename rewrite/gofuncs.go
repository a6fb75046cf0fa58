package rewrite

import (
	"bytes"
	"encoding/binary"
	"slices"

	"bee/rewrite/plan"
)

// Go's function table (runtime.pclntab) since Go 1.18; the header is
//
//	0  magic, 0, 0, instruction size quantum, size of an address
//	8  words: nfunc, nfile, text (0 since Go 1.26), offsets of names,
//	   compilation units, files, pc tables, functions
//
// and the functions' table holds nfunc pairs of 32-bit offsets (from text,
// into this table) and one more first half, where the last function ends.
var goMagics = []uint32{0xfffffff1, 0xfffffff0}

// maxTries bounds the places that are taken for a table's header.
const maxTries = 64

// goFuncs reads the function tables of Go programs.
func (p *program) goFuncs() []plan.FuncRange {
	var best []plan.FuncRange
	tries := 0
	for i := range p.segs {
		s := &p.segs[i]
		if !s.load() || s.filesz == 0 {
			continue
		}
		b := p.contents(s)
		for _, m := range goMagics {
			head := binary.LittleEndian.AppendUint32(nil, m)
			head = append(head, 0, 0, 1, byte(p.word))
			for off := 0; ; {
				i := bytes.Index(b[off:], head)
				if i < 0 {
					break
				}
				if tries++; tries > maxTries {
					return best
				}
				if f := p.goTable(b[off+i:]); len(f) > len(best) {
					best = f
				}
				off += i + len(head)
			}
		}
	}
	return best
}

// goTable reads one function table, nil if it is none.
func (p *program) goTable(b []byte) []plan.FuncRange {
	if len(b) < 8+8*p.word {
		return nil
	}
	f := fields{b[8:], p.word == 8}
	n, _, text := f.word(), f.word(), f.word()
	names := f.word()
	f.word()
	f.word()
	f.word()
	funcs := f.word()
	size := uint64(len(b))
	if names >= size || funcs >= size || n == 0 || n > (size-funcs)/8 {
		return nil
	}
	tab := b[funcs:]
	if uint64(len(tab)) < 8*n+4 {
		return nil
	}
	at := func(i uint64) uint32 { return binary.LittleEndian.Uint32(tab[4*i:]) }
	if text == 0 {
		if text = p.symbol("runtime.text"); text == 0 {
			s := p.section(".text")
			if s == nil {
				return nil
			}
			text = s.addr
		}
	}
	// Every function must lie in the text, in ascending order.
	last := text + uint64(at(0))
	for i := range n {
		next := text + uint64(at(2*i+2))
		if next < last || !p.inText(last) {
			return nil
		}
		last = next
	}
	if !p.inText(last - 1) {
		return nil
	}
	// Names lie in front of much that is none.
	end := uint64(0)
	for i := range n {
		if o := uint64(at(2*i + 1)); o+8 <= uint64(len(tab)) {
			end = max(end, uint64(binary.LittleEndian.Uint32(tab[o+4:]))+maxName)
		}
	}
	strs := string(b[names:min(size, names+end)])
	out := make([]plan.FuncRange, 0, n)
	for i := range n {
		r := plan.FuncRange{Start: text + uint64(at(2*i)), End: text + uint64(at(2*i+2)), Source: "pclntab"}
		if o := uint64(at(2*i + 1)); o+8 <= uint64(len(tab)) {
			r.Name = str(strs, uint64(binary.LittleEndian.Uint32(tab[o+4:])))
		}
		if r.End > r.Start {
			out = append(out, r)
		}
	}
	return slices.Clip(out)
}
