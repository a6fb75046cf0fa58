//go:build linux

package kernel

import (
	"bytes"
	goflag "flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"
	"time"

	"bee/image"
	"bee/runtime/abi"
)

var hammerTime = goflag.Duration("hammer", 500*time.Millisecond, "time for each subject of TestTasksAtOnce")

// hammer is one of several tasks of a process that make calls at once.
type hammer struct {
	testing.TB
	task  *Task
	nr    map[string]uint32
	rnd   *rand.Rand
	mem   uint64 // pages of this task alone
	words uint64 // a page of all
	area  uint64 // addresses that all map and unmap
	peers []*Task
}

// Bytes of the hammers' memory.
const (
	hammerOwn   = 40 << 10
	hammerStack = 28 << 10 // the stack ends there in a task's own
	hammerArea  = 256 << 10
)

func (h *hammer) sys(name string, args ...uint64) (uint64, abi.Errno) {
	nr, ok := h.nr[name]
	if !ok {
		h.Fatalf("no system call %s", name)
	}
	var a Args
	copy(a[:], args)
	cpu := h.task.cpu.(*testCPU)
	cpu.regs.SP = h.mem + hammerStack
	r := makeCall(h.task, nr, a)
	if r < 0 && r > -4096 {
		return 0, abi.Errno(-r)
	}
	return uint64(r), 0
}

// text puts a string into this task's own memory.
func (h *hammer) text(s string) uint64 {
	at := h.mem + hammerStack + 64 + uint64(h.rnd.IntN(8))*1024
	_ = h.task.CopyOut(at, append([]byte(s), 0))
	return at
}

func (h *hammer) n(n int) uint64 { return uint64(h.rnd.IntN(n)) }

// fd is a descriptor that somebody may have open.
func (h *hammer) fd() uint64 { return 3 + h.n(12) }

func (h *hammer) files() {
	name := func() string { return fmt.Sprintf("/f%d", h.n(6)) }
	fd := h.fd()
	switch h.n(18) {
	case 0, 1, 2:
		h.sys("openat", abi.AT_FDCWD&0xffffffff, h.text(name()), abi.O_RDWR|abi.O_CREAT|h.n(2)*abi.O_APPEND, 0o644)
	case 3, 4:
		h.sys("close", fd)
	case 5:
		h.sys("dup2", fd, h.fd())
	case 6:
		h.sys("dup3", fd, h.fd(), abi.O_CLOEXEC)
	case 7, 8:
		h.sys("read", fd, h.mem, 512)
	case 9, 10:
		h.sys("write", fd, h.mem, 100)
	case 11:
		h.sys("lseek", fd, h.n(1000), h.n(3))
	case 12:
		h.sys("fstat", fd, h.mem)
		h.sys("ftruncate", fd, h.n(2000))
	case 13:
		h.sys("fcntl", fd, abi.F_SETFL, abi.O_NONBLOCK|h.n(2)*abi.O_APPEND)
		h.sys("fcntl", fd, abi.F_GETFL)
		h.sys("fcntl", fd, abi.F_SETFD, h.n(2))
	case 14:
		h.sys("unlink", h.text(name()))
	case 15:
		h.sys("rename", h.text(name()), h.mem)
	case 16:
		h.sys("mkdir", h.text(fmt.Sprintf("/d%d", h.n(3))), 0o755)
		h.sys("chdir", h.text(fmt.Sprintf("/d%d", h.n(4))))
		h.sys("getcwd", h.mem, 200)
		h.sys("umask", h.n(64))
	case 17:
		if d, e := h.sys("openat", abi.AT_FDCWD&0xffffffff, h.text("/"), abi.O_RDONLY|abi.O_DIRECTORY); e == 0 {
			h.sys("getdents64", d, h.mem, 2000)
			h.sys("close", d)
		}
	}
}

