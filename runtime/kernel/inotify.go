package kernel

import (
	"encoding/binary"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// Defaults of Linux's limits (/proc/sys/fs/inotify).
const (
	inotifyMaxEvents  = 16384
	inotifyMaxWatches = 65536
)

func inotifyCalls() []Call {
	const note = "other programs' changes, and this one's, as the host tells them; opening and closing by this program only; moves between folders by others are a deletion and a creation"
	return []Call{
		{Name: "inotify_init", Handler: func(t *Task, _ Args) (uint64, abi.Errno) { return t.inotify(0) }, Support: Full},
		{Name: "inotify_init1", Handler: func(t *Task, a Args) (uint64, abi.Errno) { return t.inotify(uint32(a[0])) }, Support: Full},
		{Name: "inotify_add_watch", Handler: sysInotifyAddWatch, Support: Partial, Note: note},
		{Name: "inotify_rm_watch", Handler: sysInotifyRmWatch, Support: Full},
	}
}

// inotify is what an inotify descriptor stands for. The host tells of folders
// only: a file is watched through the folder that it is in, and so is what
// happens to a watched folder itself.
type inotify struct {
	host host.WatchingFiles // nil where the host cannot

	// mu is taken in the watcher's callbacks; no other lock but the watcher's
	// own is taken under it.
	mu      sync.Mutex
	watcher host.Watcher
	closed  bool
	next    int32
	marks   map[int32]*mark
	folders map[string]*watchedFolder // by path
	queue   []inotifyEvent
	cookie  uint32
	// moves counts, by path, the deletions and creations of the host that are
	// renames of this program from one folder to another.
	moves map[string]int
	// arrived is told when there is something to read.
	arrived waitQueue
}

// mark is a watch of the program's.
type mark struct {
	wd   int32
	mask uint32
	path string
	dir  bool
}

// watchedFolder is a folder that the host tells of.
type watchedFolder struct {
	at      place
	stop    func()
	folders map[string]bool // names of folders in it, which are asked for when they are gone
}

type inotifyEvent struct {
	wd           int32
	mask, cookie uint32
	name         string
}

// size is what read(2) gives: a header, and a name filled up to a multiple of
// the header's size.
func (e *inotifyEvent) size() int {
	const head = abi.SizeofI386InotifyEvent
	if e.name == "" {
		return head
	}
	return head + (len(e.name)+1+head-1)/head*head
}

func (e *inotifyEvent) put(b []byte) {
	clear(b[:e.size()])
	binary.LittleEndian.PutUint32(b, uint32(e.wd))
	binary.LittleEndian.PutUint32(b[4:], e.mask)
	binary.LittleEndian.PutUint32(b[8:], e.cookie)
	binary.LittleEndian.PutUint32(b[12:], uint32(e.size()-abi.SizeofI386InotifyEvent))
	copy(b[abi.SizeofI386InotifyEvent:], e.name)
}

func (t *Task) inotify(flags uint32) (uint64, abi.Errno) {
	if flags&^(abi.O_NONBLOCK|abi.O_CLOEXEC) != 0 {
		return 0, abi.EINVAL
	}
	i := &inotify{marks: map[int32]*mark{}, folders: map[string]*watchedFolder{}, moves: map[string]int{}}
	i.host, _ = t.proc.files.host.(host.WatchingFiles)
	f := &File{ops: inotifyOps{}, kind: host.Char, data: i}
	f.refs.Store(1)
	f.flags.Store(abi.O_RDONLY | flags&abi.O_NONBLOCK)
	t.proc.addInotify(i)
	fd, e := t.proc.files.install(f, 0, flags&abi.O_CLOEXEC != 0)
	return uint64(fd), e
}

// addInotify makes the process's own opening, closing and moving known to i.
func (p *Process) addInotify(i *inotify) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []*inotify
	if old := p.traits.inotify.Load(); old != nil {
		list = slices.DeleteFunc(slices.Clone(*old), func(o *inotify) bool {
			o.mu.Lock()
			defer o.mu.Unlock()
			return o.closed
		})
	}
	list = append(list, i)
	p.traits.inotify.Store(&list)
}

