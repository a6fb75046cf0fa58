/* Descriptors: copies, flags, locks, pipes. */
#include "call.h"
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <linux/close_range.h>

static char buf[64];

static void copies(int fd)
{
	int d = CALL(dup, "file", fd);
	close(d);
	CALL(dup, "bad fd", 99);
	NUMBER(dup2, "to 40", fd, 40);
	NUMBER(dup2, "to itself", 40, 40);
	CALL(dup2, "bad fd", 99, 40);
	CALL(dup2, "bad target", fd, -1);
	NUMBER(dup3, "to 41", fd, 41, O_CLOEXEC);
	CALL(dup3, "to itself", 41, 41, 0);
	CALL(dup3, "bad fd", 99, 41, 0);
	CALL(dup3, "bad flag", fd, 41, 1);
	CALL(close_range, "40 to 41", 40, 41, 0);
	data("%d %d", fcntl(40, F_GETFD), fcntl(41, F_GETFD));
	CALL(close_range, "wrong order", 41, 40, 0);
	CALL(close_range, "bad flag", 40, 41, 1 << 10);
	dup2(fd, 42);
	CALL(close_range, "close-on-exec", 42, 42, CLOSE_RANGE_CLOEXEC);
	data("%d", fcntl(42, F_GETFD));
}

static void control(struct which w, int fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 10 };
	NUMBER_OF(w, "dup from 50", fd, F_DUPFD, 50);
	NUMBER_OF(w, "dup from 50, close on exec", fd, F_DUPFD_CLOEXEC, 50);
	NUMBER_OF(w, "flags of it", 51, F_GETFD);
	NUMBER_OF(w, "set flags", 50, F_SETFD, FD_CLOEXEC);
	NUMBER_OF(w, "flags", 50, F_GETFD);
	close(50);
	close(51);
	long fl = fcntl(fd, F_GETFL);
	CALL_OF(w, "get status flags", fd, F_GETFL);
	data("%#lo", fl & (O_ACCMODE | O_APPEND | O_NONBLOCK));
	NUMBER_OF(w, "set status flags", fd, F_SETFL, O_APPEND | O_NONBLOCK);
	data("%#o", fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK));
	NUMBER_OF(w, "clear status flags", fd, F_SETFL, 0);
	CALL_OF(w, "bad fd", 99, F_GETFD);
	CALL_OF(w, "bad command", fd, 9999);
	CALL_OF(w, "dup beyond the limit", fd, F_DUPFD, 1 << 30);
	CALL_OF(w, "lock, bad pointer", fd, F_SETLK, BAD);
	CALL_OF(w, "lock", fd, F_SETLK, &lock);
	CALL_OF(w, "who locks", fd, F_GETLK, &lock);
	data("%d", lock.l_type);
	lock.l_type = 77;
	CALL_OF(w, "lock of no kind", fd, F_SETLK, &lock);
	lock.l_type = F_UNLCK;
	CALL_OF(w, "unlock", fd, F_SETLK, &lock);
}

static void locks(int fd)
{
	CALL(flock, "exclusive", fd, LOCK_EX);
	CALL(flock, "not blocking, again", fd, LOCK_EX | LOCK_NB);
	CALL(flock, "unlock", fd, LOCK_UN);
	CALL(flock, "bad fd", 99, LOCK_EX);
	CALL(flock, "no operation", fd, 0);
}

