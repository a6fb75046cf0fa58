package rewrite

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"bee/image"
	"bee/rewrite/plan"
)

// Names as reports show them.
var (
	kindNames = map[image.Kind]string{
		image.KindInt80: "int80", image.KindSyscall: "syscall", image.KindSysenter: "sysenter",
		image.KindVsyscallCall: "vsyscall-call", image.KindTLSOperand: "tls-operand",
		image.KindSegRead: "segment-read", image.KindSegWrite: "segment-write",
	}
	tacticNames = map[image.Tactic]string{
		image.TacticSameLength: "same-length", image.TacticJump: "jump", image.TacticPad: "pad",
		image.TacticWindow: "window", image.TacticEviction: "eviction", image.TacticTrap: "trap",
	}
	proofNames = map[image.Proof]string{
		image.ProofNone: "none", image.ProofNoInterior: "no-interior", image.ProofResolved: "resolved", image.ProofFaulting: "faulting",
	}
)

func archName(a image.Arch) string {
	switch a {
	case image.I386:
		return "i386"
	case image.AMD64:
		return "amd64"
	}
	return "arch " + strconv.Itoa(int(a))
}

func libcName(l image.Libc) string {
	switch l {
	case image.LibcGlibc:
		return "glibc"
	case image.LibcMusl:
		return "musl"
	case image.LibcGo:
		return "Go"
	}
	return "unknown"
}

func hex(v uint64) string { return "0x" + strconv.FormatUint(v, 16) }

// Report tells what was patched, and how. But for Milliseconds it depends on
// the input alone.
type Report struct {
	File     string `json:"file,omitempty"`
	Form     string `json:"form"`
	Rewriter string `json:"rewriter"`
	Size     uint64 `json:"size"`
	SHA256   string `json:"sha256"`
	Arch     string `json:"arch"`
	Entry    string `json:"entry,omitempty"`
	Base     string `json:"base"`
	PIE      bool   `json:"position_independent,omitempty"`
	Libc     string `json:"libc"`
	LibcBy   string `json:"libc_by,omitempty"`

	Sites  int           `json:"sites"`
	Counts []SiteCount   `json:"counts"`
	Proofs []WindowCount `json:"window_proofs"`

	PatchBytes int    `json:"patch_bytes"`
	TrampAddr  string `json:"trampoline_address"`
	TrampBytes int    `json:"trampoline_bytes"`
	SlotFixups int    `json:"slot_fixups"`
	PCMap      int    `json:"pc_map_entries"`

	Unproven []PatternAt `json:"unproven"`
	WX       []string    `json:"writable_code,omitempty"`
	// NoSections says why the program's section headers were not used.
	NoSections string `json:"section_headers_ignored,omitempty"`

	TextBytes     uint64  `json:"text_bytes,omitempty"`
	ProvenBytes   uint64  `json:"proven_bytes,omitempty"`
	ProvenPercent float64 `json:"proven_percent,omitempty"`
	Instructions  uint64  `json:"instructions,omitempty"`
	JumpTables    uint64  `json:"jump_tables,omitempty"`
	Unresolved    uint64  `json:"unresolved_indirect_jumps,omitempty"`

	OutputBytes  int     `json:"output_bytes,omitempty"`
	Milliseconds float64 `json:"milliseconds,omitempty"`
}

// SiteCount says how many sites of a kind a tactic took.
type SiteCount struct {
	Kind   string `json:"kind"`
	Tactic string `json:"tactic"`
	Count  int    `json:"count"`

	kind   image.Kind
	tactic image.Tactic
}

// WindowCount says how many windows a kind of proof allowed.
type WindowCount struct {
	Proof string `json:"proof"`
	Count int    `json:"count"`
}

// PatternAt is a byte pattern that looks like a site and was left alone.
type PatternAt struct {
	Addr string `json:"addr"`
	Kind string `json:"kind"`
}

func newReport(name string, im *image.Image, entry uint64) *Report {
	r := &Report{
		File: name, Size: im.SourceSize, SHA256: fmt.Sprintf("%x", im.SourceDigest),
		Arch: archName(im.Arch), Base: hex(im.Base), PIE: im.PIE, Libc: libcName(im.Libc), LibcBy: im.LibcBy,
		Sites: len(im.Sites), TrampAddr: hex(im.Base + uint64(im.TrampAddr)), TrampBytes: len(im.Tramp),
		SlotFixups: len(im.SlotFixups), PCMap: len(im.PCMap),
		Counts: []SiteCount{}, Proofs: []WindowCount{}, Unproven: []PatternAt{},
	}
	if entry != 0 {
		r.Entry = hex(entry)
	}
	var counts [image.KindSegWrite + 1][image.TacticTrap + 1]int
	var proofs [image.ProofFaulting + 1]int
	for _, s := range im.Sites {
		counts[s.Kind][s.Tactic]++
		if s.Tactic == image.TacticWindow || s.Tactic == image.TacticEviction {
			proofs[s.Proof]++
		}
	}
	for k := range counts {
		for t, n := range counts[k] {
			if n > 0 {
				k, t := image.Kind(k), image.Tactic(t)
				r.Counts = append(r.Counts, SiteCount{kindNames[k], tacticNames[t], n, k, t})
			}
		}
	}
	for p, n := range proofs {
		if n > 0 {
			r.Proofs = append(r.Proofs, WindowCount{proofNames[image.Proof(p)], n})
		}
	}
	for _, p := range im.Patches {
		r.PatchBytes += len(p.Data)
	}
	for _, p := range im.Unproven {
		r.Unproven = append(r.Unproven, PatternAt{hex(im.Base + p.Addr), kindNames[p.Kind]})
	}
	for _, a := range im.WX {
		r.WX = append(r.WX, hex(im.Base+a))
	}
	return r
}

func (r *Report) addStats(s plan.Stats) {
	r.TextBytes, r.ProvenBytes, r.Instructions = s.TextBytes, s.ProvenBytes, s.Insts
	r.JumpTables, r.Unresolved = s.JumpTables, s.UnresolvedInd
	if s.TextBytes > 0 {
		r.ProvenPercent = float64(s.ProvenBytes*10000/s.TextBytes) / 100
	}
}

// JSON writes the report with all lists.
func (r *Report) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// Text writes the report for people; verbose adds the list of patterns that
// no evidence reaches.
func (r *Report) Text(w io.Writer, verbose bool) error {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header, t.Style().Format.Footer = text.FormatDefault, text.FormatDefault
	used := [image.TacticTrap + 1]bool{}
	for _, c := range r.Counts {
		used[c.tactic] = true
	}
	head := table.Row{"site"}
	var cols []image.Tactic
	configs := []table.ColumnConfig{}
	for tac := image.TacticSameLength; tac <= image.TacticTrap; tac++ {
		if used[tac] {
			cols = append(cols, tac)
			head = append(head, tacticNames[tac])
		}
	}
	head = append(head, "all")
	for i := 2; i <= len(head); i++ {
		configs = append(configs, table.ColumnConfig{Number: i, Align: text.AlignRight, AlignHeader: text.AlignRight, AlignFooter: text.AlignRight})
	}
	t.SetColumnConfigs(configs)
	t.AppendHeader(head)
	sum := make(map[image.Tactic]int)
	for k := image.KindInt80; k <= image.KindSegWrite; k++ {
		row, all := table.Row{kindNames[k]}, 0
		for _, tac := range cols {
			n := 0
			for _, c := range r.Counts {
				if c.kind == k && c.tactic == tac {
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
