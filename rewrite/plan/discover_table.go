package plan

import (
	"encoding/binary"
	"math"
	"slices"

	"bee/image"
	"bee/rewrite/decode"
)

// indirect is an indirect jump of proven code.
type indirect struct {
	at   int
	done bool // resolved: every place it goes to is a target
	gone bool // taken for good, nothing more to learn

	counted bool // is in Stats.JumpTables
}

// A value is what is known of a general register in front of a jump.
type value struct {
	kind valueKind
	c    uint64 // vConst: the number; vEntry, vSum: address or displacement of the table
	id   uint64 // identity of an unknown value; vEntry, vSum: that of the table's base, 0 if c is absolute
	reg  uint8  // vArg: the register; vEntry, vSum: the one that held the base
	base valueKind
	add  uint64 // vSum with id 0: what was added to the entry
	idx  value2 // vEntry, vSum, vScaled: the index
	size uint8  // vEntry, vSum, vScaled: bytes per entry
	sign bool   // entries are sign-extended
}

// value2 is the identity of an index.
type value2 struct {
	id  uint64
	reg uint8
	arg bool
}

type valueKind uint8

const (
	vArg      valueKind = iota // what the register held before the first instruction looked at
	vConst                     // a number
	vPointer                   // loaded from memory or returned: a pointer that somebody made
	vComputed                  // anything else
	vEntry                     // loaded from a table by an index
	vSum                       // entry of a table plus the table's base
	vScaled                    // an index times the size of an entry, plus c
)

// window is the straight run of instructions in front of an indirect jump.
type window struct {
	d      *discovery
	regs   [16]value
	nextID uint64
	bounds map[uint64]uint64 // identity of a value to the number of values it can have
	cmpID  uint64
	cmpN   uint64
	head   bool // the run begins where the function does
	first  int
}

// historyLimit is how many instructions in front of a jump are looked at.
const historyLimit = 64

// history lists the instructions that fall through one into the other up to
// the jump at bit i.
func (d *discovery) history(i int) (seq []int, head bool) {
	at := i
	for len(seq) < historyLimit {
		if d.heads.get(at) {
			head = true
			break
		}
		p := d.start.prev(at - 1)
		if p < 0 || at-p > 15 || d.region(p) != d.region(at) {
			break
		}
		in, ok := d.decodeAt(p)
		if !ok || p+int(in.Len) != at || !in.FallsThrough() {
			break
		}
		seq = append(seq, p)
		at = p
	}
	slices.Reverse(seq)
	return seq, head
}

func (w *window) fresh(k valueKind) value {
	w.nextID++
	return value{kind: k, id: w.nextID}
}

// constant gives a number an identity of its own: other ways to the jump may
// bring other numbers in the same register, and then a bound on it is all
// that is known.
func (w *window) constant(c uint64) value {
	v := w.fresh(vConst)
	v.c = c
	return v
}

func (v value) ident() value2 {
	switch v.kind {
	case vConst, vArg, vPointer, vComputed:
		return value2{v.id, v.reg, v.kind == vArg}
	}
	return value2{}
}

// memory is the operand of a ModRM instruction: base value, displacement and
// index.
type memory struct {
	base     value
	hasBase  bool
	disp     uint64
	index    value
	hasIndex bool
	scale    uint8
	key      uint64
}

