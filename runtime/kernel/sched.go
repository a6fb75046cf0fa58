package kernel

import (
	"encoding/binary"
	"time"

	"bee/image"
	"bee/runtime/abi"
)

// schedCalls are about how the threads share the processors. A thread's nice
// value and processors reach the host when the thread itself sets them.
func schedCalls() []Call {
	return []Call{
		{Name: "getpriority", Handler: sysGetpriority, Support: Full},
		{Name: "setpriority", Handler: sysSetpriority, Support: Partial, Note: "four steps of Windows's; another thread's is kept and told only"},
		{Name: "nice", Handler: sysNice, Support: Partial, Note: "four steps of Windows's", Arch: image.I386},
		{Name: "sched_yield", Handler: sysSchedYield, Support: Full},
		{Name: "sched_getaffinity", Handler: sysSchedGetaffinity, Support: Full},
		{Name: "sched_setaffinity", Handler: sysSchedSetaffinity, Support: Partial, Note: "of the calling thread; another thread's is kept and told only"},
		{Name: "sched_getscheduler", Handler: sysSchedGetscheduler, Support: Full},
		{Name: "sched_setscheduler", Handler: sysSchedSetscheduler, Support: Partial, Note: "SCHED_OTHER, SCHED_BATCH, SCHED_IDLE; EPERM for real time"},
		{Name: "sched_getparam", Handler: sysSchedGetparam, Support: Full},
		{Name: "sched_setparam", Handler: sysSchedSetparam, Support: Full},
		{Name: "sched_getattr", Handler: sysSchedGetattr, Support: Full},
		{Name: "sched_setattr", Handler: sysSchedSetattr, Support: Partial, Note: "SCHED_OTHER, SCHED_BATCH, SCHED_IDLE; EPERM for real time"},
		{Name: "sched_get_priority_max", Handler: schedPriority(99), Support: Full},
		{Name: "sched_get_priority_min", Handler: schedPriority(1), Support: Full},
		{Name: "sched_rr_get_interval", Handler: schedRRGetInterval((*Task).writeTimespec), Support: Full},
		{Name: "sched_rr_get_interval_time64", Handler: schedRRGetInterval((*Task).writeTimespec64), Support: Full, Arch: image.I386},
		{Name: "ioprio_get", Handler: sysIoprioGet, Support: Full},
		{Name: "ioprio_set", Handler: sysIoprioSet, Support: Partial, Note: "kept and told"},
	}
}

const (
	minNice, maxNice = -20, 19
	// What getpriority and setpriority are asked for; linux/resource.h.
	prioProcess, prioGroup, prioUser = 0, 1, 2
)

// mayNice tells whether the limit lets a thread have a nice value. p.mu is held.
func (p *Process) mayNice(nice int32) bool {
	return p.uid == 0 || uint64(20-nice) <= p.limits[abi.RLIMIT_NICE].cur
}

// byPriority tells the threads that which and who mean to getpriority(2) and
// ioprio_get(2). p.mu is held.
func (t *Task) byPriority(which, who int32) ([]*Task, abi.Errno) {
	p := t.proc
	switch which {
	case prioProcess:
		o, err := t.taskByID(who)
		return []*Task{o}, err
	case prioGroup:
		if who != 0 && int(who) != p.pid {
			return nil, abi.ESRCH
		}
	case prioUser:
		if who != 0 && uint32(who) != p.uid {
			return nil, abi.ESRCH
		}
	default:
		return nil, abi.EINVAL
	}
	return p.taskList, 0
}

func sysGetpriority(t *Task, a Args) (uint64, abi.Errno) {
	t.proc.mu.Lock()
	defer t.proc.mu.Unlock()
	list, err := t.byPriority(int32(a[0]), int32(a[1]))
	if err != 0 {
		return 0, err
	}
	best := int32(maxNice)
	for _, o := range list {
		best = min(best, o.traits.nice)
	}
	return uint64(20 - best), 0 // so that the result is never negative
}

func sysSetpriority(t *Task, a Args) (uint64, abi.Errno) {
	t.proc.mu.Lock()
	defer t.proc.mu.Unlock()
	list, err := t.byPriority(int32(a[0]), int32(a[1]))
	if err != 0 {
		return 0, err
	}
	nice := max(minNice, min(int32(a[2]), maxNice))
	for _, o := range list {
		if nice < o.traits.nice && !t.proc.mayNice(nice) {
			return 0, abi.EACCES
		}
		o.traits.nice = nice
	}
	t.applyNice()
	return 0, 0
}

