/*
 * guard [-o REPORT] [-r LO-HI]... PROG ARGS...
 *
 * Runs PROG under a seccomp filter that kills the process of any system call
 * whose instruction pointer lies in guest memory, and so everything that PROG
 * starts. Under Wine a site that the rewriter missed would reach the Linux
 * kernel below and do just what the guest wanted: the test would pass. Under
 * the guard it dies with SIGSYS.
 *
 * REPORT is emptied at the start; each process that was killed adds a line
 * "killed-by-guard pid N". Without -o the line goes to stderr. The guard exits
 * with PROG's own status, 128+n for a signal, 125 for a failure of its own, 127
 * when PROG cannot be run.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct range {
	uint64_t lo, hi; /* [lo, hi) */
};

/*
 * Where guest code can lie and Wine's own Linux code cannot. What Wine's
 * processes have there was read in /proc/PID/maps (Wine 8):
 *
 * 32-bit process:
 *   up to 0x7a000000   Windows images and heaps. A Windows image makes no Linux
 *                      call, it jumps into ntdll.so for that.
 *   0x7a000000         Wine's builtin DLLs, then its loader (linked at
 *                      0x7d000000). All but a few gaps of the space above are
 *                      reserved by Wine, so Linux libraries that it loads late
 *                      (gnutls, for one) end up between these.
 *   0x80000000         what a large-address-aware process allocates.
 *   0xf7000000         ntdll.so, libc, the vdso; libraries loaded before Wine
 *                      reserved the space reach down some 100 MB at most.
 *
 * 64-bit process:
 *   up to 0x7a000000   as above.
 *   0x7d000000         Wine's loader.
 *   0x80000000         Windows images and heaps, Go's heap at 0xc000000000.
 *   0x550000000000     Linux programs that are position-independent
 *                      (wineserver, a shell); from 0x7e0000000000 libraries.
 */
static const struct range ranges32[] = {
	{ 0x10000, 0x7a000000 },
	{ 0x80000000, 0xe0000000 },
};
static const struct range ranges64[] = {
	{ 0x10000, 0x7a000000 },
	{ 0x80000000, 0x550000000000 },
};

#define MAX_RANGES 16
#define MAX_CODE 512

static struct sock_filter code[MAX_CODE];
static int code_len;

static void die(const char *what)
{
	fprintf(stderr, "guard: %s: %s\n", what, strerror(errno));
	exit(125);
}

static int emit(struct sock_filter f)
{
	if (code_len == MAX_CODE) {
		errno = E2BIG;
		die("filter");
	}
	code[code_len] = f;
	return code_len++;
}

#define LD(field) \
	((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, field))
#define JMP(op, k, yes, no) \
	((struct sock_filter)BPF_JUMP(BPF_JMP | (op) | BPF_K, (k), (yes), (no)))
#define RET(k) ((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, (k)))

/* Little endian: the low half comes first. */
#define IP_LO ((uint32_t)offsetof(struct seccomp_data, instruction_pointer))
#define IP_HI (IP_LO + 4)

/*
 * One range. Classic BPF compares 32 bits, so both bounds are compared by
 * halves; the jumps that leave the range are counted from the code's shape:
 *
 *  0  ld  ip_hi
 *  1  jgt lo.hi  -> 5        above the lower bound by the high half alone
 *  2  jeq lo.hi  -> 3, else 11
 *  3  ld  ip_lo
 *  4  jge lo.lo  -> 5, else 11
 *  5  ld  ip_hi
 *  6  jgt hi.hi  -> 11
 *  7  jeq hi.hi  -> 8, else 10
 *  8  ld  ip_lo
 *  9  jge hi.lo  -> 11, else 10
 * 10  ret kill
 * 11  (next)
 */
static void emit_range(struct range r)
{
	uint32_t lo_hi = r.lo >> 32, lo_lo = (uint32_t)r.lo;
	uint32_t hi_hi = r.hi >> 32, hi_lo = (uint32_t)r.hi;

	emit(LD(IP_HI));
	emit(JMP(BPF_JGT, lo_hi, 3, 0));
	emit(JMP(BPF_JEQ, lo_hi, 0, 8));
	emit(LD(IP_LO));
	emit(JMP(BPF_JGE, lo_lo, 0, 6));
	emit(LD(IP_HI));
	emit(JMP(BPF_JGT, hi_hi, 4, 0));
	emit(JMP(BPF_JEQ, hi_hi, 0, 2));
	emit(LD(IP_LO));
	emit(JMP(BPF_JGE, hi_lo, 1, 0));
	emit(RET(SECCOMP_RET_KILL_PROCESS));
}

