package kernel

import (
	"bee/runtime/abi"
	"bee/runtime/host"
)

// Permissions

// chmodPlace changes the mode of what is at a place, or of what a link of /proc
// there stands for.
func (t *Task) chmodPlace(pl place, mode uint32) abi.Errno {
	f, e := t.behind(pl)
	switch {
	case e != 0:
		return e
	case f != nil:
		defer t.proc.files.put(f)
		return t.chmodFile(f, mode)
	case pl.mnt.tree == nil:
		return missing(pl, abi.EPERM)
	}
	defer t.proc.files.rights.forget()
	return pl.mnt.tree.Chmod(pl.rel, mode&0o7777)
}

// chmodFile changes the mode of what is open, if only with O_PATH.
func (t *Task) chmodFile(f *File, mode uint32) abi.Errno {
	switch f.ops.(type) {
	case pathOps:
		if !f.pinned {
			pl := t.placeOf(f)
			if kind, e := t.typeOf(pl); e != 0 {
				return e
			} else if kind == abi.S_IFLNK {
				return abi.EOPNOTSUPP // a link has no mode to change
			}
			return t.chmodPlace(pl, mode)
		}
	case regularOps, folderOps:
	default:
		return abi.EPERM
	}
	defer t.proc.files.rights.forget()
	return t.proc.files.host.Fchmod(f.h, mode&0o7777)
}

func sysChmod(t *Task, a Args) (uint64, abi.Errno) {
	return t.chmodAt(abi.AT_FDCWD, a[0], uint32(a[1]))
}

func sysFchmodat(t *Task, a Args) (uint64, abi.Errno) {
	return t.chmodAt(int32(a[0]), a[1], uint32(a[2]))
}

func (t *Task) chmodAt(dirfd int32, addr uint64, mode uint32) (uint64, abi.Errno) {
	return t.onPath(dirfd, addr, true, func(pl place) abi.Errno { return t.chmodPlace(pl, mode) })
}

func sysFchmod(t *Task, a Args) (uint64, abi.Errno) {
	f, e := t.file(a[0])
	if e != 0 {
		return 0, e
	}
	defer t.proc.files.put(f)
	return 0, t.chmodFile(f, uint32(a[1]))
}

// Owners do not change: to the same ids it succeeds, else EPERM.

func (t *Task) chownTo(st *host.Stat, uid, gid uint64, narrow bool) abi.Errno {
	same := func(v uint64, id uint32) bool {
		if narrow {
			return uint16(v) == 0xffff || uint16(v) == uint16(id) && id <= 0xffff
		}
		return uint32(v) == ^uint32(0) || uint32(v) == id
	}
	if !same(uid, st.UID) || !same(gid, st.GID) {
		return abi.EPERM
	}
	unset := func(v uint64) bool { return narrow && uint16(v) == 0xffff || !narrow && uint32(v) == ^uint32(0) }
	if st.UID != t.proc.UID() && !(unset(uid) && unset(gid)) {
		return abi.EPERM // what it is already, only the owner may say
	}
	return 0
}

func chownCall(follow, plain bool) Handler {
	return func(t *Task, a Args) (uint64, abi.Errno) {
		return t.chownat(abi.AT_FDCWD, a[0], a[1], a[2], follow, t.narrow(plain))
	}
}

func (t *Task) chownat(dirfd int32, addr, uid, gid uint64, follow, narrow bool) (uint64, abi.Errno) {
	return t.onPath(dirfd, addr, follow, func(pl place) abi.Errno {
		var st host.Stat
		if e := t.look(pl, follow, &st); e != 0 {
			return e
		}
		return t.chownTo(&st, uid, gid, narrow)
	})
}

func fchownCall(plain bool) Handler {
	return func(t *Task, a Args) (uint64, abi.Errno) {
		var st host.Stat
		if e := t.fstat(int32(a[0]), &st); e != 0 {
			return 0, e
		}
		return 0, t.chownTo(&st, a[1], a[2], t.narrow(plain))
	}
}

func sysFchownat(t *Task, a Args) (uint64, abi.Errno) {
	flags := uint32(a[4])
	if flags&^(abi.AT_SYMLINK_NOFOLLOW|abi.AT_EMPTY_PATH) != 0 {
		return 0, abi.EINVAL
	}
	if flags&abi.AT_EMPTY_PATH != 0 {
		if p, e := t.Path(a[1]); e == 0 && p == "" {
			return fchownCall(false)(t, Args{a[0], a[2], a[3]})
		}
	}
	return t.chownat(int32(a[0]), a[1], a[2], a[3], flags&abi.AT_SYMLINK_NOFOLLOW == 0, false)
}

// Times

const (
	utimeNow  = 0x3fffffff // UTIME_NOW
	utimeOmit = 0x3ffffffe // UTIME_OMIT
)

func (t *Task) nowNanos() int64 { return int64(t.proc.clock.Realtime()) }

// timeArg is one timespec of utimensat.
func (t *Task) timeArg(sec, nsec int64) (int64, abi.Errno) {
	switch nsec {
	case utimeNow:
		return t.nowNanos(), 0
	case utimeOmit:
		return host.OmitTime, 0
	}
	if nsec < 0 || nsec >= second {
		return 0, abi.EINVAL
	}
	const limit = 1 << 33 // 272 years from 1970
	return max(min(sec, limit), -limit)*second + nsec, 0
}

