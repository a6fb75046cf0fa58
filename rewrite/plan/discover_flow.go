package plan

import (
	"encoding/binary"

	"bee/image"
	"bee/rewrite/decode"
)

// decodeAt decodes the instruction at bit i; it does not reach into the next
// region.
func (d *discovery) decodeAt(i int) (decode.Inst, bool) {
	b := d.tail(i)
	in, err := decode.Decode(b[:min(len(b), 16)], d.mode)
	return in, err == nil && in.Len > 0 && int(in.Len) <= len(b)
}

// place proves the instruction at bit i, unless it contradicts what is
// proven. Two readings may share bytes in one way only: prefixes in front of
// the shorter one, which programs do jump over (lock, in glibc).
func (d *discovery) place(i int, in *decode.Inst) (mark, bool) {
	end := i + int(in.Len)
	m := mark{i, -1}
	for k := i; k < end; k++ {
		if d.data.get(k) {
			return m, false
		}
		if !d.cover.get(k) {
			continue
		}
		if k == i || k-i > int(in.OpcodeOff) || !d.start.get(k) {
			return m, false
		}
		short, ok := d.decodeAt(k)
		if !ok || k+int(short.Len) != end {
			return m, false
		}
		m.absorbed = k
		break
	}
	if m.absorbed >= 0 {
		d.start.clear(m.absorbed)
		d.targets.set(m.absorbed)
		d.cover.setRange(i, m.absorbed)
	} else {
		d.cover.setRange(i, end)
		d.insts++
	}
	d.start.set(i)
	return m, true
}

// undo takes back what place did.
func (d *discovery) undo(m mark) {
	d.start.clear(m.at)
	if m.absorbed >= 0 {
		d.start.set(m.absorbed)
		for k := m.at; k < m.absorbed; k++ {
			d.cover.clear(k)
		}
		return
	}
	in, ok := d.decodeAt(m.at)
	if !ok {
		return
	}
	for k := m.at; k < m.at+int(in.Len); k++ {
		d.cover.clear(k)
	}
	d.insts--
}

// insidePrefix tells whether bit i, which is covered and no start, lies
// behind prefixes of a proven instruction, so that control may arrive there.
func (d *discovery) insidePrefix(i int) bool {
	s := d.start.prev(i)
	if s < 0 || i-s > 14 {
		return false
	}
	in, ok := d.decodeAt(s)
	return ok && i-s <= int(in.OpcodeOff)
}

// walk follows strong code from bit i to the end of its flow.
func (d *discovery) walk(i int) {
	f, limit := d.trusted(i)
	for i < d.size() && !d.cover.get(i) && !d.data.get(i) {
		in, ok := d.decodeAt(i)
		if !ok {
			return
		}
		if _, ok := d.place(i, &in); !ok {
			return
		}
		d.emit(i, &in, true)
		next, r := i+int(in.Len), d.region(i)
		if !in.FallsThrough() || next >= d.base[r+1] {
			return
		}
		switch in.Class {
		case decode.Call:
			if _, no := d.noReturn[in.Target(d.addr(i))]; no {
				return
			}
			if f < 0 || next >= limit {
				if f < 0 {
					d.soft = append(d.soft, next)
				}
				return
			}
		case decode.CallInd, decode.Int3, decode.IntN:
			if in.Class == decode.Int3 && d.tail(next)[0] == 0xcc {
				return // padding behind a call that does not return
			}
			if f < 0 || next >= limit {
				if f < 0 {
					d.soft = append(d.soft, next)
				}
				return
			}
		}
		if next >= limit {
			if f >= 0 && !d.heads.get(next) {
				// The extents may be shorter than the function.
				d.soft = append(d.soft, next)
				return
			}
			f, limit = d.trusted(next)
		}
		i = next
	}
}

// confirm counts what speaks for a trial.
type confirm struct {
	insts int
	ties  int // calls of and jumps to code that was proven before
	ends  int // ends of flow that the trial itself holds
}

