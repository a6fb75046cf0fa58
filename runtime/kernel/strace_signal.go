package kernel

import (
	"fmt"

	"bee/runtime/abi"
)

// restartText is what strace writes for a call that a signal has ended and whose
// result is not known yet; empty for errors that programs see.
func restartText(e abi.Errno) string {
	switch e {
	case errRestartSys:
		return "? ERESTARTSYS (To be restarted if SA_RESTART is set)"
	case errRestartNoIntr:
		return "? ERESTARTNOINTR (To be restarted)"
	case errRestartNoHand:
		return "? ERESTARTNOHAND (To be restarted if no handler)"
	case errRestartBlock:
		return "? ERESTART_RESTARTBLOCK (Interrupted by signal)"
	}
	return ""
}

// errorText is how a failed call is written.
func errorText(e abi.Errno) string {
	if s := restartText(e); s != "" {
		return s
	}
	return fmt.Sprintf("-1 %s (%s)", e.Name(), e.Error())
}

// argReturnMask is the mask that a handler returns to, from the frame below the
// stack pointer.
func argReturnMask(rt bool) traceArg {
	return in(func(f *traceFormatter, _ int) string {
		sp, mask, e := f.t.cpu.SP(), uint64(0), abi.Errno(0)
		switch {
		case f.t.is64():
			mask, e = f.t.ReadUint64(sp - 8 + abi.AMD64RtSigframeUc + abi.AMD64UcontextSigmask)
		case rt:
			mask, e = f.t.ReadUint64(sp - 4 + abi.I386RtSigframeUc + abi.I386UcontextSigmask)
		default:
			var lo, hi uint32
			if lo, e = f.t.ReadUint32(sp - 8 + abi.I386SigframeSc + abi.I386SigcontextOldmask); e == 0 {
				hi, e = f.t.ReadUint32(sp - 8 + abi.I386SigframeExtramask)
			}
			mask = uint64(hi)<<32 | uint64(lo)
		}
		if e != 0 {
			return "{mask=?}"
		}
		return "{mask=" + sigsetText(mask) + "}"
	})
}

// returnedText is the result of a handler's return: whatever the register of
// the code that goes on holds, read as a call's.
func (t *Task) returnedText(v uint64) string {
	if n := t.long(v); n < 0 && n > -4096 {
		return errorText(abi.Errno(-n))
	}
	return fmt.Sprint(t.long(v))
}

// signal writes the line of a signal that is delivered.
func (tr *tracer) signal(t *Task, in *siginfo) {
	if tr.summary {
		return
	}
	code, pid, uid, value, timer := in.code, uint32(in.pid), in.uid, in.value, in.kind == infoTimer
	if in.kind == infoRaw {
		pid, uid, value = t.rawSender(in)
	}
	s := fmt.Sprintf("si_signo=%s, si_code=%s", in.sig.Name(), signalCode(in.sig, code))
	switch {
	case in.kind == infoFault:
		s += ", si_addr=" + pointer(in.addr)
	case timer:
		s += fmt.Sprintf(", si_timerid=%s, si_overrun=%d", hexResult(uint64(pid)), int32(uid))
	case code != abi.SI_KERNEL:
		s += fmt.Sprintf(", si_pid=%d, si_uid=%d", int32(pid), uid)
	}
	if timer || in.kind == infoRaw {
		s += fmt.Sprintf(", si_int=%d, si_ptr=%s", int32(value), pointer(value))
	}
	tr.line("--- %s {%s} ---", in.sig.Name(), s)
}

// signalCode names a si_code.
func signalCode(sig abi.Signal, code int32) string {
	switch code {
	case abi.SI_USER:
		return "SI_USER"
	case abi.SI_KERNEL:
		return "SI_KERNEL"
	case abi.SI_QUEUE:
		return "SI_QUEUE"
	case abi.SI_TIMER:
		return "SI_TIMER"
	case abi.SI_TKILL:
		return "SI_TKILL"
	}
	of := map[abi.Signal]map[int32]string{
		abi.SIGSEGV: {abi.SEGV_MAPERR: "SEGV_MAPERR", abi.SEGV_ACCERR: "SEGV_ACCERR"},
		abi.SIGBUS:  {abi.BUS_ADRALN: "BUS_ADRALN", abi.BUS_ADRERR: "BUS_ADRERR", abi.BUS_OBJERR: "BUS_OBJERR"},
		abi.SIGFPE: {
			abi.FPE_INTDIV: "FPE_INTDIV", abi.FPE_INTOVF: "FPE_INTOVF", abi.FPE_FLTDIV: "FPE_FLTDIV", abi.FPE_FLTOVF: "FPE_FLTOVF",
			abi.FPE_FLTUND: "FPE_FLTUND", abi.FPE_FLTRES: "FPE_FLTRES", abi.FPE_FLTINV: "FPE_FLTINV", abi.FPE_FLTSUB: "FPE_FLTSUB",
		},
		abi.SIGILL:  {abi.ILL_ILLOPC: "ILL_ILLOPC", abi.ILL_ILLOPN: "ILL_ILLOPN", abi.ILL_PRVOPC: "ILL_PRVOPC"},
		abi.SIGTRAP: {abi.TRAP_BRKPT: "TRAP_BRKPT", abi.TRAP_TRACE: "TRAP_TRACE"},
	}
	if s := of[sig][code]; s != "" {
		return s
	}
	return fmt.Sprint(code)
}
