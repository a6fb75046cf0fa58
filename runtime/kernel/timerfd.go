package kernel

import (
	"fmt"
	"sync"
	"time"

	"bee/image"
	"bee/runtime/abi"
	"bee/runtime/host"
)

// Flags of timerfd_settime(2).
const (
	timerfdAbsolute    = 1 // TFD_TIMER_ABSTIME
	timerfdCancelOnSet = 2 // TFD_TIMER_CANCEL_ON_SET
)

func timerfdCalls() []Call {
	const note = "that the clock was set is noticed up to a second later"
	return []Call{
		{Name: "timerfd_create", Handler: sysTimerfdCreate, Support: Full},
		{Name: "timerfd_settime", Handler: timerfdSettime(false), Support: Partial, Note: note},
		{Name: "timerfd_settime64", Handler: timerfdSettime(true), Support: Partial, Note: note, Arch: image.I386},
		{Name: "timerfd_gettime", Handler: timerfdGettime(false), Support: Full},
		{Name: "timerfd_gettime64", Handler: timerfdGettime(true), Support: Full, Arch: image.I386},
	}
}

// timerfd counts how often a timer has expired (timerfd_create(2)).
type timerfd struct {
	p     *Process
	clock int32
	alarm alarm

	mu      sync.Mutex
	time    timing
	flags   uint32
	ticks   uint64
	changed waitQueue
	// cancels: the clock's being set ends the wait. offset is where it was, and
	// canceled that it was set since.
	cancels, canceled bool
	offset            time.Duration
}

func sysTimerfdCreate(t *Task, a Args) (uint64, abi.Errno) {
	id, flags := int32(a[0]), uint32(a[1])
	if flags&^(abi.O_CLOEXEC|abi.O_NONBLOCK) != 0 {
		return 0, abi.EINVAL
	}
	switch id {
	case abi.CLOCK_REALTIME, abi.CLOCK_MONOTONIC, abi.CLOCK_BOOTTIME:
	case abi.CLOCK_REALTIME_ALARM, abi.CLOCK_BOOTTIME_ALARM:
		return 0, abi.EPERM // they wake the machine, which is a privilege
	default:
		return 0, abi.EINVAL
	}
	tf := &timerfd{p: t.proc, clock: id}
	tf.time.now = t.proc.clock.Monotonic
	if id == abi.CLOCK_REALTIME {
		tf.time.now, tf.time.wall = t.proc.clock.Realtime, true
	}
	tf.alarm.due = tf.due
	return t.openAnon(newAnon(timerfdOps{}, tf, abi.O_RDWR, flags), flags)
}

// due is called when the timer may have expired.
func (tf *timerfd) due() {
	tf.mu.Lock()
	n := tf.time.passed()
	if tf.wasSet() {
		n++
	}
	tf.ticks += n
	tf.p.arm(&tf.alarm, &tf.time)
	tf.mu.Unlock()
	if n > 0 {
		tf.changed.wakeFor(wakeIn)
	}
}

// wasSet tells, once, that the clock was set since it was looked at last. tf.mu
// is held.
func (tf *timerfd) wasSet() bool {
	if !tf.cancels || tf.canceled {
		return false
	}
	was := tf.offset
	tf.offset = tf.p.wallOffset()
	tf.canceled = (tf.offset - was).Abs() >= wallStep
	return tf.canceled
}

// take takes the count. ECANCELED if the clock was set.
func (tf *timerfd) take() (uint64, abi.Errno) {
	tf.mu.Lock()
	defer tf.mu.Unlock()
	n := tf.ticks + tf.time.passed()
	tf.ticks = 0
	if tf.canceled {
		tf.canceled = false
		return 0, abi.ECANCELED
	}
	return n, 0
}

// current tells the state. tf.mu is held.
func (tf *timerfd) current() timerSpec {
	tf.ticks += tf.time.passed()
	return timerSpec{tf.time.interval, tf.time.left()}
}

