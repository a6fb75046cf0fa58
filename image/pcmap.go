package image

import (
	"slices"
	"sort"
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
func (im *Image) MapToOrig(pc uint64) (orig uint64, spill uint8, ok bool) {
	i := sort.Search(len(im.PCMap), func(i int) bool { return im.PCMap[i].Tramp > pc })
	if i == 0 {
		return 0, NoReg, false
	}
	e := &im.PCMap[i-1]
	if e.Tramp != pc && (!im.inTramp(pc) || !im.inTramp(e.Tramp)) {
		return 0, NoReg, false
	}
	return e.Orig, e.Spill, true
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
