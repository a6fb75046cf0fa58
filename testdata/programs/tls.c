/* Thread-local variables of the main thread, and errno. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static __thread int zero;
static __thread int set = 42;
static __thread char text[] = "thread-local";
static __thread double aligned __attribute__((aligned(64))) = 2.5;
static __thread char big[20000];
static __thread struct { int a[10]; } *pointer;

static int __attribute__((noinline)) bump(int by)
{
	set += by;
	zero -= by;
	return set * zero;
}

int main(void)
{
	printf("%d %d %s %g aligned %d\n", zero, set, text, aligned, (int)((unsigned long)&aligned % 64));
	int sum = 0;
	for (int i = 0; i < 1000; i++)
		sum += bump(i);
	printf("%d %d %d\n", zero, set, sum);
	memset(big, 'x', sizeof big);
	big[sizeof big - 1] = 0;
	printf("%d\n", (int)strlen(big));
	static struct { int a[10]; } target;
	pointer = (void *)&target;
	pointer->a[3] = 3;
	printf("%d\n", target.a[3]);
	errno = 0;
	int rc = close(-1);
	printf("%d %s\n", rc, strerror(errno));
	int *where = &errno;
	*where = 5;
	printf("%d\n", errno);
	return 0;
}
