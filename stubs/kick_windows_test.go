//go:build windows && (386 || amd64)

package stubs

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/windows"

	"bee/internal/address"
)

// The parts of CONTEXT that the tests use (winnt.h).
type contextPlaces struct{ pc, sp, ax, flags uintptr }

// kickTest lies where no stack that grows moves it.
var kickTest kickState

// TestKick lets functions of the test take kernel32's place: no thread is
// suspended, and what a context tells is chosen.
func TestKick(t *testing.T) {
	const (
		thunks            = 0x401000
		lo, hi            = 0x400000, 0x500000
		reporting         = 0x80000000
		exceptionActive   = 0x08000000
		serviceActive     = 0x10000000
		suspend, get, set = 1, 2, 4
		resume            = 8
	)
	at := contextPlace
	var called int
	var pc, asked, setFlags, setPC, setAX uintptr
	var reported uint32
	word := func(c, off uintptr) *uintptr {
		return (*uintptr)(address.Pointer(c + off))
	}
	flags := func(c uintptr) *uint32 { return (*uint32)(unsafe.Pointer(word(c, at.flags))) }
	callback := func(which int, f func(c uintptr)) uintptr {
		if f == nil {
			return windows.NewCallback(func(uintptr) uintptr { called |= which; return 0 })
		}
		return windows.NewCallback(func(_, c uintptr) uintptr { called |= which; f(c); return 1 })
	}
	k, err := NewKicker(windows.CurrentThread(), nil, lo, hi, thunks)
	if err != nil {
		t.Fatal(err)
	}
	k.suspend, k.resume = callback(suspend, nil), callback(resume, nil)
	k.get = callback(get, func(c uintptr) {
		asked = uintptr(*flags(c))
		*flags(c) |= reported
		*word(c, at.pc), *word(c, at.sp), *word(c, at.ax) = pc, 0x1000, 0x77
	})
	k.set = callback(set, func(c uintptr) {
		setFlags, setPC, setAX = uintptr(*flags(c)), *word(c, at.pc), *word(c, at.ax)
	})
	for _, c := range []struct {
		name     string
		inGuest  uint32
		pc       uintptr
		reported uint32
		want     KickResult
		called   int
	}{
		{"not in the guest", 0, 0x450000, 0, KickNotInGuest, 0},
		{"the guest's code", 1, 0x450000, 0, KickDone, suspend | get | set | resume},
		{"its first byte", 1, lo, 0, KickDone, suspend | get | set | resume},
		{"behind it", 1, hi, 0, KickAgain, suspend | get | resume},
		{"before it", 1, lo - 1, 0, KickAgain, suspend | get | resume},
		{"a thunk", 1, thunks + 8, 0, KickAgain, suspend | get | resume},
		{"behind the thunks", 1, thunks + ThunkPageSize, 0, KickDone, suspend | get | set | resume},
		{"no exception, as the system says", 1, 0x450000, reporting, KickDone, suspend | get | set | resume},
		{"in an exception", 1, 0x450000, reporting | exceptionActive, KickAgain, suspend | get | resume},
		{"in a service", 1, 0x450000, reporting | serviceActive, KickAgain, suspend | get | resume},
		{"a system that does not tell", 1, 0x450000, exceptionActive, KickDone, suspend | get | set | resume},
	} {
		s := &kickTest
		*s = kickState{}
		s.InGuest = c.inGuest
		k.state = uintptr(unsafe.Pointer(s))
		called, pc, reported, setPC = 0, c.pc, c.reported, 0
		got := k.Kick()
		if got != c.want || called != c.called {
			t.Errorf("%s: result %d, called %#b; want %d, %#b", c.name, got, called, c.want, c.called)
		}
		if called&get != 0 && asked != contextFlags {
			t.Errorf("%s: %#x is asked for", c.name, asked)
		}
		if got != KickDone {
			continue
		}
		if savedPC, savedAX := s.saved(); savedPC != c.pc || savedAX != 0x77 {
			t.Errorf("%s: saved %#x, %#x", c.name, savedPC, savedAX)
		}
		if setFlags != contextFlags&^contextRequest || setAX != k.state || setPC == c.pc {
			t.Errorf("%s: set %#x, %#x, %#x", c.name, setFlags, setAX, setPC)
		}
	}
}
