//go:build linux

package kernel

import (
	"encoding/binary"
	"testing"
	"time"

	"bee/image"
	"bee/runtime/abi"
)

// scratch maps a page to pass structures in.
func scratch(t *testing.T, task *Task, at uint64) uint64 {
	t.Helper()
	name := "mmap"
	if task.proc.Arch == image.I386 {
		name = "mmap2"
	}
	p, err := call(t, task, name, at, abi.PageSize, protRW, anonFixed, noFD, 0)
	if err != 0 {
		t.Fatal(err)
	}
	return p
}

// TestAbort is what abort(3) does at its end.
func TestAbort(t *testing.T) {
	task, _ := testSpace(t, image.I386)
	pid := uint64(task.proc.pid)
	if _, err := call(t, task, "tgkill", pid, pid, abi.SIGABRT); err != 0 {
		t.Fatal(err)
	}
	if s, ok := task.Exited(); !ok || s != 134 {
		t.Errorf("%d %v", s, ok)
	}
}

func TestSignals(t *testing.T) {
	task, arena := testSpace(t, image.AMD64)
	p := scratch(t, task, arena.Lo)
	pid := uint64(task.proc.pid)
	raise := func(sig uint64) {
		t.Helper()
		if _, err := call(t, task, "kill", pid, sig); err != 0 {
			t.Fatal(err)
		}
	}
	set := func(sig, handler uint64) {
		t.Helper()
		_ = task.WriteUint64(p, handler)
		if _, err := call(t, task, "rt_sigaction", sig, p, p+64, 8); err != 0 {
			t.Fatal(err)
		}
	}
	raise(0)
	raise(abi.SIGCHLD)
	set(abi.SIGTERM, abi.SIG_IGN)
	raise(abi.SIGTERM)
	set(abi.SIGUSR1, 0x1234)
	if _, ok := task.Exited(); ok {
		t.Fatal("ignored signals end the process")
	}
	set(abi.SIGUSR1, abi.SIG_DFL)
	if old, _ := task.ReadUint64(p + 64); old != 0x1234 {
		t.Errorf("old handler %#x", old)
	}
	// Blocked, it waits.
	_ = task.WriteUint64(p, 1<<(abi.SIGUSR1-1))
	if _, err := call(t, task, "rt_sigprocmask", abi.SIG_BLOCK, p, 0, 8); err != 0 {
		t.Fatal(err)
	}
	raise(abi.SIGUSR1)
	if _, err := call(t, task, "rt_sigpending", p+8, 8); err != 0 {
		t.Fatal(err)
	}
	if v, _ := task.ReadUint64(p + 8); v != 1<<(abi.SIGUSR1-1) {
		t.Errorf("pending %#x", v)
	}
	if _, ok := task.Exited(); ok {
		t.Fatal("a blocked signal ends the process")
	}
	if _, err := call(t, task, "rt_sigprocmask", abi.SIG_UNBLOCK, p, 0, 8); err != 0 {
		t.Fatal(err)
	}
	if s, ok := task.Exited(); !ok || s != 128+abi.SIGUSR1 {
		t.Errorf("%d %v", s, ok)
	}
	for _, c := range []struct {
		name string
		args []uint64
		want abi.Errno
	}{
		{"rt_sigaction", []uint64{abi.SIGKILL, p, 0, 8}, abi.EINVAL},
		{"rt_sigaction", []uint64{65, 0, 0, 8}, abi.EINVAL},
		{"rt_sigaction", []uint64{1, 0, 0, 4}, abi.EINVAL},
		{"kill", []uint64{pid, 65}, abi.EINVAL},
		{"kill", []uint64{1 << 30, 1}, abi.ESRCH},
		{"tgkill", []uint64{pid, pid + 1, 1}, abi.ESRCH},
		{"sigaltstack", []uint64{8, 0}, abi.EFAULT},
	} {
		if _, err := call(t, task, c.name, c.args...); err != c.want {
			t.Errorf("%s%v: %v, want %v", c.name, c.args, err, c.want)
		}
	}
}

