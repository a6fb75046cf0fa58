package kernel

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bee/image"
	"bee/runtime/abi"
)

// TestMain lets the test program play a guest that copies standard input.
func TestMain(m *testing.M) {
	if os.Getenv("BEE_TEST_COPY") != "" {
		os.Exit(copyInput(os.Getenv("BEE_TEST_COPY")))
	}
	os.Exit(m.Run())
}

type dieTB struct{ testing.TB }

func (dieTB) Helper()           {}
func (dieTB) Cleanup(func())    {}
func (dieTB) Fatal(args ...any) { panic(args) }
func (dieTB) Fatalf(f string, args ...any) {
	panic(f)
}
func (dieTB) Errorf(f string, args ...any) { panic(f) }

// copyInput reads standard input in pieces of 3 bytes and writes them to
// standard output, as a guest. "head" stops after two.
func copyInput(mode string) int {
	b := newBox(dieTB{}, image.I386)
	buf := b.put(make([]byte, 3))
	for i := 0; mode != "head" || i < 2; i++ {
		n, e := b.sys("read", 0, buf, 3)
		if e != 0 {
			return int(e)
		}
		if n == 0 {
			break
		}
		if _, e := b.sys("write", 1, buf, n); e != 0 {
			if status, sig, ok := b.task.proc.Exited(); ok && sig == abi.SIGPIPE {
				return status
			}
			return int(e)
		}
	}
	return 0
}

func TestStandardStreams(t *testing.T) {
	dir := testDir(t)
	in := filepath.Join(dir, "in")
	if err := os.WriteFile(in, []byte("0123456789"), 0o644); err != nil {
		t.Fatal(err)
	}
	run := func(mode string, stdin io.Reader, stdout io.Writer) int {
		t.Helper()
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), "BEE_TEST_COPY="+mode)
		c.Stdin, c.Stdout, c.Stderr = stdin, stdout, os.Stderr
		err := c.Run()
		if c.ProcessState == nil {
			t.Fatal(err)
		}
		return c.ProcessState.ExitCode()
	}
	var out bytes.Buffer
	if status := run("all", strings.NewReader("through a pipe"), &out); status != 0 || out.String() != "through a pipe" {
		t.Errorf("pipe: %d %q", status, out.String())
	}

	// A file: two guests one after the other share the position.
	f, err := os.Open(in)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Seek(1, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	if status := run("head", f, &out); status != 0 || out.String() != "123456" {
		t.Errorf("file, first: %d %q", status, out.String())
	}
	out.Reset()
	if status := run("all", f, &out); status != 0 || out.String() != "789" {
		t.Errorf("file, second: %d %q", status, out.String())
	}

	// Output to a file, at its position and appended.
	o, err := os.Create(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.WriteString("head:"); err != nil {
		t.Fatal(err)
	}
	run("all", strings.NewReader("one."), o)
	run("all", strings.NewReader("two."), o)
	o.Close()
	if s, _ := os.ReadFile(o.Name()); string(s) != "head:one.two." {
		t.Errorf("output %q", s)
	}

	// A reader that goes away.
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	if status := run("all", strings.NewReader("nobody reads this"), w); status != 128+int(abi.SIGPIPE) {
		t.Errorf("broken pipe: %d", status)
	}
	w.Close()

	// NUL.
	out.Reset()
	if status := run("all", nil, &out); status != 0 || out.Len() != 0 {
		t.Errorf("null device: %d %q", status, out.String())
	}
}
