/* A signal in each state that a thread can be in: computing, in each kind of
 * blocked call, masked, nested, on an alternate stack; and what the calls
 * about signals answer. */
#include "sig_context.h"
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t count, last, order[32], orders;
static volatile int inside, in_text, info_code, info_value, info_self;
static volatile long pc_errors;

static void handler(int sig, siginfo_t *si, void *uc)
{
	int e = errno;
	count++, last = sig;
	if (orders < 32)
		order[orders++] = sig;
	info_code = si->si_code, info_value = si->si_value.sival_int, info_self = si->si_pid == getpid();
	in_text = in_program(PC(uc));
	pc_errors += !in_text;
	errno = e;
}

static void *stack_of_handler;
static void on_stack(int sig, siginfo_t *si, void *uc)
{
	(void)sig, (void)si, (void)uc;
	char here;
	stack_of_handler = &here;
	count++;
}

static pthread_t main_thread;
static pid_t main_tid;
static volatile int sending, stop;

static void nap(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };
	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

/* sender sends one signal as soon as the main thread is likely to wait; and
 * again, in case it was not yet there. */
static void *sender(void *arg)
{
	int sig = (int)(intptr_t)arg;
	sigset_t all;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	nap(60);
	while (!stop) {
		int before = count;
		pthread_kill(main_thread, sig);
		for (int i = 0; i < 200 && !stop && count == before; i++)
			nap(5);
		for (int i = 0; i < 40 && !stop; i++)
			nap(5);
	}
	return NULL;
}

static pthread_t other;
static void begin(int sig, int flags, void (*h)(int, siginfo_t *, void *))
{
	catch_with(sig, h, flags);
	count = orders = 0, last = 0, stop = 0;
	pthread_create(&other, NULL, sender, (void *)(intptr_t)sig);
}

static void finish(const char *what, long r, int e)
{
	stop = 1;
	pthread_join(other, NULL);
	printf("%s: %ld %s, handler ran %d, pc in the program %d, code %d self %d\n", what, r, r < 0 ? strerror(e) : "-", count > 0, in_text, info_code, info_self);
	fflush(stdout);
}

static void blocked(int flags)
{
	long r;
	char c;
	int fds[2];
	struct timespec t = { 20, 0 };
	begin(SIGUSR1, flags, handler);
	r = nanosleep(&t, &t);
	int e = errno;
	printf("left of 20 s: %d\n", t.tv_sec < 20 && t.tv_sec > 9);
	finish("nanosleep", r, e);

	t.tv_sec = 20, t.tv_nsec = 0;
	begin(SIGUSR1, flags, handler);
	r = -clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
	finish("clock_nanosleep", r, (int)-r);

	begin(SIGUSR1, flags, handler);
	r = pause();
	finish("pause", r, errno);

	sigset_t none, usr2;
	sigemptyset(&none);
	sigemptyset(&usr2);
	sigaddset(&usr2, SIGUSR2);
	begin(SIGUSR1, flags, handler);
	r = sigsuspend(&none);
	finish("sigsuspend", r, errno);

	sigprocmask(SIG_BLOCK, &usr2, NULL);
	begin(SIGUSR1, flags, handler);
	t.tv_sec = 20, t.tv_nsec = 0;
	r = sigtimedwait(&usr2, NULL, &t);
	finish("sigtimedwait, another signal", r, errno);

	begin(SIGUSR2, flags, handler);
	siginfo_t si;
	r = sigwaitinfo(&usr2, &si);
	stop = 1;
	pthread_join(other, NULL);
	printf("sigwaitinfo: %ld code %d self %d, handler %d\n", r, si.si_code, si.si_pid == getpid(), count);
	t.tv_sec = 0, t.tv_nsec = 0;
	while (sigtimedwait(&usr2, NULL, &t) > 0)
		;
	sigprocmask(SIG_UNBLOCK, &usr2, NULL);

	sem_t sem;
	sem_init(&sem, 0, 0);
	if (!(flags & SA_RESTART)) {
		begin(SIGUSR1, flags, handler);
		r = sem_wait(&sem);
		finish("sem_wait", r, errno);
		if (pipe(fds))
			perror("pipe");
		begin(SIGUSR1, flags, handler);
		r = read(fds[0], &c, 1);
		finish("read of a pipe", r, errno);
		close(fds[0]), close(fds[1]);
	}
	begin(SIGUSR1, flags, handler);
	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += 20;
	r = sem_timedwait(&sem, &t);
	finish("sem_timedwait", r, errno);

	int word = 0;
	begin(SIGUSR1, flags & ~SA_RESTART, handler);
	r = syscall(SYS_futex, &word, 128, 0, NULL, NULL, 0);
	finish("futex", r, errno);
}

