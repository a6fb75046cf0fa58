package kernel

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"testing"
	"time"

	"bee/image"
	"bee/runtime/abi"
)

// box is a task whose root is a new folder, with memory to pass arguments in.
type box struct {
	testing.TB
	task *Task
	root string
	at   uint64 // the next free byte of guest memory
	lo   uint64
	log  *bytes.Buffer // what the user was told
}

// newBox makes the expectation "what Linux does" checkable on both hosts: on
// Linux the folder is Linux's, so a table that passes there is true.
func newBox(t testing.TB, arch image.Arch) *box {
	t.Helper()
	return newBoxIn(t, arch, testDir(t))
}

// newBoxIn is newBox in a folder that is there. Two boxes in one folder are to
// each other what two runners are.
func newBoxIn(t testing.TB, arch image.Arch, root string) *box {
	t.Helper()
	mem, clock, system, files := testHost()
	const size = 1 << 20
	gran := uint64(mem.Granularity())
	p, ok := mem.Free(0x10000000, 0x70000000, size+uintptr(gran))
	if !ok {
		t.Fatal("no room for an arena")
	}
	lo := (uint64(p) + gran - 1) &^ (gran - 1)
	var log bytes.Buffer
	s, err := NewAddressSpace(SpaceConfig{Memory: mem, Arenas: []Range{{lo, lo + size}}, Log: func(f string, a ...any) { fmt.Fprintf(&log, f+"\n", a...) }})
	if err != nil {
		t.Fatal(err)
	}
	proc, err := NewProcess(Config{
		Arch: arch, Space: s, Clock: clock, System: system, Exe: "/bin/test", Cwd: "/", Log: &log, Root: true,
		Files: FilesConfig{Host: files, Root: root},
		Args:  []string{"test", "a b"}, Env: []string{"A=1"}, NewParker: testParker,
	})
	if err != nil {
		t.Fatal(err)
	}
	b := &box{TB: t, task: proc.NewTask(&testCPU{}), root: root, log: &log}
	t.Cleanup(func() {
		proc.files.closeAll()
		for _, r := range s.res {
			if err := mem.Release(uintptr(r.Lo), uintptr(r.Hi-r.Lo)); err != 0 {
				t.Errorf("release %#x: %v", r, err)
			}
		}
	})
	nr := "mmap"
	if arch == image.I386 {
		nr = "mmap2"
	}
	v, e := b.sys(nr, 0, 512<<10, abi.PROT_READ|abi.PROT_WRITE, abi.MAP_PRIVATE|abi.MAP_ANONYMOUS, -1, 0)
	if e != 0 {
		t.Fatal("mmap", e)
	}
	b.lo, b.at = v, v
	return b
}

// testDir is T.TempDir, whose removal does not work under every Wine.
func testDir(t testing.TB) string {
	dir, err := os.MkdirTemp("", "bee-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		var all []string
		_ = filepath.WalkDir(dir, func(p string, _ os.DirEntry, _ error) error {
			all = append(all, p)
			return nil
		})
		for i := len(all) - 1; i >= 0; i-- {
			_ = os.Remove(all[i])
		}
	})
	return dir
}

// sys makes a system call by name. Strings and byte slices are put into guest
// memory.
func (b *box) sys(name string, args ...any) (uint64, abi.Errno) {
	b.Helper()
	var a Args
	for i, v := range args {
		switch v := v.(type) {
		case int:
			a[i] = uint64(v)
			if !b.task.is64() {
				a[i] = uint64(uint32(v))
			}
		case uint64:
			a[i] = v
		case string:
			a[i] = b.put(append([]byte(v), 0))
		case []byte:
			a[i] = b.put(v)
		default:
			b.Fatalf("argument %T", v)
		}
	}
	for _, e := range b.task.proc.table.Entries() {
		if e.Name() == name {
			r := makeCall(b.task, e.Nr, a)
			if r < 0 && r > -4096 {
				return 0, abi.Errno(-r)
			}
			return uint64(r), 0
		}
	}
	b.Fatalf("no system call %s", name)
	return 0, 0
}

func (b *box) put(v []byte) uint64 {
	b.Helper()
	if b.at+uint64(len(v))+16 > b.lo+512<<10 {
		b.at = b.lo
	}
	at := b.at
	if e := b.task.CopyOut(at, v); e != 0 {
		b.Fatal("guest memory:", e)
	}
	b.at += (uint64(len(v)) + 31) &^ 15
	return at
}

// must is sys of a call that has to work.
func (b *box) must(name string, args ...any) uint64 {
	b.Helper()
	v, e := b.sys(name, args...)
	if e != 0 {
		b.Fatalf("%s(%v): %v", name, args, e)
	}
	return v
}

func (b *box) want(e abi.Errno, name string, args ...any) {
	b.Helper()
	if _, got := b.sys(name, args...); got != e {
		b.Errorf("%s(%v): %v (%s), want %v", name, args, got, got.Name(), e)
	}
}

func (b *box) read(fd uint64, n int) string {
	b.Helper()
	buf := b.put(make([]byte, n))
	k := b.must("read", fd, buf, n)
	out := make([]byte, k)
	_ = b.task.CopyIn(buf, out)
	return string(out)
}

func (b *box) write(fd uint64, s string) {
	b.Helper()
	if n := b.must("write", fd, []byte(s), len(s)); n != uint64(len(s)) {
		b.Errorf("write %d of %d", n, len(s))
	}
}

func (b *box) file(name, content string) {
	b.Helper()
	fd := b.must("open", name, abi.O_CREAT|abi.O_WRONLY|abi.O_TRUNC, 0o644)
	b.write(fd, content)
	b.must("close", fd)
}