static void pipes(int fd)
{
	int p[2] = { -1, -1 }, q[2];
	CALL(pipe, "", p);
	data("%d", p[1] - p[0]);
	CALL(pipe, "bad pointer", BAD);
	NUMBER(write, "pipe", p[1], "hello", 5);
	int n = 0;
	CALL(ioctl, "bytes to read", p[0], FIONREAD, &n);
	data("%d", n);
	n = 1;
	CALL(ioctl, "not blocking", p[0], FIONBIO, &n);
	CALL(ioctl, "close on exec", p[0], FIOCLEX);
	data("%d", fcntl(p[0], F_GETFD));
	CALL(ioctl, "bad fd", 99, FIONREAD, &n);
	CALL(ioctl, "bad pointer", p[0], FIONREAD, BAD);
	CALL(ioctl, "no terminal", fd, TIOCGWINSZ, buf);
	CALL(ioctl, "no such request", fd, 0x12345, buf);
	NUMBER(read, "pipe", p[0], buf, 60);
	CALL(read, "empty pipe that does not block", p[0], buf, 60);
	close(p[1]);
	NUMBER(read, "pipe without a writer", p[0], buf, 60);
	close(p[0]);
	CALL(pipe2, "not blocking", q, O_NONBLOCK | O_CLOEXEC);
	data("%d %d", fcntl(q[0], F_GETFD), fcntl(q[0], F_GETFL) & O_NONBLOCK);
	CALL(pipe2, "bad flag", q, 1);
	CALL(pipe2, "bad pointer", BAD, 0);

	int a[2], b[2];
	pipe(a);
	pipe(b);
	put("spliced", "0123456789");
	int in = opened("spliced", O_RDONLY);
	NUMBER(splice, "file to pipe", in, 0, a[1], 0, 6, 0);
	NUMBER(tee, "pipe to pipe", a[0], b[1], 4, 0);
	NUMBER(splice, "pipe to file", a[0], 0, fd, 0, 6, 0);
	CALL(splice, "bad fd", 99, 0, a[1], 0, 6, 0);
	CALL(splice, "two files", in, 0, fd, 0, 6, 0);
	CALL(tee, "bad fd", 99, b[1], 4, 0);
	CALL(tee, "a file", in, b[1], 4, 0);
	CALL(tee, "bad flag", a[0], b[1], 4, 1 << 20);
	struct iovec v = { "memory", 6 };
	NUMBER(vmsplice, "memory to pipe", a[1], &v, 1, 0);
	CALL(vmsplice, "bad fd", 99, &v, 1, 0);
	CALL(vmsplice, "a file", in, &v, 1, 0);
	CALL(vmsplice, "bad flag", a[1], &v, 1, 1 << 20);
	close(q[0]);
	close(q[1]);
}

static void memory_files(void)
{
	int fd = CALL(memfd_create, "name", "name", 0);
	NUMBER(write, "memfd_create: memory", fd, "12345", 5);
	NUMBER(pread64, "memfd_create: memory", fd, buf, 10, WIDE(1));
	data("%.4s", buf);
	CALL(memfd_create, "bad flag", "name", 1 << 20);
	CALL(memfd_create, "bad pointer", BAD, 0);
	close(fd);
}

/* Nothing new where the limit is below all that is open. */
static void full(int fd)
{
	struct rlimit none = { 0, 4096 };
	int two[2];
	setrlimit(RLIMIT_NOFILE, &none);
	CALL(dup, "no number left", fd);
	CALL(dup2, "no number left", fd, 40);
	CALL(dup2, "to itself, no number left", fd, fd);
	CALL(dup3, "no number left", fd, 41, 0);
	CALL(fcntl, "no number left", fd, F_DUPFD, 0);
	CALL(open, "no number left", "file", O_RDONLY);
	CALL(openat, "no number left", AT_FDCWD, "file", O_RDONLY);
	CALL(creat, "no number left", "file", 0600);
	CALL(pipe, "no number left", two);
	CALL(pipe2, "no number left", two, O_CLOEXEC);
	CALL(memfd_create, "no number left", "name", 0);
	NUMBER(write, "memfd_create: still open", fd, "12345", 5);
}

int main(void)
{
	int fd = opened("file", O_RDWR | O_CREAT);
	copies(fd);
	control(WHICH(fcntl), fd);
#ifdef SYS_fcntl64
	control(WHICH(fcntl64), fd);
	struct flock64 lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 10 };
	CALL(fcntl64, "large lock", fd, 13, &lock);
	CALL(fcntl64, "large lock, bad fd", 99, 13, &lock);
#endif
	locks(fd);
	pipes(fd);
	memory_files();
	full(fd);
	return 0;
}
