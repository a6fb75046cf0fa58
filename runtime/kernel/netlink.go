package kernel

import (
	"encoding/binary"
	"sync"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// netlink is a socket of NETLINK_ROUTE. It answers what getifaddrs(3) and
// getaddrinfo(3) ask: lists of links and of addresses (rtnetlink(7)).
type netlink struct {
	// mu guards what follows; it is a leaf.
	mu      sync.Mutex
	port    uint32
	groups  uint32
	answers [][]byte
}

// netlinkDatagram is how long an answer gets at most: programs read with
// buffers of a page.
const netlinkDatagram = 3 << 10

func (t *Task) newNetlink(typ, proto int) (*socket, abi.Errno) {
	if typ != abi.SOCK_RAW && typ != abi.SOCK_DGRAM {
		return nil, abi.ESOCKTNOSUPPORT
	}
	if proto != abi.NETLINK_ROUTE {
		return nil, abi.EPROTONOSUPPORT
	}
	return t.proc.newSocket(abi.AF_NETLINK, typ, proto, &netlink{}), 0
}

func (n *netlink) bind(t *Task, s *socket, addr []byte) abi.Errno {
	if len(addr) < abi.SizeofI386SockaddrNl || addrFamily(addr) != abi.AF_NETLINK {
		return abi.EINVAL
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	want := binary.LittleEndian.Uint32(addr[4:])
	if n.port != 0 && want != 0 && want != n.port {
		return abi.EINVAL
	}
	if want != 0 {
		n.port = want
	}
	n.named(t, s)
	n.groups = binary.LittleEndian.Uint32(addr[8:])
	return 0
}

// named gives the socket a port: the first has the process's id. n.mu is held.
func (n *netlink) named(t *Task, s *socket) {
	if n.port != 0 {
		return
	}
	if s.net.port.CompareAndSwap(0, 1) {
		n.port = uint32(t.proc.pid)
		return
	}
	n.port = -(4096 + s.net.port.Add(1)) // as Linux: negative ones for further sockets
}

func (n *netlink) connect(t *Task, s *socket, addr []byte, _ bool) abi.Errno {
	if addrFamily(addr) == abi.AF_UNSPEC {
		return 0
	}
	if len(addr) < abi.SizeofI386SockaddrNl || addrFamily(addr) != abi.AF_NETLINK {
		return abi.EINVAL
	}
	if binary.LittleEndian.Uint32(addr[4:]) != 0 {
		return abi.EPERM
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.named(t, s)
	return 0
}

func (n *netlink) listen(*Task, *socket, int) abi.Errno       { return abi.EOPNOTSUPP }
func (n *netlink) accept(*Task, *socket) (*socket, abi.Errno) { return nil, abi.EOPNOTSUPP }
func (n *netlink) shutdown(*Task, *socket, int) abi.Errno     { return abi.EOPNOTSUPP }
func (n *netlink) watch(*socket)                              {}
func (n *netlink) takeError(*socket) abi.Errno                { return 0 }
func (n *netlink) listening(*socket) bool                     { return false }
func (n *netlink) close(*socket)                              {}
func (n *netlink) peer(*Task, *socket) ([]byte, abi.Errno)    { return netlinkAddr(0, 0), 0 }
func (n *netlink) available(*Task, *socket) (int, abi.Errno) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.answers) == 0 {
		return 0, 0
	}
	return len(n.answers[0]), 0
}

func netlinkAddr(port, groups uint32) []byte {
	b := make([]byte, abi.SizeofI386SockaddrNl)
	b[0] = abi.AF_NETLINK
	binary.LittleEndian.PutUint32(b[4:], port)
	binary.LittleEndian.PutUint32(b[8:], groups)
	return b
}

func (n *netlink) name(*Task, *socket) ([]byte, abi.Errno) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return netlinkAddr(n.port, n.groups), 0
}

func (n *netlink) poll(*Task, *socket) host.Ready {
	n.mu.Lock()
	defer n.mu.Unlock()
	return host.Ready{In: len(n.answers) > 0, Out: true}
}

func (n *netlink) recv(_ *Task, _ *socket, m *sockMsg) (int, abi.Errno) {
	if m.flags&abi.MSG_OOB != 0 {
		return 0, abi.EOPNOTSUPP
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.answers) == 0 {
		return 0, abi.EAGAIN
	}
	b := n.answers[0]
	if m.flags&abi.MSG_PEEK == 0 {
		n.answers = n.answers[1:]
	}
	k := scatter(m.bufs, b)
	m.full, m.name = len(b), netlinkAddr(0, 0)
	if k < len(b) {
		m.out |= abi.MSG_TRUNC
	}
	return k, 0
}