func (w *window) operand(i int, in *decode.Inst) (m memory) {
	b := w.d.tail(i)
	if in.DispLen > 0 && int(in.DispOff)+int(in.DispLen) <= len(b) {
		switch in.DispLen {
		case 1:
			m.disp = uint64(int64(int8(b[in.DispOff])))
		case 4:
			m.disp = uint64(int64(int32(binary.LittleEndian.Uint32(b[in.DispOff:]))))
		}
	}
	if in.RIPRel {
		m.disp += w.d.addr(i) + uint64(in.Len)
	}
	if r, ok := in.MemBase(); ok && !in.RIPRel {
		m.base, m.hasBase = w.regs[r&15], true
	}
	if r, ok := in.MemIndex(); ok {
		m.index, m.hasIndex = w.regs[r&15], true
		m.scale = 1 << (in.SIB >> 6)
	}
	if m.hasBase && m.base.kind == vConst {
		m.disp += m.base.c
		m.base, m.hasBase = value{}, false
	}
	if w.d.mode == decode.Mode32 {
		m.disp = uint64(uint32(m.disp))
	}
	// Two operands with the same key mean the same word, unless it was
	// written between the comparison and the load.
	m.key = 1<<63 | (m.disp*0x9e3779b97f4a7c15^m.base.id*0xff51afd7ed558ccd^uint64(m.scale)*31^m.index.id*0xc4ceb9fe1a85ec53)>>1
	return m
}

// load gives the value of a pointer or table entry of n bytes.
func (w *window) load(m memory, n uint8, sign bool) value {
	if m.hasIndex && m.scale == n {
		v := value{kind: vEntry, c: m.disp, size: n, sign: sign, idx: m.index.ident()}
		if m.hasBase {
			v.id, v.reg, v.base = m.base.id, m.base.reg, m.base.kind
			if m.base.kind == vEntry || m.base.kind == vSum {
				return w.fresh(vPointer)
			}
		}
		return v
	}
	if v, ok := w.scaledLoad(m, n, sign); ok {
		return v
	}
	return value{kind: vPointer, id: m.key}
}

// scaledLoad is load where the index was multiplied before, as compilers do it
// without optimisation: the product stands alone, or beside the table's base.
func (w *window) scaledLoad(m memory, n uint8, sign bool) (value, bool) {
	s, o := m.base, m.index
	switch {
	case !m.hasBase || m.hasIndex && m.scale != 1:
		// A constant base is in the displacement, and the product the index.
		if m.hasBase || !m.hasIndex || m.scale != 1 {
			return value{}, false
		}
		s, o = m.index, value{kind: vConst}
	case !m.hasIndex:
		o = value{kind: vConst}
	case s.kind != vScaled:
		s, o = o, s
	}
	if s.kind != vScaled || s.size != n {
		return value{}, false
	}
	v := value{kind: vEntry, c: w.trim(m.disp + s.c), size: n, sign: sign, idx: s.idx}
	switch o.kind {
	case vConst:
		v.c = w.trim(v.c + o.c)
	case vArg, vPointer, vComputed:
		v.id, v.reg, v.base = o.id, o.reg, o.kind
	default:
		return value{}, false
	}
	return v, true
}

// scaled gives v times size plus c.
func (w *window) scaled(v value, size uint8, c uint64) value {
	if v.ident().id == 0 || size != 4 && size != 8 {
		return w.fresh(vComputed)
	}
	s := w.fresh(vScaled)
	s.idx, s.size, s.c = v.ident(), size, c
	return s
}

func (w *window) sum(a, b value) value {
	if b.kind == vEntry {
		a, b = b, a
	}
	switch {
	case a.kind == vConst && b.kind == vConst:
		return w.constant(w.trim(a.c + b.c))
	case a.kind == vScaled && b.kind == vConst:
		a.c = w.trim(a.c + b.c)
		return a
	case a.kind == vEntry && b.kind == vConst:
		a.kind, a.add = vSum, b.c
		if a.id != 0 {
			return w.fresh(vComputed)
		}
		return a
	case a.kind == vEntry && a.id != 0 && a.id == b.id && b.kind == a.base:
		a.kind = vSum
		return a
	case a.kind == vEntry && a.id == 0 && (b.kind == vArg || b.kind == vPointer || b.kind == vComputed):
		// table at a known address, base in an unknown register
		a.kind, a.id, a.reg, a.base = vSum, b.id, b.reg, b.kind
		a.add = 1
		return a
	}
	return w.fresh(vComputed)
}

func (w *window) trim(c uint64) uint64 {
	if w.d.mode == decode.Mode32 {
		return uint64(uint32(c))
	}
	return c
}

