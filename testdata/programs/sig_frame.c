/* The frame that a handler gets: its layout, the vector state in it, that the
 * handler's own use of x87 and vector registers changes nothing for the
 * interrupted code, and that what it writes into the frame does. */
#include "sig_context.h"
#include <cpuid.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAGIC1 0x46505853u
#define MAGIC2 0x46505845u
struct sw_bytes {
	uint32_t magic1, extended_size;
	uint64_t features;
	uint32_t xstate_size, padding[7];
};

static int avx, avx512;

static void *fxsave_area(ucontext_t *uc)
{
#ifdef __x86_64__
	return uc->uc_mcontext.fpregs;
#else
	return (char *)uc->uc_mcontext.fpregs + 112;
#endif
}

static void ruin(void)
{
	static const uint32_t csr = 0x9fc0, ones[16] = { -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1 };
	static const uint16_t cw = 0x040;
	asm volatile("fninit; fldpi; fldpi; fldpi; fldpi; fldpi; fldpi; fldpi; fldpi; fldcw %0; ldmxcsr %1" : : "m"(cw), "m"(csr));
#define X(n) asm volatile("movups %0,%%xmm" #n : : "m"(ones));
#define Y(n) asm volatile("vmovups %0,%%ymm" #n : : "m"(ones));
	X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)
	if (avx) {
		Y(0) Y(1) Y(2) Y(3) Y(4) Y(5) Y(6) Y(7)
	}
#ifdef __x86_64__
	X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
	if (avx) {
		Y(8) Y(9) Y(10) Y(11) Y(12) Y(13) Y(14) Y(15)
	}
#endif
	if (avx512)
		asm volatile("vmovups %0,%%zmm0; vmovups %0,%%zmm7; kmovw (%1),%%k1" : : "m"(ones), "r"(ones));
	asm volatile("fninit");
}

static volatile sig_atomic_t handled;
static int mode;
static char text[8192];
static char *end = text;
#define P(...) (end += sprintf(end, __VA_ARGS__))

static void look(ucontext_t *uc, siginfo_t *si, int sig)
{
	char *fx = fxsave_area(uc);
	struct sw_bytes *sw = (void *)(fx + 464);
	P("signal %d si %d code %d pid %d uid %d\n", sig, si->si_signo, si->si_code, si->si_pid == getpid(), si->si_uid == getuid());
	P("flags %#lx link %p stack %d %#x %zu\n", uc->uc_flags, (void *)uc->uc_link, uc->uc_stack.ss_sp != NULL, uc->uc_stack.ss_flags, uc->uc_stack.ss_size);
	P("mask %#lx trap %ld err %ld\n", *(unsigned long *)&uc->uc_sigmask, (long)GREG(uc, REG_TRAPNO), (long)GREG(uc, REG_ERR));
	P("fx aligned %d, magic %d, size %u of %u, features %#llx, magic2 %d\n", (int)((uintptr_t)fx & 63), sw->magic1 == MAGIC1, sw->extended_size, sw->xstate_size,
	  (unsigned long long)sw->features, *(uint32_t *)(fx + sw->xstate_size) == MAGIC2);
	P("handler's stack: frame %d, below %d\n", (int)((char *)uc > (char *)&uc && (char *)uc < fx), (int)((uintptr_t)__builtin_frame_address(0) < (uintptr_t)uc));
#ifdef __x86_64__
	P("cs %#x ss %#x aligned %d\n", (unsigned)GREG(uc, REG_CSGSFS) & 0xffff, (unsigned)(GREG(uc, REG_CSGSFS) >> 48), (int)((uintptr_t)uc & 15));
	P("fcw %#x fsw %#x ftw %#x mxcsr %#x mask %#x\n", uc->uc_mcontext.fpregs->cwd, uc->uc_mcontext.fpregs->swd, uc->uc_mcontext.fpregs->ftw, uc->uc_mcontext.fpregs->mxcsr,
	  uc->uc_mcontext.fpregs->mxcr_mask);
#else
	struct _libc_fpstate *f = uc->uc_mcontext.fpregs;
	P("cs %#x ss %#x ds %#x es %#x fs %#x gs %#x aligned %d\n", GREG(uc, REG_CS), GREG(uc, REG_SS), GREG(uc, REG_DS), GREG(uc, REG_ES), GREG(uc, REG_FS), GREG(uc, REG_GS),
	  (int)((uintptr_t)uc & 15));
	P("cw %#lx sw %#lx tag %#lx cssel %#lx datasel %#lx status %#lx oldmask %#lx\n", f->cw, f->sw, f->tag, f->cssel & 0xffff, f->datasel, f->status, uc->uc_mcontext.oldmask);
	P("fsave st0 %04x%016llx st1 %04x%016llx st7 %04x%016llx\n", f->_st[0].exponent, *(unsigned long long *)f->_st[0].significand, f->_st[1].exponent,
	  *(unsigned long long *)f->_st[1].significand, f->_st[7].exponent, *(unsigned long long *)f->_st[7].significand);
#endif
	P("fx st0 %016llx st2 %016llx xmm3 %08x\n", *(unsigned long long *)(fx + 32), *(unsigned long long *)(fx + 64), *(uint32_t *)(fx + 160 + 48));
	if (avx)
		P("bv %#llx ymm3 high %08x\n", *(unsigned long long *)(fx + 512) & 7, *(uint32_t *)(fx + 576 + 48));
}

