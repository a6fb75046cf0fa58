//go:build linux

package kernel

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"bee/image"
	"bee/runtime/abi"
	linuxhost "bee/runtime/host/linux"
)

const testPages = 96

// testSpace makes an address space with one arena of testPages pages (whole
// granules and a bit) and a task in it.
func testSpace(t testing.TB, arch image.Arch) (*Task, Range) {
	t.Helper()
	mem := &linuxhost.Memory{}
	const size = 4 << 20
	p, ok := mem.Free(0x10000000, 0x70000000, size+granule)
	if !ok {
		t.Fatal("no room for an arena")
	}
	lo := (uint64(p) + granule - 1) &^ (granule - 1)
	arena := Range{lo, lo + size}
	var log bytes.Buffer
	s, err := NewAddressSpace(SpaceConfig{Memory: mem, Arenas: []Range{arena}, Log: func(f string, a ...any) { fmt.Fprintf(&log, f+"\n", a...) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, r := range s.res {
			if err := mem.Release(uintptr(r.Lo), uintptr(r.Hi-r.Lo)); err != 0 {
				t.Errorf("release %#x: %v", r, err)
			}
		}
	})
	proc, err := NewProcess(Config{Arch: arch, Space: s, Clock: linuxhost.Clock{}, System: linuxhost.System{}, Exe: "/bin/test", Cwd: "/", Log: &log, Files: testFiles()})
	if err != nil {
		t.Fatal(err)
	}
	return proc.NewTask(&testCPU{}), arena
}

// call makes a system call by name.
func call(t testing.TB, task *Task, name string, args ...uint64) (uint64, abi.Errno) {
	t.Helper()
	for _, e := range task.proc.table.Entries() {
		if e.Name() == name {
			var a Args
			copy(a[:], args)
			r := makeCall(task, e.Nr, a)
			if r < 0 && r > -4096 {
				return 0, abi.Errno(-r)
			}
			return uint64(r), 0
		}
	}
	t.Fatalf("no system call %s", name)
	return 0, 0
}

const (
	anonFixed = abi.MAP_PRIVATE | abi.MAP_ANONYMOUS | abi.MAP_FIXED
	anon      = abi.MAP_PRIVATE | abi.MAP_ANONYMOUS
	protRW    = abi.PROT_READ | abi.PROT_WRITE
	noFD      = 0xffffffff
)

// pagePerms reads what maps says of each page of the arena's start.
func pagePerms(text string, base uint64) [testPages]string {
	var out [testPages]string
	for sc := bufio.NewScanner(strings.NewReader(text)); sc.Scan(); {
		var lo, hi uint64
		var perm string
		if _, err := fmt.Sscanf(sc.Text(), "%x-%x %s", &lo, &hi, &perm); err != nil {
			continue
		}
		for a := max(lo, base); a < min(hi, base+testPages*abi.PageSize); a += abi.PageSize {
			out[(a-base)/abi.PageSize] = perm
		}
	}
	return out
}

// TestMemoryLikeLinux runs random operations on an address space and, at other
// addresses, on Linux itself; results, protections and content must agree
// after each.
func TestMemoryLikeLinux(t *testing.T) {
	task, arena := testSpace(t, image.AMD64)
	mem := &linuxhost.Memory{}
	p, ok := mem.Free(uintptr(arena.Hi), 0x7f000000, 16<<20)
	if !ok {
		t.Fatal("no room for the native arena")
	}
	native, ours := uint64(p), arena.Lo
	defer func() {
		_, _, _ = unix.Syscall(unix.SYS_MUNMAP, uintptr(native), testPages*abi.PageSize, 0)
	}()
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 1))
	rounds := 3000
	if testing.Short() {
		rounds = 500
	}
	for round := range rounds {
		n := 1 + rng.Uint64N(20)
		at := rng.Uint64N(testPages - n)
		to := rng.Uint64N(testPages - 8)
		n2 := 1 + rng.Uint64N(8)
		prot := []uint64{0, abi.PROT_READ, protRW, abi.PROT_WRITE}[rng.IntN(4)]
		var name string
		var args []uint64 // relative to the base where rel says so
		rel := []int{0}
		switch rng.IntN(8) {
		case 0, 1, 2:
			flags := uint64(anonFixed)
			if rng.IntN(4) == 0 {
				flags = anon | abi.MAP_FIXED_NOREPLACE
			}
			name, args = "mmap", []uint64{at * abi.PageSize, n*abi.PageSize - rng.Uint64N(abi.PageSize), prot, flags, ^uint64(0), 0}
		case 3:
			name, args = "munmap", []uint64{at * abi.PageSize, n * abi.PageSize}
		case 4, 5:
			name, args = "mprotect", []uint64{at * abi.PageSize, n * abi.PageSize, prot}
		case 6:
			name, args = "madvise", []uint64{at * abi.PageSize, n * abi.PageSize, abi.MADV_DONTNEED}
		case 7:
			name, args, rel = "mremap", []uint64{at * abi.PageSize, abi.PageSize, n2 * abi.PageSize, 0, to * abi.PageSize}, []int{0, 4}
			if rng.IntN(2) == 0 {
				args[3] = abi.MREMAP_FIXED | abi.MREMAP_MAYMOVE
			}
		}
		var a, b [6]uint64
		copy(a[:], args)
		b = a
		for _, i := range rel {
			a[i] += ours
			b[i] += native
		}
		what := fmt.Sprintf("seed %d round %d: %s(%#x)", seed, round, name, args)
		r1, e1 := call(t, task, name, a[:]...)
		nr := map[string]uintptr{"mmap": unix.SYS_MMAP, "munmap": unix.SYS_MUNMAP, "mprotect": unix.SYS_MPROTECT, "madvise": unix.SYS_MADVISE, "mremap": unix.SYS_MREMAP}[name]
		if runtime.GOARCH == "386" && name == "mmap" {
			nr = abi.I386NrMmap2
		}
		r2, _, e2 := unix.Syscall6(nr, uintptr(b[0]), uintptr(b[1]), uintptr(b[2]), uintptr(b[3]), uintptr(b[4]), uintptr(b[5]))
		if e1 != abi.Errno(e2) {
			t.Fatalf("%s: %v, Linux: %v", what, e1, abi.Errno(e2))
		}
		if e1 == 0 && (name == "mmap" || name == "mremap") && r1-ours != uint64(r2)-native {
			t.Fatalf("%s = %#x, Linux: %#x", what, r1-ours, uint64(r2)-native)
		}
		text, err := os.ReadFile("/proc/self/maps")
		if err != nil {
			t.Fatal(err)
		}
		p1, p2 := pagePerms(task.proc.as.MapsText(), ours), pagePerms(string(text), native)
		if p1 != p2 {
			t.Fatalf("%s:\n%q, Linux:\n%q", what, p1, p2)
		}
		for i, perm := range p1 {
			off := uint64(i) * abi.PageSize
			if perm == "" || perm[:2] == "--" {
				if _, err := task.Bytes(ours+off, 1, false); err != abi.EFAULT {
					t.Fatalf("%s: page %d (%q) can be read", what, i, perm)
				}
				continue
			}
			if !bytes.Equal(rawBytes(ours+off, abi.PageSize), rawBytes(native+off, abi.PageSize)) {
				t.Fatalf("%s: content of page %d differs", what, i)
			}
			if perm[1] == 'w' {
				v := byte(rng.Uint32())
				m, err := task.Bytes(ours+off, abi.PageSize, true)
				if err != 0 {
					t.Fatalf("%s: page %d (%q): %v", what, i, perm, err)
				}
				m[v] = v
				rawBytes(native+off, abi.PageSize)[v] = v
			} else if _, err := task.Bytes(ours+off, 1, true); err != abi.EFAULT {
				t.Fatalf("%s: page %d (%q) can be written", what, i, perm)
			}
		}
	}
}