func TestThreadArea(t *testing.T) {
	task, arena := testSpace(t, image.I386)
	cpu := task.cpu.(*testCPU)
	p := scratch(t, task, arena.Lo)
	desc := func(entry, base uint32) {
		for i, v := range []uint32{entry, base, 0xfffff, 0x51} {
			_ = task.WriteUint32(p+uint64(4*i), v)
		}
	}
	desc(0xffffffff, 0x1000)
	if _, err := call(t, task, "set_thread_area", p); err != 0 {
		t.Fatal(err)
	}
	if n, _ := task.ReadUint32(p); n != 12 {
		t.Fatalf("entry %d", n)
	}
	if cpu.base != 0 {
		t.Error("the base counts before the selector is loaded")
	}
	if err := task.LoadGS(0x63); err != 0 || cpu.base != 0x1000 || task.GS() != 0x63 {
		t.Errorf("%v %#x", err, cpu.base)
	}
	desc(12, 0x2000)
	if _, err := call(t, task, "set_thread_area", p); err != 0 || cpu.base != 0x2000 {
		t.Errorf("the loaded entry changes: %v %#x", err, cpu.base)
	}
	desc(0xffffffff, 0x3000)
	_, _ = call(t, task, "set_thread_area", p)
	if n, _ := task.ReadUint32(p); n != 13 {
		t.Errorf("entry %d", n)
	}
	if err := task.LoadGS(0x73); err != abi.EINVAL {
		t.Errorf("an empty entry loads: %v", err)
	}
	desc(11, 0)
	if _, err := call(t, task, "set_thread_area", p); err != abi.EINVAL {
		t.Error(err)
	}
	desc(12, 0)
	if _, err := call(t, task, "get_thread_area", p); err != 0 {
		t.Error(err)
	}
	if b, _ := task.ReadUint32(p + 4); b != 0x2000 {
		t.Errorf("%#x", b)
	}
}

func TestTime(t *testing.T) {
	for _, arch := range []image.Arch{image.I386, image.AMD64} {
		task, arena := testSpace(t, arch)
		p := scratch(t, task, arena.Lo)
		if _, err := call(t, task, "clock_gettime", abi.CLOCK_REALTIME, p); err != 0 {
			t.Fatal(err)
		}
		now := uint64(time.Now().Unix())
		if s, _ := task.ReadPtr(p); s > now || now-s > 2 {
			t.Errorf("%d, now %d", s, now)
		}
		if v, _ := call(t, task, "time", 0); v > now+1 || now-v > 2 {
			t.Errorf("%d, now %d", v, now)
		}
		w := uint64(task.ptrSize())
		_ = task.WritePtr(p, 0)
		_ = task.WritePtr(p+w, 20e6)
		start := time.Now()
		if _, err := call(t, task, "nanosleep", p, 0); err != 0 || time.Since(start) < 20*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		_ = task.WritePtr(p+w, 1e9)
		if _, err := call(t, task, "nanosleep", p, 0); err != abi.EINVAL {
			t.Error(err)
		}
		if _, err := call(t, task, "clock_gettime", 99, p); err != abi.EINVAL {
			t.Error(err)
		}
		// An absolute time that has passed.
		_ = task.WritePtr(p+w, 0)
		if _, err := call(t, task, "clock_nanosleep", abi.CLOCK_MONOTONIC, abi.TIMER_ABSTIME, p, 0); err != 0 {
			t.Error(err)
		}
		if _, err := call(t, task, "getrusage", 0, p); err != 0 {
			t.Error(err)
		}
		_ = task.WriteUint32(p, 5)
		if _, err := call(t, task, "futex", p, abi.FUTEX_WAIT, 4, 0); err != abi.EAGAIN {
			t.Error(err)
		}
		_ = task.WritePtr(p+64, 0)
		_ = task.WritePtr(p+64+w, 1e6)
		if _, err := call(t, task, "futex", p, abi.FUTEX_WAIT, 5, p+64); err != abi.ETIMEDOUT {
			t.Error(err)
		}
	}
}

