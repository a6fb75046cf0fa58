// Calls on files beyond reading and writing; each line tells what one did.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/falloc.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#define T(call)                                                                                                       \
	do {                                                                                                          \
		errno = 0;                                                                                            \
		long v_ = (long)(call);                                                                               \
		if (v_ == -1)                                                                                         \
			printf("%s: %s\n", #call, strerrorname_np(errno));                                           \
		else                                                                                                  \
			printf("%s: %ld\n", #call, v_);                                                               \
	} while (0)

static char bad[1];
static char *volatile nowhere = (char *)8;

static long size_of(int fd) {
	struct stat st;
	return fstat(fd, &st) ? -1 : (long)st.st_size;
}

static long links_of(int fd) {
	struct stat st;
	return fstat(fd, &st) ? -1 : (long)st.st_nlink;
}

static int make(const char *name, const char *text) {
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		perror(name);
	return fd;
}

static void show(int fd) {
	char b[64];
	ssize_t n = pread(fd, b, sizeof b - 1, 0);
	b[n < 0 ? 0 : n] = 0;
	printf("content \"%s\", size %ld, at %ld\n", b, size_of(fd), (long)lseek(fd, 0, SEEK_CUR));
}

static void temporary(void) {
	puts("# O_TMPFILE");
	mkdir("t", 0755);
	int fd = open("t", O_TMPFILE | O_RDWR, 0640);
	if (fd < 0)
		perror("O_TMPFILE");
	T(write(fd, "temporary", 9));
	T(links_of(fd));
	show(fd);
	char proc[64];
	snprintf(proc, sizeof proc, "/proc/self/fd/%d", fd);
	T(linkat(AT_FDCWD, proc, AT_FDCWD, "t/named", AT_SYMLINK_FOLLOW));
	T(links_of(fd));
	T(linkat(AT_FDCWD, proc, AT_FDCWD, "t/named", AT_SYMLINK_FOLLOW));
	T(linkat(AT_FDCWD, proc, AT_FDCWD, "t/second", AT_SYMLINK_FOLLOW));
	T(links_of(fd));
	close(fd);
	fd = open("t/named", O_RDONLY);
	show(fd);
	struct stat st;
	fstat(fd, &st);
	printf("mode %o\n", st.st_mode);
	close(fd);
	fd = open("t", O_TMPFILE | O_RDWR | O_EXCL, 0600);
	snprintf(proc, sizeof proc, "/proc/self/fd/%d", fd);
	T(linkat(AT_FDCWD, proc, AT_FDCWD, "t/third", AT_SYMLINK_FOLLOW));
	close(fd);
	T(open("t", O_TMPFILE | O_RDONLY, 0600));
	T(open("t/named", O_TMPFILE | O_RDWR, 0600));
	T(open("t/missing", O_TMPFILE | O_RDWR, 0600));
	T(unlink("t/named"));
	T(unlink("t/second"));
	T(rmdir("t"));
}

static void space(void) {
	puts("# fallocate and holes");
	int fd = make("s", "0123456789");
	T(fallocate(fd, 0, 0, 5));
	T(fallocate(fd, 0, 5, 20));
	show(fd);
	T(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 100000));
	T(size_of(fd));
	T(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 2, 3));
	T(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 2, 3));
	char b[10];
	pread(fd, b, 10, 0);
	for (int i = 0; i < 10; i++)
		printf("%02x", b[i]);
	puts("");
	T(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 20, 300000));
	T(size_of(fd));
	T(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE, 0, 1));
	T(fallocate(fd, 0x1000, 0, 1));
	T(fallocate(fd, 0, -1, 1));
	T(fallocate(fd, 0, 0, 0));
	T(fallocate(fd, 0, 0, -1));
	int ro = open("s", O_RDONLY);
	T(fallocate(ro, 0, 0, 1));
	int p[2];
	pipe(p);
	T(fallocate(p[1], 0, 0, 1));
	T(ftruncate(fd, 0));
	T(lseek(fd, 0, SEEK_DATA));
	T(lseek(fd, 0, SEEK_HOLE));
	T(write(fd, "data", 4));
	T(lseek(fd, 0, SEEK_DATA));
	T(lseek(fd, 0, SEEK_HOLE));
	T(lseek(fd, 3, SEEK_HOLE));
	T(lseek(fd, 4, SEEK_HOLE));
	T(lseek(fd, 5, SEEK_DATA));
	T(lseek(fd, -1, SEEK_DATA));
	T(lseek(fd, 0, 9));
	T(ftruncate(fd, 8 << 20));
	T(lseek(fd, 100, SEEK_SET));
	struct stat st;
	fstat(fd, &st);
	printf("size %ld, sparse %d\n", (long)st.st_size, st.st_blocks < 1000);
	close(fd);
	close(ro);
	close(p[0]);
	close(p[1]);
	unlink("s");
}

