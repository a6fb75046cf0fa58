package kernel

import (
	"encoding/binary"
	"maps"
	"time"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// sockOpt is an option by level and name.
type sockOpt struct{ level, name int }

// optKind is where an option makes sense.
type optKind uint8

const (
	anySocket optKind = iota
	inetOnly          // AF_INET and AF_INET6
	tcpOnly
	inet6Only
	unixOnly
)

// noHost is for options that are kept and told, and have no effect on the
// host.
const noHost = host.SockOption(255)

// intOption is an option with a value of type int.
type intOption struct {
	kind     optKind
	def      int32
	min, max int32 // EINVAL outside
	flag     bool  // 0 or 1
	to       host.SockOption
}

const maxInt32 = 1<<31 - 1

// intOptions are the options that have a value of type int, which is kept and,
// where it matters, passed to the host.
func intOptions() map[sockOpt]intOption {
	flag := func(kind optKind, to host.SockOption) intOption {
		return intOption{kind, 0, -maxInt32 - 1, maxInt32, true, to}
	}
	whole := func(kind optKind, def, least, most int32, to host.SockOption) intOption {
		return intOption{kind, def, least, most, false, to}
	}
	sock := func(n int) sockOpt { return sockOpt{abi.SOL_SOCKET, n} }
	tcp := func(n int) sockOpt { return sockOpt{abi.SOL_TCP, n} }
	ip := func(n int) sockOpt { return sockOpt{abi.SOL_IP, n} }
	ip6 := func(n int) sockOpt { return sockOpt{abi.SOL_IPV6, n} }
	return map[sockOpt]intOption{
		sock(abi.SO_REUSEADDR):          flag(anySocket, host.OptReuseAddr),
		sock(abi.SO_REUSEPORT):          flag(anySocket, host.OptReusePort),
		sock(abi.SO_KEEPALIVE):          flag(anySocket, host.OptKeepAlive),
		sock(abi.SO_BROADCAST):          flag(anySocket, host.OptBroadcast),
		sock(abi.SO_OOBINLINE):          flag(anySocket, host.OptInlineOOB),
		sock(abi.SO_DONTROUTE):          flag(anySocket, noHost),
		sock(abi.SO_NO_CHECK):           flag(anySocket, noHost),
		sock(abi.SO_PASSCRED):           flag(anySocket, noHost),
		sock(abi.SO_PASSSEC):            flag(anySocket, noHost),
		sock(abi.SO_RXQ_OVFL):           flag(anySocket, noHost),
		sock(abi.SO_SNDBUF):             whole(anySocket, 212992, -maxInt32-1, maxInt32, host.OptSendBuffer),
		sock(abi.SO_RCVBUF):             whole(anySocket, 212992, -maxInt32-1, maxInt32, host.OptReceiveBuffer),
		sock(abi.SO_PRIORITY):           whole(anySocket, 0, -maxInt32-1, maxInt32, noHost),
		sock(abi.SO_RCVLOWAT):           whole(anySocket, 1, -maxInt32-1, maxInt32, noHost),
		tcp(abi.TCP_NODELAY):            flag(tcpOnly, host.OptNoDelay),
		tcp(abi.TCP_INQ):                {tcpOnly, 0, 0, 1, true, noHost},
		tcp(abi.TCP_CORK):               flag(tcpOnly, noHost),
		tcp(abi.TCP_QUICKACK):           {tcpOnly, 1, -maxInt32 - 1, maxInt32, true, noHost},
		tcp(abi.TCP_KEEPIDLE):           whole(tcpOnly, 7200, 1, 32767, host.OptKeepIdle),
		tcp(abi.TCP_KEEPINTVL):          whole(tcpOnly, 75, 1, 32767, host.OptKeepInterval),
		tcp(abi.TCP_KEEPCNT):            whole(tcpOnly, 9, 1, 127, host.OptKeepCount),
		tcp(abi.TCP_SYNCNT):             whole(tcpOnly, 6, 1, 127, noHost),
		tcp(abi.TCP_LINGER2):            whole(tcpOnly, 60, -maxInt32-1, maxInt32, noHost),
		tcp(abi.TCP_DEFER_ACCEPT):       whole(tcpOnly, 0, -maxInt32-1, maxInt32, noHost),
		tcp(abi.TCP_USER_TIMEOUT):       whole(tcpOnly, 0, 0, maxInt32, noHost),
		tcp(abi.TCP_NOTSENT_LOWAT):      whole(tcpOnly, 0, -maxInt32-1, maxInt32, noHost),
		tcp(abi.TCP_WINDOW_CLAMP):       whole(tcpOnly, 0, -maxInt32-1, maxInt32, noHost),
		tcp(abi.TCP_MAXSEG):             whole(tcpOnly, 0, 0, 32767, noHost),
		tcp(abi.TCP_FASTOPEN):           whole(tcpOnly, 0, 0, maxInt32, noHost),
		ip(abi.IP_TOS):                  whole(inetOnly, 0, -maxInt32-1, maxInt32, host.OptTOS),
		ip(abi.IP_TTL):                  whole(inetOnly, 64, -1, 255, host.OptTTL),
		ip(abi.IP_MTU_DISCOVER):         whole(inetOnly, abi.IP_PMTUDISC_WANT, 0, 5, noHost),
		ip(abi.IP_RECVERR):              flag(inetOnly, noHost),
		ip(abi.IP_FREEBIND):             flag(inetOnly, noHost),
		ip(abi.IP_BIND_ADDRESS_NO_PORT): flag(inetOnly, noHost),
		ip(abi.IP_MULTICAST_TTL):        whole(inetOnly, 1, -1, 255, host.OptMulticastTTL),
		ip(abi.IP_MULTICAST_LOOP):       {inetOnly, 1, -maxInt32 - 1, maxInt32, true, host.OptMulticastLoop},
		ip(abi.IP_MULTICAST_ALL):        {inetOnly, 1, 0, 1, true, noHost},
		ip(abi.IP_PKTINFO):              flag(inetOnly, host.OptPacketInfo),
		ip(abi.IP_RECVTTL):              flag(inetOnly, host.OptRecvTTL),
		ip(abi.IP_RECVTOS):              flag(inetOnly, host.OptRecvTOS),
		ip6(abi.IPV6_RECVPKTINFO):       flag(inet6Only, host.OptPacketInfo6),
		ip6(abi.IPV6_RECVHOPLIMIT):      flag(inet6Only, host.OptRecvTTL6),
		ip6(abi.IPV6_RECVTCLASS):        flag(inet6Only, host.OptRecvTOS6),
		ip6(abi.IPV6_V6ONLY):            flag(inet6Only, host.OptOnly6),
		ip6(abi.IPV6_UNICAST_HOPS):      whole(inet6Only, 64, -1, 255, host.OptHops6),
		ip6(abi.IPV6_TCLASS):            whole(inet6Only, 0, -1, 255, host.OptClass6),
		ip6(abi.IPV6_MULTICAST_HOPS):    whole(inet6Only, 1, -1, 255, host.OptMulticastHops6),
		ip6(abi.IPV6_MULTICAST_LOOP):    {inet6Only, 1, 0, 1, true, host.OptMulticastLoop6},
		ip6(abi.IPV6_MULTICAST_IF):      whole(inet6Only, 0, 0, maxInt32, host.OptMulticastIf6),
		ip6(abi.IPV6_MTU_DISCOVER):      whole(inet6Only, abi.IPV6_PMTUDISC_WANT, 0, 5, noHost),
		ip6(abi.IPV6_RECVERR):           flag(inet6Only, noHost),
		sock(abi.SO_PEEK_OFF):           whole(unixOnly, -1, -maxInt32-1, maxInt32, noHost),
	}
}

// flag tells whether an option that is kept is on.
func (s *socket) flag(level, name int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opts[sockOpt{level, name}] != 0
}

func (s *socket) suits(k optKind) bool {
	ip := s.domain == abi.AF_INET || s.domain == abi.AF_INET6
	switch k {
	case inetOnly:
		return ip
	case tcpOnly:
		return ip && s.proto == abi.IPPROTO_TCP
	case inet6Only:
		return s.domain == abi.AF_INET6
	case unixOnly:
		return s.domain == abi.AF_UNIX
	}
	return true
}

// optLevel is whose options a call asks for.
type optLevel uint8

const (
	noLevel     optLevel = iota // of a protocol that the socket does not have
	socketLevel                 // SOL_SOCKET
	ip4Level                    // SOL_IP
	ip6Level                    // SOL_IPV6
	protoLevel                  // the socket's own: SOL_TCP, SOL_UDP
)

// level tells whose options those of a level are. Sockets of IPv6 have those
// of IPv4 as well.
func (s *socket) level(level int) optLevel {
	ip := s.domain == abi.AF_INET || s.domain == abi.AF_INET6
	switch {
	case level == abi.SOL_SOCKET:
		return socketLevel
	case ip && level == abi.SOL_IP:
		return ip4Level
	case s.domain == abi.AF_INET6 && level == abi.SOL_IPV6:
		return ip6Level
	case ip && level == s.proto, s.domain == abi.AF_NETLINK && level == abi.SOL_NETLINK:
		return protoLevel
	}
	return noLevel
}

// Limits of buffers: net.core.rmem_max and the least that Linux grants.
const (
	maxSockBuf    = 212992
	leastRecvBuf  = 2304
	leastSendBuf  = 4608
	firstTCPRead  = 131072
	firstTCPWrite = 16384
)

// Limits of TCP's options (tcp(7) and tcp.h).
const (
	maxLinger2   = 120 // TCP_FIN_TIMEOUT_MAX, seconds
	leastSegment = 88  // TCP_MIN_MSS
	firstSegment = 536 // TCP_MSS_DEFAULT, as long as nobody has answered
)

// retransmissions is the number of SYN-ACKs that fill a time in seconds, and
// retransmitTime the time that they take: what TCP_DEFER_ACCEPT keeps is the
// number. The first second doubles up to two minutes (RFC 6298).
func retransmissions(seconds int32) (n int32) {
	for period, wait := int32(0), int32(1); n < 255 && period < seconds; n++ {
		period += wait
		wait = min(2*wait, 120)
	}
	return n
}

func retransmitTime(n int32) (seconds int32) {
	for wait := int32(1); n > 0; n-- {
		seconds += wait
		wait = min(2*wait, 120)
	}
	return seconds
}

// inherit gives a connection what its listener has been told.
func (s *socket) inherit(c *socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.opts, c.linger, c.rcvTimeo, c.sndTimeo, c.reno, c.stamp = maps.Clone(s.opts), s.linger, s.rcvTimeo, s.sndTimeo, s.reno, s.stamp
	if i, ok := c.fam.(*inet); ok { // Windows passes on most, not all
		for o, v := range c.opts {
			switch o {
			case sockOpt{abi.SOL_TCP, abi.TCP_NODELAY}, sockOpt{abi.SOL_SOCKET, abi.SO_KEEPALIVE}, sockOpt{abi.SOL_TCP, abi.TCP_KEEPIDLE},
				sockOpt{abi.SOL_TCP, abi.TCP_KEEPINTVL}, sockOpt{abi.SOL_TCP, abi.TCP_KEEPCNT}:
				_ = i.sock().SetOption(intOptions()[o].to, int(v))
			}
		}
	}
}

func sysSetsockopt(t *Task, a Args) (uint64, abi.Errno) {
	s, f, e := t.socket(a[0])
	if e != 0 {
		return 0, e
	}
	defer t.proc.files.put(f)
	if int32(a[4]) < 0 {
		return 0, abi.EINVAL
	}
	return 0, s.setOption(t, int(int32(a[1])), int(int32(a[2])), a[3], uint64(uint32(a[4])))
}

// setOption follows the order in which Linux looks at level, length, pointer
// and name, so that of several faults the same one is told.
func (s *socket) setOption(t *Task, level, name int, addr, size uint64) abi.Errno {
	of := s.level(level)
	if of == noLevel {
		if s.domain == abi.AF_UNIX {
			return abi.EOPNOTSUPP
		}
		return abi.ENOPROTOOPT
	}
	if s.domain == abi.AF_NETLINK && of == protoLevel {
		return 0 // what they switch on concerns messages that never come
	}
	o := sockOpt{level, name}
	switch o {
	case sockOpt{abi.SOL_SOCKET, abi.SO_BINDTODEVICE}:
		return abi.EPERM
	case sockOpt{abi.SOL_IP, abi.IP_ADD_MEMBERSHIP}, sockOpt{abi.SOL_IP, abi.IP_DROP_MEMBERSHIP}, sockOpt{abi.SOL_IP, abi.IP_MULTICAST_IF}:
		return s.setGroup4(t, name, addr, size)
	case sockOpt{abi.SOL_IPV6, abi.IPV6_ADD_MEMBERSHIP}, sockOpt{abi.SOL_IPV6, abi.IPV6_DROP_MEMBERSHIP}:
		return s.setGroup6(t, name, addr, size)
	case sockOpt{abi.SOL_TCP, abi.TCP_CONGESTION}:
		return s.setCongestion(t, addr, size)
	}
	spec, known := intOptions()[o]
	known = known && s.suits(spec.kind)
	if !known && of == ip4Level && o.name != abi.IP_TRANSPARENT && o.name != abi.IP_HDRINCL {
		return abi.ENOPROTOOPT
	}
	var v uint32
	switch e := abi.Errno(0); {
	case of == ip6Level && size < 4 && (!known || s.ofDatagrams(o)):
		return abi.ENOPROTOOPT
	case of != ip4Level && size < 4:
		return abi.EINVAL
	case size >= 4:
		if v, e = t.ReadUint32(addr); e != 0 {
			return e
		}
	case size > 0: // options of IP take a single byte as well, and some none
		b := []byte{0}
		if e = t.CopyIn(addr, b); e != 0 {
			return e
		}
		v = uint32(b[0])
	case o.wantsValue():
		return abi.EINVAL
	}
	switch o {
	case sockOpt{abi.SOL_SOCKET, abi.SO_RCVTIMEO_OLD}, sockOpt{abi.SOL_SOCKET, abi.SO_SNDTIMEO_OLD},
		sockOpt{abi.SOL_SOCKET, abi.SO_RCVTIMEO_NEW}, sockOpt{abi.SOL_SOCKET, abi.SO_SNDTIMEO_NEW}:
		return s.setTimeout(t, name, addr, size)
	case sockOpt{abi.SOL_SOCKET, abi.SO_LINGER}:
		return s.setLinger(t, addr, size)
	case sockOpt{abi.SOL_SOCKET, abi.SO_TIMESTAMP_OLD}, sockOpt{abi.SOL_SOCKET, abi.SO_TIMESTAMPNS_OLD},
		sockOpt{abi.SOL_SOCKET, abi.SO_TIMESTAMP_NEW}, sockOpt{abi.SOL_SOCKET, abi.SO_TIMESTAMPNS_NEW}:
		return s.setStamp(name, v)
	case sockOpt{abi.SOL_SOCKET, abi.SO_DEBUG}:
		if v != 0 {
			return abi.EACCES
		}
		return 0
	case sockOpt{abi.SOL_SOCKET, abi.SO_MARK}, sockOpt{abi.SOL_SOCKET, abi.SO_SNDBUFFORCE}, sockOpt{abi.SOL_SOCKET, abi.SO_RCVBUFFORCE}:
		return abi.EPERM // for CAP_NET_ADMIN
	case sockOpt{abi.SOL_IP, abi.IP_TRANSPARENT}:
		if v != 0 {
			return abi.EPERM
		}
		return 0
	}
	if !known || s.ofDatagrams(o) {
		return abi.ENOPROTOOPT
	}
	return s.setInt(o, spec, int32(v))
}

// ofDatagrams tells the options of IPv6 that streams do not have.
func (s *socket) ofDatagrams(o sockOpt) bool {
	return s.stream() && (o == sockOpt{abi.SOL_IPV6, abi.IPV6_MULTICAST_HOPS} || o == sockOpt{abi.SOL_IPV6, abi.IPV6_MULTICAST_IF})
}

// wantsValue tells the options of IP that are EINVAL without a value; the
// others take that for 0.
func (o sockOpt) wantsValue() bool {
	switch o.name {
	case abi.IP_TTL, abi.IP_FREEBIND, abi.IP_MULTICAST_TTL, abi.IP_MULTICAST_LOOP, abi.IP_MULTICAST_ALL, abi.IP_TRANSPARENT:
		return o.level == abi.SOL_IP
	}
	return false
}

func (s *socket) setInt(o sockOpt, spec intOption, v int32) abi.Errno {
	if v < spec.min || v > spec.max {
		return abi.EINVAL
	}
	if spec.flag && v != 0 {
		v = 1
	}
	pass := v
	switch o {
	case sockOpt{abi.SOL_SOCKET, abi.SO_RCVBUF}:
		pass = min(max(v, 0), maxSockBuf)
		v = max(2*pass, leastRecvBuf)
	case sockOpt{abi.SOL_SOCKET, abi.SO_SNDBUF}:
		pass = min(max(v, 0), maxSockBuf)
		v = max(2*pass, leastSendBuf)
	case sockOpt{abi.SOL_SOCKET, abi.SO_RCVLOWAT}:
		if v < 0 {
			v = maxInt32
		}
		v = max(v, 1)
	case sockOpt{abi.SOL_SOCKET, abi.SO_PRIORITY}:
		if v < 0 || v > 6 {
			return abi.EPERM
		}
	case sockOpt{abi.SOL_TCP, abi.TCP_LINGER2}:
		switch {
		case v < 0:
			v = -1
		case v == 0:
			v = spec.def
		default:
			v = min(v, maxLinger2)
		}
	case sockOpt{abi.SOL_TCP, abi.TCP_DEFER_ACCEPT}:
		v = retransmitTime(retransmissions(v))
	case sockOpt{abi.SOL_TCP, abi.TCP_WINDOW_CLAMP}:
		if v != 0 {
			v = max(v, leastRecvBuf/2)
		}
	case sockOpt{abi.SOL_TCP, abi.TCP_FASTOPEN}:
		v = min(v, abi.SOMAXCONN)
	case sockOpt{abi.SOL_TCP, abi.TCP_MAXSEG}:
		if v != 0 && v < leastSegment {
			return abi.EINVAL
		}
	case sockOpt{abi.SOL_IP, abi.IP_TTL}:
		if v == 0 {
			return abi.EINVAL
		}
		if v == -1 {
			v, pass = 64, 64
		}
	case sockOpt{abi.SOL_IP, abi.IP_MULTICAST_TTL}, sockOpt{abi.SOL_IPV6, abi.IPV6_MULTICAST_HOPS}:
		if s.stream() {
			return abi.EINVAL
		}
		if v == -1 {
			v, pass = 1, 1
		}
	case sockOpt{abi.SOL_IPV6, abi.IPV6_UNICAST_HOPS}:
		if v == -1 {
			v, pass = 64, 64
		}
	case sockOpt{abi.SOL_IPV6, abi.IPV6_TCLASS}:
		v = max(v, 0)
		if s.stream() {
			v &^= 3 // ECN is the protocol's own
		}
		pass = v
	case sockOpt{abi.SOL_IP, abi.IP_TOS}:
		v &= 0xff
		if s.stream() {
			v &^= 3 // ECN is the protocol's own
		}
		pass = v
	}
	if i, ok := s.fam.(*inet); ok && spec.to != noHost {
		e := i.sock().SetOption(spec.to, int(pass))
		switch o {
		case sockOpt{abi.SOL_IPV6, abi.IPV6_V6ONLY}:
			if i.isBound() {
				return abi.EINVAL
			}
			if e != 0 {
				return e
			}
		case sockOpt{abi.SOL_IPV6, abi.IPV6_MULTICAST_IF}:
			if e != 0 {
				return abi.ENODEV
			}
		}
		// Others are hints: what Windows does not take is kept all the same.
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opts[o] = v
	return 0
}

func (i *inet) isBound() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.bound
}

// tick is what times of sockets are rounded up to, as with Linux's usual
// CONFIG_HZ of 250.
const tick = 4 * time.Millisecond

func (s *socket) setTimeout(t *Task, name int, addr, size uint64) abi.Errno {
	wide := t.is64() || name == abi.SO_RCVTIMEO_NEW || name == abi.SO_SNDTIMEO_NEW
	need := uint64(8)
	if wide {
		need = 16
	}
	if size < need {
		return abi.EINVAL
	}
	m, e := t.Bytes(addr, need, false)
	if e != 0 {
		return e
	}
	sec, usec := int64(int32(le32(m))), int64(int32(le32(m[4:])))
	if wide {
		sec, usec = int64(le64(m)), int64(le64(m[8:]))
	}
	if usec < 0 || usec >= 1e6 {
		return abi.EDOM
	}
	d := time.Duration(0)
	switch {
	case sec < 0:
		d = time.Nanosecond // at once
	case sec > 1<<32:
	default:
		d = time.Duration(sec)*time.Second + time.Duration(usec)*time.Microsecond
		d = (d + tick - 1) / tick * tick
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if name == abi.SO_RCVTIMEO_OLD || name == abi.SO_RCVTIMEO_NEW {
		s.rcvTimeo = d
	} else {
		s.sndTimeo = d
	}
	return 0
}

func (s *socket) setLinger(t *Task, addr, size uint64) abi.Errno {
	if size < 8 {
		return abi.EINVAL
	}
	m, e := t.Bytes(addr, 8, false)
	if e != 0 {
		return e
	}
	on, seconds := int32(le32(m)), int32(le32(m[4:]))
	if i, ok := s.fam.(*inet); ok && s.stream() {
		v := -1
		if on != 0 {
			v = int(min(uint32(seconds), 65535))
		}
		if e := i.sock().SetOption(host.OptLinger, v); e != 0 {
			return e
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if on != 0 {
		s.linger = [2]int32{1, seconds}
	} else {
		s.linger[0] = 0
	}
	return 0
}

// congestionSize is TCP_CA_NAME_MAX.
const congestionSize = 16

// setCongestion takes a name of net.ipv4.tcp_allowed_congestion_control, which
// changes nothing on the host.
func (s *socket) setCongestion(t *Task, addr, size uint64) abi.Errno {
	if size < 1 {
		return abi.EINVAL
	}
	b := make([]byte, min(size, congestionSize-1))
	if e := t.CopyIn(addr, b); e != 0 {
		return e
	}
	n, _ := cstring(b)
	if n != "cubic" && n != "reno" {
		return abi.ENOENT
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reno = n == "reno"
	return 0
}

func (s *socket) congestion() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := make([]byte, congestionSize)
	if s.reno {
		copy(b, "reno")
	} else {
		copy(b, "cubic")
	}
	return b
}

func cstring(b []byte) (string, bool) {
	for i, c := range b {
		if c == 0 {
			return string(b[:i]), true
		}
	}
	return string(b), false
}

// setGroup4 is a multicast group, or the interface for sending to one: struct
// in_addr, ip_mreq or ip_mreqn.
func (s *socket) setGroup4(t *Task, name int, addr, size uint64) abi.Errno {
	i := s.fam.(*inet)
	if s.stream() {
		if name == abi.IP_MULTICAST_IF {
			return abi.EINVAL
		}
		return abi.EPROTO
	}
	least := uint64(abi.SizeofI386IPMreq)
	if name == abi.IP_MULTICAST_IF {
		least = 4
	}
	if size < least {
		return abi.EINVAL
	}
	b := make([]byte, abi.SizeofI386IPMreqn)
	if e := t.CopyIn(addr, b[:min(size, uint64(len(b)))]); e != 0 {
		return e
	}
	group, local := [4]byte(b[:4]), [4]byte(b[4:8])
	index := binary.LittleEndian.Uint32(b[8:])
	if size < uint64(len(b)) {
		index = 0
	}
	if name == abi.IP_MULTICAST_IF && size < abi.SizeofI386IPMreq {
		local = group
	}
	if index == 0 && local != [4]byte{} {
		var e abi.Errno
		if index, e = t.interfaceOf(local); e != 0 {
			if name == abi.IP_MULTICAST_IF {
				return abi.EADDRNOTAVAIL
			}
			return abi.ENODEV
		}
	}
	if name == abi.IP_MULTICAST_IF {
		e := i.sock().SetOption(host.OptMulticastIf, int(index))
		if e == 0 {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.opts[sockOpt{abi.SOL_IP, name}] = int32(binary.LittleEndian.Uint32(local[:]))
		}
		return e
	}
	if group[0]&0xf0 != 0xe0 {
		return abi.EINVAL
	}
	g := host.SockAddr{Family: abi.AF_INET}
	copy(g.Addr[:], group[:])
	return s.join(i, g, index, name == abi.IP_DROP_MEMBERSHIP)
}

func (s *socket) setGroup6(t *Task, name int, addr, size uint64) abi.Errno {
	i := s.fam.(*inet)
	if size < abi.SizeofI386IPv6Mreq {
		return abi.EINVAL
	}
	b := make([]byte, abi.SizeofI386IPv6Mreq)
	if e := t.CopyIn(addr, b); e != 0 {
		return e
	}
	if s.stream() {
		return abi.EPROTO
	}
	g := host.SockAddr{Family: abi.AF_INET6, Addr: [16]byte(b)}
	if g.Addr[0] != 0xff {
		return abi.EINVAL
	}
	return s.join(i, g, binary.LittleEndian.Uint32(b[16:]), name == abi.IPV6_DROP_MEMBERSHIP)
}

// join passes a group on. Windows calls a second membership an invalid
// argument, and leaving without one an address that is not there.
func (s *socket) join(i *inet, g host.SockAddr, index uint32, leave bool) abi.Errno {
	e := i.sock().Join(g, index, leave)
	if !leave && e == abi.EINVAL {
		return abi.EADDRINUSE
	}
	if leave && e == abi.EINVAL {
		return abi.EADDRNOTAVAIL
	}
	return e
}

func sysGetsockopt(t *Task, a Args) (uint64, abi.Errno) {
	s, f, e := t.socket(a[0])
	if e != 0 {
		return 0, e
	}
	defer t.proc.files.put(f)
	level, name := int(int32(a[1])), int(int32(a[2]))
	of := s.level(level)
	if of == noLevel {
		if s.domain == abi.AF_INET6 || s.domain == abi.AF_NETLINK {
			return 0, abi.ENOPROTOOPT
		}
		return 0, abi.EOPNOTSUPP
	}
	room, e := t.ReadUint32(a[4])
	if e != 0 {
		return 0, e
	}
	if int32(room) < 0 && of != ip6Level {
		return 0, abi.EINVAL
	}
	b, e := s.option(t, level, name)
	if e != 0 {
		return 0, e
	}
	o := sockOpt{level, name}
	switch {
	case of == ip4Level && name != abi.IP_MULTICAST_IF && room > 0 && room < 4 && len(b) == 4 && le32(b) < 256:
		b = b[:1]
	case o == sockOpt{abi.SOL_SOCKET, abi.SO_PEERNAME} && len(b) < int(room):
		return 0, abi.EINVAL
	}
	n := int(min(uint64(room), uint64(len(b))))
	if e := t.CopyOut(a[3], b[:n]); e != 0 {
		return 0, e
	}
	return 0, t.WriteUint32(a[4], uint32(n))
}

func int32Bytes(v ...int32) []byte {
	b := make([]byte, 4*len(v))
	for i, x := range v {
		put32(b[4*i:], uint32(x))
	}
	return b
}

// option tells an option's value.
func (s *socket) option(t *Task, level, name int) ([]byte, abi.Errno) {
	switch level {
	case abi.SOL_SOCKET:
		switch name {
		case abi.SO_TYPE:
			return int32Bytes(int32(s.typ)), 0
		case abi.SO_DOMAIN:
			return int32Bytes(int32(s.domain)), 0
		case abi.SO_PROTOCOL:
			return int32Bytes(int32(s.proto)), 0
		case abi.SO_ERROR:
			return int32Bytes(int32(s.fam.takeError(s))), 0
		case abi.SO_ACCEPTCONN:
			v := int32(0)
			if s.fam.listening(s) {
				v = 1
			}
			return int32Bytes(v), 0
		case abi.SO_SNDLOWAT:
			return int32Bytes(1), 0
		case abi.SO_DEBUG, abi.SO_MARK, abi.SO_INCOMING_CPU, abi.SO_BUSY_POLL, abi.SO_ZEROCOPY:
			return int32Bytes(0), 0
		case abi.SO_TIMESTAMP_OLD, abi.SO_TIMESTAMPNS_OLD, abi.SO_TIMESTAMP_NEW, abi.SO_TIMESTAMPNS_NEW:
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.stamp == name {
				return int32Bytes(1), 0
			}
			return int32Bytes(0), 0
		case abi.SO_PEERNAME:
			b, e := s.fam.peer(t, s)
			if e != 0 {
				return nil, abi.ENOTCONN
			}
			return b, 0
		case abi.SO_COOKIE:
			return binary.LittleEndian.AppendUint64(nil, s.ino), 0
		case abi.SO_BINDTODEVICE:
			return nil, 0
		case abi.SO_LINGER:
			s.mu.Lock()
			defer s.mu.Unlock()
			return int32Bytes(s.linger[:]...), 0
		case abi.SO_PEERCRED:
			c := ucred{0, ^uint32(0), ^uint32(0)}
			if u, ok := s.fam.(*unixSocket); ok {
				c = u.peerCred()
			}
			return int32Bytes(c.pid, int32(c.uid), int32(c.gid)), 0
		case abi.SO_PEERGROUPS:
			if u, ok := s.fam.(*unixSocket); ok && u.peerCred().pid != 0 {
				return int32Bytes(int32(t.proc.gid)), 0
			}
			return nil, abi.ENODATA
		case abi.SO_RCVTIMEO_OLD, abi.SO_SNDTIMEO_OLD, abi.SO_RCVTIMEO_NEW, abi.SO_SNDTIMEO_NEW:
			return s.timeout(t, name), 0
		}
	case abi.SOL_IP:
		switch name {
		case abi.IP_TRANSPARENT, abi.IP_HDRINCL:
			return int32Bytes(0), 0
		}
		if name == abi.IP_MULTICAST_IF && s.suits(inetOnly) {
			s.mu.Lock()
			defer s.mu.Unlock()
			return int32Bytes(s.opts[sockOpt{level, name}]), 0
		}
		if name == abi.IP_MTU && s.suits(inetOnly) {
			if _, e := s.fam.peer(t, s); e != 0 {
				return nil, abi.ENOTCONN
			}
			return int32Bytes(1500), 0
		}
	case abi.SOL_TCP:
		if !s.suits(tcpOnly) {
			break
		}
		switch name {
		case abi.TCP_CONGESTION:
			return s.congestion(), 0
		case abi.TCP_INFO:
			return s.tcpInfo(), 0
		}
	}
	o := sockOpt{level, name}
	spec, ok := intOptions()[o]
	if !ok || !s.suits(spec.kind) {
		return nil, abi.ENOPROTOOPT
	}
	s.mu.Lock()
	v, ok := s.opts[o]
	s.mu.Unlock()
	if o == (sockOpt{abi.SOL_TCP, abi.TCP_MAXSEG}) && v == 0 {
		v = firstSegment
	} else if !ok {
		v = spec.def
		switch {
		case s.domain == abi.AF_INET6 && o == sockOpt{abi.SOL_IP, abi.IP_MULTICAST_ALL}:
			v = 0
		case s.proto != abi.IPPROTO_TCP || s.domain == abi.AF_UNIX:
		case o == sockOpt{abi.SOL_SOCKET, abi.SO_RCVBUF}:
			v = firstTCPRead
		case o == sockOpt{abi.SOL_SOCKET, abi.SO_SNDBUF}:
			v = firstTCPWrite
		}
	}
	return int32Bytes(v), 0
}

// timeout tells SO_RCVTIMEO or SO_SNDTIMEO.
func (s *socket) timeout(t *Task, name int) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.sndTimeo
	if name == abi.SO_RCVTIMEO_OLD || name == abi.SO_RCVTIMEO_NEW {
		d = s.rcvTimeo
	}
	sec, usec := int64(d/time.Second), int64(d%time.Second/time.Microsecond)
	if t.is64() || name == abi.SO_RCVTIMEO_NEW || name == abi.SO_SNDTIMEO_NEW {
		b := binary.LittleEndian.AppendUint64(nil, uint64(sec))
		return binary.LittleEndian.AppendUint64(b, uint64(usec))
	}
	return int32Bytes(int32(sec), int32(usec))
}

// tcpInfo is struct tcp_info with the state and what all connections have;
// Windows keeps the rest to itself.
func (s *socket) tcpInfo() []byte {
	const (
		established = 1
		synSent     = 2
		closed      = 7
		closeWait   = 8
		listen      = 10
		finWait     = 5
	)
	b := make([]byte, abi.SizeofAMD64TCPInfo)
	state := byte(closed)
	if i, ok := s.fam.(*inet); ok {
		i.mu.Lock()
		i.settle()
		switch {
		case i.state == inetListening:
			state = listen
		case i.state == inetConnecting:
			state = synSent
		case i.state != inetConnected || i.reset:
		case i.eof || i.sock().Poll().RdHup:
			if !i.wrShut {
				state = closeWait
			}
		case i.wrShut:
			state = finWait
		default:
			state = established
		}
		i.mu.Unlock()
	}
	b[abi.AMD64TCPInfoState] = state
	put32(b[abi.AMD64TCPInfoRto:], 200000)
	put32(b[abi.AMD64TCPInfoSndMss:], 536)
	put32(b[abi.AMD64TCPInfoSndCwnd:], 10)
	return b
}
