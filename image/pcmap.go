package image

import (
	"slices"
	"sort"

	"bee/stubs"
)

// index sorts the entries that begin an instruction by original address.
func (im *Image) index() {
	n := 0
	for i := range im.PCMap {
		if im.PCMap[i].Start {
			n++
		}
	}
	starts := make([]uint32, 0, n)
	sorted := true
	for i := range im.PCMap {
		if im.PCMap[i].Start {
			if k := len(starts); k > 0 && im.PCMap[starts[k-1]].Orig > im.PCMap[i].Orig {
				sorted = false
			}
			starts = append(starts, uint32(i))
		}
	}
	if !sorted {
		slices.SortStableFunc(starts, func(a, b uint32) int { return order(im.PCMap[a].Orig, im.PCMap[b].Orig) })
	}
	im.starts = starts
}

// MapToOrig gives the original address that a program counter inside the
// trampolines, or on a landing pad, stands for, and the general register whose
// value is in SlotSpill there, or NoReg. All addresses are relative to Base.
// In the trampolines an entry holds from its address up to the next entry's;
// in the program itself only at its address.
//
// That is enough to know where the guest is. Whoever shows or keeps the guest's
// registers takes Entry and Restore.
func (im *Image) MapToOrig(pc uint64) (orig uint64, spill uint8, ok bool) {
	e, ok := im.Entry(pc)
	return e.Orig, e.Spill, ok
}

// Entry gives the entry that holds at pc, as MapToOrig does.
func (im *Image) Entry(pc uint64) (e PCEntry, ok bool) {
	i := sort.Search(len(im.PCMap), func(i int) bool { return im.PCMap[i].Tramp > pc })
	if i == 0 {
		return PCEntry{Spill: NoReg}, false
	}
	e = im.PCMap[i-1]
	if e.Tramp != pc && (!im.inTramp(pc) || !im.inTramp(e.Tramp)) {
		return PCEntry{Spill: NoReg}, false
	}
	return e, true
}

// Restore turns the registers that a trampoline was stopped with, by their
// number in the encoding, into the guest's; slot gives a slot's value in that
// thread. Where reload is true, the mirrored words are to be loaded from the
// thread control block into their slots.
func (im *Image) Restore(e *PCEntry, r *[16]uint64, slot func(stubs.Slot) uint64) (reload bool) {
	mask, word := ^uint64(0), uint64(8)
	if im.Arch == I386 {
		mask, word = 0xffffffff, 4
	}
	if e.Undo&stubs.UndoBias != 0 {
		r[stubs.SI] = (r[stubs.SI] - slot(stubs.SlotBase)) & mask
	}
	if e.Undo&stubs.UndoPush != 0 {
		r[stubs.SP] = (r[stubs.SP] + word) & mask
	}
	if e.Second != 0 {
		r[e.Second-1] = slot(stubs.SlotResume)
	}
	if e.Spill != NoReg {
		r[e.Spill] = slot(stubs.SlotSpill)
	}
	return e.Undo&stubs.UndoReload != 0
}

// MapToTramp gives the trampoline address at which a program goes on whose
// original program counter is orig; ok is false where the original address
// itself is right.
func (im *Image) MapToTramp(orig uint64) (tramp uint64, ok bool) {
	if im.starts == nil { // made by hand, neither decoded nor checked
		for i := range im.PCMap {
			if e := &im.PCMap[i]; e.Start && e.Orig == orig {
				return e.Tramp, true
			}
		}
		return 0, false
	}
	i := sort.Search(len(im.starts), func(i int) bool { return im.PCMap[im.starts[i]].Orig >= orig })
	if i == len(im.starts) || im.PCMap[im.starts[i]].Orig != orig {
		return 0, false
	}
	return im.PCMap[im.starts[i]].Tramp, true
}
