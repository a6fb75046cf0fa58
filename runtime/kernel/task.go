package kernel

import (
	"sync/atomic"
	"time"

	"bee/image"
	"bee/runtime/abi"
	"bee/runtime/host"
)

// Task is one thread of a guest. Its methods are for the goroutine that runs
// the thread, unless they say otherwise.
type Task struct {
	proc *Process
	cpu  CPU
	tid  int

	exited bool
	status int
	// leaving is set under proc.sig.mu when the task's end has begun.
	leaving bool

	tls      [3]userDesc // GDT entries 12 to 14, IA-32 only
	gs, fs   uint16      // the selectors in %gs and %fs, IA-32 only
	gsBase   uint64      // what ARCH_SET_GS has set, x86-64 only
	altStack sigStack

	// wake holds a token for park, and so does parker, if there is one.
	wake   chan struct{}
	parker host.Parker
	// attention is set while there is something to do before the guest goes
	// on. It may be set in vain, never missing.
	attention atomic.Bool
	// sigMask has bit n-1 for signal n. The task alone changes it, under
	// proc.sig.mu.
	sigMask uint64
	// pending are this task's own signals, waitSet those that it waits for;
	// both under proc.sig.mu.
	pending sigPending
	waitSet uint64
	// savedMask is what sigMask will be again after a wait with another one.
	savedMask uint64
	maskSaved bool
	// restartAt is the deadline of a timed call that a signal has ended, and
	// restarting is set while that call is made again.
	restartAt  time.Duration
	restarting bool
	// replaced: all registers are new, the call has no result.
	replaced bool
	// trap, trapErr and cr2 are those of the last fault, as frames show them.
	trap, trapErr, cr2 uint64

	clearTID uint64 // address of set_tid_address
	// robustList is the head of a list of locks. The task alone changes it,
	// under proc.mu.
	robustList uint64

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
//
// The result may be one that asks for a new attempt, see NeedsRestart.
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
	// Arguments whose memory goes while they are written are not known.
	pre := []string{"?", "?", "?", "?", "?", "?"}
	t.spared(func() { pre = tr.before(t, e, nr, a) })
	start := t.proc.clock.Monotonic()
	v, errno := t.guarded(e.call.Handler, a)
	d := t.proc.clock.Monotonic() - start
	e.nanos.Add(int64(d))
	if errno != 0 {
		e.errors.Add(1)
	}
	t.spared(func() { tr.after(t, e, nr, a, pre, v, errno) })
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

func taskCalls() []Call {
	return []Call{
		{Name: "exit", Handler: sysExit, Support: Full},
		{Name: "exit_group", Handler: sysExitGroup, Support: Full},
		{Name: "gettid", Handler: func(t *Task, _ Args) (uint64, abi.Errno) { return uint64(t.tid), 0 }, Support: Full},
		{Name: "set_tid_address", Handler: sysSetTIDAddress, Support: Full},
		{Name: "set_robust_list", Handler: sysSetRobustList, Support: Full},
		{Name: "get_robust_list", Handler: sysGetRobustList, Support: Full},
		{Name: "futex", Handler: sysFutex, Support: Partial, Note: "not between programs"},
		{Name: "futex_time64", Handler: sysFutex64, Support: Partial, Note: "not between programs", Arch: image.I386},
		{Name: "futex_waitv", Handler: sysFutexWaitv, Support: Partial, Note: "not between programs"},
		{Name: "fork", Handler: sysNoProcess("fork")},
		{Name: "vfork", Handler: sysNoProcess("vfork")},
		{Name: "clone", Handler: sysClone, Support: Partial, Note: "threads; no processes"},
		{Name: "clone3", Handler: sysClone3, Support: Partial, Note: "threads; no processes"},
		{Name: "execve", Handler: sysNoProcess("execve")},
		{Name: "execveat", Handler: sysNoProcess("execveat")},
		{Name: "wait4", Handler: sysWait4, Support: Partial, Note: "there are no child processes: ECHILD"},
		{Name: "waitpid", Handler: sysWait4, Support: Partial, Note: "there are no child processes: ECHILD", Arch: image.I386},
		{Name: "waitid", Handler: sysWaitid, Support: Partial, Note: "there are no child processes: ECHILD"},
	}
}

func sysExit(t *Task, a Args) (uint64, abi.Errno) {
	t.exited, t.status = true, int(a[0]&0xff)
	t.leave()
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
	t.proc.mu.Lock()
	defer t.proc.mu.Unlock()
	t.robustList = a[0]
	return 0, 0
}

func sysGetRobustList(t *Task, a Args) (uint64, abi.Errno) {
	p := t.proc
	p.mu.Lock()
	o := t
	if tid := int32(a[0]); tid != 0 {
		o = p.find(int(tid))
	}
	if o == nil {
		p.mu.Unlock()
		return 0, abi.ESRCH
	}
	head := o.robustList
	p.mu.Unlock()
	if e := t.WritePtr(a[2], uint64(3*t.ptrSize())); e != 0 {
		return 0, e
	}
	return 0, t.WritePtr(a[1], head)
}

// sysNoProcess answers calls that need a second process.
func sysNoProcess(name string) Handler {
	return func(t *Task, _ Args) (uint64, abi.Errno) {
		t.proc.logOnce("process", "the program wants a second process (%s), which is not supported yet: it gets ENOSYS", name)
		return 0, abi.ENOSYS
	}
}
