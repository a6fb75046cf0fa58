package kernel

import (
	"time"

	"bee/runtime/abi"
)

// msghdr is struct msghdr of either width.
type msghdr struct {
	name, iov, iovlen, control, controllen uint64
	namelen                                uint32
	addr                                   uint64 // of the structure
}

// offsets of a msghdr's fields, and of an mmsghdr's.
type msgLayout struct{ size, name, namelen, iov, iovlen, control, controllen, flags, many, count uint64 }

func (t *Task) msgLayout() msgLayout {
	if t.is64() {
		return msgLayout{
			abi.SizeofAMD64Msghdr, abi.AMD64MsghdrName, abi.AMD64MsghdrNamelen, abi.AMD64MsghdrIov, abi.AMD64MsghdrIovlen,
			abi.AMD64MsghdrControl, abi.AMD64MsghdrControllen, abi.AMD64MsghdrFlags, abi.SizeofAMD64Mmsghdr, abi.AMD64MmsghdrLen,
		}
	}
	return msgLayout{
		abi.SizeofI386Msghdr, abi.I386MsghdrName, abi.I386MsghdrNamelen, abi.I386MsghdrIov, abi.I386MsghdrIovlen,
		abi.I386MsghdrControl, abi.I386MsghdrControllen, abi.I386MsghdrFlags, abi.SizeofI386Mmsghdr, abi.I386MmsghdrLen,
	}
}

func (t *Task) readMsghdr(addr uint64) (h msghdr, e abi.Errno) {
	l := t.msgLayout()
	m, e := t.Bytes(addr, l.size, false)
	if e != 0 {
		return h, e
	}
	word := func(off uint64) uint64 {
		if t.is64() {
			return le64(m[off:])
		}
		return uint64(le32(m[off:]))
	}
	h = msghdr{
		name: word(l.name), iov: word(l.iov), iovlen: word(l.iovlen), control: word(l.control), controllen: word(l.controllen),
		namelen: le32(m[l.namelen:]), addr: addr,
	}
	if int32(h.namelen) < 0 {
		return h, abi.EINVAL
	}
	h.namelen = min(h.namelen, abi.SizeofI386SockaddrStorage)
	if h.iovlen > maxIovecs {
		return h, abi.EMSGSIZE
	}
	return h, 0
}

// cmsgHead is the size of struct cmsghdr, which is also what messages are
// aligned behind; align rounds to the next one.
func (t *Task) cmsgHead() uint64 { return uint64(t.ptrSize()) + 8 }

func (t *Task) cmsgAlign(n uint64) uint64 {
	w := uint64(t.ptrSize())
	return (n + w - 1) &^ (w - 1)
}

const scmMaxFD = 253 // SCM_MAX_FD

// control reads ancillary data that is to be sent.
func (t *Task) control(s *socket, h *msghdr, m *sockMsg) abi.Errno {
	if h.control == 0 || h.controllen == 0 {
		return 0
	}
	if h.controllen > 1<<20 {
		return abi.ENOBUFS
	}
	b := make([]byte, h.controllen)
	if e := t.CopyIn(h.control, b); e != 0 {
		return e
	}
	head := t.cmsgHead()
	for uint64(len(b)) >= head {
		size := uint64(le32(b))
		w := b[4:]
		if t.is64() {
			size = le64(b)
			w = b[8:]
		}
		level, typ := int(int32(le32(w))), int(int32(le32(w[4:])))
		if size < head || size > uint64(len(b)) {
			return abi.EINVAL
		}
		data := b[head:size]
		b = b[min(t.cmsgAlign(size), uint64(len(b))):]
		if s.domain != abi.AF_UNIX {
			if e := s.inetControl(m, level, typ, data); e != 0 {
				return e
			}
			continue
		}
		if level != abi.SOL_SOCKET {
			continue
		}
		switch typ {
		case abi.SCM_RIGHTS:
			if len(data)/4 > scmMaxFD {
				return abi.EINVAL
			}
			for i := 0; i+4 <= len(data); i += 4 {
				f, e := t.proc.files.get(int32(le32(data[i:])))
				if e != 0 {
					return e
				}
				m.rights = append(m.rights, f)
			}
		case abi.SCM_CREDENTIALS:
			if len(data) != abi.SizeofI386Ucred {
				return abi.EINVAL
			}
			c := ucred{int32(le32(data)), le32(data[4:]), le32(data[8:])}
			if c.pid != int32(t.proc.pid) && t.proc.uid != 0 || (c.uid != t.proc.uid || c.gid != t.proc.gid) && t.proc.uid != 0 {
				return abi.EPERM
			}
			m.creds = &c
		default:
			return abi.EINVAL
		}
	}
	return 0
}