static void install(const struct range *own, int n_own)
{
	struct sock_fprog prog;
	int i, is64, high;

	emit(LD((uint32_t)offsetof(struct seccomp_data, arch)));
	is64 = emit(JMP(BPF_JEQ, AUDIT_ARCH_X86_64, 0, 0));
	/*
	 * An i386 call comes from a 32-bit process or from int $0x80 in a 64-bit
	 * one. Below 4 GiB the 32-bit ranges serve both; above, it is the latter.
	 */
	emit(LD(IP_HI));
	high = emit(JMP(BPF_JEQ, 0, 0, 0));
	if (n_own)
		for (i = 0; i < n_own; i++)
			emit_range(own[i]);
	else
		for (i = 0; i < (int)(sizeof ranges32 / sizeof *ranges32); i++)
			emit_range(ranges32[i]);
	emit(RET(SECCOMP_RET_ALLOW));
	if (code_len - is64 - 1 > 255) {
		errno = E2BIG;
		die("too many ranges");
	}
	code[is64].jt = code_len - is64 - 1;
	code[high].jf = code_len - high - 1;
	if (n_own)
		for (i = 0; i < n_own; i++)
			emit_range(own[i]);
	else
		for (i = 0; i < (int)(sizeof ranges64 / sizeof *ranges64); i++)
			emit_range(ranges64[i]);
	emit(RET(SECCOMP_RET_ALLOW));

	prog.len = code_len;
	prog.filter = code;
	/* Without this an ordinary user may not install a filter. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		die("PR_SET_NO_NEW_PRIVS");
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		die("PR_SET_SECCOMP");
}

static pid_t child;

/* A test that gives up on the guard means PROG. */
static void forward(int sig)
{
	if (child > 0)
		kill(child, sig);
}

static void note(int report, pid_t pid, int status)
{
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		dprintf(report, "killed-by-guard pid %d\n", (int)pid);
}

static int parse_range(const char *s, struct range *r)
{
	char *end;

	errno = 0;
	r->lo = strtoull(s, &end, 0);
	if (errno || *end != '-')
		return -1;
	r->hi = strtoull(end + 1, &end, 0);
	return errno || *end || r->lo >= r->hi ? -1 : 0;
}

int main(int argc, char **argv)
{
	static const int forwarded[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT };
	struct range own[MAX_RANGES];
	struct rlimit no_core = { 0, 0 };
	struct sigaction sa = { .sa_handler = forward };
	int n_own = 0, report = STDERR_FILENO, status = 0, exit_status = 125, opt, i;
	pid_t pid, guard = getpid();

	while ((opt = getopt(argc, argv, "+o:r:")) != -1) {
		switch (opt) {
		case 'o':
			report = open(optarg, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
			if (report < 0)
				die(optarg);
			break;
		case 'r':
			if (n_own == MAX_RANGES || parse_range(optarg, &own[n_own])) {
				fprintf(stderr, "guard: bad range %s\n", optarg);
				return 125;
			}
			n_own++;
			break;
		default:
			fprintf(stderr, "usage: guard [-o REPORT] [-r LO-HI]... PROG ARGS...\n");
			return 125;
		}
	}
	if (optind == argc) {
		fprintf(stderr, "usage: guard [-o REPORT] [-r LO-HI]... PROG ARGS...\n");
		return 125;
	}

	/*
	 * Wine forks twice to start a process. As subreaper the guard becomes
	 * the parent of those orphans and learns how they ended.
	 */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1))
		die("PR_SET_CHILD_SUBREAPER");
	/* The kernel dumps core for a SIGSYS of seccomp. */
	setrlimit(RLIMIT_CORE, &no_core);

	child = fork();
	if (child < 0)
		die("fork");
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != guard)
			_exit(125);
		install(own, n_own);
		execvp(argv[optind], argv + optind);
		fprintf(stderr, "guard: %s: %s\n", argv[optind], strerror(errno));
		_exit(127);
	}
	for (i = 0; i < (int)(sizeof forwarded / sizeof *forwarded); i++)
		sigaction(forwarded[i], &sa, NULL);

	for (;;) {
		pid = waitpid(-1, &status, 0);
		if (pid < 0) {
			if (errno == EINTR)
				continue;
			die("waitpid");
		}
		note(report, pid, status);
		if (pid == child)
			break;
	}
	exit_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);

	/*
	 * PROG may have seen another process's end (its handles close) a moment
	 * before that process can be waited for. What still lives after 100 ms,
	 * such as Wine's services, is not waited for.
	 */
	for (i = 0; i < 50; i++) {
		struct timespec pause = { 0, 2000000 };

		pid = waitpid(-1, &status, WNOHANG);
		if (pid < 0)
			break;
		if (pid == 0)
			nanosleep(&pause, NULL);
		else
			note(report, pid, status);
	}
	return exit_status;
}
