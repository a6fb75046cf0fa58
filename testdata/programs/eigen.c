/* Products, eigenvalues and linear systems with BLAS and LAPACK. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void dgemm_(const char *, const char *, const int *, const int *, const int *, const double *, const double *, const int *,
	    const double *, const int *, const double *, double *, const int *);
void dsyev_(const char *, const char *, const int *, double *, const int *, double *, double *, const int *, int *);
void dgesv_(const int *, const int *, double *, const int *, int *, double *, const int *, int *);
void sgemm_(const char *, const char *, const int *, const int *, const int *, const float *, const float *, const int *,
	    const float *, const int *, const float *, float *, const int *);

#ifndef SIZE
#define SIZE 150
#endif

enum { N = SIZE };

static double a[N * N], b[N * N], c[N * N], w[N], work[40 * N];
static float fa[N * N], fc[N * N];
static int pivots[N];

int main(void)
{
	int n = N, one = 1, info, lwork = 40 * N;
	double alpha = 1, beta = 0, sum = 0, worst = 0;
	float falpha = 1, fbeta = 0, fsum = 0;

	for (int j = 0; j < N; j++)
		for (int i = 0; i < N; i++) {
			a[i + j * N] = 1.0 / (1 + abs(i - j));
			b[i + j * N] = (i * 7 + j * 3) % 11;
			fa[i + j * N] = (float)((i + j) % 5);
		}
	dgemm_("N", "T", &n, &n, &n, &alpha, a, &n, b, &n, &beta, c, &n);
	for (int i = 0; i < N * N; i++)
		sum += c[i];
	printf("dgemm %.3f %a\n", sum, sum);
	sgemm_("T", "N", &n, &n, &n, &falpha, fa, &n, fa, &n, &fbeta, fc, &n);
	for (int i = 0; i < N * N; i++)
		fsum += fc[i] / (N * N);
	printf("sgemm %.1f\n", fsum);

	for (int i = 0; i < N; i++)
		w[i] = i % 13;
	for (int i = 0; i < N * N; i++)
		b[i] = a[i];
	dgesv_(&n, &one, b, &n, pivots, w, &n, &info);
	for (int i = 0; i < N; i++) {
		double r = -(i % 13);
		for (int j = 0; j < N; j++)
			r += a[i + j * N] * w[j];
		worst = fmax(worst, fabs(r));
	}
	printf("dgesv %d residual %s\n", info, worst < 1e-9 ? "small" : "large");

	dsyev_("V", "U", &n, a, &n, w, work, &lwork, &info);
	printf("dsyev %d %.6f %.6f %.6f %a\n", info, w[0], w[N / 2], w[N - 1], w[1]);
	return 0;
}
