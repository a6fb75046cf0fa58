package kernel

import (
	"testing"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// Programs compare sizes, map files and read as much as stat tells: files of
// /etc have their size, those of /proc have none, as on Linux.
func TestTextSizes(t *testing.T) {
	bothArchs(t, func(b *box) {
		for _, n := range etcRoot(b.task.proc).kids {
			if n.text == nil {
				continue
			}
			var st host.Stat
			n.stat(b.task, &st)
			if want := int64(len(n.text(b.task))); st.Size != want || want == 0 {
				b.Errorf("/etc/%s: size %d of %d bytes", n.name, st.Size, want)
			}
		}
		var st host.Stat
		n := newText("x", constant("12345"))
		if n.stat(b.task, &st); st.Size != 0 || st.Mode&abi.S_IFMT != abi.S_IFREG {
			b.Errorf("a text of /proc: %+v", st)
		}
	})
}
