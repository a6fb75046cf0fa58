//go:build windows

package winhost

import (
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"bee/runtime/host"
)

// WaitOnAddress has its own library (Microsoft: synchapi.h, Windows 8 and later).
var (
	synch                 = windows.NewLazySystemDLL("api-ms-win-core-synch-l1-2-0.dll")
	procWaitOnAddress     = synch.NewProc("WaitOnAddress")
	procWakeByAddressOnly = synch.NewProc("WakeByAddressSingle")
)

// parker waits for word to become 1.
type parker struct{ word uint32 }

// unparked is what word is compared with.
var unparked uint32

// NewParker makes one for a thread that will call Park.
func NewParker() host.Parker {
	if procWaitOnAddress.Find() != nil || procWakeByAddressOnly.Find() != nil {
		return nil
	}
	return &parker{}
}

// Park implements host.Parker.
func (p *parker) Park(d time.Duration) {
	ms := uintptr(windows.INFINITE)
	if d >= 0 {
		ms = uintptr(min(d/time.Millisecond, windows.INFINITE-1))
	}
	if atomic.LoadUint32(&p.word) == unparked {
		procWaitOnAddress.Call(uintptr(unsafe.Pointer(&p.word)), uintptr(unsafe.Pointer(&unparked)), unsafe.Sizeof(unparked), ms)
	}
	atomic.StoreUint32(&p.word, unparked)
}

// Unpark implements host.Parker.
func (p *parker) Unpark() {
	if atomic.SwapUint32(&p.word, 1) == 0 {
		procWakeByAddressOnly.Call(uintptr(unsafe.Pointer(&p.word)))
	}
}
