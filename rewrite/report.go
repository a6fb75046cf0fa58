package rewrite

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"

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
				r.Counts = append(r.Counts, SiteCount{kindNames[image.Kind(k)], tacticNames[image.Tactic(t)], n})
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

// KindNames and TacticNames are what SiteCount calls them, in the order in
// which reports list them.
func KindNames() []string {
	var names []string
	for k := image.KindInt80; k <= image.KindSegWrite; k++ {
		names = append(names, kindNames[k])
	}
	return names
}

// TacticNames tells the tactics, the most wanted one first.
func TacticNames() []string {
	var names []string
	for t := image.TacticSameLength; t <= image.TacticTrap; t++ {
		names = append(names, tacticNames[t])
	}
	return names
}