// TestPlacement maps and unmaps at addresses of the kernel's choice: mappings
// never overlap, come from the top and are zero.
func TestPlacement(t *testing.T) {
	task, arena := testSpace(t, image.AMD64)
	rng := rand.New(rand.NewPCG(1, 2))
	live := map[uint64]uint64{}
	first, err := call(t, task, "mmap", 0, abi.PageSize, protRW, anon, noFD, 0)
	if err != 0 || first != arena.Hi-abi.PageSize {
		t.Fatalf("first mapping at %#x (%v), want the arena's end", first, err)
	}
	live[first] = abi.PageSize
	for range 2000 {
		if rng.IntN(2) == 0 && len(live) > 0 {
			for a, n := range live {
				if _, err := call(t, task, "munmap", a, n); err != 0 {
					t.Fatal(err)
				}
				delete(live, a)
				break
			}
			continue
		}
		n := (1 + rng.Uint64N(40)) * abi.PageSize
		a, err := call(t, task, "mmap", 0, n, protRW, anon, noFD, 0)
		if err == abi.ENOMEM {
			continue
		}
		if err != 0 {
			t.Fatal(err)
		}
		for b, m := range live {
			if a < b+m && b < a+n {
				t.Fatalf("%#x+%#x overlaps %#x+%#x", a, n, b, m)
			}
		}
		live[a] = n
		b := rawBytes(a, n)
		for i := range b {
			if b[i] != 0 {
				t.Fatalf("%#x is not zero", a+uint64(i))
			}
			b[i] = 0xaa
		}
	}
}

