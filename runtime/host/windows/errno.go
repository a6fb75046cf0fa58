//go:build windows

package winhost

import (
	"errors"

	"golang.org/x/sys/windows"

	"bee/runtime/abi"
)

// NTSTATUS values that x/sys does not name.
const (
	statusCannotDelete       = windows.NTStatus(0xC0000121)
	statusReparseNotHandled  = windows.NTStatus(0xC0000279)
	statusReparseEncountered = windows.NTStatus(0xC000050B)
	statusPipeBroken         = windows.NTStatus(0xC000014B)
	statusPipeClosing        = windows.NTStatus(0xC00000B1)
	statusPipeEmpty          = windows.NTStatus(0xC00000D9)
	statusPipeDisconnected   = windows.NTStatus(0xC00000B0)
	statusNotSameDevice      = windows.NTStatus(0xC00000D4)
	statusDirectoryNotEmpty  = windows.NTStatus(0xC0000101)
	statusFileIsADirectory   = windows.NTStatus(0xC00000BA)
	statusNotADirectory      = windows.NTStatus(0xC0000103)
	statusTooManyLinks       = windows.NTStatus(0xC0000265)
	statusNotAReparsePoint   = windows.NTStatus(0xC0000275)
	statusCancelled          = windows.NTStatus(0xC0000120)
	statusDiskQuota          = windows.NTStatus(0xC0000044)
	statusDiskFull           = windows.NTStatus(0xC000007F)
	statusMediaWriteProtect  = windows.NTStatus(0xC00000A2)
	statusNoSuchFile         = windows.NTStatus(0xC000000F)
	statusEndOfFile          = windows.NTStatus(0xC0000011)
	statusNoMoreFiles        = windows.NTStatus(0x80000006)
	statusBufferOverflow     = windows.NTStatus(0x80000005)
	statusPending            = windows.NTStatus(0x00000103)
	statusDeletePending      = windows.NTStatus(0xC0000056)
	statusUserMapped         = windows.NTStatus(0xC0000243)
	statusNotImplemented     = windows.NTStatus(0xC0000002)
	statusInvalidInfoClass   = windows.NTStatus(0xC0000003)
	statusNotSupported       = windows.NTStatus(0xC00000BB)
	statusInvalidParameter   = windows.NTStatus(0xC000000D)
	statusInvalidDevRequest  = windows.NTStatus(0xC0000010)
	statusAccessDenied       = windows.NTStatus(0xC0000022)
	statusSharingViolation   = windows.NTStatus(0xC0000043)
	statusNameCollision      = windows.NTStatus(0xC0000035)
	statusNameNotFound       = windows.NTStatus(0xC0000034)
	statusPathNotFound       = windows.NTStatus(0xC000003A)
	statusNameInvalid        = windows.NTStatus(0xC0000033)
	statusPathSyntaxBad      = windows.NTStatus(0xC000003B)
	statusTooManyOpened      = windows.NTStatus(0xC000011F)
	statusInvalidHandle      = windows.NTStatus(0xC0000008)
	statusTypeMismatch       = windows.NTStatus(0xC0000024)
	statusNoMemory           = windows.NTStatus(0xC0000017)
	statusInsufficientRes    = windows.NTStatus(0xC000009A)
	statusAccessViolation    = windows.NTStatus(0xC0000005)
	statusInvalidUserBuffer  = windows.NTStatus(0xC00000E8)
	statusFileLockConflict   = windows.NTStatus(0xC0000054)
	statusLockNotGranted     = windows.NTStatus(0xC0000055)
	statusPrivilegeNotHeld   = windows.NTStatus(0xC0000061)
	statusNameTooLong        = windows.NTStatus(0xC0000106)
	statusCannotMake         = windows.NTStatus(0xC00002EA)
	statusFileDeleted        = windows.NTStatus(0xC0000123)
	statusFileClosed         = windows.NTStatus(0xC0000128)
	statusVirusInfected      = windows.NTStatus(0xC0000906)
	statusEasNotSupported    = windows.NTStatus(0xC000004F)
)

// Errno turns what Windows answered into the error that Linux would give.
// It is the only place where that happens. Error codes of Win32 come in as
// syscall.Errno, those of the NT calls as windows.NTStatus.
func Errno(err error) abi.Errno {
	if err == nil {
		return 0
	}
	var e abi.Errno
	var st windows.NTStatus
	var w windows.Errno
	switch {
	case errors.As(err, &e):
		return e
	case errors.As(err, &st):
		return statusErrno(st)
	case errors.As(err, &w):
		return win32Errno(w)
	}
	return abi.EIO
}

