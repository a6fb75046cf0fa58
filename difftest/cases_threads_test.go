//go:build linux

package difftest

import (
	"flag"
	"slices"
	"strconv"
	"testing"
	"time"
)

var hammerTime = flag.Duration("hammer", 3*time.Second, "for how long each run of TestThreadHammer works")

var manyThreads = flag.Int("threads", 2000, "threads one after another in TestThreads")

// threads are programs with threads, of each C library.
func threads() []Case {
	row := strconv.Itoa(*manyThreads)
	var cases []Case
	for _, prog := range []func(string, ...string) Program{glibc, musl} {
		for _, subject := range []string{"mutex", "pi", "robust", "robust-pi", "cond", "rwlock", "others"} {
			cases = append(cases, Case{Prog: prog("thr_sync.c"), Cmd: subject})
		}
		for _, life := range []string{
			"at-once 100", "at-once 500", "in-a-row " + row, "detached 200", "main-first", "main-first-exit", "end-all", "end-all-thread", "stacks", "misc",
		} {
			cases = append(cases, Case{Prog: prog("thr_life.c"), Cmd: life, Limit: 3*time.Minute + time.Duration(*manyThreads)*5*time.Millisecond})
		}
	}
	const signals = "end-all-signals"
	cases = append(cases, Case{Prog: glibc("thr_life.c"), Cmd: signals, Then: slices.Repeat([]string{signals}, 19)}) // each time another moment
	cases = append(cases, Case{Prog: glibc("thr_cancel.c")}, Case{
		Prog:    musl("thr_cancel.c"),
		NoProof: "musl's handler compares the program counter, which is the trampoline's there: only a runner maps it back",
	})
	// libgfortran names threads' functions weakly, and calls them all the same.
	const weak = "-Wl,-u,pthread_mutex_destroy"
	return append(
		cases,
		Case{
			Prog: glibc("thr_life.c"), Cmd: "as-many 1500", Limit: 4 * time.Minute,
			Only: I386, Why: "Wine has room for 800 threads in 32 bits; in 64 it takes minutes to find the last one",
		},
		Case{Prog: glibc("thr_futex.c")},
		Case{Prog: glibc("thr_requeue.c", "-pthread")},
		Case{Prog: glibc("thr_requeue.c", "-pthread"), Cmd: "pi"},
		Case{Prog: cxx("thr_std.cc", "-std=c++20"), Opt: Fault | NoStderr, Reason: "it ends in abort, and both say so"},
		Case{Prog: glibc("thr_omp.c", "-fopenmp"), Opt: LargeOutput},
		Case{Prog: kit(Fortran, "thr_omp.f90", []string{"-fopenmp", weak}), Opt: LargeOutput},
	)
}

// TestThreadHammer has threads do all at once.
func TestThreadHammer(t *testing.T) {
	seconds := strconv.Itoa(int(hammerTime.Seconds()))
	for _, prog := range []Program{glibc("thr_hammer.c"), musl("thr_hammer.c")} {
		for _, w := range (Case{}).widths() {
			t.Run(prog.String()+"/"+w.String(), func(t *testing.T) {
				c := Case{Prog: prog, Cmd: seconds, Name: "TestThreadHammer." + prog.String(), Limit: *hammerTime*2 + time.Minute}
				lab.Check(t, c, w, &totals)
			})
		}
	}
}

func TestThreads(t *testing.T) { table(t, threads()) }

// goPrograms are what Go's runtime asks of threads, signals and timers.
func goPrograms() []Case {
	var cases []Case
	for _, subject := range []string{"goroutines", "timers", "signals", "recover", "gc", "preempt", "threads", "pipes", "panic", "nil", "deadlock", "exit"} {
		c := Case{Prog: Program{Source: "thr_go.go", Kit: GoTool}, Cmd: subject}
		if subject == "signals" {
			c.Opt = Fault
		}
		cases = append(cases, c)
	}
	return append(cases, Case{
		Prog: Program{Source: "thr_go.go", Kit: GoTool}, Cmd: "exec",
		Opt: NoStderr, Reason: "beerun tells that there is no second process", Known: "a second process is not supported yet",
	})
}

func TestGoPrograms(t *testing.T) { table(t, goPrograms()) }