func (b *box) content(name string) string {
	b.Helper()
	fd := b.must("open", name, abi.O_RDONLY, 0)
	defer b.must("close", fd)
	s := ""
	for {
		p := b.read(fd, 100000)
		if p == "" {
			return s
		}
		s += p
	}
}

type statx struct {
	mode, nlink         uint32
	ino, size, blocks   uint64
	atime, mtime, ctime int64
}

func (b *box) statx(name string, flags int) statx {
	b.Helper()
	buf := b.put(make([]byte, abi.SizeofAMD64Statx))
	b.must("statx", abi.AT_FDCWD, name, flags, abi.STATX_BASIC_STATS, buf)
	m := make([]byte, abi.SizeofAMD64Statx)
	_ = b.task.CopyIn(buf, m)
	when := func(off int) int64 { return int64(le64(m[off:]))*1e9 + int64(le32(m[off+8:])) }
	return statx{
		mode: le32(m[abi.AMD64StatxMode:]) & 0xffff, nlink: le32(m[abi.AMD64StatxNlink:]), ino: le64(m[abi.AMD64StatxIno:]),
		size: le64(m[abi.AMD64StatxSize:]), blocks: le64(m[abi.AMD64StatxBlocks:]),
		atime: when(abi.AMD64StatxAtime), mtime: when(abi.AMD64StatxMtime), ctime: when(abi.AMD64StatxCtime),
	}
}

func (b *box) readlink(name string) string {
	b.Helper()
	buf := b.put(make([]byte, 4096))
	n := b.must("readlink", name, buf, 4096)
	m := make([]byte, n)
	_ = b.task.CopyIn(buf, m)
	return string(m)
}

// list reads a folder's names with getdents64, a few at a time.
func (b *box) list(name string) map[string]byte {
	b.Helper()
	fd := b.must("open", name, abi.O_RDONLY|abi.O_DIRECTORY, 0)
	defer b.must("close", fd)
	names := map[string]byte{}
	buf := b.put(make([]byte, 600))
	for {
		n := b.must("getdents64", fd, buf, 600)
		if n == 0 {
			return names
		}
		m := make([]byte, n)
		_ = b.task.CopyIn(buf, m)
		for len(m) > 0 {
			size := int(m[16]) | int(m[17])<<8
			s, _, _ := bytes.Cut(m[19:size], []byte{0})
			if _, twice := names[string(s)]; twice {
				b.Errorf("%s listed twice", s)
			}
			names[string(s)] = m[18]
			m = m[size:]
		}
	}
}

func (b *box) names(name string) string {
	b.Helper()
	var s []string
	for n := range b.list(name) {
		s = append(s, n)
	}
	sort.Strings(s)
	return strings.Join(s, " ")
}

func bothArchs(t *testing.T, f func(b *box)) {
	for _, a := range []image.Arch{image.I386, image.AMD64} {
		t.Run([]string{"", "386", "amd64"}[a], func(t *testing.T) { f(newBox(t, a)) })
	}
}

func TestReadWrite(t *testing.T) {
	bothArchs(t, func(b *box) {
		fd := b.must("open", "f", abi.O_CREAT|abi.O_RDWR|abi.O_EXCL, 0o644)
		b.write(fd, "hello world")
		if n := b.must("lseek", fd, 0, abi.SEEK_CUR); n != 11 {
			b.Errorf("position %d", n)
		}
		b.must("lseek", fd, 6, abi.SEEK_SET)
		if s := b.read(fd, 100); s != "world" {
			b.Errorf("read %q", s)
		}
		if s := b.read(fd, 100); s != "" {
			b.Errorf("read at the end %q", s)
		}
		b.must("lseek", fd, -3, abi.SEEK_END)
		b.write(fd, "RLD!")
		if s := b.content("f"); s != "hello woRLD!" {
			b.Errorf("content %q", s)
		}
		b.must("pwrite64", fd, "J", 1, 0, 0)
		buf := b.put(make([]byte, 8))
		if n := b.must("pread64", fd, buf, 5, 0, 0); n != 5 {
			b.Error("pread", n)
		}
		var m [5]byte
		_ = b.task.CopyIn(buf, m[:])
		if string(m[:]) != "Jello" {
			b.Errorf("pread %q", m)
		}
		b.want(abi.EINVAL, "lseek", fd, -100, abi.SEEK_SET)
		b.want(abi.EINVAL, "lseek", fd, 0, 9)
		b.want(abi.ENXIO, "lseek", fd, 100, abi.SEEK_DATA)
		b.want(abi.EFAULT, "read", fd, uint64(0), 5) // at the end it would be 0, but the position is
		b.must("lseek", fd, 0, abi.SEEK_SET)
		b.want(abi.EFAULT, "read", fd, uint64(16), 5)
		b.must("ftruncate", fd, 3)
		if s := b.content("f"); s != "Jel" {
			b.Errorf("truncated: %q", s)
		}
		b.must("truncate", "f", 5)
		if s := b.content("f"); s != "Jel\x00\x00" {
			b.Errorf("longer: %q", s)
		}
		// Past the end.
		b.must("lseek", fd, 10, abi.SEEK_SET)
		b.write(fd, "x")
		if s := b.content("f"); s != "Jel\x00\x00\x00\x00\x00\x00\x00x" {
			b.Errorf("hole: %q", s)
		}
		b.must("close", fd)
		b.want(abi.EBADF, "close", fd)
		b.want(abi.EBADF, "read", fd, uint64(0), 1)
		b.want(abi.EBADF, "write", 77, "x", 1)
		b.want(abi.EBADF, "lseek", -1, 0, 0)

		ap := b.must("open", "f", abi.O_WRONLY|abi.O_APPEND, 0)
		other := b.must("open", "f", abi.O_WRONLY, 0)
		b.write(ap, "1")
		b.must("lseek", ap, 0, abi.SEEK_SET)
		b.write(ap, "2")
		if s := b.content("f"); !strings.HasSuffix(s, "x12") {
			b.Errorf("append: %q", s)
		}
		b.want(abi.EBADF, "read", ap, uint64(b.lo), 1)
		b.must("fcntl", other, abi.F_SETFL, abi.O_APPEND)
		b.write(other, "3")
		if s := b.content("f"); !strings.HasSuffix(s, "x123") {
			b.Errorf("append by F_SETFL: %q", s)
		}
		ro := b.must("open", "f", abi.O_RDONLY, 0)
		b.want(abi.EBADF, "write", ro, "x", 1)
		b.want(abi.EINVAL, "ftruncate", ro, 0)
		b.want(abi.ENOTTY, "ioctl", ro, abi.TCGETS, b.lo)
	})
}

