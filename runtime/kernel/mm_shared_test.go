package kernel

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bee/image"
	"bee/runtime/abi"
)

// memBox makes a task with an arena of its own for mappings, beside a small
// one for arguments.
func memBox(t testing.TB, arch image.Arch, size uint64) (*box, Range) {
	t.Helper()
	mem, clock, system, files := testHost()
	p, ok := mem.Free(0x10000000, 0x70000000, uintptr(size+3*granule))
	if !ok {
		t.Fatal("no room for an arena")
	}
	lo := (uint64(p) + granule - 1) &^ (granule - 1)
	arena := Range{lo, lo + size}
	small := Range{arena.Hi, arena.Hi + granule}
	var log bytes.Buffer
	s, err := NewAddressSpace(SpaceConfig{Memory: mem, Arenas: []Range{arena}, Log: func(f string, a ...any) { fmt.Fprintf(&log, f+"\n", a...) }, Top: small.Hi})
	if err != nil {
		t.Fatal(err)
	}
	root := testDir(t)
	proc, err := NewProcess(Config{
		Arch: arch, Space: s, Clock: clock, System: system, Exe: "/bin/test", Cwd: "/", Log: &log, Root: true,
		Files: FilesConfig{Host: files, Root: root},
	})
	if err != nil {
		t.Fatal(err)
	}
	b := &box{TB: t, task: proc.NewTask(&testCPU{}), root: root}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log: %s\n%s", log.String(), s.MapsText())
		}
		_ = s.munmap(0, s.top)
		proc.files.closeAll()
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.views) != 0 || len(s.objects) != 0 || s.committed != 0 || s.mapped != 0 || s.locked != 0 || s.data != 0 {
			t.Errorf("left: views %v objects %v, %d %d %d %d", s.views, s.objects, s.committed, s.mapped, s.locked, s.data)
		}
		for _, r := range s.res {
			if err := mem.Release(uintptr(r.Lo), uintptr(r.Hi-r.Lo)); err != 0 {
				t.Errorf("release %#x: %v", r, err)
			}
		}
	})
	b.lo = b.must(b.mmapName(), small.Lo, 512<<10, protReadWrite, abi.MAP_PRIVATE|abi.MAP_ANONYMOUS|abi.MAP_FIXED, -1, 0)
	b.at = b.lo
	return b, arena
}

func (b *box) mmapName() string {
	if b.task.is64() {
		return "mmap"
	}
	return "mmap2"
}

// mmap is mmap of either width; off is in bytes.
func (b *box) mmap(addr, size uint64, prot, flags int, fd uint64, off uint64) (uint64, abi.Errno) {
	b.Helper()
	if !b.task.is64() {
		off >>= 12
	}
	return b.sys(b.mmapName(), addr, size, prot, flags, fd, off)
}

func (b *box) mustMap(addr, size uint64, prot, flags int, fd uint64, off uint64) uint64 {
	b.Helper()
	v, e := b.mmap(addr, size, prot, flags, fd, off)
	if e != 0 {
		b.Fatalf("mmap(%#x, %#x, %d, %#x, %d, %#x): %v", addr, size, prot, flags, int(fd), off, e)
	}
	return v
}

// bytes is guest memory that must be accessible.
func (b *box) mem(addr, n uint64, write bool) []byte {
	b.Helper()
	m, e := b.task.Bytes(addr, n, write)
	if e != 0 {
		b.Fatalf("%#x+%#x: %v", addr, n, e)
	}
	return m
}

func (b *box) opened(name string, content []byte) uint64 {
	b.Helper()
	if err := os.WriteFile(filepath.Join(b.root, name), content, 0o644); err != nil {
		b.Fatal(err)
	}
	return b.must("open", "/"+name, abi.O_RDWR)
}

func pattern(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i*7 + i>>8)
	}
	return p
}

const noFile = ^uint64(0)

