/* What POSIX threads synchronise with. One subject per argument; every line is the same on each run. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define N 8
#define LOOPS 5000

static const char *name(int e)
{
	switch (e) {
	case 0: return "0";
	case EPERM: return "EPERM";
	case EAGAIN: return "EAGAIN";
	case EBUSY: return "EBUSY";
	case EINVAL: return "EINVAL";
	case EDEADLK: return "EDEADLK";
	case EOWNERDEAD: return "EOWNERDEAD";
	case ENOTRECOVERABLE: return "ENOTRECOVERABLE";
	case ETIMEDOUT: return "ETIMEDOUT";
	case EINTR: return "EINTR";
	case ENOSYS: return "ENOSYS";
	case ENOTSUP: return "ENOTSUP";
	}
	return strerror(e);
}

#define SHOW(call) do { int e_ = (call); printf("%s = %s\n", #call, name(e_)); fflush(stdout); } while (0)

static struct timespec in_ms(clockid_t clock, long ms)
{
	struct timespec t;
	clock_gettime(clock, &t);
	t.tv_nsec += ms % 1000 * 1000000;
	t.tv_sec += ms / 1000 + t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return t;
}

static void run(void *(*f)(void *), int n)
{
	pthread_t t[64];
	for (int i = 0; i < n; i++) {
		int e = pthread_create(&t[i], 0, f, (void *)(intptr_t)i);
		if (e) { printf("pthread_create: %s\n", name(e)); exit(1); }
	}
	for (int i = 0; i < n; i++)
		pthread_join(t[i], 0);
}

static void *in_thread(void *(*f)(void *), void *arg)
{
	pthread_t t;
	void *r;
	int e = pthread_create(&t, 0, f, arg);
	if (e) { printf("pthread_create: %s\n", name(e)); exit(1); }
	pthread_join(t, &r);
	return r;
}

/* ---- mutexes */

static pthread_mutex_t m;
static long counter;

static void *count(void *arg)
{
	for (int i = 0; i < LOOPS; i++) {
		pthread_mutex_lock(&m);
		counter++;
		pthread_mutex_unlock(&m);
	}
	return arg;
}

static void *try_lock(void *arg) { (void)arg; return (void *)(intptr_t)pthread_mutex_trylock(&m); }
static void *unlock_it(void *arg) { (void)arg; return (void *)(intptr_t)pthread_mutex_unlock(&m); }
static void *timed_lock(void *arg)
{
	(void)arg;
	struct timespec t = in_ms(CLOCK_REALTIME, 30);
	return (void *)(intptr_t)pthread_mutex_timedlock(&m, &t);
}

static void init(int type, int protocol, int robust)
{
	pthread_mutexattr_t a;
	pthread_mutexattr_init(&a);
	pthread_mutexattr_settype(&a, type);
	if (protocol != PTHREAD_PRIO_NONE)
		SHOW(pthread_mutexattr_setprotocol(&a, protocol));
	if (robust)
		SHOW(pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST));
	SHOW(pthread_mutex_init(&m, &a));
	pthread_mutexattr_destroy(&a);
}

static void mutexes(int protocol)
{
	static const struct { int type; const char *name; } kinds[] = {
		{ PTHREAD_MUTEX_NORMAL, "normal" }, { PTHREAD_MUTEX_RECURSIVE, "recursive" }, { PTHREAD_MUTEX_ERRORCHECK, "errorcheck" },
	};
	for (int k = 0; k < 3; k++) {
		printf("-- %s\n", kinds[k].name);
		init(kinds[k].type, protocol, 0);
		counter = 0;
		run(count, N);
		printf("counter %ld\n", counter);
		SHOW(pthread_mutex_lock(&m));
		if (kinds[k].type != PTHREAD_MUTEX_NORMAL) {
			SHOW(pthread_mutex_lock(&m));
			if (kinds[k].type == PTHREAD_MUTEX_RECURSIVE)
				SHOW(pthread_mutex_unlock(&m));
			printf("unlock by another: %s\n", name((intptr_t)in_thread(unlock_it, 0)));
		}
		printf("trylock by another: %s\n", name((intptr_t)in_thread(try_lock, 0)));
		printf("timedlock by another: %s\n", name((intptr_t)in_thread(timed_lock, 0)));
		SHOW(pthread_mutex_unlock(&m));
		if (kinds[k].type != PTHREAD_MUTEX_NORMAL)
			SHOW(pthread_mutex_unlock(&m));
		printf("trylock by another: %s\n", name((intptr_t)in_thread(try_lock, 0)));
		memset(&m, 0, sizeof m);
	}
}

