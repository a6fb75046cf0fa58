//go:build windows && (386 || amd64)

package vcpu

import (
	"encoding/binary"

	"bee/stubs"
)

// Layout of an XSAVE area (Intel SDM vol. 1, 13.4): the legacy area of FXSAVE,
// a header with the components that are not in their initial state and with
// the compacted format's mask, then the components.
const (
	legacySize   = 512
	legacyUnused = 464 // bytes that software may use begin here
	features     = 472
	xstateBV     = 512
	xcompBV      = 520
	headerSize   = 64
	compacted    = 1 << 63
	offFIP       = 8
	offMXCSR     = 24
	offMXCSRMask = 28
	offXMM       = 160

	// dynamic are the components that are left out while they are not used:
	// the tiles of AMX.
	dynamic = 1 << 18
)

// vectors makes a copy of the vector state in the standard format. In the
// bytes for software stand the components that the processor keeps.
func (v *VCPU) vectors() []byte {
	le := binary.LittleEndian
	out := make([]byte, len(v.area))
	copy(out, v.area[:legacySize])
	le.PutUint32(out[offMXCSRMask:], v.mxcsrMask())
	clear(out[legacyUnused:legacySize])
	if v.vector.Mode == stubs.VectorFXSave {
		return out
	}
	bv, comp := le.Uint64(v.area[xstateBV:]), le.Uint64(v.area[xcompBV:])
	// What is in its initial state was not written.
	if bv&1 == 0 {
		clear(out[:offMXCSR]) // but for MXCSR and its mask
		clear(out[32:offXMM])
		le.PutUint16(out, 0x37f)
	}
	if bv&2 == 0 {
		clear(out[offXMM:legacyUnused])
	}
	if bv&6 == 0 {
		le.PutUint32(out[offMXCSR:], 0x1f80)
	}
	le.PutUint64(out[features:], v.vector.Mask)
	le.PutUint64(out[xstateBV:], bv)
	at := uint32(legacySize + headerSize)
	for i := 2; i < 63; i++ {
		c := &v.layout[i]
		from := c.Offset
		if comp&compacted != 0 {
			if comp>>i&1 == 0 {
				continue
			}
			if c.Aligned {
				at = (at + 63) &^ 63
			}
			from = at
			at += c.Size
		}
		if bv>>i&1 != 0 && c.Size != 0 {
			copy(out[c.Offset:c.Offset+c.Size], v.area[from:from+c.Size])
		}
	}
	v.dynamic |= bv & dynamic
	if bv&dynamic == 0 {
		le.PutUint64(out[features:], v.vector.Mask&^dynamic)
		out = out[:v.end(v.vector.Mask&^dynamic)]
	}
	return out
}

// end is the length of an area with those components.
func (v *VCPU) end(set uint64) uint32 {
	n := uint32(legacySize + headerSize)
	for i := 2; i < 63; i++ {
		if c := &v.layout[i]; set>>i&1 != 0 && c.Size != 0 {
			n = max(n, c.Offset+c.Size)
		}
	}
	return n
}

// mxcsrMask is what FXSAVE tells of MXCSR. XSAVE leaves it out where vector
// registers are in their initial state; all processors that have XSAVE have
// these bits.
func (v *VCPU) mxcsrMask() uint32 {
	if m := binary.LittleEndian.Uint32(v.area[offMXCSRMask:]); m != 0 {
		v.mask = m
	}
	if v.mask == 0 {
		return 0xffff
	}
	return v.mask
}

// setVectors replaces the vector state; nil is the one that a program starts
// with. It must be one that the processor takes; components that it is too
// short for are in their initial state.
func (v *VCPU) setVectors(fp []byte) {
	if len(fp) < legacySize || len(fp) > len(v.area) || v.vector.Mode != stubs.VectorFXSave && len(fp) < legacySize+headerSize {
		clear(v.area)
		v.vector.InitVectorArea(v.area)
		return
	}
	clear(v.area[copy(v.area, fp):])
	clear(v.area[legacyUnused:legacySize])
	if v.vector.Mode == stubs.VectorFXSave {
		return
	}
	le := binary.LittleEndian
	bv := le.Uint64(fp[xstateBV:]) & v.vector.Mask
	for i := 2; i < 63; i++ {
		if c := &v.layout[i]; int(c.Offset+c.Size) > len(fp) {
			bv &^= 1 << i
		}
	}
	// Loading what the program has never used may need a permission that it
	// has not.
	bv &^= dynamic &^ v.dynamic
	clear(v.area[xstateBV : xstateBV+headerSize])
	le.PutUint64(v.area[xstateBV:], bv)
}
