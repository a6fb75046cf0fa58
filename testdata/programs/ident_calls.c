/* Who the program is, how it is scheduled, its limits, and what an unprivileged user is refused: results and errors. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/uio.h>
#include <unistd.h>

#define BAD ((void *)8)
#define NOBODY 0x3ffffff

static void tell(const char *what, long r)
{
	printf("%s: %ld %s\n", what, r < 0 ? -1 : r, r < 0 ? strerror(errno) : "");
}

static void ids(void)
{
	unsigned r, e, s, uid = getuid(), gid = getgid();
	int rc = getresuid(&r, &e, &s);
	printf("ids %d %d %d\n", rc, r == uid && e == uid && s == uid, geteuid() == uid);
	rc = getresgid(&r, &e, &s);
	printf("ids %d %d %d\n", rc, r == gid && e == gid && s == gid, getegid() == gid);
	tell("setresuid(-1,-1,-1)", setresuid(-1, -1, -1));
	tell("setresuid(own)", setresuid(uid, uid, uid));
	tell("setuid(own)", setuid(uid));
	tell("setuid(0)", setuid(0));
	tell("setgid(0)", setgid(0));
	tell("setreuid(0,0)", setreuid(0, 0));
	tell("setregid(-1,0)", setregid(-1, 0));
	tell("setresgid(gid, 0, -1)", setresgid(gid, 0, -1));
	tell("setgroups", syscall(SYS_setgroups, 0, NULL));
	gid_t groups[64];
	tell("getgroups(-1)", syscall(SYS_getgroups, -1, groups));
	printf("getgroups %d\n", getgroups(0, NULL) == getgroups(64, groups));
	tell("getpgid(nobody)", getpgid(NOBODY));
	tell("getsid(nobody)", getsid(NOBODY));
	tell("setpgid(nobody)", setpgid(NOBODY, 0));
	tell("setpgid(-1)", setpgid(0, -1));
	tell("getresuid(bad)", syscall(SYS_getresuid, BAD, BAD, BAD));
	tell("setfsuid", setfsuid(uid) == uid ? 0 : 1);
}



static void scheduling(void)
{
	int pid = getpid();
	struct sched_param p = { 0 }, one = { 1 };
	tell("policy", sched_getscheduler(0));
	tell("policy of nobody", sched_getscheduler(NOBODY));
	tell("policy of -1", sched_getscheduler(-1));
	tell("param", sched_getparam(0, &p));
	tell("param NULL", sched_getparam(0, NULL));
	tell("param bad", syscall(SYS_sched_getparam, 0, BAD));
	tell("set param", sched_setparam(pid, &p));
	tell("set param 1", sched_setparam(pid, &one));
	tell("set param NULL", syscall(SYS_sched_setparam, pid, NULL));
	tell("set batch", sched_setscheduler(0, SCHED_BATCH, &p));
	tell("policy", sched_getscheduler(0));
	tell("set batch 1", sched_setscheduler(0, SCHED_BATCH, &one));
	tell("set fifo 0", sched_setscheduler(0, SCHED_FIFO, &p));
	tell("set fifo", sched_setscheduler(0, SCHED_FIFO, &one));
	tell("set rr", sched_setscheduler(0, SCHED_RR, &one));
	tell("set 77", sched_setscheduler(0, 77, &p));
	tell("set -1", syscall(SYS_sched_setscheduler, 0, -1, &p));
	tell("set NULL", syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, NULL));
	tell("set reset-on-fork", sched_setscheduler(0, SCHED_OTHER | 0x40000000, &p));
	tell("policy", sched_getscheduler(0));
	tell("clear reset-on-fork", sched_setscheduler(0, SCHED_OTHER, &p));
	for (int i = -1; i < 7; i++) {
		printf("policy %d", i);
		tell(" max", sched_get_priority_max(i));
		tell(" min", sched_get_priority_min(i));
	}
	struct timespec slice = { -1, -1 };
	tell("interval", sched_rr_get_interval(0, &slice));
	printf("%d\n", slice.tv_sec == 0 && slice.tv_nsec >= 0);
	tell("interval of nobody", sched_rr_get_interval(NOBODY, &slice));
	tell("interval of -1", sched_rr_get_interval(-1, &slice));
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
		uint32_t min, max;
	} attr;
	memset(&attr, -1, sizeof attr);
	tell("getattr", syscall(SYS_sched_getattr, 0, &attr, 48, 0));
	printf("%u %u %llu %d %u\n", attr.size, attr.policy, (unsigned long long)attr.flags, attr.nice, attr.priority);
	tell("getattr 40", syscall(SYS_sched_getattr, 0, &attr, 40, 0));
	tell("getattr flags", syscall(SYS_sched_getattr, 0, &attr, 48, 1));
	tell("getattr of nobody", syscall(SYS_sched_getattr, NOBODY, &attr, 48, 0));
	memset(&attr, 0, sizeof attr);
	attr.size = 48;
	attr.nice = 3;
	attr.flags = 1;
	tell("setattr", syscall(SYS_sched_setattr, 0, &attr, 0));
	tell("getattr", syscall(SYS_sched_getattr, 0, &attr, 48, 0));
	printf("%u %u %llu %d %u\n", attr.size, attr.policy, (unsigned long long)attr.flags, attr.nice, attr.priority);
	attr.policy = SCHED_FIFO;
	tell("setattr fifo 0", syscall(SYS_sched_setattr, 0, &attr, 0));
	attr.priority = 1;
	tell("setattr fifo", syscall(SYS_sched_setattr, 0, &attr, 0));
	attr.flags = 0x1000;
	tell("setattr flag", syscall(SYS_sched_setattr, 0, &attr, 0));
	attr.size = 8;
	tell("setattr small", syscall(SYS_sched_setattr, 0, &attr, 0));
	tell("setattr bad", syscall(SYS_sched_setattr, 0, BAD, 0));
	tell("getpriority", syscall(SYS_getpriority, PRIO_PROCESS, 0));
	tell("getpriority of the group", syscall(SYS_getpriority, PRIO_PROCESS, pid));
	tell("getpriority of nobody", syscall(SYS_getpriority, PRIO_PROCESS, NOBODY));
	tell("getpriority 9", syscall(SYS_getpriority, 9, 0));
	tell("setpriority", setpriority(PRIO_PROCESS, 0, 5));
	tell("getpriority", syscall(SYS_getpriority, PRIO_PROCESS, 0));
	tell("setpriority back", setpriority(PRIO_PROCESS, 0, 0));
	tell("setpriority of nobody", setpriority(PRIO_PROCESS, NOBODY, 6));
	tell("setpriority 9", setpriority(9, 0, 6));
	errno = 0;
	tell("nice", nice(2));
	tell("nice back", nice(-2));
	tell("getpriority", syscall(SYS_getpriority, PRIO_PROCESS, 0));
	tell("setpriority beyond", setpriority(PRIO_PROCESS, 0, 100));
	tell("getpriority", syscall(SYS_getpriority, PRIO_PROCESS, 0));
	tell("set idle", sched_setscheduler(0, SCHED_IDLE | 0x40000000, &p));
	tell("set other", sched_setscheduler(0, SCHED_OTHER | 0x40000000, &p));
	tell("ioprio_set best 3", syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 3));
	tell("ioprio_get", syscall(SYS_ioprio_get, 1, 0));
	tell("ioprio_set idle", syscall(SYS_ioprio_set, 1, 0, 3 << 13));
	tell("ioprio_get", syscall(SYS_ioprio_get, 1, 0));
	tell("ioprio_set realtime", syscall(SYS_ioprio_set, 1, 0, 1 << 13 | 3));
	tell("ioprio_set none 1", syscall(SYS_ioprio_set, 1, 0, 1));
	tell("ioprio_set 9", syscall(SYS_ioprio_set, 9, 0, 2 << 13));
	tell("ioprio_set of nobody", syscall(SYS_ioprio_set, 1, NOBODY, 2 << 13));
	tell("ioprio_get 9", syscall(SYS_ioprio_get, 9, 0));
	tell("ioprio_get of nobody", syscall(SYS_ioprio_get, 1, NOBODY));
	unsigned cpu = -1, node = -1;
	tell("getcpu", syscall(SYS_getcpu, &cpu, &node, NULL));
	printf("%d %u\n", cpu < 4096, node);
	tell("getcpu(bad)", syscall(SYS_getcpu, BAD, NULL, NULL));
	unsigned long set[128] = { 0 };
	long n = syscall(SYS_sched_getaffinity, 0, sizeof set, set);
	printf("affinity %d %d\n", n > 0 && n % sizeof(long) == 0, set[0] != 0);
	tell("affinity 3", syscall(SYS_sched_getaffinity, 0, 3, set));
	tell("affinity of nobody", syscall(SYS_sched_getaffinity, NOBODY, sizeof set, set));
	tell("affinity bad", syscall(SYS_sched_getaffinity, 0, 1024, BAD));
	tell("set affinity", syscall(SYS_sched_setaffinity, 0, n, set));
	memset(set, 0, sizeof set);
	tell("set affinity to none", syscall(SYS_sched_setaffinity, 0, n, set));
	tell("set affinity bad", syscall(SYS_sched_setaffinity, 0, 8, BAD));
	tell("set affinity of nobody", syscall(SYS_sched_setaffinity, NOBODY, 8, set));
}

static void limits(void)
{
	struct rlimit l;
	static const int which[] = { RLIMIT_STACK, RLIMIT_NOFILE, RLIMIT_CORE, RLIMIT_FSIZE };
	for (int i = 0; i < 4; i++) {
		tell("getrlimit", getrlimit(which[i], &l));
		struct rlimit64 { uint64_t cur, max; } k;
		tell("prlimit64", syscall(SYS_prlimit64, 0, which[i], NULL, &k));
		k.cur = k.max + 1;
		if (k.max != ~0ull)
			tell("cur above max", syscall(SYS_prlimit64, 0, which[i], &k, NULL));
	}
	tell("getrlimit(99)", syscall(SYS_prlimit64, 0, 99, NULL, NULL));
	tell("getrlimit(bad)", syscall(SYS_prlimit64, 0, RLIMIT_STACK, NULL, BAD));
	tell("setrlimit(bad)", syscall(SYS_prlimit64, 0, RLIMIT_STACK, BAD, NULL));
	tell("prlimit of nobody", syscall(SYS_prlimit64, NOBODY, RLIMIT_STACK, NULL, NULL));
	tell("prlimit of itself", syscall(SYS_prlimit64, getpid(), RLIMIT_STACK, NULL, NULL));
	tell("getrlimit call", syscall(SYS_getrlimit, RLIMIT_STACK, &l));
	tell("getrlimit call 99", syscall(SYS_getrlimit, 99, &l));
	tell("getrlimit call bad", syscall(SYS_getrlimit, RLIMIT_STACK, BAD));
	tell("setrlimit call bad", syscall(SYS_setrlimit, RLIMIT_STACK, BAD));
	/* open files */
	l.rlim_cur = l.rlim_max = 10;
	tell("setrlimit", setrlimit(RLIMIT_NOFILE, &l));
	int fd, last = -1;
	while ((fd = dup(1)) >= 0)
		last = fd;
	tell("dup", fd);
	printf("last %d\n", last);
	l.rlim_max = 20;
	tell("setrlimit higher", setrlimit(RLIMIT_NOFILE, &l));
	for (int i = 3; i <= last; i++)
		close(i);
	/* file size */
	l.rlim_cur = 100;
	l.rlim_max = RLIM_INFINITY;
	tell("setrlimit", setrlimit(RLIMIT_FSIZE, &l));
	signal(SIGXFSZ, SIG_IGN);
	fd = open("limited", O_RDWR | O_CREAT | O_TRUNC, 0644);
	static char buf[80];
	tell("write", write(fd, buf, 80));
	tell("write", write(fd, buf, 80));
	tell("write", write(fd, buf, 80));
	tell("pwrite", pwrite(fd, buf, 80, 90));
	tell("pwrite", pwrite(fd, buf, 80, 100));
	tell("ftruncate 100", ftruncate(fd, 100));
	tell("ftruncate 101", ftruncate(fd, 101));
	close(fd);
	unlink("limited");
}

