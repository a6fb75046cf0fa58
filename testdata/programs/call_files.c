/* Opening, reading, writing, positions, sizes. */
#include "call.h"
#include <linux/fs.h>
#include <linux/openat2.h>
#include <sys/uio.h>

static char buf[64];

static void open_close(void)
{
	int fd;
	NUMBER(umask, "022", 022);
	fd = CALL(open, "create", "new", O_RDWR | O_CREAT | O_EXCL, 0644);
	CALL(open, "exclusive again", "new", O_RDWR | O_CREAT | O_EXCL, 0644);
	CALL(open, "no file", "none", O_RDONLY);
	CALL(open, "no directory", "none/file", O_CREAT | O_WRONLY, 0644);
	CALL(open, "file as directory", "new", O_RDONLY | O_DIRECTORY);
	CALL(open, "below a file", "new/x", O_RDONLY);
	CALL(open, "bad pointer", BAD, O_RDONLY);
	CALL(open, "empty name", "", O_RDONLY);
	CALL(open, "directory for writing", ".", O_WRONLY);
	CALL(close, "file", fd);
	CALL(close, "again", fd);
	CALL(close, "-1", -1);
	fd = CALL(creat, "file", "made", 0600);
	CALL(creat, "no directory", "none/file", 0600);
	CALL(creat, "bad pointer", BAD, 0600);
	CALL(creat, "directory", ".", 0600);
	close(fd);
	fd = CALL(openat, "relative to a directory", open(".", O_RDONLY | O_DIRECTORY), "made", O_RDONLY);
	close(fd);
	CALL(openat, "bad fd", 99, "made", O_RDONLY);
	CALL(openat, "fd of a file", fd = open("made", O_RDONLY), "x", O_RDONLY);
	close(fd);
	CALL(openat, "no file", AT_FDCWD, "none", O_RDONLY);
	CALL(openat, "bad pointer", AT_FDCWD, BAD, O_RDONLY);
	struct open_how how = { .flags = O_RDONLY };
	fd = CALL(openat2, "file", AT_FDCWD, "made", &how, sizeof how);
	close(fd);
	CALL(openat2, "no file", AT_FDCWD, "none", &how, sizeof how);
	CALL(openat2, "short structure", AT_FDCWD, "made", &how, 8);
	CALL(openat2, "bad pointer", AT_FDCWD, "made", BAD, sizeof how);
	how.flags = 1ULL << 40;
	CALL(openat2, "unknown flag", AT_FDCWD, "made", &how, sizeof how);
	how.flags = O_RDONLY;
	how.mode = 0644;
	CALL(openat2, "mode without O_CREAT", AT_FDCWD, "made", &how, sizeof how);
	how.mode = 0;
	how.resolve = RESOLVE_BENEATH;
	close(CALL(openat2, "beneath", AT_FDCWD, "made", &how, sizeof how));
	CALL(openat2, "not beneath", AT_FDCWD, "../x", &how, sizeof how);
	CALL(openat2, "not beneath, absolute", AT_FDCWD, "/", &how, sizeof how);
	how.resolve = RESOLVE_NO_SYMLINKS;
	symlink("made", "link");
	CALL(openat2, "no symbolic links", AT_FDCWD, "link", &how, sizeof how);
	how.resolve = 1ULL << 40;
	CALL(openat2, "unknown resolve", AT_FDCWD, "made", &how, sizeof how);
}

