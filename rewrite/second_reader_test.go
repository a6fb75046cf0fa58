package rewrite

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/yalue/elf_reader"
)

// TestSecondReader compares what our reader takes from an ELF file with what
// elf_reader, which knows nothing of ours, finds in the same bytes.
func TestSecondReader(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	files := []string{}
	if b, err := os.ReadFile(self); err == nil {
		if p, err := readELF(b); err == nil && p != nil {
			files = append(files, self)
		}
	}
	build := os.Getenv("BEE_BUILD")
	if build == "" {
		build = filepath.Join("..", "build")
	}
	for _, arch := range []string{"i386", "amd64"} {
		path := filepath.Join(build, "thirdparty", "busybox-static-"+arch, "bin", "busybox")
		if _, err := os.Stat(path); err == nil {
			files = append(files, path)
		}
	}
	for _, width := range []string{"-m32", "-m64"} {
		for _, pie := range []string{"-static", "-static-pie"} {
			out := filepath.Join(t.TempDir(), "hello"+width+pie)
			cmd := exec.Command("gcc", width, pie, "-O2", "-o", out, "../testdata/programs/hello.c")
			if msg, err := cmd.CombinedOutput(); err != nil {
				t.Logf("left out: gcc %s %s: %v %s", width, pie, err, msg)
				continue
			}
			files = append(files, out)
		}
	}
	if len(files) == 0 {
		t.Skip("no static program is here: neither gcc nor a set-up build folder")
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) { secondReader(t, path) })
	}
}

func secondReader(t *testing.T, path string) {
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	p, err := readELF(b)
	if err != nil {
		t.Fatal(err)
	}
	f, err := elf_reader.ParseELFFile(b)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(p.segs), int(f.GetSegmentCount()); got != want {
		t.Fatalf("%d segments, elf_reader finds %d", got, want)
	}
	for i, s := range p.segs {
		h, err := f.GetProgramHeader(uint16(i))
		if err != nil {
			t.Fatal(err)
		}
		if uint32(s.typ) != uint32(h.GetType()) || uint32(s.flags) != uint32(h.GetFlags()) ||
			s.off != h.GetFileOffset() || s.vaddr != h.GetVirtualAddress() || s.paddr != h.GetPhysicalAddress() ||
			s.filesz != h.GetFileSize() || s.memsz != h.GetMemorySize() || s.align != h.GetAlignment() {
			t.Errorf("segment %d: %+v, elf_reader reads %s", i, s, h)
		}
	}

	// Function symbols: as a multiset of value and size.
	type fn struct{ value, size uint64 }
	count := map[fn]int{}
	for _, s := range p.syms {
		if s.typ == elf.STT_FUNC && !s.undefined {
			count[fn{s.addr, s.size}]++
		}
	}
	for i := range f.GetSectionCount() {
		if !f.IsSymbolTable(i) {
			continue
		}
		h, err := f.GetSectionHeader(i)
		if err != nil {
			t.Fatal(err)
		}
		if uint32(h.GetType()) != uint32(elf.SHT_SYMTAB) {
			continue
		}
		syms, _, err := f.GetSymbols(i)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range syms {
			if uint8(s.GetInfo())&0xf == uint8(elf.STT_FUNC) && s.GetSectionIndex() != uint16(elf.SHN_UNDEF) {
				count[fn{s.GetValue(), s.GetSize()}]--
			}
		}
	}
	for k, n := range count {
		if n != 0 {
			t.Errorf("function at %#x, %d bytes: %+d times more here than elf_reader finds", k.value, k.size, n)
		}
	}
}
