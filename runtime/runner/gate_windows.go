//go:build windows && (386 || amd64)

package runner

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"bee/runtime/vcpu"
)

// gate is what each of the guest's threads passes on its way into the guest's
// code and out of it. While it is closed no thread runs that code: those that
// did were called back, as for a signal, and wait outside. No thread is
// suspended, so whoever has closed it may do what he likes.
type gate struct {
	// closed is set while mu is held for writing by whoever has closed it.
	closed atomic.Bool
	mu     sync.RWMutex

	// listMu guards cpus, the processors of the threads that use the gate.
	listMu sync.Mutex
	cpus   map[*vcpu.VCPU]struct{}
}

// join is called by a thread before it passes for the first time, and its
// result before its processor goes.
func (g *gate) join(cpu *vcpu.VCPU) (leave func()) {
	g.listMu.Lock()
	defer g.listMu.Unlock()
	if g.cpus == nil {
		g.cpus = map[*vcpu.VCPU]struct{}{}
	}
	g.cpus[cpu] = struct{}{}
	return func() {
		g.listMu.Lock()
		defer g.listMu.Unlock()
		delete(g.cpus, cpu)
	}
}

// pass waits while the gate is closed.
//
// On the way in it comes behind ClearExit: either the gate is seen to be closed
// here, or the call back comes later and the way in sees it.
func (g *gate) pass() {
	if g.closed.Load() {
		g.mu.RLock()
		//lint:ignore SA2001 it was only to wait
		g.mu.RUnlock()
	}
}

// pause closes the gate and returns once no thread runs the guest's code; the
// result opens it again. It is for a thread that is outside itself.
func (g *gate) pause() (resume func()) {
	g.mu.Lock()
	g.closed.Store(true)
	g.listMu.Lock()
	defer g.listMu.Unlock()
	for cpu := range g.cpus {
		cpu.Recall()
	}
	for cpu := range g.cpus {
		for i := 0; cpu.InGuest(); i++ {
			if i < 100 {
				runtime.Gosched()
			} else {
				time.Sleep(50 * time.Microsecond)
			}
		}
	}
	return func() {
		g.closed.Store(false)
		g.mu.Unlock()
	}
}
