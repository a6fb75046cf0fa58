package kernel

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"bee/runtime/abi"
)

func utoa(v uint32) string { return strconv.FormatUint(uint64(v), 10) }

// exeFile is the program's file on the host.
type exeFile struct {
	host   string
	offset int64 // where in it the program begins
	size   int64 // how much of it is the program; 0: all
}

// procRoot makes /proc: the process itself and what programs ask about the
// machine.
func procRoot(p *Process) *node {
	list := []*node{
		newText("cpuinfo", func(*Task) string { return p.cpuinfo() }),
		newText("meminfo", func(*Task) string { return p.meminfo() }),
		newText("vmstat", func(*Task) string { return p.vmstat() }),
		newText("uptime", func(*Task) string {
			idle, _, _ := p.system.CPUTimes()
			return fmt.Sprintf("%.2f %.2f\n", p.system.Info().Uptime.Seconds(), idle.Seconds())
		}),
		newText("loadavg", func(*Task) string { return fmt.Sprintf("0.00 0.00 0.00 1/%d %d\n", p.threads(), p.pid) }),
		newText("filesystems", constant("nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\nnodev\tdevtmpfs\nnodev\tpipefs\nnodev\tsockfs\n\tntfs\n")),
		newText("version", constant("Linux version "+unameRelease+" (bee) (go) "+unameVersion+"\n")),
		newText("stat", func(*Task) string { return p.machineStat() }),
		newText("cmdline", constant("BOOT_IMAGE=bee\n")),
		newText("swaps", func(*Task) string { return p.swaps() }),
		newText("devices", constant("Character devices:\n  1 mem\n  5 /dev/tty\n\nBlock devices:\n")),
		newText("partitions", constant("major minor  #blocks  name\n\n")),
		newText("modules", constant("")),
		newText("diskstats", constant("")),
		newLink("mounts", constant("self/mounts")),
		newLink("net", constant("self/net")),
		newLink("thread-self", func(t *Task) string { return fmt.Sprintf("%d/task/%d", p.pid, t.tid) }),
		newLink("self", func(*Task) string { return strconv.Itoa(p.pid) }),
		procSys(p),
	}
	root := newFolder("proc")
	root.mode = abi.S_IFDIR | 0o555
	root.dynamic = func() []*node { return append(list[:len(list):len(list)], p.taskFolder(p.pid, true)) }
	root.lookup = func(name string) *node {
		for _, n := range list {
			if n.name == name {
				return n
			}
		}
		// A thread of the process has a folder too, which a listing does
		// not show.
		if id, ok := p.taskNumber(name); ok {
			return p.taskFolder(id, true)
		}
		return nil
	}
	return root
}

// taskNumber tells the thread whose number a name is. The process itself is
// there before its first thread.
func (p *Process) taskNumber(name string) (int, bool) {
	id, err := strconv.Atoi(name)
	if err != nil || strconv.Itoa(id) != name {
		return 0, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return id, id == p.pid || p.find(id) != nil
}

// threads counts the process's threads.
func (p *Process) threads() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(len(p.taskList), 1)
}

func procSys(p *Process) *node {
	text := func(name, s string) *node { return newText(name, constant(s+"\n")) }
	return newFolder("sys",
		newFolder("kernel",
			newText("hostname", func(*Task) string { return p.info().Hostname + "\n" }),
			text("domainname", unameDomain), text("osrelease", unameRelease), text("ostype", "Linux"), text("version", unameVersion),
			text("pid_max", "32768"), text("threads-max", "63536"), text("ngroups_max", "65536"), text("cap_last_cap", strconv.Itoa(abi.CAP_LAST_CAP)),
			text("core_pattern", "core"), text("core_uses_pid", "0"), text("randomize_va_space", "2"), text("panic", "0"), text("sched_rr_timeslice_ms", "100"),
			text("msgmax", "8192"), text("msgmnb", "16384"), text("msgmni", "32000"), text("sem", "32000\t1024000000\t500\t32000"),
			text("shmall", "18446744073692774399"), text("shmmax", "18446744073692774399"), text("shmmni", "4096"),
			text("perf_event_paranoid", "4"), text("unprivileged_bpf_disabled", "2"), text("io_uring_disabled", "2"), text("dmesg_restrict", "1"),
			newFolder("random",
				text("entropy_avail", "256"), text("poolsize", "256"),
				newText("uuid", func(*Task) string { return p.uuid() }),
				newText("boot_id", func(*Task) string { return p.bootID() }),
			),
		),
		newFolder("vm",
			text("overcommit_memory", "0"), text("overcommit_ratio", "50"), text("max_map_count", "65530"), text("mmap_min_addr", "65536"),
			text("swappiness", "60"), text("nr_hugepages", "0"), text("unprivileged_userfaultfd", "0"),
		),
		newFolder("fs",
			text("file-max", "9223372036854775807"), text("nr_open", strconv.Itoa(maxOpenFiles)), text("pipe-max-size", "1048576"),
			newText("file-nr", func(*Task) string { return fmt.Sprintf("%d\t0\t9223372036854775807\n", len(p.files.list())) }),
			text("aio-max-nr", "65536"), text("aio-nr", "0"), text("protected_symlinks", "1"), text("protected_hardlinks", "1"),
			newFolder("inotify", text("max_queued_events", strconv.Itoa(inotifyMaxEvents)), text("max_user_instances", "128"), text("max_user_watches", strconv.Itoa(inotifyMaxWatches))),
		),
		newFolder("net", newFolder("core", text("somaxconn", "4096"), text("rmem_max", "212992"), text("wmem_max", "212992")),
			newFolder("ipv4", text("ip_local_port_range", "32768\t60999"), text("tcp_fin_timeout", "60"))),
	)
}

// uuid makes a random UUID (version 4) in the form of /proc/sys/kernel/random.
func (p *Process) uuid() string {
	var b [16]byte
	_ = p.system.Random(b[:])
	return formatUUID(b)
}

func formatUUID(b [16]byte) string {
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x\n", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// bootID is the same for all programs since the host's start: made from the
// time of that and the host's name.
func (p *Process) bootID() string {
	// The start's time as two clocks tell it moves by a little with each look.
	boot := (p.clock.Realtime() - p.system.Info().Uptime).Round(time.Minute)
	var b [16]byte
	h := (&node{name: p.info().Hostname}).hash()
	put64(b[:], h^uint64(boot/time.Minute)*0x9e3779b97f4a7c15)
	put64(b[8:], h*0xbf58476d1ce4e5b9+uint64(boot/time.Minute))
	return formatUUID(b)
}

func zeroEnded(list []string) string {
	var b strings.Builder
	for _, s := range list {
		b.WriteString(s)
		b.WriteByte(0)
	}
	return b.String()
}
