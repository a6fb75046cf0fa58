/* The ways to fault. Whatever happens, the last line must not be printed. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static volatile int zero, depth;
static int data_code = 0xc3c3c3c3;
static int *volatile null_pointer;

static int __attribute__((noinline)) overflow(int n)
{
	volatile char frame[1000];
	frame[0] = (char)n;
	depth = n;
	int r = overflow(n + 1);
	return r + frame[0];
}

#ifdef __x86_64__
#define SP "%%rsp"
#define AX "%%rax"
#else
#define SP "%%esp"
#define AX "%%eax"
#endif

static int read_null(void) { return *null_pointer; }

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	printf("%s\n", how);
	fflush(stdout);
	if (!strcmp(how, "null-read"))
		return read_null();
	if (!strcmp(how, "null-write"))
		*null_pointer = 1;
	if (!strcmp(how, "jump-0"))
		((void (*)(void))(void *)null_pointer)();
	if (!strcmp(how, "jump-wild"))
		((void (*)(void))((char *)null_pointer + 0x40))();
	if (!strcmp(how, "jump-data"))
		((void (*)(void))(void *)&data_code)();
	if (!strcmp(how, "high-read"))
		return *(volatile int *)-256L;
#ifdef __x86_64__
	/* Addresses of which the processor says no more than that they are none. */
	if (!strcmp(how, "noncanonical-read"))
		return *(volatile int *)0x1234567812345678;
	if (!strcmp(how, "noncanonical-jump"))
		((void (*)(void))0x1234567812345678)();
	if (!strcmp(how, "kernel-read"))
		return *(volatile int *)0xffff800000000000;
	if (!strcmp(how, "divide-64"))
		__asm__ volatile("mov $1, %%edx\n\txor %%eax, %%eax\n\tmov $1, %%ecx\n\tdivq %%rcx" : : : "rax", "rcx", "rdx");
	if (!strcmp(how, "sp-noncanonical"))
		__asm__ volatile("mov %0, %%rsp\n\tpush %%rax" : : "r"(0x1234567812345678));
	if (!strcmp(how, "red-zone")) {
		char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		mprotect(p, 4096, PROT_NONE);
		/* A leaf's own memory, below a stack pointer that is good. */
		__asm__ volatile("mov %0, %%rsp\n\tmovl $1, -8(%%rsp)" : : "r"(p + 4096) : "memory");
	}
#endif
	if (!strcmp(how, "divide"))
		return (argc + 77) / zero;
	if (!strcmp(how, "divide-overflow"))
		__asm__ volatile("mov $0x80000000, %%eax\n\tcltd\n\tmov $-1, %%ecx\n\tidivl %%ecx" : : : "eax", "ecx", "edx");
	if (!strcmp(how, "ud2"))
		__asm__ volatile("ud2");
	if (!strcmp(how, "bad-opcode"))
		__asm__ volatile(".byte 0x0f, 0xff, 0xc0");
	if (!strcmp(how, "int3"))
		__asm__ volatile("int3");
	if (!strcmp(how, "hlt"))
		__asm__ volatile("hlt");
	if (!strcmp(how, "in"))
		__asm__ volatile("inb $0x60, %%al" : : : "eax");
	if (!strcmp(how, "int-81"))
		__asm__ volatile("int $0x81");
	if (!strcmp(how, "write-text"))
		*(volatile char *)(void *)&main = 0;
	if (!strcmp(how, "write-const"))
		*(volatile char *)"constant" = 'x';
	if (!strcmp(how, "guard-page")) {
		char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		mprotect(p + 4096, 4096, PROT_NONE);
		memset(p, 1, 5000);
	}
	if (!strcmp(how, "unaligned-sse"))
		__asm__ volatile("movaps 4(" SP "), %%xmm0\n\tmovaps 8(" SP "), %%xmm0" : : : "memory");
	if (!strcmp(how, "x87")) {
		unsigned short cw = 0x37f & ~4;
		__asm__ volatile("fldcw %0" : : "m"(cw));
		volatile long double z = 0, one = 1, r = one / z;
		__asm__ volatile("fwait");
		(void)r;
	}
	if (!strcmp(how, "sse")) {
		unsigned csr = 0x1f80 & ~0x200u;
		double z = 0, one = 1;
		__asm__ volatile("ldmxcsr %0\n\tmovsd %1, %%xmm0\n\tdivsd %2, %%xmm0" : : "m"(csr), "m"(one), "m"(z));
	}
	if (!strcmp(how, "overflow"))
		return overflow(0);
	/* "esp-0" is the same. */
	if (how[0] == 'e' && !strncmp(how + 1, "sp-", 3))
		how++;
	if (!strcmp(how, "sp-0"))
		__asm__ volatile("xor " SP ", " SP "\n\tpush " AX : :);
	if (!strcmp(how, "sp-16"))
		__asm__ volatile("mov $16, " SP "\n\tpush " AX : :);
	if (!strcmp(how, "sp-high"))
		__asm__ volatile("mov $-16, " SP "\n\tpush " AX : :);
	if (!strcmp(how, "sp-unmapped")) {
		char *p = mmap(NULL, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		__asm__ volatile("mov %0, " SP "\n\tpush " AX : : "r"(p + (1 << 19)));
	}
	if (!strcmp(how, "sp-read-only")) {
		char *p = mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		__asm__ volatile("mov %0, " SP "\n\tpush " AX : : "r"(p + (1 << 19)));
	}
	if (!strcmp(how, "sp-bad-null"))
		__asm__ volatile("mov $16, " SP "\n\tmovl $1, 0" : :);
	/* A system call does not mind a bad stack pointer; what comes after it does. */
	if (!strcmp(how, "bad-call"))
#ifdef __x86_64__
		__asm__ volatile("mov $0x40, %rsp\n\tmov $1, %eax\n\txor %edi, %edi\n\tsyscall\n\tpush %rax");
#else
		__asm__ volatile("mov $0x40, %esp\n\tmov $4, %eax\n\tmov $0, %ebx\n\tint $0x80\n\tpush %eax");
#endif
	printf("still here\n");
	return 98;
}
