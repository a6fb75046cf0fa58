/* Shared memory: files mapped twice, through read and write, after close,
 * rename and unlink; files that change their size; shared memory of no file;
 * memfd_create and its seals; limits.
 *
 * With an argument: ends with SIGBUS behind the end of a file ("bus", "cut",
 * "private"), SIGSEGV on a page of a view without access ("segv"). */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PAGE = 4096, RW = PROT_READ | PROT_WRITE };

static void tell(const char *what, long r)
{
	if (r == -1)
		printf("%s: %s\n", what, strerrorname_np(errno));
	else
		printf("%s: %ld\n", what, r);
}

static void map(const char *what, void *p)
{
	printf("%s: %s\n", what, p == MAP_FAILED ? strerrorname_np(errno) : "mapped");
}

static void files(void)
{
	char b[64] = "";
	int fd = open("data", O_RDWR | O_CREAT | O_TRUNC, 0644);
	tell("ftruncate", ftruncate(fd, 200000));
	char *p = mmap(NULL, 200000, RW, MAP_SHARED, fd, 0);
	char *q = mmap(NULL, 70000, PROT_READ, MAP_SHARED, fd, 0x10000);
	map("whole", p);
	map("part", q);
	strcpy(p + 0x10000, "through the first");
	printf("second: %s\n", q);
	tell("pread", pread(fd, b, 20, 0x10000));
	printf("read: %s\n", b);
	tell("pwrite", pwrite(fd, "through the file", 17, 0x10010));
	printf("first: %s\n", p + 0x10010);
	int ro = open("data", O_RDONLY);
	map("for reading", mmap(NULL, PAGE, PROT_READ, MAP_SHARED, ro, 0));
	map("for writing", mmap(NULL, PAGE, RW, MAP_SHARED, ro, 0));
	char *copy = mmap(NULL, PAGE, RW, MAP_PRIVATE, ro, 0x10000);
	copy[0] = 'T';
	printf("private: %s, file: %s\n", copy, q);
	tell("madvise", madvise(copy, PAGE, MADV_DONTNEED));
	printf("private again: %s\n", copy);
	tell("close", close(fd));
	tell("rename", rename("data", "moved"));
	strcpy(p, "after close and rename");
	tell("pread", pread(ro, b, 30, 0));
	printf("read: %s\n", b);
	tell("unlink", unlink("moved"));
	tell("open", open("moved", O_RDONLY));
	strcpy(p + 5, "unlink");
	memset(b, 0, sizeof b);
	tell("pread", pread(ro, b, 30, 0));
	printf("read: %s\n", b);
	tell("msync", msync(p, 200000, MS_SYNC));
	tell("msync async", msync(p, PAGE, MS_ASYNC | MS_INVALIDATE));
	tell("msync both", msync(p, PAGE, MS_ASYNC | MS_SYNC));
	tell("munmap of a part", munmap(p + PAGE, PAGE));
	tell("msync with a hole", msync(p, 3 * PAGE, MS_SYNC));
	printf("still there: %s\n", p);
	tell("munmap", munmap(p, 200000));
	tell("munmap", munmap(q, 70000));
}

static void sizes(void)
{
	int fd = open("size", O_RDWR | O_CREAT | O_TRUNC, 0644), null = open("sink", O_RDWR | O_CREAT, 0644);
	tell("write", write(fd, "start", 5));
	char *p = mmap(NULL, 64 * PAGE, RW, MAP_SHARED, fd, 0);
	map("more than the file", p);
	printf("%s, then %d\n", p, p[5]);
	p[4095] = 'x'; /* behind the end: not in the file */
	tell("from the last page", pwrite(null, p, PAGE, 0));
	tell("from behind it", pwrite(null, p + PAGE, 1, 0));
	tell("ftruncate", ftruncate(fd, 10 * PAGE));
	p[10 * PAGE - 1] = 'e';
	tell("grown", pwrite(null, p + 9 * PAGE, PAGE, 0));
	tell("behind", pwrite(null, p + 10 * PAGE, 1, 0));
	tell("pwrite", pwrite(fd, "far", 4, 60 * PAGE));
	printf("%s\n", p + 60 * PAGE);
	int other = open("size", O_RDWR | O_APPEND);
	tell("append", write(other, "more", 5));
	printf("%s\n", p + 60 * PAGE + 4);
	tell("truncate", truncate("size", PAGE + 1));
	tell("first page", pwrite(null, p, PAGE, 0));
	tell("second page", pwrite(null, p + PAGE, PAGE, 0));
	tell("third page", pwrite(null, p + 2 * PAGE, PAGE, 0));
	printf("%s\n", p);
	tell("O_TRUNC", close(open("size", O_RDWR | O_TRUNC)));
	tell("first page", pwrite(null, p, PAGE, 0));
	tell("fallocate", posix_fallocate(fd, 0, 3 * PAGE));
	tell("third page", pwrite(null, p + 2 * PAGE, PAGE, 0));
	struct stat st;
	fstat(fd, &st);
	tell("size", (long)st.st_size);
	tell("munmap", munmap(p, 64 * PAGE));
	tell("ftruncate", ftruncate(fd, 0));
}

