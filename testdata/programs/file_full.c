// Fills the volume of the working directory, which must be a small one, and
// looks whether what was written before is there still.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char block[4096], back[4096];

static const char *failed(long v) { return v < 0 ? strerrorname_np(errno) : "fine"; }

int main(void) {
	int fd = open("full", O_RDWR | O_CREAT | O_EXCL, 0644);
	if (fd < 0) {
		perror("open");
		return 1;
	}
	long n = 0, v;
	for (;;) {
		memset(block, 'a' + n % 26, sizeof block);
		if ((v = write(fd, block, sizeof block)) != sizeof block)
			break;
		n++;
	}
	printf("write: %s, %d\n", failed(v), n > 10);
	struct stat st;
	fstat(fd, &st);
	printf("size %d\n", st.st_size / (long)sizeof block == n);
	for (long i = 0; i < n; i++) {
		memset(block, 'a' + i % 26, sizeof block);
		if (pread(fd, back, sizeof back, i * (long)sizeof back) != sizeof back || memcmp(block, back, sizeof back)) {
			printf("block %ld is lost\n", i);
			return 1;
		}
	}
	int app = open("full", O_WRONLY | O_APPEND);
	printf("append: %s\n", failed(write(app, block, sizeof block)));
	int other = open("other", O_RDWR | O_CREAT, 0644);
	printf("other file: %s\n", failed(other < 0 ? -1 : write(other, block, sizeof block)));
	printf("overwrite: %s\n", failed(pwrite(fd, "x", 1, 0)));
	printf("fallocate: %s\n", failed(fallocate(fd, 0, 0, 64 << 20)));
	fstat(fd, &st);
	printf("size %d\n", st.st_size / (long)sizeof block == n);
	printf("ftruncate: %s\n", failed(ftruncate(fd, 0)));
	printf("write: %s\n", failed(write(app, block, sizeof block)));
	close(fd);
	close(app);
	close(other);
	unlink("full");
	unlink("other");
	fd = open("again", O_RDWR | O_CREAT, 0644);
	printf("again: %s\n", failed(write(fd, block, sizeof block)));
	close(fd);
	unlink("again");
	return 0;
}
