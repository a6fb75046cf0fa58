package launch

import (
	"sync/atomic"
	"unsafe"
)

// MaxThreads is how many guest threads the debugger can know; what is beyond
// is left to the vectored handler.
const MaxThreads = 8192

// control is the part of the section that both sides use while the guest
// runs: how the child asks its parent to attach as debugger, and where the
// debugger finds the state of a thread that has faulted. A 32-bit child may
// have a 64-bit parent, so the layout holds for both: words of 8 bytes where
// their offset is a multiple of 8.
type control struct {
	// request and answer are the inherited handles of two events: the child
	// sets the first, the parent the second.
	request, answer uint64
	// faultExit is where in the child a thread goes on that has faulted
	// (stubs.LeaveFaultAddr); written before request is set.
	faultExit uint64
	// firstThread is the identifier of the child's first thread, whose end
	// the parent notices itself.
	firstThread uint32
	// verdict is the parent's answer, written before answer is set.
	verdict verdict
	// refusal is the Win32 error of verdictRefused.
	refusal uint32
	// used is how many entries of threads were ever used: the rest is empty.
	used    uint32
	threads [MaxThreads]threadEntry
}

// threadEntry is one guest thread. The state is written first, so whoever
// finds the identifier finds its state.
type threadEntry struct {
	state uint64 // address of the stubs.State32 or State64 in the child
	tid   uint32 // Windows's thread identifier, never 0; 0: free
	_     uint32
}

// controlSize is the same in both widths.
const controlSize = 40 + 16*MaxThreads

var _ [controlSize]byte = [unsafe.Sizeof(control{})]byte{}

// verdict says what came of the child's request.
type verdict uint32

// controlOf is the control part of the section.
func controlOf(view []byte) *control {
	return (*control)(unsafe.Pointer(&view[markSize : markSize+controlSize][0]))
}

// publish makes a thread known in entry i.
func (c *control) publish(i int, tid uint32, state uint64) {
	e := &c.threads[i]
	e.state = state
	atomic.StoreUint32(&e.tid, tid)
	if n := uint32(i + 1); n > atomic.LoadUint32(&c.used) {
		atomic.StoreUint32(&c.used, n)
	}
}

// withdraw makes entry i free again.
func (c *control) withdraw(i int) { atomic.StoreUint32(&c.threads[i].tid, 0) }

// stateOf finds the state of a thread. The caller has stopped the child.
func (c *control) stateOf(tid uint32) (state uint64, ok bool) {
	n := min(atomic.LoadUint32(&c.used), MaxThreads)
	for i := range c.threads[:n] {
		if e := &c.threads[i]; atomic.LoadUint32(&e.tid) == tid {
			return e.state, true
		}
	}
	return 0, false
}
