//go:build linux

package main

import (
	"bytes"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// rewriter measures the rewriter itself: processor time, and the largest resident set
// of the whole command, its own code and Go's runtime with it.
func rewriter(l *lab, runs int) (string, error) {
	compiler, err := exec.Command("go", "tool", "-n", "compile").Output()
	if err != nil {
		return "", fmt.Errorf("go tool -n compile: %w", err)
	}
	command := filepath.Join(l.build, "linux", "beerewrite")
	large := filepath.Join(l.work, "large")
	if err := l.largeProgram(large); err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("## The rewriter\n\nTime is the processor's, the median; memory the most that was resident in any run: the command's code and Go's runtime (7 MB) are in it.\n\n" +
		"| program | file, MB | text, MB | seconds | peak memory, MB | times the file |\n|---|---|---|---|---|---|\n")
	for _, s := range []struct{ name, path string }{
		{"beerewrite itself, x86-64", command},
		{"Go's compiler, x86-64", strings.TrimSpace(string(compiler))},
		{"100,000 functions with jump tables and thread-local words, IA-32", large},
	} {
		st, err := os.Stat(s.path)
		if err != nil {
			return "", err
		}
		text, err := textOf(s.path)
		if err != nil {
			return "", err
		}
		var times []time.Duration
		peak := int64(0)
		for range max(3, runs/3) {
			cmd := exec.Command(command, "-q", s.path, "-o", filepath.Join(l.work, "out.bee"))
			var errOut bytes.Buffer
			cmd.Stderr = &errOut
			if err := cmd.Run(); err != nil {
				return "", fmt.Errorf("beerewrite %s: %w\n%s", s.path, err, errOut.String())
			}
			times = append(times, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
			peak = max(peak, cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss*1024)
		}
		slices.Sort(times)
		fmt.Fprintf(&b, "| %s | %.1f | %.1f | %.2f | %.1f | %.2f |\n", s.name, float64(st.Size())/1e6, float64(text)/1e6,
			times[len(times)/2].Seconds(), float64(peak)/1e6, float64(peak)/float64(st.Size()))
	}
	b.WriteByte('\n')
	return b.String(), nil
}

func textOf(path string) (uint64, error) {
	f, err := elf.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	n := uint64(0)
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD && p.Flags&elf.PF_X != 0 {
			n += p.Filesz
		}
	}
	return n, nil
}

// largeProgram links a program of 50 MB of text: one object file's functions
// with loops, switches, calls and thread-local words, over and over under other
// names.
func (l *lab) largeProgram(out string) error {
	const copies, functions = 125, 800
	var src strings.Builder
	src.WriteString("volatile int sink;\n__thread int failure;\n")
	n := uint32(1)
	for i := range functions {
		n = n*1664525 + 1013904223
		fmt.Fprintf(&src, "__attribute__((noinline)) int f%d(int a, int b) {\n\tint v[8] = {0};\n\tfor (int i = 0; i < %d; i++) {\n"+
			"\t\tswitch ((a + i) %% 7) {\n", i, n>>20%9+3)
		for c := range 7 {
			n = n*1664525 + 1013904223
			fmt.Fprintf(&src, "\t\tcase %d: v[%d] += a * %d ^ b; b = (b >> %d) - v[i & 7]; break;\n", c, c, n>>16, n>>24%13+1)
		}
		fmt.Fprintf(&src, "\t\t}\n\t\tsink = v[i & 7];\n\t}\n\tif (b == %d) failure = a;\n", n>>18)
		if i > 0 {
			fmt.Fprintf(&src, "\treturn a > b ? f%d(b, v[3]) : f%d(v[2], a);\n}\n", n%uint32(i), n/7%uint32(i))
		} else {
			src.WriteString("\treturn v[3] + a;\n}\n")
		}
	}
	one := filepath.Join(l.work, "one.c")
	if err := os.WriteFile(one, []byte(src.String()), 0o644); err != nil {
		return err
	}
	obj := filepath.Join(l.work, "one.o")
	if err := l.make(nil, "gcc", "-m32", "-O2", "-funroll-loops", "-fno-pie", "-c", "-o", obj, one); err != nil {
		return err
	}
	main := filepath.Join(l.work, "main.c")
	if err := os.WriteFile(main, []byte("int main(void) { return 0; }\n"), 0o644); err != nil {
		return err
	}
	args := []string{"-m32", "-static", "-no-pie", "-o", out, main}
	for i := range copies {
		o := filepath.Join(l.work, fmt.Sprintf("copy%d.o", i))
		if err := l.make(nil, "objcopy", fmt.Sprintf("--prefix-symbols=c%d_", i), obj, o); err != nil {
			return err
		}
		args = append(args, o)
	}
	return l.make(nil, "gcc", args...)
}
