package kernel

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"time"

	"bee/runtime/abi"
	"bee/runtime/host"
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
	self := newFolder("self",
		&node{name: "exe", mode: abi.S_IFLNK | 0o777, link: func(*Task) string { return p.exe }, magic: openExe},
		newLink("cwd", func(*Task) string { c, _ := p.files.current(); return c }),
		newLink("root", constant("/")),
		newText("maps", func(*Task) string { return p.as.MapsText() }),
		newText("cmdline", func(*Task) string { return zeroEnded(p.args) }),
		newText("environ", func(*Task) string { return zeroEnded(p.env) }),
		newText("comm", func(*Task) string { return p.comm + "\n" }),
		newText("stat", func(*Task) string { return p.statText() }),
		newText("statm", func(*Task) string {
			mapped, used := p.as.Usage()
			return fmt.Sprintf("%d %d 0 0 0 %d 0\n", mapped/4096, used/4096, used/4096)
		}),
		newText("status", func(*Task) string { return p.statusText() }),
		newText("mounts", func(*Task) string { return p.mountsText() }),
		newText("mountinfo", constant("")),
		newText("limits", func(*Task) string { return "" }),
	)
	fd := newFolder("fd")
	fd.dynamic = func() []*node { return p.fdNodes() }
	task := newFolder("task")
	task.dynamic = func() []*node {
		t := *self
		t.name = strconv.Itoa(p.pid)
		t.kids = t.kids[:len(t.kids)-1]
		return []*node{&t}
	}
	self.add(fd, task)
	root := newFolder("proc",
		newText("cpuinfo", func(*Task) string { return p.cpuinfo() }),
		newText("meminfo", func(*Task) string { return p.meminfo() }),
		newText("uptime", func(*Task) string {
			up := p.system.Info().Uptime.Seconds()
			return fmt.Sprintf("%.2f %.2f\n", up, up*float64(p.cpus()))
		}),
		newText("loadavg", func(*Task) string { return fmt.Sprintf("0.00 0.00 0.00 1/1 %d\n", p.pid) }),
		newLink("mounts", constant("self/mounts")),
		newText("filesystems", constant("nodev\tproc\nnodev\ttmpfs\n\tntfs\n")),
		newText("version", constant("Linux version 6.1.0 (bee) #1 SMP PREEMPT_DYNAMIC\n")),
		newText("stat", func(*Task) string { return p.machineStat() }),
		newLink("thread-self", func(*Task) string { return fmt.Sprintf("%d/task/%d", p.pid, p.pid) }),
		newLink("self", func(*Task) string { return strconv.Itoa(p.pid) }),
		newFolder("sys", newFolder("kernel",
			newText("hostname", func(*Task) string { return p.system.Info().Hostname + "\n" }),
			newText("osrelease", constant("6.1.0\n")), newText("ostype", constant("Linux\n")), newText("pid_max", constant("32768\n")),
			newText("ngroups_max", constant("65536\n")), newText("cap_last_cap", constant("40\n"))),
			newFolder("vm", newText("overcommit_memory", constant("0\n")), newText("max_map_count", constant("65530\n")), newText("mmap_min_addr", constant("65536\n"))),
			newFolder("fs", newText("file-max", constant("9223372036854775807\n")), newText("nr_open", constant("1048576\n")), newText("pipe-max-size", constant("1048576\n"))),
		),
	)
	kids := root.kids
	// The number of the process is known only once it is made.
	root.dynamic = func() []*node {
		me := *self
		me.name = strconv.Itoa(p.pid)
		return append(kids[:len(kids):len(kids)], &me)
	}
	return root
}

func zeroEnded(list []string) string {
	var b strings.Builder
	for _, s := range list {
		b.WriteString(s)
		b.WriteByte(0)
	}
	return b.String()
}

