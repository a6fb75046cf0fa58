/* Timers: of the process, of POSIX, and those that are descriptors. */
#include "call.h"
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>

/* The times of either width: IA-32's longs, or 64 bits. */
struct spec {
	struct oldtime every, next;
};
struct spec64 {
	struct time64 every, next;
};

/* A family's values. */
struct values {
	size_t size; /* of was */
	void *stop, *far, *soon, *past, *negative, *too_much, *was;
};

static void values_of(struct values *v)
{
	static struct spec stop, far = { { 7, 0 }, { 1000, 0 } }, soon = { { 0, 0 }, { 0, 2000000 } }, past = { { 0, 0 }, { 0, 1 } };
	static struct spec negative = { { 0, 0 }, { -1, 0 } }, too_much = { { 0, 0 }, { 0, 1000000000 } }, was;
	*v = (struct values){ sizeof was, &stop, &far, &soon, &past, &negative, &too_much, &was };
}

static void values64_of(struct values *v)
{
	static struct spec64 stop, far = { { 7, 0 }, { 1000, 0 } }, soon = { { 0, 0 }, { 0, 2000000 } }, past = { { 0, 0 }, { 0, 1 } };
	static struct spec64 negative = { { 0, 0 }, { -1, 0 } }, too_much = { { 0, 0 }, { 0, 1000000000 } }, was;
	*v = (struct values){ sizeof was, &stop, &far, &soon, &past, &negative, &too_much, &was };
}

/* What a timer says of itself: how often it comes, and that it comes within the time set. */
static void told(struct values *v)
{
	struct spec64 s;
	if (v->size == sizeof s) {
		memcpy(&s, v->was, sizeof s);
	} else {
		struct spec t;
		memcpy(&t, v->was, sizeof t);
		s = (struct spec64){ { t.every.sec, t.every.nsec }, { t.next.sec, t.next.nsec } };
	}
	int running = s.next.sec != 0 || s.next.nsec != 0;
	data("%lld.%09lld %d %d", (long long)s.every.sec, (long long)s.every.nsec, running, s.next.sec <= 1000 && s.next.sec >= 0);
	memset(v->was, 0, v->size);
}

static kernel_sigset bit(int sig) { return (kernel_sigset)1 << (sig - 1); }

/* The signal that a timer sends; all of them are blocked. */
static siginfo_t sent(const char *label, int sig)
{
	siginfo_t info;
	struct oldtime at = { 20, 0 };
	kernel_sigset one = bit(sig);
	memset(&info, 0, sizeof info);
	NUMBER(rt_sigtimedwait, label, &one, &info, &at, 8);
	return info;
}

static void interval_timers(void)
{
	static const int which[] = { ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF };
	static const char *names[] = { "real", "virtual", "profile" };
	struct spec far = { { 7, 0 }, { 1000, 0 } }, stop = { { 0, 0 }, { 0, 0 } }, wrong = { { 0, 0 }, { 0, 1000000 } }, negative = { { 0, 0 }, { -1, 0 } }, was;
	for (int i = 0; i < 3; i++) {
		CALL(setitimer, names[i], which[i], &far, 0);
		CALL(getitimer, names[i], which[i], &was);
		data("%ld %ld %d", was.every.sec, was.every.nsec, was.next.sec >= 990 && was.next.sec <= 1000);
		memset(&was, 0, sizeof was);
		CALL(setitimer, "stop", which[i], &stop, &was);
		data("%ld %ld %d", was.every.sec, was.every.nsec, was.next.sec >= 990 && was.next.sec <= 1000);
		CALL(getitimer, "stopped", which[i], &was);
		data("%ld %ld %ld", was.every.sec, was.next.sec, was.next.nsec);
	}
	CALL(setitimer, "no such timer", 99, &far, 0);
	CALL(setitimer, "bad pointer", ITIMER_REAL, BAD, 0);
	CALL(setitimer, "bad place", ITIMER_REAL, &far, BAD);
	CALL(setitimer, "nothing", ITIMER_REAL, 0, 0);
	CALL(setitimer, "wrong time", ITIMER_REAL, &wrong, 0);
	CALL(setitimer, "negative time", ITIMER_REAL, &negative, 0);
	CALL(getitimer, "no such timer", 99, &was);
	CALL(getitimer, "bad pointer", ITIMER_REAL, BAD);
	struct spec soon = { { 0, 0 }, { 0, 2000 } };
	CALL(setitimer, "soon", ITIMER_REAL, &soon, 0);
	siginfo_t info = sent("setitimer: its signal", SIGALRM);
	data("%d", info.si_code == SI_KERNEL);
	NUMBER(alarm, "set", 1000);
	NUMBER(alarm, "again", 2000);
	CALL(getitimer, "of alarm", ITIMER_REAL, &was);
	data("%ld %d", was.every.sec, was.next.sec >= 1990 && was.next.sec <= 2000);
	CALL(setitimer, "in its place", ITIMER_REAL, &far, 0);
	data("%d", CALL(alarm, "stop what setitimer set", 0) >= 990);
	NUMBER(alarm, "stopped", 0);
}