static void anonymous(void)
{
	char *p = mmap(NULL, 20 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	strcpy(p, "anonymous");
	tell("madvise", madvise(p, 20 * PAGE, MADV_DONTNEED));
	char *q = mremap(p, 0, 20 * PAGE, MREMAP_MAYMOVE);
	printf("twice: %s\n", q);
	strcpy(q, "Anonymous");
	char *r = mremap(p, 20 * PAGE, 40 * PAGE, MREMAP_MAYMOVE);
	printf("moved: %s\n", r);
	tell("MADV_REMOVE", madvise(q, PAGE, MADV_REMOVE));
	printf("removed: %d\n", r[0]);
	char *s = mremap(r, 20 * PAGE, 20 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
	map("DONTUNMAP of shared", s);
	char *a = mmap(NULL, 4 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	strcpy(a, "private");
	char *b = mremap(a, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
	printf("new: %s, old: %d\n", b, a[0]);
	map("old size 0 of private", mremap(a, 0, PAGE, MREMAP_MAYMOVE));
	map("DONTUNMAP of another size", mremap(a, PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL));
	map("MAP_SHARED_VALIDATE", mmap(NULL, PAGE, RW, MAP_SHARED_VALIDATE | MAP_ANONYMOUS, -1, 0));
	/* a ring: the same memory twice in a row */
	int fd = memfd_create("ring", 0);
	tell("ftruncate", ftruncate(fd, 0x20000));
	char *ring = mmap(NULL, 0x40000, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	map("first half", mmap(ring, 0x20000, RW, MAP_SHARED | MAP_FIXED, fd, 0));
	map("second half", mmap(ring + 0x20000, 0x20000, RW, MAP_SHARED | MAP_FIXED, fd, 0));
	strcpy(ring + 0x1fffd, "around the end");
	printf("ring: %s\n", ring);
}

static void seals(void)
{
	int fd = memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct stat st;
	fstat(fd, &st);
	printf("mode %o, links %d, size %d, close on exec %d\n", st.st_mode, (int)st.st_nlink, (int)st.st_size, fcntl(fd, F_GETFD));
	char link[64], name[128] = "";
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	tell("readlink", readlink(link, name, sizeof name - 1));
	printf("%s\n", name);
	tell("seals", fcntl(fd, F_GET_SEALS));
	tell("ftruncate", ftruncate(fd, 3 * PAGE));
	char *p = mmap(NULL, 3 * PAGE, RW, MAP_SHARED, fd, 0);
	strcpy(p, "content");
	tell("F_SEAL_WRITE while mapped", fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	tell("F_SEAL_SHRINK", fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
	tell("smaller", ftruncate(fd, PAGE));
	tell("larger", ftruncate(fd, 4 * PAGE));
	tell("F_SEAL_GROW", fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
	tell("larger", ftruncate(fd, 5 * PAGE));
	tell("write over the end", pwrite(fd, "abcdef", 6, 4 * PAGE));
	tell("F_SEAL_FUTURE_WRITE", fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
	tell("write", pwrite(fd, "x", 1, 0));
	p[0] = 'C';
	map("for writing", mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0));
	char *q = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	printf("%s\n", q);
	tell("mprotect", mprotect(q, PAGE, RW));
	map("private", mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0));
	munmap(p, 3 * PAGE);
	tell("F_SEAL_WRITE", fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	tell("F_SEAL_SEAL", fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL));
	tell("no more", fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL));
	tell("unknown", fcntl(fd, F_ADD_SEALS, 0x1000));
	tell("seals", fcntl(fd, F_GET_SEALS));
	tell("seals of another file", fcntl(0, F_GET_SEALS));
	int plain = memfd_create("", 0);
	tell("seals", fcntl(plain, F_GET_SEALS));
	tell("no sealing", fcntl(plain, F_ADD_SEALS, F_SEAL_WRITE));
	tell("unknown flag", memfd_create("", 0x4000));
	char longer[300];
	memset(longer, 'n', sizeof longer);
	longer[249] = 0;
	tell("a long name", close(memfd_create(longer, 0)));
	longer[249] = 'n', longer[250] = 0;
	tell("too long", memfd_create(longer, 0));
	tell("write", write(plain, "text", 4));
	tell("lseek", lseek(plain, 0, SEEK_SET));
	tell("read", read(plain, name, 10));
}

static void limits(void)
{
	struct rlimit old, l;
	getrlimit(RLIMIT_AS, &old);
	l = old;
	l.rlim_cur = 64 << 20;
	tell("RLIMIT_AS", setrlimit(RLIMIT_AS, &l));
	map("128 MiB", mmap(NULL, 128 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	char *p = mmap(NULL, 32 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	map("32 MiB", p);
	map("mremap", mremap(p, 32 << 20, 128 << 20, MREMAP_MAYMOVE));
	tell("malloc", malloc(100 << 20) ? 0 : -1);
	munmap(p, 32 << 20);
	setrlimit(RLIMIT_AS, &old);
	getrlimit(RLIMIT_DATA, &old);
	l = old;
	l.rlim_cur = 16 << 20;
	tell("RLIMIT_DATA", setrlimit(RLIMIT_DATA, &l));
	map("32 MiB for reading", p = mmap(NULL, 32 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	tell("for writing", mprotect(p, 32 << 20, RW));
	map("32 MiB for writing", mmap(NULL, 32 << 20, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	map("shared", mmap(NULL, 32 << 20, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	tell("sbrk", sbrk(32 << 20) == (void *)-1 ? -1 : 0);
	setrlimit(RLIMIT_DATA, &old);
}

static void odds(void)
{
	unsigned char vec[8];
	char *p = mmap(NULL, 8 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	tell("mincore", mincore(p, 8 * PAGE, vec));
	p[PAGE] = 1;
	tell("mincore", mincore(p, 8 * PAGE, vec));
	printf("touched: %d\n", vec[1] & 1);
	tell("mincore unaligned", mincore(p + 1, PAGE, vec));
	tell("mincore to nowhere", mincore(p, PAGE, NULL));
	tell("MADV_POPULATE_WRITE", madvise(p, 8 * PAGE, MADV_POPULATE_WRITE));
	tell("mincore", mincore(p, 8 * PAGE, vec));
	printf("populated: %d\n", vec[0] & vec[7] & 1);
	tell("MADV_WIPEONFORK", madvise(p, PAGE, MADV_WIPEONFORK));
	tell("MADV_DONTFORK", madvise(p, PAGE, MADV_DONTFORK));
	tell("unknown advice", madvise(p, PAGE, 1000));
	tell("MADV_FREE", madvise(p, PAGE, MADV_FREE));
	tell("mlock", mlock(p + 10, PAGE));
	tell("MADV_DONTNEED of locked", madvise(p, PAGE, MADV_DONTNEED));
	tell("munlock", munlock(p, 2 * PAGE));
	tell("mlock2", mlock2(p, PAGE, MLOCK_ONFAULT));
	tell("mlock2 unknown", mlock2(p, PAGE, 8));
	tell("mlockall", mlockall(0));
	munmap(p + 4 * PAGE, PAGE);
	tell("mlock over a hole", mlock(p + 3 * PAGE, 3 * PAGE));
	tell("mincore over a hole", mincore(p, 8 * PAGE, vec));
	int fd = memfd_create("pages", 0);
	ftruncate(fd, 0x40000);
	char *f = mmap(NULL, 0x20000, RW, MAP_SHARED, fd, 0);
	tell("pwrite", pwrite(fd, "later", 6, 0x20000));
	tell("remap_file_pages", remap_file_pages(f, 0x10000, 0, 0x20, 0));
	printf("%s\n", f);
	tell("MADV_REMOVE", madvise(f, PAGE, MADV_REMOVE));
	char c = 1;
	pread(fd, &c, 1, 0x20000);
	printf("%d\n", c);
	int zero = open("/dev/zero", O_RDWR);
	char *z = mmap(NULL, PAGE, RW, MAP_PRIVATE, zero, 0);
	z[0] = 1;
	map("shared zeroes", mmap(NULL, PAGE, RW, MAP_SHARED, zero, 0));
	int wo = open("sink", O_WRONLY);
	map("for writing only", mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, wo, 0));
	map("a folder", mmap(NULL, PAGE, PROT_READ, MAP_SHARED, open(".", O_RDONLY), 0));
	int pipes[2];
	pipe(pipes);
	map("a pipe", mmap(NULL, PAGE, PROT_READ, MAP_SHARED, pipes[0], 0));
	map("offset", mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 100));
	map("neither", mmap(NULL, PAGE, PROT_READ, MAP_ANONYMOUS, -1, 0));
}

static int end(const char *how)
{
	int fd = open("short", O_RDWR | O_CREAT | O_TRUNC, 0644);
	ftruncate(fd, 3 * PAGE);
	volatile char *p = mmap(NULL, 16 * PAGE, RW, strcmp(how, "private") ? MAP_SHARED : MAP_PRIVATE, fd, 0);
	p[2 * PAGE] = 1;
	puts("mapped");
	fflush(stdout);
	if (!strcmp(how, "cut")) {
		ftruncate(fd, PAGE);
		p[0] = 1;
		p[PAGE] = 1;
	} else if (!strcmp(how, "segv")) {
		mprotect((void *)p, PAGE, PROT_READ);
		p[0] = 1;
	} else {
		p[3 * PAGE] = 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return end(argv[1]);
	files();
	sizes();
	anonymous();
	seals();
	limits();
	odds();
	return 0;
}
