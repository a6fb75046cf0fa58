//go:build windows

package winhost

import (
	"bytes"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// Writes to a pipe of the caller's that a signal can end. A pipe that is full
// holds the thread inside of Windows. CancelSynchronousIo would end the write,
// but not say how much of it the reader has had already; under Wine it does not
// even end one to a pipe that came from Linux. So where the pipe may be full
// another goroutine writes, in pieces that are written as a whole or not at all,
// and the caller stops waiting. The piece that is under way then stays: it is
// taken for the beginning of what is written next, which it is when the call is
// made again. A program that writes something else instead finds it in front.

// behindPiece is PIPE_BUF of Linux, in bytes: what is not longer is not divided.
const behindPiece = 4096

// behindMost is how much is handed over at once.
const behindMost = 64 << 10

// behind writes to one handle.
type behind struct {
	turn chan struct{} // holds a token while a call uses what follows
	// left is the piece of an earlier call that may still be under way, early
	// what of it was written and no call has claimed.
	left, early []byte
	jobs        chan []byte    // closed with the handle
	done        chan abi.Errno // the end of a job

	mu       sync.Mutex
	stop     bool // after the piece that is under way
	at, next int  // of the job: written, and the end of that piece
}

// behinds are those that exist.
type behinds struct {
	mu sync.Mutex
	m  map[host.Handle]*behind
}

func (s *behinds) of(f *Files, h host.Handle) *behind {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.m[h]
	if b == nil {
		b = &behind{turn: make(chan struct{}, 1), jobs: make(chan []byte), done: make(chan abi.Errno, 1)}
		if s.m == nil {
			s.m = map[host.Handle]*behind{}
		}
		s.m[h] = b
		go b.serve(f, h)
	}
	return b
}

// closing is called before a handle is closed.
func (s *behinds) closing(h host.Handle) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.m[h]; b != nil {
		delete(s.m, h)
		close(b.jobs)
	}
}

// serve writes what it is given until the handle is closed.
func (b *behind) serve(f *Files, h host.Handle) {
	for job := range b.jobs {
		e := abi.Errno(0)
		for e == 0 && b.piece(len(job)) {
			var n int
			if n, e = f.Write(h, job[b.at:b.next]); n == 0 && e == 0 {
				e = abi.EIO
			}
			b.mu.Lock()
			b.at += n
			b.mu.Unlock()
		}
		b.done <- e
	}
}

// piece chooses the next piece of a job.
func (b *behind) piece(size int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next = min(b.at+behindPiece, size)
	return b.at < size && !b.stop
}

// behindGrace is how long a write that nothing holds up may take, at most, when
// cancel is readable already: on Linux a signal ends no write to a pipe that has
// room, and programs lose what they print if it does. A busy machine may keep the
// other goroutine from running for long.
const behindGrace = 100 * time.Millisecond

// write implements Files.WriteUnless.
func (b *behind) write(f *Files, h host.Handle, p []byte, cancel <-chan struct{}) (n int, e abi.Errno) {
	select {
	case b.turn <- struct{}{}:
	case <-cancel:
		grace := time.NewTimer(behindGrace)
		defer grace.Stop()
		select {
		case b.turn <- struct{}{}:
		case <-grace.C:
			return 0, abi.EINTR
		}
	}
	defer func() { <-b.turn }()
	if b.left != nil {
		select {
		case e = <-b.done:
		case <-cancel:
			return 0, abi.EINTR
		}
		b.left, b.early = nil, b.left
		if e != 0 {
			b.early = nil
			return 0, e
		}
	}
	if m := min(len(b.early), len(p)); m > 0 {
		if bytes.Equal(b.early[:m], p[:m]) {
			n, b.early = m, b.early[m:]
		} else {
			b.early = nil
		}
	}
	if n == 0 && pipeRoom(h) >= len(p) {
		return f.Write(h, p)
	}
	for n < len(p) && e == 0 {
		var k int
		k, e = b.hand(p[n:min(len(p), n+behindMost)], cancel)
		n += k
	}
	return n, e
}

// hand has p written by the goroutine. The turn is the caller's.
func (b *behind) hand(p []byte, cancel <-chan struct{}) (n int, e abi.Errno) {
	b.at, b.next, b.stop = 0, 0, false
	job := append([]byte(nil), p...)
	b.jobs <- job
	select {
	case e = <-b.done:
		return b.at, e
	case <-cancel:
	}
	grace := time.NewTimer(behindGrace)
	defer grace.Stop()
	select {
	case e = <-b.done:
		return b.at, e
	case <-grace.C:
	}
	b.mu.Lock()
	b.stop = true
	at, next := b.at, b.next
	b.mu.Unlock()
	if at == len(job) {
		return at, <-b.done // it ends this moment
	}
	b.left = job[at:max(at, next)]
	return at, abi.EINTR
}

// WriteUnless implements host.CancelWrites.
func (f *Files) WriteUnless(h host.Handle, p []byte, cancel <-chan struct{}) (int, abi.Errno) {
	return f.behinds.of(f, h).write(f, h, p, cancel)
}

// pipeRoom tells how much can be written to a pipe at once, 0 where the system
// does not say (FILE_PIPE_LOCAL_INFORMATION; Wine 8 does not).
func pipeRoom(h host.Handle) int {
	var b [10]uint32
	const writeQuotaAvailable = 7
	if query(windows.Handle(h), infoPipeLocal, unsafe.Pointer(&b), unsafe.Sizeof(b)) != 0 {
		return 0
	}
	return int(b[writeQuotaAvailable])
}
