package kernel

import (
	"encoding/binary"
	"time"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// ancillary is one piece of control data for the program.
type ancillary struct {
	level, typ int
	data       []byte
}

// packetControl is what a program gets to know of a datagram of the internet
// families, in Linux's order.
func (s *socket) packetControl(p *host.Packet) (list []ancillary) {
	s.mu.Lock()
	defer s.mu.Unlock()
	on := func(level, name int) bool { return s.opts[sockOpt{level, name}] != 0 }
	add := func(level, typ int, data []byte) { list = append(list, ancillary{level, typ, data}) }
	if s.domain == abi.AF_INET6 {
		if on(abi.SOL_IPV6, abi.IPV6_RECVPKTINFO) && p.To.Family == abi.AF_INET6 {
			add(abi.SOL_IPV6, abi.IPV6_PKTINFO, binary.LittleEndian.AppendUint32(p.To.Addr[:], p.To.Scope))
		}
		if on(abi.SOL_IPV6, abi.IPV6_RECVHOPLIMIT) && p.TTL >= 0 {
			add(abi.SOL_IPV6, abi.IPV6_HOPLIMIT, int32Bytes(int32(p.TTL)))
		}
		if on(abi.SOL_IPV6, abi.IPV6_RECVTCLASS) && p.TOS >= 0 {
			add(abi.SOL_IPV6, abi.IPV6_TCLASS, int32Bytes(int32(p.TOS)))
		}
		return list
	}
	if on(abi.SOL_IP, abi.IP_PKTINFO) && p.To.Family == abi.AF_INET {
		b := make([]byte, abi.SizeofI386InPktinfo)
		put32(b[abi.I386InPktinfoIfindex:], p.To.Scope)
		copy(b[abi.I386InPktinfoSpecDst:], p.To.Addr[:4])
		copy(b[abi.I386InPktinfoAddr:], p.To.Addr[:4])
		add(abi.SOL_IP, abi.IP_PKTINFO, b)
	}
	if on(abi.SOL_IP, abi.IP_RECVTTL) && p.TTL >= 0 {
		add(abi.SOL_IP, abi.IP_TTL, int32Bytes(int32(p.TTL)))
	}
	if on(abi.SOL_IP, abi.IP_RECVTOS) && p.TOS >= 0 {
		add(abi.SOL_IP, abi.IP_TOS, []byte{byte(p.TOS)})
	}
	return list
}

// inetControl takes one piece of control data that is to be sent. What a
// single datagram has for time to live and type of service is looked at and
// not followed: Windows has it for the socket alone.
func (s *socket) inetControl(m *sockMsg, level, typ int, data []byte) abi.Errno {
	within := func(least, most int32) abi.Errno {
		if len(data) != 4 {
			return abi.EINVAL
		}
		if v := int32(le32(data)); v < least || v > most {
			return abi.EINVAL
		}
		return 0
	}
	switch {
	case level == abi.SOL_SOCKET:
		switch typ {
		case abi.SCM_RIGHTS, abi.SCM_CREDENTIALS:
			return 0
		case abi.SO_MARK:
			return abi.EPERM
		}
		return abi.EINVAL
	case s.stream():
	case s.domain == abi.AF_INET && level == abi.SOL_IP:
		switch typ {
		case abi.IP_PKTINFO:
			if len(data) != abi.SizeofI386InPktinfo {
				return abi.EINVAL
			}
			m.own = &host.SockAddr{Family: abi.AF_INET, Scope: le32(data[abi.I386InPktinfoIfindex:])}
			copy(m.own.Addr[:4], data[abi.I386InPktinfoSpecDst:][:4])
			return 0
		case abi.IP_TTL:
			return within(1, 255)
		case abi.IP_TOS:
			if len(data) == 1 {
				return 0
			}
			return within(0, 255)
		}
		return abi.EINVAL
	case s.domain == abi.AF_INET6 && level == abi.SOL_IPV6:
		switch typ {
		case abi.IPV6_PKTINFO:
			if len(data) < abi.SizeofI386In6Pktinfo {
				return abi.EINVAL
			}
			m.own = &host.SockAddr{Family: abi.AF_INET6, Addr: [16]byte(data), Scope: le32(data[abi.I386In6PktinfoIfindex:])}
			return 0
		case abi.IPV6_HOPLIMIT, abi.IPV6_TCLASS:
			return within(-1, 255)
		}
		return abi.EINVAL
	}
	return 0
}

// setStamp is SO_TIMESTAMP and its kind: the last one counts.
func (s *socket) setStamp(name int, v uint32) abi.Errno {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stamp = 0; v != 0 {
		s.stamp = name
	}
	return 0
}

// timeStamp is the present time as an option has it: the host does not tell
// when a datagram came, only that it is there.
func (t *Task) timeStamp(name int) []byte {
	now := time.Duration(t.nowNanos())
	sec, part := int64(now/time.Second), int64(now%time.Second)
	if name == abi.SO_TIMESTAMP_OLD || name == abi.SO_TIMESTAMP_NEW {
		part /= int64(time.Microsecond)
	}
	if !t.is64() && (name == abi.SO_TIMESTAMP_OLD || name == abi.SO_TIMESTAMPNS_OLD) {
		return int32Bytes(int32(sec), int32(part))
	}
	b := binary.LittleEndian.AppendUint64(nil, uint64(sec))
	return binary.LittleEndian.AppendUint64(b, uint64(part))
}
