package kernel

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"bee/image"
	"bee/runtime/abi"
	"bee/runtime/host"
)

// lock is fcntl with a struct flock of x86-64, which it gives back.
func (b *box) lock(fd uint64, cmd int, typ int16, start, length int64) (flockArg, abi.Errno) {
	b.Helper()
	m := make([]byte, 32)
	binary.LittleEndian.PutUint16(m, uint16(typ))
	binary.LittleEndian.PutUint64(m[8:], uint64(start))
	binary.LittleEndian.PutUint64(m[16:], uint64(length))
	at := b.put(m)
	_, e := b.sys("fcntl", fd, cmd, at)
	l, _ := b.task.readFlock(at, false)
	return l, e
}

func (b *box) setLock(want abi.Errno, fd uint64, typ int16, start, length int64) {
	b.Helper()
	if _, e := b.lock(fd, abi.F_SETLK, typ, start, length); e != want {
		b.Errorf("F_SETLK type %d, %d+%d: %v, want %v", typ, start, length, e, want)
	}
}

// seen tells what F_GETLK says: the type, first byte and length.
func (b *box) seen(fd uint64, cmd int, typ int16, start, length int64) string {
	b.Helper()
	l, e := b.lock(fd, cmd, typ, start, length)
	if e != 0 {
		return e.Name()
	}
	if l.typ == abi.F_UNLCK {
		return "free"
	}
	return fmt.Sprintf("%s %d+%d", map[int16]string{abi.F_RDLCK: "read", abi.F_WRLCK: "write"}[l.typ], l.start, l.len)
}

func pair(t *testing.T) (a, b *box, fa, fb uint64) {
	t.Helper()
	a = newBox(t, image.AMD64)
	b = newBoxIn(t, image.AMD64, a.root)
	a.file("f", "0123456789")
	return a, b, a.must("open", "f", abi.O_RDWR, 0), b.must("open", "f", abi.O_RDWR, 0)
}

// TestLocksExclude: record locks of one process and another.
func TestLocksExclude(t *testing.T) {
	a, b, fa, fb := pair(t)
	a.setLock(0, fa, abi.F_WRLCK, 10, 10)
	b.setLock(abi.EAGAIN, fb, abi.F_WRLCK, 19, 1)
	b.setLock(abi.EAGAIN, fb, abi.F_RDLCK, 0, 0)
	b.setLock(0, fb, abi.F_WRLCK, 20, 5)
	b.setLock(0, fb, abi.F_RDLCK, 0, 10)
	a.setLock(0, fa, abi.F_RDLCK, 5, 3) // shared with b
	a.setLock(abi.EAGAIN, fa, abi.F_WRLCK, 5, 3)
	for _, c := range []struct {
		typ    int16
		at, n  int64
		wanted string
	}{
		{abi.F_RDLCK, 0, 10, "free"},
		{abi.F_WRLCK, 0, 0, "read 5+3"},
		{abi.F_RDLCK, 0, 0, "write 10+10"},
		{abi.F_WRLCK, 15, 1, "write 10+10"},
		{abi.F_WRLCK, 20, 0, "free"}, // b's own
	} {
		got := b.seen(fb, abi.F_GETLK, c.typ, c.at, c.n)
		// The host may know a lock only as far as the question goes.
		if got != c.wanted && (c.n != 1 || got != fmt.Sprintf("write %d+1", c.at)) {
			t.Errorf("type %d at %d+%d: %s, want %s", c.typ, c.at, c.n, got, c.wanted)
		}
	}
	// Unlocked in the middle.
	a.setLock(0, fa, abi.F_UNLCK, 13, 2)
	b.setLock(0, fb, abi.F_WRLCK, 13, 2)
	b.setLock(abi.EAGAIN, fb, abi.F_WRLCK, 12, 1)
	b.setLock(abi.EAGAIN, fb, abi.F_WRLCK, 15, 1)
	// The transfers of others do not stop at locks.
	if n := b.must("write", fb, []byte("abcdefghijklmnopqrst"), 20); n != 20 {
		t.Errorf("wrote %d", n)
	}
	// Any close of the file by its process ends its locks.
	a.must("close", a.must("open", "f", abi.O_RDONLY, 0))
	b.setLock(0, fb, abi.F_WRLCK, 0, 0)
	b.must("dup2", b.must("open", "f", abi.O_RDONLY, 0), 9)
	b.must("dup2", b.must("open", "f", abi.O_RDONLY, 0), 9)
	a.setLock(0, fa, abi.F_WRLCK, 0, 0)
	if n := a.task.proc.files.locks.any.Load(); n != 1 {
		t.Errorf("%d files in the table", n)
	}
	a.must("close", fa)
	if n := a.task.proc.files.locks.any.Load(); n != 0 {
		t.Errorf("%d files in the table", n)
	}
	b.setLock(0, fb, abi.F_WRLCK, 0, 0)
}

