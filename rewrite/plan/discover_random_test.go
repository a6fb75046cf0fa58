package plan

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"bee/image"
	"bee/rewrite/decode"
)

// randomProgram makes text of random bytes, or of pieces of code, and
// evidence that may be wrong in every way.
func randomProgram(r *rand.Rand) program {
	p := program{opt: Options{Arch: image.I386}}
	if r.IntN(2) == 0 {
		p.opt.Arch = image.AMD64
	}
	pieces := [][]byte{
		{0xc3},
		{0x90},
		{0xcc},
		{0, 0},
		{0x55, 0x89, 0xe5},
		{0xe8, 1, 0, 0, 0},
		{0xeb, 2},
		{0x74, 0xfe},
		{0xf0, 0x0f, 0xb1, 0x0a},
		{0x74, 1, 0xf0, 0xff, 0},
		{0xcd, 0x80},
		{0x0f, 0x05},
		{0x65, 0xa1, 0x14, 0, 0, 0},
		{0x64, 0x48, 0x8b, 4, 0x25, 0x28, 0, 0, 0},
		{0xff, 0xe0},
		{0xff, 0x24, 0x85, 0, 0x10, 0, 0},
		{0x8d, 5, 0, 0x10, 0, 0},
		{0x48, 0x8d, 0x15, 0, 0, 0, 0, 0x48, 0x63, 4, 0x82, 0x48, 1, 0xd0, 0xff, 0xe0},
		{0xf3, 0x0f, 0x1e, 0xfa},
		{0x83, 0xf8, 5, 0x77, 3},
		{0x8b, 0x84, 0x83, 0, 0x10, 0, 0, 1, 0xd8, 0xff, 0xe0},
		{0xb8, 0, 0x10, 0, 0},
		{0x66, 0x90},
		{0xf4},
	}
	addr := uint64(0x1000)
	if r.IntN(8) == 0 {
		addr = ^uint64(0x7fff)
	}
	for range 1 + r.IntN(3) {
		n := r.IntN(3000)
		var b []byte
		for len(b) < n {
			if r.IntN(2) == 0 {
				b = append(b, pieces[r.IntN(len(pieces))]...)
			} else {
				b = append(b, byte(r.Uint32()))
			}
		}
		p.regions = append(p.regions, Region{addr, b})
		addr += uint64(len(b)) + uint64(r.IntN(2)*r.IntN(5000))
	}
	where := func() uint64 {
		q := p.regions[r.IntN(len(p.regions))]
		return q.Addr + uint64(r.IntN(len(q.Data)+4)) - uint64(r.IntN(2))
	}
	for range r.IntN(4) {
		p.ev.Entries = append(p.ev.Entries, where())
	}
	for range r.IntN(12) {
		f := FuncRange{Start: where(), End: where(), Source: "symbol", Name: []string{"", "f", "f.cold", "abort"}[r.IntN(4)]}
		if r.IntN(8) == 0 {
			f.Source = SourceObject
		}
		if r.IntN(2) == 0 {
			f.End = f.Start + uint64(r.IntN(200))
		}
		p.ev.Funcs = append(p.ev.Funcs, f)
	}
	for range r.IntN(20) {
		p.ev.CodePointers = append(p.ev.CodePointers, where())
	}
	for range r.IntN(3) {
		b := make([]byte, r.IntN(300))
		for i := range b {
			b[i] = byte(r.IntN(64))
		}
		p.ev.Data = append(p.ev.Data, Region{r.Uint64N(0x9000), b})
		p.ev.ReadOnly = append(p.ev.ReadOnly, r.IntN(2) == 0)
	}
	p.ev.GOT = r.Uint64N(0x4000)
	return p
}

// checkCode asks what must hold of every outcome.
func checkCode(t *testing.T, c *code) {
	t.Helper()
	for r := range c.regions {
		for i := c.base[r]; i < c.base[r+1]; i++ {
			a := c.addr(i)
			if j, ok := c.index(a); !ok || j != i {
				t.Fatalf("bit %d has address %#x, which has bit %d", i, a, j)
			}
			if c.pad.get(i) && c.cover.get(i) {
				t.Fatalf("%#x is code and padding", a)
			}
			if s, e, ok := c.padding(a); ok && (a < s || a >= e) {
				t.Fatalf("padding of %#x is %#x-%#x", a, s, e)
			}
			_, _ = c.function(a)
		}
	}
	covered := newBitmap(c.size())
	c.each(0, func(a uint64, in *decode.Inst, raw []byte) bool {
		i, _ := c.index(a)
		for k := i; k < i+int(in.Len); k++ {
			if covered.get(k) || !c.cover.get(k) {
				t.Fatalf("instruction at %#x overlaps or is not covered", a)
			}
			covered.set(k)
		}
		return true
	})
	if !reflect.DeepEqual(covered, c.cover) {
		t.Fatal("bytes are covered by no instruction")
	}
	for f := 1; f < len(c.funcs); f++ {
		if c.funcs[f].start < c.funcs[f-1].end {
			t.Fatalf("functions at %#x and %#x overlap", c.funcs[f-1].start, c.funcs[f].start)
		}
	}
	for n := 1; n < len(c.patterns); n++ {
		if c.patterns[n].Addr <= c.patterns[n-1].Addr {
			t.Fatalf("patterns out of order at %#x", c.patterns[n].Addr)
		}
	}
}

func TestDiscoverRandom(t *testing.T) {
	n := uint64(3000)
	if testing.Short() {
		n = 300
	}
	for seed := range n {
		p := randomProgram(rand.New(rand.NewPCG(seed, 1)))
		c, err := discover(p.regions, p.ev, p.opt)
		if err != nil {
			continue
		}
		checkCode(t, c)
		again, err := discover(p.regions, p.ev, p.opt)
		if err != nil || !reflect.DeepEqual(c, again) {
			t.Fatalf("seed %d: two outcomes", seed)
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func BenchmarkDiscover(b *testing.B) {
	path := build(b, "a.cc", sourceCXX, "g++", "-O2", "-static", "-m32")
	for _, what := range []evidence{evAll, evUnwind, evBare} {
		b.Run([]string{"symbols", "unwind", "bare"}[what], func(b *testing.B) {
			p := loadELF(b, path, what)
			for b.Loop() {
				c, err := discover(p.regions, p.ev, p.opt)
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(c.size()))
			}
		})
	}
}
