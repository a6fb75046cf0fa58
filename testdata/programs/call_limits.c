/* Limits, priorities, scheduling. */
#include "call.h"
#include <sched.h>
#include <sys/resource.h>

struct limits {
	unsigned long soft, hard;
};

static void resources(void)
{
	struct limits l = { 77, 88 };
	struct {
		uint64_t soft, hard;
	} wide, more = { 3, 2 };
	CALL(setrlimit, "core", RLIMIT_CORE, &l);
	CALL(getrlimit, "core", RLIMIT_CORE, &l);
	data("%lu %lu", l.soft, l.hard);
	l.hard = 100;
	CALL(setrlimit, "more than before", RLIMIT_CORE, &l);
	l.soft = 101;
	CALL(setrlimit, "soft above hard", RLIMIT_CORE, &l);
	CALL(setrlimit, "no such resource", 99, &l);
	CALL(setrlimit, "bad pointer", RLIMIT_CORE, BAD);
	CALL(getrlimit, "no such resource", 99, &l);
	CALL(getrlimit, "bad pointer", RLIMIT_CORE, BAD);
#ifdef SYS_ugetrlimit
	CALL(ugetrlimit, "core", RLIMIT_CORE, &l);
	data("%lu %lu", l.soft, l.hard);
	CALL(ugetrlimit, "no such resource", 99, &l);
	CALL(ugetrlimit, "bad pointer", RLIMIT_CORE, BAD);
#endif
	CALL(prlimit64, "core", 0, RLIMIT_CORE, 0, &wide);
	data("%llu %llu", (unsigned long long)wide.soft, (unsigned long long)wide.hard);
	CALL(prlimit64, "soft above hard", 0, RLIMIT_CORE, &more, 0);
	CALL(prlimit64, "no such resource", 0, 99, 0, &wide);
	CALL(prlimit64, "nobody", 0x3fffffff, RLIMIT_CORE, 0, &wide);
	CALL(prlimit64, "bad pointer", 0, RLIMIT_CORE, BAD, 0);
}

static void priorities(void)
{
	NUMBER(getpriority, "self", PRIO_PROCESS, 0);
	CALL(getpriority, "nobody", PRIO_PROCESS, 0x3fffffff);
	CALL(getpriority, "no such kind", 99, 0);
	CALL(setpriority, "the same", PRIO_PROCESS, 0, 0);
	CALL(setpriority, "nobody", PRIO_PROCESS, 0x3fffffff, 0);
	CALL(setpriority, "no such kind", 99, 0, 0);
	CALL(setpriority, "better", PRIO_PROCESS, 0, -5);
#ifdef SYS_nice
	CALL(nice, "the same", 0);
	CALL(nice, "better", -5);
#endif
	CALL(setpriority, "worse", PRIO_PROCESS, 0, 3);
	NUMBER(getpriority, "self again", PRIO_PROCESS, 0);
	CALL(ioprio_set, "best effort 4", 1, 0, 2 << 13 | 4);
	NUMBER(ioprio_get, "self", 1, 0);
	CALL(ioprio_set, "no such kind", 99, 0, 2 << 13 | 4);
	CALL(ioprio_set, "no such class", 1, 0, 7 << 13);
	CALL(ioprio_set, "nobody", 1, 0x3fffffff, 2 << 13 | 4);
	CALL(ioprio_get, "no such kind", 99, 0);
	CALL(ioprio_get, "nobody", 1, 0x3fffffff);
}

static void scheduling(void)
{
	int zero = 0, one = 1, got = -1;
	NUMBER(sched_yield, "");
	NUMBER(sched_getscheduler, "self", 0);
	CALL(sched_getscheduler, "nobody", 0x3fffffff);
	CALL(sched_getscheduler, "negative", -1);
	CALL(sched_setscheduler, "other", 0, SCHED_OTHER, &zero);
	CALL(sched_setscheduler, "other with a priority", 0, SCHED_OTHER, &one);
	CALL(sched_setscheduler, "first in, first out", 0, SCHED_FIFO, &one);
	CALL(sched_setscheduler, "no such policy", 0, 99, &zero);
	CALL(sched_setscheduler, "bad pointer", 0, SCHED_OTHER, 0);
	CALL(sched_setscheduler, "nobody", 0x3fffffff, SCHED_OTHER, &zero);
	CALL(sched_getparam, "self", 0, &got);
	data("%d", got);
	CALL(sched_getparam, "nobody", 0x3fffffff, &got);
	CALL(sched_getparam, "bad pointer", 0, BAD);
	CALL(sched_setparam, "the same", 0, &zero);
	CALL(sched_setparam, "priority 1", 0, &one);
	CALL(sched_setparam, "nobody", 0x3fffffff, &zero);
	NUMBER(sched_get_priority_max, "other", SCHED_OTHER);
	NUMBER(sched_get_priority_max, "first in, first out", SCHED_FIFO);
	CALL(sched_get_priority_max, "no such policy", 99);
	NUMBER(sched_get_priority_min, "other", SCHED_OTHER);
	NUMBER(sched_get_priority_min, "round robin", SCHED_RR);
	CALL(sched_get_priority_min, "no such policy", 99);
	struct time64 at;
	CALL(sched_rr_get_interval, "self", 0, &at);
	CALL(sched_rr_get_interval, "nobody", 0x3fffffff, &at);
	CALL(sched_rr_get_interval, "bad pointer", 0, BAD);
#ifdef SYS_sched_rr_get_interval_time64
	CALL(sched_rr_get_interval_time64, "self", 0, &at);
	CALL(sched_rr_get_interval_time64, "nobody", 0x3fffffff, &at);
	CALL(sched_rr_get_interval_time64, "bad pointer", 0, BAD);
#endif
	unsigned char set[128];
	memset(set, 0, sizeof set);
	CALL(sched_getaffinity, "self", 0, sizeof set, set);
	CALL(sched_getaffinity, "nobody", 0x3fffffff, sizeof set, set);
	CALL(sched_getaffinity, "no multiple of a word", 0, 7, set);
	CALL(sched_getaffinity, "bad pointer", 0, sizeof set, BAD);
	CALL(sched_setaffinity, "the same", 0, sizeof set, set);
	CALL(sched_setaffinity, "nobody", 0x3fffffff, sizeof set, set);
	memset(set, 0, sizeof set);
	CALL(sched_setaffinity, "no processor", 0, sizeof set, set);
	CALL(sched_setaffinity, "bad pointer", 0, sizeof set, BAD);
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
	} attr = { 0 };
	CALL(sched_getattr, "self", 0, &attr, sizeof attr, 0);
	data("%u %d", attr.policy, attr.nice);
	CALL(sched_getattr, "nobody", 0x3fffffff, &attr, sizeof attr, 0);
	CALL(sched_getattr, "too small", 0, &attr, 8, 0);
	CALL(sched_getattr, "bad flag", 0, &attr, sizeof attr, 1);
	CALL(sched_setattr, "the same", 0, &attr, 0);
	CALL(sched_setattr, "bad flag", 0, &attr, 1);
	CALL(sched_setattr, "nobody", 0x3fffffff, &attr, 0);
	attr.policy = 99;
	CALL(sched_setattr, "no such policy", 0, &attr, 0);
	unsigned cpu = 99999, node = 99999;
	CALL(getcpu, "both", &cpu, &node, 0);
	data("%d", cpu < 4096);
	CALL(getcpu, "bad pointer", BAD, 0, 0);
}

int main(void)
{
	resources();
	priorities();
	scheduling();
	return 0;
}