// send takes requests; the answers are there when it returns.
func (n *netlink) send(t *Task, s *socket, m *sockMsg) (int, abi.Errno) {
	if len(m.name) > 0 {
		if len(m.name) < abi.SizeofI386SockaddrNl || addrFamily(m.name) != abi.AF_NETLINK {
			return 0, abi.EINVAL
		}
		if binary.LittleEndian.Uint32(m.name[4:]) != 0 {
			return 0, abi.ECONNREFUSED // nobody else listens
		}
	}
	size := m.size()
	if size > unixLargest {
		return 0, abi.EMSGSIZE
	}
	req := make([]byte, 0, size)
	for _, b := range m.bufs {
		req = append(req, b...)
	}
	defer s.q.wake()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.named(t, s)
	for len(req) >= abi.NLMSG_HDRLEN {
		length := int(binary.LittleEndian.Uint32(req))
		if length < abi.NLMSG_HDRLEN || length > len(req) {
			break
		}
		n.request(t, req[:length])
		req = req[min(len(req), (length+3)&^3):]
	}
	return size, 0
}

// answer collects messages into datagrams.
type netlinkAnswer struct {
	seq, port uint32
	done      [][]byte
	cur       []byte
}

// add puts a message; body is what follows its header.
func (a *netlinkAnswer) add(typ, flags uint16, body []byte) {
	size := abi.NLMSG_HDRLEN + len(body)
	if len(a.cur)+size > netlinkDatagram {
		a.flush()
	}
	h := make([]byte, abi.NLMSG_HDRLEN)
	binary.LittleEndian.PutUint32(h, uint32(size))
	binary.LittleEndian.PutUint16(h[4:], typ)
	binary.LittleEndian.PutUint16(h[6:], flags)
	binary.LittleEndian.PutUint32(h[8:], a.seq)
	binary.LittleEndian.PutUint32(h[12:], a.port)
	a.cur = append(append(a.cur, h...), body...)
	for len(a.cur)%4 != 0 {
		a.cur = append(a.cur, 0)
	}
}

func (a *netlinkAnswer) flush() {
	if len(a.cur) > 0 {
		a.done = append(a.done, a.cur)
		a.cur = nil
	}
}

