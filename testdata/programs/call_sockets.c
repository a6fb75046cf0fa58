/* Sockets within the machine: AF_UNIX, and the loopback device's. */
#include "call.h"
#include <arpa/inet.h>
#include <linux/net.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

static char buf[64], large[70000];

/* Names of the loopback device; the system chooses the ports. */
static struct sockaddr_in loopback(void)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static void streams(void)
{
	struct sockaddr_in a = loopback(), got, wrong = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc0000201) };
	socklen_t len = sizeof got;
	struct sockaddr_un other = { AF_UNIX, "x" };
	int n = 0, one = 1;
	int s = CALL(socket, "tcp", AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), c = CALL(socket, "tcp, by its number", AF_INET, SOCK_STREAM, IPPROTO_TCP);
	CALL(socket, "udp as a stream", AF_INET, SOCK_STREAM, IPPROTO_UDP);
	CALL(socket, "bad type", AF_INET, 99, 0);
	CALL(getsockopt, "kind of tcp", s, SOL_SOCKET, SO_TYPE, &n, &len);
	data("%d", n == SOCK_STREAM);
	CALL(setsockopt, "no delay", c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	CALL(setsockopt, "no room", c, IPPROTO_TCP, TCP_NODELAY, &one, 1);
	CALL(getsockopt, "no delay", c, IPPROTO_TCP, TCP_NODELAY, &n, &len);
	data("%d", n);
	len = sizeof got;
	CALL(bind, "another family", s, &other, sizeof got);
	CALL(bind, "short name", s, &a, 4);
	CALL(bind, "not of this machine", s, &wrong, sizeof wrong);
	CALL(bind, "loopback", s, &a, sizeof a);
	CALL(bind, "loopback again", s, &a, sizeof a);
	CALL(getsockname, "loopback", s, &got, &len);
	data("%u %d %d", len, got.sin_port != 0, got.sin_addr.s_addr == a.sin_addr.s_addr);
	CALL(connect, "nobody listens", c, &got, sizeof got);
	CALL(listen, "loopback", s, 4);
	a = got;
	c = socket(AF_INET, SOCK_STREAM, 0);
	CALL(connect, "loopback", c, &a, sizeof a);
	CALL(connect, "again", c, &a, sizeof a);
	len = sizeof got;
	int d = CALL(accept4, "loopback", s, &got, &len, SOCK_NONBLOCK);
	data("%u %d %d", len, got.sin_family, got.sin_addr.s_addr == a.sin_addr.s_addr);
	CALL(getpeername, "loopback", c, &got, &len);
	data("%d", got.sin_port == a.sin_port);
	CALL(recvfrom, "nothing came", d, buf, 60, 0, 0, 0);
	NUMBER(sendto, "loopback", c, "hello", 5, MSG_NOSIGNAL, 0, 0);
	struct timeval wait = { 20, 0 };
	fcntl(d, F_SETFL, 0);
	CALL(setsockopt, "time to wait", d, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	NUMBER(recvfrom, "look only", d, buf, 60, MSG_PEEK, 0, 0);
	NUMBER(recvfrom, "loopback", d, buf, 5, MSG_WAITALL, 0, 0);
	data("%.5s", buf);
	CALL(shutdown, "loopback", c, SHUT_WR);
	NUMBER(recvfrom, "end of loopback", d, buf, 5, 0, 0, 0);
	CALL(sendto, "after the end", c, "hello", 5, MSG_NOSIGNAL, 0, 0);
	CALL(shutdown, "nobody there", s = socket(AF_INET, SOCK_STREAM, 0), SHUT_WR);
	CALL(getpeername, "nobody there", s, &got, &len);
	CALL(accept4, "not listening", s, 0, 0, 0);
}

static void datagrams(void)
{
	struct sockaddr_in a = loopback(), from;
	socklen_t len = sizeof a;
	int s = CALL(socket, "udp", AF_INET, SOCK_DGRAM, 0), c = socket(AF_INET, SOCK_DGRAM, 0);
	CALL(bind, "udp", s, &a, sizeof a);
	CALL(getsockname, "udp", s, &a, &len);
	NUMBER(sendto, "udp", c, "datagram", 8, 0, &a, sizeof a);
	CALL(sendto, "to nobody", c, "datagram", 8, 0, 0, 0);
	CALL(sendto, "too long", c, large, sizeof large, 0, &a, sizeof a);
	CALL(listen, "udp", s, 4);
	struct iovec v = { buf, 4 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_name = &from, .msg_namelen = sizeof from };
	NUMBER(recvmsg, "udp, cut", s, &m, 0);
	data("%.4s %#x %u %d", buf, m.msg_flags, m.msg_namelen, from.sin_addr.s_addr == a.sin_addr.s_addr);
	CALL(connect, "udp", c, &a, sizeof a);
	struct mmsghdr many[2] = { { { .msg_iov = &v, .msg_iovlen = 1 }, 0 }, { { .msg_iov = &v, .msg_iovlen = 1 }, 0 } };
	NUMBER(sendmmsg, "udp", c, many, 2, 0);
	NUMBER(recvmmsg, "udp", s, many, 1, MSG_WAITFORONE, 0);
	data("%u", many[0].msg_len);
	int n = CALL(socket, "netlink", AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	close(n);
	CALL(socket, "raw", AF_INET, SOCK_RAW, IPPROTO_ICMP);
}

#ifdef __i386__
/* IA-32's one call for all. */
static void one_call(void)
{
	int pair[2] = { -1, -1 }, one = 1, n = 0;
	socklen_t len = sizeof n;
	struct sockaddr_in a = loopback(), got;
	struct iovec v = { "vector", 6 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	struct mmsghdr many = { { .msg_iov = &v, .msg_iovlen = 1 }, 0 };
#define SUB(nr, label, ...) CALL(socketcall, label, nr, ((long[6]){ __VA_ARGS__ }))
#define SUB_NUMBER(nr, label, ...) NUMBER(socketcall, label, nr, ((long[6]){ __VA_ARGS__ }))
	SUB(SYS_SOCKETPAIR, "socketpair", AF_UNIX, SOCK_STREAM, 0, (long)pair);
	SUB(SYS_SOCKETPAIR, "socketpair, bad place", AF_UNIX, SOCK_STREAM, 0, 16);
	CALL(socketcall, "no such call", 99, pair);
	CALL(socketcall, "call 0", 0, pair);
	CALL(socketcall, "bad pointer", SYS_SOCKETPAIR, BAD);
	SUB_NUMBER(SYS_SEND, "send", pair[0], (long)"hello", 5, 0);
	SUB(SYS_SEND, "send, bad fd", 99, (long)"hello", 5, 0);
	SUB_NUMBER(SYS_RECV, "recv", pair[1], (long)buf, 60, 0);
	data("%.5s", buf);
	SUB(SYS_RECV, "recv, nothing", pair[1], (long)buf, 60, MSG_DONTWAIT);
	SUB_NUMBER(SYS_SENDTO, "sendto", pair[0], (long)"there", 5, 0, 0, 0);
	SUB_NUMBER(SYS_RECVFROM, "recvfrom", pair[1], (long)buf, 60, 0, 0, 0);
	data("%.5s", buf);
	SUB(SYS_SENDTO, "sendto, bad pointer", pair[0], 16, 5, 0, 0, 0);
	SUB(SYS_RECVFROM, "recvfrom, no socket", 0, (long)buf, 60, 0, 0, 0);
	SUB_NUMBER(SYS_SENDMSG, "sendmsg", pair[0], (long)&m, 0);
	SUB(SYS_SENDMSG, "sendmsg, bad pointer", pair[0], 16, 0);
	SUB_NUMBER(SYS_SENDMMSG, "sendmmsg", pair[0], (long)&many, 1, 0);
	SUB(SYS_SENDMMSG, "sendmmsg, bad fd", 99, (long)&many, 1, 0);
	v.iov_base = buf;
	SUB_NUMBER(SYS_RECVMSG, "recvmsg", pair[1], (long)&m, 0);
	data("%.6s", buf);
	SUB(SYS_RECVMSG, "recvmsg, bad pointer", pair[1], 16, 0);
	SUB_NUMBER(SYS_RECVMMSG, "recvmmsg", pair[1], (long)&many, 1, 0, 0);
	data("%u", many.msg_len);
	SUB(SYS_RECVMMSG, "recvmmsg, wrong time", pair[1], (long)&many, 1, 0, (long)&(struct oldtime){ 0, 1000000000 });
	SUB(SYS_SHUTDOWN, "shutdown", pair[0], SHUT_RDWR);
	SUB(SYS_SHUTDOWN, "shutdown, bad way", pair[0], 99);
	int s = SUB(SYS_SOCKET, "socket", AF_INET, SOCK_STREAM, 0);
	SUB(SYS_SOCKET, "socket, no such family", 99, SOCK_STREAM, 0);
	SUB(SYS_SETSOCKOPT, "setsockopt", s, SOL_SOCKET, SO_KEEPALIVE, (long)&one, sizeof one);
	SUB(SYS_SETSOCKOPT, "setsockopt, no such option", s, SOL_SOCKET, 9999, (long)&one, sizeof one);
	SUB(SYS_GETSOCKOPT, "getsockopt", s, SOL_SOCKET, SO_KEEPALIVE, (long)&n, (long)&len);
	data("%d %u", n, len);
	SUB(SYS_GETSOCKOPT, "getsockopt, no such option", s, SOL_SOCKET, 9999, (long)&n, (long)&len);
	SUB(SYS_BIND, "bind", s, (long)&a, sizeof a);
	SUB(SYS_BIND, "bind, again", s, (long)&a, sizeof a);
	SUB(SYS_LISTEN, "listen", s, 4);
	SUB(SYS_LISTEN, "listen, bad fd", 99, 4);
	len = sizeof a;
	SUB(SYS_GETSOCKNAME, "getsockname", s, (long)&a, (long)&len);
	data("%u %d", len, a.sin_port != 0);
	SUB(SYS_GETSOCKNAME, "getsockname, bad fd", 99, (long)&a, (long)&len);
	int c = socket(AF_INET, SOCK_STREAM, 0), d = socket(AF_INET, SOCK_STREAM, 0);
	SUB(SYS_CONNECT, "connect", c, (long)&a, sizeof a);
	SUB(SYS_CONNECT, "connect, again", c, (long)&a, sizeof a);
	len = sizeof got;
	SUB(SYS_ACCEPT, "accept", s, (long)&got, (long)&len);
	data("%u %d", len, got.sin_addr.s_addr == a.sin_addr.s_addr);
	SUB(SYS_ACCEPT, "accept, not listening", d, 0, 0);
	connect(d, (void *)&a, sizeof a);
	SUB(SYS_ACCEPT4, "accept4", s, 0, 0, SOCK_NONBLOCK);
	SUB(SYS_ACCEPT4, "accept4, bad flag", s, 0, 0, 1);
	len = sizeof got;
	SUB(SYS_GETPEERNAME, "getpeername", c, (long)&got, (long)&len);
	data("%u %d", len, got.sin_port == a.sin_port);
	SUB(SYS_GETPEERNAME, "getpeername, not connected", s, (long)&got, (long)&len);
}
#endif

/* No descriptor is left for what comes. */
static void full(int listening)
{
	struct rlimit none = { 0, 4096 };
	int two[2];
	setrlimit(RLIMIT_NOFILE, &none);
	CALL(socket, "no number left", AF_UNIX, SOCK_STREAM, 0);
	CALL(socket, "tcp, no number left", AF_INET, SOCK_STREAM, 0);
	CALL(socketpair, "no number left", AF_UNIX, SOCK_STREAM, 0, two);
	CALL(accept4, "no number left", listening, 0, 0, SOCK_NONBLOCK);
}

int main(void)
{
	int two[2] = { -1, -1 }, none[2], one = 1, n = 0;
	socklen_t len = sizeof n;
	struct sockaddr_un name = { AF_UNIX, "socket" }, got;
	struct iovec v = { "vector", 6 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	CALL(socketpair, "streams", AF_UNIX, SOCK_STREAM, 0, two);
	CALL(socketpair, "no such family", 99, SOCK_STREAM, 0, none);
	CALL(socketpair, "bad pointer", AF_UNIX, SOCK_STREAM, 0, BAD);
	NUMBER(sendto, "text", two[0], "hello", 5, 0, 0, 0);
	CALL(sendto, "bad fd", 99, "hello", 5, 0, 0, 0);
	CALL(sendto, "no socket", 0, "hello", 5, 0, 0, 0);
	NUMBER(recvfrom, "text", two[1], buf, 60, 0, 0, 0);
	data("%.5s", buf);
	CALL(recvfrom, "nothing there", two[1], buf, 60, MSG_DONTWAIT, 0, 0);
	CALL(recvfrom, "bad fd", 99, buf, 60, 0, 0, 0);
	NUMBER(sendmsg, "vector", two[0], &m, 0);
	CALL(sendmsg, "bad fd", 99, &m, 0);
	CALL(sendmsg, "bad pointer", two[0], BAD, 0);
	v.iov_base = buf;
	NUMBER(recvmsg, "vector", two[1], &m, 0);
	data("%.6s", buf);
	CALL(recvmsg, "bad fd", 99, &m, 0);
	struct mmsghdr many[2] = { { { .msg_iov = &v, .msg_iovlen = 1 }, 0 }, { { .msg_iov = &v, .msg_iovlen = 1 }, 0 } };
	v.iov_len = 3;
	NUMBER(sendmmsg, "two", two[0], many, 2, 0);
	data("%u %u", many[0].msg_len, many[1].msg_len);
	CALL(sendmmsg, "bad fd", 99, many, 2, 0);
	CALL(sendmmsg, "bad pointer", two[0], BAD, 2, 0);
	NUMBER(recvmmsg, "one", two[1], many, 1, 0, 0);
	data("%u", many[0].msg_len);
	CALL(recvmmsg, "bad fd", 99, many, 1, 0, 0);
#ifdef SYS_recvmmsg_time64
	struct time64 at = { 1, 0 };
	NUMBER(recvmmsg_time64, "one", two[1], many, 1, 0, &at);
	CALL(recvmmsg_time64, "bad fd", 99, many, 1, 0, &at);
#else
	NUMBER(recvmmsg, "another", two[1], many, 1, 0, 0);
#endif
	CALL(shutdown, "write", two[0], SHUT_WR);
	CALL(shutdown, "bad fd", 99, SHUT_WR);
	CALL(shutdown, "bad way", two[0], 99);
	NUMBER(recvfrom, "end", two[1], buf, 60, 0, 0, 0);
	int s = CALL(socket, "unix", AF_UNIX, SOCK_STREAM, 0);
	CALL(socket, "no such family", 99, SOCK_STREAM, 0);
	CALL(setsockopt, "reuse", s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	CALL(setsockopt, "no such option", s, SOL_SOCKET, 9999, &one, sizeof one);
	CALL(setsockopt, "bad fd", 99, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	CALL(getsockopt, "type", s, SOL_SOCKET, SO_TYPE, &n, &len);
	data("%d", n);
	CALL(getsockopt, "no such option", s, SOL_SOCKET, 9999, &n, &len);
	CALL(getsockopt, "bad fd", 99, SOL_SOCKET, SO_TYPE, &n, &len);
	CALL(connect, "nobody", s, &name, sizeof name);
	CALL(connect, "bad fd", 99, &name, sizeof name);
	CALL(bind, "name", s, &name, sizeof name);
	CALL(bind, "again", s, &name, sizeof name);
	CALL(bind, "bad fd", 99, &name, sizeof name);
	CALL(listen, "socket", s, 1);
	CALL(listen, "bad fd", 99, 1);
	len = sizeof got;
	CALL(getsockname, "socket", s, &got, &len);
	data("%s", got.sun_path);
	CALL(getsockname, "bad fd", 99, &got, &len);
	len = sizeof got;
	CALL(getpeername, "pair", two[0], &got, &len);
	data("%u", len);
	CALL(getpeername, "not connected", s, &got, &len);
	int c = socket(AF_UNIX, SOCK_STREAM, 0);
	CALL(connect, "socket", c, &name, sizeof name);
	close(CALL(accept4, "close on exec", s, 0, 0, SOCK_CLOEXEC));
	CALL(accept4, "bad fd", 99, 0, 0, 0);
	CALL(accept4, "bad flag", s, 0, 0, 1);
#ifdef __i386__
	one_call();
#else
	int d = socket(AF_UNIX, SOCK_STREAM, 0);
	connect(d, (void *)&name, sizeof name);
	close(CALL(accept, "connection", s, 0, 0));
	CALL(accept, "bad fd", 99, 0, 0);
#endif
	streams();
	datagrams();
	full(s);
	return 0;
}
