//go:build linux

package linuxhost

import (
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// network is Linux's own. One epoll tells all sockets' changes.
type network struct {
	mu      sync.Mutex
	epoll   int // -1 until the first Watch
	next    int32
	watched map[int32]*socket
}

var _ host.NetFiles = Files{}

// Network implements host.NetFiles.
func (Files) Network() host.Net { return &network{epoll: -1, watched: map[int32]*socket{}} }

type socket struct {
	n   *network
	fd  int
	key int32 // in watched; 0: none

	mu   sync.Mutex // held while told runs
	told func()
}

// Socket implements host.Net.
func (n *network) Socket(family, typ, proto int) (host.NetSocket, abi.Errno) {
	fd, err := unix.Socket(family, typ|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, proto)
	if err != nil {
		return nil, errno(err)
	}
	return &socket{n: n, fd: fd}, 0
}

// Watch implements host.NetSocket.
func (s *socket) Watch(told func()) abi.Errno {
	n := s.n
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.epoll < 0 {
		fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
		if err != nil {
			return errno(err)
		}
		n.epoll = fd
	}
	s.told = told
	n.next++
	s.key = n.next
	ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLPRI | unix.EPOLLET&0xffffffff, Fd: s.key}
	if err := unix.EpollCtl(n.epoll, unix.EPOLL_CTL_ADD, s.fd, &ev); err != nil {
		return errno(err)
	}
	n.watched[s.key] = s
	if len(n.watched) == 1 {
		go n.run(n.epoll)
	}
	return 0
}

// run tells what the epoll says while anything is watched.
func (n *network) run(epoll int) {
	events := make([]unix.EpollEvent, 64)
	for {
		k, err := unix.EpollWait(epoll, events, 50)
		if err != nil && err != unix.EINTR {
			return
		}
		n.mu.Lock()
		var list []*socket
		for i := range max(k, 0) {
			if s := n.watched[events[i].Fd]; s != nil {
				list = append(list, s)
			}
		}
		if len(n.watched) == 0 {
			if n.epoll == epoll {
				_ = unix.Close(epoll)
				n.epoll = -1
			}
			n.mu.Unlock()
			return
		}
		n.mu.Unlock()
		for _, s := range list {
			s.mu.Lock()
			if s.told != nil {
				s.told()
			}
			s.mu.Unlock()
		}
	}
}

// Close implements host.NetSocket.
func (s *socket) Close() {
	s.n.mu.Lock()
	delete(s.n.watched, s.key)
	s.n.mu.Unlock()
	s.mu.Lock()
	s.told = nil
	s.mu.Unlock()
	_ = unix.Close(s.fd)
}

func toSockaddr(a *host.SockAddr) (b []byte) {
	if a == nil {
		return nil
	}
	switch a.Family {
	case abi.AF_INET:
		b = make([]byte, unix.SizeofSockaddrInet4)
		copy(b[4:8], a.Addr[:4])
	case abi.AF_INET6:
		b = make([]byte, unix.SizeofSockaddrInet6)
		*(*uint32)(unsafe.Pointer(&b[4])) = a.Flow
		copy(b[8:24], a.Addr[:])
		*(*uint32)(unsafe.Pointer(&b[24])) = a.Scope
	default:
		b = make([]byte, unix.SizeofSockaddrInet4)
	}
	*(*uint16)(unsafe.Pointer(&b[0])) = a.Family
	b[2], b[3] = byte(a.Port>>8), byte(a.Port)
	return b
}

func fromSockaddr(r *unix.RawSockaddrAny, size uint32) (a host.SockAddr) {
	if size < 2 {
		return a
	}
	b := (*[unix.SizeofSockaddrAny]byte)(unsafe.Pointer(r))
	a.Family = r.Addr.Family
	a.Port = uint16(b[2])<<8 | uint16(b[3])
	switch a.Family {
	case abi.AF_INET:
		copy(a.Addr[:4], b[4:8])
	case abi.AF_INET6:
		a.Flow = *(*uint32)(unsafe.Pointer(&b[4]))
		copy(a.Addr[:], b[8:24])
		a.Scope = *(*uint32)(unsafe.Pointer(&b[24]))
	}
	return a
}

// Bind implements host.NetSocket.
func (s *socket) Bind(a host.SockAddr) abi.Errno { return s.named(netBind, &a) }

// Connect implements host.NetSocket.
func (s *socket) Connect(a host.SockAddr) abi.Errno { return s.named(netConnect, &a) }

func (s *socket) named(call netCall, a *host.SockAddr) abi.Errno {
	b := toSockaddr(a)
	_, e := sockcall(call, uintptr(s.fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), 0)
	runtime.KeepAlive(b)
	return e
}

