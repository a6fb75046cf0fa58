/* Loops whose cost the rewriting changes most; the first argument chooses. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static __thread long counter;
static __thread int table[64];

static int __attribute__((noinline)) guarded(const char *s)
{
	char buffer[64];
	strcpy(buffer, s);
	return buffer[strlen(buffer) / 2];
}

static void __attribute__((noinline)) count(int by)
{
	counter += by;
	table[by & 63]++;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	long n = 0;

	if (!strcmp(what, "malloc")) {
		void *kept[64] = { 0 };
		for (int i = 0; i < 200000; i++) {
			free(kept[i & 63]);
			kept[i & 63] = malloc((size_t)(i * 37 % 2000 + 1));
			n += kept[i & 63] != NULL;
		}
	} else if (!strcmp(what, "errno")) {
		for (int i = 0; i < 50000; i++) {
			errno = 0;
			close(-1);
			n += errno == EBADF;
		}
	} else if (!strcmp(what, "stack-protector")) {
		for (int i = 0; i < 200000; i++)
			n += guarded(argv[0]) != 0;
	} else if (!strcmp(what, "thread-local")) {
		for (int i = 0; i < 500000; i++)
			count(i);
		n = counter + table[3];
	} else if (!strcmp(what, "stdio")) {
		FILE *f = fopen("/dev/null", "w");
		for (int i = 0; f && i < 100000; i++) {
			fprintf(f, "%d %s\n", i, what);
			putc('x', f);
			n++;
		}
	} else {
		fprintf(stderr, "cost malloc|errno|stack-protector|thread-local|stdio\n");
		return 2;
	}
	printf("%ld\n", n);
	return 0;
}
