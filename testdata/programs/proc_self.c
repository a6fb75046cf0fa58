/* /proc, /sys and /dev: names, forms, and what the process knows of itself. */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

static char buf[1 << 16];

/* slurp reads a file into buf; the length, or -1 */
static int slurp(const char *name)
{
	int fd = open(name, O_RDONLY), n = 0, r;
	buf[0] = 0;
	if (fd < 0)
		return -1;
	while (n < (int)sizeof buf - 1 && (r = (int)read(fd, buf + n, sizeof buf - 1 - (size_t)n)) > 0)
		n += r;
	close(fd);
	buf[n] = 0;
	return n;
}

static const char *spell(const char *s)
{
	/* letters stay, numbers become N, blanks one blank */
	static char out[256];
	char *o = out;
	while (*s && *s != '\n' && o < out + sizeof out - 2) {
		if (isxdigit((unsigned char)*s) && isdigit((unsigned char)*s)) {
			*o++ = 'N';
			while (isxdigit((unsigned char)*s))
				s++;
		} else if (*s == ' ' || *s == '\t') {
			*o++ = ' ';
			while (*s == ' ' || *s == '\t')
				s++;
		} else
			*o++ = *s++;
	}
	*o = 0;
	return out;
}

static const char *line(const char *key)
{
	size_t n = strlen(key);
	for (char *p = buf; p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
		if (!strncmp(p, key, n))
			return p;
	return NULL;
}

static void stat_file(char **argv)
{
	unsigned long long f[60] = { 0 };
	int n = 2, len = slurp("/proc/self/stat");
	char *p = strrchr(buf, ')');
	printf("stat %d %d comm %d state %c\n", len > 0, atoi(buf) == getpid(), strstr(buf, "(renamed)") != NULL, p ? p[2] : '?');
	char *save = NULL;
	for (char *w = strtok_r(p + 3, " \n", &save); w; w = strtok_r(NULL, " \n", &save))
		f[++n + 1 > 59 ? 59 : n + 1] = strtoull(w, NULL, 10);
	printf("fields %d ppid %d threads %llu priority %llu nice %llu\n", n + 1, f[4] == (unsigned)getppid(), f[20], f[18], f[19]);
	printf("start %d size %d resident %d\n", f[22] > 0, f[23] > 0, f[24] > 0);
	printf("code %d stack %d\n", f[26] <= (uintptr_t)stat_file && (uintptr_t)stat_file < f[27], f[28] <= (uintptr_t)argv[0] && f[28] + 65536 > (uintptr_t)argv);
	printf("arguments %d end %d\n", f[48] == (uintptr_t)argv[0], f[49] > f[48] && f[50] == f[49] && f[51] >= f[50]);
}

static void status(void)
{
	static const char *const keys[] = {
		"Name", "Umask", "State", "Tgid", "Ngid", "Pid", "PPid", "TracerPid", "Uid", "Gid", "FDSize", "Groups", "VmPeak", "VmSize", "VmLck", "VmPin",
		"VmHWM", "VmRSS", "RssAnon", "RssFile", "RssShmem", "VmData", "VmStk", "VmExe", "VmLib", "VmPTE", "VmSwap", "HugetlbPages", "CoreDumping",
		"Threads", "SigQ", "SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp",
		"Cpus_allowed", "Cpus_allowed_list", "Mems_allowed_list", "voluntary_ctxt_switches", "nonvoluntary_ctxt_switches",
	};
	signal(SIGUSR1, SIG_IGN);
	signal(SIGTERM, (void (*)(int))stat_file);
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGUSR2);
	slurp("/proc/self/status");
	for (unsigned i = 0; i < sizeof keys / sizeof *keys; i++) {
		char key[40];
		snprintf(key, sizeof key, "%s:\t", keys[i]);
		const char *p = line(key);
		if (!p)
			printf("no %s\n", keys[i]);
		else if (strncmp(key, "Groups", 6) && strncmp(key, "Cpus", 4))
			printf("%s\n", spell(p));
	}
	for (unsigned i = 0; i < 5; i++) {
		static const char *const exact[] = { "Umask:", "SigBlk:", "SigIgn:", "SigCgt:", "Threads:" };
		const char *p = line(exact[i]);
		if (p)
			printf("%.*s\n", (int)strcspn(p, "\n"), p);
	}
	const char *p = line("Tgid:");
	printf("tgid %d\n", p && atoi(p + 5) == getpid());
	p = line("VmRSS:");
	printf("resident %d\n", p && atol(p + 6) > 0);
	signal(SIGTERM, SIG_DFL);
	signal(SIGUSR2, SIG_IGN);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void own(char **argv)
{
	struct rlimit l = { 77, 88 };
	setrlimit(RLIMIT_NOFILE, &l);
	slurp("/proc/self/limits");
	printf("%.*s|\n", (int)strcspn(buf, "\n"), buf);
	const char *p = line("Max open files");
	if (p)
		printf("%.*s|\n", (int)strcspn(p, "\n"), p);
	p = line("Max cpu time");
	if (p)
		printf("%.*s|\n", (int)strcspn(p, "\n"), p);
	for (char *q = buf; q && *q; q = strchr(q, '\n') ? strchr(q, '\n') + 1 : NULL)
		printf("%.25s|\n", q);
	int n = slurp("/proc/self/cmdline");
	printf("cmdline %d %d\n", n, !strcmp(buf, argv[0]));
	slurp("/proc/self/comm");
	printf("comm %s", buf);
	int fd = open("/proc/self/comm", O_WRONLY);
	printf("write %zd\n", write(fd, "written\n", 8));
	close(fd);
	prctl(PR_GET_NAME, buf);
	printf("name %s\n", buf);
	n = slurp("/proc/self/environ");
	printf("environ %d\n", n > 0 && strchr(buf, '=') != NULL);
	n = slurp("/proc/self/auxv");
	unsigned long *a = (unsigned long *)buf;
	int ok = n > 0 && n % (2 * sizeof(long)) == 0;
	for (; ok && a[0]; a += 2)
		ok = getauxval(a[0]) == a[1] || (a[0] != AT_PAGESZ && a[0] != AT_PHDR && a[0] != AT_ENTRY && a[0] != AT_UID && a[0] != AT_RANDOM && a[0] != AT_EXECFN);
	printf("auxv %d\n", ok);
	slurp("/proc/self/statm");
	printf("statm %s\n", spell(buf));
	slurp("/proc/self/io");
	for (char *q = buf; *q; q = strchr(q, '\n') + 1)
		printf("io %s\n", spell(q));
	slurp("/proc/self/personality");
	printf("personality %s", buf);
	slurp("/proc/self/cgroup");
	printf("cgroup %d\n", strchr(buf, ':') != NULL && strchr(buf, '/') != NULL);
	slurp("/proc/self/oom_score_adj");
	printf("oom_score_adj %d\n", atoi(buf) >= -1000);
	fd = open("/proc/self/oom_score_adj", O_RDWR);
	printf("write %zd", write(fd, "500", 3));
	printf(" %zd %s", write(fd, "5000", 4), strerror(errno));
	printf(" %zd %s\n", write(fd, "x", 1), strerror(errno));
	close(fd);
	slurp("/proc/self/oom_score_adj");
	printf("oom_score_adj %s", buf);
	slurp("/proc/self/mounts");
	int fields = 0, lines = 0, proc = 0;
	for (char *q = buf; *q; q = strchr(q, '\n') + 1) {
		char kind[64] = "", where[300] = "";
		fields += sscanf(q, "%*s %299s %63s %*s %*d %*d", where, kind) == 2;
		proc |= !strcmp(where, "/proc") && !strcmp(kind, "proc");
		lines++;
	}
	printf("mounts %d %d\n", lines > 0 && fields == lines, proc);
	slurp("/proc/self/mountinfo");
	fields = lines = 0;
	for (char *q = buf; *q; q = strchr(q, '\n') + 1) {
		int a, b, c, d;
		char where[300];
		fields += sscanf(q, "%d %d %d:%d %*s %299s", &a, &b, &c, &d, where) == 5 && where[0] == '/';
		lines++;
	}
	printf("mountinfo %d\n", lines > 0 && fields == lines);
	slurp("/proc/self/maps");
	unsigned long long lo, hi;
	char perm[5];
	int at = 0;
	printf("maps %d", sscanf(buf, "%llx-%llx %4s %*x %*x:%*x %*d %n", &lo, &hi, perm, &at));
	printf(" heap %d stack %d\n", strstr(buf, "[heap]\n") != NULL, strstr(buf, "[stack]\n") != NULL);
}

static void descriptors(void)
{
	char link[300], name[64];
	int fd = open("file", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600), p[2], n;
	n = (int)write(fd, "0123456789", 10);
	lseek(fd, 4, SEEK_SET);
	snprintf(name, sizeof name, "/proc/self/fdinfo/%d", fd);
	slurp(name);
	printf("%.*s\n", (int)(strstr(buf, "mnt_id") - buf), buf);
	printf("mnt_id %d\n", line("mnt_id:\t") != NULL);
	snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	n = (int)readlink(name, link, sizeof link - 1);
	link[n < 0 ? 0 : n] = 0;
	printf("fd %d\n", n > 5 && !strcmp(link + n - 5, "/file"));
	struct stat st;
	lstat(name, &st);
	printf("mode %o\n", st.st_mode);
	stat(name, &st);
	printf("mode %o size %d\n", st.st_mode & S_IFMT, (int)st.st_size);
	int again = open(name, O_RDONLY);
	n = (int)read(again, buf, 4);
	printf("again %d %.4s\n", n, buf);
	pipe(p);
	snprintf(name, sizeof name, "/proc/self/fd/%d", p[0]);
	n = (int)readlink(name, link, sizeof link - 1);
	link[n < 0 ? 0 : n] = 0;
	printf("pipe %s\n", spell(link));
	lstat(name, &st);
	printf("mode %o\n", st.st_mode);
	printf("none %d %s\n", (int)readlink("/proc/self/fd/4000", link, 9), strerror(errno));
	printf("fd x %d %s\n", (int)readlink("/proc/self/fd/x", link, 9), strerror(errno));
	DIR *d = opendir("/proc/self/fd");
	int count = 0;
	for (struct dirent *e; (e = readdir(d));)
		count += isdigit((unsigned char)e->d_name[0]);
	closedir(d);
	printf("descriptors %d\n", count >= 4);
	n = (int)readlink("/proc/self/cwd", link, sizeof link - 1);
	link[n < 0 ? 0 : n] = 0;
	printf("cwd %d\n", !strcmp(link, getcwd(name, sizeof name) ? name : buf) || n > 60);
	n = (int)readlink("/proc/self/root", link, sizeof link - 1);
	printf("root %.*s\n", n, link);
	n = (int)readlink("/proc/self", link, sizeof link - 1);
	link[n < 0 ? 0 : n] = 0;
	printf("self %d\n", atoi(link) == getpid());
	n = (int)readlink("/proc/thread-self", link, sizeof link - 1);
	link[n < 0 ? 0 : n] = 0;
	snprintf(name, sizeof name, "%d/task/%d", getpid(), getpid());
	printf("thread-self %d\n", !strcmp(link, name));
	snprintf(name, sizeof name, "/proc/self/task/%d/comm", getpid());
	slurp(name);
	printf("thread %s", buf);
	snprintf(name, sizeof name, "/proc/%d/status", getpid());
	printf("by number %d\n", slurp(name) > 0);
	close(fd);
	unlink("file");
}

static void refused(void)
{
	static const char *const names[] = { "/proc/self/stat", "/proc/self/maps", "/proc/version", "/proc/nothing", "/proc/99999999", "/proc/self/fd/x", "/proc/self/task/1x", "/proc/sys/kernel/ostype", "/sys/nothing", "/dev/nothing", "/dev/mem" };
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
		int fd = open(names[i], O_WRONLY);
		printf("%s %d", names[i], fd < 0 ? -1 : 0);
		printf(" %s\n", fd < 0 ? strerror(errno) : "");
	}
	printf("readlink %d", (int)readlink("/proc/version", buf, 9));
	printf(" %s\n", strerror(errno));
	printf("unlink %d", unlink("/proc/version"));
	printf(" %s\n", strerror(errno) ? "refused" : "");
	printf("create %d", open("/proc/made", O_CREAT | O_RDWR, 0600));
	printf(" %d\n", errno == ENOENT || errno == EACCES);
	printf("folder %d", open("/proc/self", O_WRONLY));
	printf(" %s\n", strerror(errno));
	printf("truncate %d", truncate("/proc/self/comm", 0));
	printf("\n");
}

