package image

import (
	"slices"

	"bee/stubs"
)

const pageSize = stubs.ThunkPageSize

// Limits of the guest's address space: where Linux lets a program's memory
// end.
const (
	end386   = 0xffffe000
	endAMD64 = 0x7ffffffff000
)

// Check tells whether m is consistent: every table sorted and without
// overlap, every address inside of what it belongs to, the PC map usable in
// both directions.
func (m *Manifest) Check() error {
	if len(m.Images) == 0 {
		return bad(-1, ErrValue, "the manifest holds no image")
	}
	for i := range m.Images {
		im := &m.Images[i]
		for j := range m.Images[:i] {
			if m.Images[j].SourceDigest == im.SourceDigest {
				return bad(-1, ErrOverlap, "images %d and %d have the same source digest", j, i)
			}
		}
		if err := im.check(); err != nil {
			return err
		}
	}
	return nil
}

// Sort puts the tables into the order that the format asks for.
func (im *Image) Sort() {
	slices.SortFunc(im.Mirrors, func(a, b Mirror) int { return int(a.Off) - int(b.Off) })
	slices.SortFunc(im.Sites, func(a, b Site) int { return order(a.Addr, b.Addr) })
	slices.SortFunc(im.Patches, func(a, b Patch) int { return order(a.Addr, b.Addr) })
	slices.SortFunc(im.SlotFixups, func(a, b SlotFixup) int { return order(a.Addr, b.Addr) })
	slices.SortFunc(im.PCMap, func(a, b PCEntry) int { return order(a.Tramp, b.Tramp) })
	slices.SortFunc(im.Unproven, func(a, b Pattern) int { return order(a.Addr, b.Addr) })
	slices.Sort(im.AbsFixups)
	slices.Sort(im.WX)
	im.starts = nil
}

