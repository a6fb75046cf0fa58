package kernel

import (
	"encoding/binary"
	"time"

	"bee/image"
	"bee/runtime/abi"
)

// sigaction is a signal's disposition as the program has set it.
type sigaction struct {
	handler, flags, restorer, mask uint64
}

// sigStack is an alternate signal stack.
type sigStack struct {
	sp, size uint64
	flags    uint32
}

// unblockable are the signals that no mask keeps away.
const unblockable = 1<<(abi.SIGKILL-1) | 1<<(abi.SIGSTOP-1)

func signalCalls() []Call {
	const (
		kept  = "kept and told; handlers do not run yet"
		sends = "to the process itself: default actions and ignored signals; handlers do not run yet"
		waits = "nothing but a pending signal ends the wait"
	)
	return []Call{
		{Name: "rt_sigaction", Handler: sysRtSigaction, Support: Partial, Note: kept},
		{Name: "sigaction", Handler: sysSigaction, Support: Partial, Note: kept, Arch: image.I386},
		{Name: "signal", Handler: sysSignal, Support: Partial, Note: kept, Arch: image.I386},
		{Name: "rt_sigprocmask", Handler: sysRtSigprocmask, Support: Full},
		{Name: "sigprocmask", Handler: sysSigprocmask, Support: Full, Arch: image.I386},
		{Name: "ssetmask", Handler: sysSsetmask, Support: Full, Arch: image.I386},
		{Name: "sgetmask", Handler: func(t *Task, _ Args) (uint64, abi.Errno) { return uint64(uint32(t.sigMask)), 0 }, Support: Full, Arch: image.I386},
		{Name: "rt_sigpending", Handler: sysRtSigpending, Support: Full},
		{Name: "sigpending", Handler: sysSigpending, Support: Full, Arch: image.I386},
		{Name: "rt_sigsuspend", Handler: sysRtSigsuspend, Support: Partial, Note: waits},
		{Name: "rt_sigtimedwait", Handler: sigtimedwait((*Task).readTimespec), Support: Partial, Note: waits},
		{Name: "rt_sigtimedwait_time64", Handler: sigtimedwait((*Task).readTimespec64), Support: Partial, Note: waits, Arch: image.I386},
		{Name: "pause", Handler: sysPause, Support: Partial, Note: waits},
		{Name: "sigaltstack", Handler: sysSigaltstack, Support: Full},
		{Name: "kill", Handler: sysKill, Support: Partial, Note: sends},
		{Name: "tkill", Handler: sysTkill, Support: Partial, Note: sends},
		{Name: "tgkill", Handler: sysTgkill, Support: Partial, Note: sends},
		{Name: "rt_sigqueueinfo", Handler: sysRtSigqueueinfo, Support: Partial, Note: sends},
	}
}

// Send sends a signal to the task, which is the caller's own: SIGPIPE of a
// write, say.
func (t *Task) Send(sig abi.Signal) {
	p := t.proc
	if sig == abi.SIGKILL {
		t.Kill(sig)
		return
	}
	p.mu.Lock()
	act := p.actions[sig]
	p.mu.Unlock()
	bit := uint64(1) << (sig - 1)
	switch {
	case t.sigMask&bit != 0 && sig != abi.SIGSTOP:
		t.pending.Or(bit)
	case act.handler == abi.SIG_IGN, act.handler == abi.SIG_DFL && sig.Ignored():
	case act.handler == abi.SIG_DFL && sig.Stops():
		p.logOnce("stop", "%s would stop the program, which is not supported yet: ignored", sig.Name())
	case act.handler == abi.SIG_DFL:
		t.Kill(sig)
	default:
		p.logOnce("handler"+sig.Name(), "the program has a handler for %s, which cannot run yet: the signal is ignored", sig.Name())
	}
}

// setMask changes the mask and delivers what it no longer holds back.
func (t *Task) setMask(mask uint64) {
	t.sigMask = mask &^ unblockable
	for {
		ready := t.pending.Load() &^ t.sigMask
		if ready == 0 {
			return
		}
		for sig := abi.Signal(1); sig <= abi.NumSignals; sig++ {
			if bit := uint64(1) << (sig - 1); ready&bit != 0 {
				t.pending.And(^bit)
				t.Send(sig)
			}
		}
	}
}

func validSignal(v uint64) (abi.Signal, bool) {
	n := int32(v)
	return abi.Signal(n), n >= 1 && n <= abi.NumSignals
}

// swapAction sets a disposition, if there is one to set, and tells the old one.
func (p *Process) swapAction(sig abi.Signal, act *sigaction) sigaction {
	p.mu.Lock()
	defer p.mu.Unlock()
	old := p.actions[sig]
	if act != nil {
		act.mask &^= unblockable
		p.actions[sig] = *act
	}
	return old
}

