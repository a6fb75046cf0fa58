// What an executable that carries its program passes on: arguments, standard input, the exit status; and /proc/self/exe, which
// is the program alone.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		printf("argument [%s]\n", argv[i]);
	const char *file = (const char *)getauxval(AT_EXECFN), *name = strrchr(file, '/');
	printf("file [%s]\n", name ? name + 1 : file);

	int fd = open("/proc/self/exe", O_RDONLY);
	struct stat st;
	unsigned char head[4], tail, c;
	if (fd < 0 || fstat(fd, &st) || read(fd, head, 4) != 4 || lseek(fd, -1, SEEK_END) != st.st_size - 1 ||
	    read(fd, &tail, 1) != 1 || read(fd, &c, 1) != 0 || pread(fd, &c, 1, 1) != 1) {
		perror("/proc/self/exe");
		return 99;
	}
	unsigned char *map = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED || map[1] != c || map[st.st_size - 1] != tail) {
		puts("/proc/self/exe: mapped otherwise than read");
		return 98;
	}
	printf("program %ld bytes, %02x%.3s\n", (long)st.st_size, head[0], (char *)head + 1);

	int ch;
	while ((ch = getchar()) != EOF)
		putchar(ch);
	return argc > 1 ? atoi(argv[1]) : 0;
}
