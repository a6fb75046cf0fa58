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
			return t.getLock(f, arg, true, false)
		case abi.I386_F_SETLK64, abi.I386_F_SETLKW64:
			return t.setLock(f, arg, true, false, cmd == abi.I386_F_SETLKW64)
		}
	}
	switch cmd {
	case abi.F_DUPFD, abi.F_DUPFD_CLOEXEC:
		if int32(arg) < 0 || int(int32(arg)) >= ft.limit() {
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
		ofd := cmd == abi.F_OFD_GETLK
		return t.getLock(f, arg, ofd, ofd)
	case abi.F_SETLK, abi.F_SETLKW, abi.F_OFD_SETLK, abi.F_OFD_SETLKW:
		ofd := cmd == abi.F_OFD_SETLK || cmd == abi.F_OFD_SETLKW
		return t.setLock(f, arg, ofd, ofd, cmd == abi.F_SETLKW || cmd == abi.F_OFD_SETLKW)
	case abi.F_GETPIPE_SZ, abi.F_SETPIPE_SZ:
		p, ok := f.data.(*pipe)
		switch {
		case !ok:
			return 0, abi.EBADF
		case cmd == abi.F_SETPIPE_SZ:
			return p.resize(uint32(arg))
		}
		return p.size(), 0
	case abi.F_ADD_SEALS, abi.F_GET_SEALS:
		return fcntlSeals(t, f, cmd, arg)
	case abi.F_GETOWN, abi.F_SETOWN, abi.F_GETSIG, abi.F_SETSIG:
		return 0, 0
	}
	return 0, abi.EINVAL
}
