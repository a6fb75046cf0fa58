//go:build windows && (386 || amd64)

package vcpu

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/windows"

	"bee/stubs"
)

var procCancelSynchronousIo = windows.NewLazySystemDLL("kernel32.dll").NewProc("CancelSynchronousIo")

// Interrupt makes the guest come back to the host: out of its own code, out of
// a blocking call between Block's two, or at the next entry. It may be called
// from any goroutine and does not wait.
//
// As in KVM: the flag comes first, so that an entry that does not see it has
// set InGuest before this looks at it.
func (v *VCPU) Interrupt() {
	v.cancel.Store(true)
	v.Recall()
}

// Recall is Interrupt but for calls of the host, which go on.
func (v *VCPU) Recall() {
	atomic.StoreUint32(&v.State.ExitNow, 1)
	v.kickIfNeeded()
}

// InGuest tells whether the guest's code runs, or is about to.
func (v *VCPU) InGuest() bool { return atomic.LoadUint32(&v.State.InGuest) != 0 }

// ClearExit is for the loop, before it looks for what there is to do.
func (v *VCPU) ClearExit() {
	if atomic.LoadUint32(&v.State.ExitNow) != 0 {
		v.cancel.Store(false)
		atomic.StoreUint32(&v.State.ExitNow, 0)
	}
}

func (v *VCPU) away() bool { return v.InGuest() || v.blocked.Load() && v.cancel.Load() }

func (v *VCPU) kickIfNeeded() {
	if v.away() && v.kicking.CompareAndSwap(false, true) {
		go v.kick()
	}
}

const (
	// pause is how long the thread is left alone after the first attempt that
	// has failed, in turns of a loop; after the next one for twice as long, and
	// so on. It is resumed, but must run before it is suspended again: else it
	// stays where it is.
	// Counting is all there is: Go's clock moves by a tick of the timer, for
	// which a sleep lasts, too.
	pause = 500
	// spins is how many pauses are made of turns; the others are sleeps.
	spins = 6
)

// kick tries until the thread is on its way. It is between guest and host for
// a few hundred instructions only.
func (v *VCPU) kick() {
	for i := 0; v.kickOnce(); i++ {
		if i >= spins {
			time.Sleep(time.Millisecond)
			continue
		}
		for range pause << i {
			runtime.Gosched()
		}
	}
	v.kicking.Store(false)
	// Who has asked in between has found kicking set.
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.thread != 0 && atomic.LoadUint32(&v.State.ExitNow) != 0 { // unbound, it may have no state
		v.kickIfNeeded()
	}
}

// kicks is held for reading while a thread may be suspended.
var kicks sync.RWMutex

// StopKicks is for a process that is about to end: when it returns no thread is
// suspended by a kick, and none will be. Otherwise the thread that ends the
// process might be, by one that ends before it has resumed it.
func StopKicks() { kicks.Lock() }

// kickOnce tells whether it has to be tried again.
func (v *VCPU) kickOnce() bool {
	kicks.RLock()
	defer kicks.RUnlock()
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.thread == 0 {
		return false
	}
	if v.blocked.Load() && v.cancel.Load() {
		// Only a call that was issued already is cancelled.
		procCancelSynchronousIo.Call(uintptr(v.thread))
		return true
	}
	return v.kicker.Kick() == stubs.KickAgain
}

// Block says that a call of the host follows that may take long, and that
// Interrupt shall cancel, or that it has ended.
func (v *VCPU) Block(begin bool) {
	if begin {
		v.blocked.Store(true)
		return
	}
	v.mu.Lock()
	v.blocked.Store(false)
	v.mu.Unlock()
}
