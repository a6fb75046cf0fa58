package rewrite

import (
	"bytes"
	"fmt"
	"io"
	"sort"

	"golang.org/x/arch/x86/x86asm"

	"bee/image"
	"bee/rewrite/decode"
	"bee/stubs"
)

// Inspection is what a .bee file holds, or what an ELF file's would.
type Inspection struct {
	Report *Report

	image *image.Image
	prog  *program
}

// Inspect reads a .bee file, or plans an ELF file without writing anything.
func Inspect(name string, data []byte) (*Inspection, error) {
	i, err := inspect(name, data)
	return i, named(name, err)
}

func inspect(name string, data []byte) (*Inspection, error) {
	if !image.IsBee(bytes.NewReader(data), int64(len(data))) {
		res, err := rewriteBytes(data, false, Options{Name: name, AllowTrap: true})
		if err != nil {
			return nil, err
		}
		p, err := readELF(data)
		if err != nil {
			return nil, err
		}
		res.Report.Form, res.Report.OutputBytes, res.Report.Milliseconds = "elf", 0, 0
		return &Inspection{res.Report, &res.Manifest.Images[0], p}, nil
	}
	f, err := image.Read(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	im := f.Main()
	p, err := readELF(data[:im.SourceSize])
	if err != nil {
		return nil, err
	}
	r := newReport(name, im, p.entry)
	r.Form, r.Rewriter, r.OutputBytes, r.NoSections = FormBee.String(), f.Manifest.Rewriter, len(data), p.noSections
	return &Inspection{r, im, p}, nil
}

// Disasm prints every patched range: the original instructions (-), what they
// became (+), and the trampoline that they lead to (>).
func (i *Inspection) Disasm(w io.Writer) error {
	im := i.image
	mode := decode.Mode32
	if im.Arch == image.AMD64 {
		mode = decode.Mode64
	}
	base, tramp := im.Base, im.Base+uint64(im.TrampAddr)
	d := disassembler{w: w, mode: mode}
	next := 0
	for _, p := range im.Patches {
		a, n := base+p.Addr, len(p.Data)
		// The site that this patch is for, if it begins here or inside.
		for next < len(im.Sites) && im.Sites[next].Addr+uint64(im.Sites[next].Len) <= p.Addr {
			next++
		}
		label := "part of another site's patch"
		if next < len(im.Sites) && im.Sites[next].Addr < p.Addr+uint64(n) {
			s := im.Sites[next]
			label = fmt.Sprintf("%s at %#x, %s", kindNames[s.Kind], base+s.Addr, tacticNames[s.Tactic])
			if s.Proof != image.ProofNone {
				label += ", proof: " + proofNames[s.Proof]
			}
		}
		d.printf("%#x: %s\n", a, label)
		d.code("-", a, i.prog.at(a, n), n)
		d.code("+", a, p.Data, n)
		if to, ok := target(p.Data, a, mode); ok && to-tramp-stubs.ThunkPageSize < uint64(len(im.Tramp)) {
			d.trampoline(im, to, tramp, p.Addr, p.Addr+uint64(n))
		}
		if d.err != nil {
			return d.err
		}
	}
	return d.err
}

// target gives where the first branch of a patch leads.
func target(b []byte, a uint64, mode decode.Mode) (uint64, bool) {
	for off := 0; off < len(b); {
		in, err := decode.Decode(b[off:], mode)
		if err != nil {
			return 0, false
		}
		off += int(in.Len)
		if in.Class == decode.Jmp || in.Class == decode.Call {
			to := a + uint64(off) + uint64(int64(in.Rel))
			if mode == decode.Mode32 {
				to = uint64(uint32(to))
			}
			return to, true
		}
	}
	return 0, false
}

type disassembler struct {
	w    io.Writer
	mode decode.Mode
	err  error
}

func (d *disassembler) printf(format string, args ...any) {
	if d.err == nil {
		_, d.err = fmt.Fprintf(d.w, format, args...)
	}
}

// one prints the first instruction of b and gives its length.
func (d *disassembler) one(mark string, a uint64, b []byte) (decode.Inst, int) {
	in, err := decode.Decode(b, d.mode)
	n, text := int(in.Len), ""
	if err != nil || n > len(b) {
		n, text = 1, "(bad)"
	} else if x, err := x86asm.Decode(b, int(d.mode)); err == nil && x.Len == n && x.Op != 0 {
		text = x86asm.GNUSyntax(x, a, nil)
	} else {
		text = "(" + in.Class.String() + ")"
	}
	d.printf("  %s %8x:  %-30s %s\n", mark, a, fmt.Sprintf("% x", b[:n]), text)
	return in, n
}

func (d *disassembler) code(mark string, a uint64, b []byte, n int) {
	for off := 0; off < min(n, len(b)); {
		_, k := d.one(mark, a+uint64(off), b[off:])
		off += k
	}
}

// maxTrampoline bounds the instructions that are shown of one trampoline.
const maxTrampoline = 32

// trampoline prints what lies from to on and belongs to the patch at
// [start, end), by the PC map.
func (d *disassembler) trampoline(im *image.Image, to, tramp, start, end uint64) {
	b := im.Tramp[to-tramp-stubs.ThunkPageSize:]
	for range maxTrampoline {
		if len(b) == 0 {
			return
		}
		in, n := d.one(">", to, b)
		to += uint64(n)
		b = b[n:]
		if in.Class != decode.Jmp && in.Class != decode.Ret && in.Class != decode.JmpInd {
			continue
		}
		rel := to - im.Base
		i := sort.Search(len(im.PCMap), func(i int) bool { return im.PCMap[i].Tramp >= rel })
		if i == len(im.PCMap) || im.PCMap[i].Tramp != rel {
			return
		}
		if e := im.PCMap[i]; e.Orig < start || e.Orig > end || e.Orig == end && e.Start {
			return
		}
	}
	d.printf("  > ...\n")
}
