package kernel

import (
	"sort"
	"strings"

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
	// dynamic makes the entries of a folder that change.
	dynamic func() []*node
	text    func(t *Task) string
	link    func(t *Task) string
	ops     fileOps // of a device
	// magic opens what a link of /proc stands for, which may have no path.
	magic func(t *Task, flags int) (*File, abi.Errno)
}

func newFolder(name string, kids ...*node) *node {
	n := &node{name: name, mode: abi.S_IFDIR | 0o755}
	return n.add(kids...)
}

func newText(name string, text func(t *Task) string) *node {
	return &node{name: name, mode: abi.S_IFREG | 0o444, text: text}
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
	for _, k := range n.children() {
		if k.name == name {
			return k
		}
	}
	return nil
}

// number makes an inode number from a name: the same in every run.
func (n *node) number() uint64 {
	h := uint64(14695981039346656037)
	for _, c := range []byte(n.name) {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h>>40 + 2 + n.ino
}

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
	case kind == abi.S_IFREG && write:
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
		f.data = &openText{n, n.text(t)}
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
	n    *node
	text string
}

func (o textOps) read(t *Task, f *File, p []byte) (int, abi.Errno) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, e := o.pread(t, f, p, f.off)
	f.off += int64(n)
	return n, e
}

func (textOps) pread(_ *Task, f *File, p []byte, off int64) (int, abi.Errno) {
	s := f.data.(*openText).text
	if off >= int64(len(s)) {
		return 0, 0
	}
	return copy(p, s[off:]), 0
}

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
	return t.lstat(f.data.(place), st)
}

// Devices.

func devRoot(p *Process) *node {
	fdLink := func(name, target string) *node { return newLink(name, constant(target)) }
	n := newFolder("dev",
		newDevice("null", 1, 3, nullOps{}), newDevice("zero", 1, 5, zeroOps{}), newDevice("full", 1, 7, zeroOps{full: true}),
		newDevice("random", 1, 8, randomOps{}), newDevice("urandom", 1, 9, randomOps{}),
		fdLink("stdin", "/proc/self/fd/0"), fdLink("stdout", "/proc/self/fd/1"), fdLink("stderr", "/proc/self/fd/2"), fdLink("fd", "/proc/self/fd"),
	)
	return n.add(newTTYNode())
}

// deviceOps know their node.
type deviceOps struct{ baseOps }

func (deviceOps) stat(t *Task, f *File, st *host.Stat) abi.Errno {
	f.data.(*node).stat(t, st)
	return 0
}
func (deviceOps) seek(*Task, *File, int64, int) (int64, abi.Errno) { return 0, 0 }

type nullOps struct{ deviceOps }

func (nullOps) read(*Task, *File, []byte) (int, abi.Errno)                  { return 0, 0 }
func (nullOps) write(_ *Task, _ *File, p []byte) (int, abi.Errno)           { return len(p), 0 }
func (nullOps) pread(*Task, *File, []byte, int64) (int, abi.Errno)          { return 0, 0 }
func (nullOps) pwrite(_ *Task, _ *File, p []byte, _ int64) (int, abi.Errno) { return len(p), 0 }

type zeroOps struct {
	deviceOps
	full bool
}

func (zeroOps) read(_ *Task, _ *File, p []byte) (int, abi.Errno) {
	clear(p)
	return len(p), 0
}

func (o zeroOps) write(_ *Task, _ *File, p []byte) (int, abi.Errno) {
	if o.full {
		return 0, abi.ENOSPC
	}
	return len(p), 0
}

func (o zeroOps) pread(t *Task, f *File, p []byte, _ int64) (int, abi.Errno) { return o.read(t, f, p) }

func (o zeroOps) pwrite(t *Task, f *File, p []byte, _ int64) (int, abi.Errno) {
	return o.write(t, f, p)
}

type randomOps struct{ deviceOps }

func (randomOps) read(t *Task, _ *File, p []byte) (int, abi.Errno) {
	return len(p), t.proc.Random(p)
}
func (randomOps) write(_ *Task, _ *File, p []byte) (int, abi.Errno) { return len(p), 0 }
func (o randomOps) pread(t *Task, f *File, p []byte, _ int64) (int, abi.Errno) {
	return o.read(t, f, p)
}

// A small /etc for the view without --root.
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
	return newFolder("etc",
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
		newText("hosts", func(*Task) string { return "127.0.0.1\tlocalhost " + hostname() + "\n::1\tlocalhost\n" }),
		newText("resolv.conf", constant("")),
		newText("nsswitch.conf", constant("passwd: files\ngroup: files\nhosts: files dns\n")),
		newText("protocols", constant("ip\t0\nicmp\t1\ntcp\t6\nudp\t17\n")),
		newText("services", constant("ssh\t22/tcp\ndomain\t53/tcp\ndomain\t53/udp\nhttp\t80/tcp\nhttps\t443/tcp\n")),
	)
}
