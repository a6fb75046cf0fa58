//go:build linux && (386 || amd64)

package kernel

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"testing"

	"golang.org/x/sys/unix"

	"bee/image"
	"bee/runtime/abi"
)

// oracle makes the same system call twice: here and to Linux, in the width
// that the test is compiled for, with pointers to the same memory. What both
// write is compared byte for byte.
type oracle struct {
	*box
	numbers map[string]uintptr
	ours    map[string]uint64 // descriptors by name
	native  map[string]int
}

// Arguments that differ between the two sides.
type (
	pathArg string // a path below the box
	fdArg   string // a file of the box that is open for reading and writing
	outArg  int    // a buffer of so many bytes that the call fills
	inArg   []byte // a buffer that is the same for both and not compared
)

// guard is how many bytes behind a buffer must stay as they were.
const guard = 32

// wideGuest tells which of the two architectures the test can ask Linux for.
const wideGuest = runtime.GOARCH == "amd64"

func newOracle(t *testing.T) *oracle {
	t.Helper()
	arch, names := image.I386, abi.I386Syscalls()
	if wideGuest {
		arch, names = image.AMD64, abi.AMD64Syscalls()
	}
	o := &oracle{box: newBox(t, arch), numbers: map[string]uintptr{}, ours: map[string]uint64{}, native: map[string]int{}}
	for nr, name := range names {
		o.numbers[name] = uintptr(nr)
	}
	t.Cleanup(func() {
		for _, fd := range o.native {
			_ = unix.Close(fd)
		}
	})
	return o
}

// open opens a file of the box on both sides, once.
func (o *oracle) open(name string) {
	o.Helper()
	if _, ok := o.ours[name]; ok {
		return
	}
	flags := abi.O_RDWR
	p := filepath.Join(o.root, name)
	if fi, err := os.Stat(p); err == nil && fi.IsDir() {
		flags = abi.O_RDONLY
	}
	o.ours[name] = o.must("open", "/"+name, flags, 0)
	fd, err := unix.Open(p, flags|unix.O_CLOEXEC, 0)
	if err != nil {
		o.Fatal(err)
	}
	o.native[name] = fd
}

// result is what one side answered.
type result struct {
	ret uint64
	err abi.Errno
	out []byte // the buffer and what lies behind it
}

// call makes the call on both sides.
func (o *oracle) call(name string, args ...any) (ours, native result) {
	o.Helper()
	run := func(linux bool) (r result) {
		var a [6]uintptr
		outAt, outLen := uint64(0), 0
		for i, v := range args {
			switch v := v.(type) {
			case int:
				a[i] = uintptr(v)
			case uint64:
				a[i] = uintptr(v)
			case pathArg:
				p := "/" + string(v)
				if linux {
					p = filepath.Join(o.root, string(v))
				}
				a[i] = uintptr(o.put(append([]byte(p), 0)))
			case fdArg:
				o.open(string(v))
				a[i] = uintptr(o.ours[string(v)])
				if linux {
					a[i] = uintptr(o.native[string(v)])
				}
			case inArg:
				a[i] = uintptr(o.put(v))
			case outArg:
				outLen = int(v) + guard
				outAt = o.put(bytes.Repeat([]byte{0xa5}, outLen))
				a[i] = uintptr(outAt)
			default:
				o.Fatalf("argument %T", v)
			}
		}
		if linux {
			v, _, e := unix.Syscall6(o.numbers[name], a[0], a[1], a[2], a[3], a[4], a[5])
			r.ret, r.err = uint64(v), abi.Errno(e)
		} else {
			var w Args
			for i := range w {
				w[i] = uint64(a[i])
			}
			v := makeCall(o.task, uint32(o.numbers[name]), w)
			if r.ret = uint64(v); v < 0 && v > -4096 {
				r.ret, r.err = 0, abi.Errno(-v)
			}
			if !wideGuest {
				r.ret &= 0xffffffff
			}
		}
		if r.err != 0 {
			r.ret = 0
		}
		if outLen > 0 {
			r.out = bytes.Clone(rawBytes(outAt, uint64(outLen)))
		}
		return r
	}
	return run(false), run(true)
}

