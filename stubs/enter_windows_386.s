#include "textflag.h"

// The way into the guest and back, windows/386. The State's offsets are those
// of state32.go.
//
// All of this runs on the stack that syscall.SyscallN gives (the OS thread's
// own), never on a goroutine's, and calls nothing; so NOSPLIT|NOFRAME is
// right, and Go's collector finds no Go frame in it.

#define S_EAX 0x00
#define S_ECX 0x04
#define S_EDX 0x08
#define S_EBX 0x0c
#define S_ESP 0x10
#define S_EBP 0x14
#define S_ESI 0x18
#define S_EDI 0x1c
#define S_EIP 0x20
#define S_EFLAGS 0x24
#define S_REASON 0x28
#define S_INGUEST 0x2c
#define S_EXITNOW 0x30
#define S_HOSTESP 0x34
#define S_FAULTCODE 0x38
#define S_FAULTINFO 0x3c
#define S_FAULTADDR 0x40
#define S_VMODE 0x44
#define S_VMASKLO 0x48
#define S_VMASKHI 0x4c
#define S_HOSTMXCSR 0x50
#define S_ENTERGLUE 0x54
#define S_HOSTFCW 0x58
#define S_VECTOR 0x100

// Bits of EFLAGS (Intel SDM vol. 1, 3.4.3): TF, DF and AC, which must not be
// set in the host, and what the host starts with (IF and the bit that is
// always set).
#define FLAG_AC 0x40000
#define FLAGS_GUEST 0x40500
#define FLAGS_HOST 0x202

#define REASON_FAULT 6
#define REASON_INTERRUPT 7

// uintptr enter(State *s): loads the guest's registers and jumps. Returns the
// reason once the guest has come back.
TEXT ·enter(SB), NOSPLIT|NOFRAME, $0-0
	MOVL 4(SP), SI
	PUSHL BP
	PUSHL BX
	PUSHL DI
	PUSHL SI
	MOVL SP, S_HOSTESP(SI)
	// From here on a kick or a fault belongs to the guest. The flag is set
	// before ExitNow is tested: a kicker sets ExitNow first and looks at the
	// flag afterwards, so one of the two sees the other.
	MOVL $1, AX
	XCHGL AX, S_INGUEST(SI)
	CMPL S_EXITNOW(SI), $0
	JNE refused

	// The address to go on at travels in SlotResume: no register is free for
	// it at the end.
	MOVL 0x18(FS), BX // TEB.Self
	ADDL ·resumeSlotOffset(SB), BX
	MOVL S_EIP(SI), CX
	MOVL CX, (BX)

	BYTE $0xd9; BYTE $0x7e; BYTE $S_HOSTFCW // fnstcw 0x58(%esi)
	BYTE $0x0f; BYTE $0xae; BYTE $0x5e; BYTE $S_HOSTMXCSR // stmxcsr 0x50(%esi)
	MOVL S_VMASKLO(SI), AX
	MOVL S_VMASKHI(SI), DX
	CMPL S_VMODE(SI), $0
	JEQ legacy
	BYTE $0x0f; BYTE $0xae; BYTE $0xae; LONG $S_VECTOR // xrstor 0x100(%esi)
	JMP vector
legacy:
	BYTE $0x0f; BYTE $0xae; BYTE $0x8e; LONG $S_VECTOR // fxrstor 0x100(%esi)
vector:
	PUSHL S_EFLAGS(SI)
	POPFL
	// None of the following changes flags.
	MOVL S_ECX(SI), CX
	MOVL S_EDX(SI), DX
	MOVL S_EBX(SI), BX
	MOVL S_EBP(SI), BP
	MOVL S_EDI(SI), DI
	MOVL SI, AX
	MOVL S_ESI(SI), SI
	MOVL S_ESP(AX), SP
	// The glue in the thunk page knows the slots: it loads eax and jumps
	// through SlotResume.
	JMP S_ENTERGLUE(AX)

refused:
	MOVL $0, S_INGUEST(SI)
	MOVL $REASON_INTERRUPT, AX
	MOVL AX, S_REASON(SI)
	POPL SI
	POPL DI
	POPL BX
	POPL BP
	RET

