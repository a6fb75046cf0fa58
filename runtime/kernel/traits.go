package kernel

import "bee/runtime/abi"

// traits are what a process keeps of prctl(2) and its kind. Process.mu guards
// them.
type traits struct {
	subreaper   bool
	noHugePages bool
	ioFlusher   bool
	// barriers are the kinds of membarrier(2) that were registered.
	barriers uint32
}

// taskTraits are what a thread keeps of the scheduler's calls and prctl(2).
// Process.mu guards them, since other threads of the process may ask and set.
type taskTraits struct {
	// name is what PR_SET_NAME has set; empty as long as it is the process's.
	name string

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
