#include "textflag.h"

// The way into the guest and back, windows/amd64. The State's offsets are
// those of state64.go.
//
// All of this runs on the stack that syscall.SyscallN gives (the OS thread's
// own), never on a goroutine's, and calls nothing; so NOSPLIT|NOFRAME is
// right, and Go's collector finds no Go frame in it. Nothing here touches the
// guest's stack: its red zone stays.

#define S_RAX 0x00
#define S_RCX 0x08
#define S_RDX 0x10
#define S_RBX 0x18
#define S_RSP 0x20
#define S_RBP 0x28
#define S_RSI 0x30
#define S_RDI 0x38
#define S_R8 0x40
#define S_R9 0x48
#define S_R10 0x50
#define S_R11 0x58
#define S_R12 0x60
#define S_R13 0x68
#define S_R14 0x70
#define S_R15 0x78
#define S_RIP 0x80
#define S_RFLAGS 0x88
#define S_REASON 0x90
#define S_INGUEST 0x94
#define S_EXITNOW 0x98
#define S_VMODE 0x9c
#define S_HOSTRSP 0xa0
#define S_FAULTCODE 0xa8
#define S_HOSTMXCSR 0xac
#define S_FAULTINFO 0xb0
#define S_FAULTADDR 0xb8
#define S_VMASKLO 0xc0
#define S_VMASKHI 0xc4
#define S_ENTERGLUE 0xc8
#define S_HOSTFCW 0xd0
#define S_VECTOR 0x100

// Bits of RFLAGS (Intel SDM vol. 1, 3.4.3): TF, DF and AC, which must not be
// set in the host, and what the host starts with (IF and the bit that is
// always set).
#define FLAG_AC 0x40000
#define FLAGS_GUEST 0x40500
#define FLAGS_HOST 0x202

#define REASON_FAULT 6
#define REASON_INTERRUPT 7

// What enter keeps for its caller, besides what it pushes: xmm6 to xmm15 are
// callee-saved on Windows (Microsoft: "x64 calling convention"). The odd eight
// bytes align the area to 16.
#define XMM_AREA 168

// uintptr enter(State *s): loads the guest's registers and jumps. Returns the
// reason once the guest has come back.
TEXT ·enter(SB), NOSPLIT|NOFRAME, $0-0
	PUSHQ BP
	PUSHQ BX
	PUSHQ DI
	PUSHQ SI
	PUSHQ R12
	PUSHQ R13
	PUSHQ R14
	PUSHQ R15
	SUBQ $XMM_AREA, SP
	MOVUPS X6, 0(SP)
	MOVUPS X7, 16(SP)
	MOVUPS X8, 32(SP)
	MOVUPS X9, 48(SP)
	MOVUPS X10, 64(SP)
	MOVUPS X11, 80(SP)
	MOVUPS X12, 96(SP)
	MOVUPS X13, 112(SP)
	MOVUPS X14, 128(SP)
	MOVUPS X15, 144(SP)
	MOVQ CX, SI
	MOVQ SP, S_HOSTRSP(SI)
	BYTE $0xd9; BYTE $0xbe; LONG $S_HOSTFCW // fnstcw 0xd0(%rsi)
	BYTE $0x0f; BYTE $0xae; BYTE $0x9e; LONG $S_HOSTMXCSR // stmxcsr 0xac(%rsi)

	// From here on a kick or a fault belongs to the guest. The flag is set
	// before ExitNow is tested: a kicker sets ExitNow first and looks at the
	// flag afterwards, so one of the two sees the other.
	MOVL $1, AX
	XCHGL AX, S_INGUEST(SI)
	CMPL S_EXITNOW(SI), $0
	JNE refused

	// The address to go on at travels in SlotResume: no register is free for
	// it at the end.
	MOVQ 0x30(GS), BX // TEB.Self
	MOVL ·resumeSlotOffset(SB), CX
	ADDQ CX, BX
	MOVQ S_RIP(SI), CX
	MOVQ CX, (BX)

	MOVL S_VMASKLO(SI), AX
	MOVL S_VMASKHI(SI), DX
	CMPL S_VMODE(SI), $0
	JEQ legacy
	BYTE $0x48; BYTE $0x0f; BYTE $0xae; BYTE $0xae; LONG $S_VECTOR // xrstor64 0x100(%rsi)
	JMP vector
