package kernel

import (
	"fmt"
	"strconv"
	"strings"

	"bee/runtime/abi"
)

// taskFolder is /proc/PID and, below its folder task, that of one thread.
func (p *Process) taskFolder(id int, whole bool) *node {
	n := newFolder(strconv.Itoa(id))
	n.mode = abi.S_IFDIR | 0o555
	fd := newFolder("fd")
	fd.mode = abi.S_IFDIR | 0o500
	fd.dynamic = p.fdNodes
	fd.lookup = func(name string) *node {
		if i, ok := p.fdByName(name); ok {
			return p.fdNode(i)
		}
		return nil
	}
	info := func(i int) *node {
		return newText(strconv.Itoa(i), func(t *Task) string { return t.fdInfoText(int32(i)) })
	}
	fdinfo := newFolder("fdinfo")
	fdinfo.mode = abi.S_IFDIR | 0o555
	fdinfo.dynamic = func() (list []*node) {
		for _, i := range p.files.list() {
			list = append(list, info(i))
		}
		return list
	}
	fdinfo.lookup = func(name string) *node {
		if i, ok := p.fdByName(name); ok {
			return info(i)
		}
		return nil
	}
	oom := newText("oom_score_adj", func(*Task) string {
		p.mu.Lock()
		defer p.mu.Unlock()
		return strconv.Itoa(p.traits.oomScore) + "\n"
	})
	oom.mode |= 0o200
	oom.store = storeOOMScore
	comm := newText("comm", func(*Task) string { return p.taskName(id) + "\n" })
	comm.mode |= 0o200
	comm.store = func(t *Task, s string) abi.Errno { return p.storeName(id, s) }

	n.add(
		&node{name: "exe", mode: abi.S_IFLNK | 0o777, link: func(*Task) string { return p.exe }, magic: openExe},
		newLink("cwd", func(*Task) string { c, _ := p.files.current(); return c }),
		newLink("root", constant("/")),
		fd, fdinfo, comm, oom,
		newText("maps", func(*Task) string { return p.as.MapsText() }),
		newText("cmdline", func(t *Task) string {
			l := p.layout()
			return t.stringsAt(l.ArgsLo, l.ArgsHi, p.args)
		}),
		newSecret("environ", func(t *Task) string {
			l := p.layout()
			return t.stringsAt(l.ArgsHi, l.EnvHi, p.env)
		}),
		newSecret("auxv", (*Task).auxv),
		newText("stat", func(*Task) string { return p.statText(id) }),
		newText("statm", func(*Task) string { return p.statmText() }),
		newText("status", func(*Task) string { return p.statusText(id) }),
		newText("limits", func(*Task) string { return p.limitsText() }),
		newText("mounts", func(*Task) string { return p.mountsText() }),
		newText("mountinfo", func(*Task) string { return p.mountinfoText() }),
		newSecret("io", func(*Task) string { return p.ioText() }),
		newText("cgroup", constant("0::/\n")),
		newText("cpuset", constant("/\n")),
		newSecret("personality", func(*Task) string {
			p.mu.Lock()
			defer p.mu.Unlock()
			return fmt.Sprintf("%08x\n", p.personality)
		}),
		newText("wchan", constant("0")),
		newText("schedstat", constant("0 0 0\n")),
		newSecret("syscall", constant("running\n")),
		newText("oom_score", constant("666\n")),
		newText("loginuid", constant("4294967295")),
		newText("sessionid", constant("4294967295")),
		newText("uid_map", constant("         0          0 4294967295\n")),
		newText("gid_map", constant("         0          0 4294967295\n")),
		newText("setgroups", constant("allow\n")),
		newText("coredump_filter", constant("00000033\n")),
		newFolder("net", newText("igmp", (*Task).igmp), newText("igmp6", (*Task).igmp6)),
		newFolder("ns",
			newLink("cgroup", constant("cgroup:[4026531835]")), newLink("ipc", constant("ipc:[4026531839]")), newLink("mnt", constant("mnt:[4026531841]")),
			newLink("net", constant("net:[4026531840]")), newLink("pid", constant("pid:[4026531836]")), newLink("user", constant("user:[4026531837]")),
			newLink("uts", constant("uts:[4026531838]"))),
	)
	if !whole {
		return n.add(newText("children", constant("")))
	}
	task := newFolder("task")
	task.mode = abi.S_IFDIR | 0o555
	task.dynamic = func() (list []*node) {
		for _, tid := range p.taskIDs() {
			list = append(list, p.taskFolder(tid, false))
		}
		return list
	}
	task.lookup = func(name string) *node {
		if tid, ok := p.taskNumber(name); ok {
			return p.taskFolder(tid, false)
		}
		return nil
	}
	return n.add(task)
}

func (p *Process) layout() Layout {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.traits.layout
}

// taskIDs tells the threads, at least the first.
func (p *Process) taskIDs() []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	ids := make([]int, 0, len(p.taskList))
	for _, t := range p.taskList {
		ids = append(ids, t.tid)
	}
	if len(ids) == 0 {
		ids = append(ids, p.pid)
	}
	return ids
}

