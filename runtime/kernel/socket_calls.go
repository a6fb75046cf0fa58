package kernel

import (
	"bee/image"
	"bee/runtime/abi"
)

func socketCalls() []Call {
	const (
		local   = "of AF_UNIX those of the program itself"
		control = "SCM_RIGHTS and SCM_CREDENTIALS within the program; of the internet families IP_PKTINFO, IPV6_PKTINFO, and received time to live, type of service and time stamps of datagrams"
		options = "buffer sizes, type of service and most of TCP's timers are kept and are Windows's to follow; no SO_BINDTODEVICE and no filters"
	)
	return []Call{
		{Name: "socket", Handler: sysSocket, Support: Partial, Note: "AF_INET, AF_INET6, AF_UNIX, AF_NETLINK (NETLINK_ROUTE); no raw sockets"},
		{Name: "socketpair", Handler: sysSocketpair, Support: Full},
		{Name: "bind", Handler: sysBind, Support: Partial, Note: "a path of AF_UNIX is a file that only this program knows to be a socket; SO_REUSEPORT shares a port of TCP among the listeners of one program"},
		{Name: "connect", Handler: sysConnect, Support: Partial, Note: local},
		{Name: "listen", Handler: sysListen, Support: Full},
		{Name: "accept", Handler: func(t *Task, a Args) (uint64, abi.Errno) { return t.accept(a, 0) }, Support: Full},
		{Name: "accept4", Handler: func(t *Task, a Args) (uint64, abi.Errno) { return t.accept(a, int(int32(a[3]))) }, Support: Full},
		{Name: "getsockname", Handler: sysGetsockname, Support: Full},
		{Name: "getpeername", Handler: sysGetpeername, Support: Full},
		{Name: "shutdown", Handler: sysShutdown, Support: Full},
		{Name: "setsockopt", Handler: sysSetsockopt, Support: Partial, Note: options},
		{Name: "getsockopt", Handler: sysGetsockopt, Support: Partial, Note: options},
		{Name: "sendto", Handler: sysSendto, Support: Full},
		{Name: "recvfrom", Handler: sysRecvfrom, Support: Full},
		{Name: "sendmsg", Handler: sysSendmsg, Support: Partial, Note: control},
		{Name: "recvmsg", Handler: sysRecvmsg, Support: Partial, Note: control},
		{Name: "sendmmsg", Handler: sysSendmmsg, Support: Partial, Note: control},
		{Name: "recvmmsg", Handler: recvmmsg((*Task).readTimespec), Support: Partial, Note: control},
		{Name: "recvmmsg_time64", Handler: recvmmsg((*Task).readTimespec64), Support: Partial, Note: control, Arch: image.I386},
		{Name: "socketcall", Handler: sysSocketcall, Support: Full, Arch: image.I386},
	}
}

// sysSocketcall is IA-32's one call for all (socketcall(2)): the arguments are
// longs in memory.
func sysSocketcall(t *Task, a Args) (uint64, abi.Errno) {
	counts := [...]int{0, 3, 3, 3, 2, 3, 3, 3, 4, 4, 4, 6, 6, 2, 5, 5, 3, 3, 4, 5, 4}
	nr := uint32(a[0])
	if nr < 1 || int(nr) >= len(counts) {
		return 0, abi.EINVAL
	}
	m, e := t.Bytes(a[1], uint64(4*counts[nr]), false)
	if e != 0 {
		return 0, e
	}
	var b Args
	for i := range counts[nr] {
		b[i] = uint64(le32(m[4*i:]))
	}
	switch nr {
	case abi.SYS_SOCKET:
		return sysSocket(t, b)
	case abi.SYS_BIND:
		return sysBind(t, b)
	case abi.SYS_CONNECT:
		return sysConnect(t, b)
	case abi.SYS_LISTEN:
		return sysListen(t, b)
	case abi.SYS_ACCEPT:
		return t.accept(b, 0)
	case abi.SYS_GETSOCKNAME:
		return sysGetsockname(t, b)
	case abi.SYS_GETPEERNAME:
		return sysGetpeername(t, b)
	case abi.SYS_SOCKETPAIR:
		return sysSocketpair(t, b)
	case abi.SYS_SEND, abi.SYS_SENDTO:
		return sysSendto(t, b)
	case abi.SYS_RECV, abi.SYS_RECVFROM:
		return sysRecvfrom(t, b)
	case abi.SYS_SHUTDOWN:
		return sysShutdown(t, b)
	case abi.SYS_SETSOCKOPT:
		return sysSetsockopt(t, b)
	case abi.SYS_GETSOCKOPT:
		return sysGetsockopt(t, b)
	case abi.SYS_SENDMSG:
		return sysSendmsg(t, b)
	case abi.SYS_RECVMSG:
		return sysRecvmsg(t, b)
	case abi.SYS_ACCEPT4:
		return t.accept(b, int(int32(b[3])))
	case abi.SYS_RECVMMSG:
		return recvmmsg((*Task).readTimespec)(t, b)
	}
	return sysSendmmsg(t, b)
}

