//go:build windows

package winhost

import (
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// Files without a name (O_TMPFILE) have one that listings leave out. They go
// with their handle, also if the process is killed, where that can be taken
// back once they get a name; elsewhere Close deletes them.

// temp is what is remembered of one.
type temp struct {
	key      fileKey
	linkable bool
	onClose  bool // FILE_DELETE_ON_CLOSE is set
}

// onClose sets or takes back that a file goes with its last handle. The handle
// was opened with FILE_DELETE_ON_CLOSE.
// https://learn.microsoft.com/en-us/windows-hardware/drivers/ddi/ntddk/ns-ntddk-_file_disposition_information_ex
func onClose(h windows.Handle, yes bool) windows.NTStatus {
	flags := uint32(windows.FILE_DISPOSITION_ON_CLOSE)
	if yes {
		flags |= windows.FILE_DISPOSITION_DELETE
	}
	return set(h, infoDispositionEx, unsafe.Pointer(&flags), 4)
}

func (t *tree) OpenTemp(path string, flags int, perm uint32) (host.Handle, abi.Errno) {
	if kind, e := t.Type(path); e != 0 {
		return host.NoHandle, e
	} else if kind != abi.S_IFDIR {
		return host.NoHandle, abi.ENOTDIR
	}
	if path != "" {
		path += "/"
	}
	v := t.vol()
	made := func(options uint32) (windows.Handle, windows.NTStatus) {
		access := uint32(windows.FILE_GENERIC_READ | windows.FILE_GENERIC_WRITE | windows.DELETE)
		name := path + t.f.trash.next()
		h, _, st := t.open(name, access|v.chmodRights(), windows.FILE_CREATE, windows.FILE_NON_DIRECTORY_FILE|options, windows.FILE_ATTRIBUTE_NORMAL, nil)
		if st == statusAccessDenied {
			h, _, st = t.open(name, access, windows.FILE_CREATE, windows.FILE_NON_DIRECTORY_FILE|options, windows.FILE_ATTRIBUTE_NORMAL, nil)
		}
		return h, st
	}
	var h windows.Handle
	var st windows.NTStatus
	tmp := temp{linkable: flags&abi.O_EXCL == 0, onClose: !v.noPosixDelete.Load()}
	if tmp.onClose {
		if h, st = made(windows.FILE_DELETE_ON_CLOSE); st != 0 {
			return host.NoHandle, statusErrno(st)
		}
		if onClose(h, false) == 0 {
			_ = onClose(h, true)
		} else { // it could not be taken back later
			_ = windows.CloseHandle(h)
			tmp.onClose = false
		}
	}
	if !tmp.onClose {
		if h, st = made(0); st != 0 {
			return host.NoHandle, statusErrno(st)
		}
	}
	v.created(t.f, h, perm, false)
	tmp.key, _ = keyOf(v, h)
	t.f.mu.Lock()
	t.f.temps[h] = tmp
	t.f.hidden[tmp.key]++
	t.f.mu.Unlock()
	return t.f.opened(h, v), 0
}

// LinkHandle implements host.Files.
func (f *Files) LinkHandle(h host.Handle, to host.Tree, path string) abi.Errno {
	t := to.(*tree)
	w := windows.Handle(h)
	f.mu.RLock()
	tmp, isTemp := f.temps[w]
	vol := f.ofHandle[w]
	f.mu.RUnlock()
	switch {
	case isTemp && !tmp.linkable:
		return abi.ENOENT
	case vol != nil && vol != t.vol():
		return abi.EXDEV
	}
	name := t.name(path)
	if !isTemp {
		var st host.Stat
		if e := f.Fstat(h, &st); e != 0 {
			return e
		}
		if st.Nlink == 0 {
			return abi.ENOENT
		}
		return statusErrno(rename(w, infoLink, 0, name))
	}
	// Its first name: Linux counts one link afterwards.
	if h2, _, st := t.open(path, windows.FILE_READ_ATTRIBUTES|windows.SYNCHRONIZE, windows.FILE_OPEN, 0, 0, nil); st == 0 {
		_ = windows.CloseHandle(h2)
		return abi.EEXIST
	}
	if st := rename(w, infoRename, 0, name); st != 0 {
		return statusErrno(st)
	}
	if tmp.onClose {
		_ = onClose(w, false)
	}
	f.mu.Lock()
	delete(f.temps, w)
	if f.hidden[tmp.key]--; f.hidden[tmp.key] == 0 {
		delete(f.hidden, tmp.key)
	}
	f.mu.Unlock()
	return 0
}

// Exchange takes three steps and is not atomic: Windows has no such call. If
// the second or third cannot be done the earlier ones are taken back.
func (t *tree) Exchange(path string, to host.Tree, toPath string) abi.Errno {
	t2 := to.(*tree)
	aside := "bee-exchange-" + strings.TrimPrefix(t.f.trash.next(), trashPrefix)
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		aside = path[:i+1] + aside
	}
	if _, e := t2.Type(toPath); e != 0 {
		return e
	}
	if e := t.Rename(path, t, aside, true); e != 0 {
		return e
	}
	e := t2.Rename(toPath, t, path, true)
	if e == 0 {
		if e = t.Rename(aside, t2, toPath, true); e == 0 {
			return 0
		}
		_ = t.Rename(path, t2, toPath, true)
	}
	_ = t.Rename(aside, t, path, true)
	return e
}

// HoldsModes implements host.Files: Windows judges by access lists.
func (f *Files) HoldsModes() bool { return false }

// FolderMode tells what a program has set. A mode that was made from a list
// may be too strict: who is in the groups that it names?
func (t *tree) FolderMode(path string) (uint32, bool) {
	v := t.vol()
	if v.method != modeLX && t.f.strict.Load() == 0 {
		return 0, false
	}
	h, _, st := t.open(path, windows.FILE_READ_ATTRIBUTES|windows.FILE_READ_EA|windows.SYNCHRONIZE, windows.FILE_OPEN, windows.FILE_DIRECTORY_FILE, 0, nil)
	if st != 0 {
		return 0, false
	}
	defer windows.CloseHandle(h)
	if v.method == modeLX {
		return getLX(h)
	}
	key, ok := keyOf(v, h)
	if !ok {
		return 0, false
	}
	t.f.mu.RLock()
	defer t.f.mu.RUnlock()
	m, ok := t.f.modes[key]
	return m, ok
}
