//go:build windows

package winhost

import (
	"runtime"
	"sync"
	"unsafe"

	"golang.org/x/sys/windows"

	"bee/runtime/abi"
	"bee/runtime/host"
)

var (
	ws2             = windows.NewLazySystemDLL("ws2_32.dll")
	procBind        = ws2.NewProc("bind")
	procConnect     = ws2.NewProc("connect")
	procAccept      = ws2.NewProc("accept")
	procSelect      = ws2.NewProc("select")
	procIoctl       = ws2.NewProc("ioctlsocket")
	procGetsockname = ws2.NewProc("getsockname")
	procGetpeername = ws2.NewProc("getpeername")
	procListen      = ws2.NewProc("listen")
	procShutdown    = ws2.NewProc("shutdown")
)

// Names of winsock2.h, mswsock.h and mstcpip.h that x/sys lacks.
const (
	wsaOverlapped   = 0x01 // WSA_FLAG_OVERLAPPED
	wsaNoInherit    = 0x80 // WSA_FLAG_NO_HANDLE_INHERIT
	fionbio         = 0x8004667e
	fionread        = 0x4004667f
	sioUDPConnReset = 0x9800000c
	sioUDPNetReset  = 0x9800000f
	sioInitialRTO   = 0x98000011 // SIO_TCP_INITIAL_RTO
	winInet6        = 23         // AF_INET6
	msgPartial      = 0x8000
)

// network is Winsock.
type network struct {
	start sync.Once
	err   error

	mu      sync.Mutex // a leaf
	free    []*watchSlot
	filling *watchGroup
}

var _ host.NetFiles = (*Files)(nil)

// Network implements host.NetFiles.
func (f *Files) Network() host.Net { return &network{} }

// socket is a Winsock socket in non-blocking mode.
type socket struct {
	n        *network
	h        windows.Handle
	family   uint16 // Linux's
	datagram bool

	mu     sync.Mutex
	closed bool
	slot   *watchSlot // nil: not watched
	// events counts what record has taken. noRead and noWrite say that
	// nothing can be read or written, and that an event will tell when that is
	// over.
	events          uint32
	noRead, noWrite bool
	accepts         uint32 // counts FD_ACCEPT
	// acceptTold, readTold: FD_ACCEPT, FD_READ came, and no call since then that
	// is certain to have made Windows tell the next one. closeTold: FD_CLOSE
	// came.
	acceptTold, readTold, closeTold bool

	listening             bool
	connecting, connected bool
	writeShut             bool
	reuse                 bool
	tells                 map[host.SockOption]bool // what Recv is to tell beside the address
	dead                  bool                     // the connection was reset, and somebody was told or will be
	err                   abi.Errno                // that Error will tell

	tell sync.Mutex // held while told runs
	told func()
}

// Socket implements host.Net.
func (n *network) Socket(family, typ, proto int) (host.NetSocket, abi.Errno) {
	n.start.Do(func() {
		var d windows.WSAData
		n.err = windows.WSAStartup(0x202, &d)
	})
	if n.err != nil {
		return nil, SocketErrno(n.err)
	}
	af := int32(family)
	switch family {
	case abi.AF_INET:
	case abi.AF_INET6:
		af = winInet6
	default:
		return nil, abi.EAFNOSUPPORT
	}
	h, err := windows.WSASocket(af, int32(typ), int32(proto), nil, 0, wsaOverlapped|wsaNoInherit)
	if err != nil {
		e := SocketErrno(err)
		if e == abi.EACCES {
			e = abi.EPERM // raw sockets
		}
		return nil, e
	}
	s := &socket{n: n, h: h, family: uint16(family), datagram: typ != abi.SOCK_STREAM}
	if e := s.ioctl(fionbio, 1); e != 0 {
		_ = windows.Closesocket(h)
		return nil, e
	}
	if family == abi.AF_INET6 {
		_ = windows.SetsockoptInt(h, windows.IPPROTO_IPV6, windows.IPV6_V6ONLY, 0)
	}
	if s.datagram {
		// Linux tells "port unreachable" to connected sockets alone.
		s.tellResets(0)
		s.control(sioUDPNetReset, 0)
	}
	return s, 0
}

// tellResets says whether a datagram that nobody takes is an error of the next
// call.
func (s *socket) tellResets(on uint32) { s.control(sioUDPConnReset, on) }

