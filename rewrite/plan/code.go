package plan

import (
	"bee/image"
	"bee/rewrite/decode"
)

// code is what discovery proved of a program's executable bytes and what the
// tactics build on. Discovery (discover) fills it; nothing changes it later.
type code struct {
	arch    image.Arch
	mode    decode.Mode
	regions []Region // sorted by address, not overlapping

	// funcs are the non-overlapping extents that discovery worked with,
	// sorted by Start.
	funcs []function
}

// function is one stretch of code that was followed as a whole.
type function struct {
	start, end uint64
	name       string
	// resolved: every indirect jump inside is resolved (jump tables, tail
	// calls through registers that provably leave the function), so targets
	// inside it are complete.
	resolved bool
}

// The questions that tactics ask; discovery implements them on bitmaps with
// one bit per byte of text.
type codeView interface {
	// instAt tells whether a proven instruction starts at a.
	instAt(a uint64) bool
	// covered tells whether byte a belongs to a proven instruction.
	covered(a uint64) bool
	// target tells whether control may arrive at a other than by falling
	// through from the instruction in front: a direct branch or call goes
	// there, a call returns there (the address behind a call), a symbol,
	// FDE, landing pad, code pointer or jump table names it.
	target(a uint64) bool
	// function gives the function around a.
	function(a uint64) (function, bool)
	// padding gives the extent of the run of bytes around a that no control
	// flow reaches (nops, int3, zero bytes between functions or behind an
	// unconditional jump); ok is false where a is not padding.
	padding(a uint64) (start, end uint64, ok bool)
	// next calls f for every proven instruction from a on, in address order,
	// until f returns false.
	each(from uint64, f func(a uint64, in *decode.Inst, raw []byte) bool)
	// bytes gives the original bytes at a, n at most, fewer at the end of
	// the region.
	bytes(a uint64, n int) []byte
}
