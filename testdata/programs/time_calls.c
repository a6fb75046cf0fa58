/* Clocks and what is used, through the calls themselves: results and errors. Times are told as whether they make sense. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#define BAD ((void *)8)

static void tell(const char *what, long r)
{
	printf("%s: %ld %s\n", what, r < 0 ? -1 : r, r < 0 ? strerror(errno) : "");
}

static long long ns(const struct timespec *t) { return t->tv_sec * 1000000000LL + t->tv_nsec; }

static void clocks(void)
{
	static const int ids[] = { 0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 99, -1 };
	for (unsigned i = 0; i < sizeof ids / sizeof *ids; i++) {
		struct timespec t = { 0 }, res = { -1, -1 };
		char name[40];
		snprintf(name, sizeof name, "clock %d", ids[i]);
		tell(name, syscall(SYS_clock_gettime, ids[i], &t));
		int coarse = ids[i] == 5 || ids[i] == 6;
		tell(" getres", syscall(SYS_clock_getres, ids[i], &res));
		printf(" resolution %d\n", coarse ? res.tv_nsec > 1 && res.tv_nsec <= 20000000 : res.tv_nsec == 1);
		tell(" getres(NULL)", syscall(SYS_clock_getres, ids[i], NULL));
		tell(" gettime(bad)", syscall(SYS_clock_gettime, ids[i], BAD));
		struct timespec set = { 5, 2000000000 };
		tell(" settime(bad)", syscall(SYS_clock_settime, ids[i], BAD));
		if (ids[i] != 0)
			continue;
		tell(" settime(invalid)", syscall(SYS_clock_settime, ids[i], &set));
	}
	/* clocks of processes and threads by number */
	int pid = getpid();
	for (int which = 0; which < 8; which++) {
		struct timespec t;
		char name[40];
		snprintf(name, sizeof name, "own clock, kind %d", which);
		tell(name, syscall(SYS_clock_gettime, (~pid << 3) | which, &t));
		snprintf(name, sizeof name, "nobody's clock, kind %d", which);
		tell(name, syscall(SYS_clock_gettime, (~0x3ffffff << 3) | which, &t));
		tell(" settime", syscall(SYS_clock_settime, (~pid << 3) | which, &t));
	}
}

static void order(void)
{
	struct timespec mono, coarse, boot, real, rcoarse, tai, raw;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &coarse);
	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	clock_gettime(CLOCK_REALTIME_COARSE, &rcoarse);
	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_TAI, &tai);
	clock_gettime(CLOCK_MONOTONIC_RAW, &raw);
	printf("coarse is not ahead %d %d\n", ns(&coarse) <= ns(&mono), ns(&rcoarse) <= ns(&real));
	printf("boot time is not behind %d\n", ns(&boot) >= ns(&mono));
	printf("TAI within a minute %d\n", llabs(ns(&tai) - ns(&real)) < 60000000000LL);
	struct timespec a, b;
	int steps = 0;
	for (int i = 0; i < 1000; i++) {
		clock_gettime(CLOCK_MONOTONIC, &a);
		clock_gettime(CLOCK_MONOTONIC, &b);
		steps += ns(&b) - ns(&a) < 1000000;
	}
	printf("steps below a millisecond %d\n", steps > 900);
}

static void sleeps(void)
{
	static const int ids[] = { 0, 1, 3, 4, 5, 6, 7, 11, 99 };
	struct timespec zero = { 0, 0 }, invalid = { 0, -1 }, past = { 1, 0 };
	for (unsigned i = 0; i < sizeof ids / sizeof *ids; i++) {
		char name[40];
		snprintf(name, sizeof name, "sleep on %d", ids[i]);
		tell(name, syscall(SYS_clock_nanosleep, ids[i], 0, &zero, NULL));
		tell(" invalid", syscall(SYS_clock_nanosleep, ids[i], 0, &invalid, NULL));
		tell(" bad", syscall(SYS_clock_nanosleep, ids[i], 0, BAD, NULL));
		tell(" absolute, in the past", syscall(SYS_clock_nanosleep, ids[i], TIMER_ABSTIME, &past, NULL));
	}
	struct timespec start, end, until;
	clock_gettime(CLOCK_MONOTONIC, &start);
	until = start;
	until.tv_nsec += 20000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	tell("absolute", syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL));
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("not too early %d\n", ns(&end) >= ns(&until));
	tell("nanosleep(bad)", syscall(SYS_nanosleep, BAD, NULL));
	tell("nanosleep(invalid)", syscall(SYS_nanosleep, &invalid, NULL));
	tell("nanosleep(0)", syscall(SYS_nanosleep, &zero, NULL));
}

