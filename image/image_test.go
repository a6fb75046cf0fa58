package image

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"bee/stubs"
)

// sample gives a small manifest that uses every field.
func sample() *Manifest {
	return &Manifest{Rewriter: "test", Images: []Image{{
		Arch: I386, PIE: true, Libc: LibcGlibc, LibcBy: "symbol x",
		Base: 0x8048000, Size: 0x5000,
		Mirrors: []Mirror{{-4, 1}, {0, 1}, {0x14, 2}},
		Sites: []Site{
			{Addr: 0x1000, Len: 2, Kind: KindInt80, Tactic: TacticWindow, Proof: ProofResolved},
			{Addr: 0x1010, Len: 6, Kind: KindTLSOperand, Tactic: TacticSameLength},
		},
		Patches:    []Patch{{0x1000, []byte{0xe9, 1, 2, 3, 4}}, {0x1010, []byte{0x64, 0xa1, 1, 2, 3, 4}}},
		TrampAddr:  0x5000,
		Tramp:      bytes.Repeat([]byte{0x90}, 64),
		SlotFixups: []SlotFixup{{Addr: 0x1012, Slot: 2, Part: 3}, {Addr: 0x6004, Slot: 5}},
		AbsFixups:  []uint64{0x1001, 0x6010},
		PCMap: []PCEntry{
			{Tramp: 0x1010, Orig: 0x1000, Spill: NoReg}, // as if a pad
			{Tramp: 0x6000, Orig: 0x1000, Spill: NoReg, Start: true},
			{Tramp: 0x6004, Orig: 0x1000, Spill: 3},
			{Tramp: 0x6008, Orig: 0x1002, Spill: NoReg, Start: true},
			{Tramp: 0x600c, Orig: 0x1005, Spill: NoReg},
			{Tramp: 0x6020, Orig: 0x1007, Spill: 3, Second: 1 + 2, Undo: stubs.UndoBias | stubs.UndoReload},
			{Tramp: 0x6028, Orig: 0x1007, Spill: NoReg, Undo: stubs.UndoPush, Start: true},
		},
		Unproven: []Pattern{{0x2000, KindSysenter}},
		WX:       []uint64{0x1000},
	}}}
}

var program = []byte("\x7fELF, as far as this package cares")

func file(t testing.TB) []byte {
	t.Helper()
	b, err := Append(program, sample())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func read(b []byte) (*File, error) { return Read(bytes.NewReader(b), int64(len(b))) }

func TestRoundTrip(t *testing.T) {
	b := file(t)
	f, err := read(b)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Verify(); err != nil {
		t.Fatal(err)
	}
	want := sample()
	want.Images[0].SourceSize = uint64(len(program))
	want.Images[0].SourceDigest = sha256.Sum256(program)
	want.Images[0].index()
	if !reflect.DeepEqual(f.Manifest, want) {
		t.Errorf("got %+v\nwant %+v", f.Manifest, want)
	}
	if elf, err := io.ReadAll(f.ELF()); err != nil || !bytes.Equal(elf, program) {
		t.Errorf("program %q, %v", elf, err)
	}
	if !IsBee(bytes.NewReader(b), int64(len(b))) || IsBee(bytes.NewReader(program), int64(len(program))) {
		t.Error("IsBee")
	}
	path := filepath.Join(t.TempDir(), "x.bee")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	g, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if g.Size() != int64(len(b)) || g.Main().Arch != I386 {
		t.Error("Open gives another file")
	}
}

func TestMoveTo(t *testing.T) {
	m := sample()
	im := &m.Images[0]
	if err := im.MoveTo(0x56555000); err != nil || im.Base != 0x56555000 || im.Bias() != 0x56555000-0x8048000 {
		t.Errorf("%v, base %#x, bias %#x", err, im.Base, im.Bias())
	}
	b, err := Append(program, m)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b, file(t)) {
		t.Error("a moved image is written otherwise")
	}
	for _, base := range []uint64{0, 0x8048001, 0xffff9000, 1 << 32} {
		if err := im.MoveTo(base); err == nil || im.Base != 0x56555000 {
			t.Errorf("MoveTo(%#x): %v, base %#x", base, err, im.Base)
		}
	}
	if err := im.MoveTo(0x8048000); err != nil || im.Bias() != 0 {
		t.Errorf("back: %v, bias %#x", err, im.Bias())
	}
	im.PIE = false
	if err := im.MoveTo(0x8048000); err != nil {
		t.Errorf("to where it is: %v", err)
	}
	if err := im.MoveTo(0x9048000); !errors.Is(err, ErrRange) {
		t.Errorf("a fixed program moved: %v", err)
	}
}

