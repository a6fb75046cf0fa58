package kernel

import (
	"sync"
	"time"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// tty is the process's terminal: Linux's line discipline (n_tty) on top of the
// host's console. Descriptors of all streams that are the console, and of
// /dev/tty, share it.
type tty struct {
	p   *Process
	con host.Terminal
	// node is /dev/tty, for stat.
	node *node

	// mu guards the rest. Under it the console's methods are called, but for
	// Drain and Close, which call back.
	mu      sync.Mutex
	started bool // input comes from the console
	closed  bool
	hungUp  bool
	set     termios
	// Input: buf, of which the first canon bytes are complete lines. ends
	// tells of each byte whether a line ends with it.
	buf   []byte
	ends  []lineEnd
	canon int
	lnext bool // the next character is taken as it is (VLNEXT)
	erase bool // between the \ and / of ECHOPRT

	// Output: column is where the cursor is, as far as that is known from
	// what went by, and start where the line that is being edited began.
	column, start int
	stopped       bool // by ^S
	out           []byte

	rows, cols uint16 // set by TIOCSWINSZ; 0: the console's own

	changed waitQueue // told when something has changed
	wanting int       // reads that wait
	watched bool      // poll has found nothing, and the next input is to be taken
}

type lineEnd uint8

const (
	inLine  lineEnd = iota
	atEnd           // the character ends the line and belongs to it
	endFile         // VEOF, which ends the line and is not read
)

const (
	ttyLine = 4095     // of an edited line, without its end
	ttyMost = 64 << 10 // of input that nobody reads
)

// newTTY makes the process's terminal, if the host has one.
func newTTY(p *Process, h host.Files) *tty {
	con := h.Terminal()
	if con == nil {
		return nil
	}
	y := &tty{
		p: p, con: con, node: newTTYNode(), set: newTermios(),
	}
	con.Connect(y)
	return y
}

// begin makes sure that input comes. y.mu is held.
func (y *tty) begin() {
	if y.started || y.closed {
		return
	}
	y.started = true
	y.con.Signals(y.signals())
	if y.con.Start() != 0 {
		y.hungUp = true
	}
}

// signals tells whether Ctrl-C is the console's business. y.mu is held.
func (y *tty) signals() bool { return y.set.l(abi.ISIG) && y.set.cc[abi.VINTR] == 3 }

// drain takes what has been typed until now. y.mu is not held.
func (y *tty) drain() {
	y.mu.Lock()
	y.begin()
	y.mu.Unlock()
	y.con.Drain()
}

// wake tells those who wait that something has changed. y.mu is held.
func (y *tty) wake() {
	y.changed.wake()
}

// want says that one more read waits (1), or one less (-1). y.mu is held.
func (y *tty) want(by int) {
	was := y.wanting > 0 || y.watched
	y.wanting += by
	y.wantFrom(was)
}

// watch says whether the next input is to be taken though no read waits. y.mu
// is held.
func (y *tty) watch(on bool) {
	was := y.wanting > 0 || y.watched
	y.watched = on
	y.wantFrom(was)
}

func (y *tty) wantFrom(was bool) {
	if now := y.wanting > 0 || y.watched; now != was {
		y.con.Want(now)
	}
}

// ready tells what poll finds. The first time that it finds nothing, the
// console begins to wait; asking again costs nothing until something is typed.
func (y *tty) ready() host.Ready {
	y.mu.Lock()
	defer y.mu.Unlock()
	least := 1
	if y.set.cc[abi.VTIME] == 0 {
		least = int(y.set.cc[abi.VMIN])
	}
	if !y.available(least) && !y.watched && !y.hungUp {
		y.begin()
		y.mu.Unlock()
		y.con.Drain()
		y.mu.Lock()
		if !y.available(least) {
			y.watch(true)
		}
	}
	return host.Ready{In: y.available(least) || y.hungUp, Out: !y.stopped, Hup: y.hungUp, Bytes: y.waiting()}
}

// sleepOn waits until the terminal may have changed or d is over (negative:
// for ever). y.mu is held, and given away meanwhile. An error is that of a
// signal.
func (y *tty) sleepOn(t *Task, d time.Duration, input bool) abi.Errno {
	at := forever
	if d >= 0 {
		at = t.proc.clock.Monotonic() + d
	}
	var w waiter
	y.changed.add(&w, t.poke)
	defer w.remove()
	if input {
		y.want(1)
	}
	y.mu.Unlock()
	e := t.park(at)
	y.mu.Lock()
	if input {
		y.want(-1)
	}
	if e == abi.ETIMEDOUT {
		return 0
	}
	return e
}

// Interrupt implements host.TerminalEvents.
func (y *tty) Interrupt() {
	y.mu.Lock()
	started := y.started
	y.mu.Unlock()
	if started {
		y.Input([]byte{3})
		return
	}
	// All processes of the console get it, so only one that is at home
	// there shows it.
	y.p.ttySignal(abi.SIGINT)
}

// Quit implements host.TerminalEvents.
func (y *tty) Quit() { y.p.ttySignal(abi.SIGQUIT) }

// Closed implements host.TerminalEvents: as Linux does when a terminal goes.
func (y *tty) Closed() {
	y.HangUp()
	y.p.ttySignal(abi.SIGHUP)
}

// Resized implements host.TerminalEvents.
func (y *tty) Resized() {
	y.mu.Lock()
	y.rows, y.cols = 0, 0
	y.mu.Unlock()
	y.p.ttySignal(abi.SIGWINCH)
}

// HangUp implements host.TerminalEvents.
func (y *tty) HangUp() {
	y.mu.Lock()
	y.hungUp = true
	y.wake()
	y.mu.Unlock()
}

// close leaves the console as it was.
func (y *tty) close() {
	y.mu.Lock()
	if y.closed {
		y.mu.Unlock()
		return
	}
	y.closed = true
	unread := append([]byte(nil), y.buf...)
	y.mu.Unlock()
	y.con.Close(unread)
}

// size tells the window's columns and rows. y.mu is held.
func (y *tty) size() (cols, rows uint16) {
	if y.rows != 0 || y.cols != 0 {
		return y.cols, y.rows
	}
	cols, rows, e := y.con.Size()
	if e != 0 {
		return 80, 25
	}
	return cols, rows
}

// ttySignal sends what the terminal sends to the processes in front of it.
func (p *Process) ttySignal(sig abi.Signal) {
	p.Send(sig)
}
