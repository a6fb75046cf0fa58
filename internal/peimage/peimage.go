// Package peimage changes Windows executables that the project's own build has made: the address an image is loaded at, the
// large-address flag, the first stack's size, further sections, the version resource. In go the bytes of a file, out come the
// bytes of another one. cmd/beegen, runtime/launch and internal/exe call it.
//
// But for Find and Machine it reads with github.com/Binject/debug/pe, which must not see a file of unknown origin: it panics and exhausts memory on
// damaged input.
package peimage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/Binject/debug/pe"
)

var (
	// ErrNoRelocations is returned for an image that was linked for one address only (for Go: without -buildmode=pie).
	ErrNoRelocations = errors.New("the image has no base relocations")
	// ErrBadBase is returned for a base that no loader accepts for this image.
	ErrBadBase = errors.New("bad image base")
)

// allocationGranularity is what Windows aligns images to.
const allocationGranularity = 0x10000

// Offsets in the optional header, the same for PE32 and PE32+ except for the base.
const (
	offImageBase32 = 28
	offImageBase64 = 24
	offChecksum    = 64
	// offStackReserve is SizeOfStackReserve, 4 or 8 bytes.
	offStackReserve = 72
)

// offCharacteristics is the offset of Characteristics in the COFF header, which lies right before the optional header.
const (
	coffHeaderSize     = 20
	offCharacteristics = 18
)

// largeAddressAware is IMAGE_FILE_LARGE_ADDRESS_AWARE of the COFF header's Characteristics.
const largeAddressAware = 0x20

// image is a parsed executable over bytes that may be changed.
type image struct {
	data []byte
	file *pe.File
	// opt is the file offset of the optional header.
	opt int
}

func parse(file []byte) (*image, error) {
	f, err := pe.NewFile(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("reading the PE headers: %w", err)
	}
	if f.OptionalHeader == nil {
		return nil, errors.New("an object file, not an image: there is no optional header")
	}
	// The offset is read anew: the package's own field is not set on every path.
	if len(file) < 0x40 {
		return nil, fmt.Errorf("%d bytes are too few for a DOS header", len(file))
	}
	opt := int(binary.LittleEndian.Uint32(file[0x3c:])) + 4 + coffHeaderSize
	if opt < coffHeaderSize || opt+offChecksum+4 > len(file) {
		return nil, fmt.Errorf("the optional header at %#x lies outside the file of %#x bytes", opt, len(file))
	}
	return &image{data: bytes.Clone(file), file: f, opt: opt}, nil
}

// base returns the address that the image is linked for.
func (im *image) base() uint64 {
	switch h := im.file.OptionalHeader.(type) {
	case *pe.OptionalHeader32:
		return uint64(h.ImageBase)
	case *pe.OptionalHeader64:
		return h.ImageBase
	}
	return 0
}

// size returns the bytes that the image takes in memory.
func (im *image) size() uint64 {
	switch h := im.file.OptionalHeader.(type) {
	case *pe.OptionalHeader32:
		return uint64(h.SizeOfImage)
	case *pe.OptionalHeader64:
		return uint64(h.SizeOfImage)
	}
	return 0
}

// offset returns the file offset of n bytes at rva.
func (im *image) offset(rva uint32, n int) (int, error) {
	for _, s := range im.file.Sections {
		if rva >= s.VirtualAddress && uint64(rva)+uint64(n) <= uint64(s.VirtualAddress)+uint64(s.Size) {
			off := int(s.Offset + rva - s.VirtualAddress)
			if off+n > len(im.data) {
				return 0, fmt.Errorf("section %s: RVA %#x lies behind the end of the file", s.Name, rva)
			}
			return off, nil
		}
	}
	return 0, fmt.Errorf("no section holds the %d bytes at RVA %#x", n, rva)
}

// target is one place that holds an absolute address.
type target struct {
	off  int
	size int
}

