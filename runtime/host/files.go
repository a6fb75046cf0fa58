package host

import "bee/runtime/abi"

// Handle is a host's own name of an open file: a HANDLE on Windows, a
// descriptor on Linux. Direct thunks use it as it is.
type Handle uintptr

// NoHandle is the handle of nothing.
const NoHandle = ^Handle(0)

// Kind says how an open file behaves, which on Linux follows from its type.
type Kind uint8

// The kinds. Only Regular files have a position: whoever opens one keeps it
// and says with each transfer where it starts.
const (
	Regular Kind = iota
	Directory
	Pipe
	Console
	Char   // a character device that is no console
	Socket // inherited; readable and writable as a stream
)

// Stat is what stat(2) tells, for both architectures. Times are nanoseconds
// since 1970.
type Stat struct {
	Dev, Ino                   uint64
	Mode                       uint32 // type and permissions
	Nlink                      uint32
	UID, GID                   uint32
	Rdev                       uint64
	Size                       int64
	Blksize                    int64
	Blocks                     int64 // of 512 bytes
	Atime, Mtime, Ctime, Btime int64
}

// Dirent is an entry of a directory.
type Dirent struct {
	Name string
	Ino  uint64
	Type uint8 // DT_*; 0 is unknown
}

// StatFS is what statfs(2) tells of a volume.
type StatFS struct {
	Type                  uint32
	Bsize                 int64
	Blocks, Bfree, Bavail uint64 // in units of Bsize
	Files, Ffree          uint64
	Fsid                  uint64
	Namelen               int64
	ReadOnly              bool
}

// OmitTime leaves a time as it is, in SetTimes.
const OmitTime = -1 << 63

// CheckMode is a flag of Tree.Open beside those of Linux: where the host itself
// does not hold the caller to a file's mode, Open does so in its place, before
// it changes anything: EACCES if the owner's bits do not allow what is asked.
const CheckMode = 1 << 30

// Tree is a folder of the host in which names have Linux's form: separated by
// slashes, any bytes but 0, without "." and "..", "" for the folder itself.
// No call follows a symbolic link of Linux's kind, not even inside the path:
// where one is in the way the call fails (ELOOP, ENOENT or ENOTDIR, whatever
// the host says first) and the kernel walks the path itself. Methods may be
// called by any number of goroutines.
type Tree interface {
	// Open knows O_ACCMODE, O_CREAT, O_EXCL, O_TRUNC, O_APPEND, O_DIRECTORY and
	// CheckMode.
	// perm has had the umask applied. It answers ELOOP for a symbolic link.
	Open(path string, flags int, perm uint32) (Handle, Kind, abi.Errno)
	Lstat(path string, st *Stat) abi.Errno
	// Type tells the S_IFMT bits alone, which is cheaper.
	Type(path string) (uint32, abi.Errno)
	Readlink(path string) (string, abi.Errno) // EINVAL if it is none
	Mkdir(path string, perm uint32) abi.Errno
	Rmdir(path string) abi.Errno
	Unlink(path string) abi.Errno
	// Rename replaces a file at to unless noreplace.
	Rename(path string, to Tree, toPath string, noreplace bool) abi.Errno
	// Exchange makes two files trade their names. EINVAL where the host
	// cannot.
	Exchange(path string, to Tree, toPath string) abi.Errno
	// OpenTemp makes a file without a name in the folder path, which goes when
	// its handle is closed unless LinkHandle has given it a name before; with
	// O_EXCL in flags that cannot be done.
	OpenTemp(path string, flags int, perm uint32) (Handle, abi.Errno)
	// FolderMode tells a folder's permissions where the host knows but does
	// not enforce them (see Files.HoldsModes).
	FolderMode(path string) (uint32, bool)
	Link(path string, to Tree, toPath string) abi.Errno
	Symlink(target, path string) abi.Errno
	Chmod(path string, perm uint32) abi.Errno
	SetTimes(path string, atime, mtime int64) abi.Errno
	Statfs(path string, st *StatFS) abi.Errno
}

// Ready is what a stream can do at once.
type Ready struct {
	In, Out, Hup, Err bool
	Pri, RdHup        bool // urgent data; the other side writes no more
	Bytes             int  // that can be read, where the host tells
}

