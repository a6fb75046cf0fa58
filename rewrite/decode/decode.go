package decode

const maxLen = 15

// Decode decodes the instruction at the start of code. It reads no more than 15 bytes and never past the instruction.
func Decode(code []byte, mode Mode) (in Inst, err error) {
	if err = in.decode(code, mode); err != nil {
		return Inst{}, err
	}
	return in, nil
}

// short is the answer when the bytes end before the instruction does.
func short(code []byte) error {
	if len(code) >= maxLen {
		return ErrInvalid
	}
	return ErrTruncated
}

func (i *Inst) decode(code []byte, mode Mode) error {
	t := tables32
	long := mode == Mode64
	if long {
		t = tables64
	} else if mode != Mode32 {
		return ErrInvalid
	}
	i.mode = mode
	if len(code) > maxLen {
		code = code[:maxLen]
	}

	// Prefixes. The last segment override and the last of f2 and f3 win; a REX counts only right before the opcode.
	var a attr
	p := 0
	for ; ; p++ {
		if p >= len(code) {
			return short(code)
		}
		a = t[0][code[p]]
		if a&aPrefix == 0 {
			break
		}
		i.prefix(code[p], uint8(p), long)
	}
	i.rex = i.REX & 15

	op := code[p]
	if a&aEscape != 0 {
		p++
		if op == 0x0f {
			if p >= len(code) {
				return short(code)
			}
			op = code[p]
			i.Map = Map0F
			if op == 0x38 || op == 0x3a {
				p++
				if p >= len(code) {
					return short(code)
				}
				i.Map = Map0F38
				if op == 0x3a {
					i.Map = Map0F3A
				}
				op = code[p]
			}
			a = t[i.Map][op]
		} else {
			if p >= len(code) {
				return short(code)
			}
			next := code[p]
			if op == 0x8f {
				if next&0x1f >= 8 {
					return i.vector(code, p, op)
				}
			} else if long || next >= 0xc0 {
				return i.vector(code, p, op)
			}
			p-- // pop, or bound, les and lds of 32-bit mode
			switch op {
			case 0x62:
				a = aModRM | aMem | aAnyPfx
			case 0x8f:
			default:
				a = aModRM | aMem | aAnyPfx | attr(spLoadFar)<<aSpecialShift
			}
		}
	}
	i.Opcode, i.OpcodeOff = op, uint8(p)
	p++

	mandatory := i.mandatory()
	if a&(aNP<<mandatory) == 0 {
		return ErrInvalid
	}
	i.attrs = a
	i.Class = Class(a >> aClassShift & 15)
	sp := special(a >> aSpecialShift & 31)
	if a&aModRM != 0 {
		if p = i.modrm(code, p, sp == spControl); p < 0 {
			return short(code)
		}
		if a&(aMem|aReg) != 0 && (a&aMem != 0) != i.MemOperand {
			return ErrInvalid
		}
	}
	if a&aString != 0 {
		i.StringOp, i.MemOperand = true, true
	}
	imm := immKind(a >> aImmShift & 15)
	if sp != spNone {
		var ok bool
		if imm, ok = i.special(sp, imm, mandatory); !ok {
			return ErrInvalid
		}
	}
	if i.Prefix&Lock != 0 && !i.lockable() {
		return ErrInvalid
	}
	if imm != immNone {
		if p = i.immediate(code, p, imm); p < 0 {
			return short(code)
		}
	}
	switch sp {
	case spInt:
		if code[p-1] == 0x80 {
			i.Class = Int80
		}
	case sp3DNow:
		if p >= len(code) {
			return short(code)
		}
		i.Map, i.Opcode, i.OpcodeOff = Map3DNow, code[p], uint8(p)
		if !is3DNow(code[p]) {
			return ErrInvalid
		}
		p++
	}
	if long && i.Prefix&OpSize66 != 0 && i.rex&8 == 0 && i.attrs&aNear != 0 {
		i.AmbiguousOpSize = true
	}
	i.Len = uint8(p)
	return nil
}

