package kernel

import (
	"bee/runtime/abi"
	"bee/runtime/host"
)

// Flags of splice(2) and its kind; libc's headers alone have them.
const (
	spliceNonblock = 2
	spliceFlags    = 0xf // and SPLICE_F_MOVE, SPLICE_F_MORE, SPLICE_F_GIFT, which are hints
)

func spliceCalls() []Call {
	return []Call{
		{Name: "splice", Handler: sysSplice, Support: Full},
		{Name: "tee", Handler: sysTee, Support: Partial, Note: "of pipes that the program made"},
		{Name: "vmsplice", Handler: sysVmsplice, Support: Full},
	}
}

// isPipe tells whether a file is one to the program: its own, or one that the
// caller gave.
func (f *File) isPipe() bool { return f.kind == host.Pipe }

// withoutWaiting is a description for one call that does not wait, whatever
// the file's own flag says.
func withoutWaiting(f *File) *File {
	g := &File{ops: f.ops, h: f.h, kind: f.kind, path: f.path, data: f.data, shared: true, keep: true}
	g.flags.Store(f.flags.Load() | abi.O_NONBLOCK)
	return g
}

// spliceEnd is one side of a splice.
type spliceEnd struct {
	f      *File
	addr   uint64 // of the program's offset; 0: the file's own position
	off    int64  // its value
	nowait bool
}

// read takes up to len(b) bytes; position tells later how many of them counted.
func (s *spliceEnd) read(t *Task, b []byte) (int, abi.Errno) {
	switch {
	case s.addr != 0:
		return s.f.ops.pread(t, s.f, b, s.off)
	case s.f.isPipe() || s.f.stream():
		n, e := s.f.ops.read(t, withoutWaiting(s.f), b)
		if e == abi.EAGAIN && !s.nowait {
			return s.f.ops.read(t, s.f, b)
		}
		return n, e
	}
	return s.f.ops.read(t, s.f, b)
}

// write puts bytes; a pipe takes what there is room for, and a part at least
// unless nobody may wait.
func (s *spliceEnd) write(t *Task, b []byte) (int, abi.Errno) {
	switch {
	case s.addr != 0:
		return s.f.ops.pwrite(t, s.f, b, s.off)
	case s.f.isPipe():
		n, e := s.f.ops.write(t, withoutWaiting(s.f), b)
		if e == abi.EAGAIN && !s.nowait {
			return s.f.ops.write(t, s.f, b[:min(len(b), pipeBuf)])
		}
		return n, e
	}
	return s.f.ops.write(t, s.f, b)
}

func sysSplice(t *Task, a Args) (uint64, abi.Errno) {
	flags := uint32(a[5])
	n, e := t.count(a[4])
	switch {
	case e != 0:
		return 0, e
	case n == 0:
		return 0, 0
	case flags&^spliceFlags != 0:
		return 0, abi.EINVAL
	}
	in, out, put, e := t.twoFiles(a[0], a[2])
	if e != 0 {
		return 0, e
	}
	defer put()
	if !in.readable() || !out.writable() {
		return 0, abi.EBADF
	}
	ends := [2]spliceEnd{{f: in, addr: a[1]}, {f: out, addr: a[3]}}
	for i := range ends {
		s := &ends[i]
		s.nowait = flags&spliceNonblock != 0 || s.f.isPipe() && s.f.nonblock()
		if s.addr == 0 {
			continue
		}
		if s.f.isPipe() {
			return 0, abi.ESPIPE
		}
		if s.f.stream() {
			return 0, abi.EINVAL
		}
		if s.off, e = t.readOffset(s.addr, true); e != 0 {
			return 0, e
		}
		if s.off < 0 {
			return 0, abi.EINVAL
		}
	}
	switch {
	case !in.isPipe() && !out.isPipe():
		return 0, abi.EINVAL
	case in.isPipe() && out.isPipe() && in.data == out.data && in.h == out.h:
		return 0, abi.EINVAL
	case out.append() && !out.isPipe():
		return 0, abi.EINVAL
	}
	var st host.Stat
	for _, f := range []*File{in, out} {
		if f.ops.stat(t, f, &st) == 0 && st.Mode&abi.S_IFMT == abi.S_IFDIR {
			return 0, abi.EINVAL
		}
	}
	done, e := t.splice(&ends[0], &ends[1], n)
	if e != 0 {
		return 0, e
	}
	for i := range ends {
		if s := &ends[i]; s.addr != 0 {
			if e := t.writeOffset(s.addr, true, s.off); e != 0 {
				return 0, e
			}
		}
	}
	return done, 0
}

