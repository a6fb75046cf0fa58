package rewrite

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"bee/image"
)

// set gives a copy of b with n bytes at off replaced.
func set(b []byte, off, n int, v uint64) []byte {
	b = bytes.Clone(b)
	copy(b[off:off+n], binary.LittleEndian.AppendUint64(nil, v))
	return b
}

// Where fields of tiny's headers lie.
const (
	ph32, ph64 = 52, 64
	next32     = 32 // from one program header to the next
)

func bee(t testing.TB, elf []byte) []byte {
	t.Helper()
	r, err := Bytes(elf, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r.Output
}

// dynamic gives tiny(I386) with its third program header as PT_DYNAMIC.
func dynamic(entries ...uint32) []byte {
	b := tiny(image.I386)
	off := len(b)
	for _, e := range entries {
		b = binary.LittleEndian.AppendUint32(b, e)
	}
	h := ph32 + 2*next32
	b = set(b, h, 4, 2)
	b = set(b, h+4, 4, uint64(off))
	return set(b, h+16, 4, uint64(4*len(entries)))
}

func TestBadInput(t *testing.T) {
	b32, b64 := tiny(image.I386), tiny(image.AMD64)
	interp := func() []byte {
		b := append(bytes.Clone(b32), "/lib/ld-linux.so.2\x00"...)
		h := ph32 + 2*next32
		b = set(b, h, 4, 3)
		b = set(b, h+4, 4, uint64(len(b32)))
		return set(b, h+16, 4, 19)
	}()
	whole := bee(t, b32)
	cases := []struct {
		name string
		b    []byte
		err  error
		want string
	}{
		{"empty", nil, ErrNotELF, "x: not an ELF file: the file is empty"},
		{"text", []byte("#!/bin/sh\n"), ErrNotELF, "x: not an ELF file: it begins with 23 21 2f 62; give a static Linux program (at offset 0x0)"},
		{"PE", []byte("MZ\x90\x00"), ErrNotELF, "x: not an ELF file: it begins with 4d 5a 90 00; give a static Linux program (at offset 0x0)"},
		{"two bytes", b32[:2], ErrTruncated, "x: truncated ELF file: the file ends inside of the ELF header, after 2 bytes (at offset 0x2)"},
		{"ident", b32[:10], ErrTruncated, "x: truncated ELF file: the file ends inside of the ELF header, after 10 bytes (at offset 0xa)"},
		{"header", b32[:51], ErrTruncated, "x: truncated ELF file: the file ends inside of the ELF header, which takes 52 bytes (at offset 0x33)"},
		{"header 64", b64[:63], ErrTruncated, "x: truncated ELF file: the file ends inside of the ELF header, which takes 64 bytes (at offset 0x3f)"},
		{"program headers", b32[:179], ErrTruncated, "x: truncated ELF file: 4 program headers at 0x34 do not fit into 179 bytes (at offset 0xb3)"},
		{"segment", b32[:190], ErrTruncated, "x: truncated ELF file: program header 0 (PT_LOAD) names bytes 0x0+0xd7, the file ends at 0xbe (at offset 0x34)"},
		{"class", set(b32, 4, 1, 7), ErrMalformed, "x: malformed ELF file: class 7 is neither 32 nor 64 bits (at offset 0x4)"},
		{"big-endian", set(b32, 5, 1, 2), ErrByteOrder, "x: big-endian: only IA-32 and x86-64 programs can be rewritten (at offset 0x5)"},
		{"byte order", set(b32, 5, 1, 3), ErrMalformed, "x: malformed ELF file: unknown byte order 3 (at offset 0x5)"},
		{"ident version", set(b32, 6, 1, 2), ErrMalformed, "x: malformed ELF file: unknown ELF version 2 (at offset 0x6)"},
		{"version", set(b32, 20, 4, 2), ErrMalformed, "x: malformed ELF file: unknown ELF version 2 (at offset 0x14)"},
		{"FreeBSD", set(b32, 7, 1, 9), ErrSystem, "x: another system's program: ELFOSABI_FREEBSD; only Linux programs can be rewritten (at offset 0x7)"},
		{"arm", set(b32, 18, 2, 40), ErrArch, "x: another architecture: EM_ARM, 32 bits; only IA-32 and x86-64 programs can be rewritten (at offset 0x12)"},
		{"aarch64", set(b64, 18, 2, 183), ErrArch, "x: another architecture: EM_AARCH64, 64 bits; only IA-32 and x86-64 programs can be rewritten (at offset 0x12)"},
		{"x32", set(b32, 18, 2, 62), ErrArch, "x: another architecture: x32 (x86-64 with 32-bit addresses); compile with -m32 or -m64 (at offset 0x12)"},
		{"object", set(b32, 16, 2, 1), ErrRelocatable, "x: relocatable object: link it first, with -static (at offset 0x10)"},
		{"core", set(b32, 16, 2, 4), ErrCore, "x: core file: give the program that dumped it (at offset 0x10)"},
		{"type", set(b32, 16, 2, 0xfe00), ErrMalformed, "x: malformed ELF file: unknown type 0xfe00 (at offset 0x10)"},
		{"shared object", set(set(b32, 16, 2, 3), 24, 4, 0), ErrShared, "x: shared object: give a program linked with -static (at offset 0x10)"},
		{"interpreter", interp, ErrDynamic, `x: dynamically linked: it asks for "/lib/ld-linux.so.2"; link it with -static (Go: CGO_ENABLED=0) (at offset 0x74)`},
		{"needed", dynamic(1, 0, 5, 0x80490e7, 0, 0), ErrDynamic, `x: dynamically linked: it needs "tiny\n"; link it with -static (Go: CGO_ENABLED=0) (at offset 0x10)`},
		{"needed, no names", dynamic(1, 0, 0, 0), ErrDynamic, `x: dynamically linked: it needs ""; link it with -static (Go: CGO_ENABLED=0) (at offset 0x10)`},
		{"library", set(dynamic(14, 1, 1, 0, 0, 0), 16, 2, 3), ErrShared, `x: shared object: it needs ""; give a program linked with -static (at offset 0x10)`},
		{"no program headers", set(b32, 44, 2, 0), ErrMalformed, "x: malformed ELF file: no program headers: nothing would be loaded (at offset 0x2c)"},
		{"phentsize", set(b32, 42, 2, 31), ErrMalformed, "x: malformed ELF file: program headers of 31 bytes, not 32 (at offset 0x2a)"},
		{"phentsize 64", set(b64, 54, 2, 32), ErrMalformed, "x: malformed ELF file: program headers of 32 bytes, not 56 (at offset 0x36)"},
		{"phnum", set(b32, 44, 2, 0xffff), ErrMalformed, "x: malformed ELF file: 65535 program headers; Linux takes 2048 at most (at offset 0x2c)"},
		{"phnum past the end", set(b32, 44, 2, 2000), ErrTruncated, "x: truncated ELF file: 2000 program headers at 0x34 do not fit into 376 bytes (at offset 0x178)"},
		{"phoff", set(b32, 28, 4, 0xffffffff), ErrTruncated, "x: truncated ELF file: 4 program headers at 0xffffffff do not fit into 376 bytes (at offset 0x178)"},
		{"phoff 64", set(b64, 32, 8, 1<<64-8), ErrTruncated, "x: truncated ELF file: 4 program headers at 0xfffffffffffffff8 do not fit into"},
		{"filesz", set(b32, ph32+16, 4, 0xffffffff), ErrTruncated, "x: truncated ELF file: program header 0 (PT_LOAD) names bytes 0x0+0xffffffff, the file ends at 0x178 (at offset 0x34)"},
		{"filesz 64", set(b64, ph64+32, 8, 1<<64-1), ErrTruncated, "x: truncated ELF file: program header 0 (PT_LOAD) names bytes 0x0+0xffffffffffffffff, the file ends at"},
		{"memsz < filesz", set(b32, ph32+20, 4, 1), ErrMalformed, "x: malformed ELF file: segment 0 has 0xd7 bytes in the file but 0x1 in memory (at offset 0x34)"},
		{"memsz", set(b32, ph32+20, 4, 0xffffffff), ErrMalformed, "x: malformed ELF file: segment 0 at 0x8048000, 0xffffffff bytes, ends outside of the address space (at offset 0x34)"},
		{"memsz 64", set(b64, ph64+40, 8, 1<<64-1), ErrMalformed, "x: malformed ELF file: segment 0 at 0x400000, 0xffffffffffffffff bytes, ends outside of the address space (at offset 0x40)"},
		{"vaddr 64", set(b64, ph64+16, 8, 1<<64-0x1000), ErrMalformed, "x: malformed ELF file: segment 0 at 0xfffffffffffff000, 0x143 bytes, ends outside of the address space (at offset 0x40)"},
		{"align", set(b32, ph32+28, 4, 0x1001), ErrMalformed, "x: malformed ELF file: segment 0 is aligned to 0x1001, no power of two (at offset 0x34)"},
		{"congruence", set(b32, ph32+8, 4, 0x8048001), ErrMalformed, "x: malformed ELF file: segment 0 at 0x8048001 and its offset 0x0 differ within a page (at offset 0x34)"},
		{"overlap", set(b32, ph32+20, 4, 0x2000), ErrMalformed, "x: malformed ELF file: segment 1 at 0x80490e7 overlaps the one at 0x8048000, 0x2000 bytes (at offset 0x54)"},
		{"order", set(b32, ph32+8, 4, 0x9048000), ErrMalformed, "x: malformed ELF file: segment 1 at 0x80490e7 is not behind the one in front of it, at 0x9048000 (at offset 0x54)"},
		{"nothing to load", set(set(b32, ph32, 4, 0), ph32+next32, 4, 0), ErrMalformed, "x: malformed ELF file: no segment to load (at offset 0x34)"},
		{"entry", set(b32, 24, 4, 0x1234), ErrMalformed, "x: malformed ELF file: the entry point 0x1234 lies in no executable segment (at offset 0x18)"},
		{"entry in data", set(b32, 24, 4, 0x80490e7), ErrMalformed, "x: malformed ELF file: the entry point 0x80490e7 lies in no executable segment (at offset 0x18)"},
		{"not executable", set(b32, ph32+24, 4, 4), ErrMalformed, "x: malformed ELF file: the entry point 0x80480b4 lies in no executable segment (at offset 0x18)"},
		{"empty interpreter", set(set(b32, ph32+2*next32, 4, 3), ph32+2*next32+4, 4, 0xfffff000), ErrDynamic, `x: dynamically linked: it asks for ""; link it with -static (Go: CGO_ENABLED=0) (at offset 0x74)`},
		{"two PT_DYNAMIC", set(set(b32, ph32+2*next32, 4, 2), ph32+3*next32, 4, 2), ErrMalformed, "x: malformed ELF file: program header 3 is a second PT_DYNAMIC (at offset 0x94)"},
		{"rewritten", whole, ErrRewritten, "x: already a .bee file: give the original program (at offset "},
		{"rewritten, cut", whole[:len(whole)-1], ErrRewritten, "x: already a .bee file: and its tail is cut or damaged; give the original program (at offset 0x178)"},
	}
	dir := t.TempDir()
	for _, c := range cases {
		_, err := Bytes(c.b, Options{Name: "x"})
		if !errors.Is(err, c.err) || err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s:\n got %v\nwant %s", c.name, err, c.want)
		}
		// And nothing is written.
		in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
		if err := os.WriteFile(in, c.b, 0o755); err != nil {
			t.Fatal(err)
		}
		if _, err := File(in, out, Options{}); !errors.Is(err, c.err) || !strings.HasPrefix(err.Error(), in+": ") {
			t.Errorf("%s: File: %v", c.name, err)
		}
		if l, err := os.ReadDir(dir); err != nil || len(l) != 1 {
			t.Errorf("%s: left in the folder: %v, %v", c.name, l, err)
		}
	}
}

