package peimage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/Binject/debug/pe"
)

var (
	// ErrNoRoom is returned where the headers have no room for one more section.
	ErrNoRoom = errors.New("the headers have no room for another section")
	// ErrSigned is returned for an image with a signature, which a change would break.
	ErrSigned = errors.New("the image is signed")
	// ErrHasResources is returned for an image that has resources already.
	ErrHasResources = errors.New("the image has resources already")
)

// More places in PE headers; see Microsoft's "PE Format".
const (
	offNumberOfSections  = 2  // in the COFF header, 2 bytes
	offSizeOfOptional    = 16 // in the COFF header, 2 bytes
	offInitializedData   = 8  // in the optional header, 4 bytes; so are the next four
	offSectionAlignment  = 32
	offFileAlignment     = 36
	offSizeOfImage       = 56
	offSizeOfHeaders     = 60
	offDirectories32     = 96 // 8 bytes each: RVA and size
	offDirectories64     = 112
	directoryResources   = 2
	directoryCertificate = 4 // its "RVA" is an offset in the file

	sectionHeaderSize = 40
	nameSize          = 8
	// Offsets in a section header, 4 bytes each.
	offVirtualSize     = 8
	offVirtualAddress  = 12
	offSizeOfRawData   = 16
	offPointerToRaw    = 20
	offSectionFlags    = 36
	initializedData    = 0x40       // IMAGE_SCN_CNT_INITIALIZED_DATA
	readable           = 0x40000000 // IMAGE_SCN_MEM_READ
	peSignature        = "PE\x00\x00"
	offNewHeader       = 0x3c // in the DOS header
	minOptional        = offDirectories32
	maxHeaders         = 1 << 16
	largestRawPosition = math.MaxInt32
)

// Section is one more section of an image, for data that is only read.
type Section struct {
	Name string // at most eight bytes
	Data []byte
	// Mapped is how many bytes of Data the loader shows in memory, at least 1. The others are in the file only: the
	// loader copies the lesser of the section's two sizes.
	Mapped int
}

// AddSection returns file with one more section, the last one in memory and in the file.
func AddSection(file []byte, s Section) ([]byte, error) {
	im, err := parse(file)
	if err != nil {
		return nil, err
	}
	if _, err := im.add(s.Name, s.Mapped, func(uint32) []byte { return s.Data }); err != nil {
		return nil, fmt.Errorf("section %s: %w", s.Name, err)
	}
	im.setChecksum()
	return im.data, nil
}

// uint32At reads a field of the optional header.
func (im *image) uint32At(off int) uint32 { return binary.LittleEndian.Uint32(im.data[im.opt+off:]) }

func (im *image) putUint32(off int, v uint32) {
	binary.LittleEndian.PutUint32(im.data[im.opt+off:], v)
}

// directory returns where the data directory i lies in the file, and false if the header has none of that number.
func (im *image) directory(i int) (int, bool) {
	off := im.opt + offDirectories32
	if _, is64 := im.file.OptionalHeader.(*pe.OptionalHeader64); is64 {
		off = im.opt + offDirectories64
	}
	n := int(binary.LittleEndian.Uint32(im.data[off-4:]))
	off += 8 * i
	return off, i < n && off+8 <= im.sectionTable()
}

// sectionTable is the offset of the first section header.
func (im *image) sectionTable() int {
	return im.opt + int(binary.LittleEndian.Uint16(im.data[im.opt-coffHeaderSize+offSizeOfOptional:]))
}

func alignUp(v, to uint64) uint64 { return (v + to - 1) / to * to }

// add appends a section; data is asked for its bytes once its address is known. It returns that address.
func (im *image) add(name string, mapped int, data func(rva uint32) []byte) (rva uint32, err error) {
	if d, ok := im.directory(directoryCertificate); ok && binary.LittleEndian.Uint32(im.data[d:]) != 0 {
		return 0, ErrSigned
	}
	if len(name) > nameSize {
		return 0, fmt.Errorf("the name has more than %d bytes", nameSize)
	}
	count := im.data[im.opt-coffHeaderSize+offNumberOfSections:]
	n := int(binary.LittleEndian.Uint16(count))
	at := im.sectionTable() + n*sectionHeaderSize
	end := at + sectionHeaderSize
	headers := int(im.uint32At(offSizeOfHeaders))
	if end > headers || end > len(im.data) {
		return 0, fmt.Errorf("%w: %d sections in %#x bytes", ErrNoRoom, n, headers)
	}
	for _, b := range im.data[at:end] {
		if b != 0 {
			return 0, fmt.Errorf("%w: other data follows the %d sections", ErrNoRoom, n)
		}
	}
	fileAlign, memAlign := uint64(im.uint32At(offFileAlignment)), uint64(im.uint32At(offSectionAlignment))
	if fileAlign == 0 || memAlign == 0 {
		return 0, errors.New("the image has an alignment of 0")
	}

	start := alignUp(im.size(), memAlign)
	raw := alignUp(uint64(len(im.data)), fileAlign)
	b := data(uint32(start))
	size := alignUp(uint64(len(b)), fileAlign)
	mapped = max(1, min(mapped, len(b)))
	top := alignUp(start+uint64(mapped), memAlign)
	// Windows takes no image of 2 GiB or more, and Go no slice of this size in a 32-bit process.
	if raw+size > largestRawPosition || top > largestRawPosition {
		return 0, fmt.Errorf("%d bytes are too many for a Windows executable", len(b))
	}
	im.data = append(im.data, make([]byte, raw+size-uint64(len(im.data)))...)
	copy(im.data[raw:], b)

	h := im.data[at:end]
	copy(h, name)
	binary.LittleEndian.PutUint32(h[offVirtualSize:], uint32(mapped))
	binary.LittleEndian.PutUint32(h[offVirtualAddress:], uint32(start))
	binary.LittleEndian.PutUint32(h[offSizeOfRawData:], uint32(size))
	binary.LittleEndian.PutUint32(h[offPointerToRaw:], uint32(raw))
	binary.LittleEndian.PutUint32(h[offSectionFlags:], initializedData|readable)
	count = im.data[im.opt-coffHeaderSize+offNumberOfSections:]
	binary.LittleEndian.PutUint16(count, uint16(n+1))
	im.putUint32(offInitializedData, im.uint32At(offInitializedData)+uint32(size))
	im.putUint32(offSizeOfImage, uint32(top))
	// What parse read of the sizes is old now; a second add would need it.
	return uint32(start), im.reparse()
}