/* Calls that begin again: what they wait for comes after the signal. */
static int restart_pipe[2];
static sem_t restart_sem;
static void *feeder(void *arg)
{
	sigset_t all;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	nap(60);
	for (int i = 0; i < 5; i++) {
		int before = count;
		pthread_kill(main_thread, SIGUSR1);
		for (int k = 0; k < 1000 && count == before; k++)
			nap(2);
		nap(10);
	}
	if (arg) {
		if (write(restart_pipe[1], "x", 1) != 1)
			perror("write");
	} else
		sem_post(&restart_sem);
	return NULL;
}

static void restarts(void)
{
	char c = 0;
	catch_with(SIGUSR1, handler, SA_RESTART);
	if (pipe(restart_pipe))
		perror("pipe");
	sem_init(&restart_sem, 0, 0);
	for (long what = 0; what < 2; what++) {
		count = 0;
		pthread_create(&other, NULL, feeder, (void *)what);
		long r = what ? read(restart_pipe[0], &c, 1) : sem_wait(&restart_sem);
		int e = errno;
		pthread_join(other, NULL);
		printf("%s: %ld %s after %d signals, '%c', pc in the program %d\n", what ? "read" : "sem_wait", r, r < 0 ? strerror(e) : "-", count, c ? c : '-', in_text);
	}
	struct timespec t = { 0, 300000000 }, begin_, end_;
	signal(SIGUSR1, SIG_IGN);
	count = 1;
	pthread_create(&other, NULL, feeder, NULL);
	clock_gettime(CLOCK_MONOTONIC, &begin_);
	int r = nanosleep(&t, NULL);
	clock_gettime(CLOCK_MONOTONIC, &end_);
	double d = (double)(end_.tv_sec - begin_.tv_sec) + (double)(end_.tv_nsec - begin_.tv_nsec) / 1e9;
	printf("nanosleep over ignored signals: %d, long enough %d\n", r, d >= 0.3);
	count = 0;
	pthread_join(other, NULL);
}

/* Interrupted while it computes, by another thread, and by itself. */
static volatile unsigned long spins;
static void computing(void)
{
	begin(SIGUSR1, 0, handler);
	while (count < 3)
		spins++;
	finish("computing", 0, 0);
	printf("wrong addresses: %ld\n", pc_errors);
}

static void tell(const char *what, long r)
{
	int e = errno;
	printf("%s: %ld %s\n", what, r, r < 0 ? strerror(e) : "-");
}

