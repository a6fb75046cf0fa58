/* brk, mmap, mprotect, mremap, munmap: results, errors, contents. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PAGE = 4096 };

#ifdef SYS_mmap2
#define SYS_MMAP SYS_mmap2
#else
#define SYS_MMAP SYS_mmap
#endif

static void say(const char *what, int ok)
{
	printf("%s: %s%s%s\n", what, ok ? "ok" : "FAILED", ok ? "" : " ", ok ? "" : strerror(errno));
}

static int all(const unsigned char *p, size_t n, int c)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != c)
			return 0;
	return 1;
}

static void failing(const char *what, void *p)
{
	printf("%s: %s\n", what, p == MAP_FAILED ? strerror(errno) : "succeeded");
}

int main(void)
{
#ifdef __GLIBC__ /* musl's sbrk does nothing */
	char *old = sbrk(0);
	say("sbrk grows", sbrk(3 * PAGE + 100) == old);
	memset(old, 'b', 3 * PAGE + 100);
	say("sbrk shrinks", sbrk(-(3 * PAGE + 100)) != (void *)-1 && sbrk(0) == old);
	sbrk(3 * PAGE);
	say("fresh pages are zero", all((unsigned char *)(((uintptr_t)old + PAGE - 1) & -PAGE), 2 * PAGE, 0));
