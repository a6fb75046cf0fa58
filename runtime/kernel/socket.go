package kernel

import (
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// network is what a process has of the network.
type network struct {
	once sync.Once
	host host.Net // nil: the host has none
	ino  atomic.Uint64
	unix unixNet
	port atomic.Uint32 // of netlink
	// ports are those of TCP that several sockets may have.
	ports sharedPorts
}

func (p *Process) network() *network {
	n := &p.traits.net
	n.once.Do(func() {
		if h, ok := p.files.host.(host.NetFiles); ok {
			n.host = h.Network()
		}
		n.ino.Store(0x10000)
		n.unix.init()
	})
	return n
}

// socket is what a socket's description stands for. What the families do
// differently is in fam.
type socket struct {
	net                *network
	domain, typ, proto int
	ino                uint64
	q                  waitQueue
	fam                sockFamily

	// mu guards the options. It is a leaf.
	mu       sync.Mutex
	opts     map[sockOpt]int32
	linger   [2]int32
	rcvTimeo time.Duration // 0: none
	sndTimeo time.Duration
	reno     bool // TCP_CONGESTION
	stamp    int  // SO_TIMESTAMP or one of its kind; 0: no time stamps
}

// sockFamily is what the families and types do differently. No method waits:
// EAGAIN says that it would, and the queue of the socket tells when to try
// again.
type sockFamily interface {
	bind(t *Task, s *socket, addr []byte) abi.Errno
	// connect begins to connect; EAGAIN: it is under way.
	connect(t *Task, s *socket, addr []byte, nonblock bool) abi.Errno
	listen(t *Task, s *socket, backlog int) abi.Errno
	accept(t *Task, s *socket) (*socket, abi.Errno)
	shutdown(t *Task, s *socket, how int) abi.Errno
	name(t *Task, s *socket) ([]byte, abi.Errno)
	peer(t *Task, s *socket) ([]byte, abi.Errno)
	send(t *Task, s *socket, m *sockMsg) (int, abi.Errno)
	recv(t *Task, s *socket, m *sockMsg) (int, abi.Errno)
	poll(t *Task, s *socket) host.Ready
	// watch makes the socket's queue tell of changes.
	watch(s *socket)
	// available tells the bytes that can be read.
	available(t *Task, s *socket) (int, abi.Errno)
	// takeError is SO_ERROR.
	takeError(s *socket) abi.Errno
	listening(s *socket) bool
	close(s *socket)
}

// sockMsg is what one call sends or receives.
type sockMsg struct {
	bufs [][]byte
	// lack are bytes behind bufs that the call names and that are not memory of
	// the program: EFAULT, once the message would need them.
	lack  uint64
	flags int // MSG_*
	// name is where to, nil if the call does not say; of a receiving call,
	// where from.
	name []byte
	// rights and creds are ancillary data of AF_UNIX. Whoever has the message
	// has the references of rights.
	rights []*File
	creds  *ucred
	// own is the address of ours that a datagram goes by, nil if the call does
	// not say. packet is what came with one of the internet families.
	own    *host.SockAddr
	packet *host.Packet
	// out are the flags that recvmsg tells, full the length of a datagram of
	// which bufs has a part.
	out  int
	full int
}

type ucred struct {
	pid      int32
	uid, gid uint32
}

func (m *sockMsg) size() (n int) {
	for _, b := range m.bufs {
		n += len(b)
	}
	return n
}

// whole is the size that the call names.
func (m *sockMsg) whole() uint64 { return uint64(m.size()) + m.lack }

// faults tells whether a stream cannot send for want of memory. Linux copies
// pieces of up to 32 KiB, and sends those before the one that fails.
func (m *sockMsg) faults() bool { return m.lack > 0 && m.size() < 32<<10 }

// advance drops the first n bytes.
func (m *sockMsg) advance(n int) {
	for n > 0 {
		if n < len(m.bufs[0]) {
			m.bufs[0] = m.bufs[0][n:]
			return
		}
		n -= len(m.bufs[0])
		m.bufs = m.bufs[1:]
	}
}

// newSocket makes a socket of a family.
func (p *Process) newSocket(domain, typ, proto int, fam sockFamily) *socket {
	n := p.network()
	return &socket{net: n, domain: domain, typ: typ, proto: proto, ino: n.ino.Add(1), fam: fam, opts: map[sockOpt]int32{}}
}

// install gives a socket a descriptor; if there is none left it is closed.
func (s *socket) install(t *Task, flags int) (int32, abi.Errno) {
	f := &File{ops: socketOps{}, kind: host.Socket, data: s, h: host.NoHandle}
	f.refs.Store(1)
	f.flags.Store(abi.O_RDWR | uint32(flags)&abi.O_NONBLOCK)
	return t.proc.files.install(f, 0, flags&abi.SOCK_CLOEXEC != 0)
}

// stream tells whether bytes have no borders.
func (s *socket) stream() bool { return s.typ == abi.SOCK_STREAM }

// until tells when a wait ends that begins now.
func (t *Task) until(timeout time.Duration) time.Duration {
	if timeout == 0 {
		return forever
	}
	return t.proc.clock.Monotonic() + timeout
}

// wait tries again and again, with the socket's changes, until try answers
// anything but EAGAIN. The wait's end by time is EAGAIN, by a signal EINTR if
// it was to end in time (signal(7)), else the call is made again.
func (s *socket) wait(t *Task, nonblock bool, timeout time.Duration, try func() abi.Errno) abi.Errno {
	e := try()
	if e != abi.EAGAIN || nonblock {
		return e
	}
	s.fam.watch(s)
	switch w := t.waitOn(&s.q, t.until(timeout), func() bool {
		e = try()
		return e != abi.EAGAIN
	}); {
	case w == 0:
		return e
	case w == abi.ETIMEDOUT:
		return abi.EAGAIN
	case timeout != 0 && w == errRestartSys:
		return abi.EINTR
	default:
		return w
	}
}

// connect connects, and waits for that unless the description says not to.
func (s *socket) connect(t *Task, f *File, addr []byte) abi.Errno {
	s.mu.Lock()
	timeout := s.sndTimeo
	s.mu.Unlock()
	e := s.wait(t, f.nonblock(), timeout, func() abi.Errno { return s.fam.connect(t, s, addr, f.nonblock()) })
	if e == abi.EAGAIN && timeout != 0 && s.domain != abi.AF_UNIX {
		e = abi.EINPROGRESS
	}
	return e
}

// send sends all of a message, and waits until it can. A stream that takes a
// part only before it fails tells how much that was.
func (s *socket) send(t *Task, f *File, m *sockMsg) (int, abi.Errno) {
	s.mu.Lock()
	timeout := s.sndTimeo
	s.mu.Unlock()
	if _, ok := s.fam.(*inet); ok && s.stream() && m.flags&abi.MSG_FASTOPEN != 0 {
		// Connecting and sending in one call: what goes with the first packet
		// goes behind it here, as it does on Linux for an unknown server.
		if addrFamily(m.name) == abi.AF_UNSPEC {
			return 0, abi.EOPNOTSUPP
		}
		if e := s.connect(t, f, m.name); e != 0 {
			return 0, e
		}
	}
	total := 0
	e := s.wait(t, f.nonblock() || m.flags&abi.MSG_DONTWAIT != 0, timeout, func() abi.Errno {
		for {
			n, e := s.fam.send(t, s, m)
			total += n
			if e != 0 || !s.stream() {
				return e
			}
			if m.advance(n); m.size() == 0 {
				return 0
			}
			// Ancillary data goes with the first bytes.
			m.rights, m.creds = nil, nil
			if n == 0 {
				return abi.EAGAIN
			}
		}
	})
	if total > 0 {
		return total, 0
	}
	if e == abi.EPIPE && s.typ != abi.SOCK_DGRAM && m.flags&abi.MSG_NOSIGNAL == 0 {
		t.Send(abi.SIGPIPE)
	}
	return 0, e
}

// recv receives a message, or what there is of a stream; with MSG_WAITALL all
// that is asked for.
func (s *socket) recv(t *Task, f *File, m *sockMsg) (int, abi.Errno) {
	s.mu.Lock()
	timeout := s.rcvTimeo
	s.mu.Unlock()
	if s.stream() && m.lack > 0 && m.size() == 0 {
		return 0, abi.EFAULT
	}
	all := s.stream() && m.flags&abi.MSG_WAITALL != 0 && m.flags&abi.MSG_PEEK == 0
	total := 0
	e := s.wait(t, f.nonblock() || m.flags&abi.MSG_DONTWAIT != 0, timeout, func() abi.Errno {
		for {
			n, e := s.fam.recv(t, s, m)
			total += n
			if e != 0 || n == 0 || !all || len(m.rights) > 0 {
				return e
			}
			if m.advance(n); m.size() == 0 {
				return 0
			}
		}
	})
	if e == 0 && m.lack > 0 && !s.stream() && m.out&abi.MSG_TRUNC != 0 {
		t.dropRights(m) // the datagram is lost, as on Linux
		return 0, abi.EFAULT
	}
	if total > 0 {
		return total, 0
	}
	return 0, e
}

// socketOps are sockets as files.
type socketOps struct{ baseOps }

func (socketOps) read(t *Task, f *File, p []byte) (int, abi.Errno) {
	s := f.data.(*socket)
	if len(p) == 0 && s.stream() {
		return 0, 0
	}
	return s.receive(t, f, &sockMsg{bufs: [][]byte{p}})
}

func (socketOps) write(t *Task, f *File, p []byte) (int, abi.Errno) {
	s := f.data.(*socket)
	return s.send(t, f, &sockMsg{bufs: [][]byte{p}})
}

// memory is guest memory for a message, and how much of it is not there.
func (t *Task) memory(addr, n uint64, write bool) *sockMsg {
	b, e := t.BytesPartial(addr, n, write)
	if e != 0 {
		b = nil
	}
	return &sockMsg{bufs: [][]byte{b}, lack: n - uint64(len(b))}
}

// transfer is read and write for sockets, which look at a message's size
// before its bytes.
func (s *socket) transfer(t *Task, f *File, addr, n uint64, write bool) (uint64, abi.Errno) {
	var done int
	var e abi.Errno
	switch m := t.memory(addr, n, !write); {
	case write:
		done, e = s.send(t, f, m)
	case n == 0 && s.stream():
	default:
		done, e = s.receive(t, f, m)
	}
	return uint64(done), e
}

// vector is one message of several pieces.
func (socketOps) vector(t *Task, f *File, v []Iovec, write bool) (uint64, abi.Errno) {
	s := f.data.(*socket)
	m := t.buffers(v, !write)
	var n int
	var e abi.Errno
	if write {
		n, e = s.send(t, f, m)
	} else {
		n, e = s.receive(t, f, m)
	}
	return uint64(n), e
}

func (s *socket) receive(t *Task, f *File, m *sockMsg) (int, abi.Errno) {
	n, e := s.recv(t, f, m)
	t.dropRights(m) // nobody asked for them
	return n, e
}

// buffers are the pieces of guest memory that a vector means.
func (t *Task) buffers(v []Iovec, write bool) *sockMsg {
	m := &sockMsg{bufs: make([][]byte, 0, len(v))}
	for _, iov := range v {
		if m.lack > 0 {
			m.lack += iov.Len
		} else if iov.Len > 0 {
			piece := t.memory(iov.Addr, iov.Len, write)
			m.bufs, m.lack = append(m.bufs, piece.bufs...), piece.lack
		}
	}
	return m
}

func (socketOps) stat(t *Task, f *File, st *host.Stat) abi.Errno {
	now := t.nowNanos()
	*st = host.Stat{
		Dev: 8, Ino: f.data.(*socket).ino, Mode: abi.S_IFSOCK | 0o777, Nlink: 1, UID: t.proc.uid, GID: t.proc.gid, Blksize: 4096,
		Atime: now, Mtime: now, Ctime: now,
	}
	return 0
}

func (socketOps) poll(t *Task, f *File) host.Ready {
	s := f.data.(*socket)
	s.fam.watch(s)
	return s.fam.poll(t, s)
}

func (socketOps) queue(f *File) *waitQueue {
	s := f.data.(*socket)
	s.fam.watch(s)
	return &s.q
}

func (socketOps) close(f *File) {
	s := f.data.(*socket)
	s.fam.close(s)
	s.q.wake()
}

func (socketOps) ioctl(t *Task, f *File, cmd uint32, arg uint64) (uint64, abi.Errno) {
	s := f.data.(*socket)
	switch cmd {
	case abi.FIONREAD:
		if s.fam.listening(s) {
			return 0, abi.EINVAL
		}
		n, e := s.fam.available(t, s)
		if e != 0 {
			return 0, e
		}
		return 0, t.WriteUint32(arg, uint32(n))
	case abi.TIOCOUTQ:
		return 0, t.WriteUint32(arg, 0) // what was sent is Windows's
	case abi.SIOCATMARK:
		return 0, t.WriteUint32(arg, 0)
	case abi.SIOCGPGRP, abi.FIOGETOWN:
		return 0, t.WriteUint32(arg, 0)
	}
	return t.interfaceIoctl(cmd, arg)
}

func (socketOps) fdName(f *File) string {
	return "socket:[" + strconv.FormatUint(f.data.(*socket).ino, 10) + "]"
}