func TestSharedFile(t *testing.T) {
	for _, arch := range []image.Arch{image.I386, image.AMD64} {
		b, _ := memBox(t, arch, 16<<20)
		const page = abi.PageSize
		content := pattern(200000)
		fd := b.opened("data", content)
		a := b.mustMap(0, 200000, protReadWrite, abi.MAP_SHARED, fd, 0)
		c := b.mustMap(0, 50000, abi.PROT_READ, abi.MAP_SHARED, fd, 0x21000)
		if got := b.mem(a, 200000, true); !bytes.Equal(got, content) {
			t.Fatal("the mapping does not show the file")
		}
		if !bytes.Equal(b.mem(a+200000, pageUp(200000)-200000, true), make([]byte, pageUp(200000)-200000)) {
			t.Error("what lies behind the end is not zero")
		}
		b.mem(a, 200000, true)[0x21005] = 0xee
		if b.mem(c, 6, false)[5] != 0xee {
			t.Error("the second mapping does not show what was written")
		}
		buf := make([]byte, 1)
		at := b.put(buf)
		b.must("lseek", fd, 0x21005, 0)
		b.must("read", fd, at, 1)
		if b.mem(at, 1, false)[0] != 0xee {
			t.Error("read does not show what was written")
		}
		b.must("lseek", fd, 7, 0)
		b.must("write", fd, []byte("written"), 7)
		if string(b.mem(a+7, 7, false)) != "written" {
			t.Error("the mapping does not show what write wrote")
		}
		b.must("close", fd)
		b.must("unlink", "/data")
		b.mem(a, 1, true)[0] = 'x'
		b.must("msync", a, 200000, abi.MS_SYNC)
		// A part goes; the rest stays.
		b.must("munmap", a+3*page, 2*page)
		if _, e := b.task.Bytes(a+3*page, 1, false); e != abi.EFAULT {
			t.Error("an unmapped page can be read")
		}
		if b.mem(a, 1, false)[0] != 'x' || b.mem(a+5*page, 1, false)[0] != content[5*page] {
			t.Error("the rest has changed")
		}
		// Private memory goes where nothing of the view is in use, not beside it.
		if _, e := b.mmap(a+3*page, page, protReadWrite, abi.MAP_PRIVATE|abi.MAP_ANONYMOUS|abi.MAP_FIXED, noFile, 0); e != abi.EINVAL {
			t.Errorf("private memory between shared pages: %v", e)
		}
		b.mustMap(a+0x10000, 0x10000, protReadWrite, abi.MAP_PRIVATE|abi.MAP_ANONYMOUS|abi.MAP_FIXED, noFile, 0)
		if b.mem(a+0x10000, 1, true)[0] != 0 || b.mem(a, 1, false)[0] != 'x' || b.mem(a+0x20000, 1, true)[0] != content[0x20000] {
			t.Error("content around private memory")
		}
		b.must("mprotect", a, page, abi.PROT_READ)
		if _, e := b.task.Bytes(a, 1, true); e != abi.EFAULT {
			t.Error("the page can be written")
		}
		b.must("mprotect", a, page, 0)
		b.must("mprotect", a, page, protReadWrite)
		if b.mem(a, 1, false)[0] != 'x' {
			t.Error("mprotect has changed the content")
		}
		b.must("munmap", a, 200000)
		b.must("munmap", c, 50000)
		if n := len(b.task.proc.as.views); n != 0 {
			t.Errorf("%d views left", n)
		}
	}
}

// TestSharedRights opens files in all ways.
func TestSharedRights(t *testing.T) {
	b, _ := memBox(t, image.AMD64, 16<<20)
	b.must("close", b.opened("f", pattern(5000)))
	ro := b.must("open", "/f", abi.O_RDONLY)
	wo := b.must("open", "/f", abi.O_WRONLY)
	for _, c := range []struct {
		fd          uint64
		prot, flags int
		want        abi.Errno
	}{
		{ro, abi.PROT_READ, abi.MAP_SHARED, 0},
		{ro, protReadWrite, abi.MAP_SHARED, abi.EACCES},
		{ro, protReadWrite, abi.MAP_PRIVATE, 0},
		{wo, abi.PROT_READ, abi.MAP_SHARED, abi.EACCES},
		{wo, abi.PROT_WRITE, abi.MAP_SHARED, abi.EACCES},
		{wo, abi.PROT_READ, abi.MAP_PRIVATE, abi.EACCES},
		{ro, abi.PROT_READ, abi.MAP_SHARED_VALIDATE, 0},
		{ro, abi.PROT_READ, abi.MAP_SHARED_VALIDATE | abi.MAP_SYNC, abi.EOPNOTSUPP},
		{ro, abi.PROT_READ, 0, abi.EINVAL},
	} {
		if _, e := b.mmap(0, 4096, c.prot, c.flags, c.fd, 0); e != c.want {
			t.Errorf("%+v: %v", c, e)
		}
	}
	a := b.mustMap(0, 4096, abi.PROT_READ, abi.MAP_SHARED, ro, 0)
	if _, e := b.sys("mprotect", a, 4096, protReadWrite); e != abi.EACCES {
		t.Errorf("mprotect of a file that is open for reading: %v", e)
	}
}

