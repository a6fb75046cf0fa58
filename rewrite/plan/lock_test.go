package plan

import (
	"testing"

	"bee/image"
)

// A jump over a lock prefix goes into the middle of a proven instruction; no
// window may take that in, though a jump from elsewhere leads there.
func TestLockPrefix(t *testing.T) {
	code := []byte{
		0x65, 0x8b, 0x31, //       0: mov %gs:(%ecx),%esi
		0xf0, 0x0f, 0xb1, 0x11, // 3: lock cmpxchg %edx,(%ecx)
		0xc3,                                     // 7: ret
		0xc7, 0x81, 0, 1, 0, 0, 0x22, 0x22, 0, 0, // 8: movl $0x2222,0x100(%ecx), which can be evicted
		0x85, 0xc0, // 18: test %eax,%eax
		0x74, 0xee, // 20: je 4, over the prefix
		0xeb, 0xe8, // 22: jmp 0
	}
	const entry, behind = 8, 4
	regions := []Region{{Addr: textAddr, Data: code}}
	ev := Evidence{
		Entries: []uint64{textAddr + entry},
		Funcs:   []FuncRange{{Start: textAddr, End: textAddr + 24, Source: "symbol"}, {Start: textAddr + entry, End: textAddr + 24, Source: "symbol"}},
	}
	for _, form := range []Form{FormWindows, FormLinuxProof} {
		p, err := Make(regions, ev, opts(image.I386, form))
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Sites) != 1 {
			t.Fatalf("%d sites", len(p.Sites))
		}
		for _, q := range p.Patches {
			if a := uint64(textAddr + behind); q.Addr < a && a < q.Addr+uint64(len(q.Data)) {
				t.Errorf("form %d: the patch at %#x, %d bytes, takes in the target at %#x", form, q.Addr, len(q.Data), a)
			}
		}
	}
}
