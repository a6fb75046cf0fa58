/* fork, vfork by way of system, popen; thread-local memory on both sides. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static __thread int mine = 5;

int main(void)
{
	for (int i = 0; i < 3; i++) {
		fflush(stdout);
		pid_t k = fork();
		if (!k) {
			mine += i;
			close(-1);
			printf("child %d errno %d\n", mine, errno);
			fflush(stdout);
			_exit(mine);
		}
		int st;
		waitpid(k, &st, 0);
		printf("%d %d\n", mine, WEXITSTATUS(st));
	}
	fflush(stdout);
	printf("%d\n", system("exit 7") >> 8);
	char line[64] = "";
	FILE *f = popen("echo from a child", "r");
	if (!f || !fgets(line, sizeof line, f))
		return 1;
	printf("%s%d\n", line, pclose(f));
	return 3;
}
