package kernel

import (
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"bee/runtime/abi"
)

// futexTable holds those who wait for words of memory, by address.
type futexTable struct {
	buckets [64]futexBucket
	// locks counts those who wait in FUTEX_LOCK_PI.
	locks atomic.Int32
}

// futexKey tells words apart. A private operation means an address, and never
// the same word as a shared one; shared memory is the same word wherever it is
// mapped (futex(2)).
type futexKey struct {
	obj     *object // of shared memory, else nil
	at      uint64  // the place in obj, else the address
	private bool
}

// futexBucket is a list in the order of arrival. Its lock is a leaf; where two
// are taken, the one of the lower index comes first.
type futexBucket struct {
	mu         sync.Mutex
	head, tail *futexWaiter
}

// futexWaiter is a task in FUTEX_WAIT, FUTEX_LOCK_PI or FUTEX_WAIT_REQUEUE_PI.
type futexWaiter struct {
	key    futexKey
	addr   uint64 // of the word
	bitset uint32
	task   *Task
	// pi: it waits for a lock, whose owner is a task. before: it waits until it is
	// made to, for lock, to which FUTEX_CMP_REQUEUE_PI moves it.
	pi         bool
	owner      int
	before     bool
	lock       futexKey
	prev, next *futexWaiter
	// bucket is where it is queued; nil once it was woken. It changes under
	// the lock of the bucket that it names.
	bucket atomic.Pointer[futexBucket]
}

func (f *futexTable) index(k futexKey) int {
	h := k.at >> 2
	return int((h ^ h>>6 ^ h>>14) % uint64(len(f.buckets)))
}

func (f *futexTable) bucket(k futexKey) *futexBucket { return &f.buckets[f.index(k)] }

// lockTwo locks the buckets of two words, which may be the same.
func (f *futexTable) lockTwo(a, b futexKey) (x, y *futexBucket, unlock func()) {
	i, j := f.index(a), f.index(b)
	x, y = &f.buckets[i], &f.buckets[j]
	if i == j {
		x.mu.Lock()
		return x, y, x.mu.Unlock
	}
	f.buckets[min(i, j)].mu.Lock()
	f.buckets[max(i, j)].mu.Lock()
	return x, y, func() { x.mu.Unlock(); y.mu.Unlock() }
}

// Preconditions: b.mu is held.
func (b *futexBucket) add(w *futexWaiter) {
	w.prev, w.next = b.tail, nil
	if b.tail != nil {
		b.tail.next = w
	} else {
		b.head = w
	}
	b.tail = w
	w.bucket.Store(b)
}

// Preconditions: b.mu is held; w is in b.
func (b *futexBucket) remove(w *futexWaiter) {
	b.unlink(w)
	w.bucket.Store(nil)
}

// moveTo puts a waiter into another list, or at the end of the same one, as one
// who waits at addr. It never looks as if it was woken.
//
// Preconditions: b.mu and to.mu are held; w is in b.
func (b *futexBucket) moveTo(to *futexBucket, w *futexWaiter, key futexKey, addr uint64) {
	b.unlink(w)
	w.key, w.addr = key, addr
	to.add(w)
}

// Preconditions: b.mu is held; w is in b, or was until now.
func (b *futexBucket) unlink(w *futexWaiter) {
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		b.head = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	} else {
		b.tail = w.prev
	}
	w.prev, w.next = nil, nil
}

// wake wakes up to n waiters of k whose bits meet bitset.
//
// Preconditions: b.mu is held.
func (b *futexBucket) wake(k futexKey, n uint32, bitset uint32) (woken uint64, e abi.Errno) {
	for w := b.head; w != nil && woken < uint64(n); {
		next := w.next
		if w.key == k && w.bitset&bitset != 0 {
			if w.pi || w.before {
				return woken, abi.EINVAL
			}
			b.remove(w)
			w.task.poke()
			woken++
		}
		w = next
	}
	return woken, 0
}

// leave takes a waiter out that gives up; false if it was woken before.
func (w *futexWaiter) leave() bool {
	for {
		b := w.bucket.Load()
		if b == nil {
			return false
		}
		b.mu.Lock()
		if w.bucket.Load() == b { // it may have been moved in between
			b.remove(w)
			b.mu.Unlock()
			return true
		}
		b.mu.Unlock()
	}
}