// TestFileChangesSize lets files grow and shrink under their mappings.
func TestFileChangesSize(t *testing.T) {
	const page = abi.PageSize
	for _, flags := range []int{abi.MAP_SHARED, abi.MAP_PRIVATE} {
		b, _ := memBox(t, image.AMD64, 16<<20)
		as := b.task.proc.as
		fd := b.opened("f", pattern(page+100))
		const n = 64 * page
		a := b.mustMap(0, n, protReadWrite, flags, fd, 0)
		usable := func(want uint64) {
			t.Helper()
			if got := b.task.accessible(a, n, true); got != pageUp(want) {
				t.Errorf("flags %d: %#x bytes usable, want %#x", flags, got, pageUp(want))
			}
			for _, at := range []uint64{0, want - 1, n - 1} {
				sig := abi.Signal(abi.SIGSEGV)
				if at >= pageUp(want) {
					sig = abi.SIGBUS
				}
				if got := as.FaultSignal(a + at); got != sig {
					t.Errorf("flags %d: a fault at %#x is %v, want %v", flags, at, got, sig)
				}
			}
		}
		usable(page + 100)
		b.mem(a, 1, true)[0] = 1
		b.must("ftruncate", fd, 20*page+1)
		usable(20*page + 1)
		b.must("lseek", fd, 30*page, 0)
		b.must("write", fd, []byte("abc"), 3)
		usable(30*page + 3)
		if string(b.mem(a+30*page, 4, false)) != "abc\x00" {
			t.Error("what was written is not there")
		}
		b.must("pwrite64", fd, []byte("z"), 1, 40*page)
		usable(40*page + 1)
		if b.mem(a, 1, false)[0] != 1 {
			t.Error("the beginning has changed")
		}
		b.must("ftruncate", fd, 3*page-5)
		usable(3*page - 5)
		if b.mem(a, 1, false)[0] != 1 {
			t.Error("the beginning has changed")
		}
		b.must("truncate", "/f", page)
		usable(page)
		fd2 := b.must("open", "/f", abi.O_RDWR|abi.O_TRUNC)
		if got := b.task.accessible(a, n, true); got != 0 {
			t.Errorf("after O_TRUNC: %d", got)
		}
		b.must("pwrite64", fd2, pattern(100), 100, 0)
		usable(100)
		if _, e := b.sys("write", fd, a+page, 10); e != abi.EFAULT {
			t.Errorf("write from behind the end: %v", e)
		}
		b.must("ftruncate", fd2, 5)
		b.must("munmap", a, n)
		b.must("ftruncate", fd2, 100)
	}
}

func TestSharedAnonymous(t *testing.T) {
	const page = abi.PageSize
	b, _ := memBox(t, image.AMD64, 16<<20)
	a := b.mustMap(0, 10*page, protReadWrite, abi.MAP_SHARED|abi.MAP_ANONYMOUS, noFile, 0)
	copy(b.mem(a, 100, true), "shared")
	b.must("madvise", a, 10*page, abi.MADV_DONTNEED)
	second := b.must("mremap", a, 0, 10*page, abi.MREMAP_MAYMOVE)
	if string(b.mem(second, 6, false)) != "shared" {
		t.Error("the second view shows something else")
	}
	b.mem(second, 1, true)[0] = 'S'
	moved := b.must("mremap", a, 10*page, 20*page, abi.MREMAP_MAYMOVE)
	if string(b.mem(moved, 6, false)) != "Shared" {
		t.Error("content after a move")
	}
	if n := b.task.accessible(moved, 20*page, true); n != 10*page {
		t.Errorf("%d bytes accessible: the memory does not grow", n)
	}
	if _, e := b.task.Bytes(a, 1, false); moved != a && e != abi.EFAULT {
		t.Error("the old place is there")
	}
	b.must("madvise", second, page, abi.MADV_REMOVE)
	if b.mem(moved, 1, false)[0] != 0 {
		t.Error("MADV_REMOVE")
	}
	zero := b.must("open", "/dev/zero", abi.O_RDWR)
	if _, e := b.sys("mremap", b.mustMap(0, page, protReadWrite, abi.MAP_PRIVATE|abi.MAP_ANONYMOUS, noFile, 0), 0, page, abi.MREMAP_MAYMOVE); e != abi.EINVAL {
		t.Errorf("old size 0 of private memory: %v", e)
	}
	_ = zero
	if text := b.task.proc.as.MapsText(); !strings.Contains(text, "rw-s 00000000 00:01 1") || !strings.Contains(text, "/dev/zero (deleted)") {
		t.Errorf("maps:\n%s", text)
	}
}