// socket tells the socket of a descriptor; the caller puts the description
// back. ENOTSOCK if it is something else.
func (t *Task) socket(fd uint64) (*socket, *File, abi.Errno) {
	f, e := t.file(fd)
	if e != 0 {
		return nil, nil, e
	}
	s, ok := f.data.(*socket)
	if _, is := f.ops.(socketOps); !ok || !is {
		t.proc.files.put(f)
		return nil, nil, abi.ENOTSOCK
	}
	return s, f, 0
}

// sockType takes the flags off a type.
func sockType(v uint64) (typ, flags int, e abi.Errno) {
	const mask = abi.SOCK_CLOEXEC | abi.SOCK_NONBLOCK
	typ, flags = int(int32(v))&^mask, int(int32(v))&mask
	if typ&^0xf != 0 {
		return 0, 0, abi.EINVAL
	}
	return typ, flags, 0
}

func sysSocket(t *Task, a Args) (uint64, abi.Errno) {
	typ, flags, e := sockType(a[1])
	if e != 0 {
		return 0, e
	}
	s, e := t.newSocketOf(int(int32(a[0])), typ, int(int32(a[2])))
	if e != 0 {
		return 0, e
	}
	fd, e := s.install(t, flags)
	return uint64(fd), e
}

func (t *Task) newSocketOf(domain, typ, proto int) (*socket, abi.Errno) {
	switch {
	case domain < 0 || domain >= abi.AF_MAX:
		return nil, abi.EAFNOSUPPORT
	case typ < 0 || typ > abi.SOCK_PACKET:
		return nil, abi.EINVAL
	}
	switch domain {
	case abi.AF_INET, abi.AF_INET6:
		return t.newInet(domain, typ, proto)
	case abi.AF_UNIX:
		return t.newUnix(typ, proto)
	case abi.AF_NETLINK:
		return t.newNetlink(typ, proto)
	case abi.AF_PACKET:
		return nil, abi.EPERM
	}
	return nil, abi.EAFNOSUPPORT
}

func sysSocketpair(t *Task, a Args) (uint64, abi.Errno) {
	typ, flags, e := sockType(a[1])
	if e != 0 {
		return 0, e
	}
	m, e := t.Bytes(a[3], 8, true)
	if e != 0 {
		return 0, e
	}
	domain, proto := int(int32(a[0])), int(int32(a[2]))
	if domain != abi.AF_UNIX {
		s, e := t.newSocketOf(domain, typ, proto)
		if e != 0 {
			return 0, e
		}
		s.fam.close(s)
		return 0, abi.EOPNOTSUPP
	}
	x, y, e := t.unixPair(typ, proto)
	if e != 0 {
		return 0, e
	}
	fx, e := x.install(t, flags)
	if e != 0 {
		y.fam.close(y)
		return 0, e
	}
	fy, e := y.install(t, flags)
	if e != 0 {
		if f, e := t.proc.files.remove(fx); e == 0 {
			t.proc.files.put(f)
		}
		return 0, e
	}
	put32(m, uint32(fx))
	put32(m[4:], uint32(fy))
	return 0, 0
}

func sysBind(t *Task, a Args) (uint64, abi.Errno) {
	s, f, e := t.socket(a[0])
	if e != 0 {
		return 0, e
	}
	defer t.proc.files.put(f)
	addr, e := t.sockaddr(a[1], a[2])
	if e != 0 {
		return 0, e
	}
	return 0, s.fam.bind(t, s, addr)
}

func sysConnect(t *Task, a Args) (uint64, abi.Errno) {
	s, f, e := t.socket(a[0])
	if e != 0 {
		return 0, e
	}
	defer t.proc.files.put(f)
	addr, e := t.sockaddr(a[1], a[2])
	if e != 0 {
		return 0, e
	}
	return 0, s.connect(t, f, addr)
}

