/* Waiting for several words at once (futex_waitv), and conditions whose lock hands itself over (FUTEX_WAIT_REQUEUE_PI, FUTEX_CMP_REQUEUE_PI). */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#if defined __i386__ && !defined SYS_futex_time64
#define SYS_futex_time64 422
#endif
#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

struct times { int64_t sec, nsec; };
struct entry { uint64_t val, addr; uint32_t flags, reserved; };

static long futex(void *at, int op, unsigned val, void *timeout, void *second, unsigned val3)
{
#ifdef __i386__
	return syscall(SYS_futex_time64, at, op, val, timeout, second, val3);
#else
	return syscall(SYS_futex, at, op, val, timeout, second, val3);
#endif
}

static long waitv(struct entry *list, unsigned n, unsigned flags, struct times *until, int clock)
{
	return syscall(SYS_futex_waitv, list, n, flags, until, clock);
}

static long show(const char *what, long r)
{
	if (r == -1)
		printf("%s: %s\n", what, strerrorname_np(errno));
	else
		printf("%s: %ld\n", what, r);
	return r;
}

static struct times later(int clock, int ms)
{
	struct timespec now;
	clock_gettime(clock, &now);
	int64_t ns = now.tv_nsec + ms * 1000000LL;
	return (struct times){ now.tv_sec + ns / 1000000000, ns % 1000000000 };
}

enum { PRIVATE = FUTEX_PRIVATE_FLAG | 2 }; /* and FUTEX_32 */

static unsigned words[128];
static struct entry list[129];
static int handled;

static void on_signal(int sig) { (void)sig; handled++; }

static void fill(int n, unsigned flags)
{
	memset(list, 0, sizeof list);
	for (int i = 0; i < n; i++)
		list[i] = (struct entry){ words[i], (uintptr_t)&words[i], flags, 0 };
}

static int begun;

/* It is about to wait, or waits. */
static void about_to_wait(void) { __atomic_fetch_add(&begun, 1, __ATOMIC_SEQ_CST); }

static void waiting(int n)
{
	while (__atomic_load_n(&begun, __ATOMIC_SEQ_CST) < n)
		usleep(1000);
	usleep(100000);
}

static pthread_t one;
static long answer;
static int answer_errno;

static void *waits(void *arg)
{
	about_to_wait();
	answer = waitv(list, (long)arg, 0, 0, 0);
	answer_errno = errno;
	return 0;
}

static void told(const char *what)
{
	pthread_join(one, 0);
	errno = answer_errno;
	show(what, answer);
}

