//go:build linux

package tebtest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"bee/image"
	"bee/rewrite"
	"bee/rewrite/plan"
)

// TestControl leaves out the patches of one kind of site: the program must not
// get away with it.
func TestControl(t *testing.T) {
	for _, c := range []struct {
		width  string
		kind   image.Kind
		signal syscall.Signal
	}{
		{"386", image.KindInt80, syscall.SIGSYS},
		{"386", image.KindTLSOperand, syscall.SIGSEGV},
		{"386", image.KindVsyscallCall, syscall.SIGSEGV},
		{"386", image.KindSegWrite, syscall.SIGSEGV},
		{"amd64", image.KindSyscall, syscall.SIGSYS},
		{"amd64", image.KindTLSOperand, syscall.SIGSEGV},
	} {
		option := "-m64"
		if c.width == "386" {
			option = "-m32"
		}
		exe := filepath.Join(t.TempDir(), "program")
		build(t, []string{"gcc", option, "-O2"}, exe, filepath.Join("..", "..", "testdata", "programs", "hello.c"))
		patchedBut(t, exe, exe+".patched", func(im *image.Image, p image.Patch) bool {
			for _, s := range im.Sites {
				if s.Kind == c.kind && s.Addr >= p.Addr && s.Addr < p.Addr+uint64(len(p.Data)) {
					return true
				}
			}
			return false
		})
		err := command(t, exe+".patched").Run()
		var ee *exec.ExitError
		if !errors.As(err, &ee) || ee.Sys().(syscall.WaitStatus).Signal() != c.signal {
			t.Errorf("%s without the patches of kind %d: %v, want %v", c.width, c.kind, err, c.signal)
		}
	}
}

// TestRefused holds what has no template: an error that names it, never a
// program in which it stays.
func TestRefused(t *testing.T) {
	for _, c := range []struct{ width, code, want string }{
		{"386", "addr16 lodsb %gs:(%si),%al", "16-bit addresses"},
		{"386", "addr16 rep movsb %gs:(%si),%es:(%di)", "16-bit addresses"},
		{"386", "callw *%gs:0x40", "operand size"},
		{"386", "jmpw *%gs:0x40", "operand size"},
		{"386", ".byte 0x65; monitor", "with this instruction"},
		{"386", "ljmp $0x33,$0x1000", "changes CS"},
		{"386", "lcall *%gs:0x40", "changes CS"},
		{"amd64", "vpgatherdd %xmm2,%fs:0x10(%eax,%xmm1,1),%xmm3", "gather"},
		{"amd64", "vaddps %fs:0x40(%eax),%zmm1,%zmm2", "compressed displacement"},
		{"amd64", "mov %gs:0x40,%rax", "%gs: operand"},
	} {
		option := "-m64"
		if c.width == "386" {
			option = "-m32"
		}
		dir := t.TempDir()
		src, exe := filepath.Join(dir, "a.s"), filepath.Join(dir, "a")
		text := ".globl _start\n.type _start,@function\n_start: nop; nop; nop; nop; nop\n" + c.code + "\nnop; nop; nop; nop; nop; jmp _start\n.size _start,.-_start\n"
		if err := os.WriteFile(src, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		build(t, []string{"gcc", option, "-nostdlib"}, exe, src)
		data, err := os.ReadFile(exe)
		if err != nil {
			t.Fatal(err)
		}
		_, err = rewrite.Bytes(data, rewrite.Options{Name: "a"})
		if !errors.Is(err, plan.ErrNoTactic) && !errors.Is(err, plan.ErrFar) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %q: %v, want %q", c.width, c.code, err, c.want)
		}
	}
}