static void edit(ucontext_t *uc)
{
	char *fx = fxsave_area(uc);
	*(uint32_t *)(fx + 160 + 16) = 0xabcdef01; /* xmm1 */
	if (avx)
		*(uint32_t *)(fx + 576 + 16) = 0x12345678;
	*(uint32_t *)(fx + 24) = 0x5f80; /* MXCSR */
#ifdef __x86_64__
	*(uint16_t *)fx = 0x27f; /* FCW */
	*(uint64_t *)(fx + 32) = 0xc000000000000000ull;
	GREG(uc, REG_R12) = 0x1234;
#else
	uc->uc_mcontext.fpregs->cw = 0x27f;
	*(uint64_t *)uc->uc_mcontext.fpregs->_st[0].significand = 0xc000000000000000ull;
#endif
	BX(uc) = 0x4321;
}

static void spoil(ucontext_t *uc)
{
	char *fx = fxsave_area(uc);
	struct sw_bytes *sw = (void *)(fx + 464);
	switch (mode) {
	case 's': /* reserved bits of MXCSR */
		*(uint32_t *)(fx + 24) = 0xffffffff;
		break;
	case 'b': /* components that there are not */
		*(uint64_t *)(fx + 512) = ~0ull;
		break;
	case 'h': /* bytes of the header that must be nought */
		memset(fx + 520, 0xff, 48);
		break;
	case 'm':
		sw->magic1 = 0;
		break;
	case 'M':
		*(uint32_t *)(fx + sw->xstate_size) = 0;
		break;
	case 'n': /* no state at all */
		uc->uc_mcontext.fpregs = NULL;
		break;
	case 'p': /* a place that is none */
		uc->uc_mcontext.fpregs = (void *)64;
		break;
	case 'u': /* not aligned */
		uc->uc_mcontext.fpregs = (void *)((char *)uc->uc_mcontext.fpregs + 4);
		break;
	case 'x': /* the part that is not FXSAVE's goes back to its initial state */
		*(uint64_t *)(fx + 512) = 3;
		break;
	}
}

static void handler(int sig, siginfo_t *si, void *p)
{
	ucontext_t *uc = p;
	handled++;
	if (mode == 'l')
		look(uc, si, sig);
	else if (mode == 'e')
		edit(uc);
	else if (mode != 'r')
		spoil(uc);
	ruin();
}

static uint32_t in[16][16] __attribute__((aligned(64))), out[16][16] __attribute__((aligned(64)));

