//go:build windows && (386 || amd64)

package stubs

import (
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Set in kick_windows_386.s or kick_windows_amd64.s.
var addrKick uintptr

// KickResult is what became of a kick.
type KickResult uint32

// The results.
const (
	KickNotInGuest KickResult = iota // ExitNow does the rest
	KickDone                         // the thread is on its way to the host
	KickAgain                        // it is between the two: try again
)

// Kicker takes one thread out of the guest. The thread is suspended, looked
// at, redirected and resumed in one piece of machine code: while it is
// suspended it may hold a lock of Go's runtime, and no Go code must run that
// could wait for it.
//
// kick_windows_*.s repeats the offsets.
type Kicker struct {
	thread, state, context    uintptr
	suspend, get, set, resume uintptr
	lo, hi, thunkLo, thunkHi  uintptr
	buf                       []byte
}

var (
	procSuspendThread    = kernel32.NewProc("SuspendThread")
	procResumeThread     = kernel32.NewProc("ResumeThread")
	procGetThreadContext = kernel32.NewProc("GetThreadContext")
	procSetThreadContext = kernel32.NewProc("SetThreadContext")
)

// NewKicker makes one for the thread whose State is at state. Guest code lies
// in [lo, hi) but for the thunk page at thunks. The thread's handle needs the
// rights to suspend, and to get and set the context.
func NewKicker(thread windows.Handle, state unsafe.Pointer, lo, hi, thunks uintptr) (*Kicker, error) {
	k := &Kicker{thread: uintptr(thread), state: uintptr(state), lo: lo, hi: hi, thunkLo: thunks, thunkHi: thunks + ThunkPageSize}
	for p, proc := range map[*uintptr]*windows.LazyProc{
		&k.suspend: procSuspendThread, &k.resume: procResumeThread, &k.get: procGetThreadContext, &k.set: procSetThreadContext,
	} {
		if err := proc.Find(); err != nil {
			return nil, fmt.Errorf("stubs: %w", err)
		}
		*p = proc.Addr()
	}
	k.buf = make([]byte, contextSize+16)
	at := uintptr(unsafe.Pointer(&k.buf[0]))
	k.context = (at + 15) &^ 15 // as CONTEXT of 64-bit Windows wants it
	return k, nil
}

// Kick is to be called by one goroutine at a time, and not on the thread
// itself.
func (k *Kicker) Kick() KickResult {
	off := k.context - uintptr(unsafe.Pointer(&k.buf[0]))
	*(*uint32)(unsafe.Pointer(&k.buf[off+contextFlagsOff])) = contextFlags
	r, _, _ := syscall.SyscallN(addrKick, uintptr(unsafe.Pointer(k)))
	return KickResult(r)
}
