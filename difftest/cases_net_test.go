//go:build linux

package difftest

import "testing"

// sockets are programs that are client and server in one, on the loopback.
func sockets() []Case {
	var cases []Case
	for _, prog := range []func(string, ...string) Program{glibc, musl} {
		for _, what := range []string{"v4", "v6", "errors", "peers", "resets", "waits"} {
			cases = append(cases, Case{Prog: prog("net_tcp.c"), Cmd: what})
		}
		cases = append(cases,
			Case{Prog: prog("net_udp.c"), Cmd: "refused", Known: "Wine 8 does not wake who waits for a datagram when the last one was refused; the call after that has the error"},
		)
		for _, what := range []string{"v4", "v6", "many"} {
			cases = append(cases, Case{Prog: prog("net_udp.c"), Cmd: what})
		}
		for _, what := range []string{"streams", "pair 1", "pair 2", "pair 5", "pass 1", "pass 2", "pass 5", "named 1", "named 2", "named 5", "lost"} {
			cases = append(cases, Case{Prog: prog("net_unix.c"), Cmd: what})
		}
		cases = append(cases,
			Case{Prog: prog("net_bulk.c"), Cmd: "32 100000 tcp", Opt: LargeOutput}, Case{Prog: prog("net_bulk.c"), Cmd: "1 1000 tcp"},
			Case{Prog: prog("net_bulk.c"), Cmd: "32 100000 unix"},
			Case{Prog: prog("net_interfaces.c")},
		)
	}
	for _, kind := range []string{"tcp4", "udp4", "tcp6", "udp6", "unix1", "unix2", "unix5"} {
		cases = append(cases, Case{Prog: glibc("net_options.c"), Cmd: kind})
	}
	for _, what := range []string{"beside4", "beside6", "big", "undo", "states", "share", "listeners", "times", "who"} {
		cases = append(cases, Case{Prog: glibc("net_acts.c"), Cmd: what}, Case{Prog: musl("net_acts.c"), Cmd: what})
	}
	return append(cases, Case{Prog: glibc("net_epoll.c"), Cmd: "50 20"}, Case{Prog: glibc("net_epoll.c"), Cmd: "1000 3", Opt: LargeOutput})
}

func TestSockets(t *testing.T) { table(t, sockets()) }