// step interprets one instruction.
func (w *window) step(i int, in *decode.Inst) {
	rex := in.REX
	if in.Enc != decode.Legacy {
		w.clobber(in, i)
		return
	}
	reg := in.ModRM>>3&7 | rex&4<<1
	rm := in.ModRM&7 | rex&1<<3
	direct := in.HasModRM && in.ModRM>>6 == 3
	b := w.d.tail(i)
	imm := uint64(0)
	switch {
	case in.ImmLen == 1 && int(in.ImmOff) < len(b):
		imm = uint64(int64(int8(b[in.ImmOff])))
	case in.ImmLen == 4 && int(in.ImmOff)+4 <= len(b):
		imm = uint64(int64(int32(binary.LittleEndian.Uint32(b[in.ImmOff:]))))
	case in.ImmLen == 8 && int(in.ImmOff)+8 <= len(b):
		imm = binary.LittleEndian.Uint64(b[in.ImmOff:])
	}
	ptr := uint8(4)
	if w.d.mode == decode.Mode64 {
		ptr = 8
	}
	size := uint8(in.OperandSize() / 8)
	highByte := direct && (in.Opcode == 0x80 || in.Opcode == 0xb6) && rm >= 4 && rex == 0
	compare := func(n uint64) {
		w.cmpN = n
		switch {
		case in.HasModRM && !direct:
			w.cmpID = w.operand(i, in).key
		case in.HasModRM:
			w.cmpID = w.regs[rm].id
			if highByte {
				w.cmpID = 0
			}
		default:
			w.cmpID = w.regs[0].id
		}
	}
	switch in.Map {
	case decode.MapOneByte:
		switch op := in.Opcode; {
		case op == 0x89:
			if direct {
				w.copy(rm, reg, size)
			}
			return
		case op == 0x8b:
			switch {
			case direct:
				w.copy(reg, rm, size)
			case size >= 4:
				v := w.load(w.operand(i, in), size, false)
				if size < ptr && v.kind == vPointer {
					v.kind = vComputed // 32 bits of a 64-bit register
				}
				w.regs[reg] = v
			default:
				w.regs[reg] = w.fresh(vComputed)
			}
			return
		case op == 0x63 && ptr == 8:
			if direct {
				w.copy(reg, rm, 4)
			} else {
				v := w.load(w.operand(i, in), 4, true)
				if v.kind == vPointer {
					v.kind = vComputed
				}
				w.regs[reg] = v
			}
			return
		case op == 0x8d:
			m := w.operand(i, in)
			switch {
			case !m.hasBase && !m.hasIndex && size >= 4:
				w.regs[reg] = w.constant(m.disp)
			case !m.hasBase && m.hasIndex && size == ptr:
				w.regs[reg] = w.scaled(m.index, m.scale, m.disp)
			default:
				w.regs[reg] = w.fresh(vComputed)
			}
			return
		case op >= 0xb8 && op <= 0xbf:
			if size == 4 {
				imm = uint64(uint32(imm))
			}
			w.regs[in.Opcode&7|rex&1<<3] = w.constant(imm)
			return
		case op == 0xc7 && direct:
			w.regs[rm] = w.constant(w.trim(imm))
			return
		case op == 0x01 && direct && size == ptr:
			w.regs[rm] = w.sum(w.regs[rm], w.regs[reg])
			return
		case op == 0x03 && size == ptr:
			o := w.regs[rm]
			if !direct {
				o = w.load(w.operand(i, in), size, false)
			}
			w.regs[reg] = w.sum(w.regs[reg], o)
			return
		case (op == 0x81 || op == 0x83) && direct && in.ModRM>>3&7 == 0:
			w.regs[rm] = w.sum(w.regs[rm], value{kind: vConst, c: imm})
			return
		case (op == 0x81 || op == 0x83) && direct && in.ModRM>>3&7 == 4:
			w.regs[rm] = w.fresh(vComputed)
			if imm < maxTable {
				w.bounds[w.regs[rm].id] = imm + 1
			}
			return
		case op == 0xc1 && direct && in.ModRM>>3&7 == 4 && size >= 4: // shl
			w.regs[rm] = w.scaled(w.regs[rm], 1<<(imm&7), 0)
			return
		case op == 0x05 && size == ptr:
			w.regs[0] = w.sum(w.regs[0], value{kind: vConst, c: imm})
			return
		case op == 0x98 && size == 8: // cltq
			if v := &w.regs[0]; v.kind == vEntry && v.size == 4 {
				v.sign = true
			} else {
				w.copy(0, 0, 4)
			}
			return
		case op == 0x25:
			w.regs[0] = w.fresh(vComputed)
			if imm < maxTable {
				w.bounds[w.regs[0].id] = imm + 1
			}
			return
		case (op == 0x80 || op == 0x81 || op == 0x83) && in.ModRM>>3&7 == 7, op == 0x3c, op == 0x3d:
			if op == 0x80 || op == 0x3c {
				imm &= 0xff
			}
			compare(imm)
			return
		case op >= 0x70 && op <= 0x7f:
			w.branch(op & 15)
			return
		case op >= 0x38 && op <= 0x3b, op == 0x84, op == 0x85, op == 0xa8, op == 0xa9:
			w.cmpID = 0
			return
		case op == 0x90:
			return
		case op >= 0x50 && op <= 0x57, op == 0x68, op == 0x6a:
			w.regs[4] = w.fresh(vComputed)
			return
		case (op == 0x88 || op == 0xc6 || op == 0xc7 || op == 0x80 || op == 0x81 || op == 0x83) && !direct:
			return
		case op < 0x40 && op&7 <= 1 && !direct: // arithmetic into memory
			return
		case op >= 0x58 && op <= 0x5f:
			w.regs[4] = w.fresh(vComputed)
			w.regs[in.Opcode&7|rex&1<<3] = w.fresh(vPointer)
			return
		case (op == 0xf6 || op == 0xf7) && in.ModRM>>3&7 == 0:
			w.cmpID = 0
			return
		case op == 0xff && in.ModRM>>3&7 == 6:
			return
		case op == 0xe8, op == 0xff && in.ModRM>>3&7 == 2:
			w.call()
			return
		}
	case decode.Map0F:
		switch op := in.Opcode; {
		case op >= 0x80 && op <= 0x8f:
			w.branch(op & 15)
			return
		case highByte:
			w.regs[reg] = w.fresh(vComputed)
			return
		case (op == 0xb6 || op == 0xb7) && direct:
			w.copy(reg, rm, 4)
			return
		case op == 0xb6 || op == 0xb7:
			w.regs[reg] = value{kind: vComputed, id: w.operand(i, in).key}
			return
		case op == 0x1e || op == 0x1f:
			return
		case in.MemOperand && !in.StringOp && (op >= 0x10 && op <= 0x17 || op >= 0x28 && op <= 0x2b || op == 0x2e || op == 0x2f ||
			op >= 0x51 && op <= 0x7f || op >= 0xd0):
			return // vectors
		}
	}
	w.clobber(in, i)
}

