/*
 * A stand-in for the runner on native Linux, so that programs which were
 * patched for Windows run at full speed without Windows: a TEB of its own, the
 * slots, and Linux itself as the kernel. Threads are refused.
 *
 * No original instruction can do a patch's work: the segment register of
 * thread-local memory stays null, the vdso is hidden, and a seccomp filter
 * kills what calls the kernel from the program or from a trampoline. Each
 * arrival at a thunk is checked: the address to go on at names one site of the
 * right kind, and no register or word of the stack holds an address of ours.
 *
 * entry.S has the machine code around this.
 */
#include <stddef.h>
#include <stdint.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include "layout.h"

typedef unsigned long word;
typedef long sword;
typedef uint64_t u64;

/* What the test writes in front of the sites. */
struct site {
	u64 resume; /* address to go on at */
	u64 addr;   /* of the site */
	u64 next;   /* behind it */
	uint8_t kind, len, bytes[14];
};

extern const struct params {
	u64 entry;           /* of the program */
	u64 lo, hi;          /* nothing from lo to hi may call the kernel: program and trampolines */
	u64 code_lo, code_hi; /* trampolines */
	u64 mirrors, sites;  /* how many */
	struct { int64_t off; u64 slot; } mirror[8];
	struct site site[];
} params;

/* image.Kind */
enum { INT80 = 1, SYSCALL, SYSENTER, VSYSCALL, OPERAND, SEGREAD, SEGWRITE };
/* stubs.Reason */
enum { BY_SYSCALL = 1, BY_CALL, BY_SYSENTER, BY_EMULATE, BY_INT80 };
/* stubs.Slot */
enum { SLOT_BASE = 0, SLOT_VCPU = 7 };
/* What entry.S does next. */
enum { DONE = 0, NATIVE = 1, SIGRETURN = 2, CLONE = 3 };

struct state {
#ifdef __i386__
	word r[8];
#else
	word r[16];
#endif
	word ip, fl, reason;
	word next;     /* the address to go on at, as the program sees it */
	word child_sp; /* of a clone's child, 0: the same */
	word child_vm; /* the child shares this memory */
	word parent_sp;
	word int80;
};
enum { AX, CX, DX, BX, SP, BP, SI, DI };
_Static_assert(offsetof(struct state, ip) == IP, "layout.h");
_Static_assert(offsetof(struct state, int80) == BY80, "layout.h");

extern char teb[];
extern char frames[];

static word stack_top;      /* the initial stack pointer */
static int handlers;        /* a signal handler was installed */
static word cur_base;       /* the thread pointer, 0: none */
static word gs, fs, gs_base; /* as the program sees them */
static word area[3];        /* entries 12 to 14 */

static word *slot(unsigned s) { return (word *)(teb + SLOTS + s * sizeof(word)); }

#ifdef __i386__
static long call(long n, long a, long b, long c)
{
	__asm__ volatile("int $0x80" : "+a"(n) : "b"(a), "c"(b), "d"(c) : "memory");
	return n;
}
enum { NR_write = 4, NR_exit_group = 252, NR_prctl = 172, NR_set_thread_area = 243, NR_get_thread_area = 244,
       NR_clone = 120, NR_vfork = 190, NR_clone3 = 435, NR_sigreturn = 119, NR_rt_sigreturn = 173,
       NR_rt_sigaction = 174, NR_sigaction = 67, NR_signal = 48 };
#else
static long call(long n, long a, long b, long c)
{
	__asm__ volatile("syscall" : "+a"(n) : "D"(a), "S"(b), "d"(c) : "memory", "rcx", "r11");
	return n;
}
enum { NR_write = 1, NR_exit_group = 231, NR_prctl = 157, NR_arch_prctl = 158, NR_clone = 56, NR_vfork = 58,
       NR_clone3 = 435, NR_rt_sigreturn = 15, NR_rt_sigaction = 13 };
#endif

static void put(const char *s)
{
	long n = 0;
	while (s[n])
		n++;
	call(NR_write, 2, (long)s, n);
}

