package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bee/internal/exe"
	"bee/internal/winetest"
)

// compile builds a source of testdata/programs as a static Linux program.
func compile(t *testing.T, source, out string, flags ...string) {
	t.Helper()
	args := append([]string{"-O2", "-o", out, "../../testdata/programs/" + source}, flags...)
	if text, err := exec.Command("gcc", args...).CombinedOutput(); err != nil {
		winetest.Missing(t, fmt.Sprintf("gcc %v: %v\n%s", args, err, text))
	}
}

// carry makes an executable of a program, as a user would.
func carry(t *testing.T, program, out string) {
	t.Helper()
	cmd := exec.Command(winetest.File(t, "linux/beerewrite"), "--exe", program, "-o", out, "-q")
	if text, err := cmd.CombinedOutput(); err != nil || len(text) != 0 {
		t.Fatalf("beerewrite --exe: %v\n%s", err, text)
	}
}

// start runs an executable under Wine and the guard, in dir.
func start(t *testing.T, dir, input, path string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	return winetest.Require(t).Run(t, dir, strings.NewReader(input), path, args...)
}

// forms are the programs that an executable may carry: each width, and what asks for another place of the runner.
var forms = []struct {
	name  string
	flags []string
	says  string // of --bee-info
}{
	{"i386", []string{"-m32", "-static"}, "i386, at 0x8048000"},
	{"i386 lld", []string{"-m32", "-static", "-fuse-ld=lld"}, "i386, at 0x400000"},
	{"i386 PIE", []string{"-m32", "-static-pie"}, "i386, position-independent"},
	{"amd64", []string{"-static"}, "amd64, at 0x400000"},
	{"amd64 lld", []string{"-static", "-fuse-ld=lld"}, "amd64, at 0x200000"},
}

