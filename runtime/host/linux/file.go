//go:build linux

package linuxhost

import (
	"fmt"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// Files are Linux's own files. The zero value is ready.
type Files struct{}

var _ host.Files = Files{}

// errno passes Linux's own error number on.
func errno(err error) abi.Errno {
	if err == nil {
		return 0
	}
	if e, ok := err.(unix.Errno); ok {
		return abi.Errno(e)
	}
	return abi.EIO
}

func asError(e abi.Errno) error {
	if e == 0 {
		return nil
	}
	return unix.Errno(e)
}

// retry repeats what a signal of the Go runtime interrupted.
func retry(f func() error) abi.Errno {
	for {
		if err := f(); err != unix.EINTR {
			return errno(err)
		}
	}
}

// tree is a folder, held open. Paths are resolved with openat2, which can
// refuse symbolic links in the middle: the kernel above must walk those,
// because an absolute one means the guest's root.
type tree struct{ fd int }

// Mount implements host.Files.
func (Files) Mount(native string) (host.Tree, abi.Errno) {
	fd, err := unix.Open(native, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, errno(err)
	}
	return tree{fd}, 0
}

func (t tree) open(path string, flags uint64, mode uint32) (fd int, e abi.Errno) {
	if path == "" {
		path = "."
	}
	how := unix.OpenHow{
		Flags: flags | unix.O_NOFOLLOW | unix.O_CLOEXEC, Mode: uint64(mode),
		Resolve: unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_BENEATH,
	}
	e = retry(func() (err error) {
		fd, err = unix.Openat2(t.fd, path, &how)
		return err
	})
	return fd, e
}

// at opens the folder that holds path's last component.
func (t tree) at(path string, f func(dir int, name string) error) abi.Errno {
	dir, name := "", path
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		dir, name = path[:i], path[i+1:]
	}
	if name == "" {
		name = "."
	}
	fd := t.fd
	if dir != "" {
		var e abi.Errno
		if fd, e = t.open(dir, unix.O_PATH|unix.O_DIRECTORY, 0); e != 0 {
			return e
		}
		defer unix.Close(fd)
	}
	return errno(f(fd, name))
}

func (t tree) Open(path string, flags int, perm uint32) (host.Handle, host.Kind, abi.Errno) {
	if flags&abi.O_CREAT == 0 {
		perm = 0
	}
	flags &^= host.CheckMode // Linux does
	fd, e := t.open(path, uint64(flags|unix.O_NONBLOCK|unix.O_NOCTTY), perm)
	if e != 0 {
		return host.NoHandle, 0, e
	}
	if flags&abi.O_CREAT != 0 && perm != 0 {
		// The process's own umask was applied; the guest's was already in perm. Only a fresh file has no content.
		var st unix.Stat_t
		if unix.Fstat(fd, &st) == nil && st.Size == 0 && st.Mode&0o7777 == perm&^umask() && perm&umask() != 0 {
			_ = unix.Fchmod(fd, perm)
		}
	}
	_ = unix.SetNonblock(fd, false)
	k, _, _ := kind(fd)
	return host.Handle(fd), k, 0
}

// umask reads the process's own mask without changing it.
func umask() uint32 {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0o22
	}
	_, s, _ := strings.Cut(string(b), "\nUmask:\t")
	m := uint32(0)
	for _, c := range []byte(s) {
		if c < '0' || c > '7' {
			break
		}
		m = m<<3 | uint32(c-'0')
	}
	return m
}

func kind(fd int) (host.Kind, int, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return 0, 0, err
	}
	fl, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	fl &= abi.O_ACCMODE | abi.O_APPEND
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return host.Directory, fl, nil
	case unix.S_IFIFO:
		return host.Pipe, fl, nil
	case unix.S_IFSOCK:
		return host.Socket, fl, nil
	case unix.S_IFCHR:
		if _, err := unix.IoctlGetTermios(fd, unix.TCGETS); err == nil {
			return host.Console, fl, nil
		}
		return host.Char, fl, nil
	}
	return host.Regular, fl, nil
}

