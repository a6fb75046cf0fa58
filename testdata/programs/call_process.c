/* The end, and those who wait for it. */
#include "call.h"
#include <limits.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* A child that ends at once, and what its parent hears of it. */
static void heard(const char *name, const char *label, long pid)
{
	int status = 0;
	printf("%s(%s) = %s\n", name, label, pid > 0 ? "ok" : strerrorname_np(errno));
	if (pid < 0)
		return;
	data("%d", CALL(wait4, label, pid, &status, 0, 0) == pid);
	data("%#x", status);
}

static void children(void)
{
	long pid;
	fflush(stdout);
	if ((pid = syscall(SYS_fork)) == 0)
		_exit(3);
	heard("fork", "fork: child", pid);
	fflush(stdout);
	if ((pid = vfork()) == 0)
		_exit(4);
	heard("vfork", "vfork: child", pid);
	fflush(stdout);
	if ((pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)) == 0)
		_exit(5);
	heard("clone", "fork: another way", pid);
}

int main(int argc, char **argv)
{
	if (argc > 2) {
		/* No call comes back; the line is the program's word, the status the proof. */
		printf("%s(%s) = ok\n", argv[1], argv[2]);
		fflush(stdout);
		if (strcmp(argv[1], "exit") == 0)
			syscall(SYS_exit, atoi(argv[2]));
		syscall(SYS_exit_group, atoi(argv[2]));
	}
	int status;
	siginfo_t info;
	children();
	CALL(wait4, "no child", -1, &status, 0, 0);
	CALL(wait4, "no such child", 0x3fffffff, &status, 0, 0);
	CALL(wait4, "bad option", -1, &status, 1 << 20, 0);
	CALL(wait4, "option of waitid", -1, &status, WNOWAIT, 0);
	CALL(wait4, "no such group", INT_MIN, &status, 0, 0);
	CALL(wait4, "not waiting", -1, &status, WNOHANG | WUNTRACED | WCONTINUED, 0);
#ifdef SYS_waitpid
	CALL(waitpid, "no child", -1, &status, 0);
	CALL(waitpid, "bad option", -1, &status, 1 << 20);
#endif
	CALL(waitid, "no child", P_ALL, 0, &info, WEXITED, 0);
	CALL(waitid, "nothing to wait for", P_ALL, 0, &info, 0, 0);
	CALL(waitid, "no such kind", 99, 0, &info, WEXITED, 0);
	CALL(waitid, "bad option", P_ALL, 0, &info, WEXITED | 1 << 20, 0);
	CALL(waitid, "process 0", P_PID, 0, &info, WEXITED, 0);
	CALL(waitid, "process that is no child", P_PID, 1, &info, WEXITED, 0);
	CALL(waitid, "own group", P_PGID, 0, &info, WEXITED | WNOHANG, 0);
	CALL(waitid, "group -1", P_PGID, -1, &info, WEXITED, 0);
	CALL(waitid, "bad pidfd", P_PIDFD, 99, &info, WEXITED, 0);
	char *args[] = { "none", 0 };
	CALL(execve, "no file", "none", args, args + 1);
	CALL(execve, "bad pointer", BAD, args, args + 1);
	CALL(execveat, "bad fd", 99, "none", args, args + 1, 0);
	return 0;
}
