/* AF_UNIX within one process. */
#include "net.h"

static char buf[1 << 18];

static struct sockaddr_un at(const char *path)
{
	struct sockaddr_un u = { .sun_family = AF_UNIX };
	strncpy(u.sun_path, path, sizeof u.sun_path - 1);
	return u;
}

static void pairs(int type)
{
	int p[2];
	SAY(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, p));
	polled("pair", p[0], POLLIN | POLLOUT | POLLRDHUP, 0);
	struct sockaddr_un u;
	socklen_t n = sizeof u;
	SAY(getsockname(p[0], (void *)&u, &n));
	printf("%u bytes, family %d\n", n, u.sun_family);
	n = sizeof u;
	SAY(getpeername(p[0], (void *)&u, &n));
	SAY(write(p[0], "one", 3));
	SAY(write(p[0], "three", 5));
	SAY(recv(p[1], buf, 2, MSG_PEEK));
	SAY(recv(p[1], buf, 4, MSG_TRUNC));
	SAY(read(p[1], buf, 100));
	SAY(recv(p[1], buf, 1, MSG_DONTWAIT));
	SAY(send(p[0], "", 0, 0));
	SAY(recv(p[1], buf, 1, MSG_DONTWAIT));
	struct iovec v[2] = { { "scattered ", 10 }, { "bytes", 5 } }, w[2] = { { buf, 4 }, { buf + 100, 50 } };
	SAY(writev(p[1], v, 2));
	struct msghdr m = { .msg_iov = w, .msg_iovlen = 2 };
	SAY(recvmsg(p[0], &m, 0));
	printf("flags %x, %.4s|%.11s\n", m.msg_flags, buf, buf + 100);
	int left = -1;
	write(p[1], "12345", 5);
	SAY(ioctl(p[0], FIONREAD, &left));
	printf("%d\n", left);
	struct ucred cr;
	n = sizeof cr;
	SAY(getsockopt(p[0], SOL_SOCKET, SO_PEERCRED, &cr, &n));
	printf("peer is %s %s %s\n", cr.pid == getpid() ? "me" : "another", cr.uid == getuid() ? "my uid" : "", cr.gid == getgid() ? "my gid" : "");
	SAY(shutdown(p[0], SHUT_WR));
	SAY(send(p[0], "x", 1, MSG_NOSIGNAL));
	polled("half closed", p[1], POLLIN | POLLOUT | POLLRDHUP, 0);
	SAY(recv(p[1], buf, 1, MSG_DONTWAIT));
	SAY(send(p[1], "back", 4, 0));
	SAY(read(p[0], buf, 100));
	close(p[0]);
	polled("gone", p[1], POLLIN | POLLOUT | POLLRDHUP, 0);
	SAY(send(p[1], "x", 1, MSG_NOSIGNAL));
	SAY(recv(p[1], buf, 1, MSG_DONTWAIT));
	SAY(recv(p[1], buf, 1, MSG_DONTWAIT));
	close(p[1]);
	socketpair(AF_UNIX, type, 0, p);
	write(p[0], "unread", 6);
	close(p[1]);
	SAY(recv(p[0], buf, 1, MSG_DONTWAIT));
	SAY(recv(p[0], buf, 1, MSG_DONTWAIT));
}