// prefix notes one prefix byte.
func (i *Inst) prefix(b, off uint8, long bool) {
	if b&0xf0 == 0x40 { // only in 64-bit mode
		i.REX, i.REXOff = b, off
		i.Prefix |= RexPresent
		return
	}
	i.REX = 0
	i.Prefix &^= RexPresent
	switch b {
	case 0x66:
		i.Prefix |= OpSize66
	case 0x67:
		i.Prefix |= AddrSize67
	case 0xf0:
		i.Prefix |= Lock
	case 0xf2:
		i.Prefix |= Repne | prefRepneLast
	case 0xf3:
		i.Prefix = i.Prefix&^prefRepneLast | Rep
	case 0x64, 0x65:
		i.Seg, i.SegOff = FS+Seg(b&1), off
	default: // 26, 2e, 36, 3e
		if !long {
			i.Seg, i.SegOff = ES+Seg(b>>3&3), off
		}
	}
}

// mandatory is the prefix that selects among SSE opcodes: 0 none, 1 66, 2 f3, 3 f2.
func (i *Inst) mandatory() uint8 {
	switch p := i.Prefix; {
	case p&(OpSize66|Rep|Repne) == 0:
		return 0
	case p&prefRepneLast != 0:
		return 3
	case p&Rep != 0:
		return 2
	}
	return 1
}

// modrm reads ModRM, SIB and displacement and gives the place behind them, or -1.
func (i *Inst) modrm(code []byte, p int, control bool) int {
	if p >= len(code) {
		return -1
	}
	b := code[p]
	i.HasModRM, i.ModRM, i.ModRMOff = true, b, uint8(p)
	p++
	if b >= 0xc0 || control {
		return p
	}
	i.MemOperand = true
	disp := 0
	switch b >> 6 {
	case 1:
		disp = 1
	case 2:
		disp = 4
	}
	if i.mode == Mode32 && i.Prefix&AddrSize67 != 0 {
		if disp == 4 || b&0xc7 == 6 {
			disp = 2
		}
	} else if b&7 == 4 {
		if p >= len(code) {
			return -1
		}
		i.HasSIB, i.SIB = true, code[p]
		if b < 0x40 && code[p]&7 == 5 {
			disp = 4
		}
		p++
	} else if b&0xc7 == 5 {
		disp = 4
		if i.mode == Mode64 {
			i.RIPRel, i.PCRel = true, true
		}
	}
	if disp != 0 {
		i.DispOff, i.DispLen = uint8(p), uint8(disp)
		if p += disp; p > len(code) {
			return -1
		}
	}
	return p
}

// immediate reads what stands behind the operands and gives the place behind it, or -1.
func (i *Inst) immediate(code []byte, p int, kind immKind) int {
	short := i.Prefix&OpSize66 != 0 && i.rex&8 == 0
	n := 0
	switch kind {
	case imm8, immRel8:
		n = 1
	case imm16, imm8x8:
		n = 2
	case imm16x8:
		n = 3
	case imm32:
		n = 4
	case immZ:
		if n = 4; short {
			n = 2
		}
	case immRelZ:
		if n = 4; short && (i.mode == Mode32 || i.Opcode == 0xc7 && i.Map == MapOneByte) {
			n = 2
		}
	case immV:
		switch {
		case i.rex&8 != 0:
			n = 8
		case short:
			n = 2
		default:
			n = 4
		}
	case immFar:
		if n = 6; short {
			n = 4
		}
	case immMoffs:
		n = i.EffectiveAddrSize() / 8
	}
	end := p + n
	if end > len(code) {
		return -1
	}
	switch kind {
	case immMoffs:
		i.Moffs, i.MemOperand = true, true
		i.DispOff, i.DispLen = uint8(p), uint8(n)
	case immRel8, immRelZ:
		i.PCRel = true
		i.RelOff, i.RelLen = uint8(p), uint8(n)
		switch n {
		case 1:
			i.Rel = int32(int8(code[p]))
		case 2:
			i.Rel = int32(int16(uint16(code[p]) | uint16(code[p+1])<<8))
		default:
			i.Rel = int32(uint32(code[p]) | uint32(code[p+1])<<8 | uint32(code[p+2])<<16 | uint32(code[p+3])<<24)
		}
	default:
		i.ImmOff, i.ImmLen = uint8(p), uint8(n)
	}
	return end
}