func sysRtSigaction(t *Task, a Args) (uint64, abi.Errno) {
	if a[3] != 8 {
		return 0, abi.EINVAL
	}
	sig, ok := validSignal(a[0])
	if !ok || (a[1] != 0 && (sig == abi.SIGKILL || sig == abi.SIGSTOP)) {
		return 0, abi.EINVAL
	}
	w := uint64(t.ptrSize())
	size := 3*w + 8
	var act *sigaction
	if a[1] != 0 {
		m, err := t.Bytes(a[1], size, false)
		if err != 0 {
			return 0, err
		}
		act = &sigaction{
			handler: t.word(m), flags: t.word(m[w:]), restorer: t.word(m[2*w:]),
			mask: binary.LittleEndian.Uint64(m[3*w:]),
		}
	}
	old := t.proc.swapAction(sig, act)
	if a[2] == 0 {
		return 0, 0
	}
	m, err := t.Bytes(a[2], size, true)
	if err != 0 {
		return 0, err
	}
	t.putWord(m, old.handler)
	t.putWord(m[w:], old.flags)
	t.putWord(m[2*w:], old.restorer)
	binary.LittleEndian.PutUint64(m[3*w:], old.mask)
	return 0, 0
}

// word decodes a long of the guest's width.
func (t *Task) word(m []byte) uint64 {
	if t.is64() {
		return binary.LittleEndian.Uint64(m)
	}
	return uint64(binary.LittleEndian.Uint32(m))
}

// putWord encodes a long of the guest's width.
func (t *Task) putWord(m []byte, v uint64) {
	if t.is64() {
		binary.LittleEndian.PutUint64(m, v)
	} else {
		binary.LittleEndian.PutUint32(m, uint32(v))
	}
}

func sysSigaction(t *Task, a Args) (uint64, abi.Errno) {
	sig, ok := validSignal(a[0])
	if !ok || (a[1] != 0 && (sig == abi.SIGKILL || sig == abi.SIGSTOP)) {
		return 0, abi.EINVAL
	}
	var act *sigaction
	if a[1] != 0 {
		m, err := t.Bytes(a[1], abi.SizeofI386OldSigaction, false)
		if err != 0 {
			return 0, err
		}
		act = &sigaction{
			handler: t.word(m[abi.I386OldSigactionHandler:]), flags: t.word(m[abi.I386OldSigactionFlags:]),
			restorer: t.word(m[abi.I386OldSigactionRestorer:]), mask: t.word(m[abi.I386OldSigactionMask:]),
		}
	}
	old := t.proc.swapAction(sig, act)
	if a[2] == 0 {
		return 0, 0
	}
	m, err := t.Bytes(a[2], abi.SizeofI386OldSigaction, true)
	if err != 0 {
		return 0, err
	}
	t.putWord(m[abi.I386OldSigactionHandler:], old.handler)
	t.putWord(m[abi.I386OldSigactionFlags:], old.flags)
	t.putWord(m[abi.I386OldSigactionRestorer:], old.restorer)
	t.putWord(m[abi.I386OldSigactionMask:], old.mask)
	return 0, 0
}

func sysSignal(t *Task, a Args) (uint64, abi.Errno) {
	sig, ok := validSignal(a[0])
	if !ok || sig == abi.SIGKILL || sig == abi.SIGSTOP {
		return 0, abi.EINVAL
	}
	old := t.proc.swapAction(sig, &sigaction{handler: a[1], flags: abi.SA_ONESHOT | abi.SA_NOMASK})
	return old.handler, 0
}

// changeMask applies what sigprocmask asks for.
func (t *Task) changeMask(how int32, set uint64) abi.Errno {
	set &^= unblockable
	switch how {
	case abi.SIG_BLOCK:
		t.setMask(t.sigMask | set)
	case abi.SIG_UNBLOCK:
		t.setMask(t.sigMask &^ set)
	case abi.SIG_SETMASK:
		t.setMask(set)
	default:
		return abi.EINVAL
	}
	return 0
}

func sysRtSigprocmask(t *Task, a Args) (uint64, abi.Errno) {
	if a[3] != 8 {
		return 0, abi.EINVAL
	}
	old := t.sigMask
	if a[1] != 0 {
		set, err := t.ReadUint64(a[1])
		if err != 0 {
			return 0, err
		}
		if err := t.changeMask(int32(a[0]), set); err != 0 {
			return 0, err
		}
	}
	if a[2] != 0 {
		return 0, t.WriteUint64(a[2], old)
	}
	return 0, 0
}

func sysSigprocmask(t *Task, a Args) (uint64, abi.Errno) {
	old := t.sigMask
	if a[1] != 0 {
		set, err := t.ReadUint32(a[1])
		if err != 0 {
			return 0, err
		}
		// The call knows the first 32 signals only and leaves the rest.
		v := uint64(set)
		if int32(a[0]) == abi.SIG_SETMASK {
			v |= old &^ 0xffffffff
		}
		if err := t.changeMask(int32(a[0]), v); err != 0 {
			return 0, err
		}
	}
	if a[2] != 0 {
		return 0, t.WriteUint32(a[2], uint32(old))
	}
	return 0, 0
}

func sysSsetmask(t *Task, a Args) (uint64, abi.Errno) {
	old := uint32(t.sigMask)
	t.setMask(t.sigMask&^0xffffffff | uint64(uint32(a[0])))
	return uint64(old), 0
}

