//go:build linux

package difftest

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Busybox's own testsuite, which the set-up unpacks. Its scripts run in a
// native shell; of the applets that they call, the one under test runs under
// beerun and the others natively. The same scripts with native applets alone
// are the oracle.

var suiteFlag = flag.String("suite", "", "of busybox's testsuite, run the tests of `these applets` (separated by commas) or \"all\"")

// suiteSelection is what runs without the flag: applets on files and on text
// whose tests make few starts, each of which costs a third of a second.
var suiteSelection = []string{"cat", "dd", "factor", "find", "gzip", "head", "ln", "nl", "od", "readlink"}

// bbsuite has the name of a test's applet as its section.
var bbsuite = Suite{
	Section: regexp.MustCompile(`^== (.*)`),
	Line:    regexp.MustCompile(`^(?P<result>PASS|FAIL|SKIPPED|UNTESTED): (?P<test>.*?)(?P<detail>)$`),
	Passed:  "PASS",
	Exclude: bbsuiteExclusions,
}

const (
	hostPipe = "a named pipe of the host's"
	hostMode = "of a mode that the host's chmod has set, Windows knows whether one may write"
	unpacks  = "it packs and unpacks in a child"
)

// bbsuiteExclusions are 24 of 849 tests.
var bbsuiteExclusions = []Exclusion{
	{`awk/awk "cmd" | getline`, SecondProcess, "a shell for the command"},
	{"bzcat/zcat: dont delete gz src", SecondProcess, unpacks},
	{"bzcat/zcat: dont delete bz2 src", SecondProcess, unpacks},
	{"bzcat/zcat: dont delete Z src", SecondProcess, unpacks},
	{"cpio/cpio restores suid/sgid bits", HostFeature, hostMode},
	{"cpio/cpio uses by default uid/gid", Privilege, "the shell around the guest has Wine's user, whom the guest does not see"},
	{"diff/diff of dir and fifo", HostFeature, hostPipe},
	{"diff/diff of file and fifo", HostFeature, hostPipe},
	{"diff/diff -rN does not read non-regular files", HostFeature, hostPipe},
	{"ls/ls unicode test with codepoints limited to 767", HostFeature, "Wine does not show names of the host's that are not UTF-8"},
	{"pidof/pidof this", SecondProcess, "a process of the host's"},
	{"start-stop-daemon/start-stop-daemon -x without -a", SecondProcess, "execve"},
	{"start-stop-daemon/start-stop-daemon -a without -x", SecondProcess, "execve"},
	{"start-stop-daemon/start-stop-daemon without -x and -a", SecondProcess, "execve"},
	{"start-stop-daemon/start-stop-daemon with both -x and -a", SecondProcess, "execve"},
	{"tar/tar-handles-cz-options", SecondProcess, unpacks},
	{"tar/tar Empty file is not a tarball.tar.gz", SecondProcess, unpacks},
	{"tar/tar extract tgz", SecondProcess, unpacks},
	{"tar/tar hardlinks mode", HostFeature, hostMode},
	{"tar/tar symlinks mode", HostFeature, hostMode},
	{"taskset/taskset (get from pid 1)", SecondProcess, "a process of the host's"},
	{"taskset/taskset (set_aff, needs CAP_SYS_NICE)", SecondProcess, "execve"},
	{"uuencode/uuencode sets standard input mode correctly", HostFeature, "Windows has no umask that a process could inherit"},
	{"xargs/xargs-works", SecondProcess, "md5sum"},
}

// untestable are old-style tests, or all of an applet, that neither form runs, since they ask for
// what is not the same around the two.
var untestable = []string{
	// Two programs, one started after the other, have to tell the same second.
	"date/date-R-works",
	// The host's /bin may hold a link to itself, which to Wine is an endless tree.
	"du/du-s-works", "du/du-works",
	// The shell around the guest has Wine's user, the guest has 1000.
	"id",
}

// suiteLimit is for one applet's tests; under beerun bc's take minutes.
const suiteLimit = 15 * time.Minute

