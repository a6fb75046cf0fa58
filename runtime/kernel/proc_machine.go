package kernel

import (
	"fmt"
	"sort"
	"strings"
	"time"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// cpuinfo is /proc/cpuinfo, a paragraph for each processor.
func (p *Process) cpuinfo() string {
	c := host.ReadCPU()
	n := p.cpus()
	perCore := min(c.ThreadsPerCore, n)
	cache := 0
	for _, k := range c.Caches {
		cache = max(cache, k.Size())
	}
	var b strings.Builder
	for i := range n {
		line := func(name, format string, args ...any) { fmt.Fprintf(&b, name+": "+format+"\n", args...) }
		line("processor\t", "%d", i)
		line("vendor_id\t", "%s", c.Vendor)
		line("cpu family\t", "%d", c.Family)
		line("model\t\t", "%d", c.Model)
		line("model name\t", "%s", c.Name)
		line("stepping\t", "%d", c.Stepping)
		line("microcode\t", "0xffffffff")
		line("cpu MHz\t\t", "%.3f", c.MHz)
		line("cache size\t", "%d KB", cache>>10)
		line("physical id\t", "0")
		line("siblings\t", "%d", n)
		line("core id\t\t", "%d", i/perCore)
		line("cpu cores\t", "%d", (n+perCore-1)/perCore)
		line("apicid\t\t", "%d", i)
		line("initial apicid\t", "%d", i)
		line("fpu\t\t", "yes")
		line("fpu_exception\t", "yes")
		line("cpuid level\t", "%d", c.MaxLeaf)
		line("wp\t\t", "yes")
		line("flags\t\t", "%s", strings.Join(c.Flags, " "))
		line("bugs\t\t", "")
		line("bogomips\t", "%.2f", 2*c.MHz)
		line("clflush size\t", "%d", c.ClearLine)
		line("cache_alignment\t", "%d", c.ClearLine)
		line("address sizes\t", "%d bits physical, %d bits virtual", c.PhysBits, c.VirtBits)
		b.WriteString("power management:\n\n")
	}
	return b.String()
}

// meminfo is /proc/meminfo. What Windows does not tell is 0; its free memory is
// what Linux calls available.
func (p *Process) meminfo() string {
	i := p.system.Info()
	u := p.system.Usage()
	var b strings.Builder
	put := func(name string, v uint64) { fmt.Fprintf(&b, "%-16s%8d kB\n", name+":", v>>10) }
	put("MemTotal", i.TotalMemory)
	put("MemFree", i.FreeMemory)
	put("MemAvailable", i.FreeMemory)
	for _, name := range []string{"Buffers", "Cached", "SwapCached", "Active", "Inactive", "Active(anon)", "Inactive(anon)", "Active(file)", "Inactive(file)", "Unevictable", "Mlocked"} {
		put(name, 0)
	}
	put("SwapTotal", i.TotalSwap)
	put("SwapFree", i.FreeSwap)
	put("Dirty", 0)
	put("Writeback", 0)
	put("AnonPages", u.RSS)
	for _, name := range []string{"Mapped", "Shmem", "KReclaimable", "Slab", "SReclaimable", "SUnreclaim", "KernelStack", "PageTables", "NFS_Unstable", "Bounce", "WritebackTmp"} {
		put(name, 0)
	}
	put("CommitLimit", i.TotalMemory+i.TotalSwap)
	put("Committed_AS", i.TotalMemory+i.TotalSwap-i.FreeMemory-i.FreeSwap)
	put("VmallocTotal", 1<<45)
	put("VmallocUsed", 0)
	put("VmallocChunk", 0)
	put("AnonHugePages", 0)
	for _, name := range []string{"HugePages_Total", "HugePages_Free", "HugePages_Rsvd", "HugePages_Surp"} {
		fmt.Fprintf(&b, "%-16s%8d\n", name+":", 0)
	}
	put("Hugepagesize", 2<<20)
	put("Hugetlb", 0)
	return b.String()
}

// vmstat is /proc/vmstat as far as programs look: pages, and the counts of
// this process.
func (p *Process) vmstat() string {
	i := p.system.Info()
	u := p.system.Usage()
	return fmt.Sprintf("nr_free_pages %d\nnr_anon_pages %d\nnr_mapped 0\nnr_file_pages 0\nnr_dirty 0\nnr_writeback 0\npgpgin 0\npgpgout 0\npswpin 0\npswpout 0\npgfault %d\npgmajfault %d\noom_kill 0\n",
		i.FreeMemory/abi.PageSize, u.RSS/abi.PageSize, u.MinorFaults+u.MajorFaults, u.MajorFaults)
}

// machineStat is /proc/stat. Windows tells the times of all processors
// together; each has its share.
func (p *Process) machineStat() string {
	idle, user, system := p.system.CPUTimes()
	n := p.cpus()
	// More processors than the program is told of would show more time than
	// has passed.
	if all := p.info().CPUs; all > n {
		idle, user, system = idle*time.Duration(n)/time.Duration(all), user*time.Duration(n)/time.Duration(all), system*time.Duration(n)/time.Duration(all)
	}
	var b strings.Builder
	line := func(name string, by int) {
		d := time.Duration(by) * clockTick
		fmt.Fprintf(&b, "%s %d 0 %d %d 0 0 0 0 0 0\n", name, user/d, system/d, idle/d)
	}
	line("cpu ", 1)
	for i := range n {
		line(fmt.Sprintf("cpu%d", i), n)
	}
	fmt.Fprintf(&b, "intr 0\nctxt 0\nbtime %d\nprocesses %d\nprocs_running 1\nprocs_blocked 0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n",
		(p.clock.Realtime()-p.system.Info().Uptime)/time.Second, p.threads())
	return b.String()
}

func (p *Process) swaps() string {
	i := p.system.Info()
	const title = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
	if i.TotalSwap == 0 {
		return title
	}
	return title + fmt.Sprintf("%-40s%-16s%d\t\t%d\t\t-2\n", "/pagefile.sys", "file", i.TotalSwap>>10, (i.TotalSwap-i.FreeSwap)>>10)
}

// mounted is a line of /proc/mounts.
type mounted struct{ source, path, kind, options string }

// mounted tells what is mounted where, the outer ones first.
func (p *Process) mounted() []mounted {
	var list []mounted
	escape := strings.NewReplacer(" ", `\040`, "\t", `\011`, "\n", `\012`, `\`, "/")
	ns := p.files.ns
	folder := func(m *mount) {
		list = append(list, mounted{escape.Replace(m.native), escape.Replace(m.path), "ntfs", "rw,relatime"})
	}
	for i := len(ns.mounts) - 1; i >= 0; i-- {
		m := ns.mounts[i]
		switch {
		case m.drives != nil:
			for _, letter := range p.files.host.Drives() {
				folder(&m.drives[letter-'a'])
			}
		case m.path == "/proc":
			list = append(list, mounted{"proc", "/proc", "proc", "rw,nosuid,nodev,noexec,relatime"})
		case m.path == "/sys":
			list = append(list, mounted{"sysfs", "/sys", "sysfs", "ro,nosuid,nodev,noexec,relatime"})
		case m.path == "/dev":
			list = append(list, mounted{"udev", "/dev", "devtmpfs", "rw,nosuid,relatime"})
		case m.path == devShm:
			list = append(list, mounted{"tmpfs", devShm, "tmpfs", "rw,nosuid,nodev"})
		case m.native != "":
			folder(m)
		default:
			list = append(list, mounted{"none", m.path, "tmpfs", "rw"})
		}
	}
	sort.SliceStable(list, func(i, j int) bool { return len(list[i].path) < len(list[j].path) })
	return list
}

func (p *Process) mountsText() string {
	var b strings.Builder
	for _, m := range p.mounted() {
		fmt.Fprintf(&b, "%s %s %s %s 0 0\n", m.source, m.path, m.kind, m.options)
	}
	return b.String()
}

// firstMount is the number of the root's mount in /proc/self/mountinfo.
const firstMount = 21

func (p *Process) mountinfoText() string {
	var b strings.Builder
	for i, m := range p.mounted() {
		parent := firstMount
		if i == 0 {
			parent = 1
		}
		fmt.Fprintf(&b, "%d %d 0:%d / %s %s - %s %s %s\n", firstMount+i, parent, firstMount+i, m.path, m.options, m.kind, m.source, strings.SplitN(m.options, ",", 2)[0])
	}
	return b.String()
}
