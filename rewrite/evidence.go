package rewrite

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"slices"

	"bee/image"
	"bee/rewrite/plan"
)

// regions gives the executable bytes.
func (p *program) regions() []plan.Region {
	var out []plan.Region
	for i := range p.segs {
		if s := &p.segs[i]; s.exec() && s.filesz > 0 {
			out = append(out, plan.Region{Addr: s.vaddr, Data: p.contents(s)})
		}
	}
	return out
}

// inText tells whether a lies in executable bytes of the file.
func (p *program) inText(a uint64) bool {
	for i := range p.segs {
		if s := &p.segs[i]; s.exec() && s.has(a) {
			return true
		}
	}
	return false
}

// evidence collects what the file tells about its code.
func (p *program) evidence() (plan.Evidence, libc) {
	var ev plan.Evidence
	lib := p.recogniseLibc()
	ev.Libc = lib.kind
	ev.Entries = p.entries()

	var pointers []uint64
	for i := range p.syms {
		s := &p.syms[i]
		if s.undefined || s.inNoSection || !p.inText(s.addr) {
			continue
		}
		switch {
		case (s.typ == elf.STT_FUNC || s.typ == elf.STT_GNU_IFUNC) && s.size > 0 && p.inText(s.addr+s.size-1):
			ev.Funcs = append(ev.Funcs, plan.FuncRange{Start: s.addr, End: s.addr + s.size, Name: s.name, Source: "symbol"})
		case s.typ == elf.STT_FUNC || s.typ == elf.STT_GNU_IFUNC || s.typ == elf.STT_NOTYPE:
			pointers = append(pointers, s.addr)
		}
	}
	budget := uint64(len(p.data))
	for _, f := range p.fdes() {
		if !p.inText(f.start) || !p.inText(f.end-1) {
			continue
		}
		ev.Funcs = append(ev.Funcs, plan.FuncRange{Start: f.start, End: f.end, Source: "eh_frame"})
		if f.lsda != 0 {
			for _, a := range p.landingPads(f.start, f.lsda, &budget) {
				if p.inText(a) {
					pointers = append(pointers, a)
				}
			}
		}
	}
	ev.Funcs = append(ev.Funcs, p.goFuncs()...)
	slices.SortFunc(ev.Funcs, func(a, b plan.FuncRange) int {
		switch {
		case a.Start != b.Start:
			return order(a.Start, b.Start)
		case a.End != b.End:
			return order(a.End, b.End)
		case a.Source != b.Source:
			return bytes.Compare([]byte(a.Source), []byte(b.Source))
		}
		return bytes.Compare([]byte(a.Name), []byte(b.Name))
	})

	tables := p.tables()
	for i := range p.segs {
		s := &p.segs[i]
		if !s.load() || s.exec() || s.filesz == 0 {
			continue
		}
		b := p.contents(s)
		ev.Data = append(ev.Data, plan.Region{Addr: s.vaddr, Data: b})
		ev.ReadOnly = append(ev.ReadOnly, s.flags&elf.PF_W == 0)
		if p.pie { // what is no relocation's place holds no address
			continue
		}
		for _, r := range p.without(tables, s.vaddr, s.vaddr+s.filesz) {
			pointers = p.words(pointers, r[0], b[r[0]-s.vaddr:r[1]-s.vaddr])
		}
	}
	if p.pie {
		_ = p.eachReloc(func(r reloc) error { // relocate has read them without an error
			if r.kind != relocOther && p.inText(r.to) {
				pointers = append(pointers, r.to)
			}
			return nil
		})
	} else {
		pointers = p.wordsInText(pointers, tables)
	}
	if p.arch == image.I386 {
		pointers = dropInsideGo(pointers, ev.Funcs)
	}
	slices.Sort(pointers)
	ev.CodePointers = slices.Compact(pointers)

	for i := range p.sects {
		s := &p.sects[i]
		if s.flags&elf.SHF_ALLOC != 0 && s.flags&elf.SHF_EXECINSTR != 0 && s.typ != elf.SHT_NOBITS &&
			s.size > 0 && s.addr+s.size > s.addr && p.inText(s.addr) && p.inText(s.addr+s.size-1) {
			ev.Sections = append(ev.Sections, plan.FuncRange{Start: s.addr, End: s.addr + s.size, Name: s.name, Source: "section"})
		}
	}
	ev.GOT = p.got()
	return ev, lib
}

