/* Faults with a handler: what it is told, with what registers, and that the
 * program goes on where the handler says. What lies below the stack pointer
 * stays as it was. */
#include "sig_context.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* Each snippet loads known values, faults at NAME_at with its argument in eax
 * or rax, and goes on at NAME_out with what it was called with. Below the
 * stack pointer lies a mark. */
#ifdef __x86_64__
#define SNIPPET(name, insn)                                                        \
	asm(".text\n.globl " #name ", " #name "_at, " #name "_out\n" #name ":\n"     \
	    "push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"     \
	    "mov %rdi,%rax; mov %rsi,%rcx\n"                                         \
	    "movabs $0x1111222233334444,%rbx; mov $0x55,%ebp; mov $0x66,%r12d\n"     \
	    "mov $0x77,%r13d; mov $0x88,%r14d; movabs $-0x99,%r15; mov $0xaa,%r8d\n" \
	    "mov $0xbb,%r9d; mov $0xcc,%r10d; mov $0xdd,%r11d; mov $0xee,%edi\n"     \
	    "mov $0xff,%esi; mov $0x10,%edx\n"                                       \
	    "movabs $0x0123456789abcdef,%rsi; mov %rsi,-8(%rsp); mov %rsi,-128(%rsp); mov $0xff,%esi\n" \
	    #name "_at: " insn "\n" #name "_out:\n"                                  \
	    "movabs $0x0123456789abcdef,%rdx; xor -8(%rsp),%rdx; movabs $0x0123456789abcdef,%rsi\n" \
	    "xor -128(%rsp),%rsi; or %rsi,%rdx; mov %rdx,below(%rip)\n"              \
	    "cld; pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx; ret\n"); \
	extern char name##_at[], name##_out[];                                       \
	void name(void *, long)
#else
#define SNIPPET(name, insn)                                                  \
	asm(".text\n.globl " #name ", " #name "_at, " #name "_out\n" #name ":\n" \
	    "push %ebx; push %ebp; push %esi; push %edi\n"                       \
	    "mov 20(%esp),%eax; mov 24(%esp),%ecx\n"                             \
	    "mov $0x11112222,%ebx; mov $0x55,%ebp; mov $0x66,%esi; mov $0x77,%edi; mov $0x10,%edx\n" \
	    "movl $0x01234567,-4(%esp); movl $0x01234567,-1000(%esp)\n"          \
	    #name "_at: " insn "\n" #name "_out:\n"                              \
	    "mov -4(%esp),%edx; xor $0x01234567,%edx; mov %edx,below; mov -1000(%esp),%edx; xor $0x01234567,%edx; or %edx,below\n" \
	    "cld; pop %edi; pop %esi; pop %ebp; pop %ebx; ret\n");               \
	extern char name##_at[], name##_out[];                                   \
	void name(void *, long)
#endif

unsigned long below;
static volatile char deep;

#ifdef __x86_64__
#define W "r"
#else
#define W "e"
#endif

SNIPPET(load, "movl (%" W "ax),%edx");
SNIPPET(store, "movl %edx,(%" W "ax)");
SNIPPET(load_byte, "movb (%" W "ax),%dl");
SNIPPET(jump, "jmp *%" W "ax");
SNIPPET(call_, "call *%" W "ax");
SNIPPET(ud2, "ud2");
SNIPPET(bad_opcode, ".byte 0x0f,0x0a");
SNIPPET(int3, "int3");
SNIPPET(int3_long, ".byte 0xcd,0x03");
SNIPPET(int_81, ".byte 0xcd,0x81");
SNIPPET(hlt, "hlt");
SNIPPET(cli, "cli");
SNIPPET(in_, "inb $0x80,%al");
SNIPPET(rdmsr_, "rdmsr");
SNIPPET(divide, "xor %edx,%edx; idivl %ecx");
SNIPPET(divide_overflow, "mov $0x80000000,%eax; cltd; idivl %ecx");
SNIPPET(aligned_sse, "movaps (%" W "ax),%xmm0");
SNIPPET(sse_divide, "movss 4(%" W "ax),%xmm1; divss (%" W "ax),%xmm1");
SNIPPET(sse_invalid, "sqrtss (%" W "ax),%xmm1");
SNIPPET(x87_divide, "fldz; fld1; fdivp; fwait");
SNIPPET(x87_stack, "fninit; fldcw (%" W "ax); fstp %st(0); fwait");
SNIPPET(string_, "mov %" W "ax,%" W "si; mov %" W "sp,%" W "di; sub $400,%" W "di; mov $0x40,%ecx; rep movsb");
#ifdef __x86_64__
SNIPPET(stack_bad, "movabs $0x8000000000000000,%rbp; movl (%rbp),%edx");
#else
SNIPPET(into_, "mov $0x7fffffff,%eax; add %eax,%eax; into");
SNIPPET(bound_, "bound %edx,(%eax)");
#endif