func (h *hammer) pipes() {
	fd := h.fd()
	switch h.n(14) {
	case 0:
		h.sys("pipe2", h.mem, abi.O_NONBLOCK)
	case 1:
		h.sys("eventfd2", h.n(5), abi.O_NONBLOCK)
	case 2, 3:
		h.sys("close", fd)
	case 4, 5:
		h.sys("write", fd, h.mem, 8+h.n(4096))
	case 6, 7:
		h.sys("read", fd, h.mem, 8+h.n(8192))
	case 8:
		h.sys("dup2", fd, h.fd())
	case 9:
		h.sys("epoll_create1", 0)
	case 10, 11:
		_ = h.task.CopyOut(h.mem, []byte{byte(h.n(8)), 0, 0, byte(h.n(2) << 7), 1, 2, 3, 4, 5, 6, 7, 8})
		h.sys("epoll_ctl", fd, 1+h.n(3), h.fd(), h.mem)
	case 12:
		h.sys("epoll_pwait", fd, h.mem, 8, h.n(3), 0, 8)
	case 13:
		var b []byte
		for range 4 {
			b = append(b, byte(h.fd()), 0, 0, 0, byte(h.n(8)), 0, 0, 0)
		}
		_ = h.task.CopyOut(h.mem, b)
		h.sys("poll", h.mem, 4, h.n(3))
	}
}

func (h *hammer) memory() {
	at := h.area + h.n(hammerArea>>12)<<12
	size := (1 + h.n(8)) << 12
	size = min(size, h.area+hammerArea-at)
	switch h.n(12) {
	case 0, 1, 2:
		h.sys("mmap", at, size, h.n(4), anonFixed, noFD, 0)
	case 3:
		h.sys("munmap", at, size)
	case 4, 5:
		h.sys("mprotect", at, size, h.n(4))
	case 6:
		h.sys("madvise", at, size, abi.MADV_DONTNEED)
	case 7, 8:
		// The pages may go while the call looks at them.
		h.sys("uname", at+h.n(4096))
	case 9:
		h.sys("rt_sigprocmask", abi.SIG_BLOCK, at+h.n(4096), at+h.n(4096), 8)
	case 10:
		h.sys("mincore", at, size, h.mem)
	case 11:
		h.sys("brk", 0)
		h.sys("mremap", at, 4096, 8192, 0)
	}
}

func (h *hammer) proc() {
	p := h.text([]string{
		"/proc/self/maps", "/proc/self/status", "/proc/self/stat", "/proc/self/statm", "/proc/self/limits", "/proc/self/comm",
		"/proc/self/cmdline", "/proc/thread-self/status", "/proc/meminfo", fmt.Sprintf("/proc/self/task/%d/stat", h.peers[h.n(len(h.peers))].tid),
		fmt.Sprintf("/proc/self/fd/%d", h.fd()), fmt.Sprintf("/proc/self/fdinfo/%d", h.fd()),
	}[h.n(12)])
	switch h.n(6) {
	case 0, 1, 2:
		if fd, e := h.sys("openat", 0, p, abi.O_RDONLY|abi.O_NONBLOCK); e == 0 {
			h.sys("read", fd, h.mem, 4000)
			h.sys("close", fd)
		}
	case 3:
		if fd, e := h.sys("openat", 0, h.text([]string{"/proc/self/task", "/proc/self/fd"}[h.n(2)]), abi.O_RDONLY|abi.O_DIRECTORY); e == 0 {
			h.sys("getdents64", fd, h.mem, 4000)
			h.sys("close", fd)
		}
	case 4:
		h.sys("prctl", abi.PR_SET_NAME, h.text("name"))
		h.sys("sched_setaffinity", 0, 8, h.mem)
		h.sys("sched_getaffinity", uint64(h.peers[h.n(len(h.peers))].tid), 8, h.mem)
	case 5:
		h.sys("setpriority", 0, 0, h.n(3))
		h.sys("getrusage", 0, h.mem)
		_ = h.task.WriteUint64(h.mem, 20+h.n(100))
		_ = h.task.WriteUint64(h.mem+8, 4096)
		h.sys("prlimit64", 0, abi.RLIMIT_NOFILE, h.mem, h.mem+16)
	}
}

