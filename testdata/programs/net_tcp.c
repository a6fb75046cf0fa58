/* TCP on the loopback, both ends in one process. */
#include "net.h"

static char buf[1 << 16];

static void basics(int family)
{
	struct sockaddr_storage any = { 0 }, peer, own;
	socklen_t size = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6), n;
	if (family == AF_INET)
		*(struct sockaddr_in *)&any = v4("127.0.0.1", 0);
	else
		*(struct sockaddr_in6 *)&any = v6("::1", 0);
	int l = OK(socket(family, SOCK_STREAM, 0));
	n = sizeof own;
	SAY(getsockname(l, (void *)&own, &n));
	printf("before bind: family %d, port %d, %u bytes\n", own.ss_family, port_of(l), n);
	SAY(bind(l, (void *)&any, size));
	SAY(bind(l, (void *)&any, size));
	SAY(accept(l, 0, 0));
	SAY(listen(l, 5));
	SAY(listen(l, 6));
	printf("has a port: %d\n", port_of(l) > 0);
	polled("listener", l, POLLIN | POLLOUT, 0);
	((struct sockaddr_in *)&any)->sin_port = htons(port_of(l));
	int c = OK(socket(family, SOCK_STREAM, 0));
	polled("new", c, POLLIN | POLLOUT | POLLRDHUP, 0);
	SAY(recv(c, buf, 1, 0));
	SAY(send(c, buf, 1, MSG_NOSIGNAL));
	SAY(getpeername(c, (void *)&peer, (n = sizeof peer, &n)));
	SAY(connect(c, (void *)&any, size));
	SAY(connect(c, (void *)&any, size));
	SAY(listen(c, 1));
	polled("listener", l, POLLIN | POLLOUT, 5000);
	memset(&peer, 0, sizeof peer);
	n = sizeof peer;
	int s = OK(accept4(l, (void *)&peer, &n, SOCK_CLOEXEC | SOCK_NONBLOCK));
	printf("peer: family %d, port %s, %u bytes\n", peer.ss_family, ((struct sockaddr_in *)&peer)->sin_port == htons(port_of(c)) ? "the client's" : "another", n);
	printf("flags: %s %s\n", fcntl(s, F_GETFD) & FD_CLOEXEC ? "cloexec" : "", fcntl(s, F_GETFL) & O_NONBLOCK ? "nonblock" : "");
	SAY(recv(s, buf, 10, 0));
	SAY(fcntl(s, F_SETFL, 0));
	polled("connected", c, POLLIN | POLLOUT | POLLRDHUP, 0);
	SAY(write(c, "hello, world", 12));
	SAY(recv(s, buf, 5, MSG_PEEK | MSG_WAITALL));
	int left = -1;
	SAY(ioctl(s, FIONREAD, &left));
	printf("%d bytes to read\n", left);
	SAY(recv(s, buf, 12, MSG_WAITALL));
	printf("%.12s\n", buf);
	SAY(recv(s, buf, 1, MSG_DONTWAIT));
	SAY(recv(s, 0, 0, MSG_DONTWAIT));
	struct iovec v[3] = { { "one ", 4 }, { "two ", 4 }, { "three", 5 } };
	SAY(writev(s, v, 3));
	struct iovec w[2] = { { buf, 6 }, { buf + 100, 60 } };
	usleep(20000);
	SAY(readv(c, w, 2));
	printf("%.6s|%.7s\n", buf, buf + 100);
	SAY(pwrite(c, "x", 1, 0));
	SAY(lseek(c, 0, SEEK_CUR));
	struct stat st;
	SAY(fstat(c, &st));
	printf("mode %o\n", st.st_mode);
	SAY(shutdown(c, SHUT_WR));
	polled("half closed", s, POLLIN | POLLOUT | POLLRDHUP, 5000);
	SAY(recv(s, buf, 10, 0));
	SAY(recv(s, buf, 10, 0));
	SAY(send(c, "x", 1, MSG_NOSIGNAL));
	SAY(send(s, "answer", 6, 0));
	SAY(recv(c, buf, 6, MSG_WAITALL));
	SAY(shutdown(s, SHUT_WR));
	polled("closed both ways", c, POLLIN | POLLOUT | POLLRDHUP, 5000);
	SAY(recv(c, buf, 6, 0));
	SAY(shutdown(s, 99));
	close(c);
	close(s);
	SAY(close(l));
}

