/* Locale C, wide characters, conversion between character sets that need no file. */
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
	printf("nonsense: %d\n", setlocale(LC_ALL, "xx_YY") != NULL);
	printf("point %s\n", localeconv()->decimal_point);
	wchar_t wide[64];
	size_t n = mbstowcs(wide, "plain ascii", 64);
	printf("wide %ld %d %ls\n", (long)n, n < 64 ? (int)towupper(wide[2]) : 0, wide);
	iconv_t cd = iconv_open("UCS-4LE", "UTF-8");
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
