/*
 * Names of files: those that Windows refuses or reads otherwise, long ones,
 * and deep folders. names PART [FOLDER]. Each call's result is told; names are
 * printed with all but plain ASCII escaped.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void show(const char *s)
{
	for (; *s; s++) {
		unsigned char c = *s;
		if (c > ' ' && c < 127 && c != '\\')
			putchar(c);
		else
			printf("\\x%02x", c);
	}
}

static const char *result(long r)
{
	return r < 0 ? strerrorname_np(errno) : "ok";
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Lists a folder, sorted by bytes, with what stat says and each file's contents. */
static void list(const char *folder)
{
	char *all[2000];
	int n = 0;
	DIR *d = opendir(folder);
	if (!d) {
		printf("opendir: %s\n", result(-1));
		return;
	}
	struct dirent *e;
	while ((e = readdir(d)) && n < 2000)
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			all[n++] = strdup(e->d_name);
	qsort(all, n, sizeof *all, compare);
	for (int i = 0; i < n; i++) {
		struct stat st;
		char text[300] = "";
		printf("  ");
		show(all[i]);
		if (fstatat(dirfd(d), all[i], &st, AT_SYMLINK_NOFOLLOW))
			printf(": %s\n", result(-1));
		else if (S_ISDIR(st.st_mode))
			printf(" folder\n");
		else {
			int fd = openat(dirfd(d), all[i], O_RDONLY);
			if (fd < 0 || read(fd, text, sizeof text - 1) < 0)
				printf(": %s", result(-1));
			printf(" %ld \"", (long)st.st_size);
			show(text);
			printf("\"\n");
			close(fd);
		}
		free(all[i]);
	}
	printf("  %d names\n", n);
	closedir(d);
}

static int listed(const char *folder, const char *name)
{
	int n = 0;
	DIR *d = opendir(folder);
	struct dirent *e;
	while (d && (e = readdir(d)))
		n += !strcmp(e->d_name, name);
	if (d)
		closedir(d);
	return n;
}

static int create(const char *name)
{
	int fd = open(name, O_CREAT | O_EXCL | O_WRONLY, 0644);
	if (fd >= 0) {
		if (write(fd, name, strlen(name)) < 0)
			perror("write");
		close(fd);
	}
	return fd;
}

/* Does with one name all that is done with names. */
static void all(const char *name)
{
	char text[600], cwd[PATH_MAX], *last;
	struct stat st;
	show(name);
	printf(": create %s", result(create(name)));
	printf(", again %s", result(create(name)));
	printf(", stat %s", result(stat(name, &st)));
	printf(" %ld", (long)st.st_size);
	printf(", listed %d", listed(".", name));
	snprintf(text, sizeof text, "./%s", name);
	printf(", ./ %s", result(access(text, R_OK)));
	snprintf(text, sizeof text, "%s/", name);
	printf(", as a folder %s", result(access(text, F_OK)));
	printf(", rename %s", result(rename(name, "other")));
	printf(", gone %s", result(access(name, F_OK)));
	printf(", back %s", result(rename("other", name)));
	printf(", link %s", result(link(name, "hard")));
	printf(", unlink %s", result(unlink(name)));
	printf(", link back %s", result(link("hard", name)));
	unlink("hard");
	printf(", symlink %s", result(symlink(name, "soft")));
	ssize_t len = readlink("soft", text, sizeof text - 1);
	text[len < 0 ? 0 : len] = 0;
	printf(", readlink %s", !strcmp(text, name) ? "the same" : result(len));
	printf(", through it %s\n", result(access("soft", R_OK)));
	unlink("soft");
	printf("  in a folder of that name:");
	printf(" mkdir %s", result(mkdir("sub", 0755)));
	printf(" %s", result(chdir("sub")));
	printf(" %s", result(mkdir(name, 0755)));
	printf(", mkdir again %s", result(mkdir(name, 0755)));
	printf(", chdir %s", result(chdir(name)));
	last = getcwd(cwd, sizeof cwd) ? strrchr(cwd, '/') + 1 : cwd;
	printf(", getcwd %s", !strcmp(last, name) ? "the same" : result(-1));
	printf(", create %s", result(create(name)));
	printf(", listed %d", listed(".", name));
	printf(", chdir .. %s", result(chdir("..")));
	printf(", rmdir %s", result(rmdir(name)));
	snprintf(text, sizeof text, "%s/%s", name, name);
	printf(", unlink %s", result(unlink(text)));
	printf(", rmdir %s\n", result(rmdir(name)));
	if (chdir(".."))
		perror("chdir");
	rmdir("sub");
}

