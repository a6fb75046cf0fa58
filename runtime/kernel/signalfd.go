package kernel

import (
	"fmt"
	"sync/atomic"

	"bee/runtime/abi"
	"bee/runtime/host"
)

func signalfdCalls() []Call {
	return []Call{
		{Name: "signalfd", Handler: func(t *Task, a Args) (uint64, abi.Errno) { return t.signalfd(a[0], a[1], a[2], 0) }, Support: Full},
		{Name: "signalfd4", Handler: func(t *Task, a Args) (uint64, abi.Errno) { return t.signalfd(a[0], a[1], a[2], uint32(a[3])) }, Support: Full},
	}
}

// signalfd gives the signals of a set to whoever reads it: those of the
// reading task and of the process (signalfd(2)).
type signalfd struct {
	p    *Process
	mask atomic.Uint64
}

func (t *Task) signalfd(fd, addr, size uint64, flags uint32) (uint64, abi.Errno) {
	if size != 8 {
		return 0, abi.EINVAL
	}
	mask, e := t.ReadUint64(addr)
	if e != 0 {
		return 0, e
	}
	if flags&^(abi.O_CLOEXEC|abi.O_NONBLOCK) != 0 {
		return 0, abi.EINVAL
	}
	mask &^= unblockable
	if int32(fd) == -1 {
		s := &signalfd{p: t.proc}
		s.mask.Store(mask)
		return t.openAnon(newAnon(signalfdOps{}, s, abi.O_RDWR, flags), flags)
	}
	f, e := t.file(fd)
	if e != 0 {
		return 0, e
	}
	defer t.proc.files.put(f)
	s, ok := f.data.(*signalfd)
	if !ok {
		return 0, abi.EINVAL
	}
	s.mask.Store(mask)
	s.p.sig.arrived.wakeFor(wakeIn)
	return uint64(uint32(fd)), 0
}

// take takes the next signal of the set.
func (s *signalfd) take(t *Task) (siginfo, bool) {
	sig := &t.proc.sig
	sig.mu.Lock()
	in, ok := t.takeSignal(s.mask.Load())
	if ok {
		t.recalc()
	}
	sig.mu.Unlock()
	if ok && in.timer != nil {
		in.timer.delivered(&in)
	}
	return in, ok
}

// signalfdOps are signalfd's descriptors.
type signalfdOps struct{ anonOps }

func (signalfdOps) plainReady() {}

func (signalfdOps) queue(f *File) *waitQueue { return &f.data.(*signalfd).p.sig.arrived }

func (signalfdOps) fdName(*File) string { return "anon_inode:[signalfd]" }

func (signalfdOps) fdInfo(f *File) string {
	return fmt.Sprintf("sigmask:\t%016x\n", f.data.(*signalfd).mask.Load())
}

// read gives as many signals as there are and have room; it waits for the
// first one.
func (signalfdOps) read(t *Task, f *File, b []byte) (int, abi.Errno) {
	const size = abi.SizeofI386SignalfdSiginfo
	if len(b) < size {
		return 0, abi.EINVAL
	}
	s := f.data.(*signalfd)
	in, ok := s.take(t)
	if !ok {
		if f.nonblock() {
			return 0, abi.EAGAIN
		}
		if e := t.waitOn(&s.p.sig.arrived, forever, func() bool { in, ok = s.take(t); return ok }); e != 0 {
			return 0, e
		}
	}
	n := 0
	for ok {
		t.putSignalfd(b[n:n+size], &in)
		if n += size; n+size > len(b) {
			break
		}
		in, ok = s.take(t)
	}
	return n, 0
}

func (signalfdOps) poll(t *Task, f *File) host.Ready {
	own, shared := t.pendingSet()
	return host.Ready{In: (own|shared)&f.data.(*signalfd).mask.Load() != 0}
}

// putSignalfd makes a struct signalfd_siginfo, which is the same for both
// widths.
func (t *Task) putSignalfd(b []byte, in *siginfo) {
	clear(b)
	put32(b[abi.I386SignalfdSiginfoSigno:], uint32(in.sig))
	code, pid, uid, value := in.code, uint32(in.pid), in.uid, in.value
	if in.kind == infoRaw {
		put32(b[abi.I386SignalfdSiginfoErrno:], le32(in.raw[4:]))
		pid, uid, value = t.rawSender(in)
	} else {
		put32(b[abi.I386SignalfdSiginfoErrno:], uint32(in.errno))
	}
	put32(b[abi.I386SignalfdSiginfoCode:], uint32(code))
	switch {
	case in.kind == infoFault:
		put64(b[abi.I386SignalfdSiginfoAddr:], in.addr)
		return
	case code == abi.SI_TIMER:
		put32(b[abi.I386SignalfdSiginfoTid:], pid)
		put32(b[abi.I386SignalfdSiginfoOverrun:], uid)
	default:
		put32(b[abi.I386SignalfdSiginfoPid:], pid)
		put32(b[abi.I386SignalfdSiginfoUid:], uid)
	}
	if code < 0 {
		put32(b[abi.I386SignalfdSiginfoInt:], uint32(value))
		put64(b[abi.I386SignalfdSiginfoPtr:], value)
	}
}

// rawSender is what a siginfo that a program made itself holds where others tell
// who has sent them.
func (t *Task) rawSender(in *siginfo) (pid, uid uint32, value uint64) {
	at := [3]int{abi.I386SiginfoPid, abi.I386SiginfoUid, abi.I386SiginfoValue}
	if t.is64() {
		at = [3]int{abi.AMD64SiginfoPid, abi.AMD64SiginfoUid, abi.AMD64SiginfoValue}
	}
	return le32(in.raw[at[0]:]), le32(in.raw[at[1]:]), t.word(in.raw[at[2]:])
}
