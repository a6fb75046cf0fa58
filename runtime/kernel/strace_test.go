//go:build linux

package kernel

import (
	"bytes"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"bee/image"
	"bee/runtime/abi"
	linuxhost "bee/runtime/host/linux"
)

func TestStrace(t *testing.T) {
	task, arena := testSpace(t, image.I386)
	var out bytes.Buffer
	task.proc.trace = newTracer(&out, false, linuxhost.Clock{})
	page, _ := call(t, task, "mmap2", arena.Lo, abi.PageSize, protRW, anonFixed, noFD, 0)
	_ = task.CopyOut(page, []byte("he said \"no\"\n\x01\x001\xff and so on and so forth\x00"))
	_ = task.CopyOut(page+256, []byte("/no/such\x00"))
	_, _ = call(t, task, "write", 99, page, 14)
	_, _ = call(t, task, "write", 99, page, 40)
	_, _ = call(t, task, "openat", uint64(^uint32(99)), 16, abi.O_WRONLY|abi.O_CREAT|abi.O_CLOEXEC, 0o644)
	_, _ = call(t, task, "brk", 0)
	_, _ = call(t, task, "mprotect", page+abi.PageSize, abi.PageSize, 0)
	_, _ = call(t, task, "kill", uint64(task.proc.pid), 0)
	_, _ = call(t, task, "rt_sigprocmask", abi.SIG_BLOCK, 0, page+512, 8)
	_, _ = call(t, task, "vfork")
	task.Syscall(9999, Args{1})
	_, _ = call(t, task, "exit_group", 3)
	task.proc.Finish()
	got := out.String()
	got = strings.ReplaceAll(got, pointer(page), "PAGE")
	got = strings.ReplaceAll(got, pointer(page+abi.PageSize), "NEXT")
	got = strings.ReplaceAll(got, pointer(page+512), "SET")
	got = regexp.MustCompile(`kill\(\d+`).ReplaceAllString(got, "kill(PID")
	got = regexp.MustCompile(` +=`).ReplaceAllString(got, " =")
	const want = `mmap2(PAGE, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0) = PAGE
write(99, "he said \"no\"\n\1", 14) = -1 EBADF (Bad file descriptor)
write(99, "he said \"no\"\n\1\0001\377 and so on and "..., 40) = -1 EBADF (Bad file descriptor)
openat(AT_FDCWD, 0x10, O_WRONLY|O_CREAT|O_CLOEXEC, 0644) = -1 EFAULT (Bad address)
brk(NULL) = 0
mprotect(NEXT, 4096, PROT_NONE) = -1 ENOMEM (Cannot allocate memory)
kill(PID, 0) = 0
rt_sigprocmask(SIG_BLOCK, NULL, [], 8) = 0
vfork() = -1 ENOSYS (Function not implemented)
syscall_0x270f(0x1, 0, 0, 0, 0, 0) = -1 ENOSYS (Function not implemented)
exit_group(3) = ?
+++ exited with 3 +++
`
	for i, w := range strings.Split(want, "\n") {
		if g := strings.Split(got, "\n"); i >= len(g) || g[i] != w {
			t.Errorf("line %d:\n got %s\nwant %s", i+1, append(g, "")[min(i, len(g))], w)
		}
	}
}

func TestStraceSummary(t *testing.T) {
	task, _ := testSpace(t, image.I386)
	var out bytes.Buffer
	task.proc.trace = newTracer(&out, true, linuxhost.Clock{})
	_, _ = call(t, task, "getpid")
	_, _ = call(t, task, "getpid")
	_, _ = call(t, task, "vfork")
	task.proc.Finish()
	for _, want := range []string{
		`(?m)^% time     seconds  usecs/call     calls    errors syscall$`,
		`(?m) 2           getpid$`, `(?m) 1         1 vfork$`, `(?m)^100\.00 .* 3         1 total$`,
	} {
		if !regexp.MustCompile(want).Match(out.Bytes()) {
			t.Errorf("no %s in\n%s", want, out.String())
		}
	}
}

// What a signal does shows as strace shows it.
func TestStraceSignals(t *testing.T) {
	for _, arch := range []image.Arch{image.I386, image.AMD64} {
		task, arena := testSpace(t, arch)
		var out bytes.Buffer
		name := map[image.Arch]string{image.I386: "mmap2", image.AMD64: "mmap"}[arch]
		stack, e := call(t, task, name, arena.Lo, 64<<10, protRW, anonFixed, noFD, 0)
		if e != 0 {
			t.Fatal(e)
		}
		p, cpu := task.proc, task.cpu.(*testCPU)
		p.trace = newTracer(&out, false, linuxhost.Clock{})
		p.sig.actions[abi.SIGUSR1] = sigaction{handler: 0x1000, restorer: 0x2000, flags: abi.SA_SIGINFO | abi.SA_RESTORER}
		cpu.regs.SP = stack + 64<<10
		task.setMask(sigBit(abi.SIGHUP))
		task.sendInfo(siginfo{sig: abi.SIGUSR1, code: abi.SI_TKILL, pid: 7, uid: 8})
		_, _ = call(t, task, "pause")
		cpu.regs.SP += uint64(task.ptrSize()) // the handler returns
		_, _ = call(t, task, "rt_sigreturn")
		task.Fault(FaultInfo{Signal: abi.SIGSEGV, Code: abi.SEGV_ACCERR, Addr: 0x123})
		p.Finish()
		const want = `pause()                                 = ? ERESTARTNOHAND (To be restarted if no handler)
--- SIGUSR1 {si_signo=SIGUSR1, si_code=SI_TKILL, si_pid=7, si_uid=8} ---
rt_sigreturn({mask=[HUP]})              = -1 EINTR (Interrupted system call)
--- SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_ACCERR, si_addr=0x123} ---
+++ killed by SIGSEGV +++
`
		if got := out.String(); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
}

// Memory that is gone when the trace looks at it does not end the program.
func TestStraceWithoutMemory(t *testing.T) {
	task, arena := testSpace(t, image.AMD64)
	var out bytes.Buffer
	at, e := call(t, task, "mmap", arena.Lo, abi.PageSize, protRW, anonFixed, noFD, 0)
	if e != 0 {
		t.Fatal(e)
	}
	task.proc.trace = newTracer(&out, false, linuxhost.Clock{})
	hide(t, at, syscall.PROT_NONE)
	_, e = call(t, task, "write", 99, at, 4)
	hide(t, at, syscall.PROT_READ|syscall.PROT_WRITE)
	if e != abi.EBADF {
		t.Errorf("the call: %v", e)
	}
	if !strings.HasPrefix(out.String(), "write(?") {
		t.Errorf("the line: %s", out.String())
	}
}
