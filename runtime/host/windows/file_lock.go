//go:build windows

package winhost

import (
	"os"
	"time"

	"golang.org/x/sys/windows"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// Locks. Those of Windows are mandatory: where one lies, others cannot read
// or write. So the locks of Linux lie where no file has bytes (NTFS and ReFS
// end far below 2^62), each kind in a part of its own:
//
//	2^62 + n           byte n of the space of fcntl's records; all bytes from
//	                   2^60 on count as one
//	2^62 + 2^61        the lock of flock
//	2^62 + 2^61 + 1    the gate, held for as long as a change takes
//	2^62 + 2^61 + 2^32 + process number: shared, by all who have a lock, for
//	                   those who ask who that is
//
// A lock of Windows is given back as it was taken, never a piece of it, so
// what a lock handle holds changes by giving back and taking anew. Nobody gets
// in between, since everybody changes behind the gate. The end of a process
// gives all its locks back.
//
// https://learn.microsoft.com/en-us/windows/win32/api/fileapi/nf-fileapi-lockfileex
const (
	lockBase  = int64(1) << 62
	lockWhole = lockBase + 1<<61
	lockGate  = lockWhole + 1
	lockPID   = lockWhole + 1<<32
	lockEnd   = int64(1) << 60
)

// span is a range of Windows' bytes.
type span struct {
	at, size  int64
	exclusive bool
}

func spanOf(space host.LockSpace, r host.LockRange) span {
	if space == host.LockWhole {
		return span{lockWhole, 1, r.Write}
	}
	first, last := min(r.First, lockEnd), min(r.Last, lockEnd)
	return span{lockBase + first, last - first + 1, r.Write}
}

// tryLock takes a lock; ERROR_LOCK_VIOLATION if somebody is in the way.
func tryLock(h windows.Handle, s span) error {
	flags := uint32(windows.LOCKFILE_FAIL_IMMEDIATELY)
	if s.exclusive {
		flags |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	o := overlapped(s)
	return windows.LockFileEx(h, flags, 0, uint32(s.size), uint32(s.size>>32), &o)
}

func unlock(h windows.Handle, s span) {
	o := overlapped(s)
	_ = windows.UnlockFileEx(h, 0, uint32(s.size), uint32(s.size>>32), &o)
}

func overlapped(s span) windows.Overlapped {
	return windows.Overlapped{Offset: uint32(s.at), OffsetHigh: uint32(s.at >> 32)}
}

// LockHandle implements host.Locker.
func (f *Files) LockHandle(h host.Handle) (host.Handle, abi.Errno) {
	if attr, _, st := tag(windows.Handle(h)); st != 0 || attr&windows.FILE_ATTRIBUTE_DIRECTORY != 0 {
		return host.NoHandle, abi.EOPNOTSUPP
	}
	for _, access := range []uint32{windows.FILE_GENERIC_READ | windows.FILE_GENERIC_WRITE, windows.FILE_GENERIC_READ, windows.FILE_GENERIC_WRITE} {
		if w, st := again(windows.Handle(h), access, 0); st == 0 {
			return host.Handle(w), 0
		}
	}
	// A file that is being deleted cannot be opened. Another handle of the
	// same file object does as well: locks go with the last one of a process.
	var w windows.Handle
	me := windows.CurrentProcess()
	if windows.DuplicateHandle(me, windows.Handle(h), me, &w, 0, false, windows.DUPLICATE_SAME_ACCESS) != nil {
		return host.NoHandle, abi.EOPNOTSUPP
	}
	return host.Handle(w), 0
}

// enter waits at the gate. Whoever holds it makes a few calls and leaves.
func enter(h windows.Handle) abi.Errno {
	for try := 0; ; try++ {
		e := Errno(tryLock(h, span{lockGate, 1, true}))
		if e != abi.EAGAIN {
			return e
		}
		if try > 3 {
			time.Sleep(time.Millisecond)
		}
	}
}

func leave(h windows.Handle) { unlock(h, span{lockGate, 1, true}) }

// Relock implements host.Locker.
func (f *Files) Relock(lk host.Handle, space host.LockSpace, old, want []host.LockRange) abi.Errno {
	h := windows.Handle(lk)
	drop, take := changed(old, want)
	if len(drop)+len(take) == 0 {
		return 0
	}
	if e := enter(h); e != 0 {
		return e
	}
	defer leave(h)
	for _, r := range drop {
		unlock(h, spanOf(space, r))
	}
	for i, r := range take {
		err := tryLock(h, spanOf(space, r))
		if err == nil {
			continue
		}
		for _, r := range take[:i] {
			unlock(h, spanOf(space, r))
		}
		for _, r := range drop {
			_ = tryLock(h, spanOf(space, r))
		}
		return Errno(err)
	}
	if space == host.LockRecords {
		me := span{lockPID + int64(os.Getpid()), 1, false}
		switch {
		case len(old) == 0 && len(want) != 0:
			_ = tryLock(h, me)
		case len(old) != 0 && len(want) == 0:
			unlock(h, me)
		}
	}
	return 0
}

// changed tells what is in one list alone. Ranges that end beyond lockEnd may
// look alike to Windows; those that begin there are one byte.
func changed(old, want []host.LockRange) (drop, take []host.LockRange) {
	for len(old) > 0 || len(want) > 0 {
		switch {
		case len(old) > 0 && len(want) > 0 && old[0] == want[0]:
			old, want = old[1:], want[1:]
		case len(want) == 0 || len(old) > 0 && old[0].First <= want[0].First:
			drop, old = append(drop, old[0]), old[1:]
		default:
			take, want = append(take, want[0]), want[1:]
		}
	}
	return drop, take
}

// Blocker implements host.Locker. Windows does not say who is in the way, nor
// where; taking the lock of a piece tells whether somebody is there. Halving
// finds the first byte, and doubling and halving the last if it is one lock.
func (f *Files) Blocker(lk host.Handle, held []host.LockRange, r host.LockRange) (host.Holder, bool) {
	h := windows.Handle(lk)
	if enter(h) != 0 {
		return host.Holder{}, false
	}
	defer leave(h)
	// Its own locks would be in the handle's way, too.
	for _, r := range held {
		unlock(h, spanOf(host.LockRecords, r))
	}
	defer func() {
		for _, r := range held {
			_ = tryLock(h, spanOf(host.LockRecords, r))
		}
	}()
	free := func(at, size int64, write bool) bool {
		s := span{at, size, write}
		if tryLock(h, s) != nil {
			return false
		}
		unlock(h, s)
		return true
	}
	s := spanOf(host.LockRecords, r)
	if free(s.at, s.size, r.Write) {
		return host.Holder{}, false
	}
	// The pieces [at, at+lo) are free, [at, at+hi) is not.
	first := func(at, size int64, write bool) int64 {
		lo, hi := int64(0), size
		for lo+1 < hi {
			if m := lo + (hi-lo)/2; free(at, m, write) {
				lo = m
			} else {
				hi = m
			}
		}
		return at + hi - 1
	}
	at := first(s.at, s.size, r.Write)
	found := host.Holder{PID: -1}
	found.Write = !free(at, 1, false)
	end := s.at + s.size // of the question: what is behind does not matter
	lo, hi := at, at+1
	for step := int64(1); hi < end && !free(hi, 1, r.Write); step *= 2 {
		lo, hi = hi, min(hi+step, end)
	}
	for lo+1 < hi {
		if m := lo + (hi-lo)/2; free(m, 1, r.Write) {
			hi = m
		} else {
			lo = m
		}
	}
	found.First, found.Last = at-lockBase, lo-lockBase
	if found.Last >= lockEnd {
		found.Last = 1<<63 - 1
	}
	const pids = int64(1) << 32
	me := int64(os.Getpid())
	for _, part := range [][2]int64{{0, me}, {me + 1, pids - me - 1}} {
		if !free(lockPID+part[0], part[1], true) {
			found.PID = int(first(lockPID+part[0], part[1], true) - lockPID)
			break
		}
	}
	return found, true
}
