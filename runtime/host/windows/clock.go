//go:build windows

package winhost

import (
	"math/bits"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"bee/runtime/host"
)

// Clock reads the performance counter and the precise system time: Go's own
// time.Now has the granularity of the timer interrupt on Windows.
type Clock struct {
	frequency uint64 // ticks a second
}

var _ host.Clock = (*Clock)(nil)

var (
	kernel32                    = windows.NewLazySystemDLL("kernel32.dll")
	procQueryPerformanceCounter = kernel32.NewProc("QueryPerformanceCounter")
	procQueryPerformanceFreq    = kernel32.NewProc("QueryPerformanceFrequency")
	procPreciseTime             = kernel32.NewProc("GetSystemTimePreciseAsFileTime")
	procGetThreadTimes          = kernel32.NewProc("GetThreadTimes")
)

// NewClock asks for the counter's frequency, which is fixed at boot.
func NewClock() *Clock {
	c := &Clock{}
	procQueryPerformanceFreq.Call(uintptr(unsafe.Pointer(&c.frequency)))
	if c.frequency == 0 {
		c.frequency = 1
	}
	return c
}

// Realtime is GetSystemTimePreciseAsFileTime.
func (c *Clock) Realtime() time.Duration {
	var ft windows.Filetime
	procPreciseTime.Call(uintptr(unsafe.Pointer(&ft)))
	return time.Duration(ft.Nanoseconds())
}

// Monotonic is the performance counter, which starts near boot.
func (c *Clock) Monotonic() time.Duration {
	var ticks uint64
	procQueryPerformanceCounter.Call(uintptr(unsafe.Pointer(&ticks)))
	hi, lo := bits.Mul64(ticks, uint64(time.Second))
	q, _ := bits.Div64(hi%c.frequency, lo, c.frequency)
	return time.Duration(q)
}

// ProcessCPU is GetProcessTimes.
func (c *Clock) ProcessCPU() (user, system time.Duration) {
	var created, exited, k, u windows.Filetime
	if windows.GetProcessTimes(windows.CurrentProcess(), &created, &exited, &k, &u) != nil {
		return 0, 0
	}
	return ticks100(u), ticks100(k)
}

// ThreadCPU is GetThreadTimes.
func (c *Clock) ThreadCPU() (user, system time.Duration) {
	return threadTimes(windows.CurrentThread())
}

func threadTimes(thread windows.Handle) (user, system time.Duration) {
	var created, exited, k, u windows.Filetime
	r, _, _ := procGetThreadTimes.Call(uintptr(thread),
		uintptr(unsafe.Pointer(&created)), uintptr(unsafe.Pointer(&exited)),
		uintptr(unsafe.Pointer(&k)), uintptr(unsafe.Pointer(&u)))
	if r == 0 {
		return 0, 0
	}
	return ticks100(u), ticks100(k)
}

// ThreadClock reads the calling thread's processor time later, on any thread.
func (c *Clock) ThreadClock() (read func() (user, system time.Duration), stop func()) {
	var h windows.Handle
	self := windows.CurrentProcess()
	if windows.DuplicateHandle(self, windows.CurrentThread(), self, &h, 0, false, windows.DUPLICATE_SAME_ACCESS) != nil {
		return nil, nil
	}
	return func() (user, system time.Duration) { return threadTimes(h) }, func() { _ = windows.CloseHandle(h) }
}

// ticks100 turns a span in units of 100 ns into a duration.
func ticks100(ft windows.Filetime) time.Duration {
	return time.Duration(uint64(ft.HighDateTime)<<32|uint64(ft.LowDateTime)) * 100
}

// Sleep waits for d or until cancel is readable. Go's timers follow a coarser
// clock and may end up to a tick of it too early: what is left then is waited
// for again.
func (c *Clock) Sleep(d time.Duration, cancel <-chan struct{}) bool {
	start := c.Monotonic()
	t := time.NewTimer(d)
	defer t.Stop()
	for {
		select {
		case <-t.C:
		case <-cancel:
			return false
		}
		left := d - (c.Monotonic() - start)
		if left <= 0 {
			return true
		}
		t.Reset(left)
	}
}
