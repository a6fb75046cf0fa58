package kernel

import (
	"encoding/hex"
	"fmt"
	"strings"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// The multicast groups that each interface is in without anybody's asking, as
// RFC 1112 and RFC 4291 want it. Which ones programs have joined no host tells
// for all of them, so those are not here.

// inet calls do for each interface in use that has addresses of a family.
func (t *Task) inet(family uint16, do func(i *host.Interface)) {
	list, _ := t.interfaces()
	for n := range list {
		for _, a := range list[n].Addrs {
			if a.Family == family && list[n].Up {
				do(&list[n])
				break
			}
		}
	}
}

// igmp is /proc/net/igmp.
func (t *Task) igmp() string {
	var b strings.Builder
	b.WriteString("Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n")
	t.inet(abi.AF_INET, func(i *host.Interface) {
		// The group of all hosts, 224.0.0.1, as a number of this machine.
		fmt.Fprintf(&b, "%d\t%-10s: %5d %7s\n\t\t\t\t%08X %5d %d:%08X\t\t%d\n", i.Index, i.Name, 1, "V3", 0x010000e0, 1, 0, 0, 0)
	})
	return b.String()
}

// igmp6 is /proc/net/igmp6: the solicited-node group of each address, which a
// loopback has no use for, all nodes of the link and all of the interface.
func (t *Task) igmp6() string {
	var b strings.Builder
	t.inet(abi.AF_INET6, func(i *host.Interface) {
		line := func(group string, flags uint32) {
			fmt.Fprintf(&b, "%-4d %-15s %s %5d %08X %d\n", i.Index, i.Name, group, 1, flags, 0)
		}
		seen := map[string]bool{}
		for _, a := range i.Addrs {
			group := "ff0200000000000000000001ff" + hex.EncodeToString(a.Addr[13:])
			if a.Family == abi.AF_INET6 && !i.Loopback && !seen[group] {
				seen[group] = true
				line(group, 4) // MAF_LAST_REPORTER (net/if_inet6.h); 8 is MAF_NOREPORT
			}
		}
		line("ff020000000000000000000000000001", 12)
		line("ff010000000000000000000000000001", 8)
	})
	return b.String()
}
