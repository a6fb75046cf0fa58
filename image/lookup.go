package image

import (
	"fmt"
	"sort"
)

// OriginalPC is the program counter that a program may see, in memory:
// addresses inside trampolines stand for original ones. spill is the general
// register whose value is in SlotSpill there, or NoReg.
func (im *Image) OriginalPC(pc uint64) (orig uint64, spill uint8) {
	if orig, spill, ok := im.MapToOrig(pc - im.Base); ok {
		return im.Base + orig, spill
	}
	return pc, NoReg
}

// RunnablePC is the address in memory at which a program goes on whose program
// counter is orig.
func (im *Image) RunnablePC(orig uint64) uint64 {
	if tramp, ok := im.MapToTramp(orig - im.Base); ok {
		return im.Base + tramp
	}
	return orig
}

// SiteBefore finds the site whose thunk has left resume, an address in memory,
// to go on at (see the protocol in stubs/templates_glue.go).
func (im *Image) SiteBefore(resume uint64) (*Site, error) {
	end, _ := im.OriginalPC(resume)
	end -= im.Base
	i := sort.Search(len(im.Sites), func(i int) bool { return im.Sites[i].Addr >= end })
	if i == 0 {
		return nil, fmt.Errorf("no site in front of %#x", im.Base+end)
	}
	s := &im.Sites[i-1]
	if s.Addr+uint64(s.Len) != end {
		return nil, fmt.Errorf("no site ends at %#x", im.Base+end)
	}
	return s, nil
}
