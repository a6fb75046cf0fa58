package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"bee/image"
	"bee/runtime/kernel"
)

// newCompatCommand makes `beegen compat`, which writes the pages that say how
// much of each system call works, from the tables that the kernel itself uses
// and the lists of calls that a differential test proves.
func newCompatCommand() *cobra.Command {
	var dir, proofs string
	c := &cobra.Command{
		Use:   "compat",
		Short: "Write docs/compat-*.md from the system call tables",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			for _, p := range compatPages() {
				text, err := p.text(proofs)
				if err != nil {
					return err
				}
				if err := os.WriteFile(filepath.Join(dir, p.file), []byte(text), 0o644); err != nil {
					return err
				}
			}
			return nil
		},
	}
	c.Flags().StringVar(&dir, "dir", "docs", "the documentation's folder")
	c.Flags().StringVar(&proofs, "calls", filepath.Join("testdata", "calls"), "the folder of the lists that go test ./difftest writes")
	return c
}

// compatPageOf is one page.
type compatPageOf struct {
	file   string
	title  string
	arch   image.Arch
	proofs string // its list in the folder of lists
}

func compatPages() []compatPageOf {
	return []compatPageOf{
		{"compat-386.md", "IA-32", image.I386, "386.txt"},
		{"compat-amd64.md", "x86-64", image.AMD64, "amd64.txt"},
	}
}

// callTest is a line of such a list: the test that makes the call, and why it
// compares one kind of result only, if it does.
type callTest struct{ test, reason string }

func readCallTests(path string) (map[string]callTest, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	tests := map[string]callTest{}
	for line := range strings.Lines(string(data)) {
		name, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		test, reason, _ := strings.Cut(rest, " ")
		if test == "" {
			return nil, fmt.Errorf("%s: %q: a line is NAME TEST [REASON]", path, line)
		}
		tests[name] = callTest{test, reason}
	}
	return tests, nil
}

// proven counts the calls that work in full and in part, and that a test proves.
func (p compatPageOf) proven(tests map[string]callTest) (full, partial int) {
	for _, e := range kernel.NewTable(p.arch).Entries() {
		switch _, found := tests[e.Name()]; {
		case !found:
		case e.Support() == kernel.Full:
			full++
		case e.Support() == kernel.Partial:
			partial++
		}
	}
	return full, partial
}

func (p compatPageOf) text(folder string) (string, error) {
	tests, err := readCallTests(filepath.Join(folder, p.proofs))
	if err != nil {
		return "", err
	}
	table := kernel.NewTable(p.arch)
	var rows, missing strings.Builder
	unproven := 0
	for _, e := range table.Entries() {
		support := "full"
		switch e.Support() {
		case kernel.Full:
		case kernel.Partial:
			support = "partial"
		default:
			if missing.Len() > 0 {
				missing.WriteString(", ")
			}
			fmt.Fprintf(&missing, "%s (%d)", e.Name(), e.Nr)
			continue
		}
		test := "none"
		if t, found := tests[e.Name()]; found {
			test = t.test
			if t.reason != "" {
				test += "; " + t.reason
			}
		} else {
			unproven++
		}
		fmt.Fprintf(&rows, "| %d | %s | %s | %s | %s |\n", e.Nr, e.Name(), support, e.Note(), test)
	}
	full, partial := p.proven(tests)
	others := ""
	if unproven > 0 {
		others = fmt.Sprintf(" %d more are there that no test proves, so they do not count.", unproven)
	}
	return fmt.Sprintf(`# System calls of %s programs

Written by `+"`beegen compat`"+` from the kernel's table and from testdata/calls; do not edit.

Of %d system calls %d work in full and %d in part.%s

A call counts if the test in its row (testdata/programs/TEST.c, run by `+"`go test ./difftest -run TestCalls`"+`) makes it, compares a success
and an error with native Linux, and beerun's own counters have seen both. Where there is only one kind of result, the row says why.

| number | call | support | what is missing | test |
|---|---|---|---|---|
%s
## ENOSYS

%s.
`, p.title, len(table.Entries()), full, partial, others, rows.String(), missing.String()), nil
}