// futexKey tells what addr means, which need not be mapped.
func (t *Task) futexKey(addr uint64, private bool) futexKey {
	if !private {
		if obj, off := t.proc.as.sharedAt(addr); obj != nil {
			return futexKey{obj: obj, at: off}
		}
	}
	return futexKey{at: addr, private: private}
}

// sharedAt tells what shared memory is mapped at addr; nil if none.
func (s *AddressSpace) sharedAt(addr uint64) (*object, uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.find(addr); i < len(s.vmas) {
		if v := &s.vmas[i]; v.lo <= addr && v.obj != nil && v.flags&vmShared != 0 {
			return v.obj, v.off + addr - v.lo
		}
	}
	return nil, 0
}

// futexWord tells the word at addr. The pages may go while it is used: a
// fault is the caller's EFAULT, see Task.Syscall.
func (t *Task) futexWord(addr uint64, write bool) (*uint32, abi.Errno) {
	if addr%4 != 0 {
		return nil, abi.EINVAL
	}
	m, e := t.Bytes(addr, 4, write)
	if e != 0 {
		return nil, e
	}
	return (*uint32)(unsafe.Pointer(&m[0])), 0
}

func sysFutex(t *Task, a Args) (uint64, abi.Errno) { return futex(t, a, t.readTimespec) }

func sysFutex64(t *Task, a Args) (uint64, abi.Errno) { return futex(t, a, t.readTimespec64) }

// futex is futex(2).
func futex(t *Task, a Args, readTime func(uint64) (time.Duration, abi.Errno)) (uint64, abi.Errno) {
	op := uint32(a[1])
	addr, val := a[0], uint32(a[2])
	cmd := op &^ (abi.FUTEX_PRIVATE_FLAG | abi.FUTEX_CLOCK_REALTIME)
	realtime, private := op&abi.FUTEX_CLOCK_REALTIME != 0, op&abi.FUTEX_PRIVATE_FLAG != 0
	if realtime {
		switch cmd {
		case abi.FUTEX_WAIT, abi.FUTEX_WAIT_BITSET, abi.FUTEX_WAIT_REQUEUE_PI, abi.FUTEX_LOCK_PI2:
		default:
			return 0, abi.ENOSYS
		}
	}
	deadline := forever
	switch cmd {
	case abi.FUTEX_WAIT, abi.FUTEX_WAIT_BITSET, abi.FUTEX_LOCK_PI, abi.FUTEX_LOCK_PI2, abi.FUTEX_WAIT_REQUEUE_PI:
		if a[3] == 0 {
			break
		}
		d, e := readTime(a[3])
		if e != 0 {
			return 0, e
		}
		switch {
		case cmd == abi.FUTEX_WAIT:
			deadline = t.deadline(d)
		case t.restarting:
			deadline = t.restartAt
		case realtime || cmd == abi.FUTEX_LOCK_PI:
			deadline = t.absolute(d, true)
		default:
			deadline = d
		}
	}
	switch cmd {
	case abi.FUTEX_WAIT:
		return t.futexWait(addr, private, val, ^uint32(0), deadline)
	case abi.FUTEX_WAIT_BITSET:
		return t.futexWait(addr, private, val, uint32(a[5]), deadline)
	case abi.FUTEX_WAKE, abi.FUTEX_WAKE_BITSET:
		bits := ^uint32(0)
		if cmd == abi.FUTEX_WAKE_BITSET {
			if bits = uint32(a[5]); bits == 0 {
				return 0, abi.EINVAL
			}
		}
		if e := t.futexReachable(addr, private); e != 0 {
			return 0, e
		}
		k := t.futexKey(addr, private)
		b := t.proc.futex.bucket(k)
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.wake(k, atLeastOne(val), bits)
	case abi.FUTEX_REQUEUE, abi.FUTEX_CMP_REQUEUE:
		return t.futexRequeue(addr, a[4], private, val, uint32(a[3]), uint32(a[5]), cmd == abi.FUTEX_CMP_REQUEUE)
	case abi.FUTEX_WAKE_OP:
		return t.futexWakeOp(addr, a[4], private, val, uint32(a[3]), uint32(a[5]))
	case abi.FUTEX_LOCK_PI, abi.FUTEX_LOCK_PI2:
		return t.futexLockPI(addr, private, deadline, false)
	case abi.FUTEX_TRYLOCK_PI:
		return t.futexLockPI(addr, private, deadline, true)
	case abi.FUTEX_UNLOCK_PI:
		return t.futexUnlockPI(addr, private)
	case abi.FUTEX_WAIT_REQUEUE_PI:
		return t.futexWaitRequeuePI(addr, a[4], private, val, deadline)
	case abi.FUTEX_CMP_REQUEUE_PI:
		return t.futexRequeuePI(addr, a[4], private, val, uint32(a[3]), uint32(a[5]))
	}
	return 0, abi.ENOSYS
}

