package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"bee/rewrite"
	"bee/runtime/launch"
)

// options are the flags.
type options struct {
	root     string
	mounts   []string
	env      []string
	clearEnv bool
	cwd      string
	argv0    string
	strace   string
	mark     string
	counts   string
}

// statusError carries beerun's own exit status.
type statusError struct {
	status int
	err    error
}

func (e *statusError) Error() string { return e.err.Error() }
func (e *statusError) Unwrap() error { return e.err }

// execute parses the arguments, runs the guest and gives the exit status.
func execute(args []string) int {
	status := 0
	var o options
	cmd := &cobra.Command{
		Use:   "beerun [flags] PROGRAM [ARGUMENTS...]",
		Short: "Run a Linux program in a Windows process",
		Long: `beerun runs a static Linux program that beerewrite has made into a .bee file,
as native code of an ordinary Windows process. A plain static ELF file is
rewritten first; the result is kept in the user's cache folder. Of a
Windows executable that "beerewrite --exe" has made, the program in it is run.

The program sees the drives as /mnt/c and so on, the user's temporary folder
as /tmp, and starts in the caller's directory. The exit status is the
program's; 128+n if signal n ended it; 125 if beerun failed, 126 if the
program cannot be run, 127 if it was not found.`,
		Example: `  beerun worker.bee input.txt
  beerun --root C:\data worker.bee /input.txt
  beerun --mount /data=D:\set1 --env THREADS=4 worker.bee /data/matrix
  beerun --strace=summary worker.bee`,
		Version: rewrite.Version,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("which program? (beerun --help)")
			}
			return nil
		},
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(_ *cobra.Command, args []string) error {
			if !isStrace(o.strace) {
				return fmt.Errorf("--strace=%s: it is --strace or --strace=summary", o.strace)
			}
			s, err := runParent(&o, args)
			status = s
			return err
		},
	}
	f := cmd.Flags()
	// What stands behind the program belongs to the program.
	f.SetInterspersed(false)
	f.StringVar(&o.root, "root", "", "show the program only this `folder`, as /")
	f.StringArrayVar(&o.mounts, "mount", nil, "show a host folder at a guest path: `GUEST=HOST` (repeatable)")
	f.StringArrayVar(&o.env, "env", nil, "set a variable of the program: `NAME=VALUE`; NAME alone passes the caller's (repeatable)")
	f.BoolVar(&o.clearEnv, "clear-env", false, "start with an empty environment instead of the caller's")
	f.StringVar(&o.cwd, "cwd", "", "start in this `directory` (a guest path) instead of the caller's")
	f.StringVar(&o.argv0, "argv0", "", "pass this `name` as the program's own instead of PROGRAM")
	f.StringVar(&o.strace, "strace", "", "write every system call to standard error; --strace=`summary` only counts and times")
	f.Lookup("strace").NoOptDefVal = "calls"
	f.StringVar(&o.mark, "mark", "", "write how the program ended to this `file`")
	_ = f.MarkHidden("mark")
	f.StringVar(&o.counts, "count-calls", "", "write how often each system call was made to this `file` at the end: lines of \"NR NAME OK ERRORS\"")
	_ = f.MarkHidden("count-calls")
	_ = cmd.MarkFlagDirname("root")

	cmd.SetArgs(args)
	if err := cmd.Execute(); err != nil {
		return report(err)
	}
	return status
}

// report writes an error and gives the exit status for it.
func report(err error) int {
	fmt.Fprintf(os.Stderr, "beerun: %v\n", err)
	return statusOf(err)
}

// statusOf is beerun's exit status for an error.
func statusOf(err error) int {
	var se *statusError
	if errors.As(err, &se) {
		return se.status
	}
	return exitRunner
}

func isStrace(s string) bool { return s == "" || s == "calls" || s == "summary" }

// straceMode is the flag's meaning.
func (o *options) straceMode() launch.Strace {
	switch o.strace {
	case "calls":
		return launch.StraceCalls
	case "summary":
		return launch.StraceSummary
	}
	return launch.StraceOff
}

// mountList parses --mount.
func (o *options) mountList() ([]launch.Mount, error) {
	var list []launch.Mount
	for _, m := range o.mounts {
		guest, host, ok := strings.Cut(m, "=")
		if !ok || !strings.HasPrefix(guest, "/") || host == "" {
			return nil, fmt.Errorf("--mount %s: it is GUEST=HOST with GUEST an absolute path such as /data", m)
		}
		list = append(list, launch.Mount{Guest: guest, Host: host})
	}
	return list, nil
}

// guestEnv is the program's environment. The caller's variables pass, but
// what Windows means by PATH and the folders beside it means nothing to a
// Linux program, so those get Linux's usual values.
func (o *options) guestEnv(caller []string) ([]string, error) {
	var env []string
	set := func(name, value string) {
		for i, kv := range env {
			if strings.HasPrefix(kv, name+"=") {
				env[i] = name + "=" + value
				return
			}
		}
		env = append(env, name+"="+value)
	}
	if !o.clearEnv {
		for _, kv := range caller {
			name, value, ok := strings.Cut(kv, "=")
			// Windows keeps its drives' directories in names such as "=C:".
			if !ok || name == "" {
				continue
			}
			switch strings.ToUpper(name) {
			case "PATH", "HOME", "TMP", "TEMP", "TMPDIR", "SHELL", "PWD":
				continue
			}
			set(name, value)
		}
		set("PATH", "/usr/local/bin:/usr/bin:/bin")
		set("HOME", "/tmp")
	}
	for _, kv := range o.env {
		name, value, ok := strings.Cut(kv, "=")
		if name == "" {
			return nil, fmt.Errorf("--env %s: it is NAME=VALUE or NAME", kv)
		}
		if !ok {
			for _, c := range caller {
				if n, v, _ := strings.Cut(c, "="); strings.EqualFold(n, name) {
					set(name, v)
				}
			}
			continue
		}
		set(name, value)
	}
	return env, nil
}
