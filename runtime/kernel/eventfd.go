package kernel

import (
	"fmt"
	"math"
	"sync"

	"bee/runtime/abi"
	"bee/runtime/host"
)

const eventSemaphore = 1 // EFD_SEMAPHORE

func eventfdCalls() []Call {
	return []Call{
		{Name: "eventfd", Handler: func(t *Task, a Args) (uint64, abi.Errno) { return t.eventfd(uint32(a[0]), 0) }, Support: Full},
		{Name: "eventfd2", Handler: func(t *Task, a Args) (uint64, abi.Errno) { return t.eventfd(uint32(a[0]), uint32(a[1])) }, Support: Full},
	}
}

// eventfd is a counter (eventfd(2)).
type eventfd struct {
	mu        sync.Mutex
	count     uint64 // at most eventMost
	semaphore bool
	changed   waitQueue
}

const eventMost = math.MaxUint64 - 1

func (t *Task) eventfd(count, flags uint32) (uint64, abi.Errno) {
	if flags&^(eventSemaphore|abi.O_CLOEXEC|abi.O_NONBLOCK) != 0 {
		return 0, abi.EINVAL
	}
	ev := &eventfd{count: uint64(count), semaphore: flags&eventSemaphore != 0}
	return t.openAnon(newAnon(eventfdOps{}, ev, abi.O_RDWR, flags), flags)
}

// take takes what a read gets, or nothing.
func (ev *eventfd) take() (n uint64) {
	ev.mu.Lock()
	defer ev.mu.Unlock()
	n = ev.count
	if ev.semaphore {
		n = min(n, 1)
	}
	ev.count -= n
	return n
}

// add adds to the counter, if there is room.
func (ev *eventfd) add(n uint64) bool {
	ev.mu.Lock()
	defer ev.mu.Unlock()
	if eventMost-ev.count < n {
		return false
	}
	ev.count += n
	return true
}

// eventfdOps are eventfd's descriptors.
type eventfdOps struct{ anonOps }

func (eventfdOps) plainReady() {}

func (eventfdOps) queue(f *File) *waitQueue { return &f.data.(*eventfd).changed }

func (eventfdOps) fdName(*File) string { return "anon_inode:[eventfd]" }

func (eventfdOps) fdInfo(f *File) string {
	ev := f.data.(*eventfd)
	ev.mu.Lock()
	defer ev.mu.Unlock()
	s := 0
	if ev.semaphore {
		s = 1
	}
	return fmt.Sprintf("eventfd-count: %16x\neventfd-id: 0\neventfd-semaphore: %d\n", ev.count, s)
}

func (eventfdOps) read(t *Task, f *File, b []byte) (int, abi.Errno) {
	if len(b) < 8 {
		return 0, abi.EINVAL
	}
	ev := f.data.(*eventfd)
	n := ev.take()
	if n == 0 {
		if f.nonblock() {
			return 0, abi.EAGAIN
		}
		if e := t.waitOn(&ev.changed, forever, func() bool { n = ev.take(); return n != 0 }); e != 0 {
			return 0, e
		}
	}
	ev.changed.wakeFor(wakeOut)
	put64(b, n)
	return 8, 0
}

func (eventfdOps) write(t *Task, f *File, b []byte) (int, abi.Errno) {
	if len(b) < 8 {
		return 0, abi.EINVAL
	}
	n := le64(b)
	if n == math.MaxUint64 {
		return 0, abi.EINVAL
	}
	ev := f.data.(*eventfd)
	if !ev.add(n) {
		if f.nonblock() {
			return 0, abi.EAGAIN
		}
		if e := t.waitOn(&ev.changed, forever, func() bool { return ev.add(n) }); e != 0 {
			return 0, e
		}
	}
	ev.changed.wakeFor(wakeIn)
	return 8, 0
}

func (eventfdOps) poll(_ *Task, f *File) host.Ready {
	ev := f.data.(*eventfd)
	ev.mu.Lock()
	defer ev.mu.Unlock()
	return host.Ready{In: ev.count > 0, Out: ev.count < eventMost}
}