func order(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (im *Image) check() error {
	if im.Arch != I386 && im.Arch != AMD64 {
		return bad(-1, ErrValue, "architecture %d", im.Arch)
	}
	if im.Libc > LibcGo {
		return bad(-1, ErrValue, "libc %d", im.Libc)
	}
	regs, word := uint8(8), uint8(4)
	if im.Arch == AMD64 {
		regs, word = 16, 8
	}
	if err := im.checkPlace(); err != nil {
		return err
	}

	for i, m := range im.Mirrors {
		if m.Slot >= uint8(stubs.NumSlots) {
			return bad(-1, ErrValue, "mirror %d: slot %d", i, m.Slot)
		}
		if i > 0 && im.Mirrors[i-1].Off >= m.Off {
			return bad(-1, ErrOrder, "mirror %d at offset %d", i, m.Off)
		}
	}

	for i, s := range im.Sites {
		switch {
		case s.Len == 0 || s.Len > 15:
			return bad(-1, ErrValue, "site %d at %#x: length %d", i, s.Addr, s.Len)
		case s.Kind == 0 || s.Kind > KindSegWrite:
			return bad(-1, ErrValue, "site %d at %#x: kind %d", i, s.Addr, s.Kind)
		case s.Tactic == 0 || s.Tactic > TacticTrap:
			return bad(-1, ErrValue, "site %d at %#x: tactic %d", i, s.Addr, s.Tactic)
		case s.Proof > ProofFaulting:
			return bad(-1, ErrValue, "site %d at %#x: proof %d", i, s.Addr, s.Proof)
		case s.Addr >= im.Size || uint64(s.Len) > im.Size-s.Addr:
			return bad(-1, ErrRange, "site %d at %#x lies outside of the image", i, s.Addr)
		}
		if i > 0 {
			if p := im.Sites[i-1]; p.Addr >= s.Addr {
				return bad(-1, ErrOrder, "site %d at %#x behind one at %#x", i, s.Addr, p.Addr)
			} else if p.Addr+uint64(p.Len) > s.Addr {
				return bad(-1, ErrOverlap, "sites at %#x and %#x", p.Addr, s.Addr)
			}
		}
	}

	for i, p := range im.Patches {
		n := uint64(len(p.Data))
		switch {
		case n == 0:
			return bad(-1, ErrValue, "patch %d at %#x is empty", i, p.Addr)
		case p.Addr >= im.Size || n > im.Size-p.Addr:
			return bad(-1, ErrRange, "patch %d at %#x, %d bytes, lies outside of the image", i, p.Addr, n)
		}
		if i > 0 {
			if q := im.Patches[i-1]; q.Addr >= p.Addr {
				return bad(-1, ErrOrder, "patch %d at %#x behind one at %#x", i, p.Addr, q.Addr)
			} else if q.Addr+uint64(len(q.Data)) > p.Addr {
				return bad(-1, ErrOverlap, "patches at %#x and %#x", q.Addr, p.Addr)
			}
		}
	}

	if len(im.AbsFixups) > 0 && (!im.PIE || im.Arch != I386) {
		return bad(-1, ErrValue, "%d address fixups in a program that has none", len(im.AbsFixups))
	}
	at := places{im: im}
	var prev uint64
	for i, f := range im.SlotFixups {
		if f.Slot >= uint8(stubs.NumSlots) {
			return bad(-1, ErrValue, "slot fixup %d at %#x: slot %d", i, f.Addr, f.Slot)
		}
		if f.Part >= word {
			return bad(-1, ErrValue, "slot fixup %d at %#x: byte %d of a slot", i, f.Addr, f.Part)
		}
		if i > 0 && f.Addr <= prev {
			return bad(-1, ErrOrder, "slot fixup %d at %#x behind one at %#x", i, f.Addr, prev)
		}
		if i > 0 && f.Addr-prev < 4 {
			return bad(-1, ErrOverlap, "slot fixups at %#x and %#x", prev, f.Addr)
		}
		if !at.hold(f.Addr, 4) {
			return bad(-1, ErrRange, "slot fixup %d at %#x lies in no patch", i, f.Addr)
		}
		prev = f.Addr
	}
	at.next = 0
	for i, a := range im.AbsFixups {
		if i > 0 && a <= prev {
			return bad(-1, ErrOrder, "address fixup %d at %#x behind one at %#x", i, a, prev)
		}
		if i > 0 && a-prev < 4 {
			return bad(-1, ErrOverlap, "address fixups at %#x and %#x", prev, a)
		}
		if !at.hold(a, 4) {
			return bad(-1, ErrRange, "address fixup %d at %#x lies in no patch", i, a)
		}
		prev = a
	}

	at.next = 0
	for i, e := range im.PCMap {
		switch {
		case i > 0 && im.PCMap[i-1].Tramp >= e.Tramp:
			return bad(-1, ErrOrder, "PC map %d: %#x behind %#x", i, e.Tramp, im.PCMap[i-1].Tramp)
		case !im.inTramp(e.Tramp) && !im.inPatch(e.Tramp):
			return bad(-1, ErrRange, "PC map %d: %#x lies outside of the trampolines and patches", i, e.Tramp)
		case e.Orig >= im.Size:
			return bad(-1, ErrRange, "PC map %d: original %#x lies outside of the image", i, e.Orig)
		case e.Spill != NoReg && e.Spill >= regs:
			return bad(-1, ErrValue, "PC map %d: register %d", i, e.Spill)
		case e.Second > regs:
			return bad(-1, ErrValue, "PC map %d: second register %d", i, e.Second-1)
		case e.Undo&^stubs.UndoAll != 0:
			return bad(-1, ErrValue, "PC map %d: undo %#x", i, e.Undo)
		}
	}
	im.index()
	for i := 1; i < len(im.starts); i++ {
		if a, b := im.PCMap[im.starts[i-1]], im.PCMap[im.starts[i]]; a.Orig == b.Orig {
			return bad(-1, ErrOverlap, "PC map: %#x starts at both %#x and %#x", a.Orig, a.Tramp, b.Tramp)
		}
	}

	for i, p := range im.Unproven {
		switch {
		case p.Kind == 0 || p.Kind > KindSegWrite:
			return bad(-1, ErrValue, "pattern %d at %#x: kind %d", i, p.Addr, p.Kind)
		case p.Addr >= im.Size:
			return bad(-1, ErrRange, "pattern %d at %#x lies outside of the image", i, p.Addr)
		case i > 0 && im.Unproven[i-1].Addr >= p.Addr:
			return bad(-1, ErrOrder, "pattern %d at %#x behind one at %#x", i, p.Addr, im.Unproven[i-1].Addr)
		}
	}
	for i, a := range im.WX {
		switch {
		case a >= im.Size:
			return bad(-1, ErrRange, "writable code segment %d at %#x lies outside of the image", i, a)
		case i > 0 && im.WX[i-1] >= a:
			return bad(-1, ErrOrder, "writable code segment %d at %#x behind one at %#x", i, a, im.WX[i-1])
		}
	}
	return nil
}

// checkPlace tells whether image and trampolines lie apart and within the
// address space.
func (im *Image) checkPlace() error {
	limit := uint64(end386)
	if im.Arch == AMD64 {
		limit = endAMD64
	}
	if im.Base%pageSize != 0 || im.Size%pageSize != 0 || im.Size == 0 {
		return bad(-1, ErrValue, "image at %#x, %#x bytes: not whole pages", im.Base, im.Size)
	}
	if im.Base > limit || im.Size > limit-im.Base {
		return bad(-1, ErrRange, "image at %#x, %#x bytes, ends behind %#x", im.Base, im.Size, limit)
	}
	// The trampoline segment, in absolute addresses.
	tramp := im.Base + uint64(im.TrampAddr)
	tsize := pageSize + uint64(len(im.Tramp))
	if im.TrampAddr%pageSize != 0 {
		return bad(-1, ErrValue, "trampolines at %#x: not on a page", tramp)
	}
	if tramp == 0 || tramp > limit || tsize > limit-tramp {
		return bad(-1, ErrRange, "trampolines at %#x, %#x bytes", tramp, tsize)
	}
	if tramp < im.Base+im.Size && im.Base < tramp+tsize {
		return bad(-1, ErrOverlap, "trampolines at %#x and image at %#x", tramp, im.Base)
	}
	return nil
}

// inTramp tells whether a lies in the trampoline segment behind the thunk
// page.
func (im *Image) inTramp(a uint64) bool {
	return a-uint64(im.TrampAddr)-pageSize < uint64(len(im.Tramp))
}

// inPatch tells whether a lies in a patch: jumps to trampolines that stand in
// padding or behind another jump are in the PC map too.
func (im *Image) inPatch(a uint64) bool {
	i, found := slices.BinarySearchFunc(im.Patches, a, func(p Patch, a uint64) int { return order(p.Addr, a) })
	return found || i > 0 && a-im.Patches[i-1].Addr < uint64(len(im.Patches[i-1].Data))
}

// places answers for ascending addresses whether patched bytes hold them.
type places struct {
	im   *Image
	next int // first patch that may still hold one
}

func (p *places) hold(a, n uint64) bool {
	if t := uint64(p.im.TrampAddr) + pageSize; p.im.inTramp(a) {
		return uint64(len(p.im.Tramp))-(a-t) >= n
	}
	for ; p.next < len(p.im.Patches); p.next++ {
		q := p.im.Patches[p.next]
		if end := q.Addr + uint64(len(q.Data)); a < end {
			return a >= q.Addr && n <= end-a
		}
	}
	return false
}
