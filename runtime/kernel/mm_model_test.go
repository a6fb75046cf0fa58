package kernel

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"bee/image"
	"bee/runtime/abi"
)

// modelPage is what a page of the window is thought to be.
type modelPage struct {
	mapped bool
	prot   int
	// Where its content is: a page of a file, or of an area of its own, which
	// stands for private memory.
	file *modelFile
	page int
}

// modelFile is a file, or private memory: then it never ends.
type modelFile struct {
	fd      uint64
	content []byte
	private bool
	name    string
}

// TestModel does random operations and compares, after each, what the guest
// may touch, what it finds there and what /proc/self/maps shows with a model of
// pages and files. It runs on every host; that the model is Linux is what
// TestMemoryLikeLinux and the differential program mem_random show.
func TestModel(t *testing.T) {
	for _, arch := range []image.Arch{image.I386, image.AMD64} {
		seed := rand.Uint64()
		t.Run(fmt.Sprintf("%v-%#x", arch, seed), func(t *testing.T) { runModel(t, arch, seed) })
	}
}

func runModel(t *testing.T, arch image.Arch, seed uint64) {
	const (
		page  = abi.PageSize
		slots = 6
		slot  = 32 // pages: two granules
		pages = slots * slot
	)
	rng := rand.New(rand.NewPCG(seed, 7))
	b, arena := memBox(t, arch, 16<<20)
	base := arena.Lo + 1<<20
	files := []*modelFile{
		{fd: b.opened("first", pattern(50*page+1)), content: pattern(50*page + 1), name: "/first"},
		{fd: b.opened("second", pattern(9*page)), content: pattern(9 * page), name: "/second"},
	}
	mem := b.must("memfd_create", "third", 0)
	files = append(files, &modelFile{fd: mem, name: "/memfd:third (deleted)"})
	var model [pages]modelPage
	at := func(i int) uint64 { return base + uint64(i)*page }
	prots := []int{0, abi.PROT_READ, protReadWrite, protReadWrite}
	// ends is how many pages of a file there are.
	ends := func(f *modelFile) int {
		if f.private {
			return 1 << 30
		}
		return (len(f.content) + page - 1) / page
	}
	bytesOf := func(p *modelPage) []byte {
		out := make([]byte, page)
		if lo := p.page * page; lo < len(p.file.content) {
			copy(out, p.file.content[lo:])
		}
		return out
	}
	rounds := 1500
	if testing.Short() {
		rounds = 300
	}
	for round := range rounds {
		i := rng.IntN(pages)
		n := 1 + rng.IntN(min(20, pages-i))
		prot := prots[rng.IntN(4)]
		s := rng.IntN(slots) * slot
		f := files[rng.IntN(len(files))]
		what := ""
		switch op := rng.IntN(10); op {
		case 0, 1, 2: // a file into a slot
			off, size := rng.IntN(4)*16, 1+rng.IntN(slot)
			what = fmt.Sprintf("map %s from %d, %d pages, %d into %d", f.name, off, size, prot, s)
			b.must("munmap", at(s), slot*page)
			b.mustMap(at(s), uint64(size)*page, prot, abi.MAP_SHARED|abi.MAP_FIXED, f.fd, uint64(off)*page)
			for k := range slot {
				model[s+k] = modelPage{}
				if k < size {
					model[s+k] = modelPage{true, prot, f, off + k}
				}
			}
		case 3: // private memory into a slot
			what = fmt.Sprintf("private %d into %d", prot, s)
			b.mustMap(at(s), slot*page, prot, anonymousPrivate|abi.MAP_FIXED, noFile, 0)
			own := &modelFile{private: true, content: make([]byte, slot*page)}
			for k := range slot {
				model[s+k] = modelPage{true, prot, own, k}
			}
		case 4:
			what = fmt.Sprintf("munmap %d+%d", i, n)
			b.must("munmap", at(i), uint64(n)*page)
			for k := range n {
				model[i+k] = modelPage{}
			}
		case 5, 6:
			what = fmt.Sprintf("mprotect %d+%d %d", i, n, prot)
			want := abi.Errno(0)
			for k := range n {
				if !model[i+k].mapped {
					want = abi.ENOMEM
					break
				}
				model[i+k].prot = prot
			}
			if _, e := b.sys("mprotect", at(i), uint64(n)*page, prot); e != want {
				t.Fatalf("round %d: %s: %v, want %v", round, what, e, want)
			}
		case 7:
			size := rng.IntN(70 * page)
			what = fmt.Sprintf("truncate %s to %d", f.name, size)
			b.must("ftruncate", f.fd, size)
			f.content = append(f.content[:min(size, len(f.content))], make([]byte, max(0, size-len(f.content)))...)
		case 8:
			off := rng.IntN(70 * page)
			what = fmt.Sprintf("write %s at %d", f.name, off)
			b.must("pwrite64", f.fd, []byte("written"), 7, off)
			if grow := off + 7 - len(f.content); grow > 0 {
				f.content = append(f.content, make([]byte, grow)...)
			}
			copy(f.content[off:], "written")
		case 9:
			what = fmt.Sprintf("dontneed %d+%d", i, n)
			want := abi.Errno(0)
			for k := range n {
				p := &model[i+k]
				if !p.mapped {
					want = abi.ENOMEM
				} else if p.file.private {
					clear(p.file.content[p.page*page : (p.page+1)*page])
				}
			}
			if _, e := b.sys("madvise", at(i), uint64(n)*page, abi.MADV_DONTNEED); e != want {
				t.Fatalf("round %d: %s: %v, want %v", round, what, e, want)
			}
		}
		// The guest writes somewhere.
		for range 3 {
			k := rng.IntN(pages)
			p := &model[k]
			m, e := b.task.Bytes(at(k), page, true)
			if can := p.mapped && p.prot&abi.PROT_WRITE != 0 && p.page < ends(p.file); can != (e == 0) {
				t.Fatalf("round %d: %s: page %d, %+v: write: %v", round, what, k, *p, e)
			}
			if e == 0 {
				o := rng.IntN(page)
				m[o] = byte(round)
				if o += p.page * page; o < len(p.file.content) {
					p.file.content[o] = byte(round)
				} else {
					m[o-p.page*page] = 0 // behind the end: nobody promises anything
				}
			}
		}
		maps := pageMaps(b.task.proc.as.MapsText(), base, pages)
		for k := range model {
			p := &model[k]
			want := ""
			if p.mapped {
				perm := []byte("---p")
				copy(perm, map[int]string{0: "---", abi.PROT_READ: "r--", protReadWrite: "rw-"}[p.prot])
				want = string(perm)
				if !p.file.private {
					want = fmt.Sprintf("%ss %d %s", perm[:3], p.page, p.file.name)
				}
			}
			if maps[k] != want {
				t.Fatalf("round %d: %s: page %d is %q in maps, want %q", round, what, k, maps[k], want)
			}
			m, e := b.task.Bytes(at(k), page, false)
			if can := p.mapped && p.prot != 0 && p.page < ends(p.file); can != (e == 0) {
				t.Fatalf("round %d: %s: page %d, %+v: read: %v", round, what, k, *p, e)
			}
			if e == 0 && string(m) != string(bytesOf(p)) {
				t.Fatalf("round %d: %s: page %d, %+v: content", round, what, k, *p)
			}
			sig := b.task.proc.as.FaultSignal(at(k))
			if beyond := p.mapped && p.prot != 0 && p.page >= ends(p.file); beyond != (sig == abi.SIGBUS) {
				t.Fatalf("round %d: %s: page %d, %+v: a fault is %v", round, what, k, *p, sig)
			}
		}
	}
	if n := b.task.proc.as.unfit.Load(); n != 0 {
		t.Errorf("%d mappings were refused", n)
	}
}

