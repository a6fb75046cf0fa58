//go:build linux

package kernel

import (
	"sync/atomic"
	"testing"

	"bee/image"
	"bee/runtime/abi"
)

// A waiter that is moved from one word to another is not woken, however often it
// looks meanwhile; and then one wake ends its wait.
func TestRequeueDoesNotWake(t *testing.T) {
	task, arena := testSpace(t, image.AMD64)
	p := task.proc
	page, e := call(t, task, "mmap", arena.Lo, abi.PageSize, abi.PROT_READ|abi.PROT_WRITE, abi.MAP_PRIVATE|abi.MAP_ANONYMOUS, ^uint64(0), 0)
	if e != 0 {
		t.Fatal(e)
	}
	words := [2]uint64{page, page + 4}
	waiter := p.NewTask(&testCPU{})
	var back atomic.Bool
	done := make(chan abi.Errno)
	go func() {
		_, e := call(t, waiter, "futex", words[0], abi.FUTEX_WAIT_PRIVATE, 0, 0)
		back.Store(true)
		done <- e
	}()
	stop := make(chan struct{})
	go func() {
		for {
			select {
			case <-stop:
				return
			default:
				waiter.poke()
			}
		}
	}()
	defer close(stop)
	nr := uint32(0)
	for _, entry := range p.table.Entries() {
		if entry.Name() == "futex" {
			nr = entry.Nr
		}
	}
	moved := 0
	for moved < 300000 && !back.Load() {
		from, to := words[moved%2], words[(moved+1)%2]
		if task.Syscall(nr, Args{from, abi.FUTEX_REQUEUE_PRIVATE, 0, 1, to}) == 1 {
			moved++
		}
	}
	if back.Load() {
		t.Fatalf("woken by requeue %d", moved)
	}
	if n, e := call(t, task, "futex", words[moved%2], abi.FUTEX_WAKE_PRIVATE, 1); n != 1 || e != 0 {
		t.Errorf("wake: %d, %v", n, e)
	}
	if e := <-done; e != 0 {
		t.Errorf("the wait: %v", e)
	}
}