static void machine(void)
{
	static const char *const cpu[] = { "processor\t: 0\n", "vendor_id\t: ", "cpu family\t: ", "model\t\t: ", "model name\t: ", "stepping\t: ", "microcode\t: ", "cpu MHz\t\t: ",
		"cache size\t: ", "physical id\t: ", "siblings\t: ", "core id\t\t: ", "cpu cores\t: ", "apicid\t\t: ", "initial apicid\t: ", "fpu\t\t: yes\n", "fpu_exception\t: yes\n",
		"cpuid level\t: ", "wp\t\t: yes\n", "flags\t\t: fpu vme de pse tsc msr pae mce cx8 apic ", "bugs\t\t:", "bogomips\t: ", "clflush size\t: ", "cache_alignment\t: ", "address sizes\t: ", "power management:" };
	slurp("/proc/cpuinfo");
	for (unsigned i = 0; i < sizeof cpu / sizeof *cpu; i++)
		if (!line(cpu[i]))
			printf("cpuinfo lacks %s\n", cpu[i]);
	static const char *const flags[] = { " sse2 ", " ssse3 ", " sse4_2 ", " avx ", " avx2 ", " fma ", " bmi2 ", " avx512f ", " avx512vl ", " aes ", " xsave ", " xsavec ", " lm ", " nx ", " rdtscp ", " popcnt ", " movbe ", " erms ", " sha_ni ", " lahf_lm ", " abm ", " hypervisor " };
	const char *p = line("flags\t\t: ");
	for (unsigned i = 0; i < sizeof flags / sizeof *flags; i++) {
		const char *q = p ? strstr(p, flags[i]) : NULL;
		printf("%s%d\n", flags[i], q && q < p + strcspn(p, "\n"));
	}
	for (unsigned i = 0; i < 5; i++) {
		static const char *const same[] = { "vendor_id", "cpu family", "model\t", "model name", "stepping" };
		p = line(same[i]);
		printf("%.*s\n", p ? (int)strcspn(p, "\n") : 0, p ? p : "");
	}
	struct sysinfo s;
	sysinfo(&s);
	slurp("/proc/meminfo");
	static const char *const memory[] = { "MemTotal:", "MemFree:", "MemAvailable:", "Buffers:", "Cached:", "SwapCached:", "Active:", "Inactive:", "SwapTotal:", "SwapFree:", "Dirty:", "AnonPages:",
		"Mapped:", "Shmem:", "Slab:", "PageTables:", "CommitLimit:", "Committed_AS:", "VmallocTotal:" };
	for (unsigned i = 0; i < sizeof memory / sizeof *memory; i++) {
		p = line(memory[i]);
		printf("%s column %d %s\n", memory[i], p ? (int)strcspn(p, "k\n") >= 25 : 0, p ? spell(p + strlen(memory[i])) : "");
	}
	p = line("MemTotal:");
	printf("total %d\n", p && llabs(atoll(p + 9) - (long long)(s.totalram / 1024 * s.mem_unit)) < 64);
	double a = -1, b = -1;
	slurp("/proc/uptime");
	printf("uptime %d %d\n", sscanf(buf, "%lf %lf", &a, &b), labs((long)a - s.uptime) < 3 && b > 0);
	int running, all, last;
	slurp("/proc/loadavg");
	printf("loadavg %d %d\n", sscanf(buf, "%lf %*f %*f %d/%d %d", &a, &running, &all, &last), last > 0);
	slurp("/proc/version");
	printf("version %d\n", !strncmp(buf, "Linux version ", 14));
	slurp("/proc/stat");
	unsigned long long t[10];
	printf("stat %d", sscanf(buf, "cpu  %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu", t, t + 1, t + 2, t + 3, t + 4, t + 5, t + 6, t + 7, t + 8, t + 9));
	printf(" %d %d %d %d %d\n", t[3] > 0, line("cpu0 ") != NULL, line("btime ") != NULL, line("processes ") != NULL, line("procs_running ") != NULL);
	slurp("/proc/filesystems");
	printf("filesystems %d %d\n", strstr(buf, "nodev\tproc\n") != NULL, strstr(buf, "nodev\ttmpfs\n") != NULL);
	printf("mounts %d swaps %d vmstat %d\n", slurp("/proc/mounts") > 0, slurp("/proc/swaps") > 0, slurp("/proc/vmstat") > 0);
	struct utsname u;
	uname(&u);
	slurp("/proc/sys/kernel/ostype");
	printf("ostype %s", buf);
	slurp("/proc/sys/kernel/osrelease");
	printf("osrelease %d\n", !strncmp(buf, u.release, strlen(u.release)) && buf[strlen(u.release)] == '\n');
	slurp("/proc/sys/kernel/hostname");
	printf("hostname %d\n", !strncmp(buf, u.nodename, strlen(u.nodename)));
	static const char *const numbers[] = { "kernel/pid_max", "kernel/threads-max", "kernel/ngroups_max", "kernel/cap_last_cap", "vm/overcommit_memory", "vm/max_map_count", "vm/mmap_min_addr", "fs/file-max", "fs/pipe-max-size", "fs/nr_open", "fs/inotify/max_user_watches" };
	for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		char name[64];
		snprintf(name, sizeof name, "/proc/sys/%s", numbers[i]);
		int n = slurp(name);
		printf("%s %s %d\n", numbers[i], spell(buf), n > 0 && buf[n - 1] == '\n');
	}
	char uuid[64];
	slurp("/proc/sys/kernel/random/uuid");
	strcpy(uuid, buf);
	slurp("/proc/sys/kernel/random/uuid");
	printf("uuid %zu %d %c\n", strlen(uuid), strcmp(uuid, buf) != 0, uuid[14]);
	slurp("/proc/sys/kernel/random/boot_id");
	strcpy(uuid, buf);
	slurp("/proc/sys/kernel/random/boot_id");
	printf("boot_id %zu %d\n", strlen(uuid), strcmp(uuid, buf));
	/* one processor or more */
	static const char *const sets[] = { "online", "possible", "present" };
	for (int i = 0; i < 3; i++) {
		char name[64];
		snprintf(name, sizeof name, "/sys/devices/system/cpu/%s", sets[i]);
		slurp(name);
		printf("%s %d\n", sets[i], buf[0] == '0' && (buf[1] == '-' || buf[1] == '\n'));
	}
	static const char *const topology[] = { "core_id", "physical_package_id", "thread_siblings", "thread_siblings_list", "core_siblings", "core_siblings_list", "core_cpus_list", "package_cpus_list" };
	for (unsigned i = 0; i < sizeof topology / sizeof *topology; i++) {
		char name[100];
		snprintf(name, sizeof name, "/sys/devices/system/cpu/cpu0/topology/%s", topology[i]);
		printf("%s %d\n", topology[i], slurp(name) > 0);
	}
	for (int i = 0; i < 5; i++) {
		static const char *const cache[] = { "level", "type", "size", "coherency_line_size", "ways_of_associativity", "number_of_sets", "physical_line_partition" };
		for (unsigned k = 0; k < sizeof cache / sizeof *cache; k++) {
			char name[100];
			snprintf(name, sizeof name, "/sys/devices/system/cpu/cpu0/cache/index%d/%s", i, cache[k]);
			slurp(name);
			printf("index%d %s %s\n", i, cache[k], buf[0] ? buf : "none\n");
		}
	}
	slurp("/sys/devices/system/node/online");
	printf("nodes %s", buf);
}

