/*
 * A Windows program that holds one unpatched "guest": it puts a few bytes of
 * machine code at an address where guests lie and calls them. The bytes ask
 * Linux for the process id.
 *
 *   raw int80|syscall ADDRESS     prints "pid > 0" when Linux answered
 *   raw child int80|syscall ADDRESS   the same in a process of its own
 *   raw hello                     prints "hello" and makes no raw call
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

/* Each saves nothing: getpid changes eax only, syscall also rcx and r11. */
static const unsigned char int80[] = { 0xb8, 20, 0, 0, 0, 0xcd, 0x80, 0xc3 };
static const unsigned char syscall64[] = { 0xb8, 39, 0, 0, 0, 0x0f, 0x05, 0xc3 };

static int raw(const unsigned char *code, size_t size, unsigned long long address)
{
	unsigned char *at = (unsigned char *)(size_t)address;
	void *block = (void *)((size_t)address & ~(size_t)0xffff);
	int pid;

	if (VirtualAlloc(block, 0x10000, MEM_RESERVE | MEM_COMMIT, PAGE_EXECUTE_READWRITE) != block) {
		printf("VirtualAlloc: error %lu\n", GetLastError());
		return 3;
	}
	memcpy(at, code, size);
	pid = ((int (*)(void))at)();
	printf(pid > 0 ? "pid > 0\n" : "no pid\n");
	return pid > 0 ? 0 : 4;
}

static int child(char **argv)
{
	STARTUPINFOA si = { sizeof si };
	PROCESS_INFORMATION pi;
	char line[1024];
	DWORD status = 5;

	snprintf(line, sizeof line, "raw.exe %s %s", argv[2], argv[3]);
	char self[MAX_PATH];
	GetModuleFileNameA(NULL, self, sizeof self);
	if (!CreateProcessA(self, line, NULL, NULL, FALSE, 0, NULL, NULL, &si, &pi)) {
		printf("CreateProcess: error %lu\n", GetLastError());
		return 3;
	}
	WaitForSingleObject(pi.hProcess, INFINITE);
	GetExitCodeProcess(pi.hProcess, &status);
	return (int)status;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "hello")) {
		printf("hello\n");
		return 7;
	}
	if (argc == 4 && !strcmp(argv[1], "child"))
		return child(argv);
	if (argc == 3 && !strcmp(argv[1], "int80"))
		return raw(int80, sizeof int80, strtoull(argv[2], NULL, 0));
	if (argc == 3 && !strcmp(argv[1], "syscall"))
		return raw(syscall64, sizeof syscall64, strtoull(argv[2], NULL, 0));
	printf("usage: raw [child] int80|syscall ADDRESS | raw hello\n");
	return 2;
}
