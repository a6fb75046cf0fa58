package kernel

import (
	"fmt"
	"math/bits"
	"sync"

	"bee/runtime/abi"
	"bee/runtime/host"
)

const (
	pipeSlots = 16 // pages of a new pipe
	pipeSize  = pipeSlots * abi.PageSize
	pipeBuf   = 4096    // PIPE_BUF: writes up to this size are not divided
	pipeMost  = 1 << 20 // /proc/sys/fs/pipe-max-size
	spare     = 2       // pages that are kept for the next write
)

// What the queues of files tell: there is something to read, or there is room.
const (
	wakeIn  = abi.POLLIN | abi.POLLRDNORM
	wakeOut = abi.POLLOUT | abi.POLLWRNORM
)

// pipe is a pipe inside the process. As on Linux it is a ring of pages: what
// fits into the last one is put there, everything else needs pages of its own.
// So a write of PIPE_BUF needs one page and is never divided.
type pipe struct {
	mu    sync.Mutex // taken under a File's mu, never the other way round
	slots []pipeSlot // a ring
	first int        // the slot to read from
	used  int        // slots
	free  [][]byte   // pages

	readers, writers int
	ino              uint64

	readQueue, writeQueue waitQueue
}

// pipeSlot is a page with something to read.
type pipeSlot struct {
	data   []byte // what is left of it
	end    int    // of the data in the page
	page   []byte
	packet bool // written with O_DIRECT: each read takes one, whole
}

// pipeOps are one end; the description's access mode tells which.
type pipeOps struct{ baseOps }

func newPipe() *pipe {
	return &pipe{slots: make([]pipeSlot, pipeSlots), readers: 1, writers: 1}
}

func (pipeOps) queue(f *File) *waitQueue {
	p := f.data.(*pipe)
	if f.readable() {
		return &p.readQueue
	}
	return &p.writeQueue
}

func (pipeOps) fdName(f *File) string { return fmt.Sprintf("pipe:[%d]", f.data.(*pipe).ino) }

// readable tells whether a read need not wait.
func (p *pipe) readable() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.used > 0 || p.writers == 0
}

// writable tells whether a write need not wait.
func (p *pipe) writable() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.used < len(p.slots) || p.readers == 0
}

func (pipeOps) read(t *Task, f *File, b []byte) (int, abi.Errno) {
	p := f.data.(*pipe)
	if len(b) == 0 {
		return 0, 0
	}
	waited := false
	for {
		done, wasFull, more, end := p.take(b)
		if wasFull && done > 0 {
			p.writeQueue.wakeFor(wakeOut)
		}
		if waited && more {
			p.readQueue.wakeFor(wakeIn)
		}
		switch {
		case done > 0 || end:
			return done, 0
		case f.nonblock():
			return 0, abi.EAGAIN
		}
		if e := t.waitFirst(&p.readQueue, forever, p.readable); e != 0 {
			return 0, e
		}
		waited = true
	}
}

// take moves what there is into b. It tells whether the pipe was full before
// and a read need not wait now, and whether nothing will come any more.
func (p *pipe) take(b []byte) (done int, wasFull, more, end bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	wasFull = p.used == len(p.slots)
	for done < len(b) && p.used > 0 {
		s := &p.slots[p.first]
		n := copy(b[done:], s.data)
		done += n
		s.data = s.data[n:]
		if len(s.data) > 0 && !s.packet {
			break
		}
		packet := s.packet
		p.drop()
		if packet {
			break
		}
	}
	return done, wasFull, p.used > 0 || p.writers == 0, p.writers == 0
}

// drop gives the first slot up. p.mu is held.
func (p *pipe) drop() {
	s := &p.slots[p.first]
	if len(p.free) < spare {
		p.free = append(p.free, s.page)
	}
	*s = pipeSlot{}
	p.first = (p.first + 1) % len(p.slots)
	p.used--
}

func (pipeOps) write(t *Task, f *File, b []byte) (int, abi.Errno) {
	p := f.data.(*pipe)
	done, waited := 0, false
	for len(b) > 0 {
		n, broken, more := p.fill(b[done:], done == 0, f.flags.Load()&abi.O_DIRECT != 0)
		if n > 0 {
			p.readQueue.wakeFor(wakeIn)
		}
		done += n
		if done == len(b) || broken {
			if waited && more {
				p.writeQueue.wakeFor(wakeOut)
			}
			if broken {
				t.sendInfo(t.proc.sentBy(abi.SIGPIPE, abi.SI_USER))
			}
			if broken && done == 0 {
				return 0, abi.EPIPE
			}
			return done, 0
		}
		e := abi.EAGAIN
		if !f.nonblock() {
			e = t.waitFirst(&p.writeQueue, forever, p.writable)
			waited = true
		}
		if e != 0 {
			if done > 0 {
				return done, 0
			}
			return 0, e
		}
	}
	return 0, 0
}

