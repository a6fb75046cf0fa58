package plan

import (
	"fmt"
	"slices"

	"bee/image"
	"bee/rewrite/decode"
	"bee/stubs"
)

// verify looks at the finished plan with fresh eyes: it starts from the
// patches' bytes and from discovery, not from what the tactics meant.
//
//   - Patches do not overlap, and each is whole instructions or padding.
//   - No target lies inside a patch (see targetInside), and where jumps are
//     unresolved, what stands at old instructions faults.
//   - Each patch decodes to one redirection and breakpoints, and the
//     redirection ends where a trampoline, a pad or a thunk begins.
//   - Every site is covered by a patch.
//   - In a trampoline the PC map has every instruction, and every
//     original instruction begins once.
func (p *planner) verify() error {
	out := &p.out
	code := Region{out.TrampAddr + stubs.ThunkPageSize, out.Tramp}
	var starts []uint64
	for i, e := range out.PCMap {
		if i > 0 && out.PCMap[i-1].Tramp >= e.Tramp {
			return fmt.Errorf("plan: PC map out of order at %#x", e.Tramp)
		}
		if e.Start {
			starts = append(starts, e.Orig)
		}
	}
	slices.Sort(starts)
	for i := 1; i < len(starts); i++ {
		if starts[i] == starts[i-1] {
			return fmt.Errorf("plan: %#x begins twice in the PC map", starts[i])
		}
	}
	if err := p.verifyTramp(code); err != nil {
		return err
	}

	landing := map[uint64]bool{} // pads that something jumps to
	for i, q := range out.Patches {
		end := q.Addr + uint64(len(q.Data))
		if i > 0 {
			if last := out.Patches[i-1]; last.Addr+uint64(len(last.Data)) > q.Addr {
				return fmt.Errorf("plan: patches at %#x and %#x overlap", last.Addr, q.Addr)
			}
		}
		for b := q.Addr; b < end; b++ {
			if b == q.Addr || p.isTrap(q.Addr) {
				continue
			}
			if targetIn(p.view, b, b+1) {
				return fmt.Errorf("plan: patch at %#x has a target at %#x", q.Addr, b)
			}
			if c := q.Data[b-q.Addr]; c == 0xcc || faults(c) || !p.view.instAt(b) {
				continue
			}
			if fn, _ := p.view.function(b); !fn.resolved {
				return fmt.Errorf("plan: patch at %#x: unresolved jumps may go to %#x, where nothing faults", q.Addr, b)
			}
		}
		if got := p.view.bytes(q.Addr, len(q.Data)); len(got) != len(q.Data) {
			return fmt.Errorf("plan: patch at %#x, %d bytes, leaves the code", q.Addr, len(q.Data))
		}
		if p.isTrap(q.Addr) {
			continue
		}
		if err := p.verifyWhole(q.Addr, end); err != nil {
			return err
		}
		in, err := decode.Decode(q.Data, p.mode())
		if err != nil {
			return fmt.Errorf("plan: patch at %#x: %w", q.Addr, err)
		}
		if in.Class == decode.Jmp && in.RelLen == 1 {
			landing[in.Target(q.Addr)] = true
		}
	}
	for _, q := range out.Patches {
		if err := p.verifyPatch(q, code, landing); err != nil {
			return err
		}
	}
	for _, s := range out.Sites {
		q, ok := p.patchAt(s.Addr)
		switch {
		case ok && s.Addr-q.Addr+uint64(s.Len) <= uint64(len(q.Data)):
		case s.Tactic == image.TacticSameLength && p.opt.Form == FormLinuxProof:
		default:
			return fmt.Errorf("plan: the site at %#x is not patched", s.Addr)
		}
	}
	for _, f := range out.SlotFixups {
		b := p.placed(f.Addr, code)
		if b == nil {
			return fmt.Errorf("plan: slot fix-up at %#x in nothing of ours", f.Addr)
		}
		want := stubs.Slot(f.Slot).Disp32()
		if p.wide {
			want = stubs.Slot(f.Slot).Disp64()
		}
		want += uint32(f.Part)
		if got := le32(b); got != want {
			return fmt.Errorf("plan: slot fix-up at %#x: %#x where slot %d is at %#x", f.Addr, got, f.Slot, want)
		}
	}
	return nil
}

// placed gives the 4 of our bytes at a.
func (p *planner) placed(a uint64, code Region) []byte {
	if off := a - code.Addr; off < uint64(len(code.Data)) {
		if len(code.Data)-int(off) < 4 {
			return nil
		}
		return code.Data[off:]
	}
	q, ok := p.patchAt(a)
	if off := a - q.Addr; ok && int(off)+4 <= len(q.Data) {
		return q.Data[off:]
	}
	return nil
}

// patchAt gives the patch of byte a.
func (p *planner) patchAt(a uint64) (image.Patch, bool) {
	i, at := slices.BinarySearchFunc(p.out.Patches, a, func(q image.Patch, a uint64) int { return cmpU64(q.Addr, a) })
	if !at {
		i--
	}
	if i < 0 || a-p.out.Patches[i].Addr >= uint64(len(p.out.Patches[i].Data)) {
		return image.Patch{}, false
	}
	return p.out.Patches[i], true
}

