package image

import (
	"bytes"
	"encoding/binary"
	"math"

	"bee/stubs"
)

// payloadMagic begins the payload. Readers need it only to tell a .bee whose
// tail was cut from a file that never was one.
const payloadMagic = "BEE\x00payload\x00\x01\xbe\xe0\xbe"

// Encode gives the payload of m: unsigned varints in their shortest form,
// every table led by its length, addresses as differences from the entry in
// front. The same manifest gives the same bytes. m must pass Check.
func Encode(m *Manifest) []byte {
	n := 1024
	for i := range m.Images {
		im := &m.Images[i]
		n += len(im.Tramp) + 4*len(im.PCMap) + 4*len(im.Sites) + 8*len(im.Patches) + 3*len(im.SlotFixups)
	}
	e := encoder{make([]byte, 0, n)}
	e.b = append(e.b, payloadMagic...)
	e.str(m.Rewriter)
	e.num(uint64(len(m.Images)))
	for i := range m.Images {
		e.image(&m.Images[i])
	}
	return e.b
}

type encoder struct{ b []byte }

func (e *encoder) num(v uint64)   { e.b = binary.AppendUvarint(e.b, v) }
func (e *encoder) signed(v int64) { e.b = binary.AppendVarint(e.b, v) }
func (e *encoder) byte(v byte)    { e.b = append(e.b, v) }

func (e *encoder) str(s string) {
	e.num(uint64(len(s)))
	e.b = append(e.b, s...)
}

// delta writes an address of an ascending table.
func (e *encoder) delta(prev *uint64, v uint64) {
	e.num(v - *prev)
	*prev = v
}

func (e *encoder) image(im *Image) {
	e.num(im.SourceSize)
	e.b = append(e.b, im.SourceDigest[:]...)
	arch := byte(im.Arch)
	if im.PIE {
		arch |= pieBit
	}
	e.byte(arch)
	e.byte(byte(im.Libc))
	e.str(im.LibcBy)
	e.num(im.Base - im.bias)
	e.num(im.Size)

	e.num(uint64(len(im.Mirrors)))
	for _, m := range im.Mirrors {
		e.signed(int64(m.Off))
		e.byte(m.Slot)
	}
	var prev uint64
	e.num(uint64(len(im.Sites)))
	for _, s := range im.Sites {
		e.delta(&prev, s.Addr)
		e.byte(s.Len | byte(s.Proof)<<4)
		e.byte(byte(s.Kind) | byte(s.Tactic)<<4)
	}
	prev = 0
	e.num(uint64(len(im.Patches)))
	for _, p := range im.Patches {
		e.delta(&prev, p.Addr)
		e.num(uint64(len(p.Data)))
		e.b = append(e.b, p.Data...)
	}
	e.signed(im.TrampAddr)
	e.num(uint64(len(im.Tramp)))
	e.b = append(e.b, im.Tramp...)

	prev = 0
	e.num(uint64(len(im.SlotFixups)))
	for _, f := range im.SlotFixups {
		e.delta(&prev, f.Addr)
		e.byte(f.Slot | f.Part<<partShift)
	}
	prev = 0
	e.num(uint64(len(im.AbsFixups)))
	for _, a := range im.AbsFixups {
		e.delta(&prev, a)
	}
	prev = 0
	var orig uint64
	e.num(uint64(len(im.PCMap)))
	for _, p := range im.PCMap {
		e.delta(&prev, p.Tramp)
		e.signed(int64(p.Orig - orig))
		orig = p.Orig
		b := p.Spill & spillMask
		if p.Start {
			b |= startBit
		}
		if p.Second == 0 && p.Undo == 0 {
			e.byte(b)
			continue
		}
		e.byte(b | moreBit)
		e.byte(p.Second | byte(p.Undo)<<undoShift)
	}
	prev = 0
	e.num(uint64(len(im.Unproven)))
	for _, p := range im.Unproven {
		e.delta(&prev, p.Addr)
		e.byte(byte(p.Kind))
	}
	prev = 0
	e.num(uint64(len(im.WX)))
	for _, a := range im.WX {
		e.delta(&prev, a)
	}
}