// try decodes from bit i on trial, following direct jumps but no calls, and
// keeps the outcome when nothing contradicts it and enough (which may be nil)
// agrees.
func (d *discovery) try(i int, enough func(confirm) bool) bool {
	return d.attempt(i, false, enough)
}

// attempt is try; through makes it go on behind calls, so that more can
// agree, but also contradict.
func (d *discovery) attempt(i int, through bool, enough func(confirm) bool) bool {
	if d.cover.get(i) || d.data.get(i) || d.credit <= 0 {
		return false
	}
	d.journal = d.journal[:0]
	d.work = append(d.work[:0], i)
	var c confirm
	ok := d.trial(&c, through)
	if ok && enough != nil {
		ok = enough(c)
	}
	if !ok {
		d.credit -= c.insts + 1
		d.rollback()
		return false
	}
	d.commit()
	return true
}

func (d *discovery) rollback() {
	for k := len(d.journal) - 1; k >= 0; k-- {
		d.undo(d.journal[k])
	}
	d.journal = d.journal[:0]
}

func (d *discovery) commit() {
	for _, m := range d.journal {
		if in, ok := d.decodeAt(m.at); ok {
			d.emit(m.at, &in, false)
		}
	}
	d.journal = d.journal[:0]
}

func (d *discovery) trial(c *confirm, through bool) bool {
	for len(d.work) > 0 {
		i := d.work[len(d.work)-1]
		d.work = d.work[:len(d.work)-1]
		_, limit := d.trusted(i)
		for {
			if d.start.get(i) {
				break
			}
			if d.cover.get(i) {
				if d.insidePrefix(i) {
					break
				}
				return false
			}
			if c.insts >= trialLimit {
				d.soft = append(d.soft, i)
				break
			}
			in, ok := d.decodeAt(i)
			if !ok || d.implausible(i, &in) {
				return false
			}
			next := i + int(in.Len)
			if i < limit && next > limit {
				return false // across the edge of a function
			}
			m, ok := d.place(i, &in)
			if !ok {
				return false
			}
			d.journal = append(d.journal, m)
			c.insts++
			switch in.Class {
			case decode.Jcc, decode.Jmp, decode.Call:
				ta := in.Target(d.addr(i))
				if ta == 0 {
					break // a weak symbol that is not there
				}
				t, ok := d.index(ta)
				if !ok || !d.mayArrive(t) {
					return false
				}
				if in.Class == decode.Call {
					if d.heads.get(t) && d.start.get(t) {
						c.ties++
					}
					break
				}
				if d.start.get(t) {
					if d.journalless(t) {
						c.ties++
					}
				} else {
					d.work = append(d.work, t)
				}
			}
			if !in.FallsThrough() {
				c.ends++
				break
			}
			if d.region(i) != d.region(min(next, d.size()-1)) || next >= d.size() {
				if in.Class == decode.Call || in.Class == decode.CallInd {
					c.ends++
					break
				}
				return false
			}
			call := in.Class == decode.Call || in.Class == decode.CallInd
			if call && !through || in.Class == decode.Int3 || in.Class == decode.IntN {
				// emit queues what is behind.
				c.ends++
				break
			}
			if next >= limit {
				_, limit = d.trusted(next)
			}
			i = next
		}
	}
	return true
}

// journalless tells whether the proven start t was proven before this trial.
func (d *discovery) journalless(t int) bool {
	for k := len(d.journal) - 1; k >= 0 && k >= len(d.journal)-64; k-- {
		if d.journal[k].at == t {
			return false
		}
	}
	return len(d.journal) <= 64
}

// mayArrive tells whether a direct branch may go to bit t.
func (d *discovery) mayArrive(t int) bool {
	if d.data.get(t) {
		return false
	}
	return !d.cover.get(t) || d.start.get(t) || d.insidePrefix(t)
}