// atLeastOne is how many FUTEX_WAKE wakes: Linux looks at the number, which is
// signed, after it has woken one.
func atLeastOne(n uint32) uint32 { return uint32(max(int32(n), 1)) }

func (t *Task) futexWait(addr uint64, private bool, val, bitset uint32, deadline time.Duration) (uint64, abi.Errno) {
	if bitset == 0 {
		return 0, abi.EINVAL
	}
	word, e := t.futexWord(addr, false)
	if e != 0 {
		return 0, e
	}
	w := futexWaiter{key: t.futexKey(addr, private), addr: addr, bitset: bitset, task: t}
	b := t.proc.futex.bucket(w.key)
	if e := b.enqueue(&w, word, val); e != 0 {
		return 0, e
	}
	switch e := t.await(&w, deadline); {
	case e == 0:
		return 0, 0
	case e == abi.ETIMEDOUT:
		return 0, e
	case deadline != forever:
		return 0, t.restartable(deadline)
	}
	return 0, errRestartSys
}

// enqueue waits for word, if it still has the value val.
func (b *futexBucket) enqueue(w *futexWaiter, word *uint32, val uint32) abi.Errno {
	b.mu.Lock()
	defer b.mu.Unlock()
	if atomic.LoadUint32(word) != val {
		return abi.EAGAIN
	}
	b.add(w)
	return 0
}

// await parks until w was woken.
func (t *Task) await(w *futexWaiter, deadline time.Duration) abi.Errno {
	for w.bucket.Load() != nil {
		if e := t.park(deadline); e != 0 && w.leave() {
			return e
		}
	}
	return 0
}

// futexReachable checks a word that is not looked at: a private one need not be
// there.
func (t *Task) futexReachable(addr uint64, private bool) abi.Errno {
	if private && addr%4 == 0 && addr < t.proc.as.Top() {
		return 0
	}
	_, e := t.futexWord(addr, false)
	return e
}

func (t *Task) futexRequeue(from, to uint64, private bool, wake, move, val uint32, compare bool) (uint64, abi.Errno) {
	if int32(wake) < 0 || int32(move) < 0 {
		return 0, abi.EINVAL
	}
	for _, addr := range []uint64{from, to} {
		if e := t.futexReachable(addr, private); e != 0 {
			return 0, e
		}
	}
	var word *uint32
	if compare {
		var e abi.Errno
		if word, e = t.futexWord(from, false); e != 0 {
			return 0, e
		}
	}
	source, target := t.futexKey(from, private), t.futexKey(to, private)
	x, y, unlock := t.proc.futex.lockTwo(source, target)
	defer unlock()
	if compare && atomic.LoadUint32(word) != val {
		return 0, abi.EAGAIN
	}
	n, e := x.wake(source, wake, ^uint32(0))
	if e != 0 {
		return 0, e
	}
	for w := x.head; w != nil && move > 0; {
		next := w.next
		if w.key == source {
			if w.pi || w.before {
				return n, abi.EINVAL
			}
			if source != target {
				x.moveTo(y, w, target, to)
			}
			move--
			n++
		}
		w = next
	}
	return n, 0
}

