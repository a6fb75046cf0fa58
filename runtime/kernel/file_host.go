package kernel

import (
	"bee/runtime/abi"
	"bee/runtime/host"
)

// regularOps are files of the host with a position, which is kept in the
// description unless the caller of the runner shares it.
type regularOps struct {
	mem *memfd // of memfd_create, else nil
}

func (regularOps) read(t *Task, f *File, p []byte) (int, abi.Errno) {
	h := t.proc.files.host
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.shared {
		return h.Read(f.h, p)
	}
	n, e := h.ReadAt(f.h, p, f.off)
	f.off += int64(n)
	return n, e
}

func (o regularOps) write(t *Task, f *File, p []byte) (int, abi.Errno) {
	p, e := t.roomFor(f, p, -1)
	if e == 0 {
		p, e = t.smallFile(f, p, -1)
	}
	if e == 0 {
		e = o.mem.mayWrite(t, f, p, -1)
	}
	if e != 0 {
		return 0, e
	}
	n, end, e := writeHere(t.proc.files.host, f, p)
	if n > 0 {
		t.wrote(f, end)
	}
	return n, e
}

// smallFile cuts what a program of 32 bits writes into a file that it has
// opened without O_LARGEFILE. off is -1 for the file's position.
func (t *Task) smallFile(f *File, p []byte, off int64) ([]byte, abi.Errno) {
	const size = 1<<31 - 1
	if t.is64() || f.keep || f.flags.Load()&abi.O_LARGEFILE != 0 || len(p) == 0 {
		return p, 0
	}
	if off < 0 || f.append() {
		off = t.writePosition(f)
	}
	if off >= size {
		return nil, abi.EFBIG
	}
	return p[:min(int64(len(p)), size-off)], 0
}

// appendNow writes at a file's end; the position follows if it is to move.
func (t *Task) appendNow(f *File, p []byte, move bool) (int, abi.Errno) {
	h := t.proc.files.host
	var st host.Stat
	if e := h.Fstat(f.h, &st); e != 0 {
		return 0, e
	}
	p, e := t.roomFor(f, p, st.Size)
	if e == 0 {
		p, e = t.smallFile(f, p, st.Size)
	}
	if e == 0 {
		e = f.ops.(regularOps).mem.mayWrite(t, f, p, st.Size)
	}
	if e != 0 {
		return 0, e
	}
	f.mu.Lock()
	n, e := h.Append(f.h, p)
	if move && n > 0 && h.Fstat(f.h, &st) == 0 {
		f.off = st.Size
	}
	f.mu.Unlock()
	t.wrote(f, -1)
	return n, e
}

// writeHere writes at the position, and tells where that ended: -1 if it was
// the end of the file.
func writeHere(h host.Files, f *File, p []byte) (n int, end int64, e abi.Errno) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.shared {
		n, e = h.Write(f.h, p)
		return n, -1, e
	}
	if f.append() {
		n, e := h.Append(f.h, p)
		if e == 0 {
			var st host.Stat
			if h.Fstat(f.h, &st) == 0 {
				f.off = st.Size
			}
		}
		return n, -1, e
	}
	n, e = h.WriteAt(f.h, p, f.off)
	f.off += int64(n)
	return n, f.off, e
}