// Negative offsets from the image: the trampolines lie in front of it.
func TestTrampolinesInFront(t *testing.T) {
	m := &Manifest{Images: []Image{{
		Arch: AMD64, Base: 0x400000, Size: 0x2000, TrampAddr: -0x10000, Tramp: make([]byte, 32),
		PCMap:      []PCEntry{{Tramp: ^uint64(0xf000) + 1, Orig: 0x10, Spill: 15, Start: true}},
		SlotFixups: []SlotFixup{{Addr: 0x20, Slot: 1}, {Addr: ^uint64(0xf000) + 5, Slot: 1}},
		Patches:    []Patch{{0x20, make([]byte, 8)}},
	}}}
	b, err := Append(program, m)
	if err != nil {
		t.Fatal(err)
	}
	f, err := read(b)
	if err != nil {
		t.Fatal(err)
	}
	if o, s, ok := f.Main().MapToOrig(^uint64(0xf000) + 3); o != 0x10 || s != 15 || !ok {
		t.Errorf("MapToOrig: %#x %d %v", o, s, ok)
	}
}

func TestPCMap(t *testing.T) {
	f, err := read(file(t))
	if err != nil {
		t.Fatal(err)
	}
	byHand := &sample().Images[0]
	for _, im := range []*Image{f.Main(), byHand} {
		for _, c := range []struct {
			tramp, orig uint64
			spill       uint8
			ok          bool
		}{
			{0x6000, 0x1000, NoReg, true},
			{0x6004, 0x1000, 3, true},
			{0x6006, 0x1000, 3, true},
			{0x6008, 0x1002, NoReg, true},
			{0x601f, 0x1005, NoReg, true},
			{0x6020, 0x1007, 3, true},
			{0x603f, 0x1007, NoReg, true},
			{0x6040, 0, NoReg, false},
			{0x5fff, 0, NoReg, false}, // the thunk page
			{0x1000, 0, NoReg, false},
			{0x1010, 0x1000, NoReg, true},
			{0x1011, 0, NoReg, false},
			{^uint64(0), 0, NoReg, false},
		} {
			if o, s, ok := im.MapToOrig(c.tramp); o != c.orig || s != c.spill || ok != c.ok {
				t.Errorf("MapToOrig(%#x) = %#x, %d, %v", c.tramp, o, s, ok)
			}
		}
		for _, c := range []struct {
			orig, tramp uint64
			ok          bool
		}{{0x1000, 0x6000, true}, {0x1002, 0x6008, true}, {0x1005, 0, false}, {0, 0, false}, {0x6000, 0, false}} {
			if a, ok := im.MapToTramp(c.orig); a != c.tramp || ok != c.ok {
				t.Errorf("MapToTramp(%#x) = %#x, %v", c.orig, a, ok)
			}
		}
	}
}

// TestRestore holds that every way of borrowing a register is undone.
func TestRestore(t *testing.T) {
	slots := map[stubs.Slot]uint64{stubs.SlotBase: 0x7000, stubs.SlotSpill: 0x11, stubs.SlotResume: 0x22}
	get := func(s stubs.Slot) uint64 { return slots[s] }
	before := func() (r [16]uint64) {
		for i := range r {
			r[i] = 0x1000 * uint64(i)
		}
		return r
	}
	for _, c := range []struct {
		arch   Arch
		e      PCEntry
		want   map[int]uint64
		reload bool
	}{
		{AMD64, PCEntry{Spill: NoReg}, nil, false},
		{AMD64, PCEntry{Spill: 0}, map[int]uint64{0: 0x11}, false},
		{AMD64, PCEntry{Spill: 9, Second: 1}, map[int]uint64{9: 0x11, 0: 0x22}, false},
		{AMD64, PCEntry{Spill: 2, Undo: stubs.UndoBias}, map[int]uint64{2: 0x11, 6: ^uint64(0xfff)}, false},
		{I386, PCEntry{Spill: 2, Undo: stubs.UndoBias}, map[int]uint64{2: 0x11, 6: 0xfffff000}, false},
		{AMD64, PCEntry{Spill: NoReg, Undo: stubs.UndoPush}, map[int]uint64{4: 0x4008}, false},
		{I386, PCEntry{Spill: NoReg, Undo: stubs.UndoPush}, map[int]uint64{4: 0x4004}, false},
		{I386, PCEntry{Spill: 1, Second: 3, Undo: stubs.UndoReload}, map[int]uint64{1: 0x11, 2: 0x22}, true},
	} {
		r, want := before(), before()
		for i, v := range c.want {
			want[i] = v
		}
		im := &Image{Arch: c.arch}
		if reload := im.Restore(&c.e, &r, get); r != want || reload != c.reload {
			t.Errorf("%+v: %x, %v; want %x", c.e, r, reload, want)
		}
	}
}