legacy:
	BYTE $0x48; BYTE $0x0f; BYTE $0xae; BYTE $0x8e; LONG $S_VECTOR // fxrstor64 0x100(%rsi)
vector:
	PUSHQ S_RFLAGS(SI)
	POPFQ
	// None of the following changes flags.
	MOVQ S_RCX(SI), CX
	MOVQ S_RDX(SI), DX
	MOVQ S_RBX(SI), BX
	MOVQ S_RBP(SI), BP
	MOVQ S_RDI(SI), DI
	MOVQ S_R8(SI), R8
	MOVQ S_R9(SI), R9
	MOVQ S_R10(SI), R10
	MOVQ S_R11(SI), R11
	MOVQ S_R12(SI), R12
	MOVQ S_R13(SI), R13
	MOVQ S_R14(SI), R14
	MOVQ S_R15(SI), R15
	MOVQ SI, AX
	MOVQ S_RSI(SI), SI
	MOVQ S_RSP(AX), SP
	// The glue in the thunk page knows the slots: it loads rax and jumps
	// through SlotResume.
	JMP S_ENTERGLUE(AX)

refused:
	MOVL $REASON_INTERRUPT, AX
	MOVL AX, S_REASON(SI)
	JMP ·toHost(SB)

// leave is where thunks jump: AX is the State, which holds the guest's rax,
// rcx and rip already; CX is the reason; all else is the guest's.
TEXT ·leave(SB), NOSPLIT|NOFRAME, $0-0
	MOVL CX, S_REASON(AX)
	MOVQ DX, S_RDX(AX)
	MOVQ BX, S_RBX(AX)
	MOVQ BP, S_RBP(AX)
	MOVQ SI, S_RSI(AX)
	MOVQ DI, S_RDI(AX)
	MOVQ R8, S_R8(AX)
	MOVQ R9, S_R9(AX)
	MOVQ R10, S_R10(AX)
	MOVQ R11, S_R11(AX)
	MOVQ R12, S_R12(AX)
	MOVQ R13, S_R13(AX)
	MOVQ R14, S_R14(AX)
	MOVQ R15, S_R15(AX)
	MOVQ SP, S_RSP(AX)
	MOVQ S_HOSTRSP(AX), SP
	PUSHFQ
	POPQ S_RFLAGS(AX)
	CLD
	// The host's code may access memory at any address.
	TESTL $FLAG_AC, S_RFLAGS(AX)
	JEQ aligned
	PUSHQ $FLAGS_HOST
	POPFQ
aligned:
	MOVQ AX, SI
	JMP ·leaveVector(SB)

// leaveFault is where the exception handler sends the thread: AX is the
// State, which holds all general registers, and the stack is the host's.
TEXT ·leaveFault(SB), NOSPLIT|NOFRAME, $0-0
	MOVL $REASON_FAULT, CX
	MOVL CX, S_REASON(AX)
	CLD
	MOVQ AX, SI
	JMP ·leaveVector(SB)

// leaveKick is where a kick sends the thread, as leaveFault.
TEXT ·leaveKick(SB), NOSPLIT|NOFRAME, $0-0
	MOVL $REASON_INTERRUPT, CX
	MOVL CX, S_REASON(AX)
	CLD
	MOVQ AX, SI
	JMP ·leaveVector(SB)

