//go:build linux

package kernel

import (
	"syscall"
	"testing"
	"time"

	"bee/image"
	"bee/runtime/abi"
)

// threadFlags are those of a thread of libc's.
const threadFlags = abi.CLONE_VM | abi.CLONE_FS | abi.CLONE_FILES | abi.CLONE_SIGHAND | abi.CLONE_THREAD | abi.CLONE_SYSVSEM

// spawnHere makes clone work without running what it makes; made are the tasks.
func spawnHere(p *Process) (made *[]*Task) {
	made = new([]*Task)
	p.spawn = func(_ *Registers, _ uint64, attach func(CPU) *Task) abi.Errno {
		*made = append(*made, attach(&testCPU{}))
		return 0
	}
	return made
}

func TestThreadsLimit(t *testing.T) {
	task, _ := testSpace(t, image.AMD64)
	p := task.proc
	made := spawnHere(p)
	p.limits[abi.RLIMIT_NPROC].cur = 3
	for i := range 4 {
		if _, e := call(t, task, "clone", threadFlags); (e == 0) != (i < 2) || e != 0 && e != abi.EAGAIN {
			t.Errorf("thread %d: %v", i+2, e)
		}
	}
	call(t, (*made)[0], "exit", 0)
	if _, e := call(t, task, "clone", threadFlags); e != 0 {
		t.Errorf("after one has ended: %v", e)
	}
}

// hide takes pages away behind the kernel's back, as a file on a drive that
// fails does, and gives them back.
func hide(t *testing.T, at uint64, prot uintptr) {
	t.Helper()
	if _, _, e := syscall.Syscall(syscall.SYS_MPROTECT, uintptr(at), abi.PageSize, prot); e != 0 {
		t.Fatal(e)
	}
}

// Memory that is gone when a thread ends keeps neither the thread nor those
// who wait for its locks.
func TestEndWithoutMemory(t *testing.T) {
	for _, arch := range []image.Arch{image.I386, image.AMD64} {
		task, _ := testSpace(t, arch)
		p := task.proc
		name := "mmap"
		if arch == image.I386 {
			name = "mmap2"
		}
		at, e := call(t, task, name, 0, abi.PageSize, abi.PROT_READ|abi.PROT_WRITE, abi.MAP_PRIVATE|abi.MAP_ANONYMOUS, 0xffffffff, 0)
		if e != 0 {
			t.Fatal(e)
		}
		owner, waiter := p.NewTask(&testCPU{}), p.NewTask(&testCPU{})
		lock := at + 64
		if _, e := call(t, owner, "futex", lock, abi.FUTEX_LOCK_PI|abi.FUTEX_PRIVATE_FLAG); e != 0 {
			t.Fatal(e)
		}
		call(t, owner, "set_tid_address", at+128)
		call(t, owner, "set_robust_list", at+256, uint64(3*owner.ptrSize()))
		done := make(chan abi.Errno, 1)
		go func() {
			_, e := call(t, waiter, "futex", lock, abi.FUTEX_LOCK_PI|abi.FUTEX_PRIVATE_FLAG)
			done <- e
		}()
		b := p.futex.bucket(owner.futexKey(lock, true))
		for waiting := false; !waiting; time.Sleep(time.Millisecond) {
			b.mu.Lock()
			waiting = b.head != nil
			b.mu.Unlock()
		}
		hide(t, at, syscall.PROT_NONE)
		call(t, owner, "exit", 0)
		hide(t, at, syscall.PROT_READ|syscall.PROT_WRITE)
		if e := <-done; e != 0 {
			t.Errorf("who waited: %v", e)
		}
		if p.task(owner.tid) != nil {
			t.Error("the thread is still there")
		}
		if _, e := call(t, task, "futex", lock, abi.FUTEX_WAKE|abi.FUTEX_PRIVATE_FLAG, 1); e != 0 {
			t.Errorf("afterwards: %v", e)
		}
	}
}

// A stack that is gone when a signal comes is one that is no good: SIGSEGV ends
// the program.
func TestFrameWithoutMemory(t *testing.T) {
	task, arena := testSpace(t, image.AMD64)
	at, e := call(t, task, "mmap", arena.Lo, abi.PageSize, abi.PROT_READ|abi.PROT_WRITE, abi.MAP_PRIVATE|abi.MAP_ANONYMOUS, ^uint64(0), 0)
	if e != 0 {
		t.Fatal(e)
	}
	task.cpu.(*testCPU).regs.SP = at + abi.PageSize
	task.proc.sig.actions[abi.SIGUSR1] = sigaction{handler: 0x1000, flags: abi.SA_RESTORER}
	hide(t, at, syscall.PROT_NONE)
	defer hide(t, at, syscall.PROT_READ|syscall.PROT_WRITE)
	task.sendInfo(siginfo{sig: abi.SIGUSR1})
	task.Deliver()
	if _, sig, ok := task.proc.Exited(); !ok || sig != abi.SIGSEGV {
		t.Errorf("ended %v by %v", ok, sig)
	}
}

// A call waits under a mask of its own, and the frame of the handler that ends it
// does not fit: the handler of SIGSEGV returns to the mask before the call too.
func TestMaskBehindBadStack(t *testing.T) {
	task, arena := testSpace(t, image.AMD64)
	p := task.proc
	const size = 64 << 10
	at, e := call(t, task, "mmap", arena.Lo, size, abi.PROT_READ|abi.PROT_WRITE, abi.MAP_PRIVATE|abi.MAP_ANONYMOUS, ^uint64(0), 0)
	if e != 0 {
		t.Fatal(e)
	}
	cpu := task.cpu.(*testCPU)
	cpu.regs.SP = 4096
	task.altStack = sigStack{sp: at, size: size}
	p.sig.actions[abi.SIGUSR1] = sigaction{handler: 0x1000, flags: abi.SA_RESTORER}
	p.sig.actions[abi.SIGSEGV] = sigaction{handler: 0x2000, flags: abi.SA_RESTORER | abi.SA_ONSTACK}
	task.setMask(sigBit(abi.SIGUSR2))
	task.waitMask(0)
	task.sendInfo(siginfo{sig: abi.SIGUSR1})
	task.Deliver()
	if cpu.regs.PC != 0x2000 {
		t.Fatalf("goes on at %#x", cpu.regs.PC)
	}
	mask, _ := task.ReadUint64(cpu.regs.SP + abi.AMD64RtSigframeUc + abi.AMD64UcontextSigmask)
	if mask != sigBit(abi.SIGUSR2) {
		t.Errorf("the frame's mask is %#x", mask)
	}
}
