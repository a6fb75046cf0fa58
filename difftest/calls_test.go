//go:build linux

package difftest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bee/runtime/kernel"
)

const callOutput = "read(file) = 5\n\thello\nread(bad fd) = EBADF\nwrite(file) = ok\nnot a call\ntee(pipe) = 3\nclose(tee: result) = ok\n"

func TestParseCalls(t *testing.T) {
	got := parseCalls(callOutput)
	want := []callResult{
		{"read", "file", "read(file) = 5\n\thello\n", false},
		{"read", "bad fd", "read(bad fd) = EBADF\n", true},
		{"write", "file", "write(file) = ok\n", false},
		{"", "", "not a call\n", false},
		{"tee", "pipe", "tee(pipe) = 3\n", false},
		{"close", "tee: result", "close(tee: result) = ok\n", false},
	}
	if len(got) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%d: %+v, want %+v", i, got[i], want[i])
		}
	}
}

func newCallCase() *callCase {
	return &callCase{
		support: map[string]kernel.Support{"read": kernel.Full, "write": kernel.Partial, "close": kernel.Full, "tee": kernel.None},
		known:   map[string]string{},
		counts:  map[string]callCount{"read": {1, 1}, "write": {1, 0}, "close": {1, 0}},
	}
}

// What is compared must see each kind of difference, and no other.
func TestCallDiff(t *testing.T) {
	for _, c := range []struct{ what, old, new, want string }{
		{"nothing", "", "", ""},
		{"result", "read(bad fd) = EBADF", "read(bad fd) = EINVAL", "+read(bad fd) = EINVAL"},
		{"data", "hello", "hullo", "hullo"},
		{"what is no call", "not a call", "no call", "no call"},
		{"a line less", "write(file) = ok\n", "", "write"},
		{"a line more", "write(file) = ok\n", "write(file) = ok\nread(more) = 1\n", "more"},
		{"the last line", "close(tee: result) = ok\n", "close(tee: result) = EBADF\n", ""},
		{"a call that is not there", "tee(pipe) = 3", "tee(pipe) = ENOSYS", ""},
		{"a call that is known to differ", "write(file) = ok", "write(file) = EIO", ""},
	} {
		cc := newCallCase()
		if c.what == "a call that is known to differ" {
			cc.known["write(file)"] = "reason"
		}
		got := cc.diff(callOutput, strings.Replace(callOutput, c.old, c.new, 1))
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q in it", c.what, got, c.want)
		}
	}
}

func TestCallJudge(t *testing.T) {
	differs := strings.Replace(callOutput, "write(file) = ok", "write(file) = EIO", 1)
	for _, c := range []struct {
		what, got string
		change    func(*callCase)
		want      string
	}{
		{"all right", callOutput, func(*callCase) {}, ""},
		{"too few successes counted", callOutput, func(c *callCase) { c.counts["write"] = callCount{0, 3} }, "write: the program tells of 1"},
		{"too few errors counted", callOutput, func(c *callCase) { c.counts["read"] = callCount{9, 0} }, "read: the program tells of 1"},
		{"known, and differs", differs, func(c *callCase) { c.known["write(file)"] = "reason" }, ""},
		{"known, and differs no longer", callOutput, func(c *callCase) { c.known["write(file)"] = "reason" }, "differs no longer"},
		{"known, and not there", callOutput, func(c *callCase) { c.known["write(pipe)"] = "reason" }, `no line "write(pipe)"`},
	} {
		cc := newCallCase()
		c.change(cc)
		got := strings.Join(cc.judge(callOutput, c.got), "\n")
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q in it", c.what, got, c.want)
		}
	}
}

func TestCallProofs(t *testing.T) {
	p := proofs{of: map[Arch]map[string]callProof{}}
	p.add(AMD64, "call_b", parseCalls("read(x) = 1\nread(y) = EBADF\nclose(x) = ok\ngetpid() = ok\npipe(x) = EFAULT\n"))
	p.add(AMD64, "call_a", parseCalls("read(x) = 1\nclose(x) = ok\n"))
	text, missing := p.lines(AMD64, map[string]string{"getpid": "it cannot fail"}, map[string]string{"write": "reason"})
	if want := "getpid call_b it cannot fail\nread call_b\n"; text != want {
		t.Errorf("%q, want %q", text, want)
	}
	all := strings.Join(missing, "\n") + "\n"
	for _, want := range []string{"close: call_a compares no error\n", "pipe: call_b compares no success\n", "open: no test makes it\n"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is not told", want)
		}
	}
	if strings.Contains(all, "write:") || strings.Contains(all, "getpid") {
		t.Error("an exempt call is told as missing")
	}
}

func TestReadCounts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "counts")
	counts := map[string]callCount{"read": {1, 2}}
	if err := os.WriteFile(path, []byte("0 read 3 4\n-1 syscall 0 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := readCounts(path, counts); err != nil || counts["read"] != (callCount{4, 6}) || counts["syscall"] != (callCount{0, 1}) {
		t.Errorf("%v, %v", counts, err)
	}
	if err := os.WriteFile(path, []byte("read 3 4\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := readCounts(path, counts); err == nil {
		t.Error("a damaged line is no error")
	}
}
