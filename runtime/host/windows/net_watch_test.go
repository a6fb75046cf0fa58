//go:build windows

package winhost

import (
	"testing"
	"time"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// listener is a socket that listens on the loopback device, and its address.
func listener(t *testing.T, n host.Net) (*socket, host.SockAddr) {
	t.Helper()
	ln, e := n.Socket(abi.AF_INET, abi.SOCK_STREAM, 0)
	if e != 0 {
		t.Fatal(e)
	}
	t.Cleanup(ln.Close)
	if e := ln.Bind(host.SockAddr{Family: abi.AF_INET, Addr: [16]byte{127, 0, 0, 1}}); e != 0 {
		t.Fatal(e)
	}
	if e := ln.Listen(10); e != 0 {
		t.Fatal(e)
	}
	a, e := ln.Name()
	if e != 0 {
		t.Fatal(e)
	}
	return ln.(*socket), a
}

func connect(t *testing.T, n host.Net, a host.SockAddr) {
	t.Helper()
	c, e := n.Socket(abi.AF_INET, abi.SOCK_STREAM, 0)
	if e != 0 {
		t.Fatal(e)
	}
	t.Cleanup(c.Close)
	if e := c.Connect(a); e != 0 && e != abi.EINPROGRESS {
		t.Fatal(e)
	}
}

// TestToldAgain: an event that told of a connection that was taken before must
// not keep the next one from being told. That order is the host's to make, so
// the test has a connection told and nobody take it.
func TestToldAgain(t *testing.T) {
	n := (&Files{}).Network()
	ln, a := listener(t, n)
	told := make(chan struct{}, 100)
	if e := ln.Watch(func() { told <- struct{}{} }); e != 0 {
		t.Fatal(e)
	}
	connect(t, n, a)
	wait := func(what string) {
		t.Helper()
		for deadline := time.After(5 * time.Second); ; {
			select {
			case <-told:
			case <-deadline:
				t.Fatalf("%s: not told", what)
			}
			ln.mu.Lock()
			accept := ln.acceptTold
			ln.mu.Unlock()
			if accept {
				return
			}
		}
	}
	wait("the first time")
	for range 3 {
		ln.mu.Lock()
		ln.again()
		ln.mu.Unlock()
		wait("once more")
	}
	c, _, e := ln.Accept()
	if e != 0 {
		t.Fatal(e)
	}
	c.Close()
	if _, _, e := ln.Accept(); e != abi.EAGAIN {
		t.Error(e)
	}
	connect(t, n, a)
	wait("the second connection")

	// The second is taken; an event about it comes late.
	if c, _, e = ln.Accept(); e != 0 {
		t.Fatal(e)
	}
	c.Close()
	ln.mu.Lock()
	ln.acceptTold = true
	ln.mu.Unlock()
	if ln.Poll().In || ln.acceptTold {
		t.Error("nothing is there, and the next connection might not be told")
	}
	connect(t, n, a)
	wait("the third connection")
}

// TestEveryConnectionTold: a server that accepts until nothing is left and then
// waits hears of every connection, at whatever moment it comes.
func TestEveryConnectionTold(t *testing.T) {
	n := (&Files{}).Network()
	ln, a := listener(t, n)
	told := make(chan struct{}, 1)
	if e := ln.Watch(func() {
		select {
		case told <- struct{}{}:
		default:
		}
	}); e != 0 {
		t.Fatal(e)
	}
	got := make(chan struct{})
	go func() {
		for range told {
			if !ln.Poll().In {
				continue
			}
			for {
				c, _, e := ln.Accept()
				if e != 0 {
					break
				}
				c.Close()
				got <- struct{}{}
			}
		}
	}()
	for i := range 500 {
		c, e := n.Socket(abi.AF_INET, abi.SOCK_STREAM, 0)
		if e != 0 {
			t.Fatal(e)
		}
		if e := c.Connect(a); e != 0 && e != abi.EINPROGRESS {
			t.Fatal(e)
		}
		select {
		case <-got:
		case <-time.After(10 * time.Second):
			t.Fatalf("connection %d: not told", i)
		}
		c.Close()
	}
}
