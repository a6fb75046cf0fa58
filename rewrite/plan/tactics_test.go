package plan

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"bee/image"
	"bee/rewrite/decode"
	"bee/stubs"

	"golang.org/x/arch/x86/x86asm"
)

// fakeCode is a codeView on one region that is swept from its start. Bytes
// in pads are padding, all else is instructions of one function.
type fakeCode struct {
	mode    decode.Mode
	reg     Region
	starts  map[uint64]bool
	cover   map[uint64]bool
	targets map[uint64]bool
	pads    []Region
	broken  bool // a branch goes where nothing decodes, or padding does
	open    bool // the function has unresolved jumps
}

func newFake(t *testing.T, mode decode.Mode, addr uint64, data []byte, pads ...Region) *fakeCode {
	t.Helper()
	f := &fakeCode{
		mode: mode, reg: Region{addr, data}, pads: pads,
		starts: map[uint64]bool{}, cover: map[uint64]bool{}, targets: map[uint64]bool{},
	}
	for off := 0; off < len(data); {
		a := addr + uint64(off)
		if _, end, ok := f.padding(a); ok {
			off = int(end - addr)
			continue
		}
		in, err := decode.Decode(data[off:], mode)
		if err != nil {
			t.Fatalf("% x: %v", data[off:], err)
		}
		f.starts[a] = true
		for i := range uint64(in.Len) {
			f.cover[a+i] = true
		}
		switch in.Class {
		case decode.Jcc, decode.Jmp, decode.Call:
			f.targets[in.Target(a)] = true
		}
		if in.Class == decode.Call || in.Class == decode.CallInd {
			f.targets[a+uint64(in.Len)] = true
		}
		off += int(in.Len)
	}
	// Jumps into instructions prove what they find there.
	for a := range f.targets {
		if !f.cover[a] {
			continue
		}
		in, err := decode.Decode(f.bytes(a, 15), mode)
		f.broken = f.broken || err != nil
		for b := a; b < a+uint64(in.Len); b++ {
			f.broken = f.broken || !f.cover[b]
		}
		f.starts[a] = true
	}
	return f
}

func (f *fakeCode) instAt(a uint64) bool      { return f.starts[a] }
func (f *fakeCode) covered(a uint64) bool     { return f.cover[a] }
func (f *fakeCode) target(a uint64) bool      { return f.targets[a] }
func (f *fakeCode) unproven() []image.Pattern { return nil }
func (f *fakeCode) stats() Stats              { return Stats{} }
func (f *fakeCode) end() uint64               { return f.reg.Addr + uint64(len(f.reg.Data)) }
func (f *fakeCode) function(a uint64) (function, bool) {
	if a < f.reg.Addr || a >= f.end() {
		return function{}, false
	}
	return function{f.reg.Addr, f.end(), "fake", !f.open}, true
}

func (f *fakeCode) padding(a uint64) (start, end uint64, ok bool) {
	for _, p := range f.pads {
		if a >= p.Addr && a < p.Addr+uint64(len(p.Data)) {
			return p.Addr, p.Addr + uint64(len(p.Data)), true
		}
	}
	return 0, 0, false
}

func (f *fakeCode) each(from uint64, fn func(a uint64, in *decode.Inst, raw []byte) bool) {
	for a := max(from, f.reg.Addr); a < f.end(); a++ {
		if !f.starts[a] {
			continue
		}
		raw := f.bytes(a, 15)
		in, _ := decode.Decode(raw, f.mode)
		if !fn(a, &in, raw[:in.Len]) {
			return
		}
	}
}

func (f *fakeCode) bytes(a uint64, n int) []byte {
	if a < f.reg.Addr || a >= f.end() {
		return nil
	}
	b := f.reg.Data[a-f.reg.Addr:]
	return b[:min(n, len(b))]
}

// assemble reads bytes in hexadecimal, comments behind ';'.
func assemble(t *testing.T, src string) []byte {
	t.Helper()
	var out []byte
	for line := range strings.Lines(src) {
		line, _, _ = strings.Cut(line, ";")
		b, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(line), " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b...)
	}
	return out
}