// copy moves a register; narrower and zero-extending moves keep the identity,
// because bounds are on the part that the index is made of.
func (w *window) copy(dst, src, size uint8) {
	v := w.regs[src]
	if size < 4 {
		v = w.fresh(vComputed)
	} else if size == 4 && w.d.mode == decode.Mode64 && v.kind != vArg && v.kind != vComputed && v.kind != vConst {
		v = value{kind: vComputed, id: v.id, reg: v.reg}
	}
	w.regs[dst] = v
}

func (w *window) clobber(in *decode.Inst, i int) {
	mask := in.GPRMask(w.d.tail(i)[:in.Len])
	for r := range w.regs {
		if mask>>r&1 != 0 && r != 4 {
			w.regs[r] = w.fresh(vComputed)
		}
	}
	w.cmpID = 0
}

func (w *window) call() {
	saved := uint32(1<<3 | 1<<5 | 1<<6 | 1<<7)
	if w.d.mode == decode.Mode64 {
		saved = 1<<3 | 1<<5 | 0xf000
	}
	for r := range w.regs {
		if saved>>r&1 == 0 && r != 4 {
			w.regs[r] = w.fresh(vPointer)
		}
	}
	w.cmpID = 0
}

// branch takes the bound from a conditional jump that is not taken.
func (w *window) branch(cond uint8) {
	if w.cmpID == 0 || w.cmpN >= maxTable {
		return
	}
	switch cond {
	case 7: // ja
		w.bounds[w.cmpID] = w.cmpN + 1
	case 3: // jae
		w.bounds[w.cmpID] = w.cmpN
	}
}

