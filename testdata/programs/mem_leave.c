/* A file that is mapped and deleted is gone when the program is, which gives nothing back itself. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct stat st;
	int fd = open("short", O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || ftruncate(fd, 100))
		return 1;
	char *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (m == MAP_FAILED)
		return 2;
	strcpy(m, "mapped");
	if (argc > 1 && !strcmp(argv[1], "open"))
		fd = dup(fd);
	else
		close(fd);
	printf("unlink %d\n", unlink("short"));
	printf("stat %d, %s\n", stat("short", &st), m);
	if (argc > 2 && !strcmp(argv[2], "abort")) {
		fflush(stdout);
		raise(9);
	}
	return 0;
}