func (h *hammer) futexes() {
	word := func() uint64 { return h.words + 4*h.n(4) }
	timeout := func() uint64 {
		_ = h.task.WriteUint64(h.mem, 0)
		_ = h.task.WriteUint64(h.mem+8, h.n(2_000_000))
		return h.mem
	}
	const private = abi.FUTEX_PRIVATE_FLAG
	lock := h.words + 64 + 4*h.n(2)
	switch h.n(8) {
	case 0, 1:
		h.sys("futex", word(), abi.FUTEX_WAIT|private, 0, timeout())
	case 2:
		h.sys("futex", word(), abi.FUTEX_WAKE|private, h.n(3))
	case 3:
		h.sys("futex", word(), abi.FUTEX_CMP_REQUEUE|private, h.n(2), h.n(3), word(), 0)
	case 4:
		h.sys("futex", word(), abi.FUTEX_WAKE_OP|private, 1, 1, word(), 0)
	case 5:
		h.sys("futex", word(), abi.FUTEX_WAIT_BITSET|private, 0, timeout(), 0, 1+h.n(3))
	default:
		at := timeout() // of the real-time clock: in the past
		if h.n(3) > 0 {
			now := h.task.proc.clock.Realtime() + 3*time.Millisecond
			_ = h.task.WriteUint64(h.mem, uint64(now/time.Second))
			_ = h.task.WriteUint64(h.mem+8, uint64(now%time.Second))
		}
		if _, e := h.sys("futex", lock, abi.FUTEX_LOCK_PI|private, 0, at); e == 0 {
			if v, _ := h.task.ReadUint32(lock); v&abi.FUTEX_TID_MASK != uint32(h.task.tid) {
				h.Errorf("task %d has the lock that says %#x", h.task.tid, v)
			}
			if _, e := h.sys("futex", lock, abi.FUTEX_UNLOCK_PI|private); e != 0 {
				h.Errorf("unlock: %v", e)
			}
		}
	}
}

func (h *hammer) signals() {
	sig := []uint64{abi.SIGUSR1, abi.SIGUSR2, abi.SIGWINCH, 34, 40}[h.n(5)]
	peer := uint64(h.peers[h.n(len(h.peers))].tid)
	switch h.n(9) {
	case 0:
		for i, v := range []uint64{[]uint64{0x4000, abi.SIG_IGN}[h.n(2)], abi.SA_RESTORER | h.n(2)*abi.SA_RESTART, 0x5000, 0} {
			_ = h.task.WriteUint64(h.mem+uint64(8*i), v)
		}
		h.sys("rt_sigaction", sig, h.mem, h.mem+64, 8)
	case 1, 2:
		h.sys("tgkill", uint64(h.task.proc.pid), peer, sig)
	case 3:
		h.sys("kill", uint64(h.task.proc.pid), sig)
	case 4, 5:
		_ = h.task.WriteUint64(h.mem, 1<<(sig-1))
		h.sys("rt_sigprocmask", h.n(3), h.mem, h.mem+8, 8)
	case 6:
		h.sys("rt_sigpending", h.mem, 8)
	case 7:
		_ = h.task.WriteUint64(h.mem, 1<<(sig-1))
		_ = h.task.WriteUint64(h.mem+8, 0)
		_ = h.task.WriteUint64(h.mem+16, h.n(1_000_000))
		h.sys("rt_sigtimedwait", h.mem, 0, h.mem+8, 8)
	case 8:
		_ = h.task.WriteUint64(h.mem, 0)
		_ = h.task.WriteUint64(h.mem+8, h.n(500_000))
		h.sys("nanosleep", h.mem, h.mem)
	}
}

