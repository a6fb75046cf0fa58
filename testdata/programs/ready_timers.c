/* Timers of all kinds, eventfd and signalfd. Nothing here depends on how fast
 * the machine is: a timer may be late, never early. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static const char *result(long r)
{
	static char b[4][32];
	static int i;
	char *s = b[i++ & 3];
	if (r < 0)
		return strerrorname_np(errno);
	snprintf(s, 32, "%ld", r);
	return s;
}

static int64_t now(clockid_t id)
{
	struct timespec ts;
	clock_gettime(id, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static struct itimerspec spec(int64_t interval, int64_t value)
{
	struct itimerspec s = { { interval / 1000000000, interval % 1000000000 }, { value / 1000000000, value % 1000000000 } };
	return s;
}

static void timerfds(void)
{
	struct itimerspec s = spec(0, 3000000), old, wrong = spec(0, 0), off = spec(0, 0);
	wrong.it_value.tv_nsec = 1000000000;
	uint64_t n = 0;
	clockid_t clocks[] = { CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME };
	for (int i = 0; i < 3; i++) {
		int fd = timerfd_create(clocks[i], 0);
		int64_t start = now(clocks[i]);
		timerfd_settime(fd, 0, &s, 0);
		long r = read(fd, &n, 8);
		printf("relative: %ld %llu, early %d\n", r, (unsigned long long)n, now(clocks[i]) - start < 3000000);
		struct itimerspec at = spec(0, now(clocks[i]) + 3000000);
		timerfd_settime(fd, TFD_TIMER_ABSTIME, &at, 0);
		r = read(fd, &n, 8);
		printf("absolute: %ld %llu, early %d\n", r, (unsigned long long)n, now(clocks[i]) < at.it_value.tv_sec * 1000000000LL + at.it_value.tv_nsec);
		at = spec(1000000, 1);
		timerfd_settime(fd, TFD_TIMER_ABSTIME, &at, 0);
		r = read(fd, &n, 8);
		printf("in the past: %ld, often %d\n", r, n > 1000);
		timerfd_gettime(fd, &old);
		printf("interval %ld, left at most that %d\n", old.it_interval.tv_nsec, old.it_value.tv_nsec <= 1000000);
		close(fd);
	}
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	s = spec(7000000000, 100000000000);
	printf("set: %s\n", result(timerfd_settime(fd, TFD_TIMER_ABSTIME << 2, &s, 0)));
	printf("set: %s\n", result(timerfd_settime(fd, 0, &s, &old)));
	printf("read: %s\n", result(read(fd, &n, 8)));
	printf("short: %s\n", result(read(fd, &n, 7)));
	printf("write: %s, seek %s\n", result(write(fd, &n, 8)), result(lseek(fd, 1, SEEK_SET)));
	timerfd_settime(fd, 0, &off, &old);
	printf("was %ld %ld\n", (long)old.it_interval.tv_sec, (long)(old.it_value.tv_sec + (old.it_value.tv_nsec > 0)));
	timerfd_gettime(fd, &old);
	printf("off: %ld %ld\n", (long)old.it_interval.tv_sec, (long)old.it_value.tv_sec);
	printf("wrong: %s\n", result(timerfd_settime(fd, 0, &wrong, 0)));
	printf("no timer: %s %s\n", result(timerfd_settime(0, 0, &s, 0)), result(timerfd_gettime(99, &s)));
	printf("clock: %s %s, flag: %s\n", result(timerfd_create(CLOCK_PROCESS_CPUTIME_ID, 0)), result(timerfd_create(99, 0)), result(timerfd_create(0, 1)));
	struct pollfd f = { fd, POLLIN | POLLOUT | POLLRDNORM, 0 };
	printf("poll %d %#x\n", poll(&f, 1, 0), f.revents);
	s = spec(0, 1);
	timerfd_settime(fd, 0, &s, 0);
	int r = poll(&f, 1, -1);
	printf("poll %d %#x\n", r, f.revents);
	close(fd);
}

static void *adder(void *arg)
{
	usleep(10000);
	eventfd_write(*(int *)arg, 5);
	return 0;
}

static void eventfds(void)
{
	uint64_t n;
	int fd = eventfd(0, 0);
	pthread_t th;
	pthread_create(&th, 0, adder, &fd);
	long r = read(fd, &n, 8);
	printf("eventfd: %ld %llu\n", r, (unsigned long long)n);
	pthread_join(th, 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	struct pollfd f = { fd, POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM, 0 };
	n = UINT64_MAX;
	printf("most and one: %s\n", result(write(fd, &n, 8)));
	n = UINT64_MAX - 1;
	printf("most: %s\n", result(write(fd, &n, 8)));
	r = poll(&f, 1, 0);
	printf("poll %ld %#x\n", r, f.revents);
	n = 1;
	printf("one more: %s\n", result(write(fd, &n, 8)));
	n = 0;
	printf("none more: %s\n", result(write(fd, &n, 8)));
	printf("short: %s %s\n", result(read(fd, &n, 4)), result(write(fd, &n, 4)));
	char long_buffer[20];
	printf("long: %s\n", result(read(fd, long_buffer, 20)));
	printf("empty: %s\n", result(read(fd, &n, 8)));
	r = poll(&f, 1, 0);
	printf("poll %ld %#x\n", r, f.revents);
	close(fd);
	fd = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
	for (int i = 0; i < 3; i++) {
		n = 99;
		r = read(fd, &n, 8);
		printf("semaphore: %s %llu\n", result(r), (unsigned long long)n);
	}
	close(fd);
}

static volatile int count, last, overruns, value;

static void handler(int sig, siginfo_t *i, void *c)
{
	(void)c;
	count++;
	last = sig;
	if (i->si_code == SI_TIMER) {
		overruns = i->si_overrun;
		value = i->si_value.sival_int;
	} else {
		value = i->si_code;
	}
}

static void await(int n)
{
	while (count < n)
		;
}

static void intervals(void)
{
	struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
	int signals[] = { SIGALRM, SIGVTALRM, SIGPROF };
	struct itimerval v, old;
	for (int which = 0; which < 3; which++) {
		sigaction(signals[which], &sa, 0);
		count = 0;
		v = (struct itimerval){ { 0, 2000 }, { 0, 1 } };
		printf("setitimer %d: %s\n", which, result(setitimer(which, &v, 0)));
		await(3);
		v = (struct itimerval){ { 0, 0 }, { 0, 0 } };
		setitimer(which, &v, &old);
		printf("signal %d, right one %d, code %d, interval %ld\n", count >= 3, last == signals[which], value, (long)old.it_interval.tv_usec);
		getitimer(which, &old);
		printf("off %ld %ld\n", (long)old.it_value.tv_sec, (long)old.it_value.tv_usec);
	}
	v = (struct itimerval){ { 0, 0 }, { 0, 1000000 } };
	printf("wrong: %s\n", result(setitimer(0, &v, 0)));
	printf("no such timer: %s %s\n", result(setitimer(3, &(struct itimerval){ 0 }, 0)), result(getitimer(-1, &old)));
	printf("alarm %u %u %u\n", alarm(50), alarm(3), alarm(0));
	count = 0;
	alarm(1);
	int r = pause();
	printf("pause %s, signal %d\n", result(r), last == SIGALRM);
}

static void posix(void)
{
	struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
	sigaction(SIGRTMIN, &sa, 0);
	clockid_t clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID };
	for (int i = 0; i < 5; i++) {
		struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN, .sigev_value.sival_int = 40 + i };
		timer_t id;
		int r = timer_create(clocks[i], &ev, &id);
		struct itimerspec s = spec(0, 2000000), old;
		count = 0;
		int64_t start = now(clocks[i]);
		timer_settime(id, 0, &s, 0);
		await(1);
		printf("clock %d: %s, value %d, overruns %d, early %d\n", (int)clocks[i], result(r), value, overruns, now(clocks[i]) - start < 2000000);
		s = spec(1000000, 1000000);
		timer_settime(id, 0, &s, 0);
		await(4);
		timer_gettime(id, &old);
		printf("interval %ld\n", old.it_interval.tv_nsec);
		printf("delete %s\n", result(timer_delete(id)));
		sigset_t none;
		sigpending(&none);
		printf("nothing left %d\n", sigismember(&none, SIGRTMIN));
	}
	sigset_t block;
	sigemptyset(&block);
	sigaddset(&block, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &block, 0);
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN, .sigev_value.sival_int = 7 };
	ev._sigev_un._tid = gettid();
	timer_t id;
	timer_create(CLOCK_MONOTONIC, &ev, &id);
	struct itimerspec s = spec(1000000, 1000000), at;
	timer_settime(id, 0, &s, 0);
	usleep(30000);
	siginfo_t info;
	int r = sigwaitinfo(&block, &info);
	printf("queued %d, code %d, value %d, many overruns %d, the same %d\n", r == SIGRTMIN, info.si_code, info.si_value.sival_int, info.si_overrun >= 10,
	       info.si_overrun == timer_getoverrun(id));
	usleep(10000);
	s = spec(0, 0);
	timer_settime(id, 0, &s, 0);
	struct timespec nothing = { 0, 0 };
	printf("withdrawn: %s\n", result(sigtimedwait(&block, &info, &nothing)));
	at = spec(0, now(CLOCK_MONOTONIC) + 2000000);
	timer_settime(id, TIMER_ABSTIME, &at, 0);
	sigwaitinfo(&block, &info);
	printf("absolute: early %d\n", now(CLOCK_MONOTONIC) < at.it_value.tv_sec * 1000000000LL + at.it_value.tv_nsec);
	timer_delete(id);
	ev.sigev_notify = SIGEV_NONE;
	timer_create(CLOCK_MONOTONIC, &ev, &id);
	s = spec(0, 1000000);
	timer_settime(id, 0, &s, 0);
	usleep(3000);
	timer_gettime(id, &s);
	printf("quiet: left %ld %ld, %s\n", (long)s.it_value.tv_sec, s.it_value.tv_nsec, result(sigtimedwait(&block, &info, &nothing)));
	timer_delete(id);
	int raw;
	ev._sigev_un._tid = 1;
	ev.sigev_notify = SIGEV_THREAD_ID;
	printf("another's thread: %s\n", result(syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &raw)));
	ev.sigev_notify = SIGEV_SIGNAL;
	ev.sigev_signo = 65;
	printf("no signal: %s\n", result(syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &raw)));
	ev.sigev_notify = 77;
	printf("no such kind: %s\n", result(syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &raw)));
	printf("clocks: %s %s %s\n", result(syscall(SYS_timer_create, CLOCK_MONOTONIC_RAW, 0, &raw)), result(syscall(SYS_timer_create, 77, 0, &raw)),
	       result(syscall(SYS_timer_create, CLOCK_REALTIME_COARSE, 0, &raw)));
	printf("nowhere: %s\n", result(syscall(SYS_timer_create, CLOCK_MONOTONIC, 0, 16)));
	printf("none such: %s %s %s %s\n", result(syscall(SYS_timer_delete, 999)), result(syscall(SYS_timer_getoverrun, 999)),
	       result(syscall(SYS_timer_gettime, 999, &at)), result(syscall(SYS_timer_settime, 999, 0, &at, 0)));
}

static void signalfds(void)
{
	struct signalfd_siginfo i[3];
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMIN + 1);
	sigaddset(&set, SIGKILL);
	sigprocmask(SIG_BLOCK, &set, 0);
	int fd = signalfd(-1, &set, SFD_NONBLOCK);
	printf("empty: %s, short: %s\n", result(read(fd, i, sizeof i)), result(read(fd, i, 100)));
	raise(SIGUSR1);
	kill(getpid(), SIGUSR1);
	sigqueue(getpid(), SIGRTMIN + 1, (union sigval){ .sival_int = 5 });
	sigqueue(getpid(), SIGRTMIN + 1, (union sigval){ .sival_int = 6 });
	struct pollfd f = { fd, POLLIN | POLLOUT | POLLRDNORM, 0 };
	int r = poll(&f, 1, 0);
	printf("poll %d %#x\n", r, f.revents);
	while ((r = read(fd, i, sizeof i)) > 0)
		for (int k = 0; k < r / (int)sizeof *i; k++)
			printf("signal %d, code %d, errno %d, from itself %d, user %d, int %d, ptr %llu, tid %d, overrun %d\n", i[k].ssi_signo, i[k].ssi_code,
			       i[k].ssi_errno, i[k].ssi_pid == (uint32_t)getpid(), i[k].ssi_uid == getuid(), i[k].ssi_int, (unsigned long long)i[k].ssi_ptr, i[k].ssi_tid,
			       i[k].ssi_overrun);
	printf("then %s\n", result(r));
	sigemptyset(&set);
	printf("new mask %d\n", signalfd(fd, &set, 0) == fd);
	raise(SIGUSR1);
	printf("not in it: %s\n", result(read(fd, i, sizeof i)));
	sigaddset(&set, SIGUSR1);
	signalfd(fd, &set, 0);
	printf("in it: %s\n", result(read(fd, i, sizeof i)));
	printf("write: %s, no signalfd: %s\n", result(write(fd, i, 128)), result(signalfd(0, &set, 0)));
	close(fd);
}

int main(void)
{
	setvbuf(stdout, 0, _IONBF, 0);
	timerfds();
	eventfds();
	intervals();
	posix();
	signalfds();
	return 0;
}
