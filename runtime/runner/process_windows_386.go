package runner

import (
	"bytes"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"strings"

	"bee/image"
	winhost "bee/runtime/host/windows"
	"bee/runtime/kernel"
	"bee/runtime/launch"
	"bee/runtime/loader"
	"bee/stubs"
)

// Where the guest's mmap areas may lie in a 32-bit process. Above 2 GiB there
// is nothing of ours (large-address-aware executables on a 64-bit Windows);
// below it is what the image and the runner leave.
var arenas = []kernel.Range{
	{Lo: 0x8000_0000, Hi: 0xe000_0000},
	{Lo: 0x1000_0000, Hi: 0x4000_0000},
}

// newProcess makes the kernel's objects from the configuration.
func newProcess(cfg *launch.Config, im *image.Image, stderr io.Writer) (*kernel.Process, error) {
	log := func(format string, args ...any) {
		fmt.Fprintf(stderr, "beerun: %s: %s\n", cfg.Program, fmt.Sprintf(format, args...))
	}
	space := kernel.SpaceConfig{Memory: winhost.Memory{}, Log: log}
	top := winhost.Memory{}.MaximumAddress()
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
		ExeHost: filepath.Join(cfg.HostCwd, cfg.Program), ExeSize: int64(im.SourceSize),
	}
	if filepath.IsAbs(cfg.Program) {
		files.ExeHost = cfg.Program
	}
	for _, m := range cfg.Mounts {
		files.Mounts = append(files.Mounts, kernel.Mount{Guest: m.Guest, Host: m.Host})
	}
	k := kernel.Config{
		Arch: im.Arch, Space: as, Clock: winhost.NewClock(), System: winhost.System{},
		Files: files, Args: cfg.Args, Env: cfg.Env, Cwd: cfg.Cwd,
		Exe: path.Join("/", path.Base(guestName(cfg.Program))),
		Log: stderr,
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

// load maps the program and builds its stack.
func load(g *Guest, f *image.File, cfg *launch.Config, slots *stubs.Slots, thunks uint32) (*loader.Start, error) {
	_, _, _, hwcap := stubs.CPUID(1, 0)
	params := loader.Params{
		Args: cfg.Args, Env: cfg.Env, ExecFN: guestName(cfg.Program),
		UID: g.proc.UID(), GID: g.proc.GID(),
		HWCap:     hwcap,
		SysInfo:   uint64(thunks) + uint64(stubs.ThunkCall.Off()),
		Random:    winhost.System{}.Random,
		ThunkPage: stubs.ThunkPage32(thunks, slots.Disp, uint32(stubs.LeaveAddr())),
		File:      &kernel.MapInfo{Path: g.proc.Exe()},
		AllowWX:   true,
	}
	if slots.Moved() {
		params.SlotDisp = func(s uint8) uint32 { return slots.Disp(stubs.Slot(s)) }
	}
	return loader.Load(bytes.NewReader(g.elf), f.Main(), g.proc.Space(), params)
}

// guestName is the program's name as a Linux program writes it.
func guestName(program string) string { return strings.ReplaceAll(program, `\`, "/") }
