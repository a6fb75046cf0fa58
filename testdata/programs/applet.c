/*
 * An applet of busybox, by the name that it is called with: the one under test
 * through beerun, every other natively. busybox's own testsuite runs with links
 * to this program instead of to busybox.
 *
 * The environment says how:
 *   BEE_SUITE_APPLET   the applet under test; "busybox" itself always is
 *   BEE_SUITE_NATIVE   busybox as Linux runs it
 *   BEE_SUITE_DIR      directory for the guard's reports and the guests' marks
 *   BEE_SUITE_COMMAND  guard, Wine, beerun and its flags, a line each; @ becomes
 *                      this process's number
 *   BEE_SUITE_BEE      busybox as beerun takes it
 *   BEE_SUITE_ENV      Wine's environment, a line each
 *   BEE_SUITE_TOP      directory in which the tests work
 * All but these is passed to the applet.
 *
 * To a program under Wine a symbolic link of Linux is what it points to, and
 * beerun's own links are files with a mark. So for as long as a guest runs, the
 * links below BEE_SUITE_TOP have that form, and Linux's for the native programs
 * around it.
 *
 * It ends as the guest did: with its status, or by its signal. A guest that
 * does not end within a minute, or leaves no mark, is told in the file
 * "trouble" of BEE_SUITE_DIR, and the status is 125.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define MAX 8192

static pid_t child;
static volatile sig_atomic_t timed_out;

static void end_child(int sig)
{
	timed_out = sig == SIGALRM;
	kill(-child, SIGKILL);
}

static const char *need(const char *name)
{
	const char *v = getenv(name);
	if (!v) {
		fprintf(stderr, "applet: %s is not set\n", name);
		exit(125);
	}
	return v;
}

/* Appends the lines of text to list, with each @ replaced by number. */
static void lines(char **list, int *n, const char *text, const char *number)
{
	while (*text) {
		size_t len = strcspn(text, "\n");
		char *line = malloc(len + 32), *to = line;
		for (size_t i = 0; i < len; i++) {
			if (text[i] == '@' && number)
				to = stpcpy(to, number);
			else
				*to++ = text[i];
		}
		*to = 0;
		if (*n < MAX)
			list[(*n)++] = line;
		text += len + (text[len] == '\n');
	}
}

static void trouble(const char *dir, const char *what, char **argv)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/trouble", dir);
	FILE *f = fopen(path, "a");
	if (!f)
		return;
	fputs(what, f);
	for (; *argv; argv++)
		fprintf(f, " %s", *argv);
	fputc('\n', f);
	fclose(f);
}

/* A link in beerun's form: the mark, a byte order mark, the target in UTF-16,
 * and the attribute "system", which Wine keeps in DOSATTR. */
#define MARK "!<symlink>\xff\xfe"
#define MARK_LEN 12
#define DOSATTR "user.DOSATTRIB"

/* Puts a link of Linux, whose target is ASCII, into beerun's form. */
static void marked(int dir, const char *name)
{
	char target[PATH_MAX], data[MARK_LEN + 2 * PATH_MAX];
	struct stat st;
	ssize_t len = readlinkat(dir, name, target, sizeof target - 1);
	if (len < 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW))
		return;
	memset(data, 0, sizeof data);
	memcpy(data, MARK, MARK_LEN);
	for (ssize_t i = 0; i < len; i++) {
		if (target[i] & 0x80)
			return;
		data[MARK_LEN + 2 * i] = target[i];
	}
	size_t size = MARK_LEN + 2 * (len + 1);
	unlinkat(dir, name, 0);
	int fd = openat(dir, name, O_CREAT | O_EXCL | O_WRONLY, 0644);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size || fsetxattr(fd, DOSATTR, "0x4", 3, 0)) {
		perror("applet: link in beerun's form");
		exit(125);
	}
	struct timespec times[2] = { st.st_atim, st.st_mtim };
	futimens(fd, times);
	close(fd);
}

