/* OpenMP: loops, reductions, tasks, sections, locks, with two threads and with eight. */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

static long fib(int n)
{
	long a, b;
	if (n < 2)
		return n;
	if (n < 12)
		return fib(n - 1) + fib(n - 2);
#pragma omp task shared(a)
	a = fib(n - 1);
#pragma omp task shared(b)
	b = fib(n - 2);
#pragma omp taskwait
	return a + b;
}

int main(void)
{
	enum { N = 300 };
	static double a[N][N], b[N][N], c[N][N];
	for (int threads = 2; threads <= 8; threads *= 4) {
		omp_set_num_threads(threads);
		long sum = 0, locked = 0, critical = 0;
		int used = 0, sections = 0;
		omp_lock_t lock;
		omp_init_lock(&lock);
#pragma omp parallel
		{
#pragma omp single
			used = omp_get_num_threads();
#pragma omp for reduction(+ : sum) schedule(dynamic, 7)
			for (int i = 0; i < 100000; i++)
				sum += i % 7;
			for (int i = 0; i < 500; i++) {
				omp_set_lock(&lock);
				locked++;
				omp_unset_lock(&lock);
#pragma omp critical
				critical++;
			}
#pragma omp sections reduction(+ : sections)
			{
#pragma omp section
				sections += 1;
#pragma omp section
				sections += 10;
#pragma omp section
				sections += 100;
			}
		}
		printf("threads %d: sum %ld, locked %ld, critical %ld, sections %d\n", used, sum, locked, critical, sections);
#pragma omp parallel for
		for (int i = 0; i < N; i++)
			for (int k = 0; k < N; k++) {
				a[i][k] = i + k;
				b[i][k] = i - k;
				c[i][k] = 0;
			}
#pragma omp parallel for schedule(static)
		for (int i = 0; i < N; i++)
			for (int j = 0; j < N; j++)
				for (int k = 0; k < N; k++)
					c[i][k] += a[i][j] * b[j][k];
		double trace = 0;
		for (int i = 0; i < N; i++)
			trace += c[i][i];
		long f = 0;
#pragma omp parallel
#pragma omp single
		f = fib(22);
		printf("trace %.1f, fib %ld\n", trace, f);
		omp_destroy_lock(&lock);
	}
	return 0;
}
