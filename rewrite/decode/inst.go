package decode

import "errors"

// ErrTruncated says that the bytes end inside an instruction: more bytes could make a valid one.
var ErrTruncated = errors.New("decode: truncated instruction")

// ErrInvalid says that no continuation of the bytes is an instruction that this package knows.
var ErrInvalid = errors.New("decode: invalid instruction")

// Mode is the width of the code segment.
type Mode uint8

// The two modes of a Linux user program.
const (
	Mode32 Mode = 32
	Mode64 Mode = 64
)

// Class tells where control goes after an instruction.
type Class uint8

// Classes of control flow.
const (
	Seq      Class = iota // falls through, no control transfer
	Jcc                   // conditional direct branch, also loop, jcxz and xbegin
	Jmp                   // unconditional direct jump
	Call                  // direct call
	JmpInd                // near indirect jump through register or memory
	CallInd               // near indirect call through register or memory
	Ret                   // near return
	FarJmp                // jump that may change CS
	FarCall               // call that may change CS
	FarRet                // far return, iret, sysret, sysexit, rsm, uiret
	Int80                 // int 0x80
	Int3                  // cc
	IntN                  // any other int n, int1, into
	Syscall               // 0f 05
	Sysenter              // 0f 34
	Halt                  // hlt, ud0, ud1, ud2
)

var classNames = [...]string{
	"seq", "jcc", "jmp", "call", "jmpind", "callind", "ret", "farjmp", "farcall", "farret",
	"int80", "int3", "intn", "syscall", "sysenter", "halt",
}

func (c Class) String() string {
	if int(c) < len(classNames) {
		return classNames[c]
	}
	return "class?"
}

// Seg is a segment register.
type Seg uint8

// Segment registers, NoSeg for none. Seg(n+1) is the register that ModRM.reg encodes as n.
const (
	NoSeg Seg = iota
	ES
	CS
	SS
	DS
	FS
	GS
)

func (s Seg) String() string {
	return [...]string{"", "es", "cs", "ss", "ds", "fs", "gs", "seg?"}[min(s, 7)]
}

// Enc is the way an opcode is encoded.
type Enc uint8

// Encodings.
const (
	Legacy Enc = iota
	VEX2
	VEX3
	EVEX
	XOP
)

// Opcode maps.
const (
	MapOneByte = 0
	Map0F      = 1
	Map0F38    = 2
	Map0F3A    = 3
	Map3DNow   = 4 // Opcode is the suffix byte, OpcodeOff its place at the end
	Map5       = 5 // EVEX only
	Map6       = 6 // EVEX only
	MapXOP8    = 8
	MapXOP9    = 9
	MapXOPA    = 10
)

// Prefix is a set of legacy prefixes that stand before the opcode.
type Prefix uint16

// Legacy prefixes. Segment prefixes are in Inst.Seg.
const (
	OpSize66   Prefix = 1 << iota // 66, also as mandatory prefix
	AddrSize67                    // 67
	Rep                           // f3; where f2 and f3 stand, both bits are set
	Repne                         // f2
	Lock                          // f0
	RexPresent                    // a REX that is in force
	prefRepneLast
)

// FSGSBase is the kind of an instruction of the FSGSBASE group.
type FSGSBase uint8

// The FSGSBASE group, in the order of ModRM.reg.
const (
	NoFSGSBase FSGSBase = iota
	RdFSBase
	RdGSBase
	WrFSBase
	WrGSBase
)

