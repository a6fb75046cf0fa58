package kernel

import (
	"math"
	"sync/atomic"
	"time"

	"bee/image"
	"bee/runtime/abi"
)

// Task is one thread of a guest. Its methods are for the goroutine that runs
// the thread, unless they say otherwise.
type Task struct {
	proc *Process
	cpu  CPU
	tid  int

	exited bool
	status int

	tls      [3]userDesc // GDT entries 12 to 14, IA-32 only
	gs, fs   uint16      // the selectors in %gs and %fs, IA-32 only
	gsBase   uint64      // what ARCH_SET_GS has set, x86-64 only
	altStack sigStack
	// sigMask has bit n-1 for signal n; pending likewise.
	sigMask uint64
	pending atomic.Uint64

	clearTID   uint64 // address of set_tid_address
	robustList uint64
	robustLen  uint64

	traits taskTraits // guarded by Process.mu

	cache vmaCache
}

// Process tells the task's process.
func (t *Task) Process() *Process { return t.proc }

// TID tells the task's id as the guest sees it.
func (t *Task) TID() int { return t.tid }

// CPU tells the task's virtual processor.
func (t *Task) CPU() CPU { return t.cpu }

// Syscall carries out a system call and tells what goes into the result
// register: a value, or -errno. The caller asks Exited afterwards.
func (t *Task) Syscall(nr uint32, a Args) int64 {
	p := t.proc
	e := p.table.entry(nr)
	e.count.Add(1)
	if p.trace != nil {
		return t.tracedSyscall(e, nr, a)
	}
	v, errno := t.guarded(e.call.Handler, a)
	if errno != 0 {
		e.errors.Add(1)
		return -int64(errno)
	}
	return int64(v)
}

func (t *Task) tracedSyscall(e *Entry, nr uint32, a Args) int64 {
	tr := t.proc.trace
	pre := tr.before(t, e, nr, a)
	start := t.proc.clock.Monotonic()
	v, errno := t.guarded(e.call.Handler, a)
	d := t.proc.clock.Monotonic() - start
	e.nanos.Add(int64(d))
	if errno != 0 {
		e.errors.Add(1)
	}
	tr.after(t, e, nr, a, pre, v, errno)
	if errno != 0 {
		return -int64(errno)
	}
	return int64(v)
}

// Exited tells whether the task must not go on, because it or its process has
// ended, and the status.
func (t *Task) Exited() (status int, ok bool) {
	if status, _, ok := t.proc.Exited(); ok {
		return status, true
	}
	return t.status, t.exited
}

// Kill ends the process as an unhandled signal does. It may be called from
// any goroutine.
func (t *Task) Kill(sig abi.Signal) { t.proc.exit(128+int(sig), sig) }

// is64 tells whether the guest is an x86-64 one.
func (t *Task) is64() bool { return t.proc.Arch == image.AMD64 }

// long reads a C long: 32 bits wide on IA-32.
func (t *Task) long(v uint64) int64 {
	if t.is64() {
		return int64(v)
	}
	return int64(int32(v))
}

// ptrSize is the width of a pointer and of a long.
func (t *Task) ptrSize() int {
	if t.is64() {
		return 8
	}
	return 4
}

// sleep waits until d has passed, or the process has ended; forever if d is
// negative.
func (t *Task) sleep(d time.Duration) {
	if d < 0 {
		d = math.MaxInt64
	}
	t.proc.clock.Sleep(d, t.proc.done)
}

func taskCalls() []Call {
	return []Call{
		{Name: "exit", Handler: sysExit, Support: Full},
		{Name: "exit_group", Handler: sysExitGroup, Support: Full},
		{Name: "gettid", Handler: func(t *Task, _ Args) (uint64, abi.Errno) { return uint64(t.tid), 0 }, Support: Full},
		{Name: "set_tid_address", Handler: sysSetTIDAddress, Support: Full},
		{Name: "set_robust_list", Handler: sysSetRobustList, Support: Full},
		{Name: "get_robust_list", Handler: sysGetRobustList, Support: Partial, Note: "of the calling thread only"},
		{Name: "futex", Handler: sysFutex, Support: Partial, Note: "one thread: FUTEX_WAKE wakes nobody, FUTEX_WAIT ends with its timeout"},
		{Name: "futex_time64", Handler: sysFutex64, Support: Partial, Note: "one thread: FUTEX_WAKE wakes nobody, FUTEX_WAIT ends with its timeout", Arch: image.I386},
		{Name: "fork", Handler: sysNoProcess("fork")},
		{Name: "vfork", Handler: sysNoProcess("vfork")},
		{Name: "clone", Handler: sysNoProcess("clone")},
		{Name: "execve", Handler: sysNoProcess("execve")},
		{Name: "execveat", Handler: sysNoProcess("execveat")},
		{Name: "wait4", Handler: sysNoChild, Support: Partial, Note: "there are no child processes: ECHILD"},
		{Name: "waitpid", Handler: sysNoChild, Support: Partial, Note: "there are no child processes: ECHILD", Arch: image.I386},
		{Name: "waitid", Handler: sysNoChild, Support: Partial, Note: "there are no child processes: ECHILD"},
	}
}

