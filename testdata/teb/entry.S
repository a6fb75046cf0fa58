/*
 * The machine code of the stand-in. The state that SlotVCPU points to is used
 * up for the time of a call, so that a signal's handler has its own.
 */
#include "layout.h"
	.section .entry, "ax"

#ifdef __i386__
#define RESUME %fs:(SLOTS + 6 * 4)
#define VCPU %fs:(SLOTS + 7 * 4)
#define TMP %fs:0xf80

	jmp	leave		/* the thunk page comes here */
	.org	0x10
_start:
	mov	%esp, %ebx	/* what is below the stack pointer stays zero */
	mov	$(frames + FRAME - 12), %esp
	push	%ebx
	call	start
	mov	%ebx, %esp
	mov	%eax, RESUME
	xor	%eax, %eax
	xor	%ebx, %ebx
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%esi, %esi
	xor	%edi, %edi
	xor	%ebp, %ebp
	jmp	*RESUME

leave:	/* eax: state, ecx: reason */
	mov	%edx, 2*W(%eax)
	mov	%ebx, 3*W(%eax)
	mov	%esp, 4*W(%eax)
	mov	%ebp, 5*W(%eax)
	mov	%esi, 6*W(%eax)
	mov	%edi, 7*W(%eax)
	mov	%ecx, REASON(%eax)
	lea	FRAME(%eax), %esp
	mov	%esp, VCPU
	pushf
	pop	FL(%eax)
	cld
	mov	%eax, %ebx
	sub	$12, %esp
	push	%eax
	call	serve
	lea	FRAME(%ebx), %esp
	cmp	$1, %eax
	je	native
	cmp	$2, %eax
	je	sigreturn
	cmp	$3, %eax
	je	clone
pop:
	mov	%ebx, VCPU
enter:	/* ebx: state */
	lea	FRAME(%ebx), %esp
	mov	%ebx, %eax
	mov	IP(%eax), %ecx
	mov	%ecx, RESUME
	mov	1*W(%eax), %ecx
	mov	2*W(%eax), %edx
	mov	5*W(%eax), %ebp
	mov	6*W(%eax), %esi
	mov	7*W(%eax), %edi
	push	FL(%eax)
	popf
	mov	3*W(%eax), %ebx
	mov	4*W(%eax), %esp
	jmp	ENTERGLUE

	.macro	load
	mov	0*W(%ebx), %eax
	mov	1*W(%ebx), %ecx
	mov	2*W(%ebx), %edx
	mov	5*W(%ebx), %ebp
	mov	6*W(%ebx), %esi
	mov	7*W(%ebx), %edi
	push	FL(%ebx)
	popf
	.endm

sigreturn:
	mov	%ebx, VCPU
native:
	load
	mov	4*W(%ebx), %esp
	mov	3*W(%ebx), %ebx
	int	$0x80
	mov	%eax, TMP
	mov	VCPU, %eax
	lea	-FRAME(%eax), %eax
	mov	%ecx, 1*W(%eax)
	mov	IP(%eax), %ecx
	mov	%ecx, RESUME
	mov	TMP, %ecx
	mov	%ecx, 0*W(%eax)
	mov	1*W(%eax), %ecx
	mov	%eax, VCPU
	jmp	ENTERGLUE

clone:
	load
	mov	3*W(%ebx), %ebx
	int	$0x80
	test	%eax, %eax
	jz	1f
	lea	-FRAME(%esp), %ebx	/* a child that shares the memory has changed the state */
	mov	%eax, 0*W(%ebx)
	mov	PARENT_SP(%ebx), %eax
	mov	%eax, 4*W(%ebx)
	jmp	pop
1:	mov	VCPU, %ebx
	lea	-FRAME(%ebx), %ebx
	movl	$0, 0*W(%ebx)
	mov	CHILD_SP(%ebx), %eax
	test	%eax, %eax
	jz	2f
	mov	%eax, 4*W(%ebx)
2:	cmpl	$0, CHILD_VM(%ebx)
	je	pop
	jmp	enter

#else
#define RESUME %gs:(SLOTS + 6 * 8)
#define VCPU %gs:(SLOTS + 7 * 8)
#define TMP %gs:0x1700

	jmp	leave		/* the thunk page comes here */
	.org	0x10
