package kernel

import (
	"encoding/binary"
	"fmt"
	"strings"

	"bee/runtime/abi"
)

// traceSpec is how a call is written.
type traceSpec struct {
	args   []traceArg
	result func(v uint64) string // nil: a signed number
	// returns: the call is a handler's return.
	returns bool
}

// traceArg is how an argument is written. Arguments that the call fills are
// formatted behind it.
type traceArg struct {
	out    bool
	format func(f *traceFormatter, i int) string
}

// traceOmit stands for an argument that is not shown.
const traceOmit = "\x00"

// traceText is how much strace shows of buffers.
const traceText = 32

type traceFormatter struct {
	t     *Task
	a     Args
	ret   uint64
	errno abi.Errno
}

func in(format func(f *traceFormatter, i int) string) traceArg { return traceArg{false, format} }

// filled is an argument that the call fills; it shows as an address where the
// call has failed.
func filled(format func(f *traceFormatter, i int) string) traceArg {
	return traceArg{true, func(f *traceFormatter, i int) string {
		if f.errno != 0 || f.a[i] == 0 {
			return pointer(f.a[i])
		}
		return format(f, i)
	}}
}

func pointer(v uint64) string {
	if v == 0 {
		return "NULL"
	}
	return fmt.Sprintf("%#x", v)
}

// hexResult writes a number as C's %#x does: a zero has no prefix.
func hexResult(v uint64) string {
	if v == 0 {
		return "0"
	}
	return fmt.Sprintf("%#x", v)
}

// quote writes text as C does, with octal escapes.
func quote(b []byte, cut bool) string {
	var s strings.Builder
	s.WriteByte('"')
	for i, c := range b {
		switch c {
		case '"', '\\':
			s.WriteByte('\\')
			s.WriteByte(c)
		case '\n':
			s.WriteString(`\n`)
		case '\t':
			s.WriteString(`\t`)
		case '\r':
			s.WriteString(`\r`)
		case '\f':
			s.WriteString(`\f`)
		case '\v':
			s.WriteString(`\v`)
		default:
			switch {
			case c >= ' ' && c < 0x7f:
				s.WriteByte(c)
			case i+1 < len(b) && b[i+1] >= '0' && b[i+1] <= '9':
				fmt.Fprintf(&s, `\%03o`, c)
			default:
				fmt.Fprintf(&s, `\%o`, c)
			}
		}
	}
	s.WriteByte('"')
	if cut {
		s.WriteString("...")
	}
	return s.String()
}

// buffer shows n bytes of memory.
func (f *traceFormatter) buffer(addr, n uint64) string {
	if addr == 0 {
		return "NULL"
	}
	m, err := f.t.Bytes(addr, min(n, traceText), false)
	if err != 0 {
		return pointer(addr)
	}
	return quote(m, n > traceText)
}