// pieBit in the byte of the architecture: Image.PIE.
const pieBit = 0x80

// A PCEntry's last byte, or the last but one where moreBit is set; then Second
// and Undo follow.
const (
	spillMask = 0x1f // all ones: none
	moreBit   = 0x40
	startBit  = 0x80

	secondMask = 0x1f
	undoShift  = 5
)

// partShift is where SlotFixup.Part stands in the byte of the slot.
const partShift = 4

// Decode reads a payload. It allocates no more than a small multiple of what
// the payload's length justifies, and returns only manifests that Check
// accepts.
func Decode(payload []byte) (*Manifest, error) {
	d := decoder{b: payload}
	if !bytes.HasPrefix(payload, []byte(payloadMagic)) {
		return nil, bad(0, ErrValue, "the payload does not begin with its magic")
	}
	d.off = len(payloadMagic)
	m := &Manifest{Rewriter: d.str("rewriter version")}
	// An image takes at least its digest.
	n := d.count("images", 32)
	for i := 0; i < n && d.err == nil; i++ {
		m.Images = append(m.Images, Image{})
		d.image(&m.Images[i])
	}
	if d.err == nil && d.off != len(payload) {
		d.fail(ErrExcess, "%d bytes behind the manifest", len(payload)-d.off)
	}
	if d.err != nil {
		return nil, d.err
	}
	if err := m.Check(); err != nil {
		return nil, err
	}
	return m, nil
}

// decoder reads fields; after the first error all reads give zero.
type decoder struct {
	b   []byte
	off int
	err error
}

func (d *decoder) fail(err error, format string, args ...any) {
	if d.err == nil {
		d.err = bad(int64(d.off), err, format, args...)
	}
	d.off = len(d.b)
}

func (d *decoder) num(what string) uint64 {
	if d.err != nil {
		return 0
	}
	v, n := binary.Uvarint(d.b[d.off:])
	switch {
	case n == 0:
		d.fail(ErrTruncated, "%s", what)
		return 0
	case n < 0:
		d.fail(ErrValue, "%s does not fit in 64 bits", what)
		return 0
	case n > 1 && d.b[d.off+n-1] == 0:
		d.fail(ErrValue, "%s is not in its shortest form", what)
		return 0
	}
	d.off += n
	return v
}

func (d *decoder) signed(what string) int64 {
	u := d.num(what)
	return int64(u>>1) ^ -int64(u&1)
}

func (d *decoder) byte(what string) byte {
	if d.err != nil {
		return 0
	}
	if d.off >= len(d.b) {
		d.fail(ErrTruncated, "%s", what)
		return 0
	}
	d.off++
	return d.b[d.off-1]
}

// count reads the length of a table whose entries take at least unit bytes
// each.
func (d *decoder) count(what string, unit int) int {
	n := d.num(what)
	if left := (len(d.b) - d.off) / unit; n > uint64(left) {
		d.fail(ErrTruncated, "%s: %d entries announced, room for %d at most", what, n, left)
		return 0
	}
	return int(n)
}

// raw gives the next n bytes, without copying them.
func (d *decoder) raw(what string, n int) []byte {
	if d.err != nil {
		return nil
	}
	if n > len(d.b)-d.off {
		d.fail(ErrTruncated, "%s: %d bytes announced, %d left", what, n, len(d.b)-d.off)
		return nil
	}
	d.off += n
	return d.b[d.off-n : d.off : d.off]
}

func (d *decoder) str(what string) string { return string(d.raw(what, d.count(what, 1))) }

func (d *decoder) delta(prev *uint64, what string) uint64 {
	v := d.num(what)
	if v > math.MaxUint64-*prev {
		d.fail(ErrOrder, "%s: %#x and %#x more pass 2^64", what, *prev, v)
		return 0
	}
	*prev += v
	return *prev
}

