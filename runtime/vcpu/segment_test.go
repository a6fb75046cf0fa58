package vcpu

import (
	"testing"

	"bee/rewrite/decode"
	"bee/runtime/abi"
)

// fakeSegments accepts selector 0x63 and 0, as Linux with one TLS entry.
type fakeSegments struct{ sel [8]uint16 }

func (f *fakeSegments) Selector(s decode.Seg) uint16 { return f.sel[s] }

func (f *fakeSegments) LoadSelector(s decode.Seg, sel uint16) abi.Errno {
	if sel&^3 != 0 && sel != 0x63 {
		return abi.EFAULT
	}
	f.sel[s] = sel
	return 0
}

func (f *fakeSegments) SegmentBase(s decode.Seg) uint32 {
	if f.sel[s] == 0x63 {
		return 0x40
	}
	return 0
}

type fakeWords map[uint64]uint32

func (f fakeWords) ReadUint32(a uint64) (uint32, abi.Errno) {
	v, ok := f[a]
	if !ok {
		return 0, abi.EFAULT
	}
	return v, 0
}

func (f fakeWords) WriteUint32(a uint64, v uint32) abi.Errno {
	if _, ok := f[a]; !ok {
		return abi.EFAULT
	}
	f[a] = v
	return 0
}

func (f fakeWords) ReadUint64(a uint64) (uint64, abi.Errno) {
	lo, e := f.ReadUint32(a)
	if e != 0 {
		return 0, e
	}
	hi, e := f.ReadUint32(a + 4)
	return uint64(hi)<<32 | uint64(lo), e
}

func (f fakeWords) WriteUint64(a, v uint64) abi.Errno {
	if e := f.WriteUint32(a, uint32(v)); e != 0 {
		return e
	}
	return f.WriteUint32(a+4, uint32(v>>32))
}

type fakeBases struct{ fs, gs uint64 }

func (f *fakeBases) at(s decode.Seg) *uint64 {
	if s == decode.FS {
		return &f.fs
	}
	return &f.gs
}

func (f *fakeBases) Base(s decode.Seg) uint64 { return *f.at(s) }

func (f *fakeBases) SetBase(s decode.Seg, base uint64) abi.Errno {
	*f.at(s) = base
	return 0
}

func TestEmulateSegment64(t *testing.T) {
	for _, c := range []struct {
		text         string
		raw          []byte
		regs, want   Registers64
		bases, after fakeBases
		mem          fakeWords
		fails        bool
	}{
		{text: "wrfsbase %rax", raw: []byte{0xf3, 0x48, 0x0f, 0xae, 0xd0}, regs: Registers64{0x7000_0000_1000}, want: Registers64{0x7000_0000_1000}, after: fakeBases{fs: 0x7000_0000_1000}},
		{text: "wrfsbase %r9d", raw: []byte{0xf3, 0x41, 0x0f, 0xae, 0xd1}, regs: Registers64{9: 0x7000_0000_1000}, want: Registers64{9: 0x7000_0000_1000}, after: fakeBases{fs: 0x1000}},
		{text: "rdgsbase %rcx", raw: []byte{0xf3, 0x48, 0x0f, 0xae, 0xc9}, bases: fakeBases{gs: 5}, want: Registers64{1: 5}, after: fakeBases{gs: 5}},
		{text: "rdfsbase %edx", raw: []byte{0xf3, 0x0f, 0xae, 0xc2}, bases: fakeBases{fs: 0x1_0000_0005}, want: Registers64{2: 5}, after: fakeBases{fs: 0x1_0000_0005}},
		{text: "mov %fs,%eax", raw: []byte{0x8c, 0xe0}, regs: Registers64{7}, bases: fakeBases{fs: 1}, after: fakeBases{fs: 1}},
		{text: "mov %eax,%fs", raw: []byte{0x8e, 0xe0}, bases: fakeBases{fs: 1, gs: 2}, after: fakeBases{gs: 2}},
		{text: "mov %eax,%fs, no such segment", raw: []byte{0x8e, 0xe0}, regs: Registers64{0x33}, want: Registers64{0x33}, fails: true},
		{text: "push %gs", raw: []byte{0x0f, 0xa8}, regs: Registers64{4: 0x108}, mem: fakeWords{0x100: 1, 0x104: 1}, want: Registers64{4: 0x100}},
		{text: "pop %fs", raw: []byte{0x0f, 0xa1}, regs: Registers64{4: 0x100}, bases: fakeBases{fs: 1}, mem: fakeWords{0x100: 0, 0x104: 0}, want: Registers64{4: 0x108}},
		{text: "pop %fs, no stack", raw: []byte{0x0f, 0xa1}, regs: Registers64{4: 0x100}, want: Registers64{4: 0x100}, fails: true},
		{text: "mov %eax,%ds is no site", raw: []byte{0x8e, 0xd8}, fails: true},
	} {
		t.Run(c.text, func(t *testing.T) {
			b, r := c.bases, c.regs
			err := EmulateSegment64(c.raw, &r, &b, c.mem)
			if (err != nil) != c.fails {
				t.Fatalf("error %v", err)
			}
			if r != c.want || !c.fails && b != c.after {
				t.Errorf("registers %x, bases %x; want %x, %x", r, b, c.want, c.after)
			}
		})
	}
}

