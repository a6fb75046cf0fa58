package kernel

import (
	"slices"
	"sync"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// Windows gives a port of TCP to one socket. Listeners of one program that say
// SO_REUSEPORT share that one: each connection goes to whoever accepts it
// first.

// sharedPorts are the ports that may be shared, by their addresses.
type sharedPorts struct {
	mu sync.Mutex // held before a port's
	by map[host.SockAddr]*sharedPort
}

// sharedPort is a host's socket that several of the program's stand for.
type sharedPort struct {
	host.NetSocket
	all  *sharedPorts
	addr host.SockAddr

	mu      sync.Mutex // a leaf
	users   []*portUser
	watched bool
}

// portUser is the part that one socket has in it. It is a host.NetSocket.
type portUser struct {
	*sharedPort
	told func() // guarded by the port's mu
}

// join gives a share of a port that is bound already, or nil.
func (l *sharedPorts) join(addr host.SockAddr) *portUser {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.by[addr]
	if p == nil {
		return nil
	}
	return p.add()
}

// offer lets others share a port that h was just bound to. The share owns h.
func (l *sharedPorts) offer(h host.NetSocket) *portUser {
	addr, e := h.Name()
	if e != 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.by == nil {
		l.by = map[host.SockAddr]*sharedPort{}
	}
	p := &sharedPort{NetSocket: h, all: l, addr: addr}
	l.by[addr] = p
	return p.add()
}

func (p *sharedPort) add() *portUser {
	u := &portUser{sharedPort: p}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.users = append(p.users, u)
	return u
}

// alone ends the sharing, for a socket that connects; false if others have
// the port already.
func (u *portUser) alone() bool {
	u.all.mu.Lock()
	defer u.all.mu.Unlock()
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.users) > 1 {
		return false
	}
	u.all.forget(u.sharedPort)
	return true
}

// forget keeps a port from being shared. l.mu is held.
func (l *sharedPorts) forget(p *sharedPort) {
	if l.by[p.addr] == p {
		delete(l.by, p.addr)
	}
}

// Watch implements host.NetSocket: a change is told to all.
func (u *portUser) Watch(told func()) abi.Errno {
	u.mu.Lock()
	u.told = told
	first := !u.watched
	u.watched = true
	u.mu.Unlock()
	if first {
		return u.NetSocket.Watch(u.tell)
	}
	return 0
}

func (p *sharedPort) tell() {
	p.mu.Lock()
	var list []func()
	for _, u := range p.users {
		if u.told != nil {
			list = append(list, u.told)
		}
	}
	p.mu.Unlock()
	for _, told := range list {
		told()
	}
}

// Close implements host.NetSocket: the last one closes.
func (u *portUser) Close() {
	u.all.mu.Lock()
	u.mu.Lock()
	u.users = slices.DeleteFunc(u.users, func(o *portUser) bool { return o == u })
	last := len(u.users) == 0
	u.mu.Unlock()
	if last {
		u.all.forget(u.sharedPort)
	}
	u.all.mu.Unlock()
	if last {
		u.NetSocket.Close()
	}
}