static void read_write(void)
{
	int fd = opened("data", O_RDWR | O_CREAT), ro = opened("data", O_RDONLY), wo = opened("data", O_WRONLY);
	NUMBER(write, "ten", fd, "0123456789", 10);
	NUMBER(write, "nothing", fd, "", 0);
	CALL(write, "bad fd", 99, "x", 1);
	CALL(write, "read-only", ro, "x", 1);
	CALL(write, "bad pointer", fd, BAD, 1);
	NUMBER(read, "five", ro, buf, 5);
	data("%.5s", buf);
	NUMBER(read, "to the end", ro, buf, 50);
	NUMBER(read, "at the end", ro, buf, 50);
	CALL(read, "bad fd", 99, buf, 1);
	CALL(read, "write-only", wo, buf, 1);
	CALL(read, "bad pointer", (lseek(ro, 0, SEEK_SET), ro), BAD, 1);
	CALL(read, "directory", open(".", O_RDONLY), buf, 1);
	struct iovec v[3] = { { "ab", 2 }, { "", 0 }, { "cde", 3 } }, w[2] = { { buf, 3 }, { buf + 10, 40 } };
	struct iovec negative[1] = { { buf, (size_t)-1 } };
	NUMBER(writev, "three", fd, v, 3);
	CALL(writev, "bad fd", 99, v, 3);
	CALL(writev, "bad pointer", fd, BAD, 3);
	CALL(writev, "bad count", fd, v, 2000);
	CALL(writev, "length too large", fd, negative, 1);
	NUMBER(writev, "none", fd, v, 0);
	NUMBER(readv, "two", ro, w, 2);
	data("%.3s %.12s", buf, buf + 10);
	CALL(readv, "bad fd", 99, w, 2);
	CALL(readv, "bad count", ro, w, -1);
	CALL(readv, "bad pointer", ro, BAD, 2);
	NUMBER(pread64, "four", ro, buf, 4, WIDE(2));
	data("%.4s", buf);
	NUMBER(pread64, "behind the end", ro, buf, 4, WIDE(1LL << 33));
	CALL(pread64, "negative offset", ro, buf, 4, WIDE(-1));
	CALL(pread64, "bad fd", 99, buf, 4, WIDE(0));
	CALL(pread64, "bad pointer", ro, BAD, 4, WIDE(0));
	NUMBER(pwrite64, "two", fd, "XY", 2, WIDE(1));
	CALL(pwrite64, "negative offset", fd, "XY", 2, WIDE(-1));
	CALL(pwrite64, "bad fd", 99, "XY", 2, WIDE(0));
	CALL(pwrite64, "read-only", ro, "XY", 2, WIDE(0));
	NUMBER(preadv, "two", ro, w, 2, 1, 0);
	data("%.3s %.11s", buf, buf + 10);
	CALL(preadv, "bad fd", 99, w, 2, 0, 0);
	CALL(preadv, "negative offset", ro, w, 2, -1, -1);
	NUMBER(pwritev, "three", fd, v, 3, 3, 0);
	CALL(pwritev, "bad fd", 99, v, 3, 0, 0);
	CALL(pwritev, "negative offset", fd, v, 3, -1, -1);
	NUMBER(preadv2, "two", ro, w, 2, 2, 0, 0);
	data("%.3s", buf);
	CALL(preadv2, "bad fd", 99, w, 2, 0, 0, 0);
	CALL(preadv2, "unknown flag", ro, w, 2, 0, 0, 1 << 20);
	NUMBER(pwritev2, "three", fd, v, 3, 0, 0, 0);
	NUMBER(pwritev2, "at the file's position", fd, v, 3, -1, -1, 0);
	CALL(pwritev2, "bad fd", 99, v, 3, 0, 0, 0);
	CALL(pwritev2, "unknown flag", fd, v, 3, 0, 0, 1 << 20);
	NUMBER(lseek, "set", fd, 7, SEEK_SET);
	NUMBER(lseek, "back", fd, -2, SEEK_CUR);
	NUMBER(lseek, "end", fd, 0, SEEK_END);
	CALL(lseek, "before the beginning", fd, -100, SEEK_SET);
	CALL(lseek, "bad whence", fd, 0, 99);
	CALL(lseek, "bad fd", 99, 0, SEEK_SET);
	int p[2];
	pipe(p);
	CALL(lseek, "pipe", p[0], 0, SEEK_SET);
	NUMBER(lseek, "hole", fd, 0, SEEK_HOLE);
	CALL(lseek, "data behind the end", fd, 1000, SEEK_DATA);
#ifdef SYS__llseek
	long long at = 0;
	NUMBER(_llseek, "far", fd, 1, 5, &at, SEEK_SET);
	data("%lld", at);
	CALL(_llseek, "bad fd", 99, 0, 0, &at, SEEK_SET);
	CALL(_llseek, "bad pointer", fd, 0, 0, BAD, SEEK_SET);
	CALL(_llseek, "bad whence", fd, 0, 0, &at, 99);
#endif
}

static long size(const char *path)
{
	int fd = open(path, O_RDONLY);
	long n = lseek(fd, 0, SEEK_END);
	close(fd);
	return n;
}

