/* uname, ids, limits, random bytes and other questions about the system. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

int main(void)
{
	struct utsname u;
	uname(&u);
	printf("%s %s release %d\n", u.sysname, u.machine, u.release[0] >= '4');
	printf("pid %d ppid %d tid %d\n", getpid() > 0, getppid() >= 0, syscall(SYS_gettid) == getpid());
	unsigned char r[32] = { 0 };
	int set = 0;
	ssize_t n = getrandom(r, sizeof r, 0);
	for (int i = 0; i < 32; i++)
		set += r[i] != 0;
	printf("getrandom %zd %d\n", n, set > 20);
	struct rlimit l;
	printf("nofile %d %d\n", getrlimit(RLIMIT_NOFILE, &l), l.rlim_cur >= 256);
	printf("stack %d %d\n", getrlimit(RLIMIT_STACK, &l), l.rlim_cur >= 1 << 20);
	printf("pages %ld cpus %d open max %d\n", sysconf(_SC_PAGESIZE), sysconf(_SC_NPROCESSORS_ONLN) > 0, sysconf(_SC_OPEN_MAX) > 0);
	struct rusage ru;
	printf("getrusage %d\n", getrusage(RUSAGE_SELF, &ru));
	long rc = syscall(9999);
	printf("unknown call: %ld %s\n", rc, strerror(errno));
	printf("umask %03o", umask(077));
	printf(" %03o\n", umask(022));
	printf("hostname %d\n", gethostname((char *)r, sizeof r));
	char link[4096];
	n = readlink("/proc/self/exe", link, sizeof link);
	printf("exe %d\n", n > 0 && link[0] == '/');
	FILE *f = fopen("/dev/zero", "r");
	printf("zero %d\n", f ? fgetc(f) : -2);
	f = fopen("/dev/urandom", "r");
	printf("urandom %d\n", f && fread(r, 1, 32, f) == 32);
	f = fopen("/dev/full", "w");
	printf("full %d", f && fputs("x", f) >= 0);
	printf(" %d\n", f ? fclose(f) : 0);
	return 0;
}
