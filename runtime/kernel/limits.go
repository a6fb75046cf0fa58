package kernel

import (
	"encoding/binary"
	"math"

	"bee/image"
	"bee/runtime/abi"
	"bee/runtime/host"
)

// rlimit is a pair of limits; infinity is all ones.
type rlimit struct{ cur, max uint64 }

const rlimInfinity = ^uint64(0)

// maxOpenFiles is /proc/sys/fs/nr_open: RLIMIT_NOFILE goes no higher.
const maxOpenFiles = 1 << 20

// defaultLimits are those of a login on a usual distribution.
func defaultLimits() [16]rlimit {
	inf := rlimit{rlimInfinity, rlimInfinity}
	return [16]rlimit{
		abi.RLIMIT_CPU:        inf,
		abi.RLIMIT_FSIZE:      inf,
		abi.RLIMIT_DATA:       inf,
		abi.RLIMIT_STACK:      {8 << 20, rlimInfinity},
		abi.RLIMIT_CORE:       {0, rlimInfinity},
		abi.RLIMIT_RSS:        inf,
		abi.RLIMIT_NPROC:      {31768, 31768},
		abi.RLIMIT_NOFILE:     {1024, 1 << 20},
		abi.RLIMIT_MEMLOCK:    {8 << 20, 8 << 20},
		abi.RLIMIT_AS:         inf,
		abi.RLIMIT_LOCKS:      inf,
		abi.RLIMIT_SIGPENDING: {31768, 31768},
		abi.RLIMIT_MSGQUEUE:   {819200, 819200},
		abi.RLIMIT_NICE:       {0, 0},
		abi.RLIMIT_RTPRIO:     {0, 0},
		abi.RLIMIT_RTTIME:     inf,
	}
}

func limitCalls() []Call {
	const note = "kept and told; enforced for open files, threads (RLIMIT_NPROC), the size of files, and memory (RLIMIT_AS, RLIMIT_DATA, RLIMIT_MEMLOCK)"
	return []Call{
		{Name: "getrlimit", Handler: getrlimit(0x7fffffff), Support: Full},
		{Name: "ugetrlimit", Handler: getrlimit(0xffffffff), Support: Full, Arch: image.I386},
		{Name: "setrlimit", Handler: sysSetrlimit, Support: Partial, Note: note},
		{Name: "prlimit64", Handler: sysPrlimit64, Support: Partial, Note: note + "; of the process itself only"},
	}
}

// Limit tells a limit that is in force.
func (p *Process) Limit(resource int) uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.limits[resource].cur
}

// getrlimit answers with 32-bit limits on IA-32, where ceiling stands for
// everything that is larger.
func getrlimit(ceiling uint32) Handler {
	return func(t *Task, a Args) (uint64, abi.Errno) {
		p := t.proc
		p.mu.Lock()
		defer p.mu.Unlock()
		resource := uint32(a[0])
		if resource >= uint32(len(p.limits)) {
			return 0, abi.EINVAL
		}
		l := p.limits[resource]
		if !t.is64() {
			l.cur, l.max = min(l.cur, uint64(ceiling)), min(l.max, uint64(ceiling))
		}
		b := make([]byte, 2*t.ptrSize())
		if t.is64() {
			binary.LittleEndian.PutUint64(b, l.cur)
			binary.LittleEndian.PutUint64(b[8:], l.max)
		} else {
			binary.LittleEndian.PutUint32(b, uint32(l.cur))
			binary.LittleEndian.PutUint32(b[4:], uint32(l.max))
		}
		return 0, t.CopyOut(a[1], b)
	}
}

func (p *Process) setLimit(resource uint32, l rlimit) abi.Errno {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case resource >= uint32(len(p.limits)), l.cur > l.max:
		return abi.EINVAL
	case resource == abi.RLIMIT_NOFILE && l.max > maxOpenFiles, l.max > p.limits[resource].max && p.uid != 0:
		return abi.EPERM
	}
	p.limits[resource] = l
	if resource == abi.RLIMIT_FSIZE {
		p.traits.maxFileSize.Store(l.cur + 1)
	}
	return 0
}

func sysSetrlimit(t *Task, a Args) (uint64, abi.Errno) {
	w := uint64(t.ptrSize())
	var l rlimit
	var err abi.Errno
	if l.cur, err = t.ReadPtr(a[1]); err != 0 {
		return 0, err
	}
	if l.max, err = t.ReadPtr(a[1] + w); err != 0 {
		return 0, err
	}
	if !t.is64() {
		for _, v := range []*uint64{&l.cur, &l.max} {
			if *v == 0xffffffff {
				*v = rlimInfinity
			}
		}
	}
	return 0, t.proc.setLimit(uint32(a[0]), l)
}

func sysPrlimit64(t *Task, a Args) (uint64, abi.Errno) {
	p := t.proc
	res := uint32(a[1])
	var b [16]byte
	if a[2] != 0 {
		if err := t.CopyIn(a[2], b[:]); err != 0 {
			return 0, err
		}
	}
	p.mu.Lock()
	_, err := t.taskByID(int32(a[0]))
	var old rlimit
	if err == 0 && res < uint32(len(p.limits)) {
		old = p.limits[res]
	}
	p.mu.Unlock()
	switch {
	case err != 0:
		return 0, err
	case res >= uint32(len(p.limits)):
		return 0, abi.EINVAL
	}
	if a[2] != 0 {
		if err := p.setLimit(res, rlimit{binary.LittleEndian.Uint64(b[:]), binary.LittleEndian.Uint64(b[8:])}); err != 0 {
			return 0, err
		}
	}
	if a[3] != 0 {
		b := binary.LittleEndian.AppendUint64(nil, old.cur)
		return 0, t.CopyOut(a[3], binary.LittleEndian.AppendUint64(b, old.max))
	}
	return 0, 0
}

// roomFor cuts what a write to a regular file of the host takes to what
// RLIMIT_FSIZE leaves. off is negative for the file's position. With no room at
// all it is EFBIG, and SIGXFSZ has been sent. f.mu is not held.
func (t *Task) roomFor(f *File, b []byte, off int64) ([]byte, abi.Errno) {
	limit := t.proc.traits.maxFileSize.Load()
	if limit == 0 || len(b) == 0 {
		return b, 0
	}
	if off < 0 || f.append() {
		if off = t.writePosition(f); off < 0 {
			return b, 0 // the write will say what is wrong
		}
	}
	room := int64(min(limit-1, math.MaxInt64)) - off
	if room <= 0 {
		t.Send(abi.SIGXFSZ)
		return nil, abi.EFBIG
	}
	return b[:min(room, int64(len(b)))], 0
}

// writePosition tells where a write at the file's position goes; negative if
// the host does not say.
func (t *Task) writePosition(f *File) int64 {
	h := t.proc.files.host
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.append():
		var st host.Stat
		if h.Fstat(f.h, &st) != 0 {
			return -1
		}
		return st.Size
	case f.shared:
		at, err := h.Seek(f.h, 0, abi.SEEK_CUR)
		if err != 0 {
			return -1
		}
		return at
	}
	return f.off
}

// mayGrow checks the size that truncate and fallocate want of a file that has
// another one.
func (t *Task) mayGrow(f *File, size int64) abi.Errno {
	limit := t.proc.traits.maxFileSize.Load()
	if limit == 0 || uint64(size) < limit {
		return 0
	}
	var st host.Stat
	if t.proc.files.host.Fstat(f.h, &st) == 0 && size <= st.Size {
		return 0
	}
	t.Send(abi.SIGXFSZ)
	return abi.EFBIG
}