_start:
	mov	%rsp, %rdi
	mov	%rsp, %rbx
	mov	$(frames + FRAME), %esp
	call	start
	mov	%rbx, %rsp
	mov	%rax, RESUME
	xor	%eax, %eax
	xor	%ebx, %ebx
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%esi, %esi
	xor	%edi, %edi
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d
	jmp	*RESUME

leave:	/* rax: state, ecx: reason */
	mov	%rdx, 2*W(%rax)
	mov	%rbx, 3*W(%rax)
	mov	%rsp, 4*W(%rax)
	mov	%rbp, 5*W(%rax)
	mov	%rsi, 6*W(%rax)
	mov	%rdi, 7*W(%rax)
	.irp	r, 8, 9, 10, 11, 12, 13, 14, 15
	mov	%r\r, \r*W(%rax)
	.endr
	mov	%rcx, REASON(%rax)
	lea	FRAME(%rax), %rsp
	mov	%rsp, VCPU
	pushf
	pop	FL(%rax)
	cld
	mov	%rax, %rbx
	mov	%rax, %rdi
	call	serve
	cmp	$1, %eax
	je	native
	cmp	$2, %eax
	je	sigreturn
	cmp	$3, %eax
	je	clone
pop:
	mov	%rbx, VCPU
enter:	/* rbx: state */
	mov	IP(%rbx), %rcx
	mov	%rcx, RESUME
	lea	FRAME(%rbx), %rsp
	call	load
	mov	%rbx, %rax
	mov	1*W(%rax), %rcx
	mov	4*W(%rax), %rsp
	mov	3*W(%rax), %rbx
	jmp	ENTERGLUE

load:	/* all but rcx, rbx and rsp */
	.irp	r, 8, 9, 10, 11, 12, 13, 14, 15
	mov	\r*W(%rbx), %r\r
	.endr
	mov	0*W(%rbx), %rax
	mov	2*W(%rbx), %rdx
	mov	5*W(%rbx), %rbp
	mov	6*W(%rbx), %rsi
	mov	7*W(%rbx), %rdi
	push	FL(%rbx)
	popf
	ret

sigreturn:
	mov	%rbx, VCPU
native:
	lea	FRAME(%rbx), %rsp
	cmpq	$0, BY80(%rbx)
	jne	native80
	call	load
	mov	4*W(%rbx), %rsp
	mov	3*W(%rbx), %rbx
	syscall
	mov	VCPU, %rcx
	lea	-FRAME(%rcx), %rcx
	mov	%rcx, VCPU
	mov	IP(%rcx), %r11
	mov	%r11, RESUME
	mov	FL(%rcx), %r11
	mov	%rax, 0*W(%rcx)
	mov	%rcx, %rax
	mov	NEXT(%rax), %rcx
	jmp	ENTERGLUE

native80:
	call	load
	mov	1*W(%rbx), %rcx
	mov	4*W(%rbx), %rsp
	mov	3*W(%rbx), %rbx
	int	$0x80
	mov	%rcx, TMP
	mov	VCPU, %rcx
	lea	-FRAME(%rcx), %rcx
	mov	%rcx, VCPU
	mov	%rax, 0*W(%rcx)
	mov	IP(%rcx), %rax
	mov	%rax, RESUME
	mov	%rcx, %rax
	mov	TMP, %rcx
	jmp	ENTERGLUE

clone:
	lea	FRAME(%rbx), %rsp
	call	load
	mov	3*W(%rbx), %rbx
	syscall
	test	%rax, %rax
	jz	1f
	lea	-FRAME(%rsp), %rbx	/* a child that shares the memory has changed the state */
	mov	%rax, 0*W(%rbx)
	mov	PARENT_SP(%rbx), %rcx
	mov	%rcx, 4*W(%rbx)
	mov	NEXT(%rbx), %rcx
	mov	%rcx, 1*W(%rbx)
	mov	FL(%rbx), %rcx
	mov	%rcx, 11*W(%rbx)
	jmp	pop
1:	mov	VCPU, %rbx
	lea	-FRAME(%rbx), %rbx
	movq	$0, 0*W(%rbx)
	mov	NEXT(%rbx), %rcx
	mov	%rcx, 1*W(%rbx)
	mov	FL(%rbx), %rcx
	mov	%rcx, 11*W(%rbx)
	mov	CHILD_SP(%rbx), %rax
	test	%rax, %rax
	jz	2f
	mov	%rax, 4*W(%rbx)
2:	cmpq	$0, CHILD_VM(%rbx)
	je	pop
	jmp	enter
#endif

	.section .note.GNU-stack, "", @progbits
