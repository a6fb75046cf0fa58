/* What belongs to a thread: its pointer, its lists, futexes. */
#include "call.h"
#include <asm/ldt.h>
#include <asm/prctl.h>
#include <linux/futex.h>

static void areas(void)
{
#ifdef __i386__
	static int block[4];
	struct user_desc d = { .entry_number = -1, .base_addr = (unsigned long)block, .limit = 0xfffff, .seg_32bit = 1, .limit_in_pages = 1, .useable = 1 };
	CALL(set_thread_area, "a free one", &d);
	data("%d", d.entry_number > 5);
	struct user_desc e = { .entry_number = d.entry_number };
	CALL(get_thread_area, "the same", &e);
	data("%d %#x", e.base_addr == (unsigned long)block, e.limit);
	e.entry_number = 99;
	CALL(get_thread_area, "no such entry", &e);
	CALL(get_thread_area, "bad pointer", BAD);
	e.entry_number = 2;
	CALL(set_thread_area, "no such entry", &e);
	CALL(set_thread_area, "bad pointer", BAD);
	NUMBER(arch_prctl, "is there cpuid", 0x1011, 0);
	CALL(arch_prctl, "no such code", 99, 0);
	CALL(arch_prctl, "of x86-64", ARCH_GET_FS, block);
#else
	static long block[4];
	unsigned long base = 0;
	CALL(arch_prctl, "get fs", ARCH_GET_FS, &base);
	data("%d", *(unsigned long *)base == base);
	CALL(arch_prctl, "set fs", ARCH_SET_FS, base);
	CALL(arch_prctl, "set gs", ARCH_SET_GS, block);
	CALL(arch_prctl, "get gs", ARCH_GET_GS, &base);
	data("%d", base == (unsigned long)block);
	NUMBER(arch_prctl, "is there cpuid", 0x1011, 0);
	CALL(arch_prctl, "no such code", 99, 0);
	CALL(arch_prctl, "bad pointer", ARCH_GET_FS, BAD);
	CALL(arch_prctl, "not canonical", ARCH_SET_GS, 1UL << 63);
#endif
	NUMBER(modify_ldt, "read", 0, 0, 0);
	CALL(modify_ldt, "no such function", 99, 0, 0);
}

static void lists(void)
{
	static int tid_word;
	void *head = 0;
	size_t len = 0;
	data("%d", CALL(set_tid_address, "", &tid_word) == syscall(SYS_gettid));
	struct robust_list_head list = { { &list.list }, 0, 0 };
	CALL(get_robust_list, "self", 0, &head, &len);
	data("%d", len == sizeof list);
	CALL(get_robust_list, "nobody", 0x3fffffff, &head, &len);
	CALL(get_robust_list, "bad pointer", 0, BAD, &len);
	CALL(set_robust_list, "new", &list, sizeof list);
	CALL(set_robust_list, "wrong size", &list, 1);
	CALL(get_robust_list, "self again", 0, &head, &len);
	data("%d", head == &list);
	CALL(set_robust_list, "none", 0, sizeof list);
	CALL(rseq, "not aligned", 1, 32, 0, 0);
	CALL(rseq, "bad flag", 0, 32, 99, 0);
}

static void futexes(struct which w, void *some, void *wrong)
{
	static uint32_t words[2] = { 1, 2 };
	NUMBER_OF(w, "wake nobody", words, FUTEX_WAKE, 10, 0, 0, 0);
	NUMBER_OF(w, "wake nobody, private", words, FUTEX_WAKE_PRIVATE, 10, 0, 0, 0);
	NUMBER_OF(w, "wake nobody of some", words, FUTEX_WAKE_BITSET, 10, 0, 0, 1);
	NUMBER_OF(w, "requeue nobody", words, FUTEX_CMP_REQUEUE, 1, 1, words + 1, 1);
	CALL_OF(w, "requeue, another value", words, FUTEX_CMP_REQUEUE, 1, 1, words + 1, 5);
	NUMBER_OF(w, "operate and wake nobody", words, FUTEX_WAKE_OP, 1, 1, words + 1, FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 2));
	data("%u", words[1]);
	words[1] = 2;
	CALL_OF(w, "wait, another value", words, FUTEX_WAIT, 5, 0, 0, 0);
	CALL_OF(w, "wait for some time", words, FUTEX_WAIT, 1, some, 0, 0);
	CALL_OF(w, "wait until what is past", words, FUTEX_WAIT_BITSET, 1, some, 0, -1);
	CALL_OF(w, "wait, no bits", words, FUTEX_WAIT_BITSET, 1, some, 0, 0);
	CALL_OF(w, "wait, wrong time", words, FUTEX_WAIT, 1, wrong, 0, 0);
	CALL_OF(w, "not aligned", (char *)words + 1, FUTEX_WAKE, 1, 0, 0, 0);
	CALL_OF(w, "bad pointer", BAD, FUTEX_WAIT, 1, some, 0, 0);
	CALL_OF(w, "no such operation", words, 99, 1, 0, 0, 0);
}

int main(void)
{
	struct oldtime some = { 0, 2000000 }, wrong = { 0, 1000000000 };
	areas();
	lists();
	futexes(WHICH(futex), &some, &wrong);
#ifdef SYS_futex_time64
	struct time64 some64 = { 0, 2000000 }, wrong64 = { 0, 1000000000 };
	futexes(WHICH(futex_time64), &some64, &wrong64);
#endif
	struct {
		uint64_t val, addr;
		uint32_t flags, reserved;
	} waiter = { 0, 0, 2, 0 };
	CALL(futex_waitv, "none", &waiter, 0, 0, 0, 0);
	CALL(futex_waitv, "bad flag", &waiter, 1, 1, 0, 0);
	return 0;
}
