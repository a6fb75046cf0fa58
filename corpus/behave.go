//go:build linux

package main

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// action is one run of a program.
type action struct {
	args  []string
	env   []string // beside the usual
	stdin string
	// random says that the sizes of the files that it makes are.
	random bool
}

// environment is what programs see, with the action's own.
var environment = []string{"PATH=/usr/bin:/bin", "HOME=/", "LANG=C", "TZ=UTC0"}

// deadline of one run.
const deadline = 60 * time.Second

// The scripts use what the shells have in common.
var shellScripts = []string{
	`i=0; while [ $i -lt 200 ]; do i=$((i+1)); s="$s$i"; done; echo ${#s}; echo "$s" | cut -c1-40`,
	`f() { local x=$1; if [ $x -le 1 ]; then echo 1; else echo $(( x * $(f $((x-1))) )); fi; }; f 10`,
	`for f in *.txt; do case $f in a*) echo A $f;; *) echo - $f;; esac; done; cat a.txt | while read -r l; do echo "<$l>"; done`,
	`trap 'echo caught; exit 7' TERM; kill -TERM $$; sleep 5; echo not reached`,
	`(exit 3); echo $?; x=$(echo sub | tr a-z A-Z); echo $x; cat missing; printf '%s %5d\n' a 12 2>&1; exit 9`,
	`cat <<E | sort -r
one
two
three
E
echo $((7*6)) > out; cat out; rm out; [ -f out ] || echo gone; set -u; echo $nothing`,
	`sleep 5 & p=$!; sleep 1; kill $p; wait $p; echo $?; false & wait $!; echo $?`,
}

// The programs of packages, by file name.
var debianActions = func() map[string][]action {
	m := map[string][]action{}
	for _, sh := range []string{"bash-static", "zsh-static", "mksh-static", "mksh", "lksh", "sh.shared", "sh"} {
		for _, s := range shellScripts {
			m[sh] = append(m[sh], action{args: []string{"-c", s}})
		}
		m[sh] = append(m[sh], action{stdin: "echo from stdin\necho $((1+1))\n"})
	}
	m["busybox"] = []action{
		{args: []string{"sh", "-c", shellScripts[0]}},
		{args: []string{"sh", "-c", shellScripts[1]}},
		{args: []string{"sh", "-c", shellScripts[2]}},
		{args: []string{"sh", "-c", shellScripts[3]}},
		{args: []string{"sh", "-c", shellScripts[4]}},
		{args: []string{"sh", "-c", shellScripts[6]}},
		{args: []string{"sha256sum", "a.txt", "big.txt"}},
		{args: []string{"sort", "-n", "big.txt"}},
		{args: []string{"awk", `{ s += $1 * 1.5; n[$2]++ } END { print s; for (k in n) c += n[k]; print c, sin(1) }`, "big.txt"}},
		{args: []string{"gzip", "-c", "big.txt"}},
		{args: []string{"bzip2", "-c", "big.txt"}},
		{args: []string{"xz", "-dc", "a.txt"}},
		{args: []string{"tar", "cf", "-", "a.txt", "dir"}},
		{args: []string{"sed", "-E", `s/(l)(i)/\2\1/g`, "big.txt"}},
		{args: []string{"grep", "-c", "7", "big.txt"}},
		{args: []string{"find", ".", "-name", "*.txt"}},
		{args: []string{"ls", "-ln", "a.txt"}},
		{args: []string{"dc", "-e", "2 200 ^ p"}},
		{args: []string{"date", "-d", "@86400"}},
		{args: []string{"diff", "a.txt", "b.txt"}},
		{args: []string{"vi", "-h"}},
		{args: []string{"xargs", "echo"}, stdin: "one two three\n"},
		{args: []string{"timeout", "1", "sleep", "5"}},
		{args: []string{"nslookup", "localhost", "127.0.0.1:1"}},
		{args: []string{"sha512sum"}, stdin: strings.Repeat("bee", 10000)},
	}
	m["sash"] = []action{{stdin: "-echo hello\n-ls\n-sum a.txt\n-grep a a.txt\n-cmp a.txt b.txt\nquit\n"}}
	m["tini-static"] = []action{{args: []string{"-s", "--", "sh", "-c", "echo under tini; exit 5"}}, {args: []string{"--version"}}, {args: []string{"missing"}}}
	m["catatonit"] = []action{{args: []string{"--", "sh", "-c", "echo under catatonit; exit 5"}}, {args: []string{"-V"}}}
	m["e2fsck.static"] = []action{{args: []string{"-n", "-f", "disk.img"}}, {args: []string{"-fy", "bad.img"}}, {args: []string{"-V"}}}
	m["gpgv-static"] = []action{{args: []string{"--version"}}, {args: []string{"--keyring", "./missing.gpg", "a.txt"}}, {args: []string{"--keyring", keyring, "signed.asc"}}}
	m["dar_static"] = []action{
		{args: []string{"-c", "archive", "-R", ".", "-g", "a.txt", "-g", "big.txt", "-zgzip", "-N", "-Q"}},
		{args: []string{"-c", "secret", "-R", ".", "-g", "a.txt", "-g", "big.txt", "-zlzma", "-K", "aes:password", "-N", "-Q"}, random: true},
		{args: []string{"-V"}},
	}
	m["dar_cp_static"] = []action{{args: []string{"big.txt", "copy"}}}
	m["cdebootstrap-static"] = []action{{args: []string{"--version"}}, {args: []string{"--help"}}}
	m["ldconfig"] = []action{{args: []string{"-p"}}, {args: []string{"-V"}}, {args: []string{"-N", "-X", "-v", "."}}}
	m["qemu-i386-static"] = []action{{args: []string{"--version"}}, {args: []string{"hello-i386", "one", "two"}}}
	m["qemu-x86_64-static"] = []action{{args: []string{"--version"}}, {args: []string{"hello-amd64", "one", "two"}}}
	m["qemu-aarch64-static"] = []action{{args: []string{"--version"}}, {args: []string{"hello-amd64"}}}
	return m
}()

