/* splice, tee, vmsplice and sendfile between pipes and files. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define BAD ((void *)8)

static void tell(const char *what, long r)
{
	printf("%s: %ld %s\n", what, r, r < 0 ? strerror(errno) : "");
}

static char buf[1 << 17];

static void drain(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	long total = 0, sum = 0, n;
	while ((n = read(fd, buf, sizeof buf)) > 0) {
		total += n;
		for (long i = 0; i < n; i++)
			sum = (sum * 31 + buf[i]) % 1000003;
	}
	fcntl(fd, F_SETFL, flags);
	printf("  %ld bytes, sum %ld\n", total, sum);
}

int main(void)
{
	int p[2], q[2];
	if (pipe(p) || pipe(q))
		return 1;
	int in = open("in", O_RDWR | O_CREAT | O_TRUNC, 0644), out = open("out", O_RDWR | O_CREAT | O_TRUNC, 0644);
	for (int i = 0; i < 100000; i++)
		buf[i] = (char)(i * 7 + i / 256);
	tell("write", write(in, buf, 100000));
	lseek(in, 0, SEEK_SET);

	tell("file to pipe", splice(in, NULL, p[1], NULL, 1000, 0));
	printf("position %d\n", (int)lseek(in, 0, SEEK_CUR));
	loff_t off = 50000;
	tell("file to pipe, offset", splice(in, &off, p[1], NULL, 2000, 0));
	printf("position %d offset %d\n", (int)lseek(in, 0, SEEK_CUR), (int)off);
	tell("pipe to file", splice(p[0], NULL, out, NULL, 1500, 0));
	off = 10000;
	tell("pipe to file, offset", splice(p[0], NULL, out, &off, 5000, 0));
	struct stat st;
	fstat(out, &st);
	printf("offset %d position %d size %d\n", (int)off, (int)lseek(out, 0, SEEK_CUR), (int)st.st_size);
	lseek(out, 0, SEEK_SET);
	drain(out);

	tell("write", write(p[1], "hello, world", 12));
	tell("tee", tee(p[0], q[1], 5, 0));
	drain(q[0]);
	tell("tee all", tee(p[0], q[1], 100, 0));
	drain(q[0]);
	tell("pipe to pipe", splice(p[0], NULL, q[1], NULL, 7, 0));
	drain(q[0]);
	tell("pipe to pipe", splice(p[0], NULL, q[1], NULL, 100, 0));
	drain(q[0]);
	tell("empty, nonblocking", splice(p[0], NULL, q[1], NULL, 100, SPLICE_F_NONBLOCK));
	tell("tee, empty, nonblocking", tee(p[0], q[1], 100, SPLICE_F_NONBLOCK));
	tell("empty to file, nonblocking", splice(p[0], NULL, out, NULL, 100, SPLICE_F_NONBLOCK));

	/* a full pipe */
	lseek(in, 0, SEEK_SET);
	tell("more than fits", splice(in, NULL, p[1], NULL, 100000, 0));
	printf("position %d\n", (int)lseek(in, 0, SEEK_CUR));
	tell("full, nonblocking", splice(in, NULL, p[1], NULL, 100, SPLICE_F_NONBLOCK));
	drain(p[0]);

	struct iovec v[2] = { { "one ", 4 }, { "two", 3 } };
	tell("vmsplice", vmsplice(p[1], v, 2, 0));
	char a[3] = "", b[8] = "";
	struct iovec w[2] = { { a, 2 }, { b, 5 } };
	tell("vmsplice back", vmsplice(p[0], w, 2, 0));
	printf("%s|%s\n", a, b);
	tell("vmsplice nothing", vmsplice(p[1], v, 0, 0));
	tell("vmsplice file", vmsplice(in, v, 1, 0));
	tell("vmsplice flags", vmsplice(p[1], v, 1, 0x100));
	v[0].iov_base = BAD;
	tell("vmsplice bad", vmsplice(p[1], v, 1, 0));
	tell("vmsplice closed", vmsplice(99, v, 1, 0));

	tell("two files", splice(in, NULL, out, NULL, 10, 0));
	tell("same pipe", splice(p[0], NULL, p[1], NULL, 10, 0));
	tell("tee same pipe", tee(p[0], p[1], 10, 0));
	tell("tee file", tee(in, p[1], 10, 0));
	tell("offset of pipe", splice(in, NULL, p[1], &off, 10, 0));
	tell("offset of pipe", splice(p[0], &off, out, NULL, 10, 0));
	off = -5;
	tell("negative offset", splice(in, &off, p[1], NULL, 10, 0));
	tell("bad offset", splice(in, BAD, p[1], NULL, 10, 0));
	tell("nothing", splice(in, NULL, p[1], NULL, 0, 0));
	tell("flags", splice(in, NULL, p[1], NULL, 10, 0x100));
	tell("closed", splice(99, NULL, p[1], NULL, 10, 0));
	tell("closed", splice(in, NULL, 99, NULL, 10, 0));
	tell("wrong end", splice(in, NULL, p[0], NULL, 10, 0));
	tell("wrong end", splice(p[1], NULL, out, NULL, 10, 0));
	tell("tee wrong end", tee(p[1], q[1], 10, 0));
	int append = open("out", O_WRONLY | O_APPEND);
	tell("write", write(p[1], "x", 1));
	tell("append", splice(p[0], NULL, append, NULL, 10, 0));
	drain(p[0]);
	lseek(in, 0, SEEK_END);
	tell("end of file", splice(in, NULL, p[1], NULL, 10, 0));
	close(p[1]);
	tell("end of pipe", splice(p[0], NULL, out, NULL, 10, 0));
	tell("tee, end of pipe", tee(p[0], q[1], 10, 0));

	/* sendfile */
	off_t at = 99990;
	lseek(in, 0, SEEK_SET);
	tell("sendfile", sendfile(q[1], in, NULL, 1000));
	tell("sendfile, offset", sendfile(q[1], in, &at, 1000));
	printf("position %d offset %d\n", (int)lseek(in, 0, SEEK_CUR), (int)at);
	drain(q[0]);
	lseek(out, 0, SEEK_SET);
	tell("sendfile to file", sendfile(out, in, NULL, 300));
	tell("sendfile closed", sendfile(99, in, NULL, 1000));
	tell("sendfile from pipe", sendfile(out, q[0], NULL, 1000));
	tell("sendfile bad", sendfile(out, in, BAD, 1000));
	tell("sendfile append", sendfile(append, in, NULL, 1000));
	return 0;
}
