package kernel

import (
	"sync/atomic"

	"bee/runtime/host"
)

// Descriptors that were sent and not received keep their files open, sockets
// among them. Sockets that are under way on each other's queues, or on their
// own, and nowhere else can never be received: they are found and closed, with
// all that is under way on them, as Linux's unix_gc does.

// inflight counts references by messages that wait in queues.
type inflight struct {
	sockets map[*File]int // of AF_UNIX; guarded by unixNet.mu
	count   atomic.Int32  // its size, so that those who sent none need not look
}

// add notes references that messages get or, with -1, give up. unixNet.mu is
// held.
func (i *inflight) add(rights []*File, n int) {
	for _, f := range rights {
		if unixOf(f) == nil {
			continue
		}
		if i.sockets == nil {
			i.sockets = map[*File]int{}
		}
		if i.sockets[f] += n; i.sockets[f] == 0 {
			delete(i.sockets, f)
		}
	}
	i.count.Store(int32(len(i.sockets)))
}

// unixOf tells the socket of AF_UNIX that a file is, or nil.
func unixOf(f *File) *unixSocket {
	if f.kind != host.Socket {
		return nil
	}
	if s, ok := f.data.(*socket); ok {
		u, _ := s.fam.(*unixSocket)
		return u
	}
	return nil
}

// carried calls for each file that is under way to a socket, those of
// connections that it has not accepted included. unixNet.mu is held.
func (u *unixSocket) carried(each func(*File)) {
	for _, q := range u.queue {
		for _, f := range q.rights {
			each(f)
		}
	}
	for _, c := range u.pending {
		c.carried(each)
	}
}

// unreachable tells the sockets that only messages refer to which wait on such
// sockets. Nobody has a descriptor of them, so that nobody can get one
// meanwhile but from a queue. unixNet.mu is held.
func (i *inflight) unreachable() []*File {
	within := map[*File]int{}
	for f, n := range i.sockets {
		if int(f.refs.Load()) == n {
			within[f] = 0
		}
	}
	for f := range within {
		unixOf(f).carried(func(r *File) {
			if _, ok := within[r]; ok {
				within[r]++
			}
		})
	}
	var reach func(f *File)
	reach = func(f *File) {
		delete(within, f)
		unixOf(f).carried(func(r *File) {
			if _, ok := within[r]; ok {
				reach(r)
			}
		})
	}
	var outside []*File // that wait on a socket which somebody has
	for f, n := range within {
		if n < i.sockets[f] {
			outside = append(outside, f)
		}
	}
	for _, f := range outside {
		if _, ok := within[f]; ok {
			reach(f)
		}
	}
	list := make([]*File, 0, len(within))
	for f := range within {
		list = append(list, f)
	}
	return list
}

// collectInflight closes what nobody can receive any more.
func (p *Process) collectInflight() {
	n := &p.traits.net.unix
	if n.inflight.count.Load() == 0 {
		return
	}
	var rights []*File
	n.mu.Lock()
	for _, f := range n.inflight.unreachable() {
		u := unixOf(f)
		for _, s := range append([]*unixSocket{u}, u.pending...) {
			for _, q := range s.queue {
				rights = append(rights, q.rights...)
				q.rights = nil
			}
		}
	}
	n.inflight.add(rights, -1)
	n.mu.Unlock()
	for _, f := range rights {
		p.files.put(f)
	}
}