// Cutting a file anywhere is an error, but where only the section headers are
// cut, which stand at the end: Linux runs that.
func TestTruncation(t *testing.T) {
	for _, arch := range []image.Arch{image.I386, image.AMD64} {
		b := tiny(arch)
		p, err := readELF(b)
		if err != nil {
			t.Fatal(err)
		}
		segments := uint64(0)
		for _, s := range p.segs {
			segments = max(segments, s.off+s.filesz)
		}
		for n := range b {
			r, err := Bytes(b[:n], Options{})
			switch whole := uint64(n) >= segments; {
			case whole && (err != nil || r.Report.NoSections == "" || r.Report.Sites != 2):
				t.Errorf("%s: %d of %d bytes: %v", archName(arch), n, len(b), err)
			case !whole && err == nil:
				t.Errorf("%s: %d of %d bytes: accepted", archName(arch), n, len(b))
			}
		}
	}
}

// junkSections are programs whose section headers make no sense.
func junkSections() map[string][]byte {
	b32, b64 := tiny(image.I386), tiny(image.AMD64)
	return map[string][]byte{
		"section headers of 39 bytes, not 40":                           set(b32, 46, 2, 39),
		"section headers of 0 bytes, not 40":                            set(b32, 46, 2, 0),
		"section headers at 0xffffff00, the file ends at 0x178":         set(b32, 32, 4, 0xffffff00),
		"section headers at 0xffffffffffffffff, the file ends at 0x230": set(b64, 40, 8, 1<<64-1),
		"65520 section headers at 0x100 do not fit into 376 bytes":      set(b32, 48, 2, 0xfff0),
		"4294967295 section headers at 0x100 do not fit into 376 bytes": set(set(b32, 48, 2, 0), 0x100+20, 4, 0xffffffff),
		"section 1 names bytes 0xb4+0xffffffff, the file ends at 0x178": set(b32, 0x100+40+20, 4, 0xffffffff),
		"3 section headers at 0x100 do not fit into 375 bytes":          b32[:len(b32)-1],
	}
}

