//go:build linux

package difftest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// form is one of the shapes in which a program runs.
type form uint8

const (
	native form = iota
	proof
	bee
)

func (f form) String() string { return [...]string{"native", "proof", "bee"}[f] }

// owner is the user that native runs have; beerun tells its guest the same ids.
type owner struct{ uid, gid int }

// capture is what a program wrote: its digest and its beginning.
type capture struct {
	head bytes.Buffer
	sum  hash.Hash
	size int64
}

const captureHead = 8 << 20

func newCapture() *capture { return &capture{sum: sha256.New()} }

func (c *capture) Write(p []byte) (int, error) {
	c.size += int64(len(p))
	c.sum.Write(p)
	if room := captureHead - c.head.Len(); room > 0 {
		c.head.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

// status is how a guest ended, in the words of beerun's mark: "exited N" or
// "signaled N"; anything else is not the guest's doing.
type status string

// step is the result of one command line.
type step struct {
	stdout, stderr *capture
	status         status
	outer          status // bee form: how Wine's process ended
	guard          string // bee form: the guard's report
}

// result is the result of a case in one form.
type result struct {
	form  form
	dir   string
	steps []step
	tree  []entry
}

// stdout is what all steps wrote, one after the other.
func (r result) stdout() string {
	var b strings.Builder
	for _, s := range r.steps {
		b.Write(s.stdout.head.Bytes())
	}
	return b.String()
}

// command is one process to start.
type command struct {
	path  string
	argv  []string
	env   []string
	dir   string
	owner *owner
	late  time.Duration // before standard output is read
}

// errTimeout is wrapped by the error of a run that was ended for its time.
var errTimeout = errors.New("timed out")

// run starts the command in a process group of its own and waits for its end.
// A run that takes too long is ended with all that it started.
func run(cmd command, stdin Stdin, caseDir, stdoutFile string, limit time.Duration) (step, error) {
	s := step{stdout: newCapture(), stderr: newCapture()}
	var (
		files  [3]*os.File
		close_ []*os.File
		feeds  []func()
		drains []chan error
	)
	closeAll := func() {
		for _, f := range close_ {
			f.Close()
		}
		close_ = nil
	}
	defer closeAll()

	switch stdin.kind {
	case stdinNull:
		f, err := os.Open(os.DevNull)
		if err != nil {
			return s, err
		}
		files[0], close_ = f, append(close_, f)
	case stdinFile:
		f, err := os.Open(filepath.Join(caseDir, stdin.text))
		if err != nil {
			return s, err
		}
		files[0], close_ = f, append(close_, f)
	case stdinPipe:
		r, w, err := os.Pipe()
		if err != nil {
			return s, err
		}
		files[0], close_ = r, append(close_, r)
		feeds = append(feeds, func() {
			// The guest may end before it has read all: a broken pipe is its right.
			_, _ = io.Copy(w, stdin.reader())
			w.Close()
		})
		defer w.Close()
	case stdinHeld:
		r, w, err := os.Pipe()
		if err != nil {
			return s, err
		}
		files[0], close_ = r, append(close_, r)
		defer w.Close()
	case stdinClosed:
	}
	for i, into := range []*capture{s.stdout, s.stderr} {
		if i == 0 && stdoutFile != "" {
			f, err := os.OpenFile(filepath.Join(caseDir, stdoutFile), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
			if err != nil {
				return s, err
			}
			if cmd.owner != nil {
				if err := f.Chown(cmd.owner.uid, cmd.owner.gid); err != nil {
					f.Close()
					return s, err
				}
			}
			files[1], close_ = f, append(close_, f)
			continue
		}
		r, w, err := os.Pipe()
		if err != nil {
			return s, err
		}
		files[1+i], close_ = w, append(close_, w)
		done := make(chan error, 1)
		drains = append(drains, done)
		feeds = append(feeds, func() {
			if i == 0 {
				time.Sleep(cmd.late)
			}
			_, err := io.Copy(into, r)
			r.Close()
			done <- err
		})
	}

	token := "BEE_DIFFTEST_RUN=" + strconv.Itoa(os.Getpid()) + "." + strconv.FormatInt(time.Now().UnixNano(), 36)
	env := cmd.env
	if strings.HasSuffix(cmd.path, "guard") {
		env = append(env[:len(env):len(env)], token)
	}
	attr := &os.ProcAttr{Dir: cmd.dir, Env: env, Files: files[:], Sys: &syscall.SysProcAttr{Setpgid: true}}
	if attr.Env == nil {
		attr.Env = []string{}
	}
	if cmd.owner != nil && os.Getuid() == 0 {
		attr.Sys.Credential = &syscall.Credential{Uid: uint32(cmd.owner.uid), Gid: uint32(cmd.owner.gid), Groups: []uint32{uint32(cmd.owner.gid)}}
	}
	process, err := os.StartProcess(cmd.path, cmd.argv, attr)
	// A child of another case, between its fork and its exec, may still hold the descriptor that wrote the program.
	for try := 0; errors.Is(err, syscall.ETXTBSY) && try < 100; try++ {
		time.Sleep(10 * time.Millisecond)
		process, err = os.StartProcess(cmd.path, cmd.argv, attr)
	}
	if err != nil {
		return s, err
	}
	closeAll()
	for _, feed := range feeds {
		go feed()
	}

	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	ended := make(chan struct{})
	killed := make(chan bool, 1)
	go func() {
		select {
		case <-ctx.Done():
			kill(process.Pid, token)
			killed <- true
		case <-ended:
			killed <- false
		}
	}()
	state, err := process.Wait()
	// Pipes that a process left behind still holds would keep the drains waiting.
	for _, d := range drains {
		select {
		case <-d:
		case <-time.After(5 * time.Second):
			kill(process.Pid, token)
			<-d
		}
	}
	close(ended)
	if <-killed {
		return s, fmt.Errorf("%w after %s", errTimeout, limit)
	}
	if err != nil {
		return s, err
	}
	s.status = waitStatus(state)
	if strings.HasSuffix(cmd.path, "guard") {
		s.stderr = withoutWine(s.stderr)
	}
	return s, nil
}

// withoutWine drops a line that is Wine's own: a thread that talks to Wine's
// server in the moment its process ends complains, whatever WINEDEBUG says.
func withoutWine(c *capture) *capture {
	if c.size != int64(c.head.Len()) || !bytes.Contains(c.head.Bytes(), wineComplaint) {
		return c
	}
	clean := newCapture()
	for line := range bytes.Lines(c.head.Bytes()) {
		if !bytes.HasPrefix(line, wineComplaint) {
			_, _ = clean.Write(line)
		}
	}
	return clean
}

var wineComplaint = []byte("wine client error:")

func waitStatus(state *os.ProcessState) status {
	ws, ok := state.Sys().(syscall.WaitStatus)
	if ok && ws.Signaled() {
		return status(fmt.Sprintf("signaled %d", int(ws.Signal())))
	}
	return status(fmt.Sprintf("exited %d", state.ExitCode()))
}

// kill ends the process group, and the processes that left the group: Wine's
// carry the run's token in their environment. Wine's own services, which
// serve every run, are spared.
func kill(pid int, token string) {
	_ = syscall.Kill(-pid, syscall.SIGKILL)
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		env, err := os.ReadFile(dir + "/environ")
		if err != nil || !bytes.Contains(env, []byte(token)) {
			continue
		}
		line, err := os.ReadFile(dir + "/cmdline")
		if err != nil || !bytes.Contains(line, []byte("beerun")) {
			continue
		}
		if n, err := strconv.Atoi(filepath.Base(dir)); err == nil {
			_ = syscall.Kill(n, syscall.SIGKILL)
		}
	}
}
