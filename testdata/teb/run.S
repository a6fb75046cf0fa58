/* Loads all registers, jumps to a case, which jumps to save. */
	.text
	.macro	function name
	.globl	\name
	.type	\name, @function
\name:
	.endm
	.macro	done name
	.size	\name, . - \name
	.p2align 4
	.endm

#ifdef __i386__
	function _start
	xor	%ebp, %ebp
	and	$-16, %esp
	call	begin
	done	_start

	function run_case
	push	%ebp
	push	%ebx
	push	%esi
	push	%edi
	mov	%esp, main_sp
	fninit
	.irp	x, 0, 1, 2, 3, 4, 5, 6, 7
	movups	vectors_in + 16 * \x, %xmm\x
	.endr
	push	in_flags
	popf
	mov	in_regs, %eax
	mov	in_regs + 4, %ecx
	mov	in_regs + 8, %edx
	mov	in_regs + 12, %ebx
	mov	in_regs + 16, %esp
	mov	in_regs + 20, %ebp
	mov	in_regs + 24, %esi
	mov	in_regs + 28, %edi
	jmp	*current
	done	run_case

	function save
	mov	%eax, out_regs
	mov	%ecx, out_regs + 4
	mov	%edx, out_regs + 8
	mov	%ebx, out_regs + 12
	mov	%esp, out_regs + 16
	mov	%ebp, out_regs + 20
	mov	%esi, out_regs + 24
	mov	%edi, out_regs + 28
	mov	main_sp, %esp
	pushf
	pop	out_flags
	cld
	.irp	x, 0, 1, 2, 3, 4, 5, 6, 7
	movups	%xmm\x, vectors_out + 16 * \x
	.endr
	pop	%edi
	pop	%esi
	pop	%ebx
	pop	%ebp
	ret
	done	save

	function vsys
	int	$0x80
	ret
	done	vsys

	function callee		/* shows its return address */
	mov	(%esp), %edi
	ret
	done	callee

	function landing
	lea	1(%edi), %edi
	jmp	save
	done	landing

#else
	function _start
	xor	%ebp, %ebp
	and	$-16, %rsp
	call	begin
	done	_start

	function run_case
	push	%rbp
	push	%rbx
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, main_sp
	fninit
	.irp	x, 0, 1, 2, 3, 4, 5, 6, 7
	movups	vectors_in + 16 * \x, %xmm\x
	.endr
	push	in_flags
	popf
	mov	in_regs, %rax
	mov	in_regs + 8, %rcx
	mov	in_regs + 16, %rdx
	mov	in_regs + 24, %rbx
	mov	in_regs + 32, %rsp
	mov	in_regs + 40, %rbp
	mov	in_regs + 48, %rsi
	mov	in_regs + 56, %rdi
	.irp	r, 8, 9, 10, 11, 12, 13, 14, 15
	mov	in_regs + 8 * \r, %r\r
	.endr
	jmp	*current
	done	run_case

	function save
	mov	%rax, out_regs
	mov	%rcx, out_regs + 8
	mov	%rdx, out_regs + 16
	mov	%rbx, out_regs + 24
	mov	%rsp, out_regs + 32
	mov	%rbp, out_regs + 40
	mov	%rsi, out_regs + 48
	mov	%rdi, out_regs + 56
	.irp	r, 8, 9, 10, 11, 12, 13, 14, 15
	mov	%r\r, out_regs + 8 * \r
	.endr
	mov	main_sp, %rsp
	pushf
	pop	out_flags
	cld
	.irp	x, 0, 1, 2, 3, 4, 5, 6, 7
	movups	%xmm\x, vectors_out + 16 * \x
	.endr
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbx
	pop	%rbp
	ret
	done	save

	function callee
	mov	(%rsp), %rdi
	ret
	done	callee

	function landing
	lea	1(%rdi), %rdi
	jmp	save
	done	landing

	function vsys
	ret
	done	vsys
#endif

	.section .teststack, "aw", @nobits
	.skip	0x1000
	.section .note.GNU-stack, "", @progbits