func TestVectors(t *testing.T) {
	bothArchs(t, func(b *box) {
		fd := b.must("open", "f", abi.O_CREAT|abi.O_RDWR, 0o644)
		vec := func(parts ...[]byte) []byte {
			var v []byte
			for _, p := range parts {
				at, n := b.put(p), uint64(len(p))
				if b.task.is64() {
					v = append(v, make([]byte, 16)...)
					put64(v[len(v)-16:], at)
					put64(v[len(v)-8:], n)
				} else {
					v = append(v, make([]byte, 8)...)
					put32(v[len(v)-8:], uint32(at))
					put32(v[len(v)-4:], uint32(n))
				}
			}
			return v
		}
		if n := b.must("writev", fd, vec([]byte("abc"), nil, []byte("defg")), 3); n != 7 {
			b.Error("writev", n)
		}
		b.must("pwritev", fd, vec([]byte("X"), []byte("Y")), 2, 1, 0)
		if s := b.content("f"); s != "aXYdefg" {
			b.Errorf("%q", s)
		}
		b.must("lseek", fd, 0, 0)
		if n := b.must("readv", fd, vec(make([]byte, 2), make([]byte, 100)), 2); n != 7 {
			b.Error("readv", n)
		}
		if n := b.must("preadv", fd, vec(make([]byte, 2), make([]byte, 2)), 2, 4, 0); n != 3 {
			b.Error("preadv", n)
		}
		b.want(abi.EINVAL, "readv", fd, uint64(0), 1025)
	})
}

// step is a call and the error that Linux gives.
type step struct {
	errno abi.Errno
	name  string
	args  []any
}

func st(e abi.Errno, name string, args ...any) step { return step{e, name, args} }