// span is bytes of a buffer, [0] up to [1], that need not agree.
type span [2]int

// same makes a call and compares everything but the spans.
func (o *oracle) same(name string, args []any, except ...span) {
	o.Helper()
	ours, native := o.call(name, args...)
	if ours.ret != native.ret || ours.err != native.err {
		o.Errorf("%s%v = %#x %v, Linux: %#x %v", name, args, ours.ret, ours.err, native.ret, native.err)
	}
	o.sameBytes(fmt.Sprintf("%s%v", name, args), ours.out, native.out, except...)
}

func (o *oracle) sameBytes(what string, ours, native []byte, except ...span) {
	o.Helper()
	for i := range ours {
		skip := false
		for _, e := range except {
			skip = skip || i >= e[0] && i < e[1]
		}
		if !skip && ours[i] != native[i] {
			o.Errorf("%s: byte %d is %#x, Linux: %#x\n% x\n% x", what, i, ours[i], native[i], ours, native)
			return
		}
	}
}

// near compares little-endian numbers of w bytes at an offset.
func (o *oracle) near(what string, ours, native []byte, at, w int, tolerance int64) {
	o.Helper()
	read := func(b []byte) int64 {
		if w == 8 {
			return int64(binary.LittleEndian.Uint64(b[at:]))
		}
		return int64(int32(binary.LittleEndian.Uint32(b[at:])))
	}
	if a, b := read(ours), read(native); b-a > tolerance || a-b > tolerance {
		o.Errorf("%s: %d at %d, Linux: %d", what, a, at, b)
	}
}

// pick chooses by the guest's width.
func pick[T any](narrow, wide T) T {
	if wideGuest {
		return wide
	}
	return narrow
}

// word is a long of the guest's width.
func word(v uint64) []byte {
	if wideGuest {
		return binary.LittleEndian.AppendUint64(nil, v)
	}
	return binary.LittleEndian.AppendUint32(nil, uint32(v))
}

func words(v ...uint64) []byte {
	var b []byte
	for _, x := range v {
		b = append(b, word(x)...)
	}
	return b
}

