//go:build windows

package winhost

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// dirEntry is FILE_ID_FULL_DIR_INFORMATION.
type dirEntry struct {
	next, index                     uint32
	creation, access, write, change int64
	size, allocation                int64
	attributes, nameLength          uint32
	eaSize, _                       uint32 // eaSize is the tag of a reparse point
	id                              int64
	name                            [1]uint16
}

const infoIDFullDirectory = 38

// entries calls fn for each entry that fits into buf, and tells whether it
// was the end.
func entries(h windows.Handle, buf []uint64, restart bool, fn func(d *dirEntry, name []uint16)) (end bool, st windows.NTStatus) {
	var io windows.IO_STATUS_BLOCK
	again := uintptr(0)
	if restart {
		again = 1
	}
	r, _, _ := syscall.SyscallN(ntQueryDirectory.Addr(), uintptr(h), 0, 0, 0, uintptr(unsafe.Pointer(&io)), uintptr(unsafe.Pointer(&buf[0])),
		uintptr(len(buf)*8), infoIDFullDirectory, 0, 0, again)
	switch st := windows.NTStatus(r); st {
	case 0:
	case statusNoMoreFiles, statusNoSuchFile:
		return true, 0
	case statusInvalidParameter, statusInvalidDevRequest:
		return true, statusNotADirectory
	default:
		return true, st
	}
	if io.Information == 0 {
		return true, 0
	}
	for p := unsafe.Pointer(&buf[0]); ; {
		d := (*dirEntry)(p)
		fn(d, unsafe.Slice(&d.name[0], d.nameLength/2))
		if d.next == 0 {
			return false, 0
		}
		p = unsafe.Add(p, d.next)
	}
}

func dots(name []uint16) bool {
	return len(name) > 0 && len(name) < 3 && name[0] == '.' && (len(name) == 1 || name[1] == '.')
}

// listing opens a folder once more to list it: what a handle has listed once
// it may remember, and others may have it at some entry.
func listing(h windows.Handle) (windows.Handle, func()) {
	w, st := again(h, windows.FILE_LIST_DIRECTORY|windows.FILE_READ_ATTRIBUTES|windows.SYNCHRONIZE, windows.FILE_DIRECTORY_FILE)
	if st != 0 {
		return h, func() {}
	}
	return w, func() { _ = windows.CloseHandle(w) }
}

// subfolders tells a folder's number of links, which on Linux is 2 and one
// for each folder in it. A folder too large for one look has 1: programs know
// that as "not counted".
func (f *Files) subfolders(h windows.Handle) uint32 {
	h, done := listing(h)
	defer done()
	buf := make([]uint64, 4<<10)
	n := uint32(2)
	for restart := true; ; restart = false {
		end, st := entries(h, buf, restart, func(d *dirEntry, name []uint16) {
			if d.attributes&windows.FILE_ATTRIBUTE_DIRECTORY != 0 && !dots(name) {
				n++
			}
		})
		switch {
		case st != 0 && restart:
			return 2 // no right to look
		case end || st != 0:
			return n
		case !restart:
			return 1
		}
	}
}

// ReadDir implements host.Files.
func (f *Files) ReadDir(h host.Handle) ([]host.Dirent, abi.Errno) {
	var list []host.Dirent
	var suspects []int // files that may be links in Cygwin's form
	l, done := listing(windows.Handle(h))
	defer done()
	buf := make([]uint64, 8<<10)
	for restart := true; ; restart = false {
		end, st := entries(l, buf, restart, func(d *dirEntry, name []uint16) {
			if dots(name) {
				return
			}
			e := host.Dirent{Name: decodeName(name), Ino: uint64(d.id), Type: abi.DT_REG}
			if strings.HasPrefix(e.Name, trashPrefix) {
				return
			}
			switch {
			case d.attributes&windows.FILE_ATTRIBUTE_REPARSE_POINT != 0 && isLinkTag(d.eaSize):
				e.Type = abi.DT_LNK
			case d.attributes&windows.FILE_ATTRIBUTE_DIRECTORY != 0:
				e.Type = abi.DT_DIR
			case d.attributes&windows.FILE_ATTRIBUTE_SYSTEM != 0:
				suspects = append(suspects, len(list))
			}
			list = append(list, e)
		})
		if st != 0 {
			return nil, statusErrno(st)
		}
		if end {
			break
		}
	}
	for _, i := range suspects {
		list[i].Type = abi.DT_UNKNOWN // the program asks with lstat
	}
	return list, 0
}

