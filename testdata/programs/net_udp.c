/* UDP on the loopback. */
#include "net.h"

static char buf[1 << 17];

static void basics(void)
{
	struct sockaddr_in a = v4("127.0.0.1", 0), from;
	socklen_t n = sizeof from;
	int s = OK(socket(AF_INET, SOCK_DGRAM, 0)), c = OK(socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP));
	SAY(bind(s, (void *)&a, sizeof a));
	a.sin_port = htons(port_of(s));
	SAY(listen(s, 1));
	SAY(accept(s, 0, 0));
	polled("new", s, POLLIN | POLLOUT, 0);
	SAY(send(c, "x", 1, 0));
	SAY(recv(s, buf, 1, MSG_DONTWAIT));
	SAY(sendto(c, "hello", 5, 0, (void *)&a, sizeof a));
	SAY(sendto(c, "", 0, 0, (void *)&a, sizeof a));
	SAY(sendto(c, "a longer one", 12, 0, (void *)&a, sizeof a));
	SAY(sendto(c, "truncated", 9, 0, (void *)&a, sizeof a));
	SAY(sendto(c, "peeked at", 9, 0, (void *)&a, sizeof a));
	SAY(sendto(c, "x", 1, 0, (void *)&a, 3));
	polled("with datagrams", s, POLLIN, 5000);
	usleep(20000);
	int left = -1;
	SAY(ioctl(s, FIONREAD, &left));
	printf("%d bytes\n", left);
	SAY(recvfrom(s, buf, 100, 0, (void *)&from, &n));
	printf("from %s, %s, %u bytes\n", inet_ntoa(from.sin_addr), ntohs(from.sin_port) == port_of(c) ? "its port" : "another port", n);
	SAY(recv(s, buf, 100, 0));
	SAY(recv(s, buf, 4, 0));
	SAY(recv(s, buf, 4, MSG_TRUNC));
	SAY(recv(s, buf, 4, MSG_TRUNC | MSG_PEEK));
	struct iovec v[2] = { { buf, 3 }, { buf + 100, 3 } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 2, .msg_name = &from, .msg_namelen = sizeof from };
	SAY(recvmsg(s, &m, MSG_PEEK));
	printf("flags %s, name %u, %.3s %.3s\n", m.msg_flags & MSG_TRUNC ? "TRUNC" : "", m.msg_namelen, buf, buf + 100);
	SAY(read(s, buf, 100));
	polled("empty", s, POLLIN, 0);
	SAY(sendto(c, buf, 65507, 0, (void *)&a, sizeof a));
	SAY(recv(s, buf, sizeof buf, 0));
	SAY(sendto(c, buf, 65508, 0, (void *)&a, sizeof a));
	/* Connected ones. */
	SAY(connect(c, (void *)&a, sizeof a));
	n = sizeof from;
	SAY(getpeername(c, (void *)&from, &n));
	SAY(getpeername(s, (void *)&from, &n));
	SAY(write(c, "connected", 9));
	SAY(read(s, buf, 100));
	SAY(write(c, "", 0));
	SAY(read(s, buf, 100));
	int other = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in b = v4("127.0.0.1", 0);
	bind(other, (void *)&b, sizeof b);
	b.sin_port = htons(port_of(c));
	SAY(sendto(other, "a stranger", 10, 0, (void *)&b, sizeof b));
	usleep(20000);
	SAY(recv(c, buf, 100, MSG_DONTWAIT));
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	SAY(connect(c, &none, sizeof none));
	SAY(send(c, "x", 1, 0));
	SAY(getpeername(c, (void *)&from, &n));
	/* Nobody there. */
	close(other);
	int gone = socket(AF_INET, SOCK_DGRAM, 0);
	b = v4("127.0.0.1", 0);
	bind(gone, (void *)&b, sizeof b);
	b.sin_port = htons(port_of(gone));
	close(gone);
	SAY(sendto(s, "x", 1, 0, (void *)&b, sizeof b));
	usleep(50000);
	SAY(recv(s, buf, 1, MSG_DONTWAIT));
	SAY(connect(c, (void *)&b, sizeof b));
	b.sin_port = 0;
	SAY(sendto(s, "x", 1, 0, (void *)&b, sizeof b));
	SAY(shutdown(s, SHUT_RD));
	SAY(shutdown(c, SHUT_WR));
	SAY(send(c, "x", 1, MSG_NOSIGNAL));
}