func TestCheck(t *testing.T) {
	for name, c := range map[string]struct {
		damage func(*Image)
		err    error
		text   string
	}{
		"architecture":     {func(im *Image) { im.Arch = 9 }, ErrValue, "architecture 9"},
		"libc":             {func(im *Image) { im.Libc = 9 }, ErrValue, "libc 9"},
		"base":             {func(im *Image) { im.Base++ }, ErrValue, "not whole pages"},
		"no size":          {func(im *Image) { im.Size = 0 }, ErrValue, "not whole pages"},
		"end":              {func(im *Image) { im.Size = 0xfffff000 }, ErrRange, "ends behind"},
		"mirror slot":      {func(im *Image) { im.Mirrors[0].Slot = 200 }, ErrValue, "slot 200"},
		"mirror order":     {func(im *Image) { im.Mirrors[0].Off = 0x18 }, ErrOrder, "mirror 1"},
		"site length":      {func(im *Image) { im.Sites[0].Len = 0 }, ErrValue, "length 0"},
		"site kind":        {func(im *Image) { im.Sites[0].Kind = 14 }, ErrValue, "kind 14"},
		"site tactic":      {func(im *Image) { im.Sites[0].Tactic = 0 }, ErrValue, "tactic 0"},
		"site proof":       {func(im *Image) { im.Sites[0].Proof = 9 }, ErrValue, "proof 9"},
		"site outside":     {func(im *Image) { im.Sites[1].Addr = 0x4ffd }, ErrRange, "site 1"},
		"sites unsorted":   {func(im *Image) { im.Sites[0], im.Sites[1] = im.Sites[1], im.Sites[0] }, ErrOrder, "site 1"},
		"sites overlap":    {func(im *Image) { im.Sites[1].Addr = 0x1001 }, ErrOverlap, "sites at 0x1000 and 0x1001"},
		"patch empty":      {func(im *Image) { im.Patches[0].Data = nil }, ErrValue, "empty"},
		"patch outside":    {func(im *Image) { im.Patches[1].Addr = 0x4ffb }, ErrRange, "patch 1"},
		"patches unsorted": {func(im *Image) { im.Patches[1].Addr = 0 }, ErrOrder, "patch 1"},
		"patches overlap":  {func(im *Image) { im.Patches[1].Addr = 0x1004 }, ErrOverlap, "patches at"},
		"tramp unaligned":  {func(im *Image) { im.TrampAddr++ }, ErrValue, "not on a page"},
		"tramp overlap":    {func(im *Image) { im.TrampAddr = 0x4000 }, ErrOverlap, "trampolines"},
		"tramp outside":    {func(im *Image) { im.TrampAddr = -0x8048000 }, ErrRange, "trampolines"},
		"fixup slot":       {func(im *Image) { im.SlotFixups[0].Slot = 99 }, ErrValue, "slot 99"},
		"fixup part":       {func(im *Image) { im.SlotFixups[0].Part = 4 }, ErrValue, "byte 4 of a slot"},
		"second register":  {func(im *Image) { im.PCMap[5].Second = 9 }, ErrValue, "second register 8"},
		"fixup outside":    {func(im *Image) { im.SlotFixups[0].Addr = 0x1013 }, ErrRange, "slot fixup 0"},
		"fixup in gap":     {func(im *Image) { im.SlotFixups[0].Addr = 0x1008 }, ErrRange, "slot fixup 0"},
		"fixup past tramp": {func(im *Image) { im.SlotFixups[1].Addr = 0x603d }, ErrRange, "slot fixup 1"},
		"fixups unsorted":  {func(im *Image) { im.SlotFixups[1].Addr = 0x1001 }, ErrOrder, "slot fixup 1"},
		"fixups overlap":   {func(im *Image) { im.SlotFixups[0].Addr = 0x6002 }, ErrOverlap, "slot fixups"},
		"abs fixed":        {func(im *Image) { im.PIE = false }, ErrValue, "2 address fixups in a program that has none"},
		"abs amd64":        {func(im *Image) { im.Arch = AMD64 }, ErrValue, "2 address fixups in a program that has none"},
		"abs outside":      {func(im *Image) { im.AbsFixups[0] = 0x2000 }, ErrRange, "address fixup 0"},
		"abs unsorted":     {func(im *Image) { im.AbsFixups[0] = 0x6020 }, ErrOrder, "address fixup 1"},
		"abs overlap":      {func(im *Image) { im.AbsFixups[0] = 0x600e }, ErrOverlap, "address fixups"},
		"pc outside":       {func(im *Image) { im.PCMap[4].Tramp = 0x6040 }, ErrRange, "PC map 4"},
		"pc unpatched":     {func(im *Image) { im.PCMap[0].Tramp = 0x1008 }, ErrRange, "PC map 0"},
		"pc in thunks":     {func(im *Image) { im.PCMap[1].Tramp = 0x5000 }, ErrRange, "PC map 1"},
		"pc orig":          {func(im *Image) { im.PCMap[1].Orig = 0x5000 }, ErrRange, "PC map 1"},
		"pc register":      {func(im *Image) { im.PCMap[1].Spill = 8 }, ErrValue, "register 8"},
		"pc unsorted":      {func(im *Image) { im.PCMap[2].Tramp = 0x6000 }, ErrOrder, "PC map 2"},
		"pc not bijective": {func(im *Image) { im.PCMap[2].Start = true }, ErrOverlap, "starts at both 0x6000 and 0x6004"},
		"pattern kind":     {func(im *Image) { im.Unproven[0].Kind = 0 }, ErrValue, "kind 0"},
		"pattern outside":  {func(im *Image) { im.Unproven[0].Addr = 0x5000 }, ErrRange, "pattern 0"},
		"wx outside":       {func(im *Image) { im.WX[0] = 0x5000 }, ErrRange, "writable code"},
	} {
		m := sample()
		c.damage(&m.Images[0])
		if err := m.Check(); !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", name, err)
		}
		// The same through the encoder, except where a field's own width
		// already hides the damage.
		if _, err := Decode(Encode(m)); err == nil {
			t.Errorf("%s: decoded", name)
		}
	}
	if err := (&Manifest{}).Check(); !errors.Is(err, ErrValue) {
		t.Errorf("no image: %v", err)
	}
}

