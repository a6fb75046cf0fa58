/* The life of threads: many at once, many in a row, detached, the first one's end before the others', ends of all. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static pthread_attr_t small;
static __thread intptr_t mine = 42;
static sem_t here, go;
static int wrong, ended;

static void *wait_here(void *arg)
{
	if (mine != 42)
		__atomic_fetch_add(&wrong, 1, __ATOMIC_SEQ_CST);
	mine = (intptr_t)arg;
	sem_post(&here);
	while (sem_wait(&go) != 0)
		;
	if (mine != (intptr_t)arg)
		__atomic_fetch_add(&wrong, 1, __ATOMIC_SEQ_CST);
	return (void *)(mine * 3);
}

static int tasks(void)
{
	int n = 0;
	DIR *d = opendir("/proc/self/task");
	if (!d)
		return -1;
	for (struct dirent *e; (e = readdir(d));)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static void at_once(int n)
{
	pthread_t *t = calloc(n, sizeof *t);
	for (int i = 0; i < n; i++) {
		int e = pthread_create(&t[i], &small, wait_here, (void *)(intptr_t)i);
		if (e) { printf("thread %d: %s\n", i, strerror(e)); exit(1); }
	}
	for (int i = 0; i < n; i++)
		sem_wait(&here);
	printf("tasks %d\n", tasks());
	for (int i = 0; i < n; i++)
		sem_post(&go);
	for (int i = 0; i < n; i++) {
		void *r;
		pthread_join(t[i], &r);
		wrong += (intptr_t)r != i * 3;
	}
	/* The kernel tells of a thread's end before it is gone. */
	for (int i = 0; i < 2000 && tasks() != 1; i++)
		usleep(1000);
	printf("joined, tasks %d, wrong %d\n", tasks(), wrong);
	free(t);
}

static void *nothing(void *arg) { mine++; return arg; }

/* As many threads as there can be, up to n. Beyond that the program is told so, and goes on. */
static void as_many(int n)
{
	pthread_t *t = calloc(n, sizeof *t);
	int made = 0, e = 0;
	while (made < n && !(e = pthread_create(&t[made], &small, wait_here, (void *)(intptr_t)made)))
		made++;
	for (int i = 0; i < made; i++)
		sem_wait(&here);
	printf("more than 400: %d, then %s\n", made > 400, e == EAGAIN ? "EAGAIN or none" : e ? strerror(e) : "EAGAIN or none");
	for (int i = 0; i < made; i++)
		sem_post(&go);
	for (int i = 0; i < made; i++)
		pthread_join(t[i], 0);
	for (int i = 0; i < 2000 && tasks() != 1; i++)
		usleep(1000);
	e = pthread_create(&t[0], &small, nothing, 0);
	printf("afterwards: %s\n", strerror(e));
	if (!e)
		pthread_join(t[0], 0);
	printf("wrong %d\n", wrong);
	free(t);
}

/* What Linux tells of the process's memory in pages. */
static long resident(void)
{
	long size = 0, rss = 0;
	FILE *f = fopen("/proc/self/statm", "r");
	if (f) {
		if (fscanf(f, "%ld %ld", &size, &rss) != 2)
			size = 0;
		fclose(f);
	}
	return size;
}

static void in_a_row(int n)
{
	long before = 0;
	for (int i = 0; i < n; i++) {
		pthread_t t;
		void *r;
		int e = pthread_create(&t, &small, nothing, (void *)(intptr_t)i);
		if (e) { printf("thread %d: %s\n", i, strerror(e)); exit(1); }
		pthread_join(t, &r);
		wrong += (intptr_t)r != i;
		if (i == n / 2)
			before = resident();
	}
	printf("%d in a row, wrong %d, grown %d\n", n, wrong, resident() - before > 256);
}

static void *detached(void *arg)
{
	__atomic_fetch_add(&ended, 1, __ATOMIC_SEQ_CST);
	return arg;
}

static void detach(int n)
{
	pthread_attr_t a;
	pthread_attr_init(&a);
	pthread_attr_setstacksize(&a, 65536);
	pthread_attr_setdetachstate(&a, PTHREAD_CREATE_DETACHED);
	for (int i = 0; i < n; i++) {
		pthread_t t;
		int e;
		while ((e = pthread_create(&t, i % 2 ? &a : &small, detached, 0)) == EAGAIN)
			usleep(1000);
		if (e) { printf("thread %d: %s\n", i, strerror(e)); exit(1); }
		if (i % 2 == 0)
			pthread_detach(t);
	}
	while (__atomic_load_n(&ended, __ATOMIC_SEQ_CST) != n)
		usleep(1000);
	for (int i = 0; i < 2000 && tasks() != 1; i++)
		usleep(1000);
	printf("%d detached, tasks %d\n", ended, tasks());
}

static void *last(void *arg)
{
	usleep(50000);
	printf("the first thread has ended, tasks %s\n", tasks() == 2 ? "2" : "?");
	fflush(stdout);
	if (arg)
		exit(7);
	return 0;
}

static void *block(void *arg)
{
	char b;
	int *p = arg;
	sem_post(&here);
	for (;;)
		if (read(p[0], &b, 1) <= 0)
			pause();
	return 0;
}
static void *spin(void *arg) { static volatile int n; sem_post(&here); for (;;) n++; return arg; }
static void *sleeping(void *arg) { sem_post(&here); for (;;) sleep(1000); return arg; }
static void *locked(void *arg) { sem_post(&here); sem_wait(&go); return arg; }
static void *calling(void *arg) { sem_post(&here); for (;;) syscall(SYS_getppid); return arg; }

