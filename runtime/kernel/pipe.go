package kernel

import (
	"sync"

	"bee/runtime/abi"
	"bee/runtime/host"
)

const (
	pipeSize = 65536
	pipeBuf  = 4096 // PIPE_BUF: writes up to this size are not divided
)

// pipe is a pipe inside the process.
type pipe struct {
	mu      sync.Mutex // taken under a File's mu, never the other way round
	changed sync.Cond
	buf     []byte // a ring
	at, n   int    // first byte, and how many
	readers int
	writers int
	ino     uint64
}

// pipeOps are one end; the description's access mode tells which.
type pipeOps struct{ baseOps }

func newPipe() *pipe {
	p := &pipe{buf: make([]byte, pipeSize), readers: 1, writers: 1}
	p.changed.L = &p.mu
	return p
}

func (pipeOps) read(_ *Task, f *File, b []byte) (int, abi.Errno) {
	p := f.data.(*pipe)
	if len(b) == 0 {
		return 0, 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.n == 0 {
		if p.writers == 0 {
			return 0, 0
		}
		if f.nonblock() {
			return 0, abi.EAGAIN
		}
		p.changed.Wait()
	}
	done := 0
	for done < len(b) && p.n > 0 {
		k := copy(b[done:], p.buf[p.at:min(p.at+p.n, len(p.buf))])
		p.at = (p.at + k) % len(p.buf)
		p.n -= k
		done += k
	}
	p.changed.Broadcast()
	return done, 0
}

func (pipeOps) write(t *Task, f *File, b []byte) (int, abi.Errno) {
	p := f.data.(*pipe)
	done, e := p.fill(b, f.nonblock())
	if e == abi.EPIPE {
		t.Send(abi.SIGPIPE)
	}
	if done > 0 {
		return done, 0
	}
	return 0, e
}

func (p *pipe) fill(b []byte, nonblock bool) (done int, e abi.Errno) {
	p.mu.Lock()
	defer p.mu.Unlock()
	need := 1
	if len(b) <= pipeBuf {
		need = len(b)
	}
	for done < len(b) {
		if p.readers == 0 {
			return done, abi.EPIPE
		}
		if len(p.buf)-p.n < need {
			if nonblock {
				return done, abi.EAGAIN
			}
			p.changed.Wait()
			continue
		}
		at := (p.at + p.n) % len(p.buf)
		end := len(p.buf)
		if at < p.at {
			end = p.at
		}
		k := copy(p.buf[at:end], b[done:])
		p.n += k
		done += k
		p.changed.Broadcast()
	}
	return done, 0
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
		return host.Ready{In: p.n > 0, Hup: p.writers == 0, Bytes: p.n}
	}
	return host.Ready{Out: len(p.buf)-p.n >= pipeBuf, Err: p.readers == 0}
}

func (o pipeOps) ioctl(t *Task, f *File, cmd uint32, arg uint64) (uint64, abi.Errno) {
	if cmd != abi.FIONREAD {
		return 0, abi.ENOTTY
	}
	p := f.data.(*pipe)
	p.mu.Lock()
	defer p.mu.Unlock()
	return 0, t.WriteUint32(arg, uint32(p.n))
}

func (pipeOps) close(f *File) {
	p := f.data.(*pipe)
	p.mu.Lock()
	defer p.mu.Unlock()
	if f.readable() {
		p.readers--
	} else {
		p.writers--
	}
	p.changed.Broadcast()
}

func sysPipe(t *Task, a Args) (uint64, abi.Errno) { return t.pipe(a[0], 0) }

func sysPipe2(t *Task, a Args) (uint64, abi.Errno) {
	flags := uint32(a[1])
	if flags&^(abi.O_CLOEXEC|abi.O_NONBLOCK|abi.O_DIRECT) != 0 {
		return 0, abi.EINVAL
	}
	if flags&abi.O_DIRECT != 0 {
		return 0, abi.EINVAL // packets: not there
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
	end := func(mode uint32) (int32, abi.Errno) {
		f := &File{ops: pipeOps{}, kind: host.Pipe, data: p}
		f.refs.Store(1)
		f.flags.Store(mode | flags&abi.O_NONBLOCK)
		return ft.install(f, 0, flags&abi.O_CLOEXEC != 0)
	}
	r, e := end(abi.O_RDONLY)
	if e != 0 {
		return 0, e
	}
	p.ino = uint64(r) + 4096
	w, e := end(abi.O_WRONLY)
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
