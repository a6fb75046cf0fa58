/* Threads: making them, waiting for and waking each other, signals to one of them, their ends. */
#include "call.h"
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>

int clone(int (*fn)(void *), void *stack, int flags, void *arg, ...);

enum { ALL = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM };

static char stack[65536] __attribute__((aligned(16)));
static volatile int ran;

/* It shares the first thread's libc state, so it makes no call of libc. */
static int body(void *arg)
{
	ran = *(int *)arg;
	return 0;
}

/* It is joined a little before the kernel forgets it. */
static void gone(int tid)
{
	while (syscall(SYS_tgkill, getpid(), tid, 0) == 0)
		usleep(1000);
}

static void *empty(void *arg) { return arg; }

static void making(void)
{
	static int parent_tid, child_tid = -1;
	int value = 4711;
	struct clone_args args = { .flags = CLONE_THREAD, .exit_signal = 0 };
	CALL(clone, "thread without the memory", CLONE_THREAD, 0, 0, 0, 0);
	CALL(clone, "file system's root and a name space", CLONE_FS | CLONE_NEWNS, 0, 0, 0, 0);
	CALL(clone, "signal handlers without the memory", CLONE_SIGHAND, 0, 0, 0, 0);
	CALL(clone3, "short structure", &args, 8);
	CALL(clone3, "large structure", &args, 1 << 20);
	CALL(clone3, "bad pointer", BAD, sizeof args);
	CALL(clone3, "thread without the memory", &args, sizeof args);
	args.flags = ALL;
	args.exit_signal = SIGCHLD;
	CALL(clone3, "thread with a signal at its end", &args, sizeof args);
	args.exit_signal = 0;
	args.stack = (uintptr_t)stack;
	CALL(clone3, "stack without a size", &args, sizeof args);
	fflush(stdout);
	errno = 0;
	int tid = clone(body, stack + sizeof stack, ALL | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID, &value, &parent_tid, 0, &child_tid);
	printf("clone(thread) = %s\n", tid > 0 ? "ok" : strerrorname_np(errno));
	if (tid > 0) {
		/* The kernel clears the word and wakes who waits there. */
		for (int now; (now = __atomic_load_n(&child_tid, __ATOMIC_SEQ_CST)) != 0;)
			syscall(SYS_futex, &child_tid, FUTEX_WAIT, now, 0, 0, 0);
		data("%d %d", ran, parent_tid == tid);
		gone(tid);
		CALL(tgkill, "clone: thread that has ended", getpid(), tid, 0);
	}
	pthread_t t;
	void *result = 0;
	fflush(stdout);
	int err = pthread_create(&t, 0, empty, &value);
	printf("clone3(thread) = %s\n", err == 0 ? "ok" : strerrorname_np(err));
	if (err == 0) {
		pthread_join(t, &result);
		data("%d", result == &value);
	}
}

/* A call that another thread makes; the first thread prints what came of it. */
struct other {
	pthread_t thread;
	const char *name, *label;
	long nr, args[6], result;
	int as_number, error, tid, leave;
};