// TestSharedOverReserved puts views into memory that was reserved without
// access, and between private memory in use.
func TestSharedOverReserved(t *testing.T) {
	const page = abi.PageSize
	b, _ := memBox(t, image.AMD64, 16<<20)
	fd := b.opened("f", pattern(0x40000))
	a := b.mustMap(0, 0x100000, 0, abi.MAP_PRIVATE|abi.MAP_ANONYMOUS, noFile, 0)
	if a&0xffff != 0 {
		t.Errorf("a large stretch without access lies at %#x", a)
	}
	// Twice in a row, as ring buffers are made.
	b.mustMap(a, 0x20000, protReadWrite, abi.MAP_SHARED|abi.MAP_FIXED, fd, 0)
	b.mustMap(a+0x20000, 0x20000, protReadWrite, abi.MAP_SHARED|abi.MAP_FIXED, fd, 0)
	b.mem(a, 0x40000, true)[0x1ffff] = 0x55
	if b.mem(a+0x20000, 0x20000, true)[0x1ffff] != 0x55 {
		t.Error("the two halves differ")
	}
	b.mustMap(a+0x80000, 0x80000, protReadWrite, abi.MAP_PRIVATE|abi.MAP_ANONYMOUS|abi.MAP_FIXED, noFile, 0)
	copy(b.mem(a+0x80000, 100, true), "kept")
	copy(b.mem(a+0xf0000, 100, true), "kept too")
	b.must("mprotect", a+0xf0000, page, 0)
	b.mustMap(a+0xa0000, 0x10000, protReadWrite, abi.MAP_SHARED|abi.MAP_FIXED, fd, 0x10000)
	if string(b.mem(a+0x80000, 4, true)) != "kept" || b.mem(a+0xa0000, 1, true)[0] != pattern(0x10001)[0x10000] {
		t.Error("content beside a view")
	}
	b.must("mprotect", a+0xf0000, page, abi.PROT_READ)
	if string(b.mem(a+0xf0000, 8, false)) != "kept too" {
		t.Error("content of pages without access")
	}
	for _, c := range []struct{ addr, size, off uint64 }{
		{a + page, page, 0},              // not congruent
		{a + 0x80000, page, 0},           // beside private memory
		{a + 0x80000 + page, page, page}, // the same
		{a + 0x20000, page, 0x20000 + 0}, // beside another part of the file
		{a + 0x21000, 2 * page, 0x1000 + 0x10000},
	} {
		if _, e := b.mmap(c.addr, c.size, protReadWrite, abi.MAP_SHARED|abi.MAP_FIXED, fd, c.off); e != abi.EINVAL {
			t.Errorf("%+v: %v, want EINVAL", c, e)
		}
	}
	if n := b.task.proc.as.unfit.Load(); n != 5 {
		t.Errorf("%d refusals counted", n)
	}
	b.must("munmap", a, 0x100000)
	if n := len(b.task.proc.as.views); n != 0 {
		t.Errorf("%d views left", n)
	}
}

