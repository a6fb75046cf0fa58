package kernel

import (
	"math"
	"sync"
	"time"

	"bee/image"
	"bee/runtime/abi"
)

func timerCalls() []Call {
	return []Call{
		{Name: "alarm", Handler: sysAlarm, Support: Full},
		{Name: "setitimer", Handler: sysSetitimer, Support: Full},
		{Name: "getitimer", Handler: sysGetitimer, Support: Full},
		{Name: "timer_create", Handler: sysTimerCreate, Support: Partial, Note: "no processor time of other threads"},
		{Name: "timer_settime", Handler: timerSettime(false), Support: Full},
		{Name: "timer_settime64", Handler: timerSettime(true), Support: Full, Arch: image.I386},
		{Name: "timer_gettime", Handler: timerGettime(false), Support: Full},
		{Name: "timer_gettime64", Handler: timerGettime(true), Support: Full, Arch: image.I386},
		{Name: "timer_getoverrun", Handler: sysTimerGetoverrun, Support: Full},
		{Name: "timer_delete", Handler: sysTimerDelete, Support: Full},
	}
}

// posixTimers are a process's timers of timer_create(2).
type posixTimers struct {
	mu   sync.Mutex
	list map[int32]*posixTimer
	next int32
}

// posixTimer is one of them. Its signal is under way once at most: how often
// it has expired since is what the signal tells when it is taken.
type posixTimer struct {
	p      *Process
	id     int32
	notify int32
	sig    abi.Signal
	value  uint64
	task   *Task // of SIGEV_THREAD_ID
	alarm  alarm
	close  func() // may be nil

	mu      sync.Mutex // taken before sigState.mu
	time    timing
	sent    bool   // and not taken
	count   uint64 // of expirations since, the first one included
	overrun int32  // of the signal that was taken last
	deleted bool
}

// lostSignal is how often a timer looks whether its signal still waits: it
// may have been thrown away.
const lostSignal = 50 * time.Millisecond

// timerClock is how a clock is read for timers, which is done by any thread.
func (t *Task) timerClock(id int32) (g timing, stop func(), e abi.Errno) {
	c := t.proc.clock
	switch id {
	case abi.CLOCK_REALTIME, abi.CLOCK_TAI:
		return timing{now: c.Realtime, wall: true}, nil, 0
	case abi.CLOCK_MONOTONIC, abi.CLOCK_BOOTTIME:
		return timing{now: c.Monotonic}, nil, 0
	case abi.CLOCK_REALTIME_ALARM, abi.CLOCK_BOOTTIME_ALARM:
		return g, nil, abi.EPERM // they wake the machine, which is a privilege
	case abi.CLOCK_MONOTONIC_RAW, abi.CLOCK_REALTIME_COARSE, abi.CLOCK_MONOTONIC_COARSE:
		return g, nil, abi.EOPNOTSUPP
	}
	if _, ok := t.readCPUClock(id); !ok {
		return g, nil, abi.EINVAL
	}
	_, thread, which, _ := cpuClock(id)
	read := c.ProcessCPU
	if thread {
		own, ok := c.(threadClocks)
		if !ok {
			return g, nil, abi.EOPNOTSUPP
		}
		read, stop = own.ThreadClock()
		if read == nil {
			return g, nil, abi.EAGAIN
		}
	}
	return timing{cpu: true, now: func() time.Duration {
		user, system := read()
		if which == 1 {
			return user
		}
		return user + system
	}}, stop, 0
}

// threadClocks is a host.Clock that can read the calling thread's processor
// time later, on any thread. stop gives up what that needs; read is nil if it
// cannot be had.
type threadClocks interface {
	ThreadClock() (read func() (user, system time.Duration), stop func())
}

