package plan

import (
	"testing"

	"bee/image"
	"bee/rewrite/decode"
)

// openCode is a program in which nothing is known of indirect jumps, and which
// has no padding.
type openCode struct{ *code }

func (o openCode) function(a uint64) (function, bool) {
	f, ok := o.code.function(a)
	f.resolved = false
	return f, ok
}

func (o openCode) padding(uint64) (start, end uint64, ok bool) { return 0, 0, false }

// TestForcedFaulting leaves a whole program no other windows than those that
// fault: as many as there may be are taken, and at each address where an
// instruction stood, one that faults stands now.
func TestForcedFaulting(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs")
	}
	for name, option := range map[string]string{"386": "-m32", "amd64": "-m64"} {
		t.Run(name, func(t *testing.T) {
			path := build(t, "a.c", "int main(void) { return 0; }", "gcc", option, "-O2", "-static", "-no-pie")
			e := loadELF(t, path, evAll)
			c, err := discover(e.regions, e.ev, e.opt)
			if err != nil {
				t.Fatal(err)
			}
			for _, form := range []Form{FormWindows, FormLinuxProof} {
				o := e.opt
				o.Form, o.AllowTrap = form, true
				p, err := makePlan(openCode{c}, e.regions, image.LibcGlibc, o)
				if err != nil {
					t.Fatal(err)
				}
				inside := 0
				for _, s := range p.Sites {
					if s.Proof != image.ProofFaulting {
						continue
					}
					for _, q := range p.Patches {
						if s.Addr < q.Addr || s.Addr >= q.Addr+uint64(len(q.Data)) {
							continue
						}
						for i := 1; i < len(q.Data); i++ {
							if !c.instAt(q.Addr + uint64(i)) {
								continue
							}
							inside++
							mode := decode.Mode32
							if name == "amd64" {
								mode = decode.Mode64
							}
							b := append([]byte{q.Data[i]}, make([]byte, 15)...)
							in, err := decode.Decode(b, mode)
							if err != nil || in.Class != decode.Halt && in.Class != decode.Int3 && in.Opcode&0xf4 != 0xe4 && in.Opcode&0xfc != 0x6c {
								t.Errorf("%#x, where an instruction was: % x", q.Addr+uint64(i), q.Data[i])
							}
						}
					}
				}
				if inside < maxFaulting {
					t.Errorf("%d old instructions in faulting windows", inside)
				}
				t.Logf("%d old instructions, %d bytes of trampolines", inside, len(p.Tramp))
			}
		})
	}
}
