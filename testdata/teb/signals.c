/* Handlers that make calls of their own, on the stack and on another, and jumps out of them. */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static __thread int depth;
static volatile int seen[65];
static sigjmp_buf env;

static void count(int sig)
{
	int e = errno;
	depth++;
	seen[sig]++;
	if (sig == SIGUSR1)
		raise(SIGUSR2);
	close(-1);
	getppid();
	depth--;
	errno = e;
}

static void info(int sig, siginfo_t *si, void *uc)
{
	seen[sig] += si->si_pid == getpid() && uc != NULL;
}

static void jump(int sig)
{
	siglongjmp(env, sig);
}

int main(void)
{
	struct sigaction sa = { .sa_handler = count };
	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGUSR2, &sa, NULL);
	for (int i = 0; i < 1000; i++) {
		errno = i;
		raise(SIGUSR1);
		if (errno != i)
			printf("errno %d, not %d\n", errno, i);
	}
	printf("%d %d depth %d\n", seen[SIGUSR1], seen[SIGUSR2], depth);

	stack_t ss = { .ss_sp = malloc(65536), .ss_size = 65536 };
	sigaltstack(&ss, NULL);
	sa.sa_flags = SA_ONSTACK | SA_SIGINFO;
	sa.sa_sigaction = info;
	sigaction(SIGUSR1, &sa, NULL);
	for (int i = 0; i < 100; i++)
		kill(getpid(), SIGUSR1);
	printf("%d\n", seen[SIGUSR1]);

	sa.sa_flags = 0;
	sa.sa_handler = jump;
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGUSR1, &sa, NULL);
	for (volatile int i = 0; i < 10; i++) {
		if (!sigsetjmp(env, 1))
			raise(SIGUSR1);
		if (!sigsetjmp(env, 1))
			*(volatile int *)16 = 1;
	}
	printf("back %d\n", sigsetjmp(env, 1));

	sigset_t all, old;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	printf("blocked before: %d\n", sigismember(&old, SIGUSR1));
	return 0;
}