static void several(void)
{
	struct times past = { 1, 0 }, bad = { 0, 1000000000 };
	fill(3, PRIVATE);
	show("flags", waitv(list, 3, 1, 0, 0));
	show("none", waitv(list, 0, 0, 0, 0));
	show("too many", waitv(list, 129, 0, 0, 0));
	show("no list", waitv(0, 3, 0, 0, 0));
	show("bad list", waitv((void *)16, 3, 0, 0, 0));
	show("clock", waitv(list, 3, 0, &past, CLOCK_BOOTTIME));
	show("clock unused", waitv(list, 3, 0, (struct times *)16, CLOCK_MONOTONIC));
	show("bad time", waitv(list, 3, 0, &bad, CLOCK_MONOTONIC));
	show("past", waitv(list, 3, 0, &past, CLOCK_MONOTONIC));
	show("past of another clock", waitv(list, 3, 0, &past, CLOCK_REALTIME));
	struct times soon = later(CLOCK_MONOTONIC, 30);
	show("soon", waitv(list, 3, 0, &soon, CLOCK_MONOTONIC));
	soon = later(CLOCK_REALTIME, 30);
	show("soon of another clock", waitv(list, 3, 0, &soon, CLOCK_REALTIME));
	list[1].val = 1;
	show("another value", waitv(list, 3, 0, &past, CLOCK_MONOTONIC));
	list[1].val = 1ULL << 32;
	show("a large value", waitv(list, 3, 0, &past, CLOCK_MONOTONIC));
	fill(3, PRIVATE);
	list[2].flags = FUTEX_PRIVATE_FLAG;
	show("no size", waitv(list, 3, 0, &past, CLOCK_MONOTONIC));
	list[2].flags = PRIVATE | 0x40;
	show("another flag", waitv(list, 3, 0, &past, CLOCK_MONOTONIC));
	fill(3, PRIVATE);
	list[2].reserved = 1;
	show("reserved", waitv(list, 3, 0, &past, CLOCK_MONOTONIC));
	fill(3, PRIVATE);
	list[2].addr++;
	show("odd address", waitv(list, 3, 0, &past, CLOCK_MONOTONIC));
	list[2].addr = 16;
	show("bad address", waitv(list, 3, 0, &past, CLOCK_MONOTONIC));

	for (int n = 0; n < 3; n++) {
		int size = n ? 128 : 1, at = n == 1 ? 127 : 0;
		fill(size, n == 2 ? 2 : PRIVATE);
		begun = 0;
		pthread_create(&one, 0, waits, (void *)(long)size);
		waiting(1);
		show("wake", futex(&words[at], n == 2 ? FUTEX_WAKE : FUTEX_WAKE_PRIVATE, 1, 0, 0, 0));
		told("woken");
		show("nobody is left", futex(&words[at], n == 2 ? FUTEX_WAKE : FUTEX_WAKE_PRIVATE, 1, 0, 0, 0));
	}
	fill(4, PRIVATE);
	list[3].addr = list[1].addr; /* the same word twice */
	begun = 0;
	pthread_create(&one, 0, waits, (void *)4L);
	waiting(1);
	show("wake both", futex(&words[1], FUTEX_WAKE_PRIVATE, 5, 0, 0, 0));
	told("woken");
	for (int restart = 0; restart < 2; restart++) {
		struct sigaction act = { .sa_handler = on_signal, .sa_flags = restart ? SA_RESTART : 0 };
		sigaction(SIGUSR1, &act, 0);
		fill(2, PRIVATE);
		begun = 0;
		pthread_create(&one, 0, waits, (void *)2L);
		waiting(1);
		pthread_kill(one, SIGUSR1);
		usleep(120000);
		printf("handled %d\n", handled);
		show("wake", futex(&words[1], FUTEX_WAKE_PRIVATE, 1, 0, 0, 0));
		told("woken");
	}
}

static unsigned cond, lock;
static int order[8], came;

static void *waits_pi(void *arg)
{
	long n = (long)arg;
	unsigned tid = syscall(SYS_gettid);
	about_to_wait();
	answer = futex(&cond, FUTEX_WAIT_REQUEUE_PI_PRIVATE, 0, 0, &lock, 0);
	answer_errno = errno;
	if (answer != 0)
		return 0;
	if ((lock & FUTEX_TID_MASK) != tid)
		printf("%ld: the lock is somebody else's\n", n);
	order[__atomic_fetch_add(&came, 1, __ATOMIC_SEQ_CST)] = n;
	usleep(20000);
	if (futex(&lock, FUTEX_UNLOCK_PI_PRIVATE, 0, 0, 0, 0) != 0)
		show("unlock", -1);
	return 0;
}

static void *waits_plainly(void *arg)
{
	about_to_wait();
	answer = futex(&cond, FUTEX_WAIT_PRIVATE, 0, 0, 0, 0);
	answer_errno = errno;
	return arg;
}

static long requeue(unsigned wake, unsigned move, unsigned val)
{
	return futex(&cond, FUTEX_CMP_REQUEUE_PI_PRIVATE, wake, (void *)(uintptr_t)move, &lock, val);
}

static pthread_t t[8];

static void start(int n)
{
	came = begun = 0;
	for (int i = 0; i < n; i++) {
		pthread_create(&t[i], 0, waits_pi, (void *)(long)i);
		waiting(i + 1);
	}
}

static void end(int n)
{
	for (int i = 0; i < n; i++)
		pthread_join(t[i], 0);
	printf("in this order:");
	for (int i = 0; i < came; i++)
		printf(" %d", order[i]);
	printf("; lock %u\n", lock);
}

