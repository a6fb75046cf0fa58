package plan

import (
	"bufio"
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// labels finds the code that tables in data point to, from the relocations
// that `ld -q` keeps. Differences count from the nearest address in front of
// them that some lea names.
func labels(t *testing.T, path string) []uint64 {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	syms, err := f.Symbols()
	if err != nil {
		t.Skip(err)
	}
	var bases []uint64
	if f.Machine == elf.EM_X86_64 {
		out, err := exec.Command("objdump", "-d", "-w", "--no-show-raw-insn", path).Output()
		if err != nil {
			t.Skip(err)
		}
		sc := bufio.NewScanner(strings.NewReader(string(out)))
		for sc.Scan() {
			if _, a, ok := strings.Cut(sc.Text(), "(%rip)"); ok && strings.Contains(sc.Text(), "\tlea ") {
				if _, a, ok = strings.Cut(a, "# "); ok {
					a, _, _ = strings.Cut(a, " ")
					if n, err := strconv.ParseUint(a, 16, 64); err == nil {
						bases = append(bases, n)
					}
				}
			}
		}
		slices.Sort(bases)
	}
	var out []uint64
	for _, s := range f.Sections {
		if s.Type != elf.SHT_REL && s.Type != elf.SHT_RELA || s.Flags&elf.SHF_ALLOC != 0 || int(s.Info) >= len(f.Sections) {
			continue
		}
		on := f.Sections[s.Info]
		if on.Flags&elf.SHF_ALLOC == 0 || on.Flags&elf.SHF_EXECINSTR != 0 || on.Name == ".eh_frame" || on.Name == ".gcc_except_table" || on.Type == elf.SHT_NOBITS {
			continue
		}
		rel, err := s.Data()
		if err != nil {
			t.Fatal(err)
		}
		data, err := on.Data()
		if err != nil {
			t.Fatal(err)
		}
		got := uint64(0)
		if g := f.Section(".got.plt"); g != nil {
			got = g.Addr
		}
		step := map[bool]int{true: 24, false: 8}[s.Type == elf.SHT_RELA]
		for ; len(rel) >= step; rel = rel[step:] {
			var p, a uint64
			var sym, typ uint32
			if f.Machine == elf.EM_X86_64 {
				p = binary.LittleEndian.Uint64(rel)
				info := binary.LittleEndian.Uint64(rel[8:])
				sym, typ = uint32(info>>32), uint32(info)
				a = binary.LittleEndian.Uint64(rel[16:])
			} else {
				p = uint64(binary.LittleEndian.Uint32(rel))
				info := binary.LittleEndian.Uint32(rel[4:])
				sym, typ = info>>8, info&0xff
			}
			if sym == 0 || int(sym) > len(syms) || p < on.Addr || p-on.Addr+4 > uint64(len(data)) {
				continue
			}
			v := uint64(binary.LittleEndian.Uint32(data[p-on.Addr:]))
			switch {
			case f.Machine == elf.EM_386 && elf.R_386(typ) == elf.R_386_32:
				out = append(out, v)
			case f.Machine == elf.EM_386 && elf.R_386(typ) == elf.R_386_GOTOFF:
				out = append(out, uint64(uint32(v+got)))
			case f.Machine == elf.EM_X86_64 && elf.R_X86_64(typ) == elf.R_X86_64_64:
				out = append(out, syms[sym-1].Value+a)
			case f.Machine == elf.EM_X86_64 && elf.R_X86_64(typ) == elf.R_X86_64_PC32:
				n, ok := slices.BinarySearch(bases, p)
				if !ok {
					n--
				}
				if n >= 0 {
					out = append(out, bases[n]+uint64(int64(int32(v))))
				}
			}
		}
	}
	return out
}

// What the linker knows of labels in tables must be targets wherever the
// function is called resolved.
func TestDiscoverTables(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs")
	}
	for name, args := range map[string][]string{
		"386":         {"gcc", "-m32", "-O2", "-static", "-fno-pie", "-no-pie"},
		"386-pic":     {"gcc", "-m32", "-O2", "-static-pie", "-fPIE"},
		"386-Os":      {"gcc", "-m32", "-Os", "-static", "-fPIC", "-no-pie"},
		"amd64":       {"gcc", "-O2", "-static", "-fno-pie", "-no-pie"},
		"amd64-pic":   {"gcc", "-O2", "-static-pie", "-fPIE"},
		"amd64-Os":    {"gcc", "-Os", "-static", "-fPIC", "-no-pie"},
		"amd64-cet":   {"gcc", "-O2", "-static", "-fPIC", "-no-pie", "-fcf-protection=full"},
		"amd64-O1":    {"gcc", "-O1", "-static", "-fPIC", "-no-pie"},
		"386-O1":      {"gcc", "-m32", "-O1", "-static", "-fPIC", "-no-pie"},
		"386-O0":      {"gcc", "-m32", "-O0", "-static", "-fPIC", "-no-pie"},
		"amd64-O0":    {"gcc", "-O0", "-static", "-fPIC", "-no-pie"},
		"amd64-clang": {"clang", "-O2", "-static", "-fPIC"},
		"386-clang":   {"clang", "-m32", "-O2", "-static", "-fPIC"},
	} {
		t.Run(name, func(t *testing.T) {
			path := build(t, "a.c", sourceSwitch(), append(args, "-Wl,-q")...)
			want := labels(t, path)
			for _, what := range []evidence{evAll, evUnwind, evBare} {
				p := loadELF(t, path, what)
				c, err := discover(p.regions, p.ev, p.opt)
				if err != nil {
					t.Fatal(err)
				}
				var unresolved, missed, own, ownResolved, inText int
				for _, a := range want {
					f, ok := c.function(a)
					if !ok || !c.covered(a) {
						continue
					}
					inText++
					if !f.resolved {
						unresolved++
						continue
					}
					if !c.target(a) {
						if missed++; missed < 10 {
							t.Errorf("evidence %d: label %#x in %s %#x is no target", what, a, f.name, f.start)
						}
					}
				}
				for _, f := range c.funcs {
					if len(f.name) < 4 && strings.HasPrefix(f.name, "f") {
						if own++; f.resolved {
							ownResolved++
						}
					}
				}
				if what == evAll && (own == 0 || ownResolved != own) {
					t.Errorf("%d of the %d functions with a switch are resolved", ownResolved, own)
				}
				t.Logf("evidence %d: %d labels, %d in unresolved functions, %d missed; tables %d, unresolved jumps %d, own functions resolved %d/%d",
					what, inText, unresolved, missed, c.stats().JumpTables, c.stats().UnresolvedInd, ownResolved, own)
			}
		})
	}
}

