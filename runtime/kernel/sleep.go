package kernel

import (
	"time"

	"bee/runtime/abi"
)

func sysNanosleep(t *Task, a Args) (uint64, abi.Errno) {
	d, err := t.readTimespec(a[0])
	if err != 0 {
		return 0, err
	}
	return t.nap(d, a[1], (*Task).writeTimespec)
}

// nap sleeps; a handler that ends it finds what is left of the time at rem.
func (t *Task) nap(d time.Duration, rem uint64, write func(*Task, uint64, time.Duration) abi.Errno) (uint64, abi.Errno) {
	at := t.deadline(d)
	if t.sleepUntil(at) == 0 {
		return 0, 0
	}
	if rem != 0 {
		if err := write(t, rem, max(at-t.proc.clock.Monotonic(), 0)); err != 0 {
			return 0, err
		}
	}
	return 0, t.restartable(at)
}

// sleepUntil is sleep up to a point of the monotonic clock.
func (t *Task) sleepUntil(at time.Duration) abi.Errno {
	for {
		switch e := t.park(at); e {
		case 0:
		case abi.ETIMEDOUT:
			return 0
		default:
			return e
		}
	}
}
