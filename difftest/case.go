//go:build linux

package difftest

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Case is one program run, or several in the same directory. Only Cmd is
// needed; the zero value of every other field is the usual thing.
type Case struct {
	// Cmd is the command line, split at blanks; '...' and "..." quote, without
	// any other meaning. The first word is an applet for Busybox and an
	// argument for every other program.
	Cmd string

	// Then are further command lines of the same program in the same
	// directory, run after the first whatever it returned.
	Then []string

	// Name is the case's name; by default it is made from Prog and Cmd.
	Name string

	// Prog is the program; by default Busybox.
	Prog Program

	// Args are further arguments, not split. They follow those of Cmd.
	Args []string

	// Env is the whole environment; by default DefaultEnv.
	Env []string

	// Stdin is what standard input is; by default the null device.
	Stdin Stdin

	// Files fills the case's directory; by default StandardFiles.
	Files Files

	// Stdout names a file of the directory that gets standard output, which
	// otherwise is a pipe.
	Stdout string

	// Late is how long nobody reads standard output.
	Late time.Duration

	Opt Option

	// Only is the one width that the case is for, and Why the reason. A case
	// without it runs in both.
	Only Arch
	Why  string

	// Known says why the bee form differs: a limit of the host, or a bug that is
	// written down. Such a case fails when it differs no longer. KnownOn is the
	// one width in which it differs, if it is one.
	Known   string
	KnownOn Arch

	// Limit is how long a step may take; 0 is what Opt says.
	Limit time.Duration

	// NoProof says why there is no run of the linux-proof form.
	NoProof string

	// Suite is set for a test program whose output is compared test by test.
	Suite *Suite

	// calls is set for the programs that make each system call themselves.
	calls *callCase

	// Reason says why an option that weakens the comparison is there.
	Reason string
}

// Arch is a program's width, by Debian's name.
type Arch uint8

// The widths. Both is what a case is for that names none.
const (
	Both Arch = iota
	I386
	AMD64
)

func (a Arch) String() string { return [...]string{"both", "i386", "amd64"}[a] }

// width is how a case runs: the guest's width, and the runner's that is
// started. The 64-bit beerun runs guests of both.
type width struct{ guest, runner Arch }

func (w width) String() string {
	if w.guest != w.runner {
		return w.guest.String() + "-in-" + w.runner.String()
	}
	return w.guest.String()
}

// widths are those in which the case runs, each in the runner of the same width.
func (c Case) widths() []width {
	all := []width{{I386, I386}, {AMD64, AMD64}}
	if c.Only == Both {
		return all
	}
	return []width{{c.Only, c.Only}}
}

// known says why the bee form of that width differs, or nothing.
func (c Case) known(a Arch) string {
	if c.KnownOn == Both || c.KnownOn == a {
		return c.Known
	}
	return ""
}

// Option changes what is compared.
type Option uint

// The options.
const (
	SortLines   Option = 1 << iota // compare standard output with its lines sorted: the order is the file system's
	Mtimes                         // compare modification times of the files too
	NoStderr                       // do not compare standard error
	Fault                          // the guest ends by a signal: beerun adds one line to standard error
	MustBeKill                     // control: works natively, and the guard must end it in Wine
	MaskDirs                       // ls -l: link count and size of directories are the file system's, and so is "total"
	NeedsEmpty                     // the environment is empty, not DefaultEnv
	IgnoreFiles                    // do not compare the directory
	LargeOutput                    // more than the usual time
)

// DefaultEnv is the environment of a case that names none.
var DefaultEnv = []string{"PATH=/usr/bin:/bin", "HOME=/", "LANG=C", "TZ=UTC0"}

func (c Case) env() []string {
	switch {
	case c.Opt&NeedsEmpty != 0:
		return nil
	case c.Env == nil:
		return DefaultEnv
	}
	return c.Env
}

// argv returns the arguments of each step without argv[0].
func (c Case) argv() ([][]string, error) {
	first, err := Split(c.Cmd)
	if err != nil {
		return nil, err
	}
	steps := [][]string{append(first, c.Args...)}
	for _, line := range c.Then {
		words, err := Split(line)
		if err != nil {
			return nil, err
		}
		steps = append(steps, words)
	}
	return steps, nil
}

// Title is the case's name in the test's output.
func (c Case) Title() string {
	if c.Name != "" {
		return c.Name
	}
	title := c.Cmd
	if c.Prog.Source != "" {
		title = strings.TrimSpace(c.Prog.String() + " " + title)
	}
	title = strings.Map(func(r rune) rune {
		switch {
		case r == '/' || r == ' ' || r < ' ' || r > '~':
			return '_'
		}
		return r
	}, title)
	if len(title) > 60 {
		title = title[:60]
	}
	return title
}

// Split cuts a command line at blanks. Single and double quotes keep blanks;
// nothing else is special.
func Split(line string) ([]string, error) {
	var (
		words  []string
		word   strings.Builder
		inWord bool
		quote  rune
	)
	for _, r := range line {
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			} else {
				word.WriteRune(r)
			}
		case r == '\'' || r == '"':
			quote, inWord = r, true
		case r == ' ':
			if inWord {
				words = append(words, word.String())
				word.Reset()
				inWord = false
			}
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("split %q: quote %q is not closed", line, quote)
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}

// Stdin is the guest's standard input.
type Stdin struct {
	kind stdinKind
	text string
	size int64
}

type stdinKind uint8

const (
	stdinNull stdinKind = iota
	stdinPipe
	stdinFile
	stdinClosed
	stdinHeld
)

// Text is a pipe that delivers s and ends.
func Text(s string) Stdin { return Stdin{kind: stdinPipe, text: s} }

// Noise is a pipe that delivers size generated bytes, always the same ones.
func Noise(size int64) Stdin { return Stdin{kind: stdinPipe, size: size} }

// From is the named file of the case's directory, open for reading.
func From(name string) Stdin { return Stdin{kind: stdinFile, text: name} }

// Closed is a descriptor 0 that is not open.
var Closed = Stdin{kind: stdinClosed}

// Held is a pipe to which nobody writes, and which does not end.
var Held = Stdin{kind: stdinHeld}

func (s Stdin) reader() io.Reader {
	if s.size > 0 {
		return io.LimitReader(newNoise(1), s.size)
	}
	return strings.NewReader(s.text)
}

// noise is a reader of pseudo-random bytes (xorshift64*).
type noise struct{ state uint64 }

func newNoise(seed uint64) *noise { return &noise{state: seed*0x9e3779b97f4a7c15 + 1} }

func (n *noise) next() uint64 {
	n.state ^= n.state >> 12
	n.state ^= n.state << 25
	n.state ^= n.state >> 27
	return n.state * 0x2545f4914f6cdd1d
}

func (n *noise) Read(p []byte) (int, error) {
	for i := 0; i < len(p); i += 8 {
		v := n.next()
		for j := i; j < len(p) && j < i+8; j++ {
			p[j] = byte(v)
			v >>= 8
		}
	}
	return len(p), nil
}