// notify tells what the program has done with an open file.
func (p *Process) notify(name string, mask uint32) {
	list := p.traits.inotify.Load()
	if list == nil || name == "" {
		return
	}
	for _, i := range *list {
		i.mu.Lock()
		i.happened(name, mask, 0)
		i.mu.Unlock()
	}
}

// notifyOpen and notifyClose tell what only the program's own calls can.
func (p *Process) notifyOpen(f *File) {
	if p.traits.inotify.Load() != nil && !f.pathOnly() {
		p.notify(f.path, abi.IN_OPEN|f.isFolder())
	}
}

func (p *Process) notifyClose(f *File) {
	if p.traits.inotify.Load() == nil || f.pathOnly() {
		return
	}
	mask := uint32(abi.IN_CLOSE_NOWRITE)
	if f.writable() {
		mask = abi.IN_CLOSE_WRITE
	}
	p.notify(f.path, mask|f.isFolder())
}

// isFolder is IN_ISDIR for a folder.
func (f *File) isFolder() uint32 {
	switch f.ops.(type) {
	case folderOps, nodeFolderOps:
		return abi.IN_ISDIR
	}
	return 0
}

// notifyMove announces a rename from one folder to another, which the host tells
// as a deletion and a creation: those are left out, and done makes the events
// once the rename has been done.
func (p *Process) notifyMove(from, to string) (done func(t *Task, e abi.Errno)) {
	list := p.traits.inotify.Load()
	if list == nil || path.Dir(from) == path.Dir(to) {
		return func(*Task, abi.Errno) {}
	}
	for _, i := range *list {
		i.mu.Lock()
		if i.folders[path.Dir(from)] != nil {
			i.moves[goes+from]++
		}
		if i.folders[path.Dir(to)] != nil {
			i.moves[comes+to]++
		}
		i.mu.Unlock()
	}
	return func(t *Task, e abi.Errno) {
		dir := uint32(0)
		if kind, _ := t.typeOf(p.files.ns.at(to)); kind == abi.S_IFDIR {
			dir = abi.IN_ISDIR
		}
		for _, i := range *list {
			i.mu.Lock()
			if e != 0 {
				i.expected(goes + from)
				i.expected(comes + to)
			} else {
				i.cookie++
				cookie := i.cookie
				i.inFolder(from, abi.IN_MOVED_FROM|dir, cookie)
				i.replaced(to)
				i.inFolder(to, abi.IN_MOVED_TO|dir, cookie)
				i.self(from, abi.IN_MOVE_SELF)
			}
			i.mu.Unlock()
		}
	}
}

// goes and comes stand before a path in inotify.moves.
const goes, comes = "-", "+"

// expected tells whether an event of the host's is one of those that a rename
// has announced. i.mu is held.
func (i *inotify) expected(move string) bool {
	n := i.moves[move]
	if n <= 1 {
		delete(i.moves, move)
	} else {
		i.moves[move] = n - 1
	}
	return n > 0
}

// happened makes events of something that happened to what a path means, for
// a watch of the thing itself and one of its folder. i.mu is held.
func (i *inotify) happened(name string, mask, cookie uint32) {
	dir, base := path.Dir(name), path.Base(name)
	for _, m := range i.marks {
		switch {
		case m.dir && m.path == dir && name != "/":
			i.send(m, mask, cookie, base)
		case m.path == name:
			i.send(m, mask, cookie, "")
		}
	}
}

// send queues an event if the watch wants it. i.mu is held.
func (i *inotify) send(m *mark, mask, cookie uint32, name string) {
	if mask&m.mask&abi.IN_ALL_EVENTS == 0 {
		return
	}
	i.enqueue(inotifyEvent{m.wd, mask, cookie, name})
	if m.mask&abi.IN_ONESHOT != 0 {
		i.remove(m)
	}
}