// TestOracleStat looks at files of several kinds through every stat call.
func TestOracleStat(t *testing.T) {
	o := newOracle(t)
	o.file("file", "some content")
	o.file("mode", "")
	big := filepath.Join(o.root, "sparse")
	for _, err := range []error{
		os.Mkdir(filepath.Join(o.root, "dir"), 0o750),
		os.Symlink("file", filepath.Join(o.root, "link")),
		os.Link(filepath.Join(o.root, "file"), filepath.Join(o.root, "second")),
		os.Chmod(filepath.Join(o.root, "mode"), 0o640|os.ModeSetuid|os.ModeSticky),
		os.WriteFile(big, nil, 0o600),
		unix.Utimes(big, []unix.Timeval{unix.NsecToTimeval(1e9 + 5000), unix.NsecToTimeval(-3e9 + 7000)}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	names := []pathArg{"file", "dir", "link", "second", "mode", "sparse", "nothing"}
	if wideGuest {
		if err := os.Truncate(big, 5<<32+1); err != nil {
			t.Fatal(err)
		}
	}
	// Linux leaves the padding of stat64 as it was.
	padding := []span{{abi.I386Stat64Dev + 8, abi.I386Stat64OldIno}, {abi.I386Stat64Rdev + 8, abi.I386Stat64Size}}
	size := outArg(pick(abi.SizeofI386Stat, abi.SizeofAMD64Stat))
	for _, n := range names {
		if !wideGuest {
			// File numbers of more than 32 bits cannot be told; Linux
			// refuses, we fold them.
			o.same("stat", []any{n, size}, span{abi.I386StatIno, abi.I386StatIno + 4})
			o.same("lstat", []any{n, size}, span{abi.I386StatIno, abi.I386StatIno + 4})
			const size64 = outArg(abi.SizeofI386Stat64)
			o.same("stat64", []any{n, size64}, padding...)
			o.same("lstat64", []any{n, size64}, padding...)
			o.same("fstatat64", []any{abi.AT_FDCWD, n, size64, abi.AT_SYMLINK_NOFOLLOW}, padding...)
			continue
		}
		o.same("stat", []any{n, size})
		o.same("lstat", []any{n, size})
		o.same("newfstatat", []any{abi.AT_FDCWD, n, size, abi.AT_SYMLINK_NOFOLLOW})
	}
	for _, n := range []fdArg{"file", "dir", "sparse"} {
		if wideGuest {
			o.same("fstat", []any{n, size})
			o.same("newfstatat", []any{n, inArg("\x00"), size, abi.AT_EMPTY_PATH})
		} else {
			o.same("fstat64", []any{n, outArg(abi.SizeofI386Stat64)}, padding...)
		}
		o.same("statx", []any{n, inArg("\x00"), abi.AT_EMPTY_PATH, abi.STATX_BASIC_STATS, outArg(abi.SizeofAMD64Statx)},
			span{abi.AMD64StatxMask, 4},
			span{abi.AMD64StatxAttributes, 16}, span{abi.AMD64StatxAttributesMask, 64},
			span{abi.AMD64StatxBtime, abi.AMD64StatxCtime},
			span{abi.AMD64StatxMntId, abi.SizeofAMD64Statx}) // newer kernels tell more
	}
	o.same("readlink", []any{pathArg("link"), outArg(64), 64})
	o.same("readlink", []any{pathArg("link"), outArg(64), 2})

	w := pick(4, 8)
	// Free space changes, and the numbers of file systems are our own.
	free := span{pick(abi.I386StatfsBfree, abi.AMD64StatfsBfree), pick(abi.I386StatfsFiles, abi.AMD64StatfsFiles)}
	files := span{pick(abi.I386StatfsFfree, abi.AMD64StatfsFfree), pick(abi.I386StatfsNamelen, abi.AMD64StatfsNamelen)}
	flags := span{pick(abi.I386StatfsFlags, abi.AMD64StatfsFlags), pick(abi.I386StatfsFlags, abi.AMD64StatfsFlags) + w}
	size = outArg(pick(abi.SizeofI386Statfs, abi.SizeofAMD64Statfs))
	if wideGuest {
		o.same("statfs", []any{pathArg("file"), size}, free, files, flags)
		o.same("fstatfs", []any{fdArg("file"), size}, free, files, flags)
	} else {
		free = span{abi.I386Statfs64Bfree, abi.I386Statfs64Files}
		files = span{abi.I386Statfs64Ffree, abi.I386Statfs64Namelen}
		flags = span{abi.I386Statfs64Flags, abi.I386Statfs64Flags + 4}
		args := []any{abi.SizeofI386Statfs64, outArg(abi.SizeofI386Statfs64)}
		o.same("statfs64", append([]any{pathArg("file")}, args...), free, files, flags)
		o.same("fstatfs64", append([]any{fdArg("file")}, args...), free, files, flags)
	}
}

// TestOracleFolder compares directory entries, whose order and positions
// are the file system's own.
func TestOracleFolder(t *testing.T) {
	o := newOracle(t)
	if err := os.Mkdir(filepath.Join(o.root, "dir"), 0o700); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		o.file(fmt.Sprintf("dir/%.*s", i+1, "abcdefghijklmnopqrstuvwxyz"), "")
	}
	if err := os.Symlink("a", filepath.Join(o.root, "dir", "link")); err != nil {
		t.Fatal(err)
	}
	for _, call := range []string{"getdents", "getdents64"} {
		wide := call == "getdents64"
		w := pick(4, 8)
		if wide {
			w = 8
		}
		entries := func(r result) []string {
			var list []string
			for b := r.out[:r.ret]; len(b) > 0; {
				n := int(binary.LittleEndian.Uint16(b[2*w:]))
				rec := bytes.Clone(b[:n])
				if !wideGuest && !wide {
					clear(rec[:4]) // a number that may have more than 32 bits
				}
				clear(rec[w : 2*w])
				// Linux leaves what pads the name as it was.
				name, end := 2*w+2, n-1
				if wide {
					name, end = name+1, n
				}
				clear(rec[name+bytes.IndexByte(rec[name:], 0) : end])
				list = append(list, fmt.Sprintf("%q", rec))
				b = b[n:]
			}
			sort.Strings(list)
			return list
		}
		ours, native := o.call(call, fdArg("dir"), outArg(4096), 4096)
		if a, b := entries(ours), entries(native); fmt.Sprint(a) != fmt.Sprint(b) {
			t.Errorf("%s: %d bytes %v\n%s\nLinux: %d bytes %v\n%s", call, ours.ret, ours.err, a, native.ret, native.err, b)
		}
		if !bytes.Equal(ours.out[ours.ret:], native.out[native.ret:]) {
			t.Errorf("%s writes beyond its entries", call)
		}
		o.same("lseek", []any{fdArg("dir"), 0, abi.SEEK_SET})
		o.same(call, []any{fdArg("dir"), outArg(8), 8}) // no room for any
		o.same("lseek", []any{fdArg("dir"), 0, abi.SEEK_SET})
	}
}

// TestOracleOffsets reads and writes far behind the fourth gigabyte, where the
// two widths pass arguments differently.
func TestOracleOffsets(t *testing.T) {
	o := newOracle(t)
	o.file("f", "0123456789")
	const far = 5<<32 + 7
	at := []any{int(far & 0xffffffff), far >> 32}
	if wideGuest {
		far := uint64(far)
		at = []any{far, 0}
	}
	f := fdArg("f")
	o.same("pwrite64", append([]any{f, inArg("far away"), 8}, at...))
	o.same("pread64", append([]any{f, outArg(16), 16}, at...))
	buf := o.put(make([]byte, 64))
	iov := inArg(words(buf, 3, buf+8, 0, buf+16, 40))
	o.same("preadv", append([]any{f, iov, 3}, at...))
	if s := string(rawBytes(buf+16, 5)); s != " away" {
		t.Errorf("preadv: %q", s)
	}
	o.same("preadv", append([]any{f, inArg(words(buf, ^uint64(0))), 1}, at...))
	o.same("preadv2", append(append([]any{f, iov, 3}, at...), 0))
	o.same("readv", []any{f, iov, 1025})
	if wideGuest {
		o.same("lseek", []any{f, uint64(far), abi.SEEK_SET})
		o.same("ftruncate", []any{f, uint64(far + 2)})
		o.same("truncate", []any{pathArg("f"), uint64(far + 3)})
		o.same("fallocate", []any{f, abi.FALLOC_FL_KEEP_SIZE, uint64(far), uint64(4096)})
	} else {
		// lseek is left out: a 64-bit kernel cuts the offset without a word,
		// ours answers EOVERFLOW as a 32-bit one does.
		o.same("_llseek", []any{f, far >> 32, int(far & 0xffffffff), outArg(8), abi.SEEK_SET})
		o.same("ftruncate64", append([]any{f}, int((far+2)&0xffffffff), far>>32))
		o.same("truncate64", append([]any{pathArg("f")}, int((far+3)&0xffffffff), far>>32))
	}
	o.same("readv", []any{f, iov, 3})
	o.same("statx", []any{f, inArg("\x00"), abi.AT_EMPTY_PATH, abi.STATX_SIZE, outArg(abi.SizeofAMD64Statx)},
		span{0, abi.AMD64StatxSize}, span{abi.AMD64StatxSize + 8, abi.SizeofAMD64Statx})
}

// TestOracleLocks asks for a lock that nobody holds.
func TestOracleLocks(t *testing.T) {
	o := newOracle(t)
	o.file("f", "0123456789")
	flock := func(wide bool) []byte {
		b := binary.LittleEndian.AppendUint16(nil, abi.F_WRLCK)
		b = binary.LittleEndian.AppendUint16(b, abi.SEEK_SET)
		if wideGuest {
			return append(append(append(b, 0, 0, 0, 0), words(2, 5)...), make([]byte, 8)...)
		}
		if wide {
			return append(binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(b, 2), 5), 0, 0, 0, 0)
		}
		return append(append(b, words(2, 5)...), 0, 0, 0, 0)
	}
	ask := func(cmd int, b []byte) {
		t.Helper()
		o.open("f")
		mine, theirs := o.put(b), o.put(b)
		name := pick("fcntl64", "fcntl")
		_, ours := o.sys(name, o.ours["f"], cmd, mine)
		_, _, native := unix.Syscall(o.numbers[name], uintptr(o.native["f"]), uintptr(cmd), uintptr(theirs))
		if ours != abi.Errno(native) {
			t.Errorf("command %d: %v, Linux: %v", cmd, ours, native)
		}
		o.sameBytes(fmt.Sprint("lock, command ", cmd), rawBytes(mine, uint64(len(b))), rawBytes(theirs, uint64(len(b))))
	}
	ask(abi.F_GETLK, flock(false))
	ask(abi.F_OFD_GETLK, flock(true))
	if !wideGuest {
		ask(abi.I386_F_GETLK64, flock(true))
	}
}

