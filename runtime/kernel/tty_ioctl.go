package kernel

import "bee/runtime/abi"

func sysIoctl(t *Task, a Args) (uint64, abi.Errno) {
	f, e := t.file(a[0])
	if e != 0 {
		return 0, e
	}
	ft := t.proc.files
	defer ft.put(f)
	cmd := uint32(a[1])
	switch cmd {
	case abi.FIOCLEX, abi.FIONCLEX:
		(*ft.slots.Load())[int32(a[0])].cloexec.Store(cmd == abi.FIOCLEX)
		return 0, 0
	case abi.FIONBIO:
		v, e := t.ReadUint32(a[2])
		if e != 0 {
			return 0, e
		}
		flags := f.flags.Load() &^ abi.O_NONBLOCK
		if v != 0 {
			flags |= abi.O_NONBLOCK
		}
		f.flags.Store(flags)
		return 0, 0
	}
	return f.ops.ioctl(t, f, cmd, a[2])
}

// How TCSETS and its relatives treat input that has not been read.
const (
	ttyNow   = iota
	ttyDrain // after output is out: it always is
	ttyFlush // after that, and forget input
)

// ioctl is ioctl(2) of a terminal (tty_ioctl(4)).
func (y *tty) ioctl(t *Task, cmd uint32, arg uint64) (uint64, abi.Errno) {
	switch cmd {
	case abi.TCGETS:
		return y.tell(t, arg, formTermios)
	case abi.TCGETS2:
		return y.tell(t, arg, formTermios2)
	case abi.TCGETA:
		return y.tell(t, arg, formTermio)
	case abi.TCSETS, abi.TCSETSW, abi.TCSETSF:
		return y.change(t, arg, formTermios, int(cmd-abi.TCSETS))
	case abi.TCSETS2, abi.TCSETSW2, abi.TCSETSF2:
		return y.change(t, arg, formTermios2, int(cmd-abi.TCSETS2))
	case abi.TCSETA, abi.TCSETAW, abi.TCSETAF:
		return y.change(t, arg, formTermio, int(cmd-abi.TCSETA))
	case abi.TCFLSH:
		if int32(arg) < abi.TCIFLUSH || int32(arg) > abi.TCIOFLUSH {
			return 0, abi.EINVAL
		}
		if int32(arg) != abi.TCOFLUSH {
			y.flushInput()
		}
		return 0, 0
	case abi.TCXONC:
		return y.flow(int32(arg))
	case abi.TIOCGWINSZ:
		return y.tellSize(t, arg)
	case abi.TIOCSWINSZ:
		return y.changeSize(t, arg)
	case abi.TIOCGPGRP, abi.TIOCGSID:
		return 0, t.WriteUint32(arg, uint32(t.proc.pid))
	case abi.TIOCSPGRP:
		v, e := t.ReadUint32(arg)
		switch {
		case e != 0:
			return 0, e
		case int32(v) < 0:
			return 0, abi.EINVAL
		case int(v) != t.proc.pid:
			return 0, abi.ESRCH // there is no other group
		}
		return 0, 0
	case abi.TIOCINQ: // FIONREAD
		y.drain()
		y.mu.Lock()
		n := y.waiting()
		y.mu.Unlock()
		return 0, t.WriteUint32(arg, uint32(n))
	case abi.TIOCOUTQ, abi.TIOCGETD, abi.TIOCGEXCL:
		return 0, t.WriteUint32(arg, 0)
	case abi.TIOCSETD:
		v, e := t.ReadUint32(arg)
		if e == 0 && v != 0 {
			e = abi.EINVAL // N_TTY is the only one
		}
		return 0, e
	case abi.TCSBRK, abi.TCSBRKP, abi.TIOCSBRK, abi.TIOCCBRK, abi.TIOCSCTTY, abi.TIOCEXCL, abi.TIOCNXCL:
		return 0, 0
	case abi.TIOCSTI:
		return 0, abi.EIO // as where sysctl dev.tty.legacy_tiocsti is 0
	}
	return 0, abi.ENOTTY
}

func (y *tty) tell(t *Task, arg uint64, size uint64) (uint64, abi.Errno) {
	m, e := t.Bytes(arg, size, true)
	if e != 0 {
		return 0, e
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	y.set.put(m)
	return 0, 0
}

func (y *tty) change(t *Task, arg uint64, size uint64, when int) (uint64, abi.Errno) {
	m, e := t.Bytes(arg, size, false)
	if e != 0 {
		return 0, e
	}
	if when == ttyFlush {
		y.flushInput()
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	old := y.set
	y.set.take(m)
	// What hardware would not do: 8 bits, and a receiver that is on.
	y.set.cflag = y.set.cflag&^(abi.CSIZE|abi.PARENB) | abi.CS8 | abi.CREAD
	y.changedFrom(&old)
	return 0, 0
}

// changedFrom carries out what new settings mean. y.mu is held.
func (y *tty) changedFrom(old *termios) {
	s := &y.set
	if (s.lflag^old.lflag)&abi.ICANON != 0 {
		// Linux's n_tty_set_termios: what has been typed becomes readable
		// either way.
		for i := range y.ends {
			y.ends[i] = inLine
		}
		y.canon = 0
		if n := len(y.ends); n > 0 && s.l(abi.ICANON) {
			y.ends[n-1] = atEnd
			y.canon = n
		}
		y.erase = false
	}
	if !s.l(abi.ICANON) {
		y.lnext = false
	}
	if !s.i(abi.IXON) {
		y.stopped = false
	}
	// Settings that concern input make the console ours at once: what is
	// typed from now on must not be shown, say.
	if s.lflag != old.lflag || s.iflag != old.iflag || s.cc != old.cc {
		y.begin()
	}
	y.con.Signals(y.signals())
	y.wake()
}

func (y *tty) flushInput() {
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.started {
		y.con.Discard()
	}
	y.forget()
}

// flow is tcflow(3).
func (y *tty) flow(action int32) (uint64, abi.Errno) {
	y.mu.Lock()
	defer y.mu.Unlock()
	switch action {
	case abi.TCOOFF:
		y.stopped = true
	case abi.TCOON:
		y.stopped = false
	case abi.TCIOFF, abi.TCION: // a character for the other side, which is a console
	default:
		return 0, abi.EINVAL
	}
	y.wake()
	return 0, 0
}

func (y *tty) tellSize(t *Task, arg uint64) (uint64, abi.Errno) {
	m, e := t.Bytes(arg, abi.SizeofI386Winsize, true)
	if e != 0 {
		return 0, e
	}
	y.mu.Lock()
	cols, rows := y.size()
	y.mu.Unlock()
	clear(m)
	m[0], m[1], m[2], m[3] = byte(rows), byte(rows>>8), byte(cols), byte(cols>>8)
	return 0, 0
}

// changeSize notes a size, as Linux does for a terminal that cannot be told.
func (y *tty) changeSize(t *Task, arg uint64) (uint64, abi.Errno) {
	m, e := t.Bytes(arg, abi.SizeofI386Winsize, false)
	if e != 0 {
		return 0, e
	}
	rows, cols := uint16(m[0])|uint16(m[1])<<8, uint16(m[2])|uint16(m[3])<<8
	y.mu.Lock()
	c, r := y.size()
	y.rows, y.cols = rows, cols
	y.mu.Unlock()
	if c != cols || r != rows {
		t.proc.ttySignal(abi.SIGWINCH)
	}
	return 0, 0
}
