//go:build windows

package winhost

import (
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/windows"

	"bee/runtime/abi"
	"bee/runtime/host"
)

var (
	procMapViewOfFileEx    = kernel32.NewProc("MapViewOfFileEx")
	procQueryWorkingSetEx  = kernel32.NewProc("K32QueryWorkingSetEx")
	procUnmapViewOfFile    = kernel32.NewProc("UnmapViewOfFile")
	procFlushViewOfFile    = kernel32.NewProc("FlushViewOfFile")
	procCreateFileMappingW = kernel32.NewProc("CreateFileMappingW")
)

// NewSection is CreateFileMapping. A file's section is as long as the file:
// to name a size could make the file longer.
func (Memory) NewSection(h host.Handle, size int64, write bool) (host.Section, abi.Errno) {
	if size <= 0 {
		return 0, abi.EINVAL
	}
	protection := uintptr(windows.PAGE_READONLY)
	if write {
		protection = windows.PAGE_READWRITE
	}
	// HANDLE CreateFileMappingW(HANDLE file, SECURITY_ATTRIBUTES*, DWORD protect, DWORD sizeHigh, DWORD sizeLow, LPCWSTR name)
	var hi, lo uintptr
	if h == host.NoHandle {
		hi, lo = uintptr(uint64(size)>>32), uintptr(uint32(size))
	}
	r, _, err := procCreateFileMappingW.Call(uintptr(h), 0, protection, hi, lo, 0)
	if r == 0 {
		return 0, sectionErrno(err)
	}
	return host.Section(r), 0
}

// sectionErrno is Errno but for what means something else with sections.
func sectionErrno(err error) abi.Errno {
	switch err {
	case windows.ERROR_FILE_INVALID:
		return abi.EAGAIN // the file has become empty: look at it again
	case windows.ERROR_INVALID_ADDRESS, windows.ERROR_COMMITMENT_LIMIT, windows.ERROR_NOT_ENOUGH_MEMORY, windows.ERROR_NO_SYSTEM_RESOURCES, windows.ERROR_MAPPED_ALIGNMENT:
		return abi.ENOMEM
	case windows.ERROR_INVALID_HANDLE, windows.ERROR_BAD_EXE_FORMAT, windows.ERROR_INVALID_FUNCTION, windows.ERROR_NOT_SUPPORTED:
		return abi.ENODEV // no file of a volume
	}
	return Errno(err)
}

// CloseSection closes the handle; views keep the section.
func (Memory) CloseSection(s host.Section) abi.Errno {
	return Errno(windows.CloseHandle(windows.Handle(s)))
}

// MapView is MapViewOfFileEx.
func (Memory) MapView(s host.Section, off int64, addr, size uintptr, write bool) abi.Errno {
	access := uintptr(windows.FILE_MAP_READ)
	if write {
		access |= windows.FILE_MAP_WRITE
	}
	// LPVOID MapViewOfFileEx(HANDLE section, DWORD access, DWORD offsetHigh, DWORD offsetLow, SIZE_T size, LPVOID address)
	r, _, err := procMapViewOfFileEx.Call(uintptr(s), access, uintptr(uint64(off)>>32), uintptr(uint32(off)), size, addr)
	switch {
	case r == 0:
		return sectionErrno(err)
	case r != addr:
		_, _, _ = procUnmapViewOfFile.Call(r)
		return abi.ENOMEM
	}
	return 0
}

// UnmapView is UnmapViewOfFile, which takes whole views.
func (Memory) UnmapView(addr, _ uintptr) abi.Errno {
	if r, _, _ := procUnmapViewOfFile.Call(addr); r == 0 {
		return abi.EINVAL
	}
	return 0
}

// FlushView is FlushViewOfFile, which begins to write and does not wait: that
// is for FlushFileBuffers.
func (Memory) FlushView(addr, size uintptr) abi.Errno {
	if r, _, err := procFlushViewOfFile.Call(addr, size); r == 0 {
		return Errno(err)
	}
	return 0
}

// workingSetEx is PSAPI_WORKING_SET_EX_INFORMATION (psapi.h).
type workingSetEx struct{ address, attributes uintptr }

// Resident is QueryWorkingSetEx: whether a page is in this process's working
// set. Linux would also count what is in memory for others only.
func (Memory) Resident(addr uintptr, vec []byte) abi.Errno {
	var page [256]workingSetEx
	for len(vec) > 0 {
		n := min(len(vec), len(page))
		for i := range n {
			page[i] = workingSetEx{address: addr + uintptr(i)*pageSize}
		}
		r, _, err := procQueryWorkingSetEx.Call(uintptr(windows.CurrentProcess()), uintptr(unsafe.Pointer(&page)), uintptr(n)*unsafe.Sizeof(page[0]))
		if r == 0 {
			return Errno(err)
		}
		for i := range n {
			vec[i] = byte(page[i].attributes & 1) // Valid
		}
		vec, addr = vec[n:], addr+uintptr(n)*pageSize
	}
	runtime.KeepAlive(&page)
	return 0
}

// Temporary makes a file in the folder for temporary ones that goes with its
// last handle. FILE_ATTRIBUTE_TEMPORARY keeps it in memory while there is
// room. It is not deleted by name at once, because a file that is may take no
// sections any more.
func (f *Files) Temporary() (host.Handle, abi.Errno) {
	for range 16 {
		var salt [8]byte
		if e := (System{}).Random(salt[:]); e != 0 {
			return host.NoHandle, e
		}
		name, err := windows.UTF16PtrFromString(fmt.Sprintf(`%s\bee-%x.tmp`, os.TempDir(), salt))
		if err != nil {
			return host.NoHandle, Errno(err)
		}
		h, err := windows.CreateFile(name, windows.GENERIC_READ|windows.GENERIC_WRITE|windows.DELETE, shareAll, nil, windows.CREATE_NEW,
			windows.FILE_ATTRIBUTE_TEMPORARY|windows.FILE_FLAG_DELETE_ON_CLOSE, 0)
		switch err {
		case nil:
			return f.opened(h, f.volumeOf(h)), 0
		case windows.ERROR_FILE_EXISTS, windows.ERROR_ALREADY_EXISTS:
		default:
			return host.NoHandle, Errno(err)
		}
	}
	return host.NoHandle, abi.EEXIST
}
