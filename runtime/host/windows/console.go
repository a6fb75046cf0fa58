//go:build windows

package winhost

import (
	"sync"
	"time"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"

	"golang.org/x/sys/windows"

	"bee/runtime/abi"
	"bee/runtime/host"
	"bee/runtime/host/vt"
)

var (
	procPeekConsoleInput  = kernel32.NewProc("PeekConsoleInputW")
	procReadConsoleInput  = kernel32.NewProc("ReadConsoleInputW")
	procWriteConsoleInput = kernel32.NewProc("WriteConsoleInputW")
	procSetCtrlHandler    = kernel32.NewProc("SetConsoleCtrlHandler")
)

// console is the console that the process is attached to. It is read as a
// terminal without a line discipline: key events with ENABLE_LINE_INPUT and
// ENABLE_ECHO_INPUT off, and with ENABLE_VIRTUAL_TERMINAL_INPUT where there is
// such a mode. What is shown goes out as UTF-16, so that no code page matters.
//
// Modes belong to the console, not to the process: they are changed as late as
// possible and put back at the end.
type console struct {
	in, out windows.Handle
	events  host.TerminalEvents
	wake    windows.Handle // an event: what pump looks at has changed

	// mu guards what follows. Nothing is called back while it is held.
	mu       sync.Mutex
	started  bool
	inFound  uint32 // the modes as they were
	signals  bool
	wanted   bool
	closed   bool
	cols     uint16 // the size that was told last
	rows     uint16
	replies  []byte // that were typed for the user
	keys     vt.Keys
	draining sync.Mutex // held while input is taken and passed on; before mu

	// show guards the output.
	show     sync.Mutex
	shown    bool
	outFound uint32
	partial  []byte // of a character
	units    []uint16
	vt       vtSupport
	screen   *vt.Screen
	device   device
}

// openConsole tells the process's console, nil if it has none.
func openConsole() host.Terminal {
	open := func(name string) (windows.Handle, error) {
		p, err := windows.UTF16PtrFromString(name)
		if err != nil {
			return 0, err
		}
		return windows.CreateFile(p, windows.GENERIC_READ|windows.GENERIC_WRITE, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE, nil,
			windows.OPEN_EXISTING, 0, 0)
	}
	in, err := open("CONIN$")
	if err != nil {
		return nil
	}
	out, err := open("CONOUT$")
	if err != nil {
		_ = windows.CloseHandle(in)
		return nil
	}
	var mode uint32
	wake, err := windows.CreateEvent(nil, 0, 0, nil)
	if err != nil || windows.GetConsoleMode(in, &mode) != nil || windows.GetConsoleMode(out, &mode) != nil {
		_ = windows.CloseHandle(in)
		_ = windows.CloseHandle(out)
		return nil
	}
	return &console{in: in, out: out, wake: wake}
}

// Terminal implements host.Files.
func (f *Files) Terminal() host.Terminal { return f.terminal() }

// Connect implements host.Terminal.
func (c *console) Connect(e host.TerminalEvents) {
	c.events = e
	// BOOL WINAPI HandlerRoutine(DWORD event), in a thread of its own. The
	// last one that was registered is asked first.
	handler := windows.NewCallback(func(event uintptr) uintptr {
		switch uint32(event) {
		case windows.CTRL_C_EVENT:
			e.Interrupt()
		case windows.CTRL_BREAK_EVENT:
			e.Quit()
		default:
			// The process ends when this returns, or after some seconds.
			e.Closed()
			time.Sleep(closeGrace)
			return 0
		}
		return 1
	})
	_, _, _ = procSetCtrlHandler.Call(handler, 1)
}

// closeGrace is how long a program has to end by itself once its console is
// closed. Windows ends it after 5 seconds (Microsoft: "HandlerRoutine callback
// function", Timeouts).
const closeGrace = 4 * time.Second