// CancelReads are Files that know streams whose reads wait inside this process
// rather than in the host.
type CancelReads interface {
	// ReadUnless is Read that ends with EINTR once cancel is readable; ok
	// false: the handle is no such stream, and nothing was read. always makes
	// it one if the host could not end a read of it.
	ReadUnless(h Handle, p []byte, cancel <-chan struct{}, always bool) (n int, e abi.Errno, ok bool)
}

// CancelWrites are Files whose writes to streams can be given up.
type CancelWrites interface {
	// WriteUnless is Write that ends with EINTR some time after cancel has
	// become readable, if the stream is full then; n bytes were written. A
	// little more may be under way: it is taken for the beginning of what is
	// written next, if that is the same.
	WriteUnless(h Handle, p []byte, cancel <-chan struct{}) (n int, e abi.Errno)
}

// Files are the host's files. A transfer may be shorter than asked; 0 with no
// error from a read is the end of the file. None of the transfers allocates.
type Files interface {
	Locker

	// Mount tells the tree that begins at a path in the host's own notation.
	Mount(native string) (Tree, abi.Errno)
	// Std tells standard input, output and error (0, 1, 2). EBADF if the
	// caller closed it.
	Std(i int) (Handle, Kind, int, abi.Errno) // the int has O_ACCMODE and O_APPEND

	ReadAt(h Handle, p []byte, off int64) (int, abi.Errno)
	WriteAt(h Handle, p []byte, off int64) (int, abi.Errno)
	// Append writes at the file's end, whatever other processes do.
	Append(h Handle, p []byte) (int, abi.Errno)
	// Read and Write transfer at the handle's own position: streams, and
	// files that are shared with the caller.
	Read(h Handle, p []byte) (int, abi.Errno)
	Write(h Handle, p []byte) (int, abi.Errno)
	// Seek moves or tells (whence SEEK_CUR, 0) the handle's own position.
	Seek(h Handle, off int64, whence int) (int64, abi.Errno)

	Fstat(h Handle, st *Stat) abi.Errno
	Fchmod(h Handle, perm uint32) abi.Errno
	SetTimesOf(h Handle, atime, mtime int64) abi.Errno
	Truncate(h Handle, size int64) abi.Errno
	Allocate(h Handle, size int64) abi.Errno // at least size bytes of space, size of the file unchanged
	// Zero makes the bytes from off on, up to the file's end at most, read as
	// zeros, and gives their space back where the volume can.
	Zero(h Handle, off, size int64) abi.Errno
	// Data tells the first run of bytes at or behind off that has space of its
	// own: it begins at first and ends before end. Both are the file's size if
	// there is none.
	Data(h Handle, off int64) (first, end int64, e abi.Errno)
	// LinkHandle gives an open file another name, or one made by OpenTemp its
	// first. ENOENT if all its names are gone.
	LinkHandle(h Handle, to Tree, path string) abi.Errno
	Sync(h Handle) abi.Errno
	ReadDir(h Handle) ([]Dirent, abi.Errno) // all but "." and ".."
	StatfsOf(h Handle, st *StatFS) abi.Errno
	Close(h Handle) abi.Errno
	// Temporary makes a file without a name, empty, open for reading and
	// writing, that is gone once its handle and sections are closed.
	Temporary() (Handle, abi.Errno)

	// Poll tells what a stream can do without waiting. At a pipe's end with
	// nothing left to read, Hup is set and In is not.
	Poll(h Handle, k Kind) Ready
	// Terminal tells the process's terminal, nil if it has none. All calls
	// tell the same one.
	Terminal() Terminal
	// Cwd tells the working directory and Temp the folder for temporary
	// files, in the host's notation.
	Cwd() string
	Temp() string
	// HoldsModes tells whether the host itself holds the caller to the modes
	// of files and folders.
	HoldsModes() bool
	// Lettered tells whether volumes have letters, DriveRoot the notation of
	// one's root; Drives tells which letters there are, which may take long.
	Lettered() bool
	DriveRoot(letter byte) string
	Drives() []byte
}