static void refused(void)
{
	struct sockaddr_in b = v4("127.0.0.1", 0);
	int gone = socket(AF_INET, SOCK_DGRAM, 0), c = socket(AF_INET, SOCK_DGRAM, 0);
	bind(gone, (void *)&b, sizeof b);
	b.sin_port = htons(port_of(gone));
	close(gone);
	SAY(connect(c, (void *)&b, sizeof b));
	SAY(send(c, "x", 1, 0));
	polled("refused", c, POLLIN, 5000);
	SAY(recv(c, buf, 1, MSG_DONTWAIT));
	SAY(recv(c, buf, 1, MSG_DONTWAIT));
	SAY(send(c, "x", 1, 0));
	usleep(50000);
	SAY(send(c, "x", 1, 0));
}

static void six(void)
{
	struct sockaddr_in6 a = v6("::", 0), from;
	socklen_t n = sizeof from;
	int s = OK(socket(AF_INET6, SOCK_DGRAM, 0)), c = OK(socket(AF_INET, SOCK_DGRAM, 0)), d = OK(socket(AF_INET6, SOCK_DGRAM, 0));
	int v = -1;
	socklen_t k = sizeof v;
	SAY(getsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &v, &k));
	printf("v6only %d\n", v);
	SAY(bind(s, (void *)&a, sizeof a));
	struct sockaddr_in b = v4("127.0.0.1", port_of(s));
	SAY(sendto(c, "four", 4, 0, (void *)&b, sizeof b));
	SAY(recvfrom(s, buf, 100, 0, (void *)&from, &n));
	char text[INET6_ADDRSTRLEN];
	printf("from %s\n", inet_ntop(AF_INET6, &from.sin6_addr, text, sizeof text));
	SAY(sendto(s, "answer", 6, 0, (void *)&from, n));
	SAY(recv(c, buf, 100, 0));
	a = v6("::1", port_of(s));
	SAY(sendto(d, "six", 3, 0, (void *)&a, sizeof a));
	n = sizeof from;
	SAY(recvfrom(s, buf, 100, 0, (void *)&from, &n));
	printf("from %s\n", inet_ntop(AF_INET6, &from.sin6_addr, text, sizeof text));
	v = 1;
	SAY(setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &v, sizeof v));
	SAY(setsockopt(c, IPPROTO_IPV6, IPV6_V6ONLY, &v, sizeof v));
	int t = socket(AF_INET6, SOCK_STREAM, 0);
	SAY(setsockopt(t, IPPROTO_IPV6, IPV6_V6ONLY, &v, sizeof v));
	a = v6("::", 0);
	SAY(bind(t, (void *)&a, sizeof a));
	SAY(listen(t, 1));
	int u = socket(AF_INET, SOCK_STREAM, 0);
	b = v4("127.0.0.1", port_of(t));
	SAY(connect(u, (void *)&b, sizeof b));
	int w = socket(AF_INET6, SOCK_STREAM, 0);
	SAY(bind(w, (void *)&a, sizeof a));
	SAY(listen(w, 1));
	u = socket(AF_INET, SOCK_STREAM, 0);
	b = v4("127.0.0.1", port_of(w));
	SAY(connect(u, (void *)&b, sizeof b));
	n = sizeof from;
	int x = OK(accept(w, (void *)&from, &n));
	printf("from %s\n", inet_ntop(AF_INET6, &from.sin6_addr, text, sizeof text));
	close(x);
}

