package kernel

import (
	"strings"
	"testing"

	"bee/image"
)

func TestWriteCounts(t *testing.T) {
	table := NewTable(image.AMD64)
	count := func(nr uint32, calls, errors int64) {
		e := table.entry(nr)
		e.count.Add(calls)
		e.errors.Add(errors)
	}
	count(3, 5, 2)
	count(0, 1, 1)
	count(^uint32(0), 1, 1)
	var b strings.Builder
	if err := table.WriteCounts(&b); err != nil {
		t.Fatal(err)
	}
	if want := "0 read 0 1\n3 close 3 2\n-1 syscall 0 1\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}
