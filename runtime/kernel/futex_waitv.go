package kernel

import (
	"time"

	"bee/runtime/abi"
)

// sizeofWaitv is the size of a struct futex_waitv, the same for both widths: value
// 0, address 8, flags 16, reserved 20.
const sizeofWaitv = 24

// sysFutexWaitv is futex_waitv(2): it waits for the first of several words and
// tells which one it was.
func sysFutexWaitv(t *Task, a Args) (uint64, abi.Errno) {
	count := uint64(uint32(a[1]))
	if uint32(a[2]) != 0 || count == 0 || count > abi.FUTEX_WAITV_MAX || a[0] == 0 {
		return 0, abi.EINVAL
	}
	deadline := forever
	if a[3] != 0 {
		clock := int32(a[4])
		if clock != abi.CLOCK_REALTIME && clock != abi.CLOCK_MONOTONIC {
			return 0, abi.EINVAL
		}
		d, e := t.readTimespec64(a[3])
		if e != 0 {
			return 0, e
		}
		deadline = t.absolute(d, clock == abi.CLOCK_REALTIME)
	}
	m := make([]byte, count*sizeofWaitv)
	waiters, words := make([]futexWaiter, count), make([]*uint32, count)
	for i := range waiters {
		w := m[i*sizeofWaitv:][:sizeofWaitv]
		if e := t.CopyIn(a[0]+uint64(i)*sizeofWaitv, w); e != 0 {
			return 0, e
		}
		const known = abi.FUTEX_32 | abi.FUTEX_PRIVATE_FLAG
		flags := le32(w[16:])
		if flags&^uint32(known) != 0 || flags&abi.FUTEX_32 == 0 || le32(w[20:]) != 0 || le32(w[4:]) != 0 {
			return 0, abi.EINVAL
		}
	}
	for i := range waiters {
		w := m[i*sizeofWaitv:]
		addr := le64(w[8:])
		var e abi.Errno
		if words[i], e = t.futexWord(addr, false); e != 0 {
			return 0, e
		}
		key := t.futexKey(addr, le32(w[16:])&abi.FUTEX_PRIVATE_FLAG != 0)
		waiters[i] = futexWaiter{key: key, addr: addr, bitset: ^uint32(0), task: t}
	}
	queued := 0
	// leave takes all of them out; the last one that was woken is the answer.
	leave := func() (which int) {
		which = -1
		for i := range waiters[:queued] {
			if !waiters[i].leave() {
				which = i
			}
		}
		return which
	}
	done := false
	defer func() {
		if !done { // a word is gone
			leave()
		}
	}()
	for i := range waiters {
		w := &waiters[i]
		e := t.proc.futex.bucket(w.key).enqueue(w, words[i], le32(m[i*sizeofWaitv:]))
		if e == 0 {
			queued++
			continue
		}
		done = true
		if which := leave(); which >= 0 {
			return uint64(which), 0
		}
		return 0, e
	}
	e := t.awaitAny(waiters, deadline)
	done = true
	if which := leave(); which >= 0 {
		return uint64(which), 0
	}
	return 0, e
}

// awaitAny parks until one of the waiters was woken.
func (t *Task) awaitAny(waiters []futexWaiter, deadline time.Duration) abi.Errno {
	for {
		for i := range waiters {
			if waiters[i].bucket.Load() == nil {
				return 0
			}
		}
		if e := t.park(deadline); e != 0 {
			return e
		}
	}
}

// absolute turns a point of CLOCK_REALTIME or CLOCK_MONOTONIC into one of the
// monotonic clock.
func (t *Task) absolute(d time.Duration, realtime bool) time.Duration {
	if !realtime {
		return d
	}
	return t.proc.clock.Monotonic() + max(d-t.proc.clock.Realtime(), 0)
}
