/*
 * Keeps every vector and x87 register live across system calls: they are
 * loaded once, change in each round, and are compared at the end with what
 * the same arithmetic gives in memory. One register that a call changed
 * spoils all rounds after it. Control words are compared in each round.
 *
 * vector int80|vsyscall|syscall sse|avx2|avx512 ROUNDS [close]
 *
 * The call is getpid, or close of a descriptor that is none. int80 and vsyscall
 * are IA-32's, syscall is x86-64's.
 */
#include <cpuid.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int has(const char *what)
{
	unsigned a, b, c, d, xcr0 = 0, hi;

	__cpuid(1, a, b, c, d);
	if (c & bit_OSXSAVE)
		__asm__("xgetbv" : "=a"(xcr0), "=d"(hi) : "c"(0));
	if (!strcmp(what, "sse"))
		return (d & bit_SSE2) != 0;
	if (!__get_cpuid_count(7, 0, &a, &b, &c, &d))
		return 0;
	if (!strcmp(what, "avx2"))
		return (b & bit_AVX2) && (xcr0 & 6) == 6;
	return (b & bit_AVX512F) && (b & bit_AVX512BW) && (xcr0 & 0xe6) == 0xe6;
}

/* Only the assembly names some of these, and the compiler does not look into it. */
#define SHARED static volatile __attribute__((used, aligned(64)))
#ifdef __x86_64__
enum { XMM = 16, ZMM = 32 };
#define AT(x) x "(%%rip)"
#else
enum { XMM = 8, ZMM = 8 };
#define AT(x) x
#endif
SHARED uint8_t init[ZMM][64], out[ZMM][64], step[64];
SHARED uint64_t masks_out[8];
SHARED uint32_t masks_in[8];
SHARED double x87_in[8], x87_out[8], one = 1.0;
SHARED uint32_t bad_control, bad_result, mxcsr_set, mxcsr_now, number;
SHARED uint16_t cw_set, cw_now;
SHARED int want;

/* getpid, or close of a descriptor that is none. */
#define INT80 "mov " AT("number") ", %%eax\n\tmov $-1, %%ebx\n\tint $0x80\n\t"
#define VSYSCALL "mov " AT("number") ", %%eax\n\tmov $-1, %%ebx\n\tcall *%%gs:0x10\n\t"
#define SYSCALL "mov " AT("number") ", %%eax\n\tmov $-1, %%edi\n\tsyscall\n\t"

/* Eight x87 registers: the next one to the top gets one added, so each has changed rounds/8 times. */
#define X87_LOAD \
	"fldl " AT("x87_in+56") "\n\tfldl " AT("x87_in+48") "\n\tfldl " AT("x87_in+40") "\n\tfldl " AT("x87_in+32") "\n\t" \
	"fldl " AT("x87_in+24") "\n\tfldl " AT("x87_in+16") "\n\tfldl " AT("x87_in+8") "\n\tfldl " AT("x87_in") "\n\t"
#define X87_STEP "faddl " AT("one") "\n\tfincstp\n\t"
#define X87_STORE \
	"fstpl " AT("x87_out") "\n\tfstpl " AT("x87_out+8") "\n\tfstpl " AT("x87_out+16") "\n\tfstpl " AT("x87_out+24") "\n\t" \
	"fstpl " AT("x87_out+32") "\n\tfstpl " AT("x87_out+40") "\n\tfstpl " AT("x87_out+48") "\n\tfstpl " AT("x87_out+56") "\n\t"
#define CONTROL \
	"fnstcw " AT("cw_now") "\n\tmovw " AT("cw_now") ", %%ax\n\tcmpw " AT("cw_set") ", %%ax\n\tje 2f\n\tincl " AT("bad_control") "\n2:\t" \
	"stmxcsr " AT("mxcsr_now") "\n\tmov " AT("mxcsr_now") ", %%eax\n\txor " AT("mxcsr_set") ", %%eax\n\ttest $0xffc0, %%eax\n\tje 3f\n\t" \
	"incl " AT("bad_control") "\n3:\t"

