//go:build linux

package difftest

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var goTestsAll = flag.Bool("gotests", false, "TestGoTests runs the test binaries of all packages, not only of a few")

// goPackage is a package of Go's library whose own tests are compared, with the
// ones that need not pass: patterns of whole names, subtests included.
type goPackage struct {
	path    string
	quick   bool   // also without -gotests
	wide    bool   // wideShare of its tests may be excluded
	mount   string // a folder of this machine that its tests look at
	exclude []Exclusion
}

const second = "it runs itself or another program"

var goPackages = []goPackage{
	{path: "strings", quick: true},
	{path: "sync", quick: true, exclude: []Exclusion{
		{"TestIssue76126", SecondProcess, second},
		{"TestMutexMisuse", SecondProcess, second},
	}},
	{path: "context", quick: true},
	{path: "sync/atomic"},
	{path: "time"},
	{path: "io"},
	{path: "bufio"},
	{path: "path/filepath"},
	{path: "encoding/json"},
	{path: "compress/bzip2"},
	{path: "compress/flate"},
	{path: "compress/gzip"},
	{path: "compress/lzw"},
	{path: "compress/zlib"},
	{path: "os", wide: true, mount: "/usr/bin", exclude: []Exclusion{
		{"TestExecutable|TestFileChdirTestlog|TestGetppid|TestHostname|TestKillFindProcess|TestKillStartProcess|TestProcessWithHandleLinux", SecondProcess, second},
		{"TestReadNonblockingFd|TestStartProcess(/.*)?|TestStatStdin|TestStdPipe", SecondProcess, second},
		{"TestFIFONonBlockingEOF|TestFifoEOF", HostFeature, "no file system of Windows has FIFOs"},
		{"TestGetwdDeep|TestGetwdDeepWithPWDSet|TestRemoveAllLongPath", HostFeature, "Wine takes no path of more than 4096 bytes"},
	}},
	{path: "os/signal", exclude: []Exclusion{
		{"TestAtomicStop|TestDetectNohup|TestNohup/nohup(/.*)?|TestNotifyContextNotifications(/.*)?", SecondProcess, second},
	}},
	{path: "net", wide: true, exclude: []Exclusion{
		{"TestSplice(/.*)?", SecondProcess, second},
		{"TestMultiPathTCP", HostFeature, "Windows has no MPTCP"},
	}},
	{path: "net/http", exclude: []Exclusion{
		{"TestLinuxSendfile", SecondProcess, second},
	}},
	{path: "runtime", wide: true, exclude: []Exclusion{
		{"TestArenaCollision|TestCrashWhileTracing|TestFinalizerRegisterABI|TestG0StackOverflow|TestIssue66841|TestMemHashGlobalSeed(/.*)?", SecondProcess, second},
		{"TestRuntimePanic|TestTracebackRuntimeFunction|TestTracebackRuntimeMethod|TestTracebackSystem(/.*)?|TestUsingVDSO", SecondProcess, second},
	}},
}

// goResults reads the outcome of each test. One that ran more than once has
// passed if it always has.
func goResults(out string) map[string]string {
	got := map[string]string{}
	for _, m := range goTestLine.FindAllStringSubmatch(out, -1) {
		if old, ok := got[m[2]]; ok && old != m[1] {
			got[m[2]] = "FAIL"
			continue
		}
		got[m[2]] = m[1]
	}
	return got
}

var goTestLine = regexp.MustCompile(`(?m)^ *--- (PASS|FAIL|SKIP): (\S+)`)

// compareGo lists the tests that pass natively and do not pass here, and are not
// excluded; used collects the exclusions that were needed.
func (p goPackage) compareGo(want, got map[string]string, used map[int]bool) (differ []string, passed, spared int) {
	for _, test := range slices.Sorted(maps.Keys(want)) {
		if want[test] != "PASS" {
			continue
		}
		passed++
		if got[test] == "PASS" {
			continue
		}
		i := slices.IndexFunc(p.exclude, func(e Exclusion) bool {
			return regexp.MustCompile("^(?:" + e.Test + ")$").MatchString(test)
		})
		if i < 0 {
			differ = append(differ, fmt.Sprintf("%s passes natively, here: %q", test, got[test]))
			continue
		}
		used[i] = true
		spared++
	}
	return differ, passed, spared
}