// splice moves up to n bytes. It waits for the first of them only. What was
// read from a file and not written stays unread; between two pipes no more is
// read than the second is sure to take.
func (t *Task) splice(in, out *spliceEnd, n uint64) (uint64, abi.Errno) {
	size := min(n, pipeSize)
	if in.f.isPipe() && out.f.isPipe() {
		size = min(n, pipeBuf)
	}
	buf := make([]byte, size)
	total := uint64(0)
	for total < n {
		b := buf[:min(size, n-total)]
		if total > 0 {
			in.nowait = true
			if out.f.isPipe() && !out.f.ops.poll(t, out.f).Out {
				return total, 0
			}
		} else if out.f.isPipe() && in.f.isPipe() && out.nowait && !out.f.ops.poll(t, out.f).Out {
			return 0, abi.EAGAIN
		}
		r, e := in.read(t, b)
		if r == 0 || e != 0 {
			if total > 0 {
				e = 0
			}
			return total, e
		}
		w := 0
		for w < r && e == 0 {
			var k int
			k, e = out.write(t, b[w:r])
			w += k
			out.off += int64(k)
			if k == 0 || out.f.isPipe() && !in.f.isPipe() {
				break
			}
		}
		total += uint64(w)
		if in.addr != 0 {
			in.off += int64(w)
		} else if w < r && !in.f.isPipe() {
			_, _ = in.f.ops.seek(t, in.f, int64(w-r), abi.SEEK_CUR)
		}
		if e != 0 || w < r || r < len(b) {
			if total > 0 {
				e = 0
			}
			return total, e
		}
		out.nowait = true
	}
	return total, 0
}

func sysTee(t *Task, a Args) (uint64, abi.Errno) {
	flags := uint32(a[3])
	n, e := t.count(a[2])
	switch {
	case flags&^spliceFlags != 0:
		return 0, abi.EINVAL
	case e != 0:
		return 0, e
	case n == 0:
		return 0, 0
	}
	in, out, put, e := t.twoFiles(a[0], a[1])
	if e != 0 {
		return 0, e
	}
	defer put()
	if !in.readable() || !out.writable() {
		return 0, abi.EBADF
	}
	from, ok := in.data.(*pipe)
	if !ok || !out.isPipe() || in.data == out.data {
		return 0, abi.EINVAL
	}
	buf := make([]byte, min(n, pipeSize))
	nowait := flags&spliceNonblock != 0
	for {
		k, writers := from.peek(buf)
		switch {
		case k > 0:
			to := spliceEnd{f: out, nowait: nowait || out.nonblock()}
			done, e := to.write(t, buf[:k])
			return uint64(done), e
		case !writers:
			return 0, 0
		case nowait || in.nonblock():
			return 0, abi.EAGAIN
		}
		if e := t.waitOn(&from.readQueue, forever, func() bool { return from.readable() }); e != 0 {
			return 0, e
		}
	}
}

// sysVmsplice copies: nobody sees the difference who does not change the
// memory before the other side has read.
func sysVmsplice(t *Task, a Args) (uint64, abi.Errno) {
	flags := uint32(a[3])
	if flags&^spliceFlags != 0 {
		return 0, abi.EINVAL
	}
	f, e := t.file(a[0])
	if e != 0 {
		return 0, e
	}
	defer t.proc.files.put(f)
	if !f.isPipe() {
		return 0, abi.EBADF
	}
	write := f.writable()
	if v, e := t.Iovecs(a[1], a[2]); e != 0 {
		return 0, e
	} else if len(v) == 0 {
		return 0, 0
	}
	if flags&spliceNonblock != 0 {
		r := f.ops.poll(t, f)
		if write && !r.Out && !r.Err || !write && !r.In && !r.Hup {
			return 0, abi.EAGAIN
		}
	}
	return t.vector(Args{a[0], a[1], a[2]}, write, -1)
}