// leaveVector saves the vector state of the State in SI.
TEXT ·leaveVector(SB), NOSPLIT|NOFRAME, $0-0
	MOVL S_VMASKLO(SI), AX
	MOVL S_VMASKHI(SI), DX
	MOVL S_VMODE(SI), CX
	CMPL CX, $1
	JLT legacy
	JEQ standard
	BYTE $0x48; BYTE $0x0f; BYTE $0xc7; BYTE $0xa6; LONG $S_VECTOR // xsavec64 0x100(%rsi)
	JMP ·toHost(SB)
standard:
	BYTE $0x48; BYTE $0x0f; BYTE $0xae; BYTE $0xa6; LONG $S_VECTOR // xsave64 0x100(%rsi)
	JMP ·toHost(SB)
legacy:
	BYTE $0x48; BYTE $0x0f; BYTE $0xae; BYTE $0x86; LONG $S_VECTOR // fxsave64 0x100(%rsi)
	JMP ·toHost(SB)

// toHost returns from enter with the reason of the State in SI.
TEXT ·toHost(SB), NOSPLIT|NOFRAME, $0-0
	// The host's own control words: Go's and the C libraries' arithmetic
	// must not run under the guest's.
	BYTE $0xdb; BYTE $0xe3 // fninit
	BYTE $0xd9; BYTE $0xae; LONG $S_HOSTFCW // fldcw 0xd0(%rsi)
	BYTE $0x0f; BYTE $0xae; BYTE $0x96; LONG $S_HOSTMXCSR // ldmxcsr 0xac(%rsi)
	MOVL $0, S_INGUEST(SI)
	MOVL S_REASON(SI), AX
	MOVUPS 0(SP), X6
	MOVUPS 16(SP), X7
	MOVUPS 32(SP), X8
	MOVUPS 48(SP), X9
	MOVUPS 64(SP), X10
	MOVUPS 80(SP), X11
	MOVUPS 96(SP), X12
	MOVUPS 112(SP), X13
	MOVUPS 128(SP), X14
	MOVUPS 144(SP), X15
	// What enter has reserved and pushed; in bytes, since the assembler pairs
	// pushes and pops by function.
	BYTE $0x48; BYTE $0x81; BYTE $0xc4; LONG $XMM_AREA // add $168,%rsp
	BYTE $0x41; BYTE $0x5f // pop %r15
	BYTE $0x41; BYTE $0x5e // pop %r14
	BYTE $0x41; BYTE $0x5d // pop %r13
	BYTE $0x41; BYTE $0x5c // pop %r12
	BYTE $0x5e // pop %rsi
	BYTE $0x5f // pop %rdi
	BYTE $0x5b // pop %rbx
	BYTE $0x5d // pop %rbp
	RET

// CONTEXT and EXCEPTION_RECORD of 64-bit Windows (winnt.h).
#define C_EFLAGS 0x44
#define C_RAX 0x78
#define C_RCX 0x80
#define C_RDX 0x88
#define C_RBX 0x90
#define C_RSP 0x98
#define C_RBP 0xa0
#define C_RSI 0xa8
#define C_RDI 0xb0
#define C_R8 0xb8
#define C_R9 0xc0
#define C_R10 0xc8
#define C_R11 0xd0
#define C_R12 0xd8
#define C_R13 0xe0
#define C_R14 0xe8
#define C_R15 0xf0
#define C_RIP 0xf8
#define R_CODE 0x00
#define STATUS_BREAKPOINT 0x80000003
#define R_NPARAMS 0x18
#define R_INFO0 0x20
#define R_INFO1 0x28

#define COPY(from, to) MOVQ from(DX), R8; MOVQ R8, to(AX)