func TestFlippedByte(t *testing.T) {
	b := file(t)
	for i := range b {
		for _, x := range []byte{1, 0x80, 0xff} {
			c := bytes.Clone(b)
			c[i] ^= x
			if _, err := read(c); err == nil {
				t.Fatalf("byte %#x ^ %#x: accepted", i, x)
			}
		}
	}
}

func TestCutTail(t *testing.T) {
	b := file(t)
	for n := range b {
		if _, err := read(b[:n]); err == nil {
			t.Fatalf("%d of %d bytes: accepted", n, len(b))
		}
	}
	_, err := read(b[:len(b)-1])
	if !errors.Is(err, ErrTruncated) || !strings.Contains(err.Error(), "tail is cut") {
		t.Errorf("cut tail: %v", err)
	}
	if _, err := read(append(bytes.Clone(b), 0)); err == nil {
		t.Error("a byte more: accepted")
	}
	if _, err := read(bytes.Repeat([]byte{'x'}, 100)); !errors.Is(err, ErrNotBee) {
		t.Errorf("no .bee file: %v", err)
	}
}

// seal gives what Append would for a payload as it is.
func seal(payload []byte, version uint32, length uint64) []byte {
	out := append(bytes.Clone(program), payload...)
	out = append(out, trailerMagic...)
	out = binary.LittleEndian.AppendUint32(out, version)
	out = binary.LittleEndian.AppendUint64(out, length)
	sum := sha256.Sum256(out)
	return append(out, sum[:]...)
}

func TestTrailer(t *testing.T) {
	m := sample()
	m.Images[0].SourceSize = uint64(len(program))
	p := Encode(m)
	n := uint64(len(p))
	for name, c := range map[string]struct {
		b   []byte
		err error
	}{
		"version":        {seal(p, FormatVersion+1, n), ErrVersion},
		"long":           {seal(p, FormatVersion, 1<<40), ErrTruncated},
		"longest":        {seal(p, FormatVersion, ^uint64(0)), ErrTruncated},
		"shorter":        {seal(p, FormatVersion, n-1), ErrValue},
		"empty":          {seal(nil, FormatVersion, 0), ErrValue},
		"excess":         {seal(append(bytes.Clone(p), 0), FormatVersion, n+1), ErrExcess},
		"truncated":      {seal(p[:n-1], FormatVersion, n-1), ErrTruncated},
		"another source": {seal(p, FormatVersion, n)[1:], ErrDigest},
	} {
		if _, err := read(c.b); !errors.Is(err, c.err) {
			t.Errorf("%s: %v, want %v", name, err, c.err)
		}
	}
	m.Images[0].SourceSize++
	p = Encode(m)
	if _, err := read(seal(p, FormatVersion, uint64(len(p)))); !errors.Is(err, ErrValue) {
		t.Errorf("source size: %v", err)
	}
	// The digest of the program itself is Verify's to compare.
	m.Images[0].SourceSize--
	p = Encode(m)
	f, err := read(seal(p, FormatVersion, uint64(len(p))))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Verify(); !errors.Is(err, ErrDigest) {
		t.Errorf("source digest: %v", err)
	}
}

