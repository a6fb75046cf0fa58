//go:build linux

package loader

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"bee/image"
	"bee/runtime/abi"
	linuxhost "bee/runtime/host/linux"
	"bee/runtime/kernel"
)

const program = `
#include <stdio.h>
#include <stdlib.h>
int data[3000] = {1, 2, 3};
int bss[20000];
const char text[] = "read only";
__thread int tls = 5;
int main(int argc, char **argv) { printf("%s %d %p\n", text, data[1] + bss[argc] + tls, malloc(1)); return 0; }
`

// elsewhere links a program away from the test itself, which lies where gcc
// puts programs of its width.
const elsewhere = "-Wl,-Ttext-segment=0x50000000"

// plain are the flags for an IA-32 program at gcc's address if it is free.
func plain() []string {
	if runtime.GOARCH == "386" {
		return []string{"-m32", elsewhere}
	}
	return []string{"-m32"}
}

// build compiles the program.
func build(t *testing.T, flags ...string) string {
	t.Helper()
	dir := t.TempDir()
	src, exe := filepath.Join(dir, "p.c"), filepath.Join(dir, "p")
	if err := os.WriteFile(src, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"-O1", "-o", exe, src}, flags...)
	if !slices.Contains(flags, "-static-pie") {
		args = append(args, "-static", "-no-pie")
	}
	if out, err := exec.Command("gcc", args...).CombinedOutput(); err != nil {
		t.Skipf("gcc %v: %v\n%s", flags, err, out)
	}
	return exe
}

// native starts a program and stops it before its first instruction.
func native(t *testing.T, exe string, args, env []string) int {
	t.Helper()
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	p, err := os.StartProcess(exe, args, &os.ProcAttr{Env: env, Sys: &syscall.SysProcAttr{Ptrace: true}})
	if err != nil {
		t.Skipf("cannot trace: %v", err)
	}
	t.Cleanup(func() {
		_ = p.Kill()
		_, _ = p.Wait()
	})
	var ws syscall.WaitStatus
	if _, err := syscall.Wait4(p.Pid, &ws, 0, nil); err != nil || !ws.Stopped() {
		t.Fatalf("wait: %v, status %#x", err, ws)
	}
	return p.Pid
}

// perms reads the protection of each page in [lo, hi) from a maps file.
func perms(text string, lo, hi uint64) string {
	var b strings.Builder
	at := lo
	for sc := bufio.NewScanner(strings.NewReader(text)); sc.Scan(); {
		var a, z uint64
		var p string
		if _, err := fmt.Sscanf(sc.Text(), "%x-%x %s", &a, &z, &p); err != nil {
			continue
		}
		for ; at < hi && at < z; at += abi.PageSize {
			if at < a {
				b.WriteString("-\n")
			} else {
				b.WriteString(p + "\n")
			}
		}
	}
	return b.String()
}

// pairs decodes an auxiliary vector.
func pairs(b []byte, w int) (types []uint64, values map[uint64]uint64) {
	values = map[uint64]uint64{}
	word := func(i int) uint64 {
		if w == 8 {
			return binary.LittleEndian.Uint64(b[i*8:])
		}
		return uint64(binary.LittleEndian.Uint32(b[i*4:]))
	}
	for i := 0; (i+2)*w <= len(b); i += 2 {
		types = append(types, word(i))
		values[word(i)] = word(i + 1)
		if word(i) == abi.AT_NULL {
			break
		}
	}
	return types, values
}

func TestLoadLikeLinux(t *testing.T) {
	for _, c := range []struct {
		name  string
		arch  image.Arch
		pie   bool
		flags []string
	}{
		{"i386", image.I386, false, plain()},
		{"i386 one segment for text and headers", image.I386, false, append(plain(), "-Wl,-z,noseparate-code")},
		{"amd64", image.AMD64, false, []string{"-m64", elsewhere}},
		// lld's address; there is room up to the test's own 0x400000.
		{"amd64 lld", image.AMD64, false, []string{"-m64", "-fuse-ld=lld"}},
		{"i386 PIE", image.I386, true, []string{"-m32", "-static-pie"}},
		{"amd64 PIE", image.AMD64, true, []string{"-m64", "-static-pie"}},
	} {
		t.Run(c.name, func(t *testing.T) { loadLikeLinux(t, c.arch, c.pie, build(t, c.flags...)) })
	}
}

