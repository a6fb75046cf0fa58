//go:build windows && (386 || amd64)

// Package runner is the guest's process from within: it builds the kernel's
// objects and the vCPU, loads the image and serves the guest until it ends.
package runner

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"bee/image"
	"bee/runtime/abi"
	"bee/runtime/kernel"
	"bee/runtime/launch"
	"bee/runtime/loader"
	"bee/runtime/vcpu"
	"bee/stubs"
)

// Guest is one program in this process.
type Guest struct {
	program string
	img     *image.Image
	elf     []byte // the program as it was before the rewriter
	proc    *kernel.Process
	task    *kernel.Task
	cpu     *vcpu.VCPU
	// concluded: somebody is about to end this process.
	concluded atomic.Bool
	//lint:ignore U1000 empty for IA-32
	widthState
}

// Run serves the guest described by a and gives its mark. Call it from the
// main goroutine; it locks its OS thread.
func Run(a *launch.Attached) launch.Mark {
	runtime.LockOSThread()
	g, err := prepare(a)
	if err != nil {
		var r *runnerError
		if errors.As(err, &r) {
			return launch.Mark{Kind: launch.MarkRunner, Value: r.status, Message: r.err.Error()}
		}
		return launch.Mark{Kind: launch.MarkRunner, Value: statusCannotRun, Message: err.Error()}
	}
	go g.watch(a)
	m := g.loop()
	g.conclude()
	if err := writeCounts(a.Config.CountCalls, g.proc); err != nil {
		return launch.Mark{Kind: launch.MarkRunner, Value: statusRunner, Message: err.Error()}
	}
	return m
}

// endGrace is how long the guest's thread has to notice that its process has
// ended.
const endGrace = 250 * time.Millisecond

// watch ends the process where the guest's own thread cannot: a signal from the
// terminal has ended the guest, which computes, or waits in a call of the host.
func (g *Guest) watch(a *launch.Attached) {
	<-g.proc.Done()
	time.Sleep(endGrace)
	m, ended := g.ended()
	if !ended {
		return
	}
	g.conclude()
	status := m.Value
	if m.Kind == launch.MarkSignaled {
		status += 128
	}
	a.Leave(m, status)
}

// conclude is for the first of those that end the process; a second one waits
// for that end.
func (g *Guest) conclude() {
	if !g.concluded.CompareAndSwap(false, true) {
		select {}
	}
	g.proc.Finish()
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
func prepare(a *launch.Attached) (*Guest, error) {
	f, err := image.ReadAgain(bytes.NewReader(a.Image), int64(len(a.Image)))
	if err != nil {
		return nil, err
	}
	im := f.Main()
	// From here on all addresses are those in memory.
	if err := im.MoveTo(a.Config.Base); err != nil {
		return nil, err
	}
	g := &Guest{program: a.Config.Program, img: im, elf: a.Image[:im.SourceSize]}

	slots, err := stubs.AllocateSlots()
	if err != nil {
		return nil, &runnerError{statusRunner, err}
	}
	if err := slots.InstallHandlers(); err != nil {
		return nil, &runnerError{statusRunner, err}
	}
	g.proc, err = newProcess(&a.Config, im, os.Stderr)
	if err != nil {
		return nil, err
	}

	thunks := uintptr(int64(im.Base) + im.TrampAddr)
	start, err := load(g, f, &a.Config, &slots, thunks)
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}

	space := g.proc.Space()
	g.cpu, err = vcpu.New(&slots, thunks, im.Mirrors, spaceWords{space})
	if err != nil {
		return nil, &runnerError{statusRunner, err}
	}
	g.task = g.proc.NewTask(g.cpu)
	if dir := a.Config.Cwd; dir != "" {
		if e := g.task.Chdir(dir); e != 0 {
			return nil, fmt.Errorf("--cwd %s: %w", dir, e)
		}
	}
	g.cpu.Start(start.Entry, start.SP)
	g.cpu.Bind()
	return g, nil
}

// spaceWords lets the vCPU touch memory through the address space's checks.
type spaceWords struct{ s *kernel.AddressSpace }

func (w spaceWords) ReadUint32(addr uint64) (uint32, abi.Errno) {
	var b [4]byte
	e := w.s.ReadSegment(addr, b[:])
	return binary.LittleEndian.Uint32(b[:]), e
}

func (w spaceWords) WriteUint32(addr uint64, v uint32) abi.Errno {
	return w.s.WriteSegment(addr, binary.LittleEndian.AppendUint32(nil, v))
}

func (w spaceWords) ReadUint64(addr uint64) (uint64, abi.Errno) {
	var b [8]byte
	e := w.s.ReadSegment(addr, b[:])
	return binary.LittleEndian.Uint64(b[:]), e
}

func (w spaceWords) WriteUint64(addr, v uint64) abi.Errno {
	return w.s.WriteSegment(addr, binary.LittleEndian.AppendUint64(nil, v))
}

// loop is the vCPU loop.
func (g *Guest) loop() launch.Mark {
	for {
		switch reason := g.cpu.Run(); reason {
		case stubs.ReasonSyscall, stubs.ReasonCall:
			nr, args := g.cpu.SyscallArgs()
			g.cpu.SetReturn(g.task.Syscall(nr, args))
			g.afterSyscall()
		case stubs.ReasonSysenter:
			g.sysenter()
		case stubs.ReasonInt80:
			g.int80()
		case stubs.ReasonEmulate:
			if m, ended := g.emulate(); ended {
				return m
			}
		case stubs.ReasonFault:
			if m, ended := g.fault(); ended {
				return m
			}
		case stubs.ReasonInterrupt:
			g.cpu.State.ExitNow = 0
		default:
			return g.brokenMark(fmt.Errorf("the guest came back for unknown reason %d", reason))
		}
		if m, ended := g.ended(); ended {
			return m
		}
	}
}

// brokenMark is the end by a failure of the runner.
func (g *Guest) brokenMark(err error) launch.Mark {
	return launch.Mark{Kind: launch.MarkRunner, Value: statusRunner, Message: err.Error()}
}

// die ends the guest as the signal does that Linux would send for f.
func (g *Guest) die(f Fault) (launch.Mark, bool) {
	g.task.Kill(f.Signal())
	return launch.Mark{Kind: launch.MarkSignaled, Value: uint32(f.Signal()), Message: f.String()}, true
}

// siteBytes is the site in front of resume, where the guest is to go on, and
// its original bytes.
func (g *Guest) siteBytes(resume uint64) (*image.Site, []byte, error) {
	site, err := siteBefore(g.img, resume)
	if err != nil {
		return nil, nil, err
	}
	raw := make([]byte, site.Len)
	return site, raw, loader.Original(bytes.NewReader(g.elf), g.img, g.img.Base+site.Addr, raw)
}

// ended tells how the process has ended, if it has.
func (g *Guest) ended() (launch.Mark, bool) {
	status, ok := g.task.Exited()
	if !ok {
		return launch.Mark{}, false
	}
	if _, sig, _ := g.proc.Exited(); sig != 0 {
		return launch.Mark{Kind: launch.MarkSignaled, Value: uint32(sig), Message: sig.Name()}, true
	}
	return launch.Mark{Kind: launch.MarkExited, Value: uint32(status)}, true
}
