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
		{Name: "settimeofday", Handler: sysSettimeofday, Support: Full},
		{Name: "stime", Handler: sysStime, Support: Full, Arch: image.I386},
		{Name: "adjtimex", Handler: adjtimex(false), Support: Full},
		{Name: "clock_adjtime", Handler: clockAdjtime(false), Support: Full},
		{Name: "clock_adjtime64", Handler: clockAdjtime(true), Support: Full, Arch: image.I386},
		{Name: "clock_gettime", Handler: clockGettime((*Task).writeTimespec), Support: Full},
		{Name: "clock_gettime64", Handler: clockGettime((*Task).writeTimespec64), Support: Full, Arch: image.I386},
		{Name: "clock_getres", Handler: clockGetres((*Task).writeTimespec), Support: Full},
		{Name: "clock_getres_time64", Handler: clockGetres((*Task).writeTimespec64), Support: Full, Arch: image.I386},
		{Name: "clock_settime", Handler: clockSettime((*Task).timespecAt), Support: Full},
		{Name: "clock_settime64", Handler: clockSettime((*Task).timespec64At), Support: Full, Arch: image.I386},
		{Name: "nanosleep", Handler: sysNanosleep, Support: Full},
		{Name: "clock_nanosleep", Handler: sleepCall((*Task).readTimespec, (*Task).writeTimespec), Support: Full},
		{Name: "clock_nanosleep_time64", Handler: sleepCall((*Task).readTimespec64, (*Task).writeTimespec64), Support: Full, Arch: image.I386},
		{Name: "times", Handler: sysTimes, Support: Full},
		{Name: "getrusage", Handler: sysGetrusage, Support: Partial, Note: "CPU time, memory and page faults; Windows does not count the rest"},
	}
}

// sysNotPermitted answers what only an administrator may do.
func sysNotPermitted(*Task, Args) (uint64, abi.Errno) { return 0, abi.EPERM }

// readTimespec reads a struct timespec of the guest's width.
func (t *Task) readTimespec(addr uint64) (time.Duration, abi.Errno) {
	sec, nsec, err := t.timespecAt(addr)
	if err != 0 {
		return 0, err
	}
	return duration(sec, nsec)
}

// readTimespec64 reads a struct __kernel_timespec.
func (t *Task) readTimespec64(addr uint64) (time.Duration, abi.Errno) {
	sec, nsec, err := t.timespec64At(addr)
	if err != 0 {
		return 0, err
	}
	return duration(sec, nsec)
}

// timespecAt reads the two numbers of a struct timespec as they are.
func (t *Task) timespecAt(addr uint64) (sec, nsec int64, err abi.Errno) {
	if t.is64() {
		return t.timespec64At(addr)
	}
	m, err := t.Bytes(addr, abi.SizeofI386Timespec, false)
	if err != 0 {
		return 0, 0, err
	}
	return int64(int32(binary.LittleEndian.Uint32(m))), int64(int32(binary.LittleEndian.Uint32(m[4:]))), 0
}

// timespec64At reads those of a struct __kernel_timespec. IA-32 programs may
// leave rubbish in the upper half of the nanoseconds, which Linux ignores.
func (t *Task) timespec64At(addr uint64) (sec, nsec int64, err abi.Errno) {
	m, err := t.Bytes(addr, abi.SizeofI386Timespec64, false)
	if err != 0 {
		return 0, 0, err
	}
	sec, nsec = int64(binary.LittleEndian.Uint64(m)), int64(binary.LittleEndian.Uint64(m[8:]))
	if !t.is64() {
		nsec = int64(int32(nsec))
	}
	return sec, nsec, 0
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

// cpuClock takes the id of a process's or thread's clock apart. The number of
// the process or thread is inverted above three bits: bit 2 for a thread, the
// lower two for what counts (0 user and system, 1 user, 2 the scheduler's sum;
// 3 is the clock of a device). who is 0 for the caller.
func cpuClock(id int32) (who int32, thread bool, which int32, ok bool) {
	switch {
	case id == abi.CLOCK_PROCESS_CPUTIME_ID:
		return 0, false, 2, true
	case id == abi.CLOCK_THREAD_CPUTIME_ID:
		return 0, true, 2, true
	case id >= 0 || id&3 == 3:
		return 0, false, 0, false
	}
	return ^(id >> 3), id&4 != 0, id & 3, true
}

// readCPUClock reads such a clock; false if there is no such process, or the
// thread is another one of it.
func (t *Task) readCPUClock(id int32) (time.Duration, bool) {
	who, thread, which, ok := cpuClock(id)
	c := t.proc.clock
	var user, system time.Duration
	switch {
	case !ok:
		return 0, false
	case thread && (who == 0 || int(who) == t.tid):
		user, system = c.ThreadCPU()
	case !thread && (who == 0 || int(who) == t.proc.pid):
		user, system = c.ProcessCPU()
	default:
		return 0, false
	}
	if which == 1 {
		return user, true
	}
	return user + system, true
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
	}
	return t.readCPUClock(id)
}

