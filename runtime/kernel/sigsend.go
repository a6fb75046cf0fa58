package kernel

import (
	"math/bits"
	"sync"
	"sync/atomic"
	"time"

	"bee/runtime/abi"
)

// sigState is what signals need of a process. mu guards all of it, and of each
// task mask, pending, waitSet and altStack's use by others. It is taken last:
// nothing but a task's channel and its processor is touched under it.
type sigState struct {
	mu      sync.Mutex
	actions [abi.NumSignals + 1]sigaction
	shared  sigPending
	// caught has bit n-1 if signal n had a handler the last time that its
	// action was set; it changes under mu.
	caught atomic.Uint64
	// arrived tells signalfds that something is pending.
	arrived waitQueue
	// restorer is set before the first task runs, see KnowRestorers.
	restorer func(addr uint64, rt bool) bool
}

// KnowRestorers says how to find out whether a handler's return address is the
// code that unwinders know the frame of a signal by (with SA_SIGINFO: rt), and
// which the rewriter has patched. Frames get the address of the same code in
// a page of ours then.
func (p *Process) KnowRestorers(known func(addr uint64, rt bool) bool) { p.sig.restorer = known }

// Send sends a signal to the task, which is the caller's own: SIGPIPE of a
// write, say.
func (t *Task) Send(sig abi.Signal) { t.sendInfo(ofKernel(sig)) }

// Send sends a signal to the process: whichever of its tasks does not hold it
// back takes it. It may be called from any goroutine.
func (p *Process) Send(sig abi.Signal) { p.sendInfo(ofKernel(sig)) }

// sendInfo sends to this very task.
func (t *Task) sendInfo(in siginfo) bool {
	p := t.proc
	if in.sig == abi.SIGKILL {
		t.Kill(in.sig)
		return true
	}
	limit := p.queueLimit(&in)
	p.sig.mu.Lock()
	defer p.sig.mu.Unlock()
	if t.leaving || p.ignores(in.sig, t.sigMask|t.waitSet) {
		return true
	}
	if !t.pending.add(in, p.full(limit)) {
		return false
	}
	p.sig.arrived.wake()
	t.notice(sigBit(in.sig))
	return true
}

// sendInfo sends to any task of the process.
func (p *Process) sendInfo(in siginfo) bool {
	if in.sig == abi.SIGKILL {
		p.exit(128+int(in.sig), in.sig)
		return true
	}
	limit := p.queueLimit(&in)
	p.sig.mu.Lock()
	defer p.sig.mu.Unlock()
	tasks := p.taskList
	held := ^uint64(0)
	for _, t := range tasks {
		held &= t.sigMask | t.waitSet
	}
	if p.ignores(in.sig, held) {
		return true
	}
	if !p.sig.shared.add(in, p.full(limit)) {
		return false
	}
	p.sig.arrived.wake()
	p.offer(tasks, sigBit(in.sig))
	return true
}

// queueLimit is how many signals may be queued before this one. Linux counts
// those of all the user's processes; a timer's has its place reserved, and what
// is queued once at most needs none.
func (p *Process) queueLimit(in *siginfo) uint64 {
	if in.sig < firstRealTime || in.timer != nil {
		return rlimInfinity
	}
	return p.Limit(abi.RLIMIT_SIGPENDING)
}

// full tells whether no further signal may be queued.
//
// Preconditions: p.sig.mu is held.
func (p *Process) full(limit uint64) bool {
	if limit == rlimInfinity {
		return false
	}
	n := len(p.sig.shared.queue)
	for _, t := range p.taskList {
		n += len(t.pending.queue)
	}
	return uint64(n) >= limit
}

// offer tells one of the tasks that does not hold a shared signal back.
//
// Preconditions: p.sig.mu is held.
func (p *Process) offer(tasks []*Task, bit uint64) {
	for _, t := range tasks { // the first one is the main one, as on Linux
		if t.waitSet&bit != 0 || t.sigMask&bit == 0 {
			t.notice(bit)
			return
		}
	}
}

// notice makes the task look at a signal that it may take.
//
// Preconditions: p.sig.mu is held.
func (t *Task) notice(bit uint64) {
	switch {
	case t.waitSet&bit != 0:
		t.poke()
	case t.sigMask&bit == 0:
		t.interrupt()
		t.proc.doom(abi.Signal(bits.TrailingZeros64(bit) + 1))
	}
}

