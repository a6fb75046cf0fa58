package runner

import (
	"bytes"
	"debug/elf"
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

// original copies bytes of the program as it was before the rewriter; addr is
// one of the file's own.
func original(file []byte, addr uint64, b []byte) error {
	f, err := elf.NewFile(bytes.NewReader(file))
	if err != nil {
		return fmt.Errorf("the program's ELF headers: %w", err)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD && addr >= p.Vaddr && addr+uint64(len(b)) <= p.Vaddr+p.Filesz {
			_, err := p.ReadAt(b, int64(addr-p.Vaddr))
			return err
		}
	}
	return fmt.Errorf("%#x is in no segment of the program", addr)
}
