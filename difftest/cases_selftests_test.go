//go:build linux

package difftest

import (
	"regexp"
	"slices"
	"strconv"
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
		Prog: Program{Kit: Glibc, In: selftests + "filesystems/epoll", Source: "epoll_wakeup_test.c", Flags: "-w -include PROGRAMS/selftest_inline.h"},
		Cmd:  "epoll1", Then: epollTests(2, 24),
		Suite: tap(),
	},
	{
		Name:  "nanosleep",
		Prog:  Program{Kit: Glibc, In: selftests + "timers", Source: "nanosleep.c", Flags: "-w"},
		Suite: tap(),
	},
}

// netTests are the self-tests of the network that are one program, need no
// privilege, and run on the loopback. They end with 0 or say what went wrong.
//
// Left out, with what they want: fin_ack_lat and test_unix_oob (a second
// process), reuseport_addr_any and reuseport_dualstack (one port of TCP at
// several addresses), bind_bhash (24,000 descriptors), ipv6_flowlabel (flow
// labels), udpgso and udpgro (segmentation by the kernel), msg_zerocopy,
// tcp_mmap, tls, txtimestamp, so_txtime (their features), reuseport_bpf,
// toeplitz, psock_* (filters, packet sockets), so_netns_cookie, nettest, tun,
// tap, ipsec, ip_defrag, gro (privileges), and the scripts, which want network
// namespaces.
func netTests() []Case {
	var cases []Case
	for _, name := range []string{"socket", "reuseaddr_conflict", "sk_connect_zero_addr"} {
		cases = append(cases, Case{Name: name, Prog: netTest(name)})
	}
	return append(
		cases,
		Case{
			Name: "sk_bind_sendto_listen", Prog: netTest("sk_bind_sendto_listen"),
			Known: "Windows gives a port to one stream only unless it is taken by force; Linux to all that say SO_REUSEADDR, as long as none listens",
		},
		Case{Name: "tcp_inq", Prog: netTest("tcp_inq"), Then: []string{"-6"}},
		Case{
			Name:  "unix_connect",
			Prog:  Program{Kit: Glibc, In: selftests + "net/af_unix", Source: "unix_connect.c", Flags: "-w -D_GNU_SOURCE -include PROGRAMS/selftest_inline.h"},
			Suite: tap(),
		},
	)
}

func netTest(name string) Program {
	return Program{Kit: Glibc, In: selftests + "net", Source: name + ".c", Flags: "-w -D_GNU_SOURCE -include PROGRAMS/selftest_port.h"}
}

// epollTests names epoll's tests from one to another.
func epollTests(from, to int) []string {
	var names []string
	for i := from; i <= to; i++ {
		names = append(names, "epoll"+strconv.Itoa(i))
	}
	return names
}

// futexTests are those of the futex self-tests that hold on a busy machine.
//
// Left out: futex_requeue and futex_wait_timeout (ten threads must begin within
// 20 ms), futex_wait and futex_waitv (System V's shared memory), futex_requeue_pi
// and futex_requeue_pi_signal_restart (SCHED_FIFO, which wants a privilege).
func futexTests() []Case {
	var cases []Case
	for _, name := range []string{
		"futex_wait_wouldblock", "futex_wait_private_mapped_file", "futex_wait_uninitialized_heap", "futex_requeue_pi_mismatched_ops",
	} {
		cases = append(cases, Case{
			Name: name,
			Prog: Program{
				Kit: Glibc, In: selftests + "futex/functional", Source: name + ".c",
				Flags: "-w -pthread -D_GNU_SOURCE -IDIR/../.. -IDIR/../include",
			},
			Suite: tap(),
		})
	}
	return cases
}

// TestSelftests runs the kernel's self-tests and compares them test by test.
func TestSelftests(t *testing.T) {
	table(t, slices.Concat(selftestCases, netTests(), futexTests()))
}
