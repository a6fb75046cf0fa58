package kernel

import (
	"container/heap"
	"sync"
	"time"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// timerQueue lets things happen at points of the monotonic clock, never
// before. One goroutine serves all timers of a process; it is there while there
// is a timer.
type timerQueue struct {
	clock host.Clock
	done  <-chan struct{} // of the process

	mu      sync.Mutex // a leaf
	heap    alarms
	running bool
	changed chan struct{} // the first one is another
}

// alarm is a point of time at which due is called, by the goroutine of the
// queue and without locks. It may be called in vain, after a change.
type alarm struct {
	at    time.Duration
	due   func()
	index int // in the heap, plus one; 0: not there
}

type alarms []*alarm

func (h alarms) Len() int           { return len(h) }
func (h alarms) Less(i, j int) bool { return h[i].at < h[j].at }

func (h alarms) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i+1, j+1
}

// Push implements heap.Interface.
func (h *alarms) Push(x any) {
	a := x.(*alarm)
	*h = append(*h, a)
	a.index = len(*h)
}

// Pop implements heap.Interface.
func (h *alarms) Pop() any {
	old := *h
	a := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	a.index = 0
	return a
}

// armed tells whether anything is to happen.
func (q *timerQueue) armed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.heap) > 0
}

// set makes an alarm due at a point of time, instead of the one before.
func (q *timerQueue) set(a *alarm, at time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.changed == nil {
		q.changed = make(chan struct{}, 1)
	}
	a.at = at
	if a.index > 0 {
		heap.Fix(&q.heap, a.index-1)
	} else {
		heap.Push(&q.heap, a)
	}
	if !q.running {
		q.running = true
		go q.run()
	} else if q.heap[0] == a {
		select {
		case q.changed <- struct{}{}:
		default:
		}
	}
}

// cancel makes an alarm due no more.
func (q *timerQueue) cancel(a *alarm) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if a.index > 0 {
		heap.Remove(&q.heap, a.index-1)
	}
}

// next takes the alarm that is due now, or tells when the first one will be.
func (q *timerQueue) next() (a *alarm, left time.Duration, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.heap) == 0 {
		q.running = false
		return nil, 0, false
	}
	a = q.heap[0]
	if left = a.at - q.clock.Monotonic(); left > 0 {
		return nil, left, true
	}
	heap.Pop(&q.heap)
	return a, 0, true
}

func (q *timerQueue) run() {
	for {
		a, left, ok := q.next()
		switch {
		case !ok:
			return
		case a != nil:
			a.due()
		default:
			q.clock.Sleep(left, q.changed)
		}
		select {
		case <-q.done:
			return
		default:
		}
	}
}

// timing is when a timer expires and how often again, by a clock of its own.
// Whoever has it guards it.
type timing struct {
	now      func() time.Duration
	cpu      bool // processor time: goes by at most as fast as all processors together
	wall     bool // the time of day, which may be set
	expires  time.Duration
	interval time.Duration
	armed    bool
}

// passed tells how often the timer has expired, and moves on to the next time.
func (g *timing) passed() uint64 {
	if !g.armed {
		return 0
	}
	late := g.now() - g.expires
	if late < 0 {
		return 0
	}
	if g.interval == 0 {
		g.armed = false
		return 1
	}
	n := uint64(late/g.interval) + 1
	g.expires += time.Duration(n) * g.interval
	return n
}

// left is the time until the timer expires, 0 if it will not.
func (g *timing) left() time.Duration {
	if !g.armed {
		return 0
	}
	return max(g.expires-g.now(), 0)
}

// set begins anew; a value of 0 ends the timer.
func (g *timing) set(value, interval time.Duration, absolute bool) {
	g.armed, g.interval = value != 0, interval
	g.expires = value
	if !absolute && g.armed {
		now := g.now()
		g.expires = now + min(value, forever-now)
	}
}

// arm sets the alarm for when the timer may have expired.
func (p *Process) arm(a *alarm, g *timing) {
	if !g.armed {
		p.timers.cancel(a)
		return
	}
	left := max(g.expires-g.now(), 0)
	if g.cpu && left > 0 {
		left = max(left/time.Duration(max(p.info().CPUs, 1)), time.Millisecond)
	}
	if g.wall {
		left = min(left, wallLook)
	}
	now := p.clock.Monotonic()
	p.timers.set(a, now+min(left, forever-now))
}

const (
	// wallLook is how often waits for a time of day look whether the clock was
	// set: nobody tells.
	wallLook = time.Second
	// wallStep is by how much it is set at least: it is also made to go a little
	// faster or slower.
	wallStep = 100 * time.Millisecond
)

// wallOffset tells by how much the time of day is ahead of the monotonic clock.
func (p *Process) wallOffset() time.Duration {
	for range 100 {
		before := p.clock.Monotonic()
		now := p.clock.Realtime()
		if after := p.clock.Monotonic(); after-before < wallStep/10 {
			return now - before
		}
	}
	return p.clock.Realtime() - p.clock.Monotonic()
}

// timerSpec is struct itimerspec or itimerval, of either width.
type timerSpec struct{ interval, value time.Duration }

// readSpec reads the two of them: wide ones of 64 bits, micro ones with
// microseconds.
func (t *Task) readSpec(addr uint64, wide, micro bool) (s timerSpec, e abi.Errno) {
	size := uint64(2 * t.ptrSize())
	at := (*Task).timespecAt
	if wide {
		size, at = abi.SizeofI386Timespec64, (*Task).timespec64At
	}
	var d [2]time.Duration
	var numbers [2][2]int64
	for i := range d {
		if numbers[i][0], numbers[i][1], e = at(t, addr+uint64(i)*size); e != 0 {
			return s, e
		}
	}
	for i, n := range numbers {
		if micro {
			if n[1] < 0 || n[1] >= 1e6 {
				return s, abi.EINVAL
			}
			n[1] *= 1000
		}
		if d[i], e = duration(n[0], n[1]); e != 0 {
			return s, e
		}
	}
	return timerSpec{d[0], d[1]}, 0
}

func (t *Task) writeSpec(addr uint64, s timerSpec, wide bool) abi.Errno {
	write, size := (*Task).writeTimespec, uint64(2*t.ptrSize())
	if wide {
		write, size = (*Task).writeTimespec64, abi.SizeofI386Timespec64
	}
	if e := write(t, addr, s.interval); e != 0 {
		return e
	}
	return write(t, addr+size, s.value)
}
