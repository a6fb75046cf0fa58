/* Random memory operations with a seed: every result, what /proc/self/maps
 * says of each page, and what the pages hold. Two windows: in the first one
 * private mappings of pages, in the second one shared mappings of files that
 * grow and shrink, in slots of 128 KiB.
 *
 * usage: mem_random SEED ROUNDS */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PAGE = 4096, PRIVATE = 96, SLOT = 32, SLOTS = 6, SHARED = SLOT * SLOTS };

static uint64_t state;
static unsigned char *priv, *shrd;
static int scratch, fixedfile, file[2];
static char maps[1 << 20];

static unsigned rnd(unsigned n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(state >> 33) % n;
}

static const char *result(void *p, unsigned char *base)
{
	static char b[32];
	if (p == MAP_FAILED)
		return strerrorname_np(errno);
	snprintf(b, sizeof b, "%ld", (long)((unsigned char *)p - base));
	return b;
}

static const char *status(long r)
{
	static char b[32];
	if (r < 0)
		return strerrorname_np(errno);
	snprintf(b, sizeof b, "%ld", r);
	return b;
}

/* what each page of a window is, alike ones in one word */
static void describe(const char *what, unsigned char *base, int pages)
{
	char last[128] = "", word[128];
	long run = 0;
	printf(" %s:", what);
	for (int i = 0; i <= pages; i++) {
		unsigned long at = (unsigned long)base + (unsigned long)i * PAGE, lo, hi, off;
		word[0] = 0;
		for (char *line = maps; i < pages && *line; line = strchr(line, '\n') + 1) {
			char perm[8];
			int end = 0;
			if (sscanf(line, "%lx-%lx %7s %lx %*s %*s%n", &lo, &hi, perm, &off, &end) < 4 || at < lo || at >= hi)
				continue;
			char *nl = strchr(line, '\n'), *name = nl;
			while (name > line + end && name[-1] != '/' && name[-1] != ' ')
				name--;
			if (name > line + end && nl - name > 1)
				snprintf(word, sizeof word, "%s,%.*s,%ld", perm, (int)(nl - name), name, (long)(off + at - lo) / PAGE - i);
			else
				snprintf(word, sizeof word, "%s", perm);
			break;
		}
		if (i == pages || (i > 0 && strcmp(word, last) != 0)) {
			printf(" %ld*%s", run, last[0] ? last : "-");
			run = 0;
		}
		strcpy(last, word);
		run++;
	}
}

/* sums up what can be read; the kernel looks, so that nothing faults */
static unsigned long contents(unsigned char *base, int pages)
{
	static unsigned char b[PAGE];
	unsigned long sum = 0;
	for (int i = 0; i < pages; i++) {
		if (pwrite(scratch, base + (long)i * PAGE, PAGE, 0) != PAGE) {
			sum = sum * 31 + (unsigned)errno;
			continue;
		}
		if (pread(scratch, b, PAGE, 0) != PAGE)
			abort();
		for (int k = 0; k < PAGE; k += 8) {
			uint64_t v;
			memcpy(&v, b + k, 8);
			sum = sum * 31 + (unsigned long)(v ^ v >> 29);
		}
	}
	return sum & 0xffffffff;
}

static void report(void)
{
	int fd = open("/proc/self/maps", O_RDONLY);
	size_t n = 0;
	for (ssize_t k; (k = read(fd, maps + n, sizeof maps - 1 - n)) > 0;)
		n += (size_t)k;
	maps[n] = 0;
	close(fd);
	describe("private", priv, PRIVATE);
	describe("shared", shrd, SHARED);
	printf(" sums %08lx %08lx\n", contents(priv, PRIVATE), contents(shrd, SHARED));
}

/* lets the kernel write to a page, if the page allows it */
static long poke(unsigned char *page, unsigned char v)
{
	static unsigned char b[16];
	memset(b, v, sizeof b);
	pwrite(scratch, b, sizeof b, PAGE);
	return pread(scratch, page + v, sizeof b, PAGE);
}

