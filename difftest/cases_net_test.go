//go:build linux

package difftest

import "testing"

// sockets are programs that are client and server in one, on the loopback.
func sockets() []Case {
	var cases []Case
	for _, prog := range []func(string, ...string) Program{glibc, musl} {
		for _, what := range []string{"v4", "v6", "errors", "peers", "waits"} {
			cases = append(cases, Case{Prog: prog("net_tcp.c"), Cmd: what})
		}
		for _, what := range []string{"v4", "v6", "refused", "many"} {
			cases = append(cases, Case{Prog: prog("net_udp.c"), Cmd: what})
		}
		for _, what := range []string{"streams", "pair 1", "pair 2", "pair 5", "pass 1", "pass 2", "pass 5", "named 1", "named 2", "named 5"} {
			cases = append(cases, Case{Prog: prog("net_unix.c"), Cmd: what})
		}
	}
	return cases
}

func TestSockets(t *testing.T) { table(t, sockets()) }
