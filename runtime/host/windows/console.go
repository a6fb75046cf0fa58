//go:build windows

package winhost

import (
	"sync"
	"sync/atomic"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"

	"golang.org/x/sys/windows"

	"bee/runtime/abi"
	"bee/runtime/host"
)

const codePageUTF8 = 65001

var (
	procPeekNamedPipe = kernel32.NewProc("PeekNamedPipe")
	procConsoleEvents = kernel32.NewProc("GetNumberOfConsoleInputEvents")
)

// consoleInput reads lines from the console. ReadFile would give bytes of a
// code page, and nothing at all for characters outside of it; so the units
// are read and turned into UTF-8 here.
type consoleInput struct {
	handle atomic.Uintptr // 0: standard input is no console

	mu   sync.Mutex
	rest []byte // read from the console and not yet by the program
}

// initConsole makes a console show UTF-8, or notes that input is one.
func (f *Files) initConsole(i int, h windows.Handle, mode uint32) {
	if i == 0 {
		f.input.handle.Store(uintptr(h))
		return
	}
	_ = windows.SetConsoleOutputCP(codePageUTF8)
	_ = windows.SetConsoleMode(h, mode|windows.ENABLE_PROCESSED_OUTPUT|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING)
}

func (c *consoleInput) is(h host.Handle) bool {
	return h != 0 && uintptr(h) == c.handle.Load()
}

func (c *consoleInput) read(p []byte) (int, abi.Errno) {
	if len(p) == 0 {
		return 0, 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.rest) == 0 {
		h := windows.Handle(c.handle.Load())
		var u [1024]uint16
		var n uint32
		if err := windows.ReadConsole(h, &u[0], uint32(len(u)-1), &n, nil); err != nil {
			return 0, Errno(err)
		}
		if n > 0 && utf16.IsSurrogate(rune(u[n-1])) && u[n-1] < 0xDC00 {
			var more uint32 // the other half of a pair
			_ = windows.ReadConsole(h, &u[n], 1, &more, nil)
			n += more
		}
		for _, r := range utf16.Decode(u[:n]) {
			switch r {
			case '\r': // lines end with CR LF
			case 26: // ^Z, with which the console ends input
				return 0, 0
			default:
				c.rest = utf8.AppendRune(c.rest, r)
			}
		}
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, 0
}

// Poll implements host.Files.
func (f *Files) Poll(h host.Handle, k host.Kind) host.Ready {
	switch k {
	case host.Pipe, host.Socket:
		return f.pollPipe(h)
	case host.Console:
		f.input.mu.Lock()
		rest := len(f.input.rest)
		f.input.mu.Unlock()
		if rest > 0 {
			return host.Ready{In: true, Out: true, Bytes: rest}
		}
		var n uint32
		r, _, _ := procConsoleEvents.Call(uintptr(h), uintptr(unsafe.Pointer(&n)))
		return host.Ready{In: r != 0 && n > 0, Out: true}
	}
	return host.Ready{In: true, Out: true}
}

// WindowSize implements host.Files.
func (f *Files) WindowSize(h host.Handle) (cols, rows uint16, e abi.Errno) {
	var info windows.ConsoleScreenBufferInfo
	err := windows.GetConsoleScreenBufferInfo(windows.Handle(h), &info)
	if err != nil { // an input handle: ask the screen
		out := int32(-11)
		if o, err2 := windows.GetStdHandle(uint32(out)); err2 == nil {
			err = windows.GetConsoleScreenBufferInfo(o, &info)
		}
	}
	if err != nil {
		return 0, 0, Errno(err)
	}
	return uint16(info.Window.Right - info.Window.Left + 1), uint16(info.Window.Bottom - info.Window.Top + 1), 0
}
