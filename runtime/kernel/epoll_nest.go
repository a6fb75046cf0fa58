package kernel

// epollNests is how many epolls may stand above one another, beside the first
// (Linux: EP_MAX_NESTS).
const epollNests = 4

// mayWatch tells whether an epoll may watch another one: not in a circle, and
// not too many above one another.
//
// Preconditions: FileTable.nesting is held, no epoll's mu is.
func (ep *epoll) mayWatch(inner *epoll, f *File) bool {
	down, ok := inner.depth(ep, 0)
	return ok && down+1+height(f, 0) <= epollNests
}

// watchedEpolls are the epolls that this one watches.
func (ep *epoll) watchedEpolls() []*epoll {
	ep.mu.Lock()
	defer ep.mu.Unlock()
	var list []*epoll
	for key := range ep.items {
		if inner, ok := key.file.data.(*epoll); ok {
			list = append(list, inner)
		}
	}
	return list
}

// depth tells how many epolls are below this one; false if not is among them.
func (ep *epoll) depth(not *epoll, at int) (deepest int, ok bool) {
	if ep == not || at > epollNests {
		return 0, false
	}
	for _, inner := range ep.watchedEpolls() {
		d, ok := inner.depth(not, at+1)
		if !ok {
			return 0, false
		}
		deepest = max(deepest, d+1)
	}
	return deepest, true
}

// height tells how many epolls are above one.
func height(f *File, at int) int {
	w := f.watched.Load()
	if w == nil || at > epollNests {
		return 0
	}
	w.mu.Lock()
	var above []*epoll
	for i := range w.items {
		above = append(above, i.ep)
	}
	w.mu.Unlock()
	h := 0
	for _, ep := range above {
		if of := ep.file; of != nil {
			h = max(h, 1+height(of, at+1))
		}
	}
	return h
}
