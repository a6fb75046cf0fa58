package kernel

import (
	"fmt"
	"io"
	"sort"
	"strings"
	"sync"
	"time"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// tracer writes what strace(1) would write.
type tracer struct {
	summary bool
	clock   host.Clock
	specs   map[string]traceSpec

	// mu guards w and the flag, so that lines of several tasks do not mix.
	mu       sync.Mutex
	w        io.Writer
	finished bool
}

func newTracer(w io.Writer, summary bool, clock host.Clock) *tracer {
	t := &tracer{w: w, summary: summary, clock: clock}
	if !summary {
		t.specs = traceSpecs()
	}
	return t
}

// before formats what the call may overwrite: its input. It writes the line of
// a call that does not come back.
func (tr *tracer) before(t *Task, e *Entry, nr uint32, a Args) []string {
	if tr.summary {
		return nil
	}
	spec := tr.spec(e, nr)
	f := traceFormatter{t: t, a: a}
	out := make([]string, len(spec.args))
	for i, k := range spec.args {
		if !k.out {
			out[i] = k.format(&f, i)
		}
	}
	if e.Name() == "exit" || e.Name() == "exit_group" {
		tr.line("%-39s = ?", e.Name()+"("+joinArgs(out)+")")
	}
	return out
}

// after writes the line.
func (tr *tracer) after(t *Task, e *Entry, nr uint32, a Args, pre []string, v uint64, errno abi.Errno) {
	if tr.summary || e.Name() == "exit" || e.Name() == "exit_group" {
		return
	}
	spec := tr.spec(e, nr)
	f := traceFormatter{t: t, a: a, ret: v, errno: errno}
	for i, k := range spec.args {
		if k.out {
			pre[i] = k.format(&f, i)
		}
	}
	name := e.Name()
	if e == &t.proc.table.stray {
		name = fmt.Sprintf("syscall_%#x", nr)
	}
	result := ""
	switch {
	case errno != 0:
		result = errorText(errno)
	case spec.returns:
		result = t.returnedText(v)
	case spec.result == nil:
		result = fmt.Sprint(t.long(v))
	default:
		result = spec.result(v)
	}
	// Like strace, results stand in a column where there is room.
	tr.line("%-39s = %s", name+"("+joinArgs(pre)+")", result)
}

// joinArgs leaves out what is not shown.
func joinArgs(args []string) string {
	var s []string
	for _, a := range args {
		if a != traceOmit {
			s = append(s, a)
		}
	}
	return strings.Join(s, ", ")
}

func (tr *tracer) line(format string, args ...any) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	fmt.Fprintf(tr.w, format+"\n", args...)
}

// spec tells how a call's arguments are written; a call that has no row shows
// them all as numbers.
func (tr *tracer) spec(e *Entry, _ uint32) traceSpec {
	if s, ok := tr.specs[e.Name()]; ok {
		return s
	}
	return traceSpec{args: []traceArg{argHex, argHex, argHex, argHex, argHex, argHex}}
}

// finish writes the last line, or the table.
func (tr *tracer) finish(p *Process) {
	status, sig, ok := p.Exited()
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if tr.finished {
		return
	}
	tr.finished = true
	switch {
	case tr.summary:
		writeSummary(tr.w, p.table)
	case !ok:
	case sig != 0:
		fmt.Fprintf(tr.w, "+++ killed by %s +++\n", sig.Name())
	default:
		fmt.Fprintf(tr.w, "+++ exited with %d +++\n", status)
	}
}

// writeSummary writes strace -c's table.
func writeSummary(w io.Writer, table *Table) {
	type row struct {
		name          string
		nanos         int64
		calls, errors int64
	}
	var rows []row
	var total row
	add := func(e *Entry) {
		calls, errors := e.Count()
		if calls == 0 {
			return
		}
		r := row{e.Name(), e.nanos.Load(), calls, errors}
		rows = append(rows, r)
		total.nanos += r.nanos
		total.calls += r.calls
		total.errors += r.errors
	}
	for i := range table.entries {
		add(&table.entries[i])
	}
	add(&table.stray)
	sort.Slice(rows, func(i, j int) bool {
		if rows[i].nanos != rows[j].nanos {
			return rows[i].nanos > rows[j].nanos
		}
		return rows[i].name < rows[j].name
	})
	const rule = "------ ----------- ----------- --------- --------- ----------------\n"
	errText := func(n int64) string {
		if n == 0 {
			return ""
		}
		return fmt.Sprint(n)
	}
	write := func(r row) {
		share := 100.0
		if total.nanos > 0 {
			share = 100 * float64(r.nanos) / float64(total.nanos)
		}
		per := int64(0)
		if r.calls > 0 {
			per = r.nanos / r.calls / 1000
		}
		fmt.Fprintf(w, "%6.2f %11.6f %11d %9d %9s %s\n", share, time.Duration(r.nanos).Seconds(), per, r.calls, errText(r.errors), r.name)
	}
	fmt.Fprintf(w, "%% time     seconds  usecs/call     calls    errors syscall\n%s", rule)
	for _, r := range rows {
		write(r)
	}
	total.name = "total"
	fmt.Fprint(w, rule)
	write(total)
}
