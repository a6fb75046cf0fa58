package kernel

import (
	"bee/runtime/abi"
	"bee/runtime/host"
)

// anonOps are what descriptors without a file have in common: epoll, eventfd,
// timerfd, signalfd.
type anonOps struct{ baseOps }

func (anonOps) seek(*Task, *File, int64, int) (int64, abi.Errno) { return 0, 0 }

// stat tells of the one inode that Linux has for all of them.
func (anonOps) stat(t *Task, _ *File, st *host.Stat) abi.Errno {
	now := t.nowNanos()
	*st = host.Stat{Dev: 14, Ino: 1057, Mode: 0o600, Nlink: 1, Blksize: 4096, Atime: now, Mtime: now, Ctime: now}
	return 0
}

// newAnon makes such a file. Of flags it takes O_NONBLOCK.
func newAnon(ops fileOps, data any, mode, flags uint32) *File {
	f := &File{ops: ops, kind: host.Char, data: data, h: host.NoHandle, keep: true}
	f.refs.Store(1)
	f.flags.Store(mode | flags&abi.O_NONBLOCK)
	return f
}

// openAnon gives it a descriptor. Of flags it takes O_CLOEXEC.
func (t *Task) openAnon(f *File, flags uint32) (uint64, abi.Errno) {
	fd, e := t.proc.files.install(f, 0, flags&abi.O_CLOEXEC != 0)
	return uint64(fd), e
}