static void passing(int type)
{
	int p[2], q[2], fds[3];
	socketpair(AF_UNIX, type, 0, p);
	SAY(pipe(q));
	union {
		char room[CMSG_SPACE(sizeof fds)];
		struct cmsghdr h;
	} c = { 0 };
	struct iovec v = { "with files", 10 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = c.room, .msg_controllen = CMSG_SPACE(2 * sizeof(int)) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);
	h->cmsg_level = SOL_SOCKET, h->cmsg_type = SCM_RIGHTS, h->cmsg_len = CMSG_LEN(2 * sizeof(int));
	memcpy(CMSG_DATA(h), q, sizeof q);
	SAY(sendmsg(p[0], &m, 0));
	SAY(write(p[0], "more", 4));
	close(q[0]);
	close(q[1]);
	v = (struct iovec){ buf, 100 };
	m.msg_controllen = sizeof c.room;
	SAY(recvmsg(p[1], &m, MSG_CMSG_CLOEXEC));
	h = CMSG_FIRSTHDR(&m);
	printf("controllen %d, %d files, flags %x\n", m.msg_controllen == CMSG_SPACE(2 * sizeof(int)), h ? (int)((h->cmsg_len - CMSG_LEN(0)) / sizeof(int)) : 0, m.msg_flags & ~MSG_CMSG_CLOEXEC);
	memcpy(fds, CMSG_DATA(h), 2 * sizeof(int));
	printf("cloexec %d\n", fcntl(fds[0], F_GETFD));
	SAY(write(fds[1], "through", 7));
	SAY(read(fds[0], buf, 100));
	close(fds[1]);
	SAY(read(fds[0], buf, 100));
	SAY(recv(p[1], buf, 100, MSG_DONTWAIT));
	/* No room. */
	m.msg_controllen = CMSG_SPACE(sizeof(int));
	h = CMSG_FIRSTHDR(&m);
	h->cmsg_level = SOL_SOCKET, h->cmsg_type = SCM_RIGHTS, h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &fds[0], sizeof(int));
	v.iov_len = 4;
	SAY(sendmsg(p[0], &m, 0));
	m.msg_controllen = 0;
	SAY(recvmsg(p[1], &m, 0));
	printf("flags %x\n", m.msg_flags);
	m.msg_controllen = CMSG_SPACE(sizeof(int));
	memset(CMSG_DATA(h), 0x7f, sizeof(int));
	SAY(sendmsg(p[0], &m, 0));
	h->cmsg_len = 3;
	SAY(sendmsg(p[0], &m, 0));
	/* Credentials. */
	int one = 1;
	SAY(setsockopt(p[1], SOL_SOCKET, SO_PASSCRED, &one, sizeof one));
	SAY(write(p[0], "who", 3));
	m.msg_controllen = sizeof c.room;
	SAY(recvmsg(p[1], &m, 0));
	h = CMSG_FIRSTHDR(&m);
	if (h) {
		struct ucred u;
		memcpy(&u, CMSG_DATA(h), sizeof u);
		printf("type %d, %d %d %d\n", h->cmsg_type, u.pid == getpid(), u.uid == getuid(), u.gid == getgid());
	}
	/* Received with read: the files are closed. */
	m.msg_controllen = CMSG_SPACE(sizeof(int));
	h = CMSG_FIRSTHDR(&m);
	h->cmsg_level = SOL_SOCKET, h->cmsg_type = SCM_RIGHTS, h->cmsg_len = CMSG_LEN(sizeof(int));
	pipe(q);
	memcpy(CMSG_DATA(h), &q[1], sizeof(int));
	SAY(sendmsg(p[0], &m, 0));
	close(q[1]);
	polled("pipe", q[0], POLLIN, 0);
	SAY(read(p[1], buf, 100));
	polled("pipe", q[0], POLLIN, 0);
}