static void errors(void)
{
	struct sockaddr_in a = v4("127.0.0.1", 0), b;
	struct sockaddr_in6 a6 = v6("::1", 0);
	int file = open("/dev/null", O_RDWR);
	SAY(socket(AF_INET, 99, 0));
	SAY(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP));
	SAY(socket(AF_INET, SOCK_SEQPACKET, 0));
	SAY(socket(AF_INET, 0x100, 0));
	SAY(socket(77, SOCK_STREAM, 0));
	SAY(socket(-1, SOCK_STREAM, 0));
	int two[2];
	SAY(socketpair(AF_INET, SOCK_STREAM, 0, two));
	SAY(bind(99, (void *)&a, sizeof a));
	SAY(bind(file, (void *)&a, sizeof a));
	int s = OK(socket(AF_INET, SOCK_STREAM, 0));
	SAY(bind(s, (void *)&a, 3));
	SAY(bind(s, (void *)&a, 1000));
	SAY(bind(s, (void *)16, sizeof a));
	SAY(bind(s, (void *)&a6, sizeof a6));
	b = v4("192.0.2.77", 0);
	SAY(bind(s, (void *)&b, sizeof b));
	SAY(connect(s, (void *)&a6, sizeof a6));
	SAY(connect(s, (void *)&a, 3));
	socklen_t n = sizeof a;
	SAY(getsockname(s, (void *)&a, (void *)16));
	SAY(getsockname(s, (void *)16, &n));
	n = -1;
	SAY(getsockname(s, (void *)&a, &n));
	n = 4;
	SAY(getsockname(s, (void *)&a, &n));
	printf("%u bytes are there\n", n);
	SAY(accept(s, 0, 0));
	SAY(accept4(s, 0, 0, 1));
	int l = listener4();
	b = v4("127.0.0.1", port_of(l));
	int o = socket(AF_INET, SOCK_STREAM, 0);
	SAY(bind(o, (void *)&b, sizeof b));
	b = v4("0.0.0.0", port_of(l));
	SAY(bind(o, (void *)&b, sizeof b));
	SAY(connect(l, (void *)&b, sizeof b));
	SAY(send(l, "x", 1, MSG_NOSIGNAL));
	SAY(recv(l, &b, 1, 0));
	SAY(fcntl(l, F_SETFL, O_NONBLOCK));
	SAY(accept(l, 0, 0));
	/* Nobody listens. */
	b = v4("127.0.0.1", port_of(l));
	close(l);
	SAY(connect(s, (void *)&b, sizeof b));
	polled("refused", s, POLLIN | POLLOUT | POLLRDHUP, 0);
	printf("error %d\n", soerror(s));
	int x = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	connect(x, (void *)&b, sizeof b);
	polled("refused later", x, POLLIN | POLLOUT | POLLRDHUP, 5000);
	printf("error %d\n", soerror(x) == ECONNREFUSED);
	printf("error %d\n", soerror(x));
	/* A server that starts anew. */
	int p[2];
	l = listener4();
	b = v4("127.0.0.1", port_of(l));
	p[0] = socket(AF_INET, SOCK_STREAM, 0);
	SAY(connect(p[0], (void *)&b, sizeof b));
	p[1] = accept(l, 0, 0);
	close(p[1]);
	close(l);
	usleep(20000);
	close(p[0]);
	l = socket(AF_INET, SOCK_STREAM, 0);
	int one = 1;
	setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	SAY(bind(l, (void *)&b, sizeof b));
	SAY(listen(l, 1));
	/* Any address means the machine. */
	b = v4("0.0.0.0", port_of(l));
	int z = socket(AF_INET, SOCK_STREAM, 0);
	SAY(connect(z, (void *)&b, sizeof b));
}

static volatile int pipes;

static void count(int sig)
{
	(void)sig;
	pipes++;
}