static void queued(void)
{
	sigset_t set, old, pending;
	catch_with(SIGUSR1, handler, 0);
	catch_with(SIGUSR2, handler, 0);
	for (int i = 0; i < 4; i++)
		catch_with(SIGRTMIN + i, handler, 0);
	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, &old);
	union sigval v;
	orders = 0;
	const int send[] = { SIGRTMIN + 2, SIGUSR2, SIGRTMIN, SIGUSR1, SIGRTMIN + 2, SIGUSR1, SIGRTMIN, SIGRTMIN + 1 };
	for (int i = 0; i < 8; i++) {
		v.sival_int = i + 100;
		if (sigqueue(getpid(), send[i], v))
			perror("sigqueue");
	}
	kill(getpid(), SIGUSR2);
	raise(SIGRTMIN + 3);
	sigpending(&pending);
	for (int i = 1; i < 65; i++)
		if (sigismember(&pending, i))
			printf("pending %d\n", i < 32 ? i : i - SIGRTMIN + 1000);
	siginfo_t si;
	sigset_t rt;
	sigemptyset(&rt);
	sigaddset(&rt, SIGRTMIN);
	struct timespec t = { 0, 0 };
	for (int i = 0; i < 3; i++) {
		int r = sigtimedwait(&rt, &si, &t);
		printf("taken %d: code %d value %d self %d\n", r < 0 ? -errno : r - SIGRTMIN, r > 0 ? si.si_code : 0, r > 0 ? si.si_value.sival_int : 0, r > 0 && si.si_pid == getpid());
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	for (int i = 0; i < orders; i++)
		printf("handler: %d\n", order[i] < 32 ? order[i] : order[i] - SIGRTMIN + 1000);
	sigpending(&pending);
	printf("pending afterwards %d\n", !sigisemptyset(&pending));
	tell("kill", kill(getpid(), 65));
	printf("kill 0: %d\n", kill(getpid(), 0));
	printf("sigqueue 0: %d\n", sigqueue(getpid(), 0, v));
	tell("tgkill", syscall(SYS_tgkill, getpid(), 1 << 21, SIGUSR1));
	tell("tgkill", syscall(SYS_tgkill, getpid(), -1, SIGUSR1));
	tell("tkill", syscall(SYS_tkill, 0, SIGUSR1));
	memset(&si, 0, sizeof si);
	si.si_code = SI_QUEUE, si.si_value.sival_int = 77, si.si_pid = getpid();
	count = 0;
	printf("rt_tgsigqueueinfo: %ld", syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), SIGUSR1, &si));
	printf(" code %d value %d handled %d\n", info_code, info_value, count);
}

static void nested_handler(int sig, siginfo_t *si, void *uc)
{
	static int depth;
	sigset_t now;
	(void)si, (void)uc;
	sigprocmask(SIG_SETMASK, NULL, &now);
	printf("%*sin %d, masked:", depth * 2, "", sig);
	for (int i = 1; i < 32; i++)
		if (sigismember(&now, i))
			printf(" %d", i);
	printf("\n");
	depth++;
	static int once;
	if (sig == SIGUSR1 && !once++)
		raise(SIGUSR2), raise(SIGUSR1), raise(SIGHUP);
	if (sig == SIGALRM && depth < 4)
		raise(SIGALRM);
	depth--;
	printf("%*sout of %d\n", depth * 2, "", sig);
}

