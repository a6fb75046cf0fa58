package kernel

import (
	"path"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// openTemp is open with O_TMPFILE: a file without a name in a folder.
func (t *Task) openTemp(dirfd int32, p string, flags int, perm uint32) (f *File, e abi.Errno) {
	switch {
	case flags&abi.O_CREAT != 0, flags&abi.O_ACCMODE == abi.O_RDONLY:
		return nil, abi.EINVAL
	}
	e = t.find(dirfd, p, true, func(pl place) abi.Errno {
		kind, e := t.typeOf(pl)
		switch {
		case e != 0:
			return e
		case kind != abi.S_IFDIR:
			return abi.ENOTDIR
		case pl.mnt.tree == nil:
			return abi.EOPNOTSUPP
		}
		if e := t.mayChange(t.proc.files.ns.at(path.Join(pl.path, "#")), making); e != 0 {
			return e
		}
		h, e := pl.mnt.tree.OpenTemp(pl.rel, flags&(abi.O_ACCMODE|abi.O_EXCL), perm)
		if e != 0 {
			return e
		}
		f = opened(&File{ops: regularOps{}, h: h, kind: host.Regular, data: t.proc.files.host}, flags)
		return 0
	})
	return f, e
}

// linkFile gives an open file a name.
func (t *Task) linkFile(f *File, dirfd int32, p string) abi.Errno {
	return t.at(dirfd, p, false, func(to place) abi.Errno {
		switch {
		case to.mnt.tree == nil:
			return abi.EXDEV
		case to.rel == "":
			return abi.EEXIST
		}
		if e := t.mayChange(to, making); e != 0 {
			return e
		}
		switch f.ops.(type) {
		case regularOps:
			return t.proc.files.host.LinkHandle(f.h, to.mnt.tree, to.rel)
		case pathOps:
			from := t.placeOf(f)
			switch {
			case from.mnt != to.mnt:
				return abi.EXDEV
			case from.mnt.tree == nil:
				return abi.EPERM
			}
			return from.mnt.tree.Link(from.rel, to.mnt.tree, to.rel)
		case folderOps, nodeFolderOps:
			return abi.EPERM
		}
		return abi.EXDEV
	})
}
