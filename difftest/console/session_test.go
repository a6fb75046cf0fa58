//go:build linux

package console

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hinshun/vt10x"
	"golang.org/x/sys/unix"

	"bee/internal/winetest"
	"bee/rewrite"
)

const (
	cols = 80
	rows = 24
	// patience is how long a screen may take to become what it should be.
	patience = 30 * time.Second
	// quiet is how long a native screen must stay the same to be final.
	quiet = 150 * time.Millisecond
)

// session is a program on a pseudo-terminal.
type session struct {
	t      *testing.T
	name   string
	cmd    *exec.Cmd
	master *os.File
	token  string // in the environment of all its processes
	term   vt10x.Terminal

	mu    sync.Mutex
	raw   []byte
	moved time.Time // when something came last
	ended chan struct{}
	err   error // of the program, once ended
}

// openPTY makes a pseudo-terminal with the settings of a terminal emulator.
func openPTY(t *testing.T) (master, slave *os.File) {
	t.Helper()
	m, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	master = os.NewFile(uintptr(m), "/dev/ptmx")
	n, err := unix.IoctlGetInt(m, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(m, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(m, unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: cols})
	}
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	s, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	s.Iflag |= unix.IUTF8
	if err := unix.IoctlSetTermios(int(slave.Fd()), unix.TCSETS, s); err != nil {
		t.Fatal(err)
	}
	return master, slave
}

// start runs cmd with the pseudo-terminal as its controlling terminal, and as
// all of its standard streams that cmd does not give.
func start(t *testing.T, name string, cmd *exec.Cmd) *session {
	t.Helper()
	master, slave := openPTY(t)
	s := &session{
		t: t, name: name, cmd: cmd, master: master, ended: make(chan struct{}),
		token: fmt.Sprintf("BEE_CONSOLE_RUN=%d.%d", os.Getpid(), time.Now().UnixNano()),
	}
	s.term = vt10x.New(vt10x.WithSize(cols, rows), vt10x.WithWriter(master))
	ctty := -1
	if cmd.Stdin == nil {
		cmd.Stdin, ctty = slave, 0
	}
	if cmd.Stdout == nil {
		cmd.Stdout, ctty = slave, 1
	}
	if cmd.Stderr == nil {
		cmd.Stderr, ctty = slave, 2
	}
	if ctty < 0 {
		cmd.ExtraFiles, ctty = []*os.File{slave}, 3
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: ctty}
	cmd.Env = append(cmd.Env, s.token)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := master.Read(b)
			s.mu.Lock()
			s.raw = append(s.raw, b[:n]...)
			s.moved = time.Now()
			s.mu.Unlock()
			_, _ = s.term.Write(b[:n])
			if err != nil {
				return
			}
		}
	}()
	go func() {
		s.err = cmd.Wait()
		close(s.ended)
	}()
	t.Cleanup(func() {
		if t.Failed() {
			s.mu.Lock()
			t.Logf("%s: the end of what came: %q\n%s", name, s.raw[max(0, len(s.raw)-2000):], s.screen())
			s.mu.Unlock()
		}
		for _, pid := range s.processes() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		<-s.ended
		master.Close()
	})
	return s
}

// processes are those of the run, Wine's included but for its server, which
// serves all runs.
func (s *session) processes() []int {
	var pids []int
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		env, err := os.ReadFile(dir + "/environ")
		if err != nil || !strings.Contains(string(env), s.token) {
			continue
		}
		comm, _ := os.ReadFile(dir + "/comm")
		switch strings.TrimSpace(string(comm)) {
		case "wineserver", "services.exe", "plugplay.exe", "svchost.exe", "winedevice.exe", "explorer.exe", "rpcss.exe":
			continue
		}
		pid := 0
		fmt.Sscan(filepath.Base(dir), &pid)
		pids = append(pids, pid)
	}
	return pids
}

// listening waits until the program reads from the terminal: conhost has turned
// off the pseudo-terminal's own editing.
func (s *session) listening() {
	s.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if x, err := unix.IoctlGetTermios(int(s.master.Fd()), unix.TCGETS); err == nil && x.Lflag&unix.ICANON == 0 {
			return
		}
	}
	s.t.Fatalf("%s: it does not read", s.name)
}

func (s *session) send(keys string) {
	s.t.Helper()
	s.mu.Lock()
	s.moved = time.Now()
	s.mu.Unlock()
	if _, err := s.master.WriteString(keys); err != nil {
		s.t.Fatal(err)
	}
}

