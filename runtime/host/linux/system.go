//go:build linux

package linuxhost

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// System answers questions about the machine.
type System struct{}

var _ host.System = System{}

// Info asks sysinfo(2) and the environment.
func (System) Info() host.Info {
	i := host.Info{CPUs: runtime.NumCPU(), ParentPID: os.Getppid(), UserName: os.Getenv("USER")}
	var s unix.Sysinfo_t
	if unix.Sysinfo(&s) == nil {
		u := uint64(s.Unit)
		i.TotalMemory, i.FreeMemory = uint64(s.Totalram)*u, uint64(s.Freeram)*u
		i.TotalSwap, i.FreeSwap = uint64(s.Totalswap)*u, uint64(s.Freeswap)*u
		i.Uptime = time.Duration(s.Uptime) * time.Second
	}
	i.Hostname, _ = os.Hostname()
	return i
}

// Random fills b from the system's generator.
func (System) Random(b []byte) abi.Errno {
	rand.Read(b) // never fails (crypto/rand)
	return 0
}

// PID is the process's identifier.
func (System) PID() int { return os.Getpid() }

// Yield is sched_yield(2).
func (System) Yield() { _, _, _ = unix.Syscall(unix.SYS_SCHED_YIELD, 0, 0, 0) }

// Usage asks getrusage(2), /proc/self/statm and /proc/self/io.
func (System) Usage() host.Usage {
	var r unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &r)
	u := host.Usage{MinorFaults: uint64(r.Minflt), MajorFaults: uint64(r.Majflt), PeakRSS: uint64(r.Maxrss) << 10}
	if b, err := os.ReadFile("/proc/self/statm"); err == nil {
		var size, rss uint64
		if n, _ := fmt.Fscan(bytes.NewReader(b), &size, &rss); n == 2 {
			u.RSS = rss * uint64(os.Getpagesize())
		}
	}
	if b, err := os.ReadFile("/proc/self/io"); err == nil {
		_, _ = fmt.Sscanf(string(b), "rchar: %d\nwchar: %d\nsyscr: %d\nsyscw: %d\n", &u.ReadBytes, &u.WriteBytes, &u.ReadCalls, &u.WriteCalls)
	}
	return u
}

// CPUTimes reads the first line of /proc/stat.
func (System) CPUTimes() (idle, user, system time.Duration) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0, 0
	}
	var u, n, s, i int64
	if k, _ := fmt.Sscanf(string(b), "cpu %d %d %d %d", &u, &n, &s, &i); k != 4 {
		return 0, 0, 0
	}
	const tick = 10 * time.Millisecond
	return time.Duration(i) * tick, time.Duration(u+n) * tick, time.Duration(s) * tick
}

// CPU is getcpu(2).
func (System) CPU() int {
	var cpu uint32
	_, _, _ = unix.RawSyscall(unix.SYS_GETCPU, uintptr(unsafe.Pointer(&cpu)), 0, 0)
	return int(cpu)
}

// SetAffinity is sched_setaffinity(2).
func (System) SetAffinity(mask []uint64) abi.Errno {
	if len(mask) == 0 {
		return abi.EINVAL
	}
	_, _, e := unix.RawSyscall(unix.SYS_SCHED_SETAFFINITY, 0, uintptr(len(mask)*8), uintptr(unsafe.Pointer(&mask[0])))
	return abi.Errno(e)
}

// SetNice does nothing: the tests' own threads keep their priority.
func (System) SetNice(int, bool) {}

// FlushWrites is membarrier(2).
func (System) FlushWrites() {
	const global = 1 // MEMBARRIER_CMD_GLOBAL
	_, _, _ = unix.RawSyscall(unix.SYS_MEMBARRIER, global, 0, 0)
}
