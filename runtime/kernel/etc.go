package kernel

import (
	"strings"
	"time"
)

// etcRoot is a small /etc for the view without --root.
func etcRoot(p *Process) *node {
	user := func() string {
		name := p.system.Info().UserName
		if i := strings.LastIndexByte(name, '\\'); i >= 0 {
			name = name[i+1:]
		}
		if name = strings.Map(func(r rune) rune {
			if r <= ' ' || r == ':' {
				return '_'
			}
			return r
		}, strings.ToLower(name)); name == "" || name == "root" && p.uid != 0 {
			name = "user"
		}
		return name
	}
	line := func(format func(name string) string) func(*Task) string {
		return func(*Task) string { return format(user()) }
	}
	hostname := func() string {
		if h := p.system.Info().Hostname; h != "" {
			return h
		}
		return "localhost"
	}
	etc := newFolder("etc",
		newText("passwd", line(func(name string) string {
			s := "root:x:0:0:root:/root:/bin/sh\n"
			if p.uid != 0 {
				s += name + ":x:" + utoa(p.uid) + ":" + utoa(p.gid) + "::/:/bin/sh\n"
			}
			return s
		})),
		newText("group", line(func(name string) string {
			s := "root:x:0:\n"
			if p.gid != 0 {
				s += name + ":x:" + utoa(p.gid) + ":\n"
			}
			return s
		})),
		newText("hostname", func(*Task) string { return hostname() + "\n" }),
		newText("hosts", func(t *Task) string { return hostsFile(t, hostname()) }),
		newText("resolv.conf", resolvConf),
		newText("nsswitch.conf", constant("passwd: files\ngroup: files\nhosts: files dns\n")),
		newText("localtime", func(*Task) string { return string(zoneFile(time.Local)) }),
		newLink("mtab", constant("../proc/self/mounts")),
		newText("host.conf", constant("multi on\n")),
		newText("shells", constant("/bin/sh\n")),
		newText("os-release", constant("NAME=BEE\nID=bee\nPRETTY_NAME=BEE\n")),
		newText("protocols", constant("ip\t0\nicmp\t1\ntcp\t6\nudp\t17\n")),
		newText("services", constant("ssh\t22/tcp\ndomain\t53/tcp\ndomain\t53/udp\nhttp\t80/tcp\nhttps\t443/tcp\n")),
	)
	for _, n := range etc.kids {
		n.sized = n.text != nil
	}
	return etc
}
