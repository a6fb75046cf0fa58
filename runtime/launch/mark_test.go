package launch

import (
	"strings"
	"testing"
)

func TestMark(t *testing.T) {
	for _, c := range []struct {
		mark Mark
		line string
	}{
		{Mark{}, "none"},
		{Mark{Kind: MarkExited, Value: 42}, "exited 42"},
		{Mark{Kind: MarkSignaled, Value: 11, Message: "SIGSEGV (read of 0x0)"}, "signaled 11"},
		{Mark{Kind: MarkRunner, Value: 125, Message: "no memory"}, "runner 125 no memory"},
	} {
		page := make([]byte, configStart)
		if c.mark.Kind != MarkNone {
			c.mark.put(page)
		}
		if got := readMark(page); got != c.mark {
			t.Errorf("%+v comes back as %+v", c.mark, got)
		}
		if got := c.mark.Line(); got != c.line {
			t.Errorf("%+v: line %q, want %q", c.mark, got, c.line)
		}
	}
}

// A message that does not fit is cut; what stands behind the mark is the
// configuration.
func TestMarkTooLong(t *testing.T) {
	page := make([]byte, configStart)
	Mark{Kind: MarkRunner, Message: strings.Repeat("x", 2*markSize)}.put(page)
	if got := len(readMark(page).Message); got != markSize-16 {
		t.Errorf("%d bytes of message, want %d", got, markSize-16)
	}
	for _, b := range page[markSize:] {
		if b != 0 {
			t.Fatal("the mark reaches into the configuration")
		}
	}
}
