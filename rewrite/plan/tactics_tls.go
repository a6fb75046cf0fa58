package plan

import (
	"bytes"

	"bee/image"
	"bee/rewrite/decode"
	"bee/stubs"
)

// A fold is how an operand `%gs:base+index*scale+disp` is accessed without
// the segment: register reg takes the thread pointer, then the base is added
// to it, then the instruction uses reg where it used base.
type fold struct {
	reg stubs.Reg
	// dead: reg is the destination of a load, and nothing must be saved.
	dead bool
}

// canFold tells why an operand cannot be folded, or "".
func (p *planner) canFold(s *site) string {
	in := &s.Inst
	switch {
	case in.StringOp:
		return "string instruction with a segment override"
	case in.Prefix&decode.AddrSize67 != 0:
		return "segment override with an address size prefix"
	case in.RIPRel:
		return "segment override with a RIP-relative operand"
	case in.Class == decode.JmpInd && (in.Prefix&decode.OpSize66 != 0 || in.Map != decode.MapOneByte):
		return "indirect jump with an operand size prefix"
	case in.Class == decode.CallInd:
		return "indirect call through thread-local memory"
	case in.Class != decode.Seq && in.Class != decode.JmpInd:
		return "segment override with this instruction"
	case in.Moffs && in.DispLen == 8 && int64(int32(le32(s.raw[in.DispOff:]))) != moffs64(s):
		return "64-bit absolute address"
	case in.Prefix&decode.Lock != 0 && in.Moffs:
		return "locked move"
	case in.Enc == decode.Legacy && in.Map == decode.MapOneByte && in.Opcode == 0x8f:
		if b, ok := in.MemBase(); ok && b == 4 {
			return "pop to a place relative to the stack pointer"
		}
	}
	if _, ok := chooseFold(s); !ok {
		return "no register is free to be borrowed"
	}
	return ""
}

func moffs64(s *site) int64 {
	d, _ := absDisp(&s.Inst, s.raw)
	return d
}

// chooseFold picks the register.
func chooseFold(s *site) (fold, bool) {
	in := &s.Inst
	if r, ok := loadDest(in); ok {
		b, hasB := in.MemBase()
		x, hasX := in.MemIndex()
		if r&7 != 4 && !(hasB && b == r) && !(hasX && x == r) {
			return fold{stubs.Reg(r), true}, true
		}
	}
	mask := in.GPRMask(s.raw)
	// Not esp, which is no index, and not ebp, which is no base without
	// displacement. Registers up to edi need no REX or VEX bit.
	for _, r := range [...]stubs.Reg{stubs.CX, stubs.DX, stubs.AX, stubs.BX, stubs.SI, stubs.DI} {
		if mask&(1<<r) == 0 {
			return fold{reg: r}, true
		}
	}
	return fold{}, false
}

// loadDest gives the register that an instruction overwrites as a whole
// without reading it: plain loads.
func loadDest(in *decode.Inst) (uint8, bool) {
	if in.Enc != decode.Legacy || in.OperandSize() < 32 {
		return 0, false
	}
	switch {
	case in.Moffs:
		return 0, in.Opcode == 0xa1
	case in.Map == decode.MapOneByte && in.Opcode == 0x8b,
		in.Map == decode.MapOneByte && in.Opcode == 0x63 && in.REX&8 != 0,
		in.Map == decode.Map0F && (in.Opcode == 0xb6 || in.Opcode == 0xb7 || in.Opcode == 0xbe || in.Opcode == 0xbf):
		return in.ModRM>>3&7 | in.REX&4<<1, true
	}
	return 0, false
}

// emitFold emits the access of s without its segment.
func (p *planner) emitFold(a *stubs.Asm, s *site) {
	in := &s.Inst
	f, _ := chooseFold(s)
	if !f.dead {
		a.StoreSlot(stubs.SlotSpill, f.reg)
	}
	a.LoadSlot(f.reg, stubs.SlotBase)
	if !f.dead {
		a.State(s.addr, f.reg)
	}
	if b, ok := in.MemBase(); ok {
		a.LeaAdd(f.reg, stubs.Reg(b))
	}
	code := folded(in, s.raw, uint8(f.reg))
	if in.Class == decode.JmpInd {
		// The target takes the register's place, then a slot's.
		load := code
		if i := opcodeAt(load); i >= 0 {
			load[i] = 0x8b
			load[i+1] = load[i+1]&^0x38 | byte(f.reg)<<3
		}
		if p.wide { // needs REX.W; the register and base are below 8
			load = widen(load)
		}
		a.Raw(load)
		a.StoreSlot(stubs.SlotResume, f.reg)
		a.LoadSlot(f.reg, stubs.SlotSpill)
		a.State(s.addr, stubs.NoSpill)
		a.JmpSlot(stubs.SlotResume)
		return
	}
	a.Raw(code)
	if !f.dead {
		a.State(s.end(), f.reg)
		a.LoadSlot(f.reg, stubs.SlotSpill)
	}
}

