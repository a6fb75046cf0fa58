package kernel

import "bee/runtime/abi"

// processVM is process_vm_readv and process_vm_writev. Only the process's own
// memory can be had. The remote side is transferred up to its first hole.
func processVM(write bool) Handler {
	return func(t *Task, a Args) (uint64, abi.Errno) {
		if a[5] != 0 {
			return 0, abi.EINVAL
		}
		local, err := t.Iovecs(a[1], a[2])
		if err != 0 {
			return 0, err
		}
		remote, err := t.Iovecs(a[3], a[4])
		if err != 0 {
			return 0, err
		}
		t.proc.mu.Lock()
		if id := int32(a[0]); id == 0 {
			err = abi.ESRCH
		} else {
			_, err = t.taskByID(id)
		}
		t.proc.mu.Unlock()
		if err != 0 {
			return 0, err
		}
		return t.copyBetween(local, remote, write)
	}
}

// copyBetween moves bytes from remote to local, or the other way, as long as
// both have some. EFAULT if not even the first could be moved.
func (t *Task) copyBetween(local, remote []Iovec, write bool) (uint64, abi.Errno) {
	total := uint64(0)
	for len(local) > 0 && len(remote) > 0 {
		l, r := &local[0], &remote[0]
		n := min(l.Len, r.Len)
		if n > 0 {
			there, e1 := t.BytesPartial(r.Addr, n, write)
			here, e2 := t.BytesPartial(l.Addr, uint64(len(there)), !write)
			if e1 != 0 || e2 != 0 {
				if total == 0 {
					return 0, abi.EFAULT
				}
				return total, 0
			}
			var k int
			if write {
				k = copy(there, here)
			} else {
				k = copy(here, there)
			}
			total += uint64(k)
			if uint64(k) < n {
				return total, 0
			}
		}
		l.Addr, l.Len = l.Addr+n, l.Len-n
		r.Addr, r.Len = r.Addr+n, r.Len-n
		if l.Len == 0 {
			local = local[1:]
		}
		if r.Len == 0 {
			remote = remote[1:]
		}
	}
	return total, 0
}