func fill(st *host.Stat, s *unix.Stat_t) {
	*st = host.Stat{
		Dev: uint64(s.Dev), Ino: s.Ino, Mode: s.Mode, Nlink: uint32(s.Nlink), UID: s.Uid, GID: s.Gid, Rdev: s.Rdev, Size: s.Size,
		Blksize: int64(s.Blksize), Blocks: s.Blocks, Atime: unix.TimespecToNsec(s.Atim), Mtime: unix.TimespecToNsec(s.Mtim),
		Ctime: unix.TimespecToNsec(s.Ctim), Btime: unix.TimespecToNsec(s.Ctim),
	}
}

func (t tree) Lstat(path string, st *host.Stat) abi.Errno {
	return t.at(path, func(dir int, name string) error {
		var s unix.Stat_t
		err := unix.Fstatat(dir, name, &s, unix.AT_SYMLINK_NOFOLLOW)
		fill(st, &s)
		return err
	})
}

func (t tree) Type(path string) (uint32, abi.Errno) {
	var st host.Stat
	e := t.Lstat(path, &st)
	return st.Mode & abi.S_IFMT, e
}

func (t tree) Readlink(path string) (target string, e abi.Errno) {
	e = t.at(path, func(dir int, name string) error {
		b := make([]byte, abi.PATH_MAX)
		n, err := unix.Readlinkat(dir, name, b)
		target = string(b[:max(n, 0)])
		return err
	})
	return target, e
}

func (t tree) Mkdir(path string, perm uint32) abi.Errno {
	return t.at(path, func(dir int, name string) error {
		err := unix.Mkdirat(dir, name, perm)
		if err == nil && perm&umask() != 0 {
			err = unix.Fchmodat(dir, name, perm, 0)
		}
		return err
	})
}

func (t tree) Rmdir(path string) abi.Errno {
	return t.at(path, func(dir int, name string) error { return unix.Unlinkat(dir, name, unix.AT_REMOVEDIR) })
}

func (t tree) Unlink(path string) abi.Errno {
	return t.at(path, func(dir int, name string) error { return unix.Unlinkat(dir, name, 0) })
}

func (t tree) Rename(path string, to host.Tree, toPath string, noreplace bool) abi.Errno {
	flags := uint(0)
	if noreplace {
		flags = unix.RENAME_NOREPLACE
	}
	return t.at(path, func(dir int, name string) error {
		return asError(to.(tree).at(toPath, func(todir int, toname string) error {
			return unix.Renameat2(dir, name, todir, toname, flags)
		}))
	})
}

func (t tree) Link(path string, to host.Tree, toPath string) abi.Errno {
	return t.at(path, func(dir int, name string) error {
		return asError(to.(tree).at(toPath, func(todir int, toname string) error {
			return unix.Linkat(dir, name, todir, toname, 0)
		}))
	})
}

func (t tree) Exchange(path string, to host.Tree, toPath string) abi.Errno {
	return t.at(path, func(dir int, name string) error {
		return asError(to.(tree).at(toPath, func(todir int, toname string) error {
			return unix.Renameat2(dir, name, todir, toname, unix.RENAME_EXCHANGE)
		}))
	})
}

func (t tree) OpenTemp(path string, flags int, perm uint32) (host.Handle, abi.Errno) {
	fd, e := t.open(path, unix.O_TMPFILE|uint64(flags&(abi.O_ACCMODE|abi.O_EXCL)), perm)
	if e != 0 {
		return host.NoHandle, e
	}
	if perm&umask() != 0 {
		_ = unix.Fchmod(fd, perm)
	}
	return host.Handle(fd), 0
}

// LinkHandle implements host.Files.
func (Files) LinkHandle(h host.Handle, to host.Tree, path string) abi.Errno {
	return to.(tree).at(path, func(dir int, name string) error {
		return unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", int(h)), dir, name, unix.AT_SYMLINK_FOLLOW)
	})
}

// FolderMode knows nothing: Linux itself holds everybody to the modes.
func (tree) FolderMode(string) (uint32, bool) { return 0, false }

// HoldsModes implements host.Files.
func (Files) HoldsModes() bool { return true }

// Zero implements host.Files.
func (Files) Zero(h host.Handle, off, size int64) abi.Errno {
	return retry(func() error {
		return unix.Fallocate(int(h), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, off, size)
	})
}

