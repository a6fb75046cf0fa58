package plan

import (
	"bytes"

	"bee/rewrite/decode"
	"bee/stubs"
)

// An operandForm is how an operand in thread-local memory is reached.
type operandForm uint8

// The forms. In all of them the instruction runs without its segment prefix.
const (
	// formFold: one register takes the thread pointer, then the operand's base
	// is added to it, and it stands for that base; index, scale and
	// displacement stay.
	formFold operandForm = iota
	// formAddress: one register takes the whole effective address, cut to the
	// address size or relative to rip, then the thread pointer is added.
	formAddress
	// formImplicit: the same for a register that the instruction names without
	// ModRM (maskmovdqu: edi).
	formImplicit
	// formXlat: esi takes ebx+al and the thread pointer, the instruction
	// becomes a move.
	formXlat
	// formString: esi is biased by the thread pointer.
	formString
)

// An operand says how a site of KindTLSOperand is done.
type operand struct {
	form operandForm
	in   decode.Inst // the instruction, changed for pop
	raw  []byte
	reg  stubs.Reg // what is borrowed
	// dead: reg is the destination of a load, and nothing must be saved.
	dead bool
	// other is a second register that is borrowed, where one is needed.
	other stubs.Reg
	// fixed: the effective address is at, whatever the registers hold.
	fixed bool
	at    int64
	// words are those mirrored words that the access reaches beside others,
	// or in a form that cannot go to a slot.
	words []stubs.MirrorWord
}

// planOperand finds the way for a site without a same-length form, or tells
// why there is none.
func (p *planner) planOperand(s *site) (operand, string) {
	o := operand{in: s.Inst, raw: s.raw}
	in := &s.Inst
	if in.StringOp {
		return p.planImplicit(o)
	}
	switch {
	case in.Class != decode.Seq && in.Class != decode.JmpInd && in.Class != decode.CallInd:
		return o, "segment override with this instruction"
	case in.Class != decode.Seq && in.Prefix&decode.OpSize66 != 0:
		return o, "indirect jump with an operand size prefix"
	}
	if in.Enc == decode.Legacy && in.Map == decode.MapOneByte && in.Opcode == 0x8f {
		// Its address is made with the stack pointer behind the pop.
		if b, ok := in.MemBase(); ok && b == uint8(stubs.SP) {
			o.raw = addDisp(in, s.raw, int32(in.OperandSize()/8))
			var err error
			if o.in, err = decode.Decode(o.raw, p.mode()); err != nil {
				return o, "pop relative to the stack pointer that has no longer form"
			}
			in = &o.in
		}
	}
	o.at, o.fixed = p.fixedAddr(s)
	switch {
	case o.fixed && o.at == int64(int32(o.at)):
		o.words = p.touched(o.at, accessWidth(in))
	case o.fixed, in.RIPRel, in.Prefix&decode.AddrSize67 != 0:
		o.form = formAddress
	}
	if o.form == formAddress {
		switch {
		case in.VSIB:
			return o, "gather with an address size prefix"
		case in.Enc == decode.EVEX && in.DispLen == 1:
			return o, "compressed displacement with an address size prefix"
		}
	}
	plain := o.form == formFold && len(o.words) == 0
	if r, ok := loadDest(in); ok && plain {
		b, hasB := in.MemBase()
		x, hasX := in.MemIndex()
		if r&7 != 4 && !(hasB && b == r) && !(hasX && x == r) {
			o.reg, o.dead = stubs.Reg(r), true
			return o, ""
		}
	}
	var ok bool
	if o.reg, ok = p.borrow(in, in.GPRMask(o.raw)); !ok {
		return o, "no register is free to be borrowed"
	}
	if !plain {
		// It is given back before the instruction runs, so that it may be one
		// of the instruction's own.
		o.other, _ = p.borrow(in, 1<<o.reg)
	}
	return o, ""
}

// borrow picks a register that is not in mask. Not esp, which is no index.
// Registers up to edi need no REX or VEX bit, and ebp comes last of them,
// since as a base it needs a displacement.
func (p *planner) borrow(in *decode.Inst, mask uint32) (stubs.Reg, bool) {
	for _, r := range [...]stubs.Reg{stubs.CX, stubs.DX, stubs.AX, stubs.BX, stubs.SI, stubs.DI, stubs.BP} {
		if mask&(1<<r) == 0 {
			return r, true
		}
	}
	if p.wide && in.Enc == decode.Legacy && in.Prefix&decode.RexPresent != 0 {
		for r := stubs.Reg(8); r < 16; r++ {
			if r&7 != stubs.SP && mask&(1<<r) == 0 {
				return r, true
			}
		}
	}
	return 0, false
}

