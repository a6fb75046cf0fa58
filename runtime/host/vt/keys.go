package vt

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Key is a KEY_EVENT_RECORD.
type Key struct {
	Down   bool
	Repeat uint16
	Code   uint16 // a virtual key
	Char   uint16 // a UTF-16 unit; 0: the key is no character
	State  uint32
}

// The control key states (KEY_EVENT_RECORD.dwControlKeyState).
const (
	rightAlt  = 0x1
	leftAlt   = 0x2
	rightCtrl = 0x4
	leftCtrl  = 0x8
	shift     = 0x10
)

// Virtual keys that the translation knows.
const (
	keyBack   = 0x08
	keyTab    = 0x09
	keyAlt    = 0x12
	keyEscape = 0x1b
	keySpace  = 0x20
	keyTwo    = 0x32
)

// Keys turns key events into bytes. The zero value is ready.
type Keys struct {
	// Application: cursor keys send ESC O in place of ESC [ (DECCKM).
	Application bool

	high uint16 // the first half of a pair
}

// letters are the keys whose sequence ends with a letter: ESC [ A.
var letters = map[uint16]byte{0x26: 'A', 0x28: 'B', 0x27: 'C', 0x25: 'D', 0x24: 'H', 0x23: 'F', 0x0c: 'E'}

// numbers are those with a number: ESC [ 3 ~.
var numbers = map[uint16]int{
	0x2d: 2, 0x2e: 3, 0x21: 5, 0x22: 6,
	0x74: 15, 0x75: 17, 0x76: 18, 0x77: 19, 0x78: 20, 0x79: 21, 0x7a: 23, 0x7b: 24, // F5 to F12
}

// Append adds what the event sends.
func (k *Keys) Append(b []byte, e Key) []byte {
	if !e.Down {
		// A character composed of digits on the keypad comes when Alt is
		// let go.
		if e.Code == keyAlt && e.Char != 0 {
			return k.char(b, e.Char, false)
		}
		return b
	}
	for range max(e.Repeat, 1) {
		b = k.press(b, e)
	}
	return b
}

func (k *Keys) press(b []byte, e Key) []byte {
	ctrl, alt := e.State&(leftCtrl|rightCtrl) != 0, e.State&(leftAlt|rightAlt) != 0
	if e.Char == 0 {
		switch {
		case ctrl && (e.Code == keySpace || e.Code == keyTwo):
			return append(b, 0)
		case e.Code == keyTab && e.State&shift != 0:
			return append(b, "\x1b[Z"...)
		case e.Code == keyEscape:
			return append(b, 0x1b)
		}
		return k.special(b, e.Code, modifier(e.State))
	}
	// AltGr is Ctrl and Alt, and makes characters.
	alt = alt && !(e.State&rightAlt != 0 && ctrl)
	switch {
	case e.Code == keyBack && e.Char == '\b': // Backspace is DEL, with Ctrl BS
		e.Char = 0x7f
	case e.Code == keyBack && e.Char == 0x7f:
		e.Char = '\b'
	case e.Code == keyTab && e.State&shift != 0:
		return append(b, "\x1b[Z"...)
	}
	return k.char(b, e.Char, alt)
}

// char adds a unit; the halves of a pair come as two events.
func (k *Keys) char(b []byte, c uint16, alt bool) []byte {
	r := rune(c)
	switch {
	case 0xd800 <= c && c < 0xdc00:
		k.high = c
		return b
	case 0xdc00 <= c && c < 0xe000:
		r = utf16.DecodeRune(rune(k.high), r)
	}
	k.high = 0
	if alt {
		b = append(b, 0x1b)
	}
	return utf8.AppendRune(b, r)
}

// modifier is xterm's number for the keys that are held, 1 for none.
func modifier(state uint32) int {
	m := 1
	if state&shift != 0 {
		m++
	}
	if state&(leftAlt|rightAlt) != 0 {
		m += 2
	}
	if state&(leftCtrl|rightCtrl) != 0 {
		m += 4
	}
	return m
}

func (k *Keys) special(b []byte, code uint16, mod int) []byte {
	if 0x70 <= code && code <= 0x73 { // F1 to F4
		c := 'P' + byte(code-0x70)
		if mod == 1 {
			return append(b, 0x1b, 'O', c)
		}
		return append(append(append(b, "\x1b[1;"...), '0'+byte(mod)), c)
	}
	if c, ok := letters[code]; ok {
		switch {
		case mod > 1:
			return append(append(append(b, "\x1b[1;"...), '0'+byte(mod)), c)
		case k.Application:
			return append(b, 0x1b, 'O', c)
		}
		return append(b, 0x1b, '[', c)
	}
	if n, ok := numbers[code]; ok {
		b = strconv.AppendInt(append(b, "\x1b["...), int64(n), 10)
		if mod > 1 {
			b = append(b, ';', '0'+byte(mod))
		}
		return append(b, '~')
	}
	return b
}

// Typed gives the key events whose characters are text, for giving input back
// to a console.
func Typed(text []byte) []Key {
	var keys []Key
	for _, u := range utf16.Encode([]rune(string(text))) {
		for _, down := range []bool{true, false} {
			keys = append(keys, Key{Down: down, Repeat: 1, Char: u})
		}
	}
	return keys
}
