/* Locale, wide characters, conversion between the built-in character sets. */
#include <errno.h>
#include <iconv.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

int main(void)
{
	printf("C: %s\n", setlocale(LC_ALL, "C"));
	const char *name = setlocale(LC_ALL, "C.UTF-8");
	printf("C.UTF-8: %s\n", name ? name : "none");
	wchar_t wide[64];
	size_t n = mbstowcs(wide, "Grüße, 世界", 64);
	printf("wide %ld %d\n", (long)n, n < 64 ? towupper(wide[2]) : 0);
	iconv_t cd = iconv_open("UTF-16LE", "UTF-8");
	if (cd == (iconv_t)-1) {
		printf("iconv_open: %s\n", strerror(errno));
		return 0;
	}
	char in[] = "Grüße 世界 \xf0\x9f\x90\x9d", out[100], *ip = in, *op = out;
	size_t il = strlen(in), ol = sizeof out;
	printf("iconv %ld\n", (long)iconv(cd, &ip, &il, &op, &ol));
	for (char *c = out; c < op; c++)
		printf("%02x", (unsigned char)*c);
	printf("\n");
	iconv_close(cd);
	return 0;
}
