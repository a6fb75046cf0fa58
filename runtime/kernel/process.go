package kernel

import (
	"fmt"
	"io"
	"path"
	"sync"
	"sync/atomic"
	"time"

	"bee/image"
	"bee/runtime/abi"
	"bee/runtime/host"
)

// Config is what a Process is made from.
type Config struct {
	Arch   image.Arch
	Space  *AddressSpace
	Clock  host.Clock
	System host.System
	// Files configures the files area; its type is defined there.
	Files FilesConfig

	Args []string
	Env  []string
	Exe  string // absolute guest path of the program, for /proc/self/exe; empty: that of Files.ExeHost
	Cwd  string // absolute guest path

	// UID and GID are the caller's ids; 0 means 1000 unless Root is set.
	UID, GID uint32
	Root     bool

	// OnFaultHandler is called when the program first handles a hardware
	// exception (SIGSEGV...), so that the runner can make the handler find
	// its stack untouched. Nil if it need not know.
	OnFaultHandler func()
	// Spawn starts threads; nil if there cannot be any.
	Spawn Spawner
	// NewParker makes what a task waits with; nil, or one that gives nil, is
	// Go's scheduler.
	NewParker func() host.Parker

	// Log takes the runner's own messages, one line each. Nil drops them.
	Log io.Writer
	// Strace takes the trace; nil means none. StraceSummary asks for the
	// table of counts in place of a line per call.
	Strace        io.Writer
	StraceSummary bool
}

// Process is what Linux's tasks of one thread group share.
type Process struct {
	Arch   image.Arch
	as     *AddressSpace
	clock  host.Clock
	system host.System
	table  *Table
	trace  *tracer // nil: none
	log    io.Writer

	pid int
	// info is asked when it is first needed, since a host may take
	// milliseconds to answer; what changes is not taken from here.
	info      func() host.Info
	args, env []string
	exe       string
	start     time.Duration // of the monotonic clock

	files *FileTable // defined and used by the files area
	sig   sigState

	timers  timerQueue // serves the others
	itimers intervalTimers
	ptimers posixTimers

	// onFaultHandler is called once, when the program first handles a
	// hardware exception.
	onFaultHandler func()
	faultHandler   sync.Once
	// spawn runs a new task on a thread of its own.
	spawn     Spawner
	newParker func() host.Parker
	futex     futexTable

	// mu guards the rest. It may be held while AddressSpace.mu is taken, not
	// the other way round.
	mu          sync.Mutex
	uid, gid    uint32
	comm        string
	limits      [16]rlimit
	dumpable    uint64
	personality uint32
	noNewPrivs  bool
	keepCaps    uint64
	deathSignal uint32
	traits      traits
	// taskList is replaced, never changed, so that it can be read without mu
	// by whoever has loaded it; the main task comes first.
	taskList []*Task
	// mainEnded: the main task has ended before the others.
	mainEnded bool
	nextTID   int
	sigPage   uint64 // see sigreturnPage

	// done is closed when the process ends; waits end with it.
	done   chan struct{}
	exited atomic.Bool
	// status is the exit status, signal the one that ended the process; valid
	// once exited is set.
	status int
	signal abi.Signal

	warned sync.Map // what was told once
}

// NewProcess makes a process without tasks.
func NewProcess(cfg Config) (*Process, error) {
	if cfg.Arch != image.I386 && cfg.Arch != image.AMD64 {
		return nil, fmt.Errorf("kernel: unknown architecture %d", cfg.Arch)
	}
	p := &Process{
		Arch: cfg.Arch, as: cfg.Space, clock: cfg.Clock, system: cfg.System, log: cfg.Log,
		args: cfg.Args, env: cfg.Env, exe: cfg.Exe,
		onFaultHandler: cfg.OnFaultHandler, spawn: cfg.Spawn, newParker: cfg.NewParker,
		uid: cfg.UID, gid: cfg.GID,
		dumpable: 1,
		comm:     comm(path.Base(cfg.Exe)),
		limits:   defaultLimits(),
		done:     make(chan struct{}),
		start:    cfg.Clock.Monotonic(),
	}
	if !cfg.Root && p.uid == 0 {
		p.uid = 1000
	}
	if !cfg.Root && p.gid == 0 {
		p.gid = 1000
	}
	p.timers.clock, p.timers.done = p.clock, p.done
	// Windows counts in fours and may be far above Linux's default of
	// pid_max; the program gets a number that looks like Linux's.
	p.pid = guestPID(cfg.System.PID())
	p.info = sync.OnceValue(cfg.System.Info)
	p.nextTID = p.pid
	p.table = NewTable(cfg.Arch)
	if cfg.Strace != nil {
		p.trace = newTracer(cfg.Strace, cfg.StraceSummary, cfg.Clock)
	}
	var err error
	if p.files, err = newFileTable(p, cfg.Files, cfg.Cwd); err != nil {
		return nil, err
	}
	if p.exe == "" {
		p.exe = p.guestExe(cfg.Files.ExeHost)
		p.comm = comm(path.Base(p.exe))
	}
	return p, nil
}