#define EACH8(m) m(0) m(1) m(2) m(3) m(4) m(5) m(6) m(7)
#ifdef __x86_64__
#define EACH(m) EACH8(m) m(8) m(9) m(10) m(11) m(12) m(13) m(14) m(15)
#define EACHZ(m) EACH(m) m(16) m(17) m(18) m(19) m(20) m(21) m(22) m(23) m(24) m(25) m(26) m(27) m(28) m(29) m(30) m(31)
/* The counter has to be in none of these. */
#define COUNTER "+b"
#define CLOBBER \
	"rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", \
	"xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"
#else
#define EACH(m) EACH8(m)
#define EACHZ(m) EACH8(m)
#define COUNTER "+D"
#define CLOBBER "eax", "ebx", "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7"
#endif

#define SSE_LOAD(i) "movdqa " AT("init+64*" #i) ", %%xmm" #i "\n\t"
#define SSE_STEP(i) "paddd " AT("step") ", %%xmm" #i "\n\t"
#define SSE_STORE(i) "movdqa %%xmm" #i ", " AT("out+64*" #i) "\n\t"
#define AVX_LOAD(i) "vmovdqa " AT("init+64*" #i) ", %%ymm" #i "\n\t"
#define AVX_STEP(i) "vpaddd " AT("step") ", %%ymm" #i ", %%ymm" #i "\n\t"
#define AVX_STORE(i) "vmovdqa %%ymm" #i ", " AT("out+64*" #i) "\n\t"
#define ZMM_LOAD(i) "vmovdqa64 " AT("init+64*" #i) ", %%zmm" #i "\n\t"
#define ZMM_STEP(i) "vpaddd " AT("step") ", %%zmm" #i ", %%zmm" #i "\n\t"
#define ZMM_STORE(i) "vmovdqa64 %%zmm" #i ", " AT("out+64*" #i) "\n\t"
#define MASK_LOAD(i) "kmovd " AT("masks_in+4*" #i) ", %%k" #i "\n\t"
#define MASK_STORE(i) "kmovq %%k" #i ", " AT("masks_out+8*" #i) "\n\t"

#define SSE_LOADS EACH(SSE_LOAD)
#define SSE_STEPS EACH(SSE_STEP)
#define SSE_STORES EACH(SSE_STORE)
#define AVX_LOADS EACH(AVX_LOAD)
#define AVX_STEPS EACH(AVX_STEP)
#define AVX_STORES EACH(AVX_STORE) "vzeroupper\n\t"
#define ZMM_LOADS EACHZ(ZMM_LOAD) EACH8(MASK_LOAD)
#define ZMM_STEPS EACHZ(ZMM_STEP)
#define ZMM_STORES EACHZ(ZMM_STORE) EACH8(MASK_STORE) "vzeroupper\n\t"

/* The compiler has no use of its own for registers 16 to 31: nothing here is compiled for AVX-512. */
#define RUN(name, call, set)                                                                           \
	static void __attribute__((noinline, target("sse2"))) name(int rounds)                         \
	{                                                                                              \
		__asm__ volatile(set##_LOADS X87_LOAD "1:\n\t" call "cmp " AT("want") ", %%eax\n\tje 4f\n\t"           \
				 "incl " AT("bad_result") "\n4:\t" CONTROL set##_STEPS                         \
				 X87_STEP "dec %0\n\tjnz 1b\n\t" set##_STORES X87_STORE                \
				 : COUNTER(rounds)                                                     \
				 :                                                                     \
				 : CLOBBER);                                                           \
	}

#ifdef __x86_64__
RUN(sse_syscall, SYSCALL, SSE)
RUN(avx_syscall, SYSCALL, AVX)
RUN(zmm_syscall, SYSCALL, ZMM)
#else
RUN(sse_int80, INT80, SSE)
RUN(sse_vsyscall, VSYSCALL, SSE)
RUN(avx_int80, INT80, AVX)
RUN(avx_vsyscall, VSYSCALL, AVX)
RUN(zmm_int80, INT80, ZMM)
RUN(zmm_vsyscall, VSYSCALL, ZMM)
#endif