// extentOf gives the function around bit i while discovery runs.
func (d *discovery) extentOf(i int) (s, e int) {
	f, next := d.trusted(i)
	if f >= 0 {
		return d.trust[f].start, d.trust[f].end
	}
	r := d.region(i)
	s = max(d.heads.prev(i), d.base[r])
	if n, _ := slices.BinarySearchFunc(d.trust, i, func(e extent, i int) int {
		if e.start <= i {
			return -1
		}
		return 1
	}); n > 0 {
		s = max(s, d.trust[n-1].end)
	}
	return s, d.heads.nextUpTo(i+1, min(next, d.base[r+1]))
}

// table is a jump table in the making.
type table struct {
	jump     int // index in inds
	addr     uint64
	size     uint8
	add      uint64 // for differences
	relative bool
	sign     bool
	bound    uint64 // number of entries, 0 if not known
	sure     bool   // address and base are certain
}

// resolveJumps looks at the indirect jumps that have no answer yet; it tells
// whether that has queued anything.
func (d *discovery) resolveJumps() bool {
	var open []table
	for k := range d.inds {
		if d.inds[k].gone {
			continue
		}
		if !d.start.get(d.inds[k].at) {
			continue
		}
		open = append(open, d.analyse(k)...)
	}
	if len(open) == 0 {
		return false
	}
	known := len(d.tables)
	for _, t := range open {
		if _, ok := slices.BinarySearch(d.tables[:known], t.addr); !ok {
			d.tables = append(d.tables, t.addr)
		}
	}
	if len(d.tables) > known {
		slices.Sort(d.tables)
		d.tables = slices.Compact(d.tables)
	}
	// Tables with known ends first: what they prove tells where the others
	// end.
	progress := false
	for _, t := range open {
		if t.bound > 0 {
			progress = d.readTable(t) || progress
		}
	}
	if progress {
		return true
	}
	for _, t := range open {
		if t.bound == 0 && !d.inds[t.jump].gone {
			progress = d.readTable(t) || progress
		}
	}
	return progress
}

