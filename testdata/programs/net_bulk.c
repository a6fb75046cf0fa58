/*
 * Bytes between two threads: net_bulk MEGABYTES PIECE KIND, kind "tcp" or
 * "unix". What is received is compared byte for byte; an echo comes back and
 * is compared, too.
 */
#include "net.h"

static long total, piece;
static int ends[2];

static uint32_t next(uint32_t *s)
{
	*s ^= *s << 13, *s ^= *s >> 17, *s ^= *s << 5;
	return *s;
}

static void fill(uint32_t *p, long words, uint32_t *s)
{
	while (words--)
		*p++ = next(s);
}

static void *sender(void *unused)
{
	(void)unused;
	uint32_t s = 12345;
	char *b = malloc(piece);
	for (long done = 0; done < total; done += piece) {
		fill((void *)b, piece / 4, &s);
		for (long at = 0, r; at < piece; at += r)
			if ((r = write(ends[0], b + at, piece - at)) <= 0) {
				perror("write");
				exit(1);
			}
	}
	shutdown(ends[0], SHUT_WR);
	return 0;
}

static void *echo(void *unused)
{
	(void)unused;
	static char b[1 << 16];
	long r;
	while ((r = read(ends[1], b, sizeof b)) > 0)
		for (long at = 0, w; at < r; at += w)
			if ((w = write(ends[1], b + at, r - at)) <= 0) {
				perror("echo");
				exit(1);
			}
	shutdown(ends[1], SHUT_WR);
	return 0;
}

int main(int argc, char **argv)
{
	total = (argc > 1 ? atol(argv[1]) : 8) << 20;
	piece = argc > 2 ? atol(argv[2]) & ~3L : 100000;
	total = total / piece * piece;
	if (argc > 3 && !strcmp(argv[3], "unix"))
		socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
	else
		connected(ends);
	pthread_t a, b;
	pthread_create(&a, 0, sender, 0);
	pthread_create(&b, 0, echo, 0);
	uint32_t s = 12345;
	char *want = malloc(piece), *got = malloc(piece);
	long done = 0, wrong = 0, r;
	for (; done < total; done += piece) {
		if ((r = recv(ends[0], got, piece, MSG_WAITALL)) != piece) {
			printf("%ld of %ld: %s\n", done, total, err(r));
			return 1;
		}
		fill((void *)want, piece / 4, &s);
		wrong += memcmp(want, got, piece) != 0;
	}
	r = read(ends[0], got, piece);
	printf("%ld bytes, %ld pieces wrong, end %ld\n", done, wrong, r);
	pthread_join(a, 0);
	pthread_join(b, 0);
	return wrong != 0;
}
