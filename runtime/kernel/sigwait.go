package kernel

import (
	"time"

	"bee/runtime/abi"
)

// Calls that wait for a signal.

func sysRtSigsuspend(t *Task, a Args) (uint64, abi.Errno) {
	if a[1] != 8 {
		return 0, abi.EINVAL
	}
	set, err := t.ReadUint64(a[0])
	if err != 0 {
		return 0, err
	}
	return t.sigsuspend(set)
}

// sysSigsuspend takes a mask of 32 signals; two further arguments mean nothing.
func sysSigsuspend(t *Task, a Args) (uint64, abi.Errno) { return t.sigsuspend(uint64(uint32(a[2]))) }

func (t *Task) sigsuspend(mask uint64) (uint64, abi.Errno) {
	t.waitMask(mask)
	t.sleep(-1)
	return 0, errRestartNoHand
}

func sysPause(t *Task, _ Args) (uint64, abi.Errno) {
	t.sleep(-1)
	return 0, errRestartNoHand
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
		in, err := t.waitSignal(set&^unblockable, d)
		if err != 0 {
			return 0, err
		}
		if a[1] != 0 {
			if err := t.CopyOut(a[1], t.encodeInfo(&in)); err != 0 {
				return 0, err
			}
		}
		return uint64(in.sig), 0
	}
}

// waitSignal takes a signal of set as soon as one is pending. EAGAIN after d,
// EINTR if a handler for another one is to run.
func (t *Task) waitSignal(set uint64, d time.Duration) (siginfo, abi.Errno) {
	s := &t.proc.sig
	defer func() {
		s.mu.Lock()
		t.waitSet = 0
		t.recalc()
		// What this task was told of may have come for others too.
		left := s.shared.set & set & t.sigMask
		s.mu.Unlock()
		if left != 0 {
			t.proc.retarget(t, left)
		}
	}()
	at := t.deadline(d)
	for {
		s.mu.Lock()
		t.waitSet = set
		in, ok := t.takeSignal(set)
		t.recalc()
		s.mu.Unlock()
		if ok {
			if in.timer != nil {
				in.timer.delivered(&in)
			}
			return in, 0
		}
		switch t.park(at) {
		case 0:
		case abi.ETIMEDOUT:
			return siginfo{}, abi.EAGAIN
		default:
			return siginfo{}, abi.EINTR
		}
	}
}