// Listen implements host.NetSocket.
func (s *socket) Listen(backlog int) abi.Errno { return errno(unix.Listen(s.fd, backlog)) }

// Accept implements host.NetSocket.
func (s *socket) Accept() (host.NetSocket, host.SockAddr, abi.Errno) {
	var r unix.RawSockaddrAny
	size := uint32(unix.SizeofSockaddrAny)
	fd, e := sockcall(netAccept4, uintptr(s.fd), uintptr(unsafe.Pointer(&r)), uintptr(unsafe.Pointer(&size)), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	if e != 0 {
		return nil, host.SockAddr{}, e
	}
	return &socket{n: s.n, fd: int(fd)}, fromSockaddr(&r, size), 0
}

func vectors(bufs [][]byte) []unix.Iovec {
	v := make([]unix.Iovec, 0, len(bufs))
	for _, b := range bufs {
		if len(b) > 0 {
			v = append(v, unix.Iovec{Base: &b[0]})
			v[len(v)-1].SetLen(len(b))
		}
	}
	return v
}

func (s *socket) message(call netCall, bufs [][]byte, flags int, name *byte, size uint32, control []byte) (int, *unix.Msghdr, abi.Errno) {
	v := vectors(bufs)
	m := &unix.Msghdr{Name: name, Namelen: size}
	if len(control) > 0 {
		m.Control = &control[0]
		m.SetControllen(len(control))
	}
	if len(v) > 0 {
		m.Iov = &v[0]
		m.SetIovlen(len(v))
	}
	n, e := sockcall(call, uintptr(s.fd), uintptr(unsafe.Pointer(m)), uintptr(flags|unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL), 0)
	runtime.KeepAlive(bufs)
	return int(n), m, e
}

// Send implements host.NetSocket.
func (s *socket) Send(bufs [][]byte, flags int, to, from *host.SockAddr) (int, abi.Errno) {
	b := toSockaddr(to)
	var name *byte
	if b != nil {
		name = &b[0]
	}
	n, _, e := s.message(netSendmsg, bufs, flags, name, uint32(len(b)), fromControl(from))
	return n, e
}

// fromControl is the ancillary data that says by which address and interface a
// datagram goes.
func fromControl(from *host.SockAddr) []byte {
	switch {
	case from == nil:
		return nil
	case from.Family == abi.AF_INET:
		return unix.PktInfo4(&unix.Inet4Pktinfo{Ifindex: int32(from.Scope), Spec_dst: [4]byte(from.Addr[:4])})
	default:
		return unix.PktInfo6(&unix.Inet6Pktinfo{Addr: from.Addr, Ifindex: from.Scope})
	}
}

// Recv implements host.NetSocket.
func (s *socket) Recv(bufs [][]byte, flags int, p *host.Packet) (int, int, abi.Errno) {
	var r unix.RawSockaddrAny
	var control []byte
	if p != nil {
		control = make([]byte, 256)
	}
	n, m, e := s.message(netRecvmsg, bufs, flags, (*byte)(unsafe.Pointer(&r)), unix.SizeofSockaddrAny, control)
	if e != 0 {
		return 0, 0, e
	}
	if p != nil {
		*p = host.Packet{From: fromSockaddr(&r, m.Namelen), TTL: -1, TOS: -1}
		told(p, control[:m.Controllen])
	}
	return n, int(m.Flags) & (unix.MSG_TRUNC | unix.MSG_OOB), 0
}

// told takes ancillary data apart.
func told(p *host.Packet, control []byte) {
	list, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return
	}
	for _, c := range list {
		d := c.Data
		switch h := c.Header; {
		case h.Level == unix.SOL_IP && h.Type == unix.IP_PKTINFO && len(d) >= 12:
			p.To = host.SockAddr{Family: abi.AF_INET, Scope: *(*uint32)(unsafe.Pointer(&d[0]))}
			copy(p.To.Addr[:4], d[8:12])
		case h.Level == unix.SOL_IPV6 && h.Type == unix.IPV6_PKTINFO && len(d) >= 20:
			p.To = host.SockAddr{Family: abi.AF_INET6, Addr: [16]byte(d[:16]), Scope: *(*uint32)(unsafe.Pointer(&d[16]))}
		case h.Level == unix.SOL_IP && h.Type == unix.IP_TTL, h.Level == unix.SOL_IPV6 && h.Type == unix.IPV6_HOPLIMIT:
			p.TTL = int(d[0])
		case h.Level == unix.SOL_IP && h.Type == unix.IP_TOS, h.Level == unix.SOL_IPV6 && h.Type == unix.IPV6_TCLASS:
			p.TOS = int(d[0])
		}
	}
}

