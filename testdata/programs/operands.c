/*
 * Thread-local variables reached by every form of operand that compilers do
 * not write: strings, calls, an address size prefix, parts of words of the
 * thread control block.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef unsigned long word;

#ifdef __i386__
#define TP "%%gs:"
#define CANARY "0x14"
#define SI "%%esi"
#define DI "%%edi"
#define B "%%ebx"
#else
#define TP "%%fs:"
#define CANARY "0x28"
#define SI "%%rsi"
#define DI "%%rdi"
#define B "%%rbx"
#endif

static __thread char text[64] = "the quick brown fox jumps over the lazy dog";
static __thread unsigned char table[256];
static __thread word (*function)(void);
static __thread uint32_t counter;

static word self(void)
{
	word p;
	__asm__("mov " TP "0, %0" : "=r"(p));
	return p;
}

#define OFFSET(v) ((word)&(v) - self())

static word called;

static word __attribute__((noinline)) target(void)
{
	return ++called;
}

int main(void)
{
	char copy[64] = {0};
	word s, d, n;

	s = OFFSET(text);
	d = (word)copy;
	n = 9;
	__asm__ volatile("cld; rep movsb " TP "(" SI "), %%es:(" DI ")" : "+S"(s), "+D"(d), "+c"(n) : : "memory");
	printf("movs: %s, %lu, %lu left\n", copy, (unsigned long)(s - OFFSET(text)), (unsigned long)n);

	s = OFFSET(text) + 20;
	d = (word)copy + 40;
	n = 6;
	__asm__ volatile("std; rep movsw " TP "(" SI "), %%es:(" DI "); cld" : "+S"(s), "+D"(d), "+c"(n) : : "memory");
	printf("backwards: %s, %ld\n", copy + 30, (long)(s - OFFSET(text)));

	s = OFFSET(text);
	d = (word) "the quick red fox";
	n = 17;
	__asm__ volatile("repe cmpsb %%es:(" DI ")," TP "(" SI ")" : "+S"(s), "+D"(d), "+c"(n) : : "memory", "cc");
	printf("cmps: differ at %lu\n", (unsigned long)(s - OFFSET(text)));

	for (int i = 0; i < 256; i++)
		table[i] = i ^ 0x5a;
	word a = 'x', b = OFFSET(table);
	__asm__ volatile("xlat " TP "(" B ")" : "+a"(a) : "b"(b) : "memory");
	printf("xlat: %#lx\n", (unsigned long)a);

	s = OFFSET(text) + 4;
	__asm__ volatile("lodsl " TP "(" SI "), %%eax" : "+S"(s), "=a"(a));
	printf("lods: %#lx\n", (unsigned long)(uint32_t)a);

	function = target;
	for (int i = 0; i < 3; i++) {
		word r, f = OFFSET(function);
#ifdef __i386__
		__asm__ volatile("call *" TP "(%1)" : "=a"(r) : "r"(f) : "ecx", "edx", "memory", "cc");
#else
		/* What the call pushes is below the red zone. */
		__asm__ volatile("lea -128(%%rsp), %%rsp; call *" TP "(%1); lea 128(%%rsp), %%rsp"
				 : "=a"(r) : "b"(f) : "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc");
#endif
		printf("call: %lu\n", (unsigned long)r);
	}

	word whole = 0, parts = 0;
	__asm__ volatile("mov " TP CANARY ", %0" : "=r"(whole));
	for (unsigned i = 0; i < sizeof whole; i++) {
		uint8_t byte = 0;
		switch (i) {
#define PART(n) case n: __asm__ volatile("movb " TP CANARY "+" #n ", %0" : "=q"(byte)); break;
		PART(0) PART(1) PART(2) PART(3)
#ifndef __i386__
		PART(4) PART(5) PART(6) PART(7)
#endif
		}
		parts |= (word)byte << 8 * i;
	}
	uint32_t over;
	__asm__ volatile("movl " TP CANARY "-2, %0" : "=r"(over));
	printf("canary: %s, %s\n", whole == parts ? "whole" : "broken", over >> 16 == (uint16_t)whole ? "whole" : "broken");

#ifndef __i386__
	/* A positive offset, for a 32-bit address is not sign-extended. */
	uint32_t low;
	__asm__ volatile("mov $0, %%ecx; addr32 movl " TP "(%%ecx), %0" : "=r"(low) : : "rcx");
	printf("32-bit address: %s\n", low == (uint32_t)self() ? "same" : "other");
#else
	uint32_t low;
	__asm__ volatile("mov $0x12340000, %%ebx; movl " TP "(%%bx), %0" : "=r"(low) : : "ebx");
	printf("16-bit address: %s\n", low == (uint32_t)self() ? "same" : "other");
#endif

	for (int i = 0; i < 1000; i++) {
		word c = OFFSET(counter);
		__asm__ volatile("lock incl " TP "(%0)" : : "r"(c) : "memory", "cc");
	}
	printf("counter: %u\n", counter);
	return 0;
}
