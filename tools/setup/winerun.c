/*
 * Starts a Windows program in the private Wine prefix through the loader of
 * its own width. Wine's 32-bit loader starts 64-bit programs too, but through
 * a second program that fails now and then on a busy machine.
 *
 * The set-up compiles it with WINE_DIR and WINE_PREFIX.
 *
 *   winerun PROGRAM [ARGUMENTS...]
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NEW_HEADER = 0x3c, MACHINE = 4, MACHINE_AMD64 = 0x8664 };

/* wide tells whether path is a PE file for x86-64. What is no file, such as
 * the name of one of Wine's own programs, is left to the 32-bit loader. */
static int wide(const char *path)
{
	unsigned char b[4096];
	uint32_t at;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	n = read(fd, b, sizeof b);
	close(fd);
	if (n < NEW_HEADER + 4 || b[0] != 'M' || b[1] != 'Z')
		return 0;
	memcpy(&at, b + NEW_HEADER, sizeof at);
	return at <= (size_t)n - 6 && (b[at + MACHINE] | b[at + MACHINE + 1] << 8) == MACHINE_AMD64;
}

int main(int argc, char **argv)
{
	const char *loader;

	if (argc < 2) {
		fprintf(stderr, "usage: %s PROGRAM [ARGUMENTS...]\n", argv[0]);
		return 2;
	}
	setenv("WINEPREFIX", WINE_PREFIX, 1);
	setenv("WINEARCH", "win64", 1);
	setenv("WINESERVER", WINE_DIR "/wineserver64", 1);
	/* No messages of Wine's own, no offers to download Mono or Gecko, no
	 * menu entries, no display. */
	setenv("WINEDEBUG", "-all", 0);
	setenv("WINEDLLOVERRIDES", "mscoree,mshtml=;winemenubuilder.exe=d", 0);
	unsetenv("DISPLAY");
	unsetenv("WAYLAND_DISPLAY");
	loader = wide(argv[1]) ? WINE_DIR "/wine64" : WINE_DIR "/wine";
	argv[0] = (char *)loader;
	execv(loader, argv);
	perror(loader);
	return 127;
}
