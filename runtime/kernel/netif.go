package kernel

import (
	"encoding/binary"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// interfaces tells the network interfaces, a loopback in any case.
func (t *Task) interfaces() ([]host.Interface, abi.Errno) {
	n := t.proc.network()
	var list []host.Interface
	if n.host != nil {
		var e abi.Errno
		if list, e = n.host.Interfaces(); e != 0 {
			return nil, e
		}
	}
	for _, i := range list {
		if i.Loopback {
			return list, 0
		}
	}
	lo := host.Interface{Index: 1, Name: "lo", MTU: 65536, Loopback: true, Up: true, Addrs: []host.InterfaceAddr{
		{Family: abi.AF_INET, Addr: [16]byte{127, 0, 0, 1}, Prefix: 8}, {Family: abi.AF_INET6, Addr: [16]byte{15: 1}, Prefix: 128},
	}}
	return append([]host.Interface{lo}, list...), 0
}

// interfaceOf tells the index of the interface that has an address.
func (t *Task) interfaceOf(addr [4]byte) (uint32, abi.Errno) {
	list, e := t.interfaces()
	if e != 0 {
		return 0, e
	}
	for _, i := range list {
		for _, a := range i.Addrs {
			if a.Family == abi.AF_INET && [4]byte(a.Addr[:4]) == addr {
				return i.Index, 0
			}
		}
	}
	return 0, abi.ENODEV
}

func interfaceFlags(i *host.Interface) uint32 {
	f := uint32(abi.IFF_BROADCAST | abi.IFF_MULTICAST)
	if i.Loopback {
		f = abi.IFF_LOOPBACK
	}
	if i.Up {
		f |= abi.IFF_UP | abi.IFF_RUNNING | 1<<16 // IFF_LOWER_UP
	}
	return f
}

func hardwareType(i *host.Interface) uint16 {
	if i.Loopback {
		return abi.ARPHRD_LOOPBACK
	}
	return abi.ARPHRD_ETHER
}

func mask4(prefix uint8) (m [4]byte) {
	binary.BigEndian.PutUint32(m[:], ^uint32(0)<<(32-min(prefix, 32)))
	return m
}

func broadcast4(a host.InterfaceAddr) (b [4]byte) {
	m := mask4(a.Prefix)
	for i := range b {
		b[i] = a.Addr[i] | ^m[i]
	}
	return b
}

// interfaceIoctl is netdevice(7). ENOTTY if it is none of that.
func (t *Task) interfaceIoctl(cmd uint32, arg uint64) (uint64, abi.Errno) {
	switch cmd {
	case abi.SIOCGIFCONF:
		return t.interfaceList(arg)
	case abi.SIOCGIFNAME, abi.SIOCGIFFLAGS, abi.SIOCGIFADDR, abi.SIOCGIFDSTADDR, abi.SIOCGIFBRDADDR, abi.SIOCGIFNETMASK, abi.SIOCGIFMETRIC,
		abi.SIOCGIFMTU, abi.SIOCGIFHWADDR, abi.SIOCGIFINDEX, abi.SIOCGIFTXQLEN:
	case abi.SIOCSIFFLAGS, abi.SIOCSIFADDR, abi.SIOCSIFNETMASK, abi.SIOCSIFMTU, abi.SIOCSIFNAME, abi.SIOCSIFHWADDR, abi.SIOCADDRT, abi.SIOCDELRT:
		return 0, abi.EPERM
	default:
		return 0, abi.ENOTTY
	}
	m, e := t.Bytes(arg, uint64(t.ifreqSize()), true)
	if e != 0 {
		return 0, e
	}
	list, e := t.interfaces()
	if e != 0 {
		return 0, e
	}
	name, _ := cstring(m[:abi.IFNAMSIZ])
	v := m[abi.IFNAMSIZ:]
	var i *host.Interface
	for n := range list {
		if cmd == abi.SIOCGIFNAME && list[n].Index == le32(v) || cmd != abi.SIOCGIFNAME && list[n].Name == name {
			i = &list[n]
		}
	}
	if i == nil {
		return 0, abi.ENODEV
	}
	addr := func(a [4]byte) {
		copy(v, formatInet(host.SockAddr{Family: abi.AF_INET, Addr: [16]byte{a[0], a[1], a[2], a[3]}}))
	}
	switch cmd {
	case abi.SIOCGIFNAME:
		clear(m[:abi.IFNAMSIZ])
		copy(m[:abi.IFNAMSIZ-1], i.Name)
	case abi.SIOCGIFFLAGS:
		binary.LittleEndian.PutUint16(v, uint16(interfaceFlags(i)))
	case abi.SIOCGIFINDEX:
		put32(v, i.Index)
	case abi.SIOCGIFMTU:
		put32(v, i.MTU)
	case abi.SIOCGIFMETRIC:
		put32(v, 0)
	case abi.SIOCGIFTXQLEN:
		put32(v, 1000)
	case abi.SIOCGIFHWADDR:
		clear(v[:16])
		binary.LittleEndian.PutUint16(v, hardwareType(i))
		copy(v[2:8], i.MAC)
	default:
		for _, a := range i.Addrs {
			if a.Family != abi.AF_INET {
				continue
			}
			switch cmd {
			case abi.SIOCGIFADDR, abi.SIOCGIFDSTADDR:
				addr([4]byte(a.Addr[:4]))
			case abi.SIOCGIFNETMASK:
				addr(mask4(a.Prefix))
			case abi.SIOCGIFBRDADDR:
				if i.Loopback {
					addr([4]byte{})
				} else {
					addr(broadcast4(a))
				}
			}
			return 0, 0
		}
		return 0, abi.EADDRNOTAVAIL
	}
	return 0, 0
}

func (t *Task) ifreqSize() int {
	if t.is64() {
		return abi.SizeofAMD64Ifreq
	}
	return abi.SizeofI386Ifreq
}

// interfaceList is SIOCGIFCONF: the IPv4 addresses, or how much room they take
// if there is no buffer.
func (t *Task) interfaceList(arg uint64) (uint64, abi.Errno) {
	room, e := t.ReadUint32(arg)
	if e != 0 {
		return 0, e
	}
	at := uint64(abi.I386IfconfBuf)
	if t.is64() {
		at = abi.AMD64IfconfBuf
	}
	buf, e := t.ReadPtr(arg + at)
	if e != 0 {
		return 0, e
	}
	list, e := t.interfaces()
	if e != 0 {
		return 0, e
	}
	size := t.ifreqSize()
	used := 0
	for _, i := range list {
		for _, a := range i.Addrs {
			if a.Family != abi.AF_INET {
				continue
			}
			if buf != 0 {
				if used+size > int(int32(room)) {
					break
				}
				b := make([]byte, size)
				copy(b[:abi.IFNAMSIZ-1], i.Name)
				copy(b[abi.IFNAMSIZ:], formatInet(host.SockAddr{Family: abi.AF_INET, Addr: a.Addr}))
				if e := t.CopyOut(buf+uint64(used), b); e != 0 {
					return 0, e
				}
			}
			used += size
		}
	}
	return 0, t.WriteUint32(arg, uint32(used))
}
