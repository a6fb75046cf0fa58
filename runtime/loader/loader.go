// Package loader puts a program into a guest's address space, as execve does
// on Linux: segments, patches of the program's patch set, the trampoline
// segment, and the stack with arguments, environment and auxiliary vector.
//
// In come the ELF file (the first part of a .bee) and its Image; out goes
// where to start. The runner calls it once per program.
package loader

import (
	"encoding/binary"
	"fmt"
	"io"

	"bee/image"
	"bee/runtime/abi"
	"bee/runtime/kernel"
)

// Params is what the program is started with.
type Params struct {
	Args, Env []string
	// ExecFN is AT_EXECFN: the path that the program was started by.
	ExecFN   string
	UID, GID uint32
	// HWCap is CPUID.1:EDX. HWCap2 is 0 on Windows: bit 1 would invite
	// programs to use wrfsbase and wrgsbase.
	HWCap, HWCap2 uint32
	// SysInfo is AT_SYSINFO, the address of libc's fast system call (IA-32);
	// 0 leaves it out.
	SysInfo uint64
	// MinSigStack is AT_MINSIGSTKSZ, the size of a signal frame with all
	// vector state; 0 leaves it out, and libc takes 2048.
	MinSigStack uint64
	// Random fills the 16 bytes of AT_RANDOM.
	Random func([]byte) abi.Errno

	// ThunkPage is the content of the trampoline segment's first page.
	ThunkPage []byte
	// SlotDisp tells a slot's displacement from the segment base, which goes
	// into every place that the manifest lists. Nil leaves them as they are.
	SlotDisp func(slot uint8) uint32

	// StackSize is 8 MiB if 0.
	StackSize uint64
	// File is what /proc/self/maps shows for the image.
	File *kernel.MapInfo
	// AllowWX maps segments that are writable and executable as they are;
	// otherwise they are an error.
	AllowWX bool
}

// Start says where the program begins and what lies where.
type Start struct {
	Entry, SP          uint64 // the first values of the program counter and the stack pointer
	ThunkPage          uint64
	TrampLo, TrampHi   uint64 // the trampoline segment, thunk page included
	ImageLo, ImageHi   uint64
	StackLo, StackHi   uint64
	PHdr               uint64
	Brk                uint64
	ArgsLo, ArgsHi     uint64 // strings of the arguments
	EnvHi              uint64 // where those of the environment, which follow, end
	AuxvAddr, AuxvSize uint64
}

// Layout is what of it /proc tells.
func (s *Start) Layout() kernel.Layout {
	return kernel.Layout{
		CodeLo: s.ImageLo, CodeHi: s.ImageHi, StackTop: s.SP, ArgsLo: s.ArgsLo, ArgsHi: s.ArgsHi, EnvHi: s.EnvHi,
		AuxvAddr: s.AuxvAddr, AuxvLen: s.AuxvSize,
	}
}

// StackDefault is the size of the stack, Linux's default limit.
const StackDefault = 8 << 20

// stackGuard is how much stays inaccessible below the stack (Linux keeps 256
// pages free).
const stackGuard = 1 << 20

// Load loads the program of the file's first img.SourceSize bytes to where img
// lies (see image.Image.MoveTo).
func Load(file io.ReaderAt, img *image.Image, as *kernel.AddressSpace, p Params) (*Start, error) {
	h, err := readHeader(file, img.SourceSize, img.Arch, img.PIE, img.Bias())
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	st := &Start{Entry: h.entry, ImageLo: h.imageLo, ImageHi: h.imgHi, PHdr: h.phdr}
	if h.imageLo != img.Base {
		return nil, fmt.Errorf("load: the image starts at %#x, its patch set is for %#x", h.imageLo, img.Base)
	}
	for _, s := range h.segs {
		if s.flags&(pfW|pfX) == pfW|pfX && !p.AllowWX {
			return nil, fmt.Errorf("load: segment at %#x is both writable and executable", s.addr)
		}
	}
	for i := range h.segs {
		if err := mapSegment(file, img.SourceSize, as, &h.segs[i], p.File); err != nil {
			return nil, fmt.Errorf("load: segment at %#x: %w", h.segs[i].addr, err)
		}
	}
	if err := mapTrampolines(img, as, p, st); err != nil {
		return nil, fmt.Errorf("load: trampolines: %w", err)
	}
	if err := patch(img, as, p); err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	// Later segments have the last word where two share a page.
	for _, s := range h.segs {
		lo, hi := pageDown(s.addr), pageUp(s.addr+s.memsz)
		if err := as.Seal(lo, hi-lo, prot(s.flags)); err != 0 {
			return nil, fmt.Errorf("load: protecting the segment at %#x: %w", s.addr, err)
		}
	}
	if st.TrampHi > st.TrampLo {
		if err := as.Seal(st.TrampLo, st.TrampHi-st.TrampLo, abi.PROT_READ|abi.PROT_EXEC); err != 0 {
			return nil, fmt.Errorf("load: protecting the trampolines: %w", err)
		}
	}
	st.Brk = max(h.imgHi, st.TrampHi)
	as.SetBrk(st.Brk)
	if err := makeStack(as, img.Arch, h, p, st); err != nil {
		return nil, fmt.Errorf("load: stack: %w", err)
	}
	return st, nil
}