static void controls(void)
{
	char name[17] = "";
	tell("set name", prctl(PR_SET_NAME, "a name that is too long"));
	tell("get name", prctl(PR_GET_NAME, name));
	printf("%s\n", name);
	tell("get name bad", prctl(PR_GET_NAME, BAD));
	tell("dumpable", prctl(PR_SET_DUMPABLE, 0));
	tell("dumpable", prctl(PR_GET_DUMPABLE));
	tell("dumpable 2", prctl(PR_SET_DUMPABLE, 2));
	tell("dumpable", prctl(PR_SET_DUMPABLE, 1));
	int v = -1;
	tell("death signal", prctl(PR_SET_PDEATHSIG, SIGTERM));
	tell("death signal", prctl(PR_GET_PDEATHSIG, &v));
	tell("death signal 99", prctl(PR_SET_PDEATHSIG, 99));
	prctl(PR_SET_PDEATHSIG, 0);
	printf("%d\n", v);
	tell("no new privileges", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) >= 0);
	tell("no new privileges 1", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	tell("no new privileges", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	tell("no new privileges 0", prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
	tell("no new privileges, odd", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 5, 0));
	tell("keepcaps", prctl(PR_SET_KEEPCAPS, 1));
	tell("keepcaps", prctl(PR_GET_KEEPCAPS));
	tell("keepcaps 2", prctl(PR_SET_KEEPCAPS, 2));
	tell("subreaper", prctl(PR_SET_CHILD_SUBREAPER, 1));
	tell("subreaper", prctl(PR_GET_CHILD_SUBREAPER, &v));
	printf("%d\n", v);
	tell("subreaper bad", prctl(PR_GET_CHILD_SUBREAPER, BAD));
	tell("huge pages", prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
	tell("huge pages", prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
	tell("huge pages odd", prctl(PR_SET_THP_DISABLE, 0, 1, 0, 0));
	tell("slack", prctl(PR_GET_TIMERSLACK));
	tell("slack", prctl(PR_SET_TIMERSLACK, 1234));
	tell("slack", prctl(PR_GET_TIMERSLACK));
	tell("slack", prctl(PR_SET_TIMERSLACK, 0));
	tell("slack", prctl(PR_GET_TIMERSLACK));
	tell("timing", prctl(PR_GET_TIMING));
	tell("timing 0", prctl(PR_SET_TIMING, 0));
	tell("timing 1", prctl(PR_SET_TIMING, 1));
	tell("tsc", prctl(PR_GET_TSC, &v));
	printf("%d\n", v);
	tell("tsc", prctl(PR_SET_TSC, PR_TSC_ENABLE));
	tell("tsc 7", prctl(PR_SET_TSC, 7));
	tell("mce", prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
	tell("mce odd", prctl(PR_MCE_KILL_GET, 0, 0, 1, 0));
	tell("securebits", prctl(PR_GET_SECUREBITS));
	tell("securebits 1", prctl(PR_SET_SECUREBITS, 1));
	tell("bounding 99", prctl(PR_CAPBSET_READ, 99));
	tell("bounding drop", prctl(PR_CAPBSET_DROP, 1));
	tell("ambient", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 1, 0, 0));
	tell("ambient raise", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 1, 0, 0));
	tell("ambient lower", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, 1, 0, 0));
	tell("ambient clear", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
	tell("ambient 99", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 99, 0, 0));
	tell("ambient odd", prctl(PR_CAP_AMBIENT, 9, 1, 0, 0));
	tell("nothing", prctl(12345));
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct d[2];
	memset(d, -1, sizeof d);
	tell("capget", syscall(SYS_capget, &h, d));
	printf("%x %x %x\n", d[0].effective, d[0].permitted, d[0].inheritable);
	tell("capset", syscall(SYS_capset, &h, d));
	d[0].effective = 1;
	tell("capset 1", syscall(SYS_capset, &h, d));
	h.version = 7;
	tell("capget 7", syscall(SYS_capget, &h, d));
	printf("%x\n", h.version);
	tell("capget bad", syscall(SYS_capget, BAD, d));
	h.pid = NOBODY;
	tell("capget of nobody", syscall(SYS_capget, &h, d));
	struct sysinfo s;
	int r = sysinfo(&s);
	printf("sysinfo %d %d %d\n", r, s.totalram > 0 && s.freeram <= s.totalram, s.procs > 0);
	tell("sysinfo bad", syscall(SYS_sysinfo, BAD));
}

static void memory(void)
{
	char a[8] = "1234567", b[8] = "abcdefg";
	struct iovec l[2] = { { a, 3 }, { a + 3, 4 } }, r[2] = { { b, 5 }, { b + 5, 2 } };
	int pid = getpid();
	tell("readv", syscall(SYS_process_vm_readv, pid, l, 2, r, 2, 0));
	printf("%s\n", a);
	r[1].iov_base = BAD;
	tell("writev, hole", syscall(SYS_process_vm_writev, pid, l, 2, r, 2, 0));
	r[0].iov_base = BAD;
	tell("readv, bad", syscall(SYS_process_vm_readv, pid, l, 2, r, 2, 0));
	tell("readv, flags", syscall(SYS_process_vm_readv, pid, l, 2, r, 2, 1));
	tell("readv of nobody", syscall(SYS_process_vm_readv, NOBODY, l, 2, r, 2, 0));
	tell("readv bad vector", syscall(SYS_process_vm_readv, pid, BAD, 2, r, 2, 0));
	tell("readv nothing", syscall(SYS_process_vm_readv, pid, l, 0, r, 2, 0));
	tell("membarrier", syscall(SYS_membarrier, 0, 0) > 0 ? 1 : -1);
	tell("membarrier flags", syscall(SYS_membarrier, 0, 9));
	tell("membarrier private", syscall(SYS_membarrier, 8, 0));
	tell("membarrier register", syscall(SYS_membarrier, 16, 0));
	tell("membarrier private", syscall(SYS_membarrier, 8, 0));
	tell("membarrier 12345", syscall(SYS_membarrier, 12345, 0));
	char random[40] = "";
	tell("getrandom", syscall(SYS_getrandom, random, 40, 0));
	tell("getrandom flags", syscall(SYS_getrandom, random, 40, 0x100));
	tell("getrandom bad", syscall(SYS_getrandom, BAD, 40, 0));
	tell("getrandom nothing", syscall(SYS_getrandom, random, 0, 1));
	tell("personality", syscall(SYS_personality, 0xffffffff));
}

/* Kernels are built without some of these. */
static void denied(const char *what, long r)
{
	printf("%s: %ld %s\n", what, r, r < 0 && (errno == EPERM || errno == ENOSYS) ? "denied" : strerror(errno));
}

static void refused(void)
{
	tell("sethostname", sethostname("x", 1));
	tell("setdomainname", setdomainname("x", 1));
	denied("acct", syscall(SYS_acct, "/"));
	denied("swapon", syscall(SYS_swapon, "/", 0));
	denied("swapoff", syscall(SYS_swapoff, "/"));
	tell("vhangup", syscall(SYS_vhangup));
	tell("pivot_root", syscall(SYS_pivot_root, "/", "/"));
	tell("chroot", chroot("/"));
	tell("chroot missing", chroot("missing"));
	tell("chroot bad", chroot(BAD));
	tell("reboot", syscall(SYS_reboot, 1, 2, 3, NULL));
	denied("delete_module", syscall(SYS_delete_module, "x", 0));
	denied("iopl", syscall(SYS_iopl, 3));
	denied("ioperm", syscall(SYS_ioperm, 0, 8, 1));
	tell("unshare 0", syscall(SYS_unshare, 0));
	tell("unshare files", syscall(SYS_unshare, 0x400));
	tell("unshare odd", syscall(SYS_unshare, 0x1));
	tell("setns", syscall(SYS_setns, 99, 0));
	tell("setns file", syscall(SYS_setns, 1, 0));
}

int main(int argc, char **argv)
{
	void (*const all[])(void) = { ids, scheduling, limits, controls, memory, refused };
	static const char *const names[] = { "ids", "scheduling", "limits", "controls", "memory", "refused" };
	for (int i = 0; i < 6; i++)
		if (argc < 2 || !strcmp(argv[1], names[i]))
			all[i]();
	return 0;
}
