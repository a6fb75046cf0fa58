package rewrite

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"debug/elf"
	"errors"
	"fmt"
	"slices"
	"time"

	"bee/image"
	"bee/rewrite/plan"
)

// Version of the rewriter; it stands in every manifest.
const Version = "0.2.0"

// Form is what the rewriter writes.
type Form uint8

// The forms.
const (
	// FormBee is the program byte for byte, its patch set behind it.
	FormBee Form = iota
	// FormLinuxProof is an ELF file that is patched by the same plan, with the
	// original instructions in the trampolines: it runs on Linux and shows
	// that the plan is right.
	FormLinuxProof
)

var formNames = [...]string{"bee", "linux-proof"}

func (f Form) String() string {
	if int(f) < len(formNames) {
		return formNames[f]
	}
	return fmt.Sprintf("form %d", f)
}

// ParseForm reads a form's name.
func ParseForm(s string) (Form, error) {
	for i, n := range formNames {
		if s == n {
			return Form(i), nil
		}
	}
	return 0, fmt.Errorf("unknown form %q; there are bee and linux-proof", s)
}

// Options change what is written.
type Options struct {
	Form Form
	// AllowTrap leaves sites that no tactic takes as traps, which is for
	// diagnosis only: by default such a site is an error that names it.
	AllowTrap bool
	// Name is what errors and the report call the input. File fills it in.
	Name string
	// Wrap makes what File writes of the .bee file that it would write; nil:
	// nothing else.
	Wrap func(*Result) ([]byte, error)
}

// Result is what a rewrite gives.
type Result struct {
	Report   *Report
	Output   []byte          // the file
	Manifest *image.Manifest // addresses relative to the image's base, for both forms
}

// Bytes rewrites a static ELF program. It does not change elf.
func Bytes(elf []byte, opts Options) (*Result, error) {
	r, err := rewriteBytes(elf, false, opts)
	return r, named(opts.Name, err)
}

// rewriteBytes is Bytes. Where data is ours, the output is made in its place,
// as far as its capacity goes: a program is the most of what a rewrite holds
// in memory.
func rewriteBytes(data []byte, ours bool, opts Options) (*Result, error) {
	start := time.Now()
	if image.IsBee(bytes.NewReader(data), int64(len(data))) {
		return nil, fail(int64(len(data)-image.TrailerSize), ErrRewritten, "give the original program")
	}
	p, err := readELF(data)
	if err != nil {
		return nil, err
	}
	if p.end < uint64(len(data)) && image.Cut(data[p.end:]) {
		return nil, fail(int64(p.end), ErrRewritten, "and its tail is cut or damaged; give the original program")
	}
	w, err := p.plan(opts)
	if err != nil {
		return nil, err
	}
	res := &Result{Manifest: &image.Manifest{Rewriter: Version, Images: []image.Image{w.image}}}
	switch opts.Form {
	case FormBee:
		if !ours {
			data = slices.Clip(data)
		}
		res.Output, err = image.Append(data, res.Manifest)
	case FormLinuxProof:
		im := &res.Manifest.Images[0]
		im.SourceSize, im.SourceDigest = uint64(len(data)), sha256.Sum256(data)
		if err = res.Manifest.Check(); err == nil {
			if !ours {
				p.data = slices.Clone(data)
			}
			res.Output, err = p.proof(im)
		}
	default:
		err = fmt.Errorf("unknown %v", opts.Form)
	}
	if err != nil {
		return nil, err
	}
	res.Report = newReport(opts.Name, &res.Manifest.Images[0], p.entry)
	res.Report.Form = opts.Form.String()
	res.Report.Rewriter, res.Report.NoSections = Version, p.noSections
	res.Report.addStats(w.stats)
	res.Report.OutputBytes = len(res.Output)
	res.Report.Milliseconds = float64(time.Since(start).Microseconds()) / 1000
	return res, nil
}

// planned is a plan in the manifest's terms.
type planned struct {
	image image.Image
	stats plan.Stats
}

func (p *program) plan(opts Options) (*planned, error) {
	ev, lib := p.evidence()
	p.moved, p.syms = nil, nil // the evidence alone needs them from here on, and that until the code is found
	o := plan.Options{Arch: p.arch, ImageLo: p.lo, ImageEnd: p.hi, Relocatable: p.pie, AllowTrap: opts.AllowTrap}
	if opts.Form == FormLinuxProof {
		o.Form = plan.FormLinuxProof
		o.TrampAddr = p.proofAddr()
	}
	pl, err := plan.Make(p.regions(), ev, o)
	if se := (*plan.SitesError)(nil); errors.As(err, &se) {
		return nil, &SitesError{se}
	}
	if err != nil {
		return nil, err
	}
	im := image.Image{
		Arch: p.arch, PIE: p.pie, Libc: lib.kind, LibcBy: lib.by,
		Base: p.lo, Size: p.hi - p.lo,
		Mirrors:    pl.Mirrors,
		Sites:      pl.Sites,
		Patches:    pl.Patches,
		TrampAddr:  int64(pl.TrampAddr - p.lo),
		Tramp:      pl.Tramp,
		SlotFixups: pl.SlotFixups,
		PCMap:      pl.PCMap,
		Unproven:   pl.Unproven,
	}
	for i := range im.Sites {
		im.Sites[i].Addr -= p.lo
	}
	for i := range im.Patches {
		im.Patches[i].Addr -= p.lo
	}
	for i := range im.SlotFixups {
		im.SlotFixups[i].Addr -= p.lo
	}
	for i := range im.PCMap {
		im.PCMap[i].Tramp -= p.lo
		im.PCMap[i].Orig -= p.lo
	}
	for i := range im.Unproven {
		im.Unproven[i].Addr -= p.lo
	}
	for i := range p.segs {
		if s := &p.segs[i]; s.exec() && s.flags&elf.PF_W != 0 {
			im.WX = append(im.WX, s.vaddr-p.lo)
		}
	}
	if p.pie { // a program at a fixed address has no load bias
		for _, a := range pl.AbsFixups {
			im.AbsFixups = append(im.AbsFixups, a-p.lo)
		}
	}
	im.Sort()
	if err := p.checkRelocations(&im); err != nil {
		return nil, err
	}
	return &planned{im, pl.Stats}, nil
}

