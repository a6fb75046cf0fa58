//go:build linux

package difftest

import (
	"flag"
	"fmt"
	"os"
	"testing"
)

var (
	keep   = flag.Bool("keep", false, "leave the directories of failed cases")
	lab    *Lab
	totals Totals
)

func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("test.parallel").Value.String() != "1" {
		// Each run has processes of its own; more than two at once only wait for each other in Wine's server.
		_ = flag.Set("test.parallel", "2")
	}
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	var err error
	if lab, err = NewLab(); err != nil {
		fmt.Fprintln(os.Stderr, "difftest:", err)
		return 1
	}
	lab.Keep = *keep
	defer func() {
		if err := lab.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "difftest:", err)
		}
	}()
	reason := lab.MissingWine()
	if reason == "" {
		if err := lab.WarmUp(); err != nil {
			fmt.Fprintln(os.Stderr, "difftest:", err)
			return 1
		}
	} else {
		fmt.Println("differential: no runs under Wine:", reason)
	}
	code := m.Run()
	if totals.cases.Load() > 0 {
		fmt.Println(totals.String())
	}
	return code
}

// table runs each case in the widths that it is for.
func table(t *testing.T, cases []Case) {
	t.Helper()
	tableIn(t, cases, Case.widths)
}

func tableIn(t *testing.T, cases []Case, widths func(Case) []width) {
	t.Helper()
	titles := map[string]int{}
	for _, c := range cases {
		if (c.Only != Both) != (c.Why != "") {
			t.Errorf("%s: Only and Why belong together", c.Title())
		}
		// Two cases with one title would share a directory.
		c.Name = c.Title()
		if titles[c.Name]++; titles[c.Name] > 1 {
			c.Name = fmt.Sprintf("%s#%d", c.Name, titles[c.Name])
		}
		title := c.Name
		c.Name = t.Name() + "." + title
		for _, w := range widths(c) {
			t.Run(title+"/"+w.String(), func(t *testing.T) {
				t.Parallel()
				lab.Check(t, c, w, &totals)
			})
		}
	}
}
