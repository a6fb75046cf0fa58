/* Signals at random moments: another thread sends them while this one
 * computes, makes system calls, and touches thread-local memory. The result is
 * as without them, and each handler finds the program at an address of its
 * own, on its own stack. */
#include "sig_context.h"
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static volatile long handled, strange_pc, strange_sp, strange_tls;
static volatile uintptr_t bad_pc;
static volatile int done;
static long wanted;
static char *stack_hi, *stack_lo;
static pthread_t main_thread;
static __thread volatile long tls_a = 0x1234, tls_b[16];
static __thread volatile unsigned char tls_bytes[256];

static void handler(int sig, siginfo_t *si, void *uc)
{
	(void)sig, (void)si;
	int e = errno;
	handled++;
	if (!in_program(PC(uc))) {
		strange_pc++;
		bad_pc = PC(uc);
	}
	char *sp = (char *)SP(uc);
	if (sp < stack_lo || sp > stack_hi)
		strange_sp++;
	if (tls_a != 0x1234)
		strange_tls++;
	/* Its own arithmetic, and a system call. */
	volatile double x = (double)handled;
	for (int i = 0; i < 20; i++)
		x = sqrt(x * 3.7 + 1);
	volatile long double y = x;
	y = y * y;
	static unsigned char ones[64];
	memset(ones, -1, sizeof ones);
	asm volatile("movups %0,%%xmm0; movups %0,%%xmm1; movups %0,%%xmm7" : : "m"(ones));
	syscall(SYS_gettid);
	errno = e;
}

static void *storm(void *arg)
{
	sigset_t all;
	(void)arg;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	unsigned seed = 12345;
	long sent = 0;
	while (!done) {
		long before = handled;
		pthread_kill(main_thread, SIGUSR1);
		sent++;
		while (handled == before && !done)
			sched_yield();
		seed = seed * 1103515245 + 12345;
		for (volatile unsigned i = 0; i < (seed >> 16) % 3000; i++)
			;
	}
	return NULL;
}

static uint64_t sum;
static void mix(const void *p, size_t n)
{
	const unsigned char *b = p;
	for (size_t i = 0; i < n; i++)
		sum = (sum ^ b[i]) * 0x100000001b3ull;
}

/* One piece of work; each time the same. */
static void numbers(void)
{
	static double a[40][40], b[40][40], c[40][40];
	for (int i = 0; i < 40; i++)
		for (int j = 0; j < 40; j++)
			a[i][j] = sin(i * 0.1 + j), b[i][j] = exp(-0.01 * i * j);
	for (int i = 0; i < 40; i++)
		for (int j = 0; j < 40; j++) {
			double s = 0;
			for (int k = 0; k < 40; k++)
				s += a[i][k] * b[k][j];
			c[i][j] = s;
		}
	mix(c, sizeof c);
	long double l = 1;
	for (int i = 1; i < 300; i++)
		l = l * 1.0000001L + sqrtl(l) / i;
	mix(&l, 10);
	char text[64];
	snprintf(text, sizeof text, "%.17g %.10Lf", c[3][7], l);
	mix(text, strlen(text));
}

static void locals(void)
{
	for (int r = 0; r < 200; r++) {
		for (int i = 0; i < 16; i++)
			tls_b[i] += i * r + tls_a;
		for (int i = 1; i < 256; i++)
			tls_bytes[i] = (unsigned char)(tls_bytes[i - 1] + i);
		errno = r;
		if (errno != r)
			sum++;
		tls_b[r & 15] ^= tls_bytes[r] + tls_b[(r * 7) & 15];
	}
	for (int i = 0; i < 16; i++)
		mix((const void *)&tls_b[i], sizeof tls_b[i]);
	memset((void *)tls_b, 0, sizeof tls_b);
}