static void vectors(void) {
	puts("# vectors with flags");
	int fd = make("v", "abc");
	struct iovec io[2] = {{"12", 2}, {"345", 3}};
	T(pwritev2(fd, io, 2, 1, 0));
	show(fd);
	T(pwritev2(fd, io, 2, 0, RWF_APPEND));
	show(fd);
	T(lseek(fd, 1, SEEK_SET));
	T(pwritev2(fd, io, 2, -1, RWF_APPEND));
	show(fd);
	T(pwritev2(fd, io, 1, -1, RWF_DSYNC));
	T(pwritev2(fd, io, 1, 0, RWF_SYNC | RWF_HIPRI));
	T(pwritev2(fd, io, 1, 0, 0x40000000));
	T(pwritev2(fd, io, 1, -2, 0));
	show(fd);
	char a[4], b[64];
	struct iovec in[2] = {{a, 4}, {b, 60}};
	T(preadv2(fd, in, 2, 0, 0));
	T(preadv2(fd, in, 2, 2, RWF_HIPRI));
	T(preadv2(fd, in, 2, -1, 0));
	T(lseek(fd, 3, SEEK_SET));
	T(preadv2(fd, in, 1, -1, 0));
	T(lseek(fd, 0, SEEK_CUR));
	T(preadv(fd, in, 1, -1));
	int null = open("/dev/null", O_RDWR), full = open("/dev/full", O_RDWR), zero = open("/dev/zero", O_RDWR);
	T(write(null, nowhere, 100));
	T(write(zero, nowhere, 100));
	T(write(full, bad, 1));
	T(pwrite(null, nowhere, 100, 5));
	struct iovec wild[2] = {{nowhere, 10}, {nowhere, 20}};
	T(writev(null, wild, 2));
	T(write(fd, nowhere, 0));
	T(write(fd, nowhere, 1));
	T(read(fd, nowhere, 1));
	T(read(null, nowhere, 100));
	int p[2];
	pipe(p);
	T(preadv(p[0], in, 1, 0));
	T(pwritev(p[1], io, 1, 0));
	close(p[0]);
	close(p[1]);
	close(null);
	close(zero);
	close(full);
	close(fd);
	unlink("v");
}

static void copies(void) {
	puts("# copies");
	int a = make("a", "0123456789"), b = make("b", "");
	off_t o = 2;
	loff_t i = 0, j = 5;
	T(sendfile(b, a, &o, 4));
	printf("offset %ld\n", (long)o);
	show(b);
	o = -1;
	T(sendfile(b, a, &o, 4));
	o = 100;
	T(sendfile(b, a, &o, 4));
	T(copy_file_range(a, &i, b, NULL, 3, 0));
	printf("offset %ld\n", (long)i);
	show(b);
	T(copy_file_range(a, &i, a, &j, 5, 0));
	i = 0;
	T(copy_file_range(a, &i, a, &j, 2, 0));
	T(copy_file_range(a, &i, b, NULL, 3, 1));
	i = -1;
	T(copy_file_range(a, &i, b, NULL, 3, 0));
	i = 50;
	T(copy_file_range(a, &i, b, NULL, 3, 0));
	show(a);
	int ro = open("a", O_RDONLY), app = open("b", O_WRONLY | O_APPEND), dir = open(".", O_RDONLY);
	i = 0;
	T(copy_file_range(a, &i, ro, NULL, 3, 0));
	T(copy_file_range(a, &i, app, NULL, 3, 0));
	T(copy_file_range(dir, NULL, b, NULL, 3, 0));
	T(sendfile(app, a, NULL, 3));
	T(sendfile(ro, a, NULL, 3));
	T(sendfile(b, dir, NULL, 3));
	close(a);
	close(b);
	close(ro);
	close(app);
	close(dir);
	unlink("a");
	unlink("b");
}