// planImplicit does string instructions and those with an address in a
// register that no ModRM names.
func (p *planner) planImplicit(o operand) (operand, string) {
	in := &o.in
	narrow := in.Prefix&decode.AddrSize67 != 0
	named := func(r stubs.Reg) (operand, string) {
		o.form, o.reg = formImplicit, r
		o.other, _ = p.borrow(in, 1<<r)
		return o, ""
	}
	switch {
	case in.Map == decode.Map0F && in.Opcode == 0xf7: // maskmovq, maskmovdqu, vmaskmovdqu
		return named(stubs.DI)
	case in.Enc != decode.Legacy || in.Map != decode.MapOneByte:
		return o, "segment override with this instruction"
	case in.Opcode == 0xd7:
		o.form, o.reg, o.other = formXlat, stubs.SI, stubs.DX
		return o, ""
	case narrow && !p.wide:
		return o, "string instruction with a segment override and 16-bit addresses"
	}
	o.form, o.reg = formString, stubs.DX
	return o, ""
}

// fixedAddr gives the effective address of an operand without registers.
func (p *planner) fixedAddr(s *site) (int64, bool) {
	in, raw := &s.Inst, s.raw
	narrow := in.Prefix&decode.AddrSize67 != 0
	var v int64
	switch in.DispLen {
	case 2:
		v = int64(raw[in.DispOff]) | int64(raw[in.DispOff+1])<<8
	case 4:
		v = int64(int32(le32(raw[in.DispOff:])))
	case 8:
		v = int64(le32(raw[in.DispOff:])) | int64(le32(raw[in.DispOff+4:]))<<32
	default:
		return 0, false
	}
	switch {
	case in.Moffs:
	case !in.HasModRM || in.VSIB || in.ModRM>>6 != 0:
		return 0, false
	case in.RIPRel:
		if p.opt.Relocatable {
			return 0, false
		}
		v += int64(s.end())
	default:
		if _, ok := in.MemBase(); ok {
			return 0, false
		}
		if _, ok := in.MemIndex(); ok {
			return 0, false
		}
	}
	if p.wide && narrow {
		v = int64(uint32(v))
	}
	return v, true
}

// touched gives the mirrored words that an access of width bytes at disp from
// the thread pointer reaches. Where the width is not certain (0), 64 bytes are
// taken, but nothing from below the thread pointer: variables lie there, and
// end at it.
func (p *planner) touched(disp, width int64) []stubs.MirrorWord {
	var out []stubs.MirrorWord
	for _, m := range p.mirrors {
		off := int64(m.Off)
		if width == 0 && (disp < 0 || disp+64 <= off) || width != 0 && disp+width <= off || disp >= off+p.word() {
			continue
		}
		out = append(out, stubs.MirrorWord{Off: m.Off, Slot: stubs.Slot(m.Slot)})
	}
	return out
}

// word is the size of a mirrored word in bytes.
func (p *planner) word() int64 {
	if p.wide {
		return 8
	}
	return 4
}

// addDisp gives the instruction with n more in its displacement, which becomes
// one of 32 bits.
func addDisp(in *decode.Inst, raw []byte, n int32) []byte {
	switch in.DispLen {
	case 1:
		n += int32(int8(raw[in.DispOff]))
	case 4:
		n += int32(le32(raw[in.DispOff:]))
	}
	at := in.ModRMOff + 1
	if in.HasSIB {
		at++
	}
	out := bytes.Clone(raw[:at])
	out[in.ModRMOff] = out[in.ModRMOff]&0x3f | 0x80
	out = append(out, 0, 0, 0, 0)
	put32(out[at:], uint32(n))
	return append(out, raw[at+in.DispLen:]...)
}

// emitOperand emits the access of s; resume is as in emitSite.
func (p *planner) emitOperand(a *stubs.Asm, s *site) {
	o := &s.how
	switch o.form {
	case formString:
		p.emitString(a, s)
		return
	case formXlat:
		p.emitXlat(a, s)
		return
	case formImplicit:
		a.StoreSlot(stubs.SlotSpill, o.reg)
		a.State(s.addr, o.reg)
		p.cut(a, &o.in, o.reg)
		a.AddBase(o.reg, o.other)
		a.Raw(withoutPrefixes(&o.in, o.raw))
		a.State(s.end(), o.reg)
		a.LoadSlot(o.reg, stubs.SlotSpill)
		return
	}

	if !o.dead {
		a.StoreSlot(stubs.SlotSpill, o.reg)
	}
	if o.form == formAddress {
		p.emitAddress(a, s)
	} else {
		a.LoadSlot(o.reg, stubs.SlotBase)
		if !o.dead {
			a.State(s.addr, o.reg)
		}
		if b, ok := o.in.MemBase(); ok {
			a.LeaAdd(o.reg, stubs.Reg(b))
		}
	}
	if len(o.words) > 0 {
		a.WriteBack(o.reg, o.other, o.words)
	}
	code := o.folded()
	if o.in.Class != decode.Seq {
		p.emitTarget(a, s, code)
		return
	}
	a.Raw(code)
	if o.dead {
		return
	}
	a.State(s.end(), o.reg)
	if len(o.words) > 0 {
		a.Reload(o.reg, o.other, o.words)
	}
	a.LoadSlot(o.reg, stubs.SlotSpill)
}

