package kernel

import (
	"encoding/binary"
	"testing"
	"time"

	"bee/runtime/abi"
)

// spec makes a struct itimerspec of the guest's width.
func (b *box) spec(interval, value time.Duration) []byte {
	var m []byte
	for _, d := range []time.Duration{interval, value} {
		if b.task.is64() {
			m = binary.LittleEndian.AppendUint64(m, uint64(d/time.Second))
			m = binary.LittleEndian.AppendUint64(m, uint64(d%time.Second))
		} else {
			m = binary.LittleEndian.AppendUint32(m, uint32(d/time.Second))
			m = binary.LittleEndian.AppendUint32(m, uint32(d%time.Second))
		}
	}
	return m
}

// block holds signals back.
func (b *box) block(sigs ...abi.Signal) {
	b.Helper()
	mask := uint64(0)
	for _, s := range sigs {
		mask |= sigBit(s)
	}
	b.must("rt_sigprocmask", abi.SIG_BLOCK, binary.LittleEndian.AppendUint64(nil, mask), 0, 8)
}

func TestTimerfdNeverEarly(t *testing.T) {
	bothArchs(t, func(b *box) {
		for _, clock := range []int{abi.CLOCK_MONOTONIC, abi.CLOCK_REALTIME} {
			fd := b.must("timerfd_create", clock, 0)
			for range 20 {
				const d = 2 * time.Millisecond
				start := b.task.proc.clock.Monotonic()
				b.must("timerfd_settime", fd, 0, b.spec(0, d), 0)
				if s := b.read(fd, 8); s != "\x01\x00\x00\x00\x00\x00\x00\x00" {
					b.Fatalf("expired %q times", s)
				}
				if got := b.task.proc.clock.Monotonic() - start; clock == abi.CLOCK_MONOTONIC && got < d {
					b.Fatalf("after %v", got)
				}
			}
			b.must("timerfd_settime", fd, 0, b.spec(time.Millisecond, time.Nanosecond), 0)
			total := uint64(0)
			for total < 10 {
				total += le64([]byte(b.read(fd, 8)))
			}
			b.must("close", fd)
		}
	})
}

func TestSignalfdTakesTimer(t *testing.T) {
	bothArchs(t, func(b *box) {
		b.block(abi.SIGUSR1, abi.SIGALRM)
		mask := binary.LittleEndian.AppendUint64(nil, sigBit(abi.SIGUSR1)|sigBit(abi.SIGALRM))
		sfd := b.must("signalfd4", -1, mask, 8, 0)
		ep := b.must("epoll_create1", 0)
		b.must("epoll_ctl", ep, abi.EPOLL_CTL_ADD, sfd, epollEvent(abi.POLLIN, 3))
		b.wantEvents(ep)
		b.must("alarm", 100)
		if left := b.must("alarm", 0); left != 100 {
			b.Error("left of alarm", left)
		}
		ev := make([]byte, 64)
		if b.task.is64() {
			put64(ev, 0x1234)
			put32(ev[8:], abi.SIGUSR1)
		} else {
			put32(ev, 0x1234)
			put32(ev[4:], abi.SIGUSR1)
		}
		idAt := b.put(make([]byte, 4))
		b.must("timer_create", abi.CLOCK_MONOTONIC, ev, idAt)
		id32, _ := b.task.ReadUint32(idAt)
		id := uint64(id32)
		b.must("timer_settime", id, 0, b.spec(time.Millisecond, time.Millisecond), 0)
		b.must("epoll_wait", ep, b.put(make([]byte, 12)), 1, -1)
		_ = b.task.sleep(20 * time.Millisecond)
		s := []byte(b.read(sfd, 128)) // a second one may be there already
		if len(s) != 128 || le32(s) != abi.SIGUSR1 || int32(le32(s[8:])) != abi.SI_TIMER || le64(s[48:]) != 0x1234 {
			b.Fatalf("signal %x", s)
		}
		over := uint64(le32(s[abi.I386SignalfdSiginfoOverrun:]))
		if got := b.must("timer_getoverrun", id); got != over || over < 10 {
			b.Error("overruns", got, over)
		}
		b.must("timer_delete", id)
		b.want(abi.EINVAL, "timer_delete", id)
		b.wantEvents(ep)
	})
}

// TestTimersTogether has more timers than anybody could have goroutines for.
func TestTimersTogether(t *testing.T) {
	bothArchs(t, func(b *box) {
		const n = 300
		ep := b.must("epoll_create1", 0)
		for i := range n {
			fd := b.must("timerfd_create", abi.CLOCK_MONOTONIC, abi.O_NONBLOCK)
			b.must("epoll_ctl", ep, abi.EPOLL_CTL_ADD, fd, epollEvent(abi.POLLIN|epollOneShot, uint64(i)))
			b.must("timerfd_settime", fd, 0, b.spec(0, time.Duration(1+i*37%n)*100*time.Microsecond), 0)
		}
		for seen := 0; seen < n; {
			at := b.put(make([]byte, 12*16))
			seen += int(b.must("epoll_wait", ep, at, 16, -1))
		}
	})
}
