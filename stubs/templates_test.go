package stubs

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/arch/x86/x86asm"
)

// text disassembles emitted code, one instruction a line, with the state that
// the guest is in at each: original address, spilled register.
func text(t *testing.T, a *Asm) string {
	t.Helper()
	mode := 32
	if a.Wide {
		mode = 64
	}
	var b strings.Builder
	marks := a.Marks
	for off := 0; off < len(a.Code); {
		in, err := x86asm.Decode(a.Code[off:], mode)
		if err != nil {
			t.Fatalf("offset %d: %v", off, err)
		}
		if len(marks) == 0 || int(marks[0].Off) != off {
			t.Fatalf("offset %d: no mark", off)
		}
		spill := "-"
		if m := marks[0]; m.Spill != NoSpill {
			spill = fmt.Sprint(m.Spill)
		}
		if m := marks[0]; m.Second != NoSpill {
			spill += fmt.Sprintf(",%d", m.Second)
		}
		for i, name := range []string{" biased", " pushed", " reload"} {
			if marks[0].Undo>>i&1 != 0 {
				spill += name
			}
		}
		start := ""
		if marks[0].Start {
			start = "*"
		}
		code := hex.EncodeToString(a.Code[off : off+in.Len])
		fmt.Fprintf(&b, "%s | %s | %#x%s %s\n", code, x86asm.GNUSyntax(in, a.Base+uint64(off), nil), marks[0].Orig, start, spill)
		marks = marks[1:]
		off += in.Len
	}
	if len(marks) != 0 {
		t.Fatalf("%d marks too many", len(marks))
	}
	return b.String()
}

type templateCase struct {
	name string
	wide bool
	emit func(a *Asm)
	want string
	// how many slots and absolute addresses are in it
	slots, abs int
}

