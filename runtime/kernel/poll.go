package kernel

import (
	"time"

	"bee/runtime/abi"
)

// Waiting for files is asking again and again, a little less often each time:
// Windows cannot wait for anonymous pipes.
const (
	pollFirst = 500 * time.Microsecond
	pollMost  = 10 * time.Millisecond
)

// ready tells POLLIN and so on for a descriptor.
func (t *Task) ready(fd int32) uint16 {
	f, e := t.proc.files.get(fd)
	if e != 0 || f.pathOnly() {
		if e == 0 {
			t.proc.files.put(f)
		}
		return abi.POLLNVAL
	}
	defer t.proc.files.put(f)
	r := f.ops.poll(t, f)
	m := uint16(0)
	if r.In && f.readable() {
		m |= abi.POLLIN | abi.POLLRDNORM
	}
	if r.Out && f.writable() {
		m |= abi.POLLOUT | abi.POLLWRNORM
	}
	if r.Hup {
		m |= abi.POLLHUP
	}
	if r.Err {
		m |= abi.POLLERR
	}
	if r.RdHup {
		m |= abi.POLLRDHUP
	}
	if r.Pri {
		m |= abi.POLLPRI
	}
	return m
}

// waitReady calls look until it finds something, the time is over (0 forever
// if negative) or the process ends.
func (t *Task) waitReady(timeout time.Duration, look func() int) (uint64, abi.Errno) {
	start := t.proc.clock.Monotonic()
	pause := pollFirst
	for {
		if n := look(); n > 0 || timeout == 0 {
			return uint64(n), 0
		}
		left := pollMost
		if timeout > 0 {
			if left = timeout - (t.proc.clock.Monotonic() - start); left <= 0 {
				return 0, 0
			}
		}
		if _, over := t.Exited(); over {
			return 0, abi.EINTR
		}
		t.sleep(min(pause, left))
		pause = min(pause*3/2, pollMost)
	}
}

func (t *Task) poll(addr, count uint64, timeout time.Duration) (uint64, abi.Errno) {
	count &= 0xffffffff
	if count > t.proc.Limit(abi.RLIMIT_NOFILE) {
		return 0, abi.EINVAL
	}
	m, e := t.Bytes(addr, count*8, true)
	if e != 0 {
		return 0, e
	}
	if count == 0 && timeout != 0 {
		t.sleep(timeout)
		return 0, 0
	}
	return t.waitReady(timeout, func() int {
		n := 0
		for i := range count {
			p := m[8*i:]
			revents := uint16(0)
			if fd := int32(le32(p)); fd >= 0 {
				want := uint16(p[4]) | uint16(p[5])<<8
				revents = t.ready(fd) & (want | abi.POLLERR | abi.POLLHUP | abi.POLLNVAL)
			}
			p[6], p[7] = byte(revents), byte(revents>>8)
			if revents != 0 {
				n++
			}
		}
		return n
	})
}

func sysPoll(t *Task, a Args) (uint64, abi.Errno) {
	d := time.Duration(-1)
	if ms := int32(a[2]); ms >= 0 {
		d = time.Duration(ms) * time.Millisecond
	}
	return t.poll(a[0], a[1], d)
}

func ppoll(read func(*Task, uint64) (time.Duration, abi.Errno)) Handler {
	return func(t *Task, a Args) (uint64, abi.Errno) {
		d := time.Duration(-1)
		if a[2] != 0 {
			var e abi.Errno
			if d, e = read(t, a[2]); e != 0 {
				return 0, e
			}
		}
		return t.poll(a[0], a[1], d)
	}
}

// sets is the common part of select and pselect6: three sets of bits.
func (t *Task) sets(count int32, addrs [3]uint64, timeout time.Duration) (uint64, abi.Errno) {
	if count < 0 {
		return 0, abi.EINVAL
	}
	count = min(count, 1<<16)
	word := t.ptrSize() * 8
	size := (int(count) + word - 1) / word * word / 8
	var out, in [3][]byte
	for i, addr := range addrs {
		if addr == 0 {
			continue
		}
		m, e := t.Bytes(addr, uint64(size), true)
		if e != 0 {
			return 0, e
		}
		out[i], in[i] = m, append([]byte(nil), m...)
	}
	masks := [3]uint16{abi.POLLIN | abi.POLLRDNORM | abi.POLLHUP | abi.POLLERR, abi.POLLOUT | abi.POLLWRNORM | abi.POLLERR, abi.POLLPRI}
	bad := false
	n, e := t.waitReady(timeout, func() int {
		n := 0
		for i := range out {
			clear(out[i])
		}
		for fd := range count {
			asked := false
			for i := range in {
				asked = asked || in[i] != nil && in[i][fd/8]>>(fd%8)&1 != 0
			}
			if !asked {
				continue
			}
			r := t.ready(fd)
			if r&abi.POLLNVAL != 0 {
				bad = true
				return 1
			}
			for i := range in {
				if in[i] != nil && in[i][fd/8]>>(fd%8)&1 != 0 && r&masks[i] != 0 {
					out[i][fd/8] |= 1 << (fd % 8)
					n++
				}
			}
		}
		return n
	})
	if bad {
		for i := range out {
			copy(out[i], in[i])
		}
		return 0, abi.EBADF
	}
	return n, e
}

func sysSelect(t *Task, a Args) (uint64, abi.Errno) {
	d := time.Duration(-1)
	if a[4] != 0 {
		w := uint64(t.ptrSize())
		m, e := t.Bytes(a[4], 2*w, false)
		if e != 0 {
			return 0, e
		}
		sec, usec := int64(int32(le32(m))), int64(int32(le32(m[4:])))
		if t.is64() {
			sec, usec = int64(le64(m)), int64(le64(m[8:]))
		}
		if sec < 0 || usec < 0 {
			return 0, abi.EINVAL
		}
		if d, e = duration(sec+usec/1e6, usec%1e6*1000); e != 0 {
			return 0, e
		}
	}
	start := t.proc.clock.Monotonic()
	n, e := t.sets(int32(a[0]), [3]uint64{a[1], a[2], a[3]}, d)
	if a[4] != 0 && e == 0 { // Linux tells what is left
		if m, e := t.Bytes(a[4], uint64(2*t.ptrSize()), true); e == 0 {
			t.putTimeval(m, max(0, d-(t.proc.clock.Monotonic()-start)))
		}
	}
	return n, e
}

// sysOldSelect takes its arguments in memory.
func sysOldSelect(t *Task, a Args) (uint64, abi.Errno) {
	m, e := t.Bytes(a[0], 20, false)
	if e != 0 {
		return 0, e
	}
	var b Args
	for i := range 5 {
		b[i] = uint64(le32(m[4*i:]))
	}
	return sysSelect(t, b)
}

func pselect(read func(*Task, uint64) (time.Duration, abi.Errno)) Handler {
	return func(t *Task, a Args) (uint64, abi.Errno) {
		d := time.Duration(-1)
		if a[4] != 0 {
			var e abi.Errno
			if d, e = read(t, a[4]); e != 0 {
				return 0, e
			}
		}
		return t.sets(int32(a[0]), [3]uint64{a[1], a[2], a[3]}, d)
	}
}