// opcodeAt finds the ff of an indirect jump behind its prefixes.
func opcodeAt(b []byte) int { return bytes.IndexByte(b, 0xff) }

// widen gives a legacy one-byte-map instruction REX.W.
func widen(b []byte) []byte {
	for i, c := range b {
		switch {
		case isLegacyPrefix(c):
		case c&0xf0 == 0x40:
			b[i] |= 8
			return b
		default:
			return append(append(bytes.Clone(b[:i]), 0x48), b[i:]...)
		}
	}
	return b
}

func isLegacyPrefix(c byte) bool {
	switch c {
	case 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3:
		return true
	}
	return false
}

func isSegPrefix(c byte) bool {
	switch c {
	case 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65:
		return true
	}
	return false
}

// folded gives the instruction with reg in the place of the operand's base
// and without segment prefixes. Mode and displacement stay as they are, so
// that the scaled displacement of EVEX needs no second thought; an operand
// without a base gets the form with a 32-bit displacement.
func folded(in *decode.Inst, raw []byte, reg uint8) []byte {
	var out []byte
	i := 0
	for ; i < int(in.OpcodeOff) && isLegacyPrefix(raw[i]); i++ {
		if !isSegPrefix(raw[i]) {
			out = append(out, raw[i])
		}
	}

	if in.Moffs { // a0 al<-, a1 eax<-, a2 <-al, a3 <-eax
		rex := in.REX & 8
		if reg >= 8 {
			rex |= 1
		}
		if rex != 0 {
			out = append(out, 0x40|rex)
		}
		op := [4]byte{0x8a, 0x8b, 0x88, 0x89}[in.Opcode&3]
		out = append(out, op, 0x80|reg&7)
		return append(out, raw[in.DispOff:in.DispOff+4]...)
	}

	// What lies between the prefixes and ModRM, with the bits that extend
	// base and index.
	head := bytes.Clone(raw[i:in.ModRMOff])
	_, hasIndex := in.MemIndex()
	hasIndex = hasIndex || in.VSIB
	ext := reg >> 3
	switch in.Enc {
	case decode.Legacy:
		if in.REX != 0 {
			head[0] = head[0]&^1 | ext
			if !hasIndex {
				head[0] &^= 2
			}
		} else if ext != 0 {
			head = append([]byte{0x41}, head...)
		}
	case decode.VEX3, decode.XOP, decode.EVEX:
		head[1] |= 0x20 // not B
		if !hasIndex {
			head[1] |= 0x40 // not X
		}
	}
	out = append(out, head...)

	mod := in.ModRM >> 6
	disp := raw[in.DispOff : in.DispOff+in.DispLen]
	if in.DispLen == 0 {
		disp = nil
	}
	_, hasBase := in.MemBase()
	switch {
	case !hasBase:
		mod = 2
	case mod == 0 && reg&7 == 5:
		mod, disp = 1, []byte{0}
	}
	modrm := mod<<6 | in.ModRM&0x38
	if hasIndex {
		out = append(out, modrm|4, in.SIB&^7|reg&7)
	} else {
		out = append(out, modrm|reg&7)
	}
	out = append(out, disp...)
	return append(out, raw[in.ImmOff:in.ImmOff+in.ImmLen]...)
}

// emitSite emits the Windows form of a site inside a trampoline. resume is
// where the guest goes on: stubs.Behind, or an original address, in which
// case nothing comes back for glue that leaves.
func (p *planner) emitSite(a *stubs.Asm, s *site, resume uint64) (leaves bool) {
	if s.same != nil {
		at := len(a.Code)
		a.Raw(s.same.data)
		if s.same.off != 0 {
			a.Slots = append(a.Slots, stubs.SlotRef{Off: uint32(at) + uint32(s.same.off), Slot: s.same.slot})
		}
		return false
	}
	switch s.kind {
	case image.KindInt80:
		if p.wide {
			a.Int80Glue(resume)
		} else {
			a.SyscallGlue(resume)
		}
	case image.KindSyscall:
		a.SyscallGlue(resume)
	case image.KindSysenter:
		a.SysenterGlue(resume)
	case image.KindSegRead:
		if s.FSGSBase == decode.RdFSBase {
			r := stubs.Reg(s.ModRM&7 | s.REX&1<<3)
			if s.REX&8 != 0 {
				a.LoadSlot(r, stubs.SlotBase)
			} else {
				a.LoadSlot32(r, stubs.SlotBase)
			}
			return false
		}
		a.EmulateGlue(resume)
	case image.KindSegWrite:
		a.EmulateGlue(resume)
	case image.KindTLSOperand:
		p.emitFold(a, s)
		return s.Class == decode.JmpInd
	}
	return resume != stubs.Behind
}