// TestOracleFileTimes sets times on one file here and on another in Linux.
func TestOracleFileTimes(t *testing.T) {
	o := newOracle(t)
	for _, c := range []struct {
		call  string
		times []byte
		at    bool // the call takes a directory first
	}{
		{"utime", words(1_000_000_001, 1_100_000_002), false},
		{"utimes", words(1_000_000_001, 999_999, 1_100_000_002, 5), false},
		{"futimesat", words(1_000_000_001, 999_999, 1_100_000_002, 5), true},
		{"utimensat", words(1_000_000_001, 999_999_999, 1_100_000_002, 5), true},
		{"utimensat", words(1_000_000_001, utimeOmit, 1_100_000_002, 1e9), true},
		{"utimensat_time64", binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(
			binary.LittleEndian.AppendUint64(nil, 1<<30), 7), 1_100_000_002), 0xffffffff_00000009), true},
	} {
		if _, ok := o.numbers[c.call]; !ok {
			continue
		}
		o.file("f", "")
		args := []any{pathArg("f"), inArg(c.times)}
		if c.at {
			args = append([]any{abi.AT_FDCWD}, args...)
		}
		// One side after the other, on the same file.
		stat := func() (st unix.Stat_t) {
			if err := unix.Stat(filepath.Join(o.root, "f"), &st); err != nil {
				t.Fatal(err)
			}
			return st
		}
		early := []unix.Timespec{{Sec: 1}, {Sec: 2}}
		_ = unix.UtimesNano(filepath.Join(o.root, "f"), early)
		var a [4]any
		copy(a[:], args)
		var list []any
		for _, v := range a {
			switch v := v.(type) {
			case nil:
			case pathArg:
				list = append(list, "/"+string(v))
			case inArg:
				list = append(list, []byte(v))
			default:
				list = append(list, v)
			}
		}
		_, e := o.sys(c.call, list...)
		ours := stat()
		_ = unix.UtimesNano(filepath.Join(o.root, "f"), early)
		_, native := o.call(c.call, args...)
		theirs := stat()
		if e != native.err || ours.Atim != theirs.Atim || ours.Mtim != theirs.Mtim {
			t.Errorf("%s: %v %v %v, Linux: %v %v %v", c.call, e, ours.Atim, ours.Mtim, native.err, theirs.Atim, theirs.Mtim)
		}
	}
}

