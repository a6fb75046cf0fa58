package kernel

import (
	"time"

	"bee/runtime/abi"
)

// Input implements host.TerminalEvents: what has been typed goes through the
// line discipline.
func (y *tty) Input(p []byte) {
	var signals []abi.Signal
	y.mu.Lock()
	for _, c := range p {
		if y.set.l(abi.ICANON) && y.canon == 0 && len(y.buf) > ttyLine {
			y.cut(ttyLine) // as in Linux, the last place takes them all
		}
		if sig := y.receive(c); sig != 0 {
			signals = append(signals, sig)
		}
	}
	y.flushOut()
	y.wake()
	y.mu.Unlock()
	for _, sig := range signals {
		y.p.ttySignal(sig)
	}
}

// receive takes one character, and tells the signal that it means. y.mu is
// held. The order of the questions is Linux's (n_tty_receive_char).
func (y *tty) receive(c byte) abi.Signal {
	s := &y.set
	if s.i(abi.ISTRIP) {
		c &= 0x7f
	}
	if s.i(abi.IUCLC) && s.l(abi.IEXTEN) && 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	if y.lnext {
		y.lnext = false
		y.literal(c)
		return 0
	}
	if s.i(abi.IXON) {
		switch {
		case s.is(c, abi.VSTART):
			y.stopped = false
			return 0
		case s.is(c, abi.VSTOP):
			y.stopped = true
			return 0
		}
	}
	if s.l(abi.ISIG) {
		sig := abi.Signal(0)
		switch {
		case s.is(c, abi.VINTR):
			sig = abi.SIGINT
		case s.is(c, abi.VQUIT):
			sig = abi.SIGQUIT
		case s.is(c, abi.VSUSP):
			sig = abi.SIGTSTP
		}
		if sig != 0 {
			if s.flush() {
				y.forget()
			}
			if s.i(abi.IXON) {
				y.stopped = false
			}
			if s.l(abi.ECHO) {
				y.echo(c)
			}
			return sig
		}
	}
	if y.stopped && s.i(abi.IXON) && s.i(abi.IXANY) {
		y.stopped = false
	}
	switch {
	case c == '\r' && s.i(abi.IGNCR):
		return 0
	case c == '\r' && s.i(abi.ICRNL):
		c = '\n'
	case c == '\n' && s.i(abi.INLCR):
		c = '\r'
	}
	if s.l(abi.ICANON) && y.edit(c) {
		return 0
	}
	y.literal(c)
	return 0
}

// edit carries out what a character means while a line is edited, and tells
// whether it meant anything.
func (y *tty) edit(c byte) bool {
	s := &y.set
	switch {
	case s.is(c, abi.VERASE), s.is(c, abi.VKILL), s.is(c, abi.VWERASE) && s.l(abi.IEXTEN):
		y.eraser(c)
	case s.is(c, abi.VLNEXT) && s.l(abi.IEXTEN):
		y.lnext = true
		if s.l(abi.ECHO) {
			y.finishErasing()
			if s.l(abi.ECHOCTL) {
				y.emit('^')
				y.emit('\b')
			}
		}
	case s.is(c, abi.VREPRINT) && s.l(abi.IEXTEN) && s.l(abi.ECHO):
		y.finishErasing()
		y.echo(c)
		y.process('\n')
		for _, c := range y.buf[y.canon:] {
			y.echo(c)
		}
	case c == '\n':
		if s.l(abi.ECHO) || s.l(abi.ECHONL) {
			y.finishErasing()
			y.process('\n')
		}
		y.put(c, atEnd)
	case s.is(c, abi.VEOF):
		y.put(0, endFile)
	case s.is(c, abi.VEOL), s.is(c, abi.VEOL2) && s.l(abi.IEXTEN):
		if s.l(abi.ECHO) {
			y.markStart()
			y.echo(c)
		}
		y.put(c, atEnd)
	default:
		return false
	}
	return true
}

// literal takes a character that means itself.
func (y *tty) literal(c byte) {
	if y.set.l(abi.ECHO) {
		y.finishErasing()
		if c == '\n' {
			y.process('\n')
		} else {
			y.markStart()
			y.echo(c)
		}
	}
	y.put(c, inLine)
	if y.set.i(abi.PARMRK) && c == 0xff {
		y.put(c, inLine)
	}
}

func (y *tty) put(c byte, end lineEnd) {
	if len(y.buf) >= ttyMost {
		return
	}
	y.buf = append(y.buf, c)
	y.ends = append(y.ends, end)
	if end != inLine {
		y.canon = len(y.buf)
	}
}

// forget drops all input.
func (y *tty) forget() { y.buf, y.ends, y.canon, y.lnext, y.erase = nil, nil, 0, false, false }

// markStart notes where on the screen the line that is edited begins.
func (y *tty) markStart() {
	if y.canon == len(y.buf) {
		y.start = y.column
	}
}

