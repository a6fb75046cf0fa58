//go:build windows

package winhost

import (
	"strings"
	"sync"
	"unsafe"

	"golang.org/x/sys/windows"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// watcher tells changes of folders with ReadDirectoryChangesW. All its folders
// end at one completion port, where one thread waits.
type watcher struct {
	port windows.Handle
	done chan struct{} // closed when that thread has ended

	mu     sync.Mutex
	closed bool
	next   uintptr
	// reads are requests that Windows has, by their key: their memory is its
	// until they complete.
	reads map[uintptr]*folderRead
}

// folderRead is a folder's open handle with its request for changes.
type folderRead struct {
	overlapped windows.Overlapped
	h          windows.Handle
	filter     uint32
	told       func(host.Change)
	stopped    bool
	buf        [4096]uint32 // no more than 64 KiB, for the sake of network drives
}

const (
	// filterContent and filterAttributes are watched with handles of their own:
	// what comes says only that a file was modified.
	filterContent    = windows.FILE_NOTIFY_CHANGE_FILE_NAME | windows.FILE_NOTIFY_CHANGE_DIR_NAME | windows.FILE_NOTIFY_CHANGE_SIZE | windows.FILE_NOTIFY_CHANGE_LAST_WRITE
	filterAttributes = windows.FILE_NOTIFY_CHANGE_ATTRIBUTES | fileNotifyChangeSecurity

	fileNotifyChangeSecurity = 0x100 // FILE_NOTIFY_CHANGE_SECURITY (winnt.h)
)

// NewWatcher implements host.WatchingFiles.
func (f *Files) NewWatcher() (host.Watcher, abi.Errno) {
	port, err := windows.CreateIoCompletionPort(windows.InvalidHandle, 0, 0, 1)
	if err != nil {
		return nil, Errno(err)
	}
	w := &watcher{port: port, done: make(chan struct{}), next: 1, reads: map[uintptr]*folderRead{}}
	go w.run()
	return w, 0
}

// Watch implements host.Watcher.
func (w *watcher) Watch(tr host.Tree, path string, told func(host.Change)) (stop func(), e abi.Errno) {
	t, ok := tr.(*tree)
	if !ok {
		return nil, abi.EXDEV
	}
	var reads []*folderRead
	stop = func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, r := range reads {
			w.stop(r)
		}
	}
	for _, filter := range []uint32{filterContent, filterAttributes} {
		const access = windows.FILE_LIST_DIRECTORY | windows.SYNCHRONIZE
		const options = windows.FILE_DIRECTORY_FILE | windows.FILE_OPEN_FOR_BACKUP_INTENT
		h, _, st := create(t.name(path), access, shareAll, windows.FILE_OPEN, options, 0, nil)
		if st != 0 {
			stop()
			return nil, statusErrno(st)
		}
		r := &folderRead{h: h, filter: filter, told: told}
		if e := w.start(r); e != 0 {
			_ = windows.CloseHandle(h)
			stop()
			return nil, e
		}
		reads = append(reads, r)
	}
	return stop, 0
}

// start makes the first request of a folder.
func (w *watcher) start(r *folderRead) abi.Errno {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return abi.EBADF
	}
	key := w.next
	w.next++
	if _, err := windows.CreateIoCompletionPort(r.h, w.port, key, 0); err != nil {
		return Errno(err)
	}
	if err := r.request(); err != nil {
		return Errno(err)
	}
	w.reads[key] = r
	return 0
}

func (r *folderRead) request() error {
	r.overlapped = windows.Overlapped{}
	return windows.ReadDirectoryChanges(r.h, (*byte)(unsafe.Pointer(&r.buf[0])), uint32(unsafe.Sizeof(r.buf)), false, r.filter, nil, &r.overlapped, 0)
}

// stop closes the folder, which completes its request. w.mu is held.
func (w *watcher) stop(r *folderRead) {
	if !r.stopped {
		r.stopped = true
		_ = windows.CloseHandle(r.h)
	}
}