/* Peers that reset. */
static void resets(void)
{
	int t[2];
	signal(SIGPIPE, count);
	connected(t);
	struct linger hard = { 1, 0 };
	SAY(setsockopt(t[0], SOL_SOCKET, SO_LINGER, &hard, sizeof hard));
	close(t[0]);
	polled("reset", t[1], POLLIN | POLLOUT | POLLRDHUP, 5000);
	SAY(recv(t[1], buf, 10, 0));
	SAY(recv(t[1], buf, 10, 0));
	SAY(write(t[1], "x", 1));
	printf("%d SIGPIPE\n", pipes);
	SAY(send(t[1], "x", 1, MSG_NOSIGNAL));
	printf("%d SIGPIPE\n", pipes);
	polled("told", t[1], POLLIN | POLLOUT | POLLRDHUP, 0);
	close(t[1]);

	connected(t); /* the error is asked for */
	setsockopt(t[0], SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	close(t[0]);
	polled("reset", t[1], POLLIN, 5000);
	printf("error %d\n", soerror(t[1]) == ECONNRESET);
	printf("error %d\n", soerror(t[1]));
	SAY(recv(t[1], buf, 10, 0));
	close(t[1]);

	connected(t); /* unread data is a reset */
	write(t[1], "nobody reads this", 17);
	usleep(20000);
	close(t[0]);
	polled("unread", t[1], POLLIN, 5000);
	SAY(recv(t[1], buf, 10, 0));
	close(t[1]);

}

/* Peers that vanish or are slow. */
static void peers(void)
{
	int t[2];
	long r;
	signal(SIGPIPE, count);
	connected(t); /* writing to one that is gone */
	close(t[0]);
	polled("closed", t[1], POLLIN | POLLRDHUP, 5000);
	SAY(recv(t[1], buf, 10, 0));
	SAY(write(t[1], "x", 1));
	usleep(100000);
	SAY(write(t[1], "x", 1));
	printf("%d SIGPIPE\n", pipes);
	SAY(recv(t[1], buf, 10, 0));
	close(t[1]);

	connected(t); /* reading side shut down here */
	SAY(shutdown(t[0], SHUT_RD));
	polled("no reading", t[0], POLLIN | POLLRDHUP, 0);
	SAY(recv(t[0], buf, 10, 0));
	SAY(write(t[0], "still", 5));
	SAY(recv(t[1], buf, 5, MSG_WAITALL));
	close(t[0]);
	close(t[1]);

	connected(t); /* full buffers */
	fcntl(t[0], F_SETFL, O_NONBLOCK);
	long sent = 0, got = 0;
	while ((r = write(t[0], buf, sizeof buf)) > 0)
		sent += r;
	printf("full: %s\n", err(r));
	polled("full", t[0], POLLOUT, 0);
	fcntl(t[1], F_SETFL, O_NONBLOCK);
	for (int idle = 0; got < sent && idle < 100;) {
		if ((r = read(t[1], buf, sizeof buf)) > 0)
			got += r;
		else
			idle++, usleep(5000);
	}
	printf("all of it came: %d\n", sent == got && sent > 65536);
	polled("room again", t[0], POLLOUT, 5000);
	close(t[0]);
	close(t[1]);

	connected(t); /* timeouts */
	struct timeval tv = { 0, 50000 };
	SAY(setsockopt(t[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv));
	SAY(setsockopt(t[0], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv));
	SAY(read(t[0], buf, 1));
	while ((r = write(t[0], buf, sizeof buf)) == sizeof buf)
		;
	printf("partly or EAGAIN: %d\n", r > 0 || errno == EAGAIN);
	close(t[0]);
	close(t[1]);
}

static void *closer(void *fd)
{
	usleep(50000);
	write(*(int *)fd, "late", 4);
	usleep(50000);
	close(*(int *)fd);
	return 0;
}

static void *connector(void *port)
{
	usleep(50000);
	struct sockaddr_in a = v4("127.0.0.1", *(int *)port);
	int s = socket(AF_INET, SOCK_STREAM, 0);
	connect(s, (void *)&a, sizeof a);
	usleep(50000);
	close(s);
	return 0;
}

static void nothing(int sig) { (void)sig; }

static pthread_t first;

static void *killer(void *us)
{
	usleep((long)us);
	pthread_kill(first, SIGUSR1);
	return 0;
}

static void later(long us)
{
	pthread_t th;
	first = pthread_self();
	pthread_create(&th, 0, killer, (void *)us);
	pthread_detach(th);
}

/* Calls that wait. */
static void waits(void)
{
	int t[2];
	pthread_t th;
	connected(t);
	pthread_create(&th, 0, closer, &t[0]);
	SAY(read(t[1], buf, 10));
	SAY(read(t[1], buf, 10));
	pthread_join(th, 0);
	close(t[1]);
	int l = listener4(), port = port_of(l);
	pthread_create(&th, 0, connector, &port);
	int s = OK(accept(l, 0, 0));
	polled("until it closes", s, POLLIN, 5000);
	pthread_join(th, 0);
	pthread_create(&th, 0, connector, &port);
	polled("listener", l, POLLIN, 5000);
	pthread_join(th, 0);
	OK(accept(l, 0, 0));
	/* Signals. */
	connected(t);
	struct sigaction sa = { .sa_handler = nothing };
	sigaction(SIGUSR1, &sa, 0);
	later(50000);
	SAY(read(t[0], buf, 1));
	later(50000);
	SAY(recv(t[0], buf, 1, 0));
	later(50000);
	SAY(accept(l, 0, 0));
	sa.sa_flags = SA_RESTART;
	sigaction(SIGUSR1, &sa, 0);
	struct timeval tv = { 5, 0 };
	setsockopt(t[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
	later(50000);
	SAY(read(t[0], buf, 1));
	tv.tv_sec = 0;
	setsockopt(t[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
	pthread_create(&th, 0, closer, &t[1]);
	later(20000);
	SAY(read(t[0], buf, 10));
	pthread_join(th, 0);
	/* Connecting without waiting. */
	struct sockaddr_in a = v4("127.0.0.1", port);
	int c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	int r = connect(c, (void *)&a, sizeof a);
	printf("connect: %d\n", r == 0 || errno == EINPROGRESS);
	polled("connecting", c, POLLOUT, 5000);
	printf("error %d\n", soerror(c));
	r = connect(c, (void *)&a, sizeof a);
	printf("again: %d\n", r == 0 || errno == EISCONN);
	SAY(connect(c, (void *)&a, sizeof a));
}

int main(int argc, char **argv)
{
	setvbuf(stdout, 0, _IOLBF, 0);
	const char *what = argc > 1 ? argv[1] : "v4";
	if (!strcmp(what, "v4"))
		basics(AF_INET);
	else if (!strcmp(what, "v6"))
		basics(AF_INET6);
	else if (!strcmp(what, "errors"))
		errors();
	else if (!strcmp(what, "resets"))
		resets();
	else if (!strcmp(what, "peers"))
		peers();
	else if (!strcmp(what, "waits"))
		waits();
	return 0;
}
