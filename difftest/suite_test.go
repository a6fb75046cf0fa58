//go:build linux

package difftest

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

func TestSuite(t *testing.T) {
	var native strings.Builder
	native.WriteString("Section one\n")
	for i := range 40 {
		fmt.Fprintf(&native, "%d test%d = 1 [OK]\n", i, i)
	}
	native.WriteString("Section two\n0 test = -1 EBADF [FAIL]\n1 test = 0 [OK]\nnoise\n")
	out := native.String()
	exclude := func(tests ...string) []Exclusion {
		var list []Exclusion
		for _, name := range tests {
			list = append(list, Exclusion{name, KnownBug, "detail"})
		}
		return list
	}
	for _, c := range []struct {
		what, old, new string
		form           form
		exclude        []Exclusion
		want           string
	}{
		{"nothing", "", "", bee, nil, ""},
		{"a number", "test3 = 1", "test3 = 2", bee, nil, ""},
		{"a failure", "test3 = 1 [OK]", "test3 = 1 [FAIL]", bee, nil, "one/test3: want OK, got FAIL"},
		{"an error", "EBADF", "EINVAL", bee, nil, "two/test: want FAIL EBADF, got FAIL EINVAL"},
		{"no line", "1 test = 0 [OK]\n", "", bee, nil, "two/test#2: want OK, it did not run"},
		{"a line more", "noise", "2 more = 1 [OK]", bee, nil, "two/more: it does not run natively"},
		{"excluded", "test3 = 1 [OK]", "test3 = 1 [FAIL]", bee, exclude("one/test3"), ""},
		{"excluded, and fails natively", "EBADF", "EINVAL", bee, exclude("two/test"), ""},
		{"not excluded in the proof form", "test3 = 1 [OK]", "test3 = 1 [FAIL]", proof, exclude("one/test3"), "one/test3"},
		{"excluded, and differs no longer", "", "", bee, exclude("one/test3"), "differs no longer"},
		{"excluded, and not there", "", "", bee, exclude("three/test"), "three/test is excluded"},
		{"too many", "= 1 [OK]", "= 1 [FAIL]", bee, exclude("one/test3", "one/test4", "one/test5"), "more than 3 %"},
	} {
		s := &Suite{
			Section: regexp.MustCompile(`^Section (.*)`),
			Line:    regexp.MustCompile(`^\d+ (?P<test>\w+) = -?\d+ (?P<detail>E\w+)? ?\[(?P<result>\w+)\]`),
			Passed:  "OK", Exclude: c.exclude,
		}
		got := s.diff(out, strings.ReplaceAll(out, c.old, c.new), c.form)
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q in it", c.what, got, c.want)
		}
	}
}
