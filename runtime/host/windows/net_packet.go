//go:build windows

package winhost

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// Ancillary data of datagrams goes through WSARecvMsg and WSASendMsg. Options
// and types of ws2ipdef.h; the types differ from the options in part.
const (
	ip4PacketInfo = 19 // IP_PKTINFO, option and type
	ip4RecvTTL    = 21 // IP_RECVTTL
	ip4RecvTOS    = 40 // IP_RECVTOS
	ip6PacketInfo = 19 // IPV6_PKTINFO, option and type
	ip6HopLimit   = 21 // IPV6_HOPLIMIT, option and type
	ip6RecvClass  = 40 // IPV6_RECVTCLASS
)

// cmsgHead is struct _WSACMSGHDR; what follows it is aligned like it.
type cmsgHead struct {
	size       uintptr
	level, typ int32
}

const cmsgAlign = unsafe.Sizeof(uintptr(0))

// tellOf switches what Recv tells on or off.
func (s *socket) tellOf(o host.SockOption, on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tells == nil {
		s.tells = map[host.SockOption]bool{}
	}
	if on {
		s.tells[o] = true
	} else {
		delete(s.tells, o)
	}
}

func (s *socket) telling() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.tells) > 0
}

// recvTold receives a datagram with what the options ask for.
func (s *socket) recvTold(v []windows.WSABuf, flags *uint32, from *windows.RawSockaddrAny, p *host.Packet, n *uint32) error {
	var control [256]byte
	m := windows.WSAMsg{
		Name: (*syscall.RawSockaddrAny)(unsafe.Pointer(from)), Namelen: int32(unsafe.Sizeof(*from)),
		Buffers: &v[0], BufferCount: uint32(len(v)),
		Control: windows.WSABuf{Len: uint32(len(control)), Buf: &control[0]}, Flags: *flags,
	}
	err := windows.WSARecvMsg(s.h, &m, n, nil, nil)
	if err == nil && m.Flags&msgTrunc != 0 {
		err = windows.WSAEMSGSIZE
	}
	if e := SocketErrno(err); e != 0 && e != abi.EMSGSIZE {
		return err
	}
	*flags = m.Flags
	list := control[:min(m.Control.Len, uint32(len(control)))]
	const head = unsafe.Sizeof(cmsgHead{})
	for uintptr(len(list)) >= head {
		h := *(*cmsgHead)(unsafe.Pointer(&list[0]))
		if h.size < head || h.size > uintptr(len(list)) {
			break
		}
		told(p, int(h.level), int(h.typ), list[head:h.size])
		list = list[min((h.size+cmsgAlign-1)&^(cmsgAlign-1), uintptr(len(list))):]
	}
	return err
}

const msgTrunc = 0x100 // MSG_TRUNC of winsock2.h

// told takes one piece of ancillary data.
func told(p *host.Packet, level, typ int, d []byte) {
	switch {
	case level == windows.IPPROTO_IP && typ == ip4PacketInfo && len(d) >= 8:
		p.To = host.SockAddr{Family: abi.AF_INET, Scope: word32(d[4:])}
		copy(p.To.Addr[:4], d)
	case level == windows.IPPROTO_IPV6 && typ == ip6PacketInfo && len(d) >= 20:
		p.To = host.SockAddr{Family: abi.AF_INET6, Addr: [16]byte(d), Scope: word32(d[16:])}
	case len(d) < 4:
	case level == windows.IPPROTO_IP && (typ == ip4TTL || typ == ip4RecvTTL), level == windows.IPPROTO_IPV6 && typ == ip6HopLimit:
		p.TTL = int(word32(d))
	case level == windows.IPPROTO_IP && (typ == ip4TOS || typ == ip4RecvTOS), level == windows.IPPROTO_IPV6 && (typ == ip6Class || typ == ip6RecvClass):
		p.TOS = int(word32(d))
	}
}

// sendFrom sends a datagram by an own address and interface. Wine looks at
// neither.
func (s *socket) sendFrom(v []windows.WSABuf, flags uint32, to, from *host.SockAddr, n *uint32) error {
	var control struct {
		cmsgHead
		data [24]byte
	}
	control.typ, control.level = ip4PacketInfo, windows.IPPROTO_IP
	size := uintptr(8)
	if from.Family == abi.AF_INET6 {
		control.typ, control.level, size = ip6PacketInfo, windows.IPPROTO_IPV6, 20
		copy(control.data[:], from.Addr[:])
	} else {
		copy(control.data[:], from.Addr[:4])
	}
	putLE32(control.data[size-4:], from.Scope)
	control.size = unsafe.Sizeof(cmsgHead{}) + size
	m := windows.WSAMsg{
		Buffers: &v[0], BufferCount: uint32(len(v)),
		Control: windows.WSABuf{Len: uint32((control.size + cmsgAlign - 1) &^ (cmsgAlign - 1)), Buf: (*byte)(unsafe.Pointer(&control))},
	}
	if to != nil {
		r, size := toRaw(ptr(reachable(*to)))
		m.Name, m.Namelen = (*syscall.RawSockaddrAny)(unsafe.Pointer(&r)), int32(size)
	}
	return windows.WSASendMsg(s.h, &m, flags, n, nil, nil)
}