// Start implements host.Terminal.
func (c *console) Start() abi.Errno {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.started || c.closed {
		return 0
	}
	if err := windows.GetConsoleMode(c.in, &c.inFound); err != nil {
		return Errno(err)
	}
	c.started = true
	c.cols, c.rows, _ = c.Size()
	e := c.setInput()
	go c.pump()
	return e
}

// setInput makes the input mode what it is to be. c.mu is held.
func (c *console) setInput() abi.Errno {
	mode := c.inFound &^ (windows.ENABLE_LINE_INPUT | windows.ENABLE_ECHO_INPUT | windows.ENABLE_PROCESSED_INPUT | windows.ENABLE_MOUSE_INPUT)
	mode |= windows.ENABLE_WINDOW_INPUT
	if c.signals {
		mode |= windows.ENABLE_PROCESSED_INPUT
	}
	if windows.SetConsoleMode(c.in, mode|windows.ENABLE_VIRTUAL_TERMINAL_INPUT) == nil {
		return 0
	}
	return Errno(windows.SetConsoleMode(c.in, mode))
}

// Signals implements host.Terminal.
func (c *console) Signals(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.signals == on {
		return
	}
	c.signals = on
	if c.started && !c.closed {
		_ = c.setInput()
	}
}

// Want implements host.Terminal.
func (c *console) Want(on bool) {
	c.mu.Lock()
	c.wanted = on
	c.mu.Unlock()
	_ = windows.SetEvent(c.wake)
}

// pump waits for input while some is wanted.
func (c *console) pump() {
	// Some consoles begin to listen when they are first asked.
	_, _ = consoleRecords(procPeekConsoleInput, c.in, make([]inputRecord, 1))
	for {
		c.mu.Lock()
		wanted, closed := c.wanted, c.closed
		c.mu.Unlock()
		if closed {
			return
		}
		handles := []windows.Handle{c.wake, c.in}
		if !wanted {
			handles = handles[:1]
		}
		_, err := windows.WaitForMultipleObjects(handles, false, windows.INFINITE)
		// Whatever it was, an answer of the screen's may be there as well.
		if err != nil || !c.take(true) {
			c.events.HangUp()
			return
		}
	}
}

// Drain implements host.Terminal.
func (c *console) Drain() { c.take(false) }

// inputRecord is INPUT_RECORD; of its kinds only the key's is spelled out.
type inputRecord struct {
	kind uint16
	_    uint16
	down int32
	repeat, code,
	scan, char uint16
	state uint32
}

const (
	keyEvent  = 1
	sizeEvent = 4
	keyReturn = 0x0d // VK_RETURN
)

// take passes on what is there, without waiting; if only is set, only while
// input is wanted. It answers false if the console is gone.
func (c *console) take(only bool) bool {
	c.draining.Lock()
	defer c.draining.Unlock()
	for {
		c.mu.Lock()
		if !c.started || c.closed || only && !c.wanted {
			c.mu.Unlock()
			return true
		}
		text := c.replies
		c.replies = nil
		c.mu.Unlock()
		// Reading waits, looking does not.
		var records [64]inputRecord
		n, ok := consoleRecords(procPeekConsoleInput, c.in, records[:])
		if ok && n > 0 {
			n, ok = consoleRecords(procReadConsoleInput, c.in, records[:n])
		}
		if !ok {
			return false
		}
		if n == 0 && len(text) == 0 {
			return true
		}
		resized := false
		c.mu.Lock()
		for i := range records[:n] {
			switch r := &records[i]; r.kind {
			case keyEvent:
				text = c.keys.Append(text, vt.Key{Down: r.down != 0, Repeat: r.repeat, Code: r.code, Char: r.char, State: r.state})
			case sizeEvent: // of the buffer, which need not be the window's
				if cols, rows, e := c.Size(); e == 0 && (cols != c.cols || rows != c.rows) {
					c.cols, c.rows, resized = cols, rows, true
				}
			}
		}
		c.mu.Unlock()
		if len(text) > 0 {
			c.events.Input(text)
		}
		if resized {
			c.events.Resized()
		}
	}
}

