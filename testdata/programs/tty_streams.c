/* What a program finds of a terminal behind its streams and /dev/tty. It writes
 * to the file that its first argument names; the terminal gets one line, and one
 * is read from it unless there is a second argument. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

static FILE *out;

static void stream(int fd) {
	struct termios s;
	struct winsize w;
	struct stat st;
	int n = -1;
	memset(&s, 0, sizeof s);
	memset(&w, 0, sizeof w);
	errno = 0;
	int is = isatty(fd);
	fprintf(out, "%d: isatty %d (%s)", fd, is, is ? "" : strerror(errno));
	errno = 0;
	int r = tcgetattr(fd, &s);
	fprintf(out, " tcgetattr %d (%s) lflag %#o", r, strerror(errno), s.c_lflag);
	errno = 0;
	r = ioctl(fd, TIOCGWINSZ, &w);
	fprintf(out, " size %d (%s) %dx%d", r, strerror(errno), w.ws_col, w.ws_row);
	fstat(fd, &st);
	fprintf(out, " character %d", S_ISCHR(st.st_mode) != 0);
	errno = 0;
	long at = lseek(fd, 0, SEEK_CUR);
	fprintf(out, " seek %ld (%s)", S_ISREG(st.st_mode) ? 0 : at, strerror(errno));
	if (is) {
		errno = 0;
		r = ioctl(fd, FIONREAD, &n);
		fprintf(out, " queued %d %d", r, n);
		fprintf(out, " foreground %d leader %d", tcgetpgrp(fd) == getpgrp(), tcgetsid(fd) == getsid(0));
	}
	fprintf(out, "\n");
}

int main(int argc, char **argv) {
	if (argc < 2 || !(out = fopen(argv[1], "w")))
		return 2;
	for (int fd = 0; fd < 3; fd++)
		stream(fd);
	int tty = open("/dev/tty", O_RDWR);
	if (tty < 0) {
		fprintf(out, "/dev/tty: %s\n", strerror(errno));
		return 1;
	}
	stream(tty);
	char line[100] = "";
	if (dprintf(tty, "your name? ") < 0)
		return 3;
	ssize_t n;
	if (argc < 3) {
		n = read(tty, line, sizeof line - 1);
		fprintf(out, "read %zd: %s", n, line);
		dprintf(tty, "hello %s", line);
	}
	char text[100];
	if (!isatty(0)) {
		n = read(0, text, sizeof text);
		fprintf(out, "standard input: %zd: %.*s", n, (int)n, text);
	}
	if (!isatty(1))
		printf("standard output\n");
	if (!isatty(2))
		fprintf(stderr, "standard error\n");
	return fclose(out) != 0;
}
