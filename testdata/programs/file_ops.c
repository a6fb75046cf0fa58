// Replays random operations on files:
//   file_ops [-v] FIRST COUNT
// Each seed gets a fresh folder, some 40 operations, and a look at all that is
// there in the end. One line per seed tells a digest of everything that the
// calls said; -v tells each call.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static int verbose;
static uint64_t seed, digest;

static uint32_t pick(uint32_t n) {
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)((seed >> 16) * 0x9E3779B1u >> 8) % n;
}

static void eat(const void *p, size_t n) {
	const unsigned char *b = p;
	while (n--)
		digest = (digest ^ *b++) * 1099511628211u;
}

static void tell(const char *format, ...) {
	char line[3 * PATH_MAX];
	va_list ap;
	va_start(ap, format);
	int n = vsnprintf(line, sizeof line, format, ap);
	va_end(ap);
	if (n >= (int)sizeof line)
		n = sizeof line - 1;
	eat(line, n);
	if (verbose)
		fputs(line, stdout);
}

// said ends a line with what a call answered.
static long said(long v) {
	if (v < 0)
		tell(" = %s\n", strerrorname_np(errno));
	else
		tell(" = %ld\n", v);
	return v;
}

static const char *const names[] = {
    "a", "b", "c", "d", "d/a", "d/b", "e", "e/a", "d/e", "d/e/a", "q?", "x:y", "end.", "\xc3\xbc", "\xff\xfe", "sp ", "l", "l/a", "d/../b", "./c", "e/", "missing/a", "b/a",
};
static const char *name(void) {
	uint32_t n = sizeof names / sizeof *names;
	return names[pick(2) ? pick(10) : pick(n)];
}

static const int modes[] = {0644, 0600, 0755, 0700, 0444, 0555, 0200, 0664, 0000, 0711};
static int mode(void) { return modes[pick(3) ? pick(4) : pick(sizeof modes / sizeof *modes)]; }

enum { slots = 5 };
static int fds[slots];
static char data[1 << 16];

static void set(int i, int fd) {
	if (fds[i] >= 0)
		close(fds[i]);
	fds[i] = fd;
}

static uint64_t sum(const void *p, size_t n) {
	uint64_t h = 14695981039346656037u;
	for (const unsigned char *b = p; n--; b++)
		h = (h ^ *b) * 1099511628211u;
	return h;
}

static void show(const struct stat *st) {
	tell(" mode %o links %ld", st->st_mode, (long)st->st_nlink);
	if (S_ISREG(st->st_mode) || S_ISLNK(st->st_mode))
		tell(" size %lld", (long long)st->st_size);
	tell("\n");
}

