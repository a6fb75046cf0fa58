package image

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// The trailer, the last TrailerSize bytes of the file, little endian:
//
//	 0   8  trailerMagic
//	 8   4  FormatVersion
//	12   8  length of the payload
//	20  32  SHA-256 of everything in front of this field
//
// Its size and the places of magic and version never change.
const (
	TrailerSize  = 52
	trailerMagic = "\x89BEE\r\n\x1a\n"
	digestSize   = sha256.Size
)

// File is an opened .bee file whose trailer, digest and manifest are good.
type File struct {
	Manifest *Manifest

	r    io.ReaderAt
	size int64
	c    io.Closer
}

// Main is the patch set of the program that the file begins with.
func (f *File) Main() *Image { return &f.Manifest.Images[0] }

// ELF reads the program, byte for byte what the rewriter was given.
func (f *File) ELF() *io.SectionReader {
	return io.NewSectionReader(f.r, 0, int64(f.Main().SourceSize))
}

// Size is the length of the whole file.
func (f *File) Size() int64 { return f.size }

// Close closes what Open opened.
func (f *File) Close() error {
	if f.c == nil {
		return nil
	}
	return f.c.Close()
}

// Append makes an ELF file a .bee file. The first image of the manifest becomes
// that of elf: source size and digest are filled in. As append does, it takes
// the room behind elf where its capacity has enough, else it copies elf.
func Append(elf []byte, m *Manifest) ([]byte, error) {
	if len(m.Images) == 0 {
		return nil, bad(-1, ErrValue, "the manifest holds no image")
	}
	im := &m.Images[0]
	im.SourceSize, im.SourceDigest = uint64(len(elf)), sha256.Sum256(elf)
	if err := m.Check(); err != nil {
		return nil, err
	}
	payload := Encode(m)
	out := elf
	if n := len(elf) + len(payload) + TrailerSize; n > cap(elf) {
		out = make([]byte, 0, n)
		out = append(out, elf...)
	}
	out = append(out, payload...)
	out = append(out, trailerMagic...)
	out = binary.LittleEndian.AppendUint32(out, FormatVersion)
	out = binary.LittleEndian.AppendUint64(out, uint64(len(payload)))
	sum := sha256.Sum256(out)
	return append(out, sum[:]...), nil
}

// IsBee tells whether the last bytes of r are a trailer; it need not be a
// good one.
func IsBee(r io.ReaderAt, size int64) bool {
	var b [len(trailerMagic)]byte
	if size < TrailerSize {
		return false
	}
	_, err := r.ReadAt(b[:], size-TrailerSize)
	return (err == nil || errors.Is(err, io.EOF)) && string(b[:]) == trailerMagic
}

// Cut tells whether b, what follows the end of an ELF file's own bytes,
// begins as a payload does.
func Cut(b []byte) bool { return bytes.HasPrefix(b, []byte(payloadMagic)) }

// Open opens the .bee file at path. Its errors name the path.
func Open(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	if !st.Mode().IsRegular() {
		f.Close()
		return nil, fmt.Errorf("%s: %w: not a regular file", path, ErrNotBee)
	}
	b, err := Read(f, st.Size())
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	b.c = f
	return b, nil
}

// Read reads the trailer, compares the digest of all size bytes of r and
// decodes the manifest. r must stay readable as long as the File is used.
func Read(r io.ReaderAt, size int64) (*File, error) { return readBee(r, size, true) }

// ReadAgain is Read without the digest, for bytes that a process of ours has
// read with it and handed on.
func ReadAgain(r io.ReaderAt, size int64) (*File, error) { return readBee(r, size, false) }

func readBee(r io.ReaderAt, size int64, digest bool) (*File, error) {
	var t [TrailerSize]byte
	if size < TrailerSize {
		return nil, bad(-1, ErrNotBee, "%d bytes are too few", size)
	}
	toff := size - TrailerSize
	if err := readAt(r, t[:], toff); err != nil {
		return nil, err
	}
	if string(t[:8]) != trailerMagic {
		if off := findPayload(r, size); off >= 0 {
			return nil, bad(size, ErrTruncated, "a .bee file whose tail is cut or damaged: a payload begins at %#x but no trailer ends the file", off)
		}
		return nil, bad(toff, ErrNotBee, "no trailer")
	}
	if v := binary.LittleEndian.Uint32(t[8:]); v != FormatVersion {
		return nil, bad(toff+8, ErrVersion, "%d (this program reads %d): rewrite the program again", v, FormatVersion)
	}
	n := binary.LittleEndian.Uint64(t[12:])
	if n > uint64(toff) {
		return nil, bad(toff+12, ErrTruncated, "a payload of %#x bytes does not fit in front of the trailer", n)
	}
	payload := make([]byte, n)
	poff := toff - int64(n)
	if err := readAt(r, payload, poff); err != nil {
		return nil, err
	}
	if digest {
		if err := compareDigest(r, payload, t[:], size); err != nil {
			return nil, err
		}
	}
	m, err := Decode(payload)
	if err != nil {
		var fe *FormatError
		if errors.As(err, &fe) && fe.Off >= 0 {
			fe.Off += poff
		}
		return nil, err
	}
	if s := m.Images[0].SourceSize; s != uint64(poff) {
		return nil, bad(poff, ErrValue, "the manifest is of a program of %#x bytes, %#x are here", s, poff)
	}
	return &File{Manifest: m, r: r, size: size}, nil
}

// compareDigest hashes everything in front of the trailer's digest field.
func compareDigest(r io.ReaderAt, payload, t []byte, size int64) error {
	sum := sha256.New()
	rest := io.NewSectionReader(r, 0, size-TrailerSize-int64(len(payload)))
	if _, err := io.CopyBuffer(onlyWriter{sum}, rest, make([]byte, 1<<18)); err != nil {
		return err
	}
	sum.Write(payload)
	sum.Write(t[:TrailerSize-digestSize])
	if got := sum.Sum(nil); !bytes.Equal(got, t[TrailerSize-digestSize:]) {
		return bad(size-digestSize, ErrDigest, "the file is damaged: its SHA-256 is %x", got)
	}
	return nil
}

// Verify compares, beyond what Read does, the digest of the program itself.
func (f *File) Verify() error {
	sum := sha256.New()
	if _, err := io.Copy(sum, f.ELF()); err != nil {
		return err
	}
	if got := sum.Sum(nil); !bytes.Equal(got, f.Main().SourceDigest[:]) {
		return bad(-1, ErrDigest, "the program's SHA-256 is %x, the manifest is of %x", got, f.Main().SourceDigest)
	}
	return nil
}

// onlyWriter hides other methods, so that CopyBuffer uses its buffer.
type onlyWriter struct{ io.Writer }

func readAt(r io.ReaderAt, b []byte, off int64) error {
	n, err := r.ReadAt(b, off)
	if n == len(b) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return bad(off, ErrTruncated, "%d bytes where %d were expected", n, len(b))
	}
	return err
}

// findPayload looks for a payload's first bytes; -1 if there are none. It
// serves error messages only.
func findPayload(r io.ReaderAt, size int64) int64 {
	buf := make([]byte, 1<<16)
	keep := len(payloadMagic) - 1
	for off := int64(0); off < size; off += int64(len(buf) - keep) {
		n, err := r.ReadAt(buf, off)
		if i := bytes.Index(buf[:n], []byte(payloadMagic)); i >= 0 {
			return off + int64(i)
		}
		if err != nil {
			break
		}
	}
	return -1
}
