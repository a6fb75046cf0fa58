package kernel

import (
	"encoding/binary"
	"time"

	"bee/image"
	"bee/runtime/abi"
)

const (
	clockTick   = time.Second / 100 // what times(2) counts in (USER_HZ)
	coarseClock = 4 * time.Millisecond
)

func timeCalls() []Call {
	return []Call{
		{Name: "time", Handler: sysTime, Support: Full},
		{Name: "gettimeofday", Handler: sysGettimeofday, Support: Full},
		{Name: "settimeofday", Handler: sysNotPermitted, Support: Full},
		{Name: "stime", Handler: sysNotPermitted, Support: Full, Arch: image.I386},
		{Name: "adjtimex", Handler: sysNotPermitted, Support: Partial, Note: "answers EPERM, reading included"},
		{Name: "clock_gettime", Handler: clockCall((*Task).writeTimespec, clockNow), Support: Full},
		{Name: "clock_gettime64", Handler: clockCall((*Task).writeTimespec64, clockNow), Support: Full, Arch: image.I386},
		{Name: "clock_getres", Handler: clockCall((*Task).writeTimespec, clockRes), Support: Full},
		{Name: "clock_getres_time64", Handler: clockCall((*Task).writeTimespec64, clockRes), Support: Full, Arch: image.I386},
		{Name: "clock_settime", Handler: sysNotPermitted, Support: Full},
		{Name: "clock_settime64", Handler: sysNotPermitted, Support: Full, Arch: image.I386},
		{Name: "nanosleep", Handler: sysNanosleep, Support: Full},
		{Name: "clock_nanosleep", Handler: sleepCall((*Task).readTimespec), Support: Full},
		{Name: "clock_nanosleep_time64", Handler: sleepCall((*Task).readTimespec64), Support: Full, Arch: image.I386},
		{Name: "times", Handler: sysTimes, Support: Full},
		{Name: "getrusage", Handler: sysGetrusage, Support: Partial, Note: "times only"},
	}
}

func sysNotPermitted(*Task, Args) (uint64, abi.Errno) { return 0, abi.EPERM }

// readTimespec reads a struct timespec of the guest's width.
func (t *Task) readTimespec(addr uint64) (time.Duration, abi.Errno) {
	if t.is64() {
		return t.readTimespec64(addr)
	}
	m, err := t.Bytes(addr, abi.SizeofI386Timespec, false)
	if err != 0 {
		return 0, err
	}
	return duration(int64(int32(binary.LittleEndian.Uint32(m))), int64(int32(binary.LittleEndian.Uint32(m[4:]))))
}

// readTimespec64 reads a struct __kernel_timespec. IA-32 programs may leave
// rubbish in the upper half of the nanoseconds, which Linux ignores.
func (t *Task) readTimespec64(addr uint64) (time.Duration, abi.Errno) {
	m, err := t.Bytes(addr, abi.SizeofI386Timespec64, false)
	if err != 0 {
		return 0, err
	}
	ns := int64(binary.LittleEndian.Uint64(m[8:]))
	if !t.is64() {
		ns = int64(int32(ns))
	}
	return duration(int64(binary.LittleEndian.Uint64(m)), ns)
}

// duration joins seconds and nanoseconds; what is longer than a Duration can
// hold is cut, since nobody lives to see the difference.
func duration(sec, nsec int64) (time.Duration, abi.Errno) {
	if sec < 0 || nsec < 0 || nsec >= 1e9 {
		return 0, abi.EINVAL
	}
	const limit = 1 << 33 // seconds; 272 years
	return time.Duration(min(sec, limit))*time.Second + time.Duration(nsec), 0
}

func (t *Task) writeTimespec(addr uint64, d time.Duration) abi.Errno {
	if t.is64() {
		return t.writeTimespec64(addr, d)
	}
	m, err := t.Bytes(addr, abi.SizeofI386Timespec, true)
	if err != 0 {
		return err
	}
	binary.LittleEndian.PutUint32(m, uint32(d/time.Second))
	binary.LittleEndian.PutUint32(m[4:], uint32(d%time.Second))
	return 0
}

func (t *Task) writeTimespec64(addr uint64, d time.Duration) abi.Errno {
	m, err := t.Bytes(addr, abi.SizeofI386Timespec64, true)
	if err != 0 {
		return err
	}
	binary.LittleEndian.PutUint64(m, uint64(d/time.Second))
	binary.LittleEndian.PutUint64(m[8:], uint64(d%time.Second))
	return 0
}

// putTimeval encodes a struct timeval of the guest's width.
func (t *Task) putTimeval(m []byte, d time.Duration) {
	sec, usec := uint64(d/time.Second), uint64(d%time.Second/time.Microsecond)
	if t.is64() {
		binary.LittleEndian.PutUint64(m, sec)
		binary.LittleEndian.PutUint64(m[8:], usec)
		return
	}
	binary.LittleEndian.PutUint32(m, uint32(sec))
	binary.LittleEndian.PutUint32(m[4:], uint32(usec))
}

