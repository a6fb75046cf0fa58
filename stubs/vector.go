//go:build 386 || amd64

package stubs

// CPUID executes the instruction of that name.
func CPUID(leaf, sub uint32) (a, b, c, d uint32)

// xgetbv reads XCR0.
func xgetbv() (lo, hi uint32)

// VectorOffset is where the vector area starts behind a State: its own size, a
// multiple of the 64 bytes that xsave wants.
const VectorOffset = 0x100

// Ways to save vector state, by what the processor has.
const (
	VectorFXSave = iota
	VectorXSave
	VectorXSaveC
)

// VectorState tells how the processor's vector registers are to be saved: the
// way, the state components (XCR0) and the area's size in bytes.
type VectorState struct {
	Mode uint32
	Mask uint64
	Size uint32
}

// fxsaveSize is the size of the legacy area (Intel SDM vol. 1, 10.5.1).
const fxsaveSize = 512

// DetectVectorState asks the processor. The sizes come from CPUID leaf 0Dh
// (Intel SDM vol. 2A, CPUID), so components unknown today are kept too.
func DetectVectorState() VectorState {
	const osxsave = 1 << 27
	if _, _, c, _ := CPUID(1, 0); c&osxsave == 0 {
		return VectorState{Mode: VectorFXSave, Size: fxsaveSize}
	}
	lo, hi := xgetbv()
	v := VectorState{Mode: VectorXSave, Mask: uint64(hi)<<32 | uint64(lo)}
	_, v.Size, _, _ = CPUID(0xd, 0) // standard format, components enabled now
	const xsavec = 1 << 1
	if a, _, _, _ := CPUID(0xd, 1); a&xsavec != 0 {
		v.Mode = VectorXSaveC
	}
	return v
}

// InitVectorArea makes a zeroed area hold the state that Linux starts a
// program with: FCW 0x37f, MXCSR 0x1f80, all registers empty.
func (v VectorState) InitVectorArea(area []byte) {
	area[0], area[1] = 0x7f, 0x03   // FCW
	area[24], area[25] = 0x80, 0x1f // MXCSR
	if v.Mode == VectorXSaveC {
		// XCOMP_BV: compacted format with all components. XSTATE_BV stays 0,
		// which restores every component to its initial state.
		x := v.Mask | 1<<63
		for i := range 8 {
			area[520+i] = byte(x >> (8 * i))
		}
	}
}

// Component is where a state component lies in XSAVE's standard format, and
// how large it is, in bytes; Aligned components begin at multiples of 64 in
// the compacted format (Intel SDM vol. 1, 13.4.3).
type Component struct {
	Offset, Size uint32
	Aligned      bool
}

// Components tells the layout of the components from 2 on (AVX); those that
// the processor has not are zero.
func (v VectorState) Components() (c [64]Component) {
	if v.Mode == VectorFXSave {
		return c
	}
	for i := uint32(2); i < 63; i++ {
		if v.Mask>>i&1 != 0 {
			size, off, flags, _ := CPUID(0xd, i)
			c[i] = Component{off, size, flags&2 != 0}
		}
	}
	return c
}