// Shutdown implements host.NetSocket.
func (s *socket) Shutdown(how int) abi.Errno { return errno(unix.Shutdown(s.fd, how)) }

// Name implements host.NetSocket.
func (s *socket) Name() (host.SockAddr, abi.Errno) { return s.name(netGetsockname) }

// Peer implements host.NetSocket.
func (s *socket) Peer() (host.SockAddr, abi.Errno) { return s.name(netGetpeername) }

func (s *socket) name(call netCall) (host.SockAddr, abi.Errno) {
	var r unix.RawSockaddrAny
	size := uint32(unix.SizeofSockaddrAny)
	_, e := sockcall(call, uintptr(s.fd), uintptr(unsafe.Pointer(&r)), uintptr(unsafe.Pointer(&size)), 0)
	return fromSockaddr(&r, size), e
}

// Poll implements host.NetSocket.
func (s *socket) Poll() host.Ready {
	p := []unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLIN | unix.POLLOUT | unix.POLLRDHUP | unix.POLLPRI}}
	if retry(func() error { _, err := unix.Poll(p, 0); return err }) != 0 {
		return host.Ready{}
	}
	r := p[0].Revents
	return host.Ready{
		In: r&unix.POLLIN != 0, Out: r&unix.POLLOUT != 0, Hup: r&unix.POLLHUP != 0, Err: r&unix.POLLERR != 0,
		RdHup: r&unix.POLLRDHUP != 0, Pri: r&unix.POLLPRI != 0,
	}
}

// Error implements host.NetSocket.
func (s *socket) Error() abi.Errno {
	v, err := unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return errno(err)
	}
	return abi.Errno(v)
}

// Available implements host.NetSocket.
func (s *socket) Available() (int, abi.Errno) {
	v, err := unix.IoctlGetInt(s.fd, unix.SIOCINQ)
	return v, errno(err)
}

func sockOption(o host.SockOption) (level, name int) {
	switch o {
	case host.OptNoDelay:
		return unix.SOL_TCP, unix.TCP_NODELAY
	case host.OptKeepAlive:
		return unix.SOL_SOCKET, unix.SO_KEEPALIVE
	case host.OptKeepIdle:
		return unix.SOL_TCP, unix.TCP_KEEPIDLE
	case host.OptKeepInterval:
		return unix.SOL_TCP, unix.TCP_KEEPINTVL
	case host.OptKeepCount:
		return unix.SOL_TCP, unix.TCP_KEEPCNT
	case host.OptBroadcast:
		return unix.SOL_SOCKET, unix.SO_BROADCAST
	case host.OptReceiveBuffer:
		return unix.SOL_SOCKET, unix.SO_RCVBUF
	case host.OptSendBuffer:
		return unix.SOL_SOCKET, unix.SO_SNDBUF
	case host.OptOnly6:
		return unix.SOL_IPV6, unix.IPV6_V6ONLY
	case host.OptTTL:
		return unix.SOL_IP, unix.IP_TTL
	case host.OptTOS:
		return unix.SOL_IP, unix.IP_TOS
	case host.OptHops6:
		return unix.SOL_IPV6, unix.IPV6_UNICAST_HOPS
	case host.OptClass6:
		return unix.SOL_IPV6, unix.IPV6_TCLASS
	case host.OptMulticastTTL:
		return unix.SOL_IP, unix.IP_MULTICAST_TTL
	case host.OptMulticastLoop:
		return unix.SOL_IP, unix.IP_MULTICAST_LOOP
	case host.OptMulticastHops6:
		return unix.SOL_IPV6, unix.IPV6_MULTICAST_HOPS
	case host.OptMulticastLoop6:
		return unix.SOL_IPV6, unix.IPV6_MULTICAST_LOOP
	case host.OptMulticastIf6:
		return unix.SOL_IPV6, unix.IPV6_MULTICAST_IF
	case host.OptInlineOOB:
		return unix.SOL_SOCKET, unix.SO_OOBINLINE
	case host.OptReuseAddr:
		return unix.SOL_SOCKET, unix.SO_REUSEADDR
	case host.OptReusePort:
		return unix.SOL_SOCKET, unix.SO_REUSEPORT
	case host.OptPacketInfo:
		return unix.SOL_IP, unix.IP_PKTINFO
	case host.OptPacketInfo6:
		return unix.SOL_IPV6, unix.IPV6_RECVPKTINFO
	case host.OptRecvTTL:
		return unix.SOL_IP, unix.IP_RECVTTL
	case host.OptRecvTTL6:
		return unix.SOL_IPV6, unix.IPV6_RECVHOPLIMIT
	case host.OptRecvTOS:
		return unix.SOL_IP, unix.IP_RECVTOS
	case host.OptRecvTOS6:
		return unix.SOL_IPV6, unix.IPV6_RECVTCLASS
	}
	return -1, 0
}

