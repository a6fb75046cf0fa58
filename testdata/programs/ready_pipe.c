/* Pipes: what fits, packets, sizes, ends, signals. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

static char buf[1 << 20];

static const char *result(long r)
{
	static char b[4][32];
	static int i;
	char *s = b[i++ & 3];
	if (r < 0)
		return strerrorname_np(errno);
	snprintf(s, 32, "%ld", r);
	return s;
}

static void state(const char *what, int p[2])
{
	struct pollfd f[2] = { { p[0], POLLIN | POLLRDNORM, 0 }, { p[1], POLLOUT | POLLWRNORM, 0 } };
	int n = -1;
	ioctl(p[0], FIONREAD, &n);
	poll(f, 2, 0);
	printf("%s: %d bytes, %#x %#x\n", what, n, f[0].revents, f[1].revents);
}

static void room(int flags, size_t piece)
{
	int p[2];
	long total = 0, n, times = 0;
	pipe2(p, O_NONBLOCK | flags);
	while ((n = write(p[1], buf, piece)) > 0)
		total += n, times++;
	printf("pieces of %zu: %ld times, %ld bytes, %s\n", piece, times, total, strerrorname_np(errno));
	state("full", p);
	printf("read %s\n", result(read(p[0], buf, 100)));
	state("100 less", p);
	printf("read %s\n", result(read(p[0], buf, 4096)));
	state("4096 less", p);
	printf("write %s %s\n", result(write(p[1], buf, 4097)), result(write(p[1], buf, 10000)));
	while ((n = read(p[0], buf, 5000)) > 0)
		total -= n;
	state("empty", p);
	close(p[0]);
	close(p[1]);
}

static void packets(void)
{
	int p[2];
	pipe2(p, O_NONBLOCK | O_DIRECT);
	printf("flags %#x %#x\n", fcntl(p[0], F_GETFL) & (O_DIRECT | O_NONBLOCK), fcntl(p[1], F_GETFL) & (O_DIRECT | O_NONBLOCK));
	write(p[1], buf, 10);
	write(p[1], buf, 20);
	write(p[1], buf, 5000);
	state("packets", p);
	for (int i = 0; i < 5; i++)
		printf("read %s\n", result(read(p[0], buf, i == 0 ? 3 : 9000)));
	fcntl(p[1], F_SETFL, O_NONBLOCK);
	write(p[1], buf, 10);
	write(p[1], buf, 20);
	printf("no packets: read %s\n", result(read(p[0], buf, 9000)));
	close(p[0]);
	close(p[1]);
}

static void sizes(void)
{
	int p[2];
	pipe2(p, O_NONBLOCK);
	printf("size %d\n", fcntl(p[0], F_GETPIPE_SZ));
	printf("to 1: %s\n", result(fcntl(p[1], F_SETPIPE_SZ, 1)));
	printf("write %s\n", result(write(p[1], buf, 9000)));
	printf("to 5000: %s\n", result(fcntl(p[1], F_SETPIPE_SZ, 5000)));
	printf("write %s\n", result(write(p[1], buf, 9000)));
	printf("to 4096: %s\n", result(fcntl(p[1], F_SETPIPE_SZ, 4096)));
	printf("to 1 MiB: %s\n", result(fcntl(p[1], F_SETPIPE_SZ, 1 << 20)));
	printf("to 0x80000001: %s\n", result(fcntl(p[1], F_SETPIPE_SZ, 0x80000001u)));
	printf("write %s\n", result(write(p[1], buf, sizeof buf)));
	printf("no pipe: %s\n", result(fcntl(open("/", O_RDONLY), F_GETPIPE_SZ)));
	close(p[0]);
	close(p[1]);
}

static volatile int got;

static void handler(int sig, siginfo_t *i, void *c)
{
	(void)c;
	got = sig;
	if (sig == SIGPIPE)
		printf("SIGPIPE: code %d, from itself %d\n", i->si_code, i->si_pid == getpid());
}

static void ends(void)
{
	struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
	sigaction(SIGPIPE, &sa, 0);
	int p[2];
	pipe(p);
	printf("nothing: %s %s\n", result(read(p[0], buf, 0)), result(write(p[1], buf, 0)));
	write(p[1], "ab", 2);
	close(p[1]);
	struct pollfd f = { p[0], POLLIN, 0 };
	printf("poll %d %#x\n", poll(&f, 1, -1), f.revents);
	printf("read %s %s\n", result(read(p[0], buf, 5)), result(read(p[0], buf, 5)));
	printf("poll %d %#x\n", poll(&f, 1, -1), f.revents);
	close(p[0]);
	pipe(p);
	close(p[0]);
	f = (struct pollfd){ p[1], POLLOUT, 0 };
	printf("poll %d %#x\n", poll(&f, 1, -1), f.revents);
	printf("write %s\n", result(write(p[1], buf, 5)));
	printf("write nothing %s\n", result(write(p[1], buf, 0)));
	close(p[1]);
	printf("wrong end: %s %s\n", result(pipe2(p, 1)), result(pipe((int *)16)));
}

static pthread_t self;

static void *pester(void *arg)
{
	usleep(30000);
	pthread_kill(self, SIGUSR1);
	(void)arg;
	return 0;
}

static void interrupted(int flags)
{
	struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags };
	pthread_t th;
	int p[2];
	sigaction(SIGUSR1, &sa, 0);
	self = pthread_self();
	pipe(p);
	if (!flags) {
		pthread_create(&th, 0, pester, 0);
		printf("read %s\n", result(read(p[0], buf, 10)));
		pthread_join(th, 0);
		pthread_create(&th, 0, pester, 0);
		printf("write more than there is room: %s\n", result(write(p[1], buf, 100000)));
		pthread_join(th, 0);
		pthread_create(&th, 0, pester, 0);
		printf("write when full: %s\n", result(write(p[1], buf, 10)));
		pthread_join(th, 0);
	} else {
		struct pollfd f = { p[0], POLLIN, 0 };
		pthread_create(&th, 0, pester, 0);
		printf("poll is not restarted: %s\n", result(poll(&f, 1, -1)));
		pthread_join(th, 0);
		fd_set s;
		FD_ZERO(&s);
		FD_SET(p[0], &s);
		struct timeval tv = { 100, 0 };
		pthread_create(&th, 0, pester, 0);
		printf("nor is select: %s", result(select(p[0] + 1, &s, 0, 0, &tv)));
		printf(", set %d, time left %d\n", !!FD_ISSET(p[0], &s), tv.tv_sec == 99);
		pthread_join(th, 0);
	}
	close(p[0]);
	close(p[1]);
}

static int through[2];

static void *writer(void *arg)
{
	for (int i = 0; i < 200; i++) {
		char line[300];
		memset(line, 'a' + (long)arg, sizeof line);
		if (write(through[1], line, sizeof line) != sizeof line)
			abort();
	}
	return 0;
}

/* Pieces up to PIPE_BUF are not divided. */
static void whole(void)
{
	pthread_t th[6];
	pipe(through);
	for (long i = 0; i < 6; i++)
		pthread_create(&th[i], 0, writer, (void *)i);
	int counts[6] = { 0 }, divided = 0;
	for (int i = 0; i < 1200; i++) {
		char line[300];
		for (size_t n = 0; n < sizeof line;)
			n += read(through[0], line + n, sizeof line - n);
		for (size_t n = 1; n < sizeof line; n++)
			divided += line[n] != line[0];
		counts[line[0] - 'a']++;
	}
	for (int i = 0; i < 6; i++) {
		pthread_join(th[i], 0);
		printf("%d ", counts[i]);
	}
	printf("divided %d\n", divided);
}

int main(void)
{
	setvbuf(stdout, 0, _IONBF, 0);
	size_t pieces[] = { 1, 100, 4095, 4096, 4097, 5000, 65536, 100000 };
	for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
		room(0, pieces[i]);
	room(O_DIRECT, 100);
	room(O_DIRECT, 5000);
	packets();
	sizes();
	ends();
	interrupted(0);
	interrupted(SA_RESTART);
	whole();
	return 0;
}
