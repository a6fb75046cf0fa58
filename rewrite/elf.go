package rewrite

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"bee/image"
)

const pageSize = 4096

// maxHeaders is the size of the largest program header table that Linux
// takes.
const maxHeaders = 65536

// program is an ELF file whose headers are known to be good: every range that
// they name lies inside of the file, and segments neither overlap nor wrap.
type program struct {
	data []byte
	// moved is data from movedAt on with the relocations of a
	// position-independent program applied, as if it were loaded where it is
	// linked. It is what evidence is read from (file does that); nothing of it
	// is written to a file.
	moved   []byte
	movedAt uint64

	arch image.Arch
	pie  bool
	dyn  *dynSection // nil: no dynamic section
	word int         // bytes of an address

	entry uint64
	phoff uint64
	segs  []segment
	sects []section
	syms  []symbol
	// noSections says why the section headers that the file names are not
	// used, "" where they are or where there are none.
	noSections string

	// lo and hi bound the PT_LOAD segments, rounded to pages.
	lo, hi uint64
	// end is where the last byte of the file lies that a header names.
	end uint64
}

type segment struct {
	typ          elf.ProgType
	flags        elf.ProgFlag
	off          uint64
	vaddr, paddr uint64
	filesz       uint64
	memsz        uint64
	align        uint64
	hdr          int64 // where its header lies
}

func (s *segment) load() bool { return s.typ == elf.PT_LOAD && s.memsz > 0 }
func (s *segment) exec() bool { return s.load() && s.flags&elf.PF_X != 0 }

// has tells whether address a lies in the bytes that the file gives s.
func (s *segment) has(a uint64) bool { return a-s.vaddr < s.filesz }

type section struct {
	name      string
	typ       elf.SectionType
	flags     elf.SectionFlag
	addr, off uint64
	size      uint64
	link      uint32
	entsize   uint64
}

type symbol struct {
	name        string
	typ         elf.SymType
	addr, size  uint64
	undefined   bool
	inNoSection bool // absolute
}

// field reads header fields of the file's class.
type fields struct {
	b  []byte
	is bool // 64 bits
}

func (f *fields) u16() uint16 {
	v := binary.LittleEndian.Uint16(f.b)
	f.b = f.b[2:]
	return v
}

func (f *fields) u32() uint32 {
	v := binary.LittleEndian.Uint32(f.b)
	f.b = f.b[4:]
	return v
}

func (f *fields) word() uint64 {
	if !f.is {
		return uint64(f.u32())
	}
	v := binary.LittleEndian.Uint64(f.b)
	f.b = f.b[8:]
	return v
}