static const struct {
	const char *how, *set;
	void (*run)(int);
	int width, registers;
} runs[] = {
#ifdef __x86_64__
	{ "syscall", "sse", sse_syscall, 16, XMM },
	{ "syscall", "avx2", avx_syscall, 32, XMM },
	{ "syscall", "avx512", zmm_syscall, 64, ZMM },
#else
	{ "int80", "sse", sse_int80, 16, XMM },
	{ "vsyscall", "sse", sse_vsyscall, 16, XMM },
	{ "int80", "avx2", avx_int80, 32, XMM },
	{ "vsyscall", "avx2", avx_vsyscall, 32, XMM },
	{ "int80", "avx512", zmm_int80, 64, ZMM },
	{ "vsyscall", "avx512", zmm_vsyscall, 64, ZMM },
#endif
};

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	const char *set = argv[2];
	int rounds = atoi(argv[3]), wrong = 0, r;
	uint16_t cw_old;
	uint32_t mxcsr_old, sum = 0;

	for (r = 0; r < (int)(sizeof runs / sizeof *runs); r++)
		if (!strcmp(argv[1], runs[r].how) && !strcmp(set, runs[r].set))
			break;
	if (r == (int)(sizeof runs / sizeof *runs))
		return 2;
	if (!has(set)) {
		printf("this processor has no %s\n", set);
		return 0;
	}
	for (int i = 0; i < runs[r].registers; i++)
		for (int k = 0; k < 64; k++)
			init[i][k] = (uint8_t)(i * 67 + k * 13 + 5);
	for (int i = 0; i < 8; i++) {
		x87_in[i] = i * 1000 + 0.25;
		masks_in[i] = 0x1234567u * (uint32_t)(i + 3);
	}
	for (int k = 0; k < 64; k++)
		step[k] = (uint8_t)(k * 3 + 1);
	if (argc > 4 && !strcmp(argv[4], "close")) {
		number = SYS_close;
		want = -EBADF;
	} else {
		number = SYS_getpid;
		want = getpid();
	}

	/* Round towards zero in both units: neither is what a fresh process has. */
	__asm__ volatile("fnstcw %0" : "=m"(cw_old));
	__asm__ volatile("stmxcsr %0" : "=m"(mxcsr_old));
	cw_set = cw_old | 0xc00;
	mxcsr_set = mxcsr_old | 0x6000 | 0x8000;
	__asm__ volatile("fldcw %0" : : "m"(cw_set));
	__asm__ volatile("ldmxcsr %0" : : "m"(mxcsr_set));
	runs[r].run(rounds);
	__asm__ volatile("fldcw %0" : : "m"(cw_old));
	__asm__ volatile("ldmxcsr %0" : : "m"(mxcsr_old));

	for (int i = 0; i < runs[r].registers; i++)
		for (int k = 0; k < runs[r].width; k += 4) {
			uint32_t a, s, got;
			memcpy(&a, (void *)(init[i] + k), 4);
			memcpy(&s, (void *)(step + k), 4);
			memcpy(&got, (void *)(out[i] + k), 4);
			if (got != a + s * (uint32_t)rounds) {
				if (wrong++ < 10)
					printf("register %d, byte %d: %08x, not %08x\n", i, k, got, a + s * (uint32_t)rounds);
			}
			sum = sum * 31 + got;
		}
	for (int i = 0; runs[r].width == 64 && i < 8; i++)
		if (masks_out[i] != masks_in[i]) {
			wrong++;
			printf("k%d: %llx, not %x\n", i, (unsigned long long)masks_out[i], masks_in[i]);
		}
	/* After rounds increments the top is register rounds%8. */
	for (int i = 0; i < 8; i++) {
		int reg = (i + rounds) % 8;
		double want = x87_in[reg] + rounds / 8 + (reg < rounds % 8);
		if (x87_out[i] != want) {
			wrong++;
			printf("st(%d): %f, not %f\n", i, x87_out[i], want);
		}
		sum = sum * 31 + (uint32_t)(int64_t)(x87_out[i] * 4);
	}
	printf("%s %s %d rounds: wrong %d, control words %u, results %u, checksum %08x: %s\n", argv[1], set, rounds, wrong, bad_control, bad_result,
	       sum, wrong || bad_control || bad_result ? "BAD" : "OK");
	return wrong || bad_control || bad_result;
}