const textAddr = 0x8048000

func opts(arch image.Arch, form Form) Options {
	return Options{Arch: arch, Form: form, ImageLo: textAddr, ImageEnd: textAddr + 0x1000}
}

// listing prints patches and trampolines as text.
func listing(t *testing.T, p *Plan, mode int) string {
	t.Helper()
	var b strings.Builder
	put := func(a uint64, d []byte, mark func(uint64) string) {
		for len(d) > 0 {
			n := 0
			for n < len(d) && d[n] == 0xcc {
				n++
			}
			if n > 8 {
				fmt.Fprintf(&b, "%x: %d times int3\n", a, n)
				a, d = a+uint64(n), d[n:]
				continue
			}
			in, err := x86asm.Decode(d, mode)
			if err != nil {
				t.Fatalf("%#x: % x: %v", a, d, err)
			}
			fmt.Fprintf(&b, "%x: %x | %s%s\n", a, d[:in.Len], x86asm.GNUSyntax(in, a, nil), mark(a))
			a, d = a+uint64(in.Len), d[in.Len:]
		}
	}
	for _, q := range p.Patches {
		put(q.Addr, q.Data, func(uint64) string { return "" })
	}
	b.WriteString("--\n")
	put(p.TrampAddr+0x1000, p.Tramp, func(a uint64) string {
		for _, e := range p.PCMap {
			if e.Tramp == a {
				s := fmt.Sprintf(" | %x", e.Orig)
				if e.Start {
					s += "*"
				}
				if e.Spill != image.NoReg {
					s += fmt.Sprintf(" %d", e.Spill)
				}
				if e.Second != 0 {
					s += fmt.Sprintf(",%d", e.Second-1)
				}
				for i, name := range []string{" biased", " pushed", " reload"} {
					if e.Undo>>i&1 != 0 {
						s += name
					}
				}
				return s
			}
		}
		return " | ?"
	})
	return b.String()
}

func padAt(off, n int) Region { return Region{textAddr + uint64(off), make([]byte, n)} }

var update = flag.Bool("update", false, "write the golden files")

// golden compares got with a file in testdata/tactics.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", "tactics", strings.ReplaceAll(name, " ", "-")+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant %s\n%s", got, file, want)
	}
}