func (s *socket) control(code, v uint32) {
	var n uint32
	_ = windows.WSAIoctl(s.h, code, (*byte)(unsafe.Pointer(&v)), 4, nil, 0, &n, nil, 0)
}

func (s *socket) ioctl(cmd, v uint32) abi.Errno {
	r, _, err := procIoctl.Call(uintptr(s.h), uintptr(cmd), uintptr(unsafe.Pointer(&v)))
	if r != 0 {
		return SocketErrno(err)
	}
	return 0
}

// rawAddr is a sockaddr_in or sockaddr_in6 as Windows has them: as on Linux,
// but for AF_INET6.
type rawAddr [28]byte

func toRaw(a *host.SockAddr) (r rawAddr, n int) {
	r[0], r[2], r[3] = byte(a.Family), byte(a.Port>>8), byte(a.Port)
	if a.Family != abi.AF_INET6 {
		copy(r[4:8], a.Addr[:4])
		return r, 16
	}
	r[0] = winInet6
	putLE32(r[4:], a.Flow)
	copy(r[8:24], a.Addr[:])
	putLE32(r[24:], a.Scope)
	return r, 28
}

func putLE32(b []byte, v uint32) {
	b[0], b[1], b[2], b[3] = byte(v), byte(v>>8), byte(v>>16), byte(v>>24)
}

func fromRaw(r *rawAddr) (a host.SockAddr) {
	a.Port = uint16(r[2])<<8 | uint16(r[3])
	switch r[0] {
	case abi.AF_INET:
		a.Family = abi.AF_INET
		copy(a.Addr[:4], r[4:8])
	case winInet6:
		a.Family = abi.AF_INET6
		a.Flow = word32(r[4:])
		copy(a.Addr[:], r[8:24])
		a.Scope = word32(r[24:])
	default:
		return host.SockAddr{}
	}
	return a
}

// reachable is an address to send to: on Linux "any" is the machine itself,
// which Windows refuses.
func reachable(a host.SockAddr) host.SockAddr {
	if a.Addr != [16]byte{} {
		return a
	}
	if a.Family == abi.AF_INET {
		a.Addr = [16]byte{127, 0, 0, 1}
	} else {
		a.Addr[15] = 1
	}
	return a
}

// loopback tells whether an address is the machine's own.
func loopback(a *host.SockAddr) bool {
	if a.Family == abi.AF_INET {
		return a.Addr[0] == 127
	}
	return a.Addr == [16]byte{15: 1} || [12]byte(a.Addr[:12]) == [12]byte{10: 0xff, 11: 0xff} && a.Addr[12] == 127
}

// Bind implements host.NetSocket.
func (s *socket) Bind(a host.SockAddr) abi.Errno {
	if !s.datagram && !s.reuse {
		// Without SO_REUSEADDR nobody else may have the port, at another
		// address neither, and it stays taken while connections end.
		_ = windows.SetsockoptInt(s.h, windows.SOL_SOCKET, soExclusive, 1)
	}
	r, n := toRaw(&a)
	v, _, err := procBind.Call(uintptr(s.h), uintptr(unsafe.Pointer(&r)), uintptr(n))
	if v == 0 {
		return 0
	}
	e := SocketErrno(err)
	if e == abi.EACCES && a.Port != 0 {
		// Taken exclusively by somebody else (WSAEACCES), which is "in use".
		e = abi.EADDRINUSE
	}
	return e
}

