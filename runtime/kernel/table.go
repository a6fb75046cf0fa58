package kernel

import (
	"fmt"
	"sync/atomic"

	"bee/image"
	"bee/runtime/abi"
)

// Entry is a system call of a Table with its counters.
type Entry struct {
	Nr   uint32
	call Call

	count, errors, nanos atomic.Int64
}

// Name tells the call's name.
func (e *Entry) Name() string {
	if e.call.Name == "" {
		return fmt.Sprintf("syscall_%#x", e.Nr)
	}
	return e.call.Name
}

// Support tells how much of the call is implemented.
func (e *Entry) Support() Support { return e.call.Support }

// Note tells users what is missing.
func (e *Entry) Note() string { return e.call.Note }

// Count tells how often the call was made, and how often it failed.
func (e *Entry) Count() (calls, errors int64) { return e.count.Load(), e.errors.Load() }

// Table is one architecture's system calls by number.
type Table struct {
	Arch    image.Arch
	entries []Entry
	// stray counts calls whose number does not exist.
	stray Entry
}

// calls joins the lists of all areas.
func calls() []Call {
	var all []Call
	for _, area := range [][]Call{
		taskCalls(), memoryCalls(), memfdCalls(), timeCalls(), identityCalls(), limitCalls(), schedCalls(), refusedCalls(), spliceCalls(), inotifyCalls(), epollCalls(), eventfdCalls(), timerfdCalls(), timerCalls(), signalfdCalls(),
		machineCalls(), signalCalls(), tlsCalls(), fileCalls(),
	} {
		all = append(all, area...)
	}
	return all
}

// NewTable joins the areas' calls with the numbers of an architecture.
func NewTable(arch image.Arch) *Table {
	names := abi.AMD64Syscalls()
	if arch == image.I386 {
		names = abi.I386Syscalls()
	}
	all := calls()
	rows := make(map[string]int, len(all))
	for i := range all {
		if c := &all[i]; c.Arch == 0 || c.Arch == arch {
			rows[c.Name] = i
		}
	}
	t := &Table{Arch: arch, entries: make([]Entry, len(names))}
	t.stray.call = Call{Name: "syscall", Handler: sysMissing}
	for nr, name := range names {
		e := &t.entries[nr]
		e.Nr = uint32(nr)
		if i, ok := rows[name]; ok {
			e.call = all[i]
			continue
		}
		e.call = Call{Name: name, Handler: sysMissing}
	}
	return t
}

func sysMissing(*Task, Args) (uint64, abi.Errno) { return 0, abi.ENOSYS }

func (t *Table) entry(nr uint32) *Entry {
	if uint64(nr) < uint64(len(t.entries)) {
		return &t.entries[nr]
	}
	return &t.stray
}

// Entries tells all calls that have a name, by number.
func (t *Table) Entries() []*Entry {
	names := abi.AMD64Syscalls()
	if t.Arch == image.I386 {
		names = abi.I386Syscalls()
	}
	var out []*Entry
	for i := range t.entries {
		if names[i] != "" {
			out = append(out, &t.entries[i])
		}
	}
	return out
}
