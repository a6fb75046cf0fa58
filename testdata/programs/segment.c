/*
 * Thread-local memory through the segment register, in each form that an
 * instruction can name it: plain, indexed, with a large offset, read, written,
 * compared, as an operand of arithmetic, SSE and x87, with the
 * flags live across it. Offsets are those of this program's own variables.
 */
#include <stdint.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef __x86_64__
#define SEG "%%fs:"
#define TP "@tpoff"
#define R(x) "%%r" x
#define LONG "q"
#else
#define SEG "%%gs:"
#define TP "@ntpoff"
#define R(x) "%%e" x
#define LONG "l"
#endif

/* Only the assembly names these. */
__thread volatile unsigned long word __attribute__((used)) = 7;
__thread volatile unsigned long table[64] __attribute__((used, aligned(64)));
__thread volatile unsigned char bytes[64] __attribute__((used, aligned(64)));
__thread volatile double real __attribute__((used)) = 1.5;
__thread volatile char far_away[300000] __attribute__((used));

#define ASM(text, out, in, ...) __asm__ volatile(text : out : in : "memory", "cc", ##__VA_ARGS__)
#define BOTH(a, b) a, b

static void show(const char *what, unsigned long v)
{
	printf("%s %lx\n", what, v);
}

int __attribute__((target("sse2"))) main(void)
{
	unsigned long v = 0, w = 0;
	unsigned char flag = 0;

	for (int i = 0; i < 64; i++) {
		table[i] = (unsigned long)i * 3 + 1;
		bytes[i] = (unsigned char)(i * 5);
	}
	far_away[299999] = 'z';

	ASM("mov " SEG "word" TP ", %0", "=r"(v), );
	show("load", v);
	ASM("mov" LONG " $100, " SEG "word" TP, , );
	show("store of a constant", word);
	ASM("mov %0, " SEG "word" TP, , "r"(0x1234UL));
	show("store", word);
	ASM("add %0, " SEG "word" TP, , "r"(0x10UL));
	show("add to memory", word);
	v = 1;
	ASM("add " SEG "word" TP ", %0", "+r"(v), );
	show("add from memory", v);
	ASM("xchg %0, " SEG "word" TP, "+r"(v), );
	show("xchg", v);
	ASM("lock xadd %0, " SEG "word" TP, "+r"(v), );
	show("lock xadd", v);
	ASM("inc" LONG " " SEG "word" TP "\n\tneg" LONG " " SEG "word" TP "\n\tnot" LONG " " SEG "word" TP, , );
	show("inc, neg, not", word);
	ASM("push" LONG " " SEG "word" TP "\n\tpop %0", "=r"(v), );
	show("push", v);
	ASM("push %0\n\tpop" LONG " " SEG "word" TP, , "r"(0x77UL));
	show("pop", word);
	for (unsigned long i = 0; i < 64; i += 21) {
		ASM("mov " SEG "table" TP "(,%1,%c2), %0", "=r"(v), BOTH("r"(i), "i"(sizeof v)));
		show("indexed load", v);
		ASM("mov %0, " SEG "table" TP "(%1,%1,1)", , BOTH("r"(v + 5), "r"(i / 2 * sizeof v)));
		ASM("lea table" TP "(,%1,%c2), %0\n\tmov " SEG "(%0), %0", "=r"(v), BOTH("r"(i), "i"(sizeof v)));
		show("through a pointer", v);
	}
	ASM("movzbl " SEG "bytes" TP "+3(%1), %k0", "=r"(v), "r"(4UL));
	show("byte, zero-extended", v);
	ASM("movsb" LONG " " SEG "bytes" TP "+30, %0", "=r"(v), );
	show("byte, sign-extended", v);
	ASM("movb %b0, " SEG "bytes" TP "+1", , "q"(0x99UL));
	show("byte store", bytes[1]);
	ASM("cmpb $0x99, " SEG "bytes" TP "+1\n\tsete %0", "=q"(flag), );
	show("byte compare", flag);
	ASM("testb $0x80, " SEG "bytes" TP "+1\n\tsetne %0", "=q"(flag), );
	show("byte test", flag);
	ASM("btl $4, " SEG "bytes" TP "\n\tsetc %0", "=q"(flag), );
	show("bit test", flag);
	/* The flags of the first instruction are used by the last. */
	ASM("cmp $1, %1\n\tmov " SEG "word" TP ", %0\n\tadc $0, %0", "=&r"(v), "r"(0UL));
	show("flags across a load", v);
	v = 5;
	ASM("cmp %1, %1\n\tcmove " SEG "word" TP ", %0", "+r"(v), "r"(0UL));
	show("cmov", v);
	ASM("imul $3, " SEG "word" TP ", %0", "=r"(v), );
	show("imul", v);
	v = 0x10000;
	w = 0;
	ASM("div" LONG " " SEG "word" TP, BOTH("+a"(v), "+d"(w)), );
	show("div quotient", v);
	show("div remainder", w);
	v = 0x77;
	ASM("cmpxchg %1, " SEG "word" TP "\n\tsete %2", BOTH("+a"(v), BOTH("+r"(w), "=q"(flag))), );
	show("cmpxchg", flag);
	show("after it", word);
	ASM("mov" LONG " $far_away" TP "+299990, %0\n\tmovzbl " SEG "9(%0), %k0", "=&r"(v), );
	show("far offset", v);

	double d = 2;
	ASM("addsd " SEG "real" TP ", %0", "+x"(d), );
	printf("addsd %g\n", d);
	ASM("movsd %0, " SEG "real" TP, , "x"(d));
	printf("movsd %g\n", real);
	ASM("fldl " SEG "real" TP "\n\tfaddl " SEG "real" TP "\n\tfstpl %0", "=m"(d), );
	printf("x87 %g\n", d);
	unsigned char out[16];
	ASM("movdqa " SEG "bytes" TP "+16, %%xmm0\n\tpaddb " SEG "bytes" TP "+32, %%xmm0\n\tmovdqu %%xmm0, %0", "=m"(out), );
	v = 0;
	for (int i = 0; i < 16; i++)
		v = v * 31 + out[i];
	show("movdqa, paddb", v & 0xffffffff);

#ifdef __x86_64__
	/* What other registers an access may have for a base: all of them. */
	unsigned long sum = 0;
#define VIA(r)                                                                                 \
	__asm__ volatile("mov $table@tpoff+64, %%" r "\n\tmov %%fs:8(%%" r "), %%" r "\n\tadd %%" r ", %0" : "+m"(sum) : : r, "memory", "cc")
	VIA("rax"); VIA("rbx"); VIA("rcx"); VIA("rdx"); VIA("rsi"); VIA("rdi");
	VIA("r8"); VIA("r9"); VIA("r10"); VIA("r11"); VIA("r12"); VIA("r13"); VIA("r14"); VIA("r15");
	show("all registers", sum);
	/* The base itself: from the call, from the thread control block, and from the processor where it tells. */
	unsigned long base = 0, self;
	printf("arch_prctl %ld\n", syscall(SYS_arch_prctl, 0x1003, &base));
	ASM("mov %%fs:0, %0", "=r"(self), );
	printf("fs:0 is the base %d\n", self == base);
	if (getauxval(AT_HWCAP2) & 2) {
		unsigned long told = 0;
		static unsigned long block[16];
		__asm__ volatile("rdfsbase %0" : "=r"(told));
		printf("rdfsbase %d\n", told == base);
		__asm__ volatile("wrfsbase %1\n\tmov %2, %%fs:8\n\tmov %%fs:8, %0\n\twrfsbase %3" : "=&r"(v) : "r"(block), "r"(0xabcdUL), "r"(base) : "memory");
		printf("wrfsbase %lx %lx\n", v, block[1]);
		__asm__ volatile("rdfsbase %0" : "=r"(told));
		printf("and back %d\n", told == base);
	} else
		printf("rdfsbase 1\nwrfsbase abcd abcd\nand back 1\n");
	/* Another base by the call, and the old one again. */
	static unsigned long other[16] = { 0, 0x5151 };
	long rc, rc2;
	__asm__ volatile("mov $158, %%eax\n\tmov $0x1002, %%edi\n\tmov %3, %%rsi\n\tsyscall\n\tmov %%rax, %0\n\tmov %%fs:8, %2\n\t"
			 "mov $158, %%eax\n\tmov $0x1002, %%edi\n\tmov %4, %%rsi\n\tsyscall\n\tmov %%rax, %1"
			 : "=&r"(rc), "=&r"(rc2), "=&r"(v)
			 : "r"(other), "r"(base)
			 : "rax", "rdi", "rsi", "rcx", "r11", "memory");
	printf("arch_prctl %ld %ld, between them %lx\n", rc, rc2, v);
#else
	unsigned short sel;
	__asm__ volatile("mov %%gs, %0" : "=r"(sel));
	__asm__ volatile("mov %0, %%gs" : : "r"(sel));
	__asm__ volatile("push %%gs\n\tpop %0" : "=r"(v));
	printf("selector %d\n", (unsigned short)v == sel);
	unsigned long self;
	ASM("mov %%gs:0, %0", "=r"(self), );
	printf("gs:0 is the base %d\n", *(unsigned long *)self == self);
#endif
	show("word at the end", word);
	return 0;
}