// fill moves as much of b into the pipe as there is room for. It tells whether
// nobody will read that, and whether a write need not wait now. The beginning
// of a write may share a page with the one before.
func (p *pipe) fill(b []byte, begin, packet bool) (done int, broken, more bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.readers == 0 {
		return 0, true, true
	}
	if odd := len(b) % abi.PageSize; begin && odd > 0 && p.used > 0 {
		s := &p.slots[(p.first+p.used-1)%len(p.slots)]
		if !s.packet && s.end+odd <= abi.PageSize {
			done = copy(s.page[s.end:], b[:odd])
			s.data = s.page[s.end-len(s.data) : s.end+odd]
			s.end += odd
		}
	}
	for done < len(b) && p.used < len(p.slots) {
		var page []byte
		if n := len(p.free); n > 0 {
			page, p.free = p.free[n-1], p.free[:n-1]
		} else {
			page = make([]byte, abi.PageSize)
		}
		n := copy(page, b[done:])
		p.slots[(p.first+p.used)%len(p.slots)] = pipeSlot{data: page[:n], end: n, page: page, packet: packet}
		p.used++
		done += n
	}
	return done, false, p.used < len(p.slots)
}

// peek copies what a pipe holds and leaves it there. It tells whether anybody
// may still write.
func (p *pipe) peek(b []byte) (n int, writers bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.used {
		n += copy(b[n:], p.slots[(p.first+i)%len(p.slots)].data)
	}
	return n, p.writers > 0
}

// bytes is how many there are to read. p.mu is held.
func (p *pipe) bytes() int {
	n := 0
	for i := range p.used {
		n += len(p.slots[(p.first+i)%len(p.slots)].data)
	}
	return n
}

// size is F_GETPIPE_SZ.
func (p *pipe) size() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return uint64(len(p.slots)) * abi.PageSize
}

// resize is F_SETPIPE_SZ. EBUSY if what is in the pipe would not fit, EPERM
// for more than anybody may have.
func (p *pipe) resize(size uint32) (uint64, abi.Errno) {
	if size > 1<<31 {
		return 0, abi.EINVAL
	}
	size = uint32(1) << bits.Len32(max(size, abi.PageSize)-1)
	n := int(size / abi.PageSize)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case n > len(p.slots) && size > pipeMost:
		return 0, abi.EPERM
	case n < p.used:
		return 0, abi.EBUSY
	}
	slots := make([]pipeSlot, n)
	for i := range p.used {
		slots[i] = p.slots[(p.first+i)%len(p.slots)]
	}
	p.slots, p.first = slots, 0
	p.writeQueue.wakeFor(wakeOut)
	return uint64(size), 0
}

func (pipeOps) stat(t *Task, f *File, st *host.Stat) abi.Errno {
	now := t.nowNanos()
	*st = host.Stat{
		Dev: 13, Ino: f.data.(*pipe).ino, Mode: abi.S_IFIFO | 0o600, Nlink: 1, UID: t.proc.uid, GID: t.proc.gid, Blksize: 4096,
		Atime: now, Mtime: now, Ctime: now,
	}
	return 0
}

func (pipeOps) poll(_ *Task, f *File) host.Ready {
	p := f.data.(*pipe)
	p.mu.Lock()
	defer p.mu.Unlock()
	if f.readable() {
		return host.Ready{In: p.used > 0, Hup: p.writers == 0, Bytes: p.bytes()}
	}
	return host.Ready{Out: p.used < len(p.slots), Err: p.readers == 0}
}

func (pipeOps) ioctl(t *Task, f *File, cmd uint32, arg uint64) (uint64, abi.Errno) {
	if cmd != abi.FIONREAD {
		return 0, abi.ENOTTY
	}
	p := f.data.(*pipe)
	p.mu.Lock()
	n := p.bytes()
	p.mu.Unlock()
	return 0, t.WriteUint32(arg, uint32(n))
}

func (pipeOps) close(f *File) {
	p := f.data.(*pipe)
	p.mu.Lock()
	if f.readable() {
		p.readers--
	} else {
		p.writers--
	}
	p.mu.Unlock()
	p.readQueue.wake()
	p.writeQueue.wake()
}

func sysPipe(t *Task, a Args) (uint64, abi.Errno) { return t.pipe(a[0], 0) }

func sysPipe2(t *Task, a Args) (uint64, abi.Errno) {
	flags := uint32(a[1])
	if flags&^(abi.O_CLOEXEC|abi.O_NONBLOCK|abi.O_DIRECT) != 0 {
		return 0, abi.EINVAL
	}
	return t.pipe(a[0], flags)
}

func (t *Task) pipe(addr uint64, flags uint32) (uint64, abi.Errno) {
	m, e := t.Bytes(addr, 8, true)
	if e != 0 {
		return 0, e
	}
	ft := t.proc.files
	p := newPipe()
	p.ino = 4096 + ft.pipes.Add(1)
	end := func(mode uint32) (int32, abi.Errno) {
		f := &File{ops: pipeOps{}, kind: host.Pipe, data: p}
		f.refs.Store(1)
		f.flags.Store(mode)
		return ft.install(f, 0, flags&abi.O_CLOEXEC != 0)
	}
	r, e := end(abi.O_RDONLY | flags&abi.O_NONBLOCK)
	if e != 0 {
		return 0, e
	}
	w, e := end(abi.O_WRONLY | flags&(abi.O_NONBLOCK|abi.O_DIRECT))
	if e != 0 {
		if f, e := ft.remove(r); e == 0 {
			ft.put(f)
		}
		return 0, e
	}
	put32(m, uint32(r))
	put32(m[4:], uint32(w))
	return 0, 0
}
