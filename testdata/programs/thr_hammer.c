/* Threads in system calls, faults, futexes and signals at once, for so many seconds: nothing is lost, nothing hangs, nothing leaks. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 16 };

static volatile int stop;
static int wrong;
static pthread_t all[THREADS];
static long done[THREADS];
static __thread sigjmp_buf back;
static __thread volatile int expecting;
static __thread volatile long handled;
static long sent, got;
static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t c = PTHREAD_COND_INITIALIZER;
static long under_lock, expected;
static int token;

static void bad(const char *what)
{
	if (__atomic_fetch_add(&wrong, 1, __ATOMIC_SEQ_CST) < 5)
		printf("wrong: %s, %s\n", what, strerror(errno));
}

static void on_fault(int sig, siginfo_t *si, void *ctx)
{
	(void)ctx;
	if (!expecting || (sig == SIGSEGV && si->si_addr != (void *)0x40)) {
		static const char text[] = "a fault that nobody expects\n";
		if (write(1, text, sizeof text - 1) < 0)
			_exit(98);
		_exit(99);
	}
	expecting = 0;
	siglongjmp(back, 1);
}

static void on_signal(int sig)
{
	(void)sig;
	int e = errno;
	getppid(); /* a call inside of it */
	handled++;
	__atomic_fetch_add(&got, 1, __ATOMIC_SEQ_CST);
	errno = e;
}

static void do_calls(void)
{
	char name[40], in[100], out[100];
	int fds[2];
	snprintf(name, sizeof name, "h%ld", syscall(SYS_gettid));
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
	memset(out, (int)(intptr_t)name & 0xff, sizeof out);
	if (fd < 0 || write(fd, out, sizeof out) != sizeof out || lseek(fd, 0, SEEK_SET) != 0 || read(fd, in, sizeof in) != sizeof in || memcmp(in, out, sizeof in))
		bad("file");
	if (close(fd) || unlink(name))
		bad("close");
	if (pipe(fds) || write(fds[1], out, 50) != 50 || read(fds[0], in, 100) != 50 || close(fds[0]) || close(fds[1]))
		bad("pipe");
	struct timespec t = { 0, 200000 };
	while (nanosleep(&t, &t) != 0)
		if (errno != EINTR) {
			bad("nanosleep");
			break;
		}
}

static void do_memory(void)
{
	size_t size = 4096 * (1 + (size_t)(handled & 7));
	volatile char *p = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED) { bad("mmap"); return; }
	if (p[0] || p[size - 1])
		bad("fresh memory");
	p[0] = p[size - 1] = 1;
	if (mprotect((void *)p, size, PROT_READ) || p[size - 1] != 1 || munmap((void *)p, size))
		bad("mprotect");
	free(memset(malloc(10000), 1, 10000));
}

static void do_fault(void)
{
	if (sigsetjmp(back, 1) == 0) {
		expecting = 1;
		if (done[0] & 1) {
			volatile int zero = 0;
			volatile int x = (int)done[0] / zero;
			(void)x;
		} else
			*(volatile char *)0x40 = 1;
		bad("no fault");
	}
}

static void do_lock(int me)
{
	pthread_mutex_lock(&m);
	if (token % 4 == me % 4)
		token++;
	under_lock++;
	pthread_cond_broadcast(&c);
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_nsec += 500000;
	if (t.tv_nsec >= 1000000000) { t.tv_sec++; t.tv_nsec -= 1000000000; }
	pthread_cond_timedwait(&c, &m, &t);
	pthread_mutex_unlock(&m);
	__atomic_fetch_add(&expected, 1, __ATOMIC_SEQ_CST);
	for (int i = 0; i < 50; i++) {
		pthread_mutex_lock(&m);
		under_lock++;
		pthread_mutex_unlock(&m);
	}
	__atomic_fetch_add(&expected, 50, __ATOMIC_SEQ_CST);
}

static void do_signal(int me)
{
	if (pthread_kill(all[(me + 1 + done[me] % (THREADS - 1)) % THREADS], SIGUSR1) == 0)
		__atomic_fetch_add(&sent, 1, __ATOMIC_SEQ_CST);
}

static void *nothing(void *arg) { return arg; }
static void do_thread(void)
{
	pthread_t t;
	void *r;
	if (pthread_create(&t, 0, nothing, &t) != 0 || pthread_join(t, &r) != 0 || r != &t)
		bad("thread");
}

/* Registers and vector state survive all of it. */
static double compute(void)
{
	double sum = 0, product = 1;
	unsigned hash = 1;
	for (int i = 1; i < 20000; i++) {
		sum += 1.0 / i;
		product *= 1 + 1.0 / i / i;
		hash = hash * 31 + (unsigned)i;
	}
	return sum * product + hash;
}

static double reference;
static void do_compute(void)
{
	volatile double r = compute(); /* no bit more than memory has */
	if (r != reference)
		bad("arithmetic");
}

static pthread_barrier_t together, finished;

static void *work(void *arg)
{
	int me = (int)(intptr_t)arg;
	all[me] = pthread_self();
	pthread_barrier_wait(&together);
	while (!stop) {
		switch ((me + done[me]) % 8) {
		case 0: do_calls(); break;
		case 1: do_memory(); break;
		case 2: if (done[me] % 16 < 8) do_fault(); break;
		case 3: case 4: do_lock(me); break;
		case 5: do_signal(me); break;
		case 6: if (done[me] % 24 < 8) do_thread(); break;
		case 7: do_compute(); break;
		}
		done[me]++;
	}
	pthread_barrier_wait(&finished); /* nobody sends to one that has ended */
	return 0;
}

static int descriptors(void)
{
	int n = 0;
	for (int i = 0; i < 200; i++)
		n += fcntl(i, F_GETFD) >= 0;
	return n;
}

int main(int argc, char **argv)
{
	int seconds = argc > 1 ? atoi(argv[1]) : 2;
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	sigaction(SIGSEGV, &sa, 0);
	sigaction(SIGFPE, &sa, 0);
	struct sigaction su = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	sigaction(SIGUSR1, &su, 0);
	int before = descriptors();
	reference = compute();
	pthread_t t[THREADS];
	pthread_barrier_init(&together, 0, THREADS);
	pthread_barrier_init(&finished, 0, THREADS);
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&t[i], 0, work, (void *)(intptr_t)i) != 0) {
			puts("no thread");
			return 1;
		}
	struct timespec end, now;
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += seconds;
	do {
		usleep(20000);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec < end.tv_sec || (now.tv_sec == end.tv_sec && now.tv_nsec < end.tv_nsec));
	stop = 1;
	int idle = 0;
	for (int i = 0; i < THREADS; i++) {
		pthread_join(t[i], 0);
		idle += done[i] < 8;
	}
	printf("locks %s, descriptors %s, idle %d, signals %s, wrong %d\n", under_lock == expected ? "right" : "lost",
		descriptors() == before ? "right" : "lost", idle, got > 0 && got <= sent ? "right" : "lost", wrong);
	if (argc > 2)
		printf("locks %ld %ld, signals %ld %ld, steps %ld\n", under_lock, expected, sent, got, done[0]);
	return 0;
}