func (im *image) targets() ([]target, error) {
	if im.file.BaseRelocationTable == nil || len(*im.file.BaseRelocationTable) == 0 {
		return nil, ErrNoRelocations
	}
	var list []target
	for _, block := range *im.file.BaseRelocationTable {
		for _, item := range block.BlockItems {
			rva := block.VirtualAddress + uint32(item.Offset)
			t := target{}
			switch item.Type {
			case pe.IMAGE_REL_BASED_ABSOLUTE:
				continue // fills the block up to a multiple of four
			case pe.IMAGE_REL_BASED_HIGHLOW:
				t.size = 4
			case pe.IMAGE_REL_BASED_DIR64:
				t.size = 8
			default:
				return nil, fmt.Errorf("base relocation at RVA %#x: unsupported type %d", rva, item.Type)
			}
			var err error
			if t.off, err = im.offset(rva, t.size); err != nil {
				return nil, fmt.Errorf("base relocation: %w", err)
			}
			list = append(list, t)
		}
	}
	return list, nil
}

// Rebase returns file linked for newBase: every address that a base relocation names is moved, as the Windows loader
// would do. The relocations stay, so the loader can still choose another place.
func Rebase(file []byte, newBase uint64) ([]byte, error) {
	im, err := parse(file)
	if err != nil {
		return nil, err
	}
	_, is64 := im.file.OptionalHeader.(*pe.OptionalHeader64)
	switch {
	case newBase == 0, newBase%allocationGranularity != 0:
		return nil, fmt.Errorf("%w %#x: not a multiple of %#x", ErrBadBase, newBase, allocationGranularity)
	case !is64 && newBase+im.size() > 1<<32:
		return nil, fmt.Errorf("%w %#x: an image of %#x bytes would end above 4 GiB", ErrBadBase, newBase, im.size())
	}
	list, err := im.targets()
	if err != nil {
		return nil, err
	}
	delta := newBase - im.base()
	for _, t := range list {
		p := im.data[t.off:]
		if t.size == 4 {
			binary.LittleEndian.PutUint32(p, binary.LittleEndian.Uint32(p)+uint32(delta))
		} else {
			binary.LittleEndian.PutUint64(p, binary.LittleEndian.Uint64(p)+delta)
		}
	}
	if is64 {
		binary.LittleEndian.PutUint64(im.data[im.opt+offImageBase64:], newBase)
	} else {
		binary.LittleEndian.PutUint32(im.data[im.opt+offImageBase32:], uint32(newBase))
	}
	im.setChecksum()
	return im.data, nil
}

// SetLargeAddressAware returns file with the flag that gives a 32-bit process the addresses above 2 GiB.
func SetLargeAddressAware(file []byte) ([]byte, error) {
	im, err := parse(file)
	if err != nil {
		return nil, err
	}
	p := im.data[im.opt-coffHeaderSize+offCharacteristics:]
	binary.LittleEndian.PutUint16(p, binary.LittleEndian.Uint16(p)|largeAddressAware)
	im.setChecksum()
	return im.data, nil
}

// setChecksum computes CheckSum as CheckSumMappedFile does: the 16-bit one's complement sum of the file with the field
// itself taken as zero, plus the file's length. The loader looks at it for drivers only, some virus scanners for all.
func (im *image) setChecksum() {
	field := im.data[im.opt+offChecksum:]
	binary.LittleEndian.PutUint32(field, 0)
	var sum uint64
	for i := 0; i+1 < len(im.data); i += 2 {
		sum += uint64(binary.LittleEndian.Uint16(im.data[i:]))
	}
	if len(im.data)%2 == 1 {
		sum += uint64(im.data[len(im.data)-1])
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	binary.LittleEndian.PutUint32(field, uint32(sum)+uint32(len(im.data)))
}

// SetStackReserve returns file with the size in bytes that is reserved for its first thread's stack.
func SetStackReserve(file []byte, size uint64) ([]byte, error) {
	im, err := parse(file)
	if err != nil {
		return nil, err
	}
	p := im.data[im.opt+offStackReserve:]
	if _, is64 := im.file.OptionalHeader.(*pe.OptionalHeader64); is64 {
		binary.LittleEndian.PutUint64(p, size)
	} else {
		if size>>32 != 0 {
			return nil, fmt.Errorf("a stack of %#x bytes in a 32-bit process", size)
		}
		binary.LittleEndian.PutUint32(p, uint32(size))
	}
	im.setChecksum()
	return im.data, nil
}
