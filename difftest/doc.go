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
package difftest
