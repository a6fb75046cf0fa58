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
		{"386", "xlat %gs:(%ebx)", "cannot be patched"},
		{"386", "lods %gs:(%esi),%al", "string instruction"},
		{"386", "rep movsb %gs:(%esi),%es:(%edi)", "string instruction"},
		{"386", "addr16 mov %gs:(%bx),%eax", "address size"},
		{"386", ".byte 0x65; maskmovdqu %xmm1,%xmm2", "cannot be patched"},
		{"386", "movb %gs:0x15,%al", "part of a mirrored word"},
		{"386", "mov %gs:0x12,%eax", "end of a mirrored word"},
		{"386", "movups %gs:0x10,%xmm0", "end of a mirrored word"},
		{"386", "call *%gs:0x40", "indirect call"},
		{"386", "pop %gs:0x40(%esp)", "relative to the stack pointer"},
		{"386", "ljmp $0x33,$0x1000", "changes CS"},
		{"386", "lcall *%gs:0x40", "changes CS"},
		{"amd64", "xlat %fs:(%rbx)", "cannot be patched"},
		{"amd64", "mov %fs:0x40(%rip),%eax", "RIP-relative"},
		{"amd64", "mov %fs:(%eax),%eax", "address size"},
		{"amd64", "mov %gs:0x40,%rax", "%gs: operand"},
		{"amd64", "movabs %fs:0x123456789a,%rax", "64-bit absolute"},
		{"amd64", "stos %al,%es:(%rdi); lods %fs:(%rsi),%al", "string instruction"},
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
