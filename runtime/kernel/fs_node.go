package kernel

import (
	"sort"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// node is a synthetic file: a folder, a text made when it is opened, a link,
// a device.
type node struct {
	name string
	mode uint32
	ino  uint64
	rdev uint64

	kids []*node
	// dynamic makes the entries of a folder that change; lookup finds one of
	// them, where making all takes long or names are there that no listing
	// shows.
	dynamic func() []*node
	lookup  func(name string) *node
	text    func(t *Task) string
	// sized texts tell their size, as files on a disk do; those of /proc and
	// /sys have none.
	sized bool
	// store takes what is written to a text.
	store func(t *Task, s string) abi.Errno
	link  func(t *Task) string
	ops   fileOps // of a device
	// magic opens what a link of /proc stands for, which may have no path;
	// target tells its description with a reference, where there is one.
	magic  func(t *Task, flags int) (*File, abi.Errno)
	target func(t *Task) (*File, abi.Errno)
}

func newFolder(name string, kids ...*node) *node {
	n := &node{name: name, mode: abi.S_IFDIR | 0o755}
	return n.add(kids...)
}

func newText(name string, text func(t *Task) string) *node {
	return &node{name: name, mode: abi.S_IFREG | 0o444, text: text}
}

// newSecret is a text that only the owner may read.
func newSecret(name string, text func(t *Task) string) *node {
	return &node{name: name, mode: abi.S_IFREG | 0o400, text: text}
}

func newLink(name string, link func(t *Task) string) *node {
	return &node{name: name, mode: abi.S_IFLNK | 0o777, link: link}
}

func newDevice(name string, major, minor uint64, ops fileOps) *node {
	return &node{name: name, mode: abi.S_IFCHR | 0o666, rdev: major<<8 | minor, ops: ops}
}

func constant(s string) func(*Task) string { return func(*Task) string { return s } }

func (n *node) add(kids ...*node) *node {
	n.kids = append(n.kids, kids...)
	return n
}

func (n *node) children() []*node {
	if n.dynamic != nil {
		return n.dynamic()
	}
	return n.kids
}

func (n *node) child(name string) *node {
	if n.lookup != nil {
		return n.lookup(name)
	}
	for _, k := range n.children() {
		if k.name == name {
			return k
		}
	}
	return nil
}

// hash is FNV-1a of the name.
func (n *node) hash() uint64 {
	h := uint64(14695981039346656037)
	for _, c := range []byte(n.name) {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h
}

// number makes an inode number from a name: the same in every run.
func (n *node) number() uint64 { return n.hash()>>40 + 2 + n.ino }

func (n *node) stat(t *Task, st *host.Stat) {
	*st = host.Stat{Dev: 0x16, Ino: n.number(), Mode: n.mode, Nlink: 1, Rdev: n.rdev, Blksize: 4096}
	now := int64(t.proc.clock.Realtime())
	st.Atime, st.Mtime, st.Ctime, st.Btime = now, now, now, now
	switch n.mode & abi.S_IFMT {
	case abi.S_IFDIR:
		st.Nlink = 2
		for _, k := range n.children() {
			if k.mode&abi.S_IFMT == abi.S_IFDIR {
				st.Nlink++
			}
		}
	case abi.S_IFREG:
		if n.sized {
			st.Size = int64(len(n.text(t)))
			st.Blocks = (st.Size + 4095) / 4096 * 8
		}
	case abi.S_IFLNK:
		st.Size = 64
		st.UID, st.GID = t.proc.uid, t.proc.gid
	}
}

// open makes a description of a synthetic file.
func (n *node) open(t *Task, pl place, flags int) (*File, abi.Errno) {
	kind := n.mode & abi.S_IFMT
	write := flags&abi.O_ACCMODE != abi.O_RDONLY
	switch {
	case n.magic != nil:
		return n.magic(t, flags)
	case kind == abi.S_IFLNK:
		return nil, abi.ELOOP
	case kind == abi.S_IFDIR && (write || flags&abi.O_CREAT != 0):
		return nil, abi.EISDIR
	case kind != abi.S_IFDIR && flags&abi.O_DIRECTORY != 0:
		return nil, abi.ENOTDIR
	case kind == abi.S_IFREG && write && n.store == nil:
		return nil, abi.EACCES
	}
	f := &File{path: pl.path, data: n}
	switch kind {
	case abi.S_IFDIR:
		f.ops = nodeFolderOps{}
	case abi.S_IFCHR:
		f.ops = n.ops
	default:
		f.ops = textOps{}
		f.data = &openText{n: n, text: n.text(t)}
	}
	return f, 0
}

type nodeFolderOps struct{ folderOps }

func (nodeFolderOps) stat(t *Task, f *File, st *host.Stat) abi.Errno {
	f.data.(*node).stat(t, st)
	return 0
}

func (nodeFolderOps) entries(t *Task, f *File) ([]host.Dirent, abi.Errno) {
	var list []host.Dirent
	for _, k := range f.data.(*node).children() {
		list = append(list, host.Dirent{Name: k.name, Ino: k.number(), Type: uint8(k.mode >> 12)})
	}
	list = t.proc.files.ns.withMounts(f.path, list)
	sort.SliceStable(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list, 0
}
func (nodeFolderOps) close(*File) {}

// textOps are files whose text was made when they were opened.
type textOps struct{ baseOps }

type openText struct {
	n     *node
	text  string
	begun bool // has been read from
}

func (o textOps) read(t *Task, f *File, p []byte) (int, abi.Errno) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, e := o.at(t, f, p, f.off)
	f.off += int64(n)
	return n, e
}

func (o textOps) pread(t *Task, f *File, p []byte, off int64) (int, abi.Errno) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return o.at(t, f, p, off)
}

// at reads a piece. Whoever begins from the start again gets what is true now,
// as on Linux. f.mu is held.
func (textOps) at(t *Task, f *File, p []byte, off int64) (int, abi.Errno) {
	o := f.data.(*openText)
	if off == 0 && o.begun {
		o.text = o.n.text(t)
	}
	o.begun = true
	if off >= int64(len(o.text)) {
		return 0, 0
	}
	return copy(p, o.text[off:]), 0
}

func (textOps) write(t *Task, f *File, p []byte) (int, abi.Errno) {
	n := f.data.(*openText).n
	if n.store == nil {
		return 0, abi.EIO
	}
	if e := n.store(t, string(p[:min(len(p), abi.PageSize)])); e != 0 {
		return 0, e
	}
	return len(p), 0
}

func (o textOps) pwrite(t *Task, f *File, p []byte, _ int64) (int, abi.Errno) {
	return o.write(t, f, p)
}

// truncate is what a shell's > does before it writes.
func (textOps) truncate(*Task, *File, int64) abi.Errno { return 0 }

func (textOps) seek(_ *Task, f *File, off int64, whence int) (int64, abi.Errno) {
	f.mu.Lock()
	defer f.mu.Unlock()
	at, e := seekTo(f.off, int64(len(f.data.(*openText).text)), off, whence)
	if e == 0 {
		f.off = at
	}
	return at, e
}

func (textOps) stat(t *Task, f *File, st *host.Stat) abi.Errno {
	f.data.(*openText).n.stat(t, st)
	return 0
}

// pathOps are descriptors made with O_PATH: a place and nothing more.
type pathOps struct{ baseOps }

func (pathOps) stat(t *Task, f *File, st *host.Stat) abi.Errno {
	return t.statPath(f, st)
}
