//go:build windows

package winhost

import (
	"golang.org/x/sys/windows"
)

// A file that is mapped cannot be deleted: Windows answers
// STATUS_CANNOT_DELETE, since the views need it. If it is this process that
// maps it, the file is moved out of sight and deleted when the handle is closed
// that the mapping keeps open, or the process ends.

// laterFile is a file that is to go.
type laterFile struct {
	name []uint16
	// h makes the file go when it is closed, as the end of the process does; 0 if
	// there can be no such handle of a file that is mapped.
	h windows.Handle
}

// deleteLater notes that the file of key, which lies at name now, is to go. It
// tells false if the file is not open here, so that it would never happen.
func (f *Files) deleteLater(v *volume, key fileKey, name []uint16) bool {
	f.mu.Lock()
	var handles []windows.Handle
	for h := range f.ofHandle {
		handles = append(handles, h)
	}
	f.mu.Unlock()
	for _, h := range handles {
		if k, ok := keyOf(v, h); ok && k.ino == key.ino {
			onClose, _, st := create(name, windows.DELETE|windows.SYNCHRONIZE, shareAll, windows.FILE_OPEN, optBase|windows.FILE_DELETE_ON_CLOSE, 0, nil)
			if st != 0 {
				onClose = 0
			}
			f.mu.Lock()
			defer f.mu.Unlock()
			if f.later == nil {
				f.later = map[fileKey]laterFile{}
			}
			f.later[key] = laterFile{name, onClose}
			return true
		}
	}
	return false
}

// deleteNow is called after a handle of the file has been closed: the last one
// if it works.
func (f *Files) deleteNow(key fileKey) {
	f.mu.Lock()
	later := f.later[key]
	if later.h != 0 {
		delete(f.later, key)
	}
	f.mu.Unlock()
	switch {
	case later.h != 0:
		_ = windows.CloseHandle(later.h)
		return
	case later.name == nil:
		return
	}
	h, _, st := create(later.name, windows.DELETE|windows.SYNCHRONIZE|windows.FILE_WRITE_ATTRIBUTES, shareAll, windows.FILE_OPEN, optBase, 0, nil)
	if st != 0 {
		return
	}
	if dispose(h) == 0 {
		f.mu.Lock()
		delete(f.later, key)
		f.mu.Unlock()
	}
	_ = windows.CloseHandle(h)
}