// attr appends an attribute (struct rtattr).
func attr(b []byte, typ uint16, data []byte) []byte {
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	b = binary.LittleEndian.AppendUint16(b, uint16(4+len(data)))
	b = binary.LittleEndian.AppendUint16(b, typ)
	b = append(b, data...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

// request answers one request. n.mu is held.
func (n *netlink) request(t *Task, req []byte) {
	typ, flags := binary.LittleEndian.Uint16(req[4:]), binary.LittleEndian.Uint16(req[6:])
	a := &netlinkAnswer{seq: binary.LittleEndian.Uint32(req[8:]), port: n.port}
	defer func() {
		a.flush()
		n.answers = append(n.answers, a.done...)
	}()
	if flags&abi.NLM_F_REQUEST == 0 || typ < abi.NLMSG_MIN_TYPE {
		return
	}
	fail := func(e abi.Errno) {
		body := append(int32Bytes(-int32(e)), req[:abi.NLMSG_HDRLEN]...)
		if e != 0 {
			body = append(body, req[abi.NLMSG_HDRLEN:]...)
		}
		a.add(abi.NLMSG_ERROR, 0, body)
	}
	body := req[abi.NLMSG_HDRLEN:]
	if len(body) < 1 {
		fail(abi.EINVAL)
		return
	}
	list, e := t.interfaces()
	if e != 0 {
		fail(e)
		return
	}
	dump := flags&abi.NLM_F_DUMP == abi.NLM_F_DUMP
	switch typ {
	case abi.RTM_GETLINK:
		if !dump {
			n.oneLink(a, list, body, fail)
			return
		}
		for i := range list {
			a.add(abi.RTM_NEWLINK, abi.NLM_F_MULTI, linkMessage(&list[i]))
		}
	case abi.RTM_GETADDR:
		if !dump {
			fail(abi.EOPNOTSUPP)
			return
		}
		for _, family := range []uint16{abi.AF_INET, abi.AF_INET6} {
			if body[0] != 0 && uint16(body[0]) != family {
				continue
			}
			for i := range list {
				for _, x := range list[i].Addrs {
					if x.Family == family {
						a.add(abi.RTM_NEWADDR, abi.NLM_F_MULTI, addrMessage(&list[i], x))
					}
				}
			}
		}
	case abi.RTM_GETROUTE, abi.RTM_GETNEIGH, abi.RTM_GETRULE:
		if !dump {
			fail(abi.EOPNOTSUPP)
			return
		}
	case abi.RTM_NEWLINK, abi.RTM_DELLINK, abi.RTM_SETLINK, abi.RTM_NEWADDR, abi.RTM_DELADDR, abi.RTM_NEWROUTE, abi.RTM_DELROUTE:
		fail(abi.EPERM)
		return
	default:
		fail(abi.EOPNOTSUPP)
		return
	}
	a.flush()
	a.add(abi.NLMSG_DONE, abi.NLM_F_MULTI, int32Bytes(0))
}

// oneLink answers RTM_GETLINK for the interface of an index or a name.
func (n *netlink) oneLink(a *netlinkAnswer, list []host.Interface, body []byte, fail func(abi.Errno)) {
	if len(body) < abi.SizeofI386Ifinfomsg {
		fail(abi.EINVAL)
		return
	}
	index, name := binary.LittleEndian.Uint32(body[4:]), ""
	for b := body[abi.SizeofI386Ifinfomsg:]; len(b) >= 4; {
		size := int(binary.LittleEndian.Uint16(b))
		if size < 4 || size > len(b) {
			break
		}
		if binary.LittleEndian.Uint16(b[2:]) == abi.IFLA_IFNAME {
			name, _ = cstring(b[4:size])
		}
		b = b[min(len(b), (size+3)&^3):]
	}
	if index == 0 && name == "" {
		fail(abi.EINVAL)
		return
	}
	for i := range list {
		if index != 0 && list[i].Index == index || index == 0 && list[i].Name == name {
			a.add(abi.RTM_NEWLINK, 0, linkMessage(&list[i]))
			return
		}
	}
	fail(abi.ENODEV)
}

// linkMessage is struct ifinfomsg with attributes.
func linkMessage(i *host.Interface) []byte {
	b := make([]byte, abi.SizeofI386Ifinfomsg)
	binary.LittleEndian.PutUint16(b[2:], hardwareType(i))
	binary.LittleEndian.PutUint32(b[4:], i.Index)
	binary.LittleEndian.PutUint32(b[8:], interfaceFlags(i))
	b = attr(b, abi.IFLA_IFNAME, append([]byte(i.Name), 0))
	b = attr(b, abi.IFLA_TXQLEN, int32Bytes(1000))
	b = attr(b, abi.IFLA_OPERSTATE, []byte{6}) // IF_OPER_UP
	b = attr(b, abi.IFLA_MTU, int32Bytes(int32(i.MTU)))
	mac, cast := make([]byte, 6), []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	copy(mac, i.MAC)
	if i.Loopback {
		cast = make([]byte, 6)
	}
	b = attr(b, abi.IFLA_ADDRESS, mac)
	return attr(b, abi.IFLA_BROADCAST, cast)
}

// addrMessage is struct ifaddrmsg with attributes.
func addrMessage(i *host.Interface, x host.InterfaceAddr) []byte {
	b := make([]byte, abi.SizeofI386Ifaddrmsg)
	b[0], b[1], b[2] = byte(x.Family), x.Prefix, abi.IFA_F_PERMANENT
	switch {
	case i.Loopback:
		b[3] = abi.RT_SCOPE_HOST
	case x.Family == abi.AF_INET6 && x.Addr[0] == 0xfe && x.Addr[1]&0xc0 == 0x80:
		b[3] = abi.RT_SCOPE_LINK
	}
	binary.LittleEndian.PutUint32(b[4:], i.Index)
	if x.Family == abi.AF_INET6 {
		b = attr(b, abi.IFA_ADDRESS, x.Addr[:])
		return attr(b, abi.IFA_FLAGS, int32Bytes(abi.IFA_F_PERMANENT))
	}
	b = attr(b, abi.IFA_ADDRESS, x.Addr[:4])
	b = attr(b, abi.IFA_LOCAL, x.Addr[:4])
	if !i.Loopback {
		cast := broadcast4(x)
		b = attr(b, abi.IFA_BROADCAST, cast[:])
	}
	b = attr(b, abi.IFA_LABEL, append([]byte(i.Name), 0))
	return attr(b, abi.IFA_FLAGS, int32Bytes(abi.IFA_F_PERMANENT))
}
