//go:build linux

package kernel

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// fakeTerminal is a host's terminal on which a test types.
type fakeTerminal struct {
	mu      sync.Mutex
	events  host.TerminalEvents
	shown   bytes.Buffer
	typed   []byte // and not passed on
	want    bool
	signals bool
	unread  []byte
}

func (f *fakeTerminal) Connect(e host.TerminalEvents) { f.events = e }
func (f *fakeTerminal) Start() abi.Errno              { return 0 }
func (f *fakeTerminal) Signals(on bool)               { f.signals = on }
func (f *fakeTerminal) Close(unread []byte)           { f.unread = unread }

func (f *fakeTerminal) Want(on bool) {
	f.mu.Lock()
	f.want = on
	typed := f.typed
	if on {
		f.typed = nil
	}
	f.mu.Unlock()
	if on && len(typed) > 0 {
		go f.events.Input(typed)
	}
}

func (f *fakeTerminal) Drain() {
	f.mu.Lock()
	typed := f.typed
	f.typed = nil
	f.mu.Unlock()
	if len(typed) > 0 {
		f.events.Input(typed)
	}
}

func (f *fakeTerminal) Discard() {
	f.mu.Lock()
	f.typed = nil
	f.mu.Unlock()
}

func (f *fakeTerminal) Write(p []byte) (int, abi.Errno) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.shown.Write(p)
	return len(p), 0
}
func (f *fakeTerminal) Size() (cols, rows uint16, e abi.Errno) { return 80, 24, 0 }

// wanted tells whether somebody waits for input.
func (f *fakeTerminal) wanted() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.want
}

func fakeTTY() (*Task, *tty, *fakeTerminal) {
	_, clock, system, _ := testHost()
	p := &Process{done: make(chan struct{}), clock: clock, system: system}
	f := &fakeTerminal{}
	y := &tty{p: p, con: f, node: newTTYNode(), set: newTermios()}
	f.Connect(y)
	y.begin()
	return p.NewTask(&testCPU{}), y, f
}

// pty is a pseudo-terminal of Linux's own: the oracle.
type pty struct {
	master, slave int
	shown         bytes.Buffer
}

func openPTY(t *testing.T) *pty {
	t.Helper()
	m, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Skip("no pseudo-terminals: ", err)
	}
	t.Cleanup(func() { unix.Close(m) })
	n, err := unix.IoctlGetInt(m, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(m, unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	s, err := unix.Open(fmt.Sprintf("/dev/pts/%d", n), unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(s) })
	return &pty{master: m, slave: s}
}

func (p *pty) look() string {
	var b [65536]byte
	for {
		n, err := unix.Read(p.master, b[:])
		if n <= 0 || err != nil {
			return p.shown.String()
		}
		p.shown.Write(b[:n])
	}
}

// settings changes the usual settings of a terminal.
type settings struct {
	on, off [4]uint32 // of the input, output, control and local flags
	cc      map[int]byte
}

func (s *settings) apply(x *termios) {
	for i, v := range []*uint32{&x.iflag, &x.oflag, &x.cflag, &x.lflag} {
		*v = *v&^s.off[i] | s.on[i]
	}
	for i, c := range s.cc {
		x.cc[i] = c
	}
}

func local(on, off uint32) settings { return settings{on: [4]uint32{3: on}, off: [4]uint32{3: off}} }

func input(on, off uint32) settings { return settings{on: [4]uint32{0: on}, off: [4]uint32{0: off}} }

func output(on, off uint32) settings { return settings{on: [4]uint32{1: on}, off: [4]uint32{1: off}} }

func rawSettings(vmin, vtime byte) settings {
	return settings{
		off: [4]uint32{0: abi.ICRNL | abi.IXON, 1: abi.OPOST, 3: abi.ICANON | abi.ECHO | abi.ISIG | abi.IEXTEN},
		cc:  map[int]byte{abi.VMIN: vmin, abi.VTIME: vtime},
	}
}