// pageMaps tells "rights", or "rights page name", of each page of a window.
func pageMaps(text string, base uint64, pages int) []string {
	out := make([]string, pages)
	for line := range strings.Lines(text) {
		var lo, hi, off, inode uint64
		var perm, dev string
		if _, err := fmt.Sscanf(line, "%x-%x %s %x %s %d", &lo, &hi, &perm, &off, &dev, &inode); err != nil {
			continue
		}
		name := ""
		if i := strings.IndexByte(line, '/'); i > 0 {
			name = strings.TrimSpace(line[i:])
		}
		for a := max(lo, base); a < min(hi, base+uint64(pages)*abi.PageSize); a += abi.PageSize {
			s := perm
			if name != "" {
				s = fmt.Sprintf("%s %d %s", perm, (off+a-lo)/abi.PageSize, name)
			}
			out[(a-base)/abi.PageSize] = s
		}
	}
	return out
}

// TestSharedHammer lets several tasks map one file, change its size and use it
// at once.
func TestSharedHammer(t *testing.T) {
	const page = abi.PageSize
	b, _ := memBox(t, image.AMD64, 64<<20)
	fd := b.opened("f", pattern(64*page))
	as := b.task.proc.as
	var wg sync.WaitGroup
	for g := range 4 {
		k := b.task.proc.NewTask(&testCPU{})
		wg.Add(1)
		go func() {
			defer wg.Done()
			rng := rand.New(rand.NewPCG(uint64(g), 11))
			for range 200 {
				flags := uint32(0)
				if rng.IntN(3) > 0 {
					flags = vmShared
				}
				f, e := k.mappable(int32(fd))
				if e != 0 {
					t.Errorf("mappable: %v", e)
					return
				}
				n := (1 + rng.Uint64N(40)) * page
				a, e := as.mmap(mapping{size: n, prot: protReadWrite, flags: flags, open: f})
				if e != 0 {
					t.Errorf("mmap: %v", e)
					return
				}
				// Another task may cut the file, so that what was there a moment
				// ago is not: EFAULT, and no crash.
				_, e = k.guarded(func(*Task, Args) (uint64, abi.Errno) {
					m, e := k.BytesPartial(a, n, true)
					if e == 0 {
						m[0], m[len(m)-1] = m[len(m)-1], m[0]
					}
					return 0, e
				}, Args{})
				if e != 0 && e != abi.EFAULT {
					t.Errorf("touch: %v", e)
				}
				switch rng.IntN(8) {
				case 0:
					if e := f.f.ops.truncate(k, f.f, rng.Int64N(70)*page); e != 0 {
						t.Errorf("truncate: %v", e)
					}
				case 1:
					if _, e := f.f.ops.pwrite(k, f.f, []byte("x"), rng.Int64N(70*page)); e != 0 {
						t.Errorf("pwrite: %v", e)
					}
				case 2:
					_ = as.MapsText()
				}
				if e := as.munmap(a, a+n); e != 0 {
					t.Errorf("munmap: %v", e)
				}
			}
		}()
	}
	wg.Wait()
}