// TestLockKinds: locks of processes, of descriptions, and flock.
func TestLockKinds(t *testing.T) {
	a, b, fa, fb := pair(t)
	fa2 := a.must("open", "f", abi.O_RDWR, 0)
	ofd := func(b *box, want abi.Errno, fd uint64, typ int16, at, n int64) {
		t.Helper()
		if _, e := b.lock(fd, abi.F_OFD_SETLK, typ, at, n); e != want {
			t.Errorf("F_OFD_SETLK type %d at %d+%d: %v, want %v", typ, at, n, e, want)
		}
	}
	ofd(a, 0, fa, abi.F_WRLCK, 0, 5)
	ofd(a, abi.EAGAIN, fa2, abi.F_RDLCK, 4, 1) // of the same process
	ofd(b, abi.EAGAIN, fb, abi.F_RDLCK, 4, 1)
	a.setLock(abi.EAGAIN, fa, abi.F_RDLCK, 4, 1)
	ofd(a, 0, a.must("dup", fa), abi.F_RDLCK, 0, 5)
	ofd(b, 0, fb, abi.F_RDLCK, 4, 1)
	a.must("close", fa2) // ends the process's locks alone
	ofd(b, abi.EAGAIN, fb, abi.F_WRLCK, 4, 1)
	if s := a.seen(fa, abi.F_OFD_GETLK, abi.F_WRLCK, 0, 0); s != "read 4+1" {
		t.Error(s)
	}
	// A record does not matter to flock.
	b.must("flock", fb, abi.LOCK_EX)
	a.want(abi.EAGAIN, "flock", fa, abi.LOCK_SH|abi.LOCK_NB)
	b.must("flock", fb, abi.LOCK_SH)
	a.must("flock", fa, abi.LOCK_SH)
	// A change that fails loses what was there.
	a.want(abi.EAGAIN, "flock", fa, abi.LOCK_EX|abi.LOCK_NB)
	b.must("flock", fb, abi.LOCK_EX|abi.LOCK_NB)
	b.must("close", b.must("dup", fb))
	a.want(abi.EAGAIN, "flock", fa, abi.LOCK_SH|abi.LOCK_NB)
	b.must("close", fb)
	a.must("flock", fa, abi.LOCK_EX|abi.LOCK_NB)
	a.must("flock", fa, abi.LOCK_UN)
	a.want(abi.EINVAL, "flock", fa, 3)
	a.want(abi.EBADF, "flock", 99, abi.LOCK_SH)
}

// TestLockOfDeleted: a file that has lost its name, or has another.
func TestLockOfDeleted(t *testing.T) {
	a, b, fa, fb := pair(t)
	a.must("rename", "f", "g")
	b.must("unlink", "g")
	a.setLock(0, fa, abi.F_WRLCK, 0, 1)
	b.setLock(abi.EAGAIN, fb, abi.F_WRLCK, 0, 1)
	a.setLock(0, fa, abi.F_UNLCK, 0, 1)
	b.setLock(0, fb, abi.F_WRLCK, 0, 1)
}

