package loader

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"testing"

	"golang.org/x/arch/x86/x86asm"

	"bee/runtime/abi"
)

// TestVDSO reads the page as any ELF reader does, through its sections and
// through its dynamic segment, and disassembles the functions.
func TestVDSO(t *testing.T) {
	const thunk = 0x5f0000
	page := vdso64(thunk)
	if len(page) > abi.PageSize {
		t.Fatalf("%d bytes", len(page))
	}
	f, err := elf.NewFile(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	if f.Type != elf.ET_DYN || f.Machine != elf.EM_X86_64 {
		t.Errorf("%v %v", f.Type, f.Machine)
	}
	if name, err := f.DynString(elf.DT_SONAME); err != nil || len(name) != 1 || name[0] != "linux-vdso.so.1" {
		t.Errorf("name %q, %v", name, err)
	}
	syms, err := f.DynamicSymbols()
	if err != nil || len(syms) != len(vdsoFunctions) {
		t.Fatalf("%d symbols, %v", len(syms), err)
	}
	for i, s := range syms {
		if s.Name != vdsoFunctions[i].name || elf.ST_TYPE(s.Info) != elf.STT_FUNC {
			t.Errorf("symbol %+v, want %s", s, vdsoFunctions[i].name)
		}
		pc, want := s.Value, []x86asm.Op{x86asm.MOV, x86asm.LEA, x86asm.JMP, x86asm.RET}
		for k, op := range want {
			in, err := x86asm.Decode(page[pc:], 64)
			if err != nil || in.Op != op {
				t.Fatalf("%s: instruction %d: %v, %v; want %v", s.Name, k, in, err, op)
			}
			end := pc + uint64(in.Len)
			switch op {
			case x86asm.MOV:
				if in.Args[1] != x86asm.Imm(vdsoFunctions[i].nr) {
					t.Errorf("%s: number %v", s.Name, in.Args[1])
				}
			case x86asm.LEA: // the address to go on at is that of the return
				if to := end + uint64(in.Args[1].(x86asm.Mem).Disp); page[to] != 0xc3 {
					t.Errorf("%s: goes on at %#x, byte %#x", s.Name, to, page[to])
				}
			case x86asm.JMP:
				if at := end + uint64(in.Args[0].(x86asm.Mem).Disp); binary.LittleEndian.Uint64(page[at:]) != thunk {
					t.Errorf("%s: jumps through %#x", s.Name, at)
				}
			}
			pc = end
		}
	}

	// The hash table's only chain reaches every symbol.
	hash, err := f.Section(".hash").Data()
	if err != nil {
		t.Fatal(err)
	}
	word := func(i uint32) uint32 { return binary.LittleEndian.Uint32(hash[4*i:]) }
	n := 0
	for i := word(2); i != 0; i = word(3 + i) {
		n++
	}
	if word(0) != 1 || word(1) != uint32(len(syms)+1) || n != len(syms) {
		t.Errorf("%d buckets, %d symbols, a chain of %d", word(0), word(1), n)
	}
	if p := f.Progs[1]; p.Type != elf.PT_DYNAMIC || p.Off != f.Section(".dynamic").Offset || p.Filesz != f.Section(".dynamic").Size {
		t.Errorf("%+v", p.ProgHeader)
	}
}