// analyse finds out where indirect jump k goes. It settles jumps through
// pointers itself and returns the tables to be read.
func (d *discovery) analyse(k int) []table {
	at := d.inds[k].at
	in, ok := d.decodeAt(at)
	if !ok {
		d.inds[k].gone = true
		return nil
	}
	w := window{d: d, bounds: map[uint64]uint64{}, nextID: 32}
	for r := range w.regs {
		w.regs[r] = value{kind: vArg, id: uint64(r) + 1, reg: uint8(r)}
	}
	seq, head := d.history(at)
	w.head = head
	w.first = at
	var last decode.Inst
	for n, p := range seq {
		if n == 0 {
			w.first = p
		}
		last, ok = d.decodeAt(p)
		if ok {
			w.step(p, &last)
		}
	}
	ptr := uint8(4)
	if d.mode == decode.Mode64 {
		ptr = 8
	}
	pointer := func() []table {
		d.inds[k].done, d.inds[k].gone = true, true
		return nil
	}
	var v value
	if in.MemOperand {
		m := w.operand(at, &in)
		if !m.hasIndex || m.scale != ptr {
			return pointer() // a word that holds a pointer
		}
		v = w.load(m, ptr, false)
	} else {
		v = w.regs[in.ModRM&7|in.REX&1<<3]
	}
	switch v.kind {
	case vConst:
		if t, ok := d.index(v.c); ok && d.mayArrive(t) {
			d.targets.set(t)
			d.strong = append(d.strong, t)
		}
		return pointer()
	case vPointer:
		return pointer()
	case vEntry:
		if v.size != ptr {
			return nil
		}
		// A table of pointers: its words are among the code pointers, and
		// following them adds no target that a jump could miss.
		if v.id != 0 {
			return pointer()
		}
		return []table{{jump: k, addr: v.c, size: ptr, bound: d.boundOf(&w, v.idx), sure: true}}
	case vSum:
		t := table{jump: k, addr: v.c, size: v.size, add: v.add, relative: true, sign: v.sign, bound: d.boundOf(&w, v.idx), sure: true}
		if v.id == 0 {
			return []table{t}
		}
		if d.arch == image.I386 {
			if d.got == 0 {
				return nil
			}
			if v.add != 1 { // the base is in the operand too
				t.addr = uint64(uint32(d.got) + uint32(v.c))
			}
			t.add = d.got
			return []table{t}
		}
		return d.basesOf(t, v)
	case vArg:
		if w.head || d.torndown(seq) || len(seq) == 0 && d.named(at) || !d.computes(at, v.reg) {
			return pointer()
		}
	case vComputed:
		if d.torndown(seq) {
			return pointer()
		}
	}
	return nil
}

// torndown tells whether the stack frame was given up right in front of the
// jump: then it is a tail call, whose target is a function.
func (d *discovery) torndown(seq []int) bool {
	if len(seq) == 0 {
		return false
	}
	in, ok := d.decodeAt(seq[len(seq)-1])
	if !ok || in.Enc != decode.Legacy || in.Map != decode.MapOneByte {
		return false
	}
	switch {
	case in.Opcode >= 0x58 && in.Opcode <= 0x5f, in.Opcode == 0xc9:
		return true
	case in.Opcode == 0x81 || in.Opcode == 0x83:
		return in.ModRM == 0xc4 && in.REX&1 == 0
	}
	return false
}

// named tells whether the jump at bit at is reached through a pointer only:
// nothing falls through or branches to it. Then it is a function that jumps
// through its argument, as musl's qsort has one.
func (d *discovery) named(at int) bool {
	if !d.targets.get(at) || !d.endsFlow(at) && !d.padBefore(at) && !d.returnBefore(at) {
		return false
	}
	s, e := d.extentOf(at)
	if e-s > functionLimit {
		return false
	}
	for i := d.start.next(s); i < e; i = d.start.next(i + 1) {
		in, ok := d.decodeAt(i)
		if !ok {
			return false
		}
		if in.RelLen > 0 && in.Target(d.addr(i)) == d.addr(at) {
			return false
		}
	}
	return true
}

// functionLimit bounds the bytes of a function that are searched for one
// jump.
const functionLimit = 1 << 18

// computes tells whether the function around bit at may compute a code
// address in register reg: whether anything but a load, a pop or a constant
// writes it.
func (d *discovery) computes(at int, reg uint8) bool {
	s, e := d.extentOf(at)
	if e-s > functionLimit {
		return true
	}
	for i := d.start.next(s); i < e; i = d.start.next(i + 1) {
		in, ok := d.decodeAt(i)
		if !ok {
			return true
		}
		if in.GPRMask(d.tail(i)[:in.Len])>>reg&1 == 0 || in.Class == decode.Call || in.Class == decode.CallInd || in.Class == decode.JmpInd {
			continue
		}
		if in.Enc == decode.Legacy && in.Map == decode.MapOneByte {
			r := in.ModRM>>3&7 | in.REX&4<<1
			rm := in.ModRM&7 | in.REX&1<<3
			direct := in.HasModRM && in.ModRM>>6 == 3
			switch op := in.Opcode; {
			case op >= 0x50 && op <= 0x5f, op >= 0xb8 && op <= 0xbf, op >= 0x38 && op <= 0x3d, op == 0x84, op == 0x85,
				op == 0x88 && !direct, op == 0xc6, op == 0xc7, op == 0xa8, op == 0xa9:
				continue
			case op == 0x89 && (!direct || rm != reg):
				continue
			case op == 0x8b && !direct && d.noIndex(&in), op == 0x8b && r != reg:
				continue
			case (op == 0x80 || op == 0x81 || op == 0x83) && (in.ModRM>>3&7 == 7 || !direct):
				continue
			case (op == 0x8d || op == 0x03 || op == 0x2b || op == 0x23 || op == 0x33 || op == 0x0b || op == 0x63) && r != reg:
				continue
			case (op == 0x01 || op == 0x29 || op == 0x21 || op == 0x31 || op == 0x09) && (!direct || rm != reg):
				continue
			}
		}
		return true
	}
	return false
}