// clockNow reads a clock by its id.
func clockNow(t *Task, id int32) (time.Duration, bool) {
	c := t.proc.clock
	switch id {
	case abi.CLOCK_REALTIME, abi.CLOCK_REALTIME_ALARM, abi.CLOCK_TAI:
		return c.Realtime(), true
	case abi.CLOCK_REALTIME_COARSE:
		return c.Realtime().Truncate(coarseClock), true
	case abi.CLOCK_MONOTONIC, abi.CLOCK_MONOTONIC_RAW, abi.CLOCK_BOOTTIME, abi.CLOCK_BOOTTIME_ALARM:
		return c.Monotonic(), true
	case abi.CLOCK_MONOTONIC_COARSE:
		return c.Monotonic().Truncate(coarseClock), true
	case abi.CLOCK_PROCESS_CPUTIME_ID:
		return sum(c.ProcessCPU()), true
	case abi.CLOCK_THREAD_CPUTIME_ID:
		return sum(c.ThreadCPU()), true
	}
	if id >= 0 || id&3 == 3 {
		return 0, false
	}
	// The clock of a process or thread: its number inverted above three bits
	// that say which of its clocks; 3 in the lowest two is the clock of a
	// device.
	who := ^(id >> 3)
	switch {
	case id&4 != 0 && (who == 0 || int(who) == t.tid):
		return sum(c.ThreadCPU()), true
	case id&4 == 0 && (who == 0 || int(who) == t.proc.pid):
		return sum(c.ProcessCPU()), true
	}
	return 0, false
}

func clockRes(t *Task, id int32) (time.Duration, bool) {
	switch id {
	case abi.CLOCK_REALTIME_COARSE, abi.CLOCK_MONOTONIC_COARSE:
		return coarseClock, true
	}
	_, ok := clockNow(t, id)
	return 1, ok
}

func sum(user, system time.Duration) time.Duration { return user + system }

func clockCall(write func(*Task, uint64, time.Duration) abi.Errno, read func(*Task, int32) (time.Duration, bool)) Handler {
	return func(t *Task, a Args) (uint64, abi.Errno) {
		d, ok := read(t, int32(a[0]))
		if !ok {
			return 0, abi.EINVAL
		}
		if a[1] == 0 {
			// clock_getres may be asked whether a clock exists.
			if d == 1 || d == coarseClock {
				return 0, 0
			}
			return 0, abi.EFAULT
		}
		return 0, write(t, a[1], d)
	}
}

func sysTime(t *Task, a Args) (uint64, abi.Errno) {
	sec := uint64(t.proc.clock.Realtime() / time.Second)
	if !t.is64() {
		sec = uint64(uint32(sec))
	}
	if a[0] != 0 {
		return sec, t.WritePtr(a[0], sec)
	}
	return sec, 0
}

func sysGettimeofday(t *Task, a Args) (uint64, abi.Errno) {
	if a[0] != 0 {
		m, err := t.Bytes(a[0], uint64(2*t.ptrSize()), true)
		if err != 0 {
			return 0, err
		}
		t.putTimeval(m, t.proc.clock.Realtime())
	}
	if a[1] != 0 {
		return 0, t.CopyOut(a[1], make([]byte, abi.SizeofI386Timezone))
	}
	return 0, 0
}

func sysNanosleep(t *Task, a Args) (uint64, abi.Errno) {
	d, err := t.readTimespec(a[0])
	if err == 0 {
		t.sleep(d)
	}
	return 0, err
}

func sleepCall(read func(*Task, uint64) (time.Duration, abi.Errno)) Handler {
	return func(t *Task, a Args) (uint64, abi.Errno) {
		id := int32(a[0])
		now, ok := clockNow(t, id)
		if !ok || id == abi.CLOCK_THREAD_CPUTIME_ID {
			return 0, abi.EINVAL
		}
		d, err := read(t, a[2])
		if err != 0 {
			return 0, err
		}
		if uint32(a[1])&abi.TIMER_ABSTIME != 0 {
			d = max(d-now, 0)
		}
		t.sleep(d)
		return 0, 0
	}
}

func sysTimes(t *Task, a Args) (uint64, abi.Errno) {
	if a[0] != 0 {
		user, system := t.proc.clock.ProcessCPU()
		w := uint64(t.ptrSize())
		for i, d := range []time.Duration{user, system, 0, 0} {
			if err := t.WritePtr(a[0]+uint64(i)*w, uint64(d/clockTick)); err != 0 {
				return 0, err
			}
		}
	}
	ticks := uint64(t.proc.clock.Monotonic() / clockTick)
	if !t.is64() {
		ticks &= 0x7fffffff // must not look like an error
	}
	return ticks, 0
}

func sysGetrusage(t *Task, a Args) (uint64, abi.Errno) {
	var user, system time.Duration
	switch int32(a[0]) {
	case abi.RUSAGE_SELF:
		user, system = t.proc.clock.ProcessCPU()
	case abi.RUSAGE_CHILDREN:
	case abi.RUSAGE_THREAD:
		user, system = t.proc.clock.ThreadCPU()
	default:
		return 0, abi.EINVAL
	}
	size, stime, rss := abi.SizeofI386Rusage, abi.I386RusageStime, abi.I386RusageMaxrss
	if t.is64() {
		size, stime, rss = abi.SizeofAMD64Rusage, abi.AMD64RusageStime, abi.AMD64RusageMaxrss
	}
	b := make([]byte, size)
	t.putTimeval(b, user)
	t.putTimeval(b[stime:], system)
	if int32(a[0]) != abi.RUSAGE_CHILDREN {
		_, committed := t.proc.as.Usage()
		binary.LittleEndian.PutUint32(b[rss:], uint32(committed>>10))
	}
	return 0, t.CopyOut(a[1], b)
}
