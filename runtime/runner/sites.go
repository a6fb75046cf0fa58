package runner

import (
	"fmt"
	"sort"

	"bee/image"
)

// originalPC is the program counter that the guest may see: addresses inside
// trampolines stand for original ones.
func originalPC(im *image.Image, pc uint64) uint64 {
	if orig, _, ok := im.MapToOrig(pc - im.Base); ok {
		return im.Base + orig
	}
	return pc
}

// siteBefore finds the site whose thunk has left resume as the address to go
// on at (see the protocol in stubs/templates_glue.go).
func siteBefore(im *image.Image, resume uint64) (*image.Site, error) {
	end := originalPC(im, resume) - im.Base
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
