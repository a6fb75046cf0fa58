/* qsort, bsearch, strtod, printf of floating point, long double, 64-bit division. */
#include <errno.h>
#include <fenv.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

int main(void)
{
	static const char *text[] = {
		"0", "-0", "1", "1.5e3", "3.14159265358979323846", "1e308", "1e309", "-1e-320", "0x1.8p+3", "inf", "nan", "  42abc", "abc", "1e-400",
		"2.2250738585072014e-308", "9007199254740993",
	};
	for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
		char *end;
		errno = 0;
		double d = strtod(text[i], &end);
		printf("%s -> %.17g %a %e %s%s\n", text[i], d, d, d, end, errno == ERANGE ? " ERANGE" : "");
		printf("  long double %.21Lg\n", strtold(text[i], NULL));
	}
	static double v[10000];
	unsigned s = 12345;
	for (int i = 0; i < 10000; i++) {
		s = s * 1103515245 + 12345;
		v[i] = (s >> 8) / 1000.0 - 8000;
	}
	qsort(v, 10000, sizeof *v, by_value);
	double sum = 0;
	for (int i = 0; i < 10000; i++)
		sum += v[i] * i;
	double key = v[77];
	printf("sorted %g %g %g sum %.10f found %d\n", v[0], v[5000], v[9999], sum,
	       (int)((double *)bsearch(&key, v, 10000, sizeof *v, by_value) - v) >= 0);
	for (double x = 0.1; x < 4; x += 0.7)
		printf("%.15g %.15g %.15g %.15g %.15g %.15Lg\n", sin(x), exp(x), log(x), pow(x, x), atan2(x, 2), sqrtl(x));
	volatile int64_t n = INT64_C(-9123456789012345678);
	printf("%" PRId64 " %" PRId64 " %" PRIu64 "\n", n / 1000003, n % 1000003, (uint64_t)n / 77);
	int modes[] = { FE_TONEAREST, FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO };
	for (int i = 0; i < 4; i++) {
		fesetround(modes[i]);
		volatile double a = 1, b = 3;
		volatile long double c = 1, d = 3;
		printf("round %d: %a %La %.3f %ld\n", i, a / b, c / d, 2.0005, lrint(2.5));
	}
	fesetround(FE_TONEAREST);
	feclearexcept(FE_ALL_EXCEPT);
	volatile double zero = 0, one = 1;
	volatile double q = one / zero;
	printf("%f div %d inv %d\n", q, !!fetestexcept(FE_DIVBYZERO), !!fetestexcept(FE_INVALID));
	printf("%5.2f|%-10d|%+d|%010.3f|%x|%#o|%s|%10.3s|%c|%%|%p\n", 3.14159, 42, 42, 2.5, 255, 8, "str", "truncate", 'c', (void *)0);
	printf("%d %d\n", (int)sizeof(long double), LDBL_MANT_DIG);
	return 0;
}