static void advice(void) {
	puts("# advice");
	int fd = make("a", "text"), p[2];
	pipe(p);
	int wo = open("a", O_WRONLY), dir = open(".", O_RDONLY);
	T(syscall(SYS_fsync, p[0]));
	T(posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED));
	T(posix_fadvise(fd, 0, -1, POSIX_FADV_NORMAL));
	T(posix_fadvise(fd, 0, 0, 17));
	T(posix_fadvise(p[0], 0, 0, POSIX_FADV_NORMAL));
	T(posix_fadvise(99, 0, 0, POSIX_FADV_NORMAL));
	T(readahead(fd, 0, 4));
	T(readahead(wo, 0, 4));
	T(readahead(p[0], 0, 4));
	T(sync_file_range(fd, 0, 0, 7));
	T(sync_file_range(fd, 0, 0, 8));
	T(sync_file_range(fd, -1, 0, 0));
	T(sync_file_range(p[0], 0, 0, 0));
	T(syncfs(fd));
	T(syncfs(99));
	T(fsync(dir));
	T(fdatasync(fd));
	close(fd);
	close(wo);
	close(dir);
	close(p[0]);
	close(p[1]);
	unlink("a");
}

static void names(void) {
	puts("# names");
	close(make("a", "A"));
	close(make("b", "BB"));
	T(renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_NOREPLACE));
	T(renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_EXCHANGE));
	int fd = open("a", O_RDONLY);
	show(fd);
	close(fd);
	T(renameat2(AT_FDCWD, "a", AT_FDCWD, "missing", RENAME_EXCHANGE));
	T(renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_EXCHANGE | RENAME_NOREPLACE));
	T(renameat2(AT_FDCWD, "a", AT_FDCWD, "b", 64));
	T(mkdir("d", 0755));
	T(renameat2(AT_FDCWD, "a", AT_FDCWD, "d", RENAME_EXCHANGE));
	fd = open("d", O_RDONLY);
	show(fd);
	close(fd);
	T(renameat2(AT_FDCWD, "a", AT_FDCWD, "a/x", RENAME_EXCHANGE));
	T(rename("a", "moved"));
	T(unlink("d"));
	T(mkdir("moved/in", 0755));
	// Folders that move under a descriptor and under the working directory.
	int dir = open("moved", O_RDONLY | O_DIRECTORY);
	T(rename("moved", "away"));
	T(faccessat(dir, "in", F_OK, 0));
	fd = openat(dir, "made", O_CREAT | O_RDWR, 0644);
	T(fd >= 0);
	close(fd);
	T(access("away/made", F_OK));
	T(mkdirat(dir, "sub", 0755));
	T(chdir("away/in"));
	T(rename("../../away", "../../far"));
	char cwd[PATH_MAX];
	if (getcwd(cwd, sizeof cwd))
		printf("cwd %s\n", strrchr(cwd, 'f'));
	T(access("../made", F_OK));
	T(fchdir(dir));
	T(unlink("made"));
	T(rmdir("sub"));
	T(rmdir("in"));
	T(chdir(".."));
	T(rmdir("far"));
	T(openat(dir, "x", O_CREAT | O_RDWR, 0644));
	T(mkdirat(dir, "x", 0755));
	close(dir);
	T(unlink("b"));
}

static int at2(int dir, const char *path, unsigned long long flags, unsigned long long resolve) {
	struct open_how how = {.flags = flags, .resolve = resolve};
	int fd = syscall(SYS_openat2, dir, path, &how, sizeof how);
	if (fd >= 0) {
		close(fd);
		return 0;
	}
	return -1;
}

