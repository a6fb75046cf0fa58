//go:build linux

package linuxhost

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// watcher is an inotify(7) of the host's.
type watcher struct {
	fd   int
	file *os.File // of fd: its reads end when it is closed
	done chan struct{}

	mu   sync.Mutex
	told map[int32]func(host.Change)
}

// NewWatcher implements host.WatchingFiles.
func (Files) NewWatcher() (host.Watcher, abi.Errno) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, errno(err)
	}
	w := &watcher{fd: fd, file: os.NewFile(uintptr(fd), "inotify"), done: make(chan struct{}), told: map[int32]func(host.Change){}}
	go w.run()
	return w, 0
}

// Watch implements host.Watcher.
func (w *watcher) Watch(t host.Tree, path string, told func(host.Change)) (func(), abi.Errno) {
	dir, ok := t.(tree)
	if !ok {
		return nil, abi.EXDEV
	}
	const mask = unix.IN_CREATE | unix.IN_DELETE | unix.IN_MODIFY | unix.IN_ATTRIB | unix.IN_MOVED_FROM | unix.IN_MOVED_TO | unix.IN_DELETE_SELF | unix.IN_ONLYDIR
	w.mu.Lock()
	defer w.mu.Unlock()
	wd, err := unix.InotifyAddWatch(w.fd, fmt.Sprintf("/proc/self/fd/%d/%s", dir.fd, path), mask)
	if err != nil {
		return nil, errno(err)
	}
	w.told[int32(wd)] = told
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.told, int32(wd))
		_, _ = unix.InotifyRmWatch(w.fd, uint32(wd))
	}, 0
}

// Close implements host.Watcher.
func (w *watcher) Close() {
	_ = w.file.Close()
	<-w.done
}

func (w *watcher) run() {
	defer close(w.done)
	ops := map[uint32]host.ChangeOp{
		unix.IN_CREATE: host.Added, unix.IN_DELETE: host.Removed, unix.IN_MODIFY: host.Modified, unix.IN_ATTRIB: host.AttributesChanged,
		unix.IN_MOVED_FROM: host.RenamedFrom, unix.IN_MOVED_TO: host.RenamedTo, unix.IN_Q_OVERFLOW: host.Lost, unix.IN_DELETE_SELF: host.Gone,
	}
	buf := make([]byte, 64<<10)
	for {
		n, err := w.file.Read(buf)
		if err != nil {
			return
		}
		for b := buf[:n]; len(b) >= unix.SizeofInotifyEvent; {
			wd, mask, size := int32(binary.NativeEndian.Uint32(b)), binary.NativeEndian.Uint32(b[4:]), binary.NativeEndian.Uint32(b[12:])
			name := b[unix.SizeofInotifyEvent:][:size]
			b = b[unix.SizeofInotifyEvent+size:]
			w.mu.Lock()
			told := w.told[wd]
			w.mu.Unlock()
			if op, ok := ops[mask&^unix.IN_ISDIR]; ok && told != nil {
				told(host.Change{Op: op, Name: string(bytes.TrimRight(name, "\x00"))})
			}
		}
	}
}
