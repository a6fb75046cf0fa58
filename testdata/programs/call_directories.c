/* Names: directories, links, access. */
#include "call.h"
#include <dirent.h>
#include <sys/stat.h>

static char buf[4096];

static int kind(const char *path)
{
	struct stat st;
	if (lstat(path, &st))
		return '-';
	return S_ISREG(st.st_mode) ? 'f' : S_ISDIR(st.st_mode) ? 'd' : S_ISLNK(st.st_mode) ? 'l' : '?';
}

static void directories(void)
{
	CALL(mkdir, "new", "dir", 0755);
	data("%c", kind("dir"));
	CALL(mkdir, "again", "dir", 0755);
	CALL(mkdir, "no parent", "none/dir", 0755);
	CALL(mkdir, "bad pointer", BAD, 0755);
	int at = CALL(open, "directory", "dir", O_RDONLY | O_DIRECTORY);
	CALL(mkdirat, "below", at, "below", 0700);
	data("%c", kind("dir/below"));
	CALL(mkdirat, "again", at, "below", 0700);
	CALL(mkdirat, "bad fd", 99, "below", 0700);
	CALL(mkdirat, "bad pointer", at, BAD, 0700);
	CALL(rmdir, "not empty", "dir");
	CALL(rmdir, "below", "dir/below");
	CALL(rmdir, "again", "dir/below");
	CALL(rmdir, "a file", (put("file", "text"), "file"));
	CALL(rmdir, "itself", ".");
	put("dir/one", "1");
	put("dir/two", "22");
	CALL(getcwd, "here", buf, sizeof buf);
	data("%d", buf[0] == '/');
	CALL(getcwd, "short buffer", buf, 2);
	CALL(getcwd, "bad pointer", BAD, 4096);
	CALL(chdir, "dir", "dir");
	data("%c", kind("one"));
	CALL(chdir, "no directory", "none");
	CALL(chdir, "a file", "one");
	CALL(chdir, "bad pointer", BAD);
	chdir("..");
	CALL(fchdir, "dir", at);
	data("%c", kind("two"));
	CALL(fchdir, "bad fd", 99);
	CALL(fchdir, "a file", open("one", O_RDONLY));
	chdir("..");
	close(at);
}

/* The names, whatever their order. */
struct old_entry {
	unsigned long ino, off;
	unsigned short len;
	char name[];
};
struct new_entry {
	uint64_t ino, off;
	unsigned short len;
	unsigned char type;
	char name[];
};

static void sorted(char names[][16], int n)
{
	qsort(names, n, 16, (int (*)(const void *, const void *))strcmp);
	for (int i = 0; i < n; i++)
		data("%s", names[i]);
}

static void entries(void)
{
	char names[8][16];
	int at = opened("dir", O_RDONLY | O_DIRECTORY), n = 0;
	long len = CALL(getdents, "dir", at, buf, sizeof buf);
	for (long i = 0; i < len && n < 8; i += ((struct old_entry *)(buf + i))->len)
		snprintf(names[n++], 16, "%s", ((struct old_entry *)(buf + i))->name);
	sorted(names, n);
	NUMBER(getdents, "end", at, buf, sizeof buf);
	lseek(at, 0, SEEK_SET);
	CALL(getdents, "short buffer", at, buf, 4);
	CALL(getdents, "bad fd", 99, buf, sizeof buf);
	CALL(getdents, "a file", open("file", O_RDONLY), buf, sizeof buf);
	lseek(at, 0, SEEK_SET);
	len = CALL(getdents64, "dir", at, buf, sizeof buf), n = 0;
	for (long i = 0; i < len && n < 8; i += ((struct new_entry *)(buf + i))->len)
		snprintf(names[n++], 16, "%s %d", ((struct new_entry *)(buf + i))->name, ((struct new_entry *)(buf + i))->type);
	sorted(names, n);
	NUMBER(getdents64, "end", at, buf, sizeof buf);
	lseek(at, 0, SEEK_SET);
	CALL(getdents64, "short buffer", at, buf, 4);
	CALL(getdents64, "bad fd", 99, buf, sizeof buf);
	CALL(getdents64, "a file", open("file", O_RDONLY), buf, sizeof buf);
	CALL(getdents64, "bad pointer", at, BAD, sizeof buf);
#ifdef SYS_readdir
	lseek(at, 0, SEEK_SET);
	NUMBER(readdir, "first", at, buf, 1);
	CALL(readdir, "bad fd", 99, buf, 1);
	CALL(readdir, "a file", open("file", O_RDONLY), buf, 1);
#endif
	close(at);
}