static void resolving(void) {
	puts("# openat2");
	T(mkdir("r", 0755));
	T(mkdir("r/d", 0755));
	close(make("r/f", "f"));
	close(make("r/d/g", "g"));
	T(symlink("d", "r/rel"));
	T(symlink("/d", "r/abs"));
	T(symlink("../..", "r/d/up"));
	T(symlink("rel/g", "r/two"));
	int dir = open("r", O_PATH | O_DIRECTORY);
	T(at2(dir, "f", O_RDONLY, RESOLVE_BENEATH));
	T(at2(dir, "d/../f", O_RDONLY, RESOLVE_BENEATH));
	T(at2(dir, "../r/f", O_RDONLY, RESOLVE_BENEATH));
	T(at2(dir, "/f", O_RDONLY, RESOLVE_BENEATH));
	T(at2(dir, "/f", O_RDONLY, RESOLVE_IN_ROOT));
	T(at2(dir, "../../../f", O_RDONLY, RESOLVE_IN_ROOT));
	T(at2(dir, "rel/g", O_RDONLY, RESOLVE_BENEATH));
	T(at2(dir, "abs/g", O_RDONLY, RESOLVE_BENEATH));
	T(at2(dir, "abs/g", O_RDONLY, RESOLVE_IN_ROOT));
	T(at2(dir, "d/up/f", O_RDONLY, RESOLVE_BENEATH));
	T(at2(dir, "d/up/f", O_RDONLY, RESOLVE_IN_ROOT));
	T(at2(dir, "two", O_RDONLY, RESOLVE_NO_SYMLINKS));
	T(at2(dir, "two", O_RDONLY, RESOLVE_NO_MAGICLINKS));
	T(at2(dir, "two", O_RDONLY | O_NOFOLLOW, 0));
	T(at2(dir, "two", O_PATH | O_NOFOLLOW, RESOLVE_NO_SYMLINKS));
	T(at2(dir, "rel/g", O_RDONLY, RESOLVE_NO_SYMLINKS));
	T(at2(dir, "d/g", O_RDONLY, RESOLVE_NO_SYMLINKS));
	T(at2(AT_FDCWD, "/proc/self/fd/0", O_RDONLY, RESOLVE_NO_MAGICLINKS));
	T(at2(AT_FDCWD, "/proc/version", O_RDONLY, RESOLVE_NO_XDEV));
	T(at2(dir, "f", O_RDONLY, RESOLVE_NO_XDEV));
	T(at2(dir, "missing", O_RDONLY, RESOLVE_BENEATH));
	T(at2(dir, "f/x", O_RDONLY, RESOLVE_BENEATH));
	T(at2(dir, "", O_RDONLY, RESOLVE_BENEATH));
	T(at2(dir, "f", O_RDONLY, 0x100));
	T(at2(dir, "f", 1ull << 40, 0));
	T(at2(dir, "f", O_RDONLY, RESOLVE_BENEATH | RESOLVE_IN_ROOT));
	T(at2(dir, "f", O_CREAT | O_RDONLY, RESOLVE_CACHED));
	struct open_how how = {.flags = O_RDONLY, .mode = 0600};
	T(syscall(SYS_openat2, dir, "f", &how, sizeof how));
	how = (struct open_how){.flags = O_CREAT | O_RDONLY, .mode = 010000};
	T(syscall(SYS_openat2, dir, "f", &how, sizeof how));
	T(syscall(SYS_openat2, dir, "f", &how, 8));
	T(syscall(SYS_openat2, dir, "f", &how, 100000));
	T(syscall(SYS_openat2, dir, "f", nowhere, sizeof how));
	close(dir);
	T(unlink("r/two"));
	T(unlink("r/d/up"));
	T(unlink("r/abs"));
	T(unlink("r/rel"));
	T(unlink("r/d/g"));
	T(unlink("r/f"));
	T(rmdir("r/d"));
	T(rmdir("r"));
}