func (regularOps) pread(t *Task, f *File, p []byte, off int64) (int, abi.Errno) {
	h := t.proc.files.host
	if !f.shared {
		return h.ReadAt(f.h, p, off)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	// A transfer at an offset moves the handle's position on Windows.
	at, e := h.Seek(f.h, 0, abi.SEEK_CUR)
	if e != 0 {
		return 0, e
	}
	n, e := h.ReadAt(f.h, p, off)
	_, _ = h.Seek(f.h, at, abi.SEEK_SET)
	return n, e
}

func (o regularOps) pwrite(t *Task, f *File, p []byte, off int64) (int, abi.Errno) {
	h := t.proc.files.host
	p, e := t.roomFor(f, p, off)
	if e == 0 {
		p, e = t.smallFile(f, p, off)
	}
	if e == 0 {
		e = o.mem.mayWrite(t, f, p, off)
	}
	if e != 0 {
		return 0, e
	}
	if !f.shared {
		if f.append() { // as Linux does, against POSIX
			n, e := h.Append(f.h, p)
			t.wrote(f, -1)
			return n, e
		}
		n, e := h.WriteAt(f.h, p, off)
		t.wrote(f, off+int64(n))
		return n, e
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	at, e := h.Seek(f.h, 0, abi.SEEK_CUR)
	if e != 0 {
		return 0, e
	}
	n, e := h.WriteAt(f.h, p, off)
	_, _ = h.Seek(f.h, at, abi.SEEK_SET)
	return n, e
}

func (o regularOps) seek(t *Task, f *File, off int64, whence int) (int64, abi.Errno) {
	h := t.proc.files.host
	f.mu.Lock()
	defer f.mu.Unlock()
	base := f.off
	if f.shared {
		at, e := h.Seek(f.h, 0, abi.SEEK_CUR)
		if e != 0 {
			return 0, e
		}
		base = at
	}
	var size int64
	if whence >= abi.SEEK_END {
		var st host.Stat
		if e := h.Fstat(f.h, &st); e != 0 {
			return 0, e
		}
		size = st.Size
	}
	at, e := seekTo(base, size, off, whence)
	if e == 0 && whence >= abi.SEEK_DATA {
		at, e = dataOrHole(h, f.h, off, whence)
		if f.shared { // asking may have moved it
			_, _ = h.Seek(f.h, base, abi.SEEK_SET)
		}
	}
	if e != 0 {
		return 0, e
	}
	if f.shared {
		return h.Seek(f.h, at, abi.SEEK_SET)
	}
	f.off = at
	return at, 0
}

// dataOrHole is lseek with SEEK_DATA or SEEK_HOLE. Preconditions: off is in
// the file.
func dataOrHole(h host.Files, fh host.Handle, off int64, whence int) (int64, abi.Errno) {
	first, end, e := h.Data(fh, off)
	for {
		switch {
		case e != 0:
			return 0, e
		case whence == abi.SEEK_DATA && first >= end:
			return 0, abi.ENXIO
		case whence == abi.SEEK_DATA:
			return first, 0
		case first > off || first >= end: // a hole, or the one at the end
			return off, 0
		}
		off = end
		first, end, e = h.Data(fh, off)
	}
}

// seekTo is lseek of a file whose holes nobody knows: it is all data.
func seekTo(base, size, off int64, whence int) (int64, abi.Errno) {
	switch whence {
	case abi.SEEK_SET:
		base = 0
	case abi.SEEK_CUR:
	case abi.SEEK_END:
		base = size
	case abi.SEEK_DATA, abi.SEEK_HOLE:
		if off < 0 || off >= size {
			return 0, abi.ENXIO
		}
		if whence == abi.SEEK_HOLE {
			return size, 0
		}
		return off, 0
	default:
		return 0, abi.EINVAL
	}
	at := base + off
	if off > 0 && at < base {
		return 0, abi.EOVERFLOW
	}
	if at < 0 {
		return 0, abi.EINVAL
	}
	return at, 0
}

func (o regularOps) stat(t *Task, f *File, st *host.Stat) abi.Errno {
	e := t.proc.files.host.Fstat(f.h, st)
	o.mem.describe(t, st)
	t.proc.owned(st)
	return e
}

func (o regularOps) truncate(t *Task, f *File, size int64) abi.Errno {
	e := t.mayGrow(f, size)
	if e == 0 {
		e = o.mem.mayResize(t, f, size)
	}
	if e != 0 {
		return e
	}
	return t.resize(f, size, func() abi.Errno { return t.proc.files.host.Truncate(f.h, size) })
}

func (regularOps) entries(*Task, *File) ([]host.Dirent, abi.Errno) { return nil, abi.ENOTDIR }
func (regularOps) poll(*Task, *File) host.Ready                    { return host.Ready{In: true, Out: true} }

func (regularOps) ioctl(t *Task, f *File, cmd uint32, arg uint64) (uint64, abi.Errno) {
	if cmd != abi.FIONREAD {
		return 0, abi.ENOTTY
	}
	var st host.Stat
	if e := t.proc.files.host.Fstat(f.h, &st); e != 0 {
		return 0, e
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	at := f.off
	if f.shared {
		var e abi.Errno
		if at, e = t.proc.files.host.Seek(f.h, 0, abi.SEEK_CUR); e != 0 {
			return 0, e
		}
	}
	return 0, t.WriteUint32(arg, uint32(st.Size-at))
}

func (o regularOps) close(f *File) {
	if o.mem.closed() {
		closeHost(f)
	}
}

// closeHost gives the handle back. The standard handles belong to the
// process, not to the program.
func closeHost(f *File) {
	if h, ok := f.data.(host.Files); ok && !f.keep {
		_ = h.Close(f.h)
	}
}

// owned fills in who owns a file where the host does not say: the caller.
func (p *Process) owned(st *host.Stat) {
	if st.UID == ^uint32(0) {
		st.UID = p.uid
	}
	if st.GID == ^uint32(0) {
		st.GID = p.gid
	}
	p.markSocket(st)
}

// folderOps are directories of the host.
type folderOps struct{ baseOps }

func (folderOps) read(*Task, *File, []byte) (int, abi.Errno)         { return 0, abi.EISDIR }
func (folderOps) pread(*Task, *File, []byte, int64) (int, abi.Errno) { return 0, abi.EISDIR }
func (folderOps) write(*Task, *File, []byte) (int, abi.Errno)        { return 0, abi.EBADF }
func (folderOps) pwrite(*Task, *File, []byte, int64) (int, abi.Errno) {
	return 0, abi.EBADF
}

func (folderOps) seek(_ *Task, f *File, off int64, whence int) (int64, abi.Errno) {
	return seekFolder(f, off, whence)
}

// seekFolder moves among entries; the position is an entry's number.
func seekFolder(f *File, off int64, whence int) (int64, abi.Errno) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch whence {
	case abi.SEEK_SET:
	case abi.SEEK_CUR:
		off += f.off
	case abi.SEEK_END:
		off += int64(len(f.dir))
	default:
		return 0, abi.EINVAL
	}
	if off < 0 {
		return 0, abi.EINVAL
	}
	if off == 0 {
		f.dir = nil // read again
	}
	f.off = off
	return off, 0
}

func (folderOps) stat(t *Task, f *File, st *host.Stat) abi.Errno { return regularOps{}.stat(t, f, st) }

func (folderOps) entries(t *Task, f *File) ([]host.Dirent, abi.Errno) {
	list, e := t.proc.files.host.ReadDir(f.h)
	if e != 0 {
		return nil, e
	}
	return t.proc.files.ns.withMounts(t.where(f), list), 0
}
func (folderOps) close(f *File) { closeHost(f) }

// streamOps are pipes and other devices that the caller gave.
type streamOps struct{ baseOps }

func (streamOps) read(t *Task, f *File, p []byte) (int, abi.Errno) {
	h := t.proc.files.host
	if f.nonblock() {
		if r := h.Poll(f.h, f.kind); !r.In && !r.Hup {
			return 0, abi.EAGAIN
		}
		f.used.Add(1)
		return h.Read(f.h, p)
	}
	f.used.Add(1)
	return t.readStream(f, p)
}

// mayBlock tells whether a stream may have nothing to read, or no room.
func (f *File) mayBlock() bool { return f.kind == host.Pipe || f.kind == host.Socket }

// readStream reads from a stream of the host until there is something, or a
// signal is to be delivered.
func (t *Task) readStream(f *File, p []byte) (n int, e abi.Errno) {
	h, hd := t.proc.files.host, f.h
	waits, _ := h.(host.CancelReads)
	always := f.mayBlock() && t.proc.expectsSignals()
	for {
		ok := false
		t.cpu.Block(true)
		if t.attention.Load() {
			t.cpu.Block(false)
			return 0, errRestartSys
		}
		if waits != nil {
			n, e, ok = waits.ReadUnless(hd, p, t.wake, always)
		}
		if !ok {
			n, e = h.Read(hd, p)
		}
		t.cpu.Block(false)
		if e != abi.EINTR {
			return n, e
		}
	}
}

func (streamOps) write(t *Task, f *File, p []byte) (int, abi.Errno) {
	f.used.Add(1)
	n, e := t.writeStream(f, p)
	if e == abi.EPIPE && n == 0 {
		t.Send(abi.SIGPIPE)
	}
	return n, e
}

// writeStream writes to a stream of the host until all is written or a signal
// is to be delivered.
func (t *Task) writeStream(f *File, p []byte) (n int, e abi.Errno) {
	h := t.proc.files.host
	waits, ok := h.(host.CancelWrites)
	if !ok || len(p) == 0 || !f.mayBlock() || !t.proc.expectsSignals() {
		return h.Write(f.h, p)
	}
	for {
		k, e := waits.WriteUnless(f.h, p[n:], t.wake)
		n += k
		switch {
		case e != abi.EINTR:
		case !t.attention.Load():
			continue
		default:
			e = errRestartSys
		}
		if n > 0 {
			e = 0
		}
		return n, e
	}
}

func (streamOps) stat(t *Task, f *File, st *host.Stat) abi.Errno { return regularOps{}.stat(t, f, st) }

func (streamOps) seek(_ *Task, f *File, _ int64, _ int) (int64, abi.Errno) {
	if f.kind == host.Char {
		return 0, 0
	}
	return 0, abi.ESPIPE
}

func (streamOps) poll(t *Task, f *File) host.Ready { return t.proc.files.host.Poll(f.h, f.kind) }

func (streamOps) ioctl(t *Task, f *File, cmd uint32, arg uint64) (uint64, abi.Errno) {
	if cmd != abi.FIONREAD || f.kind == host.Char {
		return 0, abi.ENOTTY
	}
	return 0, t.WriteUint32(arg, uint32(t.proc.files.host.Poll(f.h, f.kind).Bytes))
}
func (streamOps) close(f *File) { closeHost(f) }
