package vcpu

import (
	"fmt"

	"bee/rewrite/decode"
	"bee/runtime/abi"
)

// Bases holds a 64-bit task's segment bases, which exist only in the runner.
type Bases interface {
	Base(s decode.Seg) uint64
	SetBase(s decode.Seg, base uint64) abi.Errno
}

// Registers64 are the general registers in the order of their encoding (rax,
// rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8 to r15).
type Registers64 [16]uint64

// EmulateSegment64 carries out rdfsbase, wrfsbase, rdgsbase and wrgsbase, and
// moves of %fs and %gs between registers and the stack. Linux keeps both
// selectors 0 in 64-bit programs; loading another one has no meaning that a
// program could rely on and is an error, as is what would be a fault.
func EmulateSegment64(raw []byte, r *Registers64, b Bases, mem Words) error {
	in, err := decode.Decode(raw, decode.Mode64)
	if err != nil {
		return fmt.Errorf("% x: %w", raw, err)
	}
	fault := func(e abi.Errno) error {
		if e == 0 {
			return nil
		}
		return fmt.Errorf("% x: %w", raw[:in.Len], e)
	}
	rm := &r[in.ModRM&7|in.REX&1<<3]
	wide := in.REX&8 != 0
	switch in.FSGSBase {
	case decode.RdFSBase, decode.RdGSBase:
		seg := decode.FS
		if in.FSGSBase == decode.RdGSBase {
			seg = decode.GS
		}
		*rm = b.Base(seg)
		if !wide {
			*rm = uint64(uint32(*rm))
		}
		return nil
	case decode.WrFSBase, decode.WrGSBase:
		seg := decode.FS
		if in.FSGSBase == decode.WrGSBase {
			seg = decode.GS
		}
		v := *rm
		if !wide {
			v = uint64(uint32(v))
		}
		return fault(b.SetBase(seg, v))
	}
	if in.Sreg != decode.FS && in.Sreg != decode.GS || in.Prefix&decode.OpSize66 != 0 {
		return fmt.Errorf("% x: no move of %%fs or %%gs that programs use", raw[:in.Len])
	}
	null := func(sel uint64) error {
		if uint16(sel)&^3 != 0 {
			return fault(abi.EINVAL)
		}
		return fault(b.SetBase(in.Sreg, 0))
	}
	const rsp = 4
	switch {
	case in.Map == decode.MapOneByte && in.Opcode == 0x8c && !in.MemOperand: // mov %sreg,%reg
		*rm = 0
		return nil
	case in.Map == decode.MapOneByte && in.Opcode == 0x8e && !in.MemOperand: // mov %reg,%sreg
		return null(*rm)
	case in.Map == decode.Map0F && (in.Opcode == 0xa0 || in.Opcode == 0xa8): // push
		e := mem.WriteUint64(r[rsp]-8, 0)
		if e == 0 {
			r[rsp] -= 8
		}
		return fault(e)
	case in.Map == decode.Map0F && (in.Opcode == 0xa1 || in.Opcode == 0xa9): // pop
		sel, e := mem.ReadUint64(r[rsp])
		if e != 0 {
			return fault(e)
		}
		if err := null(sel); err != nil {
			return err
		}
		r[rsp] += 8
		return nil
	}
	return fmt.Errorf("% x: no move of %%fs or %%gs that programs use", raw[:in.Len])
}
