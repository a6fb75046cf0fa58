//go:build 386 || amd64

package launch

import (
	"unsafe"

	"bee/stubs"
)

// NTSTATUS values of the exceptions that need care here (ntstatus.h). A 64-bit
// debugger is told the second pair of a 32-bit process.
const (
	statusBreakpoint     = 0x80000003
	statusSingleStep     = 0x80000004
	statusWX86SingleStep = 0x4000001e
	statusWX86Breakpoint = 0x4000001f
)

// nativeStatus is the code as the process itself would be told.
func nativeStatus(code uint32) uint32 {
	switch code {
	case statusWX86Breakpoint:
		return statusBreakpoint
	case statusWX86SingleStep:
		return statusSingleStep
	}
	return code
}

// exception is what a debugger is told of one.
type exception struct {
	code        uint32 // as the process would be told
	addr        uint64 // ExceptionAddress
	info, addr2 uint64 // the first two parameters, 0 if there are fewer
}

// context32 is CONTEXT of 32-bit Windows, WOW64_CONTEXT of 64-bit (winnt.h).
type context32 struct {
	flags                        uint32
	_                            [0x98]byte // debug registers, x87, segments
	edi, esi, ebx, edx, ecx, eax uint32
	ebp, eip, _, eflags, esp, _  uint32
	_                            [512]byte
}

// context64 is CONTEXT of 64-bit Windows (winnt.h); it wants 16-byte
// alignment.
type context64 struct {
	_      [0x30]byte
	flags  uint32
	_      [0x10]byte // MXCSR, segments
	eflags uint32
	_      [0x30]byte // debug registers
	// rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8 to r15
	regs [16]uint64
	rip  uint64
	_    [0x3d0]byte
}

const (
	context32Size = 0x2cc
	context64Size = 0x4d0
	// flagsGuest are TF, DF and AC, which must not be set in the host.
	flagsGuest = 0x40500
)

// outcome says what a debugger does about an exception of a guest thread.
type outcome int

const (
	// notGuest: the runner's own code; its own handlers are asked.
	notGuest outcome = iota
	// kicked: the thread was sent out of the guest after it had faulted and
	// before the debugger was told. It goes on where it was sent; the State
	// holds its registers already, and gets the fault (FaultPending).
	kicked
	// redirected: State and context were changed and must be written.
	redirected
)

// redirect32 does what the vectored handler does (onException of package
// stubs), from outside: it saves the guest's registers in s and sends the
// thread to leave, with the address of s in eax, on the host's stack.
func redirect32(s *stubs.State32, c *context32, e exception, state, leave uint32) outcome {
	if s.InGuest != 1 {
		return notGuest
	}
	if c.esp == s.HostESP {
		if c.eax == state && uint64(c.eip) != e.addr {
			s.FaultPending = 1
			s.FaultCode, s.FaultInfo, s.FaultAddr = e.code, uint32(e.info), uint32(e.addr2)
			if e.code == statusBreakpoint {
				s.EIP = uint32(e.addr) + 1
			}
			return kicked
		}
		return notGuest
	}
	s.FaultPending = 1
	s.FaultCode, s.FaultInfo, s.FaultAddr = e.code, uint32(e.info), uint32(e.addr2)
	s.EAX, s.ECX, s.EDX, s.EBX = c.eax, c.ecx, c.edx, c.ebx
	s.ESP, s.EBP, s.ESI, s.EDI = c.esp, c.ebp, c.esi, c.edi
	s.EIP, s.EFLAGS = c.eip, c.eflags
	if e.code == statusBreakpoint {
		// Behind int3, whatever this system has put into the context.
		s.EIP = uint32(e.addr) + 1
	}
	c.eax, c.esp, c.eip = state, s.HostESP, leave
	c.eflags &^= flagsGuest
	return redirected
}

// redirect64 is redirect32 for 64-bit guests.
func redirect64(s *stubs.State64, c *context64, e exception, state, leave uint64) outcome {
	if s.InGuest != 1 {
		return notGuest
	}
	if c.regs[stubs.SP] == s.HostRSP {
		if c.regs[stubs.AX] == state && c.rip != e.addr {
			s.FaultPending = 1
			s.FaultCode, s.FaultInfo, s.FaultAddr = e.code, e.info, e.addr2
			if e.code == statusBreakpoint {
				s.RIP = e.addr + 1
			}
			return kicked
		}
		return notGuest
	}
	s.FaultPending = 1
	s.FaultCode, s.FaultInfo, s.FaultAddr = e.code, e.info, e.addr2
	for i, p := range []*uint64{
		&s.RAX, &s.RCX, &s.RDX, &s.RBX, &s.RSP, &s.RBP, &s.RSI, &s.RDI,
		&s.R8, &s.R9, &s.R10, &s.R11, &s.R12, &s.R13, &s.R14, &s.R15,
	} {
		*p = c.regs[i]
	}
	s.RIP, s.RFLAGS = c.rip, uint64(c.eflags)
	if e.code == statusBreakpoint {
		s.RIP = e.addr + 1
	}
	c.regs[stubs.AX], c.regs[stubs.SP], c.rip = state, s.HostRSP, leave
	c.eflags &^= flagsGuest
	return redirected
}

// span is a stretch of a State, in bytes from its beginning.
type span struct{ from, to uintptr }

// changed32 tells which parts of a State32 are written back. The rest belongs
// to the child, where a kick may be under way: after a kick even the registers,
// but for the program counter behind an int3.
func changed32(out outcome, e exception) []span {
	var s stubs.State32
	fault := []span{
		{unsafe.Offsetof(s.FaultCode), unsafe.Offsetof(s.VectorMode)},
		{unsafe.Offsetof(s.FaultPending), unsafe.Offsetof(s.FaultPending) + 4},
	}
	switch {
	case out == redirected:
		return append(fault, span{0, unsafe.Offsetof(s.Reason)})
	case e.code == statusBreakpoint:
		return append(fault, span{unsafe.Offsetof(s.EIP), unsafe.Offsetof(s.EFLAGS)})
	}
	return fault
}

// changed64 is changed32 for a State64.
func changed64(out outcome, e exception) []span {
	var s stubs.State64
	fault := []span{
		{unsafe.Offsetof(s.FaultCode), unsafe.Offsetof(s.FaultCode) + 4},
		{unsafe.Offsetof(s.FaultInfo), unsafe.Offsetof(s.VectorMaskLo)},
		{unsafe.Offsetof(s.FaultPending), unsafe.Offsetof(s.FaultPending) + 4},
	}
	switch {
	case out == redirected:
		return append(fault, span{0, unsafe.Offsetof(s.Reason)})
	case e.code == statusBreakpoint:
		return append(fault, span{unsafe.Offsetof(s.RIP), unsafe.Offsetof(s.RFLAGS)})
	}
	return fault
}
