//go:build linux

package difftest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"bee/internal/winetest"
)

// Lab holds what the runs need: the commands under test, the guard, Wine and
// a directory for the cases.
type Lab struct {
	Root string // the module's
	Keep bool   // leave the directories of failed cases

	store  store
	reach  store  // native forms where the guest's user can run them
	work   string // the cases' directories
	owner  *owner
	wine   string // runs a Windows program in the private prefix
	server string // starts Wine's server
	runner map[Arch]string
	guard  string
	rewr   string
}

// NewLab prepares a lab. It builds nothing yet.
func NewLab() (*Lab, error) {
	root, err := moduleRoot()
	if err != nil {
		return nil, err
	}
	build := winetest.Build()
	l := &Lab{
		Root:   root,
		store:  store{root: root, build: build, dir: filepath.Join(build, "difftest")},
		wine:   filepath.Join(build, "wine/run"),
		server: filepath.Join(build, "wine/server"),
		runner: map[Arch]string{
			I386:  filepath.Join(build, "windows-386/beerun.exe"),
			AMD64: filepath.Join(build, "windows-amd64/beerun.exe"),
		},
		guard: filepath.Join(build, "linux/guard"),
		rewr:  filepath.Join(build, "linux/beerewrite"),
	}
	// The user of the native runs may not reach the module's directory, so the cases are elsewhere.
	if l.work, err = os.MkdirTemp("", "bee-difftest-"); err != nil {
		return nil, err
	}
	l.reach.dir = filepath.Join(l.work, "bin")
	if err := os.Chmod(l.work, 0o755); err != nil {
		return nil, err
	}
	if os.Getuid() == 0 {
		l.owner = &owner{1000, 1000}
	}
	return l, l.copyEtc()
}

// Close removes the lab's directory, unless something is kept there.
func (l *Lab) Close() error {
	if l.Keep {
		return nil
	}
	return os.RemoveAll(l.work)
}

func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod above the working directory")
		}
		dir = parent
	}
}

