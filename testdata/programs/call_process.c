/* The end, and those who wait for it. */
#include "call.h"
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

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
	CALL(wait4, "no child", -1, &status, 0, 0);
	CALL(wait4, "no such child", 0x3fffffff, &status, 0, 0);
	CALL(wait4, "bad option", -1, &status, 1 << 20, 0);
#ifdef SYS_waitpid
	CALL(waitpid, "no child", -1, &status, 0);
	CALL(waitpid, "bad option", -1, &status, 1 << 20);
#endif
	CALL(waitid, "no child", P_ALL, 0, &info, WEXITED, 0);
	CALL(waitid, "nothing to wait for", P_ALL, 0, &info, 0, 0);
	CALL(waitid, "no such kind", 99, 0, &info, WEXITED, 0);
	char *args[] = { "none", 0 };
	CALL(execve, "no file", "none", args, args + 1);
	CALL(execve, "bad pointer", BAD, args, args + 1);
	CALL(execveat, "bad fd", 99, "none", args, args + 1, 0);
	return 0;
}