// births makes tasks and lets them end.
func (h *hammer) births() {
	p := h.task.proc
	t := p.NewTask(&testCPU{})
	t.clearTID = h.words + 128 + 4*h.n(4)
	o := *h
	o.task = t
	o.sys("futex", h.words, abi.FUTEX_WAKE|abi.FUTEX_PRIVATE_FLAG, 1)
	o.sys("tgkill", uint64(p.pid), uint64(h.peers[h.n(len(h.peers))].tid), abi.SIGWINCH)
	o.sys("exit", 0)
	if p.task(t.tid) != nil {
		h.Errorf("task %d is still there", t.tid)
	}
}

// TestTasksAtOnce lets several tasks of one process make calls at once: for the
// race detector, and for what hangs.
func TestTasksAtOnce(t *testing.T) {
	subjects := []struct {
		name string
		do   func(*hammer)
	}{
		{"files", (*hammer).files},
		{"pipes", (*hammer).pipes},
		{"memory", (*hammer).memory},
		{"proc", (*hammer).proc},
		{"futexes", (*hammer).futexes},
		{"signals", (*hammer).signals},
		{"births", (*hammer).births},
	}
	for _, s := range subjects {
		t.Run(s.name, func(t *testing.T) { hammerOn(t, 6, func(_ int, h *hammer) { s.do(h) }) })
	}
	t.Run("all", func(t *testing.T) {
		hammerOn(t, 2*len(subjects), func(i int, h *hammer) { subjects[(i+int(h.n(2)))%len(subjects)].do(h) })
	})
}

func hammerOn(t *testing.T, n int, do func(i int, h *hammer)) {
	b := newBox(t, image.AMD64)
	p := b.task.proc
	nr := map[string]uint32{}
	for _, e := range p.table.Entries() {
		nr[e.Name()] = e.Nr
	}
	mapped := func(size uint64) uint64 {
		v, e := b.sys("mmap", 0, size, abi.PROT_READ|abi.PROT_WRITE, abi.MAP_PRIVATE|abi.MAP_ANONYMOUS, -1, 0)
		if e != 0 {
			t.Fatal("mmap", e)
		}
		return v
	}
	if _, e := b.sys("munmap", b.lo, uint64(512<<10)); e != 0 {
		t.Fatal("munmap", e)
	}
	words, area, own := mapped(4096), mapped(hammerArea), mapped(uint64(n)*hammerOwn)
	h0 := &hammer{TB: t, task: b.task, nr: nr, rnd: rand.New(rand.NewPCG(1, 1)), mem: own}
	for _, sig := range []int{abi.SIGPIPE, abi.SIGUSR1, abi.SIGUSR2, 34, 40} {
		ignore := make([]byte, 32)
		ignore[0] = abi.SIG_IGN
		if _, e := h0.sys("rt_sigaction", uint64(sig), h0.text(string(ignore)), 0, 8); e != 0 {
			t.Fatal("rt_sigaction", e)
		}
	}
	peers := []*Task{b.task}
	for i := 1; i < n; i++ {
		peers = append(peers, p.NewTask(&testCPU{}))
	}
	end := time.Now().Add(*hammerTime)
	var wg sync.WaitGroup
	for i, task := range peers {
		h := &hammer{TB: t, task: task, nr: nr, rnd: rand.New(rand.NewPCG(1, uint64(i))), mem: own + uint64(i)*hammerOwn, words: words, area: area, peers: peers}
		wg.Go(func() {
			debug.SetPanicOnFault(true)
			for time.Now().Before(end) && !task.exitedNow() {
				do(i, h)
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(*hammerTime + 30*time.Second):
		stacks := make([]byte, 1<<20)
		t.Fatalf("a task hangs\n%s", stacks[:runtime.Stack(stacks, true)])
	}
	if status, _, ok := p.Exited(); ok {
		t.Fatalf("the process has ended: %d", status)
	}
	if log, ok := p.log.(*bytes.Buffer); ok && log.Len() > 1<<16 {
		t.Errorf("%d bytes of messages", log.Len())
	}
}
