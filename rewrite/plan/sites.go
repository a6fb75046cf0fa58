package plan

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"bee/image"
	"bee/rewrite/decode"
	"bee/stubs"
)

// ErrNoTactic is wrapped by the error that lists sites which no tactic takes.
var ErrNoTactic = errors.New("no tactic for a site")

// ErrFar is wrapped by the error that lists transfers which change CS.
var ErrFar = errors.New("far transfer")

// A SiteError is one site that cannot be patched.
type SiteError struct {
	Addr  uint64
	Func  string
	Bytes []byte
	Why   string
	Err   error // ErrNoTactic or ErrFar
}

func (e SiteError) String() string {
	return fmt.Sprintf("%#x in %s: % x: %s", e.Addr, e.Func, e.Bytes, e.Why)
}

// SitesError names every site that stands in the way.
type SitesError struct{ List []SiteError }

func (e *SitesError) Error() string {
	lines := make([]string, len(e.List))
	for i, s := range e.List {
		lines[i] = s.String()
	}
	return "sites that cannot be patched:\n\t" + strings.Join(lines, "\n\t")
}

// Unwrap gives the kinds of error in the list.
func (e *SitesError) Unwrap() []error {
	var out []error
	for _, s := range e.List {
		if !slices.Contains(out, s.Err) {
			out = append(out, s.Err)
		}
	}
	return out
}

// inst is a proven instruction at its place.
type inst struct {
	addr uint64
	decode.Inst
	raw []byte
}

func (i *inst) end() uint64 { return i.addr + uint64(i.Len) }

// site is an instruction that must not run as it is.
type site struct {
	inst
	kind image.Kind
	// same is the instruction in its own length, nil where that does not go.
	same *sameLength
	// how is the way of an operand in thread-local memory that has no such
	// form.
	how operand
	// nowhere says why the Windows form has no template for it.
	nowhere string

	tactic image.Tactic
	proof  image.Proof
	rng    *patchRange // what covers it
}

// sameLength is a site's new bytes.
type sameLength struct {
	data []byte
	// slot's displacement stands at off, where off is not 0.
	off  uint8
	slot stubs.Slot
	part uint8 // the byte of the slot
}

// mirrors lists the words of the thread control block that live in slots.
func mirrors(arch image.Arch, libc image.Libc) []image.Mirror {
	glibc := libc == image.LibcGlibc
	m := func(off int32, s stubs.Slot) image.Mirror { return image.Mirror{Off: off, Slot: uint8(s)} }
	switch {
	case arch == image.AMD64 && glibc:
		return []image.Mirror{
			m(0, stubs.SlotSelf), m(0x10, stubs.SlotGlibcSelf),
			m(0x28, stubs.SlotCanary), m(0x30, stubs.SlotPointerGuard),
		}
	case arch == image.AMD64:
		return []image.Mirror{m(0, stubs.SlotSelf), m(0x28, stubs.SlotCanary)}
	case glibc:
		return []image.Mirror{
			m(0, stubs.SlotSelf), m(8, stubs.SlotGlibcSelf),
			m(0x14, stubs.SlotCanary), m(0x18, stubs.SlotPointerGuard),
		}
	}
	return []image.Mirror{m(0, stubs.SlotSelf), m(0x14, stubs.SlotCanary)}
}

// findSites goes over all proven instructions.
func (p *planner) findSites() {
	p.view.each(0, func(a uint64, in *decode.Inst, raw []byte) bool {
		switch in.Class {
		case decode.FarJmp, decode.FarCall, decode.FarRet:
			p.refuse(a, raw, "changes CS", ErrFar)
			return true
		}
		kind, ok := siteKind(in, raw, p.wide)
		if !ok {
			return true
		}
		s := &site{inst: inst{a, *in, raw}, kind: kind}
		p.classify(s)
		p.sites = append(p.sites, s)
		return true
	})
	for i := 1; i < len(p.sites); i++ {
		if a, b := p.sites[i-1], p.sites[i]; a.end() > b.addr {
			p.refuse(b.addr, b.raw, fmt.Sprintf("overlaps the site at %#x", a.addr), ErrNoTactic)
		}
	}
}