// Data implements host.Files.
func (f Files) Data(h host.Handle, off int64) (first, end int64, e abi.Errno) {
	first, e = f.Seek(h, off, unix.SEEK_DATA)
	if e == abi.ENXIO {
		var st host.Stat
		e = f.Fstat(h, &st)
		return st.Size, st.Size, e
	}
	if e == 0 {
		end, e = f.Seek(h, first, unix.SEEK_HOLE)
	}
	return first, end, e
}

func (t tree) Symlink(target, path string) abi.Errno {
	return t.at(path, func(dir int, name string) error { return unix.Symlinkat(target, dir, name) })
}

func (t tree) Chmod(path string, perm uint32) abi.Errno {
	return t.at(path, func(dir int, name string) error { return unix.Fchmodat(dir, name, perm, 0) })
}

func timespec(ns int64) unix.Timespec {
	if ns == host.OmitTime {
		return unix.Timespec{Nsec: unix.UTIME_OMIT}
	}
	return unix.NsecToTimespec(ns)
}

func (t tree) SetTimes(path string, atime, mtime int64) abi.Errno {
	return t.at(path, func(dir int, name string) error {
		return unix.UtimesNanoAt(dir, name, []unix.Timespec{timespec(atime), timespec(mtime)}, unix.AT_SYMLINK_NOFOLLOW)
	})
}

func fillfs(st *host.StatFS, s *unix.Statfs_t) {
	*st = host.StatFS{
		Type: uint32(s.Type), Bsize: int64(s.Bsize), Blocks: s.Blocks, Bfree: s.Bfree, Bavail: s.Bavail, Files: s.Files, Ffree: s.Ffree,
		Fsid: uint64(uint32(s.Fsid.Val[0])) | uint64(uint32(s.Fsid.Val[1]))<<32, Namelen: int64(s.Namelen), ReadOnly: s.Flags&1 != 0,
	}
}

func (t tree) Statfs(path string, st *host.StatFS) abi.Errno {
	fd, e := t.open(path, unix.O_PATH, 0)
	if e != 0 {
		return e
	}
	defer unix.Close(fd)
	return Files{}.StatfsOf(host.Handle(fd), st)
}

// Std implements host.Files.
func (Files) Std(i int) (host.Handle, host.Kind, int, abi.Errno) {
	k, fl, err := kind(i)
	if err != nil {
		return host.NoHandle, 0, 0, abi.EBADF
	}
	return host.Handle(i), k, fl, 0
}

// transfer does one read or write call, without what x/sys does around it.
func transfer(nr uintptr, h host.Handle, p []byte, off uintptr) (int, abi.Errno) {
	for {
		n, _, e := unix.Syscall6(nr, uintptr(h), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), off, 0, 0)
		if e == unix.EINTR {
			continue
		}
		if e != 0 {
			return 0, abi.Errno(e)
		}
		return int(n), 0
	}
}

// ReadAt implements host.Files.
func (Files) ReadAt(h host.Handle, p []byte, off int64) (int, abi.Errno) {
	return pread(h, p, off)
}

// WriteAt implements host.Files.
func (Files) WriteAt(h host.Handle, p []byte, off int64) (int, abi.Errno) {
	return pwrite(h, p, off)
}

// Append implements host.Files.
func (Files) Append(h host.Handle, p []byte) (int, abi.Errno) {
	n, err := unix.Pwritev2(int(h), [][]byte{p}, 0, unix.RWF_APPEND)
	return max(n, 0), errno(err)
}

// Read implements host.Files.
func (Files) Read(h host.Handle, p []byte) (int, abi.Errno) {
	return transfer(unix.SYS_READ, h, p, 0)
}

// ReadUnless implements host.CancelReads. A thread of Go cannot be taken out
// of a call, so it looks again now and then.
func (Files) ReadUnless(h host.Handle, p []byte, cancel <-chan struct{}, _ bool) (int, abi.Errno, bool) {
	const pause = 5 // ms
	for {
		select {
		case <-cancel:
			return 0, abi.EINTR, true
		default:
		}
		fds := []unix.PollFd{{Fd: int32(h), Events: unix.POLLIN}}
		if n, err := unix.Poll(fds, pause); n == 0 || err == unix.EINTR {
			continue
		}
		n, e := transfer(unix.SYS_READ, h, p, 0)
		return n, e, true
	}
}

