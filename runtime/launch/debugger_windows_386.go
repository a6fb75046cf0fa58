package launch

import "golang.org/x/sys/windows"

// childWidth is the child's width: as this process's.
type childWidth struct{}

func (childWidth) detect(windows.Handle) error { return nil }

func (childWidth) redirect(d *debugger, thread windows.Handle, state uint64, x exception) (outcome, error) {
	return d.redirect32(procGetThreadContext, procSetThreadContext, thread, state, x)
}