func (t *Task) dropRights(m *sockMsg) {
	for _, f := range m.rights {
		t.proc.files.put(f)
	}
	m.rights = nil
}

// sendMsg sends what one msghdr says.
func (t *Task) sendMsg(s *socket, f *File, addr uint64, flags int) (uint64, abi.Errno) {
	h, e := t.readMsghdr(addr)
	if e != 0 {
		return 0, e
	}
	v, e := t.Iovecs(h.iov, h.iovlen)
	if e != 0 {
		return 0, e
	}
	m := t.buffers(v, false)
	m.flags = flags
	if h.name != 0 && h.namelen > 0 {
		if m.name, e = t.sockaddr(h.name, uint64(h.namelen)); e != 0 {
			return 0, e
		}
	}
	if e := t.control(s, &h, m); e != 0 {
		t.dropRights(m)
		return 0, e
	}
	rights := m.rights
	n, e := s.send(t, f, m)
	if e != 0 {
		m.rights = rights
		t.dropRights(m)
	}
	return uint64(n), e
}

func sysSendmsg(t *Task, a Args) (uint64, abi.Errno) {
	s, f, e := t.socket(a[0])
	if e != 0 {
		return 0, e
	}
	defer t.proc.files.put(f)
	return t.sendMsg(s, f, a[1], int(int32(a[2])))
}

// recvMsg receives what one msghdr asks for.
func (t *Task) recvMsg(s *socket, f *File, addr uint64, flags int) (uint64, abi.Errno) {
	h, e := t.readMsghdr(addr)
	if e != 0 {
		return 0, e
	}
	v, e := t.Iovecs(h.iov, h.iovlen)
	if e != 0 {
		return 0, e
	}
	m := t.buffers(v, true)
	m.flags = flags
	n, e := s.recv(t, f, m)
	if e != 0 {
		return 0, e
	}
	used, e := t.putControl(s, &h, m)
	if e != 0 {
		return 0, e
	}
	l := t.msgLayout()
	if h.name != 0 {
		if k := min(int(h.namelen), len(m.name)); k > 0 {
			if e := t.CopyOut(h.name, m.name[:k]); e != 0 {
				return 0, e
			}
		}
		if e := t.WriteUint32(addr+l.namelen, uint32(len(m.name))); e != 0 {
			return 0, e
		}
	}
	if e := t.WritePtr(addr+l.controllen, used); e != 0 {
		return 0, e
	}
	if e := t.WriteUint32(addr+l.flags, uint32(m.out|flags&abi.MSG_CMSG_CLOEXEC)); e != 0 {
		return 0, e
	}
	if flags&abi.MSG_TRUNC != 0 && m.full > n {
		n = m.full
	}
	return uint64(n), 0
}

