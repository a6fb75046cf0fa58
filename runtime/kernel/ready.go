package kernel

import (
	"time"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// Streams of the host tell nobody when they change: Windows cannot wait for
// anonymous pipes. Whoever waits for one asks it again and again, a little
// less often each time.
const (
	askFirst = 500 * time.Microsecond
	askMost  = 10 * time.Millisecond
)

// plainReady are files that Linux does not also call ready for normal data:
// POLLIN is all they tell, not POLLRDNORM.
type plainReady interface{ plainReady() }

// events tells POLLIN and so on of an open file.
func (f *File) events(t *Task) uint32 {
	if f.pathOnly() {
		return abi.POLLNVAL
	}
	r := f.ops.poll(t, f)
	in, out := uint32(abi.POLLIN|abi.POLLRDNORM), uint32(abi.POLLOUT|abi.POLLWRNORM)
	if _, ok := f.ops.(plainReady); ok {
		in, out = abi.POLLIN, abi.POLLOUT
	}
	m := uint32(0)
	if r.In && f.readable() {
		m |= in
	}
	if r.Out && f.writable() {
		m |= out
	}
	if r.Pri {
		m |= abi.POLLPRI
	}
	if r.RdHup {
		m |= abi.POLLRDHUP
	}
	if r.Hup {
		m |= abi.POLLHUP
	}
	if r.Err {
		m |= abi.POLLERR
	}
	return m
}

// waits is the queue that tells of a file's changes; nil if there is none.
func (f *File) waits() *waitQueue {
	if q, ok := f.ops.(queued); ok {
		return q.queue(f)
	}
	return nil
}

// asked tells whether a file changes without telling anybody, so that it must
// be asked.
func (f *File) asked() bool {
	if _, ok := f.ops.(queued); ok {
		if ep, ok := f.data.(*epoll); ok {
			return ep.asks()
		}
		return false
	}
	switch f.ops.(type) {
	case streamOps:
		return f.kind != host.Char
	case consoleOps, inotifyOps:
		return true
	}
	return false
}

// pollable tells whether waiting for a file makes sense; it does not for
// regular files and folders, which are always ready (Linux: file_can_poll).
func (f *File) pollable() bool {
	switch o := f.ops.(type) {
	case randomOps:
		return !o.always
	case regularOps, exeOps, folderOps, nodeFolderOps, textOps, nullOps, zeroOps, pathOps:
		return false
	case streamOps:
		return f.kind != host.Char
	}
	return true
}

// asking is how long to wait before files are asked again.
type asking struct{ pause time.Duration }

// until is when to ask again, at the deadline at the latest.
func (a *asking) until(t *Task, deadline time.Duration) time.Duration {
	if a.pause == 0 {
		a.pause = askFirst
	}
	at := t.proc.clock.Monotonic() + a.pause
	a.pause = min(a.pause*3/2, askMost)
	return min(at, deadline)
}