var tacticCases = []struct {
	name   string
	arch   image.Arch
	libc   image.Libc
	src    string
	pads   []Region
	target []uint64 // more targets, offsets
	open   bool
	pie    bool
	tactic []image.Tactic
	faults int // sites in windows that only faulting bytes prove
}{
	{
		name: "same length", arch: image.I386, libc: image.LibcGlibc,
		src: `65 a1 14 00 00 00          ; mov %gs:0x14,%eax
		      65 2b 05 14 00 00 00       ; sub %gs:0x14,%eax
		      65 33 04 25 18 00 00 00    ; xor %gs:0x18(,%eiz,1),%eax
		      65 8b 35 08 00 00 00       ; mov %gs:8,%esi
		      c3`,
		tactic: []image.Tactic{1, 1, 1, 1},
	},
	{
		name: "in place", arch: image.I386, libc: image.LibcMusl,
		src: `65 a1 18 00 00 00          ; mov %gs:0x18,%eax
		      65 ff 15 10 00 00 00       ; call *%gs:0x10
		      65 c7 05 0c 00 00 00 01 00 00 00 ; movl $1,%gs:0xc
		      c3`,
		tactic: []image.Tactic{2, 2, 2},
	},
	{
		name: "pad", arch: image.I386,
		src: `cd 80
		      c3
		      90 90 90 90 90 90`,
		pads:   []Region{padAt(3, 6)},
		tactic: []image.Tactic{3},
	},
	{
		name: "window at the site, then in front of it", arch: image.I386,
		src: `89 c3         ; mov %eax,%ebx
		      cd 80
		      3d 01 f0 ff ff ; cmp $-4095,%eax
		      73 01
		      c3
		      b8 01 00 00 00
		      cd 80
		      c3`,
		target: []uint64{0x13},
		tactic: []image.Tactic{4, 4},
	},
	{
		name: "window with loop, jcc and call", arch: image.I386,
		src: `cd 80
		      e2 fc
		      74 fa
		      c3
		      0f 34
		      e8 00 00 00 00
		      5b
		      c3`,
		tactic: []image.Tactic{4, 4},
	},
	{
		name: "return and padding", arch: image.I386,
		src: `cd 80
		      c3
		      90 90`,
		pads:   []Region{padAt(3, 2)},
		tactic: []image.Tactic{4},
	},
	{
		name: "two sites in one window", arch: image.I386,
		src: `89 d8
		      cd 80
		      cd 80
		      8e e8   ; mov %eax,%gs
		      c3`,
		tactic: []image.Tactic{4, 4, 4},
	},
	{
		name: "eviction", arch: image.I386,
		src: `c7 05 00 80 04 08 01 00 00 00 ; movl $1,0x8048000
		      65 89 31   ; mov %esi,%gs:(%ecx)
		      89 f0
		      eb fc`,
		target: []uint64{0xa},
		tactic: []image.Tactic{5},
	},
	{
		name: "operands", arch: image.I386, libc: image.LibcGlibc,
		src: `65 a3 00 01 00 00          ; mov %eax,%gs:0x100
		      65 a0 04 00 00 00          ; mov %gs:4,%al
		      65 8b 2c 24                ; mov %gs:(%esp),%ebp
		      65 8b 44 24 04             ; mov %gs:4(%esp),%eax
		      65 8b 04 85 00 00 00 00    ; mov %gs:0(,%eax,4),%eax
		      65 03 4d 00                ; add %gs:0(%ebp),%ecx
		      65 0f b6 44 31 08          ; movzbl %gs:8(%ecx,%esi),%eax
		      66 65 89 3d 20 00 00 00    ; mov %di,%gs:0x20
		      f0 65 0f b1 0d 40 00 00 00 ; lock cmpxchg %ecx,%gs:0x40
		      65 ff 35 50 00 00 00       ; push %gs:0x50
		      65 ff 60 08                ; jmp *%gs:8(%eax)
		      62 f1 7c 48 10 00          ; vmovups (%eax),%zmm0
		      65 62 f1 7c 48 10 40 01    ; vmovups %gs:0x40(%eax),%zmm0
		      65 c4 e2 7d 18 04 88       ; vbroadcastss %gs:(%eax,%ecx,4),%ymm0
		      64 a1 00 00 00 00          ; mov %fs:0,%eax
		      0f a0                      ; push %fs
		      0f b5 18                   ; lgs (%eax),%ebx
		      8c e8                      ; mov %gs,%eax
		      c3`,
		tactic: []image.Tactic{2, 2, 4, 4, 2, 4, 4, 2, 2, 2, 3, 2, 2, 1, 4, 4, 4},
	},
	{
		name: "open function", arch: image.I386, open: true,
		src: `cd 80
		      3d 01 f0 ff ff
		      c3
		      cd 80
		      83 f8 00
		      e9 f6 ff ff ff`,
		target: []uint64{7},
		tactic: []image.Tactic{4, 4}, faults: 2,
	},
	{
		// Boundaries at 2 and 3: of the displacement's bytes only two can be chosen.
		name: "open function, boundary at three", arch: image.AMD64, open: true,
		src: `eb 00
		      50
		      0f 05
		      c3
		      90 90 90`,
		target: []uint64{2, 6},
	},
	{
		// Boundaries at 1, at 2, and at 1 and 2.
		name: "open function, boundaries in front", arch: image.AMD64, open: true,
		src: `c3
		      50
		      f3 0f ae d0   ; wrfsbase %eax
		      c3
		      50
		      0f 05
		      e9 f2 ff ff ff
		      50
		      51
		      64 89 08      ; mov %ecx,%fs:(%rax)
		      c3`,
		target: []uint64{7, 15, 20},
		tactic: []image.Tactic{4, 4, 4}, faults: 3,
	},
	{
		name: "strings", arch: image.I386, libc: image.LibcGlibc,
		src: `f3 65 a4        ; rep movsb %gs:(%esi),%es:(%edi)
		      89 c3
		      65 66 ad      ; lodsw %gs:(%esi),%ax
		      f3 65 a7      ; repe cmpsl %es:(%edi),%gs:(%esi)
		      65 d7         ; xlat %gs:(%ebx)
		      67 65 d7      ; xlat %gs:(%bx)
		      65 66 0f f7 ca ; maskmovdqu %xmm2,%xmm1
		      65 6e         ; outsb
		      65 aa         ; stosb, which no prefix changes
		      c3`,
		tactic: []image.Tactic{4, 4, 4, 4, 4, 2, 1},
	},
	{
		name: "strings of 64 bits", arch: image.AMD64, libc: image.LibcGlibc,
		src: `f3 64 48 a5     ; rep movsq %fs:(%rsi),%es:(%rdi)
		      89 c3
		      67 f3 64 a4   ; rep movsb %fs:(%esi),%es:(%edi)
		      89 c3
		      64 67 ac      ; lodsb %fs:(%esi),%al
		      67 64 d7      ; xlat %fs:(%ebx)
		      c3`,
		tactic: []image.Tactic{4, 4, 4, 4},
	},
	{
		name: "address size", arch: image.I386, libc: image.LibcGlibc,
		src: `67 65 8b 47 08            ; mov %gs:8(%bx),%eax
		      67 65 a1 14 00            ; mov %gs:0x14,%eax
		      67 65 ff 06 40 00         ; incl %gs:0x40
		      67 65 0f c7 0b            ; cmpxchg8b %gs:(%bp,%di)
		      67 65 ff 17               ; call *%gs:(%bx)
		      c3`,
		tactic: []image.Tactic{2, 2, 2, 4, 4},
	},
	{
		name: "address size of 64 bits", arch: image.AMD64, libc: image.LibcGlibc,
		src: `67 64 8b 00               ; mov %fs:(%eax),%eax
		      67 64 4a 03 44 8d 08      ; add %fs:8(%ebp,%r9d,4),%rax
		      67 64 8b 04 25 28 00 00 00 ; mov %fs:0x28,%eax
		      67 64 8b 04 25 00 00 00 90 ; mov %fs:0x90000000,%eax
		      64 48 a1 9a 78 56 34 12 00 00 00 ; movabs %fs:0x123456789a,%rax
		      64 8f 44 24 08            ; pop %fs:8(%rsp)
		      c3`,
		tactic: []image.Tactic{4, 4, 2, 2, 2, 2},
	},
	{
		name: "relative to rip", arch: image.AMD64, libc: image.LibcGlibc,
		src: `64 8b 05 39 80 fb f7      ; mov %fs:0x40(%rip),%eax: the linker's
		      64 48 01 0d f9 0f 00 00   ; add %rcx,%fs:0xff9(%rip)
		      64 ff 15 f2 0f 00 00      ; call *%fs:0xff2(%rip)
		      67 64 c7 05 e7 0f 00 00 05 00 00 00 ; movl $5,%fs:0xfe7(%eip)
		      c3`,
		tactic: []image.Tactic{2, 2, 2, 2},
	},
	{
		name: "relative to rip and position-independent", arch: image.AMD64, libc: image.LibcGlibc, pie: true,
		src: `64 8b 05 39 80 fb f7
		      64 48 01 0d f9 0f 00 00
		      64 ff 15 f2 0f 00 00
		      67 64 c7 05 e7 0f 00 00 05 00 00 00
		      c3`,
		tactic: []image.Tactic{2, 2, 2, 2},
	},
	{
		name: "calls", arch: image.I386, libc: image.LibcGlibc,
		src: `65 ff 15 40 00 00 00      ; call *%gs:0x40
		      65 ff 54 24 08            ; call *%gs:8(%esp)
		      89 c3
		      65 ff 10                  ; call *%gs:(%eax)
		      65 ff 15 14 00 00 00      ; call *%gs:0x14
		      c3`,
		tactic: []image.Tactic{2, 2, 4, 2},
	},
	{
		name: "calls of 64 bits", arch: image.AMD64, libc: image.LibcGlibc,
		src: `64 ff 14 25 40 00 00 00   ; call *%fs:0x40
		      64 ff 54 24 08            ; call *%fs:8(%rsp)
		      c3`,
		tactic: []image.Tactic{2, 2},
	},
	{
		name: "parts of mirrored words", arch: image.I386, libc: image.LibcGlibc,
		src: `65 a0 15 00 00 00          ; mov %gs:0x15,%al
		      65 66 a3 16 00 00 00       ; mov %ax,%gs:0x16
		      65 a1 12 00 00 00          ; mov %gs:0x12,%eax
		      65 83 05 16 00 00 00 01    ; addl $1,%gs:0x16
		      65 0f 10 05 10 00 00 00    ; movups %gs:0x10,%xmm0
		      c3`,
		tactic: []image.Tactic{1, 1, 2, 2, 2},
	},
	{
		name: "parts of mirrored words of 64 bits", arch: image.AMD64, libc: image.LibcGlibc,
		src: `64 8b 04 25 2c 00 00 00    ; mov %fs:0x2c,%eax
		      64 88 0c 25 17 00 00 00    ; mov %cl,%fs:0x17
		      64 a0 33 00 00 00 00 00 00 00 ; movabs %fs:0x33,%al
		      64 48 8b 04 25 2c 00 00 00 ; mov %fs:0x2c,%rax
		      c3`,
		tactic: []image.Tactic{1, 1, 1, 2},
	},
	{
		name: "syscall", arch: image.AMD64, libc: image.LibcGlibc,
		src: `0f 05
		      48 8d 05 00 01 00 00      ; lea 0x100(%rip),%rax
		      64 48 8b 04 25 28 00 00 00 ; mov %fs:0x28,%rax
		      64 48 2b 04 25 30 00 00 00
		      64 48 8b 0c 25 f8 ff ff ff ; mov %fs:-8,%rcx
		      64 44 8b 00               ; mov %fs:(%rax),%r8d
		      64 4c 89 00               ; mov %r8,%fs:(%rax)
		      f3 48 0f ae c1            ; rdfsbase %rcx
		      f3 48 0f ae d0            ; wrfsbase %rax
		      64 c5 fb 10 02            ; vmovsd %fs:(%rdx),%xmm0
		      64 48 c7 45 10 05 00 00 00 ; movq $5,%fs:0x10(%rbp)
		      64 43 8b 74 a5 10         ; mov %fs:0x10(%r13,%r12,4),%esi
		      64 48 0f c7 0f            ; cmpxchg16b %fs:(%rdi)
		      c3`,
		tactic: []image.Tactic{4, 1, 1, 2, 4, 4, 2, 2, 2, 2, 2, 2},
	},
}