func (p *Process) taskName(id int) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if o := p.find(id); o != nil {
		return o.name()
	}
	return p.comm
}

// storeName is a write to /proc/self/comm.
func (p *Process) storeName(id int, s string) abi.Errno {
	s = comm(s) // a newline at the end too
	p.mu.Lock()
	defer p.mu.Unlock()
	o := p.find(id)
	if o == nil || id == p.pid {
		p.comm = s
	} else {
		o.traits.name, o.traits.named = s, true
	}
	return 0
}

func storeOOMScore(t *Task, s string) abi.Errno {
	v, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil || v < -1000 || v > 1000 {
		return abi.EINVAL
	}
	p := t.proc
	p.mu.Lock()
	defer p.mu.Unlock()
	if v < 0 && v < p.traits.oomScore && p.uid != 0 {
		return abi.EACCES
	}
	p.traits.oomScore = v
	return 0
}

// signalSets are masks with bit n-1 for signal n.
type signalSets struct{ pending, shared, blocked, ignored, caught uint64 }

// signalSets collects what /proc tells of signals.
func (p *Process) signalSets(o *Task) (s signalSets) {
	p.sig.mu.Lock()
	defer p.sig.mu.Unlock()
	for i := range p.sig.actions[1:] {
		switch p.sig.actions[i+1].handler {
		case abi.SIG_DFL:
		case abi.SIG_IGN:
			s.ignored |= 1 << i
		default:
			s.caught |= 1 << i
		}
	}
	s.shared = p.sig.shared.set
	if o != nil {
		s.pending, s.blocked = o.pending.set, o.sigMask
	}
	return s
}

// statText is /proc/PID/stat (proc_pid_stat(5)).
func (p *Process) statText(id int) string {
	mapped, _ := p.as.Usage()
	user, system := p.clock.ProcessCPU()
	u := p.system.Usage()
	p.mu.Lock()
	o := p.find(id)
	threads := max(len(p.taskList), 1)
	sets := p.signalSets(o)
	name, nice, policy := p.comm, int32(0), int32(0)
	if o != nil {
		name, nice, policy = o.name(), o.traits.nice, o.traits.policy
	}
	l := p.traits.layout
	p.mu.Unlock()
	brk, _ := p.as.brkRange()
	const kindOfSignals = 1<<31 - 1 // the first 31, for programs of old
	return fmt.Sprintf("%d (%s) R %d %d %d 0 -1 4194304 %d 0 %d 0 %d %d 0 0 %d %d %d 0 %d %d %d 18446744073709551615 "+
		"%d %d %d 0 0 %d %d %d %d 0 0 0 17 0 0 %d 0 0 0 0 0 %d %d %d %d %d 0\n",
		id, name, p.PPID(), p.pid, p.pid, u.MinorFaults, u.MajorFaults, user/clockTick, system/clockTick, 20+nice, nice, threads,
		p.start/clockTick, mapped, u.RSS/abi.PageSize,
		l.CodeLo, l.CodeHi, l.StackTop, sets.pending&kindOfSignals, sets.blocked&kindOfSignals, sets.ignored&kindOfSignals, sets.caught&kindOfSignals,
		policy, brk, l.ArgsLo, l.ArgsHi, l.ArgsHi, l.EnvHi)
}

func (p *Process) statmText() string {
	mapped, used := p.as.Usage()
	u := p.system.Usage()
	code := p.layout()
	return fmt.Sprintf("%d %d 0 %d 0 %d 0\n", mapped/abi.PageSize, u.RSS/abi.PageSize, (code.CodeHi-code.CodeLo+abi.PageSize-1)/abi.PageSize, used/abi.PageSize)
}

