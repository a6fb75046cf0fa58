/* What standard input is: open or not, and what a read of it gives. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct stat st;
	char buf[64];
	if (argc > 1 && !strcmp(argv[1], "close"))
		printf("close: %d\n", close(0));
	errno = 0;
	int rc = fstat(0, &st);
	printf("fstat: %d %s\n", rc, rc ? strerror(errno) : S_ISFIFO(st.st_mode) ? "pipe" : S_ISREG(st.st_mode) ? "file" : S_ISCHR(st.st_mode) ? "device" : "other");
	errno = 0;
	ssize_t n = read(0, buf, sizeof buf);
	printf("read: %zd %s\n", n, n < 0 ? strerror(errno) : "");
	errno = 0;
	long at = (long)lseek(0, 0, SEEK_CUR);
	printf("lseek: %ld %s\n", at, at < 0 ? strerror(errno) : "");
	errno = 0;
	rc = fcntl(0, F_GETFD);
	printf("F_GETFD: %d %s\n", rc, rc < 0 ? strerror(errno) : "");
	/* The lowest free descriptor is given out. */
	printf("open: %d\n", open("/dev/null", O_RDONLY));
	printf("isatty: %d %d\n", isatty(1), isatty(2));
	return 0;
}
