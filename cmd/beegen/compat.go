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
// much of each system call works, from the tables that the kernel itself uses.
func newCompatCommand() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use:   "compat",
		Short: "Write docs/compat-*.md from the system call tables",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			for name, text := range compatPages() {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
					return err
				}
			}
			return nil
		},
	}
	c.Flags().StringVar(&dir, "dir", "docs", "the documentation's folder")
	return c
}

// compatPages tells the pages by file name.
func compatPages() map[string]string {
	return map[string]string{
		"compat-386.md":   compatPage(image.I386, "IA-32"),
		"compat-amd64.md": compatPage(image.AMD64, "x86-64"),
	}
}

func compatPage(arch image.Arch, title string) string {
	table := kernel.NewTable(arch)
	var rows, missing strings.Builder
	var count [kernel.Full + 1]int
	for _, e := range table.Entries() {
		count[e.Support()]++
		switch e.Support() {
		case kernel.Full:
			fmt.Fprintf(&rows, "| %d | %s | full | %s |\n", e.Nr, e.Name(), e.Note())
		case kernel.Partial:
			fmt.Fprintf(&rows, "| %d | %s | partial | %s |\n", e.Nr, e.Name(), e.Note())
		default:
			if missing.Len() > 0 {
				missing.WriteString(", ")
			}
			fmt.Fprintf(&missing, "%s (%d)", e.Name(), e.Nr)
		}
	}
	return fmt.Sprintf(`# System calls of %s programs

Written by `+"`beegen compat`"+` from the kernel's table; do not edit.

Of %d system calls %d work in full and %d in part; the others answer ENOSYS.

| number | call | support | what is missing |
|---|---|---|---|
%s
## ENOSYS

%s.
`, title, len(table.Entries()), count[kernel.Full], count[kernel.Partial], rows.String(), missing.String())
}