// emit draws the conclusions from a proven instruction: where it goes and
// what it names.
func (d *discovery) emit(i int, in *decode.Inst, strong bool) {
	a := d.addr(i)
	next := i + int(in.Len)
	switch in.Class {
	case decode.Jcc, decode.Jmp:
		t, ok := d.index(in.Target(a))
		if !ok || d.data.get(t) {
			break
		}
		d.targets.set(t)
		d.link(i, t, in.Class == decode.Jcc)
		if !d.cover.get(t) {
			d.queue(t, strong)
		}
	case decode.Call:
		if d.region(i) == d.region(min(next, d.size()-1)) && next < d.size() {
			d.targets.set(next)
		}
		ta := in.Target(a)
		t, ok := d.index(ta)
		if !ok || d.data.get(t) {
			break
		}
		if ta == a+uint64(in.Len) { // call of the next instruction: reads the PC
			d.targets.set(t)
			d.queue(t, strong)
			break
		}
		d.targets.set(t)
		if strong {
			d.head(t)
		} else if !d.cover.get(t) {
			d.soft = append(d.soft, t)
		} else if d.start.get(t) {
			d.heads.set(t)
		}
		if d.arch == image.I386 && d.got == 0 && next < d.size() {
			d.learnGOT(t, next)
		}
		if !strong {
			d.behindCall(a, in, next)
		}
	case decode.CallInd:
		if next < d.size() {
			d.targets.set(next)
		}
		if !strong {
			d.behindCall(a, in, next)
		}
	case decode.Int3, decode.IntN:
		if !strong && next < d.size() {
			d.soft = append(d.soft, next)
		}
	case decode.JmpInd:
		d.inds = append(d.inds, indirect{at: i})
	}
	d.names(i, a, in)
}

func (d *discovery) behindCall(a uint64, in *decode.Inst, next int) {
	if next >= d.size() || d.cover.get(next) {
		return
	}
	if in.Class == decode.Call {
		if _, no := d.noReturn[in.Target(a)]; no {
			return
		}
	}
	d.soft = append(d.soft, next)
}

func (d *discovery) queue(t int, strong bool) {
	if strong {
		d.strong = append(d.strong, t)
	} else {
		d.soft = append(d.soft, t)
	}
}

// link joins the trusted functions around a jump that no tail call makes: one
// into the interior, or a conditional one.
func (d *discovery) link(i, t int, conditional bool) {
	if len(d.trust) == 0 {
		return
	}
	f, _ := d.trusted(i)
	if f < 0 || t >= d.trust[f].start && t < d.trust[f].end {
		return
	}
	g, _ := d.trusted(t)
	if g >= 0 && (conditional || d.trust[g].start != t) {
		d.union(f, g)
	}
}

// learnGOT recognises `call get_pc; add $imm, %reg`, from which position
// independent IA-32 code has the address of its GOT.
func (d *discovery) learnGOT(callee, next int) {
	b := d.tail(callee)
	if len(b) < 4 || b[0] != 0x8b || b[1]&0xc7 != 4 || b[2] != 0x24 || b[3] != 0xc3 {
		return
	}
	reg := b[1] >> 3 & 7
	switch b := d.tail(next); {
	case len(b) >= 6 && b[0] == 0x81 && b[1] == 0xc0|reg:
		d.got = uint64(uint32(d.addr(next)) + binary.LittleEndian.Uint32(b[2:]))
	case len(b) >= 5 && b[0] == 0x05 && reg == 0:
		d.got = uint64(uint32(d.addr(next)) + binary.LittleEndian.Uint32(b[1:]))
	}
}