// Deleting and renaming. Windows since 1709 does both as POSIX wants it:
// the name goes at once, the file when its last handle is closed. Where the
// volume or Wine lacks that, a file that somebody has open is first moved out
// of sight.

// trashPrefix begins the names of files that are deleted and still open.
const trashPrefix = ".bee-deleted-"

type trashNames struct {
	n atomic.Uint64
}

func (t *trashNames) next() string {
	return fmt.Sprintf("%s%d-%d", trashPrefix, os.Getpid(), t.n.Add(1))
}

// posixMissing tells whether a status means that the information class or
// its POSIX flag does not exist here.
func posixMissing(st windows.NTStatus) bool {
	switch st {
	case statusNotImplemented, statusInvalidInfoClass, statusNotSupported, statusInvalidParameter, statusInvalidDevRequest:
		return true
	}
	return false
}

// dispose marks an open file for deletion when its handles are closed. A
// read-only file is deleted, too: on Linux only the folder's rights count.
func dispose(h windows.Handle) windows.NTStatus {
	yes := uint32(1)
	st := set(h, infoDisposition, unsafe.Pointer(&yes), 1)
	if st == statusCannotDelete {
		basic := [5]int64{4: windows.FILE_ATTRIBUTE_NORMAL}
		if set(h, infoBasic, unsafe.Pointer(&basic), unsafe.Sizeof(basic)) == 0 {
			st = set(h, infoDisposition, unsafe.Pointer(&yes), 1)
		}
	}
	return st
}

func (t *tree) Unlink(path string) abi.Errno {
	return statusErrno(t.remove(path, windows.FILE_NON_DIRECTORY_FILE))
}

func (t *tree) Rmdir(path string) abi.Errno {
	return statusErrno(t.remove(path, windows.FILE_DIRECTORY_FILE))
}

// empty tells whether a folder has no entries.
func (f *Files) empty(h windows.Handle) bool {
	any := false
	for restart := true; !any; restart = false {
		end, st := entries(h, make([]uint64, 512), restart, func(_ *dirEntry, name []uint16) { any = any || !dots(name) })
		if end || st != 0 {
			break
		}
	}
	return !any
}

func (t *tree) remove(path string, option uint32) windows.NTStatus {
	const access = windows.DELETE | windows.SYNCHRONIZE | windows.FILE_READ_ATTRIBUTES
	if !t.vol().noPosixDelete.Load() {
		h, _, st := t.open(path, access, windows.FILE_OPEN, option, 0, nil)
		if st != 0 {
			return st
		}
		flags := uint32(windows.FILE_DISPOSITION_DELETE | windows.FILE_DISPOSITION_POSIX_SEMANTICS | windows.FILE_DISPOSITION_IGNORE_READONLY_ATTRIBUTE)
		st = set(h, infoDispositionEx, unsafe.Pointer(&flags), 4)
		_ = windows.CloseHandle(h)
		if posixMissing(st) {
			t.vol().noPosixDelete.Store(true)
		} else if st != statusCannotDelete {
			return st
		}
	}
	// Opened exclusively, the file is nobody else's.
	name := t.name(path)
	var hidden []uint16
	var key fileKey
	h, _, st := create(name, access|windows.FILE_WRITE_ATTRIBUTES, 0, windows.FILE_OPEN, option|optBase, 0, nil)
	if st == statusSharingViolation {
		more := uint32(windows.FILE_WRITE_ATTRIBUTES)
		if option == windows.FILE_DIRECTORY_FILE {
			more |= windows.FILE_LIST_DIRECTORY
		}
		h, _, st = t.open(path, access|more, windows.FILE_OPEN, option, 0, nil)
		if st == 0 && option == windows.FILE_DIRECTORY_FILE && !t.f.empty(h) {
			_ = windows.CloseHandle(h)
			return statusDirectoryNotEmpty
		}
		if st == 0 {
			hidden = t.hide(h, name)
			var ok bool
			if key, ok = keyOf(t.vol(), h); ok {
				t.f.mu.Lock()
				t.f.hidden[key]++
				t.f.mu.Unlock()
			}
		}
	}
	if st != 0 {
		return st
	}
	defer windows.CloseHandle(h)
	if hidden == nil {
		t.f.forget(t.vol(), h)
	}
	st = dispose(h)
	if st == statusCannotDelete && hidden != nil { // it is mapped
		if t.f.deleteLater(t.vol(), key, hidden) {
			return 0
		}
		_ = rename(h, infoRename, 0, name) // by others
	}
	return st
}

