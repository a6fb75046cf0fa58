package runner

import (
	"bytes"
	"debug/elf"
	"os"
	"testing"

	"bee/rewrite"
	"bee/runtime/abi"
	"bee/runtime/loader"
)

// TestSites finds every site of a real program from the address behind it, be
// that the original one or the one in its trampoline, and its original bytes.
func TestSites(t *testing.T) {
	self, err := os.ReadFile("/proc/self/exe") // a static Go program, where cgo is off
	if err != nil {
		t.Skip("no /proc/self/exe: ", err)
	}
	r, err := rewrite.Bytes(self, rewrite.Options{})
	if err != nil {
		t.Skip("the test's own program is no static one: ", err)
	}
	im := &r.Manifest.Images[0]
	f, err := elf.NewFile(bytes.NewReader(self))
	if err != nil {
		t.Fatal(err)
	}
	text := f.Section(".text")
	code, err := text.Data()
	if err != nil {
		t.Fatal(err)
	}
	if len(im.Sites) == 0 {
		t.Fatal("no sites")
	}
	for _, s := range im.Sites {
		end := im.Base + s.Addr + uint64(s.Len)
		got, err := im.SiteBefore(end)
		if err != nil || got.Addr != s.Addr {
			t.Fatalf("site at %#x: found %+v, %v", s.Addr, got, err)
		}
		raw := make([]byte, s.Len)
		if err := loader.Original(bytes.NewReader(self), im, im.Base+s.Addr, raw); err != nil {
			t.Fatal(err)
		}
		if at := im.Base + s.Addr - text.Addr; at < text.Size && !bytes.Equal(raw, code[at:at+uint64(s.Len)]) {
			t.Fatalf("site at %#x: bytes % x, the file has % x", s.Addr, raw, code[at:at+uint64(s.Len)])
		}
	}
	tramps := 0
	for _, e := range im.PCMap {
		if pc, _ := im.OriginalPC(im.Base + e.Tramp); pc != im.Base+e.Orig {
			t.Fatalf("trampoline %#x is told as %#x, want %#x", e.Tramp, pc, im.Base+e.Orig)
		}
		tramps++
	}
	if tramps == 0 {
		t.Error("an empty PC map")
	}
	if pc, _ := im.OriginalPC(im.Base); pc != im.Base {
		t.Errorf("an address outside of trampolines became %#x", pc)
	}
	if _, err := im.SiteBefore(im.Base); err == nil {
		t.Error("a site in front of the image")
	}
	for _, addr := range []uint64{16, im.Base - 1, im.Base + im.Size, ^uint64(0) - 1} {
		if err := loader.Original(bytes.NewReader(self), im, addr, make([]byte, 4)); err == nil {
			t.Errorf("bytes at %#x, outside of all segments", addr)
		}
	}
}

func TestFaults(t *testing.T) {
	for _, c := range []struct {
		f    Fault
		sig  abi.Signal
		says string
	}{
		{Fault{Code: statusAccessViolation, Info: 1, Addr: 0x10, PC: 0x8049000, SP: 4}, abi.SIGSEGV, "SIGSEGV (write to 0x10 at 0x8049000, stack pointer 0x4)"},
		{Fault{Code: statusAccessViolation, Addr: noAddress32}, abi.SIGSEGV, "SIGSEGV (general protection at 0x0, stack pointer 0x0)"},
		{Fault{Code: statusAccessViolation, Addr: noAddress64}, abi.SIGSEGV, "SIGSEGV (general protection at 0x0, stack pointer 0x0)"},
		{Fault{Code: statusPrivileged}, abi.SIGSEGV, "SIGSEGV (privileged instruction at 0x0, stack pointer 0x0)"},
		{Fault{Code: statusIllegal}, abi.SIGILL, "SIGILL (illegal instruction at 0x0, stack pointer 0x0)"},
		{Fault{Code: statusIntDivide}, abi.SIGFPE, "SIGFPE (integer division at 0x0, stack pointer 0x0)"},
		{Fault{Code: statusFloatTraps}, abi.SIGFPE, "SIGFPE (exception 0xc00002b5 at 0x0, stack pointer 0x0)"},
		{Fault{Code: statusBreakpoint}, abi.SIGTRAP, "SIGTRAP (breakpoint at 0x0, stack pointer 0x0)"},
		{Fault{Code: statusInPageError, Addr: 8}, abi.SIGBUS, "SIGBUS (read of 0x8 at 0x0, stack pointer 0x0)"},
	} {
		if got := c.f.Signal(); got != c.sig {
			t.Errorf("%#x: %s, want %s", c.f.Code, got.Name(), c.sig.Name())
		}
		if got := c.f.String(); got != c.says {
			t.Errorf("%#x: %q, want %q", c.f.Code, got, c.says)
		}
	}
	for status, want := range map[uint32]abi.Signal{0: abi.SIGSEGV, statusAccessViolation: abi.SIGSEGV, statusStackOverflow: abi.SIGSEGV, statusControlC: abi.SIGINT, 3: 0} {
		if sig, _ := CutOff(status); sig != want {
			t.Errorf("no mark and status %#x: signal %d, want %d", status, sig, want)
		}
	}
}
