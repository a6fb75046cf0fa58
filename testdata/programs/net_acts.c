/* What options of sockets do, and not just what they answer: net_acts WHAT. */
#include "net.h"
#include <sys/mman.h>
#include <time.h>

static char buf[1 << 17];

static int udp4(struct sockaddr_in *at)
{
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	*at = v4("127.0.0.1", 0);
	bind(s, (void *)at, sizeof *at);
	at->sin_port = htons(port_of(s));
	return s;
}

static int udp6(struct sockaddr_in6 *at)
{
	int s = socket(AF_INET6, SOCK_DGRAM, 0);
	*at = v6("::1", 0);
	bind(s, (void *)at, sizeof *at);
	at->sin6_port = htons(port_of(s));
	return s;
}

/* A datagram with what comes beside it. */
static void received(int s, int room, int flags)
{
	union {
		char room[512];
		struct cmsghdr h;
	} c;
	memset(&c, 0x5a, sizeof c);
	struct iovec v = { buf, 100 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = c.room, .msg_controllen = room };
	long r = recvmsg(s, &m, flags);
	printf("recvmsg = %s, %zu of control, flags %x\n", err(r), (size_t)m.msg_controllen, m.msg_flags);
	if (r < 0)
		return;
	for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h)) {
		printf("\t%d %d %zu:", h->cmsg_level, h->cmsg_type, (size_t)h->cmsg_len);
		unsigned char *d = CMSG_DATA(h);
		size_t n = h->cmsg_len - CMSG_LEN(0);
		if (h->cmsg_level == SOL_SOCKET && h->cmsg_type != SCM_RIGHTS) {
			time_t sec = 0;
			memcpy(&sec, d, n / 2 < sizeof sec ? n / 2 : sizeof sec);
			printf(" now %d\n", labs((long)(sec - time(0))) < 5);
			continue;
		}
		if (h->cmsg_level == IPPROTO_IP && h->cmsg_type == IP_PKTINFO && n == sizeof(struct in_pktinfo)) {
			struct in_pktinfo i;
			memcpy(&i, d, sizeof i);
			printf(" lo %d, by %s", i.ipi_ifindex == (int)if_nametoindex("lo"), inet_ntoa(i.ipi_spec_dst));
			printf(", to %s\n", inet_ntoa(i.ipi_addr));
			continue;
		}
		if (h->cmsg_level == IPPROTO_IPV6 && h->cmsg_type == IPV6_PKTINFO && n == sizeof(struct in6_pktinfo)) {
			struct in6_pktinfo i;
			char text[INET6_ADDRSTRLEN];
			memcpy(&i, d, sizeof i);
			printf(" lo %d, to %s\n", i.ipi6_ifindex == if_nametoindex("lo"), inet_ntop(AF_INET6, &i.ipi6_addr, text, sizeof text));
			continue;
		}
		for (size_t k = 0; k < n; k++)
			printf(" %02x", d[k]);
		puts("");
	}
}

static void sent(int s, const void *to, socklen_t size, int level, int type, const void *data, size_t n)
{
	union {
		char room[128];
		struct cmsghdr h;
	} c = { 0 };
	struct iovec v = { "beside", 6 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_name = (void *)to, .msg_namelen = size, .msg_control = c.room, .msg_controllen = CMSG_SPACE(n) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);
	h->cmsg_level = level, h->cmsg_type = type, h->cmsg_len = CMSG_LEN(n);
	memcpy(CMSG_DATA(h), data, n);
	printf("sendmsg with %d %d, %zu bytes = %s\n", level, type, n, err(sendmsg(s, &m, 0)));
}

