package kernel

import (
	"sync"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// Events of epoll beside those of poll(2), which have the same bits.
const (
	epollExclusive = 1 << 28
	epollWakeup    = 1 << 29
	epollOneShot   = 1 << 30
	epollET        = 1 << 31
	// epollPrivate say how to tell, not what.
	epollPrivate = epollExclusive | epollWakeup | epollOneShot | epollET
	// epollWithExclusive are all that go with EPOLLEXCLUSIVE.
	epollWithExclusive = abi.POLLIN | abi.POLLOUT | abi.POLLERR | abi.POLLHUP | epollWakeup | epollET | epollExclusive
)

func epollCalls() []Call {
	const note = "pipes and sockets that the caller of the runner gave are asked every 0.5 to 10 ms while somebody waits"
	return []Call{
		{Name: "epoll_create", Handler: sysEpollCreate, Support: Full},
		{Name: "epoll_create1", Handler: sysEpollCreate1, Support: Full},
		{Name: "epoll_ctl", Handler: sysEpollCtl, Support: Full},
		{Name: "epoll_wait", Handler: sysEpollWait, Support: Full, Note: note},
		{Name: "epoll_pwait", Handler: sysEpollPwait, Support: Full, Note: note},
		{Name: "epoll_pwait2", Handler: sysEpollPwait2, Support: Full, Note: note},
	}
}

// epoll is what an epoll descriptor stands for. What it costs follows those
// files that have something to tell: a file's queue puts its item on the list
// of the ready ones, and nobody looks at the others.
//
// Lock order: FileTable.nesting, epoll.mu of the outer epoll, of the inner
// one, a file's own locks, waitQueue.mu, epoll.readyMu, then queue's mu and so
// on outwards: epolls cannot watch each other in a circle.
type epoll struct {
	file  *File      // the description
	mu    sync.Mutex // for items, and all of them but what readyMu guards
	items map[epollKey]*epollItem
	// unheard counts items whose files do not tell of their changes, other
	// epolls included.
	unheard int

	readyMu sync.Mutex
	ready   epollList
	// queue is of those who wait for this epoll.
	queue waitQueue
}

// epollKey tells items apart: a description may be watched once for each of
// its descriptors.
type epollKey struct {
	file *File
	fd   int32
}

// epollItem is a watched file.
type epollItem struct {
	ep     *epoll
	key    epollKey
	w      waiter
	gone   bool
	events uint32 // epollPrivate included
	data   [8]byte
	// unheard: the file must be asked. told are the events that it had when
	// it was last asked, used the count of transfers at that time.
	unheard bool
	told    uint32
	used    uint32

	// Guarded by ep.readyMu.
	listed     bool
	prev, next *epollItem
}

// epollList is a list of items in the order in which they became ready.
type epollList struct {
	head, tail *epollItem
	n          int
}

func (l *epollList) push(i *epollItem) {
	if i.listed {
		return
	}
	i.listed, i.prev, i.next = true, l.tail, nil
	if l.tail != nil {
		l.tail.next = i
	} else {
		l.head = i
	}
	l.tail = i
	l.n++
}

func (l *epollList) remove(i *epollItem) {
	if !i.listed {
		return
	}
	if i.prev != nil {
		i.prev.next = i.next
	} else {
		l.head = i.next
	}
	if i.next != nil {
		i.next.prev = i.prev
	} else {
		l.tail = i.prev
	}
	i.listed, i.prev, i.next = false, nil, nil
	l.n--
}

// watchers are the items that watch a description.
type watchers struct {
	mu    sync.Mutex // taken under epoll.mu
	items map[*epollItem]struct{}
}

// release ends all watching, before the description is closed.
func (w *watchers) release() {
	for {
		w.mu.Lock()
		var i *epollItem
		for i = range w.items {
			break
		}
		w.mu.Unlock()
		if i == nil {
			return
		}
		i.ep.mu.Lock()
		i.ep.remove(i)
		i.ep.mu.Unlock()
	}
}

func sysEpollCreate(t *Task, a Args) (uint64, abi.Errno) {
	if int32(a[0]) <= 0 {
		return 0, abi.EINVAL
	}
	return t.epollCreate(0)
}

func sysEpollCreate1(t *Task, a Args) (uint64, abi.Errno) {
	if uint32(a[0])&^abi.O_CLOEXEC != 0 {
		return 0, abi.EINVAL
	}
	return t.epollCreate(uint32(a[0]))
}

func (t *Task) epollCreate(flags uint32) (uint64, abi.Errno) {
	ep := &epoll{items: map[epollKey]*epollItem{}}
	ep.file = newAnon(epollOps{}, ep, abi.O_RDWR, flags)
	return t.openAnon(ep.file, flags)
}

func sysEpollCtl(t *Task, a Args) (uint64, abi.Errno) {
	const size = abi.SizeofAMD64EpollEvent // packed: the same for both widths
	op, fd := int32(a[1]), int32(a[2])
	var events uint32
	var data [8]byte
	if op != abi.EPOLL_CTL_DEL {
		m, e := t.Bytes(a[3], size, false)
		if e != 0 {
			return 0, e
		}
		events = le32(m)
		copy(data[:], m[4:])
	}
	ft := t.proc.files
	f, e := t.file(a[0])
	if e != 0 {
		return 0, e
	}
	defer ft.put(f)
	target, e := t.file(a[2])
	if e != 0 {
		return 0, e
	}
	defer ft.put(target)
	if !target.pollable() {
		return 0, abi.EPERM
	}
	ep, ok := f.data.(*epoll)
	if !ok || target == f {
		return 0, abi.EINVAL
	}
	inner, nested := target.data.(*epoll)
	if events&epollExclusive != 0 && op != abi.EPOLL_CTL_DEL {
		if op == abi.EPOLL_CTL_MOD || nested || events&^epollWithExclusive != 0 {
			return 0, abi.EINVAL
		}
	}
	if op == abi.EPOLL_CTL_ADD && nested {
		ft.nesting.Lock()
		defer ft.nesting.Unlock()
		if !ep.mayWatch(inner, f) {
			return 0, abi.ELOOP
		}
	}
	ep.mu.Lock()
	defer ep.mu.Unlock()
	key := epollKey{target, fd}
	item := ep.items[key]
	switch op {
	case abi.EPOLL_CTL_ADD:
		if item != nil {
			return 0, abi.EEXIST
		}
		ep.add(t, key, events|abi.POLLERR|abi.POLLHUP, data)
	case abi.EPOLL_CTL_DEL:
		if item == nil {
			return 0, abi.ENOENT
		}
		ep.remove(item)
	case abi.EPOLL_CTL_MOD:
		switch {
		case item == nil:
			return 0, abi.ENOENT
		case item.events&epollExclusive != 0:
			return 0, abi.EINVAL
		}
		item.events, item.data = events|abi.POLLERR|abi.POLLHUP, data
		item.told = 0
		item.w.remove()
		item.listen()
		item.look(t)
	default:
		return 0, abi.EINVAL
	}
	return 0, 0
}

// add begins to watch a file. ep.mu is held.
func (ep *epoll) add(t *Task, key epollKey, events uint32, data [8]byte) {
	i := &epollItem{ep: ep, key: key, events: events, data: data}
	f := key.file
	w := f.watched.Load()
	if w == nil {
		w = &watchers{items: map[*epollItem]struct{}{}}
		if !f.watched.CompareAndSwap(nil, w) {
			w = f.watched.Load()
		}
	}
	w.mu.Lock()
	w.items[i] = struct{}{}
	w.mu.Unlock()
	ep.items[key] = i
	_, inner := f.data.(*epoll)
	if i.unheard = inner || f.asked(); i.unheard {
		ep.unheard++
	}
	i.listen()
	i.look(t)
}

// listen waits for changes of the file that concern the item. ep.mu is held.
func (i *epollItem) listen() {
	q := i.key.file.waits()
	if q == nil {
		return
	}
	i.w.events = i.events &^ epollPrivate
	if i.events&epollExclusive != 0 {
		i.w.claim = i.changed
	}
	q.add(&i.w, func() { i.changed() })
}

// remove ends the watching of a file. ep.mu is held.
func (ep *epoll) remove(i *epollItem) {
	if i.gone {
		return
	}
	i.gone = true
	i.w.remove()
	w := i.key.file.watched.Load()
	w.mu.Lock()
	delete(w.items, i)
	w.mu.Unlock()
	delete(ep.items, i.key)
	if i.unheard {
		ep.unheard--
	}
	ep.readyMu.Lock()
	ep.ready.remove(i)
	ep.readyMu.Unlock()
}

// changed puts the item on the list of those that are to be looked at, and
// wakes whoever waits for the epoll. It tells whether there was anybody. The
// queue of the item's file calls it.
func (i *epollItem) changed() bool {
	i.ep.readyMu.Lock()
	i.ep.ready.push(i)
	i.ep.readyMu.Unlock()
	return i.ep.queue.wakeFor(abi.POLLIN)
}

// look puts the item on the list if its file has something to tell now. ep.mu
// is held.
func (i *epollItem) look(t *Task) {
	if i.current(t) != 0 {
		i.changed()
	}
}

// current are the events of the file that the item is about. ep.mu is held.
func (i *epollItem) current(t *Task) uint32 {
	want := i.events &^ epollPrivate
	if want == 0 {
		return 0 // EPOLLONESHOT has told once
	}
	return i.key.file.events(t) & want
}

// epollOps are epoll's descriptors.
type epollOps struct{ anonOps }

func (epollOps) queue(f *File) *waitQueue { return &f.data.(*epoll).queue }

func (epollOps) fdName(*File) string { return "anon_inode:[eventpoll]" }

// poll tells whether one of the watched files has something to tell.
func (epollOps) poll(t *Task, f *File) host.Ready {
	ep := f.data.(*epoll)
	ep.mu.Lock()
	defer ep.mu.Unlock()
	ep.ask(t)
	for {
		ep.readyMu.Lock()
		i := ep.ready.head
		ep.readyMu.Unlock()
		if i == nil {
			return host.Ready{}
		}
		// It may become ready after it was asked and before it is taken off
		// the list: so it goes first.
		ep.readyMu.Lock()
		ep.ready.remove(i)
		ep.readyMu.Unlock()
		if i.current(t) != 0 {
			ep.readyMu.Lock()
			ep.ready.pushFront(i)
			ep.readyMu.Unlock()
			return host.Ready{In: true}
		}
	}
}

func (l *epollList) pushFront(i *epollItem) {
	l.remove(i) // it may have come back meanwhile
	i.listed, i.prev, i.next = true, nil, l.head
	if l.head != nil {
		l.head.prev = i
	} else {
		l.tail = i
	}
	l.head = i
	l.n++
}

func (epollOps) close(f *File) {
	ep := f.data.(*epoll)
	ep.mu.Lock()
	defer ep.mu.Unlock()
	for _, i := range ep.items {
		ep.remove(i)
	}
}