func sysTimerCreate(t *Task, a Args) (uint64, abi.Errno) {
	const size = abi.SizeofAMD64Sigevent
	tm := &posixTimer{p: t.proc, sig: abi.SIGALRM}
	thread := int32(0)
	if a[1] != 0 {
		m, e := t.Bytes(a[1], size, false)
		if e != 0 {
			return 0, e
		}
		w := t.ptrSize()
		tm.value = t.word(m)
		tm.sig, tm.notify, thread = abi.Signal(le32(m[w:])), int32(le32(m[w+4:])), int32(le32(m[w+8:]))
	}
	g, stop, e := t.timerClock(int32(a[0]))
	if e != 0 {
		return 0, e
	}
	tm.time, tm.close = g, stop
	fail := func(e abi.Errno) (uint64, abi.Errno) {
		if stop != nil {
			stop()
		}
		return 0, e
	}
	switch tm.notify {
	case abi.SIGEV_SIGNAL | abi.SIGEV_THREAD_ID:
		if tm.task = t.proc.task(int(thread)); tm.task == nil {
			return fail(abi.EINVAL)
		}
	case abi.SIGEV_SIGNAL, abi.SIGEV_THREAD, abi.SIGEV_NONE:
	default:
		return fail(abi.EINVAL)
	}
	if _, ok := validSignal(uint64(tm.sig)); !ok && tm.notify != abi.SIGEV_NONE {
		return fail(abi.EINVAL)
	}
	tm.alarm.due = tm.due
	l := &t.proc.ptimers
	most := t.proc.Limit(abi.RLIMIT_SIGPENDING) // each has its signal's place reserved
	l.mu.Lock()
	if uint64(len(l.list)) >= most {
		l.mu.Unlock()
		return fail(abi.EAGAIN)
	}
	if l.list == nil {
		l.list = map[int32]*posixTimer{}
	}
	for l.list[l.next] != nil {
		l.next = (l.next + 1) & math.MaxInt32
	}
	tm.id = l.next
	l.next = (l.next + 1) & math.MaxInt32
	if a[1] == 0 {
		tm.value = uint64(tm.id)
	}
	l.list[tm.id] = tm
	l.mu.Unlock()
	if e := t.WriteUint32(a[2], uint32(tm.id)); e != 0 {
		l.remove(tm.id)
		return fail(e)
	}
	return 0, 0
}

func (l *posixTimers) get(id int32) (*posixTimer, abi.Errno) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if tm := l.list[id]; tm != nil {
		return tm, 0
	}
	return nil, abi.EINVAL
}

func (l *posixTimers) remove(id int32) *posixTimer {
	l.mu.Lock()
	defer l.mu.Unlock()
	tm := l.list[id]
	delete(l.list, id)
	return tm
}

// due is called when the timer may have expired.
func (tm *posixTimer) due() {
	tm.mu.Lock()
	defer tm.mu.Unlock()
	if tm.deleted {
		return
	}
	if tm.sent {
		if tm.waiting() {
			tm.again()
			return
		}
		tm.sent = false // it was thrown away
	}
	n := tm.time.passed()
	if n > 0 && tm.notify != abi.SIGEV_NONE {
		tm.count, tm.sent = n, tm.send()
	}
	tm.again()
}

// again sets the alarm for the next time. While the signal waits nobody counts
// but whoever takes it. tm.mu is held.
func (tm *posixTimer) again() {
	if tm.sent && tm.time.armed {
		tm.p.timers.set(&tm.alarm, tm.p.clock.Monotonic()+lostSignal)
		return
	}
	if tm.time.armed && tm.time.interval > 0 && tm.time.interval < time.Millisecond && tm.notify != abi.SIGEV_NONE && !tm.sent {
		// Nobody takes the signal: it is ignored.
		now := tm.time.now()
		if tm.time.expires < now+time.Millisecond && tm.count > 0 {
			tm.time.expires += (time.Millisecond/tm.time.interval + 1) * tm.time.interval
		}
	}
	tm.p.arm(&tm.alarm, &tm.time)
}

// send sends the signal; false if it is ignored. tm.mu is held.
func (tm *posixTimer) send() bool {
	in := siginfo{sig: tm.sig, code: abi.SI_TIMER, kind: infoTimer, pid: tm.id, value: tm.value, timer: tm}
	if tm.task != nil {
		tm.task.sendInfo(in)
	} else {
		tm.p.sendInfo(in)
	}
	return tm.waiting()
}