// openExe opens the program without what lies before and behind it in its file.
func openExe(t *Task, flags int) (*File, abi.Errno) {
	p := t.proc
	if flags&abi.O_ACCMODE != abi.O_RDONLY {
		return nil, abi.ETXTBSY
	}
	pl := p.files.ns.at(p.exe)
	if pl.mnt.tree == nil {
		return nil, abi.ENOENT
	}
	h, kind, e := pl.mnt.tree.Open(pl.rel, abi.O_RDONLY, 0)
	if e != 0 {
		// The view does not show it: the host's own path.
		name := p.files.exe.host
		i := strings.LastIndexAny(name, `/\`)
		if i < 0 {
			return nil, e
		}
		tree, e2 := p.files.host.Mount(name[:i+1])
		if e2 != 0 {
			return nil, e
		}
		if h, kind, e2 = tree.Open(name[i+1:], abi.O_RDONLY, 0); e2 != 0 {
			return nil, e
		}
	}
	if kind != host.Regular {
		_ = p.files.host.Close(h)
		return nil, abi.EACCES
	}
	f := &File{ops: exeOps{}, h: h, kind: kind, path: p.exe, data: p.files.host}
	return f, 0
}

// exeOps is a file that begins and ends where the program does.
type exeOps struct{ regularOps }

func (exeOps) limit(t *Task, p []byte, off int64) []byte {
	if size := t.proc.files.exe.size; size > 0 {
		return p[:max(0, min(int64(len(p)), size-off))]
	}
	return p
}

func (o exeOps) read(t *Task, f *File, p []byte) (int, abi.Errno) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, e := o.pread(t, f, p, f.off)
	f.off += int64(n)
	return n, e
}

func (o exeOps) pread(t *Task, f *File, p []byte, off int64) (int, abi.Errno) {
	return o.regularOps.pread(t, f, o.limit(t, p, off), t.proc.files.exe.offset+off)
}

func (o exeOps) stat(t *Task, f *File, st *host.Stat) abi.Errno {
	e := o.regularOps.stat(t, f, st)
	if size := t.proc.files.exe.size; size > 0 {
		st.Size = min(st.Size, size)
	}
	return e
}

func (o exeOps) seek(t *Task, f *File, off int64, whence int) (int64, abi.Errno) {
	if size := t.proc.files.exe.size; size > 0 && whence == abi.SEEK_END {
		return o.regularOps.seek(t, f, size+off, abi.SEEK_SET)
	}
	return o.regularOps.seek(t, f, off, whence)
}

// fdNodes are the links of /proc/self/fd.
func (p *Process) fdNodes() []*node {
	var list []*node
	for _, fd := range p.files.list() {
		list = append(list, &node{
			name: strconv.Itoa(fd), mode: abi.S_IFLNK | 0o700,
			link:  func(*Task) string { return p.fdName(int32(fd)) },
			magic: func(t *Task, flags int) (*File, abi.Errno) { return openFD(t, int32(fd), flags) },
		})
	}
	return list
}

func (p *Process) fdName(fd int32) string {
	f, e := p.files.get(fd)
	if e != 0 {
		return ""
	}
	defer p.files.put(f)
	switch {
	case f.path != "":
		return f.path
	case f.kind == host.Pipe:
		return fmt.Sprintf("pipe:[%d]", uint64(f.h))
	case f.kind == host.Console:
		return "/dev/tty"
	}
	return fmt.Sprintf("/dev/fd/%d", fd)
}

// openFD opens what a descriptor stands for once more: by its path where it
// has one, else it is the same description.
func openFD(t *Task, fd int32, flags int) (*File, abi.Errno) {
	ft := t.proc.files
	f, e := ft.get(fd)
	if e != 0 {
		return nil, abi.ENOENT
	}
	if _, ok := f.ops.(regularOps); ok && f.path != "" {
		defer ft.put(f)
		return t.openPlace(ft.ns.at(f.path), flags, 0)
	}
	switch f.ops.(type) {
	case folderOps, nodeFolderOps:
		defer ft.put(f)
		return t.openPlace(ft.ns.at(f.path), flags, 0)
	}
	return f, 0 // the reference goes along
}

func (p *Process) statText() string {
	mapped, used := p.as.Usage()
	user, system := p.clock.ProcessCPU()
	tick := 10 * time.Millisecond
	p.mu.Lock()
	threads := max(len(p.taskList), 1)
	p.mu.Unlock()
	return fmt.Sprintf("%d (%s) R %d %d %d 0 -1 4194304 0 0 0 0 %d %d 0 0 20 0 %d 0 %d %d %d 18446744073709551615 "+
		"0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
		p.pid, p.comm, p.PPID(), p.pid, p.pid, user/tick, system/tick, threads, p.start/tick, mapped, used/4096)
}

func (p *Process) statusText() string {
	mapped, used := p.as.Usage()
	p.mu.Lock()
	threads := max(len(p.taskList), 1)
	comm := p.comm
	p.mu.Unlock()
	_, umask := p.files.current()
	return fmt.Sprintf("Name:\t%s\nUmask:\t%04o\nState:\tR (running)\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t0\n"+
		"Uid:\t%[7]d\t%[7]d\t%[7]d\t%[7]d\nGid:\t%[8]d\t%[8]d\t%[8]d\t%[8]d\nFDSize:\t%[9]d\nGroups:\t%[8]d \n"+
		"VmPeak:\t%8[10]d kB\nVmSize:\t%8[10]d kB\nVmRSS:\t%8[11]d kB\nThreads:\t%[12]d\n",
		comm, umask, p.pid, p.pid, p.PPID(), 0, p.uid, p.gid, len(*p.files.slots.Load()), mapped>>10, used>>10, threads)
}

func (p *Process) cpuinfo() string {
	var b strings.Builder
	for i := range p.cpus() {
		fmt.Fprintf(&b, "processor\t: %d\nvendor_id\t: GenuineIntel\nmodel name\t: x86 (%s)\ncpu MHz\t\t: 1000.000\nsiblings\t: %[3]d\ncore id\t\t: %[1]d\n"+
			"cpu cores\t: %[3]d\nfpu\t\t: yes\nflags\t\t: fpu tsc cx8 cmov mmx fxsr sse sse2\n\n", i, runtime.GOARCH, p.cpus())
	}
	return b.String()
}

func (p *Process) meminfo() string {
	i := p.system.Info()
	return fmt.Sprintf("MemTotal:       %8d kB\nMemFree:        %8d kB\nMemAvailable:   %8d kB\nBuffers:        %8d kB\nCached:         %8d kB\n"+
		"SwapTotal:      %8d kB\nSwapFree:       %8d kB\n",
		i.TotalMemory>>10, i.FreeMemory>>10, i.FreeMemory>>10, 0, 0, i.TotalSwap>>10, i.FreeSwap>>10)
}

func (p *Process) machineStat() string {
	i := p.system.Info()
	user, system := p.clock.ProcessCPU()
	tick := 10 * time.Millisecond
	var b strings.Builder
	fmt.Fprintf(&b, "cpu  %d 0 %d %d 0 0 0 0 0 0\n", user/tick, system/tick, i.Uptime/tick)
	for n := range p.cpus() {
		fmt.Fprintf(&b, "cpu%d 0 0 0 %d 0 0 0 0 0 0\n", n, i.Uptime/tick)
	}
	fmt.Fprintf(&b, "intr 0\nctxt 0\nbtime %d\nprocesses 1\nprocs_running 1\nprocs_blocked 0\n", (p.clock.Realtime()-i.Uptime)/time.Second)
	return b.String()
}

func (p *Process) mountsText() string {
	var b strings.Builder
	ns := p.files.ns
	folder := func(m *mount) {
		fmt.Fprintf(&b, "%s %s ntfs rw,relatime 0 0\n", strings.NewReplacer(" ", `\040`, `\`, "/").Replace(m.native), m.path)
	}
	for i := len(ns.mounts) - 1; i >= 0; i-- {
		m := ns.mounts[i]
		switch {
		case m.drives != nil:
			for _, letter := range p.files.host.Drives() {
				folder(&m.drives[letter-'a'])
			}
		case m.native != "":
			folder(m)
		case m.path == "/proc":
			b.WriteString("proc /proc proc rw 0 0\n")
		default:
			fmt.Fprintf(&b, "none %s tmpfs rw 0 0\n", m.path)
		}
	}
	return b.String()
}
