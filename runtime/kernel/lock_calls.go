package kernel

import (
	"math"
	"time"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// flockArg is a struct flock in the guest's memory, in one of its layouts.
type flockArg struct {
	typ, whence int16
	start, len  int64
	pid         int32
}

// readFlock reads one. wide asks for IA-32's struct flock64.
//
//	x86-64:  type 0, whence 2, start 8, len 16, pid 24; 32 bytes
//	flock:   type 0, whence 2, start 4, len 8, pid 12; 16 bytes
//	flock64: type 0, whence 2, start 4, len 12, pid 20; 24 bytes
func (t *Task) readFlock(addr uint64, wide bool) (l flockArg, e abi.Errno) {
	m, e := t.Bytes(addr, t.flockSize(wide), false)
	if e != 0 {
		return l, e
	}
	l.typ, l.whence = int16(le32(m)), int16(le32(m)>>16)
	switch {
	case t.is64():
		l.start, l.len, l.pid = int64(le64(m[8:])), int64(le64(m[16:])), int32(le32(m[24:]))
	case wide:
		l.start, l.len, l.pid = int64(le64(m[4:])), int64(le64(m[12:])), int32(le32(m[20:]))
	default:
		l.start, l.len, l.pid = int64(int32(le32(m[4:]))), int64(int32(le32(m[8:]))), int32(le32(m[12:]))
	}
	return l, 0
}

// writeFlock writes one back. EOVERFLOW if the range does not fit.
func (t *Task) writeFlock(addr uint64, wide bool, l flockArg) abi.Errno {
	m, e := t.Bytes(addr, t.flockSize(wide), true)
	if e != 0 {
		return e
	}
	if !t.is64() && !wide && (l.start > math.MaxInt32 || l.len > math.MaxInt32) {
		return abi.EOVERFLOW
	}
	put32(m, uint32(uint16(l.typ))|uint32(uint16(l.whence))<<16)
	switch {
	case t.is64():
		put64(m[8:], uint64(l.start))
		put64(m[16:], uint64(l.len))
		put32(m[24:], uint32(l.pid))
	case wide:
		put64(m[4:], uint64(l.start))
		put64(m[12:], uint64(l.len))
		put32(m[20:], uint32(l.pid))
	default:
		put32(m[4:], uint32(l.start))
		put32(m[8:], uint32(l.len))
		put32(m[12:], uint32(l.pid))
	}
	return 0
}

func (t *Task) flockSize(wide bool) uint64 {
	switch {
	case t.is64():
		return abi.SizeofAMD64Flock
	case wide:
		return abi.SizeofI386Flock64
	}
	return abi.SizeofI386Flock
}

// lockRange tells the bytes that a struct flock means.
func (t *Task) lockRange(f *File, l flockArg) (r host.LockRange, e abi.Errno) {
	var base int64
	switch l.whence {
	case abi.SEEK_SET:
	case abi.SEEK_CUR:
		if base, e = f.ops.seek(t, f, 0, abi.SEEK_CUR); e != 0 {
			base = 0 // what has no position is at 0
		}
	case abi.SEEK_END:
		var st host.Stat
		if e := f.ops.stat(t, f, &st); e != 0 {
			return r, e
		}
		base = st.Size
	default:
		return r, abi.EINVAL
	}
	if l.start > math.MaxInt64-base {
		return r, abi.EOVERFLOW
	}
	r.First, r.Last = base+l.start, math.MaxInt64
	switch {
	case r.First < 0:
		return r, abi.EINVAL
	case l.len > 0:
		if l.len-1 > math.MaxInt64-r.First {
			return r, abi.EOVERFLOW
		}
		r.Last = r.First + l.len - 1
	case l.len < 0:
		if r.First+l.len < 0 {
			return r, abi.EINVAL
		}
		r.First, r.Last = r.First+l.len, r.First-1
	}
	r.Write = l.typ == abi.F_WRLCK
	return r, 0
}

// lockOwner is whom a record lock belongs to: the process, or the description.
func (t *Task) lockOwner(f *File, ofd bool) any {
	if ofd {
		return f
	}
	return t.proc.files
}

func (t *Task) getLock(f *File, addr uint64, wide, ofd bool) (uint64, abi.Errno) {
	l, e := t.readFlock(addr, wide)
	if e != 0 {
		return 0, e
	}
	if l.typ != abi.F_RDLCK && l.typ != abi.F_WRLCK || ofd && l.pid != 0 {
		return 0, abi.EINVAL
	}
	r, e := t.lockRange(f, l)
	if e != 0 {
		return 0, e
	}
	found, pid, ok, e := t.proc.files.locks.test(t, f, t.lockOwner(f, ofd), r)
	if e != 0 {
		return 0, e
	}
	if !ok {
		l.typ = abi.F_UNLCK
		return 0, t.writeFlock(addr, wide, l)
	}
	l = flockArg{typ: abi.F_RDLCK, whence: abi.SEEK_SET, start: found.First, pid: int32(pid)}
	if found.Write {
		l.typ = abi.F_WRLCK
	}
	if found.Last != math.MaxInt64 {
		l.len = found.Last - found.First + 1
	}
	return 0, t.writeFlock(addr, wide, l)
}

func (t *Task) setLock(f *File, addr uint64, wide, ofd, wait bool) (uint64, abi.Errno) {
	l, e := t.readFlock(addr, wide)
	if e != 0 {
		return 0, e
	}
	if ofd && l.pid != 0 {
		return 0, abi.EINVAL
	}
	r, e := t.lockRange(f, l)
	if e != 0 {
		return 0, e
	}
	switch l.typ {
	case abi.F_RDLCK:
		if !f.readable() {
			return 0, abi.EBADF
		}
	case abi.F_WRLCK:
		if !f.writable() {
			return 0, abi.EBADF
		}
	case abi.F_UNLCK:
	default:
		return 0, abi.EINVAL
	}
	owner, locks := t.lockOwner(f, ofd), t.proc.files.locks
	return 0, t.waitLock(wait, func() abi.Errno { return locks.lockRecord(t, f, owner, r, l.typ != abi.F_UNLCK) })
}

// lockPoll is how long a waiter for a lock sleeps before it asks again, at
// most. The host could wait in the place of asking, but then two programs
// could not change their locks behind its gate; a question takes less than a
// thousandth of that time.
const lockPoll = 20 * time.Millisecond

// waitLock tries to lock until it can be done, or the process ends. Preconditions:
// nothing is locked.
func (t *Task) waitLock(wait bool, try func() abi.Errno) abi.Errno {
	for d := time.Millisecond; ; d = min(2*d, lockPoll) {
		e := try()
		if e != abi.EAGAIN || !wait {
			return e
		}
		if t.sleep(d) != 0 {
			return errRestartSys
		}
	}
}

func sysFlock(t *Task, a Args) (uint64, abi.Errno) {
	cmd := uint32(a[1])
	switch cmd &^ abi.LOCK_NB {
	case abi.LOCK_SH, abi.LOCK_EX, abi.LOCK_UN:
	default:
		return 0, abi.EINVAL
	}
	f, e := t.file(a[0])
	if e != 0 {
		return 0, e
	}
	defer t.proc.files.put(f)
	kind := cmd &^ abi.LOCK_NB
	return 0, t.waitLock(cmd&abi.LOCK_NB == 0, func() abi.Errno {
		return t.proc.files.locks.lockWhole(t, f, kind != abi.LOCK_UN, kind == abi.LOCK_EX)
	})
}