// enqueue adds an event, unless it is the last one once more.
func (i *inotify) enqueue(e inotifyEvent) {
	n := len(i.queue)
	switch {
	case n > 0 && i.queue[n-1] == e:
		return
	case n == inotifyMaxEvents:
		e = inotifyEvent{wd: -1, mask: abi.IN_Q_OVERFLOW}
	case n > inotifyMaxEvents:
		return
	}
	i.queue = append(i.queue, e)
	if n == 0 {
		i.arrived.wake()
	}
}

// remove ends a watch; IN_IGNORED tells. i.mu is held.
func (i *inotify) remove(m *mark) {
	delete(i.marks, m.wd)
	i.enqueue(inotifyEvent{wd: m.wd, mask: abi.IN_IGNORED})
	i.release()
}

// needs tells whether a watch needs a folder's changes.
func (m *mark) needs(folder string) bool {
	return m.dir && m.path == folder || path.Dir(m.path) == folder && m.path != "/"
}

// release ends the host's watches of folders that nobody needs. i.mu is held.
func (i *inotify) release() {
next:
	for name, w := range i.folders {
		for _, m := range i.marks {
			if m.needs(name) {
				continue next
			}
		}
		w.stop()
		delete(i.folders, name)
	}
}

// watch asks the host for a folder's changes. Folders that the kernel makes up
// do not change. i.mu is held.
func (i *inotify) watch(t *Task, pl place) abi.Errno {
	if i.folders[pl.path] != nil || pl.mnt.tree == nil || i.host == nil {
		return 0
	}
	if i.watcher == nil {
		var e abi.Errno
		if i.watcher, e = i.host.NewWatcher(); e != 0 {
			return e
		}
	}
	w := &watchedFolder{at: pl, folders: map[string]bool{}}
	stop, e := i.watcher.Watch(pl.mnt.tree, pl.rel, func(c host.Change) { i.changed(w, c) })
	if e != 0 {
		return e
	}
	w.stop = stop
	i.folders[pl.path] = w
	files := t.proc.files.host
	if h, kind, e := pl.mnt.tree.Open(pl.rel, abi.O_RDONLY|abi.O_DIRECTORY, 0); e == 0 {
		if kind == host.Directory {
			list, _ := files.ReadDir(h)
			for _, d := range list {
				if d.Type == abi.DT_DIR {
					w.folders[d.Name] = true
				}
			}
		}
		_ = files.Close(h)
	}
	return 0
}

// changed is what the host tells of a folder.
func (i *inotify) changed(w *watchedFolder, c host.Change) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed || i.folders[w.at.path] != w {
		return
	}
	name := path.Join(w.at.path, c.Name)
	// look finds out whether an entry that is there is a folder.
	look := func() uint32 {
		kind, _ := w.at.mnt.tree.Type(strings.TrimPrefix(w.at.rel+"/"+c.Name, "/"))
		if kind != abi.S_IFDIR {
			delete(w.folders, c.Name)
			return 0
		}
		w.folders[c.Name] = true
		return abi.IN_ISDIR
	}
	was := func() uint32 {
		if !w.folders[c.Name] {
			return 0
		}
		delete(w.folders, c.Name)
		return abi.IN_ISDIR
	}
	switch c.Op {
	case host.Added:
		if dir := look(); !i.expected(comes + name) {
			i.inFolder(name, abi.IN_CREATE|dir, 0)
		}
	case host.RenamedTo:
		if dir := look(); !i.expected(comes + name) {
			i.replaced(name)
			i.inFolder(name, abi.IN_MOVED_TO|dir, i.cookie)
		}
	case host.Removed:
		// What a rename replaces is not told as deleted.
		if dir := was(); !i.expected(goes+name) && i.moves[comes+name] == 0 {
			i.replaced(name)
			i.inFolder(name, abi.IN_DELETE|dir, 0)
		}
	case host.RenamedFrom:
		if dir := was(); !i.expected(goes + name) {
			i.cookie++
			i.inFolder(name, abi.IN_MOVED_FROM|dir, i.cookie)
			i.self(name, abi.IN_MOVE_SELF)
		}
	case host.Modified:
		if look() == 0 { // to Linux a folder is not modified
			i.happened(name, abi.IN_MODIFY, 0)
		}
	case host.AttributesChanged:
		i.happened(name, abi.IN_ATTRIB|look(), 0)
	case host.Lost:
		i.enqueue(inotifyEvent{wd: -1, mask: abi.IN_Q_OVERFLOW})
	case host.Gone:
		i.replaced(w.at.path)
	}
}

