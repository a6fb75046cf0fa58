/* Who sends a signal, and to whom: a timer beside kill, a thread's id for the process's, errors in their order; the name that a thread inherits. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int codes[8], came;

static void handler(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)context;
	if (came < 8)
		codes[came] = info->si_code;
	came++;
}

static void told(const char *what)
{
	printf("%s: %d", what, came);
	for (int i = 0; i < came && i < 8; i++)
		printf(" %d", codes[i]);
	printf("\n");
	came = 0;
}

static void answer(const char *what, long r) { printf("%s: %s\n", what, r < 0 ? strerror(errno) : "ok"); }

static timer_t timer;

/* A timer that expires once, while its signal is blocked. */
static void expire(void)
{
	struct itimerspec once = { .it_value.tv_nsec = 1000000 }, left;
	timer_settime(timer, 0, &once, 0);
	do {
		usleep(1000);
		timer_gettime(timer, &left);
	} while (left.it_value.tv_nsec);
	usleep(5000);
}

static pthread_barrier_t turn;

static void *other(void *arg)
{
	char name[16];
	(void)arg;
	pid_t tid = syscall(SYS_gettid);
	siginfo_t info = { .si_code = SI_QUEUE };
	answer("kill of a thread's id", kill(tid, SIGUSR1));
	answer("rt_sigqueueinfo of a thread's id", syscall(SYS_rt_sigqueueinfo, tid, SIGUSR2, &info));
	pthread_barrier_wait(&turn);
	pthread_barrier_wait(&turn);
	prctl(PR_GET_NAME, name);
	printf("the thread's name: %s\n", name);
	prctl(PR_SET_NAME, "its own");
	prctl(PR_GET_NAME, name);
	printf("and then: %s\n", name);
	return 0;
}

int main(void)
{
	struct sigaction act = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
	sigset_t alarms, users;
	sigaction(SIGALRM, &act, 0);
	sigemptyset(&alarms);
	sigaddset(&alarms, SIGALRM);
	sigprocmask(SIG_BLOCK, &alarms, 0);
	timer_create(CLOCK_MONOTONIC, 0, &timer);
	kill(getpid(), SIGALRM);
	expire();
	sigprocmask(SIG_UNBLOCK, &alarms, 0);
	told("kill, then a timer");
	sigprocmask(SIG_BLOCK, &alarms, 0);
	expire();
	kill(getpid(), SIGALRM);
	sigprocmask(SIG_UNBLOCK, &alarms, 0);
	told("a timer, then kill");

	answer("kill of nobody, no such signal", kill(999999, 1000));
	answer("kill of itself, no such signal", kill(getpid(), 1000));
	sigemptyset(&users);
	sigaddset(&users, SIGUSR1);
	sigaddset(&users, SIGUSR2);
	sigprocmask(SIG_BLOCK, &users, 0);
	prctl(PR_SET_NAME, "first");
	pthread_t t;
	pthread_barrier_init(&turn, 0, 2);
	pthread_create(&t, 0, other, 0);
	pthread_barrier_wait(&turn);
	prctl(PR_SET_NAME, "second");
	pthread_barrier_wait(&turn);
	pthread_join(t, 0);
	siginfo_t info;
	struct timespec now = { 0, 0 };
	while (sigtimedwait(&users, &info, &now) > 0)
		printf("sent to the process: %d, code %d\n", info.si_signo, info.si_code);

	/* Each timer has a place for its signal. */
	struct rlimit few = { 5, 5 };
	setrlimit(RLIMIT_SIGPENDING, &few);
	int made = 0;
	while (made < 100 && timer_create(CLOCK_MONOTONIC, 0, &timer) == 0)
		made++;
	printf("timers: at most 5 %d, %s\n", made <= 5, strerror(errno));
	return 0;
}