func order(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// tables gives the extents of sections that hold no pointers, or only such
// that are read with more care elsewhere, sorted: chance would find addresses
// in their numbers.
func (p *program) tables() [][2]uint64 {
	var out [][2]uint64
	for i := range p.sects {
		s := &p.sects[i]
		if s.flags&elf.SHF_ALLOC == 0 || s.addr+s.size < s.addr {
			continue
		}
		switch s.typ {
		case elf.SHT_NOTE, elf.SHT_REL, elf.SHT_RELA:
		default:
			switch s.name {
			case ".eh_frame", ".eh_frame_hdr", ".gcc_except_table", ".gopclntab":
			default:
				continue
			}
		}
		out = append(out, [2]uint64{s.addr, s.addr + s.size})
	}
	slices.SortFunc(out, func(a, b [2]uint64) int { return order(a[0], b[0]) })
	return out
}

// without gives what is left of [lo, hi) outside of the ranges.
func (p *program) without(ranges [][2]uint64, lo, hi uint64) [][2]uint64 {
	var out [][2]uint64
	for _, r := range ranges {
		if r[1] <= lo || r[0] >= hi {
			continue
		}
		if r[0] > lo {
			out = append(out, [2]uint64{lo, r[0]})
		}
		lo = r[1]
	}
	if lo < hi {
		out = append(out, [2]uint64{lo, hi})
	}
	return out
}

// dropInsideGo drops pointers that lead into the middle of functions that
// Go's compiler and assembler made for IA-32: there it makes no jump tables,
// and pointers to code are pointers to functions.
func dropInsideGo(pointers []uint64, funcs []plan.FuncRange) []uint64 {
	var goes []plan.FuncRange
	for _, f := range funcs {
		if f.Source == "pclntab" {
			goes = append(goes, f)
		}
	}
	return slices.DeleteFunc(pointers, func(a uint64) bool {
		i, at := slices.BinarySearchFunc(goes, a, func(f plan.FuncRange, a uint64) int { return order(f.Start, a) })
		return !at && i > 0 && a < goes[i-1].End
	})
}

// words adds the aligned words of b that name a place in executable bytes.
func (p *program) words(to []uint64, addr uint64, b []byte) []uint64 {
	w := uint64(p.word)
	if skip := -addr % w; skip < uint64(len(b)) {
		b = b[skip:]
	} else {
		return to
	}
	for ; len(b) >= p.word; b = b[p.word:] {
		var v uint64
		if p.word == 4 {
			v = uint64(binary.LittleEndian.Uint32(b))
		} else {
			v = binary.LittleEndian.Uint64(b)
		}
		if v >= p.lo && v < p.hi && p.inText(v) {
			to = append(to, v)
		}
	}
	return to
}

// wordsInText adds the words of what is loaded with the code and is not code:
// read-only data where the linker made one segment of both. Without section
// headers nobody can tell, and all of it is read.
func (p *program) wordsInText(to []uint64, tables [][2]uint64) []uint64 {
	if len(p.sects) == 0 {
		for _, r := range p.regions() {
			to = p.words(to, r.Addr, r.Data)
		}
		return to
	}
	var ranges [][2]uint64
	for i := range p.sects {
		s := &p.sects[i]
		if s.flags&elf.SHF_ALLOC != 0 && s.flags&elf.SHF_EXECINSTR == 0 && s.typ != elf.SHT_NOBITS &&
			s.addr+s.size > s.addr && p.inText(s.addr) {
			ranges = append(ranges, [2]uint64{s.addr, s.addr + s.size})
		}
	}
	slices.SortFunc(ranges, func(a, b [2]uint64) int { return order(a[0], b[0]) })
	done := uint64(0)
	for _, r := range ranges {
		for _, q := range p.without(tables, max(r[0], done), r[1]) {
			to = p.words(to, q[0], p.at(q[0], int(min(q[1]-q[0], maxInput))))
		}
		done = max(done, r[1])
	}
	return to
}

// entries are the addresses where control certainly arrives.
func (p *program) entries() []uint64 {
	out := []uint64{p.entry}
	add := func(a uint64) {
		if p.inText(a) {
			out = append(out, a)
		}
	}
	each := func(b []byte) {
		for _, a := range p.words(nil, 0, b) {
			add(a)
		}
	}
	left := uint64(len(p.data)) // sections may overlap in damaged files only
	for i := range p.sects {
		s := &p.sects[i]
		if s.flags&elf.SHF_ALLOC == 0 || s.typ == elf.SHT_NOBITS || s.size > left {
			continue
		}
		left -= s.size
		switch {
		case s.typ == elf.SHT_INIT_ARRAY, s.typ == elf.SHT_FINI_ARRAY, s.typ == elf.SHT_PREINIT_ARRAY,
			s.name == ".ctors", s.name == ".dtors":
			each(p.bytesOf(s))
		case s.name == ".init", s.name == ".fini":
			if s.size > 0 {
				add(s.addr)
			}
		case s.typ == elf.SHT_REL, s.typ == elf.SHT_RELA:
			for _, a := range p.resolvers(s) {
				add(a)
			}
		}
	}
	if p.dyn != nil {
		for _, a := range p.dyn.calls {
			add(a)
		}
		for _, t := range p.dyn.arrays {
			each(p.at(t.addr, int(min(t.size, 1<<20))))
		}
		_ = p.eachReloc(func(r reloc) error { // relocate has read them, if it is a PIE
			if r.kind == relocResolver {
				add(r.to)
			}
			return nil
		})
	}
	for _, n := range []string{"init", "fini", "preinit"} {
		a, b := p.symbol("__"+n+"_array_start"), p.symbol("__"+n+"_array_end")
		if a != 0 && b > a {
			each(p.at(a, int(min(b-a, 1<<20))))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// resolvers gives the ifunc resolvers that the relocations of s name.
func (p *program) resolvers(s *section) []uint64 {
	var out []uint64
	b := p.bytesOf(s)
	rela := s.typ == elf.SHT_RELA
	n := 2 * p.word
	if rela {
		n += p.word
	}
	for ; len(b) >= n; b = b[n:] {
		f := fields{b[:n], p.word == 8}
		at, info := f.word(), f.word()
		if (p.word == 4 && info&0xff != r386IRelative) || (p.word == 8 && uint32(info) != rX8664IRelative) {
			continue
		}
		if rela {
			out = append(out, f.word())
		} else if v := p.at(at, p.word); len(v) == p.word {
			g := fields{v, p.word == 8}
			out = append(out, g.word())
		}
	}
	return out
}

// symbol gives the address of the symbol with that name, 0 if there is none.
func (p *program) symbol(name string) uint64 {
	for i := range p.syms {
		if s := &p.syms[i]; s.name == name && !s.undefined {
			return s.addr
		}
	}
	return 0
}

// got finds the value of _GLOBAL_OFFSET_TABLE_: by its symbol, by the section
// that it begins, or, IA-32 without both, by what most functions add to their
// own address to find it.
func (p *program) got() uint64 {
	if a := p.symbol("_GLOBAL_OFFSET_TABLE_"); a != 0 {
		return a
	}
	if s := p.section(".got.plt"); s != nil {
		return s.addr
	}
	if p.dyn != nil && p.dyn.pltgot != 0 { // so says the psABI
		return p.dyn.pltgot
	}
	if p.arch != image.I386 {
		return 0
	}
	votes := map[uint64]int{}
	for _, r := range p.regions() {
		b := r.Data
		for off := 0; ; {
			// call get_pc_thunk.bx; add $imm32, %ebx
			i := bytes.Index(b[off:], []byte{0x81, 0xc3})
			if i < 0 {
				break
			}
			off += i + 2
			if off < 7 || len(b)-off < 4 || b[off-7] != 0xe8 {
				continue
			}
			next := uint32(r.Addr) + uint32(off) - 2
			callee := next + binary.LittleEndian.Uint32(b[off-6:])
			if !bytes.Equal(p.at(uint64(callee), 4), []byte{0x8b, 0x1c, 0x24, 0xc3}) { // mov (%esp), %ebx; ret
				continue
			}
			if v := uint64(next + binary.LittleEndian.Uint32(b[off:])); v >= p.lo && v < p.hi {
				votes[v]++
			}
		}
	}
	var best uint64
	for v, n := range votes {
		if m := votes[best]; n > m || n == m && v < best {
			best = v
		}
	}
	return best
}
