/* Waits that a signal's handler ends. */
#include "call.h"
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <time.h>

static volatile int seen;

static void handler(int sig) { seen = sig; }

static void told(int sig, siginfo_t *info, void *context)
{
	(void)context;
	seen = info->si_signo == sig ? sig : -1;
}

/* A descriptor of which nothing is to be heard, and one of epoll that watches it. */
static int quiet[2], ep;

static void ended_with_time(struct which sleep, struct which ppoll, struct which pselect, struct which futex, struct which sigwait, void *at)
{
	static uint32_t word = 1;
	struct pollfd f = { quiet[0], POLLIN, 0 };
	kernel_sigset usr2 = 1 << (SIGUSR2 - 1);
	fd_set r;
	FD_ZERO(&r);
	FD_SET(quiet[0], &r);
	/* Seconds come first, and fit the half that comes first. */
	int left[4] = { -1 };
	CALL_OF(sleep, "a handler", CLOCK_MONOTONIC, 0, at, left);
	data("%d", left[0] >= 990 && left[0] <= 1000);
	CALL_OF(ppoll, "a handler", &f, 1, at, 0, 8);
	CALL_OF(ppoll, "a handler, no time", &f, 1, 0, 0, 8);
	CALL_OF(pselect, "a handler", quiet[0] + 1, &r, 0, 0, at, 0);
	data("%d", !!FD_ISSET(quiet[0], &r));
	CALL_OF(futex, "a handler", &word, FUTEX_WAIT, 1, at, 0, 0);
	CALL_OF(sigwait, "a handler", &usr2, 0, at, 8);
}

/* SIGALRM's handler ends them, also where SA_RESTART would have others go on. */
static void ended(void)
{
	struct oldtime at = { 1000, 0 }, left = { -1, -1 };
	struct epoll_event e;
	char c;
	pipe(quiet);
	ep = epoll_create(1);
	epoll_ctl(ep, EPOLL_CTL_ADD, quiet[0], &(struct epoll_event){ .events = EPOLLIN });
	struct pollfd f = { quiet[0], POLLIN, 0 };
	CALL(read, "a handler", quiet[0], &c, 1);
	for (int restart = 0; restart < 2; restart++) {
		struct sigaction sa = { .sa_handler = handler, .sa_flags = restart ? SA_RESTART : 0 };
		sigaction(SIGALRM, &sa, 0);
		CALL(nanosleep, "a handler", &at, &left);
		data("%d", left.sec >= 990);
		CALL(poll, "a handler", &f, 1, -1);
		CALL(epoll_wait, "a handler", ep, &e, 1, -1);
		CALL(epoll_pwait, "a handler", ep, &e, 1, 1000000, 0, 0);
		struct time64 at64 = { 1000, 0 };
		CALL(epoll_pwait2, "a handler", ep, &e, 1, &at64, 0, 0);
		ended_with_time(WHICH(clock_nanosleep), WHICH(ppoll), WHICH(pselect6), WHICH(futex), WHICH(rt_sigtimedwait), &at);
#ifdef __i386__
		ended_with_time(WHICH(clock_nanosleep_time64), WHICH(ppoll_time64), WHICH(pselect6_time64), WHICH(futex_time64), WHICH(rt_sigtimedwait_time64), &at64);
		CALL(_newselect, "a handler", 0, 0, 0, 0, 0);
#else
		CALL(select, "a handler", 0, 0, 0, 0, 0);
#endif
	}
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
		CALL(pause, "until then");
		data("%d", seen);
		ended();
	}
	return 0;
}
