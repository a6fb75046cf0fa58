/* readdir, rewinddir, seekdir, nftw, and a directory that is read while files come and go. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int visited;

static int visit(const char *path, const struct stat *st, int flag, struct FTW *at)
{
	(void)path, (void)st, (void)flag, (void)at;
	visited++;
	return 0;
}

int main(void)
{
	struct dirent **list;
	int n = scandir(".", &list, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		struct stat st;
		lstat(list[i]->d_name, &st);
		printf("%s %s inode %d type ok %d\n", list[i]->d_name, S_ISDIR(st.st_mode) ? "dir" : "file", list[i]->d_ino != 0,
		       list[i]->d_type == DT_UNKNOWN || list[i]->d_type == IFTODT(st.st_mode));
	}
	nftw(".", visit, 10, FTW_PHYS);
	printf("visited %d\n", visited);
	mkdir("many", 0755);
	for (int i = 0; i < 1500; i++) {
		char name[64];
		snprintf(name, sizeof name, "many/file-with-a-name-%04d", i);
		close(open(name, O_WRONLY | O_CREAT, 0644));
	}
	DIR *d = opendir("many");
	struct dirent *e;
	int count = 0;
	while ((e = readdir(d)))
		count++;
	printf("many %d\n", count);
	rewinddir(d);
	long at = 0;
	char name[300] = "";
	for (int i = 0; i < 700; i++) {
		e = readdir(d);
		if (i == 599)
			at = telldir(d);
		if (i == 600)
			strcpy(name, e->d_name);
	}
	seekdir(d, at);
	e = readdir(d);
	printf("seekdir %d\n", e && !strcmp(e->d_name, name));
	rewinddir(d);
	count = 0;
	while ((e = readdir(d)))
		if (e->d_name[0] != '.') {
			char path[320];
			snprintf(path, sizeof path, "many/%s", e->d_name);
			count += unlink(path) == 0;
		}
	closedir(d);
	printf("removed %d, rmdir %d\n", count, rmdir("many"));
	printf("opendir of a file: %s\n", opendir("a.txt") ? "?" : strerror(errno));
	printf("opendir of nothing: %s\n", opendir("missing") ? "?" : strerror(errno));
	char cwd[4096];
	mkdir("deep", 0755);
	chdir("deep");
	printf("getcwd ends in deep: %d\n", getcwd(cwd, sizeof cwd) && !strcmp(strrchr(cwd, '/'), "/deep"));
	printf("getcwd too small: %s\n", getcwd(cwd, 2) ? "?" : strerror(errno));
	return 0;
}
