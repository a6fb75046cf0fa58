//go:build 386 || amd64

package launch

import (
	"encoding/binary"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/windows"

	"bee/internal/address"
)

// Attached is the child's side of the section.
type Attached struct {
	Config Config
	Image  []byte // shared with the parent: read only
	view   []byte

	leaving      atomic.Bool
	threads      threads
	debuggerOnce sync.Once
	debuggerErr  error // set by debuggerOnce
}

// control is what parent and child share while the guest runs.
func (a *Attached) control() *control { return controlOf(a.view) }

// Attach tells whether this process is a child, and if so reads its section.
func Attach() (*Attached, bool, error) {
	v := os.Getenv(EnvVar)
	if v == "" {
		return nil, false, nil
	}
	os.Unsetenv(EnvVar)
	var handle, size uintptr
	if _, err := fmt.Sscanf(v, "%x %x", &handle, &size); err != nil {
		return nil, true, fmt.Errorf("%s=%q is not a section: %w", EnvVar, v, err)
	}
	addr, err := windows.MapViewOfFile(windows.Handle(handle), windows.FILE_MAP_READ|windows.FILE_MAP_WRITE, 0, 0, size)
	if err != nil {
		return nil, true, fmt.Errorf("%s=%q: %w", EnvVar, v, err)
	}
	// The view keeps the section; the guest must not find the handle.
	windows.CloseHandle(windows.Handle(handle))
	a := &Attached{view: unsafe.Slice((*byte)(address.Pointer(addr)), size)}
	if len(a.view) < configStart {
		return nil, true, fmt.Errorf("%s=%q: too short", EnvVar, v)
	}
	// Nor need what the child starts itself have the events.
	for _, h := range []uint64{a.control().request, a.control().answer} {
		_ = windows.SetHandleInformation(windows.Handle(h), windows.HANDLE_FLAG_INHERIT, 0)
	}
	room := binary.LittleEndian.Uint64(a.view[configSize:])
	if room > uint64(len(a.view)-configStart) {
		return nil, true, fmt.Errorf("%s=%q: configuration of %d bytes does not fit", EnvVar, v, room)
	}
	body := a.view[configStart:]
	if err := decode(body[:room], &a.Config); err != nil {
		return nil, true, fmt.Errorf("%s=%q: %w", EnvVar, v, err)
	}
	if a.Config.ImageSize < 0 || a.Config.ImageSize > len(body)-int(room) {
		return nil, true, fmt.Errorf("%s=%q: image of %d bytes does not fit", EnvVar, v, a.Config.ImageSize)
	}
	a.Image = body[room : int(room)+a.Config.ImageSize]
	return a, true, nil
}

// Leave writes the mark and ends the process at once. Only the first call
// counts; another one from elsewhere never returns.
func (a *Attached) Leave(m Mark, status uint32) {
	if !a.leaving.CompareAndSwap(false, true) {
		select {}
	}
	m.put(a.view)
	// TerminateProcess on oneself, not ExitProcess: no library's detach
	// routine runs while another of our threads may hold its lock.
	procTerminate.Call(uintptr(windows.CurrentProcess()), uintptr(status))
}
