package kernel

import (
	"encoding/binary"

	"bee/runtime/abi"
)

// Spawner starts a thread for a new task, whose registers are r and whose
// thread pointer is base: run is called on it with the CPU, which it may use
// until run returns. It tells EAGAIN if there can be no more threads.
//
// attach is called once on the new thread before run, and the Spawner does not
// return before that. Behind run, before the CPU goes, it calls Task.Gone.
type Spawner func(r *Registers, base uint64, attach func(CPU) *Task) abi.Errno

// cloneArgs is what clone(2) and clone3(2) ask for.
type cloneArgs struct {
	flags               uint64
	stack               uint64 // where the stack pointer starts, 0: as it is
	parentTID, childTID uint64
	tls                 uint64
	exitSignal          uint64
}

func sysClone(t *Task, a Args) (uint64, abi.Errno) {
	c := cloneArgs{flags: a[0] &^ 0xff, exitSignal: a[0] & 0xff, stack: a[1], parentTID: a[2]}
	if t.is64() {
		c.childTID, c.tls = a[3], a[4]
	} else {
		c.flags &= 0xffffffff
		c.tls, c.childTID = a[3], a[4]
	}
	return t.clone(&c, "clone")
}

func sysClone3(t *Task, a Args) (uint64, abi.Errno) {
	const (
		v0   = 64
		most = abi.PageSize
	)
	switch {
	case a[1] < v0:
		return 0, abi.EINVAL
	case a[1] > most:
		return 0, abi.E2BIG
	}
	m, e := t.Bytes(a[0], a[1], false)
	if e != 0 {
		return 0, e
	}
	for _, b := range m[min(len(m), abi.SizeofAMD64CloneArgs):] {
		if b != 0 {
			return 0, abi.E2BIG
		}
	}
	word := func(off int) uint64 {
		if off+8 > len(m) {
			return 0
		}
		return binary.LittleEndian.Uint64(m[off:])
	}
	c := cloneArgs{
		flags: word(abi.AMD64CloneArgsFlags), exitSignal: word(abi.AMD64CloneArgsExitSignal),
		parentTID: word(abi.AMD64CloneArgsParentTid), childTID: word(abi.AMD64CloneArgsChildTid), tls: word(abi.AMD64CloneArgsTls),
	}
	stack, size := word(abi.AMD64CloneArgsStack), word(abi.AMD64CloneArgsStackSize)
	switch {
	case (stack == 0) != (size == 0), c.exitSignal > abi.NumSignals, c.flags&0xff != 0,
		c.flags&(abi.CLONE_THREAD|abi.CLONE_PARENT) != 0 && c.exitSignal != 0,
		c.flags&abi.CLONE_DETACHED != 0,
		word(abi.AMD64CloneArgsSetTidSize) != 0 || word(abi.AMD64CloneArgsSetTid) != 0:
		return 0, abi.EINVAL
	}
	if stack != 0 {
		c.stack = stack + size
	}
	return t.clone(&c, "clone3")
}