var (
	argInt  = in(func(f *traceFormatter, i int) string { return fmt.Sprint(int32(f.a[i])) })
	argUint = in(func(f *traceFormatter, i int) string { return fmt.Sprint(f.a[i]) })
	argLong = in(func(f *traceFormatter, i int) string { return fmt.Sprint(f.t.long(f.a[i])) })
	argHex  = in(func(f *traceFormatter, i int) string { return hexResult(f.a[i]) })
	argPtr  = in(func(f *traceFormatter, i int) string { return pointer(f.a[i]) })
	argOct  = in(func(f *traceFormatter, i int) string { return octal(f.a[i]) })
	argAt   = in(func(f *traceFormatter, i int) string {
		if int32(f.a[i]) == abi.AT_FDCWD {
			return "AT_FDCWD"
		}
		return fmt.Sprint(int32(f.a[i]))
	})
	argPath = in(func(f *traceFormatter, i int) string {
		s, err := f.t.Path(f.a[i])
		if err != 0 {
			return pointer(f.a[i])
		}
		return quote([]byte(s), false)
	})
	// argMode follows open's flags and shows only with O_CREAT.
	argMode = in(func(f *traceFormatter, i int) string {
		if f.a[i-1]&(abi.O_CREAT|abi.O_TMPFILE&^abi.O_DIRECTORY) == 0 {
			return traceOmit
		}
		return octal(f.a[i])
	})
	argSignal = in(func(f *traceFormatter, i int) string {
		if s, ok := validSignal(f.a[i]); ok {
			return s.Name()
		}
		return fmt.Sprint(int32(f.a[i]))
	})
	argTimespec   = in(func(f *traceFormatter, i int) string { return f.timespec(f.a[i]) })
	argTimespec64 = in(func(f *traceFormatter, i int) string { return f.timespec64(f.a[i]) })
	outTimespec   = filled(func(f *traceFormatter, i int) string { return f.timespec(f.a[i]) })
	outTimespec64 = filled(func(f *traceFormatter, i int) string { return f.timespec64(f.a[i]) })
	outTimeval    = filled(func(f *traceFormatter, i int) string {
		m, err := f.t.Bytes(f.a[i], uint64(2*f.t.ptrSize()), false)
		if err != 0 {
			return pointer(f.a[i])
		}
		return fmt.Sprintf("{tv_sec=%d, tv_usec=%d}", f.t.long(f.t.word(m)), f.t.long(f.t.word(m[f.t.ptrSize():])))
	})
	// outBuf holds as many bytes as the call returns.
	outBuf  = filled(func(f *traceFormatter, i int) string { return f.buffer(f.a[i], f.ret) })
	outInts = filled(func(f *traceFormatter, i int) string {
		m, err := f.t.Bytes(f.a[i], 8, false)
		if err != 0 {
			return pointer(f.a[i])
		}
		return fmt.Sprintf("[%d, %d]", int32(binary.LittleEndian.Uint32(m)), int32(binary.LittleEndian.Uint32(m[4:])))
	})
	outLoff = filled(func(f *traceFormatter, i int) string {
		v, err := f.t.ReadUint64(f.a[i])
		if err != 0 {
			return pointer(f.a[i])
		}
		return fmt.Sprintf("[%d]", int64(v))
	})
	outStat = filled(func(f *traceFormatter, i int) string {
		if f.t.is64() {
			return f.stat(f.a[i], abi.AMD64StatMode, abi.AMD64StatSize, 8)
		}
		return f.stat(f.a[i], abi.I386Stat64Mode, abi.I386Stat64Size, 8)
	})
	outOldStat = filled(func(f *traceFormatter, i int) string {
		if f.t.is64() {
			return f.stat(f.a[i], abi.AMD64StatMode, abi.AMD64StatSize, 8)
		}
		return f.stat(f.a[i], abi.I386StatMode, abi.I386StatSize, 4)
	})
	outStatx = filled(func(f *traceFormatter, i int) string {
		return strings.ReplaceAll(f.stat(f.a[i], abi.AMD64StatxMode, abi.AMD64StatxSize, 8), "st_", "stx_")
	})
	outUname = filled(func(f *traceFormatter, i int) string {
		const field = abi.SizeofI386Utsname / 6
		m, err := f.t.Bytes(f.a[i], 2*field, false)
		if err != 0 {
			return pointer(f.a[i])
		}
		text := func(b []byte) string { s, _, _ := strings.Cut(string(b), "\x00"); return quote([]byte(s), false) }
		return "{sysname=" + text(m[:field]) + ", nodename=" + text(m[field:]) + ", ...}"
	})
	argRlimit64 = in(func(f *traceFormatter, i int) string { return f.rlimit(f.a[i], 8) })
	outRlimit64 = filled(func(f *traceFormatter, i int) string { return f.rlimit(f.a[i], 8) })
	argRlimit   = in(func(f *traceFormatter, i int) string { return f.rlimit(f.a[i], f.t.ptrSize()) })
	outRlimit   = filled(func(f *traceFormatter, i int) string { return f.rlimit(f.a[i], f.t.ptrSize()) })
	argSigset   = in(func(f *traceFormatter, i int) string { return f.sigset(f.a[i]) })
	outSigset   = filled(func(f *traceFormatter, i int) string { return f.sigset(f.a[i]) })
	argAction   = in(func(f *traceFormatter, i int) string { return f.action(f.a[i]) })
	outAction   = filled(func(f *traceFormatter, i int) string { return f.action(f.a[i]) })
	// argUserDesc is filled in part: the number of the entry.
	argUserDesc = traceArg{true, func(f *traceFormatter, i int) string {
		m, err := f.t.Bytes(f.a[i], abi.SizeofI386UserDesc, false)
		if err != 0 {
			return pointer(f.a[i])
		}
		w := binary.LittleEndian.Uint32
		return fmt.Sprintf("{entry_number=%d, base_addr=%#x, limit=%#x, ...}", int32(w(m)), w(m[4:]), w(m[8:]))
	}}
)

