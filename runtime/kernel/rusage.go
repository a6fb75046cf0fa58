package kernel

import (
	"time"

	"bee/runtime/abi"
)

// sysTimes tells processor time and the ticks since boot. There are no
// children whose time would be added up.
func sysTimes(t *Task, a Args) (uint64, abi.Errno) {
	if a[0] != 0 {
		m, err := t.Bytes(a[0], uint64(4*t.ptrSize()), true)
		if err != 0 {
			return 0, err
		}
		user, system := t.proc.clock.ProcessCPU()
		for i, d := range []time.Duration{user, system, 0, 0} {
			t.putWord(m[i*t.ptrSize():], uint64(d/clockTick))
		}
	}
	ticks := uint64(t.proc.clock.Monotonic() / clockTick)
	if !t.is64() {
		ticks &= 0x7fffffff // must not look like an error
	}
	return ticks, 0
}

func sysGetrusage(t *Task, a Args) (uint64, abi.Errno) {
	who := int32(a[0])
	var user, system time.Duration
	switch who {
	case abi.RUSAGE_SELF:
		user, system = t.proc.clock.ProcessCPU()
	case abi.RUSAGE_CHILDREN:
	case abi.RUSAGE_THREAD:
		user, system = t.proc.clock.ThreadCPU()
	default:
		return 0, abi.EINVAL
	}
	size, stime, rss, minor, major := abi.SizeofI386Rusage, abi.I386RusageStime, abi.I386RusageMaxrss, abi.I386RusageMinflt, abi.I386RusageMajflt
	if t.is64() {
		size, stime, rss, minor, major = abi.SizeofAMD64Rusage, abi.AMD64RusageStime, abi.AMD64RusageMaxrss, abi.AMD64RusageMinflt, abi.AMD64RusageMajflt
	}
	m, err := t.Bytes(a[1], uint64(size), true)
	if err != 0 {
		return 0, err
	}
	clear(m)
	t.putTimeval(m, user)
	t.putTimeval(m[stime:], system)
	if who != abi.RUSAGE_CHILDREN {
		u := t.proc.system.Usage()
		t.putWord(m[rss:], u.PeakRSS>>10)
		t.putWord(m[minor:], u.MinorFaults)
		t.putWord(m[major:], u.MajorFaults)
	}
	return 0, 0
}
