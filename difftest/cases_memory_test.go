//go:build linux

package difftest

import (
	"fmt"
	"testing"
)

// memory: mappings of all kinds. mem_random replays operations from a seed; what
// the pages are comes from /proc/self/maps, what they hold from the kernel.
var memory = []Case{
	{Prog: glibc("mem_leave.c")},
	{Prog: glibc("mem_leave.c"), Cmd: "open"},
	{Prog: glibc("mem_leave.c"), Cmd: "closed abort", Opt: Fault},
	{Prog: glibc("mem_shared.c")},
	{Prog: glibc("mem_views.c"), Cmd: "40", Opt: LargeOutput},
	{Prog: pie("mem_shared.c")},
	{Prog: lld("mem_shared.c")},
	{Prog: glibc("mem_shared.c"), Cmd: "bus", Opt: Fault},
	{Prog: glibc("mem_shared.c"), Cmd: "cut", Opt: Fault},
	{Prog: glibc("mem_shared.c"), Cmd: "private", Opt: Fault},
	{Prog: glibc("mem_shared.c"), Cmd: "segv", Opt: Fault},
	{Prog: lld("mem_random.c"), Cmd: "5 150"},
	{Prog: sqlite, Only: AMD64, Why: onlySQLite64, Opt: LargeOutput},
	{Prog: sqlite, Cmd: "100000000", Only: AMD64, Why: onlySQLite64, Opt: LargeOutput},
}

const onlySQLite64 = "Debian's libsqlite3-dev of both widths cannot be installed at once"

// sqlite takes all of the library, since flags come before the source that
// needs it.
var sqlite = glibc("mem_sqlite.c", "-w", "-Wl,--whole-archive,-lsqlite3,--no-whole-archive")

// The kernel's self-tests of memory. What else is in their folders needs more
// than memory: mincore_selftest and memfd_test second processes, map_populate a
// socket pair, madv_populate and mlock2-tests /proc/self/pagemap and smaps;
// on-fault-limit tests what only an ordinary user meets; mremap_test wants 2 GiB
// of shared memory, and 8 KiB of it at an address whose 64 KiB are in use.
var memorySelftests = []Case{
	{Name: "mremap_dontunmap", Prog: Program{Kit: Glibc, In: selftests + "vm", Source: "mremap_dontunmap.c"}},
}

func TestMemorySelftests(t *testing.T) { table(t, memorySelftests) }

func TestMemory(t *testing.T) {
	cases := memory
	seeds := 4
	if testing.Short() {
		seeds = 1
	}
	for seed := range seeds {
		cases = append(cases, Case{Prog: glibc("mem_random.c"), Cmd: fmt.Sprintf("%d 250", seed+1), Opt: LargeOutput})
	}
	table(t, cases)
}
