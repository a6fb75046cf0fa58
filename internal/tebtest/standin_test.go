//go:build linux

package tebtest

import (
	"bytes"
	"cmp"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"bee/image"
	"bee/internal/winetest"
	"bee/rewrite"
	"bee/stubs"
)

// Where things are in the stand-in, counted from its start.
const (
	paramsAt = 0x8000
	zeroesAt = 0x100000
	zeroes   = 0x400000
	startAt  = 0x10 // entry.S: _start; the thunks go to offset 0
	frames   = 48
	pageSize = 4096
)

var le = binary.LittleEndian

func align(n uint64) uint64 { return (n + pageSize - 1) &^ (pageSize - 1) }

// standInObjects compiles testdata/teb once per width.
var standInObjects = [...]func() ([]string, error){
	sync.OnceValues(func() ([]string, error) { return compileStandIn("32") }),
	sync.OnceValues(func() ([]string, error) { return compileStandIn("64") }),
}

var workDir string // of the whole test binary

func TestMain(m *testing.M) {
	var err error
	if workDir, err = os.MkdirTemp("", "tebtest"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := m.Run()
	_ = os.RemoveAll(workDir)
	os.Exit(status)
}

func compileStandIn(width string) ([]string, error) {
	var objs []string
	for _, src := range []string{"entry.S", "runner.c"} { // entry.S first: it begins at the stand-in's address
		o := filepath.Join(workDir, src+width+".o")
		out, err := exec.Command("gcc", "-m"+width, "-O2", "-Wall", "-Wextra", "-Werror", "-ffreestanding", "-fno-pic", "-fno-stack-protector",
			"-mgeneral-regs-only", "-fno-asynchronous-unwind-tables", "-fcf-protection=none",
			"-c", "-o", o, filepath.Join("..", "..", "testdata", "teb", src)).CombinedOutput()
		if err != nil {
			return nil, fmt.Errorf("compile the stand-in: %w\n%s", err, out)
		}
		objs = append(objs, o)
	}
	return objs, nil
}

// patched writes to file the program, patched for Windows, with the stand-in.
func patched(t *testing.T, exe, file string) *image.Image {
	t.Helper()
	return patchedBut(t, exe, file, nil)
}

// patchedBut leaves out the patches for which but returns true. Pads stay.
func patchedBut(t *testing.T, exe, file string, but func(im *image.Image, p image.Patch) bool) *image.Image {
	t.Helper()
	data, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	res, err := rewrite.Bytes(data, rewrite.Options{Name: exe})
	if err != nil {
		t.Fatal(err)
	}
	im := &res.Manifest.Images[0]
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	tramp := im.Base + uint64(im.TrampAddr)
	code := tramp + stubs.ThunkPageSize
	runner := align(code + uint64(len(im.Tramp)))

	seg := make([]byte, runner-tramp+paramsAt)
	copy(seg[code-tramp:], im.Tramp)
	blob := linkStandIn(t, im.Arch, tramp, runner)
	if im.Arch == image.I386 {
		copy(seg, stubs.ThunkPage32(uint32(tramp), stubs.Slot.Disp32, uint32(runner)))
	} else {
		copy(seg, stubs.ThunkPage64(stubs.Slot.Disp64, runner))
	}
	copy(seg[runner-tramp:], blob)
	seg = append(seg, params(t, f, data, im)...)
	if uint64(len(seg)) > runner-tramp+zeroesAt {
		t.Fatalf("the table of sites is too long: %d bytes", len(seg))
	}

	out := bytes.Clone(data)
	for _, p := range im.Patches {
		if but != nil && but(im, p) {
			continue
		}
		copy(out[fileOffset(t, f, im.Base+p.Addr):], p.Data)
	}
	out = append(out, make([]byte, align(uint64(len(out)))-uint64(len(out)))...)
	addSegment(t, f, out, tramp, uint64(len(seg)), runner+zeroesAt+zeroes-tramp)
	if im.Arch == image.I386 {
		le.PutUint32(out[24:], uint32(runner+startAt))
	} else {
		le.PutUint64(out[24:], runner+startAt)
	}
	if err := os.WriteFile(file, append(out, seg...), 0o755); err != nil {
		t.Fatal(err)
	}
	return im
}

// addSegment describes a writable and executable segment that starts at the
// end of out, in the place of a program header that nobody misses.
func addSegment(t *testing.T, f *elf.File, out []byte, addr, filesz, memsz uint64) {
	t.Helper()
	spare := -1
	for _, typ := range []elf.ProgType{elf.PT_NULL, elf.PT_GNU_PROPERTY, elf.PT_NOTE, elf.PT_GNU_RELRO} {
		if i := slices.IndexFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == typ }); i >= 0 {
			spare = i
			break
		}
	}
	if spare < 0 {
		t.Fatal("no program header to spare")
	}
	off := uint64(len(out))
	if f.Class == elf.ELFCLASS32 {
		h := out[le.Uint32(out[28:])+uint32(spare)*32:]
		for i, v := range []uint64{uint64(elf.PT_LOAD), off, addr, addr, filesz, memsz, 7, pageSize} {
			le.PutUint32(h[4*i:], uint32(v))
		}
		return
	}
	h := out[le.Uint64(out[32:])+uint64(spare)*56:]
	le.PutUint32(h, uint32(elf.PT_LOAD))
	le.PutUint32(h[4:], 7)
	for i, v := range []uint64{off, addr, addr, filesz, memsz, pageSize} {
		le.PutUint64(h[8+8*i:], v)
	}
}

