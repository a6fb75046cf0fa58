//go:build linux && amd64

package linuxhost

import (
	"golang.org/x/sys/unix"

	"bee/runtime/abi"
	"bee/runtime/host"
)

func pread(h host.Handle, p []byte, off int64) (int, abi.Errno) {
	return transfer(unix.SYS_PREAD64, h, p, uintptr(off))
}

func pwrite(h host.Handle, p []byte, off int64) (int, abi.Errno) {
	return transfer(unix.SYS_PWRITE64, h, p, uintptr(off))
}