func TestBusyboxSuite(t *testing.T) {
	if reason := lab.MissingWine(); reason != "" {
		if os.Getenv("BEE_REQUIRE_WINE") == "1" {
			t.Fatal(reason)
		}
		t.Skip(reason)
	}
	source := filepath.Join(lab.store.build, "thirdparty/busybox-testsuite")
	if reason := missing(source); reason != "" {
		t.Fatalf("%s: make setup", reason)
	}
	suite, applets := bbsuite, suiteSelection
	suite.Part = *suiteFlag != "all"
	switch *suiteFlag {
	case "":
	case "all":
		var err error
		if applets, err = suiteApplets(filepath.Join(source, "testsuite")); err != nil {
			t.Fatal(err)
		}
	default:
		applets = strings.Split(*suiteFlag, ",")
	}
	suite.Exclude = nil
	for _, e := range bbsuite.Exclude {
		if section, _, _ := strings.Cut(e.Test, "/"); slices.Contains(applets, section) {
			suite.Exclude = append(suite.Exclude, e)
		}
	}
	for _, w := range (Case{}).widths() {
		t.Run(w.String(), func(t *testing.T) {
			want, got := runSuite(t, source, w, applets, native), runSuite(t, source, w, applets, bee)
			if t.Failed() {
				return
			}
			if d := suite.diff(want, got, bee); d != "" {
				t.Error(d)
			}
			passed := [2]int{}
			for i, out := range []string{want, got} {
				for _, v := range suite.verdicts(out) {
					if v.passed {
						passed[i]++
					}
				}
			}
			t.Logf("%d tests of %d applets pass natively, %d under beerun", passed[0], len(applets), passed[1])
		})
	}
}

// suiteApplets names the applets that have tests: a directory of scripts, or a
// file NAME.tests. Debian leaves out mdev's, which need devices of their own;
// all_sourcecode is not about an applet.
func suiteApplets(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var list []string
	for _, e := range entries {
		name, isTests := strings.CutSuffix(e.Name(), ".tests")
		if (isTests || e.IsDir()) && name != "mdev" && name != "all_sourcecode" && !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s holds no tests", dir)
	}
	return list, nil
}

// runSuite runs the applets' tests, two applets at a time, and returns what
// they print, a section for each applet.
func runSuite(t *testing.T, source string, w width, applets []string, f form) string {
	t.Helper()
	out := make([]string, len(applets))
	work := make(chan int)
	var workers sync.WaitGroup
	for range 2 {
		workers.Go(func() {
			for i := range work {
				start := time.Now()
				text, err := runSuiteApplet(source, w, applets[i], f)
				if f == bee && *suiteFlag != "" {
					t.Logf("%s: %d passed, %d failed in %s", applets[i], strings.Count(text, "PASS: "), strings.Count(text, "FAIL: "), time.Since(start).Round(time.Second))
				}
				if err != nil {
					t.Errorf("%s, %s form: %v", applets[i], f, err)
				}
				out[i] = "== " + applets[i] + "\n" + text
			}
		})
	}
	for i := range applets {
		work <- i
	}
	close(work)
	workers.Wait()
	return strings.Join(out, "")
}