// TestOracleProcess compares what calls tell about process and machine.
func TestOracleProcess(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	o := newOracle(t)
	w := pick(4, 8)

	// Limits: what Linux tells of them is set here and told again.
	for _, res := range []int{abi.RLIMIT_STACK, abi.RLIMIT_NOFILE, abi.RLIMIT_AS, abi.RLIMIT_CORE} {
		var b [16]byte
		at := o.put(b[:])
		if _, _, e := unix.Syscall6(o.numbers["prlimit64"], 0, uintptr(res), 0, uintptr(at), 0, 0); e != 0 {
			t.Fatal(e)
		}
		o.must("prlimit64", 0, res, at, 0)
		o.same("prlimit64", []any{0, res, 0, outArg(16)})
		get := pick("ugetrlimit", "getrlimit")
		o.same(get, []any{res, outArg(2 * w)})
		if wideGuest {
			o.same(get, []any{uint64(res) | 7<<32, outArg(2 * w)}) // an unsigned int: the rest does not count
		} else {
			o.same("getrlimit", []any{res, outArg(2 * w)})
		}
	}
	o.same(pick("ugetrlimit", "getrlimit"), []any{99, outArg(2 * w)})

	field := func(i int) span { return span{i * 65, i*65 + 65} }
	o.same("uname", []any{outArg(390)}, field(1), field(2), field(3), field(5))

	size := pick(abi.SizeofI386Sysinfo, abi.SizeofAMD64Sysinfo)
	ours, native := o.call("sysinfo", outArg(size))
	up := pick(abi.I386SysinfoUptime, abi.AMD64SysinfoUptime)
	o.near("uptime", ours.out, native.out, up, w, 2)
	tail := pick(abi.I386SysinfoTotalhigh, abi.AMD64SysinfoTotalhigh)
	total := pick(abi.I386SysinfoTotalram, abi.AMD64SysinfoTotalram)
	swap := pick(abi.I386SysinfoTotalswap, abi.AMD64SysinfoTotalswap)
	o.sameBytes("sysinfo", ours.out, native.out, span{0, total}, span{total + w, swap}, span{swap + w, tail}, span{tail + 2*w, tail + 2*w})

	size = pick(abi.SizeofI386Rusage, abi.SizeofAMD64Rusage)
	ours, native = o.call("getrusage", abi.RUSAGE_SELF, outArg(size))
	o.near("user time", ours.out, native.out, 0, w, 1)
	o.near("system time", ours.out, native.out, 2*w, w, 1)
	o.sameBytes("getrusage", ours.out, native.out, span{0, size})
	o.same("getrusage", []any{7, outArg(size)})

	size = pick(abi.SizeofI386Tms, abi.SizeofAMD64Tms)
	ours, native = o.call("times", outArg(size))
	for i := range 4 {
		o.near("times", ours.out, native.out, i*w, w, 100)
	}
	o.sameBytes("times", ours.out, native.out, span{0, size})

	// The default is 50 us for both, and the name is compared after it was set.
	o.same("prctl", []any{abi.PR_SET_NAME, inArg("oracle\x00")})
	o.same("prctl", []any{abi.PR_GET_NAME, outArg(16)})
	o.same("prctl", []any{abi.PR_GET_PDEATHSIG, outArg(4)})
	o.same("sched_getparam", []any{0, outArg(4)})
	o.same("get_robust_list", []any{0, outArg(w), o.put(make([]byte, 8))}, span{0, w}) // libc may have one
	for _, cpu := range []int{0, w - 1, 3*w + 1} {
		o.same("sched_getaffinity", []any{0, cpu, outArg(8 * w)})
	}
	if wideGuest {
		o.same("arch_prctl", []any{abi.ARCH_GET_GS, outArg(8)})
		o.same("arch_prctl", []any{abi.ARCH_SET_GS, uint64(1) << 47})
		o.same("arch_prctl", []any{abi.ARCH_SET_FS, uint64(1) << 63})
		o.same("arch_prctl", []any{0x3001, outArg(24)}) // ARCH_CET_STATUS
		o.same("arch_prctl", []any{0, 0})
		ours, native = o.call("arch_prctl", abi.ARCH_GET_FS, outArg(8))
		o.sameBytes("ARCH_GET_FS", ours.out, native.out, span{0, 8})
		for _, name := range []string{"set_thread_area", "get_thread_area", "modify_ldt"} {
			if ours, _ := o.call(name, outArg(16), 0); ours.err != abi.ENOSYS {
				t.Errorf("%s: %v", name, ours.err)
			}
		}
	}
	if os.Getuid() == 0 && os.Getgid() == 0 {
		for _, name := range []string{"getresuid", "getresgid"} {
			o.same(name, []any{outArg(pick(2, 4)), o.put(make([]byte, 4)), o.put(make([]byte, 4))})
		}
	}
	ours, native = o.call("capget", inArg([]byte{0x22, 5, 8, 0x20, 0, 0, 0, 0}), outArg(24))
	o.sameBytes("capget", ours.out, native.out, span{0, 24})
}