static char *repeat(const char *unit, int times, const char *end)
{
	char *s = malloc(strlen(unit) * times + strlen(end) + 1), *to = s;
	while (times--)
		to = stpcpy(to, unit);
	strcpy(to, end);
	return s;
}

static void each(const char *const *names)
{
	for (; *names; names++)
		all(*names);
	list(".");
}

static const char *const refused[] = {
	"a:b", "a<b>c", "what?", "star*", "pipe|", "\"quoted\"", "back\\slash", ":", "?", "*", "\\", "c:", "c:\\windows", "\\\\server\\share",
	"\\\\?\\c:", "file::$DATA", "a:stream:$DATA", "%PATH%", "a;b", "~", "~1", "LONGFI~1.TXT", NULL,
};
static const char *const dots[] = {
	"a.", "a..", "...", "....", "a ", "a  ", " a", " ", ". ", ".. ", "a. ", "a .", "a . .", ".a", "..a", ".a.", "a.b.", " .", "a\t", NULL,
};
static const char *const devices[] = {
	"con", "nul", "prn", "aux", "com1", "lpt1", "com9", "com0", "Con.c", "NUL.x.y", "aux.txt", "con.tar.gz", "nul.", "nul ", "con .x", "com1:", "lpt1.c",
	"CONIN$", "CONOUT$", "clock$", "com\xc2\xb9", "conx", "xcon", "$MFT", "desktop.ini", NULL,
};
static const char *const bytes[] = {
	"\xff", "caf\xe9", "\x80\x81\x82", "\xc0\xaf", "\xed\xa0\x80", "\xed\xb0\x80", "\xed\xa0\x80\xed\xb0\x80", "\xf4\x90\x80\x80", "\xc3",
	"a\xe2\x82", "\xef\x80\xba", "\xef\x80\xa0", "\xef\x83\xbf", "\xef\xbf\xbd", "\xef\xbb\xbf" "bom", "\xf0\x9f\x98\x80", "e\xcc\x81", "\xc3\xa9", "\xe2\x80\xae" "rtl", "\xc2\xa0",
	"\xef\xbc\x9a", "\xe2\x88\x95", NULL,
};

static void controls(void)
{
	char name[4] = "c";
	for (int c = 1; c < 32; c++) {
		name[1] = c;
		all(name);
	}
	all("\x7f");
	all("\x01");
	all("two\nlines\r");
	list(".");
}

static void longest(void)
{
	const struct {
		const char *unit;
		int times;
		const char *end;
	} names[] = {
		{ "x", 255, "" }, { "x", 256, "" }, { "y", 251, ".txt" }, { "\xc3\xa4", 127, "" }, { "\xc3\xa4", 127, "x" }, { "\xc3\xa4", 128, "" },
		{ "\xe6\x97\xa5", 85, "" }, { "\xe6\x97\xa5", 85, "x" }, { "\xf0\x9f\x98\x80", 63, "xyz" }, { "\xf0\x9f\x98\x80", 64, "" },
		{ "x", 1000, "" }, { "x", 4094, "" }, { "x", 4095, "" }, { "x", 5000, "" },
	};
	struct stat st;
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
		char *s = repeat(names[i].unit, names[i].times, names[i].end);
		printf("%zu bytes: create %s", strlen(s), result(create(s)));
		printf(", stat %s", result(stat(s, &st)));
		printf(", rename %s", result(rename(s, "other")));
		printf(", back %s", result(rename("other", s)));
		printf(", mkdir %s", result(mkdir(s, 0755)));
		printf(", listed %d", listed(".", s));
		printf(", unlink %s", result(unlink(s)));
		printf(", mkdir %s", result(mkdir(s, 0755)));
		printf(", chdir %s\n", result(chdir(s)));
		char cwd[PATH_MAX];
		if (getcwd(cwd, sizeof cwd) && !strcmp(strrchr(cwd, '/') + 1, s) && chdir(".."))
			perror("chdir");
		free(s);
	}
	list(".");
}

/*
 * Goes down in steps until the absolute path has nearly 4,000 bytes, and looks
 * at it from both ends. Linux, and Wine above it, end at 4,095, and Wine adds the
 * name of its own folder of drives.
 */
#define DEEP 3980