func fileOffset(t *testing.T, f *elf.File, a uint64) uint64 {
	t.Helper()
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD && a-p.Vaddr < p.Filesz {
			return a - p.Vaddr + p.Off
		}
	}
	t.Fatalf("%#x is in no segment", a)
	return 0
}

func linkStandIn(t *testing.T, arch image.Arch, tramp, runner uint64) []byte {
	t.Helper()
	i, emulation, glue := 0, "elf_i386", uint64(stubs.EnterGlue32)
	if arch == image.AMD64 {
		i, emulation, glue = 1, "elf_x86_64", stubs.EnterGlue64
	}
	objs, err := standInObjects[i]()
	if err != nil {
		winetest.Missing(t, err.Error())
	}
	out := filepath.Join(t.TempDir(), "stand-in.bin")
	args := []string{"-m", emulation, "-T", filepath.Join("..", "..", "testdata", "teb", "runner.ld"), "--oformat", "binary", "-o", out}
	for _, d := range []struct {
		name  string
		value uint64
	}{
		{"RUNNER", runner},
		{"PARAMS", runner + paramsAt},
		{"ZERO", runner + zeroesAt},
		{"FRAMES", frames},
		{"ENTERGLUE", tramp + glue},
	} {
		args = append(args, fmt.Sprintf("--defsym=%s=%#x", d.name, d.value))
	}
	if msg, err := exec.Command("ld", append(args, objs...)...).CombinedOutput(); err != nil {
		t.Fatalf("ld: %v\n%s", err, msg)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// params is struct params of runner.c: what the stand-in has to know.
func params(t *testing.T, f *elf.File, data []byte, im *image.Image) []byte {
	t.Helper()
	type entry struct {
		resume, addr, next uint64
		kind               image.Kind
		bytes              []byte
	}
	var sites []entry
	ends := map[uint64]bool{}
	for _, s := range im.Sites {
		switch s.Kind {
		case image.KindTLSOperand:
			continue // enters no thunk
		case image.KindSyscall:
			if im.Arch == image.I386 {
				continue
			}
		}
		addr := im.Base + s.Addr
		next := addr + uint64(s.Len)
		if ends[next] {
			t.Errorf("two sites end at %#x", next)
		}
		ends[next] = true
		off := fileOffset(t, f, addr)
		e := entry{next, addr, next, s.Kind, data[off : off+uint64(s.Len)]}
		sites = append(sites, e)
		// A return address is always the original one; a thunk that is jumped
		// to may go on in the trampoline.
		if s.Kind == image.KindVsyscallCall {
			continue
		}
		for _, m := range im.PCMap {
			if im.Base+m.Orig == next {
				e.resume = im.Base + m.Tramp
				sites = append(sites, e)
			}
		}
	}
	slices.SortFunc(sites, func(a, b entry) int { return cmp.Compare(a.resume, b.resume) })
	for i := 1; i < len(sites); i++ {
		if sites[i].resume == sites[i-1].resume {
			t.Errorf("sites at %#x and %#x go on at the same address", sites[i-1].addr, sites[i].addr)
		}
	}

	var b []byte
	put := func(v uint64) { b = le.AppendUint64(b, v) }
	code := im.Base + uint64(im.TrampAddr) + stubs.ThunkPageSize
	put(f.Entry)
	put(im.Base)
	put(code + uint64(len(im.Tramp)))
	put(code)
	put(code + uint64(len(im.Tramp)))
	put(uint64(len(im.Mirrors)))
	put(uint64(len(sites)))
	for i := range 8 {
		var m image.Mirror
		if i < len(im.Mirrors) {
			m = im.Mirrors[i]
		}
		put(uint64(int64(m.Off)))
		put(uint64(m.Slot))
	}
	for _, s := range sites {
		put(s.resume)
		put(s.addr)
		put(s.next)
		var raw [16]byte
		raw[0], raw[1] = byte(s.kind), byte(len(s.bytes))
		copy(raw[2:], s.bytes)
		b = append(b, raw[:]...)
	}
	return b
}
