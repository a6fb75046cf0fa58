//go:build 386 || amd64

package launch

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/windows"

	"bee/stubs"
)

// What becomes of the child's request.
const (
	verdictNone verdict = iota
	verdictAttached
	verdictRefused
)

// What is asked for and set of a context: CONTEXT_CONTROL and CONTEXT_INTEGER
// (winnt.h). Vector registers stay as they are, in the thread; leaveFault
// saves them.
const (
	contextFlags32 = 0x10003
	contextFlags64 = 0x100003
)

// debugger is the parent as the child's debugger. Windows tells a debugger of
// an exception before it writes the exception's frame below the guest's stack
// pointer; so what lies there stays, and the pointer may be anything.
type debugger struct {
	pid     uint32
	process windows.Handle
	control *control
	answer  windows.Handle
	// threads are those of the child, with handles that belong to the system.
	threads map[uint32]windows.Handle
	// breakIn is the thread that Windows has sent to tell that the debugger
	// is attached: it has executed an int3 that is no program's.
	breakIn uint32
	width   childWidth
}

// debug attaches and serves events until the child has ended. It needs an OS
// thread for itself: only the one that has attached gets the events.
func (d *debugger) debug() {
	// Not unlocked: the thread ends with the goroutine.
	runtime.LockOSThread()
	err := d.width.detect(d.process)
	if err == nil {
		err = attach(d.pid)
	}
	if err != nil {
		var errno windows.Errno
		if !errors.As(err, &errno) || errno == 0 {
			errno = windows.ERROR_GEN_FAILURE
		}
		d.reply(verdictRefused, errno)
		return
	}
	d.threads = map[uint32]windows.Handle{}
	for {
		var e debugEvent
		if err := e.wait(); err != nil {
			break
		}
		answer := d.event(&e)
		if err := e.resume(answer); err != nil {
			break
		}
		if e.code == exitProcessEvent {
			return
		}
		// The child goes on only now that its break-in is behind it: an
		// exception before that could be taken for the break-in.
		if e.tid == d.breakIn && atomic.LoadUint32((*uint32)(&d.control.verdict)) == uint32(verdictNone) {
			d.reply(verdictAttached, 0)
		}
	}
	// Without a debugger the vectored handler serves the guest.
	detach(d.pid)
	d.reply(verdictRefused, windows.ERROR_GEN_FAILURE)
}

// reply answers the child's request.
func (d *debugger) reply(v verdict, refusal windows.Errno) {
	d.control.refusal = uint32(refusal)
	atomic.StoreUint32((*uint32)(&d.control.verdict), uint32(v))
	_ = windows.SetEvent(d.answer)
}

// event deals with one event and tells how the child is to go on.
func (d *debugger) event(e *debugEvent) uint32 {
	switch e.code {
	case createProcessEvent:
		info := e.createProcess()
		closeFile(info.file)
		d.threads[e.tid] = info.thread
	case createThreadEvent:
		d.threads[e.tid] = e.createThread().thread
	case exitThreadEvent:
		delete(d.threads, e.tid)
	case loadDLLEvent:
		closeFile(e.loadDLL().file)
	case exceptionEvent:
		return d.exception(e)
	}
	return dbgContinue
}

// closeFile closes an event's file, which may be missing.
func closeFile(h windows.Handle) {
	if h != 0 && h != windows.InvalidHandle {
		windows.CloseHandle(h)
	}
}

// exception sends a guest thread to its fault exit. The second chance, and
// what is not the guest's, goes to the child's own handlers.
func (d *debugger) exception(e *debugEvent) uint32 {
	if e.exception.firstChance == 0 {
		return dbgExceptionNotHandled
	}
	x := e.told()
	if state, ok := d.control.stateOf(e.tid); ok {
		// Of an error, the vectored handler may still do.
		if out, err := d.width.redirect(d, d.threads[e.tid], state, x); err == nil && out != notGuest {
			return dbgContinue
		}
	}
	// On 64-bit Windows a 32-bit process may break in twice.
	if x.code == statusBreakpoint && (d.breakIn == 0 || d.breakIn == e.tid) {
		d.breakIn = e.tid
		return dbgContinue
	}
	return dbgExceptionNotHandled
}

// read reads the child's memory.
func (d *debugger) read(addr uint64, to []byte) error {
	var n uintptr
	err := windows.ReadProcessMemory(d.process, uintptr(addr), &to[0], uintptr(len(to)), &n)
	if err == nil && n != uintptr(len(to)) {
		err = windows.ERROR_PARTIAL_COPY
	}
	if err != nil {
		return fmt.Errorf("read the guest's state at %#x: %w", addr, err)
	}
	return nil
}

// write writes the child's memory.
func (d *debugger) write(addr uint64, from []byte) error {
	var n uintptr
	err := windows.WriteProcessMemory(d.process, uintptr(addr), &from[0], uintptr(len(from)), &n)
	if err == nil && n != uintptr(len(from)) {
		err = windows.ERROR_PARTIAL_COPY
	}
	if err != nil {
		return fmt.Errorf("write the guest's state at %#x: %w", addr, err)
	}
	return nil
}

// threadContext calls GetThreadContext, SetThreadContext or their WoW64 forms:
// BOOL (HANDLE, CONTEXT *).
func threadContext(p *windows.LazyProc, thread windows.Handle, c unsafe.Pointer) error {
	if r, _, err := p.Call(uintptr(thread), uintptr(c)); r == 0 {
		return fmt.Errorf("%s: %w", p.Name, err)
	}
	return nil
}

// redirect32 redirects a thread of a 32-bit child.
func (d *debugger) redirect32(get, set *windows.LazyProc, thread windows.Handle, state uint64, x exception) (outcome, error) {
	var s stubs.State32
	raw := unsafe.Slice((*byte)(unsafe.Pointer(&s)), unsafe.Sizeof(s))
	if err := d.read(state, raw); err != nil {
		return notGuest, err
	}
	if s.InGuest == 0 {
		return notGuest, nil
	}
	c := context32{flags: contextFlags32}
	if err := threadContext(get, thread, unsafe.Pointer(&c)); err != nil {
		return notGuest, err
	}
	out := redirect32(&s, &c, x, uint32(state), uint32(d.control.faultExit))
	switch out {
	case notGuest:
		return out, nil
	case kicked:
		return out, d.writeParts(state, raw, changed32(out, x))
	}
	if err := d.writeParts(state, raw, changed32(out, x)); err != nil {
		return notGuest, err
	}
	return out, threadContext(set, thread, unsafe.Pointer(&c))
}

// writeParts writes parts of a State.
func (d *debugger) writeParts(state uint64, raw []byte, parts []span) error {
	for _, p := range parts {
		if err := d.write(state+uint64(p.from), raw[p.from:p.to]); err != nil {
			return err
		}
	}
	return nil
}