static void truncates(void)
{
	put("cut", "0123456789");
	int fd = opened("cut", O_RDWR), ro = opened("cut", O_RDONLY);
	CALL(truncate, "shorter", "cut", 4);
	data("%ld", size("cut"));
	CALL(truncate, "longer", "cut", 40);
	data("%ld", size("cut"));
	CALL(truncate, "no file", "none", 4);
	CALL(truncate, "negative", "cut", -1);
	CALL(truncate, "directory", ".", 4);
	CALL(truncate, "bad pointer", BAD, 4);
	CALL(ftruncate, "shorter", fd, 5);
	data("%ld", size("cut"));
	CALL(ftruncate, "bad fd", 99, 5);
	CALL(ftruncate, "negative", fd, -1);
	CALL(ftruncate, "read-only", ro, 1);
#ifdef SYS_truncate64
	CALL(truncate64, "longer", "cut", WIDE(50));
	data("%ld", size("cut"));
	CALL(truncate64, "no file", "none", WIDE(5));
	CALL(truncate64, "negative", "cut", WIDE(-1));
	CALL(ftruncate64, "shorter", fd, WIDE(7));
	data("%ld", size("cut"));
	CALL(ftruncate64, "bad fd", 99, WIDE(5));
	CALL(ftruncate64, "negative", fd, WIDE(-1));
#endif
	CALL(fallocate, "longer", fd, 0, WIDE(0), WIDE(100));
	data("%ld", size("cut"));
	CALL(fallocate, "keep size", fd, 1, WIDE(0), WIDE(200));
	data("%ld", size("cut"));
	CALL(fallocate, "bad fd", 99, 0, WIDE(0), WIDE(100));
	CALL(fallocate, "no length", fd, 0, WIDE(0), WIDE(0));
	CALL(fallocate, "negative", fd, 0, WIDE(-1), WIDE(10));
	CALL(fallocate, "read-only", ro, 0, WIDE(0), WIDE(100));
	int p[2];
	pipe(p);
	CALL(fallocate, "pipe", p[1], 0, WIDE(0), WIDE(100));
	CALL(fadvise64, "file", fd, WIDE(0), 0, POSIX_FADV_SEQUENTIAL);
	CALL(fadvise64, "bad fd", 99, WIDE(0), 0, 0);
	CALL(fadvise64, "bad advice", fd, WIDE(0), 0, 99);
	CALL(fadvise64, "pipe", p[0], WIDE(0), 0, 0);
#ifdef SYS_fadvise64_64
	CALL(fadvise64_64, "file", fd, WIDE(0), WIDE(0), POSIX_FADV_RANDOM);
	CALL(fadvise64_64, "bad fd", 99, WIDE(0), WIDE(0), 0);
	CALL(fadvise64_64, "bad advice", fd, WIDE(0), WIDE(0), 99);
	CALL(fadvise64_64, "pipe", p[0], WIDE(0), WIDE(0), 0);
#endif
	CALL(readahead, "file", fd, WIDE(0), 10);
	CALL(readahead, "bad fd", 99, WIDE(0), 10);
	CALL(readahead, "pipe", p[0], WIDE(0), 10);
	CALL(fsync, "file", fd);
	CALL(fsync, "bad fd", 99);
	CALL(fsync, "pipe", p[0]);
	CALL(fdatasync, "file", fd);
	CALL(fdatasync, "bad fd", 99);
	CALL(fdatasync, "pipe", p[0]);
	CALL(sync, "");
	CALL(syncfs, "file", fd);
	CALL(syncfs, "bad fd", 99);
	CALL(sync_file_range, "file", fd, WIDE(0), WIDE(0), 2);
	CALL(sync_file_range, "bad fd", 99, WIDE(0), WIDE(0), 2);
	CALL(sync_file_range, "unknown flag", fd, WIDE(0), WIDE(0), 64);
	CALL(sync_file_range, "pipe", p[0], WIDE(0), WIDE(0), 2);
}

static void between(void)
{
	put("from", "0123456789");
	int in = opened("from", O_RDONLY), out = opened("to", O_RDWR | O_CREAT);
	long at = 2;
	NUMBER(sendfile, "from an offset", out, in, &at, 4);
	data("%ld, now at %ld, %ld", at, (long)lseek(in, 0, SEEK_CUR), (long)lseek(out, 0, SEEK_CUR));
	NUMBER(sendfile, "from the position", out, in, 0, 100);
	CALL(sendfile, "bad fd", out, 99, 0, 4);
	CALL(sendfile, "bad fd out", 99, in, 0, 4);
	CALL(sendfile, "bad pointer", out, in, BAD, 4);
	CALL(sendfile, "out is read-only", in, in, 0, 4);
#ifdef SYS_sendfile64
	long long at64 = 3;
	NUMBER(sendfile64, "from an offset", out, in, &at64, 4);
	data("%lld", at64);
	CALL(sendfile64, "bad fd", out, 99, 0, 4);
	CALL(sendfile64, "bad pointer", out, in, BAD, 4);
#endif
	long long a = 1, b = 0;
	NUMBER(copy_file_range, "with offsets", in, &a, out, &b, 5, 0);
	data("%lld %lld", a, b);
	CALL(copy_file_range, "bad fd", 99, &a, out, &b, 5, 0);
	CALL(copy_file_range, "flags", in, &a, out, &b, 5, 1);
	CALL(copy_file_range, "out is read-only", in, &a, in, &b, 5, 0);
	int n = pread(out, buf, 40, 0);
	printf("to: %.*s\n", n, buf);
}

int main(void)
{
	open_close();
	read_write();
	truncates();
	between();
	return 0;
}