static void *made(void *arg)
{
	struct other *o = arg;
	__atomic_store_n(&o->tid, (int)syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	long *a = o->args;
	o->result = syscall(o->nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	o->error = errno;
	while (!__atomic_load_n(&o->leave, __ATOMIC_SEQ_CST))
		usleep(1000);
	return 0;
}

static void begin(struct other *o, const char *name, int as_number, long nr, const char *label, long a, long b, long c, long d, long e, long f)
{
	*o = (struct other){ .name = name, .label = label, .nr = nr, .args = { a, b, c, d, e, f }, .as_number = as_number };
	int err = pthread_create(&o->thread, 0, made, o);
	if (err) {
		printf("pthread_create: %s\n", strerrorname_np(err));
		exit(1);
	}
	while (!__atomic_load_n(&o->tid, __ATOMIC_SEQ_CST))
		usleep(1000);
}

static void joined(struct other *o)
{
	o->leave = 1;
	pthread_join(o->thread, 0);
	if (o->result == -1)
		printf("%s(%s) = %s\n", o->name, o->label, strerrorname_np(o->error));
	else if (o->as_number)
		printf("%s(%s) = %ld\n", o->name, o->label, o->result);
	else
		printf("%s(%s) = ok\n", o->name, o->label);
}

#define OTHER_SIX(o, name, as_number, nr, label, ...) OTHER_CUT(o, name, as_number, nr, label, __VA_ARGS__, 0)
#define OTHER_CUT(o, name, as_number, nr, label, a, b, c, d, e, f, ...) \
	begin(o, name, as_number, nr, label, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define OTHER_OF(o, which, label, ...) OTHER_SIX(o, (which).name, 0, (which).nr, label __VA_OPT__(, ) __VA_ARGS__, 0, 0, 0, 0, 0, 0)

/* A call that is made until it has found somebody. */
static void until(struct which w, const char *label, long a, long b, long c, long d, long e, long f)
{
	long r;
	while ((r = syscall(w.nr, a, b, c, d, e, f)) == 0)
		usleep(1000);
	if (r < 0)
		printf("%s(%s) = %s\n", w.name, label, strerrorname_np(errno));
	else
		printf("%s(%s) = %ld\n", w.name, label, r);
}

/* at is 1000 s, past a time of long ago. */
static void futexes(struct which w, void *at, void *past)
{
	static uint32_t words[2];
	struct other o;
	long a = (long)words, b = (long)(words + 1);
	words[0] = words[1] = 0;
	OTHER_OF(&o, w, "wait", a, FUTEX_WAIT, 0, 0, 0, 0);
	until(w, "wake", a, FUTEX_WAKE, 10, 0, 0, 0);
	joined(&o);
	OTHER_OF(&o, w, "wait with time", a, FUTEX_WAIT_PRIVATE, 0, at, 0, 0);
	until(w, "wake, private", a, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
	joined(&o);
	OTHER_OF(&o, w, "wait for the lowest bit", a, FUTEX_WAIT_BITSET, 0, 0, 0, 1);
	NUMBER_OF(w, "wake, another bit", a, FUTEX_WAKE_BITSET, 10, 0, 0, 2);
	until(w, "wake, the bit and others", a, FUTEX_WAKE_BITSET, 10, 0, 0, 7);
	joined(&o);
	OTHER_OF(&o, w, "wait, to be moved", a, FUTEX_WAIT, 0, 0, 0, 0);
	until(w, "move", a, FUTEX_REQUEUE, 0, 10, b, 0);
	NUMBER_OF(w, "wake where it was", a, FUTEX_WAKE, 10, 0, 0, 0);
	until(w, "wake where it is", b, FUTEX_WAKE, 10, 0, 0, 0);
	joined(&o);
	OTHER_OF(&o, w, "wait, to be moved again", a, FUTEX_WAIT, 0, 0, 0, 0);
	until(w, "move, the value compared", a, FUTEX_CMP_REQUEUE, 0, 10, b, 0);
	CALL_OF(w, "move, another value", a, FUTEX_CMP_REQUEUE, 0, 10, b, 5);
	until(w, "wake where it is moved to", b, FUTEX_WAKE, 10, 0, 0, 0);
	joined(&o);
	OTHER_OF(&o, w, "wait, for an operation", b, FUTEX_WAIT, 0, 0, 0, 0);
	until(w, "operate and wake", a, FUTEX_WAKE_OP, 1, 1, b, FUTEX_OP(FUTEX_OP_OR, 0, FUTEX_OP_CMP_EQ, 0));
	joined(&o);
	CALL_OF(w, "until what is past, real time", a, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, past, 0, -1);
	CALL_OF(w, "moved nowhere", a, FUTEX_REQUEUE, 0, 10, 17, 0);

	/* Locks that lend the waiter's priority. */
	words[0] = 0;
	int tid = syscall(SYS_gettid);
	CALL_OF(w, "lock", a, FUTEX_LOCK_PI, 0, 0, 0, 0);
	data("%d", words[0] == (uint32_t)tid);
	CALL_OF(w, "lock again", a, FUTEX_LOCK_PI, 0, 0, 0, 0);
	CALL_OF(w, "try, own", a, FUTEX_TRYLOCK_PI, 0, 0, 0, 0);
	OTHER_OF(&o, w, "lock, until what is past", a, FUTEX_LOCK_PI, 0, past, 0, 0);
	joined(&o);
	OTHER_OF(&o, w, "lock of another", a, FUTEX_LOCK_PI, 0, 0, 0, 0);
	while (!(__atomic_load_n(words, __ATOMIC_SEQ_CST) & FUTEX_WAITERS))
		usleep(1000);
	CALL_OF(w, "unlock", a, FUTEX_UNLOCK_PI, 0, 0, 0, 0);
	CALL_OF(w, "unlock, not the owner", a, FUTEX_UNLOCK_PI, 0, 0, 0, 0);
	CALL_OF(w, "try, of another", a, FUTEX_TRYLOCK_PI, 0, 0, 0, 0);
	data("%d", (words[0] & FUTEX_TID_MASK) == (uint32_t)o.tid);
	joined(&o);
	words[0] = 0x3ffffff0;
	CALL_OF(w, "lock of nobody", a, FUTEX_LOCK_PI, 0, 0, 0, 0);
	words[0] = 0;
	CALL_OF(w, "try, free", a, FUTEX_TRYLOCK_PI, 0, 0, 0, 0);
	CALL_OF(w, "unlock at last", a, FUTEX_UNLOCK_PI, 0, 0, 0, 0);
	data("%u", words[0]);
}

/* Several words at once. */
static void words_at_once(struct which w, long past)
{
	static uint32_t words[2];
	struct { uint64_t val, addr; uint32_t flags, reserved; } list[2] = {
		{ 0, (uintptr_t)words, 2 | FUTEX_PRIVATE_FLAG, 0 }, { 0, (uintptr_t)(words + 1), 2 | FUTEX_PRIVATE_FLAG, 0 },
	};
	struct other o;
	OTHER_OF(&o, w, "wait for two", (long)list, 2, 0, 0, 0);
	until(WHICH(futex), "wake the second", (long)(words + 1), FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
	joined(&o);
	CALL_OF(w, "until what is past", (long)list, 2, 0, past, CLOCK_MONOTONIC);
	CALL_OF(w, "no such clock", (long)list, 2, 0, past, 77);
	list[1].val = 1;
	CALL_OF(w, "another value", (long)list, 2, 0, 0, 0);
	list[1].flags = 0;
	CALL_OF(w, "no size", (long)list, 2, 0, 0, 0);
	CALL_OF(w, "too many", (long)list, 129, 0, 0, 0);
	CALL_OF(w, "bad pointer", (long)BAD, 1, 0, 0, 0);
}

/* Signals to one thread, which waits for them; all are blocked. */
static void signals(struct which sigwait)
{
	int pid = getpid();
	kernel_sigset both = (kernel_sigset)1 << (SIGUSR1 - 1) | (kernel_sigset)1 << (SIGUSR2 - 1);
	struct oldtime none = { 0, 0 };
	siginfo_t info, got;
	struct other o;
	memset(&info, 0, sizeof info);
	info.si_code = SI_QUEUE;
	info.si_value.sival_int = 4711;
	begin(&o, sigwait.name, 1, sigwait.nr, "of tgkill", (long)&both, (long)&got, 0, 8, 0, 0);
	CALL(tgkill, "to the thread", pid, o.tid, SIGUSR1);
	joined(&o);
	data("%d %d", got.si_code == SI_TKILL, got.si_pid == pid);
	begin(&o, sigwait.name, 1, sigwait.nr, "of tkill", (long)&both, (long)&got, 0, 8, 0, 0);
	CALL(tkill, "to the thread", o.tid, SIGUSR2);
	joined(&o);
	data("%d", got.si_code == SI_TKILL);
	begin(&o, sigwait.name, 1, sigwait.nr, "of rt_tgsigqueueinfo", (long)&both, (long)&got, 0, 8, 0, 0);
	CALL(rt_tgsigqueueinfo, "to the thread", pid, o.tid, SIGUSR1, &info);
	joined(&o);
	data("%d %d", got.si_code, got.si_value.sival_int);
	begin(&o, sigwait.name, 1, sigwait.nr, "of kill", (long)&both, (long)&got, 0, 8, 0, 0);
	CALL(kill, "to all threads", pid, SIGUSR2);
	joined(&o);
	data("%d", got.si_code == SI_USER);
	/* What was sent to a thread is not for another. */
	begin(&o, "getppid", 0, SYS_getppid, "another thread", 0, 0, 0, 0, 0, 0);
	CALL(tgkill, "to a thread that does not wait", pid, o.tid, SIGUSR1);
	CALL(rt_sigtimedwait, "of another thread", &both, 0, &none, 8);
	CALL(rt_tgsigqueueinfo, "no such signal", pid, o.tid, 65, &info);
	CALL(rt_tgsigqueueinfo, "thread of another process", 1, o.tid, SIGUSR1, &info);
	CALL(rt_tgsigqueueinfo, "thread -1", pid, -1, SIGUSR1, &info);
	CALL(tgkill, "bad process", -1, o.tid, 0);
	joined(&o);
}

/* What one thread asks of another. */
static void others(void)
{
	struct other o;
	cpu_set_t set;
	void *head;
	size_t len;
	struct sched_param p = { 1 };
	begin(&o, "getpid", 0, SYS_getpid, "another thread", 0, 0, 0, 0, 0, 0);
	data("%d", o.tid != getpid());
	data("%d", CALL(sched_getaffinity, "of a thread", o.tid, sizeof set, &set) > 0);
	CALL(sched_setaffinity, "of a thread", o.tid, sizeof set, &set);
	NUMBER(sched_getscheduler, "of a thread", o.tid);
	NUMBER(sched_getparam, "of a thread", o.tid, &p);
	data("%d", p.sched_priority);
	CALL(get_robust_list, "of a thread", o.tid, &head, &len);
	data("%zu", len == 3 * sizeof(void *) ? len / sizeof(void *) : 0);
	NUMBER(getpriority, "of a thread", PRIO_PROCESS, o.tid);
	data("%d", CALL(getpgid, "of a thread", o.tid) == getpgid(0));
	data("%d", CALL(getsid, "of a thread", o.tid) == getsid(0));
	CALL(setpgid, "of a thread", o.tid, 0);
	joined(&o);
	gone(o.tid);
	CALL(sched_getscheduler, "of a thread that has ended", o.tid);
	CALL(get_robust_list, "of a thread that has ended", o.tid, &head, &len);
}

/* A thread that ends while it holds a lock on its list. */
static struct {
	struct robust_list_head head;
	struct robust_list entry;
	uint32_t word;
} lock;

static void *holder(void *arg)
{
	lock.head.list.next = &lock.entry;
	lock.head.futex_offset = (long)&lock.word - (long)&lock.entry;
	lock.head.list_op_pending = 0;
	lock.entry.next = &lock.head.list;
	lock.word = syscall(SYS_gettid);
	*(int *)arg = syscall(SYS_set_robust_list, &lock.head, sizeof lock.head) ? errno : 0;
	return 0;
}

static void robust(void)
{
	pthread_t t;
	int error = -1;
	pthread_create(&t, 0, holder, &error);
	pthread_join(t, 0);
	printf("set_robust_list(of a thread) = %s\n", error == 0 ? "ok" : strerrorname_np(error));
	data("%#x", lock.word);
}

static void barriers(void)
{
	struct other o;
	begin(&o, "gettid", 0, SYS_gettid, "another thread", 0, 0, 0, 0, 0, 0);
	CALL(membarrier, "private, not registered", MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
	CALL(membarrier, "register", MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
	CALL(membarrier, "private", MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
	CALL(membarrier, "register for all", MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0);
	CALL(membarrier, "all that registered", MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0);
	CALL(membarrier, "two commands", MEMBARRIER_CMD_PRIVATE_EXPEDITED | MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0);
	joined(&o);
}

/* Another thread ends the process. */
static void *ends(void *arg)
{
	syscall(SYS_exit_group, *(int *)arg);
	return 0;
}

/* The first thread has ended; the status of the last is the process's. */
static void *outlives(void *arg)
{
	usleep(20000);
	syscall(SYS_exit, *(int *)arg);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 2) {
		static int status;
		pthread_t t;
		int group = strcmp(argv[1], "exit_group") == 0;
		status = atoi(argv[2]) + !group;
		printf("%s(%s, threads) = ok\n", argv[1], argv[2]);
		fflush(stdout);
		pthread_create(&t, 0, group ? ends : outlives, &status);
		if (!group)
			syscall(SYS_exit, status - 1);
		for (;;)
			pause();
	}
	kernel_sigset both = (kernel_sigset)1 << (SIGUSR1 - 1) | (kernel_sigset)1 << (SIGUSR2 - 1);
	syscall(SYS_rt_sigprocmask, SIG_BLOCK, &both, 0, 8);
	making();
	struct oldtime at = { 1000, 0 }, past = { 1, 0 };
	futexes(WHICH(futex), &at, &past);
	signals(WHICH(rt_sigtimedwait));
	struct time64 long_ago = { 1, 0 };
	words_at_once(WHICH(futex_waitv), (long)&long_ago);
#ifdef __i386__
	struct time64 at64 = { 1000, 0 }, past64 = { 1, 0 };
	futexes(WHICH(futex_time64), &at64, &past64);
	signals(WHICH(rt_sigtimedwait_time64));
#endif
	others();
	robust();
	barriers();
	return 0;
}
