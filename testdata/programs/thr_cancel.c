/* Cancellation: of what blocks, of what computes, and what runs on the way out. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

static int fds[2];
static sem_t sem, ready;
static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t c = PTHREAD_COND_INITIALIZER;
static int cleaned;
static volatile int stop;

static void clean(void *arg) { cleaned += (int)(intptr_t)arg; }
static void unlock(void *arg) { pthread_mutex_unlock(arg); cleaned += 100; }

static void wait_read(void) { char b; if (read(fds[0], &b, 1) < 0) printf("read: %s\n", strerror(errno)); }
static void wait_sleep(void) { struct timespec t = { 1000, 0 }; nanosleep(&t, 0); }
static void wait_clock(void) { struct timespec t = { 1000, 0 }; clock_nanosleep(CLOCK_MONOTONIC, 0, &t, 0); }
static void wait_sem(void) { sem_wait(&sem); }
static void wait_pause(void) { pause(); }
static void wait_poll(void) { struct pollfd p = { fds[0], POLLIN, 0 }; poll(&p, 1, -1); }
static void wait_select(void) { fd_set s; FD_ZERO(&s); FD_SET(fds[0], &s); select(fds[0] + 1, &s, 0, 0, 0); }
static void wait_sigwait(void) { sigset_t s; int n; sigemptyset(&s); sigaddset(&s, SIGUSR2); sigwait(&s, &n); }
static void wait_suspend(void) { sigset_t s; sigemptyset(&s); sigsuspend(&s); }
static void wait_cond(void)
{
	pthread_mutex_lock(&m);
	pthread_cleanup_push(unlock, &m);
	for (;;)
		pthread_cond_wait(&c, &m);
	pthread_cleanup_pop(0);
}
static void wait_join(void)
{
	pthread_t t;
	extern void *sleeper(void *);
	pthread_create(&t, 0, sleeper, 0);
	pthread_detach(t);
	pthread_create(&t, 0, sleeper, 0);
	pthread_join(t, 0);
}
void *sleeper(void *arg) { while (!stop) usleep(1000); return arg; }
static void wait_write(void)
{
	static char big[1 << 20];
	while (write(fds[1], big, sizeof big) > 0)
		;
}

static const struct { const char *name; void (*wait)(void); } waits[] = {
	{ "read", wait_read }, { "nanosleep", wait_sleep }, { "clock_nanosleep", wait_clock }, { "sem_wait", wait_sem }, { "pause", wait_pause },
	{ "poll", wait_poll }, { "select", wait_select }, { "sigwait", wait_sigwait }, { "sigsuspend", wait_suspend }, { "cond_wait", wait_cond },
	{ "join", wait_join }, { "write", wait_write },
};
enum { WAITS = sizeof waits / sizeof *waits };

static void *blocked(void *arg)
{
	pthread_cleanup_push(clean, (void *)1);
	pthread_cleanup_push(clean, (void *)10);
	sem_post(&ready);
	waits[(intptr_t)arg].wait();
	pthread_cleanup_pop(0);
	pthread_cleanup_pop(0);
	return 0;
}

static void *deferred(void *arg)
{
	(void)arg;
	pthread_cleanup_push(clean, (void *)1);
	sem_post(&ready);
	while (!stop)
		;
	cleaned += 1000; /* computing is no point of cancellation */
	pthread_testcancel();
	cleaned += 10000;
	pthread_cleanup_pop(0);
	return 0;
}

/* Where it is cut off, musl for IA-32 may have lost the argument natively. */
static void clean_once(void *arg) { (void)arg; cleaned = 1; }

static void *asynchronous(void *arg)
{
	pthread_cleanup_push(clean_once, 0);
	sem_post(&ready); /* before: it may not be cancelled half way */
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, 0);
	while (!stop)
		*(volatile int *)arg = 1;
	pthread_cleanup_pop(0);
	return 0;
}

static void *disabled(void *arg)
{
	(void)arg;
	int old;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
	sem_post(&ready);
	char b;
	ssize_t n = read(fds[0], &b, 1);
	printf("disabled: read %d, old %d\n", (int)n, old == PTHREAD_CANCEL_ENABLE);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, 0);
	pthread_testcancel();
	return 0;
}

static void *pending(void *arg)
{
	sem_post(&ready);
	while (!stop)
		;
	wait_sleep(); /* the request is there already */
	return arg;
}

static void *exiting(void *arg)
{
	pthread_cleanup_push(clean, (void *)5);
	pthread_exit(arg);
	pthread_cleanup_pop(1);
	return 0;
}

static void report(const char *what, pthread_t t)
{
	void *r = 0;
	int e = pthread_join(t, &r);
	printf("%s: join %d, %s, cleaned %d\n", what, e, r == PTHREAD_CANCELED ? "cancelled" : r ? "value" : "null", cleaned);
	fflush(stdout);
	cleaned = 0;
}

int main(int argc, char **argv)
{
	pthread_t t;
	int value = 0;
	alarm(100);
	sem_init(&sem, 0, 0);
	sem_init(&ready, 0, 0);
	if (pipe(fds) != 0)
		return 1;
	for (int i = 0; i < WAITS; i++) {
		if (argc > 1 && strcmp(argv[1], waits[i].name))
			continue;
		for (int early = 0; early < 2; early++) {
			pthread_create(&t, 0, blocked, (void *)(intptr_t)i);
			sem_wait(&ready);
			if (!early)
				usleep(30000); /* it blocks by now */
			pthread_cancel(t);
			report(waits[i].name, t);
		}
	}
	if (argc > 1)
		return 0;
	stop = 0;
	pthread_create(&t, 0, deferred, 0);
	sem_wait(&ready);
	pthread_cancel(t);
	usleep(10000);
	stop = 1;
	report("deferred", t);

	stop = 0;
	for (int i = 0; i < 20; i++) {
		pthread_create(&t, 0, asynchronous, &value);
		sem_wait(&ready);
		if (i % 2)
			usleep(1000);
		pthread_cancel(t);
		report("asynchronous", t);
	}
	/* The pipe is full by now: empty it. */
	static char sink[1 << 16];
	while (poll(&(struct pollfd){ fds[0], POLLIN, 0 }, 1, 0) > 0)
		if (read(fds[0], sink, sizeof sink) <= 0)
			break;

	pthread_create(&t, 0, disabled, 0);
	sem_wait(&ready);
	pthread_cancel(t);
	usleep(30000);
	if (write(fds[1], "x", 1) != 1)
		return 1;
	report("disabled", t);

	stop = 0;
	pthread_create(&t, 0, pending, 0);
	sem_wait(&ready);
	pthread_cancel(t);
	stop = 1;
	report("pending", t);

	pthread_create(&t, 0, exiting, &value);
	report("exit", t);
	pthread_create(&t, 0, exiting, 0);
	report("exit", t);
	return 0;
}
