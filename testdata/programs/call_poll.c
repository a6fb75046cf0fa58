/* Waiting for descriptors. */
#include "call.h"
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/signalfd.h>

static int p[2];

static void polls(void)
{
	struct pollfd f[3] = { { p[0], POLLIN, 0 }, { p[1], POLLOUT, 0 }, { 99, POLLIN, 0 } };
	NUMBER(poll, "one can be written", f, 2, 0);
	data("%#x %#x", f[0].revents, f[1].revents);
	NUMBER(poll, "a bad fd among them", f, 3, 0);
	data("%#x", f[2].revents);
	NUMBER(poll, "after a while", f, 1, 5);
	NUMBER(poll, "none", 0, 0, 0);
	CALL(poll, "bad pointer", BAD, 1, 0);
	CALL(poll, "too many", f, -1, 0);
}

static void polls_with_time(struct which w, void *none, void *some, void *wrong)
{
	struct pollfd f[2] = { { p[0], POLLIN, 0 }, { p[1], POLLOUT, 0 } };
	kernel_sigset mask = 0;
	NUMBER_OF(w, "one can be written", f, 2, none, &mask, sizeof mask);
	data("%#x %#x", f[0].revents, f[1].revents);
	NUMBER_OF(w, "after a while", f, 1, some, 0, 0);
	CALL_OF(w, "wrong time", f, 1, wrong, 0, 0);
	CALL_OF(w, "bad time", f, 1, BAD, 0, 0);
	CALL_OF(w, "bad pointer", BAD, 1, none, 0, 0);
	CALL_OF(w, "wrong size of the mask", f, 1, none, &mask, 1);
}

static void sets(fd_set *r, fd_set *w)
{
	FD_ZERO(r);
	FD_ZERO(w);
	FD_SET(p[0], r);
	FD_SET(p[1], w);
}

static void selects(struct which call, void *none, void *some, void *wrong)
{
	fd_set r, w;
	sets(&r, &w);
	NUMBER_OF(call, "one can be written", p[1] + 1, &r, &w, 0, none, 0);
	data("%d %d", !!FD_ISSET(p[0], &r), !!FD_ISSET(p[1], &w));
	sets(&r, &w);
	NUMBER_OF(call, "after a while", p[0] + 1, &r, 0, 0, some, 0);
	data("%d", !!FD_ISSET(p[0], &r));
	FD_SET(60, &r); /* Below 64: Linux leaves out what its table has no room for. */
	CALL_OF(call, "bad fd", 61, &r, 0, 0, none, 0);
	CALL_OF(call, "negative", -1, 0, 0, 0, none, 0);
	CALL_OF(call, "wrong time", 0, 0, 0, 0, wrong, 0);
	CALL_OF(call, "bad pointer", 10, BAD, 0, 0, none, 0);
}

static void epolls(void)
{
	struct epoll_event e = { .events = EPOLLOUT, .data.u64 = 0x123456789abcdef }, got[4];
	int ep = CALL(epoll_create1, "close on exec", EPOLL_CLOEXEC);
	CALL(epoll_create1, "bad flag", 1);
	int old = CALL(epoll_create, "size 1", 1);
	CALL(epoll_create, "size 0", 0);
	CALL(epoll_ctl, "add", ep, EPOLL_CTL_ADD, p[1], &e);
	CALL(epoll_ctl, "add again", ep, EPOLL_CTL_ADD, p[1], &e);
	CALL(epoll_ctl, "change what is not there", ep, EPOLL_CTL_MOD, p[0], &e);
	CALL(epoll_ctl, "bad fd", ep, EPOLL_CTL_ADD, 99, &e);
	CALL(epoll_ctl, "no epoll", p[0], EPOLL_CTL_ADD, p[1], &e);
	CALL(epoll_ctl, "bad operation", ep, 99, p[0], &e);
	CALL(epoll_ctl, "bad pointer", ep, EPOLL_CTL_MOD, p[1], BAD);
	NUMBER(epoll_wait, "one", ep, got, 4, 0);
	data("%#x %#llx", got[0].events, (unsigned long long)got[0].data.u64);
	NUMBER(epoll_wait, "none", old, got, 4, 5);
	CALL(epoll_wait, "no room", ep, got, 0, 0);
	CALL(epoll_wait, "bad fd", 99, got, 4, 0);
	CALL(epoll_wait, "no epoll", p[0], got, 4, 0);
	CALL(epoll_wait, "bad pointer", ep, BAD, 4, 0);
	NUMBER(epoll_pwait, "one", ep, got, 4, 0, 0, 0);
	CALL(epoll_pwait, "bad fd", 99, got, 4, 0, 0, 0);
	struct time64 none = { 0, 0 }, wrong = { 0, 1000000000 };
	NUMBER(epoll_pwait2, "one", ep, got, 4, &none, 0, 0);
	CALL(epoll_pwait2, "wrong time", ep, got, 4, &wrong, 0, 0);
	CALL(epoll_pwait2, "bad fd", 99, got, 4, &none, 0, 0);
	CALL(epoll_ctl, "remove", ep, EPOLL_CTL_DEL, p[1], 0);
	CALL(epoll_ctl, "remove again", ep, EPOLL_CTL_DEL, p[1], 0);
	close(ep);
	close(old);
}