// Connect implements host.NetSocket.
func (s *socket) Connect(a host.SockAddr) abi.Errno {
	if s.datagram {
		if a.Family == abi.AF_UNSPEC {
			// An address of zeroes takes the connection back.
			a = host.SockAddr{Family: s.family}
			s.tellResets(0)
		} else {
			a = reachable(a)
			s.tellResets(1)
		}
	} else {
		if a.Port == 0 {
			return abi.ECONNREFUSED // what Linux hears from the other side
		}
		a = reachable(a)
		if loopback(&a) {
			// Windows asks a port that refuses again, for two seconds.
			v := struct {
				rtt uint16
				max uint8
				_   uint8
			}{rtt: 0xffff, max: 0xfe} // TCP_INITIAL_RTO_UNSPECIFIED_RTT, ..._NO_SYN_RETRANSMISSIONS
			var n uint32
			_ = windows.WSAIoctl(s.h, sioInitialRTO, (*byte)(unsafe.Pointer(&v)), 4, nil, 0, &n, nil, 0)
		}
		s.mu.Lock()
		s.connecting, s.err, s.noRead, s.noWrite = true, 0, false, false
		s.mu.Unlock()
	}
	r, n := toRaw(&a)
	v, _, err := procConnect.Call(uintptr(s.h), uintptr(unsafe.Pointer(&r)), uintptr(n))
	e := abi.Errno(0)
	if v != 0 {
		e = SocketErrno(err)
	}
	if s.datagram {
		return e
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch e {
	case 0:
		s.connecting, s.connected = false, true
	case abi.EAGAIN, abi.EINPROGRESS, abi.EALREADY:
		e = abi.EINPROGRESS
	default:
		s.connecting = false
	}
	return e
}

// Listen implements host.NetSocket.
func (s *socket) Listen(backlog int) abi.Errno {
	r, _, err := procListen.Call(uintptr(s.h), uintptr(backlog))
	if r != 0 {
		return SocketErrno(err)
	}
	s.mu.Lock()
	s.listening = true
	s.mu.Unlock()
	return 0
}

// Accept implements host.NetSocket.
func (s *socket) Accept() (host.NetSocket, host.SockAddr, abi.Errno) {
	s.mu.Lock()
	seen, tells := s.events, s.accepts
	s.mu.Unlock()
	var r rawAddr
	size := int32(len(r))
	h, _, err := procAccept.Call(uintptr(s.h), uintptr(unsafe.Pointer(&r)), uintptr(unsafe.Pointer(&size)))
	e := SocketErrno(err)
	if windows.Handle(h) != windows.InvalidHandle {
		e = 0
	}
	s.accepted(e, tells)
	if e != 0 {
		s.nothing(e, seen, false)
		if e == abi.ECONNRESET {
			e = abi.ECONNABORTED
		}
		return nil, host.SockAddr{}, e
	}
	c := &socket{n: s.n, h: windows.Handle(h), family: s.family, connected: true}
	// It has the listener's event, until told otherwise.
	_, _, _ = procEventSelect.Call(h, 0, 0)
	_ = windows.SetHandleInformation(c.h, windows.HANDLE_FLAG_INHERIT, 0)
	if e := c.ioctl(fionbio, 1); e != 0 {
		_ = windows.Closesocket(c.h)
		return nil, host.SockAddr{}, e
	}
	return c, fromRaw(&r), 0
}

// accepted notes that accept was called. One that succeeds has Windows tell
// the next connection; but an event that was recorded meanwhile may be of the
// one that is taken, told behind the call (Wine's server looks at the socket,
// then serves the call, then records). One that fails does so on Windows
// alone: Wine would never tell another connection.
func (s *socket) accepted(e abi.Errno, tells uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.acceptTold:
	case e == abi.EAGAIN:
		s.again()
	case s.accepts == tells:
		s.acceptTold = false
	}
}

// counted tells how many events there were, and nothing what a call has
// learned that began after that: that nothing can be read, or written.
func (s *socket) counted() uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.events
}

func (s *socket) nothing(e abi.Errno, seen uint32, write bool) {
	if e != abi.EAGAIN && e != abi.ECONNRESET {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case e == abi.ECONNRESET:
		s.dead = true
	case s.slot == nil || s.events != seen:
	case write:
		s.noWrite = true
	default:
		s.noRead = true
	}
}

func wsaBufs(bufs [][]byte, v *[16]windows.WSABuf) []windows.WSABuf {
	list := v[:0]
	for _, b := range bufs {
		if len(b) > 0 {
			list = append(list, windows.WSABuf{Len: uint32(len(b)), Buf: &b[0]})
		}
	}
	if len(list) == 0 {
		list = append(list, windows.WSABuf{}) // an empty datagram
	}
	return list
}

