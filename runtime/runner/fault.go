package runner

import (
	"encoding/binary"
	"fmt"

	"bee/rewrite/decode"
	"bee/runtime/abi"
	"bee/runtime/kernel"
)

// Fault is a hardware exception of the guest, as the vectored handler saw it.
type Fault struct {
	Code uint32 // NTSTATUS
	Info uint32 // access violations: 0 read, 1 write, 8 execute
	Addr uint64 // access violations: the address
	PC   uint64 // the guest's own (original) program counter
	SP   uint64
	// Beyond: the address is mapped, and lies behind the end of the file.
	Beyond bool
	// Words are what the processor puts into the error code of a general
	// protection fault.
	Words uint32
	// Stack: it is a stack fault, for which Windows has no name.
	Stack bool
	// Into: it is into's trap, which Windows tells as a division's.
	Into bool
}

// NTSTATUS values of exceptions (ntstatus.h).
const (
	statusGuardPage       = 0x80000001
	statusMisaligned      = 0x80000002
	statusBreakpoint      = 0x80000003
	statusSingleStep      = 0x80000004
	statusAccessViolation = 0xC0000005
	statusInPageError     = 0xC0000006
	statusIllegal         = 0xC000001D
	statusArrayBounds     = 0xC000008C
	statusFloatDenormal   = 0xC000008D
	statusFloatDivide     = 0xC000008E
	statusFloatInexact    = 0xC000008F
	statusFloatInvalid    = 0xC0000090
	statusFloatOverflow   = 0xC0000091
	statusFloatStack      = 0xC0000092
	statusFloatUnderflow  = 0xC0000093
	statusIntDivide       = 0xC0000094
	statusIntOverflow     = 0xC0000095
	statusPrivileged      = 0xC0000096
	statusStackOverflow   = 0xC00000FD
	statusControlC        = 0xC000013A
	statusFloatMultiple   = 0xC00002B4
	statusFloatTraps      = 0xC00002B5
)

// What Windows reports as the address when there is no one address: a segment
// limit or a general protection fault.
const (
	noAddress32 = 0xffffffff
	noAddress64 = ^uint64(0)
)

// Signal is what Linux sends for the same exception.
func (f Fault) Signal() abi.Signal {
	switch {
	case f.Beyond, f.Stack:
		return abi.SIGBUS
	case f.Into:
		return abi.SIGSEGV
	}
	switch f.Code {
	case statusIllegal:
		return abi.SIGILL
	case statusBreakpoint, statusSingleStep:
		return abi.SIGTRAP
	case statusMisaligned, statusInPageError:
		return abi.SIGBUS
	case statusIntDivide, statusIntOverflow,
		statusFloatDenormal, statusFloatDivide, statusFloatInexact, statusFloatInvalid,
		statusFloatOverflow, statusFloatStack, statusFloatUnderflow,
		statusFloatMultiple, statusFloatTraps:
		// The processor has one exception for a division by zero and for a
		// quotient that does not fit; Linux calls both SIGFPE.
		return abi.SIGFPE
	}
	// Access violations, privileged instructions (Linux: general protection),
	// bound, stack overflow, and whatever else Windows may add.
	return abi.SIGSEGV
}

// Vectors of exceptions (Intel SDM vol. 3A, 6.15), as sigcontext's trapno.
const (
	trapDivide     = 0
	trapDebug      = 1
	trapBreakpoint = 3
	trapOverflow   = 4
	trapBounds     = 5
	trapInvalid    = 6
	trapStack      = 12
	trapProtection = 13
	trapX87        = 16
	trapAlignment  = 17
	trapSIMD       = 19
)

// Linux is what Linux tells a handler of the exception. fp is the guest's
// vector state in FXSAVE's form, which says what a numeric exception was.
func (f Fault) Linux(space *kernel.AddressSpace, fp []byte) kernel.FaultInfo {
	k := kernel.FaultInfo{Signal: f.Signal(), Addr: f.PC}
	switch {
	case f.Stack:
		k.Trap, k.Code, k.Addr = trapStack, abi.SI_KERNEL, 0
		return k
	case f.Into:
		k.Trap, k.Code, k.Addr = trapOverflow, abi.SI_KERNEL, 0
		return k
	}
	switch f.Code {
	case statusAccessViolation, statusGuardPage, statusStackOverflow:
		if f.general() { // an address that is none
			break
		}
		return space.PageFault(f.Addr, f.Info == 1, f.Info == 8)
	case statusInPageError:
		k = space.PageFault(f.Addr, f.Info == 1, false)
		k.Signal, k.Code = abi.SIGBUS, abi.BUS_ADRERR
		return k
	case statusIllegal:
		k.Trap, k.Code = trapInvalid, abi.ILL_ILLOPN
		return k
	case statusIntDivide, statusIntOverflow:
		k.Trap, k.Code = trapDivide, abi.FPE_INTDIV
		return k
	case statusBreakpoint:
		k.Trap, k.Code, k.Addr = trapBreakpoint, abi.SI_KERNEL, 0
		return k
	case statusSingleStep:
		k.Trap, k.Code = trapDebug, abi.TRAP_TRACE
		return k
	case statusMisaligned:
		k.Trap, k.Code, k.Addr = trapAlignment, abi.BUS_ADRALN, 0
		return k
	case statusArrayBounds:
		k.Trap, k.Code, k.Addr = trapBounds, abi.SI_KERNEL, 0
		return k
	}
	if k.Signal == abi.SIGFPE {
		k.Trap, k.Code = numeric(fp)
		return k
	}
	k.Trap, k.Err, k.Code, k.Addr = trapProtection, uint64(f.Words), abi.SI_KERNEL, 0
	return k
}