static void creation(void)
{
	static const int clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, CLOCK_BOOTTIME, CLOCK_TAI, CLOCK_MONOTONIC_RAW, CLOCK_MONOTONIC_COARSE, 99, -1 };
	static const char *names[] = { "realtime", "monotonic", "process", "thread", "since boot", "tai", "raw", "coarse", "no such clock", "clock -1" };
	struct sigevent e = { .sigev_notify = SIGEV_NONE };
	int id = -1;
	for (unsigned i = 0; i < sizeof clocks / sizeof *clocks; i++)
		if (CALL(timer_create, names[i], clocks[i], &e, &id) == 0)
			CALL(timer_delete, names[i], id);
	CALL(timer_create, "bad event", CLOCK_MONOTONIC, BAD, &id);
	CALL(timer_create, "bad place", CLOCK_MONOTONIC, &e, BAD);
	e.sigev_notify = 99;
	CALL(timer_create, "no such way", CLOCK_MONOTONIC, &e, &id);
	e.sigev_notify = SIGEV_SIGNAL;
	e.sigev_signo = 65;
	CALL(timer_create, "no such signal", CLOCK_MONOTONIC, &e, &id);
	e.sigev_signo = SIGUSR1;
	e.sigev_notify = SIGEV_THREAD_ID;
	e._sigev_un._tid = 0x3fffffff;
	CALL(timer_create, "no such thread", CLOCK_MONOTONIC, &e, &id);
	CALL(timer_delete, "no such timer", 99);
}

static void posix_timers(struct which settime, struct which gettime, struct values v)
{
	int id = -1, mine = -1;
	struct sigevent e = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 4711 };
	CALL(timer_create, "with a signal", CLOCK_MONOTONIC, &e, &id);
	CALL_OF(gettime, "not set", id, v.was);
	told(&v);
	CALL_OF(settime, "far", id, 0, v.far, 0);
	CALL_OF(gettime, "far", id, v.was);
	told(&v);
	CALL_OF(settime, "stop", id, 0, v.stop, v.was);
	told(&v);
	CALL_OF(settime, "soon", id, 0, v.soon, v.was);
	told(&v);
	siginfo_t info = sent("timer_create: its signal", SIGUSR1);
	data("%d %d %d %d", info.si_code, info.si_timerid == id, info.si_overrun, info.si_value.sival_int);
	NUMBER(timer_getoverrun, "none", id);
	CALL_OF(settime, "past", id, TIMER_ABSTIME, v.past, 0);
	info = sent("timer_create: signal at once", SIGUSR1);
	data("%d %d", info.si_code, info.si_value.sival_int);
	CALL_OF(gettime, "past", id, v.was);
	told(&v);
	CALL_OF(settime, "negative time", id, 0, v.negative, 0);
	CALL_OF(settime, "wrong time", id, 0, v.too_much, 0);
	CALL_OF(settime, "bad pointer", id, 0, BAD, 0);
	CALL_OF(settime, "nothing", id, 0, 0, 0);
	CALL_OF(settime, "bad place", id, 0, v.stop, BAD);
	CALL_OF(settime, "no such timer", 99, 0, v.far, 0);
	CALL_OF(gettime, "no such timer", 99, v.was);
	CALL_OF(gettime, "bad pointer", id, BAD);
	CALL(timer_getoverrun, "no such timer", 99);
	e.sigev_notify = SIGEV_THREAD_ID;
	e.sigev_signo = SIGUSR2;
	e._sigev_un._tid = syscall(SYS_gettid);
	CALL(timer_create, "for this thread", CLOCK_REALTIME, &e, &mine);
	CALL_OF(settime, "soon, this thread's", mine, 0, v.soon, 0);
	info = sent("timer_create: this thread's signal", SIGUSR2);
	data("%d %d", info.si_code, info.si_timerid == mine);
	CALL(timer_delete, "this thread's", mine);
	CALL(timer_create, "without an event", CLOCK_MONOTONIC, 0, &mine);
	CALL_OF(settime, "soon, without an event", mine, 0, v.soon, 0);
	info = sent("timer_create: signal without an event", SIGALRM);
	data("%d %d", info.si_code, info.si_value.sival_int == mine);
	CALL(timer_delete, "without an event", mine);
	CALL(timer_delete, "with a signal", id);
	CALL(timer_delete, "again", id);
	CALL_OF(gettime, "deleted", id, v.was);
}