// waiting tells whether the signal waits to be taken. tm.mu is held.
func (tm *posixTimer) waiting() bool {
	found := false
	tm.eachQueue(func(s *sigPending) {
		for i := range s.queue {
			found = found || s.queue[i].timer == tm
		}
	})
	return found
}

// withdraw takes the signal back. tm.mu is held.
func (tm *posixTimer) withdraw() {
	if !tm.sent {
		return
	}
	tm.sent = false
	tm.eachQueue(func(s *sigPending) {
		for i := range s.queue {
			if s.queue[i].timer == tm {
				s.queue = append(s.queue[:i], s.queue[i+1:]...)
				for j := range s.queue {
					if s.queue[j].sig == tm.sig {
						return
					}
				}
				s.set &^= sigBit(tm.sig)
				return
			}
		}
	})
}

// eachQueue calls f for each queue that may hold the signal.
func (tm *posixTimer) eachQueue(f func(*sigPending)) {
	tm.p.sig.mu.Lock()
	defer tm.p.sig.mu.Unlock()
	if tm.task != nil {
		f(&tm.task.pending)
	} else {
		f(&tm.p.sig.shared)
	}
}

// delivered fills in what the signal tells, and lets the timer go on.
func (tm *posixTimer) delivered(in *siginfo) {
	tm.mu.Lock()
	defer tm.mu.Unlock()
	if tm.count == 0 {
		return // withdrawn
	}
	tm.sent = false
	n := tm.count - 1
	if tm.time.interval > 0 {
		n += tm.time.passed()
	}
	tm.count = 0
	tm.overrun = int32(min(n, math.MaxInt32))
	in.uid = uint32(tm.overrun)
	tm.again()
}

// current tells the state. tm.mu is held.
func (tm *posixTimer) current() timerSpec {
	g := &tm.time
	if (tm.sent || tm.notify == abi.SIGEV_NONE) && g.interval > 0 {
		tm.count += g.passed()
	}
	s := timerSpec{g.interval, g.left()}
	if g.armed && tm.notify != abi.SIGEV_NONE {
		s.value = max(s.value, 1)
	}
	return s
}

func timerSettime(wide bool) Handler {
	return func(t *Task, a Args) (uint64, abi.Errno) {
		if a[2] == 0 {
			return 0, abi.EINVAL
		}
		s, e := t.readSpec(a[2], wide, false)
		if e != 0 {
			return 0, e
		}
		tm, e := t.proc.ptimers.get(int32(a[0]))
		if e != 0 {
			return 0, e
		}
		tm.mu.Lock()
		old := tm.current()
		tm.withdraw()
		tm.count, tm.overrun = 0, 0
		tm.time.set(s.value, s.interval, uint32(a[1])&abi.TIMER_ABSTIME != 0)
		tm.p.arm(&tm.alarm, &tm.time)
		tm.mu.Unlock()
		if a[3] != 0 {
			return 0, t.writeSpec(a[3], old, wide)
		}
		return 0, 0
	}
}

func timerGettime(wide bool) Handler {
	return func(t *Task, a Args) (uint64, abi.Errno) {
		tm, e := t.proc.ptimers.get(int32(a[0]))
		if e != 0 {
			return 0, e
		}
		tm.mu.Lock()
		s := tm.current()
		tm.mu.Unlock()
		return 0, t.writeSpec(a[1], s, wide)
	}
}

func sysTimerGetoverrun(t *Task, a Args) (uint64, abi.Errno) {
	tm, e := t.proc.ptimers.get(int32(a[0]))
	if e != 0 {
		return 0, e
	}
	tm.mu.Lock()
	defer tm.mu.Unlock()
	return uint64(tm.overrun), 0
}

func sysTimerDelete(t *Task, a Args) (uint64, abi.Errno) {
	tm := t.proc.ptimers.remove(int32(a[0]))
	if tm == nil {
		return 0, abi.EINVAL
	}
	tm.mu.Lock()
	tm.deleted = true
	tm.withdraw()
	tm.mu.Unlock()
	tm.p.timers.cancel(&tm.alarm)
	if tm.close != nil {
		tm.close()
	}
	return 0, 0
}