// Look finds out from the instruction at PC what Windows does not tell of a
// vague fault. code are its bytes, as many as there are, before the byte in
// front of it; r are the registers.
func (f *Fault) Look(code []byte, before byte, r *kernel.Registers, mode decode.Mode) {
	switch {
	case f.Code == statusIntOverflow:
		f.Into = mode == decode.Mode32 && before == opcodeInto && !divides(code)
	case len(code) >= 2 && code[0] == opcodeInt:
		f.Words = uint32(code[1])<<3 | selectorIDT
	case mode == decode.Mode64:
		f.Stack = onStack(code, r)
	}
}

const (
	opcodeInt   = 0xcd
	opcodeInto  = 0xce
	selectorIDT = 2 // of the error code: a gate of the interrupt table (Intel SDM vol. 3A, 6.13)
)

// divides tells whether the instruction is a division, which faults where it
// stands.
func divides(code []byte) bool {
	in, err := decode.Decode(code, decode.Mode32)
	return err == nil && in.Map == decode.MapOneByte && in.Opcode&^1 == 0xf6 && in.ModRM>>3&7 >= 6
}

// onStack tells whether an access to an address that is none was made by way
// of the stack's registers, which is another fault (Intel SDM vol. 1, 3.3.7.1).
func onStack(code []byte, r *kernel.Registers) bool {
	in, err := decode.Decode(code, decode.Mode64)
	if err != nil {
		return false
	}
	canonical := func(a uint64) bool { return int64(a)<<16>>16 == int64(a) }
	switch base, ok := in.MemBase(); {
	case !ok:
		return !in.MemOperand && !canonical(r.SP)
	case base == 4:
		return !canonical(r.SP)
	case base == 5:
		return !canonical(r.BP)
	}
	return false
}

// general tells whether an access violation is a general protection fault,
// which has no address.
func (f Fault) general() bool {
	switch f.Code {
	case statusPrivileged:
		return true
	case statusStackOverflow:
		return f.Addr == 0 && f.Info == 0
	}
	return (f.Addr == noAddress32 || f.Addr == noAddress64) && f.Info == 0
}

// numeric tells which unit has raised a numeric exception and why (Linux:
// fpu__exception_code).
func numeric(fp []byte) (trap uint64, code int32) {
	le := binary.LittleEndian
	mxcsr := le.Uint32(fp[24:])
	flags := ^(mxcsr >> 7) & mxcsr & 0x3f
	trap = trapSIMD
	if flags == 0 {
		trap = trapX87
		flags = uint32(le.Uint16(fp[2:])) &^ uint32(le.Uint16(fp)) & 0x7f
	}
	switch {
	case flags&1 != 0:
		code = abi.FPE_FLTINV
	case flags&4 != 0:
		code = abi.FPE_FLTDIV
	case flags&8 != 0:
		code = abi.FPE_FLTOVF
	case flags&0x12 != 0:
		code = abi.FPE_FLTUND
	case flags&0x20 != 0:
		code = abi.FPE_FLTRES
	}
	return trap, code
}

// String is one line for the user.
func (f Fault) String() string {
	what := fmt.Sprintf("exception %#x", f.Code)
	switch f.Code {
	case statusAccessViolation, statusInPageError:
		verb := map[uint32]string{0: "read of", 1: "write to", 8: "jump to"}[f.Info]
		if verb == "" {
			verb = "access to"
		}
		what = fmt.Sprintf("%s %#x", verb, f.Addr)
		if f.general() {
			what = "general protection"
		}
	case statusIllegal:
		what = "illegal instruction"
	case statusPrivileged:
		what = "privileged instruction"
	case statusIntDivide:
		what = "integer division"
	case statusIntOverflow:
		what = "integer overflow"
	case statusBreakpoint:
		what = "breakpoint"
	case statusStackOverflow:
		what = "stack overflow"
	case statusArrayBounds:
		what = "array bounds"
	}
	return fmt.Sprintf("%s (%s at %#x, stack pointer %#x)", f.Signal().Name(), what, f.PC, f.SP)
}

// CutOff judges the end of a child that left no mark: the process's own
// status is all there is. A fault with an unusable stack pointer ends a
// process before any handler can run, under some systems with status 0.
func CutOff(status uint32) (sig abi.Signal, message string) {
	switch status {
	case statusAccessViolation, statusStackOverflow, 0:
		return abi.SIGSEGV, "fault with an unusable stack pointer (the stack overflowed, or the register was destroyed)"
	case statusControlC:
		return abi.SIGINT, ""
	}
	return 0, fmt.Sprintf("the guest's process ended with status %#x and without a mark", status)
}