// fatalGrace is how long a task may take to end its process by a signal.
const fatalGrace = 100 * time.Millisecond

// doom sees to it that a signal without a handler ends the process even if the
// task that is to take it cannot: it may wait in a call of the host that nothing
// cancels. Linux ends the process when the signal is sent.
//
// Preconditions: p.sig.mu is held; a task has been told that does not hold the
// signal back.
func (p *Process) doom(sig abi.Signal) {
	if p.sig.actions[sig].handler == abi.SIG_DFL && !sig.Ignored() && !sig.Stops() {
		time.AfterFunc(fatalGrace, func() { p.exit(128+int(sig), sig) })
	}
}

// interrupt ends the task's wait, or stops it in the guest.
func (t *Task) interrupt() {
	t.attention.Store(true)
	t.poke()
	t.cpu.Interrupt()
}

// ignores tells whether a signal that arrives now is forgotten. What a mask
// holds back is not: the disposition may change before it is let through.
//
// Preconditions: p.sig.mu is held.
func (p *Process) ignores(sig abi.Signal, held uint64) bool {
	if held&sigBit(sig) != 0 {
		return false
	}
	h := p.sig.actions[sig].handler
	if h == abi.SIG_IGN {
		return true
	}
	if h != abi.SIG_DFL {
		return false
	}
	if sig.Stops() {
		p.logOnce("stop", "%s would stop the program, which is not supported yet: ignored", sig.Name())
		return true
	}
	return sig.Ignored()
}

// expectsSignals tells whether a handler may have to run while a task waits in
// the host: there is one, and a timer, another thread or a terminal that could
// send its signal. Where that costs something, other programs do without.
func (p *Process) expectsSignals() bool {
	if p.sig.caught.Load() == 0 {
		return false
	}
	if p.files.tty != nil || p.timers.armed() {
		return true
	}
	p.sig.mu.Lock()
	defer p.sig.mu.Unlock()
	return len(p.taskList) > 1
}

// recalc works out anew whether the task has something to do before it goes
// on in the guest.
//
// Preconditions: p.sig.mu is held; the caller is the task itself.
func (t *Task) recalc() {
	ready := (t.pending.set | t.proc.sig.shared.set) &^ t.sigMask
	t.attention.Store(ready != 0 || t.proc.exited.Load())
}

// setMask changes the mask; what it no longer holds back is delivered before
// the guest goes on.
func (t *Task) setMask(mask uint64) {
	s := &t.proc.sig
	s.mu.Lock()
	newly := mask &^ t.sigMask
	t.sigMask = mask &^ unblockable
	t.recalc()
	others := s.shared.set & newly
	s.mu.Unlock()
	if others != 0 {
		t.proc.retarget(t, others)
	}
}

// retarget offers shared signals that t will not take any more to others.
func (p *Process) retarget(t *Task, set uint64) {
	p.sig.mu.Lock()
	defer p.sig.mu.Unlock()
	tasks := p.taskList
	for sig := abi.Signal(1); sig <= abi.NumSignals; sig++ {
		if bit := sigBit(sig); p.sig.shared.set&set&bit != 0 {
			rest := make([]*Task, 0, len(tasks))
			for _, o := range tasks {
				if o != t {
					rest = append(rest, o)
				}
			}
			p.offer(rest, bit)
		}
	}
}

// takeSignal removes the next signal of want, the task's own first.
//
// Preconditions: p.sig.mu is held.
func (t *Task) takeSignal(want uint64) (siginfo, bool) {
	if sig, ok := t.pending.next(want); ok {
		return t.pending.take(sig), true
	}
	if sig, ok := t.proc.sig.shared.next(want); ok {
		return t.proc.sig.shared.take(sig), true
	}
	return siginfo{}, false
}

// pendingSet is what /proc/self/status and sigpending tell: the task's own and
// the process's signals that wait.
func (t *Task) pendingSet() (own, shared uint64) {
	s := &t.proc.sig
	s.mu.Lock()
	defer s.mu.Unlock()
	return t.pending.set, s.shared.set
}