// futexWakeOp changes the second word and wakes waiters of the first, and of
// the second if its old value was as told (futex(2), FUTEX_WAKE_OP).
func (t *Task) futexWakeOp(first, second uint64, private bool, n1, n2, code uint32) (uint64, abi.Errno) {
	if e := t.futexReachable(first, private); e != 0 {
		return 0, e
	}
	word, e := t.futexWord(second, true)
	if e != 0 {
		return 0, e
	}
	op, cmp := code>>28&15, code>>24&15
	arg, cmpArg := int32(code<<8)>>20, int32(code<<20)>>20
	if op&abi.FUTEX_OP_OPARG_SHIFT != 0 {
		arg = 1 << (uint32(arg) & 31)
	}
	one, two := t.futexKey(first, private), t.futexKey(second, private)
	x, y, unlock := t.proc.futex.lockTwo(one, two)
	defer unlock()
	var old uint32
	for {
		old = atomic.LoadUint32(word)
		v := uint32(arg)
		switch op &^ abi.FUTEX_OP_OPARG_SHIFT {
		case abi.FUTEX_OP_SET:
		case abi.FUTEX_OP_ADD:
			v = old + v
		case abi.FUTEX_OP_OR:
			v |= old
		case abi.FUTEX_OP_ANDN:
			v = old &^ v
		case abi.FUTEX_OP_XOR:
			v ^= old
		default:
			return 0, abi.ENOSYS
		}
		if atomic.CompareAndSwapUint32(word, old, v) {
			break
		}
	}
	var meets bool
	switch o := int32(old); cmp {
	case abi.FUTEX_OP_CMP_EQ:
		meets = o == cmpArg
	case abi.FUTEX_OP_CMP_NE:
		meets = o != cmpArg
	case abi.FUTEX_OP_CMP_LT:
		meets = o < cmpArg
	case abi.FUTEX_OP_CMP_LE:
		meets = o <= cmpArg
	case abi.FUTEX_OP_CMP_GT:
		meets = o > cmpArg
	case abi.FUTEX_OP_CMP_GE:
		meets = o >= cmpArg
	default:
		return 0, abi.ENOSYS
	}
	n, e := x.wake(one, atLeastOne(n1), ^uint32(0))
	if e == 0 && meets {
		var m uint64
		m, e = y.wake(two, atLeastOne(n2), ^uint32(0))
		n += m
	}
	return n, e
}

// futexLockPI takes a lock whose word names its owner. There are no
// priorities to inherit: the lock goes to whoever has waited longest.
func (t *Task) futexLockPI(addr uint64, private bool, deadline time.Duration, try bool) (uint64, abi.Errno) {
	word, e := t.futexWord(addr, true)
	if e != 0 {
		return 0, e
	}
	f := &t.proc.futex
	w := futexWaiter{key: t.futexKey(addr, private), addr: addr, bitset: ^uint32(0), task: t, pi: true}
	// Before it looks for the owner, who looks for it at its end.
	f.locks.Add(1)
	defer f.locks.Add(-1)
	got, e := f.bucket(w.key).lockPI(&w, word, try)
	if e != 0 || got {
		return 0, e
	}
	switch e := t.await(&w, deadline); e {
	case 0, abi.ETIMEDOUT:
		return 0, e
	}
	return 0, errRestartNoIntr
}

// lockPI takes the lock at word for w's task, or queues w.
func (b *futexBucket) lockPI(w *futexWaiter, word *uint32, try bool) (got bool, e abi.Errno) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if got, e = w.takePI(word, try); !got && e == 0 {
		b.add(w)
	}
	return got, e
}

// takePI takes the lock at word for w's task. Without an error it is got, or the
// word says that somebody waits, and w whose lock it is.
//
// Preconditions: the lock of the word's bucket is held.
func (w *futexWaiter) takePI(word *uint32, try bool) (got bool, e abi.Errno) {
	t := w.task
	tid := uint32(t.tid)
	for {
		v := atomic.LoadUint32(word)
		owner := v & abi.FUTEX_TID_MASK
		switch {
		case owner == tid:
			return false, abi.EDEADLK
		case owner == 0:
			if atomic.CompareAndSwapUint32(word, v, tid|v&(abi.FUTEX_OWNER_DIED|abi.FUTEX_WAITERS)) {
				return true, 0
			}
			continue
		case try:
			return false, abi.EAGAIN
		}
		if !t.proc.alive(int(owner)) {
			if atomic.LoadUint32(word) != v {
				continue // it has given the lock up on its way out
			}
			return false, abi.ESRCH
		}
		if atomic.CompareAndSwapUint32(word, v, v|abi.FUTEX_WAITERS) {
			w.owner = int(owner)
			return false, 0
		}
	}
}

// alive tells whether a task has not begun to end. Locks of one that has are
// nobody's to wait for.
func (p *Process) alive(tid int) bool {
	p.sig.mu.Lock()
	defer p.sig.mu.Unlock()
	o := p.find(tid)
	return o != nil && !o.leaving
}

func (t *Task) futexUnlockPI(addr uint64, private bool) (uint64, abi.Errno) {
	word, e := t.futexWord(addr, true)
	if e != 0 {
		return 0, e
	}
	k := t.futexKey(addr, private)
	b := t.proc.futex.bucket(k)
	b.mu.Lock()
	defer b.mu.Unlock()
	if atomic.LoadUint32(word)&abi.FUTEX_TID_MASK != uint32(t.tid) {
		return 0, abi.EPERM
	}
	if first := b.firstPI(k); first != nil {
		b.handOver(first, word, 0)
	} else {
		atomic.StoreUint32(word, 0)
	}
	return 0, 0
}