func utimensat(wide bool) Handler {
	return func(t *Task, a Args) (uint64, abi.Errno) {
		var at, mt int64
		if a[2] == 0 {
			at = t.nowNanos()
			mt = at
		} else {
			var v [4]int64
			if wide || t.is64() {
				m, e := t.Bytes(a[2], 32, false)
				if e != 0 {
					return 0, e
				}
				for i := range v {
					v[i] = int64(le64(m[8*i:]))
				}
				if !t.is64() { // the upper halves may be rubbish
					v[1], v[3] = int64(int32(v[1])), int64(int32(v[3]))
				}
			} else {
				m, e := t.Bytes(a[2], 16, false)
				if e != 0 {
					return 0, e
				}
				for i := range v {
					v[i] = int64(int32(le32(m[4*i:])))
				}
			}
			var e abi.Errno
			if at, e = t.timeArg(v[0], v[1]); e != 0 {
				return 0, e
			}
			if mt, e = t.timeArg(v[2], v[3]); e != 0 {
				return 0, e
			}
		}
		return t.setTimes(int32(a[0]), a[1], at, mt, uint32(a[3]))
	}
}

// setTimes is the common end: a path, or a descriptor if there is none.
func (t *Task) setTimes(dirfd int32, addr uint64, at, mt int64, flags uint32) (uint64, abi.Errno) {
	if at == host.OmitTime && mt == host.OmitTime {
		return 0, 0 // Linux does not even look at the rest
	}
	if flags&^(abi.AT_SYMLINK_NOFOLLOW|abi.AT_EMPTY_PATH) != 0 {
		return 0, abi.EINVAL
	}
	p := ""
	if addr != 0 {
		var e abi.Errno
		if p, e = t.Path(addr); e != 0 {
			return 0, e
		}
	}
	if addr == 0 || p == "" && flags&abi.AT_EMPTY_PATH != 0 {
		if dirfd == abi.AT_FDCWD && addr == 0 {
			return 0, abi.EFAULT
		}
		f, e := t.file(uint64(uint32(dirfd)))
		if e != 0 {
			return 0, e
		}
		defer t.proc.files.put(f)
		return 0, t.setTimesOf(f, at, mt)
	}
	follow := flags&abi.AT_SYMLINK_NOFOLLOW == 0
	return 0, t.find(dirfd, p, follow, func(pl place) abi.Errno {
		if follow {
			f, e := t.behind(pl)
			if e != 0 {
				return e
			}
			if f != nil {
				defer t.proc.files.put(f)
				return t.setTimesOf(f, at, mt)
			}
		}
		if pl.mnt.tree == nil {
			if pl.node != nil && pl.node.mode&abi.S_IFMT == abi.S_IFCHR {
				return 0
			}
			return missing(pl, abi.EPERM)
		}
		return pl.mnt.tree.SetTimes(pl.rel, at, mt)
	})
}

// setTimesOf sets the times of what is open.
func (t *Task) setTimesOf(f *File, at, mt int64) abi.Errno {
	switch f.ops.(type) {
	case pathOps:
		if pl := t.placeOf(f); !f.pinned && pl.mnt.tree != nil {
			return pl.mnt.tree.SetTimes(pl.rel, at, mt)
		} else if !f.pinned {
			return missing(pl, abi.EPERM)
		}
	case regularOps, folderOps:
	default:
		return 0 // pipes and devices: nothing to see
	}
	return t.proc.files.host.SetTimesOf(f.h, at, mt)
}

// timevals reads the two struct timeval of utimes.
func (t *Task) timevals(addr uint64) (at, mt int64, e abi.Errno) {
	if addr == 0 {
		at = t.nowNanos()
		return at, at, 0
	}
	w := uint64(t.ptrSize())
	m, e := t.Bytes(addr, 4*w, false)
	if e != 0 {
		return 0, 0, e
	}
	var v [4]int64
	for i := range v {
		if w == 8 {
			v[i] = int64(le64(m[8*i:]))
		} else {
			v[i] = int64(int32(le32(m[4*i:])))
		}
	}
	if v[1] < 0 || v[1] >= 1e6 || v[3] < 0 || v[3] >= 1e6 {
		return 0, 0, abi.EINVAL
	}
	return v[0]*second + v[1]*1000, v[2]*second + v[3]*1000, 0
}

func sysUtimes(t *Task, a Args) (uint64, abi.Errno) {
	at, mt, e := t.timevals(a[1])
	if e != 0 {
		return 0, e
	}
	if a[0] == 0 {
		return 0, abi.EFAULT
	}
	return t.setTimes(abi.AT_FDCWD, a[0], at, mt, 0)
}

func sysFutimesat(t *Task, a Args) (uint64, abi.Errno) {
	at, mt, e := t.timevals(a[2])
	if e != 0 {
		return 0, e
	}
	return t.setTimes(int32(a[0]), a[1], at, mt, 0)
}

func sysUtime(t *Task, a Args) (uint64, abi.Errno) {
	at := t.nowNanos()
	mt := at
	if a[1] != 0 {
		w := uint64(t.ptrSize())
		m, e := t.Bytes(a[1], 2*w, false)
		if e != 0 {
			return 0, e
		}
		if w == 8 {
			at, mt = int64(le64(m))*second, int64(le64(m[8:]))*second
		} else {
			at, mt = int64(int32(le32(m)))*second, int64(int32(le32(m[4:])))*second
		}
	}
	if a[0] == 0 {
		return 0, abi.EFAULT
	}
	return t.setTimes(abi.AT_FDCWD, a[0], at, mt, 0)
}
