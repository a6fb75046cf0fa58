package stubs

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/arch/x86/x86asm"
)

// list disassembles n instructions of page, which lies at addr.
func list(page []byte, off, n, mode int, addr uint64) string {
	var b strings.Builder
	for range n {
		in, err := x86asm.Decode(page[off:], mode)
		if err != nil {
			return b.String() + err.Error()
		}
		fmt.Fprintf(&b, "%x: %s\n", page[off:off+in.Len], x86asm.GNUSyntax(in, addr+uint64(off), nil))
		off += in.Len
	}
	return b.String()
}

func TestThunkPage32(t *testing.T) {
	const addr, leave = 0x8244000, 0x40012340
	page := ThunkPage32(addr, Slot.Disp32, leave)
	if len(page) != ThunkPageSize {
		t.Fatalf("%d bytes", len(page))
	}
	for _, c := range []struct {
		name    string
		off, n  int
		listing string
	}{
		{"int $0x80", int(ThunkSyscall.Off()), 1, "e9fb010000: jmp 0x8244200\n"},
		{"its glue", glueStart32, 10, `64a3040f0000: mov %eax,%fs:0xf04
64a10c0f0000: mov %fs:0xf0c,%eax
894804: mov %ecx,0x4(%eax)
648b0d040f0000: mov %fs:0xf04,%ecx
894800: mov %ecx,(%eax)
648b0d080f0000: mov %fs:0xf08,%ecx
894820: mov %ecx,0x20(%eax)
b901000000: mov $0x1,%ecx
e913e1dc37: jmp 0x40012340
cc: int3
`},
		{"call *%gs:0x10 comes back through a return", glueStart32 + glueStride32, 9, `64a3040f0000: mov %eax,%fs:0xf04
64a10c0f0000: mov %fs:0xf0c,%eax
894804: mov %ecx,0x4(%eax)
648b0d040f0000: mov %fs:0xf04,%ecx
894800: mov %ecx,(%eax)
b920412408: mov $0x8244120,%ecx
894820: mov %ecx,0x20(%eax)
b902000000: mov $0x2,%ecx
e9b5e0dc37: jmp 0x40012340
`},
		{"into the guest", EnterGlue32, 2, "8b00: mov (%eax),%eax\n64ff25080f0000: jmp *%fs:0xf08\n"},
		{"return", ReturnGlue32, 1, "c3: ret\n"},
	} {
		if got := list(page, c.off, c.n, 32, addr); got != c.listing {
			t.Errorf("%s:\n%swant:\n%s", c.name, got, c.listing)
		}
	}
}

func TestThunkPage64(t *testing.T) {
	const addr, leave = 0x5f0000, 0x1400123450
	page := ThunkPage64(Slot.Disp64, leave)
	for _, c := range []struct {
		name    string
		off, n  int
		listing string
	}{
		{"syscall", int(ThunkSyscall.Off()), 1, "e9fb010000: jmpq 0x5f0200\n"},
		{"its glue: rcx is where to go on", glueStart64, 9, `654889042568160000: mov %rax,%gs:0x1668
65488b042578160000: mov %gs:0x1678,%rax
48894808: mov %rcx,0x8(%rax)
48898880000000: mov %rcx,0x80(%rax)
65488b0c2568160000: mov %gs:0x1668,%rcx
48894800: mov %rcx,(%rax)
b901000000: mov $0x1,%ecx
ff250bffffff: jmpq *0xffffff0b(%rip)
cc: int3
`},
		{"emulation: SlotResume is where to go on", glueStart64 + int(ThunkEmulate)*glueStride64, 9, `654889042568160000: mov %rax,%gs:0x1668
65488b042578160000: mov %gs:0x1678,%rax
48894808: mov %rcx,0x8(%rax)
65488b0c2570160000: mov %gs:0x1670,%rcx
48898880000000: mov %rcx,0x80(%rax)
65488b0c2568160000: mov %gs:0x1668,%rcx
48894800: mov %rcx,(%rax)
b904000000: mov $0x4,%ecx
ff2582fdffff: jmpq *0xfffffd82(%rip)
`},
		{"into the guest", EnterGlue64, 2, "488b00: mov (%rax),%rax\n65ff242570160000: jmpq *%gs:0x1670\n"},
	} {
		if got := list(page, c.off, c.n, 64, addr); got != c.listing {
			t.Errorf("%s:\n%swant:\n%s", c.name, got, c.listing)
		}
	}
}
