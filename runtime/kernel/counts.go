package kernel

import (
	"bufio"
	"fmt"
	"io"
)

// WriteCounts writes how often each system call was made: one line per call
// that was made at least once, by number, of four fields that a blank parts,
//
//	NR NAME OK ERRORS
//
// with the number in decimal, and the calls that succeeded and that failed. A
// number that does not exist is counted under the name "syscall" with the
// number -1.
func (t *Table) WriteCounts(w io.Writer) error {
	b := bufio.NewWriter(w)
	write := func(nr int, e *Entry) {
		if calls, errors := e.Count(); calls > 0 {
			fmt.Fprintf(b, "%d %s %d %d\n", nr, e.Name(), calls-errors, errors)
		}
	}
	for i := range t.entries {
		write(i, &t.entries[i])
	}
	write(-1, &t.stray)
	return b.Flush()
}
