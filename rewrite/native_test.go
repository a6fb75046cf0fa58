//go:build linux

package rewrite

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"bee/image"
)

// run gives what a program prints and how it ends.
func run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	var ee *exec.ExitError
	if err != nil && !errors.As(err, &ee) {
		t.Fatal(err)
	}
	s := string(out)
	if ee != nil {
		s += ee.Error()
	}
	return s
}

// native rewrites a program in both forms and compares what they do with what
// the program itself does.
func native(t *testing.T, elf string, args ...string) {
	t.Helper()
	want := run(t, append([]string{elf}, args...)...)
	for _, form := range []Form{FormBee, FormLinuxProof} {
		out := elf + "." + form.String()
		if _, err := os.Stat(out); err != nil {
			if _, err := File(elf, out, Options{Form: form}); err != nil {
				t.Fatal(err)
			}
		}
		if got := run(t, append([]string{out}, args...)...); got != want {
			t.Errorf("%s %v as %v:\n%s\nthe program itself:\n%s", filepath.Base(elf), args, form, got, want)
		}
	}
}

func needX86(t *testing.T) {
	t.Helper()
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "386" {
		t.Skip("not an x86 machine")
	}
}

func TestNativeTiny(t *testing.T) {
	needX86(t)
	for _, arch := range []image.Arch{image.I386, image.AMD64} {
		p := filepath.Join(t.TempDir(), "tiny")
		if err := os.WriteFile(p, tiny(arch), 0o755); err != nil {
			t.Fatal(err)
		}
		native(t, p)
		if got := run(t, p); got != "tiny\nexit status 7" {
			t.Errorf("%s: %q", archName(arch), got)
		}
	}
	// No header to spare: the table moves into the trampoline segment.
	b := tiny(image.I386)
	b = set(b, ph32+3*next32, 4, 0x6474e551)
	p := filepath.Join(t.TempDir(), "moved")
	if err := os.WriteFile(p, b, 0o755); err != nil {
		t.Fatal(err)
	}
	native(t, p)
}

const helloC = `
#include <stdio.h>
#include <string.h>
#include <errno.h>
#include <unistd.h>
int main(int argc, char **argv) {
	errno = 0;
	close(99);
	printf("%d %s %ld\n", argc, strerror(errno), (long)write(1, "x\n", 2));
	return 3;
}
`

const throwCC = `
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>
#include <unistd.h>
static int deep(int n) {
	if (n == 0) {
		if (write(-1, "", 1) < 0) throw std::runtime_error("deep");
	}
	std::string s(n, 'x');
	return deep(n - 1) + s.size();
}
int main() {
	std::vector<std::thread> threads;
	int caught[4] = {};
	for (int i = 0; i < 4; i++)
		threads.emplace_back([&caught, i] {
			for (int k = 0; k < 500; k++)
				try { deep(20); } catch (const std::exception &) { caught[i]++; }
		});
	for (auto &t : threads) t.join();
	for (int c : caught) std::cout << c << " ";
	std::cout << std::endl;
}
`

const goroutinesGo = `package main

import "fmt"

func main() {
	c := make(chan int)
	for i := range 100 {
		go func() { c <- i }()
	}
	sum := 0
	for range 100 {
		sum += <-c
	}
	defer func() { fmt.Println(sum, recover()) }()
	var p *int
	fmt.Println(*p)
}
`

// Linux runs programs whose section headers are junk; so they are rewritten.
func TestNativeJunkSections(t *testing.T) {
	needX86(t)
	for name, b := range junkSections() {
		p := filepath.Join(t.TempDir(), "junk")
		if err := os.WriteFile(p, b, 0o755); err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) { native(t, p) })
	}
}