static const char *current;
static char *at, *out;
static void *base; /* what addresses are told relative to */
static int count;

static void tell(const char *what, unsigned long v, unsigned long want)
{
	if (v != want)
		printf(" %s %#lx", what, v);
}

void handler(int sig, siginfo_t *si, void *p)
{
	ucontext_t *uc = p;
	count++;
	printf("%s: signal %d code %d", current, sig, si->si_code);
	if (!si->si_addr)
		printf(" addr 0");
	else if ((char *)si->si_addr >= at && (char *)si->si_addr <= out)
		printf(" addr at+%ld", (long)((char *)si->si_addr - at));
	else
		printf(" addr base+%ld", (long)((char *)si->si_addr - (char *)base));
	int trap = (int)GREG(uc, REG_TRAPNO);
	printf(" trap %d err %#x", trap, (unsigned)GREG(uc, REG_ERR));
	if (trap == 14)
		printf(" cr2 %s", CR2(uc) == (unsigned long)si->si_addr ? "same" : "differs");
	char *pc = (char *)PC(uc);
	if (pc >= at && pc <= out)
		printf(" pc at+%ld", (long)(pc - at));
	else
		printf(" pc base+%ld", (long)(pc - (char *)base));
	printf(" flags %#lx", (unsigned long)FLAGS(uc) & ~0x8d5ul);
#ifdef __x86_64__
	tell("rbx", GREG(uc, REG_RBX), 0x1111222233334444);
	tell("rbp", GREG(uc, REG_RBP), 0x55);
	tell("r12", GREG(uc, REG_R12), 0x66);
	tell("r13", GREG(uc, REG_R13), 0x77);
	tell("r14", GREG(uc, REG_R14), 0x88);
	tell("r15", GREG(uc, REG_R15), -0x99);
	tell("r8", GREG(uc, REG_R8), 0xaa);
	tell("r9", GREG(uc, REG_R9), 0xbb);
	tell("r10", GREG(uc, REG_R10), 0xcc);
	tell("r11", GREG(uc, REG_R11), 0xdd);
	if (current[0] != 's' || current[1] != 't' || current[2] != 'r')
		tell("rdi", GREG(uc, REG_RDI), 0xee);
	tell("rdx", GREG(uc, REG_RDX), 0x10);
	printf(" cs %#x", (unsigned)(GREG(uc, REG_CSGSFS) & 0xffff));
#else
	tell("ebx", GREG(uc, REG_EBX), 0x11112222);
	tell("ebp", GREG(uc, REG_EBP), 0x55);
	tell("edx", GREG(uc, REG_EDX), 0x10);
	printf(" cs %#x ss %#x ds %#x es %#x", (unsigned)GREG(uc, REG_CS), (unsigned)GREG(uc, REG_SS), (unsigned)GREG(uc, REG_DS), (unsigned)GREG(uc, REG_ES));
	tell("uesp", GREG(uc, REG_UESP), GREG(uc, REG_ESP));
#endif
	if (current[0] == 's' && current[1] == 't' && current[2] == 'r')
#ifdef __x86_64__
		printf(" left %ld moved %ld", (long)GREG(uc, REG_RCX), (long)(GREG(uc, REG_RSI) - (long)base));
#else
		printf(" left %ld moved %ld", (long)GREG(uc, REG_ECX), (long)(GREG(uc, REG_ESI) - (long)base));
#endif
	__typeof__(uc->uc_mcontext.fpregs) fp = uc->uc_mcontext.fpregs;
	printf(" fp %s", fp ? "yes" : "no");
#ifdef __x86_64__
	if (trap == 16 || trap == 19)
		printf(" fsw %#x fcw %#x mxcsr %#x", fp->swd & 0xff, fp->cwd, fp->mxcsr);
	/* What raised it is off from here on. */
	fp->mxcsr = 0x1f80;
	fp->cwd = 0x37f;
	fp->swd = 0;
#else
	if (trap == 16 || trap == 19)
		printf(" fsw %#lx fcw %#lx", fp->sw & 0xff, fp->cw & 0xffff);
	fp->cw = 0xffff037f;
	fp->sw = 0xffff0000;
	fp->tag = 0xffffffff;
	((unsigned *)(fp + 1))[6] = 0x1f80; /* MXCSR of the FXSAVE area behind */
#endif
	printf("\n");
	if (pc < at || pc > out)
		SP(uc) += current[0] == 'c' ? sizeof(long) : 0;
	PC(uc) = (uintptr_t)out;
	FLAGS(uc) &= ~0x40000l; /* AC */
}

