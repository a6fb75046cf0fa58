package plan

import (
	"testing"

	"bee/image"
)

// An access through %fs of an IA-32 program becomes a privileged instruction;
// moved together with its neighbours it has to be one instruction still.
func TestFaultingAccessMoved(t *testing.T) {
	code := []byte{
		0x0f, 0xa0, // push %fs
		0x8e, 0xe0, // mov %eax,%fs
		0x64, 0xa1, 0, 0, 0, 0, // mov %fs:0,%eax
		0x0f, 0xa1, // pop %fs
		0xc3,
	}
	p, err := Make([]Region{{Addr: textAddr, Data: code}},
		Evidence{Entries: []uint64{textAddr}, Funcs: []FuncRange{{Start: textAddr, End: textAddr + uint64(len(code)), Source: "symbol"}}},
		opts(image.I386, FormWindows))
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Sites) != 4 {
		t.Errorf("%d sites", len(p.Sites))
	}
}
