/* The ways to end. */
#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void first(void) { printf("first\n"); }
static void second(void) { printf("second\n"); }

static void leave(void)
{
	printf("leaving\n");
	fflush(stdout);
	_exit(9);
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	int n = argc > 2 ? atoi(argv[2]) : 0;
	printf("%s\n", how);
	if (!strcmp(how, "exit"))
		exit(n);
	if (!strcmp(how, "return"))
		return n;
	if (!strcmp(how, "_exit")) {
		printf("is lost in the buffer");
		_exit(n);
	}
	if (!strcmp(how, "thread-exit")) {
		fflush(stdout);
		syscall(SYS_exit, n);
	}
	if (!strcmp(how, "atexit")) {
		atexit(first);
		atexit(second);
		exit(n);
	}
	if (!strcmp(how, "_exit-in-atexit")) {
		atexit(leave);
		exit(n);
	}
	fflush(stdout);
	if (!strcmp(how, "abort"))
		abort();
	if (!strcmp(how, "assert"))
		assert(n == 1);
	if (!strcmp(how, "raise"))
		raise(n);
	if (!strcmp(how, "kill"))
		kill(getpid(), n);
	return 99;
}