static void nested(void)
{
	struct sigaction sa, old;
	memset(&sa, 0, sizeof sa);
	sa.sa_sigaction = nested_handler;
	sa.sa_flags = SA_SIGINFO;
	sigaddset(&sa.sa_mask, SIGHUP);
	sigaddset(&sa.sa_mask, SIGKILL);
	sigaction(SIGUSR1, &sa, NULL);
	sigemptyset(&sa.sa_mask);
	sigaction(SIGUSR2, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	raise(SIGUSR1);
	sa.sa_flags = SA_SIGINFO | SA_NODEFER;
	sigaction(SIGALRM, &sa, NULL);
	raise(SIGALRM);
	sa.sa_flags = SA_SIGINFO | SA_RESETHAND;
	sigaction(SIGWINCH, &sa, NULL);
	raise(SIGWINCH);
	sigaction(SIGWINCH, NULL, &old);
	printf("afterwards %d flags %#x\n", old.sa_handler == SIG_DFL, old.sa_flags & ~0x04000000);
	sa.sa_flags = 0x400 | 0x1000 | SA_RESTART;
	sigaction(SIGWINCH, &sa, NULL);
	sigaction(SIGWINCH, NULL, &old);
	printf("unknown flags: %#x\n", old.sa_flags & ~0x04000000);
	tell("SIGKILL", sigaction(SIGKILL, &sa, NULL));
	tell("65", syscall(SYS_rt_sigaction, 65, NULL, NULL, 8));
	tell("size", syscall(SYS_rt_sigaction, 1, NULL, NULL, 4));
	tell("bad", syscall(SYS_rt_sigaction, 1, 16, NULL, 8));
	/* What is pending is forgotten when it is ignored. */
	sigset_t s, p;
	sigemptyset(&s);
	sigaddset(&s, SIGUSR2);
	sigaddset(&s, SIGCHLD);
	sigprocmask(SIG_BLOCK, &s, NULL);
	raise(SIGUSR2);
	kill(getpid(), SIGUSR2);
	kill(getpid(), SIGCHLD);
	signal(SIGUSR2, SIG_IGN);
	sigpending(&p);
	printf("ignored: pending %d %d\n", sigismember(&p, SIGUSR2), sigismember(&p, SIGCHLD));
	signal(SIGCHLD, SIG_DFL);
	sigpending(&p);
	printf("SIGCHLD pending %d\n", sigismember(&p, SIGCHLD));
}

static void show_stack(const char *what)
{
	stack_t s;
	int r = sigaltstack(NULL, &s);
	printf("%s: %d flags %#x size %zu sp %d\n", what, r, (unsigned)s.ss_flags, s.ss_size, s.ss_sp != NULL);
}

static char alt[2][65536];
static void within(int sig, siginfo_t *si, void *p)
{
	ucontext_t *uc = p;
	stack_t s = { .ss_sp = alt[1], .ss_size = sizeof alt[1] };
	(void)si;
	char here;
	printf("signal %d on the alternate stack %d %d; frame's flags %#x size %zu\n", sig, &here >= alt[0] && &here < alt[0] + sizeof alt[0], &here >= alt[1] && &here < alt[1] + sizeof alt[1],
	       (unsigned)uc->uc_stack.ss_flags, uc->uc_stack.ss_size);
	show_stack("within");
	int r = sigaltstack(&s, NULL);
	printf("change within: %d %s\n", r, r ? strerror(errno) : "-");
	if (sig == SIGUSR1)
		raise(SIGUSR2);
}

static void alternate(void)
{
	show_stack("at first");
	stack_t s = { .ss_sp = alt[0], .ss_size = 1000 };
	int r = sigaltstack(&s, NULL);
	printf("small: %d %s\n", r, strerror(errno));
	s.ss_size = sizeof alt[0];
	s.ss_flags = 0x1000;
	r = sigaltstack(&s, NULL);
	printf("flags: %d %s\n", r, strerror(errno));
	s.ss_flags = SS_ONSTACK;
	printf("SS_ONSTACK: %d\n", sigaltstack(&s, NULL));
	show_stack("set");
	catch_with(SIGUSR1, within, SA_ONSTACK);
	catch_with(SIGUSR2, within, SA_ONSTACK);
	raise(SIGUSR1);
	show_stack("afterwards");
	s.ss_flags = (int)(1u << 31); /* SS_AUTODISARM */
	printf("SS_AUTODISARM: %d\n", sigaltstack(&s, NULL));
	show_stack("set");
	raise(SIGUSR1);
	show_stack("afterwards");
	s.ss_flags = SS_DISABLE;
	sigaltstack(&s, NULL);
	show_stack("off");
	s.ss_flags = 0;
	s.ss_size = 4096;
	sigaltstack(&s, NULL);
	catch_with(SIGUSR1, on_stack, 0);
	raise(SIGUSR1);
	printf("without SA_ONSTACK on it: %d\n", (char *)stack_of_handler >= alt[0] && (char *)stack_of_handler < alt[0] + 65536);
}

static sigjmp_buf jump;
static void jumper(int sig, siginfo_t *si, void *uc)
{
	(void)si, (void)uc;
	siglongjmp(jump, sig);
}

static ucontext_t here_context, there_context;
static volatile int visits;
static void there(int a, int b)
{
	printf("there %d %d\n", a, b);
	swapcontext(&there_context, &here_context);
	printf("there again\n");
}

static volatile int from_handler;
static void to_context(int sig, siginfo_t *si, void *uc)
{
	(void)si, (void)uc;
	from_handler = sig;
	setcontext(&here_context);
}

static void jumps(void)
{
	static char stack[65536];
	sigset_t now;
	catch_with(SIGUSR1, jumper, 0);
	catch_with(SIGSEGV, jumper, 0);
	volatile int n = 0;
	for (int i = 0; i < 3; i++) {
		int r = sigsetjmp(jump, 1);
		if (!r)
			raise(SIGUSR1);
		n += r;
	}
	for (int i = 0; i < 3; i++) {
		int r = sigsetjmp(jump, 1);
		if (!r)
			*(volatile int *)8 = 1;
		n += r;
	}
	sigprocmask(SIG_SETMASK, NULL, &now);
	printf("jumps: %d, mask empty %d\n", n, sigisemptyset(&now));
	getcontext(&there_context);
	there_context.uc_stack.ss_sp = stack;
	there_context.uc_stack.ss_size = sizeof stack;
	there_context.uc_link = &here_context;
	makecontext(&there_context, (void (*)(void))there, 2, 11, 22);
	swapcontext(&here_context, &there_context);
	printf("here\n");
	swapcontext(&here_context, &there_context);
	catch_with(SIGUSR2, to_context, 0);
	getcontext(&here_context);
	if (!visits++)
		raise(SIGUSR2);
	printf("context: visits %d from %d\n", visits, from_handler);
}

/* A signal that arrives between the test and the wait is not lost. */
static volatile int flag;
static void set_flag(int sig, siginfo_t *si, void *uc)
{
	(void)sig, (void)si, (void)uc;
	flag = 1;
}
static volatile int requests, rounds_done;
static void *requester(void *arg)
{
	(void)arg;
	sigset_t all;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	for (int i = 0; i < 2000; i++) {
		while (requests <= i)
			sched_yield();
		kill(getpid(), SIGUSR1);
	}
	return NULL;
}

static void lost(void)
{
	sigset_t s, old;
	catch_with(SIGUSR1, set_flag, 0);
	sigemptyset(&s);
	sigaddset(&s, SIGUSR1);
	sigprocmask(SIG_BLOCK, &s, &old);
	pthread_create(&other, NULL, requester, NULL);
	int r = 0;
	for (int i = 0; i < 2000; i++) {
		flag = 0;
		requests = i + 1;
		while (!flag)
			r += sigsuspend(&old);
	}
	pthread_join(other, NULL);
	printf("2000 signals, %d times woken by each\n", -r / 2000);
}

/* How long a signal needs to end a blocked call, in microseconds: for people,
 * not for comparison. */
static volatile double sent_at;
static volatile int waiting;
static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void *disturber(void *arg)
{
	(void)arg;
	for (int i = 0; i < 3 * 100; i++) {
		while (waiting <= i)
			nap(1);
		nap(3);
		sent_at = now();
		pthread_kill(main_thread, SIGUSR1);
	}
	return NULL;
}

static int by_size(const void *a, const void *b)
{
	return *(const double *)a < *(const double *)b ? -1 : 1;
}

static void latency(void)
{
	static const char *const names[] = { "nanosleep", "read of a pipe", "futex" };
	double took[100];
	int fds[2], word = 0;
	char c;
	if (pipe(fds))
		perror("pipe");
	catch_with(SIGUSR1, set_flag, 0);
	pthread_create(&other, NULL, disturber, NULL);
	for (int k = 0; k < 3; k++) {
		for (int i = 0; i < 100; i++) {
			struct timespec t = { 10, 0 };
			waiting++;
			long r = k == 0 ? nanosleep(&t, NULL) : k == 1 ? read(fds[0], &c, 1) : syscall(SYS_futex, &word, 128, 0, NULL, NULL, 0);
			took[i] = r == -1 && errno == EINTR ? now() - sent_at : -1;
		}
		qsort(took, 100, sizeof took[0], by_size);
		printf("%s: %.0f %.0f %.0f\n", names[k], took[0], took[50], took[99]);
	}
	pthread_join(other, NULL);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	main_thread = pthread_self();
	main_tid = getpid();
	if (!strcmp(what, "blocked"))
		blocked(0);
	else if (!strcmp(what, "blocked-restart"))
		blocked(SA_RESTART);
	else if (!strcmp(what, "restarts"))
		restarts();
	else if (!strcmp(what, "computing"))
		computing();
	else if (!strcmp(what, "queued"))
		queued();
	else if (!strcmp(what, "nested"))
		nested();
	else if (!strcmp(what, "alternate"))
		alternate();
	else if (!strcmp(what, "jumps"))
		jumps();
	else if (!strcmp(what, "lost"))
		lost();
	else if (!strcmp(what, "latency"))
		latency();
	return 0;
}
