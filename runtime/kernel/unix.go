package kernel

import (
	"fmt"
	"sync"
	"sync/atomic"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// unixNet are the sockets of AF_UNIX of a process: they live in it alone.
type unixNet struct {
	// mu guards it and all that its sockets keep. It is a leaf: who is to be
	// told is told after it is given back (see unixWake).
	mu       sync.Mutex
	abstract map[string]*unixSocket
	paths    map[boundFile]*unixSocket
	// bound counts paths, so that those who have none need not look.
	bound atomic.Int32
	next  uint32 // name that a socket gets by itself
	// inflight are descriptors that were sent and not received.
	inflight inflight
}

// boundFile is a file that a path was bound to.
type boundFile struct{ dev, ino uint64 }

func (n *unixNet) init() {
	n.abstract, n.paths = map[string]*unixSocket{}, map[boundFile]*unixSocket{}
}

// markSocket makes what stat(2) tells of a bound path a socket's.
func (p *Process) markSocket(st *host.Stat) {
	n := &p.traits.net.unix
	if n.bound.Load() == 0 || st.Mode&abi.S_IFMT != abi.S_IFREG {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.paths[boundFile{st.Dev, st.Ino}] != nil {
		st.Mode = abi.S_IFSOCK | st.Mode&^abi.S_IFMT
	}
}

const (
	unixSpace   = 212992 // net.core.wmem_default: what a socket may have under way
	unixPackets = 10     // net.unix.max_dgram_qlen
	unixLargest = unixSpace - 32
)

// unixSocket is one of them.
type unixSocket struct {
	n *unixNet
	s *socket
	t *Process

	// All that follows is guarded by n.mu.
	addr   []byte      // the whole sockaddr, nil without a name
	key    string      // in n.abstract
	id     boundFile   // in n.paths, if file is there
	file   *File       // of the path: as long as it is open nobody else gets its number
	claim  host.Handle // the lock on it
	other  *unixSocket // the peer; of datagrams, where they go
	linked bool        // a stream that is, or was, connected
	open   bool        // listening
	ended  bool        // listening was shut down
	limit  int         // of connections that wait
	queue  []*unixMsg
	// pending are connections that nobody has accepted.
	pending []*unixSocket
	bytes   int // in queue
	rdShut  bool
	wrShut  bool
	closed  bool
	err     abi.Errno
	cred    ucred // of the peer
	// waiting are sockets that want to send here, or to connect.
	waiting map[*unixSocket]bool
}

// unixMsg is what one call has sent.
type unixMsg struct {
	data   []byte
	rights []*File
	cred   ucred
	from   []byte
}

// unixWake collects whom to tell once the lock is given back.
type unixWake []*unixSocket

func (w *unixWake) add(u *unixSocket) {
	if u != nil {
		*w = append(*w, u)
	}
}

// room tells all who wait for room at u.
func (w *unixWake) room(u *unixSocket) {
	for o := range u.waiting {
		w.add(o)
	}
	clear(u.waiting)
	w.add(u.other)
}

func (w *unixWake) tell() {
	for _, u := range *w {
		u.s.q.wake()
	}
}

func (t *Task) newUnix(typ, proto int) (*socket, abi.Errno) {
	if proto != 0 && proto != abi.AF_UNIX {
		return nil, abi.EPROTONOSUPPORT
	}
	switch typ {
	case abi.SOCK_STREAM, abi.SOCK_DGRAM, abi.SOCK_SEQPACKET:
	case abi.SOCK_RAW:
		typ = abi.SOCK_DGRAM // as Linux does, for BSD's sake
	default:
		return nil, abi.ESOCKTNOSUPPORT
	}
	return t.proc.newUnix(typ), 0
}

func (p *Process) newUnix(typ int) *socket {
	u := &unixSocket{n: &p.network().unix, t: p, claim: host.NoHandle, waiting: map[*unixSocket]bool{}}
	u.s = p.newSocket(abi.AF_UNIX, typ, 0, u)
	return u.s
}

func (p *Process) ucred() ucred { return ucred{int32(p.pid), p.uid, p.gid} }

func (t *Task) unixPair(typ, proto int) (x, y *socket, e abi.Errno) {
	if x, e = t.newUnix(typ, proto); e != 0 {
		return nil, nil, e
	}
	y, e = t.newUnix(typ, proto)
	a, b := x.fam.(*unixSocket), y.fam.(*unixSocket)
	a.other, b.other, a.linked, b.linked = b, a, true, true
	a.cred, b.cred = t.proc.ucred(), t.proc.ucred()
	return x, y, e
}

func (u *unixSocket) peerCred() ucred {
	u.n.mu.Lock()
	defer u.n.mu.Unlock()
	if !u.linked && !u.open {
		return ucred{0, ^uint32(0), ^uint32(0)}
	}
	return u.cred
}

// unixName takes an address apart: a path, or a name of no file.
func unixName(addr []byte) (path, abstract string, e abi.Errno) {
	if len(addr) < 2 || len(addr) > abi.SizeofI386SockaddrUn || addrFamily(addr) != abi.AF_UNIX {
		return "", "", abi.EINVAL
	}
	b := addr[2:]
	if len(b) == 0 {
		return "", "", abi.EINVAL
	}
	if b[0] == 0 {
		return "", string(b), 0
	}
	path, _ = cstring(b)
	return path, "", 0
}

func (u *unixSocket) bind(t *Task, _ *socket, addr []byte) abi.Errno {
	if len(addr) == 2 && addrFamily(addr) == abi.AF_UNIX {
		return u.bindAuto()
	}
	path, abstract, e := unixName(addr)
	if e != 0 {
		return e
	}
	u.n.mu.Lock()
	named := u.addr != nil
	u.n.mu.Unlock()
	if path == "" {
		if named {
			return abi.EINVAL
		}
		u.n.mu.Lock()
		defer u.n.mu.Unlock()
		if u.n.abstract[abstract] != nil {
			return abi.EADDRINUSE
		}
		u.n.abstract[abstract], u.key, u.addr = u, abstract, append([]byte(nil), addr...)
		return 0
	}
	if named {
		// As on Linux the path is looked at first.
		e := t.at(abi.AT_FDCWD, path, false, func(pl place) abi.Errno { _, e := t.typeOf(pl); return e })
		if e == 0 {
			return abi.EADDRINUSE
		}
		return abi.EINVAL
	}
	_, umask := t.proc.files.current()
	var f *File
	e = t.at(abi.AT_FDCWD, path, false, func(pl place) (e abi.Errno) {
		f, e = t.openPlace(pl, abi.O_RDWR|abi.O_CREAT|abi.O_EXCL, 0o777&^umask)
		return e
	})
	if e == abi.EEXIST {
		return abi.EADDRINUSE
	}
	if e != 0 {
		return e
	}
	var st host.Stat
	if e := f.ops.stat(t, f, &st); e != 0 {
		t.proc.files.put(f)
		return e
	}
	claim := t.proc.files.claim(f)
	u.n.mu.Lock()
	defer u.n.mu.Unlock()
	u.id, u.file, u.claim = boundFile{st.Dev, st.Ino}, f, claim
	u.n.paths[u.id] = u
	u.n.bound.Add(1)
	u.addr = append(append([]byte{abi.AF_UNIX, 0}, path...), 0)
	return 0
}

// bindAuto gives a socket a name of its own: five hexadecimal digits.
func (u *unixSocket) bindAuto() abi.Errno {
	u.n.mu.Lock()
	defer u.n.mu.Unlock()
	if u.addr != nil {
		return 0
	}
	for {
		u.n.next = (u.n.next + 1) & 0xfffff
		key := fmt.Sprintf("\x00%05x", u.n.next)
		if u.n.abstract[key] == nil {
			u.n.abstract[key], u.key, u.addr = u, key, append([]byte{abi.AF_UNIX, 0}, key...)
			return 0
		}
	}
}

// target finds who has an address.
func (u *unixSocket) target(t *Task, addr []byte) (*unixSocket, abi.Errno) {
	path, abstract, e := unixName(addr)
	if e != 0 {
		return nil, e
	}
	if path == "" {
		u.n.mu.Lock()
		defer u.n.mu.Unlock()
		if o := u.n.abstract[abstract]; o != nil {
			return o, 0
		}
		return nil, abi.ECONNREFUSED
	}
	var st host.Stat
	if e := t.find(abi.AT_FDCWD, path, true, func(pl place) abi.Errno { return t.lstat(pl, &st) }); e != 0 {
		return nil, e
	}
	if e := t.proc.permitted(&st, 2); e != 0 {
		return nil, e
	}
	u.n.mu.Lock()
	o := u.n.paths[boundFile{st.Dev, st.Ino}]
	u.n.mu.Unlock()
	if o == nil {
		t.warnElsewhere(path, &st)
		return nil, abi.ECONNREFUSED
	}
	return o, 0
}

func (u *unixSocket) connect(t *Task, s *socket, addr []byte, _ bool) abi.Errno {
	if addrFamily(addr) == abi.AF_UNSPEC && s.typ == abi.SOCK_DGRAM {
		u.n.mu.Lock()
		defer u.n.mu.Unlock()
		u.other = nil
		return 0
	}
	o, e := u.target(t, addr)
	if e != 0 {
		return e
	}
	if o.s.typ != s.typ {
		return abi.EPROTOTYPE
	}
	var wake unixWake
	defer func() { wake.tell() }()
	u.n.mu.Lock()
	defer u.n.mu.Unlock()
	if s.typ == abi.SOCK_DGRAM {
		if o.other != nil && o.other != u {
			return abi.EPERM
		}
		u.other = o
		return 0
	}
	switch {
	case u.linked:
		return abi.EISCONN
	case u.open:
		return abi.EINVAL
	case !o.open || o.ended || o.closed:
		return abi.ECONNREFUSED
	case len(o.pending) > o.limit:
		o.waiting[u] = true
		return abi.EAGAIN
	}
	c := t.proc.newUnix(s.typ).fam.(*unixSocket)
	c.other, c.linked, c.addr, c.cred = u, true, o.addr, t.proc.ucred()
	u.other, u.linked, u.cred = c, true, o.cred
	o.pending = append(o.pending, c)
	wake.add(o)
	wake.add(u)
	return 0
}

func (u *unixSocket) listening(*socket) bool {
	u.n.mu.Lock()
	defer u.n.mu.Unlock()
	return u.open
}

func (u *unixSocket) listen(t *Task, s *socket, backlog int) abi.Errno {
	if s.typ == abi.SOCK_DGRAM {
		return abi.EOPNOTSUPP
	}
	var wake unixWake
	defer func() { wake.tell() }()
	u.n.mu.Lock()
	defer u.n.mu.Unlock()
	if u.addr == nil || u.linked {
		return abi.EINVAL
	}
	u.open, u.limit, u.cred = true, backlog, t.proc.ucred()
	wake.room(u)
	return 0
}

func (u *unixSocket) accept(_ *Task, s *socket) (*socket, abi.Errno) {
	if s.typ == abi.SOCK_DGRAM {
		return nil, abi.EOPNOTSUPP
	}
	var wake unixWake
	defer func() { wake.tell() }()
	u.n.mu.Lock()
	defer u.n.mu.Unlock()
	switch {
	case !u.open || u.ended:
		return nil, abi.EINVAL
	case len(u.pending) == 0:
		return nil, abi.EAGAIN
	}
	c := u.pending[0]
	u.pending = u.pending[1:]
	wake.room(u)
	s.inherit(c.s)
	return c.s, 0
}

func (u *unixSocket) shutdown(_ *Task, s *socket, how int) abi.Errno {
	var wake unixWake
	defer func() { wake.tell() }()
	u.n.mu.Lock()
	defer u.n.mu.Unlock()
	rd, wr := how != abi.SHUT_WR, how != abi.SHUT_RD
	u.rdShut = u.rdShut || rd
	u.wrShut = u.wrShut || wr
	if u.open && rd {
		u.ended = true
	}
	if o := u.other; o != nil && s.typ != abi.SOCK_DGRAM {
		o.rdShut = o.rdShut || wr
		o.wrShut = o.wrShut || rd
		wake.add(o)
	}
	wake.room(u)
	wake.add(u)
	return 0
}

func (u *unixSocket) name(*Task, *socket) ([]byte, abi.Errno) {
	u.n.mu.Lock()
	defer u.n.mu.Unlock()
	return u.sockaddr(), 0
}

func (u *unixSocket) sockaddr() []byte {
	if u.addr == nil {
		return []byte{abi.AF_UNIX, 0}
	}
	return u.addr
}

func (u *unixSocket) peer(*Task, *socket) ([]byte, abi.Errno) {
	u.n.mu.Lock()
	defer u.n.mu.Unlock()
	if u.other == nil {
		return nil, abi.ENOTCONN
	}
	return u.other.sockaddr(), 0
}

// full tells whether a message of this size must wait. Streams take what
// there is room for.
func (u *unixSocket) full(typ, size int) bool {
	if typ == abi.SOCK_DGRAM && len(u.queue) > unixPackets {
		return true
	}
	return u.bytes > 0 && u.bytes+size > unixSpace
}

func (u *unixSocket) send(t *Task, s *socket, m *sockMsg) (int, abi.Errno) {
	if m.flags&abi.MSG_OOB != 0 {
		return 0, abi.EOPNOTSUPP
	}
	var to *unixSocket
	if len(m.name) > 0 {
		switch s.typ {
		case abi.SOCK_STREAM:
			u.n.mu.Lock()
			defer u.n.mu.Unlock()
			if u.linked {
				return 0, abi.EISCONN
			}
			return 0, abi.EOPNOTSUPP
		case abi.SOCK_DGRAM:
			var e abi.Errno
			if to, e = u.target(t, m.name); e != 0 {
				return 0, e
			}
			if to.s.typ != s.typ {
				return 0, abi.EPROTOTYPE
			}
		}
	}
	size := m.size()
	if s.typ != abi.SOCK_STREAM {
		switch {
		case m.whole() > unixLargest:
			return 0, abi.EMSGSIZE
		case m.lack > 0:
			return 0, abi.EFAULT
		}
	}
	var wake unixWake
	defer func() { wake.tell() }()
	u.n.mu.Lock()
	defer u.n.mu.Unlock()
	if s.typ == abi.SOCK_DGRAM {
		if e := u.datagramTo(&to); e != 0 {
			return 0, e
		}
	} else {
		to = u.other
		switch {
		case !u.linked:
			return 0, abi.ENOTCONN
		case u.err != 0:
			e := u.err
			u.err = 0
			return 0, e
		case u.wrShut || to == nil || to.closed || to.rdShut:
			return 0, abi.EPIPE
		}
		if s.typ == abi.SOCK_STREAM && m.faults() {
			return 0, abi.EFAULT
		}
		if size == 0 && s.typ == abi.SOCK_STREAM {
			return 0, 0
		}
	}
	n := size
	if s.typ == abi.SOCK_STREAM {
		if n = min(n, unixSpace-to.bytes); n <= 0 {
			to.waiting[u] = true
			return 0, abi.EAGAIN
		}
	} else if to.full(s.typ, size) {
		to.waiting[u] = true
		return 0, abi.EAGAIN
	}
	data := make([]byte, 0, n)
	for _, b := range m.bufs {
		data = append(data, b[:min(len(b), n-len(data))]...)
	}
	cred := t.proc.ucred()
	if m.creds != nil {
		cred = *m.creds
	}
	to.queue = append(to.queue, &unixMsg{data: data, rights: m.rights, cred: cred, from: u.sockaddr()})
	to.bytes += n
	u.n.inflight.add(m.rights, 1)
	wake.add(to)
	return n, 0
}

// datagramTo finds out where a datagram goes. n.mu is held.
func (u *unixSocket) datagramTo(to **unixSocket) abi.Errno {
	if u.wrShut {
		return abi.EPIPE
	}
	if u.err != 0 {
		e := u.err
		u.err = 0
		return e
	}
	if *to == nil {
		*to = u.other
	}
	o := *to
	switch {
	case o == nil:
		return abi.ENOTCONN
	case o.closed:
		if u.other == o {
			u.other = nil
		}
		return abi.ECONNREFUSED
	case o.rdShut:
		return abi.EPIPE
	case o.other != nil && o.other != u:
		return abi.EPERM
	}
	return 0
}

func (u *unixSocket) recv(t *Task, s *socket, m *sockMsg) (int, abi.Errno) {
	if m.flags&abi.MSG_OOB != 0 {
		return 0, abi.EOPNOTSUPP
	}
	var wake unixWake
	defer func() { wake.tell() }()
	u.n.mu.Lock()
	defer u.n.mu.Unlock()
	if !u.linked {
		switch s.typ {
		case abi.SOCK_STREAM:
			return 0, abi.EINVAL
		case abi.SOCK_SEQPACKET:
			return 0, abi.ENOTCONN
		}
	}
	if len(u.queue) == 0 {
		switch {
		case u.err != 0:
			e := u.err
			u.err = 0
			return 0, e
		case u.rdShut, s.typ != abi.SOCK_DGRAM && (u.other == nil || u.other.closed):
			return 0, 0
		}
		return 0, abi.EAGAIN
	}
	peek := m.flags&abi.MSG_PEEK != 0
	s.mu.Lock()
	pass := s.opts[sockOpt{abi.SOL_SOCKET, abi.SO_PASSCRED}] != 0
	skip := u.peekOff(s, peek)
	s.mu.Unlock()
	if s.typ != abi.SOCK_STREAM {
		at := 0
		for skip > 0 && at < len(u.queue) && skip >= len(u.queue[at].data) {
			skip -= len(u.queue[at].data)
			at++
		}
		if at == len(u.queue) {
			return 0, abi.EAGAIN
		}
		q := u.queue[at]
		n := scatter(m.bufs, q.data[skip:])
		m.full = len(q.data) - skip
		if n < m.full {
			m.out |= abi.MSG_TRUNC
		}
		u.attach(m, q, peek)
		if len(q.from) > 2 {
			m.name = q.from
		}
		if !peek {
			u.queue = u.queue[1:]
			u.bytes -= len(q.data)
			wake.room(u)
			u.peeked(s, -len(q.data))
		} else {
			u.peeked(s, n)
		}
		return n, 0
	}
	if skip >= u.bytes && skip > 0 {
		if u.rdShut || u.other == nil || u.other.closed {
			return 0, 0
		}
		return 0, abi.EAGAIN
	}
	bufs, total := append([][]byte(nil), m.bufs...), 0
	part := &sockMsg{bufs: bufs}
	for at := 0; at < len(u.queue) && part.size() > 0; {
		q := u.queue[at]
		if skip >= len(q.data) && skip > 0 {
			skip -= len(q.data)
			at++
			continue
		}
		if total > 0 && (len(q.rights) > 0 || pass && m.creds != nil && *m.creds != q.cred) {
			break
		}
		n := scatter(part.bufs, q.data[skip:])
		skip = 0
		part.advance(n)
		total += n
		held := len(q.rights) > 0
		u.attach(m, q, peek)
		if peek {
			at++
		} else {
			u.bytes -= n
			if q.data = q.data[n:]; len(q.data) == 0 {
				u.queue = u.queue[1:]
			}
		}
		if held {
			break
		}
	}
	if peek {
		u.peeked(s, total)
	} else {
		wake.room(u)
		u.peeked(s, -total)
	}
	return total, 0
}

// peekOff tells where MSG_PEEK begins: SO_PEEK_OFF, if that is on. s.mu is
// held.
func (u *unixSocket) peekOff(s *socket, peek bool) int {
	v, on := s.opts[sockOpt{abi.SOL_SOCKET, abi.SO_PEEK_OFF}]
	if !peek || !on || v < 0 {
		return 0
	}
	return int(v)
}

// peeked moves that place: on by what was looked at, back by what is gone.
func (u *unixSocket) peeked(s *socket, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := sockOpt{abi.SOL_SOCKET, abi.SO_PEEK_OFF}
	if v, on := s.opts[o]; on && v >= 0 {
		s.opts[o] = max(v+int32(n), 0)
	}
}

// attach passes on what came with a message.
func (u *unixSocket) attach(m *sockMsg, q *unixMsg, peek bool) {
	if m.creds == nil {
		c := q.cred
		m.creds = &c
	}
	if peek {
		for _, f := range q.rights {
			f.refs.Add(1)
		}
	}
	m.rights = append(m.rights, q.rights...)
	if !peek {
		u.n.inflight.add(q.rights, -1)
		q.rights = nil
	}
}

// scatter fills buffers.
func scatter(bufs [][]byte, data []byte) (n int) {
	for _, b := range bufs {
		k := copy(b, data[n:])
		n += k
		if k < len(b) {
			break
		}
	}
	return n
}

func (u *unixSocket) poll(_ *Task, s *socket) (r host.Ready) {
	u.n.mu.Lock()
	defer u.n.mu.Unlock()
	if u.open {
		return host.Ready{In: len(u.pending) > 0, Hup: u.ended}
	}
	r.In = len(u.queue) > 0
	r.Bytes = u.bytes
	r.Err = u.err != 0
	if s.typ == abi.SOCK_DGRAM {
		r.In = r.In || u.rdShut
		r.RdHup = u.rdShut
		r.Hup = u.rdShut && u.wrShut
		r.Out = true
		if o := u.other; o != nil && !o.closed && o.other != u && o.full(s.typ, 1) || o != nil && o.other == u && o.bytes*4 > unixSpace {
			r.Out = false
			o.waiting[u] = true
		}
		return r
	}
	if !u.linked {
		return host.Ready{Out: true, Hup: true}
	}
	gone := u.other == nil || u.other.closed
	if u.rdShut || gone {
		r.In, r.RdHup = true, true
	}
	r.Hup = gone || u.rdShut && u.wrShut
	r.Out = gone || u.other.bytes*4 <= unixSpace
	if !r.Out {
		u.other.waiting[u] = true
	}
	return r
}

func (u *unixSocket) available(_ *Task, s *socket) (int, abi.Errno) {
	u.n.mu.Lock()
	defer u.n.mu.Unlock()
	if s.typ == abi.SOCK_STREAM {
		return u.bytes, 0
	}
	if len(u.queue) == 0 {
		return 0, 0
	}
	return len(u.queue[0].data), 0
}

func (u *unixSocket) takeError(*socket) abi.Errno {
	u.n.mu.Lock()
	defer u.n.mu.Unlock()
	e := u.err
	u.err = 0
	return e
}

func (u *unixSocket) watch(*socket) {}

func (u *unixSocket) close(s *socket) {
	var wake unixWake
	var rights []*File
	u.n.mu.Lock()
	u.closed = true
	if u.key != "" {
		delete(u.n.abstract, u.key)
	}
	file := u.file
	if file != nil {
		delete(u.n.paths, u.id)
		u.n.bound.Add(-1)
		u.file = nil
	}
	if o := u.other; o != nil && s.typ != abi.SOCK_DGRAM && o.other == u {
		if len(u.queue) > 0 {
			o.err = abi.ECONNRESET
		}
		wake.add(o)
	}
	for _, q := range u.queue {
		rights = append(rights, q.rights...)
	}
	u.n.inflight.add(rights, -1)
	u.queue = nil
	pending := u.pending
	u.pending = nil
	wake.room(u)
	u.n.mu.Unlock()
	wake.tell()
	defer u.t.collectInflight()
	for _, c := range pending {
		c.refuse()
	}
	for _, f := range rights {
		u.t.files.put(f)
	}
	if file != nil {
		if u.claim != host.NoHandle {
			_ = u.t.files.host.Close(u.claim)
		}
		u.t.files.put(file)
	}
}

// refuse ends a connection that nobody has accepted.
func (u *unixSocket) refuse() {
	u.n.mu.Lock()
	if o := u.other; o != nil {
		o.err = abi.ECONNRESET
	}
	u.n.mu.Unlock()
	u.close(u.s)
}