// Inst is a decoded instruction. Offsets count from the first byte, prefixes included; an offset is meaningful only where the length
// or flag beside it says that the field exists.
type Inst struct {
	Len       uint8
	Class     Class
	Map       uint8
	Enc       Enc
	Opcode    uint8
	OpcodeOff uint8
	Prefix    Prefix
	Seg       Seg   // override in force: the last one; in 64-bit mode only FS and GS count
	SegOff    uint8 // where that prefix stands
	REX       uint8 // REX byte in force, or 0
	REXOff    uint8
	ModRM     uint8
	ModRMOff  uint8
	SIB       uint8 // at ModRMOff+1
	DispOff   uint8
	DispLen   uint8 // 0, 1, 2, 4 or 8; with EVEX a one-byte displacement is scaled by the operand
	ImmOff    uint8
	ImmLen    uint8 // enter, far pointers and extrq/insertq: all their immediates together
	RelOff    uint8
	RelLen    uint8
	Rel       int32 // direct branches: sign-extended displacement

	HasModRM   bool
	HasSIB     bool
	Moffs      bool // mov between accumulator and absolute address: DispOff, DispLen
	MemOperand bool // memory form of ModRM, moffs or an implicit operand; true for lea and nop too
	StringOp   bool // implicit memory operand: strings, xlat, maskmov, monitor, umonitor, clzero
	PCRel      bool // branch displacement or RIP-relative operand
	RIPRel     bool // ModRM is RIP-relative, displacement at DispOff
	VSIB       bool // the index register of the SIB is a vector register

	// AmbiguousOpSize marks near branches with 66 and without REX.W in 64-bit mode. Intel processors ignore the prefix, which is how
	// Len, Rel and Target are given; AMD processors take a 16-bit operand.
	AmbiguousOpSize bool

	Sreg      Seg // segment register that is an operand: mov, push, pop, lds..lgs
	SregRead  bool
	SregWrite bool
	FSGSBase  FSGSBase

	mode  Mode
	rex   uint8 // W, R, X, B in REX's places, for every encoding, not inverted
	vvvv  uint8 // register in VEX.vvvv, not inverted
	attrs attr
}

// Target is where a direct branch at addr goes.
func (i *Inst) Target(addr uint64) uint64 {
	t := addr + uint64(i.Len) + uint64(int64(i.Rel))
	if i.mode == Mode64 {
		return t
	}
	if i.Prefix&OpSize66 != 0 { // the processor cuts EIP to 16 bits, rel8 or rel16
		return t & 0xffff
	}
	return t & 0xffffffff
}

// FallsThrough says whether the next instruction can run after this one. Calls and system calls do return.
func (i *Inst) FallsThrough() bool {
	switch i.Class {
	case Jmp, JmpInd, Ret, FarJmp, FarRet, Halt:
		return false
	}
	return true
}

// EffectiveAddrSize is 16, 32 or 64.
func (i *Inst) EffectiveAddrSize() int {
	short := i.Prefix&AddrSize67 != 0
	switch {
	case i.mode == Mode64 && !short:
		return 64
	case i.mode == Mode32 && short:
		return 16
	}
	return 32
}

// OperandSize is the size attribute, 16, 32 or 64, that prefixes and defaults give. Byte forms of an opcode and vector instructions have
// it too, without using it.
func (i *Inst) OperandSize() int {
	short := i.Prefix&OpSize66 != 0
	if i.mode == Mode32 {
		if short {
			return 16
		}
		return 32
	}
	if i.rex&8 != 0 {
		return 64
	}
	if i.default64() {
		if short && !i.branch() {
			return 16
		}
		return 64
	}
	if short {
		return 16
	}
	return 32
}

func (i *Inst) branch() bool {
	switch i.Class {
	case Jcc, Jmp, Call, JmpInd, CallInd, Ret:
		return true
	}
	return false
}

// default64 says whether 64-bit mode makes the operand 64 bits wide without REX.W: the stack and near branches.
func (i *Inst) default64() bool {
	if i.Enc != Legacy {
		return false
	}
	if i.branch() {
		return i.Map != MapOneByte || i.Opcode != 0xc7 // xbegin
	}
	switch i.Map {
	case MapOneByte:
		switch op := i.Opcode; {
		case op >= 0x50 && op <= 0x5f, op == 0x68, op == 0x6a, op == 0x8f, op == 0x9c, op == 0x9d, op == 0xc8, op == 0xc9:
			return true
		case op == 0xff:
			return i.ModRM>>3&7 == 6
		}
	case Map0F:
		switch i.Opcode {
		case 0xa0, 0xa1, 0xa8, 0xa9:
			return true
		}
	}
	return false
}

// MemBase is the general register that is the base of the ModRM operand. With 16-bit addresses it is bx or bp, or the only register.
func (i *Inst) MemBase() (reg uint8, ok bool) {
	mod, rm := i.ModRM>>6, i.ModRM&7
	switch {
	case !i.HasModRM || !i.MemOperand || i.StringOp:
		return 0, false
	case i.EffectiveAddrSize() == 16:
		if mod == 0 && rm == 6 {
			return 0, false
		}
		return [8]uint8{3, 3, 5, 5, 6, 7, 5, 3}[rm], true
	case i.HasSIB:
		if i.SIB&7 == 5 && mod == 0 {
			return 0, false
		}
		return i.SIB&7 | i.rex&1<<3, true
	case mod == 0 && rm == 5:
		return 0, false
	}
	return rm | i.rex&1<<3, true
}

