package kernel

import (
	"encoding/binary"

	"bee/runtime/abi"
)

// termios are a terminal's settings: struct termios2 of both architectures.
type termios struct {
	iflag, oflag, cflag, lflag uint32
	line                       byte
	cc                         [abi.NCCS]byte
	ispeed, ospeed             uint32 // bits per second; kept and told
}

// newTermios are the settings of a terminal that was just opened, as
// terminal emulators have it: Linux's own (tty_std_termios) and UTF-8.
func newTermios() termios {
	s := termios{
		iflag:  abi.ICRNL | abi.IXON | abi.IUTF8,
		oflag:  abi.OPOST | abi.ONLCR,
		cflag:  abi.B38400 | abi.CS8 | abi.CREAD,
		lflag:  abi.ISIG | abi.ICANON | abi.ECHO | abi.ECHOE | abi.ECHOK | abi.ECHOCTL | abi.ECHOKE | abi.IEXTEN,
		ispeed: 38400, ospeed: 38400,
	}
	copy(s.cc[:], "\x03\x1c\x7f\x15\x04\x00\x01\x00\x11\x13\x1a\x00\x12\x0f\x17\x16\x00")
	return s
}

// Sizes of the three forms in which programs hand settings over.
const (
	formTermio   = abi.SizeofTermio
	formTermios  = abi.SizeofI386Termios
	formTermios2 = abi.SizeofTermios2
)

// put writes the settings in the form that is len(m) bytes long.
func (s *termios) put(m []byte) {
	clear(m)
	le := binary.LittleEndian
	if len(m) == formTermio {
		for i, v := range [4]uint32{s.iflag, s.oflag, s.cflag, s.lflag} {
			le.PutUint16(m[2*i:], uint16(v))
		}
		m[8] = s.line
		copy(m[9:], s.cc[:abi.NCC])
		return
	}
	le.PutUint32(m[abi.I386TermiosIflag:], s.iflag)
	le.PutUint32(m[abi.I386TermiosOflag:], s.oflag)
	le.PutUint32(m[abi.I386TermiosCflag:], s.cflag)
	le.PutUint32(m[abi.I386TermiosLflag:], s.lflag)
	m[abi.I386TermiosLine] = s.line
	copy(m[abi.I386TermiosCc:], s.cc[:])
	if len(m) >= formTermios2 {
		le.PutUint32(m[36:], s.ispeed)
		le.PutUint32(m[40:], s.ospeed)
	}
}

// take reads them. struct termio has the low halves of the flags only.
func (s *termios) take(m []byte) {
	le := binary.LittleEndian
	if len(m) == formTermio {
		for i, v := range [4]*uint32{&s.iflag, &s.oflag, &s.cflag, &s.lflag} {
			*v = *v&^0xffff | uint32(le.Uint16(m[2*i:]))
		}
		s.line = m[8]
		copy(s.cc[:abi.NCC], m[9:])
		return
	}
	s.iflag = le.Uint32(m[abi.I386TermiosIflag:])
	s.oflag = le.Uint32(m[abi.I386TermiosOflag:])
	s.cflag = le.Uint32(m[abi.I386TermiosCflag:])
	s.lflag = le.Uint32(m[abi.I386TermiosLflag:])
	s.line = m[abi.I386TermiosLine]
	copy(s.cc[:], m[abi.I386TermiosCc:])
	if len(m) >= formTermios2 {
		s.ispeed, s.ospeed = le.Uint32(m[36:]), le.Uint32(m[40:])
	}
}

func (s *termios) i(flag uint32) bool { return s.iflag&flag != 0 }
func (s *termios) o(flag uint32) bool { return s.oflag&flag != 0 }
func (s *termios) l(flag uint32) bool { return s.lflag&flag != 0 }

// is tells whether c is the control character at index which, which may be
// turned off (_POSIX_VDISABLE, 0).
func (s *termios) is(c byte, which int) bool { return c == s.cc[which] && c != 0 }

// flush tells the signal characters' other effect.
func (s *termios) flush() bool { return !s.l(abi.NOFLSH) }