// readELF checks all headers of data.
func readELF(data []byte) (*program, error) {
	size := uint64(len(data))
	switch {
	case size == 0:
		return nil, fail(-1, ErrNotELF, "the file is empty")
	case size < 4 && strings.HasPrefix(elf.ELFMAG, string(data)):
		return nil, fail(int64(size), ErrTruncated, "the file ends inside of the ELF header, after %d bytes", size)
	case size < 4 || string(data[:4]) != elf.ELFMAG:
		return nil, fail(0, ErrNotELF, "it begins with % x; give a static Linux program", data[:min(4, size)])
	case size < elf.EI_NIDENT:
		return nil, fail(int64(size), ErrTruncated, "the file ends inside of the ELF header, after %d bytes", size)
	}
	p := &program{data: data}
	class, order := elf.Class(data[elf.EI_CLASS]), elf.Data(data[elf.EI_DATA])
	if class != elf.ELFCLASS32 && class != elf.ELFCLASS64 {
		return nil, fail(elf.EI_CLASS, ErrMalformed, "class %d is neither 32 nor 64 bits", class)
	}
	if order == elf.ELFDATA2MSB {
		return nil, fail(elf.EI_DATA, ErrByteOrder, "only IA-32 and x86-64 programs can be rewritten")
	}
	if order != elf.ELFDATA2LSB {
		return nil, fail(elf.EI_DATA, ErrMalformed, "unknown byte order %d", order)
	}
	is64 := class == elf.ELFCLASS64
	ehsize, phentsize, shentsize := uint64(52), uint64(32), uint64(40)
	p.word = 4
	if is64 {
		ehsize, phentsize, shentsize = 64, 56, 64
		p.word = 8
	}
	if size < ehsize {
		return nil, fail(int64(size), ErrTruncated, "the file ends inside of the ELF header, which takes %d bytes", ehsize)
	}
	if v := data[elf.EI_VERSION]; v != byte(elf.EV_CURRENT) {
		return nil, fail(elf.EI_VERSION, ErrMalformed, "unknown ELF version %d", v)
	}

	f := fields{data[elf.EI_NIDENT:ehsize], is64}
	typ, machine, version := elf.Type(f.u16()), elf.Machine(f.u16()), f.u32()
	p.entry, p.phoff = f.word(), f.word()
	shoff := f.word()
	f.u32() // flags
	f.u16() // ehsize
	gotPhentsize, phnum := uint64(f.u16()), uint64(f.u16())
	gotShentsize, shnum, shstrndx := uint64(f.u16()), uint64(f.u16()), uint32(f.u16())

	switch {
	case machine == elf.EM_386 && !is64:
		p.arch = image.I386
	case machine == elf.EM_X86_64 && is64:
		p.arch = image.AMD64
	case machine == elf.EM_X86_64:
		return nil, fail(18, ErrArch, "x32 (x86-64 with 32-bit addresses); compile with -m32 or -m64")
	default:
		return nil, fail(18, ErrArch, "%v, %d bits; only IA-32 and x86-64 programs can be rewritten", machine, 8*p.word)
	}
	if version != uint32(elf.EV_CURRENT) {
		return nil, fail(20, ErrMalformed, "unknown ELF version %d", version)
	}
	if abi := elf.OSABI(data[elf.EI_OSABI]); abi != elf.ELFOSABI_NONE && abi != elf.ELFOSABI_LINUX {
		return nil, fail(elf.EI_OSABI, ErrSystem, "%v; only Linux programs can be rewritten", abi)
	}
	switch typ {
	case elf.ET_EXEC, elf.ET_DYN:
	case elf.ET_REL:
		return nil, fail(16, ErrRelocatable, "link it first, with -static")
	case elf.ET_CORE:
		return nil, fail(16, ErrCore, "give the program that dumped it")
	default:
		return nil, fail(16, ErrMalformed, "unknown type %#x", uint16(typ))
	}

	if phnum == 0 || p.phoff == 0 {
		return nil, fail(44, ErrMalformed, "no program headers: nothing would be loaded")
	}
	if gotPhentsize != phentsize {
		return nil, fail(map[bool]int64{false: 42, true: 54}[is64], ErrMalformed, "program headers of %d bytes, not %d", gotPhentsize, phentsize)
	}
	if phnum*phentsize > maxHeaders {
		return nil, fail(map[bool]int64{false: 44, true: 56}[is64], ErrMalformed, "%d program headers; Linux takes %d at most", phnum, maxHeaders/phentsize)
	}
	if p.phoff > size || phnum*phentsize > size-p.phoff {
		return nil, fail(int64(size), ErrTruncated, "%d program headers at %#x do not fit into %d bytes", phnum, p.phoff, size)
	}
	p.end = max(ehsize, p.phoff+phnum*phentsize)
	for i := range phnum {
		at := p.phoff + i*phentsize
		f := fields{data[at : at+phentsize], is64}
		s := segment{typ: elf.ProgType(f.u32()), hdr: int64(at)}
		if is64 {
			s.flags = elf.ProgFlag(f.u32())
		}
		s.off, s.vaddr, s.paddr, s.filesz, s.memsz = f.word(), f.word(), f.word(), f.word(), f.word()
		if !is64 {
			s.flags = elf.ProgFlag(f.u32())
		}
		s.align = f.word()
		p.segs = append(p.segs, s)
	}
	if err := p.checkSegments(); err != nil {
		return nil, err
	}
	if err := p.checkLinkage(typ); err != nil {
		return nil, err
	}
	if err := p.checkEntry(); err != nil {
		return nil, err
	}
	end := p.end
	if err := p.readSections(shoff, shnum, gotShentsize, shentsize, shstrndx); err != nil {
		// Linux does not read them, and runs the program.
		p.sects, p.end, p.noSections = nil, end, err.Error()
	}
	p.readSymbols()
	return p, nil
}

