package kernel

import (
	"math"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// Sockets of AF_UNIX live in one program. A bound path is an ordinary file to
// every other one, so whoever binds it puts flock(2)'s lock on it, which nobody
// else can want: Linux does not open sockets. Another runner that is told to
// connect there finds the lock, and tells its user why that cannot work.

var wholeFile = []host.LockRange{{Write: true, First: 0, Last: math.MaxInt64}}

// claim locks the file of a path that was just bound; NoHandle if the host has
// no locks. The lock goes with the handle.
func (ft *FileTable) claim(f *File) host.Handle {
	if ft.locks.host == nil {
		return host.NoHandle
	}
	lk, e := ft.locks.host.LockHandle(f.h)
	if e != 0 {
		return host.NoHandle
	}
	if e := ft.locks.host.Relock(lk, host.LockWhole, nil, wholeFile); e != 0 {
		_ = ft.host.Close(lk)
		return host.NoHandle
	}
	return lk
}

// warnElsewhere tells the user, once for each path, that a path is a socket of
// another program.
func (t *Task) warnElsewhere(path string, st *host.Stat) {
	ft := t.proc.files
	if ft.locks.host == nil || st.Mode&abi.S_IFMT != abi.S_IFREG || st.Size != 0 {
		return
	}
	var f *File
	if e := t.find(abi.AT_FDCWD, path, true, func(pl place) (e abi.Errno) {
		f, e = t.openPlace(pl, abi.O_RDONLY, 0)
		return e
	}); e != 0 {
		return
	}
	defer ft.put(f)
	lk, e := ft.locks.host.LockHandle(f.h)
	if e != 0 {
		return
	}
	defer func() { _ = ft.host.Close(lk) }()
	if ft.locks.host.Relock(lk, host.LockWhole, nil, wholeFile) == abi.EAGAIN {
		t.proc.logOnce("unix "+path, "%s is a socket of another program: AF_UNIX connects sockets within one program only (ECONNREFUSED)", path)
	}
}