func TestNames(t *testing.T) {
	const cwd = abi.AT_FDCWD
	long := strings.Repeat("n", 255)
	steps := []step{
		st(0, "mkdir", "d", 0o755),
		st(abi.EEXIST, "mkdir", "d", 0o755),
		st(abi.EEXIST, "mkdir", "/", 0o755),
		st(abi.ENOENT, "mkdir", "no/d", 0o755),
		st(0, "mkdir", "d/e/", 0o755),
		st(abi.ENOENT, "open", "missing", abi.O_RDONLY, 0),
		st(abi.ENOENT, "open", "", abi.O_RDONLY, 0),
		st(abi.ENOENT, "open", "no/missing", abi.O_CREAT|abi.O_WRONLY, 0o644),
		st(0, "open", "f", abi.O_CREAT|abi.O_WRONLY, 0o644),
		st(abi.EEXIST, "open", "f", abi.O_CREAT|abi.O_EXCL|abi.O_WRONLY, 0o644),
		st(abi.EEXIST, "open", "d", abi.O_CREAT|abi.O_EXCL|abi.O_WRONLY, 0o644),
		st(abi.EISDIR, "open", "d", abi.O_WRONLY, 0),
		st(abi.EISDIR, "open", "d", abi.O_RDWR, 0),
		st(abi.EISDIR, "open", "d", abi.O_CREAT|abi.O_RDONLY, 0o644),
		st(abi.EISDIR, "open", "new/", abi.O_CREAT|abi.O_WRONLY, 0o644),
		st(abi.ENOTDIR, "open", "f", abi.O_RDONLY|abi.O_DIRECTORY, 0),
		st(abi.ENOTDIR, "open", "f/x", abi.O_RDONLY, 0),
		st(abi.ENOTDIR, "open", "f/x", abi.O_CREAT|abi.O_WRONLY, 0o644),
		st(abi.ENOTDIR, "open", "f/", abi.O_RDONLY, 0),
		st(abi.ENOTDIR, "open", "f/..", abi.O_RDONLY, 0),
		st(abi.ENOTDIR, "open", "f/.", abi.O_RDONLY, 0),
		st(0, "open", "d/../f", abi.O_RDONLY, 0),
		st(0, "open", "../../f", abi.O_RDONLY, 0),
		st(0, "open", "//d//..//f", abi.O_RDONLY, 0),
		st(abi.ENOENT, "open", "no/../f", abi.O_RDONLY, 0),
		st(0, "open", long, abi.O_CREAT|abi.O_WRONLY, 0o644),
		st(abi.ENAMETOOLONG, "open", long+"n", abi.O_CREAT|abi.O_WRONLY, 0o644),
		st(abi.ENAMETOOLONG, "open", strings.Repeat("d/", 2048), abi.O_RDONLY, 0),
		st(0, "unlink", long),

		st(abi.EISDIR, "unlink", "d"),
		st(abi.ENOTDIR, "rmdir", "f"),
		st(abi.ENOTEMPTY, "rmdir", "d"),
		st(abi.EINVAL, "rmdir", "d/."),
		st(abi.ENOTEMPTY, "rmdir", "d/.."),
		st(abi.ENOENT, "unlink", "missing"),
		st(abi.ENOENT, "rmdir", "missing"),
		st(abi.ENOTDIR, "unlink", "f/x"),
		st(abi.EINVAL, "unlinkat", cwd, "f", 1),

		st(0, "link", "f", "d/hard"),
		st(abi.EEXIST, "link", "f", "d/hard"),
		st(abi.ENOENT, "link", "missing", "x"),
		st(abi.EPERM, "link", "d", "x"),

		st(0, "symlink", "d", "ld"),
		st(0, "symlink", "f", "lf"),
		st(0, "symlink", "/d/e", "labs"),
		st(0, "symlink", "nowhere", "ln"),
		st(0, "symlink", "loop2", "loop1"),
		st(0, "symlink", "loop1", "loop2"),
		st(abi.EEXIST, "symlink", "d", "ld"),
		st(abi.EEXIST, "symlink", "x", "f"),
		st(abi.ENOENT, "symlink", "", "x"),
		st(abi.ENOENT, "symlink", "x", "no/x"),
		st(abi.ELOOP, "open", "lf", abi.O_RDONLY|abi.O_NOFOLLOW, 0),
		st(0, "open", "lf", abi.O_RDONLY, 0),
		st(0, "open", "ld/hard", abi.O_RDONLY, 0),
		st(0, "open", "ld/../f", abi.O_RDONLY, 0),
		st(0, "open", "labs/../hard", abi.O_RDONLY, 0),
		st(0, "open", "ld", abi.O_RDONLY|abi.O_DIRECTORY, 0),
		st(0, "open", "ld/", abi.O_RDONLY, 0),
		st(abi.ENOTDIR, "open", "ld", abi.O_RDONLY|abi.O_DIRECTORY|abi.O_NOFOLLOW, 0),
		st(abi.ENOTDIR, "open", "lf/", abi.O_RDONLY, 0),
		st(abi.ENOENT, "open", "ln", abi.O_RDONLY, 0),
		st(abi.EEXIST, "open", "ln", abi.O_CREAT|abi.O_EXCL|abi.O_WRONLY, 0o644),
		st(0, "open", "ln", abi.O_CREAT|abi.O_WRONLY, 0o644),
		st(0, "open", "nowhere", abi.O_RDONLY, 0),
		st(0, "unlink", "nowhere"),
		st(abi.ELOOP, "open", "loop1", abi.O_RDONLY, 0),
		st(abi.ELOOP, "open", "loop1/x", abi.O_RDONLY, 0),
		st(abi.EEXIST, "mkdir", "ld", 0o755),
		st(abi.EEXIST, "mkdir", "ln", 0o755),
		st(abi.ENOTDIR, "rmdir", "ld"),
		st(abi.EINVAL, "readlink", "f", make([]byte, 100), 100),
		st(abi.EINVAL, "readlink", "lf", make([]byte, 100), 0),
		st(abi.ENOENT, "readlink", "missing", make([]byte, 100), 100),
		st(0, "readlink", "ld", make([]byte, 100), 100),

		st(0, "rename", "f", "g"),
		st(abi.ENOENT, "rename", "f", "g"),
		st(0, "rename", "g", "g"),
		st(abi.EISDIR, "rename", "g", "d"),
		st(abi.ENOTDIR, "rename", "d", "g"),
		st(abi.EINVAL, "rename", "d", "d/e/x"),
		st(abi.ENOTEMPTY, "rename", "d/e", "d"),
		st(0, "mkdir", "empty", 0o700),
		st(0, "rename", "d/e", "empty"),
		st(abi.ENOENT, "rmdir", "d/e"),
		st(0, "mkdir", "d2", 0o700),
		st(abi.ENOTEMPTY, "rename", "d2", "d"),
		st(abi.EBUSY, "rename", "d2", "d/.."),
		st(abi.ENOENT, "rename", "g", "no/g"),
		st(abi.ENOTDIR, "rename", "g", "d2/../g/x"),
		st(0, "rename", "lf", "lf2"),
		st(abi.ENOENT, "readlink", "lf", make([]byte, 100), 100),
		st(0, "readlink", "lf2", make([]byte, 100), 100),
		st(abi.EEXIST, "renameat2", cwd, "g", cwd, "d/hard", abi.RENAME_NOREPLACE),
		st(0, "renameat2", cwd, "g", cwd, "g2", abi.RENAME_NOREPLACE),
		st(0, "unlink", "ld"),
		st(0, "rmdir", "d2"),

		st(0, "chdir", "d"),
		st(0, "open", "hard", abi.O_RDONLY, 0),
		st(0, "open", "../g2", abi.O_RDONLY, 0),
		st(0, "chdir", ".."),
		st(abi.ENOTDIR, "chdir", "g2"),
		st(abi.ENOENT, "chdir", "missing"),
		st(0, "access", "g2", 4),
		st(0, "access", "g2", 0),
		st(abi.EACCES, "access", "g2", 1),
		st(abi.EINVAL, "access", "g2", 8),
		st(abi.ENOENT, "access", "missing", 0),
		st(abi.EACCES, "faccessat2", cwd, "g2", 1, 0),
		st(abi.EEXIST, "mknod", "g2", abi.S_IFREG|0o644, 0),
		st(0, "mknod", "node", abi.S_IFREG|0o600, 0),
		st(abi.EBADF, "openat", 99, "f", abi.O_RDONLY, 0),
		st(0, "openat", 99, "/g2", abi.O_RDONLY, 0),
		st(abi.EFAULT, "open", uint64(8), abi.O_RDONLY, 0),
		st(abi.EINVAL, "umount2x", 0),
	}
	bothArchs(t, func(b *box) {
		for _, s := range steps {
			if s.name == "umount2x" {
				continue
			}
			v, e := b.sys(s.name, s.args...)
			if e != s.errno {
				b.Errorf("%s(%.100q): %s, want %s", s.name, fmt.Sprint(s.args...), e.Name(), s.errno.Name())
			}
			if e == 0 && strings.HasPrefix(s.name, "open") {
				b.must("close", v)
			}
		}
		if s := b.names("/"); s != ". .. d dev empty g2 labs lf2 ln loop1 loop2 node proc sys" {
			b.Errorf("left: %s", s)
		}
		if s := b.readlink("labs"); s != "/d/e" {
			b.Errorf("readlink %q", s)
		}
	})
}

