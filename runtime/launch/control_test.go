package launch

import (
	"testing"
	"unsafe"
)

func TestControl(t *testing.T) {
	view := make([]byte, configStart)
	c := controlOf(view)
	if got := uintptr(unsafe.Pointer(c)) - uintptr(unsafe.Pointer(&view[0])); got != markSize {
		t.Errorf("the control part is at %#x", got)
	}
	if got := unsafe.Offsetof(c.threads); got != controlSize-16*MaxThreads {
		t.Errorf("the threads are at %#x", got)
	}
	want := func(tid uint32, state uint64, ok bool) {
		t.Helper()
		if s, found := c.stateOf(tid); s != state || found != ok {
			t.Errorf("thread %d: %#x, %v; want %#x, %v", tid, s, found, state, ok)
		}
	}
	want(4, 0, false)
	c.publish(0, 4, 0x1000)
	c.publish(MaxThreads-1, 8, 0x2000)
	want(4, 0x1000, true)
	want(8, 0x2000, true)
	want(12, 0, false)
	c.withdraw(0)
	want(4, 0, false)
	// A child that has lost its senses must not take the parent along.
	c.used = ^uint32(0)
	want(8, 0x2000, true)
	for i, b := range view[configSize:] {
		if b != 0 {
			t.Fatalf("byte %d behind the control part is written", i)
		}
	}
}