static void named(int type)
{
	struct sockaddr_un a = at("sock"), from;
	socklen_t n = sizeof from;
	struct stat st;
	int s = OK(socket(AF_UNIX, type, 0)), c = OK(socket(AF_UNIX, type, 0));
	SAY(connect(c, (void *)&a, sizeof a));
	SAY(bind(s, (void *)&a, sizeof a));
	SAY(bind(s, (void *)&a, sizeof a));
	SAY(bind(c, (void *)&a, sizeof a));
	SAY(stat("sock", &st));
	printf("mode %o\n", st.st_mode);
	n = sizeof from;
	SAY(getsockname(s, (void *)&from, &n));
	printf("%s, %u bytes\n", from.sun_path, n);
	if (type != SOCK_DGRAM) {
		SAY(connect(c, (void *)&a, sizeof a));
		SAY(listen(s, 2));
		polled("listening", s, POLLIN, 0);
	} else
		SAY(listen(s, 2));
	SAY(connect(c, (void *)&a, sizeof a));
	n = sizeof from;
	SAY(getpeername(c, (void *)&from, &n));
	printf("%s\n", from.sun_path);
	SAY(send(c, "before accept", 13, 0));
	if (type != SOCK_DGRAM) {
		polled("listening", s, POLLIN, 0);
		n = sizeof from;
		int x = OK(accept(s, (void *)&from, &n));
		printf("%u bytes\n", n);
		SAY(recv(x, buf, 100, 0));
		SAY(connect(c, (void *)&a, sizeof a));
		SAY(sendto(c, "x", 1, 0, (void *)&a, sizeof a));
		int k = socket(AF_UNIX, SOCK_DGRAM, 0);
		SAY(connect(k, (void *)&a, sizeof a));
		/* A full queue. */
		int i, r = 0;
		for (i = 0; i < 10 && r == 0; i++)
			r = connect(socket(AF_UNIX, type | SOCK_NONBLOCK, 0), (void *)&a, sizeof a);
		printf("%d connections, then %s\n", i - 1, err(r));
		close(s);
		SAY(recv(c, buf, 1, MSG_DONTWAIT));
		SAY(connect(k = socket(AF_UNIX, type, 0), (void *)&a, sizeof a));
	} else {
		n = sizeof from;
		SAY(recvfrom(s, buf, 100, 0, (void *)&from, &n));
		printf("%u bytes\n", n);
		struct sockaddr_un b = { AF_UNIX, "" };
		SAY(bind(c, (void *)&b, sizeof(sa_family_t)));
		n = sizeof from;
		SAY(getsockname(c, (void *)&from, &n));
		printf("%u bytes, abstract %d\n", n, from.sun_path[0] == 0);
		SAY(sendto(c, "named", 5, 0, (void *)&a, sizeof a));
		n = sizeof from;
		SAY(recvfrom(s, buf, 100, 0, (void *)&from, &n));
		SAY(sendto(s, "answer", 6, 0, (void *)&from, n));
		SAY(recv(c, buf, 100, 0));
		int i, r = 0;
		fcntl(c, F_SETFL, O_NONBLOCK);
		for (i = 0; i < 1000 && r >= 0; i++)
			r = send(c, "x", 1, 0);
		printf("full: %s\n", err(r));
		polled("full", c, POLLOUT, 0);
		while (recv(s, buf, 1, MSG_DONTWAIT) > 0)
			;
		polled("empty", c, POLLOUT, 0);
		close(s);
		SAY(send(c, "x", 1, 0));
		SAY(send(c, "x", 1, 0));
	}
	SAY(unlink("sock"));
	SAY(connect(c, (void *)&a, sizeof a));
	int again = socket(AF_UNIX, type, 0);
	SAY(bind(again, (void *)&a, sizeof a));
	unlink("sock");
	close(open("sock", O_CREAT | O_WRONLY, 0600));
	SAY(connect(socket(AF_UNIX, type, 0), (void *)&a, sizeof a));
	stat("sock", &st);
	printf("type %o\n", st.st_mode & S_IFMT);
	unlink("sock");
	/* Errors of names. */
	SAY(bind(socket(AF_UNIX, type, 0), (void *)&a, 1));
	SAY(bind(socket(AF_UNIX, type, 0), (void *)&a, sizeof a + 1));
	a = at("no/such/folder");
	SAY(bind(socket(AF_UNIX, type, 0), (void *)&a, sizeof a));
	SAY(connect(socket(AF_UNIX, type, 0), (void *)&a, sizeof a));
	/* Names without files. */
	struct sockaddr_un e = { .sun_family = AF_UNIX, .sun_path = "\0bee-abstract-test" };
	int x = socket(AF_UNIX, type, 0), y = socket(AF_UNIX, type, 0);
	SAY(bind(x, (void *)&e, offsetof(struct sockaddr_un, sun_path) + 15));
	SAY(bind(y, (void *)&e, offsetof(struct sockaddr_un, sun_path) + 15));
	listen(x, 1);
	SAY(connect(y, (void *)&e, offsetof(struct sockaddr_un, sun_path) + 15));
	n = sizeof from;
	SAY(getpeername(y, (void *)&from, &n));
	printf("%u bytes\n", n);
	SAY(connect(socket(AF_UNIX, type, 0), (void *)&e, offsetof(struct sockaddr_un, sun_path) + 14));
}

static void *reader(void *fd)
{
	long r, sum = 0;
	while ((r = read(*(int *)fd, buf, 3000)) > 0)
		sum += r;
	return (void *)sum;
}

