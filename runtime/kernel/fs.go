package kernel

import (
	"fmt"
	"path"
	"sort"
	"strings"
	"sync"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// namespace is what the program sees where: folders of the host and
// synthetic ones, by the canonical path (absolute, without ".", ".." and
// links) at which they begin. It does not change after the start, but for
// what is opened when it is first looked at: most programs never see a drive.
type namespace struct {
	mounts []*mount // longest path first
}

// mount is one of them: a tree of the host, or a synthetic node.
type mount struct {
	path string // "/" or without a slash at the end
	tree host.Tree
	node *node
	// native is the host's notation of tree's root.
	native string
	// open makes tree when a path first leads here. nil: it is there.
	open func() host.Tree
	once sync.Once
	// drives are what is below by letter, of the folder /mnt.
	drives *[26]mount
}

// opened is the mount after its tree was opened.
func (m *mount) opened() *mount {
	if m.open != nil {
		m.once.Do(func() { m.tree = m.open() })
	}
	return m
}

// drive tells the mount of a drive's folder inside of m, and what of rel is
// inside of that.
func (m *mount) drive(rel string) (d *mount, rest string) {
	if m.drives == nil || rel == "" || rel[0] < 'a' || rel[0] > 'z' || len(rel) > 1 && rel[1] != '/' {
		return nil, ""
	}
	d = m.drives[rel[0]-'a'].opened()
	if d.tree == nil {
		return nil, "" // no such drive
	}
	return d, strings.TrimPrefix(rel[1:], "/")
}

// place is where a canonical path leads.
type place struct {
	path string
	mnt  *mount
	rel  string // inside of mnt.tree
	node *node  // synthetic: nil if there is none of that name
	// slash tells that the path had a slash at the end, after a name that is
	// not there.
	slash bool
}

func newNamespace(p *Process, cfg FilesConfig) (*namespace, error) {
	ns := &namespace{}
	add := func(guest, native string) error {
		tree, e := cfg.Host.Mount(native)
		if e != 0 {
			return fmt.Errorf("folder %s for %s: %w", native, guest, e)
		}
		ns.add(&mount{path: guest, tree: tree, native: native})
		return nil
	}
	ns.add(&mount{path: "/proc", node: procRoot(p).readOnly()})
	ns.add(&mount{path: "/sys", node: sysRoot(p).readOnly()})
	ns.add(&mount{path: "/dev", node: devRoot(p)})
	ns.add(sharedMemory(cfg.Host))
	if cfg.Root != "" {
		if err := add("/", cfg.Root); err != nil {
			return nil, err
		}
	} else if !cfg.Host.Lettered() {
		if err := add("/", "/"); err != nil {
			return nil, err
		}
	} else {
		// lazily is add of a folder that need not be there.
		lazily := func(guest, native string) *mount {
			return &mount{path: guest, native: native, open: func() host.Tree {
				tree, e := cfg.Host.Mount(native)
				if e != 0 {
					return nil
				}
				return tree
			}}
		}
		root := newFolder("/")
		for _, name := range []string{"mnt", "tmp", "dev", "proc", "sys", "etc"} {
			root.add(newFolder(name))
		}
		ns.add(&mount{path: "/", node: root})
		ns.add(&mount{path: "/etc", node: etcRoot(p)})
		ns.add(lazily("/tmp", cfg.Host.Temp()))
		mnt := newFolder("mnt")
		mnt.dynamic = func() (list []*node) {
			for _, letter := range cfg.Host.Drives() {
				list = append(list, newFolder(string(rune(letter))))
			}
			return append(list, mnt.kids...)
		}
		drives := &mount{path: "/mnt", node: mnt, drives: new([26]mount)}
		for i := range drives.drives {
			letter := 'a' + byte(i)
			d := lazily("/mnt/"+string(rune(letter)), cfg.Host.DriveRoot(letter))
			drives.drives[i].path, drives.drives[i].native, drives.drives[i].open = d.path, d.native, d.open
		}
		ns.add(drives)
	}
	for _, m := range cfg.Mounts {
		if !strings.HasPrefix(m.Guest, "/") {
			return nil, fmt.Errorf("mount %s=%s: the guest's path must begin with a slash", m.Guest, m.Host)
		}
		if err := add(path.Clean(m.Guest), m.Host); err != nil {
			return nil, err
		}
	}
	// Mounts below a synthetic folder get folders there.
	for _, m := range ns.mounts {
		if m.path != "/" {
			dir := "/"
			for _, name := range strings.Split(m.path[1:], "/") {
				if pl := ns.at(dir); pl.node != nil && pl.node.child(name) == nil {
					pl.node.add(newFolder(name))
				}
				dir = path.Join(dir, name)
			}
		}
	}
	return ns, nil
}

func (ns *namespace) drop(guest string) {
	for i := range ns.mounts {
		if ns.mounts[i].path == guest {
			ns.mounts = append(ns.mounts[:i], ns.mounts[i+1:]...)
			return
		}
	}
}

// add puts a mount in, in place of an earlier one of that path.
func (ns *namespace) add(m *mount) {
	ns.drop(m.path)
	ns.mounts = append(ns.mounts, m)
	sort.SliceStable(ns.mounts, func(i, j int) bool { return len(ns.mounts[i].path) > len(ns.mounts[j].path) })
}

// at tells where a canonical path leads.
func (ns *namespace) at(p string) place {
	for _, m := range ns.mounts {
		rel := ""
		switch {
		case m.path == "/":
			rel = p[1:]
		case p == m.path:
		case len(p) > len(m.path) && p[len(m.path)] == '/' && strings.HasPrefix(p, m.path):
			rel = p[len(m.path)+1:]
		default:
			continue
		}
		if m.opened().tree != nil {
			return place{path: p, mnt: m, rel: rel}
		}
		if d, rest := m.drive(rel); d != nil {
			return place{path: p, mnt: d, rel: rest}
		}
		n := m.node
		for name := range strings.SplitSeq(rel, "/") {
			if n == nil || name == "" {
				break
			}
			n = n.child(name)
		}
		return place{path: p, mnt: m, node: n}
	}
	return place{path: p, mnt: &mount{path: "/"}}
}

// withMounts adds to a folder's entries those that only mounts make.
func (ns *namespace) withMounts(dir string, list []host.Dirent) []host.Dirent {
next:
	for _, m := range ns.mounts {
		if m.path == "/" || path.Dir(m.path) != dir {
			continue
		}
		name := path.Base(m.path)
		for _, d := range list {
			if d.Name == name {
				continue next
			}
		}
		list = append(list, host.Dirent{Name: name, Ino: (&node{name: name}).number(), Type: abi.DT_DIR})
	}
	return list
}

// guestPath tells how the program sees a path of the host, which must be
// absolute; false if no mount shows it.
func (ns *namespace) guestPath(native string) (string, bool) {
	norm := func(s string) string { return strings.TrimRight(strings.ReplaceAll(s, `\`, "/"), "/") }
	nat := norm(native)
	best, ok := "", false
	longest := -1
	try := func(m *mount) {
		root := norm(m.native)
		fold := strings.EqualFold
		if !strings.Contains(m.native, `\`) && !strings.Contains(m.native, ":") {
			fold = func(a, b string) bool { return a == b }
		}
		if m.native == "" || len(root) <= longest || len(nat) < len(root) || !fold(nat[:len(root)], root) || len(nat) > len(root) && nat[len(root)] != '/' {
			return
		}
		longest = len(root)
		best, ok = path.Join(m.path, nat[len(root):]), true
	}
	for _, m := range ns.mounts {
		try(m)
		if m.drives != nil && len(nat) > 1 && nat[1] == ':' {
			if l := nat[0] | 0x20; l >= 'a' && l <= 'z' {
				try(&m.drives[l-'a'])
			}
		}
	}
	return best, ok
}

// GuestPath tells how the program sees an absolute path of the host.
func (p *Process) GuestPath(native string) (string, bool) { return p.files.ns.guestPath(native) }

// startDir tells the working directory at the start: the one that was asked
// for, else the caller's if the program sees it.
func (ft *FileTable) startDir(cfg FilesConfig, cwd string) string {
	if cwd != "" {
		return path.Clean("/" + cwd)
	}
	if d, ok := ft.ns.guestPath(cfg.Host.Cwd()); ok {
		return d
	}
	return "/"
}

// Umask tells the file mode creation mask, Cwd the working directory.
func (ft *FileTable) current() (cwd string, umask uint32) {
	ft.fsmu.Lock()
	defer ft.fsmu.Unlock()
	return ft.cwd, ft.umask
}

// Looking at places.

func (t *Task) lstat(pl place, st *host.Stat) abi.Errno {
	if pl.mnt.tree == nil {
		if pl.node == nil {
			return abi.ENOENT
		}
		pl.node.stat(t, st)
		return 0
	}
	e := pl.mnt.tree.Lstat(pl.rel, st)
	t.proc.owned(st)
	return e
}

// typeOf is lstat for the type alone.
func (t *Task) typeOf(pl place) (uint32, abi.Errno) {
	switch {
	case pl.mnt.tree != nil:
		return pl.mnt.tree.Type(pl.rel)
	case pl.node == nil:
		return 0, abi.ENOENT
	}
	return pl.node.mode & abi.S_IFMT, 0
}

func (t *Task) readlink(pl place) (string, abi.Errno) {
	if pl.mnt.tree == nil {
		switch {
		case pl.node == nil:
			return "", abi.ENOENT
		case pl.node.link == nil:
			return "", abi.EINVAL
		}
		return pl.node.link(t), 0
	}
	return pl.mnt.tree.Readlink(pl.rel)
}

// Paths.

const maxLinks = 40

// start tells the folder that a path begins in.
func (t *Task) start(dirfd int32, p string) (string, abi.Errno) {
	if strings.HasPrefix(p, "/") {
		return "/", 0
	}
	ft := t.proc.files
	if dirfd == abi.AT_FDCWD {
		cwd, _ := ft.current()
		return cwd, 0
	}
	f, e := ft.get(dirfd)
	if e != 0 {
		return "", e
	}
	defer ft.put(f)
	switch f.ops.(type) {
	case folderOps, nodeFolderOps:
		return t.where(f), 0
	case pathOps:
		var st host.Stat
		if e := f.ops.stat(t, f, &st); e == 0 && st.Mode&abi.S_IFMT == abi.S_IFDIR {
			return t.where(f), 0
		}
	}
	return "", abi.ENOTDIR
}

// lexical makes a canonical path without looking, if that is certain to be
// what Linux would find should no link be in the way: there is no ".." behind
// a name, nor a slash at the end.
func lexical(dir, p string) (string, bool, abi.Errno) {
	if p == "" {
		return "", false, abi.ENOENT
	}
	if p[len(p)-1] == '/' && strings.Trim(p, "/") != "" {
		return "", false, 0
	}
	var b strings.Builder
	b.Grow(len(dir) + len(p) + 1)
	if dir != "/" {
		b.WriteString(dir)
	}
	for len(p) > 0 {
		name := p
		if i := strings.IndexByte(p, '/'); i >= 0 {
			name, p = p[:i], p[i+1:]
		} else {
			p = ""
		}
		switch {
		case name == "" || name == "." && p == "" && b.Len() == 0:
		case name == "." || name == "..":
			// What is before it must be looked at.
			return "", false, 0
		case len(name) > abi.NAME_MAX:
			return "", false, abi.ENAMETOOLONG
		default:
			b.WriteByte('/')
			b.WriteString(name)
		}
	}
	if b.Len() == 0 {
		return "/", true, 0
	}
	return b.String(), true, 0
}

// walk finds a path component by component, following links, the last one
// only if follow. What the last name leads to need not exist.
func (t *Task) walk(dir, p string, follow bool) (place, abi.Errno) {
	if p == "" {
		return place{}, abi.ENOENT
	}
	ns := t.proc.files.ns
	cur, rest, links := dir, p, 0
	if p[0] == '/' {
		cur = "/"
	}
	for {
		rest = strings.TrimLeft(rest, "/")
		if rest == "" {
			return ns.at(cur), 0
		}
		if e := t.maySearch(cur); e != 0 {
			return place{}, e
		}
		name, more, _ := strings.Cut(rest, "/")
		slash := len(name) < len(rest) // a slash follows: this must be a folder
		rest = more
		last := strings.Trim(more, "/") == ""
		switch {
		case name == ".":
			continue
		case name == "..":
			cur = path.Dir(cur)
			continue
		case len(name) > abi.NAME_MAX:
			return place{}, abi.ENAMETOOLONG
		}
		next := cur + "/" + name
		if cur == "/" {
			next = "/" + name
		}
		pl := ns.at(next)
		kind, e := t.typeOf(pl)
		switch {
		case e == abi.ENOENT && last:
			pl.slash = slash
			return pl, 0
		case e != 0:
			return place{}, e
		}
		switch {
		case kind == abi.S_IFLNK && (!last || follow || slash):
			if pl.node != nil && pl.node.magic != nil && last && !slash {
				return pl, 0
			}
			if links++; links > maxLinks {
				return place{}, abi.ELOOP
			}
			target, e := t.readlink(pl)
			if e != 0 {
				return place{}, e
			}
			if target == "" {
				return place{}, abi.ENOENT
			}
			if target[0] == '/' {
				cur = "/"
			}
			if slash {
				target += "/" + rest
			}
			if len(target) > 2*abi.PATH_MAX {
				return place{}, abi.ENAMETOOLONG
			}
			rest = target
			continue
		case kind != abi.S_IFDIR && slash:
			return place{}, abi.ENOTDIR
		}
		cur = next
	}
}

// at runs op on the place that a path means. First the path is taken as it
// is, which costs no look at the host; if that fails in a way that a link or
// a missing folder may explain, the path is walked and op tried once more.
// op answers ELOOP if it met a link that it should have followed.
func (t *Task) at(dirfd int32, p string, follow bool, op func(place) abi.Errno) abi.Errno {
	dir, e := t.start(dirfd, p)
	if e != 0 {
		return e
	}
	c, ok, e := lexical(dir, p)
	if e != 0 {
		return e
	}
	if ok {
		pl := t.proc.files.ns.at(c)
		if pl.mnt.tree != nil {
			if e := t.mayReach(c); e != 0 {
				return e
			}
			e := op(pl)
			switch e {
			case abi.ENOENT:
				// A folder that is there, and is no link, explains it.
				if up, _ := t.typeOf(t.proc.files.ns.at(path.Dir(c))); up == abi.S_IFDIR {
					// A link that leads nowhere?
					if own, _ := t.typeOf(pl); !follow || own != abi.S_IFLNK {
						return e
					}
				}
			case abi.ENOTDIR, abi.ELOOP:
			default:
				return e
			}
		}
	}
	pl, e := t.walk(dir, p, follow)
	if e != 0 {
		return e
	}
	return op(pl)
}

// find tells the place of a path that op must not see as a link: everything
// that changes or asks what the link leads to.
func (t *Task) find(dirfd int32, p string, follow bool, op func(place) abi.Errno) abi.Errno {
	if !follow {
		return t.at(dirfd, p, false, op)
	}
	return t.at(dirfd, p, true, func(pl place) abi.Errno {
		kind, e := t.typeOf(pl)
		if e != 0 {
			return e
		}
		if kind == abi.S_IFLNK && (pl.node == nil || pl.node.magic == nil) {
			return abi.ELOOP
		}
		return op(pl)
	})
}
