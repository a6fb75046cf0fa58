// Package image defines the .bee file: a static ELF program byte for byte,
// followed by a payload that no program header covers and a trailer.
//
//	offset 0            the input ELF file, unchanged
//	SourceSize          payload: the encoded Manifest
//	end - TrailerSize   trailer (see Trailer)
//
// The rewriter writes it, the runner's loader reads it. On Linux the file
// runs as the original program, because program headers describe the first
// part only.
package image

import "bee/stubs"

// FormatVersion is the version of the payload's encoding. A reader refuses
// every other one. What extends an entry by bits that had to be zero before
// needs no new version: readers that do not know such a bit refuse the file,
// and a file without it is the same bytes.
const FormatVersion = 1

// Arch is the guest's instruction set.
type Arch uint8

// The architectures.
const (
	I386 Arch = 1 + iota
	AMD64
)

// Libc names the C library that the program was recognised to hold.
type Libc uint8

// The libraries that matter to the choice of mirrored words.
const (
	LibcUnknown Libc = iota
	LibcGlibc
	LibcMusl
	LibcGo
)

// Kind says what a site is.
type Kind uint8

// The kinds of sites.
const (
	KindInt80        Kind = 1 + iota // int $0x80
	KindSyscall                      // syscall
	KindSysenter                     // sysenter
	KindVsyscallCall                 // call *%gs:0x10
	KindTLSOperand                   // memory operand with %gs: (IA-32) or %fs: (x86-64)
	KindSegRead                      // mov/push of %gs, %fs; rdfsbase
	KindSegWrite                     // mov/pop/lgs/lfs of %gs, %fs; wrfsbase
)

// Tactic says how a site was patched, in order of preference.
type Tactic uint8

// The tactics of design order.
const (
	TacticSameLength Tactic = 1 + iota // operand redirected to a TEB slot
	TacticJump                         // jmp/call rel32 in the site's own bytes
	TacticPad                          // jmp rel8 to a landing pad
	TacticWindow                       // site and neighbours moved
	TacticEviction                     // a neighbour moved to make a pad
	TacticTrap                         // diagnostic only
)

// Proof says why a window's interior boundaries are no jump targets.
type Proof uint8

// The kinds of proof.
const (
	ProofNone       Proof = iota
	ProofNoInterior       // the window has no interior boundary but the site's own end
	ProofResolved         // all indirect jumps of the function are resolved, none lands inside
	ProofFaulting         // every displacement byte at an old boundary is a faulting opcode
)

// Site is one patched instruction. Addresses are relative to Image.Base.
type Site struct {
	Addr   uint64 // of the original instruction
	Len    uint8  // of the original instruction, bytes
	Kind   Kind
	Tactic Tactic
	Proof  Proof
}

// NoReg in PCEntry.Spill: the trampoline has borrowed no register.
const NoReg = 0xff

// PCEntry ties an address inside a trampoline, or that of a landing pad, to the
// original address that the guest may see. Several trampoline addresses (glue) may map to one
// original instruction, of which the one with Start set is where the
// instruction begins when an original PC is mapped back.
type PCEntry struct {
	Tramp uint64 // relative to Image.Base
	Orig  uint64 // relative to Image.Base
	Spill uint8  // general register whose value is in SlotSpill, or NoReg
	// Second is 1 + the general register whose value is in SlotResume, or 0.
	Second uint8
	Undo   stubs.Undo // what else is not the guest's
	Start  bool       // Tramp begins the whole of Orig
}

// Patch is a range of the image's bytes and what they become.
type Patch struct {
	Addr uint64 // relative to Image.Base
	Data []byte
}

// SlotFixup is a place that holds a slot's displacement (4 bytes, little
// endian), in a patch or in the trampoline segment.
type SlotFixup struct {
	Addr uint64 // relative to Image.Base
	Slot uint8  // stubs.Slot
	Part uint8  // which byte of the slot is meant, added to the displacement
}

// Mirror says that the word at Off from the thread pointer lives in a slot.
type Mirror struct {
	Off  int32
	Slot uint8
}

// Pattern is a byte pattern that looks like a site but that no evidence
// reaches: listed, not touched.
type Pattern struct {
	Addr uint64 // relative to Image.Base
	Kind Kind
}

// Image is the patch set of one ELF file.
type Image struct {
	SourceSize   uint64
	SourceDigest [32]byte // SHA-256 of the ELF file
	Arch         Arch
	Libc         Libc
	LibcBy       string // what it was recognised by, for the report

	// PIE says that the program is position-independent: it may be loaded at
	// any page, and relocates itself when it starts. Its patch set moves by
	// AbsFixups.
	PIE bool
	// Base is the address that all others here are relative to: the lowest
	// p_vaddr of the PT_LOAD segments, rounded down to a page. MoveTo sets
	// where it is in memory.
	Base uint64
	// Size is the length of the image's segments from Base, rounded up to a
	// page, without the trampoline segment.
	Size uint64

	Mirrors []Mirror
	Sites   []Site  // sorted by Addr
	Patches []Patch // sorted by Addr, not overlapping
	// TrampAddr is where the trampoline segment starts (relative to Base,
	// page aligned, behind or in front of the image as a two's complement
	// number); its first page is the thunk page, left zero here.
	TrampAddr  int64
	Tramp      []byte      // without the thunk page
	SlotFixups []SlotFixup // sorted by Addr
	// AbsFixups are places that hold an absolute address (4 bytes on IA-32)
	// which moves with the load bias, sorted. Only in IA-32 PIEs.
	AbsFixups []uint64
	PCMap     []PCEntry // sorted by Tramp
	Unproven  []Pattern // sorted by Addr
	// WX names writable and executable segments by their p_vaddr, relative to
	// Base, sorted.
	WX []uint64

	// bias is how far MoveTo has moved Base.
	bias uint64
	// starts are the indexes of PCMap's entries that have Start set, by Orig.
	starts []uint32
}

// PIEBase is where the runner loads position-independent programs: where gcc
// and the linkers put others is free for them too.
const PIEBase = 0x08000000

// MoveTo says where the image lies in memory. The addresses of its tables,
// which are relative to Base, stay as they are.
func (im *Image) MoveTo(base uint64) error {
	if base == im.Base {
		return nil
	}
	moved := *im
	moved.Base, moved.bias = base, im.bias+(base-im.Base)
	switch {
	case !im.PIE:
		return bad(-1, ErrRange, "a program at the fixed address %#x cannot move to %#x", im.Base, base)
	case base == 0:
		return bad(-1, ErrRange, "no program can lie at 0")
	}
	if err := moved.checkPlace(); err != nil {
		return err
	}
	im.Base, im.bias = moved.Base, moved.bias
	return nil
}

// Bias is what has to be added to the addresses in the ELF file.
func (im *Image) Bias() uint64 { return im.bias }

// Manifest is the payload.
type Manifest struct {
	Rewriter string // the rewriter's version
	Images   []Image
}