const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// behaved is the outcome of the comparison.
type behaved struct {
	programs, runs, guarded int
	failures                []string
	wires, wireRuns         int // programs with breakpoints over patterns, runs of them
}

// behaveAll runs each program and its proof form, the latter under a filter
// that kills every system call from the patched text.
func (l *lab) behaveAll(list []*outcome) *behaved {
	b := &behaved{}
	for _, m := range list {
		if m.report == nil || len(m.actions) == 0 || m.proof == "" {
			continue
		}
		b.programs++
		ok := true
		for i, a := range m.actions {
			b.runs++
			want, got, guarded, err := l.both(m, m.proof, a, false)
			if guarded {
				b.guarded++
			}
			if err == nil && want != got {
				// Something may differ from run to run.
				want, got, _, err = l.both(m, m.proof, a, true)
			}
			if err != nil || want != got {
				ok = false
				b.failures = append(b.failures, fmt.Sprintf("%s, run %d (%.60q): %s", m.name, i, a.args, difference(want, got, err)))
			}
		}
		if len(m.verdict) > 0 {
			l.tripwires(m, b)
		}
		if l.verbose {
			fmt.Printf("%-40s %d runs, as the original: %v\n", m.name, len(m.actions), ok)
		}
	}
	return b
}

func difference(want, got string, err error) string {
	if err != nil {
		return err.Error()
	}
	i := 0
	for i < min(len(want), len(got)) && want[i] == got[i] {
		i++
	}
	from := max(0, i-40)
	return fmt.Sprintf("original ...%q, proof form ...%q", want[from:min(len(want), i+80)], got[from:min(len(got), i+80)])
}

// both runs an action with the original and with another form of it.
func (l *lab) both(m *outcome, form string, a action, again bool) (want, got string, guarded bool, err error) {
	ranges, err := textRanges(m.path, form)
	if err != nil {
		return "", "", false, err
	}
	guarded = len(ranges) > 0
	// The same filter over an address where nothing is: the same file may
	// do other things when it may gain no privileges.
	if want, err = l.once(m.path, []string{"0x1000-0x2000"}, a); err != nil {
		return "", "", guarded, err
	}
	if again {
		if second, err := l.once(m.path, []string{"0x1000-0x2000"}, a); err != nil || second != want {
			return "", "", guarded, err // differs from itself
		}
	}
	if !guarded {
		ranges = []string{"0x1000-0x2000"}
	}
	got, err = l.once(form, ranges, a)
	return want, got, guarded, err
}

