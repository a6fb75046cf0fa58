//go:build linux

package linuxhost

import (
	"fmt"
	"math"

	"golang.org/x/sys/unix"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// Locks of records are Linux's own that belong to an open file description
// (F_OFD_SETLK), those of whole files flock(2): other programs of the machine
// see them and are seen.

// LockHandle implements host.Locker. A description of its own, as writable as
// it can be had: a lock for writing needs that.
func (Files) LockHandle(h host.Handle) (host.Handle, abi.Errno) {
	name := fmt.Sprintf("/proc/self/fd/%d", int(h))
	for _, mode := range []int{unix.O_RDWR, unix.O_WRONLY, unix.O_RDONLY} {
		if fd, err := unix.Open(name, mode|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOCTTY, 0); err == nil {
			return host.Handle(fd), 0
		}
	}
	fd, err := unix.FcntlInt(uintptr(h), unix.F_DUPFD_CLOEXEC, 0)
	return host.Handle(fd), errno(err)
}

// flock makes the record of fcntl(2).
func flock(r host.LockRange, typ int16) unix.Flock_t {
	f := unix.Flock_t{Type: typ, Start: r.First}
	if r.Last != math.MaxInt64 {
		f.Len = r.Last - r.First + 1
	}
	return f
}

func lockType(write bool) int16 {
	if write {
		return unix.F_WRLCK
	}
	return unix.F_RDLCK
}

// Relock implements host.Locker.
func (f Files) Relock(lk host.Handle, space host.LockSpace, old, want []host.LockRange) abi.Errno {
	if space == host.LockWhole {
		how := unix.LOCK_UN
		switch {
		case len(want) == 0:
		case want[0].Write:
			how = unix.LOCK_EX
		default:
			how = unix.LOCK_SH
		}
		return retry(func() error { return unix.Flock(int(lk), how|unix.LOCK_NB) })
	}
	set := func(r host.LockRange, typ int16) abi.Errno {
		fl := flock(r, typ)
		return retry(func() error { return unix.FcntlFlock(uintptr(lk), unix.F_OFD_SETLK, &fl) })
	}
	for _, r := range want { // Linux changes in place what is there
		e := set(r, lockType(r.Write))
		if e == abi.EBADF && r.Write {
			e = set(r, unix.F_RDLCK) // the caller may only read the file
		}
		if e != 0 {
			_ = set(host.LockRange{Last: math.MaxInt64}, unix.F_UNLCK)
			for _, r := range old {
				_ = set(r, lockType(r.Write))
			}
			return e
		}
	}
	// What lies between the wanted ranges goes.
	at := int64(0)
	for _, r := range want {
		if r.First > at {
			_ = set(host.LockRange{First: at, Last: r.First - 1}, unix.F_UNLCK)
		}
		if r.Last == math.MaxInt64 {
			return 0
		}
		at = r.Last + 1
	}
	return set(host.LockRange{First: at, Last: math.MaxInt64}, unix.F_UNLCK)
}

// Blocker implements host.Locker.
func (Files) Blocker(lk host.Handle, _ []host.LockRange, r host.LockRange) (host.Holder, bool) {
	fl := flock(r, lockType(r.Write))
	if e := retry(func() error { return unix.FcntlFlock(uintptr(lk), unix.F_OFD_GETLK, &fl) }); e != 0 || fl.Type == unix.F_UNLCK {
		return host.Holder{}, false
	}
	last := int64(math.MaxInt64)
	if fl.Len != 0 {
		last = fl.Start + fl.Len - 1
	}
	return host.Holder{LockRange: host.LockRange{Write: fl.Type == unix.F_WRLCK, First: fl.Start, Last: last}, PID: int(fl.Pid)}, true
}