func TestIdentity(t *testing.T) {
	task, arena := testSpace(t, image.I386)
	p := scratch(t, task, arena.Lo)
	ok := func(want uint64, name string, args ...uint64) {
		t.Helper()
		if v, err := call(t, task, name, args...); err != 0 || v != want {
			t.Errorf("%s%v = %d (%v), want %d", name, args, v, err, want)
		}
	}
	fails := func(want abi.Errno, name string, args ...uint64) {
		t.Helper()
		if _, err := call(t, task, name, args...); err != want {
			t.Errorf("%s%v: %v, want %v", name, args, err, want)
		}
	}
	ok(uint64(task.proc.pid), "getpid")
	ok(uint64(task.proc.pid), "gettid")
	ok(1000, "getuid32")
	ok(1000, "getegid")
	ok(0, "setuid32", 1000)
	ok(0, "setresuid32", 0xffffffff, 1000, 0xffffffff)
	ok(0, "setreuid", 0xffff, 1000)
	fails(abi.EPERM, "setuid32", 0)
	fails(abi.EPERM, "setgid", 5)
	fails(abi.EINVAL, "setuid32", 0xffffffff)
	ok(1, "getgroups32", 0, 0)
	ok(0, "getresuid", p, p+2, p+4)
	if b, _ := task.Bytes(p, 8, false); binary.LittleEndian.Uint16(b[4:]) != 1000 || b[6] != 0 {
		t.Errorf("% x", b)
	}
	ok(0, "uname", p)
	if s, _ := task.CString(p+4*65, 65); s != "x86_64" {
		t.Errorf("machine %q", s)
	}
	ok(0, "personality", personalityLinux32)
	ok(0, "uname", p)
	if s, _ := task.CString(p+4*65, 65); s != "i686" {
		t.Errorf("machine %q", s)
	}
	_ = task.CopyOut(p, []byte("a long name of a thread\x00"))
	ok(0, "prctl", abi.PR_SET_NAME, p)
	ok(0, "prctl", abi.PR_GET_NAME, p+64)
	if s, _ := task.CString(p+64, 16); s != "a long name of " {
		t.Errorf("name %q", s)
	}
	ok(0, "ugetrlimit", abi.RLIMIT_STACK, p)
	if v, _ := task.ReadUint64(p); v != 0xffffffff<<32|8<<20 {
		t.Errorf("limit %#x", v)
	}
	ok(0, "prlimit64", 0, abi.RLIMIT_NOFILE, 0, p)
	if v, _ := task.ReadUint64(p); v != 1024 {
		t.Errorf("limit %d", v)
	}
	fails(abi.EINVAL, "ugetrlimit", 16, p)
	ok(64, "getrandom", p, 64, 0)
	fails(abi.EINVAL, "getrandom", p, 64, 99)
	ok(4, "sched_getaffinity", 0, 128, p)
	fails(abi.EINVAL, "sched_getaffinity", 0, 3, p)
	ok(0, "sysinfo", p)
	fails(abi.ENOSYS, "fork")
	fails(abi.EINVAL, "clone3")
	fails(abi.ENOSYS, "clone", 17) // SIGCHLD: a process
	fails(abi.ECHILD, "wait4", 0xffffffff, 0, 0, 0)
	ok(0, "exit_group", 0x107)
	if s, done := task.Exited(); !done || s != 7 {
		t.Errorf("%d %v", s, done)
	}
}

// TestTables checks that every row of the areas' lists names a system call of
// its architecture: a misspelt name would be left out without a word.
func TestTables(t *testing.T) {
	names := map[string]image.Arch{}
	for _, n := range abi.I386Syscalls() {
		names[n] |= image.I386
	}
	for _, n := range abi.AMD64Syscalls() {
		names[n] |= image.AMD64
	}
	seen := map[string]image.Arch{}
	for _, c := range calls() {
		arch := c.Arch
		if arch == 0 {
			arch = image.I386 | image.AMD64
		}
		if names[c.Name]&arch == 0 || (c.Arch != 0 && names[c.Name]&arch != arch) {
			t.Errorf("%s: no such system call", c.Name)
		}
		if seen[c.Name]&arch != 0 {
			t.Errorf("%s: listed twice", c.Name)
		}
		seen[c.Name] |= arch
		if c.Handler == nil {
			t.Errorf("%s: no handler", c.Name)
		}
		if c.Support == Partial && c.Note == "" {
			t.Errorf("%s: partial, without a note", c.Name)
		}
	}
}

func BenchmarkGetpid(b *testing.B) {
	task, _ := testSpace(b, image.I386)
	for b.Loop() {
		task.Syscall(abi.I386NrGetpid, Args{})
	}
}

func BenchmarkBytes(b *testing.B) {
	task, arena := testSpace(b, image.I386)
	a, _ := call(b, task, "mmap2", arena.Lo, abi.PageSize, protRW, anonFixed, noFD, 0)
	for b.Loop() {
		if _, err := task.Bytes(a, 100, true); err != 0 {
			b.Fatal(err)
		}
	}
}

// TestKillEndsWaits kills a process from outside while its task sleeps.
func TestKillEndsWaits(t *testing.T) {
	task, _ := testSpace(t, image.I386)
	go func() {
		time.Sleep(10 * time.Millisecond)
		task.Kill(abi.SIGINT)
	}()
	_, _ = call(t, task, "pause")
	if s, ok := task.Exited(); !ok || s != 130 {
		t.Errorf("%d %v", s, ok)
	}
	<-task.proc.Done()
}
