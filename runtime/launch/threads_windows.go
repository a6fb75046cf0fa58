//go:build 386 || amd64

package launch

import (
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/windows"
)

// threads is the child's own record of its guest threads.
type threads struct {
	mu sync.Mutex
	// next is the first entry of the shared table that was never used, free
	// are those that are free again.
	next int
	free []int
	// watched are the threads whose end is waited for, by identifier.
	watched  map[uint32]*watched
	watchers []*watcher
}

// watched is a thread that is being watched.
type watched struct {
	tid    uint32
	handle windows.Handle
	// live counts registrations that were not released.
	live int
}

// watcher is a goroutine that waits for the end of threads.
type watcher struct {
	changed windows.Handle // event: the list has grown
	list    []*watched     // guarded by threads.mu
}

// watcherMax is how many threads one watcher takes: MAXIMUM_WAIT_OBJECTS of
// winnt.h without its own event.
const watcherMax = 64 - 1

// RegisterThread makes a guest thread known: its Windows identifier and the
// address of its stubs.State32 or State64. The debugger, whenever it comes,
// takes the faults of registered threads; and if the thread ends before
// release was called, a wild stack pointer has taken it, and the process ends
// as by SIGSEGV. Call release on the thread's way out, before the State goes;
// more than once does no harm. Beyond MaxThreads a thread has no debugger.
func (a *Attached) RegisterThread(osThreadID uint32, state uintptr) (release func()) {
	t := &a.threads
	t.mu.Lock()
	defer t.mu.Unlock()
	i := -1
	if n := len(t.free); n > 0 {
		i, t.free = t.free[n-1], t.free[:n-1]
	} else if t.next < MaxThreads {
		i = t.next
		t.next++
	}
	if i >= 0 {
		a.control().publish(i, osThreadID, uint64(state))
	}
	w := a.watch(osThreadID)
	released := false
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if released {
			return
		}
		released = true
		if w != nil {
			w.live--
		}
		if i >= 0 {
			a.control().withdraw(i)
			t.free = append(t.free, i)
		}
	}
}

// watch has the thread's end waited for. The first thread's end is the
// parent's matter (Child.Wait), so a guest with one thread needs no watcher.
// A thread that cannot be watched is not. t.mu is held.
func (a *Attached) watch(tid uint32) *watched {
	t := &a.threads
	if tid == a.control().firstThread {
		return nil
	}
	if w := t.watched[tid]; w != nil {
		w.live++
		return w
	}
	handle, err := windows.OpenThread(windows.SYNCHRONIZE, false, tid)
	if err != nil {
		return nil
	}
	w := &watched{tid, handle, 1}
	for _, g := range t.watchers {
		if len(g.list) < watcherMax {
			g.list = append(g.list, w)
			_ = windows.SetEvent(g.changed)
			t.watched[tid] = w
			return w
		}
	}
	changed, err := windows.CreateEvent(nil, 0, 0, nil)
	if err != nil {
		windows.CloseHandle(handle)
		return nil
	}
	if t.watched == nil {
		t.watched = map[uint32]*watched{}
	}
	t.watched[tid] = w
	g := &watcher{changed, []*watched{w}}
	t.watchers = append(t.watchers, g)
	go a.watchThreads(g)
	return w
}

// watchThreads waits for the end of g's threads, for ever.
func (a *Attached) watchThreads(g *watcher) {
	t := &a.threads
	var handles []windows.Handle
	for {
		t.mu.Lock()
		handles = append(handles[:0], g.changed)
		for _, w := range g.list {
			handles = append(handles, w.handle)
		}
		t.mu.Unlock()
		which, err := windows.WaitForMultipleObjects(handles, false, windows.INFINITE)
		i := int(which-windows.WAIT_OBJECT_0) - 1
		if err != nil || i >= len(handles)-1 {
			a.Leave(Mark{Kind: MarkRunner, Value: 125, Message: fmt.Sprintf("wait for the end of %d threads: %d, %v", len(handles)-1, which, err)}, 125)
		}
		if i < 0 {
			continue
		}
		t.mu.Lock()
		w := g.list[i] // only this goroutine takes any away
		g.list[i] = g.list[len(g.list)-1]
		g.list = g.list[:len(g.list)-1]
		delete(t.watched, w.tid)
		died := w.live > 0
		t.mu.Unlock()
		windows.CloseHandle(w.handle)
		if died {
			// The end of a process takes its threads one by one, and this one
			// may be the last.
			time.Sleep(100 * time.Millisecond)
			a.Leave(Mark{Kind: MarkSignaled, Value: 11, Message: "SIGSEGV (" + UnusableStack + ")"}, 128+11)
		}
	}
}
