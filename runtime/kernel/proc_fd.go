package kernel

import (
	"fmt"
	"strconv"
	"strings"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// openExe opens the program without what lies before and behind it in its file.
func openExe(t *Task, flags int) (*File, abi.Errno) {
	p := t.proc
	if flags&abi.O_ACCMODE != abi.O_RDONLY {
		return nil, abi.ETXTBSY
	}
	pl := p.files.ns.at(p.exe)
	if pl.mnt.tree == nil {
		return nil, abi.ENOENT
	}
	h, kind, e := pl.mnt.tree.Open(pl.rel, abi.O_RDONLY, 0)
	if e != 0 {
		// The view does not show it: the host's own path.
		name := p.files.exe.host
		i := strings.LastIndexAny(name, `/\`)
		if i < 0 {
			return nil, e
		}
		tree, e2 := p.files.host.Mount(name[:i+1])
		if e2 != 0 {
			return nil, e
		}
		if h, kind, e2 = tree.Open(name[i+1:], abi.O_RDONLY, 0); e2 != 0 {
			return nil, e
		}
	}
	if kind != host.Regular {
		_ = p.files.host.Close(h)
		return nil, abi.EACCES
	}
	f := &File{ops: exeOps{}, h: h, kind: kind, path: p.exe, data: p.files.host}
	return f, 0
}

// exeOps is a file that begins and ends where the program does.
type exeOps struct{ regularOps }

func (exeOps) limit(t *Task, p []byte, off int64) []byte {
	if size := t.proc.files.exe.size; size > 0 {
		return p[:max(0, min(int64(len(p)), size-off))]
	}
	return p
}

func (o exeOps) read(t *Task, f *File, p []byte) (int, abi.Errno) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, e := o.pread(t, f, p, f.off)
	f.off += int64(n)
	return n, e
}

func (o exeOps) pread(t *Task, f *File, p []byte, off int64) (int, abi.Errno) {
	return o.regularOps.pread(t, f, o.limit(t, p, off), t.proc.files.exe.offset+off)
}

func (o exeOps) stat(t *Task, f *File, st *host.Stat) abi.Errno {
	e := o.regularOps.stat(t, f, st)
	if size := t.proc.files.exe.size; size > 0 {
		st.Size = min(st.Size, size)
	}
	return e
}

func (o exeOps) seek(t *Task, f *File, off int64, whence int) (int64, abi.Errno) {
	if size := t.proc.files.exe.size; size > 0 && whence == abi.SEEK_END {
		return o.regularOps.seek(t, f, size+off, abi.SEEK_SET)
	}
	return o.regularOps.seek(t, f, off, whence)
}

// fdNodes are the links of /proc/self/fd.
func (p *Process) fdNodes() []*node {
	var list []*node
	for _, fd := range p.files.list() {
		list = append(list, p.fdNode(fd))
	}
	return list
}

func (p *Process) fdNode(fd int) *node {
	mode := uint32(abi.S_IFLNK | 0o100)
	if f, e := p.files.get(int32(fd)); e == 0 {
		if f.readable() {
			mode |= 0o400
		}
		if f.writable() {
			mode |= 0o200
		}
		p.files.put(f)
	}
	return &node{
		name: strconv.Itoa(fd), mode: mode,
		link:  func(*Task) string { return p.fdName(int32(fd)) },
		magic: func(t *Task, flags int) (*File, abi.Errno) { return openFD(t, int32(fd), flags) },
		target: func(t *Task) (*File, abi.Errno) {
			f, e := t.proc.files.get(int32(fd))
			if e != 0 {
				return nil, abi.ENOENT
			}
			return f, 0
		},
	}
}

// fdByName tells the descriptor that a name of /proc/self/fd means.
func (p *Process) fdByName(name string) (int, bool) {
	fd, err := strconv.Atoi(name)
	if err != nil || strconv.Itoa(fd) != name {
		return 0, false
	}
	f, e := p.files.get(int32(fd))
	if e != 0 {
		return 0, false
	}
	p.files.put(f)
	return fd, true
}

// namedOps are files that have a name of their own in /proc/self/fd and no path.
type namedOps interface{ fdName(f *File) string }

// infoOps are files that have lines of their own in /proc/self/fdinfo.
type infoOps interface{ fdInfo(f *File) string }

func (p *Process) fdName(fd int32) string {
	f, e := p.files.get(fd)
	if e != 0 {
		return ""
	}
	defer p.files.put(f)
	if o, ok := f.ops.(namedOps); ok {
		return o.fdName(f)
	}
	if q, ok := f.data.(*pipe); ok {
		return fmt.Sprintf("pipe:[%d]", q.ino)
	}
	switch {
	case f.path != "":
		return (&Task{proc: p}).where(f)
	case f.kind == host.Pipe:
		return fmt.Sprintf("pipe:[%d]", uint64(f.h))
	case f.kind == host.Socket:
		return fmt.Sprintf("socket:[%d]", uint64(f.h))
	case f.kind == host.Console:
		return "/dev/tty"
	case f.kind == host.Char:
		return "/dev/null"
	}
	return fmt.Sprintf("/dev/fd/%d", fd)
}

// fdInfoText is /proc/self/fdinfo/N.
func (t *Task) fdInfoText(fd int32) string {
	ft := t.proc.files
	f, e := ft.get(fd)
	if e != 0 {
		return ""
	}
	defer ft.put(f)
	pos := int64(0)
	if at, e := f.ops.seek(t, f, 0, abi.SEEK_CUR); e == 0 {
		pos = at
	}
	flags := f.flags.Load()
	if s := *ft.slots.Load(); int(fd) < len(s) && s[fd].cloexec.Load() {
		flags |= abi.O_CLOEXEC
	}
	var st host.Stat
	_ = f.ops.stat(t, f, &st)
	text := fmt.Sprintf("pos:\t%d\nflags:\t0%o\nmnt_id:\t%d\nino:\t%d\n", pos, flags, firstMount, st.Ino)
	if o, ok := f.ops.(infoOps); ok {
		text += o.fdInfo(f)
	}
	return text
}

// openFD opens what a descriptor stands for once more: by its path where it
// has one, else it is the same description.
func openFD(t *Task, fd int32, flags int) (*File, abi.Errno) {
	ft := t.proc.files
	f, e := ft.get(fd)
	if e != 0 {
		return nil, abi.ENOENT
	}
	if o, ok := f.ops.(regularOps); ok && o.mem != nil {
		defer ft.put(f)
		return o.mem.reopen(t, f, flags)
	}
	if _, ok := f.ops.(regularOps); ok && f.path != "" {
		defer ft.put(f)
		return t.openPlace(ft.ns.at(t.where(f)), flags, 0)
	}
	switch f.ops.(type) {
	case folderOps, nodeFolderOps:
		defer ft.put(f)
		return t.openPlace(ft.ns.at(t.where(f)), flags, 0)
	case pathOps:
		defer ft.put(f)
		return t.openPlace(t.placeOf(f), flags, 0)
	}
	return f, 0 // the reference goes along
}

// behind tells the description that a link of /proc stands for, with a
// reference, whatever its path leads to by now; nil where a place is no such
// link.
func (t *Task) behind(pl place) (*File, abi.Errno) {
	if pl.node == nil || pl.node.magic == nil || pl.node.mode&abi.S_IFMT != abi.S_IFLNK {
		return nil, 0
	}
	if pl.node.target != nil {
		return pl.node.target(t)
	}
	f, e := pl.node.magic(t, abi.O_RDONLY)
	if e == 0 && f.refs.Load() == 0 {
		f.refs.Store(1)
	}
	return f, e
}
