//go:build windows

package winhost

import (
	"bytes"
	"unsafe"

	"golang.org/x/sys/windows"

	"bee/runtime/abi"
	"bee/runtime/host/vt"
)

var (
	procCreateScreen  = kernel32.NewProc("CreateConsoleScreenBuffer")
	procReadOutput    = kernel32.NewProc("ReadConsoleOutputW")
	procWriteOutput   = kernel32.NewProc("WriteConsoleOutputW")
	procSetCursorInfo = kernel32.NewProc("SetConsoleCursorInfo")
	procGetCursorInfo = kernel32.NewProc("GetConsoleCursorInfo")
	procSetTitle      = kernel32.NewProc("SetConsoleTitleW")
)

// vtSupport tells whether the console understands control sequences.
type vtSupport uint8

const (
	vtUnknown vtSupport = iota
	vtYes
	vtNo
)

// setOutput makes the output mode fit what is about to be written. Another
// process may have changed it meanwhile. c.show is held.
func (c *console) setOutput(p []byte) abi.Errno {
	var mode uint32
	if err := windows.GetConsoleMode(c.out, &mode); err != nil {
		return Errno(err)
	}
	if !c.shown {
		c.shown, c.outFound = true, mode
	}
	bare := bareLineFeed(p)
	if c.vt == vtUnknown && (bare || bytes.IndexByte(p, 0x1b) >= 0) {
		c.vt = vtNo
		if understandsVT(c.out, mode) {
			c.vt = vtYes
		} else {
			c.device.c = c
			c.screen = vt.NewScreen(&c.device)
			if c.partial != nil {
				c.screen.Write(c.partial)
				c.partial = nil
			}
		}
	}
	want := mode | windows.ENABLE_PROCESSED_OUTPUT | windows.ENABLE_WRAP_AT_EOL_OUTPUT
	switch c.vt {
	case vtYes:
		want |= windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING
		// Others who write to this console expect that a line feed returns
		// to the first column, so it does while nobody here minds.
		if bare {
			want |= windows.DISABLE_NEWLINE_AUTO_RETURN
		}
	case vtNo:
		// Programs and the screen below would both see the sequences.
		want &^= windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING
	}
	if want == mode {
		return 0
	}
	return Errno(windows.SetConsoleMode(c.out, want))
}

// bareLineFeed tells whether a line feed comes without a carriage return.
func bareLineFeed(p []byte) bool {
	for i := 0; ; {
		n := bytes.IndexByte(p[i:], '\n')
		if n < 0 {
			return false
		}
		if i += n; i == 0 || p[i-1] != '\r' {
			return true
		}
		i++
	}
}

// understandsVT tries it out, on a screen buffer that nobody sees: a console
// may take the mode and not know it, as Windows's own did before there was one.
func understandsVT(out windows.Handle, mode uint32) bool {
	const vtMode = windows.ENABLE_PROCESSED_OUTPUT | windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING
	if mode&windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING == 0 {
		err := windows.SetConsoleMode(out, mode|vtMode)
		_ = windows.SetConsoleMode(out, mode)
		if err != nil {
			return false
		}
	}
	const textMode = 1 // CONSOLE_TEXTMODE_BUFFER
	r, _, _ := procCreateScreen.Call(windows.GENERIC_READ|windows.GENERIC_WRITE, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE, 0, textMode, 0)
	h := windows.Handle(r)
	if h == windows.InvalidHandle {
		return true // the mode was taken
	}
	defer windows.CloseHandle(h)
	if windows.SetConsoleMode(h, vtMode) != nil {
		return false
	}
	reset := [3]uint16{0x1b, '[', 'm'}
	var n uint32
	var info windows.ConsoleScreenBufferInfo
	if windows.WriteConsole(h, &reset[0], uint32(len(reset)), &n, nil) != nil || windows.GetConsoleScreenBufferInfo(h, &info) != nil {
		return true
	}
	return info.CursorPosition.X == 0
}

// device draws for vt.Screen. Its methods are called with c.show held.
type device struct {
	c       *console
	left    int16 // the window's place in the buffer
	top     int16
	right   int16
	bottom  int16
	height  int16 // the buffer's
	x, y    int16 // where the cursor was left, in the buffer
	visible int8  // the cursor: 1, or -1; 0 is not known
	attr    uint16
	placed  bool
}