static void beside4(void)
{
	struct sockaddr_in a, b;
	int s = udp4(&a), c = udp4(&b), one = 1, zero = 0, ttl = 33;
	SAY(setsockopt(s, IPPROTO_IP, IP_PKTINFO, &one, sizeof one));
	SAY(sendto(c, "x", 1, 0, (void *)&a, sizeof a));
	received(s, 512, MSG_PEEK);
	received(s, 512, 0);
	SAY(setsockopt(s, IPPROTO_IP, IP_RECVTTL, &one, sizeof one));
	SAY(setsockopt(c, IPPROTO_IP, IP_TTL, &ttl, sizeof ttl));
	SAY(sendto(c, "x", 1, 0, (void *)&a, sizeof a));
	received(s, 512, 0);
	SAY(sendto(c, "no room", 7, 0, (void *)&a, sizeof a));
	received(s, CMSG_SPACE(sizeof(struct in_pktinfo)) + 4, 0);
	SAY(sendto(c, "no room", 7, 0, (void *)&a, sizeof a));
	received(s, 0, 0);
	SAY(sendto(c, buf, 1000, 0, (void *)&a, sizeof a));
	received(s, 512, 0);
	SAY(setsockopt(s, IPPROTO_IP, IP_PKTINFO, &zero, sizeof zero));
	SAY(setsockopt(s, IPPROTO_IP, IP_RECVTTL, &zero, sizeof zero));
	SAY(sendto(c, "x", 1, 0, (void *)&a, sizeof a));
	received(s, 512, 0);
	SAY(setsockopt(s, SOL_SOCKET, SO_TIMESTAMP, &one, sizeof one));
	SAY(sendto(c, "x", 1, 0, (void *)&a, sizeof a));
	received(s, 512, 0);
	SAY(setsockopt(s, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one));
	SAY(sendto(c, "x", 1, 0, (void *)&a, sizeof a));
	received(s, 512, 0);
	SAY(setsockopt(s, SOL_SOCKET, SO_TIMESTAMP, &zero, sizeof zero));
	SAY(sendto(c, "x", 1, 0, (void *)&a, sizeof a));
	received(s, 512, 0);
	received(s, 512, MSG_DONTWAIT);
	/* And the other way. */
	struct in_pktinfo i = { .ipi_spec_dst = { htonl(INADDR_LOOPBACK) } };
	int d = socket(AF_INET, SOCK_DGRAM, 0), wrong = 256;
	sent(d, &a, sizeof a, IPPROTO_IP, IP_PKTINFO, &i, sizeof i);
	received(s, 0, 0);
	sent(d, &a, sizeof a, IPPROTO_IP, IP_PKTINFO, &i, sizeof i - 1);
	sent(d, &a, sizeof a, IPPROTO_IP, IP_TTL, &ttl, sizeof ttl);
	received(s, 0, 0);
	sent(d, &a, sizeof a, IPPROTO_IP, IP_TTL, &wrong, sizeof wrong);
	sent(d, &a, sizeof a, IPPROTO_IP, IP_TTL, &zero, sizeof zero);
	sent(d, &a, sizeof a, IPPROTO_IP, IP_TTL, &ttl, 1);
	sent(d, &a, sizeof a, IPPROTO_IP, IP_TOS, &one, 1);
	received(s, 0, 0);
	sent(d, &a, sizeof a, IPPROTO_IP, IP_TOS, &wrong, sizeof wrong);
	sent(d, &a, sizeof a, IPPROTO_IP, 77, &one, sizeof one);
	sent(d, &a, sizeof a, SOL_SOCKET, 77, &one, sizeof one);
	sent(d, &a, sizeof a, SOL_SOCKET, SCM_RIGHTS, &one, sizeof one);
	received(s, 0, 0);
	sent(d, &a, sizeof a, 77, 77, &one, sizeof one);
	received(s, 0, 0);
	int t[2];
	connected(t);
	sent(t[0], 0, 0, IPPROTO_IP, 77, &one, sizeof one);
	sent(t[0], 0, 0, SOL_SOCKET, 77, &one, sizeof one);
	SAY(recv(t[1], buf, 6, 0));
}

static void beside6(void)
{
	struct sockaddr_in6 a, b;
	int s = udp6(&a), c = udp6(&b), one = 1, hops = 44, wrong = 256;
	SAY(setsockopt(s, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof one));
	SAY(sendto(c, "x", 1, 0, (void *)&a, sizeof a));
	received(s, 512, 0);
	SAY(setsockopt(s, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &one, sizeof one));
	SAY(setsockopt(c, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &hops, sizeof hops));
	SAY(sendto(c, "x", 1, 0, (void *)&a, sizeof a));
	received(s, 512, 0);
	struct in6_pktinfo i = { .ipi6_addr = in6addr_loopback };
	int d = socket(AF_INET6, SOCK_DGRAM, 0);
	sent(d, &a, sizeof a, IPPROTO_IPV6, IPV6_PKTINFO, &i, sizeof i);
	received(s, 0, 0);
	sent(d, &a, sizeof a, IPPROTO_IPV6, IPV6_PKTINFO, &i, sizeof i - 1);
	sent(d, &a, sizeof a, IPPROTO_IPV6, IPV6_HOPLIMIT, &wrong, sizeof wrong);
	sent(d, &a, sizeof a, IPPROTO_IPV6, IPV6_TCLASS, &wrong, sizeof wrong);
	sent(d, &a, sizeof a, IPPROTO_IPV6, 177, &one, sizeof one);
}

