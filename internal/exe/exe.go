// Package exe is the Windows executable that carries one Linux program: the runner, and in its last section the program's
// .bee file. cmd/beerewrite makes such files, beerun looks whether it is one itself.
//
// The section .bee, little endian:
//
//	  0   8  magic
//	  8   4  version of this layout
//	 12   4  length of the program's name
//	 16   8  length of the .bee file
//	 24      the program's name, UTF-8; zeros
//	512      the .bee file; zeros up to the file alignment
//
// Only the first 512 bytes are mapped into memory: the runner's place in the address space does not depend on the size of
// what it carries. It reads the rest from the file.
package exe

import (
	"bytes"
	"debug/buildinfo"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"bee/image"
	"bee/internal/peimage"
)

const (
	section       = ".bee"
	magic         = "BEEEXE\r\n"
	layoutVersion = 1
	headerSize    = 512
	maxName       = headerSize - 24
)

// HeadersSize holds the headers of every image that carries a program: they are one page, and the first section begins in the
// next.
const HeadersSize = 4096

var (
	// ErrDamaged is returned for a section that is none of ours any more.
	ErrDamaged = errors.New("the program in this executable is damaged")
	// ErrVersion is returned for a section that another version wrote.
	ErrVersion = errors.New("unknown version of the program's section")
	// ErrNotRunner is returned for an executable that is no runner of the wanted width.
	ErrNotRunner = errors.New("no beerun.exe that can carry this program")
)

// Program is what an executable is to carry.
type Program struct {
	Name     string // the program's file name, without folders
	Output   string // the executable's own
	Bee      []byte
	Manifest *image.Manifest
}

// Make gives the executable made of a runner and a program.
func Make(runner []byte, p Program) ([]byte, error) {
	im := &p.Manifest.Images[0]
	file, err := peimage.AddVersion(runner, version(p, im))
	if err != nil {
		return nil, err
	}
	name := shorten(p.Name, maxName)
	b := make([]byte, headerSize, headerSize+len(p.Bee))
	copy(b, magic)
	binary.LittleEndian.PutUint32(b[8:], layoutVersion)
	binary.LittleEndian.PutUint32(b[12:], uint32(len(name)))
	binary.LittleEndian.PutUint64(b[16:], uint64(len(p.Bee)))
	copy(b[24:], name)
	return peimage.AddSection(file, peimage.Section{Name: section, Data: append(b, p.Bee...), Mapped: headerSize})
}

// version is the executable's version resource. The numbers are the rewriter's: the program has none.
func version(p Program, im *image.Image) peimage.Version {
	v := peimage.Version{Strings: [][2]string{
		{"FileDescription", shorten(p.Name, maxName) + " (Linux program, run by BEE)"},
		{"FileVersion", p.Manifest.Rewriter},
		{"InternalName", shorten(p.Name, maxName)},
		{"OriginalFilename", shorten(p.Output, maxName)},
		{"ProductName", "BEE"},
		{"ProductVersion", p.Manifest.Rewriter},
		{"SourceName", shorten(p.Name, maxName)},
		{"SourceSHA256", fmt.Sprintf("%x", im.SourceDigest)},
		{"Rewriter", fmt.Sprintf("beerewrite %s, file format %d", p.Manifest.Rewriter, image.FormatVersion)},
	}}
	// What does not parse stays 0.
	_, _ = fmt.Sscanf(p.Manifest.Rewriter, "%d.%d.%d", &v.File[0], &v.File[1], &v.File[2])
	return v
}

