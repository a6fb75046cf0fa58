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

var procSwitchToThread = kernel32.NewProc("SwitchToThread")

// Yield is SwitchToThread.
func (System) Yield() { procSwitchToThread.Call() }

var (
	procGetProcessMemoryInfo  = kernel32.NewProc("K32GetProcessMemoryInfo")
	procGetProcessIoCounters  = kernel32.NewProc("GetProcessIoCounters")
	procGetSystemTimes        = kernel32.NewProc("GetSystemTimes")
	procCurrentProcessor      = kernel32.NewProc("GetCurrentProcessorNumber")
	procSetThreadAffinityMask = kernel32.NewProc("SetThreadAffinityMask")
	procSetThreadPriority     = kernel32.NewProc("SetThreadPriority")
	procFlushProcessWrites    = kernel32.NewProc("FlushProcessWriteBuffers")
)

// processMemoryCounters is PROCESS_MEMORY_COUNTERS (psapi.h); sizes in bytes.
type processMemoryCounters struct {
	size, pageFaults                 uint32
	peakWorkingSet, workingSet       uintptr
	peakPagedPool, pagedPool         uintptr
	peakNonPagedPool, nonPagedPool   uintptr
	pagefileUsage, peakPagefileUsage uintptr
}

// ioCounters is IO_COUNTERS (winnt.h).
type ioCounters struct {
	readOps, writeOps, otherOps       uint64
	readBytes, writeBytes, otherBytes uint64
}

// Usage asks GetProcessMemoryInfo, whose page faults are of all kinds, and
// GetProcessIoCounters.
func (System) Usage() host.Usage {
	var u host.Usage
	self := uintptr(windows.CurrentProcess())
	m := processMemoryCounters{}
	m.size = uint32(unsafe.Sizeof(m))
	if r, _, _ := procGetProcessMemoryInfo.Call(self, uintptr(unsafe.Pointer(&m)), uintptr(m.size)); r != 0 {
		u.MinorFaults, u.RSS, u.PeakRSS = uint64(m.pageFaults), uint64(m.workingSet), uint64(m.peakWorkingSet)
	}
	var c ioCounters
	if r, _, _ := procGetProcessIoCounters.Call(self, uintptr(unsafe.Pointer(&c))); r != 0 {
		u.ReadBytes, u.WriteBytes, u.ReadCalls, u.WriteCalls = c.readBytes, c.writeBytes, c.readOps, c.writeOps
	}
	return u
}

// CPUTimes is GetSystemTimes, whose kernel time includes the idle time.
func (System) CPUTimes() (idle, user, system time.Duration) {
	var i, k, u windows.Filetime
	r, _, _ := procGetSystemTimes.Call(uintptr(unsafe.Pointer(&i)), uintptr(unsafe.Pointer(&k)), uintptr(unsafe.Pointer(&u)))
	if r == 0 {
		return 0, 0, 0
	}
	return ticks100(i), ticks100(u), max(0, ticks100(k)-ticks100(i))
}

// CPU is GetCurrentProcessorNumber, within the thread's group of processors.
func (System) CPU() int {
	r, _, _ := procCurrentProcessor.Call()
	return int(r)
}

// SetAffinity is SetThreadAffinityMask: of the first group of processors, as
// many as a word of the process has bits.
func (System) SetAffinity(mask []uint64) abi.Errno {
	if len(mask) == 0 || uintptr(mask[0]) == 0 {
		return abi.EINVAL
	}
	if r, _, err := procSetThreadAffinityMask.Call(uintptr(windows.CurrentThread()), uintptr(mask[0])); r == 0 {
		return Errno(err)
	}
	return 0
}

// SetNice chooses among the seven priorities of a normal process. Above the
// usual one there is none for an unprivileged Linux user.
func (System) SetNice(nice int, idle bool) {
	priority := 0 // THREAD_PRIORITY_NORMAL
	switch {
	case idle || nice == 19:
		priority = -15 // THREAD_PRIORITY_IDLE
	case nice >= 10:
		priority = -2 // THREAD_PRIORITY_LOWEST
	case nice > 0:
		priority = -1 // THREAD_PRIORITY_BELOW_NORMAL
	}
	procSetThreadPriority.Call(uintptr(windows.CurrentThread()), uintptr(priority)) // fails only for rights that the thread has over itself
}

// FlushWrites is FlushProcessWriteBuffers.
func (System) FlushWrites() { procFlushProcessWrites.Call() }
