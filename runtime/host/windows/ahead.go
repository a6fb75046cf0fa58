//go:build windows

package winhost

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// Streams that cannot be asked. PeekNamedPipe tells what is in a pipe of
// Windows; under Wine it does not for a pipe or socket that came from Linux
// (Wine 8: STATUS_NOT_SUPPORTED), nor does waiting for the handle. There, from
// the first question on, a goroutine reads ahead, and its buffer is the answer.
// The price: another process that shares the stream misses what was read. Who
// only reads such a stream, and has handlers of signals, has it read by the same
// goroutine, which the signal need not stop: but only as much as is asked for.

var procPeekNamedPipe = kernel32.NewProc("PeekNamedPipe")

const aheadSize = 64 << 10 // a pipe of Linux holds as much

type ahead struct {
	mu      sync.Mutex
	changed sync.Cond     // there is room
	arrived chan struct{} // closed and replaced: there is something to read
	buf     []byte        // read, and not yet asked for
	wanted  int           // bytes that a read waits for, or has waited for
	polled  bool          // somebody has asked: as much as there is room for
	closed  bool          // the handle
	end     bool
	err     abi.Errno // with which it ended
}

// aheads are the streams that are read ahead. The map is replaced, not
// changed, so that a read of any other handle costs one load.
type aheads struct {
	mu sync.Mutex
	m  atomic.Pointer[map[host.Handle]*ahead]
	// asked are the handles of streams that can be asked.
	asked sync.Map
}

func (s *aheads) of(h host.Handle) *ahead {
	if m := s.m.Load(); m != nil {
		return (*m)[h]
	}
	return nil
}

// closing is called before a handle is closed, whose number may be another's
// soon.
func (s *aheads) closing(h host.Handle) {
	s.asked.Delete(h)
	if s.of(h) == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a, m := s.of(h), maps.Clone(*s.m.Load())
	if a == nil {
		return
	}
	delete(m, h)
	s.m.Store(&m)
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	a.changed.Broadcast()
}

// newAhead makes the goroutine for a stream unless there is one.
func (f *Files) newAhead(h host.Handle) *ahead {
	s := &f.aheads
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.of(h)
	if a == nil {
		a = &ahead{arrived: make(chan struct{})}
		a.changed.L = &a.mu
		m := map[host.Handle]*ahead{h: a}
		if old := s.m.Load(); old != nil {
			maps.Copy(m, *old)
		}
		s.m.Store(&m)
		go f.fillAhead(h, a)
	}
	return a
}

// startAhead begins to read ahead, and gives what is there already the time
// to arrive. A read that is under way is not known here: a stream is asked
// about by the program that reads it.
func (f *Files) startAhead(h host.Handle) *ahead {
	a := f.newAhead(h)
	a.mu.Lock()
	first := !a.polled
	a.polled = true
	a.mu.Unlock()
	if !first {
		return a
	}
	a.changed.Broadcast()
	const step = 100 * time.Microsecond
	quiet := 0
	for had, i := 0, 0; i < 20 && quiet < 5; i++ {
		time.Sleep(step)
		a.mu.Lock()
		n, end := len(a.buf), a.end
		a.mu.Unlock()
		if end {
			break
		}
		if quiet++; n != had || n == 0 {
			had, quiet = n, 0
		}
	}
	return a
}

func (f *Files) fillAhead(h host.Handle, a *ahead) {
	b := make([]byte, aheadSize)
	for {
		size := a.next()
		if size == 0 {
			return
		}
		n, e := f.readNow(h, b[:size])
		a.mu.Lock()
		a.buf = append(a.buf, b[:n]...)
		if n == 0 || e != 0 {
			a.end, a.err = true, e
		}
		close(a.arrived)
		a.arrived = make(chan struct{})
		a.mu.Unlock()
	}
}

