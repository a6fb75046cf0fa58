package peimage

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"unicode/utf16"
)

// Types of resources.
const (
	resourceVersion  = 16 // RT_VERSION
	resourceManifest = 24 // RT_MANIFEST
)

const (
	english       = 0x409 // the language of the one form that each resource has
	codePageUTF16 = 1200
)

// manifest asks for no privilege. Without one Windows takes every 32-bit program whose name holds "setup", "install" or
// "update" for an installer and asks for an administrator, and silently redirects what the program writes to system folders.
const manifest = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<assembly xmlns="urn:schemas-microsoft-com:asm.v1" manifestVersion="1.0">
  <trustInfo xmlns="urn:schemas-microsoft-com:asm.v3">
    <security><requestedPrivileges><requestedExecutionLevel level="asInvoker" uiAccess="false"/></requestedPrivileges></security>
  </trustInfo>
</assembly>
`

// Version is a version resource: what the "Details" page of a file's properties shows.
type Version struct {
	File [4]uint16
	// Strings are names and values, in this order.
	Strings [][2]string
}

// AddVersion returns file with a .rsrc section that holds v, and a manifest that asks for no privilege.
func AddVersion(file []byte, v Version) ([]byte, error) {
	im, err := parse(file)
	if err != nil {
		return nil, err
	}
	d, ok := im.directory(directoryResources)
	if !ok {
		return nil, fmt.Errorf("the header has no place for resources")
	}
	if binary.LittleEndian.Uint64(im.data[d:]) != 0 {
		return nil, ErrHasResources
	}
	version, err := v.encode()
	if err != nil {
		return nil, err
	}
	size := 0
	rva, err := im.add(".rsrc", math.MaxInt32, func(rva uint32) []byte {
		b := resources(rva, []resource{{resourceVersion, version}, {resourceManifest, []byte(manifest)}})
		size = len(b)
		return b
	})
	if err != nil {
		return nil, fmt.Errorf("section .rsrc: %w", err)
	}
	binary.LittleEndian.PutUint32(im.data[d:], rva)
	binary.LittleEndian.PutUint32(im.data[d+4:], uint32(size))
	im.setChecksum()
	return im.data, nil
}

// resource is one resource; its name is 1.
type resource struct {
	kind uint32
	data []byte
}

// resources writes a .rsrc section ("The .rsrc Section" in Microsoft's "PE Format"). It is a tree of three levels, type, name
// and language, whose leaves are data entries:
//
//	directory    0  4  characteristics, 0      entry   0  4  type, name or language
//	             4  4  time, 0                         4  4  offset in the section; bit 31: of a directory
//	             8  4  version, 0              leaf    0  4  RVA of the data
//	            12  2  entries with a name, 0          4  4  its size
//	            14  2  entries with a number           8  4  code page
//	            16     entries, in order              12  4  0
//
// list is in order of kind.
func resources(rva uint32, list []resource) []byte {
	const directory, entry, leaf, isDirectory = 16, 8, 16, 1 << 31
	n := len(list)
	names := directory + n*entry                    // a directory with one entry for each type
	languages := names + n*(directory+entry)        // and one for each name
	leaves := languages + n*(directory+entry)       // and a leaf for each
	data := uint32(leaves + n*leaf)                 //
	put := func(b []byte, words ...uint32) []byte { // appends little-endian words
		for _, w := range words {
			b = binary.LittleEndian.AppendUint32(b, w)
		}
		return b
	}
	b := put(nil, 0, 0, 0, uint32(n)<<16)
	for i, r := range list {
		b = put(b, r.kind, isDirectory|uint32(names+i*(directory+entry)))
	}
	for i := range list {
		b = put(b, 0, 0, 0, 1<<16, 1, isDirectory|uint32(languages+i*(directory+entry)))
	}
	for i := range list {
		b = put(b, 0, 0, 0, 1<<16, english, uint32(leaves+i*leaf))
	}
	at := data
	for _, r := range list {
		codePage := uint32(0)
		if r.kind == resourceVersion {
			codePage = codePageUTF16
		}
		b = put(b, rva+at, uint32(len(r.data)), codePage, 0)
		at = uint32(alignUp(uint64(at)+uint64(len(r.data)), 8))
	}
	for _, r := range list {
		b = append(b, r.data...)
		b = append(b, make([]byte, int(alignUp(uint64(len(b)), 8))-len(b))...)
	}
	return b
}

// Constants of VS_FIXEDFILEINFO (verrsrc.h).
const (
	versionSignature = 0xfeef04bd
	structVersion    = 0x00010000
	flagsMask        = 0x3f
	osWindows        = 0x00040004 // VOS_NT_WINDOWS32
	typeApplication  = 1          // VFT_APP
	fixedInfoSize    = 52
)

// encode writes the resource ("VS_VERSIONINFO structure" in Microsoft's reference and the pages it names). All of it are blocks:
//
//	0  2  length of the block with its children, without padding at its end
//	2  2  length of the value: in bytes, of text in 16-bit characters with the final zero
//	4  2  1 text, 0 binary
//	6     key, UTF-16 with a final zero; zeros up to a multiple of four
//	      value; zeros up to a multiple of four
//	      children, each from a multiple of four on
//
//	VS_VERSION_INFO        VS_FIXEDFILEINFO, thirteen 32-bit words
//	  StringFileInfo
//	    040904B0           English, UTF-16
//	      (name)           text
//	  VarFileInfo
//	    Translation        0x409, 1200
func (v Version) encode() ([]byte, error) {
	words := []uint32{
		versionSignature, structVersion,
		uint32(v.File[0])<<16 | uint32(v.File[1]), uint32(v.File[2])<<16 | uint32(v.File[3]), // of the file
		uint32(v.File[0])<<16 | uint32(v.File[1]), uint32(v.File[2])<<16 | uint32(v.File[3]), // of the product
		flagsMask, 0, osWindows, typeApplication, 0, 0, 0,
	}
	fixed := make([]byte, 0, fixedInfoSize)
	for _, w := range words {
		fixed = binary.LittleEndian.AppendUint32(fixed, w)
	}
	var strings [][]byte
	for _, s := range v.Strings {
		text := slices.DeleteFunc(utf16.Encode([]rune(s[1])), func(c uint16) bool { return c == 0 })
		var b []byte
		for _, c := range append(text, 0) {
			b = binary.LittleEndian.AppendUint16(b, c)
		}
		strings = append(strings, versionBlock(s[0], 1, len(b)/2, b))
	}
	table := versionBlock("040904B0", 1, 0, nil, strings...)
	translation := binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(nil, english), codePageUTF16)
	b := versionBlock("VS_VERSION_INFO", 0, len(fixed), fixed,
		versionBlock("StringFileInfo", 1, 0, nil, table),
		versionBlock("VarFileInfo", 1, 0, nil, versionBlock("Translation", 0, len(translation), translation)))
	if len(b) > math.MaxUint16 {
		return nil, fmt.Errorf("a version resource of %d bytes; %d are possible", len(b), math.MaxUint16)
	}
	return b, nil
}

func versionBlock(key string, kind uint16, valueLen int, value []byte, children ...[]byte) []byte {
	b := make([]byte, 4, 64)
	b = binary.LittleEndian.AppendUint16(b, kind)
	for _, c := range append(utf16.Encode([]rune(key)), 0) {
		b = binary.LittleEndian.AppendUint16(b, c)
	}
	pad := func() { b = append(b, make([]byte, -len(b)&3)...) }
	if len(value) > 0 {
		pad()
		b = append(b, value...)
	}
	for _, c := range children {
		pad()
		b = append(b, c...)
	}
	binary.LittleEndian.PutUint16(b, uint16(len(b)))
	binary.LittleEndian.PutUint16(b[2:], uint16(valueLen))
	return b
}
