//go:build linux

package kernel

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bee/image"
	"bee/runtime/abi"
)

// addTestTask makes a further thread, which nobody runs.
func addTestTask(p *Process, mask uint64) *Task {
	t := p.NewTask(&testCPU{})
	t.sigMask = mask
	return t
}

// drain takes all that is pending, whoever's it is.
func drain(t *Task) (sigs []abi.Signal, codes []int32) {
	s := &t.proc.sig
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		in, ok := t.takeSignal(^uint64(0))
		if !ok {
			return sigs, codes
		}
		sigs, codes = append(sigs, in.sig), append(codes, in.code)
	}
}

// Faults come first, then the lowest number; those from 32 on as often as they
// were sent, in that order, the others once with what was told first.
func TestSignalOrder(t *testing.T) {
	task, _ := testSpace(t, image.AMD64)
	task.sigMask = ^uint64(unblockable)
	for i, sig := range []abi.Signal{40, 35, abi.SIGUSR2, 40, abi.SIGHUP, abi.SIGUSR2, abi.SIGSEGV, 35} {
		if !task.sendInfo(siginfo{sig: sig, code: int32(-100 - i)}) {
			t.Fatalf("%d was refused", sig)
		}
	}
	sigs, codes := drain(task)
	if want := []abi.Signal{abi.SIGSEGV, abi.SIGHUP, abi.SIGUSR2, 35, 35, 40, 40}; !slices.Equal(sigs, want) {
		t.Errorf("order %v, want %v", sigs, want)
	}
	if want := []int32{-106, -104, -102, -101, -107, -100, -103}; !slices.Equal(codes, want) {
		t.Errorf("codes %v, want %v", codes, want)
	}
	if own, shared := task.pendingSet(); own|shared != 0 {
		t.Errorf("pending afterwards %#x %#x", own, shared)
	}
}

// A task's own signals come before the process's.
func TestOwnSignalsFirst(t *testing.T) {
	task, _ := testSpace(t, image.AMD64)
	task.sigMask = ^uint64(unblockable)
	task.proc.sendInfo(siginfo{sig: abi.SIGHUP})
	task.sendInfo(siginfo{sig: abi.SIGUSR2})
	if sigs, _ := drain(task); !slices.Equal(sigs, []abi.Signal{abi.SIGUSR2, abi.SIGHUP}) {
		t.Errorf("order %v", sigs)
	}
}

func TestSignalLimit(t *testing.T) {
	task, _ := testSpace(t, image.AMD64)
	p := task.proc
	task.sigMask = ^uint64(unblockable)
	p.limits[abi.RLIMIT_SIGPENDING].cur = 3
	queued := func(sig abi.Signal) bool { return p.sendInfo(siginfo{sig: sig, code: abi.SI_QUEUE}) }
	for i := range 5 {
		if got := queued(40); got != (i < 3) {
			t.Errorf("number %d: %v", i, got)
		}
	}
	if !queued(abi.SIGUSR1) {
		t.Error("a signal that is no real-time one was refused")
	}
	if !p.sendInfo(p.sentBy(41, abi.SI_USER)) {
		t.Error("kill was refused")
	}
	if task.sendInfo(siginfo{sig: 42, code: abi.SI_QUEUE}) {
		t.Error("the limit is the process's, not the task's")
	}
	if sigs, _ := drain(task); !slices.Equal(sigs, []abi.Signal{abi.SIGUSR1, 40, 40, 40, 41}) {
		t.Errorf("taken %v", sigs)
	}
}

// A signal of the process goes to a thread that does not hold it back; the
// first thread where it may choose, and another where that one masks it later,
// or ends.
func TestSignalChoosesThread(t *testing.T) {
	task, _ := testSpace(t, image.AMD64)
	p := task.proc
	p.sig.actions[abi.SIGUSR1] = sigaction{handler: 0x1000}
	bit := sigBit(abi.SIGUSR1)
	second, third := addTestTask(p, bit), addTestTask(p, 0)
	told := func() (who []int) {
		for i, o := range []*Task{task, second, third} {
			if o.cpu.(*testCPU).kicked.Swap(0) != 0 {
				who = append(who, i)
			}
		}
		return who
	}
	p.sendInfo(siginfo{sig: abi.SIGUSR1})
	if who := told(); !slices.Equal(who, []int{0}) {
		t.Errorf("told %v", who)
	}
	task.setMask(bit)
	if who := told(); !slices.Equal(who, []int{2}) {
		t.Errorf("after the first has masked it: told %v", who)
	}
	third.setMask(bit)
	if who := told(); who != nil {
		t.Errorf("all have masked it: told %v", who)
	}
	second.setMask(0)
	if !second.Attention() {
		t.Error("the one that unmasks it does not see it")
	}
	second.setMask(bit)
	second.waitSet = bit
	p.sig.mu.Lock()
	p.offer(p.taskList, bit)
	p.sig.mu.Unlock()
	if len(second.wake) != 1 {
		t.Error("the one that waits for it was not told")
	}
}

