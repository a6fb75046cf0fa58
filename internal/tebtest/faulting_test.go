//go:build linux

package tebtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"bee/image"
)

// TestFaultingWindow runs a function with a jump that nobody can resolve: a
// program that goes on behind its site's window runs as ever, one that jumps to
// where a neighbour stood is killed by SIGSEGV, at the first byte (hlt and its
// like), rather than to run on wrongly.
func TestFaultingWindow(t *testing.T) {
	for _, w := range widths {
		t.Run(w.name, func(t *testing.T) {
			dir := t.TempDir()
			src, exe := filepath.Join(dir, "a.s"), filepath.Join(dir, "a")
			// r holds where to go: main+entered by argc, which no data names.
			text := `
	.globl _start
	.type _start,@function
_start:	pop %ecx
	cmp $2,%ecx
	je wild
	mov $back,%ebx
	jmp main
	.size _start,.-_start
	.type wild,@function
wild:	mov $back+0x1234,%ebx
	mov $main+2+0x4321,%esi
	sub $0x4321,%esi
	sub $0x1234,%ebx
	jmp *%esi
	.size wild,.-wild
	.type main,@function
main:	SITE
	cmp $-4095,%eax
	jmp *%ebx
	.size main,.-main
	.type end,@function
end:
back:	mov $EXIT,%eax
	xor %ebx,%ebx
	xor %edi,%edi
	SITE
	jmp back
	.size end,.-end
	.section .note.GNU-stack,"",@progbits
`
			site, exit := "int $0x80", "1"
			if w.name == "amd64" {
				site, exit = "syscall", "60"
				text = wideText(text)
			}
			text = fmt.Sprintf(".macro SITE\n%s\n.endm\n.set EXIT,%s\n%s", site, exit, text)
			if err := os.WriteFile(src, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			build(t, []string{"gcc", w.option, "-nostdlib"}, exe, src)
			im := patched(t, exe, exe+".patched")
			proofForm(t, exe, exe+".proof")
			n := 0
			for _, s := range im.Sites {
				if s.Proof == image.ProofFaulting {
					n++
				}
			}
			if n != 1 {
				t.Fatalf("%d sites proven by faulting bytes: %+v", n, im.Sites)
			}
			for _, file := range []string{exe, exe + ".patched", exe + ".proof"} {
				if err := command(t, file).Run(); err != nil {
					t.Errorf("%s: %v", filepath.Base(file), err)
				}
				err := command(t, file, "wild").Run()
				if file == exe {
					if err != nil {
						t.Errorf("natively, into the window: %v", err)
					}
					continue
				}
				var ee *exec.ExitError
				if !errors.As(err, &ee) || ee.Sys().(syscall.WaitStatus).Signal() != syscall.SIGSEGV {
					t.Errorf("%s, into the window: %v, want SIGSEGV", filepath.Base(file), err)
				}
			}
		})
	}
}

// wideText turns the registers that hold addresses into 64-bit ones.
func wideText(s string) string {
	return strings.NewReplacer("pop %ecx", "pop %rcx", "jmp *%ebx", "jmp *%rbx", "jmp *%esi", "jmp *%rsi").Replace(s)
}