// TestLoadAtGccAddress loads an x86-64 program at 0x400000. The test itself
// lies there unless it is position-independent, so that it makes itself so.
func TestLoadAtGccAddress(t *testing.T) {
	const again = "BEE_LOADER_TEST_PIE"
	if runtime.GOARCH != "amd64" {
		t.Skip("no such test of this width")
	}
	if _, ok := (&linuxhost.Memory{}).Free(0x400000, 0x800000, 0x400000); ok {
		loadLikeLinux(t, image.AMD64, false, build(t, "-m64"))
		return
	}
	if os.Getenv(again) != "" {
		t.Skip("something lies at 0x400000 even in a position-independent program")
	}
	if testing.Short() {
		t.Skip("compiles the test again")
	}
	exe := filepath.Join(t.TempDir(), "pie.test")
	c := exec.Command("go", "test", "-c", "-buildmode=pie", "-o", exe, ".")
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		t.Skipf("no position-independent test: %v\n%s", err, out)
	}
	c = exec.Command(exe, "-test.run=^"+t.Name()+"$", "-test.v")
	c.Env = append(os.Environ(), again+"=1")
	out, err := c.CombinedOutput()
	switch {
	case err != nil:
		t.Errorf("%v\n%s", err, out)
	case bytes.Contains(out, []byte("--- SKIP")):
		t.Skipf("%s", out)
	}
}