func sysNice(t *Task, a Args) (uint64, abi.Errno) {
	t.proc.mu.Lock()
	defer t.proc.mu.Unlock()
	step := max(-40, min(int32(a[0]), 40))
	nice := max(minNice, min(t.traits.nice+step, maxNice))
	if step < 0 && !t.proc.mayNice(nice) {
		return 0, abi.EPERM
	}
	t.traits.nice = nice
	t.applyNice()
	return 0, 0
}

// applyNice tells the host.
func (t *Task) applyNice() {
	t.proc.system.SetNice(int(t.traits.nice), t.traits.policy == abi.SCHED_IDLE)
}

func sysSchedYield(t *Task, _ Args) (uint64, abi.Errno) {
	t.proc.system.Yield()
	return 0, 0
}

// scheduled tells the thread that a pid argument of the scheduler's calls
// means. p.mu is held.
func (t *Task) scheduled(v uint64) (*Task, abi.Errno) {
	if int32(v) < 0 {
		return nil, abi.EINVAL
	}
	return t.taskByID(int32(v))
}

// cpus is how many processors the program may use: all that the host gives
// this process.
func (p *Process) cpus() int { return max(p.info().CPUs, 1) }

func sysSchedGetaffinity(t *Task, a Args) (uint64, abi.Errno) {
	n := t.proc.cpus()
	size := uint64(uint32(a[1]))
	w := uint64(t.ptrSize())
	if size%w != 0 || size*8 < uint64(n) {
		return 0, abi.EINVAL
	}
	t.proc.mu.Lock()
	o, err := t.scheduled(a[0])
	var set []uint64
	if err == 0 {
		set = o.traits.affinity
	}
	t.proc.mu.Unlock()
	if err != 0 {
		return 0, err
	}
	size = min(size, (uint64(n)+8*w-1)/(8*w)*w)
	b := make([]byte, size)
	for i := range n {
		if set == nil || set[i/64]>>(i%64)&1 != 0 {
			b[i/8] |= 1 << (i % 8)
		}
	}
	return size, t.CopyOut(a[2], b)
}

func sysSchedSetaffinity(t *Task, a Args) (uint64, abi.Errno) {
	n := t.proc.cpus()
	b := make([]byte, min(uint64(uint32(a[1])), uint64(n+7)/8))
	if err := t.CopyIn(a[2], b); err != 0 {
		return 0, err
	}
	t.proc.mu.Lock()
	defer t.proc.mu.Unlock()
	o, err := t.scheduled(a[0])
	if err != 0 {
		return 0, err
	}
	set := make([]uint64, (n+63)/64)
	some := false
	for i := range n {
		if i/8 < len(b) && b[i/8]>>(i%8)&1 != 0 {
			set[i/64] |= 1 << (i % 64)
			some = true
		}
	}
	if !some {
		return 0, abi.EINVAL
	}
	// Where there is one processor all are bound to it.
	if o == t && n > 1 {
		if err := t.proc.system.SetAffinity(set); err != 0 {
			return 0, err
		}
	}
	o.traits.affinity = set
	return 0, 0
}

// schedParams is what the scheduler's calls set.
type schedParams struct {
	policy      int32
	priority    int32
	nice        int32
	resetOnFork bool
}

// setScheduler checks and sets in the order of Linux's __sched_setscheduler.
// p.mu is held.
func (t *Task) setScheduler(o *Task, s schedParams) abi.Errno {
	p, tr := t.proc, &o.traits
	normal := false
	switch s.policy {
	case abi.SCHED_NORMAL, abi.SCHED_BATCH:
		normal = true
	case abi.SCHED_IDLE:
	case abi.SCHED_FIFO, abi.SCHED_RR:
		if s.priority < 1 || s.priority > 99 {
			return abi.EINVAL
		}
		return abi.EPERM
	case abi.SCHED_DEADLINE:
		return abi.EPERM
	default:
		return abi.EINVAL
	}
	switch {
	case s.priority != 0:
		return abi.EINVAL
	case normal && s.nice < tr.nice && !p.mayNice(s.nice),
		// SCHED_IDLE counts as nice 20.
		tr.policy == abi.SCHED_IDLE && normal && !p.mayNice(tr.nice),
		tr.resetOnFork && !s.resetOnFork && p.uid != 0:
		return abi.EPERM
	}
	tr.policy, tr.resetOnFork = s.policy, s.resetOnFork
	if normal {
		tr.nice = s.nice
	}
	if o == t {
		t.applyNice()
	}
	return 0
}