// table makes room for n entries, nil for none, as Encode's callers have it.
func table[T any](n int) []T {
	if n == 0 {
		return nil
	}
	return make([]T, n)
}

func (d *decoder) image(im *Image) {
	im.SourceSize = d.num("source size")
	copy(im.SourceDigest[:], d.raw("source digest", 32))
	arch := d.byte("architecture")
	im.Arch, im.PIE = Arch(arch&^pieBit), arch&pieBit != 0
	im.Libc = Libc(d.byte("libc"))
	im.LibcBy = d.str("libc evidence")
	im.Base = d.num("base")
	im.Size = d.num("size")

	im.Mirrors = table[Mirror](d.count("mirrors", 2))
	for i := range im.Mirrors {
		off := d.signed("mirror offset")
		if off != int64(int32(off)) {
			d.fail(ErrValue, "mirror offset %#x does not fit in 32 bits", off)
		}
		im.Mirrors[i] = Mirror{int32(off), d.byte("mirror slot")}
	}
	var prev uint64
	im.Sites = table[Site](d.count("sites", 3))
	for i := range im.Sites {
		a, lp, kt := d.delta(&prev, "site address"), d.byte("site length"), d.byte("site kind")
		im.Sites[i] = Site{Addr: a, Len: lp & 15, Proof: Proof(lp >> 4), Kind: Kind(kt & 15), Tactic: Tactic(kt >> 4)}
	}
	prev = 0
	im.Patches = table[Patch](d.count("patches", 3))
	for i := range im.Patches {
		a := d.delta(&prev, "patch address")
		im.Patches[i] = Patch{a, d.raw("patch", d.count("patch length", 1))}
	}
	im.TrampAddr = d.signed("trampoline address")
	im.Tramp = d.raw("trampolines", d.count("trampoline length", 1))
	if len(im.Tramp) == 0 {
		im.Tramp = nil
	}
	prev = 0
	im.SlotFixups = table[SlotFixup](d.count("slot fixups", 2))
	for i := range im.SlotFixups {
		a, b := d.delta(&prev, "slot fixup"), d.byte("slot")
		im.SlotFixups[i] = SlotFixup{Addr: a, Slot: b & (1<<partShift - 1), Part: b >> partShift}
	}
	prev = 0
	im.AbsFixups = table[uint64](d.count("address fixups", 1))
	for i := range im.AbsFixups {
		im.AbsFixups[i] = d.delta(&prev, "address fixup")
	}
	prev = 0
	var orig uint64
	im.PCMap = table[PCEntry](d.count("PC map", 3))
	for i := range im.PCMap {
		t := d.delta(&prev, "PC map address")
		orig += uint64(d.signed("PC map original"))
		b := d.byte("PC map register")
		if b&^(spillMask|moreBit|startBit) != 0 {
			d.fail(ErrValue, "PC map register %#x", b)
		}
		spill := b & spillMask
		if spill == spillMask {
			spill = NoReg
		}
		im.PCMap[i] = PCEntry{Tramp: t, Orig: orig, Spill: spill, Start: b&startBit != 0}
		if b&moreBit != 0 {
			more := d.byte("PC map, second register")
			if more == 0 {
				d.fail(ErrValue, "PC map: a second register that is none")
			}
			im.PCMap[i].Second, im.PCMap[i].Undo = more&secondMask, stubs.Undo(more>>undoShift)
		}
	}
	prev = 0
	im.Unproven = table[Pattern](d.count("patterns", 2))
	for i := range im.Unproven {
		im.Unproven[i] = Pattern{d.delta(&prev, "pattern address"), Kind(d.byte("pattern kind"))}
	}
	prev = 0
	im.WX = table[uint64](d.count("writable code segments", 1))
	for i := range im.WX {
		im.WX[i] = d.delta(&prev, "writable code segment")
	}
}