// NewTask makes a task; the first one has the process's id.
func (p *Process) NewTask(cpu CPU) *Task {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := &Task{proc: p, cpu: cpu, tid: p.newTID(), wake: make(chan struct{}, 1), parker: p.parker()}
	p.addTask(t)
	return t
}

// parker makes what a new task waits with; nil is its channel.
func (p *Process) parker() host.Parker {
	if p.newParker == nil {
		return nil
	}
	return p.newParker()
}

// maxTID is where thread ids start anew (Linux: pid_max).
const maxTID = 1 << 22

// newTID tells an id that no task has.
//
// Preconditions: p.mu is held.
func (p *Process) newTID() int {
	for {
		id := p.nextTID
		if p.nextTID++; p.nextTID >= maxTID {
			p.nextTID = 300
		}
		if p.find(id) == nil && (id != p.pid || len(p.taskList) == 0) {
			return id
		}
	}
}

// Preconditions: p.mu is held.
func (p *Process) addTask(t *Task) {
	p.sig.mu.Lock()
	defer p.sig.mu.Unlock()
	p.taskList = append(p.taskList[:len(p.taskList):len(p.taskList)], t)
}

// removeTask takes a task that has ended away and tells how many are left. The
// main one stays, as Linux's zombie: its id is the process's, and others still
// find it.
func (p *Process) removeTask(t *Task) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sig.mu.Lock()
	defer p.sig.mu.Unlock()
	if t.tid == p.pid {
		t.sigMask, t.waitSet = ^uint64(0), 0 // it takes no signal any more
		p.mainEnded = true
	} else {
		rest := make([]*Task, 0, len(p.taskList))
		for _, o := range p.taskList {
			if o != t {
				rest = append(rest, o)
			}
		}
		p.taskList = rest
	}
	if p.mainEnded {
		return len(p.taskList) - 1
	}
	return len(p.taskList)
}

// Preconditions: p.mu or p.sig.mu is held.
func (p *Process) find(tid int) *Task {
	for _, t := range p.taskList {
		if t.tid == tid {
			return t
		}
	}
	return nil
}

// task finds a task by its id; nil if there is none.
func (p *Process) task(tid int) *Task {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.find(tid)
}

// Space tells the process's memory.
func (p *Process) Space() *AddressSpace { return p.as }

// Table tells the process's system calls with their counters.
func (p *Process) Table() *Table { return p.table }

// PID tells the process's id as the guest sees it.
func (p *Process) PID() int { return p.pid }

// PPID tells the parent's id as the guest sees it.
func (p *Process) PPID() int {
	pp := p.info().ParentPID
	if pp == 0 || 1000+pp%31768 == p.pid {
		return 1
	}
	return 1000 + pp%31768
}

// Exe tells the guest path of the program.
func (p *Process) Exe() string { return p.exe }

// Args tells the program's arguments.
func (p *Process) Args() []string { return p.args }

// Env tells the environment that the program was started with.
func (p *Process) Env() []string { return p.env }

// UID tells the user id.
func (p *Process) UID() uint32 { return p.uid }

// GID tells the group id.
func (p *Process) GID() uint32 { return p.gid }

// Exited tells whether the process has ended, and its status: the program's
// own, or 128+n after signal n.
func (p *Process) Exited() (status int, sig abi.Signal, ok bool) {
	if !p.exited.Load() {
		return 0, 0, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status, p.signal, true
}

// Done is closed when the process has ended, by whichever of its tasks.
func (p *Process) Done() <-chan struct{} { return p.done }

// exit ends the process; only the first call counts.
func (p *Process) exit(status int, sig abi.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.exited.Load() {
		return
	}
	p.status, p.signal = status, sig
	p.exited.Store(true)
	close(p.done)
	// A task that is in the list has its processor.
	for _, t := range p.taskList {
		t.interrupt()
	}
}

// Finish leaves the terminal as it was found, and writes what the trace owes
// at the end: the line of the exit, or the table of counts. The runner calls it once, after the last task has ended.
func (p *Process) Finish() {
	if p.files.tty != nil {
		p.files.tty.close()
	}
	if p.trace != nil {
		p.trace.finish(p)
	}
}

// logf writes one line for the user.
func (p *Process) logf(format string, args ...any) {
	if p.log != nil {
		fmt.Fprintf(p.log, "beerun: "+format+"\n", args...)
	}
}

// logOnce writes a line unless one with this key was written before.
func (p *Process) logOnce(key, format string, args ...any) {
	if _, seen := p.warned.LoadOrStore(key, true); !seen {
		p.logf(format, args...)
	}
}

// comm cuts a name to the 15 bytes that Linux keeps.
func comm(s string) string {
	if len(s) > 15 {
		return s[:15]
	}
	return s
}