func TestTactics(t *testing.T) {
	for _, c := range tacticCases {
		t.Run(c.name, func(t *testing.T) {
			mode, bits := decode.Mode32, 32
			if c.arch == image.AMD64 {
				mode, bits = decode.Mode64, 64
			}
			code := assemble(t, c.src)
			var text string
			for _, form := range []Form{FormWindows, FormLinuxProof} {
				f := newFake(t, mode, textAddr, code, c.pads...)
				f.open = c.open
				for _, off := range c.target {
					f.targets[textAddr+off] = true
				}
				o := opts(c.arch, form)
				o.Relocatable = c.pie
				p, err := makePlan(f, []Region{f.reg}, c.libc, o)
				if len(c.tactic) == 0 {
					var se *SitesError
					if !errors.As(err, &se) || !errors.Is(err, ErrNoTactic) {
						t.Fatalf("error %v", err)
					}
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				var got []image.Tactic
				faults := 0
				for _, s := range p.Sites {
					got = append(got, s.Tactic)
					if s.Proof == image.ProofFaulting {
						faults++
					}
				}
				if faults != c.faults {
					t.Errorf("%d sites proven by faulting bytes, want %d", faults, c.faults)
				}
				if fmt.Sprint(got) != fmt.Sprint(c.tactic) {
					t.Errorf("tactics %v, want %v", got, c.tactic)
				}
				text += fmt.Sprintf("form %d\n%s", form, listing(t, p, bits))
			}
			if text != "" {
				golden(t, c.name, text)
			}
		})
	}
}

// TestSuffix holds that the opcode of 3DNow!, which stands behind the operand,
// comes along.
func TestSuffix(t *testing.T) {
	raw := []byte{0x65, 0x0f, 0x0f, 0x05, 0x40, 0, 0, 0, 0x9e} // pfadd %gs:0x40,%mm0
	in, err := decode.Decode(raw, decode.Mode32)
	if err != nil {
		t.Fatal(err)
	}
	o := operand{in: in, raw: raw, reg: stubs.CX, fixed: true, at: 0x40}
	if got, want := o.folded(), []byte{0x0f, 0x0f, 0x81, 0x40, 0, 0, 0, 0x9e}; !bytes.Equal(got, want) {
		t.Errorf("% x, want % x", got, want)
	}
}

// Instructions of random programs; %r stands for a random byte of a short
// branch.
var alphabet = map[decode.Mode][]string{
	decode.Mode32: {
		"cd80", "cd80", "0f34", "65ff1510000000", "65a114000000", "65a100000000", "658931", "658b0d08000000", "8ee8", "0fa8",
		"6533442404", "90", "89c3", "83c001", "3d01f0ffff", "c7050080040801000000", "8b442404", "50", "5b", "c3", "ffd0",
		"74%r", "eb%r", "e2%r", "e8%r%z", "0f85%r%z", "e9%r%z", "f0830424 00", "c5f877", "0f0b",
	},
	decode.Mode64: {
		"0f05", "0f05", "cd80", "64488b042528000000", "64488b042500000000", "64488b0c25f8ffffff", "644c8900", "f3480faec1",
		"f3480faed0", "8ee8", "90", "4889c3", "4883c001", "483d01f0ffff", "48c7042501000000 02000000", "488d0500010000",
		"833d0001000005", "50", "5b", "c3", "ffd0", "74%r", "eb%r", "e2%r", "e8%r%z", "0f85%r%z", "e9%r%z", "c5f877", "0f0b",
	},
}

// TestRandom plans random programs with traps allowed. makePlan verifies; on
// top of that each moved instruction is compared with the original.
func TestRandom(t *testing.T) {
	seen := map[image.Tactic]int{}
	for seed := range uint64(4000) {
		rng := rand.New(rand.NewPCG(seed, 1))
		mode, arch := decode.Mode32, image.I386
		if seed%2 == 1 {
			mode, arch = decode.Mode64, image.AMD64
		}
		var code []byte
		var pads []Region
		words := alphabet[mode]
		for range 10 + rng.IntN(60) {
			if rng.IntN(12) == 0 {
				n := 1 + rng.IntN(12)
				pads = append(pads, padAt(len(code), n))
				for range n {
					code = append(code, 0x90)
				}
				continue
			}
			w := words[rng.IntN(len(words))]
			back := "000000"
			r := byte(rng.IntN(60))
			if rng.IntN(2) == 0 {
				r, back = -r, "ffffff"
				if r == 0 {
					back = "000000"
				}
			}
			w = strings.ReplaceAll(w, "%r", fmt.Sprintf("%02x", r))
			code = append(code, assemble(t, strings.ReplaceAll(w, "%z", back))...)
		}
		f := newFake(t, mode, textAddr, code, pads...)
		if f.broken {
			continue
		}
		f.open = rng.IntN(5) == 0
		for range rng.IntN(4) {
			f.targets[textAddr+uint64(rng.IntN(len(code)))] = true
		}
		for _, form := range []Form{FormWindows, FormLinuxProof} {
			o := opts(arch, form)
			o.AllowTrap, o.Relocatable = true, seed%3 == 0
			p, err := makePlan(f, []Region{f.reg}, image.LibcGlibc, o)
			if se := (*SitesError)(nil); errors.As(err, &se) {
				continue // overlapping sites
			}
			if err != nil {
				t.Fatalf("seed %d: %v\n% x", seed, err, code)
			}
			again, err := makePlan(f, []Region{f.reg}, image.LibcGlibc, o)
			if err != nil || !reflect.DeepEqual(p, again) {
				t.Fatalf("seed %d: not the same plan again (%v)", seed, err)
			}
			for _, s := range p.Sites {
				seen[s.Tactic]++
			}
			checkMoved(t, seed, f, p, form)
		}
	}
	t.Log(seen)
	for tactic := image.TacticSameLength; tactic <= image.TacticTrap; tactic++ {
		if seen[tactic] == 0 {
			t.Errorf("tactic %d was never taken", tactic)
		}
	}
}

// checkMoved compares every instruction in a trampoline that is not glue with
// the one that the PC map names.
func checkMoved(t *testing.T, seed uint64, f *fakeCode, p *Plan, form Form) {
	t.Helper()
	sites := map[uint64]bool{}
	for _, s := range p.Sites {
		sites[s.Addr] = true
	}
	for _, e := range p.PCMap {
		off := e.Tramp - p.TrampAddr - 0x1000
		if !e.Start || off >= uint64(len(p.Tramp)) || form == FormWindows && sites[e.Orig] {
			continue
		}
		raw := f.bytes(e.Orig, 15)
		was, err := decode.Decode(raw, f.mode)
		if err != nil || !f.instAt(e.Orig) {
			t.Fatalf("seed %d: %#x is no instruction", seed, e.Orig)
		}
		is, err := decode.Decode(p.Tramp[off:], f.mode)
		if err != nil {
			t.Fatalf("seed %d: %#x: %v", seed, e.Tramp, err)
		}
		switch {
		case was.Class == decode.CallInd: // only sites move, as jumps
			if is.Class != decode.JmpInd || !sites[e.Orig] {
				t.Errorf("seed %d: call at %#x became % x", seed, e.Orig, p.Tramp[off:off+uint64(is.Len)])
			}
		case was.Class == decode.Call:
			// Its jump carries the target as original address.
			found := false
			for _, q := range p.PCMap {
				found = found || q.Tramp > e.Tramp && q.Tramp < e.Tramp+40 && q.Orig == was.Target(e.Orig)
			}
			if !found {
				t.Errorf("seed %d: call at %#x lost its target", seed, e.Orig)
			}
		case was.Class == decode.Jcc && was.Opcode == 0xe2 && was.Map == 0:
			t2, err := decode.Decode(p.Tramp[off+4:], f.mode)
			if err != nil || t2.Target(e.Tramp+4) != was.Target(e.Orig) {
				t.Errorf("seed %d: loop at %#x", seed, e.Orig)
			}
		case was.Class == decode.Jcc || was.Class == decode.Jmp:
			if is.Class != was.Class || is.Target(e.Tramp) != was.Target(e.Orig) || was.Class == decode.Jcc && is.Opcode&15 != was.Opcode&15 {
				t.Errorf("seed %d: branch at %#x became % x", seed, e.Orig, p.Tramp[off:off+uint64(is.Len)])
			}
		case was.RIPRel:
			a := e.Orig + uint64(was.Len) + uint64(int64(int32(le32(raw[was.DispOff:]))))
			b := e.Tramp + uint64(is.Len) + uint64(int64(int32(le32(p.Tramp[off+uint64(is.DispOff):]))))
			if a != b || is.Len != was.Len {
				t.Errorf("seed %d: operand at %#x: %#x became %#x", seed, e.Orig, a, b)
			}
		default:
			if got := p.Tramp[off : off+uint64(was.Len)]; string(got) != string(raw[:was.Len]) {
				t.Errorf("seed %d: % x at %#x became % x", seed, raw[:was.Len], e.Orig, got)
			}
		}
	}
}