static void *lock_and_die(void *arg)
{
	(void)arg;
	return (void *)(intptr_t)pthread_mutex_lock(&m);
}

static void *lock_wait(void *arg)
{
	(void)arg;
	int e = pthread_mutex_lock(&m);
	if (e == EOWNERDEAD)
		pthread_mutex_consistent(&m);
	if (e == 0 || e == EOWNERDEAD)
		pthread_mutex_unlock(&m);
	return (void *)(intptr_t)e;
}

static sem_t held, die;
static void *hold_and_die(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&m);
	sem_post(&held);
	sem_wait(&die);
	return 0;
}

static void robust(int protocol)
{
	init(PTHREAD_MUTEX_NORMAL, protocol, 1);
	in_thread(lock_and_die, 0);
	SHOW(pthread_mutex_trylock(&m));
	SHOW(pthread_mutex_consistent(&m));
	SHOW(pthread_mutex_unlock(&m));
	SHOW(pthread_mutex_lock(&m));
	SHOW(pthread_mutex_unlock(&m));
	in_thread(lock_and_die, 0);
	SHOW(pthread_mutex_lock(&m));
	SHOW(pthread_mutex_unlock(&m)); /* not made consistent */
	SHOW(pthread_mutex_lock(&m));
	SHOW(pthread_mutex_destroy(&m));
	/* One that waits when the owner ends. */
	memset(&m, 0, sizeof m);
	init(PTHREAD_MUTEX_NORMAL, protocol, 1);
	sem_init(&held, 0, 0);
	sem_init(&die, 0, 0);
	pthread_t h, w[3];
	pthread_create(&h, 0, hold_and_die, 0);
	sem_wait(&held);
	for (int i = 0; i < 3; i++)
		pthread_create(&w[i], 0, lock_wait, 0);
	usleep(50000);
	sem_post(&die);
	int dead = 0, fine = 0;
	for (int i = 0; i < 3; i++) {
		void *r;
		pthread_join(w[i], &r);
		dead += (intptr_t)r == EOWNERDEAD;
		fine += (intptr_t)r == 0;
	}
	pthread_join(h, 0);
	printf("waited: %d were told of the owner's end, %d got the lock as usual\n", dead, fine);
}

/* ---- condition variables */

static pthread_cond_t c = PTHREAD_COND_INITIALIZER;
static int queue[4], head, tail, produced;
static long consumed;
static pthread_cond_t space = PTHREAD_COND_INITIALIZER;

static void *produce(void *arg)
{
	for (int i = 1; i <= LOOPS / 2; i++) {
		pthread_mutex_lock(&m);
		while (tail - head == 4)
			pthread_cond_wait(&space, &m);
		queue[tail++ % 4] = i;
		pthread_cond_signal(&c);
		pthread_mutex_unlock(&m);
	}
	pthread_mutex_lock(&m);
	produced++;
	pthread_cond_broadcast(&c);
	pthread_mutex_unlock(&m);
	return arg;
}

static void *consume(void *arg)
{
	for (;;) {
		pthread_mutex_lock(&m);
		while (tail == head && produced < 4)
			pthread_cond_wait(&c, &m);
		if (tail == head) {
			pthread_mutex_unlock(&m);
			return arg;
		}
		consumed += queue[head++ % 4];
		pthread_cond_signal(&space);
		pthread_mutex_unlock(&m);
	}
}

static void *both(void *arg) { return (intptr_t)arg < 4 ? produce(arg) : consume(arg); }

static int phase, arrived;
static void *all_wait(void *arg)
{
	pthread_mutex_lock(&m);
	arrived++;
	while (!phase)
		pthread_cond_wait(&c, &m);
	counter++;
	pthread_mutex_unlock(&m);
	return arg;
}

