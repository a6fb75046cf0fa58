/*
 * A client of a peer that behaves badly: net_peers WHAT PORT. The peer is
 * difftest/net_peers_test.go.
 */
#include "net.h"

static char buf[1 << 18];
static volatile int pipes;
static int s;

static void count(int sig)
{
	(void)sig;
	pipes++;
}

/* Reads all until the end; tells how much and a sum. */
static void drain(void)
{
	long r, n = 0;
	uint32_t sum = 0;
	while ((r = read(s, buf, sizeof buf)) > 0)
		for (long i = 0; i < r; i++, n++)
			sum = sum * 31 + (unsigned char)buf[i];
	printf("%ld bytes, sum %08x, then %s\n", n, sum, err(r));
}

static void pattern(long size)
{
	for (long at = 0, r; at < size; at += r) {
		long n = size - at < 60000 ? size - at : 60000;
		for (long i = 0; i < n; i++)
			buf[i] = (at + i) * 7 + (at + i) / 251;
		if ((r = write(s, buf, n)) <= 0) {
			printf("write after %ld: %s\n", at, err(r));
			return;
		}
	}
	printf("wrote %ld\n", size);
}

/* The peer has ended its part, and still listens. */
static void half(void)
{
	drain();
	polled("ended there", s, POLLIN | POLLOUT | POLLRDHUP, 0);
	SAY(recv(s, buf, 1, MSG_DONTWAIT));
	pattern(1000000);
	SAY(shutdown(s, SHUT_WR));
	polled("ended both", s, POLLIN | POLLOUT | POLLRDHUP, 5000);
	SAY(send(s, "x", 1, MSG_NOSIGNAL));
}

/* The peer has ended its part while nothing more can be sent to it. */
static void half_full(void)
{
	long r, n = 0;
	struct sockaddr_in a;
	socklen_t size = sizeof a;
	getpeername(s, (void *)&a, &size);
	fcntl(s, F_SETFL, O_NONBLOCK);
	while ((r = write(s, buf, sizeof buf)) > 0)
		n += r;
	printf("full: %s\n", err(r));
	usleep(400000);
	polled("ended there", s, POLLIN | POLLOUT | POLLRDHUP, 0);
	SAY(read(s, buf, 10));
	printf("error %d\n", soerror(s));
	SAY(fcntl(s, F_SETFL, 0));
	SAY(write(s, buf, sizeof buf));
	n += sizeof buf;
	SAY(shutdown(s, SHUT_WR));
	char text[30];
	int k = snprintf(text, sizeof text, "%ld", n);
	int c = socket(AF_INET, SOCK_STREAM, 0);
	SAY(connect(c, (void *)&a, sizeof a));
	printf("told: %d\n", write(c, text, k) == k);
}

/* The peer answers once this side has ended its part. */
static void answer(void)
{
	pattern(1000000);
	SAY(shutdown(s, SHUT_WR));
	drain();
	polled("ended both", s, POLLIN | POLLOUT | POLLRDHUP, 0);
}

/* The peer resets, nobody waits. */
static void reset(void)
{
	SAY(send(s, "go", 2, 0));
	usleep(300000);
	SAY(read(s, buf, 10));
	SAY(read(s, buf, 10));
	SAY(write(s, "x", 1));
	printf("%d SIGPIPE\n", pipes);
	polled("after it", s, POLLIN | POLLOUT | POLLRDHUP, 0);
}

static void reset_write(void)
{
	SAY(send(s, "go", 2, 0));
	usleep(300000);
	SAY(write(s, "x", 1));
	SAY(write(s, "x", 1));
	printf("%d SIGPIPE\n", pipes);
	SAY(read(s, buf, 10));
}

static void reset_asked(void)
{
	SAY(send(s, "go", 2, 0));
	usleep(300000);
	printf("error %d\n", soerror(s) == ECONNRESET);
	printf("error %d\n", soerror(s));
	SAY(read(s, buf, 10));
}

/* The peer resets while this side waits. */
static void reset_waiting(void)
{
	SAY(send(s, "go", 2, 0));
	SAY(read(s, buf, 10));
	SAY(read(s, buf, 10));
	SAY(write(s, "x", 1));
}

/* The peer takes its time, in both directions. */
static void slow(void)
{
	pattern(12000000);
	long r = recv(s, buf, 500, MSG_WAITALL);
	uint32_t sum = 0;
	for (long i = 0; i < r; i++)
		sum = sum * 31 + (unsigned char)buf[i];
	printf("%ld in one, sum %08x\n", r, sum);
	drain();
}

/* The same, without waiting in a call. */
static void slow_poll(void)
{
	long at = 0, r, eagain = 0, size = 12000000;
	fcntl(s, F_SETFL, O_NONBLOCK);
	while (at < size) {
		long n = size - at < 60000 ? size - at : 60000;
		for (long i = 0; i < n; i++)
			buf[i] = (at + i) * 7 + (at + i) / 251;
		if ((r = write(s, buf, n)) > 0) {
			at += r;
			continue;
		}
		if (errno != EAGAIN) {
			printf("write: %s\n", err(r));
			return;
		}
		eagain = 1;
		struct pollfd p = { s, POLLOUT, 0 };
		if (poll(&p, 1, 10000) != 1) {
			printf("no room in ten seconds\n");
			return;
		}
	}
	printf("wrote %ld, waited %ld\n", at, eagain);
	long n = 0;
	for (;;) {
		struct pollfd p = { s, POLLIN, 0 };
		if (poll(&p, 1, 20000) != 1) {
			printf("nothing in twenty seconds\n");
			return;
		}
		if ((r = read(s, buf, sizeof buf)) == 0 || (r < 0 && errno != EAGAIN))
			break;
		if (r > 0)
			n += r;
	}
	printf("%ld bytes, then %s\n", n, err(r));
}

/* The peer is gone in the middle of much data. */
static void vanish(void)
{
	long r;
	while ((r = write(s, buf, 60000)) > 0)
		;
	printf("broken: %d\n", r < 0 && (errno == ECONNRESET || errno == EPIPE));
	SAY(write(s, "x", 1));
	printf("SIGPIPE: %d\n", pipes > 0);
	SAY(send(s, "x", 1, MSG_NOSIGNAL));
}

/* The peer is gone, and this side has not looked. */
static void vanish_idle(void)
{
	SAY(send(s, "go", 2, 0));
	usleep(300000);
	SAY(write(s, "x", 1));
	usleep(300000);
	SAY(write(s, "x", 1));
	printf("%d SIGPIPE\n", pipes);
	SAY(read(s, buf, 10));
}

int main(int argc, char **argv)
{
	static const struct { const char *name; void (*run)(void); } all[] = {
		{ "half", half }, { "half_full", half_full }, { "answer", answer }, { "reset", reset }, { "reset_write", reset_write }, { "reset_asked", reset_asked },
		{ "reset_waiting", reset_waiting }, { "unread", reset }, { "slow", slow }, { "slow_poll", slow_poll }, { "vanish", vanish }, { "vanish_idle", vanish_idle },
	};
	setvbuf(stdout, 0, _IOLBF, 0);
	if (argc < 3)
		return 2;
	signal(SIGPIPE, count);
	struct sockaddr_in a = v4("127.0.0.1", atoi(argv[2]));
	s = socket(AF_INET, SOCK_STREAM, 0);
	SAY(connect(s, (void *)&a, sizeof a));
	for (unsigned i = 0; i < sizeof all / sizeof *all; i++)
		if (!strcmp(all[i].name, argv[1]))
			all[i].run();
	return 0;
}
