package kernel

import (
	"encoding/binary"

	"bee/image"
	"bee/runtime/abi"
)

// sigaction is a signal's disposition as the program has set it.
type sigaction struct {
	handler, flags, restorer, mask uint64
	// known: the restorer is code that unwinders know a signal's frame by.
	known bool
}

// sigStack is an alternate signal stack.
type sigStack struct {
	sp, size uint64
	flags    uint32
}

// unblockable are the signals that no mask keeps away.
const unblockable = 1<<(abi.SIGKILL-1) | 1<<(abi.SIGSTOP-1)

func signalCalls() []Call {
	const self = "to the process itself and its threads"
	return []Call{
		{Name: "rt_sigaction", Handler: sysRtSigaction, Support: Full},
		{Name: "sigaction", Handler: sysSigaction, Support: Full, Arch: image.I386},
		{Name: "signal", Handler: sysSignal, Support: Full, Arch: image.I386},
		{Name: "rt_sigprocmask", Handler: sysRtSigprocmask, Support: Full},
		{Name: "sigprocmask", Handler: sysSigprocmask, Support: Full, Arch: image.I386},
		{Name: "ssetmask", Handler: sysSsetmask, Support: Full, Arch: image.I386},
		{Name: "sgetmask", Handler: func(t *Task, _ Args) (uint64, abi.Errno) { return uint64(uint32(t.sigMask)), 0 }, Support: Full, Arch: image.I386},
		{Name: "rt_sigpending", Handler: sysRtSigpending, Support: Full},
		{Name: "sigpending", Handler: sysSigpending, Support: Full, Arch: image.I386},
		{Name: "rt_sigsuspend", Handler: sysRtSigsuspend, Support: Full},
		{Name: "sigsuspend", Handler: sysSigsuspend, Support: Full, Arch: image.I386},
		{Name: "rt_sigtimedwait", Handler: sigtimedwait((*Task).readTimespec), Support: Full},
		{Name: "rt_sigtimedwait_time64", Handler: sigtimedwait((*Task).readTimespec64), Support: Full, Arch: image.I386},
		{Name: "rt_sigreturn", Handler: sysRtSigreturn, Support: Full},
		{Name: "sigreturn", Handler: func(t *Task, _ Args) (uint64, abi.Errno) { return t.sigreturn32(false) }, Support: Full, Arch: image.I386},
		{Name: "pause", Handler: sysPause, Support: Full},
		{Name: "sigaltstack", Handler: sysSigaltstack, Support: Full},
		{Name: "kill", Handler: sysKill, Support: Partial, Note: self},
		{Name: "tkill", Handler: sysTkill, Support: Partial, Note: self},
		{Name: "tgkill", Handler: sysTgkill, Support: Partial, Note: self},
		{Name: "rt_sigqueueinfo", Handler: sysRtSigqueueinfo, Support: Partial, Note: self},
		{Name: "rt_tgsigqueueinfo", Handler: sysRtTgsigqueueinfo, Support: Partial, Note: self},
		{Name: "restart_syscall", Handler: func(*Task, Args) (uint64, abi.Errno) { return 0, abi.EINTR }, Support: Full},
	}
}

// keptActionFlags are the flags that a disposition keeps: programs find out by the
// others what the kernel knows (sigaction(2), "Dynamically probing").
const keptActionFlags = abi.SA_NOCLDSTOP | abi.SA_NOCLDWAIT | abi.SA_SIGINFO | abi.SA_ONSTACK | abi.SA_RESTART |
	abi.SA_NODEFER | abi.SA_RESETHAND | abi.SA_EXPOSE_TAGBITS | abi.SA_RESTORER

func validSignal(v uint64) (abi.Signal, bool) {
	n := int32(v)
	return abi.Signal(n), n >= 1 && n <= abi.NumSignals
}

