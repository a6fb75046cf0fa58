//go:build windows && (386 || amd64)

package runner

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"bee/image"
	winhost "bee/runtime/host/windows"
	"bee/runtime/kernel"
	"bee/runtime/launch"
	"bee/runtime/loader"
	"bee/stubs"
)

// newProcess makes the kernel's objects from the configuration.
func newProcess(g *Guest, cfg *launch.Config, im *image.Image, stderr io.Writer) (*kernel.Process, error) {
	log := func(format string, args ...any) {
		fmt.Fprintf(stderr, "beerun: %s: %s\n", cfg.Program, fmt.Sprintf(format, args...))
	}
	space := kernel.SpaceConfig{Memory: winhost.Memory{}, Pause: g.gate.pause, Log: log}
	top := winhost.Memory{}.MaximumAddress()
	// Fixed mappings may lie above the arenas.
	space.Top = top &^ 0xffff
	for _, a := range arenas {
		if a.Lo < top {
			space.Arenas = append(space.Arenas, kernel.Range{Lo: a.Lo, Hi: min(a.Hi, top)})
		}
	}
	for _, r := range cfg.Reserved {
		space.Reserved = append(space.Reserved, kernel.Range{Lo: r.Lo, Hi: r.Hi})
	}
	as, err := kernel.NewAddressSpace(space)
	if err != nil {
		return nil, &runnerError{statusRunner, err}
	}

	files := kernel.FilesConfig{
		Host: winhost.NewFiles(), Root: cfg.Root,
		ExeHost: cfg.File, ExeOffset: cfg.Offset, ExeSize: int64(im.SourceSize),
	}
	for _, m := range cfg.Mounts {
		files.Mounts = append(files.Mounts, kernel.Mount{Guest: m.Guest, Host: m.Host})
	}
	k := kernel.Config{
		Arch: im.Arch, Space: as, Clock: winhost.NewClock(), System: winhost.System{},
		Files: files, Args: cfg.Args, Env: cfg.Env, Cwd: cfg.Cwd,
		Log: stderr, Spawn: g.spawn, NewParker: winhost.NewParker,
		OnFaultHandler: func() {
			if err := g.attached.WantDebugger(); err != nil {
				log("%v: handlers of faults find the memory below the stack pointer overwritten", err)
			}
		},
	}
	switch cfg.Strace {
	case launch.StraceCalls:
		k.Strace = stderr
	case launch.StraceSummary:
		k.Strace, k.StraceSummary = stderr, true
	}
	p, err := kernel.NewProcess(k)
	if err != nil {
		return nil, err
	}
	return p, nil
}

// signalFrame is the part of a signal's stack frame that does not depend on
// the processor, rounded up, in bytes (signal.h: siginfo, ucontext).
const signalFrame = 944

// load maps the program and builds its stack.
func load(g *Guest, f *image.File, cfg *launch.Config, slots *stubs.Slots, thunks uintptr) (*loader.Start, error) {
	_, _, _, hwcap := stubs.CPUID(1, 0)
	execFN := g.proc.Exe()
	if filepath.IsLocal(cfg.Program) || strings.HasPrefix(cfg.Program, ".") {
		execFN = strings.ReplaceAll(cfg.Program, `\`, "/") // relative, as Linux tells it
	}
	params := loader.Params{
		Args: cfg.Args, Env: cfg.Env, ExecFN: execFN,
		UID: g.proc.UID(), GID: g.proc.GID(),
		HWCap:       hwcap,
		MinSigStack: signalFrame + uint64(stubs.DetectVectorState().Size),
		Random:      winhost.System{}.Random,
		File:        &kernel.MapInfo{Path: g.proc.Exe()},
		AllowWX:     true,
	}
	thunkPage(&params, slots, thunks)
	if slots.Moved() {
		params.SlotDisp = func(s uint8) uint32 { return slots.Disp(stubs.Slot(s)) }
	}
	start, err := loader.Load(bytes.NewReader(g.elf), f.Main(), g.proc.Space(), params)
	if err == nil {
		g.proc.SetLayout(start.Layout())
	}
	return start, err
}