// TestSharedByProcesses lets another process map the same file.
func TestSharedByProcesses(t *testing.T) {
	const name = "BEE_TEST_SHARED"
	if dir := os.Getenv(name); dir != "" {
		b, _ := memBox(t, image.AMD64, 16<<20)
		tree, e := b.task.proc.files.host.Mount(dir)
		if e != 0 {
			t.Fatal(e)
		}
		h, kind, e := tree.Open("f", abi.O_RDWR, 0)
		if e != 0 {
			t.Fatal(e)
		}
		f := opened(&File{ops: hostOps(kind), h: h, kind: kind, path: "/f", data: b.task.proc.files.host}, abi.O_RDWR)
		fd, e := b.task.proc.files.install(f, 3, false)
		if e != 0 {
			t.Fatal(e)
		}
		a := b.mustMap(0, 8192, protReadWrite, abi.MAP_SHARED, uint64(fd), 0)
		m := b.mem(a, 8192, true)
		if string(m[:6]) != "parent" {
			t.Fatalf("%q", m[:6])
		}
		copy(m[4096:], "child")
		return
	}
	b, _ := memBox(t, image.AMD64, 16<<20)
	fd := b.opened("f", make([]byte, 8192))
	a := b.mustMap(0, 8192, protReadWrite, abi.MAP_SHARED, fd, 0)
	m := b.mem(a, 8192, true)
	copy(m, "parent")
	cmd := exec.Command(os.Args[0], "-test.run=^TestSharedByProcesses$")
	cmd.Env = append(os.Environ(), name+"="+b.root)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if string(m[4096:4101]) != "child" {
		t.Errorf("the other process's change is not seen: %q", m[4096:4101])
	}
}
