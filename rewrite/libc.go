package rewrite

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"strings"

	"bee/image"
)

// libc is which C library a program holds, and what told so.
type libc struct {
	kind image.Libc
	by   string
}

// Strings that only one library has. They lie in code that every program
// holds which prints or starts threads.
var (
	glibcStrings = []string{
		"Fatal glibc error: ",
		"GNU C Library",
		"FATAL: kernel too old",
		"FATAL: cannot determine kernel version",
		"Unexpected reloc type in static binary.",
	}
	muslStrings = []string{
		"No error information", // strerror(0)
	}
)

// recogniseLibc decides which words of the thread control block may be
// mirrored. A wrong answer breaks the program, so two independent signs are
// asked for where there is no symbol table; no answer only costs speed.
func (p *program) recogniseLibc() libc {
	// glibc first: a Go program with cgo holds both, and then the thread
	// control block is glibc's.
	tag := p.hasNote("GNU", 1) // NT_GNU_ABI_TAG, in glibc's crt1.o
	sym := p.firstSymbol("__libc_setup_tls", "_dl_relocate_static_pie", "__libc_early_init")
	text := p.firstString(glibcStrings)
	switch {
	case sym != "" && text != "":
		return libc{image.LibcGlibc, "symbol " + sym + ", string " + quote(text)}
	case sym != "" && tag:
		return libc{image.LibcGlibc, "symbol " + sym + ", note GNU ABI tag"}
	case tag && text != "":
		return libc{image.LibcGlibc, "note GNU ABI tag, string " + quote(text)}
	}
	if sym := p.firstSymbol("__init_libc", "__libc_start_init", "__init_tp"); sym != "" {
		return libc{image.LibcMusl, "symbol " + sym}
	}
	if p.hasNote("Go", 4) {
		return libc{image.LibcGo, "note Go build ID"}
	}
	if len(p.goFuncs()) > 0 {
		return libc{image.LibcGo, "Go function table"}
	}
	if text := p.firstString(muslStrings); text != "" && !tag {
		return libc{image.LibcMusl, "string " + quote(text)}
	}
	return libc{}
}

func quote(s string) string { return `"` + strings.TrimRight(s, ": ") + `"` }

func (p *program) firstSymbol(names ...string) string {
	for _, n := range names {
		if p.symbol(n) != 0 {
			return n
		}
	}
	return ""
}

// firstString finds the first of the strings in loaded bytes.
func (p *program) firstString(list []string) string {
	for _, t := range list {
		for i := range p.segs {
			s := &p.segs[i]
			if s.load() && bytes.Contains(p.contents(s), []byte(t)) {
				return t
			}
		}
	}
	return ""
}

// hasNote looks for a note in the PT_NOTE segments.
func (p *program) hasNote(name string, typ uint32) bool {
	for i := range p.segs {
		s := &p.segs[i]
		if s.typ != elf.PT_NOTE {
			continue
		}
		b := p.contents(s)
		align := uint64(4)
		if s.align == 8 {
			align = 8
		}
		for len(b) >= 12 {
			le := binary.LittleEndian
			nlen, dlen, t := uint64(le.Uint32(b)), uint64(le.Uint32(b[4:])), le.Uint32(b[8:])
			desc := (12 + nlen + align - 1) &^ (align - 1)
			end := (desc + dlen + align - 1) &^ (align - 1)
			if 12+nlen > uint64(len(b)) {
				break
			}
			if t == typ && strings.TrimRight(string(b[12:12+nlen]), "\x00") == name {
				return true
			}
			if end > uint64(len(b)) {
				break
			}
			b = b[end:]
		}
	}
	return false
}