// timerfd finds what a descriptor stands for; the caller puts the file back.
func (t *Task) timerfd(fd uint64) (*File, *timerfd, abi.Errno) {
	f, e := t.file(fd)
	if e != 0 {
		return nil, nil, e
	}
	tf, ok := f.data.(*timerfd)
	if !ok {
		t.proc.files.put(f)
		return nil, nil, abi.EINVAL
	}
	return f, tf, 0
}

func timerfdSettime(wide bool) Handler {
	return func(t *Task, a Args) (uint64, abi.Errno) {
		flags := uint32(a[1])
		s, e := t.readSpec(a[2], wide, false)
		switch {
		case e != 0:
			return 0, e
		case flags&^(timerfdAbsolute|timerfdCancelOnSet) != 0:
			return 0, abi.EINVAL
		}
		f, tf, e := t.timerfd(a[0])
		if e != 0 {
			return 0, e
		}
		defer t.proc.files.put(f)
		tf.mu.Lock()
		old := tf.current()
		tf.ticks, tf.flags = 0, flags
		tf.time.set(s.value, s.interval, flags&timerfdAbsolute != 0)
		const until = timerfdAbsolute | timerfdCancelOnSet
		tf.cancels = tf.time.wall && flags&until == until
		tf.offset = t.proc.wallOffset()
		t.proc.arm(&tf.alarm, &tf.time)
		canceled := tf.canceled && tf.cancels
		tf.canceled = false
		tf.mu.Unlock()
		if canceled {
			return 0, abi.ECANCELED
		}
		if a[3] != 0 {
			return 0, t.writeSpec(a[3], old, wide)
		}
		return 0, 0
	}
}

func timerfdGettime(wide bool) Handler {
	return func(t *Task, a Args) (uint64, abi.Errno) {
		f, tf, e := t.timerfd(a[0])
		if e != 0 {
			return 0, e
		}
		defer t.proc.files.put(f)
		tf.mu.Lock()
		s := tf.current()
		tf.mu.Unlock()
		return 0, t.writeSpec(a[1], s, wide)
	}
}

// timerfdOps are timerfd's descriptors.
type timerfdOps struct{ anonOps }

func (timerfdOps) plainReady() {}

func (timerfdOps) queue(f *File) *waitQueue { return &f.data.(*timerfd).changed }

func (timerfdOps) fdName(*File) string { return "anon_inode:[timerfd]" }

func (timerfdOps) fdInfo(f *File) string {
	tf := f.data.(*timerfd)
	tf.mu.Lock()
	defer tf.mu.Unlock()
	s := tf.current()
	pair := func(d time.Duration) string { return fmt.Sprintf("(%d, %d)", d/time.Second, d%time.Second) }
	return fmt.Sprintf("clockid: %d\nticks: %d\nsettime flags: 0%o\nit_value: %s\nit_interval: %s\n",
		tf.clock, tf.ticks, tf.flags, pair(s.value), pair(s.interval))
}

func (timerfdOps) read(t *Task, f *File, b []byte) (int, abi.Errno) {
	if len(b) < 8 {
		return 0, abi.EINVAL
	}
	tf := f.data.(*timerfd)
	n, e := tf.take()
	if n == 0 && e == 0 {
		if f.nonblock() {
			return 0, abi.EAGAIN
		}
		if e := t.waitOn(&tf.changed, forever, func() bool { n, e = tf.take(); return n != 0 || e != 0 }); e != 0 {
			return 0, e
		}
	}
	if e != 0 {
		return 0, e
	}
	put64(b, n)
	return 8, 0
}

func (timerfdOps) poll(_ *Task, f *File) host.Ready {
	tf := f.data.(*timerfd)
	tf.mu.Lock()
	defer tf.mu.Unlock()
	return host.Ready{In: tf.ticks > 0}
}

func (timerfdOps) close(f *File) {
	tf := f.data.(*timerfd)
	tf.mu.Lock()
	tf.time.armed = false
	tf.mu.Unlock()
	tf.p.timers.cancel(&tf.alarm)
}
