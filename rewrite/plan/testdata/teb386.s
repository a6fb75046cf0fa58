# A stand-in for the runner on native Linux, IA-32. It becomes the thunk page
# of a program that was patched for Windows: %fs is a made-up TEB, thunks
# enter the kernel, %gs stays 0, so that an operand that was forgotten faults.
# ENTRY is the program's entry, relative to this page.
	.set BASE, 0xef0
	.set SELF, 0xef4
	.set CANARY, 0xef8
	.set GSELF, 0xefc
	.set GUARD, 0xf00
	.set RESUME, 0xf08
	.set FORKED, 0xf80
	.set TMP0, 0xf84
	.set TMP1, 0xf88
	.text
thunks:
	jmp	sys		# ThunkSyscall
	.org	0x10
	jmp	call		# ThunkCall
	.org	0x20
	ud2			# ThunkSysenter
	.org	0x30
	jmp	*%fs:RESUME	# ThunkEmulate: moves to %gs do nothing
	.org	0x40
	ud2			# ThunkInt80
	.org	0x80
start:
	mov	$192, %eax	# mmap2 of the TEB
	xor	%ebx, %ebx
	mov	$0x2000, %ecx
	mov	$3, %edx
	mov	$0x22, %esi
	mov	$-1, %edi
	xor	%ebp, %ebp
	int	$0x80
	lea	0x1800(%eax), %ebx
	movl	$-1, (%ebx)
	mov	%eax, 4(%ebx)
	movl	$0xfffff, 8(%ebx)
	movl	$0x51, 12(%ebx)
	mov	$243, %eax	# set_thread_area
	int	$0x80
	mov	(%ebx), %eax
	lea	3(,%eax,8), %eax
	mov	%eax, %fs
	xor	%eax, %eax
	mov	%eax, %ebx
	mov	%eax, %ecx
	mov	%eax, %edx
	mov	%eax, %esi
	mov	%eax, %edi
	jmp	thunks + ENTRY
sys:
	cmp	$243, %eax
	je	tls
	cmp	$190, %eax	# vfork and clone share the TEB with the child
	je	fork
	cmp	$120, %eax
	je	fork
	cmp	$435, %eax	# clone3
	je	fork
	int	$0x80
	jmp	*%fs:RESUME
fork:
	mov	%eax, %fs:TMP0
	mov	%fs:RESUME, %eax
	mov	%eax, %fs:FORKED
	mov	%fs:TMP0, %eax
	int	$0x80
	jmp	*%fs:FORKED
call:
	int	$0x80
	ret
tls:
	int	$0x80
	mov	%ecx, %fs:TMP0
	mov	%edx, %fs:TMP1
	mov	4(%ebx), %ecx
	mov	%ecx, %fs:BASE
	mov	(%ecx), %edx
	mov	%edx, %fs:SELF
	mov	8(%ecx), %edx
	mov	%edx, %fs:GSELF
	mov	0x14(%ecx), %edx
	mov	%edx, %fs:CANARY
	mov	0x18(%ecx), %edx
	mov	%edx, %fs:GUARD
	mov	%fs:TMP0, %ecx
	mov	%fs:TMP1, %edx
	jmp	*%fs:RESUME