// runSuiteApplet runs one applet's tests in a copy of the testsuite.
func runSuiteApplet(source string, w width, applet string, f form) (string, error) {
	top := filepath.Join(lab.work, "suite-"+w.String()+"-"+f.String()+"-"+applet)
	defer os.RemoveAll(top)
	if err := copySuite(source, top); err != nil {
		return "", err
	}
	program, err := lab.program(Busybox, w.guest, native)
	if err != nil {
		return "", err
	}
	env := []string{
		"PATH=/usr/sbin:/sbin:/usr/bin:/bin", "HOME=/", "LANG=C.UTF-8", "LC_ALL=C.UTF-8", "SHELL=/bin/sh", "ECHO=/bin/echo",
		"SKIP_KNOWN_BUGS=y", "SKIP_INTERNET_TESTS=y", "VERBOSE=" + os.Getenv("VERBOSE"),
	}
	token := "BEE_DIFFTEST_RUN=suite." + strconv.Itoa(os.Getpid()) + "." + w.String() + "." + applet
	notes := filepath.Join(top, "notes")
	cmd := exec.Command("sh", "./runtest", applet)
	cmd.Dir = filepath.Join(top, "testsuite")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	busybox := filepath.Join(top, "busybox")
	if f == native {
		if err := os.Symlink(program, busybox); err != nil {
			return "", err
		}
		if lab.owner != nil {
			if err := chownAll(top, *lab.owner); err != nil {
				return "", err
			}
			cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(lab.owner.uid), Gid: uint32(lab.owner.gid), Groups: []uint32{uint32(lab.owner.gid)}}
		}
	} else {
		wrapper, err := lab.store.native(Program{Source: "applet.c"}, AMD64)
		if err != nil {
			return "", err
		}
		if err := os.Symlink(wrapper, busybox); err != nil {
			return "", err
		}
		if err := os.Mkdir(notes, 0o755); err != nil {
			return "", err
		}
		form, err := lab.program(Busybox, w.guest, bee)
		if err != nil {
			return "", err
		}
		line := func(words ...string) string { return strings.Join(words, "\n") }
		env = append(env, "BEE_SUITE_APPLET="+applet, "BEE_SUITE_NATIVE="+program, "BEE_SUITE_DIR="+notes, "BEE_SUITE_TOP="+cmd.Dir, "BEE_SUITE_BEE="+winePath(form),
			"BEE_SUITE_ENV="+line(append(wineEnv(), token)...),
			"BEE_SUITE_COMMAND="+line(lab.guard, "-o", notes+"/@.guard", lab.wine, winePath(lab.runner[w.runner]),
				"--mark", winePath(notes)+`\@.mark`, "--root", `Z:\`, "--clear-env"))
	}
	cmd.Env = env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		return "", err
	}
	timedOut := make(chan struct{})
	limit := time.AfterFunc(suiteLimit, func() {
		close(timedOut)
		kill(cmd.Process.Pid, token)
	})
	err = cmd.Wait()
	if !limit.Stop() {
		<-timedOut
		return stdout.String(), fmt.Errorf("%w after %s: %s", errTimeout, suiteLimit, clip(stdout.String(), 2000))
	}
	// The status tells of tests that failed, and so do their lines.
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) {
		return "", err
	}
	if os.Getenv("VERBOSE") != "" {
		fmt.Printf("== %s %s %s\n%s\n-- stderr\n%s\n", w, f, applet, stdout.String(), stderr.String())
	}
	return stdout.String(), suiteTrouble(notes)
}

// suiteTrouble tells of guests that the guard ended, that hung or that left no mark.
func suiteTrouble(notes string) error {
	reports, err := filepath.Glob(notes + "/*.guard")
	if err != nil {
		return err
	}
	var all []error
	for _, path := range reports {
		if text, err := os.ReadFile(path); err == nil && killed(string(text)) {
			all = append(all, fmt.Errorf("a guest's instruction reached the Linux kernel: %s", text))
		}
	}
	text, err := os.ReadFile(notes + "/trouble")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		all = append(all, err)
	}
	if len(text) > 0 {
		all = append(all, errors.New(strings.TrimSpace(string(text))))
	}
	return errors.Join(all...)
}

// copySuite copies the tests and the configuration to where tests may write.
func copySuite(source, top string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := os.Mkdir(top, 0o755); err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, "cp", "-R", source+"/testsuite", top).CombinedOutput(); err != nil {
		return fmt.Errorf("copy the testsuite: %w\n%s", err, out)
	}
	for _, name := range untestable {
		if err := os.RemoveAll(filepath.Join(top, "testsuite", name)); err != nil {
			return err
		}
	}
	config, err := os.ReadFile(source + "/config")
	if err != nil {
		return err
	}
	return os.WriteFile(top+"/.config", config, 0o644)
}

func chownAll(top string, o owner) error {
	return filepath.WalkDir(top, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, o.uid, o.gid)
	})
}
