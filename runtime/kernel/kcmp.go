package kernel

import (
	"cmp"
	"unsafe"

	"bee/runtime/abi"
)

// Kinds of objects; linux/kcmp.h has them as an enum.
const (
	kcmpFile    = 0
	kcmpVM      = 1
	kcmpSysVSem = 6 // between them descriptors, working directory, handlers, I/O context
)

// sysKcmp tells whether two threads of this process share an object, which
// all but descriptors they do: 0 for the same, 1 and 2 for an order.
func sysKcmp(t *Task, a Args) (uint64, abi.Errno) {
	p := t.proc
	p.mu.Lock()
	for _, id := range a[:2] {
		if int32(id) == 0 {
			p.mu.Unlock()
			return 0, abi.ESRCH
		}
		if _, err := t.taskByID(int32(id)); err != 0 {
			p.mu.Unlock()
			return 0, err
		}
	}
	p.mu.Unlock()
	switch kind := int32(a[2]); {
	case kind == kcmpFile:
		var at [2]uintptr
		for i, fd := range a[3:5] {
			f, err := p.files.get(int32(fd))
			if err != 0 {
				return 0, err
			}
			at[i] = uintptr(unsafe.Pointer(f)) // an identity; never turned back
			p.files.put(f)
		}
		return uint64(cmp.Compare(at[0], at[1])+3) % 3, 0
	case kind >= kcmpVM && kind <= kcmpSysVSem:
		return 0, 0
	}
	return 0, abi.EINVAL
}