func statusErrno(st windows.NTStatus) abi.Errno {
	switch st {
	case 0:
		return 0
	case statusNameNotFound, statusPathNotFound, statusNoSuchFile, statusPathSyntaxBad:
		// A file in the middle of the path is "path not found", too: the
		// kernel looks which one it is, Linux says ENOTDIR to that.
		return abi.ENOENT
	case statusNameInvalid:
		// All characters that Windows refuses are mapped before, so what is
		// left cannot be the name of anything.
		return abi.ENOENT
	case statusDeletePending, statusFileDeleted:
		// The name is on its way out; on Linux it would be gone.
		return abi.ENOENT
	case statusReparseNotHandled, statusReparseEncountered:
		// A symbolic link of WSL in the middle of the path: Windows cannot
		// follow it, the kernel does.
		return abi.ELOOP
	case statusNotAReparsePoint:
		return abi.EINVAL // readlink of something else
	case statusAccessDenied:
		return abi.EACCES
	case statusSharingViolation:
		// Somebody opened it exclusively. Linux knows no such thing; "text
		// file busy" is the nearest, but programs handle EBUSY better.
		return abi.EBUSY
	case statusFileLockConflict, statusLockNotGranted:
		return abi.EAGAIN // a byte range that another process has locked
	case statusCannotDelete, statusPrivilegeNotHeld:
		return abi.EPERM
	case statusUserMapped:
		return abi.EBUSY // truncating a file that is mapped
	case statusNameCollision:
		return abi.EEXIST
	case statusDirectoryNotEmpty:
		return abi.ENOTEMPTY
	case statusFileIsADirectory:
		return abi.EISDIR
	case statusNotADirectory, statusCannotMake:
		return abi.ENOTDIR
	case statusNotSameDevice:
		return abi.EXDEV
	case statusTooManyLinks:
		return abi.EMLINK
	case statusNameTooLong:
		return abi.ENAMETOOLONG
	case statusDiskFull:
		return abi.ENOSPC
	case statusDiskQuota:
		return abi.EDQUOT
	case statusMediaWriteProtect:
		return abi.EROFS
	case statusPipeBroken, statusPipeClosing, statusPipeDisconnected:
		return abi.EPIPE // of a write; a read takes it as the end of the file
	case statusPipeEmpty:
		return abi.EAGAIN
	case statusCancelled:
		return abi.EINTR // CancelSynchronousIo: the call was interrupted
	case statusTooManyOpened:
		return abi.EMFILE
	case statusInvalidHandle, statusTypeMismatch, statusFileClosed:
		return abi.EBADF
	case statusNoMemory, statusInsufficientRes:
		return abi.ENOMEM
	case statusAccessViolation, statusInvalidUserBuffer:
		return abi.EFAULT
	case statusInvalidParameter, statusInvalidDevRequest, statusInvalidInfoClass:
		return abi.EINVAL
	case statusNotImplemented, statusNotSupported, statusEasNotSupported:
		return abi.EOPNOTSUPP
	case statusVirusInfected:
		return abi.EACCES // the scanner forbids it; retrying does not help
	}
	return abi.EIO
}

func win32Errno(e windows.Errno) abi.Errno {
	switch e {
	case 0:
		return 0
	case windows.ERROR_FILE_NOT_FOUND, windows.ERROR_PATH_NOT_FOUND, windows.ERROR_INVALID_NAME, windows.ERROR_BAD_PATHNAME,
		windows.ERROR_INVALID_DRIVE, windows.ERROR_BAD_NETPATH, windows.ERROR_DELETE_PENDING:
		return abi.ENOENT
	case windows.ERROR_ACCESS_DENIED:
		return abi.EACCES
	case windows.ERROR_SHARING_VIOLATION, windows.ERROR_BUSY:
		return abi.EBUSY
	case windows.ERROR_LOCK_VIOLATION:
		return abi.EAGAIN
	case windows.ERROR_INVALID_HANDLE:
		return abi.EBADF
	case windows.ERROR_NOT_ENOUGH_MEMORY, windows.ERROR_OUTOFMEMORY, windows.ERROR_NO_SYSTEM_RESOURCES, windows.ERROR_COMMITMENT_LIMIT:
		return abi.ENOMEM
	case windows.ERROR_FILE_EXISTS, windows.ERROR_ALREADY_EXISTS:
		return abi.EEXIST
	case windows.ERROR_DIR_NOT_EMPTY:
		return abi.ENOTEMPTY
	case windows.ERROR_DIRECTORY:
		return abi.ENOTDIR
	case windows.ERROR_NOT_SAME_DEVICE:
		return abi.EXDEV
	case windows.ERROR_DISK_FULL, windows.ERROR_HANDLE_DISK_FULL:
		return abi.ENOSPC
	case windows.ERROR_WRITE_PROTECT:
		return abi.EROFS
	case windows.ERROR_BROKEN_PIPE, windows.ERROR_NO_DATA, windows.ERROR_PIPE_NOT_CONNECTED:
		// ERROR_NO_DATA is what a write to a pipe without a reader gives.
		return abi.EPIPE
	case windows.ERROR_OPERATION_ABORTED:
		return abi.EINTR
	case windows.ERROR_TOO_MANY_OPEN_FILES:
		return abi.EMFILE
	case windows.ERROR_FILENAME_EXCED_RANGE:
		return abi.ENAMETOOLONG
	case windows.ERROR_NOT_SUPPORTED, windows.ERROR_CALL_NOT_IMPLEMENTED:
		return abi.EOPNOTSUPP
	case windows.ERROR_INVALID_PARAMETER, windows.ERROR_INVALID_FUNCTION, windows.ERROR_NEGATIVE_SEEK:
		return abi.EINVAL
	case windows.ERROR_PRIVILEGE_NOT_HELD:
		return abi.EPERM
	case windows.ERROR_NOACCESS:
		return abi.EFAULT
	}
	return abi.EIO
}
