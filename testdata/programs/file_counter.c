// Several of these at once count in one file, each step under a lock:
//   file_counter KIND STEPS NAME
// KIND is posix, ofd or flock. Without locks steps get lost.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static void die(const char *what) {
	perror(what);
	exit(1);
}

static void lock(int fd, const char *kind, int on) {
	if (!strcmp(kind, "flock")) {
		if (flock(fd, on ? LOCK_EX : LOCK_UN))
			die("flock");
		return;
	}
	struct flock l = {.l_type = on ? F_WRLCK : F_UNLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 8};
	if (fcntl(fd, !strcmp(kind, "ofd") ? F_OFD_SETLKW : F_SETLKW, &l))
		die("fcntl");
}

int main(int argc, char **argv) {
	if (argc < 4)
		return 2;
	int fd = open("counter", O_RDWR | O_CREAT, 0644);
	if (fd < 0)
		die("open");
	for (int i = atoi(argv[2]); i > 0; i--) {
		lock(fd, argv[1], 1);
		char text[32] = "";
		if (pread(fd, text, sizeof text - 1, 0) < 0)
			die("pread");
		int n = snprintf(text, sizeof text, "%d", atoi(text) + 1);
		if (i % 8 == 0)
			usleep(1000);
		if (pwrite(fd, text, n, 0) != n)
			die("pwrite");
		lock(fd, argv[1], 0);
		// A file of one's own that others replace and delete all the time.
		char own[64];
		snprintf(own, sizeof own, "%.20s.%d", argv[3], i);
		int o = open(own, O_RDWR | O_CREAT, 0600);
		if (o < 0)
			die("open of a file that others delete");
		if (write(o, own, strlen(own)) < 0)
			die("write");
		if (rename(own, "last"))
			die("rename");
		close(o);
		int last = open("last", O_RDONLY);
		unlink("last");
		if (last >= 0)
			close(last);
	}
	return 0;
}
