//go:build linux

package kernel

import (
	"sync"
	"testing"
	"time"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// TestHammerReady has many tasks that write to pipes and eventfds while others
// wait for all of them through one epoll.
func TestHammerReady(t *testing.T) {
	bothArchs(t, func(b *box) {
		const writers, each, waiters = 8, 300, 4
		p := b.task.proc
		open := func(fd uint64) *File {
			f, _ := p.files.get(int32(fd))
			return f
		}
		ep := &epoll{items: map[epollKey]*epollItem{}}
		var ends, events [writers]*File
		for i := range writers {
			r, w := b.newPipe()
			ends[i], events[i] = open(w), open(b.must("eventfd2", 0, abi.O_NONBLOCK))
			ep.mu.Lock()
			ep.add(b.task, epollKey{open(r), int32(i)}, abi.POLLIN|epollET, [8]byte{})
			ep.add(b.task, epollKey{events[i], int32(writers + i)}, abi.POLLIN, [8]byte{})
			ep.mu.Unlock()
		}
		var all sync.WaitGroup
		for i := range writers {
			task := p.NewTask(&testCPU{})
			all.Go(func() {
				one := []byte{1, 0, 0, 0, 0, 0, 0, 0}
				for range each {
					if n, e := ends[i].ops.write(task, ends[i], one); n != len(one) || e != 0 {
						t.Error("pipe", n, e)
					}
					if n, e := events[i].ops.write(task, events[i], one); n != len(one) || e != 0 {
						t.Error("eventfd", n, e)
					}
				}
			})
		}
		var mu sync.Mutex
		bytes, count := 0, uint64(0)
		for range waiters {
			task := p.NewTask(&testCPU{})
			all.Go(func() {
				var s sleeper
				s.enter(task, &ep.queue)
				defer s.w.remove()
				buf := make([]byte, 4096)
				for {
					mu.Lock()
					over := bytes == writers*each*8 && count == writers*each
					mu.Unlock()
					if over {
						ep.queue.wake() // the next one ends, too
						return
					}
					s.told.Store(false)
					_ = task.park(p.clock.Monotonic() + 50*time.Millisecond)
					ep.readyMu.Lock()
					i := ep.ready.head
					if i != nil {
						ep.ready.remove(i)
					}
					more := ep.ready.n > 0
					ep.readyMu.Unlock()
					if more {
						ep.queue.wake()
					}
					if i == nil {
						continue
					}
					for {
						n, e := i.key.file.ops.read(task, i.key.file, buf)
						if e != 0 || n == 0 {
							break
						}
						mu.Lock()
						if _, ok := i.key.file.data.(*eventfd); ok {
							count += le64(buf)
						} else {
							bytes += n
						}
						mu.Unlock()
					}
					if i.current(task) != 0 {
						i.changed()
					}
				}
			})
		}
		all.Wait()
	})
}

// TestHammerPipe has many tasks on both ends of one small pipe: nobody sleeps
// on while there is something to do.
func TestHammerPipe(t *testing.T) {
	bothArchs(t, func(b *box) {
		m := b.put(make([]byte, 8))
		b.must("pipe", m)
		r32, _ := b.task.ReadUint32(m)
		w32, _ := b.task.ReadUint32(m + 4)
		p := b.task.proc
		r, _ := p.files.get(int32(r32))
		w, _ := p.files.get(int32(w32))
		if _, e := r.data.(*pipe).resize(4096); e != 0 {
			t.Fatal(e)
		}
		const tasks, each, size = 6, 200, 1500
		var writers, readers sync.WaitGroup
		var mu sync.Mutex
		total := 0
		for range tasks {
			in, out := p.NewTask(&testCPU{}), p.NewTask(&testCPU{})
			writers.Go(func() {
				buf := make([]byte, size)
				for range each {
					if n, e := w.ops.write(in, w, buf); n != size || e != 0 {
						t.Error(n, e)
					}
				}
			})
			readers.Go(func() {
				buf := make([]byte, 700)
				for {
					n, e := r.ops.read(out, r, buf)
					if n == 0 || e != 0 {
						return
					}
					mu.Lock()
					total += n
					mu.Unlock()
				}
			})
		}
		writers.Wait()
		p.files.put(w)
		b.must("close", uint64(w32))
		readers.Wait()
		if total != tasks*each*size {
			t.Errorf("%d of %d bytes", total, tasks*each*size)
		}
		p.files.put(r)
	})
}

// TestEpollIdle has ten thousand files that do nothing: whoever waits for
// them does not look at them.
func TestEpollIdle(t *testing.T) {
	bothArchs(t, func(b *box) {
		ep := &epoll{items: map[epollKey]*epollItem{}}
		asked := 0
		for i := range 10000 {
			ev := &eventfd{}
			f := newAnon(countedOps{asked: &asked}, ev, abi.O_RDWR, 0)
			ep.add(b.task, epollKey{f, int32(i)}, abi.POLLIN, [8]byte{})
		}
		ep.file = newAnon(epollOps{}, ep, abi.O_RDWR, 0)
		fd, e := b.task.openAnon(ep.file, 0)
		if e != 0 {
			t.Fatal(e)
		}
		before := asked
		at := b.put(make([]byte, 12))
		if n := b.must("epoll_wait", fd, at, 1, 100); n != 0 || asked != before {
			t.Errorf("%d events, asked %d times", n, asked-before)
		}
	})
}

// countedOps counts how often eventfds are asked.
type countedOps struct {
	eventfdOps
	asked *int
}

func (o countedOps) poll(t *Task, f *File) host.Ready {
	*o.asked++
	return o.eventfdOps.poll(t, f)
}