static void conditions(void)
{
	pthread_mutex_init(&m, 0);
	run(both, 8);
	printf("consumed %ld\n", consumed);

	pthread_t t[20];
	counter = 0;
	for (int i = 0; i < 20; i++)
		pthread_create(&t[i], 0, all_wait, 0);
	for (;;) {
		pthread_mutex_lock(&m);
		int n = arrived;
		pthread_mutex_unlock(&m);
		if (n == 20)
			break;
		usleep(1000);
	}
	pthread_mutex_lock(&m);
	phase = 1;
	pthread_cond_broadcast(&c);
	pthread_mutex_unlock(&m);
	for (int i = 0; i < 20; i++)
		pthread_join(t[i], 0);
	printf("broadcast woke %ld\n", counter);

	pthread_cond_t mono;
	pthread_condattr_t a;
	pthread_condattr_init(&a);
	SHOW(pthread_condattr_setclock(&a, CLOCK_MONOTONIC));
	SHOW(pthread_cond_init(&mono, &a));
	pthread_mutex_lock(&m);
	struct timespec start, end, until = in_ms(CLOCK_MONOTONIC, 40);
	clock_gettime(CLOCK_MONOTONIC, &start);
	SHOW(pthread_cond_timedwait(&mono, &m, &until));
	clock_gettime(CLOCK_MONOTONIC, &end);
	long ns = (end.tv_sec - start.tv_sec) * 1000000000L + end.tv_nsec - start.tv_nsec;
	printf("not early: %d\n", ns >= 39000000L);
	SHOW(pthread_cond_timedwait(&mono, &m, &until)); /* in the past */
	until = in_ms(CLOCK_REALTIME, 20);
	SHOW(pthread_cond_timedwait(&c, &m, &until));
	until.tv_nsec = 1000000000;
	SHOW(pthread_cond_timedwait(&c, &m, &until));
	pthread_mutex_unlock(&m);
	SHOW(pthread_cond_destroy(&mono));
}

/* ---- read-write locks */

static pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER;
static long a, b;
static int torn;

static void *read_write(void *arg)
{
	intptr_t me = (intptr_t)arg;
	for (int i = 0; i < LOOPS / 2; i++) {
		if ((i + me) % 5 == 0) {
			pthread_rwlock_wrlock(&rw);
			a++;
			b++;
			pthread_rwlock_unlock(&rw);
		} else {
			pthread_rwlock_rdlock(&rw);
			if (a != b)
				__atomic_fetch_add(&torn, 1, __ATOMIC_SEQ_CST);
			pthread_rwlock_unlock(&rw);
		}
	}
	return 0;
}

static void *try_rd(void *arg) { (void)arg; int e = pthread_rwlock_tryrdlock(&rw); if (!e) pthread_rwlock_unlock(&rw); return (void *)(intptr_t)e; }
static void *try_wr(void *arg) { (void)arg; int e = pthread_rwlock_trywrlock(&rw); if (!e) pthread_rwlock_unlock(&rw); return (void *)(intptr_t)e; }
static void *timed_wr(void *arg)
{
	(void)arg;
	struct timespec t = in_ms(CLOCK_REALTIME, 20);
	return (void *)(intptr_t)pthread_rwlock_timedwrlock(&rw, &t);
}

static void rwlocks(void)
{
	run(read_write, N);
	printf("writes %ld %ld, torn %d\n", a, b, torn);
	SHOW(pthread_rwlock_rdlock(&rw));
	printf("others: read %s, write %s\n", name((intptr_t)in_thread(try_rd, 0)), name((intptr_t)in_thread(try_wr, 0)));
	printf("timed write: %s\n", name((intptr_t)in_thread(timed_wr, 0)));
	SHOW(pthread_rwlock_unlock(&rw));
	SHOW(pthread_rwlock_wrlock(&rw));
	printf("others: read %s, write %s\n", name((intptr_t)in_thread(try_rd, 0)), name((intptr_t)in_thread(try_wr, 0)));
	SHOW(pthread_rwlock_unlock(&rw));
}

/* ---- barriers, once, spin locks, semaphores, keys */

static pthread_barrier_t bar;
static int serial, in_step[50], wrong;