static void deep(void)
{
	char top[PATH_MAX], path[3 * PATH_MAX], cwd[PATH_MAX + 1], name[256];
	struct stat st;
	if (!getcwd(top, sizeof top))
		return;
	strcpy(path, top);
	size_t at = strlen(path);
	int steps = 0;
	while (at < DEEP) {
		size_t len = DEEP - at - 1;
		if (len > 200)
			len = len < 250 ? 100 : 200;
		memset(name, 'a' + steps % 26, len);
		name[len] = 0;
		if (mkdir(name, 0755) || chdir(name)) {
			printf("step %d: %s\n", steps, result(-1));
			return;
		}
		path[at++] = '/';
		strcpy(path + at, name);
		at += len;
		steps++;
		if (!getcwd(cwd, sizeof cwd) || strcmp(cwd, path))
			printf("step %d: getcwd %s\n", steps, result(-1));
	}
	printf("%zu bytes: create %s", strlen(path), result(create("leaf")));
	printf(", stat %s", result(stat(path, &st)));
	strcpy(path + at, "/leaf");
	printf(", the leaf %s", result(stat(path, &st)));
	printf(" %ld", (long)st.st_size);
	strcpy(path + at, "/made");
	printf(", made by its whole path %s", result(mkdir(path, 0755)));
	strcpy(path + at, "/made/x");
	printf(" %s", result(open(path, O_CREAT | O_WRONLY, 0644)));
	strcpy(path + at, "/new");
	printf(", renamed %s", result(rename("made/x", path)));
	printf(", listed %d", listed(".", "new"));
	printf(", realpath %s\n", realpath("new", cwd) && !strcmp(cwd, path) ? "the same" : result(-1));
	/* 4,095 bytes are the longest path, 4,096 are refused. */
	memset(path + at, '/', 200);
	strcpy(path + 4095 - 4, "leaf");
	printf("%zu bytes: %s", strlen(path), result(stat(path, &st)));
	memset(path + at, '/', 200);
	strcpy(path + 4096 - 4, "leaf");
	printf(", %zu bytes: %s\n", strlen(path), result(stat(path, &st)));
	/* Below what an absolute path can name. */
	memset(name, 'z', 120);
	name[120] = 0;
	printf("below: chdir to the top %s", result(chdir(top)));
	path[at] = 0;
	int fd = open(path, O_RDONLY | O_DIRECTORY);
	printf(", open %s", result(fd));
	printf(", openat %s", result(openat(fd, "leaf", O_RDONLY)));
	printf(", fchdir %s", result(fchdir(fd)));
	printf(", unlink %s", result(unlink("new")));
	printf(", chdir .. %s", result(chdir("..")));
	printf(", rmdir of the last %s\n", result(rmdir(name)));
	(void)!chdir(top);
}

/* Makes and leaves names that every host can hold. */
static void plain(void)
{
	static const char *const names[] = {
		"gr\xc3\xb6\xc3\x9f" "e", "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", "\xf0\x9f\x98\x80", "with blank", " first", "-dash", "a+b=c,d;e", "{x}[y](z)", "$HOME",
		"%TEMP%", "#!@&'`^~", ".hidden", "..two", "LONGFI~1.TXT", "e\xcc\x81", "\xc3\xa9", NULL,
	};
	for (const char *const *n = names; *n; n++) {
		show(*n);
		printf(": %s\n", result(create(*n)));
	}
	char *s = repeat("n", 255, "");
	printf("255: %s\n", result(create(s)));
}

static void pairs(void)
{
	static const char *const names[] = { "name", "Name", "NAME", "\xc3\xa4", "\xc3\x84", "stra\xc3\x9f" "e", "STRASSE", "\xce\xa3", "\xcf\x83", "\xcf\x82", "i", "\xc4\xb0", "\xc4\xb1", NULL };
	for (const char *const *n = names; *n; n++) {
		show(*n);
		printf(": %s\n", result(create(*n)));
	}
	list(".");
}

int main(int argc, char **argv)
{
	const char *part = argc > 1 ? argv[1] : "";
	if (!strcmp(part, "refused"))
		each(refused);
	else if (!strcmp(part, "dots"))
		each(dots);
	else if (!strcmp(part, "devices"))
		each(devices);
	else if (!strcmp(part, "bytes"))
		each(bytes);
	else if (!strcmp(part, "controls"))
		controls();
	else if (!strcmp(part, "longest"))
		longest();
	else if (!strcmp(part, "deep"))
		deep();
	else if (!strcmp(part, "plain"))
		plain();
	else if (!strcmp(part, "pairs"))
		pairs();
	else if (!strcmp(part, "list"))
		list(argc > 2 ? argv[2] : ".");
	else
		return 2;
	return 0;
}
