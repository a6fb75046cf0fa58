package kernel

import "bee/runtime/abi"

// Layout is where the start of a program put things, for /proc. The loader
// knows; addresses are the program's, 0 where there is none.
type Layout struct {
	CodeLo, CodeHi    uint64
	StackTop          uint64 // the first stack pointer
	ArgsLo, ArgsHi    uint64 // strings of the arguments; those of the environment follow
	EnvHi             uint64
	AuxvAddr, AuxvLen uint64
}

// SetLayout is called once, before the first instruction.
func (p *Process) SetLayout(l Layout) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.traits.layout = l
}

// auxv reads the auxiliary vector back, which programs may have changed: as on
// Linux it is what the start was made with, but that nobody writes there.
func (t *Task) auxv() string {
	t.proc.mu.Lock()
	l := t.proc.traits.layout
	t.proc.mu.Unlock()
	b, err := t.Bytes(l.AuxvAddr, l.AuxvLen, false)
	if err != 0 {
		return ""
	}
	return string(b)
}

// stringsAt reads what lies between two addresses of the first stack, where
// programs write titles of theirs over the arguments; fallback if it is gone.
func (t *Task) stringsAt(lo, hi uint64, fallback []string) string {
	if lo != 0 && hi > lo && hi-lo < abi.PageSize*256 {
		if b, err := t.Bytes(lo, hi-lo, false); err == 0 {
			return string(b)
		}
	}
	return zeroEnded(fallback)
}
