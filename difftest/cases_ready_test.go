//go:build linux

package difftest

import "testing"

// ready are programs that wait for files and for time.
var ready = []Case{
	{Prog: glibc("ready_epoll.c")},
	{Prog: musl("ready_epoll.c", "-include", "string.h", "-D", "strerrorname_np=strerror")},
	{Prog: glibc("ready_pipe.c")},
	{Prog: glibc("ready_timers.c")},
}

func TestReady(t *testing.T) { table(t, ready) }
