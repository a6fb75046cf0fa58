//go:build windows

package winhost

import (
	"encoding/binary"
	"unsafe"

	"golang.org/x/sys/windows"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// Holes. A file of NTFS has them once it is marked as sparse; what lies
// between two writes, or behind a size that was set, takes space otherwise.
// https://learn.microsoft.com/en-us/windows/win32/fileio/sparse-files
const (
	fsctlSetSparse      = 0x000900C4
	fsctlSetZeroData    = 0x000980C8
	fsctlQueryAllocated = 0x000940CF

	// sparseFrom is how much a file grows at once, in bytes, before it is made
	// sparse: less is not worth the attribute, which other programs see.
	sparseFrom = 1 << 20
)

// sparse marks a file, where the volume has sparse files.
func sparse(h windows.Handle) bool {
	_, st := fsControl(h, fsctlSetSparse, nil, nil)
	return st == 0
}

// Truncate implements host.Files.
func (f *Files) Truncate(h host.Handle, size int64) abi.Errno {
	if size >= sparseFrom {
		var std standardInfo
		if query(windows.Handle(h), infoStandard, unsafe.Pointer(&std), unsafe.Sizeof(std)) == 0 && size-std.size >= sparseFrom {
			sparse(windows.Handle(h))
		}
	}
	return statusErrno(set(windows.Handle(h), infoEndOfFile, unsafe.Pointer(&size), 8))
}

// zeroRange is FILE_ZERO_DATA_INFORMATION, and without names
// FILE_ALLOCATED_RANGE_BUFFER: two numbers, first byte and end, or size.
func zeroRange(a, b int64) []byte {
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, uint64(a)), uint64(b))
}

// Zero implements host.Files.
func (f *Files) Zero(h host.Handle, off, size int64) abi.Errno {
	var std standardInfo
	if st := query(windows.Handle(h), infoStandard, unsafe.Pointer(&std), unsafe.Sizeof(std)); st != 0 {
		return statusErrno(st)
	}
	end := min(off+size, std.size)
	if off >= end {
		return 0
	}
	sparse(windows.Handle(h))
	_, st := fsControl(windows.Handle(h), fsctlSetZeroData, zeroRange(off, end), nil)
	if !posixMissing(st) {
		return statusErrno(st)
	}
	// A volume without that: zeros are written, and the space stays.
	zeros := make([]byte, min(end-off, 256<<10))
	for off < end {
		n, e := f.WriteAt(h, zeros[:min(int64(len(zeros)), end-off)], off)
		if e != 0 {
			return e
		}
		off += int64(n)
	}
	return 0
}

// Data implements host.Files. On a volume that does not tell, all is data.
func (f *Files) Data(h host.Handle, off int64) (first, end int64, e abi.Errno) {
	var std standardInfo
	if st := query(windows.Handle(h), infoStandard, unsafe.Pointer(&std), unsafe.Sizeof(std)); st != 0 {
		return 0, 0, statusErrno(st)
	}
	if off >= std.size {
		return std.size, std.size, 0
	}
	var out [16]byte
	n, st := fsControl(windows.Handle(h), fsctlQueryAllocated, zeroRange(off, std.size-off), out[:])
	switch {
	case st != 0 && st != statusBufferOverflow:
		return off, std.size, 0
	case n < len(out):
		return std.size, std.size, 0
	}
	first = max(off, int64(binary.LittleEndian.Uint64(out[:])))
	end = int64(binary.LittleEndian.Uint64(out[:])) + int64(binary.LittleEndian.Uint64(out[8:]))
	return min(first, std.size), min(end, std.size), 0
}