static void hex(word v)
{
	char b[20];
	int i = 19;
	b[i] = 0;
	do {
		b[--i] = "0123456789abcdef"[v & 15];
		v >>= 4;
	} while (v);
	b[--i] = 'x';
	b[--i] = '0';
	put(b + i);
}

static void __attribute__((noreturn)) die(const char *what, word a, word b)
{
	put("stand-in: ");
	put(what);
	put(" ");
	hex(a);
	put(" ");
	hex(b);
	put("\n");
	for (;;)
		call(NR_exit_group, 99, 0, 0);
}

/* The slots are the truth while their block is the current one. */
static void set_base(word base)
{
	for (u64 i = 0; i < params.mirrors && cur_base; i++)
		*(word *)(cur_base + (sword)params.mirror[i].off) = *slot(params.mirror[i].slot);
	cur_base = base;
	*slot(SLOT_BASE) = base;
	for (u64 i = 0; i < params.mirrors && base; i++)
		*slot(params.mirror[i].slot) = *(word *)(base + (sword)params.mirror[i].off);
}

/* The site that the address to go on at stands for. */
static const struct site *find(word resume)
{
	u64 lo = 0, hi = params.sites;
	while (lo < hi) {
		u64 m = (lo + hi) / 2;
		if (params.site[m].resume < resume)
			lo = m + 1;
		else
			hi = m;
	}
	if (lo == params.sites || params.site[lo].resume != resume)
		die("no site goes on at", resume, 0);
	return &params.site[lo];
}

static void ours(const char *what, word v, word at)
{
	if (v > params.code_lo && v < params.code_hi) {
		put(what);
		die(" holds an address of a trampoline:", v, at);
	}
}

/* No address of ours is in what the program can see. Linux's own signal
 * frames would be an exception: here, they are made while this runs. */
static void look(const struct state *s)
{
	for (int i = 0; i < (int)(sizeof s->r / sizeof *s->r); i++)
		if (i != CX || s->reason != BY_SYSCALL || sizeof(word) == 4)
			ours("a register", s->r[i], s->ip);
	word sp = s->r[SP];
	if (handlers || sp > stack_top || stack_top - sp > 4 << 20 || sp % sizeof(word))
		return;
	for (int i = 0; i < 512 && sp < stack_top; i++, sp += sizeof(word))
		ours("the stack", *(word *)sp, s->ip);
}

static void load_segment(int which, word v)
{
	v &= 0xffff;
	if (which == 4) {
		if (v & ~3)
			die("selector for %fs:", v, 0);
		fs = v;
		return;
	}
	gs = v;
	word entry = v >> 3;
	if (sizeof(word) == 8 || v < 4)
		return;
	if (entry < 12 || entry > 14 || (v & 7) != 3)
		die("selector for %gs:", v, 0);
	set_base(area[entry - 12]);
}

/* The address of a memory operand; *n is its length with ModRM. */
static word operand(const struct state *s, const uint8_t *b, int rex, word next)
{
	int mod = b[0] >> 6, rm = b[0] & 7;
	const uint8_t *d = b + 1;
	word a = 0;
	if (rm == 4) {
		int x = (d[0] >> 3 & 7) | (rex & 2) << 2, base = d[0] & 7;
		if (x != 4)
			a += s->r[x] << (d[0] >> 6);
		if (base == 5 && mod == 0)
			mod = 2;
		else
			a += s->r[base | (rex & 1) << 3];
		d++;
	} else if (rm == 5 && mod == 0) {
		mod = 2;
		if (sizeof(word) == 8)
			a += next;
	} else
		a += s->r[rm | (rex & 1) << 3];
	if (mod == 1)
		a += (sword)(int8_t)d[0];
	if (mod == 2)
		a += (sword) * (const int32_t *)d;
	return a;
}

