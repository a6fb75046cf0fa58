package kernel

import (
	"sync/atomic"
	"testing"
	"time"

	"bee/image"
	"bee/runtime/abi"
)

// Two tasks take turns, each waiting for ever, for long or for a moment that
// the other one may or may not need: no wake is lost, and no wait ends late.
func TestPark(t *testing.T) {
	b := newBox(t, image.AMD64)
	p := b.task.proc
	tasks := [2]*Task{b.task, p.NewTask(&testCPU{})}
	if (tasks[0].parker == nil) != (tasks[1].parker == nil) {
		t.Fatal("one task has a parker")
	}
	const rounds = 20000
	var turn atomic.Int64
	var q waitQueue
	play := func(me int64, done chan<- abi.Errno) {
		task := tasks[me]
		for i := range int64(rounds) {
			for at := 2*i + me; turn.Load() < at; {
				wait := [...]time.Duration{-1, time.Minute, 100 * time.Microsecond, -1, 50 * time.Millisecond}[i%5]
				limit := forever
				if wait >= 0 {
					limit = p.clock.Monotonic() + wait
				}
				if e := task.waitOn(&q, limit, func() bool { return turn.Load() >= at }); e != 0 && e != abi.ETIMEDOUT {
					done <- e
					return
				}
			}
			turn.Add(1)
			q.wake()
		}
		done <- 0
	}
	done := make(chan abi.Errno, 2)
	go play(0, done)
	go play(1, done)
	limit := time.After(time.Minute)
	for range 2 {
		select {
		case e := <-done:
			if e != 0 {
				t.Fatal(e)
			}
		case <-limit:
			t.Fatalf("stuck at turn %d", turn.Load())
		}
	}
	for _, d := range []time.Duration{0, time.Millisecond, 30 * time.Millisecond, 90 * time.Millisecond} {
		start := p.clock.Monotonic()
		if e := b.task.waitOn(&q, start+d, func() bool { return false }); e != abi.ETIMEDOUT {
			t.Errorf("a wait of %v: %v", d, e)
		}
		if took := p.clock.Monotonic() - start; took < d {
			t.Errorf("a wait of %v ended after %v", d, took)
		}
	}
}
