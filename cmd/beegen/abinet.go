package main

import (
	"fmt"
	"regexp"
	"sort"
	"strconv"
	"strings"
)

// netHeaders are libc's: the kernel's own do not export the address families,
// the flags of send(2) and recv(2) and the structures that carry them. What
// both have is laid out alike.
const netHeaders = `
#define _GNU_SOURCE
#include <stdio.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/if_link.h>
#include <linux/if_addr.h>
#include <linux/sockios.h>
#include <linux/net.h>
#include <linux/errqueue.h>
`

func netStructs() []abiStruct {
	return []abiStruct{
		{"SockaddrIn", "struct sockaddr_in", "sin_", "sin_family sin_port sin_addr", ""},
		{"SockaddrIn6", "struct sockaddr_in6", "sin6_", "sin6_family sin6_port sin6_flowinfo sin6_addr sin6_scope_id", ""},
		{"SockaddrUn", "struct sockaddr_un", "sun_", "sun_family sun_path", ""},
		{"SockaddrNl", "struct sockaddr_nl", "nl_", "nl_family nl_pid nl_groups", ""},
		{"SockaddrStorage", "struct sockaddr_storage", "ss_", "ss_family", ""},
		{"Msghdr", "struct msghdr", "msg_", "msg_name msg_namelen msg_iov msg_iovlen msg_control msg_controllen msg_flags", ""},
		{"Mmsghdr", "struct mmsghdr", "msg_", "msg_hdr msg_len", ""},
		{"Cmsghdr", "struct cmsghdr", "cmsg_", "cmsg_len cmsg_level cmsg_type", ""},
		{"Ucred", "struct ucred", "", "pid uid gid", ""},
		{"Linger", "struct linger", "l_", "l_onoff l_linger", ""},
		{"IPMreq", "struct ip_mreq", "imr_", "imr_multiaddr imr_interface", ""},
		{"IPMreqn", "struct ip_mreqn", "imr_", "imr_multiaddr imr_address imr_ifindex", ""},
		{"IPv6Mreq", "struct ipv6_mreq", "ipv6mr_", "ipv6mr_multiaddr ipv6mr_interface", ""},
		{"InPktinfo", "struct in_pktinfo", "ipi_", "ipi_ifindex ipi_spec_dst ipi_addr", ""},
		{"In6Pktinfo", "struct in6_pktinfo", "ipi6_", "ipi6_addr ipi6_ifindex", ""},
		{"TCPInfo", "struct tcp_info", "tcpi_", "tcpi_state tcpi_rto tcpi_snd_mss tcpi_rcv_mss tcpi_pmtu tcpi_rtt tcpi_snd_cwnd", ""},
		{"Nlmsghdr", "struct nlmsghdr", "nlmsg_", "nlmsg_len nlmsg_type nlmsg_flags nlmsg_seq nlmsg_pid", ""},
		{"Nlmsgerr", "struct nlmsgerr", "", "error msg", ""},
		{"Rtattr", "struct rtattr", "rta_", "rta_len rta_type", ""},
		{"Ifinfomsg", "struct ifinfomsg", "ifi_", "ifi_family ifi_type ifi_index ifi_flags ifi_change", ""},
		{"Ifaddrmsg", "struct ifaddrmsg", "ifa_", "ifa_family ifa_prefixlen ifa_flags ifa_scope ifa_index", ""},
		{"Ifreq", "struct ifreq", "ifr_", "ifr_name ifr_addr", ""},
		{"Ifconf", "struct ifconf", "ifc_", "ifc_len ifc_buf", ""},
	}
}

var (
	netConsts = regexp.MustCompile(`^(AF|SOCK|SOL|SO|MSG|SCM|SHUT|IPPROTO|IP|IPV6|TCP|UDP|NETLINK|NLM|NLMSG|RTM|IFLA|IFA|IFF|RT_SCOPE|RT_TABLE|SIOC[A-Z]+|ARPHRD|MCAST|SYS|SOMAXCONN|NLA|UNIX|IFNAMSIZ|FIO[A-Z]+)(_[A-Z0-9_]+)?$`)
	netNot    = regexp.MustCompile(`(^SIOCPROTO|^SIOCDEV|^IFLA_[A-Z]+_|^NLMSG_(ALIGN|LENGTH|SPACE|DATA|NEXT|OK|PAYLOAD)$|^(IFA|IFLA)_(RTA|PAYLOAD)$|^(SO_EE|RTM_(RTA|PAYLOAD|NR|FAM))|_H$|^NLA_ALIGN$|^SO_STRESS)`)
)

