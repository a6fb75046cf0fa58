/*
 * Times single calls of the operating system, each in a loop: nanoseconds a
 * call. The same source is a Linux program (which also runs as a guest) and a
 * native Windows program.
 *
 * calls FILE ROUNDS: one line "name ns" per kind of call.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char block[1024];

#ifdef _WIN32
#include <windows.h>

static double now(void)
{
	LARGE_INTEGER c, f;
	QueryPerformanceCounter(&c);
	QueryPerformanceFrequency(&f);
	return (double)c.QuadPart * 1e9 / (double)f.QuadPart;
}

static HANDLE file;
static const char *name;

static void start(const char *path)
{
	name = path;
	file = CreateFileA(path, GENERIC_READ | GENERIC_WRITE, 0, 0, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, 0);
	if (file == INVALID_HANDLE_VALUE)
		exit(2);
}

static void rewind_file(void) { SetFilePointer(file, 0, 0, FILE_BEGIN); }

static void write_block(void)
{
	DWORD n;
	if (!WriteFile(file, block, sizeof block, &n, 0) || n != sizeof block)
		exit(3);
}

static void read_block(void)
{
	DWORD n;
	if (!ReadFile(file, block, sizeof block, &n, 0) || n != sizeof block)
		exit(4);
}

static void open_close(void)
{
	HANDLE h = CreateFileA(name, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, 0, OPEN_EXISTING, 0, 0);
	if (h == INVALID_HANDLE_VALUE)
		exit(5);
	CloseHandle(h);
}

static void allow_sharing(void)
{
	CloseHandle(file);
	file = CreateFileA(name, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, 0, OPEN_EXISTING, 0, 0);
}

static void map_unmap(void)
{
	char *p = VirtualAlloc(0, 65536, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	if (!p)
		exit(6);
	*p = 1;
	VirtualFree(p, 0, MEM_RELEASE);
}

#else
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int file;
static const char *name;

static void start(const char *path)
{
	name = path;
	file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0666);
	if (file < 0)
		exit(2);
}

static void rewind_file(void) { lseek(file, 0, SEEK_SET); }

static void null_call(void) { syscall(SYS_getppid); }

static void write_block(void)
{
	if (write(file, block, sizeof block) != sizeof block)
		exit(3);
}

static void read_block(void)
{
	if (read(file, block, sizeof block) != sizeof block)
		exit(4);
}

static void open_close(void)
{
	int fd = open(name, O_RDONLY);
	if (fd < 0)
		exit(5);
	close(fd);
}

static void allow_sharing(void) {}

static void map_unmap(void)
{
	char *p = mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		exit(6);
	*p = 1;
	munmap(p, 65536);
}
#endif

static void measure(const char *what, void (*f)(void), long rounds)
{
	double t;
	long i;
	for (i = 0; i < rounds / 10 + 1; i++)
		f();
	t = now();
	for (i = 0; i < rounds; i++)
		f();
	printf("%s %.1f\n", what, (now() - t) / (double)rounds);
}

int main(int argc, char **argv)
{
	long rounds;
	if (argc != 3)
		return 1;
	rounds = atol(argv[2]);
	memset(block, 'x', sizeof block);
	start(argv[1]);
#ifndef _WIN32
	measure("null", null_call, rounds);
#endif
	measure("write", write_block, rounds);
	rewind_file();
	measure("read", read_block, rounds / 2);
	allow_sharing();
	measure("open", open_close, rounds / 50);
	measure("map", map_unmap, rounds / 50);
	return 0;
}