// Linux does not read section headers, so a program with junk in their place
// is rewritten as one without them, and the report says so.
func TestJunkSections(t *testing.T) {
	for want, b := range junkSections() {
		for _, form := range []Form{FormBee, FormLinuxProof} {
			r, err := Bytes(b, Options{Form: form})
			if err != nil {
				t.Errorf("%s: %v", want, err)
				continue
			}
			if r.Report.NoSections != want || r.Report.Sites != 2 {
				t.Errorf("%d sites, section headers ignored: %q, want %q", r.Report.Sites, r.Report.NoSections, want)
			}
			if form != FormBee {
				continue
			}
			if _, err := Verify("", r.Output); err != nil {
				t.Errorf("%s: %v", want, err)
			}
			if i, err := Inspect("", r.Output); err != nil || i.Report.NoSections != want {
				t.Errorf("%s: inspect: %v", want, err)
			}
		}
	}
	r, err := Bytes(tiny(image.I386), Options{})
	if err != nil || r.Report.NoSections != "" {
		t.Errorf("a good program: %q, %v", r.Report.NoSections, err)
	}
}

// Without section headers a program is as good.
func TestNoSections(t *testing.T) {
	for _, arch := range []image.Arch{image.I386, image.AMD64} {
		b := tiny(arch)
		if arch == image.I386 {
			b = set(set(b, 32, 4, 0), 46, 6, 0)
		} else {
			b = set(set(b, 40, 8, 0), 58, 6, 0)
		}
		r, err := Bytes(b, Options{})
		if err != nil || r.Report.Sites != 2 {
			t.Errorf("%s: %v", archName(arch), err)
		}
	}
}

