package plan_test

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bee/image"
	"bee/rewrite"
)

// The Windows form on native Linux: the thunk page is testdata/teb*.s, which
// makes a TEB, takes the thread pointer into slots and enters the kernel. So
// every trampoline runs as it will on Windows, single-threaded programs only.

var programs = []struct {
	name, src string
	compiler  []string
	args      []string
}{
	{"c", `
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <unistd.h>
#include <setjmp.h>
#include <signal.h>
#include <locale.h>
#include <time.h>
#include <sys/wait.h>
static __thread int v = 5;
static __thread char buf[64];
static jmp_buf jb;
static volatile int got;
static void handler(int s) { got = s; }
int main(int c, char **a) {
	setlocale(LC_ALL, "");
	for (int i = 0; i < 100000; i++) { v += i; buf[i & 63] ^= i; }
	printf("hello %d %d %d\n", c, v, buf[7]);
	char *p = malloc(1000000); memset(p, 1, 1000000); free(p);
	printf("%d %s\n", close(99), strerror(errno));
	if (!setjmp(jb)) longjmp(jb, 1);
	signal(SIGUSR1, handler); raise(SIGUSR1); printf("%d\n", got);
	char path[4096]; printf("%d\n", getcwd(path, sizeof path) != 0);
	printf("%d\n", system("exit 7") >> 8);
	FILE *f = popen("echo from a child", "r"); fgets(buf, sizeof buf, f); printf("%s %d\n", buf, pclose(f));
	fflush(stdout);
	pid_t k = fork(); if (!k) _exit(9);
	int st; waitpid(k, &st, 0); printf("%d\n", WEXITSTATUS(st));
	double d = strtod("1.25", 0); printf("%.3f\n", d * 3);
	qsort(path, 16, 1, (int (*)(const void *, const void *))strcmp);
	return 3;
}`, []string{"gcc", "-O2", "-xc"}, []string{"a", "b"}},
	{"c++", `
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
static thread_local int depth;
int g(int i) { depth++; if (i % 3 == 0) throw std::runtime_error("x" + std::to_string(i)); return i; }
int main() {
	int s = 0;
	for (int i = 0; i < 10000; i++) try { s += g(i); } catch (std::exception &e) { s -= e.what()[1]; }
	std::map<std::string, int> m; m["a"] = s;
	std::cout << s << " " << depth << " " << m.size() << std::endl;
}`, []string{"g++", "-O2", "-xc++"}, nil},
}

func TestWindowsFormOnLinux(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles and runs programs")
	}
	for _, width := range []string{"386", "amd64"} {
		for _, p := range programs {
			t.Run(p.name+"/"+width, func(t *testing.T) {
				dir := t.TempDir()
				exe := filepath.Join(dir, "program")
				args := append(p.compiler[1:len(p.compiler):len(p.compiler)], "-", "-static", "-no-pie", "-o", exe)
				if width == "386" {
					args = append(args, "-m32")
				}
				cmd := exec.Command(p.compiler[0], args...)
				cmd.Stdin = strings.NewReader(p.src)
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Skipf("no compiler for this: %v\n%s", err, out)
				}
				compare(t, exe, standIn(t, exe, width), p.args...)
			})
		}
		t.Run("busybox/"+width, func(t *testing.T) {
			arch := map[string]string{"386": "i386", "amd64": "amd64"}[width]
			exe := filepath.Join("..", "..", "build", "thirdparty", "busybox-static-"+arch, "bin", "busybox")
			if _, err := os.Stat(exe); err != nil {
				t.Skip("no busybox; the set-up fetches it")
			}
			exe, _ = filepath.Abs(exe)
			made := standIn(t, exe, width)
			for _, args := range [][]string{
				{"sh", "-c", "for i in 3 1 2; do echo $i; done | sort -r | md5sum; trap 'echo hi' USR1; kill -USR1 $$; exit 5"},
				{"sha256sum", "/etc/passwd"},
				{"awk", "BEGIN { for (i = 0; i < 1000; i++) s += sqrt(i); print s, substr(\"hello\", 2), toupper(\"x\") }"},
				{"find", "/usr/include", "-name", "s*.h"},
				{"sh", "-c", "tar cf - /etc/passwd 2>/dev/null | gzip | gunzip | tar tv"},
				{"grep", "-c", "root", "/etc/passwd"},
				{"sed", "-n", "s/a\\(.\\)/<\\1>/gp", "/etc/passwd"},
				{"no-such-applet"},
			} {
				compare(t, exe, made, args...)
			}
		})
	}
}

