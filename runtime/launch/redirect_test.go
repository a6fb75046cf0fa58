//go:build 386 || amd64

package launch

import (
	"testing"
	"unsafe"

	"bee/stubs"
)

func TestContextLayout(t *testing.T) {
	var a context32
	var b context64
	// The offsets that the vectored handlers use (winnt.h).
	for _, c := range []struct {
		name      string
		got, want uintptr
	}{
		{"32: flags", unsafe.Offsetof(a.flags), 0},
		{"32: edi", unsafe.Offsetof(a.edi), 0x9c},
		{"32: eax", unsafe.Offsetof(a.eax), 0xb0},
		{"32: ebp", unsafe.Offsetof(a.ebp), 0xb4},
		{"32: eip", unsafe.Offsetof(a.eip), 0xb8},
		{"32: eflags", unsafe.Offsetof(a.eflags), 0xc0},
		{"32: esp", unsafe.Offsetof(a.esp), 0xc4},
		{"32: size", unsafe.Sizeof(a), context32Size},
		{"64: flags", unsafe.Offsetof(b.flags), 0x30},
		{"64: eflags", unsafe.Offsetof(b.eflags), 0x44},
		{"64: rax", unsafe.Offsetof(b.regs), 0x78},
		{"64: rip", unsafe.Offsetof(b.rip), 0xf8},
		{"64: size", unsafe.Sizeof(b), context64Size},
	} {
		if c.got != c.want {
			t.Errorf("%s: %#x, want %#x", c.name, c.got, c.want)
		}
	}
}

func TestRedirect32(t *testing.T) {
	const state, leave = 0x50000, 0x40001000
	context := context32{
		edi: 1, esi: 2, ebx: 3, edx: 4, ecx: 5, eax: 6, ebp: 7, eip: 0x8048001, eflags: 0x50746, esp: 0x10,
	}
	in := stubs.State32{InGuest: 1, HostESP: 0x70000, ExitNow: 1, FaultInfo: 9, FaultAddr: 9}
	saved := in
	saved.EDI, saved.ESI, saved.EBX, saved.EDX, saved.ECX, saved.EAX, saved.EBP = 1, 2, 3, 4, 5, 6, 7
	saved.EIP, saved.EFLAGS, saved.ESP = 0x8048001, 0x50746, 0x10
	sent := context
	sent.eax, sent.esp, sent.eip, sent.eflags = state, 0x70000, leave, 0x10246

	saved.FaultPending = 1
	read, breakpoint := saved, saved
	read.FaultCode, read.FaultInfo, read.FaultAddr = 0xc0000005, 1, 0xfffffff0
	breakpoint.FaultCode, breakpoint.FaultInfo, breakpoint.FaultAddr = statusBreakpoint, 0, 0
	out := in
	out.InGuest = 0
	host, away := context, context
	host.esp, host.eip = in.HostESP, 0x40002000
	away.esp, away.eip, away.eax = in.HostESP, leave+0x40, state
	late, lateBreakpoint := in, in
	late.FaultPending, late.FaultCode, late.FaultInfo, late.FaultAddr = 1, 0xc0000005, 1, 0
	lateBreakpoint.FaultPending, lateBreakpoint.FaultCode, lateBreakpoint.FaultInfo, lateBreakpoint.FaultAddr = 1, statusBreakpoint, 0, 0
	lateBreakpoint.EIP = 0x8048001

	for _, c := range []struct {
		name      string
		s         stubs.State32
		c         context32
		e         exception
		want      outcome
		wantState stubs.State32
		wantTo    context32
	}{
		{"write", in, context, exception{0xc0000005, 0x8048001, 1, 0xffffffff_fffffff0}, redirected, read, sent},
		{"int3", in, context, exception{code: statusBreakpoint, addr: 0x8048000}, redirected, breakpoint, sent},
		{"not in the guest", out, context, exception{code: statusBreakpoint}, notGuest, out, context},
		{"a fault of the way in", in, host, exception{0xc0000005, 0x40002000, 0, 0}, notGuest, in, host},
		{"kicked meanwhile", in, away, exception{0xc0000005, 0x8048001, 1, 0}, kicked, late, away},
		{"kicked behind int3", in, away, exception{code: statusBreakpoint, addr: 0x8048000}, kicked, lateBreakpoint, away},
	} {
		if got := redirect32(&c.s, &c.c, c.e, state, leave); got != c.want || c.s != c.wantState || c.c != c.wantTo {
			t.Errorf("%s: %d\n%+v\n%+v\nwant %d\n%+v\n%+v", c.name, got, c.s, c.c, c.want, c.wantState, c.wantTo)
		}
	}
}

