/*
 * Runs each of a list of instructions twice and writes the machine's state
 * after it: registers, flags, vector registers, thread-local memory, other
 * memory, and the stack below and above the stack pointer. The list is
 * generated (case_table, in assembly); run.S loads and saves the registers.
 */
#include <stdint.h>

typedef unsigned long word;

#ifdef __i386__
#define REGS 8
#define SEG "%%gs"
#define CANARY 0x14
#else
#define REGS 16
#define SEG "%%fs"
#define CANARY 0x28
#endif
enum { STACK = 0x9000000, STACK_SIZE = 0x1000, STACK_TOP = STACK + 0x800 };

extern const word case_table[];
extern const word case_count;
extern void run_case(void);
extern void vsys(void), landing(void), callee(void);

word in_regs[REGS], out_regs[REGS], in_flags, out_flags, current, main_sp;
uint8_t vectors_in[8 * 16], vectors_out[8 * 16];
uint8_t tcb[0x400] __attribute__((aligned(64)));
static uint8_t spare[0x400] __attribute__((aligned(64)));
uint8_t scratch[0x100] __attribute__((aligned(64)));

static long call(long n, long a, long b, long c)
{
#ifdef __i386__
	__asm__ volatile("int $0x80" : "+a"(n) : "b"(a), "c"(b), "d"(c) : "memory");
#else
	__asm__ volatile("syscall" : "+a"(n) : "D"(a), "S"(b), "d"(c) : "memory", "rcx", "r11");
#endif
	return n;
}

static void fill(uint8_t *p, unsigned n, unsigned seed)
{
	for (unsigned i = 0; i < n; i++)
		p[i] = i * 7 + seed;
}

static void thread_pointer(word at)
{
#ifdef __i386__
	static uint32_t u[4];
	static word entry = -1;
	u[0] = entry;
	u[1] = at;
	u[2] = 0xfffff;
	u[3] = 0x51;
	call(243, (long)u, 0, 0);
	entry = u[0];
	__asm__ volatile("mov %0, %%gs" : : "r"(entry * 8 + 3));
#else
	call(158, 0x1002, at, 0);
	call(158, 0x1001, 0x12340000, 0);
#endif
}

/* One record; harness code must not care for the size. */
static struct {
	word regs[REGS], flags, self, canary;
	uint8_t vectors[8 * 16], tcb[0x400], scratch[0x100], stack[0x200];
} record;

static void copy(void *to, const void *from, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		((volatile uint8_t *)to)[i] = ((const uint8_t *)from)[i];
}

void begin(void)
{
	for (unsigned i = 0; i < case_count; i++)
		for (int round = 0; round < 2; round++) {
			fill(tcb, sizeof tcb, 3);
			fill(scratch, sizeof scratch, 5);
			fill((uint8_t *)STACK, STACK_SIZE, 11);
			fill(vectors_in, sizeof vectors_in, 13);
			*(word *)tcb = (word)tcb;
			*(word *)(tcb + CANARY) = (word)0x1122334455667788;
#ifdef __i386__
			*(word *)(tcb + 0x10) = (word)vsys;
#endif
			*(word *)(tcb + 0x100) = (word)landing;
			*(word *)(tcb + 0x110) = (word)callee;
			*(uint32_t *)(scratch + 0x40) = 0x55667788;
			*(uint16_t *)(scratch + 0x44) = 0x63;
			*(uint32_t *)(scratch + 0x60) = 0x1f80; /* MXCSR */
			*(word *)(scratch + 0x48) = (word)callee;
			*(word *)(scratch + 0x50) = (word)tcb;
			thread_pointer((word)tcb);
			for (int r = 0; r < REGS; r++)
				in_regs[r] = 0x48 + 8 * r;
			in_regs[4] = STACK_TOP;
			in_flags = round ? 0xcd7 : 0x202;
			current = case_table[i];
			run_case();
			thread_pointer((word)spare); /* writes mirrored words back where there are any */
			copy(record.regs, out_regs, sizeof record.regs);
			record.flags = out_flags;
			copy(record.vectors, vectors_out, sizeof vectors_out);
			copy(record.tcb, tcb, sizeof tcb);
			copy(record.scratch, scratch, sizeof scratch);
			copy(record.stack, (void *)(STACK_TOP - 0x100), sizeof record.stack);
			record.self = *(word *)tcb;
			record.canary = *(word *)(tcb + CANARY);
			call(sizeof(word) == 4 ? 4 : 1, 1, (long)&record, sizeof record);
		}
	for (;;)
		call(sizeof(word) == 4 ? 1 : 60, 0, 0, 0);
}