// TestGoTests runs the tests of Go's own packages, natively and as a guest, and
// compares them one by one.
func TestGoTests(t *testing.T) {
	if reason := lab.MissingWine(); reason != "" {
		if os.Getenv("BEE_REQUIRE_WINE") == "1" {
			t.Fatal(reason)
		}
		t.Skip(reason)
	}
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	goroot := strings.TrimSpace(string(out))
	var mu sync.Mutex
	var ran, excluded int // where no more than excludedShare may be
	var rows []goRow
	t.Run("packages", func(t *testing.T) {
		for _, p := range goPackages {
			if !p.quick && !*goTestsAll {
				continue
			}
			t.Run(p.path, func(t *testing.T) {
				t.Parallel()
				of := goPackageTests(t, p, goroot)
				passed, spared := 0, 0
				for _, c := range of {
					passed, spared = passed+c.passed, spared+c.spared
				}
				mu.Lock()
				defer mu.Unlock()
				rows = append(rows, goRow{p, of})
				if p.wide {
					if passed == 0 || 100*spared > wideShare*passed {
						t.Errorf("%d of %d tests that pass natively are excluded: more than %d %%", spared, passed, wideShare)
					}
					return
				}
				ran, excluded = ran+passed, excluded+spared
			})
		}
	})
	if ran > 0 && 100*excluded > excludedShare*ran {
		t.Errorf("%d of %d tests that pass natively are excluded: more than %d %%", excluded, ran, excludedShare)
	}
	if *update && len(rows) == len(goPackages) && !t.Failed() {
		writeGoPage(t, rows)
	}
}

// goPackageTests compares one package in both widths.
func goPackageTests(t *testing.T, p goPackage, goroot string) map[width]goCount {
	of := map[width]goCount{}
	used := map[int]bool{}
	for _, w := range (Case{}).widths() {
		want, err := lab.goTest(goroot, p, w, native)
		if err != nil {
			t.Fatal(err)
		}
		got, err := lab.goTest(goroot, p, w, bee)
		if err != nil {
			t.Errorf("%s: %v", w, err)
		}
		differ, n, m := p.compareGo(want, got, used)
		for _, d := range differ {
			t.Errorf("%s: %s", w, d)
		}
		t.Logf("%s: %d pass natively, %d of them are excluded", w, n, m)
		of[w] = goCount{n, m}
	}
	for i, e := range p.exclude {
		if !used[i] {
			t.Errorf("%s passes: remove the exclusion (%s: %s)", e.Test, e.Why, e.Detail)
		}
	}
	return of
}

// wideShare is excludedShare for packages that are the system itself.
const wideShare = 15

