package rewrite

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"reflect"
	"strings"
	"testing"

	"bee/image"
)

const (
	pieTable = 0x8049200 // where pie puts its words
	pieCode  = 0x80480b4
	pieInt80 = pieCode + 20
)

// pie gives tiny(I386) as a position-independent program: dyn is its dynamic
// section, words are what lies at pieTable.
func pie(dyn []uint32, words ...uint32) []byte {
	b := set(tiny(image.I386), 16, 2, uint64(elf.ET_DYN))
	at := len(b)
	for _, v := range dyn {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	h := ph32 + 2*next32
	b = set(b, h, 4, uint64(elf.PT_DYNAMIC))
	b = set(b, h+4, 4, uint64(at))
	b = set(b, h+16, 4, uint64(len(b)-at))
	b = append(b, make([]byte, 0x200-len(b))...)
	for _, v := range words {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	data := ph32 + next32
	size := uint64(len(b)) - uint64(binary.LittleEndian.Uint32(b[data+4:]))
	return set(set(b, data+16, 4, size), data+20, 4, max(size, 0x100))
}

func rel(n uint32) []uint32 {
	return []uint32{uint32(elf.DT_REL), pieTable, uint32(elf.DT_RELSZ), 8 * n, uint32(elf.DT_RELENT), 8, 0, 0}
}

func relr(n uint32) []uint32 {
	return []uint32{uint32(dtRelr), pieTable, uint32(dtRelrSz), 4 * n, 0, 0}
}

func TestPIERefused(t *testing.T) {
	wx := func(b []byte) []byte { return set(b, ph32+24, 4, 7) }
	for _, c := range []struct {
		name string
		b    []byte
		err  error
		want string
	}{
		{"accepted", pie(rel(1), pieTable, rRelative), nil, ""},
		{"without a dynamic section", set(tiny(image.I386), 16, 2, 3), nil, ""},
		{"marked", set(pie([]uint32{uint32(elf.DT_SONAME), 1, uint32(elf.DT_FLAGS_1), uint32(elf.DF_1_PIE), 0, 0}), 24, 4, pieCode), nil, ""},
		{"library", pie([]uint32{uint32(elf.DT_SONAME), 1, 0, 0}), ErrShared, "x: shared object: give a program linked with -static (at offset 0x10)"},
		{
			"needs a library", pie([]uint32{uint32(elf.DT_STRTAB), pieTable, uint32(elf.DT_NEEDED), 0, 0, 0}, 0x6362696c), ErrDynamic,
			`x: dynamically linked: it needs "libc"; link it with -static (Go: CGO_ENABLED=0) (at offset 0x10)`,
		},
		{"code is relocated", pie(rel(1), pieCode+11, rRelative), ErrTextRel, "x: relocations in code: at 0x80480bf; compile all of it with -fPIE, link with -z text"},
		{"code is touched", pie(rel(1), pieCode-3, rRelative), ErrTextRel, "x: relocations in code: at 0x80480b1; compile"},
		{"writable code is relocated", wx(pie(rel(1), pieCode+6, rRelative)), nil, ""},
		{
			"patched code is relocated", wx(pie(rel(1), pieInt80-2, rRelative)), ErrTextRel,
			"x: relocations in code: one at 0x80480c6 falls into the patch at 0x80480c",
		},
		{"no table", pie(rel(0x1000)), ErrMalformed, "x: malformed ELF file: DT_REL at 0x8049200, 0x8000 bytes, lies in no segment's bytes"},
		{"DT_RELR goes back", pie(relr(2), pieTable, pieTable), ErrMalformed, "x: malformed ELF file: DT_RELR at 0x8049200 goes back from 0x8049204 to 0x8049200"},
		{"DT_RELR leaves the image", pie(relr(2), pieTable, 0x80000001), ErrMalformed, "x: malformed ELF file: DT_RELR at 0x8049200 names 0x804927c, which lies in no segment's bytes"},
		{"DT_RELR in code", pie(relr(1), pieCode&^3), ErrTextRel, "x: relocations in code: at 0x80480b4"},
	} {
		r, err := Bytes(c.b, Options{Name: "x"})
		if !errors.Is(err, c.err) || err != nil && !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		if err != nil {
			continue
		}
		if im := r.Manifest.Images[0]; !im.PIE || len(im.AbsFixups) == 0 {
			t.Errorf("%s: PIE %v, %d addresses to move", c.name, im.PIE, len(im.AbsFixups))
		}
		if _, err := Verify("x", r.Output); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// All kinds of relocations, with what the psABI says that they make.
func TestEachReloc(t *testing.T) {
	const sym = pieTable + 0x40
	words := make([]uint32, 0x30)
	copy(words, []uint32{
		// DT_REL
		pieTable + 0x80, rRelative,
		pieTable + 0x84, r386IRelative,
		pieTable + 0x88, 1<<8 | rAbs,
		pieTable + 0x8c, 1<<8 | rGlobDat,
		pieTable + 0x90, 2<<8 | rJumpSlot, // undefined
		pieTable + 0x94, 14, // R_386_TLS_TPOFF
		// DT_RELR: 98, then the 1st and the 31st behind it
		pieTable + 0x98, 1 | 1<<1 | 1<<31, pieTable + 0x118,
	})
	copy(words[0x10:], []uint32{0, 0, 0, 0, 0, pieCode, 0, 1 << 16, 0, pieCode, 0, 0})
	copy(words[0x20:], []uint32{pieCode + 1, pieCode + 2, 4, 5, 6, 7, pieCode + 3, pieCode + 4})
	words = append(words, make([]uint32, 0x20)...)
	dyn := append([]uint32{uint32(dtRelr), pieTable + 0x30, uint32(dtRelrSz), 12, uint32(elf.DT_SYMTAB), sym}, rel(6)...)
	p, err := readELF(pie(dyn, words...))
	if err != nil {
		t.Fatal(err)
	}
	var got []reloc
	if err := p.eachReloc(func(r reloc) error {
		got = append(got, r)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	want := []reloc{
		{at: pieTable + 0x80, to: pieCode + 1, kind: relocPointer},
		{at: pieTable + 0x84, to: pieCode + 2, kind: relocResolver},
		{at: pieTable + 0x88, to: pieCode + 4, kind: relocPointer, rela: true},
		{at: pieTable + 0x8c, to: pieCode, kind: relocPointer, rela: true},
		{at: pieTable + 0x90},
		{at: pieTable + 0x94},
		{at: pieTable + 0x98, to: pieCode + 3, kind: relocPointer},
		{at: pieTable + 0x9c, to: pieCode + 4, kind: relocPointer},
		{at: pieTable + 0x114, kind: relocPointer},
		{at: pieTable + 0x118, kind: relocPointer},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestDamagedPIE(t *testing.T) {
	whole := [][]byte{pie(rel(2), pieTable, rRelative, pieTable+8, r386IRelative), pie(relr(2), pieTable, 0x7fffffff, 0, 0, 0)}
	for _, b := range whole {
		for i := range b {
			for _, v := range []byte{0, 1, 0x7f, 0x80, 0xff} {
				c := bytes.Clone(b)
				c[i] = v
				for _, form := range []Form{FormBee, FormLinuxProof} {
					Bytes(c, Options{AllowTrap: true, Form: form})
				}
			}
		}
	}
}