func TestMemfd(t *testing.T) {
	const page = abi.PageSize
	b, _ := memBox(t, image.AMD64, 16<<20)
	fd := b.must("memfd_create", "name", abi.MFD_CLOEXEC|abi.MFD_ALLOW_SEALING)
	b.must("ftruncate", fd, 3*page)
	a := b.mustMap(0, 3*page, protReadWrite, abi.MAP_SHARED, fd, 0)
	copy(b.mem(a, 8, true), "content")
	if !strings.Contains(b.task.proc.as.MapsText(), "/memfd:name (deleted)") {
		t.Error(b.task.proc.as.MapsText())
	}
	reject := func(want abi.Errno, name string, args ...any) {
		t.Helper()
		if _, e := b.sys(name, args...); e != want {
			t.Errorf("%s(%v): %v, want %v", name, args, e, want)
		}
	}
	reject(abi.EBUSY, "fcntl", fd, abi.F_ADD_SEALS, abi.F_SEAL_WRITE)
	b.must("fcntl", fd, abi.F_ADD_SEALS, abi.F_SEAL_SHRINK)
	reject(abi.EPERM, "ftruncate", fd, page)
	b.must("ftruncate", fd, 4*page)
	b.must("fcntl", fd, abi.F_ADD_SEALS, abi.F_SEAL_GROW)
	reject(abi.EPERM, "ftruncate", fd, 5*page)
	reject(abi.EPERM, "pwrite64", fd, []byte("xy"), 2, 4*page-1)
	b.must("munmap", a, 3*page)
	b.must("fcntl", fd, abi.F_ADD_SEALS, abi.F_SEAL_WRITE)
	reject(abi.EPERM, "write", fd, []byte("x"), 1)
	reject(abi.EPERM, "mmap", 0, page, protReadWrite, abi.MAP_SHARED, fd, 0)
	ro := b.mustMap(0, page, abi.PROT_READ, abi.MAP_SHARED, fd, 0)
	reject(abi.EACCES, "mprotect", ro, page, protReadWrite)
	if string(b.mem(ro, 7, false)) != "content" {
		t.Error("content")
	}
	b.must("fcntl", fd, abi.F_ADD_SEALS, abi.F_SEAL_SEAL)
	reject(abi.EPERM, "fcntl", fd, abi.F_ADD_SEALS, abi.F_SEAL_SEAL)
	if v := b.must("fcntl", fd, abi.F_GET_SEALS); v != abi.F_SEAL_SEAL|abi.F_SEAL_WRITE|abi.F_SEAL_GROW|abi.F_SEAL_SHRINK {
		t.Errorf("seals %#x", v)
	}
	plain := b.must("memfd_create", "", 0)
	if v := b.must("fcntl", plain, abi.F_GET_SEALS); v != abi.F_SEAL_SEAL {
		t.Errorf("seals %#x", v)
	}
	reject(abi.EINVAL, "memfd_create", strings.Repeat("x", 250), 0)
	reject(abi.EINVAL, "memfd_create", "x", 0x1000)
	b.must("memfd_create", strings.Repeat("x", 249), 0)
}

// TestPrivateFile re-reads what was discarded and grows with the file's
// content.
func TestPrivateFile(t *testing.T) {
	const page = abi.PageSize
	b, _ := memBox(t, image.AMD64, 16<<20)
	content := pattern(10 * page)
	fd := b.opened("f", content)
	a := b.mustMap(0, 4*page, protReadWrite, abi.MAP_PRIVATE, fd, page)
	clear(b.mem(a, 4*page, true))
	b.must("madvise", a+page, page, abi.MADV_DONTNEED)
	if got := b.mem(a, 4*page, true); got[page] != content[2*page] || got[0] != 0 || got[2*page] != 0 {
		t.Error("MADV_DONTNEED")
	}
	a = b.must("mremap", a, 4*page, 20*page, abi.MREMAP_MAYMOVE)
	if n := b.task.accessible(a, 20*page, true); n != 9*page {
		t.Errorf("%#x bytes accessible", n)
	}
	if got := b.mem(a, 9*page, true); !bytes.Equal(got[4*page:], content[5*page:]) || got[0] != 0 || got[page] != content[2*page] {
		t.Error("content after mremap")
	}
	keep := b.must("mremap", a, 20*page, 20*page, abi.MREMAP_MAYMOVE|abi.MREMAP_DONTUNMAP)
	if b.mem(keep, 1, true)[0] != 0 || b.mem(a, 1, true)[0] != content[page] {
		t.Error("MREMAP_DONTUNMAP")
	}
}