// TestOracleTime compares clocks, in every layout.
func TestOracleTime(t *testing.T) {
	o := newOracle(t)
	w := pick(4, 8)
	for _, id := range []int{
		abi.CLOCK_REALTIME, abi.CLOCK_MONOTONIC, abi.CLOCK_BOOTTIME, abi.CLOCK_REALTIME_COARSE, abi.CLOCK_PROCESS_CPUTIME_ID,
		abi.CLOCK_THREAD_CPUTIME_ID, 99, -1,
	} {
		check := func(call string, w int) {
			t.Helper()
			ours, native := o.call(call, id, outArg(2*w))
			if ours.err != native.err {
				t.Errorf("%s(%d): %v, Linux: %v", call, id, ours.err, native.err)
			} else if ours.err == 0 {
				o.near(call, ours.out, native.out, 0, w, 1)
				if ns := int64(binary.LittleEndian.Uint32(ours.out[w:])); ns >= 1e9 {
					t.Errorf("%s(%d): %d ns", call, id, ns)
				}
				o.sameBytes(call, ours.out, native.out, span{0, w + 4})
			}
		}
		check("clock_gettime", w)
		if !wideGuest {
			check("clock_gettime64", 8)
		}
	}
	o.same("clock_getres", []any{abi.CLOCK_MONOTONIC, outArg(2 * w)})
	if !wideGuest {
		o.same("clock_getres_time64", []any{abi.CLOCK_MONOTONIC, outArg(16)})
	}
	ours, native := o.call("gettimeofday", outArg(2*w), o.put(make([]byte, 8)))
	o.near("gettimeofday", ours.out, native.out, 0, w, 1)
	o.sameBytes("gettimeofday", ours.out, native.out, span{0, w + 4})
	ours, native = o.call("time", outArg(w))
	o.near("time", ours.out, native.out, 0, w, 1)
	o.sameBytes("time", ours.out, native.out, span{0, w})
	if ours.ret != binary.LittleEndian.Uint64(append(bytes.Clone(ours.out[:w]), 0, 0, 0, 0)) {
		t.Errorf("time: %d, in memory % x", ours.ret, ours.out[:w])
	}
	for _, ts := range [][]byte{words(0, 1e9), words(0, 0), words(^uint64(0), 0), words(0, ^uint64(0))} {
		o.same("nanosleep", []any{inArg(ts), 0})
		o.same("clock_nanosleep", []any{abi.CLOCK_MONOTONIC, 0, inArg(ts), 0})
	}
	// What is over is over.
	o.same(pick("_newselect", "select"), []any{0, 0, 0, 0, inArg(words(0, 0))})
	o.same(pick("_newselect", "select"), []any{0, 0, 0, 0, inArg(words(0, ^uint64(0)))})
	o.same("ppoll", []any{0, 0, inArg(words(0, 1)), 0, 8})
}

