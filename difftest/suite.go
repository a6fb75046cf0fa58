//go:build linux

package difftest

import (
	"fmt"
	"regexp"
	"strings"
)

// Suite is a test program of others that prints a line for each of its tests.
// Standard output is compared test by test, not byte by byte.
type Suite struct {
	// Line finds a test's line. It has the groups test, the test's name, result,
	// and detail, what belongs to the result.
	Line *regexp.Regexp
	// Passed is the result of a test that passed.
	Passed string
	// Section finds lines that begin a section; its group is the section's name,
	// which becomes part of the names of its tests. It may be nil.
	Section *regexp.Regexp

	Exclude []Exclusion

	// Part says that a selection of the tests runs, of which more may be
	// excluded than of all.
	Part bool
}

// Exclusion is a test that the bee form need not pass.
type Exclusion struct {
	Test   string
	Why    Because
	Detail string
}

// Because is the kind of reason for an exclusion. There are no others.
type Because string

// The kinds of reasons.
const (
	SecondProcess Because = "second process"
	Privilege     Because = "privilege"
	HostFeature   Because = "host feature"
	KnownBug      Because = "known bug"
)

// excludedShare is how many of the tests that pass natively may be excluded, in
// percent.
const excludedShare = 3

// verdict is one test's result.
type verdict struct {
	test, result string
	passed       bool
}

// verdicts reads a suite's output. Tests of one name are numbered.
func (s *Suite) verdicts(out string) []verdict {
	var all []verdict
	section := ""
	seen := map[string]int{}
	for line := range strings.Lines(out) {
		line = strings.TrimSuffix(line, "\n")
		if s.Section != nil {
			if m := s.Section.FindStringSubmatch(line); m != nil {
				section = m[1] + "/"
				continue
			}
		}
		m := s.Line.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		v := verdict{test: section + m[s.Line.SubexpIndex("test")], result: m[s.Line.SubexpIndex("result")]}
		v.passed = v.result == s.Passed
		if detail := m[s.Line.SubexpIndex("detail")]; detail != "" {
			v.result += " " + detail
		}
		if seen[v.test]++; seen[v.test] > 1 {
			v.test = fmt.Sprintf("%s#%d", v.test, seen[v.test])
		}
		all = append(all, v)
	}
	return all
}

// diff tells which tests differ from the native run, or nothing. Exclusions
// are of the bee form alone.
func (s *Suite) diff(want, got string, form form) string {
	var b strings.Builder
	excluded := map[string]Exclusion{}
	if form == bee {
		for _, e := range s.Exclude {
			excluded[e.Test] = e
		}
	}
	theirs, ours := s.verdicts(want), map[string]verdict{}
	for _, v := range s.verdicts(got) {
		ours[v.test] = v
	}
	if len(theirs) == 0 {
		return "the native run has no line of a test"
	}
	passed, spared := 0, 0
	for _, v := range theirs {
		mine, ran := ours[v.test]
		delete(ours, v.test)
		e, spare := excluded[v.test]
		delete(excluded, v.test)
		if v.passed {
			passed++
		}
		switch {
		case spare && ran && mine.result == v.result:
			fmt.Fprintf(&b, "\n%s differs no longer: remove the exclusion (%s: %s)", v.test, e.Why, e.Detail)
		case spare && v.passed:
			spared++
		case spare:
		case !ran:
			fmt.Fprintf(&b, "\n%s: want %s, it did not run", v.test, v.result)
		case mine.result != v.result:
			fmt.Fprintf(&b, "\n%s: want %s, got %s", v.test, v.result, mine.result)
		}
	}
	for test := range ours {
		fmt.Fprintf(&b, "\n%s: it does not run natively", test)
	}
	for test := range excluded {
		fmt.Fprintf(&b, "\n%s is excluded and does not run natively", test)
	}
	if !s.Part && 100*spared > excludedShare*passed {
		fmt.Fprintf(&b, "\n%d of %d tests that pass natively are excluded: more than %d %%", spared, passed, excludedShare)
	}
	return b.String()
}