// One way to the jump brings a number as the index, others bring any: the
// comparison says how long the table is. Without it the entries of the next
// table, which count from elsewhere, led into the middle of instructions.
func TestDiscoverConstantIndex(t *testing.T) {
	path := build(t, "a.s", `
	.globl _start
_start:	test %esi, %esi
	jz 1f
	mov $1, %edx
2:	lea .Lfirst(%rip), %rdi
	cmp $2, %dl
	ja .Lout
	movslq (%rdi,%rdx,4), %rdx
	add %rdi, %rdx
	jmp *%rdx
1:	mov (%rsp), %edx
	jmp 2b
.La:	mov $2, %ebx
	and $3, %ecx
	lea .Lsecond(%rip), %rdi
	movslq (%rdi,%rcx,4), %rcx
	add %rdi, %rcx
	jmp *%rcx
.Lb:	mov $0x80cd, %eax
	jmp .Lout
.Lc:	movabs $0x9090909090909090, %rax
	movabs $0x9090909090909090, %rcx
	movabs $0x9090909090909090, %rdx
.Ld:	movabs $0x9090909090909090, %rbx
.Lout:	mov $60, %eax
	syscall
	hlt
	.section .rodata
	.balign 4
.Lfirst:	.long .La-.Lfirst, .Lb-.Lfirst, .Lb-.Lfirst
.Lsecond:	.long .Ld-.Lsecond, .Lc-.Lsecond, .Ld-.Lsecond, .Lb-.Lsecond
`, "gcc", "-nostdlib", "-static", "-no-pie")
	p := loadELF(t, path, evAll)
	c, err := discover(p.regions, p.ev, p.opt)
	if err != nil {
		t.Fatal(err)
	}
	if n := c.stats().JumpTables; n != 2 {
		t.Errorf("%d tables", n)
	}
	for _, r := range p.regions {
		for a := r.Addr; a < r.Addr+uint64(len(r.Data)); a++ {
			if c.target(a) && !c.instAt(a) {
				t.Errorf("target at %#x, where no instruction begins", a)
			}
		}
	}
	for _, f := range c.funcs {
		if !f.resolved {
			t.Errorf("%s is not resolved", f.name)
		}
	}
}

