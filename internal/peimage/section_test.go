package peimage_test

import (
	"bytes"
	debugpe "debug/pe"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"bee/internal/peimage"
)

// optional is where the optional header begins.
func optional(file []byte) int { return int(binary.LittleEndian.Uint32(file[0x3c:])) + 24 }

// wantChecksum computes what stands in CheckSum in 32-bit steps, unlike the package.
func wantChecksum(file []byte) uint32 {
	padded := append(bytes.Clone(file), make([]byte, -len(file)&3)...)
	clear(padded[optional(file)+64:][:4])
	var sum uint64
	for i := 0; i < len(padded); i += 4 {
		sum += uint64(binary.LittleEndian.Uint32(padded[i:]))
		sum = sum&0xffffffff + sum>>32
	}
	sum = sum&0xffff + sum>>16
	sum = sum&0xffff + sum>>16
	return uint32(sum) + uint32(len(file))
}

func TestAddSection(t *testing.T) {
	for _, arch := range []string{"386", "amd64"} {
		for _, flags := range [][]string{{"-buildmode=pie"}, {"-buildmode=pie", "-ldflags=-s -w"}} {
			t.Run(fmt.Sprint(arch, flags), func(t *testing.T) {
				old := build(t, arch, flags...)
				data := bytes.Repeat([]byte("payload "), 5000)
				file, err := peimage.AddSection(old, peimage.Section{Name: ".payload", Data: data, Mapped: 512})
				if err != nil {
					t.Fatal(err)
				}
				oldBase, oldFlags, before := headers(t, old)
				base, flags, after := headers(t, file)
				if base != oldBase || flags != oldFlags || len(after.Sections) != len(before.Sections)+1 {
					t.Errorf("base %#x, flags %#x, %d sections", base, flags, len(after.Sections))
				}
				s := after.Section(".payload")
				got, err := s.Data()
				if err != nil || s.VirtualSize != 512 || s.Characteristics != 0x40000040 {
					t.Errorf("%+v, %v", s, err)
				}
				raw, err := after.Sections[len(after.Sections)-1].Data()
				if err != nil || !bytes.HasPrefix(raw, got) || !bytes.Equal(file[s.Offset:][:len(data)], data) {
					t.Errorf("the section does not hold the data: %v", err)
				}
				// Sections follow each other without a hole, as Windows demands.
				next := uint32(0x1000)
				for _, s := range after.Sections {
					if s.VirtualAddress != next {
						t.Errorf("%s begins at %#x, want %#x", s.Name, s.VirtualAddress, next)
					}
					next = (s.VirtualAddress + s.VirtualSize + 0xfff) &^ 0xfff
				}
				if size := binary.LittleEndian.Uint32(file[optional(file)+56:]); size != next {
					t.Errorf("SizeOfImage %#x, want %#x", size, next)
				}
				if sum := binary.LittleEndian.Uint32(file[optional(file)+64:]); sum != wantChecksum(file) {
					t.Errorf("checksum %#x, want %#x", sum, wantChecksum(file))
				}
				// Nothing else has changed: header fields, and the new section header.
				changed := 0
				for i := range old {
					if old[i] != file[i] {
						changed++
					}
				}
				if changed > 2+4+4+4+40 {
					t.Errorf("%d bytes changed", changed)
				}
				place, found, err := peimage.Find(file[:4096], ".payload")
				if err != nil || !found || place.Offset != int64(s.Offset) || place.Size != int64(s.Size) {
					t.Errorf("found %+v, %v, %v", place, found, err)
				}
				if _, found, err := peimage.Find(old[:4096], ".payload"); found || err != nil {
					t.Errorf("found in the old file: %v, %v", found, err)
				}
				want := map[string]uint16{"386": 0x14c, "amd64": 0x8664}[arch]
				if m, err := peimage.Machine(file[:4096]); m != want || err != nil {
					t.Errorf("machine %#x, %v", m, err)
				}

				if _, err := peimage.Rebase(file, 0x60000000); err != nil {
					t.Error("it can no longer be moved: ", err)
				}
				back, err := peimage.WithoutSection(file, ".payload")
				if err != nil {
					t.Fatal(err)
				}
				// Go's linker leaves the checksum zero, and its files end on a boundary.
				clear(back[optional(back)+64:][:4])
				clear(old[optional(old)+64:][:4])
				if !bytes.Equal(back, old) {
					t.Errorf("taken away again, %d bytes of %d are left", len(back), len(old))
				}
				if same, err := peimage.WithoutSection(file, ".other"); err != nil || !bytes.Equal(same, file) {
					t.Errorf("another section's name: %v", err)
				}
			})
		}
	}
}