// mark gives the entry of the PC map for address a of the trampolines.
func (p *planner) mark(a uint64) (image.PCEntry, bool) {
	i, ok := slices.BinarySearchFunc(p.out.PCMap, a, func(e image.PCEntry, a uint64) int { return cmpU64(e.Tramp, a) })
	if !ok {
		return image.PCEntry{}, false
	}
	return p.out.PCMap[i], true
}

// verifyWhole tells whether [a, end) was instructions and then padding, or
// only padding.
func (p *planner) verifyWhole(a, end uint64) error {
	start := a
	for b := a - min(a, 14); b < a; b++ {
		if in, ok := p.instAt(b); ok && in.end() > a {
			return fmt.Errorf("plan: patch at %#x begins inside the instruction at %#x", a, b)
		}
	}
	for a < end && p.view.instAt(a) {
		in, err := decode.Decode(p.view.bytes(a, 15), p.mode())
		if err != nil {
			return fmt.Errorf("plan: original bytes at %#x: %w", a, err)
		}
		for b := a + 1; b < a+uint64(in.Len); b++ {
			if p.view.instAt(b) {
				return fmt.Errorf("plan: patch at %#x: another instruction begins at %#x", start, b)
			}
		}
		a += uint64(in.Len)
	}
	for ; a < end; a++ {
		if _, _, ok := p.view.padding(a); !ok || p.view.covered(a) {
			return fmt.Errorf("plan: patch at %#x: the byte at %#x is neither a whole instruction nor padding", start, a)
		}
	}
	if a > end {
		return fmt.Errorf("plan: patch at %#x ends inside an instruction", start)
	}
	return nil
}

// verifyPatch looks at the bytes of one patch.
func (p *planner) verifyPatch(q image.Patch, code Region, landing map[uint64]bool) error {
	if s := p.siteAt(q.Addr); s != nil && s.tactic == image.TacticSameLength {
		if len(q.Data) != int(s.Len) {
			return fmt.Errorf("plan: patch at %#x has not its site's length", q.Addr)
		}
		return nil
	}
	if p.isTrap(q.Addr) {
		return nil // like the original but for its first byte
	}
	inCode := func(a uint64) bool { return a-code.Addr < uint64(len(code.Data)) }
	for a, b := q.Addr, q.Data; len(b) > 0; {
		in, err := decode.Decode(b, p.mode())
		if err != nil {
			return fmt.Errorf("plan: patched bytes at %#x: %w", a, err)
		}
		t := in.Target(a)
		first := a == q.Addr
		switch in.Class {
		case decode.Int3:
		case decode.Seq: // the nop in front of a call
			if !first {
				return fmt.Errorf("plan: patched bytes at %#x: not a redirection", a)
			}
		case decode.Call:
			if len(b) != int(in.Len) || t != p.out.TrampAddr+uint64(stubs.ThunkCall.Off()) && !inCode(t) {
				return fmt.Errorf("plan: patched call at %#x goes to %#x", a, t)
			}
		case decode.Jmp:
			switch {
			case in.RelLen == 1 && first && landing[t]:
			case in.RelLen != 1 && (first || landing[a]) && inCode(t):
				e, ok := p.mark(t)
				if !ok || !e.Start {
					return fmt.Errorf("plan: jump at %#x to %#x, where no instruction begins", a, t)
				}
				if orig := q.Addr; first && !landing[a] && e.Orig != orig {
					return fmt.Errorf("plan: jump at %#x to the trampoline of %#x", a, e.Orig)
				}
				if m, _ := p.mark(a); landing[a] && (m.Orig != e.Orig || p.siteAt(e.Orig) == nil) {
					return fmt.Errorf("plan: pad at %#x to the trampoline of %#x", a, e.Orig)
				}
			default:
				return fmt.Errorf("plan: patched jump at %#x to %#x", a, t)
			}
		default:
			return fmt.Errorf("plan: patched bytes at %#x: %v", a, in.Class)
		}
		a, b = a+uint64(in.Len), b[in.Len:]
	}
	return nil
}

// verifyTramp decodes the trampolines: their instructions are those of the
// PC map, and control leaves them to an address that is no patch's interior.
func (p *planner) verifyTramp(code Region) error {
	for a, b := code.Addr, code.Data; len(b) > 0; {
		in, err := decode.Decode(b, p.mode())
		if err != nil {
			return fmt.Errorf("plan: trampoline at %#x: %w", a, err)
		}
		if _, ok := p.mark(a); !ok {
			if b[0] == 0xcc { // between two trampolines
				a, b = a+1, b[1:]
				continue
			}
			return fmt.Errorf("plan: trampoline at %#x is not in the PC map", a)
		}
		switch in.Class {
		case decode.Jmp, decode.Jcc, decode.Call:
			t := in.Target(a)
			inTramp := t-p.out.TrampAddr < stubs.ThunkPageSize+uint64(len(code.Data))
			if r := p.owner.at(t); !inTramp && r != nil && r.kind != rangeTrap && t != r.start && (r.pad == nil || t != r.pad.addr) {
				return fmt.Errorf("plan: trampoline at %#x goes to %#x, inside a patch", a, t)
			}
		}
		a, b = a+uint64(in.Len), b[in.Len:]
	}
	return nil
}

func (p *planner) isTrap(a uint64) bool {
	s := p.siteAt(a)
	return s != nil && s.tactic == image.TacticTrap
}