// statusText is /proc/PID/status (proc_pid_status(5)).
func (p *Process) statusText(id int) string {
	mapped, used := p.as.Usage()
	u := p.system.Usage()
	_, umask := p.files.current()
	p.mu.Lock()
	o := p.find(id)
	threads := max(len(p.taskList), 1)
	sets := p.signalSets(o)
	name := p.comm
	var affinity []uint64
	if o != nil {
		name, affinity = o.name(), o.traits.affinity
	}
	code, privs, queue := p.traits.layout, 0, p.limits[abi.RLIMIT_SIGPENDING].cur
	stack := p.limits[abi.RLIMIT_STACK].cur
	if p.noNewPrivs {
		privs = 1
	}
	caps, all := uint64(0), uint64(1)<<(abi.CAP_LAST_CAP+1)-1
	if p.uid == 0 {
		caps = all
	}
	uid, gid := p.uid, p.gid
	p.mu.Unlock()
	cpus := p.allowed(affinity)
	var b strings.Builder
	line := func(name, format string, args ...any) { fmt.Fprintf(&b, name+":\t"+format+"\n", args...) }
	kB := func(name string, v uint64) { line(name, "%8d kB", v>>10) }
	line("Name", "%s", name)
	line("Umask", "%04o", umask)
	line("State", "R (running)")
	line("Tgid", "%d", p.pid)
	line("Ngid", "0")
	line("Pid", "%d", id)
	line("PPid", "%d", p.PPID())
	line("TracerPid", "0")
	line("Uid", "%[1]d\t%[1]d\t%[1]d\t%[1]d", uid)
	line("Gid", "%[1]d\t%[1]d\t%[1]d\t%[1]d", gid)
	line("FDSize", "%d", max(64, len(*p.files.slots.Load())))
	line("Groups", "%d ", gid)
	line("NStgid", "%d", p.pid)
	line("NSpid", "%d", id)
	line("NSpgid", "%d", p.pid)
	line("NSsid", "%d", p.pid)
	kB("VmPeak", mapped)
	kB("VmSize", mapped)
	kB("VmLck", 0)
	kB("VmPin", 0)
	kB("VmHWM", u.PeakRSS)
	kB("VmRSS", u.RSS)
	kB("RssAnon", u.RSS)
	kB("RssFile", 0)
	kB("RssShmem", 0)
	kB("VmData", used)
	kB("VmStk", min(stack, 8<<20))
	kB("VmExe", code.CodeHi-code.CodeLo)
	kB("VmLib", 0)
	kB("VmPTE", mapped>>9)
	kB("VmSwap", 0)
	kB("HugetlbPages", 0)
	line("CoreDumping", "0")
	line("THP_enabled", "1")
	line("Threads", "%d", threads)
	line("SigQ", "0/%d", queue)
	line("SigPnd", "%016x", sets.pending)
	line("ShdPnd", "%016x", sets.shared)
	line("SigBlk", "%016x", sets.blocked)
	line("SigIgn", "%016x", sets.ignored)
	line("SigCgt", "%016x", sets.caught)
	line("CapInh", "%016x", 0)
	line("CapPrm", "%016x", caps)
	line("CapEff", "%016x", caps)
	line("CapBnd", "%016x", all)
	line("CapAmb", "%016x", 0)
	line("NoNewPrivs", "%d", privs)
	line("Seccomp", "0")
	line("Seccomp_filters", "0")
	line("Speculation_Store_Bypass", "unknown")
	line("SpeculationIndirectBranch", "unknown")
	line("Cpus_allowed", "%s", cpuMask(cpus, p.cpus()))
	line("Cpus_allowed_list", "%s", cpuList(cpus))
	line("Mems_allowed", "1")
	line("Mems_allowed_list", "0")
	line("voluntary_ctxt_switches", "0")
	line("nonvoluntary_ctxt_switches", "0")
	return b.String()
}

// limitsText is /proc/PID/limits.
func (p *Process) limitsText() string {
	names := [...][2]string{
		abi.RLIMIT_CPU: {"Max cpu time", "seconds"}, abi.RLIMIT_FSIZE: {"Max file size", "bytes"}, abi.RLIMIT_DATA: {"Max data size", "bytes"},
		abi.RLIMIT_STACK: {"Max stack size", "bytes"}, abi.RLIMIT_CORE: {"Max core file size", "bytes"}, abi.RLIMIT_RSS: {"Max resident set", "bytes"},
		abi.RLIMIT_NPROC: {"Max processes", "processes"}, abi.RLIMIT_NOFILE: {"Max open files", "files"}, abi.RLIMIT_MEMLOCK: {"Max locked memory", "bytes"},
		abi.RLIMIT_AS: {"Max address space", "bytes"}, abi.RLIMIT_LOCKS: {"Max file locks", "locks"}, abi.RLIMIT_SIGPENDING: {"Max pending signals", "signals"},
		abi.RLIMIT_MSGQUEUE: {"Max msgqueue size", "bytes"}, abi.RLIMIT_NICE: {"Max nice priority", ""}, abi.RLIMIT_RTPRIO: {"Max realtime priority", ""},
		abi.RLIMIT_RTTIME: {"Max realtime timeout", "us"},
	}
	p.mu.Lock()
	limits := p.limits
	p.mu.Unlock()
	value := func(v uint64) string {
		if v == rlimInfinity {
			return "unlimited"
		}
		return strconv.FormatUint(v, 10)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units")
	for i, n := range names {
		fmt.Fprintf(&b, "%-25s %-20s %-20s ", n[0], value(limits[i].cur), value(limits[i].max))
		if n[1] != "" {
			fmt.Fprintf(&b, "%-10s", n[1])
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// ioText is /proc/PID/io. What of it went to a disk the host does not tell.
func (p *Process) ioText() string {
	u := p.system.Usage()
	return fmt.Sprintf("rchar: %d\nwchar: %d\nsyscr: %d\nsyscw: %d\nread_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: 0\n",
		u.ReadBytes, u.WriteBytes, u.ReadCalls, u.WriteCalls)
}

// brkRange tells where the heap begins and ends.
func (s *AddressSpace) brkRange() (lo, hi uint64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.brkLo, s.brkHi
}