static void *ends_all(void *arg)
{
	(void)arg;
	usleep(30000);
	puts("exit_group");
	fflush(stdout);
	exit(9);
}

static void end_all(int from_thread)
{
	static int fds[2];
	pthread_t t;
	if (pipe(fds))
		exit(1);
	void *(*all[])(void *) = { block, spin, sleeping, locked, calling };
	for (int i = 0; i < 10; i++)
		pthread_create(&t, &small, all[i % 5], fds[0] ? (void *)fds : 0);
	for (int i = 0; i < 10; i++)
		sem_wait(&here);
	if (from_thread) {
		pthread_create(&t, &small, ends_all, 0);
		for (;;)
			pause();
	}
	ends_all(0);
}

/* The end of all while threads send each other signals. */
static int signallers[8];

static void *signalling(void *arg)
{
	__atomic_store_n(&signallers[(intptr_t)arg], (int)syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	sem_post(&here);
	for (int i = 0;; i++) {
		int tid = __atomic_load_n(&signallers[i % 8], __ATOMIC_SEQ_CST);
		if (tid)
			syscall(SYS_tgkill, getpid(), tid, SIGUSR1);
	}
	return 0;
}

static void nothing_to_do(int sig) { (void)sig; }

static void end_all_signals(void)
{
	pthread_t t;
	signal(SIGUSR1, nothing_to_do);
	for (int i = 0; i < 8; i++)
		pthread_create(&t, &small, signalling, (void *)(intptr_t)i);
	for (int i = 0; i < 8; i++)
		sem_wait(&here);
	ends_all(0);
}

/* Stacks of all sizes, mapped by us: they are taken and given back. */
static void *deep(void *arg)
{
	volatile char frame[20000];
	memset((void *)frame, 1, sizeof frame);
	return frame[77] == 1 ? arg : 0;
}

static void stacks(void)
{
	for (int i = 0; i < 200; i++) {
		size_t size = 65536 + (size_t)i * 4096;
		void *p = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		pthread_attr_t a;
		pthread_t t;
		void *r;
		pthread_attr_init(&a);
		pthread_attr_setstack(&a, p, size);
		if (pthread_create(&t, &a, deep, p) != 0 || pthread_join(t, &r) != 0 || r != p)
			wrong++;
		wrong += munmap(p, size) != 0;
	}
	printf("stacks, wrong %d\n", wrong);
}

static void *named(void *arg)
{
	char name[16], path[64], line[32] = "";
	wrong += pthread_setname_np(pthread_self(), "a-worker") != 0;
	pthread_getname_np(pthread_self(), name, sizeof name);
	snprintf(path, sizeof path, "/proc/self/task/%ld/comm", syscall(SYS_gettid));
	FILE *f = fopen(path, "r");
	if (!f || !fgets(line, sizeof line, f))
		wrong++;
	if (f)
		fclose(f);
	printf("%s %s", name, line);
	return arg;
}

static void misc(void)
{
	pthread_t t;
	cpu_set_t set;
	pthread_create(&t, 0, named, 0);
	pthread_join(t, 0);
	printf("setname too long: %d\n", pthread_setname_np(pthread_self(), "a name that is too long"));
	CPU_ZERO(&set);
	printf("affinity %d %d\n", sched_getaffinity(0, sizeof set, &set) == 0, CPU_COUNT(&set) >= 1);
	printf("set %d\n", sched_setaffinity(0, sizeof set, &set));
	unsigned cpu = ~0u, node = ~0u;
	printf("getcpu %ld %d %d\n", syscall(SYS_getcpu, &cpu, &node, 0), cpu < 4096, node < 64);
	printf("yield %d\n", sched_yield());
	printf("tids %d\n", syscall(SYS_gettid) == getpid());
	printf("tgkill %ld %d\n", syscall(SYS_tgkill, getpid(), getpid() + 100000, 0), errno == ESRCH);
	printf("tkill %ld %d\n", syscall(SYS_tkill, -1, 0), errno == EINVAL);
	printf("wrong %d\n", wrong);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	int n = argc > 2 ? atoi(argv[2]) : 0;
	if (n < 10000)
		alarm(150);
	sem_init(&here, 0, 0);
	sem_init(&go, 0, 0);
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 65536);
	if (!strcmp(what, "at-once"))
		at_once(n);
	else if (!strcmp(what, "as-many"))
		as_many(n);
	else if (!strcmp(what, "in-a-row"))
		in_a_row(n);
	else if (!strcmp(what, "detached"))
		detach(n);
	else if (!strcmp(what, "main-first") || !strcmp(what, "main-first-exit")) {
		pthread_t t;
		pthread_create(&t, 0, last, what[10] ? &t : 0);
		pthread_detach(t);
		pthread_exit(0);
	} else if (!strcmp(what, "end-all"))
		end_all(0);
	else if (!strcmp(what, "end-all-thread"))
		end_all(1);
	else if (!strcmp(what, "end-all-signals"))
		end_all_signals();
	else if (!strcmp(what, "stacks"))
		stacks();
	else
		misc();
	return 0;
}