// copyEtc copies what a guest may read of /etc, so that both sides see the same users.
func (l *Lab) copyEtc() error {
	etc := filepath.Join(l.work, "etc")
	if err := os.Mkdir(etc, 0o755); err != nil {
		return err
	}
	for _, name := range []string{"passwd", "group"} {
		data, err := os.ReadFile("/etc/" + name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := os.WriteFile(filepath.Join(etc, name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// MissingRewriter says why there is no rewriter, or nothing.
func (l *Lab) MissingRewriter() string { return missing(l.rewr) }

// MissingWine says why the bee form cannot run here, or nothing.
func (l *Lab) MissingWine() string {
	for _, path := range []string{l.rewr, l.wine, l.guard, l.runner[I386], l.runner[AMD64]} {
		if m := missing(path); m != "" {
			return m
		}
	}
	return ""
}

func missing(path string) string {
	if _, err := os.Stat(path); err != nil {
		return err.Error()
	}
	return ""
}

// WarmUp starts Wine's server and services outside of any run.
func (l *Lab) WarmUp() error {
	server := exec.Command(l.server, "start")
	server.Env = wineEnv()
	// It ends with 2 when Wine's server is there already.
	_ = server.Run()
	for _, a := range []Arch{I386, AMD64} {
		if err := l.help(a); err != nil {
			return fmt.Errorf("beerun --help (%s) under Wine: %w", a, err)
		}
	}
	return nil
}

func (l *Lab) help(a Arch) error {
	cmd := exec.Command(l.wine, l.runner[a], "--help")
	cmd.Env = wineEnv()
	cmd.WaitDelay = time.Second
	done := time.AfterFunc(2*time.Minute, func() { _ = cmd.Process.Kill() })
	defer done.Stop()
	if out, err := cmd.CombinedOutput(); err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		return fmt.Errorf("%w\n%s", err, clip(string(out), 2000))
	}
	return nil
}

// wineEnv is the environment of Wine itself: silent, and with a locale in
// which arguments are UTF-8.
func wineEnv() []string {
	env := []string{"WINEDEBUG=-all", "LC_ALL=C.UTF-8"}
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		switch name {
		case "PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "XDG_RUNTIME_DIR":
			env = append(env, kv)
		}
	}
	return env
}

// winePath is a host's path as a Windows program under Wine takes it.
func winePath(path string) string { return `Z:` + strings.ReplaceAll(path, "/", `\`) }

// run runs all steps of a case in one width and form, in a fresh directory.
func (l *Lab) run(c Case, w width, title string, f form) (result, error) {
	base := strings.Map(func(r rune) rune {
		if strings.ContainsRune(`<>:"|?*\'`, r) {
			return '_'
		}
		return r
	}, title)
	res := result{form: f, dir: filepath.Join(l.work, base+"."+f.String())}
	program, err := l.program(c.Prog, w.guest, f)
	if err != nil {
		return res, err
	}
	user := l.owner
	if f == bee {
		user = nil
	}
	if err := prepare(res.dir, c.Files, user); err != nil {
		return res, err
	}
	steps, err := c.argv()
	if err != nil {
		return res, err
	}
	limit := time.Minute
	if c.Opt&LargeOutput != 0 {
		limit = 3 * time.Minute
	}
	if c.Limit > 0 {
		limit = c.Limit
	}
	for i, args := range steps {
		stdin := c.Stdin
		if i > 0 && stdin.kind != stdinNull {
			stdin = Stdin{}
		}
		s, err := l.step(c, w, f, program, args, stdin, res.dir, limit)
		if err != nil {
			return res, fmt.Errorf("%s form, step %d: %w%s", f, i+1, err, outerText(s))
		}
		res.steps = append(res.steps, s)
	}
	res.tree, err = readTree(res.dir)
	return res, err
}

// program returns the file to run. Native forms are copied to where the
// guest's user can reach them.
func (l *Lab) program(p Program, a Arch, f form) (string, error) {
	if p == (Program{}) {
		p = Busybox
	}
	if f == bee {
		return l.store.rewritten(p, a, bee, l.rewr)
	}
	source := ""
	var err error
	if f == proof {
		source, err = l.store.rewritten(p, a, proof, l.rewr)
	} else {
		source, err = l.store.native(p, a)
	}
	if err != nil {
		return "", err
	}
	return l.reach.make([]byte(source), filepath.Base(source), func(tmp string) error {
		data, err := os.ReadFile(source)
		if err != nil {
			return err
		}
		return os.WriteFile(tmp, data, 0o755)
	})
}

func (l *Lab) step(c Case, w width, f form, program string, args []string, stdin Stdin, dir string, limit time.Duration) (step, error) {
	argv0 := c.Prog.argv0()
	if c.Prog == (Program{}) {
		argv0 = Busybox.argv0()
	}
	if f != bee {
		return run(command{path: program, argv: append([]string{argv0}, args...), env: c.env(), dir: dir, owner: l.owner, late: c.Late}, stdin, dir, c.Stdout, limit)
	}
	// Beside the case's directory, whose files are compared.
	mark, report := dir+".mark", dir+".guard"
	_ = os.Remove(mark)
	_ = os.Remove(report)
	argv := []string{l.guard, "-o", report, l.wine}
	if stdin.kind == stdinClosed {
		launcher, err := l.store.windows("windows/nostdin.c")
		if err != nil {
			return step{}, err
		}
		argv = append(argv, launcher)
		stdin = Stdin{}
	}
	argv = append(argv, winePath(l.runner[w.runner]), "--mark", winePath(mark),
		"--mount", "/work="+winePath(dir), "--mount", "/etc="+winePath(filepath.Join(l.work, "etc")),
		"--cwd", "/work", "--argv0", argv0, "--clear-env")
	for _, kv := range c.env() {
		argv = append(argv, "--env", kv)
	}
	counts := dir + ".calls"
	if c.calls != nil {
		_ = os.Remove(counts)
		argv = append(argv, "--count-calls", winePath(counts))
	}
	argv = append(argv, winePath(program))
	argv = append(argv, args...)
	s, err := run(command{path: l.guard, argv: argv, env: wineEnv(), dir: dir, late: c.Late}, stdin, dir, c.Stdout, limit)
	if text, rerr := os.ReadFile(report); rerr == nil {
		s.guard = strings.TrimSpace(string(text))
	}
	s.outer = s.status
	s.status = readMark(mark)
	if c.calls != nil && err == nil {
		err = readCounts(counts, c.calls.counts)
	}
	return s, err
}

// readMark is the guest's end as beerun wrote it down.
func readMark(path string) status {
	data, err := os.ReadFile(path)
	if err != nil {
		return "no mark"
	}
	return status(strings.TrimSpace(string(data)))
}