// inFolder tells the watches of the folder that an entry is in. i.mu is held.
func (i *inotify) inFolder(name string, mask, cookie uint32) {
	for _, m := range i.marks {
		if m.dir && m.path == path.Dir(name) {
			i.send(m, mask, cookie, path.Base(name))
		}
	}
}

// self tells the watches of the thing itself. i.mu is held.
func (i *inotify) self(name string, mask uint32) {
	for _, m := range i.marks {
		if m.path == name {
			i.send(m, mask, 0, "")
		}
	}
}

// replaced is the end of what had the name: it is deleted, or something else
// has its name now. i.mu is held.
func (i *inotify) replaced(name string) {
	for _, m := range i.marks {
		if m.path != name {
			continue
		}
		if !m.dir {
			i.send(m, abi.IN_ATTRIB, 0, "") // its number of links
		}
		if i.marks[m.wd] != nil {
			i.send(m, abi.IN_DELETE_SELF, 0, "")
		}
		if i.marks[m.wd] != nil {
			i.remove(m)
		}
	}
}

func (t *Task) inotifyFile(fd uint64) (*File, *inotify, abi.Errno) {
	f, e := t.file(fd)
	if e != 0 {
		return nil, nil, e
	}
	i, ok := f.data.(*inotify)
	if !ok {
		t.proc.files.put(f)
		return nil, nil, abi.EINVAL
	}
	return f, i, 0
}

func sysInotifyAddWatch(t *Task, a Args) (uint64, abi.Errno) {
	mask := uint32(a[2])
	const known = abi.IN_ALL_EVENTS | abi.IN_UNMOUNT | abi.IN_Q_OVERFLOW | abi.IN_IGNORED | abi.IN_ONLYDIR | abi.IN_DONT_FOLLOW | abi.IN_EXCL_UNLINK |
		abi.IN_MASK_CREATE | abi.IN_MASK_ADD | abi.IN_ISDIR | abi.IN_ONESHOT
	if mask&known == 0 {
		return 0, abi.EINVAL
	}
	if f, e := t.file(a[0]); e != 0 {
		return 0, e
	} else {
		t.proc.files.put(f)
	}
	if mask&abi.IN_MASK_ADD != 0 && mask&abi.IN_MASK_CREATE != 0 {
		return 0, abi.EINVAL
	}
	f, i, e := t.inotifyFile(a[0])
	if e != 0 {
		return 0, e
	}
	defer t.proc.files.put(f)
	name, e := t.Path(a[1])
	if e != 0 {
		return 0, e
	}
	wd := int32(0)
	e = t.find(abi.AT_FDCWD, name, mask&abi.IN_DONT_FOLLOW == 0, func(pl place) (e abi.Errno) {
		kind, e := t.typeOf(pl)
		if e != 0 {
			return e
		}
		if mask&abi.IN_ONLYDIR != 0 && kind != abi.S_IFDIR {
			return abi.ENOTDIR
		}
		wd, e = i.add(t, pl, kind == abi.S_IFDIR, mask)
		return e
	})
	return uint64(wd), e
}

// add makes a watch, or changes the one that is there.
func (i *inotify) add(t *Task, pl place, dir bool, mask uint32) (int32, abi.Errno) {
	i.mu.Lock()
	defer i.mu.Unlock()
	const kept = abi.IN_ALL_EVENTS | abi.IN_ONESHOT | abi.IN_EXCL_UNLINK
	for _, m := range i.marks {
		if m.path != pl.path {
			continue
		}
		switch {
		case mask&abi.IN_MASK_CREATE != 0:
			return 0, abi.EEXIST
		case mask&abi.IN_MASK_ADD != 0:
			m.mask |= mask & kept
		default:
			m.mask = mask & kept
		}
		return m.wd, 0
	}
	if len(i.marks) >= inotifyMaxWatches {
		return 0, abi.ENOSPC
	}
	if dir {
		if e := i.watch(t, pl); e != 0 {
			return 0, e
		}
	}
	if pl.path != "/" {
		up := t.proc.files.ns.at(path.Dir(pl.path))
		// The folder that it is in: a file tells nothing without; of a
		// folder its own end is told in any case.
		if e := i.watch(t, up); e != 0 && !dir {
			i.release()
			return 0, e
		}
	}
	i.next++
	i.marks[i.next] = &mark{wd: i.next, mask: mask & kept, path: pl.path, dir: dir}
	return i.next, 0
}

