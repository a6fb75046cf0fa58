//go:build linux

package linuxhost

import (
	"os"
	"os/signal"
	"sync"

	"golang.org/x/sys/unix"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// console is the controlling terminal, in raw mode from Start to Close.
type console struct {
	fd     int
	events host.TerminalEvents
	wake   int // eventfd: wanted has changed

	mu     sync.Mutex
	found  *unix.Termios // nil before Start
	wanted bool

	in sync.Mutex // held while input is taken and passed on
}

var theConsole = sync.OnceValue(func() host.Terminal {
	fd, err := unix.Open("/dev/tty", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		_ = unix.Close(fd)
		return nil
	}
	return &console{fd: fd, wake: wake}
})

// Terminal implements host.Files.
func (Files) Terminal() host.Terminal { return theConsole() }

// Connect implements host.Terminal.
func (c *console) Connect(e host.TerminalEvents) { c.events = e }

// Start implements host.Terminal.
func (c *console) Start() abi.Errno {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.found != nil {
		return 0
	}
	found, err := unix.IoctlGetTermios(c.fd, unix.TCGETS)
	if err != nil {
		return errno(err)
	}
	raw := *found
	raw.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	raw.Oflag &^= unix.OPOST
	raw.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(c.fd, unix.TCSETSW, &raw); err != nil {
		return errno(err)
	}
	c.found = found
	sizes := make(chan os.Signal, 1)
	signal.Notify(sizes, unix.SIGWINCH)
	go func() {
		for range sizes {
			c.events.Resized()
		}
	}()
	go c.pump()
	return 0
}

// Signals implements host.Terminal: Ctrl-C is always input.
func (c *console) Signals(bool) {}

// Want implements host.Terminal.
func (c *console) Want(on bool) {
	c.mu.Lock()
	c.wanted = on
	c.mu.Unlock()
	_, _ = unix.Write(c.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
}

// pump waits for input while it is wanted.
func (c *console) pump() {
	for {
		c.mu.Lock()
		fds := []unix.PollFd{{Fd: int32(c.wake), Events: unix.POLLIN}, {Fd: int32(c.fd), Events: unix.POLLIN}}
		if !c.wanted {
			fds = fds[:1]
		}
		c.mu.Unlock()
		if _, err := unix.Poll(fds, -1); err != nil && err != unix.EINTR {
			return
		}
		var b [8]byte
		_, _ = unix.Read(c.wake, b[:])
		if len(fds) > 1 && fds[1].Revents != 0 {
			c.Drain()
			if fds[1].Revents&unix.POLLHUP != 0 {
				c.events.HangUp()
				return
			}
		}
	}
}

// Drain implements host.Terminal.
func (c *console) Drain() {
	c.in.Lock()
	defer c.in.Unlock()
	var b [4096]byte
	for {
		fds := []unix.PollFd{{Fd: int32(c.fd), Events: unix.POLLIN}}
		if n, err := unix.Poll(fds, 0); n == 0 || err != nil || fds[0].Revents&unix.POLLIN == 0 {
			return
		}
		n, err := unix.Read(c.fd, b[:])
		if n <= 0 || err != nil {
			return
		}
		c.events.Input(b[:n])
	}
}

// Discard implements host.Terminal.
func (c *console) Discard() { _ = unix.IoctlSetInt(c.fd, unix.TCFLSH, unix.TCIFLUSH) }

// Write implements host.Terminal.
func (c *console) Write(p []byte) (int, abi.Errno) {
	done := 0
	for done < len(p) {
		n, e := transfer(unix.SYS_WRITE, host.Handle(c.fd), p[done:], 0)
		if e != 0 {
			return done, e
		}
		done += n
	}
	return done, 0
}

// Size implements host.Terminal.
func (c *console) Size() (cols, rows uint16, e abi.Errno) {
	ws, err := unix.IoctlGetWinsize(c.fd, unix.TIOCGWINSZ)
	if err != nil {
		return 0, 0, errno(err)
	}
	return ws.Col, ws.Row, 0
}

// Close implements host.Terminal. What has been read already is lost: Linux
// lets nobody type for the user (TIOCSTI).
func (c *console) Close([]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.found != nil {
		_ = unix.IoctlSetTermios(c.fd, unix.TCSETSW, c.found)
	}
}
