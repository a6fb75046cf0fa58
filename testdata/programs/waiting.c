/* Waiting for input that somebody else sends, and files without a name. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static void input(void)
{
	struct pollfd p = { 0, POLLIN, 0 };
	int total = 0, n;
	do {
		char buf[64];
		p.revents = 0;
		int rc = poll(&p, 1, -1);
		if (rc != 1) {
			printf("poll %d %s\n", rc, strerror(errno));
			return;
		}
		int there = -1;
		if (ioctl(0, FIONREAD, &there) == 0 && there < 0)
			printf("FIONREAD %d\n", there);
		fd_set set;
		FD_ZERO(&set);
		FD_SET(0, &set);
		struct timeval soon = { 5, 0 };
		rc = select(1, &set, NULL, NULL, &soon);
		if (rc != 1 || !FD_ISSET(0, &set))
			printf("select %d\n", rc);
		n = (int)read(0, buf, sizeof buf);
		total += n;
	} while (n > 0);
	printf("read %d bytes, then %d\n", total, n);
	printf("at the end: poll %d %#x\n", poll(&p, 1, -1), p.revents);
	fcntl(0, F_SETFL, O_NONBLOCK);
	char c;
	printf("without waiting: read %zd\n", read(0, &c, 1));
}

static void links(int fd)
{
	struct stat st;
	int rc = fstat(fd, &st);
	printf("fstat %d, %d links, %d bytes\n", rc, (int)st.st_nlink, (int)st.st_size);
}

static void nameless(void)
{
	int fd = open("name", O_RDWR | O_CREAT, 0444);
	printf("read-only, made: %d %s\n", write(fd, "text", 4) == 4, open("name", O_RDWR) < 0 ? strerror(errno) : "opened");
	printf("truncated: %d %s\n", truncate("name", 0), strerror(errno));
	printf("O_TRUNC: %d\n", open("name", O_RDONLY | O_TRUNC));
	links(fd);
	link("name", "other");
	links(fd);
	unlink("name");
	links(fd);
	unlink("other");
	links(fd);
	printf("reads %d\n", (int)pread(fd, (char[4]){ 0 }, 4, 0));
	int again = open("name", O_RDWR | O_CREAT | O_EXCL, 0600);
	links(again);
	links(fd);
	rename("name", "target");
	int target = open("target", O_RDONLY);
	close(again);
	again = open("new", O_RDWR | O_CREAT, 0200);
	printf("for writing: %d\n", open("new", O_RDONLY));
	rename("new", "target");
	links(target);
	links(again);
	unlink("target");
}

static void vectors(void)
{
	int p[2];
	char a[3], b[100];
	if (pipe(p))
		return;
	struct iovec out[4] = { { "one", 3 }, { "", 0 }, { "two", 3 }, { "three", 5 } };
	printf("writev %zd\n", writev(p[1], out, 4));
	struct iovec in[3] = { { a, 3 }, { NULL, 0 }, { b, sizeof b } };
	printf("readv %zd %.3s %.8s\n", readv(p[0], in, 3), a, b);
	fcntl(p[0], F_SETFL, O_NONBLOCK);
	out[3].iov_base = (void *)1; /* nothing is written, not even what is there */
	ssize_t n = writev(p[1], out, 4);
	printf("writev %zd %s\n", n, strerror(errno));
	n = readv(p[0], in, 3);
	printf("readv %zd %s\n", n, strerror(errno));
	out[0].iov_base = (void *)1;
	n = writev(p[1], out, 4);
	printf("writev %zd %s\n", n, strerror(errno));
	int fd = open("log", O_WRONLY | O_CREAT | O_APPEND, 0644);
	out[0].iov_base = "one";
	out[3].iov_base = "three";
	printf("appended %zd %zd\n", writev(fd, out, 4), writev(fd, out, 4));
}

int main(void)
{
	input();
	nameless();
	vectors();
	return 0;
}
