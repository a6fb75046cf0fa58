package kernel

import (
	"time"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// statOf looks at what the stat calls name: a path, or with AT_EMPTY_PATH and
// an empty one a descriptor.
func (t *Task) statOf(dirfd int32, addr uint64, flags uint32, st *host.Stat) abi.Errno {
	var p string
	var e abi.Errno
	if addr != 0 || flags&abi.AT_EMPTY_PATH == 0 {
		if p, e = t.Path(addr); e != 0 {
			return e
		}
	}
	if p == "" && flags&abi.AT_EMPTY_PATH != 0 {
		if dirfd != abi.AT_FDCWD {
			return t.fstat(dirfd, st)
		}
		p = "."
	}
	follow := flags&abi.AT_SYMLINK_NOFOLLOW == 0
	return t.at(dirfd, p, follow, func(pl place) abi.Errno { return t.look(pl, follow, st) })
}

// look is stat of a place: of what a link of /proc stands for if follow, ELOOP
// for any other link then.
func (t *Task) look(pl place, follow bool, st *host.Stat) abi.Errno {
	e := t.lstat(pl, st)
	if e != 0 || !follow || st.Mode&abi.S_IFMT != abi.S_IFLNK {
		return e
	}
	f, e := t.behind(pl)
	switch {
	case e != 0:
		return e
	case f == nil:
		return abi.ELOOP
	}
	defer t.proc.files.put(f)
	return f.ops.stat(t, f, st)
}

func (t *Task) fstat(fd int32, st *host.Stat) abi.Errno {
	f, e := t.proc.files.get(fd)
	if e != 0 {
		return e
	}
	defer t.proc.files.put(f)
	return f.ops.stat(t, f, st)
}

// The layouts of struct stat.

const second = int64(time.Second)

// parts splits nanoseconds since 1970, rounding down before it.
func parts(ns int64) (sec, nsec int64) {
	sec, nsec = ns/second, ns%second
	if nsec < 0 {
		sec, nsec = sec-1, nsec+second
	}
	return sec, nsec
}

func fold(v uint64) uint32 { return uint32(v ^ v>>32) }

// putStat writes the native struct stat: the only one on x86-64, the one with
// 32-bit fields on IA-32.
func (t *Task) putStat(addr uint64, st *host.Stat) abi.Errno {
	if t.is64() {
		m, e := t.Bytes(addr, abi.SizeofAMD64Stat, true)
		if e != 0 {
			return e
		}
		clear(m)
		put64(m[abi.AMD64StatDev:], st.Dev)
		put64(m[abi.AMD64StatIno:], st.Ino)
		put32(m[abi.AMD64StatMode:], st.Mode)
		put64(m[abi.AMD64StatNlink:], uint64(st.Nlink))
		put32(m[abi.AMD64StatUid:], st.UID)
		put32(m[abi.AMD64StatGid:], st.GID)
		put64(m[abi.AMD64StatRdev:], st.Rdev)
		put64(m[abi.AMD64StatSize:], uint64(st.Size))
		put64(m[abi.AMD64StatBlksize:], uint64(st.Blksize))
		put64(m[abi.AMD64StatBlocks:], uint64(st.Blocks))
		for off, ns := range map[int]int64{abi.AMD64StatAtime: st.Atime, abi.AMD64StatMtime: st.Mtime, abi.AMD64StatCtime: st.Ctime} {
			s, n := parts(ns)
			put64(m[off:], uint64(s))
			put64(m[off+8:], uint64(n))
		}
		return 0
	}
	if st.Size > 1<<31-1 {
		return abi.EOVERFLOW
	}
	m, e := t.Bytes(addr, abi.SizeofI386Stat, true)
	if e != 0 {
		return e
	}
	clear(m)
	put32(m[abi.I386StatDev:], uint32(st.Dev))
	// A file number of Windows has 64 bits; refusing the call would help
	// nobody.
	put32(m[abi.I386StatIno:], fold(st.Ino))
	m[abi.I386StatMode], m[abi.I386StatMode+1] = byte(st.Mode), byte(st.Mode>>8)
	m[abi.I386StatNlink], m[abi.I386StatNlink+1] = byte(st.Nlink), byte(st.Nlink>>8)
	put16id(m[abi.I386StatUid:], st.UID)
	put16id(m[abi.I386StatGid:], st.GID)
	put32(m[abi.I386StatRdev:], uint32(st.Rdev))
	put32(m[abi.I386StatSize:], uint32(st.Size))
	put32(m[abi.I386StatBlksize:], uint32(st.Blksize))
	put32(m[abi.I386StatBlocks:], uint32(st.Blocks))
	put32Times(m[abi.I386StatAtime:], m[abi.I386StatMtime:], m[abi.I386StatCtime:], st)
	return 0
}

func put16id(b []byte, id uint32) {
	if id > 0xffff {
		id = 65534 // overflowuid
	}
	b[0], b[1] = byte(id), byte(id>>8)
}

func put32Times(a, m, c []byte, st *host.Stat) {
	s, n := parts(st.Atime)
	put32(a, uint32(s))
	put32(a[4:], uint32(n))
	s, n = parts(st.Mtime)
	put32(m, uint32(s))
	put32(m[4:], uint32(n))
	s, n = parts(st.Ctime)
	put32(c, uint32(s))
	put32(c[4:], uint32(n))
}

// putStat64 writes IA-32's struct stat64.
func (t *Task) putStat64(addr uint64, st *host.Stat) abi.Errno {
	m, e := t.Bytes(addr, abi.SizeofI386Stat64, true)
	if e != 0 {
		return e
	}
	clear(m)
	put64(m[abi.I386Stat64Dev:], st.Dev)
	put32(m[abi.I386Stat64OldIno:], uint32(st.Ino))
	put32(m[abi.I386Stat64Mode:], st.Mode)
	put32(m[abi.I386Stat64Nlink:], st.Nlink)
	put32(m[abi.I386Stat64Uid:], st.UID)
	put32(m[abi.I386Stat64Gid:], st.GID)
	put64(m[abi.I386Stat64Rdev:], st.Rdev)
	put64(m[abi.I386Stat64Size:], uint64(st.Size))
	put32(m[abi.I386Stat64Blksize:], uint32(st.Blksize))
	put64(m[abi.I386Stat64Blocks:], uint64(st.Blocks))
	put32Times(m[abi.I386Stat64Atime:], m[abi.I386Stat64Mtime:], m[abi.I386Stat64Ctime:], st)
	put64(m[abi.I386Stat64Ino:], st.Ino)
	return 0
}

// statCall makes a stat call of one form.
func statCall(put func(*Task, uint64, *host.Stat) abi.Errno, flags uint32) Handler {
	return func(t *Task, a Args) (uint64, abi.Errno) {
		var st host.Stat
		if e := t.statOf(abi.AT_FDCWD, a[0], flags, &st); e != 0 {
			return 0, e
		}
		return 0, put(t, a[1], &st)
	}
}

func fstatCall(put func(*Task, uint64, *host.Stat) abi.Errno) Handler {
	return func(t *Task, a Args) (uint64, abi.Errno) {
		var st host.Stat
		if e := t.fstat(int32(a[0]), &st); e != 0 {
			return 0, e
		}
		return 0, put(t, a[1], &st)
	}
}

func fstatatCall(put func(*Task, uint64, *host.Stat) abi.Errno) Handler {
	return func(t *Task, a Args) (uint64, abi.Errno) {
		var st host.Stat
		flags := uint32(a[3])
		if flags&^(abi.AT_SYMLINK_NOFOLLOW|abi.AT_EMPTY_PATH|abi.AT_NO_AUTOMOUNT) != 0 {
			return 0, abi.EINVAL
		}
		if e := t.statOf(int32(a[0]), a[1], flags, &st); e != 0 {
			return 0, e
		}
		return 0, put(t, a[2], &st)
	}
}

func major(dev uint64) uint32 { return uint32(dev>>8&0xfff | dev>>32&^0xfff) }
func minor(dev uint64) uint32 { return uint32(dev&0xff | dev>>12&0xffffff00) }

func sysStatx(t *Task, a Args) (uint64, abi.Errno) {
	flags, mask := uint32(a[2]), uint32(a[3])
	if mask&abi.STATX__RESERVED != 0 || flags&abi.AT_STATX_SYNC_TYPE == abi.AT_STATX_SYNC_TYPE ||
		flags&^(abi.AT_SYMLINK_NOFOLLOW|abi.AT_EMPTY_PATH|abi.AT_NO_AUTOMOUNT|abi.AT_STATX_SYNC_TYPE) != 0 {
		return 0, abi.EINVAL
	}
	var st host.Stat
	if e := t.statOf(int32(a[0]), a[1], flags, &st); e != 0 {
		return 0, e
	}
	// The layout is the same on both architectures.
	m, e := t.Bytes(a[4], abi.SizeofAMD64Statx, true)
	if e != 0 {
		return 0, e
	}
	clear(m)
	put32(m[abi.AMD64StatxMask:], abi.STATX_BASIC_STATS|abi.STATX_BTIME)
	put32(m[abi.AMD64StatxBlksize:], uint32(st.Blksize))
	put32(m[abi.AMD64StatxNlink:], st.Nlink)
	put32(m[abi.AMD64StatxUid:], st.UID)
	put32(m[abi.AMD64StatxGid:], st.GID)
	m[abi.AMD64StatxMode], m[abi.AMD64StatxMode+1] = byte(st.Mode), byte(st.Mode>>8)
	put64(m[abi.AMD64StatxIno:], st.Ino)
	put64(m[abi.AMD64StatxSize:], uint64(st.Size))
	put64(m[abi.AMD64StatxBlocks:], uint64(st.Blocks))
	put32(m[abi.AMD64StatxRdevMajor:], major(st.Rdev))
	put32(m[abi.AMD64StatxRdevMinor:], minor(st.Rdev))
	put32(m[abi.AMD64StatxDevMajor:], major(st.Dev))
	put32(m[abi.AMD64StatxDevMinor:], minor(st.Dev))
	for off, ns := range map[int]int64{
		abi.AMD64StatxAtime: st.Atime, abi.AMD64StatxBtime: st.Btime, abi.AMD64StatxCtime: st.Ctime, abi.AMD64StatxMtime: st.Mtime,
	} {
		s, n := parts(ns)
		put64(m[off:], uint64(s))
		put32(m[off+8:], uint32(n))
	}
	return 0, 0
}

// Access

func (t *Task) accessAt(dirfd int32, addr uint64, mode, flags uint32) (uint64, abi.Errno) {
	if mode&^7 != 0 || flags&^(abi.AT_EACCESS|abi.AT_SYMLINK_NOFOLLOW|abi.AT_EMPTY_PATH) != 0 {
		return 0, abi.EINVAL
	}
	var st host.Stat
	if e := t.statOf(dirfd, addr, flags&^abi.AT_EACCESS, &st); e != 0 {
		return 0, e
	}
	return 0, t.proc.permitted(&st, mode)
}

// permitted tells whether a file's mode allows reading (4), writing (2),
// executing (1).
func (p *Process) permitted(st *host.Stat, want uint32) abi.Errno {
	if p.uid == 0 {
		if want&1 != 0 && st.Mode&abi.S_IFMT != abi.S_IFDIR && st.Mode&0o111 == 0 {
			return abi.EACCES
		}
		return 0
	}
	m := st.Mode
	switch {
	case st.UID == p.uid:
		m >>= 6
	case st.GID == p.gid:
		m >>= 3
	}
	if want&^m != 0 {
		return abi.EACCES
	}
	return 0
}

func sysAccess(t *Task, a Args) (uint64, abi.Errno) {
	return t.accessAt(abi.AT_FDCWD, a[0], uint32(a[1]), 0)
}

func sysFaccessat(t *Task, a Args) (uint64, abi.Errno) {
	return t.accessAt(int32(a[0]), a[1], uint32(a[2]), 0)
}

func sysFaccessat2(t *Task, a Args) (uint64, abi.Errno) {
	return t.accessAt(int32(a[0]), a[1], uint32(a[2]), uint32(a[3]))
}

// File systems

func (t *Task) statfsOf(pl place, st *host.StatFS) abi.Errno {
	if pl.mnt.tree != nil {
		return pl.mnt.tree.Statfs(pl.rel, st)
	}
	if pl.node == nil {
		return abi.ENOENT
	}
	*st = host.StatFS{Type: abi.TMPFS_MAGIC, Bsize: 4096, Namelen: abi.NAME_MAX}
	if pl.mnt.path == "/proc" {
		st.Type = 0x9fa0 // PROC_SUPER_MAGIC
	}
	return 0
}

func (t *Task) statfsPath(addr uint64, st *host.StatFS) abi.Errno {
	p, e := t.Path(addr)
	if e != 0 {
		return e
	}
	return t.find(abi.AT_FDCWD, p, true, func(pl place) abi.Errno {
		f, e := t.behind(pl)
		if e != 0 {
			return e
		}
		if f == nil {
			return t.statfsOf(pl, st)
		}
		defer t.proc.files.put(f)
		return t.statfsFile(f, st)
	})
}

func (t *Task) statfsFD(fd int32, st *host.StatFS) abi.Errno {
	f, e := t.proc.files.get(fd)
	if e != 0 {
		return e
	}
	defer t.proc.files.put(f)
	return t.statfsFile(f, st)
}

func (t *Task) statfsFile(f *File, st *host.StatFS) abi.Errno {
	if f.path != "" {
		if pl := t.proc.files.ns.at(f.path); pl.mnt.tree == nil {
			return t.statfsOf(pl, st)
		}
	}
	switch f.ops.(type) {
	case pathOps:
		if !f.pinned {
			return t.statfsOf(t.placeOf(f), st)
		}
		return t.proc.files.host.StatfsOf(f.h, st)
	case regularOps, folderOps:
		return t.proc.files.host.StatfsOf(f.h, st)
	case pipeOps:
		*st = host.StatFS{Type: abi.PIPEFS_MAGIC, Bsize: 4096, Namelen: abi.NAME_MAX}
		return 0
	}
	*st = host.StatFS{Type: abi.TMPFS_MAGIC, Bsize: 4096, Namelen: abi.NAME_MAX}
	return 0
}

func (t *Task) putStatfs(addr uint64, wide bool, st *host.StatFS) abi.Errno {
	flags := uint32(0x20) // ST_VALID
	if st.ReadOnly {
		flags |= 1
	}
	if t.is64() {
		m, e := t.Bytes(addr, abi.SizeofAMD64Statfs, true)
		if e != 0 {
			return e
		}
		clear(m)
		for i, v := range []uint64{uint64(st.Type), uint64(st.Bsize), st.Blocks, st.Bfree, st.Bavail, st.Files, st.Ffree, st.Fsid, uint64(st.Namelen), uint64(st.Bsize), uint64(flags)} {
			put64(m[8*i:], v)
		}
		return 0
	}
	if wide {
		m, e := t.Bytes(addr, abi.SizeofI386Statfs64, true)
		if e != 0 {
			return e
		}
		clear(m)
		put32(m[abi.I386Statfs64Type:], st.Type)
		put32(m[abi.I386Statfs64Bsize:], uint32(st.Bsize))
		for i, v := range []uint64{st.Blocks, st.Bfree, st.Bavail, st.Files, st.Ffree, st.Fsid} {
			put64(m[abi.I386Statfs64Blocks+8*i:], v)
		}
		put32(m[abi.I386Statfs64Namelen:], uint32(st.Namelen))
		put32(m[abi.I386Statfs64Frsize:], uint32(st.Bsize))
		put32(m[abi.I386Statfs64Flags:], flags)
		return 0
	}
	for _, v := range []uint64{st.Blocks, st.Bfree, st.Bavail, st.Files, st.Ffree} {
		if v>>32 != 0 {
			return abi.EOVERFLOW
		}
	}
	m, e := t.Bytes(addr, abi.SizeofI386Statfs, true)
	if e != 0 {
		return e
	}
	clear(m)
	for i, v := range []uint64{uint64(st.Type), uint64(st.Bsize), st.Blocks, st.Bfree, st.Bavail, st.Files, st.Ffree} {
		put32(m[4*i:], uint32(v))
	}
	put64(m[abi.I386StatfsFsid:], st.Fsid)
	put32(m[abi.I386StatfsNamelen:], uint32(st.Namelen))
	put32(m[abi.I386StatfsFrsize:], uint32(st.Bsize))
	put32(m[abi.I386StatfsFlags:], flags)
	return 0
}

func sysStatfs(t *Task, a Args) (uint64, abi.Errno) {
	var st host.StatFS
	if e := t.statfsPath(a[0], &st); e != 0 {
		return 0, e
	}
	return 0, t.putStatfs(a[1], false, &st)
}

func sysFstatfs(t *Task, a Args) (uint64, abi.Errno) {
	var st host.StatFS
	if e := t.statfsFD(int32(a[0]), &st); e != 0 {
		return 0, e
	}
	return 0, t.putStatfs(a[1], false, &st)
}

func sysStatfs64(t *Task, a Args) (uint64, abi.Errno) {
	if a[1] != abi.SizeofI386Statfs64 {
		return 0, abi.EINVAL
	}
	var st host.StatFS
	if e := t.statfsPath(a[0], &st); e != 0 {
		return 0, e
	}
	return 0, t.putStatfs(a[2], true, &st)
}

func sysFstatfs64(t *Task, a Args) (uint64, abi.Errno) {
	if a[1] != abi.SizeofI386Statfs64 {
		return 0, abi.EINVAL
	}
	var st host.StatFS
	if e := t.statfsFD(int32(a[0]), &st); e != 0 {
		return 0, e
	}
	return 0, t.putStatfs(a[2], true, &st)
}
