//go:build linux

package difftest

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// goCount is what came of a package's tests in one width.
type goCount struct{ passed, spared int }

// goRow is a package's line of docs/go-tests.md.
type goRow struct {
	p  goPackage
	of map[width]goCount
}

// goPage is docs/go-tests.md.
func goPage(rows []goRow, version string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# Go's own tests as guests

The test binaries of packages of Go's library (%s, linux, CGO_ENABLED=0), with -test.short, under beerun and Wine; tests and subtests that
pass natively, and how many of those pass here. Made by `+"`make gotests`"+`; the exclusions are those of difftest/gotests_test.go.

| package | IA-32 | x86-64 |
|---|---|---|
`, version)
	slices.SortFunc(rows, func(a, b goRow) int { return cmp.Compare(a.p.path, b.p.path) })
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s |", r.p.path)
		for _, w := range (Case{}).widths() {
			c := r.of[w]
			fmt.Fprintf(&b, " %d of %d |", c.passed-c.spared, c.passed)
		}
		b.WriteString("\n")
	}
	b.WriteString("\n| package | need not pass | why |\n|---|---|---|\n")
	for _, r := range rows {
		for _, e := range r.p.exclude {
			tests := strings.ReplaceAll(strings.ReplaceAll(e.Test, "(/.*)?", ""), "|", ", ")
			fmt.Fprintf(&b, "| %s | %s | %s: %s |\n", r.p.path, tests, e.Why, e.Detail)
		}
	}
	return b.String()
}

// writeGoPage writes the page from a run of all packages.
func writeGoPage(t *testing.T, rows []goRow) {
	version, err := compilerVersion("go")
	if err != nil {
		t.Fatal(err)
	}
	if f := strings.Fields(version); len(f) > 2 {
		version = f[2]
	}
	path := filepath.Join(lab.Root, "docs", "go-tests.md")
	if err := os.WriteFile(path, []byte(goPage(rows, version)), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestGoPage(t *testing.T) {
	w := (Case{}).widths()
	page := goPage([]goRow{
		{p: goPackage{path: "os", exclude: []Exclusion{{"TestA|TestB(/.*)?", SecondProcess, second}}}, of: map[width]goCount{w[0]: {10, 3}, w[1]: {11, 4}}},
		{p: goPackage{path: "net"}, of: map[width]goCount{w[0]: {5, 0}, w[1]: {5, 0}}},
	}, "go1")
	for _, line := range []string{"| os | 7 of 10 | 7 of 11 |\n", "| net | 5 of 5 | 5 of 5 |\n| os |", "| os | TestA, TestB | second process: " + second + " |\n"} {
		if !strings.Contains(page, line) {
			t.Errorf("no %q in\n%s", line, page)
		}
	}
}
