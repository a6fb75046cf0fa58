package kernel

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// sysRoot makes /sys as far as C libraries, OpenBLAS, hwloc and language
// runtimes look: processors, their caches, the one memory node.
func sysRoot(p *Process) *node {
	cpu := newFolder("cpu")
	cpu.dynamic = func() []*node {
		n := p.cpus()
		all := func(*Task) string { return rangeList(0, n) + "\n" }
		list := []*node{
			newText("online", all), newText("possible", all), newText("present", all),
			newText("offline", constant("\n")), newText("isolated", constant("\n")),
			newText("kernel_max", constant("8191\n")),
		}
		c := host.ReadCPU()
		for i := range n {
			list = append(list, cpuFolder(c, i, n))
		}
		return list
	}
	number := func(name, s string) *node { return newText(name, constant(s+"\n")) }
	node0 := newFolder("node0",
		newText("cpulist", func(*Task) string { return rangeList(0, p.cpus()) + "\n" }),
		newText("cpumap", func(*Task) string { n := p.cpus(); return cpuMask(firstCPUs(0, n), n) + "\n" }),
		number("distance", "10"),
		newText("meminfo", func(*Task) string {
			i := p.system.Info()
			return fmt.Sprintf("Node 0 MemTotal:       %8d kB\nNode 0 MemFree:        %8d kB\nNode 0 MemUsed:        %8d kB\n",
				i.TotalMemory>>10, i.FreeMemory>>10, (i.TotalMemory-i.FreeMemory)>>10)
		}),
	)
	return newFolder("sys",
		newFolder("devices", newFolder("system", cpu, newFolder("node",
			number("online", "0"), number("possible", "0"), number("has_cpu", "0"), number("has_memory", "0"), number("has_normal_memory", "0"), node0))),
		newFolder("fs", newFolder("cgroup")),
		newFolder("class", newFolder("net")),
		newFolder("block"),
		newFolder("kernel", newFolder("mm",
			newFolder("transparent_hugepage", number("enabled", "always madvise [never]"), number("defrag", "always defer defer+madvise madvise [never]"), number("hpage_pmd_size", strconv.Itoa(2<<20))),
			newFolder("hugepages"))),
	)
}

// cpuFolder is /sys/devices/system/cpu/cpuI of n processors. Windows numbers the
// threads of one core one after the other.
func cpuFolder(c host.CPU, i, n int) *node {
	number := func(name string, v int) *node { return newText(name, constant(strconv.Itoa(v)+"\n")) }
	// set makes the two forms of a set of processors.
	set := func(mask, list string, lo, hi int) []*node {
		return []*node{newText(mask, constant(cpuMask(firstCPUs(lo, hi), n)+"\n")), newText(list, constant(rangeList(lo, hi)+"\n"))}
	}
	group := func(size int) (lo, hi int) {
		lo = i / size * size
		return lo, min(lo+size, n)
	}
	lo, hi := group(max(c.ThreadsPerCore, 1))
	topology := newFolder("topology", number("core_id", i/max(c.ThreadsPerCore, 1)), number("physical_package_id", 0), number("die_id", 0), number("cluster_id", -1))
	topology.add(set("thread_siblings", "thread_siblings_list", lo, hi)...)
	topology.add(set("core_cpus", "core_cpus_list", lo, hi)...)
	topology.add(set("core_siblings", "core_siblings_list", 0, n)...)
	topology.add(set("package_cpus", "package_cpus_list", 0, n)...)
	topology.add(set("die_cpus", "die_cpus_list", 0, n)...)
	cache := newFolder("cache")
	for k, d := range c.Caches {
		// Numbers are given out in powers of two.
		lo, hi := group(1 << bits.Len(uint(d.Threads-1)))
		index := newFolder("index"+strconv.Itoa(k),
			number("level", d.Level), newText("type", constant(d.Type.String()+"\n")), newText("size", constant(strconv.Itoa(d.Size()>>10)+"K\n")),
			number("coherency_line_size", d.Line), number("physical_line_partition", d.Partitions),
			number("ways_of_associativity", d.Ways), number("number_of_sets", d.Sets), number("id", lo))
		index.add(set("shared_cpu_map", "shared_cpu_list", lo, hi)...)
		cache.add(index)
	}
	f := newFolder("cpu"+strconv.Itoa(i), topology, cache, newLink("node0", constant("../../node/node0")))
	if i > 0 { // the first cannot be taken away
		f.add(number("online", 1))
	}
	return f
}

// allowed tells the processors of an affinity; nil is all.
func (p *Process) allowed(affinity []uint64) []uint64 {
	if affinity != nil {
		return affinity
	}
	return firstCPUs(0, p.cpus())
}

// firstCPUs is the set of the processors in [lo, hi).
func firstCPUs(lo, hi int) []uint64 {
	set := make([]uint64, (hi+63)/64)
	for i := lo; i < hi; i++ {
		set[i/64] |= 1 << (i % 64)
	}
	return set
}

// cpuMask writes a set of n processors as Linux does: words of 32 bits in
// hexadecimal, the highest first, the first one as wide as it must be.
func cpuMask(set []uint64, n int) string {
	words := (n + 31) / 32
	var b strings.Builder
	for w := words - 1; w >= 0; w-- {
		v := uint32(0)
		if w/2 < len(set) {
			v = uint32(set[w/2] >> (w % 2 * 32))
		}
		width := 8
		if w == words-1 && n%32 != 0 {
			width = (n%32 + 3) / 4
		}
		fmt.Fprintf(&b, "%0*x", width, v)
		if w > 0 {
			b.WriteByte(',')
		}
	}
	return b.String()
}

// cpuList writes a set as ranges: 0-3,5.
func cpuList(set []uint64) string {
	var parts []string
	for i := 0; i < 64*len(set); i++ {
		if set[i/64]>>(i%64)&1 == 0 {
			continue
		}
		lo := i
		for i+1 < 64*len(set) && set[(i+1)/64]>>((i+1)%64)&1 != 0 {
			i++
		}
		parts = append(parts, rangeList(lo, i+1))
	}
	return strings.Join(parts, ",")
}

// rangeList writes the range [lo, hi).
func rangeList(lo, hi int) string {
	if hi-lo == 1 {
		return strconv.Itoa(lo)
	}
	return fmt.Sprintf("%d-%d", lo, hi-1)
}

// readOnly takes the right to write from folders, as in /proc and /sys.
func (n *node) readOnly() *node {
	if n.mode&abi.S_IFMT == abi.S_IFDIR {
		n.mode &^= 0o222
	}
	for _, k := range n.kids {
		k.readOnly()
	}
	return n
}