// lockable says whether an instruction with LOCK exists; its opcode has aLock.
func (i *Inst) lockable() bool {
	if i.attrs&aLock == 0 || !i.MemOperand {
		return false
	}
	reg := i.ModRM >> 3 & 7
	switch i.Map {
	case MapOneByte:
		switch i.Opcode {
		case 0x80, 0x81, 0x82, 0x83:
			return reg != 7
		case 0xf6, 0xf7:
			return reg == 2 || reg == 3
		case 0xfe, 0xff:
			return reg < 2
		}
	case Map0F:
		switch i.Opcode {
		case 0xba:
			return reg >= 5
		case 0xc7:
			return reg == 1
		}
	}
	return true
}

// vector decodes what follows the first byte of VEX, EVEX or XOP; p is the second byte.
func (i *Inst) vector(code []byte, p int, first byte) error {
	if i.Prefix&(OpSize66|Rep|Repne|Lock|RexPresent) != 0 {
		return ErrInvalid
	}
	long := i.mode == Mode64
	var maps *[11]vectorTable
	var b1, b2, form byte // b1: RXB and map, b2: W, vvvv, L, pp
	b1 = code[p]
	switch first {
	case 0xc5:
		i.Enc, maps = VEX2, vexMaps
		b1, b2 = b1&0x80|0x61, b1&0x7f
		p++
	case 0x62:
		i.Enc, maps = EVEX, evexMaps
		if b1&8 != 0 || b1&7 == 0 {
			return ErrInvalid
		}
		if p+2 >= len(code) {
			if p+1 < len(code) && code[p+1]&4 == 0 {
				return ErrInvalid
			}
			return short(code)
		}
		if b2 = code[p+1]; b2&4 == 0 {
			return ErrInvalid
		}
		b1 &= 0xe7
		p += 3
	default:
		i.Enc, maps = VEX3, vexMaps
		if first == 0x8f {
			i.Enc, maps = XOP, xopMaps
		}
		if p+1 >= len(code) {
			return short(code)
		}
		b2 = code[p+1]
		p += 2
	}
	if p >= len(code) {
		return short(code)
	}
	op := code[p]
	i.Map = b1 & 0x1f
	if i.Enc == EVEX {
		i.Map = b1 & 7
	}
	if int(i.Map) >= len(maps) {
		return ErrInvalid
	}
	pp := b2 & 3
	v := maps[i.Map][pp][op]
	if v == 0 {
		return ErrInvalid
	}
	i.Opcode, i.OpcodeOff = op, uint8(p)
	i.vvvv = ^b2 >> 3 & 15
	i.rex = ^b1>>5&7 | b2>>7<<3
	if !long { // B, X, R and the top bit of vvvv mean nothing there
		i.vvvv &= 7
		i.rex = 0
	}
	unused := b2>>3&15 == 15 || !long && b2>>3&7 == 7
	p++

	form = b2 >> 7 << 1 // W
	imm := i.vectorImm()
	if i.Enc != EVEX {
		form |= b2 >> 2 & 1
	}
	if i.Enc <= VEX3 && i.Map == Map0F && op == 0x77 { // vzeroupper, vzeroall
		if !unused || v>>form&1 == 0 {
			return ErrInvalid
		}
		i.Len = uint8(p)
		return nil
	}

	if p = i.modrm(code, p, false); p < 0 {
		return short(code)
	}
	reg := i.ModRM >> 3 & 7
	if !i.MemOperand {
		form |= 4
		reg |= 8
	}
	if i.Enc == EVEX {
		b3 := code[i.OpcodeOff-1]
		form |= b3 >> 4 & 1
		switch {
		case b3&0x60 == 0x60 && (b3&0x10 == 0 || i.MemOperand): // a vector length of 3 is a rounding mode
			return ErrInvalid
		case b3&0x87 == 0x80: // zeroing without a mask
			return ErrInvalid
		case v&vNoMask != 0 && b3&0x87 != 0, v&vMask != 0 && b3&7 == 0:
			return ErrInvalid
		case (b3&0x10 == 0 || i.MemOperand) && v>>vLenShift>>(b3>>5&3)&1 == 0:
			return ErrInvalid
		}
	}
	if i.MemOperand && op&^1 == 0x10 && pp >= 2 && !unused { // vmovss, vmovsd, vmovsh: only the register form has three operands
		return ErrInvalid
	}
	if v>>form&1 == 0 || v>>8>>reg&1 == 0 || v&vUnused != 0 && !unused {
		return ErrInvalid
	}
	if i.Enc == EVEX && i.Map == Map0F && (op == 0x72 && b2&0x80 != 0 && reg&3 == 2 || op == 0x73 && b2&0x80 == 0 && reg&3 == 2) {
		return ErrInvalid // vpsrld, vpslld have W0, vpsrlq, vpsllq W1
	}
	if i.Map == Map6 && op&^0x81 == 0x56 && pp >= 2 && !i.distinct(code[i.OpcodeOff-3], b2, code[i.OpcodeOff-1]) {
		return ErrInvalid
	}
	if i.Map == Map0F38 {
		if ok := i.tileOrGather(op, code[i.OpcodeOff-3], code[i.OpcodeOff-1]); !ok {
			return ErrInvalid
		}
	}
	if i.Map == Map0F && op == 0xf7 && i.Enc != EVEX {
		i.StringOp, i.MemOperand = true, true // vmaskmovdqu
	}
	if imm != immNone {
		if p = i.immediate(code, p, imm); p < 0 {
			return short(code)
		}
	}
	i.Len = uint8(p)
	return nil
}

