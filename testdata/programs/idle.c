/* Waits for what does not come, in the way that its argument names, until it is killed. */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static void handler(int sig) { (void)sig; }

static void *on_semaphore(void *arg)
{
	sem_wait(arg);
	return 0;
}

static void epolls(void)
{
	int ep = epoll_create1(0), fds[2], e = eventfd(0, 0), t = timerfd_create(CLOCK_MONOTONIC, 0);
	struct itimerspec far = { { 0, 0 }, { 1000, 0 } };
	struct epoll_event v = { .events = EPOLLIN };
	if (pipe(fds) || timerfd_settime(t, 0, &far, 0))
		return;
	epoll_ctl(ep, EPOLL_CTL_ADD, fds[0], &v);
	epoll_ctl(ep, EPOLL_CTL_ADD, e, &v);
	epoll_ctl(ep, EPOLL_CTL_ADD, t, &v);
	epoll_wait(ep, &v, 1, -1);
}

static void polls(int timeout)
{
	int a[2], b[2];
	if (pipe(a) || socketpair(AF_UNIX, SOCK_STREAM, 0, b))
		return;
	struct pollfd p[2] = { { a[0], POLLIN, 0 }, { b[0], POLLIN, 0 } };
	poll(p, 2, timeout);
}

static void selects(void)
{
	int a[2];
	fd_set r;
	if (pipe(a))
		return;
	FD_ZERO(&r);
	FD_SET(a[0], &r);
	select(a[0] + 1, &r, 0, 0, 0);
}

static void threads(void)
{
	static sem_t s;
	pthread_t t[8];
	sem_init(&s, 0, 0);
	for (int i = 0; i < 8; i++)
		pthread_create(&t[i], 0, on_semaphore, &s);
	for (int i = 0; i < 8; i++)
		pthread_join(t[i], 0);
}

static void sleeps(void)
{
	struct timespec t = { 1000, 0 };
	clock_nanosleep(CLOCK_REALTIME, 0, &t, 0);
}

/* Signals come first, after which everything is as before. */
static void signalled(void)
{
	char c;
	struct sigaction sa = { .sa_handler = handler, .sa_flags = SA_RESTART };
	sigaction(SIGALRM, &sa, 0);
	alarm(1);
	if (read(0, &c, 1) < 0)
		perror("read");
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	sigset_t none;
	sigemptyset(&none);
	puts("waiting");
	fflush(stdout);
	if (!strcmp(how, "epoll_wait"))
		epolls();
	else if (!strcmp(how, "poll"))
		polls(-1);
	else if (!strcmp(how, "poll-time"))
		polls(1000000);
	else if (!strcmp(how, "select"))
		selects();
	else if (!strcmp(how, "futex"))
		threads();
	else if (!strcmp(how, "clock_nanosleep"))
		sleeps();
	else if (!strcmp(how, "sigsuspend"))
		sigsuspend(&none);
	else if (!strcmp(how, "signalled"))
		signalled();
	puts("it does not wait");
	return 1;
}
