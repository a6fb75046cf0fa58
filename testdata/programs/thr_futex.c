/* futex(2) itself: values, order of waking, timeouts, signals, errors. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
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

/* The C library's time_t and the call's agree but for IA-32 with 64-bit times. */
#if defined __i386__ && !defined SYS_futex_time64
#define SYS_futex_time64 422
#endif

static const char *name(int e)
{
	switch (e) {
	case 0: return "0";
	case EPERM: return "EPERM";
	case EINTR: return "EINTR";
	case EAGAIN: return "EAGAIN";
	case EFAULT: return "EFAULT";
	case EINVAL: return "EINVAL";
	case EDEADLK: return "EDEADLK";
	case ENOSYS: return "ENOSYS";
	case ETIMEDOUT: return "ETIMEDOUT";
	case ESRCH: return "ESRCH";
	}
	return "another error";
}

struct times { int64_t sec, nsec; }; /* as the call with 64-bit times has them on both widths */

static long futex(void *at, int op, unsigned val, void *timeout, void *second, unsigned val3)
{
#ifdef __i386__
	return syscall(SYS_futex_time64, at, op, val, timeout, second, val3);
#else
	return syscall(SYS_futex, at, op, val, timeout, second, val3);
#endif
}

static long show(const char *what, long r)
{
	int e = errno;
	if (r == -1)
		printf("%s: %s\n", what, name(e));
	else
		printf("%s: %ld\n", what, r);
	fflush(stdout);
	return r;
}

#define SHOW(call) show(#call, call)

static unsigned word, second;
static int order[16], woken;

struct job { int n; unsigned bits; unsigned *at; };

static void *waiter(void *arg)
{
	struct job *j = arg;
	unsigned *at = j->at;
	if (futex(at, j->bits ? FUTEX_WAIT_BITSET_PRIVATE : FUTEX_WAIT_PRIVATE, 0, 0, 0, j->bits) == 0)
		order[__atomic_fetch_add(&woken, 1, __ATOMIC_SEQ_CST)] = j->n;
	else
		printf("waiter %d: %s\n", j->n, name(errno));
	return 0;
}

static pthread_t t[16];
static struct job jobs[16];

/* How many wait for the word: as many as could be moved to itself. */
static void arrived(int n)
{
	while (futex(&word, FUTEX_REQUEUE_PRIVATE, 0, (void *)INT_MAX, &word, 0) < n)
		usleep(1000);
}

/* They arrive one after the other. */
static void start(int n, const unsigned *bits)
{
	woken = 0;
	for (int i = 0; i < n; i++) {
		jobs[i] = (struct job){ i, bits ? bits[i] : 0, &word };
		pthread_create(&t[i], 0, waiter, &jobs[i]);
		arrived(i + 1);
	}
}

static void until(int n)
{
	while (__atomic_load_n(&woken, __ATOMIC_SEQ_CST) < n)
		usleep(1000);
	usleep(5000);
	printf("woken:");
	for (int i = 0; i < woken; i++)
		printf(" %d", order[i]);
	puts("");
	fflush(stdout);
}

static void join(int n)
{
	for (int i = 0; i < n; i++)
		pthread_join(t[i], 0);
}

static void later(struct times *t, clockid_t clock, long ms)
{
	struct timespec now;
	clock_gettime(clock, &now);
	t->sec = now.tv_sec + (now.tv_nsec + ms * 1000000) / 1000000000;
	t->nsec = (now.tv_nsec + ms * 1000000) % 1000000000;
}

static volatile int handled;
static void on_signal(int sig) { (void)sig; handled++; }

static void *interrupted(void *arg)
{
	struct times *t = arg;
	show("interrupted", futex(&word, FUTEX_WAIT_PRIVATE, 0, t, 0, 0));
	return 0;
}

static void *locks(void *arg)
{
	long r = futex(arg, FUTEX_LOCK_PI_PRIVATE, 0, 0, 0, 0);
	if (r)
		printf("lock: %s\n", name(errno));
	order[__atomic_fetch_add(&woken, 1, __ATOMIC_SEQ_CST)] = (*(unsigned *)arg & FUTEX_TID_MASK) == (unsigned)syscall(SYS_gettid);
	r = futex(arg, FUTEX_UNLOCK_PI_PRIVATE, 0, 0, 0, 0);
	if (r)
		printf("unlock: %s\n", name(errno));
	return 0;
}

static void *takes(void *arg)
{
	futex(arg, FUTEX_LOCK_PI_PRIVATE, 0, 0, 0, 0);
	return 0; /* and ends with it */
}

