package rewrite

import (
	"bytes"
	"debug/elf"
	"fmt"
	"math"
	"slices"
	"strings"

	"bee/image"
)

// dynSection is what a static program's dynamic section tells.
type dynSection struct {
	needed       []string
	soname, pie  bool
	calls        []uint64 // DT_INIT, DT_FINI
	arrays       []span   // of pointers to code that is called
	pltgot       uint64
	symtab       uint64
	rel, rela    span
	jmprel, relr span
	jmprelRela   bool
}

// These are younger than package elf.
const (
	dtRelrSz elf.DynTag = 35
	dtRelr   elf.DynTag = 36
)

// span is a range of addresses.
type span struct{ addr, size uint64 }

// readDynamic reads a dynamic section.
func (p *program) readDynamic(s *segment) *dynSection {
	b := p.contents(s)
	d := &dynSection{}
	var names []uint64
	var strtab uint64
	var init, fini, preinit span
	for len(b) >= 2*p.word {
		f := fields{b, p.word == 8}
		tag, val := elf.DynTag(f.word()), f.word()
		b = f.b
		switch tag {
		case elf.DT_NULL:
			b = nil
		case elf.DT_NEEDED:
			if len(names) < 16 {
				names = append(names, val)
			}
		case elf.DT_STRTAB:
			strtab = val
		case elf.DT_SONAME:
			d.soname = true
		case elf.DT_FLAGS_1:
			d.pie = d.pie || elf.DynFlag1(val)&elf.DF_1_PIE != 0
		case elf.DT_INIT, elf.DT_FINI:
			if len(d.calls) < 2 && val != 0 {
				d.calls = append(d.calls, val)
			}
		case elf.DT_INIT_ARRAY:
			init.addr = val
		case elf.DT_INIT_ARRAYSZ:
			init.size = val
		case elf.DT_FINI_ARRAY:
			fini.addr = val
		case elf.DT_FINI_ARRAYSZ:
			fini.size = val
		case elf.DT_PREINIT_ARRAY:
			preinit.addr = val
		case elf.DT_PREINIT_ARRAYSZ:
			preinit.size = val
		case elf.DT_PLTGOT:
			d.pltgot = val
		case elf.DT_SYMTAB:
			d.symtab = val
		case elf.DT_REL:
			d.rel.addr = val
		case elf.DT_RELSZ:
			d.rel.size = val
		case elf.DT_RELA:
			d.rela.addr = val
		case elf.DT_RELASZ:
			d.rela.size = val
		case elf.DT_JMPREL:
			d.jmprel.addr = val
		case elf.DT_PLTRELSZ:
			d.jmprel.size = val
		case elf.DT_PLTREL:
			d.jmprelRela = elf.DynTag(val) == elf.DT_RELA
		case dtRelr:
			d.relr.addr = val
		case dtRelrSz:
			d.relr.size = val
		}
	}
	d.arrays = []span{preinit, init, fini}
	for _, n := range names {
		name, _, _ := strings.Cut(string(p.at(strtab+n, 256)), "\x00")
		d.needed = append(d.needed, fmt.Sprintf("%q", name))
	}
	return d
}

// The relocations that position-independent static programs apply to
// themselves. Others (thread-local storage) make no addresses of code.
const (
	rAbs            = 1 // R_386_32, R_X86_64_64
	rGlobDat        = 6 // here and below: both architectures
	rJumpSlot       = 7
	rRelative       = 8
	r386IRelative   = 42 // these name ifunc resolvers
	rX8664IRelative = 37
)

type relocKind uint8

const (
	relocOther    relocKind = iota
	relocPointer            // the place gets the address
	relocResolver           // the place gets what the function there returns
)

// A reloc is one place that the program changes when it starts.
type reloc struct {
	at, to uint64
	kind   relocKind
	rela   bool // the place need not hold to before
}

// eachReloc calls f with all relocations of the dynamic section until f gives
// an error.
func (p *program) eachReloc(f func(reloc) error) error {
	d := p.dyn
	if d == nil {
		return nil
	}
	for _, t := range []struct {
		name string
		span
		rela bool
	}{{"DT_REL", d.rel, false}, {"DT_RELA", d.rela, true}, {"DT_JMPREL", d.jmprel, d.jmprelRela}} {
		if t.size == 0 {
			continue
		}
		b, err := p.tableBytes(t.name, t.span)
		if err != nil {
			return err
		}
		n := 2 * p.word
		if t.rela {
			n += p.word
		}
		for ; len(b) >= n; b = b[n:] {
			if err := f(p.reloc(b[:n], t.rela)); err != nil {
				return err
			}
		}
	}
	if d.relr.size == 0 {
		return nil
	}
	b, err := p.tableBytes("DT_RELR", d.relr)
	if err != nil {
		return err
	}
	// An even word is a place; an odd one has a bit for each of the words
	// behind the last place. Places ascend: that bounds what damaged files
	// cost.
	w := uint64(p.word)
	var next uint64
	for ; len(b) >= p.word; b = b[p.word:] {
		v := word(b, p.word)
		bits, n := v>>1, 8*w-1
		if v&1 == 0 {
			if v < next {
				return fail(-1, ErrMalformed, "DT_RELR at %#x goes back from %#x to %#x", d.relr.addr, next, v)
			}
			next, bits, n = v, 1, 1
		}
		for i := range n {
			if bits>>i&1 == 0 {
				continue
			}
			at := next + i*w
			if len(p.at(at, p.word)) < p.word || at < next {
				return fail(-1, ErrMalformed, "DT_RELR at %#x names %#x, which lies in no segment's bytes", d.relr.addr, at)
			}
			if err := f(reloc{at: at, to: p.addend(at), kind: relocPointer}); err != nil {
				return err
			}
		}
		next += n * w
	}
	return nil
}

