package loader

import (
	"encoding/binary"
	"fmt"

	"bee/image"
	"bee/runtime/abi"
	"bee/runtime/kernel"
	"bee/stubs"
)

// makeStack maps the stack and fills its top. From high to low addresses:
//
//	a zero word
//	ExecFN, environment, arguments (each string above its predecessor)
//	AT_PLATFORM's string, AT_RANDOM's 16 bytes
//	auxiliary vector, environment pointers, argument pointers, argc
//
// The stack pointer is at argc, a multiple of 16.
func makeStack(as *kernel.AddressSpace, arch image.Arch, h *header, p Params, st *Start) error {
	size := pageUp(p.StackSize)
	if size == 0 {
		size = StackDefault
	}
	// Linux refuses strings that take more than a quarter of the stack's
	// limit (E2BIG).
	total := uint64(0)
	for _, s := range append(append([]string{p.ExecFN}, p.Args...), p.Env...) {
		total += uint64(len(s)) + 1 + 8
	}
	if total > size/4 {
		return fmt.Errorf("arguments and environment of %d bytes: %w", total, abi.E2BIG)
	}
	lo, errno := as.MapAnywhere(size, stackGuard, "[stack]")
	if errno != 0 {
		return errno
	}
	st.StackLo, st.StackHi = lo, lo+size
	m, errno := as.SegmentBytes(lo, size)
	if errno != 0 {
		return errno
	}
	w := uint64(4)
	platform := "i686"
	if arch == image.AMD64 {
		w, platform = 8, "x86_64"
	}
	at := size - w
	push := func(s string) uint64 {
		at -= uint64(len(s)) + 1
		copy(m[at:], s)
		m[at+uint64(len(s))] = 0
		return lo + at
	}
	execfn := push(p.ExecFN)
	st.EnvHi = execfn
	env := make([]uint64, len(p.Env))
	for i := len(p.Env) - 1; i >= 0; i-- {
		env[i] = push(p.Env[i])
	}
	st.ArgsHi = lo + at
	args := make([]uint64, len(p.Args))
	for i := len(p.Args) - 1; i >= 0; i-- {
		args[i] = push(p.Args[i])
	}
	st.ArgsLo = lo + at
	at &^= 15
	platformAddr := push(platform)
	at -= 16
	random := lo + at
	if p.Random != nil {
		if err := p.Random(m[at : at+16]); err != 0 {
			return fmt.Errorf("AT_RANDOM: %w", err)
		}
	}

	var aux []uint64
	add := func(typ, v uint64) { aux = append(aux, typ, v) }
	if p.SysInfo != 0 && arch == image.I386 {
		add(abi.I386_AT_SYSINFO, p.SysInfo)
	}
	if arch == image.AMD64 {
		vdso, err := mapVDSO(as, st.TrampLo+uint64(stubs.ThunkSyscall.Off()))
		if err != 0 {
			return fmt.Errorf("vdso: %w", err)
		}
		add(abi.AT_SYSINFO_EHDR, vdso)
	}
	if p.MinSigStack != 0 {
		add(abi.AT_MINSIGSTKSZ, p.MinSigStack)
	}
	add(abi.AT_HWCAP, uint64(p.HWCap))
	add(abi.AT_PAGESZ, abi.PageSize)
	add(abi.AT_CLKTCK, 100)
	add(abi.AT_PHDR, h.phdr)
	add(abi.AT_PHENT, uint64(h.phent))
	add(abi.AT_PHNUM, uint64(h.phnum))
	add(abi.AT_BASE, 0)
	add(abi.AT_FLAGS, 0)
	add(abi.AT_ENTRY, h.entry)
	add(abi.AT_UID, uint64(p.UID))
	add(abi.AT_EUID, uint64(p.UID))
	add(abi.AT_GID, uint64(p.GID))
	add(abi.AT_EGID, uint64(p.GID))
	add(abi.AT_SECURE, 0)
	add(abi.AT_RANDOM, random)
	add(abi.AT_HWCAP2, uint64(p.HWCap2))
	add(abi.AT_EXECFN, execfn)
	add(abi.AT_PLATFORM, platformAddr)
	add(abi.AT_NULL, 0)

	words := []uint64{uint64(len(args))}
	words = append(append(words, args...), 0)
	words = append(append(words, env...), 0)
	auxIndex := uint64(len(words))
	words = append(words, aux...)
	at = (at - uint64(len(words))*w) &^ 15
	st.SP = lo + at
	st.AuxvAddr, st.AuxvSize = st.SP+auxIndex*w, uint64(len(aux))*w
	for i, v := range words {
		if w == 8 {
			binary.LittleEndian.PutUint64(m[at+uint64(i)*8:], v)
		} else {
			binary.LittleEndian.PutUint32(m[at+uint64(i)*4:], uint32(v))
		}
	}
	return nil
}
