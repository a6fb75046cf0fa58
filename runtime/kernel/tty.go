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

// ttyIoctl answers for a console that is in its usual mode.
func ttyIoctl(t *Task, f *File, cmd uint32, arg uint64) (uint64, abi.Errno) {
	switch cmd {
	case abi.TCGETS:
		m, e := t.Bytes(arg, abi.SizeofI386Termios, true)
		if e != 0 {
			return 0, e
		}
		clear(m)
		put32(m[abi.I386TermiosIflag:], 0o2400|0o40000) // ICRNL IXON IUTF8
		put32(m[abi.I386TermiosOflag:], 0o5)            // OPOST ONLCR
		put32(m[abi.I386TermiosCflag:], 0o277)          // B38400 CS8 CREAD
		put32(m[abi.I386TermiosLflag:], 0o105073)       // ISIG ICANON ECHO ECHOE ECHOK ECHOCTL ECHOKE IEXTEN
		copy(m[abi.I386TermiosCc:], "\x03\x1c\x7f\x15\x04\x00\x01\x00\x11\x13\x1a\x00\x12\x0f\x17\x16\x00")
		return 0, 0
	case abi.TCSETS, abi.TCSETSW, abi.TCSETSF:
		_, e := t.Bytes(arg, abi.SizeofI386Termios, false)
		return 0, e
	case abi.TIOCGWINSZ:
		m, e := t.Bytes(arg, abi.SizeofI386Winsize, true)
		if e != 0 {
			return 0, e
		}
		cols, rows, e := t.proc.files.host.WindowSize(f.h)
		if e != 0 {
			cols, rows = 80, 25
		}
		clear(m)
		m[0], m[1], m[2], m[3] = byte(rows), byte(rows>>8), byte(cols), byte(cols>>8)
		return 0, 0
	case abi.TIOCGPGRP, abi.TIOCGSID:
		return 0, t.WriteUint32(arg, uint32(t.proc.pid))
	case abi.TIOCSPGRP, abi.TIOCSCTTY, abi.TCFLSH, abi.TCSBRK, abi.TCXONC:
		return 0, 0
	}
	return 0, abi.ENOTTY
}
