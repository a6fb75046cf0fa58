package kernel

import (
	"bytes"
	"testing"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// TestSections checks what the kernel relies on below it: views at given
// addresses, in the way Windows has them.
func TestSections(t *testing.T) {
	mem, _, _, files := testHost()
	gran := mem.Granularity()
	p, ok := mem.Free(0x10000000, 0x70000000, 16*gran)
	if !ok {
		t.Fatal("no room")
	}
	h, e := files.Temporary()
	if e != 0 {
		t.Fatal("temporary file:", e)
	}
	defer files.Close(h)
	must := func(what string, e abi.Errno) {
		t.Helper()
		if e != 0 {
			t.Fatalf("%s: %v", what, e)
		}
	}
	if _, e := mem.NewSection(h, 0, true); e != abi.EINVAL {
		t.Errorf("a section of nothing: %v", e)
	}
	const size = 70000
	must("truncate", files.Truncate(h, size))
	sec, e := mem.NewSection(h, size, true)
	must("section", e)
	must("view", mem.MapView(sec, 0, p, size, true))
	must("second view", mem.MapView(sec, int64(gran), p+4*gran, size-gran, true))
	if e := mem.MapView(sec, 0, p, gran, true); e == 0 {
		t.Error("a view on a view")
	}
	if e := mem.Reserve(p, gran); e == 0 {
		t.Error("a reservation on a view")
	}
	a, b := rawBytes(uint64(p), size), rawBytes(uint64(p+4*gran), size-uint64(gran))
	a[0], a[gran], b[1] = 1, 2, 3
	if b[0] != 2 || a[gran+1] != 3 {
		t.Error("the views do not show the same")
	}
	var got [2]byte
	if _, e := files.ReadAt(h, got[:], int64(gran)); e != 0 || got != [2]byte{2, 3} {
		t.Errorf("the file reads %d %v", got, e)
	}
	if _, e := files.WriteAt(h, []byte{9}, 5); e != 0 || a[5] != 9 {
		t.Errorf("written to the file, seen %d (%v)", a[5], e)
	}
	must("protect", mem.Protect(p, 4096, 0))
	must("protect", mem.Protect(p+4096, 4096, host.Read))
	must("protect", mem.Protect(p, 4096, host.Read|host.Write))
	if a[0] != 1 {
		t.Error("the protection took the content")
	}
	must("flush", mem.FlushView(p, 8192))
	vec := make([]byte, 4)
	must("resident", mem.Resident(p+4*gran, vec[:1]))
	if vec[0] != 1 {
		t.Error("a page in use is not resident")
	}
	// A file grows below its views; a section of the new size shows the rest.
	must("grow", files.Truncate(h, 3*int64(gran)))
	must("unmap", mem.UnmapView(p, size))
	sec2, e := mem.NewSection(h, 3*int64(gran), true)
	must("section", e)
	must("larger view", mem.MapView(sec2, 0, p, 3*gran, true))
	if c := rawBytes(uint64(p), 3*uint64(gran)); c[0] != 1 || c[gran+1] != 3 || c[3*gran-1] != 0 {
		t.Error("the content has changed")
	}
	e = files.Truncate(h, 100)
	t.Logf("truncation of a mapped file: %v", e)
	must("unmap", mem.UnmapView(p, 3*gran))
	must("unmap", mem.UnmapView(p+4*gran, size-gran))
	must("close", mem.CloseSection(sec))
	must("close", mem.CloseSection(sec2))
	must("truncate", files.Truncate(h, 100))
	must("reserve", mem.Reserve(p, 4*gran))
	must("release", mem.Release(p, 4*gran))

	anonymous, e := mem.NewSection(host.NoHandle, 3*4096, true)
	must("section", e)
	must("view", mem.MapView(anonymous, 0, p, 3*4096, true))
	must("view", mem.MapView(anonymous, 0, p+gran, 3*4096, true))
	must("close", mem.CloseSection(anonymous))
	copy(rawBytes(uint64(p), 3), "abc")
	if !bytes.Equal(rawBytes(uint64(p+gran), 4), []byte("abc\x00")) {
		t.Error("anonymous views differ")
	}
	must("unmap", mem.UnmapView(p, 3*4096))
	must("unmap", mem.UnmapView(p+gran, 3*4096))
}