func (d *device) look() bool {
	var info windows.ConsoleScreenBufferInfo
	if windows.GetConsoleScreenBufferInfo(d.c.out, &info) != nil {
		return false
	}
	w := info.Window
	d.left, d.top, d.right, d.bottom, d.height = w.Left, w.Top, w.Right, w.Bottom, info.Size.Y
	d.attr = info.Attributes
	return true
}

// Look implements vt.Device.
func (d *device) Look() (vt.Look, bool) {
	var info windows.ConsoleScreenBufferInfo
	if windows.GetConsoleScreenBufferInfo(d.c.out, &info) != nil {
		return vt.Look{}, false
	}
	w, p := info.Window, info.CursorPosition
	moved := !d.placed || p.X != d.x || p.Y != d.y || w.Left != d.left || w.Top != d.top
	d.left, d.top, d.right, d.bottom, d.height = w.Left, w.Top, w.Right, w.Bottom, info.Size.Y
	d.attr = info.Attributes
	return vt.Look{
		Cols: int(w.Right-w.Left) + 1, Rows: int(w.Bottom-w.Top) + 1,
		X: int(p.X - w.Left), Y: int(p.Y - w.Top), Attr: info.Attributes, Moved: moved,
	}, true
}

// coord is a COORD that is passed by value.
func coord(x, y int16) uintptr { return uintptr(uint16(x)) | uintptr(uint16(y))<<16 }

// Read implements vt.Device.
func (d *device) Read(cells []vt.Cell, cols, rows int) bool {
	// Row by row: a call that asks for more than some 64 KiB may fail.
	for y := range rows {
		at := windows.SmallRect{Left: d.left, Top: d.top + int16(y), Right: d.left + int16(cols) - 1, Bottom: d.top + int16(y)}
		r, _, _ := procReadOutput.Call(uintptr(d.c.out), uintptr(unsafe.Pointer(&cells[y*cols])), coord(int16(cols), 1), 0, uintptr(unsafe.Pointer(&at)))
		if r == 0 {
			return false
		}
	}
	return true
}

// Draw implements vt.Device.
func (d *device) Draw(cells []vt.Cell, cols, top int) {
	rows := len(cells) / cols
	at := windows.SmallRect{Left: d.left, Top: d.top + int16(top), Right: d.left + int16(cols) - 1, Bottom: d.top + int16(top+rows) - 1}
	_, _, _ = procWriteOutput.Call(uintptr(d.c.out), uintptr(unsafe.Pointer(&cells[0])), coord(int16(cols), int16(rows)), 0, uintptr(unsafe.Pointer(&at)))
}

// Feed implements vt.Device: line feeds at the window's end move the window
// down in the buffer, or at the buffer's end everything up.
func (d *device) Feed(n int) {
	_ = windows.SetConsoleCursorPosition(d.c.out, windows.Coord{X: d.left, Y: d.bottom})
	feeds := make([]uint16, n)
	for i := range feeds {
		feeds[i] = '\n'
	}
	_ = d.c.put(feeds)
	d.look()
}

// Cursor implements vt.Device.
func (d *device) Cursor(x, y int, visible bool) {
	d.x, d.y, d.placed = d.left+int16(x), d.top+int16(y), true
	_ = windows.SetConsoleCursorPosition(d.c.out, windows.Coord{X: d.x, Y: d.y})
	want := int8(1)
	if !visible {
		want = -1
	}
	if d.visible == want || d.visible == 0 && visible {
		return
	}
	var info struct {
		size    uint32
		visible int32
	}
	if r, _, _ := procGetCursorInfo.Call(uintptr(d.c.out), uintptr(unsafe.Pointer(&info))); r == 0 {
		return
	}
	info.visible = 0
	if visible {
		info.visible = 1
	}
	_, _, _ = procSetCursorInfo.Call(uintptr(d.c.out), uintptr(unsafe.Pointer(&info)))
	d.visible = want
}

// Title implements vt.Device.
func (d *device) Title(s string) {
	if p, err := windows.UTF16PtrFromString(s); err == nil {
		_, _, _ = procSetTitle.Call(uintptr(unsafe.Pointer(p)))
	}
}

// Bell implements vt.Device.
func (d *device) Bell() { _ = d.c.put([]uint16{'\a'}) }

// Reply implements vt.Device.
func (d *device) Reply(s string) { d.c.reply(s) }

// Application implements vt.Device.
func (d *device) Application(on bool) {
	d.c.mu.Lock()
	d.c.keys.Application = on
	d.c.mu.Unlock()
}
