//go:build linux

package difftest

import (
	"flag"
	"strconv"
	"testing"
)

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
			cases = append(cases, Case{Prog: prog("thr_life.c"), Cmd: life, Opt: LargeOutput})
		}
		cases = append(cases, Case{Prog: prog("thr_cancel.c")})
	}
	return append(cases, Case{Prog: glibc("thr_futex.c")})
}

func TestThreads(t *testing.T) { table(t, threads()) }