/* Puts a file that is a link in beerun's form into Linux's. */
static void unmarked(int dir, const char *name)
{
	char data[MARK_LEN + 2 * PATH_MAX], target[PATH_MAX];
	struct stat st;
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW);
	if (fd < 0)
		return;
	ssize_t len = 0;
	if (!fstat(fd, &st) && fgetxattr(fd, DOSATTR, data, 8) > 0)
		len = read(fd, data, sizeof data);
	close(fd);
	if (len < MARK_LEN + 2 || memcmp(data, MARK, MARK_LEN))
		return;
	int n = 0;
	for (ssize_t i = MARK_LEN; i + 1 < len && n < PATH_MAX - 1 && data[i]; i += 2) {
		if (data[i] & 0x80 || data[i + 1])
			return;
		target[n++] = data[i];
	}
	target[n] = 0;
	unlinkat(dir, name, 0);
	if (symlinkat(target, dir, name)) {
		perror("applet: link in Linux's form");
		exit(125);
	}
	struct timespec times[2] = { st.st_atim, st.st_mtim };
	utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW);
}

/* Puts the links below the directory into the form that a guest needs, or back.
 * Takes fd. */
static void links(int fd, int guest)
{
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return;
	struct dirent *e;
	while ((e = readdir(d))) {
		/* The links to this program are not the tests' files. */
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") || !strcmp(e->d_name, "runtest-tempdir-links"))
			continue;
		if (e->d_type == DT_DIR)
			links(openat(fd, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW), guest);
		else if (e->d_type == DT_LNK && guest)
			marked(fd, e->d_name);
		else if (e->d_type == DT_REG && !guest)
			unmarked(fd, e->d_name);
	}
	closedir(d);
}

int main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/');
	name = name ? name + 1 : argv[0];
	if (strcmp(name, "busybox") && strcmp(name, need("BEE_SUITE_APPLET"))) {
		execv(need("BEE_SUITE_NATIVE"), argv);
		perror("applet: busybox");
		return 125;
	}

	extern char **environ;
	static char *list[MAX + 1], *wine[MAX + 1];
	int n = 0, vars = 0;
	char number[16], mark[PATH_MAX], report[PATH_MAX];
	const char *dir = need("BEE_SUITE_DIR");
	snprintf(number, sizeof number, "%d", (int)getpid());
	snprintf(mark, sizeof mark, "%s/%s.mark", dir, number);
	snprintf(report, sizeof report, "%s/%s.guard", dir, number);
	lines(list, &n, need("BEE_SUITE_COMMAND"), number);
	for (char **e = environ; *e; e++) {
		if (!strncmp(*e, "BEE_SUITE_", 10) || n + 2 > MAX)
			continue;
		list[n++] = "--env";
		list[n++] = *e;
	}
	if (n + argc + 3 > MAX) {
		fprintf(stderr, "applet: too many arguments\n");
		return 125;
	}
	list[n++] = "--argv0";
	list[n++] = (char *)name;
	list[n++] = (char *)need("BEE_SUITE_BEE");
	for (int i = 1; i < argc; i++)
		list[n++] = argv[i];
	lines(wine, &vars, need("BEE_SUITE_ENV"), NULL);

	struct sigaction end = { .sa_handler = end_child };
	sigaction(SIGALRM, &end, NULL);
	sigaction(SIGTERM, &end, NULL);
	sigaction(SIGINT, &end, NULL);
	const char *top = need("BEE_SUITE_TOP");
	links(open(top, O_RDONLY | O_DIRECTORY), 1);
	child = fork();
	if (child < 0) {
		perror("applet: fork");
		return 125;
	}
	if (!child) {
		setpgid(0, 0);
		execve(list[0], list, wine);
		perror("applet: guard");
		_exit(125);
	}
	setpgid(child, child);
	alarm(60);
	int status;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	alarm(0);
	links(open(top, O_RDONLY | O_DIRECTORY), 0);

	int code = -1, sig = -1;
	FILE *f = fopen(mark, "r");
	if (f) {
		if (fscanf(f, "exited %d", &code) != 1) {
			rewind(f);
			if (fscanf(f, "signaled %d", &sig) != 1)
				sig = -1;
		}
		fclose(f);
		unlink(mark);
	}
	struct stat st;
	if (!stat(report, &st) && st.st_size == 0)
		unlink(report);
	if (code >= 0)
		return code;
	if (sig > 0) {
		struct rlimit none = { 0, 0 };
		setrlimit(RLIMIT_CORE, &none);
		signal(sig, SIG_DFL);
		raise(sig);
		return 128 + sig;
	}
	trouble(dir, timed_out ? "timed out:" : "no mark:", argv);
	return 125;
}