func TestExe(t *testing.T) {
	winetest.Require(t)
	for _, f := range forms {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "ein Ordner für 東京")
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			program, path := filepath.Join(dir, "carried"), filepath.Join(dir, "wörk er.exe")
			compile(t, "carried.c", program, f.flags...)
			carry(t, program, path)
			st, err := os.Stat(program)
			if err != nil {
				t.Fatal(err)
			}
			// argv[0] is the executable's name without its ending.
			expect := func(input string, args ...string) string {
				var b strings.Builder
				for _, a := range append([]string{"wörk er"}, args...) {
					fmt.Fprintf(&b, "argument [%s]\n", a)
				}
				fmt.Fprintf(&b, "file [wörk er.exe]\nprogram %d bytes, 7fELF\n%s", st.Size(), input)
				return b.String()
			}
			for _, c := range []struct {
				dir, input string
				args       []string
				status     int
			}{
				{dir, "", nil, 0}, // a double click
				{"/", "two\nlines\n", []string{"7", "a \"b\" c", `d\`, "", "größer", "*"}, 7},
				{dir, "", []string{"200", "--bee-info", "--help"}, 200},
				{dir, "", []string{"--bee-info", "1"}, 0},
				{dir, "", []string{"--strace"}, 0},
			} {
				stdout, stderr, status := start(t, c.dir, c.input, path, c.args...)
				if want := expect(c.input, c.args...); stdout != want || stderr != "" || status != c.status {
					t.Errorf("%q: status %d, want %d; %swant %s%s", c.args, status, c.status, stdout, want, stderr)
				}
			}

			stdout, stderr, status := start(t, dir, "", path, "--bee-info")
			for _, says := range []string{"program    carried\n", f.says, "sha256 ", ": same-length\n", "file format 1\n", fmt.Sprintf("program %d, ", st.Size())} {
				if !strings.Contains(stdout, says) || stderr != "" || status != 0 {
					t.Errorf("--bee-info: status %d, no %q in\n%s%s", status, says, stdout, stderr)
				}
			}
		})
	}
}

// TestExeDamaged: a changed byte is told from the start, and not run.
func TestExeDamaged(t *testing.T) {
	winetest.Require(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "w.exe")
	carry(t, filepath.Join("..", "..", "testdata", "elf", "tiny-386"), path)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c, err := exe.Find(bytes.NewReader(good))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []struct {
		name string
		at   int64
		says string
	}{
		{"program", c.Offset + 300, "digest"},
		{"manifest", c.Offset + c.Size - 100, "digest"},
		{"trailer", c.Offset + c.Size - 50, "damaged"},
		{"header", c.Offset - 512, "damaged"},
	} {
		b := bytes.Clone(good)
		b[d.at] ^= 1
		if err := os.WriteFile(path, b, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{nil, {"--bee-info"}} {
			stdout, stderr, status := start(t, dir, "", path, args...)
			if status != 126 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, `\w.exe: `) || !strings.Contains(stderr, d.says) {
				t.Errorf("%s %q: status %d, output %q, %q", d.name, args, status, stdout, stderr)
			}
		}
	}
}

// TestExeThroughBeerun: beerun's flags serve such an executable too.
func TestExeThroughBeerun(t *testing.T) {
	winetest.Require(t)
	dir := t.TempDir()
	compile(t, "hello.c", filepath.Join(dir, "hello"), "-static")
	carry(t, filepath.Join(dir, "hello"), filepath.Join(dir, "hello.exe"))
	stdout, stderr, status := start(t, dir, "", winetest.File(t, "windows-amd64/beerun.exe"), "--strace=summary", "hello.exe", "5")
	if stdout != "hello, world\n" || status != 5 || !strings.Contains(stderr, "usecs/call") {
		t.Errorf("status %d, %q, %q", status, stdout, stderr)
	}
	// Other Windows programs are none of ours.
	stdout, stderr, status = start(t, dir, "", winetest.File(t, "windows-amd64/beerun.exe"), winetest.File(t, "windows-amd64/beegen.exe"))
	if stdout != "" || status != 126 || !strings.Contains(stderr, "holds no Linux program") {
		t.Errorf("status %d, %q, %q", status, stdout, stderr)
	}
}

// TestExeMadeOnWindows: the Windows build of beerewrite makes the same file.
func TestExeMadeOnWindows(t *testing.T) {
	wine := winetest.Require(t)
	dir := t.TempDir()
	for _, elf := range []string{"tiny-386", "tiny-amd64"} {
		in, err := filepath.Abs(filepath.Join("..", "..", "testdata", "elf", elf))
		if err != nil {
			t.Fatal(err)
		}
		here, there := filepath.Join(dir, "w.exe"), filepath.Join(dir, "windows", "w.exe")
		if err := os.MkdirAll(filepath.Dir(there), 0o755); err != nil {
			t.Fatal(err)
		}
		carry(t, in, here)
		cmd := wine.Command(t.Context(), winetest.File(t, "windows-amd64/beerewrite.exe"), "--exe", "-q", "Z:"+in, "-o", "w.exe")
		cmd.Dir = filepath.Dir(there)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		a, err := os.ReadFile(here)
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(there)
		if err != nil || !bytes.Equal(a, b) {
			t.Errorf("%s: %d bytes, made on Windows %d; %v", elf, len(a), len(b), err)
		}
	}
}

// TestExeRunner: --runner takes a beerun.exe of the program's width, and nothing else.
func TestExeRunner(t *testing.T) {
	dir := t.TempDir()
	tiny := filepath.Join("..", "..", "testdata", "elf", "tiny-386")
	narrow, wide := winetest.File(t, "windows-386/beerun.exe"), winetest.File(t, "windows-amd64/beerun.exe")
	made, copied := filepath.Join(dir, "made.exe"), filepath.Join(dir, "beerun.exe")
	b, err := os.ReadFile(narrow)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(copied, b, 0o755); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out.exe")
	for _, c := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"--exe", tiny, "-o", made, "-q", "--runner", narrow}, 0, ""},
		{[]string{"--exe", tiny, "-o", out, "--runner", made}, exitInput, "made.exe: no beerun.exe that can carry this program: it carries a program already"},
		{[]string{"--exe", tiny, "-o", out, "--runner", wide}, exitInput, "give a 32-bit beerun.exe"},
		{[]string{"--exe", tiny, "-o", out, "--runner", tiny}, exitInput, "it is no beerun.exe"},
		{[]string{"--exe", tiny, "-o", out, "--runner", filepath.Join(dir, "missing")}, exitInput, "missing: no such file"},
		{[]string{"--exe", tiny, "-o", copied, "--runner", copied}, exitInput, "output and runner are the same file"},
		{[]string{"--exe", tiny, "-o", out}, exitInput, "--runner"}, // this test is no build of make
		{[]string{"--exe", tiny, "-o", out, "--form", "bee"}, exitUsage, "--exe and --form"},
		{[]string{tiny, "-o", out, "--runner", narrow}, exitUsage, "--runner is for --exe"},
		{[]string{"--exe", tiny}, exitUsage, "name the output"},
		{[]string{"--exe", made, "-o", out, "--runner", narrow}, exitInput, "not an ELF file"},
	} {
		var stdout, stderr bytes.Buffer
		status := run(c.args, &stdout, &stderr)
		if status != c.status || !strings.Contains(stderr.String(), c.says) || stdout.Len() != 0 || (c.says == "") != (stderr.Len() == 0) {
			t.Errorf("%q: status %d, %q, %q", c.args, status, &stdout, &stderr)
		}
	}
	l, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(l) != 2 {
		t.Errorf("left behind: %v", l)
	}
	if b2, err := os.ReadFile(copied); err != nil || !bytes.Equal(b2, b) {
		t.Error("the runner was overwritten")
	}
	if st, err := os.Stat(made); err != nil || st.Mode()&0o111 == 0 {
		t.Errorf("%v", err)
	}
	for verb, says := range map[string]string{"inspect": "376 bytes, loaded at 0x8048000", "verify": "made.exe: good: 2 sites"} {
		var stdout, stderr bytes.Buffer
		if status := run([]string{verb, made}, &stdout, &stderr); status != 0 || !strings.Contains(stdout.String(), says) {
			t.Errorf("%s: status %d, %s%s", verb, status, &stdout, &stderr)
		}
	}
	// The report is the usual one.
	var stdout, stderr bytes.Buffer
	if status := run([]string{"--exe", tiny, "-o", out, "--runner", narrow}, &stdout, &stderr); status != 0 || !strings.Contains(stdout.String(), "exe, ") {
		t.Errorf("status %d, %s%s", status, &stdout, &stderr)
	}
}
