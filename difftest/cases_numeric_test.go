//go:build linux

package difftest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// numeric are programs with OpenBLAS, whose kernels are written in assembler
// for each generation of processors and share the work among threads.
func numeric() []Case {
	const packages = "corpus/packages/"
	blas := packages + "libopenblas-pthread-dev-ARCH/usr/lib/CPU-linux-gnu/openblas-pthread/libopenblas.a"
	lapack := packages + "liblapack-dev-ARCH/usr/lib/CPU-linux-gnu/lapack/liblapack.a"
	var cases []Case
	for _, kernels := range []string{"Prescott", "Haswell", "SkylakeX"} {
		for _, threads := range []string{"1", "2"} {
			for name, libs := range map[string]string{"openblas": blas, "lapack": lapack + " " + blas} {
				cases = append(cases, Case{
					Prog: Program{Source: "eigen.c", Kit: Fortran, Flags: "-DSIZE=500 -Wno-all", Libs: libs},
					Name: name + "-" + kernels + "-" + threads,
					Env:  append([]string{"OPENBLAS_CORETYPE=" + kernels, "OPENBLAS_VERBOSE=2", "OPENBLAS_NUM_THREADS=" + threads}, DefaultEnv...),
				})
			}
		}
	}
	return cases
}

// TestNumeric wants the libraries that the corpus unpacks, so `make corpus`
// runs it; 32-bit OpenBLAS has no kernels for AVX-512 and takes its best.
func TestNumeric(t *testing.T) {
	if _, err := os.Stat(filepath.Join(lab.store.build, "corpus/packages/libopenblas-pthread-dev-amd64")); err != nil {
		t.Skip("no OpenBLAS: make corpus fetches it")
	}
	flags, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		t.Fatal(err)
	}
	var cases []Case
	for _, c := range numeric() {
		if strings.Contains(c.Name, "SkylakeX") && !strings.Contains(string(flags), " avx512vl ") {
			t.Logf("%s: left out, this processor has no AVX-512", c.Name)
			continue
		}
		cases = append(cases, c)
	}
	table(t, cases)
}