func TestAddSectionErrors(t *testing.T) {
	good := build(t, "386", "-buildmode=pie", "-ldflags=-s -w")
	with := func(change func(b []byte)) []byte {
		b := bytes.Clone(good)
		change(b)
		return b
	}
	table := optional(good) + 224
	count := int(binary.LittleEndian.Uint16(good[optional(good)-18:]))
	for _, c := range []struct {
		name string
		file []byte
		sec  peimage.Section
		want error
	}{
		{"no room", with(func(b []byte) { binary.LittleEndian.PutUint32(b[optional(b)+60:], uint32(table+40*count+39)) }), peimage.Section{Name: ".x"}, peimage.ErrNoRoom},
		{"something behind the table", with(func(b []byte) { b[table+40*count+20] = 1 }), peimage.Section{Name: ".x"}, peimage.ErrNoRoom},
		{"signed", with(func(b []byte) { b[optional(b)+96+8*4] = 1 }), peimage.Section{Name: ".x"}, peimage.ErrSigned},
		{"long name", good, peimage.Section{Name: ".sections"}, nil},
		{"no executable", []byte("text"), peimage.Section{Name: ".x"}, nil},
	} {
		if _, err := peimage.AddSection(c.file, c.sec); err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	once, err := peimage.AddVersion(good, peimage.Version{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := peimage.AddVersion(once, peimage.Version{}); !errors.Is(err, peimage.ErrHasResources) {
		t.Errorf("resources twice: %v", err)
	}
	if _, err := peimage.AddVersion(good, peimage.Version{Strings: [][2]string{{"X", strings.Repeat("x", 40000)}}}); err == nil {
		t.Error("a version resource of 80,000 bytes")
	}
}

// TestFindDamaged: Find and Machine may be given anything.
func TestFindDamaged(t *testing.T) {
	file := build(t, "amd64")[:1024]
	for n := range file {
		_, _, _ = peimage.Find(file[:n], ".text")
		_, _ = peimage.Machine(file[:n])
		for _, v := range []byte{0, 0x80, 0xff} {
			b := bytes.Clone(file)
			b[n] = v
			_, _, _ = peimage.Find(b, ".text")
		}
	}
	for _, b := range []string{"", "MZ", "text", strings.Repeat("MZ", 300), "MZ" + strings.Repeat("\xff", 600)} {
		if _, _, err := peimage.Find([]byte(b), ".text"); err == nil {
			t.Errorf("%d bytes are an executable", len(b))
		}
	}
}

// block is a block of a version resource, read by the rules of Microsoft's page.
type block struct {
	key      string
	kind     uint16
	value    []byte
	children []block
	length   int
}

func readBlock(t *testing.T, b []byte) block {
	t.Helper()
	length, valueLen, kind := int(binary.LittleEndian.Uint16(b)), int(binary.LittleEndian.Uint16(b[2:])), binary.LittleEndian.Uint16(b[4:])
	if length < 6 || length > len(b) {
		t.Fatalf("a block of %d bytes in %d", length, len(b))
	}
	r := block{kind: kind, length: length}
	at := 6
	var key []uint16
	for ; ; at += 2 {
		c := binary.LittleEndian.Uint16(b[at:])
		if c == 0 {
			break
		}
		key = append(key, c)
	}
	r.key = string(utf16.Decode(key))
	at = (at + 2 + 3) &^ 3
	if kind == 1 {
		valueLen *= 2
	}
	if valueLen > 0 {
		r.value = b[at:][:valueLen]
		at = (at + valueLen + 3) &^ 3
	}
	for at < length {
		child := readBlock(t, b[at:length])
		r.children = append(r.children, child)
		at = (at + child.length + 3) &^ 3
	}
	return r
}

func (b block) child(t *testing.T, key string) block {
	t.Helper()
	i := slices.IndexFunc(b.children, func(c block) bool { return c.key == key })
	if i < 0 {
		t.Fatalf("%s has no %s", b.key, key)
	}
	return b.children[i]
}

// leaf finds a resource of a type, name 1, English.
func leaf(t *testing.T, rsrc []byte, rva, kind uint32) []byte {
	t.Helper()
	at := uint32(0)
	for level, want := range []uint32{kind, 1, 0x409} {
		n := uint32(binary.LittleEndian.Uint16(rsrc[at+14:]))
		if binary.LittleEndian.Uint16(rsrc[at+12:]) != 0 {
			t.Fatal("entries with names")
		}
		found, last := false, uint32(0)
		for i := range n {
			e := rsrc[at+16+8*i:]
			id, off := binary.LittleEndian.Uint32(e), binary.LittleEndian.Uint32(e[4:])
			if id <= last {
				t.Errorf("level %d: %d stands behind %d", level, id, last)
			}
			last = id
			if id == want {
				if (off>>31 == 1) != (level < 2) {
					t.Fatalf("level %d: offset %#x", level, off)
				}
				at, found = off&^(1<<31), true
				break
			}
		}
		if !found {
			t.Fatalf("level %d: no %d", level, want)
		}
	}
	off, size := binary.LittleEndian.Uint32(rsrc[at:])-rva, binary.LittleEndian.Uint32(rsrc[at+4:])
	if off%4 != 0 {
		t.Errorf("data at %#x", off)
	}
	return rsrc[off : off+size]
}

func TestAddVersion(t *testing.T) {
	want := [][2]string{{"FileDescription", "größe"}, {"Odd", "abc"}, {"Even", "ab"}, {"Empty", ""}, {"Zero", "a\x00b"}, {"Astral", "𝄞"}}
	for _, arch := range []string{"386", "amd64"} {
		old := build(t, arch, "-ldflags=-s -w")
		file, err := peimage.AddVersion(old, peimage.Version{File: [4]uint16{1, 2, 3, 4}, Strings: want})
		if err != nil {
			t.Fatal(err)
		}
		_, _, f := headers(t, file)
		s := f.Section(".rsrc")
		rsrc, err := s.Data()
		if err != nil {
			t.Fatal(err)
		}
		var dir debugpe.DataDirectory
		switch h := f.OptionalHeader.(type) {
		case *debugpe.OptionalHeader32:
			dir = h.DataDirectory[2]
		case *debugpe.OptionalHeader64:
			dir = h.DataDirectory[2]
		}
		if dir.VirtualAddress != s.VirtualAddress || dir.Size != s.VirtualSize {
			t.Errorf("directory %+v, section %+v", dir, s.SectionHeader)
		}
		if sum := binary.LittleEndian.Uint32(file[optional(file)+64:]); sum != wantChecksum(file) {
			t.Errorf("checksum %#x, want %#x", sum, wantChecksum(file))
		}
		if m := leaf(t, rsrc, s.VirtualAddress, 24); !bytes.Contains(m, []byte(`level="asInvoker"`)) {
			t.Errorf("manifest %s", m)
		}

		v := readBlock(t, leaf(t, rsrc, s.VirtualAddress, 16))
		if v.key != "VS_VERSION_INFO" || v.kind != 0 || len(v.value) != 52 {
			t.Fatalf("%q, %d, %d bytes", v.key, v.kind, len(v.value))
		}
		for i, w := range []uint32{0xfeef04bd, 0x10000, 0x10002, 0x30004, 0x10002, 0x30004, 0x3f, 0, 0x40004, 1, 0, 0, 0} {
			if got := binary.LittleEndian.Uint32(v.value[4*i:]); got != w {
				t.Errorf("word %d of VS_FIXEDFILEINFO: %#x, want %#x", i, got, w)
			}
		}
		table := v.child(t, "StringFileInfo").child(t, "040904B0")
		if len(table.children) != len(want) {
			t.Errorf("%d strings", len(table.children))
		}
		for _, w := range want {
			c := table.child(t, w[0])
			var units []uint16
			for i := 0; i < len(c.value); i += 2 {
				units = append(units, binary.LittleEndian.Uint16(c.value[i:]))
			}
			if text := strings.ReplaceAll(w[1], "\x00", "") + "\x00"; c.kind != 1 || string(utf16.Decode(units)) != text {
				t.Errorf("%s: %q, want %q", w[0], string(utf16.Decode(units)), text)
			}
		}
		if tr := v.child(t, "VarFileInfo").child(t, "Translation"); !bytes.Equal(tr.value, []byte{9, 4, 0xb0, 4}) || tr.kind != 0 {
			t.Errorf("translation % x", tr.value)
		}
	}
}
