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
// The price: another process that shares the stream misses what was read.

var procPeekNamedPipe = kernel32.NewProc("PeekNamedPipe")

const aheadSize = 64 << 10 // a pipe of Linux holds as much

type ahead struct {
	mu      sync.Mutex
	changed sync.Cond     // there is room
	arrived chan struct{} // closed and replaced: there is something to read
	buf     []byte        // read, and not yet asked for
	end     bool
	err     abi.Errno // with which it ended
}

// aheads are the streams that are read ahead. The map is replaced, not
// changed, so that a read of any other handle costs one load.
type aheads struct {
	mu sync.Mutex
	m  atomic.Pointer[map[host.Handle]*ahead]
}

func (s *aheads) of(h host.Handle) *ahead {
	if m := s.m.Load(); m != nil {
		return (*m)[h]
	}
	return nil
}

// startAhead begins to read ahead, and gives what is there already the time
// to arrive. A read that is under way is not known here: a stream is asked
// about by the program that reads it.
func (f *Files) startAhead(h host.Handle) *ahead {
	s := &f.aheads
	s.mu.Lock()
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
	s.mu.Unlock()
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
		n, e := f.readNow(h, b)
		a.mu.Lock()
		a.buf = append(a.buf, b[:n]...)
		if n == 0 || e != 0 {
			a.end, a.err = true, e
		}
		close(a.arrived)
		a.arrived = make(chan struct{})
		for len(a.buf) >= aheadSize && !a.end {
			a.changed.Wait()
		}
		end := a.end
		a.mu.Unlock()
		if end {
			return
		}
	}
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
func (f *Files) ReadUnless(h host.Handle, p []byte, cancel <-chan struct{}) (int, abi.Errno, bool) {
	a := f.aheads.of(h)
	if a == nil {
		return 0, 0, false
	}
	n, e := a.read(p, cancel)
	return n, e, true
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
	if a := f.aheads.of(h); a != nil {
		return a.ready()
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
