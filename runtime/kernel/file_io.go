package kernel

import (
	"encoding/binary"

	"bee/runtime/abi"
	"bee/runtime/host"
)

func le32(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }
func le64(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

func put32(b []byte, v uint32) { binary.LittleEndian.PutUint32(b, v) }
func put64(b []byte, v uint64) { binary.LittleEndian.PutUint64(b, v) }

// count cuts a length as Linux does, and refuses a negative one.
func (t *Task) count(n uint64) (uint64, abi.Errno) {
	if t.long(n) < 0 {
		return 0, abi.EINVAL
	}
	return min(n, maxTransfer), 0
}

func sysRead(t *Task, a Args) (uint64, abi.Errno) {
	f, e := t.file(a[0])
	if e != 0 {
		return 0, e
	}
	defer t.proc.files.put(f)
	if !f.readable() {
		return 0, abi.EBADF
	}
	n, e := t.count(a[2])
	if e != 0 {
		return 0, e
	}
	if _, ok := f.ops.(nullOps); ok {
		return 0, 0
	}
	if s, is := f.data.(*socket); is {
		return s.transfer(t, f, a[1], n, false)
	}
	b, e := t.BytesPartial(a[1], n, true)
	if e != 0 {
		return 0, e
	}
	done, e := f.ops.read(t, f, b)
	return uint64(done), e
}

func sysWrite(t *Task, a Args) (uint64, abi.Errno) {
	f, e := t.file(a[0])
	if e != 0 {
		return 0, e
	}
	defer t.proc.files.put(f)
	if !f.writable() {
		return 0, abi.EBADF
	}
	n, e := t.count(a[2])
	if e != 0 {
		return 0, e
	}
	if f.discards() {
		return n, 0
	}
	if s, is := f.data.(*socket); is {
		return s.transfer(t, f, a[1], n, true)
	}
	b, e := t.BytesPartial(a[1], n, false)
	if e != 0 {
		return 0, e
	}
	done, e := f.ops.write(t, f, b)
	return uint64(done), e
}

// discards tells whether writing to a device looks at no byte: a bad pointer
// does not matter then.
func (f *File) discards() bool {
	switch o := f.ops.(type) {
	case nullOps:
		return true
	case zeroOps:
		return !o.full
	}
	return false
}

// offset joins the two halves in which IA-32 passes a 64-bit argument.
func (t *Task) offset(lo, hi uint64) int64 {
	if t.is64() {
		return int64(lo)
	}
	return int64(lo&0xffffffff | hi<<32)
}

func sysPread(t *Task, a Args) (uint64, abi.Errno) {
	return t.positional(a, false)
}

func sysPwrite(t *Task, a Args) (uint64, abi.Errno) {
	return t.positional(a, true)
}

func (t *Task) positional(a Args, write bool) (uint64, abi.Errno) {
	off := t.offset(a[3], a[4])
	if off < 0 {
		return 0, abi.EINVAL
	}
	f, e := t.file(a[0])
	if e != 0 {
		return 0, e
	}
	defer t.proc.files.put(f)
	if write && !f.writable() || !write && !f.readable() {
		return 0, abi.EBADF
	}
	n, e := t.count(a[2])
	if e != 0 {
		return 0, e
	}
	if write && f.discards() {
		return n, 0
	}
	b, e := t.BytesPartial(a[1], n, !write)
	if e != 0 {
		return 0, e
	}
	var done int
	if write {
		done, e = f.ops.pwrite(t, f, b, off)
	} else {
		done, e = f.ops.pread(t, f, b, off)
	}
	return uint64(done), e
}

func sysReadv(t *Task, a Args) (uint64, abi.Errno)  { return t.vector(a, false, -1) }
func sysWritev(t *Task, a Args) (uint64, abi.Errno) { return t.vector(a, true, -1) }

// vectorOffset joins the halves of preadv's offset, which come as two longs on
// both widths.
func (t *Task) vectorOffset(lo, hi uint64) int64 {
	if t.is64() {
		return int64(lo)
	}
	return int64(lo&0xffffffff | hi<<32)
}

func positionalVector(write, flags bool) Handler {
	return func(t *Task, a Args) (uint64, abi.Errno) {
		off := t.vectorOffset(a[3], a[4])
		if !flags || uint32(a[5]) == 0 && off != -1 {
			if off < 0 {
				return 0, abi.EINVAL
			}
			return t.vector(a, write, off)
		}
		if off < -1 {
			return 0, abi.EINVAL
		}
		return t.flaggedVector(a, write, off, uint32(a[5]))
	}
}

// flaggedVector is preadv2 or pwritev2 with flags; -1 is the file's position.
func (t *Task) flaggedVector(a Args, write bool, off int64, flags uint32) (uint64, abi.Errno) {
	f, e := t.file(a[0])
	if e != 0 {
		return 0, e
	}
	defer t.proc.files.put(f)
	switch {
	case write && !f.writable() || !write && !f.readable():
		return 0, abi.EBADF
	case off >= 0 && f.stream():
		return 0, abi.ESPIPE
	}
	_, regular := f.ops.(regularOps)
	switch {
	case flags&^(abi.RWF_HIPRI|abi.RWF_DSYNC|abi.RWF_SYNC|abi.RWF_NOWAIT|abi.RWF_APPEND) != 0,
		flags&abi.RWF_NOWAIT != 0 && (write || !regular):
		return 0, abi.EOPNOTSUPP
	}
	if write && regular && flags&abi.RWF_APPEND != 0 && !f.append() {
		return t.appendVector(f, a, off)
	}
	done, e := t.vector(a, write, off)
	if e == 0 && write && regular && flags&(abi.RWF_DSYNC|abi.RWF_SYNC) != 0 {
		e = t.proc.files.host.Sync(f.h)
	}
	return done, e
}

// appendVector writes at a file's end, whatever offset was asked for; the
// file's position follows if that was asked for.
func (t *Task) appendVector(f *File, a Args, off int64) (uint64, abi.Errno) {
	v, e := t.Iovecs(a[1], a[2])
	if e != 0 {
		return 0, e
	}
	total := uint64(0)
	for _, iov := range v {
		if iov.Len == 0 {
			continue
		}
		b, e := t.BytesPartial(iov.Addr, iov.Len, false)
		n := 0
		if e == 0 {
			n, e = t.appendNow(f, b, off < 0)
		}
		total += uint64(n)
		if e != 0 && total == 0 {
			return 0, e
		}
		if e != 0 || uint64(n) < iov.Len {
			break
		}
	}
	return total, 0
}

// vector transfers into or out of several buffers, at off or, if that is
// negative, at the file's position. It ends at the first short transfer.
func (t *Task) vector(a Args, write bool, off int64) (uint64, abi.Errno) {
	f, e := t.file(a[0])
	if e != 0 {
		return 0, e
	}
	defer t.proc.files.put(f)
	if write && !f.writable() || !write && !f.readable() {
		return 0, abi.EBADF
	}
	v, e := t.Iovecs(a[1], a[2])
	if e != 0 {
		return 0, e
	}
	if off >= 0 && f.stream() {
		return 0, abi.ESPIPE
	}
	if o, ok := f.ops.(socketOps); ok {
		return o.vector(t, f, v, write)
	}
	if write && f.discards() {
		total := uint64(0)
		for _, iov := range v {
			total += iov.Len
		}
		return total, 0
	}
	if len(v) > 1 && off < 0 && (write || f.stream()) {
		if done, e, ok := t.gathered(f, v, write); ok {
			return done, e
		}
	}
	total := uint64(0)
	for _, iov := range v {
		if iov.Len == 0 {
			continue
		}
		var n int
		b, e := t.BytesPartial(iov.Addr, iov.Len, !write)
		switch {
		case e != 0:
		case write && off >= 0:
			n, e = f.ops.pwrite(t, f, b, off+int64(total))
		case write:
			n, e = f.ops.write(t, f, b)
		case off >= 0:
			n, e = f.ops.pread(t, f, b, off+int64(total))
		default:
			n, e = f.ops.read(t, f, b)
		}
		total += uint64(n)
		if e != 0 && total == 0 {
			return 0, e
		}
		if e != 0 || uint64(n) < iov.Len {
			break
		}
		if !write && f.stream() {
			break // what is there was read; more may never come
		}
	}
	return total, 0
}

// gatherSize is what a pipe of Linux holds.
const gatherSize = 64 << 10

// gathered carries out a short vector as one transfer, through a buffer of the
// kernel: whole for other writers, a read of a stream takes what is there, and
// the host is asked once. It tells whether it did.
func (t *Task) gathered(f *File, v []Iovec, write bool) (uint64, abi.Errno, bool) {
	size := uint64(0)
	for _, iov := range v {
		size += min(iov.Len, gatherSize+1)
		if write && size > gatherSize {
			return 0, 0, false
		}
	}
	size = min(size, gatherSize)
	pool := &t.proc.files.gathers
	buf, _ := pool.Get().(*[gatherSize]byte)
	if buf == nil {
		buf = new([gatherSize]byte)
	}
	defer pool.Put(buf)
	// The parts that are there; as everywhere, what follows a hole is left.
	var parts [][]byte
	n := 0
	for _, iov := range v {
		b, e := t.BytesPartial(iov.Addr, iov.Len, !write)
		if e != 0 {
			if n == 0 || write && f.stream() { // a pipe takes all of it or nothing
				return 0, e, true
			}
			break
		}
		b = b[:min(len(b), int(size)-n)]
		if write {
			copy(buf[n:], b)
		} else {
			parts = append(parts, b)
		}
		if n += len(b); uint64(len(b)) < iov.Len {
			break
		}
	}
	if n == 0 {
		return 0, 0, true
	}
	if write {
		done, e := f.ops.write(t, f, buf[:n])
		return uint64(done), e, true
	}
	done, e := f.ops.read(t, f, buf[:n])
	rest := buf[:done]
	for _, p := range parts {
		rest = rest[copy(p, rest):]
	}
	return uint64(done), e, true
}

// stream tells whether reading may wait for somebody.
func (f *File) stream() bool {
	switch f.ops.(type) {
	case streamOps, pipeOps, consoleOps, socketOps:
		return true
	}
	return false
}

func sysLseek(t *Task, a Args) (uint64, abi.Errno) {
	f, e := t.file(a[0])
	if e != 0 {
		return 0, e
	}
	defer t.proc.files.put(f)
	at, e := f.ops.seek(t, f, t.long(a[1]), int(int32(a[2])))
	if e == 0 && !t.is64() && at > 1<<31-1 {
		return 0, abi.EOVERFLOW
	}
	return uint64(at), e
}

func sysLlseek(t *Task, a Args) (uint64, abi.Errno) {
	f, e := t.file(a[0])
	if e != 0 {
		return 0, e
	}
	defer t.proc.files.put(f)
	at, e := f.ops.seek(t, f, int64(a[1]<<32|a[2]&0xffffffff), int(int32(a[4])))
	if e != 0 {
		return 0, e
	}
	return 0, t.WriteUint64(a[3], uint64(at))
}

// sendfile and copy_file_range

// twoFiles tells the descriptions of two descriptors for a call that transfers
// between them. put gives both back.
func (t *Task) twoFiles(a, b uint64) (f, g *File, put func(), e abi.Errno) {
	ft := t.proc.files
	if f, e = t.file(a); e != 0 {
		return nil, nil, nil, e
	}
	if g, e = t.file(b); e != 0 {
		ft.put(f)
		return nil, nil, nil, e
	}
	return f, g, func() { ft.put(f); ft.put(g) }, 0
}

func sendfile(wide bool) Handler {
	return func(t *Task, a Args) (uint64, abi.Errno) {
		out, in, put, e := t.twoFiles(a[0], a[1])
		if e != 0 {
			return 0, e
		}
		defer put()
		if !in.readable() || !out.writable() {
			return 0, abi.EBADF
		}
		switch in.ops.(type) {
		case folderOps, nodeFolderOps:
			return 0, abi.EINVAL
		}
		if out.append() || in.stream() {
			return 0, abi.EINVAL
		}
		n, e := t.count(a[3])
		if e != 0 {
			return 0, e
		}
		off := int64(-1)
		if a[2] != 0 {
			if off, e = t.readOffset(a[2], wide || t.is64()); e != 0 {
				return 0, e
			}
			if off < 0 {
				return 0, abi.EINVAL
			}
		}
		outOff := int64(-1)
		if in == out && off < 0 { // one position for both, which moves once
			if off, e = in.ops.seek(t, in, 0, abi.SEEK_CUR); e != 0 {
				return 0, e
			}
			outOff = off
		}
		done, e := t.copy(in, out, off, outOff, n)
		if e != 0 {
			return 0, e
		}
		if outOff >= 0 {
			_, _ = in.ops.seek(t, in, off+int64(done), abi.SEEK_SET)
		}
		if a[2] != 0 {
			e = t.writeOffset(a[2], wide || t.is64(), off+int64(done))
		}
		return done, e
	}
}

func (t *Task) readOffset(addr uint64, wide bool) (int64, abi.Errno) {
	if wide {
		v, e := t.ReadUint64(addr)
		return int64(v), e
	}
	v, e := t.ReadUint32(addr)
	return int64(int32(v)), e
}

func (t *Task) writeOffset(addr uint64, wide bool, off int64) abi.Errno {
	if wide {
		return t.WriteUint64(addr, uint64(off))
	}
	return t.WriteUint32(addr, uint32(off))
}

// copy moves n bytes between files through a buffer of the kernel; a negative
// offset is the file's own position.
func (t *Task) copy(in, out *File, inOff, outOff int64, n uint64) (uint64, abi.Errno) {
	buf := make([]byte, min(n, 128<<10))
	total := uint64(0)
	for total < n {
		b := buf[:min(uint64(len(buf)), n-total)]
		var r int
		var e abi.Errno
		if inOff >= 0 {
			r, e = in.ops.pread(t, in, b, inOff+int64(total))
		} else {
			r, e = in.ops.read(t, in, b)
		}
		if e != 0 && total == 0 {
			return 0, e
		}
		if e != 0 || r == 0 {
			break
		}
		for w := 0; w < r; {
			var k int
			if outOff >= 0 {
				k, e = out.ops.pwrite(t, out, b[w:r], outOff+int64(total))
			} else {
				k, e = out.ops.write(t, out, b[w:r])
			}
			w += k
			total += uint64(k)
			if e != 0 || k == 0 {
				if inOff < 0 { // what was read and not written is still there
					_, _ = in.ops.seek(t, in, int64(w-r), abi.SEEK_CUR)
				}
				if total == 0 {
					return 0, e
				}
				return total, 0
			}
		}
	}
	return total, 0
}

func sysCopyFileRange(t *Task, a Args) (uint64, abi.Errno) {
	in, out, put, e := t.twoFiles(a[0], a[2])
	if e != 0 {
		return 0, e
	}
	defer put()
	for _, f := range []*File{in, out} {
		switch f.ops.(type) {
		case regularOps:
		case folderOps, nodeFolderOps:
			return 0, abi.EISDIR
		default:
			return 0, abi.EINVAL
		}
	}
	switch {
	case !in.readable() || !out.writable() || out.append():
		return 0, abi.EBADF
	case uint32(a[5]) != 0:
		return 0, abi.EINVAL
	}
	inOff, outOff := int64(-1), int64(-1)
	if a[1] != 0 {
		if inOff, e = t.readOffset(a[1], true); e != 0 {
			return 0, e
		}
	}
	if a[3] != 0 {
		if outOff, e = t.readOffset(a[3], true); e != 0 {
			return 0, e
		}
	}
	n, e := t.count(a[4])
	if e != 0 {
		return 0, e
	}
	if n, e = t.apart(in, out, a, inOff, outOff, n); e != 0 {
		return 0, e
	}
	done, e := t.copy(in, out, inOff, outOff, n)
	if e != 0 {
		return 0, e
	}
	if a[1] != 0 {
		if e := t.writeOffset(a[1], true, inOff+int64(done)); e != 0 {
			return 0, e
		}
	}
	if a[3] != 0 {
		if e := t.writeOffset(a[3], true, outOff+int64(done)); e != 0 {
			return 0, e
		}
	}
	return done, 0
}

// apart checks what copy_file_range is asked for: offsets that are there, and
// within one file two ranges that do not overlap. It tells how much there is to
// copy: not what is appended on the way.
func (t *Task) apart(in, out *File, args Args, inOff, outOff int64, n uint64) (uint64, abi.Errno) {
	var e abi.Errno
	if args[1] == 0 {
		if inOff, e = in.ops.seek(t, in, 0, abi.SEEK_CUR); e != 0 {
			return 0, e
		}
	}
	if args[3] == 0 {
		if outOff, e = out.ops.seek(t, out, 0, abi.SEEK_CUR); e != 0 {
			return 0, e
		}
	}
	switch {
	case uint64(inOff)+n < n, uint64(outOff)+n < n:
		return 0, abi.EOVERFLOW
	case inOff < 0, outOff < 0, inOff+int64(n) < 0, outOff+int64(n) < 0:
		return 0, abi.EINVAL
	}
	var a, b host.Stat
	if e := in.ops.stat(t, in, &a); e != 0 {
		return 0, e
	}
	if e := out.ops.stat(t, out, &b); e != 0 {
		return 0, e
	}
	size := min(int64(n), max(a.Size-inOff, 0))
	if a.Dev == b.Dev && a.Ino == b.Ino {
		if inOff < outOff+size && outOff < inOff+size {
			return 0, abi.EINVAL
		}
	}
	return uint64(size), 0
}

// Sizes

func (t *Task) ftruncate(fd uint64, size int64, small bool) (uint64, abi.Errno) {
	if size < 0 {
		return 0, abi.EINVAL
	}
	f, e := t.file(fd)
	if e != 0 {
		return 0, e
	}
	defer t.proc.files.put(f)
	if !f.writable() || small && !t.is64() && size > 1<<31-1 && f.flags.Load()&abi.O_LARGEFILE == 0 {
		return 0, abi.EINVAL
	}
	return 0, f.ops.truncate(t, f, size)
}

func sysFtruncate(t *Task, a Args) (uint64, abi.Errno) { return t.ftruncate(a[0], t.long(a[1]), true) }

func sysFtruncate64(t *Task, a Args) (uint64, abi.Errno) {
	return t.ftruncate(a[0], t.offset(a[1], a[2]), false)
}

func (t *Task) truncatePath(addr uint64, size int64) (uint64, abi.Errno) {
	if size < 0 {
		return 0, abi.EINVAL
	}
	p, e := t.Path(addr)
	if e != 0 {
		return 0, e
	}
	return 0, t.at(abi.AT_FDCWD, p, true, func(pl place) abi.Errno {
		f, e := t.openPlace(pl, abi.O_WRONLY, 0)
		if e != 0 {
			return e
		}
		defer t.proc.files.put(f)
		return f.ops.truncate(t, f, size)
	})
}

func sysTruncate(t *Task, a Args) (uint64, abi.Errno) { return t.truncatePath(a[0], t.long(a[1])) }

func sysTruncate64(t *Task, a Args) (uint64, abi.Errno) {
	return t.truncatePath(a[0], t.offset(a[1], a[2]))
}

func sysFallocate(t *Task, a Args) (uint64, abi.Errno) {
	off, size := int64(a[2]), int64(a[3])
	if !t.is64() {
		off, size = t.offset(a[2], a[3]), t.offset(a[4], a[5])
	}
	f, e := t.file(a[0])
	if e != 0 {
		return 0, e
	}
	defer t.proc.files.put(f)
	mode := uint32(a[1])
	const known = abi.FALLOC_FL_KEEP_SIZE | abi.FALLOC_FL_PUNCH_HOLE | abi.FALLOC_FL_COLLAPSE_RANGE | abi.FALLOC_FL_ZERO_RANGE |
		abi.FALLOC_FL_INSERT_RANGE | abi.FALLOC_FL_UNSHARE_RANGE
	punch, zero := mode&abi.FALLOC_FL_PUNCH_HOLE != 0, mode&abi.FALLOC_FL_ZERO_RANGE != 0
	switch {
	case off < 0 || size <= 0:
		return 0, abi.EINVAL
	case mode&^known != 0, punch && zero, punch && mode&abi.FALLOC_FL_KEEP_SIZE == 0:
		return 0, abi.EOPNOTSUPP
	case !f.writable():
		return 0, abi.EBADF
	}
	switch f.ops.(type) {
	case regularOps:
	case folderOps, nodeFolderOps:
		return 0, abi.EISDIR
	default:
		if f.stream() {
			return 0, abi.ESPIPE
		}
		return 0, abi.ENODEV
	}
	switch {
	case off+size < 0:
		return 0, abi.EFBIG
	case mode&(abi.FALLOC_FL_COLLAPSE_RANGE|abi.FALLOC_FL_INSERT_RANGE|abi.FALLOC_FL_UNSHARE_RANGE) != 0:
		return 0, abi.EOPNOTSUPP
	}
	h := t.proc.files.host
	var st host.Stat
	if e := f.ops.stat(t, f, &st); e != 0 {
		return 0, e
	}
	grows := mode&abi.FALLOC_FL_KEEP_SIZE == 0 && off+size > st.Size
	if grows {
		if e := t.mayGrow(f, off+size); e != 0 {
			return 0, e
		}
	}
	if punch || zero {
		if e := f.ops.(regularOps).mem.mayWrite(t, f, nil, off); e != 0 {
			return 0, e
		}
		if e := h.Zero(f.h, off, size); e != 0 {
			return 0, e
		}
	}
	if !punch {
		if e := h.Allocate(f.h, off+size); e != 0 {
			return 0, e
		}
	}
	if grows {
		return 0, f.ops.truncate(t, f, off+size)
	}
	return 0, 0
}

func sysFsync(t *Task, a Args) (uint64, abi.Errno) {
	f, e := t.file(a[0])
	if e != 0 {
		return 0, e
	}
	defer t.proc.files.put(f)
	switch f.ops.(type) {
	case regularOps:
		return 0, t.proc.files.host.Sync(f.h)
	case folderOps, nodeFolderOps:
		return 0, 0
	}
	return 0, abi.EINVAL
}