#endif

	unsigned char *p = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	say("mmap", p != MAP_FAILED && (uintptr_t)p % PAGE == 0 && all(p, 16 * PAGE, 0));
	memset(p, 'm', 16 * PAGE);
	say("munmap of a page in the middle", munmap(p + 5 * PAGE, PAGE) == 0);
	say("neighbours are intact", all(p, 5 * PAGE, 'm') && all(p + 6 * PAGE, 10 * PAGE, 'm'));
	unsigned char *q = mmap(p + 5 * PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	say("MAP_FIXED fills the hole", q == p + 5 * PAGE && all(q, PAGE, 0));
	q = mmap(p + 2 * PAGE, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	say("MAP_FIXED replaces", q == p + 2 * PAGE && all(q, 2 * PAGE, 0) && all(p, 2 * PAGE, 'm') && all(p + 4 * PAGE, PAGE, 'm'));
	say("mprotect to read", mprotect(p + PAGE, PAGE, PROT_READ) == 0);
	say("read works", p[PAGE] == 'm');
	/* The kernel refuses to write where the guest may not. */
	int fd = open("data.bin", O_RDONLY);
	errno = 0;
	ssize_t n = read(fd, p + PAGE, 10);
	printf("read into a read-only page: %zd %s\n", n, n < 0 ? strerror(errno) : "");
	say("mprotect back", mprotect(p + PAGE, PAGE, PROT_READ | PROT_WRITE) == 0);
	p[PAGE] = 'w';
	say("mprotect to none and back keeps contents", mprotect(p + 8 * PAGE, 4 * PAGE, PROT_NONE) == 0 && mprotect(p + 8 * PAGE, 4 * PAGE, PROT_READ | PROT_WRITE) == 0 && all(p + 8 * PAGE, 4 * PAGE, 'm'));
	errno = 0;
	n = write(1, (void *)16, 4);
	printf("write from a bad address: %zd %s\n", n, strerror(errno));
	say("munmap all", munmap(p, 16 * PAGE) == 0);
	int rc = mprotect(p, PAGE, PROT_READ);
	printf("mprotect of nothing: %d %s\n", rc, strerror(errno));
	say("munmap of nothing", munmap(p, 16 * PAGE) == 0);

	p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < 4; i++)
		memset(p + i * PAGE, 'a' + i, PAGE);
	q = mremap(p, 4 * PAGE, 400 * PAGE, MREMAP_MAYMOVE);
	say("mremap grows", q != MAP_FAILED && q[0] == 'a' && q[3 * PAGE] == 'd' && all(q + 4 * PAGE, 396 * PAGE, 0));
	p = mremap(q, 400 * PAGE, 2 * PAGE, 0);
	say("mremap shrinks", p == q && p[PAGE] == 'b');
	unsigned char *room = mmap(NULL, 8 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	q = mremap(p, 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room);
	say("mremap to a place", q == room && q[0] == 'a' && q[PAGE] == 'b' && q[2 * PAGE] == 0);
	failing("mremap of an odd address", mremap(q + 1, PAGE, PAGE, 0));
	failing("mmap of nothing", mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	failing("mmap without a kind", mmap(NULL, PAGE, PROT_READ, MAP_ANONYMOUS, -1, 0));
	failing("mmap of a bad descriptor", mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, 99, 0));
	failing("MAP_FIXED at an odd address", mmap(q + 7, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	failing("MAP_FIXED_NOREPLACE on a mapping", mmap(q, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));

	/* Private file mappings: contents, the tail of the last page, copy on write. */
	unsigned char head[16];
	pread(fd, head, sizeof head, 4096);
	p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	say("file mapping", p != MAP_FAILED && !memcmp(p + 4096, head, sizeof head));
	say("tail is zero", all(p + 5000, 2 * PAGE - 5000, 0));
	p[0] ^= 0xff;
	unsigned char first;
	pread(fd, &first, 1, 0);
	say("copy on write", first == (p[0] ^ 0xff));
	munmap(p, 2 * PAGE);
	p = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, PAGE);
	say("file mapping at an offset", p != MAP_FAILED && !memcmp(p, head, sizeof head));
	failing("file mapping at an odd offset", (void *)syscall(SYS_MMAP, NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0x7fffffff) == MAP_FAILED ? MAP_FAILED : NULL);

	/* A reservation that is used page by page, as allocators do. */
	p = mmap(NULL, 256 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	say("reservation", p != MAP_FAILED);
	int good = 1;
	for (int i = 0; i < 256; i += 5) {
		unsigned char *at = p + ((size_t)i << 20) + 3 * PAGE;
		if (mprotect(at, 2 * PAGE, PROT_READ | PROT_WRITE))
			good = 0;
		else
			memset(at, i, 2 * PAGE);
	}
	for (int i = 0; i < 256; i += 5)
		good &= all(p + ((size_t)i << 20) + 3 * PAGE, 2 * PAGE, i);
	say("pages inside it", good);
	unsigned char *at = p + 3 * PAGE;
	say("MADV_DONTNEED", madvise(p + (5 << 20) + 3 * PAGE, 2 * PAGE, MADV_DONTNEED) == 0 && all(p + (5 << 20) + 3 * PAGE, 2 * PAGE, 0));
	say("the first is intact", all(at, 2 * PAGE, 0));
	say("munmap of the reservation", munmap(p, 256 << 20) == 0);
	/* Many small mappings at once. */
	unsigned char *many[300];
	good = 1;
	for (int i = 0; i < 300; i++) {
		many[i] = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (many[i] == MAP_FAILED)
			good = 0;
		else
			memset(many[i], i, PAGE);
	}
	for (int i = 0; good && i < 300; i++)
		good &= all(many[i], PAGE, i & 0xff) && munmap(many[i], PAGE) == 0;
	say("300 small mappings", good);

#ifdef __LP64__
	/* A reservation costs nothing, whatever its size; its ends and its middle can be used. */
	const size_t huge = 400UL << 30;
	p = mmap(NULL, huge, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	say("reservation of 400 GiB", p != MAP_FAILED);
	if (p != MAP_FAILED) {
		unsigned char *places[] = { p, p + huge / 2 - PAGE, p + huge - PAGE };
		good = 1;
		for (int i = 0; i < 3; i++) {
			good &= mprotect(places[i], PAGE, PROT_READ | PROT_WRITE) == 0;
			if (good)
				memset(places[i], i + 1, PAGE);
		}
		for (int i = 0; good && i < 3; i++)
			good &= all(places[i], PAGE, i + 1);
		say("its ends and middle", good);
		say("munmap of 400 GiB", munmap(p, huge) == 0);
	}
	/* Where Go's heap goes. */
	void *const hint = (void *)0xc000000000;
	p = mmap(hint, 64 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	say("a hint is followed", p == hint);
	q = mmap(hint, 64 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	say("MAP_FIXED over it", q == hint && all(q, PAGE, 0) && all(q + (64 << 20) - PAGE, PAGE, 0));
	q = mmap(hint, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	say("a hint that is taken", q != MAP_FAILED && q != hint);
	q = mmap((void *)0x400000000000, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	say("64 TiB up", q == (void *)0x400000000000 && all(q, PAGE, 0));
	failing("beyond the end", mmap((void *)(1UL << 47), PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	failing("more than there is", mmap(NULL, 1UL << 47, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
#endif
	return 0;
}
