package kernel

import (
	"math/bits"
	"runtime"
	"testing"
	"time"

	"bee/image"
	"bee/runtime/abi"
	"bee/runtime/host"
)

const (
	tib     = 1 << 40
	gib     = 1 << 30
	mib     = 1 << 20
	noSpace = abi.MAP_PRIVATE | abi.MAP_ANONYMOUS | abi.MAP_NORESERVE
)

// countingMemory counts the calls that reach the host.
type countingMemory struct {
	host.Memory
	reserves, commits int
	committed         uintptr
}

func (m *countingMemory) Reserve(addr, size uintptr) abi.Errno {
	m.reserves++
	return m.Memory.Reserve(addr, size)
}

func (m *countingMemory) Commit(addr, size uintptr, p host.Prot) abi.Errno {
	m.commits++
	m.committed += size
	return m.Memory.Commit(addr, size, p)
}

// wideSpace makes a task whose arenas are free stretches of the given sizes,
// found from the top of what lies between lo and hi.
func wideSpace(t testing.TB, cfg SpaceConfig, sizes ...uint64) (*box, *countingMemory, []Range) {
	t.Helper()
	if bits.UintSize < 64 {
		t.Skip("the host has no room")
	}
	mem, clock, system, files := testHost()
	if cfg.Memory != nil {
		mem = cfg.Memory
	}
	count := &countingMemory{Memory: mem}
	cfg.Memory = count
	hi := highest
	for _, size := range sizes {
		lo := freeBelow(t, mem, hi, size)
		cfg.Arenas = append(cfg.Arenas, Range{lo, lo + size})
		hi = lo
	}
	s, err := NewAddressSpace(cfg)
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
	proc, err := NewProcess(Config{
		Arch: image.AMD64, Space: s, Clock: clock, System: system, Exe: "/bin/test", Cwd: "/", Root: true,
		Files: FilesConfig{Host: files, Root: testDir(t)},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proc.files.closeAll)
	return &box{TB: t, task: proc.NewTask(&testCPU{})}, count, s.arenas
}

const highest = uint64(0x7e00_0000_0000)

// freeBelow finds size free bytes far above everything else.
func freeBelow(t testing.TB, mem host.Memory, hi, size uint64) uint64 {
	t.Helper()
	lo := uint64(tib)
	p, ok := mem.Free(uintptr(lo), uintptr(hi), uintptr(size))
	if !ok {
		t.Skipf("the host has no %d GiB in a row", size>>30)
	}
	return uint64(p)
}

// quick fails if what lies between two calls took longer than no loop over
// pages or granules could.
func quick(t testing.TB, what string, limit time.Duration) func() {
	start := time.Now()
	return func() {
		t.Helper()
		d := time.Since(start)
		t.Logf("%s: %v", what, d)
		if d > limit {
			t.Errorf("%s took %v", what, d)
		}
	}
}

// TestReserveTerabyte does what runtimes do that reserve much and use little:
// what it costs depends on the pieces that are used.
func TestReserveTerabyte(t *testing.T) {
	b, host, arenas := wideSpace(t, SpaceConfig{}, 2*tib)
	as := b.task.proc.as

	done := quick(t, "mmap of 1 TiB", 2*time.Second)
	at := b.must("mmap", 0, uint64(tib), 0, noSpace, -1, 0)
	done()
	if at != arenas[0].Hi-tib || host.reserves != 1 || host.commits != 0 || len(as.vmas) != 1 {
		t.Fatalf("at %#x with %d reservations and %d commits, %d mappings", at, host.reserves, host.commits, len(as.vmas))
	}
	const pieces = 64
	piece := func(i int) uint64 { return at + uint64(i)*tib/pieces + 3*abi.PageSize }
	done = quick(t, "64 mprotects", time.Second)
	for i := range pieces {
		b.must("mprotect", piece(i), uint64(4*mib), protReadWrite)
		m, err := b.task.Bytes(piece(i), 4*mib, true)
		if err != 0 || m[0] != 0 {
			t.Fatal(err)
		}
		m[0], m[len(m)-1] = 1, 2
	}
	done()
	if len(as.vmas) != 2*pieces+1 || host.reserves != 1 || host.committed != pieces*4*mib {
		t.Fatalf("%d mappings, %d reservations, %d bytes committed", len(as.vmas), host.reserves, host.committed)
	}
	if _, committed := as.Usage(); committed != pieces*4*mib || as.committed != committed {
		t.Fatalf("%d bytes counted, %d kept", committed, as.committed)
	}
	// A mapping in the middle, as Go's runtime makes arenas usable and not.
	done = quick(t, "mappings over parts", time.Second)
	for i := range pieces / 2 {
		b.must("mmap", piece(i)+mib, uint64(mib), protReadWrite, noSpace|abi.MAP_FIXED, -1, 0)
		b.must("mmap", piece(i)+2*mib, uint64(mib), 0, noSpace|abi.MAP_FIXED, -1, 0)
	}
	for i := range pieces / 2 {
		b.must("munmap", piece(pieces/2+i), uint64(8*mib))
	}
	done()
	if v := rawBytes(piece(0), 1)[0]; v != 1 {
		t.Errorf("content beside a new mapping: %d", v)
	}
	done = quick(t, "mprotect of everything that is left below", time.Second)
	b.must("mprotect", at, uint64(tib/2), 0)
	done()
	if mapped, committed := as.Usage(); mapped != tib-pieces/2*8*mib || as.committed != committed || committed != pieces/2*3*mib {
		t.Errorf("mapped %#x committed %#x, kept %#x", mapped, committed, as.committed)
	}
	done = quick(t, "munmap of the rest", time.Second)
	b.must("munmap", at, uint64(tib))
	done()
	if len(as.vmas) != 0 || as.committed != 0 {
		t.Errorf("left: %s%d bytes", as.MapsText(), as.committed)
	}
	// What was reserved once stays so, and can be had again.
	done = quick(t, "1000 times 1 TiB", 2*time.Second)
	for range 1000 {
		p := b.must("mmap", 0, uint64(tib), 0, noSpace, -1, 0)
		b.must("munmap", p, uint64(tib))
	}
	done()
	if host.reserves != 1 {
		t.Errorf("%d reservations", host.reserves)
	}
}

const protReadWrite = abi.PROT_READ | abi.PROT_WRITE

// TestReserveAroundOthers places large mappings where something of the host's
// process lies in the arena.
func TestReserveAroundOthers(t *testing.T) {
	b, count, arenas := wideSpace(t, SpaceConfig{}, 3*tib)
	a := arenas[0]
	other := Range{a.Hi - tib/2, a.Hi - tib/2 + 5<<16}
	mem := count.Memory
	if err := mem.Reserve(uintptr(other.Lo), uintptr(other.Hi-other.Lo)); err != 0 {
		t.Fatal(err)
	}
	defer mem.Release(uintptr(other.Lo), uintptr(other.Hi-other.Lo))

	done := quick(t, "mmap below somebody else's", 2*time.Second)
	at := b.must("mmap", 0, uint64(tib), 0, noSpace, -1, 0)
	done()
	if at != other.Lo-tib {
		t.Errorf("at %#x, want %#x", at, other.Lo-tib)
	}
	if got, want := b.task.proc.as.foreign, (Range{other.Lo, other.Hi}); len(got) != 1 || got[0] != want {
		t.Errorf("noted %#x, want %#x", got, want)
	}
	done = quick(t, "what cannot be had", 2*time.Second)
	for _, c := range []struct {
		flags int
		want  abi.Errno
	}{
		{abi.MAP_FIXED, abi.ENOMEM},
		{abi.MAP_FIXED_NOREPLACE, abi.EEXIST},
	} {
		if _, err := b.sys("mmap", other.Hi-tib/4, uint64(tib/2), 0, noSpace|c.flags, -1, 0); err != c.want {
			t.Errorf("flags %#x: %v, want %v", c.flags, err, c.want)
		}
	}
	if _, err := b.sys("mmap", 0, uint64(2*tib), 0, noSpace, -1, 0); err != abi.ENOMEM {
		t.Error(err)
	}
	done()
	// A hint that cannot be had is only a hint.
	if p := b.must("mmap", other.Lo, uint64(mib), 0, noSpace, -1, 0); p == other.Lo {
		t.Errorf("at %#x", p)
	}
}

// TestReservedHints asks for addresses that were reserved before the process
// began, as Go programs do at 0xc000000000.
func TestReservedHints(t *testing.T) {
	mem, _, _, _ := testHost()
	if bits.UintSize < 64 {
		t.Skip("the host has no room")
	}
	size := uint64(64 * gib)
	base := freeBelow(t, mem, highest, size)
	if err := mem.Reserve(uintptr(base), uintptr(size)); err != 0 {
		t.Fatal(err)
	}
	b, count, arenas := wideSpace(t, SpaceConfig{Memory: mem, Reserved: []Range{{base, base + size}}}, tib)
	for i := range uint64(16) {
		hint := base + i*64*mib
		if at := b.must("mmap", hint, uint64(64*mib), 0, noSpace, -1, 0); at != hint {
			t.Fatalf("hint %#x gave %#x", hint, at)
		}
		b.must("mmap", hint, uint64(4*mib), protReadWrite, noSpace|abi.MAP_FIXED, -1, 0)
		rawBytes(hint, 4*mib)[4*mib-1] = 1
	}
	if count.reserves != 0 {
		t.Errorf("%d reservations", count.reserves)
	}
	// What is mapped is no place for a second one.
	if at := b.must("mmap", base, uint64(64*mib), 0, noSpace, -1, 0); !arenas[0].overlaps(at, at+1) {
		t.Errorf("at %#x", at)
	}
	// Beyond the reservation there is nobody.
	if at := b.must("mmap", base+size-mib, uint64(2*mib), 0, noSpace, -1, 0); at != base+size-mib && !arenas[0].overlaps(at, at+1) {
		t.Errorf("at %#x", at)
	}
	if at := b.must("mmap", uint64(1<<62), uint64(mib), 0, noSpace, -1, 0); !arenas[0].overlaps(at, at+1) {
		t.Errorf("at %#x", at)
	}
}

func TestCommitLimit(t *testing.T) {
	b, _, arenas := wideSpace(t, SpaceConfig{CommitLimit: 64 * mib}, gib)
	as := b.task.proc.as
	reject := func(name string, args ...any) {
		t.Helper()
		if _, err := b.sys(name, args...); err != abi.ENOMEM {
			t.Errorf("%s(%#x): %v, want ENOMEM", name, args, err)
		}
	}
	idle := b.must("mmap", 0, uint64(256*mib), 0, noSpace, -1, 0)
	reject("mmap", 0, uint64(65*mib), protReadWrite, noSpace, -1, 0)
	a := b.must("mmap", 0, uint64(60*mib), protReadWrite, noSpace, -1, 0)
	reject("mprotect", idle, uint64(5*mib), abi.PROT_READ)
	b.must("mprotect", idle, uint64(4*mib), abi.PROT_READ)
	reject("mmap", 0, abi.PageSize, abi.PROT_READ, noSpace, -1, 0)
	reject("mremap", a, uint64(60*mib), uint64(61*mib), abi.MREMAP_MAYMOVE)
	// Taking the place of committed memory needs no more.
	b.must("mmap", a, uint64(60*mib), protReadWrite, noSpace|abi.MAP_FIXED, -1, 0)
	// Pages without access are committed still, until their content is given up.
	b.must("mprotect", idle, uint64(4*mib), 0)
	reject("mmap", 0, abi.PageSize, abi.PROT_READ, noSpace, -1, 0)
	b.must("madvise", idle, uint64(4*mib), abi.MADV_DONTNEED)
	b.must("munmap", b.must("mmap", 0, uint64(4*mib), protReadWrite, noSpace, -1, 0), uint64(4*mib))
	b.must("munmap", a, uint64(30*mib))
	as.SetBrk(arenas[0].Lo)
	if end := b.must("brk", arenas[0].Lo+64*mib); end != arenas[0].Lo {
		t.Errorf("brk beyond the limit: %#x", end)
	}
	if end := b.must("brk", arenas[0].Lo+34*mib); end != arenas[0].Lo+34*mib {
		t.Errorf("brk within the limit: %#x", end)
	}
	if _, committed := as.Usage(); committed != 64*mib || as.committed != committed {
		t.Errorf("%d bytes committed, %d kept", committed, as.committed)
	}
}

// TestMoveReserved grows memory without access, of which a part was used once.
func TestMoveReserved(t *testing.T) {
	b, host, _ := wideSpace(t, SpaceConfig{}, 3*tib)
	as := b.task.proc.as
	at := b.must("mmap", 0, uint64(tib), 0, noSpace, -1, 0)
	used := at + 17*gib
	b.must("mprotect", used, uint64(mib), protReadWrite)
	copy(rawBytes(used, 16), "what was written")
	b.must("mprotect", used, uint64(mib), 0)
	b.must("mmap", at+tib-abi.PageSize, abi.PageSize, 0, noSpace|abi.MAP_FIXED, -1, 0)
	before := host.committed
	done := quick(t, "mremap of 1 TiB", 3*time.Second)
	to := b.must("mremap", at, uint64(tib), uint64(tib+gib), abi.MREMAP_MAYMOVE)
	done()
	if to == at || host.committed-before != mib || as.committed != mib {
		t.Errorf("moved to %#x with %#x bytes committed", to, host.committed-before)
	}
	b.must("mprotect", to+17*gib, uint64(mib), abi.PROT_READ)
	if s := string(rawBytes(to+17*gib, 16)); s != "what was written" {
		t.Errorf("content %q", s)
	}
	if _, err := b.task.Bytes(used, 1, false); err != abi.EFAULT {
		t.Error("the old place is mapped")
	}
}

// TestBelow2GiB is MAP_32BIT.
func TestBelow2GiB(t *testing.T) {
	mem, _, _, _ := testHost()
	p, ok := mem.Free(0x10000000, 0x70000000, 4*mib)
	if !ok {
		t.Fatal("no room")
	}
	low := Range{uint64(p), uint64(p) + 4*mib}
	b, _, arenas := wideSpace(t, SpaceConfig{Arenas: []Range{low}}, gib)
	const flags = noSpace | abi.MAP_32BIT
	a := b.must("mmap", 0, uint64(mib), protReadWrite, flags, -1, 0)
	c := b.must("mmap", arenas[0].Lo, uint64(mib), protReadWrite, flags, -1, 0)
	if !low.overlaps(a, a+1) || !low.overlaps(c, c+1) || a == c {
		t.Errorf("at %#x and %#x", a, c)
	}
	if v := b.must("mmap", low.Lo, abi.PageSize, protReadWrite, flags, -1, 0); v != low.Lo {
		t.Errorf("a hint below 2 GiB gave %#x", v)
	}
	if v := b.must("mmap", 0, uint64(mib), protReadWrite, noSpace, -1, 0); low.overlaps(v, v+1) {
		t.Errorf("without the flag at %#x", v)
	}
	if _, err := b.sys("mmap", 0, uint64(4*mib), protReadWrite, flags, -1, 0); err != abi.ENOMEM {
		t.Error(err)
	}
}

// TestReserveUntilRefused takes as much as the host gives, as allocators do
// that try 16 TiB first. Wine pays a byte for each page that is reserved, so
// that it is not asked for that much.
func TestReserveUntilRefused(t *testing.T) {
	most := uint64(32 * tib)
	if runtime.GOOS == "windows" {
		most = 2 * tib
	}
	b, host, _ := wideSpace(t, SpaceConfig{}, most+tib)
	for size := most; size >= tib; size /= 2 {
		start := time.Now()
		p, err := b.sys("mmap", 0, size, 0, noSpace, -1, 0)
		t.Logf("%d TiB: %#x %v in %v, %d reservations", size>>40, p, err, time.Since(start), host.reserves)
		if err == 0 {
			return
		}
	}
	t.Error("not even 1 TiB")
}
