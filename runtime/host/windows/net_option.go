//go:build windows

package winhost

import (
	"unsafe"

	"golang.org/x/sys/windows"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// Options of winsock2.h, ws2ipdef.h and ws2tcpip.h.
const (
	soReuseAddr  = 0x4
	soExclusive  = ^soReuseAddr // SO_EXCLUSIVEADDRUSE
	soOOBInline  = 0x100
	soError      = 0x1007
	tcpNoDelay   = 1
	tcpKeepIdle  = 3
	tcpKeepCount = 16
	tcpKeepEvery = 17
	ip4TOS       = 3
	ip4TTL       = 4
	ip4McastIf   = 9
	ip4McastTTL  = 10
	ip4McastLoop = 11
	ip4Join      = 12
	ip4Leave     = 13
	ip6Hops      = 4
	ip6McastIf   = 9
	ip6McastHops = 10
	ip6McastLoop = 11
	ip6Join      = 12
	ip6Leave     = 13
	ip6Class     = 39
)

// winOption tells an option as Winsock has it; 0, 0 if it has none.
func winOption(o host.SockOption) (level, name int) {
	switch o {
	case host.OptNoDelay:
		return windows.IPPROTO_TCP, tcpNoDelay
	case host.OptKeepAlive:
		return windows.SOL_SOCKET, windows.SO_KEEPALIVE
	case host.OptKeepIdle:
		return windows.IPPROTO_TCP, tcpKeepIdle
	case host.OptKeepInterval:
		return windows.IPPROTO_TCP, tcpKeepEvery
	case host.OptKeepCount:
		return windows.IPPROTO_TCP, tcpKeepCount
	case host.OptBroadcast:
		return windows.SOL_SOCKET, windows.SO_BROADCAST
	case host.OptReceiveBuffer:
		return windows.SOL_SOCKET, windows.SO_RCVBUF
	case host.OptSendBuffer:
		return windows.SOL_SOCKET, windows.SO_SNDBUF
	case host.OptOnly6:
		return windows.IPPROTO_IPV6, windows.IPV6_V6ONLY
	case host.OptTTL:
		return windows.IPPROTO_IP, ip4TTL
	case host.OptTOS:
		return windows.IPPROTO_IP, ip4TOS
	case host.OptHops6:
		return windows.IPPROTO_IPV6, ip6Hops
	case host.OptClass6:
		return windows.IPPROTO_IPV6, ip6Class
	case host.OptMulticastTTL:
		return windows.IPPROTO_IP, ip4McastTTL
	case host.OptMulticastLoop:
		return windows.IPPROTO_IP, ip4McastLoop
	case host.OptMulticastHops6:
		return windows.IPPROTO_IPV6, ip6McastHops
	case host.OptMulticastLoop6:
		return windows.IPPROTO_IPV6, ip6McastLoop
	case host.OptMulticastIf6:
		return windows.IPPROTO_IPV6, ip6McastIf
	case host.OptInlineOOB:
		return windows.SOL_SOCKET, soOOBInline
	case host.OptPacketInfo:
		return windows.IPPROTO_IP, ip4PacketInfo
	case host.OptPacketInfo6:
		return windows.IPPROTO_IPV6, ip6PacketInfo
	case host.OptRecvTTL:
		return windows.IPPROTO_IP, ip4RecvTTL
	case host.OptRecvTTL6:
		return windows.IPPROTO_IPV6, ip6HopLimit
	case host.OptRecvTOS:
		return windows.IPPROTO_IP, ip4RecvTOS
	case host.OptRecvTOS6:
		return windows.IPPROTO_IPV6, ip6RecvClass
	}
	return 0, 0
}

// SetOption implements host.NetSocket.
func (s *socket) SetOption(o host.SockOption, v int) abi.Errno {
	switch o {
	case host.OptLinger:
		l := windows.Linger{Onoff: 1, Linger: int32(v)}
		if v < 0 {
			l = windows.Linger{}
		}
		// struct linger has two 16-bit members there; x/sys sees to that.
		return SocketErrno(windows.SetsockoptLinger(s.h, windows.SOL_SOCKET, windows.SO_LINGER, &l))
	case host.OptReuseAddr, host.OptReusePort:
		if !s.datagram {
			// A listener's own SO_REUSEADDR would let it take over a port that
			// another program listens on.
			s.reuse = v != 0
			return 0
		}
		return SocketErrno(windows.SetsockoptInt(s.h, windows.SOL_SOCKET, soReuseAddr, v))
	case host.OptMulticastIf:
		var a [4]byte
		if v != 0 {
			var e abi.Errno
			if a, e = s.n.address4(uint32(v)); e != 0 {
				return e
			}
		}
		return SocketErrno(windows.SetsockoptInet4Addr(s.h, windows.IPPROTO_IP, ip4McastIf, a))
	case host.OptClass6:
		// There since Windows 10 2004; quality of service is set elsewhere.
		_ = windows.SetsockoptInt(s.h, windows.IPPROTO_IPV6, ip6Class, v)
		return 0
	case host.OptPacketInfo, host.OptPacketInfo6, host.OptRecvTTL, host.OptRecvTTL6, host.OptRecvTOS, host.OptRecvTOS6:
		s.tellOf(o, v != 0)
	}
	level, name := winOption(o)
	if name == 0 {
		return abi.ENOPROTOOPT
	}
	return SocketErrno(windows.SetsockoptInt(s.h, level, name, v))
}

// Option implements host.NetSocket.
func (s *socket) Option(o host.SockOption) (int, abi.Errno) {
	level, name := winOption(o)
	if name == 0 {
		return 0, abi.ENOPROTOOPT
	}
	v, err := windows.GetsockoptInt(s.h, level, name)
	return v, SocketErrno(err)
}

// address4 tells an IPv4 address of an interface, which is what Winsock calls
// interfaces by.
func (n *network) address4(index uint32) (a [4]byte, e abi.Errno) {
	list, e := n.Interfaces()
	if e != 0 {
		return a, e
	}
	for _, i := range list {
		if i.Index != index {
			continue
		}
		for _, x := range i.Addrs {
			if x.Family == abi.AF_INET {
				return [4]byte(x.Addr[:4]), 0
			}
		}
	}
	return a, abi.ENODEV
}

// Join implements host.NetSocket.
func (s *socket) Join(group host.SockAddr, index uint32, leave bool) abi.Errno {
	if group.Family == abi.AF_INET {
		var m [8]byte // struct ip_mreq
		copy(m[:], group.Addr[:4])
		if index != 0 {
			a, e := s.n.address4(index)
			if e != 0 {
				return e
			}
			copy(m[4:], a[:])
		}
		name := int32(ip4Join)
		if leave {
			name = ip4Leave
		}
		return SocketErrno(windows.Setsockopt(s.h, windows.IPPROTO_IP, name, &m[0], int32(len(m))))
	}
	m := struct {
		addr  [16]byte
		index uint32
	}{group.Addr, index}
	name := int32(ip6Join)
	if leave {
		name = ip6Leave
	}
	return SocketErrno(windows.Setsockopt(s.h, windows.IPPROTO_IPV6, name, (*byte)(unsafe.Pointer(&m)), int32(unsafe.Sizeof(m))))
}
