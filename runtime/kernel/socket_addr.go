package kernel

import (
	"encoding/binary"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// sockaddr reads an address that the program passes: the family and what
// follows.
func (t *Task) sockaddr(addr, size uint64) ([]byte, abi.Errno) {
	n := int32(size)
	if n < 0 || n > abi.SizeofI386SockaddrStorage {
		return nil, abi.EINVAL
	}
	b := make([]byte, n)
	return b, t.CopyIn(addr, b)
}

// putSockaddr writes an address as getsockname(2) does: as much as there is
// room for, and how long it is.
func (t *Task) putSockaddr(b []byte, addr, sizeAddr uint64) abi.Errno {
	room, e := t.ReadUint32(sizeAddr)
	if e != 0 {
		return e
	}
	if int32(room) < 0 {
		return abi.EINVAL
	}
	if n := min(int(room), len(b)); n > 0 {
		if e := t.CopyOut(addr, b[:n]); e != 0 {
			return e
		}
	}
	return t.WriteUint32(sizeAddr, uint32(len(b)))
}

func addrFamily(b []byte) int {
	if len(b) < 2 {
		return -1
	}
	return int(binary.LittleEndian.Uint16(b))
}

// parseInet reads an address of one of the internet families. EINVAL if it is
// too short, EAFNOSUPPORT if it is another family's.
func parseInet(b []byte, domain int) (a host.SockAddr, e abi.Errno) {
	want, least := abi.SizeofI386SockaddrIn, 2
	if domain == abi.AF_INET6 {
		want = abi.SizeofI386SockaddrIn6 - 4 // RFC 2133 had no scope
	}
	if len(b) < least {
		return a, abi.EINVAL
	}
	family := addrFamily(b)
	switch {
	case domain == abi.AF_INET && len(b) < want:
		return a, abi.EINVAL
	case domain == abi.AF_INET6 && family == abi.AF_INET6 && len(b) < want:
		return a, abi.EINVAL
	case family != domain:
		return a, abi.EAFNOSUPPORT
	}
	a.Family = uint16(family)
	a.Port = binary.BigEndian.Uint16(b[2:])
	if family == abi.AF_INET {
		copy(a.Addr[:4], b[4:8])
		return a, 0
	}
	a.Flow = binary.LittleEndian.Uint32(b[4:])
	copy(a.Addr[:], b[8:24])
	if len(b) >= abi.SizeofI386SockaddrIn6 {
		a.Scope = binary.LittleEndian.Uint32(b[24:])
	}
	return a, 0
}

// formatInet is the other way.
func formatInet(a host.SockAddr) []byte {
	size := abi.SizeofI386SockaddrIn
	if a.Family == abi.AF_INET6 {
		size = abi.SizeofI386SockaddrIn6
	}
	b := make([]byte, size)
	binary.LittleEndian.PutUint16(b, a.Family)
	binary.BigEndian.PutUint16(b[2:], a.Port)
	if a.Family != abi.AF_INET6 {
		copy(b[4:8], a.Addr[:4])
		return b
	}
	binary.LittleEndian.PutUint32(b[4:], a.Flow)
	copy(b[8:24], a.Addr[:])
	binary.LittleEndian.PutUint32(b[24:], a.Scope)
	return b
}