// firstPI tells who has waited longest for a lock.
//
// Preconditions: b.mu is held.
func (b *futexBucket) firstPI(k futexKey) *futexWaiter {
	for w := b.head; w != nil; w = w.next {
		if w.key == k && w.pi {
			return w
		}
	}
	return nil
}

// handOver gives a lock to one who waits for it. As on Linux the word says that
// others wait even if there are none: its next owner finds out.
//
// Preconditions: b.mu is held; w is in b.
func (b *futexBucket) handOver(w *futexWaiter, word *uint32, bits uint32) {
	b.remove(w)
	defer w.task.poke() // also where the word is gone
	for o := b.head; o != nil; o = o.next {
		if o.key == w.key && o.pi {
			o.owner = w.task.tid
		}
	}
	atomic.StoreUint32(word, bits|uint32(w.task.tid)|abi.FUTEX_WAITERS)
}

// releasePI hands over the locks of a task that ends, for which others wait in
// FUTEX_LOCK_PI (Linux: exit_pi_state_list).
func (t *Task) releasePI() {
	p := t.proc
	p.sig.mu.Lock()
	t.leaving = true
	p.sig.mu.Unlock()
	if p.futex.locks.Load() == 0 {
		return
	}
	for i := range p.futex.buckets {
		b := &p.futex.buckets[i]
		for more := true; more; {
			if !t.spared(func() { more = b.inherit(t) }) {
				more = true // that waiter has gone, and there may be others
			}
		}
	}
}

// inherit hands over one of the locks of a task that ends. It tells whether there
// was one.
func (b *futexBucket) inherit(t *Task) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for w := b.head; w != nil; w = w.next {
		if !w.pi || w.owner != t.tid {
			continue
		}
		if word, e := t.futexWord(w.addr, true); e == 0 {
			b.handOver(w, word, abi.FUTEX_OWNER_DIED)
		} else {
			b.remove(w)
			w.task.poke()
		}
		return true
	}
	return false
}

// robustLimit is how many locks a thread's list may have (Linux:
// ROBUST_LIST_LIMIT).
const robustLimit = 2048

// releaseRobust marks the locks that a task holds at its end, as set_
// robust_list(2) promises.
func (t *Task) releaseRobust() {
	if t.robustList == 0 {
		return
	}
	w := uint64(t.ptrSize())
	head := t.robustList
	read := func(addr uint64) (uint64, bool) {
		m, e := t.Bytes(addr, w, false)
		if e != 0 {
			return 0, false
		}
		return t.word(m), true
	}
	off, ok := read(head + w)
	if !ok {
		return
	}
	pending, ok := read(head + 2*w)
	if !ok {
		return
	}
	at := func(entry uint64) uint64 {
		a := entry&^1 + off
		if !t.is64() {
			a = uint64(uint32(a))
		}
		return a
	}
	entry, ok := read(head)
	for n := 0; ok && entry&^1 != head && n < robustLimit; n++ {
		next, more := read(entry &^ 1)
		if entry&^1 != pending&^1 {
			t.ownerDied(at(entry), entry&1 != 0, false)
		}
		entry, ok = next, more
	}
	if pending&^1 != 0 {
		t.ownerDied(at(pending), pending&1 != 0, true)
	}
}

// ownerDied tells waiters of a lock that its owner is no more.
func (t *Task) ownerDied(addr uint64, pi, pending bool) {
	word, e := t.futexWord(addr, true)
	if e != 0 {
		return
	}
	// As on Linux, who waits for a robust lock does so as if it were shared.
	k := t.futexKey(addr, false)
	b := t.proc.futex.bucket(k)
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		v := atomic.LoadUint32(word)
		if pending && !pi && v == 0 {
			_, _ = b.wake(k, 1, ^uint32(0))
			return
		}
		if v&abi.FUTEX_TID_MASK != uint32(t.tid) {
			return
		}
		if atomic.CompareAndSwapUint32(word, v, v&abi.FUTEX_WAITERS|abi.FUTEX_OWNER_DIED) {
			if !pi && v&abi.FUTEX_WAITERS != 0 { // those of pi: releasePI
				_, _ = b.wake(k, 1, ^uint32(0))
			}
			return
		}
	}
}