// TestMoveAndShrink checks mremap where it chooses the place.
func TestMoveAndShrink(t *testing.T) {
	task, _ := testSpace(t, image.AMD64)
	a, _ := call(t, task, "mmap", 0, 8*abi.PageSize, protRW, anon, noFD, 0)
	for i := range rawBytes(a, 8*abi.PageSize) {
		rawBytes(a, 8*abi.PageSize)[i] = byte(i / 512)
	}
	want := bytes.Clone(rawBytes(a, 8*abi.PageSize))
	if _, err := call(t, task, "mremap", a, 8*abi.PageSize, 64*abi.PageSize, 0); err != abi.ENOMEM {
		t.Fatalf("growing without room: %v", err)
	}
	b, err := call(t, task, "mremap", a, 8*abi.PageSize, 64*abi.PageSize, abi.MREMAP_MAYMOVE)
	if err != 0 || b == a {
		t.Fatalf("%#x %v", b, err)
	}
	if !bytes.Equal(rawBytes(b, 8*abi.PageSize), want) || !bytes.Equal(rawBytes(b+8*abi.PageSize, 56*abi.PageSize), make([]byte, 56*abi.PageSize)) {
		t.Fatal("content was not moved")
	}
	if _, err := task.Bytes(a, 1, false); err != abi.EFAULT {
		t.Fatal("the old place is still mapped")
	}
	if c, err := call(t, task, "mremap", b, 64*abi.PageSize, 2*abi.PageSize, 0); err != 0 || c != b {
		t.Fatalf("shrink: %#x %v", c, err)
	}
	if got, _ := task.BytesPartial(b, 64*abi.PageSize, true); len(got) != 2*abi.PageSize {
		t.Fatalf("%d bytes left", len(got))
	}
}

