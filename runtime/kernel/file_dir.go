package kernel

import (
	"path"
	"strings"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// getdents fills the buffer with entries from the position on. The list is
// read when the position is 0, so that a program that deletes what it reads
// misses nothing.
func getdents(wide bool) Handler {
	return func(t *Task, a Args) (uint64, abi.Errno) {
		f, e := t.file(a[0])
		if e != 0 {
			return 0, e
		}
		defer t.proc.files.put(f)
		m, e := t.Bytes(a[1], a[2]&0xffffffff, true)
		if e != 0 {
			return 0, e
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.dir == nil || f.off == 0 {
			list, e := f.ops.entries(t, f)
			if e != 0 {
				return 0, e
			}
			var self, up host.Stat
			_ = f.ops.stat(t, f, &self)
			up = self
			if p := t.where(f); p != "" && p != "/" {
				_ = t.lstat(t.proc.files.ns.at(path.Dir(p)), &up)
			}
			f.dir = append([]host.Dirent{{Name: ".", Ino: self.Ino, Type: abi.DT_DIR}, {Name: "..", Ino: up.Ino, Type: abi.DT_DIR}}, list...)
		}
		n := 0
		for f.off < int64(len(f.dir)) {
			size := t.putDirent(m[n:], &f.dir[f.off], f.off+1, wide)
			if size == 0 {
				if n == 0 {
					return 0, abi.EINVAL
				}
				break
			}
			n += size
			f.off++
		}
		return uint64(n), 0
	}
}

// putDirent encodes one entry and tells its size, 0 if it does not fit.
func (t *Task) putDirent(m []byte, d *host.Dirent, next int64, wide bool) int {
	align, name, extra := 8, abi.AMD64Dirent64Name, 1 // a zero byte ends the name
	if !wide {
		extra = 2 // and the type comes last
		align, name = 8, abi.AMD64DirentName
		if !t.is64() {
			align, name = 4, abi.I386DirentName
		}
	}
	size := (name + len(d.Name) + extra + align - 1) &^ (align - 1)
	if size > len(m) {
		return 0
	}
	clear(m[:size])
	switch {
	case wide || t.is64():
		put64(m, d.Ino)
		put64(m[8:], uint64(next))
		m[16], m[17] = byte(size), byte(size>>8)
	default:
		put32(m, fold(d.Ino))
		put32(m[4:], uint32(next))
		m[8], m[9] = byte(size), byte(size>>8)
	}
	if wide {
		m[abi.AMD64Dirent64Type] = d.Type
	} else {
		m[size-1] = d.Type
	}
	copy(m[name:], d.Name)
	return size
}

// Names

// onPath reads a path and runs op on the place, without following a link at
// its end.
func (t *Task) onPath(dirfd int32, addr uint64, follow bool, op func(place) abi.Errno) (uint64, abi.Errno) {
	p, e := t.Path(addr)
	if e != 0 {
		return 0, e
	}
	return 0, t.find(dirfd, p, follow, op)
}

// writableTree tells the host's tree of a place where something is to change.
func writableTree(pl place) (host.Tree, abi.Errno) {
	if pl.mnt.tree == nil {
		if pl.node == nil {
			return nil, abi.EACCES
		}
		return nil, abi.EPERM
	}
	return pl.mnt.tree, 0
}

// newName reads the path of something to be made and runs op on its place. A
// slash at the end is for folders: for others it is ENOENT, but EEXIST if the
// name is there.
func (t *Task) newName(dirfd int32, addr uint64, folder bool, op func(place) abi.Errno) (uint64, abi.Errno) {
	p, e := t.Path(addr)
	if e != 0 {
		return 0, e
	}
	return 0, t.madeAt(dirfd, p, folder, op)
}

// bare is a path without slashes at its end, which would follow a link there.
func bare(p string) string {
	if b := strings.TrimRight(p, "/"); b != "" {
		return b
	}
	return p
}

func (t *Task) madeAt(dirfd int32, p string, folder bool, op func(place) abi.Errno) abi.Errno {
	if bare(p) == p {
		return t.at(dirfd, p, false, op)
	}
	return t.at(dirfd, bare(p), false, func(pl place) abi.Errno {
		if _, e := t.typeOf(pl); e == 0 {
			return abi.EEXIST
		}
		if !folder {
			return abi.ENOENT
		}
		return op(pl)
	})
}

func (t *Task) mkdirat(dirfd int32, addr uint64, mode uint32) (uint64, abi.Errno) {
	_, umask := t.proc.files.current()
	return t.newName(dirfd, addr, true, func(pl place) abi.Errno {
		if pl.node != nil || pl.mnt.tree != nil && pl.rel == "" {
			return abi.EEXIST
		}
		tree, e := writableTree(pl)
		if e != 0 {
			return e
		}
		if e := t.mayChange(pl, making); e != 0 {
			return e
		}
		defer t.proc.files.rights.forget()
		if e = tree.Mkdir(pl.rel, mode&0o1777&^umask); e == abi.EEXIST {
			t.clash(pl)
		}
		return e
	})
}

func sysMkdir(t *Task, a Args) (uint64, abi.Errno) {
	return t.mkdirat(abi.AT_FDCWD, a[0], uint32(a[1]))
}

func sysMkdirat(t *Task, a Args) (uint64, abi.Errno) {
	return t.mkdirat(int32(a[0]), a[1], uint32(a[2]))
}

// lastDot refuses names that no call may take away or make.
func lastDot(p string) (dot, dotdot bool) {
	b := p[strings.LastIndexByte(strings.TrimRight(p, "/"), '/')+1:]
	b = strings.TrimRight(b, "/")
	return b == ".", b == ".."
}

func (t *Task) rmdirat(dirfd int32, addr uint64) (uint64, abi.Errno) {
	p, e := t.Path(addr)
	if e != 0 {
		return 0, e
	}
	switch dot, dotdot := lastDot(p); {
	case dot:
		return 0, abi.EINVAL
	case dotdot:
		return 0, abi.ENOTEMPTY
	}
	return 0, t.at(dirfd, bare(p), false, func(pl place) abi.Errno {
		if pl.mnt.tree != nil && pl.rel == "" {
			return abi.EBUSY
		}
		tree, e := writableTree(pl)
		if e != 0 {
			return missing(pl, e)
		}
		if e := t.mayChange(pl, taking); e != 0 {
			return e
		}
		defer t.proc.files.rights.forget()
		return tree.Rmdir(pl.rel)
	})
}

// missing prefers ENOENT where there is nothing to take away.
func missing(pl place, e abi.Errno) abi.Errno {
	if pl.mnt.tree == nil && pl.node == nil {
		return abi.ENOENT
	}
	return e
}

func (t *Task) unlinkat(dirfd int32, addr uint64) (uint64, abi.Errno) {
	p, e := t.Path(addr)
	if e != 0 {
		return 0, e
	}
	return 0, t.at(dirfd, bare(p), false, func(pl place) abi.Errno {
		if strings.HasSuffix(p, "/") {
			switch kind, e := t.typeOf(pl); {
			case e != 0:
				return e
			case kind != abi.S_IFDIR:
				return abi.ENOTDIR
			}
			return abi.EISDIR
		}
		tree, e := writableTree(pl)
		if e != 0 {
			return missing(pl, e)
		}
		if pl.rel == "" {
			return abi.EISDIR
		}
		if e := t.mayChange(pl, taking); e != 0 {
			return e
		}
		return tree.Unlink(pl.rel)
	})
}

func sysRmdir(t *Task, a Args) (uint64, abi.Errno)  { return t.rmdirat(abi.AT_FDCWD, a[0]) }
func sysUnlink(t *Task, a Args) (uint64, abi.Errno) { return t.unlinkat(abi.AT_FDCWD, a[0]) }

func sysUnlinkat(t *Task, a Args) (uint64, abi.Errno) {
	switch uint32(a[2]) {
	case 0:
		return t.unlinkat(int32(a[0]), a[1])
	case abi.AT_REMOVEDIR:
		return t.rmdirat(int32(a[0]), a[1])
	}
	return 0, abi.EINVAL
}

// two finds two places and runs op on them.
func (t *Task) two(fd1 int32, p1 string, follow bool, fd2 int32, p2 string, op func(from, to place) abi.Errno) abi.Errno {
	return t.find(fd1, p1, follow, func(from place) abi.Errno {
		if _, e := t.typeOf(from); e != 0 {
			return e
		}
		return t.at(fd2, p2, false, func(to place) abi.Errno { return op(from, to) })
	})
}

// parent tells what is wrong with the folder that a path's last name is in.
func (t *Task) parent(dirfd int32, p string) abi.Errno {
	dir, e := t.start(dirfd, p)
	if e != 0 {
		return e
	}
	up := strings.TrimRight(p, "/")
	up = up[:strings.LastIndexByte(up, '/')+1]
	if up != "" {
		pl, e := t.walk(dir, up, true)
		if e != 0 {
			return e
		}
		dir = pl.path
	}
	switch kind, e := t.typeOf(t.proc.files.ns.at(dir)); {
	case e != 0:
		return e
	case kind != abi.S_IFDIR:
		return abi.ENOTDIR
	}
	return t.maySearch(dir)
}

func (t *Task) renameat(fd1 int32, addr1 uint64, fd2 int32, addr2 uint64, flags uint32) (uint64, abi.Errno) {
	exchange := flags&abi.RENAME_EXCHANGE != 0
	if flags&^(abi.RENAME_NOREPLACE|abi.RENAME_EXCHANGE) != 0 || exchange && flags&abi.RENAME_NOREPLACE != 0 {
		return 0, abi.EINVAL
	}
	p1, e := t.Path(addr1)
	if e != 0 {
		return 0, e
	}
	p2, e := t.Path(addr2)
	if e != 0 {
		return 0, e
	}
	for _, p := range []string{p1, p2} {
		if dot, dotdot := lastDot(p); dot || dotdot {
			return 0, abi.EBUSY
		}
	}
	noreplace := flags&abi.RENAME_NOREPLACE != 0
	e = t.two(fd1, bare(p1), false, fd2, bare(p2), func(from, to place) abi.Errno {
		t1, e := writableTree(from)
		if e != 0 {
			return missing(from, e)
		}
		t2, e := writableTree(to)
		if e != 0 {
			return abi.EXDEV
		}
		if exchange || noreplace {
			switch _, e := t2.Type(to.rel); {
			case exchange && e != 0:
				return e
			case noreplace && e == 0:
				return abi.EEXIST
			}
		}
		if s1, s2 := bare(p1) != p1, bare(p2) != p2; s1 || s2 {
			k1, e := t.typeOf(from)
			if e != 0 {
				return e
			}
			if k2, _ := t.typeOf(to); k1 != abi.S_IFDIR && (s1 || !exchange) || exchange && s2 && k2 != abi.S_IFDIR {
				return abi.ENOTDIR
			}
		}
		switch {
		case from.rel == "" || to.rel == "":
			return abi.EBUSY
		case from.mnt != to.mnt:
			return abi.EXDEV
		case from.path == to.path:
			if noreplace {
				return abi.EEXIST
			}
			return 0
		case strings.HasPrefix(to.path, from.path+"/"):
			return abi.EINVAL
		case strings.HasPrefix(from.path, to.path+"/") && exchange:
			return abi.EINVAL
		case strings.HasPrefix(from.path, to.path+"/"):
			return abi.ENOTEMPTY
		}
		if e := t.mayChange(from, taking); e != 0 {
			return e
		}
		if e := t.mayChange(to, putting); e != 0 {
			return e
		}
		for _, pl := range []place{from, to} {
			if path.Dir(from.path) != path.Dir(to.path) && (pl == from || exchange) {
				if e := t.mayMove(pl); e != 0 {
					return e
				}
			}
		}
		if exchange {
			e = t1.Exchange(from.rel, t2, to.rel)
		} else {
			moved := t.proc.notifyMove(from.path, to.path)
			e = t1.Rename(from.rel, t2, to.rel, noreplace)
			moved(t, e)
		}
		switch {
		case e == abi.EEXIST:
			t.clash(to)
		case e == 0 && exchange:
			t.exchangedFiles(from.path, to.path)
		case e == 0:
			t.movedFile(from.path, to.path)
		}
		return e
	})
	if e != 0 {
		// Linux looks at both folders before it looks at a name.
		for _, side := range []struct {
			fd int32
			p  string
		}{{fd1, p1}, {fd2, p2}} {
			if e := t.parent(side.fd, side.p); e != 0 {
				return 0, e
			}
		}
	}
	return 0, e
}

func sysRename(t *Task, a Args) (uint64, abi.Errno) {
	return t.renameat(abi.AT_FDCWD, a[0], abi.AT_FDCWD, a[1], 0)
}

func sysRenameat(t *Task, a Args) (uint64, abi.Errno) {
	return t.renameat(int32(a[0]), a[1], int32(a[2]), a[3], 0)
}

func sysRenameat2(t *Task, a Args) (uint64, abi.Errno) {
	return t.renameat(int32(a[0]), a[1], int32(a[2]), a[3], uint32(a[4]))
}

func (t *Task) linkat(fd1 int32, addr1 uint64, fd2 int32, addr2 uint64, flags uint32) (uint64, abi.Errno) {
	if flags&^(abi.AT_SYMLINK_FOLLOW|abi.AT_EMPTY_PATH) != 0 {
		return 0, abi.EINVAL
	}
	p1, e := t.Path(addr1)
	if e != 0 {
		return 0, e
	}
	p2, e := t.Path(addr2)
	if e != 0 {
		return 0, e
	}
	if p1 == "" && flags&abi.AT_EMPTY_PATH != 0 {
		f, e := t.proc.files.get(fd1)
		if e != 0 {
			return 0, e
		}
		defer t.proc.files.put(f)
		return 0, t.linkFile(f, fd2, p2)
	}
	return 0, t.two(fd1, p1, flags&abi.AT_SYMLINK_FOLLOW != 0, fd2, bare(p2), func(from, to place) abi.Errno {
		if flags&abi.AT_SYMLINK_FOLLOW != 0 {
			f, e := t.behind(from)
			if e != 0 {
				return e
			}
			if f != nil {
				defer t.proc.files.put(f)
				return t.linkFile(f, fd2, p2)
			}
		}
		switch _, e := t.typeOf(to); {
		case e == 0:
			t.clash(to)
			return abi.EEXIST
		case e != abi.ENOENT || bare(p2) != p2:
			return e
		}
		switch e := t.parent(fd2, p2); {
		case e != 0:
			return e
		case from.mnt != to.mnt:
			return abi.EXDEV
		case from.mnt.tree == nil:
			return abi.EPERM
		}
		if e := t.mayChange(to, making); e != 0 {
			return e
		}
		if e = from.mnt.tree.Link(from.rel, to.mnt.tree, to.rel); e == abi.EEXIST {
			t.clash(to)
		}
		return e
	})
}

func sysLink(t *Task, a Args) (uint64, abi.Errno) {
	return t.linkat(abi.AT_FDCWD, a[0], abi.AT_FDCWD, a[1], 0)
}

func sysLinkat(t *Task, a Args) (uint64, abi.Errno) {
	return t.linkat(int32(a[0]), a[1], int32(a[2]), a[3], uint32(a[4]))
}

func (t *Task) symlinkat(addr uint64, dirfd int32, addr2 uint64) (uint64, abi.Errno) {
	target, e := t.Path(addr)
	if e != 0 {
		return 0, e
	}
	if target == "" {
		return 0, abi.ENOENT
	}
	return t.newName(dirfd, addr2, false, func(pl place) abi.Errno {
		if pl.node != nil || pl.mnt.tree != nil && pl.rel == "" {
			return abi.EEXIST
		}
		tree, e := writableTree(pl)
		if e != 0 {
			return e
		}
		if e := t.mayChange(pl, making); e != 0 {
			return e
		}
		return tree.Symlink(target, pl.rel)
	})
}

func sysSymlink(t *Task, a Args) (uint64, abi.Errno) { return t.symlinkat(a[0], abi.AT_FDCWD, a[1]) }

func sysSymlinkat(t *Task, a Args) (uint64, abi.Errno) {
	return t.symlinkat(a[0], int32(a[1]), a[2])
}

func (t *Task) readlinkat(dirfd int32, addr, buf, size uint64) (uint64, abi.Errno) {
	if int32(size) <= 0 {
		return 0, abi.EINVAL
	}
	p, e := t.Path(addr)
	if e != 0 {
		return 0, e
	}
	target := ""
	if p == "" && dirfd != abi.AT_FDCWD {
		f, e := t.proc.files.get(dirfd)
		if e != 0 {
			return 0, e
		}
		defer t.proc.files.put(f)
		pl, ok := f.data.(place)
		if !ok {
			return 0, abi.ENOENT
		}
		target, e = t.readlink(pl)
		if e != 0 {
			return 0, e
		}
	} else if e := t.at(dirfd, p, false, func(pl place) (e abi.Errno) {
		target, e = t.readlink(pl)
		return e
	}); e != 0 {
		return 0, e
	}
	n := min(uint64(len(target)), size)
	return n, t.CopyOut(buf, []byte(target[:n]))
}

func sysReadlink(t *Task, a Args) (uint64, abi.Errno) {
	return t.readlinkat(abi.AT_FDCWD, a[0], a[1], a[2]&0xffffffff)
}

func sysReadlinkat(t *Task, a Args) (uint64, abi.Errno) {
	return t.readlinkat(int32(a[0]), a[1], a[2], a[3]&0xffffffff)
}

func (t *Task) mknodat(dirfd int32, addr uint64, mode uint32) (uint64, abi.Errno) {
	_, umask := t.proc.files.current()
	return t.newName(dirfd, addr, false, func(pl place) abi.Errno {
		var st host.Stat
		if t.lstat(pl, &st) == 0 {
			return abi.EEXIST
		}
		if kind := mode & abi.S_IFMT; kind != 0 && kind != abi.S_IFREG {
			return abi.EPERM
		}
		f, e := t.openPlace(pl, abi.O_CREAT|abi.O_EXCL|abi.O_WRONLY, mode&0o7777&^umask)
		if e == 0 {
			t.proc.files.put(f)
		}
		return e
	})
}

func sysMknod(t *Task, a Args) (uint64, abi.Errno) {
	return t.mknodat(abi.AT_FDCWD, a[0], uint32(a[1]))
}

func sysMknodat(t *Task, a Args) (uint64, abi.Errno) {
	return t.mknodat(int32(a[0]), a[1], uint32(a[2]))
}

// The working directory

func sysGetcwd(t *Task, a Args) (uint64, abi.Errno) {
	cwd, _ := t.proc.files.current()
	if uint64(len(cwd)+1) > a[1] {
		return 0, abi.ERANGE
	}
	return uint64(len(cwd) + 1), t.CopyOut(a[0], append([]byte(cwd), 0))
}

func (t *Task) setCwd(pl place) abi.Errno {
	var st host.Stat
	if e := t.lstat(pl, &st); e != 0 {
		return e
	}
	if st.Mode&abi.S_IFMT != abi.S_IFDIR {
		return abi.ENOTDIR
	}
	if e := t.proc.permitted(&st, 1); e != 0 {
		return e
	}
	ft := t.proc.files
	ft.fsmu.Lock()
	ft.cwd = pl.path
	ft.fsmu.Unlock()
	return 0
}

func sysChdir(t *Task, a Args) (uint64, abi.Errno) {
	return t.onPath(abi.AT_FDCWD, a[0], true, t.setCwd)
}

func sysFchdir(t *Task, a Args) (uint64, abi.Errno) {
	f, e := t.proc.files.get(int32(a[0]))
	if e != 0 {
		return 0, e
	}
	defer t.proc.files.put(f)
	switch f.ops.(type) {
	case folderOps, nodeFolderOps, pathOps:
		return 0, t.setCwd(t.proc.files.ns.at(t.where(f)))
	}
	return 0, abi.ENOTDIR
}

func sysUmask(t *Task, a Args) (uint64, abi.Errno) {
	ft := t.proc.files
	ft.fsmu.Lock()
	defer ft.fsmu.Unlock()
	old := ft.umask
	ft.umask = uint32(a[0]) & 0o777
	return uint64(old), 0
}