// A segment without bytes in the file may name any offset.
func TestEmptySegment(t *testing.T) {
	b := tiny(image.I386)
	b = set(b, ph32+next32+4, 4, 0xfffff0e7)
	b = set(b, ph32+next32+16, 4, 0)
	if r, err := Bytes(b, Options{}); err != nil || r.Report.Sites != 2 {
		t.Error(err)
	}
}

// No byte of the headers makes the reader panic, whatever its value.
func TestDamagedHeaders(t *testing.T) {
	for _, arch := range []image.Arch{image.I386, image.AMD64} {
		b := tiny(arch)
		for i := range b {
			for _, v := range []byte{0, 1, 0x7f, 0x80, 0xff} {
				c := bytes.Clone(b)
				c[i] = v
				Bytes(c, Options{AllowTrap: true})
			}
		}
	}
}

func TestDamagedBee(t *testing.T) {
	b := bee(t, tiny(image.I386))
	if _, err := Verify("x", b); err != nil {
		t.Fatal(err)
	}
	for i := range b {
		c := bytes.Clone(b)
		c[i] ^= 0x10
		if _, err := Verify("x", c); err == nil {
			t.Errorf("byte %#x flipped: accepted", i)
		}
	}
	for n := range b {
		if _, err := Verify("x", b[:n]); err == nil {
			t.Errorf("%d of %d bytes: accepted", n, len(b))
		}
	}
	v := len(b) - image.TrailerSize + 8
	_, err := Verify("x", set(b, v, 4, 2))
	if want := "x: unknown format version: 2 (this program reads 1): rewrite the program again"; !errors.Is(err, image.ErrVersion) || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("version: %v", err)
	}
	_, err = Verify("x", b[:len(b)-3])
	if !errors.Is(err, image.ErrTruncated) || !strings.Contains(err.Error(), "tail is cut") {
		t.Errorf("cut tail: %v", err)
	}
	_, err = Verify("x", tiny(image.I386))
	if !errors.Is(err, image.ErrNotBee) {
		t.Errorf("no .bee file: %v", err)
	}
}

