package kernel

import (
	"bee/runtime/abi"
	"bee/runtime/host"
)

// statusFlags are the flags of open that F_GETFL tells.
const statusFlags = abi.O_ACCMODE | abi.O_APPEND | abi.O_NONBLOCK | abi.O_SYNC | abi.O_DIRECT | abi.O_LARGEFILE | abi.O_DIRECTORY | abi.O_TMPFILE | abi.O_NOFOLLOW |
	abi.O_NOATIME | abi.O_PATH

// openPlace opens what is at a place. It answers ELOOP for a link.
func (t *Task) openPlace(pl place, flags int, perm uint32) (*File, abi.Errno) {
	if flags&abi.O_PATH != 0 {
		var st host.Stat
		if e := t.lstat(pl, &st); e != 0 {
			return nil, e
		}
		switch kind := st.Mode & abi.S_IFMT; {
		case kind == abi.S_IFLNK && flags&abi.O_NOFOLLOW == 0 && (pl.node == nil || pl.node.magic == nil):
			return nil, abi.ELOOP
		case kind == abi.S_IFLNK && flags&abi.O_NOFOLLOW == 0:
			f, e := t.behind(pl)
			if e != 0 {
				return nil, e
			}
			defer t.proc.files.put(f)
			if p := t.where(f); p != "" {
				return t.openPlace(t.proc.files.ns.at(p), flags|abi.O_NOFOLLOW, perm)
			}
		case kind != abi.S_IFDIR && flags&abi.O_DIRECTORY != 0:
			return nil, abi.ENOTDIR
		}
		f := &File{ops: pathOps{}, path: pl.path, data: pl}
		t.pin(f, pl, st.Mode&abi.S_IFMT)
		return opened(f, flags), 0
	}
	if pl.mnt.tree == nil {
		switch {
		case pl.node == nil && flags&abi.O_CREAT != 0:
			return nil, abi.EACCES
		case pl.node == nil:
			return nil, abi.ENOENT
		case flags&(abi.O_CREAT|abi.O_EXCL) == abi.O_CREAT|abi.O_EXCL:
			return nil, abi.EEXIST
		case pl.node.magic != nil && flags&abi.O_NOFOLLOW != 0 && pl.node.link != nil:
			return nil, abi.ELOOP
		}
		f, e := pl.node.open(t, pl, flags)
		if e != 0 {
			return nil, e
		}
		if f.refs.Load() > 0 { // a description that was there before
			return f, 0
		}
		return opened(f, flags), 0
	}
	if flags&abi.O_CREAT != 0 {
		if pl.slash {
			return nil, abi.EISDIR
		}
		if e := t.mayChange(pl, making); e != 0 {
			return nil, e
		}
	}
	check := 0
	if t.proc.uid != 0 {
		check = host.CheckMode
	}
	// A file that is mapped must not be truncated behind the mappings' back.
	cut := flags&abi.O_TRUNC != 0 && flags&abi.O_ACCMODE != abi.O_RDONLY && t.proc.mapsFiles()
	if cut {
		flags &^= abi.O_TRUNC
	}
	h, kind, e := pl.mnt.tree.Open(pl.rel, check|flags&(abi.O_ACCMODE|abi.O_CREAT|abi.O_EXCL|abi.O_TRUNC|abi.O_APPEND|abi.O_DIRECTORY), perm)
	if e != 0 {
		if e == abi.EEXIST {
			t.clash(pl)
		}
		if e == abi.ELOOP && flags&abi.O_DIRECTORY != 0 && flags&abi.O_NOFOLLOW != 0 {
			e = abi.ENOTDIR
		}
		return nil, e
	}
	f := &File{ops: hostOps(kind), h: h, kind: kind, path: pl.path, data: t.proc.files.host}
	if cut && kind == host.Regular {
		if e := f.ops.truncate(t, f, 0); e != 0 {
			closeHost(f)
			return nil, e
		}
	}
	return opened(f, flags), 0
}

func opened(f *File, flags int) *File {
	f.refs.Store(1)
	f.flags.Store(uint32(flags & statusFlags))
	return f
}

func (t *Task) openat(dirfd int32, addr uint64, flags int, mode uint32) (uint64, abi.Errno) {
	p, e := t.Path(addr)
	if e != 0 {
		return 0, e
	}
	if flags&abi.O_TMPFILE == abi.O_TMPFILE {
		if t.proc.files.full() {
			return 0, abi.EMFILE
		}
		_, umask := t.proc.files.current()
		f, e := t.openTemp(dirfd, p, flags, mode&0o7777&^umask)
		if e != 0 {
			return 0, e
		}
		fd, e := t.proc.files.install(f, 0, flags&abi.O_CLOEXEC != 0)
		return uint64(fd), e
	}
	return t.openWith(flags, mode, p, func(follow bool, op func(place) abi.Errno) abi.Errno { return t.at(dirfd, p, follow, op) })
}