static void times(void) {
	puts("# times");
	int fd = make("t", "t");
	struct stat st, st2;
	struct timespec ts[2] = {{1000000000, 123456700}, {-5, 999999900}};
	T(futimens(fd, ts));
	fstat(fd, &st);
	printf("%lld.%09ld %lld.%09ld\n", (long long)st.st_atim.tv_sec, st.st_atim.tv_nsec, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	ts[0].tv_nsec = UTIME_OMIT;
	ts[1] = (struct timespec){7, 100};
	T(utimensat(AT_FDCWD, "t", ts, 0));
	stat("t", &st);
	printf("%lld.%09ld %lld.%09ld\n", (long long)st.st_atim.tv_sec, st.st_atim.tv_nsec, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	ts[0].tv_nsec = UTIME_NOW;
	ts[1].tv_nsec = UTIME_OMIT;
	T(utimensat(AT_FDCWD, "t", ts, 0));
	stat("t", &st2);
	printf("atime moved %d, mtime kept %d, ctime later %d\n", st2.st_atim.tv_sec > st.st_atim.tv_sec, st2.st_mtim.tv_sec == st.st_mtim.tv_sec,
	       st2.st_ctim.tv_sec >= st.st_ctim.tv_sec);
	ts[0].tv_nsec = 1000000000;
	T(utimensat(AT_FDCWD, "t", ts, 0));
	ts[0].tv_nsec = ts[1].tv_nsec = UTIME_OMIT;
	T(utimensat(AT_FDCWD, "missing", ts, 0));
	T(utimensat(AT_FDCWD, "t", ts, 0x4000));
	symlink("t", "l");
	ts[0] = ts[1] = (struct timespec){50, 0};
	T(utimensat(AT_FDCWD, "l", ts, AT_SYMLINK_NOFOLLOW));
	lstat("l", &st);
	stat("l", &st2);
	printf("link %lld, file %lld\n", (long long)st.st_mtim.tv_sec, (long long)st2.st_mtim.tv_sec);
	close(fd);
	unlink("t");
	unlink("l");
}

static void modes(void) {
	puts("# modes");
	struct stat st;
	int fd = make("m", "m");
	for (int m = 0; m < 010000; m = m * 2 + 1) {
		if (chmod("m", m))
			perror("chmod");
		stat("m", &st);
		printf("%o ", st.st_mode);
	}
	puts("");
	T(fchmod(fd, 0755));
	T(access("m", X_OK));
	T(fchmod(fd, 0));
	T(access("m", R_OK));
	T(open("m", O_RDONLY));
	close(fd);
	T(unlink("m"));
	T(mkdir("d", 0755));
	close(make("d/old", "x"));
	T(mkdir("d/sub", 0755));
	T(chmod("d", 0555));
	T(open("d/new", O_CREAT | O_RDWR, 0644));
	T(open("d/old", O_CREAT | O_EXCL | O_RDWR, 0644));
	T(close(open("d/old", O_CREAT | O_RDWR, 0644)));
	T(mkdir("d/new", 0755));
	T(mkdir("d/old", 0755));
	T(unlink("d/old"));
	T(unlink("d/missing"));
	T(rmdir("d/sub"));
	T(rename("d/old", "d/new"));
	T(rename("d/old", "out"));
	T(link("d/old", "d/new"));
	T(symlink("x", "d/new"));
	T(symlink("x", "d/old"));
	T(close(open("d/sub/fine", O_CREAT | O_RDWR, 0644)));
	T(open("d", O_TMPFILE | O_RDWR, 0600));
	T(chmod("d", 0666));
	T(open("d/old", O_RDONLY));
	T(stat("d/old", &st));
	T(access("d/sub/fine", F_OK));
	T(chdir("d"));
	T(open("d/sub/fine", O_RDONLY));
	int dir = open("d", O_RDONLY | O_DIRECTORY);
	T(dir >= 0);
	T(faccessat(dir, "old", F_OK, 0));
	T(chmod("d", 0333));
	T(open("d", O_RDONLY));
	T(close(open("d/old", O_RDONLY)));
	T(unlink("d/sub/fine"));
	T(chmod("d", 0700));
	close(dir);
	T(unlink("d/old"));
	T(rmdir("d/sub"));
	T(mkdir("d/sticky", 01777));
	stat("d/sticky", &st);
	printf("%o\n", st.st_mode);
	T(chmod("d/sticky", 03750));
	stat("d/sticky", &st);
	printf("%o\n", st.st_mode & 05777);
	T(rmdir("d/sticky"));
	T(rmdir("d"));
}

/* What a descriptor stands for, by its name below /proc. */
static char *named(int fd) {
	static char name[40];
	snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	return name;
}

static void behind(void) {
	puts("# behind a descriptor");
	struct stat st;
	struct statfs fs;
	struct timespec ts[2] = {{70, 0}, {80, 0}};
	char b[4] = "";
	int fd = make("m", "m");
	T(chmod(named(fd), 0640));
	T(utimensat(AT_FDCWD, named(fd), ts, 0));
	T(chown(named(fd), getuid(), getgid()));
	stat("m", &st);
	printf("%o %lld\n", st.st_mode, (long long)st.st_mtim.tv_sec);
	int only = open("m", O_PATH | O_NOFOLLOW);
	T(fchmod(only, 0600));
	T(chmod(named(only), 0604));
	ts[1].tv_sec = 90;
	T(utimensat(AT_FDCWD, named(only), ts, 0));
	stat(named(only), &st);
	printf("%o %lld\n", st.st_mode, (long long)st.st_mtim.tv_sec);
	T(statfs(named(only), &fs));
	int again = open(named(only), O_RDONLY);
	T(read(again, b, sizeof b));
	close(again);
	again = open(named(only), O_RDWR | O_TRUNC);
	T(read(again, b, sizeof b));
	close(again);
	again = open(named(fd), O_PATH);
	fstat(again, &st);
	printf("%o\n", st.st_mode);
	close(again);
	again = open(named(fd), O_PATH | O_NOFOLLOW);
	fstat(again, &st);
	printf("%o\n", st.st_mode & S_IFMT);
	close(again);
	T(rename("m", "n"));
	T(chmod(named(only), 0611));
	stat("n", &st);
	printf("%o\n", st.st_mode);
	T(chmod("n", 0));
	T(stat(named(only), &st));
	T(open(named(only), O_RDONLY));
	T(chmod("n", 0600));
	T(unlink("n"));
	T(stat(named(fd), &st));
	T(chmod(named(fd), 0444));
	T(fstat(fd, &st));
	printf("%o %d\n", st.st_mode, (int)st.st_nlink);
	close(only);
	close(fd);
	T(symlink("nowhere", "l"));
	only = open("l", O_PATH | O_NOFOLLOW);
	T(chmod(named(only), 0600));
	T(open(named(only), O_RDONLY));
	close(only);
	T(unlink("l"));
	T(mkdir("d", 0700));
	only = open("d", O_PATH | O_DIRECTORY);
	T(chmod(named(only), 0711));
	stat("d", &st);
	printf("%o\n", st.st_mode);
	again = open(named(only), O_RDONLY | O_DIRECTORY);
	T(fchmod(again, 0755));
	close(again);
	close(only);
	T(rmdir("d"));
	int p[2];
	T(pipe(p));
	T(stat(named(p[0]), &st) || !S_ISFIFO(st.st_mode));
	close(p[0]);
	close(p[1]);
	T(chmod(named(p[0]), 0600));
}

static void listed(void) {
	char *all[10];
	int n = 0;
	DIR *d = opendir(".");
	for (struct dirent *e; n < 10 && (e = readdir(d));)
		if (e->d_name[0] != '.')
			all[n++] = strdup(e->d_name);
	closedir(d);
	for (int more = 1; more;) {
		more = 0;
		for (int i = 1; i < n; i++)
			if (strcmp(all[i - 1], all[i]) > 0) {
				char *x = all[i];
				all[i] = all[i - 1], all[i - 1] = x, more = 1;
			}
	}
	for (int i = 0; i < n; i++)
		printf(" %s", all[i]);
	puts("");
}

/* Names that change in nothing but the case of letters. */
static void spelling(void) {
	puts("# spelling");
	int fd = make("some Name", "1");
	T(rename("some Name", "Some name"));
	listed();
	T(rename("Some name", "Some name"));
	T(mkdir("folder", 0755));
	T(rename("folder", "Folder"));
	close(make("Folder/größe", "2"));
	T(rename("Folder/größe", "Folder/GRÖSSE"));
	T(rename("Folder", "FOLDER"));
	listed();
	T(chdir("FOLDER"));
	listed();
	T(chdir(".."));
	T(link("Some name", "other"));
	T(rename("Some name", "other"));
	listed();
	struct stat st;
	fstat(fd, &st);
	printf("%d\n", (int)st.st_nlink);
	close(fd);
}

static int over;
static void onxfsz(int sig) { over = sig; }

static void limits(void) {
	puts("# RLIMIT_FSIZE");
	struct rlimit old, l;
	getrlimit(RLIMIT_FSIZE, &old);
	l = (struct rlimit){10, old.rlim_max};
	signal(SIGXFSZ, SIG_IGN);
	int fd = make("f", "1234");
	setrlimit(RLIMIT_FSIZE, &l);
	T(write(fd, "56789abcdef", 11));
	T(write(fd, "x", 1));
	T(pwrite(fd, "x", 1, 9));
	T(pwrite(fd, "x", 1, 10));
	T(ftruncate(fd, 11));
	T(ftruncate(fd, 10));
	T(fallocate(fd, 0, 0, 20));
	T(size_of(fd));
	setrlimit(RLIMIT_FSIZE, &old);
	T(ftruncate(fd, 11));
	close(fd);
	unlink("f");
	(void)onxfsz;
}

static int entries(DIR *d) {
	int n = 0;
	rewinddir(d);
	while (readdir(d))
		n++;
	return n;
}

static void folders(void) {
	puts("# folders");
	struct stat st;
	mkdir("d", 0755);
	DIR *d = opendir("d");
	fstat(dirfd(d), &st);
	printf("%d entries, %ld links\n", entries(d), (long)st.st_nlink);
	mkdir("d/one", 0755);
	close(make("d/two", "2"));
	fstat(dirfd(d), &st);
	printf("%d entries, %ld links\n", entries(d), (long)st.st_nlink);
	T(rename("d", "e"));
	T(rmdir("e/one"));
	fstat(dirfd(d), &st);
	printf("%d entries, %ld links\n", entries(d), (long)st.st_nlink);
	T(unlink("e/two"));
	printf("%d entries\n", entries(d));
	T(rmdir("e"));
	T(fstat(dirfd(d), &st));
	closedir(d);
	int fd = open("gone", O_PATH | O_CREAT, 0644);
	T(fd);
	close(make("gone", "text"));
	fd = open("gone", O_PATH);
	T(rename("gone", "there"));
	T(size_of(fd));
	T(unlink("there"));
	T(links_of(fd));
	char b[4];
	T(read(fd, b, 4));
	close(fd);
}

static void odds(void) {
	puts("# odds");
	struct statfs fs;
	struct stat st;
	T(statfs("missing", &fs));
	T(statfs(".", &fs));
	printf("%d %d\n", fs.f_bsize > 0, (int)fs.f_namelen);
	T(fstatfs(99, &fs));
	struct statx sx;
	T(statx(AT_FDCWD, ".", 0, STATX_MODE, &sx));
	printf("%d\n", S_ISDIR(sx.stx_mode));
	T(statx(AT_FDCWD, ".", 0, STATX__RESERVED, &sx));
	T(statx(AT_FDCWD, ".", 0x6000, STATX_MODE, &sx));
	T(statx(AT_FDCWD, "", AT_EMPTY_PATH, STATX_MODE, &sx));
	T(statx(AT_FDCWD, "", 0, STATX_MODE, &sx));
	T(statx(99, "", AT_EMPTY_PATH, STATX_MODE, &sx));
	T(syscall(SYS_faccessat2, AT_FDCWD, ".", R_OK | W_OK | X_OK, AT_EACCESS));
	T(syscall(SYS_faccessat2, AT_FDCWD, ".", 8, 0));
	T(syscall(SYS_faccessat2, AT_FDCWD, ".", 0, 1));
	T(syscall(SYS_close_range, 50, 40, 0));
	T(syscall(SYS_close_range, 50, 60, 8));
	T(dup2(0, 50));
	T(syscall(SYS_close_range, 50, 60, 4));
	T(fcntl(50, F_GETFD));
	T(syscall(SYS_close_range, 50, ~0u, 0));
	T(fcntl(50, F_GETFD));
	T(getxattr("missing", "user.x", NULL, 0));
	T(fgetxattr(99, "user.x", NULL, 0));
	T(stat("/dev/null/x", &st));
	T(mknod("node", S_IFREG | 0600, 0));
	T(mknod("node", S_IFREG | 0600, 0));
	T(mknod("node2", S_IFCHR | 0600, 0x103));
	T(mknod("node2", S_IFDIR | 0600, 0));
	T(unlink("node"));
}

int main(int argc, char **argv) {
	setvbuf(stdout, NULL, _IOLBF, 0);
	umask(022);
	const char *part = argc > 1 ? argv[1] : "";
	struct {
		const char *name;
		void (*run)(void);
	} parts[] = {{"temporary", temporary}, {"space", space}, {"vectors", vectors}, {"copies", copies}, {"advice", advice}, {"names", names},
		     {"resolving", resolving}, {"times", times}, {"modes", modes}, {"behind", behind}, {"spelling", spelling}, {"limits", limits}, {"folders", folders}, {"odds", odds}};
	for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++)
		if (!*part || !strcmp(part, parts[i].name))
			parts[i].run();
	return 0;
}
