/*
 * Keeps every vector and x87 register live across system calls: they are
 * loaded once, change in each round, and are compared at the end with what
 * the same arithmetic gives in memory. One register that a call changed
 * spoils all rounds after it. Control words are compared in each round.
 *
 * vector int80|vsyscall sse|avx2|avx512 ROUNDS
 */
#include <cpuid.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
SHARED uint8_t init[8][64], out[8][64], step[64];
SHARED uint64_t masks_out[8];
SHARED uint32_t masks_in[8];
SHARED double x87_in[8], x87_out[8], one = 1.0;
SHARED uint32_t bad_control, bad_result, mxcsr_set, mxcsr_now;
SHARED uint16_t cw_set, cw_now;
SHARED int pid;

#define INT80 "mov $20, %%eax\n\tint $0x80\n\t"
#define VSYSCALL "mov $20, %%eax\n\tcall *%%gs:0x10\n\t"

/* Eight x87 registers: the next one to the top gets one added, so each has changed rounds/8 times. */
#define X87_LOAD \
	"fldl x87_in+56\n\tfldl x87_in+48\n\tfldl x87_in+40\n\tfldl x87_in+32\n\t" \
	"fldl x87_in+24\n\tfldl x87_in+16\n\tfldl x87_in+8\n\tfldl x87_in\n\t"
#define X87_STEP "faddl one\n\tfincstp\n\t"
#define X87_STORE \
	"fstpl x87_out\n\tfstpl x87_out+8\n\tfstpl x87_out+16\n\tfstpl x87_out+24\n\t" \
	"fstpl x87_out+32\n\tfstpl x87_out+40\n\tfstpl x87_out+48\n\tfstpl x87_out+56\n\t"
#define CONTROL \
	"fnstcw cw_now\n\tmovw cw_now, %%ax\n\tcmpw cw_set, %%ax\n\tje 2f\n\tincl bad_control\n2:\t" \
	"stmxcsr mxcsr_now\n\tmov mxcsr_now, %%eax\n\txor mxcsr_set, %%eax\n\ttest $0xffc0, %%eax\n\tje 3f\n\tincl bad_control\n3:\t"
#define CLOBBER "eax", "memory", "cc"
#define EACH(m) m(0) m(1) m(2) m(3) m(4) m(5) m(6) m(7)

#define SSE_LOAD(i) "movdqa init+64*" #i ", %%xmm" #i "\n\t"
#define SSE_STEP(i) "paddd step, %%xmm" #i "\n\t"
#define SSE_STORE(i) "movdqa %%xmm" #i ", out+64*" #i "\n\t"
#define AVX_LOAD(i) "vmovdqa init+64*" #i ", %%ymm" #i "\n\t"
#define AVX_STEP(i) "vpaddd step, %%ymm" #i ", %%ymm" #i "\n\t"
#define AVX_STORE(i) "vmovdqa %%ymm" #i ", out+64*" #i "\n\t"
#define ZMM_LOAD(i) "vmovdqa64 init+64*" #i ", %%zmm" #i "\n\tkmovd masks_in+4*" #i ", %%k" #i "\n\t"
#define ZMM_STEP(i) "vpaddd step, %%zmm" #i ", %%zmm" #i "\n\t"
#define ZMM_STORE(i) "vmovdqa64 %%zmm" #i ", out+64*" #i "\n\tkmovq %%k" #i ", masks_out+8*" #i "\n\t"

#define RUN(name, call, LOAD, STEP, STORE)                                                            \
	static void __attribute__((noinline, target("avx512bw"))) name(int rounds)                     \
	{                                                                                              \
		__asm__ volatile(EACH(LOAD) X87_LOAD "1:\n\t" call                                     \
				 "cmp pid, %%eax\n\tje 4f\n\tincl bad_result\n4:\t" CONTROL EACH(STEP) \
					 X87_STEP "dec %0\n\tjnz 1b\n\t" EACH(STORE) X87_STORE         \
				 : "+r"(rounds)                                                        \
				 :                                                                     \
				 : CLOBBER, "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",    \
				   "xmm7");                                                            \
	}

RUN(sse_int80, INT80, SSE_LOAD, SSE_STEP, SSE_STORE)
RUN(sse_vsyscall, VSYSCALL, SSE_LOAD, SSE_STEP, SSE_STORE)
RUN(avx_int80, INT80, AVX_LOAD, AVX_STEP, AVX_STORE)
RUN(avx_vsyscall, VSYSCALL, AVX_LOAD, AVX_STEP, AVX_STORE)
RUN(zmm_int80, INT80, ZMM_LOAD, ZMM_STEP, ZMM_STORE)
RUN(zmm_vsyscall, VSYSCALL, ZMM_LOAD, ZMM_STEP, ZMM_STORE)

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	int vsys = !strcmp(argv[1], "vsyscall");
	const char *set = argv[2];
	int rounds = atoi(argv[3]), width, wrong = 0;
	uint16_t cw_old;
	uint32_t mxcsr_old, sum = 0;

	if (!has(set)) {
		printf("this processor has no %s\n", set);
		return 0;
	}
	width = !strcmp(set, "sse") ? 16 : !strcmp(set, "avx2") ? 32 : 64;
	for (int i = 0; i < 8; i++) {
		for (int k = 0; k < 64; k++)
			init[i][k] = (uint8_t)(i * 67 + k * 13 + 5);
		x87_in[i] = i * 1000 + 0.25;
		masks_in[i] = 0x1234567u * (uint32_t)(i + 3);
	}
	for (int k = 0; k < 64; k++)
		step[k] = (uint8_t)(k * 3 + 1);
	__asm__ volatile("mov $20, %%eax\n\tint $0x80" : "=a"(pid));

	/* Round towards zero in both units: neither is what a fresh process has. */
	__asm__ volatile("fnstcw %0" : "=m"(cw_old));
	__asm__ volatile("stmxcsr %0" : "=m"(mxcsr_old));
	cw_set = cw_old | 0xc00;
	mxcsr_set = mxcsr_old | 0x6000 | 0x8000;
	__asm__ volatile("fldcw %0" : : "m"(cw_set));
	__asm__ volatile("ldmxcsr %0" : : "m"(mxcsr_set));
	if (width == 16)
		(vsys ? sse_vsyscall : sse_int80)(rounds);
	else if (width == 32)
		(vsys ? avx_vsyscall : avx_int80)(rounds);
	else
		(vsys ? zmm_vsyscall : zmm_int80)(rounds);
	__asm__ volatile("fldcw %0" : : "m"(cw_old));
	__asm__ volatile("ldmxcsr %0" : : "m"(mxcsr_old));

	for (int i = 0; i < 8; i++) {
		for (int k = 0; k < width; k += 4) {
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
		if (width == 64 && masks_out[i] != masks_in[i]) {
			wrong++;
			printf("k%d: %llx, not %x\n", i, (unsigned long long)masks_out[i], masks_in[i]);
		}
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
