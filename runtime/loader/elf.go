package loader

import (
	"encoding/binary"
	"fmt"
	"io"

	"bee/image"
	"bee/runtime/abi"
)

// What the loader needs of the ELF format. The rewriter has examined the file
// closely; here only what would harm the runner is checked again.
const (
	etExec = 2
	etDyn  = 3

	em386   = 3
	emX8664 = 62

	ptLoad = 1
	ptPhdr = 6

	pfX = 1
	pfW = 2
	pfR = 4

	// maxHeaders is what Linux accepts: a page of program headers.
	maxHeaders = 64
)

type header struct {
	entry, phoff   uint64 // entry: in memory
	phent, phnum   int
	segs           []segment
	phdr           uint64 // address of the program headers in memory, 0: none
	imageLo, imgHi uint64 // of all segments, whole pages
}

// segment is a PT_LOAD.
type segment struct {
	off, addr, filesz, memsz uint64
	flags                    uint32
}

// readHeader reads the headers of a program of size bytes; bias is added to all
// addresses in them. Only position-independent programs (pie) have one.
func readHeader(r io.ReaderAt, size uint64, arch image.Arch, pie bool, bias uint64) (*header, error) {
	var e [64]byte
	if n, err := r.ReadAt(e[:], 0); n < 52 || (n < 64 && arch == image.AMD64) {
		return nil, fmt.Errorf("ELF header: %w", noEOF(err))
	}
	le := binary.LittleEndian
	class, machine := byte(1), uint16(em386)
	if arch == image.AMD64 {
		class, machine = 2, emX8664
	}
	if string(e[:4]) != "\x7fELF" || e[4] != class || e[5] != 1 || le.Uint16(e[18:]) != machine {
		return nil, fmt.Errorf("ELF header: not a file of the architecture that its patch set is for")
	}
	typ := uint16(etExec)
	if pie {
		typ = etDyn
	}
	if t := le.Uint16(e[16:]); t != typ {
		return nil, fmt.Errorf("ELF header: type %d, want %d", t, typ)
	}
	h := &header{}
	want := 32
	if arch == image.AMD64 {
		want = 56
		h.entry, h.phoff = le.Uint64(e[24:]), le.Uint64(e[32:])
		h.phent, h.phnum = int(le.Uint16(e[54:])), int(le.Uint16(e[56:]))
	} else {
		h.entry, h.phoff = uint64(le.Uint32(e[24:])), uint64(le.Uint32(e[28:]))
		h.phent, h.phnum = int(le.Uint16(e[42:])), int(le.Uint16(e[44:]))
	}
	h.entry += bias
	if h.phent != want || h.phnum == 0 || h.phnum > maxHeaders {
		return nil, fmt.Errorf("ELF header: %d program headers of %d bytes", h.phnum, h.phent)
	}
	b := make([]byte, h.phent*h.phnum)
	if h.phoff > size || uint64(len(b)) > size-h.phoff {
		return nil, fmt.Errorf("program headers at %#x reach beyond the file's %d bytes", h.phoff, size)
	}
	if n, err := r.ReadAt(b, int64(h.phoff)); n < len(b) {
		return nil, fmt.Errorf("program headers at %#x: %w", h.phoff, noEOF(err))
	}
	limit := uint64(1) << 32
	if arch == image.AMD64 {
		limit = 1 << 47
	}
	for i := range h.phnum {
		p := b[i*h.phent:]
		var s segment
		if arch == image.AMD64 {
			s = segment{le.Uint64(p[8:]), le.Uint64(p[16:]), le.Uint64(p[32:]), le.Uint64(p[40:]), le.Uint32(p[4:])}
		} else {
			s = segment{uint64(le.Uint32(p[4:])), uint64(le.Uint32(p[8:])), uint64(le.Uint32(p[16:])), uint64(le.Uint32(p[20:])), le.Uint32(p[24:])}
		}
		s.addr += bias
		switch le.Uint32(p) {
		case ptPhdr:
			h.phdr = s.addr
		case ptLoad:
			if s.memsz == 0 {
				continue
			}
			switch {
			case s.filesz > s.memsz:
				return nil, fmt.Errorf("segment at %#x: %d bytes in the file, %d in memory", s.addr, s.filesz, s.memsz)
			case s.off > size || s.filesz > size-s.off:
				return nil, fmt.Errorf("segment at %#x reaches beyond the file's %d bytes", s.addr, size)
			case s.addr >= limit || s.memsz > limit-s.addr:
				return nil, fmt.Errorf("segment at %#x: %d bytes do not fit the address space", s.addr, s.memsz)
			case (s.addr-s.off)%abi.PageSize != 0:
				return nil, fmt.Errorf("segment at %#x: file offset %#x is not congruent", s.addr, s.off)
			}
			h.segs = append(h.segs, s)
		}
	}
	if len(h.segs) == 0 {
		return nil, fmt.Errorf("no segments to load")
	}
	h.imageLo = ^uint64(0)
	for _, s := range h.segs {
		h.imageLo = min(h.imageLo, pageDown(s.addr))
		h.imgHi = max(h.imgHi, pageUp(s.addr+s.memsz))
		if h.phdr == 0 && s.off <= h.phoff && h.phoff-s.off < s.filesz {
			h.phdr = s.addr + (h.phoff - s.off)
		}
	}
	return h, nil
}

func noEOF(err error) error {
	if err == nil || err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func pageDown(a uint64) uint64 { return a &^ (abi.PageSize - 1) }

func pageUp(a uint64) uint64 { return (a + abi.PageSize - 1) &^ (abi.PageSize - 1) }