// hide moves an open file out of the way: into the temporary folder if that
// is on its volume, else to another name in its folder that listings leave
// out. It tells the new name, nil if nothing came of it.
func (t *tree) hide(h windows.Handle, name []uint16) []uint16 {
	n := t.f.trash.next()
	if u, err := windows.UTF16FromString(strings.TrimRight(ntPath(os.TempDir()), `\`) + `\` + n); err == nil {
		if u = u[:len(u)-1]; rename(h, infoRename, 0, u) == 0 {
			return u
		}
	}
	for i := len(name) - 1; i > 0; i-- {
		if name[i] == '\\' {
			if u := appendName(name[:i+1:i+1], n); rename(h, infoRename, 0, u) == 0 {
				return u
			}
			return nil
		}
	}
	return nil
}

// rename sets FILE_RENAME_INFORMATION or FILE_LINK_INFORMATION, which are
// alike: flags, a root folder, the name's length and the name.
func rename(h windows.Handle, class, flags uint32, to []uint16) windows.NTStatus {
	const word = unsafe.Sizeof(uintptr(0))
	size := 2*word + 4 + uintptr(len(to))*2
	b := make([]uint64, size/8+1)
	p := unsafe.Pointer(&b[0])
	*(*uint32)(p) = flags
	*(*uint32)(unsafe.Add(p, 2*word)) = uint32(len(to) * 2)
	copy(unsafe.Slice((*uint16)(unsafe.Add(p, 2*word+4)), len(to)), to)
	return set(h, class, p, max(size, 2*word+8))
}

func (t *tree) Rename(path string, to host.Tree, toPath string, noreplace bool) abi.Errno {
	t2 := to.(*tree)
	if t.vol() != t2.vol() {
		return abi.EXDEV
	}
	h, _, st := t.open(path, windows.DELETE|windows.SYNCHRONIZE|windows.FILE_READ_ATTRIBUTES, windows.FILE_OPEN, 0, 0, nil)
	if st != 0 {
		return statusErrno(st)
	}
	defer windows.CloseHandle(h)
	name := t2.name(toPath)
	replace := uint32(windows.FILE_RENAME_REPLACE_IF_EXISTS)
	if noreplace {
		replace = 0
	}
	if !t.vol().noPosixRename.Load() {
		st = rename(h, infoRenameEx, replace|windows.FILE_RENAME_POSIX_SEMANTICS|windows.FILE_RENAME_IGNORE_READONLY_ATTRIBUTE, name)
		switch {
		case posixMissing(st):
			t.vol().noPosixRename.Store(true)
		case st == 0 || noreplace || st == statusNotSameDevice:
			return statusErrno(st)
		default:
			switch e := t2.makeWay(h, toPath); e {
			case 0, sameName:
			case sameFile:
				return 0
			default:
				return e
			}
			return statusErrno(rename(h, infoRenameEx, replace|windows.FILE_RENAME_POSIX_SEMANTICS, name))
		}
	}
	if noreplace {
		// Wine takes two names of one file for success.
		if h2, _, st := t2.open(toPath, windows.FILE_READ_ATTRIBUTES|windows.SYNCHRONIZE, windows.FILE_OPEN, 0, 0, nil); st == 0 {
			_ = windows.CloseHandle(h2)
			return abi.EEXIST
		}
		return statusErrno(rename(h, infoRename, 0, name))
	}
	for try := 0; ; try++ {
		// What may replace what is Linux's rule, not that of Windows; and a
		// file that is open cannot be replaced. Between the two steps others
		// may make or open a file of that name.
		switch e := t2.makeWay(h, toPath); e {
		case 0, abi.ENOENT:
		case sameFile:
			return 0
		case sameName:
			return t2.respell(h, t.name(path), name)
		default:
			return e
		}
		st := rename(h, infoRename, replace, name)
		switch st {
		case statusNameCollision, statusSharingViolation, statusAccessDenied, statusDeletePending:
			if try < busyTries {
				time.Sleep(busyPause)
				continue
			}
		}
		return statusErrno(st)
	}
}

// sameFile is makeWay's answer when both names are one file's: rename(2) does
// nothing then.
const sameFile = ^abi.Errno(0)

// sameName is makeWay's answer when there is one name, which may be spelled in
// another way.
const sameName = sameFile - 1

// respell renames a file whose name is to change in case only, which Wine takes
// for no change at all.
func (t *tree) respell(h windows.Handle, from, to []uint16) abi.Errno {
	base := func(u []uint16) int {
		i := len(u)
		for i > 0 && u[i-1] != '\\' {
			i--
		}
		return i
	}
	i := base(to)
	if slices.Equal(from[base(from):], to[i:]) {
		return 0
	}
	aside := appendName(to[:i:i], "bee-rename-"+strings.TrimPrefix(t.f.trash.next(), trashPrefix))
	if st := rename(h, infoRename, 0, aside); st != 0 {
		return statusErrno(st)
	}
	st := rename(h, infoRename, 0, to)
	if st != 0 {
		_ = rename(h, infoRename, 0, from)
	}
	return statusErrno(st)
}

// makeWay looks at what a rename is to replace, and takes it away if it may
// be replaced and Windows would not do that.
func (t *tree) makeWay(h windows.Handle, path string) abi.Errno {
	h2, _, st := t.open(path, windows.FILE_READ_ATTRIBUTES|windows.SYNCHRONIZE, windows.FILE_OPEN, 0, 0, nil)
	if st != 0 {
		return 0 // nothing there, or the rename says what is wrong
	}
	var a, b allInfo
	_ = a.query(h)
	_ = b.query(h2)
	_ = windows.CloseHandle(h2)
	switch {
	case a.index == b.index && a.index != 0:
		if a.standard.links > 1 && !a.standard.directory {
			return sameFile
		}
		return sameName
	case a.standard.directory && !b.standard.directory:
		return abi.ENOTDIR
	case !a.standard.directory && b.standard.directory:
		return abi.EISDIR
	case a.standard.directory:
		return statusErrno(t.remove(path, windows.FILE_DIRECTORY_FILE))
	}
	// A file that nobody has open is replaced in one step.
	h2, _, st = create(t.name(path), windows.DELETE|windows.SYNCHRONIZE|windows.FILE_READ_ATTRIBUTES, 0, windows.FILE_OPEN, optBase, 0, nil)
	if st == 0 {
		_ = windows.CloseHandle(h2)
		if b.attributes&windows.FILE_ATTRIBUTE_READONLY == 0 {
			return 0
		}
	}
	return statusErrno(t.remove(path, windows.FILE_NON_DIRECTORY_FILE))
}

func (t *tree) Link(path string, to host.Tree, toPath string) abi.Errno {
	t2 := to.(*tree)
	if t.vol() != t2.vol() {
		return abi.EXDEV
	}
	h, _, st := t.open(path, windows.SYNCHRONIZE|windows.FILE_READ_ATTRIBUTES|windows.FILE_WRITE_ATTRIBUTES, windows.FILE_OPEN, 0, 0, nil)
	if st != 0 {
		return statusErrno(st)
	}
	defer windows.CloseHandle(h)
	if attr, _, _ := tag(h); attr&windows.FILE_ATTRIBUTE_DIRECTORY != 0 {
		return abi.EPERM
	}
	return statusErrno(rename(h, infoLink, 0, t2.name(toPath)))
}