static void events(void)
{
	uint64_t n = 5;
	int fd = CALL(eventfd, "3", 3), fd2 = CALL(eventfd2, "semaphore", 2, 1 | O_NONBLOCK);
	CALL(eventfd2, "bad flag", 2, 1 << 10);
	NUMBER(write, "eventfd: event", fd, &n, 8);
	NUMBER(read, "eventfd: event", fd, &n, 8);
	data("%llu", (unsigned long long)n);
	CALL(write, "eventfd: too short", fd, &n, 4);
	NUMBER(read, "eventfd2: semaphore", fd2, &n, 8);
	data("%llu", (unsigned long long)n);
	NUMBER(read, "eventfd2: semaphore again", fd2, &n, 8);
	CALL(read, "eventfd2: semaphore at 0", fd2, &n, 8);
	close(fd);
	close(fd2);
	kernel_sigset mask = 1 << 9;
	fd = CALL(signalfd4, "new", -1, &mask, sizeof mask, O_CLOEXEC);
	CALL(signalfd4, "bad flag", -1, &mask, sizeof mask, 1);
	CALL(signalfd4, "wrong size", -1, &mask, 1, 0);
	CALL(signalfd4, "a pipe", p[0], &mask, sizeof mask, 0);
	CALL(signalfd, "again", fd, &mask, sizeof mask);
	CALL(signalfd, "bad fd", 99, &mask, sizeof mask);
	struct signalfd_siginfo info[2];
	fcntl(fd, F_SETFL, O_NONBLOCK);
	CALL(read, "signalfd: none", fd, info, sizeof info);
	syscall(SYS_rt_sigprocmask, SIG_BLOCK, &mask, 0, 8);
	raise(SIGUSR1);
	CALL(read, "signalfd: no room", fd, info, sizeof *info - 1);
	NUMBER(read, "signalfd: one", fd, info, sizeof info);
	data("%u %d %d", info->ssi_signo, info->ssi_code, info->ssi_pid == (uint32_t)getpid());
	close(fd);
}

static void watches(void)
{
	int fd = CALL(inotify_init1, "not blocking", O_NONBLOCK);
	CALL(inotify_init1, "bad flag", 1);
	CALL(inotify_init, "");
	int w = NUMBER(inotify_add_watch, "here", fd, ".", 0x100);
	CALL(inotify_add_watch, "no file", fd, "none", 0x100);
	CALL(inotify_add_watch, "bad fd", 99, ".", 0x100);
	CALL(inotify_add_watch, "no events", fd, ".", 0);
	CALL(inotify_rm_watch, "here", fd, w);
	CALL(inotify_rm_watch, "again", fd, w);
	CALL(inotify_rm_watch, "bad fd", 99, w);
}

/* What can fail for want of a number only. */
static void full(void)
{
	struct rlimit none = { 3, 4096 };
	kernel_sigset mask = 1 << 9;
	setrlimit(RLIMIT_NOFILE, &none);
	CALL(eventfd, "no number left", 0);
	CALL(eventfd2, "no number left", 0, 0);
	CALL(epoll_create, "no number left", 1);
	CALL(epoll_create1, "no number left", 0);
	CALL(signalfd4, "no number left", -1, &mask, sizeof mask, 0);
	CALL(inotify_init, "no number left");
	CALL(inotify_init1, "no number left", 0);
}

int main(void)
{
	pipe(p);
	polls();
	struct oldtime none = { 0, 0 }, some = { 0, 2000000 }, wrong = { 0, 1000000000 };
	struct oldtime none_us = { 0, 0 }, some_us = { 0, 2000 }, wrong_us = { -1, 0 };
	polls_with_time(WHICH(ppoll), &none, &some, &wrong);
	selects(WHICH(pselect6), &none, &some, &wrong);
#ifdef __i386__
	struct time64 none64 = { 0, 0 }, some64 = { 0, 2000000 }, wrong64 = { 0, 1000000000 };
	polls_with_time(WHICH(ppoll_time64), &none64, &some64, &wrong64);
	selects(WHICH(pselect6_time64), &none64, &some64, &wrong64);
	selects(WHICH(_newselect), &none_us, &some_us, &wrong_us);
	fd_set r, w;
	sets(&r, &w);
	long args[5] = { p[1] + 1, (long)&r, (long)&w, 0, (long)&none_us };
	NUMBER(select, "one can be written", args);
	data("%d %d", !!FD_ISSET(p[0], &r), !!FD_ISSET(p[1], &w));
	args[0] = -1;
	CALL(select, "negative", args);
	CALL(select, "bad pointer", BAD);
#else
	selects(WHICH(select), &none_us, &some_us, &wrong_us);
#endif
	epolls();
	events();
	watches();
	full();
	return 0;
}
