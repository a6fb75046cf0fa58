package kernel

import "bee/runtime/abi"

// What PR_GET_TIMING, PR_GET_TSC and PR_MCE_KILL_GET answer.
const (
	prTimingStatistical = 0
	prTSCEnable         = 1
	prMCEKillDefault    = 2
)

func sysPrctl(t *Task, a Args) (uint64, abi.Errno) {
	p := t.proc
	rest := a[1] | a[2] | a[3] | a[4]
	// flag is an answer of 0 or 1; it takes no arguments.
	flag := func(v bool) (uint64, abi.Errno) {
		switch {
		case rest != 0:
			return 0, abi.EINVAL
		case v:
			return 1, 0
		}
		return 0, 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch int32(a[0]) {
	case abi.PR_SET_NAME:
		return t.setName(a[1])
	case abi.PR_GET_NAME:
		var b [16]byte
		copy(b[:15], t.name())
		return 0, t.CopyOut(a[1], b[:])
	case abi.PR_SET_DUMPABLE:
		if a[1] > 1 {
			return 0, abi.EINVAL
		}
		p.dumpable = a[1]
		return 0, 0
	case abi.PR_GET_DUMPABLE:
		return p.dumpable, 0
	case abi.PR_SET_PDEATHSIG:
		if a[1] > abi.NumSignals {
			return 0, abi.EINVAL
		}
		p.deathSignal = uint32(a[1])
		return 0, 0
	case abi.PR_GET_PDEATHSIG:
		return 0, t.WriteUint32(a[1], p.deathSignal)
	case abi.PR_SET_NO_NEW_PRIVS:
		if a[1] != 1 || a[2]|a[3]|a[4] != 0 {
			return 0, abi.EINVAL
		}
		p.noNewPrivs = true
		return 0, 0
	case abi.PR_GET_NO_NEW_PRIVS:
		return flag(p.noNewPrivs)
	case abi.PR_SET_KEEPCAPS:
		if a[1] > 1 {
			return 0, abi.EINVAL
		}
		p.keepCaps = a[1]
		return 0, 0
	case abi.PR_GET_KEEPCAPS:
		return p.keepCaps, 0
	case abi.PR_SET_CHILD_SUBREAPER:
		p.traits.subreaper = a[1] != 0
		return 0, 0
	case abi.PR_GET_CHILD_SUBREAPER:
		v := uint32(0)
		if p.traits.subreaper {
			v = 1
		}
		return 0, t.WriteUint32(a[1], v)
	case abi.PR_SET_THP_DISABLE:
		if a[2]|a[3]|a[4] != 0 {
			return 0, abi.EINVAL
		}
		p.traits.noHugePages = a[1] != 0
		return 0, 0
	case abi.PR_GET_THP_DISABLE:
		return flag(p.traits.noHugePages)
	case abi.PR_SET_TIMERSLACK:
		t.traits.slack = a[1]
		if t.long(a[1]) <= 0 {
			t.traits.slack = 0
		}
		return 0, 0
	case abi.PR_GET_TIMERSLACK:
		if t.traits.slack == 0 {
			return defaultSlack, 0
		}
		return t.traits.slack, 0
	case abi.PR_GET_TIMING:
		return prTimingStatistical, 0
	case abi.PR_SET_TIMING:
		if a[1] != prTimingStatistical {
			return 0, abi.EINVAL
		}
		return 0, 0
	case abi.PR_GET_TSC:
		return 0, t.WriteUint32(a[1], prTSCEnable)
	case abi.PR_SET_TSC:
		if a[1] != prTSCEnable {
			return 0, abi.EINVAL
		}
		return 0, 0
	case abi.PR_MCE_KILL_GET:
		if rest != 0 {
			return 0, abi.EINVAL
		}
		return prMCEKillDefault, 0
	case abi.PR_GET_TID_ADDRESS:
		return 0, t.WritePtr(a[1], t.clearTID)
	case abi.PR_GET_SECCOMP:
		return 0, 0
	case abi.PR_GET_SECUREBITS:
		if p.keepCaps != 0 {
			return abi.SECBIT_KEEP_CAPS, 0
		}
		return 0, 0
	case abi.PR_SET_SECUREBITS:
		return 0, t.privileged()
	case abi.PR_CAPBSET_READ:
		if a[1] > abi.CAP_LAST_CAP {
			return 0, abi.EINVAL
		}
		return 1, 0
	case abi.PR_CAPBSET_DROP:
		if err := t.privileged(); err != 0 {
			return 0, err
		}
		if a[1] > abi.CAP_LAST_CAP {
			return 0, abi.EINVAL
		}
		return 0, 0
	case abi.PR_CAP_AMBIENT:
		return t.ambient(a)
	case abi.PR_SET_MM, abi.PR_SET_IO_FLUSHER, abi.PR_GET_IO_FLUSHER:
		return 0, abi.EPERM
	case abi.PR_SET_PTRACER:
		return 0, 0 // nobody traces
	}
	return 0, abi.EINVAL
}

// privileged answers EPERM to all but root.
func (t *Task) privileged() abi.Errno {
	if t.proc.uid != 0 {
		return abi.EPERM
	}
	return 0
}

// ambient is PR_CAP_AMBIENT for a user without capabilities: the set is empty.
func (t *Task) ambient(a Args) (uint64, abi.Errno) {
	if a[1] == abi.PR_CAP_AMBIENT_CLEAR_ALL {
		if a[2]|a[3]|a[4] != 0 {
			return 0, abi.EINVAL
		}
		return 0, 0
	}
	if a[2] > abi.CAP_LAST_CAP || a[3]|a[4] != 0 {
		return 0, abi.EINVAL
	}
	switch a[1] {
	case abi.PR_CAP_AMBIENT_IS_SET, abi.PR_CAP_AMBIENT_LOWER:
		return 0, 0
	case abi.PR_CAP_AMBIENT_RAISE:
		return 0, abi.EPERM
	}
	return 0, abi.EINVAL
}

// setName takes the first 15 bytes of a string. The process's name is its
// first thread's. p.mu is held.
func (t *Task) setName(addr uint64) (uint64, abi.Errno) {
	name := make([]byte, 0, 16)
	for i := range uint64(15) {
		m, err := t.Bytes(addr+i, 1, false)
		if err != 0 {
			return 0, err
		}
		if m[0] == 0 {
			break
		}
		name = append(name, m[0])
	}
	if t.tid == t.proc.pid {
		t.proc.comm = string(name)
	} else {
		t.traits.name = string(name)
		t.traits.named = true
	}
	return 0, 0
}

// name tells the thread's name. p.mu is held.
func (t *Task) name() string {
	if t.traits.named {
		return t.traits.name
	}
	return t.proc.comm
}