// Verify checks a .bee file: trailer, digests, manifest, and that a new plan
// of the program gives the same patch set.
func Verify(name string, data []byte) (*image.Manifest, error) {
	m, err := verify(data)
	return m, named(name, err)
}

func verify(data []byte) (*image.Manifest, error) {
	f, err := image.Read(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	if err := f.Verify(); err != nil {
		return nil, err
	}
	if v := f.Manifest.Rewriter; v != Version {
		return nil, fail(-1, ErrMismatch, "written by version %q, this is %q: rewrite the program again", v, Version)
	}
	im := f.Main()
	p, err := readELF(data[:im.SourceSize])
	if err != nil {
		return nil, err
	}
	w, err := p.plan(Options{AllowTrap: slices.ContainsFunc(im.Sites, func(s image.Site) bool { return s.Tactic == image.TacticTrap })})
	if err != nil {
		return nil, err
	}
	if err := compare(im, &w.image); err != nil {
		return nil, err
	}
	return f.Manifest, nil
}

// compare names the first difference between the patch set of a file and a
// new one.
func compare(got, want *image.Image) error {
	differ := func(what string, g, w any) error {
		return fail(-1, ErrMismatch, "%s: %v in the file, %v in the plan", what, g, w)
	}
	switch {
	case got.Arch != want.Arch:
		return differ("architecture", archName(got.Arch), archName(want.Arch))
	case got.Libc != want.Libc || got.LibcBy != want.LibcBy:
		return differ("libc", libcName(got.Libc), libcName(want.Libc))
	case got.PIE != want.PIE:
		return differ("position-independent", got.PIE, want.PIE)
	case got.Base != want.Base || got.Size != want.Size:
		return differ("image", hex(got.Base), hex(want.Base))
	case got.TrampAddr != want.TrampAddr:
		return differ("trampolines", hex(got.Base+uint64(got.TrampAddr)), hex(want.Base+uint64(want.TrampAddr)))
	case !bytes.Equal(got.Tramp, want.Tramp):
		return differ("trampoline bytes", len(got.Tramp), len(want.Tramp))
	}
	base := got.Base
	return cmp.Or(
		compareTable("sites", got.Sites, want.Sites, func(a, b image.Site) bool { return a == b }, func(s image.Site) uint64 { return base + s.Addr }),
		compareTable("patches", got.Patches, want.Patches, func(a, b image.Patch) bool { return a.Addr == b.Addr && bytes.Equal(a.Data, b.Data) },
			func(s image.Patch) uint64 { return base + s.Addr }),
		compareTable("slot fixups", got.SlotFixups, want.SlotFixups, func(a, b image.SlotFixup) bool { return a == b }, func(s image.SlotFixup) uint64 { return base + s.Addr }),
		compareTable("address fixups", got.AbsFixups, want.AbsFixups, func(a, b uint64) bool { return a == b }, func(a uint64) uint64 { return base + a }),
		compareTable("PC map", got.PCMap, want.PCMap, func(a, b image.PCEntry) bool { return a == b }, func(s image.PCEntry) uint64 { return base + s.Tramp }),
		compareTable("mirrors", got.Mirrors, want.Mirrors, func(a, b image.Mirror) bool { return a == b }, func(m image.Mirror) uint64 { return uint64(m.Off) }),
		compareTable("patterns", got.Unproven, want.Unproven, func(a, b image.Pattern) bool { return a == b }, func(s image.Pattern) uint64 { return base + s.Addr }),
		compareTable("writable code segments", got.WX, want.WX, func(a, b uint64) bool { return a == b }, func(a uint64) uint64 { return base + a }),
	)
}

func compareTable[T any](what string, got, want []T, same func(a, b T) bool, addr func(T) uint64) error {
	for i := range min(len(got), len(want)) {
		if !same(got[i], want[i]) {
			return fail(-1, ErrMismatch, "%s: entry %d at %#x in the file, at %#x in the plan", what, i, addr(got[i]), addr(want[i]))
		}
	}
	if len(got) != len(want) {
		return fail(-1, ErrMismatch, "%s: %d in the file, %d in the plan", what, len(got), len(want))
	}
	return nil
}
