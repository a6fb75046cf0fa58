#include "textflag.h"

// Taking a thread out of the guest, windows/386: see Kicker. This runs on the
// stack that syscall.SyscallN gives and calls kernel32 only, whose functions
// take their arguments off the stack.

#define K_THREAD 0x00
#define K_STATE 0x04
#define K_CONTEXT 0x08
#define K_SUSPEND 0x0c
#define K_GET 0x10
#define K_SET 0x14
#define K_RESUME 0x18
#define K_LO 0x1c
#define K_HI 0x20
#define K_THUNKLO 0x24
#define K_THUNKHI 0x28

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
#define S_INGUEST 0x2c
#define S_HOSTESP 0x34

// CONTEXT of 32-bit Windows (winnt.h).
#define C_FLAGS 0x00
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

#define FLAGS_GUEST 0x40500

// Bits of ContextFlags (winnt.h): what is asked for without CONTEXT_EXCEPTION_
// REQUEST; CONTEXT_EXCEPTION_REPORTING, which says that the others tell
// something; CONTEXT_EXCEPTION_ACTIVE and CONTEXT_SERVICE_ACTIVE.
#define ASKED 0x10003
#define REPORTING 0x80000000
#define ACTIVE 0x18000000

#define COPY(from, to) MOVL from(DX), AX; MOVL AX, to(SI)

// ARG1 and ARGS2 pass K_THREAD, and K_THREAD and K_CONTEXT. Not by pushes: the
// assembler pairs those, and the callee takes them off.
#define ARG1 SUBL $4, SP; MOVL K_THREAD(BX), AX; MOVL AX, 0(SP)
#define ARGS2 SUBL $8, SP; MOVL K_THREAD(BX), AX; MOVL AX, 0(SP); MOVL K_CONTEXT(BX), AX; MOVL AX, 4(SP)

// uintptr kick(Kicker *k).
TEXT ·kick(SB), NOSPLIT|NOFRAME, $0-0
	MOVL 4(SP), AX
	PUSHL BX
	PUSHL SI
	PUSHL DI
	MOVL AX, BX
	MOVL K_STATE(BX), SI
	XORL DI, DI // not in the guest
	CMPL S_INGUEST(SI), $0
	JEQ out
	ARG1
	MOVL K_SUSPEND(BX), AX
	CALL AX
	CMPL AX, $-1
	JEQ out
	CMPL S_INGUEST(SI), $0
	JEQ resume
	MOVL $2, DI // again
	ARGS2
	MOVL K_GET(BX), AX
	CALL AX
	TESTL AX, AX
	JEQ resume
	MOVL K_CONTEXT(BX), DX
	// A thread that is inside the system, in an exception above all, may have
	// another context than the one it will go on with.
	MOVL C_FLAGS(DX), AX
	TESTL $REPORTING, AX
	JEQ current
	TESTL $ACTIVE, AX
	JNE resume
current:
	MOVL $ASKED, C_FLAGS(DX)
	MOVL C_EIP(DX), AX
	CMPL AX, K_LO(BX)
	JCS resume
	CMPL AX, K_HI(BX)
	JCC resume
	CMPL AX, K_THUNKLO(BX)
	JCS guest
	CMPL AX, K_THUNKHI(BX)
	JCS resume
guest:
	COPY(C_EAX, S_EAX)
	COPY(C_ECX, S_ECX)
	COPY(C_EDX, S_EDX)
	COPY(C_EBX, S_EBX)
	COPY(C_ESP, S_ESP)
	COPY(C_EBP, S_EBP)
	COPY(C_ESI, S_ESI)
	COPY(C_EDI, S_EDI)
	COPY(C_EIP, S_EIP)
	COPY(C_EFLAGS, S_EFLAGS)
	MOVL SI, C_EAX(DX)
	MOVL S_HOSTESP(SI), AX
	MOVL AX, C_ESP(DX)
	MOVL $·leaveKick(SB), AX
	MOVL AX, C_EIP(DX)
	ANDL $~FLAGS_GUEST, C_EFLAGS(DX)
	ARGS2
	MOVL K_SET(BX), AX
	CALL AX
	TESTL AX, AX
	JEQ resume
	MOVL $1, DI // done
resume:
	ARG1
	MOVL K_RESUME(BX), AX
	CALL AX
out:
	MOVL DI, AX
	POPL DI
	POPL SI
	POPL BX
	RET

DATA ·addrKick+0(SB)/4, $·kick(SB)
GLOBL ·addrKick(SB), NOPTR, $4
