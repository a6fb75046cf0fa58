//go:build windows

package winhost

import (
	"golang.org/x/sys/windows"
)

// A file that is mapped cannot be deleted: Windows answers
// STATUS_CANNOT_DELETE, since the views need it. If it is this process that
// maps it, the file is moved out of sight and deleted when the handle is closed
// that the mapping keeps open.

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
			f.mu.Lock()
			defer f.mu.Unlock()
			if f.later == nil {
				f.later = map[fileKey][]uint16{}
			}
			f.later[key] = name
			return true
		}
	}
	return false
}

// deleteNow is called after a handle of the file has been closed: the last one
// if it works.
func (f *Files) deleteNow(key fileKey) {
	f.mu.Lock()
	name := f.later[key]
	f.mu.Unlock()
	if name == nil {
		return
	}
	h, _, st := create(name, windows.DELETE|windows.SYNCHRONIZE|windows.FILE_WRITE_ATTRIBUTES, shareAll, windows.FILE_OPEN, optBase, 0, nil)
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
