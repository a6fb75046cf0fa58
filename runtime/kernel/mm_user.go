package kernel

import (
	"bytes"
	"encoding/binary"

	"bee/runtime/abi"
)

// vmaCache holds the mappings that a task looked at last: stack, heap and data
// take turns in most programs.
type vmaCache struct {
	gen  uint64
	next uint8
	e    [4]struct {
		lo, hi uint64
		prot   uint8
	}
}

// accessible tells how many of the n bytes at addr the guest may read, or
// write. It is the length of the longest stretch from addr on.
func (t *Task) accessible(addr, n uint64, write bool) uint64 {
	s := t.proc.as
	need := uint8(abi.PROT_READ | abi.PROT_WRITE | abi.PROT_EXEC)
	if write {
		need = abi.PROT_WRITE
	}
	gen := s.gen.Load()
	c := &t.cache
	if c.gen != gen {
		*c = vmaCache{gen: gen}
	}
	for i := range c.e {
		if e := &c.e[i]; addr >= e.lo && addr < e.hi && n <= e.hi-addr {
			if e.prot&need == 0 {
				return 0
			}
			return n
		}
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	at, end := addr, addr+n
	if end < addr {
		end = ^uint64(0)
	}
	for i := s.find(at); at < end; i++ {
		if i == len(s.vmas) {
			break
		}
		v := &s.vmas[i]
		if v.lo > at || v.prot&need == 0 || v.hidden || v.beyond || v.busy {
			break
		}
		if at == addr && s.gen.Load() == c.gen {
			e := &c.e[c.next%4]
			e.lo, e.hi, e.prot = v.lo, v.hi, v.prot
			c.next++
		}
		at = v.hi
	}
	return min(at, end) - addr
}

// Bytes tells the n bytes at addr as a slice of the guest's memory itself.
// EFAULT unless all of it may be read, or written.
func (t *Task) Bytes(addr, n uint64, write bool) ([]byte, abi.Errno) {
	if n == 0 {
		return nil, 0
	}
	if t.accessible(addr, n, write) < n {
		return nil, abi.EFAULT
	}
	return rawBytes(addr, n), 0
}

// BytesPartial is Bytes for calls that transfer what they can, such as read
// and write: the slice ends where the memory does. EFAULT if not even the
// first byte is there.
func (t *Task) BytesPartial(addr, n uint64, write bool) ([]byte, abi.Errno) {
	if n == 0 {
		return nil, 0
	}
	k := t.accessible(addr, n, write)
	if k == 0 {
		return nil, abi.EFAULT
	}
	return rawBytes(addr, k), 0
}

// CopyIn fills b from the guest's memory.
func (t *Task) CopyIn(addr uint64, b []byte) abi.Errno {
	m, err := t.Bytes(addr, uint64(len(b)), false)
	copy(b, m)
	return err
}

// CopyOut writes b to the guest's memory.
func (t *Task) CopyOut(addr uint64, b []byte) abi.Errno {
	m, err := t.Bytes(addr, uint64(len(b)), true)
	copy(m, b)
	return err
}

// CString reads a string that ends with a zero byte. ENAMETOOLONG if there is
// none among the first limit bytes.
func (t *Task) CString(addr uint64, limit int) (string, abi.Errno) {
	for n := uint64(256); ; n *= 4 {
		n = min(n, uint64(limit))
		m, err := t.BytesPartial(addr, n, false)
		if err != 0 {
			return "", err
		}
		if i := bytes.IndexByte(m, 0); i >= 0 {
			return string(m[:i]), 0
		}
		if uint64(len(m)) < n {
			return "", abi.EFAULT
		}
		if n == uint64(limit) {
			return "", abi.ENAMETOOLONG
		}
	}
}

// Path reads a path name as system calls take it.
func (t *Task) Path(addr uint64) (string, abi.Errno) { return t.CString(addr, abi.PATH_MAX) }

// ReadUint32 reads a 32-bit word.
func (t *Task) ReadUint32(addr uint64) (uint32, abi.Errno) {
	m, err := t.Bytes(addr, 4, false)
	if err != 0 {
		return 0, err
	}
	return binary.LittleEndian.Uint32(m), 0
}

// ReadUint64 reads a 64-bit word.
func (t *Task) ReadUint64(addr uint64) (uint64, abi.Errno) {
	m, err := t.Bytes(addr, 8, false)
	if err != 0 {
		return 0, err
	}
	return binary.LittleEndian.Uint64(m), 0
}

// ReadPtr reads a word of the guest's width.
func (t *Task) ReadPtr(addr uint64) (uint64, abi.Errno) {
	if t.is64() {
		return t.ReadUint64(addr)
	}
	v, err := t.ReadUint32(addr)
	return uint64(v), err
}

// WriteUint32 writes a 32-bit word.
func (t *Task) WriteUint32(addr uint64, v uint32) abi.Errno {
	m, err := t.Bytes(addr, 4, true)
	if err == 0 {
		binary.LittleEndian.PutUint32(m, v)
	}
	return err
}

// WriteUint64 writes a 64-bit word.
func (t *Task) WriteUint64(addr uint64, v uint64) abi.Errno {
	m, err := t.Bytes(addr, 8, true)
	if err == 0 {
		binary.LittleEndian.PutUint64(m, v)
	}
	return err
}

// WritePtr writes a word of the guest's width.
func (t *Task) WritePtr(addr, v uint64) abi.Errno {
	if t.is64() {
		return t.WriteUint64(addr, v)
	}
	return t.WriteUint32(addr, uint32(v))
}

// Iovec is an element of readv's and writev's vectors.
type Iovec struct{ Addr, Len uint64 }

const (
	maxIovecs = 1024
	// maxTransfer is what one call transfers at most (MAX_RW_COUNT).
	maxTransfer = 0x7ffff000
)

// Iovecs reads a vector of buffers; the sum of the lengths is cut to what one
// call transfers.
func (t *Task) Iovecs(addr, count uint64) ([]Iovec, abi.Errno) {
	if count > maxIovecs {
		return nil, abi.EINVAL
	}
	w := uint64(t.ptrSize())
	m, err := t.Bytes(addr, count*2*w, false)
	if err != 0 {
		return nil, err
	}
	v := make([]Iovec, count)
	total := uint64(0)
	for i := range v {
		e := m[uint64(i)*2*w:]
		if w == 8 {
			v[i] = Iovec{binary.LittleEndian.Uint64(e), binary.LittleEndian.Uint64(e[8:])}
		} else {
			v[i] = Iovec{uint64(binary.LittleEndian.Uint32(e)), uint64(binary.LittleEndian.Uint32(e[4:]))}
		}
		if t.long(v[i].Len) < 0 {
			return nil, abi.EINVAL
		}
		v[i].Len = min(v[i].Len, maxTransfer-total)
		total += v[i].Len
	}
	return v, 0
}