// putSegment writes a program header in the form of the file's class.
func (p *program) putSegment(b []byte, s *segment) {
	le := binary.LittleEndian
	le.PutUint32(b, uint32(s.typ))
	if p.word == 8 {
		le.PutUint32(b[4:], uint32(s.flags))
		for i, v := range []uint64{s.off, s.vaddr, s.paddr, s.filesz, s.memsz, s.align} {
			le.PutUint64(b[8+8*i:], v)
		}
		return
	}
	for i, v := range []uint64{s.off, s.vaddr, s.paddr, s.filesz, s.memsz, uint64(s.flags), s.align} {
		le.PutUint32(b[4+4*i:], uint32(v))
	}
}

// checkSegments makes sure of what Linux asks of the segments, and of what
// patching asks beyond that.
func (p *program) checkSegments() error {
	size := uint64(len(p.data))
	limit := uint64(0xffffe000)
	if p.arch == image.AMD64 {
		limit = 0x7ffffffff000
	}
	p.lo = math.MaxUint64
	var last *segment
	var loaded uint64
	for i := range p.segs {
		s := &p.segs[i]
		if s.typ == elf.PT_NULL {
			continue
		}
		if s.typ != elf.PT_GNU_STACK && s.filesz > 0 {
			if s.off > size || s.filesz > size-s.off {
				return fail(s.hdr, ErrTruncated, "program header %d (%v) names bytes %#x+%#x, the file ends at %#x", i, s.typ, s.off, s.filesz, size)
			}
			p.end = max(p.end, s.off+s.filesz)
		}
		if s.typ != elf.PT_LOAD {
			continue
		}
		if s.filesz > s.memsz {
			return fail(s.hdr, ErrMalformed, "segment %d has %#x bytes in the file but %#x in memory", i, s.filesz, s.memsz)
		}
		if s.memsz == 0 {
			continue
		}
		if s.vaddr > limit || s.memsz > limit-s.vaddr {
			return fail(s.hdr, ErrMalformed, "segment %d at %#x, %#x bytes, ends outside of the address space", i, s.vaddr, s.memsz)
		}
		if s.align > 1 && s.align&(s.align-1) != 0 {
			return fail(s.hdr, ErrMalformed, "segment %d is aligned to %#x, no power of two", i, s.align)
		}
		if (s.vaddr-s.off)%pageSize != 0 {
			return fail(s.hdr, ErrMalformed, "segment %d at %#x and its offset %#x differ within a page", i, s.vaddr, s.off)
		}
		if last != nil {
			if s.vaddr < last.vaddr {
				return fail(s.hdr, ErrMalformed, "segment %d at %#x is not behind the one in front of it, at %#x", i, s.vaddr, last.vaddr)
			}
			if last.vaddr+last.memsz > s.vaddr {
				return fail(s.hdr, ErrMalformed, "segment %d at %#x overlaps the one at %#x, %#x bytes", i, s.vaddr, last.vaddr, last.memsz)
			}
		}
		last = s
		if loaded += s.filesz; loaded > 2*size {
			return fail(s.hdr, ErrMalformed, "the segments up to %d load %#x bytes of a file of %#x", i, loaded, size)
		}
		p.lo = min(p.lo, s.vaddr&^(pageSize-1))
		p.hi = max(p.hi, (s.vaddr+s.memsz+pageSize-1)&^(pageSize-1))
	}
	if last == nil {
		return fail(int64(p.phoff), ErrMalformed, "no segment to load")
	}
	return nil
}