func TestBrk(t *testing.T) {
	task, arena := testSpace(t, image.I386)
	start := arena.Lo + 3*abi.PageSize
	task.proc.as.SetBrk(start)
	brk := func(to uint64) uint64 {
		v, _ := call(t, task, "brk", to)
		return v
	}
	for _, c := range []struct{ to, want uint64 }{
		{0, start},
		{start + 100, start + 100},
		{start + 5*abi.PageSize, start + 5*abi.PageSize},
		{start - 1, start + 5*abi.PageSize},
		{arena.Hi + 1, start + 5*abi.PageSize},
		{start + abi.PageSize, start + abi.PageSize},
		{start, start},
	} {
		if got := brk(c.to); got != c.want {
			t.Errorf("brk(%#x) = %#x, want %#x", c.to, got, c.want)
		}
	}
	brk(start + 2*abi.PageSize)
	if err := task.CopyOut(start+abi.PageSize+7, []byte("x")); err != 0 {
		t.Fatal(err)
	}
	if !strings.Contains(task.proc.as.MapsText(), "[heap]") {
		t.Errorf("no heap in\n%s", task.proc.as.MapsText())
	}
	brk(start + 1)
	brk(start + 2*abi.PageSize)
	if b, _ := task.Bytes(start+abi.PageSize, abi.PageSize, false); b[7] != 0 {
		t.Error("the heap's page is not fresh")
	}
	// A mapping in the way stops it.
	if _, err := call(t, task, "mmap2", start+4*abi.PageSize, abi.PageSize, protRW, anonFixed, noFD, 0); err != 0 {
		t.Fatal(err)
	}
	if got := brk(start + 6*abi.PageSize); got != start+2*abi.PageSize {
		t.Errorf("brk went through a mapping: %#x", got)
	}
}

func TestMemoryErrors(t *testing.T) {
	task, arena := testSpace(t, image.AMD64)
	page, _ := call(t, task, "mmap", arena.Lo, abi.PageSize, protRW, anonFixed, noFD, 0)
	for _, c := range []struct {
		name string
		args []uint64
		want abi.Errno
	}{
		{"mmap", []uint64{0, 0, protRW, anon, noFD, 0}, abi.EINVAL},
		{"mmap", []uint64{0, 4096, protRW, abi.MAP_ANONYMOUS, noFD, 0}, abi.EINVAL},
		{"mmap", []uint64{0, 4096, protRW, anon, noFD, 1}, abi.EINVAL},
		{"mmap", []uint64{0, 4096, protRW, abi.MAP_PRIVATE, noFD, 0}, abi.EBADF},
		{"mmap", []uint64{0, 1 << 40, protRW, anon, noFD, 0}, abi.ENOMEM},
		{"mmap", []uint64{page + 1, 4096, protRW, anonFixed, noFD, 0}, abi.EINVAL},
		{"mmap", []uint64{4096, 4096, protRW, anonFixed, noFD, 0}, abi.EPERM},
		{"mmap", []uint64{page, 4096, protRW, anon | abi.MAP_FIXED_NOREPLACE, noFD, 0}, abi.EEXIST},
		{"mmap", []uint64{0, 4096, protRW | abi.PROT_EXEC, anon, noFD, 0}, abi.EACCES},
		{"mprotect", []uint64{page, 4096, abi.PROT_READ | abi.PROT_EXEC}, abi.EACCES},
		{"mprotect", []uint64{page + 1, 4096, 0}, abi.EINVAL},
		{"mprotect", []uint64{page, 8192, abi.PROT_READ}, abi.ENOMEM},
		{"mprotect", []uint64{page + 4096, 0, abi.PROT_READ}, 0},
		{"mprotect", []uint64{page, 4096, protRW}, 0},
		{"munmap", []uint64{page, 0}, abi.EINVAL},
		{"munmap", []uint64{page + 1, 4096}, abi.EINVAL},
		{"munmap", []uint64{page + 4096, 4096}, 0},
		{"mremap", []uint64{page, 4096, 0, 0, 0}, abi.EINVAL},
		{"mremap", []uint64{page, 4096, 8192, abi.MREMAP_FIXED, page + 65536}, abi.EINVAL},
		{"mremap", []uint64{page + 8192, 4096, 8192, abi.MREMAP_MAYMOVE, 0}, abi.EFAULT},
		{"madvise", []uint64{page, 4096, 999}, abi.EINVAL},
		{"madvise", []uint64{page, 8192, abi.MADV_WILLNEED}, abi.ENOMEM},
		{"msync", []uint64{page, 4096, abi.MS_SYNC}, 0},
		{"msync", []uint64{page, 4096, abi.MS_SYNC | abi.MS_ASYNC}, abi.EINVAL},
		{"mincore", []uint64{page, 4096, page}, 0},
		{"mincore", []uint64{page, 8192, page}, abi.ENOMEM},
		{"mlock", []uint64{page, 4096}, 0},
		{"mlock", []uint64{page, 8192}, abi.ENOMEM},
	} {
		if _, err := call(t, task, c.name, c.args...); err != c.want {
			t.Errorf("%s(%#x): %v, want %v", c.name, c.args, err, c.want)
		}
	}
}