static void conditions(void)
{
	struct times past = { 1, 0 };
	unsigned self = syscall(SYS_gettid);
	show("same word", futex(&cond, FUTEX_WAIT_REQUEUE_PI_PRIVATE, 0, 0, &cond, 0));
	show("odd lock", futex(&cond, FUTEX_WAIT_REQUEUE_PI_PRIVATE, 0, 0, (char *)&lock + 1, 0));
	show("bad lock", futex(&cond, FUTEX_WAIT_REQUEUE_PI_PRIVATE, 0, &past, (void *)16, 0)); /* nobody looks yet */
	show("bad shared lock", futex(&cond, FUTEX_WAIT_REQUEUE_PI, 0, &past, (void *)16, 0));
	show("nobody for a bad lock", futex(&cond, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)1, (void *)16, 0));
	show("value", futex(&cond, FUTEX_WAIT_REQUEUE_PI_PRIVATE, 1, 0, &lock, 0));
	show("past", futex(&cond, FUTEX_WAIT_REQUEUE_PI_PRIVATE, 0, &past, &lock, 0));
	show("past of another clock", futex(&cond, FUTEX_WAIT_REQUEUE_PI_PRIVATE | FUTEX_CLOCK_REALTIME, 0, &past, &lock, 0));
	show("nobody", requeue(1, 5, 0));
	show("wake 2", requeue(2, 5, 0));
	show("wake 0", requeue(0, 5, 0));
	show("move -1", requeue(1, -1, 0));
	show("other value", requeue(1, 5, 1));
	show("to itself", futex(&cond, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)1, &cond, 0));

	start(3);
	show("wake without lock", futex(&cond, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0));
	show("requeue without lock", futex(&cond, FUTEX_REQUEUE_PRIVATE, 1, (void *)1, &lock, 0));
	show("another lock", futex(&cond, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)1, &came, 0));
	show("free lock, all", requeue(1, 0x7fffffff, 0));
	end(3);

	start(3);
	show("free lock, one", requeue(1, 0, 0));
	usleep(150000);
	show("free lock, two more", requeue(1, 1, 0));
	end(3);

	lock = self;
	start(3);
	show("taken lock, two", requeue(1, 1, 0));
	printf("waiters %d\n", (lock & FUTEX_WAITERS) != 0);
	show("unlock", futex(&lock, FUTEX_UNLOCK_PI_PRIVATE, 0, 0, 0, 0));
	pthread_join(t[0], 0);
	pthread_join(t[1], 0);
	show("the last", requeue(1, 1, 0));
	pthread_join(t[2], 0);
	printf("in this order: %d %d %d; lock %u\n", order[0], order[1], order[2], lock);

	lock = 0x3ffffff0; /* nobody's */
	start(1);
	show("lock of nobody", requeue(1, 1, 0));
	lock = 0;
	show("and free", requeue(1, 1, 0));
	end(1);

	begun = 0;
	pthread_create(&one, 0, waits_plainly, 0);
	waiting(1);
	show("a plain waiter", requeue(1, 1, 0));
	show("wake", futex(&cond, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0));
	told("plain wait");

	for (int moved = 0; moved < 2; moved++) {
		struct sigaction act = { .sa_handler = on_signal };
		sigaction(SIGUSR1, &act, 0);
		handled = 0;
		lock = self;
		start(1);
		if (moved)
			show("moved", requeue(1, 1, 0));
		pthread_kill(t[0], SIGUSR1);
		usleep(120000);
		printf("handled %d\n", handled);
		if (!moved)
			show("after the signal", requeue(1, 1, 0));
		show("unlock", futex(&lock, FUTEX_UNLOCK_PI_PRIVATE, 0, 0, 0, 0));
		end(1);
		errno = answer_errno;
		show("the wait", answer);
	}
	lock = self;
	struct times soon = later(CLOCK_MONOTONIC, 30);
	show("time", futex(&cond, FUTEX_WAIT_REQUEUE_PI_PRIVATE, 0, &soon, &lock, 0));
}

int main(int argc, char **argv)
{
	setvbuf(stdout, 0, _IOLBF, 0);
	if (argc > 1 && !strcmp(argv[1], "pi"))
		conditions();
	else
		several();
	return 0;
}