/* Datagrams that are too big, also where a part of them is not there. */
static void big(void)
{
	struct sockaddr_in a;
	struct sockaddr_in6 a6;
	int s = udp4(&a), c = socket(AF_INET, SOCK_DGRAM, 0), s6 = udp6(&a6), c6 = socket(AF_INET6, SOCK_DGRAM, 0), p[2];
	long page = sysconf(_SC_PAGESIZE);
	char *m = mmap(0, 64 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(m + 2 * page, 62 * page);
	SAY(sendto(c, buf, 65508, 0, (void *)&a, sizeof a));
	SAY(sendto(c, m, 65508, 0, (void *)&a, sizeof a));
	SAY(sendto(c, m, 100000, 0, (void *)&a, sizeof a));
	SAY(sendto(c, m, 65507, 0, (void *)&a, sizeof a));
	SAY(sendto(c, m + page, page + 1, 0, (void *)&a, sizeof a));
	SAY(sendto(c, m + page, page, 0, (void *)&a, sizeof a));
	SAY(recv(s, buf, sizeof buf, 0));
	SAY(recv(s, buf, sizeof buf, MSG_DONTWAIT));
	SAY(sendto(c6, m, 100000, 0, (void *)&a6, sizeof a6));
	SAY(sendto(c6, buf, 65528, 0, (void *)&a6, sizeof a6));
	SAY(sendto(c6, m, 65528, 0, (void *)&a6, sizeof a6));
	struct iovec v[2] = { { m + page, page }, { m + 2 * page, 100000 } };
	struct msghdr h = { .msg_name = &a, .msg_namelen = sizeof a, .msg_iov = v, .msg_iovlen = 2 };
	SAY(sendmsg(c, &h, 0));
	v[1].iov_len = 10;
	SAY(sendmsg(c, &h, 0));
	v[1] = (struct iovec){ buf, 65000 };
	SAY(sendmsg(c, &h, 0));
	SAY(sendto(c, m, 100000, 0, 0, 0));
	SAY(connect(c, (void *)&a, sizeof a));
	SAY(write(c, m, 100000));
	SAY(write(c, m, 3 * page));
	SAY(send(c, buf, 0, 0));
	SAY(recv(s, buf, sizeof buf, 0));
	SAY(recv(s6, buf, sizeof buf, MSG_DONTWAIT));
	/* Receiving into what is not there. */
	SAY(sendto(c, buf, 3 * page, 0, 0, 0));
	SAY(recv(s, m + 2 * page, page, 0));
	SAY(recv(s, buf, sizeof buf, MSG_DONTWAIT));
	SAY(socketpair(AF_UNIX, SOCK_DGRAM, 0, p));
	SAY(write(p[0], m, 3 * page));
	SAY(write(p[0], m, 1 << 24));
	SAY(send(p[0], buf, 100000, 0));
	SAY(recv(p[1], buf, sizeof buf, MSG_DONTWAIT));
	SAY(recv(p[1], buf, sizeof buf, MSG_DONTWAIT));
	int t[2];
	connected(t);
	SAY(send(t[0], m, 3 * page, 0));
	SAY(send(t[0], m + 2 * page, 1, 0));
	SAY(send(t[0], "x", 1, 0));
	SAY(recv(t[1], m + 2 * page, 1, 0));
	SAY(recv(t[1], buf, 1, MSG_DONTWAIT));
}

/* Taking a connection back. */
static void undo(void)
{
	struct sockaddr_in a, b, got;
	struct sockaddr_in6 a6, got6;
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	socklen_t n = sizeof got;
	int s = udp4(&a), o = udp4(&b), c = socket(AF_INET, SOCK_DGRAM, 0);
	close(o); /* with a port of its own choice, which disconnecting leaves it */
	o = socket(AF_INET, SOCK_DGRAM, 0);
	SAY(bind(o, (void *)&b, sizeof b));
	SAY(connect(c, (void *)&a, sizeof a));
	int port = port_of(c);
	SAY(getsockname(c, (void *)&got, &n));
	printf("%s %d\n", inet_ntoa(got.sin_addr), port > 0);
	SAY(connect(c, (void *)&b, sizeof b));
	SAY(send(c, "x", 1, 0));
	SAY(recv(o, buf, 1, 0));
	SAY(connect(c, &none, sizeof none));
	SAY(connect(c, &none, sizeof none));
	SAY(getpeername(c, (void *)&got, &n));
	SAY(send(c, "x", 1, 0));
	SAY(sendto(c, "x", 1, 0, (void *)&a, sizeof a));
	SAY(recv(s, buf, 1, 0));
	SAY(sendto(o, "x", 1, MSG_DONTWAIT, (void *)&a, sizeof a));
	SAY(connect(c, &none, 1));
	SAY(connect(c, (void *)&a, sizeof a));
	SAY(recv(c, buf, 1, MSG_DONTWAIT));
	/* One that was bound keeps its port. */
	port = port_of(o);
	SAY(connect(o, (void *)&a, sizeof a));
	SAY(connect(o, &none, sizeof none));
	printf("its port: %d\n", port == port_of(o));
	b.sin_port = htons(port);
	SAY(sendto(c, "y", 1, 0, (void *)&b, sizeof b));
	SAY(recv(o, buf, 1, 0));
	int s6 = udp6(&a6), c6 = socket(AF_INET6, SOCK_DGRAM, 0);
	SAY(connect(c6, (void *)&a6, sizeof a6));
	SAY(connect(c6, &none, sizeof none));
	n = sizeof got6;
	SAY(getpeername(c6, (void *)&got6, &n));
	SAY(sendto(c6, "x", 1, 0, (void *)&a6, sizeof a6));
	SAY(recv(s6, buf, 1, 0));
	int u[2];
	socketpair(AF_UNIX, SOCK_DGRAM, 0, u);
	SAY(connect(u[0], &none, sizeof none));
	SAY(send(u[0], "x", 1, 0));
	SAY(send(u[1], "x", 1, 0));
}

static void state(const char *what, int s)
{
	struct tcp_info t = { 0 };
	socklen_t n = sizeof t;
	int r = getsockopt(s, IPPROTO_TCP, TCP_INFO, &t, &n);
	printf("%s: %s, state %d\n", what, err(r), t.tcpi_state);
}

/* The states of TCP. */
static void states(void)
{
	int t[2], l = listener4(), c = socket(AF_INET, SOCK_STREAM, 0), v;
	socklen_t n = sizeof v;
	state("new", c);
	state("listening", l);
	connected(t);
	state("client", t[0]);
	state("server", t[1]);
	SAY(getsockopt(l, SOL_SOCKET, SO_ACCEPTCONN, &v, &n));
	printf("%d\n", v);
	SAY(getsockopt(t[0], SOL_SOCKET, SO_ACCEPTCONN, &v, &n));
	printf("%d\n", v);
	SAY(shutdown(t[0], SHUT_WR));
	polled("end", t[1], POLLIN, 5000);
	usleep(20000);
	state("ended here", t[0]);
	state("ended there", t[1]);
	SAY(recv(t[1], buf, 1, 0));
	state("ended there, read", t[1]);
	SAY(shutdown(t[1], SHUT_WR));
	SAY(recv(t[0], buf, 1, 0));
	usleep(20000);
	state("ended both", t[1]);
	struct sockaddr_in a = v4("127.0.0.1", port_of(l));
	close(l);
	int x = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	long r = connect(x, (void *)&a, sizeof a);
	printf("connect: %d\n", r < 0 && (errno == EINPROGRESS || errno == ECONNREFUSED));
	if (errno == EINPROGRESS) {
		polled("refused", x, POLLOUT, 5000);
		printf("error %s\n", soerror(x) == ECONNREFUSED ? "refused" : "another");
	} else
		printf("poll refused: 1 OUT HUP ERR\nerror refused\n");
	printf("error %d\n", soerror(x));
	state("refused", x);
	SAY(send(x, "x", 1, MSG_NOSIGNAL));
	SAY(recv(x, buf, 1, 0));
}

/* Ports that several share. */
static void share(void)
{
	struct sockaddr_in a;
	int s = socket(AF_INET, SOCK_DGRAM, 0), c = socket(AF_INET, SOCK_DGRAM, 0), d = socket(AF_INET, SOCK_DGRAM, 0), one = 1, zero = 0;
	a = v4("127.0.0.1", 0);
	SAY(setsockopt(s, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one));
	SAY(bind(s, (void *)&a, sizeof a));
	a.sin_port = htons(port_of(s));
	SAY(bind(c, (void *)&a, sizeof a));
	SAY(setsockopt(c, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one));
	SAY(bind(c, (void *)&a, sizeof a));
	close(c);
	close(s);
	SAY(setsockopt(d, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one));
	SAY(bind(d, (void *)&a, sizeof a));
	s = socket(AF_INET, SOCK_DGRAM, 0);
	SAY(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one));
	SAY(bind(s, (void *)&a, sizeof a));
	SAY(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &zero, sizeof zero));
	close(s);
	close(d);
	/* Streams. */
	a = v4("127.0.0.1", 0);
	s = socket(AF_INET, SOCK_STREAM, 0);
	SAY(setsockopt(s, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one));
	SAY(bind(s, (void *)&a, sizeof a));
	SAY(listen(s, 5));
	a.sin_port = htons(port_of(s));
	c = socket(AF_INET, SOCK_STREAM, 0);
	SAY(bind(c, (void *)&a, sizeof a));
	SAY(setsockopt(c, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one));
	SAY(bind(c, (void *)&a, sizeof a));
	close(s);
	close(c);
}

