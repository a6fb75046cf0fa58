# A stand-in for the runner on native Linux, x86-64; see teb386.s. %gs is a
# made-up TEB, %fs stays 0.
	.set BASE, 0x1640
	.set SELF, 0x1648
	.set CANARY, 0x1650
	.set GSELF, 0x1658
	.set GUARD, 0x1660
	.set RESUME, 0x1670
	.set FORKED, 0x1700
	.set TMP0, 0x1708
	.text
thunks:
	jmp	sys		# ThunkSyscall
	.org	0x10
	ud2			# ThunkCall
	.org	0x20
	ud2			# ThunkSysenter
	.org	0x30
	jmp	*%gs:RESUME	# ThunkEmulate
	.org	0x40
	jmp	int80		# ThunkInt80
	.org	0x80
start:
	mov	$9, %eax	# mmap of the TEB
	xor	%edi, %edi
	mov	$0x2000, %esi
	mov	$3, %edx
	mov	$0x22, %r10d
	mov	$-1, %r8
	xor	%r9d, %r9d
	syscall
	mov	%rax, %rsi
	mov	$0x1001, %edi	# ARCH_SET_GS
	mov	$158, %eax	# arch_prctl
	syscall
	xor	%edx, %edx
	xor	%ebp, %ebp
	jmp	thunks + ENTRY
int80:
	int	$0x80
	jmp	*%gs:RESUME
sys:
	cmp	$58, %eax	# vfork and clone share the TEB with the child
	je	fork
	cmp	$56, %eax
	je	fork
	cmp	$435, %eax	# clone3
	je	fork
	cmp	$15, %eax	# rt_sigreturn wants its stack pointer
	je	2f
	cmp	$158, %eax
	jne	1f
	cmp	$0x1002, %edi	# ARCH_SET_FS
	je	tls
1:	lea	-256(%rsp), %rsp	# a signal handler makes calls of its own
	mov	%rcx, (%rsp)
	syscall
	mov	(%rsp), %rcx
	lea	256(%rsp), %rsp
	jmp	*%rcx
2:	syscall
fork:
	mov	%rcx, %gs:FORKED
	syscall
	jmp	*%gs:FORKED
tls:
	mov	%rcx, %gs:RESUME
	mov	%rsi, %gs:BASE
	mov	(%rsi), %rcx
	mov	%rcx, %gs:SELF
	mov	0x10(%rsi), %rcx
	mov	%rcx, %gs:GSELF
	mov	0x28(%rsi), %rcx
	mov	%rcx, %gs:CANARY
	mov	0x30(%rsi), %rcx
	mov	%rcx, %gs:GUARD
	xor	%eax, %eax
	jmp	*%gs:RESUME
