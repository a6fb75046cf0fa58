/* What a file is: status, mode, owner, times, file system, extended attributes. */
#include "call.h"
#include <sys/stat.h>
#include <sys/vfs.h>

/*
 * The offsets of the fields in each of the kernel's structures (asm/stat.h);
 * libc's own differ. The widths of mode and uid are 2 bytes or 4.
 */
struct form {
	int size, mode, uid;
	int narrow;
};

static unsigned char buf[512];

static long field(int at, int width)
{
	long v = 0;
	memcpy(&v, buf + at, width);
	return v;
}

static void show(struct form f)
{
	long mode = field(f.mode, f.narrow ? 2 : 4);
	data("mode %06lo size %ld uid %ld", mode, (mode & 0170000) == 0040000 ? 0 : field(f.size, 4), field(f.uid, f.narrow ? 2 : 4));
}

static void by_path(struct which w, struct form f, int follows)
{
	memset(buf, 0xa5, sizeof buf);
	CALL_OF(w, "file", "file", buf);
	show(f);
	CALL_OF(w, "directory", "dir", buf);
	show(f);
	CALL_OF(w, "link", "soft", buf);
	data("%d", (field(f.mode, 2) & 0170000) == 0120000);
	CALL_OF(w, follows ? "link to nowhere" : "no file", follows ? "nowhere" : "none", buf);
	CALL_OF(w, "below a file", "file/x", buf);
	CALL_OF(w, "empty name", "", buf);
	CALL_OF(w, "bad name", BAD, buf);
	CALL_OF(w, "bad pointer", "file", BAD);
}

static void by_fd(struct which w, struct form f, int fd)
{
	CALL_OF(w, "file", fd, buf);
	show(f);
	CALL_OF(w, "bad fd", 99, buf);
	CALL_OF(w, "bad pointer", fd, BAD);
}

static void by_at(struct which w, struct form f, int fd)
{
	CALL_OF(w, "file", AT_FDCWD, "file", buf, 0);
	show(f);
	CALL_OF(w, "link itself", AT_FDCWD, "soft", buf, AT_SYMLINK_NOFOLLOW);
	data("%d", (field(f.mode, 2) & 0170000) == 0120000);
	CALL_OF(w, "fd alone", fd, "", buf, AT_EMPTY_PATH);
	show(f);
	CALL_OF(w, "bad fd", 99, "file", buf, 0);
	CALL_OF(w, "bad flag", AT_FDCWD, "file", buf, 1);
	CALL_OF(w, "no file", AT_FDCWD, "none", buf, 0);
	CALL_OF(w, "bad pointer", AT_FDCWD, "file", BAD, 0);
}

#ifdef __i386__
/* Inode numbers of 16 bits: files of the host mostly have larger ones. */
static void old_path(struct which w, struct form f)
{
	CALL_OF(w, "device", "/dev/null", buf);
	data("%lo", field(f.mode, 2));
	CALL_OF(w, "no file", "none", buf);
	CALL_OF(w, "bad name", BAD, buf);
	CALL_OF(w, "bad pointer", "/dev/null", BAD);
}
#endif

static void status(int fd)
{
#ifdef __i386__
	struct form plain = { 20, 8, 12, 1 }, old = { 16, 4, 8, 1 }, large = { 44, 16, 24, 0 };
	old_path(WHICH(oldstat), old);
	old_path(WHICH(oldlstat), old);
	int null = opened("/dev/null", O_RDONLY);
	CALL(oldfstat, "device", null, buf);
	CALL(oldfstat, "bad fd", 99, buf);
	CALL(oldfstat, "bad pointer", null, BAD);
	close(null);
	by_path(WHICH(stat64), large, 1);
	by_path(WHICH(lstat64), large, 0);
	by_fd(WHICH(fstat64), large, fd);
	by_at(WHICH(fstatat64), large, fd);
#else
	struct form plain = { 48, 24, 28, 0 };
	by_at(WHICH(newfstatat), plain, fd);
#endif
	by_path(WHICH(stat), plain, 1);
	by_path(WHICH(lstat), plain, 0);
	by_fd(WHICH(fstat), plain, fd);

	struct statx x;
	CALL(statx, "file", AT_FDCWD, "file", 0, STATX_BASIC_STATS, &x);
	data("%06o %lld %d", x.stx_mode, (long long)x.stx_size, x.stx_nlink);
	CALL(statx, "fd alone", fd, "", AT_EMPTY_PATH, STATX_SIZE, &x);
	CALL(statx, "no file", AT_FDCWD, "none", 0, STATX_BASIC_STATS, &x);
	CALL(statx, "bad fd", 99, "file", 0, STATX_BASIC_STATS, &x);
	CALL(statx, "bad flag", AT_FDCWD, "file", 1, STATX_BASIC_STATS, &x);
	CALL(statx, "reserved mask", AT_FDCWD, "file", 0, 1u << 31, &x);
	CALL(statx, "bad pointer", AT_FDCWD, "file", 0, STATX_BASIC_STATS, BAD);
}

static int mode_of(const char *path)
{
	struct statx x;
	return syscall(SYS_statx, AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_MODE, &x) ? -1 : x.stx_mode & 07777;
}

