//go:build windows && (386 || amd64)

// Package runner is the guest's process from within: it builds the kernel's
// objects and the vCPU, loads the image and serves the guest until it ends.
package runner

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"bee/image"
	"bee/runtime/kernel"
	"bee/runtime/launch"
	"bee/runtime/vcpu"
	"bee/stubs"
)

// Guest is one program in this process.
type Guest struct {
	program  string
	attached *launch.Attached
	img      *image.Image
	elf      []byte // the program as it was before the rewriter
	proc     *kernel.Process
	slots    *stubs.Slots
	thunks   uintptr // address of the thunk page
	gate     gate
	threads  atomic.Int32 // but for the first
	room     atomic.Int32 // see roomForThread
	// concluded: somebody is about to end this process.
	concluded atomic.Bool
	// last is the mark of a thread's fault, or of the runner's own failure,
	// that has ended the process.
	last atomic.Pointer[launch.Mark]
}

// Run serves the guest described by a and gives its mark. Call it from the
// main goroutine; it locks its OS thread.
func Run(a *launch.Attached) launch.Mark {
	runtime.LockOSThread()
	runtime.GOMAXPROCS(runtime.NumCPU() + spareProcs)
	debug.SetMaxThreads(math.MaxInt32) // roomForThread says when it is enough
	first, err := prepare(a)
	if err != nil {
		var r *runnerError
		if errors.As(err, &r) {
			return launch.Mark{Kind: launch.MarkRunner, Value: r.status, Message: r.err.Error()}
		}
		return launch.Mark{Kind: launch.MarkRunner, Value: statusCannotRun, Message: err.Error()}
	}
	g := first.g
	go g.watch(a)
	// All of the guest's threads may wait for ever, which Go would take for a
	// deadlock: a timer that is set is a way out to it.
	defer time.NewTimer(math.MaxInt64).Stop()
	first.loop()
	// The first thread may end before the others.
	<-g.proc.Done()
	return g.conclude()
}

// spareProcs is how many more of its processors Go may use than there are. To
// Go the guest's code is a system call, and so are waits: each keeps one of
// those processors until Go notices, which takes up to 10 ms, and whatever else
// wants to run, a kick or the thread that watches sockets, would wait for one.
const spareProcs = 16

// endGrace is how long the guest's thread has to notice that its process has
// ended.
const endGrace = 250 * time.Millisecond

// watch ends the process where the guest's own thread cannot: a signal from the
// terminal has ended the guest, which computes, or waits in a call of the host.
func (g *Guest) watch(a *launch.Attached) {
	<-g.proc.Done()
	time.Sleep(endGrace)
	m := g.conclude()
	status := m.Value
	if m.Kind == launch.MarkSignaled {
		status += 128
	}
	a.Leave(m, status)
}

// conclude is for the first of those that end the process; a second one waits
// for that end. Other threads may still be in the guest, but cannot be called
// back any more. The mark is the one to leave.
func (g *Guest) conclude() launch.Mark {
	if !g.concluded.CompareAndSwap(false, true) {
		select {}
	}
	g.proc.Finish()
	vcpu.StopKicks()
	if err := writeCounts(g.attached.Config.CountCalls, g.proc); err != nil {
		return launch.Mark{Kind: launch.MarkRunner, Value: statusRunner, Message: err.Error()}
	}
	return g.mark()
}

// beerun's own exit statuses.
const (
	statusRunner    = 125
	statusCannotRun = 126
)

// runnerError is a failure that is not the program's fault.
type runnerError struct {
	status uint32
	err    error
}

func (e *runnerError) Error() string { return e.err.Error() }
func (e *runnerError) Unwrap() error { return e.err }

// prepare builds everything up to the first instruction of the guest.
func prepare(a *launch.Attached) (*thread, error) {
	f, err := image.ReadAgain(bytes.NewReader(a.Image), int64(len(a.Image)))
	if err != nil {
		return nil, err
	}
	im := f.Main()
	// From here on all addresses are those in memory.
	if err := im.MoveTo(a.Config.Base); err != nil {
		return nil, err
	}
	g := &Guest{program: a.Config.Program, attached: a, img: im, elf: a.Image[:im.SourceSize]}

	slots, err := stubs.AllocateSlots()
	if err != nil {
		return nil, &runnerError{statusRunner, err}
	}
	g.slots = &slots
	if err := slots.InstallHandlers(); err != nil {
		return nil, &runnerError{statusRunner, err}
	}
	g.proc, err = newProcess(g, &a.Config, im, os.Stderr)
	if err != nil {
		return nil, err
	}

	g.proc.KnowRestorers(g.knownRestorer)

	g.thunks = uintptr(int64(im.Base) + im.TrampAddr)
	start, err := load(g, f, &a.Config, &slots, g.thunks)
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}

	th, err := g.newThread()
	if err != nil {
		return nil, &runnerError{statusRunner, err}
	}
	th.task = g.proc.NewTask(th.cpu)
	if dir := a.Config.Cwd; dir != "" {
		if e := th.task.Chdir(dir); e != 0 {
			return nil, fmt.Errorf("--cwd %s: %w", dir, e)
		}
	}
	th.cpu.Start(start.Entry, start.SP)
	return th, nil
}

// mark tells how the process has ended.
func (g *Guest) mark() launch.Mark {
	status, sig, _ := g.proc.Exited()
	if m := g.last.Load(); m != nil && (m.Kind != launch.MarkSignaled || m.Value == uint32(sig)) {
		return *m
	}
	if sig != 0 {
		return launch.Mark{Kind: launch.MarkSignaled, Value: uint32(sig), Message: sig.Name()}
	}
	return launch.Mark{Kind: launch.MarkExited, Value: uint32(status)}
}