// TestTTYLikeLinux types, writes and reads the same on a terminal of Linux and
// on ours. A step begins with a letter: "<" is typed, ">" is written by the
// program, "r5" reads up to 5 bytes without waiting, "q" asks FIONREAD and
// poll, "s" takes the case's second settings, "f" forgets the input.
func TestTTYLikeLinux(t *testing.T) {
	type cases struct {
		name  string
		set   settings
		then  settings
		steps []string
	}
	const all = abi.ECHO | abi.ECHOE | abi.ECHOK | abi.ECHOKE | abi.ECHOCTL
	tests := []cases{
		{name: "line", steps: []string{"<hello", "q", "r9", "<\r", "q", "r100", "r1"}},
		{name: "two lines", steps: []string{"<one\rtwo\nthr", "q", "r2", "q", "r10", "r10", "r10"}},
		{name: "end of file", steps: []string{"<\x04", "q", "r10", "<ab\x04", "q", "r10", "<abc\x04def\n", "r3", "r10", "q"}},
		{name: "short reads to the end of file", steps: []string{"<abcdef\x04", "r3", "r3", "r3", "<\x04\x04", "r1", "r1", "r1"}},
		{name: "erase", steps: []string{"<abc\x7f\x7fx\x7f\x7f\x7f\x7f\x7f", "<yes\n", "r10"}},
		{name: "erase UTF-8", steps: []string{"<aé€😀\x7f\x7f\x7fz\r", "r20"}},
		{name: "erase bytes", set: input(0, abi.IUTF8), steps: []string{"<é\x7f\r", "r20"}},
		{name: "erase control", steps: []string{"<a\x01\x02\x7f\x7fb\r", "r20"}},
		{name: "erase tab", steps: []string{"<a\tbc\t\x7f\x7f\x7f\x7fz\r", "r20", ">prompt: ", "<ab\tc\t\x7f\x7f\x7f\r", "r20"}},
		{name: "erase tab behind control", steps: []string{">12345", "<\x01\x02é\t\x7f\x7f\r", "r20"}},
		{name: "word", steps: []string{"<one two.three  \x17x\x17\x17\x17\x17y\r", "r30"}},
		{name: "kill", steps: []string{"<one two\x15three\r", "r30"}},
		{name: "kill without ECHOKE", set: local(0, abi.ECHOKE), steps: []string{"<one two\x15three\r", "r30"}},
		{name: "kill without ECHOK", set: local(0, abi.ECHOKE|abi.ECHOK), steps: []string{"<one two\x15three\r", "r30"}},
		{name: "erase without ECHOE", set: local(0, abi.ECHOE), steps: []string{"<one\x7f\x7fx\x15y\r", "r30"}},
		{name: "ECHOPRT", set: local(abi.ECHOPRT, 0), steps: []string{"<one\x7f\x7fxy\x7f\x7f\x7fz two\x17a\x15b\r", "r30"}},
		{name: "no echo", set: local(0, abi.ECHO), steps: []string{"<secret\x7f\x15word\r", "r30"}},
		{name: "ECHONL", set: local(abi.ECHONL, abi.ECHO), steps: []string{"<secret\r", "r30"}},
		{name: "no ECHOCTL", set: local(0, abi.ECHOCTL), steps: []string{"<a\x01b\x02\x7f\x7f\r", "r30"}},
		{name: "nothing shown", set: local(0, all), steps: []string{"<a\x7f\x15b\x12\r", "r30"}},
		{name: "literal", steps: []string{"<a\x16\x04\x16\x16\x16\x7f\x16\rb\r", "r30", "<\x16\x03\r", "r9"}},
		{name: "reprint", steps: []string{"<one\rtwo\x01\x12three\r", "r9", "r30"}},
		{name: "without IEXTEN", set: local(0, abi.IEXTEN), steps: []string{"<a b\x17\x16\x12\r", "r30"}},
		{name: "interrupt", steps: []string{"<one\rtwo", "<\x03three\r", "r30", "r30", "<a", "<\x1cb", "<\x1ac\r", "r9"}},
		{name: "NOFLSH", set: local(abi.NOFLSH, 0), steps: []string{"<one\rtwo", "<\x03three\r", "r30", "r30"}},
		{name: "without ISIG", set: local(0, abi.ISIG), steps: []string{"<\x03\x1c\x1a\r", "r30"}},
		{name: "VEOL", set: settings{cc: map[int]byte{abi.VEOL: ';', abi.VEOL2: '!'}}, steps: []string{"<a;b!c\r", "r9", "r9", "r9"}},
		{name: "disabled", set: settings{cc: map[int]byte{abi.VERASE: 0, abi.VEOF: 0}}, steps: []string{"<a\x00\x7f\x04\r", "r9"}},
		{name: "INLCR IGNCR", set: input(abi.INLCR|abi.IGNCR, abi.ICRNL), steps: []string{"<a\rb\nc\x04", "r9", "r9"}},
		{name: "INLCR with ICRNL", set: input(abi.INLCR, 0), steps: []string{"<a\rb\nc\x04", "r9", "r9"}},
		{name: "no ICRNL", set: input(0, abi.ICRNL), steps: []string{"<a\rb\n", "r9"}},
		{name: "ISTRIP", set: input(abi.ISTRIP, abi.IUTF8), steps: []string{"<\xe1\xe2\n", "r9"}},
		{name: "IUCLC OLCUC", set: settings{on: [4]uint32{abi.IUCLC, abi.OLCUC}}, steps: []string{"<AbC\n", "r9", ">xyZ\n"}},
		{name: "^S", steps: []string{"<a\x13\x11b\r", "r9"}},
		{name: "no IXON", set: input(0, abi.IXON), steps: []string{"<a\x13\x11b\r", "r9"}},
		{name: "output", steps: []string{">a\nb\r\nc\td\x08\te\tf", ">é\t|\n\x1b[1m\t|"}},
		{name: "output tabs", set: output(abi.XTABS, 0), steps: []string{">a\tb\n\tc\x08\td", ">é\t|", "<\t\t\x7fx\r"}},
		{name: "output ONLRET", set: output(abi.ONLRET|abi.XTABS, abi.ONLCR), steps: []string{">ab\n\tc"}},
		{name: "output OCRNL ONOCR", set: output(abi.OCRNL|abi.ONOCR, 0), steps: []string{">\rab\rc\n\rd"}},
		{name: "output as it is", set: output(0, abi.OPOST), steps: []string{">a\nb\tc\r", "<x\r"}},
		{name: "raw", set: rawSettings(1, 0), steps: []string{"q", "r9", "<a", "q", "r9", "<bc\r\n\x03\x04\x7f", "q", "r3", "r20"}},
		{name: "raw with echo", set: local(0, abi.ICANON), steps: []string{"<ab\x7f\x15\x01\x04\r\t", "r20"}},
		{name: "raw with signals", set: local(0, abi.ICANON), steps: []string{"<ab", "<\x03cd", "r20", "<x", "<\x1ay", "<\x1cz", "q", "r9"}},
		{name: "raw at least three", set: rawSettings(3, 0), steps: []string{"<ab", "q", "r9", "<abc", "q", "r2", "q", "r2"}},
		{name: "raw at most nothing", set: rawSettings(0, 0), steps: []string{"q", "r9", "<ab", "q", "r9", "r9"}},
		{name: "to raw", then: rawSettings(1, 0), steps: []string{"<one\rtwo", "q", "s", "q", "r20", "<x\r", "r9"}},
		{name: "to raw with end of file", then: rawSettings(1, 0), steps: []string{"<one\x04", "s", "q", "r20"}},
		{name: "to lines", set: rawSettings(1, 0), then: settings{on: [4]uint32{3: abi.ICANON | abi.ECHO}}, steps: []string{"<abc\r", "s", "q", "<de\n", "q", "r20", "r20", "r9"}},
		{name: "forget", steps: []string{"<one\rtwo", "f", "q", "<three\r", "r20"}},
		{name: "PARMRK", set: settings{on: [4]uint32{0: abi.PARMRK}, off: [4]uint32{0: abi.IUTF8}}, steps: []string{"<a\xffb\r", "r9"}},
		{name: "long line", steps: []string{"<" + strings.Repeat("x", 5000), "<\n", "q", "r6000", "r6000"}},
		{name: "long line without bell", set: input(0, abi.IMAXBEL), steps: []string{"<" + strings.Repeat("y", 4094), "<ab\n", "r6000"}},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			task, y, fake := fakeTTY()
			o := openPTY(t)
			apply := func(s settings) {
				old := y.set
				s.apply(&y.set)
				y.mu.Lock()
				y.changedFrom(&old)
				y.mu.Unlock()
				x, err := unix.IoctlGetTermios(o.slave, unix.TCGETS)
				if err != nil {
					t.Fatal(err)
				}
				x.Iflag, x.Oflag, x.Lflag = y.set.iflag, y.set.oflag, y.set.lflag
				copy(x.Cc[:], y.set.cc[:])
				if err := unix.IoctlSetTermios(o.slave, unix.TCSETS, x); err != nil {
					t.Fatal(err)
				}
			}
			apply(c.set)
			for i, step := range c.steps {
				text := step[1:]
				ours, theirs := func() string { return "" }, func() string { return "" }
				switch step[0] {
				case '<':
					y.Input([]byte(text))
					if _, err := unix.Write(o.master, []byte(text)); err != nil {
						t.Fatal(err)
					}
				case '>':
					if _, e := y.write(task, []byte(text), true); e != 0 {
						t.Fatal(e)
					}
					if _, err := unix.Write(o.slave, []byte(text)); err != nil {
						t.Fatal(err)
					}
				case 'r':
					size := 0
					fmt.Sscan(text, &size)
					p := make([]byte, size)
					n, e := y.read(task, p, true)
					answer := fmt.Sprintf("%q, %d", p[:n], e)
					ours = func() string { return answer }
					had := false
					theirs = func() string {
						if !had {
							q := make([]byte, size)
							n, err := unix.Read(o.slave, q)
							var e unix.Errno
							errors.As(err, &e)
							answer, had = fmt.Sprintf("%q, %d", q[:max(n, 0)], e), true
						}
						return answer
					}
				case 'q':
					ours = func() string {
						r := consoleOps{}.poll(task, &File{data: y})
						return fmt.Sprintln(r.Bytes, r.In)
					}
					theirs = func() string {
						n, _ := unix.IoctlGetInt(o.slave, unix.TIOCINQ)
						fds := []unix.PollFd{{Fd: int32(o.slave), Events: unix.POLLIN}}
						_, _ = unix.Poll(fds, 0)
						return fmt.Sprintln(n, fds[0].Revents&unix.POLLIN != 0)
					}
				case 's':
					apply(c.then)
				case 'f':
					y.flushInput()
					if err := unix.IoctlSetInt(o.slave, unix.TCFLSH, unix.TCIFLUSH); err != nil {
						t.Fatal(err)
					}
				}
				// Linux takes what was typed in a thread of its own.
				end := time.Now().Add(2 * time.Second)
				var shown, answer string
				for {
					shown, answer = o.look(), theirs()
					if shown == fake.shown.String() && answer == ours() || time.Now().After(end) {
						break
					}
					time.Sleep(time.Millisecond)
				}
				if got := fake.shown.String(); got != shown {
					t.Errorf("step %d, %.40q: shown %q, Linux shows %q", i, step, tail(got), tail(shown))
				}
				if got := ours(); got != answer {
					t.Errorf("step %d, %.40q: %.60s, on Linux %.60s", i, step, got, answer)
				}
				if t.Failed() {
					return
				}
				if step[0] == '<' {
					time.Sleep(5 * time.Millisecond) // what shows nothing is taken too
				}
			}
		})
	}
}

