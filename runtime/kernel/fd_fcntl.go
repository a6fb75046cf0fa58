package kernel

import "bee/runtime/abi"

func sysFcntl(t *Task, a Args) (uint64, abi.Errno) {
	ft := t.proc.files
	fd, arg := int32(a[0]), a[2]
	f, e := ft.get(fd)
	if e != 0 {
		return 0, e
	}
	defer ft.put(f)
	cmd := int32(a[1])
	if f.pathOnly() {
		switch cmd {
		case abi.F_DUPFD, abi.F_DUPFD_CLOEXEC, abi.F_GETFD, abi.F_SETFD, abi.F_GETFL:
		default:
			return 0, abi.EBADF
		}
	}
	if !t.is64() {
		switch cmd {
		case abi.I386_F_GETLK64:
			return t.getLock(arg, true)
		case abi.I386_F_SETLK64, abi.I386_F_SETLKW64:
			return t.setLock(f, arg, true)
		}
	}
	switch cmd {
	case abi.F_DUPFD, abi.F_DUPFD_CLOEXEC:
		if int32(arg) < 0 {
			return 0, abi.EINVAL
		}
		return t.dup(fd, int(int32(arg)), cmd == abi.F_DUPFD_CLOEXEC)
	case abi.F_GETFD:
		if (*ft.slots.Load())[fd].cloexec.Load() {
			return abi.FD_CLOEXEC, 0
		}
		return 0, 0
	case abi.F_SETFD:
		(*ft.slots.Load())[fd].cloexec.Store(arg&abi.FD_CLOEXEC != 0)
		return 0, 0
	case abi.F_GETFL:
		return uint64(f.flags.Load()), 0
	case abi.F_SETFL:
		const settable = abi.O_APPEND | abi.O_NONBLOCK | abi.O_DIRECT | abi.O_NOATIME
		f.flags.Store(f.flags.Load()&^settable | uint32(arg)&settable)
		return 0, 0
	case abi.F_GETLK, abi.F_OFD_GETLK:
		return t.getLock(arg, cmd == abi.F_OFD_GETLK)
	case abi.F_SETLK, abi.F_SETLKW, abi.F_OFD_SETLK, abi.F_OFD_SETLKW:
		return t.setLock(f, arg, cmd == abi.F_OFD_SETLK || cmd == abi.F_OFD_SETLKW)
	case abi.F_GETPIPE_SZ:
		if p, ok := f.data.(*pipe); ok {
			return uint64(len(p.buf)), 0
		}
		return 0, abi.EBADF
	case abi.F_SETPIPE_SZ:
		if p, ok := f.data.(*pipe); ok {
			return uint64(len(p.buf)), 0
		}
		return 0, abi.EBADF
	case abi.F_GETOWN, abi.F_SETOWN, abi.F_GETSIG, abi.F_SETSIG:
		return 0, 0
	}
	return 0, abi.EINVAL
}

// Locks of byte ranges: there is one process, so nobody is in the way.

func (t *Task) getLock(addr uint64, wide bool) (uint64, abi.Errno) {
	m, e := t.Bytes(addr, t.flockSize(wide), true)
	if e != 0 {
		return 0, e
	}
	if k := uint16(m[0]) | uint16(m[1])<<8; k > abi.F_WRLCK {
		return 0, abi.EINVAL
	}
	m[0], m[1] = abi.F_UNLCK, 0
	return 0, 0
}

func (t *Task) setLock(f *File, addr uint64, wide bool) (uint64, abi.Errno) {
	m, e := t.Bytes(addr, t.flockSize(wide), false)
	if e != 0 {
		return 0, e
	}
	switch uint16(m[0]) | uint16(m[1])<<8 {
	case abi.F_RDLCK:
		if !f.readable() {
			return 0, abi.EBADF
		}
	case abi.F_WRLCK:
		if !f.writable() {
			return 0, abi.EBADF
		}
	case abi.F_UNLCK:
		return 0, 0
	default:
		return 0, abi.EINVAL
	}
	t.lockGranted(f)
	return 0, 0
}

// lockGranted tells the user what a lock is worth: programs that rely on locks
// against each other (databases) would destroy their files in silence.
func (t *Task) lockGranted(f *File) {
	if f.writable() {
		t.proc.logOnce("lock", "locks on files hold within one program only: do not let two programs write %s at a time", f.path)
	}
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

func sysFlock(t *Task, a Args) (uint64, abi.Errno) {
	f, e := t.file(a[0])
	if e != 0 {
		return 0, e
	}
	defer t.proc.files.put(f)
	switch uint32(a[1]) &^ abi.LOCK_NB {
	case abi.LOCK_SH, abi.LOCK_EX:
		t.lockGranted(f)
		return 0, 0
	case abi.LOCK_UN:
		return 0, 0
	}
	return 0, abi.EINVAL
}