static void devices(void)
{
	static const char *const names[] = { "null", "zero", "full", "random", "urandom", "tty" };
	for (int i = 0; i < 6; i++) {
		char name[32];
		struct stat st;
		snprintf(name, sizeof name, "/dev/%s", names[i]);
		int rc = stat(name, &st);
		printf("%s %d %o %d:%d\n", names[i], rc, st.st_mode & (S_IFMT | 0666), major(st.st_rdev), minor(st.st_rdev));
		if (i == 5)
			continue;
		int fd = open(name, O_RDWR);
		memset(buf, 'x', 64);
		printf(" read %zd", read(fd, buf, 16));
		printf(" write %zd", write(fd, "abc", 3));
		printf(" seek %d", (int)lseek(fd, 5, SEEK_SET));
		printf(" pread %zd", pread(fd, buf, 8, 100));
		printf(" truncate %d", ftruncate(fd, 0));
		printf(" %s\n", strerror(errno));
		errno = 0;
		close(fd);
	}
	struct stat st;
	static const char *const links[] = { "stdin", "stdout", "stderr", "fd" };
	for (int i = 0; i < 4; i++) {
		char name[32], link[100];
		snprintf(name, sizeof name, "/dev/%s", links[i]);
		int n = (int)readlink(name, link, sizeof link);
		printf("%s -> %.*s\n", name, n, link);
	}
	/* shared memory objects */
	int rc = stat("/dev/shm", &st);
	printf("shm %d %d\n", rc, S_ISDIR(st.st_mode));
	char name[40];
	snprintf(name, sizeof name, "/bee-test-%d", getpid());
	int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
	printf("shm_open %d", fd >= 0);
	printf(" %d", shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600));
	printf(" %s\n", strerror(errno));
	printf("size %d", ftruncate(fd, 8192));
	fstat(fd, &st);
	printf(" %d %o\n", (int)st.st_size, st.st_mode);
	printf("write %zd\n", pwrite(fd, "shared", 7, 4096));
	int other = shm_open(name, O_RDONLY, 0);
	printf("read %zd %s\n", pread(other, buf, 7, 4096), buf);
	printf("unlink %d", shm_unlink(name));
	printf(" %d", shm_unlink(name));
	printf(" %s\n", strerror(errno));
}

int main(int argc, char **argv)
{
	/* Whoever has started this may ignore signals, of libc's own too. */
	static const char fallback[64];
	for (int sig = 1; sig <= 64; sig++)
		syscall(SYS_rt_sigaction, sig, fallback, 0, 8);
	prctl(PR_SET_NAME, "renamed");
	const char *what = argc > 1 ? argv[1] : "";
	if (!strcmp(what, "stat"))
		stat_file(argv);
	if (!strcmp(what, "status"))
		status();
	if (!strcmp(what, "own"))
		own(argv);
	if (!strcmp(what, "descriptors"))
		descriptors();
	if (!strcmp(what, "refused"))
		refused();
	if (!strcmp(what, "machine"))
		machine();
	if (!strcmp(what, "devices"))
		devices();
	return 0;
}