static void calls(void)
{
	pid_t pid = getpid();
	for (int i = 0; i < 100; i++) {
		long r = syscall(SYS_getpid);
		if (r != pid)
			sum += 1000;
		if (close(-1) != -1 || errno != EBADF)
			sum += 1001;
		if (syscall(SYS_tgkill, pid, -1, 0) != -1 || errno != EINVAL)
			sum += 1002;
		if (lseek(-1, i, SEEK_SET) != -1 || errno != EBADF)
			sum += 1003;
#ifdef __i386__
		long v;
		asm volatile("int $0x80" : "=a"(v) : "0"(20));
		if (v != pid)
			sum += 1004;
		asm volatile("call *%%gs:0x10" : "=a"(v) : "0"(20));
		if (v != pid)
			sum += 1005;
#endif
		struct timespec t = { 0, 0 };
		if (nanosleep(&t, NULL) && errno != EINTR)
			sum += 1006;
	}
	mix("x", 1);
}

/* Faults that are recovered from meanwhile. */
#ifdef __x86_64__
asm(".text\nfault: mov %rdi,%rax\nfault_at: mov (%rdi),%rax\nfault_out: ret\n"
    "trap: mov %rdi,%rax\n int3\nud_at: ud2\nud_out: ret");
#else
asm(".text\nfault: mov 4(%esp),%eax\nfault_at: mov (%eax),%eax\nfault_out: ret\n"
    "trap: mov 4(%esp),%eax\n int3\nud_at: ud2\nud_out: ret");
#endif
long fault(long), trap(long);
extern char fault_at[], fault_out[], ud_at[], ud_out[];
static volatile long recovered, wrong_place;

static void recover(int sig, siginfo_t *si, void *uc)
{
	if (sig == SIGTRAP) {
		wrong_place += PC(uc) != (intptr_t)ud_at;
		recovered += 1;
		return;
	}
	if (sig == SIGILL) {
		wrong_place += PC(uc) != (intptr_t)ud_at || si->si_addr != ud_at;
		PC(uc) = (intptr_t)ud_out;
		recovered += 100;
		return;
	}
	wrong_place += PC(uc) != (intptr_t)fault_at || si->si_addr != (void *)(intptr_t)AX(uc);
	PC(uc) = (intptr_t)fault_out;
	recovered += 10000;
}

static void faults(void)
{
	recovered = 0;
	for (int i = 0; i < 5; i++)
		sum += (uint64_t)(fault(i) + trap(i));
	sum += (uint64_t)(recovered + wrong_place);
}

int main(int argc, char **argv)
{
	char *here = __builtin_frame_address(0);
	void (*work)(void) = argc > 1 && argv[1][0] == 'n' ? numbers : argc > 1 && argv[1][0] == 'l' ? locals : argc > 1 && argv[1][0] == 'f' ? faults : calls;
	if (work == faults)
		catch_with(SIGSEGV, recover, 0), catch_with(SIGTRAP, recover, 0), catch_with(SIGILL, recover, 0);
	wanted = argc > 2 ? atol(argv[2]) : 1000;
	int flags = argc > 3 ? SA_RESTART | SA_ONSTACK : SA_RESTART;
	static char alt[65536];
	stack_t ss = { .ss_sp = alt, .ss_size = sizeof alt };
	sigaltstack(&ss, NULL);
	stack_hi = here + 4096, stack_lo = here - (1 << 20);
	main_thread = pthread_self();
	sum = 1;
	work();
	uint64_t right = sum;
	catch_with(SIGUSR1, handler, flags);
	pthread_t t;
	pthread_create(&t, NULL, storm, NULL);
	long wrong = 0;
	while (handled < wanted) {
		sum = 1;
		work();
		wrong += sum != right;
	}
	done = 1;
	pthread_join(t, NULL);
	printf("%016llx: enough signals %d, wrong results %ld, strange addresses %ld %#lx, stacks %ld, locals %ld\n", (unsigned long long)right, handled >= wanted, wrong, strange_pc,
	       (unsigned long)bad_pc, strange_sp, strange_tls);
	return 0;
}
