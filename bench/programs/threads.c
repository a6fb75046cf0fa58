/*
 * Times what threads do with each other. The same source is a Linux program
 * (which also runs as a guest) and a native Windows program.
 *
 * threads ROUNDS: one line "name value" per kind: nanoseconds, but for "scale"
 * (how much more two threads compute than one in the same time) and "stream"
 * (megabytes a second).
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void (*body)(void);

#ifdef _WIN32
#include <winsock2.h>
#include <windows.h>

typedef HANDLE thread;
typedef HANDLE end;
typedef SOCKET sock;

static double now(void)
{
	LARGE_INTEGER c, f;
	QueryPerformanceCounter(&c);
	QueryPerformanceFrequency(&f);
	return (double)c.QuadPart * 1e9 / (double)f.QuadPart;
}

static DWORD WINAPI run(LPVOID f)
{
	((body)f)();
	return 0;
}

static thread start(body f)
{
	HANDLE h = CreateThread(0, 65536, run, (LPVOID)f, STACK_SIZE_PARAM_IS_A_RESERVATION, 0);
	if (!h)
		exit(2);
	return h;
}

static void join(thread t)
{
	WaitForSingleObject(t, INFINITE);
	CloseHandle(t);
}

static SRWLOCK lock = SRWLOCK_INIT;
static CONDITION_VARIABLE changed = CONDITION_VARIABLE_INIT;
static void take(void) { AcquireSRWLockExclusive(&lock); }
static void release(void) { ReleaseSRWLockExclusive(&lock); }
static void await(void) { SleepConditionVariableSRW(&changed, &lock, INFINITE, 0); }
static void tell(void) { WakeConditionVariable(&changed); }

static void pipes(end *r, end *w)
{
	if (!CreatePipe(r, w, 0, 65536))
		exit(3);
}

static void put(end e)
{
	char c = 'x';
	DWORD n;
	if (!WriteFile(e, &c, 1, &n, 0) || n != 1)
		exit(4);
}

static void get(end e)
{
	char c;
	DWORD n;
	if (!ReadFile(e, &c, 1, &n, 0) || n != 1)
		exit(5);
}

static void network(void)
{
	WSADATA d;
	if (WSAStartup(MAKEWORD(2, 2), &d))
		exit(6);
}
#else
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

typedef pthread_t thread;
typedef int end;
typedef int sock;

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void *run(void *f)
{
	((body)f)();
	return 0;
}

static thread start(body f)
{
	pthread_t t;
	pthread_attr_t a;
	pthread_attr_init(&a);
	pthread_attr_setstacksize(&a, 65536);
	if (pthread_create(&t, &a, run, (void *)f))
		exit(2);
	pthread_attr_destroy(&a);
	return t;
}

static void join(thread t) { pthread_join(t, 0); }

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static void take(void) { pthread_mutex_lock(&lock); }
static void release(void) { pthread_mutex_unlock(&lock); }
static void await(void) { pthread_cond_wait(&changed, &lock); }
static void tell(void) { pthread_cond_signal(&changed); }

static void pipes(end *r, end *w)
{
	int p[2];
	if (pipe(p))
		exit(3);
	*r = p[0], *w = p[1];
}

static void put(end e)
{
	if (write(e, "x", 1) != 1)
		exit(4);
}

static void get(end e)
{
	char c;
	if (read(e, &c, 1) != 1)
		exit(5);
}

static void network(void) {}
#endif

static long rounds;

/* Computing. */

static volatile uint32_t sink;

static void compute(void)
{
	uint32_t x = 1;
	for (long i = 0; i < rounds * 40000; i++)
		x = x * 1664525 + 1013904223;
	sink = x;
}

static void nothing(void) {}

/* Two threads take turns. */

static int turn;

static void other_turns(void)
{
	take();
	for (long i = 0; i < rounds; i++) {
		while (turn != 1)
			await();
		turn = 0;
		tell();
	}
	release();
}

static void turns(void)
{
	thread t = start(other_turns);
	take();
	for (long i = 0; i < rounds; i++) {
		turn = 1;
		tell();
		while (turn != 0)
			await();
	}
	release();
	join(t);
}

/* Two threads want one lock. */

static long count;

static void wanting(void)
{
	for (long i = 0; i < rounds * 10; i++) {
		take();
		count++;
		release();
	}
}

/* A byte there and back. */

static end there[2], back[2];

static void pipe_echo(void)
{
	for (long i = 0; i < rounds; i++) {
		get(there[0]);
		put(back[1]);
	}
}

static sock listener, caller, called;