static void private_op(void)
{
	static const int prots[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE};
	int n = 1 + (int)rnd(20), at = (int)rnd(PRIVATE - 20), to = (int)rnd(PRIVATE - 8), prot = prots[rnd(4)];
	int fixed = rnd(4) == 0 ? MAP_FIXED_NOREPLACE : MAP_FIXED;
	unsigned char *p = priv + (long)at * PAGE;
	switch (rnd(9)) {
	case 0:
	case 1:
		printf("mmap %d+%d %d:", at, n, prot);
		printf(" %s", result(mmap(p, (size_t)n * PAGE - rnd(PAGE), prot, MAP_PRIVATE | MAP_ANONYMOUS | fixed, -1, 0), priv));
		break;
	case 2: {
		int off = (int)rnd(30);
		printf("mmap file %d+%d %d at %d:", at, n, prot, off);
		printf(" %s", result(mmap(p, (size_t)n * PAGE, prot, MAP_PRIVATE | fixed, fixedfile, (off_t)off * PAGE), priv));
		break;
	}
	case 3:
		printf("munmap %d+%d:", at, n);
		printf(" %s", status(munmap(p, (size_t)n * PAGE)));
		break;
	case 4:
	case 5:
		printf("mprotect %d+%d %d:", at, n, prot);
		printf(" %s", status(mprotect(p, (size_t)n * PAGE, prot)));
		break;
	case 6:
		printf("dontneed %d+%d:", at, n);
		printf(" %s", status(madvise(p, (size_t)n * PAGE, MADV_DONTNEED)));
		break;
	case 7: {
		int size = 1 + (int)rnd(8), flags = rnd(2) ? MREMAP_FIXED | MREMAP_MAYMOVE : 0;
		printf("mremap %d to %d+%d %d:", at, to, size, flags);
		printf(" %s", result(mremap(p, PAGE, (size_t)size * PAGE, flags, priv + (long)to * PAGE), priv));
		break;
	}
	case 8:
		printf("msync %d+%d:", at, n);
		printf(" %s", status(msync(p, (size_t)n * PAGE, MS_ASYNC)));
		break;
	}
	for (int i = 0; i < 4; i++)
		printf(" %s", status(poke(priv + (long)rnd(PRIVATE) * PAGE, (unsigned char)rnd(200))));
}

static void shared_op(void)
{
	static const int prots[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE};
	int slot = (int)rnd(SLOTS), other = (int)rnd(SLOTS), prot = prots[rnd(4)], f = (int)rnd(2);
	int from = (int)rnd(SLOT), n = 1 + (int)rnd(SLOT - (unsigned)from);
	unsigned char *p = shrd + (long)slot * SLOT * PAGE;
	switch (rnd(12)) {
	case 0:
	case 1:
	case 2: {
		int off = (int)rnd(5) * 16, size = 1 + (int)rnd(SLOT);
		printf("slot %d file %d at %d +%d %d:", slot, f, off, size, prot);
		munmap(p, SLOT * PAGE);
		printf(" %s", result(mmap(p, (size_t)size * PAGE, prot, MAP_SHARED | MAP_FIXED, file[f], (off_t)off * PAGE), shrd));
		break;
	}
	case 3:
		printf("slot %d anonymous %d:", slot, prot);
		munmap(p, SLOT * PAGE);
		printf(" %s", result(mmap(p, SLOT * PAGE, prot, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0), shrd));
		break;
	case 4:
		printf("slot %d private %d:", slot, prot);
		printf(" %s", result(mmap(p, SLOT * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), shrd));
		break;
	case 5:
		printf("slot %d munmap %d+%d:", slot, from, n);
		printf(" %s", status(munmap(p + (long)from * PAGE, (size_t)n * PAGE)));
		break;
	case 6:
		printf("slot %d mprotect %d+%d %d:", slot, from, n, prot);
		printf(" %s", status(mprotect(p + (long)from * PAGE, (size_t)n * PAGE, prot)));
		break;
	case 7: {
		long size = (long)rnd(120 * PAGE);
		printf("ftruncate %d %ld:", f, size);
		printf(" %s", status(ftruncate(file[f], size)));
		break;
	}
	case 8: {
		long at = (long)rnd(120 * PAGE);
		printf("pwrite %d at %ld:", f, at);
		printf(" %s", status(pwrite(file[f], "0123456789abcdef", 16, at)));
		break;
	}
	case 9:
		printf("slot %d twice, in %d:", slot, other);
		if (other == slot) {
			printf(" no");
			break;
		}
		munmap(shrd + (long)other * SLOT * PAGE, SLOT * PAGE);
		printf(" %s", result(mremap(p, 0, SLOT * PAGE, MREMAP_FIXED | MREMAP_MAYMOVE, shrd + (long)other * SLOT * PAGE), shrd));
		break;
	case 10:
		printf("slot %d msync, dontneed %d+%d:", slot, from, n);
		printf(" %s", status(msync(p + (long)from * PAGE, (size_t)n * PAGE, MS_SYNC)));
		printf(" %s", status(madvise(p + (long)from * PAGE, (size_t)n * PAGE, MADV_DONTNEED)));
		break;
	case 11:
		printf("slot %d to %d:", slot, other);
		/* one mapping, since Linux 6.17 also moves several */
		if (other == slot || mprotect(p, 8 * PAGE, PROT_READ | PROT_WRITE) < 0) {
			printf(" no");
			break;
		}
		munmap(shrd + (long)other * SLOT * PAGE, SLOT * PAGE);
		printf(" %s", result(mremap(p, 8 * PAGE, 8 * PAGE, MREMAP_FIXED | MREMAP_MAYMOVE, shrd + (long)other * SLOT * PAGE), shrd));
		break;
	}
	for (int i = 0; i < 4; i++)
		printf(" %s", status(poke(shrd + (long)rnd(SHARED) * PAGE, (unsigned char)rnd(200))));
}