static void streams(void)
{
	int p[2], v;
	static char big[1 << 20];
	socklen_t n = sizeof v;
	pthread_t th;
	void *sum;
	socketpair(AF_UNIX, SOCK_STREAM, 0, p);
	pthread_create(&th, 0, reader, &p[1]);
	SAY(write(p[0], big, sizeof big));
	SAY(shutdown(p[0], SHUT_WR));
	pthread_join(th, &sum);
	printf("%ld bytes read\n", (long)sum);
	SAY(getsockopt(p[0], SOL_SOCKET, SO_TYPE, &v, &n));
	printf("%d\n", v);
	SAY(getsockopt(p[0], SOL_SOCKET, SO_DOMAIN, &v, &n));
	printf("%d\n", v);
	SAY(getsockopt(p[0], SOL_TCP, TCP_NODELAY, &v, &n));
	SAY(setsockopt(p[0], SOL_TCP, TCP_NODELAY, &v, n));
	socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p);
	long r, sent = 0;
	while ((r = write(p[0], big, 4096)) > 0)
		sent += r;
	printf("full: %s, %d\n", err(r), sent > 65536);
	polled("full", p[0], POLLOUT, 0);
	long got = 0;
	while ((r = read(p[1], buf, sizeof buf)) > 0)
		got += r;
	printf("all came: %d\n", got == sent);
	polled("empty", p[0], POLLOUT, 0);
	SAY(recv(p[0], buf, 1, MSG_WAITALL));
	SAY(socket(AF_UNIX, 99, 0));
	SAY(socket(AF_UNIX, SOCK_STREAM, 6));
	int u = socket(AF_UNIX, SOCK_STREAM, 0);
	SAY(read(u, buf, 1));
	SAY(send(u, buf, 1, MSG_NOSIGNAL));
	SAY(listen(u, 1));
	SAY(accept(u, 0, 0));
	polled("new", u, POLLIN | POLLOUT, 0);
}

/* Sends descriptors, and another one, over a socket. */
static void give(int s, int *fds, int n)
{
	union {
		char room[CMSG_SPACE(4 * sizeof *fds)];
		struct cmsghdr h;
	} c = { 0 };
	struct iovec v = { "x", 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = c.room, .msg_controllen = CMSG_SPACE(n * sizeof *fds) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);
	h->cmsg_level = SOL_SOCKET, h->cmsg_type = SCM_RIGHTS, h->cmsg_len = CMSG_LEN(n * sizeof *fds);
	memcpy(CMSG_DATA(h), fds, n * sizeof *fds);
	SAY(sendmsg(s, &m, 0));
}

/* Descriptors that nobody can receive any more: the pipe's end tells when they are closed. */
static void lost(void)
{
	for (int kind = 0; kind < 4; kind++) {
		int p[2], q[2], o[2], more[2];
		pipe(p);
		socketpair(AF_UNIX, kind == 3 ? SOCK_DGRAM : SOCK_STREAM, 0, q);
		socketpair(AF_UNIX, SOCK_STREAM, 0, o);
		if (kind == 0)
			give(q[0], (int[]){ p[1] }, 1);
		else if (kind == 2) {
			give(q[0], (int[]){ o[1], p[1] }, 2);
			give(o[0], (int[]){ q[1], q[0] }, 2);
		} else
			give(q[0], (int[]){ q[0], q[1], p[1] }, 3);
		close(p[1]);
		polled("on its way", p[0], POLLIN, 0);
		close(q[0]), close(q[1]), close(o[0]), close(o[1]);
		for (int i = 0; i < 3; i++) { /* Linux looks when it has to do with such sockets anyway */
			socketpair(AF_UNIX, SOCK_STREAM, 0, more);
			give(more[0], more, 1);
			close(more[0]), close(more[1]);
			usleep(20000);
		}
		polled("lost", p[0], POLLIN, 5000);
		close(p[0]);
	}
}

/* A server that waits until there is a file "stop", and a client, for two programs. */
static void serve(void)
{
	struct sockaddr_un a = at("sock");
	int s = socket(AF_UNIX, SOCK_STREAM, 0);
	SAY(bind(s, (void *)&a, sizeof a));
	SAY(listen(s, 1));
	for (int i = 0; i < 3000 && access("stop", F_OK); i++)
		usleep(10000);
}

static void call(void)
{
	struct sockaddr_un a = at("sock");
	for (int i = 0; i < 2; i++)
		SAY(connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&a, sizeof a));
}

int main(int argc, char **argv)
{
	setvbuf(stdout, 0, _IOLBF, 0);
	const char *what = argc > 1 ? argv[1] : "streams";
	int type = argc > 2 ? atoi(argv[2]) : SOCK_STREAM;
	if (!strcmp(what, "pair"))
		pairs(type);
	else if (!strcmp(what, "pass"))
		passing(type);
	else if (!strcmp(what, "named"))
		named(type);
	else if (!strcmp(what, "lost"))
		lost();
	else if (!strcmp(what, "serve"))
		serve();
	else if (!strcmp(what, "call"))
		call();
	else
		streams();
	return 0;
}