// Close implements host.Watcher.
func (w *watcher) Close() {
	w.mu.Lock()
	first := !w.closed
	w.closed = true
	for _, r := range w.reads {
		w.stop(r)
	}
	w.mu.Unlock()
	if first {
		_ = windows.PostQueuedCompletionStatus(w.port, 0, 0, nil)
	}
	<-w.done
}

// run waits for changes until the watcher is closed and has its memory back.
func (w *watcher) run() {
	defer close(w.done)
	defer windows.CloseHandle(w.port)
	for {
		var n uint32
		var key uintptr
		var o *windows.Overlapped
		err := windows.GetQueuedCompletionStatus(w.port, &n, &key, &o, windows.INFINITE)
		if err != nil && o == nil {
			return // the port itself
		}
		if key != 0 {
			w.completed(key, n, err)
		}
		w.mu.Lock()
		over := w.closed && len(w.reads) == 0
		w.mu.Unlock()
		if over {
			return
		}
	}
}

// completed tells what a request has brought and makes the next one.
func (w *watcher) completed(key uintptr, n uint32, err error) {
	w.mu.Lock()
	r := w.reads[key]
	if r == nil || r.stopped {
		delete(w.reads, key)
		w.mu.Unlock()
		return
	}
	w.mu.Unlock()
	switch {
	case err == nil && n > 0:
		for _, c := range r.changes(n) {
			r.told(c)
		}
	case err == nil, err == windows.ERROR_NOTIFY_ENUM_DIR:
		r.told(host.Change{Op: host.Lost})
		err = nil
	}
	w.mu.Lock()
	over := r.stopped
	if !over && err == nil {
		err = r.request()
	}
	if over || err != nil {
		delete(w.reads, key)
		w.stop(r)
	}
	w.mu.Unlock()
	if !over && err != nil && r.filter == filterContent {
		r.told(host.Change{Op: host.Gone})
	}
}

// changes reads FILE_NOTIFY_INFORMATION records: offset of the next one, action,
// length of the name in bytes, name.
func (r *folderRead) changes(n uint32) []host.Change {
	var list []host.Change
	b := unsafe.Slice((*byte)(unsafe.Pointer(&r.buf[0])), unsafe.Sizeof(r.buf))[:n]
	for len(b) >= 12 {
		next, action, size := word32(b), word32(b[4:]), word32(b[8:])
		if uint64(size)+12 > uint64(len(b)) {
			break
		}
		u := make([]uint16, size/2)
		for i := range u {
			u[i] = uint16(b[12+2*i]) | uint16(b[13+2*i])<<8
		}
		list = r.add(list, action, decodeName(u))
		if next == 0 || uint64(next) > uint64(len(b)) {
			break
		}
		b = b[next:]
	}
	return list
}

func word32(b []byte) uint32 {
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
}

// add translates a record. A file that gets a name of the deleted ones is
// deleted.
func (r *folderRead) add(list []host.Change, action uint32, name string) []host.Change {
	if strings.HasPrefix(name, trashPrefix) {
		if last := len(list) - 1; action == windows.FILE_ACTION_RENAMED_NEW_NAME && last >= 0 && list[last].Op == host.RenamedFrom {
			list[last].Op = host.Removed
		}
		return list
	}
	op := host.Added
	switch action {
	case windows.FILE_ACTION_ADDED:
	case windows.FILE_ACTION_REMOVED:
		op = host.Removed
	case windows.FILE_ACTION_MODIFIED:
		op = host.Modified
		if r.filter == filterAttributes {
			op = host.AttributesChanged
		}
	case windows.FILE_ACTION_RENAMED_OLD_NAME:
		op = host.RenamedFrom
	case windows.FILE_ACTION_RENAMED_NEW_NAME:
		op = host.RenamedTo
	default:
		return list
	}
	if r.filter == filterAttributes && op != host.AttributesChanged {
		return list
	}
	return append(list, host.Change{Op: op, Name: name})
}