// compare runs both programs and wants the same output and status.
func compare(t *testing.T, a, b string, args ...string) {
	t.Helper()
	run := func(exe string) string {
		cmd := exec.Command(exe, args...)
		cmd.Args[0] = filepath.Base(a)
		out, err := cmd.CombinedOutput()
		return fmt.Sprintf("%s%v", out, err)
	}
	if x, y := run(a), run(b); x != y {
		t.Errorf("%q: natively\n%s\nwith trampolines\n%s", args, x, y)
	}
}

// standIn writes the program, patched for Windows, with the stand-in runner.
// The trampoline segment takes the place of the program header of the notes.
func standIn(t *testing.T, exe, width string) string {
	t.Helper()
	data, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	res, err := rewrite.Bytes(data, rewrite.Options{Name: exe})
	if err != nil {
		t.Fatal(err)
	}
	im := &res.Manifest.Images[0]
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	tramp := im.Base + uint64(im.TrampAddr)

	page := assemble(t, width, int64(f.Entry-tramp))
	if len(page) > 4096 {
		t.Fatalf("the stand-in is %d bytes long", len(page))
	}
	out := bytes.Clone(data)
	for _, p := range im.Patches {
		copy(out[fileOff(t, f, im.Base+p.Addr):], p.Data)
	}
	for len(out)%4096 != 0 {
		out = append(out, 0)
	}
	off := uint64(len(out))
	seg := append(append(page, make([]byte, 4096-len(page))...), im.Tramp...)
	out = append(out, seg...)

	note := -1
	for i, p := range f.Progs {
		if p.Type == elf.PT_NOTE {
			note = i
		}
	}
	if note < 0 {
		t.Skip("no program header to spare")
	}
	le := binary.LittleEndian
	n := uint64(len(seg))
	if im.Arch == image.I386 {
		h := out[int(le.Uint32(out[28:]))+note*32:]
		for i, v := range []uint64{1, off, tramp, tramp, n, n, 5, 4096} {
			le.PutUint32(h[4*i:], uint32(v))
		}
		le.PutUint32(out[24:], uint32(tramp+0x80))
	} else {
		h := out[int(le.Uint64(out[32:]))+note*56:]
		le.PutUint32(h, 1)
		le.PutUint32(h[4:], 5)
		for i, v := range []uint64{off, tramp, tramp, n, n, 4096} {
			le.PutUint64(h[8+8*i:], v)
		}
		le.PutUint64(out[24:], tramp+0x80)
	}
	file := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(file, out, 0o755); err != nil {
		t.Fatal(err)
	}
	return file
}

func fileOff(t *testing.T, f *elf.File, a uint64) uint64 {
	t.Helper()
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD && a >= p.Vaddr && a < p.Vaddr+p.Filesz {
			return a - p.Vaddr + p.Off
		}
	}
	t.Fatalf("%#x is in no segment", a)
	return 0
}

// assemble gives the bytes of the stand-in.
func assemble(t *testing.T, width string, entry int64) []byte {
	t.Helper()
	dir := t.TempDir()
	obj, bin := filepath.Join(dir, "teb.o"), filepath.Join(dir, "teb.bin")
	mode := map[string]string{"386": "--32", "amd64": "--64"}[width]
	for _, args := range [][]string{
		{"as", mode, "--defsym", fmt.Sprintf("ENTRY=%d", entry), "-o", obj, filepath.Join("testdata", "teb"+width+".s")},
		{"objcopy", "-O", "binary", "-j", ".text", obj, bin},
	} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Skipf("%v: %v\n%s", args, err, out)
		}
	}
	b, err := os.ReadFile(bin)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
