/* Mappings that change while other threads use what lies beside them: nobody
 * sees them go, neither the program's own loads and stores nor system calls. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096
#define GRANULE 65536

static volatile int done;
static volatile unsigned char *shared; /* four granules of the file */
static volatile uint64_t *counter;     /* memory of nobody else's, near by */
static volatile long wrong_loads, wrong_counts, loads, counts;

static unsigned char at(long page) { return (unsigned char)(page * 7 + 3); }

/* Only pages that are mapped all the time: the first four and the last granule's. */
static const int kept[] = { 0, 1, 2, 3, 48, 49, 63 };

static void *load(void *arg)
{
	while (!done) {
		for (unsigned i = 0; i < sizeof kept / sizeof *kept; i++) {
			long at_byte = kept[i] * PAGE + (long)((unsigned long)loads * 61 % PAGE);
			if (shared[at_byte] != at(kept[i]))
				wrong_loads++;
		}
		loads++;
	}
	return arg;
}

static void *store(void *arg)
{
	for (uint64_t n = 0; !done; n++) {
		if (counter[0] != n || counter[PAGE / 8] != n)
			wrong_counts++, n = counter[0], counter[PAGE / 8] = n;
		counter[0] = counter[PAGE / 8] = n + 1;
		counts++;
	}
	return arg;
}

static void must(int ok, const char *what)
{
	if (!ok) {
		printf("%s: %s\n", what, strerror(errno));
		exit(1);
	}
}

static sigjmp_buf back;
static void fault(int sig) { (void)sig; siglongjmp(back, 1); }

/* Pages keep their rights when a mapping beside them is made. */
static void rights(int fd, char *room)
{
	static const int prots[] = { PROT_READ, PROT_NONE, PROT_READ | PROT_WRITE };
	signal(SIGSEGV, fault);
	for (int i = 0; i < 3; i++)
		must(mmap(room + 2 * i * PAGE, PAGE, prots[i], MAP_SHARED | MAP_FIXED, fd, 2 * i * PAGE) != MAP_FAILED, "rights");
	must(mmap(room + 8 * PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 8 * PAGE) != MAP_FAILED, "rights beside");
	for (int page = 0; page < 9; page++) {
		volatile char *p = room + page * PAGE;
		volatile int can = 0;
		if (!sigsetjmp(back, 1)) {
			if (*p == (char)at(page))
				can = 1;
			*p = (char)at(page);
			can = 2;
		}
		printf("page %d: %s\n", page, can == 2 ? "written" : can ? "read" : "neither");
	}
	signal(SIGSEGV, SIG_DFL);
	must(mmap(room, GRANULE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == room, "nothing");
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 200;
	unsigned char page[PAGE];
	int fd = open("views", O_RDWR | O_CREAT | O_TRUNC, 0600);
	must(fd >= 0, "open");
	for (long i = 0; i < 96; i++) {
		memset(page, at(i), PAGE);
		must(write(fd, page, PAGE) == PAGE, "write");
	}
	/* Room at an address that suits both, with memory in use around it. */
	char *room = mmap(0, 64 * GRANULE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(room != MAP_FAILED, "room");
	room = (char *)(((uintptr_t)room + GRANULE - 1) & ~(uintptr_t)(GRANULE - 1));
	rights(fd, room);
	counter = mmap(room + 12 * GRANULE, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	must(counter != MAP_FAILED, "counter");
	shared = (void *)room;
	must(mmap(room, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == room, "first");
	char *last = room + 3 * GRANULE;
	must(mmap(last, GRANULE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 3 * GRANULE) == last, "last");

	pthread_t t[3];
	pthread_create(&t[0], 0, load, 0);
	pthread_create(&t[1], 0, store, 0);
	pthread_create(&t[2], 0, load, 0);
	while (!loads || !counts)
		sched_yield();
	for (int i = 0; i < rounds; i++) {
		/* The view of the first granule becomes longer, and has a hole again. */
		char *more = room + 8 * PAGE;
		must(mmap(more, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 8 * PAGE) == more, "more");
		if (more[PAGE] != (char)at(9))
			printf("round %d: %d in the new part\n", i, more[PAGE]);
		must(mprotect(more, PAGE, PROT_READ) == 0, "mprotect");
		must(munmap(more, 4 * PAGE) == 0, "munmap");
		/* All in one piece, and memory of no file in the middle. */
		must(mmap(room, 4 * GRANULE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == room, "whole");
		char *middle = room + GRANULE;
		must(mmap(middle, GRANULE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == middle, "middle");
		middle[5] = 1;
		/* The file becomes shorter and longer behind what is mapped. */
		must(ftruncate(fd, (64 + i % 3) * PAGE) == 0, "shorter");
		must(ftruncate(fd, 80 * PAGE) == 0, "longer");
		/* Another mapping of the same file, somewhere. */
		char *other = mmap(0, 2 * GRANULE, PROT_READ, MAP_SHARED, fd, 0);
		must(other != MAP_FAILED, "other");
		if (other[17 * PAGE] != (char)at(17))
			printf("round %d: %d in the other mapping\n", i, other[17 * PAGE]);
		other = mremap(other, 2 * GRANULE, 3 * GRANULE, MREMAP_MAYMOVE);
		must(other != MAP_FAILED, "mremap");
		must(munmap(other, 3 * GRANULE) == 0, "munmap other");
		must(munmap(room + GRANULE, 2 * GRANULE) == 0, "munmap middle");
		must(munmap(room + 4 * PAGE, GRANULE - 4 * PAGE) == 0, "munmap rest");
	}
	done = 1;
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], 0);
	printf("wrong: %ld loads, %ld counts\n", wrong_loads, wrong_counts);
	return 0;
}