// MemIndex is the general register that is the index of the ModRM operand. Vector indexes (VSIB) are not general registers.
func (i *Inst) MemIndex() (reg uint8, ok bool) {
	switch {
	case !i.HasModRM || !i.MemOperand || i.VSIB:
		return 0, false
	case i.EffectiveAddrSize() == 16:
		if rm := i.ModRM & 7; rm < 4 {
			return 6 + rm&1, true
		}
		return 0, false
	case !i.HasSIB:
		return 0, false
	}
	reg = i.SIB>>3&7 | i.rex&2<<2
	return reg, reg != 4
}

// GPRMask is a set, bit n for general register n, that holds every general register that the instruction reads or writes, named or
// implied. It may hold more, for example where a field encodes a vector register; instructions that are rare or reach the kernel give all
// ones (0xff or 0xffff). An 8-bit ah..bh counts as eax..ebx.
func (i *Inst) GPRMask(_ []byte) uint32 {
	all := uint32(0xff)
	if i.mode == Mode64 {
		all = 0xffff
	}
	switch i.Class {
	case Int80, Int3, IntN, Syscall, Sysenter, FarJmp, FarCall, FarRet:
		return all
	}
	a := i.attrs
	if a&aAllRegs != 0 {
		return all
	}
	mask := uint32(a >> aImplicitShift & 0xff)
	if a&aOpReg != 0 {
		mask |= i.gpr(i.Opcode&7, 1)
	}
	if i.StringOp && i.Map == Map0F && i.Opcode == 0xf7 {
		mask |= 1 << 7 // maskmovq, maskmovdqu: edi
	}
	if i.HasModRM {
		mask |= i.gpr(i.ModRM>>3&7, 4)
		if !i.MemOperand || i.StringOp {
			mask |= i.gpr(i.ModRM&7, 1)
		} else {
			if r, ok := i.MemBase(); ok {
				mask |= 1 << r
			}
			if r, ok := i.MemIndex(); ok {
				mask |= 1 << r
			}
		}
	}
	switch i.Enc {
	case Legacy:
		mask |= i.groupMask(all)
	case VEX2, VEX3, XOP:
		switch {
		case i.Enc == XOP, i.Map == Map0F38 && i.Opcode >= 0xe0:
			mask |= 1 << i.vvvv // BMI, CMPccXADD, TBM, LWP
		}
		fallthrough
	case EVEX:
		switch {
		case i.Map == Map0F38 && i.Opcode == 0xf6:
			mask |= 1 << 2 // mulx
		case i.Map == Map0F3A && i.Opcode >= 0x60 && i.Opcode <= 0x63:
			mask |= 1<<0 | 1<<1 | 1<<2 // vpcmp[ei]str[im]
		}
	}
	return mask & all
}

// gpr is the bit of a register field that the REX bit `ext` widens; with byte operands and no REX, 4 to 7 are ah to bh.
func (i *Inst) gpr(field, ext uint8) uint32 {
	if i.attrs&aByte != 0 && i.Enc == Legacy && i.Prefix&RexPresent == 0 {
		low := uint32(1) << (field & 3)
		if i.attrs&aByteSrc != 0 { // movzx, movsx, crc32: one side is wider
			low |= 1 << field
		}
		return low
	}
	if i.rex&ext != 0 {
		field |= 8
	}
	return 1 << field
}

// groupMask adds what members of opcode groups imply.
func (i *Inst) groupMask(all uint32) uint32 {
	const ax, cx, dx, bx, sp = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 4
	reg := i.ModRM >> 3 & 7
	switch i.Map {
	case MapOneByte:
		switch i.Opcode {
		case 0xf6, 0xf7:
			if reg >= 4 {
				return ax | dx
			}
		case 0xff:
			if reg == 2 || reg == 6 {
				return sp
			}
		case 0xc7, 0xc6:
			if reg == 7 { // xbegin, xabort
				return all
			}
		}
	case Map0F:
		switch i.Opcode {
		case 0x00, 0x01:
			if !i.MemOperand || i.StringOp {
				return all
			}
		case 0xae:
			if reg >= 4 && reg <= 6 {
				return ax | dx
			}
		case 0xc7:
			return ax | bx | cx | dx
		}
	}
	return 0
}
