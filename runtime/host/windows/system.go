//go:build windows

package winhost

import (
	"os"
	"os/user"
	"runtime"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// System answers questions about the machine.
type System struct{}

var _ host.System = System{}

var procGlobalMemoryStatusEx = kernel32.NewProc("GlobalMemoryStatusEx")

// memoryStatusEx is MEMORYSTATUSEX (sysinfoapi.h); sizes in bytes.
type memoryStatusEx struct {
	length, load                                     uint32
	totalPhys, availPhys, totalPage, availPage       uint64
	totalVirtual, availVirtual, availExtendedVirtual uint64
}

// Info collects what sysinfo(2), uname(2) and /etc need. The user's name is
// asked only here, since looking it up may be slow on a domain member.
func (System) Info() host.Info {
	info := host.Info{CPUs: runtime.NumCPU(), ParentPID: os.Getppid()}
	var m memoryStatusEx
	m.length = uint32(unsafe.Sizeof(m))
	if r, _, _ := procGlobalMemoryStatusEx.Call(uintptr(unsafe.Pointer(&m))); r != 0 {
		info.TotalMemory, info.FreeMemory = m.totalPhys, m.availPhys
		// The page file's figures include physical memory.
		if m.totalPage > m.totalPhys {
			info.TotalSwap = m.totalPage - m.totalPhys
		}
		if m.availPage > m.availPhys {
			info.FreeSwap = min(m.availPage-m.availPhys, info.TotalSwap)
		}
	}
	info.Uptime = windows.DurationSinceBoot().Truncate(time.Millisecond)
	info.Hostname, _ = os.Hostname()
	if name := os.Getenv("USERNAME"); name != "" {
		info.UserName = name
	} else if u, err := user.Current(); err == nil {
		info.UserName = u.Username[strings.LastIndexByte(u.Username, '\\')+1:]
	}
	return info
}

// ProcessPrng never fails, and Go's runtime has loaded its library already.
var procProcessPrng = windows.NewLazySystemDLL("bcryptprimitives.dll").NewProc("ProcessPrng")

// Random fills b from the system's generator.
func (System) Random(b []byte) abi.Errno {
	if len(b) > 0 {
		procProcessPrng.Call(uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	}
	return 0
}

// PID is the process's identifier.
func (System) PID() int { return os.Getpid() }
