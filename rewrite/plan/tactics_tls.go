package plan

import (
	"bytes"
	"encoding/binary"

	"bee/image"
	"bee/rewrite/decode"
	"bee/stubs"
)

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

// folded gives the instruction with the borrowed register in the place of the
// operand's base, or of the whole address, and without segment and address
// size prefixes. Unless the register holds the whole address, mode and
// displacement stay as they are, so that the scaled displacement of EVEX needs
// no second thought; an operand without a base gets the form with a 32-bit
// displacement.
func (o *operand) folded() []byte {
	in, raw, reg := &o.in, o.raw, uint8(o.reg)
	out, i := otherPrefixes(in, raw)
	whole := o.form == formAddress
	fixed := binary.LittleEndian.AppendUint32(nil, uint32(o.at))

	if in.Moffs { // a0 al<-, a1 eax<-, a2 <-al, a3 <-eax
		rex := in.REX & 8
		if reg >= 8 {
			rex |= 1
		}
		if rex != 0 {
			out = append(out, 0x40|rex)
		}
		out = append(out, [4]byte{0x8a, 0x8b, 0x88, 0x89}[in.Opcode&3])
		if whole {
			return append(out, reg&7)
		}
		return append(append(out, 0x80|reg&7), fixed...)
	}

	// What lies between the prefixes and ModRM, with the bits that extend
	// base and index.
	head := bytes.Clone(raw[i:in.ModRMOff])
	_, hasIndex := in.MemIndex()
	hasIndex = (hasIndex || in.VSIB) && !whole
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
	tail := in.ModRMOff + 1
	if in.HasSIB {
		tail++
	}
	disp := raw[tail : tail+in.DispLen]
	tail += in.DispLen
	_, hasBase := in.MemBase()
	switch {
	case whole:
		mod, disp = 0, nil
	case o.fixed:
		mod, disp = 2, fixed
	case !hasBase:
		mod = 2
	}
	if mod == 0 && reg&7 == 5 { // without displacement it would mean "no base"
		mod, disp = 1, []byte{0}
	}
	modrm := mod<<6 | in.ModRM&0x38
	if hasIndex {
		out = append(out, modrm|4, in.SIB&^7|reg&7)
	} else {
		out = append(out, modrm|reg&7)
	}
	out = append(out, disp...)
	// Immediates, and the opcode of 3DNow!.
	return append(out, raw[tail:in.Len]...)
}

// emitSite emits the Windows form of a site inside a trampoline. resume is
// where the guest goes on: stubs.Behind, or an original address, in which
// case nothing comes back for glue that leaves.
func (p *planner) emitSite(a *stubs.Asm, s *site, resume uint64) (leaves bool) {
	if s.same != nil {
		at := len(a.Code)
		if d := s.same.data; d[0] == hlt {
			a.Raw(d[:1]) // nothing behind it runs
		} else {
			a.Raw(d)
		}
		if s.same.off != 0 {
			a.Slots = append(a.Slots, stubs.SlotRef{Off: uint32(at) + uint32(s.same.off), Slot: s.same.slot, Part: s.same.part})
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
		p.emitOperand(a, s)
		return s.Class != decode.Seq
	}
	return resume != stubs.Behind
}
