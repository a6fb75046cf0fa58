package kernel

import (
	"sync"
	"time"

	"bee/runtime/abi"
)

// intervalTimers are those of setitimer(2) and alarm(2).
type intervalTimers struct {
	p    *Process
	once sync.Once
	list [3]intervalTimer // by ITIMER_REAL...
}

type intervalTimer struct {
	sig   abi.Signal
	alarm alarm

	mu   sync.Mutex
	time timing
}

// get tells one of the timers.
func (l *intervalTimers) get(p *Process, which int32) (*intervalTimer, abi.Errno) {
	if which < abi.ITIMER_REAL || which > abi.ITIMER_PROF {
		return nil, abi.EINVAL
	}
	l.once.Do(func() {
		l.p = p
		for i := range l.list {
			t := &l.list[i]
			t.alarm.due = func() { t.due(p) }
		}
		user := func() time.Duration { u, _ := p.clock.ProcessCPU(); return u }
		both := func() time.Duration { u, s := p.clock.ProcessCPU(); return u + s }
		l.list[abi.ITIMER_REAL].sig, l.list[abi.ITIMER_REAL].time.now = abi.SIGALRM, p.clock.Monotonic
		l.list[abi.ITIMER_VIRTUAL].sig, l.list[abi.ITIMER_VIRTUAL].time = abi.SIGVTALRM, timing{now: user, cpu: true}
		l.list[abi.ITIMER_PROF].sig, l.list[abi.ITIMER_PROF].time = abi.SIGPROF, timing{now: both, cpu: true}
	})
	return &l.list[which], 0
}

// due is called when the timer may have expired.
func (i *intervalTimer) due(p *Process) {
	i.mu.Lock()
	n := i.time.passed()
	p.arm(&i.alarm, &i.time)
	i.mu.Unlock()
	if n > 0 {
		p.Send(i.sig)
	}
}

// current tells the state; what is about to expire has something left.
func (i *intervalTimer) current() timerSpec {
	s := timerSpec{i.time.interval, i.time.left()}
	if i.time.armed {
		s.value = max(s.value, time.Microsecond)
	}
	return s
}

// set begins anew and tells what was before.
func (i *intervalTimer) set(p *Process, s timerSpec) timerSpec {
	i.mu.Lock()
	defer i.mu.Unlock()
	old := i.current()
	i.time.set(s.value, s.interval, false)
	p.arm(&i.alarm, &i.time)
	return old
}

func sysSetitimer(t *Task, a Args) (uint64, abi.Errno) {
	var s timerSpec
	if a[1] != 0 {
		var e abi.Errno
		if s, e = t.readSpec(a[1], false, true); e != 0 {
			return 0, e
		}
	}
	i, e := t.proc.itimers.get(t.proc, int32(a[0]))
	if e != 0 {
		return 0, e
	}
	old := i.set(t.proc, s)
	if a[2] == 0 {
		return 0, 0
	}
	return 0, t.writeItimerval(a[2], old)
}

func sysGetitimer(t *Task, a Args) (uint64, abi.Errno) {
	i, e := t.proc.itimers.get(t.proc, int32(a[0]))
	if e != 0 {
		return 0, e
	}
	i.mu.Lock()
	s := i.current()
	i.mu.Unlock()
	return 0, t.writeItimerval(a[1], s)
}

func (t *Task) writeItimerval(addr uint64, s timerSpec) abi.Errno {
	if e := t.writeTimeval(addr, s.interval); e != 0 {
		return e
	}
	return t.writeTimeval(addr+uint64(2*t.ptrSize()), s.value)
}

func sysAlarm(t *Task, a Args) (uint64, abi.Errno) {
	i, _ := t.proc.itimers.get(t.proc, abi.ITIMER_REAL)
	old := i.set(t.proc, timerSpec{value: time.Duration(uint32(a[0])) * time.Second}).value
	sec, rest := old/time.Second, old%time.Second
	if rest >= time.Second/2 || sec == 0 && rest > 0 {
		sec++
	}
	return uint64(sec), 0
}