// A table cannot announce more than the payload has room for.
func TestAllocation(t *testing.T) {
	p := Encode(sample())
	for i := len(payloadMagic); i < len(p); i++ {
		c := append(bytes.Clone(p[:i]), 0xff, 0xff, 0xff, 0xff, 0x0f)
		c = append(c, p[i:]...)
		if n := testing.AllocsPerRun(1, func() {
			if _, err := Decode(c); err == nil {
				t.Errorf("offset %d: accepted", i)
			}
		}); n > 200 {
			t.Errorf("offset %d: %v allocations", i, n)
		}
	}
	if _, err := Decode(append([]byte(payloadMagic), 0x80, 0)); !errors.Is(err, ErrValue) {
		t.Errorf("long form of a number: %v", err)
	}
}

// big gives a manifest of the size of busybox's.
func big() *Manifest {
	r := rand.New(rand.NewPCG(1, 2))
	im := Image{Arch: I386, Base: 0x8048000, Size: 0x200000, TrampAddr: 0x200000}
	tramp := uint64(0x201000)
	for a := uint64(0x1000); len(im.Sites) < 4300; a += 100 + r.Uint64N(300) {
		im.Sites = append(im.Sites, Site{Addr: a, Len: 6, Kind: KindTLSOperand, Tactic: TacticJump})
		im.Patches = append(im.Patches, Patch{a, []byte{1, 2, 3, 4, 5, 6}})
		im.SlotFixups = append(im.SlotFixups, SlotFixup{Addr: a + 2, Slot: 1})
		for k := range uint64(3) {
			im.PCMap = append(im.PCMap, PCEntry{Tramp: tramp, Orig: a + 2*k, Spill: NoReg, Start: true})
			tramp += 5
		}
	}
	im.Tramp = make([]byte, tramp-0x201000)
	return &Manifest{Images: []Image{im}}
}

func BenchmarkDecode(b *testing.B) {
	p := Encode(big())
	b.SetBytes(int64(len(p)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(p); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	f, err := Append(make([]byte, 2<<20), big())
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(f)))
	for b.Loop() {
		if _, err := read(f); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzManifest(f *testing.F) {
	f.Add(Encode(sample()))
	f.Add([]byte(payloadMagic))
	f.Fuzz(func(t *testing.T, p []byte) {
		m, err := Decode(p)
		if err != nil {
			return
		}
		if q := Encode(m); !bytes.Equal(p, q) {
			t.Fatalf("%x\nwas decoded and encoded to\n%x", p, q)
		}
		im := &m.Images[0]
		for _, e := range im.PCMap {
			if o, s, ok := im.MapToOrig(e.Tramp); !ok || o != e.Orig || s != e.Spill {
				t.Fatalf("%+v: MapToOrig gives %#x, %d, %v", e, o, s, ok)
			}
			if a, ok := im.MapToTramp(e.Orig); e.Start && (!ok || a != e.Tramp) {
				t.Fatalf("%+v: MapToTramp gives %#x, %v", e, a, ok)
			}
		}
	})
}

func FuzzFile(f *testing.F) {
	f.Add(file(f), false)
	f.Add(Encode(sample()), true)
	f.Add([]byte{}, false)
	f.Fuzz(func(t *testing.T, b []byte, sealed bool) {
		if sealed { // get past the digest
			b = seal(b, FormatVersion, uint64(len(b)))
		}
		g, err := read(b)
		if err != nil {
			return
		}
		elf, err := io.ReadAll(g.ELF())
		if err != nil {
			t.Fatal(err)
		}
		if g.Verify() != nil {
			return
		}
		again, err := Append(elf, g.Manifest)
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%x\nwas read and written as\n%x, %v", b, again, err)
		}
	})
}