static void connection(void)
{
	struct sockaddr_in a;
	int one = 1, size = sizeof a;
	network();
	memset(&a, 0, sizeof a);
	a.sin_family = AF_INET;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&a, sizeof a) || listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&a, (void *)&size))
		exit(7);
	caller = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(caller, (struct sockaddr *)&a, sizeof a))
		exit(8);
	called = accept(listener, 0, 0);
	setsockopt(caller, IPPROTO_TCP, TCP_NODELAY, (char *)&one, sizeof one);
	setsockopt(called, IPPROTO_TCP, TCP_NODELAY, (char *)&one, sizeof one);
}

static void tcp_echo(void)
{
	char c;
	for (long i = 0; i < rounds; i++)
		if (recv(called, &c, 1, 0) != 1 || send(called, &c, 1, 0) != 1)
			exit(9);
}

enum { CHUNK = 65536 };

static void tcp_sink(void)
{
	static char chunk[CHUNK];
	for (long left = rounds * CHUNK; left > 0;) {
		int n = (int)recv(called, chunk, CHUNK, 0);
		if (n <= 0)
			exit(10);
		left -= n;
	}
}

#ifndef _WIN32
/* From pthread_kill to the handler, in a thread that waits or computes. */

#include <errno.h>
#include <semaphore.h>
#include <signal.h>

static volatile double handled;
static volatile int over, gone;
static sem_t nobody, heard;

static void on_signal(int sig)
{
	(void)sig;
	handled = now();
	sem_post(&heard);
}

static void in_read(void)
{
	char c;
	while (!over)
		(void)!read(there[0], &c, 1);
	gone = 1;
}

static void in_futex(void)
{
	while (!over)
		sem_wait(&nobody);
	gone = 1;
}

static void in_code(void)
{
	while (!over)
		sink++;
	gone = 1;
}

static void signals(const char *name, body f)
{
	struct timespec pause = { 0, 1000000 };
	double sum = 0;
	thread a = start(f);
	for (int i = 0; i < 100; i++) {
		nanosleep(&pause, 0);
		double sent = now();
		pthread_kill(a, SIGUSR1);
		while (sem_wait(&heard))
			;
		sum += handled - sent;
	}
	over = 1;
	while (!gone) { /* A signal that comes before the wait does not end it. */
		pthread_kill(a, SIGUSR1);
		nanosleep(&pause, 0);
	}
	join(a);
	while (!sem_trywait(&heard))
		;
	over = gone = 0;
	printf("%s %.0f\n", name, sum / 100);
}

static void all_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal };
	sigaction(SIGUSR1, &sa, 0);
	sem_init(&nobody, 0, 0);
	sem_init(&heard, 0, 0);
	signals("in-read", in_read);
	signals("in-futex", in_futex);
	signals("in-code", in_code);
}
#endif

int main(int argc, char **argv)
{
	static char chunk[CHUNK];
	double t, one;
	thread a, b;
	char c = 'x';
	if (argc != 2)
		return 1;
	rounds = atol(argv[1]);

	compute();
	t = now();
	compute();
	one = now() - t;
	t = now();
	a = start(compute);
	b = start(compute);
	join(a);
	join(b);
	printf("scale %.3f\n", 2 * one / (now() - t));

	t = now();
	for (long i = 0; i < rounds / 20; i++)
		join(start(nothing));
	printf("create %.0f\n", (now() - t) / (double)(rounds / 20));

	t = now();
	turns();
	printf("turns %.0f\n", (now() - t) / (double)rounds);

	t = now();
	a = start(wanting);
	b = start(wanting);
	join(a);
	join(b);
	if (count != rounds * 20)
		return 11;
	printf("lock %.0f\n", (now() - t) / (double)count);

	pipes(&there[0], &there[1]);
	pipes(&back[0], &back[1]);
	a = start(pipe_echo);
	t = now();
	for (long i = 0; i < rounds; i++) {
		put(there[1]);
		get(back[0]);
	}
	printf("pipe %.0f\n", (now() - t) / (double)rounds);
	join(a);

	connection();
	a = start(tcp_echo);
	t = now();
	for (long i = 0; i < rounds; i++)
		if (send(caller, &c, 1, 0) != 1 || recv(caller, &c, 1, 0) != 1)
			return 12;
	printf("tcp %.0f\n", (now() - t) / (double)rounds);
	join(a);

	a = start(tcp_sink);
	t = now();
	for (long i = 0; i < rounds; i++)
		for (int sent = 0; sent < CHUNK;) {
			int n = (int)send(caller, chunk + sent, (size_t)(CHUNK - sent), 0);
			if (n <= 0)
				return 13;
			sent += n;
		}
	join(a);
	printf("stream %.1f\n", (double)rounds * CHUNK * 1e3 / (now() - t));
#ifndef _WIN32
	all_signals();
#endif
	return 0;
}