// TestLockRanges: what struct flock can say.
func TestLockRanges(t *testing.T) {
	a, b, fa, fb := pair(t)
	raw := func(want abi.Errno, typ, whence int16, start, length int64) {
		t.Helper()
		m := make([]byte, 32)
		binary.LittleEndian.PutUint16(m, uint16(typ))
		binary.LittleEndian.PutUint16(m[2:], uint16(whence))
		binary.LittleEndian.PutUint64(m[8:], uint64(start))
		binary.LittleEndian.PutUint64(m[16:], uint64(length))
		a.want(want, "fcntl", fa, abi.F_SETLK, m)
	}
	raw(abi.EINVAL, abi.F_WRLCK, 3, 0, 1)
	raw(abi.EINVAL, 3, abi.SEEK_SET, 0, 1)
	raw(abi.EINVAL, abi.F_WRLCK, abi.SEEK_SET, -1, 1)
	raw(abi.EINVAL, abi.F_WRLCK, abi.SEEK_SET, 4, -5)
	raw(abi.EOVERFLOW, abi.F_WRLCK, abi.SEEK_SET, math.MaxInt64, 2)
	raw(abi.EOVERFLOW, abi.F_WRLCK, abi.SEEK_END, math.MaxInt64, 1)
	raw(0, abi.F_WRLCK, abi.SEEK_SET, math.MaxInt64, 1)
	raw(0, abi.F_WRLCK, abi.SEEK_SET, math.MaxInt64-1, 2)
	raw(0, abi.F_WRLCK, abi.SEEK_END, -2, 1) // byte 8
	a.must("lseek", fa, 5, abi.SEEK_SET)
	raw(0, abi.F_WRLCK, abi.SEEK_CUR, 1, -2) // bytes 4 and 5
	for at, want := range []abi.Errno{4: abi.EAGAIN, 5: abi.EAGAIN, 8: abi.EAGAIN, 9: 0} {
		b.setLock(want, fb, abi.F_RDLCK, int64(at), 1)
	}
	b.setLock(abi.EAGAIN, fb, abi.F_RDLCK, math.MaxInt64, 0)
	ro := b.must("open", "f", abi.O_RDONLY, 0)
	b.setLock(abi.EBADF, ro, abi.F_WRLCK, 100, 1)
	b.setLock(0, ro, abi.F_RDLCK, 100, 1)
	wo := b.must("open", "f", abi.O_WRONLY, 0)
	b.setLock(abi.EBADF, wo, abi.F_RDLCK, 100, 1)
	b.setLock(0, wo, abi.F_WRLCK, 100, 1)
	b.want(abi.EFAULT, "fcntl", fb, abi.F_SETLK, 0)
}

// TestLockWaits: F_SETLKW and flock wait for another process, and end with
// their own.
func TestLockWaits(t *testing.T) {
	a, b, fa, fb := pair(t)
	a.setLock(0, fa, abi.F_WRLCK, 0, 1)
	a.must("flock", fa, abi.LOCK_EX)
	done := make(chan abi.Errno)
	go func() {
		_, e := b.lock(fb, abi.F_SETLKW, abi.F_WRLCK, 0, 1)
		done <- e
		_, e = b.sys("flock", fb, abi.LOCK_EX)
		done <- e
	}()
	select {
	case e := <-done:
		t.Fatalf("F_SETLKW did not wait: %v", e)
	case <-time.After(50 * time.Millisecond):
	}
	a.setLock(0, fa, abi.F_UNLCK, 0, 0)
	if e := <-done; e != 0 {
		t.Error(e)
	}
	b.task.proc.exit(0, 0)
	if e := <-done; e == 0 {
		t.Error("flock was granted")
	}
}

// TestLockTable: random locks of three owners against a byte-by-byte model.
func TestLockTable(t *testing.T) {
	const size = 24
	r := rand.New(rand.NewPCG(1, 2))
	l := &fileLocks{}
	var list []record
	var model [3][size]byte // 0, 1 read, 2 write
	owners := []any{new(File), new(File), new(FileTable)}
	for range 20000 {
		who, kind := r.IntN(3), byte(r.IntN(3))
		at := r.Int64N(size)
		rng := host.LockRange{Write: kind == 2, First: at, Last: at + r.Int64N(size-at)}
		want := true
		for i := rng.First; i <= rng.Last; i++ {
			for o := range model {
				if o != who && model[o][i]+kind > 2 && kind > 0 && model[o][i] > 0 {
					want = false
				}
			}
		}
		_, blocked := blocker(list, owners[who], rng)
		if kind > 0 && blocked == want {
			t.Fatalf("%v by %d: blocked %v", rng, who, blocked)
		}
		if kind > 0 && blocked {
			continue
		}
		list = l.changed(list, owners[who], rng, kind > 0)
		for i := rng.First; i <= rng.Last; i++ {
			model[who][i] = kind
		}
		var got [3][size]byte
		for _, o := range list {
			for i := o.First; i <= o.Last; i++ {
				k := byte(1)
				if o.Write {
					k = 2
				}
				for w := range owners {
					if owners[w] == o.owner {
						if got[w][i] != 0 {
							t.Fatalf("byte %d twice: %v", i, list)
						}
						got[w][i] = k
					}
				}
			}
		}
		if got != model {
			t.Fatalf("table %v, model %v", got, model)
		}
		var all, host [size]byte
		for i := range all {
			all[i] = max(model[0][i], model[1][i], model[2][i])
		}
		u := union(list)
		for n, o := range u {
			if n > 0 && (u[n-1].Last >= o.First || u[n-1].Last+1 == o.First && u[n-1].Write == o.Write) {
				t.Fatalf("union %v", u)
			}
			for i := o.First; i <= o.Last; i++ {
				host[i] = 1
				if o.Write {
					host[i] = 2
				}
			}
		}
		if host != all {
			t.Fatalf("union %v of %v", u, list)
		}
	}
}
