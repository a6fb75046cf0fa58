// Package difftest runs one program in three forms and compares what each
// leaves behind:
//
//	native   the ELF program on Linux: the oracle
//	proof    its linux-proof form on Linux: shows that the patches are right
//	bee      its .bee form under beerun in Wine, behind the seccomp guard
//
// A case runs in both widths, i386 and amd64, or says why it is for one only.
// Each form gets a fresh copy of the case's directory. Compared are standard
// output, standard error, exit status and the directory afterwards. The bee
// form's status is the guest's own, read from beerun's mark, never Wine's.
//
// A case is one line of a table (see cases_*_test.go). The programs' sources
// are in testdata/programs.
//
// The programs call_*.c (TestCalls) make every system call that the kernel's
// tables promise and print each result; a call counts in docs/compat-*.md only
// if such a program proves it. See calls.go.
package difftest
