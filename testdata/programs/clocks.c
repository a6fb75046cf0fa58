/* Clocks: only what must hold everywhere is printed. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

static double now(clockid_t id)
{
	struct timespec t;
	if (clock_gettime(id, &t))
		return -1;
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(void)
{
	double last = now(CLOCK_MONOTONIC);
	int back = 0;
	for (int i = 0; i < 100000; i++) {
		double t = now(CLOCK_MONOTONIC);
		back += t < last;
		last = t;
	}
	printf("monotonic went back %d times\n", back);
	struct timeval tv;
	gettimeofday(&tv, NULL);
	double real = now(CLOCK_REALTIME);
	printf("clocks agree %d %d\n", (double)tv.tv_sec - real < 2 && real - (double)tv.tv_sec < 2, time(NULL) - (time_t)real <= 1);
	printf("after 2024 %d\n", real > 1.7e9);
	double before = now(CLOCK_MONOTONIC);
	struct timespec nap = { 0, 30000000 };
	printf("nanosleep %d\n", nanosleep(&nap, NULL));
	double slept = now(CLOCK_MONOTONIC) - before;
	printf("slept at least %d, at most %d\n", slept >= 0.03, slept < 5);
	before = now(CLOCK_MONOTONIC);
	printf("clock_nanosleep %d\n", clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL));
	printf("slept %d\n", now(CLOCK_MONOTONIC) - before >= 0.03);
	nap.tv_nsec = 2000000000;
	int rc = nanosleep(&nap, NULL);
	printf("bad nanosleep %d %s\n", rc, strerror(errno));
	struct timespec res;
	printf("resolution %d\n", clock_getres(CLOCK_MONOTONIC, &res) == 0 && res.tv_sec == 0);
	rc = clock_gettime(999, &res);
	printf("bad clock %d %s\n", rc, strerror(errno));
	volatile unsigned x = 0;
	double cpu = now(CLOCK_PROCESS_CPUTIME_ID);
	before = now(CLOCK_MONOTONIC);
	while (now(CLOCK_MONOTONIC) - before < 0.2)
		x++;
	printf("cpu time passes %d\n", now(CLOCK_PROCESS_CPUTIME_ID) - cpu > 0.001);
	struct tms t;
	printf("times %d clock %d\n", times(&t) != (clock_t)-1, clock() > 0);
	time_t zero = 86400 * 365;
	char buf[100];
	strftime(buf, sizeof buf, "%Y-%m-%d %H:%M:%S %j %a", gmtime(&zero));
	printf("%s\n", buf);
	return 0;
}