// Each case: what is emitted at 0x9001000 for the site at 0x8048100, thunks
// at 0x9000000. Columns: bytes, text, where the guest is.
var templateCases = []templateCase{
	{"int80", false, func(a *Asm) { a.SyscallGlue(0x8048102) }, `
64c705080f000002810408 | movl $0x8048102,%fs:0xf08 | 0x8048100* -
e9f0efffff | jmp 0x9000000 | 0x8048100 -
`, 1, 1},
	{"int80 and go on here", false, func(a *Asm) { a.SyscallGlue(Behind); a.State(0x8048102, NoSpill); a.Jmp(0x8048102) }, `
64c705080f000010100009 | movl $0x9001010,%fs:0xf08 | 0x8048100* -
e9f0efffff | jmp 0x9000000 | 0x8048100 -
e9ed7004ff | jmp 0x8048102 | 0x8048102 -
`, 1, 1},
	{"sysenter", false, func(a *Asm) { a.SysenterGlue(0x8048102) }, `
64c705080f000002810408 | movl $0x8048102,%fs:0xf08 | 0x8048100* -
e910f0ffff | jmp 0x9000020 | 0x8048100 -
`, 1, 1},
	{"emulate", false, func(a *Asm) { a.EmulateGlue(0x8048102) }, `
64c705080f000002810408 | movl $0x8048102,%fs:0xf08 | 0x8048100* -
e920f0ffff | jmp 0x9000030 | 0x8048100 -
`, 1, 1},
	{"moved call", false, func(a *Asm) { a.CallGlue(0x8048105, 0x8049000, false) }, `
6805810408 | push $0x8048105 | 0x8048100* -
e9f67f04ff | jmp 0x8049000 | 0x8049000 -
`, 0, 1},
	{"moved call, proof", false, func(a *Asm) { a.CallProof(0x8048105, 0x8049000, false) }, `
6805810408 | push $0x8048105 | 0x8048100* -
e9f67f04ff | jmp 0x8049000 | 0x8049000 -
`, 0, 1},
	{"spill, fold, restore", false, func(a *Asm) {
		a.StoreSlot(SlotSpill, CX)
		a.LoadSlot(CX, SlotBase)
		a.State(0x8048100, CX)
		a.LeaAdd(CX, BP)
		a.LeaAdd(CX, SP)
		a.LeaAdd(CX, AX)
		a.State(0x8048103, CX)
		a.LoadSlot(CX, SlotSpill)
	}, `
64890d040f0000 | mov %ecx,%fs:0xf04 | 0x8048100* -
648b0df00e0000 | mov %fs:0xef0,%ecx | 0x8048100 -
8d4c0d00 | lea (%ebp,%ecx),%ecx | 0x8048100 1
8d0c0c | lea (%esp,%ecx),%ecx | 0x8048100 1
8d0c08 | lea (%eax,%ecx),%ecx | 0x8048100 1
648b0d040f0000 | mov %fs:0xf04,%ecx | 0x8048103 1
`, 3, 0},
	{"jump through a slot", false, func(a *Asm) { a.JmpSlot(SlotResume) }, `
64ff25080f0000 | jmp *%fs:0xf08 | 0x8048100* -
`, 1, 0},
	{"loop", false, func(a *Asm) { a.LoopGlue([]byte{0xe2}, 0x8048102, 0x80480f0) }, `
e202 | loop 0x9001004 | 0x8048100* -
eb05 | jmp 0x9001009 | 0x8048102 -
e9e77004ff | jmp 0x80480f0 | 0x80480f0 -
`, 0, 0},
	{"jcc", false, func(a *Asm) { a.Jcc(0x74, 0x8048110) }, `
0f840a7104ff | je 0x8048110 | 0x8048100* -
`, 0, 0},
	{"syscall", true, func(a *Asm) { a.SyscallGlue(0x8048102) }, `
488d0dfb7004ff | lea 0xff0470fb(%rip),%rcx | 0x8048100* -
e9f4efffff | jmpq 0x9000000 | 0x8048100 -
`, 0, 0},
	{"syscall and go on here", true, func(a *Asm) { a.SyscallGlue(Behind) }, `
488d0d05000000 | lea 0x5(%rip),%rcx | 0x8048100* -
e9f4efffff | jmpq 0x9000000 | 0x8048100 -
`, 0, 0},
	{"stray int80", true, func(a *Asm) { a.Int80Glue(Behind) }, `
6548890c2568160000 | mov %rcx,%gs:0x1668 | 0x8048100* -
488d0d17000000 | lea 0x17(%rip),%rcx | 0x8048100 -
6548890c2570160000 | mov %rcx,%gs:0x1670 | 0x8048100 1
65488b0c2568160000 | mov %gs:0x1668,%rcx | 0x8048100 1
e919f0ffff | jmpq 0x9000040 | 0x8048100 -
`, 3, 0},
	{"emulate", true, func(a *Asm) { a.EmulateGlue(0x8048105) }, `
6548890c2568160000 | mov %rcx,%gs:0x1668 | 0x8048100* -
488d0df57004ff | lea 0xff0470f5(%rip),%rcx | 0x8048100 -
6548890c2570160000 | mov %rcx,%gs:0x1670 | 0x8048100 1
65488b0c2568160000 | mov %gs:0x1668,%rcx | 0x8048100 1
e909f0ffff | jmpq 0x9000030 | 0x8048100 -
`, 3, 0},
	{"moved call", true, func(a *Asm) { a.CallGlue(0x8048105, 0x8049000, false) }, `
6805810408 | pushq $0x8048105 | 0x8048100* -
e9f67f04ff | jmpq 0x8049000 | 0x8049000 -
`, 0, 1},
	{"moved call, relocatable", true, func(a *Asm) { a.CallGlue(0x8048105, 0x8049000, true) }, `
6548890c2568160000 | mov %rcx,%gs:0x1668 | 0x8048100* -
488d0df57004ff | lea 0xff0470f5(%rip),%rcx | 0x8048100 -
51 | push %rcx | 0x8048100 1
65488b0c2568160000 | mov %gs:0x1668,%rcx | 0x8049000 1
e9e17f04ff | jmpq 0x8049000 | 0x8049000 -
`, 2, 0},
	{"moved call, relocatable, proof", true, func(a *Asm) { a.CallProof(0x8048105, 0x8049000, true) }, `
51 | push %rcx | 0x8048100* -
488d0dfd7004ff | lea 0xff0470fd(%rip),%rcx | 0x8048100 -
48870c24 | xchg %rcx,(%rsp) | 0x8048100 -
e9ef7f04ff | jmpq 0x8049000 | 0x8049000 -
`, 0, 0},
	{"moved call, relocatable, proof", false, func(a *Asm) { a.CallProof(0x8048105, 0x8049000, true) }, `
51 | push %ecx | 0x8048100* -
e800000000 | call 0x9001006 | 0x8048100 -
59 | pop %ecx | 0x8048100 -
8d89ff7004ff | lea 0xff0470ff(%ecx),%ecx | 0x8048100 -
870c24 | xchg %ecx,(%esp) | 0x8048100 -
e9eb7f04ff | jmp 0x8049000 | 0x8049000 -
`, 0, 0},
	{"registers above 7", true, func(a *Asm) {
		a.LoadSlot(9, SlotBase)
		a.LoadSlot32(9, SlotBase)
		a.LoadSlot32(BX, SlotBase)
		a.LeaAdd(9, 13)
		a.LeaAdd(CX, 12)
		a.LeaAdd(SI, SP)
		a.Push(9)
	}, `
654c8b0c2540160000 | mov %gs:0x1640,%r9 | 0x8048100* -
65448b0c2540160000 | mov %gs:0x1640,%r9d | 0x8048100 -
658b1c2540160000 | mov %gs:0x1640,%ebx | 0x8048100 -
4f8d4c0d00 | lea (%r13,%r9),%r9 | 0x8048100 -
498d0c0c | lea (%r12,%rcx),%rcx | 0x8048100 -
488d3434 | lea (%rsp,%rsi),%rsi | 0x8048100 -
4151 | push %r9 | 0x8048100 -
`, 3, 0},
	{"slots by width", false, func(a *Asm) {
		for _, r := range []Reg{AX, SP, DI} {
			a.LoadSlot(r, SlotSelf)
			a.StoreSlot(SlotVCPU, r)
		}
		a.Push(BP)
		a.XchgTop(DX)
		a.LeaAdd(AX, BX)
		a.LeaAdd(BP, BP)
	}, `
648b05f40e0000 | mov %fs:0xef4,%eax | 0x8048100* -
6489050c0f0000 | mov %eax,%fs:0xf0c | 0x8048100 -
648b25f40e0000 | mov %fs:0xef4,%esp | 0x8048100 -
6489250c0f0000 | mov %esp,%fs:0xf0c | 0x8048100 -
648b3df40e0000 | mov %fs:0xef4,%edi | 0x8048100 -
64893d0c0f0000 | mov %edi,%fs:0xf0c | 0x8048100 -
55 | push %ebp | 0x8048100 -
871424 | xchg %edx,(%esp) | 0x8048100 -
8d0403 | lea (%ebx,%eax),%eax | 0x8048100 -
8d6c2d00 | lea (%ebp,%ebp),%ebp | 0x8048100 -
`, 6, 0},
	{"slots by width", true, func(a *Asm) {
		for _, r := range []Reg{AX, SP, DI, 15} {
			a.LoadSlot(r, SlotSelf)
			a.StoreSlot(SlotVCPU, r)
		}
		a.XchgTop(12)
		a.LeaAdd(15, BP)
		a.LeaPC(15, 0x9001000)
	}, `
65488b042548160000 | mov %gs:0x1648,%rax | 0x8048100* -
654889042578160000 | mov %rax,%gs:0x1678 | 0x8048100 -
65488b242548160000 | mov %gs:0x1648,%rsp | 0x8048100 -
654889242578160000 | mov %rsp,%gs:0x1678 | 0x8048100 -
65488b3c2548160000 | mov %gs:0x1648,%rdi | 0x8048100 -
6548893c2578160000 | mov %rdi,%gs:0x1678 | 0x8048100 -
654c8b3c2548160000 | mov %gs:0x1648,%r15 | 0x8048100 -
654c893c2578160000 | mov %r15,%gs:0x1678 | 0x8048100 -
4c872424 | xchg %r12,(%rsp) | 0x8048100 -
4e8d7c3d00 | lea (%rbp,%r15),%r15 | 0x8048100 -
4c8d3da8ffffff | lea 0xffffffa8(%rip),%r15 | 0x8048100 -
`, 8, 0},
	{"jump through a slot", true, func(a *Asm) { a.JmpSlot(SlotResume) }, `
65ff242570160000 | jmpq *%gs:0x1670 | 0x8048100* -
`, 1, 0},
	{"loop", true, func(a *Asm) { a.LoopGlue([]byte{0xe3}, 0x8048102, 0x80480f0) }, `
e302 | jrcxz 0x9001004 | 0x8048100* -
eb05 | jmp 0x9001009 | 0x8048102 -
e9e77004ff | jmpq 0x80480f0 | 0x80480f0 -
`, 0, 0},
	{"loop with an address size", true, func(a *Asm) { a.LoopGlue([]byte{0x67, 0xe0}, 0x8048103, 0x80480f0) }, `
67e002 | loopne 0x9001005 | 0x8048100* -
eb05 | jmp 0x900100a | 0x8048103 -
e9e67004ff | jmpq 0x80480f0 | 0x80480f0 -
`, 0, 0},
	{"jcc", true, func(a *Asm) { a.Jcc(0x8f, 0x8048110) }, `
0f8f0a7104ff | jg 0x8048110 | 0x8048100* -
`, 0, 0},
	{"sysenter and go on here", false, func(a *Asm) { a.SysenterGlue(Behind); a.State(0x8048102, NoSpill); a.Jmp(0x8048102) }, `
64c705080f000010100009 | movl $0x9001010,%fs:0xf08 | 0x8048100* -
e910f0ffff | jmp 0x9000020 | 0x8048100 -
e9ed7004ff | jmp 0x8048102 | 0x8048102 -
`, 1, 1},
	{"emulate and go on here", false, func(a *Asm) { a.EmulateGlue(Behind); a.State(0x8048102, NoSpill); a.Jmp(0x8048102) }, `
64c705080f000010100009 | movl $0x9001010,%fs:0xf08 | 0x8048100* -
e920f0ffff | jmp 0x9000030 | 0x8048100 -
e9ed7004ff | jmp 0x8048102 | 0x8048102 -
`, 1, 1},
	{"emulate and go on here", true, func(a *Asm) { a.EmulateGlue(Behind); a.State(0x8048105, NoSpill); a.Jmp(0x8048105) }, `
6548890c2568160000 | mov %rcx,%gs:0x1668 | 0x8048100* -
488d0d17000000 | lea 0x17(%rip),%rcx | 0x8048100 -
6548890c2570160000 | mov %rcx,%gs:0x1670 | 0x8048100 1
65488b0c2568160000 | mov %gs:0x1668,%rcx | 0x8048100 1
e909f0ffff | jmpq 0x9000030 | 0x8048100 -
e9d97004ff | jmpq 0x8048105 | 0x8048105 -
`, 3, 0},
	{"moved call, proof", true, func(a *Asm) { a.CallProof(0x8048105, 0x8049000, false) }, `
6805810408 | pushq $0x8048105 | 0x8048100* -
e9f67f04ff | jmpq 0x8049000 | 0x8049000 -
`, 0, 1},
	{"RIP-relative", true, func(a *Asm) {
		a.RawRIP([]byte{0xc7, 0x05, 0, 0, 0, 0, 1, 2, 3, 4}, 2, 0x8050000)
	}, `
c705f6ef04ff01020304 | movl $0x4030201,0xff04eff6(%rip) | 0x8048100* -
`, 0, 0},
}

