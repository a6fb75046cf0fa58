/* epoll: kinds of notification, nesting, who is told, and what is refused. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static const char *result(int r)
{
	static char b[4][32];
	static int i;
	char *s = b[i++ & 3];
	if (r < 0)
		return strerrorname_np(errno);
	snprintf(s, 32, "%d", r);
	return s;
}

static int add(int ep, int op, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event e = { .events = events, .data.u64 = data };
	return epoll_ctl(ep, op, fd, &e);
}

static void show(const char *what, int ep, int timeout)
{
	struct epoll_event e[16];
	int n = epoll_wait(ep, e, 16, timeout);
	printf("%s: %s", what, result(n));
	for (int i = 0; i < n; i++)
		printf(" [%#x %llu]", e[i].events, (unsigned long long)e[i].data.u64);
	printf("\n");
}

static void kinds(void)
{
	int p[2], ep = epoll_create1(0);
	pipe2(p, O_NONBLOCK);
	char b[70000];
	memset(b, 1, sizeof b);
	printf("size of an event: %zu\n", sizeof(struct epoll_event));
	add(ep, EPOLL_CTL_ADD, p[0], EPOLLIN | EPOLLET, 1);
	add(ep, EPOLL_CTL_ADD, p[1], EPOLLOUT | EPOLLET, 2);
	show("edges at first", ep, 0);
	write(p[1], b, 10);
	show("after a write", ep, 0);
	show("again", ep, 0);
	write(p[1], b, 10);
	show("after another write", ep, 0);
	read(p[0], b, 5);
	show("after reading a part", ep, 0);
	while (write(p[1], b, sizeof b) > 0)
		;
	show("full", ep, 0);
	read(p[0], b, 100);
	show("a few bytes of room", ep, 0);
	while (read(p[0], b, sizeof b) > 0)
		;
	show("emptied", ep, 0);
	add(ep, EPOLL_CTL_MOD, p[1], EPOLLOUT | EPOLLONESHOT, 3);
	show("one shot", ep, 0);
	show("one shot again", ep, 0);
	add(ep, EPOLL_CTL_MOD, p[1], EPOLLOUT, 4);
	show("level", ep, 0);
	show("level again", ep, 0);
	int d = dup(p[0]);
	printf("dup: %s\n", result(add(ep, EPOLL_CTL_ADD, d, EPOLLIN, 5)));
	close(p[1]);
	show("hung up", ep, 0);
	close(p[0]);
	show("closed, with a dup", ep, 0);
	close(d);
	show("closed", ep, 0);
	close(ep);
	ep = epoll_create1(0);
	pipe(p);
	close(p[0]);
	add(ep, EPOLL_CTL_ADD, p[1], 0, 6);
	show("nobody reads", ep, 0);
	close(p[1]);
	close(ep);
}

static void order(void)
{
	int ep = epoll_create1(0), ev[5];
	for (int i = 0; i < 5; i++) {
		ev[i] = eventfd(1, 0);
		add(ep, EPOLL_CTL_ADD, ev[i], EPOLLIN, i);
	}
	for (int k = 0; k < 4; k++) {
		struct epoll_event e[2];
		int n = epoll_wait(ep, e, 2, 0);
		printf("turn %d: %d %d %d\n", k, n, (int)e[0].data.u64, (int)e[1].data.u64);
	}
	for (int i = 0; i < 5; i++)
		close(ev[i]);
	close(ep);
}

static void nested(void)
{
	int ep[8], ev = eventfd(0, 0);
	for (int i = 0; i < 8; i++)
		ep[i] = epoll_create1(0);
	printf("itself: %s\n", result(add(ep[0], EPOLL_CTL_ADD, ep[0], EPOLLIN, 0)));
	for (int i = 0; i < 7; i++)
		printf("%d in %d: %s\n", i, i + 1, result(add(ep[i + 1], EPOLL_CTL_ADD, ep[i], EPOLLIN, i)));
	printf("circle: %s\n", result(add(ep[0], EPOLL_CTL_ADD, ep[2], EPOLLIN, 0)));
	add(ep[0], EPOLL_CTL_ADD, ev, EPOLLIN, 77);
	show("nothing below", ep[3], 0);
	eventfd_write(ev, 1);
	show("something below", ep[3], 0);
	show("still", ep[3], 0);
	struct pollfd f = { ep[2], POLLIN | POLLOUT, 0 };
	printf("poll: %d %#x\n", poll(&f, 1, 0), f.revents);
	uint64_t n;
	read(ev, &n, 8);
	show("no longer", ep[3], 0);
	printf("poll: %d %#x\n", poll(&f, 1, 0), f.revents);
	close(ep[1]);
	eventfd_write(ev, 1);
	show("cut off", ep[3], 0);
	for (int i = 0; i < 8; i++)
		close(ep[i]);
	close(ev);
}

static void refused(void)
{
	int ep = epoll_create1(0), ep2 = epoll_create1(0), ev = eventfd(1, 0);
	int file = open("/proc/self/exe", O_RDONLY), folder = open("/", O_RDONLY), null = open("/dev/null", O_RDWR), zero = open("/dev/zero", O_RDWR);
	int random = open("/dev/urandom", O_RDONLY), path = open("/", O_PATH);
	struct epoll_event e[4];
	printf("file %s\n", result(add(ep, EPOLL_CTL_ADD, file, EPOLLIN, 0)));
	printf("folder %s\n", result(add(ep, EPOLL_CTL_ADD, folder, EPOLLIN, 0)));
	printf("null %s\n", result(add(ep, EPOLL_CTL_ADD, null, EPOLLIN, 0)));
	printf("zero %s\n", result(add(ep, EPOLL_CTL_ADD, zero, EPOLLIN, 0)));
	printf("O_PATH %s\n", result(add(ep, EPOLL_CTL_ADD, path, EPOLLIN, 0)));
	printf("random %s\n", result(add(ep, EPOLL_CTL_ADD, random, EPOLLIN, 9)));
	show("random", ep, 0);
	close(random);
	printf("exclusive with one shot %s\n", result(add(ep, EPOLL_CTL_ADD, ev, EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT, 0)));
	printf("exclusive epoll %s\n", result(add(ep, EPOLL_CTL_ADD, ep2, EPOLLIN | EPOLLEXCLUSIVE, 0)));
	printf("exclusive %s\n", result(add(ep, EPOLL_CTL_ADD, ev, EPOLLIN | EPOLLEXCLUSIVE, 0)));
	printf("exclusive changed %s\n", result(add(ep, EPOLL_CTL_MOD, ev, EPOLLIN, 0)));
	printf("to exclusive %s\n", result(add(ep, EPOLL_CTL_MOD, ev, EPOLLIN | EPOLLEXCLUSIVE, 0)));
	show("exclusive", ep, 0);
	printf("twice %s\n", result(add(ep, EPOLL_CTL_ADD, ev, EPOLLIN, 0)));
	printf("many %s\n", result(epoll_wait(ep, e, 0x7fffffff / 12 + 1, 0)));
	printf("negative %s\n", result(epoll_wait(ep, e, -1, 0)));
	printf("seek %s, read %s, write %s\n", result(lseek(ep, 0, SEEK_CUR)), result(read(ep, e, 8)), result(write(ep, e, 8)));
	close(ep);
	close(ep2);
	close(ev);
	close(file);
	close(folder);
	close(null);
	close(zero);
	close(path);
}

static int waiting_ep, told;

static void *waiter(void *arg)
{
	struct epoll_event e;
	int n = epoll_wait(waiting_ep, &e, 1, 5000);
	__atomic_add_fetch(&told, n, __ATOMIC_SEQ_CST);
	(void)arg;
	return 0;
}

/* Edges go to one thread each. */
static void threads(void)
{
	pthread_t th[4];
	int ev[4];
	waiting_ep = epoll_create1(0);
	for (int i = 0; i < 4; i++) {
		ev[i] = eventfd(0, 0);
		add(waiting_ep, EPOLL_CTL_ADD, ev[i], EPOLLIN | EPOLLET, i);
		pthread_create(&th[i], 0, waiter, 0);
	}
	usleep(20000);
	for (int i = 0; i < 4; i++)
		eventfd_write(ev[i], 1);
	for (int i = 0; i < 4; i++)
		pthread_join(th[i], 0);
	printf("threads told: %d\n", told);
	for (int i = 0; i < 4; i++)
		close(ev[i]);
	close(waiting_ep);
}