static void descriptors(struct which settime, struct which gettime, struct values v)
{
	uint64_t n = 0;
	int fd = CALL(timerfd_create, "monotonic", CLOCK_MONOTONIC, TFD_CLOEXEC);
	struct pollfd f = { fd, POLLIN, 0 };
	CALL_OF(gettime, "not set", fd, v.was);
	told(&v);
	CALL_OF(settime, "far", fd, 0, v.far, 0);
	NUMBER(poll, "timerfd_create: far", &f, 1, 0);
	CALL_OF(gettime, "far", fd, v.was);
	told(&v);
	CALL_OF(settime, "soon", fd, 0, v.soon, v.was);
	told(&v);
	NUMBER(poll, "timerfd_create: soon", &f, 1, 20000);
	NUMBER(read, "timerfd_create: soon", fd, &n, 8);
	data("%llu", (unsigned long long)n);
	CALL_OF(settime, "past", fd, TFD_TIMER_ABSTIME, v.past, 0);
	CALL(read, "timerfd_create: no room", fd, &n, 7);
	NUMBER(read, "timerfd_create: past", fd, &n, 8);
	data("%llu", (unsigned long long)n);
	CALL(write, "timerfd_create: not for writing", fd, &n, 8);
	CALL_OF(settime, "bad flag", fd, 99, v.far, 0);
	CALL_OF(settime, "negative time", fd, 0, v.negative, 0);
	CALL_OF(settime, "wrong time", fd, 0, v.too_much, 0);
	CALL_OF(settime, "bad pointer", fd, 0, BAD, 0);
	CALL_OF(settime, "bad place", fd, 0, v.stop, BAD);
	CALL_OF(settime, "bad fd", 99, 0, v.far, 0);
	CALL_OF(settime, "no timer", 0, 0, v.far, 0);
	CALL_OF(gettime, "bad fd", 99, v.was);
	CALL_OF(gettime, "no timer", 0, v.was);
	CALL_OF(gettime, "bad pointer", fd, BAD);
	close(fd);
	fd = CALL(timerfd_create, "realtime, not blocking", CLOCK_REALTIME, TFD_NONBLOCK);
	CALL_OF(settime, "until the clock is set", fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, v.stop, 0);
	CALL_OF(settime, "far, realtime", fd, 0, v.far, 0);
	CALL(read, "timerfd_create: not yet", fd, &n, 8);
	close(fd);
}

int main(void)
{
	struct values v;
	int fd;
	kernel_sigset all = ~(kernel_sigset)0;
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, 0, 8);
	interval_timers();
	creation();
	values_of(&v);
	posix_timers(WHICH(timer_settime), WHICH(timer_gettime), v);
	CALL(timerfd_create, "no such clock", 99, 0);
	CALL(timerfd_create, "process", CLOCK_PROCESS_CPUTIME_ID, 0);
	CALL(timerfd_create, "bad flag", CLOCK_MONOTONIC, 1);
	fd = CALL(timerfd_create, "since boot", CLOCK_BOOTTIME, 0);
	close(fd);
	descriptors(WHICH(timerfd_settime), WHICH(timerfd_gettime), v);
#ifdef __i386__
	values64_of(&v);
	posix_timers(WHICH(timer_settime64), WHICH(timer_gettime64), v);
	descriptors(WHICH(timerfd_settime64), WHICH(timerfd_gettime64), v);
#else
	(void)values64_of;
#endif
	struct rlimit none = { 0, 4096 };
	setrlimit(RLIMIT_NOFILE, &none);
	CALL(timerfd_create, "no number left", CLOCK_MONOTONIC, 0);
	return 0;
}
