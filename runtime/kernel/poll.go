package kernel

import (
	"time"

	"bee/runtime/abi"
)

// Calls that wait for files. Whoever waits is put into the queue of each file,
// and looks again when one of them tells of a change.

// waitFiles waits until look, which counts what is ready, finds something or
// the deadline has come: 0. EINTR if a signal is to be delivered. Events are
// those that are of interest for each file; a file may be nil.
func (t *Task) waitFiles(files []*File, events []uint32, deadline time.Duration, look func() int) (int, abi.Errno) {
	waiters := make([]waiter, len(files))
	asks := false
	defer func() {
		for i := range waiters {
			waiters[i].remove()
		}
	}()
	for i, f := range files {
		if f == nil {
			continue
		}
		asks = asks || f.asked()
		if q := f.waits(); q != nil {
			waiters[i].events = events[i] | abi.POLLERR | abi.POLLHUP
			q.add(&waiters[i], t.poke)
		}
	}
	var ask asking
	end := abi.Errno(0)
	for {
		switch n := look(); {
		case n > 0 || end == abi.ETIMEDOUT:
			return n, 0
		case end != 0:
			return 0, abi.EINTR
		}
		until := deadline
		if asks {
			until = ask.until(t, deadline)
		}
		if end = t.park(until); end == abi.ETIMEDOUT && until < deadline {
			end = 0
		}
	}
}

// hold holds the descriptions of descriptors while a call waits for them.
type hold struct {
	t      *Task
	files  []*File
	events []uint32
}

// add holds one more; it is nil if there is none.
func (h *hold) add(fd int32, events uint32) *File {
	f, e := h.t.proc.files.get(fd)
	if e != 0 {
		f = nil
	}
	h.files = append(h.files, f)
	h.events = append(h.events, events)
	return f
}

func (h *hold) release() {
	for _, f := range h.files {
		if f != nil {
			h.t.proc.files.put(f)
		}
	}
}

// poll is poll(2) up to what it answers when a signal ends it: EINTR.
func (t *Task) poll(addr, count uint64, timeout, deadline time.Duration) (uint64, abi.Errno) {
	const size = 8 // of a struct pollfd: fd, events, revents
	count &= 0xffffffff
	if count > t.proc.Limit(abi.RLIMIT_NOFILE) {
		return 0, abi.EINVAL
	}
	m := make([]byte, count*size)
	if e := t.CopyIn(addr, m); e != 0 {
		return 0, e
	}
	h := hold{t: t}
	defer h.release()
	for i := range count {
		p := m[size*i:]
		fd := int32(le32(p))
		if fd < 0 {
			h.files, h.events = append(h.files, nil), append(h.events, 0)
			continue
		}
		h.add(fd, uint32(p[4])|uint32(p[5])<<8)
	}
	look := func() int {
		n := 0
		for i, f := range h.files {
			p := m[size*i:]
			r := uint32(0)
			switch {
			case f != nil:
				r = f.events(t) & (h.events[i] | abi.POLLERR | abi.POLLHUP | abi.POLLNVAL)
			case int32(le32(p)) >= 0:
				r = abi.POLLNVAL
			}
			p[6], p[7] = byte(r), byte(r>>8)
			if r != 0 {
				n++
			}
		}
		return n
	}
	n, e := look(), abi.Errno(0)
	if n == 0 && timeout != 0 {
		n, e = t.waitFiles(h.files, h.events, deadline, look)
	}
	for i := range count {
		if e := t.CopyOut(addr+size*i+6, m[size*i+6:][:2]); e != 0 {
			return 0, e
		}
	}
	return uint64(n), e
}

func sysPoll(t *Task, a Args) (uint64, abi.Errno) {
	d := milliseconds(a[2])
	deadline := t.deadline(d)
	n, e := t.poll(a[0], a[1], d, deadline)
	if e == abi.EINTR {
		e = t.restartable(deadline)
	}
	return n, e
}

// timeLeft is the timeout of a call that tells what is left of it.
type timeLeft struct {
	addr              uint64 // 0: no timeout
	timeout, deadline time.Duration
	write             func(*Task, uint64, time.Duration) abi.Errno
}

// finish writes what is left, ends the mask of the wait and tells what the
// call answers if a signal has ended it. Memory that cannot be written is no
// error, but then the call cannot go on.
func (l *timeLeft) finish(t *Task, e abi.Errno) abi.Errno {
	if e == abi.EINTR {
		e = errRestartNoHand
	}
	t.waited(e)
	if l.addr == 0 || l.timeout == 0 {
		return e
	}
	if l.write(t, l.addr, max(0, l.deadline-t.proc.clock.Monotonic())) != 0 && e == errRestartNoHand {
		if !t.Attention() {
			t.restoreMask()
		}
		return abi.EINTR
	}
	return e
}

// begin reads the timeout, which starts to run.
func (l *timeLeft) begin(t *Task, read func(*Task, uint64) (time.Duration, abi.Errno)) (e abi.Errno) {
	l.timeout = -1
	if l.addr != 0 {
		if l.timeout, e = read(t, l.addr); e != 0 {
			return e
		}
	}
	l.deadline = t.deadline(l.timeout)
	return 0
}

