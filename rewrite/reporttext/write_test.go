package reporttext

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"bee/rewrite"
)

func TestWrite(t *testing.T) {
	r := &rewrite.Report{
		File: "x", Arch: "i386", Sites: 5, NoSections: "beyond the file",
		Counts: []rewrite.SiteCount{
			{Kind: rewrite.KindNames()[1], Tactic: rewrite.TacticNames()[1], Count: 2},
			{Kind: rewrite.KindNames()[0], Tactic: rewrite.TacticNames()[0], Count: 3},
		},
		Unproven: []rewrite.PatternAt{{Addr: "0x1234", Kind: "int80"}},
	}
	var b bytes.Buffer
	if err := Write(&b, r, true); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"section headers ignored", "0x1234 int80", rewrite.KindNames()[1], rewrite.TacticNames()[1]} {
		if strings.Count(b.String(), want) != 1 {
			t.Errorf("%q is not there once:\n%s", want, b.String())
		}
	}
	if Write(failing{}, r, false) == nil {
		t.Error("a failing writer goes unnoticed")
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("full") }
