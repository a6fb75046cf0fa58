//go:build linux

package difftest

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/calls anew")

// callPrograms are the sources call_*.c: one case each, named as the source.
// Each prints what every call of its area answers.
func callPrograms(t *testing.T) []Case {
	t.Helper()
	sources, err := filepath.Glob(filepath.Join(lab.Root, "testdata/programs/call_*.c"))
	if err != nil || len(sources) == 0 {
		t.Fatalf("no call_*.c: %v", err)
	}
	var cases []Case
	for _, path := range sources {
		name := strings.TrimSuffix(filepath.Base(path), ".c")
		c := Case{Prog: glibc(name + ".c"), Name: name, Files: NoFiles, Opt: IgnoreFiles | NoStderr, Reason: "beerun tells of what it lacks"}
		c.Then = callSteps[name]
		cases = append(cases, c)
	}
	return cases
}

// callSteps are further runs of a program with arguments.
var callSteps = map[string][]string{
	"call_process": {"exit 3", "exit 259", "exit_group 4"},
	"call_threads": {"exit 5", "exit_group 6"},
}

// knownCalls are the results that differ from Linux's, by the call and its
// label. Such a line is not compared, and the test fails when it differs no longer.
var knownCalls = []struct {
	program string
	on      Arch
	reason  string
	calls   []string
}{
	{"call_attributes", Both, "files have no extended attributes", words(
		"setxattr(new)", "setxattr(exists)", "lsetxattr(second)", "fsetxattr(third)", "getxattr(size)", "getxattr(value)", "getxattr(no room)",
		"getxattr(none)", "lgetxattr(value)", "lgetxattr(none)", "fgetxattr(value)", "listxattr(size)", "listxattr(no room)", "llistxattr(size)",
		"flistxattr(size)", "removexattr(one)", "removexattr(again)", "lremovexattr(two)", "lremovexattr(again)", "fremovexattr(three)")},
}

// The reasons why a call has only one kind of result.
const (
	cannotFail  = "it cannot fail"
	noComeback  = "it does not come back"
	refused     = "a user without privileges is always refused"
	notThere    = "no file system has what it asks for"
	leader      = "a group leader is always refused"
	noChildren  = "there are no children"
	interrupted = "it ends with EINTR only"
)

// oneSided are the calls that have only one kind of result.
var oneSided = reasons(map[string]string{
	cannotFail: "getpid gettid getppid getpgrp getuid geteuid getgid getegid getuid32 geteuid32 getgid32 getegid32 " +
		"setfsuid setfsgid setfsuid32 setfsgid32 sgetmask ssetmask umask sync sched_yield brk personality set_tid_address munlockall alarm",
	noComeback: "exit exit_group sigreturn rt_sigreturn",
	refused: "chroot mount umount umount2 sethostname setdomainname reboot stime settimeofday clock_settime clock_settime64 syslog " +
		"setgroups setgroups32 vhangup acct swapon swapoff pivot_root ptrace bpf fanotify_init fanotify_mark userfaultfd perf_event_open " +
		"open_by_handle_at fsopen fspick fsmount move_mount mount_setattr setns",
	notThere:    "setxattr lsetxattr fsetxattr getxattr lgetxattr fgetxattr removexattr lremovexattr fremovexattr name_to_handle_at",
	leader:      "setsid",
	noChildren:  "wait4 waitpid waitid",
	interrupted: "pause sigsuspend rt_sigsuspend restart_syscall",
})

// unproven are the calls that the tables promise and that no program here can
// prove on every Linux. They do not count.
var unproven = reasons(map[string]string{
	"many kernels are built without it": "iopl ioperm init_module finit_module delete_module kexec_load kexec_file_load lookup_dcookie",
	"its refusal needs a block device":  "quotactl",
	"it needs a pidfd":                  "process_madvise",
})

// reasons turns lists of names by reason into reasons by name.
func reasons(lists map[string]string) map[string]string {
	m := map[string]string{}
	for reason, names := range lists {
		for _, name := range strings.Fields(names) {
			m[name] = reason
		}
	}
	return m
}

// TestCalls runs the programs call_*.c and compares what they say with the
// system call tables: every call that a table promises must be made by one of
// them, with a success and an error, both as on Linux, and beerun's counters
// must have seen them. testdata/calls says which program it is, and so do
// docs/compat-*.md, which count no other call.
func TestCalls(t *testing.T) {
	all := proofs{of: map[Arch]map[string]callProof{}}
	ran := map[Arch]int{}
	cases := callPrograms(t)
	t.Run("programs", func(t *testing.T) {
		for _, c := range cases {
			for _, w := range c.widths() {
				name := c.Name
				c := c
				c.calls = &callCase{support: supportOf(w.guest), known: map[string]string{}, counts: map[string]callCount{}}
				for _, k := range knownCalls {
					if k.program == name && (k.on == Both || k.on == w.guest) {
						for _, call := range k.calls {
							c.calls.known[call] = k.reason
						}
					}
				}
				c.Name = "TestCalls." + name
				t.Run(name+"/"+w.String(), func(t *testing.T) {
					t.Parallel()
					lab.Check(t, c, w, &totals)
					all.add(w.guest, name, c.calls.same)
					all.mu.Lock()
					defer all.mu.Unlock()
					ran[w.guest]++
				})
			}
		}
	})
	for _, a := range []Arch{I386, AMD64} {
		switch {
		case ran[a] < len(cases):
			t.Logf("%s: only %d of %d programs ran", a, ran[a], len(cases))
			continue
		case lab.MissingWine() != "":
			t.Logf("%s: not judged without Wine", a)
			continue
		}
		text, missing := all.lines(a, oneSided, unproven)
		for _, m := range missing {
			t.Errorf("%s: %s", a, m)
		}
		path := callList(lab.Root, a)
		if *update {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		was, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
		}
		if string(was) != text {
			t.Errorf("%s is not current (go test ./difftest -run '^TestCalls$' -update; then go run ./cmd/beegen compat):\n%s", path, diffLines(string(was), text))
		}
	}
	for name := range maps.Keys(oneSided) {
		i386, amd64 := all.of[I386][name], all.of[AMD64][name]
		if i386.rank() == 2 && (amd64.rank() == 2 || amd64.test == "") {
			t.Errorf("%s has a success and an error: it needs no exemption", name)
		}
	}
}