// checkLinkage refuses all but static programs, at fixed addresses or
// position-independent.
func (p *program) checkLinkage(typ elf.Type) error {
	for i := range p.segs {
		switch s := &p.segs[i]; s.typ {
		case elf.PT_INTERP:
			c := p.contents(s)
			interp, _, _ := strings.Cut(string(c[:min(len(c), 256)]), "\x00")
			return fail(s.hdr, ErrDynamic, "it asks for %q; link it with -static (Go: CGO_ENABLED=0)", interp)
		case elf.PT_DYNAMIC:
			if p.dyn != nil {
				return fail(s.hdr, ErrMalformed, "program header %d is a second PT_DYNAMIC", i)
			}
			p.dyn = p.readDynamic(s)
		}
	}
	d := p.dyn
	if d == nil {
		d = &dynSection{}
	}
	switch {
	case len(d.needed) > 0 && d.soname:
		return fail(16, ErrShared, "it needs %s; give a program linked with -static", d.needed[0])
	case len(d.needed) > 0:
		return fail(16, ErrDynamic, "it needs %s; link it with -static (Go: CGO_ENABLED=0)", d.needed[0])
	case typ == elf.ET_EXEC:
		return nil
	case d.pie || (!d.soname && p.entry != 0):
		p.pie = true
		return p.relocate()
	}
	return fail(16, ErrShared, "give a program linked with -static")
}

func (p *program) checkEntry() error {
	for i := range p.segs {
		if s := &p.segs[i]; s.exec() && s.has(p.entry) {
			return nil
		}
	}
	return fail(24, ErrMalformed, "the entry point %#x lies in no executable segment", p.entry)
}

// contents gives a segment's bytes in the file.
func (p *program) contents(s *segment) []byte {
	if s.filesz == 0 { // then the offset may be anything
		return nil
	}
	return p.file(s.off, s.filesz)
}

// file gives n bytes of the file from off on, relocated. What lies in p.moved
// in part only, as a damaged file's sections may, is given as the file has it.
func (p *program) file(off, n uint64) []byte {
	if k := off - p.movedAt; k <= uint64(len(p.moved)) && n <= uint64(len(p.moved))-k {
		return p.moved[k : k+n : k+n]
	}
	return p.data[off : off+n : off+n]
}

// at gives up to n bytes of the file that are loaded at address a.
func (p *program) at(a uint64, n int) []byte {
	for i := range p.segs {
		if s := &p.segs[i]; s.load() && s.has(a) {
			off := a - s.vaddr
			return p.file(s.off+off, min(uint64(n), s.filesz-off))
		}
	}
	return nil
}

// offset tells where in the file the byte at address a lies, and how many
// more of the segment follow.
func (p *program) offset(a uint64) (off, n uint64, ok bool) {
	for i := range p.segs {
		if s := &p.segs[i]; s.load() && s.has(a) {
			return s.off + (a - s.vaddr), s.filesz - (a - s.vaddr), true
		}
	}
	return 0, 0, false
}