// A function that does nothing but jump through its argument, and that only a
// pointer names, leaves its neighbours resolved: musl's qsort has one.
func TestDiscoverJumpThroughArgument(t *testing.T) {
	path := build(t, "a.s", `
	.globl _start
_start:	xor %edx, %edx
	call .Lsort
	mov $60, %eax
	syscall
	hlt
	.balign 16
.Lremove:	mov %rsi, %rdx
	add $8, %rdx
	mov $87, %eax
	syscall
	ret
	.balign 16
.Lcompare:	jmp *%rdx
	.balign 16
.Lsort:	mov %rcx, %r8
	call .Lremove
	lea .Lcompare(%rip), %rcx
	mov %rcx, (%rsp)
	ret
`, "gcc", "-nostdlib", "-static", "-no-pie", "-s")
	p := loadELF(t, path, evBare)
	c, err := discover(p.regions, p.ev, p.opt)
	if err != nil {
		t.Fatal(err)
	}
	if n := c.stats().UnresolvedInd; n != 0 {
		t.Errorf("%d unresolved jumps", n)
	}
}

// Signal-return code that only a lea names, behind one byte of padding and in
// front of the next function: musl's in a stripped file.
func TestDiscoverSigreturn(t *testing.T) {
	path := build(t, "a.s", `
	.globl _start
_start:	lea .Lrestore(%rip), %rax
	mov %rax, (%rsp)
	call .Lnext
	hlt
	jmp _start
	.balign 16
	sub $8, %rsp
	add $8, %rsp
	ret
	nop
.Lrestore:	mov $15, %rax
	syscall
.Lnext:	test %esi, %esi
	ret
`, "gcc", "-nostdlib", "-static", "-no-pie", "-s")
	p := loadELF(t, path, evBare)
	c, err := discover(p.regions, p.ev, p.opt)
	if err != nil {
		t.Fatal(err)
	}
	if n := c.unproven(); len(n) != 0 {
		t.Errorf("patterns left: %v", n)
	}
	// What follows the hlt is code like any other.
	for _, r := range p.regions {
		if a := r.Addr + uint64(bytes.Index(r.Data, []byte{0xf4})) + 1; !c.instAt(a) {
			t.Errorf("nothing at %#x, behind the hlt", a)
		}
	}
}

// Signal-return code that only a function names which itself only a pointer
// names: candidates that turn up while others are tried.
func TestDiscoverNamedByCandidate(t *testing.T) {
	path := build(t, "a.s", `
	.globl _start
_start:	mov $.Laction, %eax
	mov %eax, (%esp)
	call .Lnext
	hlt
	.balign 16
.Laction:	sub $8, %esp
	mov $.Lrestore, %eax
	mov %eax, (%esp)
	call .Lnext
	add $8, %esp
	ret
.Lrestore:	pop %eax
	mov $119, %eax
	int $0x80
	.balign 16
.Lnext:	test %esi, %esi
	ret
`, "gcc", "-m32", "-nostdlib", "-static", "-no-pie", "-s")
	p := loadELF(t, path, evBare)
	c, err := discover(p.regions, p.ev, p.opt)
	if err != nil {
		t.Fatal(err)
	}
	if n := c.unproven(); len(n) != 0 {
		t.Errorf("patterns left: %v", n)
	}
}