// argBuf shows a buffer whose length is argument n.
func argBuf(n int) traceArg {
	return in(func(f *traceFormatter, i int) string { return f.buffer(f.a[i], f.a[n]) })
}

// argIovecs shows vectors that are written from; argument n counts them.
func argIovecs(n int) traceArg {
	return in(func(f *traceFormatter, i int) string { return f.iovecs(i, n, false) })
}

// outIovecs shows vectors that are read into.
func outIovecs(n int) traceArg {
	return filled(func(f *traceFormatter, i int) string { return f.iovecs(i, n, true) })
}

func (f *traceFormatter) iovecs(i, n int, out bool) string {
	v, err := f.t.Iovecs(f.a[i], f.a[n])
	if err != 0 {
		return pointer(f.a[i])
	}
	left := f.ret
	var s []string
	for _, e := range v {
		shown := e.Len
		if out {
			shown = min(shown, left)
			left -= shown
		}
		s = append(s, fmt.Sprintf("{iov_base=%s, iov_len=%d}", f.buffer(e.Addr, shown), e.Len))
	}
	return "[" + strings.Join(s, ", ") + "]"
}

func octal(v uint64) string {
	if v == 0 {
		return "000"
	}
	return fmt.Sprintf("%#03o", uint32(v))
}

func (f *traceFormatter) timespec(addr uint64) string {
	if f.t.is64() {
		return f.timespec64(addr)
	}
	m, err := f.t.Bytes(addr, abi.SizeofI386Timespec, false)
	if err != 0 || addr == 0 {
		return pointer(addr)
	}
	return fmt.Sprintf("{tv_sec=%d, tv_nsec=%d}", int32(binary.LittleEndian.Uint32(m)), int32(binary.LittleEndian.Uint32(m[4:])))
}

func (f *traceFormatter) timespec64(addr uint64) string {
	m, err := f.t.Bytes(addr, abi.SizeofI386Timespec64, false)
	if err != 0 || addr == 0 {
		return pointer(addr)
	}
	return fmt.Sprintf("{tv_sec=%d, tv_nsec=%d}", int64(binary.LittleEndian.Uint64(m)), int64(binary.LittleEndian.Uint64(m[8:])))
}

func (f *traceFormatter) stat(addr uint64, mode, size uint64, width int) string {
	m, err := f.t.Bytes(addr, size+uint64(width), false)
	if err != 0 {
		return pointer(addr)
	}
	bits := uint32(binary.LittleEndian.Uint16(m[mode:]))
	n := uint64(binary.LittleEndian.Uint32(m[size:]))
	if width == 8 {
		n = binary.LittleEndian.Uint64(m[size:])
	}
	typ := map[uint32]string{
		abi.S_IFREG: "S_IFREG", abi.S_IFDIR: "S_IFDIR", abi.S_IFCHR: "S_IFCHR", abi.S_IFBLK: "S_IFBLK",
		abi.S_IFIFO: "S_IFIFO", abi.S_IFLNK: "S_IFLNK", abi.S_IFSOCK: "S_IFSOCK",
	}[bits&abi.S_IFMT]
	if typ == "" {
		typ = "0"
	}
	return fmt.Sprintf("{st_mode=%s|%s, st_size=%d, ...}", typ, octal(uint64(bits&0o7777)), n)
}