// next waits until something is to be read and tells how much at most; 0 is
// nothing any more.
func (a *ahead) next() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	for !a.end && !a.closed {
		switch {
		case a.polled && len(a.buf) < aheadSize:
			return aheadSize
		case !a.polled && len(a.buf) == 0 && a.wanted > 0:
			n := min(a.wanted, aheadSize)
			a.wanted = 0
			return n
		}
		a.changed.Wait()
	}
	return 0
}

// read ends with EINTR once cancel is readable.
func (a *ahead) read(p []byte, cancel <-chan struct{}) (int, abi.Errno) {
	if len(p) == 0 {
		return 0, 0
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.buf) == 0 {
		if a.end {
			return 0, a.err
		}
		if a.wanted == 0 {
			a.wanted = len(p)
			a.changed.Broadcast()
		}
		arrived := a.arrived
		a.mu.Unlock()
		cancelled := false
		select {
		case <-arrived:
		case <-cancel:
			cancelled = true
		}
		a.mu.Lock()
		if cancelled {
			return 0, abi.EINTR
		}
	}
	n := copy(p, a.buf)
	a.buf = a.buf[n:]
	if len(a.buf) == 0 {
		a.buf = nil
	}
	a.changed.Broadcast()
	return n, 0
}

// ReadUnless implements host.CancelReads.
func (f *Files) ReadUnless(h host.Handle, p []byte, cancel <-chan struct{}, always bool) (int, abi.Errno, bool) {
	a := f.aheads.of(h)
	if a == nil {
		if !always || f.canAsk(h) {
			return 0, 0, false // CancelSynchronousIo ends the read
		}
		a = f.newAhead(h)
	}
	n, e := a.read(p, cancel)
	return n, e, true
}

// canAsk tells whether the system knows what is in a stream: then it is one of
// Windows, whose reads can be cancelled.
func (f *Files) canAsk(h host.Handle) bool {
	if _, ok := f.aheads.asked.Load(h); ok {
		return true
	}
	var avail uint32
	if r, _, _ := procPeekNamedPipe.Call(uintptr(h), 0, 0, 0, uintptr(unsafe.Pointer(&avail)), 0); r == 0 {
		return false
	}
	f.aheads.asked.Store(h, nil)
	return true
}

func (a *ahead) ready() host.Ready {
	a.mu.Lock()
	defer a.mu.Unlock()
	return host.Ready{In: len(a.buf) > 0, Out: true, Hup: a.end, Bytes: len(a.buf)}
}

// Poll implements host.Files.
func (f *Files) Poll(h host.Handle, k host.Kind) host.Ready {
	if k == host.Pipe || k == host.Socket {
		return f.pollPipe(h)
	}
	return host.Ready{In: true, Out: true}
}

// pollPipe asks a pipe or an inherited socket.
func (f *Files) pollPipe(h host.Handle) host.Ready {
	if f.aheads.of(h) != nil {
		return f.startAhead(h).ready()
	}
	var avail uint32
	r, _, err := procPeekNamedPipe.Call(uintptr(h), 0, 0, 0, uintptr(unsafe.Pointer(&avail)), 0)
	if r != 0 {
		return host.Ready{In: avail > 0, Out: true, Hup: pipeClosing(h), Bytes: int(avail)}
	}
	switch err {
	case windows.ERROR_BROKEN_PIPE, windows.ERROR_NO_DATA, windows.ERROR_PIPE_NOT_CONNECTED:
		return host.Ready{Out: true, Hup: true, Err: true}
	case windows.ERROR_ACCESS_DENIED: // the writing end
		return host.Ready{Out: true, Err: pipeClosing(h)}
	}
	return f.startAhead(h).ready()
}

// pipeClosing tells whether a pipe's other end is gone, where Windows says so
// (FILE_PIPE_LOCAL_INFORMATION).
func pipeClosing(h host.Handle) bool {
	var b [10]uint32
	const state, closing = 8, 4
	return query(windows.Handle(h), infoPipeLocal, unsafe.Pointer(&b), unsafe.Sizeof(b)) == 0 && b[state] == closing
}
