package kernel

import "strings"

// resolvConf is /etc/resolv.conf (resolv.conf(5)): the name servers and
// domains of the host's adapters. The resolver of a C library takes three
// servers and six domains.
func resolvConf(t *Task) string {
	var b strings.Builder
	n := t.proc.network()
	if n.host == nil {
		return ""
	}
	r := n.host.Resolver()
	for i, s := range r.Servers {
		if i < 3 {
			b.WriteString("nameserver " + s + "\n")
		}
	}
	if len(r.Search) > 0 {
		b.WriteString("search " + strings.Join(r.Search[:min(6, len(r.Search))], " ") + "\n")
	}
	return b.String()
}

// hostsFile is /etc/hosts (hosts(5)): the machine itself, then what the host's
// own file says.
func hostsFile(t *Task, hostname string) string {
	var b strings.Builder
	b.WriteString("127.0.0.1\tlocalhost " + hostname + "\n::1\tlocalhost ip6-localhost ip6-loopback\n")
	n := t.proc.network()
	if n.host == nil {
		return b.String()
	}
	for _, l := range strings.Split(n.host.Resolver().Hosts, "\n") {
		l, _, _ = strings.Cut(l, "#")
		if w := strings.Fields(l); len(w) > 1 && w[1] != "localhost" {
			b.WriteString(w[0] + "\t" + strings.Join(w[1:], " ") + "\n")
		}
	}
	return b.String()
}
