//go:build windows

package winhost

import (
	"fmt"
	"testing"

	"golang.org/x/sys/windows"

	"bee/runtime/abi"
)

func TestErrno(t *testing.T) {
	for _, c := range []struct {
		err  error
		want abi.Errno
	}{
		{nil, 0},
		{windows.NTStatus(0), 0},
		{statusNameNotFound, abi.ENOENT},
		{statusPathNotFound, abi.ENOENT},
		{statusNoSuchFile, abi.ENOENT},
		{statusPathSyntaxBad, abi.ENOENT},
		{statusNameInvalid, abi.ENOENT},
		{statusDeletePending, abi.ENOENT},
		{statusFileDeleted, abi.ENOENT},
		{statusReparseNotHandled, abi.ELOOP},
		{statusReparseEncountered, abi.ELOOP},
		{statusNotAReparsePoint, abi.EINVAL},
		{statusAccessDenied, abi.EACCES},
		{statusSharingViolation, abi.EBUSY},
		{statusFileLockConflict, abi.EAGAIN},
		{statusLockNotGranted, abi.EAGAIN},
		{statusCannotDelete, abi.EPERM},
		{statusPrivilegeNotHeld, abi.EPERM},
		{statusUserMapped, abi.EBUSY},
		{statusNameCollision, abi.EEXIST},
		{statusDirectoryNotEmpty, abi.ENOTEMPTY},
		{statusFileIsADirectory, abi.EISDIR},
		{statusNotADirectory, abi.ENOTDIR},
		{statusCannotMake, abi.ENOTDIR},
		{statusNotSameDevice, abi.EXDEV},
		{statusTooManyLinks, abi.EMLINK},
		{statusNameTooLong, abi.ENAMETOOLONG},
		{statusDiskFull, abi.ENOSPC},
		{statusDiskQuota, abi.EDQUOT},
		{statusMediaWriteProtect, abi.EROFS},
		{statusPipeBroken, abi.EPIPE},
		{statusPipeClosing, abi.EPIPE},
		{statusPipeDisconnected, abi.EPIPE},
		{statusPipeEmpty, abi.EAGAIN},
		{statusCancelled, abi.EINTR},
		{statusTooManyOpened, abi.EMFILE},
		{statusInvalidHandle, abi.EBADF},
		{statusTypeMismatch, abi.EBADF},
		{statusFileClosed, abi.EBADF},
		{statusNoMemory, abi.ENOMEM},
		{statusInsufficientRes, abi.ENOMEM},
		{statusAccessViolation, abi.EFAULT},
		{statusInvalidUserBuffer, abi.EFAULT},
		{statusInvalidParameter, abi.EINVAL},
		{statusInvalidDevRequest, abi.EINVAL},
		{statusInvalidInfoClass, abi.EINVAL},
		{statusNotImplemented, abi.EOPNOTSUPP},
		{statusNotSupported, abi.EOPNOTSUPP},
		{statusEasNotSupported, abi.EOPNOTSUPP},
		{statusVirusInfected, abi.EACCES},
		{windows.NTStatus(0xC0FFEE00), abi.EIO},

		{windows.Errno(0), 0},
		{windows.ERROR_FILE_NOT_FOUND, abi.ENOENT},
		{windows.ERROR_PATH_NOT_FOUND, abi.ENOENT},
		{windows.ERROR_INVALID_NAME, abi.ENOENT},
		{windows.ERROR_BAD_PATHNAME, abi.ENOENT},
		{windows.ERROR_INVALID_DRIVE, abi.ENOENT},
		{windows.ERROR_BAD_NETPATH, abi.ENOENT},
		{windows.ERROR_DELETE_PENDING, abi.ENOENT},
		{windows.ERROR_ACCESS_DENIED, abi.EACCES},
		{windows.ERROR_SHARING_VIOLATION, abi.EBUSY},
		{windows.ERROR_BUSY, abi.EBUSY},
		{windows.ERROR_LOCK_VIOLATION, abi.EAGAIN},
		{windows.ERROR_INVALID_HANDLE, abi.EBADF},
		{windows.ERROR_NOT_ENOUGH_MEMORY, abi.ENOMEM},
		{windows.ERROR_OUTOFMEMORY, abi.ENOMEM},
		{windows.ERROR_NO_SYSTEM_RESOURCES, abi.ENOMEM},
		{windows.ERROR_COMMITMENT_LIMIT, abi.ENOMEM},
		{windows.ERROR_FILE_EXISTS, abi.EEXIST},
		{windows.ERROR_ALREADY_EXISTS, abi.EEXIST},
		{windows.ERROR_DIR_NOT_EMPTY, abi.ENOTEMPTY},
		{windows.ERROR_DIRECTORY, abi.ENOTDIR},
		{windows.ERROR_NOT_SAME_DEVICE, abi.EXDEV},
		{windows.ERROR_DISK_FULL, abi.ENOSPC},
		{windows.ERROR_HANDLE_DISK_FULL, abi.ENOSPC},
		{windows.ERROR_WRITE_PROTECT, abi.EROFS},
		{windows.ERROR_BROKEN_PIPE, abi.EPIPE},
		{windows.ERROR_NO_DATA, abi.EPIPE},
		{windows.ERROR_PIPE_NOT_CONNECTED, abi.EPIPE},
		{windows.ERROR_OPERATION_ABORTED, abi.EINTR},
		{windows.ERROR_TOO_MANY_OPEN_FILES, abi.EMFILE},
		{windows.ERROR_FILENAME_EXCED_RANGE, abi.ENAMETOOLONG},
		{windows.ERROR_NOT_SUPPORTED, abi.EOPNOTSUPP},
		{windows.ERROR_CALL_NOT_IMPLEMENTED, abi.EOPNOTSUPP},
		{windows.ERROR_INVALID_PARAMETER, abi.EINVAL},
		{windows.ERROR_INVALID_FUNCTION, abi.EINVAL},
		{windows.ERROR_NEGATIVE_SEEK, abi.EINVAL},
		{windows.ERROR_PRIVILEGE_NOT_HELD, abi.EPERM},
		{windows.ERROR_NOACCESS, abi.EFAULT},
		{windows.Errno(59999), abi.EIO},
		{fmt.Errorf("wrapped: %w", windows.ERROR_DISK_FULL), abi.ENOSPC},
		{abi.EXDEV, abi.EXDEV},
		{fmt.Errorf("no number"), abi.EIO},
	} {
		if got := Errno(c.err); got != c.want {
			t.Errorf("%v (%#v): %s, want %s", c.err, c.err, got.Name(), c.want.Name())
		}
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct{ linux, want string }{
		{"plain/path", `plain\path`},
		{"a:b", "a\uf03ab"},
		{"dot./x", "dot\uf02e\\x"},
		{" a b ", " a b\uf020"},
		{"...", "..\uf02e"},
		{"q?*<>|\"\\", "q\uf03f\uf02a\uf03c\uf03e\uf07c\uf022\uf05c"},
		{"\xff", "\uf0ff"},
		{"\uf03a", "\uf0ef\uf080\uf0ba"},
		{"\uf041", "\uf041"},
		{"ü😀", "ü😀"},
	} {
		u := appendName(nil, c.linux)
		if got := string(utf16ToString(u)); got != c.want {
			t.Errorf("%q gives %q, want %q", c.linux, got, c.want)
		}
	}
}

func utf16ToString(u []uint16) string { return windows.UTF16ToString(append(u, 0)) }

func FuzzNames(f *testing.F) {
	for _, s := range []string{"a", "a:b.", "\xff\xfe", "\uf03a", "\xed\xa0\x80", "日本"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for i := range len(s) {
			if s[i] == 0 || s[i] == '/' {
				t.Skip()
			}
		}
		if got := decodeName(appendName(nil, s)); got != s {
			t.Errorf("%q comes back as %q", s, got)
		}
	})
}