/* Two listeners with one port: what comes goes to either. */
static void listeners(void)
{
	int s = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	struct sockaddr_in a = v4("127.0.0.1", 0);
	setsockopt(s, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
	setsockopt(c, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
	SAY(bind(s, (void *)&a, sizeof a));
	SAY(listen(s, 100));
	a.sin_port = htons(port_of(s));
	SAY(bind(c, (void *)&a, sizeof a));
	SAY(listen(c, 100));
	int got = 0;
	for (int i = 0; i < 40; i++) {
		int x = socket(AF_INET, SOCK_STREAM, 0);
		struct pollfd p[2] = { { s, POLLIN, 0 }, { c, POLLIN, 0 } };
		connect(x, (void *)&a, sizeof a);
		if (poll(p, 2, 5000) > 0) {
			close(accept(p[0].revents ? s : c, 0, 0));
			got++;
		}
		close(x);
	}
	printf("%d\n", got);
	/* One of them ends. */
	close(s);
	for (int i = 0; i < 5; i++) {
		int x = socket(AF_INET, SOCK_STREAM, 0);
		SAY(connect(x, (void *)&a, sizeof a));
		polled("the other", c, POLLIN, 5000);
		int y = OK(accept(c, 0, 0));
		SAY(send(x, "hello", 5, 0));
		SAY(recv(y, buf, 5, MSG_WAITALL));
		close(x), close(y);
	}
	close(c);
	c = socket(AF_INET, SOCK_STREAM, 0);
	SAY(connect(c, (void *)&a, sizeof a));
	/* A client with the option, and another one that would have its port. */
	a = v4("127.0.0.1", 0);
	struct sockaddr_in b = v4("127.0.0.1", 0);
	int l = listener4();
	b.sin_port = htons(port_of(l));
	s = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(s, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
	SAY(bind(s, (void *)&a, sizeof a));
	SAY(connect(s, (void *)&b, sizeof b));
	c = accept(l, 0, 0);
	SAY(send(s, "hello", 5, 0));
	SAY(recv(c, buf, 5, MSG_WAITALL));
	close(s);
	SAY(recv(c, buf, 5, 0));
}

static long since(struct timespec *t)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - t->tv_sec) * 1000 + (now.tv_nsec - t->tv_nsec) / 1000000;
}

/* Times: how long calls wait. */
static void times(void)
{
	struct sockaddr_in a;
	struct timespec start;
	struct timeval tv = { 0, 120000 };
	int s = udp4(&a), t[2], l = listener4();
	SAY(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv));
	clock_gettime(CLOCK_MONOTONIC, &start);
	SAY(recv(s, buf, 1, 0));
	printf("it took that long: %d\n", since(&start) >= 119 && since(&start) < 5000);
	SAY(setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv));
	clock_gettime(CLOCK_MONOTONIC, &start);
	SAY(accept(l, 0, 0));
	printf("it took that long: %d\n", since(&start) >= 119 && since(&start) < 5000);
	connected(t);
	SAY(setsockopt(t[0], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv));
	clock_gettime(CLOCK_MONOTONIC, &start);
	long w;
	do
		clock_gettime(CLOCK_MONOTONIC, &start);
	while ((w = send(t[0], buf, sizeof buf, 0)) > 0);
	printf("full: %s\n", err(w));
	printf("it took that long: %d\n", since(&start) >= 119 && since(&start) < 5000);
	SAY(setsockopt(t[1], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv));
	long r, got = 0;
	while ((r = recv(t[1], buf, sizeof buf, MSG_WAITALL)) == sizeof buf)
		got += r;
	printf("a part, then nothing: %d %d\n", r >= 0 || errno == EAGAIN, got > 0);
	clock_gettime(CLOCK_MONOTONIC, &start);
	SAY(recv(t[1], buf, 1, MSG_DONTWAIT));
	printf("at once: %d\n", since(&start) < 100);
	int u[2];
	socketpair(AF_UNIX, SOCK_STREAM, 0, u);
	SAY(setsockopt(u[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv));
	SAY(setsockopt(u[0], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv));
	SAY(recv(u[0], buf, 1, 0));
	while (send(u[0], buf, 4096, 0) == 4096)
		;
	SAY(send(u[0], buf, 4096, 0));
	/* A close that may linger, and one that resets. */
	for (int i = 0; i < 3; i++) {
		struct linger g = { i > 0, i == 2 ? 0 : 2 };
		connected(t);
		setsockopt(t[0], SOL_SOCKET, SO_LINGER, &g, sizeof g);
		send(t[0], "last words", 10, 0);
		clock_gettime(CLOCK_MONOTONIC, &start);
		close(t[0]);
		printf("close %d: at once %d\n", i, since(&start) < 1000);
		if (i == 2)
			continue; /* what comes of that is among the resets of net_tcp */
		polled("after it", t[1], POLLIN, 5000);
		SAY(recv(t[1], buf, 100, 0));
		SAY(recv(t[1], buf, 100, 0));
		close(t[1]);
	}
}