func (f *traceFormatter) rlimit(addr uint64, width int) string {
	m, err := f.t.Bytes(addr, uint64(2*width), false)
	if err != 0 || addr == 0 {
		return pointer(addr)
	}
	text := func(b []byte) string {
		v, inf := uint64(binary.LittleEndian.Uint32(b)), uint64(0xffffffff)
		if width == 8 {
			v, inf = binary.LittleEndian.Uint64(b), rlimInfinity
		}
		switch {
		case v == inf && width == 8:
			return "RLIM64_INFINITY"
		case v == inf:
			return "RLIM_INFINITY"
		case v >= 1024 && v%1024 == 0:
			return fmt.Sprintf("%d*1024", v/1024)
		}
		return fmt.Sprint(v)
	}
	return "{rlim_cur=" + text(m) + ", rlim_max=" + text(m[width:]) + "}"
}

func (f *traceFormatter) sigset(addr uint64) string {
	v, err := f.t.ReadUint64(addr)
	if err != 0 || addr == 0 {
		return pointer(addr)
	}
	return sigsetText(v)
}

func sigsetText(v uint64) string {
	mark := ""
	n := 0
	for i := range 64 {
		n += int(v >> i & 1)
	}
	if n > 32 {
		mark, v = "~", ^v
	}
	var s []string
	for i := range abi.NumSignals {
		if v>>i&1 != 0 {
			s = append(s, strings.TrimPrefix(abi.Signal(i+1).Name(), "SIG"))
		}
	}
	return mark + "[" + strings.Join(s, " ") + "]"
}

func (f *traceFormatter) action(addr uint64) string {
	w := uint64(f.t.ptrSize())
	m, err := f.t.Bytes(addr, 3*w+8, false)
	if err != 0 || addr == 0 {
		return pointer(addr)
	}
	handler := map[uint64]string{abi.SIG_DFL: "SIG_DFL", abi.SIG_IGN: "SIG_IGN"}[f.t.word(m)]
	if handler == "" {
		handler = pointer(f.t.word(m))
	}
	flags := f.t.word(m[w:])
	s := fmt.Sprintf("{sa_handler=%s, sa_mask=%s, sa_flags=%s", handler, sigsetText(binary.LittleEndian.Uint64(m[3*w:])), flagText(flags, "0", actionFlags()))
	if flags&abi.SA_RESTORER != 0 {
		s += ", sa_restorer=" + pointer(f.t.word(m[2*w:]))
	}
	return s + "}"
}

// flag is a name of a bit, or of several bits that are set together.
type flag struct {
	bits uint64
	name string
}

// flagText joins names of bits; what has no name is a number at the end.
func flagText(v uint64, zero string, flags []flag) string {
	var s []string
	for _, f := range flags {
		if f.bits != 0 && v&f.bits == f.bits {
			s = append(s, f.name)
			v &^= f.bits
		}
	}
	if v != 0 {
		s = append(s, fmt.Sprintf("%#x", v))
	}
	if len(s) == 0 {
		return zero
	}
	return strings.Join(s, "|")
}

// argFlags shows a set of flags.
func argFlags(zero string, flags func() []flag) traceArg {
	return in(func(f *traceFormatter, i int) string { return flagText(f.a[i], zero, flags()) })
}

// argEnum shows one of several values.
func argEnum(names map[int32]string) traceArg {
	return in(func(f *traceFormatter, i int) string {
		if s, ok := names[int32(f.a[i])]; ok {
			return s
		}
		return fmt.Sprintf("%#x", f.a[i])
	})
}