// consoleRecords is PeekConsoleInput or ReadConsoleInput.
func consoleRecords(proc *windows.LazyProc, in windows.Handle, b []inputRecord) (n int, ok bool) {
	var done uint32
	r, _, _ := proc.Call(uintptr(in), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), uintptr(unsafe.Pointer(&done)))
	return int(done), r != 0
}

// reply is input that the console would make itself.
func (c *console) reply(s string) {
	c.mu.Lock()
	c.replies = append(c.replies, s...)
	c.mu.Unlock()
	_ = windows.SetEvent(c.wake)
}

// Discard implements host.Terminal.
func (c *console) Discard() {
	c.mu.Lock()
	c.replies = nil
	c.mu.Unlock()
	_ = windows.FlushConsoleInputBuffer(c.in)
}

// Size implements host.Terminal.
func (c *console) Size() (cols, rows uint16, e abi.Errno) {
	var info windows.ConsoleScreenBufferInfo
	if err := windows.GetConsoleScreenBufferInfo(c.out, &info); err != nil {
		return 0, 0, Errno(err)
	}
	return uint16(info.Window.Right - info.Window.Left + 1), uint16(info.Window.Bottom - info.Window.Top + 1), 0
}

// Write implements host.Terminal.
func (c *console) Write(p []byte) (int, abi.Errno) {
	c.show.Lock()
	defer c.show.Unlock()
	if e := c.setOutput(p); e != 0 {
		return 0, e
	}
	if c.screen != nil {
		if !c.screen.Write(p) {
			return 0, abi.EIO
		}
		return len(p), 0
	}
	text := p
	if len(c.partial) > 0 {
		text = append(c.partial, p...)
		c.partial = nil
	}
	c.units = c.units[:0]
	for len(text) > 0 {
		if !utf8.FullRune(text) {
			c.partial = append([]byte(nil), text...)
			break
		}
		r, n := utf8.DecodeRune(text)
		c.units = utf16.AppendRune(c.units, r)
		text = text[n:]
	}
	return len(p), c.put(c.units)
}

// put shows units, in pieces that every Windows takes.
func (c *console) put(u []uint16) abi.Errno {
	const most = 8192
	for len(u) > 0 {
		n := min(len(u), most)
		if n < len(u) && u[n-1]>>10 == 0xd800>>10 {
			n-- // not between the halves of a pair
		}
		var done uint32
		if err := windows.WriteConsole(c.out, &u[0], uint32(n), &done, nil); err != nil {
			return Errno(err)
		}
		u = u[n:]
	}
	return 0
}

// Close implements host.Terminal.
func (c *console) Close(unread []byte) {
	c.mu.Lock()
	c.closed = true
	started := c.started
	unread = append(unread, c.replies...)
	c.mu.Unlock()
	_ = windows.SetEvent(c.wake)
	c.draining.Lock() // nobody takes any more
	defer c.draining.Unlock()
	if started {
		_ = windows.SetConsoleMode(c.in, c.inFound)
		giveBack(c.in, unread)
	}
	c.show.Lock()
	defer c.show.Unlock()
	if c.shown {
		_ = windows.SetConsoleMode(c.out, c.outFound)
	}
}

// giveBack puts text in front of what nobody has read yet.
func giveBack(in windows.Handle, text []byte) {
	keys := vt.Typed(text)
	if len(keys) == 0 {
		return
	}
	var later [256]inputRecord
	n, ok := consoleRecords(procPeekConsoleInput, in, later[:])
	if ok && n > 0 {
		n, _ = consoleRecords(procReadConsoleInput, in, later[:n])
	}
	var records []inputRecord
	for _, k := range keys {
		r := inputRecord{kind: keyEvent, repeat: k.Repeat, char: k.Char}
		if k.Down {
			r.down = 1
		}
		if k.Char == '\n' {
			r.char, r.code = '\r', keyReturn
		}
		records = append(records, r)
	}
	records = append(records, later[:n]...)
	_, _ = consoleRecords(procWriteConsoleInput, in, records)
}
