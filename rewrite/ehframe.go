package rewrite

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"slices"
)

// Pointer encodings of .eh_frame and .gcc_except_table (LSB core, 10.5).
const (
	peAbs     = 0x00
	peULEB    = 0x01
	peUdata2  = 0x02
	peUdata4  = 0x03
	peUdata8  = 0x04
	peSLEB    = 0x09
	peSdata2  = 0x0a
	peSdata4  = 0x0b
	peSdata8  = 0x0c
	pePCRel   = 0x10
	peDataRel = 0x30
	peOmit    = 0xff
)

// An fde is one function's unwind entry.
type fde struct {
	start, end uint64
	lsda       uint64 // 0: none
}

// unwinder reads unwind tables. Whatever is damaged ends the reading of the
// table: unwind tables are evidence, not a condition.
type unwinder struct {
	word int
	b    []byte
	addr uint64 // of b[0]
	ok   bool
}

func (u *unwinder) skip(n uint64) []byte {
	if !u.ok || n > uint64(len(u.b)) {
		u.ok = false
		return nil
	}
	b := u.b[:n]
	u.b = u.b[n:]
	u.addr += n
	return b
}

func (u *unwinder) uint(n int) uint64 {
	var w [8]byte
	copy(w[:], u.skip(uint64(n)))
	return binary.LittleEndian.Uint64(w[:])
}

func (u *unwinder) uleb() (v uint64) {
	for s := 0; s < 64; s += 7 {
		c := u.uint(1)
		v |= c & 0x7f << s
		if c < 0x80 {
			return v
		}
	}
	u.ok = false
	return 0
}

func (u *unwinder) sleb() int64 {
	var v int64
	for s := 0; s < 64; {
		c := u.uint(1)
		v |= int64(c&0x7f) << s
		s += 7
		if c < 0x80 {
			if s < 64 && c&0x40 != 0 {
				v |= -1 << s
			}
			return v
		}
	}
	u.ok = false
	return 0
}

// pointer reads an encoded pointer; data is what data-relative ones count
// from.
func (u *unwinder) pointer(enc byte, data uint64) uint64 {
	if enc == peOmit {
		return 0
	}
	at := u.addr
	var v uint64
	switch enc & 0x0f {
	case peAbs:
		v = u.uint(u.word)
	case peULEB:
		v = u.uleb()
	case peUdata2:
		v = u.uint(2)
	case peUdata4:
		v = u.uint(4)
	case peUdata8, peSdata8:
		v = u.uint(8)
	case peSLEB:
		v = uint64(u.sleb())
	case peSdata2:
		v = uint64(int16(u.uint(2)))
	case peSdata4:
		v = uint64(int32(u.uint(4)))
	default:
		u.ok = false
	}
	if v == 0 {
		return 0
	}
	switch enc & 0x70 {
	case 0:
	case pePCRel:
		v += at
	case peDataRel:
		v += data
	default:
		u.ok = false
	}
	if u.word == 4 {
		v = uint64(uint32(v))
	}
	return v
}

// ehFrame finds .eh_frame: by its section, or through PT_GNU_EH_FRAME.
func (p *program) ehFrame() (b []byte, addr uint64) {
	if s := p.section(".eh_frame"); s != nil && s.addr != 0 && s.typ != elf.SHT_NOBITS {
		return p.bytesOf(s), s.addr
	}
	for i := range p.segs {
		s := &p.segs[i]
		if s.typ != elf.PT_GNU_EH_FRAME || s.filesz < 8 {
			continue
		}
		h := p.contents(s)
		u := unwinder{word: p.word, b: h[4:], addr: s.vaddr + 4, ok: true}
		a := u.pointer(h[1], s.vaddr)
		if !u.ok || h[0] != 1 {
			continue
		}
		if off, n, ok := p.offset(a); ok {
			return p.data[off : off+n], a
		}
	}
	return nil, 0
}

// A cie is what FDEs share.
type cie struct {
	ptr, lsda byte
	augmented bool
	ok        bool
}

// fdes reads the entries of .eh_frame.
func (p *program) fdes() []fde {
	if frame, base := p.ehFrame(); frame != nil {
		out, _ := p.fdesIn(frame, base)
		return out
	}
	// Neither section headers nor PT_GNU_EH_FRAME, as in stripped static
	// programs of glibc: look for what a table of gcc and clang begins with.
	var out []fde
	for i := range p.segs {
		s := &p.segs[i]
		if !s.load() || s.flags&elf.PF_W != 0 {
			continue
		}
		b := p.contents(s)
		for off := 0; ; {
			i := bytes.Index(b[off:], []byte("\x00\x00\x00\x00\x01z"))
			if i < 0 {
				break
			}
			start := off + i - 4 // of the CIE: its length stands in front
			off += i + 1
			if start < 0 || (s.vaddr+uint64(start))%4 != 0 || !plausibleCIE(b[start:]) {
				continue
			}
			f, n := p.fdesIn(b[start:], s.vaddr+uint64(start))
			out = append(out, f...)
			off = max(off, start+int(n))
		}
	}
	return slices.DeleteFunc(out, func(f fde) bool { return !p.inText(f.start) || !p.inText(f.end-1) })
}

