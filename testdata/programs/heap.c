/* malloc, realloc, calloc and stdio under load, with a checksum of all contents. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state = 88172645463325252ull;

static uint32_t next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32);
}

int main(void)
{
	enum { SLOTS = 500, ROUNDS = 200000 };
	static unsigned char *slot[SLOTS];
	static size_t size[SLOTS];
	uint32_t sum = 0;
	int bad = 0;

	for (int i = 0; i < ROUNDS; i++) {
		int n = next() % SLOTS;
		size_t want = next() % 64 == 0 ? next() % 600000 + 1 : next() % 2000 + 1;
		switch (next() % 3) {
		case 0:
			for (size_t k = 0; k < size[n]; k += 97)
				if (slot[n][k] != (unsigned char)(n + k))
					bad++;
			free(slot[n]);
			slot[n] = NULL;
			size[n] = 0;
			break;
		case 1: {
			unsigned char *p = realloc(slot[n], want);
			if (!p)
				return 3;
			slot[n] = p;
			for (size_t k = 0; k < want; k++)
				p[k] = (unsigned char)(n + k);
			size[n] = want;
			break;
		}
		case 2: {
			unsigned char *p = calloc(1, want);
			if (!p)
				return 3;
			for (size_t k = 0; k < want; k += 61)
				if (p[k])
					bad++;
			free(slot[n]);
			slot[n] = p;
			for (size_t k = 0; k < want; k++)
				p[k] = (unsigned char)(n + k);
			size[n] = want;
			break;
		}
		}
		sum = sum * 31 + (uint32_t)size[n];
	}
	for (int n = 0; n < SLOTS; n++)
		for (size_t k = 0; k < size[n]; k++)
			if (slot[n][k] != (unsigned char)(n + k))
				bad++;
	printf("sum %08x bad %d\n", sum, bad);

	FILE *f = fopen("heap.out", "w+");
	if (!f)
		return 4;
	for (int i = 0; i < 20000; i++)
		fprintf(f, "%d %x %s\n", i, next(), i % 7 ? "" : "seven");
	fseek(f, 1000, SEEK_SET);
	char line[200];
	int lines = 0;
	while (fgets(line, sizeof line, f))
		lines++;
	printf("lines %d, at %ld, eof %d\n", lines, ftell(f), !!feof(f));
	fclose(f);
	/* A memory stream, and one block that must come from mmap. */
	char *text;
	size_t length;
	f = open_memstream(&text, &length);
	for (int i = 0; i < 1000; i++)
		fprintf(f, "%04d,", i);
	fclose(f);
	printf("memstream %zu %.20s\n", length, text);
	char *big = malloc(64 << 20);
	memset(big, 'x', 64 << 20);
	printf("big %d\n", big[(64 << 20) - 1]);
	free(big);
	free(text);
	return bad != 0;
}
