package kernel

import (
	"encoding/binary"

	"bee/image"
	"bee/runtime/abi"
)

// rlimit is a pair of limits; infinity is all ones.
type rlimit struct{ cur, max uint64 }

const rlimInfinity = ^uint64(0)

// defaultLimits are those of a login on a usual distribution.
func defaultLimits() [16]rlimit {
	inf := rlimit{rlimInfinity, rlimInfinity}
	return [16]rlimit{
		abi.RLIMIT_CPU:        inf,
		abi.RLIMIT_FSIZE:      inf,
		abi.RLIMIT_DATA:       inf,
		abi.RLIMIT_STACK:      {8 << 20, rlimInfinity},
		abi.RLIMIT_CORE:       {0, rlimInfinity},
		abi.RLIMIT_RSS:        inf,
		abi.RLIMIT_NPROC:      {31768, 31768},
		abi.RLIMIT_NOFILE:     {1024, 1 << 20},
		abi.RLIMIT_MEMLOCK:    {8 << 20, 8 << 20},
		abi.RLIMIT_AS:         inf,
		abi.RLIMIT_LOCKS:      inf,
		abi.RLIMIT_SIGPENDING: {31768, 31768},
		abi.RLIMIT_MSGQUEUE:   {819200, 819200},
		abi.RLIMIT_NICE:       {0, 0},
		abi.RLIMIT_RTPRIO:     {0, 0},
		abi.RLIMIT_RTTIME:     inf,
	}
}

func limitCalls() []Call {
	const note = "kept and told; enforced for open files only"
	return []Call{
		{Name: "getrlimit", Handler: getrlimit(0x7fffffff), Support: Full},
		{Name: "ugetrlimit", Handler: getrlimit(0xffffffff), Support: Full, Arch: image.I386},
		{Name: "setrlimit", Handler: sysSetrlimit, Support: Partial, Note: note},
		{Name: "prlimit64", Handler: sysPrlimit64, Support: Partial, Note: note + "; of the process itself only"},
		{Name: "getpriority", Handler: sysGetpriority, Support: Partial, Note: "always nice value 0"},
		{Name: "setpriority", Handler: sysSetpriority, Support: Partial, Note: "nice value 0, or taken and forgotten"},
		{Name: "nice", Handler: sysNice, Support: Partial, Note: "taken and forgotten", Arch: image.I386},
		{Name: "sched_yield", Handler: sysSchedYield, Support: Full},
		{Name: "sched_getaffinity", Handler: sysSchedGetaffinity, Support: Partial, Note: "tells of one processor until there are threads"},
		{Name: "sched_setaffinity", Handler: sysSchedSetaffinity, Support: Partial, Note: "taken and forgotten"},
		{Name: "sched_getscheduler", Handler: sysOK, Support: Partial, Note: "always SCHED_OTHER"},
		{Name: "sched_setscheduler", Handler: sysSchedSetscheduler, Support: Partial, Note: "SCHED_OTHER only"},
		{Name: "sched_getparam", Handler: sysSchedGetparam, Support: Partial, Note: "always priority 0"},
		{Name: "sched_setparam", Handler: sysSchedSetparam, Support: Partial, Note: "priority 0 only"},
		{Name: "sched_get_priority_max", Handler: schedPriority(99), Support: Full},
		{Name: "sched_get_priority_min", Handler: schedPriority(1), Support: Full},
		{Name: "sched_rr_get_interval", Handler: sysSchedRRGetInterval, Support: Partial, Note: "4 ms"},
		{Name: "sched_rr_get_interval_time64", Handler: sysSchedRRGetInterval64, Support: Partial, Note: "4 ms", Arch: image.I386},
		{Name: "ioprio_get", Handler: sysOK, Support: Partial, Note: "always 0"},
		{Name: "ioprio_set", Handler: sysOK, Support: Partial, Note: "taken and forgotten"},
	}
}

// Limit tells a limit that is in force.
func (p *Process) Limit(resource int) uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.limits[resource].cur
}

