package kernel

import (
	"strings"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// Descriptors and the working directory are remembered by their paths. When
// this process moves a folder, they follow; what other processes move is
// looked for at its old place.

// where tells the canonical path at which an open file is, "" if it has none.
func (t *Task) where(f *File) string {
	if p := f.moved.Load(); p != nil {
		return *p
	}
	return f.path
}

// placeOf is where for a description made with O_PATH.
func (t *Task) placeOf(f *File) place {
	if p := f.moved.Load(); p != nil {
		return t.proc.files.ns.at(*p)
	}
	return f.data.(place)
}

// pin keeps a handle of what a description made with O_PATH stands for, whoever
// may move or delete it later; where the host gives none the path must do.
func (t *Task) pin(f *File, pl place, kind uint32) {
	if pl.mnt.tree == nil || kind != abi.S_IFREG && kind != abi.S_IFDIR {
		return
	}
	if h, _, e := pl.mnt.tree.Open(pl.rel, abi.O_RDONLY, 0); e == 0 {
		f.h, f.pinned = h, true
	}
}

// statPath is stat of a description made with O_PATH.
func (t *Task) statPath(f *File, st *host.Stat) abi.Errno {
	if !f.pinned {
		return t.lstat(t.placeOf(f), st)
	}
	e := t.proc.files.host.Fstat(f.h, st)
	t.proc.owned(st)
	return e
}

// relocate tells a path after the move of from to to.
func relocate(p, from, to string) (string, bool) {
	rest, ok := strings.CutPrefix(p, from)
	if !ok || rest != "" && rest[0] != '/' {
		return p, false
	}
	return to + rest, true
}

// movedFile is called after a rename. Preconditions: nothing is locked.
func (t *Task) movedFile(from, to string) {
	ft := t.proc.files
	ft.rights.forget()
	for _, fd := range ft.list() {
		f, e := ft.get(int32(fd))
		if e != 0 {
			continue
		}
		if p := t.where(f); p != "" {
			if p, ok := relocate(p, from, to); ok {
				f.moved.Store(&p)
			}
		}
		ft.put(f)
	}
	ft.fsmu.Lock()
	defer ft.fsmu.Unlock()
	if p, ok := relocate(ft.cwd, from, to); ok {
		ft.cwd = p
	}
}

// exchangedFiles is movedFile for two that trade places.
func (t *Task) exchangedFiles(a, b string) {
	const aside = "/\x00" // no path of the program's
	t.movedFile(a, aside)
	t.movedFile(b, a)
	t.movedFile(aside, b)
}