// tableBytes gives a table that the dynamic section names.
func (p *program) tableBytes(name string, t span) ([]byte, error) {
	if t.size > maxInput || uint64(len(p.at(t.addr, int(t.size)))) != t.size {
		return nil, fail(-1, ErrMalformed, "%s at %#x, %#x bytes, lies in no segment's bytes", name, t.addr, t.size)
	}
	return p.at(t.addr, int(t.size)), nil
}

// reloc reads an entry of DT_REL or DT_RELA.
func (p *program) reloc(b []byte, rela bool) reloc {
	f := fields{b, p.word == 8}
	r := reloc{at: f.word(), rela: rela}
	info := f.word()
	var addend uint64
	if rela {
		addend = f.word()
	} else {
		addend = p.addend(r.at)
	}
	typ, sym := info&0xff, info>>8
	if p.word == 8 {
		typ, sym = info&0xffffffff, info>>32
	}
	wide := p.arch == image.AMD64
	switch {
	case typ == rRelative:
		r.to, r.kind = addend, relocPointer
	case !wide && typ == r386IRelative, wide && typ == rX8664IRelative:
		r.to, r.kind = addend, relocResolver
	case typ == rAbs, typ == rGlobDat, typ == rJumpSlot:
		if typ != rAbs {
			addend = 0
		}
		v, defined := p.dynamicSymbol(sym)
		if !defined {
			break
		}
		// The place of such a relocation does not hold what it will get.
		r.to, r.kind, r.rela = v+addend, relocPointer, true
	}
	if !wide {
		r.to = uint64(uint32(r.to))
	}
	return r
}

// addend gives the word at a as the file has it.
func (p *program) addend(a uint64) uint64 {
	off, n, ok := p.offset(a)
	if !ok {
		return 0
	}
	return word(p.data[off:off+n], p.word)
}

// dynamicSymbol gives the value of a symbol of the dynamic symbol table.
func (p *program) dynamicSymbol(n uint64) (value uint64, defined bool) {
	size, at := uint64(16), 4
	if p.word == 8 {
		size, at = 24, 8
	}
	b := p.at(p.dyn.symtab+n*size, int(size))
	if uint64(len(b)) < size || n == 0 {
		return 0, false
	}
	shndx := b[14:16]
	if p.word == 8 {
		shndx = b[6:8]
	}
	return word(b[at:], p.word), shndx[0]|shndx[1] != 0
}

// word reads an address, 0 if b is too short.
func word(b []byte, n int) uint64 {
	if len(b) < n {
		return 0
	}
	f := fields{b, n == 8}
	return f.word()
}

// relocate puts the addresses of code and data that relocations will make,
// for a program that is loaded where it is linked, into p.moved: RELA entries
// keep them elsewhere. It refuses what cannot be done to rewritten code.
func (p *program) relocate() error {
	lo, hi := uint64(math.MaxUint64), uint64(0) // of the segments that have places, in the file
	err := p.eachReloc(func(r reloc) error {
		for i := range p.segs {
			if s := &p.segs[i]; s.exec() && s.flags&elf.PF_W == 0 && r.at < s.vaddr+s.memsz && s.vaddr < r.at+uint64(p.word) {
				return fail(-1, ErrTextRel, "at %#x; compile all of it with -fPIE, link with -z text", r.at)
			}
		}
		if s := p.place(r); s != nil {
			lo, hi = min(lo, s.off), max(hi, s.off+s.filesz)
		}
		return nil
	})
	if err != nil || lo > hi {
		return err
	}
	// A segment lies inside or outside as a whole.
	for grown := true; grown; {
		grown = false
		for i := range p.segs {
			if s := &p.segs[i]; s.load() && s.off < hi && lo < s.off+s.filesz && (s.off < lo || s.off+s.filesz > hi) {
				lo, hi, grown = min(lo, s.off), max(hi, s.off+s.filesz), true
			}
		}
	}
	moved := bytes.Clone(p.data[lo:hi])
	err = p.eachReloc(func(r reloc) error {
		if s := p.place(r); s != nil {
			b := moved[s.off+(r.at-s.vaddr)-lo:]
			for i := range p.word {
				b[i] = byte(r.to >> (8 * i))
			}
		}
		return nil
	})
	p.moved, p.movedAt = moved, lo
	return err
}

// place gives the segment that holds the place of a relocation whose word in
// the file is not what it becomes.
func (p *program) place(r reloc) *segment {
	if r.kind != relocPointer || !r.rela {
		return nil
	}
	for i := range p.segs {
		if s := &p.segs[i]; s.load() && s.has(r.at) {
			if s.filesz-(r.at-s.vaddr) < uint64(p.word) {
				return nil
			}
			return s
		}
	}
	return nil
}

// checkRelocations makes sure that the program will not relocate bytes that
// are patched: such bytes are no longer what the relocation is for.
func (p *program) checkRelocations(im *image.Image) error {
	if !p.pie {
		return nil
	}
	return p.eachReloc(func(r reloc) error {
		a := r.at - im.Base
		end := a + uint64(p.word)
		i, _ := slices.BinarySearchFunc(im.Patches, a, func(q image.Patch, a uint64) int {
			if q.Addr+uint64(len(q.Data)) <= a {
				return -1
			}
			return 1
		})
		if i < len(im.Patches) && im.Patches[i].Addr < end {
			return fail(-1, ErrTextRel, "one at %#x falls into the patch at %#x; compile all of it with -fPIE, link with -z text", r.at, im.Base+im.Patches[i].Addr)
		}
		return nil
	})
}
