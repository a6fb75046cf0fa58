/* Threads, as far as they are a call: making one, and its end. */
#include "call.h"
#include <linux/futex.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>

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

static void *empty(void *arg) { return arg; }

int main(void)
{
	static int parent_tid, child_tid = -1;
	int value = 4711;
	struct clone_args args = { .flags = CLONE_THREAD, .exit_signal = 0 };
	CALL(clone, "thread without the memory", CLONE_THREAD, 0, 0, 0, 0);
	CALL(clone, "file system's root and a name space", CLONE_FS | CLONE_NEWNS, 0, 0, 0, 0);
	CALL(clone3, "short structure", &args, 8);
	CALL(clone3, "bad pointer", BAD, sizeof args);
	CALL(clone3, "thread without the memory", &args, sizeof args);
	fflush(stdout);
	errno = 0;
	int tid = clone(body, stack + sizeof stack, ALL | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID, &value, &parent_tid, 0, &child_tid);
	printf("clone(thread) = %s\n", tid > 0 ? "ok" : strerrorname_np(errno));
	if (tid > 0) {
		/* The kernel clears the word and wakes who waits there. */
		for (int now; (now = __atomic_load_n(&child_tid, __ATOMIC_SEQ_CST)) != 0;)
			syscall(SYS_futex, &child_tid, FUTEX_WAIT, now, 0, 0, 0);
		data("%d %d", ran, parent_tid == tid);
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
	return 0;
}
