/* Terminal settings: what a program sets it gets back, and reads, poll and
 * FIONREAD go by it. The user types when asked. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static struct termios usual;

static void show(const char *what, const char *p, ssize_t n) {
	printf("%s: %zd", what, n);
	if (n < 0)
		printf(" %s", strerror(errno));
	for (ssize_t i = 0; i < n; i++)
		printf(" %02x", (unsigned char)p[i]);
	printf("\r\n");
	fflush(stdout);
}

static void ask(const char *what) {
	printf("%s> ", what);
	fflush(stdout);
}

static int ready(int ms) {
	struct pollfd p = {.fd = 0, .events = POLLIN | POLLOUT};
	poll(&p, 1, 0);
	int out = (p.revents & POLLOUT) != 0;
	p.events = POLLIN;
	int n = poll(&p, 1, ms);
	return n * 100 + ((p.revents & POLLIN) != 0) * 10 + out;
}

static void set(int min, int time, int action) {
	struct termios s = usual;
	cfmakeraw(&s);
	s.c_cc[VMIN] = min;
	s.c_cc[VTIME] = time;
	if (tcsetattr(0, action, &s))
		printf("tcsetattr: %s\r\n", strerror(errno));
	struct termios back;
	tcgetattr(0, &back);
	printf("raw %d %d: %o %o %o %o\r\n", back.c_cc[VMIN], back.c_cc[VTIME], back.c_iflag, back.c_oflag, back.c_cflag, back.c_lflag);
}

int main(void) {
	char p[100];
	if (tcgetattr(0, &usual)) {
		perror("tcgetattr");
		return 1;
	}
	printf("usual %o %o %o %o speed %d %d:", usual.c_iflag, usual.c_oflag, usual.c_cflag, usual.c_lflag, cfgetispeed(&usual) == B38400,
		cfgetospeed(&usual) == B38400);
	for (int i = 0; i < 17; i++)
		printf(" %02x", usual.c_cc[i]);
	printf("\n");
	ask("a line");
	printf("[%d]", ready(-1));
	fflush(stdout);
	show("line", p, read(0, p, 4));
	show("rest", p, read(0, p, sizeof p));

	set(1, 0, TCSAFLUSH);
	ask("a key");
	printf("[%d]", ready(-1));
	show("key", p, read(0, p, sizeof p));
	ask("a cursor key");
	show("key", p, read(0, p, sizeof p));
	ask("Ctrl-D, Enter, Backspace, Tab");
	for (ssize_t n = 0; n < 4;)
		n += read(0, p + n, sizeof p - n);
	show("keys", p, 4);
	set(3, 0, TCSANOW);
	ask("three keys");
	show("keys", p, read(0, p, sizeof p));
	set(0, 2, TCSADRAIN);
	printf("nothing for a while\r\n");
	show("nothing", p, read(0, p, sizeof p));
	set(0, 0, TCSADRAIN);
	show("nothing at all", p, read(0, p, sizeof p));
	set(1, 0, TCSADRAIN);
	fcntl(0, F_SETFL, fcntl(0, F_GETFL) | O_NONBLOCK);
	show("not waiting", p, read(0, p, sizeof p));
	printf("no input [%d]\r\n", ready(50));
	ask("one more key");
	printf("[%d]", ready(-1));
	int n = -1;
	ioctl(0, FIONREAD, &n);
	printf("queued %d\r\n", n);
	show("key", p, read(0, p, sizeof p));
	fcntl(0, F_SETFL, fcntl(0, F_GETFL) & ~O_NONBLOCK);
	tcsetattr(0, TCSANOW, &usual);

	struct winsize w;
	for (int i = 0; i < 2; i++) {
		ask("Enter");
		read(0, p, sizeof p);
		if (ioctl(0, TIOCGWINSZ, &w) == 0)
			printf("window %dx%d\n", w.ws_col, w.ws_row);
	}
	printf("flush %d break %d\n", tcflush(0, TCIFLUSH), tcsendbreak(0, 0));
	n = tcflush(0, 77);
	printf("flush of what is not there: %d %s\n", n, strerror(errno));
	return 0;
}