func loadLikeLinux(t *testing.T, arch image.Arch, pie bool, exe string) {
	args, env := []string{"p", "an argument", ""}, []string{"A=1", "EMPTY=", "ÜMLAUT=ü"}
	pid := native(t, exe, args, env)
	proc := func(name string) []byte {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()

	f, err := os.Open(exe)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fi, _ := f.Stat()
	h, err := readHeader(f, uint64(fi.Size()), arch, pie, 0)
	if err != nil {
		t.Fatal(err)
	}
	as, arena, release := space(t, arch)
	defer release()
	img := &image.Image{SourceSize: uint64(fi.Size()), Arch: arch, PIE: pie, Base: h.imageLo, Size: h.imgHi - h.imageLo, TrampAddr: 16 << 20}
	// moved is how far Linux has loaded it from where we do.
	var moved uint64
	if pie {
		if err := img.MoveTo(free(t)); err != nil {
			t.Fatal(err)
		}
		_, values := pairs(proc("auxv"), map[image.Arch]int{image.I386: 4, image.AMD64: 8}[arch])
		moved = values[abi.AT_PHDR] - h.phoff - img.Base
	}
	st, err := Load(f, img, as, Params{
		Args: args, Env: env, ExecFN: exe, UID: 1000, GID: 1000, HWCap: 0x1234, MinSigStack: 2048, SysInfo: 0x5678,
		File: &kernel.MapInfo{Path: exe},
		Random: func(b []byte) abi.Errno {
			copy(b, "0123456789abcdef")
			return 0
		},
	})
	if err != nil {
		t.Fatal(err)
	}

	if got, want := perms(as.MapsText(), st.ImageLo, st.ImageHi), perms(string(proc("maps")), st.ImageLo+moved, st.ImageHi+moved); got != want {
		t.Errorf("protections\n%s\nLinux:\n%s", as.MapsText(), proc("maps"))
	}
	for a := st.ImageLo; a < st.ImageHi; a += abi.PageSize {
		var ours, theirs [abi.PageSize]byte
		e := as.ReadSegment(a, ours[:])
		_, err := mem.ReadAt(theirs[:], int64(a+moved))
		if (e == 0) != (err == nil) {
			t.Errorf("page %#x: %v, Linux: %v", a, e, err)
		} else if ours != theirs {
			t.Errorf("page %#x differs", a)
		}
	}

	if st.StackHi > arena.Hi || st.StackLo < arena.Lo+stackGuard || st.StackHi-st.StackLo != StackDefault {
		t.Errorf("stack %#x-%#x, arena %#x", st.StackLo, st.StackHi, arena)
	}

	// The stack, by the words that Linux puts there.
	w := 8
	if arch == image.I386 {
		w = 4
	}
	stack := make([]byte, st.StackHi-st.SP)
	if e := as.ReadSegment(st.SP, stack); e != 0 {
		t.Fatal(e)
	}
	if st.SP%16 != 0 {
		t.Errorf("stack pointer %#x", st.SP)
	}
	word := func(i int) uint64 {
		if w == 8 {
			return binary.LittleEndian.Uint64(stack[i*8:])
		}
		return uint64(binary.LittleEndian.Uint32(stack[i*4:]))
	}
	text := func(a uint64) string {
		s, _, _ := bytes.Cut(stack[a-st.SP:], []byte{0})
		return string(s)
	}
	if word(0) != uint64(len(args)) {
		t.Errorf("argc %d", word(0))
	}
	i := 1
	for _, list := range [][]string{args, env} {
		for _, s := range list {
			if got := text(word(i)); got != s {
				t.Errorf("string %q, want %q", got, s)
			}
			i++
		}
		if word(i) != 0 {
			t.Errorf("word %d is %#x", i, word(i))
		}
		i++
	}
	if st.SP+uint64(i*w) != st.AuxvAddr {
		t.Errorf("auxiliary vector at %#x, want %#x", st.AuxvAddr, st.SP+uint64(i*w))
	}
	types, values := pairs(stack[i*w:], w)
	nativeTypes, nativeValues := pairs(proc("auxv"), w)
	// What is compared by itself below, and what is newer than 6.1.
	var want []uint64
	for _, typ := range nativeTypes {
		switch typ {
		case abi.AT_SYSINFO_EHDR, 27, 28, abi.I386_AT_SYSINFO, abi.AT_MINSIGSTKSZ: // 27, 28: AT_RSEQ_*
		default:
			want = append(want, typ)
		}
	}
	var got []uint64
	for _, typ := range types {
		if typ != abi.I386_AT_SYSINFO && typ != abi.AT_SYSINFO_EHDR && typ != abi.AT_MINSIGSTKSZ {
			got = append(got, typ)
		}
	}
	if _, ok := values[abi.I386_AT_SYSINFO]; ok != (arch == image.I386) {
		t.Errorf("AT_SYSINFO: %v", ok)
	}
	if _, ok := values[abi.AT_SYSINFO_EHDR]; ok != (arch == image.AMD64) {
		t.Errorf("AT_SYSINFO_EHDR: %v", ok)
	}
	if v := values[abi.AT_MINSIGSTKSZ]; v != 2048 {
		t.Errorf("AT_MINSIGSTKSZ %d", v)
	}
	if v, ok := values[abi.AT_HWCAP2]; !ok || v != 0 {
		t.Errorf("AT_HWCAP2 %#x %v", v, ok)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("auxiliary vector %d, Linux: %d", got, want)
	}
	for _, typ := range []uint64{
		abi.AT_PAGESZ, abi.AT_CLKTCK, abi.AT_PHDR, abi.AT_PHENT, abi.AT_PHNUM, abi.AT_BASE, abi.AT_FLAGS, abi.AT_ENTRY, abi.AT_SECURE,
	} {
		if v := values[typ]; pie && (typ == abi.AT_PHDR || typ == abi.AT_ENTRY) {
			values[typ] = v + moved
		}
		if values[typ] != nativeValues[typ] {
			t.Errorf("auxiliary %d: %#x, Linux: %#x", typ, values[typ], nativeValues[typ])
		}
	}
	if s := text(values[abi.AT_EXECFN]); s != exe {
		t.Errorf("AT_EXECFN %q", s)
	}
	platform := make([]byte, 16)
	_, _ = mem.ReadAt(platform, int64(nativeValues[abi.AT_PLATFORM]))
	if s := text(values[abi.AT_PLATFORM]); !strings.HasPrefix(string(platform), s+"\x00") {
		t.Errorf("AT_PLATFORM %q, Linux: %q", s, platform)
	}
	if s := text(values[abi.AT_RANDOM])[:16]; s != "0123456789abcdef" {
		t.Errorf("AT_RANDOM %q", s)
	}
	if st.Entry+moved != nativeValues[abi.AT_ENTRY] {
		t.Errorf("entry %#x", st.Entry)
	}
}

// space makes an address space with an arena for the stack, where such a guest
// has its own: far up for x86-64.
func space(t *testing.T, arch image.Arch) (*kernel.AddressSpace, kernel.Range, func()) {
	t.Helper()
	m := &recorder{}
	lo, hi := uint64(0x40000000), uint64(0x7f000000)
	if arch == image.AMD64 && bits.UintSize == 64 {
		lo, hi = 1<<40, 0x7e00_0000_0000
	}
	p, ok := m.Free(uintptr(lo), uintptr(hi), 32<<20)
	if !ok {
		t.Fatal("no room for an arena")
	}
	arena := kernel.Range{Lo: uint64(p), Hi: uint64(p) + 32<<20}
	as, err := kernel.NewAddressSpace(kernel.SpaceConfig{Memory: m, Arenas: []kernel.Range{arena}})
	if err != nil {
		t.Fatal(err)
	}
	return as, arena, m.releaseAll
}

// free finds a place for a position-independent program.
func free(t *testing.T) uint64 {
	t.Helper()
	p, ok := (&linuxhost.Memory{}).Free(0x10000000, 0x40000000, 32<<20)
	if !ok {
		t.Fatal("no room for a program")
	}
	return (uint64(p) + 1<<20 - 1) &^ (1<<20 - 1)
}

// recorder gives back what was reserved.
type recorder struct {
	linuxhost.Memory
	res [][2]uintptr
}

func (r *recorder) Reserve(addr, size uintptr) abi.Errno {
	e := r.Memory.Reserve(addr, size)
	if e == 0 {
		r.res = append(r.res, [2]uintptr{addr, size})
	}
	return e
}

func (r *recorder) releaseAll() {
	for _, x := range r.res {
		r.Release(x[0], x[1])
	}
}

func TestPatchesAndTrampolines(t *testing.T) {
	exe := build(t, plain()...)
	f, err := os.Open(exe)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fi, _ := f.Stat()
	h, err := readHeader(f, uint64(fi.Size()), image.I386, false, 0)
	if err != nil {
		t.Fatal(err)
	}
	as, _, release := space(t, image.I386)
	defer release()
	entry := h.entry - h.imageLo
	img := &image.Image{
		SourceSize: uint64(fi.Size()), Arch: image.I386, Base: h.imageLo,
		Patches:    []image.Patch{{Addr: entry, Data: []byte("patched-here")}},
		TrampAddr:  int64(h.imgHi - h.imageLo),
		Tramp:      []byte("trampolines"),
		SlotFixups: []image.SlotFixup{{Addr: entry + 8, Slot: 3}, {Addr: h.imgHi - h.imageLo + abi.PageSize, Slot: 1, Part: 2}},
	}
	st, err := Load(f, img, as, Params{ThunkPage: []byte("thunks"), SlotDisp: func(s uint8) uint32 { return 0x41414141 + uint32(s) }})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		at   uint64
		want string
	}{
		{h.entry, "patched-DAAA"},
		{st.ThunkPage, "thunks\x00"},
		{st.TrampLo + abi.PageSize, "DAAApolines\x00"},
	} {
		b := make([]byte, len(c.want))
		if e := as.ReadSegment(c.at, b); e != 0 || string(b) != c.want {
			t.Errorf("%#x: %q (%v), want %q", c.at, b, e, c.want)
		}
	}
	if st.Brk != st.TrampHi || st.TrampLo != h.imgHi {
		t.Errorf("%+v", st)
	}
	if e := as.WriteSegment(h.entry, []byte("x")); e == 0 {
		t.Error("text can be written after loading")
	}
}