/* A signal between two looks at all registers. */
static void round_trip(const char *what, int how)
{
	static uint16_t cw = 0xb7f, cw2, sw;
	static uint32_t csr = 0x3f80, csr2;
	static unsigned char st[108];
	unsigned long bx = 0x7777;
	unsigned char *s = (void *)in;
	for (unsigned i = 0; i < sizeof in; i++)
		s[i] = (unsigned char)(i * 7 + 1);
	memset(out, 0, sizeof out);
	end = text;
	mode = how;
	handled = 0;
	long pid = syscall(SYS_getpid), tid = syscall(SYS_gettid), nr = SYS_tgkill;
	asm volatile("fninit; fldpi; fldl2e; fld1; fldcw %0; ldmxcsr %1" : : "m"(cw), "m"(csr));
#ifdef __x86_64__
	unsigned long r12 = 0x5555;
	register long a asm("rdx") = SIGUSR1;
#define LOAD(n) "movups 64*" #n "(%[in]),%%xmm" #n "\n"
#define LOADY(n) "vmovups 64*" #n "(%[in]),%%ymm" #n "\n"
#define KEEP(n) "movups %%xmm" #n ",64*" #n "(%[out])\n"
#define KEEPY(n) "vmovups %%ymm" #n ",64*" #n "(%[out])\n"
#define ALL(m) m(0) m(1) m(2) m(3) m(4) m(5) m(6) m(7) m(8) m(9) m(10) m(11) m(12) m(13) m(14) m(15)
#define CALL "mov %[r12],%%r12; mov %[bx],%%rbx; syscall; mov %%rbx,%[bx]; mov %%r12,%[r12]\n"
#define OPERANDS                                                                                      \
	: [r12] "+m"(r12), [bx] "+m"(bx), "+a"(nr) : "D"(pid), "S"(tid), "r"(a), [in] "r"(in), [out] "r"(out) \
	: "rcx", "r11", "rbx", "r12", "memory", "cc"
#else
	long args[3] = { pid, tid, SIGUSR1 };
#define LOAD(n) "movups 64*" #n "(%[in]),%%xmm" #n "\n"
#define LOADY(n) "vmovups 64*" #n "(%[in]),%%ymm" #n "\n"
#define KEEP(n) "movups %%xmm" #n ",64*" #n "(%[out])\n"
#define KEEPY(n) "vmovups %%ymm" #n ",64*" #n "(%[out])\n"
#define ALL(m) m(0) m(1) m(2) m(3) m(4) m(5) m(6) m(7)
/* tkill(tid), so that ebx can be another's */
#define CALL "mov %[tid],%%ebx; mov %[sig],%%ecx; mov $238,%%eax; int $0x80; mov %%eax,%[nr]; mov %%ebx,%[bx]\n"
#define OPERANDS                                                                                          \
	: [bx] "+m"(bx), [nr] "+m"(nr) : [tid] "m"(args[1]), [sig] "m"(args[2]), [in] "S"(in), [out] "D"(out) \
	: "eax", "ebx", "ecx", "memory", "cc"
#endif
	if (avx)
		asm volatile(ALL(LOADY) CALL ALL(KEEPY) OPERANDS);
	else
		asm volatile(ALL(LOAD) CALL ALL(KEEP) OPERANDS);
	asm volatile("fnstcw %0; fnstsw %1; stmxcsr %2; fnsave %3" : "=m"(cw2), "=m"(sw), "=m"(csr2), "=m"(st));
	csr = 0x1f80;
	asm volatile("ldmxcsr %0; cld" : : "m"(csr));
	csr = 0x3f80;
	if (avx)
		asm volatile("vzeroupper");
	fwrite(text, 1, (size_t)(end - text), stdout);
#ifdef __x86_64__
	int regs = 16;
	printf("%s: %d handled, %ld, rbx %#lx r12 %#lx", what, handled, nr, bx, r12);
#else
	int regs = 8;
	printf("%s: %d handled, %ld, ebx %#lx", what, handled, nr, bx == (unsigned long)tid ? 0 : bx);
#endif
	printf(" fcw %#x fsw %#x mxcsr %#x st0 %02x%02x..%02x st1 ..%02x", cw2, sw, csr2, st[28], st[29], st[35], st[28 + 10 + 7]);
	for (int i = 0; i < regs; i++)
		for (int j = 0; j < (avx ? 8 : 4); j++)
			if (in[i][j] != out[i][j])
				printf(" %d:%d=%08x", i, j, out[i][j]);
	printf("\n");
	fflush(stdout);
}

