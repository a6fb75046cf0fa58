package kernel

import "bee/runtime/abi"

// emit adds a character to the output as it is.
func (y *tty) emit(c byte) { y.out = append(y.out, c) }

// process adds a character to the output as the settings say (OPOST).
func (y *tty) process(c byte) {
	s := &y.set
	if !s.o(abi.OPOST) {
		y.emit(c)
		return
	}
	switch c {
	case '\n':
		if s.o(abi.ONLRET) {
			y.column = 0
		}
		if s.o(abi.ONLCR) {
			y.column = 0
			y.emit('\r')
		}
	case '\r':
		if s.o(abi.ONOCR) && y.column == 0 {
			return
		}
		if s.o(abi.OCRNL) {
			c = '\n'
			if s.o(abi.ONLRET) {
				y.column = 0
			}
		} else {
			y.column = 0
		}
	case '\t':
		n := 8 - y.column&7
		y.column += n
		if s.oflag&abi.TABDLY == abi.XTABS {
			for range n {
				y.emit(' ')
			}
			return
		}
	case '\b':
		if y.column > 0 {
			y.column--
		}
	default:
		if isControl(c) {
			break
		}
		if s.o(abi.OLCUC) && 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		if !s.i(abi.IUTF8) || !isContinuation(c) {
			y.column++
		}
	}
	y.emit(c)
}

// echo shows a character that was typed; control characters as ^X.
func (y *tty) echo(c byte) {
	if y.set.l(abi.ECHOCTL) && isControl(c) && c != '\t' {
		y.emit('^')
		y.emit(c ^ 0x40)
		y.column += 2
		return
	}
	y.process(c)
}

// flushOut shows what emit and process have gathered. y.mu is held.
func (y *tty) flushOut() {
	if len(y.out) > 0 {
		_, _ = y.con.Write(y.out)
		y.out = y.out[:0]
	}
}

// ttyChunk is how much of a write is converted at once.
const ttyChunk = 16 << 10

// write is write(2). It waits while ^S holds the output.
func (y *tty) write(t *Task, p []byte, nonblock bool) (int, abi.Errno) {
	y.mu.Lock()
	defer y.mu.Unlock()
	done := 0
	for done < len(p) {
		for y.stopped {
			if nonblock {
				return done, orAgain(done)
			}
			if e := y.sleepOn(t, -1, true); e != 0 {
				if done > 0 {
					e = 0
				}
				return done, e
			}
		}
		n := min(len(p)-done, ttyChunk)
		for _, c := range p[done : done+n] {
			y.process(c)
		}
		_, e := y.con.Write(y.out)
		y.out = y.out[:0]
		if e != 0 {
			return done, e
		}
		done += n
	}
	return done, 0
}

func orAgain(done int) abi.Errno {
	if done > 0 {
		return 0
	}
	return abi.EAGAIN
}