static volatile int handled;

static void handler(int sig)
{
	handled = sig;
}

static void signals(void)
{
	struct sigaction sa = { .sa_handler = handler, .sa_flags = SA_RESTART };
	struct epoll_event e;
	sigset_t block, none;
	int ep = epoll_create1(0);
	sigaction(SIGUSR1, &sa, 0);
	sigemptyset(&none);
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	sigprocmask(SIG_BLOCK, &block, 0);
	raise(SIGUSR1);
	printf("blocked: %s, handled %d\n", result(epoll_pwait(ep, &e, 1, 10, &block)), handled);
	printf("let through: %s, handled %d\n", result(epoll_pwait(ep, &e, 1, -1, &none)), handled == SIGUSR1);
	handled = 0;
	raise(SIGUSR1);
	int ev = eventfd(1, 0);
	add(ep, EPOLL_CTL_ADD, ev, EPOLLIN, 1);
	printf("ready as well: %s, handled %d\n", result(epoll_pwait(ep, &e, 1, -1, &none)), handled);
	sigset_t now;
	sigprocmask(SIG_SETMASK, 0, &now);
	printf("still blocked: %d\n", sigismember(&now, SIGUSR1));
	sigpending(&now);
	printf("still pending: %d\n", sigismember(&now, SIGUSR1));
	close(ev);
	close(ep);
	sigprocmask(SIG_UNBLOCK, &block, 0);
	printf("handled at last: %d\n", handled == SIGUSR1);
}

int main(void)
{
	kinds();
	order();
	nested();
	refused();
	threads();
	signals();
	return 0;
}