// getrlimit answers with 32-bit limits on IA-32, where ceiling stands for
// everything that is larger.
func getrlimit(ceiling uint32) Handler {
	return func(t *Task, a Args) (uint64, abi.Errno) {
		p := t.proc
		p.mu.Lock()
		defer p.mu.Unlock()
		resource := uint32(a[0])
		if resource >= uint32(len(p.limits)) {
			return 0, abi.EINVAL
		}
		l := p.limits[resource]
		if !t.is64() {
			l.cur, l.max = min(l.cur, uint64(ceiling)), min(l.max, uint64(ceiling))
		}
		b := make([]byte, 2*t.ptrSize())
		if t.is64() {
			binary.LittleEndian.PutUint64(b, l.cur)
			binary.LittleEndian.PutUint64(b[8:], l.max)
		} else {
			binary.LittleEndian.PutUint32(b, uint32(l.cur))
			binary.LittleEndian.PutUint32(b[4:], uint32(l.max))
		}
		return 0, t.CopyOut(a[1], b)
	}
}

func (p *Process) setLimit(resource uint32, l rlimit) abi.Errno {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case resource >= uint32(len(p.limits)), l.cur > l.max:
		return abi.EINVAL
	case l.max > p.limits[resource].max && p.uid != 0:
		return abi.EPERM
	}
	p.limits[resource] = l
	return 0
}

func sysSetrlimit(t *Task, a Args) (uint64, abi.Errno) {
	w := uint64(t.ptrSize())
	var l rlimit
	var err abi.Errno
	if l.cur, err = t.ReadPtr(a[1]); err != 0 {
		return 0, err
	}
	if l.max, err = t.ReadPtr(a[1] + w); err != 0 {
		return 0, err
	}
	if !t.is64() {
		for _, v := range []*uint64{&l.cur, &l.max} {
			if *v == 0xffffffff {
				*v = rlimInfinity
			}
		}
	}
	return 0, t.proc.setLimit(uint32(a[0]), l)
}

func sysPrlimit64(t *Task, a Args) (uint64, abi.Errno) {
	p := t.proc
	if pid := int32(a[0]); pid != 0 && int(pid) != p.pid {
		return 0, abi.ESRCH
	}
	res := uint32(a[1])
	if res >= uint32(len(p.limits)) {
		return 0, abi.EINVAL
	}
	p.mu.Lock()
	old := p.limits[res]
	p.mu.Unlock()
	if a[2] != 0 {
		var b [16]byte
		if err := t.CopyIn(a[2], b[:]); err != 0 {
			return 0, err
		}
		l := rlimit{binary.LittleEndian.Uint64(b[:]), binary.LittleEndian.Uint64(b[8:])}
		if err := p.setLimit(res, l); err != 0 {
			return 0, err
		}
	}
	if a[3] != 0 {
		b := binary.LittleEndian.AppendUint64(nil, old.cur)
		return 0, t.CopyOut(a[3], binary.LittleEndian.AppendUint64(b, old.max))
	}
	return 0, 0
}

func sysGetpriority(_ *Task, a Args) (uint64, abi.Errno) {
	if int32(a[0]) < 0 || int32(a[0]) > 2 {
		return 0, abi.EINVAL
	}
	return 20, 0 // the call returns 20 - nice
}

func sysSetpriority(t *Task, a Args) (uint64, abi.Errno) {
	if int32(a[0]) < 0 || int32(a[0]) > 2 {
		return 0, abi.EINVAL
	}
	if int32(a[2]) < 0 && t.proc.uid != 0 {
		return 0, abi.EACCES
	}
	return 0, 0
}

func sysNice(t *Task, a Args) (uint64, abi.Errno) {
	if int32(a[0]) < 0 && t.proc.uid != 0 {
		return 0, abi.EPERM
	}
	return 0, 0
}

func sysSchedYield(t *Task, _ Args) (uint64, abi.Errno) {
	t.sleep(0)
	return 0, 0
}