// swapAction sets a disposition, if there is one to set, and tells the old one.
func (p *Process) swapAction(sig abi.Signal, act *sigaction) sigaction {
	catches := false
	p.sig.mu.Lock()
	old := p.sig.actions[sig]
	if act != nil {
		act.mask &^= unblockable
		act.flags &= keptActionFlags
		act.known = p.sig.restorer != nil && act.flags&abi.SA_RESTORER != 0 && p.sig.restorer(act.restorer, act.flags&abi.SA_SIGINFO != 0)
		p.sig.actions[sig] = *act
		if act.handler > abi.SIG_IGN {
			p.sig.caught.Store(p.sig.caught.Load() | sigBit(sig))
		} else {
			p.sig.caught.Store(p.sig.caught.Load() &^ sigBit(sig))
		}
		catches = act.handler > abi.SIG_IGN && sigBit(sig)&faults != 0
		if act.handler == abi.SIG_IGN || act.handler == abi.SIG_DFL && sig.Ignored() {
			// What waits is forgotten (POSIX: sigaction, "SIG_IGN").
			p.sig.shared.drop(sigBit(sig))
			for _, t := range p.taskList {
				t.pending.drop(sigBit(sig))
			}
		}
	}
	p.sig.mu.Unlock()
	if catches && p.onFaultHandler != nil {
		p.faultHandler.Do(p.onFaultHandler)
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
	own, shared := t.pendingSet()
	b := binary.LittleEndian.AppendUint64(nil, (own|shared)&t.sigMask)
	return 0, t.CopyOut(a[0], b[:a[1]])
}

func sysSigpending(t *Task, a Args) (uint64, abi.Errno) {
	own, shared := t.pendingSet()
	return 0, t.WriteUint32(a[0], uint32((own|shared)&t.sigMask))
}

func sysSigaltstack(t *Task, a Args) (uint64, abi.Errno) {
	w := uint64(t.ptrSize())
	old, sp := t.altStack, t.cpu.SP()
	old.flags &= abi.SS_AUTODISARM
	switch {
	case old.size == 0:
		old.flags |= abi.SS_DISABLE
	case t.onAltStack(sp):
		old.flags |= abi.SS_ONSTACK
	}
	if a[0] != 0 {
		m, err := t.Bytes(a[0], 3*w, false)
		if err != 0 {
			return 0, err
		}
		s := sigStack{sp: t.word(m), flags: binary.LittleEndian.Uint32(m[w:]), size: t.word(m[2*w:])}
		if err := t.setAltStack(s, sp); err != 0 {
			return 0, err
		}
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

// minAltStack is the kernel's MINSIGSTKSZ.
const minAltStack = 2048

// setAltStack changes the alternate stack, which must not be in use.
func (t *Task) setAltStack(s sigStack, sp uint64) abi.Errno {
	if t.onAltStack(sp) {
		return abi.EPERM
	}
	switch s.flags &^ abi.SS_AUTODISARM {
	case abi.SS_DISABLE:
		s = sigStack{flags: s.flags}
	case 0, abi.SS_ONSTACK:
		if s.size < minAltStack {
			return abi.ENOMEM
		}
	default:
		return abi.EINVAL
	}
	t.altStack = s
	return 0
}

func sysRtSigreturn(t *Task, _ Args) (uint64, abi.Errno) {
	if t.is64() {
		return t.sigreturn64()
	}
	return t.sigreturn32(true)
}

// sysKill sends to the whole process: itself is all that it sees.
func sysKill(t *Task, a Args) (uint64, abi.Errno) {
	sig, ok := validSignal(a[1])
	pid, others := int32(a[0]), false
	switch {
	case pid == 0, int(pid) == -t.proc.pid, t.proc.task(int(pid)) != nil: // a thread's id will do
	case pid == 1, int(pid) == t.proc.PPID():
		others = true
	default:
		return 0, abi.ESRCH
	}
	switch {
	case !ok && int32(a[1]) != 0:
		return 0, abi.EINVAL
	case others:
		return 0, abi.EPERM
	}
	if sig != 0 && !t.proc.sendInfo(t.proc.sentBy(sig, abi.SI_USER)) {
		return 0, abi.EAGAIN
	}
	return 0, 0
}

// thread finds the task of a tgid (0: any) and a tid.
func (t *Task) thread(tgid, tid int32) (*Task, abi.Errno) {
	if tid <= 0 || tgid < 0 {
		return nil, abi.EINVAL
	}
	o := t.proc.task(int(tid))
	if o == nil || tgid != 0 && int(tgid) != t.proc.pid {
		return nil, abi.ESRCH
	}
	return o, 0
}

func sysTkill(t *Task, a Args) (uint64, abi.Errno) {
	o, e := t.thread(0, int32(a[0]))
	if e != 0 {
		return 0, e
	}
	return t.sendTo(o, a[1])
}

func sysTgkill(t *Task, a Args) (uint64, abi.Errno) {
	if int32(a[0]) <= 0 {
		return 0, abi.EINVAL
	}
	o, e := t.thread(int32(a[0]), int32(a[1]))
	if e != 0 {
		return 0, e
	}
	return t.sendTo(o, a[2])
}

func (t *Task) sendTo(o *Task, nr uint64) (uint64, abi.Errno) {
	if int32(nr) == 0 {
		return 0, 0
	}
	sig, ok := validSignal(nr)
	if !ok {
		return 0, abi.EINVAL
	}
	if !o.sendInfo(t.proc.sentBy(sig, abi.SI_TKILL)) {
		return 0, abi.EAGAIN
	}
	return 0, 0
}

// rawInfo reads the siginfo that a program sends itself. Only the kernel sends
// what looks like the kernel's (code >= 0) or kill's to others; to itself a
// process may send anything.
func (t *Task) rawInfo(addr, nr uint64) (siginfo, abi.Errno) {
	m, err := t.Bytes(addr, abi.SizeofI386Siginfo, false)
	if err != 0 {
		return siginfo{}, err
	}
	in := siginfo{kind: infoRaw, raw: append([]byte(nil), m...)}
	binary.LittleEndian.PutUint32(in.raw, uint32(nr))
	in.code = int32(binary.LittleEndian.Uint32(in.raw[8:]))
	sig, ok := validSignal(nr)
	if !ok && int32(nr) != 0 {
		return in, abi.EINVAL
	}
	in.sig = sig
	return in, 0
}

func sysRtSigqueueinfo(t *Task, a Args) (uint64, abi.Errno) {
	in, err := t.rawInfo(a[2], a[1])
	if err != 0 {
		return 0, err
	}
	switch {
	case int(int32(a[0])) != t.proc.pid && (in.code >= 0 || in.code == abi.SI_TKILL):
		return 0, abi.EPERM
	case t.proc.task(int(int32(a[0]))) == nil:
		return 0, abi.ESRCH
	}
	if in.sig != 0 && !t.proc.sendInfo(in) {
		return 0, abi.EAGAIN
	}
	return 0, 0
}

func sysRtTgsigqueueinfo(t *Task, a Args) (uint64, abi.Errno) {
	if int32(a[0]) <= 0 || int32(a[1]) <= 0 {
		return 0, abi.EINVAL
	}
	in, err := t.rawInfo(a[3], a[2])
	if err != 0 {
		return 0, err
	}
	if int(int32(a[0])) != t.proc.pid && (in.code >= 0 || in.code == abi.SI_TKILL) {
		return 0, abi.EPERM
	}
	o, err := t.thread(int32(a[0]), int32(a[1]))
	if err != 0 {
		return 0, err
	}
	if in.sig != 0 && !o.sendInfo(in) {
		return 0, abi.EAGAIN
	}
	return 0, 0
}
