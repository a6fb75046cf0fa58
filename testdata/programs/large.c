/* Offsets beyond 4 GiB in a sparse file. */
#define _FILE_OFFSET_BITS 64
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int main(void)
{
	int fd = open("large", O_RDWR | O_CREAT | O_TRUNC, 0644);
	off_t at = (5LL << 30) + 12345;
	printf("lseek %lld\n", (long long)lseek(fd, at, SEEK_SET));
	printf("write %zd\n", write(fd, "beyond", 6));
	struct stat st;
	fstat(fd, &st);
	printf("size %lld sparse %d\n", (long long)st.st_size, st.st_blocks < 1 << 20);
	char buf[8] = "";
	printf("pread %zd %s\n", pread(fd, buf, 6, at), buf);
	printf("hole %zd %d\n", pread(fd, buf, 1, 3LL << 30), buf[0]);
	printf("pwrite %zd\n", pwrite(fd, "x", 1, (4LL << 30) + 1));
	printf("end %lld\n", (long long)lseek(fd, 0, SEEK_END));
	printf("ftruncate %d\n", ftruncate(fd, (4LL << 30) + 2));
	printf("end %lld\n", (long long)lseek(fd, 0, SEEK_END));
	printf("back %lld\n", (long long)lseek(fd, -1, SEEK_CUR));
	printf("read %zd %c\n", read(fd, buf, 8), buf[0]);
	close(fd);
	FILE *f = fopen("large", "r");
	printf("fseeko %d at %lld: %c\n", fseeko(f, (4LL << 30) + 1, SEEK_SET), (long long)ftello(f), fgetc(f));
	fclose(f);
	printf("unlink %d\n", unlink("large"));
	return 0;
}