// clone makes a thread.
func (t *Task) clone(c *cloneArgs, name string) (uint64, abi.Errno) {
	const thread = abi.CLONE_VM | abi.CLONE_SIGHAND | abi.CLONE_THREAD
	switch {
	case c.flags&abi.CLONE_THREAD != 0 && c.flags&abi.CLONE_SIGHAND == 0,
		c.flags&abi.CLONE_SIGHAND != 0 && c.flags&abi.CLONE_VM == 0,
		c.flags&abi.CLONE_FS != 0 && c.flags&(abi.CLONE_NEWNS|abi.CLONE_NEWUSER) != 0,
		c.flags&abi.CLONE_THREAD != 0 && c.flags&(abi.CLONE_NEWUSER|abi.CLONE_NEWPID|abi.CLONE_PIDFD) != 0:
		return 0, abi.EINVAL
	case c.flags&thread != thread || t.proc.spawn == nil:
		return sysNoProcess(name)(t, Args{})
	case c.flags&(abi.CLONE_FS|abi.CLONE_FILES) != abi.CLONE_FS|abi.CLONE_FILES:
		t.proc.logOnce("unshare", "the program wants a thread with files of its own, which is not supported: the thread shares them")
	}
	p := t.proc
	var r Registers
	t.cpu.Registers(&r, true)
	r.AX = 0
	if c.stack != 0 {
		r.SP = c.stack
	}
	n := &Task{
		proc: p, wake: make(chan struct{}, 1), parker: p.parker(), altStack: sigStack{flags: abi.SS_DISABLE},
		sigMask: t.sigMask, tls: t.tls, gs: t.gs, fs: t.fs, gsBase: t.gsBase,
	}
	base := t.cpu.ThreadPointer()
	if c.flags&abi.CLONE_SETTLS != 0 {
		var e abi.Errno
		if base, e = n.setTLS(t, c.tls); e != 0 {
			return 0, e
		}
	}
	if c.flags&abi.CLONE_CHILD_CLEARTID != 0 {
		n.clearTID = c.childTID
	}
	p.mu.Lock()
	// Linux counts all of the user's threads, here they are the program's own.
	if p.uid != 0 && uint64(len(p.taskList)) >= p.limits[abi.RLIMIT_NPROC].cur {
		p.mu.Unlock()
		return 0, abi.EAGAIN
	}
	n.tid, n.traits = p.newTID(), t.traits
	n.traits.name, n.traits.named = t.name(), true
	p.mu.Unlock()
	if c.flags&abi.CLONE_PARENT_SETTID != 0 {
		if e := t.WriteUint32(c.parentTID, uint32(n.tid)); e != 0 {
			return 0, e
		}
	}
	e := p.spawn(&r, base, func(cpu CPU) *Task {
		n.cpu = cpu
		p.mu.Lock()
		p.addTask(n)
		if n.traits.nice != 0 || n.traits.policy == abi.SCHED_IDLE {
			n.applyNice()
		}
		if set := n.traits.affinity; set != nil && p.cpus() > 1 {
			_ = p.system.SetAffinity(set) // as its parent did
		}
		p.mu.Unlock()
		if c.flags&abi.CLONE_CHILD_SETTID != 0 {
			_ = n.WriteUint32(c.childTID, uint32(n.tid))
		}
		if p.exited.Load() {
			n.attention.Store(true)
		}
		return n
	})
	if e != 0 {
		return 0, e
	}
	return uint64(n.tid), 0
}

// OwnThread tells whether the task's OS thread differs from others, by its
// priority or its processors: it is of no use to anybody else.
func (t *Task) OwnThread() bool {
	t.proc.mu.Lock()
	defer t.proc.mu.Unlock()
	return t.traits.nice != 0 || t.traits.policy == abi.SCHED_IDLE || t.traits.affinity != nil
}

// setTLS works out the thread pointer of a new task.
func (t *Task) setTLS(parent *Task, tls uint64) (uint64, abi.Errno) {
	if parent.is64() {
		return tls, 0
	}
	m, e := parent.Bytes(tls, abi.SizeofI386UserDesc, false)
	if e != 0 {
		return 0, e
	}
	i := int(int32(binary.LittleEndian.Uint32(m[abi.I386UserDescEntryNumber:]))) - firstTLSEntry
	if i < 0 || i >= len(t.tls) {
		return 0, abi.EINVAL
	}
	t.tls[i] = userDesc{
		base:  binary.LittleEndian.Uint32(m[abi.I386UserDescBaseAddr:]),
		limit: binary.LittleEndian.Uint32(m[abi.I386UserDescLimit:]),
		flags: binary.LittleEndian.Uint32(m[abi.I386UserDescLimit+4:]),
	}
	base, e := t.segmentBase(t.gs)
	return uint64(base), e
}

// Gone is called when the task's thread has ended and its CPU is about to go. A
// task whose process has ended did not leave by itself, and until the very end
// there may be somebody who has a signal for it.
func (t *Task) Gone() {
	t.proc.sig.mu.Lock()
	t.leaving = true
	t.proc.sig.mu.Unlock()
	t.proc.removeTask(t)
}

// leave does what is due at the end of a thread, and ends the process with the
// last one: with its status, as newer versions of Linux have it (older ones took the
// main thread's).
func (t *Task) leave() {
	p := t.proc
	// Memory that is gone keeps no thread from ending.
	t.spared(t.releaseRobust)
	t.releasePI()
	t.spared(func() {
		if t.clearTID != 0 && t.WriteUint32(t.clearTID, 0) == 0 {
			k := t.futexKey(t.clearTID, false)
			b := p.futex.bucket(k)
			b.mu.Lock()
			_, _ = b.wake(k, 1, ^uint32(0))
			b.mu.Unlock()
		}
	})
	if p.removeTask(t) == 0 {
		p.exit(t.status, 0)
		return
	}
	p.retarget(t, ^uint64(0))
}