// The process has ended, and with it threads that did not leave by themselves:
// whoever still sends a signal must not touch their processors.
func TestSignalAfterTheEnd(t *testing.T) {
	task, _ := testSpace(t, image.AMD64)
	p := task.proc
	p.sig.actions[abi.SIGUSR1] = sigaction{handler: 0x1000}
	task.sigMask = ^uint64(unblockable)
	other := addTestTask(p, 0)
	cpu := other.cpu.(*testCPU)
	p.exit(3, 0)
	other.Gone()
	cpu.kicked.Store(0)
	p.sendInfo(siginfo{sig: abi.SIGUSR1})
	other.sendInfo(siginfo{sig: abi.SIGUSR1})
	p.retarget(task, ^uint64(0))
	if n := cpu.kicked.Load(); n != 0 {
		t.Errorf("the processor of a thread that is no more was asked %d times", n)
	}
}

// /proc tells what waits for one thread, and for any.
func TestPendingInProc(t *testing.T) {
	task, _ := testSpace(t, image.AMD64)
	task.setMask(^uint64(unblockable))
	task.sendInfo(siginfo{sig: abi.SIGHUP})
	task.proc.sendInfo(siginfo{sig: abi.SIGUSR1})
	text := task.proc.statusText(task.tid)
	for _, want := range []string{"SigPnd:\t0000000000000001\n", "ShdPnd:\t0000000000000200\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

// What would stop the program is told once and does nothing; what continues it
// does nothing.
func TestStopIsIgnored(t *testing.T) {
	task, _ := testSpace(t, image.AMD64)
	var log strings.Builder
	task.proc.log = &log
	for _, sig := range []abi.Signal{abi.SIGSTOP, abi.SIGTSTP, abi.SIGTTIN, abi.SIGCONT, abi.SIGSTOP} {
		if !task.proc.sendInfo(siginfo{sig: sig}) {
			t.Errorf("%s was refused", sig.Name())
		}
	}
	if _, ended := task.Exited(); ended || task.Attention() {
		t.Error("it has done something")
	}
	if n := strings.Count(log.String(), "\n"); n != 1 {
		t.Errorf("%d lines:\n%s", n, log.String())
	}
}

// Senders, a thread that masks and unmasks, and one that changes dispositions:
// every signal is taken or forgotten, none stays.
func TestSignalHammer(t *testing.T) {
	task, _ := testSpace(t, image.AMD64)
	p := task.proc
	const sig = abi.Signal(40)
	p.sig.actions[sig] = sigaction{handler: 0x1000}
	const senders, each = 4, 500
	var wg sync.WaitGroup
	for range senders {
		wg.Go(func() {
			for range each {
				for !p.sendInfo(siginfo{sig: sig, code: abi.SI_QUEUE}) {
					time.Sleep(time.Microsecond)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	taken := 0
	for more := true; more; {
		select {
		case <-done:
			more = false
		default:
		}
		task.setMask(sigBit(sig))
		task.setMask(0)
		for task.Attention() {
			p.sig.mu.Lock()
			if _, ok := task.takeSignal(^task.sigMask); ok {
				taken++
			}
			task.recalc()
			p.sig.mu.Unlock()
		}
	}
	if taken != senders*each {
		t.Errorf("%d of %d signals", taken, senders*each)
	}
}

// A frame and the return from it, without a processor: registers, mask and
// alternate stack come back; a frame that does not fit is none.
func TestFrameRoundTrip(t *testing.T) {
	for _, arch := range []image.Arch{image.I386, image.AMD64} {
		task, arena := testSpace(t, arch)
		p := scratch(t, task, arena.Lo)
		cpu := task.cpu.(*testCPU)
		before := Registers{AX: 1, CX: 2, DX: 3, BX: 4, SP: p + 4000, BP: 6, SI: 7, DI: 8, PC: 0x1234, Flags: 0x202 | 1}
		before.FP = make([]byte, fxsaveSize)
		before.FP[offMXCSR+1] = 0x1f
		cpu.regs = before
		task.sigMask = 0x2000
		act := sigaction{handler: 0x5000, restorer: 0x6000, flags: abi.SA_SIGINFO | abi.SA_RESTORER}
		in := siginfo{sig: abi.SIGUSR1}
		task.handle(&in, &act)
		if cpu.regs.PC != 0x5000 || cpu.regs.SP >= before.SP-redZone || task.sigMask != 0x2000|sigBit(abi.SIGUSR1) {
			t.Fatalf("%v: handler at %#x, stack %#x, mask %#x", arch, cpu.regs.PC, cpu.regs.SP, task.sigMask)
		}
		cpu.regs.SP += uint64(task.ptrSize()) // its return
		if _, e := call(t, task, "rt_sigreturn"); e != 0 || !task.Replaced() {
			t.Fatalf("%v: rt_sigreturn: %v", arch, e)
		}
		after := cpu.regs
		if after.FP = nil; after.PC != before.PC || after.SP != before.SP || after.AX != 1 || after.DI != 8 || after.Flags != before.Flags || task.sigMask != 0x2000 {
			t.Errorf("%v: came back with %+v, mask %#x", arch, after, task.sigMask)
		}
		cpu.regs.SP = 64
		task.handle(&in, &act)
		if status, ended := task.Exited(); !ended || status != 128+int(abi.SIGSEGV) {
			t.Errorf("%v: no stack: %d %v", arch, status, ended)
		}
	}
}