static void links(void)
{
	struct stat st;
	CALL(link, "second name", "file", "hard");
	lstat("file", &st);
	data("%d", (int)st.st_nlink);
	CALL(link, "again", "file", "hard");
	CALL(link, "no file", "none", "hard2");
	CALL(link, "directory", "dir", "hard2");
	CALL(link, "bad pointer", BAD, "hard2");
	CALL(linkat, "third name", AT_FDCWD, "file", AT_FDCWD, "hard3", 0);
	CALL(linkat, "again", AT_FDCWD, "file", AT_FDCWD, "hard3", 0);
	CALL(linkat, "bad fd", 99, "file", AT_FDCWD, "hard4", 0);
	CALL(linkat, "bad flag", AT_FDCWD, "file", AT_FDCWD, "hard4", 1);
	CALL(symlink, "new", "file", "soft");
	data("%c", kind("soft"));
	CALL(symlink, "again", "file", "soft");
	CALL(symlink, "no directory", "file", "none/soft");
	CALL(symlink, "empty", "", "soft9");
	CALL(symlink, "bad pointer", BAD, "soft9");
	CALL(symlinkat, "nowhere", "nowhere", AT_FDCWD, "soft2");
	CALL(symlinkat, "again", "nowhere", AT_FDCWD, "soft2");
	CALL(symlinkat, "bad fd", "nowhere", 99, "soft3");
	NUMBER(readlink, "soft", "soft", buf, 100);
	data("%.4s", buf);
	NUMBER(readlink, "cut", "soft2", buf, 3);
	data("%.3s", buf);
	CALL(readlink, "a file", "file", buf, 100);
	CALL(readlink, "no file", "none", buf, 100);
	CALL(readlink, "no room", "soft", buf, 0);
	CALL(readlink, "bad pointer", "soft", BAD, 100);
	NUMBER(readlinkat, "soft2", AT_FDCWD, "soft2", buf, 100);
	CALL(readlinkat, "a file", AT_FDCWD, "file", buf, 100);
	CALL(readlinkat, "bad fd", 99, "soft2", buf, 100);
	CALL(open, "through a link", "soft", O_RDONLY);
	CALL(open, "link to nowhere", "soft2", O_RDONLY);
	CALL(open, "not through a link", "soft", O_RDONLY | O_NOFOLLOW);
}

static void renames(void)
{
	CALL(rename, "file", "hard", "moved");
	data("%c%c", kind("hard"), kind("moved"));
	CALL(rename, "no file", "none", "moved");
	CALL(rename, "no directory", "moved", "none/moved");
	CALL(rename, "file over directory", "moved", "dir");
	CALL(rename, "directory over file", "dir", "moved");
	CALL(rename, "directory into itself", "dir", "dir/dir");
	CALL(rename, "bad pointer", BAD, "x");
	CALL(renameat, "back", AT_FDCWD, "moved", AT_FDCWD, "hard");
	CALL(renameat, "no file", AT_FDCWD, "moved", AT_FDCWD, "hard");
	CALL(renameat, "bad fd", 99, "moved", AT_FDCWD, "hard");
	CALL(renameat2, "file", AT_FDCWD, "hard", AT_FDCWD, "moved", 0);
	CALL(renameat2, "not over a file", AT_FDCWD, "moved", AT_FDCWD, "file", 1);
	CALL(renameat2, "no file", AT_FDCWD, "none", AT_FDCWD, "file", 0);
	CALL(renameat2, "bad flags", AT_FDCWD, "moved", AT_FDCWD, "file", 1 << 10);
	CALL(renameat2, "bad fd", 99, "moved", AT_FDCWD, "file", 0);
	CALL(unlink, "file", "moved");
	data("%c", kind("moved"));
	CALL(unlink, "again", "moved");
	CALL(unlink, "a directory", "dir");
	CALL(unlink, "bad pointer", BAD);
	CALL(unlinkat, "file", AT_FDCWD, "hard3", 0);
	CALL(unlinkat, "again", AT_FDCWD, "hard3", 0);
	CALL(unlinkat, "a directory", AT_FDCWD, "dir", 0);
	CALL(unlinkat, "directory that is not empty", AT_FDCWD, "dir", AT_REMOVEDIR);
	CALL(unlinkat, "bad fd", 99, "hard3", 0);
	CALL(unlinkat, "bad flag", AT_FDCWD, "soft", 1);
}

static void nodes(void)
{
	CALL(mknod, "file", "node", S_IFREG | 0644, 0);
	data("%c", kind("node"));
	CALL(mknod, "again", "node", S_IFREG | 0644, 0);
	CALL(mknod, "device", "device", S_IFCHR | 0644, 0x103);
	CALL(mknod, "directory", "device", S_IFDIR | 0644, 0);
	CALL(mknod, "no directory", "none/node", S_IFREG | 0644, 0);
	CALL(mknodat, "file", AT_FDCWD, "node2", S_IFREG | 0644, 0);
	CALL(mknodat, "again", AT_FDCWD, "node2", S_IFREG | 0644, 0);
	CALL(mknodat, "bad fd", 99, "node3", S_IFREG | 0644, 0);
}

static void accesses(void)
{
	chmod("node", 0444);
	CALL(access, "exists", "file", F_OK);
	CALL(access, "readable", "node", R_OK);
	CALL(access, "not writable", "node", W_OK);
	CALL(access, "no file", "none", F_OK);
	CALL(access, "bad mode", "file", 99);
	CALL(access, "bad pointer", BAD, F_OK);
	CALL(faccessat, "exists", AT_FDCWD, "file", F_OK);
	CALL(faccessat, "not writable", AT_FDCWD, "node", W_OK);
	CALL(faccessat, "bad fd", 99, "file", F_OK);
	CALL(faccessat2, "exists", AT_FDCWD, "file", F_OK, AT_EACCESS);
	CALL(faccessat2, "link itself", AT_FDCWD, "soft2", F_OK, AT_SYMLINK_NOFOLLOW);
	CALL(faccessat2, "link to nowhere", AT_FDCWD, "soft2", F_OK, 0);
	CALL(faccessat2, "bad flag", AT_FDCWD, "file", F_OK, 1);
	CALL(faccessat2, "bad fd", 99, "file", F_OK, 0);
	CALL(chroot, "not permitted", ".");
	CALL(chroot, "no directory", "none");
	CALL(chroot, "bad pointer", BAD);
}

int main(void)
{
	umask(022);
	directories();
	entries();
	links();
	renames();
	nodes();
	accesses();
	return 0;
}