func TestStat(t *testing.T) {
	bothArchs(t, func(b *box) {
		b.must("umask", 0o22)
		b.file("f", "0123456789")
		b.must("link", "f", "h")
		b.must("symlink", "target/of/it", "l")
		b.must("mkdir", "d", 0o777)
		b.must("mkdir", "d/sub", 0o700)
		f, h, l, d := b.statx("f", 0), b.statx("h", 0), b.statx("l", abi.AT_SYMLINK_NOFOLLOW), b.statx("d", 0)
		if f.mode != abi.S_IFREG|0o644 || f.size != 10 || f.nlink != 2 || f.ino != h.ino || f.ino == 0 {
			b.Errorf("f %+v h %+v", f, h)
		}
		if l.mode != abi.S_IFLNK|0o777 || l.size != 12 {
			b.Errorf("l %+v", l)
		}
		if d.mode != abi.S_IFDIR|0o755 || d.nlink != 3 || d.ino == f.ino {
			b.Errorf("d %+v", d)
		}
		if s := b.statx("d/sub", 0); s.mode != abi.S_IFDIR|0o700 || s.nlink != 2 {
			b.Errorf("d/sub %+v", s)
		}
		if age := time.Now().UnixNano() - f.mtime; age < -1e9 || age > 60e9 {
			b.Errorf("mtime is %v old", time.Duration(age))
		}
		types := b.list("/")
		for name, typ := range map[string]byte{"f": abi.DT_REG, "d": abi.DT_DIR, ".": abi.DT_DIR, "..": abi.DT_DIR} {
			if types[name] != typ {
				b.Errorf("type of %s: %d, want %d", name, types[name], typ)
			}
		}
		if k := types["l"]; k != abi.DT_LNK && k != abi.DT_UNKNOWN {
			b.Errorf("type of l: %d", k)
		}
		for _, mode := range []uint32{0o644, 0o755, 0o600, 0o640, 0o444, 0o400, 0o777, 0o4755, 0o1777, 0o000, 0o664} {
			b.must("chmod", "f", int(mode))
			if got := b.statx("h", 0).mode & 0o7777; got != mode {
				b.Errorf("chmod %o gives %o", mode, got)
			}
		}
		fd := b.must("open", "d", abi.O_RDONLY|abi.O_DIRECTORY, 0)
		b.must("fchmod", fd, 0o711)
		if got := b.statx("d", 0).mode & 0o7777; got != 0o711 {
			b.Errorf("fchmod of a folder gives %o", got)
		}
		b.must("chmod", "f", 0o644)
		b.must("unlink", "h")
		for _, perm := range []int{0o666, 0o777, 0o600, 0o444} {
			name := fmt.Sprintf("m%o", perm)
			fd := b.must("open", name, abi.O_CREAT|abi.O_RDWR, perm)
			b.write(fd, "x") // also with mode 0444
			if got := b.statx(name, 0).mode & 0o7777; got != uint32(perm)&^0o22 {
				b.Errorf("created with %o: %o", perm, got)
			}
			b.must("fchmod", fd, 0o640)
			if got := b.statx(name, 0).mode & 0o7777; got != 0o640 {
				b.Errorf("fchmod gives %o", got)
			}
			b.must("chmod", name, 0o444)
			b.must("close", fd)
			b.must("unlink", name)
			b.want(abi.ENOENT, "access", name, 0)
		}
		// Times, before 1970 too, to the host's 100 ns.
		times := func(at, an, mt, mn int64) []byte {
			if b.task.is64() {
				m := make([]byte, 32)
				for i, v := range []int64{at, an, mt, mn} {
					put64(m[8*i:], uint64(v))
				}
				return m
			}
			m := make([]byte, 16)
			for i, v := range []int64{at, an, mt, mn} {
				put32(m[4*i:], uint32(v))
			}
			return m
		}
		b.must("utimensat", abi.AT_FDCWD, "f", times(1000000000, 123456700, -5, 0), 0)
		if s := b.statx("f", 0); s.atime != 1000000000123456700 || s.mtime != -5e9 {
			b.Errorf("times %+v", s)
		}
		b.must("utimensat", abi.AT_FDCWD, "f", times(0, utimeOmit, 77, 0), 0)
		if s := b.statx("f", 0); s.atime != 1000000000123456700 || s.mtime != 77e9 {
			b.Errorf("omitted %+v", s)
		}
		fd = b.must("open", "f", abi.O_RDONLY, 0)
		b.must("utimensat", fd, uint64(0), times(5, 0, 0, utimeNow), 0)
		if s := b.statx("f", 0); s.atime != 5e9 || time.Now().UnixNano()-s.mtime > 60e9 {
			b.Errorf("now %+v", s)
		}
		b.want(abi.EINVAL, "utimensat", abi.AT_FDCWD, "f", times(0, -1, 0, 0), 0)
		b.must("utimensat", abi.AT_FDCWD, "l", times(9, 0, 9, 0), abi.AT_SYMLINK_NOFOLLOW)
		if s := b.statx("l", abi.AT_SYMLINK_NOFOLLOW); s.mtime != 9e9 || s.mode&abi.S_IFMT != abi.S_IFLNK {
			b.Errorf("times of a link %+v", s)
		}
		b.want(abi.ENOENT, "utimensat", abi.AT_FDCWD, "l", times(9, 0, 9, 0), 0)
		b.must("chown", "f", -1, -1)
		b.want(abi.ENOENT, "chown", "missing", -1, -1)
		b.must("statfs", "/", make([]byte, 200))
	})
}

