package kernel

import (
	"bee/runtime/abi"
)

// Registers are a guest's, of either width: IA-32 programs use the lower
// halves of the first eight. PC is always an address of the program itself.
type Registers struct {
	AX, CX, DX, BX, SP, BP, SI, DI uint64
	R8, R9, R10, R11               uint64
	R12, R13, R14, R15             uint64
	PC, Flags                      uint64
	// FP is the x87 and vector state in XSAVE's standard format (Intel SDM
	// vol. 1, 13.4), or in FXSAVE's 512 bytes where the processor has no
	// XSAVE. nil is the state that a program starts with. Its capacity is
	// that of all components; those at its end may be left out that are in
	// their initial state.
	FP []byte
}

// Machine is the part of a CPU that signals need.
type Machine interface {
	// Registers tells where the guest stands, vector state included if fp.
	Registers(r *Registers, fp bool)
	// SetRegisters makes the guest go on elsewhere.
	SetRegisters(r *Registers)
	// SetReturn sets the result of the system call that is being carried out.
	SetReturn(v int64)
	// SyscallAgain makes the guest execute that call's instruction again,
	// with the number nr in its register.
	SyscallAgain(nr uint32)
	// Interrupt makes the guest come back to the host, or not even go there.
	// It may be called from any goroutine and does not wait.
	Interrupt()
	// SP is the guest's stack pointer.
	SP() uint64
}

// Attention tells whether there is something to do before the guest goes on:
// a signal, or the end. It is cheap.
func (t *Task) Attention() bool { return t.attention.Load() }

// NeedsRestart tells whether a system call's result is none yet: a signal has
// interrupted it, and what it answers depends on whether a handler runs.
func NeedsRestart(result int64) bool {
	return result <= -int64(firstRestartErrno) && result >= -int64(lastRestartErrno)
}

// SyscallExit does what is due after a system call of the guest whose result
// it may not see yet: it delivers signals, and begins interrupted calls again.
// The caller has set result, and asks Exited afterwards.
func (t *Task) SyscallExit(nr uint32, a Args, result int64) {
	for {
		again := abi.Errno(0)
		if NeedsRestart(result) {
			again = abi.Errno(-result)
		}
		delivered := t.deliver(nr, again)
		if t.exitedNow() {
			return
		}
		if delivered || again == 0 {
			break
		}
		// Nobody has handled the signal: as if nothing had been.
		t.restarting = again == errRestartBlock
		result = t.Syscall(nr, a)
		t.restarting = false
		t.cpu.SetReturn(result)
	}
	t.restoreMask()
}

// Deliver does what is due at a point that is no system call.
func (t *Task) Deliver() {
	t.deliver(0, 0)
	t.restoreMask()
}

// exitedNow tells whether the task must not go on.
func (t *Task) exitedNow() bool { return t.exited || t.proc.exited.Load() }

// restoreMask ends the mask that a call like sigsuspend had set for its wait
// when no handler has run; otherwise the handler's return does so.
func (t *Task) restoreMask() {
	if t.maskSaved {
		t.maskSaved = false
		t.setMask(t.savedMask)
	}
}

// waitMask sets the mask that a call like sigsuspend or ppoll wants while it
// waits.
func (t *Task) waitMask(mask uint64) {
	if !t.maskSaved {
		t.savedMask, t.maskSaved = t.sigMask, true
	}
	t.setMask(mask)
}

// deliver carries out the actions of all signals that are let through, and
// tells whether any was a handler. again is why the call nr has no result.
func (t *Task) deliver(nr uint32, again abi.Errno) (handled bool) {
	s := &t.proc.sig
	for !t.exitedNow() {
		s.mu.Lock()
		in, ok := t.takeSignal(^t.sigMask)
		if !ok {
			t.recalc()
			s.mu.Unlock()
			return handled
		}
		act := s.actions[in.sig]
		if act.handler > abi.SIG_IGN && act.flags&abi.SA_RESETHAND != 0 {
			s.actions[in.sig].handler = abi.SIG_DFL
		}
		s.mu.Unlock()
		if in.timer != nil {
			in.timer.delivered(&in)
		}
		if tr := t.proc.trace; tr != nil {
			tr.signal(t, &in)
		}
		switch {
		case act.handler == abi.SIG_IGN, act.handler == abi.SIG_DFL && (in.sig.Ignored() || in.sig.Stops()):
			continue
		case act.handler == abi.SIG_DFL:
			t.Kill(in.sig)
			return handled
		}
		if again != 0 {
			if again == errRestartNoIntr || again == errRestartSys && act.flags&abi.SA_RESTART != 0 {
				t.cpu.SyscallAgain(nr)
			} else {
				t.cpu.SetReturn(-int64(abi.EINTR))
			}
			again = 0
		}
		handled = true
		t.handle(&in, &act)
	}
	return handled
}

// handle makes the guest go on in a handler.
func (t *Task) handle(in *siginfo, act *sigaction) {
	if in.trap != 0 || in.kind == infoFault {
		t.trap, t.trapErr, t.cr2 = in.trap, in.err, in.cr2
	}
	mask := t.sigMask
	if t.maskSaved {
		mask = t.savedMask
	}
	if !t.pushFrame(in, act, mask) {
		// The stack is no good: that is a SIGSEGV, which no handler on the
		// same stack can get either (Linux: signal_setup_done).
		t.force(siginfo{sig: abi.SIGSEGV, code: abi.SI_KERNEL}, in.sig == abi.SIGSEGV)
		return
	}
	t.maskSaved = false
	next := t.sigMask | act.mask
	if act.flags&abi.SA_NODEFER == 0 {
		next |= sigBit(in.sig)
	}
	t.setMask(next)
}

// Fault delivers a hardware exception that has happened in the guest: to its
// handler, if it has one and does not hold the signal back. false: the
// process has ended by it.
func (t *Task) Fault(f FaultInfo) bool {
	t.force(siginfo{
		sig: f.Signal, code: f.Code, kind: infoFault, addr: f.Addr,
		trap: f.Trap, err: f.Err, cr2: f.CR2,
	}, false)
	if t.exitedNow() {
		return false
	}
	t.Deliver()
	return !t.exitedNow()
}

// FaultInfo is what Linux makes of a hardware exception.
type FaultInfo struct {
	Signal abi.Signal
	Code   int32  // si_code
	Addr   uint64 // si_addr
	// Trap is the exception's vector, Err its error code, CR2 the address of
	// a page fault (Intel SDM vol. 3A, 6.15).
	Trap, Err, CR2 uint64
}

// force sends a signal that cannot be kept waiting: blocked or ignored, it
// ends the process (Linux: force_sig_info).
func (t *Task) force(in siginfo, kill bool) {
	s := &t.proc.sig
	s.mu.Lock()
	h := s.actions[in.sig].handler
	if kill || h == abi.SIG_DFL || h == abi.SIG_IGN || t.sigMask&sigBit(in.sig) != 0 {
		s.mu.Unlock()
		if tr := t.proc.trace; tr != nil {
			tr.signal(t, &in)
		}
		t.Kill(in.sig)
		return
	}
	t.pending.add(in, false)
	t.attention.Store(true)
	s.mu.Unlock()
}