static void modes(int fd)
{
	CALL(chmod, "read-only", "file", 0444);
	data("%o", mode_of("file"));
	CALL(chmod, "back", "file", 0644);
	data("%o", mode_of("file"));
	CALL(chmod, "no file", "none", 0444);
	CALL(chmod, "bad pointer", BAD, 0444);
	CALL(fchmod, "read-only", fd, 0444);
	data("%o", mode_of("file"));
	CALL(fchmod, "bad fd", 99, 0444);
	CALL(fchmodat, "back", AT_FDCWD, "file", 0644);
	data("%o", mode_of("file"));
	CALL(fchmodat, "bad fd", 99, "file", 0444);
	CALL(fchmodat, "no file", AT_FDCWD, "none", 0444);
}

static void chown_path(struct which w, long unset)
{
	CALL_OF(w, "itself", "file", getuid(), getgid());
	CALL_OF(w, "nothing", "file", unset, unset);
	CALL_OF(w, "another user", "file", 0, unset);
	CALL_OF(w, "no file", "none", unset, unset);
	CALL_OF(w, "bad pointer", BAD, unset, unset);
}

static void chown_fd(struct which w, int fd, long unset)
{
	CALL_OF(w, "itself", fd, getuid(), getgid());
	CALL_OF(w, "another user", fd, 0, unset);
	CALL_OF(w, "bad fd", 99, unset, unset);
}

static void owners(int fd)
{
#ifdef __i386__
	chown_path(WHICH(chown), 0xffff);
	chown_path(WHICH(lchown), 0xffff);
	chown_fd(WHICH(fchown), fd, 0xffff);
	chown_path(WHICH(chown32), -1);
	chown_path(WHICH(lchown32), -1);
	chown_fd(WHICH(fchown32), fd, -1);
#else
	chown_path(WHICH(chown), -1);
	chown_path(WHICH(lchown), -1);
	chown_fd(WHICH(fchown), fd, -1);
#endif
	CALL(fchownat, "itself", AT_FDCWD, "file", getuid(), getgid(), 0);
	CALL(fchownat, "another user", AT_FDCWD, "file", 0, -1, 0);
	CALL(fchownat, "bad fd", 99, "file", -1, -1, 0);
	CALL(fchownat, "bad flag", AT_FDCWD, "file", -1, -1, 1);
}

static void times_are(void)
{
	struct statx x;
	syscall(SYS_statx, AT_FDCWD, "file", 0, STATX_BASIC_STATS, &x);
	data("%lld.%09u %lld.%09u", (long long)x.stx_atime.tv_sec, x.stx_atime.tv_nsec, (long long)x.stx_mtime.tv_sec, x.stx_mtime.tv_nsec);
}

static void file_times(int fd)
{
	long seconds[2] = { 1000000000, 1100000000 };
	struct oldtime micro[2] = { { 1200000000, 250000 }, { 1300000000, 500000 } }, wrong[2] = { { 1, 1000000000 }, { 2, 0 } };
	struct oldtime nano[2] = { { 1400000000, 250000300 }, { 1500000000, 500000700 } };
	struct oldtime omit[2] = { { 0, UTIME_OMIT }, { 1600000000, 0 } };
	CALL(utime, "both", "file", seconds);
	times_are();
	CALL(utime, "now", "file", 0);
	CALL(utime, "no file", "none", seconds);
	CALL(utime, "bad pointer", "file", BAD);
	CALL(utimes, "both", "file", micro);
	times_are();
	CALL(utimes, "wrong", "file", wrong);
	CALL(utimes, "no file", "none", micro);
	CALL(futimesat, "both", AT_FDCWD, "file", micro);
	times_are();
	CALL(futimesat, "bad fd", 99, "file", micro);
	CALL(futimesat, "wrong", AT_FDCWD, "file", wrong);
	CALL(utimensat, "both", AT_FDCWD, "file", nano, 0);
	times_are();
	CALL(utimensat, "fd", fd, 0, omit, 0);
	times_are();
	CALL(utimensat, "bad fd", 99, "file", nano, 0);
	CALL(utimensat, "bad flag", AT_FDCWD, "file", nano, 1);
	CALL(utimensat, "no file", AT_FDCWD, "none", nano, 0);
	CALL(utimensat, "bad pointer", AT_FDCWD, "file", BAD, 0);
#ifdef SYS_utimensat_time64
	struct time64 wide[2] = { { 1700000000, 100 }, { 5000000000, 200 } }, bad[2] = { { 1, 1000000000 }, { 2, 0 } };
	CALL(utimensat_time64, "both", AT_FDCWD, "file", wide, 0);
	times_are();
	CALL(utimensat_time64, "wrong", AT_FDCWD, "file", bad, 0);
	CALL(utimensat_time64, "bad fd", 99, "file", wide, 0);
	CALL(utimensat_time64, "no file", AT_FDCWD, "none", wide, 0);
#endif
}

