package image

import (
	"errors"
	"fmt"
)

// What can be wrong with a file. Every error of this package wraps one.
var (
	// ErrNotBee: the file does not end with a trailer.
	ErrNotBee = errors.New("not a .bee file")
	// ErrVersion: the payload's format is not the one that this package reads.
	ErrVersion = errors.New("unknown format version")
	// ErrTruncated: the file or a table ends before what it announces.
	ErrTruncated = errors.New("truncated")
	// ErrDigest: the file's bytes are not those that were written.
	ErrDigest = errors.New("wrong digest")
	// ErrOrder: a table is not sorted, or names an address twice.
	ErrOrder = errors.New("table not sorted")
	// ErrOverlap: two ranges share bytes.
	ErrOverlap = errors.New("overlap")
	// ErrRange: an address lies outside of what it must lie in.
	ErrRange = errors.New("out of range")
	// ErrValue: a field holds a value that it cannot have.
	ErrValue = errors.New("bad value")
	// ErrExcess: bytes follow the end of the manifest.
	ErrExcess = errors.New("excess bytes")
)

// A FormatError tells where a file is damaged.
type FormatError struct {
	Off  int64  // in the file, or in the payload where Decode is called directly; -1 where no one offset is to blame
	What string // the part or table, and the value
	Err  error  // one of the errors above
}

func (e *FormatError) Error() string {
	s := e.Err.Error()
	if e.What != "" {
		s += ": " + e.What
	}
	if e.Off >= 0 {
		s += fmt.Sprintf(" (at offset %#x)", e.Off)
	}
	return s
}

func (e *FormatError) Unwrap() error { return e.Err }

func bad(off int64, err error, format string, args ...any) error {
	return &FormatError{Off: off, What: fmt.Sprintf(format, args...), Err: err}
}