// putControl writes the ancillary data that came, and tells how much room it
// took. Files for which there is none are closed: MSG_CTRUNC.
func (t *Task) putControl(s *socket, h *msghdr, m *sockMsg) (uint64, abi.Errno) {
	defer t.dropRights(m)
	head := t.cmsgHead()
	used := uint64(0)
	room := h.controllen
	if h.control == 0 {
		room = 0
	}
	put := func(level, typ int, data []byte) abi.Errno {
		if room-used < head {
			m.out |= abi.MSG_CTRUNC
			return 0
		}
		size := head + uint64(len(data))
		b := make([]byte, head)
		put32(b, uint32(size))
		put32(b[head-8:], uint32(level))
		put32(b[head-4:], uint32(typ))
		b = append(b, data...)
		if uint64(len(b)) > room-used {
			b = b[:room-used]
			m.out |= abi.MSG_CTRUNC
			put32(b, uint32(len(b)))
		}
		if e := t.CopyOut(h.control+used, b); e != 0 {
			return e
		}
		used += min(t.cmsgAlign(uint64(len(b))), room-used)
		return 0
	}
	s.mu.Lock()
	pass, stamp := s.opts[sockOpt{abi.SOL_SOCKET, abi.SO_PASSCRED}] != 0, s.stamp
	inq := s.opts[sockOpt{abi.SOL_TCP, abi.TCP_INQ}] != 0
	s.mu.Unlock()
	if inq {
		left, _ := s.fam.available(t, s)
		if e := put(abi.SOL_TCP, abi.TCP_INQ, int32Bytes(int32(left))); e != 0 {
			return 0, e
		}
	}
	if stamp != 0 && !s.stream() && s.typ != abi.SOCK_SEQPACKET {
		if e := put(abi.SOL_SOCKET, stamp, t.timeStamp(stamp)); e != 0 {
			return 0, e
		}
	}
	if m.packet != nil {
		for _, c := range s.packetControl(m.packet) {
			if e := put(c.level, c.typ, c.data); e != 0 {
				return 0, e
			}
		}
	}
	if pass && s.domain == abi.AF_UNIX {
		c := m.creds
		if c == nil {
			c = &ucred{0, 65534, 65534}
		}
		if e := put(abi.SOL_SOCKET, abi.SCM_CREDENTIALS, int32Bytes(c.pid, int32(c.uid), int32(c.gid))); e != 0 {
			return 0, e
		}
	}
	if len(m.rights) == 0 {
		return used, 0
	}
	fits := 0
	if room-used > head {
		fits = int(room-used-head) / 4
	}
	var fds []byte
	for i, f := range m.rights {
		if i >= fits {
			m.out |= abi.MSG_CTRUNC
			break
		}
		f.refs.Add(1)
		fd, e := t.proc.files.install(f, 0, m.flags&abi.MSG_CMSG_CLOEXEC != 0)
		if e != 0 {
			m.out |= abi.MSG_CTRUNC
			break
		}
		fds = append(fds, int32Bytes(fd)...)
	}
	if len(fds) == 0 {
		return used, 0
	}
	e := put(abi.SOL_SOCKET, abi.SCM_RIGHTS, fds)
	return used, e
}

func sysRecvmsg(t *Task, a Args) (uint64, abi.Errno) {
	s, f, e := t.socket(a[0])
	if e != 0 {
		return 0, e
	}
	defer t.proc.files.put(f)
	return t.recvMsg(s, f, a[1], int(int32(a[2])))
}

func sysSendmmsg(t *Task, a Args) (uint64, abi.Errno) {
	s, f, e := t.socket(a[0])
	if e != 0 {
		return 0, e
	}
	defer t.proc.files.put(f)
	l := t.msgLayout()
	count := min(uint64(uint32(a[2])), maxIovecs)
	for i := range count {
		at := a[1] + i*l.many
		n, e := t.sendMsg(s, f, at, int(int32(a[3])))
		if e == 0 {
			e = t.WriteUint32(at+l.count, uint32(n))
		}
		if e != 0 {
			if i > 0 {
				return i, 0
			}
			return 0, e
		}
	}
	return count, 0
}

func recvmmsg(read func(*Task, uint64) (time.Duration, abi.Errno)) Handler {
	return func(t *Task, a Args) (uint64, abi.Errno) {
		until := forever
		if a[4] != 0 {
			d, e := read(t, a[4])
			if e != 0 {
				return 0, e
			}
			until = t.until(max(d, 1))
		}
		s, f, e := t.socket(a[0])
		if e != 0 {
			return 0, e
		}
		defer t.proc.files.put(f)
		l := t.msgLayout()
		count := min(uint64(uint32(a[2])), maxIovecs)
		flags := int(int32(a[3]))
		for i := range count {
			at := a[1] + i*l.many
			n, e := t.recvMsg(s, f, at, flags&^abi.MSG_WAITFORONE)
			if e == 0 {
				e = t.WriteUint32(at+l.count, uint32(n))
			}
			if e != 0 {
				if i > 0 {
					return i, 0
				}
				return 0, e
			}
			if flags&abi.MSG_WAITFORONE != 0 {
				flags |= abi.MSG_DONTWAIT
			}
			// As on Linux the time is looked at after each datagram only.
			if until != forever && t.proc.clock.Monotonic() >= until {
				return i + 1, 0
			}
		}
		return count, 0
	}
}