func tail(s string) string { return s[max(0, len(s)-60):] }

// TestTTYWaits are reads that wait.
func TestTTYWaits(t *testing.T) {
	tests := []struct {
		name  string
		set   settings
		typed []string // each once somebody waits
		size  int
		want  string
	}{
		{"a line", settings{}, []string{"ab", "c\r"}, 10, "abc\n"},
		{"a character", rawSettings(1, 0), []string{"a"}, 10, "a"},
		{"three characters", rawSettings(3, 0), []string{"a", "b", "c"}, 10, "abc"},
		{"no more than fits", rawSettings(9, 0), []string{"a", "b"}, 2, "ab"},
		{"a while", rawSettings(0, 1), nil, 10, ""},
		{"a character within a while", rawSettings(0, 255), []string{"x"}, 10, "x"},
		{"a while behind a character", rawSettings(5, 2), []string{"x"}, 10, "x"},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			task, y, fake := fakeTTY()
			c.set.apply(&y.set)
			go func() {
				for _, s := range c.typed {
					for !fake.wanted() {
						time.Sleep(time.Millisecond)
					}
					y.Input([]byte(s))
				}
			}()
			p := make([]byte, c.size)
			n, e := y.read(task, p, false)
			if string(p[:n]) != c.want || e != 0 {
				t.Errorf("read %q, %v, want %q", p[:n], e, c.want)
			}
			if fake.wanted() {
				t.Error("nobody waits, but input is wanted")
			}
		})
	}
	t.Run("the end of the process", func(t *testing.T) {
		task, y, fake := fakeTTY()
		go func() {
			for !fake.wanted() {
				time.Sleep(time.Millisecond)
			}
			task.proc.exit(0, abi.SIGINT)
		}()
		if _, e := y.read(task, make([]byte, 9), false); e != errRestartSys {
			t.Errorf("%v, want what a signal gives", e)
		}
	})
	t.Run("Ctrl-Break and the window's end", func(t *testing.T) {
		for want, event := range map[abi.Signal]func(*tty){abi.SIGQUIT: (*tty).Quit, abi.SIGHUP: (*tty).Closed} {
			task, y, _ := fakeTTY()
			event(y)
			task.Deliver()
			if status, sig, ok := task.proc.Exited(); !ok || sig != want || status != 128+int(want) {
				t.Errorf("%s: %d, %s, ended: %v", want.Name(), status, sig.Name(), ok)
			}
		}
	})
	t.Run("^S", func(t *testing.T) {
		task, y, fake := fakeTTY()
		y.Input([]byte{19})
		if n, e := y.write(task, []byte("x"), true); n != 0 || e != abi.EAGAIN {
			t.Errorf("%d, %v, want EAGAIN", n, e)
		}
		go func() {
			for !fake.wanted() {
				time.Sleep(time.Millisecond)
			}
			y.Input([]byte{17})
		}()
		if n, e := y.write(task, []byte("y"), false); n != 1 || e != 0 || fake.shown.String() != "y" {
			t.Errorf("%d, %v, shown %q", n, e, fake.shown.String())
		}
	})
	t.Run("poll", func(t *testing.T) {
		_, y, fake := fakeTTY()
		fake.typed = []byte("a")
		if r := y.ready(); r.In || !r.Out || !fake.wanted() {
			t.Errorf("half a line: %+v, input wanted: %v", r, fake.wanted())
		}
		y.Input([]byte("b\r"))
		if r := y.ready(); !r.In || r.Bytes != 3 || fake.wanted() {
			t.Errorf("a line: %+v, input wanted: %v", r, fake.wanted())
		}
	})
	t.Run("given back", func(t *testing.T) {
		_, y, fake := fakeTTY()
		y.Input([]byte("echo hi\rls"))
		y.close()
		y.close()
		if string(fake.unread) != "echo hi\nls" {
			t.Errorf("%q", fake.unread)
		}
	})
	t.Run("Ctrl-C", func(t *testing.T) {
		_, y, fake := fakeTTY()
		if !fake.signals {
			t.Error("Ctrl-C does not reach the console's other processes")
		}
		y.Interrupt()
		if fake.shown.String() != "^C" {
			t.Errorf("shown %q", fake.shown.String())
		}
		old := y.set
		s := rawSettings(1, 0)
		s.apply(&y.set)
		y.changedFrom(&old)
		y.Interrupt()
		if fake.signals || string(y.buf) != "\x03" {
			t.Errorf("in raw mode: %q", y.buf)
		}
	})
}
