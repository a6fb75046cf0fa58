/* Copies standard input to standard output with reads of odd sizes and tells a checksum on standard error. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char buf[70000];

int main(void)
{
	uint64_t hash = 14695981039346656037ull, total = 0;
	size_t want = 1;
	for (;;) {
		ssize_t n = read(0, buf, want);
		if (n < 0) {
			fprintf(stderr, "read: %s\n", strerror(errno));
			return 1;
		}
		if (n == 0)
			break;
		for (ssize_t i = 0; i < n; i++)
			hash = (hash ^ (unsigned char)buf[i]) * 1099511628211ull;
		total += (uint64_t)n;
		for (ssize_t done = 0; done < n;) {
			ssize_t w = write(1, buf + done, (size_t)(n - done));
			if (w < 0) {
				fprintf(stderr, "write: %s\n", strerror(errno));
				return 1;
			}
			done += w;
		}
		want = want * 3 + 1;
		if (want > sizeof buf)
			want = sizeof buf - want % 1000;
	}
	fprintf(stderr, "%llu bytes %016llx\n", (unsigned long long)total, (unsigned long long)hash);
	return 0;
}