func TestDeleteWhileOpen(t *testing.T) {
	bothArchs(t, func(b *box) {
		b.must("mkdir", "d", 0o755)
		b.file("d/f", "old")
		fd := b.must("open", "d/f", abi.O_RDWR, 0)
		b.must("unlink", "d/f")
		b.want(abi.ENOENT, "open", "d/f", abi.O_RDONLY, 0)
		if s := b.names("d"); s != ". .." {
			b.Errorf("still there: %s", s)
		}
		b.write(fd, "new content")
		b.must("lseek", fd, 0, 0)
		if s := b.read(fd, 100); s != "new content" {
			b.Errorf("read %q", s)
		}
		b.file("d/f", "second")
		if s := b.content("d/f"); s != "second" {
			b.Errorf("second %q", s)
		}
		b.must("unlink", "d/f")
		b.must("rmdir", "d")
		b.must("close", fd)

		// A rename over a file that is open.
		b.file("a", "aaa")
		b.file("b", "bbb")
		fd = b.must("open", "b", abi.O_RDONLY, 0)
		b.must("rename", "a", "b")
		if s := b.content("b"); s != "aaa" {
			b.Errorf("b is %q", s)
		}
		if s := b.read(fd, 10); s != "bbb" {
			b.Errorf("the open one is %q", s)
		}
		// A rename of a file that is open.
		b.must("rename", "b", "c")
		fd2 := b.must("open", "c", abi.O_RDWR, 0)
		b.must("rename", "c", "e")
		b.write(fd2, "E")
		if s := b.content("e"); s != "Eaa" {
			b.Errorf("e is %q", s)
		}
	})
}

func TestFunnyNames(t *testing.T) {
	b := newBox(t, image.I386)
	names := []string{
		"a:b", "q?", "star*", "back\\slash", "lt<gt>", "pipe|", "\"quote\"", "dot.", "space ", "...", "con", "nul", "aux.txt", "tab\t", "\x01\x1f",
		"umläut", "日本", "😀", "\xff\xfe", "half\xc3", "\xef\x80\xba", "\xed\xa0\x80", "CaseOne", " leading",
	}
	for _, n := range names {
		b.file(n, n)
	}
	got := b.list("/")
	for _, n := range names {
		if _, ok := got[n]; !ok {
			t.Errorf("%q is not listed", n)
		}
		if s := b.content(n); s != n {
			t.Errorf("%q holds %q", n, s)
		}
		b.must("unlink", n)
	}
	if s := b.names("/"); s != ". .. dev proc sys" {
		t.Errorf("left: %q", s)
	}
	target := "x\xff/ü:*?\\ b"
	b.must("symlink", target, "l")
	if s := b.readlink("l"); s != target {
		t.Errorf("link to %q, want %q", s, target)
	}
	// A deep path.
	deep := strings.Repeat("abcdefghi/", 100)
	for i := 10; i <= len(deep); i += 10 {
		b.must("mkdir", deep[:i-1], 0o755)
	}
	b.file(deep+"f", "deep")
	if s := b.content(deep + "f"); s != "deep" {
		t.Errorf("deep: %q", s)
	}
}

func TestManyEntries(t *testing.T) {
	b := newBox(t, image.AMD64)
	b.must("mkdir", "d", 0o755)
	for i := range 300 {
		b.file(fmt.Sprintf("d/file-with-a-rather-long-name-%d", i), "")
	}
	if n := len(b.list("d")); n != 302 {
		t.Errorf("%d entries", n)
	}
	fd := b.must("open", "d", abi.O_RDONLY, 0)
	buf := b.put(make([]byte, 32768))
	first := b.must("getdents64", fd, buf, 32768)
	for b.must("getdents64", fd, buf, 32768) > 0 {
	}
	b.must("lseek", fd, 0, abi.SEEK_SET)
	if n := b.must("getdents64", fd, buf, 32768); n != first {
		t.Errorf("again %d, first %d", n, first)
	}
	b.must("lseek", fd, 0, abi.SEEK_SET)
	b.want(abi.EINVAL, "getdents64", fd, buf, 8)
	b.want(abi.EISDIR, "read", fd, buf, 8)
	f := b.must("open", "d/file-with-a-rather-long-name-1", abi.O_RDONLY, 0)
	b.want(abi.ENOTDIR, "getdents64", f, buf, 32768)
}

