package plan

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"bee/image"
	"bee/stubs"
)

// planner is the state of one Make.
type planner struct {
	opt     Options
	wide    bool
	view    codeView
	regions []Region
	mirrors []image.Mirror
	errs    []SiteError

	sites  []*site // sorted by address
	ranges []*patchRange
	// faulting counts the windows that faulting bytes prove.
	faulting int
	owner    owners
	pads     pads

	out Plan
}

// Make plans how every site in regions is patched. The same input gives the
// same plan.
//
// The error is a *SitesError where sites stand in the way.
func Make(regions []Region, ev Evidence, opt Options) (*Plan, error) {
	libc := ev.Libc // what else the evidence holds is garbage from discovery on
	c, err := discover(regions, ev, opt)
	if err != nil {
		return nil, err
	}
	return makePlan(c, regions, libc, opt)
}

// makePlan is Make behind discovery.
func makePlan(view codeView, regions []Region, libc image.Libc, opt Options) (*Plan, error) {
	if opt.Arch != image.I386 && opt.Arch != image.AMD64 {
		return nil, fmt.Errorf("plan: architecture %d is not known", opt.Arch)
	}
	p := &planner{
		opt:     opt,
		wide:    opt.Arch == image.AMD64,
		view:    view,
		regions: slices.Clone(regions),
		mirrors: mirrors(opt.Arch, libc),
	}
	slices.SortFunc(p.regions, func(a, b Region) int { return cmpU64(a.Addr, b.Addr) })
	p.owner = newOwners(p.regions)
	p.pads = pads{}
	p.out.TrampAddr = opt.TrampAddr
	if opt.TrampAddr == 0 {
		p.out.TrampAddr = (opt.ImageEnd + stubs.ThunkPageSize - 1) &^ (stubs.ThunkPageSize - 1)
	}
	if p.out.TrampAddr%stubs.ThunkPageSize != 0 {
		return nil, fmt.Errorf("plan: trampolines at %#x are not page aligned", p.out.TrampAddr)
	}

	p.findSites()
	p.choose()
	if len(p.errs) > 0 {
		slices.SortFunc(p.errs, func(a, b SiteError) int { return cmpU64(a.Addr, b.Addr) })
		return nil, &SitesError{p.errs}
	}
	if err := p.emit(); err != nil {
		return nil, err
	}
	for _, s := range p.sites {
		p.out.Sites = append(p.out.Sites, image.Site{
			Addr: s.addr, Len: s.Len, Kind: s.kind, Tactic: s.tactic, Proof: s.proof,
		})
	}
	p.out.Mirrors = p.mirrors
	p.out.Unproven = view.unproven()
	p.out.Stats = view.stats()
	if err := p.verify(); err != nil {
		return nil, err
	}
	out := p.out
	return &out, nil
}

// emit lays out the trampolines and writes the patches.
func (p *planner) emit() error {
	thunks := p.out.TrampAddr
	a := stubs.NewAsm(p.wide, thunks+stubs.ThunkPageSize, thunks)
	slices.SortFunc(p.ranges, func(x, y *patchRange) int { return cmpU64(x.start, y.start) })
	p.emitRanges(a)
	if err := a.Err(); err != nil {
		return fmt.Errorf("plan: trampolines at %#x: %w", a.Base, err)
	}
	for _, r := range p.ranges {
		if err := p.patch(a, r); err != nil {
			return err
		}
	}
	if p.wide {
		if lo, hi := p.span(); int64(hi-lo) > 1<<31-1 {
			return errors.New("plan: the trampolines are out of reach of the program")
		}
	}
	p.out.Tramp = a.Code
	for _, s := range a.Slots {
		p.out.SlotFixups = append(p.out.SlotFixups, image.SlotFixup{Addr: a.Base + uint64(s.Off), Slot: uint8(s.Slot), Part: s.Part})
	}
	for _, off := range a.Abs {
		p.out.AbsFixups = append(p.out.AbsFixups, a.Base+uint64(off))
	}
	p.out.PCMap = slices.Grow(p.out.PCMap, len(a.Marks))
	for _, m := range a.Marks {
		spill := uint8(image.NoReg)
		if m.Spill != stubs.NoSpill {
			spill = uint8(m.Spill)
		}
		second := uint8(0)
		if m.Second != stubs.NoSpill {
			second = 1 + uint8(m.Second)
		}
		p.out.PCMap = append(p.out.PCMap, image.PCEntry{
			Tramp: a.Base + uint64(m.Off), Orig: m.Orig, Spill: spill, Second: second, Undo: m.Undo, Start: m.Start,
		})
	}
	slices.SortFunc(p.out.Patches, func(x, y image.Patch) int { return cmpU64(x.Addr, y.Addr) })
	slices.SortFunc(p.out.SlotFixups, func(x, y image.SlotFixup) int { return cmpU64(x.Addr, y.Addr) })
	slices.Sort(p.out.AbsFixups)
	slices.SortFunc(p.out.PCMap, func(x, y image.PCEntry) int { return cmpU64(x.Tramp, y.Tramp) })
	return nil
}