// The addresses in the trampolines and patches of a PIE move with it.
func TestAddresses(t *testing.T) {
	exe := build(t, "-m32", "-static-pie")
	f, err := os.Open(exe)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fi, _ := f.Stat()
	h, err := readHeader(f, uint64(fi.Size()), image.I386, true, 0)
	if err != nil {
		t.Fatal(err)
	}
	as, _, release := space(t, image.I386)
	defer release()
	tramp := h.imgHi + abi.PageSize
	img := &image.Image{
		SourceSize: uint64(fi.Size()), Arch: image.I386, PIE: true, Size: h.imgHi,
		Patches:   []image.Patch{{Addr: h.entry, Data: []byte("\x68\x34\x12\x00\x00\xc3")}},
		TrampAddr: int64(h.imgHi), Tramp: []byte("\x68\x00\x00\x01\x00\xc3"),
		AbsFixups: []uint64{h.entry + 1, tramp + 1},
	}
	base := free(t)
	if err := img.MoveTo(base); err != nil {
		t.Fatal(err)
	}
	st, err := Load(f, img, as, Params{ThunkPage: []byte("thunks")})
	if err != nil {
		t.Fatal(err)
	}
	if st.Entry != base+h.entry || st.PHdr != base+h.phoff || st.ImageLo != base || st.TrampLo != base+h.imgHi || st.Brk < st.TrampHi {
		t.Errorf("%+v", st)
	}
	for at, want := range map[uint64]uint64{base + h.entry + 1: base + 0x1234, base + tramp + 1: base + 0x10000} {
		b := make([]byte, 5)
		if e := as.ReadSegment(at, b); e != 0 || uint64(binary.LittleEndian.Uint32(b)) != want || b[4] != 0xc3 {
			t.Errorf("%#x: % x (%v), want %#x", at, b, e, want)
		}
	}
}

func TestDamaged(t *testing.T) {
	exe := build(t, plain()...)
	whole, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 3, 51, 52, 60, 100, len(whole) / 2} {
		as, _, release := space(t, image.I386)
		img := &image.Image{SourceSize: uint64(n), Arch: image.I386, Base: 0x08048000}
		if _, err := Load(bytes.NewReader(whole[:n]), img, as, Params{}); err == nil {
			t.Errorf("cut to %d bytes it loads", n)
		}
		release()
	}
}

func FuzzHeader(f *testing.F) {
	f.Add([]byte("\x7fELF"), true)
	f.Fuzz(func(_ *testing.T, b []byte, wide bool) {
		arch := image.I386
		if wide {
			arch = image.AMD64
		}
		_, _ = readHeader(bytes.NewReader(b), uint64(len(b)), arch, len(b)%2 == 1, 0x1000)
	})
}
