/* File operations and their errors. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

static void say(const char *what, long rc)
{
	printf("%s: %ld%s%s\n", what, rc < 0 ? -1 : rc, rc < 0 ? " " : "", rc < 0 ? strerror(errno) : "");
}

#define DO(call) (errno = 0, say(#call, (long)(call)))

static void show(const char *path)
{
	struct stat st;
	if (lstat(path, &st)) {
		printf("%s: %s\n", path, strerror(errno));
		return;
	}
	printf("%s: %s %04o size %lld mtime %lld.%09ld\n", path,
	       S_ISREG(st.st_mode) ? "file" : S_ISDIR(st.st_mode) ? "dir" : S_ISLNK(st.st_mode) ? "link" : "other",
	       st.st_mode & 07777, S_ISDIR(st.st_mode) ? 0LL : (long long)st.st_size, (long long)0, 0L);
}

int main(void)
{
	char buf[100];
	umask(022);
	int fd = open("new", O_RDWR | O_CREAT | O_EXCL, 0666);
	say("open", fd);
	DO(open("new", O_RDWR | O_CREAT | O_EXCL, 0666));
	DO(write(fd, "0123456789", 10));
	DO(lseek(fd, 3, SEEK_SET));
	DO(read(fd, buf, 4));
	printf("%.4s\n", buf);
	DO(lseek(fd, -2, SEEK_END));
	DO(write(fd, "ABCD", 4));
	DO(pread(fd, buf, 20, 5));
	printf("%.7s\n", buf);
	DO(pwrite(fd, "xx", 2, 20));
	DO(lseek(fd, 0, SEEK_END));
	DO(pread(fd, buf, 22, 0));
	printf("hole %d %d\n", buf[12], buf[19]);
	DO(ftruncate(fd, 5));
	DO(lseek(fd, 0, SEEK_CUR));
	DO(lseek(fd, -1, SEEK_SET));
	DO(lseek(fd, 0, 99));
	DO(ftruncate(fd, 9));
	show("new");
	DO(fsync(fd));
	struct iovec iov[3] = { { "one", 3 }, { "", 0 }, { "two!", 4 } };
	DO(lseek(fd, 0, SEEK_SET));
	DO(writev(fd, iov, 3));
	DO(lseek(fd, 0, SEEK_SET));
	char x[4], y[10];
	struct iovec in[2] = { { x, 4 }, { y, 10 } };
	DO(readv(fd, in, 2));
	printf("%.4s|%.5s\n", x, y);
	int d = dup(fd);
	say("dup", d);
	DO(lseek(d, 2, SEEK_SET));
	DO(lseek(fd, 0, SEEK_CUR));
	DO(dup2(fd, 9));
	DO(dup2(fd, fd));
	DO(dup2(77, 8));
	DO(fcntl(9, F_GETFD));
	DO(fcntl(9, F_SETFD, FD_CLOEXEC));
	DO(fcntl(9, F_GETFD));
	DO(fcntl(fd, F_GETFL) & O_ACCMODE);
	DO(fcntl(fd, F_DUPFD, 20));
	DO(close(20));
	DO(close(20));
	DO(close(9));
	DO(close(d));
	DO(close(fd));
	DO(read(fd, buf, 1));
	fd = open("new", O_WRONLY | O_APPEND);
	DO(lseek(fd, 0, SEEK_SET));
	DO(write(fd, "app", 3));
	DO(lseek(fd, 0, SEEK_CUR));
	DO(read(fd, buf, 1));
	close(fd);
	fd = open("new", O_RDONLY);
	DO(write(fd, "x", 1));
	DO(ftruncate(fd, 1));
	close(fd);
	DO(open("missing", O_RDONLY));
	DO(open("dir", O_WRONLY));
	DO(open("a.txt/x", O_RDONLY));
	DO(open("a.txt", O_RDONLY | O_DIRECTORY));
	DO(open("missing/x", O_RDWR | O_CREAT, 0644));
	DO(open("", O_RDONLY));
	DO(open((char *)8, O_RDONLY));
	DO(open("readonly.txt", O_WRONLY));
	char name[300];
	memset(name, 'n', 299);
	name[299] = 0;
	DO(open(name, O_RDONLY | O_CREAT, 0644));
	fd = open("dir", O_RDONLY);
	DO(read(fd, buf, 1));
	DO(openat(fd, "one.txt", O_RDONLY) > 0);
	DO(faccessat(fd, "sub", F_OK, 0));
	DO(fchdir(fd));
	DO(access("one.txt", R_OK));
	DO(chdir(".."));
	close(fd);
	DO(mkdir("made", 0755));
	DO(mkdir("made", 0755));
	DO(mkdir("no/made", 0755));
	DO(rename("new", "made/moved"));
	DO(rename("missing", "x"));
	DO(rename("a.txt", "made"));
	DO(rename("made", "a.txt"));
	DO(rename("dir", "dir/sub/inside"));
	DO(rename("made", "dir/sub"));
	DO(rename("b.txt", "a.txt"));
	show("a.txt");
	show("b.txt");
	DO(rmdir("made"));
	DO(unlink("made"));
	DO(unlink("made/moved"));
	DO(rmdir("made"));
	DO(rmdir("a.txt"));
	DO(unlink("missing"));
	DO(chmod("numbers.txt", 0600));
	show("numbers.txt");
	DO(chmod("numbers.txt", 0444));
	show("numbers.txt");
	DO(open("numbers.txt", O_WRONLY));
	DO(chmod("numbers.txt", 0755));
	show("numbers.txt");
	DO(chmod("numbers.txt", 0644));
	DO(access("numbers.txt", W_OK));
	DO(access("numbers.txt", X_OK));
	DO(access("run.sh", X_OK));
	DO(symlink("a.txt", "soft"));
	show("soft");
	DO(readlink("soft", buf, sizeof buf));
	DO(readlink("a.txt", buf, sizeof buf));
	DO(readlink("soft", buf, 3));
	fd = open("soft", O_RDONLY);
	DO(read(fd, buf, 5));
	close(fd);
	DO(open("soft", O_RDONLY | O_NOFOLLOW));
	DO(symlink("loop", "loop"));
	DO(open("loop", O_RDONLY));
	DO(symlink("nowhere", "dangling"));
	DO(open("dangling", O_RDONLY));
	DO(access("dangling", F_OK));
	DO(symlink("dir", "softdir"));
	DO(access("softdir/one.txt", R_OK));
	DO(unlink("softdir"));
	DO(truncate("a.txt", 3));
	show("a.txt");
	/* Delete and rename while open. */
	fd = open("text.txt", O_RDWR);
	DO(unlink("text.txt"));
	show("text.txt");
	DO(read(fd, buf, 9));
	printf("%.9s\n", buf);
	struct stat st;
	DO(fstat(fd, &st));
	printf("links %d\n", (int)st.st_nlink);
	int again = open("text.txt", O_RDWR | O_CREAT | O_EXCL, 0644);
	printf("made again: %d\n", again >= 0);
	DO(write(again, "new text\n", 9));
	DO(rename("text.txt", "renamed"));
	DO(write(again, "more\n", 5));
	DO(close(again));
	DO(close(fd));
	show("renamed");
	struct timespec times[2] = { { 1000000000, 0 }, { 1500000000, 123456700 } };
	DO(utimensat(AT_FDCWD, "renamed", times, 0));
	stat("renamed", &st);
	printf("mtime %lld.%09ld\n", (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	DO(utimensat(AT_FDCWD, "missing", times, 0));
	struct statfs fs;
	DO(statfs(".", &fs));
	printf("statfs %d\n", fs.f_bsize > 0 && fs.f_blocks > 0);
	DO(link("a.txt", "hard"));
	stat("hard", &st);
	printf("links %d\n", (int)st.st_nlink);
	char tmp[] = "tmpXXXXXX";
	fd = mkstemp(tmp);
	printf("mkstemp %d\n", fd >= 0);
	unlink(tmp);
	close(fd);
	int ends[2];
	DO(pipe(ends));
	DO(write(ends[1], "through", 7));
	DO(read(ends[0], buf, 100));
	DO(lseek(ends[0], 0, SEEK_CUR));
	DO(close(ends[1]));
	DO(read(ends[0], buf, 100));
	return 0;
}