func (i *Inst) vectorImm() immKind {
	switch i.Map {
	case Map0F:
		switch i.Opcode {
		case 0x70, 0x71, 0x72, 0x73, 0xc2, 0xc4, 0xc5, 0xc6:
			return imm8
		}
	case Map0F3A, MapXOP8:
		return imm8
	case MapXOPA:
		return imm32
	}
	return immNone
}

// tileOrGather checks instructions of map 2 that need a SIB byte, different registers or a zero in ModRM.rm, and marks vector indexes; p0
// and p2 are EVEX's first and third payload bytes.
func (i *Inst) tileOrGather(op, p0, p2 uint8) bool {
	switch {
	case i.Enc == EVEX && (op >= 0xa0 && op <= 0xa3 || op == 0xc6 || op == 0xc7), op >= 0x90 && op <= 0x93:
		i.VSIB = i.HasSIB
		if !i.HasSIB {
			return false
		}
		if i.Enc == EVEX { // gathers: another register than the index; R', R, reg and V', X, index, inverted
			reg, index := p0&0x10|p0>>4&8|^i.ModRM>>3&7, p2<<1&0x10|p0>>3&8|^i.SIB>>3&7
			if i.mode == Mode32 {
				reg, index = reg&7, index&7
			}
			return op > 0x93 || reg != index
		}
		reg, index := i.ModRM>>3&7|i.rex&4<<1, i.SIB>>3&7|i.rex&2<<2
		return reg != index && reg != i.vvvv && index != i.vvvv
	case i.Enc == EVEX:
	case op == 0x5c || op == 0x5e || op == 0x6c: // three different tiles
		reg, rm := i.ModRM>>3&7, i.ModRM&7
		return i.mode == Mode64 && reg != rm && reg != i.vvvv && rm != i.vvvv
	case (op == 0x49 || op == 0x4b) && i.mode == Mode32:
		return false
	case op >= 0xe0 && op <= 0xef: // CMPccXADD
		return i.mode == Mode64
	case op == 0x4b: // tileloadd, tilestored: the index register is a stride
		return i.HasSIB
	case op == 0x49 && !i.MemOperand:
		return i.ModRM&7 == 0
	}
	return true
}

// distinct says whether the destination of a complex FP16 multiplication is another register than its sources, as it must be; p0, p1 and
// p2 are EVEX's payload bytes. Registers are compared as they are encoded, inverted.
func (i *Inst) distinct(p0, p1, p2 uint8) bool {
	width := uint8(31)
	if i.mode == Mode32 {
		width = 7
	}
	reg := (p0&0x10 | p0>>4&8 | ^i.ModRM>>3&7) & width
	vvvv := (p2<<1&0x10 | p1>>3&15) & width
	rm := (p0>>2&0x18 | ^i.ModRM&7) & width
	return reg != vvvv && (i.MemOperand || reg != rm)
}