func sysListen(t *Task, a Args) (uint64, abi.Errno) {
	s, f, e := t.socket(a[0])
	if e != 0 {
		return 0, e
	}
	defer t.proc.files.put(f)
	n := int(int32(a[1]))
	if n < 0 || n > abi.SOMAXCONN {
		n = abi.SOMAXCONN
	}
	return 0, s.fam.listen(t, s, n)
}

func (t *Task) accept(a Args, flags int) (uint64, abi.Errno) {
	if flags&^(abi.SOCK_CLOEXEC|abi.SOCK_NONBLOCK) != 0 {
		return 0, abi.EINVAL
	}
	s, f, e := t.socket(a[0])
	if e != 0 {
		return 0, e
	}
	defer t.proc.files.put(f)
	// Linux has the number before it waits: no connection is lost for want of one.
	if t.proc.files.full() {
		return 0, abi.EMFILE
	}
	s.mu.Lock()
	timeout := s.rcvTimeo
	s.mu.Unlock()
	var c *socket
	e = s.wait(t, f.nonblock(), timeout, func() (e abi.Errno) {
		c, e = s.fam.accept(t, s)
		return e
	})
	if e != 0 {
		return 0, e
	}
	fd, e := c.install(t, flags)
	if e != 0 || a[1] == 0 {
		return uint64(fd), e
	}
	name, e := c.fam.peer(t, c)
	if e != 0 {
		e = abi.ECONNABORTED
	} else {
		e = t.putSockaddr(name, a[1], a[2])
	}
	if e != 0 {
		if f, e := t.proc.files.remove(fd); e == 0 {
			t.proc.files.put(f)
		}
		return 0, e
	}
	return uint64(fd), 0
}

func sysGetsockname(t *Task, a Args) (uint64, abi.Errno) {
	s, f, e := t.socket(a[0])
	if e != 0 {
		return 0, e
	}
	defer t.proc.files.put(f)
	b, e := s.fam.name(t, s)
	if e != 0 {
		return 0, e
	}
	return 0, t.putSockaddr(b, a[1], a[2])
}

func sysGetpeername(t *Task, a Args) (uint64, abi.Errno) {
	s, f, e := t.socket(a[0])
	if e != 0 {
		return 0, e
	}
	defer t.proc.files.put(f)
	b, e := s.fam.peer(t, s)
	if e != 0 {
		return 0, e
	}
	return 0, t.putSockaddr(b, a[1], a[2])
}

func sysShutdown(t *Task, a Args) (uint64, abi.Errno) {
	s, f, e := t.socket(a[0])
	if e != 0 {
		return 0, e
	}
	defer t.proc.files.put(f)
	how := int(int32(a[1]))
	if how < abi.SHUT_RD || how > abi.SHUT_RDWR {
		return 0, abi.EINVAL
	}
	return 0, s.fam.shutdown(t, s, how)
}

func sysSendto(t *Task, a Args) (uint64, abi.Errno) {
	s, f, e := t.socket(a[0])
	if e != 0 {
		return 0, e
	}
	defer t.proc.files.put(f)
	n, e := t.count(a[2])
	if e != 0 {
		return 0, e
	}
	m := t.memory(a[1], n, false)
	m.flags = int(int32(a[3]))
	if a[4] != 0 {
		if m.name, e = t.sockaddr(a[4], a[5]); e != 0 {
			return 0, e
		}
	}
	done, e := s.send(t, f, m)
	return uint64(done), e
}

func sysRecvfrom(t *Task, a Args) (uint64, abi.Errno) {
	s, f, e := t.socket(a[0])
	if e != 0 {
		return 0, e
	}
	defer t.proc.files.put(f)
	n, e := t.count(a[2])
	if e != 0 {
		return 0, e
	}
	m := t.memory(a[1], n, true)
	m.flags = int(int32(a[3]))
	done, e := s.recv(t, f, m)
	if e != 0 {
		return 0, e
	}
	t.dropRights(m) // nobody asked for them
	if a[4] != 0 {
		if e := t.putSockaddr(m.name, a[4], a[5]); e != 0 {
			return 0, e
		}
	}
	if m.flags&abi.MSG_TRUNC != 0 && m.full > done {
		done = m.full
	}
	return uint64(done), 0
}
