package kernel

import (
	"sync"
	"sync/atomic"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// FilesConfig is what the program sees of the host's files.
type FilesConfig struct {
	Host host.Files
	// Root is the host's folder that is the program's root. Empty: the
	// default view with the drives under /mnt, /tmp, /dev, /proc and /etc.
	Root string
	// Mounts are further folders; a later one hides an earlier one.
	Mounts []Mount
	// Umask is the file mode creation mask; 0 means 022, use NoUmask for
	// none.
	Umask uint32
	// ExeHost is the host's path of the program's file, and ExeSize how much
	// of it, from ExeOffset on, is the program: all that /proc/self/exe shows.
	// An ExeSize of 0 means all.
	ExeHost            string
	ExeOffset, ExeSize int64
}

// NoUmask is a mask that takes no permission away.
const NoUmask = ^uint32(0)

// Mount shows the folder Host of the host at the absolute path Guest.
type Mount struct{ Guest, Host string }

// FileTable holds a process's descriptors, its working directory and its
// view of the files.
type FileTable struct {
	p    *Process
	host host.Files
	ns   *namespace

	// slots is replaced when it grows; its elements change under mu, and are
	// read without.
	slots atomic.Pointer[[]slot]
	mu    sync.Mutex

	// fsmu guards the working directory and the mask. Nothing is locked while
	// it is held.
	fsmu  sync.Mutex
	cwd   string // canonical
	umask uint32

	exe exeFile
	tty *tty // nil: the process has no terminal
	// locks are the table of locks on files.
	locks *lockTable
	// nesting is held while an epoll begins to watch another one. It is taken
	// before any epoll's mu.
	nesting sync.Mutex
	// rights are what is known of folders' modes; clashes counts looks for
	// names that differ in case only.
	rights  folderRights
	clashes atomic.Int32

	gathers sync.Pool     // *[gatherSize]byte, see Task.vector
	pipes   atomic.Uint64 // the inode number of the last pipe
}

type slot struct {
	file    atomic.Pointer[File]
	cloexec atomic.Bool
}

// File is an open file description: what open(2) makes and dup(2) shares.
type File struct {
	ops   fileOps
	refs  atomic.Int32 // descriptors, and calls under way
	flags atomic.Uint32
	path  string                 // canonical guest path when it was opened, "" if it has none
	moved atomic.Pointer[string] // the path since the process has moved it; see Task.where

	h    host.Handle
	kind host.Kind
	// shared files keep their position in the handle, because the caller of
	// the runner shares it.
	shared bool
	keep   bool // the handle is not closed with the description
	pinned bool // made with O_PATH, and h is a handle of its file

	// mu guards the position. No other lock but a pipe's is taken under it.
	mu  sync.Mutex
	off int64
	dir []host.Dirent // entries that getdents still tells from, by position

	data any // of the kind of file

	// watched is set once an epoll has been told to watch this description.
	watched atomic.Pointer[watchers]
	// used counts transfers of streams that tell nobody of their changes.
	used atomic.Uint32

	// locks is the table in which this description has locks.
	locks atomic.Pointer[lockTable]
}

// fileOps are what kinds of files do differently. Methods that transfer get
// the description with its reference held and no lock.
type fileOps interface {
	read(t *Task, f *File, p []byte) (int, abi.Errno)
	write(t *Task, f *File, p []byte) (int, abi.Errno)
	pread(t *Task, f *File, p []byte, off int64) (int, abi.Errno)
	pwrite(t *Task, f *File, p []byte, off int64) (int, abi.Errno)
	seek(t *Task, f *File, off int64, whence int) (int64, abi.Errno)
	stat(t *Task, f *File, st *host.Stat) abi.Errno
	truncate(t *Task, f *File, size int64) abi.Errno
	entries(t *Task, f *File) ([]host.Dirent, abi.Errno)
	poll(t *Task, f *File) host.Ready
	ioctl(t *Task, f *File, cmd uint32, arg uint64) (uint64, abi.Errno)
	close(f *File)
}

// baseOps are the answers of a file that can do nothing.
type baseOps struct{}

func (baseOps) read(*Task, *File, []byte) (int, abi.Errno)          { return 0, abi.EINVAL }
func (baseOps) write(*Task, *File, []byte) (int, abi.Errno)         { return 0, abi.EINVAL }
func (baseOps) pread(*Task, *File, []byte, int64) (int, abi.Errno)  { return 0, abi.ESPIPE }
func (baseOps) pwrite(*Task, *File, []byte, int64) (int, abi.Errno) { return 0, abi.ESPIPE }
func (baseOps) seek(*Task, *File, int64, int) (int64, abi.Errno)    { return 0, abi.ESPIPE }
func (baseOps) truncate(*Task, *File, int64) abi.Errno              { return abi.EINVAL }
func (baseOps) entries(*Task, *File) ([]host.Dirent, abi.Errno)     { return nil, abi.ENOTDIR }
func (baseOps) poll(*Task, *File) host.Ready                        { return host.Ready{In: true, Out: true} }
func (baseOps) close(*File)                                         {}

func (baseOps) ioctl(*Task, *File, uint32, uint64) (uint64, abi.Errno) { return 0, abi.ENOTTY }

// newFileTable makes the descriptors that the process starts with: the
// caller's standard input, output and error.
func newFileTable(p *Process, cfg FilesConfig, cwd string) (*FileTable, error) {
	ft := &FileTable{p: p, host: cfg.Host, umask: cfg.Umask & 0o777, locks: &lockTable{host: cfg.Host}}
	if cfg.Umask == 0 {
		ft.umask = 0o22
	}
	if cfg.Umask == NoUmask {
		ft.umask = 0
	}
	s := make([]slot, 16)
	ft.slots.Store(&s)
	ft.exe = exeFile{host: cfg.ExeHost, offset: cfg.ExeOffset, size: cfg.ExeSize}
	if cfg.Host == nil { // a process without files, in tests of other areas
		ft.ns, ft.cwd = &namespace{}, "/"
		return ft, nil
	}
	ns, err := newNamespace(p, cfg)
	if err != nil {
		return nil, err
	}
	ft.ns = ns
	ft.cwd = ft.startDir(cfg, cwd)
	ft.tty = newTTY(p, cfg.Host)
	for i := range 3 {
		h, kind, flags, e := cfg.Host.Std(i)
		if e != 0 {
			continue
		}
		f := &File{h: h, kind: kind, shared: true, keep: true}
		f.ops = hostOps(kind)
		if kind == host.Console && ft.tty != nil {
			f.ops, f.data = consoleOps{}, ft.tty
		}
		f.refs.Store(1)
		f.flags.Store(uint32(flags))
		s[i].file.Store(f)
	}
	return ft, nil
}

func hostOps(k host.Kind) fileOps {
	switch k {
	case host.Regular:
		return regularOps{}
	case host.Directory:
		return folderOps{}
	}
	return streamOps{}
}

// get tells the description of a descriptor and holds it; the caller puts it
// back. EBADF if there is none.
func (ft *FileTable) get(fd int32) (*File, abi.Errno) {
	for {
		s := *ft.slots.Load()
		if fd < 0 || int(fd) >= len(s) {
			return nil, abi.EBADF
		}
		f := s[fd].file.Load()
		if f == nil {
			return nil, abi.EBADF
		}
		n := f.refs.Load()
		if n > 0 && f.refs.CompareAndSwap(n, n+1) {
			return f, 0
		}
		// Closed in between, or another call came first: look again.
	}
}

// put gives a reference back; the last one closes the file.
func (ft *FileTable) put(f *File) {
	if f.refs.Add(-1) == 0 {
		if w := f.watched.Load(); w != nil {
			w.release()
		}
		if lt := f.locks.Load(); lt != nil {
			lt.release(nil, nil, f)
		}
		ft.p.notifyClose(f)
		f.ops.close(f)
		if f.pinned {
			_ = ft.host.Close(f.h)
		}
	}
}

// drop puts back the reference of a descriptor that was taken away. The
// process's own locks on the file end with it, though other descriptors may
// remain.
func (ft *FileTable) drop(f *File) {
	if ft.locks.any.Load() != 0 && !f.pathOnly() {
		ft.locks.release(&Task{proc: ft.p}, f, ft)
	}
	socket := f.kind == host.Socket
	ft.put(f)
	if socket {
		ft.p.collectInflight()
	}
}

// limit tells the number that no descriptor reaches: RLIMIT_NOFILE, as far as
// tables grow.
func (ft *FileTable) limit() int { return int(min(ft.p.Limit(abi.RLIMIT_NOFILE), 1<<20)) }

// install gives f the lowest free descriptor from low on. The descriptor
// takes over the caller's reference, also when there is none left.
func (ft *FileTable) install(f *File, low int, cloexec bool) (int32, abi.Errno) {
	fd, ok := ft.enter(f, low, cloexec)
	if !ok {
		ft.put(f)
		return 0, abi.EMFILE
	}
	return fd, 0
}

func (ft *FileTable) enter(f *File, low int, cloexec bool) (int32, bool) {
	limit := ft.limit()
	ft.mu.Lock()
	defer ft.mu.Unlock()
	for fd := low; fd < limit; fd++ {
		s := ft.grow(fd)
		if s[fd].file.Load() == nil {
			s[fd].cloexec.Store(cloexec)
			s[fd].file.Store(f)
			return int32(fd), true
		}
	}
	return 0, false
}

// grow makes the slots reach fd. ft.mu is held.
func (ft *FileTable) grow(fd int) []slot {
	s := *ft.slots.Load()
	if fd < len(s) {
		return s
	}
	n := make([]slot, max(2*len(s), fd+1))
	for i := range s {
		n[i].file.Store(s[i].file.Load())
		n[i].cloexec.Store(s[i].cloexec.Load())
	}
	ft.slots.Store(&n)
	return n
}

// full tells whether no number is left.
func (ft *FileTable) full() bool {
	s, limit := *ft.slots.Load(), ft.limit()
	for fd := range s[:min(len(s), limit)] {
		if s[fd].file.Load() == nil {
			return false
		}
	}
	return len(s) >= limit
}

// replace makes fd mean f, whose reference it takes over, and tells what it
// meant before.
func (ft *FileTable) replace(fd int32, f *File, cloexec bool) *File {
	ft.mu.Lock()
	defer ft.mu.Unlock()
	s := ft.grow(int(fd))
	s[fd].cloexec.Store(cloexec)
	return s[fd].file.Swap(f)
}

// remove takes a descriptor away.
func (ft *FileTable) remove(fd int32) (*File, abi.Errno) {
	ft.mu.Lock()
	defer ft.mu.Unlock()
	s := *ft.slots.Load()
	if fd < 0 || int(fd) >= len(s) {
		return nil, abi.EBADF
	}
	f := s[fd].file.Swap(nil)
	if f == nil {
		return nil, abi.EBADF
	}
	return f, 0
}

// list tells the descriptors that are open.
func (ft *FileTable) list() []int {
	var fds []int
	s := *ft.slots.Load()
	for i := range s {
		if s[i].file.Load() != nil {
			fds = append(fds, i)
		}
	}
	return fds
}

// closeAll ends all descriptors, when the process ends.
func (ft *FileTable) closeAll() {
	for _, fd := range ft.list() {
		if f, e := ft.remove(int32(fd)); e == 0 {
			ft.drop(f)
		}
	}
}

func (f *File) readable() bool { return f.flags.Load()&abi.O_ACCMODE != abi.O_WRONLY }
func (f *File) writable() bool { return f.flags.Load()&abi.O_ACCMODE != abi.O_RDONLY }
func (f *File) append() bool   { return f.flags.Load()&abi.O_APPEND != 0 }
func (f *File) nonblock() bool { return f.flags.Load()&abi.O_NONBLOCK != 0 }
func (f *File) pathOnly() bool { return f.flags.Load()&abi.O_PATH != 0 }

// file tells the description of a descriptor for a call that transfers.
func (t *Task) file(fd uint64) (*File, abi.Errno) {
	f, e := t.proc.files.get(int32(fd))
	if e != 0 {
		return nil, e
	}
	if f.pathOnly() {
		t.proc.files.put(f)
		return nil, abi.EBADF
	}
	return f, 0
}