static void adjust(void)
{
	struct timex t;
	memset(&t, 0, sizeof t);
	long r = syscall(SYS_adjtimex, &t);
	printf("adjtimex %d tick %d time %d\n", r >= 0, t.tick == 10000, labs((long)(t.time.tv_sec - time(NULL))) < 2);
	t.modes = ADJ_TICK;
	tell("adjtimex(ADJ_TICK)", syscall(SYS_adjtimex, &t));
	t.modes = 0x8000;
	tell("adjtimex(0x8000)", syscall(SYS_adjtimex, &t));
	t.modes = ADJ_OFFSET_SINGLESHOT;
	tell("adjtimex(ADJ_OFFSET_SINGLESHOT)", syscall(SYS_adjtimex, &t));
	t.modes = ADJ_OFFSET_SS_READ;
	printf("adjtimex(ADJ_OFFSET_SS_READ) %d\n", syscall(SYS_adjtimex, &t) >= 0);
	tell("adjtimex(bad)", syscall(SYS_adjtimex, BAD));
	t.modes = 0;
	printf("clock_adjtime %d\n", syscall(SYS_clock_adjtime, CLOCK_REALTIME, &t) >= 0);
	t.modes = ADJ_OFFSET;
	tell("clock_adjtime(ADJ_OFFSET)", syscall(SYS_clock_adjtime, CLOCK_REALTIME, &t));
	t.modes = 0;
	tell("clock_adjtime(CLOCK_MONOTONIC)", syscall(SYS_clock_adjtime, CLOCK_MONOTONIC, &t));
	tell("clock_adjtime(99)", syscall(SYS_clock_adjtime, 99, &t));
	tell("clock_adjtime(bad)", syscall(SYS_clock_adjtime, CLOCK_REALTIME, BAD));
	struct timeval tv = { 0, 2000000 };
	tell("settimeofday(invalid)", syscall(SYS_settimeofday, &tv, NULL));
	tell("settimeofday(bad)", syscall(SYS_settimeofday, BAD, NULL));
	tv.tv_usec = 0;
	tell("settimeofday", syscall(SYS_settimeofday, &tv, NULL));
	tell("settimeofday(NULL)", syscall(SYS_settimeofday, NULL, NULL));
}

static void used(void)
{
	struct rusage before, after, thread, children;
	tell("getrusage", syscall(SYS_getrusage, RUSAGE_SELF, &before));
	char *p = mmap(NULL, 16 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(p, 1, 16 << 20);
	struct timespec t;
	volatile unsigned x = 0;
	do {
		for (int i = 0; i < 100000; i++)
			x += i;
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	} while (ns(&t) < 200000000);
	tell("getrusage", syscall(SYS_getrusage, RUSAGE_SELF, &after));
	tell("getrusage", syscall(SYS_getrusage, RUSAGE_THREAD, &thread));
	tell("getrusage", syscall(SYS_getrusage, RUSAGE_CHILDREN, &children));
	printf("time %d\n", after.ru_utime.tv_sec > before.ru_utime.tv_sec || after.ru_utime.tv_usec > before.ru_utime.tv_usec);
	printf("faults %d\n", after.ru_minflt + after.ru_majflt >= before.ru_minflt + before.ru_majflt);
	printf("resident %d %d\n", after.ru_maxrss >= 16 << 10, thread.ru_maxrss >= 16 << 10);
	printf("children %ld %ld\n", children.ru_maxrss, (long)children.ru_utime.tv_sec);
	tell("getrusage(7)", syscall(SYS_getrusage, 7, &after));
	tell("getrusage(bad)", syscall(SYS_getrusage, RUSAGE_SELF, BAD));
	struct tms tms = { -1, -1, -1, -1 };
	long ticks = syscall(SYS_times, &tms);
	printf("times %d %d %d\n", ticks != -1, tms.tms_utime + tms.tms_stime >= 10, tms.tms_cutime == 0 && tms.tms_cstime == 0);
	tell("times(bad)", syscall(SYS_times, BAD));
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	tell("sleep until work that is done", syscall(SYS_clock_nanosleep, CLOCK_PROCESS_CPUTIME_ID, TIMER_ABSTIME, &t, NULL));
}

int main(void)
{
	clocks();
	order();
	sleeps();
	adjust();
	used();
	return 0;
}
