/*
 * Programs with sockets: what each call answers, one line each, without
 * anything that differs from run to run (ports, descriptors, times).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static inline const char *err(long r)
{
	static char text[64];
	if (r >= 0) {
		snprintf(text, sizeof text, "%ld", r);
		return text;
	}
	switch (errno) {
#define E(x) case x: return #x
	E(EAGAIN); E(EBADF); E(ENOTSOCK); E(EINVAL); E(EFAULT); E(ENOTCONN); E(EISCONN); E(ECONNREFUSED); E(ECONNRESET); E(EPIPE);
	E(EINPROGRESS); E(EALREADY); E(EADDRINUSE); E(EADDRNOTAVAIL); E(EAFNOSUPPORT); E(EPROTONOSUPPORT); E(ESOCKTNOSUPPORT);
	E(EOPNOTSUPP); E(ENOPROTOOPT); E(EDESTADDRREQ); E(EMSGSIZE); E(ECONNABORTED); E(ETIMEDOUT); E(EINTR); E(EPROTOTYPE);
	E(EACCES); E(EPERM); E(ENOENT); E(EDOM); E(ENODEV); E(ENOTDIR); E(ENXIO); E(ENETUNREACH); E(EHOSTUNREACH); E(ENOTTY); E(ENODATA);
	E(ESPIPE); E(EPROTO); E(ENOBUFS);
#undef E
	}
	snprintf(text, sizeof text, "errno %d", errno);
	return text;
}

/* SAY(call) prints the call's text and what it answered; OK leaves numbers out. */
#define SAY(...) ({ errno = 0; long r_ = (long)(__VA_ARGS__); int e_ = errno; printf("%s = %s\n", #__VA_ARGS__, err(r_)); errno = e_; r_; })
#define OK(...) ({ errno = 0; long r_ = (long)(__VA_ARGS__); int e_ = errno; printf("%s = %s\n", #__VA_ARGS__, r_ >= 0 ? "ok" : err(r_)); errno = e_; r_; })

static inline struct sockaddr_in v4(const char *a, int port)
{
	struct sockaddr_in s = { .sin_family = AF_INET, .sin_port = htons(port) };
	inet_pton(AF_INET, a, &s.sin_addr);
	return s;
}

static inline struct sockaddr_in6 v6(const char *a, int port)
{
	struct sockaddr_in6 s = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	inet_pton(AF_INET6, a, &s.sin6_addr);
	return s;
}

static inline int port_of(int fd)
{
	struct sockaddr_storage s = { 0 };
	socklen_t n = sizeof s;
	getsockname(fd, (void *)&s, &n);
	return ntohs(((struct sockaddr_in *)&s)->sin_port);
}

/* What poll tells within a time, by name. */
static inline void polled(const char *what, int fd, int events, int timeout)
{
	struct pollfd p = { fd, events, 0 };
	int n = poll(&p, 1, timeout);
	printf("poll %s: %d%s%s%s%s%s%s%s\n", what, n, p.revents & POLLIN ? " IN" : "", p.revents & POLLOUT ? " OUT" : "",
	       p.revents & POLLPRI ? " PRI" : "", p.revents & POLLRDHUP ? " RDHUP" : "", p.revents & POLLHUP ? " HUP" : "",
	       p.revents & POLLERR ? " ERR" : "", p.revents & POLLNVAL ? " NVAL" : "");
}

static inline int soerror(int fd)
{
	int v = -1;
	socklen_t n = sizeof v;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &v, &n);
	return v;
}

static inline int listener4(void)
{
	int l = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	struct sockaddr_in a = v4("127.0.0.1", 0);
	if (bind(l, (void *)&a, sizeof a) || listen(l, 64)) {
		perror("listener");
		exit(1);
	}
	return l;
}

/* Two ends of a TCP connection. */
static inline void connected(int two[2])
{
	int l = listener4();
	struct sockaddr_in a = v4("127.0.0.1", port_of(l));
	two[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(two[0], (void *)&a, sizeof a)) {
		perror("connect");
		exit(1);
	}
	two[1] = accept(l, 0, 0);
	close(l);
}
