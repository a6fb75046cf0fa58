package rewrite

import (
	"errors"
	"fmt"

	"bee/rewrite/plan"
)

// Why a file is refused. Every error about the input wraps one of these, or
// one of package image's.
var (
	ErrNotELF      = errors.New("not an ELF file")
	ErrTruncated   = errors.New("truncated ELF file")
	ErrMalformed   = errors.New("malformed ELF file")
	ErrDynamic     = errors.New("dynamically linked")
	ErrShared      = errors.New("shared object")
	ErrTextRel     = errors.New("relocations in code")
	ErrRelocatable = errors.New("relocatable object")
	ErrCore        = errors.New("core file")
	ErrArch        = errors.New("another architecture")
	ErrByteOrder   = errors.New("big-endian")
	ErrSystem      = errors.New("another system's program")
	ErrRewritten   = errors.New("already a .bee file")
	ErrSameFile    = errors.New("input and output are the same file")
	ErrNotRegular  = errors.New("not a regular file")
	ErrTooLarge    = errors.New("too large")
	ErrMismatch    = errors.New("patch set differs from a new plan")
	ErrNoRoom      = errors.New("no room for a program header")
	ErrSites       = errors.New("some sites cannot be patched")
)

// Error says in one line which file is refused, why, where and what to do.
type Error struct {
	File string // may be empty
	Off  int64  // in the file, -1 where no one offset is to blame
	Msg  string
	Err  error
}

func (e *Error) Error() string {
	s := e.Err.Error()
	if e.Msg != "" {
		s += ": " + e.Msg
	}
	if e.Off >= 0 {
		s += fmt.Sprintf(" (at offset %#x)", e.Off)
	}
	if e.File != "" {
		s = e.File + ": " + s
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// maxListed bounds the sites that a SitesError's line names.
const maxListed = 3

// SitesError tells in one line which sites stand in the way; List has all.
type SitesError struct{ *plan.SitesError }

func (e *SitesError) Error() string {
	s := fmt.Sprintf("%v: %d of them", ErrSites, len(e.List))
	for i, l := range e.List {
		if i == maxListed {
			s += "; ..."
			break
		}
		s += "; " + l.String()
	}
	return s
}

// Is makes errors.Is(err, ErrSites) hold.
func (e *SitesError) Is(err error) bool { return err == ErrSites }

// Unwrap gives the planner's error.
func (e *SitesError) Unwrap() error { return e.SitesError }

func fail(off int64, err error, format string, args ...any) error {
	return &Error{Off: off, Err: err, Msg: fmt.Sprintf(format, args...)}
}

// named puts the file's name into an error of this package, or in front of
// another.
func named(file string, err error) error {
	if err == nil || file == "" {
		return err
	}
	var e *Error
	if errors.As(err, &e) && e == err {
		if e.File == "" {
			c := *e
			c.File = file
			return &c
		}
		return err
	}
	return fmt.Errorf("%s: %w", file, err)
}