// enumerators have no macros of their own to be found by.
const netEnums = "SOCK_STREAM SOCK_DGRAM SOCK_RAW SOCK_SEQPACKET SOCK_CLOEXEC SOCK_NONBLOCK SHUT_RD SHUT_WR SHUT_RDWR " +
	"IFLA_ADDRESS IFLA_BROADCAST IFLA_IFNAME IFLA_MTU IFLA_TXQLEN IFLA_OPERSTATE " +
	"IFA_ADDRESS IFA_LOCAL IFA_LABEL IFA_BROADCAST IFA_FLAGS " +
	"RTM_GETLINK RTM_NEWLINK RTM_GETADDR RTM_NEWADDR RTM_GETROUTE RTM_NEWROUTE RT_SCOPE_UNIVERSE RT_SCOPE_LINK RT_SCOPE_HOST RT_TABLE_MAIN"

// generateNet writes znet.go: constants, equal on both architectures or not at
// all, and znet_*.go: layouts.
func generateNet(tmp, dir string) error {
	consts := map[string]map[string]string{}
	all := map[string]bool{}
	for _, arch := range abiArchs() {
		macros, err := headerMacros(tmp, arch.flag, netHeaders)
		if err != nil {
			return err
		}
		own, err := headerMacros(tmp, arch.flag, abiHeaders)
		if err != nil {
			return err
		}
		names := map[string]bool{}
		for n := range macros {
			// What the kernel's headers alone give is in zconst.go already.
			_, known := own[n]
			if netConsts.MatchString(n) && !netNot.MatchString(n) && (!known || !abiConsts.MatchString(n) || abiNot.MatchString(n)) {
				names[n] = true
			}
		}
		for _, n := range strings.Fields(netEnums) {
			names[n] = true
		}
		if consts[arch.prefix], err = netValues(tmp, arch.flag, names); err != nil {
			return err
		}
		for n := range consts[arch.prefix] {
			all[n] = true
		}
		if err := netLayouts(tmp, dir, arch); err != nil {
			return err
		}
	}
	var names []string
	for n := range all {
		names = append(names, n)
	}
	sort.Strings(names)
	var b strings.Builder
	b.WriteString("// Constants of the network, equal on both architectures.\nconst (\n")
	for _, n := range names {
		if v := consts["I386"][n]; v != "" && v == consts["AMD64"][n] {
			fmt.Fprintf(&b, "\t%s = %s\n", n, hexIfFlag(v))
		}
	}
	b.WriteString(")\n")
	return writeGo(dir, "znet.go", b.String())
}

// netValues evaluates macros and leaves those out that are no numbers.
func netValues(tmp, flag string, names map[string]bool) (map[string]string, error) {
	var list []string
	for n := range names {
		list = append(list, n)
	}
	sort.Strings(list)
	for {
		var src strings.Builder
		src.WriteString(netHeaders + "int main(void) {\n#line 1 \"consts\"\n")
		for _, n := range list {
			fmt.Fprintf(&src, "\t{ static const long long v = (long long)(%s); printf(\"%s %%lld\\n\", v); }\n", n, n)
		}
		src.WriteString("\treturn 0;\n}\n")
		out, err := runC(tmp, flag, src.String())
		if err == nil {
			m := map[string]string{}
			for _, l := range strings.Split(strings.TrimSpace(out), "\n") {
				p := strings.Fields(l)
				m[p[0]] = p[1]
			}
			return m, nil
		}
		bad := map[int]bool{}
		for _, m := range regexp.MustCompile(`consts:(\d+):\d+: error`).FindAllStringSubmatch(err.Error(), -1) {
			n, _ := strconv.Atoi(m[1])
			bad[n] = true
		}
		if len(bad) == 0 {
			return nil, err
		}
		var good []string
		for i, n := range list {
			if !bad[i+1] {
				good = append(good, n)
			}
		}
		list = good
	}
}

func netLayouts(tmp, dir string, arch abiArch) error {
	var src strings.Builder
	src.WriteString(netHeaders + "int main(void) {\n")
	for _, s := range netStructs() {
		fmt.Fprintf(&src, "\tprintf(\"S %s %%d\\n\", (int)sizeof(%s));\n", s.name, s.c)
		for _, f := range strings.Fields(s.fields) {
			fmt.Fprintf(&src, "\tprintf(\"F %s%s %%d\\n\", (int)offsetof(%s, %s));\n", s.name, camel(strings.TrimPrefix(f, s.strip)), s.c, f)
		}
	}
	src.WriteString("\treturn 0;\n}\n")
	out, err := runC(tmp, arch.flag, src.String())
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "// Sizes of the network's structures of %s and offsets of their fields.\nconst (\n", arch.prefix)
	for _, l := range strings.Split(strings.TrimSpace(out), "\n") {
		p := strings.Fields(l)
		if p[0] == "S" {
			fmt.Fprintf(&b, "\n\tSizeof%s%s = %s\n", arch.prefix, p[1], p[2])
		} else {
			fmt.Fprintf(&b, "\t%s%s = %s\n", arch.prefix, p[1], p[2])
		}
	}
	b.WriteString(")\n")
	return writeGo(dir, "znet_"+arch.suffix+".go", b.String())
}
