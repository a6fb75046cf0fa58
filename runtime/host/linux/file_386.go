//go:build linux && 386

package linuxhost

import (
	"golang.org/x/sys/unix"

	"bee/runtime/abi"
	"bee/runtime/host"
)

func pread(h host.Handle, p []byte, off int64) (int, abi.Errno) {
	n, err := unix.Pread(int(h), p, off)
	return max(n, 0), errno(err)
}

func pwrite(h host.Handle, p []byte, off int64) (int, abi.Errno) {
	n, err := unix.Pwrite(int(h), p, off)
	return max(n, 0), errno(err)
}