func (d *discovery) noIndex(in *decode.Inst) bool {
	_, ok := in.MemIndex()
	return !ok
}

// basesOf finds the table of a jump whose base register was loaded out of
// sight: the constants that the function loads.
func (d *discovery) basesOf(t table, v value) []table {
	s, e := d.extentOf(d.inds[t.jump].at)
	if e-s > functionLimit {
		return nil
	}
	var bases []uint64
	for i := d.start.next(s); i < e; i = d.start.next(i + 1) {
		b := d.tail(i)
		if len(b) < 7 || b[0]&0xf8 != 0x48 || b[1] != 0x8d || b[2]&0xc7 != 0x05 {
			continue
		}
		reg := b[2]>>3&7 | b[0]&4<<1
		if v.base == vArg && reg != v.reg {
			continue
		}
		a := d.addr(i) + 7 + uint64(int64(int32(binary.LittleEndian.Uint32(b[3:]))))
		if !slices.Contains(bases, a) {
			bases = append(bases, a)
		}
		if len(bases) > 64 {
			return nil
		}
	}
	var out []table
	for _, a := range bases {
		c := t
		if v.add != 1 {
			c.addr = a + v.c
		}
		c.add = a
		c.sure = len(bases) == 1 && v.base == vArg
		if _, ro, ok := d.word(c.addr, int(c.size)); ok && ro {
			out = append(out, c)
		}
	}
	return out
}

// boundOf gives the number of values that an index can have, 0 if it is not
// known.
func (d *discovery) boundOf(w *window, idx value2) uint64 {
	if idx.id == 0 {
		return 0
	}
	if n, ok := w.bounds[idx.id]; ok {
		return n
	}
	if !idx.arg || w.head {
		return 0
	}
	// The comparison stands in front of a jump to here.
	s, e := d.extentOf(w.first)
	if e-s > functionLimit || !d.targets.get(w.first) {
		return 0
	}
	var bound uint64
	var cmpAt int
	var cmp decode.Inst
	for i := d.start.next(s); i < e; i = d.start.next(i + 1) {
		b := d.tail(i)
		op := b[0]
		if op == 0x0f && len(b) > 1 {
			op = b[1]
		}
		switch {
		case b[0] == 0x0f && op&0xf0 != 0x80, b[0] != 0x0f && op&0xf0 != 0x70 && op != 0xeb && op != 0xe9:
			if b[0] != 0x0f {
				cmpAt = i
			}
			continue
		}
		in, ok := d.decodeAt(i)
		if !ok || in.RelLen == 0 {
			continue
		}
		if t, ok := d.index(in.Target(d.addr(i))); !ok || t != w.first {
			continue
		}
		if in.Class != decode.Jcc {
			return 0 // also reached from elsewhere: the table must end by itself
		}
		if cmp, ok = d.decodeAt(cmpAt); !ok || cmpAt+int(cmp.Len) != i {
			return 0
		}
		n, ok := d.compareImm(cmpAt, &cmp, idx.reg)
		if !ok || n >= maxTable {
			return 0
		}
		switch in.Opcode & 15 {
		case 6: // jbe
			bound = max(bound, n+1)
		case 2: // jb
			bound = max(bound, n)
		default:
			return 0
		}
	}
	return bound
}