func TestTemplates(t *testing.T) {
	for _, c := range append(templateCases, operandCases...) {
		name := c.name + "/386"
		if c.wide {
			name = c.name + "/amd64"
		}
		t.Run(name, func(t *testing.T) {
			a := NewAsm(c.wide, 0x9001000, 0x9000000)
			a.Begin(0x8048100)
			c.emit(a)
			if err := a.Err(); err != nil {
				t.Fatal(err)
			}
			if got := text(t, a); got != c.want[1:] {
				t.Errorf("got\n%s\nwant\n%s", got, c.want[1:])
			}
			if len(a.Slots) != c.slots || len(a.Abs) != c.abs {
				t.Errorf("%d slots, %d addresses; want %d, %d", len(a.Slots), len(a.Abs), c.slots, c.abs)
			}
			for _, s := range a.Slots {
				d := s.Slot.Disp32()
				if c.wide {
					d = s.Slot.Disp64()
				}
				if want := []byte{byte(d), byte(d >> 8), 0, 0}; !slices.Equal(a.Code[s.Off:s.Off+4], want) {
					t.Errorf("slot at %d: % x", s.Off, a.Code[s.Off:s.Off+4])
				}
			}
		})
	}
}

func TestTemplateErrors(t *testing.T) {
	for name, emit := range map[string]func(a *Asm){
		"jump too far":       func(a *Asm) { a.Jmp(0x1_9000_0000) },
		"operand too far":    func(a *Asm) { a.RawRIP(make([]byte, 8), 3, 0x1_9000_0000) },
		"address too high":   func(a *Asm) { a.PushAddr(0x8000_0000) },
		"immediate store":    func(a *Asm) { a.StoreSlotAddr(SlotResume, 1) },
		"stack pointer lea":  func(a *Asm) { a.LeaAdd(SP, AX) },
		"base in a SIB":      func(a *Asm) { a.LoadAt(AX, 12, 0) },
		"first error sticks": func(a *Asm) { a.LeaAdd(SP, AX); a.Jmp(0x9000000) },
	} {
		a := NewAsm(true, 0x9001000, 0x9000000)
		emit(a)
		if a.Err() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
