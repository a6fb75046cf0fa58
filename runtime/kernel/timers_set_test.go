//go:build linux

package kernel

import (
	"sync/atomic"
	"testing"
	"time"

	"bee/image"
	"bee/runtime/abi"
	linuxhost "bee/runtime/host/linux"
)

// settableClock is a clock whose time of day is ahead by what set says.
type settableClock struct {
	linuxhost.Clock
	set *atomic.Int64
}

func (c settableClock) Realtime() time.Duration {
	return c.Clock.Realtime() + time.Duration(c.set.Load())
}

func settable(b *box) *atomic.Int64 {
	c := settableClock{set: new(atomic.Int64)}
	b.task.proc.clock, b.task.proc.timers.clock = c, c
	return c.set
}

// Waits for a time of day end soon after the clock was set beyond it.
func TestClockSetForward(t *testing.T) {
	b := newBox(t, image.AMD64)
	set := settable(b)
	at := b.task.proc.clock.Realtime() + time.Hour
	fd := b.must("timerfd_create", abi.CLOCK_REALTIME, 0)
	b.must("timerfd_settime", fd, timerfdAbsolute, b.spec(0, at), 0)
	b.block(abi.SIGALRM)
	id := b.put(make([]byte, 4))
	b.must("timer_create", abi.CLOCK_REALTIME, 0, id)
	b.must("timer_settime", 0, abi.TIMER_ABSTIME, b.spec(0, at), 0)
	time.AfterFunc(50*time.Millisecond, func() { set.Store(int64(2 * time.Hour)) })
	start := time.Now()
	b.must("clock_nanosleep", abi.CLOCK_REALTIME, abi.TIMER_ABSTIME, b.spec(0, at)[16:], 0)
	if s := b.read(fd, 8); s != "\x01\x00\x00\x00\x00\x00\x00\x00" {
		b.Errorf("expired %q times", s)
	}
	if _, e := b.task.waitSignal(sigBit(abi.SIGALRM), 10*time.Second); e != 0 {
		b.Errorf("the timer's signal: %v", e)
	}
	if d := time.Since(start); d > 8*time.Second {
		b.Errorf("after %v", d)
	}
}

// TFD_TIMER_CANCEL_ON_SET: a read tells once that the clock was set.
func TestTimerfdCanceled(t *testing.T) {
	b := newBox(t, image.AMD64)
	set := settable(b)
	far := b.task.proc.clock.Realtime() + 1000*time.Hour
	const flags = timerfdAbsolute | timerfdCancelOnSet
	fd := b.must("timerfd_create", abi.CLOCK_REALTIME, abi.O_NONBLOCK)
	other := b.must("timerfd_create", abi.CLOCK_REALTIME, abi.O_NONBLOCK)
	b.must("timerfd_settime", fd, flags, b.spec(0, far), 0)
	b.must("timerfd_settime", other, timerfdAbsolute, b.spec(0, far), 0)
	b.want(abi.EAGAIN, "read", fd, []byte("12345678"), 8)
	poll := func(fd uint64, timeout int) uint64 {
		return b.must("poll", []byte{byte(fd), 0, 0, 0, 1, 0, 0, 0}, 1, timeout)
	}
	set.Store(int64(wallStep / 2)) // no more than a correction
	if poll(fd, 2500) != 0 {
		b.Error("a correction was taken for more")
	}
	set.Store(-int64(time.Minute))
	if poll(fd, 5000) != 1 {
		b.Error("poll has seen nothing")
	}
	b.want(abi.ECANCELED, "read", fd, []byte("12345678"), 8)
	b.want(abi.EAGAIN, "read", fd, []byte("12345678"), 8)
	b.want(abi.EAGAIN, "read", other, []byte("12345678"), 8)
	set.Store(0)
	poll(fd, 5000)
	b.want(abi.ECANCELED, "timerfd_settime", fd, flags, b.spec(0, far), 0)
	b.must("timerfd_settime", fd, flags, b.spec(0, far), 0)
	b.want(abi.EAGAIN, "read", fd, []byte("12345678"), 8)
}
