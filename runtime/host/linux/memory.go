//go:build linux

package linuxhost

import (
	"bufio"
	"fmt"
	"os"
	"sort"
	"sync"

	"golang.org/x/sys/unix"

	"bee/runtime/abi"
	"bee/runtime/host"
)

const (
	pageSize    = 4096
	granularity = 65536 // Windows's, so that tests meet its limits
)

// Memory is the process's own address space. It refuses what Windows would
// refuse: calls on pages that are not reserved, calls that span reservations,
// releasing a part.
type Memory struct {
	// mu guards the rest.
	mu       sync.Mutex
	res      []span // reservations, sorted
	views    []span // sorted
	sections map[host.Section]section
}

type span struct{ lo, hi uintptr }

var _ host.Memory = (*Memory)(nil)

// PageSize is x86's.
func (*Memory) PageSize() uintptr { return pageSize }

// Granularity is the one that Windows has.
func (*Memory) Granularity() uintptr { return granularity }

// mapFixed maps pages without access. MAP_FIXED_NOREPLACE came with Linux
// 4.17; older kernels take it for a hint.
func mapFixed(addr, size uintptr, flags int) abi.Errno {
	p, _, e := unix.Syscall6(sysMmap, addr, size, unix.PROT_NONE,
		uintptr(unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE|flags), ^uintptr(0), 0)
	switch {
	case e != 0:
		return abi.ENOMEM
	case p != addr:
		_, _, _ = unix.Syscall(unix.SYS_MUNMAP, p, size, 0)
		return abi.ENOMEM
	}
	return 0
}

// Reserve maps pages without access where nothing is.
func (m *Memory) Reserve(addr, size uintptr) abi.Errno {
	if addr%granularity != 0 || size%pageSize != 0 || size == 0 || addr+size < addr {
		return abi.EINVAL
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := mapFixed(addr, size, unix.MAP_FIXED_NOREPLACE); err != 0 {
		return err
	}
	m.add(span{addr, addr + size})
	return 0
}

func (m *Memory) add(s span) {
	i := sort.Search(len(m.res), func(i int) bool { return m.res[i].lo > s.lo })
	m.res = append(m.res, span{})
	copy(m.res[i+1:], m.res[i:])
	m.res[i] = s
}

// ReserveAny takes the highest free stretch below limit.
func (m *Memory) ReserveAny(size, limit uintptr) (uintptr, abi.Errno) {
	if limit == 0 {
		limit = uintptr(min(uint64(^uintptr(0)&^(granularity-1)), 1<<46))
	}
	p, ok := m.Free(granularity, limit, size)
	if !ok {
		return 0, abi.ENOMEM
	}
	return p, m.Reserve(p, size)
}

// Release unmaps a reservation.
func (m *Memory) Release(addr, size uintptr) abi.Errno {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, r := range m.res {
		if r.lo == addr && r.hi == addr+size {
			m.res = append(m.res[:i], m.res[i+1:]...)
			_, _, e := unix.Syscall(unix.SYS_MUNMAP, addr, size, 0)
			return abi.Errno(e)
		}
	}
	return abi.EINVAL
}

// inOne checks that one reservation or view holds the range.
func (m *Memory) inOne(addr, size uintptr) abi.Errno {
	m.mu.Lock()
	defer m.mu.Unlock()
	if addr%pageSize != 0 || size%pageSize != 0 || size == 0 || !holds(m.res, addr, size) && !holds(m.views, addr, size) {
		return abi.EINVAL
	}
	return 0
}

func holds(list []span, addr, size uintptr) bool {
	i := sort.Search(len(list), func(i int) bool { return list[i].hi > addr })
	return i < len(list) && list[i].lo <= addr && list[i].hi >= addr+size
}

// Commit changes the protection: Linux gives pages on the first access.
func (m *Memory) Commit(addr, size uintptr, p host.Prot) abi.Errno { return m.Protect(addr, size, p) }

// Decommit maps fresh pages without access over the old ones.
func (m *Memory) Decommit(addr, size uintptr) abi.Errno {
	m.mu.Lock()
	ok := holds(m.res, addr, size)
	m.mu.Unlock()
	if !ok {
		return abi.EINVAL
	}
	return mapFixed(addr, size, unix.MAP_FIXED)
}

// Protect is mprotect. Rights have Linux's own values.
func (m *Memory) Protect(addr, size uintptr, p host.Prot) abi.Errno {
	if err := m.inOne(addr, size); err != 0 {
		return err
	}
	_, _, e := unix.Syscall(unix.SYS_MPROTECT, addr, size, uintptr(p))
	return abi.Errno(e)
}

// Free reads /proc/self/maps.
func (m *Memory) Free(lo, hi, size uintptr) (uintptr, bool) {
	f, err := os.Open("/proc/self/maps")
	if err != nil {
		return 0, false
	}
	defer f.Close()
	var best uintptr
	found := false
	at := lo
	gap := func(end uintptr) {
		from, to := (at+granularity-1)&^(granularity-1), min(end, hi)
		if to > from && to-from >= size {
			best, found = max((to-size)&^(granularity-1), from), true
		}
	}
	for sc := bufio.NewScanner(f); sc.Scan(); {
		var a, b uint64
		if _, err := fmt.Sscanf(sc.Text(), "%x-%x", &a, &b); err != nil || uint64(uintptr(b)) != b {
			break
		}
		gap(uintptr(a))
		at = max(at, uintptr(b))
	}
	gap(hi)
	return best, found
}
