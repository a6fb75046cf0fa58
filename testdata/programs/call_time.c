/* Clocks, sleeping, times used. */
#include "call.h"
#include <sys/resource.h>
#include <sys/times.h>
#include <sys/timex.h>
#include <time.h>

static const long year2020 = 1577836800;

static void seconds(void)
{
	long t = 0;
	CALL(time, "", 0);
	CALL(time, "with a place", &t);
	data("%d", t > year2020);
	CALL(time, "bad pointer", BAD);
	struct oldtime tv = { 0, 0 };
	CALL(gettimeofday, "", &tv, 0);
	data("%d %d", tv.sec > year2020, tv.nsec < 1000000);
	CALL(gettimeofday, "nothing", 0, 0);
	CALL(gettimeofday, "bad pointer", BAD, 0);
	CALL(settimeofday, "nothing", 0, 0);
	CALL(settimeofday, "not permitted", &tv, 0);
	CALL(settimeofday, "bad pointer", BAD, 0);
	tv.nsec = 1000000;
	CALL(settimeofday, "wrong time", &tv, 0);
#ifdef SYS_stime
	CALL(stime, "not permitted", &t);
	CALL(stime, "bad pointer", BAD);
#endif
}

static void clocks(struct which get, struct which res, struct which set, void *at, void *wrong)
{
	static const int ids[] = {
		CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE,
		CLOCK_BOOTTIME, CLOCK_TAI,
	};
	static const char *names[] = { "realtime", "monotonic", "process", "thread", "raw", "realtime, coarse", "monotonic, coarse", "since boot", "tai" };
	for (unsigned i = 0; i < sizeof ids / sizeof *ids; i++) {
		CALL_OF(get, names[i], ids[i], at);
		CALL_OF(res, names[i], ids[i], at);
	}
	CALL_OF(get, "no such clock", 99, at);
	CALL_OF(get, "bad pointer", 0, BAD);
	CALL_OF(res, "no such clock", 99, at);
	CALL_OF(res, "bad pointer", 0, BAD);
	CALL_OF(res, "without a place", 0, 0);
	CALL_OF(get, "realtime", 0, at);
	CALL_OF(set, "not permitted", CLOCK_REALTIME, at);
	CALL_OF(set, "monotonic", CLOCK_MONOTONIC, at);
	CALL_OF(set, "no such clock", 99, at);
	CALL_OF(set, "bad pointer", CLOCK_REALTIME, BAD);
	CALL_OF(set, "wrong time", CLOCK_REALTIME, wrong);
}

static void sleeps(struct which w, void *some, void *past, void *wrong)
{
	CALL_OF(w, "monotonic", CLOCK_MONOTONIC, 0, some, 0);
	CALL_OF(w, "until what is past", CLOCK_REALTIME, TIMER_ABSTIME, past, 0);
	CALL_OF(w, "no such clock", 99, 0, some, 0);
	CALL_OF(w, "own thread's time", CLOCK_THREAD_CPUTIME_ID, 0, some, 0);
	CALL_OF(w, "wrong time", CLOCK_MONOTONIC, 0, wrong, 0);
	CALL_OF(w, "bad pointer", CLOCK_MONOTONIC, 0, BAD, 0);
}

static void usage(void)
{
	struct tms t;
	struct rusage u;
	CALL(times, "", &t);
	data("%d", t.tms_utime >= 0);
	CALL(times, "bad pointer", BAD);
	CALL(times, "nothing", 0);
	CALL(getrusage, "self", RUSAGE_SELF, &u);
	CALL(getrusage, "children", RUSAGE_CHILDREN, &u);
	data("%ld", u.ru_utime.tv_sec);
	CALL(getrusage, "thread", RUSAGE_THREAD, &u);
	CALL(getrusage, "of nobody", 99, &u);
	CALL(getrusage, "bad pointer", RUSAGE_SELF, BAD);
}

/* An adjustment that changes nothing, in either width's structure. */
static void adjustments(void)
{
	static long x[64];
	CALL(adjtimex, "read", x);
	x[0] = ADJ_FREQUENCY;
	CALL(adjtimex, "not permitted", x);
	CALL(adjtimex, "bad pointer", BAD);
	x[0] = 0;
	CALL(clock_adjtime, "read", CLOCK_REALTIME, x);
	CALL(clock_adjtime, "no such clock", 99, x);
	CALL(clock_adjtime, "monotonic", CLOCK_MONOTONIC, x);
	x[0] = ADJ_FREQUENCY;
	CALL(clock_adjtime, "not permitted", CLOCK_REALTIME, x);
#ifdef SYS_clock_adjtime64
	static long long y[64];
	CALL(clock_adjtime64, "read", CLOCK_REALTIME, y);
	CALL(clock_adjtime64, "no such clock", 99, y);
#endif
}

int main(void)
{
	seconds();
	struct oldtime at, some = { 0, 2000000 }, past = { 1, 0 }, wrong = { 0, 1000000000 };
	clocks(WHICH(clock_gettime), WHICH(clock_getres), WHICH(clock_settime), &at, &wrong);
	sleeps(WHICH(clock_nanosleep), &some, &past, &wrong);
#ifdef __i386__
	struct time64 at64, some64 = { 0, 2000000 }, past64 = { 1, 0 }, wrong64 = { 0, 1000000000 };
	clocks(WHICH(clock_gettime64), WHICH(clock_getres_time64), WHICH(clock_settime64), &at64, &wrong64);
	sleeps(WHICH(clock_nanosleep_time64), &some64, &past64, &wrong64);
#endif
	CALL(nanosleep, "some", &some, 0);
	CALL(nanosleep, "wrong time", &wrong, 0);
	CALL(nanosleep, "bad pointer", BAD, 0);
	usage();
	adjustments();
	return 0;
}