static void emulate(struct state *s, const struct site *at)
{
	const uint8_t *b = at->bytes;
	int narrow = 0, rep = 0, rex = 0;
	for (;; b++) {
		if (*b == 0x66)
			narrow = 1;
		else if (*b == 0xf3)
			rep = 1;
		else if (*b != 0x2e && *b != 0x36 && *b != 0x3e && *b != 0x26)
			break;
	}
	if (sizeof(word) == 8 && (*b & 0xf0) == 0x40)
		rex = *b++;
	int mem = b[1] < 0xc0, reg = b[1] >> 3 & 7;
	word *rm = &s->r[(b[1] & 7) | (rex & 1) << 3];
	if (b[0] == 0x8c && (reg == 4 || reg == 5)) {
		word v = reg == 4 ? fs : gs;
		if (mem)
			*(uint16_t *)operand(s, b + 1, rex, at->next) = v;
		else if (narrow)
			*(uint16_t *)rm = v;
		else
			*rm = v;
		return;
	}
	if (b[0] == 0x8e && (reg == 4 || reg == 5)) {
		load_segment(reg, mem ? *(uint16_t *)operand(s, b + 1, rex, at->next) : *rm);
		return;
	}
	if (b[0] != 0x0f)
		die("cannot carry out the instruction at", at->addr, b[0]);
	int size = narrow ? 2 : sizeof(word);
	switch (b[1]) {
	case 0xa0: case 0xa8: /* push: the upper bytes stay or become 0, so say processors */
		s->r[SP] -= size;
		if (size > 2)
			*(word *)s->r[SP] = 0;
		*(uint16_t *)s->r[SP] = b[1] == 0xa0 ? fs : gs;
		return;
	case 0xa1: case 0xa9:
		load_segment(b[1] == 0xa1 ? 4 : 5, *(uint16_t *)s->r[SP]);
		s->r[SP] += size;
		return;
	case 0xb4: case 0xb5: {
		word a = operand(s, b + 2, rex, at->next);
		word *dst = &s->r[(b[2] >> 3 & 7) | (rex & 4) << 1];
		load_segment(b[1] == 0xb4 ? 4 : 5, *(uint16_t *)(a + (narrow ? 2 : 4)));
		if (narrow)
			*(uint16_t *)dst = *(uint16_t *)a;
		else
			*dst = *(uint32_t *)a;
		return;
	}
	case 0xae: {
		word *r = &s->r[(b[2] & 7) | (rex & 1) << 3];
		word v = rex & 8 ? *r : (uint32_t)*r;
		if (!rep || b[2] < 0xc0 || sizeof(word) == 4)
			break;
		switch (b[2] >> 3 & 7) {
		case 1:
			*r = rex & 8 ? gs_base : (uint32_t)gs_base;
			return;
		case 2:
			set_base(v);
			return;
		case 3:
			gs_base = v;
			return;
		}
	}
	}
	die("cannot carry out the instruction at", at->addr, b[1]);
}

static int clone(struct state *s, word flags, word stack, int vfork)
{
	if (!vfork && flags & (0x10000 | 0x80000)) { /* CLONE_THREAD, CLONE_SETTLS */
		s->r[AX] = -38;
		return DONE;
	}
	s->child_sp = stack;
	s->parent_sp = s->r[SP];
	s->child_vm = vfork || flags & 0x100;
	return CLONE;
}