// LONG CALLBACK onException(EXCEPTION_POINTERS *p): the vectored handler.
// Whether the exception is the guest's is asked of the vCPU, not of RIP: a
// call of address 0 has RIP 0. It uses volatile registers only.
TEXT ·onException(SB), NOSPLIT|NOFRAME, $0-0
	MOVQ 0x30(GS), AX // TEB.Self
	MOVL ·vcpuSlotOffset(SB), R8
	ADDQ R8, AX
	MOVQ (AX), AX
	TESTQ AX, AX
	JEQ notOurs
	CMPL S_INGUEST(AX), $0
	JEQ notOurs

	MOVQ 8(CX), DX // ContextRecord
	MOVQ 0(CX), CX // ExceptionRecord
	MOVL R_CODE(CX), R8
	MOVL R8, S_FAULTCODE(AX)
	XORL R8, R8
	MOVQ R8, S_FAULTINFO(AX)
	MOVQ R8, S_FAULTADDR(AX)
	CMPL R_NPARAMS(CX), $2
	JLT noParams
	MOVQ R_INFO0(CX), R8
	MOVQ R8, S_FAULTINFO(AX)
	MOVQ R_INFO1(CX), R8
	MOVQ R8, S_FAULTADDR(AX)
noParams:
	COPY(C_RAX, S_RAX)
	COPY(C_RCX, S_RCX)
	COPY(C_RDX, S_RDX)
	COPY(C_RBX, S_RBX)
	COPY(C_RSP, S_RSP)
	COPY(C_RBP, S_RBP)
	COPY(C_RSI, S_RSI)
	COPY(C_RDI, S_RDI)
	COPY(C_R8, S_R8)
	COPY(C_R9, S_R9)
	COPY(C_R10, S_R10)
	COPY(C_R11, S_R11)
	COPY(C_R12, S_R12)
	COPY(C_R13, S_R13)
	COPY(C_R14, S_R14)
	COPY(C_R15, S_R15)
	MOVQ C_RIP(DX), R8
	// Windows tells the address of int3, the processor and Linux that behind.
	CMPL S_FAULTCODE(AX), $STATUS_BREAKPOINT
	JNE atFault
	INCQ R8
atFault:
	MOVQ R8, S_RIP(AX)
	MOVL C_EFLAGS(DX), R8
	MOVQ R8, S_RFLAGS(AX)

	MOVQ AX, C_RAX(DX)
	MOVQ S_HOSTRSP(AX), R8
	MOVQ R8, C_RSP(DX)
	LEAQ ·leaveFault(SB), R8
	MOVQ R8, C_RIP(DX)
	ANDL $~FLAGS_GUEST, C_EFLAGS(DX)
	MOVL $-1, AX // EXCEPTION_CONTINUE_EXECUTION
	RET
notOurs:
	XORL AX, AX // EXCEPTION_CONTINUE_SEARCH
	RET

// LONG CALLBACK onContinue(EXCEPTION_POINTERS *p): the vectored continue
// handler. Real Windows asks these after a vectored handler has answered
// "continue execution", and Go's last one would end the process.
TEXT ·onContinue(SB), NOSPLIT|NOFRAME, $0-0
	MOVQ 8(CX), DX
	LEAQ ·leaveFault(SB), R8
	XORL AX, AX
	CMPQ C_RIP(DX), R8
	JNE done
	DECL AX // EXCEPTION_CONTINUE_EXECUTION: ask nobody else
done:
	RET

// The addresses of the above, for Go.
DATA ·addrEnter+0(SB)/8, $·enter(SB)
GLOBL ·addrEnter(SB), NOPTR, $8
DATA ·addrLeave+0(SB)/8, $·leave(SB)
GLOBL ·addrLeave(SB), NOPTR, $8
DATA ·addrLeaveFault+0(SB)/8, $·leaveFault(SB)
GLOBL ·addrLeaveFault(SB), NOPTR, $8
DATA ·addrOnException+0(SB)/8, $·onException(SB)
GLOBL ·addrOnException(SB), NOPTR, $8
DATA ·addrOnContinue+0(SB)/8, $·onContinue(SB)
GLOBL ·addrOnContinue(SB), NOPTR, $8