// shorten cuts s to n bytes, between characters.
func shorten(s string, n int) string {
	s = strings.ToValidUTF8(s, "?")
	for len(s) > n {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}

// Carried is a program in an executable.
type Carried struct {
	Name string
	// Offset and Size say where its .bee file lies in the executable.
	Offset, Size int64
}

// Carries tells whether an executable has the section, from the headers alone: those of a file, or of a module in memory.
func Carries(headers []byte) bool {
	_, found, err := peimage.Find(headers, section)
	return found && err == nil
}

// Find looks for the program in the executable r, which may be damaged. It returns nil if there is none.
func Find(r io.ReaderAt) (*Carried, error) {
	b := make([]byte, HeadersSize)
	n, err := r.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	at, found, err := peimage.Find(b[:n], section)
	if err != nil || !found {
		return nil, nil // what is no executable carries nothing
	}
	h := b[:headerSize]
	if n, err := r.ReadAt(h, at.Offset); n < headerSize {
		if err == nil || errors.Is(err, io.EOF) {
			err = fmt.Errorf("%w: the section at %#x lies behind the end of the file", ErrDamaged, at.Offset)
		}
		return nil, err
	}
	if string(h[:len(magic)]) != magic {
		return nil, fmt.Errorf("%w: the section at %#x does not begin as it must", ErrDamaged, at.Offset)
	}
	if v := binary.LittleEndian.Uint32(h[8:]); v != layoutVersion {
		return nil, fmt.Errorf("%w: %d (this runner reads %d)", ErrVersion, v, layoutVersion)
	}
	name, size := binary.LittleEndian.Uint32(h[12:]), binary.LittleEndian.Uint64(h[16:])
	if name > maxName {
		return nil, fmt.Errorf("%w: a name of %d bytes", ErrDamaged, name)
	}
	if at.Size < headerSize || size > uint64(at.Size-headerSize) {
		return nil, fmt.Errorf("%w: %#x bytes in a section of %#x", ErrDamaged, size, at.Size)
	}
	if size > maxBee {
		return nil, tooLarge(size)
	}
	return &Carried{Name: string(h[24 : 24+name]), Offset: at.Offset + headerSize, Size: int64(size)}, nil
}

// maxBee is the size of the largest .bee file that is read: what a slice of a 32-bit process can hold. Programs are smaller by
// half.
const maxBee = 1<<31 - 1

func tooLarge(size uint64) error {
	return fmt.Errorf("%w: a program of %#x bytes, where %#x are the most", ErrDamaged, size, maxBee)
}

// Bee reads the program's .bee file. Whether that is good is package image's to say.
func (c *Carried) Bee(r io.ReaderAt) ([]byte, error) {
	if c.Size < 0 || c.Size > maxBee {
		return nil, tooLarge(uint64(c.Size))
	}
	// Damaged headers may tell of gigabytes: the last byte comes first.
	var last [1]byte
	if n, err := r.ReadAt(last[:], c.Offset+max(c.Size, 1)-1); n == 0 {
		return nil, short(err)
	}
	b := make([]byte, c.Size)
	if n, err := r.ReadAt(b, c.Offset); n < len(b) {
		return nil, short(err)
	}
	return b, nil
}

func short(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: the file ends before it does", ErrDamaged)
	}
	return err
}

// Bare gives the runner without the program and without a signature, which no longer fits once anything is changed.
func Bare(file []byte) ([]byte, error) { return peimage.WithoutSection(file, section) }

// Machines in PE headers.
const (
	machineI386  = 0x14c
	machineAMD64 = 0x8664
)

// runnerPath is what Go's linker notes in every beerun.exe.
const runnerPath = "bee/cmd/beerun"

// CheckRunner tells whether file is a beerun.exe for programs of an architecture that carries no program yet.
func CheckRunner(file []byte, arch image.Arch) error {
	info, err := buildinfo.Read(bytes.NewReader(file))
	if err != nil || info.Path != runnerPath {
		return fmt.Errorf("%w: it is no beerun.exe", ErrNotRunner)
	}
	machine, err := peimage.Machine(file[:min(len(file), HeadersSize)])
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotRunner, err)
	}
	want, name := uint16(machineI386), "IA-32: give a 32-bit beerun.exe"
	if arch == image.AMD64 {
		want, name = machineAMD64, "x86-64: give a 64-bit beerun.exe"
	}
	if machine != want {
		return fmt.Errorf("%w: the program is %s", ErrNotRunner, name)
	}
	if Carries(file[:min(len(file), HeadersSize)]) {
		return fmt.Errorf("%w: it carries a program already", ErrNotRunner)
	}
	return nil
}
