/* setjmp, longjmp, sigsetjmp; getcontext's cousins are left to others. */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>

static jmp_buf env;
static sigjmp_buf senv;

static void deep(int n)
{
	volatile char pad[100];
	pad[0] = (char)n;
	if (n == 0)
		longjmp(env, 7);
	deep(n - 1);
	pad[1] = pad[0];
}

int main(void)
{
	volatile int rounds = 0;
	int v = setjmp(env);
	printf("setjmp gave %d\n", v);
	if (rounds++ < 3)
		deep(rounds * 50);
	sigset_t block, now;
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	volatile int again = 0;
	if (sigsetjmp(senv, 1) == 0) {
		sigprocmask(SIG_BLOCK, &block, NULL);
		sigprocmask(SIG_SETMASK, NULL, &now);
		printf("blocked %d\n", sigismember(&now, SIGUSR1));
		again = 1;
		siglongjmp(senv, 1);
	}
	sigprocmask(SIG_SETMASK, NULL, &now);
	printf("blocked after the jump %d, again %d\n", sigismember(&now, SIGUSR1), again);
	return 0;
}
