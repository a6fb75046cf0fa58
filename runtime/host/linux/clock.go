//go:build linux

package linuxhost

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"bee/runtime/host"
)

// Clock reads Linux's clocks.
type Clock struct{}

var _ host.Clock = Clock{}

func now(id int32) time.Duration {
	var ts unix.Timespec
	_ = unix.ClockGettime(id, &ts) // fails for clocks that do not exist
	return time.Duration(ts.Nano())
}

// Realtime is CLOCK_REALTIME.
func (Clock) Realtime() time.Duration { return now(unix.CLOCK_REALTIME) }

// Monotonic is CLOCK_MONOTONIC.
func (Clock) Monotonic() time.Duration { return now(unix.CLOCK_MONOTONIC) }

// ProcessCPU is getrusage's.
func (Clock) ProcessCPU() (user, system time.Duration) { return usage(unix.RUSAGE_SELF) }

// ThreadCPU is getrusage's.
func (Clock) ThreadCPU() (user, system time.Duration) { return usage(unix.RUSAGE_THREAD) }

// ThreadClock reads the calling thread's processor time later; the kernel has
// a clock for each thread (clock_getcpuclockid(3)), which does not tell user
// time apart.
func (Clock) ThreadClock() (read func() (user, system time.Duration), stop func()) {
	id := int32(^unix.Gettid()<<3 | 4 | 2) // of a thread, what the scheduler has counted
	return func() (user, system time.Duration) { return now(id), 0 }, func() {}
}

func usage(who int) (user, system time.Duration) {
	var r unix.Rusage
	_ = unix.Getrusage(who, &r)
	return time.Duration(r.Utime.Nano()), time.Duration(r.Stime.Nano())
}

// Sleep waits on a timer.
func (Clock) Sleep(d time.Duration, cancel <-chan struct{}) bool {
	if d <= 0 {
		runtime.Gosched()
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-cancel:
		return false
	}
}
