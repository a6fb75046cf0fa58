/* A program without a C library: its own _start and raw system calls. */
static inline int call(int n, int a, int b, int c)
{
	int rc;
	__asm__ volatile("int $0x80" : "=a"(rc) : "0"(n), "b"(a), "c"(b), "d"(c) : "memory");
	return rc;
}

static void put(const char *s)
{
	int n = 0;
	while (s[n])
		n++;
	call(4, 1, (int)s, n);
}

static void number(int v)
{
	char buf[16];
	int i = 15, negative = v < 0;
	unsigned u = negative ? -(unsigned)v : (unsigned)v;
	buf[i] = 0;
	do
		buf[--i] = '0' + u % 10;
	while (u /= 10);
	if (negative)
		buf[--i] = '-';
	put(buf + i);
}

/* What the registers hold at the start is the kernel's interface too. */
__asm__(".globl _start\n_start:\n\txor %ebp,%ebp\n\tmov %esp,%eax\n\tand $-16,%esp\n\tsub $12,%esp\n\tpush %eax\n\tcall start\n");

void __attribute__((used)) start(int *stack)
{
	int argc = stack[0];
	char **argv = (char **)(stack + 1);

	put("arguments ");
	number(argc);
	for (int i = 0; i < argc; i++) {
		put(" ");
		put(argv[i]);
	}
	put("\nclose of a bad descriptor: ");
	number(call(6, 99, 0, 0));
	put("\nunknown call: ");
	number(call(5555, 0, 0, 0));
	put("\nopen: ");
	int fd = call(5, (int)"a.txt", 0, 0);
	number(fd);
	char buf[16];
	int n = call(3, fd, (int)buf, 5);
	put("\nread: ");
	number(n);
	put(" ");
	buf[5] = 0;
	put(buf);
	put("\n");
	call(1, 3, 0, 0);
}
