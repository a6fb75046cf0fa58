package kernel

import (
	"testing"

	"bee/image"
	"bee/runtime/abi"
)

// Two listeners share a port if both say so, and what one leaves the other
// still has.
func TestSharedPort(t *testing.T) {
	b := newBox(t, image.AMD64)
	one := b.put(int32Bytes(1))
	bound := func(port int, share bool) (fd int, e abi.Errno) {
		fd = b.call("socket", abi.AF_INET, abi.SOCK_STREAM, 0)
		if share {
			b.call("setsockopt", fd, abi.SOL_SOCKET, abi.SO_REUSEPORT, one, 4)
		}
		_, e = b.sys("bind", fd, ip4(port, 127, 0, 0, 1), 16)
		return fd, e
	}
	first, _ := bound(0, true)
	b.call("listen", first, 8)
	port := b.port(first)
	if _, e := bound(port, false); e != abi.EADDRINUSE {
		t.Errorf("without the option: %v", e)
	}
	second, e := bound(port, true)
	if e != 0 {
		t.Fatal(e)
	}
	b.call("listen", second, 8)
	c := b.call("socket", abi.AF_INET, abi.SOCK_STREAM, 0)
	b.call("connect", c, ip4(port, 127, 0, 0, 1), 16)
	b.polled(first, abi.POLLIN, 1000)
	if got := b.polled(first, abi.POLLIN, 0) | b.polled(second, abi.POLLIN, 0); got != abi.POLLIN {
		t.Errorf("with a connection: %#x", got)
	}
	b.call("close", first)
	c = b.call("socket", abi.AF_INET, abi.SOCK_STREAM, 0)
	b.call("connect", c, ip4(port, 127, 0, 0, 1), 16)
	if got := b.polled(second, abi.POLLIN, 5000); got != abi.POLLIN {
		t.Errorf("the second alone: %#x", got)
	}
	b.call("close", second)
	c = b.call("socket", abi.AF_INET, abi.SOCK_STREAM, 0)
	b.want(abi.ECONNREFUSED, "connect", c, ip4(port, 127, 0, 0, 1), 16)
}