// Write implements host.Files.
func (Files) Write(h host.Handle, p []byte) (int, abi.Errno) {
	return transfer(unix.SYS_WRITE, h, p, 0)
}

// Seek implements host.Files.
func (Files) Seek(h host.Handle, off int64, whence int) (int64, abi.Errno) {
	n, err := unix.Seek(int(h), off, whence)
	return n, errno(err)
}

// Fstat implements host.Files.
func (Files) Fstat(h host.Handle, st *host.Stat) abi.Errno {
	var s unix.Stat_t
	err := unix.Fstat(int(h), &s)
	fill(st, &s)
	return errno(err)
}

// Fchmod implements host.Files.
func (Files) Fchmod(h host.Handle, perm uint32) abi.Errno { return errno(unix.Fchmod(int(h), perm)) }

// SetTimesOf implements host.Files.
func (Files) SetTimesOf(h host.Handle, atime, mtime int64) abi.Errno {
	ts := [2]unix.Timespec{timespec(atime), timespec(mtime)}
	_, _, e := unix.Syscall6(unix.SYS_UTIMENSAT, uintptr(h), 0, uintptr(unsafe.Pointer(&ts)), 0, 0, 0)
	return abi.Errno(e)
}

// Truncate implements host.Files.
func (Files) Truncate(h host.Handle, size int64) abi.Errno {
	return retry(func() error { return unix.Ftruncate(int(h), size) })
}

// Allocate implements host.Files.
func (Files) Allocate(h host.Handle, size int64) abi.Errno {
	return retry(func() error { return unix.Fallocate(int(h), unix.FALLOC_FL_KEEP_SIZE, 0, size) })
}

// Sync implements host.Files.
func (Files) Sync(h host.Handle) abi.Errno { return retry(func() error { return unix.Fsync(int(h)) }) }

// ReadDir implements host.Files.
func (Files) ReadDir(h host.Handle) ([]host.Dirent, abi.Errno) {
	if _, err := unix.Seek(int(h), 0, unix.SEEK_SET); err != nil {
		return nil, errno(err)
	}
	var list []host.Dirent
	buf := make([]byte, 32<<10)
	for {
		n, err := unix.Getdents(int(h), buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, errno(err)
		}
		if n == 0 {
			return list, 0
		}
		for b := buf[:n]; len(b) > 0; {
			d := (*unix.Dirent)(unsafe.Pointer(&b[0]))
			name := string(b[unsafe.Offsetof(d.Name):d.Reclen])
			name, _, _ = strings.Cut(name, "\x00")
			if name != "." && name != ".." {
				list = append(list, host.Dirent{Name: name, Ino: d.Ino, Type: d.Type})
			}
			b = b[d.Reclen:]
		}
	}
}

// StatfsOf implements host.Files.
func (Files) StatfsOf(h host.Handle, st *host.StatFS) abi.Errno {
	var s unix.Statfs_t
	e := retry(func() error { return unix.Fstatfs(int(h), &s) })
	fillfs(st, &s)
	return e
}

// Close implements host.Files.
func (Files) Close(h host.Handle) abi.Errno { return errno(unix.Close(int(h))) }

// Poll implements host.Files.
func (Files) Poll(h host.Handle, _ host.Kind) host.Ready {
	fds := []unix.PollFd{{Fd: int32(h), Events: unix.POLLIN | unix.POLLOUT}}
	if _, err := unix.Poll(fds, 0); err != nil {
		return host.Ready{}
	}
	r := fds[0].Revents
	n, _ := unix.IoctlGetInt(int(h), unix.TIOCINQ)
	return host.Ready{In: r&unix.POLLIN != 0, Out: r&unix.POLLOUT != 0, Hup: r&unix.POLLHUP != 0, Err: r&unix.POLLERR != 0, Bytes: n}
}

// Cwd implements host.Files.
func (Files) Cwd() string {
	d, err := os.Getwd()
	if err != nil {
		return "/"
	}
	return d
}

// Temp implements host.Files.
func (Files) Temp() string { return os.TempDir() }

// Lettered, DriveRoot and Drives implement host.Files: there are no letters.
func (Files) Lettered() bool { return false }

// DriveRoot implements host.Files.
func (Files) DriveRoot(byte) string { return "" }

// Drives implements host.Files.
func (Files) Drives() []byte { return nil }
