//go:build windows

// Package winhost implements package host on Windows: memory through
// VirtualAlloc, files through the NT calls, clocks through the performance
// counter.
package winhost

import (
	"unsafe"

	"golang.org/x/sys/windows"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// Memory is the process's own address space.
type Memory struct{}

const (
	pageSize    = 4096
	granularity = 65536
	memFree     = 0x10000 // MEM_FREE
)

var _ host.Memory = Memory{}

// PageSize is 4096 on both widths of x86.
func (Memory) PageSize() uintptr { return pageSize }

// Granularity is dwAllocationGranularity, 64 KiB on every Windows.
func (Memory) Granularity() uintptr { return granularity }

// Reserve is VirtualAlloc with MEM_RESERVE at an exact address.
func (Memory) Reserve(addr, size uintptr) abi.Errno {
	p, err := windows.VirtualAlloc(addr, size, windows.MEM_RESERVE, windows.PAGE_NOACCESS)
	if err != nil {
		return abi.ENOMEM
	}
	if p != addr {
		_ = windows.VirtualFree(p, 0, windows.MEM_RELEASE)
		return abi.ENOMEM
	}
	return 0
}

// ReserveAny takes the highest free stretch below limit.
func (m Memory) ReserveAny(size, limit uintptr) (uintptr, abi.Errno) {
	if limit == 0 {
		p, err := windows.VirtualAlloc(0, size, windows.MEM_RESERVE, windows.PAGE_NOACCESS)
		if err != nil {
			return 0, abi.ENOMEM
		}
		return p, 0
	}
	p, ok := m.Free(granularity, limit, size)
	if !ok {
		return 0, abi.ENOMEM
	}
	return p, m.Reserve(p, size)
}

// Release is VirtualFree with MEM_RELEASE, which frees whole reservations.
func (Memory) Release(addr, _ uintptr) abi.Errno {
	if windows.VirtualFree(addr, 0, windows.MEM_RELEASE) != nil {
		return abi.EINVAL
	}
	return 0
}

// Commit is VirtualAlloc with MEM_COMMIT. Pages that are committed already
// take the new protection and keep their content, as documented.
func (Memory) Commit(addr, size uintptr, p host.Prot) abi.Errno {
	if _, err := windows.VirtualAlloc(addr, size, windows.MEM_COMMIT, pageProtection(p)); err != nil {
		return abi.ENOMEM
	}
	return 0
}

// Decommit is VirtualFree with MEM_DECOMMIT.
func (Memory) Decommit(addr, size uintptr) abi.Errno {
	if windows.VirtualFree(addr, size, windows.MEM_DECOMMIT) != nil {
		return abi.EINVAL
	}
	return 0
}

// Protect is VirtualProtect.
func (Memory) Protect(addr, size uintptr, p host.Prot) abi.Errno {
	var old uint32
	if windows.VirtualProtect(addr, size, pageProtection(p), &old) != nil {
		return abi.EACCES
	}
	return 0
}

// memoryInfo is MEMORY_BASIC_INFORMATION. x/sys has a PartitionId in it, which
// the 32-bit structure lacks; in the 64-bit one it lies in the padding.
type memoryInfo struct {
	BaseAddress, AllocationBase uintptr
	AllocationProtect           uint32
	RegionSize                  uintptr
	State, Protect, Type        uint32
	_                           [8]byte // x/sys's structure is larger on 386
}

const memoryInfoSize = unsafe.Offsetof(memoryInfo{}.Type) + 4 + (unsafe.Sizeof(uintptr(0)) - 4)

// Free walks the address space with VirtualQuery.
func (Memory) Free(lo, hi, size uintptr) (uintptr, bool) {
	var best uintptr
	found := false
	for at := lo; at < hi; {
		var mbi memoryInfo
		if windows.VirtualQuery(at, (*windows.MemoryBasicInformation)(unsafe.Pointer(&mbi)), memoryInfoSize) != nil || mbi.RegionSize == 0 {
			break
		}
		end := mbi.BaseAddress + mbi.RegionSize
		if end < at { // the last region of a 32-bit address space
			end = ^uintptr(0)
		}
		if mbi.State == memFree {
			from, to := max(at, mbi.BaseAddress), min(end, hi)
			from = (from + granularity - 1) &^ (granularity - 1)
			if to > from && to-from >= size {
				best, found = (to-size)&^(granularity-1), true
				if best < from {
					best, found = from, true
				}
			}
		}
		if end <= at {
			break
		}
		at = end
	}
	return best, found
}

// pageProtection maps Linux's rights to Windows's. Windows has no write-only
// and no write-without-read pages; x86 Linux treats them as readable too.
func pageProtection(p host.Prot) uint32 {
	switch {
	case p&host.Exec != 0 && p&host.Write != 0:
		return windows.PAGE_EXECUTE_READWRITE
	case p&host.Exec != 0:
		return windows.PAGE_EXECUTE_READ
	case p&host.Write != 0:
		return windows.PAGE_READWRITE
	case p&host.Read != 0:
		return windows.PAGE_READONLY
	}
	return windows.PAGE_NOACCESS
}

// systemInfo is SYSTEM_INFO (sysinfoapi.h).
type systemInfo struct {
	architecture, reserved                   uint16
	pageSize                                 uint32
	minimumAddress, maximumAddress, affinity uintptr
	processors, processorType, granularity   uint32
	level, revision                          uint16
}

var procGetSystemInfo = kernel32.NewProc("GetSystemInfo")

// MaximumAddress is the end of the addresses that this process can use: 2, 3
// or nearly 4 GiB in 32-bit processes.
func (Memory) MaximumAddress() uint64 {
	var si systemInfo
	procGetSystemInfo.Call(uintptr(unsafe.Pointer(&si)))
	return uint64(si.maximumAddress) + 1
}