func isControl(c byte) bool      { return c < ' ' || c == 0x7f }
func isContinuation(c byte) bool { return c&0xc0 == 0x80 }
func isWord(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// eraser takes characters back: one (VERASE), a word (VWERASE), or the whole
// line (VKILL).
func (y *tty) eraser(c byte) {
	s := &y.set
	if len(y.buf) == y.canon {
		return
	}
	word, kill := false, false
	switch {
	case s.is(c, abi.VERASE):
	case s.is(c, abi.VWERASE):
		word = true
	default:
		kill = true
		if !s.l(abi.ECHO) || !s.l(abi.ECHOK) || !s.l(abi.ECHOKE) || !s.l(abi.ECHOE) {
			y.cut(y.canon)
			if s.l(abi.ECHO) {
				y.finishErasing()
				y.echo(c)
				if s.l(abi.ECHOK) {
					y.process('\n')
				}
			}
			return
		}
	}
	seen := false
	for len(y.buf) > y.canon {
		head := len(y.buf) - 1
		if s.i(abi.IUTF8) {
			for head > y.canon && isContinuation(y.buf[head]) {
				head--
			}
			if isContinuation(y.buf[head]) {
				break // the beginning is gone
			}
		}
		gone := y.buf[head]
		if word {
			if isWord(gone) {
				seen = true
			} else if seen {
				break
			}
		}
		text := append([]byte(nil), y.buf[head:]...)
		y.cut(head)
		if s.l(abi.ECHO) {
			y.unecho(c, text, kill || word)
		}
		if !kill && !word {
			break
		}
	}
	if len(y.buf) == y.canon && s.l(abi.ECHO) {
		y.finishErasing()
	}
}

func (y *tty) cut(n int) { y.buf, y.ends = y.buf[:n], y.ends[:n] }

// unecho takes a character off the screen. more: it is not the only one.
func (y *tty) unecho(eraser byte, text []byte, more bool) {
	s := &y.set
	c := text[0]
	switch {
	case s.l(abi.ECHOPRT):
		if !y.erase {
			y.emit('\\')
			y.erase = true
		}
		y.echo(c)
		for _, c := range text[1:] {
			y.emit(c)
		}
	case !more && !s.l(abi.ECHOE):
		y.echo(eraser)
	case c == '\t':
		// Back to where the tab began: behind what stands before it.
		at := y.start
		for _, c := range y.buf[y.canon:] {
			switch {
			case c == '\t':
				at = at&^7 + 8
			case isControl(c):
				if s.l(abi.ECHOCTL) {
					at += 2
				}
			case !s.i(abi.IUTF8) || !isContinuation(c):
				at++
			}
		}
		for y.column > at {
			y.emit('\b')
			y.column--
		}
	default:
		if isControl(c) && s.l(abi.ECHOCTL) {
			y.rub()
		}
		if !isControl(c) || s.l(abi.ECHOCTL) {
			y.rub()
		}
	}
}

// rub takes one column off the screen.
func (y *tty) rub() {
	y.emit('\b')
	y.emit(' ')
	y.emit('\b')
	if y.column > 0 {
		y.column--
	}
}

func (y *tty) finishErasing() {
	if y.erase {
		y.emit('/')
		y.column++
		y.erase = false
	}
}

// available tells whether a read has something to return, least bytes unless
// lines are edited. y.mu is held.
func (y *tty) available(least int) bool {
	if y.set.l(abi.ICANON) {
		return y.canon > 0
	}
	return len(y.buf) >= max(least, 1)
}

// waiting tells how many bytes a read could get. y.mu is held.
func (y *tty) waiting() int {
	if !y.set.l(abi.ICANON) {
		return len(y.buf)
	}
	n := 0
	for _, end := range y.ends[:y.canon] {
		if end != endFile {
			n++
		}
	}
	return n
}

// read is read(2). least and time are VMIN and VTIME where lines are not
// edited.
func (y *tty) read(t *Task, p []byte, nonblock bool) (int, abi.Errno) {
	if len(p) == 0 {
		return 0, 0
	}
	y.drain()
	y.mu.Lock()
	defer y.mu.Unlock()
	began := t.proc.clock.Monotonic()
	last, had := began, len(y.buf)
	for {
		least, limit := int(y.set.cc[abi.VMIN]), time.Duration(y.set.cc[abi.VTIME])*100*time.Millisecond
		raw := !y.set.l(abi.ICANON)
		if y.available(min(least, len(p))) {
			return y.take(p), 0
		}
		if y.hungUp {
			return y.take(p), 0
		}
		if raw && least == 0 && limit == 0 {
			return 0, 0
		}
		if nonblock {
			if raw && len(y.buf) > 0 {
				return y.take(p), 0
			}
			return 0, abi.EAGAIN
		}
		wait := time.Duration(-1)
		if raw && limit > 0 {
			now := t.proc.clock.Monotonic()
			if len(y.buf) != had {
				last, had = now, len(y.buf)
			}
			switch {
			case least == 0: // from the call on
				wait = max(limit-(now-began), 0)
			case len(y.buf) > 0: // from the last character on
				wait = max(limit-(now-last), 0)
			}
			if wait == 0 {
				return y.take(p), 0
			}
		}
		if e := y.sleepOn(t, wait, true); e != 0 {
			return 0, e
		}
	}
}

// take moves input to the reader: at most a line where lines are edited.
func (y *tty) take(p []byte) int {
	n, used := 0, 0
	if !y.set.l(abi.ICANON) {
		n = copy(p, y.buf)
		used = n
	} else {
		for used < y.canon && n < len(p) {
			end := y.ends[used]
			if end != endFile {
				p[n] = y.buf[used]
				n++
			}
			used++
			if end != inLine {
				break
			}
		}
		// The end of a file right behind what was read belongs to it: it
		// is not to be read as a second, empty line.
		if n == len(p) && used < y.canon && y.ends[used-1] == inLine && y.ends[used] == endFile {
			used++
		}
	}
	y.buf, y.ends = y.buf[used:], y.ends[used:]
	y.canon = max(y.canon-used, 0)
	if len(y.buf) == 0 {
		y.buf, y.ends = nil, nil
	}
	return n
}