static void *steps(void *arg)
{
	for (int i = 0; i < 50; i++) {
		__atomic_fetch_add(&in_step[i], 1, __ATOMIC_SEQ_CST);
		if (pthread_barrier_wait(&bar) == PTHREAD_BARRIER_SERIAL_THREAD)
			__atomic_fetch_add(&serial, 1, __ATOMIC_SEQ_CST);
		if (__atomic_load_n(&in_step[i], __ATOMIC_SEQ_CST) != N)
			wrong++;
	}
	return arg;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int times;
static void only_once(void) { usleep(20000); times++; }
static void *do_once(void *arg) { pthread_once(&once, only_once); if (times != 1) wrong++; return arg; }

static pthread_spinlock_t spin;
static void *do_spin(void *arg)
{
	for (int i = 0; i < 200; i++) {
		pthread_spin_lock(&spin);
		counter++;
		pthread_spin_unlock(&spin);
	}
	return arg;
}

static sem_t ping, pong;
static void *ponger(void *arg)
{
	for (int i = 0; i < LOOPS / 2; i++) {
		sem_wait(&ping);
		counter++;
		sem_post(&pong);
	}
	return arg;
}

static pthread_key_t k1, k2;
static int destroyed[2], again;
static void destroy1(void *p) { __atomic_fetch_add(&destroyed[0], (int)(intptr_t)p, __ATOMIC_SEQ_CST); }
static void destroy2(void *p)
{
	/* Set again: it runs once more. */
	if ((intptr_t)p == 1) { pthread_setspecific(k2, (void *)2); __atomic_fetch_add(&again, 1, __ATOMIC_SEQ_CST); return; }
	__atomic_fetch_add(&destroyed[1], (int)(intptr_t)p, __ATOMIC_SEQ_CST);
}
static __thread int local = 7;
static __thread char block[3000];
static void *keys(void *arg)
{
	intptr_t me = (intptr_t)arg;
	if (local != 7 || block[0] || block[2999])
		wrong++;
	local = (int)me;
	memset(block, (int)me, sizeof block);
	pthread_setspecific(k1, (void *)(me + 1));
	pthread_setspecific(k2, (void *)1);
	usleep(10000);
	if (local != me || block[0] != (char)me || block[2999] != (char)me || (intptr_t)pthread_getspecific(k1) != me + 1)
		wrong++;
	return 0;
}

static void others(void)
{
	SHOW(pthread_barrier_init(&bar, 0, N));
	run(steps, N);
	printf("barrier: %d serial, %d wrong\n", serial, wrong);
	run(do_once, N);
	printf("once: %d, %d wrong\n", times, wrong);
	counter = 0;
	pthread_spin_init(&spin, 0);
	run(do_spin, 4);
	printf("spin: %ld\n", counter);
	counter = 0;
	sem_init(&ping, 0, 0);
	sem_init(&pong, 0, 0);
	pthread_t t;
	pthread_create(&t, 0, ponger, 0);
	for (int i = 0; i < LOOPS / 2; i++) {
		sem_post(&ping);
		sem_wait(&pong);
	}
	pthread_join(t, 0);
	printf("semaphores: %ld\n", counter);
	struct timespec until = in_ms(CLOCK_REALTIME, 20);
	int r = sem_timedwait(&ping, &until);
	printf("sem_timedwait: %d %s\n", r, name(errno));
	r = sem_trywait(&ping);
	printf("sem_trywait: %d %s\n", r, name(errno));
	SHOW(pthread_key_create(&k1, destroy1));
	SHOW(pthread_key_create(&k2, destroy2));
	run(keys, 20);
	printf("keys: %d %d, again %d, wrong %d\n", destroyed[0], destroyed[1], again, wrong);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	alarm(100);
	if (!strcmp(what, "mutex"))
		mutexes(PTHREAD_PRIO_NONE);
	else if (!strcmp(what, "pi"))
		mutexes(PTHREAD_PRIO_INHERIT);
	else if (!strcmp(what, "robust"))
		robust(PTHREAD_PRIO_NONE);
	else if (!strcmp(what, "robust-pi"))
		robust(PTHREAD_PRIO_INHERIT);
	else if (!strcmp(what, "cond"))
		conditions();
	else if (!strcmp(what, "rwlock"))
		rwlocks();
	else
		others();
	return 0;
}