func ppoll(read func(*Task, uint64) (time.Duration, abi.Errno), write func(*Task, uint64, time.Duration) abi.Errno) Handler {
	return func(t *Task, a Args) (uint64, abi.Errno) {
		left := timeLeft{addr: a[2], write: write}
		if e := left.begin(t, read); e != 0 {
			return 0, e
		}
		if e := (maskArg{a[3], a[4]}).begin(t); e != 0 {
			return 0, e
		}
		n, e := t.poll(a[0], a[1], left.timeout, left.deadline)
		return n, left.finish(t, e)
	}
}

// Events that the sets of select are about (Linux: POLLIN_SET...).
var selectEvents = [3]uint32{
	abi.POLLRDNORM | abi.POLLRDBAND | abi.POLLIN | abi.POLLHUP | abi.POLLERR | abi.POLLNVAL,
	abi.POLLWRBAND | abi.POLLWRNORM | abi.POLLOUT | abi.POLLERR | abi.POLLNVAL,
	abi.POLLPRI | abi.POLLNVAL,
}

// sets is the common part of select and pselect6: three sets of bits, for
// reading, writing and urgent data.
func (t *Task) sets(count int32, addrs [3]uint64, timeout, deadline time.Duration) (uint64, abi.Errno) {
	if count < 0 {
		return 0, abi.EINVAL
	}
	// As on Linux, nobody looks at bits beyond what the table has room for.
	count = min(count, int32(max(len(*t.proc.files.slots.Load()), 256)))
	word := t.ptrSize() * 8
	size := (int(count) + word - 1) / word * word / 8
	var in, out [3][]byte
	for i, addr := range addrs {
		in[i], out[i] = make([]byte, size), make([]byte, size)
		if addr != 0 {
			if e := t.CopyIn(addr, in[i]); e != 0 {
				return 0, e
			}
		}
	}
	h := hold{t: t}
	defer h.release()
	var fds []int32
	for fd := range count {
		want := uint32(0)
		for i := range in {
			if in[i][fd/8]>>(fd%8)&1 != 0 {
				want |= selectEvents[i]
			}
		}
		if want == 0 {
			continue
		}
		if h.add(fd, want) == nil {
			return 0, abi.EBADF
		}
		fds = append(fds, fd)
	}
	look := func() int {
		n := 0
		for k, f := range h.files {
			fd := fds[k]
			r := f.events(t)
			for i := range in {
				if in[i][fd/8]>>(fd%8)&1 != 0 && r&selectEvents[i] != 0 {
					out[i][fd/8] |= 1 << (fd % 8)
					n++
				}
			}
		}
		return n
	}
	n, e := look(), abi.Errno(0)
	if n == 0 && timeout != 0 {
		n, e = t.waitFiles(h.files, h.events, deadline, look)
	}
	if e != 0 {
		return 0, e
	}
	for i, addr := range addrs {
		if addr != 0 {
			if e := t.CopyOut(addr, out[i]); e != 0 {
				return 0, e
			}
		}
	}
	return uint64(n), 0
}

func sysSelect(t *Task, a Args) (uint64, abi.Errno) {
	left := timeLeft{addr: a[4], write: (*Task).writeTimeval}
	if e := left.begin(t, (*Task).readSelectTime); e != 0 {
		return 0, e
	}
	n, e := t.sets(int32(a[0]), [3]uint64{a[1], a[2], a[3]}, left.timeout, left.deadline)
	return n, left.finish(t, e)
}

// readSelectTime reads a struct timeval whose microseconds may be more than a
// second.
func (t *Task) readSelectTime(addr uint64) (time.Duration, abi.Errno) {
	sec, usec, e := t.timespecAt(addr) // of the same layout
	switch {
	case e != 0:
		return 0, e
	case sec < 0 || usec < 0:
		return 0, abi.EINVAL
	}
	return duration(sec+usec/1e6, usec%1e6*1000)
}

// writeTimeval writes a struct timeval of the guest's width.
func (t *Task) writeTimeval(addr uint64, d time.Duration) abi.Errno {
	m, e := t.Bytes(addr, uint64(2*t.ptrSize()), true)
	if e == 0 {
		t.putTimeval(m, d)
	}
	return e
}

// sysOldSelect takes its arguments in memory.
func sysOldSelect(t *Task, a Args) (uint64, abi.Errno) {
	m, e := t.Bytes(a[0], 20, false)
	if e != 0 {
		return 0, e
	}
	var b Args
	for i := range 5 {
		b[i] = uint64(le32(m[4*i:]))
	}
	return sysSelect(t, b)
}

func pselect(read func(*Task, uint64) (time.Duration, abi.Errno), write func(*Task, uint64, time.Duration) abi.Errno) Handler {
	return func(t *Task, a Args) (uint64, abi.Errno) {
		var mask maskArg
		if a[5] != 0 { // the address and the size of the mask
			m, e := t.Bytes(a[5], uint64(2*t.ptrSize()), false)
			if e != 0 {
				return 0, e
			}
			mask = maskArg{t.word(m), t.word(m[t.ptrSize():])}
		}
		left := timeLeft{addr: a[4], write: write}
		if e := left.begin(t, read); e != 0 {
			return 0, e
		}
		if e := mask.begin(t); e != 0 {
			return 0, e
		}
		n, e := t.sets(int32(a[0]), [3]uint64{a[1], a[2], a[3]}, left.timeout, left.deadline)
		return n, left.finish(t, e)
	}
}