// emitTarget emits a jump or call through code's operand: the target takes
// the register's place, then a slot's.
func (p *planner) emitTarget(a *stubs.Asm, s *site, load []byte) {
	r := s.how.reg
	if i := bytes.IndexByte(load, 0xff); i >= 0 { // behind the prefixes
		load[i] = 0x8b
		load[i+1] = load[i+1]&^0x38 | byte(r)<<3
	}
	if p.wide { // needs REX.W; the register and base are below 8
		load = widen(load)
	}
	a.Raw(load)
	if s.Class == decode.CallInd {
		a.CallTargetGlue(r, s.end(), p.opt.Relocatable)
		return
	}
	a.StoreSlot(stubs.SlotResume, r)
	a.LoadSlot(r, stubs.SlotSpill)
	a.State(s.addr, stubs.NoSpill)
	a.JmpSlot(stubs.SlotResume)
}

// emitAddress makes the whole address in o.reg, whose value is spilled.
func (p *planner) emitAddress(a *stubs.Asm, s *site) {
	o := &s.how
	in := &o.in
	narrow := in.Prefix&decode.AddrSize67 != 0
	switch {
	case o.fixed:
		a.MovImm(o.reg, uint64(o.at))
	case in.RIPRel:
		a.LeaPC(o.reg, s.end()+uint64(int64(int32(le32(s.raw[in.DispOff:])))))
		if narrow {
			a.State(s.addr, o.reg)
			a.Cut(o.reg, 4)
		}
	default:
		rex := byte(0)
		if b, ok := in.MemBase(); ok {
			rex |= b >> 3
		}
		if x, ok := in.MemIndex(); ok {
			rex |= x >> 3 << 1
		}
		var rest []byte
		if in.HasSIB {
			rest = append(rest, in.SIB)
		}
		if in.DispLen > 0 {
			rest = append(rest, o.raw[in.DispOff:in.DispOff+in.DispLen]...)
		}
		a.Lea(o.reg, narrow, rex, in.ModRM, rest...)
	}
	a.State(s.addr, o.reg)
	a.AddBase(o.reg, o.other)
}

// cut makes what a narrow address takes of r all that there is.
func (p *planner) cut(a *stubs.Asm, in *decode.Inst, r stubs.Reg) {
	switch {
	case in.Prefix&decode.AddrSize67 == 0:
	case p.wide:
		a.Cut(r, 4)
	default:
		a.Cut(r, 2)
	}
}

// emitString emits a string instruction. With 32-bit addresses on x86-64 the
// registers that it counts with are cut in front of it, which it would do
// itself.
func (p *planner) emitString(a *stubs.Asm, s *site) {
	o := &s.how
	var cut []stubs.Reg
	narrow := o.in.Prefix&decode.AddrSize67 != 0
	if narrow {
		if o.in.Opcode != 0xac && o.in.Opcode != 0xad { // all but lods have two addresses
			cut = append(cut, stubs.DI)
		}
		if o.in.Prefix&(decode.Rep|decode.Repne) != 0 {
			cut = append(cut, stubs.CX)
		}
	}
	a.StringGlue(withoutPrefixes(&o.in, o.raw), o.reg, narrow, cut, s.end())
}

// emitXlat emits `xlat` as a move: lea (%ebx,%esi), where esi holds al.
func (p *planner) emitXlat(a *stubs.Asm, s *site) {
	o := &s.how
	a.StoreSlot(stubs.SlotSpill, stubs.SI)
	a.State(s.addr, stubs.SI)
	a.MovzxAL(stubs.SI)
	switch {
	case o.in.Prefix&decode.AddrSize67 == 0:
		a.LeaAdd(stubs.SI, stubs.BX)
	case p.wide:
		a.Lea(stubs.SI, true, 0, 4, byte(stubs.SI)<<3|byte(stubs.BX))
	default:
		a.Lea(stubs.SI, true, 0, 0) // (%bx,%si)
	}
	a.AddBase(stubs.SI, o.other)
	a.Raw([]byte{0x8a, byte(stubs.SI)})
	a.State(s.end(), stubs.SI)
	a.LoadSlot(stubs.SI, stubs.SlotSpill)
}

// withoutPrefixes gives the instruction without segment and address size
// prefixes.
func withoutPrefixes(in *decode.Inst, raw []byte) []byte {
	out, i := otherPrefixes(in, raw)
	return append(out, raw[i:in.Len]...)
}

// otherPrefixes gives the legacy prefixes but segments and address size, and
// where they end: at the REX that is in force, or at what follows. A REX that
// another prefix follows means nothing and goes.
func otherPrefixes(in *decode.Inst, raw []byte) (out []byte, end uint8) {
	for ; end < in.OpcodeOff; end++ {
		switch b := raw[end]; {
		case isSegPrefix(b) || b == 0x67:
		case isLegacyPrefix(b):
			out = append(out, b)
		case b&0xf0 == 0x40 && (in.REX == 0 || end != in.REXOff):
		default:
			return out, end
		}
	}
	return out, end
}
