package launch

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"

	"bee/stubs"
)

var (
	procWow64GetThreadContext = kernel32.NewProc("Wow64GetThreadContext")
	procWow64SetThreadContext = kernel32.NewProc("Wow64SetThreadContext")
)

// childWidth tells whether the child is a 32-bit process.
type childWidth struct {
	narrow bool
	// room holds a CONTEXT, which wants 16-byte alignment. It lies on Go's
	// heap, where nothing moves.
	room [context64Size + 15]byte
}

// context is a CONTEXT with the flags set.
func (w *childWidth) context() *context64 {
	at := unsafe.Pointer(&w.room)
	c := (*context64)(unsafe.Add(at, -uintptr(at)&15))
	c.flags = contextFlags64
	return c
}

func (w *childWidth) detect(process windows.Handle) error {
	if err := windows.IsWow64Process(process, &w.narrow); err != nil {
		return fmt.Errorf("IsWow64Process: %w", err)
	}
	return nil
}

func (w *childWidth) redirect(d *debugger, thread windows.Handle, state uint64, x exception) (outcome, error) {
	if w.narrow {
		return d.redirect32(procWow64GetThreadContext, procWow64SetThreadContext, thread, state, x)
	}
	var s stubs.State64
	raw := unsafe.Slice((*byte)(unsafe.Pointer(&s)), unsafe.Sizeof(s))
	if err := d.read(state, raw); err != nil {
		return notGuest, err
	}
	if s.InGuest == 0 {
		return notGuest, nil
	}
	c := w.context()
	if err := threadContext(procGetThreadContext, thread, unsafe.Pointer(c)); err != nil {
		return notGuest, err
	}
	out := redirect64(&s, c, x, state, d.control.faultExit)
	switch out {
	case notGuest:
		return out, nil
	case kicked:
		return out, d.writeParts(state, raw, changed64(out, x))
	}
	if err := d.writeParts(state, raw, changed64(out, x)); err != nil {
		return notGuest, err
	}
	return out, threadContext(procSetThreadContext, thread, unsafe.Pointer(c))
}