// A sealed file whose patch set is not the planner's.
func TestVerifyMismatch(t *testing.T) {
	elf := tiny(image.I386)
	for name, change := range map[string]func(im *image.Image){
		"patch":       func(im *image.Image) { im.Patches[0].Data = append([]byte{0x90}, im.Patches[0].Data[1:]...) },
		"trampolines": func(im *image.Image) { im.Tramp = append(bytes.Clone(im.Tramp), 0x90) },
		"site":        func(im *image.Image) { im.Sites = im.Sites[1:] },
		"pc map":      func(im *image.Image) { im.PCMap = im.PCMap[1:] },
		"libc":        func(im *image.Image) { im.Libc = image.LibcMusl },
	} {
		r, err := Bytes(elf, Options{})
		if err != nil {
			t.Fatal(err)
		}
		change(&r.Manifest.Images[0])
		b, err := image.Append(elf, r.Manifest)
		if err != nil {
			t.Fatal(name, err)
		}
		if _, err := Verify("x", b); !errors.Is(err, ErrMismatch) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBadFiles(t *testing.T) {
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	if err := os.WriteFile(in, tiny(image.I386), 0o755); err != nil {
		t.Fatal(err)
	}
	link, hard := filepath.Join(dir, "link"), filepath.Join(dir, "hard")
	if err := os.Symlink(in, link); err != nil {
		t.Skip(err)
	}
	if err := os.Link(in, hard); err != nil {
		t.Skip(err)
	}
	for _, c := range []struct {
		in, out, want string
		err           error
	}{
		{in, in, in + ": input and output are the same file: give another name with -o", ErrSameFile},
		{in, link, link + ": input and output are the same file: give another name with -o", ErrSameFile},
		{in, hard, hard + ": input and output are the same file: give another name with -o", ErrSameFile},
		{link, in, in + ": input and output are the same file: give another name with -o", ErrSameFile},
		{dir, out, dir + ": not a regular file: it is a directory", ErrNotRegular},
		{in, dir, dir + ": not a regular file: it is a directory", ErrNotRegular},
		{in + "?", out, in + "?: no such file or directory", os.ErrNotExist},
		{in, out + "/x", out + "/x: no such file or directory", os.ErrNotExist},
		{in, in + "/x", in + "/x: not a directory", nil},
		{in, "/dev/null", "/dev/null: not a regular file: Dc---------", ErrNotRegular},
	} {
		_, err := File(c.in, c.out, Options{})
		if err == nil || err.Error() != c.want || c.err != nil && !errors.Is(err, c.err) {
			t.Errorf("%s -o %s: %v", c.in, c.out, err)
		}
	}
	if l, err := os.ReadDir(dir); err != nil || len(l) != 3 {
		t.Errorf("left in the folder: %v, %v", l, err)
	}

	if os.Getuid() != 0 {
		if err := os.Chmod(in, 0); err != nil {
			t.Fatal(err)
		}
		if _, err := File(in, out, Options{}); !errors.Is(err, os.ErrPermission) || err.Error() != in+": permission denied" {
			t.Errorf("unreadable: %v", err)
		}
	}
}

func TestFile(t *testing.T) {
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	if err := os.WriteFile(in, tiny(image.I386), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(out, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := File(in, out, Options{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(out)
	if err != nil || !bytes.Equal(b, r.Output) || !bytes.HasPrefix(b, tiny(image.I386)) {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	if st, err := os.Stat(out); err != nil || runtime.GOOS != "windows" && st.Mode().Perm() != 0o755 {
		t.Errorf("%v, %v", st.Mode(), err)
	}
	f, err := image.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
}

func TestWritableCode(t *testing.T) {
	r, err := Bytes(set(tiny(image.I386), ph32+24, 4, 7), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Report.WX) != 1 || r.Report.WX[0] != "0x8048000" {
		t.Errorf("writable code: %v", r.Report.WX)
	}
}

// The same input gives the same bytes, however many processors there are.
func TestDeterministic(t *testing.T) {
	inputs := [][]byte{tiny(image.I386), tiny(image.AMD64)}
	if b, err := os.ReadFile(filepath.Join("..", "build", "thirdparty", "busybox-static-i386", "bin", "busybox")); err == nil && !testing.Short() {
		inputs = append(inputs, b)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, in := range inputs {
		for _, form := range []Form{FormBee, FormLinuxProof} {
			var first []byte
			for _, n := range []int{1, 2, 7} {
				runtime.GOMAXPROCS(n)
				r, err := Bytes(in, Options{Form: form})
				if err != nil {
					t.Fatal(err)
				}
				if first == nil {
					first = r.Output
				} else if !bytes.Equal(first, r.Output) {
					t.Errorf("%v of %d bytes differs with %d processors", form, len(in), n)
				}
			}
		}
	}
}

func FuzzELF(f *testing.F) {
	for _, arch := range []image.Arch{image.I386, image.AMD64} {
		f.Add(tiny(arch))
		f.Add(tiny(arch)[:100])
	}
	for _, b := range junkSections() {
		f.Add(b)
	}
	f.Add(dynamic(1, 0, 5, 0x80490e7, 0, 0))
	f.Add(pie(rel(2), pieTable, rRelative, pieTable+8, r386IRelative))
	f.Add(pie(relr(2), pieTable, 0x7fffffff))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Bytes(b, Options{AllowTrap: true})
		if err != nil {
			return
		}
		if !bytes.HasPrefix(r.Output, b) {
			t.Fatal("the output does not begin with the input")
		}
		if _, err := Verify("", r.Output); err != nil {
			t.Fatal(err)
		}
		i, err := Inspect("", r.Output)
		if err != nil {
			t.Fatal(err)
		}
		var w bytes.Buffer
		if err := i.Disasm(&w); err != nil {
			t.Fatal(err)
		}
		Bytes(b, Options{AllowTrap: true, Form: FormLinuxProof})
	})
}