static void systems(int fd)
{
	CALL(statfs, "here", ".", buf);
	CALL(statfs, "no file", "none", buf);
	CALL(statfs, "bad pointer", ".", BAD);
	CALL(fstatfs, "file", fd, buf);
	CALL(fstatfs, "bad fd", 99, buf);
	CALL(fstatfs, "bad pointer", fd, BAD);
#ifdef SYS_statfs64
	CALL(statfs64, "here", ".", sizeof(struct statfs64), buf);
	CALL(statfs64, "wrong size", ".", 4, buf);
	CALL(statfs64, "no file", "none", sizeof(struct statfs64), buf);
	CALL(fstatfs64, "file", fd, sizeof(struct statfs64), buf);
	CALL(fstatfs64, "wrong size", fd, 4, buf);
	CALL(fstatfs64, "bad fd", 99, sizeof(struct statfs64), buf);
#endif
	struct stat st;
	stat(".", &st);
	CALL(ustat, "here", (long)st.st_dev, buf);
	CALL(ustat, "no device", 0x7fff, buf);
	CALL(ustat, "bad pointer", (long)st.st_dev, BAD);
}

static void umasks(void)
{
	NUMBER(umask, "set", 027);
	NUMBER(umask, "back", 022);
}

/* On files whose file system has none. */
static void no_extended(void)
{
	static const char proc[] = "/proc/self/comm";
	int fd = opened(proc, O_RDWR);
	CALL(setxattr, "of proc", proc, "user.one", "1", 1, 0);
	CALL(lsetxattr, "of proc", proc, "user.one", "1", 1, 0);
	CALL(fsetxattr, "of proc", fd, "user.one", "1", 1, 0);
	CALL(getxattr, "of proc", proc, "user.one", buf, 100);
	CALL(lgetxattr, "of proc", proc, "user.one", buf, 100);
	CALL(fgetxattr, "of proc", fd, "user.one", buf, 100);
	NUMBER(listxattr, "of proc", proc, buf, 100);
	NUMBER(llistxattr, "of proc", proc, buf, 100);
	NUMBER(flistxattr, "of proc", fd, buf, 100);
	CALL(removexattr, "of proc", proc, "user.one");
	CALL(lremovexattr, "of proc", proc, "user.one");
	CALL(fremovexattr, "of proc", fd, "user.one");
	struct {
		unsigned bytes;
		int type;
		char handle[64];
	} handle = { 64, 0, "" };
	int mount;
	CALL(name_to_handle_at, "of proc", AT_FDCWD, proc, &handle, &mount, 0);
	CALL(name_to_handle_at, "bad flag", AT_FDCWD, proc, &handle, &mount, 1 << 20);
	CALL(name_to_handle_at, "no file", AT_FDCWD, "none", &handle, &mount, 0);
	close(fd);
}

static void extended(int fd)
{
	CALL(setxattr, "new", "file", "user.one", "12345", 5, 0);
	CALL(setxattr, "exists", "file", "user.one", "x", 1, 1);
	CALL(setxattr, "no file", "none", "user.one", "x", 1, 0);
	CALL(setxattr, "no name space", "file", "one", "x", 1, 0);
	CALL(lsetxattr, "second", "file", "user.two", "22", 2, 0);
	CALL(lsetxattr, "no file", "none", "user.two", "22", 2, 0);
	CALL(fsetxattr, "third", fd, "user.three", "333", 3, 0);
	CALL(fsetxattr, "bad fd", 99, "user.three", "333", 3, 0);
	NUMBER(getxattr, "size", "file", "user.one", 0, 0);
	NUMBER(getxattr, "value", "file", "user.one", buf, 100);
	data("%.5s", buf);
	CALL(getxattr, "no room", "file", "user.one", buf, 2);
	CALL(getxattr, "none", "file", "user.none", buf, 100);
	NUMBER(lgetxattr, "value", "file", "user.two", buf, 100);
	CALL(lgetxattr, "none", "file", "user.none", buf, 100);
	NUMBER(fgetxattr, "value", fd, "user.three", buf, 100);
	CALL(fgetxattr, "bad fd", 99, "user.three", buf, 100);
	NUMBER(listxattr, "size", "file", buf, 100);
	CALL(listxattr, "no room", "file", buf, 2);
	CALL(listxattr, "no file", "none", buf, 100);
	NUMBER(llistxattr, "size", "file", buf, 100);
	CALL(llistxattr, "no file", "none", buf, 100);
	NUMBER(flistxattr, "size", fd, buf, 100);
	CALL(flistxattr, "bad fd", 99, buf, 100);
	CALL(removexattr, "one", "file", "user.one");
	CALL(removexattr, "again", "file", "user.one");
	CALL(lremovexattr, "two", "file", "user.two");
	CALL(lremovexattr, "again", "file", "user.two");
	CALL(fremovexattr, "three", fd, "user.three");
	CALL(fremovexattr, "bad fd", 99, "user.three");
}

int main(void)
{
	umasks();
	put("file", "0123456789");
	mkdir("dir", 0755);
	symlink("file", "soft");
	symlink("none", "nowhere");
	int fd = opened("file", O_RDWR);
	status(fd);
	modes(fd);
	owners(fd);
	file_times(fd);
	systems(fd);
	extended(fd);
	no_extended();
	return 0;
}