func TestEmulateSegment32(t *testing.T) {
	const gs, fs = decode.GS, decode.FS
	for _, c := range []struct {
		text   string
		raw    []byte
		regs   Registers32
		sel    uint16 // of the register named by seg, before
		seg    decode.Seg
		mem    fakeWords
		want   Registers32
		after  uint16
		memAt  uint64
		memVal uint32
		fails  bool
	}{
		{text: "mov %eax,%gs", raw: []byte{0x8e, 0xe8}, seg: gs, regs: Registers32{0x63}, want: Registers32{0x63}, after: 0x63},
		{text: "mov %eax,%gs, no such segment", raw: []byte{0x8e, 0xe8}, seg: gs, regs: Registers32{0x6b}, want: Registers32{0x6b}, fails: true},
		{text: "mov %ecx,%fs", raw: []byte{0x8e, 0xe1}, seg: fs, regs: Registers32{0, 0x12340063}, want: Registers32{0, 0x12340063}, after: 0x63},
		{text: "mov %gs,%eax", raw: []byte{0x8c, 0xe8}, seg: gs, sel: 0x63, regs: Registers32{0xffffffff}, want: Registers32{0x63}, after: 0x63},
		{text: "mov %gs,%ax", raw: []byte{0x66, 0x8c, 0xe8}, seg: gs, sel: 0x63, regs: Registers32{0xffffffff}, want: Registers32{0xffff0063}, after: 0x63},
		{text: "mov %gs,2(%ebx)", raw: []byte{0x8c, 0x6b, 0x02}, seg: gs, sel: 0x63, regs: Registers32{3: 0x100}, mem: fakeWords{0x100: 0x11112222}, want: Registers32{3: 0x100}, after: 0x63, memAt: 0x100, memVal: 0x00632222},
		{text: "mov (%ebx,%ecx,2),%gs", raw: []byte{0x8e, 0x2c, 0x4b}, seg: gs, regs: Registers32{1: 0x80, 3: 0x100}, mem: fakeWords{0x200: 0x63}, want: Registers32{1: 0x80, 3: 0x100}, after: 0x63},
		{text: "mov %gs:0x10,%gs", raw: []byte{0x65, 0x8e, 0x2d, 0x10, 0, 0, 0}, seg: gs, sel: 0x63, mem: fakeWords{0x50: 0}, after: 0},
		{text: "mov %gs,0xfff0(%bx,%di)", raw: []byte{0x67, 0x8c, 0xa9, 0xf0, 0xff}, seg: gs, sel: 0x63, regs: Registers32{3: 0x7777_0100, 7: 0x10}, mem: fakeWords{0x100: 0x11112222}, want: Registers32{3: 0x7777_0100, 7: 0x10}, after: 0x63, memAt: 0x100, memVal: 0x11110063},
		{text: "push %gs", raw: []byte{0x0f, 0xa8}, seg: gs, sel: 0x63, regs: Registers32{4: 0x104}, mem: fakeWords{0x100: 0xffffffff}, want: Registers32{4: 0x100}, after: 0x63, memAt: 0x100, memVal: 0x63},
		{text: "push %gs, no stack", raw: []byte{0x0f, 0xa8}, seg: gs, regs: Registers32{4: 0x104}, want: Registers32{4: 0x104}, fails: true},
		{text: "pop %gs", raw: []byte{0x0f, 0xa9}, seg: gs, regs: Registers32{4: 0x100}, mem: fakeWords{0x100: 0x63}, want: Registers32{4: 0x104}, after: 0x63},
		{text: "pop %fs", raw: []byte{0x0f, 0xa1}, seg: fs, regs: Registers32{4: 0x100}, mem: fakeWords{0x100: 0}, want: Registers32{4: 0x104}},
		{text: "lgs (%eax),%edx", raw: []byte{0x0f, 0xb5, 0x10}, seg: gs, regs: Registers32{0x100}, mem: fakeWords{0x100: 0xcafe, 0x104: 0x63}, want: Registers32{0: 0x100, 2: 0xcafe}, after: 0x63},
		{text: "mov %eax,%ds is no site", raw: []byte{0x8e, 0xd8}, seg: gs, fails: true},
	} {
		t.Run(c.text, func(t *testing.T) {
			var f fakeSegments
			f.sel[c.seg] = c.sel
			r := c.regs
			err := EmulateSegment32(c.raw, &r, &f, c.mem)
			if (err != nil) != c.fails {
				t.Fatalf("error %v", err)
			}
			if r != c.want {
				t.Errorf("registers %x, want %x", r, c.want)
			}
			if !c.fails && f.sel[c.seg] != c.after {
				t.Errorf("selector %#x, want %#x", f.sel[c.seg], c.after)
			}
			if c.memAt != 0 && c.mem[c.memAt] != c.memVal {
				t.Errorf("memory %#x, want %#x", c.mem[c.memAt], c.memVal)
			}
		})
	}
}
