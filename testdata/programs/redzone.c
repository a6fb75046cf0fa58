/*
 * A leaf function of x86-64 keeps what it likes in the 128 bytes below its
 * stack pointer. Nothing may write there: not a system call that is quick, nor
 * one that is slow, fails, blocks, writes, or changes the address space; nor an
 * access to thread-local memory between them; nor time that passes in a loop.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

__thread volatile long tls = 1;

/*
 * check(calls, rounds): fills the red zone, makes each of the calls in turn,
 * rounds times, and counts after each the words of the red zone that have
 * changed. It calls no function, pushes nothing, and is all assembly, so that
 * no compiler keeps anything of its own there.
 */
struct call {
	long number, arg[6], result;
};
long check(struct call *calls, long n, long rounds);

__asm__(".text\n"
	".globl check\n.type check,@function\n"
	"check:\n"
	"\tmov %rbx, saved(%rip)\n\tmov %rbp, saved+8(%rip)\n\tmov %r12, saved+16(%rip)\n\tmov %r13, saved+24(%rip)\n\tmov %r14, saved+32(%rip)\n"
	"\tmov %r15, saved+40(%rip)\n"
	"\tmov %rdi, %rbx\n\tmov %rsi, %r12\n\tmov %rdx, %r13\n"
	"\txor %r15d, %r15d\n"
	/* fill */
	"\tmov $-128, %rcx\n\tmov $0x5a5aa5a50f0ff0f0, %r14\n"
	"1:\tlea (%r14,%rcx), %rax\n\tmov %rax, (%rsp,%rcx)\n\tadd $8, %rcx\n\tjnz 1b\n"
	"2:\tmov %rbx, %rbp\n\tmov %r12, saved+48(%rip)\n"
	"3:\tmov (%rbp), %rax\n\tmov 8(%rbp), %rdi\n\tmov 16(%rbp), %rsi\n\tmov 24(%rbp), %rdx\n\tmov 32(%rbp), %r10\n\tmov 40(%rbp), %r8\n\tmov 48(%rbp), %r9\n"
	"\tsyscall\n"
	"\tmov %rax, 56(%rbp)\n"
	/* thread-local memory: a read, a read and write, an indexed read */
	"\tmov %fs:tls@tpoff, %rcx\n\taddq $1, %fs:tls@tpoff\n\tmov $tls@tpoff, %rdx\n\tcmp %fs:(%rdx), %rcx\n\tjne 4f\n\tinc %r15\n4:\n"
	/* compare */
	"\tmov $-128, %rcx\n"
	"5:\tlea (%r14,%rcx), %rax\n\tcmp %rax, (%rsp,%rcx)\n\tje 6f\n\tinc %r15\n\tmov %rax, (%rsp,%rcx)\n6:\tadd $8, %rcx\n\tjnz 5b\n"
	"\tadd $64, %rbp\n\tdecq saved+48(%rip)\n\tjnz 3b\n"
	"\tdec %r13\n\tjnz 2b\n"
	"\tmov %r15, %rax\n"
	"\tmov saved(%rip), %rbx\n\tmov saved+8(%rip), %rbp\n\tmov saved+16(%rip), %r12\n\tmov saved+24(%rip), %r13\n\tmov saved+32(%rip), %r14\n"
	"\tmov saved+40(%rip), %r15\n"
	"\tret\n.size check,.-check\n"
	".local saved\n.comm saved,64,16\n");

/* What a compiler makes of a leaf: locals in the red zone around a system call of its own. */
static long __attribute__((noinline)) leaf(long seed, int rounds)
{
	volatile long a[12];
	for (int i = 0; i < 12; i++)
		a[i] = seed * (i + 1);
	for (int r = 0; r < rounds; r++) {
		long rc;
		__asm__ volatile("syscall" : "=a"(rc) : "0"(r & 1 ? SYS_getpid : SYS_close), "D"(-1L) : "rcx", "r11", "memory");
		a[r % 12] += rc < 0 ? -rc : 1;
	}
	long sum = 0;
	for (int i = 0; i < 12; i++)
		sum = sum * 31 + a[i];
	return sum;
}

/* Time passes: what the runner's own threads do meanwhile is seen here, if it is seen at all. */
static long __attribute__((noinline)) spin(long rounds)
{
	volatile long a[14];
	long bad = 0;
	for (int i = 0; i < 14; i++)
		a[i] = i * 0x0123456789abcdefL;
	for (long r = 0; r < rounds; r++)
		for (int i = 0; i < 14; i++)
			bad += a[i] != i * 0x0123456789abcdefL;
	return bad;
}

int main(void)
{
	int null = (int)syscall(SYS_open, "/dev/null", 1), file = (int)syscall(SYS_open, "made", 66, 0644);
	static char text[100];
	struct timespec ts, brief = { 0, 20000 };
	memset(text, 'r', sizeof text);
	struct call quick[] = {
		{ SYS_getpid, { 0 }, 0 },
		{ SYS_close, { -1 }, 0 },
		{ SYS_clock_gettime, { CLOCK_MONOTONIC, (long)&ts }, 0 },
		{ SYS_write, { null, (long)text, 10 }, 0 },
		{ 9999, { 1, 2, 3, 4, 5, 6 }, 0 },
		{ SYS_read, { -1, 16, 10 }, 0 },
	};
	printf("quick: %ld words changed\n", check(quick, 6, 30000));
	printf("results %d %ld %ld %ld %ld %ld\n", quick[0].result == getpid(), quick[1].result, quick[2].result, quick[3].result, quick[4].result, quick[5].result);
	void *at = (void *)0x2000000000;
	struct call slow[] = {
		{ SYS_mmap, { (long)at, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0 }, 0 },
		{ SYS_mprotect, { (long)at, 4096, PROT_READ }, 0 },
		{ SYS_write, { file, (long)text, sizeof text }, 0 },
		{ SYS_write, { file, 16, 10 }, 0 },
		{ SYS_lseek, { file, 0, SEEK_SET }, 0 },
		{ SYS_read, { file, (long)at + 8192, sizeof text }, 0 },
		{ SYS_read, { file, (long)at, sizeof text }, 0 },
		{ SYS_stat, { (long)"made", (long)at + 12288 }, 0 },
		{ SYS_stat, { (long)"missing", (long)at + 12288 }, 0 },
		{ SYS_nanosleep, { (long)&brief, 0 }, 0 },
		{ SYS_brk, { 0 }, 0 },
		{ SYS_munmap, { (long)at, 1 << 20 }, 0 },
	};
	printf("slow: %ld words changed\n", check(slow, 12, 200));
	printf("results %d %ld %ld %ld %ld %ld %ld %ld %ld %ld %d %ld\n", slow[0].result == (long)at, slow[1].result, slow[2].result, slow[3].result,
	       slow[4].result, slow[5].result, slow[6].result, slow[7].result, slow[8].result, slow[9].result, slow[10].result > 0, slow[11].result);
	printf("thread-local %ld\n", tls);
	printf("leaf %lx\n", leaf(12345, 100001));
	printf("spin: %ld words changed\n", spin(30000000));
	unlink("made");
	return 0;
}
