/* inotify: what happens in a folder, to a file, and the calls' errors. Repeated events count as one: hosts differ in how often they tell. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void tell(const char *what, long r)
{
	printf("%s: %ld %s\n", what, r, r < 0 ? strerror(errno) : "");
}

static const struct {
	unsigned bit;
	const char *name;
} names[] = {
	{ IN_ACCESS, "ACCESS" }, { IN_MODIFY, "MODIFY" }, { IN_ATTRIB, "ATTRIB" }, { IN_CLOSE_WRITE, "CLOSE_WRITE" }, { IN_CLOSE_NOWRITE, "CLOSE_NOWRITE" },
	{ IN_OPEN, "OPEN" }, { IN_MOVED_FROM, "MOVED_FROM" }, { IN_MOVED_TO, "MOVED_TO" }, { IN_CREATE, "CREATE" }, { IN_DELETE, "DELETE" },
	{ IN_DELETE_SELF, "DELETE_SELF" }, { IN_MOVE_SELF, "MOVE_SELF" }, { IN_Q_OVERFLOW, "OVERFLOW" }, { IN_IGNORED, "IGNORED" }, { IN_ISDIR, "ISDIR" },
};

static int compare(const void *a, const void *b) { return strcmp(a, b); }

static int sorted; /* whether the order of events is the host's */

/* events reads until nothing has come for a moment and prints what came */
static void events(int fd, const char *title)
{
	static char all[100][300];
	size_t count = 0;
	static char buf[65536] __attribute__((aligned(8)));
	char last[300] = "";
	unsigned cookie = 0;
	printf("%s\n", title);
	struct pollfd p = { fd, POLLIN, 0 };
	while (poll(&p, 1, last[0] ? 400 : 3000) == 1) {
		ssize_t n = read(fd, buf, sizeof buf);
		if (n <= 0) {
			tell("read", n);
			return;
		}
		for (char *q = buf; q < buf + n;) {
			struct inotify_event *e = (struct inotify_event *)q;
			char text[300];
			int at = snprintf(text, sizeof text, "  %d", e->wd);
			for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
				if (e->mask & names[i].bit)
					at += snprintf(text + at, sizeof text - (size_t)at, " %s", names[i].name);
			at += snprintf(text + at, sizeof text - (size_t)at, " %s", e->len ? e->name : "-");
			if (e->len % 16)
				printf("length %u\n", e->len);
			if (e->mask & IN_MOVED_FROM)
				cookie = e->cookie;
			if (e->mask & IN_MOVED_TO)
				snprintf(text + at, sizeof text - (size_t)at, " %s", cookie && e->cookie == cookie ? "of the same" : "of nothing");
			if (strcmp(text, last) && count < 100)
				strcpy(all[count++], text);
			strcpy(last, text);
			q += sizeof *e + e->len;
		}
	}
	if (sorted)
		qsort(all, count, sizeof *all, compare);
	for (size_t i = 0; i < count; i++)
		if (!sorted || i == 0 || strcmp(all[i], all[i - 1]))
			printf("%s\n", all[i]);
}

static void make(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CREAT, 0644);
	if (write(fd, text, strlen(text)) < 0)
		perror(name);
	close(fd);
}

static void folder(void)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	char buf[400];
	printf("descriptor %d %d\n", fd >= 0, fcntl(fd, F_GETFD));
	tell("nothing", read(fd, buf, sizeof buf));
	mkdir("d", 0755);
	mkdir("e", 0755);
	tell("add", inotify_add_watch(fd, "d", IN_CREATE | IN_DELETE | IN_MOVE | IN_ONLYDIR));
	tell("add", inotify_add_watch(fd, "e", IN_CREATE | IN_DELETE | IN_MOVE));
	make("d/one", "text");
	events(fd, "a file is made");
	mkdir("d/folder", 0755);
	events(fd, "a folder is made");
	rename("d/one", "d/two");
	events(fd, "renamed");
	rename("d/folder", "d/moved");
	events(fd, "a folder is renamed");
	rename("d/two", "e/three");
	events(fd, "moved to another folder");
	unlink("e/three");
	events(fd, "deleted");
	rmdir("d/moved");
	events(fd, "a folder is deleted");
	symlink("target", "d/link");
	events(fd, "a link is made");
	unlink("d/link");
	events(fd, "a link is deleted");
	make("outside", "x");
	rename("outside", "d/inside");
	events(fd, "moved in");
	rename("d/inside", "outside");
	events(fd, "moved out");
	unlink("outside");
	tell("remove", inotify_rm_watch(fd, 1));
	tell("remove", inotify_rm_watch(fd, 1));
	events(fd, "removed");
	make("d/unseen", "x");
	make("e/seen", "x");
	events(fd, "the other one");
	unlink("d/unseen");
	unlink("e/seen");
	events(fd, "deleted");
	rmdir("e");
	events(fd, "the folder itself");
	close(fd);
	rmdir("d");
}