func TestDescriptors(t *testing.T) {
	bothArchs(t, func(b *box) {
		b.file("f", "abc")
		fd := b.must("open", "f", abi.O_RDONLY|abi.O_CLOEXEC, 0)
		d := b.must("dup", fd)
		b.read(fd, 1)
		if s := b.read(d, 10); s != "bc" {
			b.Errorf("dup shares the position: %q", s)
		}
		if v := b.must("fcntl", fd, abi.F_GETFD); v != abi.FD_CLOEXEC {
			b.Error("F_GETFD", v)
		}
		if v := b.must("fcntl", d, abi.F_GETFD); v != 0 {
			b.Error("F_GETFD of dup", v)
		}
		if v := b.must("fcntl", fd, abi.F_DUPFD, 50); v != 50 {
			b.Error("F_DUPFD", v)
		}
		if v := b.must("dup2", fd, 20); v != 20 {
			b.Error("dup2", v)
		}
		if v := b.must("dup2", fd, fd); v != fd {
			b.Error("dup2 to itself", v)
		}
		b.want(abi.EBADF, "dup2", 99, 20)
		b.want(abi.EBADF, "dup2", fd, -1)
		b.want(abi.EBADF, "dup2", fd, 1024)
		b.want(abi.EINVAL, "dup3", fd, fd, 0)
		b.want(abi.EINVAL, "fcntl", fd, abi.F_DUPFD, 5000)
		b.want(abi.EINVAL, "fcntl", fd, 9999)
		b.must("close_range", 3, -1, 0)
		b.want(abi.EBADF, "dup", 50)
		limit := 0
		for {
			if _, e := b.sys("open", "f", abi.O_RDONLY, 0); e != 0 {
				if e != abi.EMFILE {
					b.Error(e)
				}
				break
			}
			limit++
		}
		if limit < 1018 || limit > 1024 {
			b.Error("descriptors", limit)
		}
		b.must("close_range", 3, -1, 0)
	})
}

func TestPipes(t *testing.T) {
	bothArchs(t, func(b *box) {
		m := b.put(make([]byte, 8))
		b.must("pipe2", m, abi.O_NONBLOCK)
		r32, _ := b.task.ReadUint32(m)
		w32, _ := b.task.ReadUint32(m + 4)
		r, w := uint64(r32), uint64(w32)
		b.want(abi.EAGAIN, "read", r, b.lo, 1)
		b.write(w, "hello")
		poll := make([]byte, 16)
		put32(poll, r32)
		poll[4] = abi.POLLIN
		put32(poll[8:], w32)
		poll[12] = abi.POLLOUT
		if n := b.must("poll", poll, 2, 0); n != 2 {
			b.Error("poll", n)
		}
		if s := b.read(r, 100); s != "hello" {
			b.Errorf("%q", s)
		}
		if n := b.must("poll", poll[:8], 1, 10); n != 0 {
			b.Error("poll of an empty pipe", n)
		}
		total := 0
		for {
			n, e := b.sys("write", w, make([]byte, 5000), 5000)
			if e == abi.EAGAIN {
				break
			}
			total += int(n)
		}
		if total != 54096 { // as on Linux: a write that does not fit behind the one before begins a page
			b.Error("a pipe takes", total)
		}
		b.want(abi.ESPIPE, "lseek", r, 0, 0)
		b.want(abi.EBADF, "write", r, "x", 1)
		b.want(abi.EBADF, "read", w, b.lo, 1)
		b.must("close", w)
		for range 14 {
			b.read(r, 5000)
		}
		if s := b.read(r, 10); s != "" {
			b.Errorf("at the end %q", s)
		}
		b.must("close", r)

		// Big data through a blocking pipe, by two threads.
		b.must("pipe", m)
		r32, _ = b.task.ReadUint32(m)
		w32, _ = b.task.ReadUint32(m + 4)
		rf, _ := b.task.proc.files.get(int32(r32))
		done := make(chan int)
		peer := b.task.proc.NewTask(&testCPU{})
		go func() {
			n, buf := 0, make([]byte, 777)
			for {
				k, _ := rf.ops.read(peer, rf, buf)
				if k == 0 {
					break
				}
				n += k
			}
			done <- n
		}()
		for range 50 {
			b.write(uint64(w32), strings.Repeat("x", 20000))
		}
		b.must("close", uint64(w32))
		if n := <-done; n != 1000000 {
			b.Error("arrived", n)
		}
	})
}

func TestDevicesAndProc(t *testing.T) {
	bothArchs(t, func(b *box) {
		null := b.must("open", "/dev/null", abi.O_RDWR|abi.O_TRUNC|abi.O_CREAT, 0o644)
		b.write(null, "x")
		if s := b.read(null, 10); s != "" {
			b.Errorf("null gives %q", s)
		}
		zero := b.must("open", "/dev/zero", abi.O_RDONLY, 0)
		if s := b.read(zero, 3); s != "\x00\x00\x00" {
			b.Errorf("zero gives %q", s)
		}
		full := b.must("open", "/dev/full", abi.O_WRONLY, 0)
		b.want(abi.ENOSPC, "write", full, "x", 1)
		rnd := b.must("open", "/dev/urandom", abi.O_RDONLY, 0)
		if first := b.read(rnd, 16); first == b.read(rnd, 16) {
			b.Error("not random")
		}
		if s := b.readlink("/proc/self/exe"); s != "/bin/test" {
			b.Errorf("exe %q", s)
		}
		if s := b.content("/proc/self/cmdline"); s != "test\x00a b\x00" {
			b.Errorf("cmdline %q", s)
		}
		if s := b.content("/proc/self/environ"); s != "A=1\x00" {
			b.Errorf("environ %q", s)
		}
		for _, f := range []string{"/proc/self/maps", "/proc/self/status", "/proc/self/stat", "/proc/cpuinfo", "/proc/meminfo", "/proc/uptime", "/proc/loadavg", "/proc/mounts", "/proc/filesystems"} {
			if b.content(f) == "" {
				b.Errorf("%s is empty", f)
			}
		}
		b.file("f", "abc")
		fd := b.must("open", "f", abi.O_RDONLY, 0)
		if s := b.readlink(fmt.Sprintf("/proc/self/fd/%d", fd)); s != "/f" {
			b.Errorf("fd link %q", s)
		}
		if s := b.content(fmt.Sprintf("/dev/fd/%d", fd)); s != "abc" {
			b.Errorf("through the link %q", s)
		}
		b.want(abi.ENOENT, "open", "/proc/self/fd/77", abi.O_RDONLY, 0)
		b.want(abi.EACCES, "open", "/proc/new", abi.O_CREAT|abi.O_WRONLY, 0o644)
		b.want(abi.ENOENT, "open", "/dev/missing", abi.O_RDONLY, 0)
		b.want(abi.EEXIST, "mkdir", "/dev", 0o755)
		if s := b.names("/proc/self/fd"); !strings.Contains(s, fmt.Sprint(fd)) {
			b.Errorf("fds %s", s)
		}
		if b.statx("/dev/null", 0).mode != abi.S_IFCHR|0o666 {
			b.Error("/dev/null is no device")
		}
	})
}

