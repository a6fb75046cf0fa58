//go:build windows && (386 || amd64)

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"

	"bee/image"
	"bee/internal/address"
	"bee/internal/exe"
	"bee/rewrite"
)

// infoFlag, as the only argument, is for the runner; all others are the
// program's.
const infoFlag = "--bee-info"

// runCarried runs the program that this executable carries, if it does
// (beerewrite --exe). beerun's flags do not exist then: every argument is the
// program's.
func runCarried(args []string) (int, bool) {
	if !carries() {
		return 0, false
	}
	self, err := os.Executable()
	if err != nil {
		return report(fmt.Errorf("where this executable lies: %w", err)), true
	}
	f, err := os.Open(self)
	if err != nil {
		return report(cannot(err)), true
	}
	defer f.Close()
	p, err := openCarried(self, f)
	if err != nil {
		return report(err), true
	}
	if len(args) == 1 && args[0] == infoFlag {
		if err := p.info(os.Stdout, f); err != nil {
			return report(cannot(err)), true
		}
		return 0, true
	}
	status, _, err := runGuest(&options{}, p, append([]string{commandName(self)}, args...))
	if err != nil {
		return report(err), true
	}
	return status, true
}

// commandName is the program's argv[0]: the executable's name without folder
// and ".exe". So a program that looks at its name, as busybox does, is another
// one under another name.
func commandName(self string) string {
	name := filepath.Base(self)
	if ext := filepath.Ext(name); strings.EqualFold(ext, ".exe") && len(name) > len(ext) {
		name = name[:len(name)-len(ext)]
	}
	return name
}

// carries looks at the headers of this executable as the loader has mapped
// them: most runners carry nothing, and must not read a file to learn it.
func carries() bool {
	var module windows.Handle
	if err := windows.GetModuleHandleEx(0, nil, &module); err != nil {
		return false
	}
	// The headers are mapped as a whole page.
	headers := unsafe.Slice((*byte)(address.Pointer(uintptr(module))), exe.HeadersSize)
	return exe.Carries(headers)
}

// openCarried reads the program in the executable r.
func openCarried(path string, r io.ReaderAt) (*program, error) {
	c, err := exe.Find(r)
	if err == nil && c == nil {
		err = errors.New("a Windows executable that holds no Linux program")
	}
	if err != nil {
		return nil, cannot(fmt.Errorf("%s: %w", path, err))
	}
	b, err := c.Bee(r)
	if err != nil {
		return nil, cannot(fmt.Errorf("%s: %w", path, err))
	}
	f, err := image.Read(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, cannot(fmt.Errorf("%s: the program in it, at %#x: %w", path, c.Offset, err))
	}
	return &program{path: path, name: c.Name, offset: c.Offset, bee: b, image: f.Main()}, nil
}

// info prints what the executable holds.
func (p *program) info(w io.Writer, f *os.File) error {
	st, err := f.Stat()
	if err != nil {
		return err
	}
	i, err := rewrite.Inspect(p.name, p.bee)
	if err != nil {
		return err
	}
	r := i.Report
	width := "32-bit Windows, or a 64-bit one"
	if p.image.Arch == image.AMD64 {
		width = "64-bit Windows"
	}
	kind := "at " + r.Base
	if r.PIE {
		kind = "position-independent"
	}
	var b bytes.Buffer
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-10s %s\n", name, fmt.Sprintf(format, args...))
	}
	line("program", "%s", p.name)
	line("sha256", "%s", r.SHA256)
	line("width", "%s, %s; runs on %s", r.Arch, kind, width)
	line("libc", "%s", r.Libc)
	line("sites", "%d", r.Sites)
	for _, c := range r.Counts {
		line("", "%d %s: %s", c.Count, c.Kind, c.Tactic)
	}
	line("rewriter", "beerewrite %s, file format %d", r.Rewriter, image.FormatVersion)
	line("sizes", "program %d, with patches %d, executable %d bytes", r.Size, len(p.bee), st.Size())
	_, err = b.WriteTo(w)
	return err
}
