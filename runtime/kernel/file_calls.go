package kernel

import (
	"bee/image"
	"bee/runtime/abi"
)

// fileCalls are the calls about files, directories, pipes and the console.
func fileCalls() []Call {
	const (
		noOwner = "owners cannot be changed: EPERM unless the ids are the same"
		ownLock = "locks on directories and pipes hold within the program only"
		polls   = "pipes and sockets that the caller of the runner gave are asked every 0.5 to 10 ms"
		noDir   = "a directory that another process renames while it is open is looked for at its old place"
		noType  = "regular files; EPERM for others"
	)
	list := []Call{
		{Name: "read", Handler: sysRead, Support: Full},
		{Name: "write", Handler: sysWrite, Support: Full},
		{Name: "readv", Handler: sysReadv, Support: Full},
		{Name: "writev", Handler: sysWritev, Support: Partial, Note: "one piece up to 64 KiB, else one buffer after the other"},
		{Name: "pread64", Handler: sysPread, Support: Full},
		{Name: "pwrite64", Handler: sysPwrite, Support: Full},
		{Name: "preadv", Handler: positionalVector(false, false), Support: Full},
		{Name: "pwritev", Handler: positionalVector(true, false), Support: Full},
		{Name: "preadv2", Handler: positionalVector(false, true), Support: Partial, Note: "RWF_NOWAIT reads as ever; no atomic writes"},
		{Name: "pwritev2", Handler: positionalVector(true, true), Support: Partial, Note: "no RWF_NOWAIT"},
		{Name: "lseek", Handler: sysLseek, Support: Full},
		{Name: "_llseek", Handler: sysLlseek, Support: Full, Arch: image.I386},
		{Name: "open", Handler: sysOpen, Support: Full},
		{Name: "openat", Handler: sysOpenat, Support: Partial, Note: noDir},
		{Name: "openat2", Handler: sysOpenat2, Support: Partial, Note: "RESOLVE_CACHED answers EAGAIN; " + noDir},
		{Name: "creat", Handler: sysCreat, Support: Full},
		{Name: "close", Handler: sysClose, Support: Full},
		{Name: "close_range", Handler: sysCloseRange, Support: Full},
		{Name: "dup", Handler: sysDup, Support: Full},
		{Name: "dup2", Handler: sysDup2, Support: Full},
		{Name: "dup3", Handler: sysDup3, Support: Full},
		{Name: "fcntl", Handler: sysFcntl, Support: Partial, Note: ownLock + "; no leases, owners"},
		{Name: "fcntl64", Handler: sysFcntl, Support: Partial, Note: ownLock + "; no leases, owners", Arch: image.I386},
		{Name: "flock", Handler: sysFlock, Support: Partial, Note: ownLock},
		{Name: "ioctl", Handler: sysIoctl, Support: Partial, Note: "FIONREAD, FIONBIO, FIOCLEX; of the terminal all of tty_ioctl(4) but TIOCSTI, modem lines and other line disciplines"},
		{Name: "stat", Handler: statCall((*Task).putStat, 0), Support: Full},
		{Name: "lstat", Handler: statCall((*Task).putStat, abi.AT_SYMLINK_NOFOLLOW), Support: Full},
		{Name: "fstat", Handler: fstatCall((*Task).putStat), Support: Full},
		{Name: "stat64", Handler: statCall((*Task).putStat64, 0), Support: Full, Arch: image.I386},
		{Name: "lstat64", Handler: statCall((*Task).putStat64, abi.AT_SYMLINK_NOFOLLOW), Support: Full, Arch: image.I386},
		{Name: "fstat64", Handler: fstatCall((*Task).putStat64), Support: Full, Arch: image.I386},
		{Name: "fstatat64", Handler: fstatatCall((*Task).putStat64), Support: Full, Arch: image.I386},
		{Name: "newfstatat", Handler: fstatatCall((*Task).putStat), Support: Full, Arch: image.AMD64},
		{Name: "statx", Handler: sysStatx, Support: Full},
		{Name: "access", Handler: sysAccess, Support: Full},
		{Name: "faccessat", Handler: sysFaccessat, Support: Full},
		{Name: "faccessat2", Handler: sysFaccessat2, Support: Full},
		{Name: "readlink", Handler: sysReadlink, Support: Full},
		{Name: "readlinkat", Handler: sysReadlinkat, Support: Full},
		{Name: "getdents", Handler: getdents(false), Support: Full},
		{Name: "getdents64", Handler: getdents(true), Support: Full},
		{Name: "mkdir", Handler: sysMkdir, Support: Full},
		{Name: "mkdirat", Handler: sysMkdirat, Support: Full},
		{Name: "rmdir", Handler: sysRmdir, Support: Full},
		{Name: "unlink", Handler: sysUnlink, Support: Full},
		{Name: "unlinkat", Handler: sysUnlinkat, Support: Full},
		{Name: "rename", Handler: sysRename, Support: Full},
		{Name: "renameat", Handler: sysRenameat, Support: Full},
		{Name: "renameat2", Handler: sysRenameat2, Support: Partial, Note: "RENAME_EXCHANGE takes three steps; no RENAME_WHITEOUT"},
		{Name: "link", Handler: sysLink, Support: Full},
		{Name: "linkat", Handler: sysLinkat, Support: Full},
		{Name: "symlink", Handler: sysSymlink, Support: Full},
		{Name: "symlinkat", Handler: sysSymlinkat, Support: Full},
		{Name: "mknod", Handler: sysMknod, Support: Partial, Note: noType},
		{Name: "mknodat", Handler: sysMknodat, Support: Partial, Note: noType},
		{Name: "chmod", Handler: sysChmod, Support: Full},
		{Name: "fchmod", Handler: sysFchmod, Support: Full},
		{Name: "fchmodat", Handler: sysFchmodat, Support: Full},
		{Name: "fchownat", Handler: sysFchownat, Support: Partial, Note: noOwner},
		{Name: "utime", Handler: sysUtime, Support: Full},
		{Name: "utimes", Handler: sysUtimes, Support: Full},
		{Name: "futimesat", Handler: sysFutimesat, Support: Full},
		{Name: "utimensat", Handler: utimensat(false), Support: Full},
		{Name: "utimensat_time64", Handler: utimensat(true), Support: Full, Arch: image.I386},
		{Name: "truncate", Handler: sysTruncate, Support: Full},
		{Name: "truncate64", Handler: sysTruncate64, Support: Full, Arch: image.I386},
		{Name: "ftruncate", Handler: sysFtruncate, Support: Full},
		{Name: "ftruncate64", Handler: sysFtruncate64, Support: Full, Arch: image.I386},
		{Name: "fallocate", Handler: sysFallocate, Support: Partial, Note: "no collapsing, inserting, unsharing"},
		{Name: "fadvise64", Handler: sysFadvise64, Support: Full},
		{Name: "fadvise64_64", Handler: sysFadvise64wide, Support: Full, Arch: image.I386},
		{Name: "readahead", Handler: sysReadahead, Support: Full},
		{Name: "getcwd", Handler: sysGetcwd, Support: Full},
		{Name: "chdir", Handler: sysChdir, Support: Full},
		{Name: "fchdir", Handler: sysFchdir, Support: Full},
		{Name: "umask", Handler: sysUmask, Support: Full},
		{Name: "statfs", Handler: sysStatfs, Support: Full},
		{Name: "fstatfs", Handler: sysFstatfs, Support: Full},
		{Name: "statfs64", Handler: sysStatfs64, Support: Full, Arch: image.I386},
		{Name: "fstatfs64", Handler: sysFstatfs64, Support: Full, Arch: image.I386},
		{Name: "sync", Handler: sysOK, Support: Partial, Note: "left to Windows; use fsync"},
		{Name: "syncfs", Handler: sysSyncfs, Support: Partial, Note: "the file itself, the rest is left to Windows"},
		{Name: "fsync", Handler: sysFsync, Support: Full},
		{Name: "fdatasync", Handler: sysFsync, Support: Full},
		{Name: "sync_file_range", Handler: sysSyncFileRange, Support: Partial, Note: "the whole file"},
		{Name: "ustat", Handler: sysUstat, Support: Full},
		{Name: "name_to_handle_at", Handler: sysNameToHandle, Support: Partial, Note: "no file system has handles: EOPNOTSUPP"},
		{Name: "pipe", Handler: sysPipe, Support: Full},
		{Name: "pipe2", Handler: sysPipe2, Support: Full},
		{Name: "poll", Handler: sysPoll, Support: Full, Note: polls},
		{Name: "ppoll", Handler: ppoll((*Task).readTimespec, (*Task).writeTimespec), Support: Full, Note: polls},
		{Name: "ppoll_time64", Handler: ppoll((*Task).readTimespec64, (*Task).writeTimespec64), Support: Full, Note: polls, Arch: image.I386},
		{Name: "select", Handler: sysOldSelect, Support: Full, Note: polls, Arch: image.I386},
		{Name: "_newselect", Handler: sysSelect, Support: Full, Note: polls, Arch: image.I386},
		{Name: "select", Handler: sysSelect, Support: Full, Note: polls, Arch: image.AMD64},
		{Name: "pselect6", Handler: pselect((*Task).readTimespec, (*Task).writeTimespec), Support: Full, Note: polls},
		{Name: "pselect6_time64", Handler: pselect((*Task).readTimespec64, (*Task).writeTimespec64), Support: Full, Note: polls, Arch: image.I386},
		{Name: "sendfile", Handler: sendfile(false), Support: Full},
		{Name: "sendfile64", Handler: sendfile(true), Support: Full, Arch: image.I386},
		{Name: "copy_file_range", Handler: sysCopyFileRange, Support: Full},
	}
	// On IA-32 the plain names take 16-bit ids, those with 32 at the end
	// whole ones.
	for _, suffix := range []string{"", "32"} {
		arch := image.Arch(0)
		if suffix != "" {
			arch = image.I386
		}
		plain := suffix == ""
		list = append(list,
			Call{Name: "chown" + suffix, Handler: chownCall(true, plain), Support: Partial, Note: noOwner, Arch: arch},
			Call{Name: "lchown" + suffix, Handler: chownCall(false, plain), Support: Partial, Note: noOwner, Arch: arch},
			Call{Name: "fchown" + suffix, Handler: fchownCall(plain), Support: Partial, Note: noOwner, Arch: arch},
		)
	}
	return append(append(list, xattrCalls()...), socketCalls()...)
}