// ofSelf checks a pid argument that may name this task only.
func (t *Task) ofSelf(v uint64) abi.Errno {
	switch pid := int32(v); {
	case pid < 0:
		return abi.EINVAL
	case pid != 0 && int(pid) != t.tid && int(pid) != t.proc.pid:
		return abi.ESRCH
	}
	return 0
}

// cpus is how many processors the program is told of: one, as long as it
// cannot start threads. Programs that start one per processor would fail, and
// those that ask first (OpenMP, OpenBLAS) run with one.
func (p *Process) cpus() int { return 1 }

func sysSchedGetaffinity(t *Task, a Args) (uint64, abi.Errno) {
	if err := t.ofSelf(a[0]); err != 0 {
		return 0, err
	}
	n := t.proc.cpus()
	size := uint64(uint32(a[1]))
	w := uint64(t.ptrSize())
	if size%w != 0 || size*8 < uint64(n) {
		return 0, abi.EINVAL
	}
	size = min(size, (uint64(n)+8*w-1)/(8*w)*w)
	b := make([]byte, size)
	for i := range n {
		b[i/8] |= 1 << (i % 8)
	}
	return size, t.CopyOut(a[2], b)
}

func sysSchedSetaffinity(t *Task, a Args) (uint64, abi.Errno) {
	if err := t.ofSelf(a[0]); err != 0 {
		return 0, err
	}
	n := t.proc.cpus()
	b := make([]byte, min(uint64(uint32(a[1])), uint64(n+7)/8))
	if err := t.CopyIn(a[2], b); err != 0 {
		return 0, err
	}
	for i := range n {
		if i/8 < len(b) && b[i/8]&(1<<(i%8)) != 0 {
			return 0, 0
		}
	}
	return 0, abi.EINVAL
}

func sysSchedSetscheduler(t *Task, a Args) (uint64, abi.Errno) {
	if err := t.ofSelf(a[0]); err != 0 {
		return 0, err
	}
	switch int32(a[1]) &^ abi.SCHED_RESET_ON_FORK {
	case abi.SCHED_NORMAL, abi.SCHED_BATCH, abi.SCHED_IDLE:
		return sysSchedSetparam(t, Args{a[0], a[2]})
	case abi.SCHED_FIFO, abi.SCHED_RR:
		return 0, abi.EPERM
	}
	return 0, abi.EINVAL
}

func sysSchedGetparam(t *Task, a Args) (uint64, abi.Errno) {
	if err := t.ofSelf(a[0]); err != 0 {
		return 0, err
	}
	if a[1] == 0 {
		return 0, abi.EINVAL
	}
	return 0, t.WriteUint32(a[1], 0)
}

func sysSchedSetparam(t *Task, a Args) (uint64, abi.Errno) {
	if a[1] == 0 {
		return 0, abi.EINVAL
	}
	v, err := t.ReadUint32(a[1])
	if err == 0 && v != 0 {
		err = abi.EINVAL
	}
	return 0, err
}

func schedPriority(realtime uint64) Handler {
	return func(_ *Task, a Args) (uint64, abi.Errno) {
		switch int32(a[0]) {
		case abi.SCHED_FIFO, abi.SCHED_RR:
			return realtime, 0
		case abi.SCHED_NORMAL, abi.SCHED_BATCH, abi.SCHED_IDLE, abi.SCHED_DEADLINE:
			return 0, 0
		}
		return 0, abi.EINVAL
	}
}

func sysSchedRRGetInterval(t *Task, a Args) (uint64, abi.Errno) {
	if err := t.ofSelf(a[0]); err != 0 {
		return 0, err
	}
	return 0, t.writeTimespec(a[1], coarseClock)
}

func sysSchedRRGetInterval64(t *Task, a Args) (uint64, abi.Errno) {
	if err := t.ofSelf(a[0]); err != 0 {
		return 0, err
	}
	return 0, t.writeTimespec64(a[1], coarseClock)
}