// Send implements host.NetSocket.
func (s *socket) Send(bufs [][]byte, flags int, to, from *host.SockAddr) (int, abi.Errno) {
	seen := s.counted()
	var room [16]windows.WSABuf
	v := wsaBufs(bufs, &room)
	var n uint32
	var err error
	const known = abi.MSG_OOB | abi.MSG_DONTROUTE // with Linux's values
	if from != nil {
		err = s.sendFrom(v, uint32(flags&known), to, from, &n)
	} else if to == nil {
		err = windows.WSASend(s.h, &v[0], uint32(len(v)), &n, uint32(flags&known), nil, nil)
	} else {
		r, size := toRaw(ptr(reachable(*to)))
		err = windows.WSASendTo(s.h, &v[0], uint32(len(v)), &n, uint32(flags&known), (*windows.RawSockaddrAny)(unsafe.Pointer(&r)), int32(size), nil, nil)
	}
	runtime.KeepAlive(bufs)
	e := SocketErrno(err)
	if !s.datagram && e == abi.ECONNRESET && s.closing() {
		return int(n), abi.EPIPE
	}
	if !s.datagram && e == abi.EPIPE {
		return int(n), s.whyBroken()
	}
	s.nothing(e, seen, true)
	if s.datagram && e == abi.ECONNRESET {
		e = abi.ECONNREFUSED
	}
	return int(n), e
}

func ptr[T any](v T) *T { return &v }

// Recv implements host.NetSocket.
func (s *socket) Recv(bufs [][]byte, flags int, p *host.Packet) (int, int, abi.Errno) {
	seen := s.counted()
	var room [16]windows.WSABuf
	v := wsaBufs(bufs, &room)
	var n uint32
	f := uint32(flags & (abi.MSG_PEEK | abi.MSG_OOB)) // with Linux's values
	var err error
	var any windows.RawSockaddrAny
	if p != nil {
		*p = host.Packet{TTL: -1, TOS: -1}
	}
	if s.datagram && p != nil && s.telling() {
		err = s.recvTold(v, &f, &any, p, &n)
	} else if s.datagram {
		size := int32(unsafe.Sizeof(any))
		err = windows.WSARecvFrom(s.h, &v[0], uint32(len(v)), &n, &f, &any, &size, nil, nil)
	} else {
		err = windows.WSARecv(s.h, &v[0], uint32(len(v)), &n, &f, nil, nil)
	}
	runtime.KeepAlive(bufs)
	out := 0
	e := SocketErrno(err)
	if s.datagram {
		if e == abi.EMSGSIZE {
			e, out = 0, abi.MSG_TRUNC
			n = 0
			for i := range v {
				n += v[i].Len
			}
		}
		if e == abi.ECONNRESET {
			e = abi.ECONNREFUSED
		}
		if e == 0 && p != nil {
			p.From = fromRaw((*rawAddr)(unsafe.Pointer(&any)))
		}
	}
	if !s.datagram && e == abi.ECONNRESET && s.closing() {
		return 0, 0, 0
	}
	s.nothing(e, seen, false)
	if s.datagram {
		s.mu.Lock()
		if s.events == seen {
			s.readTold = false
		}
		s.mu.Unlock()
		if e == abi.EAGAIN {
			e = s.pending(e)
		}
	} else if (e == 0 && n == 0 || e == abi.EAGAIN) && f&abi.MSG_PEEK == 0 {
		e = s.pending(e)
	}
	return int(n), out, e
}

// pending is what a call answers that found no data: why a connection has
// ended, if that is known and was not told.
func (s *socket) pending(e abi.Errno) abi.Errno {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e == 0 {
		s.whyEnded()
	}
	if s.err != 0 {
		e, s.err = s.err, 0
	}
	return e
}

// Shutdown implements host.NetSocket.
func (s *socket) Shutdown(how int) abi.Errno {
	r, _, err := procShutdown.Call(uintptr(s.h), uintptr(how))
	if r != 0 {
		return SocketErrno(err)
	}
	if how != abi.SHUT_RD {
		s.mu.Lock()
		s.writeShut = true
		s.mu.Unlock()
	}
	return 0
}

// Name implements host.NetSocket. Before it has one Windows says WSAEINVAL.
func (s *socket) Name() (host.SockAddr, abi.Errno) {
	var r rawAddr
	size := int32(len(r))
	v, _, err := procGetsockname.Call(uintptr(s.h), uintptr(unsafe.Pointer(&r)), uintptr(unsafe.Pointer(&size)))
	if v != 0 {
		if e := SocketErrno(err); e != abi.EINVAL {
			return host.SockAddr{}, e
		}
		return host.SockAddr{Family: s.family}, 0
	}
	return fromRaw(&r), 0
}