func sysSchedGetscheduler(t *Task, a Args) (uint64, abi.Errno) {
	t.proc.mu.Lock()
	defer t.proc.mu.Unlock()
	o, err := t.scheduled(a[0])
	if err != 0 {
		return 0, err
	}
	v := uint64(o.traits.policy)
	if o.traits.resetOnFork {
		v |= abi.SCHED_RESET_ON_FORK
	}
	return v, 0
}

func sysSchedSetscheduler(t *Task, a Args) (uint64, abi.Errno) {
	policy := int32(a[1])
	if policy < 0 || a[2] == 0 || int32(a[0]) < 0 {
		return 0, abi.EINVAL
	}
	prio, err := t.ReadUint32(a[2])
	if err != 0 {
		return 0, err
	}
	t.proc.mu.Lock()
	defer t.proc.mu.Unlock()
	o, err := t.scheduled(a[0])
	if err != 0 {
		return 0, err
	}
	return 0, t.setScheduler(o, schedParams{
		policy: policy &^ abi.SCHED_RESET_ON_FORK, priority: int32(prio), nice: o.traits.nice, resetOnFork: policy&abi.SCHED_RESET_ON_FORK != 0,
	})
}

func sysSchedGetparam(t *Task, a Args) (uint64, abi.Errno) {
	if a[1] == 0 {
		return 0, abi.EINVAL
	}
	t.proc.mu.Lock()
	_, err := t.scheduled(a[0])
	t.proc.mu.Unlock()
	if err != 0 {
		return 0, err
	}
	return 0, t.WriteUint32(a[1], 0)
}

func sysSchedSetparam(t *Task, a Args) (uint64, abi.Errno) {
	if a[1] == 0 || int32(a[0]) < 0 {
		return 0, abi.EINVAL
	}
	prio, err := t.ReadUint32(a[1])
	if err != 0 {
		return 0, err
	}
	t.proc.mu.Lock()
	defer t.proc.mu.Unlock()
	o, err := t.scheduled(a[0])
	if err != 0 {
		return 0, err
	}
	return 0, t.setScheduler(o, schedParams{policy: o.traits.policy, priority: int32(prio), nice: o.traits.nice, resetOnFork: o.traits.resetOnFork})
}

// schedAttrSize0 is the first published size of struct sched_attr.
const schedAttrSize0 = 48

func sysSchedGetattr(t *Task, a Args) (uint64, abi.Errno) {
	size := uint32(a[2])
	if a[1] == 0 || int32(a[0]) < 0 || size < schedAttrSize0 || size > abi.PageSize || uint32(a[3]) != 0 {
		return 0, abi.EINVAL
	}
	t.proc.mu.Lock()
	o, err := t.scheduled(a[0])
	var tr taskTraits
	if err == 0 {
		tr = o.traits
	}
	t.proc.mu.Unlock()
	if err != 0 {
		return 0, err
	}
	m, err := t.Bytes(a[1], uint64(size), true)
	if err != 0 {
		return 0, err
	}
	var b [abi.SizeofAMD64SchedAttr]byte
	known := min(size, uint32(len(b)))
	binary.LittleEndian.PutUint32(b[abi.AMD64SchedAttrSize:], known)
	binary.LittleEndian.PutUint32(b[abi.AMD64SchedAttrPolicy:], uint32(tr.policy))
	if tr.resetOnFork {
		binary.LittleEndian.PutUint64(b[abi.AMD64SchedAttrFlags:], abi.SCHED_FLAG_RESET_ON_FORK)
	}
	binary.LittleEndian.PutUint32(b[abi.AMD64SchedAttrNice:], uint32(tr.nice))
	if known == uint32(len(b)) {
		binary.LittleEndian.PutUint32(b[abi.AMD64SchedAttrUtilMax:], 1024)
	}
	copy(m[:known], b[:])
	return 0, 0
}

