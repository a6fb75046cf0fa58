package rewrite

import (
	"bytes"
	"encoding/binary"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"bee/image"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Programs of a few instructions that print "tiny\n" and exit with 7.
var (
	tinyCode32 = []byte{
		0xb8, 4, 0, 0, 0, // mov $4, %eax
		0xbb, 1, 0, 0, 0, // mov $1, %ebx
		0xb9, 0, 0, 0, 0, // mov $text, %ecx
		0xba, 5, 0, 0, 0, // mov $5, %edx
		0xcd, 0x80, // int $0x80
		0xb8, 1, 0, 0, 0, // mov $1, %eax
		0xbb, 7, 0, 0, 0, // mov $7, %ebx
		0xcd, 0x80, // int $0x80
		0xf4, // hlt
	}
	tinyCode64 = []byte{
		0xb8, 1, 0, 0, 0, // mov $1, %eax
		0xbf, 1, 0, 0, 0, // mov $1, %edi
		0xbe, 0, 0, 0, 0, // mov $text, %esi
		0xba, 5, 0, 0, 0, // mov $5, %edx
		0x0f, 0x05, // syscall
		0xb8, 60, 0, 0, 0, // mov $60, %eax
		0xbf, 7, 0, 0, 0, // mov $7, %edi
		0x0f, 0x05, // syscall
		0xf4, // hlt
	}
)

// tiny gives a valid ELF file with two segments, PT_GNU_STACK and PT_NULL,
// and section headers at its end.
func tiny(arch image.Arch) []byte {
	word, ehsize, phsize, shsize := 4, 52, 32, 40
	base, code, machine := uint64(0x8048000), bytes.Clone(tinyCode32), uint16(3)
	class := byte(1)
	if arch == image.AMD64 {
		word, ehsize, phsize, shsize = 8, 64, 56, 64
		base, code, machine = 0x400000, bytes.Clone(tinyCode64), 62
		class = 2
	}
	const nph, nsh = 4, 3
	le := binary.LittleEndian
	codeOff := ehsize + nph*phsize
	dataOff := codeOff + len(code) + 16
	names := "\x00.text\x00.shstrtab\x00"
	namesOff := dataOff + 8
	shoff := (namesOff + len(names) + 7) &^ 7
	dataAddr := base + 0x1000 + uint64(dataOff)
	le.PutUint32(code[11:], uint32(dataAddr))

	var b []byte
	put := func(n int, v uint64) { b = append(b, le.AppendUint64(nil, v)[:n]...) }
	b = append(b, 0x7f, 'E', 'L', 'F', class, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	put(2, 2)
	put(2, uint64(machine))
	put(4, 1)
	put(word, base+uint64(codeOff))
	put(word, uint64(ehsize))
	put(word, uint64(shoff))
	put(4, 0)
	for _, v := range []int{ehsize, phsize, nph, shsize, nsh, 2} {
		put(2, uint64(v))
	}
	segment := func(typ, flags, off, addr, filesz, memsz, align uint64) {
		put(4, typ)
		if word == 8 {
			put(4, flags)
		}
		for _, v := range []uint64{off, addr, addr, filesz, memsz} {
			put(word, v)
		}
		if word == 4 {
			put(4, flags)
		}
		put(word, align)
	}
	segment(1, 5, 0, base, uint64(codeOff+len(code)), uint64(codeOff+len(code)), 0x1000)
	segment(1, 6, uint64(dataOff), dataAddr, 8, 0x100, 0x1000)
	segment(0x6474e551, 6, 0, 0, 0, 0, 16)
	segment(0, 0, 0, 0, 0, 0, 0)
	b = append(b, code...)
	b = append(b, make([]byte, dataOff-len(b))...)
	b = append(b, "tiny\n\x00\x00\x00"...)
	b = append(b, names...)
	b = append(b, make([]byte, shoff-len(b))...)
	section := func(name, typ, flags, addr, off, size uint64) {
		put(4, name)
		put(4, typ)
		for _, v := range []uint64{flags, addr, off, size} {
			put(word, v)
		}
		put(8, 0)
		put(word, 1)
		put(word, 0)
	}
	section(0, 0, 0, 0, 0, 0)
	section(1, 1, 6, base+uint64(codeOff), uint64(codeOff), uint64(len(code)))
	section(7, 3, 0, 0, uint64(namesOff), uint64(len(names)))
	return b
}

// The scripts of the commands use the same files.
func TestTinyFiles(t *testing.T) {
	for name, arch := range map[string]image.Arch{"tiny-386": image.I386, "tiny-amd64": image.AMD64} {
		path := filepath.Join("..", "testdata", "elf", name)
		if *update {
			if err := os.WriteFile(path, tiny(arch), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if b, err := os.ReadFile(path); err != nil || !bytes.Equal(b, tiny(arch)) {
			t.Errorf("%s differs from what this test builds (%v); go test -update writes it anew", path, err)
		}
	}
}
