package loader

import (
	"bytes"
	"encoding/binary"

	"bee/runtime/abi"
	"bee/runtime/kernel"
)

// The page that AT_SYSINFO_EHDR names is an ELF file in memory with functions
// that libcs call instead of some system calls (vdso(7)). Ours make the system
// call, which is cheap here. Not giving one is no way out: dietlibc takes the
// old vsyscall address for it then, and calls what it finds without asking.

// vdsoFunctions are what Linux's has, with the numbers of the system calls.
var vdsoFunctions = []struct {
	name string
	nr   uint32
}{
	{"__vdso_clock_gettime", abi.AMD64NrClockGettime},
	{"__vdso_clock_getres", abi.AMD64NrClockGetres},
	{"__vdso_gettimeofday", abi.AMD64NrGettimeofday},
	{"__vdso_time", abi.AMD64NrTime},
	{"__vdso_getcpu", abi.AMD64NrGetcpu},
}

// vdsoSection is a section of the page; size and place follow from the order.
type vdsoSection struct {
	name         string
	typ, flags   uint64
	data         []byte
	link, info   uint32
	align, entry uint64
	off, nameAt  uint64
}

// vdso64 makes the page's content. thunk is the address of ThunkSyscall, which
// the functions enter as a patched `syscall` does: with the address to go on
// at in rcx.
func vdso64(thunk uint64) []byte {
	le := binary.LittleEndian
	const header, phdr, shdr, symSize = 64, 56, 64, 24
	const (
		hash = 1 + iota
		dynsym
		dynstr
		versym
		verdef
		dynamic
		text
		shstrtab
		sections
	)

	// Code: per function 32 bytes; behind all of them the thunk's address.
	const stride = 32
	code := bytes.Repeat([]byte{0xcc}, stride*len(vdsoFunctions)+8)
	for i, f := range vdsoFunctions {
		c := code[i*stride:]
		c[0] = 0xb8 // mov $nr,%eax
		le.PutUint32(c[1:], f.nr)
		copy(c[5:], []byte{0x48, 0x8d, 0x0d, 6, 0, 0, 0}) // lea 18(%rip),%rcx: the return
		copy(c[12:], []byte{0xff, 0x25})                  // jmp *thunk(%rip)
		le.PutUint32(c[14:], uint32(stride*len(vdsoFunctions)-(i*stride+18)))
		c[18] = 0xc3 // ret
	}
	le.PutUint64(code[stride*len(vdsoFunctions):], thunk)

	// Go's runtime wants the functions to have the version that Linux gives
	// them, and reads the definitions without asking whether there are any.
	const soname, version = "linux-vdso.so.1", "LINUX_2.6"
	strs := []byte("\x00" + soname + "\x00" + version + "\x00")
	versions := make([]byte, 2*(1+len(vdsoFunctions)))
	for i := range vdsoFunctions {
		le.PutUint16(versions[2*(1+i):], 2)
	}
	defs := make([]byte, 2*verdefSize)
	for i, d := range []struct {
		flags  uint16
		name   string
		nameAt uint32
	}{{1, soname, 1}, {0, version, uint32(2 + len(soname))}} { // VER_FLG_BASE
		v := defs[i*verdefSize:]
		le.PutUint16(v, 1) // vd_version
		le.PutUint16(v[2:], d.flags)
		le.PutUint16(v[4:], uint16(1+i)) // vd_ndx
		le.PutUint16(v[6:], 1)           // vd_cnt
		le.PutUint32(v[8:], elfHash(d.name))
		le.PutUint32(v[12:], 20) // vd_aux
		if i == 0 {
			le.PutUint32(v[16:], verdefSize) // vd_next
		}
		le.PutUint32(v[20:], d.nameAt)
	}
	syms := make([]byte, symSize*(1+len(vdsoFunctions)))
	// One bucket; the chain goes through all symbols.
	hashes := make([]byte, 4*(2+1+1+len(vdsoFunctions)))
	le.PutUint32(hashes, 1)
	le.PutUint32(hashes[4:], uint32(1+len(vdsoFunctions)))
	le.PutUint32(hashes[8:], 1)
	for i, f := range vdsoFunctions {
		s := syms[symSize*(1+i):]
		le.PutUint32(s, uint32(len(strs)))
		s[4] = 0x12 // STB_GLOBAL, STT_FUNC
		le.PutUint16(s[6:], text)
		le.PutUint64(s[16:], 19)
		strs = append(append(strs, f.name...), 0)
		if i+1 < len(vdsoFunctions) {
			le.PutUint32(hashes[12+4*(1+i):], uint32(2+i))
		}
	}

	sect := [sections]vdsoSection{
		hash:     {name: ".hash", typ: 5, flags: 2, data: hashes, link: dynsym, align: 8, entry: 4},
		dynsym:   {name: ".dynsym", typ: 11, flags: 2, data: syms, link: dynstr, info: 1, align: 8, entry: symSize},
		dynstr:   {name: ".dynstr", typ: 3, flags: 2, data: strs, align: 1},
		versym:   {name: ".gnu.version", typ: 0x6fffffff, flags: 2, data: versions, link: dynsym, align: 2, entry: 2},
		verdef:   {name: ".gnu.version_d", typ: 0x6ffffffd, flags: 2, data: defs, link: dynstr, info: 2, align: 8},
		dynamic:  {name: ".dynamic", typ: 6, flags: 2, data: make([]byte, 10*16), link: dynstr, align: 8, entry: 16},
		text:     {name: ".text", typ: 1, flags: 6, data: code, align: 16},
		shstrtab: {name: ".shstrtab", typ: 3, align: 1},
	}
	names := []byte{0}
	for i := hash; i < sections; i++ {
		sect[i].nameAt = uint64(len(names))
		names = append(append(names, sect[i].name...), 0)
	}
	sect[shstrtab].data = names

	b := make([]byte, header+2*phdr)
	for i := hash; i < sections; i++ {
		s := &sect[i]
		for uint64(len(b))%s.align != 0 {
			b = append(b, 0)
		}
		s.off = uint64(len(b))
		b = append(b, s.data...)
	}
	for len(b)%8 != 0 {
		b = append(b, 0)
	}
	shoff := uint64(len(b))
	b = append(b, make([]byte, sections*shdr)...)
	for i := hash; i < sections; i++ {
		s, h := &sect[i], b[shoff+uint64(i)*shdr:]
		le.PutUint32(h, uint32(s.nameAt))
		le.PutUint32(h[4:], uint32(s.typ))
		for j, v := range []uint64{s.flags, s.off, s.off, uint64(len(s.data))} {
			le.PutUint64(h[8+8*j:], v)
		}
		le.PutUint32(h[40:], s.link)
		le.PutUint32(h[44:], s.info)
		le.PutUint64(h[48:], s.align)
		le.PutUint64(h[56:], s.entry)
	}
	for i := range vdsoFunctions {
		le.PutUint64(b[sect[dynsym].off+uint64(symSize*(1+i))+8:], sect[text].off+uint64(i*stride))
	}
	for i, d := range [][2]uint64{
		{4, sect[hash].off},            // DT_HASH
		{5, sect[dynstr].off},          // DT_STRTAB
		{6, sect[dynsym].off},          // DT_SYMTAB
		{10, uint64(len(strs))},        // DT_STRSZ
		{11, symSize},                  // DT_SYMENT
		{14, 1},                        // DT_SONAME
		{0x6ffffff0, sect[versym].off}, // DT_VERSYM
		{0x6ffffffc, sect[verdef].off}, // DT_VERDEF
		{0x6ffffffd, 2},                // DT_VERDEFNUM
		{0, 0},                         // DT_NULL
	} {
		le.PutUint64(b[sect[dynamic].off+uint64(16*i):], d[0])
		le.PutUint64(b[sect[dynamic].off+uint64(16*i)+8:], d[1])
	}

	copy(b, "\x7fELF\x02\x01\x01")
	le.PutUint16(b[16:], 3)  // ET_DYN
	le.PutUint16(b[18:], 62) // EM_X86_64
	le.PutUint32(b[20:], 1)  // EV_CURRENT
	le.PutUint64(b[32:], header)
	le.PutUint64(b[40:], shoff)
	for i, v := range []uint16{header, phdr, 2, shdr, sections, shstrtab} {
		le.PutUint16(b[52+2*i:], v)
	}
	segment := func(i int, typ, flags uint32, off, size, align uint64) {
		p := b[header+i*phdr:]
		le.PutUint32(p, typ)
		le.PutUint32(p[4:], flags)
		for j, v := range []uint64{off, off, off, size, size, align} {
			le.PutUint64(p[8+8*j:], v)
		}
	}
	segment(0, 1, pfR|pfX, 0, uint64(len(b)), abi.PageSize)                   // PT_LOAD
	segment(1, 2, pfR, sect[dynamic].off, uint64(len(sect[dynamic].data)), 8) // PT_DYNAMIC
	return b
}

// verdefSize is a version's definition with its name (Elf64_Verdef and
// Elf64_Verdaux).
const verdefSize = 20 + 8

// elfHash is the hash of names in ELF files (System V ABI, "Hash Table").
func elfHash(name string) (h uint32) {
	for _, c := range []byte(name) {
		h = h<<4 + uint32(c)
		g := h & 0xf0000000
		h ^= g >> 24
		h &^= g
	}
	return h
}

// mapVDSO maps the page and tells where.
func mapVDSO(as *kernel.AddressSpace, thunk uint64) (uint64, abi.Errno) {
	at, e := as.MapAnywhere(abi.PageSize, 0, "[vdso]")
	if e == 0 {
		e = as.WriteSegment(at, vdso64(thunk))
	}
	if e == 0 {
		e = as.Seal(at, abi.PageSize, abi.PROT_READ|abi.PROT_EXEC)
	}
	return at, e
}
