package kernel

import (
	"strings"
	"testing"

	"bee/runtime/host"
)

// TestCPUSets has the forms that Linux shows for machines of these sizes.
func TestCPUSets(t *testing.T) {
	for _, c := range []struct {
		lo, hi, n  int
		mask, list string
	}{
		{0, 1, 1, "1", "0"},
		{0, 4, 4, "f", "0-3"},
		{2, 4, 4, "c", "2-3"},
		{3, 4, 6, "08", "3"},
		{0, 32, 32, "ffffffff", "0-31"},
		{0, 40, 40, "ff,ffffffff", "0-39"},
		{32, 40, 40, "ff,00000000", "32-39"},
		{64, 96, 96, "ffffffff,00000000,00000000", "64-95"},
	} {
		set := firstCPUs(c.lo, c.hi)
		if m, l := cpuMask(set, c.n), cpuList(set); m != c.mask || l != c.list {
			t.Errorf("[%d, %d) of %d: %s %s, want %s %s", c.lo, c.hi, c.n, m, l, c.mask, c.list)
		}
	}
	if l := cpuList([]uint64{0b101101}); l != "0,2-3,5" {
		t.Error(l)
	}
}

// TestCPUFolder looks at a processor in the middle of a machine, whose caches
// are shared as CPUID's upper limits say, cut to the processors that are there.
func TestCPUFolder(t *testing.T) {
	c := host.CPU{ThreadsPerCore: 2, Caches: []host.Cache{
		{Level: 1, Type: host.DataCache, Line: 64, Partitions: 1, Ways: 8, Sets: 64, Threads: 2},
		{Level: 3, Type: host.UnifiedCache, Line: 64, Partitions: 1, Ways: 16, Sets: 16384, Threads: 12},
	}}
	f := cpuFolder(c, 3, 6)
	for path, want := range map[string]string{
		"topology/core_id":              "1\n",
		"topology/thread_siblings_list": "2-3\n",
		"topology/core_siblings_list":   "0-5\n",
		"cache/index0/size":             "32K\n",
		"cache/index0/type":             "Data\n",
		"cache/index0/shared_cpu_list":  "2-3\n",
		"cache/index0/shared_cpu_map":   "0c\n",
		"cache/index1/size":             "16384K\n",
		"cache/index1/type":             "Unified\n",
		"cache/index1/shared_cpu_list":  "0-5\n",
	} {
		n := f
		for rest := path; rest != "" && n != nil; {
			name, more, _ := strings.Cut(rest, "/")
			n, rest = n.child(name), more
		}
		if n == nil {
			t.Errorf("no %s", path)
		} else if got := n.text(nil); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}
