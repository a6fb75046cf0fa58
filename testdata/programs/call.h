/*
 * Raw system calls and what they answer. Each prints one line,
 *
 *	NAME(LABEL) = RESULT
 *
 * where RESULT is an error's name, "ok", or the number where it is the same on
 * every machine. Lines that begin with a tab are the data of the call above.
 * A label that begins with another call's name and a colon says that the result
 * is nothing to compare where that other call does not exist.
 * difftest/calls.go reads this.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* An address where nothing is, and one that is not aligned either. */
#define BAD ((void *)16)
#define ODD ((void *)17)

/* A 64-bit argument: two registers of IA-32, the lower half first. */
#ifdef __i386__
#define WIDE(x) (long)(uint32_t)(uint64_t)(x), (long)(uint32_t)((uint64_t)(x) >> 32)
#else
#define WIDE(x) (long)(x)
#endif

/* The kernel's structures for the 64-bit times of both widths, and its sigset. */
struct time64 {
	int64_t sec, nsec;
};
struct oldtime {
	long sec, nsec;
};
typedef uint64_t kernel_sigset;

static inline long call_line(const char *name, int as_number, long nr, const char *label, long a, long b, long c, long d, long e, long f)
{
	fflush(stdout);
	errno = 0;
	long r = syscall(nr, a, b, c, d, e, f);
	int err = errno;
	if (r == -1 && err != 0)
		printf("%s(%s) = %s\n", name, label, strerrorname_np(err) ? strerrorname_np(err) : "E?");
	else if (as_number)
		printf("%s(%s) = %ld\n", name, label, r);
	else
		printf("%s(%s) = ok\n", name, label);
	errno = err;
	return r;
}

#define CALL_SIX(name, as_number, nr, label, ...) CALL_CUT(name, as_number, nr, label, __VA_ARGS__, 0)
#define CALL_CUT(name, as_number, nr, label, a, b, c, d, e, f, ...) \
	call_line(name, as_number, nr, label, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

/* CALL(openat, "no file", AT_FDCWD, "x", O_RDONLY) says ok; NUMBER says the number. */
#define CALL(name, label, ...) CALL_SIX(#name, 0, SYS_##name, label __VA_OPT__(, ) __VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define NUMBER(name, label, ...) CALL_SIX(#name, 1, SYS_##name, label __VA_OPT__(, ) __VA_ARGS__, 0, 0, 0, 0, 0, 0)

/* The same for a call whose name and number are variables: families of calls. */
#define CALL_OF(which, label, ...) CALL_SIX((which).name, 0, (which).nr, label __VA_OPT__(, ) __VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define NUMBER_OF(which, label, ...) CALL_SIX((which).name, 1, (which).nr, label __VA_OPT__(, ) __VA_ARGS__, 0, 0, 0, 0, 0, 0)

struct which {
	const char *name;
	long nr;
};
#define WHICH(name) ((struct which){ #name, SYS_##name })

/* Data of the last call. */
__attribute__((format(printf, 1, 2))) static inline void data(const char *format, ...)
{
	va_list ap;
	putchar('\t');
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	putchar('\n');
}

/* A file with the text, made without a call under test where that can be. */
static inline void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	if (!f || fputs(text, f) < 0 || fclose(f)) {
		printf("%s: %m\n", path);
		exit(1);
	}
}

static inline int opened(const char *path, int flags)
{
	int fd = open(path, flags, 0644);
	if (fd < 0) {
		printf("%s: %m\n", path);
		exit(1);
	}
	return fd;
}