func sysInotifyRmWatch(t *Task, a Args) (uint64, abi.Errno) {
	f, i, e := t.inotifyFile(a[0])
	if e != 0 {
		return 0, e
	}
	defer t.proc.files.put(f)
	i.mu.Lock()
	defer i.mu.Unlock()
	m := i.marks[int32(a[1])]
	if m == nil {
		return 0, abi.EINVAL
	}
	i.remove(m)
	return 0, 0
}

// inotifyOps are inotify's descriptors.
type inotifyOps struct{ baseOps }

func (inotifyOps) read(t *Task, f *File, b []byte) (int, abi.Errno) {
	i := f.data.(*inotify)
	full := func() bool {
		i.mu.Lock()
		defer i.mu.Unlock()
		return len(i.queue) > 0
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	for len(i.queue) == 0 {
		if f.nonblock() {
			return 0, abi.EAGAIN
		}
		i.mu.Unlock()
		e := t.waitOn(&i.arrived, forever, full)
		i.mu.Lock()
		if e != 0 {
			return 0, e
		}
	}
	n := 0
	for len(i.queue) > 0 && n+i.queue[0].size() <= len(b) {
		i.queue[0].put(b[n:])
		n += i.queue[0].size()
		i.queue = i.queue[1:]
	}
	if n == 0 {
		return 0, abi.EINVAL
	}
	return n, 0
}

func (inotifyOps) queue(f *File) *waitQueue { return &f.data.(*inotify).arrived }

func (inotifyOps) poll(_ *Task, f *File) host.Ready {
	i := f.data.(*inotify)
	i.mu.Lock()
	defer i.mu.Unlock()
	return host.Ready{In: len(i.queue) > 0}
}

func (inotifyOps) ioctl(t *Task, f *File, cmd uint32, arg uint64) (uint64, abi.Errno) {
	if cmd != abi.FIONREAD {
		return 0, abi.ENOTTY
	}
	i := f.data.(*inotify)
	i.mu.Lock()
	n := 0
	for k := range i.queue {
		n += i.queue[k].size()
	}
	i.mu.Unlock()
	return 0, t.WriteUint32(arg, uint32(n))
}

func (inotifyOps) seek(*Task, *File, int64, int) (int64, abi.Errno) { return 0, 0 }

func (inotifyOps) stat(t *Task, _ *File, st *host.Stat) abi.Errno {
	now := t.nowNanos()
	*st = host.Stat{Dev: 14, Ino: 1057, Mode: 0o600, Nlink: 1, Blksize: 4096, Atime: now, Mtime: now, Ctime: now}
	return 0
}

func (inotifyOps) close(f *File) {
	i := f.data.(*inotify)
	i.mu.Lock()
	i.closed = true
	clear(i.marks)
	w := i.watcher
	i.mu.Unlock()
	if w != nil {
		w.Close() // waits for the last callback, which takes i.mu
	}
}

func (inotifyOps) fdName(*File) string { return "anon_inode:inotify" }

func (inotifyOps) fdInfo(f *File) string {
	i := f.data.(*inotify)
	i.mu.Lock()
	defer i.mu.Unlock()
	var b strings.Builder
	for wd := int32(1); wd <= i.next; wd++ {
		if m := i.marks[wd]; m != nil {
			fmt.Fprintf(&b, "inotify wd:%x mask:%x ignored_mask:0\n", m.wd, m.mask)
		}
	}
	return b.String()
}
