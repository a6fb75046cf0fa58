/* Self-tests of the kernel that use one fixed port get a port of their own, so
 * that several may run at a time. For: gcc -include selftest_port.h. */
#ifndef SELFTEST_PORT_H
#define SELFTEST_PORT_H
#include <arpa/inet.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

static uint16_t selftest_port(uint16_t asked)
{
	static unsigned first;
	struct timespec now;
	if (!first) {
		clock_gettime(CLOCK_REALTIME, &now);
		first = 20000 + (now.tv_nsec / 1000 + getpid() * 331u) % 10000;
	}
	return __builtin_bswap16(asked ? first + asked % 100 : 0);
}
#undef htons
#define htons(port) selftest_port(port)
#endif