func sysSchedSetattr(t *Task, a Args) (uint64, abi.Errno) {
	if a[1] == 0 || int32(a[0]) < 0 || uint32(a[2]) != 0 {
		return 0, abi.EINVAL
	}
	size, err := t.ReadUint32(a[1])
	if err != 0 {
		return 0, err
	}
	if size == 0 {
		size = schedAttrSize0
	}
	var b [abi.SizeofAMD64SchedAttr]byte
	tooBig := func() (uint64, abi.Errno) {
		_ = t.WriteUint32(a[1], uint32(len(b)))
		return 0, abi.E2BIG
	}
	if size < schedAttrSize0 || size > abi.PageSize {
		return tooBig()
	}
	m, err := t.Bytes(a[1], uint64(size), false)
	if err != 0 {
		return 0, err
	}
	for _, v := range m[min(len(m), len(b)):] {
		if v != 0 {
			return tooBig()
		}
	}
	copy(b[:], m)
	flags := binary.LittleEndian.Uint64(b[abi.AMD64SchedAttrFlags:])
	s := schedParams{
		policy:      int32(binary.LittleEndian.Uint32(b[abi.AMD64SchedAttrPolicy:])),
		nice:        max(minNice, min(int32(binary.LittleEndian.Uint32(b[abi.AMD64SchedAttrNice:])), maxNice)),
		priority:    int32(binary.LittleEndian.Uint32(b[abi.AMD64SchedAttrPriority:])),
		resetOnFork: flags&abi.SCHED_FLAG_RESET_ON_FORK != 0,
	}
	if s.policy < 0 || flags&^abi.SCHED_FLAG_ALL != 0 {
		return 0, abi.EINVAL
	}
	t.proc.mu.Lock()
	defer t.proc.mu.Unlock()
	o, err := t.scheduled(a[0])
	if err != 0 {
		return 0, err
	}
	if flags&abi.SCHED_FLAG_UTIL_CLAMP != 0 {
		return 0, abi.EOPNOTSUPP
	}
	if flags&abi.SCHED_FLAG_KEEP_POLICY != 0 {
		s.policy = o.traits.policy
	}
	if flags&abi.SCHED_FLAG_KEEP_PARAMS != 0 {
		s.nice, s.priority = o.traits.nice, 0
	}
	return 0, t.setScheduler(o, s)
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

// schedRRGetInterval tells the time slice, which is the scheduler's choice.
func schedRRGetInterval(write func(*Task, uint64, time.Duration) abi.Errno) Handler {
	return func(t *Task, a Args) (uint64, abi.Errno) {
		t.proc.mu.Lock()
		_, err := t.scheduled(a[0])
		t.proc.mu.Unlock()
		if err != 0 {
			return 0, err
		}
		return 0, write(t, a[1], coarseClock)
	}
}

// I/O priorities.

const (
	ioprioWhoProcess, ioprioWhoGroup, ioprioWhoUser = 1, 2, 3

	ioprioShift = 13

	ioprioClassNone, ioprioClassRealtime, ioprioClassBest, ioprioClassIdle = 0, 1, 2, 3
)

func sysIoprioGet(t *Task, a Args) (uint64, abi.Errno) {
	which := int32(a[0])
	if which < ioprioWhoProcess || which > ioprioWhoUser {
		return 0, abi.EINVAL
	}
	t.proc.mu.Lock()
	defer t.proc.mu.Unlock()
	list, err := t.byPriority(which-ioprioWhoProcess, int32(a[1]))
	if err != 0 {
		return 0, err
	}
	// The highest priority has the lowest number.
	best := ^uint32(0)
	for _, o := range list {
		v := o.traits.ioprio
		if v>>ioprioShift == ioprioClassNone {
			// What follows from the nice value.
			v = ioprioClassBest<<ioprioShift | uint32(o.traits.nice+20)/5
		}
		best = min(best, v)
	}
	return uint64(best), 0
}

func sysIoprioSet(t *Task, a Args) (uint64, abi.Errno) {
	which, v := int32(a[0]), uint32(a[2])
	class, data := v>>ioprioShift, v&(1<<ioprioShift-1)
	switch class {
	case ioprioClassRealtime:
		if t.proc.uid != 0 {
			return 0, abi.EPERM
		}
		fallthrough
	case ioprioClassBest:
		if data >= 8 {
			return 0, abi.EINVAL
		}
	case ioprioClassIdle:
	case ioprioClassNone:
		if data != 0 {
			return 0, abi.EINVAL
		}
	default:
		return 0, abi.EINVAL
	}
	if which < ioprioWhoProcess || which > ioprioWhoUser {
		return 0, abi.EINVAL
	}
	t.proc.mu.Lock()
	defer t.proc.mu.Unlock()
	list, err := t.byPriority(which-ioprioWhoProcess, int32(a[1]))
	if err != 0 {
		return 0, err
	}
	for _, o := range list {
		o.traits.ioprio = v
	}
	return 0, 0
}
