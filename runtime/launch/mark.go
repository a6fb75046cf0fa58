package launch

import (
	"encoding/binary"
	"fmt"
)

// MarkKind says how the guest ended.
type MarkKind uint32

// The ends. MarkNone is what stays when the child was cut off.
const (
	MarkNone MarkKind = iota
	MarkExited
	MarkSignaled
	MarkRunner // the runner itself failed; Value is beerun's status
)

// Mark is left by the child on every orderly end.
type Mark struct {
	Kind    MarkKind
	Value   uint32 // exit status or signal number
	Message string // one line for the user, or empty
}

// The section: the mark in its first page, the control part, the
// configuration's length (8 bytes, little endian), the configuration, the
// image.
const (
	markMagic   = 0x4b52414d // "MARK"
	markSize    = 4096
	configSize  = markSize + controlSize // where the length is
	configStart = configSize + 8
)

// UnusableStack is what is known of a thread that has ended without a word: a
// fault whose exception frame could not be written.
const UnusableStack = "fault with an unusable stack pointer (the stack overflowed, or the register was destroyed)"

// put writes the mark; the magic comes last, so that a half-written mark is
// none.
func (m Mark) put(page []byte) {
	binary.LittleEndian.PutUint32(page[4:], uint32(m.Kind))
	binary.LittleEndian.PutUint32(page[8:], m.Value)
	n := copy(page[16:markSize], m.Message)
	binary.LittleEndian.PutUint32(page[12:], uint32(n))
	binary.LittleEndian.PutUint32(page, markMagic)
}

// readMark reads what put wrote.
func readMark(page []byte) Mark {
	if binary.LittleEndian.Uint32(page) != markMagic {
		return Mark{}
	}
	n := min(binary.LittleEndian.Uint32(page[12:]), markSize-16)
	return Mark{
		Kind:    MarkKind(binary.LittleEndian.Uint32(page[4:])),
		Value:   binary.LittleEndian.Uint32(page[8:]),
		Message: string(page[16 : 16+n]),
	}
}

// Line is the mark in the form of `beerun --mark`.
func (m Mark) Line() string {
	switch m.Kind {
	case MarkExited:
		return fmt.Sprintf("exited %d", m.Value)
	case MarkSignaled:
		return fmt.Sprintf("signaled %d", m.Value)
	case MarkRunner:
		return fmt.Sprintf("runner %d %s", m.Value, m.Message)
	}
	return "none"
}