func sysRtSigpending(t *Task, a Args) (uint64, abi.Errno) {
	if a[1] > 8 {
		return 0, abi.EINVAL
	}
	b := binary.LittleEndian.AppendUint64(nil, t.pending.Load()&t.sigMask)
	return 0, t.CopyOut(a[0], b[:a[1]])
}

func sysSigpending(t *Task, a Args) (uint64, abi.Errno) {
	return 0, t.WriteUint32(a[0], uint32(t.pending.Load()&t.sigMask))
}

func sysRtSigsuspend(t *Task, a Args) (uint64, abi.Errno) {
	if a[1] != 8 {
		return 0, abi.EINVAL
	}
	set, err := t.ReadUint64(a[0])
	if err != 0 {
		return 0, err
	}
	old := t.sigMask
	t.setMask(set)
	if _, ok := t.Exited(); !ok {
		t.sleep(-1)
	}
	t.setMask(old)
	return 0, abi.EINTR
}

func sysPause(t *Task, _ Args) (uint64, abi.Errno) {
	t.sleep(-1)
	return 0, abi.EINTR
}

func sigtimedwait(read func(*Task, uint64) (time.Duration, abi.Errno)) Handler {
	return func(t *Task, a Args) (uint64, abi.Errno) {
		if a[3] != 8 {
			return 0, abi.EINVAL
		}
		set, err := t.ReadUint64(a[0])
		if err != 0 {
			return 0, err
		}
		d := time.Duration(-1)
		if a[2] != 0 {
			if d, err = read(t, a[2]); err != 0 {
				return 0, err
			}
		}
		for sig := abi.Signal(1); sig <= abi.NumSignals; sig++ {
			bit := uint64(1) << (sig - 1)
			if t.pending.Load()&set&bit == 0 {
				continue
			}
			t.pending.And(^bit)
			if a[1] != 0 {
				info := make([]byte, abi.SizeofI386Siginfo)
				info[0] = byte(sig)
				return uint64(sig), t.CopyOut(a[1], info)
			}
			return uint64(sig), 0
		}
		t.sleep(d)
		return 0, abi.EAGAIN
	}
}

func sysSigaltstack(t *Task, a Args) (uint64, abi.Errno) {
	w := uint64(t.ptrSize())
	old := t.altStack
	if old.size == 0 {
		old.flags = abi.SS_DISABLE
	}
	if a[0] != 0 {
		m, err := t.Bytes(a[0], 3*w, false)
		if err != 0 {
			return 0, err
		}
		s := sigStack{sp: t.word(m), flags: binary.LittleEndian.Uint32(m[w:]), size: t.word(m[2*w:])}
		switch s.flags &^ abi.SS_AUTODISARM {
		case abi.SS_DISABLE:
			s = sigStack{flags: abi.SS_DISABLE}
		case 0, abi.SS_ONSTACK:
			if s.size < 2048 { // MINSIGSTKSZ
				return 0, abi.ENOMEM
			}
			s.flags &= abi.SS_AUTODISARM
		default:
			return 0, abi.EINVAL
		}
		t.altStack = s
	}
	if a[1] != 0 {
		m, err := t.Bytes(a[1], 3*w, true)
		if err != 0 {
			return 0, err
		}
		clear(m)
		t.putWord(m, old.sp)
		binary.LittleEndian.PutUint32(m[w:], old.flags)
		t.putWord(m[2*w:], old.size)
	}
	return 0, 0
}

// send is what the calls of kill's family come to.
func (t *Task) send(sig uint64) (uint64, abi.Errno) {
	if int32(sig) == 0 {
		return 0, 0
	}
	s, ok := validSignal(sig)
	if !ok {
		return 0, abi.EINVAL
	}
	t.Send(s)
	return 0, 0
}

func sysKill(t *Task, a Args) (uint64, abi.Errno) {
	if _, ok := validSignal(a[1]); !ok && int32(a[1]) != 0 {
		return 0, abi.EINVAL
	}
	switch pid := int32(a[0]); {
	case int(pid) == t.proc.pid, pid == 0, int(pid) == -t.proc.pid:
		return t.send(a[1])
	case pid == 1 || int(pid) == t.proc.PPID():
		return 0, abi.EPERM
	}
	return 0, abi.ESRCH
}

func sysTkill(t *Task, a Args) (uint64, abi.Errno) {
	if int32(a[0]) <= 0 {
		return 0, abi.EINVAL
	}
	if int(int32(a[0])) != t.tid {
		return 0, abi.ESRCH
	}
	return t.send(a[1])
}

func sysTgkill(t *Task, a Args) (uint64, abi.Errno) {
	if int32(a[0]) <= 0 || int32(a[1]) <= 0 {
		return 0, abi.EINVAL
	}
	if int(int32(a[0])) != t.proc.pid {
		return 0, abi.ESRCH
	}
	return sysTkill(t, Args{a[1], a[2]})
}

func sysRtSigqueueinfo(t *Task, a Args) (uint64, abi.Errno) {
	if _, err := t.Bytes(a[2], abi.SizeofI386Siginfo, false); err != 0 {
		return 0, err
	}
	return sysKill(t, a)
}
