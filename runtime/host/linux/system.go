//go:build linux

package linuxhost

import (
	"crypto/rand"
	"os"
	"runtime"
	"time"

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
