/* The state of signals: actions, masks, what is pending, and sending. */
#include "call.h"
#include <signal.h>

struct action {
	void (*handler)(int);
	unsigned long flags;
	void (*restorer)(void);
	kernel_sigset mask;
};

static kernel_sigset bit(int sig) { return (kernel_sigset)1 << (sig - 1); }

static void actions(void)
{
	struct action ignore = { SIG_IGN, SA_RESTART, 0, bit(SIGHUP) }, was;
	CALL(rt_sigaction, "ignore", SIGUSR1, &ignore, 0, 8);
	CALL(rt_sigaction, "ask", SIGUSR1, 0, &was, 8);
	data("%d %#lx %#llx", was.handler == SIG_IGN, was.flags & SA_RESTART, (unsigned long long)was.mask);
	CALL(rt_sigaction, "SIGKILL", SIGKILL, &ignore, 0, 8);
	CALL(rt_sigaction, "no such signal", 65, &ignore, 0, 8);
	CALL(rt_sigaction, "signal 0", 0, &ignore, 0, 8);
	CALL(rt_sigaction, "wrong size", SIGUSR1, &ignore, 0, 4);
	CALL(rt_sigaction, "bad pointer", SIGUSR1, BAD, 0, 8);
#ifdef __i386__
	struct {
		void (*handler)(int);
		unsigned long mask, flags;
		void (*restorer)(void);
	} old = { SIG_IGN, bit(SIGINT), SA_RESTART, 0 }, oldwas;
	CALL(sigaction, "ignore", SIGUSR2, &old, 0);
	CALL(sigaction, "ask", SIGUSR2, 0, &oldwas);
	data("%d %#lx %#lx", oldwas.handler == SIG_IGN, oldwas.flags & SA_RESTART, oldwas.mask);
	CALL(sigaction, "SIGSTOP", SIGSTOP, &old, 0);
	CALL(sigaction, "no such signal", 65, &old, 0);
	CALL(sigaction, "bad pointer", SIGUSR2, BAD, 0);
	NUMBER(signal, "default", SIGUSR2, 0);
	NUMBER(signal, "ignore", SIGUSR2, 1);
	NUMBER(signal, "default again", SIGUSR2, 0);
	CALL(signal, "SIGKILL", SIGKILL, 1);
	CALL(signal, "no such signal", 65, 1);
#endif
}

static void masks(void)
{
	kernel_sigset block = bit(SIGUSR1) | bit(SIGUSR2) | bit(SIGKILL), was = 0, pending = 0;
	CALL(rt_sigprocmask, "block", SIG_BLOCK, &block, &was, 8);
	data("%#llx", (unsigned long long)was);
	CALL(rt_sigprocmask, "ask", SIG_BLOCK, 0, &was, 8);
	data("%#llx", (unsigned long long)was);
	CALL(rt_sigprocmask, "no such operation", 99, &block, 0, 8);
	CALL(rt_sigprocmask, "wrong size", SIG_BLOCK, &block, 0, 4);
	CALL(rt_sigprocmask, "bad pointer", SIG_BLOCK, BAD, 0, 8);
	CALL(rt_sigpending, "none", &pending, 8);
	data("%#llx", (unsigned long long)pending);
	CALL(rt_sigpending, "bad pointer", BAD, 8);
	CALL(rt_sigpending, "wrong size", &pending, 99);
#ifdef __i386__
	unsigned long mask = bit(SIGHUP), got = 0;
	CALL(sigprocmask, "block", SIG_BLOCK, &mask, &got);
	data("%#lx", got);
	CALL(sigprocmask, "no such operation", 99, &mask, 0);
	CALL(sigprocmask, "bad pointer", SIG_BLOCK, BAD, 0);
	CALL(sigpending, "none", &got);
	data("%#lx", got);
	CALL(sigpending, "bad pointer", BAD);
	NUMBER(sgetmask, "");
	NUMBER(ssetmask, "less", bit(SIGUSR1) | bit(SIGUSR2));
	NUMBER(sgetmask, "again");
#endif
}