// textRanges gives the executable segments of the program at path, where its
// form form has them, for the guard. None if their address is not known.
func textRanges(path, form string) ([]string, error) {
	f, err := elf.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	base := uint64(0)
	if f.Type != elf.ET_EXEC {
		// The loaded form may be larger than the original, and lie elsewhere.
		if base, err = pieBase(form, f.Entry, f.Class); err != nil {
			return nil, nil // it runs without the filter, and is counted so
		}
	}
	var out []string
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD && p.Flags&elf.PF_X != 0 {
			out = append(out, fmt.Sprintf("%#x-%#x", base+p.Vaddr, base+(p.Vaddr+p.Memsz+0xfff)&^0xfff))
		}
	}
	return out, nil
}

// once runs an action in a fresh directory: output, errors, status, and what
// the files are afterwards.
func (l *lab) once(path string, ranges []string, a action) (string, error) {
	dir := filepath.Join(l.tmp, "run")
	if err := l.fill(dir); err != nil {
		return "", err
	}
	// Both forms are called by the same name.
	exe := filepath.Join(dir, ".bin", "program")
	if err := os.Mkdir(filepath.Dir(exe), 0o755); err != nil {
		return "", err
	}
	if err := os.Link(path, exe); err != nil {
		return "", err
	}
	args := []string{"-o", filepath.Join(dir, ".report")}
	for _, r := range ranges {
		args = append(args, "-r", r)
	}
	if elfKind(path) == "static-pie" {
		args = append(args, fixed...)
	}
	args = append(append(args, exe), a.args...)
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	cmd := exec.CommandContext(ctx, l.guard, args...)
	cmd.Dir = dir
	cmd.WaitDelay = time.Second
	cmd.Env = append(append([]string{}, environment...), a.env...)
	cmd.Stdin = strings.NewReader(a.stdin)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	var ee *exec.ExitError
	if err != nil && !errors.As(err, &ee) {
		return "", err
	}
	if ctx.Err() != nil {
		return "", fmt.Errorf("%s: no end after %v", filepath.Base(path), deadline)
	}
	report, err := os.ReadFile(filepath.Join(dir, ".report"))
	if err != nil {
		return "", err
	}
	status := cmd.ProcessState.ExitCode()
	killed := ""
	if len(report) > 0 {
		killed = "killed by the guard"
	}
	return fmt.Sprintf("%s\n--\n%s\n--\nstatus %d %s\n%s", mask(out.String()), mask(errOut.String()), status, killed, tree(dir, !a.random)), nil
}

// What differs from run to run: process numbers that shells print, values in
// Go's tracebacks, times.
var masks = []struct {
	re *regexp.Regexp
	to string
}{
	{regexp.MustCompile(`\((0x[0-9a-f]+|\{|\}|\?|_|\.\.\.|, )+\)`), "(...)"},
	{regexp.MustCompile(`(goroutine|gp|m|pid|\[\d+\]) ?=?\d+`), "$1 N"},
	{regexp.MustCompile(`line 0: +\d+ `), "line 0: N "},
}

func mask(s string) string {
	for _, m := range masks {
		s = m.re.ReplaceAllString(s, m.to)
	}
	return s
}

// tree lists files that the run left, with their sizes.
func tree(dir string, sizes bool) string {
	var b strings.Builder
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err.Error()
	}
	for _, e := range entries {
		if st, err := e.Info(); err == nil && !e.IsDir() && e.Name() != ".report" {
			// Archives hold times, in a few bytes more or less.
			size := st.Size() &^ 1023
			if !sizes {
				size = 0
			}
			fmt.Fprintf(&b, "%s %d\n", e.Name(), size)
		}
	}
	return b.String()
}

// fill makes the directory that programs run in.
func (l *lab) fill(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(dir, "dir"), 0o755); err != nil {
		return err
	}
	var big strings.Builder
	n := uint32(1)
	for i := range 20000 {
		n = n*1664525 + 1013904223
		fmt.Fprintf(&big, "%d line%d of the hive\n", n>>12, i%97)
	}
	for name, text := range map[string]string{
		"a.txt": "alpha\nbeta\ngamma\n", "b.txt": "alpha\nBeta\ndelta\n", "big.txt": big.String(), "dir/c.txt": "c\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	for _, extra := range l.extras() {
		if err := exec.Command("cp", extra, dir).Run(); err != nil {
			return err
		}
	}
	return nil
}

