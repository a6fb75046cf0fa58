package kernel

import (
	"path"
	"strings"
	"sync"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// Permissions of folders, where the host does not hold the program to the
// modes that it knows: searching needs x of every folder on the way, and
// making, deleting or renaming a name w and x of the folder that has it.
// Rights that a folder was found to have are remembered until this process
// changes a mode or moves a folder, because every call asks for them.
type folderRights struct {
	mu sync.Mutex
	// of has the owner's digit by canonical path; searchable the folders to
	// which the way is free.
	of         map[string]uint32
	searchable map[string]bool
}

// rightsKept bounds what is remembered.
const rightsKept = 4096

// forget is for when modes or places change.
func (r *folderRights) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.of, r.searchable = nil, nil
}

// held tells whether this is the kernel's business at all.
func (t *Task) modesHeld() bool {
	h := t.proc.files.host
	return t.proc.uid != 0 && h != nil && !h.HoldsModes()
}

// rightsOf tells the owner's digit of a folder. r.mu is held.
func (t *Task) rightsOf(r *folderRights, dir string) uint32 {
	if d, ok := r.of[dir]; ok {
		return d
	}
	d := uint32(7)
	if pl := t.proc.files.ns.at(dir); pl.mnt.tree != nil {
		if m, ok := pl.mnt.tree.FolderMode(pl.rel); ok {
			d = m >> 6 & 7
		}
	}
	if r.of == nil || len(r.of) >= rightsKept {
		r.of, r.searchable = map[string]uint32{}, map[string]bool{}
	}
	r.of[dir] = d
	return d
}

// mayReach tells whether the folders above a canonical path may be searched.
func (t *Task) mayReach(p string) abi.Errno {
	if p == "/" || !t.modesHeld() {
		return 0
	}
	return t.maySearch(path.Dir(p))
}

// maySearch tells whether a folder and those above it may be searched.
func (t *Task) maySearch(dir string) abi.Errno {
	if !t.modesHeld() {
		return 0
	}
	r := &t.proc.files.rights
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.searchable[dir] {
		return 0
	}
	for d := dir; ; d = path.Dir(d) {
		if t.rightsOf(r, d)&1 == 0 {
			return abi.EACCES
		}
		if d == "/" {
			break
		}
	}
	r.searchable[dir] = true
	return 0
}

// change is what is done to a name; it says what Linux decides before it looks
// at the folder's mode.
type change uint8

const (
	making  change = iota // EEXIST if it is there
	taking                // ENOENT if it is not
	putting               // the name of a rename's target may be there or not
)

// mayChange tells whether a name may be made in the folder that a place is in,
// or taken away from there.
func (t *Task) mayChange(pl place, what change) abi.Errno {
	if pl.path == "/" || pl.mnt.tree == nil || !t.modesHeld() {
		return 0
	}
	r := &t.proc.files.rights
	r.mu.Lock()
	d := t.rightsOf(r, path.Dir(pl.path))
	r.mu.Unlock()
	if d&3 == 3 {
		return 0
	}
	if what != putting {
		if _, e := pl.mnt.tree.Type(pl.rel); (e == 0) == (what == making) {
			return 0 // the call itself finds out
		}
	}
	return abi.EACCES
}

// mayMove tells whether what is at a place may get another parent: of a folder
// that changes the entry "..", which needs w.
func (t *Task) mayMove(pl place) abi.Errno {
	if !t.modesHeld() {
		return 0
	}
	if kind, e := t.typeOf(pl); e != 0 || kind != abi.S_IFDIR {
		return 0
	}
	r := &t.proc.files.rights
	r.mu.Lock()
	defer r.mu.Unlock()
	if t.rightsOf(r, pl.path)&2 == 0 {
		return abi.EACCES
	}
	return 0
}

// clash tells the user, once, of two names that differ in case only, where
// the folder does not tell them apart. It follows an EEXIST.
func (t *Task) clash(pl place) {
	ft := t.proc.files
	if pl.mnt.tree == nil || !ft.host.Lettered() || ft.clashes.Add(1) > 16 {
		return
	}
	dir := t.proc.files.ns.at(path.Dir(pl.path))
	if dir.mnt.tree == nil {
		return
	}
	h, kind, e := dir.mnt.tree.Open(dir.rel, abi.O_RDONLY|abi.O_DIRECTORY, 0)
	if e != 0 {
		return
	}
	defer ft.host.Close(h)
	if kind != host.Directory {
		return
	}
	list, _ := ft.host.ReadDir(h)
	name, twin := path.Base(pl.path), ""
	for _, d := range list {
		switch {
		case d.Name == name:
			return
		case strings.EqualFold(d.Name, name):
			twin = d.Name
		}
	}
	if twin != "" {
		t.proc.logOnce("case", "%s: the folder does not tell upper from lower case, and has %s already: the program gets EEXIST "+
			"(Windows: fsutil file setCaseSensitiveInfo FOLDER enable)", pl.path, twin)
	}
}