// Peer implements host.NetSocket.
func (s *socket) Peer() (host.SockAddr, abi.Errno) {
	var r rawAddr
	size := int32(len(r))
	v, _, err := procGetpeername.Call(uintptr(s.h), uintptr(unsafe.Pointer(&r)), uintptr(unsafe.Pointer(&size)))
	if v != 0 {
		return host.SockAddr{}, SocketErrno(err)
	}
	return fromRaw(&r), 0
}

// fdSet is an fd_set with one socket.
type fdSet struct {
	count uint32
	_     [unsafe.Sizeof(uintptr(0)) - 4]byte
	s     uintptr
	_     [63]uintptr
}

// selected asks select(), which unlike WSAPoll tells connections that failed
// on every Windows. s.mu is held or nobody else has s.
func (s *socket) selected(read, write bool) (in, out, failed bool) {
	sets := [3]fdSet{}
	var p [3]unsafe.Pointer
	for i, want := range [3]bool{read, write, true} {
		if want {
			sets[i].count, sets[i].s = 1, uintptr(s.h)
			p[i] = unsafe.Pointer(&sets[i])
		}
	}
	var zero [2]int32 // struct timeval
	r, _, _ := procSelect.Call(0, uintptr(p[0]), uintptr(p[1]), uintptr(p[2]), uintptr(unsafe.Pointer(&zero)))
	if int32(r) <= 0 {
		return false, false, false
	}
	return read && sets[0].count > 0, write && sets[1].count > 0, sets[2].count > 0
}

// Poll implements host.NetSocket.
func (s *socket) Poll() (r host.Ready) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return host.Ready{Hup: true}
	}
	if !s.datagram && !s.listening && !s.connecting && !s.connected {
		failed := s.err != 0
		return host.Ready{In: failed, Out: true, Hup: true, Err: failed, RdHup: failed}
	}
	if s.noRead && s.noWrite {
		return r
	}
	in, out, failed := s.selected(!s.noRead, !s.noWrite)
	switch {
	case s.connecting:
		if failed {
			s.connecting = false
			if s.err = s.soError(); s.err == 0 {
				s.err = abi.ECONNREFUSED
			}
			return host.Ready{In: true, Out: true, Hup: true, Err: true, RdHup: true}
		}
		if !out {
			return r
		}
		s.connecting, s.connected = false, true
	case failed && s.connected:
		r.Pri = true
	case (in || failed) && s.datagram:
		in = s.datagramThere()
		r.Err = s.err != 0
	}
	if s.slot != nil {
		if !in && !s.noRead {
			s.noRead = true
			switch {
			case s.listening && s.acceptTold:
				// A connection is gone that nobody has accepted: without an
				// accept there would be no further event.
				s.again()
			case s.datagram && s.readTold:
				s.readTold = false
				in = s.datagramThere() // to read has the next one told
				s.noRead = !in
			}
		}
		if !out && !s.noWrite && !s.listening {
			s.noWrite = true
			s.n.lookFor(s.slot)
		}
	}
	r.In, r.Out = in, out && !s.listening
	if in && s.connected && !s.datagram {
		s.ended(&r)
	}
	return r
}

// whyEnded looks whether what reads like an orderly end is a reset that was
// noticed before: FD_CLOSE tells, or SO_ERROR. s.mu is held.
func (s *socket) whyEnded() {
	if s.dead {
		return
	}
	if s.slot != nil {
		s.take(s.slot)
	}
	if s.dead {
		return
	}
	if e := s.soError(); e != 0 {
		s.dead, s.err = true, e
	} else if e := s.lostReset(); e != 0 {
		s.dead, s.err = true, e
	}
}

// lostReset looks whether a connection that has ended was reset. Wine 8's
// server looks at the connections that are watched, and so takes the error
// away. What is sent without a byte goes nowhere, and is an error all the same
// where a reset was. s.mu is held.
func (s *socket) lostReset() abi.Errno {
	if !s.connected || s.writeShut {
		return 0
	}
	switch s.sendsNothing() {
	case abi.ECONNRESET, abi.EPIPE:
		return abi.ECONNRESET
	}
	return 0 // EAGAIN: its buffer is full
}

// whyBroken tells what a send is answered that the host calls EPIPE: a reset
// that the program does not know of yet comes first.
func (s *socket) whyBroken() abi.Errno {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writeShut || !s.connected {
		return abi.EPIPE
	}
	if s.slot != nil && !s.closeTold && !s.dead {
		s.take(s.slot)
	}
	if e := s.err; e != 0 {
		s.err = 0
		return e
	}
	if s.dead || s.closeTold {
		return abi.EPIPE
	}
	s.dead = true // Wine's server has taken the error, and tells later
	return abi.ECONNRESET
}

