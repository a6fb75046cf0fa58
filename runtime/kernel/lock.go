package kernel

import (
	"math"
	"sort"
	"sync"
	"sync/atomic"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// Locks on files: those of fcntl(2) on ranges of bytes ("records"), which
// belong to a process or to an open file description, and those of flock(2)
// on whole files, which belong to a description. The table knows who in this
// process holds what, splits and joins ranges as Linux does, and keeps with
// the host what all of them together need, so that other processes stay out.
type lockTable struct {
	host host.Locker
	any  atomic.Int32 // files in the table: most programs have none

	mu    sync.Mutex
	files map[fileID]*fileLocks
}

// fileID names a file by what stat tells.
type fileID struct{ dev, ino uint64 }

// fileLocks are the locks on one file. The table's mu guards them.
type fileLocks struct {
	id      fileID
	h       host.Handle // host.NoHandle where the host has no locks: others do not see ours
	records []record
	whole   []record // flock's
	// What h holds.
	heldRecords, heldWhole []host.LockRange
}

// record is a lock. owner is a *FileTable, which stands for the process, or
// the *File of a description.
type record struct {
	owner any
	host.LockRange
}

func overlap(a, b host.LockRange) bool { return a.First <= b.Last && b.First <= a.Last }

// blocker tells the first record of somebody else that keeps owner from
// locking r.
func blocker(list []record, owner any, r host.LockRange) (record, bool) {
	var found record
	ok := false
	for _, o := range list {
		if o.owner != owner && (o.Write || r.Write) && overlap(o.LockRange, r) && (!ok || o.First < found.First) {
			found, ok = o, true
		}
	}
	return found, ok
}

// changed tells the list after owner has locked r, or unlocked it if lock is
// false: its own records are cut, and joined with neighbours of their kind.
func (l *fileLocks) changed(list []record, owner any, r host.LockRange, lock bool) []record {
	var n []record
	for _, o := range list {
		switch {
		case o.owner != owner:
			n = append(n, o)
			continue
		case lock && o.Write == r.Write && o.First <= after(r.Last) && r.First <= after(o.Last):
			r.First, r.Last = min(r.First, o.First), max(r.Last, o.Last)
			continue
		case !overlap(o.LockRange, r):
			n = append(n, o)
			continue
		}
		if o.First < r.First {
			n = append(n, record{owner, host.LockRange{Write: o.Write, First: o.First, Last: r.First - 1}})
		}
		if o.Last > r.Last {
			n = append(n, record{owner, host.LockRange{Write: o.Write, First: r.Last + 1, Last: o.Last}})
		}
	}
	if lock {
		n = append(n, record{owner, r})
	}
	sort.SliceStable(n, func(i, j int) bool { return n[i].First < n[j].First })
	return n
}

// after is the byte behind a range's last, which may be the very last.
func after(last int64) int64 {
	if last == math.MaxInt64 {
		return last
	}
	return last + 1
}

// union tells what the host must hold for all records together: ranges in
// order that do not overlap, for writing where anybody writes.
func union(list []record) []host.LockRange {
	if len(list) == 0 {
		return nil
	}
	type edge struct {
		at            uint64
		readers, writ int
	}
	var edges []edge
	for _, r := range list {
		e := edge{readers: 1}
		if r.Write {
			e = edge{writ: 1}
		}
		e.at = uint64(r.First)
		edges = append(edges, e)
		edges = append(edges, edge{uint64(r.Last) + 1, -e.readers, -e.writ})
	}
	sort.Slice(edges, func(i, j int) bool { return edges[i].at < edges[j].at })
	var out []host.LockRange
	var readers, writers int
	for i := 0; i < len(edges); {
		at := edges[i].at
		for ; i < len(edges) && edges[i].at == at; i++ {
			readers += edges[i].readers
			writers += edges[i].writ
		}
		if readers+writers == 0 {
			continue
		}
		r := host.LockRange{Write: writers > 0, First: int64(at), Last: int64(edges[i].at - 1)}
		if n := len(out); n > 0 && out[n-1].Write == r.Write && after(out[n-1].Last) == r.First {
			out[n-1].Last = r.Last
			continue
		}
		out = append(out, r)
	}
	return out
}

// of finds or makes the entry of an open file. t.mu is held.
func (lt *lockTable) of(t *Task, f *File) (*fileLocks, abi.Errno) {
	id, e := f.id(t)
	if e != 0 {
		return nil, e
	}
	if l := lt.files[id]; l != nil {
		return l, 0
	}
	l := &fileLocks{id: id, h: host.NoHandle}
	if _, ok := f.ops.(regularOps); ok && lt.host != nil {
		if h, e := lt.host.LockHandle(f.h); e == 0 {
			l.h = h
		} else if e != abi.EOPNOTSUPP {
			return nil, e
		}
	}
	if lt.files == nil {
		lt.files = map[fileID]*fileLocks{}
	}
	lt.files[id] = l
	lt.any.Add(1)
	return l, 0
}

// guestPID turns a process number of the host into the program's: Windows
// counts in fours and may be far above Linux's default of pid_max, so the
// program sees a number that looks like Linux's.
func guestPID(pid int) int { return 1000 + pid%31768 }

// id tells which file it is.
func (f *File) id(t *Task) (fileID, abi.Errno) {
	var st host.Stat
	e := f.ops.stat(t, f, &st)
	return fileID{st.Dev, st.Ino}, e
}

// put changes the host's locks and then the list. t.mu is held.
func (lt *lockTable) put(l *fileLocks, space host.LockSpace, list []record) abi.Errno {
	held, own := &l.heldRecords, &l.records
	if space == host.LockWhole {
		held, own = &l.heldWhole, &l.whole
	}
	if l.h != host.NoHandle {
		want := union(list)
		if e := lt.host.Relock(l.h, space, *held, want); e != 0 {
			return e
		}
		*held = want
	}
	*own = list
	return 0
}

// drop forgets a file that nobody has locked. t.mu is held.
func (lt *lockTable) drop(l *fileLocks) {
	if len(l.records)+len(l.whole) > 0 {
		return
	}
	if c, ok := lt.host.(host.Files); ok && l.h != host.NoHandle {
		_ = c.Close(l.h)
	}
	delete(lt.files, l.id)
	lt.any.Add(-1)
}

// lockRecord locks or unlocks a range for owner. EAGAIN if somebody is in the
// way.
func (lt *lockTable) lockRecord(t *Task, f *File, owner any, r host.LockRange, lock bool) abi.Errno {
	lt.mu.Lock()
	defer lt.mu.Unlock()
	if !lock && lt.any.Load() == 0 {
		return 0
	}
	l, e := lt.of(t, f)
	if e != 0 {
		return e
	}
	defer lt.drop(l)
	if lock {
		if _, ok := blocker(l.records, owner, r); ok {
			return abi.EAGAIN
		}
		if owner == any(f) {
			f.locks.Store(lt)
		}
	}
	return lt.put(l, host.LockRecords, l.changed(l.records, owner, r, lock))
}

// lockWhole is flock: kind 0 unlocks. Linux gives an old lock of another kind
// up before it tries to get the new one.
func (lt *lockTable) lockWhole(t *Task, f *File, lock, write bool) abi.Errno {
	lt.mu.Lock()
	defer lt.mu.Unlock()
	l, e := lt.of(t, f)
	if e != 0 {
		return e
	}
	defer lt.drop(l)
	r := host.LockRange{Write: write, Last: math.MaxInt64}
	for _, o := range l.whole {
		if o.owner == any(f) && lock && o.Write == write {
			return 0
		}
	}
	rest := l.changed(l.whole, f, r, false)
	if !lock {
		return lt.put(l, host.LockWhole, rest)
	}
	f.locks.Store(lt)
	e = abi.EAGAIN
	if _, ok := blocker(rest, f, r); !ok {
		e = lt.put(l, host.LockWhole, l.changed(rest, f, r, true))
	}
	if e != 0 && len(rest) < len(l.whole) {
		_ = lt.put(l, host.LockWhole, rest)
	}
	return e
}

// test tells who keeps owner from locking r; pid is the process's number as
// the program sees it, -1 if a description holds the lock or nobody knows.
func (lt *lockTable) test(t *Task, f *File, owner any, r host.LockRange) (found host.LockRange, pid int, ok bool, e abi.Errno) {
	lt.mu.Lock()
	defer lt.mu.Unlock()
	l, e := lt.of(t, f)
	if e != 0 {
		return found, 0, false, e
	}
	defer lt.drop(l)
	pid = -1
	if o, ok := blocker(l.records, owner, r); ok {
		if ft, ok := o.owner.(*FileTable); ok {
			pid = ft.p.pid
		}
		return o.LockRange, pid, true, 0
	}
	if l.h == host.NoHandle {
		return found, pid, false, 0
	}
	h, ok := lt.host.Blocker(l.h, l.heldRecords, r)
	if ok && h.PID > 0 {
		pid = guestPID(h.PID)
	}
	return h.LockRange, pid, ok, 0
}

// release gives up what owner has on one file, or everywhere if f is nil.
func (lt *lockTable) release(t *Task, f *File, owner any) {
	if lt.any.Load() == 0 {
		return
	}
	lt.mu.Lock()
	defer lt.mu.Unlock()
	var only fileID
	if f != nil {
		id, e := f.id(t)
		if e != 0 {
			return
		}
		only = id
	}
	all := host.LockRange{Last: math.MaxInt64}
	for id, l := range lt.files {
		if f != nil && id != only {
			continue
		}
		for space, list := range map[host.LockSpace][]record{host.LockRecords: l.records, host.LockWhole: l.whole} {
			if rest := l.changed(list, owner, all, false); len(rest) < len(list) {
				_ = lt.put(l, space, rest)
			}
		}
		lt.drop(l)
	}
}
