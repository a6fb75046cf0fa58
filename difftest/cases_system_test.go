//go:build linux

package difftest

import "testing"

// system are the process's view of itself and of the machine: clocks, identity,
// limits, /proc, devices. What differs from machine to machine the programs tell
// as whether it makes sense.
var system = []Case{
	{Prog: glibc("time_calls.c")},
	{Prog: musl("time_calls.c"), Only: AMD64, Why: "musl's headers have other names for the calls of IA-32"},
	{Prog: glibc("ident_calls.c"), Cmd: "ids"},
	{Prog: glibc("ident_calls.c"), Cmd: "scheduling"},
	{Prog: glibc("ident_calls.c"), Cmd: "limits"},
	{Prog: glibc("ident_calls.c"), Cmd: "controls"},
	{Prog: glibc("ident_calls.c"), Cmd: "memory"},
	{Prog: glibc("ident_calls.c"), Cmd: "refused"},
	{Prog: glibc("proc_self.c"), Cmd: "stat"},
	{Prog: glibc("proc_self.c"), Cmd: "status"},
	{Prog: glibc("proc_self.c"), Cmd: "own"},
	{Prog: glibc("proc_self.c"), Cmd: "descriptors"},
	{Prog: glibc("proc_self.c"), Cmd: "refused"},
	{Prog: glibc("proc_self.c"), Cmd: "machine"},
	{Prog: glibc("proc_self.c"), Cmd: "devices"},
	{Prog: pie("proc_self.c"), Cmd: "stat"},
	{Prog: glibc("dev_shm.c")},
	{Prog: musl("dev_shm.c")},
	{Prog: glibc("splice_pipes.c")},
	{Prog: musl("splice_pipes.c")},
	{Prog: glibc("inotify_events.c"), Cmd: "folder", Opt: LargeOutput},
	{Prog: glibc("inotify_events.c"), Cmd: "content", Opt: LargeOutput},
	{Prog: glibc("inotify_events.c"), Cmd: "errors"},
}

func TestSystem(t *testing.T) { table(t, system) }