// span gives the lowest and highest address of program and trampolines.
func (p *planner) span() (lo, hi uint64) {
	lo, hi = p.out.TrampAddr, p.out.TrampAddr+stubs.ThunkPageSize+uint64(len(p.out.Tramp))
	for _, r := range p.regions {
		lo, hi = min(lo, r.Addr), max(hi, r.Addr+uint64(len(r.Data)))
	}
	return lo, hi
}

func (p *planner) patch(a *stubs.Asm, r *patchRange) error {
	jump := func(op byte, from, to uint64) []byte {
		return binary.LittleEndian.AppendUint32([]byte{op}, uint32(to-(from+5)))
	}
	var d []byte
	switch r.kind {
	case rangeSame:
		s := r.insts[0].site
		if p.opt.Form == FormLinuxProof {
			return nil
		}
		d = s.same.data
		if s.same.off != 0 {
			p.out.SlotFixups = append(p.out.SlotFixups, image.SlotFixup{
				Addr: r.start + uint64(s.same.off), Slot: uint8(s.same.slot), Part: s.same.part,
			})
		}
	case rangeTrap:
		d = slices.Clone(r.insts[0].raw)
		d[0] = 0xcc
	case rangeCall:
		d = [][]byte{nil, {0x90}, {0x66, 0x90}, {0x0f, 0x1f, 0x00}}[r.size()-5]
		to := a.Thunks + uint64(stubs.ThunkCall.Off())
		if p.opt.Form == FormLinuxProof {
			to = r.tramp
		}
		if len(d) > 0 { // between the nop and the call nothing has happened yet
			p.out.PCMap = append(p.out.PCMap, image.PCEntry{Tramp: r.end - 5, Orig: r.start, Spill: image.NoReg})
		}
		d = append(d[:len(d):len(d)], jump(0xe8, r.end-5, to)...)
	case rangeTramp:
		if r.pad == nil {
			d = fill(jump(0xe9, r.start, r.tramp), r)
			break
		}
		rel := int64(r.pad.addr - (r.start + 2))
		if rel != int64(int8(rel)) {
			return fmt.Errorf("plan: pad at %#x is out of reach of %#x", r.pad.addr, r.start)
		}
		d = fill([]byte{0xeb, byte(rel)}, r)
	}
	// Pads inside this range, and pads in padding.
	for q := range p.pads.inside(r) {
		if q.user != nil {
			copy(d[q.addr-r.start:], jump(0xe9, q.addr, q.user.tramp))
		}
	}
	p.out.Patches = append(p.out.Patches, image.Patch{Addr: r.start, Data: d})
	if q := r.pad; q != nil {
		if q.in == nil {
			p.out.Patches = append(p.out.Patches, image.Patch{Addr: q.addr, Data: jump(0xe9, q.addr, r.tramp)})
		}
		p.out.PCMap = append(p.out.PCMap, image.PCEntry{Tramp: q.addr, Orig: r.start, Spill: image.NoReg})
	}
	return nil
}

// fill adds breakpoints up to the range's length.
func fill(d []byte, r *patchRange) []byte {
	for uint64(len(d)) < r.size() {
		d = append(d, 0xcc)
	}
	return d
}

func cmpU64(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func le32(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }

func put32(b []byte, v uint32) { binary.LittleEndian.PutUint32(b, v) }