// extras are files that take a while to make: images of file systems, a
// signed text. What cannot be made here, the programs miss in both forms.
func (l *lab) extras() []string {
	dir := filepath.Join(l.dir, "extras")
	stamp := filepath.Join(dir, ".done")
	if _, err := os.Stat(stamp); err != nil {
		os.MkdirAll(dir, 0o755)
		for _, name := range []string{"disk.img", "bad.img"} {
			path := filepath.Join(dir, name)
			os.WriteFile(path, make([]byte, 4<<20), 0o644)
			exec.Command("/sbin/mke2fs", "-q", "-F", "-U", "00000000-0000-0000-0000-000000000001", path).Run()
		}
		if f, err := os.OpenFile(filepath.Join(dir, "bad.img"), os.O_RDWR, 0); err == nil {
			f.WriteAt(bytes.Repeat([]byte{0x5a}, 300), 8192)
			f.Close()
		}
		for _, arch := range arches {
			exec.Command("cp", l.bin("hello-gcc-O2-"+arch), filepath.Join(dir, "hello-"+arch)).Run()
		}
		if in, err := filepath.Glob("/var/lib/apt/lists/*_InRelease"); err == nil && len(in) > 0 {
			exec.Command("cp", in[0], filepath.Join(dir, "signed.asc")).Run()
		}
		os.WriteFile(stamp, nil, 0o644)
	}
	list, _ := filepath.Glob(filepath.Join(dir, "*"))
	return list
}

// tripwires runs a program whose patterns, where nothing else shows that they
// are data, have a breakpoint written over them: executed, it would end the
// program.
func (l *lab) tripwires(m *outcome, b *behaved) {
	data, err := os.ReadFile(m.path)
	if err != nil {
		return
	}
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return
	}
	var set []int
	for i, v := range m.verdict {
		var a uint64
		// What stands behind a call that does not return need not be code.
		call := v.kind == vBad && (v.Kind == "int80" || v.Kind == "syscall" || v.Kind == "sysenter")
		if _, err := fmt.Sscanf(v.Addr, "0x%x", &a); err != nil || !v.open() && !call {
			continue
		}
		for _, p := range f.Progs {
			if p.Type == elf.PT_LOAD && p.Flags&elf.PF_X != 0 && a-p.Vaddr < p.Filesz {
				data[a-p.Vaddr+p.Off] = 0xcc
				set = append(set, i)
			}
		}
	}
	if len(set) == 0 {
		return
	}
	wired := filepath.Join(filepath.Dir(m.proof), "wired")
	if err := os.WriteFile(wired, data, 0o755); err != nil {
		return
	}
	b.wires++
	for _, a := range m.actions {
		b.wireRuns++
		want, got, _, err := l.bothPlain(m.path, wired, a)
		if err != nil || strings.Contains(got, "status 133") || strings.Contains(got, "SIGTRAP") {
			b.failures = append(b.failures, fmt.Sprintf("%s with breakpoints over its patterns: %s", m.name, difference(want, got, err)))
			return
		}
	}
	for _, i := range set {
		if m.verdict[i].open() {
			m.verdict[i].kind, m.verdict[i].why = vUnread, fmt.Sprintf("%d runs", len(m.actions))
		} else {
			m.verdict[i].why += fmt.Sprintf("; never executed in %d runs", len(m.actions))
		}
	}
}

func (l *lab) bothPlain(path, other string, a action) (want, got string, guarded bool, err error) {
	none := []string{"0x1000-0x2000"}
	if want, err = l.once(path, none, a); err == nil {
		got, err = l.once(other, none, a)
	}
	return want, got, false, err
}

func (b *behaved) print() int {
	fmt.Printf("behaviour: %d programs, %d runs, %d of them under the filter, %d differ\n", b.programs, b.runs, b.guarded, len(b.failures))
	for _, f := range b.failures {
		fmt.Println("  ", f)
	}
	return len(b.failures)
}

func (b *behaved) markdown(w *strings.Builder) {
	fmt.Fprintf(w, "## Behaviour\n\n%d programs in %d runs: output, errors, status and files of the linux-proof form against the original's; "+
		"%d runs under a filter that kills system calls from patched text. %d differ.\n\n", b.programs, b.runs, b.guarded, len(b.failures))
	if b.wires > 0 {
		fmt.Fprintf(w, "Breakpoints over patterns that nothing else explained: %d programs, %d runs.\n\n", b.wires, b.wireRuns)
	}
	for _, f := range b.failures {
		fmt.Fprintf(w, "- %s\n", f)
	}
	if len(b.failures) > 0 {
		w.WriteByte('\n')
	}
}