// plausibleCIE tells whether b begins with a CIE as compilers write them for
// x86: short, with a known augmentation.
func plausibleCIE(b []byte) bool {
	if len(b) < 16 {
		return false
	}
	n := binary.LittleEndian.Uint32(b)
	aug, _, ok := bytes.Cut(b[9:16], []byte{0})
	return n >= 12 && n <= 64 && ok && (string(aug) == "zR" || string(aug) == "zPLR" || string(aug) == "zRS" || string(aug) == "zPR" || string(aug) == "zLR")
}

// fdesIn reads a table up to its end mark or the first entry that is none,
// and tells how far that is.
func (p *program) fdesIn(frame []byte, base uint64) (out []fde, read uint64) {
	cies := map[uint64]cie{}
	off := uint64(0)
	for uint64(len(frame))-off >= 4 {
		u := unwinder{word: p.word, b: frame[off:], addr: base + off, ok: true}
		n := u.uint(4)
		head := uint64(4)
		if n == 0 {
			break
		}
		if n == 0xffffffff {
			n = u.uint(8)
			head = 12
		}
		at := off + head // where the id field lies
		if n > uint64(len(frame))-at || n < 4 {
			break
		}
		u.b = u.b[:n]
		off = at + n
		id := u.uint(4)
		if id == 0 {
			continue
		}
		if id > at {
			continue
		}
		c, seen := cies[at-id]
		if !seen {
			c = p.cie(frame, base, at-id)
			cies[at-id] = c
		}
		if !c.ok {
			continue
		}
		var f fde
		f.start = u.pointer(c.ptr, 0)
		f.end = f.start + u.pointer(c.ptr&0x0f, 0)
		if c.augmented {
			u.uleb()
			f.lsda = u.pointer(c.lsda, 0)
		}
		if u.ok && f.start != 0 && f.end > f.start {
			out = append(out, f)
		}
	}
	return out, off
}

// cie reads the CIE that starts at off of frame.
func (p *program) cie(frame []byte, base, off uint64) cie {
	c := cie{ptr: peAbs, lsda: peOmit}
	u := unwinder{word: p.word, b: frame[off:], addr: base + off, ok: true}
	n := u.uint(4)
	if n == 0xffffffff {
		n = u.uint(8)
	}
	if n > uint64(len(u.b)) {
		return c
	}
	u.b = u.b[:n]
	if u.uint(4) != 0 {
		return c
	}
	version := u.uint(1)
	var aug []byte
	for u.ok {
		ch := byte(u.uint(1))
		if ch == 0 {
			break
		}
		aug = append(aug, ch)
	}
	if version >= 4 {
		u.uint(2) // sizes of address and segment
	}
	u.uleb()
	u.sleb()
	if version == 1 {
		u.uint(1)
	} else {
		u.uleb()
	}
	for i, ch := range aug {
		switch ch {
		case 'z':
			if i != 0 {
				return c
			}
			c.augmented = true
			u.uleb()
		case 'R':
			c.ptr = byte(u.uint(1))
		case 'L':
			c.lsda = byte(u.uint(1))
		case 'P':
			enc := byte(u.uint(1))
			u.pointer(enc&^0x80, 0)
		case 'S', 'B':
		default:
			return c
		}
	}
	c.ok = u.ok
	return c
}

// landingPads reads the call-site table of an LSDA: where the unwinder enters
// the function that starts at start. It takes the table's size from budget,
// which the size of the file bounds, since tables do not overlap.
func (p *program) landingPads(start, lsda uint64, budget *uint64) []uint64 {
	off, n, ok := p.offset(lsda)
	if !ok {
		return nil
	}
	u := unwinder{word: p.word, b: p.data[off : off+n], addr: lsda, ok: true}
	base := start
	if enc := byte(u.uint(1)); enc != peOmit {
		base = u.pointer(enc, 0)
	}
	if enc := byte(u.uint(1)); enc != peOmit {
		u.uleb()
	}
	enc := byte(u.uint(1))
	size := u.uleb()
	if !u.ok || size > uint64(len(u.b)) || size > *budget {
		return nil
	}
	*budget -= size
	u.b = u.b[:size]
	var pads []uint64
	for u.ok && len(u.b) > 0 {
		u.pointer(enc, 0) // start
		u.pointer(enc, 0) // length
		pad := u.pointer(enc, 0)
		u.uleb() // action
		if u.ok && pad != 0 {
			pads = append(pads, base+pad)
		}
	}
	return pads
}
