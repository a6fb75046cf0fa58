package kernel

import (
	"math"
	"time"

	"bee/runtime/abi"
)

// epollMost is how many events a call may ask for (Linux: EP_MAX_EVENTS).
const epollMost = math.MaxInt32 / abi.SizeofAMD64EpollEvent

func sysEpollWait(t *Task, a Args) (uint64, abi.Errno) {
	return t.epollCall(a, milliseconds(a[3]), noMask)
}

func sysEpollPwait(t *Task, a Args) (uint64, abi.Errno) {
	return t.epollCall(a, milliseconds(a[3]), maskArg{a[4], a[5]})
}

func sysEpollPwait2(t *Task, a Args) (uint64, abi.Errno) {
	d := time.Duration(-1)
	if a[3] != 0 {
		var e abi.Errno
		if d, e = t.readTimespec64(a[3]); e != 0 {
			return 0, e
		}
	}
	return t.epollCall(a, d, maskArg{a[4], a[5]})
}

// milliseconds is the timeout of poll and epoll_wait.
func milliseconds(v uint64) time.Duration {
	ms := int32(v)
	if ms < 0 {
		return -1
	}
	return time.Duration(ms) * time.Millisecond
}

// maskArg is a mask of signals as calls that wait take it: an address, 0 for
// none, and a size.
type maskArg struct{ addr, size uint64 }

var noMask = maskArg{}

// begin sets the mask for the wait of a call. Its end is t.waited.
func (m maskArg) begin(t *Task) abi.Errno {
	if m.addr == 0 {
		return 0
	}
	if m.size != 8 {
		return abi.EINVAL
	}
	set, e := t.ReadUint64(m.addr)
	if e == 0 {
		t.waitMask(set)
	}
	return e
}

// waited ends the mask of a call's wait, unless a signal is to be delivered
// under it first: then SyscallExit does so.
func (t *Task) waited(e abi.Errno) {
	if e < firstRestartErrno || e > lastRestartErrno {
		t.restoreMask()
	}
}

func (t *Task) epollCall(a Args, timeout time.Duration, mask maskArg) (uint64, abi.Errno) {
	if e := mask.begin(t); e != 0 {
		return 0, e
	}
	n, e := t.epollWait(a[0], a[1], int32(a[2]), timeout)
	t.waited(e)
	return uint64(n), e
}

func (t *Task) epollWait(fd, addr uint64, most int32, timeout time.Duration) (int, abi.Errno) {
	if most <= 0 || most > epollMost {
		return 0, abi.EINVAL
	}
	f, e := t.file(fd)
	if e != 0 {
		return 0, e
	}
	defer t.proc.files.put(f)
	ep, ok := f.data.(*epoll)
	if !ok {
		return 0, abi.EINVAL
	}
	n, e := ep.collect(t, addr, int(most))
	if n > 0 || e != 0 || timeout == 0 {
		return n, e
	}
	deadline := t.deadline(timeout)
	var s sleeper
	s.enter(t, &ep.queue)
	defer func() {
		s.w.remove()
		if s.told.Load() && ep.more() { // what it was told of is for another one
			ep.queue.wakeFor(abi.POLLIN)
		}
	}()
	var ask asking
	end := abi.Errno(0)
	for {
		s.told.Store(false)
		n, e := ep.collect(t, addr, int(most))
		switch {
		case n > 0 || e != 0:
			return n, e
		case end == abi.ETIMEDOUT:
			return 0, 0
		case end != 0:
			return 0, t.restartable(deadline)
		}
		until := deadline
		if ep.asks() {
			until = ask.until(t, deadline)
		}
		if end = t.park(until); end == abi.ETIMEDOUT && until < deadline {
			end = 0
		}
	}
}

// more tells whether there are items to look at.
func (ep *epoll) more() bool {
	ep.readyMu.Lock()
	defer ep.readyMu.Unlock()
	return ep.ready.n > 0
}

// collect writes up to most events of files that have something to tell at
// addr. A file that goes on to have it is put behind the others, so that all
// come to their turn.
func (ep *epoll) collect(t *Task, addr uint64, most int) (n int, e abi.Errno) {
	ep.mu.Lock()
	defer ep.mu.Unlock()
	ep.ask(t)
	ep.readyMu.Lock()
	left := ep.ready.n
	ep.readyMu.Unlock()
	for ; left > 0 && n < most; left-- {
		ep.readyMu.Lock()
		i := ep.ready.head
		if i != nil {
			ep.ready.remove(i)
		}
		ep.readyMu.Unlock()
		if i == nil {
			break
		}
		events := i.current(t)
		if events == 0 {
			continue
		}
		var b [abi.SizeofAMD64EpollEvent]byte
		put32(b[:], events)
		copy(b[4:], i.data[:])
		if e := t.CopyOut(addr+uint64(n)*uint64(len(b)), b[:]); e != 0 {
			ep.readyMu.Lock()
			ep.ready.pushFront(i)
			ep.readyMu.Unlock()
			if n == 0 {
				return 0, e
			}
			break
		}
		n++
		switch {
		case i.events&epollOneShot != 0:
			i.events &= epollPrivate
		case i.events&epollET == 0:
			ep.readyMu.Lock()
			ep.ready.push(i)
			ep.readyMu.Unlock()
		}
	}
	if n > 0 && ep.more() {
		ep.queue.wakeFor(abi.POLLIN)
	}
	return n, 0
}

// asks tells whether there are files to ask, below other epolls too.
func (ep *epoll) asks() bool {
	ep.mu.Lock()
	defer ep.mu.Unlock()
	if ep.unheard == 0 {
		return false
	}
	for _, i := range ep.items {
		if i.unheard && i.key.file.asked() {
			return true
		}
	}
	return false
}

// ask looks at the files that do not tell of their changes. For EPOLLET an
// event is one when it was not there the last time, or when the program has
// used the file since. ep.mu is held.
func (ep *epoll) ask(t *Task) {
	if ep.unheard == 0 {
		return
	}
	for _, i := range ep.items {
		if !i.unheard {
			continue
		}
		f := i.key.file
		if !f.asked() {
			continue
		}
		used := f.used.Load()
		if used != i.used {
			i.used, i.told = used, 0
		}
		now := i.current(t)
		if i.events&epollET == 0 && now != 0 || now&^i.told != 0 {
			i.changed()
		}
		i.told = now
	}
}
