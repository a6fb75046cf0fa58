#include "textflag.h"

// Taking a thread out of the guest, windows/amd64: see Kicker. This runs on
// the stack that syscall.SyscallN gives and calls kernel32 only.

#define K_THREAD 0x00
#define K_STATE 0x08
#define K_CONTEXT 0x10
#define K_SUSPEND 0x18
#define K_GET 0x20
#define K_SET 0x28
#define K_RESUME 0x30
#define K_LO 0x38
#define K_HI 0x40
#define K_THUNKLO 0x48
#define K_THUNKHI 0x50

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
#define S_INGUEST 0x94
#define S_HOSTRSP 0xa0

// CONTEXT of 64-bit Windows (winnt.h).
#define C_FLAGS 0x30
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

#define FLAGS_GUEST 0x40500

// Bits of ContextFlags (winnt.h): what is asked for without CONTEXT_EXCEPTION_
// REQUEST; CONTEXT_EXCEPTION_REPORTING, which says that the others tell
// something; CONTEXT_EXCEPTION_ACTIVE and CONTEXT_SERVICE_ACTIVE.
#define ASKED 0x100003
#define REPORTING 0x80000000
#define ACTIVE 0x18000000

#define COPY(from, to) MOVQ from(DX), AX; MOVQ AX, to(SI)

// uintptr kick(Kicker *k). 32 bytes: what functions of Windows may write above
// their return address. The stack is aligned to 16 then.
TEXT ·kick(SB), NOSPLIT|NOFRAME, $0-0
	PUSHQ BX
	PUSHQ SI
	PUSHQ DI
	SUBQ $32, SP
	MOVQ CX, BX
	MOVQ K_STATE(BX), SI
	XORL DI, DI // not in the guest
	CMPL S_INGUEST(SI), $0
	JEQ out
	MOVQ K_THREAD(BX), CX
	MOVQ K_SUSPEND(BX), AX
	CALL AX
	CMPL AX, $-1
	JEQ out
	CMPL S_INGUEST(SI), $0
	JEQ resume
	MOVL $2, DI // again
	MOVQ K_THREAD(BX), CX
	MOVQ K_CONTEXT(BX), DX
	MOVQ K_GET(BX), AX
	CALL AX
	TESTL AX, AX
	JEQ resume
	MOVQ K_CONTEXT(BX), DX
	// A thread that is inside the system, in an exception above all, may have
	// another context than the one it will go on with.
	MOVL C_FLAGS(DX), AX
	TESTL $REPORTING, AX
	JEQ current
	TESTL $ACTIVE, AX
	JNE resume
current:
	MOVL $ASKED, C_FLAGS(DX)
	MOVQ C_RIP(DX), AX
	CMPQ AX, K_LO(BX)
	JCS resume
	CMPQ AX, K_HI(BX)
	JCC resume
	CMPQ AX, K_THUNKLO(BX)
	JCS guest
	CMPQ AX, K_THUNKHI(BX)
	JCS resume
guest:
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
	COPY(C_RIP, S_RIP)
	MOVL C_EFLAGS(DX), AX
	MOVQ AX, S_RFLAGS(SI)
	MOVQ SI, C_RAX(DX)
	MOVQ S_HOSTRSP(SI), AX
	MOVQ AX, C_RSP(DX)
	LEAQ ·leaveKick(SB), AX
	MOVQ AX, C_RIP(DX)
	ANDL $~FLAGS_GUEST, C_EFLAGS(DX)
	MOVQ K_THREAD(BX), CX
	MOVQ K_SET(BX), AX
	CALL AX
	TESTL AX, AX
	JEQ resume
	MOVL $1, DI // done
resume:
	MOVQ K_THREAD(BX), CX
	MOVQ K_RESUME(BX), AX
	CALL AX
out:
	MOVQ DI, AX
	ADDQ $32, SP
	POPQ DI
	POPQ SI
	POPQ BX
	RET

DATA ·addrKick+0(SB)/8, $·kick(SB)
GLOBL ·addrKick(SB), NOPTR, $8