// TestMemoryLimits sets RLIMIT_AS, RLIMIT_DATA and RLIMIT_MEMLOCK.
func TestMemoryLimits(t *testing.T) {
	const page = abi.PageSize
	b, arena := memBox(t, image.AMD64, 16<<20)
	p := b.task.proc
	p.uid = 1000
	b.task.proc.as.SetBrk(arena.Lo)
	set := func(what int, room uint64) {
		used := map[int]uint64{abi.RLIMIT_AS: p.as.mapped, abi.RLIMIT_DATA: p.as.data, abi.RLIMIT_MEMLOCK: p.as.locked}[what]
		p.limits[what].cur = used + room
	}
	set(abi.RLIMIT_AS, 10*page)
	a := b.mustMap(0, 10*page, 0, anonymousPrivate, noFile, 0)
	if _, e := b.mmap(0, page, 0, anonymousPrivate, noFile, 0); e != abi.ENOMEM {
		t.Errorf("beyond RLIMIT_AS: %v", e)
	}
	b.mustMap(a, 10*page, abi.PROT_READ, anonymousPrivate|abi.MAP_FIXED, noFile, 0)
	if _, e := b.sys("mremap", a, 10*page, 11*page, abi.MREMAP_MAYMOVE); e != abi.ENOMEM {
		t.Errorf("mremap beyond RLIMIT_AS: %v", e)
	}
	if v := b.must("brk", arena.Lo+page); v != arena.Lo {
		t.Errorf("brk beyond RLIMIT_AS: %#x", v)
	}
	p.limits[abi.RLIMIT_AS].cur = rlimInfinity
	set(abi.RLIMIT_DATA, 5*page)
	if _, e := b.sys("mprotect", a, 6*page, protReadWrite); e != abi.ENOMEM {
		t.Errorf("mprotect beyond RLIMIT_DATA: %v", e)
	}
	b.must("mprotect", a, 5*page, protReadWrite)
	if _, e := b.mmap(0, page, protReadWrite, anonymousPrivate, noFile, 0); e != abi.ENOMEM {
		t.Errorf("mmap beyond RLIMIT_DATA: %v", e)
	}
	b.mustMap(0, page, protReadWrite, abi.MAP_SHARED|abi.MAP_ANONYMOUS, noFile, 0)
	if v := b.must("brk", arena.Lo+page); v != arena.Lo {
		t.Errorf("brk beyond RLIMIT_DATA: %#x", v)
	}
	p.limits[abi.RLIMIT_DATA].cur = rlimInfinity
	set(abi.RLIMIT_MEMLOCK, 2*page)
	b.must("mlock", a, 2*page)
	b.must("mlock", a, 2*page)
	if _, e := b.sys("mlock", a+2*page, page); e != abi.ENOMEM {
		t.Errorf("mlock beyond RLIMIT_MEMLOCK: %v", e)
	}
	if _, e := b.mmap(0, page, protReadWrite, anonymousPrivate|abi.MAP_LOCKED, noFile, 0); e != abi.EAGAIN {
		t.Errorf("MAP_LOCKED beyond RLIMIT_MEMLOCK: %v", e)
	}
	b.must("munlock", a, page)
	b.mustMap(0, page, protReadWrite, anonymousPrivate|abi.MAP_LOCKED, noFile, 0)
	vec := b.put(make([]byte, 10))
	b.must("mincore", a, 10*page, vec)
	if m := b.mem(vec, 10, false); m[1] != 1 {
		t.Errorf("a locked page is not resident: %d", m)
	}
}

const anonymousPrivate = abi.MAP_PRIVATE | abi.MAP_ANONYMOUS

// TestVanishedMemory touches memory in a handler that is gone by then.
func TestVanishedMemory(t *testing.T) {
	b, _ := memBox(t, image.AMD64, 16<<20)
	a := b.mustMap(0, 1<<20, protReadWrite, anonymousPrivate, noFile, 0)
	m := b.mem(a, 1<<20, true)
	_, e := b.task.guarded(func(*Task, Args) (uint64, abi.Errno) {
		b.must("munmap", a, 1<<20)
		m[5] = 1
		return 0, 0
	}, Args{})
	if e != abi.EFAULT {
		t.Errorf("%v, want EFAULT", e)
	}
	defer func() {
		if recover() == nil {
			t.Error("a fault of the kernel's own was hidden")
		}
	}()
	_, _ = b.task.guarded(func(*Task, Args) (uint64, abi.Errno) {
		var p *[1 << 20]byte
		p[len(m)-1]++
		return 0, 0
	}, Args{})
}
