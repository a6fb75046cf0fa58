/* A program without a C library: its own _start and raw system calls. */
#ifdef __x86_64__
enum { READ = 0, WRITE = 1, OPEN = 2, CLOSE = 3, EXIT = 60 };

static inline long call(long n, long a, long b, long c)
{
	long rc;
	__asm__ volatile("syscall" : "=a"(rc) : "0"(n), "D"(a), "S"(b), "d"(c) : "memory", "rcx", "r11");
	return rc;
}
#else
enum { READ = 3, WRITE = 4, OPEN = 5, CLOSE = 6, EXIT = 1 };

static inline long call(long n, long a, long b, long c)
{
	long rc;
	__asm__ volatile("int $0x80" : "=a"(rc) : "0"(n), "b"(a), "c"(b), "d"(c) : "memory");
	return rc;
}
#endif

static void put(const char *s)
{
	int n = 0;
	while (s[n])
		n++;
	call(WRITE, 1, (long)s, n);
}

static void number(long v)
{
	char buf[24];
	int i = 23, negative = v < 0;
	unsigned long u = negative ? -(unsigned long)v : (unsigned long)v;
	buf[i] = 0;
	do
		buf[--i] = '0' + u % 10;
	while (u /= 10);
	if (negative)
		buf[--i] = '-';
	put(buf + i);
}

/* What the registers hold at the start is the kernel's interface too. */
#ifdef __x86_64__
__asm__(".globl _start\n_start:\n\tpushf\n\tpop %rcx\n\tmov %rsp,%rdi\n\tmov %rbp,%rsi\n\tor %rbx,%rsi\n\tor %r12,%rsi\n\tor %r13,%rsi\n\tor %r14,%rsi\n\tor %r15,%rsi\n\t"
	"mov %rsp,%rdx\n\tand $15,%edx\n\tand $-16,%rsp\n\tcall start\n");
#else
__asm__(".globl _start\n_start:\n\tpushf\n\tpop %ecx\n\tmov %ebp,%esi\n\tor %ebx,%esi\n\tor %edi,%esi\n\tmov %esp,%eax\n\tmov %esp,%edx\n\tand $15,%edx\n\t"
	"and $-16,%esp\n\tpush %ecx\n\tpush %edx\n\tpush %esi\n\tpush %eax\n\tcall start\n");
#endif

void __attribute__((used)) start(long *stack, long registers, long odd, long flags)
{
	int argc = (int)stack[0];
	char **argv = (char **)(stack + 1);

	put("registers ");
	number(registers);
	put(" stack ");
	number(odd);
	put(" flags ");
	number(flags & 0x40500); /* trap, direction, alignment check: those that the ABI names */
	put("\narguments ");
	number(argc);
	for (int i = 0; i < argc; i++) {
		put(" ");
		put(argv[i]);
	}
	put("\nclose of a bad descriptor: ");
	number(call(CLOSE, 99, 0, 0));
	put("\nunknown call: ");
	number(call(5555, 0, 0, 0));
	put("\nopen: ");
	long fd = call(OPEN, (long)"a.txt", 0, 0);
	number(fd);
	char buf[16];
	long n = call(READ, fd, (long)buf, 5);
	put("\nread: ");
	number(n);
	put(" ");
	buf[5] = 0;
	put(buf);
	put("\n");
	call(EXIT, 3, 0, 0);
}