// names finds the addresses that an instruction makes: immediates and leas.
func (d *discovery) names(i int, a uint64, in *decode.Inst) {
	b := d.tail(i)
	if in.RelLen == 0 {
		switch {
		case in.ImmLen == 4 && int(in.ImmOff)+4 <= len(b):
			v := binary.LittleEndian.Uint32(b[in.ImmOff:])
			if d.relocatable { // an offset from the GOT at most
				if d.mode == decode.Mode32 && d.got != 0 {
					d.candidate(uint64(uint32(d.got) + v))
				}
			} else if d.mode == decode.Mode64 {
				d.candidate(uint64(int64(int32(v))))
			} else {
				d.candidate(uint64(v))
			}
		case in.ImmLen == 8 && int(in.ImmOff)+8 <= len(b) && !d.relocatable:
			d.candidate(binary.LittleEndian.Uint64(b[in.ImmOff:]))
		}
	}
	if in.Enc == decode.Legacy && in.Map == decode.MapOneByte && in.Opcode == 0x8d && in.DispLen == 4 && int(in.DispOff)+4 <= len(b) {
		v := binary.LittleEndian.Uint32(b[in.DispOff:])
		switch {
		case in.RIPRel:
			d.candidate(a + uint64(in.Len) + uint64(int64(int32(v))))
		case d.mode == decode.Mode64:
			if !d.relocatable {
				d.candidate(uint64(int64(int32(v))))
			}
		default:
			if !d.relocatable {
				d.candidate(uint64(v))
			}
			if d.got != 0 {
				d.candidate(uint64(uint32(d.got) + v))
			}
		}
	}
}

// implausible tells whether an instruction, valid as it is, is hardly ever
// written by a compiler or in a library: in a trial it says that the bytes are
// data.
func (d *discovery) implausible(i int, in *decode.Inst) bool {
	switch in.Class {
	case decode.FarJmp, decode.FarCall, decode.FarRet:
		return true
	case decode.IntN: // Go ends what must not return with int $3
		b := d.tail(i)
		return len(b) < 2 || b[0] != 0xcd || b[1] != 3
	case decode.Jcc:
		return in.Prefix&(decode.OpSize66|decode.AddrSize67|decode.Lock) != 0
	}
	if in.Enc != decode.Legacy {
		return false
	}
	m32 := d.mode == decode.Mode32
	nop := in.Map == decode.Map0F && in.Opcode == 0x1f
	if in.Seg != decode.NoSeg && in.Seg != decode.FS && in.Seg != decode.GS && !nop &&
		in.Class != decode.JmpInd && in.Class != decode.CallInd && in.Class != decode.Jcc && in.Opcode != 0x90 {
		// cs in front of padding only; ds and es nowhere. String
		// instructions and lea in old padding take them too.
		if in.Opcode != 0x8d {
			return true
		}
	}
	switch in.Map {
	case decode.MapOneByte:
		switch op := in.Opcode; op {
		case 0x00, 0x02, 0x20, 0x22:
			b := d.tail(i)
			return op == 0 && in.HasModRM && in.ModRM == 0 && in.Len == 2 || len(b) > 1 && in.OpcodeOff == 0 && b[1] == op && op != 0
		case 0x06, 0x07, 0x0e, 0x16, 0x17, 0x1e, 0x1f, 0x27, 0x2f, 0x37, 0x3f, 0x60, 0x61, 0x63:
			return m32
		case 0x62, 0x6c, 0x6d, 0x6e, 0x6f, 0x82, 0x9a, 0xc4, 0xc5, 0xc8, 0xca, 0xcb, 0xce, 0xcf, 0xd4, 0xd5, 0xd6, 0xd7,
			0xe0, 0xe1, 0xe2, 0xe4, 0xe5, 0xe6, 0xe7, 0xec, 0xed, 0xee, 0xef, 0xf1, 0xfa, 0xfb:
			return true
		case 0x8e, 0x8c:
			return in.Sreg != decode.FS && in.Sreg != decode.GS
		case 0xa0, 0xa1, 0xa2, 0xa3:
			return !m32 && in.Seg == decode.NoSeg
		case 0xc6, 0xc7:
			return in.ModRM>>3&7 != 0 && in.ModRM != 0xf8
		}
	case decode.Map0F:
		switch in.Opcode {
		case 0x00, 0x02, 0x03, 0x06, 0x07, 0x08, 0x09, 0x20, 0x21, 0x22, 0x23, 0x30, 0x32, 0x33, 0x35, 0x37, 0xaa, 0xb2, 0xb9, 0xff:
			return true
		case 0x01:
			return in.MemOperand && in.ModRM>>6 != 3
		}
	}
	return false
}
