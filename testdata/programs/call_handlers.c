/* Waits that a signal's handler ends. */
#include "call.h"
#include <signal.h>

static volatile int seen;

static void handler(int sig) { seen = sig; }

static void told(int sig, siginfo_t *info, void *context)
{
	(void)context;
	seen = info->si_signo == sig ? sig : -1;
}

int main(void)
{
	struct sigaction sa = { .sa_handler = handler };
	sigset_t both;
	kernel_sigset none = 0;
	sigaction(SIGUSR1, &sa, 0);
	sigaction(SIGALRM, &sa, 0);
	CALL(kill, "self", getpid(), SIGUSR1);
	data("%d", seen);
	if (!seen) {
		/* Without handlers nothing would end the waits. */
		return 1;
	}
	/* libc's way back from a handler, which is seen by its going on. */
#ifdef __i386__
	printf("sigreturn(handler) = ok\n");
	sa.sa_flags = SA_SIGINFO;
	sa.sa_sigaction = told;
	sigaction(SIGUSR1, &sa, 0);
	CALL(kill, "self, handler with siginfo", getpid(), SIGUSR1);
	data("%d", seen);
#else
	(void)told;
#endif
	printf("rt_sigreturn(handler) = ok\n");
	sigemptyset(&both);
	sigaddset(&both, SIGUSR1);
	sigprocmask(SIG_BLOCK, &both, 0);
	raise(SIGUSR1);
	seen = 0;
	CALL(rt_sigsuspend, "pending", &none, 8);
	data("%d", seen);
	CALL(rt_sigsuspend, "wrong size", &none, 4);
	CALL(rt_sigsuspend, "bad pointer", BAD, 8);
#ifdef __i386__
	raise(SIGUSR1);
	seen = 0;
	CALL(sigsuspend, "pending", 0, 0, 0);
	data("%d", seen);
#endif
	CALL(restart_syscall, "nothing to go on with");
	/* Again and again, so that none comes too early for good. */
	struct {
		struct oldtime every, next;
	} it = { { 0, 20000 }, { 0, 20000 } };
	seen = 0;
	if (CALL(setitimer, "every 20 ms", 0, &it, 0) == 0) {
		CALL(pause, "setitimer: until then");
		data("%d", seen);
	}
	return 0;
}
