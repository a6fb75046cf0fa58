package kernel

import (
	"strings"
	"testing"

	"bee/image"
	"bee/runtime/abi"
)

// unixAddr is a sockaddr_un with a path.
func unixAddr(path string) []byte { return append([]byte{abi.AF_UNIX, 0}, path+"\x00"...) }

// A path that another runner has bound: refused, and the user is told why,
// once.
func TestUnixElsewhere(t *testing.T) {
	server := newBox(t, image.AMD64)
	client := newBoxIn(t, image.AMD64, server.root)
	addr := unixAddr("/sock")
	l := server.call("socket", abi.AF_UNIX, abi.SOCK_STREAM, 0)
	server.call("bind", l, addr, len(addr))
	server.call("listen", l, 1)
	c := client.call("socket", abi.AF_UNIX, abi.SOCK_STREAM, 0)
	client.want(abi.ECONNREFUSED, "connect", c, addr, len(addr))
	client.want(abi.ECONNREFUSED, "connect", c, addr, len(addr))
	if got := client.log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "/sock is a socket of another program") {
		t.Errorf("told %q", got)
	}
	server.call("close", l)
	other := newBoxIn(t, image.AMD64, server.root)
	c = other.call("socket", abi.AF_UNIX, abi.SOCK_STREAM, 0)
	other.want(abi.ECONNREFUSED, "connect", c, addr, len(addr))
	if got := other.log.String(); got != "" {
		t.Errorf("nobody has it any more, and told %q", got)
	}
}

// sendRights sends descriptors.
func (b *box) sendRights(fd int, fds ...int32) {
	b.Helper()
	control := make([]byte, 16)
	put64(control, uint64(16+4*len(fds)))
	put32(control[8:], abi.SOL_SOCKET)
	put32(control[12:], abi.SCM_RIGHTS)
	control = append(control, int32Bytes(fds...)...)
	for len(control)%8 != 0 {
		control = append(control, 0)
	}
	iov := make([]byte, 16)
	put64(iov, b.put([]byte("x")))
	put64(iov[8:], 1)
	m := make([]byte, abi.SizeofAMD64Msghdr)
	put64(m[abi.AMD64MsghdrIov:], b.put(iov))
	put64(m[abi.AMD64MsghdrIovlen:], 1)
	put64(m[abi.AMD64MsghdrControl:], b.put(control))
	put64(m[abi.AMD64MsghdrControllen:], uint64(len(control)))
	b.call("sendmsg", fd, m, 0)
}

// pairOf makes a pair of sockets.
func (b *box) pairOf() (x, y int) {
	b.Helper()
	at := b.put(make([]byte, 8))
	b.call("socketpair", abi.AF_UNIX, abi.SOCK_STREAM, 0, at)
	v := b.data(at, 8)
	return int(le32(v)), int(le32(v[4:]))
}

// Descriptors that nobody can receive any more are closed: the pipe tells.
func TestUnixInflight(t *testing.T) {
	for _, c := range []struct {
		what string
		send func(b *box, w int32) (last []int)
		gone bool
	}{
		{"never received", func(b *box, w int32) []int {
			x, y := b.pairOf()
			b.sendRights(x, w)
			return []int{x, y}
		}, true},
		{"on itself", func(b *box, w int32) []int {
			x, y := b.pairOf()
			b.sendRights(x, int32(x), int32(y), w)
			return []int{x, y}
		}, true},
		{"on each other", func(b *box, w int32) []int {
			x, y := b.pairOf()
			v, z := b.pairOf()
			b.sendRights(x, int32(z), w)
			b.sendRights(v, int32(y))
			return []int{x, y, v, z}
		}, true},
		{"on one that is there", func(b *box, w int32) []int {
			x, y := b.pairOf()
			v, z := b.pairOf()
			b.sendRights(x, int32(z), w)
			b.sendRights(v, int32(z))
			return []int{x, v, z, -y}
		}, false},
	} {
		t.Run(c.what, func(t *testing.T) {
			b := newBox(t, image.AMD64)
			at := b.put(make([]byte, 8))
			b.call("pipe2", at, 0)
			r, w := int(le32(b.data(at, 4))), int32(le32(b.data(at+4, 4)))
			list := c.send(b, w)
			b.call("close", int(w))
			for _, fd := range list {
				if fd >= 0 {
					b.call("close", fd)
				}
			}
			if got := b.polled(r, abi.POLLIN, 0)&abi.POLLHUP != 0; got != c.gone {
				t.Errorf("the pipe's writing end is gone: %v", got)
			}
		})
	}
}
