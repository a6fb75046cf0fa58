//go:build linux

package difftest

import (
	"regexp"
	"strconv"
	"testing"
)

// The kernel's own tests of its system calls, which the set-up unpacks.
const selftests = "thirdparty/linux-source/tools/testing/selftests/"

// fromSelftests is the way from epoll's tests to our programs.
const fromSelftests = "../../../../../../../../testdata/programs/"

// nolibcTest prints "12 getpid = 4711 [OK]" or "20 close_m1 = -1 EBADF [OK]".
// The number is one machine's; an error's name is not.
var nolibcTest = Suite{
	Section: regexp.MustCompile(`^Running test '(.*)'`),
	Line:    regexp.MustCompile(`^\d+ (?P<test>\w+) = (?:-1 (?P<detail>E[A-Z0-9]+)|.*?) .*\[(?P<result>OK|FAIL|SKIPPED)\]`),
	Passed:  "OK",
	Exclude: []Exclusion{
		{"syscall/execve_root", SecondProcess, "execve"},
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
	},
	{
		Name:  "openat2_test",
		Prog:  Program{Kit: Glibc, In: selftests + "openat2", Source: "openat2_test.c", Flags: "DIR/helpers.c"},
		Suite: tap(),
	},
	{
		// Each test in a process of its own, since threads of a test may outlive it. Those
		// above 24 are the same with other calls, or run for seconds.
		Name: "epoll_wakeup_test",
		Prog: Program{Kit: Glibc, In: selftests + "filesystems/epoll", Source: "epoll_wakeup_test.c", Flags: "-w -include DIR/" + fromSelftests + "selftest_inline.h"},
		Cmd:  "epoll1", Then: epollTests(2, 24),
		Suite: tap(),
	},
	{
		Name:  "nanosleep",
		Prog:  Program{Kit: Glibc, In: selftests + "timers", Source: "nanosleep.c", Flags: "-w"},
		Suite: tap(),
	},
}

// epollTests names epoll's tests from one to another.
func epollTests(from, to int) []string {
	var names []string
	for i := from; i <= to; i++ {
		names = append(names, "epoll"+strconv.Itoa(i))
	}
	return names
}

// TestSelftests runs the kernel's self-tests and compares them test by test.
func TestSelftests(t *testing.T) { table(t, selftestCases) }