// closing tells whether the other side had ended its part in good order before
// something failed: Linux calls a reset after that EPIPE, and its reading side
// is at its end.
func (s *socket) closing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.slot != nil && !s.closeTold {
		s.take(s.slot)
	}
	return s.closeTold && !s.dead
}

// sendsNothing sends no bytes.
func (s *socket) sendsNothing() abi.Errno {
	var b windows.WSABuf
	var n uint32
	return SocketErrno(windows.WSASend(s.h, &b, 1, &n, 0, nil, nil))
}

// datagramThere looks whether there is a datagram to be read, or only the
// answer that nobody took the last one, which is kept. s.mu is held.
func (s *socket) datagramThere() bool {
	if n, e := s.available(); e != 0 || n > 0 {
		return true
	}
	var one [1]byte
	b := windows.WSABuf{Len: 1, Buf: &one[0]}
	var n, f uint32 = 0, abi.MSG_PEEK
	switch e := SocketErrno(windows.WSARecv(s.h, &b, 1, &n, &f, nil, nil)); e {
	case abi.EAGAIN:
		return false
	case abi.ECONNRESET, abi.ECONNREFUSED:
		s.err = abi.ECONNREFUSED
		return false
	}
	return true
}

// ended looks whether the other side has: there is something to read, and it
// is the end or an error.
func (s *socket) ended(r *host.Ready) {
	if n, e := s.available(); e != 0 || n > 0 {
		r.Bytes = n
		r.RdHup = s.closeTold
		return
	}
	var one [1]byte
	b := windows.WSABuf{Len: 1, Buf: &one[0]}
	var n, f uint32 = 0, abi.MSG_PEEK
	err := windows.WSARecv(s.h, &b, 1, &n, &f, nil, nil)
	switch e := SocketErrno(err); {
	case e == 0 && n == 0:
		s.whyEnded()
		r.RdHup = true
		if s.dead {
			*r = host.Ready{In: true, Out: true, Hup: true, Err: s.err != 0, RdHup: true}
		}
	case e == abi.EAGAIN:
		r.In = false
	case e != 0:
		if !s.dead {
			s.dead, s.err = true, e
		}
		*r = host.Ready{In: true, Out: true, Hup: true, Err: s.err != 0, RdHup: true}
	}
}

func (s *socket) soError() abi.Errno {
	var v, size int32 = 0, 4
	if err := windows.Getsockopt(s.h, windows.SOL_SOCKET, soError, (*byte)(unsafe.Pointer(&v)), &size); err != nil {
		return SocketErrno(err)
	}
	if v == 0 {
		return 0
	}
	return SocketErrno(windows.Errno(v))
}

// Error implements host.NetSocket.
func (s *socket) Error() abi.Errno {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.slot != nil && s.connected && s.err == 0 {
		s.take(s.slot)
	}
	if e := s.err; e != 0 {
		s.err = 0
		return e
	}
	e := s.soError()
	if s.datagram && e == abi.ECONNRESET {
		e = abi.ECONNREFUSED
	}
	return e
}

func (s *socket) available() (int, abi.Errno) {
	var v uint32
	r, _, err := procIoctl.Call(uintptr(s.h), fionread, uintptr(unsafe.Pointer(&v)))
	if r != 0 {
		return 0, SocketErrno(err)
	}
	return int(v), 0
}

// Available implements host.NetSocket.
func (s *socket) Available() (int, abi.Errno) { return s.available() }

// Close implements host.NetSocket.
func (s *socket) Close() {
	s.tell.Lock()
	s.told = nil
	s.tell.Unlock()
	s.mu.Lock()
	s.closed = true
	slot := s.slot
	s.mu.Unlock()
	if windows.Closesocket(s.h) == windows.WSAEWOULDBLOCK {
		// It should linger: let it do so behind our back.
		_ = windows.SetsockoptLinger(s.h, windows.SOL_SOCKET, windows.SO_LINGER, &windows.Linger{})
		_ = windows.Closesocket(s.h)
	}
	if slot != nil {
		s.n.unwatch(slot)
	}
}