// TestOracleSignals takes Linux's own structures in and gives them out again.
func TestOracleSignals(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	o := newOracle(t)
	w := pick(4, 8)

	_, native := o.call("sigaltstack", 0, outArg(3*w))
	o.must("sigaltstack", native.out[:3*w], 0)
	o.same("sigaltstack", []any{0, outArg(3 * w)})

	for _, sig := range []int{int(abi.SIGURG), int(abi.SIGHUP), 40, 0, 65} {
		size := 3*w + 8
		_, native := o.call("rt_sigaction", sig, 0, outArg(size), 8)
		if native.err == 0 {
			o.must("rt_sigaction", sig, native.out[:size], 0, 8)
		}
		o.same("rt_sigaction", []any{sig, 0, outArg(size), 8})
	}
	o.same("rt_sigaction", []any{1, 0, 0, 4})

	_, native = o.call("rt_sigprocmask", abi.SIG_SETMASK, 0, outArg(8), 8)
	o.must("rt_sigprocmask", abi.SIG_SETMASK, native.out[:8], 0, 8)
	o.same("rt_sigprocmask", []any{abi.SIG_SETMASK, 0, outArg(8), 8})
	o.same("rt_sigpending", []any{outArg(8), 8})
	o.same("rt_sigpending", []any{outArg(8), 4})
	if !wideGuest {
		o.same("sigpending", []any{outArg(4)})
		o.same("sigprocmask", []any{abi.SIG_SETMASK, 0, outArg(4)})
	}
}