// TestOldMmap takes its arguments from memory.
func TestOldMmap(t *testing.T) {
	task, arena := testSpace(t, image.I386)
	page, _ := call(t, task, "mmap2", arena.Lo, abi.PageSize, protRW, anonFixed, noFD, 0)
	for i, v := range []uint32{0, 8192, protRW, anon, noFD, 0} {
		if err := task.WriteUint32(page+uint64(4*i), v); err != 0 {
			t.Fatal(err)
		}
	}
	a, err := call(t, task, "mmap", page)
	if err != 0 || a != arena.Hi-8192 {
		t.Errorf("%#x %v", a, err)
	}
	if _, err := call(t, task, "mmap", arena.Hi); err != abi.EFAULT {
		t.Error(err)
	}
}

func TestUserMemory(t *testing.T) {
	task, arena := testSpace(t, image.I386)
	a, _ := call(t, task, "mmap2", arena.Lo, 2*abi.PageSize, protRW, anonFixed, noFD, 0)
	end := a + 2*abi.PageSize
	if err := task.CopyOut(end-3, []byte("ab\x00")); err != 0 {
		t.Fatal(err)
	}
	if s, err := task.CString(end-3, 10); s != "ab" || err != 0 {
		t.Errorf("%q %v", s, err)
	}
	_ = task.CopyOut(end-3, []byte("abc"))
	if _, err := task.CString(end-3, 10); err != abi.EFAULT {
		t.Error(err)
	}
	if _, err := task.CString(end-3, 3); err != abi.ENAMETOOLONG {
		t.Error(err)
	}
	if b, err := task.BytesPartial(end-3, 10, true); len(b) != 3 || err != 0 {
		t.Errorf("%q %v", b, err)
	}
	if _, err := task.Bytes(^uint64(0)-1, 10, false); err != abi.EFAULT {
		t.Error(err)
	}
	// Across a protection, and after it changes.
	if _, err := call(t, task, "mprotect", a, abi.PageSize, abi.PROT_READ); err != 0 {
		t.Fatal(err)
	}
	if _, err := task.Bytes(a+abi.PageSize-2, 4, false); err != 0 {
		t.Error(err)
	}
	if _, err := task.Bytes(a+abi.PageSize-2, 4, true); err != abi.EFAULT {
		t.Error(err)
	}
	for i, v := range []uint32{uint32(a), 4, uint32(end), 0x10} {
		_ = task.WriteUint32(end-16+uint64(4*i), v)
	}
	v, err := task.Iovecs(end-16, 2)
	if err != 0 || v[0] != (Iovec{a, 4}) || v[1] != (Iovec{end, 0x10}) {
		t.Errorf("%v %v", v, err)
	}
	if _, err := task.Iovecs(end-16, 1025); err != abi.EINVAL {
		t.Error(err)
	}
}

