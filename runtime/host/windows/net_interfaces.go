//go:build windows

package winhost

import (
	"net/netip"
	"os"
	"slices"
	"strconv"
	"unsafe"

	"golang.org/x/sys/windows"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// adapters asks GetAdaptersAddresses for all adapters. The records stay in the
// slice's memory.
func adapters() ([]byte, *windows.IpAdapterAddresses) {
	size := uint32(16 << 10)
	for range 5 {
		b := make([]byte, size)
		a := (*windows.IpAdapterAddresses)(unsafe.Pointer(&b[0]))
		err := windows.GetAdaptersAddresses(windows.AF_UNSPEC, windows.GAA_FLAG_SKIP_ANYCAST|windows.GAA_FLAG_SKIP_MULTICAST, 0, a, &size)
		switch err {
		case nil:
			if size == 0 {
				return nil, nil
			}
			return b, a
		case windows.ERROR_BUFFER_OVERFLOW:
			size += 4 << 10
		default:
			return nil, nil
		}
	}
	return nil, nil
}

// sockaddrOf reads a SOCKET_ADDRESS.
func sockaddrOf(a *windows.SocketAddress) host.SockAddr {
	if a.Sockaddr == nil || a.SockaddrLength < 16 {
		return host.SockAddr{}
	}
	var r rawAddr
	copy(r[:], unsafe.Slice((*byte)(unsafe.Pointer(a.Sockaddr)), a.SockaddrLength))
	return fromRaw(&r)
}

// Interfaces implements host.Net. The names are what Linux's have been called
// for long, in the order of the indexes.
func (*network) Interfaces() ([]host.Interface, abi.Errno) {
	b, first := adapters()
	var list []host.Interface
	kinds := map[uint32]string{}
	for a := first; a != nil; a = a.Next {
		i := host.Interface{
			Index: a.IfIndex, MTU: a.Mtu, Up: a.OperStatus == windows.IfOperStatusUp, Loopback: a.IfType == windows.IF_TYPE_SOFTWARE_LOOPBACK,
			MAC: slices.Clone(a.PhysicalAddress[:min(a.PhysicalAddressLength, 8)]),
		}
		if i.Index == 0 {
			i.Index = a.Ipv6IfIndex
		}
		if i.MTU == 0 || i.MTU > 65536 {
			i.MTU = 65536 // loopback has no limit there
		}
		switch a.IfType {
		case windows.IF_TYPE_SOFTWARE_LOOPBACK:
			kinds[i.Index] = "lo"
		case windows.IF_TYPE_IEEE80211:
			kinds[i.Index] = "wlan"
		case windows.IF_TYPE_PPP:
			kinds[i.Index] = "ppp"
		case windows.IF_TYPE_TUNNEL:
			kinds[i.Index] = "tun"
		default:
			kinds[i.Index] = "eth"
		}
		for u := a.FirstUnicastAddress; u != nil; u = u.Next {
			s := sockaddrOf(&u.Address)
			if s.Family == 0 {
				continue
			}
			prefix := u.OnLinkPrefixLength
			if prefix == 0 && i.Loopback {
				prefix = 8
				if s.Family == abi.AF_INET6 {
					prefix = 128
				}
			}
			i.Addrs = append(i.Addrs, host.InterfaceAddr{Family: s.Family, Addr: s.Addr, Prefix: prefix})
		}
		list = append(list, i)
	}
	_ = b
	slices.SortFunc(list, func(x, y host.Interface) int { return int(x.Index) - int(y.Index) })
	counts := map[string]int{}
	for n := range list {
		kind := kinds[list[n].Index]
		list[n].Name = kind + strconv.Itoa(counts[kind])
		if kind == "lo" && counts[kind] == 0 {
			list[n].Name = "lo"
		}
		counts[kind]++
	}
	return list, 0
}

// Resolver implements host.Net: the name servers of the adapters that are up,
// their domains, and the hosts file of Windows.
func (*network) Resolver() host.Resolver {
	var r host.Resolver
	b, first := adapters()
	add := func(list *[]string, s string) {
		if s != "" && !slices.Contains(*list, s) {
			*list = append(*list, s)
		}
	}
	for a := first; a != nil; a = a.Next {
		if a.OperStatus != windows.IfOperStatusUp {
			continue
		}
		for d := a.FirstDnsServerAddress; d != nil; d = d.Next {
			s := sockaddrOf(&d.Address)
			switch {
			case s.Family == abi.AF_INET:
				add(&r.Servers, netip.AddrFrom4([4]byte(s.Addr[:4])).String())
			case s.Family == abi.AF_INET6 && [3]byte(s.Addr[:3]) == [3]byte{0xfe, 0xc0, 0}:
				// fec0:0:0:ffff::1 to ::3 are Windows's marks for "none".
			case s.Family == abi.AF_INET6:
				add(&r.Servers, netip.AddrFrom16(s.Addr).String())
			}
		}
		if a.DnsSuffix != nil {
			add(&r.Search, windows.UTF16PtrToString(a.DnsSuffix))
		}
	}
	_ = b
	if dir, err := windows.GetSystemDirectory(); err == nil {
		hosts, _ := os.ReadFile(dir + `\drivers\etc\hosts`)
		r.Hosts = string(hosts)
	}
	return r
}