/* Who is at the other end. */
static void who(void)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	for (int i = 0; i < 3; i++) {
		int u[2];
		struct ucred c = { 1, 1, 1 };
		socklen_t n = sizeof c;
		socketpair(AF_UNIX, types[i], 0, u);
		SAY(getsockopt(u[0], SOL_SOCKET, SO_PEERCRED, &c, &n));
		printf("%u: %d %d %d\n", n, c.pid == getpid(), c.uid == getuid(), c.gid == getgid());
		struct sockaddr_un a;
		n = sizeof a;
		SAY(getsockopt(u[0], SOL_SOCKET, SO_PEERNAME, &a, &n));
		n = 2;
		SAY(getsockopt(u[0], SOL_SOCKET, SO_PEERNAME, &a, &n));
		printf("%u %d\n", n, a.sun_family);
		/* Looking ahead of what was looked at. */
		int off = 0;
		SAY(setsockopt(u[1], SOL_SOCKET, SO_PEEK_OFF, &off, sizeof off));
		SAY(send(u[0], "abcdefgh", 8, 0));
		for (int k = 0; k < 3; k++) {
			SAY(recv(u[1], buf, 3, MSG_PEEK | MSG_DONTWAIT));
			printf("%.3s\n", buf);
		}
		n = sizeof off;
		SAY(getsockopt(u[1], SOL_SOCKET, SO_PEEK_OFF, &off, &n));
		printf("%d\n", off);
		SAY(recv(u[1], buf, 4, 0));
		SAY(getsockopt(u[1], SOL_SOCKET, SO_PEEK_OFF, &off, &n));
		printf("%d\n", off);
		SAY(send(u[0], "ijk", 3, 0));
		SAY(recv(u[1], buf, 100, MSG_PEEK | MSG_DONTWAIT));
		printf("%.3s\n", buf);
		SAY(recv(u[1], buf, 100, MSG_PEEK | MSG_DONTWAIT));
		off = -1;
		SAY(setsockopt(u[1], SOL_SOCKET, SO_PEEK_OFF, &off, sizeof off));
		SAY(recv(u[1], buf, 100, MSG_PEEK | MSG_DONTWAIT));
	}
	int t[2];
	connected(t);
	struct sockaddr_in a;
	socklen_t n = sizeof a;
	SAY(getsockopt(t[0], SOL_SOCKET, SO_PEERNAME, &a, &n));
	printf("%d\n", ntohs(a.sin_port) == port_of(t[1]));
}

int main(int argc, char **argv)
{
	static const struct { const char *name; void (*run)(void); } all[] = {
		{ "beside4", beside4 }, { "beside6", beside6 }, { "big", big }, { "undo", undo }, { "states", states },
		{ "share", share }, { "listeners", listeners }, { "times", times }, { "who", who },
	};
	setvbuf(stdout, 0, _IOLBF, 0);
	for (unsigned i = 0; i < sizeof all / sizeof *all; i++)
		if (argc > 1 && !strcmp(all[i].name, argv[1]))
			all[i].run();
	return 0;
}
