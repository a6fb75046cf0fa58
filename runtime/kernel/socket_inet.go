package kernel

import (
	"sync"
	"sync/atomic"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// inetState is how far a stream has come.
type inetState uint8

const (
	inetNew inetState = iota
	inetConnecting
	inetConnected
	inetListening
	inetFailed // connect has failed; another one may be tried
)

// inet is a socket of TCP, UDP or ICMP on the host.
type inet struct {
	h host.NetSocket
	// share is in h's place once a port is shared, or may be.
	share atomic.Pointer[portUser]

	watching sync.Once
	watched  atomic.Bool

	// mu guards the rest. The host is asked while it is held, which does not
	// wait.
	mu    sync.Mutex
	state inetState
	// told: connect has said that it is connected.
	told           bool
	rdShut, wrShut bool
	// eof: the other side has sent its last byte and it was read. reset: the
	// connection broke and the program knows.
	eof, reset bool
	// refused: a connect that did not wait has failed, and since then reading
	// is at its end. Another connect forgets that.
	refused bool
	bound   bool
	// joined: share is another one's, and h was never bound.
	joined bool
	err    abi.Errno // for SO_ERROR, when the host does not keep it
}

// newInet makes a socket of AF_INET or AF_INET6.
func (t *Task) newInet(domain, typ, proto int) (*socket, abi.Errno) {
	n := t.proc.network()
	switch typ {
	case abi.SOCK_STREAM:
		if proto != 0 && proto != abi.IPPROTO_TCP {
			return nil, abi.EPROTONOSUPPORT
		}
		proto = abi.IPPROTO_TCP
	case abi.SOCK_DGRAM:
		switch {
		case proto == 0:
			proto = abi.IPPROTO_UDP
		case proto == abi.IPPROTO_ICMP && domain == abi.AF_INET, proto == abi.IPPROTO_ICMPV6 && domain == abi.AF_INET6:
			return nil, abi.EACCES // as net.ipv4.ping_group_range does by default
		case proto != abi.IPPROTO_UDP:
			return nil, abi.EPROTONOSUPPORT
		}
	case abi.SOCK_RAW:
		if proto == 0 {
			return nil, abi.EPROTONOSUPPORT
		}
		return nil, abi.EPERM
	default:
		return nil, abi.ESOCKTNOSUPPORT
	}
	if n.host == nil {
		return nil, abi.EAFNOSUPPORT
	}
	h, e := n.host.Socket(domain, typ, proto)
	if e != 0 {
		return nil, e
	}
	return t.proc.newSocket(domain, typ, proto, &inet{h: h}), 0
}

// sock is the host's socket.
func (i *inet) sock() host.NetSocket {
	if u := i.share.Load(); u != nil {
		return u
	}
	return i.h
}

func (i *inet) watch(s *socket) {
	i.watching.Do(func() {
		i.watched.Store(true)
		_ = i.sock().Watch(s.q.wake)
	})
}

func (i *inet) bind(_ *Task, s *socket, addr []byte) abi.Errno {
	if s.domain == abi.AF_INET && len(addr) >= abi.SizeofI386SockaddrIn && addrFamily(addr) == abi.AF_UNSPEC && [4]byte(addr[4:8]) == [4]byte{} {
		addr[0] = abi.AF_INET // Linux takes that for compatibility
	}
	a, e := parseInet(addr, s.domain)
	if e != 0 {
		return e
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.bound || i.state != inetNew && i.state != inetFailed {
		return abi.EINVAL
	}
	shares := s.stream() && s.flag(abi.SOL_SOCKET, abi.SO_REUSEPORT) && !i.watched.Load()
	if shares && a.Port != 0 {
		if u := s.net.ports.join(a); u != nil {
			i.share.Store(u)
			i.bound, i.joined = true, true
			return 0
		}
	}
	if e = i.h.Bind(a); e != 0 {
		return e
	}
	if i.bound = true; shares {
		i.share.Store(s.net.ports.offer(i.h))
	}
	return 0
}

// settle looks whether a connect has come to an end. i.mu is held.
func (i *inet) settle() {
	if i.state != inetConnecting {
		return
	}
	r := i.sock().Poll()
	switch {
	case r.Err || r.Hup:
		i.state, i.refused = inetFailed, true
		i.err = i.sock().Error()
	case r.Out:
		i.state = inetConnected
	}
}

func (i *inet) connect(_ *Task, s *socket, addr []byte, nonblock bool) abi.Errno {
	family := addrFamily(addr)
	if family < 0 {
		return abi.EINVAL
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if family == abi.AF_UNSPEC {
		if s.stream() {
			return abi.EOPNOTSUPP // Windows cannot take a stream's connection back
		}
		i.state = inetNew
		return i.sock().Connect(host.SockAddr{})
	}
	if !s.stream() {
		a, e := parseInet(addr, s.domain)
		if e != 0 {
			return e
		}
		if e = i.sock().Connect(a); e == 0 {
			i.state, i.bound = inetConnected, true
		}
		return e
	}
	i.settle()
	switch i.state {
	case inetListening:
		return abi.EISCONN
	case inetConnecting:
		if nonblock {
			return abi.EALREADY
		}
		return abi.EAGAIN
	case inetConnected:
		if !i.told {
			i.told = true
			return 0
		}
		return abi.EISCONN
	case inetFailed:
		if e := i.err; e != 0 {
			i.err, i.state, i.refused = 0, inetNew, false
			return e
		}
	}
	a, e := parseInet(addr, s.domain)
	if e != 0 {
		return e
	}
	if u := i.share.Load(); u != nil && !u.alone() {
		return abi.EADDRNOTAVAIL // the port is a listener's, and Windows has it once
	}
	switch e := i.sock().Connect(a); e {
	case 0:
		i.state, i.bound, i.told = inetConnected, true, true
		return 0
	case abi.EINPROGRESS:
		i.state, i.bound, i.told = inetConnecting, true, false
		if nonblock {
			return abi.EINPROGRESS
		}
		return abi.EAGAIN
	default:
		return e
	}
}

func (i *inet) listen(_ *Task, s *socket, backlog int) abi.Errno {
	if !s.stream() {
		return abi.EOPNOTSUPP
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	switch i.state {
	case inetConnected, inetConnecting:
		return abi.EINVAL
	}
	if !i.bound { // Linux chooses a port; Windows says WSAEINVAL
		if e := i.sock().Bind(host.SockAddr{Family: uint16(s.domain)}); e != 0 {
			return e
		}
		i.bound = true
	}
	e := i.sock().Listen(backlog)
	if e == 0 {
		i.state = inetListening
	}
	return e
}

func (i *inet) accept(t *Task, s *socket) (*socket, abi.Errno) {
	if !s.stream() {
		return nil, abi.EOPNOTSUPP
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.state != inetListening {
		return nil, abi.EINVAL
	}
	h, _, e := i.sock().Accept()
	if e != 0 {
		return nil, e
	}
	c := t.proc.newSocket(s.domain, s.typ, s.proto, &inet{h: h, state: inetConnected, told: true, bound: true})
	s.inherit(c)
	return c, 0
}

func (i *inet) shutdown(_ *Task, s *socket, how int) abi.Errno {
	defer s.q.wake() // after the lock is gone: who is woken may ask at once
	i.mu.Lock()
	defer i.mu.Unlock()
	i.settle()
	if i.state == inetListening {
		// It ends listening, which Windows does not have.
		if how != abi.SHUT_WR {
			i.state = inetFailed
		}
		return 0
	}
	if i.state != inetConnected || i.reset {
		return abi.ENOTCONN
	}
	if how != abi.SHUT_WR {
		i.rdShut = true
	}
	if how != abi.SHUT_RD {
		if !s.stream() {
			i.wrShut = true
		} else if !i.wrShut {
			if e := i.sock().Shutdown(abi.SHUT_WR); e != 0 {
				return e
			}
			i.wrShut = true
		}
	}
	return 0
}

func (i *inet) name(*Task, *socket) ([]byte, abi.Errno) {
	a, e := i.sock().Name()
	return formatInet(a), e
}

func (i *inet) peer(_ *Task, s *socket) ([]byte, abi.Errno) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.settle()
	if i.state != inetConnected || i.reset {
		return nil, abi.ENOTCONN
	}
	a, e := i.sock().Peer()
	return formatInet(a), e
}

// broken notes an error that ends a connection, and tells what it is to this
// call: after an end that the program has seen, sending is EPIPE.
// i.mu is held.
func (i *inet) broken(s *socket, e abi.Errno, sending bool) abi.Errno {
	if !s.stream() {
		return e
	}
	switch e {
	case abi.ECONNRESET, abi.ETIMEDOUT, abi.EPIPE, abi.EHOSTUNREACH, abi.ENETUNREACH:
		if e == abi.EPIPE && i.wrShut {
			return e
		}
		_ = i.sock().Error() // told now
		i.reset = true
		if sending && i.eof && e == abi.ECONNRESET {
			return abi.EPIPE
		}
	}
	return e
}

// ready tells whether a stream is connected, and if not the error.
// i.mu is held.
func (i *inet) ready(sending bool) abi.Errno {
	i.settle()
	switch i.state {
	case inetConnecting:
		return abi.EAGAIN
	case inetFailed:
		if e := i.err; e != 0 {
			i.err = 0
			return e
		}
		if sending {
			return abi.EPIPE
		}
		return abi.ENOTCONN
	case inetConnected:
		return 0
	}
	if sending {
		return abi.EPIPE
	}
	return abi.ENOTCONN
}

func (i *inet) send(_ *Task, s *socket, m *sockMsg) (int, abi.Errno) {
	i.mu.Lock()
	defer i.mu.Unlock()
	var to *host.SockAddr
	if s.stream() {
		if e := i.ready(true); e != 0 {
			return 0, e
		}
		if i.err != 0 {
			e := i.err
			i.err = 0
			return 0, e
		}
		if i.wrShut || i.reset {
			return 0, abi.EPIPE
		}
		if m.faults() {
			return 0, abi.EFAULT
		}
	} else {
		if m.whole() > 65535 {
			return 0, abi.EMSGSIZE // before anything else
		}
		if i.wrShut {
			return 0, abi.EPIPE
		}
		if len(m.name) > 0 {
			if s.domain == abi.AF_INET && len(m.name) >= abi.SizeofI386SockaddrIn && addrFamily(m.name) == abi.AF_UNSPEC {
				m.name[0] = abi.AF_INET
			}
			a, e := parseInet(m.name, s.domain)
			if e != 0 {
				return 0, e
			}
			if a.Port == 0 {
				return 0, abi.EINVAL
			}
			to = &a
		} else if i.state != inetConnected {
			return 0, abi.EDESTADDRREQ
		}
		if m.whole() > 65507 && s.domain == abi.AF_INET || m.whole() > 65527 {
			return 0, abi.EMSGSIZE
		}
		if m.lack > 0 {
			return 0, abi.EFAULT
		}
	}
	n, e := i.sock().Send(m.bufs, m.flags&(abi.MSG_OOB|abi.MSG_DONTROUTE), to, m.own)
	if e == 0 && !s.stream() {
		i.bound = true
	}
	return n, i.broken(s, e, true)
}

func (i *inet) recv(_ *Task, s *socket, m *sockMsg) (int, abi.Errno) {
	i.mu.Lock()
	defer i.mu.Unlock()
	flags := m.flags & (abi.MSG_PEEK | abi.MSG_OOB)
	if s.stream() {
		if e := i.ready(false); e == abi.ENOTCONN && i.refused {
			return 0, 0
		} else if e != 0 {
			return 0, e
		}
		if i.err != 0 {
			e := i.err
			i.err = 0
			return 0, e
		}
		if i.reset {
			return 0, 0
		}
		if m.size() == 0 {
			if r := i.sock().Poll(); !r.In && !i.rdShut {
				return 0, abi.EAGAIN
			}
			return 0, 0
		}
		n, _, e := i.sock().Recv(m.bufs, flags, nil)
		if e == abi.EAGAIN && i.rdShut {
			return 0, 0
		}
		if e == 0 && n == 0 {
			i.eof = true
		}
		return n, i.broken(s, e, false)
	}
	if m.flags&abi.MSG_OOB != 0 {
		return 0, abi.EOPNOTSUPP
	}
	bufs := m.bufs
	if m.flags&abi.MSG_TRUNC != 0 {
		// How long a datagram is Windows tells only to who takes all of it.
		bufs = [][]byte{make([]byte, 65536)}
	}
	m.packet = &host.Packet{}
	n, out, e := i.sock().Recv(bufs, flags, m.packet)
	if e == abi.EAGAIN && i.rdShut {
		return 0, 0
	}
	if e != 0 {
		return 0, e
	}
	if m.packet.From.Family != 0 {
		m.name = formatInet(m.packet.From)
	}
	m.out |= out & abi.MSG_TRUNC
	m.full = n
	if m.flags&abi.MSG_TRUNC != 0 {
		got := bufs[0][:n]
		n = 0
		for _, b := range m.bufs {
			k := copy(b, got)
			got = got[k:]
			n += k
		}
		if n < m.full {
			m.out |= abi.MSG_TRUNC
		}
	}
	return n, 0
}

func (i *inet) poll(_ *Task, s *socket) host.Ready {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.settle()
	if s.stream() {
		switch i.state {
		case inetNew:
			return host.Ready{Out: true, Hup: true}
		case inetConnecting:
			return host.Ready{}
		case inetFailed:
			return host.Ready{In: true, Out: true, Err: i.err != 0, Hup: true, RdHup: true}
		case inetListening:
			return host.Ready{In: i.sock().Poll().In}
		}
		if i.reset {
			return host.Ready{In: true, Out: true, Hup: true, RdHup: true, Err: i.err != 0}
		}
	}
	r := i.sock().Poll()
	if i.rdShut {
		r.In, r.RdHup = true, true
	}
	if s.stream() {
		if i.wrShut {
			r.Out = true
		}
		if r.RdHup && i.wrShut {
			r.Hup = true
		}
		if i.err != 0 {
			r.Err = true
		}
	} else if i.rdShut && i.wrShut {
		r.Hup = true
	}
	return r
}

func (i *inet) available(*Task, *socket) (int, abi.Errno) { return i.sock().Available() }

func (i *inet) takeError(s *socket) abi.Errno {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.settle()
	if e := i.err; e != 0 {
		i.err = 0
		return e
	}
	if s.stream() && i.state != inetConnected || i.reset {
		return 0
	}
	e := i.sock().Error()
	if e != 0 && s.stream() {
		i.reset = true
	}
	return e
}

func (i *inet) listening(*socket) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.state == inetListening
}

func (i *inet) close(*socket) {
	u := i.share.Load()
	if u != nil {
		u.Close()
	}
	if u == nil || i.joined {
		i.h.Close()
	}
}