/* Raw frames: without SA_SIGINFO, without SA_RESTORER (IA-32 only). */
static volatile unsigned long args_seen[3], code_seen;

#ifdef __i386__
__attribute__((regparm(3))) static void plain(int sig, siginfo_t *si, void *uc)
{
	args_seen[0] = (unsigned long)sig, args_seen[1] = si != NULL, args_seen[2] = uc != NULL;
	unsigned long *sp = (unsigned long *)__builtin_frame_address(0) + 1;
	memcpy((void *)&code_seen, (void *)*sp, sizeof code_seen);
	handled++;
	ruin();
}

static long raw(long nr, long a, long b, long c, long d)
{
	long r;
	asm volatile("int $0x80" : "=a"(r) : "0"(nr), "b"(a), "c"(b), "d"(c), "S"(d) : "memory");
	return r;
}

static void frames(void)
{
	static const unsigned long flags[] = { 0, SA_SIGINFO, SA_NODEFER, SA_SIGINFO | SA_ONSTACK };
	for (int i = 0; i < 4; i++) {
		struct kernel_sigaction sa = { (void *)plain, flags[i], NULL, 0 };
		long r = raw(174, SIGUSR2, (long)&sa, 0, 8);
		handled = 0;
		sigset_t before, after;
		sigprocmask(SIG_SETMASK, NULL, &before);
		long k = raw(37, getpid(), SIGUSR2, 0, 0);
		sigprocmask(SIG_SETMASK, NULL, &after);
		printf("flags %#lx: %ld %ld handled %d arguments %lu %lu %lu code %#lx mask kept %d\n", flags[i], r, k, handled, args_seen[0], args_seen[1], args_seen[2], code_seen,
		       !memcmp(&before, &after, 8));
	}
	struct {
		void *handler;
		unsigned long mask, flags;
		void *restorer;
	} old = { (void *)plain, 1 << (SIGHUP - 1), 0, NULL };
	handled = 0;
	printf("sigaction: %ld", raw(67, SIGUSR2, (long)&old, 0, 0));
	raw(37, getpid(), SIGUSR2, 0, 0);
	printf(" handled %d\n", handled);
	handled = 0;
	printf("signal: %d", raw(48, SIGUSR2, (long)plain, 0, 0) != 0);
	raw(37, getpid(), SIGUSR2, 0, 0);
	struct kernel_sigaction now;
	raw(174, SIGUSR2, 0, (long)&now, 8);
	printf(" handled %d, afterwards %p flags %#lx\n", handled, now.handler, now.flags);
}
#else
static void frames(void) {}
#endif

int main(int argc, char **argv)
{
	unsigned a, b = 0, c = 0, d;
	__get_cpuid(1, &a, &b, &c, &d);
	avx = c >> 28 & 1;
	__get_cpuid_count(7, 0, &a, &b, &c, &d);
	avx512 = avx && b >> 16 & 1;
	static char alt[65536];
	stack_t ss = { .ss_sp = alt, .ss_size = sizeof alt };
	catch_with(SIGUSR1, handler, 0);
	const char *what = argc > 1 ? argv[1] : "";
	if (!strcmp(what, "look")) {
		round_trip("look", 'l');
		round_trip("ruined", 'r');
		sigaltstack(&ss, NULL);
		catch_with(SIGUSR1, handler, SA_ONSTACK);
		round_trip("on the alternate stack", 'l');
	} else if (!strcmp(what, "edit")) {
		round_trip("edited", 'e');
	} else if (!strcmp(what, "spoil")) {
		for (const char *s = argv[2]; *s; s++) {
			char name[2] = { *s, 0 };
			round_trip(name, *s);
		}
	} else if (!strcmp(what, "raw")) {
		sigaltstack(&ss, NULL);
		frames();
	}
	return 0;
}
