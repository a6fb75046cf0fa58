/* What a handler finds of the interrupted program, for both widths. */
#ifndef SIG_CONTEXT_H
#define SIG_CONTEXT_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <link.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <ucontext.h>

#define GREG(uc, r) (((ucontext_t *)(uc))->uc_mcontext.gregs[r])

#ifdef __x86_64__
#define PC(uc) GREG(uc, REG_RIP)
#define SP(uc) GREG(uc, REG_RSP)
#define AX(uc) GREG(uc, REG_RAX)
#define BX(uc) GREG(uc, REG_RBX)
#define FLAGS(uc) GREG(uc, REG_EFL)
#define CR2(uc) ((unsigned long)GREG(uc, REG_CR2))
#else
#define PC(uc) GREG(uc, REG_EIP)
#define SP(uc) GREG(uc, REG_ESP)
#define AX(uc) GREG(uc, REG_EAX)
#define BX(uc) GREG(uc, REG_EBX)
#define FLAGS(uc) GREG(uc, REG_EFL)
#define CR2(uc) (((ucontext_t *)(uc))->uc_mcontext.cr2)
#endif

extern const char __executable_start[];

/* in_program: a program counter in an executable segment of the program, or in
 * the vdso. */
static inline int in_program(uintptr_t pc)
{
	const ElfW(Phdr) *ph = (const void *)getauxval(AT_PHDR);
	uintptr_t bias = 0, vdso = getauxval(AT_SYSINFO_EHDR);
	int n = (int)getauxval(AT_PHNUM);
	for (int i = 0; i < n; i++)
		if (ph[i].p_type == PT_LOAD && !ph[i].p_offset)
			bias = (uintptr_t)__executable_start - ph[i].p_vaddr;
	for (int i = 0; i < n; i++)
		if (ph[i].p_type == PT_LOAD && ph[i].p_flags & PF_X && pc - bias - ph[i].p_vaddr < ph[i].p_memsz)
			return 1;
	return vdso && pc - vdso < 8192;
}

/* The kernel's own structure, for calls without libc. */
struct kernel_sigaction {
	void *handler;
	unsigned long flags;
	void *restorer;
	uint64_t mask;
};
#define KERNEL_SA_RESTORER 0x04000000ul

static inline void catch_with(int sig, void (*h)(int, siginfo_t *, void *), int flags)
{
	struct sigaction sa;
	memset(&sa, 0, sizeof sa);
	sa.sa_sigaction = h;
	sa.sa_flags = SA_SIGINFO | flags;
	if (sigaction(sig, &sa, NULL))
		perror("sigaction");
}

#endif
