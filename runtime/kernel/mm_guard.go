package kernel

import (
	"runtime/debug"

	"bee/runtime/abi"
)

// guarded carries a system call out. Memory that was there when the handler
// looked may be gone when it touches it: another thread has unmapped it, a file
// was truncated, a network drive fails. Linux answers EFAULT then; here the
// access is a fault of the runner's own code, which Go turns into a panic if it
// is asked to, and that becomes the answer.
//
// A handler that holds a lock while it touches the guest's memory must release
// it with defer.
func (t *Task) guarded(h Handler, a Args) (v uint64, errno abi.Errno) {
	debug.SetPanicOnFault(true) // of this goroutine
	defer func() {
		if t.isFault(recover()) {
			v, errno = 0, abi.EFAULT
		}
	}()
	return h(t, a)
}

// spared does something with the guest's memory at a point where there is no
// call to fail: false if the memory was gone.
func (t *Task) spared(do func()) (ok bool) {
	debug.SetPanicOnFault(true)
	defer func() { ok = !t.isFault(recover()) }()
	do()
	return true
}

// isFault tells whether a panic, if it is one, comes from the guest's memory. Others
// go on.
func (t *Task) isFault(r any) bool {
	if r == nil {
		return false
	}
	// runtime.Error of a fault at a known address.
	if f, ok := r.(interface {
		error
		Addr() uintptr
	}); ok && t.proc.as.mayBeGuests(uint64(f.Addr())) {
		return true
	}
	panic(r)
}

// mayBeGuests tells whether addr lies where the guest's memory is, or was.
func (s *AddressSpace) mayBeGuests(addr uint64) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if i := s.find(addr); i < len(s.vmas) && s.vmas[i].lo <= addr {
		return true
	}
	for _, r := range s.res {
		if r.overlaps(addr, addr+1) {
			return true
		}
	}
	return s.viewIn(addr, addr+1)
}