// siteAt gives the site that begins at a, nil if there is none.
func (p *planner) siteAt(a uint64) *site {
	i, ok := slices.BinarySearchFunc(p.sites, a, func(s *site, a uint64) int { return cmpU64(s.addr, a) })
	if !ok {
		return nil
	}
	return p.sites[i]
}

// siteKind tells whether an instruction must not run as it is.
func siteKind(in *decode.Inst, raw []byte, wide bool) (image.Kind, bool) {
	switch in.Class {
	case decode.Int80:
		return image.KindInt80, true
	case decode.Syscall:
		return image.KindSyscall, true
	case decode.Sysenter:
		return image.KindSysenter, true
	}
	switch in.FSGSBase {
	case decode.RdFSBase, decode.RdGSBase:
		return image.KindSegRead, true
	case decode.WrFSBase, decode.WrGSBase:
		return image.KindSegWrite, true
	}
	if in.Sreg == decode.FS || in.Sreg == decode.GS {
		if in.SregWrite {
			return image.KindSegWrite, true
		}
		return image.KindSegRead, true
	}
	if !in.MemOperand || in.Seg != decode.FS && in.Seg != decode.GS || noAccess(in) {
		return 0, false
	}
	if !wide && in.Seg == decode.GS && in.Class == decode.CallInd && in.DispLen == 4 && !in.HasSIB &&
		in.ModRM == 0x15 && le32(raw[in.DispOff:]) == 0x10 {
		return image.KindVsyscallCall, true
	}
	return image.KindTLSOperand, true
}

// noAccess tells whether a memory operand is only computed, not accessed:
// lea, prefetch, long nops, and string instructions that have only the operand
// at %es:(%edi), which no prefix changes.
func noAccess(in *decode.Inst) bool {
	if in.Enc != decode.Legacy {
		return false
	}
	switch in.Map {
	case decode.MapOneByte:
		switch in.Opcode {
		case 0x8d, 0x6c, 0x6d, 0xaa, 0xab, 0xae, 0xaf:
			return true
		}
	case decode.Map0F:
		return in.Opcode == 0x0d || in.Opcode >= 0x18 && in.Opcode <= 0x1f
	}
	return false
}

// hlt stands for an instruction that faults wherever it is: privileged, it
// raises the same general protection fault.
const hlt = 0xf4

// classify finds the same-length form and refuses what has no template.
func (p *planner) classify(s *site) {
	in := &s.Inst
	switch s.kind {
	case image.KindSyscall:
		if !p.wide { // #UD on Intel, and never a Linux system call from libc
			s.same = &sameLength{data: bytes.Replace(s.raw, []byte{0x0f, 0x05}, []byte{0x0f, 0x0b}, 1)}
		}
	case image.KindTLSOperand:
		if !p.wide && in.Seg == decode.FS {
			// Linux has a null selector there: the access faults. So does
			// hlt, at the same address.
			d := bytes.Clone(s.raw)
			d[0] = hlt
			s.same = &sameLength{data: d}
			return
		}
		if p.wide && in.Seg == decode.GS {
			s.nowhere = "%gs: operand of a 64-bit program"
			return
		}
		if in.StringOp && in.Map == decode.MapOneByte && (in.Opcode == 0x6e || in.Opcode == 0x6f) {
			// outs is privileged: it faults, and so does hlt.
			d := bytes.Clone(s.raw)
			d[0] = hlt
			s.same = &sameLength{data: d}
			return
		}
		if s.same = p.redirect(in, s.raw); s.same == nil {
			s.how, s.nowhere = p.planOperand(s)
		}
	}
}