// TestHidden checks that the runner's own pages are none of the guest's.
func TestHidden(t *testing.T) {
	task, arena := testSpace(t, image.AMD64)
	s := task.proc.as
	if err := s.MapSegment(Segment{Addr: arena.Lo, Size: abi.PageSize, Hidden: true}); err != 0 {
		t.Fatal(err)
	}
	if err := s.Seal(arena.Lo, abi.PageSize, abi.PROT_READ|abi.PROT_EXEC); err != 0 {
		t.Fatal(err)
	}
	if s.MapsText() != "" {
		t.Errorf("maps:\n%s", s.MapsText())
	}
	for _, c := range []struct {
		name string
		args []uint64
		want abi.Errno
	}{
		{"munmap", []uint64{arena.Lo, abi.PageSize}, abi.EINVAL},
		{"mprotect", []uint64{arena.Lo, abi.PageSize, abi.PROT_READ}, abi.ENOMEM},
		{"mmap", []uint64{arena.Lo, abi.PageSize, protRW, anonFixed, noFD, 0}, abi.EINVAL},
		{"mremap", []uint64{arena.Lo, abi.PageSize, 8192, abi.MREMAP_MAYMOVE, 0}, abi.EFAULT},
		{"madvise", []uint64{arena.Lo, abi.PageSize, abi.MADV_DONTNEED}, abi.ENOMEM},
	} {
		if _, err := call(t, task, c.name, c.args...); err != c.want {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	if _, err := task.Bytes(arena.Lo, 1, false); err != abi.EFAULT {
		t.Error("the guest reads the runner's page")
	}
}

// TestForeign places mappings around memory that belongs to somebody else.
func TestForeign(t *testing.T) {
	task, arena := testSpace(t, image.AMD64)
	other := &linuxhost.Memory{}
	theirs := Range{arena.Hi - 3<<16, arena.Hi - 1<<16}
	if err := other.Reserve(uintptr(theirs.Lo), uintptr(theirs.Hi-theirs.Lo)); err != 0 {
		t.Fatal(err)
	}
	defer other.Release(uintptr(theirs.Lo), uintptr(theirs.Hi-theirs.Lo))
	total := uint64(0)
	for {
		a, err := call(t, task, "mmap", 0, 12*abi.PageSize, protRW, anon, noFD, 0)
		if err != 0 {
			break
		}
		total += 12 * abi.PageSize
		if theirs.overlaps(a, a+12*abi.PageSize) {
			t.Fatalf("%#x was given away twice", a)
		}
		rawBytes(a, 1)[0] = 1
	}
	if want := arena.Hi - arena.Lo - (theirs.Hi - theirs.Lo) - 2*12*abi.PageSize; total < want {
		t.Errorf("only %#x bytes could be mapped, want at least %#x", total, want)
	}
}

// TestHammer lets several tasks map, use and unmap at once.
func TestHammer(t *testing.T) {
	task, _ := testSpace(t, image.AMD64)
	var wg sync.WaitGroup
	for g := range 4 {
		k := task.proc.NewTask(&testCPU{})
		wg.Add(1)
		go func() {
			defer wg.Done()
			rng := rand.New(rand.NewPCG(uint64(g), 3))
			for range 500 {
				n := (1 + rng.Uint64N(8)) * abi.PageSize
				a, err := k.proc.as.mmap(mapping{size: n, prot: protRW})
				if err != 0 {
					t.Errorf("mmap: %v", err)
					return
				}
				b, err := k.Bytes(a, n, true)
				if err != 0 {
					t.Errorf("bytes: %v", err)
					return
				}
				b[0], b[n-1] = 1, 2
				if err := k.proc.as.mprotect(a, a+abi.PageSize, abi.PROT_READ, false, "mprotect", nil); err != 0 {
					t.Errorf("mprotect: %v", err)
				}
				_ = k.proc.as.MapsText()
				if err := k.proc.as.munmap(a, a+n); err != 0 {
					t.Errorf("munmap: %v", err)
				}
			}
		}()
	}
	wg.Wait()
	if len(task.proc.as.vmas) != 0 {
		t.Errorf("left: %s", task.proc.as.MapsText())
	}
}

func testFiles() FilesConfig { return FilesConfig{} }
