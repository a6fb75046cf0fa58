/* Signals end reads and writes that wait in streams the caller gave: standard
 * input that nobody writes to, standard output that nobody reads for a while.
 * Times are told only where they are wrong. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t handled;
static double came; /* when the handler ran last */
static pthread_t main_thread;

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void handler(int sig)
{
	(void)sig;
	handled++;
	came = now();
}

static void install(int flags)
{
	struct sigaction sa = { .sa_handler = handler, .sa_flags = flags };
	sigaction(SIGALRM, &sa, NULL);
	sigaction(SIGUSR1, &sa, NULL);
}

static void after(long milliseconds)
{
	struct itimerval t = { { 0, 0 }, { milliseconds / 1000, milliseconds % 1000 * 1000 } };
	setitimer(ITIMER_REAL, &t, NULL);
}

static void *killer(void *arg)
{
	usleep(150000);
	pthread_kill(main_thread, SIGUSR1);
	return arg;
}

/* What came of a call that was begun at start, with a signal due seconds later. */
static void result(const char *what, long n, double start, double due)
{
	int e = errno;
	double took = now() - start, late = came - start - due;
	fprintf(stderr, "%s: %s, handled %d", what, n < 0 ? strerror(e) : n == 0 ? "end" : "some", (int)handled);
	if (took < due - 0.02 || took > due + 1.5)
		fprintf(stderr, ", after %.3f s instead of %.3f", took, due);
	if (late > 1.5)
		fprintf(stderr, ", handler %.3f s late", late);
	fprintf(stderr, "\n");
}

static void reads(void)
{
	char b[200];
	struct iovec v[2] = { { b, 10 }, { b + 10, 10 } };
	pthread_t t;
	for (int i = 0; i < 3; i++) {
		double start = now();
		after(150);
		result("read, alarm", read(0, b, sizeof b), start, 0.15);
	}
	for (int i = 0; i < 3; i++) {
		pthread_create(&t, 0, killer, 0);
		double start = now();
		result("read, another thread", read(0, b, 1), start, 0.15);
		pthread_join(t, 0);
	}
	double start = now();
	after(100);
	result("readv", readv(0, v, 2), start, 0.1);
	struct pollfd p = { 0, POLLIN, 0 };
	start = now();
	after(100);
	result("poll", poll(&p, 1, -1), start, 0.1);
	start = now();
	after(100);
	result("read behind poll", read(0, b, sizeof b), start, 0.1);
	/* With SA_RESTART the first signal does not end it, the second one does. */
	install(SA_RESTART);
	struct sigaction once = { .sa_handler = handler };
	sigaction(SIGUSR1, &once, NULL);
	start = now();
	after(50);
	pthread_create(&t, 0, killer, 0);
	result("read again", read(0, b, sizeof b), start, 0.15);
	pthread_join(t, 0);
}

/* The pipe is full soon, and its reader comes after some seconds. */
static void writes(void)
{
	static char b[300000];
	size_t n = 0;
	int ended = 0;
	for (size_t i = 0; i < sizeof b; i++)
		b[i] = (char)('a' + i / 61 % 26);
	/* As much as there is room for. */
	double start = now();
	after(150);
	ssize_t k = write(1, b, sizeof b);
	result("write", k, start, 0.15);
	if (k > 0)
		n += (size_t)k;
	for (int i = 0; i < 2; i++) {
		start = now();
		after(100);
		k = write(1, b + n, 1000);
		result("write to a full pipe", k, start, 0.1);
		if (k > 0)
			n += (size_t)k;
	}
	pthread_t t;
	pthread_create(&t, 0, killer, 0);
	start = now();
	k = write(1, b + n, sizeof b - n);
	result("write, another thread", k, start, 0.15);
	pthread_join(t, 0);
	if (k > 0)
		n += (size_t)k;
	/* All of it arrives, once, whatever comes in between. */
	install(SA_RESTART);
	struct itimerval often = { { 0, 3000 }, { 0, 3000 } };
	setitimer(ITIMER_REAL, &often, NULL);
	while (n < sizeof b) {
		k = write(1, b + n, sizeof b - n < 7000 ? sizeof b - n : 7000);
		if (k > 0)
			n += (size_t)k;
		else if (errno == EINTR)
			ended++;
		else
			break;
	}
	memset(&often, 0, sizeof often);
	setitimer(ITIMER_REAL, &often, NULL);
	fprintf(stderr, "all written: %d, ended by signals: %d\n", n == sizeof b, ended);
}

int main(int argc, char **argv)
{
	main_thread = pthread_self();
	install(0);
	if (argc > 1 && !strcmp(argv[1], "writes"))
		writes();
	else if (argc > 1 && !strcmp(argv[1], "closed")) {
		/* The descriptor's number, and the host's, is another file's then. */
		struct pollfd p = { 0, POLLIN, 0 };
		char b[8] = "";
		poll(&p, 1, 10);
		after(50);
		long n = read(0, b, 1);
		fprintf(stderr, "read: %ld %s\n", n, strerror(errno));
		close(0);
		int fd = open("a.txt", O_RDONLY);
		n = read(fd, b, 5);
		fprintf(stderr, "file %d: %ld %.5s\n", fd, n, b);
	} else
		reads();
	return 0;
}
