//go:build linux

package difftest

import (
	"regexp"
	"testing"
)

// The kernel's own tests of its system calls, which the set-up unpacks.
const selftests = "thirdparty/linux-source/tools/testing/selftests/"

// nolibcTest prints "12 getpid = 4711 [OK]" or "20 close_m1 = -1 EBADF [OK]".
// The number is one machine's; an error's name is not.
var nolibcTest = Suite{
	Section: regexp.MustCompile(`^Running test '(.*)'`),
	Line:    regexp.MustCompile(`^\d+ (?P<test>\w+) = (?:-1 (?P<detail>E[A-Z0-9]+)|.*?) .*\[(?P<result>OK|FAIL|SKIPPED)\]`),
	Passed:  "OK",
	Exclude: []Exclusion{
		{"syscall/execve_root", SecondProcess, "execve"},
		{"syscall/link_cross", HostFeature, "there is no /proc/self/net"},
		{"syscall/chmod_net", HostFeature, "there is no /proc/self/net"},
	},
}

// tap is the format of most self-tests.
func tap(exclude ...Exclusion) *Suite {
	return &Suite{
		Line:    regexp.MustCompile(`^(?P<result>ok|not ok) \d+ (?:- )?(?P<test>[^#]*?)(?P<detail> # SKIP.*)?$`),
		Passed:  "ok",
		Exclude: exclude,
	}
}

var selftestCases = []Case{
	{
		Name:  "nolibc-test",
		Prog:  Program{Kit: NoLibc, In: selftests + "nolibc", Source: "nolibc-test.c", Flags: "-Os -include DIR/../../../include/nolibc/nolibc.h -lgcc"},
		Stdin: Text(""), Env: words("TERM=dumb"), Suite: &nolibcTest,
		Opt: NoStderr, Reason: "beerun tells that execve is not there",
		Known: "errors of link and unlink of /, of chroot and chown below /proc, of waitpid(INT_MIN)",
	},
	{
		Name:  "openat2_test",
		Prog:  Program{Kit: Glibc, In: selftests + "openat2", Source: "openat2_test.c", Flags: "DIR/helpers.c"},
		Suite: tap(),
		Known: "openat2 ignores what a larger structure holds, and flags that exclude each other",
	},
}

// TestSelftests runs the kernel's self-tests and compares them test by test.
func TestSelftests(t *testing.T) { table(t, selftestCases) }
