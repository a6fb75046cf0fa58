package kernel

import (
	"bee/runtime/abi"
	"bee/runtime/host"
)

// Extended attributes: there are none, as on a file system of Linux without
// them. Setting and getting answer EOPNOTSUPP, the list is empty.

// xattrAt is a call on a path, which must lead somewhere.
func xattrAt(follow bool, answer abi.Errno) Handler {
	flags := uint32(0)
	if !follow {
		flags = abi.AT_SYMLINK_NOFOLLOW
	}
	return func(t *Task, a Args) (uint64, abi.Errno) {
		var st host.Stat
		if e := t.statOf(abi.AT_FDCWD, a[0], flags, &st); e != 0 {
			return 0, e
		}
		return 0, answer
	}
}

// xattrOf is a call on a descriptor.
func xattrOf(answer abi.Errno) Handler {
	return func(t *Task, a Args) (uint64, abi.Errno) {
		f, e := t.file(a[0])
		if e != 0 {
			return 0, e
		}
		t.proc.files.put(f)
		return 0, answer
	}
}

func xattrCalls() []Call {
	const note = "there are no extended attributes: EOPNOTSUPP, and empty lists"
	var list []Call
	for _, c := range []struct {
		verb   string
		answer abi.Errno
	}{{"set", abi.EOPNOTSUPP}, {"get", abi.EOPNOTSUPP}, {"list", 0}, {"remove", abi.EOPNOTSUPP}} {
		list = append(list,
			Call{Name: c.verb + "xattr", Handler: xattrAt(true, c.answer), Support: Partial, Note: note},
			Call{Name: "l" + c.verb + "xattr", Handler: xattrAt(false, c.answer), Support: Partial, Note: note},
			Call{Name: "f" + c.verb + "xattr", Handler: xattrOf(c.answer), Support: Partial, Note: note},
		)
	}
	return list
}
