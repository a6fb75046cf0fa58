/* A stack of 4 MiB: by alloca, and by recursion. */
#include <alloca.h>
#include <stdio.h>
#include <string.h>

static unsigned __attribute__((noinline)) recurse(int n)
{
	volatile unsigned char frame[4000];
	frame[n % 4000] = (unsigned char)n;
	if (n == 0)
		return 1;
	return recurse(n - 1) * 31 + frame[n % 4000];
}

static int __attribute__((noinline)) large(void)
{
	unsigned char *p = alloca(4 << 20);
	memset(p, 'x', 4 << 20);
	int sum = 0;
	for (int i = 0; i < 4 << 20; i += 4096)
		sum += p[i];
	return sum;
}

int main(void)
{
	printf("alloca %d\n", large());
	printf("recursion %u\n", recurse(1000));
	volatile unsigned char jump[3 << 20];
	jump[0] = 1;
	jump[sizeof jump - 1] = 2;
	printf("frame %d\n", jump[0] + jump[sizeof jump - 1]);
	return 0;
}