func TestSendfile(t *testing.T) {
	bothArchs(t, func(b *box) {
		b.file("in", strings.Repeat("0123456789", 50000))
		in := b.must("open", "in", abi.O_RDONLY, 0)
		out := b.must("open", "out", abi.O_CREAT|abi.O_WRONLY, 0o644)
		if n := b.must("sendfile", out, in, 0, 1<<20); n != 500000 {
			b.Error("sendfile", n)
		}
		if b.content("out") != b.content("in") {
			b.Error("differs")
		}
		off := make([]byte, 8)
		off[0] = 10
		if n := b.must("copy_file_range", in, off, out, uint64(0), 100, 0); n != 100 {
			b.Error("copy_file_range", n)
		}
		b.want(abi.EINVAL, "fallocate", out, 0, 0, 0, 0, 0)
	})
}

func TestHostPaths(t *testing.T) {
	b := newBox(t, image.I386)
	dir := filepath.Join(b.root, "x")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if g, ok := b.task.proc.GuestPath(dir); !ok || g != "/x" {
		t.Errorf("guest path of %s: %q", dir, g)
	}
	if runtime.GOOS == "windows" {
		if g, ok := b.task.proc.GuestPath(strings.ToUpper(dir)); !ok || !strings.EqualFold(g, "/x") {
			t.Errorf("guest path in capitals: %q", g)
		}
	}
}

func TestTransfersDoNotAllocate(t *testing.T) {
	b := newBox(t, image.I386)
	fd := b.must("open", "f", abi.O_CREAT|abi.O_RDWR, 0o644)
	buf := b.put(make([]byte, 1024))
	a := Args{fd, buf, 1024, 0, 0}
	for name, f := range map[string]Handler{"write": sysWrite, "read": sysRead, "pwrite": sysPwrite, "pread": sysPread} {
		if n := testing.AllocsPerRun(100, func() { _, _ = f(b.task, a) }); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

func BenchmarkWrite1K(b *testing.B) {
	x := newBox(b, image.I386)
	fd := x.must("open", "f", abi.O_CREAT|abi.O_RDWR, 0o644)
	a := Args{fd, x.put(make([]byte, 1024)), 1024, 0, 0}
	for b.Loop() {
		_, _ = sysPwrite(x.task, a)
	}
}

func BenchmarkStat(b *testing.B) {
	x := newBox(b, image.I386)
	x.file("f", "abc")
	a := Args{x.put([]byte("f\x00")), x.put(make([]byte, 200))}
	h := statCall((*Task).putStat64, 0)
	for b.Loop() {
		_, _ = h(x.task, a)
	}
}

func BenchmarkOpenClose(b *testing.B) {
	x := newBox(b, image.I386)
	x.file("f", "abc")
	a := Args{x.put([]byte("f\x00")), abi.O_LARGEFILE}
	for b.Loop() {
		fd, _ := sysOpen(x.task, a)
		_, _ = sysClose(x.task, Args{fd})
	}
}

// Without a number for it a file is neither made nor cut.
func TestOpenWithoutNumber(t *testing.T) {
	bothArchs(t, func(b *box) {
		b.file("f", "content")
		p := b.task.proc
		free := b.must("open", "f", abi.O_RDONLY, 0)
		b.must("close", free)
		was := p.limits[abi.RLIMIT_NOFILE].cur
		p.limits[abi.RLIMIT_NOFILE].cur = free
		b.want(abi.EMFILE, "open", "f", abi.O_WRONLY|abi.O_TRUNC, 0)
		b.want(abi.EMFILE, "open", "g", abi.O_WRONLY|abi.O_CREAT, 0o644)
		b.want(abi.EMFILE, "open", ".", abi.O_WRONLY|abi.O_TMPFILE, 0o644)
		p.limits[abi.RLIMIT_NOFILE].cur = was
		if s := b.content("f"); s != "content" {
			b.Errorf("f holds %q", s)
		}
		b.want(abi.ENOENT, "open", "g", abi.O_RDONLY, 0)
	})
}

// A limit of the file size beyond what a file can be is none.
func TestVastSizeLimit(t *testing.T) {
	bothArchs(t, func(b *box) {
		limit := append(binary.LittleEndian.AppendUint64(nil, ^uint64(1)), 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
		b.must("prlimit64", 0, abi.RLIMIT_FSIZE, limit, 0)
		b.file("f", "content")
	})
}
