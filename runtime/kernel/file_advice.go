package kernel

import (
	"bee/runtime/abi"
	"bee/runtime/host"
)

// Calls that tell the kernel what will be read or should be on the disk. The
// advice is checked and forgotten: the host reads ahead by itself.

func fadvise(t *Task, fd uint64, size int64, advice uint64) (uint64, abi.Errno) {
	f, e := t.file(fd)
	if e != 0 {
		return 0, e
	}
	defer t.proc.files.put(f)
	switch {
	case f.stream():
		return 0, abi.ESPIPE
	case size < 0, uint32(advice) > abi.POSIX_FADV_NOREUSE:
		return 0, abi.EINVAL
	}
	return 0, 0
}

// sysFadvise64 has a length of 32 bits on IA-32, sysFadvise64wide one of 64.
func sysFadvise64(t *Task, a Args) (uint64, abi.Errno) {
	if t.is64() {
		return fadvise(t, a[0], int64(a[2]), a[3])
	}
	return fadvise(t, a[0], int64(uint32(a[3])), a[4])
}

func sysFadvise64wide(t *Task, a Args) (uint64, abi.Errno) {
	return fadvise(t, a[0], t.offset(a[3], a[4]), a[5])
}

func sysReadahead(t *Task, a Args) (uint64, abi.Errno) {
	f, e := t.file(a[0])
	if e != 0 {
		return 0, e
	}
	defer t.proc.files.put(f)
	if !f.readable() {
		return 0, abi.EBADF
	}
	if _, ok := f.ops.(regularOps); !ok {
		return 0, abi.EINVAL
	}
	return 0, 0
}

const syncRangeAll = 7 // SYNC_FILE_RANGE_WAIT_BEFORE, _WRITE, _WAIT_AFTER

func sysSyncFileRange(t *Task, a Args) (uint64, abi.Errno) {
	off, size, flags := int64(a[1]), int64(a[2]), uint32(a[3])
	if !t.is64() {
		off, size, flags = t.offset(a[1], a[2]), t.offset(a[3], a[4]), uint32(a[5])
	}
	f, e := t.file(a[0])
	if e != 0 {
		return 0, e
	}
	defer t.proc.files.put(f)
	if flags&^syncRangeAll != 0 || off < 0 || size < 0 || off+size < 0 {
		return 0, abi.EINVAL
	}
	switch f.ops.(type) {
	case regularOps:
		if flags != 0 && f.writable() {
			return 0, t.proc.files.host.Sync(f.h)
		}
		return 0, 0
	case folderOps, nodeFolderOps:
		return 0, 0
	}
	return 0, abi.ESPIPE
}

func sysSyncfs(t *Task, a Args) (uint64, abi.Errno) {
	f, e := t.file(a[0])
	if e != 0 {
		return 0, e
	}
	defer t.proc.files.put(f)
	if _, ok := f.ops.(regularOps); ok && f.writable() {
		return 0, t.proc.files.host.Sync(f.h)
	}
	return 0, 0
}

// sysUstat knows the volumes of the mounts by their numbers.
func sysUstat(t *Task, a Args) (uint64, abi.Errno) {
	for _, m := range t.proc.files.ns.mounts {
		var st host.Stat
		if m.tree == nil || m.tree.Lstat("", &st) != 0 || uint32(st.Dev) != uint32(a[0]) {
			continue
		}
		var fs host.StatFS
		if e := m.tree.Statfs("", &fs); e != 0 {
			return 0, e
		}
		// struct ustat: free blocks, free inodes, two names of 6 bytes.
		b := make([]byte, 20)
		put32(b, uint32(min(fs.Bfree, 1<<31-1)))
		if t.is64() {
			b = append(b, make([]byte, 12)...)
			put64(b[8:], fs.Ffree)
		} else {
			put32(b[4:], uint32(min(fs.Ffree, 1<<31-1)))
		}
		return 0, t.CopyOut(a[1], b)
	}
	return 0, abi.EINVAL
}

// sysNameToHandle has no file system that gives handles.
func sysNameToHandle(t *Task, a Args) (uint64, abi.Errno) {
	flags := uint32(a[4])
	if flags&^(abi.AT_SYMLINK_FOLLOW|abi.AT_EMPTY_PATH) != 0 {
		return 0, abi.EINVAL
	}
	var st host.Stat
	look := flags & abi.AT_EMPTY_PATH
	if flags&abi.AT_SYMLINK_FOLLOW == 0 {
		look |= abi.AT_SYMLINK_NOFOLLOW
	}
	if e := t.statOf(int32(a[0]), a[1], look, &st); e != 0 {
		return 0, e
	}
	return 0, abi.EOPNOTSUPP
}
