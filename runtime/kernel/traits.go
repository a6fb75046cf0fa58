package kernel

import (
	"sync/atomic"

	"bee/runtime/abi"
)

// traits are what a process keeps of prctl(2) and its kind. Process.mu guards
// them.
type traits struct {
	subreaper   bool
	noHugePages bool
	// barriers are the kinds of membarrier(2) that were registered.
	barriers uint32
	// maxFileSize is RLIMIT_FSIZE plus 1, so that 0 is no limit. It is read
	// without the lock.
	maxFileSize atomic.Uint64
	// oomScore is /proc/self/oom_score_adj, kept and told.
	oomScore int
	layout   Layout
	// inotify is who wants to know what the program does. It is read without
	// the lock.
	inotify atomic.Pointer[[]*inotify]
	// net locks for itself.
	net network
}

// taskTraits are what a thread keeps of the scheduler's calls and prctl(2).
// Process.mu guards them, since other threads of the process may ask and set.
type taskTraits struct {
	// name is that of a thread that is not the first, its parent's until it sets
	// one; named tells whether there is one.
	name  string
	named bool

	policy      int32 // SCHED_OTHER, SCHED_BATCH or SCHED_IDLE
	resetOnFork bool
	nice        int32
	ioprio      uint32
	// slack is PR_SET_TIMERSLACK in nanoseconds; 0 is the default.
	slack uint64
	// affinity is the processors that the thread may use; nil is all.
	affinity []uint64
}

// defaultSlack is the timer slack of a thread that has set none, in
// nanoseconds.
const defaultSlack = 50000

// taskByID tells a thread of the process by its id; 0 is the caller. Process.mu
// is held.
func (t *Task) taskByID(id int32) (*Task, abi.Errno) {
	if id == 0 || int(id) == t.tid {
		return t, 0
	}
	if o := t.proc.find(int(id)); o != nil {
		return o, 0
	}
	return nil, abi.ESRCH
}