// goTest runs a package's test binary and tells each test's outcome.
func (l *Lab) goTest(goroot string, p goPackage, w width, f form) (map[string]string, error) {
	pkg := p.path
	const limit = 30 * time.Minute // os takes four on an idle machine
	version, err := compilerVersion("go")
	if err != nil {
		return nil, err
	}
	arch := map[Arch]string{I386: "386", AMD64: "amd64"}[w.guest]
	name := strings.ReplaceAll(pkg, "/", "-") + "-test-" + arch
	path, err := l.store.make([]byte(version+pkg+arch), name, func(tmp string) error {
		cmd := exec.Command("go", "test", "-c", "-o", tmp, pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("go test -c %s: %w\n%s", pkg, err, out)
		}
		return os.Chmod(tmp, 0o755)
	})
	if err != nil {
		return nil, err
	}
	if f == bee {
		path, err = l.rewrittenFile(path)
	} else {
		path, err = l.reach.make([]byte(path), name, func(tmp string) error {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return os.WriteFile(tmp, data, 0o755)
		})
	}
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(l.work, name+"."+f.String())
	user := l.owner
	if f == bee {
		user = nil
	}
	if err := prepare(dir, NoFiles, user); err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	src := filepath.Join(goroot, "src", filepath.FromSlash(pkg))
	args := []string{"-test.v", "-test.short", "-test.timeout=" + (limit - 20*time.Second).String()}
	env := append(slices.Clone(DefaultEnv), "GOROOT="+goroot)
	outName := "output"
	var s step
	if f != bee {
		env = append(env, "TMPDIR="+dir)
		s, err = run(command{path: path, argv: append([]string{path}, args...), env: env, dir: src, owner: l.owner}, Stdin{}, dir, outName, limit)
	} else {
		env = append(env, "TMPDIR=/tmp")
		report := dir + ".guard"
		defer os.Remove(report)
		argv := []string{
			l.guard, "-o", report, l.wine, winePath(l.runner[w.runner]),
			"--mount", goroot + "=" + winePath(goroot), "--mount", "/tmp=" + winePath(dir), "--cwd", src, "--clear-env",
		}
		if p.mount != "" {
			argv = append(argv, "--mount", p.mount+"="+winePath(p.mount))
		}
		for _, kv := range env {
			argv = append(argv, "--env", kv)
		}
		argv = append(append(argv, winePath(path)), args...)
		s, err = run(command{path: l.guard, argv: argv, env: wineEnv(), dir: dir}, Stdin{}, dir, outName, limit)
		if text, rerr := os.ReadFile(report); rerr == nil && killed(string(text)) {
			return nil, fmt.Errorf("an instruction of the guest reached the Linux kernel: %s", text)
		}
	}
	out, rerr := os.ReadFile(filepath.Join(dir, outName))
	if rerr != nil {
		return nil, rerr
	}
	text := string(out)
	got := goResults(text)
	if err == nil && !strings.Contains(text, "\nPASS") && !strings.Contains(text, "\nFAIL") {
		err = fmt.Errorf("it ended early (%s): %s %s", s.status, clip(text[max(0, len(text)-500):], 500), clip(s.stderr.head.String(), 1000))
	}
	return got, err
}

// rewrittenFile is the .bee of a file.
func (l *Lab) rewrittenFile(path string) (string, error) {
	key := []byte("bee")
	for _, f := range []string{path, l.rewr} {
		sum, err := fileSum(f)
		if err != nil {
			return "", err
		}
		key = append(key, sum...)
	}
	return l.store.make(key, filepath.Base(path)+".bee", func(tmp string) error {
		if out, err := exec.Command(l.rewr, path, "-o", tmp).CombinedOutput(); err != nil {
			return fmt.Errorf("beerewrite of %s: %w\n%s", path, err, out)
		}
		return nil
	})
}

func TestCompareGo(t *testing.T) {
	p := goPackage{path: "x", exclude: []Exclusion{{"TestB(/.*)?", SecondProcess, ""}}}
	want := goResults("--- PASS: TestA (0.00s)\n--- PASS: TestB (0.00s)\n    --- PASS: TestB/one (0.00s)\n--- SKIP: TestC (0.00s)\n--- FAIL: TestD (0.00s)\n--- PASS: TestE (0.00s)\n")
	got := goResults("--- PASS: TestA (0.00s)\n--- FAIL: TestB (0.00s)\n--- SKIP: TestE (0.00s)\n--- PASS: TestD (0.00s)\n")
	used := map[int]bool{}
	differ, passed, spared := p.compareGo(want, got, used)
	if len(differ) != 1 || !strings.HasPrefix(differ[0], "TestE ") || passed != 4 || spared != 2 || !used[0] {
		t.Errorf("%q, %d passed, %d spared, used %v", differ, passed, spared, used)
	}
}
