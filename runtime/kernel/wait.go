package kernel

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"bee/runtime/abi"
)

// What a handler answers when a signal ends its wait, as Linux does inside the
// kernel; no program sees these (Linux: include/linux/errno.h).
const (
	errRestartSys     abi.Errno = 512 // again if the handler has SA_RESTART
	errRestartNoIntr  abi.Errno = 513 // again in any case
	errRestartNoHand  abi.Errno = 514 // again only if no handler runs
	errRestartBlock   abi.Errno = 516 // likewise, with what is left of the time
	lastRestartErrno            = errRestartBlock
	firstRestartErrno           = errRestartSys
)

// forever is the deadline of a wait without one.
const forever time.Duration = math.MaxInt64

// waitQueue holds those who wait for an object's state to change. The zero
// value is ready.
type waitQueue struct {
	mu   sync.Mutex // a leaf
	head *waiter
	tail *waiter
}

// waiter is one of them.
type waiter struct {
	q          *waitQueue
	prev, next *waiter
	// notify tells the waiter to look again. It is called with the queue's
	// lock held and does not block.
	notify func()
	// claim takes notify's place for waiters of which one is enough: it tells
	// whether this one will see to it. The others are not told then.
	claim func() bool
	// events are the POLLIN and so on that concern the waiter; 0 is all.
	events uint32
}

// add puts w at the end if one of several is enough, else in front of all, as
// Linux does: so everybody is told before one of those is chosen.
func (q *waitQueue) add(w *waiter, notify func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	w.q, w.notify, w.prev, w.next = q, notify, nil, nil
	switch {
	case q.head == nil:
		q.head, q.tail = w, w
	case w.claim != nil:
		w.prev, q.tail.next, q.tail = q.tail, w, w
	default:
		w.next, q.head.prev, q.head = q.head, w, w
	}
}

// remove takes w out of its queue, if it is in one.
func (w *waiter) remove() {
	q := w.q
	if q == nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if w.q == nil {
		return
	}
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		q.head = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	} else {
		q.tail = w.prev
	}
	w.q, w.prev, w.next = nil, nil, nil
}

// wake tells all who wait to look again.
func (q *waitQueue) wake() { q.wakeFor(^uint32(0)) }

// wakeFor tells those whom one of these events concerns, and only one of those
// of which one is enough. It tells whether there was anybody who looks.
func (q *waitQueue) wakeFor(events uint32) (seen bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	claimed := false
	for w := q.head; w != nil; w = w.next {
		switch {
		case w.events != 0 && w.events&events == 0:
		case w.claim == nil:
			w.notify()
			seen = true
		case !claimed:
			claimed = w.claim()
		}
	}
	return seen || claimed
}

// queued is a file whose queue tells of every change to what its poll method
// answers. Others are asked again and again.
type queued interface{ queue(f *File) *waitQueue }

// poke makes a task that is parked look again; one that is about to park will
// not. It may be called by anybody and does not block.
func (t *Task) poke() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
	if t.parker != nil {
		t.parker.Unpark()
	}
}

// coarse is how much too late a host's parker may be at the end of its time: a
// tick of Windows's timer, and what a busy machine adds.
const coarse = 20 * time.Millisecond

// park waits until the task is poked. 0 means: look again. Otherwise the wait
// is over: ETIMEDOUT at the deadline (of the monotonic clock), errRestartSys
// if a signal is to be delivered or the process has ended.
func (t *Task) park(deadline time.Duration) abi.Errno {
	if t.attention.Load() {
		return errRestartSys
	}
	if deadline == forever {
		if t.parker != nil {
			t.parker.Park(-1)
		} else {
			<-t.wake
		}
		return 0
	}
	left := deadline - t.proc.clock.Monotonic()
	if left <= 0 {
		return abi.ETIMEDOUT
	}
	if t.parker != nil && left > 2*coarse {
		t.parker.Park(left - coarse)
		return 0
	}
	t.proc.clock.Sleep(left, t.wake)
	return 0
}

// waitOn parks until ready tells true; ready is asked after every change that
// q tells of.
func (t *Task) waitOn(q *waitQueue, deadline time.Duration, ready func() bool) abi.Errno {
	if ready() {
		return 0
	}
	var w waiter
	q.add(&w, t.poke)
	defer w.remove()
	for !ready() {
		if e := t.park(deadline); e != 0 {
			return e
		}
	}
	return 0
}

// sleeper is a task in a queue of which one is enough.
type sleeper struct {
	w    waiter
	told atomic.Bool
}

// enter puts the task into a queue. The first one that has not been told of a
// change since told was cleared sees to it.
func (s *sleeper) enter(t *Task, q *waitQueue) {
	s.w.claim = func() bool {
		if s.told.Swap(true) {
			return false
		}
		t.poke()
		return true
	}
	q.add(&s.w, nil)
}

// waitFirst is waitOn for changes of which only one task can make use: one is
// woken. Having done so it wakes the next one if there is something left.
func (t *Task) waitFirst(q *waitQueue, deadline time.Duration, ready func() bool) abi.Errno {
	var s sleeper
	s.enter(t, q)
	defer s.w.remove()
	for {
		s.told.Store(false)
		if ready() {
			return 0
		}
		if e := t.park(deadline); e != 0 {
			s.w.remove()
			if s.told.Load() { // it was meant for somebody who can
				q.wake()
			}
			return e
		}
	}
}

// deadline turns a timeout that a call has begun with into a point of the
// monotonic clock; negative is forever. A call that goes on after a signal
// without a handler keeps its first one.
func (t *Task) deadline(timeout time.Duration) time.Duration {
	if t.restarting {
		return t.restartAt
	}
	if timeout < 0 {
		return forever
	}
	now := t.proc.clock.Monotonic()
	if timeout > forever-now {
		return forever
	}
	return now + timeout
}

// restartable is what a call answers whose timed wait a signal has ended.
func (t *Task) restartable(deadline time.Duration) abi.Errno {
	t.restartAt = deadline
	return errRestartBlock
}

// sleep waits until d has passed (forever if negative). errRestartSys if a
// signal or the end of the process came first.
func (t *Task) sleep(d time.Duration) abi.Errno {
	at := t.deadline(d)
	for {
		switch e := t.park(at); e {
		case 0:
		case abi.ETIMEDOUT:
			return 0
		default:
			return e
		}
	}
}
