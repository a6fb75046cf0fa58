package plan

import (
	"bytes"

	"bee/image"
	"bee/rewrite/decode"
	"bee/stubs"
)

// movable tells whether an instruction means the same in a trampoline.
func (p *planner) movable(m moved) bool {
	if s := m.site; s != nil {
		if s.rng != nil || s.kind == image.KindVsyscallCall {
			return false // taken, or needs its place
		}
		return p.opt.Form == FormLinuxProof || s.nowhere == ""
	}
	if m.AmbiguousOpSize {
		return false
	}
	switch m.Class {
	case decode.Jcc:
		if m.Map == decode.MapOneByte && m.Opcode == 0xc7 { // xbegin
			return false
		}
		return m.Prefix&decode.OpSize66 == 0
	case decode.Jmp, decode.Call:
		return m.Prefix&decode.OpSize66 == 0
	case decode.Seq, decode.JmpInd, decode.Ret, decode.Halt:
		return !m.PCRel || m.RIPRel
	}
	return false
}

// emitRange emits the trampoline of r.
func (p *planner) emitRange(a *stubs.Asm, r *patchRange) {
	r.tramp = a.PC()
	for i, m := range r.insts {
		a.Begin(m.addr)
		resume := stubs.Behind
		last := i == len(r.insts)-1
		if last {
			resume = r.instEnd
		}
		left := false
		switch {
		case m.site != nil && p.opt.Form == FormWindows:
			left = p.emitSite(a, m.site, resume)
		default:
			p.emitMoved(a, m.inst)
		}
		if last && !left && m.FallsThrough() && m.Class != decode.Call && m.Class != decode.CallInd {
			a.State(r.instEnd, stubs.NoSpill)
			a.Jmp(r.instEnd)
		}
	}
}

// emitMoved emits an instruction that was moved.
func (p *planner) emitMoved(a *stubs.Asm, in *inst) {
	switch in.Class {
	case decode.Jmp:
		a.Jmp(in.Target(in.addr))
	case decode.Jcc:
		switch {
		case in.Map == decode.Map0F:
			a.Jcc(in.Opcode, in.Target(in.addr))
		case in.Opcode&0xf0 == 0x70:
			a.Jcc(in.Opcode, in.Target(in.addr))
		default: // loop, loope, loopne, jecxz
			a.LoopGlue(in.raw[:in.RelOff], in.end(), in.Target(in.addr))
		}
	case decode.Call:
		if p.opt.Form == FormLinuxProof {
			a.CallProof(in.end(), in.Target(in.addr), p.opt.Relocatable)
		} else {
			a.CallGlue(in.end(), in.Target(in.addr), p.opt.Relocatable)
		}
	case decode.CallInd: // a site in the proof form
		a.PushProof(in.end(), p.opt.Relocatable)
		p.emitRaw(a, in, asJump(in, p.wide))
	default:
		p.emitRaw(a, in, in.raw)
	}
}

// emitRaw emits raw, which has in's operand at the same place.
func (p *planner) emitRaw(a *stubs.Asm, in *inst, raw []byte) {
	if in.RIPRel {
		raw = bytes.Clone(raw)
		target := in.end() + uint64(int64(int32(le32(raw[in.DispOff:]))))
		a.RawRIP(raw, int(in.DispOff), target)
		return
	}
	a.Raw(raw)
}

// asJump turns an indirect call into the jump behind a push of its return
// address.
func asJump(in *inst, wide bool) []byte {
	raw := bytes.Clone(in.raw)
	if b, ok := in.MemBase(); ok && b == uint8(stubs.SP) {
		n := int32(4)
		if wide {
			n = 8
		}
		raw = addDisp(&in.Inst, raw, n)
	}
	raw[in.ModRMOff] = raw[in.ModRMOff]&^0x38 | 4<<3
	return raw
}

// emitCallProof emits the target of a call that stands for an indirect call
// through thread-local memory: the jump in its place.
func (p *planner) emitCallProof(a *stubs.Asm, r *patchRange) {
	r.tramp = a.PC()
	in := r.insts[0]
	raw := bytes.Clone(in.raw)
	raw[in.ModRMOff] = raw[in.ModRMOff]&^0x38 | 4<<3
	a.Begin(in.addr)
	a.Raw(raw)
}
