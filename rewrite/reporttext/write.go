// Package reporttext writes the rewriter's report for people. It is apart from
// package rewrite, which runners import too: the table's package changes the
// console's mode on Windows as soon as a program starts that links it.
package reporttext

import (
	"fmt"
	"io"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"bee/rewrite"
)

// Write writes the report; verbose adds the list of patterns that no evidence
// reaches.
func Write(w io.Writer, r *rewrite.Report, verbose bool) error {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header, t.Style().Format.Footer = text.FormatDefault, text.FormatDefault
	used := map[string]bool{}
	for _, c := range r.Counts {
		used[c.Tactic] = true
	}
	head := table.Row{"site"}
	var cols []string
	configs := []table.ColumnConfig{}
	for _, tac := range rewrite.TacticNames() {
		if used[tac] {
			cols = append(cols, tac)
			head = append(head, tac)
		}
	}
	head = append(head, "all")
	for i := 2; i <= len(head); i++ {
		configs = append(configs, table.ColumnConfig{Number: i, Align: text.AlignRight, AlignHeader: text.AlignRight, AlignFooter: text.AlignRight})
	}
	t.SetColumnConfigs(configs)
	t.AppendHeader(head)
	sum := make(map[string]int)
	for _, k := range rewrite.KindNames() {
		row, all := table.Row{k}, 0
		for _, tac := range cols {
			n := 0
			for _, c := range r.Counts {
				if c.Kind == k && c.Tactic == tac {
					n = c.Count
				}
			}
			all += n
			sum[tac] += n
			row = append(row, n)
		}
		if all > 0 {
			t.AppendRow(append(row, all))
		}
	}
	foot := table.Row{"all"}
	for _, tac := range cols {
		foot = append(foot, sum[tac])
	}
	t.AppendFooter(append(foot, r.Sites))

	p := printer{w: w}
	if r.File != "" {
		p.line("file", "%s", r.File)
	}
	where := "loaded at " + r.Base
	if r.PIE {
		where = "position-independent, linked at " + r.Base
	}
	p.line("program", "%s, %d bytes, %s", r.Arch, r.Size, where)
	if r.LibcBy != "" {
		p.line("libc", "%s (%s)", r.Libc, r.LibcBy)
	} else {
		p.line("libc", "%s", r.Libc)
	}
	if r.TextBytes > 0 {
		p.line("code", "%d bytes, %.2f %% proven, %d instructions", r.TextBytes, r.ProvenPercent, r.Instructions)
		p.line("indirect jumps", "%d jump tables, %d unresolved", r.JumpTables, r.Unresolved)
	}
	p.line("patches", "%d bytes in place, %d bytes of trampolines at %s", r.PatchBytes, r.TrampBytes, r.TrampAddr)
	for _, c := range r.Proofs {
		p.line("windows", "%d proven by: %s", c.Count, c.Proof)
	}
	for _, a := range r.WX {
		p.line("warning", "the segment at %s is writable and executable", a)
	}
	if r.NoSections != "" {
		p.line("warning", "section headers ignored, as Linux does: %s", r.NoSections)
	}
	p.line("unproven", "%d patterns that no evidence reaches, left as they are", len(r.Unproven))
	if verbose {
		for _, u := range r.Unproven {
			p.line("", "%s %s", u.Addr, u.Kind)
		}
	}
	if r.OutputBytes > 0 {
		p.line("output", "%s, %d bytes", r.Form, r.OutputBytes)
	}
	if r.Milliseconds > 0 {
		p.line("time", "%.1f ms", r.Milliseconds)
	}
	if p.err == nil {
		_, p.err = fmt.Fprintln(w, t.Render())
	}
	return p.err
}

// printer writes labelled lines until one fails.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(label, format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, "%-15s %s\n", label, fmt.Sprintf(format, args...))
	}
}
