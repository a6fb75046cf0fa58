/* Sockets within the machine. */
#include "call.h"
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

static char buf[64];

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
	int pair[2];
	long args[4] = { AF_UNIX, SOCK_STREAM, 0, (long)pair };
	CALL(socketcall, "socketpair", 8, args);
	CALL(socketcall, "no such call", 99, args);
	CALL(socketcall, "bad pointer", 8, BAD);
#else
	int d = socket(AF_UNIX, SOCK_STREAM, 0);
	connect(d, (void *)&name, sizeof name);
	close(CALL(accept, "connection", s, 0, 0));
	CALL(accept, "bad fd", 99, 0, 0);
#endif
	return 0;
}