func TestNativeCompiled(t *testing.T) {
	needX86(t)
	if testing.Short() {
		t.Skip("compiles")
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"hello.c": helloC, "throw.cc": throwCC, "goroutines.go": goroutinesGo} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ name, command string }{
		{"glibc-386", "gcc -m32 -static -O1 hello.c -o"},
		{"glibc-386-stripped", "gcc -m32 -static -O1 -s hello.c -o"},
		{"glibc-386-lld", "gcc -m32 -static -fuse-ld=lld hello.c -o"},
		{"glibc-amd64", "gcc -static -O2 hello.c -o"},
		{"glibc-amd64-lld", "gcc -static -fuse-ld=lld hello.c -o"},
		{"musl-amd64", "musl-gcc -static -O2 hello.c -o"},
		{"c++-386", "g++ -m32 -static -O2 -pthread throw.cc -o"},
		{"c++-amd64", "g++ -static -O2 -pthread throw.cc -o"},
		{"pie-386", "gcc -m32 -static-pie -O1 hello.c -o"},
		{"pie-386-stripped-relr", "gcc -m32 -static-pie -O1 -s -Wl,-z,pack-relative-relocs hello.c -o"},
		{"pie-386-one-segment", "gcc -m32 -static-pie -Wl,-z,noseparate-code hello.c -o"},
		{"pie-amd64", "gcc -static-pie -O2 hello.c -o"},
		{"pie-amd64-lld-relr", "gcc -static-pie -O2 -fuse-ld=lld -Wl,--pack-dyn-relocs=relr hello.c -o"},
		{"pie-amd64-stripped", "gcc -static-pie -O2 -s hello.c -o"},
		{"pie-musl-amd64", "musl-gcc -fPIE -static -nostartfiles -Wl,-pie,--no-dynamic-linker,-z,text rcrt1.o crti.o hello.c crtn.o -o"},
		{"pie-c++-386", "g++ -m32 -static-pie -O2 -pthread throw.cc -o"},
		{"pie-c++-amd64", "g++ -static-pie -O2 -pthread throw.cc -o"},
		{"pie-go-amd64", "env CGO_ENABLED=1 go build -buildmode=pie -ldflags=-linkmode=external#-extldflags=-static-pie -o"},
		{"go-386", "env CGO_ENABLED=0 GOARCH=386 go build -o"},
		{"go-amd64", "env CGO_ENABLED=0 GOARCH=amd64 go build -o"},
	} {
		t.Run(c.name, func(t *testing.T) {
			elf := filepath.Join(dir, c.name)
			args := append(strings.Fields(c.command), elf)
			for i, a := range args {
				args[i] = strings.ReplaceAll(a, "#", " ")
				if strings.HasSuffix(a, "crt1.o") || a == "crti.o" || a == "crtn.o" {
					args[i] = filepath.Join("/usr/lib/x86_64-linux-musl", a)
				}
			}
			if strings.Contains(c.name, "go-") {
				args = append(args, "goroutines.go")
			}
			cmd := exec.Command(args[0], args[1:]...)
			cmd.Dir = dir
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Skipf("no compiler for this: %v: %.200s", err, out)
			}
			if b, err := os.ReadFile(elf); err != nil {
				t.Fatal(err)
			} else if p, err := readELF(b); err != nil || p.pie != strings.HasPrefix(c.name, "pie-") {
				t.Fatalf("not what it should be: %v", err)
			}
			native(t, elf)
			native(t, elf, "one", "two")
		})
	}
}

func TestNativeBusybox(t *testing.T) {
	needX86(t)
	for _, arch := range []string{"i386", "amd64"} {
		t.Run(arch, func(t *testing.T) {
			b, err := os.ReadFile(filepath.Join("..", "build", "thirdparty", "busybox-static-"+arch, "bin", "busybox"))
			if err != nil {
				t.Skip("no busybox here: ", err)
			}
			p := filepath.Join(t.TempDir(), "busybox")
			if err := os.WriteFile(p, b, 0o755); err != nil {
				t.Fatal(err)
			}
			for _, args := range [][]string{
				{"sha256sum", p},
				{"ls", "-la", "/etc"},
				{"sh", "-c", "for i in 1 2 3; do echo $i | sed s/2/x/; done; exit 4"},
				{"awk", "BEGIN { for (i = 0; i < 10; i++) printf \"%s \", i * i / 3 }"},
				{"find", ".", "-name", "*.go"},
				{"sort", "bad_test.go"},
			} {
				native(t, p, args...)
			}
			data, err := os.ReadFile(p + ".bee")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Verify(p, data); err != nil {
				t.Error(err)
			}
		})
	}
}