static int byname(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

// list tells what is in a folder, and below it if deep; remove takes it away.
static void list(const char *path, int deep, int gone) {
	char *all[256];
	int n = 0;
	DIR *d = opendir(path);
	if (!d && errno == EACCES && deep) {
		chmod(path, 0700);
		d = opendir(path);
	}
	if (!d) {
		tell("list %s = %s\n", path, strerrorname_np(errno));
		return;
	}
	struct dirent *e;
	while ((e = readdir(d)) && n < 256)
		all[n++] = strdup(e->d_name);
	closedir(d);
	qsort(all, n, sizeof *all, byname);
	tell("list %s:", path);
	for (int i = 0; i < n; i++)
		tell(" '%s'", all[i]);
	tell("\n");
	if (deep)
		chmod(path, 0700);
	for (int i = 0; i < n; i++) {
		char sub[PATH_MAX];
		struct stat st;
		snprintf(sub, sizeof sub, "%s/%s", path, all[i]);
		if (deep && strcmp(all[i], ".") && strcmp(all[i], "..")) {
			if (lstat(sub, &st))
				tell("lstat %s = %s\n", sub, strerrorname_np(errno));
			else {
				tell("%s", sub);
				show(&st);
				if (S_ISREG(st.st_mode)) {
					chmod(sub, 0600);
					int fd = open(sub, O_RDONLY);
					ssize_t k;
					while ((k = read(fd, data, sizeof data)) > 0)
						eat(data, k), tell("%lld bytes %llx\n", (long long)k, (unsigned long long)sum(data, k));
					close(fd);
				} else if (S_ISLNK(st.st_mode)) {
					ssize_t k = readlink(sub, data, sizeof data);
					tell("-> %.*s\n", (int)k, data);
				} else
					list(sub, 1, gone);
			}
			if (gone && (S_ISDIR(st.st_mode) ? rmdir(sub) : unlink(sub)))
				tell("remove %s = %s\n", sub, strerrorname_np(errno));
		}
		free(all[i]);
	}
}

static void step(void) {
	int i = pick(slots), fd = fds[i];
	const char *p, *q;
	struct stat st;
	long v;
	off_t off = pick(2) ? pick(20000) : pick(300);
	size_t n = pick(3) ? pick(600) : pick(9000);
	switch (fd < 0 && pick(2) ? 0 : pick(40)) {
	case 0: case 1: case 2: case 3: case 4: {
		static const int flags[] = {O_RDONLY, O_RDWR | O_CREAT, O_RDWR | O_CREAT | O_TRUNC, O_WRONLY | O_CREAT | O_APPEND, O_RDWR | O_CREAT | O_EXCL,
					    O_RDWR, O_RDONLY | O_DIRECTORY, O_RDONLY | O_NOFOLLOW, O_RDWR | O_APPEND, O_RDWR | O_TRUNC, O_PATH};
		int f = flags[pick(sizeof flags / sizeof *flags)], m = mode();
		p = name();
		tell("open %s %o %o", p, f, m);
		fd = open(p, f, m);
		said(fd < 0 ? -1 : 0);
		if (fd >= 0)
			set(i, fd);
		break;
	}
	case 5: case 6: case 7:
		for (size_t k = 0; k < n; k++)
			data[k] = 'a' + pick(26);
		tell("write %d %zu", i, n);
		said(write(fd, data, n));
		break;
	case 8: case 9:
		tell("read %d %zu", i, n);
		if ((v = said(read(fd, data, n))) > 0)
			tell("%llx\n", (unsigned long long)sum(data, v));
		break;
	case 10:
		memset(data, 'A' + pick(26), n);
		tell("pwrite %d %zu %lld", i, n, (long long)off);
		said(pwrite(fd, data, n, off));
		break;
	case 11:
		tell("pread %d %zu %lld", i, n, (long long)off);
		if ((v = said(pread(fd, data, n, off))) > 0)
			tell("%llx\n", (unsigned long long)sum(data, v));
		break;
	case 12: {
		int whence = pick(3);
		tell("lseek %d %lld %d", i, (long long)off - 100, whence);
		v = lseek(fd, off - 100, whence);
		if (fd >= 0 && !fstat(fd, &st) && S_ISDIR(st.st_mode))
			tell(" of a folder\n"); // positions there are the file system's
		else
			said(v);
		break;
	}
	case 13:
		tell("ftruncate %d %lld", i, (long long)off);
		said(ftruncate(fd, off));
		break;
	case 14:
		p = name();
		tell("truncate %s %lld", p, (long long)off);
		said(truncate(p, off));
		break;
	case 15:
		tell("close %d", i);
		said(close(fd));
		fds[i] = -1;
		break;
	case 16: case 17:
		p = name();
		tell("unlink %s", p);
		said(unlink(p));
		break;
	case 18: case 19: case 20:
		p = name(), q = name();
		tell("rename %s %s", p, q);
		said(rename(p, q));
		break;
	case 21:
		p = name(), q = name();
		tell("link %s %s", p, q);
		said(link(p, q));
		break;
	case 22:
		p = name(), q = name();
		tell("symlink %s %s", p, q);
		said(symlink(p, q));
		break;
	case 23:
		p = name();
		tell("readlink %s", p);
		if ((v = said(readlink(p, data, sizeof data))) > 0)
			tell("%.*s\n", (int)v, data);
		break;
	case 24: case 25: {
		int m = mode();
		p = name();
		tell("mkdir %s %o", p, m);
		said(mkdir(p, m));
		break;
	}
	case 26:
		p = name();
		tell("rmdir %s", p);
		said(rmdir(p));
		break;
	case 27: {
		int how = pick(2);
		p = name();
		tell("%s %s", how ? "lstat" : "stat", p);
		if (said(how ? lstat(p, &st) : stat(p, &st)) == 0)
			show(&st);
		break;
	}
	case 28:
		tell("fstat %d", i);
		if (said(fstat(fd, &st)) == 0)
			show(&st);
		break;
	case 29:
		p = pick(2) ? "." : name();
		list(p, 0, 0);
		break;
	case 30: {
		int shared = pick(2), prot = pick(2) ? PROT_READ : PROT_READ | PROT_WRITE;
		tell("mmap %d shared %d prot %d", i, shared, prot);
		if (fstat(fd, &st) || st.st_size == 0 || st.st_size > (off_t)sizeof data || !S_ISREG(st.st_mode)) {
			tell(" no\n");
			break;
		}
		char *m = mmap(NULL, st.st_size, prot, shared ? MAP_SHARED : MAP_PRIVATE, fd, 0);
		if (m == MAP_FAILED) {
			said(-1);
			break;
		}
		tell(" %llx\n", (unsigned long long)sum(m, st.st_size));
		if (prot & PROT_WRITE) {
			memset(m + st.st_size / 2, '#', st.st_size - st.st_size / 2);
			tell("msync");
			said(msync(m, st.st_size, MS_SYNC));
		}
		munmap(m, st.st_size);
		break;
	}
	case 31: {
		int j = pick(slots);
		tell("dup %d %d", i, j);
		int k = dup(fd);
		said(k < 0 ? -1 : 0);
		if (k >= 0)
			set(j, k);
		break;
	}
	case 32: {
		int fl = fcntl(fd, F_GETFL);
		tell("append %d %d", i, fl < 0 ? -1 : !(fl & O_APPEND));
		said(fcntl(fd, F_SETFL, fl ^ O_APPEND));
		break;
	}
	case 33: {
		int m = mode();
		p = name();
		if (pick(3)) {
			tell("chmod %s %o", p, m);
			said(chmod(p, m));
		} else {
			tell("fchmod %d %o", i, m);
			said(fchmod(fd, m));
		}
		break;
	}
	case 34: {
		int m = pick(8);
		p = name();
		tell("access %s %d", p, m);
		said(access(p, m));
		break;
	}
	case 35: {
		static const char *const in[] = {"a", "b", "e/a", ".", "..", "../a"};
		int f = pick(2) ? O_RDONLY : O_RDWR | O_CREAT;
		p = in[pick(6)];
		tell("openat %d %s %o", i, p, f);
		int k = openat(fd, p, f, 0644);
		said(k < 0 ? -1 : 0);
		if (k >= 0)
			set(pick(slots), k);
		break;
	}
	case 36: {
		struct timespec ts[2] = {{1000000 + pick(1000), pick(10000) * 100}, {2000000 + pick(1000), pick(10000) * 100}};
		p = name();
		tell("utimens %s", p);
		if (said(utimensat(AT_FDCWD, p, ts, 0)) == 0 && stat(p, &st) == 0)
			tell("%lld.%09ld\n", (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
		break;
	}
	case 37: {
		int j = pick(slots), m = pick(3);
		tell("copy %d %d %d", m, i, j);
		struct stat st2;
		if (m == 1 && !fstat(fd, &st) && !fstat(fds[j], &st2) && st.st_ino == st2.st_ino)
			tell(" one file\n"); // Linux moves pages, and what comes of it nobody promises
		else if (m == 0)
			said(copy_file_range(fd, NULL, fds[j], NULL, n, 0));
		else if (m == 1)
			said(sendfile(fds[j], fd, NULL, n));
		else
			said(fallocate(fd, pick(2) ? 0 : FALLOC_FL_KEEP_SIZE, off, n + 1));
		break;
	}
	case 38: {
		int f = pick(3);
		p = name(), q = name();
		tell("renameat2 %s %s %d", p, q, f);
		said(renameat2(AT_FDCWD, p, AT_FDCWD, q, f));
		break;
	}
	case 39: {
		int m = pick(3);
		tell("lock %d %d", i, m);
		struct flock l = {.l_type = m, .l_whence = SEEK_SET, .l_start = pick(10), .l_len = pick(10)};
		said(fcntl(fd, F_OFD_SETLK, &l));
		struct iovec io[2] = {{data, n / 3}, {data + 20000, n / 5}};
		tell("writev %d", i);
		said(writev(fd, io, 2));
		break;
	}
	}
}

int main(int argc, char **argv) {
	if (argc > 1 && !strcmp(argv[1], "-v"))
		verbose = 1, argc--, argv++;
	if (argc < 3)
		return 2;
	umask(022);
	memset(fds, -1, sizeof fds);
	for (long first = atol(argv[1]), k = first; k < first + atol(argv[2]); k++) {
		char dir[32];
		snprintf(dir, sizeof dir, "seq%ld", k);
		if (mkdir(dir, 0755) || chdir(dir)) {
			perror(dir);
			return 1;
		}
		seed = (uint64_t)k * 0x9E3779B97F4A7C15u + 0x1234567;
		digest = 14695981039346656037u;
		memset(data, 0, sizeof data);
		if (pick(2)) {
			mkdir("d", 0755);
			close(open("a", O_CREAT | O_RDWR, 0644));
		}
		for (int ops = 20 + pick(40); ops > 0; ops--)
			step();
		for (int i = 0; i < slots; i++)
			set(i, -1);
		list(".", 1, 1);
		if (chdir("..") || rmdir(dir)) {
			perror(dir);
			return 1;
		}
		printf("%ld %016llx\n", k, (unsigned long long)digest);
	}
	return 0;
}