static void many(void)
{
	struct sockaddr_in a = v4("127.0.0.1", 0), names[4];
	int s = socket(AF_INET, SOCK_DGRAM, 0), c = socket(AF_INET, SOCK_DGRAM, 0);
	bind(s, (void *)&a, sizeof a);
	a.sin_port = htons(port_of(s));
	struct iovec v[4] = { { "one", 3 }, { "two", 3 }, { "three", 5 }, { "four", 4 } };
	struct mmsghdr out[4] = { 0 }, in[4] = { 0 };
	for (int i = 0; i < 4; i++) {
		out[i].msg_hdr = (struct msghdr){ .msg_iov = v + i, .msg_iovlen = 1, .msg_name = &a, .msg_namelen = sizeof a };
	}
	out[2].msg_hdr.msg_iovlen = 2;
	SAY(sendmmsg(c, out, 4, 0));
	printf("%u %u %u %u\n", out[0].msg_len, out[1].msg_len, out[2].msg_len, out[3].msg_len);
	usleep(20000);
	struct iovec w[4];
	for (int i = 0; i < 4; i++) {
		w[i] = (struct iovec){ buf + 100 * i, 6 };
		in[i].msg_hdr = (struct msghdr){ .msg_iov = w + i, .msg_iovlen = 1, .msg_name = names + i, .msg_namelen = sizeof *names };
	}
	SAY(recvmmsg(s, in, 2, 0, 0));
	SAY(recvmmsg(s, in + 2, 2, MSG_WAITFORONE, 0));
	printf("%u %u %u %u %s\n", in[0].msg_len, in[1].msg_len, in[2].msg_len, in[3].msg_len, in[2].msg_hdr.msg_flags & MSG_TRUNC ? "TRUNC" : "");
	SAY(recvmmsg(s, in, 2, MSG_DONTWAIT, 0));
	out[1].msg_hdr.msg_iov = (void *)16;
	SAY(sendmmsg(c, out, 4, 0));
	SAY(sendmmsg(c, out + 1, 1, 0));
	SAY(sendmmsg(99, out, 1, 0));
	struct timespec ts = { 1, 0 };
	SAY(recvmmsg(s, in, 1, 0, &ts));
	ts.tv_nsec = -1;
	SAY(recvmmsg(s, in, 1, 0, &ts));
	/* Multicast on the loopback. */
	struct ip_mreq g = { 0 };
	inet_pton(AF_INET, "239.255.1.2", &g.imr_multiaddr);
	inet_pton(AF_INET, "127.0.0.1", &g.imr_interface);
	int r = socket(AF_INET, SOCK_DGRAM, 0), one = 1;
	SAY(setsockopt(r, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one));
	struct sockaddr_in any = v4("0.0.0.0", 0);
	SAY(bind(r, (void *)&any, sizeof any));
	any.sin_port = htons(port_of(r));
	int r2 = socket(AF_INET, SOCK_DGRAM, 0);
	SAY(bind(r2, (void *)&any, sizeof any));
	SAY(setsockopt(r2, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one));
	SAY(bind(r2, (void *)&any, sizeof any));
	SAY(setsockopt(r, IPPROTO_IP, IP_ADD_MEMBERSHIP, &g, sizeof g));
	SAY(setsockopt(r, IPPROTO_IP, IP_ADD_MEMBERSHIP, &g, sizeof g));
	SAY(setsockopt(c, IPPROTO_IP, IP_MULTICAST_IF, &g.imr_interface, sizeof g.imr_interface));
	struct sockaddr_in to = v4("239.255.1.2", port_of(r));
	SAY(sendto(c, "to all", 6, 0, (void *)&to, sizeof to));
	polled("group", r, POLLIN, 2000);
	SAY(recv(r, buf, 100, MSG_DONTWAIT));
	SAY(setsockopt(r, IPPROTO_IP, IP_DROP_MEMBERSHIP, &g, sizeof g));
	SAY(setsockopt(r, IPPROTO_IP, IP_DROP_MEMBERSHIP, &g, sizeof g));
	inet_pton(AF_INET, "10.1.2.3", &g.imr_multiaddr);
	SAY(setsockopt(r, IPPROTO_IP, IP_ADD_MEMBERSHIP, &g, sizeof g));
}

int main(int argc, char **argv)
{
	setvbuf(stdout, 0, _IOLBF, 0);
	const char *what = argc > 1 ? argv[1] : "v4";
	if (!strcmp(what, "v4"))
		basics();
	else if (!strcmp(what, "v6"))
		six();
	else if (!strcmp(what, "refused"))
		refused();
	else if (!strcmp(what, "many"))
		many();
	return 0;
}
