package rewrite

import (
	"debug/elf"
	"encoding/binary"
	"slices"

	"bee/image"
	"bee/stubs"
)

// maxProof bounds a linux-proof file whose header table has to move.
const maxProof = 256 << 20

// spare chooses the program header that the trampoline segment may take the
// place of: one that only tools and linkers read. -1 if there is none.
// PT_GNU_STACK is none: without it the stack becomes executable.
func (p *program) spare() int {
	for _, t := range []elf.ProgType{elf.PT_NULL, elf.PT_GNU_PROPERTY, elf.PT_NOTE, elf.PT_GNU_RELRO} {
		for i := range p.segs {
			if p.segs[i].typ == t {
				return i
			}
		}
	}
	return -1
}

func (p *program) firstLoad() *segment {
	for i := range p.segs {
		if p.segs[i].load() {
			return &p.segs[i]
		}
	}
	return nil
}

// proofAddr is where the trampoline segment has to lie, 0 if anywhere.
//
// Where no program header is to spare, the table moves into that segment.
// Linux before 5.18 tells the program that its headers are at the first
// segment's address plus e_phoff, whatever segment holds them; so address and
// offset of the trampoline segment must differ by as much as the first
// segment's.
func (p *program) proofAddr() uint64 {
	if p.spare() >= 0 {
		return 0
	}
	first := p.firstLoad()
	return max(p.hi, first.vaddr-first.off+page(uint64(len(p.data))))
}

func page(n uint64) uint64 { return (n + pageSize - 1) &^ (pageSize - 1) }

// proof patches p.data in place and gives it with the trampolines as one more
// segment.
func (p *program) proof(im *image.Image) ([]byte, error) {
	out := p.data
	for _, patch := range im.Patches {
		off, n, ok := p.offset(im.Base + patch.Addr)
		if !ok || n < uint64(len(patch.Data)) {
			return nil, fail(-1, ErrMalformed, "patch at %#x lies in no segment's bytes", im.Base+patch.Addr)
		}
		copy(out[off:], patch.Data)
	}
	if len(im.Tramp) == 0 {
		return out, nil
	}
	tramp := segment{
		typ: elf.PT_LOAD, flags: elf.PF_R | elf.PF_X,
		vaddr: im.Base + uint64(im.TrampAddr),
		off:   page(uint64(len(out))),
		align: pageSize,
	}
	body := append(make([]byte, stubs.ThunkPageSize), im.Tramp...)
	segs := slices.Clone(p.segs)
	moved := false
	if i := p.spare(); i >= 0 {
		segs = slices.Delete(segs, i, i+1)
	} else {
		moved = true
		first := p.firstLoad()
		tramp.off = tramp.vaddr - (first.vaddr - first.off)
		if tramp.off < uint64(len(out)) || tramp.off > maxProof {
			return nil, fail(int64(p.phoff), ErrNoRoom, "no PT_NOTE or PT_GNU_RELRO to give up, and a new table would have to lie at %#x", tramp.off)
		}
	}

	// PT_LOAD headers stand in the order of their addresses.
	at := slices.IndexFunc(segs, func(s segment) bool { return s.typ == elf.PT_LOAD && s.memsz > 0 && s.vaddr > tramp.vaddr })
	if at < 0 {
		for i, s := range segs {
			if s.typ == elf.PT_LOAD {
				at = i + 1
			}
		}
	}
	segs = slices.Insert(segs, at, tramp)
	size := 32
	if p.word == 8 {
		size = 56
	}
	phoff := p.phoff
	if moved {
		body = append(body, make([]byte, -len(body)&15)...)
		phoff = tramp.off + uint64(len(body))
		body = append(body, make([]byte, size*len(segs))...)
	}
	segs[at].filesz, segs[at].memsz = uint64(len(body)), uint64(len(body))
	segs[at].paddr = tramp.vaddr
	if n := int(tramp.off) + len(body); n > cap(out) {
		out = append(make([]byte, 0, n), out...)
	}
	gap := out[len(out):tramp.off]
	clear(gap)
	out = append(out[:tramp.off], body...)
	for i := range segs {
		if s := &segs[i]; s.typ == elf.PT_PHDR && moved {
			s.off, s.vaddr = phoff, tramp.vaddr+(phoff-tramp.off)
			s.paddr, s.filesz, s.memsz = s.vaddr, uint64(size*len(segs)), uint64(size*len(segs))
		}
		p.putSegment(out[phoff+uint64(i*size):], &segs[i])
	}
	if p.word == 8 {
		binary.LittleEndian.PutUint64(out[32:], phoff)
		binary.LittleEndian.PutUint16(out[56:], uint16(len(segs)))
	} else {
		binary.LittleEndian.PutUint32(out[28:], uint32(phoff))
		binary.LittleEndian.PutUint16(out[44:], uint16(len(segs)))
	}
	return out, nil
}
