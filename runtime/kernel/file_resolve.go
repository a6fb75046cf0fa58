package kernel

import (
	"path"
	"strings"

	"bee/runtime/abi"
)

// The RESOLVE_ flags of openat2(2): paths that must not leave a folder, or
// must not use links.

const resolveAll = abi.RESOLVE_BENEATH | abi.RESOLVE_IN_ROOT | abi.RESOLVE_NO_SYMLINKS | abi.RESOLVE_NO_MAGICLINKS | abi.RESOLVE_NO_XDEV | abi.RESOLVE_CACHED

// resolve walks a path as openat2 does. The answer is a place whose path has
// no link but the last name, if follow is not set.
func (t *Task) resolve(dirfd int32, p string, follow bool, how uint64) (place, abi.Errno) {
	if p == "" {
		return place{}, abi.ENOENT
	}
	ns := t.proc.files.ns
	inRoot, beneath := how&abi.RESOLVE_IN_ROOT != 0, how&abi.RESOLVE_BENEATH != 0
	// A path from the root does not use the descriptor, but within it.
	from := p
	if inRoot {
		from = "."
	}
	base, e := t.start(dirfd, from)
	if e != 0 {
		return place{}, e
	}
	root := "/"
	if inRoot || beneath {
		root = base
	}
	mnt := ns.at(base).mnt
	cur, rest, links := base, p, 0
	if p[0] == '/' {
		if beneath {
			return place{}, abi.EXDEV
		}
		cur = root
	}
	for {
		if pl := ns.at(cur); how&abi.RESOLVE_NO_XDEV != 0 && pl.mnt != mnt {
			return place{}, abi.EXDEV
		}
		rest = strings.TrimLeft(rest, "/")
		if rest == "" {
			return ns.at(cur), 0
		}
		if e := t.maySearch(cur); e != 0 {
			return place{}, e
		}
		name, more, slash := strings.Cut(rest, "/")
		rest = more
		last := strings.Trim(more, "/") == ""
		switch {
		case name == ".":
			continue
		case name == "..":
			switch {
			case cur != root:
				cur = path.Dir(cur)
			case beneath:
				return place{}, abi.EXDEV
			}
			continue
		case len(name) > abi.NAME_MAX:
			return place{}, abi.ENAMETOOLONG
		}
		next := path.Join(cur, name)
		pl := ns.at(next)
		kind, e := t.typeOf(pl)
		switch {
		case e == abi.ENOENT && last:
			return pl, 0
		case e != 0:
			return place{}, e
		case kind == abi.S_IFLNK && (!last || follow || slash):
			if how&abi.RESOLVE_NO_SYMLINKS != 0 {
				return place{}, abi.ELOOP
			}
			if pl.node != nil && pl.node.magic != nil {
				switch {
				case how&abi.RESOLVE_NO_MAGICLINKS != 0:
					return place{}, abi.ELOOP
				case inRoot || beneath:
					return place{}, abi.EXDEV
				case last && !slash:
					return pl, 0
				}
			}
			if links++; links > maxLinks {
				return place{}, abi.ELOOP
			}
			target, e := t.readlink(pl)
			switch {
			case e != 0:
				return place{}, e
			case target == "":
				return place{}, abi.ENOENT
			case target[0] == '/' && beneath:
				return place{}, abi.EXDEV
			case target[0] == '/':
				cur = root
			}
			if slash {
				target += "/" + rest
			}
			if len(target) > 2*abi.PATH_MAX {
				return place{}, abi.ENAMETOOLONG
			}
			rest = target
			continue
		case kind == abi.S_IFLNK && how&abi.RESOLVE_NO_SYMLINKS != 0:
			return pl, 0 // not followed: the open says ELOOP, or takes it with O_PATH
		case kind != abi.S_IFDIR && slash:
			return place{}, abi.ENOTDIR
		}
		cur = next
	}
}

func sysOpenat2(t *Task, a Args) (uint64, abi.Errno) {
	const size = abi.SizeofI386OpenHow
	if a[3] < size {
		return 0, abi.EINVAL
	}
	if a[3] > pageMask+1 {
		return 0, abi.E2BIG
	}
	how, e := t.Bytes(a[2], a[3], false)
	if e != 0 {
		return 0, e
	}
	for _, b := range how[size:] { // what a later kernel may know
		if b != 0 {
			return 0, abi.E2BIG
		}
	}
	flags, mode, resolve := le64(how), le64(how[8:]), le64(how[abi.I386OpenHowResolve:])
	const known = abi.O_ACCMODE | abi.O_CREAT | abi.O_EXCL | abi.O_NOCTTY | abi.O_TRUNC | abi.O_APPEND | abi.O_NONBLOCK | abi.O_SYNC | abi.O_DSYNC |
		abi.O_DIRECT | abi.O_LARGEFILE | abi.O_DIRECTORY | abi.O_NOFOLLOW | abi.O_NOATIME | abi.O_CLOEXEC | abi.O_PATH | abi.O_TMPFILE | 0x2000
	creates := flags&abi.O_CREAT != 0 || flags&abi.O_TMPFILE == abi.O_TMPFILE
	switch {
	case flags&^known != 0, resolve&^resolveAll != 0, resolve&(abi.RESOLVE_BENEATH|abi.RESOLVE_IN_ROOT) == abi.RESOLVE_BENEATH|abi.RESOLVE_IN_ROOT,
		!creates && mode != 0, creates && mode&^0o7777 != 0, flags&abi.O_PATH != 0 && flags&^(abi.O_PATH|abi.O_DIRECTORY|abi.O_NOFOLLOW|abi.O_CLOEXEC) != 0:
		return 0, abi.EINVAL
	case resolve&abi.RESOLVE_CACHED != 0:
		return 0, abi.EAGAIN // nothing is cached: the caller asks again without
	}
	if resolve == 0 {
		return t.openat(int32(a[0]), a[1], t.openFlags(flags), uint32(mode))
	}
	p, e := t.Path(a[1])
	if e != 0 {
		return 0, e
	}
	return t.openWith(t.openFlags(flags), uint32(mode), p, func(follow bool, op func(place) abi.Errno) abi.Errno {
		pl, e := t.resolve(int32(a[0]), p, follow, resolve)
		if e != 0 {
			return e
		}
		return op(pl)
	})
}
