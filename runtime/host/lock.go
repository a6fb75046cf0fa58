package host

import "bee/runtime/abi"

// LockSpace tells apart locks that never stand in each other's way.
type LockSpace uint8

// The spaces: record locks of fcntl(2), and the one lock that flock(2) puts on
// a whole file.
const (
	LockRecords LockSpace = iota
	LockWhole
)

// LockRange is a range of bytes of a file, First and Last included, locked for
// reading or for writing.
type LockRange struct {
	Write       bool
	First, Last int64 // 0 and MaxInt64 in the space LockWhole
}

// Holder is whoever has a lock that is in the way.
type Holder struct {
	LockRange
	PID int // the host's process number, -1 if nobody knows
}

// Locker are the locks by which processes of one machine keep out of each
// other's way. They are advisory, as on Linux: no transfer looks at them. The
// caller keeps track of who in its own process holds what; a lock handle
// stands for all of that.
type Locker interface {
	// LockHandle opens a file once more, for the two calls below. Close ends
	// it, and the locks with it; so does the end of the process. EOPNOTSUPP
	// where files of that kind cannot be locked.
	LockHandle(h Handle) (Handle, abi.Errno)
	// Relock changes what a lock handle holds in one space from old to want,
	// both in the order of their ranges, which do not overlap. EAGAIN if
	// another process is in the way: old is then held as before.
	Relock(lk Handle, space LockSpace, old, want []LockRange) abi.Errno
	// Blocker tells the first lock of another process that would be in r's
	// way in the space LockRecords, of which the handle holds held.
	Blocker(lk Handle, held []LockRange, r LockRange) (Holder, bool)
}