func (im *image) reparse() error {
	again, err := parse(im.data)
	if err == nil {
		*im = *again
	}
	return err
}

// Place is where a section lies in the file.
type Place struct {
	Offset, Size int64
}

// header is what walking the section table needs.
type header struct {
	opt, table, count int
}

// walk finds the section table in the first bytes of an image, in a file or in memory. Unlike all else here it may see any
// bytes.
func walk(b []byte) (header, error) {
	if len(b) < offNewHeader+4 || string(b[:2]) != "MZ" {
		return header{}, errors.New("no Windows executable: no MZ at its beginning")
	}
	pe := uint64(binary.LittleEndian.Uint32(b[offNewHeader:]))
	opt := pe + uint64(len(peSignature)) + coffHeaderSize
	if opt+minOptional > uint64(len(b)) || string(b[pe:pe+4]) != peSignature {
		return header{}, fmt.Errorf("no Windows executable: no PE header at %#x", pe)
	}
	coff := b[opt-coffHeaderSize:]
	h := header{opt: int(opt), count: int(binary.LittleEndian.Uint16(coff[offNumberOfSections:]))}
	h.table = h.opt + int(binary.LittleEndian.Uint16(coff[offSizeOfOptional:]))
	if end := h.table + h.count*sectionHeaderSize; end > len(b) {
		return header{}, fmt.Errorf("the table of %d sections ends at %#x, behind the %#x bytes of the headers", h.count, end, len(b))
	}
	return h, nil
}

// Find looks for a section of that name in headers, the first bytes of an image (4096 hold all headers that this package
// writes), which may be damaged.
func Find(headers []byte, name string) (Place, bool, error) {
	h, err := walk(headers)
	if err != nil {
		return Place{}, false, err
	}
	var want [nameSize]byte
	copy(want[:], name)
	for i := range h.count {
		s := headers[h.table+i*sectionHeaderSize:][:sectionHeaderSize]
		if [nameSize]byte(s[:nameSize]) == want {
			return Place{
				Offset: int64(binary.LittleEndian.Uint32(s[offPointerToRaw:])),
				Size:   int64(binary.LittleEndian.Uint32(s[offSizeOfRawData:])),
			}, true, nil
		}
	}
	return Place{}, false, nil
}

// Machine is the kind of processor that an image is for: 0x14c is IA-32, 0x8664 x86-64.
func Machine(headers []byte) (uint16, error) {
	h, err := walk(headers)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint16(headers[h.opt-coffHeaderSize:]), nil
}

// WithoutSection returns file without its last section, if that has the given name, and without a signature: what a change
// would break. A file that has neither is returned as it is.
func WithoutSection(file []byte, name string) ([]byte, error) {
	im, err := parse(file)
	if err != nil {
		return nil, err
	}
	changed := false
	if d, ok := im.directory(directoryCertificate); ok {
		entry := im.data[d : d+8]
		if off := binary.LittleEndian.Uint32(entry); off != 0 {
			if int64(off) > int64(len(im.data)) {
				return nil, fmt.Errorf("the signature at %#x lies behind the end of the file", off)
			}
			clear(entry)
			im.data, changed = im.data[:off], true
		}
	}
	h, err := walk(im.data)
	if err != nil {
		return nil, err
	}
	if h.count > 0 {
		s := im.data[h.table+(h.count-1)*sectionHeaderSize:][:sectionHeaderSize]
		var want [nameSize]byte
		copy(want[:], name)
		raw, size := binary.LittleEndian.Uint32(s[offPointerToRaw:]), binary.LittleEndian.Uint32(s[offSizeOfRawData:])
		if [nameSize]byte(s[:nameSize]) == want && int64(raw) <= int64(len(im.data)) {
			im.putUint32(offSizeOfImage, binary.LittleEndian.Uint32(s[offVirtualAddress:]))
			im.putUint32(offInitializedData, im.uint32At(offInitializedData)-size)
			clear(s)
			binary.LittleEndian.PutUint16(im.data[im.opt-coffHeaderSize+offNumberOfSections:], uint16(h.count-1))
			im.data, changed = im.data[:raw], true
		}
	}
	if !changed {
		return file, nil
	}
	im.setChecksum()
	return im.data, nil
}
