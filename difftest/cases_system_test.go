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
}

func TestSystem(t *testing.T) { table(t, system) }