// screen is the text, what stands out, and the cursor.
func (s *session) screen() string {
	s.term.Lock()
	defer s.term.Unlock()
	cols, rows := s.term.Size()
	var b strings.Builder
	for y := range rows {
		text, marks := make([]rune, cols), make([]byte, cols)
		for x := range cols {
			g := s.term.Cell(x, y)
			text[x], marks[x] = g.Char, ' '
			if g.Char == 0 {
				text[x] = ' '
			}
			if g.BG != vt10x.DefaultBG {
				marks[x] = '#'
			}
		}
		fmt.Fprintf(&b, "|%s\n", strings.TrimRight(string(text), " "))
		if m := strings.TrimRight(string(marks), " "); m != "" {
			fmt.Fprintf(&b, "=%s\n", m)
		}
	}
	if c := s.term.Cursor(); s.term.CursorVisible() {
		fmt.Fprintf(&b, "cursor %d,%d\n", c.X, c.Y)
	}
	return b.String()
}

// settled waits until the screen shows until and does not change any more.
func (s *session) settled(until string) string {
	s.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		s.mu.Lock()
		still := time.Since(s.moved) > quiet
		s.mu.Unlock()
		if text := s.screen(); still && strings.Contains(text, until) {
			return text
		}
	}
	s.t.Fatalf("%s: the screen does not show %q:\n%s", s.name, until, s.screen())
	return ""
}

// becomes waits until the screen is the one that want tells, which also shapes
// it for the comparison.
func (s *session) becomes(want string, shape func(string) string) {
	s.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if shape(s.screen()) == want {
			return
		}
	}
	s.t.Fatalf("%s: the screen is\n%s\nit should be\n%s", s.name, shape(s.screen()), want)
}

// wait waits for the program's end and tells its status.
func (s *session) wait() int {
	s.t.Helper()
	select {
	case <-s.ended:
	case <-time.After(patience):
		s.t.Fatalf("%s: it does not end; the screen:\n%s", s.name, s.screen())
	}
	code, err := winetest.ExitCode(s.err)
	if err != nil {
		s.t.Fatal(err)
	}
	if ws, ok := s.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return code
}

// guest is a program in both forms.
type guest struct {
	native, bee string
	argv0       string
	runner      string
	wine        *winetest.Wine
}

// arch is a width of guests.
type arch struct{ name, gcc, runner string }

var archs = []arch{{"i386", "-m32", "windows-386/beerun.exe"}, {"amd64", "-m64", "windows-amd64/beerun.exe"}}

func newGuest(t *testing.T, a arch, native, argv0 string) *guest {
	t.Helper()
	g := &guest{native: native, argv0: argv0, wine: winetest.Require(t)}
	g.runner = winetest.File(t, a.runner)
	g.bee = filepath.Join(t.TempDir(), "guest.bee")
	if _, err := rewrite.File(native, g.bee, rewrite.Options{}); err != nil {
		t.Fatal(err)
	}
	return g
}

func busybox(t *testing.T, a arch) *guest {
	t.Helper()
	return newGuest(t, a, winetest.File(t, "thirdparty/busybox-static-"+a.name+"/bin/busybox"), "busybox")
}

// program compiles one of testdata/programs.
func program(t *testing.T, a arch, name string) *guest {
	t.Helper()
	exe := filepath.Join(t.TempDir(), name)
	out, err := exec.Command("gcc", a.gcc, "-static", "-O1", "-Wall", "-Wextra", "-Werror", "-o", exe, "../../testdata/programs/"+name+".c").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return newGuest(t, a, exe, name)
}

var guestEnv = []string{"TERM=xterm", "PATH=/bin:/usr/bin", "HOME=/", "LC_ALL=C.UTF-8", "PS1=ready> "}

// run is the native command.
func (g *guest) run(t *testing.T, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), g.native, args...)
	cmd.Args[0] = g.argv0
	cmd.Dir, cmd.Env = dir, append([]string(nil), guestEnv...)
	return cmd
}

// beerun is the other one.
func (g *guest) beerun(t *testing.T, dir string, args ...string) *exec.Cmd {
	argv := []string{"--mount", "/work=" + winePath(dir), "--cwd", "/work", "--argv0", g.argv0, "--clear-env"}
	for _, kv := range guestEnv {
		argv = append(argv, "--env", kv)
	}
	argv = append(append(argv, winePath(g.bee)), args...)
	report := filepath.Join(t.TempDir(), "guard")
	cmd := g.wine.Guarded(context.Background(), report, winePath(g.runner), argv...)
	cmd.Dir = dir
	cmd.Env = []string{"WINEDEBUG=-all", "LC_ALL=C.UTF-8"}
	for _, name := range []string{"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "XDG_RUNTIME_DIR"} {
		if v, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	t.Cleanup(func() {
		if killed, err := winetest.Killed(report); err == nil && len(killed) > 0 {
			t.Errorf("the guard has killed: %q", killed)
		}
	})
	return cmd
}

func winePath(path string) string { return `Z:` + strings.ReplaceAll(path, "/", `\`) }

// write makes a file in dir.
func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
