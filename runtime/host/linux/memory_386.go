//go:build linux

package linuxhost

import "golang.org/x/sys/unix"

const sysMmap = unix.SYS_MMAP2