// compareImm reads a comparison of reg with a number.
func (d *discovery) compareImm(i int, in *decode.Inst, reg uint8) (uint64, bool) {
	if in.Enc != decode.Legacy || in.Map != decode.MapOneByte {
		return 0, false
	}
	b := d.tail(i)
	rm := in.ModRM&7 | in.REX&1<<3
	switch op := in.Opcode; {
	case op == 0x83 && in.ModRM>>3 == 0x1f && rm == reg:
		return uint64(int64(int8(b[in.ImmOff]))), true
	case op == 0x80 && in.ModRM>>3 == 0x1f && rm == reg:
		return uint64(b[in.ImmOff]), true
	case op == 0x81 && in.ModRM>>3 == 0x1f && rm == reg && in.ImmLen == 4:
		return uint64(binary.LittleEndian.Uint32(b[in.ImmOff:])), true
	case op == 0x3c && reg == 0:
		return uint64(b[in.ImmOff]), true
	case op == 0x3d && reg == 0 && in.ImmLen == 4:
		return uint64(binary.LittleEndian.Uint32(b[in.ImmOff:])), true
	}
	return 0, false
}

// readTable takes a table's entries for targets. It tells whether anything
// was queued.
func (d *discovery) readTable(t table) bool {
	at := d.inds[t.jump].at
	s, e := d.extentOf(at)
	f, _ := d.trusted(at)
	limit := t.bound
	if limit == 0 {
		limit = maxTable
	}
	var entries []int
	readOnly, broken := true, false
	for k := range limit {
		a := t.addr + k*uint64(t.size)
		if t.bound == 0 && k > 0 {
			if n, ok := slices.BinarySearch(d.tables, a); ok || n < len(d.tables) && d.tables[n] < a+uint64(t.size) {
				break
			}
		}
		v, ro, ok := d.word(a, int(t.size))
		if !ok {
			broken = t.bound > 0
			break
		}
		readOnly = readOnly && ro
		if t.relative {
			if t.sign && t.size == 4 {
				v = uint64(int64(int32(v)))
			}
			v += t.add
		}
		if d.mode == decode.Mode32 {
			v = uint64(uint32(v))
		}
		i, ok := d.index(v)
		if ok && !d.mayArrive(i) {
			ok = false
		}
		if ok && t.bound == 0 && (i < s || i >= e) {
			g, _ := d.trusted(i)
			ok = f >= 0 && g >= 0 && d.root(f) == d.root(g)
		}
		if !ok {
			broken = t.bound > 0
			break
		}
		entries = append(entries, i)
	}
	if broken || len(entries) == 0 || t.addr == 0 || t.addr > math.MaxUint64-maxTable*8 {
		if !t.relative {
			// Pointers all the same: targets, if not code that is known.
			d.inds[t.jump].done, d.inds[t.jump].gone = true, true
		}
		return false
	}
	if !d.inds[t.jump].counted {
		d.inds[t.jump].counted = true
		d.counts.JumpTables++
	}
	if i, ok := d.index(t.addr); ok { // in the text itself
		for k := i; k < i+len(entries)*int(t.size) && k < d.size(); k++ {
			if !d.cover.get(k) {
				d.data.set(k)
			}
		}
	}
	queued := false
	for _, i := range entries {
		d.targets.set(i)
		if d.start.get(i) || d.cover.get(i) || d.data.get(i) {
			continue
		}
		if !t.sure {
			if d.asked.get(i) {
				continue // has had its chance, or will
			}
			d.asked.set(i)
		}
		queued = true
		d.queue(i, t.bound > 0 && t.sure)
	}
	for _, i := range entries {
		d.link(at, i, true)
	}
	if t.sure {
		d.inds[t.jump].gone = true
		d.inds[t.jump].done = readOnly || !t.relative
	}
	return queued
}