// readSections reads the section headers; a program needs none. It fails
// where any of them leaves the file: then none is to be trusted.
func (p *program) readSections(shoff, shnum, entsize, want uint64, strndx uint32) error {
	if shoff == 0 {
		return nil
	}
	size := uint64(len(p.data))
	if entsize != want && (shnum != 0 || entsize != 0) {
		return fmt.Errorf("section headers of %d bytes, not %d", entsize, want)
	}
	if entsize == 0 {
		return nil
	}
	if shoff > size || want > size-shoff {
		return fmt.Errorf("section headers at %#x, the file ends at %#x", shoff, size)
	}
	header := func(i uint64) section {
		f := fields{p.data[shoff+i*want:][:want], p.word == 8}
		f.u32() // name
		s := section{typ: elf.SectionType(f.u32())}
		s.flags, s.addr, s.off, s.size = elf.SectionFlag(f.word()), f.word(), f.word(), f.word()
		s.link = f.u32()
		f.u32() // info
		f.word()
		s.entsize = f.word()
		return s
	}
	first := header(0)
	if shnum == 0 {
		shnum = first.size
	}
	if strndx == uint32(elf.SHN_XINDEX) {
		strndx = first.link
	}
	if shnum > (size-shoff)/want {
		return fmt.Errorf("%d section headers at %#x do not fit into %d bytes", shnum, shoff, size)
	}
	p.end = max(p.end, shoff+shnum*want)
	for i := range shnum {
		s := header(i)
		if i == 0 {
			s.typ = elf.SHT_NULL // extended numbers apart, it holds nothing
		}
		if s.typ != elf.SHT_NULL && s.typ != elf.SHT_NOBITS {
			if s.off > size || s.size > size-s.off {
				return fmt.Errorf("section %d names bytes %#x+%#x, the file ends at %#x", i, s.off, s.size, size)
			}
			p.end = max(p.end, s.off+s.size)
		}
		p.sects = append(p.sects, s)
	}
	if strndx != 0 && uint64(strndx) < shnum && p.sects[strndx].typ == elf.SHT_STRTAB {
		tab := p.sects[strndx]
		names := string(p.bytesOf(&tab))
		for i := range p.sects {
			p.sects[i].name = str(names, uint64(binary.LittleEndian.Uint32(p.data[shoff+uint64(i)*want:])))
		}
	}
	return nil
}

// maxName bounds a name that is taken from a string table.
const maxName = 4096

// str reads the string at off of a string table. It shares the table's
// memory: many names may name one place.
func str(tab string, off uint64) string {
	if off >= uint64(len(tab)) {
		return ""
	}
	s, _, _ := strings.Cut(tab[off:min(uint64(len(tab)), off+maxName)], "\x00")
	return s
}

// bytesOf gives a section's bytes in the file.
func (p *program) bytesOf(s *section) []byte {
	if s == nil || s.typ == elf.SHT_NOBITS || s.typ == elf.SHT_NULL {
		return nil
	}
	return p.file(s.off, s.size)
}

// section finds a section by name, nil if there is none.
func (p *program) section(name string) *section {
	for i := range p.sects {
		if p.sects[i].name == name {
			return &p.sects[i]
		}
	}
	return nil
}

// readSymbols reads the symbol table, if there is one.
func (p *program) readSymbols() {
	for i := range p.sects {
		tab := &p.sects[i]
		if tab.typ != elf.SHT_SYMTAB || uint64(tab.link) >= uint64(len(p.sects)) {
			continue
		}
		names := string(p.bytesOf(&p.sects[tab.link]))
		ent := 16
		if p.word == 8 {
			ent = 24
		}
		b := p.bytesOf(tab)
		p.syms = make([]symbol, 0, len(b)/ent)
		for ; len(b) >= ent; b = b[ent:] {
			f := fields{b[:ent], p.word == 8}
			var s symbol
			var info byte
			var shndx uint16
			name := f.u32()
			if p.word == 8 {
				info = f.b[0]
				f.b = f.b[2:]
				shndx = f.u16()
				s.addr, s.size = f.word(), f.word()
			} else {
				s.addr, s.size = f.word(), f.word()
				info = f.b[0]
				f.b = f.b[2:]
				shndx = f.u16()
			}
			s.typ = elf.ST_TYPE(info)
			s.undefined = shndx == uint16(elf.SHN_UNDEF)
			s.inNoSection = shndx == uint16(elf.SHN_ABS)
			s.name = str(names, uint64(name))
			p.syms = append(p.syms, s)
		}
		return
	}
}