// leave is where thunks jump: AX is the State, which holds the guest's eax,
// ecx and eip already; CX is the reason; all else is the guest's.
TEXT ·leave(SB), NOSPLIT|NOFRAME, $0-0
	MOVL CX, S_REASON(AX)
	MOVL DX, S_EDX(AX)
	MOVL BX, S_EBX(AX)
	MOVL BP, S_EBP(AX)
	MOVL SI, S_ESI(AX)
	MOVL DI, S_EDI(AX)
	MOVL SP, S_ESP(AX)
	MOVL S_HOSTESP(AX), SP
	PUSHFL
	POPL S_EFLAGS(AX)
	CLD
	// The host's code may access memory at any address.
	TESTL $FLAG_AC, S_EFLAGS(AX)
	JEQ aligned
	PUSHL $FLAGS_HOST
	POPFL
aligned:
	MOVL AX, SI
	JMP ·leaveVector(SB)

// leaveFault is where the exception handler sends the thread: AX is the
// State, which holds all general registers, and the stack is the host's.
TEXT ·leaveFault(SB), NOSPLIT|NOFRAME, $0-0
	MOVL $REASON_FAULT, CX
	MOVL CX, S_REASON(AX)
	CLD
	MOVL AX, SI
	JMP ·leaveVector(SB)

// leaveKick is where a kick sends the thread, as leaveFault.
TEXT ·leaveKick(SB), NOSPLIT|NOFRAME, $0-0
	MOVL $REASON_INTERRUPT, CX
	MOVL CX, S_REASON(AX)
	CLD
	MOVL AX, SI
	JMP ·leaveVector(SB)

// leaveVector saves the vector state of the State in SI and returns from
// enter.
TEXT ·leaveVector(SB), NOSPLIT|NOFRAME, $0-0
	MOVL S_VMASKLO(SI), AX
	MOVL S_VMASKHI(SI), DX
	MOVL S_VMODE(SI), CX
	CMPL CX, $1
	JLT legacy
	JEQ standard
	BYTE $0x0f; BYTE $0xc7; BYTE $0xa6; LONG $S_VECTOR // xsavec 0x100(%esi)
	JMP saved
standard:
	BYTE $0x0f; BYTE $0xae; BYTE $0xa6; LONG $S_VECTOR // xsave 0x100(%esi)
	JMP saved
legacy:
	BYTE $0x0f; BYTE $0xae; BYTE $0x86; LONG $S_VECTOR // fxsave 0x100(%esi)
saved:
	// The host's own control words: Go's and the C libraries' arithmetic
	// must not run under the guest's.
	BYTE $0xdb; BYTE $0xe3 // fninit
	BYTE $0xd9; BYTE $0x6e; BYTE $S_HOSTFCW // fldcw 0x58(%esi)
	BYTE $0x0f; BYTE $0xae; BYTE $0x56; BYTE $S_HOSTMXCSR // ldmxcsr 0x50(%esi)
	MOVL $0, S_INGUEST(SI)
	MOVL S_REASON(SI), AX
	// What enter has pushed; in bytes, since the assembler pairs pushes and
	// pops by function.
	BYTE $0x5e // pop %esi
	BYTE $0x5f // pop %edi
	BYTE $0x5b // pop %ebx
	BYTE $0x5d // pop %ebp
	RET

// CONTEXT and EXCEPTION_RECORD of 32-bit Windows (winnt.h).
#define C_EDI 0x9c
#define C_ESI 0xa0
#define C_EBX 0xa4
#define C_EDX 0xa8
#define C_ECX 0xac
#define C_EAX 0xb0
#define C_EBP 0xb4
#define C_EIP 0xb8
#define C_EFLAGS 0xc0
#define C_ESP 0xc4
#define R_CODE 0x00
#define STATUS_BREAKPOINT 0x80000003
#define R_NPARAMS 0x10
#define R_INFO0 0x14
#define R_INFO1 0x18

