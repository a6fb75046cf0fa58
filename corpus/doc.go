//go:build linux

package main

import (
	"fmt"
	"slices"
	"strings"
)

// page is docs/coverage.md.
type page struct {
	measured []*outcome
	missing  []string
	behaved  *behaved
	goTests  *goTested
	self     *selfTested
	soaked   *soaked
}

var tactics = []string{"same-length", "jump", "pad", "window", "eviction", "trap"}

func (p *page) markdown() string {
	var b strings.Builder
	b.WriteString("# Coverage of the rewriter\n\nMade by `make corpus`: every program is rewritten, and its linux-proof form " +
		"(the same plan, with the original instructions in the trampolines) runs natively beside the original.\n\n")
	p.summary(&b)
	p.refusals(&b)
	p.patterns(&b)
	if p.behaved != nil {
		p.behaved.markdown(&b)
	}
	if p.goTests != nil {
		p.goTests.markdown(&b)
	}
	if p.self != nil {
		p.self.markdown(&b)
	}
	if s := p.soaked; s != nil {
		fmt.Fprintf(&b, "## Damaged files\n\n%d files with damage in headers, tables and code: %d accepted, and their outputs verified again; %d refused; "+
			"%d failures (a panic, no end after %v, memory beyond bounds, an output that does not verify). The slowest took %d ms, the largest growth of memory was %d MB.\n\n",
			s.mutants, s.accepted, s.refused, len(s.failures), soakTime, s.slowest.Milliseconds(), s.memory>>20)
	}
	p.programs(&b)
	if len(p.missing) > 0 {
		b.WriteString("## Left out here\n\n")
		for _, m := range p.missing {
			fmt.Fprintf(&b, "- %s\n", m)
		}
		b.WriteByte('\n')
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// sum adds programs up.
type sum struct {
	programs, refused, sites, patterns int
	tactic                             map[string]int
	proof                              map[string]int
	text                               uint64
	ms                                 float64
	size                               int64
	ratio                              float64 // peak memory to file size, largest among files of 4 MB and more
}

func (s *sum) add(m *outcome) {
	s.programs++
	if m.report == nil {
		s.refused++
		return
	}
	if s.tactic == nil {
		s.tactic, s.proof = map[string]int{}, map[string]int{}
	}
	s.sites += m.report.Sites
	s.patterns += len(m.report.Unproven)
	for _, c := range m.report.Counts {
		s.tactic[c.Tactic] += c.Count
	}
	for _, c := range m.report.Proofs {
		s.proof[c.Proof] += c.Count
	}
	s.text += m.report.TextBytes
	s.ms += m.report.Milliseconds
	s.size += m.size
	if m.size >= 4<<20 {
		s.ratio = max(s.ratio, float64(m.rss)/float64(m.size))
	}
}

func (s *sum) row(b *strings.Builder, name string) {
	fmt.Fprintf(b, "| %s | %d | %d |", name, s.programs, s.sites)
	for _, t := range tactics {
		fmt.Fprintf(b, " %d |", s.tactic[t])
	}
	speed := 0.0
	if s.ms > 0 {
		speed = float64(s.text) / 1000 / s.ms
	}
	fmt.Fprintf(b, " %d | %d | %.1f |\n", s.refused, s.patterns, speed)
}

func (p *page) summary(b *strings.Builder) {
	var groups []string
	sums := map[string]*sum{}
	var all sum
	for _, m := range p.measured {
		if m.refuse != "" {
			continue
		}
		g := m.group + ", " + m.arch
		if sums[g] == nil {
			sums[g] = &sum{}
			groups = append(groups, g)
		}
		sums[g].add(m)
		all.add(m)
	}
	b.WriteString("## Sites by tactic\n\n| programs | n | sites |")
	for _, t := range tactics {
		fmt.Fprintf(b, " %s |", t)
	}
	b.WriteString(" refused | patterns | MB/s |\n|---|---|---|" + strings.Repeat("---|", len(tactics)+3) + "\n")
	for _, g := range groups {
		sums[g].row(b, g)
	}
	all.row(b, "**all**")
	b.WriteString("\nRefused: see below. Patterns: bytes in executable segments that look like a site, reached by no evidence, and left alone. " +
		"MB/s: text per second of the whole rewriting, one core of a machine that does other things too.\n\n")
	b.WriteString("Windows by proof:")
	sep := " "
	for _, k := range []string{"no-interior", "resolved", "faulting", "none"} {
		fmt.Fprintf(b, "%s%s %d", sep, k, all.proof[k])
		sep = ", "
	}
	fmt.Fprintf(b, ". Text in all %.1f MB in %.1f s. Largest peak memory of files of 4 MB and more: %.1f times the file.\n\n", float64(all.text)/1e6, all.ms/1000, all.ratio)
}

func (p *page) refusals(b *strings.Builder) {
	type key struct{ wanted, why string }
	counts := map[key][]string{}
	var keys []key
	for _, m := range p.measured {
		if m.refused == "" {
			continue
		}
		why, _, _ := strings.Cut(m.refused, ":")
		k := key{map[bool]string{true: "yes", false: "**no**"}[m.refuse != ""], why}
		if counts[k] == nil {
			keys = append(keys, k)
		}
		counts[k] = append(counts[k], m.name)
	}
	if len(keys) == 0 {
		return
	}
	b.WriteString("## Refusals\n\n| why | as expected | n | of them |\n|---|---|---|---|\n")
	for _, k := range keys {
		names := counts[k]
		some := strings.Join(names[:min(4, len(names))], ", ")
		if len(names) > 4 {
			some += ", ..."
		}
		fmt.Fprintf(b, "| %s | %s | %d | %s |\n", k.why, k.wanted, len(names), some)
	}
	b.WriteByte('\n')
}

func (p *page) patterns(b *strings.Builder) {
	counts := map[verdictKind]int{}
	total := 0
	for _, m := range p.measured {
		for _, v := range m.verdict {
			counts[v.kind]++
			total++
		}
	}
	fmt.Fprintf(b, "## Patterns that were left alone\n\n%d in all.", total)
	if total == 0 {
		b.WriteString("\n\n")
		return
	}
	b.WriteString(" How each is known to be data:\n\n| how | n |\n|---|---|\n")
	for k := range verdictNames {
		if n := counts[verdictKind(k)]; n > 0 {
			fmt.Fprintf(b, "| %s | %d |\n", verdictKind(k), n)
		}
	}
	b.WriteString("\nInside an instruction: objdump, from the beginning of the function around it, sees another instruction there. " +
		"Does not decode: the instructions that would follow are invalid, privileged, or branch out of the code. " +
		"Never executed: with a breakpoint written over it, the program ran as ever.\n\n")
	b.WriteString("| program | address | looks like | why it is none |\n|---|---|---|---|\n")
	for _, m := range p.measured {
		// The same library in many programs: a few of each are enough.
		shown := map[verdictKind]int{}
		for _, v := range m.verdict {
			if shown[v.kind]++; shown[v.kind] <= 20 || v.open() {
				fmt.Fprintf(b, "| %s | %s | %s | %s: %s |\n", m.name, v.Addr, v.Kind, v.kind, strings.ReplaceAll(v.why, "|", "\\|"))
			}
		}
		for _, k := range slices.Sorted(keysOf(shown)) {
			if n := shown[k]; n > 20 && k != vOpen {
				fmt.Fprintf(b, "| %s | | | %s: %d more |\n", m.name, k, n-20)
			}
		}
	}
	b.WriteByte('\n')
}

func keysOf[K comparable, V any](m map[K]V) func(func(K) bool) {
	return func(yield func(K) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func (p *page) programs(b *strings.Builder) {
	b.WriteString("## Programs\n\n| program | libc | text KB | sites |")
	for _, t := range tactics {
		fmt.Fprintf(b, " %s |", t)
	}
	b.WriteString(" patterns | ms | peak MB | of the file |\n|---|---|---|---|" + strings.Repeat("---|", len(tactics)+4) + "\n")
	for _, m := range p.measured {
		if m.report == nil {
			continue
		}
		fmt.Fprintf(b, "| %s | %s | %d | %d |", m.name, m.report.Libc, m.report.TextBytes/1000, m.report.Sites)
		for _, t := range tactics {
			fmt.Fprintf(b, " %d |", m.count(t))
		}
		fmt.Fprintf(b, " %d | %.0f | %d | %.1f |\n", len(m.report.Unproven), m.report.Milliseconds, m.rss>>20, float64(m.rss)/float64(max(m.size, 1)))
	}
	b.WriteByte('\n')
}
