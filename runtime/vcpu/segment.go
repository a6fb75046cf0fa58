package vcpu

import (
	"encoding/binary"
	"fmt"

	"bee/rewrite/decode"
	"bee/runtime/abi"
)

// SegmentFile holds a task's segment registers %fs and %gs, which exist only
// in the runner.
type SegmentFile interface {
	Selector(s decode.Seg) uint16
	// LoadSelector fails as the processor does for a selector that names no
	// segment.
	LoadSelector(s decode.Seg, sel uint16) abi.Errno
	// SegmentBase is what the register adds to addresses.
	SegmentBase(s decode.Seg) uint32
}

// Registers32 are the general registers in the order of their encoding (eax,
// ecx, edx, ebx, esp, ebp, esi, edi).
type Registers32 [8]uint32

const regESP = 4

// EmulateSegment32 carries out an instruction that moves to or from %fs or
// %gs: mov, push, pop, lfs, lgs (Intel SDM vol. 2, those pages). The
// registers change only if it succeeds; an error is what would be a fault.
func EmulateSegment32(raw []byte, r *Registers32, seg SegmentFile, mem Words) error {
	in, err := decode.Decode(raw, decode.Mode32)
	if err != nil {
		return fmt.Errorf("% x: %w", raw, err)
	}
	size := uint32(4)
	if in.Prefix&decode.OpSize66 != 0 {
		size = 2
	}
	fault := func(e abi.Errno) error {
		if e == 0 {
			return nil
		}
		return fmt.Errorf("% x: %w", raw[:in.Len], e)
	}
	switch {
	case in.Sreg != decode.FS && in.Sreg != decode.GS:
	case in.Map == decode.MapOneByte && in.Opcode == 0x8c: // mov %sreg,r/m
		sel := seg.Selector(in.Sreg)
		if !in.MemOperand {
			// A 32-bit register takes the selector zero-extended.
			reg := &r[in.ModRM&7]
			if size == 2 {
				*reg = *reg&^0xffff | uint32(sel)
			} else {
				*reg = uint32(sel)
			}
			return nil
		}
		return fault(store16(mem, effective32(&in, raw, r, seg), sel))
	case in.Map == decode.MapOneByte && in.Opcode == 0x8e: // mov r/m,%sreg
		if !in.MemOperand {
			return fault(seg.LoadSelector(in.Sreg, uint16(r[in.ModRM&7])))
		}
		sel, e := load16(mem, effective32(&in, raw, r, seg))
		if e != 0 {
			return fault(e)
		}
		return fault(seg.LoadSelector(in.Sreg, sel))
	case in.Map == decode.Map0F && (in.Opcode == 0xa0 || in.Opcode == 0xa8): // push
		sp := r[regESP] - size
		var e abi.Errno
		if size == 2 {
			e = store16(mem, sp, seg.Selector(in.Sreg))
		} else {
			e = mem.WriteUint32(uint64(sp), uint32(seg.Selector(in.Sreg)))
		}
		if e == 0 {
			r[regESP] = sp
		}
		return fault(e)
	case in.Map == decode.Map0F && (in.Opcode == 0xa1 || in.Opcode == 0xa9): // pop
		sel, e := load16(mem, r[regESP])
		if e == 0 {
			e = seg.LoadSelector(in.Sreg, sel)
		}
		if e == 0 {
			r[regESP] += size
		}
		return fault(e)
	case in.Map == decode.Map0F && (in.Opcode == 0xb4 || in.Opcode == 0xb5) && in.MemOperand: // lfs, lgs
		at := effective32(&in, raw, r, seg)
		var off uint32
		var e abi.Errno
		if size == 2 {
			var o16 uint16
			o16, e = load16(mem, at)
			off = uint32(o16)
		} else {
			off, e = mem.ReadUint32(uint64(at))
		}
		if e != 0 {
			return fault(e)
		}
		sel, e := load16(mem, at+size)
		if e == 0 {
			e = seg.LoadSelector(in.Sreg, sel)
		}
		if e != 0 {
			return fault(e)
		}
		reg := &r[in.ModRM>>3&7]
		if size == 2 {
			*reg = *reg&^0xffff | off
		} else {
			*reg = off
		}
		return nil
	}
	return fmt.Errorf("% x: no move of %%fs or %%gs", raw[:in.Len])
}

// effective32 is the address of a ModRM operand, which an address size prefix
// cuts to 16 bits.
func effective32(in *decode.Inst, raw []byte, r *Registers32, seg SegmentFile) uint32 {
	var a uint32
	switch in.DispLen {
	case 1:
		a = uint32(int32(int8(raw[in.DispOff])))
	case 2:
		a = uint32(binary.LittleEndian.Uint16(raw[in.DispOff:]))
	case 4:
		a = binary.LittleEndian.Uint32(raw[in.DispOff:])
	}
	if b, ok := in.MemBase(); ok {
		a += r[b]
	}
	if x, ok := in.MemIndex(); ok {
		a += r[x] << (in.SIB >> 6)
	}
	if in.EffectiveAddrSize() == 16 {
		a &= 0xffff
	}
	if in.Seg == decode.FS || in.Seg == decode.GS {
		a += seg.SegmentBase(in.Seg)
	}
	return a
}

// Selectors in memory are two bytes; Words has four, and the two behind may
// be another page's.
func load16(mem Words, at uint32) (uint16, abi.Errno) {
	shift := at & 2
	w, e := mem.ReadUint32(uint64(at - shift))
	return uint16(w >> (8 * shift)), e
}

func store16(mem Words, at uint32, v uint16) abi.Errno {
	shift := at & 2
	w, e := mem.ReadUint32(uint64(at - shift))
	if e != 0 {
		return e
	}
	mask := uint32(0xffff) << (8 * shift)
	return mem.WriteUint32(uint64(at-shift), w&^mask|uint32(v)<<(8*shift))
}