#define RUN(n, arg, arg2) RUN_AS(#n, n, arg, arg2)
#define RUN_AS(label, n, arg, arg2)                                  \
	do {                                                             \
		current = label, at = n##_at, out = n##_out, count = 0;      \
		n((void *)(arg), (long)(arg2));                              \
		if (count != 1 || below && n != call_)                       \
			printf("%s: %d signals, below the stack %#lx\n", label, count, below); \
		fflush(stdout);                                              \
	} while (0)

static void memory(void)
{
	char *none = mmap(NULL, 16384, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *ro = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	base = NULL;
	RUN_AS("null read", load, 0, 0);
	RUN_AS("null write", store, 8, 0);
	RUN_AS("jump to 0", jump, 0, 0);
	RUN_AS("call of 0", call_, 0, 0);
	RUN_AS("jump to 0x40", jump, 0x40, 0);
	base = none;
	RUN_AS("none read", load, none + 4096, 0);
	RUN_AS("none write", store, none + 8192, 0);
	RUN_AS("none jump", jump, none + 16, 0);
	RUN_AS("string", string_, none, 0);
	base = ro;
	deep = *(volatile char *)ro; /* a page that was never touched is told as missing */
	RUN_AS("read-only write", store, ro + 100, 0);
	RUN_AS("data jump", jump, ro + 100, 0);
	base = (void *)memory;
	RUN_AS("text write", store, memory, 0);
	munmap(none + 4096, 4096);
	base = none;
	RUN_AS("unmapped read", load, none + 4096, 0);
	RUN_AS("unmapped write", store, none + 4096, 0);

	int fd = open("short", O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (ftruncate(fd, 100))
		perror("ftruncate");
	char *m = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	base = m;
	RUN_AS("private read behind the file", load_byte, m + 4096, 0);
	RUN_AS("private write behind the file", store, m + 5000, 0);
	m = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	base = m;
	RUN_AS("shared read behind the file", load_byte, m + 4096, 0);
	RUN_AS("shared write behind the file", store, m + 5000, 0);
	close(fd);
	unlink("short");
#ifdef __x86_64__
	base = (void *)0x8000000000000000ul;
	RUN_AS("non-canonical read", load, base, 0);
	RUN_AS("non-canonical write", store, base, 0);
	base = (void *)0xffffffff81000000ul;
	RUN_AS("kernel read", load, base, 0);
#else
	base = (void *)0xfffff000ul;
	RUN_AS("high read", load, base, 0);
#endif
}

static void instructions(void)
{
	static const float nought[4] __attribute__((aligned(16))) = { 0, 1, 0, 0 };
	static const float minus[4] __attribute__((aligned(16))) = { -1, 0, 0, 0 };
	unsigned csr;
	short cw;
	base = (void *)nought;
	RUN(ud2, 0, 0);
	RUN(bad_opcode, 0, 0);
	RUN(int3, 0, 0);
	RUN(int_81, 0, 0);
	RUN(hlt, 0, 0);
	RUN(cli, 0, 0);
	RUN(in_, 0, 0);
	RUN(rdmsr_, 0, 0);
	RUN(aligned_sse, (char *)nought + 4, 0);
	csr = 0x1f80 & ~0x200;
	asm volatile("ldmxcsr %0" : : "m"(csr));
	RUN(sse_divide, nought, 0);
	csr = 0x1f80 & ~0x80;
	asm volatile("ldmxcsr %0" : : "m"(csr));
	RUN(sse_invalid, minus, 0);
	cw = 0x37f & ~4;
	asm volatile("fninit; fldcw %0" : : "m"(cw));
	RUN(x87_divide, 0, 0);
	cw = 0x37f & ~1;
	RUN(x87_stack, &cw, 0);
	asm volatile("fninit");
}

static void division(void)
{
	base = NULL;
	RUN_AS("divide by 0", divide, 5, 0);
	RUN_AS("quotient too large", divide_overflow, 5, -1);
}

static void odd(void)
{
	base = NULL;
	RUN(int3_long, 0, 0);
#ifdef __x86_64__
	base = (void *)0x8000000000000000ul;
	RUN(stack_bad, 0, 0);
#else
	static int bounds[2] = { 100, 200 };
	RUN(into_, 0, 0);
	RUN(bound_, bounds, 0);
#endif
}

/* Alignment checks: on for one instruction. */
#ifdef __x86_64__
SNIPPET(unaligned, "pushf; orl $0x40000,(%rsp); popf; movl 1(%rax),%ecx");
#else
SNIPPET(unaligned, "pushf; orl $0x40000,(%esp); popf; movl 1(%eax),%ecx");
#endif

/* The handler starts with the flag set, too. */
#ifdef __x86_64__
asm(".text\nac_handler: pushf; andl $~0x40000,(%rsp); popf; jmp handler");
#else
asm(".text\nac_handler: pushf; andl $~0x40000,(%esp); popf; jmp handler");
#endif
void ac_handler(int, siginfo_t *, void *);

static void alignment(void)
{
	static int words[4];
	catch_with(SIGBUS, ac_handler, SA_ONSTACK);
	current = "alignment", at = unaligned_at, out = unaligned_out;
	base = words;
	unaligned(words, 0);
	printf("%d signals\n", count);
}

/* Faults that the program recovers from, with its data below the
 * stack pointer. */
static volatile int skip;

static void recover(int sig, siginfo_t *si, void *uc)
{
	(void)sig, (void)si;
	PC(uc) = (uintptr_t)load_out;
	skip++;
}

static void many(int n)
{
	catch_with(SIGSEGV, recover, SA_ONSTACK);
	int damaged = 0;
	for (int i = 0; i < n; i++) {
		load(NULL, 0);
		damaged += below != 0;
	}
	printf("%d recovered, %d damaged\n", skip, damaged);
}

/* A stack overflow, handled on the alternate stack. */
static sigjmp_buf back;
static void overflowed(int sig, siginfo_t *si, void *uc)
{
	char here;
	stack_t ss;
	sigaltstack(NULL, &ss);
	printf("overflow: signal %d code %d, on the alternate stack %d, flags %d, address near the stack pointer %d\n", sig, si->si_code,
	       &here >= (char *)ss.ss_sp && &here < (char *)ss.ss_sp + ss.ss_size, ss.ss_flags,
	       labs((long)((char *)si->si_addr - (char *)SP(uc))) < 65536);
	siglongjmp(back, 1);
}

static int deeper(int n)
{
	volatile char room[4000];
	room[0] = (char)n;
	return deeper(n + 1) + room[0];
}

static void overflow(void)
{
	catch_with(SIGSEGV, overflowed, SA_ONSTACK);
	for (int i = 0; i < 3; i++)
		if (!sigsetjmp(back, 1))
			printf("%d\n", deeper(0));
	printf("back\n");
}

static void ignored(int how)
{
	sigset_t s;
	sigemptyset(&s);
	sigaddset(&s, SIGSEGV);
	if (how == 'i')
		signal(SIGSEGV, SIG_IGN);
	else
		sigprocmask(SIG_BLOCK, &s, NULL);
	printf("dying\n");
	fflush(stdout);
	load(NULL, 0);
}

int main(int argc, char **argv)
{
	static char alt[65536];
	stack_t ss = { .ss_sp = alt, .ss_size = sizeof alt };
	sigaltstack(&ss, NULL);
	const int sigs[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP };
	for (int i = 0; i < 5; i++)
		catch_with(sigs[i], handler, SA_ONSTACK);
	const char *what = argc > 1 ? argv[1] : "";
	if (!strcmp(what, "memory"))
		memory();
	else if (!strcmp(what, "instructions"))
		instructions();
	else if (!strcmp(what, "division"))
		division();
	else if (!strcmp(what, "odd"))
		odd();
	else if (!strcmp(what, "alignment"))
		alignment();
	else if (!strcmp(what, "many"))
		many(atoi(argv[2]));
	else if (!strcmp(what, "overflow"))
		overflow();
	else if (!strcmp(what, "ignored") || !strcmp(what, "blocked")) {
		catch_with(SIGSEGV, handler, 0);
		ignored(what[0]);
	} else if (!strcmp(what, "bad-stack")) {
		/* The handler has no stack to run on. */
		catch_with(SIGSEGV, handler, 0);
		printf("dying\n");
		fflush(stdout);
		asm volatile("mov $64,%" W "sp; movl 0,%eax");
	}
	return 0;
}