static int syscalls(struct state *s)
{
	word *r = s->r;
	s->child_sp = s->child_vm = 0;
	switch (r[AX]) {
	case NR_clone3:
		r[AX] = -38;
		return DONE;
	case NR_rt_sigreturn:
#ifdef __i386__
	case NR_sigreturn:
#endif
		return SIGRETURN;
	case NR_vfork:
		return clone(s, 0, 0, 1);
#ifdef __i386__
	case NR_clone:
		return clone(s, r[BX], r[CX], 0);
	case NR_signal:
		handlers = 1;
		break;
	case NR_sigaction:
	case NR_rt_sigaction:
		if (r[CX] && *(word *)r[CX] > 1)
			handlers = 1;
		break;
	case NR_set_thread_area: {
		uint32_t *u = (uint32_t *)r[BX];
		if (u[0] == ~0u)
			for (u[0] = 12; u[0] < 14 && area[u[0] - 12]; u[0]++)
				;
		if (u[0] < 12 || u[0] > 14) {
			r[AX] = -22;
			return DONE;
		}
		area[u[0] - 12] = u[1];
		if (gs == u[0] * 8 + 3)
			set_base(u[1]);
		r[AX] = 0;
		return DONE;
	}
	case NR_get_thread_area:
		die("get_thread_area", 0, 0);
#else
	case NR_clone:
		return clone(s, r[DI], r[SI], 0);
	case NR_rt_sigaction:
		if (r[SI] && *(word *)r[SI] > 1)
			handlers = 1;
		break;
	case NR_arch_prctl:
		switch (r[DI]) {
		case 0x1001:
			gs_base = r[SI];
			break;
		case 0x1002:
			set_base(r[SI]);
			break;
		case 0x1003:
			*(word *)r[SI] = *slot(SLOT_BASE);
			break;
		case 0x1004:
			*(word *)r[SI] = gs_base;
			break;
		default:
			return NATIVE;
		}
		r[AX] = 0;
		return DONE;
#endif
	}
	return NATIVE;
}

/* serve is called by entry.S with what a thunk has saved. */
int serve(struct state *s)
{
	word resume = s->reason == BY_CALL ? *(word *)s->r[SP] : s->ip;
	const struct site *at = find(resume);
	s->next = at->next;
	s->int80 = 0;
	look(s);
	static const uint8_t kinds[][2] = {
		[BY_SYSCALL] = { sizeof(word) == 8 ? SYSCALL : INT80 }, [BY_CALL] = { VSYSCALL }, [BY_SYSENTER] = { SYSENTER },
		[BY_EMULATE] = { SEGREAD, SEGWRITE }, [BY_INT80] = { INT80 },
	};
	if (at->kind != kinds[s->reason][0] && at->kind != kinds[s->reason][1])
		die("wrong thunk for the site at", at->addr, s->reason);
	switch (s->reason) {
	case BY_EMULATE:
		emulate(s, at);
		return DONE;
	case BY_SYSENTER:
		/* Linux goes on in the vdso; what the runner answers is its own test. */
		die("sysenter at", at->addr, 0);
	case BY_INT80:
		s->int80 = 1;
		return NATIVE;
	}
	int how = syscalls(s);
#ifndef __i386__
	if (how == DONE) {
		s->r[CX] = s->next;
		s->r[11] = s->fl;
	}
#endif
	return how;
}

static void filter(void)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer) + 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer)),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (uint32_t)params.lo, 0, 2),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (uint32_t)params.hi, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof f / sizeof *f, f };
	call(NR_prctl, 38, 1, 0); /* PR_SET_NO_NEW_PRIVS */
	long rc = call(NR_prctl, 22, 2, (long)&prog); /* PR_SET_SECCOMP, SECCOMP_MODE_FILTER */
	if (rc)
		die("seccomp", rc, 0);
}

/* start prepares everything; entry.S goes on at what it returns. */
word start(word *stack)
{
	stack_top = (word)stack;
	word *p = stack + 1 + stack[0] + 1; /* environment */
	while (*p++)
		;
	for (; p[0]; p += 2)
		switch (p[0]) {
		case 32: case 33: /* AT_SYSINFO, AT_SYSINFO_EHDR */
			p[0] = 1; /* AT_IGNORE */
			break;
		case 9: /* AT_ENTRY */
			p[1] = params.entry;
			break;
		}
	*slot(SLOT_VCPU) = (word)frames;
#ifdef __i386__
	uint32_t u[4] = { -1, (word)teb, 0xfffff, 0x51 };
	long rc = call(NR_set_thread_area, (long)u, 0, 0);
	if (rc)
		die("set_thread_area", rc, 0);
	__asm__ volatile("mov %0, %%fs; mov %1, %%gs" : : "r"(u[0] * 8 + 3), "r"(0));
#else
	long rc = call(NR_arch_prctl, 0x1001, (long)teb, 0);
	if (rc)
		die("arch_prctl", rc, 0);
#endif
	filter();
	return params.entry;
}
