package plan

import (
	"slices"

	"bee/image"
	"bee/stubs"
)

// Windows in functions with indirect jumps that nobody could resolve. Nothing
// says that such a jump never goes to an instruction that was moved, so what
// stands at its old address must not run on: the jump to the trampoline has
// such a displacement that the byte there is a privileged instruction, which
// faults on both widths. Such windows are the last resort, since a program
// that does jump there ends where it ran before.

// maxFaulting bounds how many such windows a program may have: each may cost
// up to 32 KiB between trampolines.
const maxFaulting = 64

// faults tells whether a byte begins an instruction that faults in a program
// whatever follows it: hlt, ins, outs, in, out. Not cli and sti, which depend
// on more than the privilege level (CR4.PVI; Intel SDM vol. 3A, 22.4).
func faults(b byte) bool {
	return b == 0xf4 || b >= 0x6c && b <= 0x6f || b >= 0xe4 && b <= 0xe7 || b >= 0xec && b <= 0xef
}

// faultable tells whether a place for the trampoline can be found. Of the
// displacement, which stands at 1 to 4, the two low bytes can be chosen; from
// 5 on breakpoints stand.
func (r *patchRange) faultable() bool {
	old := []uint64{}
	for _, m := range r.insts[1:] {
		old = append(old, m.addr-r.start)
	}
	if r.instEnd < r.end {
		old = append(old, r.instEnd-r.start)
	}
	r.need = [2]bool{}
	for _, off := range old {
		switch off {
		case 1, 2:
			r.need[off-1] = true
		case 3, 4:
			return false
		}
	}
	return true
}

// place gives the first address from pc on at which r's trampoline may lie.
func (r *patchRange) place(pc uint64) uint64 {
	for {
		switch rel := uint32(pc - (r.start + jumpLen)); {
		case r.need[1] && !faults(byte(rel>>8)):
			pc += 256 - uint64(rel&255)
		case r.need[0] && !faults(byte(rel)):
			pc++
		default:
			return pc
		}
	}
}

// takeFaulting takes a site with a window that only faulting bytes prove.
func (p *planner) takeFaulting(s *site) bool {
	if p.faulting == maxFaulting {
		return false
	}
	r := p.windowBy(s, true)
	if r == nil {
		return false
	}
	p.faulting++
	p.take(r, image.TacticWindow)
	return true
}

// emitRanges lays out the trampolines: in the order of the program, those of
// faulting windows where their place comes by, or behind the others.
func (p *planner) emitRanges(a *stubs.Asm) {
	var held []*patchRange
	for _, r := range p.ranges {
		if r.proof == image.ProofFaulting {
			held = append(held, r)
		}
	}
	release := func(i int) {
		r := held[i]
		a.Fill(int(r.place(a.PC()) - a.PC()))
		p.emitRange(a, r)
		held = slices.Delete(held, i, i+1)
	}
	const near = 16 // bytes that are lost for a place that is almost there
	for _, r := range p.ranges {
		for i := 0; i < len(held); {
			if held[i].place(a.PC())-a.PC() < near {
				release(i)
			} else {
				i++
			}
		}
		switch {
		case r.proof == image.ProofFaulting:
		case r.kind == rangeTramp:
			p.emitRange(a, r)
		case r.kind == rangeCall && p.opt.Form == FormLinuxProof:
			p.emitCallProof(a, r)
		}
	}
	for len(held) > 0 {
		first := 0
		for i, r := range held {
			if r.place(a.PC()) < held[first].place(a.PC()) {
				first = i
			}
		}
		release(first)
	}
}
