/*
 * Bytes to and from another program at the same time: net_exchange PORT
 * MEGABYTES. What is sent is a sequence that the other side knows, what comes
 * is compared with another one, word for word, and summed up.
 */
#include "net.h"

enum { PIECE = 1 << 16 };

static int s;
static long long total;

static void fill(uint32_t *p, long words, uint32_t *state)
{
	uint32_t x = *state;
	while (words--) {
		x ^= x << 13, x ^= x >> 17, x ^= x << 5;
		*p++ = x;
	}
	*state = x;
}

static void *sender(void *unused)
{
	(void)unused;
	static uint32_t b[PIECE / 4];
	uint32_t state = 1;
	for (long long done = 0; done < total; done += PIECE) {
		fill(b, PIECE / 4, &state);
		for (long at = 0, r; at < PIECE; at += r)
			if ((r = send(s, (char *)b + at, PIECE - at, 0)) <= 0) {
				printf("send: %s\n", err(r));
				exit(1);
			}
	}
	shutdown(s, SHUT_WR);
	return 0;
}

int main(int argc, char **argv)
{
	static uint32_t got[PIECE / 4], want[PIECE / 4];
	pthread_t th;
	if (argc < 3)
		return 2;
	struct sockaddr_in a = v4("127.0.0.1", atoi(argv[1]));
	total = atoll(argv[2]) << 20;
	s = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(s, (void *)&a, sizeof a)) {
		printf("connect: %s\n", err(-1));
		return 1;
	}
	pthread_create(&th, 0, sender, 0);
	uint32_t state = 2, sum = 0;
	long long done = 0, wrong = 0;
	long r;
	while ((r = recv(s, got, PIECE, MSG_WAITALL)) == PIECE) {
		fill(want, PIECE / 4, &state);
		for (int i = 0; i < PIECE / 4; i++) {
			wrong += got[i] != want[i];
			sum = sum * 31 + got[i];
		}
		done += r;
	}
	pthread_join(th, 0);
	printf("%lld bytes came, %lld words wrong, sum %08x, then %s\n", done, wrong, sum, err(r));
	return wrong != 0 || done != total;
}
