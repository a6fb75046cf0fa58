//go:build windows && (386 || amd64)

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/windows"

	"bee/image"
	"bee/rewrite"
	"bee/runtime/launch"
	"bee/runtime/runner"
)

// How far the guest's heap (brk) may grow behind the image, at best: up to
// where the runner itself or the libraries begin.
const (
	room32 = 0x3000_0000
	room64 = 0x5800_0000
)

// goArenas is where the Go runtime of a 64-bit program wants its heap. The
// runner's own heap would go there.
var goArenas = launch.Range{Lo: 0xc0_0000_0000, Hi: 0xd0_0000_0000}

// reservation is what the guest needs of the new process's addresses.
func reservation(im *image.Image) launch.Reservation {
	r := launch.Reservation{Must: imageRange(im), Room: room32}
	if im.Arch == image.AMD64 {
		r.Room, r.Also = room64, []launch.Range{goArenas}
	}
	return r
}

// runParent runs the guest and leaves the mark that --mark asks for.
func runParent(o *options, args []string) (int, error) {
	p, err := open(args[0])
	status, line := 0, ""
	if err == nil {
		status, line, err = runGuest(o, p, args)
	}
	if o.mark == "" {
		return status, err
	}
	if line == "" {
		line = launch.Mark{Kind: launch.MarkRunner, Value: uint32(statusOf(err)), Message: err.Error()}.Line()
	}
	if e := os.WriteFile(o.mark, []byte(line+"\n"), 0o666); err == nil {
		err = e
	}
	return status, err
}

// runGuest starts the guest and waits for its end. line is the mark's; it is
// empty where there was no guest. args begin with the program's own name.
func runGuest(o *options, p *program, args []string) (status int, line string, err error) {
	mounts, err := o.mountList()
	if err != nil {
		return 0, "", err
	}
	env, err := o.guestEnv(os.Environ())
	if err != nil {
		return 0, "", err
	}
	im := p.image
	if im.PIE {
		if err := im.MoveTo(image.PIEBase); err != nil {
			return 0, "", cannot(fmt.Errorf("%s: %w", p.path, err))
		}
	}
	file, err := filepath.Abs(p.path)
	if err != nil {
		return 0, "", fmt.Errorf("%s: %w", p.path, err)
	}
	cfg := launch.Config{
		Program: p.path,
		File:    file,
		Offset:  p.offset,
		Args:    slices.Clone(args),
		Env:     env,
		Root:    o.root,
		Mounts:  mounts,
		Cwd:     o.cwd,
		Strace:  o.straceMode(),
		Base:    im.Base,
	}
	if o.counts != "" {
		if cfg.CountCalls, err = filepath.Abs(o.counts); err != nil {
			return 0, "", fmt.Errorf("--count-calls %s: %w", o.counts, err)
		}
	}
	if o.argv0 != "" {
		cfg.Args[0] = o.argv0
	}

	// Ctrl-C reaches the whole console group: the guest decides what it
	// means, and the parent stays to tell its status.
	pressed, err := stayThroughInterrupts()
	if err != nil {
		return 0, "", err
	}

	wide := im.Arch == image.AMD64
	exe, err := runnerOf(wide)
	if err != nil {
		return 0, "", fmt.Errorf("%s: %w", p.path, err)
	}
	res := reservation(im)
	if exe, err = launch.Executable(exe, wide, res.Must); err != nil {
		return 0, "", fmt.Errorf("%s: %w", p.path, err)
	}
	modes := findConsoleModes()
	child, err := launch.Start(exe, cfg, p.bee, res)
	if err != nil {
		return 0, "", fmt.Errorf("%s: %w", p.path, err)
	}
	defer child.Close()
	mark, raw, err := child.Wait()
	if err != nil {
		return 0, "", err
	}
	line = mark.Line()
	if mark.Kind == launch.MarkNone {
		modes.restore()
		if raw == 0 && pressed.seen() {
			raw = uint32(windows.STATUS_CONTROL_C_EXIT)
		}
		line = fmt.Sprintf("none %#x", raw)
	}
	status, err = conclude(p.path, mark, raw)
	return status, line, err
}

// conclude turns the mark into an exit status and, where the user must know,
// a line on standard error.
func conclude(program string, mark launch.Mark, status uint32) (int, error) {
	switch mark.Kind {
	case launch.MarkExited:
		return int(mark.Value), nil
	case launch.MarkSignaled:
		fmt.Fprintf(os.Stderr, "beerun: %s: %s\n", program, mark.Message)
		return 128 + int(mark.Value), nil
	case launch.MarkRunner:
		return 0, &statusError{int(mark.Value), fmt.Errorf("%s: %s", program, mark.Message)}
	}
	sig, message := runner.CutOff(status)
	if sig == 0 {
		return 0, &statusError{exitRunner, fmt.Errorf("%s: %s", program, message)}
	}
	if message != "" {
		message = " (" + message + ")"
	}
	fmt.Fprintf(os.Stderr, "beerun: %s: %s%s\n", program, sig.Name(), message)
	return 128 + int(sig), nil
}

// program is what runs.
type program struct {
	path   string // of the file that holds it
	name   string // its own, where an executable carries it
	offset int64  // where it begins in the file
	bee    []byte
	image  *image.Image
}

func cannot(err error) error { return &statusError{exitCannotRun, err} }

// open reads the program; a plain ELF file is rewritten.
func open(path string) (*program, error) {
	b, _, err := rewrite.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &statusError{exitNotFound, err}
	}
	if err != nil {
		return nil, cannot(err)
	}
	if bytes.HasPrefix(b, []byte("MZ")) {
		return openCarried(path, bytes.NewReader(b))
	}
	isELF := bytes.HasPrefix(b, []byte("\x7fELF"))
	isBee := image.IsBee(bytes.NewReader(b), int64(len(b))) || isELF && cutBee(b)
	if !isELF && !isBee {
		return nil, cannot(fmt.Errorf("%s: neither a .bee file nor a Linux program (ELF)", path))
	}
	var f *image.File
	if isBee {
		if f, err = image.Read(bytes.NewReader(b), int64(len(b))); err != nil {
			err = fmt.Errorf("%s: %w", path, err)
		}
	} else {
		b, f, err = rewritten(path, b)
	}
	if err != nil {
		return nil, cannot(err)
	}
	return &program{path: path, bee: b, image: f.Main()}, nil
}

// cutBee tells a .bee file that has lost its tail from a plain ELF file.
func cutBee(b []byte) bool {
	_, err := image.Read(bytes.NewReader(b), int64(len(b)))
	return errors.Is(err, image.ErrTruncated)
}

// imageRange is the image together with its trampolines.
func imageRange(im *image.Image) launch.Range {
	lo, hi := im.Base, im.Base+im.Size
	tlo := uint64(int64(im.Base) + im.TrampAddr)
	thi := tlo + 4096 + uint64(len(im.Tramp))
	return launch.Range{Lo: min(lo, tlo), Hi: max(hi, thi)}
}