// clockRes tells a clock's resolution.
func clockRes(t *Task, id int32) (time.Duration, bool) {
	switch id {
	case abi.CLOCK_REALTIME_COARSE, abi.CLOCK_MONOTONIC_COARSE:
		return coarseClock, true
	}
	_, ok := clockNow(t, id)
	if _, _, which, cpu := cpuClock(id); ok && cpu && which != 2 {
		return coarseClock, true
	}
	return 1, ok
}

func clockGettime(write func(*Task, uint64, time.Duration) abi.Errno) Handler {
	return func(t *Task, a Args) (uint64, abi.Errno) {
		d, ok := clockNow(t, int32(a[0]))
		if !ok {
			return 0, abi.EINVAL
		}
		return 0, write(t, a[1], d)
	}
}

func clockGetres(write func(*Task, uint64, time.Duration) abi.Errno) Handler {
	return func(t *Task, a Args) (uint64, abi.Errno) {
		d, ok := clockRes(t, int32(a[0]))
		if !ok {
			return 0, abi.EINVAL
		}
		if a[1] == 0 { // the question was whether the clock exists
			return 0, 0
		}
		return 0, write(t, a[1], d)
	}
}

// clockSettime refuses, for the reason that Linux finds first.
func clockSettime(read func(*Task, uint64) (sec, nsec int64, err abi.Errno)) Handler {
	return func(t *Task, a Args) (uint64, abi.Errno) {
		id := int32(a[0])
		if id > 0 { // even those of processor time, which have a number of their own
			return 0, abi.EINVAL
		}
		sec, nsec, err := read(t, a[1])
		if err != 0 {
			return 0, err
		}
		if id < 0 {
			if _, ok := t.readCPUClock(id); !ok {
				return 0, abi.EINVAL
			}
		} else if sec < 0 || nsec < 0 || nsec >= 1e9 {
			return 0, abi.EINVAL
		}
		return 0, abi.EPERM
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

func sysSettimeofday(t *Task, a Args) (uint64, abi.Errno) {
	if a[0] != 0 {
		sec, usec, err := t.timespecAt(a[0])
		switch {
		case err != 0:
			return 0, err
		case usec < 0 || usec >= 1e6 || sec < 0:
			return 0, abi.EINVAL
		}
	}
	if a[1] != 0 {
		if _, err := t.Bytes(a[1], abi.SizeofI386Timezone, false); err != 0 {
			return 0, err
		}
	}
	return 0, abi.EPERM
}

func sysStime(t *Task, a Args) (uint64, abi.Errno) {
	if _, err := t.ReadUint32(a[0]); err != 0 {
		return 0, err
	}
	return 0, abi.EPERM
}

func sleepCall(read func(*Task, uint64) (time.Duration, abi.Errno), write func(*Task, uint64, time.Duration) abi.Errno) Handler {
	return func(t *Task, a Args) (uint64, abi.Errno) {
		id := int32(a[0])
		absolute := uint32(a[1])&abi.TIMER_ABSTIME != 0
		switch id {
		case abi.CLOCK_THREAD_CPUTIME_ID, abi.CLOCK_MONOTONIC_RAW, abi.CLOCK_REALTIME_COARSE, abi.CLOCK_MONOTONIC_COARSE:
			return 0, abi.EOPNOTSUPP
		case abi.CLOCK_REALTIME_ALARM, abi.CLOCK_BOOTTIME_ALARM:
			return 0, abi.EPERM // they wake the machine, which is a privilege
		}
		who, thread, _, cpu := cpuClock(id)
		now, ok := clockNow(t, id)
		if !ok && !cpu {
			return 0, abi.EINVAL
		}
		d, err := read(t, a[2])
		if err != 0 {
			return 0, err
		}
		if !ok || cpu && thread && (who == 0 || int(who) == t.tid) {
			return 0, abi.EINVAL // nobody, or a thread that waits for its own work
		}
		if cpu {
			if !absolute {
				d += now
			}
			return 0, t.sleepForCPU(id, d)
		}
		if absolute {
			return 0, t.sleepForClock(id, d)
		}
		return t.nap(d, a[3], write)
	}
}

// sleepForClock waits until a clock shows a time, also where it is set meanwhile.
// The same call again waits for the same time.
func (t *Task) sleepForClock(id int32, until time.Duration) abi.Errno {
	wall := id == abi.CLOCK_REALTIME || id == abi.CLOCK_TAI
	for {
		now, _ := clockNow(t, id)
		left := until - now
		if left <= 0 {
			return 0
		}
		if wall {
			left = min(left, wallLook)
		}
		if t.sleep(left) != 0 {
			return errRestartNoHand
		}
	}
}

// sleepForCPU waits until a clock of processor time has come so far. All
// processors together make it go that many times faster than the wall's.
func (t *Task) sleepForCPU(id int32, until time.Duration) abi.Errno {
	for {
		now, ok := clockNow(t, id)
		if !ok || now >= until {
			return 0
		}
		if t.sleep(max((until-now)/time.Duration(max(t.proc.info().CPUs, 1)), time.Millisecond)) != 0 {
			return errRestartNoHand
		}
	}
}