// Original copies bytes of the program as they were before the patches; addr is
// where they lie in memory. Of the file's headers only those count that Load has
// read, the program headers: section headers may be missing or wrong.
func Original(file io.ReaderAt, img *image.Image, addr uint64, b []byte) error {
	h, err := readHeader(file, img.SourceSize, img.Arch, img.PIE, img.Bias())
	if err != nil {
		return err
	}
	for _, s := range h.segs {
		if addr >= s.addr && addr-s.addr <= s.filesz && uint64(len(b)) <= s.filesz-(addr-s.addr) {
			if n, err := file.ReadAt(b, int64(s.off+(addr-s.addr))); n < len(b) {
				return fmt.Errorf("the program's bytes at %#x: %w", addr, noEOF(err))
			}
			return nil
		}
	}
	return fmt.Errorf("%#x is in no segment of the program", addr)
}

func prot(flags uint32) uint8 {
	var p uint8
	if flags&pfR != 0 {
		p |= abi.PROT_READ
	}
	if flags&pfW != 0 {
		p |= abi.PROT_WRITE
	}
	if flags&pfX != 0 {
		p |= abi.PROT_EXEC
	}
	return p
}

// mapSegment maps whole pages of the file, as Linux does: what lies before the
// segment on its first page and behind it on its last one comes along, unless
// there is bss, which begins with zeroes at once.
func mapSegment(file io.ReaderAt, size uint64, as *kernel.AddressSpace, s *segment, info *kernel.MapInfo) error {
	lo, hi := pageDown(s.addr), pageUp(s.addr+s.memsz)
	off := pageDown(s.off)
	fileHi := pageUp(s.addr + s.filesz)
	if s.filesz == 0 {
		fileHi = lo
	}
	if fileHi > lo {
		if err := as.MapSegment(kernel.Segment{Addr: lo, Size: fileHi - lo, File: info, Offset: off, Replace: true}); err != 0 {
			return err
		}
		end := min(off+(fileHi-lo), size)
		if s.memsz > s.filesz {
			end = s.off + s.filesz
		}
		b, errno := as.SegmentBytes(lo, end-off)
		if errno != 0 {
			return errno
		}
		if n, err := file.ReadAt(b, int64(off)); n < len(b) {
			return fmt.Errorf("file offset %#x: %w", off+uint64(n), noEOF(err))
		}
	}
	if hi > fileHi {
		if err := as.MapSegment(kernel.Segment{Addr: fileHi, Size: hi - fileHi, Replace: true}); err != 0 {
			return err
		}
	}
	return nil
}

// mapTrampolines maps the thunk page and what follows it.
func mapTrampolines(img *image.Image, as *kernel.AddressSpace, p Params, st *Start) error {
	if len(img.Tramp) == 0 && len(p.ThunkPage) == 0 {
		return nil
	}
	if len(p.ThunkPage) > abi.PageSize {
		return fmt.Errorf("the thunk page has %d bytes", len(p.ThunkPage))
	}
	lo := img.Base + uint64(img.TrampAddr)
	size := abi.PageSize + pageUp(uint64(len(img.Tramp)))
	if lo%abi.PageSize != 0 || lo+size < lo {
		return fmt.Errorf("bad address %#x", lo)
	}
	if err := as.MapSegment(kernel.Segment{Addr: lo, Size: size, Hidden: true}); err != 0 {
		return err
	}
	if len(p.ThunkPage) > 0 {
		if err := as.WriteSegment(lo, p.ThunkPage); err != 0 {
			return err
		}
	}
	if len(img.Tramp) > 0 {
		if err := as.WriteSegment(lo+abi.PageSize, img.Tramp); err != 0 {
			return err
		}
	}
	st.ThunkPage, st.TrampLo, st.TrampHi = lo, lo, lo+size
	return nil
}

// patch applies the patch set while everything can still be written.
func patch(img *image.Image, as *kernel.AddressSpace, p Params) error {
	for _, c := range img.Patches {
		if len(c.Data) == 0 {
			continue
		}
		if err := as.WriteSegment(img.Base+c.Addr, c.Data); err != 0 {
			return fmt.Errorf("patch at %#x: %w", img.Base+c.Addr, err)
		}
	}
	if bias := img.Bias(); bias != 0 {
		for _, a := range img.AbsFixups {
			var b [4]byte
			if err := as.ReadSegment(img.Base+a, b[:]); err != 0 {
				return fmt.Errorf("address at %#x: %w", img.Base+a, err)
			}
			binary.LittleEndian.PutUint32(b[:], binary.LittleEndian.Uint32(b[:])+uint32(bias))
			if err := as.WriteSegment(img.Base+a, b[:]); err != 0 {
				return fmt.Errorf("address at %#x: %w", img.Base+a, err)
			}
		}
	}
	if p.SlotDisp == nil {
		return nil
	}
	for _, f := range img.SlotFixups {
		var b [4]byte
		binary.LittleEndian.PutUint32(b[:], p.SlotDisp(f.Slot)+uint32(f.Part))
		if err := as.WriteSegment(img.Base+f.Addr, b[:]); err != 0 {
			return fmt.Errorf("slot %d at %#x: %w", f.Slot, img.Base+f.Addr, err)
		}
	}
	return nil
}