// SetOption implements host.NetSocket.
func (s *socket) SetOption(o host.SockOption, v int) abi.Errno {
	switch o {
	case host.OptLinger:
		l := unix.Linger{Onoff: 1, Linger: int32(v)}
		if v < 0 {
			l = unix.Linger{}
		}
		return errno(unix.SetsockoptLinger(s.fd, unix.SOL_SOCKET, unix.SO_LINGER, &l))
	case host.OptMulticastIf:
		return errno(unix.SetsockoptIPMreqn(s.fd, unix.SOL_IP, unix.IP_MULTICAST_IF, &unix.IPMreqn{Ifindex: int32(v)}))
	}
	level, name := sockOption(o)
	return errno(unix.SetsockoptInt(s.fd, level, name, v))
}

// Option implements host.NetSocket.
func (s *socket) Option(o host.SockOption) (int, abi.Errno) {
	level, name := sockOption(o)
	v, err := unix.GetsockoptInt(s.fd, level, name)
	return v, errno(err)
}

// Join implements host.NetSocket.
func (s *socket) Join(group host.SockAddr, index uint32, leave bool) abi.Errno {
	if group.Family == abi.AF_INET {
		m := unix.IPMreqn{Ifindex: int32(index)}
		copy(m.Multiaddr[:], group.Addr[:4])
		opt := unix.IP_ADD_MEMBERSHIP
		if leave {
			opt = unix.IP_DROP_MEMBERSHIP
		}
		return errno(unix.SetsockoptIPMreqn(s.fd, unix.SOL_IP, opt, &m))
	}
	m := unix.IPv6Mreq{Multiaddr: group.Addr, Interface: index}
	opt := unix.IPV6_JOIN_GROUP
	if leave {
		opt = unix.IPV6_LEAVE_GROUP
	}
	return errno(unix.SetsockoptIPv6Mreq(s.fd, unix.SOL_IPV6, opt, &m))
}

// Interfaces implements host.Net.
func (*network) Interfaces() ([]host.Interface, abi.Errno) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, abi.EIO
	}
	var list []host.Interface
	for _, i := range all {
		h := host.Interface{
			Index: uint32(i.Index), Name: i.Name, MAC: i.HardwareAddr, MTU: uint32(i.MTU),
			Loopback: i.Flags&net.FlagLoopback != 0, Up: i.Flags&net.FlagUp != 0,
		}
		addrs, _ := i.Addrs()
		for _, a := range addrs {
			if p, ok := a.(*net.IPNet); ok {
				h.Addrs = append(h.Addrs, interfaceAddr(p))
			}
		}
		list = append(list, h)
	}
	return list, 0
}

func interfaceAddr(p *net.IPNet) (a host.InterfaceAddr) {
	bits, _ := p.Mask.Size()
	a.Prefix = uint8(bits)
	if v4 := p.IP.To4(); v4 != nil {
		a.Family = abi.AF_INET
		copy(a.Addr[:], v4)
		return a
	}
	a.Family = abi.AF_INET6
	copy(a.Addr[:], p.IP)
	return a
}

// Resolver implements host.Net.
func (*network) Resolver() host.Resolver {
	var r host.Resolver
	b, _ := os.ReadFile("/etc/resolv.conf")
	for _, l := range strings.Split(string(b), "\n") {
		w := strings.Fields(l)
		switch {
		case len(w) > 1 && w[0] == "nameserver":
			r.Servers = append(r.Servers, w[1])
		case len(w) > 1 && (w[0] == "search" || w[0] == "domain"):
			r.Search = w[1:]
		}
	}
	hosts, _ := os.ReadFile("/etc/hosts")
	r.Hosts = string(hosts)
	return r
}

type netCall uintptr

const (
	netBind        netCall = unix.SYS_BIND
	netConnect     netCall = unix.SYS_CONNECT
	netAccept4     netCall = unix.SYS_ACCEPT4
	netSendmsg     netCall = unix.SYS_SENDMSG
	netRecvmsg     netCall = unix.SYS_RECVMSG
	netGetsockname netCall = unix.SYS_GETSOCKNAME
	netGetpeername netCall = unix.SYS_GETPEERNAME
)

// sockcall makes a call that does not wait. The directive keeps what the
// arguments point to where it is.
//
//go:uintptrescapes
func sockcall(nr netCall, a, b, c, d uintptr) (uintptr, abi.Errno) {
	n, _, err := unix.Syscall6(uintptr(nr), a, b, c, d, 0, 0)
	return n, abi.Errno(err)
}
