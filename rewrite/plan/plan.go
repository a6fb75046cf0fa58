// Package plan decides how every site of a program is patched. It takes
// bytes, their address and evidence of what is code, and imports no ELF or
// image-file reader, so that the runner may call it on memory that is about
// to become executable.
package plan

import (
	"bee/image"
)

// Form chooses the templates that trampolines are made of.
type Form uint8

// The forms.
const (
	// FormWindows redirects to the thunk page and to TEB slots.
	FormWindows Form = iota
	// FormLinuxProof leaves the original instructions in the trampolines, so
	// that the patched program runs natively and shows that the plan is right.
	FormLinuxProof
)

// Region is a range of executable bytes.
type Region struct {
	Addr uint64
	Data []byte // not changed
}

// FuncRange is a function's extent as symbols or unwind tables tell it.
type FuncRange struct {
	Start, End uint64
	Name       string // may be empty
	// Source says who tells: "symbol", "eh_frame", "pclntab".
	Source string
}

// Evidence is what is known of a program beside its bytes.
type Evidence struct {
	// Entries are addresses where control certainly arrives (the ELF entry
	// point, .init_array, .preinit_array, .fini_array...).
	Entries []uint64
	// Funcs are function extents, in any order; they may overlap.
	Funcs []FuncRange
	// CodePointers are addresses found in data that may point to code
	// (aligned words whose value lies in a region). They are taken for jump
	// targets; they are followed as code only when nothing contradicts it.
	CodePointers []uint64
	// Data are the non-executable initialised segments, for jump tables.
	Data []Region
	// ReadOnly tells whether Data[i] can never be written by the program.
	ReadOnly []bool
	// GOT is the value of _GLOBAL_OFFSET_TABLE_, 0 if unknown.
	GOT uint64
	// Sections, where there are any, of executable bytes: names and extents
	// (PLT, .text, .init ...) for the report and for sweeping by section.
	Sections []FuncRange
	Libc     image.Libc
}

// Options change how a plan is made.
type Options struct {
	Arch image.Arch
	Form Form
	// TrampAddr is where the trampoline segment (thunk page first) will lie;
	// 0 lets the planner choose behind the last byte of the program given by
	// ImageEnd.
	TrampAddr uint64
	// ImageLo and ImageEnd bound all segments of the program in memory.
	ImageLo, ImageEnd uint64
	// Relocatable says that the program's addresses are known only when it
	// is loaded (static PIE).
	Relocatable bool
	// AllowTrap leaves sites that no tactic takes as traps (diagnostic).
	AllowTrap bool
}

// Plan is the outcome. Addresses are absolute, as in the program.
type Plan struct {
	Sites      []image.Site
	Patches    []image.Patch
	TrampAddr  uint64
	Tramp      []byte // behind the thunk page
	SlotFixups []image.SlotFixup
	AbsFixups  []uint64
	PCMap      []image.PCEntry
	Unproven   []image.Pattern
	Mirrors    []image.Mirror
	// Stats are counts for the report.
	Stats Stats
}

// Stats counts what discovery saw.
type Stats struct {
	TextBytes     uint64
	ProvenBytes   uint64 // covered by proven instructions
	Insts         uint64
	JumpTables    uint64
	UnresolvedInd uint64 // indirect jumps whose targets are unknown
}
