package plan

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"bee/image"
	"bee/rewrite/decode"
)

// TestRandomOperands plans random instructions with thread-local operands, and
// looks at what runs in the trampolines: nothing there has the segment that
// the guest has lost, and the instruction itself is there but for its prefixes
// and its operand.
func TestRandomOperands(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	var planned, refused int
	for n := range 300000 {
		mode, arch, seg, lost := decode.Mode32, image.I386, byte(0x65), decode.GS
		if n%2 == 1 {
			mode, arch, seg, lost = decode.Mode64, image.AMD64, 0x64, decode.FS
		}
		// Prefixes in any order, REX among them, then an opcode of any map.
		code := []byte{seg}
		for range rng.IntN(3) {
			code = append(code, []byte{0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x48, 0x45, 0x2e}[rng.IntN(8)])
		}
		rng.Shuffle(len(code), func(i, j int) { code[i], code[j] = code[j], code[i] })
		switch rng.IntN(6) {
		case 0:
			code = append(code, 0x0f)
		case 1:
			code = append(code, [][]byte{{0x0f, 0x38}, {0x0f, 0x3a}, {0xc5}, {0xc4}, {0x62}, {0x8f}}[rng.IntN(6)]...)
		}
		for range 12 {
			code = append(code, byte(rng.Uint32()))
		}
		in, err := decode.Decode(code, mode)
		if err != nil || in.Class != decode.Seq && in.Class != decode.JmpInd && in.Class != decode.CallInd {
			continue
		}
		code = code[:in.Len]
		if k, ok := siteKind(&in, code, mode == decode.Mode64); !ok || k != image.KindTLSOperand {
			continue
		}
		// Room for a jump behind it, and a return.
		text := append(bytes.Clone(code), 0x89, 0xc0, 0x89, 0xc0, 0x89, 0xc0, 0xc3)
		f := newFake(t, mode, textAddr, text)
		o := opts(arch, FormWindows)
		o.Relocatable = n%5 == 0
		p, err := makePlan(f, []Region{f.reg}, image.LibcGlibc, o)
		if err != nil {
			if !errors.Is(err, ErrNoTactic) && !errors.Is(err, ErrFar) {
				t.Fatalf("% x: %v", code, err)
			}
			refused++
			continue
		}
		planned++
		if len(p.Sites) != 1 || p.Sites[0].Tactic == image.TacticSameLength {
			continue
		}
		found := false
		for b := p.Tramp; len(b) > 0; {
			is, err := decode.Decode(b, mode)
			if err != nil {
				t.Fatalf("% x: trampoline % x: %v", code, b, err)
			}
			if is.Seg == lost {
				t.Errorf("% x: trampoline has % x", code, b[:is.Len])
			}
			same := is.Enc == in.Enc && is.Map == in.Map && is.Opcode == in.Opcode && is.ImmLen == in.ImmLen &&
				is.Prefix&^(decode.AddrSize67|decode.RexPresent) == in.Prefix&^(decode.AddrSize67|decode.RexPresent) && is.OperandSize() == in.OperandSize() &&
				bytes.Equal(b[is.ImmOff:is.ImmOff+is.ImmLen], code[in.ImmOff:in.ImmOff+in.ImmLen]) && (in.StringOp || in.Moffs || is.ModRM>>3&7 == in.ModRM>>3&7)
			moved := in.Moffs && is.Opcode == [4]byte{0x8a, 0x8b, 0x88, 0x89}[in.Opcode&3] || in.Opcode == 0xd7 && is.Opcode == 0x8a
			found = found || same || in.Map == decode.MapOneByte && (moved || in.Class != decode.Seq && is.Opcode == 0x8b)
			b = b[is.Len:]
		}
		if !found {
			t.Errorf("% x is not in the trampoline % x", code, p.Tramp)
		}
	}
	t.Logf("%d planned, %d refused", planned, refused)
	if planned < 10000 || refused > planned/10 {
		t.Error("too few have a form")
	}
}