static void heap_op(void)
{
	unsigned char *old = (unsigned char *)syscall(SYS_brk, 0);
	long n = (long)rnd(64) * PAGE + (long)rnd(3);
	unsigned char *end = (unsigned char *)syscall(SYS_brk, old + n);
	printf("brk +%ld: %ld", n, (long)(end - old));
	for (unsigned char *p = old; p < end; p++) {
		if (*p) {
			printf(" not zero at %ld", (long)(p - old));
			break;
		}
		*p = 'h';
	}
	printf(" %ld", (long)((unsigned char *)syscall(SYS_brk, old) - old));
	memset(old - 16, 0, 16);
	for (unsigned char *p = old; (uintptr_t)p % PAGE; p++) /* the rest of the last page stays */
		*p = 0;
}

static unsigned char *window(size_t size)
{
	unsigned char *p = mmap(NULL, size + 0x10000, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned char *a = (unsigned char *)(((uintptr_t)p + 0xffff) & ~(uintptr_t)0xffff);
	munmap(p, size + 0x10000);
	return a;
}

static int make(const char *name, int pages, int more)
{
	static unsigned char b[PAGE];
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);
	for (int i = 0; i <= pages; i++) {
		memset(b, i + 1, sizeof b);
		if (write(fd, b, i < pages ? PAGE : (size_t)more) < 0)
			perror(name);
	}
	return fd;
}

int main(int argc, char **argv)
{
	static char out[1 << 16];
	setvbuf(stdout, out, _IOFBF, sizeof out);
	state = argc > 1 ? strtoul(argv[1], 0, 10) : 1;
	int rounds = argc > 2 ? atoi(argv[2]) : 200;
	scratch = open("scratch", O_RDWR | O_CREAT, 0644);
	if (ftruncate(scratch, 2 * PAGE) < 0)
		perror("scratch");
	fixedfile = make("fixed", 40, 100);
	file[0] = make("first", 50, 1);
	file[1] = make("second", 10, 4000);
	shrd = window(SHARED * PAGE);
	mmap(shrd, SHARED * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	priv = window(PRIVATE * PAGE);
	for (int i = 0; i < rounds; i++) {
		printf("%d ", i);
		switch (rnd(8)) {
		case 0:
		case 1:
		case 2:
			private_op();
			break;
		case 3:
			heap_op();
			break;
		default:
			shared_op();
		}
		report();
	}
	return 0;
}
