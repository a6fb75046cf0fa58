package kernel

import (
	"sync/atomic"
	"time"

	"bee/runtime/abi"
)

// A condition variable with a lock that hands itself over (futex(2)):
// FUTEX_WAIT_REQUEUE_PI waits at the condition's word until FUTEX_CMP_REQUEUE_PI
// gives the lock to the first of those who wait, and lets the others wait for it.

// futexWaitRequeuePI waits at addr, and from then on for the lock at to.
func (t *Task) futexWaitRequeuePI(addr, to uint64, private bool, val uint32, deadline time.Duration) (uint64, abi.Errno) {
	if addr == to {
		return 0, abi.EINVAL
	}
	if e := t.futexReachable(to, private); e != 0 {
		return 0, e
	}
	word, e := t.futexWord(addr, false)
	if e != 0 {
		return 0, e
	}
	f := &t.proc.futex
	w := futexWaiter{key: t.futexKey(addr, private), addr: addr, bitset: ^uint32(0), task: t, before: true, lock: t.futexKey(to, private)}
	if w.key == w.lock {
		return 0, abi.EINVAL
	}
	f.locks.Add(1) // as in futexLockPI
	defer f.locks.Add(-1)
	if e := f.bucket(w.key).enqueue(&w, word, val); e != 0 {
		return 0, e
	}
	switch e := t.await(&w, deadline); {
	case e == 0, e == abi.ETIMEDOUT:
		return 0, e
	case w.before:
		return 0, errRestartNoIntr
	}
	// It waits for the lock already. The same call again would find that the
	// value has changed.
	return 0, abi.EAGAIN
}

// futexRequeuePI is FUTEX_CMP_REQUEUE_PI.
func (t *Task) futexRequeuePI(from, to uint64, private bool, wake, move, val uint32) (uint64, abi.Errno) {
	if int32(wake) < 0 || int32(move) < 0 || from == to || wake != 1 {
		return 0, abi.EINVAL
	}
	word, e := t.futexWord(from, false)
	if e != 0 {
		return 0, e
	}
	if e := t.futexReachable(to, private); e != 0 {
		return 0, e
	}
	source, target := t.futexKey(from, private), t.futexKey(to, private)
	if source == target {
		return 0, abi.EINVAL
	}
	x, y, unlock := t.proc.futex.lockTwo(source, target)
	defer unlock()
	if atomic.LoadUint32(word) != val {
		return 0, abi.EAGAIN
	}
	lock, e := t.futexWord(to, true)
	if e != 0 {
		return 0, e
	}
	done := uint64(0)
	for w := x.head; w != nil && done <= uint64(move); {
		next := w.next
		if w.key == source {
			if !w.before || w.lock != target {
				return done, abi.EINVAL
			}
			got, e := w.takePI(lock, false)
			switch {
			case e != 0:
				return done, e
			case got: // the first one, at most
				if move > 0 {
					atomic.OrUint32(lock, abi.FUTEX_WAITERS)
				}
				x.remove(w)
				w.task.poke()
			default:
				w.pi, w.before = true, false
				x.moveTo(y, w, target, to)
			}
			done++
		}
		w = next
	}
	return done, 0
}