func TestRedirect64(t *testing.T) {
	const state, leave = 0x1_0005_0000, 0x1_4000_1000
	context := context64{rip: 0x400001, eflags: 0x50746}
	for i := range context.regs {
		context.regs[i] = 0x1_0000_0000 * uint64(i+1)
	}
	in := stubs.State64{InGuest: 1, HostRSP: 0x70000, ExitNow: 1, FaultInfo: 9, FaultAddr: 9}
	saved := in
	saved.RAX, saved.RCX, saved.RDX, saved.RBX = 0x1_0000_0000, 0x2_0000_0000, 0x3_0000_0000, 0x4_0000_0000
	saved.RSP, saved.RBP, saved.RSI, saved.RDI = 0x5_0000_0000, 0x6_0000_0000, 0x7_0000_0000, 0x8_0000_0000
	saved.R8, saved.R9, saved.R10, saved.R11 = 0x9_0000_0000, 0xa_0000_0000, 0xb_0000_0000, 0xc_0000_0000
	saved.R12, saved.R13, saved.R14, saved.R15 = 0xd_0000_0000, 0xe_0000_0000, 0xf_0000_0000, 0x10_0000_0000
	saved.RIP, saved.RFLAGS = 0x400001, 0x50746
	sent := context
	sent.regs[stubs.AX], sent.regs[stubs.SP], sent.rip, sent.eflags = state, 0x70000, leave, 0x10246

	saved.FaultPending = 1
	read, breakpoint := saved, saved
	read.FaultCode, read.FaultInfo, read.FaultAddr = 0xc0000005, 1, ^uint64(15)
	breakpoint.FaultCode, breakpoint.FaultInfo, breakpoint.FaultAddr = statusBreakpoint, 0, 0
	out := in
	out.InGuest = 0
	host, away := context, context
	host.regs[stubs.SP], host.rip = in.HostRSP, 0x1_4000_2000
	away.regs[stubs.SP], away.regs[stubs.AX], away.rip = in.HostRSP, state, leave+0x40
	late, lateBreakpoint := in, in
	late.FaultPending, late.FaultCode, late.FaultInfo, late.FaultAddr = 1, 0xc0000005, 1, 0
	lateBreakpoint.FaultPending, lateBreakpoint.FaultCode, lateBreakpoint.FaultInfo, lateBreakpoint.FaultAddr = 1, statusBreakpoint, 0, 0
	lateBreakpoint.RIP = 0x400001

	for _, c := range []struct {
		name      string
		s         stubs.State64
		c         context64
		e         exception
		want      outcome
		wantState stubs.State64
		wantTo    context64
	}{
		{"write", in, context, exception{0xc0000005, 0x400001, 1, ^uint64(15)}, redirected, read, sent},
		{"int3", in, context, exception{code: statusBreakpoint, addr: 0x400000}, redirected, breakpoint, sent},
		{"not in the guest", out, context, exception{code: statusBreakpoint}, notGuest, out, context},
		{"a fault of the way in", in, host, exception{0xc0000005, 0x1_4000_2000, 0, 0}, notGuest, in, host},
		{"kicked meanwhile", in, away, exception{0xc0000005, 0x400001, 1, 0}, kicked, late, away},
		{"kicked behind int3", in, away, exception{code: statusBreakpoint, addr: 0x400000}, kicked, lateBreakpoint, away},
	} {
		if got := redirect64(&c.s, &c.c, c.e, state, leave); got != c.want || c.s != c.wantState || c.c != c.wantTo {
			t.Errorf("%s: %d\n%+v\n%+v\nwant %d\n%+v\n%+v", c.name, got, c.s, c.c, c.want, c.wantState, c.wantTo)
		}
	}
}

func TestNativeStatus(t *testing.T) {
	for code, want := range map[uint32]uint32{
		statusWX86Breakpoint: statusBreakpoint, statusWX86SingleStep: statusSingleStep,
		statusBreakpoint: statusBreakpoint, 0xc0000005: 0xc0000005,
	} {
		if got := nativeStatus(code); got != want {
			t.Errorf("%#x: %#x, want %#x", code, got, want)
		}
	}
}

// What is written back must not take in what the child changes meanwhile.
func TestChanged(t *testing.T) {
	var s32 stubs.State32
	var s64 stubs.State64
	for name, c := range map[string]struct {
		parts []span
		keep  []uintptr
	}{
		"32 redirected": {changed32(redirected, exception{}), []uintptr{unsafe.Offsetof(s32.Reason), unsafe.Offsetof(s32.InGuest), unsafe.Offsetof(s32.ExitNow), unsafe.Offsetof(s32.HostESP)}},
		"32 kicked":     {changed32(kicked, exception{}), []uintptr{unsafe.Offsetof(s32.EAX), unsafe.Offsetof(s32.EIP), unsafe.Offsetof(s32.ExitNow)}},
		"32 int3":       {changed32(kicked, exception{code: statusBreakpoint}), []uintptr{unsafe.Offsetof(s32.EAX), unsafe.Offsetof(s32.EFLAGS), unsafe.Offsetof(s32.ExitNow)}},
		"64 redirected": {changed64(redirected, exception{}), []uintptr{unsafe.Offsetof(s64.Reason), unsafe.Offsetof(s64.InGuest), unsafe.Offsetof(s64.ExitNow), unsafe.Offsetof(s64.HostRSP), unsafe.Offsetof(s64.HostMXCSR)}},
		"64 kicked":     {changed64(kicked, exception{}), []uintptr{unsafe.Offsetof(s64.RAX), unsafe.Offsetof(s64.RIP), unsafe.Offsetof(s64.ExitNow)}},
		"64 int3":       {changed64(kicked, exception{code: statusBreakpoint}), []uintptr{unsafe.Offsetof(s64.RAX), unsafe.Offsetof(s64.RFLAGS), unsafe.Offsetof(s64.ExitNow)}},
	} {
		if len(c.parts) == 0 {
			t.Errorf("%s: nothing is written", name)
		}
		for _, p := range c.parts {
			for _, k := range c.keep {
				if p.from <= k && k < p.to {
					t.Errorf("%s: %#x to %#x takes in %#x", name, p.from, p.to, k)
				}
			}
		}
	}
}
