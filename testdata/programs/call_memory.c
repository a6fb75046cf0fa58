/* Mapping and what can be said about mappings. */
#include "call.h"
#include <sys/mman.h>
#include <sys/uio.h>

enum { PAGE = 4096 };

static char *page(int n)
{
	char *p = mmap(0, (size_t)n * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED) {
		printf("mmap: %m\n");
		exit(1);
	}
	return p;
}

static void breaks(void)
{
	unsigned char *was = (unsigned char *)CALL(brk, "now", 0);
	unsigned char *more = (unsigned char *)CALL(brk, "more", was + 3 * PAGE);
	data("%ld", (long)(more - was));
	more[-1] = 7;
	more = (unsigned char *)CALL(brk, "less", was + PAGE);
	data("%ld", (long)(more - was));
	more = (unsigned char *)CALL(brk, "below the program", 4096);
	data("%ld", (long)(more - was));
	syscall(SYS_brk, was);
}

static void maps_files(struct which w, int fd, int ro, int wo, long second)
{
	char *p = (char *)CALL_OF(w, "anonymous", 0, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	data("%d %d", p[0], p[2 * PAGE - 1]);
	CALL_OF(w, "fixed", p, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	CALL_OF(w, "not over a mapping", p, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	CALL_OF(w, "fixed, not aligned", p + 1, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	munmap(p, 2 * PAGE);
	p = (char *)CALL_OF(w, "file", 0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, second);
	data("%.6s", p);
	p[0] = 'X';
	munmap(p, PAGE);
	CALL_OF(w, "file, read-only and shared", 0, PAGE, PROT_READ, MAP_SHARED, ro, 0);
	CALL_OF(w, "no length", 0, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CALL_OF(w, "neither shared nor private", 0, PAGE, PROT_READ, MAP_ANONYMOUS, -1, 0);
	CALL_OF(w, "bad fd", 0, PAGE, PROT_READ, MAP_PRIVATE, 99, 0);
	CALL_OF(w, "file that cannot be read", 0, PAGE, PROT_READ, MAP_PRIVATE, wo, 0);
	CALL_OF(w, "shared and writable of a read-only file", 0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, ro, 0);
	CALL_OF(w, "too large", 0, -PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void unmaps(void)
{
	char *p = page(4);
	CALL(munmap, "in the middle", p + PAGE, PAGE);
	CALL(munmap, "again", p + PAGE, PAGE);
	CALL(munmap, "not aligned", p + 1, PAGE);
	CALL(munmap, "no length", p, 0);
	CALL(mprotect, "read-only", p, PAGE, PROT_READ);
	CALL(read, "into read-only memory", opened("file", O_RDONLY), p, 4);
	CALL(mprotect, "back", p, PAGE, PROT_READ | PROT_WRITE);
	CALL(mprotect, "over a hole", p, 4 * PAGE, PROT_READ);
	CALL(mprotect, "not aligned", p + 1, PAGE, PROT_READ);
	CALL(mprotect, "unknown right", p, PAGE, 0x100);
	CALL(mprotect, "no length", p, 0, PROT_READ);
	munmap(p, 4 * PAGE);

	p = page(2);
	strcpy(p + PAGE, "moves along");
	char *q = (char *)CALL(mremap, "larger, may move", p, 2 * PAGE, 64 * PAGE, MREMAP_MAYMOVE);
	data("%s %d", q + PAGE, q[63 * PAGE]);
	p = (char *)CALL(mremap, "smaller", q, 64 * PAGE, 2 * PAGE, 0);
	data("%d", p == q);
	p = page(3);
	CALL(mremap, "larger without room", p, PAGE, 2 * PAGE, 0);
	CALL(mremap, "not aligned", p + 1, PAGE, 2 * PAGE, MREMAP_MAYMOVE);
	CALL(mremap, "no new length", p, PAGE, 0, MREMAP_MAYMOVE);
	CALL(mremap, "bad flag", p, PAGE, PAGE, 1 << 10);
	CALL(mremap, "nothing there", BAD + PAGE - 16, PAGE, 2 * PAGE, MREMAP_MAYMOVE);
	munmap(p, 3 * PAGE);
}

static void advice(void)
{
	char *p = page(3);
	unsigned char resident[4] = { 0, 0, 0, 0 };
	p[0] = 1;
	CALL(madvise, "not needed", p, PAGE, MADV_DONTNEED);
	data("%d", p[0]);
	CALL(madvise, "will be needed", p, PAGE, MADV_WILLNEED);
	CALL(madvise, "random", p, PAGE, MADV_RANDOM);
	CALL(madvise, "not aligned", p + 1, PAGE, MADV_NORMAL);
	CALL(madvise, "no such advice", p, PAGE, 9999);
	memset(p, 1, 3 * PAGE);
	CALL(mincore, "three", p, 3 * PAGE, resident);
	data("%d %d %d", resident[0] & 1, resident[1] & 1, resident[2] & 1);
	CALL(mincore, "not aligned", p + 1, PAGE, resident);
	CALL(mincore, "bad pointer", p, PAGE, BAD);
	CALL(msync, "anonymous", p, PAGE, MS_SYNC);
	CALL(msync, "both ways", p, PAGE, MS_SYNC | MS_ASYNC);
	CALL(msync, "not aligned", p + 1, PAGE, MS_SYNC);
	CALL(msync, "bad flag", p, PAGE, 1 << 10);
	CALL(mlock, "page", p, PAGE);
	CALL(munlock, "page", p, PAGE);
	CALL(mlock2, "on fault", p, PAGE, 1);
	CALL(mlock2, "bad flag", p, PAGE, 1 << 10);
	munlock(p, PAGE);
	munmap(p + PAGE, PAGE);
	CALL(mincore, "over a hole", p, 3 * PAGE, resident);
	CALL(msync, "over a hole", p, 3 * PAGE, MS_SYNC);
	CALL(madvise, "over a hole", p, 3 * PAGE, MADV_DONTNEED);
	CALL(mlock, "over a hole", p, 3 * PAGE);
	CALL(munlock, "over a hole", p, 3 * PAGE);
	CALL(mlock2, "over a hole", p, 3 * PAGE, 0);
	CALL(mlockall, "no flag", 0);
	CALL(mlockall, "bad flag", 64);
	CALL(mlockall, "what comes, on fault", 2 | 4);
	CALL(munlockall, "");
	munmap(p, 3 * PAGE);
}

static void others(int fd)
{
	char *p = mmap(0, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CALL(remap_file_pages, "the same", p, PAGE, 0, 0, 0);
	CALL(remap_file_pages, "with rights", p, PAGE, PROT_READ, 0, 0);
	CALL(remap_file_pages, "not shared", page(1), PAGE, 0, 0, 0);
	CALL(membarrier, "which are there", 0, 0, 0);
	CALL(membarrier, "private, not registered", 8, 0, 0);
	CALL(membarrier, "bad flag", 0, 99, 0);
	CALL(membarrier, "no such command", 1 << 30, 0, 0);
	p = page(1);
	CALL(pkey_mprotect, "no key", p, PAGE, PROT_READ, -1);
	CALL(pkey_mprotect, "key that is not allocated", p, PAGE, PROT_READ, 15);
	CALL(pkey_alloc, "bad flag", 1, 0);
	CALL(pkey_free, "not allocated", 15);
	CALL(get_mempolicy, "default", 0, 0, 0, 0, 0);
	CALL(get_mempolicy, "bad flag", 0, 0, 0, 0, 1 << 10);
	CALL(set_mempolicy, "default", 0, 0, 0);
	CALL(set_mempolicy, "no such", 99, 0, 0);
	CALL(mbind, "default", p, PAGE, 0, 0, 0, 0);
	CALL(mbind, "no such", p, PAGE, 99, 0, 0, 0);
	struct iovec range = { p, PAGE };
	int self = syscall(SYS_pidfd_open, getpid(), 0);
	NUMBER(process_madvise, "pidfd_open: own page", self, &range, 1, MADV_COLD, 0);
	CALL(process_madvise, "bad fd", 99, &range, 1, MADV_COLD, 0);
}

int main(void)
{
	char text[2 * PAGE];
	memset(text, '.', sizeof text);
	memcpy(text, "first ", 6);
	memcpy(text + PAGE, "second", 6);
	int fd = opened("file", O_RDWR | O_CREAT);
	if (write(fd, text, sizeof text) != sizeof text)
		return 1;
	int ro = opened("file", O_RDONLY), wo = opened("file", O_WRONLY);
	breaks();
#ifdef __i386__
	maps_files(WHICH(mmap2), fd, ro, wo, 1);
	struct {
		unsigned long addr, len, prot, flags, fd, offset;
	} old = { 0, PAGE, PROT_READ, MAP_PRIVATE, fd, PAGE };
	char *p = (char *)CALL(mmap, "file", &old);
	data("%.6s", p);
	old.offset = 1;
	CALL(mmap, "offset not aligned", &old);
	CALL(mmap, "bad pointer", BAD);
#else
	maps_files(WHICH(mmap), fd, ro, wo, PAGE);
	CALL(mmap, "offset not aligned", 0, PAGE, PROT_READ, MAP_PRIVATE, fd, 1);
#endif
	unmaps();
	advice();
	others(fd);
	return 0;
}