/* SIGUSR1 and SIGUSR2 are blocked here. */
static void sending(void)
{
	kernel_sigset pending = 0, both = bit(SIGUSR1) | bit(SIGUSR2);
	int pid = getpid(), tid = syscall(SYS_gettid);
	signal(SIGUSR1, SIG_DFL);
	signal(SIGUSR2, SIG_DFL);
	CALL(kill, "self, blocked", pid, SIGUSR1);
	CALL(rt_sigpending, "one", &pending, 8);
	data("%#llx", (unsigned long long)pending);
	CALL(kill, "self, signal 0", pid, 0);
	CALL(kill, "nobody", 0x3fffffff, 0);
	CALL(kill, "no such signal", pid, 65);
	struct oldtime zero = { 0, 0 }, wrong = { 0, -1 };
	siginfo_t info;
	NUMBER(rt_sigtimedwait, "pending", &both, &info, &zero, 8);
	data("%d %d %d", info.si_signo, info.si_code, info.si_pid == pid);
	raise(SIGUSR2);
	NUMBER(rt_sigtimedwait, "pending, without a place", &both, 0, &zero, 8);
	CALL(rt_sigtimedwait, "none", &both, &info, &zero, 8);
	CALL(rt_sigtimedwait, "wrong time", &both, &info, &wrong, 8);
	CALL(rt_sigtimedwait, "wrong size", &both, &info, &zero, 4);
	CALL(rt_sigtimedwait, "bad pointer", BAD, &info, &zero, 8);
	CALL(tkill, "self, blocked", tid, SIGUSR2);
#ifdef __i386__
	struct time64 zero64 = { 0, 0 }, wrong64 = { 0, -1 };
	NUMBER(rt_sigtimedwait_time64, "pending", &both, &info, &zero64, 8);
	data("%d %d", info.si_signo, info.si_code);
	raise(SIGUSR1);
	NUMBER(rt_sigtimedwait_time64, "pending, without a place", &both, 0, &zero64, 8);
	CALL(rt_sigtimedwait_time64, "none", &both, &info, &zero64, 8);
	CALL(rt_sigtimedwait_time64, "wrong time", &both, &info, &wrong64, 8);
	CALL(rt_sigtimedwait_time64, "bad pointer", BAD, &info, &zero64, 8);
#else
	NUMBER(rt_sigtimedwait, "pending again", &both, &info, &zero, 8);
	data("%d %d", info.si_signo, info.si_code);
#endif
	CALL(tkill, "nobody", 0x3fffffff, 0);
	CALL(tkill, "no such signal", tid, 65);
	CALL(tkill, "thread -1", -1, 0);
	CALL(tgkill, "self, signal 0", pid, tid, 0);
	CALL(tgkill, "another process", 1, tid, 0);
	CALL(tgkill, "no such signal", pid, tid, 65);
	CALL(tgkill, "thread -1", pid, -1, 0);
	memset(&info, 0, sizeof info);
	info.si_code = SI_QUEUE;
	info.si_value.sival_int = 4711;
	CALL(rt_sigqueueinfo, "self, blocked", pid, SIGUSR1, &info);
	memset(&info, 0, sizeof info);
	NUMBER(rt_sigtimedwait, "queued", &both, &info, &zero, 8);
	data("%d %d %d", info.si_signo, info.si_code, info.si_value.sival_int);
	info.si_code = SI_QUEUE;
	CALL(rt_sigqueueinfo, "nobody", 0x3fffffff, SIGUSR1, &info);
	CALL(rt_sigqueueinfo, "no such signal", pid, 65, &info);
	CALL(rt_sigqueueinfo, "bad pointer", pid, SIGUSR1, BAD);
	CALL(rt_tgsigqueueinfo, "self, blocked", pid, tid, SIGUSR2, &info);
	NUMBER(rt_sigtimedwait, "rt_tgsigqueueinfo: queued to the thread", &both, &info, &zero, 8);
	CALL(rt_tgsigqueueinfo, "nobody", 0x3fffffff, tid, SIGUSR2, &info);
	CALL(rt_tgsigqueueinfo, "bad pointer", pid, tid, SIGUSR2, BAD);
}

static void stacks(void)
{
	static char room[65536];
	stack_t s = { .ss_sp = room, .ss_size = sizeof room }, was;
	CALL(sigaltstack, "ask", 0, &was);
	data("%d", was.ss_flags);
	CALL(sigaltstack, "set", &s, 0);
	CALL(sigaltstack, "ask again", 0, &was);
	data("%d %d %d", was.ss_flags, was.ss_sp == room, was.ss_size == sizeof room);
	s.ss_size = 100;
	CALL(sigaltstack, "too small", &s, 0);
	s.ss_flags = 99;
	CALL(sigaltstack, "bad flag", &s, 0);
	CALL(sigaltstack, "bad pointer", BAD, 0);
	CALL(sigaltstack, "bad pointer for the old one", 0, BAD);
}

int main(void)
{
	actions();
	masks();
	stacks();
	sending();
	return 0;
}