static void content(void)
{
	sorted = 1;
	int fd = inotify_init();
	make("file", "text");
	mkdir("d", 0755);
	make("d/f", "text");
	tell("add", inotify_add_watch(fd, "file", IN_MODIFY));
	tell("add", inotify_add_watch(fd, "d", IN_MODIFY | IN_CLOSE_WRITE | IN_OPEN));
	make("file", "other text");
	events(fd, "a file is written");
	make("d/f", "another text");
	events(fd, "a file of the folder is written");
	int ro = open("d/f", O_RDONLY);
	close(ro);
	events(fd, "opened");
	tell("mask", inotify_add_watch(fd, "d", IN_CLOSE_NOWRITE));
	ro = open("d/f", O_RDONLY);
	close(ro);
	events(fd, "closed");
	tell("mask", inotify_add_watch(fd, "d", IN_CLOSE_WRITE | IN_MASK_ADD));
	make("d/f", "x");
	ro = open("d/f", O_RDONLY);
	close(ro);
	events(fd, "both");
	tell("exists", inotify_add_watch(fd, "d", IN_OPEN | IN_MASK_CREATE));
	int other = inotify_init1(0);
	tell("attributes", inotify_add_watch(other, "file", IN_ATTRIB));
	chmod("file", 0444);
	events(other, "read-only");
	chmod("file", 0644);
	events(other, "writable");
	close(other);
	other = inotify_init1(0);
	tell("self", inotify_add_watch(other, "file", IN_DELETE_SELF | IN_MOVE_SELF));
	rename("file", "file2");
	events(other, "moved");
	close(other);
	other = inotify_init1(0);
	tell("self", inotify_add_watch(other, "file2", IN_DELETE_SELF));
	unlink("file2");
	events(other, "deleted");
	tell("gone", inotify_rm_watch(other, 1));
	close(other);
	other = inotify_init1(0);
	tell("once", inotify_add_watch(other, "d", IN_CREATE | IN_ONESHOT));
	make("d/g", "x");
	events(other, "once");
	tell("gone", inotify_rm_watch(other, 1));
	close(other);
	unlink("d/f");
	unlink("d/g");
	rmdir("d");
	close(fd);
}

static void errors(void)
{
	int fd = inotify_init1(IN_NONBLOCK), n = -1;
	char buf[400];
	make("file", "x");
	tell("init flags", inotify_init1(0x100));
	tell("missing", inotify_add_watch(fd, "missing", IN_OPEN));
	tell("no events", inotify_add_watch(fd, ".", 0));
	tell("closed", inotify_add_watch(99, ".", IN_OPEN));
	tell("a file", inotify_add_watch(1, ".", IN_OPEN));
	tell("bad", inotify_add_watch(fd, (char *)8, IN_OPEN));
	tell("only a folder", inotify_add_watch(fd, "file", IN_OPEN | IN_ONLYDIR));
	tell("add and create", inotify_add_watch(fd, "file", IN_OPEN | IN_MASK_ADD | IN_MASK_CREATE));
	tell("remove closed", inotify_rm_watch(99, 1));
	tell("remove of a file", inotify_rm_watch(1, 1));
	tell("remove nothing", inotify_rm_watch(fd, 77));
	symlink("file", "link");
	tell("a file", inotify_add_watch(fd, "file", IN_OPEN));
	tell("by a link", inotify_add_watch(fd, "link", IN_OPEN));
	tell("a link", inotify_add_watch(fd, "link", IN_OPEN | IN_DONT_FOLLOW));
	tell("FIONREAD", ioctl(fd, FIONREAD, &n));
	printf("%d\n", n);
	tell("remove", inotify_rm_watch(fd, 1));
	ioctl(fd, FIONREAD, &n);
	printf("%d\n", n);
	tell("too small", read(fd, buf, 8));
	tell("read", read(fd, buf, sizeof buf));
	tell("write", write(fd, buf, 8));
	tell("seek", lseek(fd, 0, SEEK_SET));
	tell("pread", pread(fd, buf, 8, 0));
	n = (int)readlink("/proc/self/fd/3", buf, sizeof buf);
	printf("%.*s\n", n < 0 ? 0 : n, buf);
	close(fd);
	unlink("file");
	unlink("link");
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "folder"))
		folder();
	if (argc > 1 && !strcmp(argv[1], "content"))
		content();
	if (argc > 1 && !strcmp(argv[1], "errors"))
		errors();
	return 0;
}
