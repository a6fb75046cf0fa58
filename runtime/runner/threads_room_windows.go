//go:build windows && (386 || amd64)

package runner

import (
	"golang.org/x/sys/windows"
)

const (
	// easyThreads are made without a question.
	easyThreads = 256
	// spareThreads and spareAddresses must be there beside a new thread: Go's
	// runtime ends the process where it cannot have a thread or memory of its own.
	// Half of the threads are for this many new ones of the guest's, then the host
	// is asked again.
	spareThreads   = 16
	spareAddresses = 64 << 20
	// goStack is what Go's runtime reserves for the stack of a thread.
	goStack = 128 << 10
	// stackIsReserved is STACK_SIZE_PARAM_IS_A_RESERVATION.
	stackIsReserved = 0x10000
)

var (
	kernel32         = windows.NewLazySystemDLL("kernel32.dll")
	procCreateThread = kernel32.NewProc("CreateThread")
	procExitThread   = kernel32.NewProc("ExitThread")
)

// roomForThread tells whether the host can make one more thread of the guest's.
// Where there are many already it finds out by making some, which end at once.
func (g *Guest) roomForThread() bool {
	if g.threads.Load() < easyThreads || g.room.Add(-1) >= 0 {
		return true
	}
	at, err := windows.VirtualAlloc(0, spareAddresses, windows.MEM_RESERVE, windows.PAGE_NOACCESS)
	if err != nil {
		return false
	}
	_ = windows.VirtualFree(at, 0, windows.MEM_RELEASE)
	const suspended = 4 // CREATE_SUSPENDED
	var made []windows.Handle
	for range spareThreads {
		h, _, _ := procCreateThread.Call(0, goStack, procExitThread.Addr(), 0, suspended|stackIsReserved, 0)
		if h == 0 {
			break
		}
		made = append(made, windows.Handle(h))
	}
	for _, h := range made {
		_, _ = windows.ResumeThread(h)
	}
	for _, h := range made {
		_, _ = windows.WaitForSingleObject(h, windows.INFINITE)
		_ = windows.CloseHandle(h)
	}
	if len(made) < spareThreads {
		return false
	}
	g.room.Store(spareThreads/2 - 1)
	return true
}
