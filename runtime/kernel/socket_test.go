package kernel

import (
	"encoding/binary"
	"testing"
	"time"

	"bee/image"
	"bee/runtime/abi"
)

// ip4 is a sockaddr_in.
func ip4(port int, a ...byte) []byte {
	b := make([]byte, 16)
	b[0] = abi.AF_INET
	binary.BigEndian.PutUint16(b[2:], uint16(port))
	copy(b[4:], a)
	return b
}

// call is must for results that are small.
func (b *box) call(name string, args ...any) int {
	b.Helper()
	return int(b.must(name, args...))
}

// data reads guest memory.
func (b *box) data(at uint64, n int) []byte {
	b.Helper()
	v := make([]byte, n)
	if e := b.task.CopyIn(at, v); e != 0 {
		b.Fatal("copy", e)
	}
	return v
}

// port tells a socket's own.
func (b *box) port(fd int) int {
	b.Helper()
	at, size := b.put(make([]byte, 28)), b.put(int32Bytes(28))
	b.call("getsockname", fd, at, size)
	return int(binary.BigEndian.Uint16(b.data(at+2, 2)))
}

// listener makes a listening socket on the loopback.
func (b *box) listener() (fd, port int) {
	b.Helper()
	fd = b.call("socket", abi.AF_INET, abi.SOCK_STREAM, 0)
	b.call("bind", fd, ip4(0, 127, 0, 0, 1), 16)
	b.call("listen", fd, 8)
	return fd, b.port(fd)
}

// polled tells what poll answers at once, or after a while if nothing is
// there.
func (b *box) polled(fd, events, timeout int) int {
	b.Helper()
	p := make([]byte, 8)
	put32(p, uint32(fd))
	binary.LittleEndian.PutUint16(p[4:], uint16(events))
	at := b.put(p)
	b.call("poll", at, 1, timeout)
	return int(binary.LittleEndian.Uint16(b.data(at+6, 2)))
}

func TestTCP(t *testing.T) {
	b := newBox(t, image.AMD64)
	l, port := b.listener()
	if got := b.polled(l, abi.POLLIN, 0); got != 0 {
		t.Errorf("listener without anybody: %#x", got)
	}
	c := b.call("socket", abi.AF_INET, abi.SOCK_STREAM, 0)
	if got := b.polled(c, abi.POLLIN|abi.POLLOUT, 0); got != abi.POLLOUT|abi.POLLHUP {
		t.Errorf("new socket: %#x", got)
	}
	b.call("connect", c, ip4(port, 127, 0, 0, 1), 16)
	if got := b.polled(l, abi.POLLIN, 5000); got != abi.POLLIN {
		t.Errorf("listener with a connection: %#x", got)
	}
	s := b.call("accept4", l, 0, 0, 0)
	text := b.put([]byte("hello, world"))
	if n := b.call("sendto", c, text, 12, 0, 0, 0); n != 12 {
		t.Fatal("sent", n)
	}
	buf := b.put(make([]byte, 64))
	if n := b.call("recvfrom", s, buf, 5, abi.MSG_PEEK, 0, 0); n != 5 {
		t.Errorf("peeked %d", n)
	}
	if n := b.call("recvfrom", s, buf, 12, abi.MSG_WAITALL, 0, 0); n != 12 || string(b.data(buf, 12)) != "hello, world" {
		t.Errorf("received %d, %q", n, b.data(buf, 12))
	}
	b.want(abi.EAGAIN, "recvfrom", s, buf, 12, abi.MSG_DONTWAIT, 0, 0)
	if got := b.polled(s, abi.POLLIN|abi.POLLOUT|abi.POLLRDHUP, 0); got != abi.POLLOUT {
		t.Errorf("idle connection: %#x", got)
	}
	b.call("shutdown", c, abi.SHUT_WR)
	if got := b.polled(s, abi.POLLIN|abi.POLLRDHUP, 5000); got != abi.POLLIN|abi.POLLRDHUP {
		t.Errorf("half closed: %#x", got)
	}
	if n := b.call("read", s, buf, 10); n != 0 {
		t.Errorf("read %d at the end", n)
	}
	if n := b.call("write", s, text, 5); n != 5 {
		t.Errorf("wrote %d", n)
	}
	if n := b.call("read", c, buf, 10); n != 5 {
		t.Errorf("read %d", n)
	}
	b.call("close", c)
	b.call("close", s)
}

func TestTCPRefused(t *testing.T) {
	b := newBox(t, image.AMD64)
	l, port := b.listener()
	b.call("close", l)
	c := b.call("socket", abi.AF_INET, abi.SOCK_STREAM, 0)
	b.want(abi.ECONNREFUSED, "connect", c, ip4(port, 127, 0, 0, 1), 16)
	n := b.call("socket", abi.AF_INET, abi.SOCK_STREAM|abi.SOCK_NONBLOCK, 0)
	_, e := b.sys("connect", n, ip4(port, 127, 0, 0, 1), 16)
	switch e {
	case abi.ECONNREFUSED:
		return
	case abi.EINPROGRESS:
	default:
		t.Fatalf("connect: %v", e)
	}
	if got := b.polled(n, abi.POLLOUT|abi.POLLIN, 10000); got != abi.POLLOUT|abi.POLLIN|abi.POLLERR|abi.POLLHUP {
		t.Errorf("refused: %#x", got)
	}
	at, size := b.put(int32Bytes(-1)), b.put(int32Bytes(4))
	for _, want := range []abi.Errno{abi.ECONNREFUSED, 0} {
		b.call("getsockopt", n, abi.SOL_SOCKET, abi.SO_ERROR, at, size)
		if got := abi.Errno(le32(b.data(at, 4))); got != want {
			t.Errorf("SO_ERROR %v, want %v", got, want)
		}
	}
}

func TestSocketTimeout(t *testing.T) {
	b := newBox(t, image.AMD64)
	l, port := b.listener()
	c := b.call("socket", abi.AF_INET, abi.SOCK_STREAM, 0)
	b.call("connect", c, ip4(port, 127, 0, 0, 1), 16)
	s := b.call("accept4", l, 0, 0, 0)
	tv := make([]byte, 16)
	put64(tv[8:], 30000)
	b.call("setsockopt", s, abi.SOL_SOCKET, abi.SO_RCVTIMEO, tv, 16)
	start := time.Now()
	b.want(abi.EAGAIN, "read", s, b.put(make([]byte, 8)), 8)
	if d := time.Since(start); d < 25*time.Millisecond {
		t.Errorf("the wait took %v", d)
	}
}