// openWith opens the place that find gives to op; p is the path as the program
// wrote it.
func (t *Task) openWith(flags int, mode uint32, p string, find func(follow bool, op func(place) abi.Errno) abi.Errno) (uint64, abi.Errno) {
	if flags&abi.O_PATH != 0 {
		flags &= abi.O_PATH | abi.O_DIRECTORY | abi.O_NOFOLLOW | abi.O_CLOEXEC
	}
	if flags&abi.O_ACCMODE == abi.O_ACCMODE {
		flags = flags&^abi.O_ACCMODE | abi.O_RDWR // ioctl only, on Linux
	}
	if n := len(p); flags&abi.O_CREAT != 0 && n > 0 && p[n-1] == '/' {
		return 0, abi.EISDIR
	}
	ft := t.proc.files
	if ft.full() { // before anything is created or truncated
		return 0, abi.EMFILE
	}
	_, umask := ft.current()
	follow := flags&abi.O_NOFOLLOW == 0 && flags&(abi.O_CREAT|abi.O_EXCL) != abi.O_CREAT|abi.O_EXCL
	var f *File
	e := find(follow, func(pl place) (e abi.Errno) {
		f, e = t.openPlace(pl, flags, mode&0o7777&^umask)
		return e
	})
	if e != 0 {
		return 0, e
	}
	if !t.is64() && flags&(abi.O_LARGEFILE|abi.O_PATH) == 0 && f.kind == host.Regular && f.h != 0 && !f.keep {
		var st host.Stat
		if f.ops.stat(t, f, &st) == 0 && st.Size > 1<<31-1 {
			ft.put(f)
			return 0, abi.EOVERFLOW
		}
	}
	t.proc.notifyOpen(f)
	fd, e := ft.install(f, 0, flags&abi.O_CLOEXEC != 0)
	return uint64(fd), e
}

func sysOpen(t *Task, a Args) (uint64, abi.Errno) {
	return t.openat(abi.AT_FDCWD, a[0], t.openFlags(a[1]), uint32(a[2]))
}

func sysOpenat(t *Task, a Args) (uint64, abi.Errno) {
	return t.openat(int32(a[0]), a[1], t.openFlags(a[2]), uint32(a[3]))
}

func sysCreat(t *Task, a Args) (uint64, abi.Errno) {
	return t.openat(abi.AT_FDCWD, a[0], t.openFlags(abi.O_CREAT|abi.O_WRONLY|abi.O_TRUNC), uint32(a[1]))
}

// openFlags adds what 64-bit programs always have.
func (t *Task) openFlags(v uint64) int {
	f := int(int32(v))
	if t.is64() {
		f |= abi.O_LARGEFILE
	}
	return f
}

func sysClose(t *Task, a Args) (uint64, abi.Errno) {
	f, e := t.proc.files.remove(int32(a[0]))
	if e != 0 {
		return 0, e
	}
	t.proc.files.drop(f)
	return 0, 0
}

func sysCloseRange(t *Task, a Args) (uint64, abi.Errno) {
	first, last, flags := uint32(a[0]), uint32(a[1]), uint32(a[2])
	if first > last || flags&^(abi.CLOSE_RANGE_CLOEXEC|abi.CLOSE_RANGE_UNSHARE) != 0 {
		return 0, abi.EINVAL
	}
	ft := t.proc.files
	for _, fd := range ft.list() {
		if uint32(fd) < first || uint32(fd) > last {
			continue
		}
		if flags&abi.CLOSE_RANGE_CLOEXEC != 0 {
			(*ft.slots.Load())[fd].cloexec.Store(true)
		} else if f, e := ft.remove(int32(fd)); e == 0 {
			ft.drop(f)
		}
	}
	return 0, 0
}

func sysDup(t *Task, a Args) (uint64, abi.Errno) { return t.dup(int32(a[0]), 0, false) }

func (t *Task) dup(fd int32, low int, cloexec bool) (uint64, abi.Errno) {
	f, e := t.proc.files.get(fd)
	if e != 0 {
		return 0, e
	}
	n, e := t.proc.files.install(f, low, cloexec)
	return uint64(n), e
}

func sysDup2(t *Task, a Args) (uint64, abi.Errno) {
	if int32(a[0]) == int32(a[1]) {
		f, e := t.proc.files.get(int32(a[0]))
		if e == 0 {
			t.proc.files.put(f)
		}
		return uint64(uint32(a[1])), e
	}
	return t.dup3(int32(a[0]), int32(a[1]), false)
}

func sysDup3(t *Task, a Args) (uint64, abi.Errno) {
	if uint32(a[2])&^abi.O_CLOEXEC != 0 || int32(a[0]) == int32(a[1]) {
		return 0, abi.EINVAL
	}
	return t.dup3(int32(a[0]), int32(a[1]), a[2]&abi.O_CLOEXEC != 0)
}

func (t *Task) dup3(from, to int32, cloexec bool) (uint64, abi.Errno) {
	ft := t.proc.files
	if to < 0 || uint64(to) >= min(t.proc.Limit(abi.RLIMIT_NOFILE), 1<<20) {
		return 0, abi.EBADF
	}
	f, e := ft.get(from)
	if e != 0 {
		return 0, e
	}
	if old := ft.replace(to, f, cloexec); old != nil {
		ft.drop(old)
	}
	return uint64(to), 0
}