// A call that moves together with a site: it exits with 7 if the callee sees
// the address behind the original call, all registers and the flags.
const movedCall = `
	.globl	_start
	.type	_start, @function
_start:	call	1f
1:	pop	%ebx
	mov	$0x1234567, %ecx
	mov	$20, %eax
	stc
	int	$0x80
	call	check
after:	hlt
check:	jnc	bad
	lea	after-1b(%ebx), %edx
	cmp	(%esp), %edx
	jne	bad
	cmp	$0x1234567, %ecx
	jne	bad
	mov	$7, %ebx
	mov	$1, %eax
	int	$0x80
bad:	mov	$9, %ebx
	mov	$1, %eax
	int	$0x80
	hlt
	.size	_start, .-_start
	.section .note.GNU-stack, "", @progbits
`

func TestMovedCall(t *testing.T) {
	needX86(t)
	dir := t.TempDir()
	src, elf := filepath.Join(dir, "call.s"), filepath.Join(dir, "call")
	if err := os.WriteFile(src, []byte(movedCall), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("gcc", "-m32", "-static-pie", "-nostdlib", "-o", elf, src).CombinedOutput(); err != nil {
		t.Skipf("no compiler for this: %v: %s", err, out)
	}
	native(t, elf)
	if got := run(t, elf+".linux-proof"); got != "exit status 7" {
		t.Error(got)
	}
	b, err := os.ReadFile(elf)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Bytes(b, Options{})
	if err != nil {
		t.Fatal(err)
	}
	// push $imm32 in the Windows form moves with the program.
	im := &r.Manifest.Images[0]
	pushes := 0
	for _, a := range im.AbsFixups {
		if o := a - uint64(im.TrampAddr) - pageSize; im.Tramp[o-1] == 0x68 {
			pushes++
		}
	}
	if pushes != 1 {
		t.Errorf("%d calls were moved", pushes)
	}
}

// Debian's ldconfig is a static PIE that is no test program.
func TestLdconfig(t *testing.T) {
	b, err := os.ReadFile("/sbin/ldconfig")
	if err != nil {
		t.Skip(err)
	}
	p, err := readELF(b)
	if err != nil || !p.pie {
		t.Skip("no static PIE: ", err)
	}
	needX86(t)
	path := filepath.Join(t.TempDir(), "ldconfig")
	if err := os.WriteFile(path, b, 0o755); err != nil {
		t.Fatal(err)
	}
	native(t, path, "--version")
	native(t, path, "-p")
	data, err := os.ReadFile(path + ".bee")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(path, data); err != nil {
		t.Error(err)
	}
}

// A full disk leaves nothing behind.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	in, small := filepath.Join(dir, "in"), filepath.Join(dir, "small")
	b := append(tiny(image.I386), make([]byte, 1<<20)...)
	if err := os.WriteFile(in, b, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(small, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("none", small, "tmpfs", 0, "size=64k"); err != nil {
		t.Skip("no small file system to fill, which takes root: ", err)
	}
	defer syscall.Unmount(small, 0)
	out := filepath.Join(small, "out")
	if err := os.WriteFile(out, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := File(in, out, Options{})
	if !errors.Is(err, syscall.ENOSPC) || err.Error() != out+": no space left on device" {
		t.Errorf("disk full: %v", err)
	}
	if b, err := os.ReadFile(out); err != nil || string(b) != "old" {
		t.Errorf("the old file holds %q, %v", b, err)
	}
	if l, err := os.ReadDir(small); err != nil || len(l) != 1 {
		t.Errorf("left behind: %v, %v", l, err)
	}
}