// LONG CALLBACK onException(EXCEPTION_POINTERS *p): the vectored handler.
// Whether the exception is the guest's is asked of the vCPU, not of EIP: a
// call of address 0 has EIP 0.
TEXT ·onException(SB), NOSPLIT|NOFRAME, $0-0
	MOVL 4(SP), DX
	PUSHL BX
	PUSHL SI
	MOVL 0x18(FS), AX // TEB.Self
	ADDL ·vcpuSlotOffset(SB), AX
	MOVL (AX), AX
	TESTL AX, AX
	JEQ notOurs
	CMPL S_INGUEST(AX), $0
	JEQ notOurs

	MOVL 0(DX), SI // ExceptionRecord
	MOVL 4(DX), DX // ContextRecord
	MOVL R_CODE(SI), BX
	MOVL BX, S_FAULTCODE(AX)
	XORL BX, BX
	MOVL BX, S_FAULTINFO(AX)
	MOVL BX, S_FAULTADDR(AX)
	CMPL R_NPARAMS(SI), $2
	JLT noParams
	MOVL R_INFO0(SI), BX
	MOVL BX, S_FAULTINFO(AX)
	MOVL R_INFO1(SI), BX
	MOVL BX, S_FAULTADDR(AX)
noParams:
	MOVL C_EAX(DX), BX
	MOVL BX, S_EAX(AX)
	MOVL C_ECX(DX), BX
	MOVL BX, S_ECX(AX)
	MOVL C_EDX(DX), BX
	MOVL BX, S_EDX(AX)
	MOVL C_EBX(DX), BX
	MOVL BX, S_EBX(AX)
	MOVL C_ESP(DX), BX
	MOVL BX, S_ESP(AX)
	MOVL C_EBP(DX), BX
	MOVL BX, S_EBP(AX)
	MOVL C_ESI(DX), BX
	MOVL BX, S_ESI(AX)
	MOVL C_EDI(DX), BX
	MOVL BX, S_EDI(AX)
	MOVL C_EIP(DX), BX
	// Windows tells the address of int3, the processor and Linux that behind.
	CMPL S_FAULTCODE(AX), $STATUS_BREAKPOINT
	JNE atFault
	INCL BX
atFault:
	MOVL BX, S_EIP(AX)
	MOVL C_EFLAGS(DX), BX
	MOVL BX, S_EFLAGS(AX)

	MOVL AX, C_EAX(DX)
	MOVL S_HOSTESP(AX), BX
	MOVL BX, C_ESP(DX)
	MOVL $·leaveFault(SB), BX
	MOVL BX, C_EIP(DX)
	ANDL $~FLAGS_GUEST, C_EFLAGS(DX)
	MOVL $-1, AX // EXCEPTION_CONTINUE_EXECUTION
	POPL SI
	POPL BX
	BYTE $0xc2; WORD $4 // ret 4
notOurs:
	XORL AX, AX // EXCEPTION_CONTINUE_SEARCH
	POPL SI
	POPL BX
	BYTE $0xc2; WORD $4 // ret 4

// LONG CALLBACK onContinue(EXCEPTION_POINTERS *p): the vectored continue
// handler. Real Windows asks these after a vectored handler has answered
// "continue execution", and Go's last one would end the process.
TEXT ·onContinue(SB), NOSPLIT|NOFRAME, $0-0
	MOVL 4(SP), DX
	MOVL 4(DX), DX
	MOVL $·leaveFault(SB), CX
	XORL AX, AX
	CMPL C_EIP(DX), CX
	JNE done
	DECL AX // EXCEPTION_CONTINUE_EXECUTION: ask nobody else
done:
	BYTE $0xc2; WORD $4 // ret 4

// The addresses of the above, for Go.
DATA ·addrEnter+0(SB)/4, $·enter(SB)
GLOBL ·addrEnter(SB), NOPTR, $4
DATA ·addrLeave+0(SB)/4, $·leave(SB)
GLOBL ·addrLeave(SB), NOPTR, $4
DATA ·addrLeaveFault+0(SB)/4, $·leaveFault(SB)
GLOBL ·addrLeaveFault(SB), NOPTR, $4
DATA ·addrOnException+0(SB)/4, $·onException(SB)
GLOBL ·addrOnException(SB), NOPTR, $4
DATA ·addrOnContinue+0(SB)/4, $·onContinue(SB)
GLOBL ·addrOnContinue(SB), NOPTR, $4