// absDisp gives the displacement of an operand that has neither base nor
// index.
func absDisp(in *decode.Inst, raw []byte) (int64, bool) {
	if in.Prefix&decode.AddrSize67 != 0 || in.StringOp {
		return 0, false
	}
	switch {
	case in.Moffs && in.DispLen == 8:
		return int64(le32(raw[in.DispOff:])) | int64(le32(raw[in.DispOff+4:]))<<32, true
	case in.Moffs:
	case !in.HasModRM || in.RIPRel || in.DispLen != 4 || in.ModRM>>6 != 0:
		return 0, false
	case in.HasSIB:
		if in.VSIB || in.SIB&7 != 5 {
			return 0, false
		}
		if _, ok := in.MemIndex(); ok {
			return 0, false
		}
	case in.ModRM&7 != 5:
		return 0, false
	}
	return int64(int32(le32(raw[in.DispOff:]))), true
}

// redirect gives the same-length form of an operand on a mirrored word or on a
// part of one.
func (p *planner) redirect(in *decode.Inst, raw []byte) *sameLength {
	disp, ok := absDisp(in, raw)
	width := accessWidth(in)
	if !ok || width == 0 || in.Class != decode.Seq && in.Class != decode.JmpInd {
		return nil
	}
	for _, m := range p.mirrors {
		part := disp - int64(m.Off)
		if part < 0 || part+width > p.word() {
			continue
		}
		slot := stubs.Slot(m.Slot)
		d := bytes.Clone(raw)
		at := slot.Disp32()
		d[in.SegOff] = 0x64
		if p.wide {
			at = slot.Disp64()
			d[in.SegOff] = 0x65
		}
		put32(d[in.DispOff:], at+uint32(part))
		if in.DispLen == 8 {
			put32(d[in.DispOff+4:], 0)
		}
		return &sameLength{d, in.DispOff, slot, uint8(part)}
	}
	return nil
}

// accessWidth is the width in bytes of a memory operand where it is certain,
// else 0.
func accessWidth(in *decode.Inst) int64 {
	if in.Enc != decode.Legacy {
		return 0
	}
	full := int64(in.OperandSize() / 8)
	op := in.Opcode
	switch in.Map {
	case decode.MapOneByte:
		switch {
		case op < 0x40 && op&7 < 4, op >= 0x84 && op <= 0x8b, op >= 0xa0 && op <= 0xa3,
			op == 0xc6 || op == 0xc7, op == 0xf6 || op == 0xf7, op == 0xfe, op == 0xd0 || op == 0xd1,
			op == 0xd2 || op == 0xd3, op == 0xc0 || op == 0xc1:
			if op&1 == 0 {
				return 1
			}
			return full
		case op == 0x80 || op == 0x82:
			return 1
		case op == 0x81 || op == 0x83, op == 0x69 || op == 0x6b, op == 0x8f:
			return full
		case op == 0x63 && in.OperandSize() == 64:
			return 4
		case op == 0xff && in.Class != decode.FarCall && in.Class != decode.FarJmp:
			return full
		}
	case decode.Map0F:
		switch {
		case op >= 0x40 && op <= 0x4f, op == 0xaf, op == 0xb1, op == 0xc1, op == 0xa4,
			op == 0xa5, op == 0xac, op == 0xad:
			return full
		case op >= 0x90 && op <= 0x9f, op == 0xb6 || op == 0xbe, op == 0xb0, op == 0xc0:
			return 1
		case op == 0xb7 || op == 0xbf:
			return 2
		case op == 0x7e && in.Prefix&decode.Rep != 0, op == 0xd6 && in.Prefix&decode.OpSize66 != 0,
			(op == 0x12 || op == 0x13 || op == 0x16 || op == 0x17) && in.Prefix&decode.Rep == 0:
			return 8
		case op == 0x6e || op == 0x7e:
			if in.REX&8 != 0 {
				return 8
			}
			return 4
		}
	}
	return 0
}

func (p *planner) refuse(a uint64, raw []byte, why string, err error) {
	fn, _ := p.view.function(a)
	name := fn.name
	if name == "" {
		name = fmt.Sprintf("the function at %#x", fn.start)
	}
	p.errs = append(p.errs, SiteError{Addr: a, Func: name, Bytes: bytes.Clone(raw), Why: why, Err: err})
}
