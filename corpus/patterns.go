//go:build linux

package main

import (
	"debug/elf"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"bee/rewrite"
	"bee/rewrite/decode"
)

// verdict says why a pattern that looks like a site is none.
type verdict struct {
	rewrite.PatternAt
	kind verdictKind
	why  string
}

type verdictKind uint8

const (
	vOpen    verdictKind = iota // nothing shows that it is data
	vSection                    // in a section that holds no code
	vHeader                     // in front of all sections: the file's own headers
	vObject                     // in a data object by the symbol table
	vInside                     // inside an instruction or data by objdump
	vBad                        // what follows does not decode
	vUnread                     // overwritten by a breakpoint, the program ran as ever
)

var verdictNames = [...]string{"open", "section without code", "outside of every section", "data symbol", "inside an instruction (objdump)", "does not decode", "never executed"}

func (k verdictKind) String() string { return verdictNames[k] }

func (v verdict) open() bool { return v.kind == vOpen }

// judge looks at each pattern that the rewriter left alone, with the file's
// headers, its symbols and objdump.
func judge(m *outcome) []verdict {
	if m.report == nil || len(m.report.Unproven) == 0 {
		return nil
	}
	f, err := elf.Open(m.path)
	if err != nil {
		return nil
	}
	defer f.Close()
	syms, _ := f.Symbols() // none in stripped files
	slices.SortFunc(syms, func(a, b elf.Symbol) int {
		switch {
		case a.Value < b.Value:
			return -1
		case a.Value > b.Value:
			return 1
		}
		return 0
	})
	var out []verdict
	for _, p := range m.report.Unproven {
		v := verdict{PatternAt: p}
		a, err := strconv.ParseUint(strings.TrimPrefix(p.Addr, "0x"), 16, 64)
		if err != nil {
			v.why = err.Error()
		} else {
			v.kind, v.why = judgeOne(f, syms, m, a)
		}
		out = append(out, v)
	}
	return out
}

func judgeOne(f *elf.File, syms []elf.Symbol, m *outcome, a uint64) (verdictKind, string) {
	outside := len(f.Sections) > 1
	for _, s := range f.Sections {
		if s.Flags&elf.SHF_ALLOC == 0 || s.Type == elf.SHT_NOBITS || a-s.Addr >= s.Size {
			continue
		}
		if s.Flags&elf.SHF_EXECINSTR == 0 {
			return vSection, s.Name
		}
		outside = false
	}
	if outside {
		return vHeader, "the file's headers"
	}
	var in *elf.Symbol // the nearest in front that covers a, functions last
	for i := range syms {
		s := &syms[i]
		if s.Value > a {
			break
		}
		if s.Size > 0 && a-s.Value < s.Size && s.Section != elf.SHN_UNDEF {
			if elf.ST_TYPE(s.Info) == elf.STT_OBJECT {
				return vObject, s.Name
			}
			in = s
		}
	}
	if in != nil && elf.ST_TYPE(in.Info) == elf.STT_FUNC {
		if at, text := objdump(m.path, in.Value, a); at >= 0 && uint64(at) != a {
			return vInside, fmt.Sprintf("%s, %#x: %s", in.Name, at, text)
		}
	}
	if why := undecodable(f, a); why != "" {
		return vBad, why
	}
	return vOpen, "nothing shows that it is data"
}

// objdump disassembles from start, where a function begins, and gives the
// instruction that holds a; -1 if it gives none.
func objdump(path string, start, a uint64) (at int64, text string) {
	out, err := exec.Command("objdump", "-d", "-w", "--no-show-raw-insn", fmt.Sprintf("--start-address=%#x", start),
		fmt.Sprintf("--stop-address=%#x", a+16), path).Output()
	if err != nil {
		return -1, ""
	}
	at = -1
	for line := range strings.Lines(string(out)) {
		addr, rest, ok := strings.Cut(strings.TrimSpace(line), ":\t")
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(addr, 16, 64)
		if err != nil || n > a {
			continue
		}
		at, text = int64(n), strings.Join(strings.Fields(rest), " ")
	}
	return at, text
}

// maxFollow bounds the instructions behind a pattern that are looked at.
const maxFollow = 200

// undecodable follows the straight run of instructions from a and tells why
// it is no code: an instruction that there is not, that only the kernel may
// execute, or a branch to where nothing is loaded.
func undecodable(f *elf.File, a uint64) string {
	mode := decode.Mode64
	if f.Class == elf.ELFCLASS32 {
		mode = decode.Mode32
	}
	var data []byte
	var base uint64
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD && p.Flags&elf.PF_X != 0 && a-p.Vaddr < p.Filesz {
			data, base = make([]byte, p.Filesz), p.Vaddr
			if _, err := p.ReadAt(data, 0); err != nil {
				return ""
			}
		}
	}
	for range maxFollow {
		off := a - base
		if off >= uint64(len(data)) {
			return fmt.Sprintf("runs out of the segment at %#x", a)
		}
		b := data[off:min(off+15, uint64(len(data)))]
		in, err := decode.Decode(b, mode)
		if err != nil {
			return fmt.Sprintf("%#x: % x: %v", a, b[:min(4, len(b))], err)
		}
		if in.Enc == decode.Legacy && in.Map == decode.MapOneByte {
			switch op := in.Opcode; {
			case op == 0xf4, op == 0xfa, op == 0xfb, op >= 0x6c && op <= 0x6f, op >= 0xe4 && op <= 0xe7, op >= 0xec && op <= 0xef, op == 0xca, op == 0xcb, op == 0xcf:
				return fmt.Sprintf("%#x: % x: privileged", a, b[:in.Len])
			}
		}
		switch in.Class {
		case decode.Jmp, decode.Jcc, decode.Call:
			if t := in.Target(a); t-base >= uint64(len(data)) {
				return fmt.Sprintf("%#x: goes to %#x, outside of the code", a, t)
			}
		}
		if !in.FallsThrough() {
			return ""
		}
		a += uint64(in.Len)
	}
	return ""
}