int main(void)
{
	unsigned bits[4] = { 1, 2, 4, 2 };
	struct times to = { 0, 30000000 }, bad = { 0, 1000000000 };
	word = 1;
	SHOW(futex(&word, FUTEX_WAIT, 0, 0, 0, 0));
	SHOW(futex((char *)&word + 1, FUTEX_WAIT, 0, 0, 0, 0));
	SHOW(futex(0, FUTEX_WAIT, 0, 0, 0, 0));
	SHOW(futex(&word, FUTEX_WAIT, 1, &bad, 0, 0));
	SHOW(futex(&word, FUTEX_WAIT, 1, &to, 0, 0));
	SHOW(futex(&word, FUTEX_WAIT_BITSET, 1, &to, 0, 0));
	SHOW(futex(&word, FUTEX_WAIT_BITSET, 1, &to, 0, ~0u)); /* of the monotonic clock: in the past */
	later(&to, CLOCK_MONOTONIC, 20);
	SHOW(futex(&word, FUTEX_WAIT_BITSET, 1, &to, 0, ~0u));
	later(&to, CLOCK_REALTIME, 20);
	SHOW(futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 1, &to, 0, ~0u));
	SHOW(futex(&word, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 1, 0, 0, 0));
	SHOW(futex(&word, 77, 1, 0, 0, 0));
	SHOW(futex(&word, FUTEX_WAKE, 1, 0, 0, 0));
	SHOW(futex(&word, FUTEX_WAKE_BITSET, 1, 0, 0, 0));
	SHOW(futex((char *)&word + 2, FUTEX_WAKE, 1, 0, 0, 0));

	word = 0;
	start(6, 0);
	SHOW(futex(&word, FUTEX_WAKE, 1, 0, 0, 0)); /* shared: it is not the private one */
	SHOW(futex(&word, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0));
	until(1);
	SHOW(futex(&word, FUTEX_WAKE_PRIVATE, 0, 0, 0, 0));
	until(2);
	SHOW(futex(&word, FUTEX_WAKE_PRIVATE, -1, 0, 0, 0));
	until(3);
	SHOW(futex(&word, FUTEX_WAKE_PRIVATE, INT_MAX, 0, 0, 0));
	join(6);

	start(4, bits);
	SHOW(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, INT_MAX, 0, 0, 8));
	SHOW(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 1, 0, 0, 6));
	until(1);
	SHOW(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 1, 0, 0, 6));
	until(2);
	SHOW(futex(&word, FUTEX_WAKE_PRIVATE, INT_MAX, 0, 0, 0));
	join(4);

	start(6, 0);
	SHOW(futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)2, &second, 1));
	SHOW(futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)2, &second, 0));
	until(1);
	SHOW(futex(&second, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0));
	until(2);
	SHOW(futex(&word, FUTEX_REQUEUE_PRIVATE, 0, (void *)1, &second, 0));
	SHOW(futex(&second, FUTEX_WAKE_PRIVATE, INT_MAX, 0, 0, 0));
	SHOW(futex(&word, FUTEX_WAKE_PRIVATE, INT_MAX, 0, 0, 0));
	join(6);
	SHOW(futex(&word, FUTEX_REQUEUE_PRIVATE, -1, (void *)1, &second, 0));

	start(3, 0);
	second = 5;
	SHOW(futex(&word, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &second, FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 5)));
	printf("second %u\n", second);
	SHOW(futex(&second, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &word, FUTEX_OP(FUTEX_OP_SET, 9, FUTEX_OP_CMP_GT, -1)));
	printf("word %u\n", word);
	SHOW(futex(&word, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &second, FUTEX_OP((FUTEX_OP_XOR | FUTEX_OP_OPARG_SHIFT), 4, FUTEX_OP_CMP_LT, 0)));
	printf("second %u\n", second);
	SHOW(futex(&word, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &second, FUTEX_OP(FUTEX_OP_ANDN, 8, FUTEX_OP_CMP_NE, 24)));
	printf("second %u\n", second);
	SHOW(futex(&word, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &second, FUTEX_OP(FUTEX_OP_OR, 3, 9, 0)));
	join(3);

	struct sigaction sa = { .sa_handler = on_signal };
	for (int restart = 0; restart < 2; restart++)
		for (int timed = 0; timed < 2; timed++) {
			struct times dt = { 0, 300000000 };
			sa.sa_flags = restart ? SA_RESTART : 0;
			sigaction(SIGUSR1, &sa, 0);
			word = 0;
			pthread_create(&t[0], 0, interrupted, timed ? &dt : 0);
			arrived(1);
			pthread_kill(t[0], SIGUSR1);
			usleep(100000);
			long n = futex(&word, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
			pthread_join(t[0], 0);
			printf("restart %d, timed %d: handled %d, wake %ld\n", restart, timed, handled, n);
		}

	unsigned pi = 0;
	unsigned self = syscall(SYS_gettid);
	SHOW(futex(&pi, FUTEX_UNLOCK_PI_PRIVATE, 0, 0, 0, 0));
	SHOW(futex(&pi, FUTEX_TRYLOCK_PI_PRIVATE, 0, 0, 0, 0));
	printf("mine %d\n", pi == self);
	SHOW(futex(&pi, FUTEX_LOCK_PI_PRIVATE, 0, 0, 0, 0));
	woken = 0;
	for (int i = 0; i < 3; i++)
		pthread_create(&t[i], 0, locks, &pi);
	usleep(60000);
	printf("waiters %d\n", (pi & FUTEX_WAITERS) != 0);
	SHOW(futex(&pi, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0));
	SHOW(futex(&pi, FUTEX_UNLOCK_PI_PRIVATE, 0, 0, 0, 0));
	join(3);
	printf("owned %d %d %d, then %u\n", order[0], order[1], order[2], pi);
	pi = 0x3ffffff0; /* nobody */
	SHOW(futex(&pi, FUTEX_LOCK_PI_PRIVATE, 0, 0, 0, 0));
	pi = self;
	later(&to, CLOCK_REALTIME, 20);
	pi = 0;
	pthread_create(&t[0], 0, takes, &pi);
	pthread_join(t[0], 0);
	printf("left locked %d\n", pi != 0);
	SHOW(futex(&pi, FUTEX_LOCK_PI_PRIVATE, 0, &to, 0, 0));

	char *page = mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	SHOW(futex(page, FUTEX_WAIT_PRIVATE, 1, 0, 0, 0));
	SHOW(futex(page, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, page, FUTEX_OP(FUTEX_OP_SET, 9, FUTEX_OP_CMP_GT, -1)));
	SHOW(futex(page, FUTEX_LOCK_PI_PRIVATE, 0, 0, 0, 0));
	munmap(page, 4096);
	SHOW(futex(page, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0)); /* a private one is no access */
	SHOW(futex(page, FUTEX_WAIT_PRIVATE, 1, 0, 0, 0));
	return 0;
}