func sysExit(t *Task, a Args) (uint64, abi.Errno) {
	p := t.proc
	t.exited, t.status = true, int(a[0]&0xff)
	if t.clearTID != 0 {
		_ = t.WriteUint32(t.clearTID, 0)
	}
	p.mu.Lock()
	delete(p.tasks, t.tid)
	last := len(p.tasks) == 0
	p.mu.Unlock()
	if last {
		p.exit(t.status, 0)
	}
	return 0, 0
}

func sysExitGroup(t *Task, a Args) (uint64, abi.Errno) {
	t.exited, t.status = true, int(a[0]&0xff)
	t.proc.exit(t.status, 0)
	return 0, 0
}

func sysSetTIDAddress(t *Task, a Args) (uint64, abi.Errno) {
	t.clearTID = a[0]
	return uint64(t.tid), 0
}

func sysSetRobustList(t *Task, a Args) (uint64, abi.Errno) {
	if a[1] != uint64(3*t.ptrSize()) {
		return 0, abi.EINVAL
	}
	t.robustList, t.robustLen = a[0], a[1]
	return 0, 0
}

func sysGetRobustList(t *Task, a Args) (uint64, abi.Errno) {
	if pid := int32(a[0]); pid != 0 && int(pid) != t.tid {
		return 0, abi.ESRCH
	}
	if err := t.WritePtr(a[1], t.robustList); err != 0 {
		return 0, err
	}
	return 0, t.WritePtr(a[2], uint64(3*t.ptrSize()))
}

// sysNoProcess answers calls that need a second process.
func sysNoProcess(name string) Handler {
	return func(t *Task, _ Args) (uint64, abi.Errno) {
		t.proc.logOnce("process", "the program wants a second process or thread (%s), which is not supported yet: it gets ENOSYS", name)
		return 0, abi.ENOSYS
	}
}

func sysNoChild(*Task, Args) (uint64, abi.Errno) { return 0, abi.ECHILD }

func sysFutex(t *Task, a Args) (uint64, abi.Errno) { return futex(t, a, t.readTimespec) }

func sysFutex64(t *Task, a Args) (uint64, abi.Errno) { return futex(t, a, t.readTimespec64) }

// futex serves programs of one thread: nobody else waits, nobody will wake.
func futex(t *Task, a Args, readTime func(uint64) (time.Duration, abi.Errno)) (uint64, abi.Errno) {
	op := uint32(a[1])
	if a[0]%4 != 0 {
		return 0, abi.EINVAL
	}
	switch op &^ (abi.FUTEX_PRIVATE_FLAG | abi.FUTEX_CLOCK_REALTIME) {
	case abi.FUTEX_WAKE, abi.FUTEX_WAKE_BITSET, abi.FUTEX_REQUEUE, abi.FUTEX_CMP_REQUEUE:
		_, err := t.Bytes(a[0], 4, false)
		return 0, err
	case abi.FUTEX_WAIT, abi.FUTEX_WAIT_BITSET:
		v, err := t.ReadUint32(a[0])
		if err != 0 {
			return 0, err
		}
		if v != uint32(a[2]) {
			return 0, abi.EAGAIN
		}
		if a[3] == 0 {
			t.proc.logOnce("futex", "the program's only thread waits for another one (futex at %#x): it will wait forever", a[0])
			t.sleep(-1)
			return 0, abi.EINTR
		}
		d, err := readTime(a[3])
		if err != 0 {
			return 0, err
		}
		if op&^(abi.FUTEX_PRIVATE_FLAG|abi.FUTEX_CLOCK_REALTIME) == abi.FUTEX_WAIT_BITSET {
			now := t.proc.clock.Monotonic()
			if op&abi.FUTEX_CLOCK_REALTIME != 0 {
				now = t.proc.clock.Realtime()
			}
			d = max(d-now, 0)
		}
		t.sleep(d)
		return 0, abi.ETIMEDOUT
	}
	return 0, abi.ENOSYS
}
